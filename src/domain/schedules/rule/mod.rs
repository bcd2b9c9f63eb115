//! When something runs.
//!
//! A [`Rule`] is either a cron expression in a time zone or "every so many seconds" from the run before. It knows no
//! store and no clock: it is asked what comes after a moment, and answers alike each time.
//!
//! Why not croner's search: it takes every list for a repeating rule, and so runs `0 2,14 * * *` twice in one night and
//! not at all in another. Its reading of wall time is what the tests hold ours against.
//!
//! # Cost
//! Nothing that is read from outside can make this work for long: expressions and names of zones are short, a search
//! goes month by month through at most 400 years, and [`Rule::missed`] counts only so far.

mod calendar;
mod fields;
mod runs;
mod spoken;

#[cfg(test)]
mod oracle;
#[cfg(test)]
mod tests;

use std::fmt;
use std::num::NonZeroU32;

use aviary_kernel::base::{Error, Result, Timestamp, Zone};
use jiff::tz::TimeZone;

use calendar::Calendar;
use fields::Fields;
pub use runs::Runs;

/// When something runs.
///
/// # Expressions
/// Five parts, `minute hour day month weekday`, or six with seconds in front; `@hourly`, `@daily`, `@weekly`,
/// `@monthly`, `@yearly`. Parts take `*`, numbers, names (`JAN`, `MON`), ranges (`9-17`), steps (`*/15`, `9-17/2`) and
/// lists. The day also takes `L` (the last of the month), `LW` (its last weekday, Monday to Friday) and `15W` (the
/// weekday nearest the 15th, in the same month). The weekday also takes `MON#2` (the second Monday of the month) and
/// `FRI#L` or `FRIL` (the last Friday); 0 and 7 are Sunday. When both day and weekday are given, one of them is enough,
/// unless the weekday is written `+MON`: then both must fit.
///
/// # When the clock changes
/// A rule written with `*`, a range or a step among seconds, minutes or hours repeats. When it names the hour that
/// follows the change, it carries on through it, by elapsed time: it runs whenever the clock shows a time that it
/// names. `*/15 * * * *` runs every 15 minutes, through the hour that comes twice as well as over the one that is left out.
///
/// Every other rule names times of day (`30 2 * * *`, `0 6,18 * * *`, also `0 */2 * * *` where 03:00 follows), and
/// each of them counts once a day: when the clock is put back, it runs at the first of the two; when the clock is put
/// forward over it, it runs at the moment the gap ends. Times that fall in one gap, or on its end, share one run.
#[derive(Debug, Clone, PartialEq)]
pub enum Rule {
    /// At the times that an expression names, in a time zone.
    Cron(Box<Cron>),
    /// So many seconds after the run before.
    Every {
        /// From one run to the next.
        seconds: NonZeroU32,
    },
}

/// A cron expression in a time zone.
#[derive(Debug, Clone, PartialEq)]
pub struct Cron {
    expression: String,
    zone_name: String,
    zone: TimeZone,
    fields: Fields,
    calendar: Calendar,
    /// Written with `*`, a range or a step among seconds, minutes or hours.
    repeats: bool,
}

/// A moment on the clocks of a time zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WallTime {
    /// RFC 3339 with the offset of the zone at that moment.
    pub rfc3339: String,
    /// Such as "Sun 29 Mar 2026, 03:00 CEST"; with seconds when there are any.
    pub spoken: String,
}

/// The due times that went by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Missed {
    /// How many; with `more` there are more than that.
    pub count: u64,
    /// Whether counting stopped at [`Missed::MOST`].
    pub more: bool,
    /// The newest of them.
    pub newest: Option<Timestamp>,
}

impl Missed {
    /// The due times of an expression are counted up to here.
    pub const MOST: u64 = 1000;

    const NONE: Self = Self { count: 0, more: false, newest: None };
}

impl fmt::Display for Missed {
    /// Such as "3", or "more than 1000".
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.more { write!(f, "more than {}", self.count) } else { write!(f, "{}", self.count) }
    }
}

impl Rule {
    /// Reads a cron expression and the IANA name of a time zone, in capitals or small letters.
    /// [`Rule`] says what an expression may be.
    ///
    /// # Errors
    /// [`Error::Invalid`] for `cron` or `zone`: what is wrong with which part, and how to write it; also when the
    /// expression names no day that there is, such as 31 February.
    pub fn parse_cron(expression: &str, zone: &str) -> Result<Self> {
        let (fields, expression) = Fields::parse(expression)?;
        let calendar = Calendar::new(&fields);
        if calendar.is_empty() {
            return Err(Error::invalid(
                "cron",
                format!(
                    "`{expression}` never runs: no such day comes in these months, as with 31 February; change the day, \
                     the month or the weekday"
                ),
            ));
        }
        let zone = Zone::find(zone)?;
        let (zone, zone_name) = (zone.time_zone().clone(), zone.name().to_owned());
        let repeats = [&fields.second, &fields.minute, &fields.hour].iter().any(|field| field.repeats());
        Ok(Self::Cron(Box::new(Cron { expression, zone_name, zone, fields, calendar, repeats })))
    }

    /// Every so many seconds.
    ///
    /// # Errors
    /// [`Error::Invalid`] for `every` when it is 0.
    pub fn every(seconds: u32) -> Result<Self> {
        let seconds = NonZeroU32::new(seconds)
            .ok_or_else(|| Error::invalid("every", "must be at least one second; pause the schedule to stop it"))?;
        Ok(Self::Every { seconds })
    }

    /// The expression in its canonical form, which is read again as the same rule. `None` for "every".
    pub fn expression(&self) -> Option<&str> {
        match self {
            Self::Cron(cron) => Some(&cron.expression),
            Self::Every { .. } => None,
        }
    }

    /// The name of the time zone, as the database writes it. `None` for "every".
    pub fn zone(&self) -> Option<&str> {
        match self {
            Self::Cron(cron) => Some(&cron.zone_name),
            Self::Every { .. } => None,
        }
    }

    /// The seconds of "every". `None` for an expression.
    pub fn every_s(&self) -> Option<u32> {
        match self {
            Self::Cron(_) => None,
            Self::Every { seconds } => Some(seconds.get()),
        }
    }

    /// The first run later than `after`, which for "every" is the run before. `None` when there is none until the
    /// year 9998.
    pub fn next_after(&self, after: Timestamp) -> Option<Timestamp> {
        self.runs(after).next()
    }

    /// All runs later than `after`, in order: `.take(10)` for the next ten.
    pub fn runs(&self, after: Timestamp) -> Runs<'_> {
        Runs::new(self, after)
    }

    /// The runs later than `after` and not later than `until`, at most `limit` of them.
    pub fn between(&self, after: Timestamp, until: Timestamp, limit: usize) -> Vec<Timestamp> {
        self.runs(after).take_while(|at| *at <= until).take(limit).collect()
    }

    /// What was due later than `last_seen` and not later than `now`. Costs the same however long that is: an
    /// expression is counted up to [`Missed::MOST`]. None when the clock went back.
    pub fn missed(&self, last_seen: Timestamp, now: Timestamp) -> Missed {
        match self {
            Self::Cron(_) => self.missed_times(last_seen, now),
            Self::Every { seconds } => missed_turns(i64::from(seconds.get()) * 1000, last_seen, now),
        }
    }

    fn missed_times(&self, last_seen: Timestamp, now: Timestamp) -> Missed {
        let (mut count, mut newest) = (0, None);
        for at in self.runs(last_seen).take_while(|at| *at <= now) {
            newest = Some(at);
            if count == Missed::MOST {
                return Missed { count, more: true, newest: Some(self.newest_in(at, now)) };
            }
            count += 1;
        }
        Missed { count, more: false, newest }
    }

    /// The newest run until `now`, given one of them; halves the time between until nothing is left.
    fn newest_in(&self, mut newest: Timestamp, now: Timestamp) -> Timestamp {
        let mut end = now.millis();
        while newest.millis() < end {
            let middle = newest.millis() + end.saturating_sub(newest.millis()) / 2;
            match self.next_after(Timestamp::from_millis(middle)).filter(|at| *at <= now) {
                Some(at) => newest = at,
                None => end = middle,
            }
        }
        newest
    }

    /// A moment on the clocks of the rule's time zone. `None` for "every".
    pub fn wall_time(&self, at: Timestamp) -> Option<WallTime> {
        let Self::Cron(cron) = self else { return None };
        let at = jiff::Timestamp::from_millisecond(at.millis()).ok()?.to_zoned(cron.zone.clone());
        let clock = if at.second() == 0 { "%H:%M" } else { "%H:%M:%S" };
        Some(WallTime {
            rfc3339: at.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string(),
            spoken: at.strftime(&format!("%a %-d %b %Y, {clock} %Z")).to_string(),
        })
    }

    /// What the rule says, in English: "every day at 03:00 (Europe/Berlin)".
    pub fn spoken(&self) -> String {
        match self {
            Self::Cron(cron) => spoken::cron(&cron.fields, &cron.zone_name),
            Self::Every { seconds } => spoken::every(seconds.get()),
        }
    }
}

fn missed_turns(every_ms: i64, last_seen: Timestamp, now: Timestamp) -> Missed {
    let turns = now.millis().saturating_sub(last_seen.millis()) / every_ms;
    match u64::try_from(turns) {
        Err(_) | Ok(0) => Missed::NONE,
        Ok(count) => {
            let newest = Timestamp::from_millis(last_seen.millis() + turns * every_ms);
            Missed { count, more: false, newest: Some(newest) }
        }
    }
}

impl Cron {
    /// Whether the rule carries on through a change of the clock that this wall time follows.
    fn carries_on(&self, wall_after: i64) -> bool {
        self.repeats && self.calendar.names_hour_of(wall_after)
    }
}
