//! Wall time: days and times of day, as a clock without a time zone shows them.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::Offset;

use super::fields::{Fields, Item, Nth, span, week};

pub(super) const DAY_S: i64 = 86_400;

/// Days are the same again, weekdays included, after this many months.
const CYCLE_MONTHS: u32 = 400 * 12;

/// Which wall times a rule names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Calendar {
    days: Days,
    times: Times,
}

impl Calendar {
    pub(super) fn new(fields: &Fields) -> Self {
        Self { days: Days::new(fields), times: Times::new(fields) }
    }

    /// Whether no day at all is named, as with 31 February.
    pub(super) fn is_empty(&self) -> bool {
        self.days.is_empty()
    }

    /// Whether the hour that holds this wall time is named.
    pub(super) fn names_hour_of(&self, wall: i64) -> bool {
        self.times.hours >> (wall.rem_euclid(DAY_S) / 3600) & 1 == 1
    }

    /// The first wall time named at or after `from`, in seconds since 1970 on the wall clock. Looks through 400
    /// years, month by month, and so costs at most some thousand steps.
    pub(super) fn first_from(&self, from: i64) -> Option<i64> {
        let day = from.div_euclid(DAY_S);
        if self.days.first_from(day)? == day
            && let Some(time) = self.times.first_from(from.rem_euclid(DAY_S))
        {
            return Some(day * DAY_S + time);
        }
        let day = self.days.first_from(day + 1)?;
        self.times.first_from(0).map(|time| day * DAY_S + time)
    }
}

/// Times of day, as bits.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Times {
    seconds: u64,
    minutes: u64,
    hours: u64,
}

impl Times {
    fn new(fields: &Fields) -> Self {
        Self { seconds: fields.second.bits(), minutes: fields.minute.bits(), hours: fields.hour.bits() }
    }

    /// The first time at or after `from`, in seconds of the day.
    fn first_from(&self, from: i64) -> Option<i64> {
        let (hour, minute, second) = (from / 3600, from / 60 % 60, from % 60);
        if self.hours >> hour & 1 == 1 {
            if self.minutes >> minute & 1 == 1
                && let Some(second) = bit_from(self.seconds, second)
            {
                return Some(hour * 3600 + minute * 60 + second);
            }
            if let Some(minute) = bit_from(self.minutes, minute + 1) {
                return Some(hour * 3600 + minute * 60 + bit_from(self.seconds, 0)?);
            }
        }
        let hour = bit_from(self.hours, hour + 1)?;
        Some(hour * 3600 + bit_from(self.minutes, 0)? * 60 + bit_from(self.seconds, 0)?)
    }
}

/// The first bit that is set at or after `from`.
fn bit_from(bits: u64, from: i64) -> Option<i64> {
    let rest = if from < 64 { bits >> from } else { 0 };
    (rest != 0).then(|| from + i64::from(rest.trailing_zeros()))
}

/// Days, as bits for each of the 28 shapes that a month can have: 28 to 31 days, beginning on any weekday.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Days {
    months: u64,
    shapes: [[u32; 7]; 4],
}

impl Days {
    fn new(fields: &Fields) -> Self {
        let mut shapes = [[0; 7]; 4];
        for (length, by_first) in (28..).zip(&mut shapes) {
            for (first, days) in (0..).zip(by_first) {
                *days = Shape { length, first }.days(fields);
            }
        }
        Self { months: fields.month.bits(), shapes }
    }

    fn is_empty(&self) -> bool {
        let lengths = |month: usize| match month {
            2 => 28..=29,
            4 | 6 | 9 | 11 => 30..=30,
            _ => 31..=31,
        };
        // Each month begins on each weekday some day, leap years too.
        (1..=12usize)
            .filter(|month| self.months >> month & 1 == 1)
            .flat_map(lengths)
            .all(|length: usize| self.shapes[length - 28].iter().all(|days| *days == 0))
    }

    /// The first day at or after `from`, both as days since 1970.
    fn first_from(&self, from: i64) -> Option<i64> {
        let date = date_of(from)?;
        let (mut year, mut month) = (date.year(), date.month());
        let mut first_day = from - i64::from(date.day()) + 1;
        // Bit 1 is the first of the month.
        let mut ahead = u32::MAX << date.day();
        for _ in 0..=CYCLE_MONTHS {
            let length = Date::new(year, month, 1).ok()?.days_in_month();
            if self.months >> month & 1 == 1 {
                let days = self.shapes[length as usize - 28][weekday_of(first_day)] & ahead;
                if days != 0 {
                    return Some(first_day + i64::from(days.trailing_zeros()) - 1);
                }
            }
            ahead = u32::MAX;
            first_day += i64::from(length);
            (year, month) = if month == 12 { (year + 1, 1) } else { (year, month + 1) };
        }
        None
    }
}

/// Sunday is 0; 1 January 1970 was a Thursday.
fn weekday_of(day: i64) -> usize {
    (day + 4).rem_euclid(7) as usize
}

fn date_of(day: i64) -> Option<Date> {
    Timestamp::from_second(day.checked_mul(DAY_S)?).ok().map(|t| Offset::UTC.to_datetime(t).date())
}

/// A month with `length` days that begins on the weekday `first` (Sunday is 0).
#[derive(Clone, Copy)]
struct Shape {
    length: u8,
    first: u8,
}

impl Shape {
    fn weekday(self, day: u8) -> u8 {
        (self.first + day - 1) % 7
    }

    /// The days that the rule names in such a month, as bits.
    fn days(self, fields: &Fields) -> u32 {
        let by_day = self.by_day(fields);
        let by_weekday = self.by_weekday(fields);
        let all = (1..=self.length).fold(0, |bits, day| bits | 1 << day);
        all & match (fields.day.is_any(), fields.weekday.is_any()) {
            (true, true) => all,
            (true, false) => by_weekday,
            (false, true) => by_day,
            (false, false) if fields.both => by_day & by_weekday,
            (false, false) => by_day | by_weekday,
        }
    }

    fn by_day(self, fields: &Fields) -> u32 {
        let mut days = fields.day.bits() as u32;
        for item in &fields.day.items {
            match *item {
                Item::LastDay => days |= 1 << self.length,
                Item::LastWorkday => days |= 1 << self.last_workday(),
                Item::Workday(day) if day <= self.length => days |= 1 << self.nearest_workday(day),
                _ => {}
            }
        }
        days
    }

    fn by_weekday(self, fields: &Fields) -> u32 {
        let plain = fields.weekday.bits();
        (1..=self.length)
            .filter(|&day| {
                let weekday = 1u64 << self.weekday(day);
                plain & weekday != 0 || fields.weekday.items.iter().any(|item| self.is_nth(item, day, weekday))
            })
            .fold(0, |days, day| days | 1 << day)
    }

    fn is_nth(self, item: &Item, day: u8, weekday: u64) -> bool {
        let Item::Nth { first, last, step, nth } = *item else { return false };
        week(span(first, last, step)) & weekday != 0
            && match nth {
                Nth::Number(n) => (day - 1) / 7 + 1 == n,
                Nth::Last => day + 7 > self.length,
            }
    }

    fn last_workday(self) -> u8 {
        match self.weekday(self.length) {
            0 => self.length - 2,
            6 => self.length - 1,
            _ => self.length,
        }
    }

    /// Stays within the month: the first goes forward, the last back.
    fn nearest_workday(self, day: u8) -> u8 {
        match self.weekday(day) {
            6 if day == 1 => 3,
            6 => day - 1,
            0 if day == self.length => day - 2,
            0 => day + 1,
            _ => day,
        }
    }
}
