//! The simulated panel, asked over a real socket.

mod access;
mod client_api;
mod faults;
mod http;
mod life;
mod limits;
mod lists;
mod shapes;
#[path = "../wire/mod.rs"]
mod wire;
mod writes;
