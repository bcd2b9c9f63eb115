//! A program with invented panels, for the tests of the pages.

use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use actix_web::body::BoxBody;
use actix_web::cookie::Cookie;
use actix_web::dev::ServiceResponse;
use actix_web::http::StatusCode;
use actix_web::test::TestRequest;
use aviary_domain::access::{Access, Caller, Limits as RequestLimits, Refusal, SUPER_ADMIN};
use aviary_domain::accounts::{Accounts, Hasher, NewAccount};
use aviary_domain::audit::Audit;
use aviary_domain::events::Events;
use aviary_domain::jobs::{Jobs, Runner};
use aviary_domain::live::Live;
use aviary_domain::mails::{MailOptions, MailQuery, Mails, Site};
use aviary_domain::mirror::{Book, Draft, Writer};
use aviary_domain::ops::{BackupOptions, Backups, Heartbeats};
use aviary_domain::panels::{HttpOptions, NewPanel, Panels};
use aviary_domain::schedules::{self, Schedules};
use aviary_domain::search::Search;
use aviary_domain::secrets::{Keys, Secrets};
use aviary_domain::settings::Settings;
use aviary_domain::sign_in::{SignIn, SignInOptions};
use aviary_domain::sync::{self, Syncs};
use aviary_domain::webhooks::{NewTarget, NewWebhook, Outside, WebhookOptions, Webhooks};
use aviary_kernel::base::{Env, ManualClock, MasterKey, Sealer, Secret, Timestamp};
use aviary_kernel::config::{Config, KeySource};
use aviary_kernel::model::*;
use aviary_kernel::store::tables::{DELIVERIES, MISSING, REMOVAL_STOPS, SYNCS};
use aviary_kernel::store::{Options as StoreOptions, Store};

use crate::session::FormTokens;
use crate::{Options, Services};

pub(super) const EMAIL: &str = "mara@example.com";
pub(super) const PASSWORD: &str = "Right-1234";

/// Names that try to be more than names.
pub(super) const HOSTILE: [&str; 6] = [
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>",
    "\u{202e}gnp.exe\u{2066}",
    "a\u{0}b\u{7}\u{1b}[31m",
    "   ",
    "مرحبا بالعالم & <b>bold</b> '\"` {{ 7*7 }}",
];

pub(super) struct Fixture {
    pub(super) services: Services,
    pub(super) clock: Arc<ManualClock>,
    pub(super) sealer: Arc<Sealer>,
    site: crate::Site,
    _runner: Runner,
    _dir: tempfile::TempDir,
}

/// An answer, read to its end.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) location: String,
    /// What the page may do.
    pub(super) policy: String,
    /// The first of the cookies.
    pub(super) cookie: Option<Cookie<'static>>,
    pub(super) cookies: Vec<Cookie<'static>>,
    pub(super) body: String,
}

impl Fixture {
    pub(super) fn empty() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(StoreOptions::file(dir.path().join("aviary.redb"))).unwrap();
        let (env, clock) = Env::manual(Timestamp::parse("2026-03-14T09:41:07Z").unwrap());
        let key = MasterKey::parse(&"ab".repeat(32)).unwrap();
        let sealer = Arc::new(Sealer::new(&key));
        let keys = Keys::from_source(KeySource::Elsewhere("a test".into()), key, None);
        let panels = Panels::new(store.clone(), env.clone(), sealer.clone(), HttpOptions::default(), 80);
        let removals = sync::Limits { percent: 20, rows: 10 };
        let runtime = tokio::runtime::Handle::current();
        let syncs = Syncs::new(store.clone(), env.clone(), sealer.clone(), panels.clone(), removals, runtime.clone());
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
            options: Options {
                api_key: None,
                form_key: Secret::new(vec![7; 32]),
                trusted_proxies: Vec::new(),
                cors_origins: Vec::new(),
                public_url: None,
            },
            env,
            store,
            panels,
            syncs,
        };
        let runner = services.jobs.start(vec![services.syncs.body(), services.webhooks.body()], &runtime, || {});
        Self { site: crate::Site::new(services.clone()), services, clock, sealer, _runner: runner, _dir: dir }
    }

    /// One panel with a little of everything, all of it with hostile names.
    pub(super) async fn hostile() -> Self {
        let this = Self::empty();
        let panel = this.add_panel("Main <b>panel</b>", "https://panel.example.com").await;
        let long = format!("{}{}", HOSTILE[0], "long ".repeat(10_000));
        let sync = SyncId::from_u128(1);
        let writer = this.writer(panel, sync);
        apply(&writer, vec![location(1, HOSTILE[0]), location(2, HOSTILE[4])]).await;
        apply(&writer, vec![node(1, HOSTILE[1], 1), node(2, "over", 99)]).await;
        apply(&writer, (1..=80).map(|n| allocation(n, 1 + n % 2, n <= 20)).collect()).await;
        apply(&writer, vec![nest(1, HOSTILE[2])]).await;
        apply(&writer, vec![egg(1, HOSTILE[3], Some(1)), egg(2, "unused", Some(7))]).await;
        apply(&writer, vec![egg_variable(1, 1, HOSTILE[5])]).await;
        apply(&writer, (1..=6).map(|n| user(n, HOSTILE[n as usize - 1])).collect()).await;
        let servers = (1..=120).map(|n| {
            let mut server = server(n, HOSTILE[n as usize % 6], 1 + n % 7, 1 + n % 3, 1);
            server.description = (n == 1).then(|| long.clone());
            server.status = (n % 5 == 0).then(|| "installing".into());
            server.suspended = n % 9 == 0;
            server
        });
        apply(&writer, servers.collect()).await;
        apply(&writer, vec![database(1, 1, HOSTILE[0]), database(2, 999, HOSTILE[1])]).await;
        apply(
            &writer,
            vec![Subuser {
                id: 1,
                user_id: 2,
                server_id: 1,
                permissions: HOSTILE.map(str::to_owned).into(),
                created_at: None,
                updated_at: None,
            }],
        )
        .await;
        this.clock.advance_s(600);
        let mut changed = server(1, "renamed <i>server</i>", 1, 1, 1);
        changed.limits.memory = 8192;
        apply(&writer, vec![changed]).await;
        writer.remove(Kind::Server, vec![120]).await.unwrap();
        this.put_run(run(sync, panel, SyncStatus::NeedsReview, this.services.env.now())).await;
        this.put_stop(sync, panel).await;
        this.clock.advance_s(41);
        this
    }

    pub(super) async fn add_panel(&self, name: &str, url: &str) -> PanelId {
        let new = NewPanel {
            name: name.into(),
            url: url.into(),
            app_key: "ptla_secretsecret".into(),
            client_key: None,
            share_percent: None,
            sync_every_s: None,
        };
        let panel = self.services.panels.add(&Actor::job("test"), new).await.unwrap();
        self.services.panels.note_synced(panel.id).await.unwrap();
        panel.id
    }

    pub(super) fn writer(&self, panel: PanelId, sync: SyncId) -> Writer {
        Writer::new(self.services.store.clone(), self.services.env.clone(), self.sealer.clone(), panel, sync)
    }

    pub(super) async fn put_run(&self, run: SyncRun) {
        self.services.store.write(move |tx| tx.put(SYNCS, &run.id, &run).map(drop)).await.unwrap();
    }

    /// Removals that wait, and an object that is missing.
    pub(super) async fn put_stop(&self, sync: SyncId, panel: PanelId) {
        let at = self.services.env.now();
        let removal = Removal { kind: Kind::Server, held: 119, ids: (1..=60).collect(), over_limit: true };
        let stop =
            RemovalStop { sync, panel, at, removals: vec![removal], state: RemovalState::Waiting, decided: None };
        let object = ObjectKey { panel, kind: Kind::Server, id: 3 };
        self.services
            .store
            .write(move |tx| {
                tx.put(MISSING, &object, &Missing { object, since: at, sync })?;
                tx.put(REMOVAL_STOPS, &sync, &stop).map(drop)
            })
            .await
            .unwrap();
    }

    /// Waits until all that was committed can be found.
    pub(super) async fn searchable(&self) {
        self.services.search.caught_up().await.unwrap();
    }

    /// Sends a request as the program gets it.
    pub(super) async fn send(&self, request: TestRequest) -> Answer {
        self.program().await.ask(request).await
    }

    /// The program, for many requests.
    pub(super) async fn program(&self) -> Program {
        let app = Rc::new(actix_web::test::init_service(crate::app(&self.site)).await);
        Program(Box::new(move |request| {
            let app = app.clone();
            Box::pin(async move { read(actix_web::test::try_call_service(&*app, request.to_request()).await).await })
        }))
    }

    /// The cookie of somebody who may everything.
    pub(super) async fn sign_in(&self) -> Cookie<'static> {
        self.sign_in_as(EMAIL, SUPER_ADMIN).await
    }

    /// The cookie of somebody with this role, whose account is made when there is none.
    pub(super) async fn sign_in_as(&self, email: &str, role: &str) -> Cookie<'static> {
        let new = NewAccount {
            email: email.into(),
            username: None,
            password: Some(PASSWORD.into()),
            roles: vec![role.into()],
            verified: true,
        };
        let made = self.services.accounts.create(&Caller::command_line(), new).await;
        assert!(matches!(made, Ok(_) | Err(Refusal::EmailExists)), "{made:?}");
        let form = [("email", email), ("password", PASSWORD), ("next", "/admin")];
        self.send(same_origin(TestRequest::post().uri("/admin/login")).set_form(form)).await.cookie.unwrap()
    }

    pub(super) async fn get(&self, session: &Cookie<'static>, uri: &str) -> Answer {
        self.send(TestRequest::get().uri(uri).cookie(session.clone())).await
    }

    pub(super) async fn get_outside(&self, uri: &str) -> Answer {
        self.send(TestRequest::get().uri(uri)).await
    }

    /// Sends a form of a page for people who are not signed in.
    pub(super) async fn post_outside(&self, uri: &str, fields: &[(&str, &str)]) -> Answer {
        self.send(same_origin(TestRequest::post().uri(uri)).set_form(fields)).await
    }

    /// The path and query of the newest link that was mailed.
    pub(super) async fn mailed(&self) -> String {
        let site = Site { own_url: "http://own".into(), ..Site::default() };
        let (mails, owner) = (&self.services.mails, Caller::command_line());
        for line in mails.list(&owner, MailQuery::default()).await.unwrap().rows {
            if let Some(link) = mails.open(&owner, line.number, &site).await.unwrap().link {
                return link.trim_start_matches("http://own").to_owned();
            }
        }
        panic!("no link was mailed");
    }

    /// Sends a form as a browser would, with the token of the page it stands on.
    pub(super) async fn post(&self, session: &Cookie<'static>, uri: &str, fields: &[(&str, &str)]) -> Answer {
        let token = self.token_of(session).await;
        let fields: Vec<_> = fields.iter().copied().chain([("_token", token.as_str())]).collect();
        self.send(same_origin(TestRequest::post().uri(uri)).cookie(session.clone()).set_form(fields)).await
    }
}

impl Fixture {
    /// A webhook to an endpoint of one's own.
    pub(super) async fn webhook(&self, name: &str, url: &str, events: &[&str]) -> WebhookId {
        let new = NewWebhook {
            name: name.into(),
            description: String::new(),
            target: NewTarget::Http { url: url.into(), secret: None },
            topic: HookTopic::Custom,
            scope: HookScope::Admin,
            events: Some(events.iter().map(|text| (*text).to_owned()).collect()),
            panels: Vec::new(),
            least: Weight::Info,
        };
        self.services.webhooks.make(&Actor::job("test"), new).await.unwrap().webhook.id
    }

    /// Something that another program wants told; the event and its first delivery.
    pub(super) async fn told(&self, name: &str) -> (EventId, DeliveryId) {
        let told = self.services.webhooks.dispatch(&Actor::job("test"), name, &serde_json::Map::new()).await.unwrap();
        (told.event, told.deliveries[0])
    }

    /// Waits until nothing is on its way to a webhook.
    pub(super) async fn sent(&self, hook: WebhookId) {
        let mut changes = self.services.store.watch(DELIVERIES);
        while self.services.webhooks.require(hook).await.unwrap().counts.waiting > 0 {
            changes.changed().await.unwrap();
        }
    }
}

/// An answer that is on its way.
type Coming = Pin<Box<dyn Future<Output = Answer>>>;

/// The program, for many requests.
pub(super) struct Program(Box<dyn Fn(TestRequest) -> Coming>);

impl Program {
    /// Sends a request as the program gets it.
    pub(super) async fn ask(&self, request: TestRequest) -> Answer {
        (self.0)(request).await
    }
}

async fn read(answer: Result<ServiceResponse<BoxBody>, actix_web::Error>) -> Answer {
    let answer = match answer {
        Ok(answer) => answer.into_parts().1,
        Err(error) => error.error_response(),
    };
    let cookies: Vec<_> = answer.cookies().map(Cookie::into_owned).collect();
    let location = answer.headers().get("location").map(|to| to.to_str().unwrap().to_owned()).unwrap_or_default();
    let policy = answer.headers().get("content-security-policy").map(|it| it.to_str().unwrap().to_owned());
    let policy = policy.unwrap_or_default();
    let status = answer.status();
    let body = actix_web::body::to_bytes(answer.into_body()).await.unwrap();
    let cookie = cookies.first().cloned();
    Answer { status, location, policy, cookie, cookies, body: String::from_utf8(body.to_vec()).unwrap() }
}

impl Fixture {
    /// What forms of a session carry.
    pub(super) async fn token_of(&self, session: &Cookie<'static>) -> String {
        let caller = self.services.sign_in.by_cookie(session.value(), Origin::default()).await.unwrap().unwrap();
        FormTokens::new(&self.services.options.form_key).of(&caller)
    }
}

pub(super) fn same_origin(request: TestRequest) -> TestRequest {
    request.insert_header(("origin", "http://localhost:8080")).insert_header(("host", "localhost:8080"))
}

pub(super) fn form_token(page: &str) -> String {
    hidden(page, "_token")
}

/// What a form carries unseen.
pub(super) fn hidden(page: &str, name: &str) -> String {
    let (_, rest) =
        page.split_once(&format!("name=\"{name}\" value=\"")).unwrap_or_else(|| panic!("no {name}: {page}"));
    rest.split_once('"').unwrap().0.to_owned()
}

pub(super) async fn apply<T: Draft>(writer: &Writer, drafts: Vec<T>) {
    writer.apply(drafts).await.unwrap();
}

fn some_time() -> Option<Timestamp> {
    Timestamp::parse("2025-03-14T09:26:53Z")
}

pub(super) fn location(id: RemoteId, short: &str) -> Location {
    Location { id, short: short.into(), long: Some(HOSTILE[0].into()), created_at: some_time(), updated_at: None }
}

pub(super) fn node(id: RemoteId, name: &str, location: RemoteId) -> Node {
    Node {
        id,
        uuid: format!("node-{id}"),
        public: id.is_multiple_of(2),
        name: name.into(),
        description: Some(HOSTILE[1].into()),
        location_id: Some(location),
        fqdn: format!("n{id}.example.com"),
        scheme: "https".into(),
        behind_proxy: false,
        maintenance_mode: id == 2,
        memory: 131_072,
        memory_overallocate: 0,
        disk: 4_194_304,
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
        allocated_resources: Resources { memory: 137_216 / id as i64, disk: 2_900_000, cpu: None },
        created_at: some_time(),
        updated_at: None,
    }
}

pub(super) fn allocation(id: RemoteId, node_id: RemoteId, assigned: bool) -> Allocation {
    Allocation {
        id,
        node_id,
        ip: if id.is_multiple_of(10) { "2001:db8::7".into() } else { "203.0.113.44".into() },
        alias: (id == 1).then(|| HOSTILE[0].into()),
        port: 25_000 + u16::try_from(id).unwrap(),
        notes: None,
        assigned,
    }
}

pub(super) fn nest(id: RemoteId, name: &str) -> Nest {
    Nest {
        id,
        uuid: format!("nest-{id}"),
        author: HOSTILE[1].into(),
        name: name.into(),
        description: Some(HOSTILE[0].into()),
        created_at: some_time(),
        updated_at: None,
    }
}

pub(super) fn egg(id: RemoteId, name: &str, nest_id: Option<RemoteId>) -> Egg {
    Egg {
        id,
        uuid: format!("egg-{id}"),
        nest_id,
        name: name.into(),
        author: "support@example.com".into(),
        description: Some(HOSTILE[0].into()),
        docker_image: Some("ghcr.io/example/java:21".into()),
        docker_images: Pairs(vec![("Java 21".into(), "ghcr.io/example/java:21".into())]),
        config: EggConfig {
            files: JsonText("{}".into()),
            startup: JsonText("{}".into()),
            stop: Some("stop".into()),
            logs: JsonText("{}".into()),
            file_denylist: None,
            extends: None,
        },
        startup: Some("java -jar {{SERVER_JARFILE}}".into()),
        startup_commands: Pairs::default(),
        script: EggScript {
            privileged: false,
            install: Some("#!/bin/sh\necho <hi>".into()),
            entry: None,
            container: Some("alpine".into()),
            extends: None,
        },
        icon: None,
        features: None,
        tags: vec!["java".into()],
        created_at: some_time(),
        updated_at: None,
    }
}

pub(super) fn egg_variable(id: RemoteId, egg_id: RemoteId, name: &str) -> EggVariable {
    EggVariable {
        id,
        egg_id,
        name: name.into(),
        description: None,
        env_variable: "SERVER_JARFILE".into(),
        default_value: Scalar::Text("server.jar".into()),
        user_viewable: true,
        user_editable: true,
        rules: vec!["required|string".into()],
        sort: None,
        created_at: None,
        updated_at: None,
    }
}

pub(super) fn user(id: RemoteId, name: &str) -> User {
    User {
        id,
        external_id: None,
        uuid: format!("user-{id}"),
        username: name.into(),
        email: format!("u{id}@example.com"),
        first_name: Some("Kira".into()),
        last_name: Some(HOSTILE[0].into()),
        language: "en".into(),
        root_admin: id == 1,
        two_factor: id == 2,
        is_managed_externally: None,
        created_at: some_time(),
        updated_at: None,
    }
}

pub(super) fn server(id: RemoteId, name: &str, user_id: RemoteId, node_id: RemoteId, egg_id: RemoteId) -> Server {
    Server {
        id,
        external_id: Some(format!("inv-{id}")),
        uuid: format!("server-{id}"),
        identifier: format!("{id:08x}"),
        name: name.into(),
        description: None,
        status: None,
        suspended: false,
        limits: Limits {
            memory: if id.is_multiple_of(4) { 0 } else { 4096 },
            swap: 0,
            disk: 10_240,
            io: 500,
            cpu: 200,
            threads: None,
            oom_disabled: false,
        },
        feature_limits: FeatureLimits { databases: Some(2), allocations: None, backups: Some(3) },
        user_id,
        node_id,
        allocation_id: Some(id),
        nest_id: Some(1),
        egg_id,
        startup_command: HOSTILE[1].into(),
        image: "ghcr.io/example/java:21".into(),
        installed: true,
        environment: Pairs(vec![("SERVER_JARFILE".into(), Scalar::Text(HOSTILE[0].into()))]),
        allocations: Some(vec![id]),
        variables: Some(vec![
            ServerVariable { id: 1, env_variable: "SERVER_JARFILE".into(), server_value: Scalar::Null },
            ServerVariable {
                id: 2,
                env_variable: "TOKEN".into(),
                server_value: Scalar::Hidden(HiddenText::Clear("hunter2".into())),
            },
        ]),
        created_at: some_time(),
        updated_at: None,
    }
}

pub(super) fn database(id: RemoteId, server_id: RemoteId, name: &str) -> ServerDatabase {
    ServerDatabase {
        id,
        server_id,
        host_id: 1,
        database: name.into(),
        username: "u".into(),
        remote: "%".into(),
        max_connections: Some(0),
        created_at: some_time(),
        updated_at: None,
    }
}

pub(super) fn run(id: SyncId, panel: PanelId, status: SyncStatus, at: Timestamp) -> SyncRun {
    let steps = Target::ALL.into_iter().map(|target| StepReport {
        target,
        state: if status == SyncStatus::Failed && target == Target::Servers {
            StepState::Failed
        } else {
            StepState::Done
        },
        counts: Counts { total: 120, done: 120, created: 4, updated: 2, removed: 1, unchanged: 113, failed: 0 },
        requests: 8,
        took_ms: 412,
    });
    SyncRun {
        id,
        panel,
        targets: Target::ALL.to_vec(),
        requested_by: HOSTILE[0].into(),
        status,
        steps: steps.collect(),
        issues: vec![SyncIssue {
            target: Target::Servers,
            request: Some("GET /api/application/servers?page=3".into()),
            page: Some(3),
            object: Some(7),
            code: "timeout".into(),
            what: format!("the panel did not answer {}", HOSTILE[0]),
            remedy: "try again later".into(),
        }],
        issue_count: 3,
        requests: 64,
        budget: Some((240, 199)),
        created_at: at,
        started_at: Some(at),
        finished_at: Some(at.plus(Duration::from_millis(3100))),
        message: format!("stopped before {}", HOSTILE[1]),
        remaining_ms: None,
        progress: 60,
    }
}
