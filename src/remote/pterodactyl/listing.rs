//! Reads the pages of a list, and cuts up those that the panel cannot give whole.

use std::sync::Arc;

use aviary_kernel::model::{Kind, RemoteId};
use serde_json::Value;

use super::call::{Ask, Caller, Patience};
use super::effort::{Effort, smaller};
use super::map::{Fault, Row};
use super::pass::Anchor;
use super::wire::{self, Paging};
use super::{FaultKind, PanelError};

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

/// Reads pages, cutting up those that the panel cannot give whole.
pub(crate) struct Reader<T> {
    pub(crate) caller: Arc<Caller>,
    pub(crate) listing: Listing<T>,
    pub(crate) effort: Effort,
}

/// A piece of the list, in the list's order.
pub(crate) enum Part<T> {
    Read(Chunk<T>),
    /// A single row that the panel fails to show.
    Hole {
        request: String,
        error: PanelError,
    },
}

impl<T> Part<T> {
    fn hole(error: PanelError) -> Self {
        Self::Hole { request: error.request.clone().unwrap_or_default(), error }
    }
}

/// An answer with rows.
pub(crate) struct Chunk<T> {
    pub(crate) request: String,
    /// At this chunk's own size.
    pub(crate) page: u32,
    /// As asked for; 0 for a list that is not paged.
    pub(crate) size: u32,
    pub(crate) paging: Option<Paging>,
    pub(crate) rows: Vec<Result<Row<T>, Fault>>,
}

impl<T> Chunk<T> {
    pub(crate) fn total(&self) -> u64 {
        self.paging.map_or(self.rows.len() as u64, |paging| paging.total)
    }

    /// What does not fit in this chunk, if anything.
    pub(crate) fn oddity(&self) -> Option<String> {
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

impl<T: Send + 'static> Reader<T> {
    /// The page, or the parts of it that can be had.
    pub(crate) async fn read(&self, page: u32, size: u32) -> Result<Vec<Part<T>>, PanelError> {
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
            match self.read_page(sub, part, patience(is_cut, part)).await {
                Ok(chunk) => {
                    if is_cut && is_overloaded {
                        self.effort.lower_ceiling(part);
                    }
                    parts.push(Part::Read(chunk));
                }
                Err(error) if part == 0 || !error.kind.is_splittable() => return Err(error.on_page(page)),
                Err(error) => {
                    self.effort.failed(&error).map_err(|error| error.on_page(page))?;
                    is_overloaded |= error.kind.is_overload();
                    if part == 1 {
                        parts.push(Part::hole(error));
                    } else {
                        tracing::info!(
                            panel.name = self.caller.name(),
                            fault = error.kind.code(),
                            "taking a page in smaller parts: {error}"
                        );
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

    /// The newest row, so that the next pass can do without rows that are added while it reads. None when it cannot be told.
    pub(crate) async fn anchor(&self) -> Result<Option<Anchor>, PanelError> {
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
        let id = row.as_ref().and_then(wire::id_of);
        Ok(id.zip(list.paging).map(|(id, paging)| Anchor { id, total: paging.total }))
    }

    /// Whether the panel has a row with this id and fails to show it.
    pub(crate) async fn is_unshowable(&self, id: RemoteId) -> Result<bool, PanelError> {
        let ask = Ask::application(&format!("{}/{id}", self.listing.path)).or_missing().patience(Patience::Once);
        match self.caller.get(&ask).await {
            // A row without a readable id in the list has none when it is alone either.
            Ok(answer) if answer.status == 200 => {
                Ok(wire::single(&answer.body).map_or(true, |row| wire::id_of(&row) != Some(id)))
            }
            Ok(_) => Ok(false),
            Err(error) if error.kind == FaultKind::ServerFault => Ok(true),
            Err(error) => Err(error),
        }
    }
}

/// Whole pages are worth several tries; parts of one that failed are cut up further instead, down to a single row.
fn patience(is_cut: bool, size: u32) -> Patience {
    match (is_cut, size) {
        (false, _) => Patience::Usual,
        (true, 1) => Patience::Twice,
        (true, _) => Patience::Once,
    }
}

/// The parts of a page, last first, as a stack wants them.
fn cut(page: u32, size: u32) -> impl Iterator<Item = (u32, u32)> {
    let part = smaller(size);
    let parts = size / part;
    let first = (page - 1) * parts + 1;
    (first..first + parts).rev().map(move |sub| (sub, part))
}

pub(crate) fn bad_shape(what: &str) -> PanelError {
    PanelError::new(
        FaultKind::BadShape,
        format!("the answer {what}"),
        "the panel may be patched or of an unknown release; check its version and what stands in front of it",
    )
}
