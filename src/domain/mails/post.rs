//! Mails are written in the commit that causes them, together with the job that sends them.

use aviary_kernel::base::{Env, Result};
use aviary_kernel::model::{Email, EventId, JobKind, Mail, MailContent, MailState};
use aviary_kernel::store::WriteTx;
use serde::{Deserialize, Serialize};

use super::rows;
use crate::queue::{self, NewJob};

/// What the jobs of a mail are told.
#[derive(Serialize, Deserialize)]
pub(super) struct Args {
    /// The number of the mail.
    pub(super) mail: u64,
}

/// Writes a mail that leaves once this transaction is on disk. `content` makes what it says from the number of the mail,
/// since secrets are sealed for `mails/<number>/token` or `mails/<number>/values`. The number.
///
/// # Errors
/// What `content` returns, or when the file cannot be written.
pub fn post(
    tx: &mut WriteTx<'_>,
    env: &Env,
    to: &Email,
    content: impl FnOnce(u64) -> Result<MailContent>,
) -> Result<u64> {
    write(tx, env, "Aviary", to, content).map(|(number, _)| number)
}

/// Writes a mail about an event, to somebody who wants to hear of it.
///
/// # Errors
/// When the file cannot be written.
pub fn post_event(tx: &mut WriteTx<'_>, env: &Env, to: &Email, event: EventId) -> Result<u64> {
    post(tx, env, to, |_| Ok(MailContent::Event(event)))
}

/// Writes a mail that `by` asked for.
pub(super) fn write(
    tx: &mut WriteTx<'_>,
    env: &Env,
    by: &str,
    to: &Email,
    content: impl FnOnce(u64) -> Result<MailContent>,
) -> Result<(u64, Mail)> {
    let number = tx.next_number("mails")?;
    let mail = Mail {
        to: to.clone(),
        says: content(number)?,
        written_at: env.now(),
        state: MailState::Kept,
        job: None,
        taken: None,
        attempts: Vec::new(),
    };
    send_off(tx, env, by, number, mail)
}

/// Puts a mail on its way.
pub(super) fn send_off(tx: &mut WriteTx<'_>, env: &Env, by: &str, number: u64, mut mail: Mail) -> Result<(u64, Mail)> {
    // The job before it may still be about to end; then it runs once more.
    let new =
        NewJob::new(JobKind::SendMail).args(&Args { mail: number })?.unique_again(format!("mail/{number}")).by(by);
    mail.job = Some(queue::enqueue(tx, env, new)?.id);
    mail.state = MailState::Waiting;
    rows::put(tx, env, number, &mail)?;
    Ok((number, mail))
}
