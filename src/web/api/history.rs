//! What changed, when, and in which sync.

use actix_web::web::{Data, Path, Query};
use aviary_domain::mirror::{Book, HistoryQuery};
use aviary_domain::panels::Panels;
use aviary_kernel::base::{Cursor, Env, Error, Result, Timestamp};
use aviary_kernel::model::{Kind, ObjectKey, Operation, PanelId, RemoteId, SyncId};
use serde::Deserialize;
use utoipa::IntoParams;

use super::mirror::{Name, find, kind};
use super::reply::{self, Reply, Walk};
use super::syncs::limit;
use super::words::filled;
use crate::allow::{Allow, perm};
use crate::openapi::doc;
use crate::problem::{ApiResult, ProblemView};

/// What is asked of the history.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ChangesQuery {
    /// Number of a panel.
    #[param(value_type = Option<u32>)]
    panel: Option<PanelId>,
    /// A kind, such as `servers`.
    kind: Option<String>,
    /// Number of an object; needs `panel` and `kind`.
    #[param(value_type = Option<u64>)]
    id: Option<RemoteId>,
    /// Only what this sync saw.
    #[param(value_type = Option<uuid::Uuid>)]
    sync: Option<SyncId>,
    /// Only what was `created`, `changed` or `removed`.
    operation: Option<String>,
    /// Only where this field changed, or one below it, such as `limits` or `limits.memory`.
    field: Option<String>,
    /// Part of the object's name or of a value.
    search: Option<String>,
    /// Not older than this; RFC 3339.
    from: Option<String>,
    /// Older than this; RFC 3339.
    until: Option<String>,
    /// 1 to 1000; 50 unless told.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<usize>,
    /// The `nextCursor` of the page before.
    cursor: Option<String>,
}

impl ChangesQuery {
    fn query(self) -> Result<HistoryQuery> {
        let kind = self.kind.as_deref().map(kind).transpose()?;
        let object = match (self.id, self.panel, kind) {
            (None, ..) => None,
            (Some(id), Some(panel), Some(kind)) => Some(ObjectKey { panel, kind, id }),
            _ => return Err(Error::invalid("id", "needs panel and kind beside it")),
        };
        Ok(HistoryQuery {
            object,
            sync: self.sync,
            panel: self.panel,
            kind,
            operation: filled(self.operation.as_deref()).map(|word| operation(&word)).transpose()?,
            field: filled(self.field.as_deref()),
            search: filled(self.search.as_deref()),
            from: self.from.map(|text| time("from", &text)).transpose()?,
            until: self.until.map(|text| time("until", &text)).transpose()?,
            after: self.cursor.map(|text| text.parse::<Cursor>()).transpose()?,
            limit: limit(self.limit, 50, 1000)?,
        })
    }
}

fn operation(word: &str) -> Result<Operation> {
    Operation::named(word).ok_or_else(|| Error::invalid("operation", "is created, changed or removed"))
}

/// A time in a query.
pub(super) fn time(field: &'static str, text: &str) -> Result<Timestamp> {
    // A plus sign in an address is a blank.
    Timestamp::parse(&text.replace(' ', "+"))
        .ok_or_else(|| Error::invalid(field, "is no RFC 3339 time; write it like 2026-01-31T12:00:00Z"))
}

/// What changed, newest first
///
/// A page may be short or even empty while `nextCursor` is there: a rare filter is looked for a stretch at a time.
#[utoipa::path(get, path = "/api/v1/history", tag = "history", params(ChangesQuery), responses(
    (status = 200, body = Reply<Walk<doc::HistoryEntry>>),
    (status = 400, description = "A filter cannot be read", body = ProblemView),
))]
pub(crate) async fn list(book: Data<Book>, _caller: Allow<perm::HistoryRead>, query: Query<ChangesQuery>) -> ApiResult {
    let page = book.history(query.into_inner().query()?).await?;
    Ok(reply::ok(Walk::new(page.entries, page.next.as_ref())))
}

/// A stretch of an object's history.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ObjectChangesQuery {
    /// Number of the panel; needed when several panels know the object.
    #[param(value_type = Option<u32>)]
    panel: Option<PanelId>,
    /// 1 to 1000; 50 unless told.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<usize>,
    /// The `nextCursor` of the page before.
    cursor: Option<String>,
}

/// What changed on an object, newest first
///
/// Objects that are gone have their history still.
#[utoipa::path(get, path = "/api/v1/mirror/{kind}/{id}/history", tag = "mirror", params(("kind" = String, Path), ("id" = String, Path), ObjectChangesQuery),
    responses(
        (status = 200, body = Reply<Walk<doc::HistoryEntry>>),
        (status = 404, description = "There never was such an object", body = ProblemView),
        (status = 409, description = "Several panels know it; say which one", body = ProblemView),
    ))]
pub(crate) async fn of_object(
    book: Data<Book>,
    panels: Data<Panels>,
    _caller: Allow<perm::HistoryRead>,
    path: Path<(String, String)>,
    query: Query<ObjectChangesQuery>,
) -> ApiResult {
    let (of, name) = path.into_inner();
    let (kind, name): (Kind, Name) = (kind(&of)?, name.parse()?);
    let known = panels.all().await?;
    let query = query.into_inner();
    let (after, limit) = (query.cursor.map(|text| text.parse::<Cursor>()).transpose()?, limit(query.limit, 50, 1000)?);
    let page = book
        .look(move |page| {
            let object = find(page, &known, query.panel, kind, &name, true)?;
            page.history(&HistoryQuery { object: Some(object), after, limit, ..HistoryQuery::default() })
        })
        .await?;
    Ok(reply::ok(Walk::new(page.entries, page.next.as_ref())))
}

/// Two times.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct CompareQuery {
    /// Number of the panel; needed when several panels know the object.
    #[param(value_type = Option<u32>)]
    panel: Option<PanelId>,
    /// The first time; RFC 3339.
    from: String,
    /// The second time; RFC 3339. Now unless told.
    until: Option<String>,
}

/// What is different about an object between two times
///
/// Worked out from how it is now and its history, so it is known as far back as history is kept: `knownSince` tells when that
/// is later than `from`. What happened exactly at a time belongs to before it. Fields that changed and are as they were stand
/// there too, with the same value twice.
#[utoipa::path(get, path = "/api/v1/mirror/{kind}/{id}/compare", tag = "mirror", params(("kind" = String, Path), ("id" = String, Path), CompareQuery),
    responses(
        (status = 200, body = Reply<doc::Compared>),
        (status = 400, description = "A time cannot be read, or the second is before the first", body = ProblemView),
        (status = 404, description = "Nothing is known of such an object", body = ProblemView),
        (status = 409, description = "Several panels know it; say which one", body = ProblemView),
    ))]
pub(crate) async fn compare(
    env: Data<Env>,
    book: Data<Book>,
    panels: Data<Panels>,
    _caller: Allow<perm::HistoryRead>,
    path: Path<(String, String)>,
    query: Query<CompareQuery>,
) -> ApiResult {
    let (of, name) = path.into_inner();
    let (kind, name): (Kind, Name) = (kind(&of)?, name.parse()?);
    let known = panels.all().await?;
    let query = query.into_inner();
    let from = time("from", &query.from)?;
    let until = query.until.map_or_else(|| Ok(env.now()), |text| time("until", &text))?;
    let compared =
        book.look(move |page| page.compare(find(page, &known, query.panel, kind, &name, true)?, from, until)).await?;
    Ok(reply::ok(compared))
}
