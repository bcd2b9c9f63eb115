//! What does not fit together, and how much there is.

use std::collections::BTreeMap;

use actix_web::web::{Data, Query};
use aviary_domain::mirror::{Book, DriftReport};
use aviary_kernel::model::Drift;
use serde::Serialize;
use utoipa::ToSchema;

use super::reply::{self, Reply};
use super::stats::OfPanel;
use crate::allow::{Allow, perm};
use crate::openapi::doc;
use crate::problem::ApiResult;

/// What does not fit together.
#[derive(Serialize, ToSchema)]
pub(crate) struct DriftView {
    /// At most 500 of each kind.
    #[schema(value_type = Vec<doc::Drift>)]
    findings: Vec<Drift>,
    /// How many there are of each kind in all.
    totals: BTreeMap<String, u64>,
}

impl From<&DriftReport> for DriftView {
    fn from(report: &DriftReport) -> Self {
        Self { findings: report.findings.clone(), totals: report.totals.clone() }
    }
}

/// What does not fit together
///
/// Over-allocated nodes, vanished objects, servers without owner, orphans, unused eggs. The first answer after a
/// change looks at every row.
#[utoipa::path(get, path = "/api/v1/drift", tag = "mirror", params(OfPanel), responses((status = 200, body = Reply<DriftView>)))]
pub(crate) async fn drift(book: Data<Book>, _caller: Allow<perm::DriftRead>, query: Query<OfPanel>) -> ApiResult {
    Ok(reply::ok(DriftView::from(&*book.drift(query.panel).await?)))
}

/// How much there is of each kind
#[utoipa::path(get, path = "/api/v1/counts", tag = "mirror", params(OfPanel), responses((status = 200, body = Reply<doc::PanelCounts>)))]
pub(crate) async fn counts(book: Data<Book>, _caller: Allow<perm::StatsRead>, query: Query<OfPanel>) -> ApiResult {
    Ok(reply::ok(book.counts(query.panel).await?))
}
