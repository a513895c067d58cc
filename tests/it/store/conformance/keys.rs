//! Checks of data keys, erasure and API keys.

use super::*;

checks! {
    the_first_data_key_stays_and_the_later_end_wins,
    erasure_takes_the_key_and_what_it_sealed,
    a_part_under_an_erased_key_is_not_written,
    an_api_key_is_kept_listed_and_revoked,
}

pub async fn the_first_data_key_stays_and_the_later_end_wins<E: Engine>(engine: &E) {
    let store = engine.store();
    assert_eq!(store.data_key(&opera(), key("k", 100)).await.unwrap(), key("k", 100));
    let other = DataKey { wrapped: vec![9], wrapped_by: "k2".to_owned(), ..key("k", 200) };
    assert_eq!(store.data_key(&opera(), other.clone()).await.unwrap(), key("k", 200));
    assert_eq!(store.data_key(&opera(), key("k", 50)).await.unwrap(), key("k", 200));
    assert_eq!(store.data_key(&tenant(1), other.clone()).await.unwrap(), other);
}

pub async fn erasure_takes_the_key_and_what_it_sealed<E: Engine>(engine: &E) {
    let store = engine.store();
    store.data_key(&opera(), key("soon", 100)).await.unwrap();
    store.data_key(&opera(), key("late", 200)).await.unwrap();
    let with = |n, k| PassWrite { sealed: Some(sealed(k, 1)), ..new_pass(n, "file") };
    write(engine, 0, vec![with(0, "soon"), with(1, "late")], vec![]).await;
    assert_eq!(store.erase(erasure(99)).await.unwrap().keys, 0);
    assert_eq!(store.erase(erasure(100)).await.unwrap().keys, 1);
    assert_eq!(store.erase(erasure(100)).await.unwrap().keys, 0);
    let erased = store.pass(&opera(), &pass_id(0)).await.unwrap().unwrap().pass;
    assert_eq!((erased.sealed, erased.version), (None, 1), "the pass stays, what is personal goes");
    assert!(store.pass(&opera(), &pass_id(1)).await.unwrap().unwrap().pass.sealed.is_some());
    assert_eq!(engine.rows("SELECT pass FROM sealed_part").len(), 1);
    // A visit afterwards begins a new retention.
    store.data_key(&opera(), key("soon", 300)).await.unwrap();
    write(engine, 0, vec![PassWrite { expected: Some(1), ..with(0, "soon") }], vec![]).await;
    assert!(store.pass(&opera(), &pass_id(0)).await.unwrap().unwrap().pass.sealed.is_some());
}

pub async fn a_part_under_an_erased_key_is_not_written<E: Engine>(engine: &E) {
    let store = engine.store();
    store.data_key(&opera(), key("k", 100)).await.unwrap();
    store.data_key(&tenant(1), key("k", 900)).await.unwrap();
    let sealed = PassWrite { sealed: Some(sealed("k", 1)), ..new_pass(0, "file") };
    store.erase(erasure(100)).await.unwrap();
    assert_eq!(write(engine, 100, vec![sealed.clone()], vec![]).await, Finished::Conflict);
    store.data_key(&opera(), key("k", 200)).await.unwrap();
    assert_eq!(write(engine, 101, vec![sealed], vec![]).await, changed(&[(0, 1)]));
}

pub async fn an_api_key_is_kept_listed_and_revoked<E: Engine>(engine: &E) {
    let store = engine.store();
    let row = |id: &str, created_at| ApiKeyRow {
        id: id.to_owned(),
        tenant: opera(),
        secret_sha256: "ab".repeat(32),
        scopes: vec!["Pass.Read".to_owned(), "Pass.Write".to_owned()],
        label: "the shop".to_owned(),
        created_at,
        expires_at: Some(99),
        revoked_at: None,
    };
    assert_eq!(store.api_key("k1").await.unwrap(), None);
    store.put_api_key(row("k1", 2)).await.unwrap();
    store.put_api_key(row("k2", 1)).await.unwrap();
    assert_eq!(store.api_key("k1").await.unwrap(), Some(row("k1", 2)));
    assert_eq!(store.api_keys(&opera()).await.unwrap(), [row("k2", 1), row("k1", 2)]);
    assert_eq!(store.api_keys(&tenant(1)).await.unwrap(), []);
    let stolen = ApiKeyRow { tenant: tenant(1), ..row("k1", 3) };
    assert!(store.put_api_key(stolen).await.is_err(), "a key does not change its tenant");
    let renamed = ApiKeyRow { label: "the till".to_owned(), ..row("k1", 2) };
    store.put_api_key(renamed.clone()).await.unwrap();
    assert!(!store.revoke_api_key(&tenant(1), "k1", 5).await.unwrap());
    assert!(!store.revoke_api_key(&opera(), "k9", 5).await.unwrap());
    assert!(store.revoke_api_key(&opera(), "k1", 5).await.unwrap());
    assert!(store.revoke_api_key(&opera(), "k1", 6).await.unwrap());
    let revoked = ApiKeyRow { revoked_at: Some(5), ..renamed };
    assert_eq!(store.api_key("k1").await.unwrap(), Some(revoked), "the first time counts");
}
