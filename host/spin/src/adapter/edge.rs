//! The flow over Spin's interfaces, once per instance, and the answer to one request.
//!
//! Owns the bundle of ports, the limits of a request's body, and the sweep's route. Does not own the routes of the flow. Whatever goes wrong
//! becomes a problem detail: an error that left this file would be an empty 500.

use std::cell::RefCell;
use std::net::IpAddr;
use std::path::Path;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::{Either, select};
use http::{HeaderMap, Method, Request, Response, Uri};
use passerelle_flow::flow::Flow;
use passerelle_flow::http::{Peer, Problem, tenant_in};
use passerelle_flow::identity::{Millis, TenantId};
use passerelle_flow::ports::{Clock as _, Host, Random as _};
use passerelle_flow::store::{Erased, StoreResult};
use passerelle_flow::tenant::Tenant;
use passerelle_flow::vibes::registration;
use serde::Serialize;
use spin_sdk::time::sleep;
use spin_sdk::wasip3::http::types;

use super::connector::Composed;
use super::database::SpinDatabase;
use super::log;
use super::message::{self, Incoming};
use super::outbound::Outbound;
use super::plugins::Routed;
use super::variables::SpinVariables;
use super::work::Live;
use crate::clock::{HostClock, HostRandom};
use crate::path::{self, SWEEP};
use crate::secrets::Secrets;
use crate::settings::{Settings, SettingsError};
use crate::signer::KeySigner;
use crate::store::EdgeStore;
use crate::sweep::{Patience, Report, Work as _, sweep};
use crate::sweep_token::SweepToken;
use crate::tenants::{Absent, Tenants};

/// Where spin.toml mounts the tenants' folders.
const TENANTS: &str = "/tenants";

/// A body of at most 256 KiB that takes longer than this is a slow-loris or a dead line: the server's limit.
const BODY_TIME: Duration = Duration::from_secs(15);

/// What an edge is made of.
pub struct EdgeHost {
    clock: HostClock,
    random: HostRandom,
    outbound: Outbound,
    signer: KeySigner<SpinVariables>,
    connector: Composed,
    plugins: Routed,
    store: EdgeStore<SpinDatabase>,
    pub tenants: Tenants<SpinVariables>,
}

impl Host for EdgeHost {
    type Clock = HostClock;
    type Random = HostRandom;
    type Http = Outbound;
    type Signer = KeySigner<SpinVariables>;
    type Connector = Composed;
    type Plugins = Routed;
    type Store = EdgeStore<SpinDatabase>;

    fn clock(&self) -> &HostClock {
        &self.clock
    }
    fn random(&self) -> &HostRandom {
        &self.random
    }
    fn http(&self) -> &Outbound {
        &self.outbound
    }
    fn signer(&self) -> &KeySigner<SpinVariables> {
        &self.signer
    }
    fn connector(&self) -> &Composed {
        &self.connector
    }
    fn plugins(&self) -> &Routed {
        &self.plugins
    }
    fn store(&self) -> &EdgeStore<SpinDatabase> {
        &self.store
    }
    /// One that was loaded for this request, or before it.
    fn tenant(&self, id: &TenantId) -> Option<Arc<Tenant>> {
        self.tenants.get(id)
    }
    /// Those that this instance has been asked for.
    fn tenants(&self) -> Vec<Arc<Tenant>> {
        self.tenants.all()
    }
}

/// An instance's flow.
pub struct Edge {
    pub flow: Flow<EdgeHost>,
    sweep_token: Option<SweepToken>,
}

thread_local! {
    /// Nothing of a request is in it: tenants, parsed keys, a connection to the database.
    static EDGE: RefCell<Option<Rc<Edge>>> = const { RefCell::new(None) };
}

impl Edge {
    /// The instance's own, made at its first request.
    async fn of_instance() -> Result<Rc<Self>, SettingsError> {
        if let Some(edge) = EDGE.with_borrow(Option::clone) {
            return Ok(edge);
        }
        log::start();
        let Settings { defaults, options, sweep_token } = Settings::read(&SpinVariables).await?;
        let secrets = Arc::new(Secrets::new(Path::new(TENANTS), SpinVariables));
        let host = EdgeHost {
            clock: HostClock,
            random: HostRandom,
            outbound: Outbound { plain_http: defaults.plain_http },
            signer: KeySigner::new(secrets.clone()),
            connector: Composed,
            plugins: Routed,
            store: EdgeStore::new(SpinDatabase),
            tenants: Tenants::new(secrets, defaults),
        };
        let edge = Rc::new(Self { flow: Flow::new(host, options), sweep_token });
        EDGE.set(Some(edge.clone()));
        Ok(edge)
    }

    /// Makes the tenant known to the flow. `Err`: what to answer instead; an unknown or broken one is the flow's to refuse, as on the server.
    pub async fn prepare(&self, id: &TenantId) -> Result<(), Problem> {
        match self.flow.host.tenants.load(id).await {
            Ok(()) | Err(Absent::Unknown) => Ok(()),
            Err(Absent::Broken(problems)) => {
                for problem in problems {
                    tracing::error!(tenant = %id, "{problem}");
                }
                Ok(())
            }
            Err(Absent::ServerOnly(what)) => {
                tracing::error!(tenant = %id, ?what, "the tenant needs what only a server has");
                Err(Problem::server_only(what.detail()))
            }
            Err(Absent::Unreachable) => Err(Problem::unavailable()),
        }
    }
}

pub struct Answered {
    pub response: Response<Bytes>,
    /// The request may have left something to do.
    pub made_work: Option<Rc<Edge>>,
}

pub async fn answer(request: types::Request) -> Answered {
    let mut incoming = message::incoming(request);
    let peer = path::peer(&incoming.headers);
    path::drop_forged(&mut incoming.headers);
    match Edge::of_instance().await {
        Ok(edge) => {
            // Not a POST alone: a phone that forgets a pass, and a link that is opened, leave something to do as well.
            let of_tenant = tenant_in(incoming.target.split('?').next().unwrap_or_default()).is_some();
            let response = answer_with(&edge, incoming, peer).await;
            let status = response.status();
            let made_work = (of_tenant && !status.is_client_error() && !status.is_server_error()).then_some(edge);
            Answered { response, made_work }
        }
        Err(error) => {
            log::start();
            tracing::error!(%error, "the edge is not configured");
            let problem = match error {
                SettingsError::Variable { fault: crate::secrets::VariableFault::Unreachable, .. } => {
                    Problem::unavailable()
                }
                _ => Problem::internal(),
            };
            let fresh = || HostRandom.bytes::<16>().iter().map(|byte| format!("{byte:02x}")).collect();
            let path = incoming.target.split('?').next().unwrap_or_default();
            let response = passerelle_flow::http::refuse(problem, &incoming.headers, path, fresh);
            Answered { response, made_work: None }
        }
    }
}

async fn answer_with(edge: &Rc<Edge>, incoming: Incoming, peer: Option<IpAddr>) -> Response<Bytes> {
    let Incoming { method, target, headers, body } = incoming;
    let refuse = |problem| edge.flow.refuse(problem, &headers, target.split('?').next().unwrap_or_default());
    let Ok(uri) = target.parse::<Uri>() else { return refuse(Problem::unknown_path()) };
    if uri.path() == SWEEP {
        return match swept(edge, &method, &headers, uri.query()).await {
            Ok(report) => edge.flow.report(&report, &headers, SWEEP),
            Err(problem) => refuse(problem),
        };
    }
    let limit = edge.flow.options.body_limit;
    let body = match select(pin!(body.read(limit)), pin!(sleep(BODY_TIME))).await {
        Either::Left((Ok(Some(body)), _)) => body,
        Either::Left((Ok(None), _)) => return refuse(Problem::too_large()),
        Either::Left((Err(_), _)) => return refuse(Problem::body_broken()),
        // The caller went away or sends nothing: whatever is answered is for the proxy.
        Either::Right(_) => return refuse(Problem::body_late()),
    };
    if let Some(tenant) = tenant_in(uri.path())
        && let Err(problem) = edge.prepare(&tenant).await
    {
        return refuse(problem);
    }
    let mut request = Request::new(body);
    *request.method_mut() = method;
    *request.uri_mut() = uri;
    *request.headers_mut() = headers.clone();
    if let Some(peer) = peer {
        request.extensions_mut().insert(Peer(peer));
    }
    // It may hold a lease, and ends before the lease does.
    match select(pin!(edge.flow.handle(request)), pin!(sleep(edge.flow.patience()))).await {
        Either::Left((response, _)) => response,
        Either::Right(_) => refuse(Problem::under_way()),
    }
}

/// What `POST /internal/sweep` answers.
#[derive(Serialize)]
struct Swept {
    #[serde(flatten)]
    report: Report,
    /// Data keys whose retention is over.
    erased: u64,
    /// Notifications, runs and changes that were kept long enough.
    forgotten: u64,
    /// Passes that Google was asked about: whether anybody still has them.
    looked: u32,
    /// Steps of the tenants' daily comparisons with SecuTix and their endpoints.
    compared: u32,
}

/// Goes on with the round of looks at Google Wallet for as long as the sweep lasts and the round's share of the budget allows.
async fn looked_at_google(edge: &Rc<Edge>, until: Millis) -> StoreResult<u32> {
    let mut passes = 0;
    while edge.flow.host.clock().now() < until {
        let Some(batch) = edge.flow.claim_look().await? else { break };
        // A tenant that is not to be had has its passes looked at in the next round.
        let _ = edge.prepare(&batch.tenant).await;
        let looked = edge.flow.look(batch).await?;
        passes += looked.passes;
        if looked.wait_until.is_some() {
            break;
        }
    }
    Ok(passes)
}

/// Goes on with what tenants have compared once a day, for as long as the sweep lasts and SecuTix's budget allows.
async fn compared(edge: &Rc<Edge>, until: Millis) -> StoreResult<u32> {
    for id in edge.flow.host.tenants.named() {
        // One that is not to be had is compared with the next sweep.
        let _ = edge.prepare(&id).await;
    }
    let mut steps = 0;
    while edge.flow.host.clock().now() < until && edge.flow.backfill_due().await? {
        steps += 1;
    }
    Ok(steps)
}

/// Once an hour, whichever instance it is: what tenants want registered at Vibes when they start. An edge has no start of its own. What fails is told,
/// and tried again an hour later.
async fn registered_at_vibes(edge: &Rc<Edge>) -> StoreResult<()> {
    if !registration::is_due(&edge.flow).await? {
        return Ok(());
    }
    for id in edge.flow.host.tenants.named() {
        let _ = edge.prepare(&id).await;
        let tenant = edge.flow.host.tenant(&id);
        let Some(tenant) = tenant else { continue };
        let Some(vibes) = tenant.vibes.as_ref().filter(|vibes| vibes.register_at_start) else { continue };
        if let Err(error) = registration::ensure(&edge.flow, &tenant, vibes).await {
            tracing::error!(tenant = %id, %error, "callbacks are not registered at Vibes");
        }
    }
    Ok(())
}

/// Gives each tenant's plugin its place in the outbox. An edge has no start of its own, so the first sweep after a deployment does it, and until then
/// nothing is told to a new plugin.
async fn settle_plugins(edge: &Rc<Edge>) -> StoreResult<()> {
    for id in edge.flow.host.tenants.named() {
        let _ = edge.prepare(&id).await;
        if let Some(tenant) = edge.flow.host.tenant(&id) {
            edge.flow.settle_plugin(&tenant).await?;
        }
    }
    Ok(())
}

async fn swept(edge: &Rc<Edge>, method: &Method, headers: &HeaderMap, query: Option<&str>) -> Result<Swept, Problem> {
    // Without a token there is no such route: a variable that was forgotten opens nothing.
    let token = edge.sweep_token.as_ref().ok_or_else(Problem::unknown_path)?;
    if !token.admits(headers) {
        return Err(Problem::no_token());
    }
    if method != Method::POST {
        return Err(Problem::method("POST"));
    }
    let budget = path::budget(query)
        .ok_or_else(|| Problem::field("budget_ms", "a whole number of milliseconds from 0 to 600000 is expected"))?;
    let work = Live::asked(edge.clone());
    let unavailable = |error| {
        tracing::error!(%error, "sweep");
        Problem::unavailable()
    };
    let Erased { keys: erased, records: forgotten, .. } = edge.flow.erase_due().await.map_err(unavailable)?;
    // Once an hour it writes something; a store that is too busy for it loses a figure and no task.
    if let Err(error) = edge.flow.keep_figures().await {
        tracing::error!(%error, "the hour's figures");
    }
    let patience = Patience { until: work.now() + budget, effects: true };
    settle_plugins(edge).await.map_err(unavailable)?;
    let report = sweep(&work, patience).await.map_err(unavailable)?;
    let looked = looked_at_google(edge, patience.until).await.map_err(unavailable)?;
    registered_at_vibes(edge).await.map_err(unavailable)?;
    let compared = compared(edge, patience.until).await.map_err(unavailable)?;
    tracing::info!(?report, erased, forgotten, looked, compared, "sweep");
    Ok(Swept { report, erased, forgotten, looked, compared })
}
