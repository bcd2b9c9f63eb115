//! Locations, nodes, allocations.

use std::collections::BTreeMap;

use serde_json::Map;

use super::times;
use crate::Chance;
use crate::panel::spec::PanelSpec;
use crate::panel::world::{Allocation, Location, Node, World};

const PLACES: &[(&str, &str)] = &[
    ("eu.ams", "Amsterdam, hall 2"),
    ("eu.waw", "Warsaw, north building"),
    ("us.phx", "Phoenix, suite 14"),
    ("eu.fra", "Frankfurt, rack row F"),
    ("us.nyc", "New York, second floor"),
    ("ap.sin", "Singapore, west wing"),
    ("ap.tyo", "Tokyo, bay area"),
    ("sa.gru", "Sao Paulo, campus"),
];

const MACHINES: &[&str] =
    &["EPYC 7443P, 2x NVMe mirror", "Ryzen 9 7950X, single NVMe", "Xeon Gold, SAS shelf", "Ampere Altra, test stock"];

/// Fills the tables.
pub(super) fn fill(world: &mut World, spec: &PanelSpec) {
    fill_locations(world, spec);
    fill_nodes(world, spec);
    fill_allocations(world, spec);
}

fn fill_locations(world: &mut World, spec: &PanelSpec) {
    let mut chance = Chance::fork(spec.seed, "locations");
    for id in 1..=u64::from(spec.locations.max(u32::from(spec.nodes > 0))) {
        let (short, long) = PLACES[(id as usize - 1) % PLACES.len()];
        let round = (id as usize - 1) / PLACES.len();
        let short = if round == 0 { short.to_owned() } else { format!("{short}{}", round + 1) };
        let (created_at, updated_at) = times(&mut chance);
        world.locations.insert(id, Location { id, short, long: Some(long.to_owned()), created_at, updated_at });
    }
}

fn fill_nodes(world: &mut World, spec: &PanelSpec) {
    let mut chance = Chance::fork(spec.seed, "nodes");
    let locations = world.locations.len().max(1) as u64;
    for id in 1..=u64::from(spec.nodes.max(u32::from(spec.servers > 0))) {
        let location = (id - 1) % locations + 1;
        let city = world.locations.get(&location).map_or("lab", |l| l.short.rsplit('.').next().unwrap_or("lab"));
        let name = format!("{city}-{}{}", char::from(b'a' + ((id - 1) / 9 % 26) as u8), (id - 1) % 9 + 1);
        let mut row = node(id, &name, location, &mut chance);
        row.tags =
            world.locations.get(&location).map(|l| l.short.split('.').map(str::to_owned).collect()).unwrap_or_default();
        world.nodes.insert(id, row);
    }
}

/// A healthy node.
pub(in crate::panel::world) fn node(id: u64, name: &str, location: u64, chance: &mut Chance) -> Node {
    let (created_at, updated_at) = times(chance);
    let gigabytes = *chance.pick(&[64, 128, 256]);
    Node {
        id,
        uuid: chance.uuid(),
        public: !chance.percent(10),
        name: name.to_owned(),
        description: Some((*chance.pick(MACHINES)).to_owned()),
        location,
        tags: Vec::new(),
        fqdn: format!("{name}.nodes.simulated.example"),
        scheme: "https".to_owned(),
        behind_proxy: false,
        maintenance_mode: false,
        memory: gigabytes * 1024 - 2048,
        memory_overallocate: *chance.pick(&[0, 10, 25]),
        disk: gigabytes * 14 * 1024,
        disk_overallocate: *chance.pick(&[0, 10]),
        cpu: gigabytes * 25,
        cpu_overallocate: 0,
        upload_size: *chance.pick(&[100, 250, 1024]),
        daemon_listen: 8080,
        daemon_sftp: 2022,
        daemon_base: "/var/lib/pterodactyl/volumes".to_owned(),
        daemon_sftp_alias: None,
        daemon_token_id: chance.token(16),
        daemon_token: chance.token(64),
        unreachable: false,
        numbers_as_text: false,
        extra: Map::new(),
        created_at,
        updated_at,
    }
}

/// Gives each node the machine that its servers need: most are half to nearly full, every seventh has been oversold.
pub(super) fn fit(world: &mut World, spec: &PanelSpec) {
    let mut chance = Chance::fork(spec.seed, "machines");
    let mut sold: BTreeMap<u64, (u64, u64)> = BTreeMap::new();
    for server in world.servers.values() {
        let sum = sold.entry(server.node).or_default();
        sum.0 += server.limits.memory;
        sum.1 += server.limits.disk;
    }
    for (id, (memory, disk)) in sold {
        let Some(node) = world.nodes.get_mut(&id) else { continue };
        let full = if id % 7 == 3 { chance.between(108, 118) } else { chance.between(45, 96) };
        let gibibytes = (memory * 100 / full / 1024).max(8);
        node.memory = gibibytes * 1024;
        node.disk = (disk * 100 / chance.between(30, 80)).max(100 * 1024) / 1024 * 1024;
        node.cpu = gibibytes * 25;
    }
}

fn fill_allocations(world: &mut World, spec: &PanelSpec) {
    let nodes = world.nodes.len() as u64;
    if nodes == 0 {
        return;
    }
    let mut id = 0;
    for node in 1..=nodes {
        let servers_here = (u64::from(spec.servers) + nodes - node) / nodes;
        for nth in 0..u64::from(spec.allocations_per_node).max(servers_here) {
            id += 1;
            let (ip, port) = address(node, nth);
            world.allocations.insert(id, Allocation { id, node, ip, alias: None, port, server: None, notes: None });
        }
    }
}

/// Addresses are filled one after the other, so that id order and address order are the same until somebody adds one by hand.
/// Later addresses sort before earlier ones as text (`.9` after `.10`), which is what real lists look like.
fn address(node: u64, nth: u64) -> (String, u16) {
    const PORTS_PER_ADDRESS: u64 = 500;
    let last = 9 + nth / PORTS_PER_ADDRESS;
    let ip = format!("10.{}.{}.{}", 20 + node / 250, node % 250, last % 250 + 1);
    (ip, (25_565 + nth % PORTS_PER_ADDRESS) as u16)
}
