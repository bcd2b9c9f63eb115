//! Keeps an account for every user of a panel who has none of their own, so that they are seen, can be given roles, and can
//! sign in by a link to their address. Such an account follows the panel until somebody claims it.

use std::ops::ControlFlow;

use aviary_kernel::base::{Env, Error, Result};
use aviary_kernel::model::{Account, AccountId, AccountSource, Email, Kind, ObjectKey, PanelId, Profile};
use aviary_kernel::store::rows::{Change, Follower};
use aviary_kernel::store::tables::{ACCOUNTS, ACCOUNTS_BY_PANEL_USER, FEED, FOLLOWERS, Name, PANELS, RowKey, USERS};
use aviary_kernel::store::{Direction, Key, Read, SortText, Span, WriteTx};

use super::linked::{LinkedUser, users_with};
use super::links::drop_links;
use super::register::{MEMBER, name_of};
use super::rows::erase;
use super::{Accounts, by_email, put};
use crate::feed;

/// Entries of the feed, or rows, that are looked at in one transaction.
const BATCH: usize = 500;
/// What a sweep goes through: first the users of panels, then the accounts that stand for one.
const USERS_FIRST: u8 = 0;
const THEN_SHADOWS: u8 = 1;

fn name() -> Name {
    SortText::new("accounts")
}

impl Accounts {
    /// Brings the accounts up to what the panels said. To be called again and again; may be cut off anywhere.
    ///
    /// # Errors
    /// When the file cannot be read or written.
    pub async fn follow_panels(&self) -> Result<()> {
        while self.follow_some().await? {}
        Ok(())
    }

    /// One batch of that, in a transaction of its own. Whether there is more to do.
    ///
    /// # Errors
    /// As [`Accounts::follow_panels`].
    pub async fn follow_some(&self) -> Result<bool> {
        if self.store.read(is_idle).await? {
            return Ok(false);
        }
        let env = self.env.clone();
        self.store.write(move |tx| step(tx, &env)).await.map(|()| true)
    }
}

fn is_idle(reader: &impl Read) -> Result<bool> {
    let place = reader.get(FOLLOWERS, &name())?;
    let newest = feed::newest(reader)?;
    Ok(place.is_some_and(|place| place.sweep.is_none() && place.seq == newest))
}

fn step(tx: &mut WriteTx<'_>, env: &Env) -> Result<()> {
    let next = match tx.get(FOLLOWERS, &name())? {
        Some(place) if place.sweep.is_some() => sweep(tx, env, place)?,
        Some(place) if reaches_back(tx, place.seq)? => follow(tx, env, place)?,
        _ => Follower { seq: feed::newest(tx)?, sweep: Some(vec![USERS_FIRST]) },
    };
    tx.put(FOLLOWERS, &name(), &next).map(drop)
}

/// Whether the feed still has the entry behind this one.
fn reaches_back(reader: &impl Read, seq: u64) -> Result<bool> {
    let mut oldest = None;
    reader.walk_bytes(FEED.name(), &Span::all(), Direction::Up, &mut |key, _| {
        oldest = u64::from_bytes(key);
        Ok(ControlFlow::Break(()))
    })?;
    // Behind the newest of a feed that was set back lies nothing that could be followed.
    Ok(oldest.is_none_or(|oldest| oldest <= seq + 1) && seq <= feed::newest(reader)?)
}

fn follow(tx: &mut WriteTx<'_>, env: &Env, mut place: Follower) -> Result<Follower> {
    for (seq, entry) in feed::since(tx, place.seq, BATCH)? {
        place.seq = seq;
        match entry.change {
            Change::Object { key, .. } if key.kind == Kind::User => user_moved(tx, env, key)?,
            Change::Panel(panel) if tx.get(PANELS, &panel)?.is_none() => {
                // Its users went without a word each.
                place.sweep = Some(vec![THEN_SHADOWS]);
                break;
            }
            _ => {}
        }
    }
    Ok(place)
}

fn sweep(tx: &mut WriteTx<'_>, env: &Env, place: Follower) -> Result<Follower> {
    let at = place.sweep.unwrap_or_default();
    let (phase, key) = at.split_first().ok_or_else(|| Error::corrupt(FOLLOWERS.name(), "a sweep stands nowhere"))?;
    let users = *phase == USERS_FIRST;
    let table = if users { USERS.name() } else { ACCOUNTS_BY_PANEL_USER.name() };
    let span = if key.is_empty() { Span::all() } else { Span::all().after(key, Direction::Up) };
    let mut keys = Vec::new();
    tx.walk_bytes(table, &span, Direction::Up, &mut |key, _| {
        keys.push(key.to_vec());
        Ok(if keys.len() < BATCH { ControlFlow::Continue(()) } else { ControlFlow::Break(()) })
    })?;
    for key in &keys {
        if let Some(email) = if users { email_of_user(tx, key)? } else { email_of_shadow(tx, key)? } {
            tend(tx, env, &email)?;
        }
    }
    let next = match keys.pop() {
        Some(last) if keys.len() + 1 == BATCH => Some([vec![*phase], last].concat()),
        _ if users => Some(vec![THEN_SHADOWS]),
        _ => None,
    };
    Ok(Follower { seq: place.seq, sweep: next })
}

fn email_of_user(reader: &impl Read, key: &[u8]) -> Result<Option<Email>> {
    let key = RowKey::from_bytes(key).ok_or_else(|| Error::corrupt(USERS.name(), "a key cannot be read"))?;
    Ok(reader.get(USERS, &key)?.and_then(|row| Email::parse(&row.data.email).ok()))
}

fn email_of_shadow(reader: &impl Read, key: &[u8]) -> Result<Option<Email>> {
    let key = <(ObjectKey, AccountId)>::from_bytes(key);
    let (_, id) = key.ok_or_else(|| Error::corrupt(ACCOUNTS_BY_PANEL_USER.name(), "a key cannot be read"))?;
    Ok(reader.get(ACCOUNTS, &id)?.map(|account| account.email))
}

/// A user of a panel was made, changed or removed.
fn user_moved(tx: &mut WriteTx<'_>, env: &Env, key: ObjectKey) -> Result<()> {
    let now = email_of_user(tx, &(key.panel, key.id).to_bytes())?;
    let stands_for = tx.all_keys(ACCOUNTS_BY_PANEL_USER, &Span::prefix(&key))?.into_iter().next();
    let shadow = stands_for.map(|(_, id)| super::require(tx, id)).transpose()?;
    if let Some(shadow) = shadow {
        let before = shadow.email.clone();
        if let Some(now) = &now {
            carry_along(tx, env, shadow, now)?;
        }
        tend(tx, env, &before)?;
    }
    now.map_or(Ok(()), |email| tend(tx, env, &email))
}

/// An account goes with its user to another address, unless somebody has the new one, or stays at the old one. Roles stay;
/// links that were sent to the old address do not.
fn carry_along(tx: &mut WriteTx<'_>, env: &Env, shadow: Account, to: &Email) -> Result<()> {
    if shadow.email == *to || by_email(tx, to)?.is_some() || !users_with(tx, &shadow.email)?.is_empty() {
        return Ok(());
    }
    drop_links(tx, shadow.id, |_| true)?;
    let moved = Account { email: to.clone(), email_verified: None, updated_at: env.now(), ..shadow };
    put(tx, env, &moved)
}

/// Makes the account of an address what it should be, judging by the panels. One that is claimed is never touched.
pub(super) fn tend(tx: &mut WriteTx<'_>, env: &Env, email: &Email) -> Result<()> {
    let users = users_with(tx, email)?;
    match by_email(tx, email)? {
        None => users.first().map_or(Ok(()), |user| make(tx, env, email, user)),
        Some(account) => match account.source {
            AccountSource::Panel(key) if !account.is_claimed() => keep(tx, env, account, key, &users),
            _ => Ok(()),
        },
    }
}

fn make(tx: &mut WriteTx<'_>, env: &Env, email: &Email, of: &LinkedUser) -> Result<()> {
    let now = env.now();
    let account = Account {
        id: AccountId(env.ids.next()),
        email: email.clone(),
        username: called(of, email),
        profile: Profile::default(),
        password: None,
        roles: vec![MEMBER.to_owned()],
        is_active: true,
        email_verified: None,
        source: AccountSource::Panel(key_of(of)),
        second_factor: None,
        second_factor_offer: None,
        created_at: now,
        updated_at: now,
        last_login_at: None,
    };
    put(tx, env, &account)
}

fn keep(tx: &mut WriteTx<'_>, env: &Env, account: Account, key: ObjectKey, users: &[LinkedUser]) -> Result<()> {
    let Some(user) = users.iter().find(|user| key_of(user) == key).or(users.first()) else {
        drop_links(tx, account.id, |_| true)?;
        return erase(tx, env, &account);
    };
    let source = AccountSource::Panel(key_of(user));
    let username = called(user, &account.email);
    if account.source == source && account.username == username {
        return Ok(());
    }
    put(tx, env, &Account { source, username, updated_at: env.now(), ..account })
}

fn key_of(LinkedUser { panel, user }: &LinkedUser) -> ObjectKey {
    let panel: PanelId = *panel;
    ObjectKey { panel, kind: Kind::User, id: user.id }
}

/// The user's name on the panel; never empty.
fn called(of: &LinkedUser, email: &Email) -> String {
    let name: String = of.user.username.trim().chars().filter(|c| !c.is_control()).take(60).collect();
    if name.is_empty() { name_of(email) } else { name }
}
