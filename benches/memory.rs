//! Memory of the real program: at rest with an empty file, and at its peak in the first sync of panels of several sizes.

mod measure;

use std::time::Duration;

use measure::panel::{Panel, spec};
use measure::program::{Program, binary};
use measure::{Outcome, Wanted, fact, figure, folder, thousands, title};
use tokio::runtime::Runtime;

/// Until it counts as being at rest.
const REST: Duration = Duration::from_secs(5);
const SMALL: u32 = 1_000;
const LARGE: u32 = 10_000;
const LARGER: u32 = 30_000;

fn main() -> Outcome {
    title("The binary");
    figure("MB", std::fs::metadata(binary()?)?.len() as f64 / 1e6, 1, Wanted::AtMost(16.0));
    let runtime = Runtime::new()?;
    let idle = at_rest()?;
    let small = in_a_sync(&runtime, SMALL)?;
    let large = in_a_sync(&runtime, LARGE)?;
    let larger = in_a_sync(&runtime, LARGER)?;
    title("Ratios");
    figure("peak, 30,000 servers / 10,000 servers", larger.peak / large.peak, 2, Wanted::Any);
    figure("peak, 10,000 servers / 1,000 servers", large.peak / small.peak, 2, Wanted::Any);
    figure("peak, 1,000 servers / at rest with nothing", small.peak / idle, 2, Wanted::Any);
    figure("at rest after 10,000 servers / with nothing", large.after / idle, 2, Wanted::Any);
    Ok(())
}

/// MiB in use.
fn at_rest() -> Outcome<f64> {
    let folder = folder()?;
    let program = Program::start(&folder.path().join("data"))?;
    let at_once = program.memory_mib("VmRSS")?;
    std::thread::sleep(REST);
    title("At rest with an empty file");
    figure("MiB when ready", at_once, 1, Wanted::Any);
    let idle = program.memory_mib("VmRSS")?;
    figure("MiB after 5 s", idle, 1, Wanted::AtMost(20.0));
    parts(&program)?;
    program.stop()?;
    Ok(idle)
}

/// MiB in use.
struct Used {
    peak: f64,
    after: f64,
}

fn in_a_sync(runtime: &Runtime, servers: u32) -> Outcome<Used> {
    let folder = folder()?;
    let panel = Panel::start(spec(servers, Duration::ZERO))?;
    let program = Program::start(&folder.path().join("data"))?;
    let run = runtime.block_on(async {
        let sync = program.start_sync("Main", &panel).await?;
        program.until_written(&sync, u64::MAX).await
    })?;
    if run["status"] != "completed" {
        return Err(format!("the sync did not complete: {run}").into());
    }
    let peak = program.memory_mib("VmHWM")?;
    std::thread::sleep(REST);
    let after = program.memory_mib("VmRSS")?;
    title(&format!("First sync of {} servers", thousands(servers)));
    fact("rows", &run["totals"]["created"]);
    figure("MiB at its peak", peak, 1, Wanted::Any);
    figure("MiB 5 s after", after, 1, Wanted::Any);
    parts(&program)?;
    program.stop()?;
    Ok(Used { peak, after })
}

/// What the kernel may drop again (the program's own pages) and what it may not.
fn parts(program: &Program) -> Outcome {
    figure("  of that, its own data", program.memory_mib("RssAnon")?, 1, Wanted::Any);
    figure("  of that, the program file", program.memory_mib("RssFile")?, 1, Wanted::Any);
    fact("  threads", program.threads()?);
    Ok(())
}
