use std::ops::ControlFlow;

use aviary_kernel::base::{Cursor, Env, Result, Timestamp};
use aviary_kernel::model::{PanelId, SyncId, SyncRequest, SyncRun, Target};
use aviary_kernel::store::tables::{SYNC_REQUESTS, SYNCS, SYNCS_BY_PANEL};
use aviary_kernel::store::{Direction, Key, Read, Span, WriteTx};

use crate::feed::{self, Change};

/// What is asked of the list of syncs. The default is all, newest first.
#[derive(Clone, Debug, Default)]
pub struct SyncQuery {
    /// Only of this panel.
    pub panel: Option<PanelId>,
    /// Only full ones (true), or only partial ones.
    pub full: Option<bool>,
    /// Only those that had this target and were not full.
    pub target: Option<Target>,
    /// Behind this one.
    pub after: Option<Cursor>,
    /// Runs to pass over.
    pub offset: u64,
    /// Runs of a page; 0 is taken as 20, more than 100 as 100.
    pub limit: usize,
}

/// A page of the list of syncs.
#[derive(Clone, Debug)]
pub struct SyncPage {
    /// Newest first.
    pub runs: Vec<SyncRun>,
    /// Where the next page begins; none on the last one.
    pub next: Option<Cursor>,
}

impl SyncQuery {
    fn matches(&self, run: &SyncRun) -> bool {
        self.full.is_none_or(|full| run.is_full() == full)
            && self.target.is_none_or(|target| !run.is_full() && run.targets.contains(&target))
    }
}

pub(super) fn page(reader: &impl Read, query: &SyncQuery) -> Result<SyncPage> {
    let wanted = if query.limit == 0 { 20 } else { query.limit.min(100) };
    let (mut runs, mut skip, mut more) = (Vec::new(), query.offset, false);
    let mut visit = |id: SyncId| {
        if runs.len() == wanted {
            more = true;
            return Ok(ControlFlow::Break(()));
        }
        match reader.get(SYNCS, &id)?.filter(|run| query.matches(run)) {
            Some(_) if skip > 0 => skip -= 1,
            Some(run) => runs.push(run),
            None => {}
        }
        Ok(ControlFlow::Continue(()))
    };
    match query.panel {
        Some(panel) => {
            let span =
                behind(Span::prefix(&panel), query.after.as_ref().map(|c| [&panel.to_bytes(), c.key()].concat()));
            reader.walk_index(SYNCS_BY_PANEL, &span, Direction::Down, |(_, id)| visit(id))?;
        }
        None => {
            let span = behind(Span::all(), query.after.as_ref().map(|c| c.key().to_vec()));
            reader.walk(SYNCS, &span, Direction::Down, |id, _| visit(id))?;
        }
    }
    let next = runs.last().filter(|_| more).map(|run| Cursor::after(&run.id.to_bytes()));
    Ok(SyncPage { runs, next })
}

/// What is asked of the requests of a sync.
#[derive(Clone, Debug, Default)]
pub struct RequestQuery {
    /// Only those that were not answered, not taken, or had to be sent again.
    pub trouble: bool,
    /// Behind this one.
    pub after: Option<u32>,
    /// Requests of a page; 0 is taken as 100, more than 500 as 500.
    pub limit: usize,
}

/// A page of the requests of a sync.
#[derive(Clone, Debug)]
pub struct RequestPage {
    /// In the order in which they were sent, each with its number.
    pub requests: Vec<(u32, SyncRequest)>,
    /// Behind which number the next page begins; none on the last one.
    pub next: Option<u32>,
}

pub(super) fn requests(reader: &impl Read, id: SyncId, query: &RequestQuery) -> Result<RequestPage> {
    let wanted = if query.limit == 0 { 100 } else { query.limit.min(500) };
    let (mut requests, mut more) = (Vec::new(), false);
    let mut span = Span::prefix(&id);
    if let Some(number) = query.after {
        span = span.after(&(id, number).to_bytes(), Direction::Up);
    }
    reader.walk(SYNC_REQUESTS, &span, Direction::Up, |(_, number), request| {
        if query.trouble && !request.is_trouble() {
            return Ok(ControlFlow::Continue(()));
        }
        more = requests.len() == wanted;
        if more {
            return Ok(ControlFlow::Break(()));
        }
        requests.push((number, request));
        Ok(ControlFlow::Continue(()))
    })?;
    let next = requests.last().filter(|_| more).map(|(number, _)| *number);
    Ok(RequestPage { requests, next })
}

fn numbers(reader: &impl Read, id: SyncId) -> Result<Vec<u32>> {
    let mut numbers = Vec::new();
    reader.walk(SYNC_REQUESTS, &Span::prefix(&id), Direction::Up, |(_, number), _| {
        numbers.push(number);
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(numbers)
}

/// The newest sync of everything that a panel has.
pub(super) fn newest_full(reader: &impl Read, panel: PanelId) -> Result<Option<SyncRun>> {
    let query = SyncQuery { panel: Some(panel), full: Some(true), limit: 1, ..SyncQuery::default() };
    Ok(page(reader, &query)?.runs.into_iter().next())
}

fn behind(span: Span, key: Option<Vec<u8>>) -> Span {
    key.map_or(span.clone(), |key| span.after(&key, Direction::Down))
}

/// Removes at most `limit` runs that were over before `before`. The number removed.
pub(super) fn forget(tx: &mut WriteTx<'_>, env: &Env, before: Timestamp, limit: usize) -> Result<usize> {
    let mut old = Vec::new();
    tx.walk(SYNCS, &Span::all(), Direction::Up, |id, run| {
        if run.created_at >= before || old.len() == limit {
            return Ok(ControlFlow::Break(()));
        }
        old.extend(run.status.is_over().then_some(id));
        Ok(ControlFlow::Continue(()))
    })?;
    for id in &old {
        let numbers = numbers(tx, *id)?;
        for number in numbers {
            tx.remove(SYNC_REQUESTS, &(*id, number))?;
        }
        tx.remove(SYNCS, id)?;
        feed::append(tx, env, Change::Sync(*id))?;
    }
    Ok(old.len())
}
