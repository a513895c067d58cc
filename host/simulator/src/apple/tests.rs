//! Apple's side against itself: what it accepts, and each thing that it has to refuse.
//!
//! Passes are signed here by a signer of their own (and, by hand, were compared with OpenSSL's); the web service is a double with
//! three answers.

mod packages;
mod phones;
mod pushes;
mod signer;
