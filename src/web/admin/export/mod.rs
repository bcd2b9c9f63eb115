//! Lists as files: all that a list finds, or what was ticked, as CSV or JSON lines. Each piece is read on a snapshot of its own,
//! so that a slow reader holds nothing up. Whoever may see the list may take it out.

mod mirror;
mod records;

pub(super) use mirror::mirrored;
pub(super) use records::{deliveries, events, history, jobs, mails, people, syncs};

use std::collections::HashSet;
use std::str::FromStr;

use actix_web::dev::Payload;
use actix_web::http::{Method, header};
use actix_web::web::Bytes;
use actix_web::{FromRequest, HttpRequest, HttpResponse};
use aviary_domain::audit::Format;
use aviary_kernel::base::{Error, Result, csv};
use futures_util::FutureExt;
use futures_util::future::{LocalBoxFuture, ready};
use futures_util::stream;
use serde::Serialize;
use serde_json::Value as Json;

use super::form::{Fields, Sent};
use super::query::Query;
use crate::door::Part;
use crate::page::PageError;
use crate::session::Visitor;

/// Rows that are read in one look.
const PIECE: usize = 500;
/// So many can be ticked.
const MOST_PICKED: usize = 5000;
/// Objects whose fields become columns of their own; others stand in one cell as JSON.
const SPREAD: [&str; 3] = ["limits", "featureLimits", "allocatedResources"];

/// A list that can be taken out as a file.
trait Source: 'static {
    /// What finds rows, from a place in the list on.
    type Query: 'static;
    /// What a row is known by.
    type Id: FromStr + 'static;

    /// Some rows as the API shows them, and what finds those behind them.
    async fn found(&self, query: Self::Query) -> Result<(Vec<Json>, Option<Self::Query>)>;

    /// A row, as long as it is there.
    async fn one(&self, id: Self::Id) -> Result<Option<Json>>;
}

/// Which rows.
enum Rows<Q, I> {
    /// All that a list finds.
    Found(Q),
    Picked(Vec<I>),
}

/// A file's format, and the rows that were ticked for it; none = all that the list finds. Links ask for all, forms for what was
/// ticked.
pub(super) struct Asked<I> {
    pub(super) format: Format,
    pub(super) picked: Option<Vec<I>>,
}

impl<I> Part for Asked<I> {}

impl<I: FromStr + 'static> FromRequest for Asked<I> {
    type Error = actix_web::Error;
    type Future = LocalBoxFuture<'static, Result<Self, Self::Error>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        if request.method() != Method::POST {
            let query = Query::new(request.path(), request.query_string());
            let format = query.text("format").unwrap_or("csv").parse();
            let asked = format.map(|format| Self { format, picked: None }).map_err(PageError::from);
            return ready(asked.map_err(Into::into)).boxed_local();
        }
        let visitor = Visitor::from_request(request, payload).into_inner();
        let sent = Sent::from_request(request, payload);
        async move { Ok(Self::ticked(&visitor?, &sent.await?)?) }.boxed_local()
    }
}

impl<I: FromStr> Asked<I> {
    /// What was ticked; all that the list finds when that was asked for instead.
    fn ticked(visitor: &Visitor, sent: &Sent) -> Result<Self, PageError> {
        visitor.check(sent.token())?;
        let format = sent.field("format").parse()?;
        let all = !sent.field("all").is_empty();
        let picked = picked(sent)?;
        if picked.is_empty() && !all {
            return Err(Error::invalid("pick", "tick what to export first, or all that the list finds").into());
        }
        Ok(Self { format, picked: (!all).then_some(picked) })
    }

    /// The file.
    fn file<S: Source<Id = I>>(self, name: &str, source: S, query: S::Query) -> HttpResponse {
        file(name, self.format, source, self.picked.map_or(Rows::Found(query), Rows::Picked))
    }
}

/// The rows that were ticked, each once.
///
/// # Errors
/// [`Error::Invalid`] when one is no row of the list, or they are too many.
pub(super) fn picked<I: FromStr>(sent: &Sent) -> Result<Vec<I>> {
    let mut met = HashSet::new();
    let each = sent.each("pick").filter(|text| met.insert(*text));
    let picked: Option<Vec<I>> = each.map(|text| text.parse().ok()).collect();
    let picked = picked.ok_or_else(|| Error::invalid("pick", "is no row of this list"))?;
    if picked.len() > MOST_PICKED {
        return Err(Error::invalid("pick", format!("takes at most {MOST_PICKED}; take all that match instead")));
    }
    Ok(picked)
}

fn file<S: Source>(name: &str, format: Format, source: S, rows: Rows<S::Query, S::Id>) -> HttpResponse {
    let name = format!("{name}.{}", format.extension());
    let sheet = Sheet { format, columns: Vec::new() };
    let pieces = stream::unfold((source, Some(rows), sheet), |(source, rows, mut sheet)| async move {
        Some(match piece(&source, rows?).await {
            Ok((rows, next)) => (Ok(Bytes::from(sheet.lines(rows))), (source, next, sheet)),
            Err(error) => (Err(error), (source, None, sheet)),
        })
    });
    HttpResponse::Ok()
        .content_type(format.content_type())
        .insert_header((header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")))
        .streaming(Box::pin(pieces))
}

/// Some rows, and which come next.
type Piece<S> = (Vec<Json>, Option<Rows<<S as Source>::Query, <S as Source>::Id>>);

async fn piece<S: Source>(source: &S, rows: Rows<S::Query, S::Id>) -> Result<Piece<S>> {
    match rows {
        Rows::Found(query) => {
            let (rows, next) = source.found(query).await?;
            Ok((rows, next.map(Rows::Found)))
        }
        Rows::Picked(mut ids) => {
            let later = ids.split_off(ids.len().min(PIECE));
            let mut rows = Vec::with_capacity(ids.len());
            for id in ids {
                rows.extend(source.one(id).await?);
            }
            Ok((rows, (!later.is_empty()).then_some(Rows::Picked(later))))
        }
    }
}

/// A file on its way out.
struct Sheet {
    format: Format,
    /// The columns of CSV, as the first row has them.
    columns: Vec<String>,
}

impl Sheet {
    fn lines(&mut self, rows: Vec<Json>) -> String {
        let mut text = String::new();
        for row in rows {
            match self.format {
                Format::JsonLines => text.push_str(&(row.to_string() + "\n")),
                Format::Csv => self.line(spread(row), &mut text),
            }
        }
        text
    }

    fn line(&mut self, cells: Vec<(String, String)>, text: &mut String) {
        if self.columns.is_empty() {
            self.columns = cells.iter().map(|(name, _)| name.clone()).collect();
            text.push_str(&csv::line(self.columns.iter().map(String::as_str)));
        }
        let cell =
            |column: &String| cells.iter().find(|(name, _)| name == column).map_or("", |(_, cell)| cell.as_str());
        text.push_str(&csv::line(self.columns.iter().map(cell)));
    }
}

/// The fields of a row with the names that the API has for them.
fn spread(item: Json) -> Vec<(String, String)> {
    let Json::Object(fields) = item else { return Vec::new() };
    let mut cells = Vec::new();
    for (name, value) in fields {
        match value {
            Json::Object(inner) if SPREAD.contains(&name.as_str()) => {
                cells.extend(inner.into_iter().map(|(field, value)| (format!("{name}.{field}"), words(value))));
            }
            value => cells.push((name, words(value))),
        }
    }
    cells
}

fn words(value: Json) -> String {
    match value {
        Json::Null => String::new(),
        Json::String(text) => text,
        other => other.to_string(),
    }
}

/// What rows are known by that cannot be ticked.
pub(super) enum Never {}

impl FromStr for Never {
    type Err = Error;

    fn from_str(_: &str) -> Result<Self> {
        Err(Error::invalid("pick", "cannot be chosen here"))
    }
}

/// Rows as the API shows them.
fn shown<T: Serialize>(rows: impl IntoIterator<Item = T>) -> Result<Vec<Json>> {
    rows.into_iter().map(|row| serde_json::to_value(row).map_err(Error::internal)).collect()
}

/// A row as the API shows it; none when there is none.
fn one<T: Serialize>(found: Result<T>) -> Result<Option<Json>> {
    match found {
        Ok(row) => Ok(Some(serde_json::to_value(row).map_err(Error::internal)?)),
        Err(Error::NotFound { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}
