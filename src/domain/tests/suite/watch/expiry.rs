//! Certificates and keys whose time is nearly over.

use std::sync::Arc;
use std::time::Duration;

use aviary_domain::jobs::Jobs;
use aviary_domain::panels::{NewPanel, Panels};
use aviary_domain::queue::NewJob;
use aviary_domain::settings::Settings;
use aviary_domain::watch::Watch;
use aviary_domain::webhooks::{Outside, WebhookOptions, Webhooks};
use aviary_kernel::base::{Env, ManualClock, Secret, Timestamp};
use aviary_kernel::config::Config;
use aviary_kernel::model::{AccountId, ApiKey, Grants, Job, JobKind, JobState};
use aviary_kernel::store::faulty::Disk;
use aviary_kernel::store::tables::{API_KEYS, EVENTS, JOBS, TOLD};
use aviary_kernel::store::{Options, Read, Span, Store, verify};
use aviary_sim::{Pem, Smtp, SmtpSpec, SmtpTls};
use serde_json::Value;
use tokio::runtime::Handle;
use uuid::Uuid;

use crate::lab::{quick, sealer, who};
use crate::webhooks::{http, new_hook};

struct Tower {
    clock: Arc<ManualClock>,
    env: Env,
    store: Store,
    panels: Panels,
    webhooks: Webhooks,
    jobs: Jobs,
    watch: Watch,
}

impl Tower {
    fn new(now: &str) -> Self {
        let (env, clock) = Env::manual(at(now));
        let store = Store::open(Options::on(Disk::new().backing())).unwrap();
        let panels = Panels::new(store.clone(), env.clone(), sealer(), quick(), 80);
        let jobs = Jobs::new(store.clone(), env.clone(), vec![]);
        let settings = Settings::new(store.clone(), env.clone(), sealer(), panels.clone(), &Config::default());
        let outside = Outside { allowed: vec!["127.0.0.0/8".parse().unwrap()], ..Outside::default() };
        let options = WebhookOptions { timeout: Duration::from_secs(5), outside, ca_file: None };
        let webhooks = Webhooks::new(store.clone(), env.clone(), sealer(), settings, options).unwrap();
        let watch = Watch::new(store.clone(), env.clone(), panels.clone(), webhooks.clone());
        Self { clock, env, store, panels, webhooks, jobs, watch }
    }

    async fn panel(&self, name: &str, url: &str) {
        let (name, url, app_key) = (name.into(), url.into(), Secret::from("ptla_x"));
        let new = NewPanel { name, url, app_key, client_key: None, share_percent: None, sync_every_s: None };
        self.panels.add(&who(), new).await.unwrap();
    }

    async fn key(&self, name: &str, life_days: u64) -> ApiKey {
        let now = self.env.now();
        let key = ApiKey {
            id: self.env.ids.next(),
            name: name.into(),
            start: "avk_".into(),
            owner: AccountId(Uuid::from_u128(1)),
            grants: Grants::default(),
            token: [u8::try_from(life_days % 251).unwrap(); 32],
            previous: None,
            addresses: Vec::new(),
            per_minute: None,
            created_at: now,
            expires_at: Some(now.plus(days(life_days))),
            used_at: None,
            used_from: None,
            revoked_at: None,
        };
        self.put(key.clone()).await;
        key
    }

    async fn put(&self, key: ApiKey) {
        self.store.write(move |tx| tx.put(API_KEYS, &key.id, &key).map(drop)).await.unwrap();
    }

    /// Runs the job to its end.
    async fn look(&self) -> Job {
        let runner = self.jobs.start(vec![self.watch.body()], &Handle::current(), || {});
        let mut changed = self.store.watch(JOBS);
        let id = self.jobs.enqueue(NewJob::new(JobKind::WatchExpiry)).await.unwrap().id;
        let job = loop {
            let job = self.jobs.get(id).await.unwrap().job;
            if job.state.is_over() {
                break job;
            }
            changed.changed().await.unwrap();
        };
        runner.stop(Duration::from_secs(10)).await;
        assert_eq!(job.state, JobState::Completed, "{job:?}");
        job
    }

    /// What was told so far: the event, what it is about, and the days.
    async fn told(&self) -> Vec<(String, String, u64)> {
        let events = self.store.read(|tx| tx.all(EVENTS, &Span::all())).await.unwrap();
        let told = events.into_iter().map(|(_, event)| {
            let data: Value = serde_json::from_str(&event.data).unwrap();
            let what = data["host"].as_str().or(data["name"].as_str()).unwrap().to_owned();
            (event.name.name().to_owned(), what, data["days"].as_u64().unwrap())
        });
        told.collect()
    }

    async fn days_told(&self) -> Vec<u64> {
        self.told().await.into_iter().map(|(_, _, days)| days).collect()
    }
}

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

fn days(days: u64) -> Duration {
    Duration::from_secs(days * 86_400)
}

/// Somebody who speaks TLS with a certificate that ends on 2 March 2025.
async fn secure() -> Smtp {
    let pem = Pem { certificate: CERTIFICATE.into(), key: KEY.into(), authority: CERTIFICATE.into() };
    Smtp::start(SmtpSpec { tls: SmtpTls::Implicit(pem), ..SmtpSpec::default() }).await.unwrap()
}

#[tokio::test]
async fn the_end_of_a_certificate_is_told_once_at_each_step_over_the_weeks() {
    let (tower, server) = (Tower::new("2025-01-25T11:00:00Z"), secure().await);
    let port = server.address().port();
    tower.panel("Main", &format!("https://127.0.0.1:{port}")).await;
    tower.panel("The same place", &format!("https://127.0.0.1:{port}/other")).await;
    tower.panel("Without encryption", "http://127.0.0.1:1").await;
    for _ in 0..60 {
        // Who looks more often tells no more.
        tower.look().await;
        tower.look().await;
        tower.clock.advance(days(1));
    }
    assert_eq!(tower.days_told().await, [21, 14, 7, 3, 1, 0]);
    let told = tower.told().await;
    assert!(
        told.iter().all(|(event, host, _)| event == "certificate.expiring" && *host == format!("127.0.0.1:{port}"))
    );
    assert!(tower.store.read(verify).await.unwrap().is_clean());
}

#[tokio::test]
async fn the_end_of_a_key_is_told_at_each_step_and_anew_when_it_is_put_off() {
    let tower = Tower::new("2025-01-01T00:00:00Z");
    let (year, month) = (tower.key("billing", 365).await, tower.key("import", 30).await);
    let mut gone = tower.key("gone", 31).await;
    gone.revoked_at = Some(tower.env.now());
    tower.put(gone).await;
    for _ in 0..40 {
        tower.look().await;
        tower.clock.advance(days(1));
    }
    let of = |told: &[(String, String, u64)], name: &str| -> Vec<u64> {
        told.iter().filter(|(_, what, _)| what == name).map(|(_, _, days)| *days).collect()
    };
    let told = tower.told().await;
    assert_eq!((of(&told, "import"), told.len()), (vec![7, 3, 1, 0], 4));
    assert!(told.iter().all(|(event, ..)| event == "token.expiring"));

    tower.put(ApiKey { expires_at: Some(tower.env.now().plus(days(2))), ..month.clone() }).await;
    tower.look().await;
    assert_eq!(of(&tower.told().await, "import"), [7, 3, 1, 0, 2], "it was put off");

    tower.clock.advance(year.expires_at.unwrap().since(tower.env.now()) - days(5));
    tower.look().await;
    assert_eq!(of(&tower.told().await, "billing"), [5], "one word for steps that nobody looked at");

    let id = month.id;
    tower.store.write(move |tx| tx.remove(API_KEYS, &id).map(drop)).await.unwrap();
    tower.look().await;
    let kept = tower.store.read(|tx| tx.all(TOLD, &Span::all())).await.unwrap();
    let kept: Vec<_> = kept.iter().map(|(_, told)| (told.what.as_str(), told.days)).collect();
    assert_eq!(kept, [("the API key billing", 7)], "what ended long ago is forgotten");
}

#[tokio::test]
async fn the_note_says_what_was_looked_at_and_who_does_not_answer_fails_nothing() {
    let tower = Tower::new("2025-02-20T11:00:00Z");
    assert_eq!(tower.look().await.note.as_deref(), Some("0 certificates, 0 keys"));
    let (server, silent) = (secure().await, secure().await);
    tower.panel("Main", &format!("https://localhost:{}", server.address().port())).await;
    tower.panel("Silent", &format!("https://localhost:{}", silent.address().port())).await;
    silent.go_down().await;
    tower.key("billing", 365).await;
    tower.key("never mind", 200).await;
    let job = tower.look().await;
    let note = "1 certificate (1 more could not be read), 2 keys; the first ends in 10 days";
    assert_eq!(job.note.as_deref(), Some(note));
    assert_eq!(tower.days_told().await, [10]);
    tower.clock.advance(days(11));
    let note = "1 certificate (1 more could not be read), 2 keys; the first ends in 189 days; 1 is past its time";
    assert_eq!(tower.look().await.note.as_deref(), Some(note));
}

#[tokio::test]
async fn the_certificate_of_an_endpoint_is_looked_at_too_and_its_address_stays_a_secret() {
    let (tower, server) = (Tower::new("2025-02-20T11:00:00Z"), secure().await);
    let url = format!("https://127.0.0.1:{}/hush", server.address().port());
    tower.webhooks.make(&who(), new_hook("Bot", http(&url), &["sync.*"])).await.unwrap();
    let job = tower.look().await;
    assert_eq!(job.note.as_deref(), Some("1 certificate, 0 keys; the first ends in 10 days"));
    let events = tower.store.read(|tx| tx.all(EVENTS, &Span::all())).await.unwrap();
    assert_eq!(events.len(), 1);
    assert!(!format!("{events:?} {job:?}").contains("hush"));
}

/// Self-signed, from 1 December 2024 to 2 March 2025, 11:22:33. Made for these tests and used nowhere else.
const CERTIFICATE: &str = "\
-----BEGIN CERTIFICATE-----
MIIBbTCCAROgAwIBAgIUByO9kvSSP9bJTafSpZBM8pUntcowCgYIKoZIzj0EAwIw
FzEVMBMGA1UEAwwMcmVlZi5leGFtcGxlMB4XDTI0MTIwMTAwMDAwMFoXDTI1MDMw
MjExMjIzM1owFzEVMBMGA1UEAwwMcmVlZi5leGFtcGxlMFkwEwYHKoZIzj0CAQYI
KoZIzj0DAQcDQgAED6klG2qMqhWLfh9e7p+xRUvCFzp5n7Q/mF7fiqm5ogwxcLR9
RK7Q/KcgFUVqghROz7oVlAFvs7dYy1x4qbUCjKM9MDswGgYDVR0RBBMwEYIJbG9j
YWxob3N0hwR/AAABMB0GA1UdDgQWBBSBt+15P7oJYsC/WdvKE9QVc0FiCjAKBggq
hkjOPQQDAgNIADBFAiAVB189pEeXlGoZ7PW05KcnFwmFKUQgZWOlpYp7A2mFhAIh
AIa8yGSUFs2W4aiGhZo+4OsnjwAjYwVrVWFEmGNE97kb
-----END CERTIFICATE-----
";

/// The key of [`CERTIFICATE`].
const KEY: &str = "\
-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgFht9Dj4B7Kaos0Xt
SoWCJcCx1S+k2assvZorh4jMXXihRANCAAQPqSUbaoyqFYt+H17un7FFS8IXOnmf
tD+YXt+KqbmiDDFwtH1ErtD8pyAVRWqCFE7PuhWUAW+zt1jLXHiptQKM
-----END PRIVATE KEY-----
";
