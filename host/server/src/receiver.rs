//! `passerelle webhook listen` and `verify`: the receiver's side, for whoever writes one.
//!
//! Owns a receiver on the loopback address that says of each request whether it is genuine and prints it, and the same judgement of one that was
//! received elsewhere. Does not own the signatures (`passerelle_flow::webhook::signature`).

#![allow(clippy::print_stdout)] // what a command is asked for goes to standard output

use std::future::IntoFuture as _;
use std::io::Read as _;
use std::net::Ipv4Addr;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use http::{HeaderMap, Method, StatusCode};
use passerelle_flow::identity::Millis;
use passerelle_flow::ports::Clock as _;
use passerelle_flow::webhook::signature::{
    Received, Secret, TOLERANCE_S, Verifier, VerifyError, verify as verify_standard,
};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};

use crate::commands::runtime;
use crate::host::ServerClock;

/// The headers of one webhook, as somebody copied them.
#[derive(Default)]
pub struct Headers {
    pub id: Option<String>,
    pub timestamp: Option<String>,
    pub signature: Option<String>,
    /// `X-NEOSTORE-SIGNATURE`, instead of the three.
    pub neostore: Option<String>,
}

pub fn verify(secret: &str, body: &Path, headers: &Headers, at: Option<i64>) -> anyhow::Result<bool> {
    let body = read(body)?;
    if let Some(signature) = &headers.neostore {
        let secret = Secret::parse(secret.trim())?;
        let genuine = secret.verifies_neostore(&body, signature);
        println!(
            "{}",
            if genuine {
                "Genuine."
            } else {
                "Not genuine: the signature was not made over this body with this secret."
            }
        );
        return Ok(genuine);
    }
    let verifier = Verifier::parse(secret)?;
    let now = at.map_or_else(|| ServerClock::default().now(), |seconds| seconds.saturating_mul(1_000));
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    let (id, timestamp, signature) = (text(&headers.id), text(&headers.timestamp), text(&headers.signature));
    let received = Received { id: &id, timestamp: &timestamp, signature: &signature };
    let judged = verify_standard(&verifier, received, &body, now, TOLERANCE_S);
    match judged {
        Ok(()) => println!("Genuine."),
        Err(error) => println!("Not genuine: {error}.{}", hint(error)),
    }
    Ok(judged.is_ok())
}

/// What it usually is.
fn hint(error: VerifyError) -> &'static str {
    match error {
        VerifyError::Old => " For one that was received a while ago, say when with --at.",
        VerifyError::Future => " One of the two clocks is wrong.",
        VerifyError::Headers => "",
        VerifyError::Forged => {
            " Usually the body was read as JSON and written anew, or ends in a line break that was not sent; or the secret is that of another endpoint."
        }
    }
}

fn read(body: &Path) -> anyhow::Result<Vec<u8>> {
    if body.as_os_str() == "-" {
        let mut bytes = Vec::new();
        std::io::stdin().lock().read_to_end(&mut bytes)?;
        return Ok(bytes);
    }
    std::fs::read(body).with_context(|| format!("cannot read {}", body.display()))
}

struct Shared {
    verifiers: Vec<Verifier>,
    status: StatusCode,
    /// Told of each request when it is answered.
    answered: mpsc::Sender<bool>,
}

pub fn listen(port: u16, secrets: &[String], status: u16, count: Option<u32>) -> anyhow::Result<bool> {
    let verifiers = secrets.iter().map(|secret| Verifier::parse(secret)).collect::<Result<Vec<_>, _>>()?;
    let status = StatusCode::from_u16(status)?;
    runtime(None)?.block_on(async {
        let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.with_context(|| format!("port {port}"))?;
        println!("Listening: http://{}/", socket.local_addr()?);
        if verifiers.is_empty() {
            println!("Nothing is verified: --secret says with what.");
        }
        let (answered, mut seen) = mpsc::channel(16);
        let shared = Arc::new(Shared { verifiers, status, answered });
        let app = Router::new().fallback(receive).with_state(shared);
        let (end, ended) = oneshot::channel::<()>();
        let serving = axum::serve(socket, app).with_graceful_shutdown(async {
            let _ = ended.await;
        });
        let serving = tokio::spawn(serving.into_future());
        let (mut requests, mut genuine) = (0, true);
        while count.is_none_or(|count| requests < count) {
            tokio::select! {
                next = seen.recv() => genuine &= next.unwrap_or(false),
                interrupted = tokio::signal::ctrl_c() => { interrupted?; break }
            }
            requests += 1;
        }
        // The last answer goes out first.
        let _ = end.send(());
        serving.await??;
        Ok(genuine)
    })
}

async fn receive(
    State(shared): State<Arc<Shared>>,
    method: Method,
    headers: HeaderMap,
    body: Bytes,
) -> (StatusCode, &'static str) {
    let judged = judge(&shared.verifiers, &headers, &body, ServerClock::default().now());
    let said = match &judged {
        None => "not verified".to_owned(),
        Some(Ok(())) => "genuine".to_owned(),
        Some(Err(error)) => format!("NOT GENUINE: {error}"),
    };
    println!("\n{method} {}  {said}", header(&headers, "webhook-id"));
    match serde_json::from_slice::<Value>(&body) {
        Ok(json) => println!("{}", serde_json::to_string_pretty(&json).unwrap_or_default()),
        Err(_) => println!("{}", String::from_utf8_lossy(&body).escape_debug()),
    }
    let genuine = !matches!(judged, Some(Err(_)));
    let _ = shared.answered.send(genuine).await;
    if genuine { (shared.status, "received\n") } else { (StatusCode::UNAUTHORIZED, "not genuine\n") }
}

/// None: there is nothing to verify with.
fn judge(verifiers: &[Verifier], headers: &HeaderMap, body: &[u8], now: Millis) -> Option<Result<(), VerifyError>> {
    let received = Received {
        id: header(headers, "webhook-id"),
        timestamp: header(headers, "webhook-timestamp"),
        signature: header(headers, "webhook-signature"),
    };
    let mut judged = None;
    for verifier in verifiers {
        let one = verify_standard(verifier, received, body, now, TOLERANCE_S);
        judged = Some(one);
        if one.is_ok() {
            break;
        }
    }
    judged
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}
