//! Ten thousand deliveries to ten webhooks of which one is dead, each signed, with its mark on disk, against bare requests that send as
//! much to the same receiver.

mod measure;

use std::sync::Arc;
use std::time::{Duration, Instant};

use aviary_domain::events::{self, Happening, StoreFacts};
use aviary_domain::jobs::Jobs;
use aviary_domain::panels::{HttpOptions, Panels};
use aviary_domain::settings::Settings;
use aviary_domain::webhooks::{NewTarget, NewWebhook, Outside, WebhookOptions, Webhooks};
use aviary_kernel::base::{Env, MasterKey, Sealer, Secret};
use aviary_kernel::config::Config;
use aviary_kernel::model::{Actor, HookScope, HookTopic, Weight};
use aviary_kernel::store::{Options, Store};
use aviary_sim::{Sink, SinkSpec};
use futures_util::{StreamExt, stream};
use measure::{Outcome, Times, Wanted, fact, folder, fsyncs, line, ratio, thousands, title};
use tempfile::TempDir;
use tokio::runtime::{Handle, Runtime};
use tokio::sync::watch;

const WEBHOOKS: u32 = 10;
const EVENTS: u32 = 1_000;
/// Bare requests in flight: as many as nine webhooks together may have.
const AT_ONCE: usize = 72;
const REPEATS: usize = 3;

fn main() -> Outcome {
    Runtime::new()?.block_on(deliver())
}

struct Place {
    store: Store,
    env: Env,
    webhooks: Webhooks,
    jobs: Jobs,
    // Last, so that the file is closed before its folder goes.
    dir: TempDir,
}

impl Place {
    fn new() -> Outcome<Self> {
        let (dir, env) = (folder()?, Env::system());
        let store = Store::open(Options::file(dir.path().join("aviary.redb")))?;
        let sealer = Arc::new(Sealer::new(&MasterKey::parse(&"07".repeat(32))?));
        let panels = Panels::new(store.clone(), env.clone(), sealer.clone(), HttpOptions::default(), 80);
        let settings = Settings::new(store.clone(), env.clone(), sealer.clone(), panels, &Config::default());
        let outside = Outside { allowed: vec!["127.0.0.1".parse().map_err(|()| "no network")?], ..Outside::default() };
        let options = WebhookOptions { timeout: Duration::from_secs(5), outside, ca_file: None };
        let webhooks = Webhooks::new(store.clone(), env.clone(), sealer, settings, options)?;
        Ok(Self { jobs: Jobs::new(store.clone(), env.clone(), vec![]), webhooks, store, env, dir })
    }

    async fn subscribe(&self, name: u32, url: String) -> Outcome {
        let new = NewWebhook {
            name: format!("receiver {name}"),
            description: String::new(),
            target: NewTarget::Http { url: Secret::new(url), secret: None },
            topic: HookTopic::Custom,
            scope: HookScope::Admin,
            events: Some(vec!["*".into()]),
            panels: vec![],
            least: Weight::Info,
        };
        self.webhooks.make(&Actor::job("bench"), new).await?;
        Ok(())
    }

    async fn raise(&self) -> Outcome {
        for _ in 0..EVENTS / 100 {
            let env = self.env.clone();
            let hundred = move |tx: &mut aviary_kernel::store::WriteTx<'_>| {
                let mut listeners = events::Listeners::load(tx)?;
                let happening = Happening::StoreWritable(StoreFacts { since: env.now(), why: "a bench".into() });
                (0..100).try_for_each(|_| listeners.raise(tx, &env, &happening).map(drop))
            };
            self.store.write(hundred).await?;
        }
        Ok(())
    }
}

async fn deliver() -> Outcome {
    let living = WEBHOOKS - 1;
    title(&format!("{} deliveries, a tenth of them to a dead endpoint", thousands(EVENTS * WEBHOOKS)));
    let (mut ours, mut bare, mut fsync) = (Times::default(), Times::default(), Times::default());
    let mut twice = 0;
    for _ in 0..REPEATS {
        let sink = Sink::start(SinkSpec::default()).await?;
        let place = Place::new()?;
        for n in 0..living {
            place.subscribe(n, sink.at(&format!("/hook/{n}"))).await?;
        }
        place.subscribe(living, format!("http://{}/", closed_port()?)).await?;
        place.raise().await?;
        let wanted = u64::from(EVENTS * living);
        let began = Instant::now();
        let runner = place.jobs.start(vec![place.webhooks.body()], &Handle::current(), || {});
        until_delivered(&place, wanted).await?;
        ours.push(began.elapsed());
        twice += sink.deliveries().total() as u64 - wanted;
        runner.stop(Duration::from_secs(10)).await;
        let body = sink.deliveries().last().map(|delivery| delivery.request.body.clone()).ok_or("nothing came")?;
        bare.push(posts(&sink, EVENTS * living, body.to_vec()).await?);
        fsync.push(fsyncs(place.dir.path(), 200)?);
    }
    line("bare requests to the same receiver", &bare);
    line("deliveries, signed and marked on disk", &ours);
    line("an fsync of 4 KiB", &fsync);
    fact("sent more than once", twice);
    ratio("deliveries / bare requests", &ours, &bare, Wanted::Any);
    Ok(())
}

/// An address at which nobody listens.
fn closed_port() -> Outcome<std::net::SocketAddr> {
    Ok(std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

async fn until_delivered(place: &Place, wanted: u64) -> Outcome {
    let mut changed: watch::Receiver<()> = place.store.watch(aviary_kernel::store::tables::DELIVERIES);
    loop {
        let all = place.webhooks.all().await?;
        if all.iter().map(|listed| listed.counts.delivered).sum::<u64>() >= wanted {
            return Ok(());
        }
        changed.changed().await?;
    }
}

async fn posts(sink: &Sink, requests: u32, body: Vec<u8>) -> Outcome<Duration> {
    let client = reqwest::Client::builder().no_proxy().tls_certs_only([]).build()?;
    let url = sink.at("/bare");
    let began = Instant::now();
    let mut all = stream::iter(0..requests)
        .map(|_| client.post(&url).header("content-type", "application/json").body(body.clone()).send())
        .buffer_unordered(AT_ONCE);
    while let Some(answer) = all.next().await {
        answer?.error_for_status()?;
    }
    Ok(began.elapsed())
}
