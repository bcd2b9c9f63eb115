//! What people see of schedules.

use std::collections::BTreeMap;

use aviary_kernel::base::{Result, Timestamp};
use aviary_kernel::model::{JobId, PanelId, Schedule, ScheduleId, ScheduledWork, SyncId};
use aviary_kernel::store::tables::{JOBS, PANELS, SCHEDULES};
use aviary_kernel::store::{Read, Span};

use super::rule::{Rule, WallTime};
use super::timing::Timing;
use super::{Schedules, built_in, require, runs, wanted};
use crate::sync;

/// So many coming runs are shown.
const AHEAD: usize = 10;

/// A schedule, and what there is to say about it.
#[derive(Clone, Debug)]
pub struct ShownSchedule {
    /// The schedule.
    pub schedule: Schedule,
    /// When, in English.
    pub spoken: String,
    /// The name of the panel that it syncs.
    pub panel_name: Option<String>,
    /// The job that does it at the moment.
    pub at_work: Option<JobId>,
    /// The coming runs; for those that count from the end of the last run, the earliest that they can be. None while it is
    /// held back or at work without times of its own.
    pub coming: Vec<Coming>,
    /// The syncs that its jobs did, where it is looked at alone.
    pub syncs: BTreeMap<JobId, SyncId>,
    /// It comes with Aviary and is no longer as it came.
    pub is_changed: bool,
}

/// A run that is to come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Coming {
    /// When.
    pub at: Timestamp,
    /// The same on the clocks of the schedule's zone.
    pub wall: Option<WallTime>,
}

/// What an expression means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Preview {
    /// The expression as it is stored.
    pub expression: String,
    /// The time zone, as the database writes it.
    pub zone: String,
    /// What it says, in English.
    pub spoken: String,
    /// The next runs.
    pub coming: Vec<Coming>,
}

impl ShownSchedule {
    /// Whether it shows red.
    pub fn is_in_trouble(&self) -> bool {
        self.schedule.trouble.is_some()
    }
}

impl Schedules {
    /// Every schedule: first by when it is due next, then those that are not due by name. Their coming runs are left out.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub async fn list(&self) -> Result<Vec<ShownSchedule>> {
        let this = self.clone();
        let mut all = self
            .inner
            .store
            .read(move |tx| {
                let rows = tx.all(SCHEDULES, &Span::all())?;
                rows.into_iter().map(|(_, schedule)| this.shown(tx, schedule, 0)).collect::<Result<Vec<_>>>()
            })
            .await?;
        all.sort_by_cached_key(|shown| {
            let schedule = &shown.schedule;
            (schedule.next_at.is_none(), schedule.next_at, schedule.name.to_lowercase())
        });
        Ok(all)
    }

    /// A schedule with its next ten runs.
    ///
    /// # Errors
    /// [`aviary_kernel::base::Error::NotFound`].
    pub async fn get(&self, id: ScheduleId) -> Result<ShownSchedule> {
        let this = self.clone();
        self.inner.store.read(move |tx| this.shown(tx, require(tx, id)?, AHEAD)).await
    }

    /// When the next automatic sync of a panel is due; none when it is synced only by hand, or is being synced.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub async fn next_sync(&self, panel: PanelId) -> Result<Option<Timestamp>> {
        let this = self.clone();
        self.inner
            .store
            .read(move |tx| {
                // A panel that was just added has no entry yet.
                let held = tx.get(SCHEDULES, &built_in::of_panel(panel))?;
                let schedule = held.unwrap_or_else(|| built_in::entry_of(panel, this.now()));
                Ok(this.timing(tx, &schedule)?.next(&schedule, this.now()))
            })
            .await
    }

    /// What an expression means, before anything is stored.
    ///
    /// # Errors
    /// [`aviary_kernel::base::Error::Invalid`] for `cron` or `zone`.
    pub fn preview(&self, expression: &str, zone: &str) -> Result<Preview> {
        let rule = wanted::checked(expression, zone, self.now())?;
        let (expression, zone) = (rule.expression().unwrap_or_default(), rule.zone().unwrap_or_default());
        Ok(Preview {
            expression: expression.to_owned(),
            zone: zone.to_owned(),
            spoken: rule.spoken(),
            coming: coming(&rule, self.now(), AHEAD),
        })
    }

    fn shown(&self, reader: &impl Read, schedule: Schedule, ahead: usize) -> Result<ShownSchedule> {
        let timing = self.timing(reader, &schedule)?;
        let panel = match schedule.work {
            ScheduledWork::Sync { panel, .. } => reader.get(PANELS, &panel)?,
            _ => None,
        };
        let default = built_in::default_of(&schedule, &self.inner.env);
        Ok(ShownSchedule {
            spoken: spoken(&timing, &schedule),
            panel_name: panel.map(|panel| panel.name),
            at_work: runs::at_work(reader, &schedule)?.map(|job| job.id),
            coming: self.coming(&timing, &schedule, ahead),
            syncs: if ahead > 0 { syncs(reader, &schedule)? } else { BTreeMap::new() },
            is_changed: default.is_some_and(|default| {
                (&default.when, default.missed, default.overlap) != (&schedule.when, schedule.missed, schedule.overlap)
            }),
            schedule,
        })
    }

    fn coming(&self, timing: &Timing, schedule: &Schedule, ahead: usize) -> Vec<Coming> {
        let Some(first) = timing.next(schedule, self.now()) else { return Vec::new() };
        let just_before = Timestamp::from_millis(first.millis() - 1);
        match timing {
            Timing::Times(rule) => coming(rule, just_before, ahead),
            Timing::After { every, .. } => (0..u32::try_from(ahead).unwrap_or(0))
                .map(|turn| Coming { at: first.plus(every.saturating_mul(turn)), wall: None })
                .collect(),
            Timing::AtWork { .. } | Timing::ByHand | Timing::Unreadable(_) => Vec::new(),
        }
    }
}

fn coming(rule: &Rule, after: Timestamp, ahead: usize) -> Vec<Coming> {
    rule.runs(after).take(ahead).map(|at| Coming { at, wall: rule.wall_time(at) }).collect()
}

fn syncs(reader: &impl Read, schedule: &Schedule) -> Result<BTreeMap<JobId, SyncId>> {
    let mut syncs = BTreeMap::new();
    for id in schedule.runs.iter().filter_map(|run| run.outcome.job()) {
        let job = reader.get(JOBS, &id)?;
        syncs.extend(job.as_ref().and_then(sync::of_job).map(|sync| (id, sync)));
    }
    Ok(syncs)
}

fn spoken(timing: &Timing, schedule: &Schedule) -> String {
    match timing {
        Timing::Times(rule) => rule.spoken(),
        Timing::After { every, .. } | Timing::AtWork { every } => {
            let every = u32::try_from(every.as_secs()).ok().and_then(|seconds| Rule::every(seconds).ok());
            let every = every.map_or_else(String::new, |rule| rule.spoken());
            let from = if matches!(schedule.work, ScheduledWork::Sync { .. }) { "sync" } else { "run" };
            format!("{every}, counted from the end of the last {from}")
        }
        Timing::ByHand => "only by hand, as its panel and the settings say".into(),
        Timing::Unreadable(why) => format!("never: {why}"),
    }
}
