//! What people see of their own servers.

use std::ops::ControlFlow;

use aviary_kernel::base::Result;
use aviary_kernel::model::{Account, AccountId, Allocation, Egg, Node, PanelId, RemoteId, Server, ServerState, User};
use aviary_kernel::store::rows::{Mirror, Mirrored};
use aviary_kernel::store::tables::{BY_CHANGED, RowKey};
use aviary_kernel::store::{Direction, Read, Span};

use super::{Accounts, own_servers, require};

/// Servers that are shown as the most recent ones.
const RECENT: usize = 6;
/// No page is larger.
const LARGEST: usize = 50;

/// Which servers are wanted, by how they are. Whether a server runs is not known from the mirror: whatever is in order counts
/// as online.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub enum StatusFilter {
    /// Every one.
    #[default]
    All,
    /// In this state.
    Is(ServerState),
    /// In a state that the mirror never sees, such as `starting`.
    Never,
}

impl StatusFilter {
    /// Reads the word of the older API; one that it does not know is no wish.
    pub fn parse(word: &str) -> Self {
        match word.trim().to_ascii_lowercase().as_str() {
            "online" | "running" => Self::Is(ServerState::Normal),
            "offline" | "starting" | "stopping" => Self::Never,
            word => ServerState::ALL
                .into_iter()
                .find(|state| state.word() == word && !matches!(state, ServerState::Normal | ServerState::Other))
                .map_or(Self::All, Self::Is),
        }
    }

    fn wants(&self, state: ServerState) -> bool {
        match self {
            Self::All => true,
            Self::Is(wanted) => *wanted == state,
            Self::Never => false,
        }
    }
}

/// What is asked of the servers of a person.
#[derive(Clone, Debug, Default)]
pub struct DashboardQuery {
    /// Only what has this in its name or description; case does not matter.
    pub search: Option<String>,
    /// Only these.
    pub status: StatusFilter,
    /// Everybody's servers; for those who may see them all.
    pub all: bool,
    /// Rows passed over.
    pub offset: usize,
    /// Rows of a page; 0 is taken as 12.
    pub limit: usize,
}

/// A server with what it is made of.
#[derive(Clone, Debug)]
pub struct DashboardServer {
    /// The panel.
    pub panel: PanelId,
    /// The server.
    pub server: Mirrored<Server>,
    /// The name of its egg.
    pub egg: Option<String>,
    /// The name of its node.
    pub node: Option<String>,
    /// Where players connect to.
    pub address: Option<(String, u16)>,
    /// Whose it is.
    pub owner: Option<User>,
}

/// A page of servers, the one that changed last first.
#[derive(Clone, Debug)]
pub struct DashboardServers {
    /// The rows.
    pub rows: Vec<DashboardServer>,
    /// How many rows the whole list has.
    pub total: u64,
}

/// The servers of a person in numbers.
#[derive(Clone, Debug, Default)]
pub struct DashboardStats {
    /// All of them.
    pub total: u64,
    /// In order, as far as the mirror knows.
    pub online: u64,
    /// Neither in order nor suspended: being installed, failed to install, being restored.
    pub offline: u64,
    /// Suspended.
    pub suspended: u64,
    /// The ones that changed last.
    pub recent: Vec<DashboardServer>,
}

impl Accounts {
    /// The servers of a person in numbers.
    ///
    /// # Errors
    /// When there is no such account, or the file cannot be read.
    pub async fn dashboard_stats(&self, account: AccountId) -> Result<DashboardStats> {
        self.store
            .read(move |tx| {
                let mut servers = newest_first(tx, &require(tx, account)?)?;
                let mut stats = DashboardStats { total: servers.len() as u64, ..DashboardStats::default() };
                for (_, row) in &servers {
                    match row.data.state() {
                        ServerState::Normal => stats.online += 1,
                        ServerState::Suspended => stats.suspended += 1,
                        _ => stats.offline += 1,
                    }
                }
                servers.truncate(RECENT);
                stats.recent = servers.into_iter().map(|(key, row)| shown(tx, key, row)).collect::<Result<_>>()?;
                Ok(stats)
            })
            .await
    }

    /// The servers of a person, or of everybody. Handlers ask who may see those of everybody.
    ///
    /// # Errors
    /// When there is no such account, or the file cannot be read.
    pub async fn dashboard_servers(&self, account: AccountId, query: DashboardQuery) -> Result<DashboardServers> {
        self.store
            .read(move |tx| {
                let mut page = Wanted { query: &query, total: 0, rows: Vec::new() };
                if query.all {
                    for_all(tx, |key, row| page.see(key, row))?;
                } else {
                    newest_first(tx, &require(tx, account)?)?.into_iter().for_each(|(key, row)| page.see(key, row));
                }
                let Wanted { total, rows, .. } = page;
                let rows = rows.into_iter().map(|(key, row)| shown(tx, key, row)).collect::<Result<_>>()?;
                Ok(DashboardServers { rows, total })
            })
            .await
    }
}

struct Wanted<'q> {
    query: &'q DashboardQuery,
    total: u64,
    rows: Vec<(RowKey, Mirrored<Server>)>,
}

impl Wanted<'_> {
    fn see(&mut self, key: RowKey, row: Mirrored<Server>) {
        if !self.query.matches(&row.data) {
            return;
        }
        let limit = if self.query.limit == 0 { 12 } else { self.query.limit.min(LARGEST) };
        if self.total >= self.query.offset as u64 && self.rows.len() < limit {
            self.rows.push((key, row));
        }
        self.total += 1;
    }
}

impl DashboardQuery {
    fn matches(&self, server: &Server) -> bool {
        let shows = |text: &String| {
            let needle = text.trim().to_lowercase();
            let description = server.description.as_deref().unwrap_or_default();
            server.name.to_lowercase().contains(&needle) || description.to_lowercase().contains(&needle)
        };
        self.status.wants(server.state()) && self.search.as_ref().is_none_or(shows)
    }
}

fn newest_first(reader: &impl Read, account: &Account) -> Result<Vec<(RowKey, Mirrored<Server>)>> {
    let mut servers = Vec::new();
    for key in own_servers(reader, account)? {
        servers.extend(reader.get(Server::table(), &key)?.map(|row| (key, row)));
    }
    servers.sort_by_key(|(key, row)| std::cmp::Reverse((row.changed_at, *key)));
    Ok(servers)
}

fn for_all(reader: &impl Read, mut see: impl FnMut(RowKey, Mirrored<Server>)) -> Result<()> {
    reader.walk_index(BY_CHANGED, &Span::prefix(&Server::KIND), Direction::Down, |(_, _, panel, id)| {
        if let Some(row) = reader.get(Server::table(), &(panel, id))? {
            see((panel, id), row);
        }
        Ok(ControlFlow::Continue(()))
    })
}

fn shown(reader: &impl Read, (panel, _): RowKey, server: Mirrored<Server>) -> Result<DashboardServer> {
    let data = &server.data;
    let allocation = match data.allocation_id.or_else(|| data.allocations.iter().flatten().next().copied()) {
        Some(id) => get::<Allocation>(reader, panel, id)?,
        None => None,
    };
    Ok(DashboardServer {
        panel,
        egg: get::<Egg>(reader, panel, data.egg_id)?.map(|egg| egg.name),
        node: get::<Node>(reader, panel, data.node_id)?.map(|node| node.name),
        address: allocation.map(|allocation| (allocation.ip, allocation.port)),
        owner: get::<User>(reader, panel, data.user_id)?,
        server,
    })
}

fn get<T: Mirror>(reader: &impl Read, panel: PanelId, id: RemoteId) -> Result<Option<T>> {
    Ok(reader.get(T::table(), &(panel, id))?.map(|row| row.data))
}
