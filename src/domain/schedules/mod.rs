//! What runs by itself, and when.
//!
//! * [`Rule`]: when something runs: a cron expression in a time zone, or every so often.

mod rule;

pub use rule::{Cron, Missed, Rule, Runs};
