//! Roles: looked at, made, changed, removed. Nobody gives more than their own, and somebody always may everything.

use aviary_kernel::base::{Env, Error, Result};
use aviary_kernel::model::{Action, Grants, Permission, Role};
use aviary_kernel::store::rows::Change;
use aviary_kernel::store::tables::ROLES;
use aviary_kernel::store::{Read, SortText, Span, Store, WriteTx};

use super::Caller;
use super::limits::Limits;
use super::roles::{BUILT_IN, keep_an_administrator, role};
use crate::audit::{self, Did};
use crate::feed;

const LONGEST_DESCRIPTION: usize = 300;

/// Knows the roles and the API keys, and why somebody may do something. Cheap to clone.
#[derive(Clone)]
pub struct Access {
    pub(super) store: Store,
    pub(super) env: Env,
    /// How many bad API keys go on record.
    pub(super) noted: Limits,
}

/// A role, with how many people have it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleInfo {
    /// The role.
    pub role: Role,
    /// People who have it.
    pub people: u64,
}

/// A role that is to be made.
#[derive(Clone, Debug)]
pub struct NewRole {
    /// 2 to 40 of `A-Z`, `0-9`, `_`.
    pub name: String,
    /// What it is for; up to 300 characters.
    pub description: String,
    /// What it lets people do.
    pub grants: Grants,
}

/// What is to become different of a role.
#[derive(Clone, Debug, Default)]
pub struct RolePatch {
    /// What it is for.
    pub description: Option<String>,
    /// What it lets people do.
    pub grants: Option<Grants>,
    /// People with it must have a second factor. The only thing that can be changed of the roles that come with the program.
    pub needs_second_factor: Option<bool>,
}

impl Access {
    /// The roles and keys in `store`.
    pub fn new(store: Store, env: Env) -> Self {
        let noted = Limits::new(env.clone());
        Self { store, env, noted }
    }

    /// Every role: those that come with the program by rank, then the others by name.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub async fn roles(&self) -> Result<Vec<RoleInfo>> {
        self.store
            .read(|tx| {
                let mut names: Vec<String> = BUILT_IN.iter().map(|role| role.name.to_owned()).collect();
                let stored = tx.all(ROLES, &Span::all())?.into_iter().map(|(_, role)| role);
                names.extend(stored.filter(|role| !role.built_in).map(|role| role.name));
                names.iter().map(|name| require(tx, name)).collect()
            })
            .await
    }

    /// One role.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn role(&self, name: &str) -> Result<RoleInfo> {
        let name = name.to_owned();
        self.store.read(move |tx| require(tx, &name)).await
    }

    /// Makes a role.
    ///
    /// # Errors
    /// [`Error::Forbidden`] without `role.write`, or when it would allow more than the caller may; [`Error::Invalid`] for
    /// its name or description; [`Error::Conflict`] when there is one of this name.
    pub async fn make_role(&self, by: &Caller, new: NewRole) -> Result<RoleInfo> {
        by.require(Permission::RoleWrite)?;
        by.require_no_more_than_own(&new.grants)?;
        let made = Role {
            name: parse_name(&new.name)?,
            description: parse_description(&new.description)?,
            grants: tidy(new.grants),
            needs_second_factor: false,
            built_in: false,
        };
        let (env, by) = (self.env.clone(), by.actor.clone());
        self.store
            .write(move |tx| {
                if role(tx, &made.name)?.is_some() {
                    return Err(Error::Conflict(format!("there is a role {} already; choose another name", made.name)));
                }
                put(tx, &env, &made)?;
                let did = about(&made, Action::RoleMade)
                    .changed("description", None, Some(made.description.clone()))
                    .changed("permissions", None, Some(made.grants.to_string()));
                audit::record(tx, &env, &by, did)?;
                require(tx, &made.name)
            })
            .await
    }

    /// Changes a role.
    ///
    /// # Errors
    /// [`Error::Forbidden`] without `role.write`, or when it allows or would allow more than the caller may;
    /// [`Error::Invalid`] for its description; [`Error::Conflict`] when it comes with the program, or when nobody would be
    /// left who may everything; [`Error::NotFound`].
    pub async fn change_role(&self, by: &Caller, name: &str, patch: RolePatch) -> Result<RoleInfo> {
        let (env, by, name) = (self.env.clone(), by.clone(), name.to_owned());
        self.store
            .write(move |tx| {
                let (before, after) = patched(tx, &by, &name, patch)?;
                replace(tx, &env, &by, &before, &after)?;
                require(tx, &name)
            })
            .await
    }

    /// Says whether people with a role must have a second factor.
    ///
    /// # Errors
    /// As [`Access::change_role`].
    pub async fn set_second_factor(&self, by: &Caller, name: &str, needed: bool) -> Result<RoleInfo> {
        self.change_role(by, name, RolePatch { needs_second_factor: Some(needed), ..RolePatch::default() }).await
    }

    /// Removes a role that was made here and that nobody has.
    ///
    /// # Errors
    /// [`Error::Forbidden`] without `role.write`, or when it allows more than the caller may; [`Error::Conflict`] when it
    /// comes with the program or people have it; [`Error::NotFound`].
    pub async fn remove_role(&self, by: &Caller, name: &str) -> Result<()> {
        by.require(Permission::RoleWrite)?;
        let (env, by, name) = (self.env.clone(), by.clone(), name.to_owned());
        self.store
            .write(move |tx| {
                let RoleInfo { role, people } = require(tx, &name)?;
                refuse_built_in(&role, "cannot be removed")?;
                by.require_no_more_than_own(&role.grants)?;
                if people > 0 {
                    let have = if people == 1 { "1 person has".to_owned() } else { format!("{people} people have") };
                    return Err(Error::Conflict(format!("{have} the role {name}: take it from them first")));
                }
                tx.remove(ROLES, &SortText::new(&name))?;
                feed::append(tx, &env, Change::Role(name))?;
                let did = about(&role, Action::RoleRemoved).changed("permissions", Some(role.grants.to_string()), None);
                audit::record(tx, &env, &by.actor, did).map(drop)
            })
            .await
    }
}

fn require(reader: &impl Read, name: &str) -> Result<RoleInfo> {
    let role = role(reader, name)?.ok_or_else(|| Error::not_found("role", name))?;
    let people = reader.count(Role::holders(&role.name))?;
    Ok(RoleInfo { role, people })
}

/// A role as it is and as it would be, when the caller may change it so.
pub(super) fn patched(reader: &impl Read, by: &Caller, name: &str, patch: RolePatch) -> Result<(Role, Role)> {
    by.require(Permission::RoleWrite)?;
    let description = patch.description.as_deref().map(parse_description).transpose()?;
    let before = require(reader, name)?.role;
    if description.is_some() || patch.grants.is_some() {
        refuse_built_in(&before, "cannot be changed; make a role of your own instead")?;
    }
    by.require_no_more_than_own(&before.grants)?;
    let mut after = before.clone();
    after.needs_second_factor = patch.needs_second_factor.unwrap_or(before.needs_second_factor);
    after.description = description.unwrap_or(after.description);
    if let Some(grants) = patch.grants {
        by.require_no_more_than_own(&grants)?;
        after.grants = tidy(grants);
    }
    Ok((before, after))
}

/// Writes what became different, and nothing when nothing did.
fn replace(tx: &mut WriteTx<'_>, env: &Env, by: &Caller, before: &Role, after: &Role) -> Result<()> {
    if before == after {
        return Ok(());
    }
    put(tx, env, after)?;
    // A place that has no administrator yet has none to lose.
    if before.grants.are_all() && !after.grants.are_all() {
        keep_an_administrator(tx)?;
    }
    let yes_no = |yes: bool| Some(if yes { "yes" } else { "no" }.to_owned());
    let did = about(after, Action::RoleChanged)
        .changed("description", Some(before.description.clone()), Some(after.description.clone()))
        .changed("permissions", Some(before.grants.to_string()), Some(after.grants.to_string()))
        .changed("needsSecondFactor", yes_no(before.needs_second_factor), yes_no(after.needs_second_factor));
    audit::record(tx, env, &by.actor, did).map(drop)
}

fn put(tx: &mut WriteTx<'_>, env: &Env, role: &Role) -> Result<()> {
    // What the program brings along is not stored, so that a later release can change it.
    let stored = match role.built_in {
        true => Role { grants: Grants::default(), ..role.clone() },
        false => role.clone(),
    };
    tx.put(ROLES, &SortText::new(&role.name), &stored)?;
    feed::append(tx, env, Change::Role(role.name.clone())).map(drop)
}

fn about(role: &Role, action: Action) -> Did {
    Did::new(action).to("role", &role.name, role.name.clone())
}

fn refuse_built_in(role: &Role, why: &str) -> Result<()> {
    if !role.built_in {
        return Ok(());
    }
    Err(Error::Conflict(format!("the role {} comes with the program and {why}", role.name)))
}

fn parse_name(raw: &str) -> Result<String> {
    let name = raw.trim();
    let plain = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
    if (2..=40).contains(&name.len()) && name.chars().all(plain) {
        return Ok(name.to_owned());
    }
    Err(Error::invalid("name", "needs 2 to 40 capital letters, digits and underscores, such as NIGHT_SHIFT"))
}

fn parse_description(raw: &str) -> Result<String> {
    let text = raw.trim();
    match text.chars().count() {
        0..=LONGEST_DESCRIPTION if !text.chars().any(char::is_control) => Ok(text.to_owned()),
        n => Err(Error::invalid(
            "description",
            format!("needs up to {LONGEST_DESCRIPTION} characters on one line, without control characters; has {n}"),
        )),
    }
}

/// Sorted, each once.
pub(super) fn tidy(mut grants: Grants) -> Grants {
    grants.0.sort();
    grants.0.dedup();
    grants
}
