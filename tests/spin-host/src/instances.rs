//! Instances of one component, made when they are needed and kept while they are busy or wanted again.
//!
//! The loop itself (queue, backpressure of the guest, work after the response, what a trap takes along) is wasmtime's own, the one that
//! Spin and `wasmtime serve` use. Here are the limits.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use tokio::time::Sleep;
use wasmtime::component::GuestTaskId;
use wasmtime::{Engine, Store, StoreContextMut};
use wasmtime_wasi_http::WasiHttpView;
use wasmtime_wasi_http::handler::{
    HandlerState, Instance, ProxyPre, ShouldAccept, WorkerExpiration, WorkerState, WorkerStatus,
};

use crate::guest::{Blueprint, Guest};
use crate::reuse::Reuse;

pub struct Instances {
    pub component: String,
    pub engine: Engine,
    pub blueprint: Arc<Blueprint>,
    pub pre: ProxyPre<Guest>,
    pub reuse: Reuse,
}

impl HandlerState for Instances {
    type StoreData = Guest;
    type WorkerExpiration = Expiration;
    type WorkerState = Limits;

    async fn instantiate(&self) -> wasmtime::Result<Instance<Guest, Expiration, Limits>> {
        let mut store = self.blueprint.store(&self.engine)?;
        let proxy = self.pre.instantiate_async(&mut store).await?;
        let request = self.reuse.request.map(|span| span.draw());
        let (count, concurrent) = (self.reuse.count.draw(), self.reuse.concurrent.draw());
        Ok(Instance {
            store,
            proxy,
            view: Guest::http,
            expiration: Expiration {
                idle: self.reuse.idle.draw(),
                request,
                sleep: Box::pin(tokio::time::sleep(Duration::ZERO)),
            },
            state: Limits { component: self.component.clone(), count, concurrent, request },
        })
    }
}

/// When an instance goes.
pub struct Expiration {
    idle: Duration,
    /// For a request, and for the work after it, which shares the bound in Spin too.
    request: Option<Duration>,
    sleep: Pin<Box<Sleep>>,
}

impl WorkerExpiration for Expiration {
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>, status: WorkerStatus, start: Instant) -> Poll<()> {
        let limit = match status {
            WorkerStatus::Idle => Some(self.idle),
            WorkerStatus::Requests | WorkerStatus::PostReturn => self.request,
        };
        let Some(deadline) = limit.and_then(|limit| start.checked_add(limit)) else { return Poll::Pending };
        let deadline = deadline.into();
        if self.sleep.deadline() != deadline {
            self.sleep.as_mut().reset(deadline);
        }
        self.sleep.as_mut().poll(cx)
    }
}

/// What an instance takes.
pub struct Limits {
    component: String,
    count: usize,
    concurrent: usize,
    request: Option<Duration>,
}

impl WorkerState for Limits {
    type StoreData = Guest;
    type RequestData = ();

    fn should_accept_request(&self, concurrent: usize, total: usize) -> ShouldAccept {
        match () {
            () if total >= self.count => ShouldAccept::Never,
            () if concurrent >= self.concurrent => ShouldAccept::No,
            () => ShouldAccept::Yes,
        }
    }

    fn on_request_start(
        &self,
        _: StoreContextMut<'_, Guest>,
        (): (),
        _: GuestTaskId,
    ) -> Pin<Box<dyn Future<Output = ()> + Send + Sync>> {
        match self.request {
            Some(limit) => Box::pin(tokio::time::sleep(limit)),
            None => Box::pin(std::future::pending()),
        }
    }

    fn drop(&self, store: Store<Guest>, result: wasmtime::Result<()>) {
        // The guest's own last words are written when the store goes.
        drop(store);
        if let Err(error) = result {
            eprintln!("[{}] an instance is gone: {error:?}", self.component);
        }
    }
}
