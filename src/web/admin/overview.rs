//! The first page: is all well, and if not, what is to be done?

use std::collections::BTreeSet;

use actix_web::web::Data;
use askama::Template;
use aviary_domain::mirror::{HistoryQuery, ListQuery, Mirrored, NodeLoad, Page, PanelCounts};
use aviary_domain::sync::SyncQuery;
use aviary_domain::webhooks::Webhooks;
use aviary_kernel::base::Result;
use aviary_kernel::model::{HistoryEntry, JobState, Node, ObjectKey, PanelId, Permission, ServerState, SyncRun};
use aviary_kernel::store::tables::counted;

use super::desk::{Act, Crumb, Desk, Head, Known, Shell};
use super::drift::DriftMemo;
use super::nav::Spot;
use super::nodes::gauges;
use super::panels::{Standing, reach_pill, standings};
use super::servers::state_words;
use super::shown::When;
use super::table::{Empty, Table};
use super::timeline::{about, operation_words, plain};
use super::value::{Gauge, Pill, Value};
use super::well::{Odd, Well};
use super::{shown, syncs};
use crate::allow::{Allow, perm};
use crate::page::{PageResult, html};

#[derive(Template)]
#[template(path = "overview/page.html")]
struct OverviewView {
    shell: Shell,
    head: Head,
    welcome: Option<Empty>,
    well: Well,
    tiles: Vec<Tile>,
    panels: Option<Table>,
    capacity: Option<Vec<Capacity>>,
    nodes: u64,
    changes: Option<Vec<ChangeRow>>,
    syncs: Option<Vec<SyncRow>>,
}

/// A number with what it is made of.
struct Tile {
    title: &'static str,
    count: u64,
    detail: String,
    /// Where to; empty for who may not go there.
    href: &'static str,
    /// Shares of the whole: tone, where it begins, how long it is, in percent.
    parts: Vec<(&'static str, u64, u64)>,
}

impl Tile {
    fn shown(&self) -> String {
        shown::grouped(self.count)
    }
}

/// How full a node is.
struct Capacity {
    name: Value,
    place: String,
    memory: Gauge,
    disk: Gauge,
    free: u64,
}

struct ChangeRow {
    pill: Pill,
    about: Value,
    what: String,
    when: When,
}

struct SyncRow {
    pill: Pill,
    href: String,
    name: String,
    what: String,
    when: When,
}

/// Nodes that are shown.
const NODES: usize = 8;
const CHANGES: usize = 14;
const SYNCS: usize = 6;

/// What one look gave.
struct Seen {
    states: Vec<(ServerState, u64)>,
    capacity: Vec<Capacity>,
    /// Memory that all nodes gave away, and that they have, in MiB.
    memory: (u64, u64),
    changes: Vec<ChangeRow>,
    of_panels: Vec<PanelCounts>,
    /// Objects that are missing and wait for a decision; that is told on its own.
    undecided: u64,
}

/// The page.
pub(super) async fn page(
    _may: Allow<perm::StatsRead>,
    desk: Desk,
    memo: Data<DriftMemo>,
    webhooks: Data<Webhooks>,
) -> PageResult {
    let known = desk.known().await?;
    let hooks: Vec<_> = webhooks.all().await?.into_iter().map(|listed| listed.webhook).collect();
    let standings = standings(&desk, &known).await?;
    let recent = desk.syncs.list(SyncQuery { limit: SYNCS, ..SyncQuery::default() }).await?.runs;
    let overdue = desk.heartbeats.overdue();
    let dead = desk.jobs.counts().await?.in_state(JobState::Dead);
    let seen = desk.look(&known, look).await?;
    let drift = memo.total(&desk.book).await?.saturating_sub(seen.undecided);
    let acts = match known.panels.as_slice() {
        [] => Vec::new(),
        [panel] => vec![Act::link("What changed", "history", "/admin/history"), syncs::sync_now(panel.id)],
        _ => {
            vec![Act::link("What changed", "history", "/admin/history"), Act::link("Panels", "panel", "/admin/panels")]
        }
    };
    let acts = known.offered(acts);
    let view = OverviewView {
        head: Head { title: "Overview".into(), truth: truth(&known, &standings), acts, ..Head::default() },
        welcome: known.panels.is_empty().then(|| welcome(&known)),
        well: Well::new(&known, &standings, &Odd { drift, dead, overdue, hooks }),
        tiles: tiles(&known, &seen.states, seen.memory),
        panels: known.opens("/admin/panels").then(|| panels(&known, &standings, &seen.of_panels)),
        capacity: known.opens("/admin/nodes").then_some(seen.capacity),
        nodes: known.counts.nodes,
        changes: known.opens("/admin/history").then_some(seen.changes),
        syncs: known.opens("/admin/syncs").then(|| recent.iter().map(|run| SyncRow::new(&known, run)).collect()),
        shell: desk.shell(&known, Spot::Overview, vec![Crumb::here("Overview")]),
    };
    html(&view)
}

fn welcome(known: &Known) -> Empty {
    Empty {
        icon: "bird",
        title: "Welcome to Aviary".into(),
        text: "Aviary mirrors your game server panels, remembers every change, and tells you when something does not fit. Add the first panel to begin: you need its address and an API key that may read."
            .into(),
        acts: known.ways(vec![("Add a panel", "/admin/panels/new".into())]),
    }
}

fn truth(known: &Known, standings: &[Standing]) -> Vec<Value> {
    if known.panels.is_empty() {
        return Vec::new();
    }
    let mut truth = vec![Value::Text(shown::counted(known.panels.len() as u64, "panel", "panels"))];
    truth.extend(known.truth(None));
    if let [standing] = standings {
        truth.push(standing.next.said(known));
    }
    truth
}

fn look(page: &Page<'_>, known: &Known) -> Result<Seen> {
    let count = |state: ServerState| {
        known.panels.iter().map(|panel| page.count(counted::SERVER_STATE, panel.id, state as u64)).sum::<Result<u64>>()
    };
    let states = ServerState::ALL.into_iter().map(|state| Ok((state, count(state)?))).collect::<Result<_>>()?;
    let history = page.history(&HistoryQuery { limit: CHANGES, ..HistoryQuery::default() })?;
    let of_panels = known.panels.iter().map(|panel| page.counts(Some(panel.id))).collect::<Result<_>>()?;
    let changes = history.entries.iter().map(|entry| ChangeRow::new(known, entry)).collect();
    let (capacity, memory) = capacity(page, known)?;
    Ok(Seen { states, capacity, memory, changes, of_panels, undecided: undecided(page, known)? })
}

fn undecided(page: &Page<'_>, known: &Known) -> Result<u64> {
    let mut waiting = BTreeSet::new();
    for stop in &known.stops {
        for removal in &stop.removals {
            waiting.extend(removal.ids.iter().map(|id| (stop.panel, removal.kind, *id)));
        }
    }
    let mut missing = 0;
    for (panel, kind, id) in waiting {
        missing += u64::from(page.missing(ObjectKey { panel, kind, id })?.is_some());
    }
    Ok(missing)
}

/// The fullest nodes, and the memory of all: what is given away and what there is.
fn capacity(page: &Page<'_>, known: &Known) -> Result<(Vec<Capacity>, (u64, u64))> {
    let all = page.list::<Node>(&ListQuery { limit: 1000, ..ListQuery::default() })?;
    let sum = |pick: fn(&Node) -> i64| {
        all.rows.iter().map(|(_, row)| pick(&row.data).max(0).unsigned_abs()).fold(0, u64::saturating_add)
    };
    let memory = (sum(|node| node.allocated_resources.memory), sum(|node| node.memory));
    let mut nodes: Vec<_> = all.rows.into_iter().map(|(panel, row)| (fullness(&row.data), panel, row)).collect();
    nodes.sort_by_key(|(fullness, ..)| std::cmp::Reverse(*fullness));
    nodes.truncate(NODES);
    let capacity =
        nodes.into_iter().map(|(_, panel, row)| Capacity::new(page, known, panel, &row)).collect::<Result<_>>()?;
    Ok((capacity, memory))
}

/// The larger of the two shares, in percent.
fn fullness(node: &Node) -> u64 {
    gauges(node).into_iter().filter_map(|gauge| gauge.percent).max().unwrap_or(0)
}

impl Capacity {
    fn new(page: &Page<'_>, known: &Known, panel: PanelId, row: &Mirrored<Node>) -> Result<Self> {
        let node = &row.data;
        let NodeLoad { allocations, assigned, .. } = page.load(panel, node.id)?;
        let location = node
            .location_id
            .map(|id| page.relative::<aviary_kernel::model::Location>(panel, id))
            .transpose()?
            .flatten();
        let [memory, disk] = gauges(node);
        Ok(Self {
            name: known.link(shown::name(&node.name), format!("/admin/nodes/{panel}/{}", node.id)),
            place: match location {
                Some(location) => shown::short(&location.label, 30),
                None if known.several() => known.panel_name(panel),
                None => String::new(),
            },
            memory,
            disk,
            free: allocations.saturating_sub(assigned),
        })
    }

    fn free_words(&self) -> String {
        format!("{} free", shown::counted(self.free, "port", "ports"))
    }
}

impl ChangeRow {
    fn new(known: &Known, entry: &HistoryEntry) -> Self {
        let (tone, word) = operation_words(entry.operation);
        let tone = if tone == "info" { "" } else { tone };
        let what = match entry.fields.as_slice() {
            [only] if word == "Changed" => match (&only.old, &only.new) {
                (Some(old), Some(new)) => {
                    format!("{} {} → {}", only.field, shown::short(&plain(old), 24), shown::short(&plain(new), 24))
                }
                _ => only.field.clone(),
            },
            [] => String::new(),
            many if word == "Changed" => format!("{} and {} more", many[0].field, many.len() - 1),
            _ => String::new(),
        };
        let noun = entry.object.kind.noun();
        let what = if what.is_empty() { noun.to_owned() } else { format!("{noun}: {what}") };
        Self {
            pill: Pill::new(tone, word.to_lowercase()),
            about: about(known, entry),
            what: shown::short(&what, 90),
            when: known.when(entry.at),
        }
    }
}

impl SyncRow {
    fn new(known: &Known, run: &SyncRun) -> Self {
        let totals = run.totals();
        let changed = totals.created + totals.updated + totals.removed;
        let changes =
            if changed == 0 { "nothing changed".into() } else { shown::counted(changed, "change", "changes") };
        Self {
            pill: syncs::pill(run),
            href: format!("/admin/syncs/{}", run.id),
            name: known.panel_name(run.panel),
            what: format!("{changes}, {}", shown::counted(run.requests, "request", "requests")),
            when: known.when(run.created_at),
        }
    }
}

fn tiles(known: &Known, states: &[(ServerState, u64)], (given, has): (u64, u64)) -> Vec<Tile> {
    let counts = &known.counts;
    let share = |n: u64, of: u64| if n == 0 { 0 } else { shown::percent(n, of).unwrap_or(0).clamp(1, 100) };
    let mut at = 0;
    let mut parts = Vec::new();
    for (state, n) in states.iter().filter(|(_, n)| *n > 0) {
        let width = share(*n, counts.servers).min(100 - at);
        let tone = state_words(*state).0;
        parts.push((if tone.is_empty() { "soft" } else { tone }, at, width));
        at += width;
    }
    let odd: Vec<_> = states
        .iter()
        .filter(|(state, n)| *state != ServerState::Normal && *n > 0)
        .map(|(state, n)| format!("{} {}", shown::grouped(*n), state_words(*state).1.to_lowercase()))
        .collect();
    let free = counts.allocations.saturating_sub(counts.assigned_allocations);
    let none = |n: u64, text: String| if n == 0 { String::new() } else { text };
    let mut tiles = vec![
        Tile {
            title: "Servers",
            count: counts.servers,
            detail: if odd.is_empty() { none(counts.servers, "all in normal state".into()) } else { odd.join(", ") },
            href: "/admin/servers",
            parts,
        },
        Tile {
            title: "Panel users",
            count: counts.users,
            detail: none(counts.users, shown::counted(counts.admins, "admin", "admins")),
            href: "/admin/users",
            parts: vec![("info", 0, share(counts.admins, counts.users))],
        },
        Tile {
            title: "Free allocations",
            count: free,
            detail: none(
                counts.allocations,
                format!(
                    "{} % of {} in use",
                    100 - shown::percent(free, counts.allocations).unwrap_or(0),
                    shown::grouped(counts.allocations)
                ),
            ),
            href: "/admin/allocations?use=free",
            parts: vec![("", 0, share(counts.assigned_allocations, counts.allocations))],
        },
        Tile {
            title: "Nodes",
            count: counts.nodes,
            detail: match shown::percent(given, has) {
                Some(percent) => format!("{percent} % of their memory given away"),
                None => String::new(),
            },
            href: "/admin/nodes",
            parts: vec![(if given > has { "bad" } else { "" }, 0, share(given, has))],
        },
    ];
    for tile in &mut tiles {
        if !known.opens(tile.href) {
            tile.href = "";
        }
    }
    tiles
}

fn panels(known: &Known, standings: &[Standing], counts: &[PanelCounts]) -> Table {
    let rows = standings.iter().zip(counts).map(|(standing, counts)| {
        let panel = &standing.panel;
        let last = standing.last.as_ref();
        vec![
            known.name(panel.name.clone(), format!("/admin/panels/{}", panel.id)),
            Value::Pill(reach_pill(panel)),
            match last {
                _ if !known.may(Permission::SyncRead) => Value::Nothing,
                None => Value::Muted("never".into()),
                Some(run) => Value::Many(vec![Value::Pill(syncs::pill(run)), Value::When(known.when(run.created_at))]),
            },
            standing.next.value(known),
            known.count(counts.servers, format!("/admin/servers?panel={}", panel.id)),
            known.count(counts.missing, format!("/admin/drift?panel={}&kind=vanished", panel.id)),
        ]
    });
    Table::plain("Panels", &["Panel", "State", "Last sync", "Next sync", "#Servers", "#Missing"], rows.collect())
}
