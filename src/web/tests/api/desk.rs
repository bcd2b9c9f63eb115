//! What every test starts from.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::ServiceResponse;
use actix_web::http::Method;
use actix_web::http::header::HeaderMap;
use actix_web::test::{self, TestRequest};
use aviary_domain::access::{Access, Caller, Limits as RequestLimits, Refusal, SUPER_ADMIN};
use aviary_domain::accounts::{Accounts, Hasher, NewAccount};
use aviary_domain::audit::Audit;
use aviary_domain::events::Events;
use aviary_domain::jobs::{Jobs, Runner};
use aviary_domain::live::Live;
use aviary_domain::mails::{MailOptions, MailQuery, Mails, Site as Letters};
use aviary_domain::mirror::{Book, Writer};
use aviary_domain::ops::{BackupOptions, Backups, Heartbeats};
use aviary_domain::panels::{HttpOptions, NewPanel, Panels};
use aviary_domain::schedules::{self, Schedules};
use aviary_domain::search::Search;
use aviary_domain::secrets::{Keys, Secrets};
use aviary_domain::settings::Settings;
use aviary_domain::sign_in::{Credentials, SignIn, SignInOptions, SignedIn};
use aviary_domain::sync::{Limits, Syncs};
use aviary_domain::webhooks::{Outside, WebhookOptions, Webhooks};
use aviary_kernel::base::{Env, ManualClock, MasterKey, Sealer, Secret, Timestamp};
use aviary_kernel::config::{Config, KeySource};
use aviary_kernel::model::{
    Actor, Allocation, Egg, EggConfig, EggScript, EggVariable, FeatureLimits, JsonText, Limits as ServerLimits,
    Location, Nest, Node, Origin, Pairs, PanelId, Resources, Scalar, Server, ServerDatabase, ServerVariable,
    SessionKind, Subuser, SyncId, User,
};
use aviary_kernel::store::{self, Store};
use aviary_web::{Options, Services, Site, app};
use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;
use serde_json::Value;
use tempfile::TempDir;
use tokio::sync::OnceCell;

pub(crate) const KEY: &str = "the key of these tests";
pub(crate) const PASSWORD: &str = "Right-1234";
pub(crate) const HISTORY_SYNC: SyncId = SyncId::from_u128(77);

/// Aviary with a data file of its own, without doors.
pub(crate) struct Desk {
    pub(crate) services: Services,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) sealer: Arc<Sealer>,
    pub(crate) dir: TempDir,
    runner: Runner,
    site: Site,
    /// The program as a worker answers with it, once it was needed.
    service: OnceCell<Service>,
    /// The access token of somebody who may everything, once it was needed.
    admin: OnceCell<String>,
}

/// What came back.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|e| panic!("{e}: {}", self.body))
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// The JSON of a 200.
    #[track_caller]
    pub(crate) fn ok(&self) -> Value {
        assert_eq!(self.status, 200, "{}", self.body);
        self.json()
    }

    /// The text of a problem with this status.
    #[track_caller]
    pub(crate) fn problem(&self, status: u16) -> String {
        assert_eq!(self.status, status, "{}", self.body);
        assert_eq!(self.header("content-type"), Some("application/problem+json"));
        let body = self.json();
        assert_eq!(
            (&body["success"], &body["status"], &body["detail"]),
            (&Value::Bool(false), &Value::from(status), &body["error"])
        );
        assert_eq!(body["requestId"].as_str(), self.header("x-request-id"));
        body["error"].as_str().unwrap().to_owned()
    }
}

/// Answers requests.
type Service =
    Box<dyn Fn(actix_http::Request) -> LocalBoxFuture<'static, Result<ServiceResponse<BoxBody>, actix_web::Error>>>;

async fn service(site: &Site) -> Service {
    let service = Rc::new(test::init_service(app(site)).await);
    Box::new(move |request| {
        let service = service.clone();
        async move { test::try_call_service(&*service, request).await }.boxed_local()
    })
}

impl Desk {
    /// Nothing in it.
    pub(crate) fn empty() -> Self {
        Self::with(|_| {})
    }

    pub(crate) fn with(change: impl FnOnce(&mut Options)) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (env, clock) = Env::manual(Timestamp::parse("2026-03-01T12:00:00Z").unwrap());
        let store = Store::open(store::Options::file(dir.path().join("aviary.redb"))).unwrap();
        let key = MasterKey::parse(&"07".repeat(32)).unwrap();
        let sealer = Arc::new(Sealer::new(&key));
        let keys = Keys::from_source(KeySource::Elsewhere("a test".into()), key, None);
        let http = HttpOptions { max_attempts: 1, backoff: Duration::from_millis(1), ..HttpOptions::default() };
        let panels = Panels::new(store.clone(), env.clone(), sealer.clone(), http, 80);
        let runtime = tokio::runtime::Handle::current();
        let removals = Limits { percent: 20, rows: 10 };
        let mut options = Options {
            api_key: Some(KEY.into()),
            form_key: Secret::new(vec![1; 32]),
            trusted_proxies: Vec::new(),
            cors_origins: vec!["https://www.example.com".into()],
            public_url: Some("http://aviary.test".into()),
        };
        change(&mut options);
        let limits = RequestLimits::new(env.clone());
        let hasher = Hasher::weak().unwrap();
        let accounts = Accounts::new(store.clone(), env.clone(), sealer.clone(), hasher, limits.clone());
        let settings = Settings::new(store.clone(), env.clone(), sealer.clone(), panels.clone(), &Config::default());
        let hooks = WebhookOptions {
            timeout: Duration::from_secs(5),
            outside: Outside { allowed: vec!["127.0.0.0/8".parse().unwrap()], ..Outside::default() },
            ca_file: None,
        };
        let webhooks = Webhooks::new(store.clone(), env.clone(), sealer.clone(), settings.clone(), hooks).unwrap();
        let services = Services {
            events: Events::new(store.clone()),
            webhooks,
            sign_in: SignIn::new(accounts.clone(), settings.watch(), SignInOptions::default()),
            mails: Mails::new(
                store.clone(),
                env.clone(),
                sealer.clone(),
                settings.clone(),
                limits.clone(),
                MailOptions::default(),
            ),
            accounts,
            access: Access::new(store.clone(), env.clone()),
            limits,
            syncs: Syncs::new(store.clone(), env.clone(), sealer.clone(), panels.clone(), removals, runtime.clone()),
            audit: Audit::new(store.clone(), env.clone(), sealer.clone()),
            book: Book::new(store.clone()),
            jobs: Jobs::new(store.clone(), env.clone(), vec![schedules::job_over]),
            schedules: Schedules::new(store.clone(), env.clone(), settings.clone()),
            secrets: Secrets::new(store.clone(), env.clone(), sealer.clone(), &keys, runtime.clone()),
            settings,
            backups: Backups::new(
                store.clone(),
                env.clone(),
                BackupOptions { dir: dir.path().join("backups"), keep: 7 },
            ),
            live: Live::new(store.clone()),
            search: Search::new(store.clone(), env.clone(), dir.path().join("search")),
            heartbeats: Heartbeats::new(env.clone()),
            env,
            store,
            panels,
            options,
        };
        let runner = services.jobs.start(vec![services.syncs.body(), services.webhooks.body()], &runtime, || {});
        Self {
            runner,
            site: Site::new(services.clone()),
            admin: OnceCell::new(),
            service: OnceCell::new(),
            services,
            clock,
            sealer,
            dir,
        }
    }

    /// Stops what is at work.
    pub(crate) async fn stop(self) {
        self.runner.stop(Duration::from_secs(5)).await;
    }

    /// Two panels with a small world on the first and a few things on the second.
    pub(crate) async fn furnished() -> Self {
        let desk = Self::empty();
        let main = desk.panel("main", "http://127.0.0.1:1").await;
        let other = desk.panel("other", "http://127.0.0.1:2").await;
        desk.fill_main(main).await;
        let writer = desk.writer(other);
        writer.apply(vec![location(1, "us")]).await.unwrap();
        writer.apply(vec![node(1, "Gamma", Some(1))]).await.unwrap();
        desk
    }

    pub(crate) async fn panel(&self, name: &str, url: &str) -> PanelId {
        let new = NewPanel {
            name: name.into(),
            url: url.into(),
            app_key: "ptla_test".into(),
            client_key: None,
            share_percent: None,
            sync_every_s: None,
        };
        self.services.panels.add(&Actor::job("test"), new).await.unwrap().id
    }

    pub(crate) fn writer(&self, panel: PanelId) -> Writer {
        let Services { store, env, .. } = self.services.clone();
        Writer::new(store, env, self.sealer.clone(), panel, HISTORY_SYNC)
    }

    async fn fill_main(&self, panel: PanelId) {
        let writer = self.writer(panel);
        writer.apply(vec![location(1, "eu"), location(2, "asia")]).await.unwrap();
        let beta = Node { public: false, maintenance_mode: true, ..node(2, "Beta", None) };
        writer.apply(vec![node(1, "Alpha", Some(1)), beta]).await.unwrap();
        let play = Allocation { alias: Some("play.example".into()), ..allocation(2, 1, "10.0.0.10", 25566) };
        let taken = Allocation { assigned: true, ..allocation(1, 1, "10.0.0.9", 25565) };
        writer.apply(vec![taken, play, allocation(3, 2, "10.0.0.2", 25000)]).await.unwrap();
        writer.apply(vec![nest(1, "Minecraft"), nest(2, "Arma")]).await.unwrap();
        writer.apply(vec![egg(1, "Paper", 1), egg(2, "Antistasi", 2), egg(3, "Bungee", 1)]).await.unwrap();
        writer.apply(vec![variable(1, 1)]).await.unwrap();
        let week_old = Some(Timestamp::parse("2026-02-27T00:00:00Z").unwrap());
        let ada = User { root_admin: true, created_at: week_old, ..user(1, "ada") };
        writer.apply(vec![ada, user(2, "bob")]).await.unwrap();
        let survival =
            Server { allocations: Some(vec![1]), allocation_id: Some(1), user_id: 1, ..server(11, "Survival") };
        let lobby = Server { suspended: true, ..server(12, "Lobby") };
        let creative = Server {
            status: Some("installing".into()),
            node_id: 2,
            egg_id: 2,
            nest_id: Some(2),
            ..server(13, "Creative")
        };
        writer.apply(vec![survival, lobby, creative]).await.unwrap();
        writer.apply(vec![database(1, 11)]).await.unwrap();
        let permissions = vec!["control.console".into()];
        writer
            .apply(vec![Subuser { id: 1, user_id: 2, server_id: 11, permissions, created_at: None, updated_at: None }])
            .await
            .unwrap();
    }

    pub(crate) async fn call(&self, request: TestRequest) -> Answer {
        let (mut answer, body) = self.begin(request).await;
        answer.body = String::from_utf8_lossy(&actix_web::body::to_bytes(body).await.unwrap()).into_owned();
        answer
    }

    /// As [`Desk::call`], but only the first piece of the body is waited for: a stream may have no end.
    pub(crate) async fn glance(&self, request: TestRequest) -> Answer {
        let (mut answer, mut body) = self.begin(request).await;
        let piece = std::future::poll_fn(|context| std::pin::Pin::new(&mut body).poll_next(context)).await;
        let piece = piece.transpose().unwrap().unwrap_or_default();
        answer.body = String::from_utf8_lossy(&piece).into_owned();
        answer
    }

    /// Waits until all that was committed can be found.
    pub(crate) async fn searchable(&self) {
        self.services.search.caught_up().await.unwrap();
    }

    /// The head of an answer, and its body as it comes.
    pub(crate) async fn begin(&self, request: TestRequest) -> (Answer, BoxBody) {
        let service = self.service.get_or_init(|| service(&self.site)).await;
        let response = match service(request.to_request()).await {
            Ok(response) => response.into_parts().1,
            Err(fault) => fault.error_response(),
        };
        let (head, body) = response.into_parts();
        let answer = Answer { status: head.status().as_u16(), headers: head.headers().clone(), body: String::new() };
        (answer, body.boxed())
    }

    /// An account with these roles, which is made when there is none; its access token.
    pub(crate) async fn token_of(&self, email: &str, roles: &[&str]) -> String {
        let new = NewAccount {
            email: email.into(),
            username: None,
            password: Some(PASSWORD.into()),
            roles: roles.iter().map(|role| (*role).to_owned()).collect(),
            verified: true,
        };
        let made = self.services.accounts.create(&Caller::command_line(), new).await;
        assert!(matches!(made, Ok(_) | Err(Refusal::EmailExists)), "{made:?}");
        self.enter(email, SessionKind::Api).await.access.unwrap().text.reveal().clone()
    }

    /// Signs in with the password of all accounts here.
    pub(crate) async fn enter(&self, email: &str, kind: SessionKind) -> SignedIn {
        let credentials = Credentials { email: email.into(), password: PASSWORD.into(), code: None };
        self.services.sign_in.sign_in(Origin::default(), credentials, kind).await.unwrap()
    }

    /// Reads as somebody who may everything.
    pub(crate) async fn read(&self, path: &str) -> Answer {
        self.as_admin(Method::GET, path, Value::Null).await
    }

    /// Asks as somebody who may everything.
    pub(crate) async fn as_admin(&self, method: Method, path: &str, body: Value) -> Answer {
        let token = self.admin.get_or_init(|| self.token_of("mara@example.com", &[SUPER_ADMIN])).await;
        self.by(token, method, path, body).await
    }

    /// Asks with an access token.
    pub(crate) async fn by(&self, token: &str, method: Method, path: &str, body: Value) -> Answer {
        let request =
            TestRequest::with_uri(path).method(method).insert_header(("authorization", format!("Bearer {token}")));
        self.call(if body.is_null() { request } else { request.set_json(body) }).await
    }

    /// The token of the last link that was mailed.
    pub(crate) async fn mailed_token(&self) -> String {
        let (mails, owner) = (&self.services.mails, Caller::command_line());
        for line in mails.list(&owner, MailQuery::default()).await.unwrap().rows {
            if let Some(link) = mails.open(&owner, line.number, &Letters::default()).await.unwrap().link {
                return link.split_once("token=").unwrap().1.split('&').next().unwrap().to_owned();
            }
        }
        panic!("no link was mailed");
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.call(keyed(TestRequest::get().uri(path))).await
    }

    pub(crate) async fn anonymous(&self, path: &str) -> Answer {
        self.call(TestRequest::get().uri(path)).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.call(keyed(TestRequest::post().uri(path)).set_json(body)).await
    }

    pub(crate) async fn send(&self, method: Method, path: &str) -> Answer {
        self.call(keyed(TestRequest::with_uri(path).method(method))).await
    }
}

pub(crate) fn keyed(request: TestRequest) -> TestRequest {
    request.insert_header(("x-api-key", KEY))
}

fn uuid(kind: u16, id: u64) -> String {
    format!("00000000-0000-4000-8000-{kind:04x}{id:08x}")
}

fn made() -> Option<Timestamp> {
    Timestamp::parse("2025-01-01T00:00:00Z")
}

pub(crate) fn location(id: u64, short: &str) -> Location {
    Location {
        id,
        short: short.into(),
        long: Some(format!("The region {short}")),
        created_at: made(),
        updated_at: made(),
    }
}

pub(crate) fn node(id: u64, name: &str, location_id: Option<u64>) -> Node {
    Node {
        id,
        uuid: uuid(2, id),
        public: true,
        name: name.into(),
        description: None,
        location_id,
        fqdn: format!("{}.example.com", name.to_lowercase()),
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
        daemon_base: "/var/lib/pterodactyl/volumes".into(),
        daemon_sftp_alias: None,
        daemon_connect: None,
        tags: Vec::new(),
        allocated_resources: Resources::default(),
        created_at: made(),
        updated_at: None,
    }
}

fn allocation(id: u64, node_id: u64, ip: &str, port: u16) -> Allocation {
    Allocation { id, node_id, ip: ip.into(), alias: None, port, notes: None, assigned: false }
}

fn nest(id: u64, name: &str) -> Nest {
    Nest {
        id,
        uuid: uuid(4, id),
        author: "support@example.com".into(),
        name: name.into(),
        description: None,
        created_at: made(),
        updated_at: None,
    }
}

fn egg(id: u64, name: &str, nest: u64) -> Egg {
    let nothing = || JsonText("{}".into());
    Egg {
        id,
        uuid: uuid(5, id),
        nest_id: Some(nest),
        name: name.into(),
        author: "support@example.com".into(),
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
        created_at: made(),
        updated_at: None,
    }
}

fn variable(id: u64, egg_id: u64) -> EggVariable {
    EggVariable {
        id,
        egg_id,
        name: "Jar file".into(),
        description: None,
        env_variable: "JAR".into(),
        default_value: Scalar::Text("server.jar".into()),
        user_viewable: true,
        user_editable: true,
        rules: vec!["required|string".into()],
        sort: None,
        created_at: made(),
        updated_at: None,
    }
}

pub(crate) fn user(id: u64, name: &str) -> User {
    User {
        id,
        external_id: None,
        uuid: uuid(7, id),
        username: name.into(),
        email: format!("{name}@example.com"),
        first_name: None,
        last_name: None,
        language: "en".into(),
        root_admin: false,
        two_factor: false,
        is_managed_externally: None,
        created_at: made(),
        updated_at: None,
    }
}

pub(crate) fn server(id: u64, name: &str) -> Server {
    Server {
        id,
        external_id: None,
        uuid: uuid(8, id),
        identifier: format!("{id:08x}"),
        name: name.into(),
        description: None,
        status: None,
        suspended: false,
        limits: ServerLimits { memory: 4096, disk: 10_240, cpu: 200, ..ServerLimits::default() },
        feature_limits: FeatureLimits::default(),
        user_id: 2,
        node_id: 1,
        allocation_id: None,
        nest_id: Some(1),
        egg_id: 1,
        startup_command: "java".into(),
        image: "ghcr.io/x:java_21".into(),
        installed: true,
        environment: Pairs(vec![("JAR".into(), Scalar::Text("paper.jar".into()))]),
        allocations: None,
        variables: Some(vec![ServerVariable { id: 1, env_variable: "JAR".into(), server_value: Scalar::Null }]),
        created_at: Timestamp::parse(&format!("2025-02-{id:02}T00:00:00Z")),
        updated_at: None,
    }
}

fn database(id: u64, server_id: u64) -> ServerDatabase {
    ServerDatabase {
        id,
        server_id,
        host_id: 1,
        database: format!("s{server_id}_data"),
        username: "u".into(),
        remote: "%".into(),
        max_connections: None,
        created_at: made(),
        updated_at: None,
    }
}
