//! The rows of the panel's database. Plain data with public fields: tests bend them as they like.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Map, Value};

/// Which table a row is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// [`Location`]
    Location,
    /// [`Node`]
    Node,
    /// [`Allocation`]
    Allocation,
    /// [`Nest`]
    Nest,
    /// [`Egg`]
    Egg,
    /// [`EggVariable`]
    EggVariable,
    /// [`User`]
    User,
    /// [`Server`]
    Server,
    /// [`Subuser`]
    Subuser,
    /// [`DatabaseHost`]
    DatabaseHost,
    /// [`Database`]
    Database,
    /// [`Backup`]
    Backup,
    /// [`Schedule`]
    Schedule,
    /// [`Task`]
    Task,
}

/// A place with nodes. Pterodactyl only.
#[derive(Debug, Clone, PartialEq)]
pub struct Location {
    /// Database id.
    pub id: u64,
    /// Unique short name.
    pub short: String,
    /// Long name.
    pub long: Option<String>,
    /// Made at.
    pub created_at: Timestamp,
    /// Changed at.
    pub updated_at: Timestamp,
}

/// A machine that runs servers.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// Database id.
    pub id: u64,
    /// Stable id.
    pub uuid: String,
    /// Open to automatic deployment.
    pub public: bool,
    /// Name.
    pub name: String,
    /// Free text.
    pub description: Option<String>,
    /// Location id; shown by Pterodactyl only.
    pub location: u64,
    /// Tags; shown by Pelican only.
    pub tags: Vec<String>,
    /// Host name of the daemon.
    pub fqdn: String,
    /// `https` or `http`.
    pub scheme: String,
    /// TLS ends before the daemon.
    pub behind_proxy: bool,
    /// Closed for the owners of its servers.
    pub maintenance_mode: bool,
    /// MiB.
    pub memory: u64,
    /// Percent; -1 = unchecked.
    pub memory_overallocate: i64,
    /// MiB.
    pub disk: u64,
    /// Percent; -1 = unchecked.
    pub disk_overallocate: i64,
    /// Percent of a core; Pelican only.
    pub cpu: u64,
    /// Percent; -1 = unchecked; Pelican only.
    pub cpu_overallocate: i64,
    /// MiB.
    pub upload_size: u64,
    /// Port of the daemon.
    pub daemon_listen: u16,
    /// Port of its SFTP server.
    pub daemon_sftp: u16,
    /// Where volumes live.
    pub daemon_base: String,
    /// Other host name for SFTP; Pelican only.
    pub daemon_sftp_alias: Option<String>,
    /// Public part of the daemon's token.
    pub daemon_token_id: String,
    /// Secret part of the daemon's token.
    pub daemon_token: String,
    /// The daemon does not answer: what needs it fails the way it does on the dialect.
    pub unreachable: bool,
    /// The database driver hands uncast columns out as text.
    pub numbers_as_text: bool,
    /// Columns that a patch added; shown as they are.
    pub extra: Map<String, Value>,
    /// Made at.
    pub created_at: Timestamp,
    /// Changed at.
    pub updated_at: Timestamp,
}

/// An address and port of a node.
#[derive(Debug, Clone, PartialEq)]
pub struct Allocation {
    /// Database id.
    pub id: u64,
    /// Node id.
    pub node: u64,
    /// Address as text.
    pub ip: String,
    /// Name shown instead of the address.
    pub alias: Option<String>,
    /// Port.
    pub port: u16,
    /// The server that has it.
    pub server: Option<u64>,
    /// Free text.
    pub notes: Option<String>,
}

/// A group of eggs. Pterodactyl only.
#[derive(Debug, Clone, PartialEq)]
pub struct Nest {
    /// Database id.
    pub id: u64,
    /// Stable id.
    pub uuid: String,
    /// E-mail address.
    pub author: String,
    /// Name.
    pub name: String,
    /// Free text.
    pub description: Option<String>,
    /// Made at.
    pub created_at: Timestamp,
    /// Changed at.
    pub updated_at: Timestamp,
}

/// How to install and start one kind of server.
#[derive(Debug, Clone, PartialEq)]
pub struct Egg {
    /// Database id.
    pub id: u64,
    /// Stable id.
    pub uuid: String,
    /// Nest id; shown by Pterodactyl only.
    pub nest: u64,
    /// Name.
    pub name: String,
    /// E-mail address.
    pub author: String,
    /// Free text.
    pub description: Option<String>,
    /// Icon address; Pelican only.
    pub icon: Option<String>,
    /// Features.
    pub features: Option<Vec<String>>,
    /// Tags; Pelican only.
    pub tags: Vec<String>,
    /// Label and image, in order.
    pub docker_images: Vec<(String, String)>,
    /// Configuration files. `None` together with a parent breaks Pterodactyl's egg pages.
    pub files: Option<Value>,
    /// What tells that the server is up.
    pub startup_config: Value,
    /// Stop command.
    pub stop: Option<String>,
    /// Log settings.
    pub logs: Value,
    /// Files that owners may not touch.
    pub file_denylist: Option<Vec<String>>,
    /// Parent egg of the configuration.
    pub config_from: Option<u64>,
    /// Name and command, in order; Pterodactyl has only the first.
    pub startup_commands: Vec<(String, String)>,
    /// The installer runs privileged.
    pub script_privileged: bool,
    /// Installer script.
    pub script_install: Option<String>,
    /// Interpreter.
    pub script_entry: String,
    /// Installer image.
    pub script_container: String,
    /// Parent egg of the script.
    pub script_from: Option<u64>,
    /// Variables, in order.
    pub variables: Vec<EggVariable>,
    /// Made at.
    pub created_at: Timestamp,
    /// Changed at.
    pub updated_at: Timestamp,
}

/// A setting of an egg.
#[derive(Debug, Clone, PartialEq)]
pub struct EggVariable {
    /// Database id.
    pub id: u64,
    /// Name.
    pub name: String,
    /// Free text, may be empty.
    pub description: String,
    /// Name in the environment.
    pub env_variable: String,
    /// Value when the server has none.
    pub default_value: String,
    /// Owners see it.
    pub user_viewable: bool,
    /// Owners may change it.
    pub user_editable: bool,
    /// Rules, separated by `|`.
    pub rules: Option<String>,
    /// Made at.
    pub created_at: Option<Timestamp>,
    /// Changed at.
    pub updated_at: Option<Timestamp>,
}

/// An account of the panel.
#[derive(Debug, Clone, PartialEq)]
pub struct User {
    /// Database id.
    pub id: u64,
    /// Id in another system.
    pub external_id: Option<String>,
    /// Stable id.
    pub uuid: String,
    /// Lower-case name.
    pub username: String,
    /// Address, case kept.
    pub email: String,
    /// First name; Pterodactyl only.
    pub first_name: Option<String>,
    /// Last name; Pterodactyl only.
    pub last_name: Option<String>,
    /// Language code.
    pub language: String,
    /// May do everything.
    pub root_admin: bool,
    /// Has an admin role with some permission; Pelican only.
    pub admin_role: bool,
    /// Has a second factor.
    pub two_factor: bool,
    /// Kept by another system; Pelican only.
    pub managed_externally: bool,
    /// Made at.
    pub created_at: Timestamp,
    /// Changed at.
    pub updated_at: Timestamp,
}

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
