//! Accounts that people make for themselves, where that is allowed.

use actix_web::HttpRequest;
use actix_web::http::StatusCode;
use actix_web::web::Data;
use aviary_domain::access::{Limit, Refusal};
use aviary_domain::accounts::{Accounts, NewRegistration};
use aviary_domain::settings::Settings;
use aviary_kernel::base::Secret;

use super::field::{Errors, Field};
use super::form::{Fields, Sent};
use super::outside::{Form, Outside, admit};
use crate::door::Open;
use crate::page::{PageResult, see_other};

/// The page.
pub(super) async fn page(_: Open, settings: Data<Settings>) -> PageResult {
    if settings.registration_enabled().await? { show(None, &Errors::default()) } else { closed() }
}

/// Takes the form. Whether the address has an account already is told to its owner, by mail, and to nobody else.
pub(super) async fn register(
    _: Open,
    request: HttpRequest,
    accounts: Data<Accounts>,
    settings: Data<Settings>,
    sent: Sent,
) -> PageResult {
    let origin = admit(&request, Limit::REGISTER)?;
    let mut errors = Errors::default();
    errors.require(&sent, &[("email", "give your e-mail address")]);
    errors.require_passwords(&sent);
    if !errors.is_empty() {
        return show(Some(&sent), &errors);
    }
    let new = NewRegistration {
        email: sent.field("email").to_owned(),
        password: Secret::from(sent.field("password")),
        confirm_password: Some(Secret::from(sent.field("confirm"))),
        username: Some(sent.field("username").to_owned()),
        first_name: Some(sent.field("firstName").to_owned()),
        last_name: Some(sent.field("lastName").to_owned()),
    };
    match accounts.register(&origin, new, settings.registration_enabled().await?).await {
        Ok(_) | Err(Refusal::EmailExists) => Ok(see_other("/admin/login?done=registered")),
        Err(Refusal::RegistrationClosed) => closed(),
        Err(refusal) => {
            errors.note(refusal)?;
            show(Some(&sent), &errors)
        }
    }
}

fn show(sent: Option<&Sent>, errors: &Errors) -> PageResult {
    let [password, confirm] = Field::new_passwords();
    let fields = [
        Field::email().helps("You sign in with it. A mail goes there to prove that it is yours.").focused(),
        password,
        confirm,
        Field::text("username", "What people call you").fills("nickname").optional(),
        Field::text("firstName", "First name").fills("given-name").optional(),
        Field::text("lastName", "Last name").fills("family-name").optional(),
    ];
    let filled = |field: Field| sent.map_or(field.clone(), |sent| field.typed(sent)).checked(errors);
    Outside::titled("Make an account")
        .form(Form {
            action: "/admin/register",
            fields: fields.into_iter().map(filled).collect(),
            button: "Make the account",
            ..Form::default()
        })
        .link("I have an account", "/admin/login")
        .answer_to(errors)
}

fn closed() -> PageResult {
    Outside::titled("Registration is closed")
        .says("Nobody can make an account for themselves here at present. Ask an administrator for one.")
        .link("Sign in", "/admin/login")
        .answer(StatusCode::FORBIDDEN)
}
