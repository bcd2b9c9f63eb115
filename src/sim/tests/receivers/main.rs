//! The simulated receivers, asked over real sockets.

mod ask;
mod control;
mod discord;
mod resend;
mod sink;
mod sink_troubles;
mod smtp;
mod smtp_troubles;
mod talk;
#[path = "../wire/mod.rs"]
mod wire;
