//! The benches are beside this folder: `sandbox.rs`.
