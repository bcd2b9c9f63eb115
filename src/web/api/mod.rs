//! The API for programs, one file per resource.

pub(crate) mod accounts;
pub(crate) mod api_keys;
pub(crate) mod audit;
pub(crate) mod auth;
pub(crate) mod backups;
pub(crate) mod check;
pub(crate) mod dashboard;
pub(crate) mod health;
pub(crate) mod history;
pub(crate) mod lists;
pub(crate) mod me;
pub(crate) mod mirror;
pub(crate) mod panels;
pub(crate) mod removals;
mod reply;
pub(crate) mod reports;
pub(crate) mod repos;
pub(crate) mod roles;
pub(crate) mod secret;
pub(crate) mod setting;
pub(crate) mod settings;
pub(crate) mod stats;
pub(crate) mod sync;
mod sync_log;
pub(crate) mod syncs;
pub(crate) mod tickets;
mod words;
