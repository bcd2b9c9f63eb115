//! How many there were when: bars that lead to their time, and a table that says the same.

use std::fmt::Write as _;

use askama::Template;
use askama::filters::HtmlSafe;
use aviary_domain::search::Bar;

use crate::admin::desk::Known;
use crate::admin::query::Query;
use crate::admin::shown;
use crate::admin::table::Table;
use crate::admin::value::Value;

/// The bars.
#[derive(Template)]
#[template(path = "search/_histogram.html")]
pub(super) struct Histogram {
    /// What it shows, for those who do not see it.
    said: String,
    bars: Vec<Drawn>,
    /// The width of the drawing; it is stretched.
    width: usize,
    from: String,
    until: String,
    table: Table,
}

impl HtmlSafe for Histogram {}

/// One bar of the drawing, 100 high at most.
struct Drawn {
    x: usize,
    y: u64,
    height: u64,
    href: String,
    title: String,
}

/// The width of a bar with the gap behind it.
const STEP: usize = 10;

impl Histogram {
    /// The drawing; none where there is nothing to compare.
    pub(super) fn new(known: &Known, query: &Query, bars: &[Bar]) -> Option<Self> {
        if bars.len() < 2 {
            return None;
        }
        let most = bars.iter().map(|bar| bar.count).max().filter(|most| *most > 0)?;
        let (first, last) = (bars.first()?, bars.last()?);
        let to = |bar: &Bar| query.link(&[("since", &bar.from.to_string()), ("until", &bar.until.to_string())]);
        let drawn = bars.iter().enumerate().map(|(n, bar)| {
            // What is there can be seen, however little it is beside the rest.
            let height = (bar.count * 100).div_ceil(most);
            let mut title = shown::counted(bar.count, "record", "records");
            let _ = write!(title, " from {} to {}", known.clock(bar.from), known.clock(bar.until));
            Drawn { x: n * STEP, y: 100 - height, height, href: to(bar), title }
        });
        let rows = bars.iter().filter(|bar| bar.count > 0).map(|bar| {
            let text = format!("{} to {}", known.clock(bar.from), known.clock(bar.until));
            vec![Value::Link { text, href: to(bar) }, Value::number(bar.count)]
        });
        let total = bars.iter().map(|bar| bar.count).sum::<u64>();
        let (from, until) = (known.clock(first.from), known.clock(last.until));
        Some(Self {
            said: format!(
                "{} from {from} to {until}, at most {most} in one of {} spans",
                shown::counted(total, "record", "records"),
                bars.len()
            ),
            width: bars.len() * STEP,
            bars: drawn.collect(),
            table: Table::plain("Records by time", &["When", "#Records"], rows.collect()),
            from,
            until,
        })
    }
}
