use std::collections::HashSet;
use std::ops::ControlFlow;

use aviary_kernel::base::{At, Cursor, Error, Result, Timestamp};
use aviary_kernel::model::{Account, AccountId, Email, PanelId, User};
use aviary_kernel::store::rows::Mirror;
use aviary_kernel::store::tables::{
    ACCOUNTS, ACCOUNTS_BY_EMAIL, ACCOUNTS_BY_LOGIN, ACCOUNTS_BY_NAME, ACCOUNTS_BY_ROLE, PANELS, counted,
};
use aviary_kernel::store::{Counter, Direction, Key, Read, SortText, Span};

use super::Accounts;
use super::linked::{LinkedUser, linked_users, server_count};
use crate::access::{Caller, SUPER_ADMIN};

/// Rows of a page when none are asked for.
const USUAL: usize = 25;
/// No page is larger.
const LARGEST: usize = 1000;
/// The roles that make an administrator in the older API.
const ADMIN_ROLES: [&str; 2] = [SUPER_ADMIN, "ADMINISTRATOR"];

/// Which people are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum PeopleFilter {
    /// Everybody.
    #[default]
    All,
    /// Those who took their account into use.
    Migrated,
    /// Those who only stand for a panel's user.
    NotMigrated,
    /// Those who may sign in.
    Active,
    /// Those who are disabled.
    Inactive,
    /// Administrators, here or on a panel.
    Admin,
}

/// The order of people.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum PeopleSort {
    /// By when the account was made.
    #[default]
    Created,
    /// By address.
    Email,
    /// By what they are called.
    Username,
    /// By when they last signed in; those who never did come first.
    LastLogin,
}

/// What is asked of the list of people. The default is everybody, oldest first.
#[derive(Clone, Debug, Default)]
pub struct AccountQuery {
    /// Only who has this in their address or name; case does not matter.
    pub search: Option<String>,
    /// Only these.
    pub filter: PeopleFilter,
    /// Only who has this role.
    pub role: Option<String>,
    /// The order.
    pub sort: PeopleSort,
    /// Largest first.
    pub descending: bool,
    /// Where to begin.
    pub at: At,
    /// Rows of a page; 0 is taken as 25.
    pub limit: usize,
}

/// A person, with what is known of them elsewhere.
#[derive(Clone, Debug)]
pub struct Person {
    /// The account.
    pub account: Account,
    /// The users of panels that they are.
    pub linked: Vec<LinkedUser>,
    /// Servers that they own.
    pub servers: u64,
    /// Places where they are signed in.
    pub sessions: u64,
}

impl Person {
    /// Whether they are an administrator on a panel.
    pub fn is_panel_admin(&self) -> bool {
        self.linked.iter().any(|linked| linked.user.root_admin)
    }
}

/// How many people there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PeopleStats {
    /// All of them.
    pub total: u64,
    /// Those who took their account into use.
    pub migrated: u64,
    /// Administrators, here or on a panel.
    pub admins: u64,
    /// Those who may sign in.
    pub active: u64,
    /// Those who ever signed in.
    pub seen: u64,
}

/// A page of people.
#[derive(Clone, Debug)]
pub struct PeoplePage {
    /// The rows.
    pub rows: Vec<Person>,
    /// How many rows the whole list has.
    pub total: u64,
    /// How many people there are, whatever was asked for.
    pub stats: PeopleStats,
    /// Where the next page begins; none on the last one.
    pub next: Option<Cursor>,
    /// Where to go back from; none on the first one.
    pub previous: Option<Cursor>,
}

impl Accounts {
    /// A page of people. Handlers ask who may.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub async fn list(&self, query: AccountQuery) -> Result<PeoplePage> {
        self.store.read(move |tx| list(tx, &query)).await
    }

    /// How many people there are, from counters; only the administrators among them are looked up.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub async fn stats(&self) -> Result<PeopleStats> {
        self.store.read(|tx| stats(tx, administrators(tx)?.len() as u64)).await
    }

    /// How many people have an account, and how many of them ever signed in: two counters.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub async fn head_count(&self) -> Result<(u64, u64)> {
        self.store.read(|tx| stats(tx, 0).map(|stats| (stats.total, stats.seen))).await
    }

    /// How many accounts were made from `since` on.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub async fn made_since(&self, since: Timestamp) -> Result<u64> {
        self.store
            .read(move |tx| {
                let mut made = 0;
                // Ids begin with the time.
                tx.walk(ACCOUNTS, &Span::all(), Direction::Down, |_, account| {
                    let is_recent = account.created_at >= since;
                    made += u64::from(is_recent);
                    Ok(if is_recent { ControlFlow::Continue(()) } else { ControlFlow::Break(()) })
                })?;
                Ok(made)
            })
            .await
    }

    /// One person.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn person(&self, id: AccountId) -> Result<Person> {
        self.store.read(move |tx| person(tx, super::require(tx, id)?)).await
    }

    /// The caller as a person; an API key is its owner.
    ///
    /// # Errors
    /// [`Error::Forbidden`] when there is no person behind the caller.
    pub async fn own_person(&self, by: &Caller) -> Result<Person> {
        let Some(id) = by.account else {
            return Err(Error::Forbidden("this is for people who are signed in; sign in with your account".into()));
        };
        self.person(id).await
    }
}

fn person(reader: &impl Read, account: Account) -> Result<Person> {
    let linked = linked_users(reader, &account)?;
    let servers = server_count(reader, &linked)?;
    let sessions = reader.count(account.id.session_counter())?;
    Ok(Person { account, linked, servers, sessions })
}

fn list(reader: &impl Read, query: &AccountQuery) -> Result<PeoplePage> {
    let admins = administrators(reader)?;
    let stats = stats(reader, admins.len() as u64)?;
    let total = if query.filters() { query.total(reader, &admins)? } else { stats.total };
    let picked = query.pick(reader, &admins)?;
    let mut rows = Vec::with_capacity(picked.keys.len());
    for (_, id) in &picked.keys {
        rows.push(person(reader, super::require(reader, *id)?)?);
    }
    let cursor = |entry: Option<&(Vec<u8>, AccountId)>| entry.map(|(key, _)| Cursor::after(key));
    let next = if picked.later { cursor(picked.keys.last()) } else { None };
    let previous = if picked.earlier { cursor(picked.keys.first()) } else { None };
    Ok(PeoplePage { rows, total, stats, next, previous })
}

/// How many people there are.
fn stats(reader: &impl Read, admins: u64) -> Result<PeopleStats> {
    let count = |what| reader.count(Counter { what, panel: PanelId(0), of: 0 });
    Ok(PeopleStats {
        total: count(counted::ACCOUNTS)?,
        migrated: count(counted::ACCOUNTS_CLAIMED)?,
        admins,
        active: count(counted::ACCOUNTS_ACTIVE)?,
        seen: count(counted::ACCOUNTS_SEEN)?,
    })
}

/// Administrators, here or on a panel.
fn administrators(reader: &impl Read) -> Result<HashSet<AccountId>> {
    let mut found = HashSet::new();
    for role in ADMIN_ROLES {
        let holders = reader.all_keys(ACCOUNTS_BY_ROLE, &Span::prefix(&SortText::new(role)))?;
        found.extend(holders.into_iter().map(|(_, id)| id));
    }
    for (panel, _) in reader.all(PANELS, &Span::all())? {
        if reader.count(Counter { what: counted::ADMINS, panel, of: 0 })? > 0 {
            panel_administrators(reader, panel, &mut found)?;
        }
    }
    Ok(found)
}

fn panel_administrators(reader: &impl Read, panel: PanelId, found: &mut HashSet<AccountId>) -> Result<()> {
    let mut emails = Vec::new();
    reader.walk(User::table(), &Span::prefix(&panel), Direction::Up, |_, row| {
        if row.data.root_admin {
            emails.extend(Email::parse(&row.data.email).ok());
        }
        Ok(ControlFlow::Continue(()))
    })?;
    for email in emails {
        if let Some(account) = super::by_email(reader, &email)?
            && linked_users(reader, &account)?.iter().any(|linked| linked.user.root_admin)
        {
            found.insert(account.id);
        }
    }
    Ok(())
}

/// The keys of a page, with where they stand in the order.
struct Picked {
    keys: Vec<(Vec<u8>, AccountId)>,
    /// There is a row before the first one.
    earlier: bool,
    /// There is a row behind the last one.
    later: bool,
}

impl AccountQuery {
    fn page_size(&self) -> usize {
        if self.limit == 0 { USUAL } else { self.limit.min(LARGEST) }
    }

    /// Whether rows must be looked at beyond their place in the order.
    fn filters(&self) -> bool {
        self.search.is_some() || self.role.is_some() || self.filter != PeopleFilter::All
    }

    fn matches(&self, account: &Account, admins: &HashSet<AccountId>) -> bool {
        let is_wanted = match self.filter {
            PeopleFilter::All => true,
            PeopleFilter::Migrated => account.is_claimed(),
            PeopleFilter::NotMigrated => !account.is_claimed(),
            PeopleFilter::Active => account.is_active,
            PeopleFilter::Inactive => !account.is_active,
            PeopleFilter::Admin => admins.contains(&account.id),
        };
        let holds = |role: &String| account.roles.iter().any(|held| held.eq_ignore_ascii_case(role.trim()));
        let shows = |text: &String| {
            let needle = text.trim().to_lowercase();
            account.email.key().contains(&needle) || account.username.to_lowercase().contains(&needle)
        };
        is_wanted && self.role.as_ref().is_none_or(holds) && self.search.as_ref().is_none_or(shows)
    }

    fn is_wanted(&self, reader: &impl Read, id: AccountId, admins: &HashSet<AccountId>) -> Result<bool> {
        if !self.filters() {
            return Ok(true);
        }
        Ok(reader.get(ACCOUNTS, &id)?.is_some_and(|account| self.matches(&account, admins)))
    }

    fn total(&self, reader: &impl Read, admins: &HashSet<AccountId>) -> Result<u64> {
        let mut total = 0;
        reader.walk(ACCOUNTS, &Span::all(), Direction::Up, |_, account| {
            total += u64::from(self.matches(&account, admins));
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(total)
    }

    /// Takes one row more than the page needs, to know whether there is a next one.
    fn pick(&self, reader: &impl Read, admins: &HashSet<AccountId>) -> Result<Picked> {
        let forward = if self.descending { Direction::Down } else { Direction::Up };
        let backward = if self.descending { Direction::Up } else { Direction::Down };
        let (after, direction, mut skip) = match &self.at {
            At::Start => (None, forward, 0),
            At::After(cursor) => (Some(cursor.key()), forward, 0),
            At::Before(cursor) => (Some(cursor.key()), backward, 0),
            At::Offset(rows) => (None, forward, *rows),
        };
        let mut picked = Picked { keys: Vec::new(), earlier: after.is_some() || skip > 0, later: true };
        let span = after.map_or_else(Span::all, |key| Span::all().after(key, direction));
        reader.walk_bytes(self.sort.table(), &span, direction, &mut |key, _| {
            let id = self.sort.id_of(key)?;
            if self.is_wanted(reader, id, admins)? {
                if skip > 0 {
                    skip -= 1;
                } else {
                    picked.keys.push((key.to_vec(), id));
                }
            }
            let full = picked.keys.len() > self.page_size();
            Ok(if full { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
        })?;
        let more = picked.keys.len() > self.page_size();
        picked.keys.truncate(self.page_size());
        if matches!(self.at, At::Before(_)) {
            picked.keys.reverse();
            picked.earlier = more;
        } else {
            picked.later = more;
        }
        Ok(picked)
    }
}

impl PeopleSort {
    fn table(self) -> &'static str {
        match self {
            Self::Created => ACCOUNTS.name(),
            Self::Email => ACCOUNTS_BY_EMAIL.name(),
            Self::Username => ACCOUNTS_BY_NAME.name(),
            Self::LastLogin => ACCOUNTS_BY_LOGIN.name(),
        }
    }

    fn id_of(self, key: &[u8]) -> Result<AccountId> {
        let id = match self {
            Self::Created => AccountId::from_bytes(key),
            Self::Email | Self::Username => <(SortText, AccountId)>::from_bytes(key).map(|(_, id)| id),
            Self::LastLogin => <(Timestamp, AccountId)>::from_bytes(key).map(|(_, id)| id),
        };
        id.ok_or_else(|| Error::corrupt(self.table(), "a key cannot be read"))
    }
}
