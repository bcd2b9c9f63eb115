//! Who somebody is that brings a token.

use std::time::Duration;

use aviary_kernel::base::Result;
use aviary_kernel::model::{AccountId, Origin, Session, SessionKind};
use aviary_kernel::store::tables::{ACCOUNTS, SESSIONS};
use aviary_kernel::store::{Read, ReadTx};

use uuid::Uuid;

use super::SignIn;
use super::sessions::by_token;
use crate::access::{Caller, Refusal, grants_of, needs_second_factor};
use crate::accounts::{hash_of, themselves};

/// How exactly it is known when a session was last used.
const SEEN_EVERY: Duration = Duration::from_secs(60);

impl SignIn {
    /// Whose cookie this is; nobody's when the session is over, or the account cannot be used any more.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub async fn by_cookie(&self, token: &str, origin: Origin) -> Result<Option<Caller>> {
        let (token, now) = (hash_of(token), self.accounts.env.now());
        let (from, lifetimes) = (origin.clone(), self.lifetimes());
        let found = self.accounts.store.read(move |tx| {
            let session = by_token(tx, &token)?;
            let living =
                session.filter(|session| session.kind == SessionKind::Browser && lifetimes.allow(session, now));
            let Some(session) = living else { return Ok(None) };
            Ok(caller(tx, &session, &from)?.ok().map(|caller| (caller, session)))
        });
        let Some((caller, session)) = found.await? else { return Ok(None) };
        self.touch(session, origin);
        Ok(Some(caller))
    }

    /// Whose access token this is. What they may is read anew, whatever the token says.
    ///
    /// # Errors
    /// [`Refusal::InvalidToken`] when it is forged, expired, or its session is over; [`Refusal::UserNotFound`],
    /// [`Refusal::AccountDisabled`].
    pub async fn by_access_token(&self, token: &str, origin: Origin) -> Result<Caller, Refusal> {
        let claims = self.read_access_token(token)?;
        let kinds = |kind| kind == SessionKind::Api;
        self.by_session(claims.id, claims.sid, kinds, origin).await
    }

    /// Whose session this is, when it is of one of these kinds.
    pub(super) async fn by_session(
        &self,
        account: AccountId,
        session: Uuid,
        kinds: fn(SessionKind) -> bool,
        origin: Origin,
    ) -> Result<Caller, Refusal> {
        let (now, from, lifetimes) = (self.accounts.env.now(), origin.clone(), self.lifetimes());
        let found = self.accounts.store.read(move |tx| {
            let living =
                |session: &Session| kinds(session.kind) && session.account == account && lifetimes.allow(session, now);
            let Some(session) = tx.get(SESSIONS, &session)?.filter(living) else {
                return Ok(Err(Refusal::InvalidToken));
            };
            Ok(caller(tx, &session, &from)?.map(|caller| (caller, session)))
        });
        let (caller, session) = found.await??;
        self.touch(session, origin);
        Ok(caller)
    }

    /// Who somebody is by now that came with a session: nobody when it is over, or the account cannot be used any more. What
    /// they may is read anew. For streams that outlive the request that opened them; it does not prolong the session.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub async fn still(&self, caller: &Caller) -> Result<Option<Caller>> {
        let (Some(account), Some(session)) = (caller.account, caller.session) else { return Ok(None) };
        let (now, origin, lifetimes) = (self.accounts.env.now(), caller.actor.origin.clone(), self.lifetimes());
        self.accounts
            .store
            .read(move |tx| {
                let living = |session: &Session| session.account == account && lifetimes.allow(session, now);
                let Some(session) = tx.get(SESSIONS, &session)?.filter(living) else { return Ok(None) };
                Ok(self::caller(tx, &session, &origin)?.ok())
            })
            .await
    }

    /// Notes that a session is in use, at most once a minute. Nobody waits for it, and it may fail.
    fn touch(&self, session: Session, origin: Origin) {
        let now = self.accounts.env.now();
        if now.since(session.seen_at) < SEEN_EVERY || self.accounts.store.trouble().is_some() {
            return;
        }
        let lifetimes = self.lifetimes();
        self.accounts.store.write_later(move |tx| {
            let Some(mut held) = tx.get(SESSIONS, &session.id)? else { return Ok(()) };
            if now.since(held.seen_at) < SEEN_EVERY {
                return Ok(());
            }
            held.seen_at = now;
            held.address = origin.address;
            held.user_agent = origin.user_agent;
            if held.kind == SessionKind::Browser {
                held.expires_at = lifetimes.end(held.kind, held.created_at, now);
            }
            tx.put(SESSIONS, &held.id, &held).map(drop)
        });
    }
}

fn caller(tx: &ReadTx, session: &Session, origin: &Origin) -> Result<Result<Caller, Refusal>> {
    let Some(account) = tx.get(ACCOUNTS, &session.account)? else { return Ok(Err(Refusal::UserNotFound)) };
    if !account.is_active {
        return Ok(Err(Refusal::AccountDisabled));
    }
    Ok(Ok(Caller {
        actor: themselves(&account, origin),
        grants: grants_of(tx, &account)?,
        account: Some(account.id),
        session: Some(session.id),
        lacks_second_factor: account.second_factor.is_none() && needs_second_factor(tx, &account)?,
    }))
}
