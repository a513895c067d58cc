//! Attributes as data: identifiers and metadata that a pass has beside its subject.

use std::future::Future;

use super::StoreResult;
use crate::identity::{Millis, PassId, TenantId};
use crate::maybe_send::{MaybeSend, MaybeSync};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum AttributeKind {
    /// What a pass is found and joined by.
    Identifier,
    /// What somebody wanted to remember.
    Metadata,
}

/// A value as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeptValue {
    /// Names nobody.
    Clear(String),
    /// Names a person: its MAC, to be found by, and its ciphertext.
    Sealed { mac: String, sealed: Vec<u8> },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attribute {
    pub kind: AttributeKind,
    pub name: String,
    pub value: KeptValue,
}

pub trait Attributes: MaybeSync {
    /// Those of a pass, by kind and name.
    fn attributes(
        &self,
        tenant: &TenantId,
        pass: &PassId,
    ) -> impl Future<Output = StoreResult<Vec<Attribute>>> + MaybeSend;
    /// Gives the pass these, each in place of the one with its kind and name; the names in `without` are taken away. The pass
    /// counts as changed. False: there is no such pass.
    fn set_attributes(
        &self,
        tenant: &TenantId,
        pass: &PassId,
        attributes: Vec<Attribute>,
        without: Vec<(AttributeKind, String)>,
        now: Millis,
    ) -> impl Future<Output = StoreResult<bool>> + MaybeSend;
}
