//! API keys. The text of one is in the answer that makes or renews it, and nowhere else.

use std::collections::BTreeMap;
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::web::{Data, Json, Path, Query};
use aviary_domain::access::{Access, ApiKeyPatch, Caller, NewApiKey};
use aviary_domain::accounts::Accounts;
use aviary_kernel::base::{Env, Net, Secret, Timestamp};
use aviary_kernel::model::{AccountId, ApiKey, Email, Permission};
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::reply::{self, Reply};
use super::roles::{ExplanationView, parse, texts};
use crate::allow::{Allow, perm};
use crate::problem::{ApiResult, ProblemView};

/// Who may see keys: their own, or everybody's.
type MaySee = Allow<perm::Either<perm::ApiKeyRead, perm::ApiKeyOwn>>;
/// Who may change keys: their own, or everybody's.
type MayChange = Allow<perm::Either<perm::ApiKeyWrite, perm::ApiKeyOwn>>;

/// How long the old text stays good unless told, in hours.
const OVERLAP_H: u32 = 24;

/// An API key, without its text.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ApiKeyView {
    id: Uuid,
    name: String,
    /// How its text begins, so that people can tell keys apart.
    start: String,
    /// The person whose it is. It never may more than they.
    owner: Uuid,
    /// Their e-mail address; null when they are gone.
    owner_email: Option<String>,
    permissions: Vec<String>,
    /// Addresses and networks that may use it; empty = all.
    addresses: Vec<String>,
    /// Requests a minute; null = as for every key.
    per_minute: Option<u32>,
    /// `active`, `expired` or `revoked`.
    state: &'static str,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// Null = never.
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<Timestamp>,
    /// To the minute.
    #[schema(value_type = Option<String>, format = DateTime)]
    used_at: Option<Timestamp>,
    used_from: Option<String>,
    #[schema(value_type = Option<String>, format = DateTime)]
    revoked_at: Option<Timestamp>,
    /// Until when the text before the last renewal is good too.
    #[schema(value_type = Option<String>, format = DateTime)]
    previous_until: Option<Timestamp>,
}

impl ApiKeyView {
    fn new(key: ApiKey, owners: &BTreeMap<AccountId, Email>, now: Timestamp) -> Self {
        let state = match &key {
            key if key.revoked_at.is_some() => "revoked",
            key if key.expires_at.is_some_and(|end| end <= now) => "expired",
            _ => "active",
        };
        Self {
            id: key.id,
            name: key.name,
            start: key.start,
            owner: key.owner.0,
            owner_email: owners.get(&key.owner).map(|email| email.as_str().to_owned()),
            permissions: texts(&key.grants),
            addresses: key.addresses.iter().map(ToString::to_string).collect(),
            per_minute: key.per_minute,
            state,
            created_at: key.created_at,
            expires_at: key.expires_at,
            used_at: key.used_at,
            used_from: key.used_from.map(|address| address.to_string()),
            revoked_at: key.revoked_at,
            previous_until: key.previous.map(|previous| previous.until).filter(|until| *until > now),
        }
    }
}

/// A key that was just made or renewed, with its text.
#[derive(Serialize, ToSchema)]
pub(crate) struct FreshKeyView {
    key: ApiKeyView,
    /// The key itself, to be sent as `X-API-Key` or `Authorization: Bearer`. Shown here and never again.
    text: String,
}

async fn views(access: &Access, env: &Env, keys: Vec<ApiKey>) -> ApiResult<Vec<ApiKeyView>> {
    let (owners, now) = (access.owners(&keys).await?, env.now());
    Ok(keys.into_iter().map(|key| ApiKeyView::new(key, &owners, now)).collect())
}

async fn view(access: &Access, env: &Env, key: ApiKey) -> ApiResult<ApiKeyView> {
    let owners = access.owners(std::slice::from_ref(&key)).await?;
    Ok(ApiKeyView::new(key, &owners, env.now()))
}

async fn fresh(access: &Access, env: &Env, made: (ApiKey, Secret<String>)) -> ApiResult<FreshKeyView> {
    let (key, text) = made;
    Ok(FreshKeyView { key: view(access, env, key).await?, text: text.reveal().clone() })
}

/// Whose keys are wanted.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct KeysQuery {
    /// The id of a person, `me`, or `all`. Unless told: all for who may see all, otherwise one's own.
    owner: Option<String>,
}

impl KeysQuery {
    fn owner(&self, caller: &Caller) -> ApiResult<Option<AccountId>> {
        match self.owner.as_deref() {
            Some("all") => Ok(None),
            Some("me") => Ok(caller.account),
            Some(id) => Ok(Some(id.parse()?)),
            None if caller.may(Permission::ApiKeyRead) => Ok(None),
            None => Ok(caller.account),
        }
    }
}

/// API keys, oldest first
#[utoipa::path(get, path = "/api/v1/api-keys", tag = "api-keys", params(KeysQuery), responses(
    (status = 200, body = Reply<Vec<ApiKeyView>>),
    (status = 403, description = "The keys of others need `apikey.read`", body = ProblemView),
))]
pub(crate) async fn list(access: Data<Access>, env: Data<Env>, caller: MaySee, query: Query<KeysQuery>) -> ApiResult {
    let keys = access.keys(&caller.caller, query.owner(&caller.caller)?).await?;
    Ok(reply::ok(views(&access, &env, keys).await?))
}

/// An API key that is to be made.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct MakeApiKey {
    /// What it is for; 1 to 60 characters.
    name: String,
    /// What it may; no more than the caller.
    permissions: Vec<String>,
    /// When it ends: in an hour at the earliest, in a year at the latest. Only on the machine itself may it be left out,
    /// for a key that never ends.
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<Timestamp>,
    /// Addresses and networks that may use it, such as `192.0.2.0/24`; empty = all.
    #[serde(default)]
    #[schema(value_type = Vec<String>)]
    addresses: Vec<Net>,
    /// Requests a minute.
    #[schema(minimum = 1, maximum = 10_000)]
    per_minute: Option<u32>,
    /// Id or e-mail address of the owner; only on the machine itself, where it must be told.
    owner: Option<String>,
}

/// Make an API key
///
/// The answer holds its text, which is shown only once.
#[utoipa::path(post, path = "/api/v1/api-keys", tag = "api-keys", request_body = MakeApiKey, responses(
    (status = 201, description = "Made", body = Reply<FreshKeyView>),
    (status = 400, description = "A value cannot be taken", body = ProblemView),
    (status = 403, description = "It would allow more than the caller may, or the caller is a program", body = ProblemView),
    (status = 409, description = "The owner is disabled", body = ProblemView),
))]
pub(crate) async fn make(
    access: Data<Access>,
    accounts: Data<Accounts>,
    env: Data<Env>,
    caller: Allow<perm::ApiKeyOwn>,
    wanted: Json<MakeApiKey>,
) -> ApiResult {
    let MakeApiKey { name, permissions, expires_at, addresses, per_minute, owner } = wanted.into_inner();
    let grants = parse(&permissions)?;
    let owner = match owner {
        // Others do not learn by this who has an account.
        Some(owner) if caller.caller.account.is_none() => Some(accounts.find(&owner).await?.id),
        Some(owner) => Some(owner.parse()?),
        None => None,
    };
    let new = NewApiKey { name, owner, grants, expires_at, addresses, per_minute };
    let made = access.make_key(&caller.caller, new).await?;
    let message = "keep the text of the key now: it is not shown again";
    Ok(reply::told(StatusCode::CREATED, fresh(&access, &env, made).await?, message))
}

/// An API key
#[utoipa::path(get, path = "/api/v1/api-keys/{id}", tag = "api-keys", params(("id" = Uuid, Path)), responses(
    (status = 200, body = Reply<ApiKeyView>),
    (status = 404, description = "There is no such key, or it is not the caller's to see", body = ProblemView),
))]
pub(crate) async fn one(access: Data<Access>, env: Data<Env>, caller: MaySee, id: Path<Uuid>) -> ApiResult {
    let key = access.key(&caller.caller, *id).await?;
    Ok(reply::ok(view(&access, &env, key).await?))
}

/// What an API key may, and why
#[utoipa::path(get, path = "/api/v1/api-keys/{id}/permissions", tag = "api-keys", params(("id" = Uuid, Path)), responses(
    (status = 200, body = Reply<Vec<ExplanationView>>),
    (status = 404, description = "There is no such key, or it is not the caller's to see", body = ProblemView),
))]
pub(crate) async fn explain(access: Data<Access>, caller: MaySee, id: Path<Uuid>) -> ApiResult {
    let key = access.key(&caller.caller, *id).await?;
    let all = access.explain_key_all(key.id).await?.into_iter().map(ExplanationView::from);
    Ok(reply::ok(all.collect::<Vec<_>>()))
}

/// What is to become different of an API key. What is left out stays.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ChangeApiKey {
    name: Option<String>,
    permissions: Option<Vec<String>>,
    /// Null = never ends; only on the machine itself.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<Option<Timestamp>>,
    /// Empty = all.
    #[schema(value_type = Option<Vec<String>>)]
    addresses: Option<Vec<Net>>,
    /// Null = as for every key.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<u32>)]
    per_minute: Option<Option<u32>>,
}

/// Tells null from what was left out.
fn given<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

/// Change an API key
#[utoipa::path(patch, path = "/api/v1/api-keys/{id}", tag = "api-keys", params(("id" = Uuid, Path)), request_body = ChangeApiKey, responses(
    (status = 200, description = "Changed", body = Reply<ApiKeyView>),
    (status = 400, description = "A value cannot be taken", body = ProblemView),
    (status = 403, description = "It may or would more than the caller, or the caller is a program", body = ProblemView),
    (status = 404, description = "There is no such key, or it is not the caller's to see", body = ProblemView),
    (status = 409, description = "It was revoked", body = ProblemView),
))]
pub(crate) async fn change(
    access: Data<Access>,
    env: Data<Env>,
    caller: MayChange,
    id: Path<Uuid>,
    wanted: Json<ChangeApiKey>,
) -> ApiResult {
    let ChangeApiKey { name, permissions, expires_at, addresses, per_minute } = wanted.into_inner();
    let grants = permissions.as_deref().map(parse).transpose()?;
    let patch = ApiKeyPatch { name, grants, expires_at, addresses, per_minute };
    let key = access.change_key(&caller.caller, *id, patch).await?;
    Ok(reply::ok(view(&access, &env, key).await?))
}

/// How an API key is renewed.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct RotateApiKey {
    /// Hours for which the old text stays good, 0 to 168; 24 unless told.
    #[schema(minimum = 0, maximum = 168)]
    overlap_hours: Option<u32>,
}

/// Renew an API key
///
/// It gets another text, which is shown only once; the old one stays good for a while. Only for the owner.
#[utoipa::path(post, path = "/api/v1/api-keys/{id}/rotate", tag = "api-keys", params(("id" = Uuid, Path)), request_body = RotateApiKey, responses(
    (status = 200, description = "Renewed", body = Reply<FreshKeyView>),
    (status = 400, description = "The overlap cannot be taken", body = ProblemView),
    (status = 403, description = "It is not the caller's, or the caller is a program", body = ProblemView),
    (status = 404, description = "There is no such key, or it is not the caller's to see", body = ProblemView),
    (status = 409, description = "It was revoked or has ended", body = ProblemView),
))]
pub(crate) async fn rotate(
    access: Data<Access>,
    env: Data<Env>,
    caller: Allow<perm::ApiKeyOwn>,
    id: Path<Uuid>,
    wanted: Json<RotateApiKey>,
) -> ApiResult {
    let hours = wanted.overlap_hours.unwrap_or(OVERLAP_H);
    let renewed = access.rotate_key(&caller.caller, *id, Duration::from_secs(u64::from(hours) * 3600)).await?;
    let message = "keep the text of the key now: it is not shown again";
    Ok(reply::told(StatusCode::OK, fresh(&access, &env, renewed).await?, message))
}

/// Revoke an API key
///
/// At once and for good.
#[utoipa::path(delete, path = "/api/v1/api-keys/{id}", tag = "api-keys", params(("id" = Uuid, Path)), responses(
    (status = 200, description = "Revoked", body = Reply<ApiKeyView>),
    (status = 404, description = "There is no such key, or it is not the caller's to see", body = ProblemView),
))]
pub(crate) async fn revoke(access: Data<Access>, env: Data<Env>, caller: MayChange, id: Path<Uuid>) -> ApiResult {
    let key = access.revoke_key(&caller.caller, *id).await?;
    let message = format!("the key {} was revoked", key.name);
    Ok(reply::told(StatusCode::OK, view(&access, &env, key).await?, message))
}
