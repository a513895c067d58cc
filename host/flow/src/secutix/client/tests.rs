use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::*;
use crate::scripted::{ScriptedHost, answer, run, tenant};

const NOW: Millis = 1_773_511_331_500;

fn host(answers: impl IntoIterator<Item = Result<HttpResponse, HttpFailure>>) -> ScriptedHost {
    ScriptedHost::new(NOW, answers)
}

fn fetch(host: &ScriptedHost) -> Result<Bytes, SecutixError> {
    run(SecutixClient::new(host, &tenant()).get_file("10000702600", Priority::Normal))
}

fn write(host: &ScriptedHost) -> Result<(), SecutixError> {
    let tenant = tenant();
    let client = SecutixClient::new(host, &tenant);
    run(client.update_movement_reference("10228310724999", "twc.status", "installed", Priority::Low))
}

#[test]
fn each_call_goes_to_its_address_with_its_body() {
    let host = host((0..4).map(|_| answer(200, &[], r#"{"statusCode":"success"}"#)));
    let tenant = tenant();
    let client = SecutixClient::new(&host, &tenant);
    run(client.get_file_by_token("9f3c\"0c7e5b", Priority::Demand)).unwrap();
    run(client.get_file("10000702600", Priority::Demand)).unwrap();
    run(client.get_contact("004711", Priority::Demand)).unwrap();
    run(client.update_movement_reference("10228310724999", "twc.status", "installed", Priority::Demand)).unwrap();

    let sent: Vec<(String, Value)> = host
        .requests()
        .into_iter()
        .map(|request| (request.url, serde_json::from_slice(&request.body).unwrap()))
        .collect();
    let base = "https://myinstit.ws.secutix.com";
    let orders = format!("{base}/tnseb/backend-apis/externalOrderService/v1_33");
    assert_eq!(
        sent,
        [
            (format!("{orders}/getFileDetailsFromOrderSecretId"), json!({"orderSecretId": "9f3c\"0c7e5b"})),
            (format!("{orders}/getFileDetails"), json!({"fileId": 10_000_702_600_i64})),
            (
                format!("{base}/tnco/backend-apis/contactInformationPublicService/v2_21/getContactData"),
                json!({"contactNumber": "004711", "details": ["GENERAL", "QUALITIES", "COM_MEANS"]})
            ),
            (
                format!("{orders}/updateExternalReferences"),
                json!({"id": 10_228_310_724_999_i64, "externalReferenceKind": "MOVEMENT",
                    "externalReference": {"key": "twc.status", "value": "installed"}})
            ),
        ]
    );
}

#[test]
fn a_call_is_a_post_with_a_token_made_for_it() {
    let host = host([answer(200, &[], "{}"), answer(200, &[], "{}")]);
    fetch(&host).unwrap();
    host.advance(5000);
    fetch(&host).unwrap();
    let issued: Vec<i64> = host
        .requests()
        .iter()
        .map(|request| {
            assert_eq!(request.method, Method::POST);
            assert_eq!(request.header("content-type"), Some("application/json"));
            assert_eq!(request.timeout, tenant().secutix.timeout);
            assert_eq!(request.response_limit, FILE_LIMIT);
            assert!(request.identity.is_none());
            let token = request.header("authorization").unwrap().strip_prefix("Bearer ").unwrap();
            let claims = URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap();
            serde_json::from_slice::<Value>(&claims).unwrap()["iat"].as_i64().unwrap()
        })
        .collect();
    assert_eq!(issued, [1_773_511_331, 1_773_511_336]);
}

#[test]
fn a_body_of_http_200_comes_back_as_it_was_whatever_its_envelope_says() {
    let body = r#"{"statusCode":"in_progress", "x": 1}"#;
    assert_eq!(fetch(&host([answer(200, &[], body)])).unwrap(), body);
}

#[test]
fn statuses_are_told_apart() {
    let status = |status| fetch(&host([answer(status, &[], "secret words")])).unwrap_err();
    assert!(matches!(status(401), SecutixError::CredentialsRefused { .. }));
    assert!(matches!(status(403), SecutixError::CredentialsRefused { .. }));
    assert!(matches!(status(404), SecutixError::NotFound));
    assert!(matches!(status(408), SecutixError::Unavailable(_)));
    assert!(matches!(status(500), SecutixError::Unavailable(_)));
    assert!(matches!(status(503), SecutixError::Unavailable(_)));
    for refused in [201, 204, 302, 400, 405, 415, 422] {
        assert!(matches!(status(refused), SecutixError::Refused(code) if code == refused), "{refused}");
    }
    assert!(!status(500).to_string().contains("secret"));
}

#[test]
fn no_answer_is_no_answer_and_a_request_that_never_left_is_not_counted() {
    for (failure, sent) in [
        (HttpFailure::TimedOut, true),
        (HttpFailure::Unreachable, true),
        (HttpFailure::TooLarge, true),
        (HttpFailure::Denied, false),
        (HttpFailure::Invalid, false),
    ] {
        let error = fetch(&host([Err(failure)])).unwrap_err();
        assert!(matches!(error, SecutixError::Unanswered(same) if same == failure));
        assert_eq!(error.was_sent(), sent, "{failure:?}");
    }
}

#[test]
fn http_509_pauses_the_endpoint_for_everybody_and_no_other() {
    let host = host([answer(509, &[], ""), answer(200, &[], "{}"), answer(200, &[], "{}")]);
    let Err(SecutixError::Throttled { until }) = fetch(&host) else { panic!("not throttled") };
    assert_eq!(until, NOW + PAUSE);
    assert!(matches!(fetch(&host), Err(SecutixError::BudgetSpent { until: at }) if at == until));
    run(SecutixClient::new(&host, &tenant()).get_contact("4711", Priority::Low)).unwrap();
    assert_eq!(host.requests().len(), 2);
    host.advance(PAUSE);
    fetch(&host).unwrap();
}

#[test]
fn refused_credentials_are_tried_again_after_a_minute_by_one_call_and_the_cause_is_told_meanwhile() {
    let host = host([answer(401, &[], ""), answer(200, &[], "{}"), answer(403, &[], ""), answer(200, &[], "{}")]);
    let refused = |host: &ScriptedHost| match fetch(host).unwrap_err() {
        SecutixError::CredentialsRefused { until, sent } => (until, sent),
        other => panic!("{other:?}"),
    };
    let (until, sent) = refused(&host);
    assert_eq!((until, sent), (NOW + REFUSED_PAUSE, true));
    for _ in 0..10 {
        assert_eq!(refused(&host), (until, false));
    }
    run(SecutixClient::new(&host, &tenant()).get_contact("4711", Priority::Low)).unwrap();
    assert_eq!(host.requests().len(), 2);
    host.advance(REFUSED_PAUSE);
    assert_eq!(refused(&host), (until + REFUSED_PAUSE, true));
    host.advance(REFUSED_PAUSE);
    fetch(&host).unwrap();
}

#[test]
fn a_wrong_secret_of_one_tenant_silences_no_other_of_the_institution() {
    let host = host([answer(401, &[], ""), answer(200, &[], "{}")]);
    assert!(matches!(fetch(&host), Err(SecutixError::CredentialsRefused { .. })));
    let other = Tenant { id: crate::identity::TenantId::parse("annex").unwrap(), ..tenant() };
    run(SecutixClient::new(&host, &other).get_file("10000702600", Priority::Low)).unwrap();
}

/// Counts the lines of level `error`.
#[derive(Clone, Default)]
struct Alarms(std::sync::Arc<std::sync::Mutex<Vec<String>>>);

impl tracing::field::Visit for Alarms {
    fn record_debug(&mut self, field: &tracing::field::Field, value: &dyn std::fmt::Debug) {
        if let Some(line) = self.0.lock().unwrap().last_mut() {
            line.push_str(&format!("{}={value:?} ", field.name()));
        }
    }
}

impl tracing::Subscriber for Alarms {
    fn enabled(&self, of: &tracing::Metadata<'_>) -> bool {
        *of.level() == tracing::Level::ERROR
    }
    fn event(&self, event: &tracing::Event<'_>) {
        self.0.lock().unwrap().push(String::new());
        event.record(&mut self.clone());
    }
    fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        tracing::span::Id::from_u64(1)
    }
    fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}
    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}
    fn enter(&self, _: &tracing::span::Id) {}
    fn exit(&self, _: &tracing::span::Id) {}
}

#[test]
fn a_refusal_of_our_credentials_is_one_alarm_that_names_the_tenant_and_no_secret() {
    let host = host([answer(401, &[], "secret words"), answer(200, &[], "{}")]);
    let alarms = Alarms::default();
    tracing::subscriber::with_default(alarms.clone(), || {
        for _ in 0..3 {
            assert!(fetch(&host).is_err());
        }
        host.advance(REFUSED_PAUSE);
        fetch(&host).unwrap();
    });
    let told = alarms.0.lock().unwrap().clone();
    let [line] = told.as_slice() else { panic!("{told:?}") };
    let name = tenant().id.to_string();
    assert!(
        line.contains("refuses our credentials") && line.contains(&name) && line.contains("getFileDetails"),
        "{line}"
    );
    assert!(!line.contains("secret words"), "{line}");
}

#[test]
fn a_call_carries_the_trace_that_it_is_made_for_and_no_other() {
    let host = host([answer(200, &[], "{}"), answer(200, &[], "{}")]);
    let tenant = tenant();
    let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    run(SecutixClient::new(&host, &tenant).traced(Some(trace)).get_file("1", Priority::Demand)).unwrap();
    fetch(&host).unwrap();
    let traces: Vec<_> =
        host.requests().iter().map(|request| request.header("traceparent").map(str::to_owned)).collect();
    assert_eq!(traces, [Some(trace.to_owned()), None]);
}

#[test]
fn retry_after_is_honoured() {
    let host = host([answer(429, &[("retry-after", "7")], "")]);
    assert!(matches!(fetch(&host), Err(SecutixError::Throttled { until }) if until == NOW + 7000));
}

#[test]
fn a_spent_budget_sends_nothing_and_says_until_when() {
    let host = host((0..60).map(|_| answer(200, &[], "{}")));
    let tenant = tenant();
    let client = SecutixClient::new(&host, &tenant);
    for _ in 0..60 {
        run(client.get_file("1", Priority::Demand)).unwrap();
    }
    let error = run(client.get_file("1", Priority::Demand)).unwrap_err();
    assert!(matches!(error, SecutixError::BudgetSpent { until } if until == NOW + 60_000));
    assert!(!error.was_sent());
    assert_eq!(host.requests().len(), 60);
}

#[test]
fn an_identifier_that_is_no_int64_is_none_and_costs_no_call() {
    let host = host([]);
    let tenant = tenant();
    let client = SecutixClient::new(&host, &tenant);
    for id in ["", "x", "1.0", "9223372036854775808"] {
        let error = run(client.get_file(id, Priority::Demand)).unwrap_err();
        assert!(matches!(error, SecutixError::NoIdentifier) && !error.was_sent(), "{id}");
    }
    assert!(host.requests().is_empty());
}

#[test]
fn the_envelope_of_a_write_decides() {
    let envelope = |body: &str| write(&host([answer(200, &[], body)]));
    for success in ["success", "SUCCESS", "Success"] {
        envelope(&format!(r#"{{"requestId":1,"statusCode":"{success}","statusDetail":null}}"#)).unwrap();
    }
    for later in ["in_progress", "IN_PROGRESS"] {
        let told = envelope(&format!(r#"{{"statusCode":"{later}"}}"#));
        assert!(matches!(told, Err(SecutixError::NotReady)), "{later}");
    }
    let refused = envelope(r#"{"statusCode":"NO_SUCH movement of Ada!","statusDetail":"Ada"}"#).unwrap_err();
    assert!(matches!(&refused, SecutixError::Rejected(code) if !code.contains("Ada")), "{refused}");
    let coded = envelope(r#"{"statusCode":"reference_target_not_found"}"#).unwrap_err();
    assert!(matches!(&coded, SecutixError::Rejected(code) if code == "reference_target_not_found"));
    for unreadable in ["", "[]", "{}", r#"{"statusCode":1}"#] {
        assert!(matches!(envelope(unreadable), Err(SecutixError::Unreadable)), "{unreadable}");
    }
}

#[test]
fn a_call_may_move_between_threads() {
    fn moves<F: Future + Send>(_: &F) {}
    fn of_any_host<H: Host>(client: &SecutixClient<'_, H>) {
        moves(&client.get_file("1", Priority::Demand));
    }
    of_any_host(&SecutixClient::new(&host([]), &tenant()));
}
