//! Sessions inside a transaction. The only place that begins and ends them one by one.

use std::net::IpAddr;
use std::time::Duration;

use aviary_kernel::base::{Env, Result, Secret, Timestamp};
use aviary_kernel::model::{Account, AccountId, Action, Actor, Origin, Session, SessionKind, TokenHash};
use aviary_kernel::store::tables::{ACCOUNTS, SESSION_TOKENS, SESSIONS, SESSIONS_BY_ACCOUNT};
use aviary_kernel::store::{Read, Span, WriteTx};
use uuid::Uuid;

use super::SignIn;
use super::tokens::RefreshToken;
use crate::accounts::{PanelFacts, facts_of, hash_of, new_token, themselves};
use crate::audit::{self, Did};
use crate::feed::{self, Change};

/// A browser session ends after this even when it is used all the time.
const BROWSER_AT_MOST: Duration = Duration::from_secs(30 * 86_400);
/// More sessions a person has not; the oldest make room.
const MOST: usize = 50;

/// A session that was just begun or prolonged, and its token, which nobody sees again.
pub(super) struct Begun {
    pub account: Account,
    pub facts: PanelFacts,
    pub session: Session,
    pub token: Secret<String>,
}

impl SignIn {
    /// Begins a session.
    pub(super) fn begin(
        &self,
        tx: &mut WriteTx<'_>,
        account: &Account,
        origin: &Origin,
        kind: SessionKind,
    ) -> Result<Begun> {
        let env = &self.accounts.env;
        make_room(tx, env, account, origin)?;
        let (id, now) = (env.ids.next(), env.now());
        let token = match kind {
            SessionKind::Browser => new_token()?,
            SessionKind::Api => RefreshToken::make(&self.accounts.sealer, id, 0)?,
        };
        let session = Session {
            id,
            account: account.id,
            kind,
            token: hash_of(token.reveal()),
            generation: 0,
            created_at: now,
            seen_at: now,
            expires_at: self.lifetimes().end(kind, now, now),
            address: origin.address,
            user_agent: origin.user_agent.clone(),
        };
        tx.put(SESSIONS, &id, &session)?;
        Ok(Begun { account: account.clone(), facts: facts_of(tx, account)?, session, token })
    }
}

/// How long sessions last that nobody uses.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lifetimes {
    pub browser: Duration,
    pub api: Duration,
}

impl Lifetimes {
    /// When a session ends by itself that was last used then.
    pub(super) fn end(self, kind: SessionKind, began: Timestamp, used: Timestamp) -> Timestamp {
        match kind {
            SessionKind::Browser => used.plus(self.browser).min(began.plus(BROWSER_AT_MOST)),
            SessionKind::Api => used.plus(self.api),
        }
    }

    /// Whether a session is still good. One that began when sessions lasted longer ends as those of today.
    pub(super) fn allow(self, session: &Session, now: Timestamp) -> bool {
        now < session.expires_at.min(self.end(session.kind, session.created_at, session.seen_at))
    }
}

fn make_room(tx: &mut WriteTx<'_>, env: &Env, account: &Account, origin: &Origin) -> Result<()> {
    let held = of(tx, account.id)?;
    let too_many = (held.len() + 1).saturating_sub(MOST);
    for session in held.into_iter().take(too_many) {
        let why = format!("nobody has more than {MOST} sessions");
        let did = Did::new(Action::SessionEnded).changed("reason", None, Some(why));
        end(tx, env, &themselves(account, origin), &session, did)?;
    }
    Ok(())
}

/// The sessions of a person, oldest first, those that ran out among them.
pub(super) fn of(reader: &impl Read, account: AccountId) -> Result<Vec<Session>> {
    let keys = reader.all_keys(SESSIONS_BY_ACCOUNT, &Span::prefix(&account))?;
    let sessions = keys.into_iter().map(|(_, id)| reader.get(SESSIONS, &id));
    sessions.filter_map(Result::transpose).collect()
}

/// Whether a person is signed in at an address.
pub(super) fn is_at(reader: &impl Read, account: AccountId, address: IpAddr, now: Timestamp) -> Result<bool> {
    Ok(of(reader, account)?.iter().any(|session| session.address == Some(address) && session.expires_at > now))
}

/// The session with this token.
pub(super) fn by_token(reader: &impl Read, token: &TokenHash) -> Result<Option<Session>> {
    let Some((_, id)) = reader.all_keys(SESSION_TOKENS, &Span::prefix(token))?.pop() else { return Ok(None) };
    reader.get(SESSIONS, &id)
}

/// Ends a session and says so.
pub(super) fn end(tx: &mut WriteTx<'_>, env: &Env, actor: &Actor, session: &Session, did: Did) -> Result<()> {
    tx.remove(SESSIONS, &session.id)?;
    let did = about(tx, session.account, did)?.changed("session", Some(session.id.to_string()), None);
    audit::record(tx, env, actor, did)?;
    feed::append(tx, env, Change::Account(session.account)).map(drop)
}

/// Ends the sessions of a person, one excepted. How many there were.
pub(super) fn end_all(
    tx: &mut WriteTx<'_>,
    env: &Env,
    actor: &Actor,
    account: AccountId,
    except: Option<Uuid>,
    action: Action,
) -> Result<u64> {
    let mut ended = 0;
    for session in of(tx, account)?.into_iter().filter(|session| Some(session.id) != except) {
        tx.remove(SESSIONS, &session.id)?;
        ended += 1;
    }
    if ended > 0 {
        let left = u64::from(except.is_some());
        let did = about(tx, account, Did::new(action))?;
        let did = did.changed("sessions", Some((ended + left).to_string()), Some(left.to_string()));
        audit::record(tx, env, actor, did)?;
        feed::append(tx, env, Change::Account(account))?;
    }
    Ok(ended)
}

fn about(reader: &impl Read, account: AccountId, did: Did) -> Result<Did> {
    let name =
        reader.get(ACCOUNTS, &account)?.map_or_else(|| "removed".to_owned(), |account| account.email.to_string());
    Ok(did.to("account", account, name))
}
