//! Charts, drawn here as SVG. What they show also stands beside them as text or in a table, and colors come from classes.

use askama::Template;
use askama::filters::HtmlSafe;
use aviary_domain::mirror::Share;
use aviary_kernel::model::Units;

use super::shown;
use super::table::Table;
use super::value::Value;

/// How full something is. What is given away beyond what there is stands behind a mark, up to as much again.
#[derive(Template, Clone, Debug)]
#[template(path = "partials/_gauge.html")]
pub(super) struct Gauge {
    pub(super) label: &'static str,
    /// `134 of 128 GiB`.
    pub(super) of: String,
    /// None where there is no limit.
    pub(super) percent: Option<u64>,
    pub(super) tone: &'static str,
    /// What there is to say about it in words.
    pub(super) note: String,
}

impl HtmlSafe for Gauge {}

/// From this share on something is nearly full, in percent.
const NEARLY_FULL: u64 = 85;
/// No bar shows more, in percent.
const LONGEST: u64 = 200;

impl Gauge {
    /// What a node gave away, in MiB.
    pub(super) fn share(label: &'static str, share: Share, units: Units) -> Self {
        let size = |mib: u64| shown::mib(i64::try_from(mib).unwrap_or(i64::MAX), units);
        let Share { given, has, may } = share;
        let percent = share.percent();
        let over = has.is_some_and(|has| given > has);
        let (tone, note) = match (share.beyond(), may) {
            (1.., _) => ("bad", format!("{} more than it may give", size(share.beyond()))),
            (0, Some(may)) if over => ("warn", format!("more than it has, but up to {} is allowed", size(may))),
            (0, None) if over => ("warn", "more than it has; the panel does not check".into()),
            _ if percent.is_some_and(|percent| percent > NEARLY_FULL) => ("warn", String::new()),
            _ => ("", String::new()),
        };
        let of = match has {
            Some(has) => {
                let signed = |mib| i64::try_from(mib).unwrap_or(i64::MAX);
                shown::mib_of(signed(given), signed(has), units)
            }
            None => format!("{}, no limit", size(given)),
        };
        Self { label, of, percent, tone, note }
    }

    /// Things of which so many are taken.
    pub(super) fn taken(label: &'static str, taken: u64, all: u64) -> Self {
        let percent = shown::percent(taken, all);
        let tone = if all > 0 && taken >= all { "warn" } else { "" };
        let of = format!("{} of {}", shown::grouped(taken), shown::grouped(all));
        Self { label, of, percent, tone, note: String::new() }
    }

    /// The same where a heading says what it is.
    pub(super) fn bare(self) -> Self {
        Self { label: "", note: String::new(), ..self }
    }

    /// The bar: class, where it begins, how wide it is; all of it is 100.
    fn bars(&self) -> Vec<(&'static str, u64, u64)> {
        let percent = self.percent.unwrap_or(0).min(LONGEST);
        if percent <= 100 {
            return vec![(self.tone, 0, percent)];
        }
        let mark = 100 * 100 / percent;
        vec![("", 0, mark), (self.tone, mark, 100 - mark)]
    }

    /// Where what there is ends and the rest begins.
    fn mark(&self) -> Option<u64> {
        self.percent.filter(|percent| *percent > 100).map(|percent| 100 * 100 / percent.min(LONGEST))
    }
}

/// Parts of a whole, one after the other, each with its number.
#[derive(Template)]
#[template(path = "partials/_stack.html")]
pub(super) struct Stack {
    /// What the whole is.
    pub(super) label: String,
    parts: Vec<Drawn>,
}

impl HtmlSafe for Stack {}

/// A part of a whole.
pub(super) struct Part {
    pub(super) tone: &'static str,
    pub(super) text: String,
    pub(super) count: u64,
    /// The number, leading to what was counted.
    pub(super) value: Value,
}

struct Drawn {
    part: Part,
    x: u64,
    width: u64,
}

impl Stack {
    /// Parts with nothing in them are left out. The smallest part can still be seen.
    pub(super) fn new(label: impl Into<String>, parts: Vec<Part>) -> Self {
        let whole: u64 = parts.iter().map(|part| part.count).sum();
        let mut x = 0;
        let mut drawn = Vec::new();
        for part in parts.into_iter().filter(|part| part.count > 0) {
            let width = shown::percent(part.count, whole).unwrap_or(0).max(1).min(100 - x);
            drawn.push(Drawn { part, x, width });
            x += width;
        }
        // Rounding leaves a gap at the end or takes from it.
        if let Some(last) = drawn.last_mut() {
            last.width = 100 - last.x;
        }
        Self { label: label.into(), parts: drawn }
    }
}

/// A number in the course of time.
#[derive(Template)]
#[template(path = "partials/_spark.html")]
pub(super) struct Spark {
    /// What is shown, with its least and most in words.
    label: String,
    points: String,
}

impl HtmlSafe for Spark {}

/// The height of a spark line, and the width between two points.
const HIGH: u64 = 32;
const STEP: usize = 4;

impl Spark {
    /// Oldest first; none for fewer than two.
    pub(super) fn new(label: impl Into<String>, values: &[u64]) -> Option<Self> {
        let most = *values.iter().max().filter(|_| values.len() > 1)?;
        let high = |value: u64| HIGH - (value * (HIGH - 2)).checked_div(most).unwrap_or(0);
        let points: Vec<_> =
            values.iter().enumerate().map(|(at, value)| format!("{},{}", at * STEP, high(*value))).collect();
        Some(Self { label: label.into(), points: points.join(" ") })
    }

    fn width(&self) -> usize {
        self.points.split(' ').count().saturating_sub(1) * STEP
    }
}

/// How many of something there were when, as columns; and the same as a table.
#[derive(Template)]
#[template(path = "partials/_histogram.html")]
pub(super) struct Histogram {
    /// What is counted.
    label: String,
    columns: Vec<DrawnColumn>,
    /// What stands below: the first time, the last one.
    ends: (String, String),
    /// In words, such as `at most 1,204 in one hour`.
    said: String,
    table: Table,
}

impl HtmlSafe for Histogram {}

/// A stretch of time.
pub(super) struct HistogramColumn {
    /// When, in words.
    pub(super) when: String,
    pub(super) count: u64,
    /// Leads to what was counted; empty = nowhere.
    pub(super) href: String,
}

struct DrawnColumn {
    href: String,
    title: String,
    x: usize,
    y: u64,
    height: u64,
}

/// The height of a histogram, and the width of a column with the gap behind it.
const TALL: u64 = 40;
const WIDE: usize = 10;

impl Histogram {
    /// `unit` is what a column stands for, such as `hour`; columns come oldest first.
    pub(super) fn new(label: impl Into<String>, unit: &'static str, columns: Vec<HistogramColumn>) -> Self {
        let label = label.into();
        let most = columns.iter().map(|column| column.count).max().unwrap_or(0);
        let ends = (
            columns.first().map(|column| column.when.clone()).unwrap_or_default(),
            columns.last().map(|column| column.when.clone()).unwrap_or_default(),
        );
        let rows = columns.iter().rev().filter(|column| column.count > 0).map(|column| {
            let count = match column.href.is_empty() {
                true => Value::number(column.count),
                false => Value::count(column.count, column.href.clone()),
            };
            vec![Value::Text(column.when.clone()), count]
        });
        let table = Table::plain(label.clone(), &["When", "#How many"], rows.collect());
        let drawn = columns.into_iter().enumerate().map(|(at, column)| {
            let height = (column.count * TALL).checked_div(most).unwrap_or(0).max(u64::from(column.count > 0));
            DrawnColumn {
                title: format!("{}: {}", column.when, shown::grouped(column.count)),
                href: column.href,
                x: at * WIDE,
                y: TALL - height,
                height,
            }
        });
        let said = if most == 0 { "none".into() } else { format!("at most {} in one {unit}", shown::grouped(most)) };
        Self { columns: drawn.collect(), label, ends, said, table }
    }

    fn width(&self) -> usize {
        self.columns.len() * WIDE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_given_away_beyond_what_there_is_stands_behind_a_mark() {
        let gauge = Gauge::share("Memory", Share::new(125 * 1024, 100 * 1024, 10), Units::Binary);
        assert_eq!((gauge.percent, gauge.tone, gauge.mark()), (Some(125), "bad", Some(80)));
        assert_eq!(gauge.bars(), [("", 0, 80), ("bad", 80, 20)]);
        assert_eq!((gauge.of.as_str(), gauge.note.as_str()), ("125 of 100 GiB", "15 GiB more than it may give"));
        let allowed = Gauge::share("Memory", Share::new(125 * 1024, 100 * 1024, 50), Units::Binary);
        assert_eq!((allowed.tone, allowed.note.as_str()), ("warn", "more than it has, but up to 150 GiB is allowed"));
        let unchecked = Gauge::share("Memory", Share::new(900, 100, -1), Units::Binary);
        assert_eq!((unchecked.tone, unchecked.mark()), ("warn", Some(50)));
        let unlimited = Gauge::share("Disk", Share::new(2048, 0, 0), Units::Binary);
        assert_eq!(
            (unlimited.of.as_str(), unlimited.percent, unlimited.bars()),
            ("2 GiB, no limit", None, vec![("", 0, 0)])
        );
        assert_eq!(Gauge::share("Disk", Share::new(60, 100, 0), Units::Binary).bars(), [("", 0, 60)]);
    }

    #[test]
    fn the_parts_of_a_stack_fill_it_and_the_smallest_is_seen() {
        let part = |count| Part { tone: "", text: "x".into(), count, value: Value::number(count) };
        let stack = Stack::new("All", vec![part(9999), part(0), part(1), part(2)]);
        assert_eq!(stack.parts.iter().map(|drawn| drawn.x + drawn.width).next_back(), Some(100));
        let thirds = Stack::new("All", vec![part(1), part(1), part(1)]);
        assert_eq!(
            thirds.parts.iter().map(|drawn| (drawn.x, drawn.width)).collect::<Vec<_>>(),
            [(0, 33), (33, 33), (66, 34)]
        );
        assert!(Stack::new("All", vec![part(0)]).parts.is_empty());
    }

    #[test]
    fn a_histogram_says_in_a_table_what_it_draws() {
        let column = |when: &str, count| HistogramColumn { when: when.into(), count, href: "/x".into() };
        let histogram =
            Histogram::new("Changes", "hour", vec![column("09:00", 0), column("10:00", 1), column("11:00", 1000)]);
        assert_eq!(histogram.columns.iter().map(|column| column.height).collect::<Vec<_>>(), [0, 1, 40]);
        let html = histogram.to_string();
        assert!(
            html.contains("at most 1,000 in one hour")
                && html.contains("<td>10:00</td>")
                && !html.contains("<td>09:00</td>")
        );
        assert!(Histogram::new("Changes", "hour", Vec::new()).to_string().contains("none"));
        assert!(Spark::new("x", &[1]).is_none());
        assert_eq!(Spark::new("x", &[0, 10, 0]).unwrap().points, "0,32 4,2 8,32");
    }
}
