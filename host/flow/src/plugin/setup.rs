//! What a tenant lets its plugin do: whom it may call, with which credentials, and how much.
//!
//! Owns the numbers and where they come from. Does not own their form in `tenant.toml` (`tenant::config::plugin`) nor the plugin itself, which is a
//! file beside it.

use std::collections::BTreeMap;
use std::time::Duration;

use sha2::{Digest as _, Sha256};

use super::Digest;
use super::allow::Destination;
use super::credential::Credential;

/// How often a hook may ask before it has to decide: a customer, what belongs to the customer, and one more.
pub const ROUNDS: usize = 3;
/// Bytes of all answers that one event's hook is given, over its rounds: twice what the limits allow one `ask` by default. The host holds them, and copies them
/// into each call.
pub const ANSWERS: usize = 8 << 20;
/// Characters of a plugin's words that are kept at most: a line of a list.
pub const TEXT: usize = 256;

#[derive(Clone, Debug, Default)]
pub struct PluginSetup {
    /// Spin: the component that the plugin is in. On a server the plugin is the file `plugin.wasm` of the tenant's folder.
    pub component: Option<String>,
    /// Spin: what the tenant calls this build of it.
    pub version: Option<String>,
    pub allow: Vec<Destination>,
    pub settings: Vec<(String, String)>,
    pub credentials: BTreeMap<String, Credential>,
    pub limits: PluginLimits,
}

/// The longest call that a tenant may allow, by the clock and in processor time: a second less than [`crate::options::LEASE_MARGIN`]. A guest that computes
/// keeps its thread, and the future that it is in cannot be dropped from outside meanwhile: stopping the work at the end of its lease waits for the call,
/// which has to be over before the lease is.
pub const LONGEST_CALL: Duration = Duration::from_millis(4_000);

impl PluginSetup {
    /// What stands for the build where a host does not have its bytes: the same for the same version, and for all that have none.
    pub fn build(&self) -> Digest {
        self.version.as_ref().map_or([0; 32], |version| Sha256::digest(version).into())
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PluginLimits {
    /// Processor time of one call, spent in the plugin. Waiting for an answer is none: no plugin runs meanwhile.
    pub cpu: Duration,
    /// Of one call, by the clock.
    pub wall: Duration,
    /// Bytes, over all memories and tables.
    pub memory: usize,
    pub parts: Parts,
    /// Bytes that one call may return.
    pub output: usize,
    /// Of one answer of a hook, be it *ask* or *deliver*.
    pub requests: usize,
    /// Bytes of a request's body.
    pub request_body: usize,
    /// Bytes of an answer's body.
    pub response_body: usize,
    /// From the first byte of the connection to the last of the answer.
    pub timeout: Duration,
    /// To one destination, over all events of the tenant.
    pub requests_per_minute: u32,
    /// Characters of its words that a log or a list shows; [`TEXT`] at most.
    pub text: usize,
}

impl Default for PluginLimits {
    /// Measured with `cargo xtask bench sandbox`: a hook of the example takes under a millisecond in Rust, a few in JavaScript and some tens in
    /// Python, whose interpreter begins anew; both interpreters need some 20 to 40 MB before they do anything. So ten times what the slowest takes.
    ///
    /// What is sent: the example sends one request of under 1 KB for an event and asks one question, so 16 of 256 KB are room for a CRM that wants a
    /// document; as much may come back. A run has 30 s for all of its hooks (`hooks::patience`), in which three rounds of 10 s fit. 600 a minute are ten
    /// in a second: more than a venue's own CRM is built for, so a tenant whose CRM bears less says so.
    fn default() -> Self {
        Self {
            cpu: Duration::from_millis(500),
            wall: LONGEST_CALL,
            memory: 128 << 20,
            parts: Parts::default(),
            output: 1 << 20,
            requests: 16,
            request_body: 256 << 10,
            response_body: 256 << 10,
            timeout: Duration::from_secs(10),
            requests_per_minute: 600,
            text: TEXT,
        }
    }
}

/// What a component may be made of, as it is instantiated for one call. How large its parts are together is [`PluginLimits::memory`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parts {
    /// Core instances.
    pub instances: u32,
    /// Linear memories.
    pub memories: u32,
    pub tables: u32,
    /// Of one table.
    pub table_elements: u32,
    /// Handles of the component's own resources that are alive at a time. The host keeps some 24 bytes for each, which count as no memory of the plugin's.
    pub handles: u32,
}

impl Parts {
    /// What a server's pool has room for, call by call. Components made from Python have some forty instances, those from JavaScript and Python a few
    /// tables of some 10,000 elements; eight memories, 32 tables and 100,000 elements are what Spin allows. A quarter of a megabyte of handles.
    pub const MOST: Self = Self { instances: 50, memories: 8, tables: 32, table_elements: 100_000, handles: 10_000 };
}

impl Default for Parts {
    /// As many as there is room for, since the room is there for every call, whoever uses it. Handles are made on the host's heap: what imports nothing has
    /// a few for the streams and files that its language believes in.
    fn default() -> Self {
        Self { handles: 256, ..Self::MOST }
    }
}
