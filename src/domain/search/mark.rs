//! How far the index has followed the data file. It stands in the commit of the objects, which is the last one of a round, so an
//! index never believes to hold what it does not.

use aviary_kernel::base::{Result, Timestamp};
use aviary_kernel::store::tables::{AUDIT, FEED, HISTORY};
use aviary_kernel::store::{Direction, Read, Span};
use serde::{Deserialize, Serialize};

use super::shelf::Slice;

/// How far the index has followed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Mark {
    /// The last entry of the feed.
    pub(super) feed: u64,
    /// When that was written, to tell another data file from this one.
    feed_at: i64,
    /// The last entry of the history.
    pub(super) history: u64,
    /// The first entry of the history that may be in the index.
    pub(super) history_from: u64,
    /// The last event of the audit trail.
    pub(super) audit: u64,
    /// The first event of the audit trail that may be in the index.
    pub(super) audit_from: u64,
    /// The months of which there are records.
    pub(super) months: Vec<String>,
}

/// The series that numbers the history.
const HISTORY_SERIES: &str = "history";

impl Mark {
    /// The end of the data file: an index that holds everything there is has this.
    pub(super) fn end(reader: &impl Read) -> Result<Self> {
        let feed = reader.last_key(FEED, &Span::all())?.unwrap_or(0);
        Ok(Self {
            feed,
            feed_at: written_at(reader, feed)?,
            history: last_change(reader)?,
            history_from: first(reader, HISTORY.name())?,
            audit: reader.last_key(AUDIT, &Span::all())?.unwrap_or(0),
            audit_from: first(reader, AUDIT.name())?,
            months: Vec::new(),
        })
    }

    /// The same further on in the feed.
    pub(super) fn at_feed(self, feed: u64, at: Timestamp) -> Self {
        Self { feed, feed_at: at.millis(), ..self }
    }

    /// Whether an index of this mark can be brought up to date by following this file: it is the same one, and what came since is
    /// still told.
    pub(super) fn leads_on(&self, reader: &impl Read) -> Result<bool> {
        let end = Self::end(reader)?;
        if self.feed > end.feed || self.history > end.history || self.audit > end.audit {
            return Ok(false);
        }
        let oldest = first(reader, FEED.name())?;
        if oldest > self.feed {
            return Ok(oldest == self.feed + 1 || end.feed == self.feed);
        }
        Ok(self.feed == 0 || written_at(reader, self.feed)? == self.feed_at)
    }

    /// How many entries there are that it does not hold.
    pub(super) fn behind(&self, end: &Self) -> u64 {
        end.feed.saturating_sub(self.feed) + end.audit.saturating_sub(self.audit)
    }

    /// Whether everything that `end` holds is in it.
    pub(super) fn reaches(&self, end: &Self) -> bool {
        self.feed >= end.feed && self.history >= end.history && self.audit >= end.audit
    }

    /// As it stands in the index.
    pub(super) fn to_payload(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// What stands in the index; none when that is not of this release, or the records of a month are not there.
    pub(super) fn from_payload(payload: &str, months: &[Slice]) -> Option<Self> {
        let mark: Self = serde_json::from_str(payload).ok()?;
        let is_there = |name: &String| months.iter().any(|month| month.to_string() == *name);
        mark.months.iter().all(is_there).then_some(mark)
    }
}

fn written_at(reader: &impl Read, feed: u64) -> Result<i64> {
    Ok(reader.get(FEED, &feed)?.map_or(0, |entry| entry.at.millis()))
}

/// The number of the last entry that the history ever had.
pub(super) fn last_change(reader: &impl Read) -> Result<u64> {
    reader.last_number(HISTORY_SERIES)
}

/// The first number of a table; 0 when it is empty.
pub(super) fn first(reader: &impl Read, table: &'static str) -> Result<u64> {
    let mut first = 0;
    reader.walk_bytes(table, &Span::all(), Direction::Up, &mut |key, _| {
        first = key.try_into().map_or(0, u64::from_be_bytes);
        Ok(std::ops::ControlFlow::Break(()))
    })?;
    Ok(first)
}
