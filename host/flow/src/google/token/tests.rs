use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use aws_lc_rs::signature::{KeyPair, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::*;
use crate::ports::HttpResponse;
use crate::scripted::{Keys, ScriptedHost, answer, run, tenant};

const NOW: Millis = 1_773_511_331_500;

fn google() -> Google {
    tenant().google.unwrap()
}

fn host(answers: impl IntoIterator<Item = Result<HttpResponse, crate::ports::HttpFailure>>) -> ScriptedHost {
    ScriptedHost::new(NOW, answers).with_keys(Keys::rsa("google"))
}

fn token(text: &str) -> Result<HttpResponse, crate::ports::HttpFailure> {
    answer(200, &[], &format!(r#"{{"access_token":"{text}","expires_in":3599,"token_type":"Bearer"}}"#))
}

fn get(cache: &TokenCache, host: &ScriptedHost) -> Result<String, GoogleError> {
    run(super::get(cache, host, &google())).map(|token| token.to_string())
}

#[test]
fn a_token_is_bought_with_an_assertion_of_the_account() {
    let host = host([token("ya29.a")]);
    assert_eq!(get(&TokenCache::default(), &host).unwrap(), "ya29.a");
    let requests = host.requests();
    let [request] = requests.as_slice() else { panic!("one request") };
    assert_eq!((request.method.as_str(), request.url.as_str()), ("POST", "https://oauth2.googleapis.com/token"));
    assert_eq!(request.header("content-type"), Some("application/x-www-form-urlencoded"));
    let form = std::str::from_utf8(&request.body).unwrap();
    let assertion =
        form.strip_prefix("grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=").unwrap();
    let (input, signature) = assertion.rsplit_once('.').unwrap();
    let claims: serde_json::Value =
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(input.split('.').nth(1).unwrap()).unwrap()).unwrap();
    assert_eq!(
        claims,
        json!({
            "iss": "wallet@demo.iam.gserviceaccount.com", "scope": "https://www.googleapis.com/auth/wallet_object.issuer",
            "aud": "https://oauth2.googleapis.com/token", "iat": 1_773_511_331, "exp": 1_773_511_631,
        })
    );
    UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, host.signer.rsa["google"].public_key().as_ref())
        .verify(input.as_bytes(), &URL_SAFE_NO_PAD.decode(signature).unwrap())
        .unwrap();
}

#[test]
fn a_token_is_kept_until_its_last_minute() {
    let host = host([token("one"), token("two")]);
    let cache = TokenCache::default();
    assert_eq!(get(&cache, &host).unwrap(), "one");
    host.advance(3_539_000 - 1);
    assert_eq!(get(&cache, &host).unwrap(), "one");
    host.advance(1);
    assert_eq!(get(&cache, &host).unwrap(), "two");
    assert_eq!(host.requests().len(), 2);
}

#[test]
fn a_token_without_a_lifetime_serves_once() {
    let host = host([answer(200, &[], r#"{"access_token":"one"}"#), token("two")]);
    let cache = TokenCache::default();
    assert_eq!(get(&cache, &host).unwrap(), "one");
    assert_eq!(get(&cache, &host).unwrap(), "two");
}

#[test]
fn accounts_do_not_share_a_token() {
    let host = host([token("one"), token("two")]);
    let cache = TokenCache::default();
    assert_eq!(get(&cache, &host).unwrap(), "one");
    let other = Google { account: "other@demo.iam.gserviceaccount.com".into(), ..google() };
    assert_eq!(run(super::get(&cache, &host, &other)).unwrap().as_str(), "two");
}

#[test]
fn a_forgotten_token_is_not_given_out_again_and_its_successor_stays() {
    let host = host([token("one"), token("two")]);
    let cache = TokenCache::default();
    let first = run(super::get(&cache, &host, &google())).unwrap();
    cache.forget(&first);
    assert_eq!(get(&cache, &host).unwrap(), "two");
    // Another request was refused with the first token, later: the second one is not to blame.
    cache.forget(&first);
    assert_eq!(get(&cache, &host).unwrap(), "two");
}

#[test]
fn refusals_are_told_apart_and_not_kept() {
    let host = host([
        answer(400, &[], r#"{"error":"invalid_grant","error_description":"Invalid JWT Signature."}"#),
        answer(503, &[], ""),
        answer(429, &[("retry-after", "5")], ""),
        answer(200, &[], "{}"),
        answer(200, &[], "{\"access_token\":\"a\\nb\",\"expires_in\":3599}"),
        Err(crate::ports::HttpFailure::TimedOut),
        token("one"),
    ]);
    let cache = TokenCache::default();
    let refused = GoogleError::CredentialsRefused(GoogleReason::Other("invalid_grant".into()));
    assert_eq!(get(&cache, &host), Err(refused));
    assert!(matches!(get(&cache, &host), Err(GoogleError::Unavailable(_))));
    assert_eq!(get(&cache, &host), Err(GoogleError::Throttled { after: Duration::from_secs(5) }));
    assert_eq!(get(&cache, &host), Err(GoogleError::Unreadable));
    assert_eq!(get(&cache, &host), Err(GoogleError::Unreadable));
    assert_eq!(get(&cache, &host), Err(GoogleError::Unanswered(crate::ports::HttpFailure::TimedOut)));
    assert_eq!(get(&cache, &host).unwrap(), "one");
}

#[test]
fn a_key_that_is_missing_or_not_rsa_buys_nothing() {
    let missing = ScriptedHost::new(NOW, []);
    assert!(matches!(get(&TokenCache::default(), &missing), Err(GoogleError::Key(_))));
    let mut keys = Keys::default();
    let algorithm = &aws_lc_rs::signature::ECDSA_P256_SHA256_ASN1_SIGNING;
    keys.p256.insert("google".into(), aws_lc_rs::signature::EcdsaKeyPair::generate(algorithm).unwrap());
    let host = ScriptedHost::new(NOW, []).with_keys(keys);
    assert_eq!(get(&TokenCache::default(), &host), Err(GoogleError::NotRsa));
}

/// Counts wake-ups, as an executor would see them.
#[derive(Default)]
struct Bell(AtomicUsize);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn who_comes_during_an_exchange_waits_for_it_and_shares_its_outcome() {
    for (answered, expected) in [(token("one"), Some("one")), (answer(503, &[], ""), None)] {
        let host = host([answered]).holding();
        let cache = TokenCache::default();
        let google = google();
        let bell = Arc::new(Bell::default());
        let waker = bell.clone().into();
        let mut context = Context::from_waker(&waker);
        let mut first = pin!(super::get(&cache, &host, &google));
        let mut second = pin!(super::get(&cache, &host, &google));
        assert!(first.as_mut().poll(&mut context).is_pending());
        assert!(second.as_mut().poll(&mut context).is_pending());
        assert!(second.as_mut().poll(&mut context).is_pending());
        host.release();
        let rung = bell.0.load(Ordering::Relaxed);
        let Poll::Ready(one) = first.as_mut().poll(&mut context) else { panic!("the exchange has ended") };
        assert_eq!(bell.0.load(Ordering::Relaxed), rung + 1, "one waits, one is told");
        let Poll::Ready(two) = second.as_mut().poll(&mut context) else { panic!("it was told") };
        assert_eq!(one, two);
        assert_eq!(one.ok().as_deref().map(|token| token.as_str()), expected);
        assert_eq!(host.requests().len(), 1);
    }
}

#[test]
fn when_the_one_who_fetches_is_dropped_another_takes_over() {
    let host = host([token("one")]).holding();
    let cache = TokenCache::default();
    let google = google();
    let mut context = Context::from_waker(Waker::noop());
    let mut first = Box::pin(super::get(&cache, &host, &google));
    let mut second = pin!(super::get(&cache, &host, &google));
    assert!(first.as_mut().poll(&mut context).is_pending());
    assert!(second.as_mut().poll(&mut context).is_pending());
    drop(first);
    assert!(second.as_mut().poll(&mut context).is_pending(), "it fetches now");
    host.release();
    let Poll::Ready(outcome) = second.as_mut().poll(&mut context) else { panic!("the exchange has ended") };
    assert_eq!(outcome.unwrap().as_str(), "one");
    assert_eq!(host.requests().len(), 2);
}
