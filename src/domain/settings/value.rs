//! Values of settings: how they are read, stored and shown.

use std::fmt;

use aviary_kernel::base::{Error, Result, Sealer, Secret};
use aviary_kernel::config::WebUrl;
use aviary_kernel::model::{Email, StoredValue};
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::json;

use super::catalogue::{Key, Type};
use crate::masked::{MASK, marked, meant};

/// The value of a setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// On or off.
    Switch(bool),
    /// A whole number.
    Number(u64),
    /// A line; empty = not set.
    Text(String),
    /// Several lines.
    List(Vec<String>),
    /// A secret; none = not set.
    Secret(Option<Secret<String>>),
}

impl Value {
    /// For people and programs: secrets are masked, and empty when there is none.
    pub fn shown(&self) -> serde_json::Value {
        match self {
            Self::Switch(on) => json!(on),
            Self::Number(number) => json!(number),
            Self::Text(text) => json!(text),
            Self::List(items) => json!(items),
            Self::Secret(secret) => json!(if secret.is_some() { MASK } else { "" }),
        }
    }

    /// For the audit trail: a secret is only marked; none when there is nothing.
    pub(super) fn told(&self, sealer: &Sealer) -> Option<String> {
        match self {
            Self::Secret(Some(secret)) => Some(marked(sealer.fingerprint(secret.reveal().as_bytes()))),
            other => other.told_outside(),
        }
    }

    /// For those outside who want to hear of changes: of a secret only that there is one; none when there is nothing.
    pub(super) fn told_outside(&self) -> Option<String> {
        match self {
            Self::Switch(on) => Some(on.to_string()),
            Self::Number(number) => Some(number.to_string()),
            Self::Text(text) => Some(text.clone()).filter(|text| !text.is_empty()),
            Self::List(items) => Some(items.join(", ")).filter(|text| !text.is_empty()),
            Self::Secret(secret) => secret.as_ref().map(|_| MASK.to_owned()),
        }
    }

    /// Whether there is anything.
    pub fn is_set(&self) -> bool {
        match self {
            Self::Switch(_) | Self::Number(_) => true,
            Self::Text(text) => !text.is_empty(),
            Self::List(items) => !items.is_empty(),
            Self::Secret(secret) => secret.is_some(),
        }
    }

    /// On or off; anything else counts as off.
    pub(super) fn switch(&self) -> bool {
        matches!(self, Self::Switch(true))
    }

    /// The number; 0 for anything else.
    pub(super) fn number(&self) -> u64 {
        if let Self::Number(number) = self { *number } else { 0 }
    }

    /// The text, where there is one.
    pub(super) fn text(self) -> Option<String> {
        if let Self::Text(text) = self { Some(text).filter(|text| !text.is_empty()) } else { None }
    }

    /// The secret, where there is one.
    pub(super) fn secret(self) -> Option<Secret<String>> {
        if let Self::Secret(secret) = self { secret } else { None }
    }

    #[cfg(test)]
    pub(super) fn fits(&self, kind: Type) -> bool {
        matches!(
            (self, kind),
            (Self::Switch(_), Type::Switch)
                | (Self::Number(_), Type::Number { .. })
                | (Self::Text(_), Type::Text(_) | Type::Url | Type::Email | Type::Sender | Type::Choice(_))
                | (Self::List(_), Type::Repositories)
                | (Self::Secret(_), Type::Secret)
        )
    }

    /// As it goes to the data file. A secret is sealed for its setting.
    pub(super) fn store(&self, key: Key, sealer: &Sealer) -> Result<StoredValue> {
        if let Self::Secret(Some(secret)) = self {
            let mark = sealer.fingerprint(secret.reveal().as_bytes());
            return Ok(StoredValue::Secret { mark, sealed: sealer.seal(&place(key.about().key), secret.reveal())? });
        }
        Ok(StoredValue::Plain(self.shown().to_string()))
    }

    /// As it comes from the data file.
    pub(super) fn load(key: Key, stored: &StoredValue, sealer: &Sealer) -> Result<Self> {
        let text = match stored {
            StoredValue::Secret { sealed, .. } => {
                return sealer.open(&place(key.about().key), sealed).map(|clear| Self::Secret(Some(clear)));
            }
            StoredValue::Plain(text) => text,
        };
        let bad = |e: serde_json::Error| Error::corrupt("setting_values", e);
        Ok(match key.about().kind {
            Type::Switch => Self::Switch(serde_json::from_str(text).map_err(bad)?),
            Type::Number { .. } => Self::Number(serde_json::from_str(text).map_err(bad)?),
            Type::Text(_) | Type::Url | Type::Email | Type::Sender | Type::Choice(_) => {
                Self::Text(serde_json::from_str(text).map_err(bad)?)
            }
            Type::Repositories => Self::List(serde_json::from_str(text).map_err(bad)?),
            Type::Secret => Self::Secret(None),
        })
    }
}

/// Where a secret is sealed for.
fn place(key: &str) -> String {
    format!("settings/{key}")
}

/// What somebody wants a setting to be, as it was sent. Texts of forms are understood for every type.
#[derive(Clone, Debug)]
pub enum Wanted {
    /// What counts without it: the configuration, or the default.
    Reset,
    /// On or off.
    Switch(bool),
    /// A number.
    Number(i64),
    /// A text; in memory like a secret, because it may be one.
    Text(Secret<String>),
    /// A list.
    List(Vec<String>),
    /// These behind those that are there already.
    Merge(Vec<String>),
    /// Something that no setting takes.
    Odd,
}

impl From<&str> for Wanted {
    fn from(text: &str) -> Self {
        Self::Text(text.into())
    }
}

/// What is to be done about a setting.
#[derive(Clone, Debug)]
pub(super) enum Step {
    Keep,
    Reset,
    Put(Value),
    Merge(Vec<String>),
}

impl Wanted {
    /// Reads it for a setting; the reason says what would be right, and never repeats a secret.
    pub(super) fn read(&self, key: Key) -> Result<Step, String> {
        let kind = key.about().kind;
        match (self, kind) {
            (Self::Reset, _) => Ok(Step::Reset),
            (Self::Text(text), Type::Secret) => secret(text),
            (_, Type::Secret) => Err("is a text".into()),
            (Self::Switch(on), Type::Switch) => Ok(Step::Put(Value::Switch(*on))),
            (Self::Text(text), Type::Switch) => match text.reveal().trim().to_ascii_lowercase().as_str() {
                "true" | "1" | "yes" => Ok(Step::Put(Value::Switch(true))),
                "false" | "0" | "no" => Ok(Step::Put(Value::Switch(false))),
                _ => Err("is true or false".into()),
            },
            (_, Type::Switch) => Err("is true or false".into()),
            (_, Type::Number { least, most, unit }) => {
                let number = match self {
                    Self::Number(number) => u64::try_from(*number).ok(),
                    Self::Text(text) => text.reveal().trim().parse().ok(),
                    _ => None,
                };
                let fits = number.filter(|number| (least..=most).contains(number));
                let of = if unit.is_empty() { String::new() } else { format!(" ({unit})") };
                let number = fits.ok_or_else(|| format!("must be a whole number from {least} to {most}{of}"))?;
                Ok(Step::Put(Value::Number(number)))
            }
            (Self::List(items), Type::Repositories) => repositories(items).map(|list| Step::Put(Value::List(list))),
            (Self::Merge(items), Type::Repositories) => repositories(items).map(Step::Merge),
            (Self::Text(text), Type::Repositories) => {
                repositories(&lines(text.reveal())).map(|list| Step::Put(Value::List(list)))
            }
            (_, Type::Repositories) => Err("is a list of owner/name".into()),
            (Self::Text(text), Type::Choice(words)) => {
                let found = words.iter().find(|word| word.eq_ignore_ascii_case(text.reveal().trim()));
                let word = found.ok_or_else(|| format!("is one of {}", words.join(", ")))?;
                Ok(Step::Put(Value::Text((*word).to_owned())))
            }
            (Self::Text(text), _) if key == Key::SmtpHost => {
                host(text.reveal()).map(|text| Step::Put(Value::Text(text)))
            }
            (Self::Text(text), _) => line(text.reveal(), kind).map(|text| Step::Put(Value::Text(text))),
            _ => Err("is a text".into()),
        }
    }

    /// The lines of a list that was sent as a text: JSON, or one a line.
    pub fn into_list(self) -> Self {
        match self {
            Self::Text(text) => Self::List(lines(text.reveal())),
            other => other,
        }
    }
}

fn lines(text: &str) -> Vec<String> {
    if let Ok(list) = serde_json::from_str::<Vec<String>>(text) {
        return list;
    }
    text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

/// Longer than any token that is in use.
const LONGEST_SECRET: usize = 4096;

fn secret(text: &Secret<String>) -> Result<Step, String> {
    match meant(text.reveal()) {
        "" | MASK => Ok(Step::Keep),
        clear if clear.len() <= LONGEST_SECRET && clear.chars().all(|c| c.is_ascii_graphic()) => {
            Ok(Step::Put(Value::Secret(Some(clear.into()))))
        }
        clear if clear.contains('•') => Err("is a mask with something else in it: paste the secret whole".into()),
        _ => Err(format!("needs at most {LONGEST_SECRET} plain characters without blanks: paste the secret whole")),
    }
}

/// The name or address of a machine, without anything around it.
fn host(raw: &str) -> Result<String, String> {
    let text = raw.trim();
    let is_name =
        text.len() <= 253 && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b':'));
    if is_name { Ok(text.to_owned()) } else { Err("must be the name of a machine, such as smtp.example.com".into()) }
}

/// Longest address.
const LONGEST_URL: usize = 500;

fn line(raw: &str, kind: Type) -> Result<String, String> {
    let text = raw.trim();
    if text.chars().any(char::is_control) {
        return Err("must be one line without control characters".into());
    }
    if text.is_empty() {
        return Ok(String::new());
    }
    match kind {
        Type::Url => match text.parse::<WebUrl>() {
            Ok(url) if url.as_str().len() <= LONGEST_URL => Ok(url.as_str().to_owned()),
            _ => {
                Err("must be an address such as https://www.example.com, without a user, a query or a fragment".into())
            }
        },
        Type::Email => email(text),
        Type::Sender => sender(text),
        Type::Text(longest) if text.chars().count() > longest => Err(format!("needs at most {longest} characters")),
        _ => Ok(text.to_owned()),
    }
}

fn email(text: &str) -> Result<String, String> {
    Email::parse(text).map(|email| email.to_string()).map_err(|error| match error {
        Error::Invalid { reason, .. } => reason,
        other => other.to_string(),
    })
}

fn sender(text: &str) -> Result<String, String> {
    let Some((name, rest)) = text.split_once('<') else { return email(text) };
    let wrong = || "is an address, or a name and an address such as Aviary <noreply@example.com>".to_owned();
    let address = email(rest.strip_suffix('>').ok_or_else(wrong)?)?;
    let name = name.trim();
    if name.chars().count() > 100 || name.contains(['"', '>', ',', ';', ':', '@']) {
        return Err(wrong());
    }
    Ok(if name.is_empty() { address } else { format!("{name} <{address}>") })
}

/// Names of repositories as they are stored; each only once.
fn repositories(items: &[String]) -> Result<Vec<String>, String> {
    let mut list: Vec<String> = Vec::new();
    for item in items {
        let name = repository(item)?;
        if !list.contains(&name) {
            list.push(name);
        }
    }
    if list.len() > MOST_REPOSITORIES {
        return Err(format!("takes at most {MOST_REPOSITORIES} repositories"));
    }
    Ok(list)
}

/// More would not fit a page.
const MOST_REPOSITORIES: usize = 200;

/// The name of a repository, trimmed: `owner/name`.
pub(super) fn repository(raw: &str) -> Result<String, String> {
    let name = raw.trim();
    let plain = name.len() <= 200 && !name.chars().any(|c| c.is_whitespace() || c.is_control());
    match name.split_once('/') {
        Some((owner, rest)) if plain && !owner.is_empty() && !rest.is_empty() && !rest.contains('/') => {
            Ok(name.to_owned())
        }
        _ => Err("takes repositories as owner/name, such as octocat/hello-world".into()),
    }
}

/// The lists of before and after, without repetition.
pub(super) fn merged(mut before: Vec<String>, more: Vec<String>) -> Vec<String> {
    for item in more {
        if !before.contains(&item) {
            before.push(item);
        }
    }
    before
}

impl<'de> Deserialize<'de> for Wanted {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AsSent)
    }
}

struct AsSent;

impl<'de> Visitor<'de> for AsSent {
    type Value = Wanted;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Wanted, E> {
        Ok(Wanted::Reset)
    }

    fn visit_bool<E>(self, on: bool) -> Result<Wanted, E> {
        Ok(Wanted::Switch(on))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Wanted, E> {
        Ok(Wanted::Number(number))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Wanted, E> {
        Ok(i64::try_from(number).map_or(Wanted::Odd, Wanted::Number))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Wanted, E> {
        Ok(Wanted::Odd)
    }

    fn visit_str<E>(self, text: &str) -> Result<Wanted, E> {
        Ok(Wanted::Text(text.into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Wanted, A::Error> {
        let (mut items, mut odd) = (Vec::new(), false);
        while let Some(item) = seq.next_element::<Wanted>()? {
            match item {
                Wanted::Text(text) => items.push(text.reveal().clone()),
                _ => odd = true,
            }
        }
        Ok(if odd { Wanted::Odd } else { Wanted::List(items) })
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Wanted, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Wanted::Odd)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(key: Key, wanted: &str) -> Result<Value, String> {
        match Wanted::from(wanted).read(key)? {
            Step::Put(value) => Ok(value),
            other => Err(format!("{other:?}")),
        }
    }

    #[test]
    fn texts_are_read_for_every_type_and_nonsense_is_refused() {
        assert_eq!(put(Key::MaintenanceMode, "yes"), Ok(Value::Switch(true)));
        assert_eq!(put(Key::SyncInterval, " 60 "), Ok(Value::Number(60)));
        assert_eq!(put(Key::SiteUrl, "https://a.example/"), Ok(Value::Text("https://a.example".into())));
        assert_eq!(put(Key::EmailFrom, "A B <a@b.example>"), Ok(Value::Text("A B <a@b.example>".into())));
        assert_eq!(put(Key::MailService, " SMTP "), Ok(Value::Text("smtp".into())));
        assert_eq!(put(Key::GithubRepositories, "[\"a/b\",\"a/b\"]"), Ok(Value::List(vec!["a/b".into()])));
        for (key, bad) in [
            (Key::MaintenanceMode, "maybe"),
            (Key::SyncInterval, "59"),
            (Key::SyncInterval, "-1"),
            (Key::SiteUrl, "a.example"),
            (Key::SiteName, "two\nlines"),
            (Key::AdminEmail, "nobody"),
            (Key::EmailFrom, "A <a@b.example"),
            (Key::EmailFrom, "A\r\nBcc: x <a@b.example>"),
            (Key::GithubRepositories, "a/b/c"),
            (Key::GithubRepositories, "/b"),
            (Key::GithubRepositories, "a /b"),
            (Key::GithubToken, "two words"),
            (Key::MailService, "pigeon"),
            (Key::SmtpHost, "evil host"),
            (Key::SmtpHost, "http://x/"),
            (Key::MailService, ""),
        ] {
            assert!(put(key, bad).is_err(), "{key:?} {bad}");
        }
    }

    #[test]
    fn the_mask_and_nothing_leave_a_secret_as_it_is() {
        for same in ["", "  ", MASK] {
            assert!(matches!(Wanted::from(same).read(Key::GithubToken), Ok(Step::Keep)), "{same}");
        }
        assert!(Wanted::from("••••x").read(Key::GithubToken).is_err());
    }
}
