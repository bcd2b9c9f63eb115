//! Reading and writing accounts inside a transaction. The only place that writes them.

use aviary_kernel::base::{Env, Error, Result};
use aviary_kernel::model::{Account, AccountId, Action, Actor, Origin, Who};
use aviary_kernel::store::rows::Change;
use aviary_kernel::store::tables::{
    ACCOUNTS, API_KEYS, API_KEYS_BY_OWNER, LOCKOUTS, PREFERENCES, SEARCHES, SESSIONS, SESSIONS_BY_ACCOUNT,
};
use aviary_kernel::store::{Read, Span, WriteTx};
use uuid::Uuid;

use super::token::{lockout_key, lockout_key_at};
use crate::audit::Did;
use crate::feed;

/// An account that must be there.
pub(crate) fn require(reader: &impl Read, id: AccountId) -> Result<Account> {
    reader.get(ACCOUNTS, &id)?.ok_or_else(|| Error::not_found("account", id))
}

/// Stores an account and tells the feed.
pub(crate) fn put(tx: &mut WriteTx<'_>, env: &Env, account: &Account) -> Result<()> {
    tx.put(ACCOUNTS, &account.id, account)?;
    feed::append(tx, env, Change::Account(account.id)).map(drop)
}

/// Changes an account that must be there, and notes when.
pub(crate) fn change(
    tx: &mut WriteTx<'_>,
    env: &Env,
    id: AccountId,
    act: impl FnOnce(&mut Account) -> Result<()>,
) -> Result<(Account, Account)> {
    let before = require(tx, id)?;
    let mut after = before.clone();
    act(&mut after)?;
    after.updated_at = env.now();
    put(tx, env, &after)?;
    Ok((before, after))
}

/// Ends the sessions of an account, all but one if so wanted. How many there were.
pub(crate) fn end_sessions(tx: &mut WriteTx<'_>, account: AccountId, keep: Option<Uuid>) -> Result<usize> {
    let mut ended = 0;
    for (_, session) in tx.all_keys(SESSIONS_BY_ACCOUNT, &Span::prefix(&account))? {
        if keep != Some(session) {
            tx.remove(SESSIONS, &session)?;
            ended += 1;
        }
    }
    Ok(ended)
}

/// Forgets the wrong passwords for an account, wherever they were typed. Whether there were any.
pub(crate) fn clear_lockout(tx: &mut WriteTx<'_>, account: &Account) -> Result<bool> {
    let mut keys = vec![lockout_key(&account.email)];
    for (_, session) in tx.all_keys(SESSIONS_BY_ACCOUNT, &Span::prefix(&account.id))? {
        let known = tx.get(SESSIONS, &session)?.and_then(|session| session.address);
        keys.extend(known.map(|known| lockout_key_at(&account.email, known)));
    }
    let mut any = false;
    for key in keys {
        any |= tx.remove(LOCKOUTS, &key)?.is_some();
    }
    Ok(any)
}

/// Removes an account with its sessions, keys, saved searches and preferences. Its links are another matter.
pub(super) fn erase(tx: &mut WriteTx<'_>, env: &Env, account: &Account) -> Result<()> {
    clear_lockout(tx, account)?;
    end_sessions(tx, account.id, None)?;
    for (_, key) in tx.all_keys(API_KEYS_BY_OWNER, &Span::prefix(&account.id))? {
        tx.remove(API_KEYS, &key)?;
        feed::append(tx, env, Change::ApiKey(key))?;
    }
    for (search, _) in tx.all(SEARCHES, &Span::prefix(&account.id))? {
        tx.remove(SEARCHES, &search)?;
    }
    tx.remove(PREFERENCES, &account.id)?;
    tx.remove(ACCOUNTS, &account.id)?;
    feed::append(tx, env, Change::Account(account.id)).map(drop)
}

/// Something was done to this account.
pub(crate) fn did(action: Action, account: &Account) -> Did {
    Did::new(action).to("account", account.id, account.email.as_str())
}

/// The same, with what became different.
pub(super) fn did_change(action: Action, before: &Account, after: &Account) -> Did {
    let some = |text: &str| Some(text.to_owned());
    let flag = |holds: bool| Some(holds.to_string());
    let (old, new) = (&before.profile, &after.profile);
    did(action, after)
        .changed("email", some(before.email.as_str()), some(after.email.as_str()))
        .changed("username", some(&before.username), some(&after.username))
        .changed("firstName", old.first_name.clone(), new.first_name.clone())
        .changed("lastName", old.last_name.clone(), new.last_name.clone())
        .changed("phoneNumber", old.phone_number.clone(), new.phone_number.clone())
        .changed("companyName", old.company_name.clone(), new.company_name.clone())
        .changed("billingEmail", old.billing_email.clone(), new.billing_email.clone())
        .changed("avatarUrl", old.avatar_url.clone(), new.avatar_url.clone())
        .changed("roles", Some(before.roles.join(", ")), Some(after.roles.join(", ")))
        .changed("isActive", flag(before.is_active), flag(after.is_active))
        .changed("emailVerified", flag(before.email_verified.is_some()), flag(after.email_verified.is_some()))
}

/// The person of an account, for the record of what they do themselves without being signed in.
pub(crate) fn themselves(account: &Account, origin: &Origin) -> Actor {
    Actor::new(Who::Person(account.id), account.email.as_str()).from(origin.clone())
}
