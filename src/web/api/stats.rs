//! How much there is. The numbers are kept, not counted, so that these answers cost the same for any size.

use std::collections::BTreeMap;
use std::time::Duration;

use actix_web::web::{Data, Query};
use aviary_domain::accounts::Accounts;
use aviary_domain::mirror::{At, Book, ListQuery, Page, Sort};
use aviary_kernel::base::{Env, Result, Timestamp};
use aviary_kernel::model::{Location, Node, PanelId, User};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::lists::every;
use super::reply::{self, Reply};
use super::words::state_word;
use crate::allow::{Allow, perm};
use crate::door::Open;
use crate::problem::ApiResult;

/// One panel, or all together.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct OfPanel {
    /// Number of a panel; without it, all panels together.
    #[param(value_type = Option<u32>)]
    pub panel: Option<PanelId>,
}

/// Numbers for a front page.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct StatsView {
    total_servers: u64,
    /// People with an account; every user of a panel has one.
    total_users: u64,
    /// People who ever signed in.
    active_users: u64,
    total_allocations: u64,
}

/// Numbers for a front page
#[utoipa::path(get, path = "/api/stats", tag = "public", responses((status = 200, body = Reply<StatsView>)))]
pub(crate) async fn stats(_: Open, book: Data<Book>, accounts: Data<Accounts>) -> ApiResult {
    let counts = book.counts(None).await?;
    let (total_users, active_users) = accounts.head_count().await?;
    Ok(reply::ok(StatsView {
        total_servers: counts.servers,
        total_users,
        active_users,
        total_allocations: counts.allocations,
    }))
}

/// What the panels hold.
#[derive(Serialize, ToSchema)]
pub(crate) struct PanelCountsView {
    nodes: u64,
    servers: u64,
    users: u64,
    /// Assigned ones only.
    allocations: u64,
    nests: u64,
}

/// What the panels hold
#[utoipa::path(get, path = "/api/panel/counts", tag = "public", responses((status = 200, body = Reply<PanelCountsView>)))]
pub(crate) async fn panel_counts(_: Open, book: Data<Book>) -> ApiResult {
    let counts = book.counts(None).await?;
    Ok(reply::ok(PanelCountsView {
        nodes: counts.nodes,
        servers: counts.servers,
        users: counts.users,
        allocations: counts.assigned_allocations,
        nests: counts.nests,
    }))
}

/// A node as everybody may see it.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PublicNodeView {
    id: u64,
    #[schema(value_type = u32)]
    panel_id: PanelId,
    name: String,
    /// Empty where there are no locations.
    location_code: String,
    is_maintenance_mode: bool,
    /// MiB.
    memory: i64,
    /// MiB.
    disk: i64,
    server_count: u64,
}

/// Nodes that the panel calls public, by name
#[utoipa::path(get, path = "/api/panel/nodes", tag = "public", responses((status = 200, body = Reply<Vec<PublicNodeView>>)))]
pub(crate) async fn panel_nodes(_: Open, book: Data<Book>) -> ApiResult {
    let nodes = book
        .look(|page| {
            let mut views = Vec::new();
            for (panel, node) in every::<Node>(page, None)?
                .into_iter()
                .map(|(panel, row)| (panel, row.data))
                .filter(|(_, node)| node.public)
            {
                views.push(PublicNodeView {
                    id: node.id,
                    panel_id: panel,
                    location_code: location_code(page, panel, &node)?,
                    is_maintenance_mode: node.maintenance_mode,
                    memory: node.memory,
                    disk: node.disk,
                    server_count: page.load(panel, node.id)?.servers,
                    name: node.name,
                });
            }
            Ok(views)
        })
        .await?;
    Ok(reply::ok(nodes))
}

/// The short code of a node's location, or nothing.
pub(super) fn location_code(page: &Page<'_>, panel: PanelId, node: &Node) -> Result<String> {
    let Some(id) = node.location_id else { return Ok(String::new()) };
    Ok(page.get::<Location>(panel, id)?.map(|row| row.data.short).unwrap_or_default())
}

/// Numbers for the admin area.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AdminStatsView {
    total_servers: u64,
    suspended_servers: u64,
    /// People with an account; of one panel, its users.
    total_users: u64,
    total_nodes: u64,
    total_allocations: u64,
    used_allocations: u64,
    available_allocations: u64,
}

/// Numbers for the admin area
#[utoipa::path(get, path = "/api/admin/stats", tag = "admin", params(OfPanel), responses((status = 200, body = Reply<AdminStatsView>)))]
pub(crate) async fn admin(
    book: Data<Book>,
    accounts: Data<Accounts>,
    _caller: Allow<perm::StatsRead>,
    query: Query<OfPanel>,
) -> ApiResult {
    let counts = book.counts(query.panel).await?;
    Ok(reply::ok(AdminStatsView {
        total_servers: counts.servers,
        suspended_servers: counts.suspended_servers,
        total_users: users_of(&accounts, query.panel, counts.users).await?,
        total_nodes: counts.nodes,
        total_allocations: counts.allocations,
        used_allocations: counts.assigned_allocations,
        available_allocations: counts.allocations.saturating_sub(counts.assigned_allocations),
    }))
}

/// People with an account; of one panel, its users.
async fn users_of(accounts: &Accounts, panel: Option<PanelId>, there: u64) -> Result<u64> {
    if panel.is_some() { Ok(there) } else { Ok(accounts.head_count().await?.0) }
}

/// Numbers for the admin area, for other back ends
#[utoipa::path(get, path = "/api/v1/stats/admin", tag = "statistics", params(OfPanel), responses((status = 200, body = Reply<AdminStatsView>)))]
pub(crate) async fn v1_admin(
    book: Data<Book>,
    accounts: Data<Accounts>,
    caller: Allow<perm::StatsRead>,
    query: Query<OfPanel>,
) -> ApiResult {
    admin(book, accounts, caller, query).await
}

/// How many objects there are of each kind.
#[derive(Serialize, ToSchema)]
pub(crate) struct OverviewView {
    /// People with an account; of one panel, its users.
    users: u64,
    servers: u64,
    nodes: u64,
    locations: u64,
    eggs: u64,
    allocations: u64,
}

/// How many objects there are of each kind
#[utoipa::path(get, path = "/api/v1/stats/overview", tag = "statistics", params(OfPanel), responses((status = 200, body = Reply<OverviewView>)))]
pub(crate) async fn overview(
    book: Data<Book>,
    accounts: Data<Accounts>,
    _caller: Allow<perm::StatsRead>,
    query: Query<OfPanel>,
) -> ApiResult {
    let counts = book.counts(query.panel).await?;
    Ok(reply::ok(OverviewView {
        users: users_of(&accounts, query.panel, counts.users).await?,
        servers: counts.servers,
        nodes: counts.nodes,
        locations: counts.locations,
        eggs: counts.eggs,
        allocations: counts.allocations,
    }))
}

/// Where the servers are.
#[derive(Serialize, ToSchema)]
pub(crate) struct ServerStatsView {
    /// Servers by status word; words that no server has are left out.
    by_status: BTreeMap<String, u64>,
    /// Servers by the name of their node.
    by_node: BTreeMap<String, u64>,
}

/// Where the servers are, and in which state
#[utoipa::path(get, path = "/api/v1/stats/servers", tag = "statistics", params(OfPanel), responses((status = 200, body = Reply<ServerStatsView>)))]
pub(crate) async fn servers(book: Data<Book>, _caller: Allow<perm::StatsRead>, query: Query<OfPanel>) -> ApiResult {
    let panel = query.panel;
    let states = book.states(panel).await?;
    let by_status = states
        .into_iter()
        .filter(|one| one.servers > 0)
        .map(|one| (state_word(one.state).to_owned(), one.servers))
        .collect();
    let by_node = book
        .look(move |page| {
            let mut by_node = BTreeMap::new();
            for (of, row) in every::<Node>(page, panel)? {
                *by_node.entry(row.data.name).or_default() += page.load(of, row.data.id)?.servers;
            }
            Ok(by_node)
        })
        .await?;
    Ok(reply::ok(ServerStatsView { by_status, by_node }))
}

/// Who there is: people with an account, or the users of one panel.
#[derive(Serialize, ToSchema)]
pub(crate) struct UserStatsView {
    total: u64,
    /// Those who may sign in; of one panel, all.
    active: u64,
    /// Those who took their account into use; of one panel, nobody.
    migrated: u64,
    /// Administrators, here or on a panel.
    admins: u64,
    /// Made in the last seven days.
    recent_7_days: u64,
}

const WEEK: Duration = Duration::from_secs(7 * 24 * 3600);

/// Who there is
#[utoipa::path(get, path = "/api/v1/stats/users", tag = "statistics", params(OfPanel), responses((status = 200, body = Reply<UserStatsView>)))]
pub(crate) async fn users(
    env: Data<Env>,
    book: Data<Book>,
    accounts: Data<Accounts>,
    _caller: Allow<perm::StatsRead>,
    query: Query<OfPanel>,
) -> ApiResult {
    let since = env.now().minus(WEEK);
    if let Some(panel) = query.panel {
        return Ok(reply::ok(book.look(move |page| users_of_panel(page, panel, since)).await?));
    }
    let people = accounts.stats().await?;
    Ok(reply::ok(UserStatsView {
        total: people.total,
        active: people.active,
        migrated: people.migrated,
        admins: people.admins,
        recent_7_days: accounts.made_since(since).await?,
    }))
}

fn users_of_panel(page: &Page<'_>, panel: PanelId, since: Timestamp) -> Result<UserStatsView> {
    let counts = page.counts(Some(panel))?;
    Ok(UserStatsView {
        total: counts.users,
        active: counts.users,
        migrated: 0,
        admins: counts.admins,
        recent_7_days: made_since(page, Some(panel), since)?,
    })
}

fn made_since(page: &Page<'_>, panel: Option<PanelId>, since: Timestamp) -> Result<u64> {
    let mut made = 0;
    let mut query = ListQuery { panel, sort: Sort::Created, descending: true, limit: 1000, ..ListQuery::default() };
    loop {
        let some = page.list::<User>(&query)?;
        let recent = some.rows.iter().take_while(|(_, row)| row.data.created_at.is_some_and(|at| at >= since)).count();
        made += recent as u64;
        match some.next {
            Some(next) if recent == some.rows.len() => query.at = At::After(next),
            _ => return Ok(made),
        }
    }
}
