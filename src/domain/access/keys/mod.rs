//! API keys: what programs come with. A key belongs to a person and never may more than they do at that moment.

mod check;
mod recognise;
mod rows;
mod text;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use aviary_kernel::base::{Error, Net, Result, Secret, Timestamp};
use aviary_kernel::model::{Account, AccountId, Action, ApiKey, Email, Grants, Permission, PreviousKey, Who};
use aviary_kernel::store::tables::{ACCOUNTS, API_KEYS, API_KEYS_BY_OWNER};
use aviary_kernel::store::{Read, Span};
use uuid::Uuid;

use super::Caller;
use super::editor::{Access, tidy};
use super::roles::grants_of;
use crate::audit;

pub use recognise::{BACKEND_MAY, KeyHolder};

/// A key that is to be made.
#[derive(Clone, Debug, Default)]
pub struct NewApiKey {
    /// What it is for; 1 to 60 characters.
    pub name: String,
    /// Whose it is; none = the caller's. Only the command line makes keys for others.
    pub owner: Option<AccountId>,
    /// What it may.
    pub grants: Grants,
    /// When it ends: in an hour at the earliest, in a year at the latest. Only the command line may go beyond, or leave it
    /// out for a key that never ends.
    pub expires_at: Option<Timestamp>,
    /// Addresses that may use it; empty = all.
    pub addresses: Vec<Net>,
    /// Requests a minute, 1 to 10,000; none = as for every key.
    pub per_minute: Option<u32>,
}

/// What is to become different of a key. What is none stays.
#[derive(Clone, Debug, Default)]
pub struct ApiKeyPatch {
    /// What it is for.
    pub name: Option<String>,
    /// What it may.
    pub grants: Option<Grants>,
    /// When it ends; `Some(None)` = never.
    pub expires_at: Option<Option<Timestamp>>,
    /// Addresses that may use it; empty = all.
    pub addresses: Option<Vec<Net>>,
    /// Requests a minute; `Some(None)` = as for every key.
    pub per_minute: Option<Option<u32>>,
}

/// How long the text before a rotation may stay good.
pub const LONGEST_OVERLAP: Duration = Duration::from_secs(7 * 86_400);

impl Access {
    /// Makes a key. Its text is handed out here and never again.
    ///
    /// # Errors
    /// [`Error::Forbidden`] without `apikey.own`, for callers who are programs themselves, and for more than the caller may;
    /// [`Error::Invalid`] for values that cannot be taken; [`Error::Conflict`] when the owner is disabled.
    pub async fn make_key(&self, by: &Caller, new: NewApiKey) -> Result<(ApiKey, Secret<String>)> {
        by.require(Permission::ApiKeyOwn)?;
        check::is_person(by)?;
        by.require_no_more_than_own(&new.grants)?;
        let owner = owner_of(by, new.owner)?;
        let text = text::make()?;
        let now = self.env.now();
        let key = ApiKey {
            id: self.env.ids.next(),
            name: check::name(&new.name)?,
            start: text.start,
            owner,
            grants: check::grants(tidy(new.grants))?,
            token: text.hash,
            previous: None,
            addresses: check::addresses(new.addresses)?,
            per_minute: check::per_minute(new.per_minute)?,
            created_at: now,
            expires_at: check::end(by, now, new.expires_at)?,
            used_at: None,
            used_from: None,
            revoked_at: None,
        };
        let (env, by, made) = (self.env.clone(), by.actor.clone(), key.clone());
        self.store
            .write(move |tx| {
                check::owner_has(&owner_in(tx, key.owner)?, &grants_in(tx, key.owner)?, &key.grants)?;
                rows::put(tx, &env, &key)?;
                let did = rows::about(&key, Action::ApiKeyMade);
                audit::record(tx, &env, &by, rows::differences(did, None, &key)).map(drop)
            })
            .await?;
        Ok((made, text.text))
    }

    /// The keys of a person, or of everybody, oldest first.
    ///
    /// # Errors
    /// [`Error::Forbidden`] without `apikey.own` for one's own, `apikey.read` for those of others.
    pub async fn keys(&self, by: &Caller, owner: Option<AccountId>) -> Result<Vec<ApiKey>> {
        require_for(by, owner, Permission::ApiKeyRead)?;
        self.store
            .read(move |tx| {
                let Some(owner) = owner else {
                    return Ok(tx.all(API_KEYS, &Span::all())?.into_iter().map(|(_, key)| key).collect());
                };
                let ids = tx.all_keys(API_KEYS_BY_OWNER, &Span::prefix(&owner))?;
                let keys = ids.into_iter().map(|(_, id)| tx.get(API_KEYS, &id));
                keys.filter_map(Result::transpose).collect()
            })
            .await
    }

    /// One key.
    ///
    /// # Errors
    /// As [`Access::keys`]; [`Error::NotFound`].
    pub async fn key(&self, by: &Caller, id: Uuid) -> Result<ApiKey> {
        let key = self.store.read(move |tx| rows::require(tx, id)).await;
        visible(by, id, key, Permission::ApiKeyRead)
    }

    /// One key, for who may change it or take it back: each of the two tells them what it was, so they may know before.
    ///
    /// # Errors
    /// [`Error::Forbidden`] without `apikey.own` for one's own, `apikey.write` for those of others; [`Error::NotFound`].
    pub async fn key_to_change(&self, by: &Caller, id: Uuid) -> Result<ApiKey> {
        let key = self.store.read(move |tx| rows::require(tx, id)).await;
        visible(by, id, key, Permission::ApiKeyWrite)
    }

    /// The addresses of the owners of these keys; an owner who is gone has none.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub async fn owners(&self, keys: &[ApiKey]) -> Result<BTreeMap<AccountId, Email>> {
        let owners: BTreeSet<AccountId> = keys.iter().map(|key| key.owner).collect();
        self.store
            .read(move |tx| {
                let found = owners.into_iter().map(|id| Ok(tx.get(ACCOUNTS, &id)?.map(|owner| (id, owner.email))));
                found.filter_map(Result::transpose).collect()
            })
            .await
    }

    /// Changes a key.
    ///
    /// # Errors
    /// [`Error::Forbidden`] without `apikey.own` for one's own, `apikey.write` for those of others, for callers who are
    /// programs themselves, and when the key may or would more than the caller; [`Error::Invalid`] for values that cannot be
    /// taken; [`Error::Conflict`] when it was revoked; [`Error::NotFound`].
    pub async fn change_key(&self, by: &Caller, id: Uuid, patch: ApiKeyPatch) -> Result<ApiKey> {
        check::is_person(by)?;
        let now = self.env.now();
        let patch = check::patch(by, now, patch)?;
        let (env, by) = (self.env.clone(), by.clone());
        self.store
            .write(move |tx| {
                let before = visible(&by, id, rows::require(tx, id), Permission::ApiKeyWrite)?;
                check::not_revoked(&before)?;
                let theirs = grants_in(tx, before.owner)?;
                by.require_no_more_than_own(&before.grants.shared_with(&theirs))?;
                let after = patch.of(&before);
                if after.grants != before.grants {
                    by.require_no_more_than_own(&after.grants)?;
                    check::owner_has(&owner_in(tx, after.owner)?, &theirs, &after.grants)?;
                }
                if after != before {
                    rows::put(tx, &env, &after)?;
                    let did = rows::about(&after, Action::ApiKeyChanged);
                    audit::record(tx, &env, &by.actor, rows::differences(did, Some(&before), &after))?;
                }
                Ok(after)
            })
            .await
    }

    /// Gives a key another text. The one before stays good for `overlap`; the one before that ends now.
    ///
    /// Only the owner and the command line: whoever knows the text acts as its owner.
    ///
    /// # Errors
    /// [`Error::Forbidden`] for others and without `apikey.own`; [`Error::Invalid`] for an overlap of more than 7 days;
    /// [`Error::Conflict`] when it was revoked or has ended; [`Error::NotFound`].
    pub async fn rotate_key(&self, by: &Caller, id: Uuid, overlap: Duration) -> Result<(ApiKey, Secret<String>)> {
        check::is_person(by)?;
        if overlap > LONGEST_OVERLAP {
            return Err(Error::invalid("overlap", "the old key can stay good for 7 days at most"));
        }
        let text::KeyText { start, text, hash } = text::make()?;
        let now = self.env.now();
        let (env, by) = (self.env.clone(), by.clone());
        let key = self
            .store
            .write(move |tx| {
                let before = visible(&by, id, rows::require(tx, id), Permission::ApiKeyWrite)?;
                check::may_see_text(&by, &before)?;
                check::not_revoked(&before)?;
                check::not_over(&before, now)?;
                let until = now.plus(overlap);
                let previous = (!overlap.is_zero()).then_some(PreviousKey { token: before.token, until });
                let after = ApiKey { start, token: hash, previous, ..before.clone() };
                rows::put(tx, &env, &after)?;
                let did = rows::about(&after, Action::ApiKeyRotated)
                    .changed("start", Some(before.start.clone()), Some(after.start.clone()))
                    .changed("previousGoodUntil", None, previous.map(|previous| previous.until.to_string()));
                audit::record(tx, &env, &by.actor, did)?;
                Ok(after)
            })
            .await?;
        Ok((key, text))
    }

    /// Takes a key back, at once and for good.
    ///
    /// # Errors
    /// [`Error::Forbidden`] without `apikey.own` for one's own, `apikey.write` for those of others; [`Error::NotFound`].
    /// A key that was revoked already stays as it is.
    pub async fn revoke_key(&self, by: &Caller, id: Uuid) -> Result<ApiKey> {
        let now = self.env.now();
        let (env, by) = (self.env.clone(), by.clone());
        self.store
            .write(move |tx| {
                let before = visible(&by, id, rows::require(tx, id), Permission::ApiKeyWrite)?;
                if before.revoked_at.is_some() {
                    return Ok(before);
                }
                let after = ApiKey { revoked_at: Some(now), previous: None, ..before };
                rows::put(tx, &env, &after)?;
                audit::record(tx, &env, &by.actor, rows::about(&after, Action::ApiKeyRevoked))?;
                Ok(after)
            })
            .await
    }

    /// Forgets what is over: texts from before a rotation, and keys whose owner is gone. How many rows that concerned.
    ///
    /// # Errors
    /// When the file cannot be read or written.
    pub async fn clean_up(&self) -> Result<u64> {
        let now = self.env.now();
        let over = self.store.read(move |tx| rows::over(tx, now)).await?;
        if over.is_empty() {
            return Ok(0);
        }
        let env = self.env.clone();
        self.store.write(move |tx| rows::forget(tx, &env, now, &over)).await
    }
}

/// Whose key it will be.
fn owner_of(by: &Caller, given: Option<AccountId>) -> Result<AccountId> {
    match (by.account, given) {
        (Some(own), Some(other)) if own != other => Err(Error::Forbidden(
            "a key can be made by its owner only; on the machine itself, `aviary api-key create --owner` makes one for anybody"
                .into(),
        )),
        (Some(own), _) => Ok(own),
        (None, Some(other)) if by.actor.who == Who::CommandLine => Ok(other),
        (None, _) => Err(Error::invalid("owner", "say whose key it will be: it may never do more than they")),
    }
}

fn owner_in(reader: &impl Read, id: AccountId) -> Result<Account> {
    reader.get(ACCOUNTS, &id)?.ok_or_else(|| Error::not_found("account", id))
}

/// What the owner may; nothing when they are gone.
fn grants_in(reader: &impl Read, id: AccountId) -> Result<Grants> {
    reader.get(ACCOUNTS, &id)?.map_or(Ok(Grants::default()), |owner| grants_of(reader, &owner))
}

/// Own keys need `apikey.own`, or what those of others need.
fn require_for(by: &Caller, owner: Option<AccountId>, others: Permission) -> Result<()> {
    let is_own = owner.is_some() && owner == by.account;
    if is_own && by.may(Permission::ApiKeyOwn) { Ok(()) } else { by.require(others) }
}

/// The key, when the caller has to do with it. Who may see no keys of others does not learn which there are.
fn visible(by: &Caller, id: Uuid, found: Result<ApiKey>, others: Permission) -> Result<ApiKey> {
    if !by.may(Permission::ApiKeyOwn) {
        by.require(others)?;
    }
    let key = found?;
    match require_for(by, Some(key.owner), others) {
        Ok(()) => Ok(key),
        Err(_) if !by.may(Permission::ApiKeyRead) => Err(Error::not_found("API key", id)),
        Err(error) => Err(error),
    }
}
