//! Which columns and how many rows a list shows: as the address says, else as its reader prefers, else as it comes.

use askama::Template;
use askama::filters::HtmlSafe;
use aviary_domain::accounts::ROWS;

use super::desk::Known;
use super::query::Query;
use super::shown;
use super::table::Table;

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
    pub(super) fn read(
        query: &mut Query,
        known: &Known,
        list: &'static str,
        all: &[(&'static str, &'static str)],
    ) -> Self {
        query.fold("col", "cols");
        let named = query.text("cols").map(|text| text.split(',').map(str::to_owned).collect::<Vec<_>>());
        let is_asked = named.is_some();
        let strange = |name: &&String| !all.iter().any(|(id, _)| id == name);
        let unknown = named.iter().flatten().find(strange).map(|name| shown::short(name, 40));
        if let Some(name) = unknown {
            query.doubts.push(format!("The address asks for a column “{name}” that does not exist: it is left out."));
        }
        let kept = known.prefers.kept.columns.get(list);
        let wanted = named.as_ref().or(kept).filter(|names| names.iter().any(|name| !strange(&name)));
        let on = |at: usize, id: &str| at == 0 || wanted.is_none_or(|names| names.iter().any(|name| name == id));
        let columns = all.iter().enumerate().map(|(at, (id, title))| Choice { id, title, on: on(at, id) }).collect();
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

    /// With the form token, and a way to all of the list as a file.
    pub(super) fn with(self, token: &str, query: &Query, export: &str) -> Self {
        let to = |format| query.elsewhere(export, &[("format", format), ("cols", ""), ("rows", "")]);
        Self { token: token.to_owned(), exports: vec![("CSV", to("csv")), ("JSON lines", to("jsonl"))], ..self }
    }

    /// Leaves of a table what is to be shown. Columns that the list does not offer to choose from stay.
    pub(super) fn cut(&self, table: &mut Table) {
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
            table.columns.iter_mut().filter(|column| column.class == "less").for_each(|column| column.class = "");
        }
        keep(&mut table.columns, on);
        table.rows.iter_mut().for_each(|row| keep(row, on));
    }
}
