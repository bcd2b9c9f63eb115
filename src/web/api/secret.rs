//! The renewal of the master key. Only through the local socket: whoever can open that can read the key file as well.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Json};
use aviary_domain::secrets::{Progress, Secrets};
use aviary_kernel::base::{Secret, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::reply::{self, Reply};
use crate::allow::{Allow, perm};
use crate::problem::ApiResult;

/// How far the renewal of the master key is that was the last one since the start.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RotationView {
    /// `idle`, `running`, `failed` or `done`.
    state: &'static str,
    /// The id of the key before.
    old_key: Option<String>,
    /// The id of the new key.
    new_key: Option<String>,
    /// When it began.
    #[schema(value_type = Option<String>, format = DateTime)]
    begun_at: Option<Timestamp>,
    /// Rows that were looked at. Each is looked at twice, since the second look makes sure.
    rows: u64,
    /// Rows that were sealed anew.
    resealed: u64,
    /// How much is done, in percent.
    percent: u8,
    /// What went wrong.
    problem: Option<String>,
    /// Where a person must put the new key before the next start; null when it stands there.
    hand_over: Option<String>,
}

impl From<Progress> for RotationView {
    fn from(progress: Progress) -> Self {
        let Progress { state, old_key, new_key, begun_at, rows, resealed, percent, problem, hand_over } = progress;
        Self { state: state.name(), old_key, new_key, begun_at, rows, resealed, percent, problem, hand_over }
    }
}

/// What to renew the key to.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct RotateKey {
    /// The new key, 32 bytes in base64 or 64 hex digits. Without one a random one is made, where Aviary can replace the key
    /// itself.
    #[schema(value_type = Option<String>)]
    new_key: Option<Secret<String>>,
}

/// How far the renewal of the master key is
///
/// Through the local socket only.
#[utoipa::path(
    get, path = "/api/v1/secret/rotation", tag = "secret",
    responses((status = 200, body = Reply<RotationView>)),
)]
pub(crate) async fn rotation(secrets: Data<Secrets>, _caller: Allow<perm::Local>) -> ApiResult {
    Ok(reply::ok(RotationView::from(secrets.progress())))
}

/// Renew the master key
///
/// Seals every secret anew in the background; ask for the progress until it is `done`. Goes on with a renewal that was broken
/// off. Through the local socket only.
#[utoipa::path(
    post, path = "/api/v1/secret/rotate", tag = "secret", request_body = RotateKey,
    responses((status = 202, body = Reply<RotationView>)),
)]
pub(crate) async fn rotate(secrets: Data<Secrets>, caller: Allow<perm::Local>, body: Json<RotateKey>) -> ApiResult {
    let progress = secrets.rotate(&caller.who, body.new_key.as_ref()).await?;
    Ok(reply::told(StatusCode::ACCEPTED, RotationView::from(progress), ""))
}
