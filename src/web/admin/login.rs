//! Signing in and out.

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use aviary_kernel::base::Secret;

use super::desk::service;
use super::form::{Fields, Sent};
use super::query::Query;
use crate::door::Open;
use crate::page::{PageResult, html, see_other};
use crate::session::{Sessions, Visitor, local_path};

#[derive(Template)]
#[template(path = "login/page.html")]
struct LoginPage<'a> {
    next: &'a str,
    trouble: Option<&'a str>,
    /// Why nobody can sign in.
    closed: Option<&'a str>,
    signed_out: bool,
}

const CLOSED: &str = "no API key is set, so nobody can sign in: set security.api_key in the configuration, or \
     AVIARY__SECURITY__API_KEY in the environment, and restart";

/// The page.
pub(super) async fn page(_: Open, request: HttpRequest) -> PageResult {
    let sessions: Data<Sessions> = service(&request)?;
    let query = Query::new(request.path(), request.query_string());
    let next = local_path(query.text("next").unwrap_or("/admin"));
    if sessions.read(&request).is_some() {
        return Ok(see_other(next));
    }
    let closed = (!sessions.has_key()).then_some(CLOSED);
    html(&LoginPage { next, trouble: None, closed, signed_out: query.text("done") == Some("signed-out") })
}

/// Opens a session for whoever knows the key.
pub(super) async fn sign_in(_: Open, request: HttpRequest, sent: Sent) -> PageResult {
    let sessions: Data<Sessions> = service(&request)?;
    // Nobody shall be signed in from another site without knowing it.
    crate::allow::check_origin(&request)?;
    let next = local_path(sent.field("next"));
    match sessions.sign_in(&Secret::from(sent.field("key"))) {
        Ok(cookie) => {
            let mut answer = see_other(next);
            answer.add_cookie(&cookie).map_err(aviary_kernel::base::Error::internal)?;
            Ok(answer)
        }
        Err(problem) => {
            let closed = (!sessions.has_key()).then_some(CLOSED);
            let page = LoginPage { next, trouble: Some(problem.detail()), closed, signed_out: false };
            let mut answer = html(&page)?;
            *answer.status_mut() = problem.status();
            Ok(answer)
        }
    }
}

/// Ends the session.
pub(super) async fn sign_out(_: Open, request: HttpRequest, visitor: Visitor, sent: Sent) -> PageResult {
    visitor.check(sent.token())?;
    let sessions: Data<Sessions> = service(&request)?;
    let mut answer = HttpResponse::build(StatusCode::SEE_OTHER);
    Ok(answer.insert_header(("location", "/admin/login?done=signed-out")).cookie(sessions.sign_out()).finish())
}
