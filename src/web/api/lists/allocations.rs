use actix_web::HttpResponse;
use actix_web::web::{Data, Path, Query};
use aviary_domain::mirror::{AllocationQuery, Book, Page, PlacedAllocation};
use aviary_kernel::base::Result;
use aviary_kernel::model::{PanelId, RemoteId, Server};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{Pagination, limit, only};
use crate::allow::{Allow, perm};
use crate::api::words::{Paging, filled, yes_no};
use crate::problem::ApiResult;

/// Rows of a page when none are asked for, and at most.
const USUAL: u64 = 50;
const MOST: u64 = 200;

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
        Paging::read(self.page.as_deref(), self.page_size.as_deref(), USUAL, MOST)
    }

    fn query(&self, node: Option<RemoteId>, search: Option<String>) -> AllocationQuery {
        let paging = self.paging();
        AllocationQuery {
            panel: self.panel,
            node,
            location: None,
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
    _caller: Allow<perm::AllocationRead>,
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
    _caller: Allow<perm::AllocationRead>,
    query: Query<AllocationsQuery>,
) -> ApiResult {
    let node = only("nodeId", query.node_id.as_deref())?;
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
