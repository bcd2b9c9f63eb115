//! The client API: what a user sees of their servers.

pub(crate) mod account;
pub(crate) mod activity;
pub(crate) mod backups;
pub(crate) mod databases;
pub(crate) mod files;
pub(crate) mod list;
pub(crate) mod network;
pub(crate) mod power;
pub(crate) mod schedules;
pub(crate) mod settings;
pub(crate) mod startup;
pub(crate) mod subusers;
