//! Lists everything of one kind, and knows whether it did.
//!
//! Panels page by offset without a snapshot: a row deleted while we read moves all later ones up, and one of them falls into the
//! gap. So the ids are counted and compared with what the panel reported from the first page to the last; when it does not add
//! up the list is read again, at most twice, and if it still does not the result says so.

use std::collections::VecDeque;
use std::sync::Arc;

use aviary_kernel::model::RemoteId;
use tokio::sync::mpsc::Sender;
use tokio::task::JoinHandle;

use super::call::Caller;
use super::effort::Effort;
use super::listing::{Listing, Part, Reader, bad_shape};
use super::pass::{Anchor, Gap, Pass};
use super::report::Sweep;
use super::{Page, PanelError};
use crate::IdSet;

/// How often a list is read again when it does not add up.
const READ_AGAIN: u32 = 2;
/// A list that grows faster than it is read is not chased for more pages than this.
const CHASED_PAGES: u64 = 64;
/// Single reads that are spent on finding out the ids of rows that the panel cannot show.
const SEARCHES: u64 = 60;

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
        let mut pass = sweeper.pass(anchor).await?;
        match pass.verdict() {
            Ok(()) => {
                sweeper.name_holes(&mut pass).await;
                return Ok(pass.into_sweep(None, sweeper.pages_read));
            }
            Err(incomplete) if again < READ_AGAIN => {
                tracing::info!(
                    panel.name = sweeper.reader.caller.name(),
                    request = incomplete.request,
                    "reading the list again: {}",
                    incomplete.reason
                );
                anchor = sweeper.anchor(&pass).await?;
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
        let mut pass = Pass::new(self.reader.listing.kind, size, anchor);
        self.take(&mut pass, 1, parts).await?;
        let mut next = 1;
        let planned = pages_of(pass.total(), size);
        while pages_of(pass.total(), size) > next && !pass.is_hopeless() {
            let until = pages_of(pass.total(), size).min(planned + CHASED_PAGES);
            if until <= next {
                break;
            }
            self.pages(&mut pass, page_number(next + 1), page_number(until), size).await?;
            next = until;
        }
        Ok(pass)
    }

    async fn anchor(&self, pass: &Pass) -> Result<Option<Anchor>, PanelError> {
        if self.reader.listing.is_sorted && pass.has_grown() { self.reader.anchor().await } else { Ok(None) }
    }

    /// Finds out which rows it was that the panel could not show. In a list sorted by id they lie between their neighbours, so a
    /// few single reads tell. What fails in between stays nameless.
    async fn name_holes(&self, pass: &mut Pass) {
        if !self.reader.listing.is_sorted {
            return;
        }
        let mut left = SEARCHES;
        for gap in pass.gaps() {
            if gap.is_filled() {
                pass.name(&gap, &gap.candidates().collect::<Vec<_>>());
            } else if gap.width() <= left {
                left -= gap.width();
                let Ok(found) = self.search(&gap).await else { return };
                pass.name(&gap, &found);
            }
        }
    }

    async fn search(&self, gap: &Gap) -> Result<Vec<RemoteId>, PanelError> {
        let mut found = Vec::new();
        for id in gap.candidates() {
            if self.reader.is_unshowable(id).await? {
                found.push(id);
            }
        }
        Ok(found)
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
        let mut rows = Vec::new();
        for part in parts {
            match part {
                Part::Hole { request, error } => pass.see_hole(page, request, &error),
                Part::Read(chunk) => {
                    pass.see_chunk(&chunk);
                    for row in chunk.rows {
                        if let Some(row) = pass.see_row(page, &chunk.request, row)
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
        let page = Page { rows, total: pass.total(), number: page };
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
