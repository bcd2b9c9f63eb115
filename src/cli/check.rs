use aviary_kernel::config::Config;
use aviary_kernel::store::{Options, has_sound_pages};
use clap::Args;
use serde_json::{Value, json};

use super::door::Door;
use super::{Common, Done, Failure, print, start_log};

/// Check the data file: every record, index and counter
#[derive(Args)]
pub(super) struct Check {}

impl Check {
    pub(super) async fn run(self, common: Common) -> Done {
        let config = common.load(&[])?;
        start_log("warn", config.log.format)?;
        if !config.data_file().exists() {
            return Err(Failure::Failed(format!("there is no data file at {}", config.data_file().display())));
        }
        if !Door::is_served(&config).await {
            check_pages(&config).await?;
        }
        let door = Door::open(&config).await?;
        let report = door.post("/api/v1/check", json!({})).await;
        door.close().await;
        let report = report?;
        if common.json {
            print::json_line(&report)
        } else {
            show(&report)
        }
        if report["problemCount"].as_u64().unwrap_or(0) == 0 {
            Ok(())
        } else {
            Err(Failure::Failed(
                "the data file has problems\nrestore a backup, or sync anew into an empty data directory".into(),
            ))
        }
    }
}

/// Compares the checksums of all pages of a file that nobody has open. A running server would notice a damaged page when it
/// reads it; here it is looked for.
async fn check_pages(config: &Config) -> Done {
    let options = Options::file(config.data_file());
    let sound = tokio::task::spawn_blocking(move || has_sound_pages(&options));
    match sound.await.map_err(|e| Failure::Failed(e.to_string()))?? {
        true => Ok(()),
        false => Err(Failure::Failed(
            "pages of the data file are damaged\nrestore a backup, or sync anew into an empty data directory".into(),
        )),
    }
}

fn show(report: &Value) {
    let rows = report["rows"].as_u64().unwrap_or(0);
    print::line(&format!("Looked at {rows} records."));
    if let (Some(file), Some(used)) = (report["fileBytes"].as_u64(), report["usedBytes"].as_u64()) {
        let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
        let free = mib(file.saturating_sub(used));
        print::line(&format!(
            "The data file has {:.1} MiB, {free:.1} MiB of them free: they are used before it grows.",
            mib(file)
        ));
    }
    for problem in report["problems"].as_array().into_iter().flatten() {
        print::line(&format!("  {}", problem.as_str().map_or_else(|| problem.to_string(), str::to_owned)));
    }
    if report["problemCount"].as_u64().unwrap_or(0) == 0 {
        print::line("All is well.");
    }
}
