//! Why somebody may do something, or may not, in words for people.

use std::fmt;

use aviary_kernel::base::{Error, Result, Timestamp};
use aviary_kernel::model::{Account, AccountId, ApiKey, Grant, Permission, Role};
use aviary_kernel::store::Read;
use aviary_kernel::store::tables::{ACCOUNTS, API_KEYS};
use uuid::Uuid;

use super::editor::Access;
use super::roles::{BUILT_IN, role};

/// Why somebody may do something, or may not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// What it is about.
    pub permission: Permission,
    /// They may.
    pub allowed: bool,
    /// What gives it to them. May name something even when they may not: then `why_not` tells what stands in the way.
    pub because: Vec<Because>,
    /// Why they may not; none when they may.
    pub why_not: Option<String>,
}

/// Something that gives a permission.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Because {
    /// What gives it.
    pub giver: Giver,
    /// The grant that stands for it, such as `sync.*`.
    pub grant: Grant,
}

/// What gives permissions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Giver {
    /// A role of the person.
    Role(String),
    /// The API key itself.
    Key(String),
}

impl fmt::Display for Giver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Role(name) => write!(f, "the role {name}"),
            Self::Key(name) => write!(f, "the key {name}"),
        }
    }
}

impl Explanation {
    /// As a sentence.
    pub fn sentence(&self) -> String {
        if let Some(why_not) = &self.why_not {
            return why_not.clone();
        }
        let reasons: Vec<String> =
            self.because.iter().map(|because| format!("{} includes {}", because.giver, because.grant)).collect();
        capital(&format!("{}.", reasons.join(" and ")))
    }
}

impl Access {
    /// Why a person may do something, or may not.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn explain(&self, account: AccountId, permission: Permission) -> Result<Explanation> {
        self.store.read(move |tx| Ok(Person::read(tx, account)?.explain(permission))).await
    }

    /// The same for every permission there is.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn explain_all(&self, account: AccountId) -> Result<Vec<Explanation>> {
        self.store
            .read(move |tx| {
                let person = Person::read(tx, account)?;
                Ok(Permission::ALL.iter().map(|permission| person.explain(*permission)).collect())
            })
            .await
    }

    /// Why an API key may do something, or may not: the key and its owner both must.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn explain_key(&self, key: Uuid, permission: Permission) -> Result<Explanation> {
        let now = self.env.now();
        self.store.read(move |tx| Ok(Key::read(tx, key, now)?.explain(permission))).await
    }

    /// The same for every permission there is.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn explain_key_all(&self, key: Uuid) -> Result<Vec<Explanation>> {
        let now = self.env.now();
        self.store
            .read(move |tx| {
                let key = Key::read(tx, key, now)?;
                Ok(Permission::ALL.iter().map(|permission| key.explain(*permission)).collect())
            })
            .await
    }
}

struct Person {
    account: Account,
    roles: Vec<Role>,
}

impl Person {
    fn read(reader: &impl Read, id: AccountId) -> Result<Self> {
        let account = reader.get(ACCOUNTS, &id)?.ok_or_else(|| Error::not_found("account", id))?;
        let roles = account.roles.iter().filter_map(|name| role(reader, name).transpose()).collect::<Result<_>>()?;
        Ok(Self { account, roles })
    }

    fn because(&self, permission: Permission) -> Vec<Because> {
        let giving = |role: &Role| {
            let grant = role.grants.why(permission)?.clone();
            Some(Because { giver: Giver::Role(role.name.clone()), grant })
        };
        self.roles.iter().filter_map(giving).collect()
    }

    fn explain(&self, permission: Permission) -> Explanation {
        let because = self.because(permission);
        let why_not = self.standstill().or_else(|| because.is_empty().then(|| self.lacks(permission)));
        Explanation { permission, allowed: why_not.is_none(), because, why_not }
    }

    /// Why nothing at all is allowed.
    fn standstill(&self) -> Option<String> {
        if !self.account.is_active {
            return Some("The account is disabled, so nothing of theirs works.".into());
        }
        let asking = self.roles.iter().find(|role| role.needs_second_factor)?;
        self.account.second_factor.is_none().then(|| {
            format!("The role {} asks for a second factor, which they have not set up; until then they may do nothing else.", asking.name)
        })
    }

    fn lacks(&self, permission: Permission) -> String {
        let own: Vec<&str> = self.roles.iter().map(|role| role.name.as_str()).collect();
        let has = match own.as_slice() {
            [] => format!("They have no role, so nothing gives them {permission}."),
            [one] => format!("Their role {one} does not include {permission}."),
            several => format!("None of their roles ({}) includes {permission}.", several.join(", ")),
        };
        let would: Vec<&str> =
            BUILT_IN.iter().filter(|role| role.role().grants.allow(permission)).map(|role| role.name).collect();
        format!("{has} Built-in roles that do: {}.", would.join(", "))
    }
}

struct Key {
    key: ApiKey,
    /// None when they are gone.
    owner: Option<Person>,
    now: Timestamp,
}

impl Key {
    fn read(reader: &impl Read, id: Uuid, now: Timestamp) -> Result<Self> {
        let key = reader.get(API_KEYS, &id)?.ok_or_else(|| Error::not_found("API key", id))?;
        let owner = match Person::read(reader, key.owner) {
            Ok(owner) => Some(owner),
            Err(Error::NotFound { .. }) => None,
            Err(error) => return Err(error),
        };
        Ok(Self { key, owner, now })
    }

    fn explain(&self, permission: Permission) -> Explanation {
        let own = self.key.grants.why(permission).cloned();
        let theirs = self.owner.as_ref().map(|owner| owner.because(permission)).unwrap_or_default();
        let why_not = self.standstill().or_else(|| self.lacks(permission, own.is_some(), !theirs.is_empty()));
        let of_key = own.map(|grant| Because { giver: Giver::Key(self.key.name.clone()), grant });
        let because = of_key.into_iter().chain(theirs).collect();
        Explanation { permission, allowed: why_not.is_none(), because, why_not }
    }

    fn standstill(&self) -> Option<String> {
        let Self { key, owner, now } = self;
        if key.revoked_at.is_some() {
            return Some("The key was revoked.".into());
        }
        if key.expires_at.is_some_and(|end| end <= *now) {
            return Some("The key has ended.".into());
        }
        match owner {
            None => Some("The owner of the key is gone.".into()),
            Some(owner) if !owner.account.is_active => {
                Some(format!("The owner of the key, {}, is disabled.", owner.account.email))
            }
            Some(_) => None,
        }
    }

    fn lacks(&self, permission: Permission, key_has: bool, owner_has: bool) -> Option<String> {
        let owner = self.owner.as_ref().map_or("nobody", |owner| owner.account.email.as_str());
        match (key_has, owner_has) {
            (true, true) => None,
            (true, false) => Some(format!(
                "The key includes {permission}, but its owner {owner} does not have it, and a key may never do more than its owner."
            )),
            (false, true) => Some(format!("The owner {owner} has {permission}, but the key does not include it.")),
            (false, false) => Some(format!("Neither the key nor its owner {owner} has {permission}.")),
        }
    }
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}
