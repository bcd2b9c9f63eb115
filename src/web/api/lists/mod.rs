//! The lists of the admin area that count pages: `{success, <plural>, pagination}`.

pub(crate) mod allocations;
pub(crate) mod eggs;
pub(crate) mod nodes;
pub(crate) mod servers;
pub(crate) mod users;

use aviary_domain::mirror::{At, ListQuery, Page, Searchable};
use aviary_kernel::base::{Error, Result};
use aviary_kernel::model::{PanelId, RemoteId};
use aviary_kernel::store::rows::Mirrored;
use serde::Serialize;
use utoipa::ToSchema;

use super::words::{Paging, filled};

/// Rows of a page when none are asked for, and at most.
const USUAL: u64 = 25;
const MOST: u64 = 100;

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
    pub(super) fn new(paging: Paging, total: u64) -> Self {
        Self { page: paging.page, page_size: paging.size, total, total_pages: total.div_ceil(paging.size) }
    }
}

fn limit(paging: Paging) -> usize {
    usize::try_from(paging.size).unwrap_or(usize::MAX)
}

/// Every object of a kind that has few, by name.
pub(super) fn every<T: Searchable>(page: &Page<'_>, panel: Option<PanelId>) -> Result<Vec<(PanelId, Mirrored<T>)>> {
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

/// A number that limits a list; `all` and nothing do not.
fn only(field: &'static str, text: Option<&str>) -> Result<Option<RemoteId>> {
    let text = filled(text).filter(|text| text != "all");
    text.map(|text| text.parse().map_err(|_| Error::invalid(field, "is a number"))).transpose()
}
