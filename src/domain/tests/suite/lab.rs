//! A mirror and a simulated panel side by side.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use aviary_domain::jobs::{Jobs, Runner};
use aviary_domain::mirror::{Book, Mirror};
use aviary_domain::panels::{HttpOptions, NewPanel, Panels};
use aviary_domain::schedules;
use aviary_domain::settings::Settings;
use aviary_domain::sync::{Limits, StartSync, Syncs};
use aviary_kernel::base::{Env, ManualClock, MasterKey, Sealer, Secret, Timestamp};
use aviary_kernel::config::Config;
use aviary_kernel::model::{
    Allocation, Egg, EggVariable, Kind, Location, Nest, Node, PanelId, RemoteId, Server, ServerDatabase, Subuser,
    SyncRun, SyncStatus, Target, User,
};
use aviary_kernel::store::{Options, Read, Span, Store, verify};
use aviary_sim::{PanelSpec, SimPanel};
use tempfile::TempDir;
use tokio::runtime::Handle;

pub struct Lab {
    pub dir: TempDir,
    pub sim: SimPanel,
    pub panel: PanelId,
    pub clock: Arc<ManualClock>,
    pub env: Env,
    pub store: Store,
    pub panels: Panels,
    pub syncs: Syncs,
    pub jobs: Jobs,
    pub book: Book,
    pub runner: Option<Runner>,
}

/// Fast enough for tests, otherwise as in real life.
pub fn quick() -> HttpOptions {
    HttpOptions {
        backoff: Duration::from_millis(1),
        request_timeout: Duration::from_secs(2),
        max_attempts: 3,
        ..HttpOptions::default()
    }
}

pub fn sealer() -> Arc<Sealer> {
    Arc::new(Sealer::new(&MasterKey::parse(&"07".repeat(32)).unwrap()))
}

fn services(store: &Store, env: &Env) -> (Panels, Syncs, Jobs) {
    let sealer = sealer();
    let panels = Panels::new(store.clone(), env.clone(), sealer.clone(), quick(), 80);
    let limits = Limits { percent: 20, rows: 10 };
    let syncs = Syncs::new(store.clone(), env.clone(), sealer, panels.clone(), limits, Handle::current());
    (panels, syncs, Jobs::new(store.clone(), env.clone(), vec![aviary_domain::sync::job_over, schedules::job_over]))
}

/// Does what waits for syncs.
fn run(jobs: &Jobs, syncs: &Syncs) -> Runner {
    jobs.start(vec![syncs.body()], &Handle::current(), || {})
}

impl Lab {
    pub async fn new(spec: PanelSpec) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let sim = SimPanel::start(PanelSpec { rate_limit: 0, client_rate_limit: 0, ..spec }).await.unwrap();
        let (env, clock) = Env::manual(Timestamp::parse("2026-01-01T00:00:00Z").unwrap());
        let store = Store::open(Options::file(dir.path().join("aviary.redb"))).unwrap();
        let (panels, syncs, jobs) = services(&store, &env);
        let new = NewPanel {
            name: "Main".into(),
            url: sim.url(),
            app_key: Secret::from(sim.app_key()),
            client_key: None,
            share_percent: None,
            sync_every_s: None,
        };
        let panel = panels.add(&who(), new).await.unwrap().id;
        let (book, runner) = (Book::new(store.clone()), Some(run(&jobs, &syncs)));
        Self { dir, sim, panel, clock, env, store, panels, syncs, jobs, book, runner }
    }

    /// The same, while nobody does what waits.
    pub async fn without_runner(mut self) -> Self {
        if let Some(runner) = self.runner.take() {
            runner.stop(Duration::from_secs(5)).await;
        }
        self
    }

    /// Closes everything without a word of goodbye and opens the file again.
    pub async fn crash(self) -> Self {
        let Self { dir, sim, panel, clock, env, store, panels, syncs, jobs, book, runner } = self;
        // What a killed process leaves is what was committed: a copy of the file as it is on disk.
        let copy = tempfile::tempdir().unwrap();
        std::fs::copy(dir.path().join("aviary.redb"), copy.path().join("aviary.redb")).unwrap();
        drop((runner, jobs, panels, syncs, book, store));
        let store = Store::open(Options::file(copy.path().join("aviary.redb"))).unwrap();
        let (panels, syncs, jobs) = services(&store, &env);
        jobs.recover().await.unwrap();
        syncs.recover().await.unwrap();
        let (book, runner) = (Book::new(store.clone()), Some(run(&jobs, &syncs)));
        Self { dir: copy, sim, panel, clock, env, store, panels, syncs, jobs, book, runner }
    }

    /// Settings that nobody changed, with automatic syncs as in a configuration.
    pub fn settings(&self, every_s: Option<u32>) -> Settings {
        self.settings_of(|config| config.sync.every_s = every_s)
    }

    pub fn settings_of(&self, configure: impl FnOnce(&mut Config)) -> Settings {
        let mut config = Config::default();
        configure(&mut config);
        Settings::new(self.store.clone(), self.env.clone(), sealer(), self.panels.clone(), &config)
    }

    pub async fn start(&self, targets: &[Target]) -> SyncRun {
        let wanted =
            StartSync { panel: self.panel, targets: targets.to_vec(), by: who(), requested_by: Some("test".into()) };
        self.syncs.start(wanted).await.unwrap().run
    }

    /// A full sync, to its end.
    pub async fn sync(&self) -> SyncRun {
        self.sync_only(&[]).await
    }

    pub async fn sync_only(&self, targets: &[Target]) -> SyncRun {
        self.clock.advance_s(60);
        let run = self.start(targets).await;
        self.syncs.wait(run.id).await.unwrap()
    }

    /// A full sync that must succeed.
    pub async fn clean_sync(&self) -> SyncRun {
        let run = self.sync().await;
        assert_eq!(run.status, SyncStatus::Completed, "{}: {:#?}", run.message, run.issues);
        run
    }

    pub fn ids<T: Mirror>(&self) -> BTreeSet<RemoteId> {
        let panel = self.panel;
        let rows = self.store.read_blocking(|tx| tx.all(T::table(), &Span::prefix(&panel))).unwrap();
        rows.into_iter().map(|((_, id), _)| id).collect()
    }

    pub fn get<T: Mirror>(&self, id: RemoteId) -> Option<T> {
        let panel = self.panel;
        self.store.read_blocking(|tx| tx.get(T::table(), &(panel, id))).unwrap().map(|row| row.data)
    }

    pub fn all_rows<T: Mirror>(&self) -> Vec<String> {
        let panel = self.panel;
        let rows = self.store.read_blocking(|tx| tx.all(T::table(), &Span::prefix(&panel))).unwrap();
        rows.into_iter().map(|(_, row)| format!("{:?}", row.data)).collect()
    }

    pub fn all_ids(&self) -> Vec<(Kind, BTreeSet<RemoteId>)> {
        vec![
            (Kind::Location, self.ids::<Location>()),
            (Kind::Node, self.ids::<Node>()),
            (Kind::Allocation, self.ids::<Allocation>()),
            (Kind::Nest, self.ids::<Nest>()),
            (Kind::Egg, self.ids::<Egg>()),
            (Kind::EggVariable, self.ids::<EggVariable>()),
            (Kind::User, self.ids::<User>()),
            (Kind::Server, self.ids::<Server>()),
            (Kind::Database, self.ids::<ServerDatabase>()),
            (Kind::Subuser, self.ids::<Subuser>()),
        ]
    }

    /// The mirror holds what the panel holds, no more and no less, and its indexes and counters agree with its rows.
    pub fn assert_same(&self) {
        let world = self.sim.with_world(|world| world.clone());
        let pelican = matches!(world.dialect, aviary_sim::Dialect::Pelican);
        let keys = |map: Vec<&u64>| map.into_iter().copied().collect::<BTreeSet<_>>();
        let variables: BTreeSet<_> = world.eggs.values().flat_map(|egg| egg.variables.iter().map(|v| v.id)).collect();
        let empty = BTreeSet::new();
        let wanted = [
            if pelican { empty.clone() } else { keys(world.locations.keys().collect()) },
            keys(world.nodes.keys().collect()),
            keys(world.allocations.keys().collect()),
            if pelican { empty } else { keys(world.nests.keys().collect()) },
            keys(world.eggs.keys().collect()),
            variables,
            keys(world.users.keys().collect()),
            keys(world.servers.keys().collect()),
            keys(world.databases.keys().collect()),
            keys(world.subusers.keys().collect()),
        ];
        for ((kind, held), wanted) in self.all_ids().into_iter().zip(wanted) {
            assert_eq!(held, wanted, "{kind:?}");
        }
        for server in world.servers.values() {
            self.assert_server(&world, server);
        }
        self.assert_sound();
    }

    fn assert_server(&self, world: &aviary_sim::World, theirs: &aviary_sim::world::Server) {
        let ours = self.get::<Server>(theirs.id).unwrap();
        let at = |what| format!("{what} of server {}", theirs.id);
        assert_eq!(ours.name, theirs.name, "{}", at("name"));
        assert_eq!(ours.uuid, theirs.uuid, "{}", at("uuid"));
        assert_eq!(ours.external_id, theirs.external_id, "{}", at("external id"));
        assert_eq!(ours.status, theirs.status, "{}", at("status"));
        assert_eq!(ours.user_id, theirs.user, "{}", at("owner"));
        assert_eq!(ours.node_id, theirs.node, "{}", at("node"));
        assert_eq!(ours.egg_id, theirs.egg, "{}", at("egg"));
        assert_eq!(ours.allocation_id, theirs.allocation, "{}", at("allocation"));
        assert_eq!(ours.startup_command, theirs.startup, "{}", at("startup"));
        assert_eq!(ours.image, theirs.image, "{}", at("image"));
        let assigned: BTreeSet<_> =
            world.allocations.values().filter(|a| a.server == Some(theirs.id)).map(|a| a.id).collect();
        assert_eq!(ours.allocations.unwrap().into_iter().collect::<BTreeSet<_>>(), assigned, "{}", at("allocations"));
    }

    /// Rows, indexes and counters agree.
    pub fn assert_sound(&self) {
        let report = self.store.read_blocking(verify).unwrap();
        assert!(report.is_clean(), "{report:#?}");
    }

    /// How many entries the history has, and how many commits the store made.
    pub fn history_len(&self) -> usize {
        self.store.read_blocking(|tx| tx.all(aviary_kernel::store::tables::HISTORY, &Span::all())).unwrap().len()
    }
}

/// A panel with something of everything.
pub fn small() -> PanelSpec {
    PanelSpec { servers: 40, users: 30, nodes: 4, allocations_per_node: 30, ..PanelSpec::default() }
}

/// Somebody, for the record.
pub fn who() -> aviary_kernel::model::Actor {
    aviary_kernel::model::Actor::job("test")
}
