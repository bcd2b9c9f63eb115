//! The entries that always exist.

use aviary_kernel::base::{Env, Result, Timestamp};
use aviary_kernel::model::{MissedRuns, Overlap, Panel, PanelId, Schedule, ScheduleId, ScheduledWork, When};
use aviary_kernel::store::tables::{PANELS, SCHEDULES};
use aviary_kernel::store::{Read, Span, WriteTx};
use uuid::Uuid;

use super::{Schedules, put, remove, require};

/// What sets these ids apart from all that are made of times.
const FAMILY: u64 = 0xa71a_0000_0000_8000;

/// What comes with Aviary, once: a number for its id, its name, what it does, when.
const ONCE: [(u32, &str, ScheduledWork, &str); 5] = [
    (1, "Backup", ScheduledWork::Backup, "15 2 * * *"),
    (2, "Clean-up", ScheduledWork::CleanUp, "0 3 * * *"),
    (3, "Integrity check", ScheduledWork::Check, "30 4 * * SUN"),
    (4, "End of sessions", ScheduledWork::EndSessions, "0 * * * *"),
    (5, "Watch over expiry", ScheduledWork::WatchExpiry, "0 8 * * *"),
];

/// What has to be put in order about an entry.
enum Fix {
    Make(Schedule),
    Rename(ScheduleId, String),
    Remove(ScheduleId),
    /// Its panel is gone.
    HoldBack(ScheduleId),
}

/// The id of an entry that comes with Aviary.
fn built_in(number: u32) -> ScheduleId {
    Uuid::from_u64_pair(FAMILY, 0x8000_0000_0000_0000 | u64::from(number))
}

/// The entry that comes with Aviary for some work; none when there is none of its own.
pub fn entry_for(work: &ScheduledWork) -> Option<ScheduleId> {
    let entry = ONCE.iter().find(|(_, _, does, _)| does == work);
    entry.map(|(number, ..)| built_in(*number))
}

/// The id of the entry that syncs a panel.
pub(super) fn of_panel(panel: PanelId) -> ScheduleId {
    Uuid::from_u64_pair(FAMILY, 0x8001_0000_0000_0000 | u64::from(panel.0))
}

fn entry(id: ScheduleId, name: String, work: ScheduledWork, when: When, now: Timestamp) -> Schedule {
    // What counts from the last run is due at once when there was none.
    let seen_until = if when == When::AsThePanelSays { Timestamp::default() } else { now };
    Schedule {
        id,
        name,
        work,
        when,
        missed: MissedRuns::Once,
        overlap: Overlap::Skip,
        is_paused: false,
        is_built_in: true,
        made_by: "Aviary".into(),
        created_at: now,
        changed_at: now,
        seen_until,
        next_at: None,
        runs: Vec::new(),
        trouble: None,
    }
}

/// The entry of a panel as it is at first, without the panel's name.
pub(super) fn entry_of(panel: PanelId, now: Timestamp) -> Schedule {
    let work = ScheduledWork::Sync { panel, targets: Vec::new() };
    entry(of_panel(panel), String::new(), work, When::AsThePanelSays, now)
}

fn name_for(panel: &Panel) -> String {
    format!("Sync of {}", panel.name)
}

/// Every entry that comes with Aviary, as it is at first.
fn defaults(panels: &[Panel], now: Timestamp) -> Vec<Schedule> {
    let once = ONCE.map(|(number, name, work, expression)| {
        let when = When::Cron { expression: expression.into(), zone: "UTC".into() };
        entry(built_in(number), name.into(), work, when, now)
    });
    let of_panels = panels.iter().map(|panel| Schedule { name: name_for(panel), ..entry_of(panel.id, now) });
    once.into_iter().chain(of_panels).collect()
}

/// An entry that comes with Aviary as it is at first; none for those that people made.
pub(super) fn default_of(schedule: &Schedule, env: &Env) -> Option<Schedule> {
    let now = env.now();
    let once = defaults(&[], now).into_iter().find(|entry| entry.id == schedule.id);
    let of_panel = || entry(schedule.id, schedule.name.clone(), schedule.work.clone(), When::AsThePanelSays, now);
    schedule.is_built_in.then(|| once.unwrap_or_else(of_panel))
}

impl Schedules {
    /// Sees to it that every entry exists that comes with Aviary, and that those of panels are as their panels are.
    ///
    /// # Errors
    /// When the file cannot be read or written.
    pub async fn settle(&self) -> Result<()> {
        let env = self.inner.env.clone();
        if self.inner.store.read(move |tx| fixes(tx, &env)).await?.is_empty() {
            return Ok(());
        }
        self.write(|this, tx| {
            let found = fixes(tx, &this.inner.env)?;
            found.into_iter().try_for_each(|fix| this.apply(tx, fix))
        })
        .await
    }

    fn apply(&self, tx: &mut WriteTx<'_>, fix: Fix) -> Result<()> {
        let env = &self.inner.env;
        match fix {
            Fix::Make(schedule) => {
                let next_at = self.timing(tx, &schedule)?.next(&schedule, self.now());
                put(tx, env, &Schedule { next_at, ..schedule })
            }
            Fix::Remove(id) => remove(tx, env, id),
            Fix::Rename(id, name) => put(tx, env, &Schedule { name, ..require(tx, id)? }),
            Fix::HoldBack(id) => {
                let why =
                    "It is held back, since its panel was removed: choose another panel, or remove this".to_owned();
                let held = Schedule { is_paused: true, next_at: None, trouble: Some(why), ..require(tx, id)? };
                put(tx, env, &held)
            }
        }
    }
}

fn fixes(reader: &impl Read, env: &Env) -> Result<Vec<Fix>> {
    let panels: Vec<_> =
        reader.all(PANELS, &Span::all())?.into_iter().map(|(_, panel)| panel).filter(|panel| !panel.removing).collect();
    let stored = reader.all(SCHEDULES, &Span::all())?;
    let mut fixes = Vec::new();
    for wanted in defaults(&panels, env.now()) {
        match stored.iter().find(|(id, _)| *id == wanted.id) {
            None => fixes.push(Fix::Make(wanted)),
            Some((id, held)) if held.name != wanted.name => fixes.push(Fix::Rename(*id, wanted.name)),
            Some(_) => {}
        }
    }
    for (id, schedule) in stored {
        let ScheduledWork::Sync { panel, .. } = schedule.work else { continue };
        match (panels.iter().any(|known| known.id == panel), schedule.is_built_in) {
            (true, _) => {}
            (false, true) => fixes.push(Fix::Remove(id)),
            (false, false) if !schedule.is_paused => fixes.push(Fix::HoldBack(id)),
            (false, false) => {}
        }
    }
    Ok(fixes)
}
