//! Clients of machines that are not ours.
//!
//! They know the records of the kernel and produce them, but neither store nor judge what they bring. Everything that leaves
//! for a remote passes [`HttpOptions`] and a pace; nothing here logs a body or a key.

#![forbid(unsafe_code)]

mod http;
mod ids;
mod pace;
pub mod probe;
pub mod pterodactyl;
mod tls;

pub use http::{HttpOptions, init_tls};
pub use ids::IdSet;
pub use pterodactyl::{
    Access, Children, EggBundle, FaultKind, Finding, Incomplete, Page, PanelAccess, PanelCheck, PanelClient,
    PanelError, Presence, RateLimit, Readable, ServerBundle, ServerIncludes, Severity, Sweep, Unreadable, Usage,
};
