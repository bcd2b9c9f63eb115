//! Lists: a table with its filters, its order and its pages.

use askama::Template;
use askama::filters::HtmlSafe;

use super::columns::Columns;
use super::desk::{Head, Shell};
use super::value::Value;

/// A table.
#[derive(Template, Default)]
#[template(path = "partials/_table.html")]
pub(super) struct Table {
    /// What it shows, for those who do not see it.
    pub(super) caption: String,
    pub(super) columns: Vec<Column>,
    pub(super) rows: Vec<Vec<Value>>,
    /// The choice of columns.
    pub(super) tools: Option<Columns>,
    /// What makes rows to be ticked.
    pub(super) picks: Option<Picks>,
}

impl HtmlSafe for Table {}

impl Table {
    /// A table without an order to choose. Columns of numbers have a `#` before their title.
    pub(super) fn plain(caption: impl Into<String>, titles: &[&'static str], rows: Vec<Vec<Value>>) -> Self {
        let columns = titles.iter().map(|title| match title.strip_prefix('#') {
            Some(title) => Column { title, class: "num", sort: None },
            None => Column { title, class: "", sort: None },
        });
        Self { caption: caption.into(), columns: columns.collect(), rows, ..Self::default() }
    }

    /// With classes for columns: what is long wraps (`wrap`), what matters least goes first where it is narrow (`less`).
    pub(super) fn with(mut self, classes: &[(usize, &'static str)]) -> Self {
        for (at, class) in classes {
            if let Some(column) = self.columns.get_mut(*at) {
                column.class = class;
            }
        }
        self
    }

    /// The box of a row: what it sends, and what the row is about.
    fn pick(&self, at: &usize) -> Option<(&str, &str)> {
        let key = self.picks.as_ref()?.keys.get(*at)?;
        Some((key, self.rows.get(*at)?.first()?.words()))
    }

    fn class(&self, at: &usize) -> &'static str {
        self.columns.get(*at).map_or("", |column| column.class)
    }
}

/// Rows that can be ticked, over all pages, and what can be done with them.
pub(super) struct Picks {
    pub(super) action: String,
    /// What each row sends.
    pub(super) keys: Vec<String>,
    /// How many rows the whole list has, where that is known.
    pub(super) total: Option<String>,
    /// What else can be done with them.
    pub(super) acts: Vec<PickAct>,
    pub(super) token: String,
}

/// Something to be done with rows that are ticked: it is asked about on a page of its own first.
pub(super) struct PickAct {
    pub(super) text: &'static str,
    /// The word for it, and where it goes.
    pub(super) act: &'static str,
    pub(super) to: String,
    pub(super) class: &'static str,
}

/// A column.
pub(super) struct Column {
    pub(super) title: &'static str,
    pub(super) class: &'static str,
    pub(super) sort: Option<SortLink>,
}

/// Sorts by a column.
pub(super) struct SortLink {
    pub(super) href: String,
    /// `ascending`, `descending`, or empty when another column has the order.
    pub(super) direction: &'static str,
}

/// What narrows a list.
#[derive(Template, Default)]
#[template(path = "partials/_filters.html")]
pub(super) struct Filters {
    pub(super) action: String,
    pub(super) hidden: Vec<(String, String)>,
    pub(super) search: Option<Search>,
    pub(super) selects: Vec<Select>,
    pub(super) inputs: Vec<Input>,
    pub(super) chips_label: &'static str,
    pub(super) chips: Vec<Chip>,
    /// Filters that came with a link, such as the servers of one node.
    pub(super) ties: Vec<Tie>,
    pub(super) reset: Option<String>,
}

impl HtmlSafe for Filters {}

/// A field to search in.
pub(super) struct Search {
    pub(super) label: &'static str,
    pub(super) value: String,
}

/// A choice of one.
pub(super) struct Select {
    pub(super) name: &'static str,
    pub(super) label: &'static str,
    pub(super) options: Vec<Choice>,
}

/// One of the choices.
pub(super) struct Choice {
    pub(super) value: String,
    pub(super) text: String,
    pub(super) chosen: bool,
}

impl Select {
    /// A choice with one more that stands for all.
    pub(super) fn new(
        name: &'static str,
        label: &'static str,
        all: &str,
        chosen: Option<&str>,
        options: impl IntoIterator<Item = (String, String)>,
    ) -> Self {
        let all = Choice { value: String::new(), text: all.into(), chosen: chosen.is_none() };
        let rest = options.into_iter().map(|(value, text)| Choice { chosen: chosen == Some(&*value), value, text });
        Self { name, label, options: std::iter::once(all).chain(rest).collect() }
    }
}

/// Another field of the filters.
pub(super) struct Input {
    pub(super) name: &'static str,
    pub(super) label: &'static str,
    pub(super) kind: &'static str,
    pub(super) value: String,
}

/// A choice that is one click away.
pub(super) struct Chip {
    pub(super) text: String,
    pub(super) count: String,
    pub(super) href: String,
    pub(super) on: bool,
}

/// A filter to be taken off.
pub(super) struct Tie {
    pub(super) text: String,
    pub(super) href: String,
}

/// Where in a list a page stands, and how to go on.
#[derive(Template)]
#[template(path = "partials/_pager.html")]
pub(super) struct Pager {
    pub(super) said: String,
    pub(super) back: &'static str,
    pub(super) on: &'static str,
    pub(super) previous: Option<String>,
    pub(super) next: Option<String>,
}

impl HtmlSafe for Pager {}

impl Pager {
    pub(super) fn new(said: String, previous: Option<String>, next: Option<String>) -> Self {
        Self { said, back: "Previous", on: "Next", previous, next }
    }
}

/// What stands where there is nothing: why, and what to do next.
#[derive(Template, Clone)]
#[template(path = "partials/_empty.html")]
pub(super) struct Empty {
    pub(super) icon: &'static str,
    pub(super) title: String,
    pub(super) text: String,
    pub(super) acts: Vec<(&'static str, String)>,
}

impl HtmlSafe for Empty {}

/// A page that is a list.
#[derive(Template)]
#[template(path = "list/page.html")]
pub(super) struct ListView {
    pub(super) shell: Shell,
    pub(super) head: Head,
    pub(super) filters: Option<Filters>,
    pub(super) table: Table,
    pub(super) pager: Pager,
    pub(super) empty: Option<Empty>,
}
