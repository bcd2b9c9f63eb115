use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::ops::AddAssign;
use std::str::FromStr;

use aviary_kernel::base::Error;
use aviary_kernel::model::Operation;
use aviary_kernel::store::rows::Change;

use super::topic::{self, Topic};

/// How far somebody has followed: the last entry of the feed, and the last event of the audit trail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Mark {
    pub(super) feed: u64,
    pub(super) audit: u64,
}

impl Mark {
    /// A place that nobody knows: who goes on from there looks at everything anew.
    pub const UNKNOWN: Self = Self { feed: u64::MAX, audit: u64::MAX };
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.feed, self.audit)
    }
}

impl FromStr for Mark {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let read = || {
            let (feed, audit) = text.split_once('.')?;
            Some(Self { feed: feed.parse().ok()?, audit: audit.parse().ok()? })
        };
        read().ok_or_else(|| Error::invalid("after", "is no place in what moved; leave it out to begin now"))
    }
}

/// How many things moved, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Tally {
    /// They were not there before.
    pub new: u64,
    /// They were there and are.
    pub changed: u64,
    /// They are gone.
    pub gone: u64,
}

impl Tally {
    pub(super) const CHANGED: Self = Self { new: 0, changed: 1, gone: 0 };

    /// So many that were not there before.
    pub(super) const fn new(new: u64) -> Self {
        Self { new, changed: 0, gone: 0 }
    }
}

impl From<Operation> for Tally {
    fn from(operation: Operation) -> Self {
        match operation {
            Operation::Created => Self::new(1),
            Operation::Changed => Self::CHANGED,
            Operation::Removed => Self { new: 0, changed: 0, gone: 1 },
        }
    }
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.new += other.new;
        self.changed += other.changed;
        self.gone += other.gone;
    }
}

/// What moved between two marks.
#[derive(Clone, Debug, Default)]
pub struct Moved {
    pub(super) from: Mark,
    pub(super) to: Mark,
    topics: BTreeMap<Topic, Tally>,
    things: HashMap<(Topic, String), Tally>,
}

impl Moved {
    pub(super) fn at(mark: Mark) -> Self {
        Self { from: mark, to: mark, ..Self::default() }
    }

    /// Takes in one entry of the feed.
    pub(super) fn feed(&mut self, seq: u64, change: Change) {
        let (topic, key, how) = topic::moved(change);
        self.to.feed = seq;
        // Each change of an object leaves an entry in its history.
        if key.contains('/') {
            *self.topics.entry(Topic::History).or_default() += Tally::new(1);
        }
        match self.things.entry((topic, key)) {
            std::collections::hash_map::Entry::Occupied(mut known) => *known.get_mut() += how,
            // What moved twice is still one thing.
            std::collections::hash_map::Entry::Vacant(first) => {
                first.insert(how);
                *self.topics.entry(topic).or_default() += how;
            }
        }
    }

    /// Takes in that the audit trail goes on to this number.
    pub(super) fn audit(&mut self, newest: u64) {
        let new = newest.saturating_sub(self.to.audit);
        self.to.audit = newest;
        if new > 0 {
            *self.topics.entry(Topic::Audit).or_default() += Tally::new(new);
        }
    }

    /// Where it ends.
    pub fn mark(&self) -> Mark {
        self.to
    }

    /// Whether nothing did.
    pub fn is_empty(&self) -> bool {
        self.topics.is_empty()
    }

    /// What moved of a topic; of one thing alone when its key is given.
    pub fn of(&self, topic: Topic, key: Option<&str>) -> Option<Tally> {
        match key {
            None => self.topics.get(&topic).copied(),
            Some(key) => self.things.get(&(topic, key.to_owned())).copied(),
        }
    }
}
