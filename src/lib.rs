//! Aviary: a durable, searchable mirror of game server panels in one binary and one data file.
//!
//! This package only puts the floors together: [`app`] opens the data file and builds the services, `bodies` says what each kind of job does, [`cli`] is the command
//! line.
#![forbid(unsafe_code)]

pub mod app;
mod bodies;
pub mod cli;
