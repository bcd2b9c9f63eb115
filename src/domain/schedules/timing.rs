//! When an entry is due.

use std::time::Duration;

use aviary_kernel::base::{Result, Timestamp};
use aviary_kernel::model::{PanelId, Schedule, ScheduledWork, When};
use aviary_kernel::store::Read;
use aviary_kernel::store::tables::PANELS;

use super::rule::{Missed, Rule};
use super::{GRACE, Schedules};
use crate::sync;

/// Times that lie ahead and were dealt with are not dealt with again, as after a clock that was put back. When they lie
/// further ahead than this, the clock was wrong then, and an entry must not be silent until it is there again.
const CLOCK_WAS_WRONG: Duration = Duration::from_secs(48 * 3600);

/// When an entry is due, with what the store says about it.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Timing {
    /// At the times of an expression.
    Times(Rule),
    /// So long after the end of the last run; none = there was none yet.
    After { every: Duration, last: Option<Timestamp> },
    /// When what is at work is over.
    AtWork { every: Duration },
    /// Only by hand.
    ByHand,
    /// Its time cannot be read by this release.
    Unreadable(String),
}

/// What of an entry is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Due {
    /// Since when.
    pub(super) first: Timestamp,
    /// What is too late.
    pub(super) late: Missed,
    /// What is due now.
    pub(super) now: Missed,
}

impl Schedules {
    pub(super) fn timing(&self, reader: &impl Read, schedule: &Schedule) -> Result<Timing> {
        match (&schedule.when, &schedule.work) {
            (When::Cron { expression, zone }, _) => Ok(match Rule::parse_cron(expression, zone) {
                Ok(rule) => Timing::Times(rule),
                Err(error) => Timing::Unreadable(error.to_string()),
            }),
            (When::Every { seconds }, _) => {
                let last = schedule.seen_until.max(last_end(schedule));
                Ok(Timing::after(*seconds, last, has_open_run(schedule)))
            }
            (When::AsThePanelSays, ScheduledWork::Sync { panel, .. }) => self.of_panel(reader, schedule, *panel),
            (When::AsThePanelSays, _) => Ok(Timing::ByHand),
        }
    }

    /// Counts from the last sync of everything, whoever asked for it.
    fn of_panel(&self, reader: &impl Read, schedule: &Schedule, panel: PanelId) -> Result<Timing> {
        let Some(every_s) = self.interval_of(reader, panel)? else { return Ok(Timing::ByHand) };
        let synced = sync::last_full(reader, panel)?;
        let last = schedule.seen_until.max(synced.map(|sync| sync.at).unwrap_or_default()).max(last_end(schedule));
        Ok(Timing::after(every_s, last, synced.is_some_and(|sync| sync.is_at_work) || has_open_run(schedule)))
    }

    /// Seconds between the syncs of a panel; none when it is synced only by hand.
    pub(super) fn interval_of(&self, reader: &impl Read, panel: PanelId) -> Result<Option<u32>> {
        let Some(panel) = reader.get(PANELS, &panel)? else { return Ok(None) };
        Ok(match panel.sync_every_s {
            Some(0) => None,
            Some(every_s) => Some(every_s),
            None => {
                Some(self.inner.settings.auto_sync_in(reader)?).filter(|auto| auto.enabled).map(|auto| auto.every_s)
            }
        })
    }
}

impl Timing {
    fn after(every_s: u32, last: Timestamp, is_at_work: bool) -> Self {
        let every = Duration::from_secs(every_s.into());
        match is_at_work {
            true => Self::AtWork { every },
            false => Self::After { every, last: (last != Timestamp::default()).then_some(last) },
        }
    }

    /// When the entry is due next, or since when it is.
    pub(super) fn next(&self, schedule: &Schedule, now: Timestamp) -> Option<Timestamp> {
        if schedule.is_paused {
            return None;
        }
        match self {
            Self::Times(rule) => rule.next_after(seen(schedule, now)),
            Self::After { every, last } => Some(after(schedule, *every, *last, now)),
            Self::AtWork { .. } | Self::ByHand | Self::Unreadable(_) => None,
        }
    }

    /// What of it is due; none when nothing is.
    pub(super) fn due(&self, schedule: &Schedule, now: Timestamp) -> Option<Due> {
        let first = self.next(schedule, now).filter(|first| *first <= now)?;
        let too_late = now.minus(GRACE + Duration::from_millis(1));
        match self {
            Self::Times(rule) => {
                let seen = seen(schedule, now);
                Some(Due { first, late: rule.missed(seen, too_late), now: rule.missed(seen.max(too_late), now) })
            }
            Self::After { every, .. } => {
                let turns = now.since(first).as_secs() / every.as_secs().max(1) + 1;
                let due = Missed { count: turns, more: false, newest: Some(first) };
                let none = Missed { count: 0, more: false, newest: None };
                let (late, now) = if first <= too_late { (due, none) } else { (none, Missed { count: 1, ..due }) };
                Some(Due { first, late, now })
            }
            Self::AtWork { .. } | Self::ByHand | Self::Unreadable(_) => None,
        }
    }
}

/// Up to where times are dealt with.
pub(super) fn seen(schedule: &Schedule, now: Timestamp) -> Timestamp {
    if schedule.seen_until > now.plus(CLOCK_WAS_WRONG) { now } else { schedule.seen_until }
}

fn after(schedule: &Schedule, every: Duration, last: Option<Timestamp>, now: Timestamp) -> Timestamp {
    let stored = schedule.next_at;
    let Some(last) = last else {
        // Never run: at once, and since it was first due.
        return stored.filter(|at| *at <= now).unwrap_or(now);
    };
    if last > now {
        // The clock was put back: what it says about the last run is of no use.
        return stored.filter(|at| *at <= now.plus(every)).unwrap_or_else(|| now.plus(every));
    }
    let next = last.plus(every);
    match stored {
        Some(stored) if stored == next || (next <= stored && stored <= now) => stored,
        // Another interval counts at once, but nothing is late because of it.
        _ => next.max(now),
    }
}

/// The end of the last run.
fn last_end(schedule: &Schedule) -> Timestamp {
    schedule
        .runs
        .iter()
        .filter(|run| run.outcome.job().is_some())
        .filter_map(|run| run.finished_at)
        .max()
        .unwrap_or_default()
}

pub(super) fn has_open_run(schedule: &Schedule) -> bool {
    schedule.runs.iter().any(|run| run.outcome.is_open())
}
