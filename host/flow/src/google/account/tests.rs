use super::*;
use crate::scripted::{Keys, ScriptedHost, answer, run, tenant};

const TOKEN: &str = r#"{"access_token":"ya29.a","expires_in":3599}"#;

/// A host that answers every call with 200.
fn host(calls: usize) -> ScriptedHost {
    let token = std::iter::once(answer(200, &[], TOKEN));
    ScriptedHost::new(5_000, token.chain((0..calls).map(|_| answer(200, &[], "{}")))).with_keys(Keys::rsa("google"))
}

fn call(host: &ScriptedHost, tokens: &TokenCache, google: &Google, worth: Worth) -> Result<(), GoogleError> {
    let account = Account { host, google, tokens, worth };
    run(account.call(Method::GET, "eventTicketObject/1.a", Bytes::new())).map(drop)
}

fn take(host: &ScriptedHost, tokens: &TokenCache, google: &Google, worth: Worth) -> usize {
    let mut taken = 0;
    while call(host, tokens, google, worth).is_ok() {
        taken += 1;
    }
    taken
}

#[test]
fn twenty_calls_a_second_are_shared_by_all_and_some_are_left_for_who_waits() {
    let (host, tokens, google) = (host(45), TokenCache::default(), tenant().google.unwrap());
    assert_eq!(take(&host, &tokens, &google, Worth::Round), 10);
    assert_eq!(take(&host, &tokens, &google, Worth::Effect), 6);
    // Another account of the same project, such as another tenant's.
    let other = Google { account: "second@demo.iam.gserviceaccount.com".into(), ..google.clone() };
    assert_eq!(call(&host, &tokens, &other, Worth::Effect), Err(GoogleError::BudgetSpent { until: 6_000 }));
    assert_eq!(take(&host, &tokens, &google, Worth::Person), 4);
    host.advance(WINDOW);
    assert_eq!(take(&host, &tokens, &google, Worth::Effect), 16);
}

#[test]
fn a_refused_rate_pauses_everybody_for_as_long_as_google_says() {
    let answers = [answer(200, &[], TOKEN), answer(429, &[("retry-after", "7")], ""), answer(200, &[], "{}")];
    let host = ScriptedHost::new(5_000, answers).with_keys(Keys::rsa("google"));
    let (tokens, google) = (TokenCache::default(), tenant().google.unwrap());
    let refused = Err(GoogleError::Throttled { after: Duration::from_secs(7) });
    assert_eq!(call(&host, &tokens, &google, Worth::Effect), refused);
    for worth in [Worth::Person, Worth::Effect, Worth::Round] {
        assert_eq!(call(&host, &tokens, &google, worth), Err(GoogleError::BudgetSpent { until: 12_000 }));
    }
    assert_eq!(host.requests().len(), 2);
    host.advance(7_000);
    assert_eq!(call(&host, &tokens, &google, Worth::Round), Ok(()));
}
