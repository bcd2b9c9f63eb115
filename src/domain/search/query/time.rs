use std::time::Duration;

use aviary_kernel::base::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{ToSpan, Zoned};

/// The moment that a text names, as queries understand it: where the time begins that it stands for. `zone` is an IANA name; UTC
/// when it is none.
pub fn moment(text: &str, now: Timestamp, zone: Option<&str>) -> Option<Timestamp> {
    let zone = zone.and_then(|name| TimeZone::get(name).ok()).unwrap_or(TimeZone::UTC);
    interval(text, now, &zone).map(|(from, _)| from)
}

/// The stretch of time that a text names, as people write it: a year, a month, a day, an hour, a minute, a moment, `today`,
/// `yesterday`, or how long ago, such as `2h`.
pub(in crate::search) fn interval(text: &str, now: Timestamp, zone: &TimeZone) -> Option<(Timestamp, Timestamp)> {
    let text = text.trim();
    if let Some(ago) = ago(text) {
        let at = now.minus(ago);
        return Some((at, at.plus(Duration::from_millis(1))));
    }
    let today = jiff::Timestamp::from_millisecond(now.millis()).ok()?.to_zoned(zone.clone()).date();
    match text.to_ascii_lowercase().as_str() {
        "now" => return Some((now, now.plus(Duration::from_millis(1)))),
        "today" => return days(today, today, zone),
        "yesterday" => {
            let day = today.yesterday().ok()?;
            return days(day, day, zone);
        }
        _ => {}
    }
    if let Ok(at) = text.parse::<jiff::Timestamp>() {
        let at = Timestamp::from_millis(at.as_millisecond());
        return Some((at, at.plus(Duration::from_secs(1))));
    }
    let parts: Vec<&str> = text.splitn(3, '-').collect();
    match parts.as_slice() {
        [year] => {
            let year = number(year, 4)?;
            days(Date::new(year, 1, 1).ok()?, Date::new(year, 12, 31).ok()?, zone)
        }
        [year, month] => {
            let first = Date::new(number(year, 4)?, i8::try_from(number(month, 2)?).ok()?, 1).ok()?;
            days(first, first.last_of_month(), zone)
        }
        _ => match text.split_once(['T', 't', ' ']) {
            None => {
                let day = text.parse::<Date>().ok()?;
                days(day, day, zone)
            }
            Some((day, clock)) => clocked(day.parse().ok()?, clock.trim(), zone),
        },
    }
}

fn number(text: &str, digits: usize) -> Option<i16> {
    let is_number = text.len() <= digits && !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let is_whole = digits != 4 || text.len() == 4;
    if is_number && is_whole { text.parse().ok() } else { None }
}

fn days(first: Date, last: Date, zone: &TimeZone) -> Option<(Timestamp, Timestamp)> {
    let until = last.tomorrow().ok()?;
    Some((at(first.to_zoned(zone.clone()).ok()?), at(until.to_zoned(zone.clone()).ok()?)))
}

fn clocked(day: Date, clock: &str, zone: &TimeZone) -> Option<(Timestamp, Timestamp)> {
    let parts: Vec<i8> =
        clock.split(':').map(|part| number(part, 2).and_then(|n| i8::try_from(n).ok())).collect::<Option<_>>()?;
    let (time, length) = match parts.as_slice() {
        [hour] => (DateTime::from_parts(day, jiff::civil::Time::new(*hour, 0, 0, 0).ok()?), 1.hour()),
        [hour, minute] => (DateTime::from_parts(day, jiff::civil::Time::new(*hour, *minute, 0, 0).ok()?), 1.minute()),
        [hour, minute, second] => {
            (DateTime::from_parts(day, jiff::civil::Time::new(*hour, *minute, *second, 0).ok()?), 1.second())
        }
        _ => return None,
    };
    let from = time.to_zoned(zone.clone()).ok()?;
    let until = from.checked_add(length).ok()?;
    Some((at(from), at(until)))
}

fn at(zoned: Zoned) -> Timestamp {
    Timestamp::from_millis(zoned.timestamp().as_millisecond())
}

fn ago(text: &str) -> Option<Duration> {
    let unit = text.chars().last()?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        'd' => 86_400,
        'w' => 7 * 86_400,
        _ => return None,
    };
    let count: u64 = text[..text.len() - 1].parse().ok().filter(|count| *count <= 1_000_000)?;
    Some(Duration::from_secs(count * seconds))
}
