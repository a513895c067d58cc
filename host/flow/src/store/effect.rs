//! Level effects as data: one row per target, and what is sent is read when it is sent, so only the newest matters.

use serde::{Deserialize, Serialize};

use crate::identity::{Millis, TenantId};

/// Level effects: what is sent is read when it is sent, so only the newest matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum EffectKind {
    /// Target: a device (MAC, hex). One push per device and wave; the phone asks for the list. The level is an update tag.
    ApplePush,
    /// Target: a class key. The level is a count of the row's own: it begins where `reached` put it and rises by one per run in which an
    /// event of the class rose.
    GoogleClass,
    /// Target: a pass. The level is the pass's version.
    GoogleObject,
    /// Target: a pass whose phones have told something: the fold of what they told into its status. The level counts signals.
    Installation,
    /// Target: a pass. The level counts its messages; of several that wait the last is sent.
    GoogleMessage,
    /// Target: a pass. The level counts changes of what SecuTix's external references are to say of its installation.
    SecutixReferences,
    /// Target: a pass. The level counts tickets that are to be reported PRINTED.
    SecutixPrinted,
}

impl EffectKind {
    pub const ALL: [Self; 7] = [
        Self::ApplePush,
        Self::GoogleClass,
        Self::GoogleObject,
        Self::Installation,
        Self::GoogleMessage,
        Self::SecutixReferences,
        Self::SecutixPrinted,
    ];

    /// As it is kept, listed and typed.
    pub fn name(self) -> &'static str {
        match self {
            Self::ApplePush => "apple-push",
            Self::GoogleClass => "google-class",
            Self::GoogleObject => "google-object",
            Self::Installation => "installation",
            Self::GoogleMessage => "google-message",
            Self::SecutixReferences => "secutix-references",
            Self::SecutixPrinted => "secutix-printed",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EffectLease {
    pub tenant: TenantId,
    pub kind: EffectKind,
    pub target: String,
    /// The level to reach.
    pub want: i64,
    pub lease_token: i64,
    pub attempts: i64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EffectNext {
    /// The other side has this level now (at most `want`).
    Have(i64),
    /// Failed; counts as an attempt. So does a lease that runs out, and the third in a row is `Dead`.
    Retry {
        at: Millis,
        error: String,
    },
    Wait {
        at: Millis,
    },
    /// Given up until something newer is wanted, which may have happened while it was sent.
    Dead {
        error: String,
    },
    /// The target is gone for good: the row is deleted, unless something newer was wanted while it was sent.
    Gone,
}
