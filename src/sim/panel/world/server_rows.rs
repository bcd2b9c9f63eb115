//! The rows of the panel's database: servers, and what hangs on them.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::Value;

/// Resource limits of a server.
#[derive(Debug, Clone, PartialEq)]
pub struct Limits {
    /// MiB; 0 = unlimited.
    pub memory: u64,
    /// MiB; 0 = none, -1 = unlimited.
    pub swap: i64,
    /// MiB; 0 = unlimited.
    pub disk: u64,
    /// Block I/O weight.
    pub io: u64,
    /// Percent of a core; 0 = unlimited.
    pub cpu: u64,
    /// CPU pinning.
    pub threads: Option<String>,
    /// The kernel's OOM killer is off.
    pub oom_disabled: bool,
}

/// What the owner may make.
#[derive(Debug, Clone, PartialEq)]
pub struct FeatureLimits {
    /// `None` = unlimited.
    pub databases: Option<u64>,
    /// `None` and 0: the owner may not change allocations.
    pub allocations: Option<u64>,
    /// 0 = none.
    pub backups: u64,
}

/// What a server's process is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Power {
    /// Not running.
    Offline,
    /// Coming up.
    Starting,
    /// Up.
    Running,
    /// Going down.
    Stopping,
}

impl Power {
    /// The panel's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Power::Offline => "offline",
            Power::Starting => "starting",
            Power::Running => "running",
            Power::Stopping => "stopping",
        }
    }
}

/// A game server.
#[derive(Debug, Clone, PartialEq)]
pub struct Server {
    /// Database id.
    pub id: u64,
    /// Id in another system.
    pub external_id: Option<String>,
    /// Stable id; its first 8 characters are the identifier.
    pub uuid: String,
    /// Name.
    pub name: String,
    /// Free text. `None` shows as `""` on Pterodactyl and as null on Pelican.
    pub description: Option<String>,
    /// `None` = normal; any text is possible.
    pub status: Option<String>,
    /// A transfer is open.
    pub transferring: bool,
    /// Resources.
    pub limits: Limits,
    /// Features.
    pub feature_limits: FeatureLimits,
    /// Owner's id.
    pub user: u64,
    /// Node id.
    pub node: u64,
    /// Primary allocation; `None` only on Pelican.
    pub allocation: Option<u64>,
    /// Egg id; the nest is the egg's.
    pub egg: u64,
    /// Start command with placeholders.
    pub startup: String,
    /// Container image.
    pub image: String,
    /// Values by egg variable id. A missing one means "no row".
    pub values: BTreeMap<u64, String>,
    /// The first variable's row is in the database twice. Pterodactyl only.
    pub repeats_a_variable: bool,
    /// The process.
    pub power: Power,
    /// Since when the process is in that state.
    pub power_since: Timestamp,
    /// Made at.
    pub created_at: Timestamp,
    /// Changed at.
    pub updated_at: Timestamp,
}

impl Server {
    /// The first 8 characters of the uuid.
    pub fn identifier(&self) -> &str {
        self.uuid.get(..8).unwrap_or(&self.uuid)
    }
}

/// The permissions of a subuser, in the forms in which they come out of the database.
#[derive(Debug, Clone, PartialEq)]
pub enum Permissions {
    /// The normal form.
    List(Vec<String>),
    /// An object with numeric keys, as left behind by a client that sent duplicates.
    Keyed(Vec<(u64, String)>),
    /// Null.
    Nothing,
}

impl Permissions {
    /// The names, whatever the form.
    pub fn names(&self) -> Vec<&str> {
        match self {
            Permissions::List(names) => names.iter().map(String::as_str).collect(),
            Permissions::Keyed(names) => names.iter().map(|(_, name)| name.as_str()).collect(),
            Permissions::Nothing => Vec::new(),
        }
    }

    /// True when `name` is among them.
    pub fn has(&self, name: &str) -> bool {
        self.names().contains(&name)
    }
}

/// Somebody else who may use a server.
#[derive(Debug, Clone, PartialEq)]
pub struct Subuser {
    /// Database id.
    pub id: u64,
    /// User id.
    pub user: u64,
    /// Server id.
    pub server: u64,
    /// What they may do.
    pub permissions: Permissions,
    /// Made at.
    pub created_at: Timestamp,
    /// Changed at.
    pub updated_at: Timestamp,
}

/// A machine with databases for servers.
#[derive(Debug, Clone, PartialEq)]
pub struct DatabaseHost {
    /// Database id.
    pub id: u64,
    /// Name.
    pub name: String,
    /// Address.
    pub host: String,
    /// Port.
    pub port: u16,
    /// Administrator's name.
    pub username: String,
    /// Node that it belongs to.
    pub node: Option<u64>,
    /// Made at.
    pub created_at: Timestamp,
    /// Changed at.
    pub updated_at: Timestamp,
}

/// A database of a server.
#[derive(Debug, Clone, PartialEq)]
pub struct Database {
    /// Database id.
    pub id: u64,
    /// Server id.
    pub server: u64,
    /// Host id.
    pub host: u64,
    /// Name.
    pub database: String,
    /// User name.
    pub username: String,
    /// Password in clear.
    pub password: String,
    /// Addresses that may connect.
    pub remote: String,
    /// `None` and 0: no limit.
    pub max_connections: Option<u64>,
    /// Made at.
    pub created_at: Timestamp,
    /// Changed at.
    pub updated_at: Timestamp,
}

/// A backup of a server.
#[derive(Debug, Clone, PartialEq)]
pub struct Backup {
    /// Database id; never shown.
    pub id: u64,
    /// Stable id.
    pub uuid: String,
    /// Server id.
    pub server: u64,
    /// Name.
    pub name: String,
    /// Finished well.
    pub successful: bool,
    /// Protected.
    pub locked: bool,
    /// Patterns left out.
    pub ignored: Vec<String>,
    /// Checksum with its method.
    pub checksum: Option<String>,
    /// Size.
    pub bytes: u64,
    /// Started at.
    pub created_at: Timestamp,
    /// `None` while running.
    pub completed_at: Option<Timestamp>,
}

/// A schedule of a server.
#[derive(Debug, Clone, PartialEq)]
pub struct Schedule {
    /// Database id.
    pub id: u64,
    /// Server id.
    pub server: u64,
    /// Name.
    pub name: String,
    /// Minute, hour, day of month, month, day of week.
    pub cron: [String; 5],
    /// Switched on.
    pub active: bool,
    /// Runs only when the server is up.
    pub only_when_online: bool,
    /// Last run.
    pub last_run_at: Option<Timestamp>,
    /// Next run.
    pub next_run_at: Option<Timestamp>,
    /// Steps in order.
    pub tasks: Vec<Task>,
    /// Made at.
    pub created_at: Timestamp,
    /// Changed at.
    pub updated_at: Timestamp,
}

/// A step of a schedule.
#[derive(Debug, Clone, PartialEq)]
pub struct Task {
    /// Database id.
    pub id: u64,
    /// `command`, `power` or `backup`.
    pub action: String,
    /// What is done.
    pub payload: String,
    /// Seconds after the step before.
    pub time_offset: u64,
    /// Goes on when this step fails.
    pub continue_on_failure: bool,
}

/// One line of the activity log.
#[derive(Debug, Clone, PartialEq)]
pub struct Activity {
    /// Position in the log.
    pub id: u64,
    /// Server that it is about.
    pub server: Option<u64>,
    /// Who did it; `None` = the system.
    pub actor: Option<u64>,
    /// Event name.
    pub event: String,
    /// Done through the API.
    pub is_api: bool,
    /// Address.
    pub ip: String,
    /// Details.
    pub properties: Value,
    /// When.
    pub at: Timestamp,
}
