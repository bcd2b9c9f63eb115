//! The rows of the panel's database: places, eggs, people. Plain data with public fields: tests bend them as they like.

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
    /// [`Server`](super::Server)
    Server,
    /// [`Subuser`](super::Subuser)
    Subuser,
    /// [`DatabaseHost`](super::DatabaseHost)
    DatabaseHost,
    /// [`Database`](super::Database)
    Database,
    /// [`Backup`](super::Backup)
    Backup,
    /// [`Schedule`](super::Schedule)
    Schedule,
    /// [`Task`](super::Task)
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
