//! Roles, permissions, and why somebody may do something.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Json, Path};
use aviary_domain::access::{Access, Because, Explanation, Giver, NewRole, RoleInfo, RolePatch};
use aviary_kernel::model::{AccountId, Grants, Permission};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::reply::{self, Reply};
use crate::allow::{Allow, perm};
use crate::problem::{ApiResult, ProblemView};

/// A role: permissions with a name.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RoleView {
    name: String,
    description: String,
    /// What it lets people do, such as `sync.run`, `sync.*`, `*.read` or `*`.
    permissions: Vec<String>,
    /// People with it must have a second factor.
    needs_second_factor: bool,
    /// It came with the program; only whether it needs a second factor can be changed.
    built_in: bool,
    /// People who have it.
    people: u64,
}

impl From<RoleInfo> for RoleView {
    fn from(RoleInfo { role, people }: RoleInfo) -> Self {
        Self {
            name: role.name,
            description: role.description,
            permissions: texts(&role.grants),
            needs_second_factor: role.needs_second_factor,
            built_in: role.built_in,
            people,
        }
    }
}

/// Grants as they are written.
pub(super) fn texts(grants: &Grants) -> Vec<String> {
    grants.0.iter().map(ToString::to_string).collect()
}

/// Roles: those that come with the program by rank, then the others by name
#[utoipa::path(get, path = "/api/v1/roles", tag = "roles", responses((status = 200, body = Reply<Vec<RoleView>>)))]
pub(crate) async fn list(access: Data<Access>, _caller: Allow<perm::RoleRead>) -> ApiResult {
    let roles = access.roles().await?.into_iter().map(RoleView::from);
    Ok(reply::ok(roles.collect::<Vec<_>>()))
}

/// A role that is to be made.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct MakeRole {
    /// 2 to 40 of `A-Z`, `0-9` and `_`.
    name: String,
    /// What it is for; up to 300 characters.
    #[serde(default)]
    description: String,
    /// What it lets people do; no more than the caller may.
    permissions: Vec<String>,
}

/// Make a role
#[utoipa::path(post, path = "/api/v1/roles", tag = "roles", request_body = MakeRole, responses(
    (status = 201, description = "Made", body = Reply<RoleView>),
    (status = 400, description = "A value cannot be taken", body = ProblemView),
    (status = 403, description = "It would allow more than the caller may", body = ProblemView),
    (status = 409, description = "There is a role of this name", body = ProblemView),
))]
pub(crate) async fn make(access: Data<Access>, caller: Allow<perm::RoleWrite>, wanted: Json<MakeRole>) -> ApiResult {
    let MakeRole { name, description, permissions } = wanted.into_inner();
    let grants = parse(&permissions)?;
    let role = access.make_role(&caller.caller, NewRole { name, description, grants }).await?;
    let message = format!("the role {} was made", role.role.name);
    Ok(reply::told(StatusCode::CREATED, RoleView::from(role), message))
}

/// Reads grants as they are written.
pub(super) fn parse(permissions: &[String]) -> ApiResult<Grants> {
    Ok(Grants::parse(permissions.iter().map(String::as_str))?)
}

/// A role
#[utoipa::path(get, path = "/api/v1/roles/{name}", tag = "roles", params(("name" = String, Path)), responses(
    (status = 200, body = Reply<RoleView>),
    (status = 404, description = "There is no such role", body = ProblemView),
))]
pub(crate) async fn one(access: Data<Access>, _caller: Allow<perm::RoleRead>, name: Path<String>) -> ApiResult {
    Ok(reply::ok(RoleView::from(access.role(&name).await?)))
}

/// What is to become different of a role. What is left out stays.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ChangeRole {
    description: Option<String>,
    permissions: Option<Vec<String>>,
    /// The only thing that can be changed of roles that come with the program.
    needs_second_factor: Option<bool>,
}

/// Change a role
#[utoipa::path(patch, path = "/api/v1/roles/{name}", tag = "roles", params(("name" = String, Path)), request_body = ChangeRole, responses(
    (status = 200, description = "Changed", body = Reply<RoleView>),
    (status = 400, description = "A value cannot be taken", body = ProblemView),
    (status = 403, description = "It allows or would allow more than the caller may", body = ProblemView),
    (status = 404, description = "There is no such role", body = ProblemView),
    (status = 409, description = "It comes with the program, or nobody would be left who may everything", body = ProblemView),
))]
pub(crate) async fn change(
    access: Data<Access>,
    caller: Allow<perm::RoleWrite>,
    name: Path<String>,
    wanted: Json<ChangeRole>,
) -> ApiResult {
    let ChangeRole { description, permissions, needs_second_factor } = wanted.into_inner();
    let grants = permissions.as_deref().map(parse).transpose()?;
    let patch = RolePatch { description, grants, needs_second_factor };
    Ok(reply::ok(RoleView::from(access.change_role(&caller.caller, &name, patch).await?)))
}

/// The role that was removed.
#[derive(Serialize, ToSchema)]
pub(crate) struct RemovedRoleView {
    name: String,
}

/// Remove a role
#[utoipa::path(delete, path = "/api/v1/roles/{name}", tag = "roles", params(("name" = String, Path)), responses(
    (status = 200, description = "Removed", body = Reply<RemovedRoleView>),
    (status = 403, description = "It allows more than the caller may", body = ProblemView),
    (status = 404, description = "There is no such role", body = ProblemView),
    (status = 409, description = "It comes with the program, or people have it", body = ProblemView),
))]
pub(crate) async fn remove(access: Data<Access>, caller: Allow<perm::RoleWrite>, name: Path<String>) -> ApiResult {
    access.remove_role(&caller.caller, &name).await?;
    let message = format!("the role {name} was removed");
    Ok(reply::told(StatusCode::OK, RemovedRoleView { name: name.into_inner() }, message))
}

/// Something that may be allowed.
#[derive(Serialize, ToSchema)]
pub(crate) struct PermissionView {
    name: &'static str,
    /// What it lets people do.
    does: &'static str,
    /// The area, for people.
    group: &'static str,
    /// The caller has it, and so can give it.
    yours: bool,
}

/// Every permission there is
#[utoipa::path(get, path = "/api/v1/permissions", tag = "roles", responses((status = 200, body = Reply<Vec<PermissionView>>)))]
pub(crate) async fn permissions(caller: Allow<perm::Either<perm::RoleRead, perm::ApiKeyOwn>>) -> ApiResult {
    let view = |permission: &Permission| PermissionView {
        name: permission.name(),
        does: permission.does(),
        group: permission.group(),
        yours: caller.caller.may(*permission),
    };
    Ok(reply::ok(Permission::ALL.iter().map(view).collect::<Vec<_>>()))
}

/// Why somebody may do something, or may not.
#[derive(Serialize, ToSchema)]
pub(crate) struct ExplanationView {
    permission: &'static str,
    allowed: bool,
    /// What gives it. May name something even when it is not allowed: then `why` tells what stands in the way.
    because: Vec<BecauseView>,
    /// The reason, as a sentence.
    why: String,
}

/// Something that gives a permission.
#[derive(Serialize, ToSchema)]
struct BecauseView {
    /// The role; null when it is the key itself.
    role: Option<String>,
    /// The grant that stands for it, such as `sync.*`.
    grant: String,
}

impl From<Explanation> for ExplanationView {
    fn from(explained: Explanation) -> Self {
        Self {
            permission: explained.permission.name(),
            allowed: explained.allowed,
            why: explained.sentence(),
            because: explained.because.into_iter().map(BecauseView::from).collect(),
        }
    }
}

impl From<Because> for BecauseView {
    fn from(Because { giver, grant }: Because) -> Self {
        let role = match giver {
            Giver::Role(name) => Some(name),
            Giver::Key(_) => None,
        };
        Self { role, grant: grant.to_string() }
    }
}

/// What a person may, and why
#[utoipa::path(get, path = "/api/v1/accounts/{id}/permissions", tag = "roles", params(("id" = Uuid, Path)), responses(
    (status = 200, body = Reply<Vec<ExplanationView>>),
    (status = 404, description = "There is no such account", body = ProblemView),
))]
pub(crate) async fn explain_all(access: Data<Access>, _caller: Allow<perm::RoleRead>, id: Path<Uuid>) -> ApiResult {
    let all = access.explain_all(AccountId(*id)).await?.into_iter().map(ExplanationView::from);
    Ok(reply::ok(all.collect::<Vec<_>>()))
}

/// Why a person may do something, or may not
#[utoipa::path(get, path = "/api/v1/accounts/{id}/permissions/{permission}", tag = "roles", params(
    ("id" = Uuid, Path), ("permission" = String, Path, description = "Such as `sync.run`"),
), responses(
    (status = 200, body = Reply<ExplanationView>),
    (status = 400, description = "There is no such permission", body = ProblemView),
    (status = 404, description = "There is no such account", body = ProblemView),
))]
pub(crate) async fn explain(
    access: Data<Access>,
    _caller: Allow<perm::RoleRead>,
    path: Path<(Uuid, String)>,
) -> ApiResult {
    let (id, permission) = path.into_inner();
    let explained = access.explain(AccountId(id), permission.parse()?).await?;
    Ok(reply::ok(ExplanationView::from(explained)))
}
