//! A tenant's plugin as data: what it may be called with and answer, what it may have done for it, and the judgement of both.
//!
//! Owns the shapes, the rounds, the allow-list, credentials, the limits, the breaker, and cases that are played without a network. Does not own when a hook is
//! called and what becomes of its answer (`hooks`), nor the sandbox (the host's port [`crate::ports::Plugins`]).
//!
//! A plugin gets values and returns values; nothing here trusts what it returns.

pub mod allow;
pub mod breaker;
pub mod case;
pub mod credential;
pub mod hook;
#[cfg(test)]
mod properties;
pub mod request;
pub mod rounds;
pub mod setup;
pub mod token;
pub mod told;

use std::collections::BTreeSet;

use self::breaker::Breakers;
use self::hook::Hook;
use self::request::Breach;
use self::token::TokenCache;
use crate::ports::SandboxFailure;

/// SHA-256 of a plugin's bytes: which build it is.
pub type Digest = [u8; 32];

/// The plugin that a tenant has now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Installed {
    pub digest: Digest,
    pub hooks: BTreeSet<Hook>,
}

/// What a host has of a tenant's plugin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Presence {
    /// There is none: every hook means its default.
    None,
    /// There is one, and it cannot be called: what it would decide is decided by the default, what it has decided before stays, and what it is told waits.
    Unavailable(Until),
    Installed(Installed),
}

/// How long a plugin is not to be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// It is being compiled, or looked for: whoever can wait some seconds gets its answer.
    Soon,
    /// A person has to bring another build.
    Mended,
}

impl Presence {
    /// The plugin, if it can be called now.
    pub fn installed(self) -> Option<Installed> {
        match self {
            Self::Installed(installed) => Some(installed),
            Self::None | Self::Unavailable(_) => None,
        }
    }
}

/// What outlives a call.
#[derive(Default)]
pub struct PluginState {
    pub breakers: Breakers,
    pub(crate) tokens: TokenCache,
}

/// Why a plugin's call came to nothing. In words for the operator and the author.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PluginFailure {
    #[error(transparent)]
    Sandbox(#[from] SandboxFailure),
    #[error("it broke its contract: {0}")]
    Contract(#[from] Breach),
}
