//! Mirrored objects.

use std::marker::PhantomData;
use std::str::FromStr;

use actix_web::HttpResponse;
use actix_web::web::Path;
use aviary_domain::mirror::{At, Book, ListQuery, Page, Searchable};
use aviary_kernel::base::{Error, Result};
use aviary_kernel::model::{Allocation, Kind, PanelId, RemoteId};
use serde_json::Value as Json;

use super::{Asked, PIECE, Source};
use crate::admin::desk::Desk;
use crate::admin::listing::{Listing, Wanted};
use crate::admin::{databases, locations, nests, nodes, servers, users};
use crate::allow::{Allow, perm};
use crate::api::mirror::item;
use crate::page::PageResult;

/// The objects of a kind.
pub(in crate::admin) async fn mirrored(
    _may: Allow<perm::OfKind>,
    desk: Desk,
    kind: Path<String>,
    asked: Asked<Row>,
) -> PageResult {
    let kind = kind.parse()?;
    match kind {
        Kind::Server => begin(desk, &servers::LISTING, asked).await,
        Kind::Node => begin(desk, &nodes::LISTING, asked).await,
        Kind::User => begin(desk, &users::LISTING, asked).await,
        Kind::Database => begin(desk, &databases::LISTING, asked).await,
        Kind::Location => begin(desk, &locations::LISTING, asked).await,
        Kind::Nest => begin(desk, &nests::NESTS, asked).await,
        Kind::Egg => begin(desk, &nests::EGGS, asked).await,
        Kind::Allocation => allocations(desk, asked).await,
        other => Err(Error::not_found("list", other.plural()).into()),
    }
}

async fn begin<T: Searchable>(mut desk: Desk, how: &'static Listing<T>, asked: Asked<Row>) -> PageResult {
    let known = desk.known().await?;
    let wanted = Wanted::read::<T>(&mut desk.query, &known, how.columns, how.parents, PIECE);
    Ok(file::<T>(&desk, asked, vec![wanted.list], None))
}

async fn allocations(mut desk: Desk, asked: Asked<Row>) -> PageResult {
    let known = desk.known().await?;
    let query = crate::admin::allocations::read(&mut desk.query, &known, PIECE);
    let list = |panel| ListQuery {
        panel,
        parent: query.node.map(|node| (Kind::Node, node)),
        search: query.search.clone(),
        limit: PIECE,
        ..ListQuery::default()
    };
    // The number of a node means another one on each panel.
    let lists = match (query.panel, query.node) {
        (None, Some(_)) => known.panels.iter().map(|panel| list(Some(panel.id))).collect(),
        (panel, _) => vec![list(panel)],
    };
    Ok(file::<Allocation>(&desk, asked, lists, query.assigned))
}

fn file<T: Searchable>(desk: &Desk, asked: Asked<Row>, lists: Vec<ListQuery>, assigned: Option<bool>) -> HttpResponse {
    let lists = lists.into_iter().rev().map(|list| ListQuery { at: At::Start, limit: PIECE, ..list }).collect();
    let source = Objects::<T> { book: desk.book.get_ref().clone(), assigned, kind: PhantomData };
    asked.file(T::KIND.plural(), source, lists)
}

/// The objects of a kind.
struct Objects<T> {
    book: Book,
    /// Allocations in use, or free ones only.
    assigned: Option<bool>,
    kind: PhantomData<T>,
}

/// An object as a row sends it: `2/17` is number 17 of panel 2.
#[derive(Clone, Copy)]
pub(in crate::admin) struct Row(PanelId, RemoteId);

impl FromStr for Row {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let strange = || Error::invalid("pick", "is no row of this list");
        let (panel, id) = text.split_once('/').ok_or_else(strange)?;
        Ok(Self(panel.parse().map_err(|_| strange())?, id.parse().map_err(|_| strange())?))
    }
}

impl<T: Searchable> Source for Objects<T> {
    /// Lists that follow each other, the next one last.
    type Query = Vec<ListQuery>;
    type Id = Row;

    async fn found(&self, mut lists: Vec<ListQuery>) -> Result<(Vec<Json>, Option<Vec<ListQuery>>)> {
        let Some(query) = lists.pop() else { return Ok((Vec::new(), None)) };
        let assigned = self.assigned;
        let look = move |page: &Page<'_>| {
            let list = page.list::<T>(&query)?;
            let mut rows = Vec::with_capacity(list.rows.len());
            for (panel, row) in list.rows {
                rows.push(whole(item(page, panel, row)?));
            }
            rows.retain(|row| assigned.is_none_or(|wanted| row["assigned"] == wanted));
            Ok((rows, list.next.map(|cursor| ListQuery { at: At::After(cursor), ..query })))
        };
        let (rows, next) = self.book.look(look).await?;
        lists.extend(next);
        Ok((rows, Some(lists).filter(|lists| !lists.is_empty())))
    }

    async fn one(&self, Row(panel, id): Row) -> Result<Option<Json>> {
        let look = move |page: &Page<'_>| {
            let row = page.get::<T>(panel, id)?;
            row.map(|row| Ok(whole(item(page, panel, row)?))).transpose()
        };
        self.book.look(look).await
    }
}

/// With the field that only some objects have, so that all rows have the same columns.
fn whole(mut item: Json) -> Json {
    if let Json::Object(fields) = &mut item {
        fields.entry("missingSince").or_insert(Json::Null);
    }
    item
}
