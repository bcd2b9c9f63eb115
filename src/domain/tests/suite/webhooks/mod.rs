//! Who hears of events, and how: against receivers with real HTTP.

mod asked;
mod ends;
mod makes;
mod sends;

use std::sync::Arc;
use std::time::Duration;

use aviary_domain::events::{Happening, JobFacts, PanelFacts, raise};
use aviary_domain::jobs::{Jobs, Runner};
use aviary_domain::panels::Panels;
use aviary_domain::settings::Settings;
use aviary_domain::webhooks::{
    DeliveryQuery, Made, NewTarget, NewWebhook, Outside, WebhookOptions, Webhooks, job_over,
};
use aviary_kernel::base::{Env, ManualClock, Secret, Timestamp};
use aviary_kernel::config::Config;
use aviary_kernel::model::{
    Delivery, DeliveryState, EventId, HookScope, HookTopic, JobKind, JobState, PanelId, WebhookId, Weight,
};
use aviary_kernel::store::faulty::Disk;
use aviary_kernel::store::tables::{EVENTS, JOBS};
use aviary_kernel::store::{Options, Read, Span, Store, verify};
use aviary_sim::{Discord, DiscordSpec, Sink, SinkSpec};
use tokio::runtime::Handle;

use crate::lab::{quick, sealer, who};

/// The webhooks with their data file, of which the process can be killed.
pub struct Hall {
    pub disk: Disk,
    pub clock: Arc<ManualClock>,
    pub env: Env,
    pub store: Store,
    pub settings: Settings,
    pub webhooks: Webhooks,
    pub jobs: Jobs,
}

pub fn facts() -> PanelFacts {
    PanelFacts { panel: PanelId(1), panel_name: "Main".into(), trouble: Some("it sleeps".into()) }
}

pub fn job_dead() -> Happening {
    let job = uuid::Uuid::from_u128(7);
    Happening::JobDead(JobFacts { job, kind: "store.backup", attempts: 3, error: "no room".into(), schedule: None })
}

pub fn a_secret() -> String {
    "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".into()
}

pub fn new_hook(name: &str, target: NewTarget, events: &[&str]) -> NewWebhook {
    NewWebhook {
        name: name.into(),
        description: String::new(),
        target,
        topic: HookTopic::Custom,
        scope: HookScope::Admin,
        events: Some(events.iter().map(|text| (*text).to_owned()).collect()),
        panels: Vec::new(),
        least: Weight::Info,
    }
}

pub fn http(url: &str) -> NewTarget {
    NewTarget::Http { url: url.into(), secret: Some(Secret::new(a_secret())) }
}

pub fn discord(url: &str) -> NewTarget {
    NewTarget::Discord { url: url.into() }
}

/// An endpoint that checks signatures, whatever the time is.
pub async fn sink() -> Sink {
    let tolerance = Duration::from_secs(100 * 365 * 86_400);
    Sink::start(SinkSpec { secrets: vec![a_secret()], tolerance, ..SinkSpec::default() }).await.unwrap()
}

pub async fn a_discord() -> Discord {
    Discord::start(DiscordSpec { limit: 0, ..DiscordSpec::default() }).await.unwrap()
}

pub async fn soon<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(30), what).await.expect("it takes too long")
}

impl Hall {
    pub fn new() -> Self {
        let (env, clock) = Env::manual(Timestamp::from_seconds(1_700_000_000));
        Self::on(Disk::new(), env, clock, true)
    }

    /// One that may not speak to addresses inside.
    pub fn strict() -> Self {
        let (env, clock) = Env::manual(Timestamp::from_seconds(1_700_000_000));
        Self::on(Disk::new(), env, clock, false)
    }

    fn on(disk: Disk, env: Env, clock: Arc<ManualClock>, allows: bool) -> Self {
        let store = Store::open(Options::on(disk.backing())).unwrap();
        let panels = Panels::new(store.clone(), env.clone(), sealer(), quick(), 80);
        let settings = Settings::new(store.clone(), env.clone(), sealer(), panels, &Config::default());
        let allowed = if allows { vec!["127.0.0.0/8".parse().unwrap()] } else { Vec::new() };
        let outside = Outside { allowed, ..Outside::default() };
        let options = WebhookOptions { timeout: Duration::from_secs(5), outside, ca_file: None };
        let webhooks = Webhooks::new(store.clone(), env.clone(), sealer(), settings.clone(), options).unwrap();
        let jobs = Jobs::new(store.clone(), env.clone(), vec![job_over]);
        Self { disk, clock, env, store, settings, webhooks, jobs }
    }

    /// As after `kill -9`: what is not on disk is gone.
    pub async fn crash(self, runner: Runner) -> Self {
        self.disk.power_cut();
        drop(runner);
        let Self { disk, clock, env, store, settings, webhooks, jobs } = self;
        drop((store, settings, webhooks, jobs));
        disk.heal();
        let this = Self::on(disk, env, clock, true);
        this.jobs.recover().await.unwrap();
        this.webhooks.recover().await.unwrap();
        this
    }

    pub async fn make(&self, new: NewWebhook) -> Made {
        self.webhooks.make(&who(), new).await.unwrap()
    }

    pub async fn raise(&self, happening: Happening) -> EventId {
        let env = self.env.clone();
        self.store.write(move |tx| raise(tx, &env, &happening)).await.unwrap().unwrap()
    }

    pub async fn raise_many(&self, happening: Happening, count: usize) {
        let env = self.env.clone();
        let write = move |tx: &mut aviary_kernel::store::WriteTx<'_>| {
            (0..count).try_for_each(|_| raise(tx, &env, &happening).map(drop))
        };
        self.store.write(write).await.unwrap();
    }

    pub fn start(&self) -> Runner {
        self.jobs.start(vec![self.webhooks.body()], &Handle::current(), || {})
    }

    /// Sends until nothing is due.
    pub async fn settle(&self) {
        let runner = self.start();
        let mut changed = self.store.watch(JOBS);
        soon(async {
            while self.is_at_work().await {
                changed.changed().await.unwrap();
            }
        })
        .await;
        runner.stop(Duration::from_secs(10)).await;
    }

    async fn is_at_work(&self) -> bool {
        let now = self.env.now();
        let jobs = self.store.read(|tx| tx.all(JOBS, &Span::all())).await.unwrap();
        let mut jobs = jobs.iter().filter(|(_, job)| job.kind == JobKind::Deliver);
        jobs.any(|(_, job)| job.state == JobState::Running || (job.state.is_waiting() && job.due_at <= now))
    }

    /// Lets time pass and sends what is due then.
    pub async fn after(&self, seconds: u64) {
        self.clock.advance_s(seconds);
        self.settle().await;
    }

    pub async fn deliveries(&self, webhook: WebhookId) -> Vec<Delivery> {
        let query = DeliveryQuery { webhook: Some(webhook), limit: 200, ..DeliveryQuery::default() };
        let page = self.webhooks.deliveries(query).await.unwrap();
        page.deliveries.into_iter().map(|(delivery, _)| delivery).collect()
    }

    pub async fn only(&self, webhook: WebhookId) -> Delivery {
        let mut all = self.deliveries(webhook).await;
        assert_eq!(all.len(), 1);
        all.remove(0)
    }

    pub async fn in_state(&self, webhook: WebhookId, state: DeliveryState) -> u64 {
        let counts = self.webhooks.require(webhook).await.unwrap().counts;
        match state {
            DeliveryState::Waiting => counts.waiting,
            DeliveryState::Delivered => counts.delivered,
            DeliveryState::Failed => counts.failed,
            DeliveryState::Dropped => counts.dropped,
        }
    }

    pub async fn names(&self) -> Vec<String> {
        let events = self.store.read(|tx| tx.all(EVENTS, &Span::all())).await.unwrap();
        events.into_iter().map(|(_, event)| event.name.name().to_owned()).collect()
    }

    pub async fn assert_sound(&self) {
        let report = self.store.read(verify).await.unwrap();
        assert!(report.problems.is_empty(), "{:?}", report.problems);
    }
}
