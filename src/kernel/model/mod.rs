//! Plain records: what the product knows, without how it is stored, fetched or shown.

mod account;
mod actor;
mod audit;
mod mirror;
mod panel;
mod permission;
mod scalar;
mod setting;
mod sync;

pub use account::{
    Account, AccountId, AccountSource, ApiKey, Email, Letter, Lockout, Mail, OneTimeToken, PreviousKey, Profile,
    Purpose, Role, SecondFactor, Session, SessionKind, TokenHash,
};
pub use actor::{Actor, Origin, Who};
pub use audit::{Action, AuditChange, AuditCheckpoint, AuditEvent, AuditTarget, Outcome, Went};
pub use mirror::{
    Allocation, Egg, EggConfig, EggScript, EggVariable, FeatureLimits, Kind, Limits, Location, Nest, Node, ObjectKey,
    RemoteId, Resources, Server, ServerDatabase, ServerState, ServerVariable, Subuser, User,
};
pub use panel::{Dialect, Panel, PanelId, Reach};
pub use permission::{Grant, Grants, Permission};
pub use scalar::{HiddenText, JsonText, Pairs, Scalar};
pub use setting::{SettingChange, SettingValue, StoredValue};
pub use sync::{
    Counts, Drift, DriftKind, FieldChange, HistoryEntry, Missing, Operation, Removal, RemovalState, RemovalStop,
    StepReport, StepState, SyncId, SyncIssue, SyncRun, SyncStatus, Target,
};
