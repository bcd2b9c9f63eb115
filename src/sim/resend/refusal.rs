//! Resend's errors. <https://resend.com/docs/api-reference/errors>

use serde_json::json;

use crate::reply::Reply;

/// An error in Resend's form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    status: u16,
    name: &'static str,
    message: String,
}

impl Refusal {
    pub(crate) fn new(status: u16, name: &'static str, message: impl Into<String>) -> Self {
        Self { status, name, message: message.into() }
    }

    /// 422 for a field that makes no sense.
    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new(422, "validation_error", message)
    }

    /// 422 for a field that is not there.
    pub(crate) fn missing(field: &str) -> Self {
        Self::new(422, "missing_required_field", format!("Missing {field} field."))
    }

    pub(crate) fn not_found(message: &str) -> Self {
        Self::new(404, "not_found", message)
    }

    /// The error that Resend gives with a status when nothing more is known.
    pub(crate) fn of_status(status: u16) -> Self {
        let (name, message) = match status {
            400 => ("validation_error", "We found an error with one or more fields in the request."),
            401 => ("missing_api_key", "Missing API Key"),
            403 => ("invalid_api_key", "API key is invalid"),
            404 => ("not_found", "The requested endpoint does not exist."),
            405 => ("method_not_allowed", "Method is not allowed for the requested path."),
            409 => (
                "concurrent_idempotent_requests",
                "Same idempotency key used while original request is still in progress.",
            ),
            413 => ("validation_error", "The request is too large."),
            422 => ("validation_error", "We found an error with one or more fields in the request."),
            429 => ("rate_limit_exceeded", "Too many requests. Please limit the number of requests per second."),
            500 => ("internal_server_error", "An unexpected error occurred."),
            _ => ("application_error", "Something went wrong while processing the request."),
        };
        Self::new(status, name, message)
    }

    pub(crate) fn reply(&self) -> Reply {
        let body = json!({ "statusCode": self.status, "name": self.name, "message": self.message });
        Reply::json(self.status, body.to_string().into_bytes())
    }
}
