//! Simulated upstreams: real HTTP over real sockets, all state in memory, everything repeatable from a seed.
//!
//! `aviary simulate`, `aviary demo` and the tests use them. They follow what the real systems answer, not what our clients
//! would like to hear, and therefore share no code with them.

#![forbid(unsafe_code)]

mod chance;
mod clock;
pub mod fault;
mod gauge;
mod limit;
pub mod panel;
mod reply;
mod socket;

pub use chance::Chance;
pub use clock::SimClock;
pub use panel::SimPanel;
pub use fault::{Fault, Faults, Match};
pub use panel::fault::FaultKind;
pub use panel::life::{LifeEvent, LifeSpec};
pub use panel::seen::{Api, SeenRequest};
pub use panel::spec::{Dialect, PanelSpec};
pub use panel::world::{self, World, WorldGuard};
