//! Which columns and how many rows a list shows: as the address says, else as its reader prefers, else as it comes. And what
//! stands over its rows: that choice, the boxes to tick, and the ways to take rows out.

use askama::Template;
use askama::filters::HtmlSafe;
use aviary_domain::accounts::ROWS;

use super::desk::{Desk, Known};
use super::query::Query;
use super::shown;
use super::table::{Column, PickAct, Picks, SortLink, Table};

/// A column: its name as programs have it, its title, the word and order it sorts by, and its class.
pub(super) struct Heading<S = Unordered>(
    pub(super) &'static str,
    pub(super) &'static str,
    pub(super) Option<(&'static str, S)>,
    pub(super) &'static str,
);

/// The order of lists whose order cannot be chosen.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Unordered {}

/// The order that `sort=name` or `sort=-name` asks for, and whether it is turned round.
pub(super) fn order<S: Copy>(query: &mut Query, headings: &[Heading<S>], otherwise: &str) -> Option<(S, bool)> {
    query.pick("sort", otherwise, |text| {
        let (word, descending) = text.strip_prefix('-').map_or((text, false), |word| (word, true));
        let (_, sort) = headings.iter().filter_map(|heading| heading.2).find(|(name, _)| *name == word)?;
        Some((sort, descending))
    })
}

/// The columns of a list that is in this order, with the ways to the orders that `can` be had.
pub(super) fn headed<S: Copy + PartialEq>(
    query: &Query,
    headings: &[Heading<S>],
    order: Option<(S, bool)>,
    can: impl Fn(S) -> bool,
) -> Vec<Column> {
    let of = |Heading(_, title, sort, class): &Heading<S>| {
        let sort = sort.filter(|(_, sort)| can(*sort)).map(|(word, sort)| {
            let direction = match order {
                Some((mine, false)) if mine == sort => "ascending",
                Some((mine, true)) if mine == sort => "descending",
                _ => "",
            };
            let word = if direction == "ascending" { format!("-{word}") } else { word.to_owned() };
            SortLink { href: query.link(&[("sort", &word)]), direction }
        });
        Column { title, class, sort }
    };
    headings.iter().map(of).collect()
}

/// The columns of a list whose order cannot be chosen.
pub(super) fn unordered(headings: &[Heading]) -> Vec<Column> {
    headings.iter().map(|Heading(_, title, _, class)| Column { title, class, sort: None }).collect()
}

/// The rows of a page that can be ticked.
pub(super) struct Ticks {
    /// What each row sends.
    pub(super) keys: Vec<String>,
    /// How many rows the whole list has, where that is known.
    pub(super) total: Option<u64>,
    /// What can be done with them besides taking them out.
    pub(super) acts: Vec<PickAct>,
}

impl Ticks {
    /// Rows that can only be taken out.
    pub(super) fn new(keys: Vec<String>, total: Option<u64>) -> Self {
        Self { keys, total, acts: Vec::new() }
    }
}

/// Rows on a page when nobody says otherwise.
const USUAL_ROWS: u16 = 50;

/// The choice of columns and rows, and the ways to take all of it out.
#[derive(Template)]
#[template(path = "partials/_columns.html")]
pub(super) struct Columns {
    list: &'static str,
    action: String,
    hidden: Vec<(String, String)>,
    columns: Vec<Choice>,
    pub(super) rows: usize,
    choices: [(u16, bool); ROWS.len()],
    /// The address says which columns; where to go when they are kept.
    keep: Option<String>,
    /// Some are kept already.
    is_kept: bool,
    /// Somebody chose them, if only all.
    is_chosen: bool,
    /// Formats with the way to all of the list in it.
    exports: Vec<(&'static str, String)>,
    token: String,
}

impl HtmlSafe for Columns {}

/// A column that can be shown.
struct Choice {
    id: &'static str,
    title: &'static str,
    on: bool,
}

impl Columns {
    /// What the address and the reader want of a list with these columns (id and title); the first one always stays.
    pub(super) fn read<S>(query: &mut Query, known: &Known, list: &'static str, all: &[Heading<S>]) -> Self {
        query.fold("col", "cols");
        let named = query.text("cols").map(|text| text.split(',').map(str::to_owned).collect::<Vec<_>>());
        let is_asked = named.is_some();
        let strange = |name: &&String| !all.iter().any(|heading| heading.0 == *name);
        let unknown = named.iter().flatten().find(strange).map(|name| shown::short(name, 40));
        if let Some(name) = unknown {
            query.doubts.push(format!("The address asks for a column “{name}” that does not exist: it is left out."));
        }
        let kept = known.prefers.kept.columns.get(list);
        let wanted = named.as_ref().or(kept).filter(|names| names.iter().any(|name| !strange(&name)));
        let on = |at: usize, id: &str| at == 0 || wanted.is_none_or(|names| names.iter().any(|name| name == id));
        let columns = all.iter().enumerate();
        let columns = columns.map(|(at, Heading(id, title, ..))| Choice { id, title, on: on(at, id) }).collect();
        let rows = query.pick("rows", "as many rows are shown as usual", |text| {
            text.parse().ok().filter(|rows| ROWS.contains(rows))
        });
        let rows = rows.or(known.prefers.kept.rows).unwrap_or(USUAL_ROWS);
        Self {
            list,
            action: query.bare(),
            hidden: query.carried(&["cols", "rows"]),
            columns,
            rows: rows.into(),
            choices: ROWS.map(|choice| (choice, choice == rows)),
            keep: is_asked.then(|| query.link(&[("cols", "")])),
            is_kept: kept.is_some(),
            is_chosen: wanted.is_some(),
            exports: Vec::new(),
            token: String::new(),
        }
    }

    /// With the form token, and a way to all of the list as a file for who may have that.
    pub(super) fn with(self, desk: &Desk, known: &Known, export: &str) -> Self {
        let to = |format| desk.query.elsewhere(export, &[("format", format), ("cols", ""), ("rows", "")]);
        let exports = [("CSV", to("csv")), ("JSON lines", to("jsonl"))];
        let exports = if known.opens(export) { exports.into() } else { Vec::new() };
        Self { token: desk.visitor.form_token.clone(), exports, ..self }
    }

    /// Stands over a table: leaves of it what is to be shown, and has its rows ticked and taken out there.
    pub(super) fn over(self, table: Table, desk: &Desk, known: &Known, export: &str, ticks: Ticks) -> Table {
        let mut table = self.cut(table);
        table.picks = known.takes(export).then(|| Picks {
            action: desk.query.elsewhere(export, &[("cols", ""), ("rows", "")]),
            keys: ticks.keys,
            total: ticks.total.map(shown::grouped),
            acts: ticks.acts,
            token: desk.visitor.form_token.clone(),
        });
        table.tools = Some(self.with(desk, known, export));
        table
    }

    /// Stands over a table whose rows are not ticked or taken out.
    pub(super) fn alone(self, table: Table, desk: &Desk) -> Table {
        let mut table = self.cut(table);
        table.tools = Some(Self { token: desk.visitor.form_token.clone(), ..self });
        table
    }

    /// Leaves of a table what is to be shown. Columns that the list does not offer to choose from stay.
    fn cut(&self, mut table: Table) -> Table {
        let on = |at: usize| self.columns.get(at).is_none_or(|column| column.on);
        fn keep<T>(all: &mut Vec<T>, on: impl Fn(usize) -> bool) {
            let mut at = 0;
            all.retain(|_| {
                at += 1;
                on(at - 1)
            });
        }
        if self.is_chosen {
            // Who chose sees all that was chosen, however narrow it gets.
            for column in &mut table.columns {
                column.class = column.class.strip_suffix("less").unwrap_or(column.class).trim_end();
            }
        }
        keep(&mut table.columns, on);
        table.rows.iter_mut().for_each(|row| keep(row, on));
        table
    }
}
