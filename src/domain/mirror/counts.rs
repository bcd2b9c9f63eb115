use aviary_kernel::base::Result;
use aviary_kernel::model::{Kind, PanelId, RemoteId, ServerState};
use aviary_kernel::store::tables::{PANELS, counted};
use aviary_kernel::store::{Counter, Read, Span};
use serde::Serialize;

/// How much a panel holds. Kept, not counted: the answer costs the same for any size.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs, reason = "the names say it")]
pub struct PanelCounts {
    pub locations: u64,
    pub nodes: u64,
    pub allocations: u64,
    pub assigned_allocations: u64,
    pub nests: u64,
    pub eggs: u64,
    pub egg_variables: u64,
    pub users: u64,
    pub admins: u64,
    pub servers: u64,
    pub suspended_servers: u64,
    pub databases: u64,
    pub subusers: u64,
    /// Objects that the last listing lacked and that are not confirmed gone.
    pub missing: u64,
}

impl PanelCounts {
    /// What one panel holds.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn of(reader: &impl Read, panel: PanelId) -> Result<Self> {
        let kind = |kind: Kind| reader.count(Counter { what: counted::KIND, panel, of: u64::from(kind.number()) });
        let plain = |what| reader.count(Counter { what, panel, of: 0 });
        Ok(Self {
            locations: kind(Kind::Location)?,
            nodes: kind(Kind::Node)?,
            allocations: kind(Kind::Allocation)?,
            assigned_allocations: plain(counted::ASSIGNED)?,
            nests: kind(Kind::Nest)?,
            eggs: kind(Kind::Egg)?,
            egg_variables: kind(Kind::EggVariable)?,
            users: kind(Kind::User)?,
            admins: plain(counted::ADMINS)?,
            servers: kind(Kind::Server)?,
            suspended_servers: state(reader, panel, ServerState::Suspended)?,
            databases: kind(Kind::Database)?,
            subusers: kind(Kind::Subuser)?,
            missing: plain(counted::MISSING)?,
        })
    }

    /// What all panels hold.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn of_all(reader: &impl Read) -> Result<Self> {
        let mut sum = Self::default();
        for panel in panels(reader)? {
            sum.add(&Self::of(reader, panel)?);
        }
        Ok(sum)
    }

    fn add(&mut self, other: &Self) {
        self.locations += other.locations;
        self.nodes += other.nodes;
        self.allocations += other.allocations;
        self.assigned_allocations += other.assigned_allocations;
        self.nests += other.nests;
        self.eggs += other.eggs;
        self.egg_variables += other.egg_variables;
        self.users += other.users;
        self.admins += other.admins;
        self.servers += other.servers;
        self.suspended_servers += other.suspended_servers;
        self.databases += other.databases;
        self.subusers += other.subusers;
        self.missing += other.missing;
    }

    /// The number of objects of a kind.
    pub fn of_kind(&self, kind: Kind) -> u64 {
        match kind {
            Kind::Location => self.locations,
            Kind::Node => self.nodes,
            Kind::Allocation => self.allocations,
            Kind::Nest => self.nests,
            Kind::Egg => self.eggs,
            Kind::EggVariable => self.egg_variables,
            Kind::User => self.users,
            Kind::Server => self.servers,
            Kind::Database => self.databases,
            Kind::Subuser => self.subusers,
        }
    }
}

/// Every panel.
pub(super) fn panels(reader: &impl Read) -> Result<Vec<PanelId>> {
    Ok(reader.all(PANELS, &Span::all())?.into_iter().map(|(id, _)| id).collect())
}

fn state(reader: &impl Read, panel: PanelId, state: ServerState) -> Result<u64> {
    reader.count(Counter { what: counted::SERVER_STATE, panel, of: state as u64 })
}

/// How many objects of a kind there are, on one panel or on all.
pub(super) fn kind_total(reader: &impl Read, kind: Kind, panel: Option<PanelId>) -> Result<u64> {
    let of = u64::from(kind.number());
    let panels = panel.map_or_else(|| panels(reader), |panel| Ok(vec![panel]))?;
    panels.into_iter().map(|panel| reader.count(Counter { what: counted::KIND, panel, of })).sum()
}

/// How many servers are in a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct StateCount {
    /// The state.
    pub state: ServerState,
    /// How many.
    pub servers: u64,
}

impl StateCount {
    /// Every state, on one panel or on all.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn all(reader: &impl Read, panel: Option<PanelId>) -> Result<Vec<Self>> {
        let panels = panel.map_or_else(|| panels(reader), |panel| Ok(vec![panel]))?;
        let count = |s| panels.iter().map(|panel| state(reader, *panel, s)).sum::<Result<u64>>();
        ServerState::ALL.into_iter().map(|s| Ok(Self { state: s, servers: count(s)? })).collect()
    }
}

/// How much stands on a node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs, reason = "the names say it")]
pub struct NodeLoad {
    pub servers: u64,
    pub allocations: u64,
    pub assigned: u64,
}

impl NodeLoad {
    /// What stands on this node.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn of(reader: &impl Read, panel: PanelId, node: RemoteId) -> Result<Self> {
        let count = |what| reader.count(Counter { what, panel, of: node });
        Ok(Self {
            servers: count(counted::NODE_SERVERS)?,
            allocations: count(counted::NODE_ALLOCATIONS)?,
            assigned: count(counted::NODE_ASSIGNED)?,
        })
    }
}
