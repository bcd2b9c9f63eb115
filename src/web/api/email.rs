//! Mails: those that other programs have sent, the list of all, and what is done with them.

use std::collections::BTreeMap;

use actix_web::http::StatusCode;
use actix_web::web::{Data, Json, Path, Query};
use aviary_domain::mails::{MailLine, MailQuery, Mails, NewMail, Preview, TestMail, good_until, kind_of};
use aviary_kernel::base::{Cursor, Error, Result, Timestamp};
use aviary_kernel::model::{Mail, MailState};
use aviary_kernel::store::Key;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::history::time;
use super::reply::{self, Reply, Walk};
use super::syncs::limit;
use super::words::filled;
use crate::allow::{Allow, perm};
use crate::problem::{ApiResult, Problem, ProblemView};

/// A mail that another program has sent.
#[derive(Deserialize, ToSchema)]
pub(crate) struct QueueEmail {
    /// An e-mail address.
    #[serde(default)]
    #[schema(required)]
    to: String,
    /// One line of at most 200 characters.
    #[serde(default)]
    #[schema(required)]
    subject: String,
    /// `verify-email` (or `email-verification`), `reset-password` (or `password-reset`), `magic-link`, `welcome`,
    /// `sync-complete`; any other name stands for a plain message.
    #[serde(default)]
    #[schema(required)]
    template: String,
    /// What the template is filled in with. For links either the whole address (`verifyUrl`, `resetUrl`, `magicLinkUrl`) or
    /// `token` and `email` of an account, and `name`; for `sync-complete` `syncType`, `status` and `duration`; for a plain
    /// message `message`.
    data: Option<BTreeMap<String, String>>,
}

/// The job that sends a mail.
#[derive(Serialize, ToSchema)]
pub(crate) struct TaskView {
    task_id: Uuid,
}

/// Have a mail sent
///
/// It leaves as soon as the mail service takes it. Without a mail service it is kept until somebody sends it.
#[utoipa::path(post, path = "/api/v1/email/queue", tag = "mails", request_body = QueueEmail, responses(
    (status = 202, description = "It is on its way", body = Reply<TaskView>),
    (status = 400, description = "Something is missing or wrong; the field is named", body = ProblemView),
))]
pub(crate) async fn queue(mails: Data<Mails>, caller: Allow<perm::MailSend>, body: Json<QueueEmail>) -> ApiResult {
    let QueueEmail { to, subject, template, data } = body.into_inner();
    let new = NewMail { to, subject, template, data: data.unwrap_or_default() };
    let queued = mails.queue(&caller.caller, new).await?;
    Ok(reply::told(StatusCode::ACCEPTED, TaskView { task_id: queued.job }, "the mail is on its way"))
}

/// A mail, without what it says.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MailView {
    number: u64,
    to: String,
    subject: String,
    /// What it is, such as `reset-password`, `event` or `test`.
    kind: String,
    /// `waiting`, `kept`, `sent`, `delivered`, `bounced`, `refused`, `failed` or `dropped`.
    state: &'static str,
    #[schema(value_type = String, format = DateTime)]
    written_at: Timestamp,
    /// When its link expires; null = it has none.
    #[schema(value_type = Option<String>, format = DateTime)]
    good_until: Option<Timestamp>,
    /// The job that sends it; null = none yet.
    job: Option<Uuid>,
    /// The mail service that took it; null = none yet.
    taken: Option<TakenView>,
    /// Oldest first; of many the latest.
    attempts: Vec<AttemptView>,
}

/// That a mail service took a mail.
#[derive(Serialize, ToSchema)]
struct TakenView {
    /// Such as `Resend`, or the name of the SMTP server.
    service: String,
    /// What the mail is called there.
    id: String,
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
}

/// A try to send a mail.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct AttemptView {
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// Milliseconds.
    took_ms: u64,
    /// What went wrong and what to do about it; null = it was taken.
    error: Option<String>,
}

impl MailView {
    fn new(number: u64, mail: Mail, subject: String) -> Self {
        let attempts = mail.attempts.iter().cloned();
        let attempts =
            attempts.map(|attempt| AttemptView { at: attempt.at, took_ms: attempt.took_ms, error: attempt.error });
        Self {
            number,
            to: mail.to.to_string(),
            subject,
            kind: kind_of(&mail.says),
            state: mail.state.word(),
            written_at: mail.written_at,
            good_until: good_until(&mail),
            job: mail.job,
            attempts: attempts.collect(),
            taken: mail.taken.map(|taken| TakenView { service: taken.service, id: taken.id, at: taken.at }),
        }
    }
}

impl From<MailLine> for MailView {
    fn from(line: MailLine) -> Self {
        Self::new(line.number, line.mail, line.subject)
    }
}

/// A mail with what it says.
#[derive(Serialize, ToSchema)]
pub(crate) struct OpenMailView {
    #[serde(flatten)]
    mail: MailView,
    /// As plain text.
    text: String,
    /// As HTML.
    html: String,
    /// The link that stands out in it; null = it has none.
    link: Option<String>,
}

/// What is asked of the list of mails.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct MailsQuery {
    /// Only those in this state.
    state: Option<String>,
    /// 1 to 200; 50 unless told.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<usize>,
    /// The `nextCursor` of the page before.
    cursor: Option<String>,
}

/// Mails, newest first
#[utoipa::path(get, path = "/api/v1/mails", tag = "mails", params(MailsQuery), responses(
    (status = 200, body = Reply<Walk<MailView>>),
    (status = 400, description = "The state or the cursor cannot be read", body = ProblemView),
))]
pub(crate) async fn list(mails: Data<Mails>, caller: Allow<perm::MailRead>, query: Query<MailsQuery>) -> ApiResult {
    let query = query.into_inner();
    let state = filled(query.state.as_deref()).map(|word| word.parse::<MailState>()).transpose()?;
    let after = query.cursor.as_deref().map(cursor).transpose()?;
    let page = mails.list(&caller.caller, MailQuery { state, after, limit: limit(query.limit, 50, 200)? }).await?;
    let next = page.next.map(|number| Cursor::after(&number.to_bytes()));
    Ok(reply::ok(Walk::new(page.rows.into_iter().map(MailView::from).collect(), next.as_ref())))
}

/// A cursor of this list.
fn cursor(text: &str) -> Result<u64> {
    let cursor: Cursor = text.parse()?;
    let bad = || Error::invalid("cursor", "is not one of this list; begin again without it");
    u64::from_bytes(cursor.key()).ok_or_else(bad)
}

/// Whether mail leaves, and how many mails are in each state.
#[derive(Serialize, ToSchema)]
pub(crate) struct MailCountsView {
    /// What takes the mail; null = nothing does, so mails are kept.
    service: Option<String>,
    /// What stands in the way of mail; null = nothing that is known.
    trouble: Option<String>,
    /// How many mails are in each state.
    states: BTreeMap<&'static str, u64>,
}

/// How many mails there are, and whether mail leaves
#[utoipa::path(get, path = "/api/v1/mails/counts", tag = "mails", responses((status = 200, body = Reply<MailCountsView>)))]
pub(crate) async fn counts(mails: Data<Mails>, _caller: Allow<perm::MailRead>) -> ApiResult {
    let (counts, standing) = (mails.counts().await?, mails.standing().await?);
    let trouble = standing.trouble().map(str::to_owned).or_else(|| standing.service.clone().err());
    let states = counts.each().iter().map(|(state, count)| (state.word(), *count)).collect();
    Ok(reply::ok(MailCountsView { service: standing.service.ok(), trouble, states }))
}

/// A mail with what it says
///
/// That somebody looked is put on record.
#[utoipa::path(get, path = "/api/v1/mails/{number}", tag = "mails", params(("number" = u64, Path)), responses(
    (status = 200, body = Reply<OpenMailView>),
    (status = 403, description = "It is to somebody who may do more than you", body = ProblemView),
    (status = 404, description = "There is no such mail", body = ProblemView),
))]
pub(crate) async fn one(mails: Data<Mails>, caller: Allow<perm::MailOpen>, number: Path<u64>) -> ApiResult {
    let site = mails.site().await?;
    let open = mails.open(&caller.caller, *number, &site).await?;
    let mail = MailView::new(open.number, open.mail, open.subject);
    Ok(reply::ok(OpenMailView { mail, text: open.text, html: open.html, link: open.link }))
}

/// Send a mail, or once more
#[utoipa::path(post, path = "/api/v1/mails/{number}/again", tag = "mails", params(("number" = u64, Path)), responses(
    (status = 202, description = "It is on its way", body = Reply<u64>),
    (status = 404, description = "There is no such mail", body = ProblemView),
    (status = 409, description = "It is on its way already, or its link expired", body = ProblemView),
))]
pub(crate) async fn again(mails: Data<Mails>, caller: Allow<perm::MailSend>, number: Path<u64>) -> ApiResult {
    mails.again(&caller.caller, *number).await?;
    Ok(reply::told(StatusCode::ACCEPTED, *number, "the mail is on its way"))
}

/// Drop a mail that has not left
#[utoipa::path(post, path = "/api/v1/mails/{number}/drop", tag = "mails", params(("number" = u64, Path)), responses(
    (status = 200, description = "It does not leave", body = Reply<u64>),
    (status = 404, description = "There is no such mail", body = ProblemView),
    (status = 409, description = "It has left", body = ProblemView),
))]
pub(crate) async fn drop_one(mails: Data<Mails>, caller: Allow<perm::MailSend>, number: Path<u64>) -> ApiResult {
    mails.drop_one(&caller.caller, *number).await?;
    Ok(reply::told(StatusCode::OK, *number, "the mail was dropped"))
}

/// Which kept mails are to be sent.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SendKept {
    /// Only those not older than this; RFC 3339.
    since: Option<String>,
    /// How many there are, as an answer without it said. Without it nothing is sent.
    count: Option<u64>,
}

/// What becomes of kept mails.
#[derive(Serialize, ToSchema)]
pub(crate) struct KeptView {
    /// Mails that can be sent.
    count: u64,
    /// Mails that are on their way now.
    sent: u64,
    /// Mails that stay, since their link expired.
    expired: u64,
}

/// Send kept mails
///
/// Ask without `count` first: the answer says how many there are. Send that number along to have them sent.
#[utoipa::path(post, path = "/api/v1/mails/kept", tag = "mails", request_body = SendKept, responses(
    (status = 200, body = Reply<KeptView>),
    (status = 400, description = "The time cannot be read", body = ProblemView),
    (status = 409, description = "There are not that many any more", body = ProblemView),
))]
pub(crate) async fn kept(mails: Data<Mails>, caller: Allow<perm::MailSend>, body: Json<SendKept>) -> ApiResult {
    let since = body.since.as_deref().map(|text| time("since", text)).transpose()?;
    let Some(count) = body.count else {
        let count = mails.count_kept(since).await?;
        return Ok(reply::ok(KeptView { count, sent: 0, expired: 0 }));
    };
    let done = mails.send_kept(&caller.caller, since, count).await?;
    Ok(reply::told(
        StatusCode::OK,
        KeptView { count, sent: done.sent, expired: done.expired },
        "the mails are on their way",
    ))
}

/// Where a test goes.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SendTest {
    /// An e-mail address.
    #[serde(default)]
    #[schema(required)]
    to: String,
}

/// Send a mail that tries whether mail works
#[utoipa::path(post, path = "/api/v1/mails/test", tag = "mails", request_body = SendTest, responses(
    (status = 202, description = "It is on its way; its number", body = Reply<u64>),
    (status = 400, description = "This is no address", body = ProblemView),
    (status = 429, description = "Too many tests in a short time", body = ProblemView),
))]
pub(crate) async fn test(mails: Data<Mails>, caller: Allow<perm::MailSend>, body: Json<SendTest>) -> ApiResult {
    match mails.test(&caller.caller, &body.to).await? {
        TestMail::Queued(queued) => Ok(reply::told(StatusCode::ACCEPTED, queued.number, "the mail is on its way")),
        TestMail::TooOften { retry_after_s } => Err(Problem::too_many(retry_after_s)),
    }
}

/// A template with invented values.
#[derive(Serialize, ToSchema)]
pub(crate) struct PreviewView {
    /// The name.
    template: &'static str,
    /// When it is sent.
    when: &'static str,
    subject: String,
    /// As plain text.
    text: String,
    /// As HTML.
    html: String,
}

impl From<Preview> for PreviewView {
    fn from(Preview { name, when, mail }: Preview) -> Self {
        Self { template: name, when, subject: mail.subject, text: mail.text, html: mail.html }
    }
}

/// Every template with invented values
#[utoipa::path(get, path = "/api/v1/mails/templates", tag = "mails", responses((status = 200, body = Reply<Vec<PreviewView>>)))]
pub(crate) async fn previews(mails: Data<Mails>, _caller: Allow<perm::MailRead>) -> ApiResult {
    Ok(reply::ok(mails.previews().await?.into_iter().map(PreviewView::from).collect::<Vec<_>>()))
}

/// A template with invented values
#[utoipa::path(get, path = "/api/v1/mails/templates/{name}", tag = "mails", params(("name" = String, Path)), responses(
    (status = 200, body = Reply<PreviewView>),
    (status = 404, description = "There is no such template", body = ProblemView),
))]
pub(crate) async fn preview(mails: Data<Mails>, _caller: Allow<perm::MailRead>, name: Path<String>) -> ApiResult {
    Ok(reply::ok(PreviewView::from(mails.preview(&name).await?)))
}
