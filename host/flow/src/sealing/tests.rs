use super::*;

/// Randomness that tells where it was used: 1, 2, 3, ...
struct Counting(std::sync::atomic::AtomicU8);

impl Random for Counting {
    fn fill(&self, target: &mut [u8]) {
        let value = self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        target.fill(value);
    }
}

fn random() -> Counting {
    Counting(1.into())
}

fn tenant() -> TenantId {
    TenantId::parse("opera").unwrap()
}

fn pass(text: &str) -> PassId {
    PassId::parse(text).unwrap()
}

fn keys() -> TenantKeys {
    TenantKeys::derive(&[7; 32])
}

#[test]
fn hmac_is_that_of_rfc_4231_for_short_and_for_long_keys() {
    assert_eq!(
        hex::encode(hmac_sha256(b"Jefe", b"what do ya want for nothing?")),
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    );
    // 131 bytes: longer than a block, so hashed first.
    assert_eq!(
        hex::encode(hmac_sha256(&[0xaa; 131], b"Test Using Larger Than Block-Size Key - Hash Key First")),
        "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"
    );
}

#[test]
fn derivation_is_the_first_block_of_hkdf_expand() {
    // RFC 5869, test case 1. Its `info` is no text, so the block is written out as `expand` does it.
    let prk = hex::decode("077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5").unwrap();
    let info = hex::decode("f0f1f2f3f4f5f6f7f8f9").unwrap();
    assert_eq!(
        hex::encode(hmac_sha256(&prk, &[info.as_slice(), &[1]].concat())),
        "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf"
    );
    let key = [9; 32];
    assert_eq!(*expand(&key, "label"), hmac_sha256(&key, b"label\x01"));
}

#[test]
fn the_cipher_is_xchacha20_poly1305_of_the_draft() {
    // draft-irtf-cfrg-xchacha-03, A.3.1.
    let key: [u8; 32] =
        hex::decode("808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f").unwrap().try_into().unwrap();
    let nonce: [u8; 24] = hex::decode("404142434445464748494a4b4c4d4e4f5051525354555657").unwrap().try_into().unwrap();
    let aad = hex::decode("50515253c0c1c2c3c4c5c6c7").unwrap();
    let plain: &[u8] = b"Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen would be it.";
    let sealed = encrypt(&key, &nonce, &aad, plain).unwrap();
    assert_eq!(hex::encode(&sealed[sealed.len() - 16..]), "c0875924c1c7987947deafd8780acf49");
    assert_eq!(hex::encode(&sealed[..16]), "bd6d179d3e83d43b9576579493c0e939");
    assert_eq!(decrypt(&key, &nonce, &aad, &sealed).unwrap().as_slice(), plain);
}

#[test]
fn keys_differ_from_each_other_and_from_another_tenants() {
    let (ours, theirs) = (keys(), TenantKeys::derive(&[8; 32]));
    let all = [&ours.mac, &ours.wrapping, &ours.apple, &ours.link, &theirs.mac, &theirs.wrapping];
    for (i, one) in all.iter().enumerate() {
        assert!(all.iter().skip(i + 1).all(|other| one != other));
    }
    assert_eq!(ours.fingerprint().len(), 8);
    assert_ne!(ours.fingerprint(), theirs.fingerprint());
}

#[test]
fn a_mac_tells_labels_and_the_borders_of_its_parts_apart() {
    let keys = keys();
    let mac = keys.mac("order-token", &[b"ab", b"c"]);
    assert_eq!(mac.len(), 64);
    assert_eq!(mac, keys.mac("order-token", &[b"ab", b"c"]));
    for other in [
        keys.mac("order-token", &[b"a", b"bc"]),
        keys.mac("order-token", &[b"abc"]),
        keys.mac("order-token", &[b"ab", b"c", b""]),
        keys.mac("device", &[b"ab", b"c"]),
    ] {
        assert_ne!(mac, other);
    }
}

#[test]
fn a_sealed_part_opens_in_its_place_and_nowhere_else() {
    let (keys, tenant) = (keys(), tenant());
    let data_key = keys.new_data_key(&random(), &tenant, "performance:1", 5).unwrap();
    let place = ["sealed_part", "opera", "A"];
    let sealed = keys.seal(&tenant, &data_key, [3; 24], &place, b"Ada").unwrap();
    assert_eq!(sealed.data_key, "performance:1");
    assert!(!sealed.body.windows(3).any(|window| window == b"Ada"));
    assert_eq!(keys.open(&tenant, &data_key, &sealed, &place).unwrap().as_slice(), b"Ada");

    for moved in [["sealed_part", "opera", "B"], ["sealed_part", "other", "A"], ["sealed_part", "oper", "aA"]] {
        assert_eq!(keys.open(&tenant, &data_key, &sealed, &moved), Err(SealError::Forged));
    }
    let mut changed = sealed.clone();
    changed.body[0] ^= 1;
    assert_eq!(keys.open(&tenant, &data_key, &changed, &place), Err(SealError::Forged));
    let mut short = sealed.clone();
    short.nonce.pop();
    assert_eq!(keys.open(&tenant, &data_key, &short, &place), Err(SealError::Form));
    let other = keys.new_data_key(&random(), &tenant, "performance:2", 5).unwrap();
    assert_eq!(keys.open(&tenant, &other, &sealed, &place), Err(SealError::Forged));
}

#[test]
fn a_wrapped_data_key_belongs_to_one_tenant_one_group_and_one_key() {
    let (keys, tenant) = (keys(), tenant());
    let data_key = keys.new_data_key(&random(), &tenant, "performance:1", 5).unwrap();
    let seal = |keys: &TenantKeys, tenant: &TenantId, data_key: &DataKey| {
        keys.seal(tenant, data_key, [3; 24], &["x"], b"Ada").map(|_| ())
    };
    assert_eq!(seal(&keys, &tenant, &data_key), Ok(()));
    let elsewhere = TenantId::parse("other").unwrap();
    assert_eq!(seal(&keys, &elsewhere, &data_key), Err(SealError::Forged));
    let renamed = DataKey { id: "performance:2".into(), ..data_key.clone() };
    assert_eq!(seal(&keys, &tenant, &renamed), Err(SealError::Forged));
    let exchanged = TenantKeys::derive(&[8; 32]);
    assert_eq!(seal(&exchanged, &tenant, &data_key), Err(SealError::OtherKey(keys.fingerprint().to_owned())));
    let cut = DataKey { wrapped: vec![VERSION; 10], ..data_key };
    assert_eq!(seal(&keys, &tenant, &cut), Err(SealError::Form));
}

#[test]
fn a_small_value_carries_its_version_and_its_nonce() {
    let keys = keys();
    let place = ["task", "opera", "mac"];
    let sealed = keys.seal_small(&random(), &place, b"9f3c0c7e5b").unwrap();
    assert_eq!(sealed.len(), 1 + 24 + 10 + 16);
    assert_eq!(sealed[..25], [&[1_u8][..], &[1; 24]].concat());
    assert_eq!(keys.open_small(&sealed, &place).unwrap().as_slice(), b"9f3c0c7e5b");
    assert_eq!(keys.open_small(&sealed, &["task", "opera", "other"]), Err(SealError::Forged));
    assert_eq!(keys.open_small(&sealed[..20], &place), Err(SealError::Form));
    assert_eq!(keys.open_small(&[], &place), Err(SealError::Form));
    let mut later = sealed.clone();
    later[0] = 2;
    assert_eq!(keys.open_small(&later, &place), Err(SealError::Form));
}

#[test]
fn a_small_value_does_not_pass_for_a_wrapped_key() {
    let (keys, tenant) = (keys(), tenant());
    let wrapped = keys.seal_small(&random(), &["opera", "performance:1"], &[0; 32]).unwrap();
    let forged = DataKey { id: "performance:1".into(), wrapped, wrapped_by: keys.fingerprint().into(), erase_at: 0 };
    assert_eq!(keys.seal(&tenant, &forged, [3; 24], &["x"], b"Ada").map(|_| ()), Err(SealError::Forged));
}

#[test]
fn tokens_are_stable_and_belong_to_one_pass_and_one_use() {
    let (keys, tenant) = (keys(), tenant());
    let (a, b) = (pass("AAAAAAAAAAAAAAAA"), pass("AAAAAAAAAAAAAAAB"));
    assert_eq!(keys.apple_token(&tenant, &a), TenantKeys::derive(&[7; 32]).apple_token(&tenant, &a));
    assert_eq!(keys.apple_token(&tenant, &a).len(), 32);
    assert_eq!(keys.link_token(&tenant, &a).len(), 22);

    let token = keys.apple_token(&tenant, &a);
    assert!(keys.verify_apple(&tenant, &a, &token));
    assert!(!keys.verify_apple(&tenant, &b, &token));
    assert!(!keys.verify_apple(&tenant, &a, &token[..31]));
    assert!(!keys.verify_apple(&tenant, &a, ""));
    let link = keys.link_token(&tenant, &a);
    assert!(keys.verify_link(&tenant, &a, &link));
    assert!(!keys.verify_link(&tenant, &b, &link));
    assert!(!keys.verify_link(&TenantId::parse("other").unwrap(), &a, &link));
    assert!(!keys.verify_apple(&tenant, &a, &link));
    assert!(!token.starts_with(&link));
}
