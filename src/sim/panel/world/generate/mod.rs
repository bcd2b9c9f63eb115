//! Builds a world from a spec. Every table has its own stream of chance: more users do not change the nodes.

mod eggs;
mod extras;
mod people;
mod places;
mod servers;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::Timestamp;

pub(super) use eggs::egg;
pub(super) use places::node;

use super::{ApiKey, KeyKind, Levels, World};
use crate::Chance;
use crate::panel::spec::PanelSpec;

/// 2023-01-01T00:00:00Z: nothing is older than the panel.
const OPENED: i64 = 1_672_531_200;
/// 2025-09-01T00:00:00Z: nothing generated is younger.
const NEWEST: i64 = 1_756_684_800;

impl World {
    /// The world of a spec.
    pub(crate) fn generate(spec: &PanelSpec) -> World {
        let mut world = World {
            dialect: spec.dialect,
            locations: BTreeMap::new(),
            nodes: BTreeMap::new(),
            allocations: BTreeMap::new(),
            nests: BTreeMap::new(),
            eggs: BTreeMap::new(),
            users: BTreeMap::new(),
            servers: BTreeMap::new(),
            subusers: BTreeMap::new(),
            database_hosts: BTreeMap::new(),
            databases: BTreeMap::new(),
            backups: BTreeMap::new(),
            schedules: BTreeMap::new(),
            activity: Vec::new(),
            keys: keys(spec),
            broken: BTreeSet::new(),
            requires_two_factor: false,
            editable_descriptions: true,
            utc_offset_minutes: 0,
            issued: HashMap::new(),
            keys_made: 0,
            clock: spec.clock.clone(),
        };
        places::fill(&mut world, spec);
        eggs::fill(&mut world, spec);
        people::fill(&mut world, spec);
        servers::fill(&mut world, spec);
        places::fit(&mut world, spec);
        extras::fill(&mut world, spec);
        if spec.awkward {
            world.make_awkward();
        }
        world
    }
}

fn keys(spec: &PanelSpec) -> Vec<ApiKey> {
    let key = |token: &str, kind, description: &str| ApiKey {
        token: token.to_owned(),
        kind,
        user: 1,
        description: Some(description.to_owned()),
        allowed_ips: Vec::new(),
        expires_at: None,
        created_at: at(OPENED),
    };
    vec![
        key(&spec.app_key, KeyKind::Application(Levels::all(3)), "mirror"),
        key(&spec.client_key, KeyKind::Account, "operations"),
    ]
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// A made and a changed time, in that order.
fn times(chance: &mut Chance) -> (Timestamp, Timestamp) {
    let made = OPENED + chance.below((NEWEST - OPENED) as u64) as i64;
    let changed = made + chance.below((NEWEST - made).max(1) as u64) as i64;
    (at(made), at(changed))
}
