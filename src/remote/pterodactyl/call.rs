//! One request to a panel: paced, repeated where that is safe and may help, and judged.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::Arc;
use std::time::Duration;

use aviary_kernel::base::{Env, Secret};
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep};
use url::Url;

use super::judge::{KeyHint, Place, judge};
use super::sent::{Sent, Sents};
use super::{FaultKind, PanelAccess, PanelError};
use crate::http::{Answer, Broken, Http, HttpOptions, Unusable, fits_a_header, http_date};
use crate::pace::{Allowance, Pacer};

/// The panels' default of old, for those whose headers are stripped on the way.
const ASSUMED_APPLICATION_LIMIT: u32 = 240;
/// The lowest default of any release.
const ASSUMED_CLIENT_LIMIT: u32 = 128;
/// A panel in maintenance that promises to be back within this is waited for.
const SHORT_MAINTENANCE: Duration = Duration::from_secs(10);
/// A failure that took this long is not tried often.
const SLOW: Duration = Duration::from_secs(5);
/// No pause between two attempts is longer.
const LONGEST_BACKOFF: Duration = Duration::from_secs(30);

/// The two APIs of a panel. Each has an allowance of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Api {
    Application,
    Client,
}

/// How hard to try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Patience {
    Usual,
    /// For a row of a page that failed already.
    Twice,
    /// For parts of a page that failed already: what fails is cut up further.
    Once,
}

/// Which answers beside the good ones the asker makes sense of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Takes {
    Good,
    OrMissing,
    /// Everything by which a panel tells whether it knows a route.
    OrRefusals,
}

/// What to ask for.
#[derive(Clone, Debug)]
pub(crate) struct Ask {
    pub(crate) api: Api,
    /// From `/api` on.
    pub(crate) path: String,
    pub(crate) query: Vec<(&'static str, String)>,
    pub(crate) patience: Patience,
    pub(crate) takes: Takes,
    pub(crate) has_key: bool,
}

impl Ask {
    /// Something of the Application API; `path` begins after `/api/application`.
    pub(crate) fn application(path: &str) -> Self {
        Self::of(Api::Application, format!("/api/application{path}"))
    }

    /// Something of the Client API; `path` begins after `/api/client`.
    pub(crate) fn client(path: &str) -> Self {
        Self::of(Api::Client, format!("/api/client{path}"))
    }

    fn of(api: Api, path: String) -> Self {
        Self { api, path, query: Vec::new(), patience: Patience::Usual, takes: Takes::Good, has_key: true }
    }

    pub(crate) fn with(mut self, name: &'static str, value: impl ToString) -> Self {
        self.query.push((name, value.to_string()));
        self
    }

    pub(crate) fn patience(mut self, patience: Patience) -> Self {
        self.patience = patience;
        self
    }

    /// Takes "not found" for an answer.
    pub(crate) fn or_missing(mut self) -> Self {
        self.takes = Takes::OrMissing;
        self
    }

    /// Sent without a key; being refused is an answer.
    pub(crate) fn without_key(mut self) -> Self {
        self.takes = Takes::OrRefusals;
        self.has_key = false;
        self
    }

    /// Whether the asker looks at an answer with this status itself.
    pub(crate) fn takes(&self, status: u16) -> bool {
        match self.takes {
            Takes::Good => false,
            Takes::OrMissing => status == 404,
            Takes::OrRefusals => matches!(status, 401 | 403 | 404),
        }
    }

    /// The request for people: the path, and the page where there is one.
    pub(crate) fn told(&self) -> String {
        let mut text = format!("GET {}", self.path);
        let shown = ["page", "per_page"].into_iter().filter_map(|name| self.query.iter().find(|(n, _)| *n == name));
        for (n, (name, value)) in shown.enumerate() {
            text.push(if n == 0 { '?' } else { '&' });
            text.push_str(&format!("{name}={value}"));
        }
        text
    }
}

struct Door {
    key: Secret<String>,
    hint: KeyHint,
    pacer: Arc<Pacer>,
}

/// Sends requests to one panel.
pub(crate) struct Caller {
    name: String,
    http: Http,
    base: Url,
    place: Place,
    application: Door,
    client: Option<Door>,
    slots: Semaphore,
    sents: Sents,
    env: Env,
    max_attempts: u32,
    backoff: Duration,
    concurrency: usize,
}

impl Caller {
    pub(crate) fn new(access: PanelAccess, options: &HttpOptions, env: Env) -> Result<Self, PanelError> {
        let base = base_url(&access.base_url)?;
        let http = Http::new(options, &base).map_err(|Unusable { what, remedy }| PanelError::config(what, remedy))?;
        let share = access.share_percent;
        let application = door(access.app_key, Api::Application, share)?;
        let client = access.client_key.map(|key| door(key, Api::Client, share)).transpose()?;
        let concurrency = options.concurrency.clamp(1, 32);
        Ok(Self {
            name: access.name,
            http,
            place: Place::new(&base, options),
            base,
            application,
            client,
            slots: Semaphore::new(concurrency),
            sents: Sents::default(),
            env,
            max_attempts: options.max_attempts.max(1),
            backoff: options.backoff,
            concurrency,
        })
    }

    /// Requests that may be under way at a time.
    pub(crate) fn concurrency(&self) -> usize {
        self.concurrency
    }

    /// What people call the panel.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn env(&self) -> &Env {
        &self.env
    }

    /// Takes what was sent since this was asked last.
    pub(crate) fn take_sent(&self) -> Vec<Sent> {
        self.sents.take()
    }

    pub(crate) fn is_secure(&self) -> bool {
        self.base.scheme() == "https"
    }

    pub(crate) fn has_client_key(&self) -> bool {
        self.client.is_some()
    }

    /// The pacer of an API; none for the Client API without a key.
    pub(crate) fn pacer(&self, api: Api) -> Option<&Arc<Pacer>> {
        self.door(api).map(|door| &door.pacer)
    }

    /// Asks until there is an answer that `ask` takes, or no sense in asking again.
    pub(crate) async fn get(&self, ask: &Ask) -> Result<Answer, PanelError> {
        let door = self.door(ask.api).ok_or_else(no_client_key)?;
        let mut attempt = 1;
        loop {
            let (outcome, sent) = self.send(ask, door, attempt).await;
            let was_slow = Duration::from_millis(sent.took_ms) >= SLOW;
            let retry_after = outcome.as_ref().ok().and_then(|answer| self.retry_after(answer));
            let judged = judge(ask, &self.place, &door.hint, outcome);
            self.sents.note(Sent { taken: judged.is_ok(), ..sent });
            let error = match judged {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            if attempt >= self.attempts(&error, ask.patience, was_slow, retry_after) {
                return Err(error);
            }
            let pause = self.pause(&error, attempt, retry_after);
            tracing::debug!(
                panel.name = self.name,
                fault = error.kind.code(),
                attempt,
                pause_ms = pause.as_millis() as u64,
                "asking again: {}",
                ask.told()
            );
            sleep(pause).await;
            attempt += 1;
        }
    }

    /// What came back, and the note of it; whether it was an answer is for others to judge.
    async fn send(&self, ask: &Ask, door: &Door, attempt: u32) -> (Result<Answer, Broken>, Sent) {
        let _slot = self.slots.acquire().await.expect("the semaphore is never closed");
        let asked = Instant::now();
        let turn = door.pacer.turn().await;
        let (started, at) = (Instant::now(), self.env.now());
        let outcome = self.http.get(self.url(ask), ask.has_key.then_some(&door.key)).await;
        let took = started.elapsed();
        match &outcome {
            Ok(answer) if answer.status == 429 => turn.refused(allowance(answer), self.retry_after(answer)),
            Ok(answer) => turn.answered(allowance(answer)),
            Err(_) => drop(turn),
        }
        let status = outcome.as_ref().ok().map(|answer| answer.status);
        let sent = Sent {
            request: ask.told(),
            attempt,
            at,
            waited_ms: started.duration_since(asked).as_millis() as u64,
            took_ms: took.as_millis() as u64,
            status,
            taken: false,
            bytes: outcome.as_ref().map_or(0, |answer| answer.body.len() as u64),
        };
        tracing::debug!(
            panel.name = self.name,
            http.status = status,
            took_ms = took.as_millis() as u64,
            "{}",
            ask.told()
        );
        (outcome, sent)
    }

    fn url(&self, ask: &Ask) -> Url {
        let mut url = self.base.clone();
        url.set_path(&format!("{}{}", self.base.path().trim_end_matches('/'), ask.path));
        if !ask.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&ask.query);
        }
        url
    }

    fn door(&self, api: Api) -> Option<&Door> {
        match api {
            Api::Application => Some(&self.application),
            Api::Client => self.client.as_ref(),
        }
    }

    /// How often to send a request that fails like this.
    fn attempts(&self, error: &PanelError, patience: Patience, was_slow: bool, retry_after: Option<Duration>) -> u32 {
        let wanted = match (error.kind, patience) {
            // A machine that is down swallows what is sent to it; people wait for this answer.
            (FaultKind::Connect, _) if was_slow => 2,
            (FaultKind::RateLimited | FaultKind::Connect, _) => self.max_attempts,
            (FaultKind::Maintenance, _) if retry_after.is_some_and(|pause| pause <= SHORT_MAINTENANCE) => 3,
            // A gateway that lost its back end for a moment answers like this, too.
            (FaultKind::Maintenance | FaultKind::Dns | FaultKind::NotJson, _) => 2,
            (kind, Patience::Once) if kind.is_splittable() => 1,
            (kind, Patience::Twice) if kind.is_splittable() => 2,
            // These are mostly the same the second time: a row that the panel cannot show, a page that is too heavy.
            (FaultKind::Timeout, _) => 2,
            (FaultKind::ServerFault | FaultKind::Gateway, _) if error.status == Some(500) => 2,
            (FaultKind::Interrupted | FaultKind::ServerFault | FaultKind::Gateway, _) => self.max_attempts,
            _ => 1,
        };
        wanted.min(self.max_attempts)
    }

    fn pause(&self, error: &PanelError, attempt: u32, retry_after: Option<Duration>) -> Duration {
        match error.kind {
            // The pacer holds everybody back.
            FaultKind::RateLimited => Duration::ZERO,
            FaultKind::Maintenance if retry_after.is_some_and(|pause| pause <= SHORT_MAINTENANCE) => {
                retry_after.unwrap_or_default()
            }
            _ => jittered(self.backoff.saturating_mul(1 << (attempt - 1).min(10)).min(LONGEST_BACKOFF)),
        }
    }

    fn retry_after(&self, answer: &Answer) -> Option<Duration> {
        if let Some(seconds) = answer.number("retry-after") {
            return Some(Duration::from_secs(seconds));
        }
        let at = http_date(answer.header("retry-after")?)?;
        Some(Duration::from_millis(u64::try_from(at - self.env.now().millis()).unwrap_or(0)))
    }
}

/// Between half and one and a half times as long, so that clients which failed together do not return together.
fn jittered(pause: Duration) -> Duration {
    // Keyed anew each time, which makes it random enough for this.
    let random = RandomState::new().build_hasher().finish() % 1024;
    pause.mul_f64(0.5 + random as f64 / 1024.0)
}

fn allowance(answer: &Answer) -> Allowance {
    let read = |name| answer.number(name).map(|n| u32::try_from(n).unwrap_or(u32::MAX));
    Allowance { limit: read("x-ratelimit-limit"), remaining: read("x-ratelimit-remaining") }
}

fn door(key: Secret<String>, api: Api, share_percent: u8) -> Result<Door, PanelError> {
    let (name, assumed) = match api {
        Api::Application => ("application key", ASSUMED_APPLICATION_LIMIT),
        Api::Client => ("client key", ASSUMED_CLIENT_LIMIT),
    };
    // Pasted keys often bring a space or a line break along.
    let key = Secret::new(key.reveal().trim().to_owned());
    if key.reveal().is_empty() {
        return Err(PanelError::config(
            format!("the {name} is empty"),
            "paste the key that the panel showed when it was made",
        ));
    }
    if !fits_a_header(&key) || !key.reveal().is_ascii() {
        let remedy = "copy it from the panel again, without anything around it";
        return Err(PanelError::config(format!("the {name} holds characters that no key has"), remedy));
    }
    Ok(Door { hint: KeyHint::new(&key, api), key, pacer: Pacer::new(share_percent, assumed) })
}

fn no_client_key() -> PanelError {
    PanelError::config("no client key is set for this panel", "add the client (account) key of an administrator")
}

/// The panel's address without what people paste along with it.
fn base_url(text: &str) -> Result<Url, PanelError> {
    let refuse = |what: &str, remedy: &str| Err(PanelError::config(what, remedy));
    let example = "write it like https://panel.example.com";
    let Ok(mut url) = Url::parse(text.trim()) else {
        return refuse("the panel's address is not a URL", example);
    };
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return refuse("the panel's address begins with neither https:// nor http://", example);
    }
    if !url.username().is_empty() || url.password().is_some() {
        return refuse(
            "the panel's address holds a user name or a password",
            "leave them out; keys have fields of their own",
        );
    }
    if url.query().is_some() || url.fragment().is_some() {
        return refuse("the panel's address has something after a `?` or a `#`", "leave that part out");
    }
    let mut path = url.path().trim_end_matches('/');
    for ending in ["/api/application", "/api/client", "/api"] {
        path = path.strip_suffix(ending).unwrap_or(path).trim_end_matches('/');
    }
    let path = path.to_owned();
    url.set_path(&path);
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn base(text: &str) -> String {
        base_url(text).expect(text).to_string()
    }

    #[test]
    fn an_address_is_freed_of_what_people_paste_along() {
        for text in [
            "https://panel.example",
            "https://panel.example/",
            " https://panel.example/api/ ",
            "https://panel.example/api/application",
        ] {
            assert_eq!(base(text), "https://panel.example/", "{text}");
        }
        assert_eq!(base("http://10.0.0.5:8080/games/panel/"), "http://10.0.0.5:8080/games/panel");
        assert_eq!(base("https://x.example/games/api/client/"), "https://x.example/games");
    }

    #[test]
    fn an_address_with_secrets_or_without_a_scheme_is_refused() {
        for text in [
            "",
            "panel.example",
            "panel.example:8080",
            "ftp://panel.example",
            "https://me:pw@panel.example",
            "https://p.example/?x=1",
            "https://p.example/#a",
        ] {
            let error = base_url(text).expect_err(text);
            assert_eq!(error.kind, FaultKind::Config);
            assert!(!error.to_string().contains("pw"), "{error}");
        }
    }

    #[test]
    fn a_request_is_told_without_what_nobody_asks_about() {
        let ask = Ask::application("/servers").with("include", "allocations").with("per_page", 100).with("page", 3);
        assert_eq!(ask.told(), "GET /api/application/servers?page=3&per_page=100");
        assert_eq!(Ask::application("/nests/1/eggs").told(), "GET /api/application/nests/1/eggs");
    }
}
