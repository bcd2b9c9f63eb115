use aviary_kernel::base::{Error, Result, Secret};
use aviary_kernel::model::Actor;
use aviary_kernel::store::Read;
use serde::{Deserialize, Serialize};

use super::catalogue::Key;
use super::value::{Value, Wanted};
use super::{Refused, Settings};

/// Automatic syncs, for all panels that have no schedule of their own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AutoSync {
    /// Whether they run.
    pub enabled: bool,
    /// Seconds between two of them; at least 60.
    pub every_s: u32,
}

/// Syncs more often than this would only burden the panel.
pub const SHORTEST_INTERVAL_S: u32 = 60;

/// What counts now, for those who look at each request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Current {
    /// What pages and mails call this installation.
    pub site_name: String,
    /// Where people reach it, without a slash at the end.
    pub site_url: Option<String>,
    /// Whom people may write to.
    pub admin_email: Option<String>,
    /// Whether only administrators get in.
    pub maintenance_mode: bool,
    /// Whether people may make accounts for themselves.
    pub registration_enabled: bool,
    /// Until somebody who does nothing is signed out.
    pub session_hours: u32,
    /// How often one address may try to sign in.
    pub sign_in_per_minute: u32,
    /// How often one caller may use the API; 0 = without limit.
    pub requests_per_minute: u32,
    /// Automatic syncs.
    pub auto_sync: AutoSync,
    /// Whether mail is sent about what happens.
    pub email_notifications: bool,
    /// Who mail is from.
    pub email_from: Option<String>,
    /// Whether messages go to Discord.
    pub discord_notifications: bool,
    /// Days to keep history; 0 = for ever.
    pub history_days: u32,
    /// Days to keep the audit trail; 0 = for ever.
    pub audit_days: u32,
}

impl Default for Current {
    /// As without configuration.
    fn default() -> Self {
        let config = aviary_kernel::config::Config::default();
        Self::of(|key| Ok(key.base(&config).0)).expect("base values are there without a file")
    }
}

impl Current {
    pub(super) fn of(value: impl Fn(Key) -> Result<Value>) -> Result<Self> {
        let on = |key| value(key).map(|value| value.switch());
        let number = |key| value(key).map(|value| small(&value));
        let text = |key| value(key).map(Value::text);
        Ok(Self {
            site_name: text(Key::SiteName)?.unwrap_or_else(|| "Aviary".into()),
            site_url: text(Key::SiteUrl)?,
            admin_email: text(Key::AdminEmail)?,
            maintenance_mode: on(Key::MaintenanceMode)?,
            registration_enabled: on(Key::RegistrationEnabled)?,
            session_hours: number(Key::SessionHours)?,
            sign_in_per_minute: number(Key::SignInPerMinute)?,
            requests_per_minute: number(Key::RequestsPerMinute)?,
            auto_sync: AutoSync { enabled: on(Key::AutoSyncEnabled)?, every_s: number(Key::SyncInterval)? },
            email_notifications: on(Key::EmailNotifications)?,
            email_from: text(Key::EmailFrom)?,
            discord_notifications: on(Key::DiscordNotifications)?,
            history_days: number(Key::HistoryDays)?,
            audit_days: number(Key::AuditDays)?,
        })
    }
}

fn small(value: &Value) -> u32 {
    u32::try_from(value.number()).unwrap_or(u32::MAX)
}

/// What other rooms ask for by name. Each looks into the file, so it is right from the commit of a change on.
///
/// # Errors
/// Each when the file cannot be read.
#[allow(clippy::missing_errors_doc, reason = "said once for all")]
impl Settings {
    /// What pages and mails call this installation.
    pub async fn site_name(&self) -> Result<String> {
        Ok(self.value(Key::SiteName).await?.text().unwrap_or_else(|| "Aviary".into()))
    }

    /// Where people reach it, without a slash at the end.
    pub async fn site_url(&self) -> Result<Option<String>> {
        self.value(Key::SiteUrl).await.map(Value::text)
    }

    /// Whom people may write to.
    pub async fn admin_email(&self) -> Result<Option<String>> {
        self.value(Key::AdminEmail).await.map(Value::text)
    }

    /// Whether people may make accounts for themselves.
    pub async fn registration_enabled(&self) -> Result<bool> {
        self.value(Key::RegistrationEnabled).await.map(|value| value.switch())
    }

    /// Whether only administrators get in.
    pub async fn maintenance_mode(&self) -> Result<bool> {
        self.value(Key::MaintenanceMode).await.map(|value| value.switch())
    }

    /// Hours until somebody who does nothing is signed out.
    pub async fn session_hours(&self) -> Result<u32> {
        self.value(Key::SessionHours).await.map(|value| small(&value))
    }

    /// How often one address may try to sign in.
    pub async fn sign_in_per_minute(&self) -> Result<u32> {
        self.value(Key::SignInPerMinute).await.map(|value| small(&value))
    }

    /// How often one caller may use the API; 0 = without limit.
    pub async fn requests_per_minute(&self) -> Result<u32> {
        self.value(Key::RequestsPerMinute).await.map(|value| small(&value))
    }

    /// Whether mail is sent about what happens.
    pub async fn email_notifications(&self) -> Result<bool> {
        self.value(Key::EmailNotifications).await.map(|value| value.switch())
    }

    /// Who mail is from.
    pub async fn email_from(&self) -> Result<Option<String>> {
        self.value(Key::EmailFrom).await.map(Value::text)
    }

    /// The key of the mail service.
    pub async fn resend_api_key(&self) -> Result<Option<Secret<String>>> {
        self.value(Key::ResendApiKey).await.map(Value::secret)
    }

    /// Whether messages go to Discord.
    pub async fn discord_notifications(&self) -> Result<bool> {
        self.value(Key::DiscordNotifications).await.map(|value| value.switch())
    }

    /// Days to keep history; 0 = for ever.
    pub async fn history_days(&self) -> Result<u32> {
        self.value(Key::HistoryDays).await.map(|value| small(&value))
    }

    /// Days to keep the audit trail; 0 = for ever.
    pub async fn audit_days(&self) -> Result<u32> {
        self.value(Key::AuditDays).await.map(|value| small(&value))
    }

    /// Days to keep jobs that are done; 0 = for ever.
    pub async fn job_days(&self) -> Result<u32> {
        self.value(Key::JobDays).await.map(|value| small(&value))
    }

    /// Days to keep events, deliveries and mails; 0 = for ever.
    pub async fn event_days(&self) -> Result<u32> {
        self.value(Key::EventDays).await.map(|value| small(&value))
    }

    /// The GitHub repositories whose releases front ends show.
    pub async fn repositories(&self) -> Result<Vec<String>> {
        match self.value(Key::GithubRepositories).await? {
            Value::List(items) => Ok(items),
            _ => Ok(Vec::new()),
        }
    }

    /// Automatic syncs.
    pub async fn auto_sync(&self) -> Result<AutoSync> {
        let this = self.clone();
        self.store.read(move |tx| this.auto_sync_in(tx)).await
    }

    /// The same, as a transaction sees it.
    pub(crate) fn auto_sync_in(&self, reader: &impl Read) -> Result<AutoSync> {
        let enabled = self.value_in(reader, Key::AutoSyncEnabled)?.switch();
        Ok(AutoSync { enabled, every_s: small(&self.value_in(reader, Key::SyncInterval)?) })
    }

    /// Changes automatic syncs; takes effect at once. [`Error::Invalid`] when the interval is too short.
    pub async fn set_auto_sync(&self, by: &Actor, auto: AutoSync) -> Result<()> {
        let wanted = vec![
            (Key::AutoSyncEnabled, Wanted::Switch(auto.enabled)),
            (Key::SyncInterval, Wanted::Number(auto.every_s.into())),
        ];
        self.change(by, wanted).await.map(drop).map_err(|refused: Refused| Error::from(refused))
    }
}
