//! Brings the mirror up to date with a panel.
//!
//! * [`Syncs`]: starts, joins, watches, cancels; one run per panel at a time.
//! * `run`: the steps, in order, of one run.
//! * `missing`: what a complete listing lacked, how that is confirmed, and when a person must decide.

mod log;
mod missing;
mod run;
mod service;
mod steps;

pub use log::{SyncPage, SyncQuery};
pub use service::{Limits, StartSync, Started, Syncs};
