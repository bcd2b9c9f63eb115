use actix_web::HttpResponse;
use actix_web::web::{Data, Query};
use aviary_domain::mirror::{At, Book, ListQuery, Page, Sort};
use aviary_domain::panels::Panels;
use aviary_kernel::base::{Result, Timestamp};
use aviary_kernel::model::{Dialect, Egg, Nest, Node, PanelId, RemoteId, Server, ServerState, User};
use aviary_kernel::store::rows::Mirrored;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{MOST, Pagination, USUAL, limit};
use crate::allow::{Allow, perm};
use crate::api::words::{Paging, filled, seconds, status};
use crate::problem::ApiResult;

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
    _caller: Allow<perm::ServerRead>,
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
