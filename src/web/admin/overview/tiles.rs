//! The numbers at the head of the overview.

use aviary_domain::mirror::{Capacity, Lately};
use aviary_kernel::model::ServerState;

use super::super::chart::{Part, Spark, Stack};
use super::super::desk::Known;
use super::super::servers::state_words;
use super::super::shown;
use super::super::value::Value;

/// A number with what it is made of.
pub(super) struct Tile {
    pub(super) title: &'static str,
    pub(super) number: Value,
    pub(super) detail: Vec<Value>,
    pub(super) stack: Option<Stack>,
    pub(super) spark: Option<Spark>,
}

pub(super) fn tiles(
    known: &Known,
    states: &[(ServerState, u64)],
    capacity: &Capacity,
    lately: Option<&Lately>,
) -> Vec<Tile> {
    let mut tiles = vec![servers(known, states), users(known), allocations(known)];
    tiles.push(match lately {
        Some(lately) => changes(known, lately),
        None => nodes(known, capacity),
    });
    tiles
}

fn part(known: &Known, tone: &'static str, text: &str, count: u64, href: &str) -> Part {
    Part { tone, text: text.into(), count, value: known.count(count, href.into()) }
}

fn tile(title: &'static str, number: Value) -> Tile {
    Tile { title, number, detail: Vec::new(), stack: None, spark: None }
}

fn servers(known: &Known, states: &[(ServerState, u64)]) -> Tile {
    let parts = states.iter().map(|(state, n)| {
        let (tone, words) = state_words(*state);
        let tone = match tone {
            "fine" => "",
            "" => "soft",
            tone => tone,
        };
        part(known, tone, words, *n, &format!("/admin/servers?state={}", state.word()))
    });
    let number = known.count(known.counts.servers, "/admin/servers".into());
    let stack = (known.counts.servers > 0).then(|| Stack::new("Servers by state", parts.collect()));
    Tile { stack, ..tile("Servers", number) }
}

fn users(known: &Known) -> Tile {
    let counts = &known.counts;
    let detail = (counts.users > 0).then(|| Value::Text(shown::counted(counts.admins, "admin", "admins")));
    let subusers = (counts.subusers > 0).then(|| {
        Value::Text(format!("{} to servers of others", shown::counted(counts.subusers, "access", "accesses")))
    });
    Tile {
        detail: detail.into_iter().chain(subusers).collect(),
        ..tile("Panel users", known.count(counts.users, "/admin/users".into()))
    }
}

fn allocations(known: &Known) -> Tile {
    let counts = &known.counts;
    let free = counts.allocations.saturating_sub(counts.assigned_allocations);
    let parts = vec![
        part(known, "", "In use", counts.assigned_allocations, "/admin/allocations?use=assigned"),
        part(known, "soft", "Free", free, "/admin/allocations?use=free"),
    ];
    let stack = (counts.allocations > 0).then(|| Stack::new("Allocations by use", parts));
    Tile { stack, ..tile("Allocations", known.count(counts.allocations, "/admin/allocations".into())) }
}

fn nodes(known: &Known, capacity: &Capacity) -> Tile {
    let percent = capacity.total.memory.percent();
    let detail = percent.map(|percent| Value::Text(format!("{percent} % of their memory given away")));
    let number = known.count(known.counts.nodes, "/admin/nodes".into());
    Tile { detail: detail.into_iter().collect(), ..tile("Nodes", number) }
}

fn changes(known: &Known, lately: &Lately) -> Tile {
    let hours: Vec<_> = lately.by_hour(known.now).into_iter().map(|(_, n)| n).collect();
    let most = hours.iter().max().copied().unwrap_or(0);
    let label = format!("Changes hour by hour since yesterday, at most {} in one hour", shown::grouped(most));
    let number = known.count(lately.total(), super::since_yesterday(lately, &[]));
    Tile {
        detail: vec![Value::Text("since this time yesterday".into())],
        spark: Spark::new(label, &hours),
        ..tile("Changes seen", number)
    }
}
