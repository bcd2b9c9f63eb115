//! Reading and writing keys inside a transaction.

use std::ops::ControlFlow;

use aviary_kernel::base::{Env, Error, Result, Timestamp};
use aviary_kernel::model::{Action, ApiKey};
use aviary_kernel::store::rows::Change;
use aviary_kernel::store::tables::{ACCOUNTS, API_KEYS};
use aviary_kernel::store::{Direction, Read, Span, WriteTx};
use uuid::Uuid;

use crate::audit::Did;
use crate::feed;

pub(super) fn require(reader: &impl Read, id: Uuid) -> Result<ApiKey> {
    reader.get(API_KEYS, &id)?.ok_or_else(|| Error::not_found("API key", id))
}

/// Stores a key and tells the feed.
pub(super) fn put(tx: &mut WriteTx<'_>, env: &Env, key: &ApiKey) -> Result<()> {
    tx.put(API_KEYS, &key.id, key)?;
    feed::append(tx, env, Change::ApiKey(key.id)).map(drop)
}

/// The beginning of an audit event about a key.
pub(super) fn about(key: &ApiKey, action: Action) -> Did {
    Did::new(action).to("apikey", key.id, key.name.clone())
}

/// Every field that a person can set, before and after.
pub(super) fn differences(did: Did, before: Option<&ApiKey>, after: &ApiKey) -> Did {
    type Shown = fn(&ApiKey) -> Option<String>;
    let fields: [(&str, Shown); 6] = [
        ("name", |key| Some(key.name.clone())),
        ("owner", |key| Some(key.owner.to_string())),
        ("permissions", |key| Some(key.grants.to_string())),
        ("expiresAt", |key| key.expires_at.map(|at| at.to_string())),
        ("addresses", addresses),
        ("perMinute", |key| key.per_minute.map(|number| number.to_string())),
    ];
    fields.into_iter().fold(did, |did, (field, shown)| did.changed(field, before.and_then(shown), shown(after)))
}

fn addresses(key: &ApiKey) -> Option<String> {
    let all: Vec<String> = key.addresses.iter().map(ToString::to_string).collect();
    (!all.is_empty()).then(|| all.join(", "))
}

/// Keys of which something is over.
pub(super) fn over(reader: &impl Read, now: Timestamp) -> Result<Vec<Uuid>> {
    let mut found = Vec::new();
    reader.walk(API_KEYS, &Span::all(), Direction::Up, |id, key| {
        if is_over(&key, now) || reader.get(ACCOUNTS, &key.owner)?.is_none() {
            found.push(id);
        }
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(found)
}

fn is_over(key: &ApiKey, now: Timestamp) -> bool {
    key.previous.is_some_and(|previous| previous.until <= now)
}

/// Forgets what is over of these keys, and those whose owner is gone.
pub(super) fn forget(tx: &mut WriteTx<'_>, env: &Env, now: Timestamp, ids: &[Uuid]) -> Result<u64> {
    let mut changed = 0;
    for id in ids {
        let Some(key) = tx.get(API_KEYS, id)? else { continue };
        if tx.get(ACCOUNTS, &key.owner)?.is_none() {
            tx.remove(API_KEYS, id)?;
            feed::append(tx, env, Change::ApiKey(*id))?;
        } else if is_over(&key, now) {
            put(tx, env, &ApiKey { previous: None, ..key })?;
        } else {
            continue;
        }
        changed += 1;
    }
    Ok(changed)
}
