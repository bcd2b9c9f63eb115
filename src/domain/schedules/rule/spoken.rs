//! Rules in plain English, on a 24-hour clock. What has no short form is told part by part.

use super::fields::{Field, Fields, Item, Nth, span, week};

const WEEKDAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const NTH: [&str; 5] = ["first", "second", "third", "fourth", "fifth"];
/// More times of day than these are told by hour and minute.
const MOST_TIMES: u32 = 8;

const EVERY_SIXTIETH: u64 = (1 << 60) - 1;
const EVERY_HOUR: u64 = (1 << 24) - 1;
const EVERY_DAY: u64 = ((1 << 31) - 1) << 1;
const EVERY_MONTH: u64 = ((1 << 12) - 1) << 1;

/// "every 15 minutes".
pub(super) fn every(seconds: u32) -> String {
    const DAY: u32 = 86_400;
    match seconds {
        DAY => "every 24 hours".to_owned(),
        s if s % DAY == 0 => format!("every {} days", s / DAY),
        s if s % 3600 == 0 => every_few(s / 3600, "hour"),
        s if s % 60 == 0 => every_few(s / 60, "minute"),
        s => every_few(s, "second"),
    }
}

fn every_few(n: u32, unit: &str) -> String {
    if n == 1 { format!("every {unit}") } else { format!("every {n} {unit}s") }
}

pub(super) fn cron(fields: &Fields, zone: &str) -> String {
    let time = Time::of(fields);
    let days = days(fields);
    match (&time, days) {
        (Time::Anywhere(often), None) => often.clone(),
        (Time::At(at), None) => format!("every day {at} ({zone})"),
        (Time::At(at), Some(Days::Months(months))) => format!("every day {months} {at} ({zone})"),
        (Time::At(at), Some(Days::Some(days))) => format!("{days} {at} ({zone})"),
        (Time::Often(often), None) => format!("{often} ({zone})"),
        (Time::Often(often) | Time::Anywhere(often), Some(Days::Months(days) | Days::Some(days))) => {
            format!("{often} {days} ({zone})")
        }
    }
}

/// What is said of seconds, minutes and hours.
enum Time {
    /// "at 03:00", which needs a day.
    At(String),
    /// "every hour at minute 30".
    Often(String),
    /// "every 15 minutes", and the same in every zone.
    Anywhere(String),
}

impl Time {
    fn of(fields: &Fields) -> Self {
        let clock = Clock { second: fields.second.bits(), minute: fields.minute.bits(), hour: fields.hour.bits() };
        let fixed = !(fields.second.repeats() || fields.minute.repeats() || fields.hour.repeats());
        clock
            .few_times(fixed)
            .or_else(|| clock.by_second())
            .or_else(|| clock.by_minute())
            .or_else(|| clock.by_hour(&fields.hour))
            .or_else(|| clock.few_times(clock.minute.count_ones() == 1 && clock.second.count_ones() == 1))
            .unwrap_or_else(|| clock.by_part())
    }
}

#[derive(Clone, Copy)]
struct Clock {
    second: u64,
    minute: u64,
    hour: u64,
}

impl Clock {
    /// "every 10 seconds", in all or some successive hours.
    fn by_second(self) -> Option<Time> {
        let n = even(self.second).filter(|_| self.minute == EVERY_SIXTIETH)?;
        let often = every_few(n, "second");
        if self.hour == EVERY_HOUR {
            return Some(Time::Anywhere(often));
        }
        let (first, last) = unbroken(self.hour)?;
        Some(Time::Often(format!("{often} from {first:02}:00:00 to {last:02}:59:{:02}", 60 - n)))
    }

    /// "every 15 minutes", in all or some successive hours.
    fn by_minute(self) -> Option<Time> {
        let n = even(self.minute).filter(|_| self.second == 1)?;
        let often = every_few(n, "minute");
        if self.hour == EVERY_HOUR {
            // Offsets from UTC are whole quarters of an hour.
            return Some(if 15 % n == 0 { Time::Anywhere(often) } else { Time::Often(often) });
        }
        let (first, last) = unbroken(self.hour)?;
        Some(Time::Often(format!("{often} from {first:02}:00 to {last:02}:{:02}", 60 - n)))
    }

    /// "every 2 hours from 00:30".
    fn by_hour(self, field: &Field) -> Option<Time> {
        let minute = only(self.minute).filter(|_| self.second == 1)?;
        if self.hour == EVERY_HOUR {
            return Some(Time::Often(match minute {
                0 => "every hour".to_owned(),
                minute => format!("every hour at minute {minute}"),
            }));
        }
        if let [Item::Every { step }] = field.items[..]
            && 24 % step == 0
        {
            return Some(Time::Often(format!("every {step} hours from 00:{minute:02}")));
        }
        let (first, last) = unbroken(self.hour).filter(|(first, last)| first < last && field.repeats())?;
        Some(Time::Often(format!("every hour from {first:02}:{minute:02} to {last:02}:{minute:02}")))
    }

    /// "at 06:30 and 18:30".
    fn few_times(self, fitting: bool) -> Option<Time> {
        let count = self.hour.count_ones() * self.minute.count_ones() * self.second.count_ones();
        if !fitting || count > MOST_TIMES {
            return None;
        }
        let mut times = Vec::new();
        for hour in ones(self.hour) {
            for minute in ones(self.minute) {
                for second in ones(self.second) {
                    times.push(match self.second {
                        1 => format!("{hour:02}:{minute:02}"),
                        _ => format!("{hour:02}:{minute:02}:{second:02}"),
                    });
                }
            }
        }
        Some(Time::At(format!("at {}", joined(&times, "and"))))
    }

    /// "at minute 0, 7 and 14 of hour 2 and 4".
    fn by_part(self) -> Time {
        let minute = part("minute", self.minute, EVERY_SIXTIETH);
        let hour = part("hour", self.hour, EVERY_HOUR);
        let said = match self.second {
            1 => format!("at {minute} of {hour}"),
            second => format!("at {} of {minute} of {hour}", part("second", second, EVERY_SIXTIETH)),
        };
        if self.hour == EVERY_HOUR { Time::Often(said) } else { Time::At(said) }
    }
}

fn part(unit: &str, bits: u64, all: u64) -> String {
    if bits == all {
        format!("every {unit}")
    } else {
        format!("{unit} {}", joined(&stretches(bits, u8::to_string), "and"))
    }
}

/// What is said of days.
enum Days {
    /// "in June": every day there.
    Months(String),
    /// "on Monday in June".
    Some(String),
}

fn days(fields: &Fields) -> Option<Days> {
    let month = |month: &u8| MONTHS[usize::from(*month) - 1].to_owned();
    let bits = fields.month.bits();
    let months = (bits != EVERY_MONTH).then(|| joined(&ones(bits).map(|at| month(&at)).collect::<Vec<_>>(), "and"));
    let day = (!fields.day.is_any()).then(|| on_days(&fields.day, months.as_deref()));
    let weekday = (!fields.weekday.is_any()).then(|| on_weekdays(&fields.weekday, months.as_deref(), "and"));
    match (day, weekday) {
        (None, None) => months.map(|months| Days::Months(format!("in {months}"))),
        (Some(days), None) | (None, Some(days)) => Some(Days::Some(days)),
        (Some(days), Some(_)) if fields.both => {
            let which = on_weekdays(&fields.weekday, None, "or");
            Some(Days::Some(format!("{days} (only if it is {})", which.trim_start_matches("on "))))
        }
        (Some(days), Some(weekdays)) => Some(Days::Some(format!("{days} and also {weekdays}"))),
    }
}

/// "on the 1st and 15th of the month".
fn on_days(field: &Field, months: Option<&str>) -> String {
    let of = months.unwrap_or("the month");
    let plain = field.bits();
    let mut said = match plain {
        EVERY_DAY => vec!["any day".to_owned()],
        bits => stretches(bits, |day| ordinal(*day)),
    };
    if let Some(first) = said.first_mut().filter(|_| plain != EVERY_DAY) {
        first.insert_str(0, "the ");
    }
    for item in &field.items {
        match *item {
            Item::LastDay => said.push("the last day".to_owned()),
            Item::LastWorkday => said.push("the last weekday (Monday to Friday)".to_owned()),
            Item::Workday(day) => said.push(format!("the weekday (Monday to Friday) nearest the {}", ordinal(day))),
            _ => {}
        }
    }
    format!("on {} of {of}", joined(&said, "and"))
}

/// "on Monday and Thursday", "on the second Tuesday of the month".
fn on_weekdays(field: &Field, months: Option<&str>, word: &str) -> String {
    let name = |day: &u8| WEEKDAYS[usize::from(*day)].to_owned();
    let mut said: Vec<String> = Vec::new();
    let plain = field.bits();
    if plain != 0 {
        let names = match word {
            "and" => weekdays_from_monday(plain, stretches),
            _ => weekdays_from_monday(plain, |bits, name| ones(bits).map(|day| name(&day)).collect()),
        };
        let within = months.map(|months| format!(" in {months}")).unwrap_or_default();
        said.push(format!("{}{within}", joined(&names, word)));
    }
    for item in &field.items {
        if let Item::Nth { first, last, step, nth } = *item {
            let which = match nth {
                Nth::Number(n) => NTH[usize::from(n) - 1],
                Nth::Last => "last",
            };
            let names: Vec<String> = ones(week(span(first, last, step))).map(|day| name(&day)).collect();
            let names: Vec<String> = names.iter().map(|day| format!("the {which} {day}")).collect();
            said.push(format!("{} of {}", joined(&names, word), months.unwrap_or("the month")));
        }
    }
    format!("on {}", joined(&said, word))
}

/// The names of weekdays with Sunday at the end.
fn weekdays_from_monday(bits: u64, list: impl Fn(u64, fn(&u8) -> String) -> Vec<String>) -> Vec<String> {
    let from_monday = (bits >> 1) | (bits & 1) << 6;
    list(from_monday, |day| WEEKDAYS[usize::from((day + 1) % 7)].to_owned())
}

fn ordinal(n: u8) -> String {
    let suffix = match (n % 10, n / 10) {
        (1, tens) if tens != 1 => "st",
        (2, tens) if tens != 1 => "nd",
        (3, tens) if tens != 1 => "rd",
        _ => "th",
    };
    format!("{n}{suffix}")
}

fn ones(bits: u64) -> impl Iterator<Item = u8> {
    (0..64).filter(move |at| bits >> at & 1 == 1)
}

/// The values in words; three and more that follow each other as "9 to 17".
fn stretches(bits: u64, name: fn(&u8) -> String) -> Vec<String> {
    let mut said = Vec::new();
    let mut values = ones(bits).peekable();
    while let Some(first) = values.next() {
        let mut last = first;
        while let Some(next) = values.next_if_eq(&(last + 1)) {
            last = next;
        }
        match last - first {
            0 => said.push(name(&first)),
            1 => said.extend([name(&first), name(&last)]),
            _ => said.push(format!("{} to {}", name(&first), name(&last))),
        }
    }
    said
}

/// "a", "a and b", "a, b and c".
fn joined(words: &[String], word: &str) -> String {
    match words {
        [] => String::new(),
        [one] => one.clone(),
        [others @ .., last] => format!("{} {word} {last}", others.join(", ")),
    }
}

/// The only value.
fn only(bits: u64) -> Option<u32> {
    (bits.count_ones() == 1).then(|| bits.trailing_zeros())
}

/// The step, when the values are those from 0 to 59 that it divides, and there are two at least.
fn even(bits: u64) -> Option<u32> {
    (1..=30u8).find(|n| 60 % n == 0 && bits == span(0, 59, *n)).map(u32::from)
}

/// The first and the last value, when all between are there too.
fn unbroken(bits: u64) -> Option<(u32, u32)> {
    let (first, last) = (bits.trailing_zeros(), bits.checked_ilog2()?);
    (bits.count_ones() == last - first + 1).then_some((first, last))
}
