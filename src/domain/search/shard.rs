use std::ffi::OsStr;
use std::fs;
use std::io::{self, ErrorKind};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use aviary_kernel::base::Error;
use tantivy::directory::MmapDirectory;
use tantivy::directory::error::{OpenDirectoryError, OpenReadError, OpenWriteError};
use tantivy::indexer::{IndexWriterOptions, LogMergePolicy};
use tantivy::{Index, IndexReader, IndexWriter, ReloadPolicy, Searcher, TantivyError};

use super::columns::Parts;
use super::schema::Fields;

/// What a writer may hold in memory before it writes, in bytes; the least that tantivy takes.
const WRITER_BYTES: usize = 15_000_000;
/// A part of an index is written anew when so much of it was deleted.
const DELETED_SHARE: f32 = 0.3;

/// Why an index cannot be used.
#[derive(Debug)]
pub(super) enum Trouble {
    /// What is there is not whole, or of another release: it must be made anew.
    Damaged(String),
    /// The disk does not take or give it; later it may.
    Disk(String),
    /// The data file cannot be read.
    Store(Error),
}

pub(super) type Outcome<T> = Result<T, Trouble>;

impl From<TantivyError> for Trouble {
    fn from(error: TantivyError) -> Self {
        let text = error.to_string();
        match error {
            TantivyError::DataCorruption(_)
            | TantivyError::SchemaError(_)
            | TantivyError::IncompatibleIndex(_)
            | TantivyError::FieldNotFound(_)
            | TantivyError::DeserializeError(_)
            | TantivyError::OpenDirectoryError(
                OpenDirectoryError::DoesNotExist(_) | OpenDirectoryError::NotADirectory(_),
            )
            | TantivyError::OpenReadError(OpenReadError::FileDoesNotExist(_) | OpenReadError::IncompatibleIndex(_)) => {
                Self::Damaged(text)
            }
            TantivyError::IoError(io_error)
            | TantivyError::OpenReadError(OpenReadError::IoError { io_error, .. })
            | TantivyError::OpenWriteError(OpenWriteError::IoError { io_error, .. }) => Self::from_io(&io_error),
            _ => Self::Disk(text),
        }
    }
}

impl Trouble {
    fn from_io(error: &io::Error) -> Self {
        match error.kind() {
            ErrorKind::UnexpectedEof
            | ErrorKind::InvalidData
            | ErrorKind::NotFound
            | ErrorKind::AlreadyExists
            | ErrorKind::IsADirectory
            | ErrorKind::NotADirectory => Self::Damaged(error.to_string()),
            _ => Self::Disk(error.to_string()),
        }
    }
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Self {
        Self::Disk(error.to_string())
    }
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        Self::Store(error)
    }
}

/// One index in a folder of its own.
pub(super) struct Shard {
    index: Index,
    reader: IndexReader,
    pub(super) fields: Fields,
    /// What is known of its parts.
    pub(super) parts: Arc<Parts>,
    /// Its files with their lengths. They are looked at through the memory of this process, and to look where a file has no end any more
    /// would end it.
    files: Mutex<Vec<(PathBuf, u64)>>,
    dir: PathBuf,
}

impl Shard {
    /// The index in this folder; made when there is none.
    pub(super) fn open(dir: &Path) -> Outcome<Self> {
        make_dir(dir)?;
        let (schema, fields) = Fields::make();
        let directory = MmapDirectory::open(dir).map_err(TantivyError::from)?;
        Self::of(Index::open_or_create(directory, schema)?, fields, dir)
    }

    /// The index in this folder, to be read. It is not made: what writes may just be about to make another.
    pub(super) fn read(dir: &Path) -> Outcome<Self> {
        Self::of(Index::open_in_dir(dir)?, Fields::make().1, dir)
    }

    fn of(index: Index, fields: Fields, dir: &Path) -> Outcome<Self> {
        let reader =
            index.reader_builder().reload_policy(ReloadPolicy::Manual).doc_store_cache_num_blocks(1).try_into()?;
        let shard = Self { index, reader, fields, parts: Arc::default(), files: Mutex::default(), dir: dir.to_owned() };
        shard.measure();
        Ok(shard)
    }

    /// How many documents the index in this folder holds, without opening all of it.
    pub(super) fn count(dir: &Path) -> Outcome<u64> {
        let segments = Index::open_in_dir(dir)?.searchable_segment_metas()?;
        Ok(segments.iter().map(|segment| u64::from(segment.num_docs())).sum())
    }

    /// What the writer of the objects last left word of; none when it was never done.
    pub(super) fn payload(&self) -> Outcome<Option<String>> {
        Ok(self.index.load_metas()?.payload)
    }

    /// What can be found now.
    pub(super) fn searcher(&self) -> Searcher {
        self.reader.searcher()
    }

    /// Lets searches see what was committed.
    pub(super) fn reload(&self) -> Outcome<()> {
        self.reader.reload()?;
        self.parts.keep(&self.searcher());
        self.measure();
        Ok(())
    }

    /// Notes how long the files are that are searched. They never change.
    fn measure(&self) {
        let searcher = self.searcher();
        let names = searcher.segment_readers().iter().map(|segment| segment.segment_id().uuid_string());
        let names: Vec<String> = names.collect();
        let of_ours = |name: &OsStr| name.to_str().is_some_and(|name| names.iter().any(|id| name.starts_with(id)));
        let entries = fs::read_dir(&self.dir).into_iter().flatten().flatten();
        let files = entries.filter(|entry| of_ours(&entry.file_name()));
        let files = files.filter_map(|file| Some((file.path(), file.metadata().ok()?.len()))).collect();
        *self.files.lock().unwrap_or_else(PoisonError::into_inner) = files;
    }

    /// Looks whether its files are as long as they were. That they are gone is well: what is open stays.
    pub(super) fn check(&self) -> Outcome<()> {
        let files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        match files.iter().find(|(path, length)| path.metadata().is_ok_and(|now| now.len() < *length)) {
            Some((path, _)) => Err(Trouble::Damaged(format!("{} was cut short", path.display()))),
            None => Ok(()),
        }
    }

    /// Somebody who writes. There is at most one.
    pub(super) fn writer(&self) -> Outcome<IndexWriter> {
        let options = IndexWriterOptions::builder()
            .num_worker_threads(1)
            .memory_budget_per_thread(WRITER_BYTES)
            .num_merge_threads(1)
            .build();
        let writer = self.index.writer_with_options(options)?;
        let mut merges = LogMergePolicy::default();
        merges.set_del_docs_ratio_before_merge(DELETED_SHARE);
        writer.set_merge_policy(Box::new(merges));
        Ok(writer)
    }

    /// How many documents can be found.
    pub(super) fn documents(&self) -> u64 {
        self.searcher().num_docs()
    }

    /// Its folder.
    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }
}

/// A folder for its owner only.
pub(super) fn make_dir(dir: &Path) -> Outcome<()> {
    let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(dir);
    made.map_err(|error| Trouble::from_io(&error))
}

/// Removes a folder with what is in it; that it is not there is well.
pub(super) fn remove_dir(dir: &Path) -> Outcome<()> {
    match fs::remove_dir_all(dir) {
        Err(e) if e.kind() != ErrorKind::NotFound => Err(e.into()),
        _ => Ok(()),
    }
}
