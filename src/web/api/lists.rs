//! The lists of the admin area that count pages: `{success, <plural>, pagination}`.

use actix_web::HttpResponse;
use actix_web::web::{Data, Path, Query};
use aviary_domain::mirror::{AllocationQuery, At, Book, ListQuery, Page, PlacedAllocation, Searchable, Sort};
use aviary_domain::panels::Panels;
use aviary_kernel::base::{Error, Result, Timestamp};
use aviary_kernel::model::{Dialect, Egg, Location, Nest, Node, PanelId, RemoteId, Server, ServerState, User};
use aviary_kernel::store::rows::Mirrored;
use aviary_kernel::store::tables::counted;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::stats::{OfPanel, location_code};
use super::words::{Paging, filled, seconds, status, yes_no};
use crate::allow::{Allow, perm};
use crate::problem::ApiResult;

/// Where a page stands in its list.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Pagination {
    page: u64,
    page_size: u64,
    total: u64,
    /// 0 when the list is empty.
    total_pages: u64,
}

impl Pagination {
    fn new(paging: Paging, total: u64) -> Self {
        Self { page: paging.page, page_size: paging.size, total, total_pages: total.div_ceil(paging.size) }
    }
}

/// Rows of a page when none are asked for, and at most.
const USUAL: u64 = 25;
const MOST: u64 = 100;
const USUAL_ALLOCATIONS: u64 = 50;
const MOST_ALLOCATIONS: u64 = 200;
/// The front end fills a choice of nodes with one request.
const MOST_NODES: u64 = 200;

/// What is asked of the list of servers.
#[derive(Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub(crate) struct ServersQuery {
    /// Part of the name, the description or the UUID.
    search: Option<String>,
    /// `all`, `online` (or `running`), `offline`, `suspended`, `installing`, or another status word.
    status: Option<String>,
    /// `all`, `game_server`, `vps`, `email` or `web_hosting`; there are only game servers.
    server_type: Option<String>,
    /// `created`, `name` or `status`.
    sort: Option<String>,
    /// `asc` or `desc`.
    order: Option<String>,
    /// From 1.
    #[param(value_type = Option<u64>)]
    page: Option<String>,
    /// 1 to 100; 25 unless told.
    #[param(value_type = Option<u64>)]
    page_size: Option<String>,
    /// Number of a panel; all unless told.
    #[param(value_type = Option<u32>)]
    panel: Option<PanelId>,
}

/// A server.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AdminServer {
    /// The UUID.
    id: String,
    server_type: &'static str,
    /// The panel's number.
    pterodactyl_id: RemoteId,
    uuid: String,
    name: String,
    description: String,
    /// `online`, `suspended`, `installing`, `install_failed`, `reinstall_failed`, `restoring_backup`, or the panel's word.
    status: String,
    is_suspended: bool,
    /// `pterodactyl` or `pelican`.
    panel_type: &'static str,
    #[schema(value_type = u32)]
    panel_id: PanelId,
    owner: Option<Owner>,
    node: Option<NodeName>,
    egg: Option<EggName>,
    /// MiB; 0 = unlimited.
    memory: i64,
    /// MiB; 0 = unlimited.
    disk: i64,
    /// Percent of one core; 0 = unlimited.
    cpu: i64,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
}

/// Whose a server is.
#[derive(Serialize, ToSchema)]
struct Owner {
    id: String,
    email: String,
    username: String,
}

/// Where a server runs.
#[derive(Serialize, ToSchema)]
struct NodeName {
    id: RemoteId,
    name: String,
    fqdn: String,
}

/// What a server runs.
#[derive(Serialize, ToSchema)]
struct EggName {
    id: RemoteId,
    name: String,
    /// Empty where there are no nests.
    nest: String,
}

/// A page of servers.
#[derive(Serialize, ToSchema)]
pub(crate) struct ServersPage {
    success: bool,
    servers: Vec<AdminServer>,
    pagination: Pagination,
}

/// Servers
#[utoipa::path(get, path = "/api/admin/servers", tag = "admin", params(ServersQuery), responses((status = 200, body = ServersPage)))]
pub(crate) async fn servers(
    book: Data<Book>,
    panels: Data<Panels>,
    _caller: Allow<perm::MirrorRead>,
    query: Query<ServersQuery>,
) -> ApiResult {
    let query = query.into_inner();
    let paging = Paging::read(query.page.as_deref(), query.page_size.as_deref(), USUAL, MOST);
    let Some(wanted) = query.list(paging) else {
        return Ok(HttpResponse::Ok().json(ServersPage {
            success: true,
            servers: Vec::new(),
            pagination: Pagination::new(paging, 0),
        }));
    };
    let dialects: Vec<_> = panels.all().await?.into_iter().map(|panel| (panel.id, panel.dialect)).collect();
    let page = book
        .look(move |page| {
            let found = page.list::<Server>(&wanted)?;
            let dialect = |of| dialects.iter().find(|(id, _)| *id == of).and_then(|(_, dialect)| *dialect);
            let servers = found.rows.into_iter().map(|(panel, row)| server_view(page, panel, dialect(panel), row));
            Ok(ServersPage {
                success: true,
                servers: servers.collect::<Result<_>>()?,
                pagination: Pagination::new(paging, found.total),
            })
        })
        .await?;
    Ok(HttpResponse::Ok().json(page))
}

impl ServersQuery {
    /// The query of the mirror; none when nothing can match.
    fn list(&self, paging: Paging) -> Option<ListQuery> {
        if !matches!(self.server_type.as_deref(), None | Some("" | "all" | "game_server")) {
            return None;
        }
        let state = match self.status.as_deref() {
            None | Some("" | "all") => None,
            Some("online" | "running") => Some(ServerState::Normal),
            Some(word) => {
                Some(ServerState::ALL.into_iter().find(|state| state.word() == word && *state != ServerState::Normal)?)
            }
        };
        let sort = match self.sort.as_deref() {
            Some("name") => Sort::Name,
            Some("status") => Sort::State,
            _ => Sort::Created,
        };
        let descending = match self.order.as_deref() {
            Some(order) => order.eq_ignore_ascii_case("desc"),
            None => sort == Sort::Created,
        };
        Some(ListQuery {
            panel: self.panel,
            sort,
            descending,
            search: filled(self.search.as_deref()),
            state,
            at: At::Offset(paging.offset()),
            limit: limit(paging),
            ..ListQuery::default()
        })
    }
}

fn limit(paging: Paging) -> usize {
    usize::try_from(paging.size).unwrap_or(usize::MAX)
}

fn server_view(
    page: &Page<'_>,
    panel: PanelId,
    dialect: Option<Dialect>,
    row: Mirrored<Server>,
) -> Result<AdminServer> {
    let server = row.data;
    let owner = page.get::<User>(panel, server.user_id)?.map(|user| user.data);
    let node = page.get::<Node>(panel, server.node_id)?.map(|node| node.data);
    let egg = page.get::<Egg>(panel, server.egg_id)?.map(|egg| egg.data);
    let nest = server.nest_id.map(|nest| page.get::<Nest>(panel, nest)).transpose()?.flatten();
    Ok(AdminServer {
        id: server.uuid.clone(),
        server_type: "game_server",
        pterodactyl_id: server.id,
        status: status(&server),
        uuid: server.uuid,
        name: server.name,
        description: server.description.unwrap_or_default(),
        is_suspended: server.suspended,
        panel_type: dialect.unwrap_or(Dialect::Pterodactyl).name(),
        panel_id: panel,
        owner: owner.map(|user| Owner { id: user.uuid, email: user.email, username: user.username }),
        node: node.map(|node| NodeName { id: node.id, name: node.name, fqdn: node.fqdn }),
        egg: egg.map(|egg| EggName {
            id: egg.id,
            name: egg.name,
            nest: nest.map(|nest| nest.data.name).unwrap_or_default(),
        }),
        memory: server.limits.memory,
        disk: server.limits.disk,
        cpu: server.limits.cpu,
        created_at: seconds(server.created_at.unwrap_or(row.first_seen)),
        updated_at: seconds(server.updated_at.unwrap_or(row.changed_at)),
    })
}

/// What is asked of the list of nodes.
#[derive(Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub(crate) struct NodesQuery {
    /// Part of the name or the address.
    search: Option<String>,
    /// `all`, `yes` (or `true`), `no` (or `false`).
    maintenance: Option<String>,
    /// From 1.
    #[param(value_type = Option<u64>)]
    page: Option<String>,
    /// 1 to 200; 25 unless told.
    #[param(value_type = Option<u64>)]
    page_size: Option<String>,
    /// Number of a panel; all unless told.
    #[param(value_type = Option<u32>)]
    panel: Option<PanelId>,
}

/// A node. Sizes are MiB.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AdminNode {
    id: RemoteId,
    #[schema(value_type = u32)]
    panel_id: PanelId,
    uuid: String,
    name: String,
    description: String,
    fqdn: String,
    scheme: String,
    behind_proxy: bool,
    is_public: bool,
    is_maintenance_mode: bool,
    memory: i64,
    /// Percent; -1 = not checked.
    memory_overallocate: i64,
    disk: i64,
    /// Percent; -1 = not checked.
    disk_overallocate: i64,
    daemon_listen_port: i64,
    daemon_sftp_port: i64,
    /// 0 where there are no locations.
    location_id: RemoteId,
    location_code: String,
    server_count: u64,
    allocation_count: u64,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
}

/// A page of nodes.
#[derive(Serialize, ToSchema)]
pub(crate) struct NodesPage {
    success: bool,
    nodes: Vec<AdminNode>,
    pagination: Pagination,
}

/// Nodes, by name
#[utoipa::path(get, path = "/api/admin/nodes", tag = "admin", params(NodesQuery), responses((status = 200, body = NodesPage)))]
pub(crate) async fn nodes(book: Data<Book>, _caller: Allow<perm::MirrorRead>, query: Query<NodesQuery>) -> ApiResult {
    let paging = Paging::read(query.page.as_deref(), query.page_size.as_deref(), USUAL, MOST_NODES);
    let wanted = ListQuery {
        panel: query.panel,
        search: filled(query.search.as_deref()),
        maintenance: yes_no(query.maintenance.as_deref()),
        at: At::Offset(paging.offset()),
        limit: limit(paging),
        ..ListQuery::default()
    };
    let page = book
        .look(move |page| {
            let found = page.list::<Node>(&wanted)?;
            let nodes =
                found.rows.into_iter().map(|(panel, row)| node_view(page, panel, row)).collect::<Result<_>>()?;
            Ok(NodesPage { success: true, nodes, pagination: Pagination::new(paging, found.total) })
        })
        .await?;
    Ok(HttpResponse::Ok().json(page))
}

fn node_view(page: &Page<'_>, panel: PanelId, row: Mirrored<Node>) -> Result<AdminNode> {
    let node = row.data;
    let load = page.load(panel, node.id)?;
    Ok(AdminNode {
        id: node.id,
        panel_id: panel,
        location_code: location_code(page, panel, &node)?,
        uuid: node.uuid,
        name: node.name,
        description: node.description.unwrap_or_default(),
        fqdn: node.fqdn,
        scheme: node.scheme,
        behind_proxy: node.behind_proxy,
        is_public: node.public,
        is_maintenance_mode: node.maintenance_mode,
        memory: node.memory,
        memory_overallocate: node.memory_overallocate,
        disk: node.disk,
        disk_overallocate: node.disk_overallocate,
        daemon_listen_port: node.daemon_listen,
        daemon_sftp_port: node.daemon_sftp,
        location_id: node.location_id.unwrap_or(0),
        server_count: load.servers,
        allocation_count: load.allocations,
        created_at: seconds(node.created_at.unwrap_or(row.first_seen)),
        updated_at: seconds(node.updated_at.unwrap_or(row.changed_at)),
    })
}

/// Switch maintenance: not possible here
///
/// The mirror follows the panel; a switch made here would be undone by the next sync. Always refused with 409, or 404 when
/// there is no such node.
#[utoipa::path(patch, path = "/api/admin/nodes/{id}/maintenance", tag = "admin", params(("id" = u64, Path), OfPanel), responses(
    (status = 404, description = "There is no such node", body = crate::problem::ProblemView),
    (status = 409, description = "The mirror follows the panel", body = crate::problem::ProblemView),
))]
pub(crate) async fn maintenance(
    book: Data<Book>,
    panels: Data<Panels>,
    _caller: Allow<perm::PanelWrite>,
    id: Path<RemoteId>,
    query: Query<OfPanel>,
) -> ApiResult {
    let (id, asked) = (*id, query.panel);
    let panels: Vec<_> =
        panels.all().await?.into_iter().filter(|panel| asked.is_none_or(|of| of == panel.id)).collect();
    let names = book
        .look(move |page| {
            let mut names = Vec::new();
            for panel in panels {
                names.extend(page.get::<Node>(panel.id, id)?.map(|_| panel.name));
            }
            Ok(names)
        })
        .await?;
    if names.is_empty() {
        return Err(Error::not_found("node", id).into());
    }
    let what = format!(
        "the mirror follows the panel: switch maintenance of node {id} on {}, the next sync brings it here",
        names.join(" or ")
    );
    Err(Error::Conflict(what).into())
}

/// A location.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AdminLocation {
    id: RemoteId,
    #[schema(value_type = u32)]
    panel_id: PanelId,
    short_code: String,
    description: String,
    node_count: u64,
}

/// All locations.
#[derive(Serialize, ToSchema)]
pub(crate) struct LocationsPage {
    success: bool,
    locations: Vec<AdminLocation>,
}

/// Locations, by short code
#[utoipa::path(get, path = "/api/admin/locations", tag = "admin", params(OfPanel), responses((status = 200, body = LocationsPage)))]
pub(crate) async fn locations(book: Data<Book>, _caller: Allow<perm::MirrorRead>, query: Query<OfPanel>) -> ApiResult {
    let panel = query.panel;
    let locations = book
        .look(move |page| {
            let rows = every::<Location>(page, panel)?.into_iter();
            rows.map(|(panel, row)| {
                Ok(AdminLocation {
                    id: row.data.id,
                    panel_id: panel,
                    node_count: page.count(counted::LOCATION_NODES, panel, row.data.id)?,
                    short_code: row.data.short,
                    description: row.data.long.unwrap_or_default(),
                })
            })
            .collect::<Result<_>>()
        })
        .await?;
    Ok(HttpResponse::Ok().json(LocationsPage { success: true, locations }))
}

/// Every object of a kind that has few, by name.
fn every<T: Searchable>(page: &Page<'_>, panel: Option<PanelId>) -> Result<Vec<(PanelId, Mirrored<T>)>> {
    let mut rows = Vec::new();
    let mut query = ListQuery { panel, limit: 1000, ..ListQuery::default() };
    loop {
        let some = page.list::<T>(&query)?;
        rows.extend(some.rows);
        match some.next {
            Some(next) => query.at = At::After(next),
            None => return Ok(rows),
        }
    }
}

/// What is asked of a list of allocations.
#[derive(Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub(crate) struct AllocationsQuery {
    /// `all`, `yes` or `no`.
    assigned: Option<String>,
    /// Only of this node; not used where the address names the node.
    #[param(value_type = Option<u64>)]
    node_id: Option<String>,
    /// Part of the address, the alias or the port.
    search: Option<String>,
    /// From 1.
    #[param(value_type = Option<u64>)]
    page: Option<String>,
    /// 1 to 200; 50 unless told.
    #[param(value_type = Option<u64>)]
    page_size: Option<String>,
    /// Number of a panel; all unless told.
    #[param(value_type = Option<u32>)]
    panel: Option<PanelId>,
}

impl AllocationsQuery {
    fn paging(&self) -> Paging {
        Paging::read(self.page.as_deref(), self.page_size.as_deref(), USUAL_ALLOCATIONS, MOST_ALLOCATIONS)
    }

    fn query(&self, node: Option<RemoteId>, search: Option<String>) -> AllocationQuery {
        let paging = self.paging();
        AllocationQuery {
            panel: self.panel,
            node,
            assigned: yes_no(self.assigned.as_deref()),
            search,
            offset: paging.offset(),
            limit: limit(paging),
        }
    }
}

/// An allocation of a node.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct NodeAllocation {
    id: RemoteId,
    ip: String,
    port: u16,
    /// Empty when there is none.
    alias: String,
    is_assigned: bool,
    server_pterodactyl_id: Option<RemoteId>,
    server_name: Option<String>,
}

/// A page of the allocations of a node.
#[derive(Serialize, ToSchema)]
pub(crate) struct NodeAllocationsPage {
    success: bool,
    allocations: Vec<NodeAllocation>,
    pagination: Pagination,
}

/// Allocations of a node, by address and port
///
/// Addresses sort by number. An unknown node has none.
#[utoipa::path(get, path = "/api/admin/nodes/{id}/allocations", tag = "admin", params(("id" = u64, Path), AllocationsQuery),
    responses((status = 200, body = NodeAllocationsPage)))]
pub(crate) async fn node_allocations(
    book: Data<Book>,
    _caller: Allow<perm::MirrorRead>,
    id: Path<RemoteId>,
    query: Query<AllocationsQuery>,
) -> ApiResult {
    let (found, total) = book.allocations(query.query(Some(*id), None)).await?;
    let allocations = found.into_iter().map(|PlacedAllocation { row, server, .. }| {
        let (server_pterodactyl_id, server_name) = server.unzip();
        NodeAllocation {
            id: row.data.id,
            ip: row.data.ip,
            port: row.data.port,
            alias: row.data.alias.unwrap_or_default(),
            is_assigned: row.data.assigned,
            server_pterodactyl_id,
            server_name,
        }
    });
    let pagination = Pagination::new(query.paging(), total);
    Ok(HttpResponse::Ok().json(NodeAllocationsPage { success: true, allocations: allocations.collect(), pagination }))
}

/// An allocation.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AdminAllocation {
    id: RemoteId,
    #[schema(value_type = u32)]
    panel_id: PanelId,
    ip: String,
    port: u16,
    /// Empty when there is none.
    alias: String,
    is_assigned: bool,
    node_id: RemoteId,
    node_name: String,
    node_fqdn: String,
    /// The server's UUID.
    server_id: Option<String>,
    server_pterodactyl_id: Option<RemoteId>,
    server_name: Option<String>,
}

/// A page of allocations.
#[derive(Serialize, ToSchema)]
pub(crate) struct AllocationsPage {
    success: bool,
    allocations: Vec<AdminAllocation>,
    pagination: Pagination,
}

/// Allocations, by name of the node, address and port
///
/// Addresses sort by number.
#[utoipa::path(get, path = "/api/admin/allocations", tag = "admin", params(AllocationsQuery), responses((status = 200, body = AllocationsPage)))]
pub(crate) async fn allocations(
    book: Data<Book>,
    _caller: Allow<perm::MirrorRead>,
    query: Query<AllocationsQuery>,
) -> ApiResult {
    let node = match filled(query.node_id.as_deref()).filter(|text| text != "all") {
        Some(text) => Some(text.parse().map_err(|_| Error::invalid("nodeId", "is a number"))?),
        None => None,
    };
    let (paging, wanted) = (query.paging(), query.query(node, filled(query.search.as_deref())));
    let page = book
        .look(move |page| {
            let (found, total) = page.allocations(&wanted)?;
            let allocations = found.into_iter().map(|placed| allocation_view(page, placed)).collect::<Result<_>>()?;
            Ok(AllocationsPage { success: true, allocations, pagination: Pagination::new(paging, total) })
        })
        .await?;
    Ok(HttpResponse::Ok().json(page))
}

fn allocation_view(page: &Page<'_>, placed: PlacedAllocation) -> Result<AdminAllocation> {
    let PlacedAllocation { panel, row, node, server } = placed;
    let allocation = row.data;
    let uuid = match &server {
        Some((id, _)) => page.get::<Server>(panel, *id)?.map(|row| row.data.uuid),
        None => None,
    };
    let (server_pterodactyl_id, server_name) = server.unzip();
    let (node_name, node_fqdn) = node.map(|node| (node.name, node.fqdn)).unwrap_or_default();
    Ok(AdminAllocation {
        id: allocation.id,
        panel_id: panel,
        ip: allocation.ip,
        port: allocation.port,
        alias: allocation.alias.unwrap_or_default(),
        is_assigned: allocation.assigned,
        node_id: allocation.node_id,
        node_name,
        node_fqdn,
        server_id: uuid,
        server_pterodactyl_id,
        server_name,
    })
}

/// What is asked of the lists of nests and eggs.
#[derive(Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub(crate) struct EggsQuery {
    /// Part of the name or the description.
    search: Option<String>,
    /// Eggs only: only of this nest.
    #[param(value_type = Option<u64>)]
    nest_id: Option<String>,
    /// From 1.
    #[param(value_type = Option<u64>)]
    page: Option<String>,
    /// 1 to 100; 25 unless told.
    #[param(value_type = Option<u64>)]
    page_size: Option<String>,
    /// Number of a panel; all unless told.
    #[param(value_type = Option<u32>)]
    panel: Option<PanelId>,
}

/// A nest.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AdminNest {
    id: RemoteId,
    #[schema(value_type = u32)]
    panel_id: PanelId,
    uuid: String,
    name: String,
    description: String,
    author: String,
    egg_count: u64,
    server_count: u64,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
}

/// A page of nests.
#[derive(Serialize, ToSchema)]
pub(crate) struct NestsPage {
    success: bool,
    nests: Vec<AdminNest>,
    pagination: Pagination,
}

/// Nests, by name
#[utoipa::path(get, path = "/api/admin/nests", tag = "admin", params(EggsQuery), responses((status = 200, body = NestsPage)))]
pub(crate) async fn nests(book: Data<Book>, _caller: Allow<perm::MirrorRead>, query: Query<EggsQuery>) -> ApiResult {
    let paging = Paging::read(query.page.as_deref(), query.page_size.as_deref(), USUAL, MOST);
    let wanted = ListQuery {
        panel: query.panel,
        search: filled(query.search.as_deref()),
        at: At::Offset(paging.offset()),
        limit: limit(paging),
        ..ListQuery::default()
    };
    let page = book
        .look(move |page| {
            let found = page.list::<Nest>(&wanted)?;
            let nests =
                found.rows.into_iter().map(|(panel, row)| nest_view(page, panel, row)).collect::<Result<_>>()?;
            Ok(NestsPage { success: true, nests, pagination: Pagination::new(paging, found.total) })
        })
        .await?;
    Ok(HttpResponse::Ok().json(page))
}

fn nest_view(page: &Page<'_>, panel: PanelId, row: Mirrored<Nest>) -> Result<AdminNest> {
    let nest = row.data;
    Ok(AdminNest {
        id: nest.id,
        panel_id: panel,
        uuid: nest.uuid,
        name: nest.name,
        description: nest.description.unwrap_or_default(),
        author: nest.author,
        egg_count: page.count(counted::NEST_EGGS, panel, nest.id)?,
        server_count: page.count(counted::NEST_SERVERS, panel, nest.id)?,
        created_at: seconds(nest.created_at.unwrap_or(row.first_seen)),
        updated_at: seconds(nest.updated_at.unwrap_or(row.changed_at)),
    })
}

/// An egg.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AdminEgg {
    id: RemoteId,
    #[schema(value_type = u32)]
    panel_id: PanelId,
    uuid: String,
    name: String,
    description: String,
    author: String,
    /// 0 where there are no nests.
    nest_id: RemoteId,
    nest_name: String,
    server_count: u64,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
}

/// A page of eggs.
#[derive(Serialize, ToSchema)]
pub(crate) struct EggsPage {
    success: bool,
    eggs: Vec<AdminEgg>,
    pagination: Pagination,
}

/// Eggs, by name of the nest, then by name
#[utoipa::path(get, path = "/api/admin/eggs", tag = "admin", params(EggsQuery), responses((status = 200, body = EggsPage)))]
pub(crate) async fn eggs(book: Data<Book>, _caller: Allow<perm::MirrorRead>, query: Query<EggsQuery>) -> ApiResult {
    let paging = Paging::read(query.page.as_deref(), query.page_size.as_deref(), USUAL, MOST);
    let nest = match filled(query.nest_id.as_deref()).filter(|text| text != "all") {
        Some(text) => Some(text.parse::<RemoteId>().map_err(|_| Error::invalid("nestId", "is a number"))?),
        None => None,
    };
    let (panel, search) = (query.panel, filled(query.search.as_deref()).map(|text| text.to_lowercase()));
    let page = book
        .look(move |page| {
            let mut eggs = every::<Egg>(page, panel)?;
            eggs.retain(|(_, row)| nest.is_none_or(|nest| row.data.nest_id == Some(nest)));
            eggs.retain(|(_, row)| search.as_deref().is_none_or(|text| row.data.contains(text)));
            let total = eggs.len() as u64;
            // Few enough to sort; they come by name already.
            let mut named = eggs
                .into_iter()
                .map(|(panel, row)| Ok((nest_name(page, panel, &row.data)?, panel, row)))
                .collect::<Result<Vec<_>>>()?;
            named.sort_by_cached_key(|(nest, ..)| nest.to_lowercase());
            let skip = usize::try_from(paging.offset()).unwrap_or(usize::MAX);
            let here = named.into_iter().skip(skip).take(limit(paging));
            let eggs = here.map(|(nest, panel, row)| egg_view(page, nest, panel, row)).collect::<Result<_>>()?;
            Ok(EggsPage { success: true, eggs, pagination: Pagination::new(paging, total) })
        })
        .await?;
    Ok(HttpResponse::Ok().json(page))
}

fn nest_name(page: &Page<'_>, panel: PanelId, egg: &Egg) -> Result<String> {
    let Some(id) = egg.nest_id else { return Ok(String::new()) };
    Ok(page.get::<Nest>(panel, id)?.map(|row| row.data.name).unwrap_or_default())
}

fn egg_view(page: &Page<'_>, nest_name: String, panel: PanelId, row: Mirrored<Egg>) -> Result<AdminEgg> {
    let egg = row.data;
    Ok(AdminEgg {
        id: egg.id,
        panel_id: panel,
        uuid: egg.uuid,
        name: egg.name,
        description: egg.description.unwrap_or_default(),
        author: egg.author,
        nest_id: egg.nest_id.unwrap_or(0),
        nest_name,
        server_count: page.count(counted::EGG_SERVERS, panel, egg.id)?,
        created_at: seconds(egg.created_at.unwrap_or(row.first_seen)),
        updated_at: seconds(egg.updated_at.unwrap_or(row.changed_at)),
    })
}
