//! A disk in memory that fails on demand and loses its power: for tests of this and other floors.
//!
//! It keeps two images: what programs see, and what would be there after a power cut. A failed sync forgets what it should
//! have made durable, as Linux does. Handles from before a power cut are dead.
//!
//! ```
//! use aviary_kernel::store::faulty::{Disk, Op};
//! use aviary_kernel::store::{Options, Store};
//!
//! let disk = Disk::new();
//! let store = Store::open(Options::on(disk.backing()))?;
//! disk.fail(Op::Write, 0, std::io::ErrorKind::StorageFull);
//! drop(store);
//! disk.power_cut();
//! disk.heal();
//! Store::open(Options::on(disk.backing()))?;
//! # Ok::<(), aviary_kernel::base::Error>(())
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, ErrorKind};
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use redb::{BackendError, StorageBackend};

use super::Backing;

/// What a disk is asked to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Op {
    /// Read.
    Read,
    /// Write; also those that only change what is there.
    Write,
    /// Make durable what was written.
    Sync,
    /// Grow or shrink the file.
    SetLen,
}

impl Op {
    /// Every operation.
    pub const ALL: [Self; 4] = [Self::Read, Self::Write, Self::Sync, Self::SetLen];
}

/// The unit that a power cut keeps or loses.
const SECTOR: usize = 512;

/// A disk with one file. Clones are the same disk.
#[derive(Clone, Debug, Default)]
pub struct Disk(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    seen: Vec<u8>,
    durable: Vec<u8>,
    // Sectors of `seen` that the next sync makes durable.
    dirty: BTreeSet<usize>,
    faults: BTreeMap<Op, Fault>,
    done: BTreeMap<Op, u64>,
    capacity: Option<usize>,
    cuts: u64,
    handles: u64,
    owner: Option<u64>,
}

#[derive(Clone, Copy, Debug)]
struct Fault {
    left: u64,
    kind: ErrorKind,
    once: bool,
}

impl Disk {
    /// An empty disk without faults.
    pub fn new() -> Self {
        Self::default()
    }

    /// A disk whose file holds `image`, durably.
    pub fn with(image: Vec<u8>) -> Self {
        let state = State { durable: image.clone(), seen: image, ..State::default() };
        Self(Arc::new(Mutex::new(state)))
    }

    /// The disk as the home of a data file. After a power cut it is dead and a new one must be asked for.
    pub fn backing(&self) -> Backing {
        let (disk, cuts) = (self.clone(), self.state().cuts);
        Backing::Custom(Arc::new(move || {
            let mut state = disk.state();
            state.alive(cuts)?;
            state.handles += 1;
            Ok(Box::new(Handle { disk: disk.clone(), cuts, number: state.handles }) as Box<dyn StorageBackend>)
        }))
    }

    /// After `good` more operations of this sort, all of them fail with this error until [`Disk::heal`].
    pub fn fail(&self, op: Op, good: u64, kind: ErrorKind) {
        self.state().faults.insert(op, Fault { left: good, kind, once: false });
    }

    /// After `good` more operations of this sort, one fails with this error.
    pub fn fail_once(&self, op: Op, good: u64, kind: ErrorKind) {
        self.state().faults.insert(op, Fault { left: good, kind, once: true });
    }

    /// Growing the file beyond this many bytes fails with [`ErrorKind::StorageFull`]; none = no end.
    pub fn set_capacity(&self, bytes: Option<usize>) {
        self.state().capacity = bytes;
    }

    /// No operation fails from now on. What was lost stays lost.
    pub fn heal(&self) {
        let mut state = self.state();
        state.faults.clear();
        state.capacity = None;
    }

    /// The power fails: everything that was not synced is gone.
    pub fn power_cut(&self) {
        self.power_cut_keeping(|_| false);
    }

    /// The power fails: of what was not synced, `keep` says which sectors reached the disk. It is asked once with the number
    /// of each such sector, and first with `None` whether a new length of the file did.
    pub fn power_cut_keeping(&self, mut keep: impl FnMut(Option<usize>) -> bool) {
        let mut state = self.state();
        let len = if keep(None) { state.seen.len() } else { state.durable.len() };
        let mut after = state.durable.clone();
        after.resize(len, 0);
        for sector in &state.dirty {
            let (from, to) = (sector * SECTOR, ((sector + 1) * SECTOR).min(state.seen.len()).min(len));
            if from < to && keep(Some(*sector)) {
                after[from..to].copy_from_slice(&state.seen[from..to]);
            }
        }
        state.seen.clone_from(&after);
        state.durable = after;
        state.dirty.clear();
        state.cuts += 1;
        state.owner = None;
    }

    /// How many operations of this sort succeeded so far.
    pub fn done(&self, op: Op) -> u64 {
        self.state().done.get(&op).copied().unwrap_or(0)
    }

    /// The file as programs see it.
    pub fn image(&self) -> Vec<u8> {
        self.state().seen.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn alive(&self, cuts: u64) -> io::Result<()> {
        if self.cuts == cuts { Ok(()) } else { Err(io::Error::other("the power was cut")) }
    }

    fn ask(&mut self, cuts: u64, op: Op) -> io::Result<()> {
        self.alive(cuts)?;
        match self.faults.get_mut(&op) {
            Some(fault) if fault.left > 0 => fault.left -= 1,
            Some(fault) => {
                let Fault { kind, once, .. } = *fault;
                if once {
                    self.faults.remove(&op);
                }
                return Err(kind.into());
            }
            None => {}
        }
        *self.done.entry(op).or_default() += 1;
        Ok(())
    }

    fn soil(&mut self, from: usize, to: usize) {
        self.dirty.extend(from / SECTOR..to.div_ceil(SECTOR));
    }
}

#[derive(Debug)]
struct Handle {
    disk: Disk,
    cuts: u64,
    number: u64,
}

impl Handle {
    fn ask(&self, op: Op) -> io::Result<MutexGuard<'_, State>> {
        let mut state = self.disk.state();
        state.ask(self.cuts, op)?;
        Ok(state)
    }

    fn release(&self) {
        let mut state = self.disk.state();
        if state.owner == Some(self.number) {
            state.owner = None;
        }
    }
}

fn range(state: &State, offset: u64, len: usize) -> io::Result<std::ops::Range<usize>> {
    let from = usize::try_from(offset).map_err(io::Error::other)?;
    match from.checked_add(len) {
        Some(to) if to <= state.seen.len() => Ok(from..to),
        _ => Err(ErrorKind::UnexpectedEof.into()),
    }
}

impl StorageBackend for Handle {
    fn len(&self) -> io::Result<u64> {
        let state = self.disk.state();
        state.alive(self.cuts)?;
        Ok(state.seen.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let state = self.ask(Op::Read)?;
        out.copy_from_slice(&state.seen[range(&state, offset, out.len())?]);
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let mut state = self.ask(Op::SetLen)?;
        let len = usize::try_from(len).map_err(io::Error::other)?;
        if state.capacity.is_some_and(|most| len > most && len > state.seen.len()) {
            return Err(ErrorKind::StorageFull.into());
        }
        let old = state.seen.len();
        state.seen.resize(len, 0);
        if len < old {
            state.dirty.split_off(&len.div_ceil(SECTOR));
        }
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut state = match self.ask(Op::Sync) {
            Ok(state) => state,
            Err(error) => {
                let mut state = self.disk.state();
                if state.cuts == self.cuts {
                    state.dirty.clear();
                }
                return Err(error);
            }
        };
        let len = state.seen.len();
        state.durable.resize(len, 0);
        for sector in std::mem::take(&mut state.dirty) {
            let (from, to) = (sector * SECTOR, ((sector + 1) * SECTOR).min(len));
            let State { seen, durable, .. } = &mut *state;
            durable[from..to].copy_from_slice(&seen[from..to]);
        }
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let mut state = self.ask(Op::Write)?;
        let range = range(&state, offset, data.len())?;
        state.soil(range.start, range.end);
        state.seen[range].copy_from_slice(data);
        Ok(())
    }

    fn close(&self) -> io::Result<()> {
        self.release();
        Ok(())
    }

    fn try_lock_range(&self, _: Bound<u64>, _: Bound<u64>) -> Result<bool, BackendError> {
        let mut state = self.disk.state();
        Ok(*state.owner.get_or_insert(self.number) == self.number)
    }

    fn query_lock_range(&self, _: Bound<u64>, _: Bound<u64>) -> Result<bool, BackendError> {
        Ok(self.disk.state().owner.is_some_and(|owner| owner != self.number))
    }

    fn unlock_range(&self, _: Bound<u64>, _: Bound<u64>) -> Result<(), BackendError> {
        self.release();
        Ok(())
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.release();
    }
}
