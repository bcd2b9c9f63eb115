//! What may be sent: sizes, and what is said about input that cannot be read.

use std::io;
use std::time::Duration;

use actix_web::HttpMessage;
use actix_web::dev::{Payload, ServiceRequest};
use actix_web::error::{JsonPayloadError, PathError, PayloadError, QueryPayloadError, UrlencodedError};
use actix_web::web::{FormConfig, JsonConfig, PathConfig, PayloadConfig, QueryConfig, ServiceConfig};
use futures_util::{StreamExt, stream};
use tokio::time::{Instant, timeout_at};

use crate::answer::is_page;
use crate::page::PageError;
use crate::problem::Problem;

/// No body of ours is larger.
const LARGEST_BODY: usize = 1024 * 1024;

/// A body is here by then, or it is given up: who sends one byte a minute must not hold a connection for ever.
const SLOWEST_BODY: Duration = Duration::from_secs(30);

/// Gives the sender of a body so long and no longer.
pub(crate) fn hurry(request: &mut ServiceRequest) {
    if request.method().is_safe() {
        return;
    }
    let until = Instant::now() + SLOWEST_BODY;
    let in_time = stream::unfold(Some(request.take_payload()), move |payload| async move {
        let mut payload = payload?;
        match timeout_at(until, payload.next()).await {
            Ok(chunk) => chunk.map(|chunk| (chunk, Some(payload))),
            Err(_) => Some((Err(PayloadError::Incomplete(Some(io::ErrorKind::TimedOut.into()))), None)),
        }
    });
    request.set_payload(Payload::Stream { payload: Box::pin(in_time) });
}

/// What is said about a body that could not be read to its end.
pub(crate) fn unread(error: &PayloadError) -> Problem {
    match error {
        PayloadError::Overflow => Problem::too_large(),
        PayloadError::Incomplete(Some(cause)) if cause.kind() == io::ErrorKind::TimedOut => Problem::too_slow(),
        other => Problem::bad_request(format!("the body cannot be read: {other}")),
    }
}

/// Sets the limits, and our own words for what goes over them.
pub(crate) fn limits(config: &mut ServiceConfig) {
    config
        .app_data(PayloadConfig::new(LARGEST_BODY))
        .app_data(JsonConfig::default().limit(LARGEST_BODY).error_handler(|error, _| json(&error).into()))
        .app_data(
            FormConfig::default().limit(LARGEST_BODY).error_handler(|error, _| PageError::from(form(&error)).into()),
        )
        .app_data(QueryConfig::default().error_handler(|error, request| told(query(&error), request.path())))
        .app_data(PathConfig::default().error_handler(|error, request| match is_page(request.path()) {
            // Nobody types ids: an address with an odd one was copied by halves.
            true => PageError::from(Problem::no_such_page()).into(),
            false => path(&error).into(),
        }));
}

fn told(problem: Problem, path: &str) -> actix_web::Error {
    if is_page(path) { PageError::from(problem).into() } else { problem.into() }
}

fn json(error: &JsonPayloadError) -> Problem {
    match error {
        JsonPayloadError::OverflowKnownLength { .. } | JsonPayloadError::Overflow { .. } => Problem::too_large(),
        JsonPayloadError::Payload(error) => unread(error),
        JsonPayloadError::ContentType => Problem::wrong_type("application/json"),
        JsonPayloadError::Deserialize(error) => Problem::bad_request(format!("the body cannot be read: {error}")),
        other => Problem::bad_request(format!("the body cannot be read: {other}")),
    }
}

fn form(error: &UrlencodedError) -> Problem {
    match error {
        UrlencodedError::Overflow { .. } => Problem::too_large(),
        UrlencodedError::Payload(error) => unread(error),
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
