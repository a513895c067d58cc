//! The export: `wasi:http/handler`, which Spin calls once per request.
//!
//! Owns the order of an answer: the turn is taken, the request answered, the turn given back, and only then is there work that nobody waits for.

// The export is a function that the host calls with raw handles; the macro writes it.
#![allow(unsafe_code)]

use spin_sdk::wasip3::exports::http::handler::Guest;
use spin_sdk::wasip3::http::types::{ErrorCode, Request, Response};

use super::turn::Turn;
use super::{edge, message, work};

struct Component;

spin_sdk::wasip3::http::service::export!(Component with_types_in spin_sdk::wasip3);

impl Guest for Component {
    async fn handle(request: Request) -> Result<Response, ErrorCode> {
        let turn = Turn::take();
        let answered = edge::answer(request).await;
        drop(turn);
        if let Some(edge) = answered.made_work {
            work::sweep_afterwards(edge);
        }
        message::outgoing(answered.response)
    }
}
