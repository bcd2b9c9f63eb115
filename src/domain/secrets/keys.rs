//! The keys that are at hand at the start, and whether they are the right ones. A renewal that was broken off, at whatever
//! point, is told by what the data file knows and by which of the two key files are there:
//!
//! | data file               | key file | `.next` | what it means                                          |
//! |-------------------------|----------|---------|--------------------------------------------------------|
//! | key A                   | A        |         | all is well                                            |
//! | key A                   | A        | B       | broken off before it began: B is thrown away           |
//! | being renewed from A to B | A      | B       | it goes on                                             |
//! | key B                   | A        | B       | only the files are left: B takes the place of A        |

use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use aviary_kernel::base::{Error, MasterKey, Result, Sealed, Sealer};
use aviary_kernel::config::{Config, KeySource};
use aviary_kernel::store::{Read, Vet};

use super::state::{self, KEY_CHECK, Rotation};

/// The keys that are at hand.
pub struct Keys {
    pub(super) home: KeySource,
    pub(super) master: MasterKey,
    /// The key in the `.next` file, when there is one.
    next: Option<MasterKey>,
    /// A key that a person brought along to finish a renewal.
    brought: Option<MasterKey>,
}

/// What the data file says to the keys.
pub(super) enum Standing {
    /// It knows of no key yet.
    New,
    /// It belongs to the key.
    Current,
    /// It belongs to the key in the `.next` file.
    Renewed(MasterKey),
    /// It is on its way from the key to this one.
    Between(MasterKey),
}

impl Keys {
    /// The key of the configuration, and the one it may be on its way to. `is_new` = there is no data file yet, so a key file
    /// that is not there is made. `brought` = a key that a person named.
    ///
    /// # Errors
    /// [`Error::Unusable`] when there is no key, or none that can be read.
    pub fn at_hand(config: &Config, is_new: bool, brought: Option<MasterKey>) -> Result<Self> {
        Ok(Self::from_source(config.key_source(), config.master_key(is_new)?, brought))
    }

    /// This key, which stands there.
    pub fn from_source(home: KeySource, master: MasterKey, brought: Option<MasterKey>) -> Self {
        let home = match home {
            // Behind a link the file itself is replaced, not the link.
            KeySource::File(path) => KeySource::File(path.canonicalize().unwrap_or(path)),
            elsewhere => elsewhere,
        };
        let next = match &home {
            KeySource::File(path) => next_key(path),
            KeySource::Elsewhere(_) => None,
        };
        Self { home, master, next, brought }
    }

    /// Refuses a data file that these keys do not open, before a byte of it changes.
    pub fn vet(self: &Arc<Self>) -> Vet {
        let keys = self.clone();
        Arc::new(move |tx| keys.judge(tx).map(drop))
    }

    pub(super) fn judge(&self, reader: &impl Read) -> Result<Standing> {
        let Some(check) = state::sealed(reader, KEY_CHECK)? else { return Ok(Standing::New) };
        if let Some(rotation) = state::rotation(reader)? {
            return self.between(&rotation).map(Standing::Between);
        }
        if opens(&self.master, &check) {
            return Ok(Standing::Current);
        }
        match self.next.as_ref().filter(|next| opens(next, &check)) {
            Some(next) => Ok(Standing::Renewed(next.clone())),
            None => Err(Error::Unusable(format!(
                "the master key is not the one that this data file belongs to: it needs key {:08x}, and {} holds {:08x}\nput the right key there, or start with an empty data directory",
                check.key_id(),
                place(&self.home),
                self.master.id()
            ))),
        }
    }

    /// The new key of a renewal that was broken off.
    fn between(&self, rotation: &Rotation) -> Result<MasterKey> {
        let Rotation { from, to, check, .. } = rotation;
        let place = place(&self.home);
        if self.master.id() != *from {
            return Err(Error::Unusable(format!(
                "the renewal of the master key was broken off, and needs the old key {from:08x} too: {place} holds {:08x}\nput the old key there, and finish with `aviary secret rotate --new-key-file FILE`, where FILE holds key {to:08x}",
                self.master.id()
            )));
        }
        let new = [&self.next, &self.brought].into_iter().flatten().find(|key| opens(key, check));
        new.cloned().ok_or_else(|| {
            Error::Unusable(format!(
                "the renewal of the master key was broken off, and the new key {to:08x} is not at hand\nfinish it with `aviary secret rotate --new-key-file FILE`, where FILE holds that key"
            ))
        })
    }

    /// Brings the key files in line with what the data file says.
    pub(super) fn tidy(&self, standing: &Standing) -> Result<()> {
        match (&self.home, standing) {
            (KeySource::File(path), Standing::New | Standing::Current) => throw_away(&next_path(path)),
            (KeySource::File(path), Standing::Renewed(_)) => promote(path),
            (KeySource::File(path), Standing::Between(new)) => keep_at_hand(path, new),
            _ => Ok(()),
        }
    }
}

fn opens(key: &MasterKey, check: &Sealed) -> bool {
    Sealer::new(key).open(KEY_CHECK, check).is_ok()
}

/// Where the key stands, in words.
pub(super) fn place(home: &KeySource) -> String {
    match home {
        KeySource::File(path) => format!("the file {}", path.display()),
        KeySource::Elsewhere(place) => place.clone(),
    }
}

fn next_path(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".next");
    name.into()
}

/// The key that waits to take the place of the one in `path`. A file that was not written to its end is none.
pub(super) fn next_key(path: &Path) -> Option<MasterKey> {
    MasterKey::load_or_create(&next_path(path), false).ok()
}

/// Lays the new key beside the old one, where a restart finds it. It is on disk when this returns.
pub(super) fn lay_out(path: &Path, new: &MasterKey) -> Result<()> {
    let next = next_path(path);
    throw_away(&next).and_then(|()| new.save_new(&next)).map_err(|error| {
        Error::Conflict(format!(
            "{error}\nlet this user write there, or bring a key of your own with `aviary secret rotate --new-key-file FILE`"
        ))
    })
}

/// The same for the key of a renewal that has begun, unless it lies there.
pub(super) fn keep_at_hand(path: &Path, new: &MasterKey) -> Result<()> {
    if next_key(path).is_some_and(|next| next.id() == new.id()) { Ok(()) } else { lay_out(path, new) }
}

/// Puts the new key in the place of the old one.
pub(super) fn promote(path: &Path) -> Result<()> {
    let next = next_path(path);
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let moved = fs::rename(&next, path).and_then(|()| File::open(folder)?.sync_all());
    moved.map_err(|e| {
        let (next, path) = (next.display(), path.display());
        Error::Unusable(format!(
            "the master key was renewed, but {next} cannot take the place of {path} ({e}): move it there"
        ))
    })
}

fn throw_away(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(e) if e.kind() != ErrorKind::NotFound => Err(Error::Unusable(format!(
            "{} is left from a renewal that never began, and cannot be removed: {e}",
            path.display()
        ))),
        _ => Ok(()),
    }
}
