//! Whether what is set leads anywhere: each test really connects, and shows what was asked and answered.

use std::str::FromStr;
use std::time::{Duration, Instant};

use aviary_kernel::base::{Error, Result, Secret};
use aviary_kernel::model::{Action, Actor, Dialect};
use aviary_remote::HttpOptions;
use aviary_remote::mail::Smtp;
use aviary_remote::probe::{self, Exchange, NoAnswer, Outcome, Question, Reply};
use aviary_remote::{PanelCheck, Severity};
use serde::Serialize;
use serde_json::Value as Json;
use url::Url;

use super::Settings;
use super::catalogue::Key;
use super::mail::{MailService, MailSettings, SmtpServer};
use crate::audit::{self, Did};
use crate::feed;
use crate::masked::MASK;
use crate::panels;

/// What can be tested.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs, reason = "the names say it")]
pub enum Tested {
    Panel,
    Mail,
    Webhook,
    VirtFusion,
    Database,
}

impl Tested {
    /// Everything that can be tested.
    pub const ALL: [Self; 5] = [Self::Panel, Self::Mail, Self::Webhook, Self::VirtFusion, Self::Database];

    /// The name in addresses.
    pub fn name(self) -> &'static str {
        match self {
            Self::Panel => "panel",
            Self::Mail => "mail",
            Self::Webhook => "webhook",
            Self::VirtFusion => "virtfusion",
            Self::Database => "database",
        }
    }

    /// What people call it.
    pub fn title(self) -> &'static str {
        match self {
            Self::Panel => "the first panel",
            Self::Mail => "the mail service",
            Self::Webhook => "a webhook",
            Self::VirtFusion => "VirtFusion",
            Self::Database => "the data file",
        }
    }
}

impl FromStr for Tested {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "pterodactyl" => Ok(Self::Panel),
            "resend" => Ok(Self::Mail),
            _ => Self::ALL.into_iter().find(|what| what.name() == text).ok_or_else(|| {
                let all = Self::ALL.map(Self::name).join(", ");
                Error::invalid("type", format!("cannot be tested; there are {all}"))
            }),
        }
    }
}

/// What to test with; what is not given is taken from the settings.
#[derive(Clone, Debug, Default)]
pub struct Given {
    /// An address.
    pub url: Option<String>,
    /// A key; the mask counts as none.
    pub key: Option<Secret<String>>,
}

/// What a test showed. Never holds a secret.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TestReport {
    /// What was tested.
    pub what: Tested,
    /// Whether it answers as it should.
    pub connected: bool,
    /// Milliseconds until the answer was there.
    pub latency_ms: Option<u64>,
    /// What answered, where it says so.
    pub version: Option<String>,
    /// What the answer means.
    pub message: String,
    /// What went wrong.
    pub error: Option<String>,
    /// What to do about it.
    pub remedy: Option<String>,
    /// More that a person should know.
    pub findings: Vec<String>,
    /// What was sent and what came back; a first look at a panel is followed by some more requests, which are not shown.
    pub exchanges: Vec<Exchange>,
}

impl TestReport {
    fn good(what: Tested, message: impl Into<String>) -> Self {
        Self {
            what,
            connected: true,
            latency_ms: None,
            version: None,
            message: message.into(),
            error: None,
            remedy: None,
            findings: Vec::new(),
            exchanges: Vec::new(),
        }
    }

    fn bad(what: Tested, error: impl Into<String>, remedy: impl Into<String>) -> Self {
        let error = error.into();
        let message = format!("{} does not answer as it should", what.title());
        Self { connected: false, error: Some(error), remedy: Some(remedy.into()), ..Self::good(what, message) }
    }

    fn with(mut self, exchange: Option<Exchange>) -> Self {
        self.latency_ms = exchange.as_ref().map(|exchange| exchange.took_ms).or(self.latency_ms);
        self.exchanges.extend(exchange);
        self
    }
}

/// What somebody should know whose mail service works.
const NO_SENDER: &str = "no sender is set; without one no mail leaves";
/// As long as a test by hand may take.
const PATIENT: Duration = Duration::from_secs(15);
/// As long as somebody waits for a page.
const BRIEF: Duration = Duration::from_secs(3);

/// Where to connect to, and with what.
struct Target {
    url: Url,
    key: Secret<String>,
}

impl Settings {
    /// Connects, and puts on record that it was tried.
    ///
    /// # Errors
    /// [`Error::Invalid`] when there is not enough to connect with. That nobody answers is no error but a report.
    pub async fn test(&self, by: &Actor, what: Tested, given: Given) -> Result<TestReport> {
        let report = match what {
            Tested::Panel => self.test_panel(given).await?,
            Tested::Mail => self.test_mail(given).await?,
            Tested::Webhook => self.test_webhook(&given).await?,
            Tested::VirtFusion => self.look_at_virtfusion(self.virtfusion(given).await?, PATIENT).await,
            Tested::Database => self.test_database().await,
        };
        let host = report.exchanges.first().and_then(|exchange| exchange.address.clone());
        let did = Did::new(Action::ConnectionTested).to("connection", what.name(), host.unwrap_or_default());
        let did = match &report.error {
            Some(error) => did.failed(error.clone()),
            None => did,
        };
        let (env, by) = (self.env.clone(), by.clone());
        self.store.write(move |tx| audit::record(tx, &env, &by, did).map(drop)).await?;
        Ok(report)
    }

    /// How the first panel answers now, by a short look; none when there is no panel.
    pub async fn panel_status(&self) -> Option<TestReport> {
        let target = self.panel(Given::default()).await.ok()?;
        Some(self.look_at_panel(&target, BRIEF).await)
    }

    /// How VirtFusion answers now, by a short look; none when none is set.
    pub async fn virtfusion_status(&self) -> Option<TestReport> {
        let target = self.virtfusion(Given::default()).await.ok()?;
        Some(self.look_at_virtfusion(target, BRIEF).await)
    }

    /// How the data file answers now.
    pub async fn test_database(&self) -> TestReport {
        let began = Instant::now();
        let read = self.store.read(feed::newest).await;
        let latency_ms = Some(u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX));
        let report = match (read, self.store.trouble()) {
            (Ok(_), None) => TestReport::good(Tested::Database, "the data file can be read and written"),
            (Ok(_), Some(why)) => TestReport::bad(Tested::Database, why, "free some space or check the disk"),
            (Err(error), _) => TestReport::bad(Tested::Database, error.to_string(), "run `aviary check`"),
        };
        TestReport { latency_ms, ..report }
    }

    async fn panel(&self, given: Given) -> Result<Target> {
        self.target(given, Key::PterodactylUrl, Key::PterodactylApiKey, panels::parse_url).await
    }

    async fn virtfusion(&self, given: Given) -> Result<Target> {
        let tidy = |url: &str| Ok(url.trim().trim_end_matches('/').to_owned());
        self.target(given, Key::VirtfusionUrl, Key::VirtfusionApiKey, tidy).await
    }

    /// What was given, and what is stored for the rest. A stored key goes to the address it is stored for and to no other.
    async fn target(&self, given: Given, url: Key, key: Key, tidy: impl Fn(&str) -> Result<String>) -> Result<Target> {
        let stored = self.value(url).await?.text().unwrap_or_default();
        let given_url = given.url.filter(|url| !url.trim().is_empty());
        let given_key = given.key.filter(|key| !matches!(key.reveal().trim(), "" | MASK));
        let missing = |key: Key| Error::invalid(key.about().name, "is not set; give it, or set it first");
        let name = url.about().name;
        let address = tidy(given_url.as_deref().unwrap_or(&stored)).map_err(|error| match error {
            _ if given_url.is_none() && stored.is_empty() => missing(url),
            Error::Invalid { reason, .. } => Error::invalid(name, reason),
            other => other,
        })?;
        let key = match given_key {
            Some(key) => Secret::from(key.reveal().trim()),
            None => {
                let held = self.value(key).await?.secret().ok_or_else(|| missing(key))?;
                if address != stored {
                    let why = "is needed: the stored one goes only to the address it is stored for";
                    return Err(Error::invalid(key.about().name, why));
                }
                held
            }
        };
        Ok(Target { url: web_address(name, &address)?, key })
    }

    async fn test_panel(&self, given: Given) -> Result<TestReport> {
        let target = self.panel(given).await?;
        let look = self.look_at_panel(&target, PATIENT).await;
        let base = target.url.as_str().trim_end_matches('/');
        let report = match self.panels.check_at(base, target.key.clone()).await {
            Ok(check) => checked(&check),
            Err(error) => TestReport::bad(Tested::Panel, error.what, error.remedy),
        };
        Ok(TestReport { latency_ms: look.latency_ms, exchanges: look.exchanges, ..report })
    }

    /// One request that every panel of the family understands.
    async fn look_at_panel(&self, target: &Target, patience: Duration) -> TestReport {
        let url = below(&target.url, "api/application/nodes?per_page=1");
        let question = Question::get(url).bearer(target.key.clone());
        let Outcome { exchange, answer } =
            probe::ask(&self.panels.options_for(target.url.as_str()), &question, patience).await;
        let report = match answer {
            Ok(Reply { status: 200, body }) if is_list(&body) => TestReport::good(Tested::Panel, "the panel answers"),
            Ok(reply) => refused(Tested::Panel, &reply, "the panel", Key::PterodactylApiKey),
            Err(none) => silent(Tested::Panel, none),
        };
        report.with(exchange)
    }

    async fn look_at_virtfusion(&self, target: Target, patience: Duration) -> TestReport {
        let question = Question::get(below(&target.url, "api/v1/connect")).bearer(target.key);
        let Outcome { exchange, answer } = probe::ask(&self.panels.options(), &question, patience).await;
        let report = match answer {
            Ok(Reply { status: 200..=299, .. }) => TestReport::good(Tested::VirtFusion, "VirtFusion knows the token"),
            Ok(reply) => refused(Tested::VirtFusion, &reply, "VirtFusion", Key::VirtfusionApiKey),
            Err(none) => silent(Tested::VirtFusion, none),
        };
        report.with(exchange)
    }

    /// Tests the mail service that is chosen; Resend when a key is given.
    async fn test_mail(&self, given: Given) -> Result<TestReport> {
        let given = given.key.filter(|key| !matches!(key.reveal().trim(), "" | MASK));
        let MailSettings { from, service } = self.mail().await?;
        match (given, service) {
            (Some(key), _) => self.test_resend(&self.mail_api, key.reveal().trim().into(), from).await,
            (None, Ok(MailService::Resend { url, key })) => self.test_resend(&url, key, from).await,
            (None, Ok(MailService::Smtp(server))) => Ok(self.test_smtp(&server, from).await),
            (None, Err(why)) => Err(Error::invalid(Key::MailService.about().name, why)),
        }
    }

    /// Connects and signs in; no mail is sent.
    async fn test_smtp(&self, server: &SmtpServer, sender: Option<String>) -> TestReport {
        let began = Instant::now();
        let limits = self.panels.options();
        let limits = HttpOptions { request_timeout: limits.request_timeout.min(PATIENT), ..limits };
        let checked = match Smtp::new(server.options(&limits), self.env.clone()) {
            Ok(smtp) => smtp.check().await,
            Err(error) => Err(error),
        };
        let latency_ms = Some(u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX));
        let report = match checked {
            Ok(()) => {
                TestReport::good(Tested::Mail, format!("the mail server {} takes us; no mail was sent", server.host))
            }
            Err(error) => TestReport::bad(Tested::Mail, error.what, error.remedy),
        };
        let findings = sender.is_none().then(|| NO_SENDER.to_owned()).into_iter().collect();
        TestReport { latency_ms, findings, ..report }
    }

    async fn test_resend(&self, url: &Url, key: Secret<String>, sender: Option<String>) -> Result<TestReport> {
        let question = Question::get(below(url, "domains")).bearer(key);
        let Outcome { exchange, answer } = probe::ask(&self.panels.options(), &question, PATIENT).await;
        let report = match answer {
            Ok(reply) => mail(&reply, sender.as_deref()),
            Err(none) => silent(Tested::Mail, none),
        };
        Ok(report.with(exchange))
    }

    async fn test_webhook(&self, given: &Given) -> Result<TestReport> {
        let url = given.url.as_deref().map(str::trim).filter(|url| !url.is_empty());
        let url = web_address("url", url.ok_or_else(|| Error::invalid("url", "give the address of the webhook"))?)?;
        let is_discord = is_discord(&url);
        let question = Question { hides_path: true, head_only: !is_discord, ..Question::get(url) };
        let question = question.outside_only(self.outside.clone());
        let Outcome { exchange, answer } = probe::ask(&self.panels.options(), &question, PATIENT).await;
        if let Ok(Reply { status: 405 | 501, .. }) = &answer
            && question.head_only
        {
            let again = Question { head_only: false, ..question };
            let second = probe::ask(&self.panels.options(), &again, PATIENT).await;
            return Ok(webhook(second.answer, false).with(exchange).with(second.exchange));
        }
        Ok(webhook(answer, is_discord).with(exchange))
    }
}

fn web_address(field: &'static str, text: &str) -> Result<Url> {
    let bad = || Error::invalid(field, "is no address; write it like https://www.example.com");
    let url = Url::parse(text).map_err(|_| bad())?;
    let plain = url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
    if plain && matches!(url.scheme(), "http" | "https") && url.has_host() { Ok(url) } else { Err(bad()) }
}

/// `path` below an address that may have a path itself. A query must not swallow the path.
fn below(base: &Url, path: &str) -> Url {
    let mut base = base.clone();
    base.set_query(None);
    let text = format!("{}/{path}", base.as_str().trim_end_matches('/'));
    Url::parse(&text).unwrap_or(base)
}

fn is_list(body: &str) -> bool {
    serde_json::from_str::<Json>(body).is_ok_and(|json| json.get("object").is_some_and(|object| object == "list"))
}

fn silent(what: Tested, NoAnswer { what: why, remedy }: NoAnswer) -> TestReport {
    TestReport::bad(what, why, remedy)
}

/// What an answer means that is not the wanted one.
fn refused(what: Tested, reply: &Reply, who: &str, key: Key) -> TestReport {
    let label = key.about().label;
    let status = reply.status;
    match status {
        401 => TestReport::bad(what, format!("{who} does not know the key"), format!("set the {label} anew")),
        403 => TestReport::bad(
            what,
            format!("{who} refuses the key (403)"),
            format!("give the {label} read access, and check whether it is bound to other addresses"),
        ),
        300..=399 => TestReport::bad(
            what,
            format!("{who} sends us elsewhere ({status})"),
            "set the address that it sends to; redirects are not followed",
        ),
        404 => TestReport::bad(what, format!("there is no API at this address ({status})"), "check the address"),
        429 => TestReport::bad(what, format!("{who} has had too many requests"), "wait a minute and try again"),
        500..=599 => TestReport::bad(what, format!("{who} failed ({status})"), "look at its log, and try again"),
        _ => TestReport::bad(what, format!("{who} answered something else ({status})"), "check the address"),
    }
}

fn checked(check: &PanelCheck) -> TestReport {
    let problems: Vec<_> = check.findings.iter().filter(|found| found.severity == Severity::Problem).collect();
    let message = match problems.len() {
        0 => "the panel can be mirrored",
        _ => "the panel answers, but something stands in the way",
    };
    let version = match check.dialect {
        Dialect::Pterodactyl => "Pterodactyl",
        Dialect::Pelican => "Pelican",
    };
    let findings = check.findings.iter().map(|found| match &found.remedy {
        Some(remedy) => format!("{}; {remedy}", found.what),
        None => found.what.clone(),
    });
    TestReport {
        version: Some(version.to_owned()),
        findings: findings.collect(),
        ..TestReport::good(Tested::Panel, message)
    }
}

/// What the mail service says about a key.
fn mail(reply: &Reply, sender: Option<&str>) -> TestReport {
    let json: Json = serde_json::from_str(&reply.body).unwrap_or_default();
    let name = json.get("name").and_then(Json::as_str).unwrap_or_default();
    match (reply.status, name) {
        (200, _) => domains(&json, sender),
        // Such a key does all that is needed here.
        (401, "restricted_api_key") => TestReport::good(
            Tested::Mail,
            "the key may send mail, and nothing else; the domains could not be looked at",
        ),
        (400 | 401 | 403, _) => TestReport::bad(
            Tested::Mail,
            format!("the mail service does not take the key ({})", reply.status),
            "make a new API key there and set it",
        ),
        _ => refused(Tested::Mail, reply, "the mail service", Key::ResendApiKey),
    }
}

fn domains(json: &Json, sender: Option<&str>) -> TestReport {
    let Some(rows) = json.get("data").and_then(Json::as_array) else {
        return TestReport::bad(
            Tested::Mail,
            "the answer is not that of the mail service",
            "check what stands between",
        );
    };
    let text = |row: &Json, name: &str| row.get(name).and_then(Json::as_str).unwrap_or_default().to_lowercase();
    let verified: Vec<_> =
        rows.iter().filter(|row| text(row, "status") == "verified").map(|row| text(row, "name")).collect();
    let mut report = TestReport::good(Tested::Mail, "the mail service knows the key");
    let domain = sender.and_then(|sender| sender.trim_end_matches('>').rsplit_once('@')).map(|(_, d)| d.to_lowercase());
    match domain {
        None => report.findings.push(NO_SENDER.into()),
        Some(domain) if !verified.contains(&domain) => {
            report.findings.push(format!("{domain} is not verified there, so mail from it is refused; verify it"));
        }
        Some(_) => {}
    }
    report
}

fn is_discord(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let of_discord = ["discord.com", "discordapp.com"]
        .iter()
        .any(|name| host == *name || host.strip_suffix(name).is_some_and(|rest| rest.ends_with('.')));
    of_discord || url.path().contains("/api/webhooks/")
}

/// What the address of a webhook says without being sent anything.
fn webhook(answer: Result<Reply, NoAnswer>, is_discord: bool) -> TestReport {
    const WHAT: Tested = Tested::Webhook;
    let reply = match answer {
        Ok(reply) => reply,
        Err(none) => return silent(WHAT, none),
    };
    let gone = || {
        let remedy = "make a new webhook and use its address";
        TestReport::bad(WHAT, format!("there is no webhook at this address ({})", reply.status), remedy)
    };
    if is_discord {
        let json: Json = serde_json::from_str(&reply.body).unwrap_or_default();
        return match (reply.status, json.get("channel_id").is_some()) {
            (200, true) => {
                let name = json.get("name").and_then(Json::as_str).unwrap_or("without a name");
                let name: String = name.chars().filter(|c| !c.is_control()).take(80).collect();
                TestReport {
                    version: Some("Discord".into()),
                    ..TestReport::good(WHAT, format!("the webhook “{name}” is there; nothing was posted"))
                }
            }
            (401 | 404, _) => gone(),
            (200, false) => {
                TestReport::bad(WHAT, "the answer is not that of a webhook of Discord", "check the address")
            }
            _ => refused_webhook(&reply),
        };
    }
    match reply.status {
        200..=299 => TestReport::good(WHAT, "the address answers; nothing was posted"),
        // It wants a POST, as webhooks do, and says so.
        400 | 405 | 411 | 415 | 422 => {
            TestReport::good(WHAT, "the address answers and wants to be sent something; nothing was posted")
        }
        404 | 410 => gone(),
        _ => refused_webhook(&reply),
    }
}

fn refused_webhook(reply: &Reply) -> TestReport {
    let status = reply.status;
    match status {
        401 | 403 => TestReport::bad(
            Tested::Webhook,
            format!("the address refuses us ({status})"),
            "check whether the address is whole, with everything that stands behind the last slash",
        ),
        _ => refused(Tested::Webhook, reply, "the webhook", Key::SiteUrl),
    }
}
