//! What one reading of a list came to, and whether it adds up.

use std::ops::Range;

use aviary_kernel::model::{Kind, RemoteId};

use super::PanelError;
use super::listing::Chunk;
use super::map::{Fault, Row};
use super::report::{Incomplete, Sweep, Unreadable};

/// A pass ends after this many pages in a row that bring nothing new.
const BARREN_PAGES: u32 = 3;
/// How far after the last known row the last rows are searched for.
const TAIL: u64 = 8;

/// The newest row at one moment: everything up to `id` was there then, `total` of them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Anchor {
    pub(crate) id: RemoteId,
    pub(crate) total: u64,
}

/// Rows without a known id that follow each other, between two whose ids are known.
#[derive(Clone, Debug)]
pub(crate) struct Gap {
    /// Where the rows may be found.
    between: Range<RemoteId>,
    /// Where the rows stand among the unreadable.
    places: Vec<usize>,
    /// After the last known row, so that there is no telling how far they reach.
    is_open: bool,
}

impl Gap {
    /// Whether every id in between must be one of the rows.
    pub(crate) fn is_filled(&self) -> bool {
        !self.is_open && self.width() == self.places.len() as u64
    }

    pub(crate) fn width(&self) -> u64 {
        self.between.end.saturating_sub(self.between.start)
    }

    pub(crate) fn candidates(&self) -> Range<RemoteId> {
        self.between.clone()
    }
}

/// One reading of a list.
pub(crate) struct Pass {
    kind: Kind,
    anchor: Option<Anchor>,
    per_page: u32,
    sweep: Sweep,
    first_total: Option<u64>,
    last_total: u64,
    /// The first total that was another than on the first page.
    moved_to: Option<u64>,
    /// Ids above the anchor.
    beyond: u64,
    /// The first thing that did not fit.
    odd: Option<Incomplete>,
    barren: u32,
    new_in_chunk: u64,
    last_request: String,
    /// Whether the ids went up all the time.
    is_ascending: bool,
    last_id: RemoteId,
    /// Where nameless rows since the last id stand among the unreadable.
    open: Vec<usize>,
    gaps: Vec<Gap>,
}

impl Pass {
    pub(crate) fn new(kind: Kind, per_page: u32, anchor: Option<Anchor>) -> Self {
        Self {
            kind,
            anchor,
            per_page,
            sweep: Sweep::default(),
            first_total: None,
            last_total: 0,
            moved_to: None,
            beyond: 0,
            odd: None,
            barren: 0,
            new_in_chunk: 0,
            last_request: String::new(),
            is_ascending: true,
            last_id: 0,
            open: Vec::new(),
            gaps: Vec::new(),
        }
    }

    /// How many rows the list has, as last told.
    pub(crate) fn total(&self) -> u64 {
        self.last_total
    }

    pub(crate) fn see_chunk<T>(&mut self, chunk: &Chunk<T>) {
        let total = chunk.total();
        if *self.first_total.get_or_insert(total) != total {
            self.moved_to.get_or_insert(total);
        }
        self.last_total = total;
        self.new_in_chunk = 0;
        let is_capped = chunk.page > 1 && chunk.paging.is_some_and(|paging| paging.per_page != chunk.size);
        let oddity =
            if is_capped { Some("the panel changed the size of its pages".to_owned()) } else { chunk.oddity() };
        if let Some(reason) = oddity {
            self.odd.get_or_insert(Incomplete { reason, request: chunk.request.clone() });
        }
    }

    pub(crate) fn end_chunk(&mut self, request: &str) {
        self.last_request = request.to_owned();
        self.barren = if self.new_in_chunk == 0 { self.barren + 1 } else { 0 };
    }

    pub(crate) fn see_row<T>(&mut self, page: u32, request: &str, row: Result<Row<T>, Fault>) -> Option<Row<T>> {
        match row {
            Ok(mut row) => {
                self.see_id(row.id);
                for fault in std::mem::take(&mut row.faults) {
                    self.note(page, request, fault.of(self.kind, row.id));
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

    pub(crate) fn see_hole(&mut self, page: u32, request: String, error: &PanelError) {
        self.see_nameless();
        self.note(page, &request, Fault { kind: self.kind, id: None, reason: error.what.clone() });
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
        self.is_ascending &= id > self.last_id;
        self.close_gap(id, false);
        self.last_id = id;
    }

    fn see_nameless(&mut self) {
        self.sweep.nameless += 1;
        self.new_in_chunk += 1;
        // The note that follows takes this place, if it is kept.
        self.open.push(self.sweep.unreadable.len());
    }

    fn close_gap(&mut self, end: RemoteId, is_open: bool) {
        if !self.open.is_empty() {
            let places = std::mem::take(&mut self.open);
            self.gaps.push(Gap { between: self.last_id + 1..end, places, is_open });
        }
    }

    /// Where nameless rows must be. Only for lists sorted by id; none when the panel did not keep to that.
    pub(crate) fn gaps(&mut self) -> Vec<Gap> {
        self.close_gap(self.last_id.saturating_add(1 + TAIL), true);
        if self.is_ascending { std::mem::take(&mut self.gaps) } else { Vec::new() }
    }

    /// Tells which ids the rows of a gap have. Anything but one for each row names none.
    pub(crate) fn name(&mut self, gap: &Gap, ids: &[RemoteId]) {
        if ids.len() != gap.places.len() {
            return;
        }
        for (id, place) in ids.iter().zip(&gap.places) {
            self.sweep.ids.insert(*id);
            self.sweep.nameless -= 1;
            if let Some(unreadable) = self.sweep.unreadable.get_mut(*place) {
                unreadable.id = Some(*id);
            }
        }
    }

    /// Whether reading on makes no sense.
    pub(crate) fn is_hopeless(&self) -> bool {
        self.barren >= BARREN_PAGES
    }

    pub(crate) fn has_grown(&self) -> bool {
        self.odd.is_none() && self.first_total.is_some_and(|first| self.last_total > first)
    }

    /// Whether everything was seen.
    pub(crate) fn verdict(&self) -> Result<(), Incomplete> {
        if let Some(odd) = &self.odd {
            return Err(odd.clone());
        }
        let read = self.sweep.ids.len() + self.sweep.nameless;
        if self.anchor.is_some_and(|anchor| read - self.beyond == anchor.total) {
            return Ok(());
        }
        let reason = match self.moved_to {
            None if read == self.last_total => return Ok(()),
            None => format!("the panel reports {} rows, and {read} different ones were read", self.last_total),
            Some(other) => format!(
                "the panel reported {} rows on the first page and {other} on a later one",
                self.first_total.unwrap_or_default()
            ),
        };
        Err(Incomplete { reason, request: self.last_request.clone() })
    }

    pub(crate) fn into_sweep(self, incomplete: Option<Incomplete>, pages: u32) -> Sweep {
        Sweep { total: self.last_total, incomplete, pages, per_page: self.per_page, ..self.sweep }
    }
}
