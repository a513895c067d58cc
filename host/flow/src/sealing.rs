//! Sealing: the tenant's derived keys, and everything that is encrypted or authenticated with them.
//!
//! Owns key derivation, MACs, data keys, sealed values, and the two tokens that are derived instead of stored. Does not own where a
//! sealed value is kept (`store`) nor what is in it (`parts`, `notification`).
//!
//! Bounded by the tenant's one secret, `seal_key`: who has it reads and forges everything of that tenant and nothing of another. Exchanging
//! it loses what is sealed, and the tokens of installed passes with it.
//!
//! Threats that this file answers: a store or backup that is read (nothing in it opens without the key, and a deleted data key is an
//! erasure); a store that is written (a sealed value opens only in its own place, so rows cannot be swapped); low-entropy data behind a
//! digest (MACs instead of hashes). It hides neither the length of a value nor that two MACs under one label are equal.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::identity::{Millis, PassId, TenantId};
use crate::ports::Random;
use crate::store::{DataKey, Sealed};

/// Bytes of every key here: XChaCha20-Poly1305's and HMAC-SHA256's.
const KEY: usize = 32;
/// Bytes of an XChaCha20 nonce. Long enough to be drawn at random for ever: 2^80 values for a collision chance of 2^-32.
const NONCE: usize = 24;
/// Bytes of a SHA-256 block, to which HMAC pads its key (RFC 2104).
const BLOCK: usize = 64;
/// First byte of what stands alone in one column, so that a later cipher can be told from this one.
const VERSION: u8 = 1;
/// Bytes of a link's proof: 128 bits cannot be guessed over a network, and a link stays short.
const LINK_TOKEN: usize = 16;
/// Bytes of Apple's `authenticationToken`: 32 characters as base64url, where Apple asks for 16 at least.
const APPLE_TOKEN: usize = 24;
/// Bytes of a key's fingerprint (8 hex digits): it tells the few keys of one tenant apart, no more.
const FINGERPRINT: usize = 4;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// The cipher ends at 256 GiB; nothing here comes near.
    #[error("the value is too long to be sealed")]
    TooLong,
    #[error("what is sealed is cut short or of an unknown version")]
    Form,
    /// The fingerprint of the key that it is under.
    #[error("sealed under the key {0}, which is not the tenant's")]
    OtherKey(String),
    #[error("what is sealed does not open: changed, moved from another place, or under another key")]
    Forged,
}

type Key = Zeroizing<[u8; KEY]>;

/// The keys of one tenant, derived from its `seal_key`. Cheap: five HMACs. Has no `Debug`, and forgets its keys when dropped.
pub struct TenantKeys {
    mac: Key,
    wrapping: Key,
    apple: Key,
    link: Key,
    fingerprint: String,
}

/// What a ciphertext is, beside where it is kept: the same key wraps data keys and seals small values, and neither passes for the other.
#[derive(Clone, Copy)]
enum Domain {
    WrappedKey,
    Small,
    Part,
}

impl TenantKeys {
    /// HKDF-Expand (RFC 5869) with a label per key. Extract is left out: `seal_key` is 32 uniformly random bytes already.
    pub fn derive(seal_key: &[u8; KEY]) -> Self {
        let fingerprint = expand(seal_key, "passerelle/v1/fingerprint");
        Self {
            mac: expand(seal_key, "passerelle/v1/mac"),
            wrapping: expand(seal_key, "passerelle/v1/wrapping"),
            apple: expand(seal_key, "passerelle/v1/apple-token"),
            link: expand(seal_key, "passerelle/v1/link"),
            fingerprint: hex::encode(fingerprint.get(..FINGERPRINT).unwrap_or_default()),
        }
    }

    /// Names the key without telling it: what `DataKey::wrapped_by` holds.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// HMAC-SHA256 in hex over the label and the parts, each with its length: no two lists of parts give the same text, and a MAC
    /// under one label says nothing about another.
    pub fn mac(&self, label: &str, parts: &[&[u8]]) -> String {
        hex::encode(tagged(&self.mac, label, parts))
    }

    /// A new data key for a retention group, wrapped. Offer it to `Store::data_key`, which keeps the group's first one.
    pub fn new_data_key(
        &self,
        random: &impl Random,
        tenant: &TenantId,
        id: &str,
        erase_at: Millis,
    ) -> Result<DataKey, SealError> {
        let mut key: Key = Zeroizing::new([0; KEY]);
        random.fill(&mut *key);
        let place = associated(Domain::WrappedKey, &[tenant.as_str(), id]);
        Ok(DataKey {
            id: id.to_owned(),
            wrapped: pack(&self.wrapping, random.bytes(), &place, &*key)?,
            wrapped_by: self.fingerprint.clone(),
            erase_at,
        })
    }

    /// Seals a value under a data key. `place` says where it is kept (table, tenant, key of the row): it opens nowhere else.
    /// The nonce comes from the host's randomness, fresh for each call.
    pub fn seal(
        &self,
        tenant: &TenantId,
        data_key: &DataKey,
        nonce: [u8; NONCE],
        place: &[&str],
        plaintext: &[u8],
    ) -> Result<Sealed, SealError> {
        let key = self.unwrap_key(tenant, data_key)?;
        let body = encrypt(&key, &nonce, &associated(Domain::Part, place), plaintext)?;
        Ok(Sealed { data_key: data_key.id.clone(), nonce: nonce.to_vec(), body })
    }

    /// Opens what [`TenantKeys::seal`] sealed under this data key, in this place.
    pub fn open(
        &self,
        tenant: &TenantId,
        data_key: &DataKey,
        sealed: &Sealed,
        place: &[&str],
    ) -> Result<Zeroizing<Vec<u8>>, SealError> {
        if sealed.data_key != data_key.id {
            return Err(SealError::Forged);
        }
        let key = self.unwrap_key(tenant, data_key)?;
        let nonce = sealed.nonce.as_slice().try_into().map_err(|_| SealError::Form)?;
        decrypt(&key, nonce, &associated(Domain::Part, place), &sealed.body)
    }

    /// Seals a small value that stands alone (an order token, a push token) under the tenant's wrapping key, in one run of bytes.
    pub fn seal_small(&self, random: &impl Random, place: &[&str], plaintext: &[u8]) -> Result<Vec<u8>, SealError> {
        pack(&self.wrapping, random.bytes(), &associated(Domain::Small, place), plaintext)
    }

    /// Opens what [`TenantKeys::seal_small`] sealed in this place.
    pub fn open_small(&self, sealed: &[u8], place: &[&str]) -> Result<Zeroizing<Vec<u8>>, SealError> {
        unpack(&self.wrapping, sealed, &associated(Domain::Small, place))
    }

    /// The proof that a link to a pass carries. Derived, so a link needs no row and stays valid as long as the pass.
    pub fn link_token(&self, tenant: &TenantId, pass: &PassId) -> String {
        token::<LINK_TOKEN>(&self.link, tenant, pass)
    }

    /// In constant time.
    pub fn verify_link(&self, tenant: &TenantId, pass: &PassId, given: &str) -> bool {
        equal(&self.link_token(tenant, pass), given)
    }

    /// The proof of a link to all passes of a file.
    pub fn order_token(&self, tenant: &TenantId, file: &str) -> String {
        self.mac("order-link", &[tenant.as_str().as_bytes(), file.as_bytes()])
    }

    /// In constant time.
    pub fn verify_order(&self, tenant: &TenantId, file: &str, given: &str) -> bool {
        equal(&self.order_token(tenant, file), given)
    }

    /// Apple's `authenticationToken` of a pass. Must never change while the pass is installed: it depends on nothing but the tenant's key
    /// and the two names.
    pub fn apple_token(&self, tenant: &TenantId, pass: &PassId) -> String {
        token::<APPLE_TOKEN>(&self.apple, tenant, pass)
    }

    /// In constant time.
    pub fn verify_apple(&self, tenant: &TenantId, pass: &PassId, given: &str) -> bool {
        equal(&self.apple_token(tenant, pass), given)
    }

    fn unwrap_key(&self, tenant: &TenantId, data_key: &DataKey) -> Result<Key, SealError> {
        if data_key.wrapped_by != self.fingerprint {
            return Err(SealError::OtherKey(data_key.wrapped_by.clone()));
        }
        let place = associated(Domain::WrappedKey, &[tenant.as_str(), &data_key.id]);
        let bytes = unpack(&self.wrapping, &data_key.wrapped, &place)?;
        let mut key: Key = Zeroizing::new([0; KEY]);
        if bytes.len() != KEY {
            return Err(SealError::Form);
        }
        key.copy_from_slice(&bytes);
        Ok(key)
    }
}

/// HMAC-SHA256 under a key of any length.
///
/// RFC 2104: a key longer than a block is hashed, a shorter one padded with zeros. Done here, because from a whole block the constructor
/// cannot fail.
fn keyed(key: &[u8]) -> Hmac<Sha256> {
    let mut block = Zeroizing::new([0_u8; BLOCK]);
    if key.len() > BLOCK {
        block.iter_mut().zip(Sha256::digest(key)).for_each(|(to, from)| *to = from);
    } else {
        block.iter_mut().zip(key).for_each(|(to, from)| *to = *from);
    }
    <Hmac<Sha256> as hmac::KeyInit>::new((&*block).into())
}

/// HMAC-SHA256 of one message.
pub(crate) fn hmac_sha256(key: &[u8], message: &[u8]) -> [u8; 32] {
    keyed(key).chain_update(message).finalize().into_bytes().into()
}

/// The first block of HKDF-Expand with the label as `info`.
fn expand(key: &[u8; KEY], label: &str) -> Key {
    Zeroizing::new(hmac_sha256(key, &[label.as_bytes(), &[1]].concat()))
}

fn tagged(key: &Key, label: &str, parts: &[&[u8]]) -> [u8; 32] {
    let mut mac = keyed(&**key);
    for part in std::iter::once(label.as_bytes()).chain(parts.iter().copied()) {
        mac.update(&(part.len() as u64).to_be_bytes());
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

fn token<const N: usize>(key: &Key, tenant: &TenantId, pass: &PassId) -> String {
    let tag = tagged(key, "pass", &[tenant.as_str().as_bytes(), pass.as_str().as_bytes()]);
    URL_SAFE_NO_PAD.encode(tag.get(..N).unwrap_or_default())
}

/// The length is no secret; the rest is compared in constant time.
fn equal(expected: &str, given: &str) -> bool {
    expected.as_bytes().ct_eq(given.as_bytes()).into()
}

/// Associated data: the domain, then each part of the place with its length.
fn associated(domain: Domain, place: &[&str]) -> Vec<u8> {
    let mut data = vec![match domain {
        Domain::WrappedKey => 1,
        Domain::Small => 2,
        Domain::Part => 3,
    }];
    for part in place {
        data.extend_from_slice(&(part.len() as u64).to_be_bytes());
        data.extend_from_slice(part.as_bytes());
    }
    data
}

fn encrypt(key: &[u8; KEY], nonce: &[u8; NONCE], aad: &[u8], plaintext: &[u8]) -> Result<Vec<u8>, SealError> {
    XChaCha20Poly1305::new(key.into())
        .encrypt(<&XNonce>::from(nonce), Payload { msg: plaintext, aad })
        .map_err(|_| SealError::TooLong)
}

fn decrypt(
    key: &[u8; KEY],
    nonce: &[u8; NONCE],
    aad: &[u8],
    ciphertext: &[u8],
) -> Result<Zeroizing<Vec<u8>>, SealError> {
    XChaCha20Poly1305::new(key.into())
        .decrypt(<&XNonce>::from(nonce), Payload { msg: ciphertext, aad })
        .map(Zeroizing::new)
        .map_err(|_| SealError::Forged)
}

/// Version, nonce, ciphertext in one run of bytes.
fn pack(key: &[u8; KEY], nonce: [u8; NONCE], aad: &[u8], plaintext: &[u8]) -> Result<Vec<u8>, SealError> {
    let mut packed = vec![VERSION];
    packed.extend_from_slice(&nonce);
    packed.extend(encrypt(key, &nonce, aad, plaintext)?);
    Ok(packed)
}

fn unpack(key: &[u8; KEY], packed: &[u8], aad: &[u8]) -> Result<Zeroizing<Vec<u8>>, SealError> {
    let Some((&VERSION, rest)) = packed.split_first() else { return Err(SealError::Form) };
    let Some((nonce, ciphertext)) = rest.split_first_chunk::<NONCE>() else { return Err(SealError::Form) };
    decrypt(key, nonce, aad, ciphertext)
}

#[cfg(test)]
mod tests;
