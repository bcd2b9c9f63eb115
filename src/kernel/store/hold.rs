use std::io::ErrorKind;
use std::ops::Bound;
use std::path::Path;

use redb::{BackendError, DatabaseError, StorageBackend};

use super::backing::Access;
use super::open::open_error;
use super::{Backing, Options};
use crate::base::{Error, Result};

/// Keeps others from opening a data file for as long as it lives, whatever is in the file, also when it is damaged.
pub struct Hold {
    // Dropping it lets the file go.
    _backend: Box<dyn StorageBackend>,
}

impl Hold {
    /// Takes hold of the file. None when there is none.
    ///
    /// # Errors
    /// [`Error::Conflict`] when it is in use, [`Error::Unusable`] when it cannot be opened.
    pub fn take(path: &Path) -> Result<Option<Self>> {
        let options = Options::file(path);
        let backend = match Backing::File(path.to_owned()).open(Access::Change) {
            Ok(backend) => backend,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(open_error(&options, error.into())),
        };
        match backend.try_lock_range(Bound::Unbounded, Bound::Unbounded) {
            Ok(true) | Err(BackendError::Unsupported) => Ok(Some(Self { _backend: backend })),
            Ok(false) => Err(Error::Conflict(open_error(&options, DatabaseError::DatabaseAlreadyOpen).to_string())),
            Err(BackendError::Io(error)) => Err(open_error(&options, error.into())),
            Err(error) => Err(Error::internal(format!("{error:?}"))),
        }
    }
}
