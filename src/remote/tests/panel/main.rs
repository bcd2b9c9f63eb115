//! The panel client over real HTTP: against a script that answers just as a test says, and against the simulated panel.

#![allow(clippy::unwrap_used, reason = "tests")]

mod certificates;
mod checking;
mod decoding;
mod errors;
mod keys;
mod lists;
mod probing;
mod script;
mod simulated;
mod single;
mod tls;
