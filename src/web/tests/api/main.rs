//! The API through the front door: a real data file, rows from the mirror's own writer, requests as clients send them.
#![allow(missing_docs, clippy::unwrap_used, reason = "tests")]

mod access;
mod accounts;
mod audit;
mod backups;
mod dashboard;
mod desk;
mod document;
mod doors;
mod effects;
mod email;
mod forged;
mod injected;
mod jobs;
mod lists;
mod live;
mod matrix;
mod me;
mod mirror;
mod panels;
mod promise;
mod schedules;
mod search;
mod searches;
mod settings;
mod socket;
mod syncs;
mod tickets;
mod users;
mod webhooks;
