use actix_web::web::{Data, Path, Query};
use aviary_domain::mirror::{Book, Mirror, Mirrored, Page};
use aviary_domain::panels::Panels;
use aviary_kernel::base::{Result, Timestamp};
use aviary_kernel::model::{Kind, ObjectKey, PanelId};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::relations::{Relations, relations};
use super::{Name, find, for_kind, kind};
use crate::allow::{Allow, perm};
use crate::api::reply::{self, Reply};
use crate::api::stats::OfPanel;
use crate::openapi::doc;
use crate::problem::{ApiResult, ProblemView};

/// A mirrored object: where it is from, every field of the panel, and what we know beyond.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Item<T> {
    panel_id: PanelId,
    kind: Kind,
    #[serde(flatten)]
    data: T,
    first_seen: Timestamp,
    changed_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    missing_since: Option<Timestamp>,
}

/// A row as it is shown.
pub(crate) fn item<T: Mirror>(page: &Page<'_>, panel: PanelId, row: Mirrored<T>) -> Result<Value> {
    let object = ObjectKey { panel, kind: T::KIND, id: row.data.id() };
    let missing_since = page.missing(object)?.map(|missing| missing.since);
    let item = Item {
        panel_id: panel,
        kind: T::KIND,
        data: row.data,
        first_seen: row.first_seen,
        changed_at: row.changed_at,
        missing_since,
    };
    serde_json::to_value(item).map_err(aviary_kernel::base::Error::internal)
}

/// An object with its relations.
#[derive(Serialize, ToSchema)]
pub(crate) struct Detail {
    #[serde(flatten)]
    #[schema(value_type = doc::MirrorItem)]
    item: Value,
    relations: Relations,
}

/// A mirrored object, with its relations
///
/// `id` is the panel's number, or the UUID where there is one.
#[utoipa::path(get, path = "/api/v1/mirror/{kind}/{id}", tag = "mirror", params(("kind" = String, Path), ("id" = String, Path), OfPanel), responses(
    (status = 200, body = Reply<Detail>),
    (status = 404, description = "There is no such object", body = ProblemView),
    (status = 409, description = "Several panels have one; say which with `panel`", body = ProblemView),
))]
pub(crate) async fn one(
    book: Data<Book>,
    panels: Data<Panels>,
    _caller: Allow<perm::OfKind>,
    path: Path<(String, String)>,
    query: Query<OfPanel>,
) -> ApiResult {
    let (of, name) = path.into_inner();
    let (kind, name): (Kind, Name) = (kind(&of)?, name.parse()?);
    let (known, panel) = (panels.all().await?, query.panel);
    let detail = book
        .look(move |page| {
            let object = find(page, &known, panel, kind, &name, false)?;
            let item = for_kind!(kind, T => item::<T>(page, object.panel, page.require(object.panel, object.id)?)?);
            Ok(Detail { item, relations: relations(page, object)? })
        })
        .await?;
    Ok(reply::ok(detail))
}
