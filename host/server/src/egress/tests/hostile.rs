//! Servers that mean harm, and addresses that are spelled so that nobody should know them.

use std::net::Ipv4Addr;

use passerelle_guests::upstream::{Behaviour, Upstream, gzip_bomb};

use super::*;

const HEAD: &str = "HTTP/1.1 200 OK\r\n";

fn endless(head: &str, again: &[u8]) -> Behaviour {
    Behaviour::Endless { head: head.as_bytes().to_vec(), again: again.to_vec() }
}

#[tokio::test]
async fn a_server_that_never_comes_to_an_end_is_left() {
    let chunked = format!("{HEAD}transfer-encoding: chunked\r\n\r\n");
    let many = [b'x'; 65_536];
    for (what, behaviour, expected) in [
        ("one header without an end", endless(&format!("{HEAD}x-a: "), &many), HttpFailure::Unreachable),
        ("headers without number", endless(HEAD, &b"x-a: b\r\n".repeat(1000)), HttpFailure::Unreachable),
        ("an extension of a chunk", endless(&format!("{chunked}2;x="), &many), HttpFailure::Unreachable),
        ("trailers", endless(&format!("{chunked}0\r\n"), &b"x-a: b\r\n".repeat(1000)), HttpFailure::Unreachable),
        (
            "a body of an exabyte",
            endless(&format!("{HEAD}content-length: 1152921504606846976\r\n\r\n"), &many),
            HttpFailure::TooLarge,
        ),
        ("chunks", endless(&chunked, &[b"10000\r\n", &many[..], b"\r\n"].concat()), HttpFailure::TooLarge),
    ] {
        let upstream = Upstream::start("127.0.0.1", behaviour).await;
        assert_eq!(egress(&open()).send(get(upstream.url())).await.unwrap_err(), expected, "{what}");
    }
}

#[tokio::test]
async fn a_server_that_is_slow_on_purpose_is_left_when_the_requests_time_is_over() {
    let every = Duration::from_millis(10);
    let drips = |head: &str| Behaviour::Drips { head: head.as_bytes().to_vec(), every };
    for (what, behaviour) in [
        ("its head", drips(&format!("{HEAD}x-a: "))),
        ("its body", drips(&format!("{HEAD}content-length: 900\r\n\r\n"))),
        ("hints and no answer", endless("", &b"HTTP/1.1 103 Early Hints\r\n\r\n".repeat(100))),
        ("nothing", Behaviour::Silent),
    ] {
        let upstream = Upstream::start("127.0.0.1", behaviour).await;
        let request = HttpRequest { timeout: Duration::from_millis(200), ..get(upstream.url()) };
        assert_eq!(egress(&open()).send(request).await.unwrap_err(), HttpFailure::TimedOut, "{what}");
    }
}

#[tokio::test]
async fn an_answer_is_as_long_as_it_came_and_nobody_unpacks_it() {
    let upstream = Upstream::start("127.0.0.1", Behaviour::Says(gzip_bomb())).await;
    let request = HttpRequest { response_limit: 100_000, ..get(upstream.url()) };
    let answer = egress(&open()).send(request).await.unwrap();
    assert_eq!((&answer.headers[header::CONTENT_ENCODING], answer.body.len()), (&"gzip".parse().unwrap(), 66_077));
    assert_eq!(egress(&open()).send(get(upstream.url())).await.unwrap_err(), HttpFailure::TooLarge);
}

#[tokio::test]
async fn what_is_no_answer_is_none() {
    for said in [
        "SSH-2.0-OpenSSH_9.9\r\n",
        "",
        "HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 30\r\n\r\nhi",
        "HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\nhi",
        "HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\nhi",
        "HTTP/1.1 200 OK\r\nx a: b\r\n\r\nhi",
        "HTTP/1.1 99999 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nffffffffffffffffff\r\nhi",
    ] {
        let upstream = Upstream::start("127.0.0.1", Behaviour::Says(said.as_bytes().to_vec())).await;
        assert_eq!(egress(&open()).send(get(upstream.url())).await.unwrap_err(), HttpFailure::Unreachable, "{said:?}");
    }
}

#[tokio::test]
async fn no_spelling_of_an_address_leads_where_the_address_does_not() {
    let upstream = Upstream::start(&Ipv4Addr::UNSPECIFIED.to_string(), Behaviour::Honest).await;
    let port = upstream.address.port();
    let closed = config::Egress { plain_http: true, ..Default::default() };
    // Even for who has opened every network there is.
    let all = ["0.0.0.0/0", "::/0", "169.254.169.254/32"].map(|network| network.parse().unwrap()).to_vec();
    let opened = config::Egress { allow: all, plain_http: true, ..Default::default() };
    for (settings, spellings) in [
        (
            &closed,
            &[
                "localhost",
                "LOCALHOST",
                "[::]",
                "[::127.0.0.1]",
                "[::ffff:7f00:1]",
                "0x7f.1",
                "0177.0.0.1",
                "127.0.0.2",
            ][..],
        ),
        (
            &opened,
            &[
                "169.254.169.254",
                "169.254.169.254.",
                "[::ffff:169.254.169.254]",
                "[::ffff:a9fe:a9fe]",
                "[::169.254.169.254]",
                "0xa9fea9fe",
                "2852039166",
                "169.254.43518",
                "0251.0376.0251.0376",
                "168.63.129.16",
                "[fd00:ec2::254]",
                "[fe80::a9fe:a9fe]",
            ],
        ),
    ] {
        for host in spellings {
            let url = format!("http://{host}:{port}/");
            let failure = egress(settings).send(get(&url)).await.unwrap_err();
            // With a dot at its end some resolvers take it for a name, which there is none of.
            let name = host.ends_with('.') && failure == HttpFailure::Unreachable;
            assert!(failure == HttpFailure::Denied || name, "{url}: {failure:?}");
        }
    }
    assert_eq!(upstream.connections(), 0);
}

/// A name that leads elsewhere each time that it is asked.
#[derive(Debug)]
struct Flips {
    answers: [std::net::IpAddr; 2],
    asked: AtomicUsize,
}

impl Names for Flips {
    fn look_up<'a>(&'a self, _: &'a str, port: u16) -> Found<'a> {
        let ip = self.answers[self.asked.fetch_add(1, Ordering::SeqCst) % 2];
        Box::pin(async move { Ok(vec![SocketAddr::new(ip, port)]) })
    }
}

#[tokio::test]
async fn a_name_that_leads_inside_when_it_is_asked_again_is_asked_once_for_each_connection_and_judged_each_time() {
    let closing = b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n".to_vec();
    let servers = [("127.0.0.2", Behaviour::Says(closing)), ("127.0.0.1", Behaviour::Honest)];
    let [outside, inside] = Upstream::pair(servers).await;
    let port = outside.address.port();
    let flips =
        Flips { answers: ["127.0.0.2".parse().unwrap(), "127.0.0.1".parse().unwrap()], asked: AtomicUsize::new(0) };
    let flips = Arc::new(flips);
    let settings = config::Egress { allow: vec!["127.0.0.2/32".parse().unwrap()], ..open() };
    let egress = Egress::with_names(&settings, Arc::new(KeySigner::new(Arc::new(tenants()))), flips.clone()).unwrap();
    let url = format!("http://rebind.example:{port}/");
    assert_eq!(egress.send(get(url.clone())).await.unwrap().status, StatusCode::NO_CONTENT);
    assert_eq!(egress.send(get(url)).await.unwrap_err(), HttpFailure::Denied);
    assert_eq!((flips.asked.load(Ordering::SeqCst), outside.connections(), inside.connections()), (2, 1, 0));
}
