//! Invented panels to look at: `AVIARY_SAMPLE=8765 cargo test -p aviary-web sample -- --ignored` serves them, signed in, until
//! it is stopped.

use std::net::TcpListener;
use std::time::Duration;

use actix_web::HttpServer;
use aviary_kernel::model::*;

use super::fixture::{self, Fixture, apply};
use crate::allow::Local;
use crate::{Site, app};

const WORDS: [&str; 16] = [
    "Hollow Pines",
    "rust-eu-main",
    "vanilla-tests",
    "orbis-hub",
    "modded-crew",
    "lobby-proxy",
    "factory-42",
    "ark-cluster-b",
    "unlimited-lab",
    "skyblock",
    "creative",
    "survival",
    "event-stage",
    "bedrock-bridge",
    "night-shift",
    "Ænglisc Söder 東京",
];
const PEOPLE: [(&str, &str); 8] = [
    ("kira", "Kira Vance"),
    ("oskar", "Oskar Lind"),
    ("jun", "Jun Park"),
    ("mara", "Mara Holt"),
    ("guild", "Hytale Guild"),
    ("tomas", "Tomáš Novák"),
    ("leila", "ليلى حداد"),
    ("ops", "Night Ops"),
];
const PLACES: [(&str, &str); 4] =
    [("fra", "Frankfurt"), ("ams", "Amsterdam"), ("nyc", "New York"), ("sgp", "Singapore")];

#[actix_web::test]
#[ignore = "serves pages to look at until it is stopped"]
async fn sample() {
    let port: u16 = std::env::var("AVIARY_SAMPLE").ok().and_then(|port| port.parse().ok()).unwrap_or(8765);
    let fixture = if std::env::var("AVIARY_SAMPLE_OF").is_ok_and(|of| of == "nothing") {
        Fixture::empty()
    } else if std::env::var("AVIARY_SAMPLE_OF").is_ok_and(|of| of == "hostile") {
        Fixture::hostile().await
    } else {
        two_panels().await
    };
    let site = Site::new(fixture.services.clone());
    let server = HttpServer::new(move || app(&site)).workers(1).on_connect(|_, data| {
        data.insert(Local);
    });
    server.listen(TcpListener::bind(("127.0.0.1", port)).unwrap()).unwrap().run().await.unwrap();
}

async fn two_panels() -> Fixture {
    let fixture = Fixture::empty();
    let main = fixture.add_panel("Main panel", "https://panel.hollowpines.example").await;
    let first = SyncId::from_u128(1);
    fill(&fixture, main, first, 1200, 18).await;
    let mut run = fixture::run(first, main, SyncStatus::Completed, fixture.services.env.now());
    tidy(&mut run);
    fixture.put_run(run).await;
    fixture.clock.advance_s(3600 * 5);
    let second = fixture.add_panel("Pelican test", "https://pelican.hollowpines.example").await;
    let pelican = SyncId::from_u128(2);
    fill(&fixture, second, pelican, 38, 3).await;
    fixture
        .services
        .panels
        .note_contact(
            second,
            Some(Dialect::Pelican),
            Reach { at: Some(fixture.services.env.now()), trouble: None, rate_limit: Some(240) },
        )
        .await
        .unwrap();
    let mut run = fixture::run(pelican, second, SyncStatus::Completed, fixture.services.env.now());
    tidy(&mut run);
    run.requests = 9;
    fixture.put_run(run).await;
    fixture.clock.advance_s(3600);
    changes(&fixture, main).await;
    let now = fixture.services.env.now();
    fixture
        .services
        .panels
        .note_contact(main, Some(Dialect::Pterodactyl), Reach { at: Some(now), trouble: None, rate_limit: Some(240) })
        .await
        .unwrap();
    fixture.services.panels.note_synced(main).await.unwrap();
    let mut run = fixture::run(SyncId::from_u128(4), second, SyncStatus::Failed, now);
    run.requested_by = "schedule".into();
    run.message = "the panel did not answer for 90 seconds; nothing was removed".into();
    fixture.put_run(run).await;
    let mut run = fixture::run(SyncId::from_u128(5), main, SyncStatus::NeedsReview, now);
    tidy(&mut run);
    run.message = "everything was read and written; 60 servers would go, which a person must decide".into();
    fixture.put_run(run).await;
    fixture.put_stop(SyncId::from_u128(5), main).await;
    let mut run = fixture::run(SyncId::from_u128(6), second, SyncStatus::Running, now);
    tidy(&mut run);
    run.finished_at = None;
    run.remaining_ms = Some(2400);
    run.message = "reading servers, page 7 of 12".into();
    for (at, step) in run.steps.iter_mut().enumerate().skip(5) {
        step.state = if at == 5 { StepState::Running } else { StepState::Waiting };
        step.counts = Counts {
            total: 1204,
            done: if at == 5 { 740 } else { 0 },
            unchanged: if at == 5 { 731 } else { 0 },
            updated: if at == 5 { 9 } else { 0 },
            ..Counts::default()
        };
        step.took_ms = 0;
    }
    fixture.put_run(run).await;
    fixture.clock.advance_s(41);
    fixture
}

fn tidy(run: &mut SyncRun) {
    run.requested_by = "schedule".into();
    run.message = "everything is up to date".into();
    run.issues.clear();
    run.issue_count = 0;
}

async fn fill(fixture: &Fixture, panel: PanelId, sync: SyncId, servers: u64, nodes: u64) {
    let writer = fixture.writer(panel, sync);
    let place = |n: u64| PLACES[(n as usize - 1) % 4];
    apply(
        &writer,
        (1..=4).map(|n| Location { long: Some(place(n).1.into()), ..fixture::location(n, place(n).0) }).collect(),
    )
    .await;
    apply(
        &writer,
        (1..=nodes)
            .map(|n| {
                let mut node = fixture::node(n, &format!("{}-{:02}", place(1 + n % 4).0, n), 1 + n % 4);
                node.description = None;
                node.memory = 131_072 << (n % 2);
                node.memory_overallocate = if n % 3 == 0 { 20 } else { 0 };
                node.allocated_resources = Resources {
                    memory: (n as i64 * 37_111) % 143_000 + 8_000,
                    disk: (n as i64 * 777_777) % 4_000_000,
                    cpu: None,
                };
                node.maintenance_mode = n == 5;
                node.public = true;
                node
            })
            .collect(),
    )
    .await;
    apply(
        &writer,
        (1..=servers * 2)
            .map(|n| Allocation {
                ip: format!("203.0.113.{}", 10 + n % nodes),
                alias: None,
                port: 25_000 + (n % 20_000) as u16,
                ..fixture::allocation(n, 1 + n % nodes, n <= servers)
            })
            .collect(),
    )
    .await;
    apply(&writer, vec![named_nest(1, "Minecraft"), named_nest(2, "Source Engine"), named_nest(3, "Hytale")]).await;
    apply(
        &writer,
        ["Paper", "Vanilla", "Forge", "Velocity", "Rust", "ARK", "Factorio", "Orbis"]
            .iter()
            .zip(1..)
            .map(|(name, n)| Egg { description: None, ..fixture::egg(n, name, Some(1 + n % 3)) })
            .collect(),
    )
    .await;
    apply(&writer, (1..=8).map(|n| fixture::egg_variable(n, n, "Server jar file")).collect()).await;
    apply(
        &writer,
        (1..=servers * 2)
            .map(|n| {
                let (name, full) = PEOPLE[n as usize % 8];
                let (first, last) = full.split_once(' ').unwrap();
                User {
                    username: if n <= 8 { name.into() } else { format!("{name}{n}") },
                    email: format!("{name}{n}@pines.example"),
                    first_name: Some(first.into()),
                    last_name: Some(last.into()),
                    root_admin: n % 300 == 1,
                    two_factor: n % 4 == 1,
                    ..fixture::user(n, "")
                }
            })
            .collect(),
    )
    .await;
    let servers = (1..=servers).map(|n| {
        let word = WORDS[n as usize % 16];
        let mut server = fixture::server(
            n,
            &if n <= 16 { word.to_owned() } else { format!("{word} {n}") },
            1 + n % 40,
            1 + n % nodes,
            1 + n % 7,
        );
        server.identifier = format!("{:08x}", n.wrapping_mul(2_654_435_761) as u32);
        server.status = match n {
            44 | 45 => Some("installing".into()),
            91 => Some("install_failed".into()),
            _ => None,
        };
        server.suspended = n % 29 == 0;
        server.limits.memory = [0, 1024, 2048, 4096, 6144, 16_384][n as usize % 6];
        server.limits.disk = [10_240, 0, 20_480, 61_440][n as usize % 4];
        server.startup_command =
            "java -Xms128M -Xmx{{SERVER_MEMORY}}M -Dterminal.jline=false -jar {{SERVER_JARFILE}}".into();
        server.environment = Pairs(vec![("SERVER_JARFILE".into(), Scalar::Text("server.jar".into()))]);
        server
    });
    apply(&writer, servers.collect()).await;
    apply(&writer, (1..=30).map(|n| fixture::database(n, n, &format!("s{n}_main"))).collect()).await;
    apply(
        &writer,
        (1..=6)
            .map(|n| Subuser {
                id: n,
                user_id: 10 + n,
                server_id: 3,
                permissions: vec!["control.console".into(), "file.read".into()],
                created_at: None,
                updated_at: None,
            })
            .collect(),
    )
    .await;
}

fn named_nest(id: RemoteId, name: &str) -> Nest {
    Nest {
        author: "support@pterodactyl.io".into(),
        description: Some(format!("Eggs for {name}.")),
        ..fixture::nest(id, name)
    }
}

async fn changes(fixture: &Fixture, panel: PanelId) {
    let book = &fixture.services.book;
    let writer = fixture.writer(panel, SyncId::from_u128(3));
    let read = async |id| book.require::<Server>(panel, id).await.unwrap().data;
    let mut server = read(2).await;
    server.variables = Some(vec![ServerVariable {
        id: 1,
        env_variable: "SERVER_JARFILE".into(),
        server_value: Scalar::Text("paper.jar".into()),
    }]);
    apply(&writer, vec![server]).await;
    fixture.clock.advance_s(1800);
    writer.remove(Kind::Server, vec![1199]).await.unwrap();
    fixture.clock.advance(Duration::from_secs(700));
    let mut server = read(2).await;
    server.limits.memory = 6144;
    server.feature_limits.backups = Some(5);
    apply(&writer, vec![server]).await;
    fixture.clock.advance(Duration::from_secs(700));
    let mut server = read(1).await;
    server.suspended = true;
    apply(&writer, vec![server]).await;
    fixture.clock.advance_s(240);
    apply(&writer, vec![fixture::server(1301, "Hollow Pines SMP", 1, 3, 1)]).await;
    let mut run = fixture::run(SyncId::from_u128(3), panel, SyncStatus::Completed, fixture.services.env.now());
    tidy(&mut run);
    fixture.put_run(run).await;
}
