//! The tenants that are in force, and how a change of their folders becomes one.
//!
//! Owns the set and its replacement: all or nothing per tenant. A folder that is broken after a change keeps its last good tenant, so that a
//! slip of an editor stops no pass. A folder that is gone takes its tenant along; one whose `tenant.toml` is gone is broken.
//! Does not own when a change is looked for (`watch`).

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use aws_lc_rs::digest;
use passerelle_flow::apple::{IdentityProblem, check_identity};
use passerelle_flow::identity::TenantId;
use passerelle_flow::ports::{Clock as _, KeyRef};
use passerelle_flow::tenant::Tenant;
use passerelle_flow::tenant::credential::CredentialFault;
use passerelle_flow::tenant::load::{self, Defaults, Loaded, TENANT_FILE, TenantFiles};
use passerelle_flow::tenant::problem::{Fault, Place, Problem};
use passerelle_flow::tenant::secret::{SecretProblem, SecretReference};
use zeroize::Zeroizing;

use super::secrets::SecretReader;
use super::settings::Settings;
use super::variables::Variables;
use crate::host::ServerClock;
use crate::private_key::PrivateKey;

/// Names the fingerprint of a folder: equal, and nothing that the tenant is made of has changed.
type Fingerprint = [u8; 32];

pub struct Tenants {
    folder: PathBuf,
    secret_folders: Vec<PathBuf>,
    variables: Variables,
    defaults: Defaults,
    /// Read on every request, replaced on a reload: readers take the lock for the time of a clone.
    current: RwLock<Arc<BTreeMap<TenantId, Arc<Tenant>>>>,
    /// The private keys of the current set, and of the one before it: a request that began under that one signs with its key.
    keys: RwLock<HashMap<KeyRef, PrivateKey>>,
    /// What the current set was made of. Its lock also keeps two reloads from interleaving.
    seen: Mutex<BTreeMap<TenantId, Seen>>,
}

/// The state of a folder when it was last looked at, good or not.
struct Seen {
    fingerprint: Fingerprint,
    /// What it referred to: a key that is exchanged is a change although no line of the configuration is.
    references: BTreeSet<SecretReference>,
}

/// What a reload did, by tenant.
#[derive(Debug, Default)]
pub struct Reload {
    pub added: Vec<TenantId>,
    pub changed: Vec<TenantId>,
    pub removed: Vec<TenantId>,
    /// Broken by this change, with what is wrong; `kept` says whether an earlier good one stays in force.
    pub broken: Vec<Broken>,
    /// Problems of the tenants' folder itself.
    pub problems: Vec<Problem>,
}

#[derive(Debug)]
pub struct Broken {
    pub tenant: TenantId,
    pub kept: bool,
    pub problems: Vec<Problem>,
}

impl Reload {
    pub fn is_clean(&self) -> bool {
        self.broken.is_empty() && self.problems.is_empty()
    }
}

impl Tenants {
    /// No tenant is in force until the first [`Tenants::reload`].
    pub fn new(settings: &Settings) -> Self {
        Self {
            folder: settings.tenants.clone(),
            secret_folders: settings.secret_folders.clone(),
            variables: settings.variables.clone(),
            defaults: settings.defaults(),
            current: RwLock::default(),
            keys: RwLock::default(),
            seen: Mutex::default(),
        }
    }

    /// Reads every folder. Look at the [`Reload`] for those that are broken.
    pub fn open(settings: &Settings) -> (Self, Reload) {
        let tenants = Self::new(settings);
        let reload = tenants.reload();
        (tenants, reload)
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    pub fn get(&self, id: &TenantId) -> Option<Arc<Tenant>> {
        self.all().get(id).cloned()
    }

    pub fn all(&self) -> Arc<BTreeMap<TenantId, Arc<Tenant>>> {
        // Nothing panics while it is held; were it poisoned all the same, the map inside is whole, since it is replaced at once.
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// A key of a tenant that is in force, or was until the last reload: the one that was there when its certificate was read.
    pub fn key(&self, key: &KeyRef) -> Option<PrivateKey> {
        self.keys.read().unwrap_or_else(PoisonError::into_inner).get(key).cloned()
    }

    /// A key without its tenant, for a test that has none.
    #[cfg(test)]
    pub(crate) fn hold(&self, key: KeyRef, parsed: PrivateKey) {
        self.keys.write().unwrap_or_else(PoisonError::into_inner).insert(key, parsed);
    }

    /// The reader of a tenant's references.
    pub fn secrets(&self, id: &TenantId) -> SecretReader {
        SecretReader::new(self.folder.join(id.as_str()), &self.secret_folders).with_variables(self.variables.clone())
    }

    /// Looks at every folder, and replaces what has changed and is good.
    pub fn reload(&self) -> Reload {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let mut report = Reload::default();
        let present = match self.present(&mut report.problems) {
            Ok(present) => present,
            // The folder is out of reach, as in the middle of a deployment: that says nothing about the tenants.
            Err(problem) => {
                report.problems.push(problem);
                return report;
            }
        };
        let before = self.all();
        let mut next = BTreeMap::new();
        for id in &present {
            let kept = before.get(id);
            let files = self.files(id);
            let reader = self.secrets(id);
            let now = |references: &BTreeSet<SecretReference>| {
                let contents =
                    references.iter().map(|reference| (reference.clone(), content_digest(&reader.read(reference))));
                fingerprint(&files, &contents.collect())
            };
            if seen.get(id).is_some_and(|seen| seen.fingerprint == now(&seen.references)) {
                next.extend(kept.map(|tenant| (id.clone(), Arc::clone(tenant))));
                continue;
            }
            let Examined { outcome, contents, keys } = self.examine_files(id, &files);
            let outcome =
                outcome.and_then(|loaded| match kept.and_then(|kept| self.ends_first(kept, &loaded.tenant)) {
                    None => Ok(loaded),
                    Some(problem) => Err(vec![problem]),
                });
            let fingerprint = fingerprint(&files, &contents);
            seen.insert(id.clone(), Seen { fingerprint, references: contents.into_keys().collect() });
            match outcome {
                Ok(loaded) => {
                    self.keys.write().unwrap_or_else(PoisonError::into_inner).extend(keys);
                    // Here, beside the requests, and not by the first pass: the smaller sizes of a large image take a second to make.
                    loaded.tenant.templates.values().for_each(|template| template.draw());
                    let list = if kept.is_some() { &mut report.changed } else { &mut report.added };
                    list.push(id.clone());
                    next.insert(id.clone(), Arc::new(loaded.tenant));
                }
                Err(problems) => {
                    next.extend(kept.map(|tenant| (id.clone(), Arc::clone(tenant))));
                    report.broken.push(Broken { tenant: id.clone(), kept: kept.is_some(), problems });
                }
            }
        }
        report.removed.extend(before.keys().filter(|id| !present.contains(*id)).cloned());
        seen.retain(|id, _| present.contains(id));
        let needed: HashSet<KeyRef> = next
            .values()
            .chain(before.values())
            .flat_map(|tenant| keys_of(tenant))
            .map(|(_, key)| key.clone())
            .collect();
        self.keys.write().unwrap_or_else(PoisonError::into_inner).retain(|key, _| needed.contains(key));
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(next);
        report
    }

    /// Reads one tenant without putting it in force: for `check`.
    pub fn examine(&self, id: &TenantId) -> Examination {
        let Examined { outcome, contents, .. } = self.examine_files(id, &self.files(id));
        Examination { outcome, references: contents.into_keys().collect() }
    }

    /// The tenants whose folders are there, and what is wrong with the folder of all of them.
    pub fn names(&self) -> (BTreeSet<TenantId>, Vec<Problem>) {
        let mut problems = Vec::new();
        match self.present(&mut problems) {
            Ok(present) => (present, problems),
            Err(problem) => (BTreeSet::new(), vec![problem]),
        }
    }

    /// What has ended does not replace what has not: a slip with two files must not stop every pass.
    fn ends_first(&self, kept: &Tenant, new: &Tenant) -> Option<Problem> {
        let now = ServerClock::default().now();
        let ended = |tenant: &Tenant| {
            let apple = tenant.apple.as_ref()?;
            let problems = check_identity(&apple.identity.chain, &apple.pass_type, &apple.team, now);
            problems.into_iter().find(IdentityProblem::is_fatal)
        };
        let source = ended(new).filter(|_| kept.apple.is_some() && ended(kept).is_none())?;
        Some(self.problem(&new.id, Fault::Certificate { key: "apple.certificate".to_owned(), source }))
    }

    fn problem(&self, id: &TenantId, fault: Fault) -> Problem {
        let file = self.folder.join(id.as_str()).join(TENANT_FILE);
        Problem { place: Place::file(file.display().to_string()), fault }
    }

    fn examine_files(&self, id: &TenantId, files: &Files) -> Examined {
        let reader = self.secrets(id);
        // Of what was used, not of what may be there a moment later.
        let contents = Mutex::new(BTreeMap::new());
        let secrets = |reference: &SecretReference| {
            let mut contents = contents.lock().unwrap_or_else(PoisonError::into_inner);
            contents.entry(reference.clone()).or_insert_with(|| reader.read(reference)).clone()
        };
        let mut keys = HashMap::new();
        let mut outcome = match files {
            Ok(files) => load::load(id.clone(), files, &secrets, &self.defaults),
            Err(problems) => Err(problems.clone()),
        };
        if let Ok(Loaded { tenant, .. }) = &outcome {
            let mut problems = Vec::new();
            for (name, key) in keys_of(tenant) {
                match PrivateKey::read(secrets, key) {
                    Ok(parsed) => _ = keys.insert(key.clone(), parsed),
                    Err(_) => {
                        problems.push(self.problem(
                            id,
                            Fault::Credential { key: name.to_owned(), source: CredentialFault::DamagedKey },
                        ))
                    }
                }
            }
            for template in tenant.templates.values() {
                problems.extend(template.unreadable_images().into_iter().map(|image| {
                    let path = format!("templates/{}/images/{image}", template.name);
                    let place = self.folder.join(id.as_str()).join(path);
                    Problem { place: Place::file(place.display().to_string()), fault: Fault::Image(UNDRAWABLE) }
                }));
            }
            if !problems.is_empty() {
                outcome = Err(problems);
            }
        }
        let contents = contents.into_inner().unwrap_or_else(PoisonError::into_inner);
        let contents = contents.into_iter().map(|(reference, content)| (reference, content_digest(&content))).collect();
        Examined { outcome, contents, keys }
    }

    fn files(&self, id: &TenantId) -> Files {
        let path = self.folder.join(id.as_str());
        passerelle_folder::read(&path, &path.display().to_string())
    }

    /// The folders that are tenants by their name. What begins with a dot is left alone.
    fn present(&self, problems: &mut Vec<Problem>) -> Result<BTreeSet<TenantId>, Problem> {
        let problem = |path: &Path, fault| Problem { place: Place::file(path.display().to_string()), fault };
        let entries = std::fs::read_dir(&self.folder).map_err(|error| {
            let fault = match error.kind() {
                std::io::ErrorKind::NotFound => {
                    Fault::Folder("there is no such folder; `folder` under [tenants] in passerelle.toml names it")
                }
                _ => Fault::Unreadable,
            };
            problem(&self.folder, fault)
        })?;
        let mut present = BTreeSet::new();
        for entry in entries {
            let entry = entry.map_err(|_| problem(&self.folder, Fault::Unreadable))?;
            let (path, name) = (entry.path(), entry.file_name());
            if name.as_encoded_bytes().starts_with(b".") || !path.is_dir() {
                continue;
            }
            match name.to_str().and_then(|name| TenantId::parse(name).ok()) {
                Some(id) => {
                    present.insert(id);
                }
                None => problems.push(problem(
                    &path,
                    Fault::Folder("is not a tenant's name: 1 to 63 of a-z, 0-9 and -, beginning and ending with a letter or a digit"),
                )),
            }
        }
        Ok(present)
    }
}

struct Examined {
    outcome: Result<Loaded, Vec<Problem>>,
    contents: BTreeMap<SecretReference, Fingerprint>,
    keys: HashMap<KeyRef, PrivateKey>,
}

const UNDRAWABLE: &str = "the PNG image is damaged: its pixels cannot be read";

/// The private keys that a tenant signs with, by the key of `tenant.toml` that names them.
fn keys_of(tenant: &Tenant) -> impl Iterator<Item = (&'static str, &KeyRef)> {
    let apple = tenant.apple.iter().map(|apple| ("apple.key", &apple.identity.key));
    let push = tenant.apple.iter().filter_map(|apple| apple.push_key.as_ref());
    let push = push.map(|push| ("apple.push_key.key", &push.key));
    apple.chain(push).chain(tenant.google.iter().map(|google| ("google.account", &google.key)))
}

/// One tenant's folder, read.
pub struct Examination {
    pub outcome: Result<Loaded, Vec<Problem>>,
    /// What it refers to, whether or not it leads anywhere.
    pub references: BTreeSet<SecretReference>,
}

type Files = Result<TenantFiles, Vec<Problem>>;

/// A reference that leads nowhere has a digest too: the file may be there at the next look.
fn content_digest(content: &Result<Zeroizing<Vec<u8>>, SecretProblem>) -> Fingerprint {
    match content {
        Ok(content) => sha256(&[b"content", content.as_slice()]),
        Err(problem) => sha256(&[b"problem", problem.to_string().as_bytes()]),
    }
}

fn fingerprint(files: &Files, secrets: &BTreeMap<SecretReference, Fingerprint>) -> Fingerprint {
    let mut parts: Vec<Vec<u8>> = Vec::new();
    match files {
        Ok(files) => parts.extend(
            files.files.iter().flat_map(|(name, content)| [name.as_bytes().to_vec(), sha256(&[content]).to_vec()]),
        ),
        Err(problems) => parts.extend(problems.iter().map(|problem| problem.to_string().into_bytes())),
    }
    parts.extend(secrets.iter().flat_map(|(reference, digest)| [reference.to_string().into_bytes(), digest.to_vec()]));
    sha256(&parts.iter().map(Vec::as_slice).collect::<Vec<_>>())
}

/// SHA-256 over the parts, each preceded by its length, so that no two lists of parts read alike.
fn sha256(parts: &[&[u8]]) -> Fingerprint {
    let mut context = digest::Context::new(&digest::SHA256);
    for part in parts {
        context.update(&part.len().to_le_bytes());
        context.update(part);
    }
    context.finish().as_ref().try_into().unwrap_or_default()
}

#[cfg(test)]
pub(super) mod tests;
