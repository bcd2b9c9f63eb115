//! The panel's database: rows, keys, and a guard that keeps the index true while tests edit.

mod awkward;
mod edit;
mod generate;
mod index;
mod keys;
mod rows;
mod server_rows;
mod store;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::SimClock;
use crate::panel::spec::Dialect;

pub use edit::NewServer;
pub(crate) use index::Index;
pub use keys::{ApiKey, KeyKind, Levels, Resource};
pub use rows::{Allocation, Egg, EggVariable, Kind, Location, Nest, Node, User};
pub use server_rows::{
    Activity, Backup, Database, DatabaseHost, FeatureLimits, Limits, Permissions, Power, Schedule, Server, Subuser,
    Task,
};
pub use store::WorldGuard;
pub(crate) use store::{Store, View, Worlds};

/// Everything that the panel knows.
#[derive(Debug, Clone)]
pub struct World {
    /// Whose shapes are shown; the rows are the same for both.
    pub dialect: Dialect,
    /// Locations by id.
    pub locations: BTreeMap<u64, Location>,
    /// Nodes by id.
    pub nodes: BTreeMap<u64, Node>,
    /// Allocations by id.
    pub allocations: BTreeMap<u64, Allocation>,
    /// Nests by id.
    pub nests: BTreeMap<u64, Nest>,
    /// Eggs by id.
    pub eggs: BTreeMap<u64, Egg>,
    /// Users by id.
    pub users: BTreeMap<u64, User>,
    /// Servers by id.
    pub servers: BTreeMap<u64, Server>,
    /// Subusers by id.
    pub subusers: BTreeMap<u64, Subuser>,
    /// Database hosts by id.
    pub database_hosts: BTreeMap<u64, DatabaseHost>,
    /// Databases by id.
    pub databases: BTreeMap<u64, Database>,
    /// Backups by id.
    pub backups: BTreeMap<u64, Backup>,
    /// Schedules by id.
    pub schedules: BTreeMap<u64, Schedule>,
    /// The activity log, oldest first.
    pub activity: Vec<Activity>,
    /// API keys.
    pub keys: Vec<ApiKey>,
    /// Rows that the panel cannot show: every page that touches one is a 500.
    pub broken: BTreeSet<(Kind, u64)>,
    /// The panel refuses keys of users without a second factor. Pterodactyl only.
    pub requires_two_factor: bool,
    /// Owners may edit descriptions; when not, Pelican's client API leaves the key out.
    pub editable_descriptions: bool,
    /// Offset of the panel's own time zone.
    pub utc_offset_minutes: i32,
    issued: HashMap<Kind, u64>,
    keys_made: u64,
    clock: SimClock,
}
