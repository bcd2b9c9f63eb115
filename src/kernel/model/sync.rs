use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Kind, ObjectKey, PanelId, RemoteId};
use crate::base::{Error, Timestamp};

/// Names a run of a sync.
pub type SyncId = Uuid;

/// What a sync is asked to bring up to date.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs, reason = "the names say it")]
pub enum Target {
    Locations,
    Nodes,
    /// Needs the nodes, which are read along.
    Allocations,
    /// Nests, eggs and egg variables.
    Nests,
    Users,
    /// With their allocations and variables.
    Servers,
    Databases,
    Subusers,
}

impl Target {
    /// Every target, in the order in which a sync takes them.
    pub const ALL: [Self; 8] = [
        Self::Locations,
        Self::Nodes,
        Self::Allocations,
        Self::Nests,
        Self::Users,
        Self::Servers,
        Self::Databases,
        Self::Subusers,
    ];

    /// The name, as in `aviary sync --only`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Locations => "locations",
            Self::Nodes => "nodes",
            Self::Allocations => "allocations",
            Self::Nests => "nests",
            Self::Users => "users",
            Self::Servers => "servers",
            Self::Databases => "databases",
            Self::Subusers => "subusers",
        }
    }
}

impl Kind {
    /// What brings this kind up to date.
    pub fn target(self) -> Target {
        match self {
            Self::Location => Target::Locations,
            Self::Node => Target::Nodes,
            Self::Allocation => Target::Allocations,
            Self::Nest | Self::Egg | Self::EggVariable => Target::Nests,
            Self::User => Target::Users,
            Self::Server => Target::Servers,
            Self::Database => Target::Databases,
            Self::Subuser => Target::Subusers,
        }
    }
}

impl FromStr for Target {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        match text {
            "eggs" => Ok(Self::Nests),
            _ => Self::ALL.into_iter().find(|t| t.name() == text).ok_or_else(|| {
                let all = Self::ALL.map(Self::name).join(", ");
                Error::invalid("type", format!("`{text}` cannot be synced; take full or any of {all}"))
            }),
        }
    }
}

/// Where a sync stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SyncStatus {
    /// Asked for, not begun.
    Pending,
    /// At work.
    Running,
    /// Done, all of it.
    Completed,
    /// Some or all scopes could not be read; see the steps. Nothing was removed in those.
    Failed,
    /// Stopped on request.
    Cancelled,
    /// Everything was read and written, but so much would vanish that a person must decide.
    NeedsReview,
}

impl SyncStatus {
    /// Whether nothing more will happen.
    pub fn is_over(self) -> bool {
        !matches!(self, Self::Pending | Self::Running)
    }

    /// The word, as in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::NeedsReview => "needs_review",
        }
    }
}

/// A run of a sync: what was asked, where it stands, what came of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SyncRun {
    /// Sorts by time.
    pub id: SyncId,
    /// The panel.
    pub panel: PanelId,
    /// What was asked for; all targets = full.
    pub targets: Vec<Target>,
    /// Who or what asked.
    pub requested_by: String,
    /// Where it stands.
    pub status: SyncStatus,
    /// One entry a target, in order.
    pub steps: Vec<StepReport>,
    /// What went wrong, worst first, at most 200; more are only counted.
    pub issues: Vec<SyncIssue>,
    /// How many issues there were in all.
    pub issue_count: u64,
    /// Requests sent to the panel.
    pub requests: u64,
    /// Requests a minute that the panel allows, and how many of them were left at the last answer.
    pub budget: Option<(u32, u32)>,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// When work began.
    pub started_at: Option<Timestamp>,
    /// When it was over.
    pub finished_at: Option<Timestamp>,
    /// The latest thing worth saying, one sentence.
    pub message: String,
    /// Milliseconds that the rest will take at the present pace; none = not known yet, or over.
    pub remaining_ms: Option<u64>,
    /// How far it came, 0 to 100; never falls.
    pub progress: u8,
}

impl SyncRun {
    /// Whether everything was asked for.
    pub fn is_full(&self) -> bool {
        self.targets.len() == Target::ALL.len()
    }

    /// The sum over all steps.
    pub fn totals(&self) -> Counts {
        let mut sum = Counts::default();
        for step in &self.steps {
            sum.add(&step.counts);
        }
        sum
    }

    /// How far it is or came, 0 to 100; only what is completed has come to 100.
    pub fn percent(&self) -> u8 {
        match self.status {
            SyncStatus::Completed | SyncStatus::NeedsReview => 100,
            _ => self.progress.min(99),
        }
    }

    /// Works out how far it is from where its steps are. Steps weigh the same; totals that grow never turn it back.
    pub fn note_progress(&mut self) {
        let steps = self.steps.len().max(1) as u64;
        let done: u64 = self.steps.iter().map(StepReport::percent).sum();
        self.progress = self.progress.max(u8::try_from(done / steps).unwrap_or(100));
    }
}

/// Where a step stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "the names say it")]
pub enum StepState {
    Waiting,
    Running,
    Done,
    /// Its scope, or a part of it, could not be read in full; see the issues.
    Failed,
    /// Not in this dialect, or not reached.
    Skipped,
}

/// A step of a sync.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StepReport {
    /// What it brings up to date.
    pub target: Target,
    /// Where it stands.
    pub state: StepState,
    /// What was done.
    pub counts: Counts,
    /// Requests sent to the panel in this step.
    pub requests: u64,
    /// Milliseconds it took.
    pub took_ms: u64,
}

impl StepReport {
    /// How much is done, 0 to 100. What failed is over, but not done.
    pub fn percent(&self) -> u64 {
        match self.state {
            StepState::Waiting => 0,
            StepState::Done | StepState::Skipped => 100,
            StepState::Failed => (self.counts.done * 100).checked_div(self.counts.total).unwrap_or(0).min(99),
            StepState::Running => (self.counts.done * 100).checked_div(self.counts.total).unwrap_or(0).min(99),
        }
    }
}

/// What was done to the rows of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Counts {
    /// Rows that the panel says it has.
    pub total: u64,
    /// Rows read.
    pub done: u64,
    /// Rows that could not be read.
    pub failed: u64,
    /// Rows that are new here.
    pub created: u64,
    /// Rows that differed.
    pub updated: u64,
    /// Rows that are no longer on the panel.
    pub removed: u64,
    /// Rows that were the same; nothing was written for them.
    pub unchanged: u64,
}

impl Counts {
    /// Adds `other` to this.
    pub fn add(&mut self, other: &Counts) {
        self.total += other.total;
        self.done += other.done;
        self.failed += other.failed;
        self.created += other.created;
        self.updated += other.updated;
        self.removed += other.removed;
        self.unchanged += other.unchanged;
    }
}

/// Something that went wrong in a sync, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SyncIssue {
    /// The step.
    pub target: Target,
    /// The request, such as `GET /api/application/servers?page=3`; never with a key.
    pub request: Option<String>,
    /// The page of the list.
    pub page: Option<u32>,
    /// The object, where it is about one.
    pub object: Option<RemoteId>,
    /// The kind of fault in one word, such as `unauthorized` or `timeout`.
    pub code: String,
    /// What happened.
    pub what: String,
    /// What a person should do.
    pub remedy: String,
}

/// A request that a sync sent to its panel, every attempt by itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SyncRequest {
    /// The step that needed it; none = getting to know the panel, or making sure that something is gone.
    pub target: Option<Target>,
    /// Such as `GET /api/application/servers?page=3`; never with a key.
    pub request: String,
    /// 1 for the first time that it was sent, 2 when it had to be sent again.
    pub attempt: u32,
    /// When it was sent.
    pub at: Timestamp,
    /// Milliseconds that it was held back before, so that the panel's request limit holds.
    pub waited_ms: u64,
    /// Milliseconds until the answer was read, or until it was given up.
    pub took_ms: u64,
    /// The status of the answer; none = there was none.
    pub status: Option<u16>,
    /// Whether this status was an answer: that an object is missing is one, where that is what was asked.
    pub taken: bool,
    /// Bytes of the answer.
    pub bytes: u64,
}

impl SyncRequest {
    /// Whether it was not answered, not taken, or had to be sent again.
    pub fn is_trouble(&self) -> bool {
        self.attempt > 1 || !self.taken
    }
}

/// What was done to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs, reason = "the names say it")]
pub enum Operation {
    Created,
    Changed,
    Removed,
}

impl Operation {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Created, Self::Changed, Self::Removed];

    /// The word, as in JSON.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Changed => "changed",
            Self::Removed => "removed",
        }
    }

    /// The one with this word.
    pub fn named(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|operation| operation.word() == word)
    }
}

/// One entry of an object's history.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HistoryEntry {
    /// Counts up over all objects.
    pub seq: u64,
    /// The object.
    pub object: ObjectKey,
    /// What it was called then.
    pub label: String,
    /// When we saw it.
    pub at: Timestamp,
    /// The sync that saw it.
    pub sync: SyncId,
    /// What happened.
    pub operation: Operation,
    /// Every field that was set, changed or lost.
    pub fields: Vec<FieldChange>,
}

/// A field that changed. Values are JSON; hidden ones are masked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FieldChange {
    /// The path, such as `limits.memory`.
    pub field: String,
    /// Before; none = there was no such field.
    pub old: Option<super::JsonText>,
    /// After; none = there is no such field any more.
    pub new: Option<super::JsonText>,
}

/// An object that a complete listing no longer held, but that is not confirmed gone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Missing {
    /// The object.
    pub object: ObjectKey,
    /// When it was first missed.
    pub since: Timestamp,
    /// The sync that missed it first.
    pub sync: SyncId,
}

/// Removals that wait for a person, because they are so many.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RemovalStop {
    /// The sync that stopped; also the id of this record.
    pub sync: SyncId,
    /// The panel.
    pub panel: PanelId,
    /// When it stopped.
    pub at: Timestamp,
    /// What would go, by kind, the kinds over the limit first.
    pub removals: Vec<Removal>,
    /// What a person decided.
    pub state: RemovalState,
    /// Who decided, and when.
    pub decided: Option<(String, Timestamp)>,
}

/// What would go of one kind.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Removal {
    /// The kind.
    pub kind: Kind,
    /// How many rows of the kind the mirror held.
    pub held: u64,
    /// The objects that would go.
    pub ids: Vec<RemoteId>,
    /// Whether these are over the limit.
    pub over_limit: bool,
}

/// What became of a stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RemovalState {
    /// Nobody decided yet.
    Waiting,
    /// A person agreed; the next sync checks each object again and removes those that are gone.
    Confirmed,
    /// A person refused: the objects stay.
    Refused,
    /// A later complete sync found the objects again, or a newer stop took its place.
    Outdated,
    /// A person agreed, and what was gone was removed.
    Done,
}

/// A thing that does not fit together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Drift {
    /// What kind of misfit.
    pub kind: DriftKind,
    /// The object it is about.
    pub object: ObjectKey,
    /// What it is called.
    pub label: String,
    /// What is wrong, one sentence.
    pub what: String,
}

/// Kinds of misfits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DriftKind {
    /// Points to an object that is not in the mirror.
    Orphan,
    /// The limits of a node's servers add up to more than it has, its allowance counted in.
    OverAllocated,
    /// A server whose owner is not in the mirror.
    NoOwner,
    /// An egg that no server uses.
    UnusedEgg,
    /// Missing in the last listing, not confirmed gone.
    Vanished,
}

impl DriftKind {
    /// Every kind.
    pub const ALL: [Self; 5] = [Self::OverAllocated, Self::Vanished, Self::NoOwner, Self::Orphan, Self::UnusedEgg];

    /// The word, as in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::Orphan => "orphan",
            Self::OverAllocated => "over_allocated",
            Self::NoOwner => "no_owner",
            Self::UnusedEgg => "unused_egg",
            Self::Vanished => "vanished",
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
