//! Panels of the Pterodactyl family: the original and its fork Pelican.
//!
//! [`PanelClient`] lists everything a panel holds and reads single objects, in the shape of the kernel's model. It answers for
//! two things: a listing that is not known to be whole says so, and the panel is not asked more often than it allows. What is
//! done with the rows is up to others.
//!
//! `call` sends one request and retries it, `judge` turns an answer into sense or an error for people, `listing` reads pages,
//! `pass` counts what they held, `sweep` does both until it adds up, `effort` bounds it. `wire` takes their JSON apart, `fields`
//! reads it as PHP means it, `map` makes model records of it, `hide` keeps hidden values hidden, `sent` remembers what was sent, `detect` and `check` are for the
//! first contact.

mod call;
mod check;
mod client;
mod detect;
mod effort;
mod error;
mod fields;
mod hide;
mod judge;
mod listing;
mod map;
mod pass;
mod report;
mod sent;
mod sweep;
mod wire;

use std::fmt;

use aviary_kernel::base::Secret;
use aviary_kernel::model::{Dialect, Egg, EggVariable, Server, ServerDatabase, Subuser};
use serde::Serialize;

pub use check::{Access, Finding, PanelCheck, RateLimit, Readable, Severity};
pub use client::PanelClient;
pub use error::{FaultKind, PanelError};
pub use report::{Incomplete, Sweep, Unreadable};
pub use sent::Sent;

/// How to reach a panel.
#[derive(Clone)]
pub struct PanelAccess {
    /// What people call it; for log lines.
    pub name: String,
    /// Its address, such as `https://panel.example.com`. A path in front of the panel is fine.
    pub base_url: String,
    /// The Application API key.
    pub app_key: Secret<String>,
    /// The Client API key of an administrator.
    pub client_key: Option<Secret<String>>,
    /// The dialect, where it is known.
    pub dialect: Option<Dialect>,
    /// How much of the panel's request limit may be used, in percent.
    pub share_percent: u8,
}

impl fmt::Debug for PanelAccess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PanelAccess")
            .field("name", &self.name)
            .field("base_url", &self.base_url)
            .field("dialect", &self.dialect)
            .field("share_percent", &self.share_percent)
            .finish_non_exhaustive()
    }
}

/// A page of a listing.
#[derive(Clone, Debug, PartialEq)]
pub struct Page<T> {
    /// The rows that could be read, in the panel's order.
    pub rows: Vec<T>,
    /// How many rows the list has, as the panel said with this page.
    pub total: u64,
    /// Counts from one.
    pub number: u32,
}

/// What belongs to an object, of one kind.
#[derive(Clone, Debug, PartialEq)]
pub struct Children<T> {
    /// Those that could be read, by number.
    pub rows: Vec<T>,
    /// Whether these are all; when not, the absence of one means nothing.
    pub is_whole: bool,
}

impl<T> Children<T> {
    /// All of them, or none when one could not be read.
    pub(crate) fn all(self) -> Option<Vec<T>> {
        self.is_whole.then_some(self.rows)
    }
}

/// An egg with what belongs to it.
#[derive(Clone, Debug, PartialEq)]
pub struct EggBundle {
    /// The egg.
    pub egg: Egg,
    /// None = not known, which is not the same as none.
    pub variables: Option<Children<EggVariable>>,
}

/// A server with what belongs to it.
#[derive(Clone, Debug, PartialEq)]
pub struct ServerBundle {
    /// The server.
    pub server: Server,
    /// None = not known, which is not the same as none.
    pub subusers: Option<Children<Subuser>>,
    /// None = not known, which is not the same as none.
    pub databases: Option<Children<ServerDatabase>>,
}

/// What to read along with servers. Without `variables` every value of the environment is taken for hidden.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "the names say it")]
pub struct ServerIncludes {
    pub allocations: bool,
    pub variables: bool,
    pub subusers: bool,
    pub databases: bool,
}

impl ServerIncludes {
    /// Everything that the mirror keeps.
    pub const ALL: Self = Self { allocations: true, variables: true, subusers: true, databases: true };
    /// The servers alone, with the variables that tell which values are hidden; they cost the panel nothing.
    pub const PLAIN: Self = Self { allocations: false, variables: true, subusers: false, databases: false };

    /// As the panel wants to read it; none when nothing is asked for.
    pub(crate) fn query(self) -> Option<String> {
        let wanted = [
            (self.allocations, "allocations"),
            (self.variables, "variables"),
            (self.subusers, "subusers"),
            (self.databases, "databases"),
        ];
        let names: Vec<_> = wanted.into_iter().filter(|(on, _)| *on).map(|(_, name)| name).collect();
        if names.is_empty() { None } else { Some(names.join(",")) }
    }
}

/// What a single read says about an object that a listing no longer held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Presence {
    /// It is there.
    Here,
    /// The panel itself says that it does not exist.
    Gone,
    /// It could not be told, for this reason. Take it for being there.
    Unclear(String),
}

/// What a client has asked of its panel so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Usage {
    /// Requests sent, every attempt counted.
    pub requests: u64,
    /// Requests a minute that the panel allows on its Application API.
    pub limit: Option<u32>,
    /// How many of them were left at the last answer.
    pub remaining: Option<u32>,
    /// Milliseconds spent waiting for the panel's limit, all requests together.
    pub waited_ms: u64,
    /// Answers that said "too many requests".
    pub too_many: u64,
    /// Milliseconds until the panel's limit lets the next request go; 0 when nothing waits for it.
    pub waits_ms: u64,
}
