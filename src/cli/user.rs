use std::io::Read;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::door::Door;
use super::{Common, Done, Failure, print, start_log};

/// People with an account
#[derive(Subcommand)]
pub(super) enum UserCommand {
    /// Make an account
    Create(Create),
    /// List the people
    List(List),
    /// Disable somebody: they are signed out at once, and cannot sign in
    Disable(Named),
    /// Let somebody in again
    Enable(Named),
    /// Set another password, or print a link to set one
    ResetPassword(ResetPassword),
    /// Take the second factor off somebody who lost it
    #[command(name = "reset-2fa")]
    Reset2fa(Named),
    /// Let somebody try again who was locked out after wrong passwords
    Unlock(Named),
}

#[derive(Args)]
pub(super) struct Create {
    /// E-mail address; counts as proved
    #[arg(long)]
    email: String,
    /// Role, such as SUPER_ADMIN; may be given several times
    #[arg(long = "role", value_name = "ROLE", default_value = "MEMBER", value_delimiter = ',')]
    roles: Vec<String>,
    /// File with the password; - reads it from standard input
    #[arg(long, value_name = "FILE")]
    password_file: PathBuf,
    /// What they are called; the part of the address before the @ unless told
    #[arg(long, value_name = "NAME")]
    username: Option<String>,
}

#[derive(Args)]
pub(super) struct List {
    /// Only whose address or name has this in it
    #[arg(long, value_name = "TEXT")]
    search: Option<String>,
}

#[derive(Args)]
pub(super) struct Named {
    /// E-mail address or id
    #[arg(value_name = "USER")]
    user: String,
}

#[derive(Args)]
pub(super) struct ResetPassword {
    #[command(flatten)]
    named: Named,
    /// File with the new password; - reads it from standard input. Without it a link is printed
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
}

impl UserCommand {
    pub(super) async fn run(self, common: Common) -> Done {
        let config = common.load(&[])?;
        start_log("warn", config.log.format)?;
        let password = self.password_file().map(read_password).transpose()?;
        let door = Door::open(&config).await?;
        let done = match self {
            Self::Create(create) => create.run(&door, password, common.json).await,
            Self::List(list) => list.run(&door, common.json).await,
            Self::Disable(named) => named.act(&door, "disable", "is disabled now", common.json).await,
            Self::Enable(named) => named.act(&door, "enable", "may sign in again", common.json).await,
            Self::ResetPassword(reset) => reset.run(&door, password, common.json).await,
            Self::Reset2fa(named) => {
                named.act(&door, "reset-second-factor", "has no second factor now", common.json).await
            }
            Self::Unlock(named) => named.act(&door, "unlock", "may try again", common.json).await,
        };
        door.close().await;
        done
    }

    fn password_file(&self) -> Option<&Path> {
        match self {
            Self::Create(create) => Some(&create.password_file),
            Self::ResetPassword(reset) => reset.password_file.as_deref(),
            _ => None,
        }
    }
}

/// The first line, as it is: a password may begin or end with a space.
fn read_password(path: &Path) -> Result<String, Failure> {
    let text = if path.as_os_str() == "-" {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text).map(|_| text)
    } else {
        std::fs::read_to_string(path)
    };
    let text = text.map_err(|e| Failure::Usage(format!("{}: {e}", path.display())))?;
    Ok(text.lines().next().unwrap_or_default().to_owned())
}

impl Create {
    async fn run(self, door: &Door, password: Option<String>, as_json: bool) -> Done {
        let body = json!({
            "email": self.email, "username": self.username, "password": password, "roles": self.roles, "verified": true,
        });
        let made = door.post("/api/v1/accounts", body).await?;
        if as_json {
            print::json_line(&made);
        } else {
            print::line(&format!("Made an account for {} ({}).", text(&made["email"]), roles(&made)));
        }
        Ok(())
    }
}

impl List {
    async fn run(self, door: &Door, as_json: bool) -> Done {
        let people = self.all(door).await?;
        if as_json {
            print::json_line(&people);
        } else if people.is_empty() {
            print::line(
                "Nobody yet. Make an account with: aviary user create --email E --role ROLE --password-file FILE",
            );
        } else {
            let rows: Vec<_> = people.iter().map(row).collect();
            print::table(&["EMAIL", "NAME", "ROLES", "STATE", "SECOND FACTOR", "LAST SIGN-IN"], &rows);
        }
        Ok(())
    }

    async fn all(&self, door: &Door) -> Result<Vec<Value>, Failure> {
        let search = self.search.as_deref().map(|text| format!("&search={}", encoded(text))).unwrap_or_default();
        let mut people = Vec::new();
        let mut cursor = String::new();
        loop {
            let page = door.get(&format!("/api/v1/accounts?sort=email&limit=1000{search}{cursor}")).await?;
            people.extend(page["items"].as_array().cloned().unwrap_or_default());
            match page["nextCursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return Ok(people),
            }
        }
    }
}

fn row(person: &Value) -> Vec<String> {
    let state = match (person["isActive"] == true, person["isClaimed"] == true) {
        (false, _) => "disabled",
        (true, false) => "from a panel",
        (true, true) if person["emailVerified"].is_null() => "address not proved",
        (true, true) => "active",
    };
    vec![
        text(&person["email"]).to_owned(),
        text(&person["username"]).to_owned(),
        roles(person),
        state.to_owned(),
        if person["hasSecondFactor"] == true { "on" } else { "off" }.to_owned(),
        person["lastLoginAt"].as_str().unwrap_or("never").to_owned(),
    ]
}

impl Named {
    fn path(&self, action: &str) -> String {
        format!("/api/v1/accounts/{}/{action}", encoded(self.user.trim()))
    }

    async fn act(&self, door: &Door, action: &str, told: &str, as_json: bool) -> Done {
        let person = door.post(&self.path(action), json!({})).await?;
        if as_json {
            print::json_line(&person);
        } else {
            print::line(&format!("{} {told}.", text(&person["email"])));
        }
        Ok(())
    }
}

impl ResetPassword {
    async fn run(self, door: &Door, password: Option<String>, as_json: bool) -> Done {
        if let Some(password) = password {
            let person = door.post(&self.named.path("password"), json!({ "password": password })).await?;
            if as_json {
                print::json_line(&person);
            } else {
                print::line(&format!("{} has another password now, and was signed out.", text(&person["email"])));
            }
            return Ok(());
        }
        let made = door.post(&self.named.path("reset-link"), json!({})).await?;
        if as_json {
            print::json_line(&made);
        } else {
            print::line(text(&made["link"]));
            print::aside(&format!(
                "Give this link to {} only: it sets their password, once, until {}.",
                text(&made["email"]),
                text(&made["expiresAt"])
            ));
        }
        Ok(())
    }
}

fn roles(person: &Value) -> String {
    let names = person["roles"].as_array().into_iter().flatten().map(text);
    names.collect::<Vec<_>>().join(", ")
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// Text as a part of an address.
fn encoded(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    text.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}
