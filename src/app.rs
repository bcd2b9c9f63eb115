//! The composition root: opens the data file, builds the services in order, starts and stops the workers.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use aviary_domain::access::{Access, Limits as RequestLimits};
use aviary_domain::accounts::{Accounts, Hasher};
use aviary_domain::audit::Audit;
use aviary_domain::events::Events;
use aviary_domain::jobs::{Jobs, Runner};
use aviary_domain::live::Live;
use aviary_domain::mails::{self, MailOptions, Mails};
use aviary_domain::mirror::Book;
use aviary_domain::ops::{BackupOptions, Backups, Heartbeats};
use aviary_domain::panels::{HttpOptions, NewPanel, Panels};
use aviary_domain::queue::Body;
use aviary_domain::schedules::{self, Schedules};
use aviary_domain::search::Search;
use aviary_domain::secrets::{Keys, Secrets, unlock};
use aviary_domain::settings::Settings;
use aviary_domain::sign_in::{SignIn, SignInOptions};
use aviary_domain::sync::{self, Limits, Syncs};
use aviary_domain::watch::Watch;
use aviary_domain::webhooks::{self, Outside, WebhookOptions, Webhooks};
use aviary_kernel::base::{Env, Error, MasterKey, Result, Sealer};
use aviary_kernel::config::Config;
use aviary_kernel::model::{Actor, JobKind};
use aviary_kernel::store::{Backing, Options as StoreOptions, Store};
use aviary_web::{Options as WebOptions, Services};
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tracing::{error, info, warn};

use crate::bodies;

/// The schedules look at least so often for what is due.
const SCHEDULES_LOOK_EVERY: Duration = Duration::from_secs(5);
/// How often the audit trail is watched for bursts, and signed when that is due.
const AUDIT_EVERY: Duration = Duration::from_secs(5);
/// How often the accounts follow the users of panels.
const PEOPLE_EVERY: Duration = Duration::from_secs(5);
/// How often is looked whether something waits for a webhook that no job is about to send.
const WEBHOOKS_EVERY: Duration = Duration::from_secs(60);
/// After a fault, what moves is told again so much later.
const LIVE_AFTER_FAULT: Duration = Duration::from_secs(2);
/// How often is looked whether the disk takes writes.
const DISK_EVERY: Duration = Duration::from_secs(2);
/// The index looks at least so often whether it is up to date.
const SEARCH_LOOKS_EVERY: Duration = Duration::from_secs(10);
/// The index tries again after such a pause when it could not be written.
const SEARCH_RESTS: Duration = Duration::from_secs(5);
/// What is at work gets so long when Aviary ends.
const JOBS_MAY_TAKE: Duration = Duration::from_secs(10);
/// Workers get so long to end their round.
const WORKERS_MAY_TAKE: Duration = Duration::from_secs(5);
/// The jobs count as dead when nothing is heard of them for so long.
const JOBS_ARE_DEAD_AFTER: Duration = Duration::from_secs(30);
/// A worker that is silent for so many of its rounds counts as dead.
const MISSED_ROUNDS: u32 = 4;

/// The program with its data file open.
pub struct App {
    /// What handlers work with.
    pub services: Services,
    watch: Watch,
    runner: Option<Runner>,
    runtime: Handle,
    workers: Vec<JoinHandle<()>>,
    stop: watch::Sender<bool>,
}

impl App {
    /// Opens the data file of this configuration, makes it when there is none, and builds the services. Syncs run on
    /// `runtime`.
    ///
    /// # Errors
    /// [`Error::Unusable`] when the data directory, the data file or the master key cannot be used as they are.
    pub async fn open(config: &Config, env: Env, runtime: Handle) -> Result<Self> {
        Self::open_with(config, env, runtime, None).await
    }

    /// The same with the key at hand that the master key was being renewed to.
    ///
    /// # Errors
    /// As [`App::open`].
    pub async fn open_with(config: &Config, env: Env, runtime: Handle, new_key: Option<MasterKey>) -> Result<Self> {
        let file = config.data_file();
        make_data_dir(&config.data_dir)?;
        let is_new = !file.exists();
        let keys = Arc::new(Keys::at_hand(config, is_new, new_key)?);
        let backing = Backing::File(file.clone());
        let cache_bytes = config.store.cache_bytes();
        let store = Store::open(StoreOptions { cache_bytes, vet: Some(keys.vet()), ..StoreOptions::on(backing) })?;
        if is_new {
            keep_to_owner(&file)?;
        }
        let sealer = unlock(&store, &keys).await?;
        let secrets = Secrets::new(store.clone(), env.clone(), sealer.clone(), &keys, runtime.clone());
        secrets.resume().await?;

        let panels =
            Panels::new(store.clone(), env.clone(), sealer.clone(), http_options(config), config.sync.share_percent);
        let settings = Settings::new(store.clone(), env.clone(), sealer.clone(), panels.clone(), config);
        let removals =
            Limits { percent: config.sync.removal_limit_percent, rows: u64::from(config.sync.removal_limit_rows) };
        let syncs = Syncs::new(store.clone(), env.clone(), sealer.clone(), panels.clone(), removals, runtime.clone());
        let limits = RequestLimits::new(env.clone());
        let accounts = Accounts::new(store.clone(), env.clone(), sealer.clone(), Hasher::new()?, limits.clone());
        let webhooks =
            Webhooks::new(store.clone(), env.clone(), sealer.clone(), settings.clone(), webhook_options(config))?;
        let mails = Mails::new(
            store.clone(),
            env.clone(),
            sealer.clone(),
            settings.clone(),
            limits.clone(),
            mail_options(config),
        );
        let watch = Watch::new(store.clone(), env.clone(), panels.clone(), webhooks.clone());
        let search = Search::new(store.clone(), env.clone(), config.search_dir());
        let services = Services {
            env: env.clone(),
            mails,
            sign_in: SignIn::new(accounts.clone(), settings.watch(), SignInOptions::default()),
            accounts,
            access: Access::new(store.clone(), env.clone()),
            limits,
            audit: Audit::new(store.clone(), env.clone(), sealer.clone()),
            book: Book::new(store.clone()).finding(search.finder()),
            jobs: Jobs::new(
                store.clone(),
                env.clone(),
                vec![sync::job_over, mails::job_over, schedules::job_over, webhooks::job_over],
            ),
            schedules: Schedules::new(store.clone(), env.clone(), settings.clone()),
            panels,
            syncs,
            settings,
            secrets,
            events: Events::new(store.clone()),
            webhooks,
            search,
            backups: Backups::new(store.clone(), env.clone(), backup_options(config)),
            live: Live::new(store.clone()),
            store,
            heartbeats: Heartbeats::new(env),
            options: web_options(config, &sealer),
        };
        let stop = watch::channel(false).0;
        let app = Self { services, watch, runner: None, runtime, workers: Vec::new(), stop };
        app.settle(config, is_new).await?;
        Ok(app)
    }

    /// Puts in order what an earlier process left behind, and adds the panel of the configuration to a new data file.
    async fn settle(&self, config: &Config, is_new: bool) -> Result<()> {
        let taken_back = self.services.jobs.recover().await?;
        if taken_back > 0 {
            info!(taken_back, "took back jobs that were cut short");
        }
        let broken = self.services.syncs.recover().await?;
        if broken > 0 {
            info!(broken, "marked syncs that were cut short as failed");
        }
        self.services.settings.load().await?;
        self.services.panels.resume_removals().await?;
        self.services.webhooks.recover().await?;
        if let Some(panel) = config.first_panel().filter(|_| is_new) {
            let new = NewPanel {
                name: panel.name.to_owned(),
                url: panel.url.to_owned(),
                app_key: panel.app_key.clone(),
                client_key: panel.client_key.cloned(),
                share_percent: None,
                sync_every_s: None,
            };
            let added = self.services.panels.add(&Actor::job("configuration"), new).await?;
            info!(panel.name = added.name, "added the panel of the configuration");
        }
        self.services.schedules.settle().await
    }

    /// Starts the workers: the jobs, the schedules, the watches over the audit trail and the disk, the accounts of the panels'
    /// users.
    pub fn start_workers(&mut self) {
        let mut bodies = bodies::all(&self.services);
        bodies.push(self.watch.body());
        self.run_jobs(bodies);
        let schedules = self.services.schedules.clone();
        self.again("schedules", SCHEDULES_LOOK_EVERY, move || {
            let schedules = schedules.clone();
            async move { schedules.tick().await }
        });
        let audit = self.services.audit.clone();
        self.every("audit", AUDIT_EVERY, move || {
            let audit = audit.clone();
            async move { audit.tick().await }
        });
        let accounts = self.services.accounts.clone();
        self.every("people", PEOPLE_EVERY, move || {
            let accounts = accounts.clone();
            async move { accounts.follow_panels().await }
        });
        let webhooks = self.services.webhooks.clone();
        self.every("webhooks", WEBHOOKS_EVERY, move || {
            let webhooks = webhooks.clone();
            async move { webhooks.recover().await }
        });
        let live = self.services.live.clone();
        self.again("live", LIVE_AFTER_FAULT, move || {
            let live = live.clone();
            async move { live.round().await.map(|()| Duration::ZERO) }
        });
        self.follow_for_search();
        let watch = self.watch.clone();
        self.every("disk", DISK_EVERY, move || {
            let watch = watch.clone();
            async move { watch.tick().await }
        });
    }

    /// Has the index follow the data file: woken by what changes, and once in a while to see that it lives.
    fn follow_for_search(&mut self) {
        let (search, heartbeats) = (self.services.search.clone(), self.services.heartbeats.clone());
        let mut stopped = self.stop.subscribe();
        self.workers.push(tokio::spawn(async move {
            loop {
                let done = alive(&search, &heartbeats).await;
                if let Err(error) = &done {
                    error!(%error, "the search index could not follow and tries again");
                }
                let next = async {
                    match done {
                        Ok(()) => search.due(SEARCH_LOOKS_EVERY).await,
                        Err(_) => tokio::time::sleep(SEARCH_RESTS).await,
                    }
                };
                tokio::select! {
                    _ = stopped.wait_for(|stopped| *stopped) => return,
                    () = next => {}
                }
            }
        }));
    }

    /// Does what a command asks for, while no server runs: syncs, and nothing else that waits.
    pub fn start_syncs(&mut self) {
        self.run_jobs(vec![self.services.syncs.body()]);
    }

    fn run_jobs(&mut self, bodies: Vec<(JobKind, Body)>) {
        let heartbeats = self.services.heartbeats.clone();
        let beat = move || heartbeats.beat(Heartbeats::JOBS, JOBS_ARE_DEAD_AFTER);
        self.runner = Some(self.services.jobs.start(bodies, &self.runtime, beat));
    }

    fn every<F>(&mut self, worker: &'static str, pause: Duration, round: impl Fn() -> F + Send + 'static)
    where
        F: Future<Output = Result<()>> + Send + 'static,
    {
        self.again(worker, pause, move || {
            let round = round();
            async move { round.await.map(|()| pause) }
        });
    }

    /// The same for a worker that knows how long there is nothing to do, which is never longer than `pause`.
    fn again<F>(&mut self, worker: &'static str, pause: Duration, round: impl Fn() -> F + Send + 'static)
    where
        F: Future<Output = Result<Duration>> + Send + 'static,
    {
        let heartbeats = self.services.heartbeats.clone();
        let mut stopped = self.stop.subscribe();
        self.workers.push(tokio::spawn(async move {
            heartbeats.beat(worker, pause * MISSED_ROUNDS);
            loop {
                let done = round().await;
                let idle = *done.as_ref().unwrap_or(&pause);
                let done = done.map(drop);
                heartbeats.after_round(worker, pause * MISSED_ROUNDS, &done);
                match done {
                    // The store says so itself, once.
                    Ok(()) | Err(Error::ReadOnly(_)) => {}
                    Err(error) => error!(%error, worker, "a worker failed in this round and tries again in the next"),
                }
                tokio::select! {
                    _ = stopped.wait_for(|stopped| *stopped) => return,
                    () = tokio::time::sleep(idle) => {}
                }
            }
        }));
    }

    /// From now on Aviary says that it is not ready, so that nobody sends it new work.
    pub fn begin_stop(&self) {
        self.services.heartbeats.stop();
        self.services.search.stop();
        self.services.live.end();
        self.stop.send_replace(true);
    }

    /// Stops what works in the background, phase by phase: jobs get their time and the rest is given back, workers end their
    /// round, what was only in memory is put on disk. The data file is closed when the last handle of the services is gone.
    pub async fn close(mut self) {
        self.begin_stop();
        if let Some(runner) = self.runner.take() {
            phase("jobs", runner.stop(JOBS_MAY_TAKE)).await;
        }
        let workers = std::mem::take(&mut self.workers);
        let ended = futures_util::future::join_all(workers);
        if tokio::time::timeout(WORKERS_MAY_TAKE, phase("workers", ended)).await.is_err() {
            warn!("a worker did not end its round in time and is broken off");
        }
        if let Err(error) = phase("search index", self.services.search.shut_down()).await {
            error!(%error, "the search index could not be put in order; it follows after the next start");
        }
        phase("backups", self.services.backups.shut_down()).await;
        phase("renewal of the master key", self.services.secrets.shut_down()).await;
        if let Err(error) = phase("audit trail", self.services.audit.shut_down()).await {
            error!(%error, "the last refusals could not be put on record");
        }
    }
}

/// A round of the index, with a sign of life while it gets on: making it anew takes minutes. That it cannot be used is no fault of the
/// worker, and shows by itself.
async fn alive(search: &Search, heartbeats: &Heartbeats) -> Result<()> {
    let round = search.tick();
    tokio::pin!(round);
    let mut seen = None;
    loop {
        let pulse = Some(search.pulse());
        if seen != pulse {
            seen = pulse;
            heartbeats.beat("search", SEARCH_LOOKS_EVERY * MISSED_ROUNDS);
        }
        tokio::select! {
            done = &mut round => {
                heartbeats.beat("search", SEARCH_LOOKS_EVERY * MISSED_ROUNDS);
                return done;
            }
            () = tokio::time::sleep(SEARCH_LOOKS_EVERY) => {}
        }
    }
}

/// Says how long a phase of the stop took.
async fn phase<T>(name: &str, work: impl Future<Output = T>) -> T {
    let began = Instant::now();
    let done = work.await;
    info!(phase = name, took_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX), "stopped: {name}");
    done
}

/// The folder of the data file, for its owner only.
pub(crate) fn make_data_dir(dir: &Path) -> Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(dir);
    made.map_err(|e| Error::Unusable(format!("the data directory {} cannot be made: {e}", dir.display())))
}

/// What is mirrored is nobody else's business, even where the data directory lets others in.
fn keep_to_owner(file: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let kept = std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o600));
    kept.map_err(|e| Error::Unusable(format!("{} cannot be kept from others: {e}", file.display())))
}

fn http_options(config: &Config) -> HttpOptions {
    let sync = &config.sync;
    HttpOptions {
        connect_timeout: sync.connect_timeout(),
        request_timeout: sync.request_timeout(),
        max_body_bytes: sync.max_body_bytes(),
        ca_file: sync.ca_file.clone(),
        concurrency: sync.concurrency.into(),
        ..HttpOptions::default()
    }
}

fn backup_options(config: &Config) -> BackupOptions {
    BackupOptions { dir: config.backup_dir(), keep: config.backup.keep as usize }
}

fn webhook_options(config: &Config) -> WebhookOptions {
    WebhookOptions {
        timeout: Duration::from_secs(config.webhooks.timeout_s.into()),
        outside: Outside { allowed: config.webhooks.allowed_networks.clone(), ..Outside::default() },
        ca_file: config.sync.ca_file.clone(),
    }
}

fn mail_options(config: &Config) -> MailOptions {
    let own_url = config.server.public_url.as_ref().map(|url| url.as_str().to_owned());
    MailOptions { own_url, http: http_options(config) }
}

fn web_options(config: &Config, sealer: &Sealer) -> WebOptions {
    WebOptions {
        api_key: config.security.api_key.clone(),
        form_key: sealer.derive("forms"),
        trusted_proxies: config.server.trusted_proxies.clone(),
        cors_origins: config.server.cors_origins.iter().map(|origin| origin.as_str().to_owned()).collect(),
        public_url: config.server.public_url.as_ref().map(|url| url.as_str().to_owned()),
    }
}
