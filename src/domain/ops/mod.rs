//! Whether all is well, and what helps when it is not: health of the process, backups of the data file and their way back.
//!
//! * [`Heartbeats`], [`Health`]: whether the process can do its work.
//! * [`Backups`]: makes, lists and prunes backups. `packed` is what a backup looks like inside, `shelf` the folder they are in.
//! * [`restore_to`]: puts a backup in the place of the data file.

mod backups;
mod files;
mod health;
mod packed;
mod restore;
mod shelf;

pub use backups::{BackupOptions, BackupProgress, BackupStep, Backups};
pub use health::{Health, Heartbeats};
pub use packed::Backup;
pub use restore::{Restore, RestoreProgress, RestoreStep, Restored, restore_to};
