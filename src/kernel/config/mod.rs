//! The one configuration: a struct of small structs, read once. What operators change while Aviary runs is in the settings.
//!
//! Later layers win: defaults, the file (TOML), environment variables (`AVIARY__SECTION__KEY`, and the names of the system that
//! Aviary replaces), flags. The doc comments of the fields are the comments of `config.toml.example`; a test keeps them equal.

mod example;
mod keys;
mod load;
mod shown;
#[cfg(test)]
mod tests;
mod value;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

pub use load::{ConfigError, SetBy, Sources};
pub use shown::{Shown, ShownKey};
pub use value::{LogFormat, MASK, Origin, SmtpSecurity, WebUrl};

use crate::base::{MasterKey, Net, Result, Secret};
use keys::config;

config! {
    /// Everything that is configured.
    Config {
        /// The folder of the data file and of what belongs to it. It is made at the first start.
        data_dir: PathBuf = PathBuf::from("data");
    }

    /// Pages and API.
    server: Server {
        /// The address to listen on. Put a reverse proxy with TLS in front before you open it to the world.
        listen: SocketAddr = SocketAddr::from((Ipv4Addr::LOCALHOST, 8080));
        /// Threads that answer requests. By default as many as there are cores, at most 4.
        workers: usize = default_workers(), in 1..=64, sample "4";
        /// Origins whose scripts may use the API with a signed-in browser, such as "https://www.example.com".
        cors_origins: Vec<Origin> = Vec::new();
        /// The address that people use, for links in mails and messages.
        public_url: Option<WebUrl> = None, sample "\"https://aviary.example.com\"";
        /// Proxies whose X-Forwarded-For is believed: addresses or networks, such as "10.0.0.0/8".
        trusted_proxies: Vec<Net> = Vec::new();
    }

    /// Keys and sessions. Secrets are better kept in files of their own (the keys that end in _file) than here.
    security: Security {
        /// The key for the API between backends (X-API-Key). Without one these routes refuse everybody.
        api_key: Option<Secret<String>> = None, sample "\"a long random text\"";
        /// A file with that key, instead.
        api_key_file: Option<PathBuf> = None, sample "\"/etc/aviary/api.key\"";
        /// The key under which secrets in the data file are sealed: 32 bytes in base64 or 64 hex digits.
        master_key: Option<Secret<String>> = None, sample "\"32 bytes in base64 or hex\"";
        /// A file with that key, instead; it is made when there is neither file nor data. By default the systemd credential
        /// aviary.key where there is one, otherwise aviary.key in the data folder. Keep a copy: without it secrets are lost.
        master_key_file: Option<PathBuf> = None, sample "\"data/aviary.key\"";
        /// Hours until somebody who does nothing is signed out.
        session_hours: u32 = 12, in 1..=8760;
    }

    /// The data file.
    store: StoreConfig {
        /// Memory for pages of the data file, in MiB.
        cache_mib: u32 = 16, in 1..=65536;
    }

    /// Backups of the data file. The master key is not part of them.
    backup: BackupConfig {
        /// The folder that they go to, better on another disk. By default backups in the data folder.
        dir: Option<PathBuf> = None, sample "\"data/backups\"";
        /// How many are kept; 0 = all.
        keep: u32 = 7, in 0..=10000;
    }

    /// The audit trail: who did what.
    audit: AuditConfig {
        /// Days to keep it; 0 = for ever.
        days: u32 = 365, in 0..=36500;
    }

    /// How panels are read.
    sync: SyncConfig {
        /// Seconds between automatic syncs of a panel, where the panel has no interval of its own; 0 = only by hand.
        every_s: Option<u32> = Some(900), in 0..=0, in 10..=31536000;
        /// How much of a panel's request limit a sync may use, in percent.
        share_percent: u8 = 80, in 1..=100;
        /// Requests to one panel at the same time.
        concurrency: u8 = 4, in 1..=16;
        /// Seconds until an answer of a panel must be complete.
        request_timeout_s: u32 = 90, in 1..=3600;
        /// Seconds until a connection must stand.
        connect_timeout_s: u32 = 10, in 1..=600;
        /// An answer larger than this is refused, in MiB.
        max_body_mib: u32 = 64, in 1..=1024;
        /// A sync that would remove more than this share of a kind of objects, in percent, and more rows than
        /// removal_limit_rows, stops and asks.
        removal_limit_percent: u8 = 20, in 1..=100;
        /// Removals of up to this many rows of a kind never ask.
        removal_limit_rows: u32 = 10;
        /// Days to keep the history of changes; 0 = for ever.
        history_days: u32 = 365, in 0..=36500;
        /// More certificate authorities to believe, in a PEM file.
        ca_file: Option<PathBuf> = None, sample "\"/etc/aviary/ca.pem\"";
        /// The service token for panels behind Cloudflare Access. It is sent to the host of panel.url only, until the setting
        /// cf_access_hosts names others.
        cf_access_client_id: Option<String> = None, sample "\"0123456789abcdef.access\"";
        /// Its secret.
        cf_access_client_secret: Option<Secret<String>> = None, sample "\"the secret of the token\"";
        /// A file with that secret, instead.
        cf_access_client_secret_file: Option<PathBuf> = None, sample "\"/etc/aviary/cf-access.secret\"";
    }

    /// A panel that is added at the first start. More panels, and changes to this one, are made with `aviary panel` or on
    /// the pages.
    panel: PanelConfig {
        /// What people call it.
        name: String = "panel".into();
        /// Its address, as in the browser.
        url: Option<WebUrl> = None, sample "\"https://panel.example.com\"";
        /// An Application API key that may read everything.
        app_key: Option<Secret<String>> = None, sample "\"ptla_...\"";
        /// A file with that key, instead.
        app_key_file: Option<PathBuf> = None, sample "\"/etc/aviary/panel-app.key\"";
        /// A Client API key of an administrator, for what the Application API does not show, such as subusers.
        client_key: Option<Secret<String>> = None, sample "\"ptlc_...\"";
        /// A file with that key, instead.
        client_key_file: Option<PathBuf> = None, sample "\"/etc/aviary/panel-client.key\"";
    }

    /// How mail leaves.
    mail: MailConfig {
        /// A key of Resend, which delivers the mail.
        resend_api_key: Option<Secret<String>> = None, sample "\"re_...\"";
        /// A file with that key, instead.
        resend_api_key_file: Option<PathBuf> = None, sample "\"/etc/aviary/resend.key\"";
        /// The address of Resend, or of something that takes the same requests.
        resend_url: WebUrl = WebUrl::resend();
        /// An SMTP server that takes the mail instead.
        smtp_host: Option<String> = None, sample "\"smtp.example.com\"";
        /// Its port; 0 = the usual one: 465 with tls, 587 with starttls, 25 with none.
        smtp_port: u32 = 0, in 0..=65535;
        /// How the connection is kept from others: "tls" from the start, "starttls" after a greeting, or "none".
        smtp_security: SmtpSecurity = SmtpSecurity::StartTls;
        /// The name to sign in with there.
        smtp_user: Option<String> = None, sample "\"aviary\"";
        /// Its password.
        smtp_password: Option<Secret<String>> = None, sample "\"the password\"";
        /// A file with that password, instead.
        smtp_password_file: Option<PathBuf> = None, sample "\"/etc/aviary/smtp.password\"";
        /// Who mail is from.
        from: Option<String> = None, sample "\"Aviary <noreply@example.com>\"";
    }

    /// Where events are sent.
    webhooks: WebhookConfig {
        /// Networks that webhooks may lead to beside the public internet, such as "10.0.0.0/8" or "127.0.0.1". Addresses of
        /// this machine and of private networks are refused otherwise. Plain http:// is taken for these only.
        allowed_networks: Vec<Net> = Vec::new();
        /// Seconds until an answer must be complete.
        timeout_s: u32 = 15, in 1..=120;
    }

    /// The VirtFusion that front ends show.
    virtfusion: VirtFusionConfig {
        /// Its address, as in the browser.
        url: Option<WebUrl> = None, sample "\"https://virt.example.com\"";
        /// An API token of it.
        api_key: Option<Secret<String>> = None, sample "\"the token\"";
        /// A file with that token, instead.
        api_key_file: Option<PathBuf> = None, sample "\"/etc/aviary/virtfusion.key\"";
    }

    /// What is written to standard error.
    log: LogConfig {
        /// error, warn, info, debug or trace; or by part, such as "info,aviary_domain::sync=debug".
        level: String = "info".into();
        /// "text" for people, "json" for collectors.
        format: LogFormat = LogFormat::Text;
    }
}

fn default_workers() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from).min(4)
}

/// Where the master key stands, and so who can replace it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeySource {
    /// In a file of ours.
    File(PathBuf),
    /// Where only somebody else can put another one; in words.
    Elsewhere(String),
}

/// The variable with the folder of the systemd credentials.
const CREDENTIALS: &str = "CREDENTIALS_DIRECTORY";

/// The panel that is added at the first start.
#[derive(Clone, Debug)]
pub struct FirstPanel<'a> {
    /// What people call it.
    pub name: &'a str,
    /// Its address, without a slash at the end.
    pub url: &'a str,
    /// The Application API key.
    pub app_key: &'a Secret<String>,
    /// The Client API key.
    pub client_key: Option<&'a Secret<String>>,
}

impl Config {
    /// Who or what set a key, such as `sync` and `history_days`.
    pub fn set_by(&self, section: &str, name: &str) -> SetBy {
        self.source(section, name).1
    }

    /// The data file.
    pub fn data_file(&self) -> PathBuf {
        self.data_dir.join("aviary.redb")
    }

    /// The folder of the search index, which can be deleted at any time.
    pub fn search_dir(&self) -> PathBuf {
        self.data_dir.join("search")
    }

    /// The folder of backups.
    pub fn backup_dir(&self) -> PathBuf {
        self.backup.dir.clone().unwrap_or_else(|| self.data_dir.join("backups"))
    }

    /// The socket on which a running Aviary listens for its own commands.
    pub fn socket(&self) -> PathBuf {
        self.data_dir.join("aviary.sock")
    }

    /// The file with the master key; it counts only when `security.master_key` is not set.
    pub fn master_key_file(&self) -> PathBuf {
        self.security.master_key_file.clone().unwrap_or_else(|| self.data_dir.join("aviary.key"))
    }

    /// The master key. `may_create` = there is no data yet, so a missing key file may be made.
    ///
    /// # Errors
    /// [`crate::base::Error::Unusable`] when there is no key, or none that can be read.
    pub fn master_key(&self, may_create: bool) -> Result<MasterKey> {
        match &self.security.master_key {
            Some(text) => MasterKey::parse(text.reveal()),
            None => MasterKey::load_or_create(&self.master_key_file(), may_create),
        }
    }

    /// Where the master key stands.
    pub fn key_source(&self) -> KeySource {
        if self.security.master_key.is_some() {
            return KeySource::Elsewhere(match self.source("security", "master_key").1 {
                SetBy::File(path) => format!("security.master_key in {}", path.display()),
                SetBy::Env(name) => format!("the environment variable {name}"),
                from => from.to_string(),
            });
        }
        match self.source("security", "master_key_file").1 {
            SetBy::Env(name) if name == CREDENTIALS => KeySource::Elsewhere("the systemd credential aviary.key".into()),
            _ => KeySource::File(self.master_key_file()),
        }
    }

    /// The panel that is added at the first start.
    pub fn first_panel(&self) -> Option<FirstPanel<'_>> {
        let panel = &self.panel;
        Some(FirstPanel {
            name: &panel.name,
            url: panel.url.as_ref()?.as_str(),
            app_key: panel.app_key.as_ref()?,
            client_key: panel.client_key.as_ref(),
        })
    }
}

impl StoreConfig {
    /// Memory for pages of the data file, in bytes.
    pub fn cache_bytes(&self) -> usize {
        self.cache_mib as usize * 1024 * 1024
    }
}

impl SyncConfig {
    /// The time until an answer must be complete.
    pub fn request_timeout(&self) -> Duration {
        Duration::from_secs(self.request_timeout_s.into())
    }

    /// The time until a connection must stand.
    pub fn connect_timeout(&self) -> Duration {
        Duration::from_secs(self.connect_timeout_s.into())
    }

    /// The largest answer, in bytes.
    pub fn max_body_bytes(&self) -> usize {
        self.max_body_mib as usize * 1024 * 1024
    }
}

/// Where the file is looked for when none is named.
pub fn default_file() -> &'static Path {
    Path::new("config.toml")
}
