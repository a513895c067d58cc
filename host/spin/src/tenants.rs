//! The tenants that this instance has been asked for.
//!
//! Owns loading one, on demand, from its mounted folder and Spin's variables, and keeping it while the instance lives. Nothing is watched:
//! instances end after a second without work, and what is mounted changes with a deployment. Does not own what a folder means
//! (`passerelle_flow::tenant`). Bounded by the folder's caps, per tenant; only tenants that exist are kept.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use passerelle_flow::identity::TenantId;
use passerelle_flow::tenant::Tenant;
use passerelle_flow::tenant::credential::CredentialFault;
use passerelle_flow::tenant::load::{self, Defaults, TENANT_FILE};
use passerelle_flow::tenant::problem::{Fault, Problem};
use passerelle_flow::tenant::secret::{SecretProblem, SecretReference, SecretSource};
use zeroize::Zeroizing;

use crate::secrets::{SecretFault, Secrets, Variables};

pub struct Tenants<V> {
    secrets: Arc<Secrets<V>>,
    defaults: Defaults,
    /// None: its folder is broken, which was told.
    loaded: Mutex<BTreeMap<TenantId, Option<Arc<Tenant>>>>,
}

/// Why a tenant is not there.
#[derive(Debug)]
pub enum Absent {
    /// There is no folder of that name.
    Unknown,
    /// The folder is no tenant: all that is wrong, the first time. Answered like an unknown one, as the server does.
    Broken(Vec<Problem>),
    /// It takes what only a server has.
    ServerOnly(Only),
    /// The variables cannot be read now.
    Unreachable,
}

/// What of a tenant only a server has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Only {
    /// A secret in the environment of a process (`env:`).
    Environment,
    /// A certificate in a `.p12` file.
    Pkcs12,
}

impl Only {
    /// For whoever asked for the tenant.
    pub const fn detail(self) -> &'static str {
        match self {
            Self::Environment => {
                "This tenant takes a secret from the environment of a process. A server has one; an edge does not."
            }
            Self::Pkcs12 => "This tenant's certificate is in a .p12 file. A server opens it; an edge reads PEM.",
        }
    }
}

impl<V: Variables> Tenants<V> {
    pub fn new(secrets: Arc<Secrets<V>>, defaults: Defaults) -> Self {
        Self { secrets, defaults, loaded: Mutex::default() }
    }

    /// One that was loaded before.
    pub fn get(&self, id: &TenantId) -> Option<Arc<Tenant>> {
        self.known(id).flatten()
    }

    pub fn all(&self) -> Vec<Arc<Tenant>> {
        self.loaded.lock().unwrap_or_else(PoisonError::into_inner).values().flatten().cloned().collect()
    }

    /// Those that are mounted, where the mount can be listed, and those that were asked for.
    pub fn named(&self) -> Vec<TenantId> {
        let mut named = self.secrets.tenants();
        named.extend(self.all().iter().map(|tenant| tenant.id.clone()));
        named.sort();
        named.dedup();
        named
    }

    fn known(&self, id: &TenantId) -> Option<Option<Arc<Tenant>>> {
        self.loaded.lock().unwrap_or_else(PoisonError::into_inner).get(id).cloned()
    }

    fn remember(&self, id: &TenantId, tenant: Option<Arc<Tenant>>) {
        self.loaded.lock().unwrap_or_else(PoisonError::into_inner).insert(id.clone(), tenant);
    }

    /// Makes sure that [`Tenants::get`] finds it.
    pub async fn load(&self, id: &TenantId) -> Result<(), Absent> {
        if let Some(known) = self.known(id) {
            return known.map(drop).ok_or_else(|| Absent::Broken(vec![]));
        }
        match self.read(id).await {
            Ok(tenant) => self.remember(id, Some(Arc::new(tenant))),
            Err(absent) => {
                // What is mounted stays as it is while the instance lives: reading it again would cost every caller the same.
                if matches!(absent, Absent::Broken(_)) {
                    self.remember(id, None);
                }
                return Err(absent);
            }
        }
        Ok(())
    }

    async fn read(&self, id: &TenantId) -> Result<Tenant, Absent> {
        let folder = self.secrets.folder(id);
        if !folder.join(TENANT_FILE).is_file() {
            return Err(Absent::Unknown);
        }
        let files = passerelle_folder::read(&folder, id.as_str()).map_err(Absent::Broken)?;
        let draft = load::draft(&files).map_err(Absent::Broken)?;
        let contents = self.contents(id, draft.references().into_iter().map(|reference| reference.source)).await?;
        let secrets = |reference: &SecretReference| match contents.get(&reference.source) {
            Some(Ok(content)) => reference.pick(content.clone()),
            Some(Err(problem)) => Err(*problem),
            None => Err(SecretProblem::Unsupported),
        };
        let loaded = draft.load(id.clone(), &secrets, &self.defaults).map_err(|problems| {
            let elsewhere = |problem: &Problem| {
                matches!(problem.fault, Fault::Credential { source: CredentialFault::Pkcs12Elsewhere, .. })
            };
            if problems.iter().all(elsewhere) { Absent::ServerOnly(Only::Pkcs12) } else { Absent::Broken(problems) }
        })?;
        for warning in &loaded.warnings {
            tracing::warn!(tenant = %id, "{warning}");
        }
        Ok(loaded.tenant)
    }

    /// Reads every source once: the loading itself cannot wait for the host.
    async fn contents(
        &self,
        id: &TenantId,
        sources: impl Iterator<Item = SecretSource>,
    ) -> Result<BTreeMap<SecretSource, Result<Zeroizing<Vec<u8>>, SecretProblem>>, Absent> {
        let mut contents = BTreeMap::new();
        for source in sources {
            let content = match self.secrets.source(id, &source).await {
                Ok(content) => Ok(content),
                Err(SecretFault::Unreachable) => return Err(Absent::Unreachable),
                Err(SecretFault::Wrong(_)) if matches!(source, SecretSource::Env(_)) => {
                    return Err(Absent::ServerOnly(Only::Environment));
                }
                Err(SecretFault::Wrong(problem)) => Err(problem),
            };
            contents.insert(source, content);
        }
        Ok(contents)
    }
}

#[cfg(test)]
mod tests {
    use futures_executor::block_on;

    use super::*;
    use crate::secrets::tests::Given;

    const SEAL: &str = "q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA=";
    const TEMPLATE: &str = "kind = \"event-ticket\"\ndescription = \"Billet\"\n[google]\n";

    fn text(secret: &str) -> String {
        format!(
            "organization = \"Opéra\"\nlocales = [\"fr\"]\n[secutix]\nurl = \"https://demo.ws.secutix.com\"\n\
             institution = \"DEMO\"\noperator = \"DEMO_WALLET\"\npartner = \"Passerelle\"\nsecret = \"{secret}\"\n\
             [seal]\nkey = \"variable:demo_seal_key\"\n[templates]\ndefault = \"event-ticket\"\n"
        )
    }

    fn mounted(tenants: &[(&str, &str)]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for (name, secret) in tenants {
            let template = root.path().join(name).join("templates/event-ticket");
            std::fs::create_dir_all(&template).unwrap();
            std::fs::write(template.join("template.toml"), TEMPLATE).unwrap();
            std::fs::write(root.path().join(name).join("tenant.toml"), text(secret)).unwrap();
            std::fs::write(root.path().join(name).join("secret"), "s").unwrap();
        }
        root
    }

    fn tenants(root: &tempfile::TempDir, given: Given) -> Tenants<Given> {
        let defaults =
            Defaults { public_url: Some("https://passes.example.org".to_owned()), plain_http: false, pkcs12: None };
        Tenants::new(Arc::new(Secrets::new(root.path(), given)), defaults)
    }

    fn id(name: &str) -> TenantId {
        TenantId::parse(name).unwrap()
    }

    #[test]
    fn only_the_tenant_that_is_asked_for_is_loaded_and_once() {
        let root = mounted(&[("demo", "file:secret"), ("other", "variable:other_secret")]);
        let tenants = tenants(&root, Given::new([("demo_seal_key", SEAL), ("other_secret", "x")]));
        assert!(tenants.get(&id("demo")).is_none());
        for _ in 0..3 {
            block_on(tenants.load(&id("demo"))).unwrap();
        }
        let tenant = tenants.get(&id("demo")).unwrap();
        assert_eq!(
            (tenant.secutix.secret.as_slice(), tenant.public_url.as_str()),
            (&b"s"[..], "https://passes.example.org")
        );
        assert!(tenants.get(&id("other")).is_none());
        assert_eq!(*tenants.secrets.variables().asked.lock().unwrap(), ["demo_seal_key"]);
    }

    #[test]
    fn a_tenant_that_is_not_there_says_why() {
        let root = mounted(&[("demo", "file:secret"), ("env", "env:SECRET"), ("lost", "variable:lost_secret")]);
        std::fs::write(root.path().join("demo/tenant.toml"), "organisation = 1").unwrap();
        let tenants = tenants(&root, Given::new([("demo_seal_key", SEAL)]));
        let why = |name: &str| block_on(tenants.load(&id(name))).unwrap_err();
        assert!(matches!(why("absent"), Absent::Unknown));
        assert!(matches!(why("demo"), Absent::Broken(problems) if !problems.is_empty()));
        assert!(matches!(why("demo"), Absent::Broken(problems) if problems.is_empty()), "told a second time");
        assert!(matches!(why("env"), Absent::ServerOnly(Only::Environment)));
        // A certificate that only a server opens.
        let apple =
            "[apple]\npass_type = \"pass.org.example.demo\"\nteam = \"A1B2C3D4E5\"\ncertificate = \"file:pass.p12\"\n";
        let copied = text("file:secret").replace("[templates]", &format!("{apple}[templates]"));
        let folder = root.path().join("p12/templates/event-ticket");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("template.toml"), TEMPLATE).unwrap();
        for (file, content) in
            [("tenant.toml", copied.as_bytes()), ("secret", b"s"), ("pass.p12", b"0\x08no certificates")]
        {
            std::fs::write(root.path().join("p12").join(file), content).unwrap();
        }
        assert!(matches!(why("p12"), Absent::ServerOnly(Only::Pkcs12)));
        let Absent::Broken(problems) = why("lost") else { panic!("not told as broken") };
        let told = problems.iter().map(ToString::to_string).collect::<String>();
        assert!(told.contains("variable:lost_secret: the Spin application has no such variable"), "{told}");
    }

    #[test]
    fn a_vault_that_does_not_answer_makes_no_tenant_a_broken_one_and_the_next_try_may_work() {
        let root = mounted(&[("demo", "file:secret")]);
        let out = tenants(&root, Given { unreachable: true, ..Given::default() });
        assert!(matches!(block_on(out.load(&id("demo"))), Err(Absent::Unreachable)));
        assert!(out.get(&id("demo")).is_none());
    }
}
