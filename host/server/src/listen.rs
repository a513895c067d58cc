//! HTTP in: sockets, bodies, time limits; every answer comes from the flow.
//!
//! Owns the listener and what bounds a caller: head and body must arrive in time, a body is read up to the limit and no further, and a
//! shutdown lets running requests end. Does not own routes (`passerelle_flow::http`). TLS ends in the proxy in front.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use bytes::{Bytes, BytesMut};
use http::{Request, Response};
use http_body_util::BodyExt as _;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use passerelle_flow::flow::Flow;
use passerelle_flow::http::Problem;
use tokio::net::TcpListener;
use tokio::sync::{Notify, watch};

use crate::host::ServerHost;

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
}

/// Serves until `stop` turns true, then lets the running requests end.
pub async fn serve(
    listener: TcpListener,
    flow: Arc<Flow<ServerHost>>,
    wake: Arc<Notify>,
    mut stop: watch::Receiver<bool>,
) {
    let app = Router::new().fallback(answer).with_state(Shared { flow, wake });
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEAD_TIME);
    builder.http2().timer(TokioTimer::new());
    let graceful = GracefulShutdown::new();
    loop {
        let stream = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => stream,
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
        let connection = builder
            .serve_connection_with_upgrades(TokioIo::new(stream), TowerToHyperService::new(app.clone()))
            .into_owned();
        let watched = graceful.watch(connection);
        tokio::spawn(async move {
            if let Err(error) = watched.await {
                tracing::debug!(error = %error, "connection");
            }
        });
    }
    drop(listener);
    if tokio::time::timeout(GRACE, graceful.shutdown()).await.is_err() {
        tracing::warn!("requests were still running when the time for the shutdown was over");
    }
}

pub(crate) async fn stopped(stop: &mut watch::Receiver<bool>) {
    // An error means that the sender is gone, which is a stop as well.
    let _ = stop.wait_for(|stop| *stop).await;
}

async fn answer(State(shared): State<Shared>, request: Request<Body>) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let limit = shared.flow.options.body_limit;
    let body = match tokio::time::timeout(BODY_TIME, read(body, limit)).await {
        Ok(Ok(Some(body))) => body,
        Ok(Ok(None)) => return refuse(&shared, Problem::too_large(), &parts),
        // The caller went away or sends nothing: whatever is answered is for the proxy.
        Ok(Err(())) | Err(_) => {
            return refuse(&shared, Problem::field("", "the body did not arrive in time"), &parts);
        }
    };
    let post = parts.method == http::Method::POST;
    let response = shared.flow.handle(Request::from_parts(parts, body)).await;
    if post && response.status().is_success() {
        shared.wake.notify_waiters();
    }
    response.map(Body::from)
}

/// None: longer than the limit.
async fn read(mut body: Body, limit: usize) -> Result<Option<Bytes>, ()> {
    let mut whole = BytesMut::new();
    while let Some(frame) = body.frame().await {
        if let Ok(data) = frame.map_err(|_| ())?.into_data() {
            if whole.len() + data.len() > limit {
                return Ok(None);
            }
            whole.extend_from_slice(&data);
        }
    }
    Ok(Some(whole.freeze()))
}

fn refuse(shared: &Shared, problem: Problem, parts: &http::request::Parts) -> Response<Body> {
    shared.flow.refuse(problem, &parts.headers, parts.uri.path()).map(Body::from)
}
