use std::path::{Path, PathBuf};
use std::time::Duration;

use aviary_domain::ops::{Backup, BackupOptions};
use aviary_kernel::config::Config;
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::door::Door;
use super::{Common, Done, Failure, print, start_log};

/// Back the data file up, while Aviary runs
#[derive(Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct BackupCommand {
    /// Another folder than that of the configuration; nothing is removed from it
    #[arg(long, value_name = "DIR")]
    to: Option<PathBuf>,
    #[command(subcommand)]
    command: Option<Sub>,
}

#[derive(Subcommand)]
enum Sub {
    /// The backups there are
    List,
}

/// How often a person is told how far it is.
const LOOK_EVERY: Duration = Duration::from_millis(200);

const PATH: &str = "/api/v1/backups";

impl BackupCommand {
    pub(super) async fn run(self, common: Common) -> Done {
        let config = common.load(&[])?;
        start_log("warn", config.log.format)?;
        match self.command {
            Some(Sub::List) => list(&config, common.json).await,
            None => make(&config, self.to, common.json).await,
        }
    }
}

async fn make(config: &Config, to: Option<PathBuf>, as_json: bool) -> Done {
    if !config.data_file().exists() {
        return Err(Failure::Failed(format!("there is no data file at {}", config.data_file().display())));
    }
    // The server may stand in another folder than this command.
    let to = to.map(std::path::absolute).transpose()?;
    let to = to.as_deref().map(as_text).transpose()?;
    let door = Door::open(config).await?;
    let made = follow(&door, json!({ "to": to }), as_json).await;
    door.close().await;
    let made = made?;
    if as_json {
        print::json_line(&made);
    } else {
        show(&made);
    }
    Ok(())
}

fn as_text(path: &Path) -> Result<&str, Failure> {
    path.to_str().ok_or_else(|| Failure::Usage(format!("the path {} is no text", path.display())))
}

/// Waits for the backup, and shows meanwhile how far it is.
async fn follow(door: &Door, body: Value, as_json: bool) -> Result<Value, Failure> {
    let mut progress = print::Progress::new(as_json);
    let made = door.post(PATH, body);
    tokio::pin!(made);
    loop {
        tokio::select! {
            made = &mut made => {
                progress.end();
                return made;
            }
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
        // Only for show: what goes wrong is told by the answer that is waited for.
        if progress.is_watched()
            && let Ok(all) = door.get(PATH).await
            && let Some(step) = all["running"]["step"].as_str()
        {
            progress.show_part(&all["running"]["percent"], step);
        }
    }
}

fn show(made: &Value) {
    let number = |field: &str| made[field].as_u64().unwrap_or(0);
    let path = made["path"].as_str().unwrap_or_default();
    print::line(&format!(
        "Backed up {} records to {path} ({} of {}) in {} ms.",
        number("rows"),
        size(number("bytes")),
        size(number("dataBytes")),
        number("tookMs")
    ));
    match made["key"].as_str() {
        Some(key) => print::line(&format!(
            "Secrets in it stay sealed. The master key {key} is not in it: keep a copy of that apart, a backup without it opens no secret."
        )),
        None => print::line("It holds no secrets yet."),
    }
}

/// The folder can be looked at whatever state the data file is in.
async fn list(config: &Config, as_json: bool) -> Done {
    let (dir, backups) = if Door::is_served(config).await {
        let door = Door::open(config).await?;
        let all = door.get(PATH).await;
        door.close().await;
        let mut all = all?;
        (all["dir"].as_str().unwrap_or_default().to_owned(), all["backups"].take())
    } else {
        let options = options(config);
        (options.dir.display().to_string(), options.list()?.iter().map(value).collect())
    };
    if as_json {
        print::json_line(&backups);
        return Ok(());
    }
    let backups = backups.as_array().map(Vec::as_slice).unwrap_or_default();
    if backups.is_empty() {
        print::line(&format!("There are no backups in {dir}. Make one with `aviary backup`."));
        return Ok(());
    }
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    let row = |backup: &Value| {
        let bytes = size(backup["bytes"].as_u64().unwrap_or(0));
        let key = text(&backup["key"]);
        vec![text(&backup["madeAt"]), bytes, backup["rows"].to_string(), key, text(&backup["name"])]
    };
    print::table(&["MADE", "SIZE", "RECORDS", "KEY", "FILE"], &backups.iter().map(row).collect::<Vec<_>>());
    print::aside(&format!("They are in {dir}."));
    Ok(())
}

/// Where backups go.
pub(super) fn options(config: &Config) -> BackupOptions {
    BackupOptions { dir: config.backup_dir(), keep: config.backup.keep as usize }
}

/// As the API shows it.
pub(super) fn value(backup: &Backup) -> Value {
    let Backup { name, path, bytes, data_bytes, rows, took_ms, made_at, key, release } = backup;
    json!({
        "name": name, "path": path.display().to_string(), "bytes": bytes, "dataBytes": data_bytes, "rows": rows, "tookMs": took_ms,
        "madeAt": made_at, "key": key, "release": release,
    })
}

/// A size for people.
pub(super) fn size(bytes: u64) -> String {
    match bytes {
        0..1_048_576 => format!("{} KiB", bytes.div_ceil(1024)),
        1_048_576..1_073_741_824 => format!("{:.1} MiB", bytes as f64 / 1_048_576.0),
        _ => format!("{:.1} GiB", bytes as f64 / 1_073_741_824.0),
    }
}
