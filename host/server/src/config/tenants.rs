//! The tenants that are in force, and how a change of their folders becomes one.
//!
//! Owns the set and its replacement: all or nothing per tenant. A folder that is broken after a change keeps its last good tenant, so that a
//! slip of an editor stops no pass. A folder that is gone takes its tenant along; one whose `tenant.toml` is gone is broken.
//! Does not own when a change is looked for (`watch`).

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use aws_lc_rs::digest;
use passerelle_flow::identity::TenantId;
use passerelle_flow::tenant::Tenant;
use passerelle_flow::tenant::load::{self, Defaults, Loaded, TenantFiles};
use passerelle_flow::tenant::problem::{Fault, Place, Problem};
use passerelle_flow::tenant::secret::{SecretProblem, SecretReference};
use zeroize::Zeroizing;

use super::secrets::SecretReader;
use super::settings::Settings;
use super::variables::Variables;

/// Names the fingerprint of a folder: equal, and nothing that the tenant is made of has changed.
type Fingerprint = [u8; 32];

pub struct Tenants {
    folder: PathBuf,
    secret_folders: Vec<PathBuf>,
    variables: Variables,
    defaults: Defaults,
    /// Read on every request, replaced on a reload: readers take the lock for the time of a clone.
    current: RwLock<Arc<BTreeMap<TenantId, Arc<Tenant>>>>,
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

    /// The reader of a tenant's references, for the signer and for `check`.
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
            let Examined { outcome, contents } = self.examine_files(id, &files);
            let fingerprint = fingerprint(&files, &contents);
            seen.insert(id.clone(), Seen { fingerprint, references: contents.into_keys().collect() });
            match outcome {
                Ok(loaded) => {
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
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(next);
        report
    }

    /// Reads one tenant without putting it in force: for `check`.
    pub fn examine(&self, id: &TenantId) -> Examination {
        let Examined { outcome, contents } = self.examine_files(id, &self.files(id));
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

    fn examine_files(&self, id: &TenantId, files: &Files) -> Examined {
        let reader = self.secrets(id);
        let contents = Mutex::new(BTreeMap::new());
        let secrets = |reference: &SecretReference| {
            let content = reader.read(reference);
            // Of what was used, not of what may be there a moment later.
            contents.lock().unwrap_or_else(PoisonError::into_inner).insert(reference.clone(), content_digest(&content));
            content
        };
        let outcome = match files {
            Ok(files) => load::load(id.clone(), files, &secrets, &self.defaults),
            Err(problems) => Err(problems.clone()),
        };
        Examined { outcome, contents: contents.into_inner().unwrap_or_else(PoisonError::into_inner) }
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
