//! The rules against brute force: every minute of wall time and of real time, over the clock changes of all zones.

use std::collections::BTreeMap;

use aviary_kernel::base::{Timestamp, Zone};
use jiff::civil::Date;
use jiff::tz::{AmbiguousOffset, Offset, TimeZone, TimeZoneDatabase};
use jiff::{SignedDuration, ToSpan};

use super::{Cron, Rule};

const MINUTE: i64 = 60;
const DAY: i64 = 86_400;

/// A rule in the words of the test: which dates, which minutes of the day, and whether it carries on through a change
/// that is followed by this hour.
struct Told {
    expression: &'static str,
    on: fn(Date) -> bool,
    at: fn(i64, i64) -> bool,
    carries_on: fn(i64) -> bool,
}

const fn told(
    expression: &'static str,
    on: fn(Date) -> bool,
    at: fn(i64, i64) -> bool,
    carries_on: fn(i64) -> bool,
) -> Told {
    Told { expression, on, at, carries_on }
}

const ANY: fn(Date) -> bool = |_| true;
const NEVER: fn(i64) -> bool = |_| false;
const ALWAYS: fn(i64) -> bool = |_| true;

const TOLD: &[Told] = &[
    told("30 2 * * *", ANY, |h, m| h == 2 && m == 30, NEVER),
    told("0 0 * * *", ANY, |h, m| h == 0 && m == 0, NEVER),
    told("59 23 * * *", ANY, |h, m| h == 23 && m == 59, NEVER),
    told("15,45 1,2,3 * * *", ANY, |h, m| (1..=3).contains(&h) && (m == 15 || m == 45), NEVER),
    told("10 3 * * SUN", |d| d.weekday().to_sunday_zero_offset() == 0, |h, m| h == 3 && m == 10, NEVER),
    told("30 0 31 * *", |d| d.day() == 31, |h, m| h == 0 && m == 30, NEVER),
    told("30 2 29 2 *", |d| d.month() == 2 && d.day() == 29, |h, m| h == 2 && m == 30, NEVER),
    told("30 1 L * *", |d| d.day() == d.days_in_month(), |h, m| h == 1 && m == 30, NEVER),
    told("0 * * * *", ANY, |_, m| m == 0, ALWAYS),
    told("*/15 * * * *", ANY, |_, m| m % 15 == 0, ALWAYS),
    told("*/7 * * * *", ANY, |_, m| m % 7 == 0, ALWAYS),
    told("0 */2 * * *", ANY, |h, m| h % 2 == 0 && m == 0, |h| h % 2 == 0),
    told("30 1-3 * * *", ANY, |h, m| (1..=3).contains(&h) && m == 30, |h| (1..=3).contains(&h)),
    told("*/20 2 * * *", ANY, |h, m| h == 2 && m % 20 == 0, |h| h == 2),
    told("*/20 0 * * SAT", |d| d.weekday().to_sunday_zero_offset() == 6, |h, m| h == 0 && m % 20 == 0, |h| h == 0),
];

/// The offsets of a zone from a moment on, as jiff tells its changes.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Clock(Vec<(i64, i64)>);

impl Clock {
    fn of(zone: &TimeZone, start: i64, end: i64) -> Self {
        let at = |s: i64| jiff::Timestamp::from_second(s).unwrap();
        let mut steps = vec![(start, i64::from(zone.to_offset(at(start)).seconds()))];
        for change in zone.following(at(start)).take_while(|change| change.timestamp() < at(end)) {
            let offset = i64::from(change.offset().seconds());
            let from = change.timestamp().as_second();
            assert_eq!(i64::from(zone.to_offset(at(from)).seconds()), offset);
            assert_eq!(i64::from(zone.to_offset(at(from - 1)).seconds()), steps.last().unwrap().1);
            if steps.last().unwrap().1 != offset {
                steps.push((from, offset));
            }
        }
        Self(steps)
    }

    fn changes(&self) -> impl Iterator<Item = i64> {
        self.0.iter().skip(1).map(|step| step.0)
    }
}

/// Which minutes of a day a rule names.
fn minutes(told: &Told) -> Vec<bool> {
    (0..1440).map(|minute| (told.at)(minute / 60, minute % 60)).collect()
}

fn date(day: i64) -> Date {
    Date::constant(1970, 1, 1).checked_add(day.days()).unwrap()
}

/// Minute by minute of real time from `start` until before `end`.
fn walk_real_time(told: &Told, clock: &Clock, start: i64, end: i64) -> Vec<i64> {
    let minutes = minutes(told);
    let first_day = start.div_euclid(DAY) - 3;
    let on: Vec<bool> = (first_day..=end.div_euclid(DAY) + 3).map(|day| (told.on)(date(day))).collect();
    let named = |wall: i64| {
        on[(wall.div_euclid(DAY) - first_day) as usize] && minutes[(wall.rem_euclid(DAY) / MINUTE) as usize]
    };
    let mut due = Vec::new();
    // Begins earlier, so that a change just before `start` is seen.
    let mut at = start - 6 * 60 * MINUTE;
    let mut step = clock.0.partition_point(|step| step.0 <= at) - 1;
    let mut shown_until = i64::MIN;
    while at < end {
        let mut now = false;
        if clock.0.get(step + 1).is_some_and(|next| next.0 == at) {
            let (before, after) = (at + clock.0[step].1, at + clock.0[step + 1].1);
            step += 1;
            if !(told.carries_on)(before.max(after).rem_euclid(DAY) / 3600) {
                now = (before..after).step_by(60).any(named);
                shown_until = before;
            }
        }
        let wall = at + clock.0[step].1;
        now |= wall >= shown_until && named(wall);
        if now && at >= start {
            due.push(at);
        }
        at += MINUTE;
    }
    due
}

/// Minute by minute of wall time, each resolved by jiff: for rules that name times of day.
fn walk_wall_time(told: &Told, zone: &TimeZone, start: i64, end: i64) -> Vec<i64> {
    let named: Vec<usize> = minutes(told).iter().enumerate().filter(|(_, named)| **named).map(|(m, _)| m).collect();
    let mut due = Vec::new();
    for day in start.div_euclid(DAY) - 2..=end.div_euclid(DAY) + 2 {
        let date = date(day);
        if !(told.on)(date) {
            continue;
        }
        for minute in &named {
            let wall = date.at((minute / 60) as i8, (minute % 60) as i8, 0, 0);
            let found = zone.to_ambiguous_timestamp(wall);
            let at = if matches!(found.offset(), AmbiguousOffset::Gap { .. }) {
                let beyond = found.later().unwrap() + SignedDuration::from_secs(1);
                zone.preceding(beyond).next().unwrap().timestamp()
            } else {
                found.earlier().unwrap()
            };
            due.push(at.as_second());
        }
    }
    due.retain(|at| (start..end).contains(at));
    due.sort_unstable();
    due.dedup();
    due
}

/// The rule in another zone, without reading the expression anew.
fn moved(rule: &Rule, zone: &str) -> Rule {
    let Rule::Cron(cron) = rule else { panic!("no expression") };
    let zone = Zone::find(zone).unwrap();
    let (zone, zone_name) = (zone.time_zone().clone(), zone.name().to_owned());
    Rule::Cron(Box::new(Cron { zone, zone_name, ..Cron::clone(cron) }))
}

fn from_rule(rule: &Rule, start: i64, end: i64) -> Vec<i64> {
    rule.runs(Timestamp::from_seconds(start - 1)).map(Timestamp::seconds).take_while(|at| *at < end).collect()
}

fn second(text: &str) -> i64 {
    Timestamp::parse(text).unwrap().seconds()
}

fn assert_same(rule: &Rule, zone: &str, found: &[i64], wanted: &[i64]) {
    if found == wanted {
        return;
    }
    let at = found.iter().zip(wanted).take_while(|(a, b)| a == b).count();
    let show = |times: &[i64]| times.get(at).map(|s| Timestamp::from_seconds(*s).to_string());
    panic!("{:?} in {zone}: runs at {:?}, should at {:?}", rule.expression(), show(found), show(wanted));
}

/// All zones, with those that keep the same time together.
fn zones_by_clock(start: i64, end: i64) -> BTreeMap<Clock, Vec<String>> {
    let mut zones: BTreeMap<Clock, Vec<String>> = BTreeMap::new();
    let database = TimeZoneDatabase::bundled();
    for name in database.available() {
        let zone = database.get(name.as_str()).unwrap();
        if !zone.is_unknown() {
            zones.entry(Clock::of(&zone, start, end)).or_default().push(name.to_string());
        }
    }
    zones
}

fn check_all_zones(told: &[Told]) {
    let (start, end) = (second("2026-01-01T00:00:00Z"), second("2037-01-01T00:00:00Z"));
    let zones = zones_by_clock(start - 10 * DAY, end + 10 * DAY);
    let rules: Vec<Rule> = told.iter().map(|told| Rule::parse_cron(told.expression, "UTC").unwrap()).collect();
    assert!(zones.values().map(Vec::len).sum::<usize>() > 550);
    for (clock, names) in &zones {
        let mut middles: Vec<i64> = clock.changes().filter(|at| (start..end).contains(at)).collect();
        if middles.is_empty() {
            middles.push(second("2028-02-29T00:00:00Z"));
        }
        let windows: Vec<(i64, i64)> = middles.iter().map(|at| (at - 2 * DAY, at + 2 * DAY)).collect();
        for (told, rule) in told.iter().zip(&rules) {
            let wanted: Vec<Vec<i64>> =
                windows.iter().map(|(start, end)| walk_real_time(told, clock, *start, *end)).collect();
            for name in names {
                let rule = moved(rule, name);
                for (window, wanted) in windows.iter().zip(&wanted) {
                    assert_same(&rule, name, &from_rule(&rule, window.0, window.1), wanted);
                }
            }
            if std::ptr::fn_addr_eq(told.carries_on, NEVER) {
                let zone = TimeZoneDatabase::bundled().get(&names[0]).unwrap();
                for (window, wanted) in windows.iter().zip(&wanted) {
                    assert_eq!(&walk_wall_time(told, &zone, window.0, window.1), wanted, "{}", told.expression);
                }
            }
        }
    }
}

#[test]
fn times_of_day_hold_over_every_change_of_every_zone() {
    check_all_zones(&TOLD[..8]);
}

#[test]
fn repeating_rules_hold_over_every_change_of_every_zone() {
    check_all_zones(&TOLD[8..]);
}

#[test]
fn rules_hold_through_ten_whole_years_of_odd_zones() {
    let (start, end) = (second("2026-01-01T00:00:00Z"), second("2036-01-01T00:00:00Z"));
    let zones = [
        "UTC",
        "Europe/Berlin",
        "America/New_York",
        "America/Havana",
        "America/Santiago",
        "Africa/Casablanca",
        "Africa/Cairo",
        "Antarctica/Troll",
        "Asia/Kathmandu",
        "Asia/Gaza",
        "Australia/Lord_Howe",
        "Pacific/Chatham",
        "Pacific/Apia",
    ];
    for name in zones {
        let zone = TimeZoneDatabase::bundled().get(name).unwrap();
        for told in TOLD {
            let rule = Rule::parse_cron(told.expression, name).unwrap();
            if std::ptr::fn_addr_eq(told.carries_on, NEVER) {
                assert_same(&rule, name, &from_rule(&rule, start, end), &walk_wall_time(told, &zone, start, end));
            } else if name == "Australia/Lord_Howe" && told.expression != "*/7 * * * *" {
                let clock = Clock::of(&zone, start - 2 * DAY, end + DAY);
                assert_same(&rule, name, &from_rule(&rule, start, end), &walk_real_time(told, &clock, start, end));
            }
        }
    }
}

#[test]
fn a_quarter_of_an_hour_stays_one_over_changes_by_quarters_of_an_hour() {
    let (start, end) = (second("2026-01-01T00:00:00Z"), second("2036-01-01T00:00:00Z"));
    for name in ["Europe/Berlin", "Australia/Lord_Howe", "Antarctica/Troll", "Asia/Kathmandu"] {
        let rule = Rule::parse_cron("*/15 * * * *", name).unwrap();
        let clock = Clock::of(&TimeZoneDatabase::bundled().get(name).unwrap(), start - DAY, end);
        for change in clock.changes() {
            let runs = from_rule(&rule, change - DAY, change + DAY);
            assert!(runs.windows(2).all(|pair| pair[1] - pair[0] == 900), "{name}");
            assert_eq!(runs.len(), 2 * 96, "{name}");
        }
    }
}

#[test]
fn a_day_that_a_zone_left_out_still_has_its_run() {
    // Samoa went from the 29th to the 31st of December 2011.
    let rule = Rule::parse_cron("0 3 * * *", "Pacific/Apia").unwrap();
    let runs = from_rule(&rule, second("2011-12-29T00:00:00Z"), second("2012-01-01T00:00:00Z"));
    let said: Vec<String> = runs.iter().map(|at| Timestamp::from_seconds(*at).to_string()).collect();
    assert_eq!(said, ["2011-12-29T13:00:00Z", "2011-12-30T10:00:00Z", "2011-12-30T13:00:00Z", "2011-12-31T13:00:00Z"]);
    let zone = TimeZoneDatabase::bundled().get("Pacific/Apia").unwrap();
    assert_eq!(Offset::constant(14), zone.to_offset(jiff::Timestamp::from_second(runs[1]).unwrap()));
}
