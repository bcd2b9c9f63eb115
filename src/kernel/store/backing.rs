use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fmt;
use std::fs::OpenOptions;
use std::io;
use std::ops::Bound;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use redb::backends::FileBackend;
use redb::{BackendError, StorageBackend};

/// Where the bytes of the data file live.
#[derive(Clone)]
pub enum Backing {
    /// In a file.
    File(PathBuf),
    /// Wherever the function says; called again when the store opens itself anew after a fault. For tests.
    Custom(Arc<dyn Fn() -> io::Result<Box<dyn StorageBackend>> + Send + Sync>),
}

impl fmt::Display for Backing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::Custom(_) => f.write_str("the data file"),
        }
    }
}

/// What may be done with a backend.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    /// A file that is not there is made.
    Create,
    /// A file that is not there is an error.
    Change,
    /// Needs no right to write, and takes no lock.
    Look,
}

impl Backing {
    pub(super) fn open(&self, access: Access) -> io::Result<Box<dyn StorageBackend>> {
        let path = match self {
            Self::Custom(make) => return make(),
            Self::File(path) => path,
        };
        let file = OpenOptions::new()
            .read(true)
            .write(access != Access::Look)
            .create(access == Access::Create)
            .truncate(false)
            .open(path)?;
        Ok(Box::new(FileBackend::new(file).map_err(io::Error::other)?))
    }
}

/// Gives redb a backend that was chosen at run time.
#[derive(Debug)]
pub(super) struct AnyBackend(pub(super) Box<dyn StorageBackend>);

macro_rules! forward_locks {
    ($field:tt $(if $locks:ident)?) => {
        fn try_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
            $(if !self.$locks { return Err(BackendError::Unsupported); })?
            self.$field.try_lock_range(start, end)
        }

        fn unlock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
            $(if !self.$locks { return Err(BackendError::Unsupported); })?
            self.$field.unlock_range(start, end)
        }

        fn query_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
            $(if !self.$locks { return Err(BackendError::Unsupported); })?
            self.$field.query_lock_range(start, end)
        }

        fn close(&self) -> io::Result<()> {
            self.$field.close()
        }
    };
}

impl StorageBackend for AnyBackend {
    fn len(&self) -> io::Result<u64> {
        self.0.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.0.read(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.0.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.0.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.0.write(offset, data)
    }

    forward_locks!(0);
}

/// A look at a data file that cannot change it: what redb writes while it opens stays in memory. So a file of a newer
/// release or of another program is told apart before a byte of it moves, even after a crash; and a file on a disk that
/// takes no writes can still be read.
#[derive(Debug)]
pub(super) struct Peek {
    base: Box<dyn StorageBackend>,
    locks: bool,
    changes: Mutex<Changes>,
}

#[derive(Debug)]
struct Changes {
    len: u64,
    // What of the base is still to be seen: it shrinks with the file and never grows again.
    base_len: u64,
    blocks: BTreeMap<u64, Box<[u8; BLOCK]>>,
}

const BLOCK: usize = 4096;

impl Peek {
    /// `locks`: whether to hold the base against other processes.
    pub(super) fn new(base: Box<dyn StorageBackend>, locks: bool) -> io::Result<Self> {
        let len = base.len()?;
        Ok(Self { base, locks, changes: Mutex::new(Changes { len, base_len: len, blocks: BTreeMap::new() }) })
    }

    fn changes(&self) -> MutexGuard<'_, Changes> {
        self.changes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads from the base; zeros where it ends.
    fn read_base(&self, base_len: u64, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let there = usize::try_from(base_len.saturating_sub(offset)).unwrap_or(usize::MAX).min(out.len());
        out[there..].fill(0);
        if there > 0 { self.base.read(offset, &mut out[..there]) } else { Ok(()) }
    }

    fn block(&self, base_len: u64, number: u64) -> io::Result<Box<[u8; BLOCK]>> {
        let mut block = Box::new([0; BLOCK]);
        self.read_base(base_len, number * BLOCK as u64, &mut *block)?;
        Ok(block)
    }
}

fn each_block(
    offset: u64,
    len: usize,
    mut act: impl FnMut(u64, usize, usize, usize) -> io::Result<()>,
) -> io::Result<()> {
    let mut done = 0;
    while done < len {
        let at = offset + done as u64;
        let within = usize::try_from(at % BLOCK as u64).unwrap_or(0);
        let take = (BLOCK - within).min(len - done);
        act(at / BLOCK as u64, within, done, take)?;
        done += take;
    }
    Ok(())
}

impl StorageBackend for Peek {
    fn len(&self) -> io::Result<u64> {
        Ok(self.changes().len)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let changes = self.changes();
        if offset.saturating_add(out.len() as u64) > changes.len {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let base_len = changes.base_len;
        if changes.blocks.is_empty() {
            drop(changes);
            return self.read_base(base_len, offset, out);
        }
        each_block(offset, out.len(), |number, within, at, take| match changes.blocks.get(&number) {
            Some(block) => {
                out[at..at + take].copy_from_slice(&block[within..within + take]);
                Ok(())
            }
            None => self.read_base(base_len, number * BLOCK as u64 + within as u64, &mut out[at..at + take]),
        })
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let mut changes = self.changes();
        if len < changes.len {
            changes.base_len = changes.base_len.min(len);
            drop(changes.blocks.split_off(&len.div_ceil(BLOCK as u64)));
            if let Some(block) = changes.blocks.get_mut(&(len / BLOCK as u64)) {
                block[usize::try_from(len % BLOCK as u64).unwrap_or(0)..].fill(0);
            }
        }
        changes.len = len;
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let mut changes = self.changes();
        let base_len = changes.base_len;
        each_block(offset, data.len(), |number, within, at, take| {
            let block = match changes.blocks.entry(number) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(unknown) => unknown.insert(self.block(base_len, number)?),
            };
            block[within..within + take].copy_from_slice(&data[at..at + take]);
            Ok(())
        })
    }

    forward_locks!(base if locks);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use redb::backends::InMemoryBackend;

    use super::*;

    #[derive(Clone, Debug)]
    enum Step {
        Write(u64, Vec<u8>),
        SetLen(u64),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            (0..20_000u64, prop::collection::vec(any::<u8>(), 1..6000)).prop_map(|(at, data)| Step::Write(at, data)),
            (0..30_000u64).prop_map(Step::SetLen),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]

        #[test]
        fn a_peek_acts_as_the_file_would_and_leaves_it_alone(
            base in prop::collection::vec(any::<u8>(), 0..20_000), steps in prop::collection::vec(step(), 0..12),
        ) {
            let file = InMemoryBackend::new();
            file.set_len(base.len() as u64).unwrap();
            file.write(0, &base).unwrap();
            let peek = Peek::new(Box::new(file), false).unwrap();
            let mut model = base.clone();
            for step in steps {
                match step {
                    Step::Write(at, data) => {
                        let (at, end) = (usize::try_from(at).unwrap(), usize::try_from(at).unwrap() + data.len());
                        if end <= model.len() {
                            model[at..end].copy_from_slice(&data);
                            peek.write(at as u64, &data).unwrap();
                        }
                    }
                    Step::SetLen(len) => {
                        model.resize(usize::try_from(len).unwrap(), 0);
                        peek.set_len(len).unwrap();
                    }
                }
                prop_assert_eq!(peek.len().unwrap(), model.len() as u64);
                let mut all = vec![1; model.len()];
                peek.read(0, &mut all).unwrap();
                prop_assert_eq!(&all, &model);
            }
            let mut untouched = vec![0; base.len()];
            peek.base.read(0, &mut untouched).unwrap();
            prop_assert_eq!(untouched, base);
        }
    }
}
