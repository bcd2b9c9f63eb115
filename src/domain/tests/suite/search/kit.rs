//! A data file with a little of everything, and an index beside it; no panel is asked.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use aviary_domain::audit::{self, Did};
use aviary_domain::mirror::{Draft, Writer};
use aviary_domain::panels::{NewPanel, Panels};
use aviary_domain::search::{Asked, Found, Place, Search, Sight, Subject};
use aviary_kernel::base::{Env, ManualClock, Secret, Timestamp};
use aviary_kernel::model::{
    Action, Actor, Allocation, Egg, EggConfig, EggScript, FeatureLimits, HiddenText, JsonText, Limits, Location, Node,
    Pairs, PanelId, RemoteId, Resources, Scalar, Server, ServerDatabase, ServerVariable, User,
};
use aviary_kernel::store::{Options, Store};
use tempfile::TempDir;
use uuid::Uuid;

use crate::lab::{quick, sealer, who};

/// When everything begins.
pub(crate) const START: &str = "2026-11-20T12:00:00Z";
/// A hidden variable of every server.
pub(crate) const SECRET: &str = "Xylophone77Hidden";

pub(crate) struct Kit {
    pub(crate) search: Search,
    pub(crate) store: Store,
    pub(crate) env: Env,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) panel: PanelId,
    pub(crate) panels: Panels,
    pub(crate) dir: TempDir,
}

impl Kit {
    /// Nothing but a panel called Main.
    pub(crate) async fn empty() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (env, clock) = Env::manual(Timestamp::parse(START).unwrap());
        let store = Store::open(Options::file(dir.path().join("aviary.redb"))).unwrap();
        let panels = Panels::new(store.clone(), env.clone(), sealer(), quick(), 80);
        let search = Search::new(store.clone(), env.clone(), dir.path().join("search"));
        let panel = add_panel(&panels, "Main").await;
        Self { search, store, env, clock, panel, panels, dir }
    }

    /// Three servers with all they need.
    pub(crate) async fn filled() -> Self {
        let kit = Self::empty().await;
        kit.fill(kit.panel).await;
        kit.search.caught_up().await.unwrap();
        kit
    }

    pub(crate) async fn fill(&self, panel: PanelId) {
        let place =
            Location { id: 1, short: "eu".into(), long: Some("Frankfurt".into()), created_at: None, updated_at: None };
        self.put(panel, vec![place]).await;
        self.put(panel, vec![node(1, "Alpha"), node(2, "Beta")]).await;
        let taken = Allocation { assigned: true, ..allocation(1, 1, "10.0.0.9", 25565) };
        let play = Allocation { alias: Some("play.example.net".into()), ..allocation(2, 1, "10.0.0.9", 25566) };
        self.put(panel, vec![taken, play, allocation(3, 2, "10.0.0.12", 25000)]).await;
        self.put(panel, vec![egg(1, "Paper"), egg(2, "Bungeecord")]).await;
        self.put(panel, vec![user(1, "ada"), user(2, "bob")]).await;
        let survival =
            Server { allocations: Some(vec![1]), allocation_id: Some(1), user_id: 1, ..server(11, "Survival One") };
        let lobby = Server { suspended: true, node_id: 2, ..server(12, "Café Lobby") };
        let creative = Server {
            description: Some("A quiet meadow for builders".into()),
            egg_id: 2,
            external_id: Some("billing-4711".into()),
            ..server(13, "creative_build.test")
        };
        self.put(panel, vec![survival, lobby, creative]).await;
        self.put(panel, vec![database(1, 11)]).await;
    }

    pub(crate) async fn put<T: Draft>(&self, panel: PanelId, drafts: Vec<T>) {
        let writer = Writer::new(self.store.clone(), self.env.clone(), sealer(), panel, Uuid::from_u128(5));
        writer.apply(drafts).await.unwrap();
    }

    pub(crate) async fn remove(&self, kind: aviary_kernel::model::Kind, ids: Vec<RemoteId>) {
        let writer = Writer::new(self.store.clone(), self.env.clone(), sealer(), self.panel, Uuid::from_u128(5));
        writer.remove(kind, ids).await.unwrap();
    }

    /// Somebody did something to `name`.
    pub(crate) async fn record(&self, action: Action, by: &str, name: &str) {
        let (env, by, name) = (self.env.clone(), Actor::job(by), name.to_owned());
        let did = Did::new(action).to("thing", 7, name);
        self.store.write(move |tx| audit::record(tx, &env, &by, did).map(drop)).await.unwrap();
    }

    pub(crate) fn search_dir(&self) -> PathBuf {
        self.dir.path().join("search")
    }

    /// The same index as another process finds it.
    pub(crate) fn reopened(&self) -> Search {
        Search::new(self.store.clone(), self.env.clone(), self.search_dir())
    }

    pub(crate) async fn find(&self, query: &str) -> Found {
        self.ask(asked(query)).await
    }

    pub(crate) async fn ask(&self, asked: Asked) -> Found {
        self.search.find(asked, all()).await.unwrap()
    }

    /// The titles of the objects that are found.
    pub(crate) async fn objects(&self, query: &str) -> Vec<String> {
        titles(&self.ask(Asked { subjects: object_subjects(), ..asked(query) }).await)
    }

    /// The names of the servers that are found.
    pub(crate) async fn servers(&self, query: &str) -> Vec<String> {
        titles(&self.ask(Asked { subjects: vec![Subject::Server], ..asked(query) }).await)
    }
}

pub(crate) async fn add_panel(panels: &Panels, name: &str) -> PanelId {
    let new = NewPanel {
        name: name.into(),
        url: format!("http://127.0.0.1:9/{}", name.to_lowercase()),
        app_key: Secret::from("ptla_SimulatedAp0123456789abcdefghijABCDEFGHIJxy"),
        client_key: None,
        share_percent: None,
        sync_every_s: None,
    };
    panels.add(&who(), new).await.unwrap().id
}

pub(crate) fn asked(query: &str) -> Asked {
    Asked { text: query.into(), limit: 200, ..Asked::default() }
}

pub(crate) fn all() -> Sight {
    Sight::of(|_| true)
}

pub(crate) fn object_subjects() -> Vec<Subject> {
    Subject::ALL.iter().copied().filter(|subject| subject.is_object()).collect()
}

pub(crate) fn titles(found: &Found) -> Vec<String> {
    found.hits.iter().map(|hit| hit.title.text()).collect()
}

pub(crate) fn places(found: &Found) -> Vec<Place> {
    found.hits.iter().map(|hit| hit.place.clone()).collect()
}

/// Copies a folder with what is in it, in the place of what is there.
pub(crate) fn copy(from: &Path, to: &Path) {
    drop(fs::remove_dir_all(to));
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().flatten() {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

fn uuid(kind: u64, id: u64) -> String {
    Uuid::from_u64_pair(0x1234_5678_0000_4000 + kind * 0x1_0000, 0x8000_0000_0000_0000 + id).to_string()
}

pub(crate) fn node(id: u64, name: &str) -> Node {
    Node {
        id,
        uuid: uuid(2, id),
        public: true,
        name: name.into(),
        description: None,
        location_id: Some(1),
        fqdn: format!("{}.nodes.example.com", name.to_lowercase()),
        scheme: "https".into(),
        behind_proxy: false,
        maintenance_mode: false,
        memory: 65536,
        memory_overallocate: 0,
        disk: 500_000,
        disk_overallocate: -1,
        cpu: None,
        cpu_overallocate: None,
        upload_size: 100,
        daemon_listen: 8080,
        daemon_sftp: 2022,
        daemon_base: "/var/lib".into(),
        daemon_sftp_alias: None,
        daemon_connect: None,
        tags: Vec::new(),
        allocated_resources: Resources::default(),
        created_at: None,
        updated_at: None,
    }
}

pub(crate) fn allocation(id: u64, node_id: u64, ip: &str, port: u16) -> Allocation {
    Allocation { id, node_id, ip: ip.into(), alias: None, port, notes: None, assigned: false }
}

fn egg(id: u64, name: &str) -> Egg {
    let nothing = || JsonText("{}".into());
    Egg {
        id,
        uuid: uuid(5, id),
        nest_id: None,
        name: name.into(),
        author: "support@example.org".into(),
        description: None,
        docker_image: None,
        docker_images: Pairs(vec![("Java 21".into(), "ghcr.io/x:java_21".into())]),
        config: EggConfig {
            files: nothing(),
            startup: nothing(),
            stop: None,
            logs: nothing(),
            file_denylist: None,
            extends: None,
        },
        startup: None,
        startup_commands: Pairs::default(),
        script: EggScript { privileged: true, install: None, entry: None, container: None, extends: None },
        icon: None,
        features: None,
        tags: Vec::new(),
        created_at: None,
        updated_at: None,
    }
}

pub(crate) fn user(id: u64, name: &str) -> User {
    User {
        id,
        external_id: None,
        uuid: uuid(7, id),
        username: name.into(),
        email: format!("{name}@players.example.com"),
        first_name: None,
        last_name: None,
        language: "en".into(),
        root_admin: false,
        two_factor: false,
        is_managed_externally: None,
        created_at: None,
        updated_at: None,
    }
}

pub(crate) fn server(id: u64, name: &str) -> Server {
    let hidden = Scalar::Hidden(HiddenText::Clear(Secret::from(SECRET)));
    Server {
        id,
        external_id: None,
        uuid: uuid(8, id),
        identifier: format!("ab{id:06x}"),
        name: name.into(),
        description: None,
        status: None,
        suspended: false,
        limits: Limits { memory: 4096, disk: 10_240, cpu: 200, ..Limits::default() },
        feature_limits: FeatureLimits::default(),
        user_id: 2,
        node_id: 1,
        allocation_id: None,
        nest_id: None,
        egg_id: 1,
        startup_command: "java".into(),
        image: "ghcr.io/x:java_21".into(),
        installed: true,
        environment: Pairs(Vec::new()),
        allocations: None,
        variables: Some(vec![
            ServerVariable { id: 1, env_variable: "JAR".into(), server_value: Scalar::Text("purpur.jar".into()) },
            ServerVariable { id: 2, env_variable: "TOKEN".into(), server_value: hidden },
        ]),
        created_at: None,
        updated_at: None,
    }
}

fn database(id: u64, server_id: u64) -> ServerDatabase {
    ServerDatabase {
        id,
        server_id,
        host_id: 1,
        database: format!("s{server_id}_data"),
        username: "u_keeper".into(),
        remote: "%".into(),
        max_connections: None,
        created_at: None,
        updated_at: None,
    }
}
