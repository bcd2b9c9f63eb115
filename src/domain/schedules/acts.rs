//! What people may do about schedules. Each act is put on record.

use aviary_kernel::base::{Error, Result};
use aviary_kernel::model::{Action, Actor, JobId, Schedule, ScheduleId, ScheduledWork, When};
use aviary_kernel::store::tables::SCHEDULES;
use aviary_kernel::store::{Read, Span, WriteTx};

use super::timing::Timing;
use super::{NewSchedule, SchedulePatch, Schedules, ShownSchedule, built_in, put, remove, require, runs, wanted};
use crate::audit::{self, Did};
use crate::panels;

/// All are looked at every few seconds, so there must not be any number of them.
const MOST: usize = 500;

impl Schedules {
    /// Makes a schedule for a sync or for backups.
    ///
    /// # Errors
    /// [`Error::Invalid`] for `name`, `work`, `panel`, `cron`, `zone`, `every` or `when`; [`Error::Conflict`] when there are
    /// too many.
    pub async fn make(&self, by: &Actor, new: NewSchedule) -> Result<ShownSchedule> {
        let by = by.clone();
        let id = self.write(move |this, tx| this.make_in(tx, &by, new)).await?;
        self.get(id).await
    }

    fn make_in(&self, tx: &mut WriteTx<'_>, by: &Actor, new: NewSchedule) -> Result<ScheduleId> {
        let (env, now) = (&self.inner.env, self.now());
        if tx.all(SCHEDULES, &Span::all())?.len() >= MOST {
            return Err(Error::Conflict(format!("there are {MOST} schedules already: remove one first")));
        }
        let mut schedule = Schedule {
            id: env.ids.next(),
            name: wanted::parse_name(&new.name)?,
            work: wanted::check_work(tx, new.work)?,
            when: new.when,
            missed: new.missed,
            overlap: new.overlap,
            is_paused: false,
            is_built_in: false,
            made_by: by.name.clone(),
            created_at: now,
            changed_at: now,
            seen_until: now,
            next_at: None,
            runs: Vec::new(),
            trouble: None,
        };
        schedule.when = wanted::check_when(schedule.when.clone(), &schedule, now)?;
        wanted::refuse_twin(tx, &schedule, &schedule.name)?;
        schedule.next_at = self.timing(tx, &schedule)?.next(&schedule, now);
        put(tx, env, &schedule)?;
        let did = facts(&schedule)
            .into_iter()
            .fold(about(&schedule, Action::ScheduleMade), |did, (field, value)| did.changed(field, None, Some(value)));
        audit::record(tx, env, by, did)?;
        Ok(schedule.id)
    }

    /// Changes a schedule. When nothing becomes different, nothing is written.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Invalid`] as for [`Schedules::make`], and for name and work of an entry that comes with
    /// Aviary.
    pub async fn change(&self, by: &Actor, id: ScheduleId, patch: SchedulePatch) -> Result<ShownSchedule> {
        let by = by.clone();
        self.write(move |this, tx| {
            let before = require(tx, id)?;
            let after = patch.on(tx, &before, this.inner.env.now())?;
            this.replace(tx, &by, &before, after)
        })
        .await?;
        self.get(id).await
    }

    /// Gives an entry that comes with Aviary its times and rules back. It stays held back when it was.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Conflict`] when a person made it.
    pub async fn reset(&self, by: &Actor, id: ScheduleId) -> Result<ShownSchedule> {
        let by = by.clone();
        self.write(move |this, tx| {
            let before = require(tx, id)?;
            let default = built_in::default_of(&before, &this.inner.env).ok_or_else(|| {
                Error::Conflict("this was made by a person and has no times to go back to: change it instead".into())
            })?;
            let Schedule { when, missed, overlap, .. } = default;
            let after = Schedule { when, missed, overlap, ..before.clone() };
            this.replace(tx, &by, &before, after)
        })
        .await?;
        self.get(id).await
    }

    fn replace(&self, tx: &mut WriteTx<'_>, by: &Actor, before: &Schedule, mut after: Schedule) -> Result<()> {
        let (old, new) = (facts(before), facts(&after));
        let did =
            old.into_iter().zip(new).fold(about(before, Action::ScheduleChanged), |did, ((field, old), (_, new))| {
                did.changed(field, Some(old), Some(new))
            });
        if !did.has_changes() {
            return Ok(());
        }
        if before.when != after.when {
            self.count_from_now(tx, &mut after)?;
            after.trouble = after.trouble.filter(|_| !matches!(self.timing(tx, before), Ok(Timing::Unreadable(_))));
        }
        put(tx, &self.inner.env, &after)?;
        audit::record(tx, &self.inner.env, by, did).map(drop)
    }

    /// Holds a schedule back; what is at work goes on. Nothing is written when it is held back already.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn pause(&self, by: &Actor, id: ScheduleId) -> Result<ShownSchedule> {
        self.hold(by, id, true).await
    }

    /// Lets a schedule go on. What was due while it was held back counts for nothing.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Conflict`] when the panel that it syncs is gone.
    pub async fn resume(&self, by: &Actor, id: ScheduleId) -> Result<ShownSchedule> {
        self.hold(by, id, false).await
    }

    async fn hold(&self, by: &Actor, id: ScheduleId, pause: bool) -> Result<ShownSchedule> {
        let by = by.clone();
        self.write(move |this, tx| {
            let mut schedule = require(tx, id)?;
            if schedule.is_paused == pause {
                return Ok(());
            }
            refuse_without_panel(tx, &schedule)?;
            (schedule.is_paused, schedule.next_at) = (pause, None);
            if !pause {
                this.count_from_now(tx, &mut schedule)?;
            }
            put(tx, &this.inner.env, &schedule)?;
            let action = if pause { Action::SchedulePaused } else { Action::ScheduleResumed };
            audit::record(tx, &this.inner.env, &by, about(&schedule, action)).map(drop)
        })
        .await?;
        self.get(id).await
    }

    /// Whatever was due before now is dealt with.
    fn count_from_now(&self, tx: &mut WriteTx<'_>, schedule: &mut Schedule) -> Result<()> {
        let now = self.now();
        (schedule.changed_at, schedule.next_at) = (now, None);
        let is_past = match self.timing(tx, schedule)? {
            Timing::After { every, last } => last.is_some_and(|last| last.plus(every) <= now),
            _ => matches!(schedule.when, When::Cron { .. }),
        };
        if is_past {
            schedule.seen_until = now;
        }
        schedule.next_at = self.timing(tx, schedule)?.next(schedule, now);
        Ok(())
    }

    /// Removes a schedule; what is at work goes on. The schedule as it was.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Conflict`] when it comes with Aviary.
    pub async fn remove(&self, by: &Actor, id: ScheduleId) -> Result<Schedule> {
        let by = by.clone();
        self.write(move |this, tx| {
            let schedule = require(tx, id)?;
            if schedule.is_built_in {
                return Err(Error::Conflict("this comes with Aviary and cannot be removed: pause it instead".into()));
            }
            remove(tx, &this.inner.env, id)?;
            audit::record(tx, &this.inner.env, &by, about(&schedule, Action::ScheduleRemoved))?;
            Ok(schedule)
        })
        .await
    }

    /// Runs a schedule now, also one that is held back. Its times stay as they are. The job that does it.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Conflict`] when it is at work already, or the panel that it syncs is gone.
    pub async fn run_now(&self, by: &Actor, id: ScheduleId) -> Result<JobId> {
        let by = by.clone();
        self.write(move |this, tx| {
            let (env, now) = (&this.inner.env, this.inner.env.now());
            let mut schedule = require(tx, id)?;
            refuse_without_panel(tx, &schedule)?;
            if let Some(job) = runs::at_work(tx, &schedule)? {
                return Err(Error::Conflict(format!("{} is at work already, as job {}", schedule.name, job.id)));
            }
            let job = runs::begin(tx, env, &mut schedule, now, &by.name, Some(format!("Asked for by {}", by.name)))?;
            schedule.next_at = this.timing(tx, &schedule)?.next(&schedule, now);
            put(tx, env, &schedule)?;
            audit::record(tx, env, &by, about(&schedule, Action::ScheduleRun))?;
            Ok(job)
        })
        .await
    }
}

/// The beginning of an audit event about a schedule.
fn about(schedule: &Schedule, action: Action) -> Did {
    Did::new(action).to("schedule", schedule.id, schedule.name.clone())
}

fn refuse_without_panel(reader: &impl Read, schedule: &Schedule) -> Result<()> {
    match schedule.work {
        ScheduledWork::Sync { panel, .. } if panels::require(reader, panel).is_err() => {
            Err(Error::Conflict("the panel that this syncs was removed: choose another panel first".into()))
        }
        _ => Ok(()),
    }
}

/// What stands on record about an entry, always in the same order.
fn facts(schedule: &Schedule) -> [(&'static str, String); 5] {
    let work = match &schedule.work {
        ScheduledWork::Sync { panel, targets } if targets.is_empty() => format!("sync of panel {panel}"),
        ScheduledWork::Sync { panel, targets } => {
            let targets: Vec<_> = targets.iter().map(|target| target.name()).collect();
            format!("sync of panel {panel}: {}", targets.join(", "))
        }
        work => work.word().to_owned(),
    };
    let when = match &schedule.when {
        When::Cron { expression, zone } => format!("{expression} ({zone})"),
        When::Every { seconds } => format!("every {seconds} s"),
        When::AsThePanelSays => "as the panel says".into(),
    };
    [
        ("name", schedule.name.clone()),
        ("work", work),
        ("when", when),
        ("missed", schedule.missed.word().into()),
        ("overlap", schedule.overlap.word().into()),
    ]
}
