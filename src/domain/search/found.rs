use aviary_kernel::base::{Cursor, Timestamp};
use aviary_kernel::model::{AccountId, DeliveryId, EventId, JobId, ObjectKey, PanelId, ScheduleId, SyncId, WebhookId};

use super::Subject;

/// What was found.
#[derive(Clone, Debug)]
pub struct Found {
    /// The hits of this page. They are read from the data file when they are shown, so they are as it is now.
    pub hits: Vec<Hit>,
    /// How many there are in all.
    pub total: u64,
    /// Where the next page begins; none on the last one.
    pub next: Option<Cursor>,
    /// How many there are of what, most first; empty unless asked for. Each is counted as if it alone were not narrowed.
    pub facets: Vec<Facet>,
    /// How many there were when, oldest first; empty unless asked for.
    pub histogram: Vec<Bar>,
    /// What was left out of the query or read differently, in sentences.
    pub doubts: Vec<String>,
    /// Whether the index held everything.
    pub standing: Standing,
}

/// One thing that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hit {
    /// Where it is.
    pub place: Place,
    /// What it is called.
    pub title: Marked,
    /// What else fits or helps to tell it from others: (what it is, what it says).
    pub lines: Vec<(&'static str, Marked)>,
    /// Its state in a word, such as `running` or `failed`.
    pub state: Option<&'static str>,
    /// When it happened; for objects when they last changed.
    pub at: Option<Timestamp>,
    /// The panel that it has to do with.
    pub panel: Option<PanelId>,
}

/// Where something that was found is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Place {
    /// An object of a panel.
    Object(ObjectKey),
    /// A panel.
    Panel(PanelId),
    /// Somebody's account.
    Account(AccountId),
    /// A webhook.
    Webhook(WebhookId),
    /// A schedule.
    Schedule(ScheduleId),
    /// A sync.
    Sync(SyncId),
    /// A change, by its number in the history, of this object.
    Change(u64, ObjectKey),
    /// An event of the audit trail.
    Audit(u64),
    /// An event that was told.
    Event(EventId),
    /// A job.
    Job(JobId),
    /// A delivery.
    Delivery(DeliveryId),
    /// A mail.
    Mail(u64),
}

impl Place {
    /// What it is.
    pub fn subject(&self) -> Option<Subject> {
        Some(match self {
            Self::Object(key) => return Subject::of_kind(key.kind),
            Self::Panel(_) => Subject::Panel,
            Self::Account(_) => Subject::Account,
            Self::Webhook(_) => Subject::Webhook,
            Self::Schedule(_) => Subject::Schedule,
            Self::Sync(_) => Subject::Sync,
            Self::Change(..) => Subject::Change,
            Self::Audit(_) => Subject::Audit,
            Self::Event(_) => Subject::Event,
            Self::Job(_) => Subject::Job,
            Self::Delivery(_) => Subject::Delivery,
            Self::Mail(_) => Subject::Mail,
        })
    }
}

/// Text in which what fits is marked.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Marked(pub Vec<Bit>);

/// A piece of text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bit {
    /// The text; cut with an ellipsis where it is long.
    pub text: String,
    /// Whether it is what was searched for.
    pub fits: bool,
}

impl Marked {
    /// Text in which nothing is marked.
    pub fn plain(text: impl Into<String>) -> Self {
        Self(vec![Bit { text: text.into(), fits: false }])
    }

    /// The text without marks.
    pub fn text(&self) -> String {
        self.0.iter().map(|bit| bit.text.as_str()).collect()
    }
}

/// How many there are of something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facet {
    /// By what is counted: `kind`, `panel` or `state`; also the field of a query that narrows to it.
    pub field: &'static str,
    /// The value, as a query wants it.
    pub value: String,
    /// How many.
    pub count: u64,
}

/// How many there were in some time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bar {
    /// When it begins.
    pub from: Timestamp,
    /// When it ends.
    pub until: Timestamp,
    /// How many.
    pub count: u64,
}

/// How the index stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It follows the data file.
    Ready,
    /// It is being made anew; so many of so many entries are in it. Searches find what is in it by then.
    Building {
        /// How many are in it.
        done: u64,
        /// How many there are.
        of: u64,
    },
    /// It cannot be used, with the reason. It is tried again.
    Broken(String),
}
