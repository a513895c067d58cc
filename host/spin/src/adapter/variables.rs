//! `spin:variables`: the only secrets that a component is given.

use spin_sdk::variables::{Error, get};
use zeroize::Zeroizing;

use crate::secrets::{VariableFault, Variables};

#[derive(Clone, Copy)]
pub struct SpinVariables;

impl Variables for SpinVariables {
    async fn get(&self, name: &str) -> Result<Zeroizing<String>, VariableFault> {
        match get(name).await {
            Ok(value) => Ok(Zeroizing::new(value)),
            Err(Error::InvalidName(_) | Error::Undefined(_)) => Err(VariableFault::Absent),
            Err(Error::Provider(text) | Error::Other(text)) => {
                tracing::error!(name, error = text, "a variable cannot be read");
                Err(VariableFault::Unreachable)
            }
        }
    }
}
