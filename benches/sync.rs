//! Syncs of a simulated panel against a bare fetch of the very same requests, which reads every body to its end and looks at
//! nothing.
//!
//! Two references: *bare* has all requests at hand at once, *bare in order* asks list by list as the sync must, since one
//! list tells what to ask next.

mod measure;

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use aviary_kernel::model::SyncRun;
use measure::lab::{AT_ONCE, Lab};
use measure::panel::{Panel, in_order, spec};
use measure::{Outcome, Times, Wanted, fact, figure, line, ratio, thousands, title};
use tokio::runtime::Runtime;

/// What an answer of a quick panel on the same network takes.
const QUICK: Duration = Duration::from_millis(25);
/// What a page of a hundred servers with all that belongs to them takes at the least.
const USUAL: Duration = Duration::from_millis(100);

fn main() -> Outcome {
    let runtime = Runtime::new()?;
    for (servers, delay, times) in [
        (1_000, Duration::ZERO, 5),
        (1_000, QUICK, 5),
        (1_000, USUAL, 5),
        (10_000, Duration::ZERO, 3),
        (10_000, QUICK, 3),
        (10_000, USUAL, 3),
    ] {
        let panel = Panel::start(spec(servers, delay))?;
        runtime.block_on(measure(&panel, servers, delay, times))?;
    }
    Ok(())
}

#[derive(Default)]
struct Seen {
    bare: Times,
    ordered: Times,
    first: Times,
    second: Times,
    asked: Vec<String>,
    runs: Option<(SyncRun, SyncRun)>,
    commits: (u64, u64),
    bytes: u64,
}

async fn measure(panel: &Panel, servers: u32, delay: Duration, times: usize) -> Outcome {
    let mut seen = Seen::default();
    panel.sim.reset_requests();
    for _ in 0..times {
        one_round(panel, &mut seen).await?;
    }
    tell(&seen, servers, delay);
    Ok(())
}

async fn one_round(panel: &Panel, seen: &mut Seen) -> Outcome {
    let lab = Lab::new(&panel.sim).await?;
    let commits = || lab.store.stats().commits.load(Ordering::Relaxed);

    let before = commits();
    let first = seen.first.take(lab.sync()).await?;
    let between = commits();
    seen.asked = panel.asked();

    let second = seen.second.take(lab.sync()).await?;
    seen.commits = (between - before, commits() - between);
    seen.runs = Some((first, second));

    let all_at_once = std::slice::from_ref(&seen.asked);
    let began = Instant::now();
    seen.bytes = panel.fetch(all_at_once, AT_ONCE).await?;
    seen.bare.push(began.elapsed());

    let waves = in_order(&seen.asked);
    let began = Instant::now();
    panel.fetch(&waves, AT_ONCE).await?;
    seen.ordered.push(began.elapsed());

    panel.asked();
    lab.close().await;
    Ok(())
}

fn tell(seen: &Seen, servers: u32, delay: Duration) {
    let Some((first, second)) = &seen.runs else { return };
    let is_realistic = !delay.is_zero();
    title(&format!("{} servers, each answer after {} ms", thousands(servers), delay.as_millis()));
    let most_requests = if servers == 1_000 { Wanted::AtMost(70.0) } else { Wanted::Any };
    figure("requests", seen.asked.len() as f64, 0, most_requests);
    fact("rows", first.totals().created);
    fact("MiB of answers", seen.bytes >> 20);
    line("bare fetch", &seen.bare);
    line("bare fetch in order", &seen.ordered);
    line("first sync", &seen.first);
    let wanted = if is_realistic { Wanted::AtMost(1.1) } else { Wanted::Any };
    ratio("first sync / bare", &seen.first, &seen.bare, wanted);
    ratio("first sync / bare in order", &seen.first, &seen.ordered, Wanted::Any);
    fact("commits", seen.commits.0);
    line("second sync", &seen.second);
    ratio("second sync / bare", &seen.second, &seen.bare, wanted);
    ratio("second sync / bare in order", &seen.second, &seen.ordered, Wanted::Any);
    ratio("second sync / first sync", &seen.second, &seen.first, Wanted::Any);
    let totals = second.totals();
    figure(
        "rows written by the second sync",
        (totals.created + totals.updated + totals.removed) as f64,
        0,
        Wanted::AtMost(0.0),
    );
    fact("commits of the second sync (its own record)", seen.commits.1);
    let steps: Vec<_> = first.steps.iter().map(|step| format!("{} {} ms", step.target.name(), step.took_ms)).collect();
    println!("  the first by step: {}", steps.join(", "));
}
