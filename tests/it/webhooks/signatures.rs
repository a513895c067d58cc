//! What a receiver verifies: both signatures of the standard, The Wallet Crew's, and all of them through a rotation.

use serde_json::json;

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_is_signed_in_every_way_that_a_receiver_may_ask_for() {
    let post = Post::new().await;
    let (secret, public, nobody) = (post.desk("secret"), post.desk("public"), post.desk("nobody"));
    let one = post.endpoint(&secret, &["*"], json!({ "neostoreSignature": "hex" })).await;
    let other = post.endpoint(&public, &["*"], json!({})).await;
    public.distrust();
    public.trust(other["publicKey"].as_str().unwrap()).unwrap();
    // A receiver with another endpoint's secret takes nothing.
    let third = post.endpoint(&nobody, &["*"], json!({})).await;
    nobody.distrust();
    nobody.trust(one["secret"].as_str().unwrap()).unwrap();
    nobody.trust(one["publicKey"].as_str().unwrap()).unwrap();
    for endpoint in [&one, &other, &third] {
        post.test(endpoint).await;
    }
    let seen = post.seen(&secret, "a test", |all| !all.is_empty()).await.remove(0);
    assert_eq!(seen.verified, Some(true));
    assert_eq!((seen.method.as_str(), seen.kind()), ("POST", "Webhook:Test"));
    assert_eq!(seen.header("content-type"), Some("application/json"));
    // The Wallet Crew's: HMAC-SHA256 of the body alone, keyed with the 64 characters.
    let plain = one["signatureSecret"].as_str().unwrap();
    assert_eq!((plain.len(), one["secret"].as_str().unwrap()), (64, format!("whsec_{plain}").as_str()));
    let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, plain.as_bytes());
    let mac = hex::encode(aws_lc_rs::hmac::sign(&key, &seen.body));
    assert_eq!(seen.header("x-neostore-signature"), Some(mac.as_str()));
    let seen = post.seen(&public, "a test", |all| !all.is_empty()).await.remove(0);
    assert_eq!((seen.verified, seen.header("x-neostore-signature")), (Some(true), None));
    let refused = post.seen(&nobody, "a forgery", |all| !all.is_empty()).await.remove(0);
    assert_eq!((refused.verified, refused.answered.as_str()), (Some(false), "401"));
    post.house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn during_a_rotation_both_secrets_verify_and_afterwards_the_new_one_alone() {
    let post = Post::new().await;
    let desk = post.desk("crm");
    let before = post.endpoint(&desk, &["*"], json!({ "neostoreSignature": "base64" })).await;
    let id = before["id"].as_str().unwrap();
    let rotated = post.ask("POST", &format!("/{id}/secret"), &json!({ "overlapSeconds": 3600 })).await;
    assert_eq!(rotated.status, 200);
    let rotated = rotated.json();
    assert_ne!(rotated["secret"], before["secret"]);
    assert_eq!(rotated["earlierSecrets"][0]["publicKey"], before["publicKey"]);
    let mut times = 0;
    let mut attempt = async |key: &Value, expected: bool| {
        desk.distrust();
        desk.trust(key.as_str().unwrap()).unwrap();
        post.test(&before).await;
        times += 1;
        let seen = post.seen(&desk, "a test", |all| all.len() >= times).await;
        assert_eq!(seen[times - 1].verified, Some(expected), "{key}");
        seen[times - 1].clone()
    };
    let signed = attempt(&before["secret"], true).await;
    assert!(signed.header("x-neostore-signature-previous").is_some());
    for key in [&before["publicKey"], &rotated["secret"], &rotated["publicKey"]] {
        attempt(key, true).await;
    }
    post.house.advance(HOUR).await;
    attempt(&rotated["secret"], true).await;
    let signed = attempt(&before["secret"], false).await;
    assert_eq!(signed.header("x-neostore-signature-previous"), None);
    // Its next attempts would come with the clock.
    assert_eq!(post.ask("DELETE", &format!("/{id}"), &Value::Null).await.status, 204);
    post.house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_attempt_has_the_same_id_and_body_and_a_time_and_a_signature_of_its_own() {
    let post = Post::new().await;
    let desk = post.desk("crm");
    let endpoint = post.endpoint(&desk, &["*"], json!({})).await;
    desk.behave(passerelle_simulator::Behaviour::Recovers { after: 1, status: 502 });
    let event = post.test(&endpoint).await;
    post.until_delivery(&endpoint, &event, failed(1)).await;
    // Later than what a receiver takes for the first.
    post.house.advance(HOUR).await;
    post.until_delivery(&endpoint, &event, is("delivered")).await;
    let seen = desk.received();
    assert_eq!(seen.len(), 2);
    assert_eq!((seen[0].id(), &seen[0].body), (seen[1].id(), &seen[1].body));
    assert_eq!(seen[0].id(), event);
    assert_ne!(seen[0].header("webhook-timestamp"), seen[1].header("webhook-timestamp"));
    assert_ne!(seen[0].header("webhook-signature"), seen[1].header("webhook-signature"));
    assert_eq!((seen[0].verified, seen[1].verified), (Some(true), Some(true)));
    post.house.end().await;
}
