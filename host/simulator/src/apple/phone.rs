//! An iPhone with Wallet: adds passes, registers for them, is woken, asks what changed, fetches, shows.
//!
//! Owns the behaviour of one device over real HTTP. Does not own the checks of a package (`package`) nor the calls (`webservice`).
//! Bounded by: one task per phone, which ends with the last handle or [`Iphone::switch_off`].

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::{Method, StatusCode};
use tokio::sync::{Notify, watch};

use crate::apple::package::{self, Package, PackageError};
use crate::apple::push::PushService;
use crate::apple::timeline::{PhoneEntry, PhoneEvent};
use crate::apple::view::PassView;
use crate::apple::webservice::{Fetched, Service, ServiceError};
use crate::authority::PassTrust;
use crate::caller::{CallError, Caller};
use crate::secutix::random_hex;
use crate::{NotSeen, now, seen};

#[derive(Debug, thiserror::Error)]
pub enum AddError {
    #[error("download: {0}")]
    Call(#[from] CallError),
    #[error("download: answered {0}")]
    Status(u16),
    #[error("download: not application/vnd.apple.pkpass, or not application/vnd.apple.pkpasses where those were meant")]
    MediaType,
    #[error("refused: {0}")]
    Package(#[from] PackageError),
}

#[derive(Clone)]
pub(crate) struct PhoneSettings {
    pub name: String,
    pub language: String,
    pub allow_http_services: bool,
    pub trust: PassTrust,
    /// Attempts of a call that failed for now, at least one.
    pub attempts: u32,
    /// Wait before the second; doubled each time. A real phone takes longer.
    pub backoff: Duration,
}

impl Default for PhoneSettings {
    fn default() -> Self {
        Self {
            name: String::new(),
            language: "fr".to_owned(),
            allow_http_services: true,
            trust: PassTrust::default(),
            attempts: 5,
            backoff: Duration::from_millis(100),
        }
    }
}

/// A handle on one phone.
#[derive(Clone)]
pub struct Iphone {
    inner: Arc<Inner>,
}

struct Inner {
    settings: PhoneSettings,
    caller: Caller,
    push: PushService,
    /// Milliseconds that the phone's clock is ahead of the machine's.
    ahead: AtomicI64,
    device: String,
    push_token: String,
    state: Mutex<State>,
    /// Counts changes of the state, for those who wait.
    version: watch::Sender<u64>,
    task: Mutex<Option<tokio::task::AbortHandle>>,
}

impl Drop for Inner {
    fn drop(&mut self) {
        if let Some(task) = self.task.lock().unwrap_or_else(PoisonError::into_inner).take() {
            task.abort();
        }
    }
}

#[derive(Default)]
struct State {
    passes: BTreeMap<(String, String), Installed>,
    /// By service and pass type: what the service called the state of its list.
    tags: BTreeMap<(String, String), String>,
    log: Vec<PhoneEntry>,
}

#[derive(Clone)]
struct Installed {
    view: PassView,
    service: Option<Service>,
}

impl Iphone {
    pub(crate) fn new(settings: PhoneSettings, caller: Caller, push: PushService) -> Self {
        let woken = Arc::new(Notify::new());
        let push_token = push.issue(Arc::clone(&woken));
        let inner = Arc::new(Inner {
            settings,
            caller,
            push,
            ahead: AtomicI64::new(0),
            device: random_hex::<16>(),
            push_token,
            state: Mutex::default(),
            version: watch::Sender::new(0),
            task: Mutex::default(),
        });
        let weak = Arc::downgrade(&inner);
        // The permit of `Notify` is what coalesces pushes: any number during one refresh make one more.
        let listening = async move {
            loop {
                woken.notified().await;
                let Some(inner) = weak.upgrade() else { return };
                let phone = Self { inner };
                phone.note(PhoneEvent::Woken);
                phone.refresh().await;
            }
        };
        let task = tokio::spawn(listening).abort_handle();
        *inner.task.lock().unwrap_or_else(PoisonError::into_inner) = Some(task);
        Self { inner }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.inner.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, event: PhoneEvent) {
        self.state().log.push(PhoneEntry { at: now(), event });
        self.inner.version.send_modify(|version| *version += 1);
    }

    fn failed(&self, step: &'static str, reason: &impl ToString) {
        self.note(PhoneEvent::Failed { step, reason: reason.to_string() });
    }

    pub fn name(&self) -> &str {
        &self.inner.settings.name
    }

    /// `deviceLibraryIdentifier`
    pub fn device(&self) -> &str {
        &self.inner.device
    }

    pub fn push_token(&self) -> &str {
        &self.inner.push_token
    }

    /// Opens a link to a `.pkpass`: download, every check, registration.
    pub async fn add(&self, url: &str) -> Result<PassView, AddError> {
        self.add_with(url, &[]).await
    }

    /// The same, with headers: `x-api-key`, where a shop's app downloads.
    pub async fn add_with(&self, url: &str, headers: &[(&str, &str)]) -> Result<PassView, AddError> {
        let downloaded = self.download(url, headers).await;
        if let Err(error) = &downloaded {
            self.failed("add", error);
        }
        let (bytes, last_modified) = downloaded?;
        self.add_bytes(&bytes, last_modified).await
    }

    /// Opens a link to a `.pkpasses`: each pass of it is checked and added as if it had come alone. What one names wrong, all are refused for.
    pub async fn add_all(&self, url: &str) -> Result<Vec<PassView>, AddError> {
        let downloaded = self.of_type(url, &[], "application/vnd.apple.pkpasses").await;
        let opened = match downloaded {
            Ok((bytes, _)) => package::bundle(&bytes).map_err(AddError::from),
            Err(error) => Err(error),
        };
        if let Err(error) = &opened {
            self.failed("add", error);
        }
        let mut added = Vec::new();
        for package in opened? {
            added.push(self.add_bytes(&package, None).await?);
        }
        Ok(added)
    }

    async fn download(&self, url: &str, headers: &[(&str, &str)]) -> Result<(Bytes, Option<String>), AddError> {
        self.of_type(url, headers, "application/vnd.apple.pkpass").await
    }

    async fn of_type(
        &self,
        url: &str,
        headers: &[(&str, &str)],
        media_type: &str,
    ) -> Result<(Bytes, Option<String>), AddError> {
        let reply = self.inner.caller.call(Method::GET, url, headers, Bytes::new()).await?;
        if reply.status != StatusCode::OK {
            return Err(AddError::Status(reply.status.as_u16()));
        }
        if reply.header("content-type") != Some(media_type) {
            return Err(AddError::MediaType);
        }
        let last_modified = reply.header("last-modified").map(str::to_owned);
        Ok((reply.body, last_modified))
    }

    /// A `.pkpass` that came another way: by mail, from a file.
    pub async fn add_bytes(&self, bytes: &[u8], last_modified: Option<String>) -> Result<PassView, AddError> {
        let opened = self.open(bytes);
        if let Err(error) = &opened {
            self.failed("add", error);
        }
        let package = opened?;
        let view = PassView::of(&package, &self.inner.settings.language, last_modified);
        let service = Service::of(&package.pass);
        let key = (view.pass_type.clone(), view.serial.clone());
        self.state().passes.insert(key, Installed { view: view.clone(), service: service.clone() });
        self.note(PhoneEvent::Added { serial: view.serial.clone() });
        if let Some(service) = service {
            let (caller, device, token) = (&self.inner.caller, &self.inner.device, &self.inner.push_token);
            let registered = self.persist(|| service.register(caller, device, token)).await;
            match registered {
                Ok(status) => self.note(PhoneEvent::Registered { serial: view.serial.clone(), status }),
                Err(error) => self.failed("register", &error),
            }
        }
        Ok(view)
    }

    fn open(&self, bytes: &[u8]) -> Result<Package, PackageError> {
        let settings = &self.inner.settings;
        let second = (now() + self.inner.ahead.load(Ordering::SeqCst)).div_euclid(1000);
        Package::open(bytes, &settings.trust, settings.allow_http_services, second)
    }

    /// The holder deletes the pass: the service is told.
    pub async fn remove(&self, serial: &str) -> bool {
        let found = {
            let mut state = self.state();
            let key = state.passes.keys().find(|(_, found)| found == serial).cloned();
            key.and_then(|key| state.passes.remove(&key))
        };
        let Some(installed) = found else { return false };
        let mut status = None;
        if let Some(service) = installed.service {
            match self.persist(|| service.unregister(&self.inner.caller, &self.inner.device)).await {
                Ok(answered) => status = Some(answered),
                Err(error) => self.failed("unregister", &error),
            }
        }
        self.note(PhoneEvent::Removed { serial: serial.to_owned(), status });
        true
    }

    /// The phone is erased: nobody is told, and its push token answers 410 from now on.
    pub fn wipe(&self) {
        self.state().passes.clear();
        self.inner.push.mark_gone(&self.inner.push_token, now());
        self.inner.version.send_modify(|version| *version += 1);
    }

    /// Puts the phone's clock forward (back, if negative): what signing times are judged by.
    pub fn advance(&self, millis: crate::Millis) {
        self.inner.ahead.fetch_add(millis, Ordering::SeqCst);
    }

    /// No more reactions to pushes.
    pub fn switch_off(&self) {
        if let Some(task) = self.inner.task.lock().unwrap_or_else(PoisonError::into_inner).take() {
            task.abort();
        }
    }

    /// What a push makes the phone do; also what pulling down on a pass's back does.
    pub async fn refresh(&self) {
        let services: BTreeMap<(String, String), Service> = {
            let state = self.state();
            let with_service = state.passes.values().filter_map(|installed| installed.service.clone());
            with_service.map(|service| ((service.url.clone(), service.pass_type.clone()), service)).collect()
        };
        for (list, service) in services {
            let tag = self.state().tags.get(&list).cloned();
            let listed = self.persist(|| service.list(&self.inner.caller, &self.inner.device, tag.as_deref())).await;
            match listed {
                Ok(None) => self.note(PhoneEvent::Listed { tag, serials: Vec::new() }),
                Ok(Some(changed)) => {
                    let mut all_fetched = true;
                    let serials = changed.serials.clone();
                    self.note(PhoneEvent::Listed { tag: Some(changed.tag.clone()), serials });
                    for serial in changed.serials {
                        all_fetched &= self.fetch(&service.pass_type, &serial).await;
                    }
                    // The tag is kept only when all of it arrived: what failed is asked for again with the next push.
                    if all_fetched {
                        self.state().tags.insert(list, changed.tag);
                    }
                }
                Err(error) => self.failed("list", &error),
            }
        }
    }

    /// Fetches one pass and shows it; whether nothing is left to do.
    async fn fetch(&self, pass_type: &str, serial: &str) -> bool {
        let key = (pass_type.to_owned(), serial.to_owned());
        let installed = self.state().passes.get(&key).cloned();
        // A serial that the phone no longer has: Wallet ignores it.
        let Some(Installed { view, service: Some(service) }) = installed else { return true };
        let since = view.last_modified.as_deref();
        let fetched = match self.persist(|| service.fetch(&self.inner.caller, since)).await {
            Ok(fetched) => fetched,
            Err(error) => {
                self.failed("fetch", &error);
                return false;
            }
        };
        let Fetched::Pass { bytes, last_modified } = fetched else {
            self.note(PhoneEvent::NotModified { serial: serial.to_owned() });
            return true;
        };
        let package = match self.open(&bytes) {
            Ok(package) => package,
            Err(error) => {
                self.failed("update", &error);
                if let Err(error) = service.complain(&self.inner.caller, &format!("update refused: {error}")).await {
                    self.failed("log", &error);
                }
                return false;
            }
        };
        // The token of an installed pass never changes (wallets.md 1.2).
        if Service::of(&package.pass).as_ref() != Some(&service) {
            self.failed("update", &"another pass type, serial number, authentication token or web service");
            return false;
        }
        let newer = PassView::of(&package, &self.inner.settings.language, Some(last_modified));
        let changes = view.changes(&newer);
        let banners = changes.iter().filter_map(|change| change.banner.clone()).collect();
        if let Some(installed) = self.state().passes.get_mut(&key) {
            installed.view = newer;
        }
        self.note(PhoneEvent::Replaced { serial: serial.to_owned(), changes, banners });
        true
    }

    /// Tries again, with growing waits, what failed only for now.
    async fn persist<T, F, R>(&self, attempt: F) -> Result<T, ServiceError>
    where
        F: Fn() -> R,
        R: Future<Output = Result<T, ServiceError>>,
    {
        let mut wait = self.inner.settings.backoff;
        let mut left = self.inner.settings.attempts.max(1);
        loop {
            left -= 1;
            match attempt().await {
                Err(error) if error.is_transient() && left > 0 => {
                    tokio::time::sleep(wait).await;
                    wait *= 2;
                }
                done => return done,
            }
        }
    }

    pub fn pass(&self, serial: &str) -> Option<PassView> {
        self.passes().into_iter().find(|view| view.serial == serial)
    }

    pub fn passes(&self) -> Vec<PassView> {
        self.state().passes.values().map(|installed| installed.view.clone()).collect()
    }

    /// Everything that happened on it, oldest first.
    pub fn log(&self) -> Vec<PhoneEntry> {
        self.state().log.clone()
    }

    /// Waits until a pass shows what `condition` looks for.
    pub async fn wait_until(
        &self,
        condition: impl Fn(&PassView) -> bool,
        limit: Duration,
    ) -> Result<PassView, NotSeen> {
        seen(&self.inner.version, move || self.passes().into_iter().find(|view| condition(view)), limit).await
    }

    /// Waits until the log has what `condition` looks for.
    pub async fn wait_for_event(
        &self,
        condition: impl Fn(&PhoneEvent) -> bool,
        limit: Duration,
    ) -> Result<PhoneEntry, NotSeen> {
        seen(&self.inner.version, move || self.log().into_iter().find(|entry| condition(&entry.event)), limit).await
    }
}
