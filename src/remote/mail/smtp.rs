//! SMTP ([RFC 5321](https://www.rfc-editor.org/rfc/rfc5321)), step by step, so that it is known to which step a server said no.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aviary_kernel::base::{Env, Secret};
use aviary_kernel::config::SmtpSecurity;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lettre::address::Envelope;
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::{AsyncSmtpConnection, Certificate, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail, Rcpt};
use lettre::transport::smtp::extension::{ClientId, Extension, MailBodyParameter, MailParameter};
use tokio::time::{Instant, timeout};

use super::message::written;
use super::refusal::{Server, Step};
use super::{Accepted, MailError, Outgoing, SHOWN};
use crate::hidden::Hidden;
use crate::http::{ca_file, init_tls};

/// An open connection is kept for the next mail as long as that. Servers hang up after a few minutes.
const IDLE: Duration = Duration::from_secs(60);
/// A server that does not answer a good-bye, or whether it is still there, is left.
const GOOD_BYE: Duration = Duration::from_secs(2);

/// How to speak to a mail server.
#[derive(Clone, Debug)]
pub struct SmtpOptions {
    /// Its name or address.
    pub host: String,
    /// Its port: usually 465 with [`SmtpSecurity::Tls`], 587 with [`SmtpSecurity::StartTls`].
    pub port: u16,
    /// How the connection is kept from others. A server that does not offer a promised STARTTLS gets no mail; without any
    /// security, passwords are sent within this machine only.
    pub security: SmtpSecurity,
    /// Who we are to it; without, nobody signs in.
    pub user: Option<String>,
    /// The password that goes with it.
    pub password: Option<Secret<String>>,
    /// How long each step may take: connecting, signing in, naming sender and recipient, handing over.
    pub timeout: Duration,
    /// Certificates (PEM) that are trusted beside those that everybody trusts.
    pub ca_file: Option<PathBuf>,
}

/// Hands mail to a server. Cheap to clone; keeps one connection open for a while.
#[derive(Clone)]
pub struct Smtp(Arc<Inner>);

struct Inner {
    options: SmtpOptions,
    tls: Option<TlsParameters>,
    login: Option<Credentials>,
    hello: ClientId,
    hidden: Hidden,
    idle: Mutex<Option<(AsyncSmtpConnection, Instant)>>,
    env: Env,
}

impl Smtp {
    /// A client. Nothing is connected yet.
    ///
    /// # Errors
    /// [`MailErrorKind::Misconfigured`](super::MailErrorKind::Misconfigured) when the `ca_file` cannot be used, and when a
    /// password would be sent in the clear to another machine.
    pub fn new(options: SmtpOptions, env: Env) -> Result<Self, MailError> {
        init_tls();
        let host = options.host.trim().trim_start_matches('[').trim_end_matches(']').to_owned();
        if host.is_empty() {
            return Err(MailError::misconfigured("no mail server is named", "set the host of the mail server"));
        }
        let options = SmtpOptions { host, ..options };
        let login = login(&options)?;
        let tls = if options.security == SmtpSecurity::None { None } else { Some(trust(&options)?) };
        let hidden = Hidden::of(login_forms(&options));
        let (hello, idle) = (ClientId::default(), Mutex::default());
        Ok(Self(Arc::new(Inner { options, tls, login, hello, hidden, idle, env })))
    }

    /// Hands a mail over.
    ///
    /// # Errors
    /// [`MailError`], whose kind says what to do with the mail.
    pub async fn send(&self, mail: &Outgoing) -> Result<Accepted, MailError> {
        let inner = &self.0;
        let message = written(mail, inner.env.now())?;
        let mut connection = match inner.reuse().await {
            Some(connection) => connection,
            None => inner.connect().await?,
        };
        // Only a connection on which all was answered is used again: what another one would say next belongs to this mail.
        match inner.hand_over(&mut connection, message.envelope(), &message.formatted()).await {
            Ok(said) => {
                inner.keep(connection);
                Ok(Accepted { id: said })
            }
            Err(error) => {
                leave(connection).await;
                Err(error)
            }
        }
    }

    /// Connects, signs in and leaves again: whether mail could be sent.
    ///
    /// # Errors
    /// [`MailError`] with what stands in the way.
    pub async fn check(&self) -> Result<(), MailError> {
        leave(self.0.connect().await?).await;
        Ok(())
    }
}

impl Inner {
    fn server(&self) -> Server<'_> {
        let SmtpOptions { host, port, timeout, .. } = &self.options;
        Server { host, port: *port, patience: *timeout, hidden: &self.hidden }
    }

    async fn step<T>(&self, step: Step, work: impl Future<Output = Result<T, Error>>) -> Result<T, MailError> {
        match timeout(self.options.timeout, work).await {
            Ok(outcome) => outcome.map_err(|error| self.server().failed(step, &error)),
            Err(_) => Err(self.server().too_late(step)),
        }
    }

    async fn connect(&self) -> Result<AsyncSmtpConnection, MailError> {
        let addresses = self.addresses().await?;
        let at_once = self.tls.clone().filter(|_| self.options.security == SmtpSecurity::Tls);
        let patience = Some(self.options.timeout);
        let connecting = AsyncSmtpConnection::connect_tokio1(&addresses[..], patience, &self.hello, at_once, None);
        let mut connection = self.step(Step::Connect, connecting).await?;
        if let (SmtpSecurity::StartTls, Some(tls)) = (self.options.security, &self.tls) {
            self.step(Step::Secure, connection.starttls(tls.clone(), &self.hello)).await?;
        }
        if let Some(login) = &self.login {
            self.step(Step::SignIn, connection.auth(DEFAULT_MECHANISMS, login)).await?;
        }
        Ok(connection)
    }

    async fn addresses(&self) -> Result<Vec<SocketAddr>, MailError> {
        let looking_up = tokio::net::lookup_host((&*self.options.host, self.options.port));
        let found = timeout(self.options.timeout, looking_up).await.map_err(|_| self.server().nowhere())?;
        let found: Vec<_> = found.map_err(|_| self.server().nowhere())?.collect();
        if found.is_empty() { Err(self.server().nowhere()) } else { Ok(found) }
    }

    /// A connection that was left open and still answers.
    async fn reuse(&self) -> Option<AsyncSmtpConnection> {
        let (mut connection, since) = self.idle.lock().unwrap_or_else(PoisonError::into_inner).take()?;
        let is_alive = async { since.elapsed() < IDLE && connection.test_connected().await };
        timeout(GOOD_BYE, is_alive).await.ok().filter(|is_alive| *is_alive)?;
        Some(connection)
    }

    fn keep(&self, connection: AsyncSmtpConnection) {
        *self.idle.lock().unwrap_or_else(PoisonError::into_inner) = Some((connection, Instant::now()));
    }

    async fn hand_over(
        &self,
        connection: &mut AsyncSmtpConnection,
        envelope: &Envelope,
        mail: &[u8],
    ) -> Result<String, MailError> {
        let sender = Mail::new(envelope.from().cloned(), self.parameters(connection, envelope, mail)?);
        self.step(Step::Sender, connection.command(sender)).await?;
        for recipient in envelope.to() {
            let recipient = Rcpt::new(recipient.clone(), Vec::new());
            self.step(Step::Recipient, connection.command(recipient)).await?;
        }
        self.step(Step::Content, connection.command(Data)).await?;
        let taken = self.step(Step::Content, connection.message(mail)).await?;
        let said: Vec<_> = taken.message().collect();
        Ok(self.hidden.excerpt(said.join(" ").as_bytes(), SHOWN))
    }

    fn parameters(
        &self,
        connection: &AsyncSmtpConnection,
        envelope: &Envelope,
        mail: &[u8],
    ) -> Result<Vec<MailParameter>, MailError> {
        let server = connection.server_info();
        let mut parameters = Vec::new();
        let mut addresses = envelope.from().into_iter().chain(envelope.to()).map(AsRef::<str>::as_ref);
        if !addresses.all(str::is_ascii) {
            if !server.supports_feature(Extension::SmtpUtfEight) {
                return Err(MailError::refused(
                    format!("{} takes no addresses with letters beyond ASCII", self.options.host),
                    "write the addresses without them, or use another mail server",
                ));
            }
            parameters.push(MailParameter::SmtpUtfEight);
        }
        if !mail.is_ascii() && server.supports_feature(Extension::EightBitMime) {
            parameters.push(MailParameter::Body(MailBodyParameter::EightBitMime));
        }
        Ok(parameters)
    }
}

/// Says good-bye. Whether the server likes to hear it does not matter any more.
async fn leave(mut connection: AsyncSmtpConnection) {
    let _ = timeout(GOOD_BYE, connection.abort()).await;
}

fn login(options: &SmtpOptions) -> Result<Option<Credentials>, MailError> {
    let (user, password) = match (&options.user, &options.password) {
        (Some(user), Some(password)) => (user, password),
        (None, None) => return Ok(None),
        _ => {
            return Err(MailError::misconfigured(
                "of user and password of the mail server one is missing",
                "set both, or neither",
            ));
        }
    };
    if options.security == SmtpSecurity::None && !is_this_machine(&options.host) {
        return Err(MailError::misconfigured(
            format!("the password would go to {} in the clear, to be read by anybody on the way", options.host),
            "choose TLS or STARTTLS, or leave out user and password",
        ));
    }
    Ok(Some(Credentials::new(user.clone(), password.reveal().clone())))
}

/// The password, and what is sent of it, which a server may repeat.
fn login_forms(options: &SmtpOptions) -> Vec<String> {
    let (Some(user), Some(password)) = (&options.user, &options.password) else { return Vec::new() };
    let password = password.reveal();
    vec![password.clone(), STANDARD.encode(password), STANDARD.encode(format!("\0{user}\0{password}"))]
}

fn is_this_machine(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost") || host.parse().is_ok_and(|address: IpAddr| address.is_loopback())
}

fn trust(options: &SmtpOptions) -> Result<TlsParameters, MailError> {
    let unusable = |error: Error| {
        MailError::misconfigured(format!("the certificates cannot be used: {error}"), "check the `ca_file`")
    };
    let mut builder = TlsParameters::builder(options.host.clone());
    if let Some(file) = &options.ca_file {
        let (pem, _) = ca_file(file)?;
        builder = builder.add_root_certificate(Certificate::from_pem(&pem).map_err(unusable)?);
    }
    builder.build_rustls().map_err(unusable)
}
