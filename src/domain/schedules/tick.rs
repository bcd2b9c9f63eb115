//! What happens when an entry is due.

use std::time::Duration;

use aviary_kernel::base::{Result, Timestamp};
use aviary_kernel::model::{MissedRuns, Overlap, RunOutcome, Schedule, ScheduleId, ScheduleRun};
use aviary_kernel::store::tables::SCHEDULES;
use aviary_kernel::store::{Read, Span, WriteTx};
use tracing::{error, info, warn};

use super::timing::{self, Due, Timing};
use super::{Schedules, put, runs};

/// The longest that nobody looks: clocks jump, panels come and go.
const LOOK_AGAIN: Duration = Duration::from_secs(5);

const WAS_AWAY: &str = "Aviary did not run at that time, or its clock was put forward";

impl Schedules {
    /// Does what is due. The time until there is something to do again, at most 5 seconds.
    ///
    /// # Errors
    /// When the file cannot be read or written. What fails with one entry does not hold up the others.
    pub async fn tick(&self) -> Result<Duration> {
        self.settle().await?;
        let this = self.clone();
        let mut failed = None;
        for id in self.inner.store.read(move |tx| this.in_need(tx)).await? {
            if let Err(error) = self.write(move |this, tx| this.attend(tx, id)).await {
                error!(%error, schedule.id = %id, "a schedule could not be attended to");
                failed = Some(error);
            }
        }
        match failed {
            Some(error) => Err(error),
            None => self.until_next().await,
        }
    }

    /// The entries for which there is something to do.
    fn in_need(&self, reader: &impl Read) -> Result<Vec<ScheduleId>> {
        let now = self.now();
        let mut ids = Vec::new();
        for (id, schedule) in reader.all(SCHEDULES, &Span::all())? {
            let next = self.timing(reader, &schedule)?.next(&schedule, now);
            let is_due = next.is_some_and(|next| next <= now);
            if is_due || next != schedule.next_at || runs::is_behind(reader, &self.inner.env, &schedule)? {
                ids.push(id);
            }
        }
        Ok(ids)
    }

    async fn until_next(&self) -> Result<Duration> {
        let now = self.now();
        let all = self.inner.store.read(|tx| tx.all(SCHEDULES, &Span::all())).await?;
        let next = all.iter().filter_map(|(_, schedule)| schedule.next_at).min();
        Ok(next.map_or(LOOK_AGAIN, |next| next.since(now).min(LOOK_AGAIN)))
    }

    /// One entry: everything in one transaction, so that a time is dealt with as a whole or not at all.
    fn attend(&self, tx: &mut WriteTx<'_>, id: ScheduleId) -> Result<()> {
        let Some(before) = tx.get(SCHEDULES, &id)? else { return Ok(()) };
        let (mut schedule, now) = (before.clone(), self.now());
        runs::catch_up(tx, &self.inner.env, &mut schedule)?;
        schedule.seen_until = timing::seen(&schedule, now);
        let timing = self.timing(tx, &schedule)?;
        schedule.next_at = timing.next(&schedule, now);
        if let Timing::Unreadable(why) = &timing {
            schedule.trouble = Some(format!("It never runs: {why}"));
        }
        if let Some(due) = timing.due(&schedule, now) {
            self.fall_due(tx, &mut schedule, due, now)?;
            schedule.next_at = self.timing(tx, &schedule)?.next(&schedule, now);
        }
        if schedule != before { put(tx, &self.inner.env, &schedule) } else { Ok(()) }
    }

    fn fall_due(&self, tx: &mut WriteTx<'_>, schedule: &mut Schedule, due: Due, now: Timestamp) -> Result<()> {
        schedule.seen_until = now;
        let mut note = None;
        if let Some(newest) = due.late.newest {
            warn!(schedule.name, missed = %due.late, "a schedule did not run when it was due");
            runs::alert(tx, &self.inner.env, schedule, due.first, due.late.count, WAS_AWAY)?;
            match schedule.missed {
                MissedRuns::Skip => {
                    let note = Some(format!("{}, left out: {WAS_AWAY}", times(due)));
                    let missed = ScheduleRun { due_at: newest, outcome: RunOutcome::Missed, finished_at: None, note };
                    runs::push(schedule, missed);
                }
                MissedRuns::Once => note = Some(format!("Makes up for {}", times(due))),
            }
        }
        let makes_up = due.late.newest.filter(|_| schedule.missed == MissedRuns::Once);
        match due.now.newest.or(makes_up) {
            Some(due_at) => self.run(tx, schedule, due_at, note),
            None => Ok(()),
        }
    }

    fn run(
        &self,
        tx: &mut WriteTx<'_>,
        schedule: &mut Schedule,
        due_at: Timestamp,
        note: Option<String>,
    ) -> Result<()> {
        let env = &self.inner.env;
        if runs::at_work(tx, schedule)?.is_none() {
            let job = runs::begin(tx, env, schedule, due_at, "schedule", note)?;
            info!(schedule.name, job.id = %job, "a schedule is due");
            return Ok(());
        }
        let one_waits = schedule.runs.iter().any(|run| run.outcome == RunOutcome::Waiting);
        match (schedule.overlap, one_waits) {
            (Overlap::Queue, false) => {
                runs::push(schedule, ScheduleRun { due_at, outcome: RunOutcome::Waiting, finished_at: None, note });
                Ok(())
            }
            (Overlap::Queue, true) => runs::leave_out(tx, env, schedule, due_at, "one run waits already"),
            (Overlap::Skip, _) => runs::leave_out(tx, env, schedule, due_at, "the last run was still at work"),
        }
    }
}

fn times(due: Due) -> String {
    match (due.late.count, due.late.more) {
        (1, false) => "one missed time".into(),
        _ => format!("{} missed times", due.late),
    }
}
