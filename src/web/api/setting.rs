//! Settings one by one: what they take, where their values come from, what they were.

use std::collections::BTreeMap;

use actix_web::http::StatusCode;
use actix_web::web::{Bytes, Data, Json, Path, Query};
use aviary_domain::settings::{Given, Key, PastChange, Settings, Shown, Source, Tested, Type, Wanted};
use aviary_kernel::base::{Cursor, Secret, Timestamp};
use aviary_kernel::config::SetBy;
use aviary_kernel::model::Permission;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use super::reply::{self, Reply, Walk};
use super::settings::change;
use super::syncs::limit;
use crate::allow::{Allow, perm};
use crate::problem::{ApiResult, Problem, ProblemView};

/// A setting.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SettingView {
    /// As it is stored, such as `site_name`.
    key: &'static str,
    /// As the older API calls it, such as `siteName`.
    name: &'static str,
    /// What it belongs to.
    group: &'static str,
    /// What people call it.
    label: &'static str,
    /// What it does.
    description: &'static str,
    /// `boolean`, `number`, `text`, `url`, `email`, `sender`, `repositories` or `secret`.
    r#type: &'static str,
    /// The smallest number.
    least: Option<u64>,
    /// The largest number.
    most: Option<u64>,
    /// What is counted.
    unit: Option<&'static str>,
    /// The most characters.
    longest: Option<usize>,
    /// The words to choose from.
    choices: Option<&'static [&'static str]>,
    /// The value that counts; a secret is masked, and empty when there is none.
    #[schema(value_type = Value)]
    value: Value,
    /// What counts when it is reset.
    #[schema(value_type = Value)]
    default: Value,
    /// `default`, `file`, `env`, `flag`, `set` or `panel`.
    source: &'static str,
    /// Which file, variable or panel.
    from: Option<String>,
    /// Who set it.
    set_by: Option<String>,
    /// When it was set.
    #[schema(value_type = Option<String>, format = DateTime)]
    set_at: Option<Timestamp>,
}

impl SettingView {
    fn new(shown: Shown) -> Self {
        let about = shown.key.about();
        let (least, most, unit) = match about.kind {
            Type::Number { least, most, unit } => (Some(least), Some(most), Some(unit)),
            _ => (None, None, None),
        };
        let longest = if let Type::Text(longest) = about.kind { Some(longest) } else { None };
        let choices = if let Type::Choice(words) = about.kind { Some(words) } else { None };
        let (source, from) = origin(&shown.source);
        let (set_by, set_at) = match shown.source {
            Source::Set { by, at } => (Some(by.name), Some(at)),
            _ => (None, None),
        };
        Self {
            key: about.key,
            name: about.name,
            group: about.group.name(),
            label: about.label,
            description: about.text,
            r#type: about.kind.word(),
            least,
            most,
            unit,
            longest,
            choices,
            value: shown.value,
            default: shown.base,
            source,
            from,
            set_by,
            set_at,
        }
    }
}

fn origin(source: &Source) -> (&'static str, Option<String>) {
    match source {
        Source::Config(SetBy::Default) => ("default", None),
        Source::Config(SetBy::File(path)) => ("file", Some(path.display().to_string())),
        Source::Config(SetBy::Env(name)) => ("env", Some(name.clone())),
        Source::Config(SetBy::Flag) => ("flag", None),
        Source::Set { .. } => ("set", None),
        Source::Panel { name, .. } => ("panel", Some(name.clone())),
    }
}

/// Settings, with where their values come from
#[utoipa::path(get, path = "/api/v1/settings", tag = "settings", responses((status = 200, body = Reply<Vec<SettingView>>)))]
pub(crate) async fn list(settings: Data<Settings>, _caller: Allow<perm::SettingsRead>) -> ApiResult {
    Ok(reply::ok(settings.all().await?.into_iter().map(SettingView::new).collect::<Vec<_>>()))
}

/// Change settings
///
/// By key or name; null = back to what the configuration says. All of them or none; they count at once. What is absent, and a
/// secret that is empty or the mask, stays as it is. Those that became different come back.
#[utoipa::path(patch, path = "/api/v1/settings", tag = "settings",
    request_body(content = BTreeMap<String, Value>, example = json!({"siteName": "Birds", "github_token": null})),
    responses(
        (status = 200, body = Reply<Vec<SettingView>>),
        (status = 400, description = "Values that cannot be taken; all of them are named", body = ProblemView),
        (status = 409, description = "A panel stands in the way", body = ProblemView),
    ))]
pub(crate) async fn patch(
    settings: Data<Settings>,
    caller: Allow<perm::SettingsWrite>,
    body: Json<BTreeMap<String, Wanted>>,
) -> ApiResult {
    let (mut wanted, mut unknown) = (Vec::new(), Vec::new());
    for (name, value) in body.into_inner() {
        match Key::find(&name) {
            Some(key) => wanted.push((key, value)),
            None => unknown.push(name),
        }
    }
    if !unknown.is_empty() {
        return Err(Problem::bad_request(format!("there is no setting {}", unknown.join(", "))));
    }
    let keys = change(&settings, &caller, wanted).await?;
    let changed = settings.all().await?.into_iter().filter(|shown| keys.contains(&shown.key));
    let message = if keys.is_empty() { "nothing became different" } else { "the settings were changed" };
    Ok(reply::told(StatusCode::OK, changed.map(SettingView::new).collect::<Vec<_>>(), message))
}

/// A change of a setting.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PastChangeView {
    /// Names it, for undoing.
    change: u64,
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// Who made it.
    by: String,
    /// Before, masked; null = it was as without.
    #[schema(value_type = Option<Value>)]
    before: Option<Value>,
    /// After, masked; null = it was as without again.
    #[schema(value_type = Option<Value>)]
    after: Option<Value>,
    /// Whether nobody changed the setting since.
    can_undo: bool,
}

impl From<PastChange> for PastChangeView {
    fn from(past: PastChange) -> Self {
        let PastChange { number, at, by, before, after, can_undo } = past;
        Self { change: number, at, by: by.name, before, after, can_undo }
    }
}

/// A stretch of the changes.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ChangesQuery {
    /// 1 to 200; 50 unless told.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<usize>,
    /// The `nextCursor` of the page before.
    cursor: Option<String>,
}

/// What a setting was, newest first
#[utoipa::path(get, path = "/api/v1/settings/{key}/history", tag = "settings", params(("key" = String, Path), ChangesQuery), responses(
    (status = 200, body = Reply<Walk<PastChangeView>>),
    (status = 404, description = "There is no such setting", body = ProblemView),
))]
pub(crate) async fn history(
    settings: Data<Settings>,
    _caller: Allow<perm::SettingsRead>,
    key: Path<String>,
    query: Query<ChangesQuery>,
) -> ApiResult {
    let key = Key::require(&key)?;
    let after = query.cursor.as_deref().map(str::parse::<Cursor>).transpose()?;
    let page = settings.history(key, after, limit(query.limit, 50, 200)?).await?;
    let items = page.changes.into_iter().map(PastChangeView::from).collect();
    Ok(reply::ok(Walk::new(items, page.next.as_ref())))
}

/// Which change is undone.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct UndoChange {
    /// As the history names it.
    change: u64,
}

/// Undo a change
///
/// Secrets come back too. Not when the setting was changed again since.
#[utoipa::path(post, path = "/api/v1/settings/{key}/undo", tag = "settings", params(("key" = String, Path)), request_body = UndoChange, responses(
    (status = 200, body = Reply<SettingView>),
    (status = 404, description = "There is no such setting or change", body = ProblemView),
    (status = 409, description = "It was changed again since", body = ProblemView),
))]
pub(crate) async fn undo(
    settings: Data<Settings>,
    caller: Allow<perm::SettingsWrite>,
    key: Path<String>,
    body: Json<UndoChange>,
) -> ApiResult {
    let key = Key::require(&key)?;
    if key.is_of_panel() {
        caller.caller.require(Permission::PanelWrite)?;
    }
    settings.undo(&caller.who, key, body.change).await?;
    Ok(reply::told(StatusCode::OK, SettingView::new(settings.get(key).await?), "the change was undone"))
}

/// What to test with; what is absent, empty or the mask is taken from the settings.
#[derive(Deserialize, ToSchema, Default)]
#[serde(deny_unknown_fields)]
pub(crate) struct TestConnection {
    /// An address.
    url: Option<String>,
    /// A key.
    #[schema(value_type = Option<String>)]
    key: Option<Secret<String>>,
}

/// What a test showed.
#[derive(ToSchema)]
#[schema(as = ConnectionTest, rename_all = "camelCase")]
#[allow(dead_code, reason = "only the document needs the types: the report is sent as it is")]
struct TestView {
    /// `panel`, `mail`, `webhook`, `virtfusion` or `database`.
    what: String,
    /// Whether it answers as it should.
    connected: bool,
    /// Milliseconds until the answer was there.
    latency_ms: Option<u64>,
    /// What answered, where it says so.
    version: Option<String>,
    /// What the answer means.
    message: String,
    /// What went wrong.
    error: Option<String>,
    /// What to do about it.
    remedy: Option<String>,
    /// More that a person should know.
    findings: Vec<String>,
    /// What was sent and what came back, secrets masked.
    exchanges: Vec<ExchangeView>,
}

/// A request and its answer, secrets masked.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code, reason = "only the document needs the type")]
struct ExchangeView {
    /// Method and address.
    request: String,
    /// Name and value of each.
    request_headers: Vec<Vec<String>>,
    /// The address behind the name; null when no connection came about.
    address: Option<String>,
    /// Null when there was no answer.
    status: Option<u16>,
    /// Name and value of each.
    headers: Vec<Vec<String>>,
    /// The beginning of the answer.
    body: String,
    /// Whether there was more of it.
    is_cut: bool,
    /// Milliseconds.
    took_ms: u64,
}

/// Test a connection
///
/// Really connects, and shows what was sent and what came back. `what` is `panel`, `mail`, `webhook`, `virtfusion` or
/// `database`. A stored key goes only to the address that it is stored for.
#[utoipa::path(post, path = "/api/v1/settings/test/{what}", tag = "settings", params(("what" = String, Path)), request_body = Option<TestConnection>, responses(
    (status = 200, description = "Tested; also when nobody answers", body = Reply<TestView>),
    (status = 400, description = "There is not enough to connect with", body = ProblemView),
))]
pub(crate) async fn test(
    settings: Data<Settings>,
    caller: Allow<perm::SettingsWrite>,
    what: Path<String>,
    body: Bytes,
) -> ApiResult {
    let what: Tested = what.parse()?;
    let with = match body.is_empty() {
        true => TestConnection::default(),
        false => serde_json::from_slice(&body)
            .map_err(|error| Problem::bad_request(format!("the body cannot be read: {error}")))?,
    };
    if what == Tested::Panel {
        // What a panel answers is for who looks after panels.
        caller.caller.require(Permission::PanelWrite)?;
    }
    let report = settings.test(&caller.who, what, Given { url: with.url, key: with.key }).await?;
    let message = report.message.clone();
    Ok(reply::told(StatusCode::OK, report, message))
}
