//! One world: the authority, the institution, both wallet services, their phones, Vibes, and the sockets they listen on.
//!
//! Owns start, stop and the addresses. Does not own what any of them does.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::apple::phone::{Iphone, PhoneSettings};
use crate::apple::push::PushService;
use crate::apple::timeline::PhoneEvent;
use crate::authority::{Authority, AuthorityError, Identity, KeyKind, PassCertificate, ServiceAccount};
use crate::caller::Caller;
use crate::control::Control;
use crate::crm::{Crm, CrmError, CrmListener};
use crate::google::phone::GooglePhone;
use crate::google::{CallbackKeys, GoogleService, GoogleSettings};
use crate::listener::{ListenError, Listener, Transport};
use crate::secutix::{Credentials, Institution};
use crate::vibes::{VibesConfig, VibesService};

#[cfg(test)]
mod tests;

/// What a world is made of. The default is complete: every port free, every secret random.
#[derive(Debug, Clone, Default)]
pub struct SimulatorConfig {
    pub institution: InstitutionConfig,
    pub apple: AppleConfig,
    pub google: GoogleConfig,
    pub vibes: VibesConfig,
    pub ports: Ports,
    /// Serve `/control/...` and its index page.
    pub control: bool,
}

/// Zero: any free port.
#[derive(Debug, Clone, Copy, Default)]
pub struct Ports {
    pub secutix: u16,
    pub push: u16,
    pub google: u16,
    pub crm: u16,
    pub vibes: u16,
    pub control: u16,
}

#[derive(Debug, Clone)]
pub struct InstitutionConfig {
    /// JWT `sub`.
    pub institution: String,
    /// JWT `aud`.
    pub operator: String,
    /// JWT `iss`.
    pub partner: String,
    /// HS256 key. None: 32 random bytes in hex.
    pub secret: Option<String>,
    /// Where changes are announced; can be set later with [`Institution::listen_at`].
    pub listener: Option<String>,
    /// Per endpoint and minute; SecuTix documents 60.
    pub requests_per_minute: u32,
    /// Changes are announced in batches, this far apart; SecuTix's default set-up has ten minutes. None: at once, unless the delivery says otherwise.
    pub batch_interval: Option<std::time::Duration>,
}

impl Default for InstitutionConfig {
    fn default() -> Self {
        Self {
            institution: "DEMO".to_owned(),
            operator: "DEMO_WALLET".to_owned(),
            partner: "Passerelle".to_owned(),
            secret: None,
            listener: None,
            requests_per_minute: 60,
            batch_interval: None,
        }
    }
}

#[derive(Debug, Clone)]
pub struct AppleConfig {
    pub pass_type: String,
    pub team: String,
    pub key: KeyKind,
    /// Phones accept a `webServiceURL` with `http`, like an iPhone whose developer switch "Allow HTTP Services" is on.
    pub allow_http_services: bool,
}

impl Default for AppleConfig {
    fn default() -> Self {
        Self {
            pass_type: "pass.example.passerelle.demo".to_owned(),
            team: "PSRL000001".to_owned(),
            key: KeyKind::Rsa2048,
            allow_http_services: true,
        }
    }
}

#[derive(Debug, Clone)]
pub struct GoogleConfig {
    pub issuer: String,
    pub account: String,
}

impl Default for GoogleConfig {
    fn default() -> Self {
        Self {
            issuer: "3388000000022334455".to_owned(),
            account: "passes@passerelle-demo.iam.gserviceaccount.example".to_owned(),
        }
    }
}

/// Where everything listens. All `https` but `control`.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Addresses {
    pub secutix: String,
    pub push: String,
    pub google_api: String,
    pub google_token: String,
    pub google_save: String,
    pub google_keys: String,
    /// A desk of the CRM is below it, `/hooks/{name}`, and its API: `/oauth/token`, `/customers`, `/wallet-events`.
    pub crm: String,
    pub vibes: String,
    pub control: Option<String>,
}

#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error(transparent)]
    Authority(#[from] AuthorityError),
    #[error(transparent)]
    Listen(#[from] ListenError),
    #[error(transparent)]
    Crm(#[from] CrmError),
}

/// A running world. Dropping it ends it at once; [`Simulator::stop`] lets calls in progress finish.
pub struct Simulator {
    inner: Arc<World>,
    listeners: Vec<Listener>,
    _crm: CrmListener,
    batches: Option<tokio::task::AbortHandle>,
}

/// What the control interface shares with the owner.
pub(crate) struct World {
    pub authority: Authority,
    pub pass_certificate: Identity,
    pub service_account: ServiceAccount,
    pub institution: Institution,
    pub push: PushService,
    pub google: GoogleService,
    pub crm: Crm,
    pub vibes: VibesService,
    pub addresses: Mutex<Addresses>,
    config: SimulatorConfig,
    caller: Caller,
    iphones: Mutex<BTreeMap<String, Iphone>>,
    androids: Mutex<BTreeMap<String, GooglePhone>>,
}

impl Simulator {
    /// Makes the authority, binds the sockets and starts to serve.
    pub async fn start(config: SimulatorConfig) -> Result<Self, StartError> {
        let authority = Authority::new()?;
        let pass_certificate = authority.pass_certificate(&PassCertificate {
            pass_type: config.apple.pass_type.clone(),
            team: config.apple.team.clone(),
            key: config.apple.key,
            ..PassCertificate::default()
        })?;
        let caller = Caller::new(&authority)?;
        let server = authority.server_identity(&["localhost", "127.0.0.1", "::1"])?;
        let tls = authority.server_tls(&server)?;

        let institution = Institution::new(&config.institution, caller.clone());
        let secutix = Listener::start(config.ports.secutix, Transport::Tls(tls.clone()), institution.service()).await?;
        let secutix_url = format!("https://localhost:{}", secutix.port());
        institution.set_url(&secutix_url);

        let push = PushService::default();
        let push_tls = Transport::Http2WithClientCertificate(authority.push_tls(&server)?);
        let push_listener = Listener::start(config.ports.push, push_tls, push.service()).await?;
        let push_url = format!("https://localhost:{}", push_listener.port());

        let google_socket = Listener::bind(config.ports.google).await?;
        let google_url = format!("https://localhost:{}", google_socket.port());
        let service_account = authority.service_account(&config.google.account, &format!("{google_url}/token"))?;
        let google = GoogleService::new(
            GoogleSettings {
                issuer: config.google.issuer.clone(),
                account: service_account.email.clone(),
                public_key: service_account.public_key.clone(),
                url: google_url,
            },
            CallbackKeys::new()?,
        );
        let google_listener = google_socket.serve(Transport::Tls(tls.clone()), google.service());

        let vibes_socket = Listener::bind(config.ports.vibes).await?;
        let vibes_url = format!("https://localhost:{}", vibes_socket.port());
        let vibes = VibesService::new(&config.vibes, vibes_url, caller.clone());
        let vibes_listener = vibes_socket.serve(Transport::Tls(tls), vibes.service());

        let (crm, crm_listener) = Crm::start(&authority, &server, config.ports.crm).await?;

        let addresses = Addresses {
            secutix: secutix_url,
            push: push_url,
            google_api: google.api_url(),
            google_token: google.token_url(),
            google_save: google.save_url(),
            google_keys: google.keys_url(),
            crm: crm.url().to_owned(),
            vibes: vibes.url(),
            control: None,
        };
        let batches = config.institution.batch_interval.map(|every| institution.flush_every(every));
        let with_control = config.control;
        let control_port = config.ports.control;
        let inner = Arc::new(World {
            authority,
            pass_certificate,
            service_account,
            institution,
            push,
            google,
            crm,
            vibes,
            addresses: Mutex::new(addresses),
            config,
            caller,
            iphones: Mutex::default(),
            androids: Mutex::default(),
        });
        let mut listeners = vec![secutix, push_listener, google_listener, vibes_listener];
        if with_control {
            let control = Control::new(Arc::clone(&inner));
            let listener = Listener::start(control_port, Transport::Plain, control.service()).await?;
            let url = format!("http://127.0.0.1:{}", listener.port());
            inner.addresses.lock().unwrap_or_else(PoisonError::into_inner).control = Some(url);
            listeners.push(listener);
        }
        Ok(Self { inner, listeners, _crm: crm_listener, batches })
    }

    pub fn authority(&self) -> &Authority {
        &self.inner.authority
    }

    /// The Pass Type ID certificate with its intermediate, and its key: what an Apple tenant is configured with.
    pub fn pass_certificate(&self) -> &Identity {
        &self.inner.pass_certificate
    }

    pub fn pass_type(&self) -> &str {
        &self.inner.config.apple.pass_type
    }

    pub fn team(&self) -> &str {
        &self.inner.config.apple.team
    }

    /// The service account's key, in Google's own JSON format among others.
    pub fn service_account(&self) -> &ServiceAccount {
        &self.inner.service_account
    }

    pub fn google_issuer(&self) -> &str {
        &self.inner.config.google.issuer
    }

    pub fn credentials(&self) -> &Credentials {
        self.inner.institution.credentials()
    }

    /// The institution: its catalogue, its shop, its back office. The handle is cheap to clone.
    pub fn secutix(&self) -> &Institution {
        &self.inner.institution
    }

    pub fn push(&self) -> &PushService {
        &self.inner.push
    }

    pub fn google(&self) -> &GoogleService {
        &self.inner.google
    }

    /// The CRM that webhooks are sent to. The handle is cheap to clone.
    pub fn crm(&self) -> &Crm {
        &self.inner.crm
    }

    pub fn vibes(&self) -> &VibesService {
        &self.inner.vibes
    }

    pub fn addresses(&self) -> Addresses {
        self.inner.addresses()
    }

    /// The iPhone of that name; made when it is first asked for. The handle is cheap to clone.
    pub fn iphone(&self, name: &str) -> Iphone {
        self.inner.iphone(name)
    }

    /// The Android phone of that name; made when it is first asked for. The handle is cheap to clone.
    pub fn android(&self, name: &str) -> GooglePhone {
        self.inner.android(name)
    }

    /// Puts the clocks of SecuTix, Google, Vibes, the CRM and the phones forward, beside those of a server under test: nobody has to sleep to see what
    /// comes later.
    /// A phone that is made afterwards has the same time.
    pub fn advance(&self, millis: crate::Millis) {
        self.inner.institution.advance(millis);
        self.inner.google.advance(millis);
        self.inner.crm.advance(millis);
        self.inner.vibes.advance(millis);
        for phone in self.inner.iphones().values() {
            phone.advance(millis);
        }
    }

    /// What iPhones tried and could not do: whatever a server did otherwise than Apple asks for, and every answer that was none.
    pub fn complaints(&self) -> Vec<String> {
        let of = |(name, phone): (String, Iphone)| {
            phone.log().into_iter().filter_map(move |entry| match entry.event {
                PhoneEvent::Failed { step, reason } => Some(format!("iPhone {name}, {step}: {reason}")),
                _ => None,
            })
        };
        self.inner.iphones().into_iter().flat_map(of).collect()
    }

    /// Lets calls in progress finish (at most a second), then closes everything.
    pub async fn stop(mut self) {
        for listener in std::mem::take(&mut self.listeners) {
            listener.stop().await;
        }
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        if let Some(task) = &self.batches {
            task.abort();
        }
        for phone in self.inner.iphones().values() {
            phone.switch_off();
        }
    }
}

impl World {
    pub fn addresses(&self) -> Addresses {
        self.addresses.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub fn iphone(&self, name: &str) -> Iphone {
        let mut phones = self.iphones.lock().unwrap_or_else(PoisonError::into_inner);
        let make = || {
            let settings = PhoneSettings {
                name: name.to_owned(),
                allow_http_services: self.config.apple.allow_http_services,
                trust: self.authority.pass_trust(),
                ..PhoneSettings::default()
            };
            let phone = Iphone::new(settings, self.caller.clone(), self.push.clone());
            phone.advance(self.institution.ahead());
            phone
        };
        phones.entry(name.to_owned()).or_insert_with(make).clone()
    }

    pub fn iphones(&self) -> BTreeMap<String, Iphone> {
        self.iphones.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub fn android(&self, name: &str) -> GooglePhone {
        let mut phones = self.androids.lock().unwrap_or_else(PoisonError::into_inner);
        let make = || GooglePhone::new(name, self.google.clone(), self.caller.clone());
        phones.entry(name.to_owned()).or_insert_with(make).clone()
    }

    pub fn androids(&self) -> BTreeMap<String, GooglePhone> {
        self.androids.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
