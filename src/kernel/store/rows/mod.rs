//! What each stored record is called, when it changes shape, and which index keys and counters follow from it.

mod work;

use std::net::IpAddr;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::tables::{self, Name, RowKey, counted};
use super::{Counter, Entries, Record, Row, SortText};
use crate::base::Timestamp;
use crate::model::{
    Account, AccountId, AccountSource, Allocation, ApiKey, AuditCheckpoint, AuditEvent, Egg, EggVariable, HistoryEntry,
    Kind, Location, Lockout, Missing, Nest, Node, ObjectKey, OneTimeToken, Panel, PanelId, Preferences, RemoteId,
    RemovalStop, Role, SavedSearch, Scalar, ScheduleId, Server, ServerDatabase, Session, SettingChange, SettingValue,
    Subuser, SyncRequest, SyncRun, TokenHash, User, WebhookId,
};

pub use work::Told;

/// A mirrored object, with what we know about it beyond the panel's own fields.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Mirrored<T> {
    /// The panel's fields.
    pub data: T,
    /// A keyed hash of the panel's fields as they came: equal hashes mean that nothing changed.
    pub hash: [u8; 16],
    /// When we first saw it.
    pub first_seen: Timestamp,
    /// When we last saw it change.
    pub changed_at: Timestamp,
}

/// What the product reads and writes for each kind of mirrored object.
pub trait Mirror: Serialize + DeserializeOwned + Clone + Send + Sync + std::fmt::Debug + 'static {
    /// The kind.
    const KIND: Kind;

    /// Where it is stored.
    fn table() -> super::Table<RowKey, Mirrored<Self>>
    where
        Self: Sized;

    /// The panel's number.
    fn id(&self) -> RemoteId;

    /// What people call it.
    fn label(&self) -> String;

    /// When the panel made it.
    fn created(&self) -> Option<Timestamp>;

    /// What it belongs to, as (kind, id).
    fn parents(&self) -> Vec<(Kind, RemoteId)>;

    /// The UUID, where there is one.
    fn uuid(&self) -> Option<&str> {
        None
    }

    /// Visits every value that may be hidden.
    fn hidden(&mut self, visit: &mut dyn FnMut(&mut Scalar)) {
        let _ = visit;
    }

    /// What its hidden values are sealed for.
    fn place(panel: PanelId, id: RemoteId) -> String {
        format!("{}/{panel}/{id}", Self::KIND.plural())
    }

    /// Whether objects are looked up by name; allocations are not, they have an address.
    const NAMED: bool = true;

    /// Index keys and counters that only this kind has.
    fn special(&self, panel: PanelId, out: &mut Entries) {
        let _ = (panel, out);
    }
}

impl<T: Mirror> Record for Mirrored<T> {}

impl<T: Mirror> Row<RowKey> for Mirrored<T> {
    fn entries(&self, &(panel, id): &RowKey, out: &mut Entries) {
        if T::NAMED {
            self.name_entries(panel, id, out);
        }
        if let Some(uuid) = self.data.uuid() {
            out.index(tables::BY_UUID, &(SortText::new(uuid), panel, T::KIND, id));
        }
        out.count(Counter { what: counted::KIND, panel, of: u64::from(T::KIND.number()) });
        self.data.special(panel, out);
    }
}

impl<T: Mirror> Mirrored<T> {
    fn name_entries(&self, panel: PanelId, id: RemoteId, out: &mut Entries) {
        let name = SortText::new(&self.data.label());
        out.index(tables::BY_NAME, &(T::KIND, name.clone(), panel, id));
        out.index(tables::BY_PANEL_NAME, &(panel, T::KIND, name.clone(), id));
        out.index(tables::BY_CREATED, &(T::KIND, self.data.created().unwrap_or_default(), panel, id));
        out.index(tables::BY_CHANGED, &(T::KIND, self.changed_at, panel, id));
        for (kind, parent) in self.data.parents() {
            out.index(tables::CHILDREN, &(panel, kind, parent, T::KIND, name.clone(), id));
        }
    }
}

fn count(out: &mut Entries, what: u8, panel: PanelId, of: RemoteId) {
    out.count(Counter { what, panel, of });
}

macro_rules! mirror {
    ($type:ty, $kind:ident, $table:ident, |$it:ident| $label:expr, created: $created:expr, parents: $parents:expr $(, $($more:tt)*)?) => {
        impl Mirror for $type {
            const KIND: Kind = Kind::$kind;

            fn table() -> super::Table<RowKey, Mirrored<Self>> {
                tables::$table
            }

            fn id(&self) -> RemoteId {
                self.id
            }

            fn label(&self) -> String {
                let $it = self;
                let _ = $it;
                $label
            }

            fn created(&self) -> Option<Timestamp> {
                let $it = self;
                let _ = $it;
                $created
            }

            fn parents(&self) -> Vec<(Kind, RemoteId)> {
                let $it = self;
                let _ = $it;
                $parents
            }

            $($($more)*)?
        }
    };
}

mirror!(Location, Location, LOCATIONS, |it| it.short.clone(), created: it.created_at, parents: vec![]);
mirror!(Nest, Nest, NESTS, |it| it.name.clone(), created: it.created_at, parents: vec![],
    fn uuid(&self) -> Option<&str> { Some(&self.uuid) });
mirror!(Node, Node, NODES, |it| it.name.clone(), created: it.created_at,
parents: it.location_id.map(|id| (Kind::Location, id)).into_iter().collect(),
fn uuid(&self) -> Option<&str> { Some(&self.uuid) }
fn special(&self, panel: PanelId, out: &mut Entries) {
    if let Some(location) = self.location_id {
        count(out, counted::LOCATION_NODES, panel, location);
    }
});
mirror!(Allocation, Allocation, ALLOCATIONS, |it| address(&it.ip, it.port), created: None,
parents: vec![(Kind::Node, it.node_id)],
const NAMED: bool = false;
fn special(&self, panel: PanelId, out: &mut Entries) {
    let ip = ip_number(&self.ip);
    let taken = u8::from(self.assigned);
    out.index(tables::ALLOCATIONS_BY_ADDRESS, &(panel, self.node_id, taken, ip, self.port, self.id));
    out.index(tables::ALLOCATIONS_BY_NODE, &(panel, self.node_id, ip, self.port, self.id));
    count(out, counted::NODE_ALLOCATIONS, panel, self.node_id);
    if self.assigned {
        count(out, counted::NODE_ASSIGNED, panel, self.node_id);
        count(out, counted::ASSIGNED, panel, 0);
    }
});
mirror!(Egg, Egg, EGGS, |it| it.name.clone(), created: it.created_at,
parents: it.nest_id.map(|id| (Kind::Nest, id)).into_iter().collect(),
fn uuid(&self) -> Option<&str> { Some(&self.uuid) }
fn special(&self, panel: PanelId, out: &mut Entries) {
    if let Some(nest) = self.nest_id {
        count(out, counted::NEST_EGGS, panel, nest);
    }
});
mirror!(EggVariable, EggVariable, EGG_VARIABLES, |it| it.env_variable.clone(), created: it.created_at,
parents: vec![(Kind::Egg, it.egg_id)],
fn hidden(&mut self, visit: &mut dyn FnMut(&mut Scalar)) {
    visit(&mut self.default_value);
});
mirror!(User, User, USERS, |it| it.username.clone(), created: it.created_at, parents: vec![],
fn uuid(&self) -> Option<&str> { Some(&self.uuid) }
fn special(&self, panel: PanelId, out: &mut Entries) {
    out.index(tables::USERS_BY_EMAIL, &(SortText::new(&self.email), panel, self.id));
    if self.root_admin {
        count(out, counted::ADMINS, panel, 0);
    }
});
mirror!(Server, Server, SERVERS, |it| it.name.clone(), created: it.created_at,
parents: server_parents(it),
fn uuid(&self) -> Option<&str> { Some(&self.uuid) }
fn special(&self, panel: PanelId, out: &mut Entries) {
    let state = self.state() as u8;
    out.index(tables::SERVERS_BY_STATE, &(state, SortText::new(&self.name), panel, self.id));
    count(out, counted::SERVER_STATE, panel, u64::from(state));
    count(out, counted::NODE_SERVERS, panel, self.node_id);
    count(out, counted::EGG_SERVERS, panel, self.egg_id);
    count(out, counted::USER_SERVERS, panel, self.user_id);
    if let Some(nest) = self.nest_id {
        count(out, counted::NEST_SERVERS, panel, nest);
    }
    for allocation in self.allocations.iter().flatten() {
        out.index(tables::ALLOCATION_SERVER, &(panel, *allocation, self.id));
    }
}
fn hidden(&mut self, visit: &mut dyn FnMut(&mut Scalar)) {
    self.environment.0.iter_mut().for_each(|(_, value)| visit(value));
    self.variables.iter_mut().flatten().for_each(|variable| visit(&mut variable.server_value));
});
mirror!(ServerDatabase, Database, DATABASES, |it| it.database.clone(), created: it.created_at,
    parents: vec![(Kind::Server, it.server_id)]);
mirror!(Subuser, Subuser, SUBUSERS, |it| format!("user {} on server {}", it.user_id, it.server_id), created: it.created_at,
    parents: vec![(Kind::Server, it.server_id), (Kind::User, it.user_id)]);

fn server_parents(server: &Server) -> Vec<(Kind, RemoteId)> {
    let mut parents = vec![(Kind::Node, server.node_id), (Kind::Egg, server.egg_id), (Kind::User, server.user_id)];
    parents.extend(server.nest_id.map(|nest| (Kind::Nest, nest)));
    parents
}

/// An address with its port; IPv6 in brackets.
pub fn address(ip: &str, port: u16) -> String {
    if ip.contains(':') { format!("[{ip}]:{port}") } else { format!("{ip}:{port}") }
}

/// An address as a number: IPv4 first, then IPv6, then host names.
fn ip_number(ip: &str) -> u128 {
    match ip.parse() {
        Ok(IpAddr::V4(v4)) => u128::from(u32::from(v4)),
        Ok(IpAddr::V6(v6)) => u128::from(v6).max(1 << 32),
        Err(_) => u128::MAX,
    }
}

/// A setting's value, as JSON text.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Setting(pub String);

impl Record for Setting {}
impl Row<Name> for Setting {}

impl Record for Panel {}
impl Row<PanelId> for Panel {}

impl Record for SyncRun {}
impl Row<Uuid> for SyncRun {
    fn entries(&self, id: &Uuid, out: &mut Entries) {
        out.index(tables::SYNCS_BY_PANEL, &(self.panel, *id));
    }
}

impl Record for SyncRequest {}
impl Row<(Uuid, u32)> for SyncRequest {}

impl Record for RemovalStop {}
impl Row<Uuid> for RemovalStop {}

impl Record for Missing {}
impl Row<ObjectKey> for Missing {
    fn entries(&self, key: &ObjectKey, out: &mut Entries) {
        count(out, counted::MISSING, key.panel, 0);
    }
}

impl Record for HistoryEntry {}
impl Row<u64> for HistoryEntry {
    fn entries(&self, seq: &u64, out: &mut Entries) {
        out.index(tables::HISTORY_OF, &(self.object, *seq));
        out.index(tables::HISTORY_BY_SYNC, &(self.sync, *seq));
    }
}

fn everywhere(what: u8, of: u64) -> Counter {
    Counter { what, panel: PanelId(0), of }
}

impl Record for Account {}
impl Row<AccountId> for Account {
    fn entries(&self, id: &AccountId, out: &mut Entries) {
        out.index(tables::ACCOUNTS_BY_EMAIL, &(SortText::new(self.email.as_str()), *id));
        out.index(tables::ACCOUNTS_BY_NAME, &(SortText::new(&self.username), *id));
        out.index(tables::ACCOUNTS_BY_LOGIN, &(self.last_login_at.unwrap_or_default(), *id));
        for role in &self.roles {
            out.index(tables::ACCOUNTS_BY_ROLE, &(SortText::new(role), *id));
            out.count(Role::holders(role));
        }
        if let (AccountSource::Panel(user), false) = (&self.source, self.is_claimed()) {
            out.index(tables::ACCOUNTS_BY_PANEL_USER, &(*user, *id));
        }
        out.count(everywhere(counted::ACCOUNTS, 0));
        let facts = [
            (counted::ACCOUNTS_SEEN, self.last_login_at.is_some()),
            (counted::ACCOUNTS_ACTIVE, self.is_active),
            (counted::ACCOUNTS_CLAIMED, self.is_claimed()),
        ];
        for (what, _) in facts.into_iter().filter(|(_, holds)| *holds) {
            out.count(everywhere(what, 0));
        }
    }
}

impl AccountId {
    /// The sessions of this account, as a counter.
    pub fn session_counter(self) -> Counter {
        everywhere(counted::SESSIONS, self.0.as_u64_pair().1)
    }
}

impl Role {
    /// The accounts with the role of this name, as a counter.
    pub fn holders(name: &str) -> Counter {
        let hash = ring::digest::digest(&ring::digest::SHA256, name.as_bytes());
        let of = hash.as_ref().first_chunk().map_or(0, |first| u64::from_be_bytes(*first));
        everywhere(counted::ROLE_HOLDERS, of)
    }
}

impl Record for Role {}
impl Row<Name> for Role {}

impl Record for Session {}
impl Row<Uuid> for Session {
    fn entries(&self, id: &Uuid, out: &mut Entries) {
        out.index(tables::SESSIONS_BY_ACCOUNT, &(self.account, *id));
        out.index(tables::SESSION_TOKENS, &(self.token, *id));
        out.count(self.account.session_counter());
    }
}

impl Record for ApiKey {}
impl Row<Uuid> for ApiKey {
    fn entries(&self, id: &Uuid, out: &mut Entries) {
        out.index(tables::API_KEYS_BY_OWNER, &(self.owner, *id));
        out.index(tables::API_KEY_TOKENS, &(self.token, *id));
        if let Some(previous) = &self.previous {
            out.index(tables::API_KEY_TOKENS, &(previous.token, *id));
        }
    }
}

impl Record for SavedSearch {}
impl Row<(AccountId, Uuid)> for SavedSearch {}

impl Record for OneTimeToken {}
impl Row<TokenHash> for OneTimeToken {
    fn entries(&self, hash: &TokenHash, out: &mut Entries) {
        out.index(tables::ONE_TIME_TOKENS_OF, &(self.account.unwrap_or(AccountId(Uuid::nil())), *hash));
    }
}

impl Record for Lockout {}
impl Row<TokenHash> for Lockout {}

impl Record for Preferences {}
impl Row<AccountId> for Preferences {}

impl Record for SettingValue {}
impl Row<Name> for SettingValue {}

impl Record for SettingChange {}
impl Row<u64> for SettingChange {
    fn entries(&self, seq: &u64, out: &mut Entries) {
        out.index(tables::SETTING_CHANGES_OF, &(SortText::new(&self.key), *seq));
    }
}

impl Record for AuditEvent {}
impl Row<u64> for AuditEvent {
    fn entries(&self, seq: &u64, out: &mut Entries) {
        out.index(tables::AUDIT_BY_TIME, &(self.at, *seq));
        out.index(tables::AUDIT_BY_ACTOR, &(SortText::new(&self.actor.who.to_string()), self.at, *seq));
        out.index(tables::AUDIT_BY_ACTION, &(self.action.number(), self.at, *seq));
        if let Some(target) = &self.target {
            out.index(tables::AUDIT_BY_TARGET, &(SortText::new(&target.to_string()), self.at, *seq));
        }
    }
}

impl Record for AuditCheckpoint {}
impl Row<u64> for AuditCheckpoint {}

/// One thing that changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FeedEntry {
    /// When.
    pub at: Timestamp,
    /// What.
    pub change: Change,
}

/// What can change. Numbers are on disk: append only.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Change {
    /// A mirrored object was created, changed or removed.
    Object {
        /// Which one.
        key: ObjectKey,
        /// What happened to it.
        operation: crate::model::Operation,
    },
    /// A panel was added, changed or removed.
    Panel(PanelId),
    /// A sync began, moved to another step, or ended.
    Sync(Uuid),
    /// Removals wait for a person, or were decided.
    RemovalStop(Uuid),
    /// An account was made, changed or removed.
    Account(AccountId),
    /// A role was made, changed or removed.
    Role(String),
    /// An API key was made, changed or taken back.
    ApiKey(Uuid),
    /// A setting was changed.
    Setting(String),
    /// A schedule was made, changed or removed, or ran.
    Schedule(ScheduleId),
    /// A webhook was made, changed, turned off or removed.
    Webhook(WebhookId),
    /// A mail was written, something became of it, or it was forgotten.
    Mail(u64),
    /// A job was asked for, moved on, ended or was forgotten.
    Job(Uuid),
    /// A delivery was asked for, ended or was forgotten.
    Delivery(Uuid),
    /// An event happened or was forgotten.
    Event(Uuid),
}

impl Record for FeedEntry {}
impl Row<u64> for FeedEntry {}

/// How far somebody that follows the feed has come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Follower {
    /// The number of the last entry that was followed.
    pub seq: u64,
    /// Everything is being gone through once, since the feed does not tell enough; where that stands, in bytes of the
    /// follower's own.
    pub sweep: Option<Vec<u8>>,
}

impl Record for Follower {}
impl Row<Name> for Follower {}
