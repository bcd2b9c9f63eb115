//! Reading and writing accounts inside a transaction. The only place that writes them.

use aviary_kernel::base::{Env, Error, Result};
use aviary_kernel::model::{Account, AccountId, Email};
use aviary_kernel::store::rows::Change;
use aviary_kernel::store::tables::{ACCOUNTS, ACCOUNTS_BY_EMAIL};
use aviary_kernel::store::{Read, SortText, Span, WriteTx};

use crate::feed;

/// The account with this address, whatever the case.
pub(crate) fn by_email(reader: &impl Read, email: &Email) -> Result<Option<Account>> {
    // The index knows the beginning of the address only, so the row has the last word.
    for (_, id) in reader.all_keys(ACCOUNTS_BY_EMAIL, &Span::prefix(&SortText::new(email.as_str())))? {
        if let Some(account) = reader.get(ACCOUNTS, &id)?.filter(|account| account.email == *email) {
            return Ok(Some(account));
        }
    }
    Ok(None)
}

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
