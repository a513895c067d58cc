//! What a person may settle, and that it opens in its own place only.

use super::*;

struct Counting(std::sync::atomic::AtomicU8);
impl Random for Counting {
    fn fill(&self, target: &mut [u8]) {
        for byte in target {
            *byte = self.0.fetch_add(37, std::sync::atomic::Ordering::Relaxed);
        }
    }
}

fn random() -> Counting {
    Counting(3.into())
}

fn draft(endpoint: &str) -> Draft {
    Draft { endpoint: Some(endpoint.to_owned()), events: Some(vec!["Pass:*".to_owned()]), ..Draft::default() }
}

fn judge(draft: &Draft) -> Result<Settled, Violations> {
    draft.judge(|_| Ok(()))
}

#[test]
fn an_address_has_one_reading() {
    for good in [
        "https://crm.example/hooks/wallet",
        "https://crm.example",
        "https://crm.example:8443/a?b=c&d=%20",
        "http://127.0.0.1:9000/",
        "https://[2001:db8::1]:8443/a",
    ] {
        assert_eq!(judge(&draft(good)).unwrap().address, good);
    }
    let long = format!("https://crm.example/{}", "x".repeat(2_048));
    for bad in [
        "",
        "crm.example/hooks",
        "/hooks",
        "ftp://crm.example/",
        "https://",
        "https:///a",
        "https://user@crm.example/",
        "https://user:word@crm.example/",
        "https://crm.example#a",
        "https://crm.example/#a",
        "https://crm.example:0/",
        "https://crm.example:/",
        "https://crm.example:99999/",
        "https://crm.example\\@inside/",
        "https://crm.éxample/",
        "https://crm example/",
        "https://crm.example/a b",
        "https://crm_example%2einside/",
        " https://crm.example/",
        "https://crm.example/\n",
        &long,
    ] {
        let wrong = judge(&draft(bad)).unwrap_err();
        assert_eq!(wrong.keys().collect::<Vec<_>>(), ["endpoint"], "{bad}");
    }
}

#[test]
fn everything_that_is_wrong_is_said_at_once() {
    let draft = Draft {
        description: Some("two\nlines".to_owned()),
        endpoint: Some("https://inside.example/".to_owned()),
        events: Some(vec!["Pass:*".to_owned(), "pass".to_owned()]),
        enabled: None,
        format: Some("xml".to_owned()),
        neostore_signature: Some("yes".to_owned()),
    };
    let wrong = draft.judge(|_| Err(HttpFailure::Denied)).unwrap_err();
    let fields: Vec<&str> = wrong.keys().map(String::as_str).collect();
    assert_eq!(fields, ["description", "endpoint", "events[1]", "format", "neostoreSignature"]);
    assert!(judge(&Draft::default()).unwrap_err().contains_key("events[0]"));
}

#[test]
fn what_was_settled_is_what_is_shown_and_a_change_leaves_the_rest() {
    let first = Draft {
        description: Some("crm".to_owned()),
        enabled: Some(false),
        format: Some("vibes".to_owned()),
        neostore_signature: Some("base64".to_owned()),
        ..draft("https://crm.example/")
    };
    let settled = judge(&first).unwrap();
    assert_eq!(settled.draft(), first);
    let change = Draft { enabled: Some(true), ..Draft::default() };
    assert_eq!(judge(&change.over(settled.draft())).unwrap(), Settled { enabled: true, ..settled });
}

#[test]
fn its_owner_is_told_what_will_never_come() {
    let warnings = |events: &[&str], format: &str| {
        let events = Some(events.iter().map(|event| (*event).to_owned()).collect());
        judge(&Draft { events, format: Some(format.to_owned()), ..draft("https://a.example/") }).unwrap().warnings()
    };
    assert_eq!(warnings(&["Pass:*"], "passerelle"), Vec::<String>::new());
    assert_eq!(warnings(&["Customer:*", "Pass:*"], "passerelle"), ["nothing here has a name like Customer:*"]);
    assert_eq!(warnings(&["pass.updated"], "vibes").len(), 1);
    assert_eq!(warnings(&["*"], "vibes"), Vec::<String>::new());
}

#[test]
fn a_sealed_endpoint_opens_in_its_place_and_keeps_its_keys_through_a_rotation() {
    let (random, tenant) = (random(), TenantId::parse("demo").unwrap());
    let keys = TenantKeys::derive(&[7; 32]);
    let webhook = |settled| Webhook {
        tenant: tenant.clone(),
        settled,
        version: 1,
        created_at: 0,
        updated_at: 0,
        failing_since: None,
        not_before: None,
        disabled: None,
    };
    let mut endpoint = Endpoint::new(&random, judge(&draft("https://crm.example/secret-path")).unwrap());
    assert_eq!(endpoint.id.len(), 5);
    let first = endpoint.keys().secret.plain();
    endpoint.rotate(&random, 1_000, 0).unwrap();
    assert_ne!(*endpoint.keys().secret.plain(), *first);
    let sealed = endpoint.seal(&keys, &random, &tenant, 0).unwrap();
    assert!(!sealed.sealed.windows(11).any(|window| window == b"secret-path"));
    let opened = Endpoint::open(&keys, &webhook(sealed.clone())).unwrap();
    assert_eq!(opened.settled, endpoint.settled);
    assert_eq!((opened.signing(0).count(), opened.signing(999).count(), opened.signing(1_000).count()), (2, 2, 1));
    assert_eq!(*opened.signing(0).nth(1).unwrap().secret.plain(), *first);
    assert_eq!(opened.keys().pair().public(), endpoint.keys().pair().public());
    let elsewhere = WebhookWrite { id: "other".to_owned(), ..sealed };
    assert!(Endpoint::open(&keys, &webhook(elsewhere)).is_err());

    // Without an overlap nothing of before signs along, however recent.
    endpoint.rotate(&random, 0, 10).unwrap();
    assert_eq!(endpoint.signing(10).count(), 1);
    endpoint.rotate(&random, 1_000, 10).unwrap();
    endpoint.rotate(&random, 2_000, 10).unwrap();
    // Headers have a length, and what was promised is kept.
    assert_eq!(endpoint.rotate(&random, 1_000, 20), Err(1_010));
    assert_eq!(endpoint.signing(20).count(), 3);
    endpoint.rotate(&random, 1_000, 1_010).unwrap();
    assert_eq!(endpoint.signing(1_010).count(), 3);
    endpoint.rotate(&random, 0, 1_010).unwrap();
    assert_eq!(endpoint.signing(1_010).count(), 1, "all of them at once, when they must");
}
