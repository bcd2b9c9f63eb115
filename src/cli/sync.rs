use clap::Args;
use serde_json::{Value, json};

use super::door::Door;
use super::panel::pick;
use super::{Common, Done, Failure, print, start_log};

/// Bring the mirror up to date, and wait for it
#[derive(Args)]
pub(super) struct Sync {
    /// Name or number of the panel [default: all panels]
    #[arg(long, value_name = "NAME")]
    panel: Option<String>,
    /// Only these: locations, nodes, allocations, nests, users, servers, databases, subusers
    #[arg(long, value_name = "KIND", value_delimiter = ',')]
    only: Vec<String>,
}

impl Sync {
    pub(super) async fn run(self, common: Common) -> Done {
        let config = common.load(&[])?;
        start_log("error", config.log.format)?;
        let door = Door::open(&config).await?;
        let done = self.all(&door, common.json).await;
        door.close().await;
        done
    }

    async fn all(&self, door: &Door, as_json: bool) -> Done {
        let panels = door.get("/api/v1/panels").await?;
        let panels = panels.as_array().cloned().unwrap_or_default();
        let chosen = match &self.panel {
            None if !panels.is_empty() => panels,
            wanted => vec![pick(panels, wanted.as_deref())?],
        };
        let mut runs = Vec::new();
        for panel in &chosen {
            let run = self.one(door, panel, as_json).await?;
            if !as_json {
                show(panel, &run);
            }
            runs.push(run);
        }
        if as_json {
            let single = self.panel.is_some() || runs.len() == 1;
            if let (true, [run]) = (single, runs.as_slice()) { print::json_line(run) } else { print::json_line(&runs) }
        }
        verdict(&runs)
    }

    /// Starts or joins a sync and follows it to the end; once more when the one that was joined does not do all that is
    /// wanted. `joined` in the run tells whether it was at work before.
    async fn one(&self, door: &Door, panel: &Value, as_json: bool) -> Result<Value, Failure> {
        let body = if self.only.is_empty() { json!({}) } else { json!({ "only": self.only }) };
        loop {
            let started = door.post(&format!("/api/v1/panels/{}/sync", panel["id"]), body.clone()).await?;
            let (joined, covers) = (started["joined"] == true, started["covers"] != false);
            if joined && !as_json {
                print::aside(if covers {
                    "A sync of this panel is running already; following that one."
                } else {
                    "A sync of something else of this panel is running; yours starts when it is over."
                });
            }
            let mut run = follow(door, started["run"]["id"].as_str().unwrap_or_default(), as_json).await?;
            // One that is not over was lost from sight: whatever serves it is stopping.
            if covers || run["finishedAt"].is_null() {
                run["joined"] = joined.into();
                return Ok(run);
            }
        }
    }
}

/// Shows how far a sync is until it is over. The run as it ended.
async fn follow(door: &Door, id: &str, as_json: bool) -> Result<Value, Failure> {
    let mut progress = print::Progress::new(as_json);
    let followed = door
        .follow(&format!("/api/v1/syncs/{id}/events"), |name, run| {
            progress.show(&run);
            name == "done"
        })
        .await;
    progress.end();
    followed?;
    door.get(&format!("/api/v1/syncs/{id}")).await
}

fn show(panel: &Value, run: &Value) {
    let number = |value: &Value| value.as_u64().unwrap_or(0).to_string();
    let word = |value: &Value| value.as_str().unwrap_or("?").replace('_', " ");
    print::line(&format!(
        "{}: {}. {}.",
        word(&panel["name"]),
        word(&run["status"]),
        run["message"].as_str().unwrap_or_default()
    ));
    let rows: Vec<_> = run["steps"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|step| {
            let counts = &step["counts"];
            let mut row = vec![word(&step["target"]), word(&step["state"])];
            let fields = ["total", "created", "updated", "removed", "unchanged", "failed"];
            row.extend(fields.map(|field| number(&counts[field])));
            row.push(number(&step["requests"]));
            row
        })
        .collect();
    print::table(
        &["STEP", "STATE", "TOTAL", "CREATED", "UPDATED", "REMOVED", "UNCHANGED", "FAILED", "REQUESTS"],
        &rows,
    );
    let requests = &run["requests"];
    let noun = if requests == 1 { "request" } else { "requests" };
    print::line(&format!("{} {noun} in all", number(requests)));
    for issue in run["issues"].as_array().into_iter().flatten() {
        let place = issue["request"].as_str().map(|request| format!(" ({request})")).unwrap_or_default();
        print::aside(&format!("{}: {}{place}", word(&issue["target"]), issue["what"].as_str().unwrap_or_default()));
        print::aside(&format!("  hint: {}", issue["remedy"].as_str().unwrap_or_default()));
    }
}

/// The worst end decides.
fn verdict(runs: &[Value]) -> Done {
    if runs.iter().any(|run| run["status"] == "needs_review") {
        return Err(Failure::NeedsPerson(
            "a person must decide about removals\nlook at them on the sync's page".into(),
        ));
    }
    let unread = |run: &Value| {
        run["steps"]
            .as_array()
            .into_iter()
            .flatten()
            .any(|step| step["counts"]["failed"].as_u64().is_some_and(|n| n > 0))
    };
    match runs.iter().find(|run| run["status"] != "completed" || unread(run)) {
        Some(run) => Err(Failure::Failed(run["message"].as_str().unwrap_or("the sync failed").to_owned())),
        None => Ok(()),
    }
}
