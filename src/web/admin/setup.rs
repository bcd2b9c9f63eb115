//! The first run: whoever sees the console makes the first administrator, connects the first panel and starts the first sync.

use actix_web::cookie::time::Duration as CookieAge;
use actix_web::cookie::{Cookie, SameSite};
use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use aviary_domain::access::{Limit, Refusal};
use aviary_domain::accounts::{Accounts, FirstAdministrator};
use aviary_domain::sign_in::{Credentials, SignIn};
use aviary_kernel::base::{Error, Secret};
use aviary_kernel::model::SessionKind;

use super::field::{Errors, Field};
use super::form::{Fields, Sent};
use super::login::let_in;
use super::outside::{Form, Outside, Steps, admit};
use super::query::Query;
use crate::door::Open;
use crate::guard::Recognised;
use crate::page::{PageError, PageResult, see_other};

/// Carries the token from the link to the page, so that it does not stay in the address bar.
const COOKIE: &str = "aviary-setup";
const HERE: &str = "/admin/setup";
/// Long enough to fill in a form.
const LASTS: CookieAge = CookieAge::hours(1);
const LONGEST_TOKEN: usize = 128;

fn cookie(request: &HttpRequest, token: String, age: CookieAge) -> Cookie<'static> {
    // Lax, since the link may stand in a chat or a mail; it opens nothing but this page.
    let cookie = Cookie::build(COOKIE, token).path(HERE).http_only(true).same_site(SameSite::Lax).max_age(age);
    cookie.secure(Recognised::of(request).https).finish()
}

/// The page of the link.
pub(super) async fn page(_: Open, request: HttpRequest, accounts: Data<Accounts>) -> PageResult {
    let query = Query::new(request.path(), request.query_string());
    if let Some(token) = query.text("token") {
        return keep(&request, token);
    }
    if !accounts.is_first_run().await? {
        return done();
    }
    let Some(token) = request.cookie(COOKIE).map(|cookie| Secret::from(cookie.value())) else { return no_link() };
    match accounts.check_first_run_token(&token).await {
        Ok(()) => ask(&token, None, &Errors::default()),
        Err(Refusal::InvalidToken) => stale(),
        Err(refusal) => Err(refusal.into()),
    }
}

fn keep(request: &HttpRequest, token: &str) -> PageResult {
    if token.len() > LONGEST_TOKEN || !token.chars().all(|c| c.is_ascii_alphanumeric()) {
        return stale();
    }
    with(see_other(HERE), cookie(request, token.to_owned(), LASTS))
}

fn with(mut answer: HttpResponse, cookie: Cookie<'static>) -> PageResult {
    answer.add_cookie(&cookie).map_err(Error::internal)?;
    Ok(answer)
}

fn ask(token: &Secret<String>, sent: Option<&Sent>, errors: &Errors) -> PageResult {
    let [password, confirm] = Field::new_passwords();
    let fields = [
        Field::email().helps("You sign in with it.").focused(),
        Field::text("username", "What people call you").fills("nickname").optional(),
        password,
        confirm,
    ];
    let filled = |field: Field| sent.map_or(field.clone(), |sent| field.typed(sent)).checked(errors);
    Outside::titled("Welcome to Aviary")
        .step(Steps { at: 0 })
        .says("Make your account first. It may do everything here, and can let others in.")
        .form(Form {
            action: HERE,
            hidden: vec![("token", token.clone())],
            fields: fields.into_iter().map(filled).collect(),
            button: "Make the account",
        })
        .answer_to(errors)
}

/// Makes the first administrator and signs them in.
pub(super) async fn make_first(
    _: Open,
    request: HttpRequest,
    accounts: Data<Accounts>,
    sign_in: Data<SignIn>,
    sent: Sent,
) -> PageResult {
    let origin = admit(&request, Limit::REDEEM)?;
    let token = Secret::from(sent.field("token"));
    let mut errors = Errors::default();
    errors.require(&sent, &[("email", "give your e-mail address")]);
    errors.require_passwords(&sent);
    if !errors.is_empty() {
        return ask(&token, Some(&sent), &errors);
    }
    let (email, password) = (sent.field("email").to_owned(), Secret::from(sent.field("password")));
    let first = FirstAdministrator {
        email: email.clone(),
        username: Some(sent.field("username").to_owned()),
        password: password.clone(),
    };
    match accounts.complete_first_run(&origin, &token, first).await {
        Ok(_) => {}
        Err(Refusal::InvalidToken | Refusal::MissingFields) => {
            return if accounts.is_first_run().await? { stale() } else { done() };
        }
        Err(refusal) => {
            errors.note(refusal)?;
            return ask(&token, Some(&sent), &errors);
        }
    }
    let credentials = Credentials { email, password, code: None };
    let entered = sign_in.sign_in(origin, credentials, SessionKind::Browser).await.map_err(PageError::from)?;
    with(let_in(&request, &entered, "/admin/setup/panel")?, cookie(&request, String::new(), CookieAge::ZERO))
}

const ANOTHER: &str = "Start Aviary again and it prints a new link. Or make the administrator on the machine itself:";
const COMMAND: &str = "aviary user create --email YOU@EXAMPLE.COM --role SUPER_ADMIN --password-file -";

fn stale() -> PageResult {
    Outside::titled("This link is not good any more")
        .says("It was used already, or replaced: each start of Aviary makes a new link, and the ones before it end.")
        .says(ANOTHER)
        .shows(COMMAND)
        .answer(StatusCode::BAD_REQUEST)
}

fn no_link() -> PageResult {
    Outside::titled("Open the link from the console")
        .says("There is no administrator yet. When Aviary starts, it prints a link that lets you become it.")
        .says(ANOTHER)
        .shows(COMMAND)
        .answer(StatusCode::OK)
}

fn done() -> PageResult {
    Outside::titled("Aviary is set up")
        .says("There is an administrator already, so the link of the first run has done its work.")
        .link("Sign in", "/admin/login")
        .answer(StatusCode::OK)
}
