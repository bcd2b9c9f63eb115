//! What runs by itself, and when.

mod acts;
mod built_in;
mod crashes;
mod overlap;
mod syncs;
mod times;
mod zones;

use std::sync::Arc;

use aviary_domain::jobs::Jobs;
use aviary_domain::panels::Panels;
use aviary_domain::queue::{Done, body};
use aviary_domain::schedules::{self, NewSchedule, SchedulePatch, Schedules, ShownSchedule};
use aviary_domain::settings::Settings;
use aviary_kernel::base::{Env, Error, ManualClock, Timestamp};
use aviary_kernel::config::Config;
use aviary_kernel::model::{
    Event, EventName, Job, JobKind, MissedRuns, Overlap, ScheduleId, ScheduleRun, ScheduledWork, When,
};
use aviary_kernel::store::faulty::Disk;
use aviary_kernel::store::tables::{EVENTS, JOBS};
use aviary_kernel::store::{Options, Read, Span, Store, verify};
use tokio::runtime::Handle;

use crate::lab::{quick, sealer, who};

/// Schedules with their data file, of which the process can be killed.
pub struct House {
    pub disk: Disk,
    pub clock: Arc<ManualClock>,
    pub env: Env,
    pub store: Store,
    pub panels: Panels,
    pub settings: Settings,
    pub jobs: Jobs,
    pub schedules: Schedules,
}

pub fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

impl House {
    /// A new data file at this time, with what comes with Aviary.
    pub async fn new(now: &str) -> Self {
        let (env, clock) = Env::manual(at(now));
        let house = Self::open(Disk::new(), env, clock);
        house.schedules.settle().await.unwrap();
        house
    }

    fn open(disk: Disk, env: Env, clock: Arc<ManualClock>) -> Self {
        let store = Store::open(Options::on(disk.backing())).unwrap();
        let panels = Panels::new(store.clone(), env.clone(), sealer(), quick(), 80);
        let settings = Settings::new(store.clone(), env.clone(), sealer(), panels.clone(), &Config::default());
        let jobs = Jobs::new(store.clone(), env.clone(), vec![schedules::job_over]);
        let schedules = Schedules::new(store.clone(), env.clone(), settings.clone());
        Self { disk, clock, env, store, panels, settings, jobs, schedules }
    }

    /// As after `kill -9`: what is not on disk is gone.
    pub async fn crash(self) -> Self {
        let Self { disk, clock, env, store, panels, settings, jobs, schedules } = self;
        disk.power_cut();
        drop((store, panels, settings, jobs, schedules));
        disk.heal();
        let house = Self::open(disk, env, clock);
        house.jobs.recover().await.unwrap();
        house
    }

    /// Nothing but what people make is in the way of a test.
    pub async fn hush(&self) {
        for shown in self.schedules.list().await.unwrap() {
            self.schedules.pause(&who(), shown.schedule.id).await.unwrap();
        }
    }

    /// A house with one schedule for backups, and nothing else that runs.
    pub async fn with_backups(now: &str, when: When, missed: MissedRuns, overlap: Overlap) -> (Self, ScheduleId) {
        let house = Self::new(now).await;
        house.hush().await;
        let id = house.add("Mine", when, missed, overlap).await;
        (house, id)
    }

    pub async fn add(&self, name: &str, when: When, missed: MissedRuns, overlap: Overlap) -> ScheduleId {
        let new = NewSchedule { name: name.into(), work: ScheduledWork::Backup, when, missed, overlap };
        self.schedules.make(&who(), new).await.unwrap().schedule.id
    }

    pub fn go_to(&self, time: &str) {
        self.clock.set(at(time));
    }

    pub async fn tick(&self) {
        self.schedules.tick().await.unwrap();
    }

    pub async fn tick_at(&self, time: &str) {
        self.go_to(time);
        self.tick().await;
    }

    pub async fn get(&self, id: ScheduleId) -> ShownSchedule {
        self.schedules.get(id).await.unwrap()
    }

    pub async fn patch(&self, id: ScheduleId, patch: SchedulePatch) -> Result<ShownSchedule, Error> {
        self.schedules.change(&who(), id, patch).await
    }

    /// The runs of a schedule, newest first, as "due what-came-of-it".
    pub async fn runs(&self, id: ScheduleId) -> Vec<String> {
        let show = |run: ScheduleRun| format!("{} {}", run.due_at, run.outcome.word());
        self.get(id).await.schedule.runs.into_iter().map(show).collect()
    }

    pub async fn jobs_of(&self, id: ScheduleId) -> Vec<Job> {
        let jobs = self.store.read(|tx| tx.all(JOBS, &Span::all())).await.unwrap();
        jobs.into_iter().map(|(_, job)| job).filter(|job| job.schedule == Some(id)).collect()
    }

    /// The events that say that something did not run.
    pub async fn alerts(&self) -> Vec<Event> {
        let events = self.store.read(|tx| tx.all(EVENTS, &Span::all())).await.unwrap();
        events.into_iter().map(|(_, event)| event).filter(|event| event.name == EventName::ScheduleMissed).collect()
    }

    /// Does all that waits, each job as it is told to.
    pub async fn work(&self, act: impl Fn() -> Done + Clone + Send + Sync + 'static) {
        let bodies = JobKind::ALL.iter().filter(|kind| **kind != JobKind::Sync).map(|kind| {
            let act = act.clone();
            body(*kind, move |_| {
                let done = act();
                async move { done }
            })
        });
        let runner = self.jobs.start(bodies.collect(), &Handle::current(), || {});
        let open = self.store.read(|tx| tx.all(JOBS, &Span::all())).await.unwrap();
        for (id, _) in open.into_iter().filter(|(_, job)| !job.state.is_over() && job.kind != JobKind::Sync) {
            self.jobs.wait(id).await.unwrap();
        }
        runner.stop(std::time::Duration::from_secs(1)).await;
    }

    pub async fn assert_sound(&self) {
        let report = self.store.read(verify).await.unwrap();
        assert!(report.problems.is_empty(), "{:?}", report.problems);
    }
}

pub fn cron(expression: &str, zone: &str) -> When {
    When::Cron { expression: expression.into(), zone: zone.into() }
}

pub fn daily_at_five() -> When {
    cron("0 5 * * *", "UTC")
}
