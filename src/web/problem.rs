//! The one place with status codes: what went wrong, as an answer. RFC 9457 problem details for programs, with `success`,
//! `error` and `code` beside the standard members for the front ends that read those; an error page for people.
//!
//! The request id is added when the answer leaves the house, see [`crate::answer`].

use std::fmt;

use actix_web::http::header::{self, HeaderName};
use actix_web::http::{Method, StatusCode};
use actix_web::{HttpResponse, HttpResponseBuilder, ResponseError};
use aviary_domain::access::{Refusal, Verdict};
use aviary_kernel::base::{Error, Source};
use serde::Serialize;
use utoipa::ToSchema;

/// What a JSON handler answers.
pub type ApiResult<T = HttpResponse> = Result<T, Problem>;

/// Something that went wrong, ready to be told.
#[derive(Debug)]
pub struct Problem {
    status: StatusCode,
    code: &'static str,
    detail: String,
    /// What stands as `error`, where that is not the detail.
    error: Option<&'static str>,
    headers: Vec<(header::HeaderName, String)>,
    cause: Option<Source>,
}

/// The body of every error.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Problem)]
pub struct ProblemView<'a> {
    /// Always `about:blank`: the status says what kind of problem it is.
    #[schema(value_type = String)]
    r#type: &'a str,
    /// The status in words.
    #[schema(value_type = String)]
    title: &'a str,
    /// The status code.
    status: u16,
    /// What went wrong and what to do about it.
    #[schema(value_type = String)]
    detail: &'a str,
    /// The path that was asked for.
    #[schema(value_type = Option<String>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    instance: Option<&'a str>,
    /// Always false.
    success: bool,
    /// The same as `detail`; for accounts and sign-in a code such as `invalid_credentials`.
    #[schema(value_type = String)]
    error: &'a str,
    /// One word for programs, such as `NOT_FOUND`.
    #[schema(value_type = String)]
    code: &'a str,
    /// Names this request in the log.
    #[schema(value_type = Option<String>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<&'a str>,
}

/// Where a problem came up.
#[derive(Clone, Copy, Default)]
pub(crate) struct Where<'a> {
    /// The path that was asked for.
    pub(crate) path: Option<&'a str>,
    /// The id of the request.
    pub(crate) request_id: Option<&'a str>,
}

impl Problem {
    fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        Self { status, code, detail: detail.into(), error: None, headers: Vec::new(), cause: None }
    }

    /// The request cannot be read as it is.
    pub fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "BAD_REQUEST", detail)
    }

    /// There is nothing at this address of the API.
    pub fn no_such_route() -> Self {
        let detail = "there is nothing at this address; /openapi.json lists what there is";
        Self::new(StatusCode::NOT_FOUND, "NOT_FOUND", detail)
    }

    /// There is no page at this address.
    pub fn no_such_page() -> Self {
        Self::new(StatusCode::NOT_FOUND, "NOT_FOUND", "there is no page at this address")
    }

    /// The address knows only other methods.
    pub fn wrong_method(allowed: &[Method]) -> Self {
        let allowed = allowed.iter().map(Method::as_str).collect::<Vec<_>>().join(", ");
        let detail = format!("this address takes {allowed} only");
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "METHOD_NOT_ALLOWED", detail).with(header::ALLOW, allowed)
    }

    /// The address is longer than any that makes sense.
    pub(crate) fn address_too_long() -> Self {
        Self::new(StatusCode::URI_TOO_LONG, "TOO_LONG", "the address is too long")
    }

    /// The body is larger than any that makes sense.
    pub fn too_large() -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "TOO_LARGE", "the body is too large for this address")
    }

    /// The body did not come to its end in time.
    pub(crate) fn too_slow() -> Self {
        Self::new(StatusCode::REQUEST_TIMEOUT, "TIMEOUT", "the body took too long to arrive; send it again")
    }

    /// The body is of a type that the address does not take.
    pub fn wrong_type(wanted: &str) -> Self {
        Self::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "UNSUPPORTED",
            format!("send {wanted}, and say so in Content-Type"),
        )
    }

    /// Too many requests; come back later.
    pub fn too_many(retry_after_s: u64) -> Self {
        let detail = format!("too many requests; wait {retry_after_s} seconds");
        Self::new(StatusCode::TOO_MANY_REQUESTS, "RATE_LIMITED", detail)
            .with(header::RETRY_AFTER, retry_after_s.to_string())
    }

    /// Very many follow something already; come back later.
    pub(crate) fn too_many_follow(retry_after_s: u64) -> Self {
        let detail = "very many follow searches already; close what nobody looks at, or try again later";
        Self { detail: detail.into(), ..Self::too_many(retry_after_s) }
    }

    /// Only administrators get in at present.
    pub(crate) fn maintenance() -> Self {
        let detail = "Aviary is closed for maintenance; come back later. Administrators sign in at /admin/login";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "MAINTENANCE", detail).with(header::RETRY_AFTER, "300".into())
    }

    /// A handler broke off.
    pub(crate) fn panicked() -> Self {
        let detail = "Aviary hit a fault of its own; the log tells more under the request id";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL", detail)
    }

    fn with(mut self, name: header::HeaderName, value: String) -> Self {
        self.headers.push((name, value));
        self
    }

    /// The status of the answer.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The status in words.
    pub fn title(&self) -> &'static str {
        self.status.canonical_reason().unwrap_or("Error")
    }

    /// What went wrong and what to do about it.
    pub fn detail(&self) -> &str {
        &self.detail
    }

    /// What is for the log only.
    pub(crate) fn cause(&self) -> Option<&Source> {
        self.cause.as_ref()
    }

    /// Status and headers of the answer.
    pub(crate) fn head(&self) -> HttpResponseBuilder {
        let mut head = HttpResponse::build(self.status);
        for (name, value) in &self.headers {
            head.insert_header((name.clone(), value.as_str()));
        }
        head
    }

    /// The answer for programs.
    pub(crate) fn render(&self, at: Where<'_>) -> HttpResponse {
        let view = ProblemView {
            r#type: "about:blank",
            title: self.title(),
            status: self.status.as_u16(),
            detail: &self.detail,
            instance: at.path,
            success: false,
            error: self.error.unwrap_or(&self.detail),
            code: self.code,
            request_id: at.request_id,
        };
        let body = serde_json::to_string(&view).unwrap_or_default();
        self.head().insert_header((header::CONTENT_TYPE, "application/problem+json")).body(body)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail)
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        self.status
    }

    fn error_response(&self) -> HttpResponse {
        self.render(Where::default())
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let detail = error.to_string();
        match error {
            Error::NotFound { .. } => Self::new(StatusCode::NOT_FOUND, "NOT_FOUND", detail),
            Error::Invalid { .. } => Self::new(StatusCode::BAD_REQUEST, "INVALID", detail),
            Error::Conflict(_) => Self::new(StatusCode::CONFLICT, "CONFLICT", detail),
            Error::Unauthenticated(_) => Self::new(StatusCode::UNAUTHORIZED, "UNAUTHORIZED", detail)
                .with(header::WWW_AUTHENTICATE, "Bearer realm=\"aviary\"".into()),
            Error::Forbidden(_) => Self::new(StatusCode::FORBIDDEN, "FORBIDDEN", detail),
            Error::Upstream { retry: false, .. } => Self::new(StatusCode::BAD_GATEWAY, "UPSTREAM", detail),
            Error::Upstream { retry: true, .. } => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "UPSTREAM", detail).with(header::RETRY_AFTER, "30".into())
            }
            Error::ReadOnly(_) => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "READ_ONLY", detail).with(header::RETRY_AFTER, "30".into())
            }
            Error::Unusable(_) => Self::new(StatusCode::INTERNAL_SERVER_ERROR, "UNUSABLE", detail),
            Error::Corrupt { table, source } => {
                let detail = format!("a record of table {table} cannot be read; run `aviary check`");
                let cause = Some(format!("table {table}: {source}").into());
                Self { cause, ..Self::new(StatusCode::INTERNAL_SERVER_ERROR, "CORRUPT", detail) }
            }
            Error::Internal(source) => Self { cause: Some(source), ..Self::panicked() },
        }
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let (code, detail) = (refusal.code(), refusal.to_string());
        let status = match refusal {
            Refusal::Fault(error) => return error.into(),
            Refusal::Locked { retry_after_s } => {
                return Self { detail, error: Some(code), ..Self::too_many(retry_after_s) };
            }
            Refusal::InvalidCredentials
            | Refusal::WrongPassword
            | Refusal::EmailNotVerified
            | Refusal::AccountDisabled
            | Refusal::SecondFactorRequired
            | Refusal::InvalidCode
            | Refusal::InvalidRefreshToken
            | Refusal::MissingAuthorization => StatusCode::UNAUTHORIZED,
            Refusal::RegistrationClosed => StatusCode::FORBIDDEN,
            Refusal::UserNotFound => StatusCode::NOT_FOUND,
            Refusal::EmailExists => StatusCode::CONFLICT,
            _ => StatusCode::BAD_REQUEST,
        };
        Self::coded(status, code, detail)
    }
}

impl Problem {
    /// One of the codes of the older API, which stands as `error` too.
    pub(crate) fn coded(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        Self { error: Some(code), ..Self::new(status, code, detail) }
    }

    /// A refusal where the older API says 401 to whatever is wrong with a token or an account.
    #[must_use]
    pub(crate) fn unauthorised(self) -> Self {
        let is_refusal = matches!(self.status, StatusCode::BAD_REQUEST | StatusCode::NOT_FOUND);
        if is_refusal { Self { status: StatusCode::UNAUTHORIZED, ..self } } else { self }
    }

    /// The same where the older API has a sentence as `error` rather than a code.
    #[must_use]
    pub(crate) fn in_words(self) -> Self {
        Self { error: None, ..self }
    }

    /// With what the caller should know of the limit that they met.
    #[must_use]
    pub(crate) fn with_limits(self, verdict: &Verdict) -> Self {
        limit_headers(verdict).into_iter().fold(self, |it, (name, number)| it.with(name, number.to_string()))
    }
}

/// What callers get to know of a limit.
pub(crate) fn limit_headers(verdict: &Verdict) -> [(HeaderName, u64); 3] {
    [
        (HeaderName::from_static("x-ratelimit-limit"), verdict.limit.into()),
        (HeaderName::from_static("x-ratelimit-remaining"), verdict.remaining.into()),
        (HeaderName::from_static("x-ratelimit-reset"), u64::try_from(verdict.reset_unix_s).unwrap_or(0)),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(problem: &Problem) -> serde_json::Value {
        let at = Where { path: Some("/api/x"), request_id: Some("r1") };
        let bytes = actix_web::body::MessageBody::try_into_bytes(problem.render(at).into_body()).ok().unwrap();
        serde_json::from_slice(&bytes).unwrap()
    }

    #[test]
    fn a_problem_has_the_standard_members_and_those_of_the_old_front_end() {
        let body = body(&Error::not_found("node", 7).into());
        assert_eq!(
            body,
            serde_json::json!({
                "type": "about:blank", "title": "Not Found", "status": 404, "detail": "there is no node 7", "instance": "/api/x",
                "success": false, "error": "there is no node 7", "code": "NOT_FOUND", "requestId": "r1"
            })
        );
    }

    #[test]
    fn what_is_inside_a_fault_of_ours_stays_inside() {
        for error in [Error::internal("the secret cause"), Error::corrupt("nodes", "the secret cause")] {
            let problem = Problem::from(error);
            assert_eq!(problem.status(), 500);
            assert!(problem.cause().unwrap().to_string().contains("the secret cause"));
            assert!(!body(&problem).to_string().contains("secret"), "{problem}");
        }
    }

    #[test]
    fn each_error_has_its_status() {
        let upstream = |retry| Error::Upstream { panel: "p".into(), reason: "r".into(), retry };
        let cases = [
            (Error::invalid("name", "is empty"), 400),
            (Error::Unauthenticated(String::new()), 401),
            (Error::Forbidden(String::new()), 403),
            (Error::Conflict(String::new()), 409),
            (upstream(false), 502),
            (upstream(true), 503),
            (Error::ReadOnly(String::new()), 503),
            (Error::Unusable(String::new()), 500),
        ];
        for (error, status) in cases {
            assert_eq!(Problem::from(error).status().as_u16(), status);
        }
    }
}
