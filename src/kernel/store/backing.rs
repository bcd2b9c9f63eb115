use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fmt;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use redb::StorageBackend;

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

/// Gives redb a backend that was chosen at run time.
#[derive(Debug)]
pub(super) struct AnyBackend(pub(super) Box<dyn StorageBackend>);

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

    fn close(&self) -> io::Result<()> {
        self.0.close()
    }
}

/// A look at a file that cannot change it: what redb writes while it opens stays in memory. So a file of a newer release or
/// of another program is told apart before a byte of it moves, even after a crash.
#[derive(Debug)]
pub(super) struct Peek {
    file: File,
    changes: Mutex<Changes>,
}

#[derive(Debug)]
struct Changes {
    len: u64,
    blocks: BTreeMap<u64, Box<[u8; BLOCK]>>,
}

const BLOCK: usize = 4096;

impl Peek {
    pub(super) fn new(file: File) -> io::Result<Self> {
        let len = file.metadata()?.len();
        Ok(Self { file, changes: Mutex::new(Changes { len, blocks: BTreeMap::new() }) })
    }

    fn block(&self, number: u64) -> io::Result<Box<[u8; BLOCK]>> {
        let mut block = Box::new([0; BLOCK]);
        let mut filled = 0;
        while filled < BLOCK {
            match self.file.read_at(&mut block[filled..], number * BLOCK as u64 + filled as u64)? {
                0 => break,
                n => filled += n,
            }
        }
        Ok(block)
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
}

impl StorageBackend for Peek {
    fn len(&self) -> io::Result<u64> {
        Ok(self.changes.lock().unwrap_or_else(PoisonError::into_inner).len)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let changes = self.changes.lock().unwrap_or_else(PoisonError::into_inner);
        if changes.blocks.is_empty() {
            return self.file.read_exact_at(out, offset);
        }
        Self::each_block(offset, out.len(), |number, within, at, take| {
            match changes.blocks.get(&number) {
                Some(block) => out[at..at + take].copy_from_slice(&block[within..within + take]),
                None => out[at..at + take].copy_from_slice(&self.block(number)?[within..within + take]),
            }
            Ok(())
        })
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.changes.lock().unwrap_or_else(PoisonError::into_inner).len = len;
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let mut changes = self.changes.lock().unwrap_or_else(PoisonError::into_inner);
        Self::each_block(offset, data.len(), |number, within, at, take| {
            let block = match changes.blocks.entry(number) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(unknown) => unknown.insert(self.block(number)?),
            };
            block[within..within + take].copy_from_slice(&data[at..at + take]);
            Ok(())
        })
    }
}
