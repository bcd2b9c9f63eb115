use std::collections::BTreeMap;
use std::ops::ControlFlow;

use aviary_kernel::base::Result;
use aviary_kernel::model::{Location, Node, PanelId, RemoteId};
use aviary_kernel::store::rows::Mirror;
use aviary_kernel::store::{Direction, Read, Span};
use serde::Serialize;

use super::NodeLoad;

/// How much of something is given away, as the panel counts it. Sizes are in MiB.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Share {
    /// What the limits of the servers add up to.
    pub given: u64,
    /// What is there; none = the panel sets no limit.
    pub has: Option<u64>,
    /// What may be given away: what is there and as much more as the panel allows. None = as much as one likes.
    pub may: Option<u64>,
}

impl Share {
    /// Of the panel's numbers: 0 and less is no limit, and so is less than 0 percent more.
    pub fn new(given: i64, has: i64, extra_percent: i64) -> Self {
        let has = u64::try_from(has).ok().filter(|has| *has > 0);
        let extra = u64::try_from(extra_percent).ok();
        let may = has.zip(extra).map(|(has, extra)| has.saturating_add(has.saturating_mul(extra) / 100));
        Self { given: given.max(0).unsigned_abs(), has, may }
    }

    /// In percent of what is there; none where there is no limit.
    pub fn percent(&self) -> Option<u64> {
        let has = u128::from(self.has?);
        u64::try_from((u128::from(self.given) * 100 + has / 2).checked_div(has)?).ok()
    }

    /// How much more is given away than may be.
    pub fn beyond(&self) -> u64 {
        self.may.map_or(0, |may| self.given.saturating_sub(may))
    }

    /// How much can still be given away; none = as much as one likes.
    pub fn left(&self) -> Option<u64> {
        self.may.map(|may| may.saturating_sub(self.given))
    }

    /// Both together; without a limit if one of them has none.
    #[must_use]
    fn with(self, other: Self) -> Self {
        let sum = |a: Option<u64>, b: Option<u64>| a.zip(b).map(|(a, b)| a.saturating_add(b));
        Self {
            given: self.given.saturating_add(other.given),
            has: sum(self.has, other.has),
            may: sum(self.may, other.may),
        }
    }
}

/// How full something is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Fullness {
    /// Memory.
    pub memory: Share,
    /// Disk.
    pub disk: Share,
    /// Servers, allocations, and those that servers use.
    pub load: NodeLoad,
}

impl Fullness {
    /// How urgent it is to look at it: first what gave away too much, then what is fullest.
    fn urgency(&self) -> (bool, u64) {
        let beyond = self.memory.beyond() > 0 || self.disk.beyond() > 0;
        (beyond, self.memory.percent().max(self.disk.percent()).unwrap_or(0))
    }

    /// Both together.
    #[must_use]
    pub fn with(self, other: &Self) -> Self {
        let (a, b) = (self.load, other.load);
        Self {
            memory: self.memory.with(other.memory),
            disk: self.disk.with(other.disk),
            load: NodeLoad {
                servers: a.servers + b.servers,
                allocations: a.allocations + b.allocations,
                assigned: a.assigned + b.assigned,
            },
        }
    }
}

/// A node, or the nodes of a location.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The panel.
    pub panel: PanelId,
    /// The panel's number of it.
    pub id: RemoteId,
    /// What it is called.
    pub name: String,
    /// Of a node: what its location is called.
    pub within: Option<String>,
    /// How many nodes it is.
    pub nodes: u64,
    /// How full it is.
    pub fullness: Fullness,
}

/// How full all nodes are, and the locations that they stand at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Capacity {
    /// The nodes: first those that want a look.
    pub nodes: Vec<Place>,
    /// Locations that have nodes, in the same order. Panels of the Pelican kind have none.
    pub locations: Vec<Place>,
    /// All nodes together.
    pub total: Fullness,
    /// Nodes that gave away more than they may.
    pub over: u64,
}

/// How full a node is.
pub(super) fn of_node(reader: &impl Read, panel: PanelId, node: &Node) -> Result<Fullness> {
    let given = &node.allocated_resources;
    Ok(Fullness {
        memory: Share::new(given.memory, node.memory, node.memory_overallocate),
        disk: Share::new(given.disk, node.disk, node.disk_overallocate),
        load: NodeLoad::of(reader, panel, node.id)?,
    })
}

/// Looks at every node.
pub(super) fn of_all(reader: &impl Read) -> Result<Capacity> {
    let mut capacity = Capacity::default();
    let mut locations: BTreeMap<(PanelId, RemoteId), Place> = BTreeMap::new();
    reader.walk(Node::table(), &Span::all(), Direction::Up, |(panel, id), row| {
        let fullness = of_node(reader, panel, &row.data)?;
        let within = match row.data.location_id {
            None => None,
            Some(location) => Some(match locations.get_mut(&(panel, location)) {
                Some(place) => {
                    place.nodes += 1;
                    place.fullness = place.fullness.with(&fullness);
                    place.name.clone()
                }
                None => {
                    let label = reader.get(Location::table(), &(panel, location))?.map(|row| row.data.label());
                    let name = label.unwrap_or_else(|| format!("location {location}"));
                    let place = Place { panel, id: location, name: name.clone(), within: None, nodes: 1, fullness };
                    locations.insert((panel, location), place);
                    name
                }
            }),
        };
        if capacity.nodes.is_empty() {
            capacity.total = fullness;
        } else {
            capacity.total = capacity.total.with(&fullness);
        }
        capacity.over += u64::from(fullness.urgency().0);
        capacity.nodes.push(Place { panel, id, name: row.data.name, within, nodes: 1, fullness });
        Ok(ControlFlow::Continue(()))
    })?;
    capacity.locations = locations.into_values().collect();
    for places in [&mut capacity.nodes, &mut capacity.locations] {
        places.sort_by(|a, b| b.fullness.urgency().cmp(&a.fullness.urgency()).then_with(|| a.name.cmp(&b.name)));
    }
    Ok(capacity)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panel_may_allow_to_give_away_more_than_there_is_or_set_no_limit() {
        let share = Share::new(108, 100, 10);
        assert_eq!((share.percent(), share.may, share.beyond(), share.left()), (Some(108), Some(110), 0, Some(2)));
        let share = Share::new(120, 100, 0);
        assert_eq!((share.percent(), share.beyond(), share.left()), (Some(120), 20, Some(0)));
        let unchecked = Share::new(500, 100, -1);
        assert_eq!((unchecked.percent(), unchecked.beyond(), unchecked.left()), (Some(500), 0, None));
        for none in [0, -1] {
            let share = Share::new(500, none, 10);
            assert_eq!((share.percent(), share.has, share.beyond(), share.left()), (None, None, 0, None));
        }
        assert_eq!(Share::new(-5, 100, 0).given, 0);
    }

    #[test]
    fn together_two_shares_have_a_limit_only_if_both_have() {
        let (a, b) = (Share::new(50, 100, 0), Share::new(150, 100, 100));
        assert_eq!(a.with(b), Share { given: 200, has: Some(200), may: Some(300) });
        assert_eq!(a.with(Share::new(1, 0, 0)), Share { given: 51, has: None, may: None });
        assert_eq!(a.with(Share::new(1, 10, -1)), Share { given: 51, has: Some(110), may: None });
    }
}
