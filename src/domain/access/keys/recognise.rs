//! Who comes with a key.

use std::time::Duration;

use aviary_kernel::base::{Error, Result, Timestamp};
use aviary_kernel::model::{Account, Action, Actor, ApiKey, Grants, Origin, Permission, TokenHash, Who};
use aviary_kernel::store::tables::{ACCOUNTS, API_KEY_TOKENS, API_KEYS};
use aviary_kernel::store::{Read, Span};
use tracing::info;
use uuid::Uuid;

use super::text;
use crate::access::Caller;
use crate::access::editor::Access;
use crate::access::limits::{Limit, identity_of};
use crate::access::roles::{grants_of, needs_second_factor};
use crate::audit::{self, Did};

/// When a key was last used is noted no more often than this.
const NOTE_USE_EVERY: Duration = Duration::from_secs(60);
/// Refused keys that go on record, by address: enough to tell of an attack, too few to fill the file.
const NOTED: Limit = Limit::new("bad-keys-noted", 5, Duration::from_secs(60));

/// What a back end may that comes with the key of the configuration: what is mirrored, the syncs that keep it so,
/// and what the older API let such a key do: look at the queues, have events told and mails sent.
///
/// That key has no person behind it, cannot be taken back without a restart and sits in configuration files of other
/// programs, so it lets nobody near people, roles, keys, what mails say, the audit trail or a change of settings: whoever finds it
/// must not be able to make themselves at home.
pub const BACKEND_MAY: &[Permission] = &[
    Permission::ServerRead,
    Permission::NodeRead,
    Permission::LocationRead,
    Permission::AllocationRead,
    Permission::EggRead,
    Permission::DatabaseRead,
    Permission::UserRead,
    Permission::HistoryRead,
    Permission::DriftRead,
    Permission::StatsRead,
    Permission::PanelRead,
    Permission::PanelWrite,
    Permission::SyncRead,
    Permission::SyncRun,
    Permission::RemovalRead,
    Permission::RemovalDecide,
    Permission::SettingsRead,
    Permission::JobRead,
    Permission::EventSend,
    Permission::MailSend,
    Permission::StoreCheck,
];

/// A program that came with a good key.
#[derive(Clone, Debug)]
pub struct KeyHolder {
    /// Who it is. `account` is the owner of the key.
    pub caller: Caller,
    /// How many requests it may make, where the key says so; the identity is the id of the key.
    pub requests: Option<Limit>,
}

/// A key that is not good, and why; the reason is for the record only.
struct Bad {
    why: &'static str,
    key: Option<ApiKey>,
}

impl Access {
    /// Who comes with this key. What they may is what the key and its owner both may at this moment.
    ///
    /// # Errors
    /// [`Error::Unauthenticated`] when it is not good, in the same words whatever the reason; the audit trail has it.
    pub async fn by_api_key(&self, text: &str, origin: Origin) -> Result<KeyHolder> {
        let (token, now, from) = (text::read(text), self.env.now(), origin.clone());
        let found = self
            .store
            .read(move |tx| match token {
                Some(token) => look_up(tx, &token, now, &from),
                None => Ok(Err(Bad { why: "it is no key of ours", key: None })),
            })
            .await?;
        match found {
            Ok(good) => {
                self.note_use(&good.key, now, &origin);
                Ok(holder(good, origin))
            }
            Err(bad) => {
                self.note_refusal(bad, origin);
                Err(Error::Unauthenticated(
                    "this API key is not good: it may be mistyped, revoked or over, or not be meant for this address"
                        .into(),
                ))
            }
        }
    }

    /// What a program may by now that came with a key: nothing when it was revoked or has ended. For streams that outlive the
    /// request that opened them.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub async fn still(&self, key: Uuid, origin: Origin) -> Result<Option<Caller>> {
        let (now, from) = (self.env.now(), origin.clone());
        let found = self.store.read(move |tx| {
            let Some(key) = tx.get(API_KEYS, &key)? else { return Ok(None) };
            Ok(look_up(tx, &key.token, now, &from)?.ok())
        });
        Ok(found.await?.map(|good| holder(good, origin).caller))
    }

    /// A back end with the key of the configuration. That the key is right is for the caller to see.
    pub fn backend_caller(&self, origin: Origin) -> Caller {
        let actor = Actor::new(Who::BackendKey, "key of the configuration").from(origin);
        Caller::trusted(actor, Grants::of(BACKEND_MAY.iter().copied()))
    }

    fn note_use(&self, key: &ApiKey, now: Timestamp, origin: &Origin) {
        let (id, address) = (key.id, origin.address.map(|address| address.to_canonical()));
        if is_noted(key, now) {
            return;
        }
        self.store.write_later(move |tx| {
            // Several requests may have come before the first of them was noted.
            let Some(key) = tx.get(API_KEYS, &id)?.filter(|key| !is_noted(key, now)) else { return Ok(()) };
            tx.put(API_KEYS, &id, &ApiKey { used_at: Some(now), used_from: address, ..key }).map(drop)
        });
    }

    fn note_refusal(&self, bad: Bad, origin: Origin) {
        let Bad { why, key } = bad;
        info!(why, key = key.as_ref().map(|key| key.start.as_str()), "refused an API key");
        if !self.noted.take(NOTED, &identity_of(origin.address)).allowed {
            return;
        }
        let mut did = Did::new(Action::AccessRefused).refused(format!("API key: {why}"));
        let mut actor = Actor::nobody(origin);
        if let Some(key) = key {
            did = did.to("apikey", key.id, key.name.clone());
            actor = Actor { who: Who::ApiKey(key.id), name: key.name, ..actor };
        }
        let env = self.env.clone();
        self.store.write_later(move |tx| audit::record(tx, &env, &actor, did).map(drop));
    }
}

type Found = std::result::Result<Good, Bad>;

/// A key that is good.
struct Good {
    key: ApiKey,
    grants: Grants,
    /// A role of its owner asks for a second factor that they have not set up.
    lacks_second_factor: bool,
}

fn look_up(reader: &impl Read, token: &TokenHash, now: Timestamp, origin: &Origin) -> Result<Found> {
    let unknown = || Ok(Err(Bad { why: "it is unknown", key: None }));
    let Some((_, id)) = reader.all_keys(API_KEY_TOKENS, &Span::prefix(token))?.pop() else { return unknown() };
    let Some(key) = reader.get(API_KEYS, &id)? else { return unknown() };
    let owner = reader.get(ACCOUNTS, &key.owner)?;
    if let Some(why) = trouble(&key, token, owner.as_ref(), now, origin) {
        return Ok(Err(Bad { why, key: Some(key) }));
    }
    let Some(owner) = owner else { return unknown() };
    let grants = key.grants.shared_with(&grants_of(reader, &owner)?);
    let lacks_second_factor = owner.second_factor.is_none() && needs_second_factor(reader, &owner)?;
    Ok(Ok(Good { key, grants, lacks_second_factor }))
}

/// What is wrong with a key.
fn trouble(
    key: &ApiKey,
    token: &TokenHash,
    owner: Option<&Account>,
    now: Timestamp,
    origin: &Origin,
) -> Option<&'static str> {
    let is_current = key.token == *token;
    let is_previous = key.previous.is_some_and(|previous| previous.token == *token && previous.until > now);
    if key.revoked_at.is_some() {
        Some("it was revoked")
    } else if key.expires_at.is_some_and(|end| end <= now) {
        Some("it has ended")
    } else if !is_current && !is_previous {
        Some("it was renewed, and the time for the change is over")
    } else if !is_from_there(key, origin) {
        Some("it is not meant for this address")
    } else {
        match owner {
            None => Some("its owner is gone"),
            Some(owner) if !owner.is_active => Some("its owner is disabled"),
            Some(_) => None,
        }
    }
}

fn is_from_there(key: &ApiKey, origin: &Origin) -> bool {
    key.addresses.is_empty()
        || origin.address.is_some_and(|address| key.addresses.iter().any(|net| net.contains(address)))
}

fn is_noted(key: &ApiKey, now: Timestamp) -> bool {
    key.used_at.is_some_and(|at| now.since(at) < NOTE_USE_EVERY)
}

fn holder(Good { key, grants, lacks_second_factor }: Good, origin: Origin) -> KeyHolder {
    KeyHolder {
        caller: Caller {
            actor: Actor::new(Who::ApiKey(key.id), key.name).from(origin),
            grants,
            account: Some(key.owner),
            session: None,
            lacks_second_factor,
        },
        requests: key.per_minute.map(|per_minute| Limit::REQUESTS_BY_API_KEY.of(per_minute)),
    }
}
