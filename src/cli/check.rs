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

fn show(report: &Value) {
    let rows = report["rows"].as_u64().unwrap_or(0);
    print::line(&format!("Looked at {rows} records."));
    for problem in report["problems"].as_array().into_iter().flatten() {
        print::line(&format!("  {}", problem.as_str().map_or_else(|| problem.to_string(), str::to_owned)));
    }
    if report["problemCount"].as_u64().unwrap_or(0) == 0 {
        print::line("All is well.");
    }
}
