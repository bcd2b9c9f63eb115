//! The catalogue: every table of the data file. Keys sort the way we list: parent first.

use uuid::Uuid;

use super::SortText;
use super::rows::{FeedEntry, Follower, Mirrored, Setting, Told};
use super::table::tables;
use crate::base::Timestamp;
use crate::model;
use crate::model::{
    Account, AccountId, ApiKey, AuditCheckpoint, AuditEvent, Delivery, DeliveryId, Event, EventId, HistoryEntry, Job,
    JobId, Kind, Lockout, Mail, Missing, ObjectKey, OneTimeToken, Panel, PanelId, Preferences, RemoteId, RemovalStop,
    Role, SavedSearch, Schedule, ScheduleId, Session, SettingChange, SettingValue, SyncRequest, SyncRun, TokenHash,
    Webhook, WebhookId,
};

/// The layout of the file and what is needed to open it. Raw bytes.
pub(super) const META: &str = "meta";
pub(super) const META_LAYOUT: &[u8] = b"layout";
pub(super) const META_PROBE: &[u8] = b"probe";
/// Last number of each series. Raw bytes.
pub(super) const SERIES: &str = "series";
/// What counters stand at. Raw bytes.
pub const COUNTERS: &str = "counters";

/// (panel, the panel's number of the object): the key of every mirrored row.
pub type RowKey = (PanelId, RemoteId);

tables! {
    /// What operators change at run time, by name.
    SETTINGS: Name => Setting = "settings";
    /// Settings with their values, by key.
    SETTING_VALUES: Name => SettingValue = "setting_values";
    /// What settings were before, oldest first.
    SETTING_CHANGES: u64 => SettingChange = "setting_changes";
    /// The same by setting: (key, number).
    SETTING_CHANGES_OF: index (Name, u64) = "setting_changes_of";
    /// Panels by our number.
    PANELS: PanelId => Panel = "panels";

    /// Locations.
    LOCATIONS: RowKey => Mirrored<model::Location> = "locations";
    /// Nodes.
    NODES: RowKey => Mirrored<model::Node> = "nodes";
    /// Allocations.
    ALLOCATIONS: RowKey => Mirrored<model::Allocation> = "allocations";
    /// Nests.
    NESTS: RowKey => Mirrored<model::Nest> = "nests";
    /// Eggs.
    EGGS: RowKey => Mirrored<model::Egg> = "eggs";
    /// Egg variables.
    EGG_VARIABLES: RowKey => Mirrored<model::EggVariable> = "egg_variables";
    /// Users of the panel.
    USERS: RowKey => Mirrored<model::User> = "users";
    /// Servers.
    SERVERS: RowKey => Mirrored<model::Server> = "servers";
    /// Databases of servers.
    DATABASES: RowKey => Mirrored<model::ServerDatabase> = "databases";
    /// Subusers of servers.
    SUBUSERS: RowKey => Mirrored<model::Subuser> = "subusers";

    /// Every object by name: (kind, name, panel, id).
    BY_NAME: index (Kind, SortText, PanelId, RemoteId) = "by_name";
    /// The objects of a panel by name: (panel, kind, name, id).
    BY_PANEL_NAME: index (PanelId, Kind, SortText, RemoteId) = "by_panel_name";
    /// Every object by when the panel made it: (kind, created, panel, id).
    BY_CREATED: index (Kind, Timestamp, PanelId, RemoteId) = "by_created";
    /// Every object by when it last changed here: (kind, changed, panel, id).
    BY_CHANGED: index (Kind, Timestamp, PanelId, RemoteId) = "by_changed";
    /// Servers by state: (state, name, panel, id).
    SERVERS_BY_STATE: index (u8, SortText, PanelId, RemoteId) = "servers_by_state";
    /// Users by e-mail: (e-mail, panel, id).
    USERS_BY_EMAIL: index (SortText, PanelId, RemoteId) = "users_by_email";
    /// Objects by UUID: (UUID, panel, kind, id).
    BY_UUID: index (SortText, PanelId, Kind, RemoteId) = "by_uuid";
    /// Who belongs to whom: (panel, parent's kind, parent's id, child's kind, name of the child, child's id).
    CHILDREN: index (PanelId, Kind, RemoteId, Kind, SortText, RemoteId) = "children";
    /// Which server uses an allocation: (panel, allocation, server).
    ALLOCATION_SERVER: index (PanelId, RemoteId, RemoteId) = "allocation_server";
    /// Allocations by address: (panel, node, assigned, ip as a number, port, id). IPv4 sorts before IPv6.
    ALLOCATIONS_BY_ADDRESS: index (PanelId, RemoteId, u8, u128, u16, RemoteId) = "allocations_by_address";
    /// The same without regard to assignment: (panel, node, ip as a number, port, id).
    ALLOCATIONS_BY_NODE: index (PanelId, RemoteId, u128, u16, RemoteId) = "allocations_by_node";

    /// Objects that the last listing lacked.
    MISSING: ObjectKey => Missing = "missing";
    /// History, oldest first.
    HISTORY: u64 => HistoryEntry = "history";
    /// History of one object: (object, number).
    HISTORY_OF: index (ObjectKey, u64) = "history_of";
    /// History of one sync: (sync, number).
    HISTORY_BY_SYNC: index (Uuid, u64) = "history_by_sync";

    /// Syncs, oldest first.
    SYNCS: Uuid => SyncRun = "syncs";
    /// Syncs of a panel: (panel, sync).
    SYNCS_BY_PANEL: index (PanelId, Uuid) = "syncs_by_panel";
    /// The requests of a sync, as they were sent: (sync, number).
    SYNC_REQUESTS: (Uuid, u32) => SyncRequest = "sync_requests";
    /// Removals that wait for a person, or did.
    REMOVAL_STOPS: Uuid => RemovalStop = "removal_stops";

    /// People.
    ACCOUNTS: AccountId => Account = "accounts";
    /// People by e-mail address.
    ACCOUNTS_BY_EMAIL: index (SortText, AccountId) = "accounts_by_email";
    /// People by what they are called.
    ACCOUNTS_BY_NAME: index (SortText, AccountId) = "accounts_by_name";
    /// People by when they last signed in; those who never did come first.
    ACCOUNTS_BY_LOGIN: index (Timestamp, AccountId) = "accounts_by_login";
    /// People by role: (role, person).
    ACCOUNTS_BY_ROLE: index (Name, AccountId) = "accounts_by_role";
    /// Unclaimed accounts by the panel's user that they stand for.
    ACCOUNTS_BY_PANEL_USER: index (ObjectKey, AccountId) = "accounts_by_panel_user";
    /// How people want to see things; who chose nothing has no row.
    PREFERENCES: AccountId => Preferences = "preferences";
    /// Roles that were made here, and what was changed of the built-in ones.
    ROLES: Name => Role = "roles";
    /// Who is signed in where.
    SESSIONS: Uuid => Session = "sessions";
    /// Sessions by person: (person, session).
    SESSIONS_BY_ACCOUNT: index (AccountId, Uuid) = "sessions_by_account";
    /// Sessions by the token that is good now.
    SESSION_TOKENS: index (TokenHash, Uuid) = "session_tokens";
    /// Keys for programs.
    API_KEYS: Uuid => ApiKey = "api_keys";
    /// The same by owner: (person, key).
    API_KEYS_BY_OWNER: index (AccountId, Uuid) = "api_keys_by_owner";
    /// Keys by the text that is good now, and by the one before it.
    API_KEY_TOKENS: index (TokenHash, Uuid) = "api_key_tokens";
    /// Links that were sent by mail or shown on the console.
    ONE_TIME_TOKENS: TokenHash => OneTimeToken = "one_time_tokens";
    /// The same by person: (person, token). Those for nobody in particular stand under the id of zeros.
    ONE_TIME_TOKENS_OF: index (AccountId, TokenHash) = "one_time_tokens_of";
    /// Searches that people kept: (person, search), oldest first.
    SEARCHES: (AccountId, Uuid) => SavedSearch = "searches";
    /// Wrong passwords, by hash of the e-mail address.
    LOCKOUTS: TokenHash => Lockout = "lockouts";
    /// Mails, oldest first.
    MAILS: u64 => Mail = "mails";
    /// Mails by state: (state, number).
    MAILS_BY_STATE: index (u8, u64) = "mails_by_state";

    /// Jobs, oldest first.
    JOBS: JobId => Job = "jobs";
    /// Jobs by kind: (number of the kind, state, job).
    JOBS_OF: index (u16, u8, JobId) = "jobs_of";
    /// Jobs that wait: (number of the kind, when they may run, job).
    JOBS_DUE: index (u16, Timestamp, JobId) = "jobs_due";
    /// Jobs that are not over and the only ones of their name: (name, job).
    JOBS_UNIQUE: index (Name, JobId) = "jobs_unique";
    /// What is done again and again.
    SCHEDULES: ScheduleId => Schedule = "schedules";

    /// What happened and was told, oldest first.
    EVENTS: EventId => Event = "events";
    /// Events by name: (number of the name, event).
    EVENTS_BY_NAME: index (u16, EventId) = "events_by_name";
    /// Who wants to hear of events.
    WEBHOOKS: WebhookId => Webhook = "webhooks";
    /// Events on their way, oldest first.
    DELIVERIES: DeliveryId => Delivery = "deliveries";
    /// Deliveries of a webhook: (webhook, state, delivery).
    DELIVERIES_OF: index (WebhookId, u8, DeliveryId) = "deliveries_of";
    /// Deliveries that wait: (webhook, when they are tried, delivery).
    DELIVERIES_DUE: index (WebhookId, Timestamp, DeliveryId) = "deliveries_due";
    /// Deliveries of an event: (event, delivery).
    DELIVERIES_OF_EVENT: index (EventId, DeliveryId) = "deliveries_of_event";

    /// What was told of certificates and keys whose time is nearly over, by what it is and when it ends.
    TOLD: Name => Told = "told";

    /// The audit trail, oldest first.
    AUDIT: u64 => AuditEvent = "audit";
    /// Audit events by time: (time, number).
    AUDIT_BY_TIME: index (Timestamp, u64) = "audit_by_time";
    /// Audit events by who: (actor as `kind/id`, time, number).
    AUDIT_BY_ACTOR: index (SortText, Timestamp, u64) = "audit_by_actor";
    /// Audit events by action: (number of the action, time, number).
    AUDIT_BY_ACTION: index (u16, Timestamp, u64) = "audit_by_action";
    /// Audit events by what was done to: (`kind/id`, time, number).
    AUDIT_BY_TARGET: index (SortText, Timestamp, u64) = "audit_by_target";
    /// Signed notes of what the trail looked like, by number of the newest event then.
    AUDIT_CHECKPOINTS: u64 => AuditCheckpoint = "audit_checkpoints";

    /// What changed, oldest first; see `domain::feed`.
    FEED: u64 => FeedEntry = "feed";
    /// How far those that follow the feed have come, by name.
    FOLLOWERS: Name => Follower = "followers";
}

/// Names that were live once. They stay here so nobody uses them again with another meaning.
pub const RETIRED: &[&str] = &[];

/// A short name as a key, such as that of a setting.
pub type Name = SortText;

/// What [`super::Counter::what`] means.
pub mod counted {
    /// Objects of a kind; `of` = the kind.
    pub const KIND: u8 = 1;
    /// Servers in a state; `of` = the state.
    pub const SERVER_STATE: u8 = 2;
    /// Assigned allocations of a panel; `of` = 0.
    pub const ASSIGNED: u8 = 3;
    /// Servers of a node.
    pub const NODE_SERVERS: u8 = 4;
    /// Allocations of a node.
    pub const NODE_ALLOCATIONS: u8 = 5;
    /// Assigned allocations of a node.
    pub const NODE_ASSIGNED: u8 = 6;
    /// Servers of an egg.
    pub const EGG_SERVERS: u8 = 7;
    /// Eggs of a nest.
    pub const NEST_EGGS: u8 = 8;
    /// Servers of a nest.
    pub const NEST_SERVERS: u8 = 9;
    /// Nodes of a location.
    pub const LOCATION_NODES: u8 = 10;
    /// Servers that a user owns.
    pub const USER_SERVERS: u8 = 11;
    /// Administrators of a panel; `of` = 0.
    pub const ADMINS: u8 = 12;
    /// Waiting entries of the drift report; `of` = 0.
    pub const MISSING: u8 = 13;
    /// Accounts; panel 0, `of` = 0.
    pub const ACCOUNTS: u8 = 14;
    /// Accounts that ever signed in; panel 0, `of` = 0.
    pub const ACCOUNTS_SEEN: u8 = 15;
    /// Accounts that may sign in; panel 0, `of` = 0.
    pub const ACCOUNTS_ACTIVE: u8 = 16;
    /// Accounts that somebody has taken into use; panel 0, `of` = 0.
    pub const ACCOUNTS_CLAIMED: u8 = 17;
    /// Sessions of an account; panel 0, `of` = the last 8 bytes of its id.
    pub const SESSIONS: u8 = 18;
    /// Accounts with a role; panel 0, `of` = the first 8 bytes of the SHA-256 of its name.
    pub const ROLE_HOLDERS: u8 = 19;
    /// Jobs of a kind in a state; panel 0, `of` = the kind's number times 256, plus that of the state.
    pub const JOBS: u8 = 20;
    /// Mails in a state; panel 0, `of` = the state.
    pub const MAILS: u8 = 21;
    /// Deliveries of a webhook, this plus the number of their state; panel 0, `of` = the last 8 bytes of the webhook's id.
    pub const DELIVERIES: u8 = 30;
}
