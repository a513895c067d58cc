//! Requests from outside and from neighbours, on their way to a component.
//!
//! What Spin does between the socket and the guest, and no more: no limit on bodies, no timeout of its own, an empty 500 for whatever goes
//! wrong in a guest. One thing differs: `TCP_NODELAY` is set on accepted connections, without which every awaited answer costs 40 ms.

use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Empty, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use wasmtime_wasi_http::{Error, WasiBody};

use crate::application::Application;
use crate::egress::{Inside, Neighbours};
use crate::manifest::{Either, HttpTrigger, StaticResponse};
use crate::request_headers::{self, RequestError};
use crate::routes::Match;

/// Everything below is the host's own.
const WELL_KNOWN: &str = "/.well-known/spin/";
/// What a component sees as the client when a neighbour calls; Spin's choice.
const NEIGHBOUR: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0);

/// Who answers a route.
#[derive(Debug)]
pub enum Target {
    Component(String),
    /// With the trigger's id.
    Static(String, StaticResponse),
}

impl Target {
    /// A trigger's public route; a private one has none.
    pub fn of(trigger: &HttpTrigger) -> Option<(String, Self)> {
        let Either::Text(route) = &trigger.route else { return None };
        let target = match (&trigger.component, &trigger.static_response) {
            (Some(component), _) => Self::Component(component.clone()),
            (None, Some(response)) => Self::Static(trigger.id.clone(), response.clone()),
            (None, None) => return None,
        };
        Some((route.clone(), target))
    }
}

pub struct Server {
    application: Application,
    address: SocketAddr,
}

impl Server {
    /// The listener is bound already; from now on components know where they are.
    pub fn new(application: Application, address: SocketAddr) -> Arc<Self> {
        let server = Arc::new(Self { application, address });
        let neighbours: Arc<dyn Neighbours> = Arc::new(Inner(Arc::clone(&server)));
        _ = server.application.inside.set(Inside { address, neighbours });
        server
    }

    /// What Spin prints at start with `--format json`.
    pub fn announcement(&self) -> Value {
        let routes: Vec<Value> = self
            .application
            .routes
            .list()
            .map(|(route, wildcard, target)| {
                let (Target::Component(id) | Target::Static(id, _)) = target;
                json!({ "id": id, "route": route, "wildcard": wildcard })
            })
            .collect();
        json!({ "base_url": self.base_url(), "routes": routes })
    }

    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub async fn serve(self: Arc<Self>, listener: TcpListener) {
        loop {
            match listener.accept().await {
                Ok((stream, client)) => drop(tokio::spawn(Arc::clone(&self).connection(stream, client))),
                // Out of descriptors, most likely: the next one may do better, once others have gone.
                Err(error) => {
                    eprintln!("a connection is not accepted: {error}");
                    tokio::task::yield_now().await;
                }
            }
        }
    }

    async fn connection(self: Arc<Self>, stream: TcpStream, client: SocketAddr) {
        if let Err(error) = stream.set_nodelay(true) {
            eprintln!("TCP_NODELAY: {error}");
        }
        let service = service_fn(move |request: Request<Incoming>| {
            let server = Arc::clone(&self);
            async move {
                let request = request.map(|body| body.map_err(Error::from).boxed_unsync());
                Ok::<_, std::convert::Infallible>(server.outside(request, client).await)
            }
        });
        // Clients go away as they like; that is nothing to tell.
        _ = Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), service).await;
    }

    async fn outside(&self, mut request: Request<WasiBody>, client: SocketAddr) -> Response<WasiBody> {
        request_headers::strip(&mut request);
        let path = request.uri().path().to_owned();
        if let Some(name) = path.strip_prefix(WELL_KNOWN) {
            return self.well_known(name);
        }
        let Some(met) = self.application.routes.find(&path) else { return empty(StatusCode::NOT_FOUND) };
        match met.target {
            Target::Component(id) => self.call(id, &met, request, client).await,
            Target::Static(_, response) => fixed(response),
        }
    }

    fn well_known(&self, name: &str) -> Response<WasiBody> {
        match name {
            "health" => whole(Bytes::from_static(b"OK")),
            "info" => {
                let info = json!({ "name": self.application.name, "version": self.application.version });
                let mut response = whole(Bytes::from(info.to_string()));
                let json = http::HeaderValue::from_static("application/json");
                response.headers_mut().insert(http::header::CONTENT_TYPE, json);
                response
            }
            _ => empty(StatusCode::NOT_FOUND),
        }
    }

    async fn call<T>(
        &self,
        id: &str,
        met: &Match<'_, T>,
        mut request: Request<WasiBody>,
        client: SocketAddr,
    ) -> Response<WasiBody> {
        let prepared: Result<(), RequestError> = request_headers::prepare(&mut request, met, client);
        if let Err(error) = prepared {
            eprintln!("[{id}] a request is refused: {error}");
            return empty(StatusCode::INTERNAL_SERVER_ERROR);
        }
        let Some(instances) = self.application.components.get(id) else {
            return empty(StatusCode::INTERNAL_SERVER_ERROR);
        };
        match instances.handle((), request).await {
            Ok(response) => response,
            Err(error) => {
                eprintln!("[{id}] a request failed: {error:?}");
                empty(StatusCode::INTERNAL_SERVER_ERROR)
            }
        }
    }
}

/// The server as its own components see it.
struct Inner(Arc<Server>);

impl Neighbours for Inner {
    fn call(
        &self,
        component: String,
        request: Request<WasiBody>,
    ) -> Pin<Box<dyn Future<Output = Response<WasiBody>> + Send>> {
        let server = Arc::clone(&self.0);
        Box::pin(async move {
            // As if a route `/...` had been met: a private component has no other one.
            let path_info = request.uri().path().to_owned();
            let met = Match { target: &(), raw: "/...", named: Vec::new(), path_info };
            server.call(&component, &met, request, NEIGHBOUR).await
        })
    }
}

fn empty(status: StatusCode) -> Response<WasiBody> {
    let mut response = Response::new(Empty::new().map_err(Error::from).boxed_unsync());
    *response.status_mut() = status;
    response
}

fn whole(body: Bytes) -> Response<WasiBody> {
    Response::new(Full::new(body).map_err(Error::from).boxed_unsync())
}

fn fixed(described: &StaticResponse) -> Response<WasiBody> {
    let body = Full::new(Bytes::from(described.body.clone().unwrap_or_default())).map_err(Error::from).boxed_unsync();
    let mut response = Response::builder().status(described.status_code.unwrap_or(200));
    for (name, value) in &described.headers {
        response = response.header(name, value);
    }
    response.body(body).unwrap_or_else(|error| {
        eprintln!("a static response cannot be sent: {error}");
        empty(StatusCode::INTERNAL_SERVER_ERROR)
    })
}
