//! Files of backups: kept to their owner, durable in name and content, and with errors that say what to do.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use aviary_kernel::base::{Error, Result, Timestamp};

/// A new file that only its owner may read. There must be none of that name.
pub(super) fn create(path: &Path) -> Result<File> {
    let made = OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(path);
    made.map_err(|e| unwritable(path, &e))
}

/// The folder of a file.
pub(super) fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Makes the names in a folder durable, not only what is in the files.
pub(super) fn sync_folder(folder: &Path) -> Result<()> {
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(|e| unwritable(folder, &e))
}

/// Removes a file that may not be there.
pub(super) fn remove(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(e) if e.kind() != ErrorKind::NotFound => Err(unwritable(path, &e)),
        _ => Ok(()),
    }
}

/// Removes a folder that may not be there, with what is in it.
pub(super) fn remove_folder(path: &Path) -> Result<()> {
    match fs::remove_dir_all(path) {
        Err(e) if e.kind() != ErrorKind::NotFound => Err(unwritable(path, &e)),
        _ => Ok(()),
    }
}

/// Keeps others from working in a folder, for as long as the value lives. Nothing of it stays on the disk.
///
/// # Errors
/// [`Error::Conflict`] with `busy` when somebody else does.
pub(super) fn lock_folder(folder: &Path, busy: &str) -> Result<Option<File>> {
    let open = File::open(folder).map_err(|e| unwritable(folder, &e))?;
    match open.try_lock() {
        Ok(()) => Ok(Some(open)),
        Err(fs::TryLockError::WouldBlock) => Err(Error::Conflict(busy.to_owned())),
        // Some file systems know no locks of folders.
        Err(fs::TryLockError::Error(_)) => Ok(None),
    }
}

/// Why something cannot be written, and the way out.
pub(super) fn unwritable(path: &Path, error: &io::Error) -> Error {
    let path = path.display();
    Error::Unusable(match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            format!("{path} cannot be written, the disk is full: free some space")
        }
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
            format!("{path} cannot be written ({error}): check who owns the folder, and ReadWritePaths of the unit")
        }
        _ => format!("{path} cannot be written: {error}"),
    })
}

/// A time as a part of a file name, such as `20261120T141045Z`.
pub(super) fn stamp(at: Timestamp) -> String {
    at.to_string().replace(['-', ':'], "")
}

/// The time of such a part.
pub(super) fn parse_stamp(stamp: &str) -> Option<Timestamp> {
    let (date, time) = stamp.split_once('T')?;
    let (year, month, day) = (date.get(..4)?, date.get(4..6)?, date.get(6..)?);
    let (hour, minute, second) = (time.get(..2)?, time.get(2..4)?, time.get(4..)?);
    let at = Timestamp::parse(&format!("{year}-{month}-{day}T{hour}:{minute}:{second}"))?;
    // Only as we write it, so that nobody else's file is taken for ours.
    (self::stamp(at) == stamp).then_some(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stamps_come_back_and_nothing_else_is_taken_for_one() {
        for millis in [0, 1_763_647_845_000, 1_763_647_845_007] {
            let at = Timestamp::from_millis(millis);
            assert_eq!(parse_stamp(&stamp(at)), Some(at));
        }
        assert_eq!(stamp(Timestamp::from_seconds(1_763_647_845)), "20251120T141045Z");
        for other in
            ["", "T", "20251120", "20251120T141045", "20251120T141045+0100", "2025-11-20T14:10:45Z", "äöüäöüTäöü"]
        {
            assert_eq!(parse_stamp(other), None, "{other}");
        }
    }
}
