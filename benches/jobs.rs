//! The queue: how fast a million jobs that do nothing are done, each with its claim and its end on disk, and how soon a job begins
//! that was just asked for.

mod measure;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use aviary_domain::jobs::{Jobs, Runner};
use aviary_domain::queue::{NewJob, Outcome as Ended, body, enqueue};
use aviary_kernel::base::Env;
use aviary_kernel::model::JobKind;
use aviary_kernel::store::{Options, Store};
use measure::redis::Redis;
use measure::{Outcome, Times, Wanted, fact, figure, folder, fsyncs, line, ratio, thousands, title};
use tempfile::TempDir;
use tokio::runtime::{Handle, Runtime};
use tokio::sync::{Notify, mpsc};

/// Jobs of the burn-down; fewer may be asked for with AVIARY_BENCH_JOBS.
const JOBS: u32 = 1_000_000;
/// Jobs that are put on record in one write.
const AT_ONCE: u32 = 1_000;
/// Jobs a second in the measurement of how soon they begin, and for how many seconds.
const A_SECOND: u32 = 1_000;
const SECONDS: u32 = 10;

fn main() -> Outcome {
    let jobs = std::env::var("AVIARY_BENCH_JOBS").ok().and_then(|text| text.parse().ok()).unwrap_or(JOBS);
    Runtime::new()?.block_on(async {
        burn_down(jobs).await?;
        until_begun().await
    })
}

struct Queue {
    store: Store,
    env: Env,
    jobs: Jobs,
    // Last, so that the file is closed before its folder goes.
    dir: TempDir,
}

impl Queue {
    fn new() -> Outcome<Self> {
        let (dir, env) = (folder()?, Env::system());
        let store = Store::open(Options::file(dir.path().join("aviary.redb")))?;
        Ok(Self { jobs: Jobs::new(store.clone(), env.clone(), vec![]), store, env, dir })
    }

    async fn add(&self, jobs: u32) -> Outcome {
        let env = self.env.clone();
        let add = move |tx: &mut aviary_kernel::store::WriteTx<'_>| {
            (0..jobs).try_for_each(|_| enqueue(tx, &env, NewJob::new(JobKind::Probe)).map(drop))
        };
        Ok(self.store.write(add).await?)
    }

    /// Runs what waits; `begun` is told when a job begins.
    fn run(&self, begun: impl Fn() + Clone + Send + Sync + 'static) -> Runner {
        let probe = body(JobKind::Probe, move |_| {
            begun();
            async { Ok(Ended::Done(None)) }
        });
        self.jobs.start(vec![probe], &Handle::current(), || {})
    }
}

async fn burn_down(jobs: u32) -> Outcome {
    title(&format!("{} jobs that do nothing", thousands(jobs)));
    let queue = Queue::new()?;
    let commits = || queue.store.stats().commits.load(Ordering::Relaxed);
    let mut fsync = Times::default();
    fsync.push(fsyncs(queue.dir.path(), 200)?);

    let began = Instant::now();
    for _ in 0..jobs.div_ceil(AT_ONCE) {
        queue.add(AT_ONCE).await?;
    }
    let added = began.elapsed();
    let before = commits();
    let (left, done) = (Arc::new(AtomicU64::new(u64::from(jobs.div_ceil(AT_ONCE) * AT_ONCE))), Arc::new(Notify::new()));
    let tell = done.clone();
    let began = Instant::now();
    let runner = queue.run(move || {
        if left.fetch_sub(1, Ordering::Relaxed) == 1 {
            tell.notify_one();
        }
    });
    done.notified().await;
    // The end of the last ones must be on disk too.
    runner.stop(Duration::from_secs(60)).await;
    let burned = began.elapsed();
    fsync.push(fsyncs(queue.dir.path(), 200)?);
    fsync.push(fsyncs(queue.dir.path(), 200)?);

    let a_second = f64::from(jobs) / burned.as_secs_f64();
    line("an fsync of 4 KiB", &fsync);
    fact("put on record a second", format!("{:.0}", f64::from(jobs) / added.as_secs_f64()));
    fact("done a second", format!("{a_second:.0}"));
    fact("commits while they were done", commits() - before);
    figure("jobs done a second / fsyncs a second", a_second * fsync.median().as_secs_f64(), 2, Wanted::Any);
    against_redis(jobs, a_second)
}

fn against_redis(jobs: u32, a_second: f64) -> Outcome {
    // As many as show the pace.
    let some = jobs.min(100_000);
    for (durability, wanted) in [("always", Wanted::AtLeast(5.0)), ("everysec", Wanted::Any)] {
        let Some(redis) = Redis::start(durability)? else {
            fact("an Asynq-like queue on Redis", "skipped: there is no redis-server here");
            return Ok(());
        };
        let took = redis.burn_down(some)?;
        let theirs = f64::from(some) / took.as_secs_f64();
        fact(&format!("done a second on Redis, appendfsync {durability}"), format!("{theirs:.0}"));
        figure("jobs done a second / those on Redis", a_second / theirs, 2, wanted);
    }
    Ok(())
}

async fn until_begun() -> Outcome {
    title(&format!("From asking for a job to its beginning, {} jobs a second", thousands(A_SECOND)));
    let queue = Queue::new()?;
    let (tell, mut begun) = mpsc::unbounded_channel();
    let runner = queue.run(move || {
        let _ = tell.send(Instant::now());
    });
    let mut asked = Vec::new();
    let mut tick = tokio::time::interval(Duration::from_micros(1_000_000 / u64::from(A_SECOND)));
    let mut writes = Vec::new();
    for _ in 0..A_SECOND * SECONDS {
        tick.tick().await;
        asked.push(Instant::now());
        let (store, env) = (queue.store.clone(), queue.env.clone());
        writes.push(tokio::spawn(async move {
            store.write(move |tx| enqueue(tx, &env, NewJob::new(JobKind::Probe)).map(drop)).await
        }));
    }
    for write in writes {
        write.await??;
    }
    let mut began = Vec::new();
    while began.len() < asked.len() {
        began.extend(begun.recv().await);
    }
    runner.stop(Duration::from_secs(10)).await;
    let mut fsync = Times::default();
    fsync.push(fsyncs(queue.dir.path(), 200)?);
    // They begin in the order in which they were asked for, give or take those of one commit.
    began.sort_unstable();
    let mut waits: Vec<_> =
        asked.iter().zip(&began).map(|(asked, began)| began.saturating_duration_since(*asked)).collect();
    waits.sort_unstable();
    let at = |share: usize| {
        let mut times = Times::default();
        times.push(waits[waits.len() * share / 1000 - 1]);
        times
    };
    line("an fsync of 4 KiB", &fsync);
    for (name, share) in [("half of them within", 500), ("99 of 100 within", 990), ("999 of 1,000 within", 999)] {
        line(name, &at(share));
    }
    ratio("half of them / fsync", &at(500), &fsync, Wanted::Any);
    ratio("99 of 100 / fsync", &at(990), &fsync, Wanted::Any);
    Ok(())
}
