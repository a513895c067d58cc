//! `MaybeSend`: `Send` on a server with threads, nothing on a component with one.
//!
//! It lets a port say `fn f(&self) -> impl Future<Output = T> + MaybeSend` once for tokio and for Spin; who implements the port
//! writes an ordinary `async fn`.

#[cfg(not(target_family = "wasm"))]
mod bound {
    /// A future, or what it holds, may move between threads.
    pub trait MaybeSend: Send {}
    impl<T: Send + ?Sized> MaybeSend for T {}
    /// A port is shared by the threads of a host.
    pub trait MaybeSync: Send + Sync {}
    impl<T: Send + Sync + ?Sized> MaybeSync for T {}
}

#[cfg(target_family = "wasm")]
mod bound {
    /// One thread: nothing to ask for.
    pub trait MaybeSend {}
    impl<T: ?Sized> MaybeSend for T {}
    /// One thread: nothing to ask for.
    pub trait MaybeSync {}
    impl<T: ?Sized> MaybeSync for T {}
}

pub use bound::{MaybeSend, MaybeSync};
