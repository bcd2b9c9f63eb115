//! Who belongs to whom, worked out once after every change so that pages cost the same in a large panel as in a small one.

use std::collections::HashMap;

use super::World;

/// Rows by what they belong to. A cache of the world: throw it away after any change.
#[derive(Debug, Default)]
pub(crate) struct Index {
    allocations_of_node: HashMap<u64, Vec<u64>>,
    allocations_of_server: HashMap<u64, Vec<u64>>,
    servers_of_node: HashMap<u64, Vec<u64>>,
    servers_of_user: HashMap<u64, Vec<u64>>,
    servers_of_egg: HashMap<u64, Vec<u64>>,
    nodes_of_location: HashMap<u64, Vec<u64>>,
    eggs_of_nest: HashMap<u64, Vec<u64>>,
    subusers_of_server: HashMap<u64, Vec<u64>>,
    databases_of_server: HashMap<u64, Vec<u64>>,
    databases_of_host: HashMap<u64, Vec<u64>>,
    backups_of_server: HashMap<u64, Vec<u64>>,
    schedules_of_server: HashMap<u64, Vec<u64>>,
    activity_of_server: HashMap<u64, Vec<usize>>,
    server_by_uuid: HashMap<String, u64>,
    server_by_identifier: HashMap<String, u64>,
    sums_of_node: HashMap<u64, NodeSums>,
}

/// What the servers of a node were promised.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct NodeSums {
    /// MiB.
    pub(crate) memory: u64,
    /// MiB.
    pub(crate) disk: u64,
    /// Percent.
    pub(crate) cpu: u64,
}

type Groups = HashMap<u64, Vec<u64>>;

fn group(rows: impl Iterator<Item = (u64, u64)>) -> Groups {
    let mut groups = Groups::new();
    for (owner, id) in rows {
        groups.entry(owner).or_default().push(id);
    }
    groups
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {$(
        $(#[$doc])*
        pub(crate) fn $name(&self, owner: u64) -> &[u64] {
            self.$name.get(&owner).map_or(&[], Vec::as_slice)
        }
    )*};
}

impl Index {
    /// Reads the whole world.
    pub(crate) fn of(world: &World) -> Self {
        let servers = || world.servers.values();
        Self {
            allocations_of_node: allocations_of_node(world),
            allocations_of_server: group(world.allocations.values().filter_map(|a| Some((a.server?, a.id)))),
            servers_of_node: group(servers().map(|s| (s.node, s.id))),
            servers_of_user: group(servers().map(|s| (s.user, s.id))),
            servers_of_egg: group(servers().map(|s| (s.egg, s.id))),
            nodes_of_location: group(world.nodes.values().map(|n| (n.location, n.id))),
            eggs_of_nest: group(world.eggs.values().map(|e| (e.nest, e.id))),
            subusers_of_server: group(world.subusers.values().map(|s| (s.server, s.id))),
            databases_of_server: group(world.databases.values().map(|d| (d.server, d.id))),
            databases_of_host: group(world.databases.values().map(|d| (d.host, d.id))),
            backups_of_server: group(world.backups.values().map(|b| (b.server, b.id))),
            schedules_of_server: group(world.schedules.values().map(|s| (s.server, s.id))),
            activity_of_server: activity_of_server(world),
            server_by_uuid: servers().map(|s| (s.uuid.clone(), s.id)).collect(),
            server_by_identifier: servers().map(|s| (s.identifier().to_owned(), s.id)).collect(),
            sums_of_node: sums_of_node(world),
        }
    }

    ids! {
        /// Ordered by address (as text) and port, the order in which the database finds them.
        allocations_of_node,
        /// Ordered by id.
        allocations_of_server,
        servers_of_node,
        servers_of_user,
        servers_of_egg,
        nodes_of_location,
        eggs_of_nest,
        subusers_of_server,
        databases_of_server,
        databases_of_host,
        backups_of_server,
        schedules_of_server,
    }

    /// Positions in the activity log, oldest first.
    pub(crate) fn activity_of_server(&self, server: u64) -> &[usize] {
        self.activity_of_server.get(&server).map_or(&[], Vec::as_slice)
    }

    /// The server with this uuid.
    pub(crate) fn server_by_uuid(&self, uuid: &str) -> Option<u64> {
        self.server_by_uuid.get(uuid).copied()
    }

    /// The server with this 8-character identifier.
    pub(crate) fn server_by_identifier(&self, identifier: &str) -> Option<u64> {
        self.server_by_identifier.get(identifier).copied()
    }

    /// What the servers of `node` were promised.
    pub(crate) fn sums_of_node(&self, node: u64) -> NodeSums {
        self.sums_of_node.get(&node).copied().unwrap_or_default()
    }
}

fn allocations_of_node(world: &World) -> Groups {
    let mut rows: Vec<_> = world.allocations.values().collect();
    rows.sort_by(|a, b| (&a.ip, a.port, a.id).cmp(&(&b.ip, b.port, b.id)));
    group(rows.into_iter().map(|a| (a.node, a.id)))
}

fn activity_of_server(world: &World) -> HashMap<u64, Vec<usize>> {
    let mut groups: HashMap<u64, Vec<usize>> = HashMap::new();
    for (position, line) in world.activity.iter().enumerate() {
        if let Some(server) = line.server {
            groups.entry(server).or_default().push(position);
        }
    }
    groups
}

fn sums_of_node(world: &World) -> HashMap<u64, NodeSums> {
    let mut sums: HashMap<u64, NodeSums> = HashMap::new();
    for server in world.servers.values() {
        let sum = sums.entry(server.node).or_default();
        sum.memory += server.limits.memory;
        sum.disk += server.limits.disk;
        sum.cpu += server.limits.cpu;
    }
    sums
}
