//! Rows of whom a plugin has called: servers that mean harm, and addresses of the inside of a network. Through the server's own egress; what counts for
//! an address that must not be called is that nobody was connected to.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use bytes::Bytes;
use http::Method;
use passerelle_flow::identity::TenantId;
use passerelle_flow::ports::{Http as _, HttpFailure, HttpRequest};
use passerelle_guests::upstream::{Behaviour, Upstream, gzip_bomb};
use passerelle_server::config::{self, Settings, Tenants};
use passerelle_server::egress::{Egress, Found, Names};
use passerelle_server::signer::KeySigner;

use crate::row::{Expected, Once, Table};

/// What a request may take here, and the bytes of an answer: a tenant's own limits, but for the time, which is ten times that.
const TIMEOUT: Duration = Duration::from_secs(1);
const BODY: usize = 256 << 10;
/// A refusal, or an answer that is cut.
const AT_ONCE: Duration = Duration::from_millis(100);
/// KB for an answer's body, the headers, and the buffers of a connection.
const ROOM: u64 = 1 << 10;
/// Bytes that the kernel takes from a server before anybody reads them: buffers of both sockets, which grow up to this.
const BUFFERS: u64 = 16 << 20;

/// An answer after which the next request needs another connection.
const CLOSING: &[u8] = b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n";

fn egress(allow: &[&str]) -> Result<Egress> {
    let (settings, signer) = set(allow)?;
    Ok(Egress::new(&settings, signer)?)
}

fn egress_with(allow: &[&str], names: Arc<dyn Names>) -> Result<Egress> {
    let (settings, signer) = set(allow)?;
    Ok(Egress::with_names(&settings, signer, names)?)
}

fn set(allow: &[&str]) -> Result<(config::Egress, Arc<KeySigner>)> {
    let allow = allow.iter().map(|network| network.parse()).collect::<Result<_, _>>()?;
    let settings = match Settings::parse("passerelle.toml", b"", Path::new("/nonexistent")) {
        Ok(settings) => settings,
        Err(problems) => bail!("{problems:?}"),
    };
    let signer = Arc::new(KeySigner::new(Arc::new(Tenants::new(&settings))));
    Ok((config::Egress { allow, plain_http: true, extra_roots: vec![] }, signer))
}

fn get(url: String) -> Result<HttpRequest> {
    Ok(HttpRequest {
        method: Method::GET,
        url,
        headers: vec![],
        body: Bytes::new(),
        timeout: TIMEOUT,
        response_limit: BODY,
        identity: None,
        on_behalf_of: Some(TenantId::parse("hostile")?),
    })
}

pub async fn rows(table: &mut Table) -> Result<()> {
    for (case, tried, stopped_by, within, behaviour) in servers() {
        if !table.wants(case) {
            continue;
        }
        let upstream = Upstream::start("127.0.0.1", behaviour).await;
        let egress = egress(&["127.0.0.1/32"])?;
        let (tried, stopped_by) = (tried.to_owned(), stopped_by.to_owned());
        let expected = Expected { case: case.to_owned(), tried, stopped_by, within, room: ROOM };
        table
            .row(expected, async || {
                let (began, before) = (Instant::now(), upstream.sent());
                let answer = egress.send(get(upstream.url())?).await;
                let lived = began.elapsed();
                let sent = upstream.sent() - before;
                let stopped_by = match answer {
                    Err(failure) if sent > BUFFERS => format!("{failure}, after {} MB", sent >> 20),
                    Err(failure) => failure.to_string(),
                    Ok(answer) => format!("{} with {} bytes, as they came", answer.status.as_u16(), answer.body.len()),
                };
                Ok(Once { stopped_by, lived })
            })
            .await?;
    }
    redirect(table).await?;
    names(table).await?;
    inside(table).await?;
    metadata(table).await
}

type Server = (&'static str, &'static str, &'static str, Duration, Behaviour);

fn servers() -> Vec<Server> {
    const HEAD: &str = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n";
    let head = |rest: &str| format!("{HEAD}{rest}").into_bytes();
    let endless = |head: Vec<u8>, again: Vec<u8>| Behaviour::Endless { head, again };
    let every = Duration::from_millis(20);
    let (too_large, timed_out, unreachable) =
        (HttpFailure::TooLarge.to_string(), HttpFailure::TimedOut.to_string(), HttpFailure::Unreachable.to_string());
    // Leaked once per run, for rows that all have it.
    let [too_large, timed_out, unreachable] = [too_large, timed_out, unreachable].map(|text| &*text.leak());
    let chunk = [b"10000\r\n".to_vec(), vec![b'x'; 65_536], b"\r\n".to_vec()].concat();
    let bomb = gzip_bomb();
    vec![
        ("never-answers", "Takes the request and says nothing.", timed_out, TIMEOUT, Behaviour::Silent),
        (
            "endless-body",
            "Answers in chunks without an end.",
            too_large,
            AT_ONCE,
            endless(head("transfer-encoding: chunked\r\n\r\n"), chunk),
        ),
        (
            "body-of-an-exabyte",
            "Announces a body of an exabyte, and begins to send it.",
            too_large,
            AT_ONCE,
            endless(head("content-length: 1152921504606846976\r\n\r\n"), vec![b'x'; 65_536]),
        ),
        (
            "drip",
            "Sends its body one byte at a time.",
            timed_out,
            TIMEOUT,
            Behaviour::Drips { head: head("content-length: 100000\r\n\r\n"), every },
        ),
        (
            "drip-in-the-head",
            "Sends its headers one byte at a time.",
            timed_out,
            TIMEOUT,
            Behaviour::Drips { head: head("x-a: "), every },
        ),
        (
            "headers-of-10-mb",
            "Answers with a header of 10 MB, and then with the rest.",
            unreachable,
            AT_ONCE,
            endless(head("x-a: "), vec![b'x'; 65_536]),
        ),
        (
            "headers-without-end",
            "Answers with one small header after the other.",
            unreachable,
            AT_ONCE,
            endless(head(""), b"x-a: b\r\n".repeat(1000)),
        ),
        (
            "early-hints-without-end",
            "Answers with 103 for ever, and never with an answer.",
            timed_out,
            TIMEOUT,
            endless(vec![], b"HTTP/1.1 103 Early Hints\r\n\r\n".repeat(100)),
        ),
        (
            "chunk-extension-without-end",
            "Answers with a chunk whose extension has no end.",
            unreachable,
            AT_ONCE,
            endless(head("transfer-encoding: chunked\r\n\r\n2;x="), vec![b'x'; 65_536]),
        ),
        (
            "trailers-without-end",
            "Ends its body and sends trailers for ever.",
            unreachable,
            AT_ONCE,
            endless(head("transfer-encoding: chunked\r\n\r\n0\r\n"), b"x-a: b\r\n".repeat(1000)),
        ),
        (
            "gzip-bomb",
            "Answers with 66 KB that unpack to 10 MB.",
            "200 with 66077 bytes, as they came",
            AT_ONCE,
            Behaviour::Says(bomb),
        ),
        (
            "two-lengths",
            "Answers with two lengths, of which each reader may take another.",
            unreachable,
            AT_ONCE,
            Behaviour::Says(head("content-length: 2\r\ncontent-length: 30\r\n\r\nhi")),
        ),
        (
            "no-http",
            "Answers with what is no HTTP.",
            unreachable,
            AT_ONCE,
            Behaviour::Says(b"SSH-2.0-OpenSSH_9.9\r\n".to_vec()),
        ),
        (
            "cut-answer",
            "Ends in the middle of its body.",
            unreachable,
            AT_ONCE,
            Behaviour::Says(head("content-length: 1000\r\n\r\nhi")),
        ),
    ]
}

/// To where the policy does not let anybody go: another address of this machine, with a server of its own that counts.
async fn redirect(table: &mut Table) -> Result<()> {
    if !table.wants("redirect-inside") {
        return Ok(());
    }
    let elsewhere = Upstream::start("127.0.0.2", Behaviour::Honest).await;
    let head = format!(
        "HTTP/1.1 302 Found\r\nlocation: {}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
        elsewhere.url()
    );
    let upstream = Upstream::start("127.0.0.1", Behaviour::Says(head.into_bytes())).await;
    let egress = egress(&["127.0.0.1/32"])?;
    let expected = Expected {
        case: "redirect-inside".to_owned(),
        tried: "Answers with a redirect to a server of this machine.".to_owned(),
        stopped_by: "302 is the answer; the server there was called 0 times".to_owned(),
        within: AT_ONCE,
        room: ROOM,
    };
    table
        .row(expected, async || {
            let began = Instant::now();
            let stopped_by = match egress.send(get(upstream.url())?).await {
                Ok(answer) => format!(
                    "{} is the answer; the server there was called {} times",
                    answer.status.as_u16(),
                    elsewhere.connections()
                ),
                Err(failure) => failure.to_string(),
            };
            Ok(Once { stopped_by, lived: began.elapsed() })
        })
        .await
}

/// Each spelling of this machine, by name and by number, while nothing is opened.
async fn inside(table: &mut Table) -> Result<()> {
    let spellings = [
        "127.0.0.1",
        "localhost",
        "LOCALHOST",
        "localhost.",
        "0.0.0.0",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[::127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0x7f.1",
        "0177.0.0.1",
        "127.0.0.2",
    ];
    nobody_is_called(
        table,
        "dials-loopback",
        "Has this machine called, by name and in each spelling of its address; a server listens there.",
        &[],
        &spellings,
    )
    .await
}

/// A name whose owner answers each question with the next of these addresses, over and over.
#[derive(Debug)]
struct Flips {
    answers: Vec<IpAddr>,
    asked: AtomicUsize,
}

impl Names for Flips {
    fn look_up<'a>(&'a self, _: &'a str, port: u16) -> Found<'a> {
        let at = self.asked.fetch_add(1, Ordering::SeqCst) % self.answers.len();
        let address = self.answers.get(at).map(|ip| SocketAddr::new(*ip, port));
        Box::pin(async move { Ok(address.into_iter().collect()) })
    }
}

/// Names that lie: one that leads to the inside in every spelling of an address, and one that leads elsewhere when it is asked again.
async fn names(table: &mut Table) -> Result<()> {
    let inside: [IpAddr; 6] = [
        Ipv4Addr::new(169, 254, 169, 254).into(),
        Ipv4Addr::new(127, 0, 0, 1).into(),
        Ipv4Addr::new(127, 0, 0, 1).to_ipv6_mapped().into(),
        Ipv4Addr::new(127, 0, 0, 1).to_ipv6_compatible().into(),
        Ipv4Addr::new(10, 0, 0, 1).into(),
        Ipv6Addr::LOCALHOST.into(),
    ];
    let case = "name-that-leads-inside";
    if table.wants(case) {
        let upstream = Upstream::start(&Ipv4Addr::UNSPECIFIED.to_string(), Behaviour::Honest).await;
        let flips = Arc::new(Flips { answers: inside.to_vec(), asked: AtomicUsize::new(0) });
        let (egress, port) = (egress_with(&[], flips)?, upstream.address.port());
        let expected = Expected {
            case: case.to_owned(),
            tried:
                "Resolves to this machine, its network and the metadata service, in the spellings that addresses have."
                    .to_owned(),
            stopped_by: "6 of 6 denied, 0 connections".to_owned(),
            within: AT_ONCE * 6,
            room: ROOM,
        };
        table
            .row(expected, async || {
                let (began, mut denied) = (Instant::now(), 0);
                for n in 0..inside.len() {
                    let answer = egress.send(get(format!("http://n{n}.rebind.example:{port}/"))?).await;
                    denied += u32::from(matches!(answer, Err(HttpFailure::Denied)));
                }
                let stopped_by = format!("{denied} of 6 denied, {} connections", upstream.connections());
                Ok(Once { stopped_by, lived: began.elapsed() })
            })
            .await?;
    }
    let case = "name-that-flips";
    if table.wants(case) {
        // The first address may be called, the second may not. A server listens on both.
        let (outside, inside) = ("127.0.0.2", "127.0.0.1");
        let expected = Expected {
            case: case.to_owned(),
            tried: "Resolves to an address that may be called, and to one that may not when it is asked again."
                .to_owned(),
            stopped_by: "asked once for each connection, 0 connections inside".to_owned(),
            within: AT_ONCE,
            room: ROOM,
        };
        let servers = [(outside, Behaviour::Says(CLOSING.to_vec())), (inside, Behaviour::Honest)];
        let [allowed, forbidden] = Upstream::pair(servers).await;
        let port = allowed.address.port();
        table
            .row(expected, async || {
                let flips = Flips { answers: vec![outside.parse()?, inside.parse()?], asked: AtomicUsize::new(0) };
                let flips = Arc::new(flips);
                let egress = egress_with(&["127.0.0.2/32"], flips.clone())?;
                let began = Instant::now();
                let url = format!("http://rebind.example:{port}/");
                let (first, second) = (egress.send(get(url.clone())?).await, egress.send(get(url)?).await);
                let lived = began.elapsed();
                let fine = first.is_ok() && matches!(second, Err(HttpFailure::Denied));
                let asked = flips.asked.load(Ordering::SeqCst);
                let once = if fine && asked == 2 {
                    "asked once for each connection".to_owned()
                } else {
                    format!("asked {asked} times: {:?}, {:?}", first.map(|it| it.status), second.map(|it| it.status))
                };
                Ok(Once { stopped_by: format!("{once}, {} connections inside", forbidden.connections()), lived })
            })
            .await?;
    }
    Ok(())
}

/// The metadata services, while the operator has opened every network there is.
async fn metadata(table: &mut Table) -> Result<()> {
    let spellings = [
        "169.254.169.254",
        "169.254.169.254.",
        "[::ffff:169.254.169.254]",
        "[::ffff:a9fe:a9fe]",
        "[::169.254.169.254]",
        "0xa9fea9fe",
        "2852039166",
        "169.254.43518",
        "0251.0376.0251.0376",
        "169.254.170.2",
        "168.63.129.16",
        "[fd00:ec2::254]",
        "[fe80::a9fe:a9fe]",
    ];
    nobody_is_called(
        table,
        "dials-metadata-services",
        "Has the clouds' metadata services called, in each spelling, while the operator has opened every network.",
        &["0.0.0.0/0", "::/0", "169.254.169.254/32"],
        &spellings,
    )
    .await
}

fn is_asked_of_others(host: &str) -> bool {
    host.ends_with('.') || host.eq_ignore_ascii_case("localhost")
}

async fn nobody_is_called(
    table: &mut Table,
    case: &str,
    tried: &str,
    allow: &[&str],
    spellings: &[&str],
) -> Result<()> {
    if !table.wants(case) {
        return Ok(());
    }
    // On all addresses of this machine, so that it would be found under any.
    let upstream = Upstream::start(&Ipv4Addr::UNSPECIFIED.to_string(), Behaviour::Honest).await;
    let (egress, port) = (egress(allow)?, upstream.address.port());
    let expected = Expected {
        case: case.to_owned(),
        tried: tried.to_owned(),
        stopped_by: "all of them denied, 0 connections".to_owned(),
        // And the time of a request that waits for a resolver.
        within: TIMEOUT + AT_ONCE * u32::try_from(spellings.len()).unwrap_or(u32::MAX),
        room: ROOM,
    };
    table
        .row(expected, async || {
            let (began, mut called) = (Instant::now(), Vec::new());
            for host in spellings {
                match egress.send(get(format!("http://{host}:{port}/"))?).await {
                    Err(HttpFailure::Denied) => {}
                    // Not every resolver knows this machine by each of its names, nor takes what has a dot at its end for an address; and one that asks
                    // others for it may wait for them.
                    Err(HttpFailure::Unreachable | HttpFailure::TimedOut) if is_asked_of_others(host) => {}
                    other => called.push(format!("{host}: {:?}", other.map(|answer| answer.status))),
                }
            }
            let what = if called.is_empty() { "all of them denied".to_owned() } else { called.join(", ") };
            let stopped_by = format!("{what}, {} connections", upstream.connections());
            Ok(Once { stopped_by, lived: began.elapsed() })
        })
        .await
}
