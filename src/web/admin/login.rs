//! Signing in and out.

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use aviary_domain::access::{Limits, Refusal, identity_of};
use aviary_domain::accounts::Accounts;
use aviary_domain::settings::Settings;
use aviary_domain::sign_in::{Credentials, SignIn, SignedIn};
use aviary_kernel::base::{Error, Secret};
use aviary_kernel::model::SessionKind;

use super::desk::service;
use super::form::{Fields, Sent};
use super::query::Query;
use crate::allow;
use crate::door::Open;
use crate::guard::{Recognised, sign_in_limit};
use crate::page::{PageResult, html, see_other};
use crate::problem::Problem;
use crate::recognise::Shown;
use crate::session::{self, Visitor, local_path};

#[derive(Default, Template)]
#[template(path = "login/page.html")]
struct LoginPage<'a> {
    next: &'a str,
    email: &'a str,
    trouble: Option<String>,
    /// The password was right; the code is still to come.
    half_way: Option<Secret<String>>,
    told: Option<&'static str>,
    /// There is no administrator yet.
    first_run: bool,
    /// People may make accounts for themselves.
    open: bool,
}

/// The page as it is for everybody at present.
async fn blank<'a>(request: &HttpRequest, next: &'a str) -> PageResult<LoginPage<'a>> {
    let (accounts, settings): (Data<Accounts>, Data<Settings>) = (service(request)?, service(request)?);
    let (first_run, open) = (accounts.is_first_run().await?, settings.registration_enabled().await?);
    Ok(LoginPage { next, first_run, open, ..LoginPage::default() })
}

/// The page.
pub(super) async fn page(_: Open, request: HttpRequest) -> PageResult {
    let query = Query::new(request.path(), request.query_string());
    let next = local_path(query.text("next").unwrap_or("/admin"));
    let Recognised { found, .. } = Recognised::of(&request);
    if found.caller.is_some() && found.shown == Shown::Cookie {
        return Ok(see_other(next));
    }
    let told = match query.text("done") {
        Some("signed-out") => Some("You are signed out."),
        Some("password-reset") => Some("Your password was changed. Sign in with it."),
        Some("verified") => Some("Your e-mail address is proved. Sign in."),
        Some("registered") => Some("Almost done: a mail is on its way to you. Open the link in it, then sign in."),
        _ => None,
    };
    html(&LoginPage { told, ..blank(&request, next).await? })
}

/// Takes the form: address and password, or the code that comes after them.
pub(super) async fn sign_in(_: Open, request: HttpRequest, sent: Sent) -> PageResult {
    let (sign_in, limits): (Data<SignIn>, Data<Limits>) = (service(&request)?, service(&request)?);
    let settings: Data<Settings> = service(&request)?;
    // Nobody shall be signed in from another site without knowing it.
    allow::check_origin(&request)?;
    let origin = Recognised::of(&request).origin;
    let next = local_path(sent.field("next"));
    let tries = limits.take(sign_in_limit(&settings), &identity_of(origin.address));
    if !tries.allowed {
        return shown(&blank(&request, next).await?, &Problem::too_many(tries.retry_after_s));
    }
    let half_way = Some(Secret::from(sent.field("half_way"))).filter(|half| !half.reveal().is_empty());
    let tried = match &half_way {
        Some(half) => sign_in.finish(origin, half, Secret::from(sent.field("code")), SessionKind::Browser).await,
        None => {
            let (email, password) = (sent.field("email").to_owned(), Secret::from(sent.field("password")));
            sign_in.sign_in(origin, Credentials { email, password, code: None }, SessionKind::Browser).await
        }
    };
    match tried {
        Ok(entered) => let_in(&request, &entered, next),
        Err(Refusal::Fault(error)) => Err(error.into()),
        Err(Refusal::SecondFactorRequired) if half_way.is_none() => {
            let half_way = Some(sign_in.half_way(sent.field("email")).await.map_err(Problem::from)?);
            html(&LoginPage { half_way, ..blank(&request, next).await? })
        }
        Err(refusal) => {
            // A code that is wrong can be tried again; whatever else went wrong begins anew.
            let half_way = half_way.filter(|_| matches!(refusal, Refusal::InvalidCode | Refusal::SecondFactorRequired));
            let page = LoginPage { email: sent.field("email"), half_way, ..blank(&request, next).await? };
            shown(&page, &refusal.into())
        }
    }
}

fn shown(page: &LoginPage<'_>, problem: &Problem) -> PageResult {
    let page = LoginPage { trouble: Some(problem.detail().to_owned()), half_way: page.half_way.clone(), ..*page };
    let mut answer = html(&page)?;
    *answer.status_mut() = problem.status();
    Ok(answer)
}

/// Begins the session of a browser: whatever cookie it had before is replaced.
pub(super) fn let_in(request: &HttpRequest, entered: &SignedIn, next: &str) -> PageResult {
    let mut answer = see_other(next);
    answer.add_cookie(&session::cookie(request, &entered.token)).map_err(Error::internal)?;
    Ok(answer)
}

/// Ends the session.
pub(super) async fn sign_out(_: Open, request: HttpRequest, visitor: Visitor, sent: Sent) -> PageResult {
    visitor.check(sent.token())?;
    let sign_in: Data<SignIn> = service(&request)?;
    sign_in.sign_out(&visitor.caller).await?;
    let mut answer = HttpResponse::build(StatusCode::SEE_OTHER);
    let answer = answer.insert_header(("location", "/admin/login?done=signed-out"));
    // Nothing of what was shown stays behind.
    Ok(answer.insert_header(("clear-site-data", "\"cache\"")).cookie(session::no_cookie(&request)).finish())
}
