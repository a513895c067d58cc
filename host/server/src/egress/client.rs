//! Requests in, answers out, over pooled connections.
//!
//! Owns the pools, the total time and the size of an answer. What went wrong in detail goes to the log with the host's name alone: paths hold
//! push tokens and order tokens. Of a plugin's request not even that: the plugin has chosen it, and may have put a name into it.

use std::collections::HashMap;
use std::error::Error;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_LENGTH, HeaderValue};
use http::{Request, Response, Uri};
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::body::{Body as _, Incoming};
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use passerelle_flow::identity::TenantId;
use passerelle_flow::ports::{ClientIdentity, Http, HttpFailure, HttpRequest, HttpResponse};
use rustls::{ClientConfig, RootCertStore};
use tokio::sync::OwnedSemaphorePermit;

use super::dial::{DialError, Dialer};
use super::names::{Names, System};
use super::policy::{Policy, permits};
use super::tls::{self, TlsError};
use super::turns::Turns;
use crate::config;
use crate::signer::KeySigner;

type Pool = Client<Dialer, Full<Bytes>>;

/// Idle connections are given up before the other side's usual minute: a request on a connection that is being closed would fail.
const IDLE: Duration = Duration::from_secs(50);
const IDLE_PER_HOST: usize = 16;
/// A silent HTTP/2 connection is asked whether it is alive; else every push would wait for its timeout on one that a middlebox dropped.
const PING_AFTER: Duration = Duration::from_secs(15);
const PING_ANSWERED_WITHIN: Duration = Duration::from_secs(5);
/// Headers of an answer, all together. hyper's least for HTTP/1.1 is 8 KiB.
const HEADERS: usize = 32 * 1024;
/// Client certificates in use, and tenants with plugins. There is one of each per tenant; more than this means that certificates were renewed many
/// times since the start.
const OWNERS: usize = 512;

/// The port, made of sockets.
pub struct Egress {
    policy: Arc<Policy>,
    names: Arc<dyn Names>,
    roots: Arc<RootCertStore>,
    signer: Arc<KeySigner>,
    anonymous: Pool,
    /// A pool each: a connection belongs to the certificate, or to the tenant, that it was opened for.
    owned: Mutex<HashMap<Owner, Pool>>,
    /// Of tenants' plugins.
    turns: Turns,
}

/// Whose a connection is.
#[derive(Clone, PartialEq, Eq, Hash)]
enum Owner {
    Certificate(ClientIdentity),
    /// A plugin's requests share no connection with another tenant's: what one of them makes of a connection is its own affair.
    Tenant(TenantId),
}

impl Egress {
    pub fn new(settings: &config::Egress, signer: Arc<KeySigner>) -> Result<Self, TlsError> {
        Self::with_names(settings, signer, Arc::new(System))
    }

    /// Where somebody else says what a name resolves to: to show what becomes of one that lies.
    pub fn with_names(
        settings: &config::Egress,
        signer: Arc<KeySigner>,
        names: Arc<dyn Names>,
    ) -> Result<Self, TlsError> {
        let policy = Arc::new(Policy { allow: settings.allow.clone(), plain_http: settings.plain_http });
        let roots = tls::roots(&settings.extra_roots)?;
        let anonymous = pool(&policy, &names, tls::anonymous(roots.clone())?, false);
        Ok(Self { policy, names, roots, signer, anonymous, owned: Mutex::default(), turns: Turns::default() })
    }

    fn pool(&self, request: &HttpRequest) -> Result<Pool, TlsError> {
        let owner = match (&request.identity, &request.on_behalf_of) {
            (Some(identity), _) => Owner::Certificate(identity.clone()),
            (None, Some(tenant)) => Owner::Tenant(tenant.clone()),
            (None, None) => return Ok(self.anonymous.clone()),
        };
        let mut pools = self.owned.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(pool) = pools.get(&owner) {
            return Ok(pool.clone());
        }
        let made = match &owner {
            Owner::Certificate(identity) => {
                pool(&self.policy, &self.names, tls::identified(self.roots.clone(), identity, &self.signer)?, true)
            }
            Owner::Tenant(_) => pool(&self.policy, &self.names, tls::anonymous(self.roots.clone())?, false),
        };
        if pools.len() >= OWNERS {
            // Running requests keep their pool; the others are made again when they are asked for.
            pools.clear();
        }
        pools.insert(owner, made.clone());
        Ok(made)
    }

    /// Where a tenant's plugin wants the request, it waits for one of that tenant's.
    async fn turn(&self, request: &HttpRequest) -> Option<OwnedSemaphorePermit> {
        match &request.on_behalf_of {
            Some(tenant) => self.turns.take(tenant).await,
            None => None,
        }
    }

    async fn exchange(&self, request: HttpRequest) -> Result<HttpResponse, HttpFailure> {
        let limit = request.response_limit;
        let response = self.begin(request).await?;
        let (parts, body) = response.into_parts();
        let announced =
            parts.headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
        if announced.is_some_and(|length| length > limit) && !body.is_end_stream() {
            return Err(HttpFailure::TooLarge);
        }
        // Stops reading at the limit and drops the body, which ends the stream or the connection.
        let body = Limited::new(body, limit).collect().await.map_err(|error| match error.is::<LengthLimitError>() {
            true => HttpFailure::TooLarge,
            false => HttpFailure::Unreachable,
        })?;
        Ok(HttpResponse { status: parts.status, headers: parts.headers, body: body.to_bytes() })
    }

    /// As far as the head of the answer.
    async fn begin(&self, request: HttpRequest) -> Result<Response<Incoming>, HttpFailure> {
        let url = target(&request.url)?;
        let host = url.host().unwrap_or_default().to_owned();
        if url.scheme_str() == Some("http") && (!self.policy.plain_http || request.identity.is_some()) {
            return Err(HttpFailure::Denied);
        }
        let pool = self.pool(&request).map_err(|error| {
            let host = if request.on_behalf_of.is_some() { "" } else { host.as_str() };
            tracing::error!(host, %error, "the client certificate cannot be shown");
            HttpFailure::Invalid
        })?;
        let tenant = request.on_behalf_of.clone();
        let response = pool.request(compose(request, url)?).await.map_err(|error| {
            let failure = failure(&error);
            match tenant {
                // Neither what lies beneath: it may repeat the address, or what the other side says.
                Some(tenant) => tracing::warn!(%tenant, %failure, "no answer to the tenant's plugin"),
                None => tracing::warn!(host, error = %innermost(&error), %failure, "no answer"),
            }
            failure
        })?;
        Ok(response)
    }
}

impl Http for Egress {
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, HttpFailure> {
        let time = request.timeout;
        let exchange = async {
            let _turn = self.turn(&request).await;
            self.exchange(request).await
        };
        tokio::time::timeout(time, exchange).await.unwrap_or(Err(HttpFailure::TimedOut))
    }

    async fn deliver(&self, request: HttpRequest) -> Result<HttpResponse, HttpFailure> {
        let end = tokio::time::Instant::now() + request.timeout;
        let limit = request.response_limit;
        let begin = async {
            let turn = self.turn(&request).await;
            self.begin(request).await.map(|begun| (turn, begun))
        };
        let begun = tokio::time::timeout_at(end, begin).await;
        let (_turn, begun) = begun.unwrap_or(Err(HttpFailure::TimedOut))?;
        let (parts, mut body) = begun.into_parts();
        let mut kept = Vec::new();
        while kept.len() < limit {
            // Too late, broken off or at its end: what came is what there is. Dropping the body ends the stream or the connection.
            let Ok(Some(Ok(frame))) = tokio::time::timeout_at(end, body.frame()).await else { break };
            let Ok(data) = frame.into_data() else { continue };
            kept.extend_from_slice(data.get(..limit - kept.len()).unwrap_or(&data));
        }
        Ok(HttpResponse { status: parts.status, headers: parts.headers, body: kept.into() })
    }

    fn vet(&self, url: &str) -> Result<(), HttpFailure> {
        vet(url, &self.policy)
    }
}

/// Whether an address could be called, as far as it says so itself: also for who only writes one down.
pub fn vet(url: &str, policy: &Policy) -> Result<(), HttpFailure> {
    let url = target(url)?;
    if url.scheme_str() == Some("http") && !policy.plain_http {
        return Err(HttpFailure::Denied);
    }
    let host = url.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
    let host = host.trim_end_matches('.');
    match host.parse::<IpAddr>() {
        Ok(address) if permits(address, policy) => Ok(()),
        Ok(_) => Err(HttpFailure::Denied),
        // A name that ends in a number is no name: resolvers take it for an address in another spelling (127.1, 0x7f000001, 2130706433).
        Err(_) => {
            let last = host.rsplit('.').next().unwrap_or_default();
            let number = last.strip_prefix("0x").unwrap_or(last);
            let spelled = !number.is_empty()
                && number.bytes().all(|c| c.is_ascii_hexdigit())
                && last.starts_with(|c: char| c.is_ascii_digit());
            if spelled { Err(HttpFailure::Denied) } else { Ok(()) }
        }
    }
}

fn pool(policy: &Arc<Policy>, names: &Arc<dyn Names>, tls: ClientConfig, http2_only: bool) -> Pool {
    let dialer = Dialer { policy: policy.clone(), names: names.clone(), tls: Arc::new(tls), http2_only };
    Client::builder(TokioExecutor::new())
        .timer(TokioTimer::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(IDLE)
        .pool_max_idle_per_host(IDLE_PER_HOST)
        .http1_max_buf_size(HEADERS)
        .http2_max_header_list_size(HEADERS as u32)
        .http2_keep_alive_interval(PING_AFTER)
        .http2_keep_alive_timeout(PING_ANSWERED_WITHIN)
        .http2_keep_alive_while_idle(true)
        .http2_only(http2_only)
        .build(dialer)
}

/// An absolute URL without surprises. User information would end in a header or a log.
fn target(url: &str) -> Result<Uri, HttpFailure> {
    let url: Uri = url.parse().map_err(|_| HttpFailure::Invalid)?;
    let authority = url.authority().ok_or(HttpFailure::Invalid)?;
    let known = matches!(url.scheme_str(), Some("https" | "http"));
    if !known || authority.as_str().contains('@') || authority.port_u16() == Some(0) || authority.host().is_empty() {
        return Err(HttpFailure::Invalid);
    }
    Ok(url)
}

pub(super) fn compose(request: HttpRequest, url: Uri) -> Result<Request<Full<Bytes>>, HttpFailure> {
    let mut composed = Request::new(Full::new(request.body));
    *composed.method_mut() = request.method;
    *composed.uri_mut() = url;
    let on_behalf = request.on_behalf_of.is_some();
    for (name, value) in request.headers {
        let mut value = HeaderValue::from_str(&value).map_err(|_| HttpFailure::Invalid)?;
        // Neither in debug output nor in HTTP/2's table of headers to repeat. Of a plugin's request any header may be a credential, or name a person.
        value.set_sensitive(name == AUTHORIZATION || on_behalf);
        composed.headers_mut().append(name, value);
    }
    Ok(composed)
}

fn failure(error: &(dyn Error + 'static)) -> HttpFailure {
    match chain(error).find_map(|cause| cause.downcast_ref::<DialError>()) {
        Some(DialError::Forbidden(_) | DialError::Plain) => HttpFailure::Denied,
        Some(DialError::Url) => HttpFailure::Invalid,
        Some(DialError::Slow) => HttpFailure::TimedOut,
        Some(DialError::Name(_) | DialError::Tcp(_) | DialError::Tls(_) | DialError::Protocol) | None => {
            HttpFailure::Unreachable
        }
    }
}

/// The most telling text: `client error (Connect)` says little.
fn innermost<'e>(error: &'e (dyn Error + 'static)) -> &'e (dyn Error + 'static) {
    chain(error).last().unwrap_or(error)
}

fn chain<'e>(error: &'e (dyn Error + 'static)) -> impl Iterator<Item = &'e (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error| {
        let error: &'e (dyn Error + 'static) = *error;
        error.source()
    })
}
