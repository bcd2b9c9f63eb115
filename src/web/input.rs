//! What may be sent: sizes, and what is said about input that cannot be read.

use actix_web::error::{JsonPayloadError, PathError, QueryPayloadError, UrlencodedError};
use actix_web::web::{FormConfig, JsonConfig, PathConfig, PayloadConfig, QueryConfig, ServiceConfig};

use crate::answer::is_page;
use crate::page::PageError;
use crate::problem::Problem;

/// No body of ours is larger.
const LARGEST_BODY: usize = 1024 * 1024;

/// Sets the limits, and our own words for what goes over them.
pub(crate) fn limits(config: &mut ServiceConfig) {
    config
        .app_data(PayloadConfig::new(LARGEST_BODY))
        .app_data(JsonConfig::default().limit(LARGEST_BODY).error_handler(|error, _| json(&error).into()))
        .app_data(
            FormConfig::default().limit(LARGEST_BODY).error_handler(|error, _| PageError::from(form(&error)).into()),
        )
        .app_data(QueryConfig::default().error_handler(|error, request| told(query(&error), request.path())))
        .app_data(PathConfig::default().error_handler(|error, request| told(path(&error), request.path())));
}

fn told(problem: Problem, path: &str) -> actix_web::Error {
    if is_page(path) { PageError::from(problem).into() } else { problem.into() }
}

fn json(error: &JsonPayloadError) -> Problem {
    match error {
        JsonPayloadError::OverflowKnownLength { .. } | JsonPayloadError::Overflow { .. } => Problem::too_large(),
        JsonPayloadError::ContentType => Problem::wrong_type("application/json"),
        JsonPayloadError::Deserialize(error) => Problem::bad_request(format!("the body cannot be read: {error}")),
        other => Problem::bad_request(format!("the body cannot be read: {other}")),
    }
}

fn form(error: &UrlencodedError) -> Problem {
    match error {
        UrlencodedError::Overflow { .. } => Problem::too_large(),
        UrlencodedError::ContentType => Problem::wrong_type("application/x-www-form-urlencoded"),
        other => Problem::bad_request(format!("the form cannot be read: {other}")),
    }
}

fn query(error: &QueryPayloadError) -> Problem {
    match error {
        QueryPayloadError::Deserialize(error) => Problem::bad_request(format!("the query cannot be read: {error}")),
        other => Problem::bad_request(format!("the query cannot be read: {other}")),
    }
}

fn path(error: &PathError) -> Problem {
    match error {
        PathError::Deserialize(error) => Problem::bad_request(format!("the address cannot be read: {error}")),
        other => Problem::bad_request(format!("the address cannot be read: {other}")),
    }
}
