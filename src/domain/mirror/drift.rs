use std::collections::{BTreeMap, HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, PoisonError};

use aviary_kernel::base::Result;
use aviary_kernel::model::{
    Allocation, Drift, DriftKind, Egg, Kind, Location, Nest, Node, ObjectKey, PanelId, RemoteId, Server,
    ServerDatabase, Subuser, User,
};
use aviary_kernel::store::rows::Mirror;
use aviary_kernel::store::tables::{ALLOCATIONS_BY_NODE, MISSING, counted};
use aviary_kernel::store::{Counter, Direction, Key, Read, Span};
use serde::Serialize;

use super::PanelCounts;
use super::counts::panels;

/// What does not fit together.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DriftReport {
    /// At most [`DriftReport::MOST`] findings of each kind.
    pub findings: Vec<Drift>,
    /// How many there are of each kind in all.
    pub totals: BTreeMap<String, u64>,
}

impl DriftReport {
    /// Findings of one kind that are listed; the rest is only counted.
    pub const MOST: u64 = 500;

    fn add(&mut self, kind: DriftKind, object: ObjectKey, label: String, what: String) {
        let total = self.totals.entry(kind.word().to_owned()).or_default();
        *total += 1;
        if *total <= Self::MOST {
            self.findings.push(Drift { kind, object, label, what });
        }
    }

    fn orphan<T: Mirror, P: Mirror>(&mut self, panel: PanelId, id: RemoteId, label: String, parent: RemoteId) {
        let object = ObjectKey { panel, kind: T::KIND, id };
        let what = format!("its {}, {parent}, is not in the mirror", P::KIND.noun());
        self.add(DriftKind::Orphan, object, label, what);
    }

    /// How many findings there are in all.
    pub fn total(&self) -> u64 {
        self.totals.values().sum()
    }
}

/// What does not fit together on one panel.
pub(crate) fn drift_of(reader: &impl Read, panel: PanelId) -> Result<DriftReport> {
    report(reader, Some(panel))
}

/// Reports, kept until something changes: they take a walk over all servers.
#[derive(Default)]
pub(super) struct Memo(Mutex<HashMap<Option<PanelId>, Made>>);

/// A report, and what it was made from.
struct Made {
    from: Stand,
    report: Arc<DriftReport>,
}

/// What a report was made from. Every change of a row leaves an entry in the history, and every row that comes or goes is counted; what
/// is missing leaves neither.
#[derive(PartialEq, Eq)]
struct Stand {
    counts: PanelCounts,
    changes: u64,
    missing: u64,
}

impl Stand {
    fn of(reader: &impl Read, panel: Option<PanelId>) -> Result<Self> {
        let mut missing = DefaultHasher::new();
        let span = panel.map_or_else(Span::all, |panel| Span::prefix(&panel));
        reader.walk_bytes(MISSING.name(), &span, Direction::Up, &mut |key, value| {
            (key, value).hash(&mut missing);
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(Self {
            counts: panel.map_or_else(|| PanelCounts::of_all(reader), |panel| PanelCounts::of(reader, panel))?,
            changes: reader.last_number("history")?,
            missing: missing.finish(),
        })
    }
}

impl Memo {
    /// What does not fit together in this snapshot.
    pub(super) fn report(&self, reader: &impl Read, panel: Option<PanelId>) -> Result<Arc<DriftReport>> {
        let stand = Stand::of(reader, panel)?;
        let kept = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(made) = kept().get(&panel).filter(|made| made.from == stand) {
            return Ok(made.report.clone());
        }
        let report = Arc::new(report(reader, panel)?);
        let there = panels(reader)?;
        let is_there = |panel: &Option<PanelId>| panel.is_none_or(|panel| there.contains(&panel));
        let mut kept = kept();
        kept.retain(|panel, _| is_there(panel));
        if is_there(&panel) {
            kept.insert(panel, Made { from: stand, report: report.clone() });
        }
        Ok(report)
    }
}

fn report(reader: &impl Read, panel: Option<PanelId>) -> Result<DriftReport> {
    let mut report = DriftReport::default();
    let span = panel.map_or_else(Span::all, |panel| Span::prefix(&panel));
    vanished(reader, &span, &mut report)?;
    let loads = servers(reader, &span, &mut report)?;
    nodes(reader, &span, &loads, &mut report)?;
    eggs(reader, &span, &mut report)?;
    allocations(reader, &span, &mut report)?;
    orphans::<ServerDatabase, Server>(reader, &span, |row| Some(row.server_id), &mut report)?;
    orphans::<Subuser, Server>(reader, &span, |row| Some(row.server_id), &mut report)?;
    orphans::<Subuser, User>(reader, &span, |row| Some(row.user_id), &mut report)?;
    orphans::<Egg, Nest>(reader, &span, |row| row.nest_id, &mut report)?;
    orphans::<Node, Location>(reader, &span, |row| row.location_id, &mut report)?;
    report.findings.sort_by_key(|drift| DriftKind::ALL.iter().position(|kind| *kind == drift.kind));
    Ok(report)
}

fn vanished(reader: &impl Read, span: &Span, report: &mut DriftReport) -> Result<()> {
    reader.walk(MISSING, span, Direction::Up, |object, missing| {
        let what = format!("not in the panel's list since {}, but not confirmed gone", missing.since);
        report.add(DriftKind::Vanished, object, object.to_string(), what);
        Ok(ControlFlow::Continue(()))
    })
}

/// What the servers of a node may use together.
#[derive(Default)]
struct Load {
    memory: i64,
    disk: i64,
}

type Loads = BTreeMap<(PanelId, RemoteId), Load>;

fn servers(reader: &impl Read, span: &Span, report: &mut DriftReport) -> Result<Loads> {
    let mut loads = Loads::new();
    let mut known = Known::default();
    reader.walk(Server::table(), span, Direction::Up, |(panel, id), row| {
        let server = row.data;
        let load = loads.entry((panel, server.node_id)).or_default();
        load.memory = load.memory.saturating_add(server.limits.memory.max(0));
        load.disk = load.disk.saturating_add(server.limits.disk.max(0));
        let object = ObjectKey { panel, kind: Kind::Server, id };
        if !known.has::<User>(reader, panel, server.user_id)? {
            let what = format!("its owner, user {}, is not in the mirror", server.user_id);
            report.add(DriftKind::NoOwner, object, server.name.clone(), what);
        }
        if !known.has::<Node>(reader, panel, server.node_id)? {
            let what = format!("its node, {}, is not in the mirror", server.node_id);
            report.add(DriftKind::Orphan, object, server.name.clone(), what);
        }
        if !known.has::<Egg>(reader, panel, server.egg_id)? {
            let what = format!("its egg, {}, is not in the mirror", server.egg_id);
            report.add(DriftKind::Orphan, object, server.name, what);
        }
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(loads)
}

/// Remembers which parents are there, so that each is looked up once.
#[derive(Default)]
struct Known(HashSet<(PanelId, Kind, RemoteId)>);

impl Known {
    fn has<T: Mirror>(&mut self, reader: &impl Read, panel: PanelId, id: RemoteId) -> Result<bool> {
        if self.0.contains(&(panel, T::KIND, id)) {
            return Ok(true);
        }
        let there = reader.get(T::table(), &(panel, id))?.is_some();
        if there {
            self.0.insert((panel, T::KIND, id));
        }
        Ok(there)
    }
}

fn nodes(reader: &impl Read, span: &Span, loads: &Loads, report: &mut DriftReport) -> Result<()> {
    reader.walk(Node::table(), span, Direction::Up, |(panel, id), row| {
        let node = row.data;
        let object = ObjectKey { panel, kind: Kind::Node, id };
        if let Some(load) = loads.get(&(panel, id)) {
            let pairs = [
                ("memory", load.memory, node.memory, node.memory_overallocate),
                ("disk", load.disk, node.disk, node.disk_overallocate),
            ];
            for (what, used, has, extra) in pairs {
                if let Some(allowed) = allowed(has, extra).filter(|allowed| used > *allowed) {
                    let text =
                        format!("its servers may use {} of {what}, it has {} to give", size(used), size(allowed));
                    report.add(DriftKind::OverAllocated, object, node.name.clone(), text);
                }
            }
        }
        Ok(ControlFlow::Continue(()))
    })
}

/// A size in MiB, for people.
fn size(mib: i64) -> String {
    match mib {
        0..1024 => format!("{mib} MiB"),
        _ if mib % 1024 == 0 => format!("{} GiB", mib / 1024),
        _ => format!("{:.1} GiB", mib as f64 / 1024.0),
    }
}

/// What a node may give away: -1 percent extra means that the panel does not check.
fn allowed(has: i64, extra_percent: i64) -> Option<i64> {
    (extra_percent >= 0).then(|| has.saturating_add(has.saturating_mul(extra_percent) / 100))
}

fn eggs(reader: &impl Read, span: &Span, report: &mut DriftReport) -> Result<()> {
    reader.walk(Egg::table(), span, Direction::Up, |(panel, id), row| {
        if reader.count(Counter { what: counted::EGG_SERVERS, panel, of: id })? == 0 {
            let object = ObjectKey { panel, kind: Kind::Egg, id };
            report.add(DriftKind::UnusedEgg, object, row.data.name, "no server uses it".into());
        }
        Ok(ControlFlow::Continue(()))
    })
}

/// Allocations of nodes that are not there. Of each node only the first is looked at, unless the node is missing.
fn allocations(reader: &impl Read, span: &Span, report: &mut DriftReport) -> Result<()> {
    let mut known = Known::default();
    let mut rest = span.clone();
    loop {
        let mut first = None;
        reader.walk_index(ALLOCATIONS_BY_NODE, &rest, Direction::Up, |(panel, node, ..)| {
            first = Some((panel, node));
            Ok(ControlFlow::Break(()))
        })?;
        let Some((panel, node)) = first else { return Ok(()) };
        let of_node = Span::prefix(&(panel, node));
        if !known.has::<Node>(reader, panel, node)? {
            reader.walk_index(ALLOCATIONS_BY_NODE, &of_node, Direction::Up, |(.., id)| {
                let label = reader.get(Allocation::table(), &(panel, id))?.map(|row| row.data.label());
                report.orphan::<Allocation, Node>(panel, id, label.unwrap_or_default(), node);
                Ok(ControlFlow::Continue(()))
            })?;
        }
        rest = rest.after(&(panel, node, u128::MAX, u16::MAX, RemoteId::MAX).to_bytes(), Direction::Up);
    }
}

fn orphans<T: Mirror, P: Mirror>(
    reader: &impl Read,
    span: &Span,
    parent: impl Fn(&T) -> Option<RemoteId>,
    report: &mut DriftReport,
) -> Result<()> {
    let mut known = Known::default();
    reader.walk(T::table(), span, Direction::Up, |(panel, id), row| {
        if let Some(of) = parent(&row.data)
            && !known.has::<P>(reader, panel, of)?
        {
            report.orphan::<T, P>(panel, id, row.data.label(), of);
        }
        Ok(ControlFlow::Continue(()))
    })
}
