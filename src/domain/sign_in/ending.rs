//! Who is signed in where, and putting an end to it.

use aviary_kernel::base::{Error, Result};
use aviary_kernel::model::{AccountId, Action, Actor, Origin, Permission, Session};
use aviary_kernel::store::tables::SESSIONS;
use aviary_kernel::store::{Read, WriteTx};
use uuid::Uuid;

use super::{SignIn, sessions};
use crate::access::{Caller, grants_of};
use crate::accounts::{clear_lockout, did, require};
use crate::audit::{self, Did};

impl SignIn {
    /// Where a person is signed in; the session that was used last comes first.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub async fn sessions_of(&self, account: AccountId) -> Result<Vec<Session>> {
        let now = self.accounts.env.now();
        let mut living = self.accounts.store.read(move |tx| sessions::of(tx, account)).await?;
        living.retain(|session| self.lifetimes().allow(session, now));
        living.sort_by_key(|session| std::cmp::Reverse(session.seen_at));
        Ok(living)
    }

    /// Ends a session: one's own, or that of somebody who may no more than the caller.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Forbidden`].
    pub async fn end_session(&self, by: &Caller, id: Uuid) -> Result<()> {
        let (by, env) = (by.clone(), self.accounts.env.clone());
        let ended = self.accounts.store.write(move |tx| {
            let session = tx.get(SESSIONS, &id)?.ok_or_else(|| Error::not_found("session", id))?;
            require_power_over(tx, &by, session.account)?;
            sessions::end(tx, &env, &by.actor, &session, Did::new(Action::SessionEnded))
        });
        ended.await
    }

    /// Ends all sessions of the caller but the one they came with. How many there were.
    ///
    /// # Errors
    /// [`Error::Forbidden`] for who is no person.
    pub async fn end_others(&self, by: &Caller) -> Result<u64> {
        self.end_sessions(by, require_person(by)?, by.session).await
    }

    /// Ends all sessions of a person. How many there were.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Forbidden`].
    pub async fn end_all(&self, by: &Caller, account: AccountId) -> Result<u64> {
        self.end_sessions(by, account, None).await
    }

    async fn end_sessions(&self, by: &Caller, account: AccountId, except: Option<Uuid>) -> Result<u64> {
        let (by, env) = (by.clone(), self.accounts.env.clone());
        let ended = self.accounts.store.write(move |tx| {
            require(tx, account)?;
            require_power_over(tx, &by, account)?;
            sessions::end_all(tx, &env, &by.actor, account, except, Action::SessionEnded)
        });
        ended.await
    }

    /// Ends the session that the caller came with.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub async fn sign_out(&self, by: &Caller) -> Result<()> {
        let Some(id) = by.session else { return Ok(()) };
        let (actor, env) = (by.actor.clone(), self.accounts.env.clone());
        let ended = self.accounts.store.write(move |tx| {
            let Some(session) = tx.get(SESSIONS, &id)? else { return Ok(()) };
            sessions::end(tx, &env, &actor, &session, Did::new(Action::SignedOut))
        });
        ended.await
    }

    /// Ends the session of a refresh token, also of an old one, and all of whoever brings a good access token. What is no
    /// token ends nothing, and is no fault.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub async fn sign_out_refresh(&self, origin: Origin, refresh: Option<&str>, bearer: Option<&str>) -> Result<()> {
        let person = match bearer {
            Some(token) => self.by_access_token(token, origin.clone()).await.ok(),
            None => None,
        };
        let (it, refresh) = (self.clone(), refresh.map(str::to_owned));
        let ended = self.accounts.store.write(move |tx| {
            let env = &it.accounts.env;
            let session = refresh.map(|token| it.session_of_refresh_token(tx, &token)).transpose()?.flatten();
            if let Some(session) = session {
                let actor = Actor::nobody(origin);
                let actor = person.as_ref().map_or(&actor, |caller| &caller.actor);
                sessions::end(tx, env, actor, &session, Did::new(Action::SignedOut))?;
            }
            let Some((caller, account)) = person.as_ref().and_then(|caller| Some((caller, caller.account?))) else {
                return Ok(());
            };
            sessions::end_all(tx, env, &caller.actor, account, None, Action::SignedOut).map(drop)
        });
        ended.await
    }

    /// Forgives somebody their wrong passwords, wherever they were typed.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Forbidden`].
    pub async fn unlock(&self, by: &Caller, account: AccountId) -> Result<()> {
        let (by, env) = (by.clone(), self.accounts.env.clone());
        let unlocked = self.accounts.store.write(move |tx| {
            let account = require(tx, account)?;
            require_power_over_others(tx, &by, account.id)?;
            if clear_lockout(tx, &account)? {
                audit::record(tx, &env, &by.actor, did(Action::AccountUnlocked, &account))?;
            }
            Ok(())
        });
        unlocked.await
    }
}

/// A person's id, for what only people do for themselves.
pub(super) fn require_person(by: &Caller) -> Result<AccountId> {
    let person = by.session.and_then(|_| by.actor.account());
    person.ok_or_else(|| Error::Forbidden("only a person who is signed in can do this, for themselves".into()))
}

/// People have power over themselves, and over who may no more than they if they have the permission.
fn require_power_over(tx: &WriteTx<'_>, by: &Caller, account: AccountId) -> Result<()> {
    if by.session.is_some() && by.actor.account() == Some(account) {
        return Ok(());
    }
    require_power_over_others(tx, by, account)
}

fn require_power_over_others(tx: &WriteTx<'_>, by: &Caller, account: AccountId) -> Result<()> {
    by.require(Permission::AccountSecurity)?;
    by.require_no_more_than_own(&grants_of(tx, &require(tx, account)?)?)
}
