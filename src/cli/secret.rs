use std::path::{Path, PathBuf};
use std::time::Duration;

use aviary_kernel::base::{MasterKey, Secret};
use aviary_kernel::config::Config;
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::door::Door;
use super::{Common, Done, Failure, print, start_log};

/// The key that secrets are sealed under
#[derive(Subcommand)]
pub(super) enum SecretCommand {
    /// Renew the key, and seal everything anew; the old key is refused afterwards
    Rotate(Rotate),
}

#[derive(Args)]
pub(super) struct Rotate {
    /// File with the new key, 32 bytes in base64 or 64 hex digits; it is made when it is not there. Needed where Aviary cannot
    /// replace the key itself: a systemd credential, the environment
    #[arg(long, value_name = "FILE")]
    new_key_file: Option<PathBuf>,
}

/// How often a person is told how far it is.
const LOOK_EVERY: Duration = Duration::from_millis(100);

impl SecretCommand {
    pub(super) async fn run(self, common: Common) -> Done {
        let Self::Rotate(rotate) = self;
        let config = common.load(&[])?;
        start_log("error", config.log.format)?;
        let key = rotate.new_key_file.as_deref().map(NewKey::load).transpose()?;
        let (rotated, is_own) = renew(&config, key.as_ref(), common.json).await?;
        if common.json {
            print::json_line(&rotated);
        } else {
            show(&rotated, rotate.new_key_file.as_deref(), is_own);
        }
        Ok(())
    }
}

/// The new key that a person named: as it goes to a server, and as it is of use here.
struct NewKey {
    text: Secret<String>,
    key: MasterKey,
}

impl NewKey {
    fn load(path: &Path) -> Result<Self, Failure> {
        let usage = |why: String| Failure::Usage(format!("{}: {why}", path.display()));
        if !path.exists() {
            MasterKey::random()?.save_new(path)?;
        }
        let text = std::fs::read_to_string(path).map_err(|e| usage(format!("cannot be read: {e}")))?;
        let text = Secret::new(text);
        let key = MasterKey::parse(text.reveal());
        let key = key.map_err(|_| usage("holds no key; it takes 32 bytes in base64, or 64 hex digits".into()))?;
        Ok(Self { text, key })
    }
}

/// Renews the key and waits for it. How it went, and whether the data file was opened for it.
async fn renew(config: &Config, key: Option<&NewKey>, as_json: bool) -> Result<(Value, bool), Failure> {
    let door = Door::open_with(config, key.map(|key| key.key.clone())).await?;
    let is_own = door.is_own();
    let rotated = follow(&door, key, as_json).await;
    door.close().await;
    rotated.map(|rotated| (rotated, is_own))
}

async fn follow(door: &Door, key: Option<&NewKey>, as_json: bool) -> Result<Value, Failure> {
    const PROGRESS: &str = "/api/v1/secret/rotation";
    // Opening the file brought one to its end that had been broken off; that is what was wanted.
    let mut now = door.get(PROGRESS).await?;
    if !(door.is_own() && now["state"] == "done") {
        let body = key.map_or_else(|| json!({}), |key| json!({ "newKey": key.text.reveal().trim() }));
        now = door.post("/api/v1/secret/rotate", body).await?;
    }
    let mut progress = print::Progress::new(as_json);
    while now["state"] == "running" {
        progress.show_part(&now["percent"], &format!("{} records sealed anew", now["resealed"]));
        tokio::time::sleep(LOOK_EVERY).await;
        now = door.get(PROGRESS).await?;
    }
    progress.end();
    match now["problem"].as_str() {
        Some(problem) => Err(Failure::Failed(format!("{problem}\nrun the command again to go on"))),
        None => Ok(now),
    }
}

fn show(rotated: &Value, file: Option<&Path>, is_own: bool) {
    let id = |field: &str| rotated[field].as_str().unwrap_or("?").to_owned();
    if rotated["oldKey"].is_null() {
        print::line(&format!("The master key is {} already; nothing was changed.", id("newKey")));
        return;
    }
    let records = rotated["resealed"].as_u64().unwrap_or(0);
    print::line(&format!("Renewed the master key: it is {} now; {records} records were sealed anew.", id("newKey")));
    print::line(&format!("The old key {} opens nothing any more.", id("oldKey")));
    if let (Some(place), Some(file)) = (rotated["handOver"].as_str(), file) {
        let when = if is_own { "before Aviary starts" } else { "before Aviary starts again" };
        print::line(&format!("Now put the key of {} where the old one stands, {when}: {place}.", file.display()));
    }
}
