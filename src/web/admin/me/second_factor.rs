//! Turning a second factor on and off, moving it to another phone, and its recovery codes.

use askama::Template;
use askama::filters::HtmlSafe;
use aviary_domain::access::Refusal;
use aviary_domain::sign_in::Offer;
use aviary_kernel::base::Secret;

use super::security::{HERE, Services, Tried, show};
use super::{crumbs, own};
use crate::admin::desk::{Desk, Shell};
use crate::admin::field::{Errors, Field};
use crate::admin::form::{Fields, Sent};
use crate::admin::nav::Spot;
use crate::allow::{Allow, perm};
use crate::page::{PageResult, html, see_other};

/// A QR code as it was drawn.
struct Drawing(Secret<String>);

impl std::fmt::Display for Drawing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0.reveal())
    }
}

// Drawn by ourselves, of numbers only.
impl HtmlSafe for Drawing {}

#[derive(Template)]
#[template(path = "me/prove.html")]
struct ProveView {
    shell: Shell,
    /// Shown once; none when a code was wrong.
    drawn: Option<(Drawing, Secret<String>, Secret<String>)>,
    code: Field,
    error: Option<String>,
}

#[derive(Template)]
#[template(path = "me/codes.html")]
struct CodesView {
    shell: Shell,
    /// The second factor was just turned on.
    is_new: bool,
    codes: Vec<Secret<String>>,
    file: Secret<String>,
}

/// Offers a second factor: the first, or one for another app.
pub(in crate::admin) async fn offer(
    may: Allow<perm::OwnSecurity>,
    desk: Desk,
    with: Services,
    sent: Sent,
) -> PageResult {
    desk.check(sent.token())?;
    let has_one = with.accounts.require(own(&may.caller)?).await?.second_factor.is_some();
    let mut tried = confirmation(if has_one { "move-factor" } else { "factor-on" }, &sent, has_one);
    if tried.errors.is_empty() {
        let (password, code) = (Secret::from(sent.field("current")), Secret::from(sent.field("code").trim()));
        let offered = match has_one {
            true => with.sign_in.offer_another(&may.caller, password, code).await,
            false => with.sign_in.offer(&may.caller, password).await,
        };
        match offered {
            Ok(Offer { secret, url, svg }) => {
                return prove(desk, Some((Drawing(svg), secret, url)), &Errors::default()).await;
            }
            Err(refusal) => tried.errors.note(refusal)?,
        }
    }
    show(desk, &with, tried).await
}

/// What asks for the password, and where there is a second factor for a code of it.
fn confirmation<'a>(form: &'static str, sent: &'a Sent, with_code: bool) -> Tried<'a> {
    let mut tried = Tried::new(form, sent);
    tried.errors.require(sent, &[("current", "give your current password")]);
    if with_code {
        tried.errors.require(sent, &[("code", "give a code")]);
    }
    tried
}

async fn prove(desk: Desk, drawn: Option<(Drawing, Secret<String>, Secret<String>)>, errors: &Errors) -> PageResult {
    let known = desk.known().await?;
    let code = Field::code("The six digits that the app shows now. They prove that it has the secret.");
    html(&ProveView {
        drawn,
        code: code.focused().checked(errors),
        error: errors.whole().map(str::to_owned),
        shell: desk.shell(&known, Spot::Me, crumbs("Second factor")),
    })
}

/// Turns on what was offered.
pub(in crate::admin) async fn turn_on(
    may: Allow<perm::OwnSecurity>,
    desk: Desk,
    with: Services,
    sent: Sent,
) -> PageResult {
    desk.check(sent.token())?;
    let mut errors = Errors::default();
    errors.require(&sent, &[("code", "give the code that your app shows")]);
    if errors.is_empty() {
        match with.sign_in.enable(&may.caller, Secret::from(sent.field("code"))).await {
            Ok(codes) => return show_codes(desk, codes, true).await,
            Err(Refusal::InvalidCode) => {
                errors.put("code", "this code is wrong: give the one that the app shows now, and look whether the phone's clock is right");
            }
            Err(refusal) => errors.note(refusal)?,
        }
    }
    prove(desk, None, &errors).await
}

/// Replaces the recovery codes.
pub(in crate::admin) async fn renew_codes(
    may: Allow<perm::OwnSecurity>,
    desk: Desk,
    with: Services,
    sent: Sent,
) -> PageResult {
    desk.check(sent.token())?;
    let mut tried = confirmation("renew-codes", &sent, true);
    if tried.errors.is_empty() {
        let (password, code) = (Secret::from(sent.field("current")), Secret::from(sent.field("code").trim()));
        match with.sign_in.renew_codes(&may.caller, password, code).await {
            Ok(codes) => return show_codes(desk, codes, false).await,
            Err(refusal) => tried.errors.note(refusal)?,
        }
    }
    show(desk, &with, tried).await
}

/// Turns the second factor off.
pub(in crate::admin) async fn turn_off(
    may: Allow<perm::OwnSecurity>,
    desk: Desk,
    with: Services,
    sent: Sent,
) -> PageResult {
    desk.check(sent.token())?;
    let mut tried = confirmation("factor-off", &sent, true);
    if tried.errors.is_empty() {
        let (password, code) = (Secret::from(sent.field("current")), Secret::from(sent.field("code").trim()));
        match with.sign_in.disable(&may.caller, password, code).await {
            Ok(()) => return Ok(see_other(&format!("{HERE}?done=second-factor-off"))),
            Err(refusal) => tried.errors.note(refusal)?,
        }
    }
    show(desk, &with, tried).await
}

async fn show_codes(desk: Desk, codes: Vec<Secret<String>>, is_new: bool) -> PageResult {
    let known = desk.known().await?;
    let mut lines = String::from("Recovery codes for Aviary, each good once%0A%0A");
    for code in &codes {
        // Letters, digits and dashes only, so that they can stand in an address.
        lines.push_str(code.reveal());
        lines.push_str("%0A");
    }
    let file = Secret::new(format!("data:text/plain;charset=utf-8,{}", lines.replace(' ', "%20")));
    html(&CodesView { is_new, codes, file, shell: desk.shell(&known, Spot::Me, crumbs("Recovery codes")) })
}
