use std::iter::FusedIterator;

use aviary_kernel::base::Timestamp;
use jiff::tz::TimeZone;

use super::calendar::DAY_S;
use super::{Cron, Rule};

/// The years 1 to 9998, in seconds since 1970. Runs are looked for within.
const FIRST_S: i64 = -62_135_596_800;
const LAST_S: i64 = 253_370_764_800;
/// More than any two offsets from UTC differ.
const MARGIN_S: i64 = 2 * DAY_S;

/// The runs of a rule after a moment, in order. Ends with the year 9998, or when the rule has no more.
#[derive(Debug, Clone)]
pub struct Runs<'a>(Walk<'a>);

#[derive(Debug, Clone)]
enum Walk<'a> {
    Cron(CronWalk<'a>),
    Every { last: Timestamp, every_ms: i64 },
    Over,
}

impl<'a> Runs<'a> {
    pub(super) fn new(rule: &'a Rule, after: Timestamp) -> Self {
        Self(match rule {
            Rule::Cron(cron) if after.seconds() < LAST_S => {
                Walk::Cron(CronWalk::new(cron, after.seconds().max(FIRST_S) + 1))
            }
            Rule::Cron(_) => Walk::Over,
            Rule::Every { seconds } => Walk::Every { last: after, every_ms: i64::from(seconds.get()) * 1000 },
        })
    }
}

impl Iterator for Runs<'_> {
    type Item = Timestamp;

    fn next(&mut self) -> Option<Timestamp> {
        let next = match &mut self.0 {
            Walk::Cron(walk) => walk.next().map(Timestamp::from_seconds),
            Walk::Every { last, every_ms } => {
                last.millis().checked_add(*every_ms).map(Timestamp::from_millis).inspect(|next| *last = *next)
            }
            Walk::Over => None,
        };
        let next = next.filter(|at| at.seconds() < LAST_S);
        if next.is_none() {
            self.0 = Walk::Over;
        }
        next
    }
}

impl FusedIterator for Runs<'_> {}

/// Goes from one change of the clock to the next. Between two changes wall time and real time run alike.
#[derive(Debug, Clone)]
struct CronWalk<'a> {
    cron: &'a Cron,
    stretch: Stretch,
    /// The first second that has not been looked at.
    at: i64,
}

impl<'a> CronWalk<'a> {
    fn new(cron: &'a Cron, at: i64) -> Self {
        Self { cron, stretch: Stretch::around(&cron.zone, at), at }
    }

    fn next(&mut self) -> Option<i64> {
        loop {
            let Stretch { from, until, before, offset } = self.stretch;
            let once = before != offset && !self.cron.carries_on(from + before.max(offset));
            if once && self.at == from && self.is_named_between(from + before, from + offset) {
                self.at += 1;
                return Some(from);
            }
            if once {
                // The wall time that is shown again has had its runs.
                self.at = self.at.max(from + before - offset);
            }
            let next = self.cron.calendar.first_from(self.at + offset)? - offset;
            if next < until {
                self.at = next + 1;
                return Some(next);
            }
            // In another stretch, and with another offset; far ahead, the stretches between have nothing.
            self.at = until.max(next - MARGIN_S);
            if self.at >= LAST_S {
                return None;
            }
            self.stretch = Stretch::around(&self.cron.zone, self.at);
        }
    }

    /// Whether a wall time from `start` until before `end` is named: there is none when the clock went back.
    fn is_named_between(&self, start: i64, end: i64) -> bool {
        start < end && self.cron.calendar.first_from(start).is_some_and(|wall| wall < end)
    }
}

/// The time between two changes of the clock, in seconds since 1970, and the offsets from UTC in it and before it.
#[derive(Debug, Clone, Copy)]
struct Stretch {
    from: i64,
    until: i64,
    before: i64,
    offset: i64,
}

impl Stretch {
    fn around(zone: &TimeZone, at: i64) -> Self {
        let Ok(now) = jiff::Timestamp::from_second(at) else {
            return Self { from: FIRST_S, until: LAST_S, before: 0, offset: 0 };
        };
        let offset = zone.to_offset(now);
        let seconds = i64::from(offset.seconds());
        // Some changes are of the name only. A change at this very second counts as past.
        let past = jiff::Timestamp::from_second(at + 1).unwrap_or(now);
        let mut earlier = zone.preceding(past).map(|change| change.timestamp().as_second());
        let began = earlier.find_map(|from| match offset_at(zone, from - 1) {
            before if before != seconds => Some((from, before)),
            _ => None,
        });
        let ends = zone.following(now).find(|change| change.offset() != offset);
        let (from, before) = began.unwrap_or((i64::MIN / 2, seconds));
        Self { from, until: ends.map_or(i64::MAX, |change| change.timestamp().as_second()), before, offset: seconds }
    }
}

fn offset_at(zone: &TimeZone, at: i64) -> i64 {
    jiff::Timestamp::from_second(at).map_or(0, |at| i64::from(zone.to_offset(at).seconds()))
}
