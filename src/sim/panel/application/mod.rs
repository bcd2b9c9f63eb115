//! The application API: one file per resource with its shape, its list rules and its calls.

pub(crate) mod allocations;
pub(crate) mod databases;
pub(crate) mod eggs;
pub(crate) mod hosts;
pub(crate) mod locations;
pub(crate) mod nodes;
pub(crate) mod server_writes;
pub(crate) mod servers;
pub(crate) mod users;
mod variables;
