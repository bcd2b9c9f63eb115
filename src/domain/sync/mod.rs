//! Brings the mirror up to date with a panel.
//!
//! * [`Syncs`]: starts, joins, watches, cancels; one run per panel at a time.
//! * `job`: the job that does a run, and what becomes of it when Aviary ends in the middle.
//! * `scheduled`: what schedules ask for and have to know.
//! * `run`: one run from beginning to end, and what it tells about itself.
//! * `steps`: what each step reads and writes.
//! * `absent`: what a complete listing lacked, and how that is confirmed.
//! * `prune`: what may be removed, and when a person must decide.

mod absent;
mod held;
mod job;
mod log;
mod prune;
mod run;
mod scheduled;
mod service;
mod steps;
mod told;

pub use job::job_over;
pub use log::{RequestPage, RequestQuery, SyncPage, SyncQuery};
pub(crate) use scheduled::{begin, last_full, of_job};
pub use service::{Limits, StartSync, Started, Syncs};
