//! What a key may be like.

use std::time::Duration;

use aviary_kernel::base::{Error, Net, Result, Timestamp};
use aviary_kernel::model::{Account, ApiKey, Grants, Who};

use super::ApiKeyPatch;
use crate::access::Caller;
use crate::access::editor::tidy;

const LONGEST_NAME: usize = 60;
const MOST_ADDRESSES: usize = 50;
const MOST_PER_MINUTE: u32 = 10_000;
const SHORTEST_LIFE: Duration = Duration::from_secs(3600);
const LONGEST_LIFE: Duration = Duration::from_secs(366 * 86_400);

/// A key that leaked must not live on in keys that it made, nor lift its own limits.
pub(super) fn is_person(by: &Caller) -> Result<()> {
    match by.actor.who {
        Who::Person(_) | Who::CommandLine => Ok(()),
        _ => Err(Error::Forbidden(
            "programs make, change and renew no keys: sign in as a person, or use `aviary api-key` on the machine"
                .into(),
        )),
    }
}

/// Whoever knows the text acts as the owner.
pub(super) fn may_see_text(by: &Caller, key: &ApiKey) -> Result<()> {
    if by.account == Some(key.owner) || by.actor.who == Who::CommandLine {
        return Ok(());
    }
    Err(Error::Forbidden(
        "a key can be renewed by its owner only, since its text lets one act as them; revoke it instead".into(),
    ))
}

/// Nobody is given a key that could do nothing of what it says.
pub(super) fn owner_has(owner: &Account, theirs: &Grants, wanted: &Grants) -> Result<()> {
    if !owner.is_active {
        return Err(Error::Conflict(format!(
            "{} is disabled, so no key of theirs works: enable them first",
            owner.email
        )));
    }
    match theirs.first_beyond(wanted) {
        None => Ok(()),
        Some(beyond) => Err(Error::invalid(
            "permissions",
            format!("{} does not have {beyond}, and a key may never do more than its owner", owner.email),
        )),
    }
}

pub(super) fn not_revoked(key: &ApiKey) -> Result<()> {
    match key.revoked_at {
        None => Ok(()),
        Some(_) => Err(Error::Conflict(format!("the key {} was revoked; make another", key.name))),
    }
}

pub(super) fn not_over(key: &ApiKey, now: Timestamp) -> Result<()> {
    match key.expires_at {
        Some(end) if end <= now => {
            Err(Error::Conflict(format!("the key {} has ended: give it another end first, or make another", key.name)))
        }
        _ => Ok(()),
    }
}

pub(super) fn name(raw: &str) -> Result<String> {
    let name = raw.trim();
    match name.chars().count() {
        1..=LONGEST_NAME if !name.chars().any(char::is_control) => Ok(name.to_owned()),
        n => Err(Error::invalid(
            "name",
            format!("needs 1 to {LONGEST_NAME} characters on one line, without control characters; has {n}"),
        )),
    }
}

pub(super) fn grants(grants: Grants) -> Result<Grants> {
    match grants.0.is_empty() {
        false => Ok(grants),
        true => Err(Error::invalid("permissions", "needs at least one, such as server.read")),
    }
}

pub(super) fn addresses(nets: Vec<Net>) -> Result<Vec<Net>> {
    match nets.len() {
        0..=MOST_ADDRESSES => Ok(nets),
        n => Err(Error::invalid(
            "addresses",
            format!("at most {MOST_ADDRESSES}, not {n}; write networks such as 10.0.0.0/8"),
        )),
    }
}

pub(super) fn per_minute(number: Option<u32>) -> Result<Option<u32>> {
    match number {
        None | Some(1..=MOST_PER_MINUTE) => Ok(number),
        Some(_) => Err(Error::invalid("perMinute", format!("needs 1 to {MOST_PER_MINUTE}"))),
    }
}

pub(super) fn end(by: &Caller, now: Timestamp, end: Option<Timestamp>) -> Result<Option<Timestamp>> {
    let bad = |why: &str| Err(Error::invalid("expiresAt", why));
    let free = by.actor.who == Who::CommandLine;
    match end {
        None if free => Ok(None),
        None => bad(
            "say when the key ends, in a year at the latest; only `aviary api-key create` makes one that never ends",
        ),
        Some(end) if end < now.plus(SHORTEST_LIFE) => bad("must be an hour ahead at least"),
        Some(end) if end > now.plus(LONGEST_LIFE) && !free => bad("must be a year ahead at most; renew the key then"),
        Some(end) => Ok(Some(end)),
    }
}

/// What is to become different, looked at value by value.
pub(super) fn patch(by: &Caller, now: Timestamp, patch: ApiKeyPatch) -> Result<ApiKeyPatch> {
    Ok(ApiKeyPatch {
        name: patch.name.as_deref().map(name).transpose()?,
        grants: patch.grants.map(tidy).map(grants).transpose()?,
        expires_at: patch.expires_at.map(|at| end(by, now, at)).transpose()?,
        addresses: patch.addresses.map(addresses).transpose()?,
        per_minute: patch.per_minute.map(per_minute).transpose()?,
    })
}

impl ApiKeyPatch {
    /// The key as it will be.
    pub(super) fn of(self, key: &ApiKey) -> ApiKey {
        let key = key.clone();
        ApiKey {
            name: self.name.unwrap_or(key.name),
            grants: self.grants.unwrap_or(key.grants),
            expires_at: self.expires_at.unwrap_or(key.expires_at),
            addresses: self.addresses.unwrap_or(key.addresses),
            per_minute: self.per_minute.unwrap_or(key.per_minute),
            ..key
        }
    }
}
