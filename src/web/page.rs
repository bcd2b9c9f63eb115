//! Answers for people: pages, and the page that says what went wrong.

use std::fmt;

use actix_web::http::StatusCode;
use actix_web::http::header::{self, ContentType};
use actix_web::{HttpResponse, ResponseError};
use askama::Template;
use aviary_domain::access::Refusal;
use aviary_kernel::base::Error;

use crate::problem::{Problem, Where};

/// What a page handler answers.
pub type PageResult<T = HttpResponse> = Result<T, PageError>;

/// Why there is no page.
#[derive(Debug)]
pub enum PageError {
    /// Something went wrong; told on an error page.
    Problem(Problem),
    /// Nobody is signed in; leads to the sign-in page and from there to `next`.
    SignIn {
        /// A path of ours.
        next: String,
    },
    /// Another page is what they need.
    Elsewhere(&'static str),
}

#[derive(Template)]
#[template(path = "error/page.html")]
struct ErrorPage<'a> {
    status: u16,
    title: &'a str,
    detail: &'a str,
    request_id: &'a str,
}

/// A page as an answer.
///
/// # Errors
/// When the template cannot be rendered.
pub fn html(page: &impl Template) -> PageResult {
    let body = page.render()?;
    Ok(HttpResponse::Ok().content_type(ContentType::html()).body(body))
}

/// What a mail that is shown may do: nothing but have a look of its own, in a frame on one of our pages.
const MAIL_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; sandbox; frame-ancestors 'self'; base-uri 'none'; \
     form-action 'none'";

/// A mail as HTML, to be shown in a frame.
pub(crate) fn framed_mail(html: String) -> HttpResponse {
    HttpResponse::Ok()
        .content_type(ContentType::html())
        .insert_header((header::CONTENT_SECURITY_POLICY, MAIL_POLICY))
        .insert_header((header::X_FRAME_OPTIONS, "SAMEORIGIN"))
        .body(html)
}

/// Leads the browser to another page after a form was taken.
pub fn see_other(to: &str) -> HttpResponse {
    HttpResponse::SeeOther().insert_header((header::LOCATION, to)).finish()
}

impl PageError {
    /// What is for the log only.
    pub(crate) fn problem(&self) -> Option<&Problem> {
        if let Self::Problem(problem) = self { Some(problem) } else { None }
    }

    /// The answer for people.
    pub(crate) fn render(&self, at: Where<'_>) -> HttpResponse {
        match self {
            Self::SignIn { next } => {
                let query: String =
                    url::form_urlencoded::Serializer::new(String::new()).append_pair("next", next).finish();
                see_other(&format!("/admin/login?{query}"))
            }
            Self::Elsewhere(path) => see_other(path),
            Self::Problem(problem) => {
                let page = ErrorPage {
                    status: problem.status().as_u16(),
                    title: problem.title(),
                    detail: problem.detail(),
                    request_id: at.request_id.unwrap_or_default(),
                };
                let body = page.render().unwrap_or_else(|_| problem.detail().to_owned());
                problem.head().content_type(ContentType::html()).body(body)
            }
        }
    }
}

impl fmt::Display for PageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Problem(problem) => problem.fmt(f),
            Self::SignIn { .. } => f.write_str("nobody is signed in"),
            Self::Elsewhere(path) => write!(f, "leads to {path}"),
        }
    }
}

impl ResponseError for PageError {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::Problem(problem) => problem.status(),
            Self::SignIn { .. } | Self::Elsewhere(_) => StatusCode::SEE_OTHER,
        }
    }

    fn error_response(&self) -> HttpResponse {
        self.render(Where::default())
    }
}

impl From<Problem> for PageError {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

impl From<Error> for PageError {
    fn from(error: Error) -> Self {
        Self::Problem(error.into())
    }
}

impl From<Refusal> for PageError {
    fn from(refusal: Refusal) -> Self {
        Self::Problem(refusal.into())
    }
}

impl From<askama::Error> for PageError {
    fn from(error: askama::Error) -> Self {
        Self::Problem(Error::internal(error).into())
    }
}
