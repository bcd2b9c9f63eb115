//! Roles: the list, and one of them with what it allows.

use actix_web::web::Path;
use askama::Template;
use aviary_domain::access::{RoleInfo, RolePatch};
use aviary_kernel::base::{Error, Result};
use aviary_kernel::model::{Grants, Permission, Role};

use super::ask::{Ask, Question};
use super::card::{Card, Fact, fact};
use super::desk::{Act, Crumb, Desk, Head, Known, Shell};
use super::form::{Fields, Sent};
use super::nav::Spot;
use super::role_change::{self, Answer};
use super::role_form::{Editor, RoleForm, read};
use super::table::{ListView, Pager, Table};
use super::value::{Pill, Value};
use super::{on_record, shown};
use crate::allow::{Allow, perm};
use crate::page::{PageResult, html, see_other};

/// The list.
pub(super) async fn list(_may: Allow<perm::RoleRead>, desk: Desk) -> PageResult {
    let known = desk.known().await?;
    let roles = desk.access.roles().await?;
    let built_in = roles.iter().filter(|info| info.role.built_in).count();
    let truth = vec![
        Value::Text(format!("{built_in} come with the program")),
        Value::Text(format!("{} made here", roles.len() - built_in)),
        Value::Text("a person may do what their roles allow together".into()),
    ];
    let acts = [Act::link("Make a role", "plus", "/admin/roles/new").class("main")];
    let mut table = Table::plain(
        "Roles",
        &["Role", "Kind", "#People", "Permissions", "Second factor", "What it is for"],
        roles.iter().map(|info| row(&known, info)).collect(),
    );
    if let Some(last) = table.columns.last_mut() {
        last.class = "wrap";
    }
    let view = ListView {
        head: Head { title: "Roles".into(), truth, acts: known.offered(acts), ..Head::default() },
        filters: None,
        table,
        pager: Pager::new(format!("All {}", roles.len()), None, None),
        empty: None,
        shell: desk.shell(&known, Spot::Roles, vec![Crumb::here("Roles")]),
    };
    html(&view)
}

fn row(known: &Known, RoleInfo { role, people }: &RoleInfo) -> Vec<Value> {
    vec![
        known.name(role.name.clone(), format!("/admin/roles/{}", role.name)),
        kind(role),
        known.count(*people, people_with(role)),
        Value::Text(allowed(&role.grants)),
        if role.needs_second_factor { Value::pill("fine", "asked for") } else { Value::Muted("not asked for".into()) },
        Value::Said(shown::visible(&role.description)),
    ]
}

fn kind(role: &Role) -> Value {
    if role.built_in { Value::Muted("built-in".into()) } else { Value::Text("made here".into()) }
}

pub(super) fn people_with(role: &Role) -> String {
    format!("/admin/people?role={}", role.name)
}

fn allowed(grants: &Grants) -> String {
    let allowed = Permission::ALL.iter().filter(|permission| grants.allow(**permission)).count();
    match allowed {
        _ if grants.are_all() => "everything".into(),
        0 => "only what is their own".into(),
        n => format!("{n} of {}", Permission::ALL.len()),
    }
}

#[derive(Template)]
#[template(path = "roles/one.html")]
struct RoleView {
    shell: Shell,
    head: Head,
    name: String,
    people: u64,
    built_in: bool,
    facts: Vec<Fact>,
    form: RoleForm,
    /// What the form begins with.
    seen: String,
    /// Why it cannot be changed by the reader.
    hands_off: Option<String>,
    may_write: bool,
    on_record: Option<Card>,
}

/// One role.
pub(super) async fn one(_may: Allow<perm::RoleRead>, desk: Desk, name: Path<String>) -> PageResult {
    let info = desk.access.role(&name).await?;
    let form = RoleForm::of(&info.role);
    show(desk, info, form).await
}

async fn show(desk: Desk, info: RoleInfo, form: RoleForm) -> PageResult {
    let known = desk.known().await?;
    let RoleInfo { role, people } = info;
    let may_write = known.may(Permission::RoleWrite);
    let beyond = known.reader.require_no_more_than_own(&role.grants).err();
    let hands_off = beyond.filter(|_| may_write).map(|why| super::sentence(&format!("you cannot change it: {why}")));
    let may_write = may_write && hands_off.is_none();
    let facts = vec![
        fact("People", known.count(people, people_with(&role))),
        fact("Allows", Value::Text(allowed(&role.grants))),
        fact("As written", Value::code(&role.grants.to_string())),
        fact("Second factor", Value::Text(if role.needs_second_factor { "asked for" } else { "not asked for" }.into())),
    ];
    let pill = if role.built_in { Pill::new("", "comes with the program") } else { Pill::new("info", "made here") };
    html(&RoleView {
        head: Head {
            title: role.name.clone(),
            pills: vec![pill],
            truth: vec![Value::Said(shown::visible(&role.description))],
            ..Head::default()
        },
        people,
        seen: seen(&role),
        built_in: role.built_in,
        facts,
        form: form.offered(Editor::of(&known, may_write && !role.built_in)),
        hands_off,
        may_write,
        on_record: on_record::card(&desk, &known, "role", &role.name).await?,
        shell: desk.shell(
            &known,
            Spot::Roles,
            vec![Crumb::to("Roles", "/admin/roles"), Crumb::here(role.name.clone())],
        ),
        name: role.name,
    })
}

/// A role as its form carries it, to tell whether somebody else changed it meanwhile.
fn seen(role: &Role) -> String {
    format!("{} | {} | {}", role.needs_second_factor, role.grants, role.description)
}

/// Takes the form of a role. Of those that come with the program it has the second factor only.
pub(super) async fn save(may: Allow<perm::RoleWrite>, desk: Desk, name: Path<String>, sent: Sent) -> PageResult {
    desk.check(sent.token())?;
    let info = desk.access.role(&name).await?;
    let needs_second_factor = Some(sent.field("second_factor") == "yes");
    let mut form = RoleForm::sent(&sent, &info.role.name);
    if sent.iter().any(|(name, _)| name == "seen") && sent.field("seen") != seen(&info.role) {
        let mut form = RoleForm::of(&info.role);
        form.note(Error::Conflict("somebody else changed the role meanwhile: it is shown as it is now".into()))?;
        return show(desk, info, form).await;
    }
    let patch = if info.role.built_in {
        Ok(RolePatch { needs_second_factor, ..RolePatch::default() })
    } else {
        read(&sent).map(|grants| RolePatch {
            description: Some(form.description.clone()),
            grants: Some(grants),
            needs_second_factor,
        })
    };
    let saved = match patch {
        Ok(patch) => {
            let losses = desk.access.losses(&may.caller, &info.role.name, patch.clone()).await;
            if let Ok(losses) = &losses
                && let Answer::Unseen(wrong) = Answer::of(&sent, losses)
            {
                return role_change::ask(desk, &info.role, &sent, losses, wrong).await;
            }
            desk.access.change_role(&may.caller, &info.role.name, patch).await.map(drop)
        }
        Err(error) => Err(error),
    };
    match saved {
        Ok(()) => Ok(see_other(&format!("/admin/roles/{}?done=role-changed", info.role.name))),
        Err(error) => {
            form.note(error)?;
            show(desk, info, form).await
        }
    }
}

/// Asks whether a role shall go.
pub(super) async fn ask_remove(_may: Allow<perm::RoleWrite>, desk: Desk, name: Path<String>) -> PageResult {
    let known = desk.known().await?;
    let RoleInfo { role, people } = desk.access.role(&name).await?;
    let here = format!("/admin/roles/{}", role.name);
    let why = match people {
        _ if role.built_in => Some("This role comes with the program and stays.".to_owned()),
        0 => None,
        n => Some(format!(
            "{} it and would lose what it allows: give them another one first.",
            shown::counted(n, "person has", "people have")
        )),
    };
    let goes = vec![
        fact("The role", Value::Said(role.name.clone())),
        fact("It allows", Value::Text(allowed(&role.grants))),
        fact("As written", Value::code(&role.grants.to_string())),
        fact("People who have it", known.count(people, people_with(&role))),
    ];
    let stays = vec![
        fact("Audit trail", Value::Text("of what was done with it".into())),
        fact("The name", Value::Text("can be used again".into())),
    ];
    let ask = Ask::new(format!("{here}/remove"), format!("Remove {}", role.name))
        .line("What people may do does not change by this: nobody may have the role when it goes.")
        .keep("Keep it", here.clone())
        .shut(why.is_some());
    let crumbs = vec![Crumb::to("Roles", "/admin/roles"), Crumb::to(role.name.clone(), here), Crumb::here("Remove")];
    Question::new(format!("Remove the role {}?", role.name), goes, stays).noting("warn", why).ask(ask).show(
        desk,
        &known,
        Spot::Roles,
        crumbs,
    )
}

/// Removes a role that nobody has.
pub(super) async fn remove(may: Allow<perm::RoleWrite>, desk: Desk, name: Path<String>, sent: Sent) -> PageResult {
    desk.check(sent.token())?;
    let info = desk.access.role(&name).await?;
    let removed: Result<()> = desk.access.remove_role(&may.caller, &info.role.name).await;
    match removed {
        Ok(()) => Ok(see_other("/admin/roles?done=role-removed")),
        Err(Error::Conflict(why)) => {
            let mut form = RoleForm::of(&info.role);
            form.note(Error::Conflict(why))?;
            show(desk, info, form).await
        }
        Err(error) => Err(error.into()),
    }
}
