use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{JobId, JobState, PanelId, Target};
use crate::base::{Error, Timestamp};

/// Names a schedule.
pub type ScheduleId = Uuid;

/// Something that is done again and again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Schedule {
    /// Its id.
    pub id: ScheduleId,
    /// What people call it.
    pub name: String,
    /// What is done.
    pub work: ScheduledWork,
    /// When.
    pub when: When,
    /// What becomes of times at which Aviary did not run.
    pub missed: MissedRuns,
    /// What happens when it is due while the last run is still at work.
    pub overlap: Overlap,
    /// Whether it is held back.
    pub is_paused: bool,
    /// Whether it comes with Aviary; such an entry cannot be removed.
    pub is_built_in: bool,
    /// Who made it.
    pub made_by: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed or resumed. Nothing before that is due.
    pub changed_at: Timestamp,
    /// Up to here every time at which it was due was dealt with.
    pub seen_until: Timestamp,
    /// When it is due next; none = paused, or never again.
    pub next_at: Option<Timestamp>,
    /// The newest runs, newest first, at most [`Schedule::RUNS`].
    pub runs: Vec<ScheduleRun>,
    /// Why it shows red: what went wrong last. None after a run that went well.
    pub trouble: Option<String>,
}

impl Schedule {
    /// So many runs are kept.
    pub const RUNS: usize = 50;
}

/// What a schedule does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ScheduledWork {
    /// A sync of a panel.
    Sync {
        /// The panel.
        panel: PanelId,
        /// What; empty = everything.
        targets: Vec<Target>,
    },
    /// A copy of the data file.
    Backup,
    /// A check that the data file holds together.
    Check,
    /// Forgets what is older than it shall be kept.
    CleanUp,
    /// Ends sessions and links whose time is over.
    EndSessions,
    /// Warns of certificates and keys whose time is nearly over.
    WatchExpiry,
}

impl ScheduledWork {
    /// The word, as in JSON.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Sync { .. } => "sync",
            Self::Backup => "backup",
            Self::Check => "check",
            Self::CleanUp => "clean_up",
            Self::EndSessions => "end_sessions",
            Self::WatchExpiry => "watch_expiry",
        }
    }
}

/// When a schedule is due.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum When {
    /// At times of the clock on the wall.
    Cron {
        /// Such as `0 3 * * *`.
        expression: String,
        /// The name of a time zone, such as `Europe/Berlin`.
        zone: String,
    },
    /// So many seconds after the last run was over.
    Every {
        /// Seconds.
        seconds: u32,
    },
    /// As often as the panel says, or the setting for all panels.
    AsThePanelSays,
}

/// What becomes of times at which Aviary did not run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MissedRuns {
    /// They are left out.
    Skip,
    /// They are made up for by one run.
    Once,
}

impl MissedRuns {
    /// The word, as in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::Skip => "skip",
            Self::Once => "once",
        }
    }
}

impl FromStr for MissedRuns {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        match text {
            "skip" => Ok(Self::Skip),
            "once" => Ok(Self::Once),
            _ => Err(Error::invalid("missed", "is skip or once")),
        }
    }
}

/// What happens when a schedule is due while its last run is still at work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Overlap {
    /// This time is left out.
    Skip,
    /// One run waits until the last is over.
    Queue,
}

impl Overlap {
    /// The word, as in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::Skip => "skip",
            Self::Queue => "queue",
        }
    }
}

impl FromStr for Overlap {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        match text {
            "skip" => Ok(Self::Skip),
            "queue" => Ok(Self::Queue),
            _ => Err(Error::invalid("overlap", "is skip or queue")),
        }
    }
}

/// A run of a schedule, or a time at which there was none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ScheduleRun {
    /// When it was due; for a run by hand, when it was asked for.
    pub due_at: Timestamp,
    /// What came of it.
    pub outcome: RunOutcome,
    /// When it was over.
    pub finished_at: Option<Timestamp>,
    /// More about it, one sentence.
    pub note: Option<String>,
}

/// What came of a time at which a schedule was due.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum RunOutcome {
    /// A job does it.
    Begun(JobId),
    /// A job did it, and ended so.
    Over(JobId, JobState),
    /// Left out, since the last run was at work.
    Skipped,
    /// Aviary did not run then.
    Missed,
    /// Waits for the end of the last run.
    Waiting,
}

impl RunOutcome {
    /// The job that does it, or did.
    pub fn job(&self) -> Option<JobId> {
        match self {
            Self::Begun(job) | Self::Over(job, _) => Some(*job),
            Self::Skipped | Self::Missed | Self::Waiting => None,
        }
    }

    /// Whether more will come of it.
    pub fn is_open(&self) -> bool {
        matches!(self, Self::Begun(_) | Self::Waiting)
    }

    /// What came of it in one word, as in JSON: the state of the job when that is over.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Begun(_) => "running",
            Self::Over(_, state) => state.word(),
            Self::Skipped => "skipped",
            Self::Missed => "missed",
            Self::Waiting => "waiting",
        }
    }
}
