use std::io::{IsTerminal, Read};
use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::door::Door;
use super::{Common, Done, Failure, print, start_log};

/// The panels that are mirrored
#[derive(Subcommand)]
pub(super) enum PanelCommand {
    /// Add a panel and test the connection
    Add(Add),
    /// List the panels
    List,
    /// Ask a panel whether everything can be mirrored
    Test(Named),
    /// Remove a panel and all that was mirrored from it; the panel itself is not touched
    Remove(Remove),
}

#[derive(Args)]
pub(super) struct Add {
    /// What to call it
    #[arg(long)]
    name: String,
    /// Its address, such as https://panel.example.com
    #[arg(long)]
    url: String,
    /// File with the Application API key; - reads it from standard input
    #[arg(long, value_name = "FILE")]
    app_key_file: PathBuf,
    /// File with a Client API key of an administrator
    #[arg(long, value_name = "FILE")]
    client_key_file: Option<PathBuf>,
    /// How much of the panel's request limit to use, in percent
    #[arg(long, value_name = "PERCENT")]
    share: Option<u8>,
    /// Seconds between automatic syncs; 0 = only by hand
    #[arg(long, value_name = "SECONDS")]
    every: Option<u32>,
}

#[derive(Args)]
pub(super) struct Named {
    /// Name or number of the panel
    #[arg(value_name = "PANEL")]
    panel: Option<String>,
    /// Name of the panel
    #[arg(long = "name", value_name = "PANEL", conflicts_with = "panel")]
    name: Option<String>,
}

#[derive(Args)]
pub(super) struct Remove {
    #[command(flatten)]
    named: Named,
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

impl PanelCommand {
    pub(super) async fn run(self, common: Common) -> Done {
        let config = common.load(&[])?;
        start_log("warn", config.log.format)?;
        let body = if let Self::Add(add) = &self { Some(add.body()?) } else { None };
        let door = Door::open(&config).await?;
        let done = match self {
            Self::Add(_) => add(&door, body.unwrap_or_default(), common.json).await,
            Self::List => list(&door, common.json).await,
            Self::Test(named) => test(&door, named, common.json).await,
            Self::Remove(remove) => remove.run(&door, common.json).await,
        };
        door.close().await;
        done
    }
}

impl Add {
    fn body(&self) -> Result<Value, Failure> {
        let client_key = self.client_key_file.as_ref().map(read_key).transpose()?;
        Ok(json!({
            "name": self.name, "url": self.url, "appKey": read_key(&self.app_key_file)?, "clientKey": client_key,
            "sharePercent": self.share, "syncEveryS": self.every,
        }))
    }
}

fn read_key(path: &PathBuf) -> Result<String, Failure> {
    let text = if path.as_os_str() == "-" {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text).map(|_| text)
    } else {
        std::fs::read_to_string(path)
    };
    let text = text.map_err(|e| Failure::Usage(format!("{}: {e}", path.display())))?;
    Ok(text.trim().to_owned())
}

async fn add(door: &Door, body: Value, as_json: bool) -> Done {
    let panel = door.post("/api/v1/panels", body).await?;
    let test = door.post(&format!("/api/v1/panels/{}/test", panel["id"]), json!({})).await;
    if as_json {
        let test = test.as_ref().map_or(Value::Null, Clone::clone);
        print::json_line(&json!({ "panel": panel, "test": test }));
    } else {
        print::line(&format!("Added {} as panel {}.", text(&panel["name"]), panel["id"]));
    }
    match test {
        Ok(_) if as_json => Ok(()),
        Ok(check) => {
            show_check(&check);
            print::line("Next: aviary sync");
            Ok(())
        }
        Err(Failure::Failed(why) | Failure::Usage(why) | Failure::NeedsPerson(why)) => Err(Failure::Failed(format!(
            "the panel was added, but the test failed: {why}\nmend it, then run: aviary panel test {}",
            panel["id"]
        ))),
    }
}

async fn list(door: &Door, as_json: bool) -> Done {
    let panels = door.get("/api/v1/panels").await?;
    if as_json {
        print::json_line(&panels);
        return Ok(());
    }
    let rows: Vec<_> = panels.as_array().into_iter().flatten().map(row).collect();
    if rows.is_empty() {
        print::line("No panels yet. Add one with: aviary panel add --name NAME --url URL --app-key-file FILE");
    } else {
        print::table(&["NUMBER", "NAME", "ADDRESS", "DIALECT", "LAST FULL SYNC", "STATE"], &rows);
    }
    Ok(())
}

fn row(panel: &Value) -> Vec<String> {
    let state = panel["reach"]["trouble"].as_str().unwrap_or(if panel["reach"]["at"].is_null() {
        "not tried"
    } else {
        "answers"
    });
    vec![
        panel["id"].to_string(),
        text(&panel["name"]),
        text(&panel["url"]),
        panel["dialect"].as_str().unwrap_or("not known yet").to_owned(),
        panel["syncedAt"].as_str().unwrap_or("never").to_owned(),
        state.to_owned(),
    ]
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

async fn test(door: &Door, named: Named, as_json: bool) -> Done {
    let panel = find(door, &named).await?;
    let check = door.post(&format!("/api/v1/panels/{}/test", panel["id"]), json!({})).await?;
    if as_json {
        print::json_line(&check)
    } else {
        show_check(&check)
    }
    let problem = check["findings"].as_array().into_iter().flatten().any(|finding| finding["severity"] == "problem");
    if problem { Err(Failure::Failed("not everything can be mirrored".into())) } else { Ok(()) }
}

fn show_check(check: &Value) {
    print::line(&format!("The panel answers, and speaks the API of {}.", text(&check["dialect"])));
    for finding in check["findings"].as_array().into_iter().flatten() {
        print::line(&format!("  {}: {}", text(&finding["severity"]), text(&finding["what"])));
        if let Some(remedy) = finding["remedy"].as_str().filter(|remedy| !remedy.is_empty()) {
            print::line(&format!("    {remedy}"));
        }
    }
}

/// The panel that is meant; the only one when none is named.
async fn find(door: &Door, named: &Named) -> Result<Value, Failure> {
    let panels = door.get("/api/v1/panels").await?;
    pick(panels.as_array().cloned().unwrap_or_default(), named.panel.as_deref().or(named.name.as_deref()))
}

/// The panel with this name or number, or the only one.
pub(super) fn pick(panels: Vec<Value>, wanted: Option<&str>) -> Result<Value, Failure> {
    let count = panels.len();
    let found = match wanted {
        Some(wanted) => {
            let is_it = |panel: &Value| {
                panel["name"].as_str().is_some_and(|name| name.eq_ignore_ascii_case(wanted))
                    || panel["id"].as_u64().is_some_and(|id| id.to_string() == wanted)
            };
            panels.into_iter().find(is_it)
        }
        None if count == 1 => panels.into_iter().next(),
        None => None,
    };
    found.ok_or_else(|| match wanted {
        Some(wanted) => Failure::Failed(format!("there is no panel {wanted}\nlist them with: aviary panel list")),
        None if count == 0 => Failure::Failed("there are no panels yet\nadd one with: aviary panel add".into()),
        None => Failure::Usage("there are several panels: say which one\nlist them with: aviary panel list".into()),
    })
}

impl Remove {
    async fn run(self, door: &Door, as_json: bool) -> Done {
        if self.named.panel.is_none() && self.named.name.is_none() {
            return Err(Failure::Usage("say which panel to remove".into()));
        }
        let panel = find(door, &self.named).await?;
        if !self.yes && !agreed(&text(&panel["name"]))? {
            return Err(Failure::NeedsPerson("nothing was removed".into()));
        }
        let removed = door.delete(&format!("/api/v1/panels/{}", panel["id"])).await?;
        if as_json {
            print::json_line(&removed);
        } else {
            print::line(&format!("Removed {}. Its sync log and history stay.", text(&panel["name"])));
        }
        Ok(())
    }
}

fn agreed(name: &str) -> Result<bool, Failure> {
    if !std::io::stdin().is_terminal() {
        return Err(Failure::NeedsPerson(format!("removing {name} needs a person, or --yes")));
    }
    print::stay(&format!("Remove {name} and all that was mirrored from it? Type its name: "));
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer)?;
    Ok(answer.trim() == name)
}
