use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::ScheduleId;
use crate::base::{Error, Timestamp};

/// Names a job. Sorts by when it was enqueued.
pub type JobId = Uuid;

/// Which jobs are taken first. Each kind of job has places of its own, so that none waits behind another kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Queue {
    /// Somebody waits for it.
    Critical,
    /// The usual work.
    Default,
    /// Whenever there is time.
    Low,
}

impl Queue {
    /// Every queue, the most urgent first.
    pub const ALL: [Self; 3] = [Self::Critical, Self::Default, Self::Low];

    /// The name, as in the API.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Critical => "critical",
            Self::Default => "default",
            Self::Low => "low",
        }
    }

    /// The kinds of jobs in it.
    pub fn kinds(self) -> impl Iterator<Item = JobKind> {
        JobKind::ALL.iter().copied().filter(move |kind| kind.queue() == self)
    }
}

impl FromStr for Queue {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let found = Self::ALL.into_iter().find(|queue| queue.name() == text);
        found.ok_or_else(|| Error::invalid("queue", "is critical, default or low"))
    }
}

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// What is the same for all jobs of a kind.
#[derive(Debug)]
pub struct JobRules {
    /// The queue.
    pub queue: Queue,
    /// How many run at a time.
    pub at_once: u32,
    /// Tries until a job is dead.
    pub attempts: u32,
    /// Until a try is broken off.
    pub timeout: Duration,
    /// Until the second try; doubled from there.
    pub first_pause: Duration,
    /// The longest pause between two tries.
    pub longest_pause: Duration,
    /// Whether a job that is done stays in the list for as long as the settings say. Where something else keeps the record
    /// of it, such as the list of deliveries, it does not.
    pub is_kept: bool,
}

/// Declares every kind of job once. Numbers are on disk: append only, and never use one again.
macro_rules! job_kinds {
    ($($number:literal $name:ident = $text:literal, $does:literal, $queue:ident, at_once $at_once:literal, attempts $attempts:literal,
       timeout $timeout:expr, pause $first:expr, $longest:expr, kept $kept:literal;)*) => {
        /// What a job does; the bodies stand elsewhere.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum JobKind { $(#[doc = $does] $name,)* }

        impl JobKind {
            /// Every kind there is.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The name, such as `sync.run`.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// What it does, for people.
            pub const fn does(self) -> &'static str {
                match self { $(Self::$name => $does,)* }
            }

            /// The number on disk.
            pub const fn number(self) -> u16 {
                match self { $(Self::$name => $number,)* }
            }

            /// The kind of a number.
            pub const fn from_number(number: u16) -> Option<Self> {
                match number { $($number => Some(Self::$name),)* _ => None }
            }

            /// What is the same for all of them.
            pub const fn rules(self) -> &'static JobRules {
                match self { $(Self::$name => {
                    const RULES: &JobRules = &JobRules {
                        queue: Queue::$queue,
                        at_once: $at_once,
                        attempts: $attempts,
                        timeout: Duration::from_secs($timeout),
                        first_pause: Duration::from_secs($first),
                        longest_pause: Duration::from_secs($longest),
                        is_kept: $kept,
                    };
                    RULES
                })* }
            }
        }
    };
}

job_kinds! {
    1 Sync = "sync.run", "Brings the mirror of a panel up to date.",
        Default, at_once 8, attempts 3, timeout 12 * HOUR, pause 30, HOUR, kept true;
    2 SendMail = "mail.send", "Hands a mail to the mail service.",
        Critical, at_once 4, attempts 12, timeout 2 * MINUTE, pause 15, 4 * HOUR, kept true;
    3 FollowMail = "mail.follow", "Asks the mail service what became of a mail.",
        Low, at_once 2, attempts 3, timeout MINUTE, pause 5 * MINUTE, HOUR, kept false;
    4 Deliver = "webhook.deliver", "Sends what waits for a webhook.",
        Default, at_once 64, attempts 20, timeout HOUR, pause 5, HOUR, kept false;
    5 CleanUp = "store.clean_up", "Forgets what is older than it shall be kept.",
        Low, at_once 1, attempts 3, timeout 2 * HOUR, pause MINUTE, HOUR, kept true;
    6 Backup = "store.backup", "Makes a copy of the data file.",
        Low, at_once 1, attempts 3, timeout 6 * HOUR, pause 5 * MINUTE, HOUR, kept true;
    7 Check = "store.check", "Checks that the data file holds together.",
        Low, at_once 1, attempts 2, timeout 6 * HOUR, pause 5 * MINUTE, HOUR, kept true;
    8 EndSessions = "session.clean_up", "Ends sessions and links whose time is over.",
        Low, at_once 1, attempts 3, timeout HOUR, pause MINUTE, HOUR, kept true;
    9 WatchExpiry = "expiry.watch", "Warns of certificates and keys whose time is nearly over.",
        Low, at_once 1, attempts 3, timeout 10 * MINUTE, pause 5 * MINUTE, HOUR, kept true;
    10 Probe = "queue.probe", "Does nothing; shows that work gets done.",
        Low, at_once 1000, attempts 3, timeout MINUTE, pause 1, MINUTE, kept false;
}

impl JobKind {
    /// The queue.
    pub const fn queue(self) -> Queue {
        self.rules().queue
    }

    /// The pause before another try when so many were made, without the share of chance.
    pub fn pause_after(self, attempts: u32) -> Duration {
        let rules = self.rules();
        let doubled = 1_u32.checked_shl(attempts.saturating_sub(1)).unwrap_or(u32::MAX);
        rules.first_pause.saturating_mul(doubled).min(rules.longest_pause)
    }
}

/// How long finished jobs stay when nothing else is set.
pub const JOB_DAYS: u64 = 7;

/// A dead job stays so long for somebody to see it, in seconds.
pub const DEAD_FOR: u64 = 90 * DAY;

impl fmt::Display for JobKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for JobKind {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let found = Self::ALL.iter().copied().find(|kind| kind.name() == text);
        found.ok_or_else(|| Error::invalid("kind", "is no kind of job"))
    }
}

super::by_number!(JobKind, "kind of job");

/// Where a job stands. Numbers are on disk: append only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum JobState {
    /// Waits for a free place.
    Pending,
    /// Waits for its time.
    Scheduled,
    /// At work.
    Running,
    /// A try failed; waits for the next.
    Retrying,
    /// Done.
    Completed,
    /// Given up at once, since another try would end the same.
    Failed,
    /// Taken back by a person.
    Cancelled,
    /// Every try failed.
    Dead,
}

impl JobState {
    /// Every state.
    pub const ALL: [Self; 8] = [
        Self::Pending,
        Self::Scheduled,
        Self::Running,
        Self::Retrying,
        Self::Completed,
        Self::Failed,
        Self::Cancelled,
        Self::Dead,
    ];

    /// The word, as in JSON.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Scheduled => "scheduled",
            Self::Running => "running",
            Self::Retrying => "retrying",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Dead => "dead",
        }
    }

    /// Whether nothing more will happen by itself.
    pub const fn is_over(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Cancelled | Self::Dead)
    }

    /// Whether it waits to be taken.
    pub const fn is_waiting(self) -> bool {
        matches!(self, Self::Pending | Self::Scheduled | Self::Retrying)
    }

    /// The number on disk.
    pub const fn number(self) -> u8 {
        self as u8
    }
}

impl FromStr for JobState {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let found = Self::ALL.into_iter().find(|state| state.word() == text);
        found.ok_or_else(|| Error::invalid("state", format!("is one of {}", Self::ALL.map(Self::word).join(", "))))
    }
}

/// Work that is done at least once. Also the record of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Job {
    /// Its id, which is the idempotency key of what it does.
    pub id: JobId,
    /// What it does.
    pub kind: JobKind,
    /// What with: a JSON object, without secrets.
    pub args: String,
    /// Where it stands.
    pub state: JobState,
    /// As long as it is not over, another job of the same name is not enqueued.
    pub unique: Option<String>,
    /// It was asked for again while it ran, so it runs once more when it is done.
    pub again: bool,
    /// Who or what asked for it.
    pub by: String,
    /// The schedule it came from.
    pub schedule: Option<ScheduleId>,
    /// When it was enqueued.
    pub created_at: Timestamp,
    /// When it may run, or run again.
    pub due_at: Timestamp,
    /// When the last try began.
    pub started_at: Option<Timestamp>,
    /// When it was over.
    pub finished_at: Option<Timestamp>,
    /// Tries that were begun since it was enqueued or retried by hand.
    pub attempts: u32,
    /// Tries it gets.
    pub max_attempts: u32,
    /// How often Aviary ended while it ran, in a row.
    pub losses: u32,
    /// What went wrong, oldest first; of many the latest [`Job::FAULTS`].
    pub faults: Vec<JobFault>,
    /// The latest thing worth saying about it, one sentence.
    pub note: Option<String>,
}

impl Job {
    /// So many failed tries are kept.
    pub const FAULTS: usize = 12;

    /// The queue.
    pub fn queue(&self) -> Queue {
        self.kind.queue()
    }
}

/// A try that failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct JobFault {
    /// Which try it was, counted from 1.
    pub attempt: u32,
    /// When it ended.
    pub at: Timestamp,
    /// Milliseconds it took.
    pub took_ms: u64,
    /// What went wrong.
    pub what: String,
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn names_and_numbers_are_unique_and_come_back() {
        let names: HashSet<_> = JobKind::ALL.iter().map(|kind| kind.name()).collect();
        assert_eq!(names.len(), JobKind::ALL.len());
        for kind in JobKind::ALL {
            assert_eq!(JobKind::from_number(kind.number()), Some(*kind));
            assert_eq!(kind.name().parse::<JobKind>().unwrap(), *kind);
        }
        for state in JobState::ALL {
            assert_eq!(state.word().parse::<JobState>().unwrap(), state);
        }
    }

    #[test]
    fn pauses_double_up_to_the_longest() {
        let pause = |attempts| JobKind::SendMail.pause_after(attempts).as_secs();
        assert_eq!([pause(0), pause(1), pause(2), pause(3)], [15, 15, 30, 60]);
        assert_eq!(pause(11), 4 * 3600);
        assert_eq!(pause(u32::MAX), 4 * 3600);
    }
}
