//! What is told of each event: the `data` of webhooks. Names and types are a contract with programs outside.

use std::collections::BTreeMap;

use aviary_kernel::base::Timestamp;
use aviary_kernel::model::{
    EventName, FieldChange, HistoryEntry, Job, JobId, Kind, Operation, PanelId, RemoteId, RemovalStop, Schedule,
    ScheduleId, SyncId, SyncRun, WebhookId,
};
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

/// Words by name, as another program sends them.
pub type Texts = BTreeMap<String, String>;

/// A value of a changed field is told up to so many characters; the rest stands in the history.
const LONGEST_VALUE: usize = 1000;

/// Of a sync. What another program says about one of its own may lack anything.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SyncFacts {
    /// Its id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sync: Option<SyncId>,
    /// The panel.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub panel: Option<PanelId>,
    /// What people call the panel.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub panel_name: Option<String>,
    /// `full`, or what was asked for: `nodes, servers`.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub what: Option<String>,
    /// Who or what asked for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requested_by: Option<String>,
    /// Seconds it took.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration: Option<f64>,
    /// Objects that are new.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created: Option<u64>,
    /// Objects that differed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub updated: Option<u64>,
    /// Objects that are gone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub removed: Option<u64>,
    /// Objects that were the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unchanged: Option<u64>,
    /// Objects that could not be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failed: Option<u64>,
    /// What went wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// What else another program said.
    #[serde(flatten)]
    pub other: Texts,
}

impl SyncFacts {
    /// Of one of ours.
    pub fn of(run: &SyncRun, panel_name: &str) -> Self {
        let totals = run.totals();
        let what = if run.is_full() {
            "full".to_owned()
        } else {
            run.targets.iter().map(|target| target.name()).collect::<Vec<_>>().join(", ")
        };
        let took = run.started_at.zip(run.finished_at).map(|(began, ended)| ended.since(began));
        let is_over = run.status.is_over();
        let counted = |count: u64| is_over.then_some(count);
        Self {
            sync: Some(run.id),
            panel: Some(run.panel),
            panel_name: Some(panel_name.to_owned()).filter(|name| !name.is_empty()),
            what: Some(what),
            requested_by: Some(run.requested_by.clone()),
            duration: took.map(|took| took.as_secs_f64()),
            created: counted(totals.created),
            updated: counted(totals.updated),
            removed: counted(totals.removed),
            unchanged: counted(totals.unchanged),
            failed: counted(totals.failed),
            error: None,
            other: Texts::new(),
        }
    }

    /// With what went wrong.
    #[must_use]
    pub fn failed(self, error: impl Into<String>) -> Self {
        Self { error: Some(error.into()), ..self }
    }
}

/// Of things that do not fit together.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DriftFacts {
    /// The panel.
    pub panel: PanelId,
    /// What people call it.
    pub panel_name: String,
    /// How many findings there are.
    pub findings: u64,
    /// How many there were after the sync before.
    pub before: u64,
    /// How many there are of each kind.
    pub totals: BTreeMap<String, u64>,
}

/// Of a removal that waits for a person.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RemovalFacts {
    /// The sync that stopped; a decision names it.
    pub sync: SyncId,
    /// The panel.
    pub panel: PanelId,
    /// What people call it.
    pub panel_name: String,
    /// What would go, by kind.
    pub removals: Vec<PlannedRemoval>,
}

/// How many of a kind would go.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PlannedRemoval {
    /// The kind.
    pub kind: &'static str,
    /// So many would go …
    pub count: u64,
    /// … of so many.
    pub held: u64,
}

impl RemovalFacts {
    /// Of a stop.
    pub fn of(stop: &RemovalStop, panel_name: &str) -> Self {
        let planned = stop.removals.iter().map(|removal| PlannedRemoval {
            kind: removal.kind.plural(),
            count: removal.ids.len() as u64,
            held: removal.held,
        });
        Self { sync: stop.sync, panel: stop.panel, panel_name: panel_name.to_owned(), removals: planned.collect() }
    }
}

/// Of many refusals in a short time.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BurstFacts {
    /// What it is about: `address` when all came from one, else the kind of what they were aimed at.
    pub kind: String,
    /// Which.
    pub id: String,
    /// The same for people.
    pub name: String,
    /// How many there were.
    pub events: u64,
    /// In so many seconds.
    pub within_s: u64,
}

/// Of somebody who registered. What another program says about its own people may hold more.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RegisteredFacts {
    /// The account.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<Uuid>,
    /// What they are called.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// Their address, not proved yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// What else another program said.
    #[serde(flatten)]
    pub other: Texts,
}

/// Of changed settings.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SettingsFacts {
    /// Who changed them.
    pub by: String,
    /// What was changed.
    pub changes: Vec<SettingFact>,
}

/// Of a setting that was changed.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SettingFact {
    /// The key.
    pub key: String,
    /// The same for people.
    pub label: String,
    /// Before, secrets masked; none = it was not set.
    pub old: Option<String>,
    /// After, secrets masked; none = it is not set.
    pub new: Option<String>,
}

/// Of a job that failed for good.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct JobFacts {
    /// The job.
    pub job: JobId,
    /// What it does, such as `mail.send`.
    pub kind: &'static str,
    /// Tries that were made.
    pub attempts: u32,
    /// What went wrong last.
    pub error: String,
    /// The schedule it came from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schedule: Option<ScheduleId>,
}

impl JobFacts {
    /// Of a job.
    pub fn of(job: &Job) -> Self {
        let error = job.faults.last().map_or_else(|| "it failed".to_owned(), |fault| fault.what.clone());
        Self { job: job.id, kind: job.kind.name(), attempts: job.attempts, error, schedule: job.schedule }
    }
}

/// Of something scheduled that did not run.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ScheduleFacts {
    /// The schedule.
    pub schedule: ScheduleId,
    /// What people call it.
    pub name: String,
    /// What it does, such as `backup`.
    pub work: &'static str,
    /// When it was due.
    pub due_at: Timestamp,
    /// Why it did not run.
    pub why: String,
    /// How many times it was due since, this one included.
    pub missed: u64,
}

impl ScheduleFacts {
    /// Of a schedule.
    pub fn of(schedule: &Schedule, id: ScheduleId, due_at: Timestamp, missed: u64, why: impl Into<String>) -> Self {
        let (name, work) = (schedule.name.clone(), schedule.work.word());
        Self { schedule: id, name, work, due_at, why: why.into(), missed }
    }
}

/// Of a panel that does not answer, or does again.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PanelFacts {
    /// The panel.
    pub panel: PanelId,
    /// What people call it.
    pub panel_name: String,
    /// What is wrong and what to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trouble: Option<String>,
}

/// Of a certificate that is nearly past its time.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CertificateFacts {
    /// Where it is shown, such as `panel.example.com`.
    pub host: String,
    /// The panel behind it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub panel: Option<PanelId>,
    /// When it ends.
    pub expires_at: Timestamp,
    /// Whole days until then; 0 when it is over.
    pub days: u64,
}

/// Of a key or token that is nearly past its time.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct KeyFacts {
    /// What it is, such as `API key`.
    pub kind: String,
    /// Which.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// Whose it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// When it ends.
    pub expires_at: Timestamp,
    /// Whole days until then; 0 when it is over.
    pub days: u64,
}

/// Of the data file.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StoreFacts {
    /// Why it takes, or took, no writes.
    pub why: String,
    /// Since when.
    pub since: Timestamp,
}

/// Of a webhook that was turned off.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct WebhookFacts {
    /// The webhook.
    pub webhook: WebhookId,
    /// What people call it.
    pub name: String,
    /// Why.
    pub why: String,
    /// Deliveries that waited and were dropped; they can be asked for again.
    pub dropped: u64,
}

/// Of a mail that was refused or came back.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MailFacts {
    /// The number of the mail.
    pub mail: u64,
    /// To whom.
    pub to: String,
    /// What it is, such as `reset-password`.
    pub kind: String,
    /// What the mail service said.
    pub why: String,
}

/// Of a support ticket of another program.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TicketFacts {
    /// What it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// Who asks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// How urgent it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub priority: Option<String>,
    /// What else the program said.
    #[serde(flatten)]
    pub other: Texts,
}

/// Of something that another program wants told.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NoticeFacts {
    /// What the program calls it.
    pub event: String,
    /// What it says.
    pub data: Texts,
}

/// Of a try whether a webhook works.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TestFacts {
    /// The webhook.
    pub webhook: WebhookId,
    /// What people call it.
    pub name: String,
    /// Who tries.
    pub by: String,
}

/// What happened to a mirrored object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum What {
    /// It is new.
    Created,
    /// Fields of it changed.
    Updated,
    /// It is gone.
    Removed,
    /// A server was suspended.
    Suspended,
    /// A server is no longer suspended.
    Unsuspended,
}

impl What {
    /// The event that this is for an object of a kind.
    pub fn event(self, kind: Kind) -> EventName {
        use EventName as E;
        let [created, updated, removed] = match kind {
            Kind::Location => [E::LocationCreated, E::LocationUpdated, E::LocationRemoved],
            Kind::Node => [E::NodeCreated, E::NodeUpdated, E::NodeRemoved],
            Kind::Allocation => [E::AllocationCreated, E::AllocationUpdated, E::AllocationRemoved],
            Kind::Nest => [E::NestCreated, E::NestUpdated, E::NestRemoved],
            Kind::Egg => [E::EggCreated, E::EggUpdated, E::EggRemoved],
            Kind::EggVariable => [E::EggVariableCreated, E::EggVariableUpdated, E::EggVariableRemoved],
            Kind::User => [E::UserCreated, E::UserUpdated, E::UserRemoved],
            Kind::Server => [E::ServerCreated, E::ServerUpdated, E::ServerRemoved],
            Kind::Database => [E::DatabaseCreated, E::DatabaseUpdated, E::DatabaseRemoved],
            Kind::Subuser => [E::SubuserCreated, E::SubuserUpdated, E::SubuserRemoved],
        };
        match self {
            Self::Created => created,
            Self::Removed => removed,
            Self::Suspended if kind == Kind::Server => E::ServerSuspended,
            Self::Unsuspended if kind == Kind::Server => E::ServerUnsuspended,
            Self::Updated | Self::Suspended | Self::Unsuspended => updated,
        }
    }
}

impl From<Operation> for What {
    fn from(operation: Operation) -> Self {
        match operation {
            Operation::Created => Self::Created,
            Operation::Changed => Self::Updated,
            Operation::Removed => Self::Removed,
        }
    }
}

/// Of a mirrored object. What another program says about one may lack anything.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ObjectFacts {
    /// The kind.
    pub kind: Kind,
    /// What happened to it.
    pub operation: What,
    /// The panel.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub panel: Option<PanelId>,
    /// The panel's number of the object.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<RemoteId>,
    /// The object's UUID, where its kind has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uuid: Option<String>,
    /// What it is called.
    pub name: String,
    /// Of a server: what its owner is called.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// Of a server: the panel's number of its owner.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner_id: Option<RemoteId>,
    /// Why, where another program says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The sync that saw it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sync: Option<SyncId>,
    /// Fields that were set, changed or lost; hidden values are masked.
    pub changes: Vec<Changed>,
    /// What else another program said.
    #[serde(flatten)]
    pub other: Texts,
}

/// A field that changed.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Changed {
    /// The path, such as `limits.memory`.
    pub field: String,
    /// Before; null = there was no such field.
    pub old: Value,
    /// After; null = there is no such field any more.
    pub new: Value,
}

impl From<&FieldChange> for Changed {
    fn from(change: &FieldChange) -> Self {
        let value = |text: &Option<aviary_kernel::model::JsonText>| {
            text.as_ref().map_or(Value::Null, |text| shortened(text.value()))
        };
        Self { field: change.field.clone(), old: value(&change.old), new: value(&change.new) }
    }
}

/// Scripts of eggs and the like would make events as large as the panel.
fn shortened(value: Value) -> Value {
    let cut = |text: &str| text.chars().take(LONGEST_VALUE).chain(['…']).collect::<String>();
    match value {
        Value::String(text) if text.chars().count() > LONGEST_VALUE => Value::String(cut(&text)),
        Value::Array(_) | Value::Object(_) => {
            let text = value.to_string();
            if text.chars().count() > LONGEST_VALUE { Value::String(cut(&text)) } else { value }
        }
        value => value,
    }
}

impl ObjectFacts {
    /// What happened to an object, by its history.
    pub fn of(entry: &HistoryEntry, operation: What, uuid: Option<&str>) -> Self {
        Self {
            kind: entry.object.kind,
            operation,
            panel: Some(entry.object.panel),
            id: Some(entry.object.id),
            uuid: uuid.filter(|uuid| !uuid.is_empty()).map(str::to_owned),
            name: entry.label.clone(),
            owner: None,
            owner_id: None,
            reason: None,
            sync: Some(entry.sync),
            changes: entry.fields.iter().map(Changed::from).collect(),
            other: Texts::new(),
        }
    }

    /// With the owner of a server: the panel's number of them, and what they are called.
    #[must_use]
    pub fn owned_by(self, owner: RemoteId, name: Option<String>) -> Self {
        Self { owner: name, owner_id: Some(owner), ..self }
    }
}
