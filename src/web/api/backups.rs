//! Backups of the data file. The way back is on the command line only, where nothing else has the file open.

use std::ops::ControlFlow;
use std::path::PathBuf;

use actix_web::HttpRequest;
use actix_web::http::StatusCode;
use actix_web::web::{Data, Json};
use aviary_domain::ops::{Backup, BackupProgress, Backups};
use aviary_kernel::base::{Error, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::reply::{self, Reply};
use crate::allow::{Allow, is_local, perm};
use crate::problem::ApiResult;

/// A finished backup.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct BackupView {
    /// The name of the file.
    name: String,
    /// Where it is.
    path: String,
    /// Its size, in bytes.
    bytes: u64,
    /// The size of the data file inside, in bytes.
    data_bytes: u64,
    /// Rows of all tables, index keys among them.
    rows: u64,
    /// How long it took to make, in milliseconds.
    took_ms: u64,
    /// When it was begun.
    #[schema(value_type = String, format = DateTime)]
    made_at: Timestamp,
    /// The id of the master key that opens the secrets inside. The key itself is not in the backup.
    key: Option<String>,
    /// The release that made it.
    release: String,
}

impl From<Backup> for BackupView {
    fn from(backup: Backup) -> Self {
        let Backup { name, path, bytes, data_bytes, rows, took_ms, made_at, key, release } = backup;
        Self { name, path: path.display().to_string(), bytes, data_bytes, rows, took_ms, made_at, key, release }
    }
}

/// How far a backup is that is being made.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct BackupProgressView {
    /// `copying`, `verifying` or `packing`.
    step: &'static str,
    /// How much is done, in percent.
    percent: u8,
}

impl From<BackupProgress> for BackupProgressView {
    fn from(progress: BackupProgress) -> Self {
        Self { step: progress.step.name(), percent: progress.percent }
    }
}

/// The backups there are.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct BackupsView {
    /// Where they are.
    dir: String,
    /// How many are kept; 0 = all.
    keep: usize,
    /// The one that is being made; null when none is.
    running: Option<BackupProgressView>,
    /// Newest first.
    backups: Vec<BackupView>,
}

/// Where to make a backup.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct MakeBackup {
    /// Another folder than that of the configuration; through the local socket only. No backups are removed from it.
    #[schema(value_type = Option<String>)]
    to: Option<PathBuf>,
}

/// The backups there are
#[utoipa::path(get, path = "/api/v1/backups", tag = "backups", responses((status = 200, body = Reply<BackupsView>)))]
pub(crate) async fn list(backups: Data<Backups>, _caller: Allow<perm::BackupRead>) -> ApiResult {
    let options = backups.options();
    let view = BackupsView {
        dir: options.dir.display().to_string(),
        keep: options.keep,
        running: backups.progress().map(Into::into),
        backups: backups.list().await?.into_iter().map(Into::into).collect(),
    };
    Ok(reply::ok(view))
}

/// Make a backup now
///
/// Answers when it is on disk and was read again, and goes on when nobody waits for it. Those beyond as many as are kept are
/// removed then.
#[utoipa::path(
    post, path = "/api/v1/backups", tag = "backups", request_body = MakeBackup,
    responses((status = 201, body = Reply<BackupView>)),
)]
pub(crate) async fn make(
    backups: Data<Backups>,
    caller: Allow<perm::BackupRun>,
    request: HttpRequest,
    body: Json<MakeBackup>,
) -> ApiResult {
    let go_on = |_: &BackupProgress| ControlFlow::Continue(());
    let made = match body.into_inner().to {
        None => backups.make(&caller.who, go_on).await?,
        Some(dir) if is_local(&request) => backups.make_in(&caller.who, dir, go_on).await?,
        Some(_) => {
            let why = "another folder is named on the machine itself, with `aviary backup --to`";
            return Err(Error::Forbidden(why.into()).into());
        }
    };
    Ok(reply::told(
        StatusCode::CREATED,
        BackupView::from(made),
        "the backup is made; keep the master key apart from it",
    ))
}
