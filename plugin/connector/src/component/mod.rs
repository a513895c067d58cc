//! The component: its exports, each one call of the function that does it, and the memory that they work in.

// What `export!` expands to is generated and speaks the canonical ABI.
#![allow(unsafe_code)]

mod bytes;
mod heap;

use crate::contract::installation::{Context, Reduction, Signal, Status};
use crate::contract::payload::{self, Job, Rebuilt};
use crate::contract::scenario::{self, Observation, Verdict};
use crate::contract::webhook::{Notification, OrderChange, Rejection};
use crate::contract::{installation, webhook};

struct Connector;

impl webhook::Guest for Connector {
    fn validate(notification: Notification) -> Result<OrderChange, Rejection> {
        crate::webhook::validate(&notification)
    }
}

impl scenario::Guest for Connector {
    fn classify(observation: Observation) -> Result<Verdict, scenario::Fault> {
        crate::scenario::classify(&observation)
    }
}

impl payload::Guest for Connector {
    fn rebuild(job: Job) -> Result<Rebuilt, payload::Fault> {
        crate::payload::rebuild(&job)
    }
}

impl installation::Guest for Connector {
    fn reduce(context: Context, status: Status, signals: Vec<Signal>) -> Reduction {
        crate::installation::reduce(&context, &status, &signals)
    }
}

crate::bindings::export_connector!(Connector);
