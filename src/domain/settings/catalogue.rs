//! Every setting there is, declared once.

use aviary_kernel::base::Error;
use aviary_kernel::config::{Config, SetBy};
use aviary_kernel::model::JOB_DAYS;

use super::value::Value;

/// What a setting takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    /// On or off.
    Switch,
    /// A whole number of `unit`s in a range.
    Number {
        /// The smallest.
        least: u64,
        /// The largest.
        most: u64,
        /// What is counted, such as `seconds`.
        unit: &'static str,
    },
    /// One line of at most so many characters.
    Text(usize),
    /// An address that begins with https:// or http://.
    Url,
    /// An e-mail address.
    Email,
    /// An e-mail address with or without a name, such as `Aviary <noreply@example.com>`.
    Sender,
    /// A list of `owner/name`.
    Repositories,
    /// A secret: sealed, and never shown.
    Secret,
    /// One of these words.
    Choice(&'static [&'static str]),
}

impl Type {
    /// The type in one word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Switch => "boolean",
            Self::Number { .. } => "number",
            Self::Text(_) => "text",
            Self::Url => "url",
            Self::Email => "email",
            Self::Sender => "sender",
            Self::Repositories => "repositories",
            Self::Secret => "secret",
            Self::Choice(_) => "choice",
        }
    }
}

/// What belongs together on a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "the titles say it")]
pub enum Group {
    Site,
    Access,
    Panel,
    Sync,
    Mail,
    Notices,
    Keeping,
    VirtFusion,
    FrontEnd,
}

impl Group {
    /// Every group, in the order of the page.
    pub const ALL: [Self; 9] = [
        Self::Site,
        Self::Access,
        Self::Panel,
        Self::Sync,
        Self::Mail,
        Self::Notices,
        Self::Keeping,
        Self::VirtFusion,
        Self::FrontEnd,
    ];

    /// The name in addresses.
    pub fn name(self) -> &'static str {
        match self {
            Self::Site => "site",
            Self::Access => "access",
            Self::Panel => "panel",
            Self::Sync => "sync",
            Self::Mail => "mail",
            Self::Notices => "notices",
            Self::Keeping => "keeping",
            Self::VirtFusion => "virtfusion",
            Self::FrontEnd => "front-end",
        }
    }

    /// The heading.
    pub fn title(self) -> &'static str {
        match self {
            Self::Site => "Site",
            Self::Access => "Access",
            Self::Panel => "First panel",
            Self::Sync => "Syncs",
            Self::Mail => "Mail",
            Self::Notices => "Notices",
            Self::Keeping => "What is kept",
            Self::VirtFusion => "VirtFusion",
            Self::FrontEnd => "For front ends",
        }
    }
}

/// What is known of a setting.
#[derive(Debug)]
pub struct About {
    /// As it is stored, such as `site_name`.
    pub key: &'static str,
    /// As the API calls it, such as `siteName`.
    pub name: &'static str,
    /// Other names that are understood.
    pub aliases: &'static [&'static str],
    /// Where it belongs.
    pub group: Group,
    /// What it takes.
    pub kind: Type,
    /// What people call it.
    pub label: &'static str,
    /// What it does, one sentence.
    pub text: &'static str,
}

macro_rules! catalogue {
    ($($id:ident = $key:literal / $name:literal $(or $($alias:literal),+)?, $group:ident, $kind:expr, $label:literal, $text:literal;)*) => {
        /// A setting.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Key { $(#[doc = $text] $id,)* }

        impl Key {
            /// Every setting, in the order of the page.
            pub const ALL: &[Self] = &[$(Self::$id,)*];

            /// What is known of it.
            pub const fn about(self) -> &'static About {
                match self { $(Self::$id => &About {
                    key: $key, name: $name, aliases: &[$($($alias),+)?], group: Group::$group, kind: $kind, label: $label, text: $text,
                },)* }
            }
        }
    };
}

use Type::{Choice, Email, Number, Repositories, Secret, Sender, Switch, Text, Url};

const DAYS: Type = Number { least: 0, most: 36_500, unit: "days" };

catalogue! {
    SiteName = "site_name" / "siteName", Site, Text(100), "Name", "What pages and mails call this installation.";
    SiteUrl = "site_url" / "siteUrl", Site, Url, "Address", "Where your front end is, if you have one: links in mails lead to its pages under /auth. Without one leave it as it is, and they lead to Aviary's own pages.";
    AdminEmail = "admin_email" / "adminEmail", Site, Email, "Contact", "Whom people may write to.";
    MaintenanceMode = "maintenance_mode" / "maintenanceMode", Site, Switch, "Maintenance", "Keeps everybody but administrators out.";

    RegistrationEnabled = "registration_enabled" / "registrationEnabled", Access, Switch, "Registration", "Lets people make accounts for themselves.";
    SessionHours = "session_hours" / "sessionHours", Access, Number { least: 1, most: 8760, unit: "hours" }, "Session length", "Until somebody who does nothing is signed out.";
    SignInPerMinute = "sign_in_per_minute" / "signInPerMinute", Access, Number { least: 1, most: 10_000, unit: "a minute" }, "Sign-in tries", "How often one address may try to sign in.";
    RequestsPerMinute = "requests_per_minute" / "requestsPerMinute", Access, Number { least: 0, most: 1_000_000, unit: "a minute" }, "Requests", "How often one caller may use the API; 0 = without limit.";

    PterodactylUrl = "pterodactyl_url" / "pterodactylUrl", Panel, Url, "Address", "The address of the first panel, as in the browser.";
    PterodactylApiKey = "pterodactyl_api_key" / "pterodactylApiKey", Panel, Secret, "Application API key", "Reads what is mirrored of the first panel.";
    PterodactylClientApiKey = "pterodactyl_client_api_key" / "pterodactylClientApiKey", Panel, Secret, "Client API key", "A key of an administrator of the first panel, for subusers.";
    PterodactylApi = "pterodactyl_api" / "pterodactylApi", Panel, Text(500), "API note", "Free text that front ends may show.";
    CfAccessClientId = "cf_access_client_id" / "cfAccessClientId", Panel, Text(200), "Cloudflare Access id", "The service token for panels behind Cloudflare Access.";
    CfAccessClientSecret = "cf_access_client_secret" / "cfAccessClientSecret", Panel, Secret, "Cloudflare Access secret", "The secret of that token; counts together with the id.";
    CfAccessHosts = "cf_access_hosts" / "cfAccessHosts", Panel, Text(500), "Cloudflare Access hosts", "Hosts of panels that get this token, such as panel.example.com, separated by commas; no other host ever does.";

    AutoSyncEnabled = "auto_sync_enabled" / "autoSyncEnabled", Sync, Switch, "Automatic syncs", "Syncs every panel that has no interval of its own.";
    SyncInterval = "auto_sync_interval" / "syncInterval" or "autoSyncInterval", "sync_interval", "sync_every_s", Sync, Number { least: 60, most: 31_536_000, unit: "seconds" }, "Interval", "Between two automatic syncs of a panel.";
    SyncBatchSize = "sync_batch_size" / "syncBatchSize", Sync, Number { least: 1, most: 10_000, unit: "rows" }, "Batch size", "Kept for programs that read it: Aviary itself takes the largest page that a panel gives.";

    EmailNotifications = "email_notifications_enabled" / "emailNotifications", Mail, Switch, "Notices by mail", "Sends mail about what happens.";
    MailService = "mail_service" / "mailService", Mail, Choice(&["auto", "resend", "smtp", "none"]), "Mail service", "What takes the mail; auto = the SMTP server where one is set, otherwise Resend where there is a key.";
    ResendApiKey = "resend_api_key" / "resendApiKey", Mail, Secret, "Resend API key", "Delivers mail through Resend.";
    EmailFrom = "email_from" / "emailFrom", Mail, Sender, "Sender", "Who mail is from; the mail service must accept the domain.";
    SmtpHost = "smtp_host" / "smtpHost", Mail, Text(253), "SMTP server", "The name of the server, such as smtp.example.com.";
    SmtpPort = "smtp_port" / "smtpPort", Mail, Number { least: 0, most: 65_535, unit: "" }, "SMTP port", "0 = the usual one: 465 with tls, 587 with starttls, 25 with none.";
    SmtpSecurity = "smtp_security" / "smtpSecurity", Mail, Choice(&["tls", "starttls", "none"]), "SMTP security", "How the connection is kept from others: from the start, after a greeting, or not at all.";
    SmtpUser = "smtp_user" / "smtpUser", Mail, Text(200), "SMTP user", "The name to sign in with; empty = without signing in.";
    SmtpPassword = "smtp_password" / "smtpPassword", Mail, Secret, "SMTP password", "Goes to this SMTP server only.";

    DiscordNotifications = "discord_notifications_enabled" / "discordNotifications", Notices, Switch, "Notices on Discord", "Sends messages to Discord about what happens.";

    HistoryDays = "history_days" / "historyDays", Keeping, DAYS, "History", "How long changes of mirrored objects and syncs are kept; 0 = for ever.";
    AuditDays = "audit_days" / "auditDays", Keeping, DAYS, "Audit trail", "How long it is kept who did what; 0 = for ever.";
    JobDays = "job_days" / "jobDays", Keeping, DAYS, "Jobs", "How long jobs that are done stay in the list; 0 = for ever.";
    EventDays = "event_days" / "eventDays", Keeping, DAYS, "Events and mails", "How long events, deliveries and mails are kept; 0 = for ever.";
    CacheTimeout = "cache_timeout" / "cacheTimeout", Keeping, Number { least: 0, most: 86_400, unit: "seconds" }, "Cache of front ends", "How long front ends may keep answers.";

    VirtfusionUrl = "virtfusion_url" / "virtfusionUrl", VirtFusion, Url, "Address", "The address of VirtFusion, as in the browser.";
    VirtfusionApiKey = "virtfusion_api_key" / "virtfusionApiKey", VirtFusion, Secret, "API token", "A token of VirtFusion.";
    VirtfusionApi = "virtfusion_api" / "virtfusionApi", VirtFusion, Text(500), "API note", "Free text that front ends may show.";

    CrowdinProjectId = "crowdin_project_id" / "crowdinProjectId", FrontEnd, Text(100), "Crowdin project", "The project with the translations.";
    CrowdinPersonalToken = "crowdin_personal_token" / "crowdinPersonalToken", FrontEnd, Secret, "Crowdin token", "Reads the translations.";
    GithubToken = "github_token" / "githubToken", FrontEnd, Secret, "GitHub token", "Reads releases for the changelog.";
    GithubRepositories = "github_repositories" / "githubRepositories", FrontEnd, Repositories, "GitHub repositories", "Whose releases the changelog shows, as owner/name.";
    ScalarApiKey = "scalar_api_key" / "scalarApiKey", FrontEnd, Secret, "Scalar API key", "For the documentation of the API.";
}

impl Key {
    /// The setting with this key, name or alias.
    pub fn find(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|key| {
            let about = key.about();
            about.key == name || about.name == name || about.aliases.contains(&name)
        })
    }

    /// The same.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub fn require(name: &str) -> Result<Self, Error> {
        Self::find(name).ok_or_else(|| Error::not_found("setting", name))
    }

    /// Whether it is a secret.
    pub fn is_secret(self) -> bool {
        self.about().kind == Type::Secret
    }

    /// Whether it stands for something of the first panel.
    pub fn is_of_panel(self) -> bool {
        matches!(self, Self::PterodactylUrl | Self::PterodactylApiKey | Self::PterodactylClientApiKey)
    }

    /// The setting that says where this secret is sent to; a stored one goes nowhere else.
    pub(super) fn goes_to(self) -> Option<Self> {
        match self {
            Self::PterodactylApiKey | Self::PterodactylClientApiKey => Some(Self::PterodactylUrl),
            Self::VirtfusionApiKey => Some(Self::VirtfusionUrl),
            Self::SmtpPassword => Some(Self::SmtpHost),
            _ => None,
        }
    }

    /// Whether a panel cannot be without it.
    pub(super) fn is_needed_by_panel(self) -> bool {
        matches!(self, Self::PterodactylUrl | Self::PterodactylApiKey)
    }

    /// The key of the configuration that counts while nobody set anything here.
    pub fn configured_by(self) -> Option<(&'static str, &'static str)> {
        Some(match self {
            Self::SiteUrl => ("server", "public_url"),
            Self::SessionHours => ("security", "session_hours"),
            Self::CfAccessClientId => ("sync", "cf_access_client_id"),
            Self::CfAccessClientSecret => ("sync", "cf_access_client_secret"),
            Self::CfAccessHosts => ("panel", "url"),
            Self::AutoSyncEnabled | Self::SyncInterval => ("sync", "every_s"),
            Self::HistoryDays => ("sync", "history_days"),
            Self::AuditDays => ("audit", "days"),
            Self::ResendApiKey => ("mail", "resend_api_key"),
            Self::EmailFrom => ("mail", "from"),
            Self::SmtpHost => ("mail", "smtp_host"),
            Self::SmtpPort => ("mail", "smtp_port"),
            Self::SmtpSecurity => ("mail", "smtp_security"),
            Self::SmtpUser => ("mail", "smtp_user"),
            Self::SmtpPassword => ("mail", "smtp_password"),
            Self::VirtfusionUrl => ("virtfusion", "url"),
            Self::VirtfusionApiKey => ("virtfusion", "api_key"),
            _ => return None,
        })
    }

    /// What counts while nobody set anything here, and where that comes from.
    pub(super) fn base(self, config: &Config) -> (Value, SetBy) {
        let from = self.configured_by().map_or(SetBy::Default, |(section, name)| config.set_by(section, name));
        (self.base_value(config), from)
    }

    fn base_value(self, config: &Config) -> Value {
        let address = |url: &Option<aviary_kernel::config::WebUrl>| {
            Value::Text(url.as_ref().map(|url| url.as_str().to_owned()).unwrap_or_default())
        };
        let secret = |secret: &Option<aviary_kernel::base::Secret<String>>| Value::Secret(secret.clone());
        let text = |text: &Option<String>| Value::Text(text.clone().unwrap_or_default());
        match self {
            Self::SiteName => Value::Text("Aviary".into()),
            Self::SiteUrl => address(&config.server.public_url),
            Self::SessionHours => Value::Number(config.security.session_hours.into()),
            Self::SignInPerMinute => Value::Number(10),
            Self::RequestsPerMinute => Value::Number(600),
            Self::CfAccessClientId => text(&config.sync.cf_access_client_id),
            Self::CfAccessClientSecret => secret(&config.sync.cf_access_client_secret),
            Self::CfAccessHosts => {
                let url = config.panel.url.as_ref().and_then(|url| url::Url::parse(url.as_str()).ok());
                Value::Text(url.and_then(|url| url.host_str().map(str::to_owned)).unwrap_or_default())
            }
            Self::AutoSyncEnabled => Value::Switch(config.sync.every_s.is_some_and(|every_s| every_s > 0)),
            Self::SyncInterval => {
                Value::Number(config.sync.every_s.filter(|every_s| *every_s > 0).unwrap_or(3600).max(60).into())
            }
            Self::SyncBatchSize => Value::Number(100),
            Self::ResendApiKey => secret(&config.mail.resend_api_key),
            Self::EmailFrom => text(&config.mail.from),
            Self::SmtpHost => text(&config.mail.smtp_host),
            Self::SmtpPort => Value::Number(config.mail.smtp_port.into()),
            Self::SmtpSecurity => Value::Text(config.mail.smtp_security.to_string()),
            Self::SmtpUser => text(&config.mail.smtp_user),
            Self::SmtpPassword => secret(&config.mail.smtp_password),
            Self::JobDays => Value::Number(JOB_DAYS),
            Self::EventDays => Value::Number(30),
            Self::HistoryDays => Value::Number(config.sync.history_days.into()),
            Self::AuditDays => Value::Number(config.audit.days.into()),
            Self::CacheTimeout => Value::Number(60),
            Self::VirtfusionUrl => address(&config.virtfusion.url),
            Self::VirtfusionApiKey => secret(&config.virtfusion.api_key),
            // They hold back what webhooks would be sent; somebody who makes one wants it to work.
            Self::EmailNotifications | Self::DiscordNotifications => Value::Switch(true),
            other => match other.about().kind {
                Switch => Value::Switch(false),
                Number { least, .. } => Value::Number(least),
                Text(_) | Url | Email | Sender => Value::Text(String::new()),
                Choice(words) => Value::Text(words.first().copied().unwrap_or_default().into()),
                Repositories => Value::List(Vec::new()),
                Secret => Value::Secret(None),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn no_two_settings_share_a_name() {
        let mut seen = HashSet::new();
        for key in Key::ALL {
            let about = key.about();
            for name in [about.key, about.name].into_iter().chain(about.aliases.iter().copied()) {
                assert!(seen.insert(name), "{name}");
                assert_eq!(Key::find(name), Some(*key));
            }
        }
    }

    #[test]
    fn every_group_holds_something_and_every_base_value_is_of_its_type() {
        let config = Config::default();
        for group in Group::ALL {
            assert!(Key::ALL.iter().any(|key| key.about().group == group), "{group:?}");
        }
        for key in Key::ALL {
            assert!(key.base(&config).0.fits(key.about().kind), "{key:?}");
        }
    }
}
