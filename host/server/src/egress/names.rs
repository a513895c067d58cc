//! What a name resolves to, according to whom.
//!
//! Owns the question. Does not own the judgement of the answers (`policy`), nor that it is asked once per connection (`dial`): a name that answers
//! differently the second time is asked no second time, which only somebody can show who decides what it answers.

use std::fmt;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;

/// The addresses of a name, or why there are none.
pub type Found<'a> = Pin<Box<dyn Future<Output = io::Result<Vec<SocketAddr>>> + Send + 'a>>;

pub trait Names: fmt::Debug + Send + Sync {
    fn look_up<'a>(&'a self, host: &'a str, port: u16) -> Found<'a>;
}

/// The system's resolver, with all that this machine is set up for.
#[derive(Debug)]
pub struct System;

impl Names for System {
    fn look_up<'a>(&'a self, host: &'a str, port: u16) -> Found<'a> {
        Box::pin(async move { Ok(tokio::net::lookup_host((host, port)).await?.collect()) })
    }
}
