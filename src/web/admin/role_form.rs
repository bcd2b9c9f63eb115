//! The editor of a role: permissions by area to tick, and the form that makes a new one.

use std::collections::BTreeSet;

use askama::Template;
use askama::filters::HtmlSafe;
use aviary_domain::access::{Caller, NewRole};
use aviary_kernel::base::{Error, Result};
use aviary_kernel::model::{Grant, Grants, Permission, Role};

use super::desk::{Crumb, Desk, Known, Shell};
use super::explained::areas;
use super::form::{Fields, Sent};
use super::nav::Spot;
use crate::allow::{Allow, perm};
use crate::page::{PageResult, html, see_other};

/// The fields of a role, with what was typed.
#[derive(Default)]
pub(super) struct RoleForm {
    pub(super) name: String,
    pub(super) description: String,
    pub(super) needs_second_factor: bool,
    /// The grants that are ticked, as they are written.
    ticked: BTreeSet<String>,
    /// What is wrong: the field, or none for the whole.
    pub(super) errors: Vec<(&'static str, String)>,
    pub(super) areas: Vec<Area>,
}

/// The boxes of an area.
#[derive(Template)]
#[template(path = "roles/_area.html")]
pub(super) struct Area {
    title: String,
    boxes: Vec<GrantBox>,
}

impl HtmlSafe for Area {}

/// A permission to tick, or several at once.
struct GrantBox {
    grant: String,
    does: String,
    ticked: bool,
    /// Why it cannot be given.
    locked: Option<String>,
}

/// Who edits.
pub(super) struct Editor<'a> {
    caller: &'a Caller,
    /// Whether they may change anything at all.
    may: bool,
}

impl<'a> Editor<'a> {
    pub(super) fn of(known: &'a Known, may: bool) -> Self {
        Self { caller: &known.reader, may }
    }

    fn a_box(&self, form: &RoleForm, grant: &Grant, does: String) -> GrantBox {
        let text = grant.to_string();
        let beyond = self.caller.require_no_more_than_own(&Grants(vec![grant.clone()])).err();
        let locked = match beyond {
            _ if !self.may => Some(String::new()),
            Some(why) => Some(super::sentence(&why.to_string())),
            None => None,
        };
        GrantBox { ticked: form.ticked.contains(&text), grant: text, does, locked }
    }
}

impl RoleForm {
    pub(super) fn of(role: &Role) -> Self {
        Self {
            name: role.name.clone(),
            description: role.description.clone(),
            needs_second_factor: role.needs_second_factor,
            ticked: role.grants.0.iter().map(ToString::to_string).collect(),
            ..Self::default()
        }
    }

    pub(super) fn sent(sent: &Sent, name: &str) -> Self {
        Self {
            name: name.chars().take(100).collect(),
            description: sent.field("description").chars().take(1000).collect(),
            needs_second_factor: sent.field("second_factor") == "yes",
            ticked: sent.each("grant").map(str::to_owned).collect(),
            ..Self::default()
        }
    }

    /// With the boxes that an editor may tick.
    pub(super) fn offered(mut self, editor: Editor<'_>) -> Self {
        let mut left = self.ticked.clone();
        let mut out = vec![Area { title: "Several at once".into(), boxes: self.boxes(&editor, &mut left, &several()) }];
        for name in areas() {
            let own: Vec<_> = in_area(name);
            out.push(Area { title: name.into(), boxes: self.boxes(&editor, &mut left, &own) });
        }
        // What was given elsewhere must not be lost because no box stands for it.
        let rest: Vec<_> = left.iter().filter_map(|text| Grant::parse(text).ok()).collect();
        let rest: Vec<_> = rest.into_iter().map(|grant| (grant, String::new())).collect();
        if !rest.is_empty() {
            out.push(Area { title: "Others".into(), boxes: self.boxes(&editor, &mut left, &rest) });
        }
        self.areas = out;
        self
    }

    fn boxes(&self, editor: &Editor<'_>, left: &mut BTreeSet<String>, grants: &[(Grant, String)]) -> Vec<GrantBox> {
        let boxes: Vec<_> = grants.iter().map(|(grant, does)| editor.a_box(self, grant, does.clone())).collect();
        for shown in &boxes {
            left.remove(&shown.grant);
        }
        boxes
    }

    pub(super) fn error(&self, field: &str) -> Option<&str> {
        self.errors.iter().find(|(name, _)| *name == field).map(|(_, why)| why.as_str())
    }

    /// Takes note of what the service refused.
    pub(super) fn note(&mut self, error: Error) -> Result<()> {
        match error {
            Error::Invalid { field, reason } => {
                let field = if matches!(field, "name" | "description") { field } else { "" };
                self.errors.push((field, super::sentence(&reason)));
            }
            Error::Conflict(why) => self.errors.push(("", super::sentence(&why))),
            other => return Err(other),
        }
        Ok(())
    }
}

/// What stands for permissions of all areas.
fn several() -> Vec<(Grant, String)> {
    let parse = |text: &str, does: &str| Grant::parse(text).ok().map(|grant| (grant, does.to_owned()));
    let all = parse("*", "Everything, also what later releases add.");
    let read = parse("*.read", "See everything, and change nothing.");
    all.into_iter().chain(read).collect()
}

/// The permissions of an area; before those about one thing, what stands for all of them.
fn in_area(area: &str) -> Vec<(Grant, String)> {
    let own: Vec<Permission> = Permission::ALL.iter().copied().filter(|one| one.group() == area).collect();
    let noun = |permission: &Permission| permission.name().split('.').next().unwrap_or_default();
    let mut out = Vec::new();
    let mut last = "";
    for permission in &own {
        let of = noun(permission);
        let about = own.iter().filter(|other| noun(other) == of).count();
        if of != last && about > 1 {
            let all = Grant::parse(&format!("{of}.*")).ok();
            out.extend(
                all.map(|grant| (grant, format!("Everything about {}, also what later releases add.", plural(of)))),
            );
        }
        last = of;
        out.push((Grant::from(*permission), permission.does().to_owned()));
    }
    out
}

/// What a permission is about, for people.
fn plural(noun: &str) -> &str {
    match noun {
        "panel" => "panels",
        "sync" => "syncs",
        "removal" => "removals",
        "account" => "people",
        "role" => "roles",
        "apikey" => "API keys",
        "audit" => "the audit trail",
        other => other,
    }
}

/// What is ticked.
///
/// # Errors
/// [`Error::Invalid`] for what is no permission.
pub(super) fn read(sent: &Sent) -> Result<Grants> {
    Grants::parse(sent.each("grant"))
}

#[derive(Template)]
#[template(path = "roles/new.html")]
struct NewView {
    shell: Shell,
    form: RoleForm,
}

/// The empty form.
pub(super) async fn new(_may: Allow<perm::RoleWrite>, desk: Desk) -> PageResult {
    show(desk, RoleForm::default()).await
}

async fn show(desk: Desk, form: RoleForm) -> PageResult {
    let known = desk.known().await?;
    let crumbs = vec![Crumb::to("Roles", "/admin/roles"), Crumb::here("Make a role")];
    html(&NewView { form: form.offered(Editor::of(&known, true)), shell: desk.shell(&known, Spot::Roles, crumbs) })
}

/// Takes the form and makes the role.
pub(super) async fn make(may: Allow<perm::RoleWrite>, desk: Desk, sent: Sent) -> PageResult {
    desk.check(sent.token())?;
    let mut form = RoleForm::sent(&sent, sent.field("name"));
    let made = match read(&sent) {
        Ok(grants) => {
            let new = NewRole { name: form.name.clone(), description: form.description.clone(), grants };
            desk.access.make_role(&may.caller, new).await
        }
        Err(error) => Err(error),
    };
    match made {
        Ok(info) => {
            if form.needs_second_factor {
                desk.access.set_second_factor(&may.caller, &info.role.name, true).await?;
            }
            Ok(see_other(&format!("/admin/roles/{}?done=role-made", info.role.name)))
        }
        Err(error) => {
            form.note(error)?;
            show(desk, form).await
        }
    }
}
