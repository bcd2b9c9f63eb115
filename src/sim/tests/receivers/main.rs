//! The simulated receivers, asked over real sockets.

mod ask;
mod control;
mod discord;
mod resend;
mod sink;
mod sink_troubles;
#[path = "../wire/mod.rs"]
mod wire;
