//! The domain with simulated panels: real HTTP, real files, faults on demand.
#![allow(missing_docs, unreachable_pub, clippy::unwrap_used, reason = "tests")]

mod access;
mod accounts;
mod audit;
mod faults;
mod lab;
mod lists;
mod panels;
mod removals;
mod schedule;
mod settings;
mod whole;
