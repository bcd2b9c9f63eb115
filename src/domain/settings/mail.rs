//! How mail leaves, as the settings say.

use aviary_kernel::base::{Result, Secret};
use aviary_kernel::config::SmtpSecurity;
use aviary_kernel::store::Read;
use aviary_remote::HttpOptions;
use aviary_remote::mail::SmtpOptions;
use url::Url;

use super::Settings;
use super::catalogue::Key;

/// How mail leaves, as the settings say now.
#[derive(Clone)]
pub struct MailSettings {
    /// Who mail is from.
    pub from: Option<String>,
    /// What takes the mail; otherwise why there is nothing, and what to do about it.
    pub service: Result<MailService, String>,
}

/// What takes the mail.
#[derive(Clone)]
pub enum MailService {
    /// Resend, or something that speaks like it.
    Resend {
        /// Its address.
        url: Url,
        /// The key.
        key: Secret<String>,
    },
    /// An SMTP server.
    Smtp(SmtpServer),
}

/// An SMTP server.
#[derive(Clone)]
pub struct SmtpServer {
    /// Its name.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the connection is kept from others.
    pub security: SmtpSecurity,
    /// Whom to sign in as, with the password.
    pub sign_in: Option<(String, Secret<String>)>,
}

impl MailService {
    /// What people call it.
    pub fn name(&self) -> &str {
        match self {
            Self::Resend { .. } => "Resend",
            Self::Smtp(server) => &server.host,
        }
    }
}

impl SmtpServer {
    /// How to speak to it, in connections with these limits.
    pub(crate) fn options(&self, limits: &HttpOptions) -> SmtpOptions {
        let (user, password) = self.sign_in.clone().unzip();
        SmtpOptions {
            host: self.host.clone(),
            port: self.port,
            security: self.security,
            user,
            password,
            timeout: limits.request_timeout,
            ca_file: limits.ca_file.clone(),
        }
    }
}

impl Settings {
    /// How mail leaves, as the settings say now.
    ///
    /// # Errors
    /// When the file cannot be read, or a secret does not open.
    pub async fn mail(&self) -> Result<MailSettings> {
        let this = self.clone();
        self.store.read(move |tx| this.mail_in(tx)).await
    }

    fn mail_in(&self, reader: &impl Read) -> Result<MailSettings> {
        let chosen = self.value_in(reader, Key::MailService)?.text().unwrap_or_default();
        let smtp = self.smtp_in(reader)?;
        let key = self.value_in(reader, Key::ResendApiKey)?.secret();
        let resend = key.map(|key| MailService::Resend { url: (*self.mail_api).clone(), key });
        let smtp = smtp.map(MailService::Smtp);
        let (service, why) = match chosen.as_str() {
            "none" => (None, "mail is switched off in the settings"),
            "resend" => (resend, "Resend is chosen in the settings, but there is no Resend API key: set one"),
            "smtp" => (smtp, "an SMTP server is chosen in the settings, but none is named: set one"),
            _ => (smtp.or(resend), "no mail service is set up: set an SMTP server or a Resend API key in the settings"),
        };
        let from = self.value_in(reader, Key::EmailFrom)?.text();
        Ok(MailSettings { from, service: service.ok_or_else(|| why.to_owned()) })
    }

    fn smtp_in(&self, reader: &impl Read) -> Result<Option<SmtpServer>> {
        let Some(host) = self.value_in(reader, Key::SmtpHost)?.text() else { return Ok(None) };
        let security = self.value_in(reader, Key::SmtpSecurity)?.text().unwrap_or_default();
        let security = security.parse().unwrap_or(SmtpSecurity::StartTls);
        let port = u16::try_from(self.value_in(reader, Key::SmtpPort)?.number()).unwrap_or(0);
        let user = self.value_in(reader, Key::SmtpUser)?.text();
        let password = self.value_in(reader, Key::SmtpPassword)?.secret();
        Ok(Some(SmtpServer {
            host,
            port: if port == 0 { usual_port(security) } else { port },
            security,
            sign_in: user.map(|user| (user, password.unwrap_or_else(|| "".into()))),
        }))
    }
}

fn usual_port(security: SmtpSecurity) -> u16 {
    match security {
        SmtpSecurity::Tls => 465,
        SmtpSecurity::StartTls => 587,
        SmtpSecurity::None => 25,
    }
}
