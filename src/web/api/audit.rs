//! Who did what: the list, a file of it, and whether it can be believed.

use actix_web::HttpResponse;
use actix_web::http::{StatusCode, header};
use actix_web::web::{Bytes, Data, Path, Query};
use aviary_domain::audit::{Audit, AuditQuery, Export, Fault, Format, Told, Verified};
use aviary_kernel::base::{Cursor, Result, Timestamp};
use aviary_kernel::model::{Action, Went};
use futures_util::stream;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::history::time;
use super::reply::{self, Reply, Walk};
use super::syncs::{limit, optional};
use super::words::filled;
use crate::allow::{Allow, perm};
use crate::openapi::doc;
use crate::problem::{ApiResult, ProblemView};

/// What is asked of the audit trail.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct EventsQuery {
    /// Who, as `actor.id` tells, or all of a kind: `person`, `api-key`, `panel`.
    actor: Option<String>,
    /// An action, such as `panel.add`; see `/api/v1/audit/actions`.
    action: Option<String>,
    /// The kind of what it was done to, such as `panel` or `account`.
    kind: Option<String>,
    /// The id of what it was done to.
    id: Option<String>,
    /// Not older than this; RFC 3339.
    from: Option<String>,
    /// Older than this; RFC 3339.
    to: Option<String>,
    /// `done`, `refused` or `failed`.
    outcome: Option<String>,
    /// Part of the name or address of who did it, or of the name of what it was done to.
    q: Option<String>,
    /// 1 to 1000; 50 unless told.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<usize>,
    /// The `nextCursor` of the page before.
    cursor: Option<String>,
}

impl EventsQuery {
    fn query(self) -> Result<AuditQuery> {
        let action = filled(self.action.as_deref()).map(|word| word.parse::<Action>());
        let outcome = filled(self.outcome.as_deref()).map(|word| word.parse::<Went>());
        Ok(AuditQuery {
            actor: filled(self.actor.as_deref()),
            action: action.transpose()?,
            kind: filled(self.kind.as_deref()),
            id: filled(self.id.as_deref()),
            from: self.from.map(|text| time("from", &text)).transpose()?,
            until: self.to.map(|text| time("to", &text)).transpose()?,
            outcome: outcome.transpose()?,
            search: filled(self.q.as_deref()),
            after: self.cursor.map(|text| text.parse::<Cursor>()).transpose()?,
            limit: limit(self.limit, 50, 1000)?,
        })
    }
}

/// Who did what, newest first
///
/// A page may be short or even empty while `nextCursor` is there: a rare filter is looked for a stretch at a time.
#[utoipa::path(get, path = "/api/v1/audit", tag = "audit", params(EventsQuery), responses(
    (status = 200, body = Reply<Walk<doc::AuditEvent>>),
    (status = 400, description = "A filter cannot be read", body = ProblemView),
))]
pub(crate) async fn list(audit: Data<Audit>, _caller: Allow<perm::AuditRead>, query: Query<EventsQuery>) -> ApiResult {
    let page = audit.list(query.into_inner().query()?).await?;
    Ok(reply::ok(Walk::new(page.events.into_iter().map(Told::from).collect(), page.next.as_ref())))
}

/// An audit event
#[utoipa::path(get, path = "/api/v1/audit/{seq}", tag = "audit", params(("seq" = u64, Path)), responses(
    (status = 200, body = Reply<doc::AuditEvent>),
    (status = 404, description = "There is no such event", body = ProblemView),
))]
pub(crate) async fn one(audit: Data<Audit>, _caller: Allow<perm::AuditRead>, seq: Path<u64>) -> ApiResult {
    Ok(reply::ok(Told::from(audit.get(*seq).await?)))
}

/// Something that is put on record.
#[derive(Serialize, ToSchema)]
pub(crate) struct ActionView {
    /// As in events and filters.
    name: &'static str,
    /// For people.
    does: &'static str,
}

/// Everything that is put on record
#[utoipa::path(get, path = "/api/v1/audit/actions", tag = "audit", responses((status = 200, body = Reply<Vec<ActionView>>)))]
pub(crate) async fn actions(_caller: Allow<perm::AuditRead>) -> ApiResult {
    let actions = Action::ALL.iter().map(|action| ActionView { name: action.name(), does: action.does() });
    Ok(reply::ok(actions.collect::<Vec<_>>()))
}

/// What an export looks like.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ExportQuery {
    /// `csv` (RFC 4180) or `jsonl`, one JSON object a line.
    format: String,
}

/// The audit trail as a file
///
/// Takes the filters of the list. That it was exported is on record before the first byte. In CSV, text that a spreadsheet
/// would take for a formula is led by an apostrophe.
#[utoipa::path(get, path = "/api/v1/audit/export", tag = "audit", params(ExportQuery, EventsQuery), responses(
    (status = 200, description = "The file", body = String, content_type = "text/csv"),
    (status = 400, description = "A filter or the format cannot be read", body = ProblemView),
))]
pub(crate) async fn export(
    audit: Data<Audit>,
    caller: Allow<perm::AuditExport>,
    format: Query<ExportQuery>,
    query: Query<EventsQuery>,
) -> ApiResult {
    let format: Format = format.format.parse()?;
    let export = audit.export(&caller.who, query.into_inner().query()?, format).await?;
    Ok(file(export, format))
}

/// An answer that a browser keeps as a file.
pub(crate) fn file(export: Export, format: Format) -> HttpResponse {
    let pieces = stream::unfold(export, |mut export| async move {
        let piece = export.next().await.transpose()?;
        Some((piece.map(Bytes::from), export))
    });
    HttpResponse::Ok()
        .content_type(format.content_type())
        .insert_header((header::CONTENT_DISPOSITION, format!("attachment; filename=\"audit.{}\"", format.extension())))
        .streaming(pieces)
}

/// How the trail is looked at.
#[derive(Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct VerifyTrail {
    /// The public key, in hex, that somebody kept elsewhere: another one is a fault.
    public_key: Option<String>,
}

/// Whether the trail is what was once written.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct VerifiedView {
    /// Whether nothing is wrong.
    whole: bool,
    /// The number of the first event.
    first: Option<u64>,
    /// The number of the last event.
    last: Option<u64>,
    /// Events that were hashed again.
    events: u64,
    /// The checkpoint that the first event follows, when older events were removed.
    anchor: Option<u64>,
    /// Checkpoints that were looked at.
    checkpoints: u64,
    /// The newest event that a checkpoint vouches for.
    signed_up_to: Option<u64>,
    /// When that checkpoint was made.
    #[schema(value_type = Option<String>, format = DateTime)]
    signed_at: Option<Timestamp>,
    /// The key that checkpoints are signed with, in hex.
    public_key: Option<String>,
    /// What is wrong, the first event first; at most 100.
    faults: Vec<FaultView>,
    /// How many faults there are in all.
    fault_count: u64,
}

/// Something in the trail that is not as it was written.
#[derive(Serialize, ToSchema)]
pub(crate) struct FaultView {
    /// The event that it is about.
    seq: Option<u64>,
    /// One sentence.
    what: String,
}

impl From<Fault> for FaultView {
    fn from(fault: Fault) -> Self {
        Self { seq: fault.seq(), what: fault.to_string() }
    }
}

impl From<Verified> for VerifiedView {
    fn from(found: Verified) -> Self {
        Self {
            whole: found.is_whole(),
            first: found.first,
            last: found.last,
            events: found.events,
            anchor: found.anchor,
            checkpoints: found.checkpoints,
            signed_up_to: found.signed.map(|(seq, _)| seq),
            signed_at: found.signed.map(|(_, at)| at),
            public_key: found.public_key,
            faults: found.faults.into_iter().map(FaultView::from).collect(),
            fault_count: found.fault_count,
        }
    }
}

/// Verify the audit trail
///
/// Hashes every event again and looks at every checkpoint; changes nothing. Takes as long as reading the trail.
#[utoipa::path(post, path = "/api/v1/audit/verify", tag = "audit", request_body = Option<VerifyTrail>, responses(
    (status = 200, body = Reply<VerifiedView>),
    (status = 400, description = "The body cannot be read", body = ProblemView),
))]
pub(crate) async fn verify(audit: Data<Audit>, _caller: Allow<perm::AuditRead>, body: Bytes) -> ApiResult {
    let VerifyTrail { public_key } = optional(&body)?;
    let view = VerifiedView::from(audit.verify(public_key).await?);
    let message = if view.whole { "the audit trail is whole" } else { "the audit trail was changed" };
    Ok(reply::told(StatusCode::OK, view, message))
}
