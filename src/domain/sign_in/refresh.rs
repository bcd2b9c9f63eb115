//! Refresh tokens are exchanged at each use. One that comes twice was stolen, or its answer was lost: nobody can tell which, so
//! the session ends.

use aviary_kernel::base::Result;
use aviary_kernel::model::{Action, Actor, Origin, Session, SessionKind};
use aviary_kernel::store::tables::{ACCOUNTS, SESSIONS};
use aviary_kernel::store::{Read, WriteTx};

use super::SignIn;
use super::enter::SignedIn;
use super::sessions::{self, Begun};
use super::tokens::RefreshToken;
use crate::access::Refusal;
use crate::accounts::{facts_of, hash_of};
use crate::audit::Did;

/// A refresh token as it compares with what is stored.
enum Held {
    /// The one that is good now.
    Current(Session),
    /// One that was good before.
    Old(Session),
    /// No session ever had it, or the session is over.
    Unknown,
}

impl SignIn {
    /// Exchanges a refresh token for another one and an access token. Exchanges are not put on record, reuse is.
    ///
    /// # Errors
    /// [`Refusal::InvalidRefreshToken`], also for one that was exchanged before, which ends its session;
    /// [`Refusal::UserNotFound`], [`Refusal::AccountDisabled`].
    pub async fn refresh(&self, origin: Origin, token: &str) -> Result<SignedIn, Refusal> {
        let Some(given) = RefreshToken::read(&self.accounts.sealer, token) else {
            return Err(Refusal::InvalidRefreshToken);
        };
        let (it, hash) = (self.clone(), hash_of(token));
        let exchanged = self.accounts.store.write(move |tx| match find(tx, &given, &hash)? {
            Held::Current(session) => it.exchange(tx, session, &origin),
            Held::Old(session) => {
                let did = Did::new(Action::RefreshReused).refused("the token was exchanged before");
                sessions::end(tx, &it.accounts.env, &Actor::nobody(origin), &session, did)?;
                Ok(Err(Refusal::InvalidRefreshToken))
            }
            Held::Unknown => Ok(Err(Refusal::InvalidRefreshToken)),
        });
        self.signed_in(exchanged.await??)
    }

    fn exchange(&self, tx: &mut WriteTx<'_>, mut session: Session, origin: &Origin) -> Result<Result<Begun, Refusal>> {
        let now = self.accounts.env.now();
        if !self.lifetimes().allow(&session, now) {
            return Ok(Err(Refusal::InvalidRefreshToken));
        }
        let Some(account) = tx.get(ACCOUNTS, &session.account)? else { return Ok(Err(Refusal::UserNotFound)) };
        if !account.is_active {
            return Ok(Err(Refusal::AccountDisabled));
        }
        session.generation = session.generation.saturating_add(1);
        let token = RefreshToken::make(&self.accounts.sealer, session.id, session.generation)?;
        session.token = hash_of(token.reveal());
        session.seen_at = now;
        session.expires_at = self.lifetimes().end(session.kind, session.created_at, now);
        session.address = origin.address;
        session.user_agent.clone_from(&origin.user_agent);
        tx.put(SESSIONS, &session.id, &session)?;
        Ok(Ok(Begun { facts: facts_of(tx, &account)?, account, session, token }))
    }

    /// The session that a refresh token belongs or belonged to, for signing out.
    pub(super) fn session_of_refresh_token(&self, tx: &WriteTx<'_>, token: &str) -> Result<Option<Session>> {
        let Some(given) = RefreshToken::read(&self.accounts.sealer, token) else { return Ok(None) };
        match find(tx, &given, &hash_of(token))? {
            Held::Current(session) | Held::Old(session) => Ok(Some(session)),
            Held::Unknown => Ok(None),
        }
    }
}

/// The hash decides, so that tokens outlive the key they were signed under; the signature only tells old from forged.
fn find(tx: &impl Read, given: &RefreshToken, hash: &[u8; 32]) -> Result<Held> {
    let session = tx.get(SESSIONS, &given.session)?.filter(|session| session.kind == SessionKind::Api);
    Ok(match session {
        Some(session) if session.token == *hash => Held::Current(session),
        Some(session) if given.is_genuine && given.generation < session.generation => Held::Old(session),
        _ => Held::Unknown,
    })
}
