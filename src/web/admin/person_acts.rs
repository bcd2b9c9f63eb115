//! What is done about a person, by the forms on their page.

use actix_web::HttpRequest;
use actix_web::web::Path;
use askama::Template;
use aviary_domain::access::Refusal;
use aviary_kernel::base::{Error, Secret};
use aviary_kernel::model::{Account, AccountId, Letter};
use uuid::Uuid;

use super::ask::{Ask, Question};
use super::card::{Fact, fact};
use super::desk::{Crumb, Desk, Shell};
use super::form::{Fields, Sent};
use super::nav::Spot;
use super::person::{self, Trouble};
use super::shown::{self, When};
use super::site;
use super::value::Value;
use crate::allow::{Allow, perm};
use crate::page::{PageResult, html, see_other};

/// Leads back to the page with what was done, or shows it again with what went wrong.
async fn done<T>(desk: Desk, id: AccountId, result: Result<T, Refusal>, word: &str) -> PageResult {
    match result {
        Ok(_) => Ok(see_other(&format!("/admin/people/{id}?done={word}"))),
        Err(refusal) => {
            let trouble = trouble(refusal)?;
            person::show(desk, id, Some(trouble)).await
        }
    }
}

/// What the person at the form can mend; the rest is an error page.
pub(super) fn trouble(refusal: Refusal) -> Result<Trouble, Error> {
    let field = match &refusal {
        Refusal::MissingEmail | Refusal::InvalidEmail | Refusal::EmailExists => "email",
        Refusal::Fault(Error::Invalid { field, .. }) => field,
        Refusal::Fault(Error::Conflict(_)) => "",
        Refusal::Fault(_) => return refusal_to_error(refusal),
        _ => "password",
    };
    let why = match refusal {
        Refusal::Fault(Error::Invalid { reason: why, .. } | Error::Conflict(why)) => why,
        other => other.to_string(),
    };
    Ok(Trouble { field, why: super::sentence(&why) })
}

fn refusal_to_error(refusal: Refusal) -> Result<Trouble, Error> {
    match refusal {
        Refusal::Fault(error) => Err(error),
        other => Err(Error::internal(other)),
    }
}

/// Sets the roles that are ticked.
pub(super) async fn roles(may: Allow<perm::RoleAssign>, desk: Desk, id: Path<AccountId>, sent: Sent) -> PageResult {
    desk.check(sent.token())?;
    if sent.iter().any(|(name, _)| name == "had") {
        let person = desk.accounts.person(*id).await?;
        if sent.field("had") != person::had(&person.account) {
            let why = "somebody else changed the roles meanwhile: they are shown as they are now";
            return done::<()>(desk, *id, Err(Refusal::Fault(Error::Conflict(why.into()))), "").await;
        }
    }
    let roles = sent.each("role").map(str::to_owned).collect();
    let set = desk.accounts.set_roles(&may.caller, *id, roles).await;
    done(desk, *id, set.map_err(Refusal::from), "roles-set").await
}

/// Asks before something is done to a person: what it is called, what goes, what stays, and what happens.
async fn ask(
    desk: Desk,
    id: AccountId,
    act: &'static str,
    [title, button, line]: [&str; 3],
    sides: impl FnOnce(&Account, u64) -> (Vec<Fact>, Vec<Fact>),
) -> PageResult {
    let known = desk.known().await?;
    let person = desk.accounts.person(id).await?;
    let email = person.account.email.to_string();
    let (goes, stays) = sides(&person.account, person.sessions);
    let form = Ask::new(format!("/admin/people/{id}/{act}"), button.replace("{}", &email))
        .line(line.replace("{}", &email))
        .keep("Leave it", format!("/admin/people/{id}"))
        .shut(goes.is_empty());
    let nothing = goes.is_empty().then(|| "There is nothing to be done here.".to_owned());
    Question::new(title.replace("{}", &shown::name(&person.account.username)), goes, stays)
        .noting("info", nothing)
        .ask(form)
        .show(desk, &known, Spot::People, person::crumbs(&person.account, Some("Sure?")))
}

fn said(text: impl Into<String>) -> Value {
    Value::Text(text.into())
}

/// Asks whether the account shall be disabled.
pub(super) async fn ask_disable(_may: Allow<perm::AccountWrite>, desk: Desk, id: Path<AccountId>) -> PageResult {
    let line = "{} is signed out at once and cannot sign in. The account can be enabled again.";
    ask(desk, *id, "disable", ["Disable {}?", "Disable {}", line], |account, sessions| {
        let goes = vec![
            fact("Sessions", said(format!("{sessions}, ended at once"))),
            fact("API keys", said("all of theirs stop working")),
        ];
        let goes = if account.is_active { goes } else { Vec::new() };
        (goes, vec![fact("The account", said("with password, roles and second factor"))])
    })
    .await
}

/// Asks whether all their sessions shall end.
pub(super) async fn ask_end_all(_may: Allow<perm::AccountSecurity>, desk: Desk, id: Path<AccountId>) -> PageResult {
    let line = "{} is signed out everywhere within a second, and can sign in again.";
    ask(desk, *id, "sessions", ["End all sessions of {}?", "End every session of {}", line], |_, sessions| {
        let goes = vec![fact("Sessions", said(shown::grouped(sessions)))];
        let goes = if sessions > 0 { goes } else { Vec::new() };
        (goes, vec![fact("API keys", said("stay good")), fact("Password", said("stays as it is"))])
    })
    .await
}

/// Asks whether the second factor shall be taken off.
pub(super) async fn ask_second_factor(
    _may: Allow<perm::AccountSecurity>,
    desk: Desk,
    id: Path<AccountId>,
) -> PageResult {
    let line = "For somebody who lost their telephone and their recovery codes. {} then signs in with the password \
                alone. Make sure that it is they who ask.";
    let words = ["Take the second factor off {}?", "Take the second factor off {}", line];
    ask(desk, *id, "second-factor", words, |account, sessions| {
        let goes = vec![
            fact("Second factor", said("with its recovery codes")),
            fact("Sessions", said(format!("{sessions}, ended at once"))),
        ];
        let goes = if account.second_factor.is_some() { goes } else { Vec::new() };
        (goes, vec![fact("Password", said("alone lets them in"))])
    })
    .await
}

/// Disables the account.
pub(super) async fn disable(may: Allow<perm::AccountWrite>, desk: Desk, id: Path<AccountId>, sent: Sent) -> PageResult {
    desk.check(sent.token())?;
    let disabled = desk.accounts.disable(&may.caller, *id).await;
    done(desk, *id, disabled.map_err(Refusal::from), "person-disabled").await
}

/// Lets them in again.
pub(super) async fn enable(may: Allow<perm::AccountWrite>, desk: Desk, id: Path<AccountId>, sent: Sent) -> PageResult {
    desk.check(sent.token())?;
    let enabled = desk.accounts.enable(&may.caller, *id).await;
    done(desk, *id, enabled.map_err(Refusal::from), "person-enabled").await
}

/// Ends all their sessions.
pub(super) async fn end_all(
    may: Allow<perm::AccountSecurity>,
    desk: Desk,
    id: Path<AccountId>,
    sent: Sent,
) -> PageResult {
    desk.check(sent.token())?;
    let ended = desk.sign_in.end_all(&may.caller, *id).await;
    done(desk, *id, ended.map_err(Refusal::from), "their-sessions-ended").await
}

/// Ends one of their sessions.
pub(super) async fn end_one(
    may: Allow<perm::AccountSecurity>,
    desk: Desk,
    path: Path<(AccountId, Uuid)>,
    sent: Sent,
) -> PageResult {
    desk.check(sent.token())?;
    let (id, session) = path.into_inner();
    let is_theirs = desk.sign_in.sessions_of(id).await?.iter().any(|held| held.id == session);
    if is_theirs {
        desk.sign_in.end_session(&may.caller, session).await?;
    }
    // One that is over already is what was wanted.
    done(desk, id, Ok(()), "their-session-ended").await
}

/// Sets another password.
pub(super) async fn password(
    may: Allow<perm::AccountSecurity>,
    desk: Desk,
    id: Path<AccountId>,
    sent: Sent,
) -> PageResult {
    desk.check(sent.token())?;
    let set = desk.accounts.set_password(&may.caller, *id, &Secret::from(sent.field("password"))).await;
    done(desk, *id, set, "password-set").await
}

/// Takes the second factor off.
pub(super) async fn second_factor(
    may: Allow<perm::AccountSecurity>,
    desk: Desk,
    id: Path<AccountId>,
    sent: Sent,
) -> PageResult {
    desk.check(sent.token())?;
    let reset = desk.accounts.reset_second_factor(&may.caller, *id).await;
    done(desk, *id, reset.map_err(Refusal::from), "second-factor-reset").await
}

/// Forgives wrong passwords.
pub(super) async fn unlock(
    may: Allow<perm::AccountSecurity>,
    desk: Desk,
    id: Path<AccountId>,
    sent: Sent,
) -> PageResult {
    desk.check(sent.token())?;
    let unlocked = desk.sign_in.unlock(&may.caller, *id).await;
    done(desk, *id, unlocked.map_err(Refusal::from), "person-unlocked").await
}

#[derive(Template)]
#[template(path = "people/link.html")]
struct LinkView {
    shell: Shell,
    id: AccountId,
    name: String,
    email: String,
    link: String,
    ends: When,
}

/// Makes a link to set another password, and shows it: this once and never again.
pub(super) async fn reset_link(
    may: Allow<perm::AccountSecurity>,
    desk: Desk,
    request: HttpRequest,
    id: Path<AccountId>,
    sent: Sent,
) -> PageResult {
    desk.check(sent.token())?;
    let made = match desk.accounts.reset_link(&may.caller, *id).await {
        Ok(made) => made,
        Err(error) => return done::<()>(desk, *id, Err(error.into()), "").await,
    };
    let known = desk.known().await?;
    let link = site::site(&desk, &request).await?.link(Letter::ResetPassword, &made.token, *id);
    html(&LinkView {
        id: *id,
        name: shown::name(&made.account.username),
        email: made.account.email.to_string(),
        link: link.unwrap_or_default(),
        ends: known.when(made.expires_at),
        shell: desk.shell(&known, Spot::People, person::crumbs(&made.account, Some("Reset link"))),
    })
}

/// Asks whether the account shall go.
pub(super) async fn ask_remove(_may: Allow<perm::AccountWrite>, desk: Desk, id: Path<AccountId>) -> PageResult {
    let person = desk.accounts.person(*id).await?;
    show_remove(desk, person.account, person.sessions, None).await
}

async fn show_remove(desk: Desk, account: Account, sessions: u64, trouble: Option<String>) -> PageResult {
    let known = desk.known().await?;
    let email = account.email.to_string();
    let goes = vec![
        fact("The account", said("with its password, roles and second factor")),
        fact("Sessions", said(format!("{sessions}, ended at once"))),
        fact("API keys", said("all of theirs")),
        fact("Links", said("that were mailed to them")),
    ];
    let stays = vec![
        fact("Audit trail", said("of what they did and what was done to them")),
        fact("Panels", said("with their users and servers; nothing is changed there")),
    ];
    let ask = Ask::new(format!("/admin/people/{}/remove", account.id), format!("Remove {email}"))
        .typing("email", email, trouble)
        .keep("Keep it", format!("/admin/people/{}", account.id));
    let crumbs = person::crumbs(&account, Some("Remove"));
    let title = format!("Remove {}?", shown::name(&account.username));
    Question::new(title, goes, stays).ask(ask).show(desk, &known, Spot::People, crumbs)
}

/// Removes the account, if its address was typed.
pub(super) async fn remove(may: Allow<perm::AccountWrite>, desk: Desk, id: Path<AccountId>, sent: Sent) -> PageResult {
    desk.check(sent.token())?;
    let person = desk.accounts.person(*id).await?;
    let typed = sent.field("email").trim();
    let trouble = if typed.eq_ignore_ascii_case(person.account.email.as_str()) {
        match desk.accounts.remove(&may.caller, *id).await {
            Ok(()) => return Ok(see_other("/admin/people?done=person-removed")),
            Err(Error::Conflict(why)) => super::sentence(&why),
            Err(error) => return Err(error.into()),
        }
    } else {
        "This is not the address of the account. Type it as it stands above.".into()
    };
    show_remove(desk, person.account, person.sessions, Some(trouble)).await
}

/// The way to the form of a new person.
pub(super) fn new_crumbs() -> Vec<Crumb> {
    vec![Crumb::to("People", "/admin/people"), Crumb::here("Add a person")]
}
