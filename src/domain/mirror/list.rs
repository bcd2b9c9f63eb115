use std::ops::ControlFlow;

use aviary_kernel::base::{At, Cursor, Result};
use aviary_kernel::model::{Kind, PanelId, RemoteId, ServerState};
use aviary_kernel::store::rows::{Mirror, Mirrored};
use aviary_kernel::store::tables::{RowKey, counted};
use aviary_kernel::store::{Counter, Direction, Read};

use super::counts::kind_total;
use super::finder::{Candidates, Finder, candidates};
use super::searchable::Searchable;
use super::source::Source;

/// The order of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Sort {
    Id,
    #[default]
    Name,
    Created,
    Changed,
    /// Servers only; others are taken by name.
    State,
}

/// What is asked of a list. The default is everything by name.
#[derive(Clone, Debug, Default)]
pub struct ListQuery {
    /// Only of this panel.
    pub panel: Option<PanelId>,
    /// The order.
    pub sort: Sort,
    /// Largest first.
    pub descending: bool,
    /// Only what has this in its name, description, e-mail, UUID, address or number; case does not matter.
    pub search: Option<String>,
    /// Only servers in this state.
    pub state: Option<ServerState>,
    /// Only what belongs to this object; needs `panel`.
    pub parent: Option<(Kind, RemoteId)>,
    /// Only nodes in maintenance, or only the others.
    pub maintenance: Option<bool>,
    /// Where to begin.
    pub at: At,
    /// Rows of a page; 0 is taken as 25.
    pub limit: usize,
}

/// A page of a list.
#[derive(Clone, Debug)]
pub struct ListPage<T> {
    /// The rows.
    pub rows: Vec<(PanelId, Mirrored<T>)>,
    /// How many rows the whole list has.
    pub total: u64,
    /// Where the next page begins; none on the last one.
    pub next: Option<Cursor>,
    /// Where to go back from; none on the first one.
    pub previous: Option<Cursor>,
}

/// Rows of a page when none are asked for.
const USUAL_LIMIT: usize = 25;
/// No page is larger.
const LARGEST_LIMIT: usize = 1000;

/// The rows of a page for what was asked.
pub(super) fn page_size(limit: usize) -> usize {
    if limit == 0 { USUAL_LIMIT } else { limit.min(LARGEST_LIMIT) }
}

impl ListQuery {
    fn page_size(&self) -> usize {
        page_size(self.limit)
    }

    /// The order that answers the query with the fewest rows left to filter.
    fn source<T: Mirror>(&self) -> Source {
        match (self.panel, self.parent, self.state) {
            (Some(panel), Some((kind, of)), _) => Source::children(panel, kind, of, T::KIND),
            (_, _, Some(state)) if T::KIND == Kind::Server => Source::by_state(Some(state)),
            (panel, ..) => match self.sort {
                _ if !T::NAMED => Source::by_id::<T>(panel),
                Sort::Id => Source::by_id::<T>(panel),
                Sort::Created => Source::by_created(T::KIND),
                Sort::Changed => Source::by_changed(T::KIND),
                Sort::State if T::KIND == Kind::Server => Source::by_state(None),
                Sort::Name | Sort::State => Source::by_name(T::KIND, panel),
            },
        }
    }

    /// Whether rows must be looked at beyond their place in the order.
    fn filters<T: Mirror>(&self) -> bool {
        let ordered_by_all_panels = self.parent.is_none()
            && (self.state.is_some() || (T::NAMED && matches!(self.sort, Sort::Created | Sort::Changed | Sort::State)));
        self.search.is_some()
            || self.maintenance.is_some()
            || (self.parent.is_some() && self.state.is_some())
            || (self.panel.is_some() && ordered_by_all_panels)
    }

    fn matches<T: Searchable>(&self, panel: PanelId, row: &T) -> bool {
        self.narrows(panel, row) && self.search.as_deref().is_none_or(|text| row.contains(&text.trim().to_lowercase()))
    }

    /// All filters but the text.
    fn narrows<T: Searchable>(&self, panel: PanelId, row: &T) -> bool {
        self.panel.is_none_or(|wanted| wanted == panel)
            && self.state.is_none_or(|wanted| row.state().is_none_or(|state| state == wanted))
            && self.maintenance.is_none_or(|wanted| row.maintenance().is_none_or(|state| state == wanted))
    }

    fn total<T: Mirror>(&self, reader: &impl Read, source: &Source) -> Result<u64> {
        match (self.panel, self.parent, self.state) {
            (_, None, None) => kind_total(reader, T::KIND, self.panel),
            (Some(panel), Some((parent, of)), _) => match child_counter(parent, T::KIND) {
                Some(what) => reader.count(Counter { what, panel, of }),
                None => source.len(reader),
            },
            _ => source.len(reader),
        }
    }
}

fn child_counter(parent: Kind, child: Kind) -> Option<u8> {
    match (parent, child) {
        (Kind::Node, Kind::Server) => Some(counted::NODE_SERVERS),
        (Kind::Egg, Kind::Server) => Some(counted::EGG_SERVERS),
        (Kind::User, Kind::Server) => Some(counted::USER_SERVERS),
        (Kind::Nest, Kind::Server) => Some(counted::NEST_SERVERS),
        (Kind::Nest, Kind::Egg) => Some(counted::NEST_EGGS),
        (Kind::Location, Kind::Node) => Some(counted::LOCATION_NODES),
        _ => None,
    }
}

/// A page of the objects of a kind.
pub(super) fn list<T: Searchable>(
    reader: &impl Read,
    finder: Option<&Finder>,
    query: &ListQuery,
) -> Result<ListPage<T>> {
    let source = query.source::<T>();
    if query.filters::<T>() {
        return match candidates(reader, finder, T::KIND, query.panel, query.search.as_deref())? {
            Some(found) if found.len() <= FEW => few(reader, query, &source, &found),
            found => filtered(reader, query, &source, found.as_ref()),
        };
    }
    let total = query.total::<T>(reader, &source)?;
    let mut picked = pick(reader, &Rows::Of(&source), query, |_| Ok(true))?;
    picked.finish(query);
    picked.load(reader, total)
}

/// So many rows are read and put in order; of more the order is walked.
const FEW: usize = 2_000;

/// A page of rows that are known to be few: all of them are read.
fn few<T: Searchable>(
    reader: &impl Read,
    query: &ListQuery,
    source: &Source,
    found: &Candidates,
) -> Result<ListPage<T>> {
    let mut rows = Vec::new();
    for key in found.sure.iter().chain(&found.unsure).copied() {
        let Some(row) = reader.get(T::table(), &key)?.filter(|row| query.matches(key.0, &row.data)) else { continue };
        rows.extend(source.place(key, &row).map(|place| (place, key)));
    }
    rows.sort_unstable();
    rows.dedup();
    let total = rows.len() as u64;
    let mut picked = pick(reader, &Rows::Listed(rows), query, |_| Ok(true))?;
    picked.finish(query);
    picked.load(reader, total)
}

fn filtered<T: Searchable>(
    reader: &impl Read,
    query: &ListQuery,
    source: &Source,
    found: Option<&Candidates>,
) -> Result<ListPage<T>> {
    let is_text_alone = query.maintenance.is_none() && query.state.is_none();
    let matches = |key: RowKey| {
        let is_sure = found.is_some_and(|found| found.sure.contains(&key));
        if found.is_some_and(|found| !found.may(&key)) {
            return Ok(false);
        }
        if is_sure && is_text_alone {
            return Ok(query.panel.is_none_or(|panel| panel == key.0));
        }
        let Some(row) = reader.get(T::table(), &key)? else { return Ok(false) };
        Ok(if is_sure { query.narrows(key.0, &row.data) } else { query.matches(key.0, &row.data) })
    };
    let mut total = 0;
    source.walk(reader, None, Direction::Up, |_, key| {
        total += u64::from(matches(key)?);
        Ok(ControlFlow::Continue(()))
    })?;
    let mut picked = pick(reader, &Rows::Of(source), query, matches)?;
    picked.finish(query);
    picked.load(reader, total)
}

/// Rows in an order.
enum Rows<'s> {
    /// Those of a source.
    Of(&'s Source),
    /// These, smallest first.
    Listed(Vec<(Vec<u8>, RowKey)>),
}

impl Rows<'_> {
    fn walk(
        &self,
        reader: &impl Read,
        after: Option<&[u8]>,
        direction: Direction,
        mut visit: impl FnMut(&[u8], RowKey) -> Result<ControlFlow<()>>,
    ) -> Result<()> {
        let rows = match self {
            Self::Of(source) => return source.walk(reader, after, direction, visit),
            Self::Listed(rows) => rows,
        };
        let behind = |place: &[u8]| match (after, direction) {
            (None, _) => true,
            (Some(after), Direction::Up) => place > after,
            (Some(after), Direction::Down) => place < after,
        };
        let mut go = |(place, key): &(Vec<u8>, RowKey)| {
            if behind(place) { visit(place, *key) } else { Ok(ControlFlow::Continue(())) }
        };
        let ordered: Box<dyn Iterator<Item = _>> = match direction {
            Direction::Up => Box::new(rows.iter()),
            Direction::Down => Box::new(rows.iter().rev()),
        };
        for row in ordered {
            if go(row)?.is_break() {
                break;
            }
        }
        Ok(())
    }
}

/// The keys of a page, with where they stand in the order.
struct Picked {
    keys: Vec<(Vec<u8>, RowKey)>,
    /// There is a row before the first one.
    earlier: bool,
    /// There is a row behind the last one.
    later: bool,
}

/// Takes one row more than the page needs, to know whether there is a next one.
fn pick(
    reader: &impl Read,
    rows: &Rows<'_>,
    query: &ListQuery,
    keep: impl Fn(RowKey) -> Result<bool>,
) -> Result<Picked> {
    let forward = if query.descending { Direction::Down } else { Direction::Up };
    let backward = if query.descending { Direction::Up } else { Direction::Down };
    let (after, direction, mut skip) = match &query.at {
        At::Start => (None, forward, 0),
        At::After(cursor) => (Some(cursor.key()), forward, 0),
        At::Before(cursor) => (Some(cursor.key()), backward, 0),
        At::Offset(rows) => (None, forward, *rows),
    };
    let skipped = skip > 0;
    let wanted = query.page_size() + 1;
    let mut keys = Vec::with_capacity(wanted.min(256));
    rows.walk(reader, after, direction, |key, row| {
        if keep(row)? {
            if skip > 0 {
                skip -= 1;
            } else {
                keys.push((key.to_vec(), row));
            }
        }
        Ok(if keys.len() < wanted { ControlFlow::Continue(()) } else { ControlFlow::Break(()) })
    })?;
    Ok(Picked { keys, earlier: after.is_some() || skipped, later: true })
}

impl Picked {
    /// Drops the extra row and works out which ways lead on.
    fn finish(&mut self, query: &ListQuery) {
        let more = self.keys.len() > query.page_size();
        self.keys.truncate(query.page_size());
        if matches!(query.at, At::Before(_)) {
            self.keys.reverse();
            self.earlier = more;
            self.later = true;
        } else {
            self.later = more;
        }
    }

    fn load<T: Mirror>(self, reader: &impl Read, total: u64) -> Result<ListPage<T>> {
        let cursor = |entry: Option<&(Vec<u8>, RowKey)>| entry.map(|(key, _)| Cursor::after(key));
        let next = if self.later { cursor(self.keys.last()) } else { None };
        let previous = if self.earlier { cursor(self.keys.first()) } else { None };
        let mut rows = Vec::with_capacity(self.keys.len());
        for (_, key) in &self.keys {
            rows.extend(reader.get(T::table(), key)?.map(|row| (key.0, row)));
        }
        Ok(ListPage { rows, total, next, previous })
    }
}
