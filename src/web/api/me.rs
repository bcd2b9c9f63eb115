//! The caller's own: who they are and what they may, where they are signed in, their second factor, how
//! they want to see things. With it a front end of
//! one's own can do what the pages do.

use std::collections::BTreeMap;

use actix_web::web::{Data, Json, Path};
use aviary_domain::access::{Caller, Refusal};
use aviary_domain::accounts::{Accounts, PreferencesPatch};
use aviary_domain::sign_in::{Offer, SignIn};
use aviary_kernel::base::{Error, Secret, Timestamp, Zone};
use aviary_kernel::model::{AccountId, Density, Permission, Preferences, Session, SessionKind, Theme, Units};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::accounts::AccountView;
use super::reply::{self, Reply};
use crate::allow::{Allow, perm};
use crate::problem::{ApiResult, Problem, ProblemView};

/// Where somebody is signed in.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SessionView {
    id: Uuid,
    /// `browser` or `api`.
    kind: &'static str,
    /// The one that this request came with.
    is_current: bool,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// To the minute.
    #[schema(value_type = String, format = DateTime)]
    seen_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
    address: Option<String>,
    user_agent: Option<String>,
}

impl SessionView {
    fn new(session: Session, current: Option<Uuid>) -> Self {
        Self {
            id: session.id,
            kind: match session.kind {
                SessionKind::Browser => "browser",
                SessionKind::Api => "api",
            },
            is_current: current == Some(session.id),
            created_at: session.created_at,
            seen_at: session.seen_at,
            expires_at: session.expires_at,
            address: session.address.map(|address| address.to_string()),
            user_agent: session.user_agent,
        }
    }
}

/// Who the caller is.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MeView {
    account: AccountView,
    roles: Vec<String>,
    /// Every permission that the roles give; none of them counts while a second factor is missing.
    permissions: Vec<String>,
    /// A role asks for a second factor that is not set up yet: until it is, nothing but that can be done.
    needs_second_factor: bool,
    session: Option<SessionView>,
}

/// Who the caller is, and what they may
#[utoipa::path(get, path = "/api/v1/me", tag = "me", responses((status = 200, body = Reply<MeView>)))]
pub(crate) async fn me(accounts: Data<Accounts>, sign_in: Data<SignIn>, caller: Allow<perm::OwnSecurity>) -> ApiResult {
    let by = &caller.caller;
    let person = accounts.own_person(by).await?;
    let sessions = sign_in.sessions_of(person.account.id).await?;
    let session = sessions.into_iter().find(|session| by.session == Some(session.id));
    let permissions = Permission::ALL.iter().filter(|permission| by.grants.allow(**permission));
    Ok(reply::ok(MeView {
        roles: person.account.roles.clone(),
        account: person.into(),
        permissions: permissions.map(ToString::to_string).collect(),
        needs_second_factor: by.lacks_second_factor,
        session: session.map(|session| SessionView::new(session, by.session)),
    }))
}

/// Where the caller is signed in; the session that was used last comes first
#[utoipa::path(get, path = "/api/v1/me/sessions", tag = "me", responses((status = 200, body = Reply<Vec<SessionView>>)))]
pub(crate) async fn sessions(sign_in: Data<SignIn>, caller: Allow<perm::OwnSecurity>) -> ApiResult {
    let by = &caller.caller;
    let sessions = sign_in.sessions_of(person(by)?).await?;
    Ok(reply::ok(sessions.into_iter().map(|one| SessionView::new(one, by.session)).collect::<Vec<_>>()))
}

/// How many sessions were ended.
#[derive(Serialize, ToSchema)]
pub(crate) struct EndedView {
    ended: u64,
}

/// End the caller's other sessions
#[utoipa::path(delete, path = "/api/v1/me/sessions", tag = "me", responses((status = 200, body = Reply<EndedView>)))]
pub(crate) async fn end_other_sessions(sign_in: Data<SignIn>, caller: Allow<perm::OwnSecurity>) -> ApiResult {
    Ok(reply::ok(EndedView { ended: sign_in.end_others(&caller.caller).await? }))
}

/// End a session of the caller
///
/// Also the one that the request came with.
#[utoipa::path(delete, path = "/api/v1/me/sessions/{id}", tag = "me", params(("id" = Uuid, Path)), responses(
    (status = 200, body = Reply<EndedView>),
    (status = 404, description = "The caller has no such session", body = ProblemView),
))]
pub(crate) async fn end_session(sign_in: Data<SignIn>, caller: Allow<perm::OwnSecurity>, id: Path<Uuid>) -> ApiResult {
    let by = &caller.caller;
    // Those of others are ended elsewhere, and are not told apart from none at all.
    let own = sign_in.sessions_of(person(by)?).await?;
    if !own.iter().any(|session| session.id == *id) {
        return Err(Error::not_found("session", *id).into());
    }
    sign_in.end_session(by, *id).await?;
    Ok(reply::ok(EndedView { ended: 1 }))
}

/// Who asks; the guard has let in nobody else.
pub(super) fn person(by: &Caller) -> Result<AccountId, Error> {
    by.account.ok_or_else(|| Error::Forbidden("this belongs to a person: sign in with an account".into()))
}

/// What it takes to be offered a second factor.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct WantFactor {
    #[schema(value_type = String, format = Password)]
    password: Secret<String>,
    /// A code of the second factor in use, to move to another app.
    #[schema(value_type = Option<String>)]
    code: Option<Secret<String>>,
}

/// A second factor to be put into an app.
#[derive(Serialize, ToSchema)]
pub(crate) struct OfferView {
    /// The secret, to be typed.
    secret: String,
    /// The same as an `otpauth:` address.
    url: String,
    /// The address as a QR code: an `svg` element.
    svg: String,
}

impl From<Offer> for OfferView {
    fn from(offer: Offer) -> Self {
        let clear = |secret: &Secret<String>| secret.reveal().clone();
        Self { secret: clear(&offer.secret), url: clear(&offer.url), svg: clear(&offer.svg) }
    }
}

/// Be offered a second factor
///
/// It counts once a code of it was sent to `/api/v1/me/second-factor/enable`. With a code of the one in use it is for another
/// app.
#[utoipa::path(post, path = "/api/v1/me/second-factor", tag = "me", request_body = WantFactor, responses(
    (status = 200, description = "Shown this once", body = Reply<OfferView>),
    (status = 401, description = "`wrong_password`, `invalid_code`", body = ProblemView),
    (status = 409, description = "There is one already, so a code is needed", body = ProblemView),
    (status = 429, description = "`locked`", body = ProblemView),
))]
pub(crate) async fn offer(
    sign_in: Data<SignIn>,
    caller: Allow<perm::OwnSecurity>,
    wanted: Json<WantFactor>,
) -> ApiResult {
    let (by, WantFactor { password, code }) = (&caller.caller, wanted.into_inner());
    let offer = match code {
        None => sign_in.offer(by, password).await,
        Some(code) => sign_in.offer_another(by, password, code).await,
    };
    Ok(reply::ok(OfferView::from(offer.map_err(in_words)?)))
}

/// A code of the second factor that was offered.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ProveFactor {
    #[schema(value_type = String)]
    code: Secret<String>,
}

/// Codes that let somebody in who lost their second factor; each is good once.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CodesView {
    recovery_codes: Vec<String>,
}

impl CodesView {
    fn new(codes: &[Secret<String>]) -> Self {
        Self { recovery_codes: codes.iter().map(|code| code.reveal().clone()).collect() }
    }
}

/// Turn the second factor on that was offered
///
/// Ends the caller's other sessions.
#[utoipa::path(post, path = "/api/v1/me/second-factor/enable", tag = "me", request_body = ProveFactor, responses(
    (status = 200, description = "Shown this once", body = Reply<CodesView>),
    (status = 401, description = "`invalid_code`", body = ProblemView),
    (status = 409, description = "None was offered", body = ProblemView),
))]
pub(crate) async fn enable(
    sign_in: Data<SignIn>,
    caller: Allow<perm::OwnSecurity>,
    wanted: Json<ProveFactor>,
) -> ApiResult {
    let codes = sign_in.enable(&caller.caller, wanted.into_inner().code).await.map_err(in_words)?;
    Ok(reply::ok(CodesView::new(&codes)))
}

/// The caller's password, and a code of their second factor or a recovery code.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ShowFactor {
    #[schema(value_type = String, format = Password)]
    password: Secret<String>,
    #[schema(value_type = String)]
    code: Secret<String>,
}

/// Turn the second factor off
#[utoipa::path(post, path = "/api/v1/me/second-factor/disable", tag = "me", request_body = ShowFactor, responses(
    (status = 200, body = Reply<Option<String>>),
    (status = 401, description = "`wrong_password`, `invalid_code`", body = ProblemView),
    (status = 409, description = "There is none, or a role asks for it", body = ProblemView),
    (status = 429, description = "`locked`", body = ProblemView),
))]
pub(crate) async fn disable(
    sign_in: Data<SignIn>,
    caller: Allow<perm::OwnSecurity>,
    wanted: Json<ShowFactor>,
) -> ApiResult {
    let ShowFactor { password, code } = wanted.into_inner();
    sign_in.disable(&caller.caller, password, code).await.map_err(in_words)?;
    Ok(reply::ok(None::<String>))
}

/// Replace the recovery codes
#[utoipa::path(post, path = "/api/v1/me/second-factor/codes", tag = "me", request_body = ShowFactor, responses(
    (status = 200, description = "Shown this once", body = Reply<CodesView>),
    (status = 401, description = "`wrong_password`, `invalid_code`", body = ProblemView),
    (status = 409, description = "There is no second factor", body = ProblemView),
    (status = 429, description = "`locked`", body = ProblemView),
))]
pub(crate) async fn renew_codes(
    sign_in: Data<SignIn>,
    caller: Allow<perm::OwnSecurity>,
    wanted: Json<ShowFactor>,
) -> ApiResult {
    let ShowFactor { password, code } = wanted.into_inner();
    let codes = sign_in.renew_codes(&caller.caller, password, code).await.map_err(in_words)?;
    Ok(reply::ok(CodesView::new(&codes)))
}

/// The code of a refusal stands as `code`, and a sentence as `error`.
fn in_words(refusal: Refusal) -> Problem {
    Problem::from(refusal).in_words()
}

/// How the caller wants to see things.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PreferencesView {
    /// The IANA name of the zone that pages show times in; null = UTC.
    time_zone: Option<String>,
    /// False when this release does not know the zone: UTC stands in for it.
    knows_time_zone: bool,
    /// `binary`, `decimal` or `exact`.
    units: &'static str,
    /// `comfortable` or `compact`.
    density: &'static str,
    /// `system`, `light` or `dark`.
    theme: &'static str,
    /// Whether the side bar shows icons only.
    folded: bool,
    /// Rows on a page of a list; null = as it comes.
    rows: Option<u16>,
    /// Columns by list; one that is not here shows those that it comes with.
    columns: BTreeMap<String, Vec<String>>,
}

impl From<Preferences> for PreferencesView {
    fn from(kept: Preferences) -> Self {
        Self {
            knows_time_zone: kept.time_zone.as_deref().is_none_or(|name| Zone::find(name).is_ok()),
            time_zone: kept.time_zone,
            units: kept.units.word(),
            density: kept.density.word(),
            theme: kept.theme.word(),
            folded: kept.folded,
            rows: kept.rows,
            columns: kept.columns,
        }
    }
}

/// What is to be different; what is not given stays.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ChangePreferences {
    /// An IANA name; an empty one means UTC.
    time_zone: Option<String>,
    /// `binary`, `decimal` or `exact`.
    units: Option<String>,
    /// `comfortable` or `compact`.
    density: Option<String>,
    /// `system`, `light` or `dark`.
    theme: Option<String>,
    folded: Option<bool>,
    /// 25, 50, 100 or 200; 0 = as it comes.
    rows: Option<u16>,
    /// Columns by list; an empty list of them means those that it comes with.
    columns: Option<BTreeMap<String, Vec<String>>>,
}

/// How the caller wants to see things
#[utoipa::path(get, path = "/api/v1/me/preferences", tag = "me", responses((status = 200, body = Reply<PreferencesView>)))]
pub(crate) async fn preferences(accounts: Data<Accounts>, caller: Allow<perm::OwnSecurity>) -> ApiResult {
    Ok(reply::ok(PreferencesView::from(accounts.preferences(&caller.caller).await?)))
}

/// Change how the caller wants to see things
#[utoipa::path(patch, path = "/api/v1/me/preferences", tag = "me", request_body = ChangePreferences, responses(
    (status = 200, body = Reply<PreferencesView>),
    (status = 400, description = "A value is none of those that there are", body = ProblemView),
))]
pub(crate) async fn change_preferences(
    accounts: Data<Accounts>,
    caller: Allow<perm::OwnSecurity>,
    wanted: Json<ChangePreferences>,
) -> ApiResult {
    let wanted = wanted.into_inner();
    let patch = PreferencesPatch {
        time_zone: wanted.time_zone,
        units: word("units", wanted.units.as_deref(), Units::parse, "binary, decimal or exact")?,
        density: word("density", wanted.density.as_deref(), Density::parse, "comfortable or compact")?,
        theme: word("theme", wanted.theme.as_deref(), Theme::parse, "system, light or dark")?,
        folded: wanted.folded,
        rows: wanted.rows,
        columns: wanted.columns.unwrap_or_default(),
    };
    Ok(reply::ok(PreferencesView::from(accounts.change_preferences(&caller.caller, patch).await?)))
}

/// What a word stands for.
fn word<T>(
    field: &'static str,
    given: Option<&str>,
    read: fn(&str) -> Option<T>,
    all: &str,
) -> Result<Option<T>, Error> {
    given.map(|text| read(text).ok_or_else(|| Error::invalid(field, format!("is {all}")))).transpose()
}
