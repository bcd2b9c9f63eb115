//! The folder of backups. Only what is ours by name is listed or removed.

use std::fs::{self, File};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use aviary_kernel::base::{Error, Result, Timestamp};
use tracing::warn;

use super::files::{self, parse_stamp, stamp, unwritable};
use super::packed::{self, Backup};

const BEGIN: &str = "aviary-";
const END: &str = ".redb.zst";
/// Of files that are being written.
const PARTIAL: &str = ".partial";

/// When the backup of this name was made; none when the name is not ours.
fn time_of(name: &str) -> Option<Timestamp> {
    parse_stamp(name.strip_prefix(BEGIN)?.strip_suffix(END)?)
}

/// Whether this is the name of what a backup leaves behind that is broken off.
fn is_partial(name: &str) -> bool {
    let Some(name) = name.strip_prefix('.').and_then(|name| name.strip_suffix(PARTIAL)) else { return false };
    time_of(name).is_some() || name.strip_suffix(".data").is_some_and(|name| time_of(name).is_some())
}

/// The folder, with nobody else at work in it.
pub(super) struct Shelf {
    dir: PathBuf,
    _lock: Option<File>,
}

impl Shelf {
    /// Opens the folder, and removes what broken-off backups left there. `may_make`: the folder need not be there.
    ///
    /// # Errors
    /// [`Error::Conflict`] when another backup is being made there, [`Error::Unusable`] when it cannot be written.
    pub(super) fn open(dir: &Path, may_make: bool) -> Result<Self> {
        if may_make {
            let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(dir);
            made.map_err(|e| unwritable(dir, &e))?;
        }
        let busy = format!("another backup is being made in {}: wait for its end", dir.display());
        let shelf = Self { dir: dir.to_owned(), _lock: files::lock_folder(dir, &busy)? };
        for name in names(dir)?.iter().filter(|name| is_partial(name)) {
            files::remove(&dir.join(name))?;
        }
        Ok(shelf)
    }

    /// Where a backup that is made now will be.
    pub(super) fn place(&self, now: Timestamp) -> PathBuf {
        let mut at = Timestamp::from_seconds(now.seconds());
        loop {
            let path = self.dir.join(format!("{BEGIN}{}{END}", stamp(at)));
            if fs::symlink_metadata(&path).is_err() {
                return path;
            }
            at = at.plus(Duration::from_millis(1));
        }
    }

    /// Keeps the newest `keep` backups, `made` among them whatever the clock said; 0 = all. Those that were removed.
    pub(super) fn prune(&self, keep: usize, made: &Path) -> Result<Vec<String>> {
        if keep == 0 {
            return Ok(Vec::new());
        }
        let others = list(&self.dir)?.into_iter().filter(|backup| backup.path != made);
        let mut removed = Vec::new();
        for old in others.skip(keep - 1) {
            files::remove(&old.path)?;
            removed.push(old.name);
        }
        Ok(removed)
    }
}

/// Where what becomes the backup is written: the copy of the data file, and the packed copy.
pub(super) fn partials(path: &Path) -> [PathBuf; 2] {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    [format!(".{name}.data{PARTIAL}"), format!(".{name}{PARTIAL}")].map(|name| path.with_file_name(name))
}

/// The whole backups of a folder, newest first. One that is not there holds none.
///
/// # Errors
/// [`Error::Unusable`] when the folder cannot be read.
pub(super) fn list(dir: &Path) -> Result<Vec<Backup>> {
    let mut found = Vec::new();
    for name in names(dir)? {
        let Some(at) = time_of(&name) else { continue };
        let path = dir.join(&name);
        if fs::symlink_metadata(&path).is_ok_and(|found| found.is_file()) {
            match packed::look(&path) {
                Ok(backup) => found.push((at, backup)),
                Err(error) => warn!(%error, "passed over a backup"),
            }
        }
    }
    found.sort_by_key(|(at, _)| std::cmp::Reverse(*at));
    Ok(found.into_iter().map(|(_, backup)| backup).collect())
}

fn names(dir: &Path) -> Result<Vec<String>> {
    let unreadable = |e: std::io::Error| Error::Unusable(format!("{} cannot be read: {e}", dir.display()));
    let entries = match fs::read_dir(dir) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(unreadable)?,
    };
    let mut names = Vec::new();
    for entry in entries {
        // A name that is no text is none of ours.
        names.extend(entry.map_err(unreadable)?.file_name().into_string().ok());
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_told_from_those_of_others() {
        let path = Path::new("/x").join(format!("{BEGIN}20251120T141045.001Z{END}"));
        let name = path.file_name().unwrap().to_str().unwrap();
        assert_eq!(time_of(name), Some(Timestamp::from_millis(1_763_647_845_001)));
        for partial in partials(&path) {
            let partial = partial.file_name().unwrap().to_str().unwrap();
            assert!(is_partial(partial) && time_of(partial).is_none(), "{partial}");
        }
        for other in [
            "aviary.redb",
            "aviary-old.redb.zst",
            "aviary-20251120T141045Z.redb",
            "x.partial",
            ".partial",
            ".aviary-x.redb.zst.partial",
        ] {
            assert!(time_of(other).is_none() && !is_partial(other), "{other}");
        }
    }
}
