//! The one way out: a client with time-outs, a cap on what comes back, and no habits of a browser. It follows no redirects,
//! keeps no cookies and sends neither `Origin` nor `Referer`, because panels take either for a browser session.

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use aviary_kernel::base::Secret;
use bytes::{Bytes, BytesMut};
use reqwest::header::{ACCEPT, AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Certificate, Client, ClientBuilder, Method, redirect, retry};
use url::Url;

use crate::hooks::address::Forbidden;
use crate::outside::Gate;
use crate::tls;

/// Headers that are ours to set, or that would make a request look like one of a browser.
const NOT_YOURS: &[&str] =
    &["accept", "authorization", "connection", "content-length", "cookie", "host", "origin", "referer"];

/// No remote puts us off for longer.
const LONGEST_PAUSE: Duration = Duration::from_secs(24 * 60 * 60);

/// How to speak to a remote.
#[derive(Clone, Debug)]
pub struct HttpOptions {
    /// How long a connection may take to come about.
    pub connect_timeout: Duration,
    /// How long a request may take until the last byte of its answer. Panels need seconds for a large page.
    pub request_timeout: Duration,
    /// The largest answer that is taken, unpacked.
    pub max_body_bytes: usize,
    /// Certificates (PEM) that are trusted beside those of the operating system.
    pub ca_file: Option<PathBuf>,
    /// Headers for what stands in front of the panel, such as `CF-Access-Client-Id`.
    pub headers: Vec<(String, Secret<String>)>,
    /// How often a request is sent before it is given up, where repeating may help.
    pub max_attempts: u32,
    /// The pause before the second attempt; it doubles from there, give or take some.
    pub backoff: Duration,
    /// Requests in flight at a time.
    pub concurrency: usize,
}

impl Default for HttpOptions {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(10),
            request_timeout: Duration::from_secs(90),
            max_body_bytes: 64 << 20,
            ca_file: None,
            headers: Vec::new(),
            max_attempts: 5,
            backoff: Duration::from_millis(500),
            concurrency: 4,
        }
    }
}

/// Makes the process's choice of cryptography. Further calls do nothing. [`crate::PanelClient::new`] calls it too.
pub fn init_tls() {
    // The error only says that somebody made the choice before.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

/// Settings with which no client can be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unusable {
    /// What is wrong, without a full stop.
    pub what: String,
    /// What a person should do, without a full stop.
    pub remedy: String,
}

impl fmt::Display for Unusable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; {}", self.what, self.remedy)
    }
}

impl StdError for Unusable {}

/// A request.
#[derive(Clone)]
pub(crate) struct Ask {
    method: Method,
    pub(crate) url: Url,
    pub(crate) headers: HeaderMap,
    body: Option<Bytes>,
    /// Less than the client's own limit.
    within: Option<Duration>,
}

impl Ask {
    /// A request that likes JSON in return.
    pub(crate) fn new(method: Method, url: Url) -> Self {
        let headers = HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static("application/json"))]);
        Self { method, url, headers, body: None, within: None }
    }

    /// With a key, which must fit a header.
    pub(crate) fn bearer(mut self, key: Option<&Secret<String>>) -> Self {
        if let Some(key) = key {
            self.headers.insert(AUTHORIZATION, bearer_header(key));
        }
        self
    }

    pub(crate) fn body(self, body: Bytes) -> Self {
        Self { body: Some(body), ..self }
    }

    /// Bounds the whole of it, until the last byte of the answer.
    pub(crate) fn within(self, within: Duration) -> Self {
        Self { within: Some(within), ..self }
    }
}

/// A complete answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// The address that answered.
    pub(crate) from: Option<SocketAddr>,
}

/// How much of an answer is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Take {
    /// All of it; one that is larger than the cap is refused.
    All,
    /// The beginning, when it is larger than the cap.
    Beginning,
    /// What comes until it is cut off or gives out: the status has said all that counts.
    WhatComes,
}

impl Answer {
    /// A header's text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// A header that is a whole number.
    pub(crate) fn number(&self, name: &str) -> Option<u64> {
        self.header(name)?.trim().parse().ok()
    }

    /// For how long we are asked to stay away: a number of seconds, or a time. At most a day.
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        let text = self.header("retry-after")?.trim();
        // A time is counted from the other side's own, so that it does not matter whose clock is wrong.
        let until = || Some((http_date(text)? - http_date(self.header("date")?)?) as f64 / 1000.0);
        pause_of(text.parse().ok().or_else(until)?)
    }
}

/// A pause as others tell it, in seconds, within bounds.
pub(crate) fn pause_of(seconds: f64) -> Option<Duration> {
    seconds.is_finite().then(|| Duration::from_secs_f64(seconds.clamp(0.0, LONGEST_PAUSE.as_secs_f64())))
}

/// Why there is no complete answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Broken {
    /// The name leads to no address.
    Dns,
    /// Nobody took the connection.
    Refused(String),
    /// No secure connection came about.
    Tls(TlsFault),
    /// It took too long: to connect, or to answer.
    Timeout { connecting: bool },
    /// The connection broke off in the middle.
    Interrupted,
    /// The answer was larger than the cap, in bytes.
    TooLarge(usize),
    /// The gate does not let it through. Nothing was sent.
    Forbidden(Forbidden),
}

/// What was wrong with a secure connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum TlsFault {
    /// Nobody that we trust has signed the certificate.
    UnknownIssuer,
    /// The certificate is one of an authority, as self-signed ones often are.
    IsAuthority,
    /// The certificate is past its time, or before it.
    Expired,
    /// The certificate is for another name.
    WrongName,
    /// The other side does not speak TLS at all.
    NotTls,
    /// Something else, in the words of the library.
    Other(String),
}

/// One client: for one remote, or for everybody beyond a gate.
pub(crate) struct Http {
    client: Client,
    /// Trusts only the very certificates in the `ca_file`.
    pinned: Option<Client>,
    /// Whether the remote showed one of those.
    is_pinned: AtomicBool,
    gate: Option<Gate>,
    cap: usize,
}

impl Http {
    /// A client for the remote at `base`.
    pub(crate) fn new(options: &HttpOptions, base: &Url) -> Result<Self, Unusable> {
        Self::made(options, base.scheme() == "http", None)
    }

    /// A client for all remotes that the gate lets it reach.
    pub(crate) fn behind(gate: Gate, options: &HttpOptions) -> Result<Self, Unusable> {
        Self::made(options, gate.is_plain(), Some(gate))
    }

    fn made(options: &HttpOptions, is_plain: bool, gate: Option<Gate>) -> Result<Self, Unusable> {
        init_tls();
        let builder = || builder(options, gate.as_ref());
        let of = |client, pinned| {
            let cap = options.max_body_bytes;
            Self { client, pinned, is_pinned: AtomicBool::new(false), gate: gate.clone(), cap }
        };
        if is_plain {
            // No secure connection will be made, so a machine without any certificates is fine.
            return Ok(of(built(builder()?.tls_certs_only([]), options)?, None));
        }
        let Some(file) = &options.ca_file else {
            return Ok(of(built(builder()?, options)?, None));
        };
        let (pem, certificates) = ca_file(file)?;
        let client = built(builder()?.tls_certs_merge(certificates), options)?;
        let pinned = match tls::pinned(&pem) {
            Some(config) => Some(built(builder()?.tls_backend_preconfigured(config), options)?),
            None => None,
        };
        Ok(of(client, pinned))
    }

    /// Asks and takes the whole answer, whatever its status.
    pub(crate) async fn ask(&self, ask: &Ask) -> Result<Answer, Broken> {
        self.send(ask, Take::All).await
    }

    /// Asks for `url` and takes the whole answer, whatever its status.
    pub(crate) async fn get(&self, url: Url, bearer: Option<&Secret<String>>) -> Result<Answer, Broken> {
        self.ask(&Ask::new(Method::GET, url).bearer(bearer)).await
    }

    /// Asks, and takes only the beginning of a large answer.
    pub(crate) async fn look(&self, ask: &Ask) -> Result<Answer, Broken> {
        self.send(ask, Take::Beginning).await
    }

    /// Tells something. The status is what counts: of the rest of the answer is taken what comes.
    pub(crate) async fn tell(&self, ask: &Ask) -> Result<Answer, Broken> {
        self.send(ask, Take::WhatComes).await
    }

    async fn send(&self, ask: &Ask, take: Take) -> Result<Answer, Broken> {
        if let Some(gate) = &self.gate {
            gate.check(&ask.url).map_err(Broken::Forbidden)?;
        }
        let by = |client| self.send_by(client, ask, take);
        let Some(pinned) = &self.pinned else { return by(&self.client).await };
        if self.is_pinned.load(Ordering::Relaxed) {
            return by(pinned).await;
        }
        match by(&self.client).await {
            // No connection came about, so nothing was sent yet.
            Err(Broken::Tls(TlsFault::IsAuthority)) => {
                let outcome = by(pinned).await;
                // What one remote beyond a gate shows says nothing about the others.
                self.is_pinned.store(outcome.is_ok() && self.gate.is_none(), Ordering::Relaxed);
                outcome
            }
            outcome => outcome,
        }
    }

    async fn send_by(&self, client: &Client, ask: &Ask, take: Take) -> Result<Answer, Broken> {
        let mut request = client.request(ask.method.clone(), ask.url.clone()).headers(ask.headers.clone());
        if let Some(body) = &ask.body {
            request = request.body(body.clone());
        }
        if let Some(within) = ask.within {
            request = request.timeout(within);
        }
        let mut response = request.send().await.map_err(|error| sort(&error))?;
        let from = response.remote_addr();
        let is_known_large = response.content_length().is_some_and(|length| length > self.cap as u64);
        if take == Take::All && is_known_large {
            return Err(Broken::TooLarge(self.cap));
        }
        let mut body = BytesMut::new();
        loop {
            let chunk = match response.chunk().await {
                Ok(Some(chunk)) => chunk,
                Ok(None) => break,
                Err(_) if take == Take::WhatComes => break,
                Err(error) => return Err(sort(&error)),
            };
            if body.len() + chunk.len() > self.cap {
                if take == Take::All {
                    return Err(Broken::TooLarge(self.cap));
                }
                body.extend_from_slice(&chunk[..self.cap - body.len()]);
                break;
            }
            body.extend_from_slice(&chunk);
        }
        let status = response.status().as_u16();
        Ok(Answer { status, headers: std::mem::take(response.headers_mut()), body: body.freeze(), from })
    }
}

/// A time as HTTP writes it, in milliseconds.
pub(crate) fn http_date(text: &str) -> Option<i64> {
    jiff::fmt::rfc2822::parse(text).ok().map(|at| at.timestamp().as_millisecond())
}

/// Whether `key` can stand in a header at all.
pub(crate) fn fits_a_header(key: &Secret<String>) -> bool {
    HeaderValue::from_str(key.reveal()).is_ok()
}

fn bearer_header(key: &Secret<String>) -> HeaderValue {
    let mut value = HeaderValue::from_str(&format!("Bearer {}", key.reveal()))
        .expect("keys that do not fit a header are refused when the client is made");
    value.set_sensitive(true);
    value
}

fn extra_headers(headers: &[(String, Secret<String>)]) -> Result<HeaderMap, Unusable> {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        let refuse = |why: &str| Unusable {
            what: format!("the extra header `{name}` {why}"),
            remedy: "correct or remove it in the panel's settings".to_owned(),
        };
        if NOT_YOURS.contains(&name.to_ascii_lowercase().as_str()) {
            return Err(refuse("cannot be set"));
        }
        let name: HeaderName = name.parse().map_err(|_| refuse("has a name that HTTP does not allow"))?;
        let mut value = HeaderValue::from_str(value.reveal())
            .map_err(|_| refuse("has a value that HTTP does not allow, such as a line break"))?;
        value.set_sensitive(true);
        map.insert(name, value);
    }
    Ok(map)
}

fn builder(options: &HttpOptions, gate: Option<&Gate>) -> Result<ClientBuilder, Unusable> {
    let mut builder = Client::builder()
        .user_agent(concat!("Aviary/", env!("CARGO_PKG_VERSION")))
        .default_headers(extra_headers(&options.headers)?)
        .connect_timeout(options.connect_timeout)
        .timeout(options.request_timeout)
        .redirect(redirect::Policy::none())
        .referer(false)
        // Ours is the only hand that repeats a request, so that each one is counted.
        .retry(retry::never())
        .pool_max_idle_per_host(options.concurrency);
    if let Some(gate) = gate {
        // A proxy of the environment would look names up itself, and reach what it can.
        builder = builder.no_proxy().dns_resolver(gate.clone());
    }
    Ok(builder)
}

fn built(builder: ClientBuilder, options: &HttpOptions) -> Result<Client, Unusable> {
    builder.build().map_err(|error| cannot_build(&error, options))
}

/// The content of a `ca_file`, and the certificates in it, of which there is one at least.
pub(crate) fn ca_file(file: &Path) -> Result<(Vec<u8>, Vec<Certificate>), Unusable> {
    let pem = std::fs::read(file).map_err(|error| bad_ca_file(file, &format!("cannot be read: {error}")))?;
    match Certificate::from_pem_bundle(&pem) {
        Ok(certificates) if certificates.is_empty() => Err(bad_ca_file(file, "holds no certificate")),
        Ok(certificates) => Ok((pem, certificates)),
        Err(_) => Err(bad_ca_file(file, "holds no certificates that can be read")),
    }
}

fn bad_ca_file(file: &Path, why: &str) -> Unusable {
    Unusable {
        what: format!("the `ca_file` {} {why}", file.display()),
        remedy: "give the path of a PEM file with the certificate of the other side, or that of the authority that signed it"
            .to_owned(),
    }
}

fn cannot_build(error: &reqwest::Error, options: &HttpOptions) -> Unusable {
    let cause = chain(error).last().map(ToString::to_string).unwrap_or_default();
    let remedy = match &options.ca_file {
        Some(file) => format!("check the certificates in `ca_file` {}", file.display()),
        None => "install the operating system's certificates (package ca-certificates), or set `ca_file`".to_owned(),
    };
    Unusable { what: format!("no trusted certificates could be loaded: {cause}"), remedy }
}

fn sort(error: &reqwest::Error) -> Broken {
    if let Some(why) = chain(error).find_map(|cause| cause.downcast_ref::<Forbidden>()) {
        return Broken::Forbidden(why.clone());
    }
    if error.is_timeout() {
        return Broken::Timeout { connecting: error.is_connect() };
    }
    if let Some(fault) = chain(error).find_map(tls_fault) {
        return Broken::Tls(fault);
    }
    if error.is_dns() || chain(error).any(|cause| cause.to_string() == "dns error") {
        return Broken::Dns;
    }
    if error.is_connect() {
        let cause = chain(error).filter_map(|cause| cause.downcast_ref::<io::Error>()).last();
        return Broken::Refused(cause.map(reason).unwrap_or_else(|| "no connection".to_owned()));
    }
    Broken::Interrupted
}

/// An error and what caused it. What an I/O error wraps is visited too, which `source` skips.
pub(crate) fn chain<'a>(error: &'a (dyn StdError + 'static)) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |&error| match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
        Some(inner) => Some(inner as &(dyn StdError + 'static)),
        None => error.source(),
    })
}

/// Why no connection came about, in few words.
pub(crate) fn reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => "connection refused".to_owned(),
        io::ErrorKind::NetworkUnreachable | io::ErrorKind::HostUnreachable => "no route to it".to_owned(),
        _ => error.to_string(),
    }
}

/// What was wrong with a secure connection, if that is what `cause` tells.
pub(crate) fn tls_fault(cause: &(dyn StdError + 'static)) -> Option<TlsFault> {
    use rustls::CertificateError as Bad;
    if cause.downcast_ref::<io::Error>().is_some_and(|e| e.get_ref().is_none() && e.to_string().contains("tls")) {
        return Some(TlsFault::Other("the connection ended while it was being secured".to_owned()));
    }
    Some(match cause.downcast_ref::<rustls::Error>()? {
        rustls::Error::InvalidCertificate(bad) => match bad {
            Bad::UnknownIssuer | Bad::BadSignature => TlsFault::UnknownIssuer,
            Bad::Expired | Bad::ExpiredContext { .. } | Bad::NotValidYet | Bad::NotValidYetContext { .. } => {
                TlsFault::Expired
            }
            Bad::NotValidForName | Bad::NotValidForNameContext { .. } => TlsFault::WrongName,
            // The library below tells this one only by its debug name.
            other if format!("{other:?}").contains("CaUsedAsEndEntity") => TlsFault::IsAuthority,
            other => TlsFault::Other(other.to_string()),
        },
        rustls::Error::InvalidMessage(_) => TlsFault::NotTls,
        other => TlsFault::Other(other.to_string()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_http_writes_them() {
        assert_eq!(http_date("Fri, 14 Mar 2025 09:26:53 GMT"), Some(1_741_944_413_000));
        assert_eq!(http_date("soon"), None);
    }
}
