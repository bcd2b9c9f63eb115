//! Users. The first one is the administrator who owns the spec's keys.

use super::times;
use crate::Chance;
use crate::panel::spec::PanelSpec;
use crate::panel::world::{User, World};

const FIRST: &[&str] = &[
    "Tobe", "Sanna", "Yuto", "Ines", "Marek", "Lena", "Arjun", "Chloe", "Diego", "Freya", "Hassan", "Ivana", "Jonas",
    "Keiko", "Luca", "Maya", "Nils", "Olga", "Pavel", "Quinn", "Rosa", "Samir", "Tilda", "Viktor", "Wanda", "Zoe",
];
const LAST: &[&str] = &[
    "Okafor",
    "Lindqvist",
    "Hayashi",
    "Varga",
    "Nowak",
    "Brandt",
    "Mehta",
    "Moreau",
    "Santos",
    "Dahl",
    "Karimi",
    "Horvat",
    "Meyer",
    "Tanaka",
    "Ricci",
    "Cohen",
    "Berg",
    "Petrova",
    "Novak",
    "Abbott",
    "Castillo",
    "Nasser",
    "Ek",
    "Orlov",
    "Zielinska",
];
const HOSTS: &[&str] = &["mail.example", "post.example", "inbox.example", "players.example"];

/// Fills the table.
pub(super) fn fill(world: &mut World, spec: &PanelSpec) {
    let mut chance = Chance::fork(spec.seed, "users");
    for id in 1..=u64::from(spec.users.max(1)) {
        let row = if id == 1 { administrator(&mut chance) } else { user(id, &mut chance) };
        world.users.insert(id, row);
    }
}

fn administrator(chance: &mut Chance) -> User {
    let row = user(1, chance);
    User {
        external_id: None,
        username: "harbourmaster".to_owned(),
        email: "ops@simulated.example".to_owned(),
        root_admin: true,
        two_factor: true,
        ..row
    }
}

/// A normal user; the id in the names keeps them unique.
fn user(id: u64, chance: &mut Chance) -> User {
    let (first, last) = (*chance.pick(FIRST), *chance.pick(LAST));
    let (created_at, updated_at) = times(chance);
    let username = format!("{}.{}{id}", first[..1].to_lowercase(), last.to_lowercase());
    User {
        id,
        external_id: chance.percent(70).then(|| format!("crm-{}", 10_000 + id)),
        uuid: chance.uuid(),
        email: format!("{}.{}.{id}@{}", first.to_lowercase(), last.to_lowercase(), chance.pick(HOSTS)),
        username,
        first_name: Some(first.to_owned()),
        last_name: Some(last.to_owned()),
        language: "en".to_owned(),
        root_admin: false,
        admin_role: false,
        two_factor: chance.percent(20),
        managed_externally: false,
        created_at,
        updated_at,
    }
}
