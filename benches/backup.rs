//! A backup of a data file of 500 MiB, at rest and while others write, against `cp` and an fsync of the same file; and how long
//! the others wait for their writes meanwhile.
//!
//! The file is made once and kept in `target/tmp/benches`; remove it there to have it made anew.

mod measure;

use std::fs;
use std::ops::ControlFlow;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use aviary_domain::ops::{Backup, BackupOptions, BackupStep, Backups, Restore, restore_to};
use aviary_kernel::base::Env;
use aviary_kernel::model::Actor;
use aviary_kernel::store::rows::Setting;
use aviary_kernel::store::tables::SETTINGS;
use aviary_kernel::store::{Options, SortText, Store};
use measure::large::{file, large_file, written};
use measure::{Outcome, Times, Wanted, fact, folder, line, ratio, title};
use tokio::runtime::Runtime;

const REPEATS: usize = 5;
/// Between two writes of one who writes.
const PAUSE: Duration = Duration::from_millis(5);

fn main() -> Outcome {
    Runtime::new()?.block_on(measure())
}

async fn measure() -> Outcome {
    let made = large_file().await?;
    let folder = folder()?;
    let data_file = file(folder.path());
    fs::copy(file(&made), &data_file)?;
    fs::File::open(&data_file)?.sync_all()?;
    let store = Store::open(Options::file(&data_file))?;
    let options = BackupOptions { dir: folder.path().join("backups"), keep: 1 };
    let backups = Backups::new(store.clone(), Env::system(), options);
    let mut times = Measured::default();
    for _ in 0..REPEATS {
        times.copy.push(copied(&data_file, &folder.path().join("copy"))?);
        times.rest.take(backup(&backups, &mut Steps::default())).await?;
        write_for(&store, Duration::from_secs(1), &mut times.alone).await?;
        let over = Arc::new(AtomicBool::new(false));
        let writing = tokio::spawn(write_until(store.clone(), over.clone()));
        let made = times.busy.take(backup(&backups, &mut times.steps)).await;
        over.store(true, Ordering::SeqCst);
        times.meanwhile.extend(writing.await??);
        times.backup = Some(made?);
    }
    drop((backups, store));
    if let Some(backup) = &times.backup {
        let wanted = Restore { backup: backup.clone(), data_file, keys: None, by: Actor::job("bench") };
        times.restore.take(restore_to(Env::system(), wanted, |_| ControlFlow::Continue(()))).await?;
    }
    times.tell(written(&file(&made))?)
}

#[derive(Default)]
struct Measured {
    copy: Times,
    rest: Times,
    busy: Times,
    steps: Steps,
    alone: Times,
    meanwhile: Times,
    restore: Times,
    backup: Option<Backup>,
}

/// How long each step took.
#[derive(Clone, Default)]
struct Steps {
    copying: Times,
    verifying: Times,
    packing: Times,
}

async fn backup(backups: &Backups, steps: &mut Steps) -> Outcome<Backup> {
    let (told, tells) = std::sync::mpsc::channel();
    let watch = move |progress: &aviary_domain::ops::BackupProgress| {
        let _ = told.send((progress.step, Instant::now()));
        ControlFlow::Continue(())
    };
    let made = backups.make(&Actor::job("bench"), watch).await?;
    let end = Instant::now();
    let tells: Vec<_> = tells.into_iter().collect();
    let began = |step| tells.iter().find(|(told, _)| *told == step).map_or(end, |(_, at)| *at);
    let [copying, verifying, packing] = [BackupStep::Copying, BackupStep::Verifying, BackupStep::Packing].map(began);
    steps.copying.push(verifying - copying);
    steps.verifying.push(packing - verifying);
    steps.packing.push(end - packing);
    Ok(made)
}

/// `cp`, and what makes it last.
fn copied(from: &Path, to: &Path) -> Outcome<Duration> {
    let began = Instant::now();
    let ended = Command::new("cp").arg(from).arg(to).status()?;
    fs::File::open(to)?.sync_all()?;
    let took = began.elapsed();
    fs::remove_file(to)?;
    if ended.success() { Ok(took) } else { Err("cp failed".into()) }
}

async fn write_for(store: &Store, time: Duration, times: &mut Times) -> Outcome {
    let over = Arc::new(AtomicBool::new(false));
    let writing = tokio::spawn(write_until(store.clone(), over.clone()));
    tokio::time::sleep(time).await;
    over.store(true, Ordering::SeqCst);
    times.extend(writing.await??);
    Ok(())
}

/// One small write after the other, each on disk before the next.
async fn write_until(store: Store, over: Arc<AtomicBool>) -> Outcome<Times> {
    let mut times = Times::default();
    for n in 0.. {
        if over.load(Ordering::SeqCst) {
            break;
        }
        let name = SortText::new(&format!("bench {}", n % 1_000));
        let write = store.write(move |tx| tx.put(SETTINGS, &name, &Setting("x".repeat(500))).map(drop));
        times.take(write).await?;
        tokio::time::sleep(PAUSE).await;
    }
    Ok(times)
}

impl Measured {
    fn tell(&self, data: u64) -> Outcome {
        let backup = self.backup.as_ref().ok_or("no backup was made")?;
        title("A backup, on disk and read again");
        fact("MiB in the data file", data >> 20);
        fact("MiB in the backup", backup.bytes >> 20);
        fact("rows", backup.rows);
        line("cp and an fsync", &self.copy);
        line("a backup, at rest", &self.rest);
        line("a backup, while others write", &self.busy);
        line("  of that: copying", &self.steps.copying);
        line("  verifying", &self.steps.verifying);
        line("  packing", &self.steps.packing);
        ratio("backup at rest / cp and fsync", &self.rest, &self.copy, Wanted::AtMost(2.0));
        ratio("backup while others write / cp and fsync", &self.busy, &self.copy, Wanted::AtMost(2.0));
        line("a restore, every record read", &self.restore);
        title("A small write");
        line("without a backup", &self.alone);
        line("during a backup", &self.meanwhile);
        ratio("during a backup / without", &self.meanwhile, &self.alone, Wanted::Any);
        Ok(())
    }
}
