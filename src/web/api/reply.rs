//! The form of answers: `{success, data, message}`, all three always there.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use aviary_kernel::base::Cursor;
use serde::Serialize;
use utoipa::ToSchema;

/// An answer.
#[derive(Serialize, ToSchema)]
pub(crate) struct Reply<T> {
    /// Always true; what went wrong is a problem.
    pub success: bool,
    /// What was asked for.
    pub data: T,
    /// For people; often empty.
    pub message: String,
}

/// 200 with `data`.
pub(crate) fn ok<T: Serialize>(data: T) -> HttpResponse {
    told(StatusCode::OK, data, "")
}

/// `status` with `data` and a word for people.
pub(crate) fn told<T: Serialize>(status: StatusCode, data: T, message: impl Into<String>) -> HttpResponse {
    HttpResponse::build(status).json(Reply { success: true, data, message: message.into() })
}

/// A page of a list that is walked by cursor.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Walk<T> {
    /// The page.
    pub items: Vec<T>,
    /// Send it as `cursor` for the next page; null on the last one.
    pub next_cursor: Option<String>,
}

impl<T> Walk<T> {
    /// A page and where it goes on.
    pub(crate) fn new(items: Vec<T>, next: Option<&Cursor>) -> Self {
        Self { items, next_cursor: next.map(Cursor::to_string) }
    }
}
