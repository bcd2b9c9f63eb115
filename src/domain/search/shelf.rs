//! The folder of the index: one index of the objects, and one of the records of each month.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aviary_kernel::base::Timestamp;
use jiff::tz::TimeZone;
use tracing::warn;

use super::schema::VERSION;
use super::shard::{Outcome, Shard, make_dir, remove_dir};

/// A month of records, by when they happened (UTC).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Slice {
    year: i16,
    month: i8,
}

impl Slice {
    /// The month of this moment. What lies outside of what can be told apart is with the first or the last.
    pub(super) fn of(at: Timestamp) -> Self {
        let at = jiff::Timestamp::from_millisecond(at.millis()).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
        let date = at.to_zoned(TimeZone::UTC).date();
        Self { year: date.year(), month: date.month() }
    }

    /// When it begins.
    pub(super) fn from(self) -> Timestamp {
        start_of(self.year, self.month)
    }

    /// When it is over.
    pub(super) fn until(self) -> Timestamp {
        if self.month == 12 { start_of(self.year.saturating_add(1), 1) } else { start_of(self.year, self.month + 1) }
    }

    fn parse(text: &str) -> Option<Self> {
        let (year, month) = text.rsplit_once('-')?;
        let slice = Self { year: year.parse().ok()?, month: month.parse().ok()? };
        (1..=12).contains(&slice.month).then_some(slice)
    }
}

fn start_of(year: i16, month: i8) -> Timestamp {
    let date = jiff::civil::Date::new(year, month, 1).ok();
    let zoned = date.and_then(|date| date.to_zoned(TimeZone::UTC).ok());
    Timestamp::from_millis(zoned.map_or(i64::MAX, |zoned| zoned.timestamp().as_millisecond()))
}

impl fmt::Display for Slice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.year, self.month)
    }
}

/// All indexes together.
pub(super) struct Shelf {
    dir: PathBuf,
    /// The objects.
    pub(super) objects: Arc<Shard>,
    slices: Mutex<BTreeMap<Slice, Month>>,
    is_retired: AtomicBool,
}

/// The records of a month.
enum Month {
    /// Nobody has asked for them yet; so many there are.
    Closed(u64),
    Open(Arc<Shard>),
}

type Months = BTreeMap<Slice, Month>;

impl Shelf {
    /// Opens what is in the folder of the index. What other releases left there goes.
    pub(super) fn open(root: &Path) -> Outcome<Self> {
        let dir = root.join(format!("v{VERSION}"));
        make_way(root)?;
        make_dir(root)?;
        for entry in fs::read_dir(root)?.flatten() {
            if entry.path() != dir {
                remove_any(&entry.path())?;
            }
        }
        let records = dir.join("records");
        make_dir(&records)?;
        let mut slices = Months::new();
        for entry in fs::read_dir(&records)?.flatten() {
            if let Some(slice) = entry.file_name().to_str().and_then(Slice::parse) {
                slices.insert(slice, Month::Closed(Shard::count(&entry.path())?));
            }
        }
        let objects = Arc::new(Shard::open(&dir.join("objects"))?);
        Ok(Self { dir, objects, slices: Mutex::new(slices), is_retired: AtomicBool::new(false) })
    }

    /// Removes everything.
    pub(super) fn clear(root: &Path) -> Outcome<()> {
        make_way(root)?;
        remove_dir(root)
    }

    /// Looks whether the files of what is open are as long as they were.
    pub(super) fn check(&self) -> Outcome<()> {
        let open = |month: &Month| if let Month::Open(shard) = month { Some(shard.clone()) } else { None };
        let months: Vec<_> = self.slices().values().filter_map(open).collect();
        months.iter().chain([&self.objects]).try_for_each(|shard| shard.check())
    }

    fn slices(&self) -> MutexGuard<'_, Months> {
        self.slices.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The months of which there are records, newest first.
    pub(super) fn months(&self) -> Vec<Slice> {
        self.slices().keys().rev().copied().collect()
    }

    /// The records of a month; made when there are none.
    pub(super) fn slice(&self, slice: Slice) -> Outcome<Arc<Shard>> {
        let mut slices = self.slices();
        if let Some(Month::Open(shard)) = slices.get(&slice) {
            return Ok(shard.clone());
        }
        let shard = Arc::new(Shard::open(&self.path(slice))?);
        slices.insert(slice, Month::Open(shard.clone()));
        Ok(shard)
    }

    /// The records of a month, to be read; none when they are just gone.
    pub(super) fn read(&self, slice: Slice) -> Outcome<Option<Arc<Shard>>> {
        let mut slices = self.slices();
        match slices.get(&slice) {
            _ if self.is_retired.load(Ordering::SeqCst) => return Ok(None),
            None => return Ok(None),
            Some(Month::Open(shard)) => return Ok(Some(shard.clone())),
            Some(Month::Closed(_)) => {}
        }
        let shard = Arc::new(Shard::read(&self.path(slice))?);
        slices.insert(slice, Month::Open(shard.clone()));
        Ok(Some(shard))
    }

    /// Others are about to make another in its place. Searches that are under way open nothing of it any more.
    pub(super) fn retire(&self) {
        // Whoever opens something is done with that then.
        let _slices = self.slices();
        self.is_retired.store(true, Ordering::SeqCst);
    }

    /// Forgets a month.
    pub(super) fn drop_slice(&self, slice: Slice) -> Outcome<()> {
        let mut slices = self.slices();
        slices.remove(&slice);
        remove_dir(&self.path(slice))
    }

    fn path(&self, slice: Slice) -> PathBuf {
        self.dir.join("records").join(slice.to_string())
    }

    /// How many documents can be found in all.
    pub(super) fn documents(&self) -> u64 {
        let slices = self.slices();
        let records = slices.values().map(|month| match month {
            Month::Closed(documents) => *documents,
            Month::Open(shard) => shard.documents(),
        });
        self.objects.documents() + records.sum::<u64>()
    }

    /// What it takes on disk, in bytes.
    pub(super) fn bytes(&self) -> u64 {
        let mut dirs = vec![self.objects.dir().to_owned()];
        dirs.extend(self.months().into_iter().map(|month| self.path(month)));
        let files = dirs.iter().filter_map(|dir| fs::read_dir(dir).ok()).flat_map(Iterator::flatten);
        files.filter_map(|file| file.metadata().ok()).map(|meta| meta.len()).sum()
    }
}

/// Something that is no folder and stands where the index belongs is none of ours: it is moved aside, since nobody could search before
/// somebody did that.
fn make_way(root: &Path) -> Outcome<()> {
    if root.metadata().map_or(true, |found| found.is_dir()) {
        return Ok(());
    }
    let names = (1..).map(|number| root.with_extension(format!("moved-{number}")));
    let Some(aside) = names.take(1_000).find(|name| name.symlink_metadata().is_err()) else { return Ok(()) };
    warn!(from = %root.display(), to = %aside.display(), "what stood in the place of the search index is moved aside");
    Ok(fs::rename(root, aside)?)
}

fn remove_any(path: &Path) -> Outcome<()> {
    if path.is_dir() { remove_dir(path) } else { Ok(fs::remove_file(path)?) }
}
