//! The rows of mails: whoever follows the feed hears of each change.

use aviary_kernel::base::{Env, Result};
use aviary_kernel::model::Mail;
use aviary_kernel::store::WriteTx;
use aviary_kernel::store::tables::MAILS;

use crate::feed::{self, Change};

/// Stores a mail.
pub(super) fn put(tx: &mut WriteTx<'_>, env: &Env, number: u64, mail: &Mail) -> Result<()> {
    tx.put(MAILS, &number, mail)?;
    feed::append(tx, env, Change::Mail(number)).map(drop)
}

/// Removes a mail.
pub(super) fn remove(tx: &mut WriteTx<'_>, env: &Env, number: u64) -> Result<()> {
    tx.remove(MAILS, &number)?;
    feed::append(tx, env, Change::Mail(number)).map(drop)
}
