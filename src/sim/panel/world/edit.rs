//! Changing the world: what the panel's services do, without its validation.

use jiff::Timestamp;

use super::{
    Allocation, ApiKey, Database, Egg, FeatureLimits, KeyKind, Kind, Levels, Limits, Location, Nest, Permissions,
    Power, Resource, Server, Subuser, User, World,
};
use crate::Chance;

/// A server to be made. Everything left at its default is chosen sensibly.
#[derive(Debug, Clone, Default)]
pub struct NewServer {
    /// Name; "server N" when empty.
    pub name: String,
    /// Free text.
    pub description: Option<String>,
    /// Id in another system.
    pub external_id: Option<String>,
    /// Owner; the first user when `None`.
    pub user: Option<u64>,
    /// Node; the first one when `None`. Ignored when `allocation` is given.
    pub node: Option<u64>,
    /// Egg; the first one when `None`.
    pub egg: Option<u64>,
    /// Primary allocation; a free or new one of the node when `None`.
    pub allocation: Option<u64>,
}

impl World {
    /// The panel's idea of now, in whole seconds.
    pub fn now(&self) -> Timestamp {
        self.clock.now_in_seconds()
    }

    /// The next id of a table. Ids of removed rows are not given out again.
    pub fn next_id(&mut self, kind: Kind) -> u64 {
        let highest = self.highest_id(kind);
        let issued = self.issued.entry(kind).or_default();
        *issued = (*issued).max(highest) + 1;
        *issued
    }

    fn highest_id(&self, kind: Kind) -> u64 {
        let last = match kind {
            Kind::Location => self.locations.keys().next_back().copied(),
            Kind::Node => self.nodes.keys().next_back().copied(),
            Kind::Allocation => self.allocations.keys().next_back().copied(),
            Kind::Nest => self.nests.keys().next_back().copied(),
            Kind::Egg => self.eggs.keys().next_back().copied(),
            Kind::EggVariable => self.eggs.values().flat_map(|egg| &egg.variables).map(|v| v.id).max(),
            Kind::User => self.users.keys().next_back().copied(),
            Kind::Server => self.servers.keys().next_back().copied(),
            Kind::Subuser => self.subusers.keys().next_back().copied(),
            Kind::DatabaseHost => self.database_hosts.keys().next_back().copied(),
            Kind::Database => self.databases.keys().next_back().copied(),
            Kind::Backup => self.backups.keys().next_back().copied(),
            Kind::Schedule => self.schedules.keys().next_back().copied(),
            Kind::Task => self.schedules.values().flat_map(|schedule| &schedule.tasks).map(|t| t.id).max(),
        };
        last.unwrap_or(0)
    }

    fn chance(&self, kind: Kind, id: u64) -> Chance {
        Chance::fork(id, &format!("new {kind:?}"))
    }

    /// Adds a location.
    pub fn add_location(&mut self, short: &str, long: Option<&str>) -> u64 {
        let (id, now) = (self.next_id(Kind::Location), self.now());
        let long = long.map(str::to_owned);
        self.locations.insert(id, Location { id, short: short.to_owned(), long, created_at: now, updated_at: now });
        id
    }

    /// Removes a location; its nodes stay.
    pub fn remove_location(&mut self, id: u64) -> bool {
        self.locations.remove(&id).is_some()
    }

    /// Adds a node without allocations.
    pub fn add_node(&mut self, name: &str, location: u64) -> u64 {
        let (id, now) = (self.next_id(Kind::Node), self.now());
        let mut chance = self.chance(Kind::Node, id);
        let mut node = super::generate::node(id, name, location, &mut chance);
        (node.created_at, node.updated_at) = (now, now);
        self.nodes.insert(id, node);
        id
    }

    /// Removes a node and its allocations; its servers are left without a home.
    pub fn remove_node(&mut self, id: u64) -> bool {
        self.allocations.retain(|_, allocation| allocation.node != id);
        self.nodes.remove(&id).is_some()
    }

    /// Adds a free allocation.
    pub fn add_allocation(&mut self, node: u64, ip: &str, port: u16) -> u64 {
        let id = self.next_id(Kind::Allocation);
        let row = Allocation { id, node, ip: ip.to_owned(), alias: None, port, server: None, notes: None };
        self.allocations.insert(id, row);
        id
    }

    /// Removes an allocation, assigned or not.
    pub fn remove_allocation(&mut self, id: u64) -> bool {
        self.allocations.remove(&id).is_some()
    }

    /// Gives an allocation to a server, or takes it back with `None`.
    pub fn assign(&mut self, allocation: u64, server: Option<u64>) {
        if let Some(row) = self.allocations.get_mut(&allocation) {
            row.server = server;
            row.notes = None;
        }
    }

    /// Adds a nest.
    pub fn add_nest(&mut self, name: &str) -> u64 {
        let (id, now) = (self.next_id(Kind::Nest), self.now());
        let uuid = self.chance(Kind::Nest, id).uuid();
        let author = "eggs@simulated.example".to_owned();
        let row = Nest { id, uuid, author, name: name.to_owned(), description: None, created_at: now, updated_at: now };
        self.nests.insert(id, row);
        id
    }

    /// Adds an egg with the usual variables.
    pub fn add_egg(&mut self, nest: u64, name: &str) -> u64 {
        let (id, now) = (self.next_id(Kind::Egg), self.now());
        let mut chance = self.chance(Kind::Egg, id);
        let first_variable = self.next_id(Kind::EggVariable);
        let mut egg = super::generate::egg(id, nest, name, first_variable, &mut chance);
        (egg.created_at, egg.updated_at) = (now, now);
        self.eggs.insert(id, egg);
        id
    }

    /// Adds an egg that inherits its configuration and has none of its own. On Pterodactyl it turns its nest's egg list, and
    /// everything that includes it, into a 500.
    pub fn add_inheriting_egg(&mut self) -> Option<u64> {
        let parent = self.eggs.values().next()?.clone();
        let (id, now) = (self.next_id(Kind::Egg), self.now());
        let child = Egg {
            id,
            uuid: self.chance(Kind::Egg, id).uuid(),
            name: format!("{} (child)", parent.name),
            files: None,
            startup_config: serde_json::Value::Null,
            stop: None,
            logs: serde_json::Value::Null,
            file_denylist: None,
            config_from: Some(parent.id),
            script_install: None,
            script_from: Some(parent.id),
            variables: Vec::new(),
            created_at: now,
            updated_at: now,
            ..parent
        };
        self.eggs.insert(id, child);
        Some(id)
    }

    /// Removes an egg; its servers stay.
    pub fn remove_egg(&mut self, id: u64) -> bool {
        self.eggs.remove(&id).is_some()
    }

    /// Adds a normal user.
    pub fn add_user(&mut self, username: &str, email: &str) -> u64 {
        let (id, now) = (self.next_id(Kind::User), self.now());
        let uuid = self.chance(Kind::User, id).uuid();
        let row = User {
            id,
            external_id: None,
            uuid,
            username: username.to_lowercase(),
            email: email.to_owned(),
            first_name: None,
            last_name: None,
            language: "en".to_owned(),
            root_admin: false,
            admin_role: false,
            two_factor: false,
            managed_externally: false,
            created_at: now,
            updated_at: now,
        };
        self.users.insert(id, row);
        id
    }

    /// Removes a user with their keys and subuser rows; their servers are left without an owner.
    pub fn remove_user(&mut self, id: u64) -> bool {
        self.subusers.retain(|_, subuser| subuser.user != id);
        self.keys.retain(|key| key.user != id);
        self.users.remove(&id).is_some()
    }

    /// Adds a server that is installed and off. `None` when the panel has no user, node or egg for it.
    pub fn add_server(&mut self, new: NewServer) -> Option<u64> {
        let user = new.user.or_else(|| self.users.keys().next().copied())?;
        let egg = self.eggs.get(&new.egg.or_else(|| self.eggs.keys().next().copied())?)?.clone();
        let node = match new.allocation.and_then(|id| self.allocations.get(&id)) {
            Some(allocation) => allocation.node,
            None => new.node.or_else(|| self.nodes.keys().next().copied())?,
        };
        let (id, now) = (self.next_id(Kind::Server), self.now());
        let allocation = new.allocation.unwrap_or_else(|| self.free_allocation(node));
        let mut server = blank_server(id, &egg, now);
        server.uuid = self.chance(Kind::Server, id).uuid();
        server.name = if new.name.is_empty() { format!("server {id}") } else { new.name };
        (server.description, server.external_id) = (new.description, new.external_id);
        (server.user, server.node, server.allocation) = (user, node, Some(allocation));
        self.servers.insert(id, server);
        self.assign(allocation, Some(id));
        Some(id)
    }

    /// A free allocation of a node; a new one when all are taken.
    pub fn free_allocation(&mut self, node: u64) -> u64 {
        let free = self.allocations.values().find(|a| a.node == node && a.server.is_none());
        if let Some(allocation) = free {
            return allocation.id;
        }
        let mine = || self.allocations.values().filter(|a| a.node == node);
        let ip = mine().next().map_or_else(|| "203.0.113.10".to_owned(), |a| a.ip.clone());
        let port = mine().map(|a| a.port).max().unwrap_or(25_564);
        // A full range goes on below: any port will do, as long as the pair is new.
        let port = port.checked_add(1).unwrap_or_else(|| mine().map(|a| a.port).min().unwrap_or(1_025) - 1);
        self.add_allocation(node, &ip, port)
    }

    /// Removes a server the way the panel does: allocations are freed; subusers, databases, backups and schedules go with it.
    pub fn remove_server(&mut self, id: u64) -> bool {
        for allocation in self.allocations.values_mut().filter(|a| a.server == Some(id)) {
            allocation.server = None;
            allocation.notes = None;
        }
        self.subusers.retain(|_, row| row.server != id);
        self.databases.retain(|_, row| row.server != id);
        self.backups.retain(|_, row| row.server != id);
        self.schedules.retain(|_, row| row.server != id);
        self.servers.remove(&id).is_some()
    }

    /// Ends a running transfer: the server arrives, or stays where it was. False when it was not moving.
    pub fn end_transfer(&mut self, id: u64, arrived: bool) -> bool {
        let Some(server) = self.servers.get(&id).filter(|server| server.transferring) else { return false };
        let home = server.node;
        let mine: Vec<(u64, u64)> =
            self.allocations.values().filter(|row| row.server == Some(id)).map(|row| (row.id, row.node)).collect();
        let target = mine.iter().copied().find(|(_, node)| *node != home);
        for (allocation, node) in mine {
            if (node == home) == (arrived && target.is_some()) {
                self.assign(allocation, None);
            }
        }
        self.change_server(id, |server| {
            server.transferring = false;
            if let Some((allocation, node)) = target.filter(|_| arrived) {
                (server.node, server.allocation) = (node, Some(allocation));
            }
        })
    }

    /// Changes a server and moves its `updated_at`.
    pub fn change_server(&mut self, id: u64, change: impl FnOnce(&mut Server)) -> bool {
        let now = self.now();
        let Some(server) = self.servers.get_mut(&id) else { return false };
        change(server);
        server.updated_at = now;
        true
    }

    /// Sets a server's status.
    pub fn set_status(&mut self, id: u64, status: Option<&str>) -> bool {
        self.change_server(id, |server| server.status = status.map(str::to_owned))
    }

    /// Adds a subuser.
    pub fn add_subuser(&mut self, server: u64, user: u64, permissions: &[&str]) -> u64 {
        let (id, now) = (self.next_id(Kind::Subuser), self.now());
        let permissions = Permissions::List(permissions.iter().map(|&name| name.to_owned()).collect());
        self.subusers.insert(id, Subuser { id, user, server, permissions, created_at: now, updated_at: now });
        id
    }

    /// Removes a subuser.
    pub fn remove_subuser(&mut self, id: u64) -> bool {
        self.subusers.remove(&id).is_some()
    }

    /// Adds a database on the first database host.
    pub fn add_database(&mut self, server: u64, name: &str) -> u64 {
        let (id, now) = (self.next_id(Kind::Database), self.now());
        let mut chance = self.chance(Kind::Database, id);
        let row = Database {
            id,
            server,
            host: self.database_hosts.keys().next().copied().unwrap_or(1),
            database: format!("s{server}_{name}"),
            username: format!("u{server}_{}", chance.token(10)),
            password: chance.token(24),
            remote: "%".to_owned(),
            max_connections: None,
            created_at: now,
            updated_at: now,
        };
        self.databases.insert(id, row);
        id
    }

    /// Removes a database.
    pub fn remove_database(&mut self, id: u64) -> bool {
        self.databases.remove(&id).is_some()
    }

    /// Makes an application key with these levels.
    pub fn add_application_key(&mut self, user: u64, levels: Levels) -> String {
        let prefix = if self.dialect.is_pelican() { "papp_" } else { "ptla_" };
        self.add_key(user, prefix, KeyKind::Application(levels))
    }

    /// Makes an account key.
    pub fn add_account_key(&mut self, user: u64) -> String {
        let prefix = if self.dialect.is_pelican() { "pacc_" } else { "ptlc_" };
        self.add_key(user, prefix, KeyKind::Account)
    }

    fn add_key(&mut self, user: u64, prefix: &str, kind: KeyKind) -> String {
        self.keys_made += 1;
        let mut chance = Chance::fork(self.keys_made, "new key");
        let token = format!("{prefix}{}", chance.token(43));
        let now = self.now();
        let key = ApiKey {
            token: token.clone(),
            kind,
            user,
            description: None,
            allowed_ips: Vec::new(),
            expires_at: None,
            created_at: now,
        };
        self.keys.push(key);
        token
    }

    /// Changes one level of an application key.
    pub fn set_level(&mut self, token: &str, resource: Resource, level: u8) {
        for key in self.keys.iter_mut().filter(|key| key.token == token) {
            if let KeyKind::Application(levels) = key.kind {
                key.kind = KeyKind::Application(levels.with(resource, level));
            }
        }
    }

    /// Makes a row unreadable: every page and include that touches it becomes a 500.
    pub fn break_row(&mut self, kind: Kind, id: u64) {
        self.broken.insert((kind, id));
    }

    /// Repairs what [`World::break_row`] broke.
    pub fn mend_row(&mut self, kind: Kind, id: u64) {
        self.broken.remove(&(kind, id));
    }
}

fn blank_server(id: u64, egg: &Egg, now: Timestamp) -> Server {
    Server {
        id,
        external_id: None,
        uuid: String::new(),
        name: String::new(),
        description: None,
        status: None,
        transferring: false,
        limits: Limits { memory: 2048, swap: 0, disk: 10_240, io: 500, cpu: 100, threads: None, oom_disabled: true },
        feature_limits: FeatureLimits { databases: Some(1), allocations: Some(2), backups: 2 },
        user: 0,
        node: 0,
        allocation: None,
        egg: egg.id,
        startup: egg.startup_commands.first().map(|(_, command)| command.clone()).unwrap_or_default(),
        image: egg.docker_images.first().map(|(_, image)| image.clone()).unwrap_or_default(),
        values: egg.variables.iter().map(|v| (v.id, v.default_value.clone())).collect(),
        repeats_a_variable: false,
        power: Power::Offline,
        power_since: now,
        created_at: now,
        updated_at: now,
    }
}
