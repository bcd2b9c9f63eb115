//! The way back. The data file of a backup is unpacked beside the one that is there, opened, looked through, and put on
//! record; only then it takes its place, in one step of the file system. Broken off anywhere, there is either the file from
//! before or the restored one, whole.

use std::fs::{self, File};
use std::io::ErrorKind;
use std::ops::ControlFlow;
use std::os::unix::fs::{MetadataExt, chown};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use aviary_kernel::base::{Env, Error, Result};
use aviary_kernel::model::{Action, Actor};
use aviary_kernel::store::{Hold, Options, Store, verify};

use super::files::{self, stamp, unwritable};
use super::packed::{self, Backup};
use crate::audit::{self, Did};
use crate::secrets::Keys;

/// What to restore, and where.
pub struct Restore {
    /// The backup.
    pub backup: Backup,
    /// The data file whose place it takes. Nobody may have it open.
    pub data_file: PathBuf,
    /// The master key, when it is at hand; then a backup that it does not open is refused.
    pub keys: Option<Arc<Keys>>,
    /// Who wants it.
    pub by: Actor,
}

/// What became of it.
#[derive(Clone, Debug)]
pub struct Restored {
    /// Where the data file from before is now; none when there was none.
    pub before: Option<PathBuf>,
    /// Records that were read.
    pub rows: u64,
    /// What is wrong with them, as it was when the backup was made.
    pub problems: u64,
}

/// What a restore is at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RestoreStep {
    /// Unpacks the data file.
    Unpacking,
    /// Opens it and reads every record.
    Verifying,
}

/// How far a restore is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RestoreProgress {
    /// What it is at.
    pub step: RestoreStep,
    /// How much of the whole is done.
    pub percent: u8,
}

impl Backup {
    /// What a file says of itself, when it is a whole backup that this release can read.
    ///
    /// # Errors
    /// [`Error::Unusable`] with the reason when it is none.
    pub fn look(path: &Path) -> Result<Self> {
        packed::look(path)
    }
}

/// Puts a backup in the place of the data file. What was there stays beside it as `aviary.redb.before-restore-<time>`.
/// Blocks no async worker. `watch` may break it off until the last step; nothing is changed then.
///
/// # Errors
/// [`Error::Conflict`] when the data file is in use, or it was broken off; [`Error::Unusable`] when the backup is damaged,
/// newer, or belongs to another master key, or the disk is full. The data file is as it was then.
pub async fn restore_to(
    env: Env,
    wanted: Restore,
    mut watch: impl FnMut(&RestoreProgress) -> ControlFlow<()> + Send + 'static,
) -> Result<Restored> {
    let work = tokio::task::spawn_blocking(move || Run { env: &env, wanted: &wanted, watch: &mut watch }.run());
    work.await.map_err(Error::internal)?
}

/// The folder of the search index, beside the data file.
const SEARCH: &str = "search";

struct Run<'a> {
    env: &'a Env,
    wanted: &'a Restore,
    watch: &'a mut dyn FnMut(&RestoreProgress) -> ControlFlow<()>,
}

impl Run<'_> {
    fn run(&mut self) -> Result<Restored> {
        let target = &self.wanted.data_file;
        let folder = files::folder(target);
        let _lock = files::lock_folder(folder, "another restore is at work here: wait for its end")?;
        // Nobody may open the file from before while the other takes its place.
        let hold = Hold::take(target)?;
        tidy(target)?;
        let unpacked = beside(target, ".restoring");
        let restored =
            self.unpack(&unpacked).and_then(|()| self.look_through(&unpacked)).and_then(|(rows, problems)| {
                // It is of the file from before. Without it another is made at the next start.
                files::remove_folder(&folder.join(SEARCH))?;
                let before = swap(&unpacked, target, self.env, hold.is_some())?;
                Ok(Restored { before, rows, problems })
            });
        restored.inspect_err(|_| drop(files::remove(&unpacked)))
    }

    fn unpack(&mut self, to: &Path) -> Result<()> {
        let mut file = files::create(to)?;
        let of = self.wanted.backup.data_bytes;
        packed::unpack(&self.wanted.backup, &mut file, to, &mut |done| {
            self.tell(RestoreStep::Unpacking, done * 60 / of.max(1))
        })?;
        file.sync_all().map_err(|e| unwritable(to, &e))
    }

    /// Whether this release and this key open it, and what its records are like. That it was restored is on record in it.
    fn look_through(&mut self, unpacked: &Path) -> Result<(u64, u64)> {
        self.tell(RestoreStep::Verifying, 60)?;
        let Restore { backup, keys, by, .. } = self.wanted;
        let named = |error: Error| match error {
            Error::Unusable(why) => {
                let (path, packed) = (unpacked.display().to_string(), backup.path.display());
                Error::Unusable(why.replace(&path, &format!("what is in {packed}")))
            }
            Error::ReadOnly(why) => Error::Unusable(format!("the backup cannot be restored: {why}")),
            other => other,
        };
        let options = Options { vet: keys.as_ref().map(Keys::vet), ..Options::file(unpacked) };
        let store = Store::open(options).map_err(named)?;
        let report = store.read_blocking(verify).map_err(named)?;
        self.tell(RestoreStep::Verifying, 95)?;
        let did = Did::new(Action::BackupRestored).to("backup", &backup.name, backup.name.clone());
        let did = did.changed("madeAt", None, Some(backup.made_at.to_string()));
        let (env, by) = (self.env.clone(), by.clone());
        store.write_blocking(move |tx| audit::record(tx, &env, &by, did).map(drop)).map_err(named)?;
        Ok((report.rows.values().sum(), report.problem_count))
    }

    fn tell(&mut self, step: RestoreStep, percent: u64) -> Result<()> {
        match (self.watch)(&RestoreProgress { step, percent: u8::try_from(percent.min(100)).unwrap_or(100) }) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(Error::Conflict("the restore was cancelled; nothing was changed".into())),
        }
    }
}

/// A name that begins with that of the data file.
fn beside(target: &Path, end: &str) -> PathBuf {
    let mut name = target.as_os_str().to_owned();
    name.push(end);
    name.into()
}

const BEFORE: &str = ".before-restore-";

/// Removes what broken-off restores left: a file that was not ready, and further names of the data file itself.
fn tidy(target: &Path) -> Result<()> {
    files::remove(&beside(target, ".restoring"))?;
    let Ok(current) = fs::metadata(target) else { return Ok(()) };
    let name = target.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let folder = files::folder(target);
    let entries = fs::read_dir(folder).map_err(|e| unwritable(folder, &e))?;
    for entry in entries.flatten() {
        let is_before = entry.file_name().to_string_lossy().starts_with(&format!("{name}{BEFORE}"));
        let is_same = |found: fs::Metadata| (found.ino(), found.dev()) == (current.ino(), current.dev());
        if is_before && fs::symlink_metadata(entry.path()).is_ok_and(is_same) {
            files::remove(&entry.path())?;
        }
    }
    Ok(())
}

/// Puts the restored file in its place. Where the one from before is now.
fn swap(unpacked: &Path, target: &Path, env: &Env, is_there: bool) -> Result<Option<PathBuf>> {
    let folder = files::folder(target);
    same_owner(unpacked, if is_there { target } else { folder })?;
    File::open(unpacked).and_then(|file| file.sync_all()).map_err(|e| unwritable(unpacked, &e))?;
    let before = is_there.then(|| beside(target, &format!("{BEFORE}{}", stamp(env.now()))));
    match &before {
        Some(before) => {
            keep(target, before)?;
            files::sync_folder(folder)?;
            fs::rename(unpacked, target).map_err(|e| unwritable(target, &e))?;
        }
        None => first(unpacked, target)?,
    }
    files::sync_folder(folder)?;
    Ok(before)
}

/// Puts the restored file where none was, unless somebody just made one.
fn first(unpacked: &Path, target: &Path) -> Result<()> {
    match fs::hard_link(unpacked, target) {
        Ok(()) => files::remove(unpacked),
        Err(e) if e.kind() == ErrorKind::AlreadyExists => {
            Err(Error::Conflict(format!("{} was made meanwhile: stop the Aviary that made it", target.display())))
        }
        // Where files have only one name.
        Err(_) => fs::rename(unpacked, target).map_err(|e| unwritable(target, &e)),
    }
}

/// Gives the data file a second name, under which it stays. Where files have only one name, it is copied.
fn keep(target: &Path, before: &Path) -> Result<()> {
    if fs::hard_link(target, before).is_ok() {
        return Ok(());
    }
    let mut to = files::create(before)?;
    let copied = File::open(target).and_then(|mut from| std::io::copy(&mut from, &mut to)).and_then(|_| to.sync_all());
    copied.map_err(|e| {
        drop(files::remove(before));
        unwritable(before, &e)
    })
}

/// Who restores may be another user than the one that Aviary runs as.
fn same_owner(unpacked: &Path, as_of: &Path) -> Result<()> {
    let fail = |e: std::io::Error| unwritable(unpacked, &e);
    let (is, wanted) = (fs::metadata(unpacked).map_err(fail)?, fs::metadata(as_of).map_err(fail)?);
    if (is.uid(), is.gid()) == (wanted.uid(), wanted.gid()) {
        return Ok(());
    }
    let changed = chown(unpacked, Some(wanted.uid()), Some(wanted.gid()));
    // A group that this user is not in is no reason to refuse.
    if is.uid() == wanted.uid() { Ok(()) } else { changed.map_err(fail) }
}
