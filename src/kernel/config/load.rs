//! Puts the layers on each other.

use std::collections::BTreeMap;
use std::fmt;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::value::{Given, Value};
use super::{CREDENTIALS, Config, KEYS, Net, keys::KeyInfo};
use crate::base::{MasterKey, Secret};

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SetBy {
    /// Nobody set it.
    Default,
    /// The file.
    File(PathBuf),
    /// This environment variable.
    Env(String),
    /// A flag.
    Flag,
}

impl fmt::Display for SetBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File(path) => path.display().fmt(f),
            Self::Env(name) => write!(f, "environment variable {name}"),
            Self::Flag => f.write_str("command line"),
        }
    }
}

/// By key; a later layer is greater than an earlier one.
pub(super) type SourceMap = BTreeMap<&'static str, BTreeMap<&'static str, (Layer, SetBy)>>;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Layer {
    Default,
    File,
    OtherNames,
    Env,
    Flag,
}

/// What is wrong with the configuration: where it stands, which key, why, and what would be right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// The file, variable or flag.
    pub from: SetBy,
    /// The key, such as `sync.share_percent`; none when it is about the whole file.
    pub key: Option<String>,
    /// Why, and what would be right.
    pub reason: String,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.from)?;
        if let Some(key) = &self.key {
            write!(f, "{key} ")?;
        }
        f.write_str(&self.reason)
    }
}

impl std::error::Error for ConfigError {}

/// Where to look. Nothing is read from the process itself, so that tests can bring their own.
#[derive(Clone, Default)]
pub struct Sources {
    file: Option<(PathBuf, bool)>,
    env: BTreeMap<String, String>,
    flags: Vec<(String, String)>,
}

impl Sources {
    /// No file, no variables, no flags.
    pub fn new() -> Self {
        Self::default()
    }

    /// A file that must be there.
    #[must_use]
    pub fn file(mut self, path: impl Into<PathBuf>) -> Self {
        self.file = Some((path.into(), true));
        self
    }

    /// A file that may be absent.
    #[must_use]
    pub fn file_if_there(mut self, path: impl Into<PathBuf>) -> Self {
        self.file = Some((path.into(), false));
        self
    }

    /// Environment variables. Those that are not for us are passed over.
    #[must_use]
    pub fn env<N: Into<String>, V: Into<String>>(mut self, vars: impl IntoIterator<Item = (N, V)>) -> Self {
        self.env.extend(vars.into_iter().map(|(name, value)| (name.into(), value.into())));
        self
    }

    /// Flags as (key, value), such as (`server.listen`, `127.0.0.1:9000`).
    #[must_use]
    pub fn flags<K: Into<String>, V: Into<String>>(mut self, flags: impl IntoIterator<Item = (K, V)>) -> Self {
        self.flags.extend(flags.into_iter().map(|(key, value)| (key.into(), value.into())));
        self
    }
}

const PREFIX: &str = "AVIARY__";

/// Names that the replaced system used for the same thing.
const OTHER_NAMES: &[(&str, &str)] = &[
    ("BACKEND_API_KEY", "security.api_key"),
    ("CORS_ORIGINS", "server.cors_origins"),
    ("ENCRYPTION_KEY", "security.master_key"),
    ("PTERODACTYL_URL", "panel.url"),
    ("PTERODACTYL_API_KEY", "panel.app_key"),
    ("PTERODACTYL_CLIENT_API_KEY", "panel.client_key"),
    ("CF_ACCESS_CLIENT_ID", "sync.cf_access_client_id"),
    ("CF_ACCESS_CLIENT_SECRET", "sync.cf_access_client_secret"),
    ("RESEND_API_KEY", "mail.resend_api_key"),
    ("EMAIL_FROM", "mail.from"),
    ("VIRTFUSION_URL", "virtfusion.url"),
    ("VIRTFUSION_API_KEY", "virtfusion.api_key"),
];

impl Config {
    /// Reads all layers; later ones win: defaults, file, environment, flags.
    ///
    /// # Errors
    /// [`ConfigError`] for the first thing that is wrong. No key is passed over in silence.
    pub fn load(sources: &Sources) -> Result<Self, ConfigError> {
        let mut config = Self::default();
        if let Some((path, required)) = &sources.file {
            config.load_file(path, *required)?;
        }
        config.load_other_names(&sources.env)?;
        config.load_env(&sources.env)?;
        for (key, value) in &sources.flags {
            config.set(key, &Given::Text(value), Layer::Flag, SetBy::Flag)?;
        }
        config.finish(&sources.env)?;
        Ok(config)
    }

    fn set(&mut self, path: &str, given: &Given<'_>, layer: Layer, from: SetBy) -> Result<(), ConfigError> {
        let fail = |reason| ConfigError { from: from.clone(), key: Some(path.to_owned()), reason };
        let key = KEYS.iter().find(|key| key.is(path)).ok_or_else(|| fail(unknown(path)))?;
        (key.read)(self, given).map_err(fail)?;
        self.sources.entry(key.section).or_default().insert(key.name, (layer, from));
        Ok(())
    }

    fn load_file(&mut self, path: &Path, required: bool) -> Result<(), ConfigError> {
        let from = SetBy::File(path.to_owned());
        let fail = |reason| ConfigError { from: from.clone(), key: None, reason };
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(e) if e.kind() == ErrorKind::NotFound && !required => return Ok(()),
            Err(e) => return Err(fail(format!("cannot be read: {e}"))),
        };
        // Only message and line: the text around it may be a secret.
        let root: toml::Table = toml::from_str(&text).map_err(|e| {
            let line = e.span().map_or(1, |span| text[..span.start.min(text.len())].matches('\n').count() + 1);
            fail(format!("line {line} is not TOML: {}", e.message()))
        })?;
        for (name, value) in &root {
            match value {
                toml::Value::Table(section) if super::SECTIONS.iter().any(|s| s.name == name) => {
                    for (key, value) in section {
                        self.set(&format!("{name}.{key}"), &Given::Toml(value), Layer::File, from.clone())?;
                    }
                }
                value => self.set(name, &Given::Toml(value), Layer::File, from.clone())?,
            }
        }
        Ok(())
    }

    fn load_other_names(&mut self, env: &BTreeMap<String, String>) -> Result<(), ConfigError> {
        // The replaced system took an empty variable for one that is not set.
        let get = |name: &str| env.get(name).map(|v| v.trim()).filter(|v| !v.is_empty());
        for (name, key) in OTHER_NAMES {
            if let Some(value) = get(name) {
                self.set(key, &Given::Text(value), Layer::OtherNames, SetBy::Env((*name).into()))?;
            }
        }
        if let Some(port) = get("BACKEND_PORT") {
            let listen = format!("{}:{port}", IpText(self.server.listen.ip()));
            let from = SetBy::Env("BACKEND_PORT".into());
            self.set("server.listen", &Given::Text(&listen), Layer::OtherNames, from.clone()).map_err(|e| {
                ConfigError { from, reason: format!("gets `{port}`; it takes a port from 1 to 65535"), ..e }
            })?;
        }
        self.load_auto_sync(get("AUTO_SYNC_ENABLED"), get("AUTO_SYNC_INTERVAL"))
    }

    fn load_auto_sync(&mut self, enabled: Option<&str>, minutes: Option<&str>) -> Result<(), ConfigError> {
        let mut set = |name: &str, text: &str| {
            self.set("sync.every_s", &Given::Text(text), Layer::OtherNames, SetBy::Env(name.into()))
        };
        let fail = |name: &str, reason: String| ConfigError {
            from: SetBy::Env(name.into()),
            key: Some("sync.every_s".into()),
            reason,
        };
        if let Some(minutes) = minutes {
            let seconds = minutes.parse::<u32>().ok().and_then(|m| m.checked_mul(60)).filter(|s| *s > 0);
            let seconds = seconds.ok_or_else(|| {
                fail("AUTO_SYNC_INTERVAL", format!("gets `{minutes}`; this variable takes whole minutes, at least 1"))
            })?;
            set("AUTO_SYNC_INTERVAL", &seconds.to_string())?;
        }
        match enabled.map(str::to_lowercase).as_deref() {
            None | Some("true" | "1" | "yes") => Ok(()),
            Some("false" | "0" | "no") => set("AUTO_SYNC_ENABLED", "0"),
            Some(other) => {
                Err(fail("AUTO_SYNC_ENABLED", format!("gets `{other}`; this variable takes `true` or `false`")))
            }
        }
    }

    fn load_env(&mut self, env: &BTreeMap<String, String>) -> Result<(), ConfigError> {
        for (name, value) in env {
            let Some(path) = name.strip_prefix(PREFIX) else { continue };
            let path = path.replace("__", ".").to_lowercase();
            self.set(&path, &Given::Text(value), Layer::Env, SetBy::Env(name.clone()))?;
        }
        Ok(())
    }

    /// What follows from several keys together.
    fn finish(&mut self, env: &BTreeMap<String, String>) -> Result<(), ConfigError> {
        self.sync.every_s = self.sync.every_s.filter(|s| *s > 0);
        self.pick("security", "api_key", |c| (&mut c.security.api_key, &mut c.security.api_key_file))?;
        self.pick("panel", "app_key", |c| (&mut c.panel.app_key, &mut c.panel.app_key_file))?;
        self.pick("panel", "client_key", |c| (&mut c.panel.client_key, &mut c.panel.client_key_file))?;
        self.pick("sync", "cf_access_client_secret", |c| {
            (&mut c.sync.cf_access_client_secret, &mut c.sync.cf_access_client_secret_file)
        })?;
        self.pick("mail", "resend_api_key", |c| (&mut c.mail.resend_api_key, &mut c.mail.resend_api_key_file))?;
        self.pick("mail", "smtp_password", |c| (&mut c.mail.smtp_password, &mut c.mail.smtp_password_file))?;
        self.pick("virtfusion", "api_key", |c| (&mut c.virtfusion.api_key, &mut c.virtfusion.api_key_file))?;
        self.find_master_key(env)?;
        self.check_panel()?;
        let sync = &self.sync;
        match (&sync.cf_access_client_id, &sync.cf_access_client_secret) {
            (Some(_), None) => Err(self.missing("sync", "cf_access_client_id", "sync.cf_access_client_secret")),
            (None, Some(_)) => Err(self.missing("sync", "cf_access_client_secret", "sync.cf_access_client_id")),
            _ => Ok(()),
        }
    }

    /// Settles between a secret and the file it may stand in: the later layer wins. Reads the file.
    fn pick(
        &mut self,
        section: &'static str,
        name: &'static str,
        keys: impl Fn(&mut Self) -> (&mut Option<Secret<String>>, &mut Option<PathBuf>),
    ) -> Result<(), ConfigError> {
        let Some(path) = self.settle(section, name, &keys)? else { return Ok(()) };
        let file_key = format!("{name}_file");
        let (layer, from) = self.source(section, &file_key);
        let text = std::fs::read_to_string(&path);
        let fail = |reason| ConfigError { from: from.clone(), key: Some(format!("{section}.{file_key}")), reason };
        let text = text.map_err(|e| fail(format!("names {}, which cannot be read: {e}", path.display())))?;
        let secret = Secret::read(&Given::Text(&text))
            .map_err(|_| fail(format!("names {}, which is empty; it takes the key on one line", path.display())))?;
        *keys(self).0 = Some(secret);
        self.sources.entry(section).or_default().insert(name, (layer, from));
        Ok(())
    }

    /// The file, when it wins over the secret.
    fn settle(
        &mut self,
        section: &'static str,
        name: &'static str,
        keys: &impl Fn(&mut Self) -> (&mut Option<Secret<String>>, &mut Option<PathBuf>),
    ) -> Result<Option<PathBuf>, ConfigError> {
        let (text_layer, from) = self.source(section, name);
        let (file_layer, _) = self.source(section, &format!("{name}_file"));
        let (secret, file) = keys(self);
        match (secret.is_some(), file.clone()) {
            (true, Some(_)) if text_layer == file_layer => Err(ConfigError {
                from,
                key: Some(format!("{section}.{name}")),
                reason: format!("is set beside {section}.{name}_file; keep one of them"),
            }),
            (true, Some(_)) if text_layer > file_layer => {
                *file = None;
                Ok(None)
            }
            (_, path) => {
                if path.is_some() {
                    *secret = None;
                }
                Ok(path)
            }
        }
    }

    /// The key file itself is read, or made, by who opens the data file.
    fn find_master_key(&mut self, env: &BTreeMap<String, String>) -> Result<(), ConfigError> {
        self.settle("security", "master_key", &|c| (&mut c.security.master_key, &mut c.security.master_key_file))?;
        if let Some(text) = &self.security.master_key {
            let (_, from) = self.source("security", "master_key");
            MasterKey::parse(text.reveal()).map_err(|_| ConfigError {
                from,
                key: Some("security.master_key".into()),
                reason: "is no key; it takes 32 bytes in base64, or 64 hex digits".into(),
            })?;
        } else if self.security.master_key_file.is_none() {
            let credential = env.get(CREDENTIALS).map(|dir| Path::new(dir).join("aviary.key")).filter(|p| p.exists());
            if let Some(path) = credential {
                self.security.master_key_file = Some(path);
                let from = (Layer::Env, SetBy::Env(CREDENTIALS.into()));
                self.sources.entry("security").or_default().insert("master_key_file", from);
            }
        }
        Ok(())
    }

    fn check_panel(&self) -> Result<(), ConfigError> {
        let panel = &self.panel;
        if !(1..=60).contains(&panel.name.chars().count()) {
            let (_, from) = self.source("panel", "name");
            let reason = "is too long; it takes 1 to 60 characters".into();
            return Err(ConfigError { from, key: Some("panel.name".into()), reason });
        }
        match (&panel.url, &panel.app_key, &panel.client_key) {
            (Some(_), None, _) => Err(self.missing("panel", "url", "panel.app_key or panel.app_key_file")),
            (None, Some(_), _) => Err(self.missing("panel", "app_key", "panel.url")),
            (None, _, Some(_)) => Err(self.missing("panel", "client_key", "panel.url")),
            _ => Ok(()),
        }
    }

    fn missing(&self, section: &str, name: &str, other: &str) -> ConfigError {
        let (_, from) = self.source(section, name);
        ConfigError {
            from,
            key: Some(format!("{section}.{name}")),
            reason: format!("is of no use alone; set {other} too"),
        }
    }

    pub(super) fn source(&self, section: &str, name: &str) -> (Layer, SetBy) {
        self.sources.get(section).and_then(|s| s.get(name)).cloned().unwrap_or((Layer::Default, SetBy::Default))
    }
}

struct IpText(std::net::IpAddr);

impl fmt::Display for IpText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            std::net::IpAddr::V4(ip) => ip.fmt(f),
            std::net::IpAddr::V6(ip) => write!(f, "[{ip}]"),
        }
    }
}

fn unknown(path: &str) -> String {
    if super::SECTIONS.iter().any(|s| s.name == path) {
        return format!("is a section; write [{path}] and its keys below");
    }
    let section = path.split_once('.').map_or("", |(section, _)| section);
    let names = |keys: &mut dyn Iterator<Item = &KeyInfo>| keys.map(|k| k.name).collect::<Vec<_>>().join(", ");
    let known = names(&mut KEYS.iter().filter(|k| k.section == section));
    match section {
        "" => {
            let sections: Vec<_> = super::SECTIONS.iter().map(|s| format!("[{}]", s.name)).collect();
            format!("is unknown; at the top stand {known} and the sections {}", sections.join(", "))
        }
        _ if known.is_empty() => {
            let sections: Vec<_> = super::SECTIONS.iter().map(|s| s.name).collect();
            format!("is unknown; the sections are {}", sections.join(", "))
        }
        _ => format!("is unknown; [{section}] knows {known}"),
    }
}

impl Net {
    /// Whether `addr` is in one of `nets`.
    pub fn any_contains(nets: &[Self], addr: std::net::IpAddr) -> bool {
        nets.iter().any(|net| net.contains(addr))
    }
}
