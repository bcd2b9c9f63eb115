//! What every answer has: a request id, security headers, a line in the access log. Errors get their final form here, where
//! the request id is known, and what is inside of them goes to the log, once.

use std::panic::AssertUnwindSafe;
use std::time::Instant;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::error::PayloadError;
use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::web::Data;
use actix_web::{Error, HttpMessage, HttpResponse, ResponseError};
use aviary_kernel::base::Env;
use futures_util::FutureExt;
use tracing::{error, info};

use crate::guard::Recognised;
use crate::input;
use crate::page::PageError;
use crate::problem::{Problem, Where};

/// Names a request in the log.
#[derive(Clone, Debug)]
pub struct RequestId(pub String);

const HEADER: HeaderName = HeaderName::from_static("x-request-id");

/// Nothing but our own files, and nobody may frame us.
const CONTENT_SECURITY_POLICY: &str = "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
     object-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'";

/// Wraps every handler.
pub(crate) async fn finish(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let began = Instant::now();
    let id = new_id(&request);
    request.extensions_mut().insert(RequestId(id.clone()));
    let (method, path) = (request.method().to_string(), request.path().to_owned());
    let for_pages = is_page(&path);
    let outcome = AssertUnwindSafe(next.call(request)).catch_unwind().await;
    let at = Where { path: Some(&path), request_id: Some(&id) };
    let outcome = match outcome {
        Ok(Ok(response)) => Ok(with_final_errors(response.map_into_boxed_body(), at)),
        Ok(Err(fault)) => Err(rendered(&fault, at)),
        Err(_) => {
            // The panic itself is in the log already.
            error!(request.id = %id, "the handler of {method} {path} broke off");
            let problem = Problem::panicked();
            Err(if for_pages { PageError::from(problem).render(at) } else { problem.render(at) })
        }
    };
    let took_ms = began.elapsed().as_millis();
    let log = |status: u16| info!(http.method = %method, http.path = %path, http.status = status, took_ms, request.id = %id, "{method} {path} {status}");
    match outcome {
        Ok(mut response) => {
            log(response.status().as_u16());
            let https = Recognised::of(response.request()).https;
            dress(response.headers_mut(), &id, https);
            Ok(response)
        }
        Err(mut response) => {
            log(response.status().as_u16());
            dress(response.headers_mut(), &id, false);
            Err(Finished::new(response).into())
        }
    }
}

/// Whether people rather than programs ask for this path.
pub(crate) fn is_page(path: &str) -> bool {
    path == "/" || path == "/admin" || path.starts_with("/admin/")
}

fn new_id(request: &ServiceRequest) -> String {
    request.app_data::<Data<Env>>().map(|env| env.ids.next().to_string()).unwrap_or_default()
}

fn with_final_errors(response: ServiceResponse<BoxBody>, at: Where<'_>) -> ServiceResponse<BoxBody> {
    let Some(mut answer) = response.response().error().and_then(|fault| final_form(fault, at)) else { return response };
    // What was added on the way out, such as the headers for other sites, stays.
    for (name, value) in response.headers() {
        if !answer.headers().contains_key(name) {
            answer.headers_mut().append(name.clone(), value.clone());
        }
    }
    response.into_response(answer)
}

fn final_form(fault: &Error, at: Where<'_>) -> Option<HttpResponse> {
    if let Some(problem) = fault.as_error::<Problem>() {
        log_cause(problem, at);
        return Some(problem.render(at));
    }
    // What was sent could not be read to its end: handlers that take the bare bytes leave it to us to say so.
    if let Some(unread) = fault.as_error::<PayloadError>() {
        let problem = input::unread(unread);
        let for_pages = at.path.is_some_and(is_page);
        return Some(if for_pages { PageError::from(problem).render(at) } else { problem.render(at) });
    }
    let page = fault.as_error::<PageError>()?;
    if let Some(problem) = page.problem() {
        log_cause(problem, at);
    }
    Some(page.render(at))
}

fn rendered(fault: &Error, at: Where<'_>) -> HttpResponse {
    final_form(fault, at).unwrap_or_else(|| fault.error_response())
}

fn log_cause(problem: &Problem, at: Where<'_>) {
    if let Some(cause) = problem.cause() {
        let (path, id) = (at.path.unwrap_or_default(), at.request_id.unwrap_or_default());
        error!(request.id = %id, http.path = %path, "{path} failed: {cause}");
    }
}

fn dress(headers: &mut HeaderMap, id: &str, https: bool) {
    if let Ok(id) = HeaderValue::from_str(id) {
        headers.insert(HEADER, id);
    }
    // What comes with a stricter policy of its own, such as a mail in a frame, keeps it.
    if !headers.contains_key(header::CONTENT_SECURITY_POLICY) {
        headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(CONTENT_SECURITY_POLICY));
        headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    }
    for (name, value) in [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "same-origin"),
        (header::CROSS_ORIGIN_OPENER_POLICY, "same-origin"),
        (header::CROSS_ORIGIN_RESOURCE_POLICY, "same-site"),
        (header::PERMISSIONS_POLICY, "camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    // What an answer tells is for whoever asked, unless it says otherwise itself.
    if !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    if https {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=31536000"));
    }
}

/// An answer on the way of errors, complete as it is.
struct Finished(std::cell::RefCell<Option<HttpResponse>>);

impl Finished {
    fn new(response: HttpResponse) -> Self {
        Self(std::cell::RefCell::new(Some(response)))
    }
}

impl std::fmt::Debug for Finished {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an answer was given on the way of errors")
    }
}

impl std::fmt::Display for Finished {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Debug::fmt(self, f)
    }
}

impl ResponseError for Finished {
    fn error_response(&self) -> HttpResponse {
        self.0.take().unwrap_or_else(|| HttpResponse::InternalServerError().finish())
    }
}

#[cfg(test)]
mod tests {
    use actix_web::middleware::from_fn;
    use actix_web::test::{self, TestRequest};
    use actix_web::{App, web};
    use aviary_kernel::base::{Error as Fault, Timestamp};

    use super::*;
    use crate::problem::ApiResult;

    async fn breaks_off() -> ApiResult {
        panic!("a secret in a panic");
    }

    async fn fails() -> ApiResult {
        Err(Fault::internal("a secret cause").into())
    }

    async fn read_only() -> ApiResult {
        Err(Fault::ReadOnly("the disk is full".into()).into())
    }

    async fn ask(path: &str) -> (u16, String, HeaderMap) {
        let (env, _) = Env::manual(Timestamp::default());
        let app = App::new()
            .app_data(Data::new(env))
            .route("/panic", web::get().to(breaks_off))
            .route("/admin/panic", web::get().to(breaks_off))
            .route("/fail", web::get().to(fails))
            .route("/full", web::get().to(read_only))
            .wrap(from_fn(finish));
        let app = test::init_service(app).await;
        let response = match test::try_call_service(&app, TestRequest::get().uri(path).to_request()).await {
            Ok(response) => response.into_parts().1,
            Err(fault) => fault.error_response(),
        };
        let (head, body) = response.into_parts();
        let body = actix_web::body::to_bytes(body).await.unwrap();
        (head.status().as_u16(), String::from_utf8(body.to_vec()).unwrap(), head.headers().clone())
    }

    #[actix_web::test]
    async fn a_handler_that_breaks_off_is_a_problem_like_any_other() {
        let (status, body, headers) = ask("/panic").await;
        assert_eq!((status, headers.get("content-type").unwrap().to_str().unwrap()), (500, "application/problem+json"));
        assert!(headers.contains_key("x-request-id") && headers.contains_key("content-security-policy"));
        assert!(body.contains("INTERNAL") && !body.contains("secret"), "{body}");
        let (status, body, headers) = ask("/admin/panic").await;
        assert_eq!(status, 500);
        assert!(
            headers.get("content-type").unwrap().to_str().unwrap().starts_with("text/html") && !body.contains("secret")
        );
    }

    #[actix_web::test]
    async fn causes_are_not_told() {
        let (status, body, headers) = ask("/fail").await;
        assert_eq!(status, 500);
        assert!(
            !body.contains("secret") && body.contains(headers.get("x-request-id").unwrap().to_str().unwrap()),
            "{body}"
        );
    }

    #[actix_web::test]
    async fn a_full_disk_is_told_and_worth_another_try() {
        let (status, body, headers) = ask("/full").await;
        assert_eq!((status, headers.get("retry-after").unwrap().to_str().unwrap()), (503, "30"));
        assert!(body.contains("READ_ONLY") && body.contains("the disk is full"), "{body}");
    }
}
