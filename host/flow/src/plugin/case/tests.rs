use super::*;
use crate::plugin::allow::Destination;
use crate::scripted::run;

/// Asks for a customer first, and tells a CRM then.
async fn asks_and_tells(call: HookCall) -> Result<Returned, SandboxFailure> {
    let request = |name: &str| Request {
        name: name.to_owned(),
        method: passerelle_contract::tenant::types::Method::Get,
        url: format!("https://{name}.example/"),
        headers: vec![],
        body: vec![],
        credential: None,
    };
    Ok(Ok(match call.call.answers.first() {
        None => Turn::Ask(vec![request("customer")]),
        Some(Answer { outcome: Ok(_), .. }) => Turn::Deliver(vec![request("crm")]),
        Some(_) => Turn::Deliver(vec![]),
    }))
}

#[test]
fn for_a_tenant_what_its_list_forbids_is_denied_whatever_the_case_answers_and_for_nobody_it_is_not() {
    let event = r#"{"pass": {"id": "a", "template": "t"}, "wallet": "apple", "activeRegistrations": 1, "walletStatus": "apple"}"#;
    let call = r#"{"id": "e", "tenant": "demo", "at": 1}"#;
    let answers = r#"{"customer": {"status": 200, "body": {}}}"#;
    let case = format!(r#"{{"hook": "on-pass-installed", "call": {call}, "event": {event}, "answers": {answers}}}"#);
    let case = Case::parse(case.as_bytes()).unwrap();
    let nobody = run(case.play(&PluginSetup::default(), asks_and_tells));
    assert!(!nobody.failed() && nobody.told().contains("sends\n  crm"), "{}", nobody.told());
    // Not even the first; then the first alone; then both.
    for (list, denied, sends) in [
        (&[][..], Some("customer"), "sends nothing"),
        (&["customer.example"], Some("crm"), "sends\n  crm"),
        (&["customer.example", "crm.example"], None, "sends\n  crm"),
    ] {
        let allow = list.iter().map(|host| Destination::parse(&format!("https://{host}"), false).unwrap()).collect();
        let played = run(case.play_for(&PluginSetup { allow, ..PluginSetup::default() }, asks_and_tells));
        let told = played.told();
        assert!(told.contains(sends), "{told}");
        assert_eq!((played.failed(), played.denied.len()), (denied.is_some(), usize::from(denied.is_some())));
        if let Some(name) = denied {
            assert!(told.contains(&format!("denied: request {name}: https://{name}.example")), "{told}");
        }
    }
}

#[test]
fn answers_stand_alone_or_in_a_case_and_anything_else_is_refused() {
    let alone = r#"{"customer": {"status": 200, "body": {"tier": "gold"}}, "other": {"failure": "timed-out"}}"#;
    let read = answers(alone.as_bytes()).unwrap();
    assert_eq!(read.get("other"), Some(&Err(Failure::TimedOut)));
    let event = r#"{"pass": {"id": "a", "template": "t"}, "wallet": "apple", "activeRegistrations": 1, "walletStatus": "apple"}"#;
    let call = r#"{"id": "e", "tenant": "demo", "at": 1}"#;
    let case = format!(r#"{{"hook": "on-pass-installed", "call": {call}, "event": {event}, "answers": {alone}}}"#);
    assert_eq!(answers(case.as_bytes()).unwrap(), read);
    assert!(matches!(answers(b"{\"customer\": 1}"), Err(FormError::Json(_))));
}
