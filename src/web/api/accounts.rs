//! People: who there is, and what is done to them. `{id}` is the id of an account, or its e-mail address.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::{Data, Json, Path, Query};
use aviary_domain::accounts::{
    AccountPatch, AccountQuery, Accounts, LinkedUser, NewAccount, PeopleFilter, PeopleSort, Person, ProfilePatch,
};
use aviary_domain::mails::Site;
use aviary_domain::settings::Settings;
use aviary_domain::sign_in::SignIn;
use aviary_kernel::base::{At, Cursor, Error, Result, Secret, Timestamp};
use aviary_kernel::model::{AccountId, AccountSource, Letter, RemoteId};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::reply::{self, Reply, Walk};
use super::syncs::limit;
use super::words::filled;
use crate::Options;
use crate::allow::{Allow, perm};
use crate::problem::{ApiResult, ProblemView};

/// A person.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AccountView {
    id: Uuid,
    email: String,
    username: String,
    first_name: Option<String>,
    last_name: Option<String>,
    phone_number: Option<String>,
    company_name: Option<String>,
    billing_email: Option<String>,
    avatar_url: Option<String>,
    roles: Vec<String>,
    is_active: bool,
    /// When the address was proved; null = it was not.
    #[schema(value_type = Option<String>, format = DateTime)]
    email_verified: Option<Timestamp>,
    /// `registered`, `made`, `panel` or `firstRun`.
    source: &'static str,
    /// False = it only stands for a panel's user.
    is_claimed: bool,
    has_password: bool,
    has_second_factor: bool,
    /// The users of panels that they are.
    linked: Vec<LinkedView>,
    /// Servers that they own.
    servers: u64,
    /// Places where they are signed in.
    sessions: u64,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
    #[schema(value_type = Option<String>, format = DateTime)]
    last_login_at: Option<Timestamp>,
}

/// A user of a panel.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct LinkedView {
    panel_id: u32,
    /// The panel's number.
    #[schema(value_type = u64)]
    id: RemoteId,
    username: String,
    root_admin: bool,
}

impl From<LinkedUser> for LinkedView {
    fn from(LinkedUser { panel, user }: LinkedUser) -> Self {
        Self { panel_id: panel.0, id: user.id, username: user.username, root_admin: user.root_admin }
    }
}

impl From<Person> for AccountView {
    fn from(Person { account, linked, servers, sessions }: Person) -> Self {
        let is_claimed = account.is_claimed();
        Self {
            id: account.id.0,
            email: account.email.to_string(),
            username: account.username,
            first_name: account.profile.first_name,
            last_name: account.profile.last_name,
            phone_number: account.profile.phone_number,
            company_name: account.profile.company_name,
            billing_email: account.profile.billing_email,
            avatar_url: account.profile.avatar_url,
            roles: account.roles,
            is_active: account.is_active,
            email_verified: account.email_verified,
            source: match account.source {
                AccountSource::Registered => "registered",
                AccountSource::Made => "made",
                AccountSource::Panel(_) => "panel",
                AccountSource::FirstRun => "firstRun",
            },
            is_claimed,
            has_password: account.password.is_some(),
            has_second_factor: account.second_factor.is_some(),
            linked: linked.into_iter().map(LinkedView::from).collect(),
            servers,
            sessions,
            created_at: account.created_at,
            updated_at: account.updated_at,
            last_login_at: account.last_login_at,
        }
    }
}

async fn id_of(accounts: &Accounts, text: &str) -> Result<AccountId> {
    Ok(accounts.find(text).await?.id)
}

async fn shown(accounts: &Accounts, id: AccountId) -> ApiResult {
    Ok(reply::ok(AccountView::from(accounts.person(id).await?)))
}

/// What is asked of the list of people.
#[derive(Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub(crate) struct PeopleQuery {
    /// Part of the address or the name.
    search: Option<String>,
    /// `all`, `migrated` (took their account into use), `not-migrated`, `active`, `inactive` or `admin`.
    filter: Option<String>,
    /// The name of a role.
    role: Option<String>,
    /// `created`, `email`, `username` or `lastLogin`.
    sort: Option<String>,
    /// `asc` or `desc`.
    order: Option<String>,
    /// 1 to 1000; 50 unless told.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<usize>,
    /// The `nextCursor` of the page before.
    cursor: Option<String>,
}

impl PeopleQuery {
    fn query(self) -> Result<AccountQuery> {
        let filter = match self.filter.as_deref().unwrap_or("all") {
            "all" => PeopleFilter::All,
            "migrated" => PeopleFilter::Migrated,
            "not-migrated" => PeopleFilter::NotMigrated,
            "active" => PeopleFilter::Active,
            "inactive" => PeopleFilter::Inactive,
            "admin" => PeopleFilter::Admin,
            _ => return Err(Error::invalid("filter", "is all, migrated, not-migrated, active, inactive or admin")),
        };
        let sort = match self.sort.as_deref().unwrap_or("created") {
            "created" => PeopleSort::Created,
            "email" => PeopleSort::Email,
            "username" => PeopleSort::Username,
            "lastLogin" => PeopleSort::LastLogin,
            _ => return Err(Error::invalid("sort", "is created, email, username or lastLogin")),
        };
        let descending = match self.order.as_deref().unwrap_or("asc") {
            "asc" => false,
            "desc" => true,
            _ => return Err(Error::invalid("order", "is asc or desc")),
        };
        let cursor = self.cursor.map(|text| text.parse::<Cursor>()).transpose()?;
        Ok(AccountQuery {
            search: filled(self.search.as_deref()),
            filter,
            role: filled(self.role.as_deref()),
            sort,
            descending,
            at: cursor.map_or(At::Start, At::After),
            limit: limit(self.limit, 50, 1000)?,
        })
    }
}

/// People
#[utoipa::path(get, path = "/api/v1/accounts", tag = "accounts", params(PeopleQuery), responses(
    (status = 200, body = Reply<Walk<AccountView>>),
    (status = 400, description = "A filter cannot be read", body = ProblemView),
))]
pub(crate) async fn list(
    accounts: Data<Accounts>,
    _caller: Allow<perm::AccountRead>,
    query: Query<PeopleQuery>,
) -> ApiResult {
    let page = accounts.list(query.into_inner().query()?).await?;
    Ok(reply::ok(Walk::new(page.rows.into_iter().map(AccountView::from).collect(), page.next.as_ref())))
}

/// Somebody who is to have an account.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct MakeAccount {
    email: String,
    /// 1 to 60 characters; the part of the address before the `@` unless told.
    username: Option<String>,
    /// Without one they set it by a link.
    #[schema(value_type = Option<String>, format = Password)]
    password: Option<Secret<String>>,
    /// Names of roles, no higher than one's own; a member unless told.
    #[serde(default)]
    roles: Vec<String>,
    /// The address is known to be theirs, which needs `account.security` too; if not, they get a link to prove it.
    #[serde(default)]
    verified: bool,
}

/// Make an account
#[utoipa::path(post, path = "/api/v1/accounts", tag = "accounts", request_body = MakeAccount, responses(
    (status = 201, description = "Made", body = Reply<AccountView>),
    (status = 400, description = "`invalid_email`, `password_...`, or a role that there is not", body = ProblemView),
    (status = 403, description = "The roles include more than you may", body = ProblemView),
    (status = 409, description = "`email_exists`", body = ProblemView),
))]
pub(crate) async fn make(
    accounts: Data<Accounts>,
    caller: Allow<perm::AccountWrite>,
    wanted: Json<MakeAccount>,
) -> ApiResult {
    let MakeAccount { email, username, password, roles, verified } = wanted.into_inner();
    let new = NewAccount { email, username, password, roles, verified };
    let made = accounts.create(&caller.caller, new).await?;
    let view = AccountView::from(accounts.person(made.id).await?);
    let message = format!("{} has an account now", view.email);
    Ok(reply::told(StatusCode::CREATED, view, message))
}

/// A person
#[utoipa::path(get, path = "/api/v1/accounts/{id}", tag = "accounts", params(("id" = String, Path)), responses(
    (status = 200, body = Reply<AccountView>),
    (status = 404, description = "There is no such account", body = ProblemView),
))]
pub(crate) async fn one(accounts: Data<Accounts>, _caller: Allow<perm::AccountRead>, id: Path<String>) -> ApiResult {
    shown(&accounts, id_of(&accounts, &id).await?).await
}

/// What is to be different; what is not given stays, what is empty is taken away.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ChangeAccount {
    /// Takes effect at once, and is to be proved unless `verified` says otherwise; needs `account.security` too.
    email: Option<String>,
    /// Whether the address is known to be theirs; to say so needs `account.security` too.
    verified: Option<bool>,
    username: Option<String>,
    first_name: Option<String>,
    last_name: Option<String>,
    phone_number: Option<String>,
    company_name: Option<String>,
    billing_email: Option<String>,
    avatar_url: Option<String>,
}

impl From<ChangeAccount> for AccountPatch {
    fn from(wanted: ChangeAccount) -> Self {
        Self {
            email: wanted.email,
            verified: wanted.verified,
            profile: ProfilePatch {
                username: wanted.username,
                first_name: wanted.first_name,
                last_name: wanted.last_name,
                phone_number: wanted.phone_number,
                company_name: wanted.company_name,
                billing_email: wanted.billing_email,
                avatar_url: wanted.avatar_url,
            },
        }
    }
}

/// Change a person
#[utoipa::path(patch, path = "/api/v1/accounts/{id}", tag = "accounts", params(("id" = String, Path)), request_body = ChangeAccount, responses(
    (status = 200, body = Reply<AccountView>),
    (status = 400, description = "A value cannot be taken", body = ProblemView),
    (status = 403, description = "They may do more than you", body = ProblemView),
    (status = 404, description = "There is no such account", body = ProblemView),
    (status = 409, description = "`email_exists`", body = ProblemView),
))]
pub(crate) async fn change(
    accounts: Data<Accounts>,
    caller: Allow<perm::AccountWrite>,
    id: Path<String>,
    wanted: Json<ChangeAccount>,
) -> ApiResult {
    let id = id_of(&accounts, &id).await?;
    accounts.update(&caller.caller, id, wanted.into_inner().into()).await?;
    shown(&accounts, id).await
}

/// Remove a person
///
/// With their sessions, keys and links. What they did stays on record.
#[utoipa::path(delete, path = "/api/v1/accounts/{id}", tag = "accounts", params(("id" = String, Path)), responses(
    (status = 200, body = Reply<Option<String>>),
    (status = 403, description = "They may do more than you", body = ProblemView),
    (status = 404, description = "There is no such account", body = ProblemView),
    (status = 409, description = "Yourself, the last administrator, or it only stands for a panel's user", body = ProblemView),
))]
pub(crate) async fn remove(accounts: Data<Accounts>, caller: Allow<perm::AccountWrite>, id: Path<String>) -> ApiResult {
    accounts.remove(&caller.caller, id_of(&accounts, &id).await?).await?;
    Ok(done("the account was removed"))
}

fn done(what: &str) -> HttpResponse {
    reply::told(StatusCode::OK, None::<String>, what)
}

/// Disable a person
///
/// Their sessions end at once, and nothing of theirs works.
#[utoipa::path(post, path = "/api/v1/accounts/{id}/disable", tag = "accounts", params(("id" = String, Path)), responses(
    (status = 200, body = Reply<AccountView>),
    (status = 403, description = "They may do more than you", body = ProblemView),
    (status = 404, description = "There is no such account", body = ProblemView),
    (status = 409, description = "Yourself, or the last administrator", body = ProblemView),
))]
pub(crate) async fn disable(
    accounts: Data<Accounts>,
    caller: Allow<perm::AccountWrite>,
    id: Path<String>,
) -> ApiResult {
    let id = id_of(&accounts, &id).await?;
    accounts.disable(&caller.caller, id).await?;
    shown(&accounts, id).await
}

/// Let a person in again
#[utoipa::path(post, path = "/api/v1/accounts/{id}/enable", tag = "accounts", params(("id" = String, Path)), responses(
    (status = 200, body = Reply<AccountView>),
    (status = 403, description = "They may do more than you", body = ProblemView),
    (status = 404, description = "There is no such account", body = ProblemView),
))]
pub(crate) async fn enable(accounts: Data<Accounts>, caller: Allow<perm::AccountWrite>, id: Path<String>) -> ApiResult {
    let id = id_of(&accounts, &id).await?;
    accounts.enable(&caller.caller, id).await?;
    shown(&accounts, id).await
}

/// The roles that somebody is to have.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct GiveRoles {
    roles: Vec<String>,
}

/// Set somebody's roles
///
/// None higher than one's own.
#[utoipa::path(post, path = "/api/v1/accounts/{id}/roles", tag = "accounts", params(("id" = String, Path)), request_body = GiveRoles, responses(
    (status = 200, body = Reply<AccountView>),
    (status = 400, description = "There is no such role", body = ProblemView),
    (status = 403, description = "The roles, or they themselves, include more than you may", body = ProblemView),
    (status = 404, description = "There is no such account", body = ProblemView),
    (status = 409, description = "The last administrator", body = ProblemView),
))]
pub(crate) async fn roles(
    accounts: Data<Accounts>,
    caller: Allow<perm::RoleAssign>,
    id: Path<String>,
    wanted: Json<GiveRoles>,
) -> ApiResult {
    let id = id_of(&accounts, &id).await?;
    accounts.set_roles(&caller.caller, id, wanted.into_inner().roles).await?;
    shown(&accounts, id).await
}

/// Another password for somebody.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct GivePassword {
    #[schema(value_type = String, format = Password)]
    password: Secret<String>,
}

/// Set somebody's password
///
/// Their sessions end, and links that were mailed to them are good no more.
#[utoipa::path(post, path = "/api/v1/accounts/{id}/password", tag = "accounts", params(("id" = String, Path)), request_body = GivePassword, responses(
    (status = 200, body = Reply<AccountView>),
    (status = 400, description = "`password_...`", body = ProblemView),
    (status = 403, description = "They may do more than you", body = ProblemView),
    (status = 404, description = "There is no such account", body = ProblemView),
    (status = 409, description = "Yourself", body = ProblemView),
))]
pub(crate) async fn password(
    accounts: Data<Accounts>,
    caller: Allow<perm::AccountSecurity>,
    id: Path<String>,
    wanted: Json<GivePassword>,
) -> ApiResult {
    let id = id_of(&accounts, &id).await?;
    accounts.set_password(&caller.caller, id, &wanted.password).await?;
    shown(&accounts, id).await
}

/// Take somebody's second factor off
#[utoipa::path(post, path = "/api/v1/accounts/{id}/reset-second-factor", tag = "accounts", params(("id" = String, Path)), responses(
    (status = 200, body = Reply<AccountView>),
    (status = 403, description = "They may do more than you", body = ProblemView),
    (status = 404, description = "There is no such account", body = ProblemView),
    (status = 409, description = "Yourself", body = ProblemView),
))]
pub(crate) async fn reset_second_factor(
    accounts: Data<Accounts>,
    caller: Allow<perm::AccountSecurity>,
    id: Path<String>,
) -> ApiResult {
    let id = id_of(&accounts, &id).await?;
    accounts.reset_second_factor(&caller.caller, id).await?;
    shown(&accounts, id).await
}

/// Let somebody try again who was locked out
#[utoipa::path(post, path = "/api/v1/accounts/{id}/unlock", tag = "accounts", params(("id" = String, Path)), responses(
    (status = 200, body = Reply<AccountView>),
    (status = 403, description = "They may do more than you", body = ProblemView),
    (status = 404, description = "There is no such account", body = ProblemView),
))]
pub(crate) async fn unlock(
    accounts: Data<Accounts>,
    sign_in: Data<SignIn>,
    caller: Allow<perm::AccountSecurity>,
    id: Path<String>,
) -> ApiResult {
    let id = id_of(&accounts, &id).await?;
    sign_in.unlock(&caller.caller, id).await?;
    shown(&accounts, id).await
}

/// A link to set another password. Whoever has it can open the account.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ResetLinkView {
    email: String,
    link: String,
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
}

/// Make a link to set somebody's password
///
/// To be handed on by hand, where mail does not reach them. Good once, for an hour.
#[utoipa::path(post, path = "/api/v1/accounts/{id}/reset-link", tag = "accounts", params(("id" = String, Path)), responses(
    (status = 200, body = Reply<ResetLinkView>),
    (status = 403, description = "They may do more than you", body = ProblemView),
    (status = 404, description = "There is no such account", body = ProblemView),
    (status = 409, description = "It is disabled", body = ProblemView),
))]
pub(crate) async fn reset_link(
    accounts: Data<Accounts>,
    settings: Data<Settings>,
    options: Data<Options>,
    caller: Allow<perm::AccountSecurity>,
    id: Path<String>,
) -> ApiResult {
    let site = Site {
        name: settings.site_name().await?,
        site_url: settings.site_url().await?,
        own_url: options.public_url.clone().unwrap_or_default(),
    };
    let made = accounts.reset_link(&caller.caller, id_of(&accounts, &id).await?).await?;
    let link = site.link(Letter::ResetPassword, &made.token, made.account.id).unwrap_or_default();
    Ok(reply::ok(ResetLinkView { email: made.account.email.to_string(), link, expires_at: made.expires_at }))
}
