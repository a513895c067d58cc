//! Requests on behalf of tenants' plugins: how many at a time, and who may see what they say.

use tokio::sync::Semaphore;

use super::*;
use crate::egress::client::compose;
use crate::egress::turns::AT_ONCE;

fn on_behalf_of(tenant: &str, url: String) -> HttpRequest {
    HttpRequest { on_behalf_of: Some(TenantId::parse(tenant).unwrap()), ..get(url) }
}

#[tokio::test]
async fn a_tenants_plugin_waits_for_its_own_requests_and_nobody_elses() {
    let (seen, answered) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let (counted, waited) = (seen.clone(), answered.clone());
    let receiver = Receiver::start(None, move |request: Seen| {
        let (counted, waited) = (counted.clone(), waited.clone());
        async move {
            if request.request.uri().query() == Some("slow") {
                counted.add_permits(1);
                waited.acquire().await.unwrap().forget();
            }
            answer(StatusCode::OK, "")
        }
    })
    .await;
    let egress = Arc::new(egress(&open()));
    let url = |query: &str| format!("http://{}/?{query}", receiver.address);
    let slow: Vec<_> = (0..AT_ONCE)
        .map(|n| {
            let (egress, request) = (egress.clone(), on_behalf_of("opera", url("slow")));
            // Both ways of sending count.
            tokio::spawn(
                async move { if n % 2 == 0 { egress.send(request).await } else { egress.deliver(request).await } },
            )
        })
        .collect();
    seen.acquire_many(AT_ONCE as u32).await.unwrap().forget();
    for late in [0, 1] {
        let request = HttpRequest { timeout: Duration::from_millis(50), ..on_behalf_of("opera", url("quick")) };
        let ended = if late == 0 { egress.send(request).await } else { egress.deliver(request).await };
        assert_eq!(ended.unwrap_err(), HttpFailure::TimedOut, "there is no seventeenth");
    }
    assert!(egress.send(on_behalf_of("ballet", url("quick"))).await.is_ok(), "another tenant's");
    assert!(egress.send(get(url("quick"))).await.is_ok(), "the flow's own");
    answered.add_permits(AT_ONCE);
    for request in slow {
        assert!(request.await.unwrap().is_ok());
    }
    assert!(egress.send(on_behalf_of("opera", url("quick"))).await.is_ok());
}

#[test]
fn what_a_plugins_request_says_and_every_authorization_is_kept_out_of_logs_and_tables() {
    let headers =
        vec![(header::AUTHORIZATION, "Bearer t".to_owned()), (HeaderName::from_static("x-api-key"), "k".to_owned())];
    let sensitive = |request: HttpRequest| {
        let composed = compose(request, "https://crm.example/".parse().unwrap()).unwrap();
        assert!(!format!("{composed:?}").contains("Bearer"));
        let headers: Vec<_> =
            composed.headers().iter().map(|(name, value)| (name.to_string(), value.is_sensitive())).collect();
        headers
    };
    let own = HttpRequest { headers: headers.clone(), ..get("https://crm.example/") };
    assert_eq!(sensitive(own), [("authorization".to_owned(), true), ("x-api-key".to_owned(), false)]);
    let theirs = HttpRequest { headers, ..on_behalf_of("opera", "https://crm.example/".to_owned()) };
    assert!(sensitive(theirs).iter().all(|(_, sensitive)| *sensitive));
}

/// What is written to it is kept.
#[derive(Clone, Default)]
struct Kept(Arc<std::sync::Mutex<Vec<u8>>>);

impl std::io::Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn the_log_names_the_tenant_of_a_plugins_request_and_nothing_that_the_plugin_chose() {
    let log = Kept::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone()).finish();
    let _kept = tracing::subscriber::set_default(subscriber);
    let egress = egress(&open());
    // Port 1 of no machine of a test listens.
    let url = "http://kovalevskaya.localhost:1/";
    for request in [on_behalf_of("opera", url.to_owned()), get(url)] {
        egress.send(request).await.unwrap_err();
    }
    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    let [plugins, ours] = log.lines().collect::<Vec<_>>().try_into().unwrap();
    assert!(plugins.contains("tenant=opera") && !plugins.contains("kovalevskaya"), "{plugins}");
    assert!(ours.contains("kovalevskaya.localhost"), "{ours}");
}
