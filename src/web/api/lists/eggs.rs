use actix_web::HttpResponse;
use actix_web::web::{Data, Query};
use aviary_domain::mirror::{At, Book, ListQuery, Page, Searchable};
use aviary_kernel::base::{Result, Timestamp};
use aviary_kernel::model::{Egg, Nest, PanelId, RemoteId};
use aviary_kernel::store::rows::Mirrored;
use aviary_kernel::store::tables::counted;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{MOST, Pagination, USUAL, every, limit, only};
use crate::allow::{Allow, perm};
use crate::api::words::{Paging, filled, seconds};
use crate::problem::ApiResult;

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
pub(crate) async fn nests(book: Data<Book>, _caller: Allow<perm::EggRead>, query: Query<EggsQuery>) -> ApiResult {
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
pub(crate) async fn eggs(book: Data<Book>, _caller: Allow<perm::EggRead>, query: Query<EggsQuery>) -> ApiResult {
    let paging = Paging::read(query.page.as_deref(), query.page_size.as_deref(), USUAL, MOST);
    let nest = only("nestId", query.nest_id.as_deref())?;
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
