//! Telling others over HTTP what happened: one attempt at a time, within limits that an endpoint cannot stretch, and to nowhere
//! inside unless the operator allows it. When to try again, and what to write down, is the caller's to decide.

pub mod address;
mod client;
pub mod discord;
pub mod signature;
mod verdict;

pub use address::{Forbidden, judge};
pub use client::{Attempt, HookClient, HookOptions, Post};
pub use verdict::{Failure, FailureKind};
