//! What people see of their own: servers in numbers, servers, account.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::{Data, Json, Query};
use aviary_domain::accounts::{Accounts, DashboardQuery, DashboardServer, ProfilePatch, StatusFilter};
use aviary_kernel::base::{Error, Secret, Timestamp};
use aviary_kernel::model::{Account, AccountId, Permission};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::reply::{self, Reply};
use super::words::{Paging, filled, status, yes_no};
use crate::allow::{Allow, perm};
use crate::problem::{ApiResult, Problem, ProblemView};

/// Servers of a page unless told, and at most.
const USUAL: u64 = 12;
const MOST: u64 = 50;

/// How much of something a server uses. What it uses is not known from the mirror.
#[derive(Serialize, ToSchema)]
struct Usage {
    /// Always 0.
    used: i64,
    /// 0 = unlimited.
    limit: i64,
}

/// Memory and disk in MiB, processor in percent of one core.
#[derive(Serialize, ToSchema)]
struct ResourcesView {
    memory: Usage,
    cpu: Usage,
    disk: Usage,
}

impl ResourcesView {
    fn of(shown: &DashboardServer) -> Self {
        let limits = &shown.server.data.limits;
        let usage = |limit| Usage { used: 0, limit };
        Self { memory: usage(limits.memory), cpu: usage(limits.cpu), disk: usage(limits.disk) }
    }
}

/// Servers by how they are.
#[derive(Serialize, ToSchema)]
struct ServerCounts {
    total: u64,
    /// In order; whether it runs is not known from the mirror.
    online: u64,
    /// Being installed, failed to install, being restored.
    offline: u64,
    suspended: u64,
}

/// A server that changed lately.
#[derive(Serialize, ToSchema)]
struct RecentServer {
    /// The panel's UUID.
    id: String,
    name: String,
    status: String,
    /// The name of the egg.
    game: String,
    node: String,
    resources: ResourcesView,
}

impl From<DashboardServer> for RecentServer {
    fn from(shown: DashboardServer) -> Self {
        let resources = ResourcesView::of(&shown);
        let server = shown.server.data;
        Self {
            status: status(&server),
            id: server.uuid,
            name: server.name,
            game: shown.egg.unwrap_or_default(),
            node: shown.node.unwrap_or_default(),
            resources,
        }
    }
}

/// A person's servers in numbers.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DashboardStatsView {
    servers: ServerCounts,
    /// At most six, the one that changed last first.
    recent_servers: Vec<RecentServer>,
    /// Always 0: there is no billing.
    account_balance: f64,
    /// Always 0: there are no tickets.
    open_tickets: u64,
}

/// The caller's servers in numbers
#[utoipa::path(get, path = "/api/v1/dashboard/stats", tag = "dashboard", responses((status = 200, body = Reply<DashboardStatsView>)))]
pub(crate) async fn stats(accounts: Data<Accounts>, caller: Allow<perm::SignedIn>) -> ApiResult {
    let stats = accounts.dashboard_stats(person(&caller)?).await?;
    Ok(reply::ok(DashboardStatsView {
        servers: ServerCounts {
            total: stats.total,
            online: stats.online,
            offline: stats.offline,
            suspended: stats.suspended,
        },
        recent_servers: stats.recent.into_iter().map(RecentServer::from).collect(),
        account_balance: 0.0,
        open_tickets: 0,
    }))
}

/// Who asks; the guard has let in nobody else.
fn person<P>(caller: &Allow<P>) -> Result<AccountId, Error> {
    caller.caller.account.ok_or_else(|| Error::Forbidden("this belongs to a person: sign in with an account".into()))
}

/// What is asked of the caller's servers.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct MyServersQuery {
    /// From 1.
    #[param(value_type = Option<u64>)]
    page: Option<String>,
    /// 1 to 50; 12 unless told.
    #[param(value_type = Option<u64>)]
    per_page: Option<String>,
    /// Part of the name or the description.
    search: Option<String>,
    /// `all`, `online` (or `running`), `offline`, `starting`, `stopping`, `installing`, `suspended`; others are passed over.
    status: Option<String>,
    /// Everybody's servers; for who has the permission `server.read`, otherwise passed over.
    #[param(value_type = Option<bool>)]
    view_all: Option<String>,
}

/// Whose a server is.
#[derive(Serialize, ToSchema)]
struct ServerOwner {
    id: String,
    username: String,
    email: String,
}

/// A server.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ServerView {
    /// The panel's UUID.
    id: String,
    uuid: String,
    name: String,
    description: String,
    status: String,
    is_suspended: bool,
    /// The name of the egg.
    game: String,
    node: String,
    /// `0.0.0.0` when it has no address.
    ip: String,
    port: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    owner: Option<ServerOwner>,
    resources: ResourcesView,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
}

impl From<DashboardServer> for ServerView {
    fn from(shown: DashboardServer) -> Self {
        let resources = ResourcesView::of(&shown);
        let (ip, port) = shown.address.unwrap_or_else(|| ("0.0.0.0".into(), 0));
        let (first_seen, server) = (shown.server.first_seen, shown.server.data);
        Self {
            status: status(&server),
            id: server.uuid.clone(),
            uuid: server.uuid,
            name: server.name,
            description: server.description.unwrap_or_default(),
            is_suspended: server.suspended,
            game: shown.egg.unwrap_or_default(),
            node: shown.node.unwrap_or_default(),
            ip,
            port,
            owner: shown.owner.map(|user| ServerOwner { id: user.uuid, username: user.username, email: user.email }),
            resources,
            created_at: server.created_at.unwrap_or(first_seen),
        }
    }
}

/// Where a page stands in its list.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Meta {
    total: u64,
    page: u64,
    per_page: u64,
    /// 0 when the list is empty.
    total_pages: u64,
}

/// A page of servers.
#[derive(Serialize, ToSchema)]
pub(crate) struct MyServersPage {
    success: bool,
    data: Vec<ServerView>,
    meta: Meta,
}

/// The caller's servers, the one that changed last first
#[utoipa::path(get, path = "/api/v1/dashboard/servers", tag = "dashboard", params(MyServersQuery), responses((status = 200, body = MyServersPage)))]
pub(crate) async fn servers(
    accounts: Data<Accounts>,
    caller: Allow<perm::SignedIn>,
    query: Query<MyServersQuery>,
) -> ApiResult {
    let paging = Paging::read(query.page.as_deref(), query.per_page.as_deref(), USUAL, MOST);
    let wanted = DashboardQuery {
        search: filled(query.search.as_deref()),
        status: query.status.as_deref().map(StatusFilter::parse).unwrap_or_default(),
        all: yes_no(query.view_all.as_deref()) == Some(true) && caller.caller.may(Permission::ServerRead),
        offset: usize::try_from(paging.offset()).unwrap_or(usize::MAX),
        limit: usize::try_from(paging.size).unwrap_or(usize::MAX),
    };
    let found = accounts.dashboard_servers(person(&caller)?, wanted).await?;
    Ok(HttpResponse::Ok().json(MyServersPage {
        success: true,
        data: found.rows.into_iter().map(ServerView::from).collect(),
        meta: Meta {
            total: found.total,
            page: paging.page,
            per_page: paging.size,
            total_pages: found.total.div_ceil(paging.size),
        },
    }))
}

/// The caller's account.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MyAccountView {
    id: Uuid,
    username: String,
    email: String,
    first_name: Option<String>,
    last_name: Option<String>,
    phone_number: Option<String>,
    company_name: Option<String>,
    billing_email: Option<String>,
    avatar_url: Option<String>,
    /// Always 0: there is no billing.
    account_balance: f64,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    email_verified: bool,
    #[schema(value_type = Option<String>, format = DateTime)]
    last_login_at: Option<Timestamp>,
    roles: Vec<String>,
}

impl From<Account> for MyAccountView {
    fn from(account: Account) -> Self {
        Self {
            id: account.id.0,
            username: account.username,
            email: account.email.to_string(),
            first_name: account.profile.first_name,
            last_name: account.profile.last_name,
            phone_number: account.profile.phone_number,
            company_name: account.profile.company_name,
            billing_email: account.profile.billing_email,
            avatar_url: account.profile.avatar_url,
            account_balance: 0.0,
            created_at: account.created_at,
            email_verified: account.email_verified.is_some(),
            last_login_at: account.last_login_at,
            roles: account.roles,
        }
    }
}

/// The caller's account
#[utoipa::path(get, path = "/api/v1/dashboard/account", tag = "dashboard", responses((status = 200, body = Reply<MyAccountView>)))]
pub(crate) async fn account(accounts: Data<Accounts>, caller: Allow<perm::SignedIn>) -> ApiResult {
    Ok(reply::ok(MyAccountView::from(accounts.require(person(&caller)?).await?)))
}

/// What is to be different about the caller's account. What is left out stays; what is empty is taken away, but for the name.
/// The address is changed by a request of its own, so `email` is passed over here.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ChangeMyAccount {
    username: Option<String>,
    first_name: Option<String>,
    last_name: Option<String>,
    phone_number: Option<String>,
    company_name: Option<String>,
    billing_email: Option<String>,
    avatar_url: Option<String>,
}

/// Change the caller's account
#[utoipa::path(put, path = "/api/v1/dashboard/account", tag = "dashboard", request_body = ChangeMyAccount, responses(
    (status = 200, description = "The account as it is now", body = Reply<MyAccountView>),
    (status = 400, description = "A value cannot be taken, or there is none", body = ProblemView),
))]
pub(crate) async fn change_account(
    accounts: Data<Accounts>,
    caller: Allow<perm::SignedIn>,
    wanted: Json<ChangeMyAccount>,
) -> ApiResult {
    let wanted = wanted.into_inner();
    let patch = ProfilePatch {
        username: wanted.username,
        first_name: wanted.first_name,
        last_name: wanted.last_name,
        phone_number: wanted.phone_number,
        company_name: wanted.company_name,
        billing_email: wanted.billing_email,
        avatar_url: wanted.avatar_url,
    };
    let account = accounts.change_profile(&caller.caller, patch).await?;
    Ok(reply::told(StatusCode::OK, MyAccountView::from(account), "your account was changed"))
}

/// Another password.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ChangePassword {
    #[serde(default = "nothing")]
    #[schema(value_type = String, format = Password)]
    current_password: Secret<String>,
    #[serde(default = "nothing")]
    #[schema(value_type = String, format = Password)]
    new_password: Secret<String>,
}

fn nothing() -> Secret<String> {
    Secret::from("")
}

/// Change the caller's password
///
/// Their other sessions end.
#[utoipa::path(put, path = "/api/v1/dashboard/account/password", tag = "dashboard", request_body = ChangePassword, responses(
    (status = 200, body = Reply<Option<String>>),
    (status = 400, description = "A password is missing, or the new one is too weak", body = ProblemView),
    (status = 401, description = "The current password is wrong", body = ProblemView),
    (status = 429, description = "Too many wrong passwords", body = ProblemView),
))]
pub(crate) async fn change_password(
    accounts: Data<Accounts>,
    caller: Allow<perm::SignedIn>,
    wanted: Json<ChangePassword>,
) -> ApiResult {
    let ChangePassword { current_password, new_password } = &*wanted;
    let by = &caller.caller;
    let changed = accounts.change_password(by, current_password, new_password, by.session).await;
    changed.map_err(|refusal| Problem::from(refusal).in_words())?;
    Ok(reply::told(StatusCode::OK, None::<String>, "your password was changed; your other sessions have ended"))
}

/// Send the link to prove the caller's address once more
#[utoipa::path(post, path = "/api/v1/dashboard/account/resend-verification", tag = "dashboard", responses(
    (status = 200, body = Reply<Option<String>>),
    (status = 400, description = "The address was proved already", body = ProblemView),
))]
pub(crate) async fn resend_verification(accounts: Data<Accounts>, caller: Allow<perm::SignedIn>) -> ApiResult {
    let sent = accounts.resend_verification(&caller.caller).await;
    sent.map_err(|refusal| Problem::from(refusal).in_words())?;
    Ok(reply::told(StatusCode::OK, None::<String>, "a mail with a link is on its way"))
}

/// Another address.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ChangeEmail {
    #[serde(default)]
    new_email: String,
    #[serde(default = "nothing")]
    #[schema(value_type = String, format = Password)]
    current_password: Secret<String>,
}

/// Change the caller's address
///
/// A link goes to the new one. The old one stays until the link is opened.
#[utoipa::path(post, path = "/api/v1/dashboard/account/change-email", tag = "dashboard", request_body = ChangeEmail, responses(
    (status = 200, body = Reply<Option<String>>),
    (status = 400, description = "A field is missing, or this is no address", body = ProblemView),
    (status = 401, description = "The current password is wrong", body = ProblemView),
    (status = 409, description = "Somebody else has this address", body = ProblemView),
    (status = 429, description = "Too many wrong passwords", body = ProblemView),
))]
pub(crate) async fn change_email(
    accounts: Data<Accounts>,
    caller: Allow<perm::SignedIn>,
    wanted: Json<ChangeEmail>,
) -> ApiResult {
    let asked = accounts.ask_email_change(&caller.caller, &wanted.new_email, &wanted.current_password).await;
    asked.map_err(|refusal| Problem::from(refusal).in_words())?;
    let message = "a mail with a link is on its way to the new address, which takes effect when the link is opened";
    Ok(reply::told(StatusCode::OK, None::<String>, message))
}
