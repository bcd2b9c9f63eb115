//! From the start of the program until it is ready: with hardly any data, with a data file of 500 MiB, and with that file
//! after `kill -9` in the middle of writes.
//!
//! The file is made once and kept in `target/tmp/benches`; remove it there to have it made anew.

mod measure;

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use aviary_kernel::store::{Options, Store};
use measure::large::{file, large_file, written};
use measure::panel::{Panel, spec};
use measure::program::Program;
use measure::{Outcome, Times, Wanted, fact, figure, folder, line, ratio, title};
use tokio::runtime::Runtime;

const REPEATS: usize = 9;
const KILLS: u64 = 7;
/// Rows that a sync has written when the program is killed.
const WRITTEN: u64 = 1_500;

fn main() -> Outcome {
    let runtime = Runtime::new()?;
    let made = runtime.block_on(large_file())?;
    let folder = folder()?;
    let (empty, large) = (folder.path().join("empty"), folder.path().join("large"));
    Program::start(&empty)?.stop()?;
    copy(&made, &large)?;
    let times = Measured {
        mib: written(&file(&made))? >> 20,
        stopped: stopped(folder.path(), &empty, &large)?,
        killed: killed(&runtime, &large, &folder.path().join("copy"))?,
    };
    times.tell();
    Ok(())
}

struct Measured {
    mib: u64,
    stopped: Stopped,
    killed: Killed,
}

#[derive(Default)]
struct Stopped {
    new: Times,
    empty: Times,
    large: Times,
    cold: Times,
    store_empty: Times,
    store_large: Times,
}

#[derive(Default)]
struct Killed {
    program: Times,
    store: Times,
}

fn stopped(folder: &Path, empty: &Path, large: &Path) -> Outcome<Stopped> {
    let mut times = Stopped::default();
    for n in 0..REPEATS {
        let new = folder.join(format!("new-{n}"));
        for (data_dir, times) in [(&*new, &mut times.new), (empty, &mut times.empty), (large, &mut times.large)] {
            let program = Program::start(data_dir)?;
            times.push(program.ready_after);
            program.stop()?;
        }
        forget(&file(large))?;
        let program = Program::start(large)?;
        times.cold.push(program.ready_after);
        program.stop()?;
        open(empty, &mut times.store_empty)?;
        open(large, &mut times.store_large)?;
    }
    Ok(times)
}

/// Has the system drop what it keeps of a file in memory.
fn forget(file: &Path) -> Outcome {
    let of = format!("of={}", file.display());
    let ended = Command::new("dd")
        .args([&of, "oflag=nocache", "conv=notrunc,fdatasync", "count=0"])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .status()?;
    if ended.success() { Ok(()) } else { Err("dd failed".into()) }
}

/// Each time another sync is killed; the next start finds what it left.
fn killed(runtime: &Runtime, large: &Path, copied: &Path) -> Outcome<Killed> {
    let mut times = Killed::default();
    let mut program = Program::start(large)?;
    for n in 0..KILLS {
        let panel = Panel::start(aviary_sim::PanelSpec { seed: n + 1, ..spec(3_000, Duration::ZERO) })?;
        runtime.block_on(async {
            let sync = program.start_sync(&format!("Panel {n}"), &panel).await?;
            let run = program.until_written(&sync, WRITTEN).await?;
            if run["status"] == "running" { Outcome::Ok(()) } else { Err("the sync was over too soon".into()) }
        })?;
        program.kill()?;
        // What is at hand in memory is the same for both that open it.
        copy(large, copied)?;
        open(copied, &mut times.store)?;
        program = Program::start(large)?;
        times.program.push(program.ready_after);
    }
    program.stop()?;
    Ok(times)
}

fn open(data_dir: &Path, times: &mut Times) -> Outcome {
    let began = Instant::now();
    let store = Store::open(Options::file(file(data_dir)))?;
    times.push(began.elapsed());
    drop(store);
    Ok(())
}

fn copy(from: &Path, to: &Path) -> Outcome {
    fs::create_dir_all(to)?;
    for name in ["aviary.redb", "aviary.key"] {
        fs::copy(from.join(name), to.join(name))?;
        fs::File::open(to.join(name))?.sync_all()?;
    }
    Ok(())
}

impl Measured {
    fn tell(&self) {
        let Self { mib, stopped, killed } = self;
        title("From the start of the program until /readyz answers");
        fact("MiB in the large file", mib);
        line("no file yet: key and file are made", &stopped.new);
        line("an empty file", &stopped.empty);
        line("the large file after a clean stop", &stopped.large);
        line("the same, nothing of the file in memory", &stopped.cold);
        line("the large file after kill -9", &killed.program);
        let ms = |times: &Times| times.median().as_secs_f64() * 1e3;
        figure("ms after a clean stop", ms(&stopped.large), 1, Wanted::AtMost(50.0));
        figure("ms the same, nothing of the file in memory", ms(&stopped.cold), 1, Wanted::AtMost(50.0));
        figure("ms after kill -9", ms(&killed.program), 1, Wanted::AtMost(100.0));
        ratio("large after a clean stop / empty", &stopped.large, &stopped.empty, Wanted::Any);
        ratio("large after kill -9 / empty", &killed.program, &stopped.empty, Wanted::Any);
        title("Of that, opening the data file");
        line("an empty file", &stopped.store_empty);
        line("the large file after a clean stop", &stopped.store_large);
        line("the large file after kill -9", &killed.store);
        ratio("opening / start, empty", &stopped.store_empty, &stopped.empty, Wanted::Any);
        ratio("opening / start, after a clean stop", &stopped.store_large, &stopped.large, Wanted::Any);
        ratio("opening / start, after kill -9", &killed.store, &killed.program, Wanted::Any);
    }
}
