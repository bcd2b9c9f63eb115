//! Measuring: repetitions, medians, and the lines that tell them. A ratio always has its reference in the same run.
#![allow(dead_code, reason = "every bench takes what it needs")]

pub(crate) mod filled;
pub(crate) mod lab;
pub(crate) mod large;
pub(crate) mod panel;
pub(crate) mod program;
pub(crate) mod redis;
pub(crate) mod rows;

use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// What a bench ends with.
pub(crate) type Outcome<T = ()> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// How long one thing took, each time.
#[derive(Clone, Debug, Default)]
pub(crate) struct Times(Vec<Duration>);

impl Times {
    pub(crate) fn push(&mut self, took: Duration) {
        self.0.push(took);
    }

    pub(crate) fn extend(&mut self, more: Self) {
        self.0.extend(more.0);
    }

    /// Runs `act` once and keeps how long it took.
    pub(crate) async fn take<T>(&mut self, act: impl Future<Output = T>) -> T {
        let began = Instant::now();
        let done = act.await;
        self.push(began.elapsed());
        done
    }

    pub(crate) fn median(&self) -> Duration {
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        sorted.get(sorted.len() / 2).copied().unwrap_or_default()
    }

    /// What so many of a hundred are not longer than.
    pub(crate) fn percentile(&self, percent: usize) -> Duration {
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        let at = (sorted.len() * percent / 100).min(sorted.len().saturating_sub(1));
        sorted.get(at).copied().unwrap_or_default()
    }

    fn spread(&self) -> (Duration, Duration) {
        (self.0.iter().min().copied().unwrap_or_default(), self.0.iter().max().copied().unwrap_or_default())
    }
}

/// Begins a group of lines.
pub(crate) fn title(text: &str) {
    println!("\n{text}");
}

/// How long something took.
pub(crate) fn line(what: &str, times: &Times) {
    let (least, most) = times.spread();
    let median = shown(times.median());
    println!("  {what:<52} {median:>10}   ({} to {}, {} times)", shown(least), shown(most), times.0.len());
}

/// Something that was counted.
pub(crate) fn fact(what: &str, value: impl std::fmt::Display) {
    println!("  {what:<52} {value:>10}");
}

/// What a figure should be.
#[derive(Clone, Copy)]
pub(crate) enum Wanted {
    /// There is no target.
    Any,
    AtMost(f64),
    AtLeast(f64),
}

/// A figure against its target. Nothing fails: machines differ, and a person reads this.
pub(crate) fn figure(what: &str, value: f64, digits: usize, wanted: Wanted) {
    let verdict = match wanted {
        Wanted::Any => String::new(),
        Wanted::AtMost(most) => format!("   wanted: at most {most}{}", missed(value > most)),
        Wanted::AtLeast(least) => format!("   wanted: at least {least}{}", missed(value < least)),
    };
    println!("  {what:<52} {value:>10.digits$}{verdict}");
}

fn missed(is_missed: bool) -> &'static str {
    if is_missed { ", MISSED" } else { "" }
}

/// How many times as long `of` took as `to`.
pub(crate) fn ratio(what: &str, of: &Times, to: &Times, wanted: Wanted) {
    figure(what, of.median().as_secs_f64() / to.median().as_secs_f64(), 2, wanted);
}

fn shown(time: Duration) -> String {
    let us = time.as_secs_f64() * 1e6;
    match us {
        _ if us < 10_000.0 => format!("{us:.0} µs"),
        _ if us < 10_000_000.0 => format!("{:.0} ms", us / 1e3),
        _ => format!("{:.1} s", us / 1e6),
    }
}

/// A number with its thousands set apart.
pub(crate) fn thousands(number: u32) -> String {
    match number {
        ..1_000 => number.to_string(),
        _ => format!("{},{:03}", number / 1_000, number % 1_000),
    }
}

/// A folder on the disk of the build, since that for temporary files is often in memory. Gone when dropped.
pub(crate) fn folder() -> Outcome<TempDir> {
    std::fs::create_dir_all(kept_folder())?;
    Ok(tempfile::Builder::new().prefix("bench-").tempdir_in(kept_folder())?)
}

/// Where things stay from one run to the next.
pub(crate) fn kept_folder() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("benches")
}

/// The time of one fsync of 4 KiB, of so many. The file has its size before, so that only its content is synced.
pub(crate) fn fsyncs(folder: &Path, syncs: u32) -> Outcome<Duration> {
    let mut file = File::options().create(true).truncate(false).write(true).open(folder.join("plain"))?;
    file.write_all(&vec![1; 4096 * syncs as usize])?;
    file.sync_all()?;
    file.seek(SeekFrom::Start(0))?;
    let began = Instant::now();
    for n in 0..syncs {
        file.write_all(&[u8::try_from(n % 251)?; 4096])?;
        file.sync_data()?;
    }
    Ok(began.elapsed() / syncs)
}
