//! People and their roles, as the admin area of the older API has them.

use actix_web::HttpResponse;
use actix_web::web::{Data, Json, Query};
use aviary_domain::access::SUPER_ADMIN;
use aviary_domain::accounts::{AccountQuery, Accounts, PeopleFilter, PeopleSort, PeopleStats, Person};
use aviary_kernel::base::{At, Error, Timestamp};
use aviary_kernel::model::{AccountId, RemoteId};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::{MOST, Pagination, USUAL, limit};
use crate::allow::{Allow, perm};
use crate::api::words::{Paging, filled, seconds};
use crate::problem::{ApiResult, ProblemView};

/// What is asked of the list of people.
#[derive(Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub(crate) struct UsersQuery {
    /// Part of the address or the name.
    search: Option<String>,
    /// `all`, `migrated`, `not-migrated`, `active`, `inactive` or `admin`.
    filter: Option<String>,
    /// `created` (or `createdAt`), `email`, `username`, `lastLoginAt`.
    sort: Option<String>,
    /// The same as `sort`.
    sort_field: Option<String>,
    /// `desc` or `asc`; `desc` unless told.
    order: Option<String>,
    /// The same as `order`.
    sort_order: Option<String>,
    /// From 1.
    #[param(value_type = Option<u64>)]
    page: Option<String>,
    /// 1 to 100; 25 unless told.
    #[param(value_type = Option<u64>)]
    page_size: Option<String>,
}

impl UsersQuery {
    fn people(&self, paging: Paging) -> AccountQuery {
        let filter = match self.filter.as_deref() {
            Some("migrated") => PeopleFilter::Migrated,
            Some("not-migrated") => PeopleFilter::NotMigrated,
            Some("active") => PeopleFilter::Active,
            Some("inactive") => PeopleFilter::Inactive,
            Some("admin") => PeopleFilter::Admin,
            _ => PeopleFilter::All,
        };
        let sort = match self.sort.as_deref().or(self.sort_field.as_deref()) {
            Some("email") => PeopleSort::Email,
            Some("username") => PeopleSort::Username,
            Some("lastLogin" | "lastLoginAt") => PeopleSort::LastLogin,
            _ => PeopleSort::Created,
        };
        let order = self.order.as_deref().or(self.sort_order.as_deref());
        AccountQuery {
            search: filled(self.search.as_deref()),
            filter,
            role: None,
            sort,
            descending: !order.is_some_and(|order| order.eq_ignore_ascii_case("asc")),
            at: At::Offset(paging.offset()),
            limit: limit(paging),
        }
    }
}

/// A person.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AdminUser {
    id: Uuid,
    email: String,
    username: String,
    /// Empty when it is not known.
    first_name: String,
    /// Empty when it is not known.
    last_name: String,
    /// The panel's number of them.
    #[schema(value_type = Option<u64>)]
    pterodactyl_id: Option<RemoteId>,
    roles: Vec<String>,
    is_pterodactyl_admin: bool,
    is_virtfusion_admin: bool,
    is_system_admin: bool,
    /// Whether they took their account into use.
    is_migrated: bool,
    is_active: bool,
    email_verified: bool,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
    /// Left out for who never signed in.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    last_login_at: Option<Timestamp>,
    server_count: u64,
    session_count: u64,
}

impl From<Person> for AdminUser {
    fn from(person: Person) -> Self {
        let is_pterodactyl_admin = person.is_panel_admin();
        let Person { account, linked, servers, sessions } = person;
        Self {
            id: account.id.0,
            email: account.email.to_string(),
            is_system_admin: is_system_admin(&account.roles),
            is_migrated: account.is_claimed(),
            username: account.username,
            first_name: account.profile.first_name.unwrap_or_default(),
            last_name: account.profile.last_name.unwrap_or_default(),
            pterodactyl_id: linked.first().map(|linked| linked.user.id),
            roles: account.roles,
            is_pterodactyl_admin,
            is_virtfusion_admin: false,
            is_active: account.is_active,
            email_verified: account.email_verified.is_some(),
            created_at: seconds(account.created_at),
            updated_at: seconds(account.updated_at),
            last_login_at: account.last_login_at.map(seconds),
            server_count: servers,
            session_count: sessions,
        }
    }
}

fn is_system_admin(roles: &[String]) -> bool {
    roles.iter().any(|role| role == SUPER_ADMIN)
}

/// How many people there are, whatever was asked for.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct UsersStats {
    total_users: u64,
    migrated_users: u64,
    admin_count: u64,
    active_count: u64,
}

impl From<PeopleStats> for UsersStats {
    fn from(stats: PeopleStats) -> Self {
        Self {
            total_users: stats.total,
            migrated_users: stats.migrated,
            admin_count: stats.admins,
            active_count: stats.active,
        }
    }
}

/// A page of people.
#[derive(Serialize, ToSchema)]
pub(crate) struct UsersPage {
    success: bool,
    users: Vec<AdminUser>,
    pagination: Pagination,
    stats: UsersStats,
}

/// People
#[utoipa::path(get, path = "/api/admin/users", tag = "admin", params(UsersQuery), responses((status = 200, body = UsersPage)))]
pub(crate) async fn users(
    accounts: Data<Accounts>,
    _caller: Allow<perm::AccountRead>,
    query: Query<UsersQuery>,
) -> ApiResult {
    let paging = Paging::read(query.page.as_deref(), query.page_size.as_deref(), USUAL, MOST);
    let found = accounts.list(query.people(paging)).await?;
    Ok(HttpResponse::Ok().json(UsersPage {
        success: true,
        users: found.rows.into_iter().map(AdminUser::from).collect(),
        pagination: Pagination::new(paging, found.total),
        stats: found.stats.into(),
    }))
}

/// Which roles somebody is to have.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SetRoles {
    user_id: String,
    /// Names of roles; these and no others.
    roles: Vec<String>,
}

/// The roles that somebody has now.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct RolesView {
    user_id: Uuid,
    roles: Vec<String>,
    is_system_admin: bool,
}

/// Roles were set.
#[derive(Serialize, ToSchema)]
pub(crate) struct RolesSet {
    success: bool,
    data: RolesView,
}

/// Set the roles of a person
#[utoipa::path(post, path = "/api/admin/users/roles", tag = "admin", request_body = SetRoles, responses(
    (status = 200, body = RolesSet),
    (status = 400, description = "The body cannot be read, or there is no such role", body = ProblemView),
    (status = 403, description = "The person has, or would get, more than the caller may", body = ProblemView),
    (status = 404, description = "There is no such person", body = ProblemView),
    (status = 409, description = "Nobody would be left who may everything", body = ProblemView),
))]
pub(crate) async fn set_roles(
    accounts: Data<Accounts>,
    caller: Allow<perm::RoleAssign>,
    wanted: Json<SetRoles>,
) -> ApiResult {
    let SetRoles { user_id, roles } = wanted.into_inner();
    if user_id.trim().is_empty() {
        return Err(Error::invalid("userId", "is missing").into());
    }
    let id = user_id.trim().parse::<AccountId>().map_err(|_| Error::not_found("account", user_id.trim()))?;
    let account = accounts.set_roles(&caller.caller, id, roles).await?;
    Ok(HttpResponse::Ok().json(RolesSet {
        success: true,
        data: RolesView {
            user_id: account.id.0,
            is_system_admin: is_system_admin(&account.roles),
            roles: account.roles,
        },
    }))
}
