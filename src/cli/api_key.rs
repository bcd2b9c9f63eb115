use aviary_kernel::base::{Env, Timestamp};
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use std::time::Duration;

use super::door::Door;
use super::{Common, Done, Failure, print, start_log};

const DAY: Duration = Duration::from_secs(86_400);

/// Keys for programs
#[derive(Subcommand)]
pub(super) enum ApiKeyCommand {
    /// Make a key; its text is printed once and never again
    Create(Create),
    /// List the keys
    List(List),
    /// Give a key another text; the old one stays good for a while
    Rotate(Rotate),
    /// Take a key back, at once and for good
    Revoke(Named),
}

#[derive(Args)]
pub(super) struct Create {
    /// What it is for
    #[arg(long)]
    name: String,
    /// E-mail address of the person whose key it is; it never may more than they
    #[arg(long, value_name = "EMAIL")]
    owner: String,
    /// What it may, such as sync.run, sync.* or *.read; may be given several times
    #[arg(long = "grant", value_name = "PERMISSION", required = true, value_delimiter = ',')]
    grants: Vec<String>,
    /// Days until it ends; 0 = never
    #[arg(long, value_name = "DAYS", default_value_t = 365)]
    expires: u32,
    /// Address or network that may use it, such as 192.0.2.0/24; all unless told
    #[arg(long = "address", value_name = "NETWORK", value_delimiter = ',')]
    addresses: Vec<String>,
    /// Requests a minute
    #[arg(long, value_name = "N")]
    per_minute: Option<u32>,
}

#[derive(Args)]
pub(super) struct List {
    /// Only the keys of the person with this e-mail address
    #[arg(long, value_name = "EMAIL")]
    owner: Option<String>,
}

#[derive(Args)]
pub(super) struct Named {
    /// Name or id of the key, or how it begins
    #[arg(value_name = "KEY")]
    key: String,
}

#[derive(Args)]
pub(super) struct Rotate {
    #[command(flatten)]
    named: Named,
    /// Hours for which the old text stays good, up to 168
    #[arg(long, value_name = "HOURS", default_value_t = 24)]
    overlap: u32,
}

impl ApiKeyCommand {
    pub(super) async fn run(self, common: Common) -> Done {
        let config = common.load(&[])?;
        start_log("warn", config.log.format)?;
        let door = Door::open(&config).await?;
        let done = match self {
            Self::Create(create) => create.run(&door, common.json).await,
            Self::List(list) => list.run(&door, common.json).await,
            Self::Rotate(rotate) => rotate.run(&door, common.json).await,
            Self::Revoke(named) => revoke(&door, &named, common.json).await,
        };
        door.close().await;
        done
    }
}

impl Create {
    async fn run(self, door: &Door, as_json: bool) -> Done {
        let end = (self.expires > 0).then(|| Env::system().now().plus(DAY * self.expires));
        let body = json!({
            "name": self.name, "owner": self.owner, "permissions": self.grants,
            "expiresAt": end.as_ref().map(Timestamp::to_string), "addresses": self.addresses, "perMinute": self.per_minute,
        });
        show_fresh(&door.post("/api/v1/api-keys", body).await?, as_json);
        Ok(())
    }
}

/// The text alone goes to standard output, so that a script can keep it.
fn show_fresh(fresh: &Value, as_json: bool) {
    if as_json {
        return print::json_line(fresh);
    }
    print::line(text(&fresh["text"]));
    let key = &fresh["key"];
    let end = key["expiresAt"].as_str().map_or_else(|| "it never ends".into(), |end| format!("it ends on {end}"));
    print::aside(&format!("The key {} belongs to {}; {end}.", text(&key["name"]), text(&key["ownerEmail"])));
    if let Some(until) = key["previousUntil"].as_str() {
        print::aside(&format!("Its old text is good until {until}."));
    }
    print::aside("Keep it now: it is not shown again.");
}

impl List {
    async fn run(self, door: &Door, as_json: bool) -> Done {
        let mut keys = all(door).await?;
        if let Some(owner) = &self.owner {
            keys.retain(|key| key["ownerEmail"].as_str().is_some_and(|email| email.eq_ignore_ascii_case(owner.trim())));
        }
        if as_json {
            print::json_line(&keys);
            return Ok(());
        }
        let row = |key: &Value| {
            let or = |field: &str, none: &str| key[field].as_str().unwrap_or(none).to_owned();
            let grants: Vec<&str> = key["permissions"].as_array().into_iter().flatten().map(text).collect();
            vec![
                or("name", ""),
                or("start", ""),
                or("ownerEmail", "gone"),
                or("state", ""),
                or("expiresAt", "never"),
                or("usedAt", "never"),
                grants.join(" "),
            ]
        };
        let head = ["name", "begins", "owner", "state", "ends", "last used", "may"];
        print::table(&head, &keys.iter().map(row).collect::<Vec<_>>());
        Ok(())
    }
}

impl Rotate {
    async fn run(self, door: &Door, as_json: bool) -> Done {
        let key = find(door, &self.named.key).await?;
        let path = format!("/api/v1/api-keys/{}/rotate", text(&key["id"]));
        show_fresh(&door.post(&path, json!({ "overlapHours": self.overlap })).await?, as_json);
        Ok(())
    }
}

async fn revoke(door: &Door, named: &Named, as_json: bool) -> Done {
    let key = find(door, &named.key).await?;
    let revoked = door.delete(&format!("/api/v1/api-keys/{}", text(&key["id"]))).await?;
    if as_json {
        print::json_line(&revoked);
    } else {
        print::line(&format!("Revoked {} ({}).", text(&key["name"]), text(&key["start"])));
    }
    Ok(())
}

async fn all(door: &Door) -> Result<Vec<Value>, Failure> {
    Ok(door.get("/api/v1/api-keys?owner=all").await?.as_array().cloned().unwrap_or_default())
}

async fn find(door: &Door, wanted: &str) -> Result<Value, Failure> {
    pick(all(door).await?, wanted)
}

/// The key with this id or beginning, or the only one of this name that is not revoked.
fn pick(keys: Vec<Value>, wanted: &str) -> Result<Value, Failure> {
    let is = |key: &Value, field: &str| key[field].as_str() == Some(wanted);
    let exact = keys.iter().find(|key| is(key, "id") || is(key, "start"));
    let mut named = keys.iter().filter(|key| is(key, "name") && key["state"] != "revoked");
    match (exact, named.next(), named.next()) {
        (Some(key), ..) | (None, Some(key), None) => Ok(key.clone()),
        (None, Some(_), Some(_)) => Err(Failure::Usage(format!(
            "several keys are called {wanted}: say how the one that you mean begins\nlist them with: aviary api-key list"
        ))),
        (None, None, _) => {
            Err(Failure::Failed(format!("there is no key {wanted}\nlist them with: aviary api-key list")))
        }
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_found_by_what_people_see_of_it() {
        let key = |id: &str, name: &str, state: &str| json!({ "id": id, "name": name, "start": format!("aviary_{id}"), "state": state });
        let keys = vec![
            key("1", "ci", "revoked"),
            key("2", "ci", "active"),
            key("3", "bot", "active"),
            key("4", "bot", "expired"),
        ];
        let found = |wanted: &str| pick(keys.clone(), wanted).map(|key| text(&key["id"]).to_owned());
        assert_eq!(found("ci").unwrap(), "2");
        assert_eq!(found("aviary_1").unwrap(), "1");
        assert_eq!(found("4").unwrap(), "4");
        assert!(matches!(found("bot"), Err(Failure::Usage(_))));
        assert!(matches!(found("sheep"), Err(Failure::Failed(_))));
    }
}
