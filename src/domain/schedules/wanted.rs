//! What people may ask of an entry, and what is wrong with it.

use aviary_kernel::base::{Error, Result, Timestamp};
use aviary_kernel::model::{MissedRuns, Overlap, Schedule, ScheduledWork, Target, When};
use aviary_kernel::store::tables::SCHEDULES;
use aviary_kernel::store::{Read, Span};

use super::rule::Rule;
use crate::panels;

/// The least seconds between two runs.
pub const SHORTEST_S: u32 = 60;
const LONGEST_S: u32 = 366 * 86_400;
const LONGEST_NAME: usize = 60;
/// So many runs of an expression are looked at for such that follow each other too closely.
const LOOKED_AT: usize = 200;

/// An entry that is to be made.
#[derive(Clone, Debug)]
pub struct NewSchedule {
    /// What people call it.
    pub name: String,
    /// A sync or a backup.
    pub work: ScheduledWork,
    /// When.
    pub when: When,
    /// What becomes of missed times.
    pub missed: MissedRuns,
    /// What happens when it is due while the last run is at work.
    pub overlap: Overlap,
}

/// What is to become different about an entry; what is none stays as it is.
#[derive(Clone, Debug, Default)]
pub struct SchedulePatch {
    /// What people call it; not of an entry that comes with Aviary.
    pub name: Option<String>,
    /// What it does; not of an entry that comes with Aviary.
    pub work: Option<ScheduledWork>,
    /// When.
    pub when: Option<When>,
    /// What becomes of missed times.
    pub missed: Option<MissedRuns>,
    /// What happens when it is due while the last run is at work.
    pub overlap: Option<Overlap>,
}

/// When something is to run, as people say it; what is none stays as it is.
#[derive(Clone, Debug, Default)]
pub struct Times {
    /// An expression.
    pub cron: Option<String>,
    /// The time zone of the expression.
    pub zone: Option<String>,
    /// Seconds from the end of a run to the next, in the place of an expression.
    pub every: Option<u32>,
}

impl Times {
    /// What that means for an entry that goes by `held`; none when nothing is said.
    ///
    /// # Errors
    /// [`Error::Invalid`] for `every` beside an expression, and for `zone` without one.
    pub fn on(self, held: Option<&When>) -> Result<Option<When>> {
        let (expression, held_zone) = match held {
            Some(When::Cron { expression, zone }) => (Some(expression), Some(zone)),
            _ => (None, None),
        };
        match self {
            Self { cron: None, zone: None, every: None } => Ok(None),
            Self { cron: None, zone: None, every: Some(seconds) } => Ok(Some(When::Every { seconds })),
            Self { every: Some(_), .. } => Err(Error::invalid("every", "stands alone, without cron and zone")),
            Self { cron, zone, every: None } => {
                let expression = cron.or_else(|| expression.cloned());
                let zone = zone.or_else(|| held_zone.cloned()).unwrap_or_else(|| "UTC".into());
                match expression {
                    Some(expression) => Ok(Some(When::Cron { expression, zone })),
                    None => Err(Error::invalid("zone", "needs an expression in cron beside it")),
                }
            }
        }
    }
}

impl SchedulePatch {
    /// The entry as it is asked for, checked.
    pub(super) fn on(self, reader: &impl Read, before: &Schedule, now: Timestamp) -> Result<Schedule> {
        let mut after = before.clone();
        if let Some(name) = self.name.map(|name| parse_name(&name)).transpose()?.filter(|name| *name != before.name) {
            refuse_built_in(before, "name")?;
            refuse_twin(reader, before, &name)?;
            after.name = name;
        }
        if let Some(work) = self.work.filter(|work| *work != before.work) {
            refuse_built_in(before, "work")?;
            after.work = check_work(reader, work)?;
        }
        if let Some(when) = self.when.filter(|when| *when != before.when) {
            after.when = check_when(when, before, now)?;
        }
        after.missed = self.missed.unwrap_or(after.missed);
        after.overlap = self.overlap.unwrap_or(after.overlap);
        Ok(after)
    }
}

fn refuse_built_in(schedule: &Schedule, field: &'static str) -> Result<()> {
    if schedule.is_built_in {
        return Err(Error::invalid(
            field,
            "stays as it is: this comes with Aviary; make a schedule of your own for other work",
        ));
    }
    Ok(())
}

pub(super) fn parse_name(raw: &str) -> Result<String> {
    let name = raw.trim();
    match name.chars().count() {
        1..=LONGEST_NAME if !name.chars().any(char::is_control) => Ok(name.to_owned()),
        n => Err(Error::invalid(
            "name",
            format!("needs 1 to {LONGEST_NAME} characters on one line, without control characters; has {n}"),
        )),
    }
}

pub(super) fn refuse_twin(reader: &impl Read, schedule: &Schedule, name: &str) -> Result<()> {
    let all = reader.all(SCHEDULES, &Span::all())?;
    let twin = all.iter().find(|(id, other)| *id != schedule.id && other.name.eq_ignore_ascii_case(name));
    match twin {
        Some(_) => Err(Error::invalid("name", "is that of another schedule already: choose another")),
        None => Ok(()),
    }
}

pub(super) fn check_work(reader: &impl Read, work: ScheduledWork) -> Result<ScheduledWork> {
    match work {
        ScheduledWork::Sync { panel, mut targets } => {
            if panels::require(reader, panel).is_err() {
                return Err(Error::invalid("panel", format!("there is no panel {panel}")));
            }
            targets.sort_unstable();
            targets.dedup();
            // Everything is what no choice means, also when there is more to choose from one day.
            let is_all = targets.len() == Target::ALL.len();
            Ok(ScheduledWork::Sync { panel, targets: if is_all { Vec::new() } else { targets } })
        }
        ScheduledWork::Backup => Ok(work),
        _ => Err(Error::invalid("work", "is sync or backup; the rest comes with Aviary")),
    }
}

/// The same as it is stored. `schedule` is the entry that it is for.
pub(super) fn check_when(when: When, schedule: &Schedule, now: Timestamp) -> Result<When> {
    match when {
        When::Cron { expression, zone } => {
            let rule = checked(&expression, &zone, now)?;
            let canonical = rule.expression().unwrap_or_default().to_owned();
            Ok(When::Cron { expression: canonical, zone: rule.zone().unwrap_or_default().to_owned() })
        }
        When::Every { seconds } if (SHORTEST_S..=LONGEST_S).contains(&seconds) => Ok(when),
        When::Every { .. } => Err(Error::invalid(
            "every",
            format!("needs {SHORTEST_S} to {LONGEST_S} seconds; pause the schedule to stop it"),
        )),
        When::AsThePanelSays if schedule.is_built_in && matches!(schedule.work, ScheduledWork::Sync { .. }) => Ok(when),
        When::AsThePanelSays => Err(Error::invalid(
            "when",
            "is cron or every: only the sync that comes with a panel goes by what the panel says",
        )),
    }
}

/// An expression whose runs leave each other time.
pub(super) fn checked(expression: &str, zone: &str, now: Timestamp) -> Result<Rule> {
    let rule = Rule::parse_cron(expression, zone)?;
    let runs: Vec<_> = rule.runs(now).take(LOOKED_AT).collect();
    let least = u128::from(SHORTEST_S) * 1000;
    if runs.windows(2).any(|pair| pair[1].since(pair[0]).as_millis() < least) {
        let why = format!(
            "runs more often than every {SHORTEST_S} seconds: write it with five parts, or one number for the seconds"
        );
        return Err(Error::invalid("cron", why));
    }
    Ok(rule)
}
