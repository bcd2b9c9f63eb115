//! What a panel holds, in one shape for both dialects. Fields keep the panel's meaning and units; what only one dialect
//! has is an `Option`. Sizes named `memory`, `disk` and `swap` are MiB, `cpu` is percent of one core.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{JsonText, Pairs, PanelId, Scalar};
use crate::base::{Error, Timestamp};

/// The number a panel gave an object.
pub type RemoteId = u64;

/// The kinds of objects in the mirror. Numbers are on disk: append only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs, reason = "the names say it")]
pub enum Kind {
    Location,
    Node,
    Allocation,
    Nest,
    Egg,
    EggVariable,
    User,
    Server,
    Database,
    Subuser,
}

impl Kind {
    /// Every kind, parents before children.
    pub const ALL: [Self; 10] = [
        Self::Location,
        Self::Node,
        Self::Allocation,
        Self::Nest,
        Self::Egg,
        Self::EggVariable,
        Self::User,
        Self::Server,
        Self::Database,
        Self::Subuser,
    ];

    /// The name of one, for people: `egg variable`.
    pub fn noun(self) -> &'static str {
        match self {
            Self::Location => "location",
            Self::Node => "node",
            Self::Allocation => "allocation",
            Self::Nest => "nest",
            Self::Egg => "egg",
            Self::EggVariable => "egg variable",
            Self::User => "user",
            Self::Server => "server",
            Self::Database => "database",
            Self::Subuser => "subuser",
        }
    }

    /// The name of many, as in URLs: `egg-variables`.
    pub fn plural(self) -> &'static str {
        match self {
            Self::Location => "locations",
            Self::Node => "nodes",
            Self::Allocation => "allocations",
            Self::Nest => "nests",
            Self::Egg => "eggs",
            Self::EggVariable => "egg-variables",
            Self::User => "users",
            Self::Server => "servers",
            Self::Database => "databases",
            Self::Subuser => "subusers",
        }
    }

    /// The number on disk.
    pub fn number(self) -> u8 {
        self as u8
    }

    /// The kind with this number on disk.
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number)).copied()
    }
}

impl FromStr for Kind {
    type Err = Error;

    /// Reads the plural form.
    fn from_str(text: &str) -> Result<Self, Error> {
        Self::ALL.into_iter().find(|kind| kind.plural() == text).ok_or_else(|| {
            Error::invalid("kind", format!("`{text}` is no kind of object; take one of {}", all_plurals()))
        })
    }
}

fn all_plurals() -> String {
    Kind::ALL.map(Kind::plural).join(", ")
}

/// Names one object of one panel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ObjectKey {
    /// The panel.
    pub panel: PanelId,
    /// The kind.
    pub kind: Kind,
    /// The number that the panel gave it.
    pub id: RemoteId,
}

impl fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} of panel {}", self.kind.noun(), self.id, self.panel)
    }
}

/// A group of nodes. Only in the Pterodactyl dialect.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs, reason = "named as in the panel's API")]
pub struct Location {
    pub id: RemoteId,
    pub short: String,
    pub long: Option<String>,
    pub created_at: Option<Timestamp>,
    pub updated_at: Option<Timestamp>,
}

/// A machine that runs servers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs, reason = "named as in the panel's API")]
pub struct Node {
    pub id: RemoteId,
    pub uuid: String,
    pub public: bool,
    pub name: String,
    pub description: Option<String>,
    /// None in the Pelican dialect.
    pub location_id: Option<RemoteId>,
    pub fqdn: String,
    pub scheme: String,
    pub behind_proxy: bool,
    pub maintenance_mode: bool,
    pub memory: i64,
    /// Percent; -1 = not checked.
    pub memory_overallocate: i64,
    pub disk: i64,
    /// Percent; -1 = not checked.
    pub disk_overallocate: i64,
    /// Pelican only. Percent of one core.
    pub cpu: Option<i64>,
    /// Pelican only. Percent; -1 = not checked.
    pub cpu_overallocate: Option<i64>,
    pub upload_size: i64,
    pub daemon_listen: i64,
    pub daemon_sftp: i64,
    pub daemon_base: String,
    /// Pelican only.
    pub daemon_sftp_alias: Option<String>,
    /// Pelican only: the port that the panel and browsers use.
    pub daemon_connect: Option<i64>,
    /// Pelican only.
    pub tags: Vec<String>,
    /// What the limits of the node's servers add up to, as the panel counts.
    pub allocated_resources: Resources,
    pub created_at: Option<Timestamp>,
    pub updated_at: Option<Timestamp>,
}

/// A sum of limits.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs, reason = "named as in the panel's API")]
pub struct Resources {
    pub memory: i64,
    pub disk: i64,
    /// Pelican only.
    pub cpu: Option<i64>,
}

/// An address and port of a node that a server may listen on. Which server does is told by [`Server::allocations`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs, reason = "named as in the panel's API")]
pub struct Allocation {
    pub id: RemoteId,
    /// From the address of the list, the panel's record does not name it.
    pub node_id: RemoteId,
    pub ip: String,
    pub alias: Option<String>,
    pub port: u16,
    pub notes: Option<String>,
    pub assigned: bool,
}

/// A group of eggs. Only in the Pterodactyl dialect.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs, reason = "named as in the panel's API")]
pub struct Nest {
    pub id: RemoteId,
    pub uuid: String,
    pub author: String,
    pub name: String,
    pub description: Option<String>,
    pub created_at: Option<Timestamp>,
    pub updated_at: Option<Timestamp>,
}

/// A kind of game server.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs, reason = "named as in the panel's API")]
pub struct Egg {
    pub id: RemoteId,
    pub uuid: String,
    /// None in the Pelican dialect.
    pub nest_id: Option<RemoteId>,
    pub name: String,
    pub author: String,
    pub description: Option<String>,
    pub docker_image: Option<String>,
    /// Label to image; the first is the default.
    pub docker_images: Pairs<String>,
    pub config: EggConfig,
    /// The default start command.
    pub startup: Option<String>,
    /// Pelican only: name to command.
    pub startup_commands: Pairs<String>,
    pub script: EggScript,
    /// Pelican only.
    pub icon: Option<String>,
    /// Pelican only.
    pub features: Option<Vec<String>>,
    /// Pelican only.
    pub tags: Vec<String>,
    pub created_at: Option<Timestamp>,
    pub updated_at: Option<Timestamp>,
}

/// How the node's daemon handles a server of an egg.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs, reason = "named as in the panel's API")]
pub struct EggConfig {
    pub files: JsonText,
    pub startup: JsonText,
    pub stop: Option<String>,
    pub logs: JsonText,
    pub file_denylist: Option<Vec<String>>,
    pub extends: Option<RemoteId>,
}

/// How a server of an egg is installed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs, reason = "named as in the panel's API")]
pub struct EggScript {
    pub privileged: bool,
    pub install: Option<String>,
    pub entry: Option<String>,
    pub container: Option<String>,
    pub extends: Option<RemoteId>,
}

/// Something that can be set for each server of an egg.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs, reason = "named as in the panel's API")]
pub struct EggVariable {
    pub id: RemoteId,
    pub egg_id: RemoteId,
    pub name: String,
    pub description: Option<String>,
    pub env_variable: String,
    /// Hidden when the variable is.
    pub default_value: Scalar,
    pub user_viewable: bool,
    pub user_editable: bool,
    /// Pterodactyl's pipe-separated text stands here as one element, because a rule may hold a pipe itself.
    pub rules: Vec<String>,
    /// Pelican only.
    pub sort: Option<i64>,
    pub created_at: Option<Timestamp>,
    pub updated_at: Option<Timestamp>,
}

/// An account on the panel.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs, reason = "named as in the panel's API")]
pub struct User {
    pub id: RemoteId,
    pub external_id: Option<String>,
    pub uuid: String,
    pub username: String,
    pub email: String,
    pub first_name: Option<String>,
    pub last_name: Option<String>,
    pub language: String,
    pub root_admin: bool,
    /// `2fa` in the panel's API.
    pub two_factor: bool,
    /// Pelican only.
    pub is_managed_externally: Option<bool>,
    pub created_at: Option<Timestamp>,
    pub updated_at: Option<Timestamp>,
}

/// A game server.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs, reason = "named as in the panel's API")]
pub struct Server {
    pub id: RemoteId,
    pub external_id: Option<String>,
    pub uuid: String,
    pub identifier: String,
    pub name: String,
    pub description: Option<String>,
    /// None = normal, which says nothing about whether it runs. Unknown words are kept.
    pub status: Option<String>,
    pub suspended: bool,
    pub limits: Limits,
    pub feature_limits: FeatureLimits,
    /// The owner.
    pub user_id: RemoteId,
    pub node_id: RemoteId,
    /// The primary allocation; Pelican knows servers without one.
    pub allocation_id: Option<RemoteId>,
    /// None in the Pelican dialect.
    pub nest_id: Option<RemoteId>,
    pub egg_id: RemoteId,
    pub startup_command: String,
    pub image: String,
    pub installed: bool,
    /// Effective values of all variables and what the panel adds.
    pub environment: Pairs<Scalar>,
    /// None = not known, because the key lacks the level.
    pub allocations: Option<Vec<RemoteId>>,
    /// None = not known.
    pub variables: Option<Vec<ServerVariable>>,
    pub created_at: Option<Timestamp>,
    pub updated_at: Option<Timestamp>,
}

/// The state of a server in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "the names say it")]
pub enum ServerState {
    /// Installed and not suspended. Whether it runs is not known from the mirror.
    Normal,
    Suspended,
    Installing,
    InstallFailed,
    ReinstallFailed,
    RestoringBackup,
    /// A word that we do not know.
    Other,
}

impl ServerState {
    /// Every state.
    pub const ALL: [Self; 7] = [
        Self::Normal,
        Self::Suspended,
        Self::Installing,
        Self::InstallFailed,
        Self::ReinstallFailed,
        Self::RestoringBackup,
        Self::Other,
    ];

    /// The panel's word; `normal` where it has none.
    pub fn word(self) -> &'static str {
        match self {
            Self::Normal => "normal",
            Self::Suspended => "suspended",
            Self::Installing => "installing",
            Self::InstallFailed => "install_failed",
            Self::ReinstallFailed => "reinstall_failed",
            Self::RestoringBackup => "restoring_backup",
            Self::Other => "other",
        }
    }
}

impl Server {
    /// The state in one word.
    pub fn state(&self) -> ServerState {
        if self.suspended {
            return ServerState::Suspended;
        }
        match self.status.as_deref() {
            None | Some("") => ServerState::Normal,
            Some(word) => ServerState::ALL
                .into_iter()
                .find(|s| s.word() == word && *s != ServerState::Normal)
                .unwrap_or(ServerState::Other),
        }
    }
}

/// What a server may use.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs, reason = "named as in the panel's API")]
pub struct Limits {
    /// 0 = unlimited.
    pub memory: i64,
    /// 0 = none, -1 = unlimited.
    pub swap: i64,
    /// 0 = unlimited.
    pub disk: i64,
    /// Block I/O weight, 10 to 1000.
    pub io: i64,
    /// 0 = unlimited.
    pub cpu: i64,
    /// Pinned cores, such as `0,2-3`.
    pub threads: Option<String>,
    /// True = the kernel does not kill the server when memory runs out.
    pub oom_disabled: bool,
}

/// How many extras the owner may make.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FeatureLimits {
    /// None = unlimited.
    pub databases: Option<i64>,
    /// None or 0 = the owner may not change any.
    pub allocations: Option<i64>,
    /// 0 = none.
    pub backups: Option<i64>,
}

/// The value of an egg variable for one server.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ServerVariable {
    /// The egg variable's number.
    pub id: RemoteId,
    /// The name in the environment.
    pub env_variable: String,
    /// Null = the server has none of its own, the default counts.
    pub server_value: Scalar,
}

/// A database of a server. Its password is never asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs, reason = "named as in the panel's API")]
pub struct ServerDatabase {
    pub id: RemoteId,
    pub server_id: RemoteId,
    /// The database host's number.
    pub host_id: RemoteId,
    pub database: String,
    pub username: String,
    pub remote: String,
    /// None or 0 = no limit.
    pub max_connections: Option<i64>,
    pub created_at: Option<Timestamp>,
    pub updated_at: Option<Timestamp>,
}

/// Somebody who may use a server that is not theirs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs, reason = "named as in the panel's API")]
pub struct Subuser {
    pub id: RemoteId,
    pub user_id: RemoteId,
    pub server_id: RemoteId,
    /// Sorted, without repeats.
    pub permissions: Vec<String>,
    pub created_at: Option<Timestamp>,
    pub updated_at: Option<Timestamp>,
}
