use std::collections::BTreeMap;
use std::str::FromStr;

use aviary_kernel::base::{Error, Timestamp};
use jiff::civil::DateTime;
use proptest::prelude::*;

use super::fields::Fields;
use super::{Calendar, Missed, Rule};

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

fn cron(expression: &str, zone: &str) -> Rule {
    Rule::parse_cron(expression, zone).unwrap()
}

fn refusal(expression: &str, zone: &str) -> (&'static str, String) {
    match Rule::parse_cron(expression, zone) {
        Err(Error::Invalid { field, reason }) => (field, reason),
        other => panic!("{expression:?} in {zone:?} gave {other:?}"),
    }
}

fn next(rule: &Rule, after: &str, n: usize) -> Vec<String> {
    rule.runs(at(after)).take(n).map(|t| t.to_string()).collect()
}

#[test]
fn a_wrong_expression_is_refused_with_the_part_and_the_reason() {
    for (expression, fragment) in [
        ("", "write five parts: minute hour day month weekday, such as `0 3 * * *`"),
        ("   ", "write five parts"),
        ("3", "not one"),
        ("0 3 * *", "not 4"),
        ("0 0 3 * * * 2027", "years cannot be given"),
        ("0 0 0 3 * * * *", "not 8"),
        ("75 * * * *", "the minute must be 0 to 59, not 75"),
        ("60 0 3 * * *", "the second must be 0 to 59, not 60"),
        ("0 24 * * *", "the hour must be 0 to 23, not 24"),
        ("0 0 0 * *", "the day must be 1 to 31, not 0"),
        ("0 0 32 * *", "the day must be 1 to 31, not 32"),
        ("0 0 * 13 *", "the month must be 1 to 12 or a name such as JAN, not 13"),
        ("0 0 * JUNE *", "the month must be 1 to 12 or a name such as JAN"),
        ("0 0 * * 8", "the weekday must be 0 to 7 (0 and 7 are Sunday) or a name such as MON, not 8"),
        ("0 0 * * MONDAY", "not `MONDAY`"),
        ("0 0 * * L", "`FRI#L` is the last Friday"),
        ("0 0 * * MON#6", "1 to 5 or L, such as `MON#2` for the second Monday, not `6`"),
        ("0 0 * * *#2", "must say which day before `#`"),
        ("0 0 L-3 * *", "`L` is the last day of the month"),
        ("0 0 W * *", "the day must be 1 to 31"),
        ("0 0 32W * *", "the day must be 1 to 31, not 32"),
        ("L * * * *", "the minute must be 0 to 59"),
        ("5/10 * * * *", "steps over a single number; write `5-59/10`"),
        ("/10 * * * *", "write `*/10`"),
        ("*/0 * * * *", "the step of the minute must be 1 to 59"),
        ("*/60 * * * *", "not `60`"),
        ("*/x * * * *", "not `X`"),
        ("0 22-2 * * *", "the hour `22-2` runs backwards; write `22-23,0-2`"),
        ("0 0 * * FRI-MON", "write `5-7,1`"),
        ("0 0 * * SAT-1", "write `6-7,1`"),
        ("1,,2 * * * *", "the minute has an empty place in its list"),
        ("0 3, * * *", "the hour has an empty place in its list"),
        ("*,5 * * * *", "already every minute"),
        ("0 0 * * +", "the weekday has an empty place"),
        ("-5 * * * *", "the minute must be 0 to 59"),
        ("99999999999999999999 * * * *", "the minute must be 0 to 59"),
        ("1-2-3 * * * *", "not `2-3`"),
        ("? * * * *", "not `?`"),
        ("@reboot", "there are @hourly, @daily, @weekly, @monthly and @yearly"),
        ("@daily 5", "is not known"),
        ("0 3 * * \u{662f}", "which means nothing here"),
        ("0 3 * * \0", "which means nothing here"),
        ("0 0 31 2 *", "never runs: no such day comes in these months, as with 31 February"),
        ("0 0 31 4,6,9,11 *", "never runs"),
        ("0 0 30W 2 *", "never runs"),
        ("0 0 1 * +MON#2", "never runs"),
    ] {
        let (field, reason) = refusal(expression, "UTC");
        assert_eq!(field, "cron");
        assert!(reason.contains(fragment), "{expression:?}: {reason}");
    }
}

#[test]
fn an_unknown_zone_is_refused_with_the_nearest_names() {
    for (zone, fragment) in [
        ("", "name a time zone"),
        ("Europe/Berlim", "did you mean Europe/Berlin"),
        ("berlin", "did you mean Europe/Berlin"),
        ("New York", "America/New_York"),
        ("Asia/Calcuta", "Asia/Calcutta"),
        ("Etc/Unknown", "there is no time zone `Etc/Unknown`"),
        ("<script>", "write a name such as Europe/Berlin or UTC"),
        ("../../etc/passwd", "there is no time zone"),
        ("+02:00", "there is no time zone"),
    ] {
        let (field, reason) = refusal("0 3 * * *", zone);
        assert_eq!(field, "zone");
        assert!(reason.contains(fragment), "{zone:?}: {reason}");
    }
}

#[test]
fn long_input_is_refused_unread() {
    assert!(refusal(&"1,".repeat(100_000), "UTC").1.contains("256"));
    assert!(refusal("* * * * *", &"x".repeat(100_000)).1.contains("too long"));
    let shown = refusal(&format!("{} * * * *", "x".repeat(200)), "UTC").1;
    assert!(shown.len() < 160, "{shown}");
    let list: Vec<String> = (0..60).map(|minute| minute.to_string()).collect();
    assert!(Rule::parse_cron(&format!("{} * * * *", list.join(",")), "UTC").is_ok());
}

#[test]
fn an_expression_and_a_zone_have_one_way_to_be_written() {
    for (raw, canonical) in [
        ("  0   3 * *  mon-fri ", "0 3 * * MON-FRI"),
        ("@Daily", "0 0 * * *"),
        ("@weekly", "0 0 * * SUN"),
        ("0 0 ? jan ?", "0 0 * JAN *"),
        ("0 0 3 * * *", "0 3 * * *"),
        ("30 0 3 * * *", "30 0 3 * * *"),
        ("0 0 1 * +mon", "0 0 1 * +MON"),
        ("0 0 1 * +*", "0 0 1 * *"),
    ] {
        let rule = cron(raw, "europe/berlin");
        assert_eq!(rule.expression(), Some(canonical));
        assert_eq!(rule.zone(), Some("Europe/Berlin"));
        assert_eq!(rule.every_s(), None);
        assert_eq!(cron(canonical, "Europe/Berlin"), rule);
    }
    assert_eq!(cron("@hourly", "utc").zone(), Some("UTC"));
}

#[test]
fn the_special_days_are_the_right_ones() {
    for (expression, days) in [
        ("0 0 L * *", ["2026-01-31", "2026-02-28", "2026-03-31"]),
        ("0 0 LW * *", ["2026-01-30", "2026-02-27", "2026-03-31"]),
        ("0 0 1W * *", ["2026-01-01", "2026-02-02", "2026-03-02"]),
        ("0 0 1W 8 *", ["2026-08-03", "2027-08-02", "2028-08-01"]),
        ("0 0 31W * *", ["2026-01-30", "2026-03-31", "2026-05-29"]),
        ("0 0 * * MON#2", ["2026-01-12", "2026-02-09", "2026-03-09"]),
        ("0 0 * * 5L", ["2026-01-30", "2026-02-27", "2026-03-27"]),
        ("0 0 * * MON#5", ["2026-03-30", "2026-06-29", "2026-08-31"]),
        ("0 0 13 * +FRI", ["2026-02-13", "2026-03-13", "2026-11-13"]),
        ("0 0 13 * FRI", ["2026-01-02", "2026-01-09", "2026-01-13"]),
        ("0 0 29 2 *", ["2028-02-29", "2032-02-29", "2036-02-29"]),
        ("0 0 29 2 +MON", ["2044-02-29", "2072-02-29", "2112-02-29"]),
        ("0 0 * * 7", ["2026-01-04", "2026-01-11", "2026-01-18"]),
    ] {
        let wanted: Vec<String> = days.iter().map(|day| format!("{day}T00:00:00Z")).collect();
        assert_eq!(next(&cron(expression, "UTC"), "2025-12-31T23:59:59Z", 3), wanted, "{expression}");
    }
}

#[test]
fn a_time_in_the_gap_runs_when_the_gap_ends_and_one_in_the_fold_runs_first() {
    let rule = cron("30 2 * * *", "Europe/Berlin");
    assert_eq!(
        next(&rule, "2026-03-28T12:00:00Z", 3),
        ["2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z", "2026-03-31T00:30:00Z"]
    );
    assert_eq!(next(&rule, "2026-10-24T12:00:00Z", 2), ["2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"]);
    // Asked in the second pass of the hour, the run is over.
    assert_eq!(next(&rule, "2026-10-25T01:10:00Z", 1), ["2026-10-26T01:30:00Z"]);

    let twice_a_day = cron("0 2,14 * * *", "Europe/Berlin");
    assert_eq!(next(&twice_a_day, "2026-10-24T22:00:00Z", 2), ["2026-10-25T00:00:00Z", "2026-10-25T13:00:00Z"]);
    let each_two_hours = cron("0 */2 * * *", "Europe/Berlin");
    assert_eq!(each_two_hours.between(at("2026-03-28T22:59:59Z"), at("2026-03-29T21:59:59Z"), 99).len(), 12);
    assert_eq!(each_two_hours.between(at("2026-10-24T21:59:59Z"), at("2026-10-25T22:59:59Z"), 99).len(), 12);
}

#[test]
fn a_window_that_the_gap_swallows_has_one_run_at_its_end() {
    let rule = cron("*/10 2 * * *", "Europe/Berlin");
    assert_eq!(rule.between(at("2026-03-29T00:00:00Z"), at("2026-03-29T12:00:00Z"), 99), [at("2026-03-29T01:00:00Z")]);
    let seconds = cron("*/10 30 2 * * *", "Europe/Berlin");
    assert_eq!(
        seconds.between(at("2026-03-29T00:00:00Z"), at("2026-03-29T12:00:00Z"), 99),
        [at("2026-03-29T01:00:00Z")]
    );
}

#[test]
fn runs_are_later_than_what_was_asked_to_the_millisecond() {
    let rule = cron("* * * * * *", "UTC");
    let whole = at("2026-01-01T00:00:00Z");
    assert_eq!(rule.next_after(whole), Some(at("2026-01-01T00:00:01Z")));
    assert_eq!(rule.next_after(Timestamp::from_millis(whole.millis() - 1)), Some(whole));
    assert_eq!(rule.next_after(Timestamp::from_millis(whole.millis() + 999)), Some(at("2026-01-01T00:00:01Z")));
}

#[test]
fn every_counts_from_the_run_before() {
    let rule = Rule::every(900).unwrap();
    assert_eq!(rule.every_s(), Some(900));
    assert_eq!(next(&rule, "2026-01-01T00:07:00Z", 2), ["2026-01-01T00:22:00Z", "2026-01-01T00:37:00Z"]);
    let missed = rule.missed(at("2026-01-01T00:07:00Z"), at("2026-01-01T01:00:00Z"));
    assert_eq!(missed, Missed { count: 3, more: false, newest: Some(at("2026-01-01T00:52:00Z")) });
    assert!(Rule::every(0).is_err());
}

#[test]
fn what_was_missed_is_counted_so_far_and_the_newest_is_known() {
    let rule = cron("*/15 * * * *", "Europe/Berlin");
    let missed = rule.missed(at("2026-01-01T00:00:00Z"), at("2026-01-01T02:00:00Z"));
    assert_eq!(missed, Missed { count: 8, more: false, newest: Some(at("2026-01-01T02:00:00Z")) });
    assert_eq!(missed.to_string(), "8");

    let busy = cron("* * * * * *", "Europe/Berlin");
    let missed = busy.missed(at("1970-01-01T00:00:00Z"), at("2090-01-01T00:00:00.500Z"));
    assert_eq!(missed, Missed { count: 1000, more: true, newest: Some(at("2090-01-01T00:00:00Z")) });
    assert_eq!(missed.to_string(), "more than 1000");

    let bursts = cron("* * * 1 1 *", "UTC");
    let missed = bursts.missed(at("2020-01-01T00:00:00Z"), at("2026-12-31T00:00:00Z"));
    assert_eq!(
        missed.newest,
        Some(at("2026-01-01T00:00:59Z").plus(std::time::Duration::from_secs(23 * 3600 + 59 * 60)))
    );

    let second_rule = Rule::every(1).unwrap();
    assert_eq!(
        second_rule.missed(Timestamp::from_seconds(0), Timestamp::from_seconds(4_000_000_000)).count,
        4_000_000_000
    );
}

#[test]
fn exactly_as_many_as_are_counted_are_not_more() {
    let rule = cron("* * * * * *", "UTC");
    let start = at("2026-01-01T00:00:00Z");
    let after = |seconds| start.plus(std::time::Duration::from_secs(seconds));
    assert_eq!(rule.missed(start, after(1000)), Missed { count: 1000, more: false, newest: Some(after(1000)) });
    assert_eq!(rule.missed(start, after(1001)), Missed { count: 1000, more: true, newest: Some(after(1001)) });
}

#[test]
fn a_clock_that_went_back_missed_nothing() {
    for rule in [cron("* * * * * *", "UTC"), Rule::every(1).unwrap()] {
        let missed = rule.missed(at("2026-01-02T00:00:00Z"), at("2026-01-01T00:00:00Z"));
        assert_eq!(missed, Missed { count: 0, more: false, newest: None });
        assert!(rule.between(at("2026-01-02T00:00:00Z"), at("2026-01-01T00:00:00Z"), 9).is_empty());
    }
}

#[test]
fn the_ends_of_time_are_no_trouble() {
    for rule in [cron("0 0 29 2 +MON", "Africa/Casablanca"), cron("* * * * * *", "UTC"), Rule::every(u32::MAX).unwrap()]
    {
        for edge in [i64::MIN, i64::MIN / 2, 0, i64::MAX / 2, i64::MAX - 1, i64::MAX] {
            let edge = Timestamp::from_millis(edge);
            assert!(rule.next_after(edge).is_none_or(|next| next > edge));
            rule.missed(edge, Timestamp::from_millis(i64::MAX));
            rule.missed(Timestamp::from_millis(i64::MIN), edge);
        }
    }
    let last = cron("0 0 1 1 *", "UTC").runs(at("9990-06-01T00:00:00Z")).last();
    assert_eq!(last, Some(at("9998-01-01T00:00:00Z")));
}

#[test]
fn rules_are_spoken_as_people_say_them() {
    for (expression, spoken) in [
        ("0 3 * * *", "every day at 03:00 (Europe/Berlin)"),
        ("*/15 * * * *", "every 15 minutes"),
        ("* * * * *", "every minute"),
        ("0,30 * * * *", "every 30 minutes (Europe/Berlin)"),
        ("*/10 * * * * *", "every 10 seconds"),
        ("* * * * * *", "every second"),
        ("@hourly", "every hour (Europe/Berlin)"),
        ("30 * * * *", "every hour at minute 30 (Europe/Berlin)"),
        ("0 */2 * * *", "every 2 hours from 00:00 (Europe/Berlin)"),
        ("30 6,18 * * MON,THU", "on Monday and Thursday at 06:30 and 18:30 (Europe/Berlin)"),
        ("0 9 * * MON-FRI", "on Monday to Friday at 09:00 (Europe/Berlin)"),
        ("0 9 * * SUN,SAT", "on Saturday and Sunday at 09:00 (Europe/Berlin)"),
        ("*/15 9-17 * * 1-5", "every 15 minutes from 09:00 to 17:45 on Monday to Friday (Europe/Berlin)"),
        ("30 9-17 * * *", "every hour from 09:30 to 17:30 (Europe/Berlin)"),
        ("* 2 * * *", "every minute from 02:00 to 02:59 (Europe/Berlin)"),
        ("*/30 9 * * * *", "at second 0 and 30 of minute 9 of every hour (Europe/Berlin)"),
        ("*/20 * 8 * * *", "every 20 seconds from 08:00:00 to 08:59:40 (Europe/Berlin)"),
        ("15 0 3 * * *", "every day at 03:00:15 (Europe/Berlin)"),
        ("0 23 L * *", "on the last day of the month at 23:00 (Europe/Berlin)"),
        ("0 23 LW * *", "on the last weekday (Monday to Friday) of the month at 23:00 (Europe/Berlin)"),
        ("0 0 1,15 * *", "on the 1st and 15th of the month at 00:00 (Europe/Berlin)"),
        ("0 0 1-7,22 * *", "on the 1st to 7th and 22nd of the month at 00:00 (Europe/Berlin)"),
        ("0 0 15W * *", "on the weekday (Monday to Friday) nearest the 15th of the month at 00:00 (Europe/Berlin)"),
        ("0 0 29 2 *", "on the 29th of February at 00:00 (Europe/Berlin)"),
        ("0 0 * 6-8 *", "every day in June, July and August at 00:00 (Europe/Berlin)"),
        ("*/5 * * 6 *", "every 5 minutes in June (Europe/Berlin)"),
        ("0 0 * 3 MON", "on Monday in March at 00:00 (Europe/Berlin)"),
        ("0 0 * * TUE#2", "on the second Tuesday of the month at 00:00 (Europe/Berlin)"),
        ("0 0 * * FRIL", "on the last Friday of the month at 00:00 (Europe/Berlin)"),
        ("0 0 * * MON#1,WED", "on Wednesday and the first Monday of the month at 00:00 (Europe/Berlin)"),
        ("0 0 13 * FRI", "on the 13th of the month and also on Friday at 00:00 (Europe/Berlin)"),
        ("0 0 13 * +FRI", "on the 13th of the month (only if it is Friday) at 00:00 (Europe/Berlin)"),
        ("0 0 1-7 3 +MON,TUE", "on the 1st to 7th of March (only if it is Monday or Tuesday) at 00:00 (Europe/Berlin)"),
        ("*/7 * * * *", "at minute 0, 7, 14, 21, 28, 35, 42, 49 and 56 of every hour (Europe/Berlin)"),
        ("*/30 2,4 * * *", "every day at minute 0 and 30 of hour 2 and 4 (Europe/Berlin)"),
        ("0 0-20/5 * * *", "every day at 00:00, 05:00, 10:00, 15:00 and 20:00 (Europe/Berlin)"),
        ("0 */5 * * *", "every day at 00:00, 05:00, 10:00, 15:00 and 20:00 (Europe/Berlin)"),
        ("1-10 * * * *", "at minute 1 to 10 of every hour (Europe/Berlin)"),
    ] {
        assert_eq!(cron(expression, "Europe/Berlin").spoken(), spoken, "{expression}");
    }
    for (seconds, spoken) in [
        (1, "every second"),
        (90, "every 90 seconds"),
        (60, "every minute"),
        (900, "every 15 minutes"),
        (3600, "every hour"),
        (5400, "every 90 minutes"),
        (86_400, "every 24 hours"),
        (604_800, "every 7 days"),
    ] {
        assert_eq!(Rule::every(seconds).unwrap().spoken(), spoken);
    }
}

#[test]
fn rules_that_sound_alike_are_alike() {
    let seconds = ["", "0,30 ", "*/10 ", "15 ", "* "];
    let minutes = ["0", "30", "*", "*/15", "*/30", "0,30", "*/7", "1-10", "0-59/15"];
    let hours = ["*", "*/2", "1-23/2", "2", "9-17", "9-17/2", "6,18", "9,11-13", "*/5", "0-23"];
    let days = ["*", "1", "1,15", "1-7", "*/2", "*/1", "L", "LW", "15W", "15W,L"];
    let weekdays = ["*", "MON", "+MON", "MON-FRI", "0-6", "*/2", "MON#1", "+MON#1", "FRIL", "1-3#2", "TUE,MON#1"];
    let mut texts = Vec::new();
    for second in seconds {
        let times = minutes.iter().flat_map(|minute| hours.iter().map(move |hour| (minute, hour)));
        texts.extend(times.map(|(minute, hour)| format!("{second}{minute} {hour} * * *")));
    }
    for month in ["*", "6", "6-8", "*/3"] {
        let all = days.iter().flat_map(|day| weekdays.iter().map(move |weekday| (day, weekday)));
        texts.extend(all.map(|(day, weekday)| format!("0 3 {day} {month} {weekday}")));
    }
    let mut heard: BTreeMap<String, (String, Calendar)> = BTreeMap::new();
    for text in texts {
        // The last day is never a first Monday.
        let Ok(Rule::Cron(rule)) = Rule::parse_cron(&text, "UTC") else { continue };
        let said = Rule::Cron(rule.clone()).spoken();
        let (other, calendar) = heard.entry(said.clone()).or_insert_with(|| (text.clone(), rule.calendar.clone()));
        assert_eq!(*calendar, rule.calendar, "{text} and {other} are both {said:?}");
    }
}

/// One part of an expression, as people write them and as they do not.
fn part(min: u8, max: u8) -> impl Strategy<Value = String> {
    let item = prop_oneof![
        (min..=max).prop_map(|v| v.to_string()),
        (min..=max, min..=max).prop_map(|(a, b)| format!("{}-{}", a.min(b), a.max(b))),
        (min..=max, min..=max, 1..=max).prop_map(|(a, b, s)| format!("{}-{}/{s}", a.min(b), a.max(b))),
        (1..=max).prop_map(|s| format!("*/{s}")),
    ];
    prop_oneof![2 => Just("*".to_owned()), 3 => prop::collection::vec(item, 1..4).prop_map(|items| items.join(","))]
}

fn day() -> impl Strategy<Value = String> {
    let special = prop_oneof![Just("L".to_owned()), Just("LW".to_owned()), (1..=31u8).prop_map(|d| format!("{d}W"))];
    prop_oneof![3 => part(1, 31), 1 => special.clone(), 1 => (special, 1..=31u8).prop_map(|(s, d)| format!("{s},{d}"))]
}

fn weekday() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => part(0, 7),
        1 => (0..=7u8, 1..=5u8).prop_map(|(d, n)| format!("{d}#{n}")),
        1 => (0..=7u8).prop_map(|d| format!("{d}L")),
        1 => (1..=3u8, 4..=7u8, 1..=5u8).prop_map(|(a, b, n)| format!("{a}-{b}#{n}")),
        1 => part(1, 5).prop_map(|p| format!("+{p}")),
    ]
}

fn expression() -> impl Strategy<Value = String> {
    (part(0, 59), part(0, 59), part(0, 23), day(), part(1, 12), weekday())
        .prop_map(|(s, m, h, d, month, w)| format!("{s} {m} {h} {d} {month} {w}"))
}

const ZONES: [&str; 8] = [
    "UTC",
    "Europe/Berlin",
    "Africa/Casablanca",
    "America/Havana",
    "Antarctica/Troll",
    "Australia/Lord_Howe",
    "Pacific/Chatham",
    "Asia/Kathmandu",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    /// Without a time zone there is a second opinion.
    #[test]
    fn wall_times_are_those_of_croner(text in expression(), start in 0i64..4_000_000_000) {
        let (fields, canonical) = Fields::parse(&text).unwrap();
        let calendar = Calendar::new(&fields);
        prop_assume!(!calendar.is_empty());
        let other = croner::Cron::from_str(&canonical).unwrap();
        let mut ours = start;
        let mut theirs: DateTime = jiff::tz::Offset::UTC.to_datetime(jiff::Timestamp::from_second(start).unwrap());
        for _ in 0..8 {
            ours = calendar.first_from(ours + 1).unwrap();
            theirs = other.find_next_occurrence(&theirs, false).unwrap();
            let ours = jiff::tz::Offset::UTC.to_datetime(jiff::Timestamp::from_second(ours).unwrap());
            prop_assert_eq!(ours, theirs, "{}", canonical);
        }
    }

    /// However the clock jumps: asked from the last run, no run comes twice, none is left out, and none lies behind.
    #[test]
    fn jumps_of_the_clock_neither_repeat_nor_skip_a_run(
        text in expression(), zone in 0..ZONES.len(), start in 1_700_000_000i64..2_100_000_000, jumps in prop::collection::vec(-5_000_000i64..400_000_000, 1..5),
    ) {
        let Ok(rule) = Rule::parse_cron(&text, ZONES[zone]) else { return Ok(()) };
        let mut last = Timestamp::from_seconds(start);
        for jump in jumps {
            let now = Timestamp::from_seconds(last.seconds() + jump);
            let missed = rule.missed(last, now);
            let due = rule.between(last, now, 1001);
            prop_assert!(due.windows(2).all(|pair| pair[0] < pair[1]));
            prop_assert!(due.iter().all(|at| *at > last && *at <= now));
            prop_assert_eq!(missed.count, due.len().min(1000) as u64);
            prop_assert_eq!(missed.more, due.len() > 1000);
            if let Some(newest) = missed.newest {
                prop_assert!(newest > last && newest <= now);
                prop_assert!(rule.next_after(newest).is_none_or(|next| next > now));
                // Asked one by one, they are the same.
                for (at, next) in due.iter().zip(&due[1..]).take(20) {
                    prop_assert_eq!(rule.next_after(*at), Some(*next));
                    let between = Timestamp::from_millis(at.millis() + (next.millis() - at.millis()) / 2);
                    prop_assert_eq!(rule.next_after(between), Some(*next));
                }
                last = newest;
            } else {
                prop_assert!(due.is_empty());
                prop_assert!(rule.next_after(last).is_none_or(|next| next > last.max(now)));
            }
        }
    }

    #[test]
    fn anything_typed_is_answered(text in "[ -~]{0,40}", zone in "[ -~]{0,20}") {
        if let Ok(rule) = Rule::parse_cron(&text, &zone) {
            rule.spoken();
        }
    }

    #[test]
    fn a_canonical_expression_is_the_same_rule(text in expression()) {
        let Ok(rule) = Rule::parse_cron(&text, "UTC") else { return Ok(()) };
        let again = cron(rule.expression().unwrap(), "UTC");
        prop_assert_eq!(again.spoken(), rule.spoken());
        prop_assert_eq!(again, rule);
    }
}
