//! Simulated machines that are not ours: real HTTP over real sockets, all state in memory, everything repeatable.
//!
//! * [`panel`]: Pterodactyl and Pelican panels, which we read.
//! * [`discord`], [`sink`], [`resend`], [`smtp`]: receivers of what we send. What they share (troubles, waiting for what arrives, switches
//!   for people) is in [`receiver`].
//!
//! `aviary simulate`, `aviary demo` and the tests use them. They follow what the real systems answer, not what our clients
//! would like to hear, and therefore share no code with them.
//!
//! Each starts with a spec (`Discord::start(DiscordSpec::default())`), on a free port of this machine unless told otherwise, and
//! stops when its handle is dropped.

#![forbid(unsafe_code)]

mod chance;
mod clock;
pub mod discord;
pub mod fault;
mod gauge;
mod limit;
pub mod panel;
pub mod receiver;
mod reply;
pub mod resend;
pub mod sink;
pub mod smtp;
mod socket;

pub use chance::Chance;
pub use clock::SimClock;
pub use discord::{Discord, DiscordMessage, DiscordSpec, DiscordWebhook};
pub use fault::{Fault, Faults, Match};
pub use panel::SimPanel;
pub use panel::fault::FaultKind;
pub use panel::life::{LifeEvent, LifeSpec};
pub use panel::seen::{Api, SeenRequest};
pub use panel::spec::{Dialect, PanelSpec};
pub use panel::world::{self, World, WorldGuard};
pub use receiver::{Inbox, Received, Receiver, Trouble};
pub use resend::{Resend, ResendDomain, ResendMail, ResendSpec};
pub use sink::{Delivery, Signature, Sink, SinkSpec};
pub use smtp::{Pem, Smtp, SmtpMail, SmtpSpec, SmtpTls, SmtpTrouble};
