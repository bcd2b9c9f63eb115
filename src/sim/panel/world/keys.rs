//! API keys: whose they are and what they may do.

use jiff::Timestamp;

/// What an application key's level is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Resource {
    /// Servers and their variables.
    Servers,
    /// Nodes.
    Nodes,
    /// Allocations.
    Allocations,
    /// Users and subusers.
    Users,
    /// Locations.
    Locations,
    /// Nests.
    Nests,
    /// Eggs.
    Eggs,
    /// Database hosts.
    DatabaseHosts,
    /// Databases of servers.
    ServerDatabases,
    /// Mounts; Pelican only.
    Mounts,
    /// Roles; Pelican only.
    Roles,
    /// Plugins; Pelican only.
    Plugins,
}

const RESOURCES: usize = 12;

/// A level per resource: 0 none, 1 read, 2 write, 3 both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Levels([u8; RESOURCES]);

impl Levels {
    /// The same level everywhere.
    pub fn all(level: u8) -> Self {
        Self([level; RESOURCES])
    }

    /// Read everything.
    pub fn read_only() -> Self {
        Self::all(1)
    }

    /// The same levels but for one resource.
    #[must_use]
    pub fn with(mut self, resource: Resource, level: u8) -> Self {
        self.0[resource as usize] = level;
        self
    }

    /// True when `resource` may be read.
    pub fn may_read(&self, resource: Resource) -> bool {
        self.0[resource as usize] & 1 != 0
    }

    /// True when `resource` may be written.
    pub fn may_write(&self, resource: Resource) -> bool {
        self.0[resource as usize] & 2 != 0
    }
}

/// The two kinds of keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyKind {
    /// For the application API, with levels.
    Application(Levels),
    /// An account's key, for the client API.
    Account,
}

/// One API key.
#[derive(Debug, Clone, PartialEq)]
pub struct ApiKey {
    /// All 48 characters; the first 16 are the public identifier.
    pub token: String,
    /// Kind and levels.
    pub kind: KeyKind,
    /// Whose.
    pub user: u64,
    /// What for.
    pub description: Option<String>,
    /// Addresses or CIDR ranges; empty = everywhere.
    pub allowed_ips: Vec<String>,
    /// End of life.
    pub expires_at: Option<Timestamp>,
    /// Made at.
    pub created_at: Timestamp,
}

impl ApiKey {
    /// The public part.
    pub fn identifier(&self) -> &str {
        self.token.get(..16).unwrap_or(&self.token)
    }
}
