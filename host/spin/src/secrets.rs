//! What a reference names at the edge: a file of the mounted folder, or a variable of the Spin application.
//!
//! Owns which kinds of secrets an edge has and in which words their absence is told. Does not own the notation
//! (`passerelle_flow::tenant::secret`) nor which files may be opened (`passerelle_folder`). A Spin component has no environment of its own to
//! keep secrets in, so `env:` leads nowhere here.

use std::future::Future;
use std::path::PathBuf;

use passerelle_flow::identity::TenantId;
use passerelle_flow::maybe_send::{MaybeSend, MaybeSync};
use passerelle_flow::tenant::secret::{SecretProblem, SecretReference, SecretSource};
use passerelle_folder::FileSecrets;
use zeroize::Zeroizing;

/// Spin's variables, as the component is granted them.
pub trait Variables: MaybeSync + 'static {
    fn get(&self, name: &str) -> impl Future<Output = Result<Zeroizing<String>, VariableFault>> + MaybeSend;
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VariableFault {
    /// Not in the manifest's list for this component, or no name that Spin takes.
    #[error("there is no such variable for this component")]
    Absent,
    /// The provider (a vault) does not answer: says nothing about the variable.
    #[error("the provider of the variables does not answer")]
    Unreachable,
}

/// Why a reference gives nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SecretFault {
    #[error(transparent)]
    Wrong(#[from] SecretProblem),
    /// May be right in a moment.
    #[error("the provider of the variables does not answer")]
    Unreachable,
}

/// Reads references on behalf of the tenants below one folder.
pub struct Secrets<V> {
    /// Where the tenants' folders are mounted.
    root: PathBuf,
    variables: V,
}

impl<V: Variables> Secrets<V> {
    pub fn new(root: impl Into<PathBuf>, variables: V) -> Self {
        Self { root: root.into(), variables }
    }

    pub fn variables(&self) -> &V {
        &self.variables
    }

    pub fn folder(&self, tenant: &TenantId) -> PathBuf {
        self.root.join(tenant.as_str())
    }

    /// Tenants that have a folder. Empty where the host mounts each by itself and lists nothing above them.
    pub fn tenants(&self) -> Vec<TenantId> {
        let entries = std::fs::read_dir(&self.root).into_iter().flatten().flatten();
        entries.filter_map(|entry| TenantId::parse(entry.file_name().to_str()?).ok()).collect()
    }

    /// All that the reference's source holds; its `#field` is not picked.
    pub async fn source(&self, tenant: &TenantId, source: &SecretSource) -> Result<Zeroizing<Vec<u8>>, SecretFault> {
        match source {
            // Nothing outside of the tenant's folder: there is no folder of the operator's to permit.
            SecretSource::File(path) => Ok(FileSecrets::new(self.folder(tenant), &[]).read(path)?),
            SecretSource::Env(_) => Err(SecretProblem::Unsupported.into()),
            SecretSource::Variable(name) => match self.variables.get(name).await {
                Ok(value) => Ok(Zeroizing::new(value.as_bytes().to_vec())),
                Err(VariableFault::Absent) => Err(SecretProblem::NoSpinVariable.into()),
                Err(VariableFault::Unreachable) => Err(SecretFault::Unreachable),
            },
        }
    }

    /// What the reference names.
    pub async fn read(
        &self,
        tenant: &TenantId,
        reference: &SecretReference,
    ) -> Result<Zeroizing<Vec<u8>>, SecretFault> {
        let content = self.source(tenant, &reference.source).await?;
        Ok(reference.pick(content)?)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::collections::BTreeMap;
    use std::sync::Mutex;

    use futures_executor::block_on;

    use super::*;

    /// Variables of a test, and how often each was asked for.
    #[derive(Default)]
    pub struct Given {
        pub values: BTreeMap<String, String>,
        pub unreachable: bool,
        pub asked: Mutex<Vec<String>>,
    }

    impl Given {
        pub fn new<const N: usize>(values: [(&str, &str); N]) -> Self {
            let values = values.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
            Self { values, ..Self::default() }
        }
    }

    impl Variables for Given {
        async fn get(&self, name: &str) -> Result<Zeroizing<String>, VariableFault> {
            self.asked.lock().unwrap().push(name.to_owned());
            if self.unreachable {
                return Err(VariableFault::Unreachable);
            }
            self.values.get(name).cloned().map(Zeroizing::new).ok_or(VariableFault::Absent)
        }
    }

    #[test]
    fn an_edge_has_files_and_variables_and_no_environment() {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(root.path().join("demo")).unwrap();
        std::fs::write(root.path().join("demo/key"), b"k").unwrap();
        let given = Given::new([("seal", "s"), ("account", r#"{"private_key":"PEM"}"#), ("nothing", "")]);
        let secrets = Secrets::new(root.path(), given);
        let tenant = TenantId::parse("demo").unwrap();
        let read = |text: &str| {
            let reference = SecretReference::parse(text).unwrap();
            block_on(secrets.read(&tenant, &reference)).map(|content| content.to_vec())
        };
        assert_eq!(read("file:key").unwrap(), b"k");
        assert_eq!(read("variable:seal").unwrap(), b"s");
        assert_eq!(read("variable:account#private_key").unwrap(), b"PEM");
        assert_eq!(read("variable:nothing"), Err(SecretProblem::Empty.into()));
        assert_eq!(read("variable:absent"), Err(SecretProblem::NoSpinVariable.into()));
        assert_eq!(read("env:PATH"), Err(SecretProblem::Unsupported.into()));
        assert_eq!(read("file:/etc/hostname"), Err(SecretProblem::Outside.into()));
        let unreachable = Secrets::new(root.path(), Given { unreachable: true, ..Given::default() });
        let reference = SecretReference::parse("variable:seal").unwrap();
        assert_eq!(block_on(unreachable.read(&tenant, &reference)), Err(SecretFault::Unreachable));
    }
}
