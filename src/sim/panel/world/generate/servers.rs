//! Servers with their values and allocations.

use std::collections::BTreeMap;

use super::times;
use crate::Chance;
use crate::panel::spec::PanelSpec;
use crate::panel::world::{Egg, FeatureLimits, Limits, Power, Server, World};

const WORDS: &[&str] = &[
    "Reef", "Ember", "Frost", "Cedar", "Comet", "Harbour", "Lantern", "Meadow", "Nebula", "Onyx", "Pine", "Quartz",
    "Raven", "Saffron", "Thunder", "Umbra", "Violet", "Willow", "Zephyr", "Amber", "Basalt", "Copper", "Drift", "Echo",
];
const PLAY: &[&str] =
    &["Survival", "Creative", "Skyblock", "Arena", "Hub", "Roleplay", "Test", "Bot", "Lobby", "Racing"];
const MEMORY: &[u64] = &[1024, 2048, 4096, 6144, 8192, 12_288, 16_384];

/// Fills the tables.
pub(super) fn fill(world: &mut World, spec: &PanelSpec) {
    let mut chance = Chance::fork(spec.seed, "servers");
    let (users, nodes, eggs) = (world.users.len() as u64, world.nodes.len() as u64, world.eggs.len() as u64);
    for id in 1..=u64::from(spec.servers) {
        let egg = &world.eggs[&(chance.below(eggs) + 1)];
        let mut row = server(id, egg, &mut chance);
        // The administrator owns none, as long as there is somebody else.
        row.user = if users > 1 { chance.between(2, users) } else { 1 };
        row.node = (id - 1) % nodes + 1;
        world.servers.insert(id, row);
    }
    hand_out_allocations(world, &mut chance);
}

fn server(id: u64, egg: &Egg, chance: &mut Chance) -> Server {
    let (created_at, updated_at) = times(chance);
    let memory = *chance.pick(MEMORY);
    let word = *chance.pick(WORDS);
    let running = chance.percent(60);
    Server {
        id,
        external_id: chance.percent(60).then(|| format!("svc-{}", 80_000 + id)),
        uuid: chance.uuid(),
        name: format!("{word} {} {id}", chance.pick(PLAY)),
        description: chance.percent(40).then(|| format!("{word} community world")),
        status: None,
        transferring: false,
        limits: limits(memory, chance),
        feature_limits: FeatureLimits {
            databases: Some(chance.below(4)),
            allocations: Some(chance.between(1, 4)),
            backups: chance.below(5),
        },
        user: 1,
        node: 1,
        allocation: None,
        egg: egg.id,
        startup: egg.startup_commands.first().map(|(_, command)| command.clone()).unwrap_or_default(),
        image: egg.docker_images.first().map(|(_, image)| image.clone()).unwrap_or_default(),
        values: values(egg, chance),
        repeats_a_variable: false,
        power: if running { Power::Running } else { Power::Offline },
        power_since: updated_at,
        created_at,
        updated_at,
    }
}

fn limits(memory: u64, chance: &mut Chance) -> Limits {
    Limits {
        memory,
        swap: 0,
        disk: memory * 5,
        io: 500,
        cpu: chance.between(1, 6) * 100,
        threads: None,
        oom_disabled: chance.percent(50),
    }
}

fn values(egg: &Egg, chance: &mut Chance) -> BTreeMap<u64, String> {
    let value = |variable: &crate::panel::world::EggVariable, chance: &mut Chance| {
        let secret = !variable.user_viewable && chance.percent(80);
        if secret { format!("sk-sim-{}", chance.token(28)) } else { variable.default_value.clone() }
    };
    egg.variables.iter().map(|variable| (variable.id, value(variable, chance))).collect()
}

/// Free allocations that stay on each node, for those who come later.
const KEPT_FREE: usize = 4;

/// First one allocation for everybody, then a second and third for some, as far as there are any.
fn hand_out_allocations(world: &mut World, chance: &mut Chance) {
    let mut free: BTreeMap<u64, std::vec::IntoIter<u64>> = BTreeMap::new();
    for node in world.nodes.keys() {
        let ids: Vec<u64> = world.allocations.values().filter(|a| a.node == *node).map(|a| a.id).collect();
        free.insert(*node, ids.into_iter());
    }
    for round in 0..3 {
        for server in world.servers.values_mut() {
            if round > 0 && !chance.percent(30) {
                continue;
            }
            let Some(left) = free.get_mut(&server.node).filter(|left| round == 0 || left.len() > KEPT_FREE) else {
                continue;
            };
            let Some(id) = left.next() else { continue };
            let Some(allocation) = world.allocations.get_mut(&id) else { continue };
            allocation.server = Some(server.id);
            if round == 0 {
                server.allocation = Some(id);
            } else if chance.percent(40) {
                allocation.notes = Some("query port".to_owned());
            }
        }
    }
}
