//! Clients of machines that are not ours.
//!
//! They know the records of the kernel and produce them, but neither store nor judge what they bring. Everything that leaves
//! for a remote passes [`HttpOptions`] and a pace; nothing here logs a body or a key. What people outside chose the address of
//! goes through a gate as well ([`Outside`]).

#![forbid(unsafe_code)]

mod certificate;
mod hidden;
pub mod hooks;
mod http;
mod ids;
pub mod mail;
mod outside;
mod pace;
pub mod probe;
pub mod pterodactyl;
mod tls;

pub use certificate::{CertificateOptions, Unread, Validity, certificate};
pub use http::{HttpOptions, Unusable, init_tls};
pub use ids::IdSet;
pub use outside::{Lookup, Outside};
pub use pterodactyl::{
    Access, Children, EggBundle, FaultKind, Finding, Incomplete, Page, PanelAccess, PanelCheck, PanelClient,
    PanelError, Presence, RateLimit, Readable, Sent, ServerBundle, ServerIncludes, Severity, Sweep, Unreadable, Usage,
};
