//! Links that come by mail: asking for them, and what they lead to. Programs that look through mails open every link, so opening
//! one changes nothing; a button does.

use actix_web::HttpRequest;
use actix_web::http::StatusCode;
use actix_web::web::Data;
use aviary_domain::access::{Limit, Refusal};
use aviary_domain::accounts::Accounts;
use aviary_domain::sign_in::SignIn;
use aviary_kernel::base::Secret;
use aviary_kernel::model::{AccountId, SessionKind};

use super::field::{Errors, Field};
use super::form::{Fields, Sent};
use super::login::let_in;
use super::outside::{Form, Outside, admit};
use super::query::Query;
use crate::door::Open;
use crate::guard::Recognised;
use crate::page::{PageResult, see_other};
use crate::recognise::Shown;

/// What a link carries.
struct Link {
    token: Secret<String>,
    id: Secret<String>,
}

impl Link {
    fn opened(request: &HttpRequest) -> Self {
        let query = Query::new(request.path(), request.query_string());
        let text = |name: &str| Secret::from(query.text(name).unwrap_or_default());
        Self { token: text("token"), id: text("id") }
    }

    fn sent(sent: &Sent) -> Self {
        Self { token: Secret::from(sent.field("token").trim()), id: Secret::from(sent.field("id").trim()) }
    }

    /// The account that it names. One that cannot be an id makes the link a wrong one.
    fn account(&self) -> Result<Option<AccountId>, Refusal> {
        let id = Some(self.id.reveal()).filter(|id| !id.is_empty());
        id.map(|id| id.parse().map_err(|_| Refusal::InvalidToken)).transpose()
    }

    fn hidden(&self) -> Vec<(&'static str, Secret<String>)> {
        vec![("token", self.token.clone()), ("id", self.id.clone())]
    }

    fn is_empty(&self) -> bool {
        self.token.reveal().is_empty()
    }
}

/// A link that is good no more, and where to get another.
fn spent(title: &'static str, refusal: &Refusal, way: (&'static str, &'static str)) -> PageResult {
    let why = match refusal {
        Refusal::TokenExpired => "This link is too old. Ask for a new one.",
        Refusal::AccountDisabled => "This account is disabled. Ask an administrator.",
        _ => {
            "This link is not good: it was used already, replaced by a newer one, or not copied whole. Ask for a new one."
        }
    };
    Outside::titled(title)
        .notes("bad", why)
        .link(way.0, way.1)
        .link("Sign in", "/admin/login")
        .answer(StatusCode::BAD_REQUEST)
}

fn is_spent(refusal: &Refusal) -> bool {
    matches!(
        refusal,
        Refusal::MissingToken
            | Refusal::InvalidToken
            | Refusal::TokenExpired
            | Refusal::AccountDisabled
            | Refusal::UserNotFound
    )
}

const FORGOT: (&str, &str) = ("Set another password", "/admin/forgot-password");
const MAGIC: (&str, &str) = ("Sign in by mail", "/admin/magic-link");

/// Where the link leads that proves an address.
pub(super) async fn verify_page(_: Open, request: HttpRequest) -> PageResult {
    let link = Link::opened(&request);
    if link.is_empty() {
        return not_proved(&Refusal::InvalidToken);
    }
    Outside::titled("Prove your e-mail address")
        .says("Press the button to prove that the address this link was mailed to is yours.")
        .form(Form { action: "/admin/verify-email", hidden: link.hidden(), button: "It is mine", ..Form::default() })
        .answer(StatusCode::OK)
}

/// Proves an address.
pub(super) async fn verify(_: Open, request: HttpRequest, accounts: Data<Accounts>, sent: Sent) -> PageResult {
    let origin = admit(&request, Limit::REDEEM)?;
    let link = Link::sent(&sent);
    let proved = match link.account() {
        Ok(id) => accounts.verify_email(&origin, &link.token, id).await,
        Err(refusal) => Err(refusal),
    };
    match proved {
        Ok(_) | Err(Refusal::AlreadyVerified) => {
            let inside = Recognised::of(&request).found.shown == Shown::Cookie;
            Ok(see_other(if inside { "/admin/me/security?done=verified" } else { "/admin/login?done=verified" }))
        }
        Err(Refusal::EmailExists) => Outside::titled("Prove your e-mail address")
            .notes("bad", "Another account has this address by now, so yours keeps the one it had.")
            .link("Sign in", "/admin/login")
            .answer(StatusCode::CONFLICT),
        Err(refusal) if is_spent(&refusal) => not_proved(&refusal),
        Err(refusal) => Err(refusal.into()),
    }
}

/// A link to set another password proves the address as well.
fn not_proved(refusal: &Refusal) -> PageResult {
    spent("Prove your e-mail address", refusal, FORGOT)
}

/// Asks who forgot their password.
pub(super) async fn forgot_page(_: Open) -> PageResult {
    ask_password(None, &Errors::default())
}

fn ask_password(sent: Option<&Sent>, errors: &Errors) -> PageResult {
    Outside::titled("Set another password")
        .says("Give the e-mail address of your account. A mail goes there with a link to set another password.")
        .form(ask("/admin/forgot-password", sent, errors))
        .link("Sign in", "/admin/login")
        .answer_to(errors)
}

fn ask(action: &'static str, sent: Option<&Sent>, errors: &Errors) -> Form {
    let email = Field::email().focused();
    let email = sent.map_or(email.clone(), |sent| email.typed(sent)).checked(errors);
    Form { action, fields: vec![email], button: "Send the link", ..Form::default() }
}

/// Says the same whether or not there is such an account.
fn asked(title: &'static str) -> PageResult {
    Outside::titled(title)
        .notes("good", "If there is an account with this address, a mail with a link is on its way.")
        .says("It may take a few minutes. Look among unwanted mail too.")
        .link("Sign in", "/admin/login")
        .answer(StatusCode::OK)
}

/// Mails a link to set another password.
pub(super) async fn forgot(_: Open, request: HttpRequest, accounts: Data<Accounts>, sent: Sent) -> PageResult {
    let origin = admit(&request, Limit::ASK_LINK_BY_ADDRESS)?;
    match accounts.ask_password_reset(&origin, sent.field("email")).await {
        Ok(()) => asked("Set another password"),
        Err(refusal) => ask_password(Some(&sent), &noted(refusal)?),
    }
}

fn noted(refusal: Refusal) -> PageResult<Errors> {
    let mut errors = Errors::default();
    errors.note(refusal)?;
    Ok(errors)
}

/// Where the link leads that sets another password.
pub(super) async fn reset_page(_: Open, request: HttpRequest) -> PageResult {
    let link = Link::opened(&request);
    if link.is_empty() {
        return spent("Set another password", &Refusal::InvalidToken, FORGOT);
    }
    ask_new_password(&link, &Errors::default())
}

fn ask_new_password(link: &Link, errors: &Errors) -> PageResult {
    Outside::titled("Set another password")
        .says("Everywhere you are signed in, you are signed out.")
        .form(Form {
            action: "/admin/reset-password",
            hidden: link.hidden(),
            fields: Field::new_passwords().into_iter().map(|field| field.checked(errors)).collect(),
            button: "Set the password",
        })
        .answer_to(errors)
}

/// Sets another password.
pub(super) async fn reset(_: Open, request: HttpRequest, accounts: Data<Accounts>, sent: Sent) -> PageResult {
    let origin = admit(&request, Limit::REDEEM)?;
    let link = Link::sent(&sent);
    let mut errors = Errors::default();
    errors.require_passwords(&sent);
    if !errors.is_empty() {
        return ask_new_password(&link, &errors);
    }
    let (password, confirm) = (Secret::from(sent.field("password")), Secret::from(sent.field("confirm")));
    let set = match link.account() {
        _ if link.is_empty() => Err(Refusal::InvalidToken),
        Ok(id) => accounts.reset_password(&origin, &link.token, id, &password, Some(&confirm)).await,
        Err(refusal) => Err(refusal),
    };
    match set {
        Ok(_) => Ok(see_other("/admin/login?done=password-reset")),
        Err(refusal) if is_spent(&refusal) => spent("Set another password", &refusal, FORGOT),
        Err(refusal) => ask_new_password(&link, &noted(refusal)?),
    }
}

/// Asks who wants to sign in by mail; or, opened from the mail, whether they are there.
pub(super) async fn magic_page(_: Open, request: HttpRequest) -> PageResult {
    let link = Link::opened(&request);
    if link.is_empty() {
        return ask_magic(None, &Errors::default());
    }
    Outside::titled("Sign in")
        .says("Press the button to sign in with the link from your mail.")
        .form(Form { action: "/admin/magic-link", hidden: link.hidden(), button: "Sign in", ..Form::default() })
        .answer(StatusCode::OK)
}

fn ask_magic(sent: Option<&Sent>, errors: &Errors) -> PageResult {
    Outside::titled("Sign in by mail")
        .says("Give the e-mail address of your account. A mail goes there with a link that signs you in, without a password.")
        .form(ask("/admin/magic-link", sent, errors))
        .link("Sign in with a password", "/admin/login")
        .answer_to(errors)
}

/// Mails a link to sign in, or signs in with one.
pub(super) async fn magic(
    _: Open,
    request: HttpRequest,
    accounts: Data<Accounts>,
    sign_in: Data<SignIn>,
    sent: Sent,
) -> PageResult {
    let link = Link::sent(&sent);
    if link.is_empty() {
        let origin = admit(&request, Limit::ASK_LINK_BY_ADDRESS)?;
        return match accounts.ask_magic_link(&origin, sent.field("email")).await {
            Ok(()) => asked("Sign in by mail"),
            Err(refusal) => ask_magic(Some(&sent), &noted(refusal)?),
        };
    }
    let origin = admit(&request, Limit::REDEEM)?;
    let code = Some(Secret::from(sent.field("code").trim())).filter(|code| !code.reveal().is_empty());
    let is_first_try = code.is_none();
    match sign_in.with_magic_link(origin, &link.token, code, SessionKind::Browser).await {
        Ok(entered) => let_in(&request, &entered, "/admin"),
        Err(refusal) if is_spent(&refusal) => spent("Sign in by mail", &refusal, MAGIC),
        Err(Refusal::SecondFactorRequired) if is_first_try && !sent.iter().any(|(name, _)| name == "code") => {
            ask_code(&link, &Errors::default())
        }
        Err(refusal) => ask_code(&link, &noted(refusal)?),
    }
}

fn ask_code(link: &Link, errors: &Errors) -> PageResult {
    let code = Field::code("The six digits that your app shows, or one of your recovery codes.");
    Outside::titled("Sign in")
        .form(Form {
            action: "/admin/magic-link",
            hidden: link.hidden(),
            fields: vec![code.focused().checked(errors)],
            button: "Sign in",
        })
        .answer_to(errors)
}
