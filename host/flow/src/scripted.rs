//! A host for tests of the protocols: answers in a script, requests recorded, a clock that is moved by hand, signing with real keys.
//!
//! Owns nothing that a protocol decides. Its store counts budgets and has nothing else; its connector is absent.

use std::collections::{BTreeMap, VecDeque};
use std::future::poll_fn;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use passerelle_contract::{installation, payload, scenario, webhook};
use zeroize::Zeroizing;

use crate::identity::{Millis, TenantId};
use crate::plugin::hook::{Hook, HookCall, Returned};
use crate::plugin::{Digest, Installed, Presence};
use crate::ports::{
    ClientIdentity, Clock, Connector, Host, Http, HttpFailure, HttpRequest, HttpResponse, KeyRef, Plugins, Random,
    SandboxFailure, SignFailure, SignatureAlgorithm, Signer,
};
use crate::sealing::TenantKeys;
use crate::store::{KeptRoots, Spend, Spent};
use crate::tenant::{Apple, Google, PathSecret, Safety, Secutix, Selection, Tenant, Vibes, VibesSubject};

/// Runs a future whose ports answer at once.
pub fn run<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("a scripted port does not wait"),
    }
}

pub fn answer(status: u16, headers: &[(&'static str, &str)], body: &str) -> Result<HttpResponse, HttpFailure> {
    Ok(HttpResponse {
        status: http::StatusCode::from_u16(status).unwrap(),
        headers: headers
            .iter()
            .map(|(name, value)| (http::HeaderName::from_static(name), value.parse().unwrap()))
            .collect(),
        body: Bytes::from(body.to_owned()),
    })
}

impl HttpRequest {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

pub struct ScriptedHost {
    now: AtomicI64,
    answers: Mutex<VecDeque<Result<HttpResponse, HttpFailure>>>,
    requests: Mutex<Vec<HttpRequest>>,
    held: AtomicBool,
    pub signer: Keys,
    store: Budgets,
    plugin: Option<fn(HookCall) -> Result<Returned, SandboxFailure>>,
}

impl ScriptedHost {
    pub fn new(now: Millis, answers: impl IntoIterator<Item = Result<HttpResponse, HttpFailure>>) -> Self {
        Self {
            now: AtomicI64::new(now),
            answers: Mutex::new(answers.into_iter().collect()),
            requests: Mutex::default(),
            held: AtomicBool::new(false),
            signer: Keys::default(),
            store: Budgets::default(),
            plugin: None,
        }
    }

    pub fn with_keys(self, signer: Keys) -> Self {
        Self { signer, ..self }
    }

    /// The tenant has a plugin, which answers so.
    pub fn with_plugin(self, plugin: fn(HookCall) -> Result<Returned, SandboxFailure>) -> Self {
        Self { plugin: Some(plugin), ..self }
    }

    /// Requests are not answered before [`ScriptedHost::release`].
    pub fn holding(self) -> Self {
        Self { held: AtomicBool::new(true), ..self }
    }

    pub fn release(&self) {
        self.held.store(false, Ordering::Relaxed);
    }

    pub fn advance(&self, by: Millis) {
        self.now.fetch_add(by, Ordering::Relaxed);
    }

    pub fn requests(&self) -> Vec<HttpRequest> {
        self.requests.lock().unwrap().clone()
    }
}

impl Host for ScriptedHost {
    type Clock = Self;
    type Random = Self;
    type Http = Self;
    type Signer = Keys;
    type Connector = Self;
    type Plugins = Self;
    type Store = Budgets;

    fn clock(&self) -> &Self {
        self
    }
    fn random(&self) -> &Self {
        self
    }
    fn http(&self) -> &Self {
        self
    }
    fn signer(&self) -> &Keys {
        &self.signer
    }
    fn connector(&self) -> &Self {
        self
    }
    fn plugins(&self) -> &Self {
        self
    }
    fn store(&self) -> &Budgets {
        &self.store
    }
    fn tenant(&self, _: &TenantId) -> Option<Arc<Tenant>> {
        Some(Arc::new(tenant()))
    }
    fn tenants(&self) -> Vec<Arc<Tenant>> {
        vec![Arc::new(tenant())]
    }
}

impl Plugins for ScriptedHost {
    fn presence(&self, _: &Tenant) -> Presence {
        match self.plugin {
            None => Presence::None,
            Some(_) => Presence::Installed(Installed { digest: [7; 32], hooks: Hook::ALL.into() }),
        }
    }

    async fn call(&self, _: &Tenant, _: &Digest, call: HookCall) -> Result<Returned, SandboxFailure> {
        self.plugin.map_or(Err(SandboxFailure::Busy), |plugin| plugin(call))
    }
}

impl Clock for ScriptedHost {
    fn now(&self) -> Millis {
        self.now.load(Ordering::Relaxed)
    }
}

impl Random for ScriptedHost {
    fn fill(&self, target: &mut [u8]) {
        target.fill(5);
    }
}

impl Http for ScriptedHost {
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, HttpFailure> {
        self.requests.lock().unwrap().push(request);
        poll_fn(|context| {
            if self.held.load(Ordering::Relaxed) {
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
            Poll::Ready(())
        })
        .await;
        self.answers.lock().unwrap().pop_front().expect("one more request than the script has answers")
    }

    async fn deliver(&self, request: HttpRequest) -> Result<HttpResponse, HttpFailure> {
        self.send(request).await
    }

    fn vet(&self, _: &str) -> Result<(), HttpFailure> {
        Ok(())
    }
}

/// Real keys by reference: the signatures are checked by openssl.
#[derive(Default)]
pub struct Keys {
    pub rsa: BTreeMap<String, aws_lc_rs::rsa::KeyPair>,
    pub p256: BTreeMap<String, aws_lc_rs::signature::EcdsaKeyPair>,
}

impl Keys {
    pub fn rsa(reference: &str) -> Self {
        let pair = aws_lc_rs::rsa::KeyPair::generate(aws_lc_rs::rsa::KeySize::Rsa2048).unwrap();
        Self { rsa: BTreeMap::from([(reference.to_owned(), pair)]), p256: BTreeMap::new() }
    }
}

impl Signer for Keys {
    async fn algorithm(&self, key: &KeyRef) -> Result<SignatureAlgorithm, SignFailure> {
        match (self.rsa.get(&key.reference), self.p256.get(&key.reference)) {
            (Some(_), _) => Ok(SignatureAlgorithm::RsaPkcs1Sha256),
            (None, Some(_)) => Ok(SignatureAlgorithm::EcdsaP256Sha256Der),
            (None, None) => Err(SignFailure::Missing),
        }
    }

    async fn sign(&self, key: &KeyRef, message: &[u8]) -> Result<Vec<u8>, SignFailure> {
        let random = aws_lc_rs::rand::SystemRandom::new();
        if let Some(pair) = self.rsa.get(&key.reference) {
            let mut signature = vec![0; pair.public_modulus_len()];
            pair.sign(&aws_lc_rs::signature::RSA_PKCS1_SHA256, &random, message, &mut signature)
                .map_err(|_| SignFailure::Refused)?;
            return Ok(signature);
        }
        let pair = self.p256.get(&key.reference).ok_or(SignFailure::Missing)?;
        Ok(pair.sign(&random, message).map_err(|_| SignFailure::Refused)?.as_ref().to_vec())
    }
}

pub fn secutix() -> Secutix {
    Secutix {
        url: "https://myinstit.ws.secutix.com".into(),
        institution: "MYINSTIT".into(),
        operator: "MYINSTIT_WALLET".into(),
        partner: "OurConnector".into(),
        secret: Zeroizing::new(b"shared secret".to_vec()),
        order_version: "v1_33".into(),
        contact_version: "v2_21".into(),
        timeout: Duration::from_secs(10),
        requests_per_minute: 60,
        persist_installation_status: true,
        printing: None,
    }
}

/// A key of [`tenant`] by reference.
pub fn key(reference: &str) -> KeyRef {
    KeyRef {
        tenant: TenantId::parse("opera").unwrap(),
        reference: reference.into(),
        passphrase: None,
        content: [0; 16],
    }
}

/// A tenant with everything but certificates and templates.
pub fn tenant() -> Tenant {
    Tenant {
        id: TenantId::parse("opera").unwrap(),
        organization: "Opéra de Démo".into(),
        locales: vec!["fr".into(), "en".into()],
        public_url: "https://passes.example.org".into(),
        secutix: secutix(),
        keys: Arc::new(TenantKeys::derive(&[7; 32])),
        apple: Some(Apple {
            pass_type: "pass.org.example.tickets".into(),
            team: "A1B2C3D4E5".into(),
            identity: ClientIdentity { chain: vec![], key: key("apple") },
            signing: Default::default(),
            push_key: None,
            push_url: "https://api.push.apple.com".into(),
        }),
        google: Some(Google {
            issuer: "3388000000012345678".into(),
            account: "wallet@demo.iam.gserviceaccount.com".into(),
            key: key("google"),
            api_url: "https://walletobjects.googleapis.com/walletobjects/v1".into(),
            token_url: "https://oauth2.googleapis.com/token".into(),
            save_url: "https://pay.google.com/gp/v/save".into(),
            keys_url: "https://pay.google.com/gp/m/issuer/keys".into(),
            requests_per_second: 20,
            origins: vec!["https://shop.example.org".into()],
        }),
        vibes: None,
        templates: BTreeMap::new(),
        selection: Selection::default(),
        venues: vec![],
        settings: vec![],
        safety: Safety { voids_per_hour: 100, confirm_absence_after: 60_000, erase_after: 0, erase_without_end: 0 },
        api_keys: vec![],
        crm: crate::tenant::Crm::default(),
        prover: None,
        plugin: Default::default(),
        backfill: crate::tenant::Daily::default(),
    }
}

/// A company at Vibes, and a path secret with the one before it.
pub fn vibes() -> Vibes {
    Vibes {
        url: "https://public-api.vibescm.com".into(),
        company: "bi3bwNRk".into(),
        username: "opera".into(),
        password: Zeroizing::new(b"s3cret".to_vec()),
        campaigns: vec!["r3zhm8".into()],
        path_secret: PathSecret::parse(b"0123456789abcdef0123456789abcdef").unwrap(),
        previous_path_secret: PathSecret::parse(b"fedcba9876543210fedcba9876543210"),
        join: "movement".into(),
        subject: VibesSubject::Movement,
        sources: vec![],
        register_at_start: false,
    }
}

/// Counts spending and keeps root keys as the store's port promises it; the rest of a store is not there.
#[derive(Default)]
pub struct Budgets(Mutex<BTreeMap<String, Scope>>, Mutex<BTreeMap<String, KeptRoots>>);

#[derive(Default)]
struct Scope {
    spent_at: Vec<Millis>,
    paused_until: Millis,
}

impl Budgets {
    fn take(&self, spend: &Spend) -> Spent {
        let mut scopes = self.0.lock().unwrap();
        let scope = scopes.entry(spend.scope.clone()).or_default();
        if spend.now < scope.paused_until {
            return Spent::WaitUntil(scope.paused_until);
        }
        scope.spent_at.retain(|at| at + spend.window > spend.now);
        if (scope.spent_at.len() as i64) < spend.limit - spend.reserve {
            scope.spent_at.push(spend.now);
            return Spent::Granted;
        }
        Spent::WaitUntil(scope.spent_at.first().map_or(spend.now, |at| at + spend.window))
    }

    fn stop(&self, scope: &str, until: Millis) {
        self.0.lock().unwrap().entry(scope.to_owned()).or_default().paused_until = until;
    }

    fn stopped(&self, scope: &str, now: Millis) -> Option<Millis> {
        let until = self.0.lock().unwrap().get(scope)?.paused_until;
        (until > now).then_some(until)
    }
}

mod absent;
mod ledger;
mod outbox;
