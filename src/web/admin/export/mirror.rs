//! Lists as files: all that a list finds, or what was ticked, as CSV or JSON lines. Each piece is read on a snapshot of its own,
//! so that a slow reader holds nothing up. Whoever may see the list may take it out.

use actix_web::HttpResponse;
use actix_web::http::header;
use actix_web::web::{Bytes, Path};
use aviary_domain::audit::Format;
use aviary_domain::mirror::{At, Book, ListQuery, Page, Searchable};
use aviary_kernel::base::{Error, Result, csv};
use aviary_kernel::model::{Allocation, Kind, PanelId, RemoteId};
use futures_util::stream;
use serde_json::Value as Json;

use super::desk::Desk;
use super::form::{Fields, Sent};
use super::listing::{Listing, Wanted};
use super::{databases, locations, nests, nodes, servers, users};
use crate::allow::{Allow, perm};
use crate::api::mirror::item;
use crate::page::PageResult;

/// Rows that are read in one look.
const PIECE: usize = 500;
/// So many can be ticked.
const MOST_PICKED: usize = 5000;
/// Objects whose fields become columns of their own; others stand in one cell as JSON.
const SPREAD: [&str; 3] = ["limits", "featureLimits", "allocatedResources"];

/// Which rows.
#[derive(Clone)]
enum Rows {
    /// All that a list finds; allocations in use, or free ones only.
    Found(Box<ListQuery>, Option<bool>),
    Picked(Vec<(PanelId, RemoteId)>),
}

/// All that a list finds.
pub(super) async fn list(_may: Allow<perm::OfKind>, desk: Desk, kind: Path<String>) -> PageResult {
    let format = desk.query.text("format").unwrap_or("csv").parse()?;
    of_kind(desk, kind.parse()?, format, None).await
}

/// What was ticked; all that the list finds when that was asked for instead.
pub(super) async fn picked(_may: Allow<perm::OfKind>, desk: Desk, kind: Path<String>, sent: Sent) -> PageResult {
    desk.check(sent.token())?;
    let format = sent.field("format").parse()?;
    let read = |text: &str| {
        let (panel, id) = text.split_once('-')?;
        Some((panel.parse().ok()?, id.parse().ok()?))
    };
    let picks: Option<Vec<_>> = sent.each("pick").map(read).collect();
    let picks = picks.ok_or_else(|| Error::invalid("pick", "is no row of this list"))?;
    let all = !sent.field("all").is_empty();
    if picks.is_empty() && !all {
        return Err(Error::invalid("pick", "tick what to export first, or all that the list finds").into());
    }
    if picks.len() > MOST_PICKED {
        return Err(Error::invalid("pick", format!("takes at most {MOST_PICKED}; export all and sort out then")).into());
    }
    of_kind(desk, kind.parse()?, format, (!all).then_some(picks)).await
}

async fn of_kind(desk: Desk, kind: Kind, format: Format, picks: Option<Vec<(PanelId, RemoteId)>>) -> PageResult {
    match kind {
        Kind::Server => begin(desk, &servers::LISTING, format, picks).await,
        Kind::Node => begin(desk, &nodes::LISTING, format, picks).await,
        Kind::User => begin(desk, &users::LISTING, format, picks).await,
        Kind::Database => begin(desk, &databases::LISTING, format, picks).await,
        Kind::Location => begin(desk, &locations::LISTING, format, picks).await,
        Kind::Nest => begin(desk, &nests::NESTS, format, picks).await,
        Kind::Egg => begin(desk, &nests::EGGS, format, picks).await,
        Kind::Allocation => allocations(desk, format, picks).await,
        other => Err(Error::not_found("list", other.plural()).into()),
    }
}

async fn begin<T: Searchable>(
    mut desk: Desk,
    how: &'static Listing<T>,
    format: Format,
    picks: Option<Vec<(PanelId, RemoteId)>>,
) -> PageResult {
    let known = desk.known().await?;
    let wanted = Wanted::read::<T>(&mut desk.query, &known, how.columns, how.parents, PIECE);
    let rows = picks.map_or_else(|| Rows::Found(Box::new(wanted.list), None), Rows::Picked);
    Ok(file::<T>(desk.book.get_ref().clone(), rows, format))
}

async fn allocations(mut desk: Desk, format: Format, picks: Option<Vec<(PanelId, RemoteId)>>) -> PageResult {
    let known = desk.known().await?;
    let assigned = desk.query.text("use").map(|word| word == "assigned");
    let wanted = Wanted::read::<Allocation>(&mut desk.query, &known, &[], &[Kind::Node], PIECE);
    let rows = picks.map_or_else(|| Rows::Found(Box::new(wanted.list), assigned), Rows::Picked);
    Ok(file::<Allocation>(desk.book.get_ref().clone(), rows, format))
}

fn file<T: Searchable>(book: Book, rows: Rows, format: Format) -> HttpResponse {
    let rows = match rows {
        Rows::Found(query, assigned) => {
            Rows::Found(Box::new(ListQuery { at: At::Start, limit: PIECE, ..*query }), assigned)
        }
        picked => picked,
    };
    let name = format!("{}.{}", T::KIND.plural(), format.extension());
    let pieces = stream::unfold((book, Some(rows), Vec::new()), move |(book, rows, columns)| async move {
        let rows = rows?;
        let read = book.look(move |page| piece::<T>(page, &rows, columns, format)).await;
        Some(match read {
            Ok((text, columns, next)) => (Ok(Bytes::from(text)), (book, next, columns)),
            Err(error) => (Err(error), (book, None, Vec::new())),
        })
    });
    HttpResponse::Ok()
        .content_type(format.content_type())
        .insert_header((header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")))
        .streaming(Box::pin(pieces))
}

/// Some rows as text, the columns of the file, and what comes next.
type Piece = (String, Vec<String>, Option<Rows>);

fn piece<T: Searchable>(page: &Page<'_>, rows: &Rows, mut columns: Vec<String>, format: Format) -> Result<Piece> {
    let (found, next) = match rows {
        Rows::Found(query, assigned) => {
            let list = page.list::<T>(query)?;
            let next = list.next.map(|cursor| ListQuery { at: At::After(cursor), ..*query.clone() });
            (list.rows, next.map(|query| Rows::Found(Box::new(query), *assigned)))
        }
        Rows::Picked(picks) => {
            let (now, later) = picks.split_at(picks.len().min(PIECE));
            let mut found = Vec::new();
            for (panel, id) in now {
                found.extend(page.get::<T>(*panel, *id)?.map(|row| (*panel, row)));
            }
            (found, (!later.is_empty()).then(|| Rows::Picked(later.to_vec())))
        }
    };
    let wanted = if let Rows::Found(_, assigned) = rows { *assigned } else { None };
    let mut text = String::new();
    for (panel, row) in found {
        let item = item(page, panel, row)?;
        if wanted.is_some_and(|wanted| item["assigned"] != wanted) {
            continue;
        }
        match format {
            Format::JsonLines => text.push_str(&(item.to_string() + "\n")),
            Format::Csv => {
                let cells = spread(item);
                if columns.is_empty() {
                    columns = cells.iter().map(|(name, _)| name.clone()).collect();
                    text.push_str(&csv::line(columns.iter().map(String::as_str)));
                }
                let cell = |column: &String| {
                    cells.iter().find(|(name, _)| name == column).map_or("", |(_, cell)| cell.as_str())
                };
                text.push_str(&csv::line(columns.iter().map(cell)));
            }
        }
    }
    Ok((text, columns, next))
}

/// The fields of an object with the names that the API has for them.
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
    if !cells.iter().any(|(name, _)| name == "missingSince") {
        cells.push(("missingSince".into(), String::new()));
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
