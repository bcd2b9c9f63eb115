//! The form that makes an account for somebody.

use askama::Template;
use aviary_domain::accounts::NewAccount;
use aviary_kernel::base::Secret;
use aviary_kernel::model::Permission;

use super::desk::{Desk, Shell};
use super::form::{Fields, Sent};
use super::nav::Spot;
use super::person::{self, RoleBox, Trouble};
use super::person_acts::{new_crumbs, trouble};
use crate::allow::{Allow, perm};
use crate::page::{PageResult, html, see_other};

/// The role that is ticked to begin with.
const USUAL: &str = "MEMBER";

#[derive(Template)]
#[template(path = "people/form.html")]
struct FormView {
    shell: Shell,
    form: Form,
    roles: Vec<RoleBox>,
    may_assign: bool,
    trouble: Option<Trouble>,
}

impl FormView {
    fn error(&self, field: &str) -> Option<&str> {
        self.trouble.as_ref().filter(|trouble| trouble.field == field).map(|trouble| trouble.why.as_str())
    }
}

/// What was typed. The password is never among it.
#[derive(Default)]
struct Form {
    email: String,
    username: String,
    roles: Vec<String>,
    by_link: bool,
    verified: bool,
}

/// The empty form.
pub(super) async fn new(_may: Allow<perm::AccountWrite>, desk: Desk) -> PageResult {
    let form = Form { roles: vec![USUAL.into()], by_link: true, ..Form::default() };
    show(desk, form, None).await
}

async fn show(desk: Desk, form: Form, trouble: Option<Trouble>) -> PageResult {
    let known = desk.known().await?;
    let roles = desk.access.roles().await?;
    html(&FormView {
        roles: person::boxes(&known, &roles, &form.roles),
        may_assign: known.may(Permission::RoleAssign),
        form,
        trouble,
        shell: desk.shell(&known, Spot::People, new_crumbs()),
    })
}

/// Takes the form and makes the account.
pub(super) async fn add(may: Allow<perm::AccountWrite>, desk: Desk, sent: Sent) -> PageResult {
    desk.check(sent.token())?;
    let kept = |name: &str| sent.field(name).chars().take(300).collect::<String>();
    let form = Form {
        email: kept("email"),
        username: kept("username"),
        roles: sent.each("role").map(str::to_owned).collect(),
        by_link: sent.field("way") != "password",
        verified: sent.field("verified") == "yes",
    };
    let new = NewAccount {
        email: form.email.clone(),
        username: Some(form.username.clone()),
        password: (!form.by_link).then(|| Secret::from(sent.field("password"))),
        roles: form.roles.clone(),
        verified: form.verified && !form.by_link,
    };
    match desk.accounts.create(&may.caller, new).await {
        Ok(account) => {
            let done = if form.by_link { "person-invited" } else { "person-added" };
            Ok(see_other(&format!("/admin/people/{}?done={done}", account.id)))
        }
        Err(refusal) => {
            let trouble = trouble(refusal)?;
            show(desk, form, Some(trouble)).await
        }
    }
}
