use aviary_kernel::base::{Error, Result};
use aviary_kernel::model::{Account, Grants, Role};
use aviary_kernel::store::tables::{ACCOUNTS, ACCOUNTS_BY_ROLE, ROLES};
use aviary_kernel::store::{Read, SortText, Span};

/// A role that comes with the program.
#[derive(Clone, Copy, Debug)]
pub struct BuiltIn {
    /// The name, as in the older API.
    pub name: &'static str,
    /// What it is for.
    pub description: &'static str,
    /// What it lets people do.
    pub grants: &'static [&'static str],
}

/// The role that may everything.
pub const SUPER_ADMIN: &str = "SUPER_ADMIN";

/// The roles of the older API, as sets of permissions.
pub const BUILT_IN: &[BuiltIn] = &[
    BuiltIn { name: "MEMBER", description: "Sees their own servers and account.", grants: &[] },
    BuiltIn { name: "PARTNER", description: "A partner; sees what a member sees.", grants: &[] },
    BuiltIn { name: "SPONSOR", description: "A sponsor; sees what a member sees.", grants: &[] },
    BuiltIn {
        name: "SUPPORT_TEAM",
        description: "Looks things up for people; changes nothing.",
        grants: &[
            "server.read",
            "node.read",
            "location.read",
            "allocation.read",
            "egg.read",
            "database.read",
            "user.read",
            "history.read",
            "drift.read",
            "stats.read",
            "panel.read",
            "sync.read",
            "account.read",
        ],
    },
    BuiltIn {
        name: "TECH_TEAM",
        description: "Looks after panels and syncs.",
        grants: &[
            "server.read",
            "node.read",
            "location.read",
            "allocation.read",
            "egg.read",
            "database.read",
            "user.read",
            "history.read",
            "drift.read",
            "stats.read",
            "panel.read",
            "sync.*",
            "removal.read",
            "settings.read",
            "audit.read",
            "store.check",
            "backup.read",
            "apikey.own",
            "job.read",
            "schedule.read",
            "schedule.run",
            "webhook.read",
            "mail.read",
        ],
    },
    BuiltIn {
        name: "ADMINISTRATOR",
        description: "Runs the place: everything but roles, mails and the master key.",
        grants: &[
            "*.read",
            "panel.*",
            "sync.*",
            "removal.*",
            "account.*",
            "role.assign",
            "apikey.*",
            "settings.*",
            "audit.*",
            "store.check",
            "job.*",
            "schedule.*",
            "webhook.*",
            "event.send",
            "mail.send",
            "backup.*",
        ],
    },
    BuiltIn { name: SUPER_ADMIN, description: "May do everything.", grants: &["*"] },
];

impl BuiltIn {
    /// As a role.
    pub fn role(&self) -> Role {
        Role {
            name: self.name.to_owned(),
            description: self.description.to_owned(),
            // A test reads them all.
            grants: Grants::parse(self.grants.iter().copied()).unwrap_or_default(),
            needs_second_factor: false,
            built_in: true,
        }
    }
}

/// A role by its name. Of the built-in ones only whether they need a second factor is stored.
///
/// # Errors
/// When the file cannot be read.
pub fn role(reader: &impl Read, name: &str) -> Result<Option<Role>> {
    // Keys know no case; names do.
    let stored = reader.get(ROLES, &SortText::new(name))?.filter(|role| role.name == name);
    let Some(built_in) = BUILT_IN.iter().find(|role| role.name == name) else { return Ok(stored) };
    let needs_second_factor = stored.is_some_and(|role| role.needs_second_factor);
    Ok(Some(Role { needs_second_factor, ..built_in.role() }))
}

/// What the roles of an account let it do, together. A role that is gone lets nobody do anything.
///
/// # Errors
/// When the file cannot be read.
pub fn grants_of(reader: &impl Read, account: &Account) -> Result<Grants> {
    let mut grants = Grants::default();
    for name in &account.roles {
        grants.0.extend(role(reader, name)?.into_iter().flat_map(|role| role.grants.0));
    }
    grants.0.sort();
    grants.0.dedup();
    Ok(grants)
}

/// Whether one of the account's roles asks for a second factor.
///
/// # Errors
/// When the file cannot be read.
pub fn needs_second_factor(reader: &impl Read, account: &Account) -> Result<bool> {
    for name in &account.roles {
        if role(reader, name)?.is_some_and(|role| role.needs_second_factor) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Refuses a change after which nobody could run the place: to be called at the end of every transaction that takes roles,
/// grants or accounts away.
///
/// # Errors
/// [`Error::Conflict`] when nobody who may everything could sign in with a password.
pub fn keep_an_administrator(reader: &impl Read) -> Result<()> {
    let can_enter =
        |account: &Account| account.is_active && account.password.is_some() && account.email_verified.is_some();
    if administrators(reader)?.iter().any(can_enter) {
        return Ok(());
    }
    Err(Error::Conflict(
        "this would leave nobody who may everything: give another person the role SUPER_ADMIN first".into(),
    ))
}

/// Everybody with a role that stands for everything, whether or not they can sign in.
pub(crate) fn administrators(reader: &impl Read) -> Result<Vec<Account>> {
    let mut roles = vec![SUPER_ADMIN.to_owned()];
    let custom = reader.all(ROLES, &Span::all())?.into_iter().map(|(_, role)| role).filter(is_custom_all);
    roles.extend(custom.map(|role| role.name));
    let mut found = Vec::new();
    for role in roles {
        for (_, id) in reader.all_keys(ACCOUNTS_BY_ROLE, &Span::prefix(&SortText::new(&role)))? {
            found.extend(reader.get(ACCOUNTS, &id)?);
        }
    }
    Ok(found)
}

fn is_custom_all(role: &Role) -> bool {
    !role.built_in && role.grants.are_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_grant_of_a_built_in_role_stands_for_something() {
        for role in BUILT_IN {
            assert!(Grants::parse(role.grants.iter().copied()).is_ok(), "{}", role.name);
        }
    }

    #[test]
    fn an_administrator_has_less_than_the_super_admin_and_more_than_the_teams() {
        let of = |name: &str| BUILT_IN.iter().find(|role| role.name == name).unwrap().role().grants;
        assert!(of("ADMINISTRATOR").first_beyond(&of(SUPER_ADMIN)).is_some());
        for lesser in ["TECH_TEAM", "SUPPORT_TEAM", "MEMBER", "PARTNER", "SPONSOR"] {
            assert_eq!(of("ADMINISTRATOR").first_beyond(&of(lesser)), None, "{lesser}");
        }
    }
}
