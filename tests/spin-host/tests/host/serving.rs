//! Requests from outside: routes, headers, bodies, what is not found.

use bytes::Bytes;
use http::Request;
use http_body_util::Full;

use crate::app::Folder;

const ROUTES: &str = r#"
    spin_manifest_version = 2
    [application]
    name = "routes"
    [[trigger.http]]
    route = "/probe/..."
    component = "probe"
    [[trigger.http]]
    id = "robots"
    route = "/robots.txt"
    static_response = { status_code = 418, headers = { x-static = "yes" }, body = "go away" }
    [[trigger.http]]
    route = { private = true }
    component = "worker"
    [component.probe]
    source = "probe.wasm"
    dependencies = { "probe:arithmetic/sum@0.1.0" = { path = "adder.wasm" } }
    [component.worker]
    source = "probe.wasm"
    dependencies = { "probe:arithmetic@0.1.0" = { component = "adder" } }
    [component.adder]
    source = "adder.wasm"
"#;

#[tokio::test]
async fn what_listens_is_announced_as_spin_announces_it() {
    let folder = Folder::new(ROUTES);
    let host = folder.start(&[]);
    let announced = &host.announcement;
    assert!(announced["base_url"].as_str().unwrap().starts_with("http://127.0.0.1:"));
    let routes: Vec<_> = announced["routes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|route| (route["id"].as_str().unwrap(), route["route"].as_str().unwrap()))
        .collect();
    assert!(routes.contains(&("probe", "/probe")) && routes.contains(&("robots", "/robots.txt")), "{routes:?}");
    assert_eq!(routes.len(), 2, "a private route is nobody's business");
    assert_eq!(host.get("/.well-known/spin/health").await.ok(), "OK");
    assert!(host.get("/.well-known/spin/info").await.ok().contains("routes"));
}

#[tokio::test]
async fn a_component_sees_an_absolute_uri_and_the_true_headers_after_the_forged_ones() {
    let host = Folder::probe("").start(&[]);
    let request = Request::post(format!("{}/echo/a?b=c", host.base))
        .header("spin-client-addr", "6.6.6.6:1")
        .header("spin-full-url", "http://bank.example/")
        .header("x-own", "kept")
        .body(Full::new(Bytes::from_static(b"12345")))
        .unwrap();
    let reply = host.send(request).await;
    let text = reply.ok();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], format!("POST {}/echo/a?b=c", host.base));
    let all =
        |name: &str| -> Vec<&str> { lines.iter().filter_map(|line| line.strip_prefix(&format!("{name}: "))).collect() };
    let client = all("spin-client-addr");
    assert_eq!((client.len(), client[0]), (2, "6.6.6.6:1"));
    assert!(client[1].starts_with("127.0.0.1:"), "{client:?}");
    assert_eq!(all("spin-full-url"), ["http://bank.example/".to_owned(), format!("{}/echo/a?b=c", host.base)]);
    assert_eq!(all("spin-path-info"), ["/echo/a"]);
    assert_eq!(all("spin-component-route"), [""]);
    assert_eq!(all("spin-raw-component-route"), ["/..."]);
    assert_eq!(all("spin-matched-route"), ["/..."]);
    assert_eq!(all("spin-base-path"), ["/"]);
    assert_eq!(all("x-own"), ["kept"]);
    assert_eq!(all("body"), ["5"]);
}

#[tokio::test]
async fn what_has_no_route_is_an_empty_404_and_a_static_response_needs_no_guest() {
    let host = Folder::new(ROUTES).start(&[]);
    let nothing = host.get("/nothing").await;
    assert_eq!((nothing.status.as_u16(), nothing.body.len()), (404, 0));
    let robots = host.get("/robots.txt").await;
    assert_eq!(
        (robots.status.as_u16(), robots.text(), robots.headers["x-static"].to_str().unwrap()),
        (418, "go away", "yes")
    );
}

#[tokio::test]
async fn a_private_component_is_not_reached_from_outside_whatever_host_is_claimed() {
    let host = Folder::new(ROUTES).start(&[]);
    for (path, status) in [("/hello", 404), ("/probe/hello", 500)] {
        let request = Request::get(format!("{}{path}", host.base)).header("host", "worker.spin.internal");
        let reply = host.send(request.body(Full::default()).unwrap()).await;
        assert_eq!((reply.status.as_u16(), reply.body.len()), (status, 0), "{path}");
    }
}

#[tokio::test]
async fn a_large_body_arrives_whole() {
    let host = Folder::probe("").start(&[]);
    const LENGTH: usize = 20 * 1024 * 1024;
    let request =
        Request::post(format!("{}/echo", host.base)).body(Full::new(Bytes::from(vec![b'x'; LENGTH]))).unwrap();
    assert!(host.send(request).await.ok().ends_with(&format!("body: {LENGTH}\n")));
}

#[tokio::test]
async fn a_dependency_is_called() {
    let host = Folder::probe("").start(&[]);
    assert_eq!(host.get("/add?19+23").await.ok(), "42");
}
