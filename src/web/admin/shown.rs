//! How numbers, sizes, times and texts from elsewhere look to people.

use std::fmt::{self, Write as _};

use aviary_kernel::base::{Timestamp, Zone};
use aviary_kernel::model::Units;

/// `1204` as `1,204`.
pub(super) fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `1 server`, `2 servers`: `many` is `one` with an s unless it is given.
pub(super) fn counted(n: u64, one: &str, many: &str) -> String {
    format!("{} {}", grouped(n), if n == 1 { one } else { many })
}

/// Small numbers as words, for the beginning of a sentence.
pub(super) fn spelled(n: u64) -> String {
    const WORDS: [&str; 10] = ["No", "One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine"];
    usize::try_from(n).ok().and_then(|n| WORDS.get(n)).map_or_else(|| grouped(n), |word| (*word).to_owned())
}

/// A size in MiB: in the unit that reads best, in powers of two or of ten, or to the MiB.
pub(super) fn mib(n: i64, units: Units) -> String {
    const MIB: u128 = 1 << 20;
    let sign = if n < 0 { "-" } else { "" };
    let bytes = u128::from(n.unsigned_abs()) * MIB;
    let steps: [(u128, &str); 3] = match units {
        Units::Binary => [(MIB, "MiB"), (MIB << 10, "GiB"), (MIB << 20, "TiB")],
        Units::Decimal => [(1_000_000, "MB"), (1_000_000_000, "GB"), (1_000_000_000_000, "TB")],
        Units::Exact => [(MIB, "MiB"); 3],
    };
    let fits = steps.iter().rev().find(|(unit, _)| units != Units::Exact && bytes >= *unit);
    let (unit, name) = fits.unwrap_or(&steps[0]);
    // Less than the smallest that has parts is told whole.
    let number = if *unit == steps[0].0 { grouped(whole(bytes, *unit)) } else { tenths(bytes, *unit) };
    format!("{sign}{number} {name}")
}

/// A size in bytes, in the unit that reads best.
pub(super) fn bytes(n: u64, units: Units) -> String {
    let steps: [(u128, &str); 4] = match units {
        Units::Binary => [(1 << 10, "KiB"), (1 << 20, "MiB"), (1 << 30, "GiB"), (1 << 40, "TiB")],
        Units::Decimal => [(1000, "kB"), (1_000_000, "MB"), (1_000_000_000, "GB"), (1_000_000_000_000, "TB")],
        Units::Exact => [(u128::MAX, ""); 4],
    };
    let fits = steps.iter().rev().find(|(unit, _)| u128::from(n) >= *unit);
    fits.map_or_else(|| format!("{} bytes", grouped(n)), |(unit, name)| format!("{} {name}", tenths(n.into(), *unit)))
}

/// `49.4 of 256 GiB`: the unit is said once where both have the same.
pub(super) fn mib_of(part: i64, whole: i64, units: Units) -> String {
    let (part, whole) = (mib(part, units), mib(whole, units));
    match (part.split_once(' '), whole.split_once(' ')) {
        (Some((n, unit)), Some((_, other))) if unit == other => format!("{n} of {whole}"),
        _ => format!("{part} of {whole}"),
    }
}

fn whole(n: u128, unit: u128) -> u64 {
    u64::try_from((n + unit / 2) / unit).unwrap_or(u64::MAX)
}

/// With one decimal, unless that is a zero.
fn tenths(n: u128, unit: u128) -> String {
    let tenths = (n * 10 + unit / 2) / unit;
    let whole = grouped(u64::try_from(tenths / 10).unwrap_or(u64::MAX));
    if tenths.is_multiple_of(10) { whole } else { format!("{whole}.{}", tenths % 10) }
}

/// A span of time: `340 ms`, `3.1 s`, `2 min 5 s`, `1 h 4 min`.
pub(super) fn span_ms(ms: u64) -> String {
    let s = ms / 1000;
    match s {
        0 => format!("{ms} ms"),
        1..10 => format!("{}.{} s", s, ms % 1000 / 100),
        10..60 => format!("{s} s"),
        _ => span_s(s),
    }
}

/// A span of whole seconds: `45 s`, `15 min`, `1 h 30 min`, `2 days`.
pub(super) fn span_s(s: u64) -> String {
    let with = |big: u64, unit: &str, small: u64, sub: &str| {
        if small == 0 { format!("{big} {unit}") } else { format!("{big} {unit} {small} {sub}") }
    };
    match s {
        0..60 => format!("{s} s"),
        60..3600 => with(s / 60, "min", s % 60, "s"),
        3600..86_400 => with(s / 3600, "h", s % 3600 / 60, "min"),
        _ => with(s / 86_400, if s < 172_800 { "day" } else { "days" }, s % 86_400 / 3600, "h"),
    }
}

/// A moment: how long ago for the eye, the exact time in the reader's zone for the pointer, and in UTC for scripts.
#[derive(Clone, Debug)]
pub(super) struct When {
    at: Timestamp,
    now: Timestamp,
    /// Whether something is to happen then.
    due: bool,
    zone: Zone,
}

impl When {
    pub(super) fn new(at: Timestamp, now: Timestamp, zone: &Zone) -> Self {
        Self { at, now, due: false, zone: zone.clone() }
    }

    /// When something is to happen; once the time has come, it is due.
    pub(super) fn due(at: Timestamp, now: Timestamp, zone: &Zone) -> Self {
        Self { due: true, ..Self::new(at, now, zone) }
    }

    /// `41 s ago`, `in 14 min`, or the date when it is long ago.
    pub(super) fn words(&self) -> String {
        if self.at > self.now {
            return format!("in {}", coarse(self.at.since(self.now).as_secs().max(1)));
        }
        match self.now.since(self.at).as_secs() {
            _ if self.due => "due now".into(),
            0..5 => "just now".into(),
            s @ 5..2_592_000 => format!("{} ago", coarse(s)),
            _ => self.zone.day(self.at),
        }
    }
}

fn coarse(s: u64) -> String {
    match s {
        0..60 => format!("{s} s"),
        60..3600 => format!("{} min", s / 60),
        3600..86_400 => format!("{} h", s / 3600),
        86_400..172_800 => "1 day".into(),
        _ => format!("{} days", s / 86_400),
    }
}

impl fmt::Display for When {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let due = if self.due { " data-due" } else { "" };
        write!(f, r#"<time datetime="{}" title="{}"{due}>{}</time>"#, self.at, self.zone.exact(self.at), self.words())
    }
}

// Made of numbers and the names of zones only.
impl askama::filters::HtmlSafe for When {}

/// A text from elsewhere with nothing invisible in it: control characters and those that turn the direction of writing are
/// shown as signs. Line ends and tabs stay.
pub(super) fn visible(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '\n' | '\t' => c,
            '\u{0}'..='\u{1f}' => char::from_u32(0x2400 + c as u32).unwrap_or(char::REPLACEMENT_CHARACTER),
            '\u{7f}' => '\u{2421}',
            '\u{80}'..='\u{9f}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
                char::REPLACEMENT_CHARACTER
            }
            c => c,
        })
        .collect()
}

/// The first `most` characters on one line, with an ellipsis when there are more.
pub(super) fn short(text: &str, most: usize) -> String {
    let mut out = String::new();
    for (at, c) in text.chars().enumerate() {
        if at == most {
            out.push('…');
            break;
        }
        out.push(if matches!(c, '\n' | '\t' | '\r') { ' ' } else { c });
    }
    visible(&out)
}

/// A name on one line; something to click on even when it is empty.
pub(super) fn name(text: &str) -> String {
    if text.trim().is_empty() { "(no name)".into() } else { short(text, 80) }
}

/// A text that may be long: its beginning, and all of it behind a click.
#[derive(Clone, Debug)]
pub(super) struct Cut {
    pub(super) head: String,
    /// The whole, and how long that is; none when the head is the whole.
    pub(super) whole: Option<(String, String)>,
}

impl Cut {
    pub(super) fn new(text: &str, most: usize) -> Self {
        let length = text.chars().count();
        if length <= most && !text.contains('\n') {
            return Self { head: visible(text), whole: None };
        }
        let size = if length > most { format!("{} characters", grouped(length as u64)) } else { "lines".into() };
        Self { head: short(text, most), whole: Some((visible(text), size)) }
    }
}

/// A share as a whole percent; none of nothing.
pub(super) fn percent(part: u64, whole: u64) -> Option<u64> {
    (part * 100 + whole / 2).checked_div(whole)
}

/// A limit of requests: `240 a minute`. None where it is so high that it says there is none.
pub(super) fn per_minute(limit: u32) -> Option<String> {
    const NO_LIMIT: u32 = 1_000_000;
    (limit < NO_LIMIT).then(|| format!("{} a minute", grouped(limit.into())))
}

/// Part of an address, escaped for a query.
pub(super) fn query(pairs: &[(&str, &str)]) -> String {
    let mut out = url::form_urlencoded::Serializer::new(String::new());
    for (name, value) in pairs {
        out.append_pair(name, value);
    }
    out.finish()
}

/// A message as a sentence: with a capital letter and a period.
pub(crate) fn sentence(text: &str) -> String {
    // What errors put between backticks is quoted for people.
    let mut is_open = false;
    let quote = |c| match c {
        '`' => {
            is_open = !is_open;
            if is_open { '“' } else { '”' }
        }
        c => c,
    };
    let text: String = text.trim().chars().map(quote).collect();
    let mut chars = text.chars();
    let mut out: String = chars.next().into_iter().flat_map(char::to_uppercase).chain(chars).collect();
    if !out.is_empty() && !out.ends_with(['.', '!', '?', '…', ':']) {
        out.push('.');
    }
    out
}

/// With a small letter at the beginning, for the middle of a sentence.
pub(super) fn lower(text: &str) -> String {
    let mut text = text.to_owned();
    if let Some(first) = text.get_mut(..1) {
        first.make_ascii_lowercase();
    }
    text
}

/// `a, b and c`.
pub(super) fn listed(items: &[String]) -> String {
    let mut out = String::new();
    for (at, item) in items.iter().enumerate() {
        if at > 0 {
            out.push_str(if at + 1 == items.len() { " and " } else { ", " });
        }
        let _ = write!(out, "{item}");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_in_threes() {
        assert_eq!(
            [0, 7, 999, 1000, 21_440, 1_234_567].map(grouped),
            ["0", "7", "999", "1,000", "21,440", "1,234,567"]
        );
    }

    #[test]
    fn sizes_take_the_unit_that_reads_best() {
        let all = |units| [512, 1024, 1536, -6144, 4_194_304].map(|n| mib(n, units));
        assert_eq!(all(Units::Binary), ["512 MiB", "1 GiB", "1.5 GiB", "-6 GiB", "4 TiB"]);
        assert_eq!(all(Units::Decimal), ["537 MB", "1.1 GB", "1.6 GB", "-6.4 GB", "4.4 TB"]);
        assert_eq!(all(Units::Exact), ["512 MiB", "1,024 MiB", "1,536 MiB", "-6,144 MiB", "4,194,304 MiB"]);
        let of = |part, whole| mib_of(part, whole, Units::Binary);
        assert_eq!([of(50_586, 262_144), of(512, 2048)], ["49.4 of 256 GiB", "512 MiB of 2 GiB"]);
        assert_eq!(mib(i64::MIN, Units::Decimal), "-9,671,406,556,917 TB", "nothing is too large to be told");
        let told = |units| [512, 1536, 5_242_880, 1_610_612_736].map(|n| bytes(n, units));
        assert_eq!(told(Units::Decimal), ["512 bytes", "1.5 kB", "5.2 MB", "1.6 GB"]);
        assert_eq!(told(Units::Exact)[3], "1,610,612,736 bytes");
        assert_eq!(told(Units::Binary), ["512 bytes", "1.5 KiB", "5 MiB", "1.5 GiB"]);
    }

    #[test]
    fn a_limit_beyond_reason_is_none() {
        assert_eq!(per_minute(1200).as_deref(), Some("1,200 a minute"));
        assert_eq!(per_minute(1_000_000_000), None);
    }

    #[test]
    fn times_are_told_from_now() {
        let now = Timestamp::from_seconds(1_800_000_000);
        let utc = Zone::utc();
        let words = |ago: i64| When::new(Timestamp::from_seconds(1_800_000_000 - ago), now, &utc).words();
        assert_eq!(
            [2, 41, 840, 7300, 100_000, 400_000].map(words),
            ["just now", "41 s ago", "14 min ago", "2 h ago", "1 day ago", "4 days ago"]
        );
        assert_eq!(words(-840), "in 14 min");
        let due = |at| When::due(Timestamp::from_seconds(at), now, &utc).words();
        assert_eq!([1_800_000_840, 1_800_000_000, 1_799_999_000].map(due), ["in 14 min", "due now", "due now"]);
        assert_eq!(words(86_400 * 90), "Oct 17, 2026");
        let there = Zone::find("Pacific/Auckland").unwrap();
        let told = When::new(Timestamp::from_seconds(1_800_000_000 - 86_400 * 90), now, &there).to_string();
        let expected = "<time datetime=\"2026-10-17T08:00:00Z\" title=\"2026-10-17 21:00:00 NZDT, Pacific/Auckland\">Oct 17, 2026</time>";
        assert_eq!(told, expected);
    }

    #[test]
    fn what_cannot_be_seen_is_shown_as_a_sign() {
        assert_eq!(visible("a\u{0}b\u{202e}c\u{7}"), "a\u{2400}b\u{fffd}c\u{2407}");
        assert_eq!(name("  "), "(no name)");
    }

    #[test]
    fn long_texts_are_cut_and_say_how_long_they_are() {
        let cut = Cut::new(&"x".repeat(51_200), 10);
        assert_eq!(cut.head, "xxxxxxxxxx…");
        assert_eq!(cut.whole.unwrap().1, "51,200 characters");
        assert!(Cut::new("short", 10).whole.is_none());
    }
}
