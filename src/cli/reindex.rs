use std::time::Duration;

use clap::Args;
use serde_json::{Value, json};

use super::door::Door;
use super::{Common, Done, Failure, print, start_log};

/// Make the search index anew from the data file
#[derive(Args)]
pub(super) struct Reindex {}

/// How often a person is told how far it is.
const LOOK_EVERY: Duration = Duration::from_millis(200);

impl Reindex {
    pub(super) async fn run(self, common: Common) -> Done {
        let config = common.load(&[])?;
        start_log("error", config.log.format)?;
        if !config.data_file().exists() {
            return Err(Failure::Failed(format!("there is no data file at {}", config.data_file().display())));
        }
        let door = Door::open(&config).await?;
        let made = follow(&door, common.json).await;
        door.close().await;
        let made = made?;
        if common.json {
            print::json_line(&made);
        } else {
            let documents = made["documents"].as_u64().unwrap_or(0);
            print::line(&format!("The search index is made anew: {documents} things can be found."));
        }
        Ok(())
    }
}

/// Begins it and waits for its end.
async fn follow(door: &Door, as_json: bool) -> Result<Value, Failure> {
    let mut progress = print::Progress::new(as_json);
    let mut now = door.post("/api/v1/reindex", json!({})).await?;
    loop {
        match now["state"].as_str() {
            Some("ready") => break,
            Some("broken") => {
                progress.end();
                return Err(Failure::Failed(now["problem"].as_str().unwrap_or("the index is broken").to_owned()));
            }
            _ => {
                let (done, of) = (now["done"].as_u64().unwrap_or(0), now["of"].as_u64().unwrap_or(0));
                let percent = (done * 100).checked_div(of).unwrap_or(0);
                progress.show_part(&percent.into(), "reading every record");
            }
        }
        tokio::time::sleep(LOOK_EVERY).await;
        now = door.get("/api/v1/search/standing").await?;
    }
    progress.end();
    Ok(now)
}
