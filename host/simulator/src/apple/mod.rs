//! Apple's side: the push service, and iPhones that check, show and refresh passes.
//!
//! Owns nothing itself; each file below is one thing of Apple's.

pub mod package;
pub mod phone;
pub mod push;
mod rules;
pub mod signature;
#[cfg(test)]
mod tests;
pub mod timeline;
pub mod view;
mod webservice;
