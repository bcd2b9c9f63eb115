//! The data file: many small writes at once against as many fsyncs of a plain file, and rows that did not change.

mod measure;

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use aviary_kernel::store::rows::Setting;
use aviary_kernel::store::tables::SETTINGS;
use aviary_kernel::store::{SortText, Store};
use futures_util::{StreamExt, stream};
use measure::lab::Lab;
use measure::panel::{Panel, spec};
use measure::{Outcome, Times, Wanted, fact, figure, fsyncs, line, ratio, rows, thousands, title};
use tokio::runtime::Runtime;

/// Callers that write at the same time.
const CALLERS: [usize; 3] = [8, 64, 512];
const REPEATS: usize = 5;
const SYNCS: u32 = 200;
const ALONE: u32 = 200;

fn main() -> Outcome {
    let runtime = Runtime::new()?;
    let panel = Panel::start(spec(1, Duration::ZERO))?;
    runtime.block_on(async {
        group_commit(&panel).await?;
        unchanged_rows(&panel).await
    })
}

async fn group_commit(panel: &Panel) -> Outcome {
    title("Writes of one small record each, on disk when told");
    let lab = Lab::new(&panel.sim).await?;
    let mut fsync = Times::default();
    let mut alone = Times::default();
    let mut together = CALLERS.map(|_| (Times::default(), 0, 0));
    for round in 0..REPEATS {
        fsync.push(fsyncs(lab.dir.path(), SYNCS)?);
        let began = Instant::now();
        for n in 0..ALONE {
            write(&lab.store, format!("{round} alone {n}")).await?;
        }
        alone.push(began.elapsed() / ALONE);
        for (callers, (times, commits, writes)) in CALLERS.into_iter().zip(&mut together) {
            let stats = || {
                let stats = lab.store.stats();
                (stats.commits.load(Ordering::Relaxed), stats.jobs.load(Ordering::Relaxed))
            };
            let before = stats();
            times.push(many(&lab.store, round, callers).await?);
            *commits += stats().0 - before.0;
            *writes += stats().1 - before.1;
        }
    }
    line("an fsync of 4 KiB", &fsync);
    line("a write, one after the other", &alone);
    ratio("write alone / fsync", &alone, &fsync, Wanted::Any);
    for (callers, (times, commits, writes)) in CALLERS.into_iter().zip(&together) {
        line(&format!("a write, {callers} callers"), times);
        let faster = fsync.median().as_secs_f64() / times.median().as_secs_f64();
        figure("  writes a second / fsyncs a second", faster, 2, Wanted::Any);
        figure(
            "  writes a second / those of one caller",
            alone.median().as_secs_f64() / times.median().as_secs_f64(),
            2,
            Wanted::Any,
        );
        figure("  commits a write", *commits as f64 / *writes as f64, 4, Wanted::Any);
    }
    lab.close().await;
    Ok(())
}

async fn write(store: &Store, name: String) -> Outcome {
    store.write(move |tx| tx.put(SETTINGS, &SortText::new(&name), &Setting("x".repeat(100))).map(drop)).await?;
    Ok(())
}

/// The time per write.
async fn many(store: &Store, round: usize, callers: usize) -> Outcome<Duration> {
    let writes = u32::try_from(callers * 20)?.max(2_000);
    let began = Instant::now();
    let mut all =
        stream::iter(0..writes).map(|n| write(store, format!("{round} of {callers} {n}"))).buffer_unordered(callers);
    while let Some(written) = all.next().await {
        written?;
    }
    Ok(began.elapsed() / writes)
}

/// Closures that wrote.
fn writes(store: &Store) -> u64 {
    store.stats().jobs.load(Ordering::Relaxed)
}

async fn unchanged_rows(panel: &Panel) -> Outcome {
    const ROWS: u32 = 2_000;
    title(&format!("{} servers given to the mirror", thousands(ROWS)));
    let (mut new, mut same, mut changed) = (Times::default(), Times::default(), Times::default());
    let mut written = 0;
    for _ in 0..REPEATS {
        let lab = Lab::new(&panel.sim).await?;
        let writer = lab.writer();
        let page = |filler| (1..=u64::from(ROWS)).map(|id| rows::server(id, filler)).collect::<Vec<_>>();
        let drafts = page(40);
        new.take(writer.apply(drafts)).await?;
        let (drafts, before) = (page(40), writes(&lab.store));
        same.take(writer.apply(drafts)).await?;
        written += writes(&lab.store) - before;
        let drafts = page(80);
        changed.take(writer.apply(drafts)).await?;
        lab.close().await;
    }
    line("new", &new);
    line("changed in one field", &changed);
    line("the same", &same);
    ratio("the same / new", &same, &new, Wanted::Any);
    figure("writes for the same", written as f64, 0, Wanted::AtMost(0.0));
    fact("µs a new row", new.median().as_micros() / u128::from(ROWS));
    Ok(())
}
