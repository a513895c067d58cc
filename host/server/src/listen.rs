//! HTTP in: sockets, bodies, time limits; every answer comes from the flow.
//!
//! Owns the listener and what bounds a caller: head and body must arrive in time, a body is read up to the limit and no further, and a
//! shutdown lets running requests end. A request that has begun is finished although its caller hangs up: it may hold the lease of a file,
//! which would else be nobody's until it runs out. Does not own routes (`passerelle_flow::http`). TLS ends in the proxy in front.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::{Extension, Router};
use bytes::{Bytes, BytesMut};
use http::{HeaderValue, Request, Response, Version, header};
use http_body_util::BodyExt as _;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use ipnet::IpNet;
use passerelle_flow::flow::Flow;
use passerelle_flow::http::{Peer, Problem};
use tokio::net::TcpListener;
use tokio::sync::{Notify, mpsc, watch};

use crate::host::ServerHost;
use crate::peer;

/// A head that takes longer than this is a slow-loris or a dead line; hyper's own default is 30 s.
const HEAD_TIME: Duration = Duration::from_secs(10);
/// A body of at most 256 KiB that takes longer than this: the same.
const BODY_TIME: Duration = Duration::from_secs(15);
/// How long requests that run may take to end after a shutdown was asked for: the time limit that SecuTix's fetch has, and a little.
const GRACE: Duration = Duration::from_secs(35);

#[derive(Clone)]
struct Shared {
    flow: Arc<Flow<ServerHost>>,
    /// Wakes the workers after an accepted request, so that an idle server reacts at once.
    wake: Arc<Notify>,
    /// Whose word about their callers is taken.
    proxies: Arc<[IpNet]>,
    /// Held by each request that is being answered; nothing is sent on it.
    _working: mpsc::Sender<()>,
}

/// The other end of the connection that a request came by.
#[derive(Clone, Copy)]
struct Socket(IpAddr);

/// Serves until `stop` turns true, then lets the running requests end.
pub async fn serve(
    listener: TcpListener,
    flow: Arc<Flow<ServerHost>>,
    wake: Arc<Notify>,
    proxies: Arc<[IpNet]>,
    mut stop: watch::Receiver<bool>,
) {
    let (working, mut worked) = mpsc::channel(1);
    let app = Router::new().fallback(answer).with_state(Shared { flow, wake, proxies, _working: working });
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEAD_TIME);
    builder.http2().timer(TokioTimer::new());
    let graceful = GracefulShutdown::new();
    loop {
        let (stream, from): (_, SocketAddr) = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    // Out of file descriptors, most likely: without a pause this would spin.
                    tracing::error!(%error, "accept");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                }
            },
            () = stopped(&mut stop) => break,
        };
        // Answers are small: waiting for more to send would only cost the phone its time.
        let _ = stream.set_nodelay(true);
        let app = app.clone().layer(Extension(Socket(from.ip())));
        let connection =
            builder.serve_connection_with_upgrades(TokioIo::new(stream), TowerToHyperService::new(app)).into_owned();
        let watched = graceful.watch(connection);
        tokio::spawn(async move {
            if let Err(error) = watched.await {
                tracing::debug!(error = %error, "connection");
            }
        });
    }
    drop((listener, app));
    let ended = async {
        graceful.shutdown().await;
        // Those whose callers have gone. The channel ends with its last sender.
        while worked.recv().await.is_some() {}
    };
    if tokio::time::timeout(GRACE, ended).await.is_err() {
        tracing::warn!("requests were still running when the time for the shutdown was over");
    }
}

pub(crate) async fn stopped(stop: &mut watch::Receiver<bool>) {
    // An error means that the sender is gone, which is a stop as well.
    let _ = stop.wait_for(|stop| *stop).await;
}

async fn answer(
    State(shared): State<Shared>,
    Extension(Socket(socket)): Extension<Socket>,
    request: Request<Body>,
) -> Response<Body> {
    let (mut parts, body) = request.into_parts();
    parts.extensions.insert(Peer(peer::caller(socket, &parts.headers, &shared.proxies)));
    let limit = shared.flow.options.body_limit;
    let body = match tokio::time::timeout(BODY_TIME, read(body, limit)).await {
        Ok(Ok(Some(body))) => body,
        Ok(Ok(None)) => return refuse(&shared, Problem::too_large(), &parts),
        Ok(Err(Broken)) => return refuse(&shared, Problem::body_broken(), &parts),
        // The caller went away or sends nothing: whatever is answered is for the proxy.
        Err(_) => return refuse(&shared, Problem::body_late(), &parts),
    };
    let (headers, path) = (parts.headers.clone(), parts.uri.path().to_owned());
    // A task of its own: this future is dropped when the caller hangs up.
    let handled = tokio::spawn(handle(shared.clone(), Request::from_parts(parts, body)));
    match handled.await {
        Ok(response) => response.map(Body::from),
        Err(error) => {
            tracing::error!(panicked = error.is_panic(), "a request ended by itself");
            shared.flow.refuse(Problem::internal(), &headers, &path).map(Body::from)
        }
    }
}

async fn handle(shared: Shared, request: Request<Bytes>) -> Response<Bytes> {
    let tells = matches!(*request.method(), http::Method::POST | http::Method::PUT);
    // It may hold a lease, and ends before the lease does.
    let (headers, path) = (request.headers().clone(), request.uri().path().to_owned());
    let response = match tokio::time::timeout(shared.flow.patience(), shared.flow.handle(request)).await {
        Ok(response) => response,
        Err(_) => shared.flow.refuse(Problem::under_way(), &headers, &path),
    };
    if tells && response.status().is_success() {
        shared.wake.notify_waiters();
    }
    response
}

/// The caller's bytes are no HTTP body, or end before it does.
struct Broken;

/// None: longer than the limit.
async fn read(mut body: Body, limit: usize) -> Result<Option<Bytes>, Broken> {
    let mut whole = BytesMut::new();
    while let Some(frame) = body.frame().await {
        if let Ok(data) = frame.map_err(|_| Broken)?.into_data() {
            if whole.len() + data.len() > limit {
                return Ok(None);
            }
            whole.extend_from_slice(&data);
        }
    }
    Ok(Some(whole.freeze()))
}

fn refuse(shared: &Shared, problem: Problem, parts: &http::request::Parts) -> Response<Body> {
    let mut response = shared.flow.refuse(problem, &parts.headers, parts.uri.path()).map(Body::from);
    // What is left of the body is not read, so the connection ends; a caller who is not told sends its next request into it. RFC 9112, 9.6.
    if parts.version <= Version::HTTP_11 {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}
