use std::collections::BTreeMap;
use std::ops::ControlFlow;

use aviary_kernel::base::{Result, Timestamp};
use aviary_kernel::model::{Kind, Operation, PanelId};
use aviary_kernel::store::tables::HISTORY;
use aviary_kernel::store::{Direction, Read, Span};

/// Seconds of an hour.
const HOUR: i64 = 3600;

/// What changed in the last hours, counted by hour, panel, kind and operation.
///
/// It is kept by who asks: each look counts only what was written since the one before.
#[derive(Clone, Debug, Default)]
pub struct Lately {
    /// The newest entry of the history that is counted.
    newest: u64,
    /// The hour from which on everything is counted.
    from: i64,
    counts: BTreeMap<(i64, PanelId, Kind, u8), u64>,
}

/// What was done to the objects of a kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it")]
pub struct Changes {
    pub created: u64,
    pub changed: u64,
    pub removed: u64,
}

impl Changes {
    /// All of them.
    pub fn total(&self) -> u64 {
        self.created + self.changed + self.removed
    }
}

impl Lately {
    /// Counts what is new, and forgets what is older than `hours` full hours before the one of `now`.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(super) fn catch_up(&mut self, reader: &impl Read, now: Timestamp, hours: u32) -> Result<()> {
        let from = hour(now) - i64::from(hours);
        // What was never counted cannot be filled in piece by piece.
        if from < self.from {
            *self = Self::default();
        }
        self.from = from;
        self.counts.retain(|(hour, ..), _| *hour >= from);
        let (known, mut newest) = (self.newest, self.newest);
        reader.walk(HISTORY, &Span::all(), Direction::Down, |seq, entry| {
            let at = hour(entry.at);
            if seq <= known || at < from {
                return Ok(ControlFlow::Break(()));
            }
            newest = newest.max(seq);
            *self.counts.entry((at, entry.object.panel, entry.object.kind, number(entry.operation))).or_default() += 1;
            Ok(ControlFlow::Continue(()))
        })?;
        self.newest = newest;
        Ok(())
    }

    /// When the time begins that is counted.
    pub fn since(&self) -> Timestamp {
        Timestamp::from_seconds(self.from * HOUR)
    }

    /// By kind, of those kinds that changed.
    pub fn by_kind(&self) -> Vec<(Kind, Changes)> {
        let mut kinds: BTreeMap<Kind, Changes> = BTreeMap::new();
        for ((.., kind, operation), n) in &self.counts {
            let changes = kinds.entry(*kind).or_default();
            match operation {
                0 => changes.created += n,
                1 => changes.changed += n,
                _ => changes.removed += n,
            }
        }
        kinds.into_iter().collect()
    }

    /// By hour, oldest first, with hours in which nothing changed.
    pub fn by_hour(&self, now: Timestamp) -> Vec<(Timestamp, u64)> {
        let sum = |at: i64| self.counts.iter().filter(|((hour, ..), _)| *hour == at).map(|(_, n)| n).sum();
        (self.from..=hour(now)).map(|at| (Timestamp::from_seconds(at * HOUR), sum(at))).collect()
    }

    /// All together.
    pub fn total(&self) -> u64 {
        self.counts.values().sum()
    }
}

fn hour(at: Timestamp) -> i64 {
    at.seconds().div_euclid(HOUR)
}

fn number(operation: Operation) -> u8 {
    match operation {
        Operation::Created => 0,
        Operation::Changed => 1,
        Operation::Removed => 2,
    }
}
