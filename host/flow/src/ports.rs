//! The ports: everything that the flow asks of a host, and nothing else.
//!
//! Five small capabilities here (clock, randomness, HTTP out, signing, the connector's sandbox); the store is a file of its own.
//! A host bundles them in one type that implements [`Host`]. Nothing here knows wasmtime, axum, spin-sdk or a SQL driver.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use passerelle_contract::{installation, payload, scenario, webhook};

use crate::identity::{Millis, TenantId};
use crate::maybe_send::{MaybeSend, MaybeSync};
use crate::plugin::hook::{HookCall, Returned};
use crate::plugin::{Digest, Presence};
use crate::store::Store;
use crate::tenant::Tenant;

/// What a host is made of.
pub trait Host: MaybeSync + 'static {
    type Clock: Clock;
    type Random: Random;
    type Http: Http;
    type Signer: Signer;
    type Connector: Connector;
    type Plugins: Plugins;
    type Store: Store;

    fn clock(&self) -> &Self::Clock;
    fn random(&self) -> &Self::Random;
    fn http(&self) -> &Self::Http;
    fn signer(&self) -> &Self::Signer;
    fn connector(&self) -> &Self::Connector;
    fn plugins(&self) -> &Self::Plugins;
    fn store(&self) -> &Self::Store;
    /// The tenant as it is configured now.
    fn tenant(&self, id: &TenantId) -> Option<Arc<Tenant>>;
    /// All tenants that are in force now, as far as this host has loaded them.
    fn tenants(&self) -> Vec<Arc<Tenant>>;
}

/// The time of day. Injected, so that tests move it and nothing sleeps.
pub trait Clock: MaybeSync {
    fn now(&self) -> Millis;

    /// Comes back after this long, for who waits for somebody else's work. A host that cannot wait comes back at once; its callers are then
    /// told sooner to try again.
    fn wait(&self, _time: Duration) -> impl Future<Output = ()> + MaybeSend {
        async {}
    }
}

/// Randomness fit for keys and identifiers.
pub trait Random: MaybeSync {
    fn fill(&self, target: &mut [u8]);

    fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.fill(&mut bytes);
        bytes
    }
}

/// Outbound HTTP. The host vets the address, keeps the limits and never follows a redirect.
pub trait Http: MaybeSync {
    fn send(&self, request: HttpRequest) -> impl Future<Output = Result<HttpResponse, HttpFailure>> + MaybeSend;

    /// As `send`, but the status is the answer: of a body that is too long, that ends too late or that breaks off, the beginning is what came.
    fn deliver(&self, request: HttpRequest) -> impl Future<Output = Result<HttpResponse, HttpFailure>> + MaybeSend;

    /// Whether an address could be called, as far as that can be said without asking anybody: its scheme, and a literal address. What passes here
    /// may still be refused when it is called.
    fn vet(&self, url: &str) -> Result<(), HttpFailure>;
}

#[derive(Clone)]
pub struct HttpRequest {
    pub method: http::Method,
    /// Absolute, `https` unless the host's configuration allows otherwise.
    pub url: String,
    pub headers: Vec<(http::HeaderName, String)>,
    pub body: Bytes,
    /// From the first byte of the connection to the last of the answer.
    pub timeout: Duration,
    /// A longer answer is [`HttpFailure::TooLarge`].
    pub response_limit: usize,
    /// The TLS client certificate to show: Apple's push service knows its caller by it.
    pub identity: Option<ClientIdentity>,
    /// A tenant's plugin wants it: it gets a connection that was made for this tenant, and never one of another's.
    pub on_behalf_of: Option<TenantId>,
}

/// A certificate chain and the name of its key in the host's signer; the key itself never passes through the flow.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ClientIdentity {
    /// DER, leaf first.
    pub chain: Vec<Vec<u8>>,
    pub key: KeyRef,
}

#[derive(Clone, Debug)]
pub struct HttpResponse {
    pub status: http::StatusCode,
    pub headers: http::HeaderMap,
    pub body: Bytes,
}

/// Why there is no answer. What a host knows beyond this goes to its own log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HttpFailure {
    #[error("the address is not one that this host may call")]
    Denied,
    #[error("no connection")]
    Unreachable,
    #[error("no answer in time")]
    TimedOut,
    #[error("the answer is larger than allowed")]
    TooLarge,
    #[error("the request cannot be sent as it is")]
    Invalid,
}

/// A private key by reference, as the tenant's configuration writes it: `file:apple/pass.key`, `env:GOOGLE_KEY`. Relative files are relative to
/// the tenant's folder, so a reference belongs to a tenant.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct KeyRef {
    pub tenant: TenantId,
    pub reference: String,
    /// Reference to the passphrase, where the key lies in a `.p12` file.
    pub passphrase: Option<String>,
    /// Of what the reference led to when the tenant was loaded: another key under the same name is not the one that its certificate has.
    pub content: KeyContent,
}

/// Half of a SHA-256: enough to tell two files apart, and to tell nothing of either.
pub type KeyContent = [u8; 16];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignatureAlgorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256 (RS256, sha256WithRSAEncryption).
    RsaPkcs1Sha256,
    /// ECDSA P-256 with SHA-256, ASN.1 DER form.
    EcdsaP256Sha256Der,
}

/// Signs with keys that the host holds.
pub trait Signer: MaybeSync {
    /// Which algorithm the key has; [`SignFailure::Missing`] when the reference leads nowhere.
    fn algorithm(&self, key: &KeyRef) -> impl Future<Output = Result<SignatureAlgorithm, SignFailure>> + MaybeSend;
    /// The signature over `message` (which is hashed here).
    fn sign(&self, key: &KeyRef, message: &[u8]) -> impl Future<Output = Result<Vec<u8>, SignFailure>> + MaybeSend;
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignFailure {
    #[error("the private key cannot be read")]
    Missing,
    #[error(
        "the private key is neither RSA nor P-256, or not PKCS#8, PKCS#1 or SEC1 in PEM, or in a .p12 file that opens"
    )]
    Unsupported,
    #[error("the key refused to sign")]
    Refused,
}

/// The connector in its sandbox. An `Err` is the sandbox's own fault (a trap, a limit), never a decision of the connector.
pub trait Connector: MaybeSync {
    fn validate(
        &self,
        notification: webhook::Notification,
    ) -> impl Future<Output = Result<Result<webhook::OrderChange, webhook::Rejection>, SandboxFailure>> + MaybeSend;
    fn classify(
        &self,
        observation: scenario::Observation,
    ) -> impl Future<Output = Result<Result<scenario::Verdict, scenario::Fault>, SandboxFailure>> + MaybeSend;
    fn rebuild(
        &self,
        job: payload::Job,
    ) -> impl Future<Output = Result<Result<payload::Rebuilt, payload::Fault>, SandboxFailure>> + MaybeSend;
    fn reduce(
        &self,
        context: installation::Context,
        status: installation::Status,
        signals: Vec<installation::Signal>,
    ) -> impl Future<Output = Result<installation::Reduction, SandboxFailure>> + MaybeSend;
}

/// The tenants' plugins in their sandboxes. An `Err` is the sandbox's own fault (a trap, a limit), never a decision of the plugin.
pub trait Plugins: MaybeSync {
    /// What there is of the tenant's plugin now.
    fn presence(&self, tenant: &Tenant) -> Presence;

    /// One call of one hook of that build. [`SandboxFailure::Busy`] where another build has taken its place: whoever calls begins again with that one, so
    /// that all rounds of an event are of one build.
    fn call(
        &self,
        tenant: &Tenant,
        build: &Digest,
        call: HookCall,
    ) -> impl Future<Output = Result<Returned, SandboxFailure>> + MaybeSend;
}

/// What ended a call of a component.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SandboxFailure {
    #[error("the component used up its processor time")]
    Cpu,
    #[error("the component ran into the wall clock")]
    TimedOut,
    #[error("the component asked for more memory than it may have")]
    Memory,
    #[error("the component panicked")]
    Panicked,
    #[error("the component broke its contract")]
    Aborted,
    #[error("no free sandbox")]
    Busy,
}
