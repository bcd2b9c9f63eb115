//! The domain with simulated panels: real HTTP, real files, faults on demand.
#![allow(missing_docs, unreachable_pub, clippy::unwrap_used, reason = "tests")]

mod access;
mod accounts;
mod audit;
mod backups;
mod compare;
mod door;
mod drift;
mod events;
mod faults;
mod jobs;
mod lab;
mod lists;
mod live;
mod mails;
mod panels;
mod removals;
mod schedules;
mod search;
mod secrets;
mod settings;
mod sign_in;
mod sign_in_factor;
mod sign_in_lockout;
mod sign_in_sessions;
mod sign_in_tokens;
mod watch;
mod webhooks;
mod whole;
