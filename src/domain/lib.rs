//! Floor 2: what the product does, one room a subject. Each room may use the rooms above it in this list.
//!
//! * [`feed`]: what changed.
//! * [`queue`]: work that waits, on disk.
//! * [`events`]: what happened, for those who want to hear of it.
//! * [`audit`]: who did what.
//! * [`secrets`]: the key that everything is sealed under, and its renewal.
//! * [`access`]: who may what: roles, grants, API keys.
//! * [`masked`]: how secrets are shown.
//! * [`panels`]: the panels that are mirrored, and their keys.
//! * [`settings`]: what operators change at run time; some settings stand for a panel.
//! * [`mails`]: mails on their way, and what became of them.
//! * [`accounts`]: people, their passwords and profiles.
//! * [`sign_in`]: who is let in, and who is signed in where.
//! * [`mirror`]: our picture of the panels: queries, history, drift, and the only writer of it.
//! * [`sync`]: brings the picture up to date.
//! * [`schedules`]: what runs by itself, and when.
//! * [`jobs`]: runs the work that waits, and shows it.
//! * [`webhooks`]: who hears of events, and how.
//! * [`search`]: finds anything in all of it.
//! * [`watch`]: what must not end unnoticed: certificates and keys.
//! * [`live`]: what moves, for those who look on.
//! * [`ops`]: health, backups of the data file and their way back.
#![forbid(unsafe_code)]

pub mod access;
pub mod accounts;
pub mod audit;
pub mod events;
pub mod feed;
pub mod jobs;
pub mod live;
pub mod mails;
pub mod masked;
pub mod mirror;
pub mod ops;
pub mod panels;
pub mod queue;
pub mod schedules;
pub mod search;
pub mod secrets;
pub mod settings;
pub mod sign_in;
pub mod sync;
pub mod watch;
pub mod webhooks;
