//! How somebody signs in: password, e-mail address, second factor, and where they are signed in.

use actix_web::web::Data;
use askama::Template;
use aviary_domain::access::{Access, Refusal};
use aviary_domain::accounts::Accounts;
use aviary_domain::sign_in::SignIn;
use aviary_kernel::base::{Error, Secret};
use aviary_kernel::model::{Account, Session, SessionKind};
use uuid::Uuid;

use super::device::device;
use super::{Tabs, crumbs, own};
use crate::admin::ask::{Ask, Question};
use crate::admin::card::fact;
use crate::admin::desk::{Crumb, Desk, Head, Known, Shell, service};
use crate::admin::field::{Errors, Field};
use crate::admin::form::{Fields, Sent};
use crate::admin::nav::Spot;
use crate::admin::shown::{self, When};
use crate::admin::value::Value;
use crate::allow::{Allow, perm};
use crate::page::{PageResult, html, see_other};

/// Where the page stands.
pub(super) const HERE: &str = "/admin/me/security";

#[derive(Template)]
#[template(path = "me/security.html")]
struct SecurityView {
    shell: Shell,
    head: Head,
    tabs: Tabs,
    /// A role asks for a second factor, and there is none.
    lacks_factor: bool,
    /// A role asks for a second factor, so it cannot be turned off.
    must_keep_factor: bool,
    has_password: bool,
    email: String,
    is_proved: bool,
    factor: Option<Factor>,
    forms: Forms,
    sessions: Vec<Place>,
}

/// A second factor that is on.
struct Factor {
    since: When,
    codes: usize,
}

/// A place where somebody is signed in.
struct Place {
    id: Uuid,
    device: String,
    what: &'static str,
    address: String,
    began: When,
    seen: When,
    is_this: bool,
}

/// The forms of the page.
struct Forms {
    password: FormPart,
    email: FormPart,
    factor_on: FormPart,
    move_factor: FormPart,
    renew_codes: FormPart,
    factor_off: FormPart,
}

/// One of the forms, with what is wrong with it.
struct FormPart {
    fields: Vec<Field>,
    error: Option<String>,
    /// It is shown open, since something is wrong with it.
    is_open: bool,
}

/// A form that was sent and could not be taken.
#[derive(Default)]
pub(super) struct Tried<'a> {
    /// Which one.
    pub(super) form: &'static str,
    pub(super) errors: Errors,
    pub(super) sent: Option<&'a Sent>,
}

impl<'a> Tried<'a> {
    pub(super) fn new(form: &'static str, sent: &'a Sent) -> Self {
        Self { form, errors: Errors::default(), sent: Some(sent) }
    }

    fn part(&self, form: &'static str, fields: Vec<Field>) -> FormPart {
        let (errors, sent) = if self.form == form { (self.errors.clone(), self.sent) } else { Default::default() };
        let filled = |field: Field| sent.map_or(field.clone(), |sent| field.typed(sent)).checked(&errors).of(form);
        FormPart {
            fields: fields.into_iter().map(filled).collect(),
            error: errors.whole().map(str::to_owned),
            is_open: !errors.is_empty(),
        }
    }
}

const CODE_HELP: &str = "The six digits that your app shows, or one of your recovery codes.";

impl Forms {
    fn new(tried: &Tried<'_>) -> Self {
        let confirmed = || vec![Field::current_password(), Field::code(CODE_HELP)];
        let [password, confirm] = Field::new_passwords();
        let new_email = Field::email().called("New e-mail address").fills("email").helps(
            "A link goes there. The address changes when you open it; until then you sign in with the present one.",
        );
        Self {
            password: tried.part("password", vec![Field::current_password(), password.called("New password"), confirm]),
            email: tried.part("email", vec![new_email, Field::current_password()]),
            factor_on: tried.part("factor-on", vec![Field::current_password()]),
            move_factor: tried.part("move-factor", confirmed()),
            renew_codes: tried.part("renew-codes", confirmed()),
            factor_off: tried.part("factor-off", confirmed()),
        }
    }
}

/// The page.
pub(in crate::admin) async fn page(_may: Allow<perm::OwnSecurity>, desk: Desk, with: Services) -> PageResult {
    show(desk, &with, Tried::default()).await
}

/// What these pages ask.
pub(in crate::admin) struct Services {
    pub(super) accounts: Data<Accounts>,
    pub(super) access: Data<Access>,
    pub(super) sign_in: Data<SignIn>,
}

impl crate::door::Part for Services {}

impl actix_web::FromRequest for Services {
    type Error = crate::page::PageError;
    type Future = std::future::Ready<Result<Self, Self::Error>>;

    fn from_request(request: &actix_web::HttpRequest, _: &mut actix_web::dev::Payload) -> Self::Future {
        let services =
            || Ok(Self { accounts: service(request)?, access: service(request)?, sign_in: service(request)? });
        std::future::ready(services())
    }
}

/// The page, with a form that could not be taken.
pub(super) async fn show(desk: Desk, with: &Services, tried: Tried<'_>) -> PageResult {
    let known = desk.known().await?;
    let caller = desk.visitor.caller.clone();
    let account = with.accounts.require(own(&caller)?).await?;
    let sessions = with.sign_in.sessions_of(account.id).await?;
    let asked = with.access.roles().await?.into_iter().filter(|info| info.role.needs_second_factor);
    let must_keep_factor = asked.into_iter().any(|info| account.roles.contains(&info.role.name));
    html(&SecurityView {
        head: Head { title: "Security".into(), ..Head::default() },
        tabs: Tabs::new("security", &caller),
        lacks_factor: caller.lacks_second_factor,
        must_keep_factor,
        has_password: account.password.is_some(),
        is_proved: account.email_verified.is_some(),
        factor: factor(&known, &account),
        forms: Forms::new(&tried),
        sessions: sessions.iter().map(|session| Place::new(&known, session, caller.session)).collect(),
        email: account.email.to_string(),
        shell: desk.shell(&known, Spot::Me, crumbs("Security")),
    })
}

fn factor(known: &Known, account: &Account) -> Option<Factor> {
    let factor = account.second_factor.as_ref()?;
    Some(Factor { since: known.when(factor.since), codes: factor.recovery.len() })
}

impl Place {
    fn new(known: &Known, session: &Session, this: Option<Uuid>) -> Self {
        Self {
            id: session.id,
            device: device(session.user_agent.as_deref()),
            what: match session.kind {
                SessionKind::Browser => "these pages",
                SessionKind::Api => "the API",
            },
            address: session.address.map(|address| address.to_string()).unwrap_or_default(),
            began: known.when(session.created_at),
            seen: known.when(session.seen_at),
            is_this: this == Some(session.id),
        }
    }
}

fn told(word: &str) -> String {
    format!("{HERE}?done={word}")
}

/// Sets another password.
pub(in crate::admin) async fn password(
    may: Allow<perm::OwnSecurity>,
    desk: Desk,
    with: Services,
    sent: Sent,
) -> PageResult {
    desk.check(sent.token())?;
    let mut tried = Tried::new("password", &sent);
    tried.errors.require(&sent, &[("current", "give your current password")]);
    tried.errors.require_passwords(&sent);
    if tried.errors.is_empty() {
        let (current, new) = (Secret::from(sent.field("current")), Secret::from(sent.field("password")));
        match with.accounts.change_password(&may.caller, &current, &new, may.caller.session).await {
            Ok(()) => return Ok(see_other(&told("password-changed"))),
            Err(refusal) => tried.errors.note(refusal)?,
        }
    }
    show(desk, &with, tried).await
}

/// Asks for another e-mail address.
pub(in crate::admin) async fn email(
    may: Allow<perm::OwnSecurity>,
    desk: Desk,
    with: Services,
    sent: Sent,
) -> PageResult {
    desk.check(sent.token())?;
    let mut tried = Tried::new("email", &sent);
    tried.errors.require(&sent, &[("email", "give the new address"), ("current", "give your current password")]);
    if tried.errors.is_empty() {
        let current = Secret::from(sent.field("current"));
        match with.accounts.ask_email_change(&may.caller, sent.field("email"), &current).await {
            Ok(()) => return Ok(see_other(&told("email-asked"))),
            Err(refusal) => tried.errors.note(refusal)?,
        }
    }
    show(desk, &with, tried).await
}

/// Mails the link once more that proves the address.
pub(in crate::admin) async fn verification(
    may: Allow<perm::OwnSecurity>,
    desk: Desk,
    with: Services,
    sent: Sent,
) -> PageResult {
    desk.check(sent.token())?;
    match with.accounts.resend_verification(&may.caller).await {
        Ok(()) => Ok(see_other(&told("verification-sent"))),
        Err(Refusal::AlreadyVerified) => Ok(see_other(&told("verified"))),
        Err(refusal) => Err(refusal.into()),
    }
}

/// Asks whether all sessions but this one shall end.
pub(in crate::admin) async fn ask_end_others(may: Allow<perm::OwnSecurity>, desk: Desk, with: Services) -> PageResult {
    let known = desk.known().await?;
    let sessions = with.sign_in.sessions_of(own(&may.caller)?).await?;
    let others = sessions.iter().filter(|session| may.caller.session != Some(session.id));
    let goes: Vec<_> = others
        .map(|session| {
            let place = Place::new(&known, session, may.caller.session);
            let seen = Value::Many(vec![
                Value::Code(place.address),
                Value::Text(format!("{}, last seen", place.what)),
                Value::When(place.seen),
            ]);
            fact(place.device, seen)
        })
        .collect();
    let n = goes.len() as u64;
    let stays = vec![fact("This session", Value::Text("with which you look at this".into()))];
    let ask = Ask::new("/admin/me/security/sessions/end", format!("End {}", shown::counted(n, "session", "sessions")))
        .with("which", "others")
        .line("Whoever is signed in there has to sign in again. API keys stay good.")
        .keep("Leave them", HERE)
        .shut(n == 0);
    let crumbs = vec![
        Crumb::to("Your account", "/admin/me"),
        Crumb::to("Security", HERE),
        Crumb::here("Sign out everywhere else"),
    ];
    Question::new("Sign out everywhere else?", goes, stays).ask(ask).show(desk, &known, Spot::Me, crumbs)
}

/// Ends one session, or all but this one.
pub(in crate::admin) async fn end_session(
    may: Allow<perm::OwnSecurity>,
    desk: Desk,
    with: Services,
    sent: Sent,
) -> PageResult {
    desk.check(sent.token())?;
    if sent.field("which") == "others" {
        with.sign_in.end_others(&may.caller).await?;
        return Ok(see_other(&told("sessions-ended")));
    }
    let id = sent.field("which").parse::<Uuid>();
    let id = id.map_err(|_| Error::not_found("session", shown::short(sent.field("which"), 40)))?;
    let is_own = with.sign_in.sessions_of(own(&may.caller)?).await?.iter().any(|session| session.id == id);
    // One that is over already needs no end.
    if is_own {
        with.sign_in.end_session(&may.caller, id).await?;
    }
    Ok(see_other(&told("session-ended")))
}
