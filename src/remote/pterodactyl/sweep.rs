//! Lists everything of one kind, and knows whether it did.
//!
//! Panels page by offset without a snapshot: a row deleted while we read moves all later ones up, and one of them falls into the
//! gap. So the ids are counted and compared with what the panel reported from the first page to the last; when it does not add
//! up the list is read again, at most twice, and if it still does not the result says so.

use std::collections::VecDeque;
use std::sync::Arc;

use aviary_kernel::model::{Kind, RemoteId};
use serde_json::Value;
use tokio::sync::mpsc::Sender;
use tokio::task::JoinHandle;

use super::call::{Ask, Caller, Patience};
use super::effort::{Effort, smaller};
use super::map::{Fault, Row};
use super::report::{Incomplete, Sweep, Unreadable};
use super::wire::{self, Paging};
use super::{FaultKind, Page, PanelError};
use crate::IdSet;

/// How often a list is read again when it does not add up.
const READ_AGAIN: u32 = 2;
/// A pass ends after this many pages in a row that bring nothing new.
const BARREN_PAGES: u32 = 3;
/// A list that grows faster than it is read is not chased for more pages than this.
const CHASED_PAGES: u64 = 64;

/// A list of a panel and how to read its rows.
pub(crate) struct Listing<T> {
    /// After `/api/application`.
    pub(crate) path: String,
    pub(crate) kind: Kind,
    pub(crate) include: Option<String>,
    /// None = the panel gives everything at once.
    pub(crate) per_page: Option<u32>,
    /// Whether the list can be sorted by id.
    pub(crate) is_sorted: bool,
    pub(crate) read: ReadRow<T>,
}

/// Makes a row of the model of one of the panel's.
pub(crate) type ReadRow<T> = Box<dyn Fn(&Value) -> Result<Row<T>, Fault> + Send + Sync>;

/// Reads the whole list and sends its pages in order.
pub(crate) async fn sweep<T: Send + 'static>(
    caller: Arc<Caller>,
    listing: Listing<T>,
    pages: Sender<Page<T>>,
) -> Result<Sweep, PanelError> {
    let reader = Arc::new(Reader { caller, listing, effort: Effort::new() });
    let mut sweeper = Sweeper { reader, pages, sent: IdSet::new(), pages_read: 0 };
    let (mut anchor, mut again) = (None, 0);
    loop {
        let pass = sweeper.pass(anchor).await?;
        match pass.verdict() {
            Ok(()) => return Ok(pass.into_sweep(None, sweeper.pages_read)),
            Err(incomplete) if again < READ_AGAIN => {
                tracing::info!(request = incomplete.request, "reading the list again: {}", incomplete.reason);
                anchor = sweeper.reader.anchor(&pass).await?;
                again += 1;
            }
            Err(incomplete) => {
                let mut sweep = pass.into_sweep(Some(incomplete), sweeper.pages_read);
                sweep.ids.extend(sweeper.sent.iter());
                return Ok(sweep);
            }
        }
    }
}

/// Reads pages, cutting up those that the panel cannot give whole.
struct Reader<T> {
    caller: Arc<Caller>,
    listing: Listing<T>,
    effort: Effort,
}

/// A piece of the list, in the list's order.
enum Part<T> {
    Read(Chunk<T>),
    /// A single row that the panel fails to show.
    Hole {
        request: String,
        error: PanelError,
    },
}

/// An answer with rows.
struct Chunk<T> {
    request: String,
    /// At this chunk's own size.
    page: u32,
    /// As asked for; 0 for a list that is not paged.
    size: u32,
    paging: Option<Paging>,
    rows: Vec<Result<Row<T>, Fault>>,
}

impl<T> Chunk<T> {
    fn total(&self) -> u64 {
        self.paging.map_or(self.rows.len() as u64, |paging| paging.total)
    }

    /// What does not fit in this chunk, if anything.
    fn oddity(&self) -> Option<String> {
        let paging = self.paging?;
        let rows = self.rows.len() as u64;
        if self.size == 0 {
            return None;
        }
        if paging.count.is_some_and(|count| count != rows) {
            return Some(format!(
                "a page holds {rows} rows and says that it holds {}",
                paging.count.unwrap_or_default()
            ));
        }
        if paging.current_page.is_some_and(|page| page != u64::from(self.page)) {
            return Some("the panel answered with another page than was asked for".to_owned());
        }
        let before = u64::from(self.page - 1) * u64::from(self.size);
        let expected = paging.total.saturating_sub(before).min(u64::from(self.size));
        (rows == 0 && expected > 0).then(|| "a page in the middle of the list is empty".to_owned())
    }
}

/// The newest row at one moment: everything up to `id` was there then, `total` of them.
#[derive(Clone, Copy)]
struct Anchor {
    id: RemoteId,
    total: u64,
}

impl<T: Send + 'static> Reader<T> {
    /// The page, or the parts of it that can be had.
    async fn read(&self, page: u32, size: u32) -> Result<Vec<Part<T>>, PanelError> {
        let mut parts = Vec::new();
        let mut is_overloaded = false;
        let mut todo = vec![(page, size)];
        while let Some((sub, part)) = todo.pop() {
            let is_cut = part < size;
            if is_cut && self.effort.is_past_the_end(sub, part) && !parts.is_empty() {
                continue;
            }
            if part > self.effort.ceiling() && part > 1 {
                todo.extend(cut(sub, part));
                continue;
            }
            let patience = if is_cut && part > 1 { Patience::Brief } else { Patience::Usual };
            match self.read_page(sub, part, patience).await {
                Ok(chunk) => {
                    if is_cut && is_overloaded {
                        self.effort.lower_ceiling(part);
                    }
                    parts.push(Part::Read(chunk));
                }
                Err(error) if !error.kind.is_splittable() || part == 0 => return Err(error.on_page(page)),
                Err(error) => {
                    self.effort.failed(&error).map_err(|error| error.on_page(page))?;
                    is_overloaded |= error.kind.is_overload();
                    if part == 1 {
                        parts.push(Part::Hole { request: error.request.clone().unwrap_or_default(), error });
                    } else {
                        tracing::info!(fault = error.kind.code(), "taking a page in smaller parts: {error}");
                        todo.extend(cut(sub, part));
                    }
                }
            }
        }
        Ok(parts)
    }

    async fn read_page(&self, page: u32, size: u32, patience: Patience) -> Result<Chunk<T>, PanelError> {
        let ask = self.ask(page, size, "id").patience(patience);
        let answer = self.caller.get(&ask).await?;
        let bad_shape = |what: &str| bad_shape(what).asked(&ask.told()).answered(answer.status);
        let list = wire::list(&answer.body).map_err(|what| bad_shape(&what))?;
        if size > 0 && list.paging.is_none() {
            return Err(bad_shape("does not say how many rows there are"));
        }
        let rows = list.rows.iter().map(|raw| self.read_row(raw.get())).collect();
        let chunk = Chunk { request: ask.told(), page, size, paging: list.paging, rows };
        self.effort.succeeded(chunk.total());
        Ok(chunk)
    }

    fn read_row(&self, raw: &str) -> Result<Row<T>, Fault> {
        match serde_json::from_str::<Value>(raw) {
            Ok(value) => (self.listing.read)(&value),
            Err(_) => Err(Fault { kind: self.listing.kind, id: None, reason: "is nested too deeply".to_owned() }),
        }
    }

    fn ask(&self, page: u32, size: u32, sort: &str) -> Ask {
        let mut ask = Ask::application(&self.listing.path);
        if let Some(include) = &self.listing.include {
            ask = ask.with("include", include);
        }
        if size > 0 {
            ask = ask.with("per_page", size).with("page", page);
        }
        if self.listing.is_sorted { ask.with("sort", sort) } else { ask }
    }

    /// The newest row, so that the next pass can do without rows that are added while it reads. None when that is no help.
    async fn anchor(&self, pass: &Pass) -> Result<Option<Anchor>, PanelError> {
        if !self.listing.is_sorted || !pass.has_grown() {
            return Ok(None);
        }
        let mut ask = self.ask(1, 1, "-id");
        ask.query.retain(|(name, _)| *name != "include");
        let answer = match self.caller.get(&ask).await {
            Ok(answer) => answer,
            // The newest row may be one that the panel cannot show.
            Err(error) if error.kind.is_splittable() => return Ok(None),
            Err(error) => return Err(error),
        };
        let Ok(list) = wire::list(&answer.body) else { return Ok(None) };
        let row = list.rows.first().and_then(|raw| serde_json::from_str::<Value>(raw.get()).ok());
        let id = row.and_then(|row| wire::whole(row.get("attributes")?.get("id")?));
        Ok(id.zip(list.paging).map(|(id, paging)| Anchor { id, total: paging.total }))
    }
}

/// The parts of a page, last first, as a stack wants them.
fn cut(page: u32, size: u32) -> impl Iterator<Item = (u32, u32)> {
    let part = smaller(size);
    let parts = size / part;
    let first = (page - 1) * parts + 1;
    (first..first + parts).rev().map(move |sub| (sub, part))
}

fn bad_shape(what: &str) -> PanelError {
    PanelError::new(
        FaultKind::BadShape,
        format!("the answer {what}"),
        "the panel may be patched or of an unknown release; check its version and what stands in front of it",
    )
}

/// Reads passes over the list and sends what is new.
struct Sweeper<T> {
    reader: Arc<Reader<T>>,
    pages: Sender<Page<T>>,
    sent: IdSet,
    pages_read: u32,
}

impl<T: Send + 'static> Sweeper<T> {
    async fn pass(&mut self, anchor: Option<Anchor>) -> Result<Pass, PanelError> {
        let (parts, size) = self.first_page().await?;
        let mut pass = Pass { anchor, per_page: size, is_sorted: self.reader.listing.is_sorted, ..Pass::default() };
        self.take(&mut pass, 1, parts).await?;
        let mut next = 1;
        let planned = pages_of(pass.last_total, size);
        while pages_of(pass.last_total, size) > next && !pass.is_hopeless() {
            let until = pages_of(pass.last_total, size).min(planned + CHASED_PAGES);
            if until <= next {
                break;
            }
            self.pages(&mut pass, page_number(next + 1), page_number(until), size).await?;
            next = until;
        }
        Ok(pass)
    }

    /// The first page, and how many rows the panel really puts on one.
    async fn first_page(&mut self) -> Result<(Vec<Part<T>>, u32), PanelError> {
        let mut size = self.reader.listing.per_page.unwrap_or(0);
        // A panel that caps the size does so the same way each time; more than once around is not to be expected.
        for _ in 0..3 {
            let parts = self.reader.read(1, size).await?;
            let cap = parts.iter().find_map(|part| match part {
                Part::Read(chunk) => chunk.paging.map(|paging| paging.per_page).filter(|given| *given != chunk.size),
                Part::Hole { .. } => None,
            });
            match cap {
                None => return Ok((parts, size)),
                Some(cap) if parts.len() == 1 => return Ok((parts, cap)),
                Some(cap) => size = cap,
            }
        }
        Err(bad_shape("has another number of rows each time").on_page(1))
    }

    async fn pages(&mut self, pass: &mut Pass, first: u32, last: u32, size: u32) -> Result<(), PanelError> {
        let mut waiting = first..=last;
        let mut ahead: VecDeque<(u32, Task<T>)> = VecDeque::new();
        loop {
            while ahead.len() < self.reader.caller.concurrency()
                && let Some(page) = waiting.next()
            {
                ahead.push_back((page, Task::read(&self.reader, page, size)));
            }
            let Some((page, task)) = ahead.pop_front() else { return Ok(()) };
            self.take(pass, page, task.parts().await?).await?;
            if pass.is_hopeless() {
                return Ok(());
            }
        }
    }

    /// Counts the rows of a page and sends those that were not sent before.
    async fn take(&mut self, pass: &mut Pass, page: u32, parts: Vec<Part<T>>) -> Result<(), PanelError> {
        self.pages_read += 1;
        let kind = self.reader.listing.kind;
        let mut rows = Vec::new();
        for part in parts {
            match part {
                Part::Hole { request, error } => pass.see_hole(kind, page, request, &error),
                Part::Read(chunk) => {
                    pass.see_chunk(&chunk);
                    for row in chunk.rows {
                        if let Some(row) = pass.see_row(kind, page, &chunk.request, row)
                            && self.sent.insert(row.id)
                        {
                            rows.push(row.value);
                        }
                    }
                    pass.end_chunk(&chunk.request);
                }
            }
        }
        if rows.is_empty() && page > 1 {
            return Ok(());
        }
        let page = Page { rows, total: pass.last_total, number: page };
        self.pages.send(page).await.map_err(|_| PanelError::cancelled())
    }
}

fn pages_of(total: u64, size: u32) -> u64 {
    if size == 0 { 1 } else { total.div_ceil(u64::from(size)) }
}

fn page_number(page: u64) -> u32 {
    u32::try_from(page).unwrap_or(u32::MAX)
}

/// A page that is being read beside others, so that it goes on while the reader of the pages is busy. Ends when dropped.
struct Task<T>(JoinHandle<Result<Vec<Part<T>>, PanelError>>);

impl<T: Send + 'static> Task<T> {
    fn read(reader: &Arc<Reader<T>>, page: u32, size: u32) -> Self {
        let reader = reader.clone();
        Self(tokio::spawn(async move { reader.read(page, size).await }))
    }

    async fn parts(mut self) -> Result<Vec<Part<T>>, PanelError> {
        match (&mut self.0).await {
            Ok(outcome) => outcome,
            Err(failure) if failure.is_panic() => std::panic::resume_unwind(failure.into_panic()),
            Err(_) => Err(PanelError::cancelled()),
        }
    }
}

impl<T> Drop for Task<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// What one reading of the list came to.
#[derive(Default)]
struct Pass {
    anchor: Option<Anchor>,
    is_sorted: bool,
    per_page: u32,
    sweep: Sweep,
    first_total: Option<u64>,
    last_total: u64,
    has_moved: bool,
    /// Ids above the anchor.
    beyond: u64,
    /// The first thing that did not fit.
    odd: Option<Incomplete>,
    barren: u32,
    new_in_chunk: u64,
    last_request: String,
    /// The id of the last row before `open`.
    before: RemoteId,
    /// Rows without an id since then, and where they stand among the unreadable.
    open: Vec<Option<usize>>,
}

impl Pass {
    fn see_chunk<T>(&mut self, chunk: &Chunk<T>) {
        let total = chunk.total();
        self.has_moved |= *self.first_total.get_or_insert(total) != total;
        self.last_total = total;
        self.new_in_chunk = 0;
        let is_capped = chunk.page > 1 && chunk.paging.is_some_and(|paging| paging.per_page != chunk.size);
        let oddity =
            if is_capped { Some("the panel changed the size of its pages".to_owned()) } else { chunk.oddity() };
        if let Some(reason) = oddity {
            self.odd.get_or_insert(Incomplete { reason, request: chunk.request.clone() });
        }
    }

    fn end_chunk(&mut self, request: &str) {
        self.last_request = request.to_owned();
        self.barren = if self.new_in_chunk == 0 { self.barren + 1 } else { 0 };
    }

    fn see_row<T>(&mut self, kind: Kind, page: u32, request: &str, row: Result<Row<T>, Fault>) -> Option<Row<T>> {
        match row {
            Ok(mut row) => {
                self.see_id(row.id);
                for fault in std::mem::take(&mut row.faults) {
                    self.note(page, request, fault.of(kind, row.id));
                }
                Some(row)
            }
            Err(fault) => {
                match fault.id {
                    Some(id) => self.see_id(id),
                    None => self.see_nameless(),
                }
                self.note(page, request, fault);
                None
            }
        }
    }

    fn see_hole(&mut self, kind: Kind, page: u32, request: String, error: &PanelError) {
        self.see_nameless();
        self.note(page, &request, Fault { kind, id: None, reason: error.what.clone() });
        self.last_request = request;
    }

    fn note(&mut self, page: u32, request: &str, fault: Fault) {
        let Fault { kind, id, reason } = fault;
        self.sweep.note(Unreadable { request: request.to_owned(), page: Some(page), kind, id, reason });
    }

    fn see_id(&mut self, id: RemoteId) {
        if !self.sweep.ids.insert(id) {
            return;
        }
        self.new_in_chunk += 1;
        self.beyond += u64::from(self.anchor.is_some_and(|anchor| id > anchor.id));
        if self.is_sorted {
            self.name_open_rows(id);
            self.before = id;
        }
    }

    fn see_nameless(&mut self) {
        self.sweep.nameless += 1;
        self.new_in_chunk += 1;
        // The note that follows takes this place, if it is kept.
        let place = self.sweep.unreadable.len();
        self.open.push(Some(place));
    }

    /// In a list sorted by id, rows between two known ones must have the ids in between when there are just as many.
    fn name_open_rows(&mut self, id: RemoteId) {
        let open = std::mem::take(&mut self.open);
        if open.is_empty() || id.checked_sub(self.before + 1) != Some(open.len() as u64) {
            return;
        }
        for (id, place) in (self.before + 1..).zip(open) {
            self.sweep.ids.insert(id);
            self.sweep.nameless -= 1;
            if let Some(unreadable) = place.and_then(|place| self.sweep.unreadable.get_mut(place)) {
                unreadable.id = Some(id);
            }
        }
    }

    /// Whether reading on makes no sense.
    fn is_hopeless(&self) -> bool {
        self.barren >= BARREN_PAGES
    }

    fn has_grown(&self) -> bool {
        self.odd.is_none() && self.first_total.is_some_and(|first| self.last_total > first)
    }

    /// Whether everything was seen.
    fn verdict(&self) -> Result<(), Incomplete> {
        if let Some(odd) = &self.odd {
            return Err(odd.clone());
        }
        let (read, first, last) =
            (self.sweep.ids.len() + self.sweep.nameless, self.first_total.unwrap_or_default(), self.last_total);
        if !self.has_moved && read == last {
            return Ok(());
        }
        if self.anchor.is_some_and(|anchor| read - self.beyond == anchor.total) {
            return Ok(());
        }
        let reason = if self.has_moved {
            format!("the number of rows went from {first} to {last} while they were read")
        } else {
            format!("the panel reports {last} rows, and {read} different ones were read")
        };
        Err(Incomplete { reason, request: self.last_request.clone() })
    }

    fn into_sweep(self, incomplete: Option<Incomplete>, pages: u32) -> Sweep {
        Sweep { total: self.last_total, incomplete, pages, per_page: self.per_page, ..self.sweep }
    }
}
