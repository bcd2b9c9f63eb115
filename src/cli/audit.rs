use std::fs::OpenOptions;
use std::io::Write;
use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use reqwest::Url;
use serde_json::{Value, json};

use super::door::Door;
use super::{Common, Done, Failure, print, start_log};

/// Who did what
#[derive(Subcommand)]
pub(super) enum AuditCommand {
    /// Show the newest events
    List(List),
    /// Look whether the trail is what was once written: every event, every checkpoint
    Verify(Verify),
    /// Write the events to standard output or to a file; that they were exported is on record too
    Export(Export),
}

#[derive(Args)]
pub(super) struct Filters {
    /// Who, such as `person/0190...`, `job`, or all of a kind: person, api-key, panel
    #[arg(long)]
    actor: Option<String>,
    /// What was done, such as panel.add
    #[arg(long)]
    action: Option<String>,
    /// The kind of what it was done to, such as panel
    #[arg(long)]
    kind: Option<String>,
    /// The id of what it was done to
    #[arg(long)]
    id: Option<String>,
    /// Not older than this, such as 2026-01-31T12:00:00Z
    #[arg(long, value_name = "TIME")]
    from: Option<String>,
    /// Older than this
    #[arg(long, value_name = "TIME")]
    to: Option<String>,
    /// done, refused or failed
    #[arg(long)]
    outcome: Option<String>,
    /// Part of a name or an address
    #[arg(long, value_name = "TEXT")]
    search: Option<String>,
}

#[derive(Args)]
pub(super) struct List {
    #[command(flatten)]
    filters: Filters,
    /// So many
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..=1000))]
    limit: u16,
}

#[derive(Args)]
pub(super) struct Verify {
    /// The public key that was kept elsewhere, in hex; a trail that is signed with another one is refused
    #[arg(long, value_name = "HEX")]
    public_key: Option<String>,
}

#[derive(Args)]
pub(super) struct Export {
    #[command(flatten)]
    filters: Filters,
    /// What it looks like
    #[arg(long, value_enum, default_value_t = Format::Csv)]
    format: Format,
    /// The file to write; it must not exist [default: standard output]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    Csv,
    Jsonl,
}

impl AuditCommand {
    pub(super) async fn run(self, common: Common) -> Done {
        let config = common.load(&[])?;
        start_log("warn", config.log.format)?;
        let door = Door::open(&config).await?;
        let done = match self {
            Self::List(list) => list.run(&door, common.json).await,
            Self::Verify(verify) => verify.run(&door, common.json).await,
            Self::Export(export) => export.run(&door).await,
        };
        door.close().await;
        done
    }
}

impl Filters {
    /// The path with what is asked for.
    fn path(&self, path: &str, more: &[(&str, &str)]) -> Result<String, Failure> {
        let own = [
            ("actor", &self.actor),
            ("action", &self.action),
            ("kind", &self.kind),
            ("id", &self.id),
            ("from", &self.from),
            ("to", &self.to),
            ("outcome", &self.outcome),
            ("q", &self.search),
        ];
        let own = own.iter().filter_map(|(name, value)| Some((*name, value.as_deref()?)));
        let url = Url::parse_with_params(&format!("http://aviary{path}"), own.chain(more.iter().copied()));
        let url = url.map_err(|e| Failure::Failed(e.to_string()))?;
        Ok(format!("{}?{}", url.path(), url.query().unwrap_or_default()))
    }
}

impl List {
    async fn run(&self, door: &Door, as_json: bool) -> Done {
        let limit = self.limit.to_string();
        let page = door.get(&self.filters.path("/api/v1/audit", &[("limit", &limit)])?).await?;
        let events = page["items"].as_array().cloned().unwrap_or_default();
        if as_json {
            print::json_line(&events);
        } else if events.is_empty() {
            print::aside("Nothing is on record that fits.");
        } else {
            let rows: Vec<_> = events.iter().map(row).collect();
            print::table(&["No.", "When", "Who", "From", "What", "To", "Outcome"], &rows);
        }
        Ok(())
    }
}

fn row(event: &Value) -> Vec<String> {
    let text = |value: &Value| plain(value.as_str().unwrap_or_default());
    let target = &event["target"];
    let to =
        if target.is_null() { String::new() } else { format!("{} {}", text(&target["kind"]), text(&target["name"])) };
    vec![
        event["seq"].to_string(),
        text(&event["at"]),
        text(&event["actor"]["name"]),
        text(&event["actor"]["address"]),
        text(&event["action"]),
        to,
        text(&event["outcome"]),
    ]
}

/// Anybody may have chosen a name, so nothing in it may speak to the terminal.
fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

impl Verify {
    async fn run(&self, door: &Door, as_json: bool) -> Done {
        let found = door.post("/api/v1/audit/verify", json!({ "publicKey": self.public_key })).await?;
        if as_json {
            print::json_line(&found);
        } else {
            show(&found);
        }
        if found["whole"] == true {
            return Ok(());
        }
        Err(Failure::Failed(
            "the audit trail is not what was once written\nkeep a copy of the data file, compare with a backup from before, and look who could write to it"
                .into(),
        ))
    }
}

fn show(found: &Value) {
    let text = |name: &str| found[name].as_str().unwrap_or_default();
    match (found["first"].as_u64(), found["last"].as_u64()) {
        (Some(first), Some(last)) => print::line(&format!("Events {first} to {last}, {} in all.", found["events"])),
        _ => print::line("There are no events."),
    }
    if let Some(anchor) = found["anchor"].as_u64() {
        print::line(&format!("Older events were removed; the first one follows the checkpoint of event {anchor}."));
    }
    match found["signedUpTo"].as_u64() {
        Some(seq) => print::line(&format!(
            "{} checkpoints; the newest vouches for everything up to event {seq}, since {}.",
            found["checkpoints"],
            text("signedAt")
        )),
        None => print::line("No checkpoint vouches for them yet; a running Aviary makes one within the hour."),
    }
    if !found["publicKey"].is_null() {
        print::line(&format!("Public key {}", text("publicKey")));
    }
    for fault in found["faults"].as_array().into_iter().flatten() {
        print::line(&format!("  {}", plain(fault["what"].as_str().unwrap_or_default())));
    }
    match found["faultCount"].as_u64() {
        Some(0) => print::line("All of it is as it was written."),
        count => print::line(&format!("Faults: {}.", count.unwrap_or_default())),
    }
}

impl Export {
    async fn run(&self, door: &Door) -> Done {
        let format = match self.format {
            Format::Csv => "csv",
            Format::Jsonl => "jsonl",
        };
        let path = self.filters.path("/api/v1/audit/export", &[("format", format)])?;
        let mut out: Box<dyn Write> = match &self.out {
            Some(file) => {
                let made = OpenOptions::new().write(true).create_new(true).open(file);
                Box::new(made.map_err(|e| Failure::Failed(format!("{} cannot be made: {e}", file.display())))?)
            }
            None => Box::new(std::io::stdout()),
        };
        door.read(&path, |piece| out.write_all(piece)).await?;
        Ok(out.flush()?)
    }
}
