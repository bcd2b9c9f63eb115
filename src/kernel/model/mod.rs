//! Plain records: what the product knows, without how it is stored, fetched or shown.

mod account;
mod actor;
mod audit;
mod event;
mod job;
mod mail;
mod mirror;
mod panel;
mod permission;
mod preferences;
mod scalar;
mod schedule;
mod search;
mod setting;
mod sync;
mod webhook;

/// A closed set that is a number on disk and a name in JSON.
macro_rules! by_number {
    ($name:ident, $what:literal) => {
        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                if serializer.is_human_readable() {
                    serializer.serialize_str(self.name())
                } else {
                    serializer.serialize_u16(self.number())
                }
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                use serde::de::Error as _;
                if deserializer.is_human_readable() {
                    return <String as serde::Deserialize>::deserialize(deserializer)?
                        .parse()
                        .map_err(D::Error::custom);
                }
                let number = <u16 as serde::Deserialize>::deserialize(deserializer)?;
                Self::from_number(number)
                    .ok_or_else(|| D::Error::custom(format!(concat!($what, " {} is unknown to this release"), number)))
            }
        }
    };
}
use by_number;

pub use account::{
    Account, AccountId, AccountSource, ApiKey, Email, Lockout, OneTimeToken, PreviousKey, Profile, Purpose, Role,
    SecondFactor, Session, SessionKind, TokenHash,
};
pub use actor::{Actor, Origin, Who};
pub use audit::{Action, AuditChange, AuditCheckpoint, AuditEvent, AuditTarget, Outcome, Went};
pub use event::{Event, EventId, EventName, EventPattern, Weight};
pub use job::{DEAD_FOR, JOB_DAYS, Job, JobFault, JobId, JobKind, JobRules, JobState, Queue};
pub use mail::{Letter, Mail, MailAttempt, MailContent, MailState, MailTaken};
pub use mirror::{
    Allocation, Egg, EggConfig, EggScript, EggVariable, FeatureLimits, Kind, Limits, Location, Nest, Node, ObjectKey,
    RemoteId, Resources, Server, ServerDatabase, ServerState, ServerVariable, Subuser, User,
};
pub use panel::{Dialect, Panel, PanelId, Reach};
pub use permission::{Grant, Grants, Permission};
pub use preferences::{Density, Preferences, Theme, Units};
pub use scalar::{HiddenText, JsonText, Pairs, Scalar};
pub use schedule::{MissedRuns, Overlap, RunOutcome, Schedule, ScheduleId, ScheduleRun, ScheduledWork, When};
pub use search::SavedSearch;
pub use setting::{SettingChange, SettingValue, StoredValue};
pub use sync::{
    Counts, Drift, DriftKind, FieldChange, HistoryEntry, Missing, Operation, Removal, RemovalState, RemovalStop,
    StepReport, StepState, SyncId, SyncIssue, SyncRequest, SyncRun, SyncStatus, Target,
};
pub use webhook::{
    Delivery, DeliveryAttempt, DeliveryId, DeliveryState, HookScope, HookTarget, HookTopic, Webhook, WebhookId,
};
