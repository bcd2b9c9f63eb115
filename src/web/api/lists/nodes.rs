use actix_web::HttpResponse;
use actix_web::web::{Data, Path, Query};
use aviary_domain::mirror::{At, Book, ListQuery, Page};
use aviary_domain::panels::Panels;
use aviary_kernel::base::{Error, Result, Timestamp};
use aviary_kernel::model::{Location, Node, PanelId, RemoteId};
use aviary_kernel::store::rows::Mirrored;
use aviary_kernel::store::tables::counted;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{Pagination, USUAL, every, limit};
use crate::allow::{Allow, perm};
use crate::api::stats::{OfPanel, location_code};
use crate::api::words::{Paging, filled, seconds, yes_no};
use crate::problem::{ApiResult, ProblemView};

/// The front end fills a choice of nodes with one request.
const MOST: u64 = 200;

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
pub(crate) async fn nodes(book: Data<Book>, _caller: Allow<perm::NodeRead>, query: Query<NodesQuery>) -> ApiResult {
    let paging = Paging::read(query.page.as_deref(), query.page_size.as_deref(), USUAL, MOST);
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
    (status = 404, description = "There is no such node", body = ProblemView),
    (status = 409, description = "The mirror follows the panel", body = ProblemView),
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
pub(crate) async fn locations(
    book: Data<Book>,
    _caller: Allow<perm::LocationRead>,
    query: Query<OfPanel>,
) -> ApiResult {
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
