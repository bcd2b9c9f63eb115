//! What may stand behind a key, and how it is read from the file, from plain text and shown again.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

use serde_json::json;
use url::Url;

use crate::base::{Net, Secret};

/// What stands in the place of a secret.
pub const MASK: &str = "••••••••••••••••••••";

/// A value as it was given.
pub(super) enum Given<'a> {
    /// In the file.
    Toml(&'a toml::Value),
    /// In a variable or a flag.
    Text(&'a str),
}

/// The type of a key.
pub(super) trait Value: Sized {
    /// Reads it; the reason says what would be right, and never repeats a secret.
    fn read(given: &Given<'_>) -> Result<Self, String>;

    /// For people: secrets are masked.
    fn shown(&self) -> serde_json::Value;

    /// The number, where it is one with a range.
    fn number(&self) -> Option<u64> {
        None
    }
}

fn wanted(given: &Given<'_>, what: &str) -> String {
    match given {
        Given::Toml(value) => format!("is {}; it takes {what}", type_name(value)),
        Given::Text("") => format!("is empty; it takes {what}"),
        Given::Text(text) => format!("is `{text}`; it takes {what}"),
    }
}

fn type_name(value: &toml::Value) -> String {
    match value {
        toml::Value::Integer(n) => n.to_string(),
        toml::Value::Boolean(b) => b.to_string(),
        toml::Value::Float(n) => n.to_string(),
        // Not the text: a secret may stand at the wrong place.
        toml::Value::String(_) => "text".into(),
        toml::Value::Datetime(_) => "a date".into(),
        toml::Value::Array(_) => "a list".into(),
        toml::Value::Table(_) => "a section".into(),
    }
}

fn text<'a>(given: &Given<'a>, what: &str) -> Result<&'a str, String> {
    match given {
        Given::Toml(toml::Value::String(text)) => Ok(text.trim()),
        Given::Text(text) => Ok(text.trim()),
        Given::Toml(_) => Err(wanted(given, what)),
    }
    .and_then(|text: &str| if text.is_empty() { Err(format!("is empty; it takes {what}")) } else { Ok(text) })
}

macro_rules! whole_numbers {
    ($($number:ty),*) => {$(
        impl Value for $number {
            fn read(given: &Given<'_>) -> Result<Self, String> {
                let number = match given {
                    Given::Toml(toml::Value::Integer(n)) => Self::try_from(*n).ok(),
                    Given::Toml(_) => None,
                    Given::Text(text) => text.trim().parse().ok(),
                };
                number.ok_or_else(|| wanted(given, &format!("a whole number from 0 to {}", Self::MAX)))
            }

            fn shown(&self) -> serde_json::Value {
                json!(self)
            }

            fn number(&self) -> Option<u64> {
                Some(*self as u64)
            }
        }
    )*};
}
whole_numbers!(u8, u32, usize);

macro_rules! parsed_values {
    ($($type:ty: $what:literal;)*) => {$(
        impl Value for $type {
            fn read(given: &Given<'_>) -> Result<Self, String> {
                let text = text(given, $what)?;
                text.parse().map_err(|_| format!("is `{text}`; it takes {}", $what))
            }

            fn shown(&self) -> serde_json::Value {
                json!(self.to_string())
            }
        }
    )*};
}
parsed_values! {
    String: "text";
    SocketAddr: "an address with a port, such as 127.0.0.1:8080 or [::1]:8080";
    WebUrl: "an address that begins with http:// or https://, without a user, a query or a fragment";
    Origin: "an origin such as https://panel.example.com, without a path";
    Net: "an address such as 10.0.0.7 or a network such as 10.0.0.0/8";
    LogFormat: "`text` or `json`";
    SmtpSecurity: "`tls`, `starttls` or `none`";
}

impl Value for PathBuf {
    fn read(given: &Given<'_>) -> Result<Self, String> {
        text(given, "a path").map(Self::from)
    }

    fn shown(&self) -> serde_json::Value {
        json!(self.display().to_string())
    }
}

impl Value for Secret<String> {
    fn read(given: &Given<'_>) -> Result<Self, String> {
        text(given, "text").map(Self::from)
    }

    fn shown(&self) -> serde_json::Value {
        json!(MASK)
    }
}

impl<T: Value> Value for Option<T> {
    fn read(given: &Given<'_>) -> Result<Self, String> {
        match given {
            Given::Text(text) if text.trim().is_empty() => Ok(None),
            given => T::read(given).map(Some),
        }
    }

    fn shown(&self) -> serde_json::Value {
        self.as_ref().map_or(serde_json::Value::Null, T::shown)
    }

    fn number(&self) -> Option<u64> {
        self.as_ref().and_then(T::number)
    }
}

impl<T: Value> Value for Vec<T> {
    fn read(given: &Given<'_>) -> Result<Self, String> {
        match given {
            Given::Toml(toml::Value::Array(items)) => items.iter().map(|item| T::read(&Given::Toml(item))).collect(),
            Given::Toml(_) => Err(wanted(given, "a list, such as [\"one\", \"two\"]")),
            Given::Text(text) => {
                text.split(',').map(str::trim).filter(|t| !t.is_empty()).map(|t| T::read(&Given::Text(t))).collect()
            }
        }
    }

    fn shown(&self) -> serde_json::Value {
        self.iter().map(T::shown).collect()
    }
}

/// The address of a site, without a slash at the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebUrl(String);

impl WebUrl {
    /// Where Resend takes mail.
    pub(super) fn resend() -> Self {
        Self("https://api.resend.com".into())
    }

    /// The address, such as `https://panel.example.com`.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for WebUrl {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let url = Url::parse(text).map_err(drop)?;
        let plain = url.username().is_empty() && url.password().is_none() && url.query().is_none();
        let web = matches!(url.scheme(), "http" | "https") && url.has_host();
        if plain && web && url.fragment().is_none() {
            Ok(Self(url.as_str().trim_end_matches('/').to_owned()))
        } else {
            Err(())
        }
    }
}

impl fmt::Display for WebUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An origin as browsers send it: scheme, host and port, nothing else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin(String);

impl Origin {
    /// The origin, such as `https://panel.example.com`.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Origin {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let WebUrl(text) = text.parse()?;
        let origin = Url::parse(&text).map_err(drop)?.origin().ascii_serialization();
        if origin == text { Ok(Self(origin)) } else { Err(()) }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What log lines look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

impl FromStr for LogFormat {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "text" => Ok(Self::Text),
            "json" => Ok(Self::Json),
            _ => Err(()),
        }
    }
}

impl fmt::Display for LogFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Text => "text",
            Self::Json => "json",
        })
    }
}

/// How a connection to an SMTP server is kept from others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SmtpSecurity {
    /// TLS from the start.
    Tls,
    /// TLS after a greeting.
    StartTls,
    /// Not at all.
    None,
}

impl FromStr for SmtpSecurity {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "tls" => Ok(Self::Tls),
            "starttls" => Ok(Self::StartTls),
            "none" => Ok(Self::None),
            _ => Err(()),
        }
    }
}

impl fmt::Display for SmtpSecurity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tls => "tls",
            Self::StartTls => "starttls",
            Self::None => "none",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_has_no_path() {
        assert_eq!("https://a.example:8443".parse::<Origin>().unwrap().as_str(), "https://a.example:8443");
        assert_eq!("https://a.example/".parse::<Origin>().unwrap().as_str(), "https://a.example");
        for bad in ["*", "a.example", "https://a.example/x", "ftp://a.example", "https://u@a.example", "null"] {
            assert!(bad.parse::<Origin>().is_err(), "{bad}");
        }
    }
}
