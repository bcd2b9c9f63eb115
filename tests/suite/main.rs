//! The program as people use it: the real binary, real files, a simulated panel over real HTTP.
#![allow(missing_docs, unreachable_pub, clippy::unwrap_used, reason = "tests")]

mod api_keys;
mod aviary;
mod backups;
mod command_line;
mod crash;
mod secrets;
mod serving;
mod users;
