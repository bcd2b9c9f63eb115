//! What nobody needs any more goes by itself.

use std::ops::ControlFlow;

use aviary_kernel::base::{Env, Result, Timestamp};
use aviary_kernel::model::{Mail, MailContent, MailState};
use aviary_kernel::store::tables::{MAILS, MAILS_BY_STATE};
use aviary_kernel::store::{Direction, Key, Read, Span, WriteTx};

use super::says::good_for;
use super::send::close;
use super::template::Form;
use super::{Mails, OUT_OF_DATE, rows};

/// More mails than this are not kept waiting for a mail service; the oldest go first, so that nobody fills the disk.
const MOST_KEPT: u64 = 10_000;
/// Rows of one transaction.
const BATCH: usize = 500;

/// Until when what a mail says holds; none = as long as anybody reads it.
pub fn good_until(mail: &Mail) -> Option<Timestamp> {
    let holds = match &mail.says {
        MailContent::Letter { letter, .. } => good_for(*letter),
        MailContent::Template { template, .. } => Form::of(template).good_for(),
        MailContent::Event(_) | MailContent::Test => None,
    };
    holds.map(|holds| mail.written_at.plus(holds))
}

impl Mails {
    /// Drops kept mails whose link expired, and the oldest when there are more than make sense. How many.
    ///
    /// # Errors
    /// When the file cannot be read or written.
    pub async fn tidy(&self) -> Result<u64> {
        let (mut dropped, mut from) = (0, 0);
        loop {
            let env = self.env.clone();
            let (count, next) = self.store.write(move |tx| tidy(tx, &env, from)).await?;
            dropped += count;
            let Some(next) = next else { return Ok(dropped) };
            from = next;
        }
    }

    /// Removes mails that were written before `before` and are no longer on their way. How many.
    ///
    /// # Errors
    /// When the file cannot be read or written.
    pub async fn forget(&self, before: Timestamp) -> Result<u64> {
        let (mut removed, mut from) = (0, 0);
        loop {
            let env = self.env.clone();
            let (count, next) = self.store.write(move |tx| forget(tx, &env, before, from)).await?;
            removed += count;
            let Some(next) = next else { return Ok(removed) };
            from = next;
        }
    }
}

/// A stretch of the kept mails from this number on; how many were dropped, and where the next stretch begins.
fn tidy(tx: &mut WriteTx<'_>, env: &Env, from: u64) -> Result<(u64, Option<u64>)> {
    let now = env.now();
    let too_many = tx.count(MailState::Kept.counter())?.saturating_sub(MOST_KEPT);
    let numbers = kept_from(tx, from, BATCH)?;
    let next = numbers.last().filter(|_| numbers.len() == BATCH).map(|number| number + 1);
    let mut dropped = 0;
    for number in numbers {
        let Some(mail) = tx.get(MAILS, &number)? else { continue };
        let why = match good_until(&mail) {
            Some(until) if until <= now => OUT_OF_DATE,
            _ if dropped < too_many => "too many mails were kept, and this was the oldest",
            _ => continue,
        };
        close(tx, env, number, mail, MailState::Dropped, why)?;
        dropped += 1;
    }
    Ok((dropped, next))
}

/// Kept mails from this number on, oldest first.
pub(super) fn kept_from(reader: &impl Read, from: u64, most: usize) -> Result<Vec<u64>> {
    let kept = MailState::Kept.number();
    let span = Span::prefix(&kept);
    let span = match from.checked_sub(1) {
        Some(before) => span.after(&(kept, before).to_bytes(), Direction::Up),
        None => span,
    };
    let mut numbers = Vec::new();
    reader.walk_index(MAILS_BY_STATE, &span, Direction::Up, |(_, number)| {
        numbers.push(number);
        Ok(if numbers.len() < most { ControlFlow::Continue(()) } else { ControlFlow::Break(()) })
    })?;
    Ok(numbers)
}

/// A stretch of all mails, which stand in the order in which they were written.
fn forget(tx: &mut WriteTx<'_>, env: &Env, before: Timestamp, from: u64) -> Result<(u64, Option<u64>)> {
    let span = from.checked_sub(1).map_or_else(Span::all, |n| Span::all().after(&n.to_bytes(), Direction::Up));
    let (mut old, mut next, mut seen) = (Vec::new(), None, 0);
    tx.walk(MAILS, &span, Direction::Up, |number, mail| {
        if mail.written_at >= before {
            return Ok(ControlFlow::Break(()));
        }
        if mail.state != MailState::Waiting {
            old.push(number);
        }
        seen += 1;
        if seen < BATCH {
            return Ok(ControlFlow::Continue(()));
        }
        next = Some(number + 1);
        Ok(ControlFlow::Break(()))
    })?;
    for number in &old {
        rows::remove(tx, env, *number)?;
    }
    Ok((old.len() as u64, next))
}
