//! Whether the data file holds together.

use std::collections::BTreeMap;

use actix_web::http::StatusCode;
use actix_web::web::Data;
use aviary_kernel::store::{Report, Store, verify};
use serde::Serialize;
use utoipa::ToSchema;

use super::reply::{self, Reply};
use crate::allow::{Allow, perm};
use crate::problem::ApiResult;

/// What a check of the data file found.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CheckView {
    /// Whether nothing is wrong.
    clean: bool,
    /// Rows that were read.
    rows: u64,
    /// Rows by table.
    rows_by_table: BTreeMap<String, u64>,
    /// Index keys that were looked up.
    index_keys: u64,
    /// Counters that were counted again.
    counters: u64,
    /// What is wrong, one sentence each, at most 1000.
    problems: Vec<String>,
    /// How many problems there are in all.
    problem_count: u64,
    /// Bytes of the data file; 0 when it is not a file.
    file_bytes: u64,
    /// Bytes of it that are in use; the rest is free inside it and is used before the file grows. Absent when something is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    used_bytes: Option<u64>,
}

impl CheckView {
    fn of(report: Report, file_bytes: u64) -> Self {
        Self {
            file_bytes,
            used_bytes: report.used_bytes,
            clean: report.is_clean(),
            rows: report.rows.values().sum(),
            rows_by_table: report.rows.into_iter().map(|(table, rows)| (table.to_owned(), rows)).collect(),
            index_keys: report.index_keys.values().sum(),
            counters: report.counters,
            problems: report.problems.iter().map(ToString::to_string).collect(),
            problem_count: report.problem_count,
        }
    }
}

/// Check the data file
///
/// Reads every row, looks each index key up, counts the counters again; changes nothing. Takes as long as reading the file.
#[utoipa::path(post, path = "/api/v1/check", tag = "health", responses((status = 200, body = Reply<CheckView>)))]
pub(crate) async fn check(store: Data<Store>, _caller: Allow<perm::StoreCheck>) -> ApiResult {
    let view = CheckView::of(store.read(verify).await?, store.file_bytes());
    let message = if view.clean { "all is well" } else { "the data file has problems: restore a backup" };
    Ok(reply::told(StatusCode::OK, view, message))
}
