//! One request to find out whether an address answers, kept word for word so that a person can see what was said. No
//! redirects, a short time-out, the beginning of the answer; secrets are masked on both sides.

use std::time::{Duration, Instant};

use aviary_kernel::base::Secret;
use aviary_kernel::config::MASK;
use reqwest::Method;
use serde::Serialize;
use url::Url;

use crate::hidden::{Hidden, in_address};
use crate::http::{Answer, Ask, Broken, Http, HttpOptions, TlsFault, fits_a_header};
use crate::outside::Outside;

/// No answer that says anything takes longer.
const LONGEST: Duration = Duration::from_secs(15);
/// Read of an answer; more than is shown, so that a secret is masked before the text is cut.
const READ: usize = 256 << 10;
/// Shown of an answer, in bytes.
const SHOWN: usize = 2048;

/// What to ask.
#[derive(Clone, Debug)]
pub struct Question {
    /// Whether only the head of the answer is asked for.
    pub head_only: bool,
    /// The address.
    pub url: Url,
    /// Sent as `Authorization: Bearer`.
    pub bearer: Option<Secret<String>>,
    /// Whether the path and the query are secrets themselves, as with webhooks.
    pub hides_path: bool,
    /// More secrets that must not be shown.
    pub secrets: Vec<Secret<String>>,
    /// Where the request may go; anywhere when none.
    pub outside: Option<Outside>,
}

impl Question {
    /// GET of an address.
    pub fn get(url: Url) -> Self {
        Self { head_only: false, url, bearer: None, hides_path: false, secrets: Vec::new(), outside: None }
    }

    /// With a key.
    #[must_use]
    pub fn bearer(self, key: Secret<String>) -> Self {
        Self { bearer: Some(key), ..self }
    }

    /// Only where webhooks may go: not into this machine, nor into networks that are not `allowed`.
    #[must_use]
    pub fn outside_only(self, outside: Outside) -> Self {
        Self { outside: Some(outside), ..self }
    }
}

/// What was sent and what came back. Never holds a secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Exchange {
    /// Method and address, such as `GET https://api.example.com/domains`.
    pub request: String,
    /// The headers that were sent.
    pub request_headers: Vec<(String, String)>,
    /// The address behind the name, with its port; none when no connection came about.
    pub address: Option<String>,
    /// The status of the answer; none when there was none.
    pub status: Option<u16>,
    /// The headers of the answer.
    pub headers: Vec<(String, String)>,
    /// The beginning of the answer.
    pub body: String,
    /// Whether there was more of it.
    pub is_cut: bool,
    /// Milliseconds until it was there, or until it was given up.
    pub took_ms: u64,
}

/// Why there was no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoAnswer {
    /// What happened, without a full stop.
    pub what: String,
    /// What a person should do, without a full stop.
    pub remedy: String,
}

/// What came of a question.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// What was sent and came back; none when nothing could be sent.
    pub exchange: Option<Exchange>,
    /// The answer, in clear.
    pub answer: Result<Reply, NoAnswer>,
}

/// An answer in clear, to be judged; not to be shown.
#[derive(Clone)]
pub struct Reply {
    /// The status.
    pub status: u16,
    /// The text.
    pub body: String,
}

impl std::fmt::Debug for Reply {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reply").field("status", &self.status).finish_non_exhaustive()
    }
}

/// Asks once. `patience` bounds the whole of it, if it is shorter than what a probe takes anyway.
pub async fn ask(options: &HttpOptions, question: &Question, patience: Duration) -> Outcome {
    let unsent = |what: &str, remedy: &str| Outcome {
        exchange: None,
        answer: Err(NoAnswer { what: what.to_owned(), remedy: remedy.to_owned() }),
    };
    if question.bearer.as_ref().is_some_and(|key| !fits_a_header(key)) {
        return unsent("the key cannot be sent", "paste it again, without blanks and line breaks");
    }
    let longest = LONGEST.min(patience);
    let options = HttpOptions {
        connect_timeout: options.connect_timeout.min(longest),
        request_timeout: options.request_timeout.min(longest),
        max_body_bytes: READ,
        ..options.clone()
    };
    let http = match &question.outside {
        Some(outside) => Http::behind(outside.gate(question.url.scheme() == "http"), &options),
        None => Http::new(&options, &question.url),
    };
    let http = match http {
        Ok(http) => http,
        Err(unusable) => return unsent(&unusable.what, &unusable.remedy),
    };
    let method = if question.head_only { Method::HEAD } else { Method::GET };
    let began = Instant::now();
    let asked = Ask::new(method.clone(), question.url.clone()).bearer(question.bearer.as_ref());
    let answer = http.look(&asked).await;
    let took_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    let hidden = hidden(question, &options);
    let exchange = Some(exchange(&method, question, &options, &hidden, answer.as_ref().ok(), took_ms));
    let answer = match answer {
        Ok(answer) => Ok(Reply { status: answer.status, body: String::from_utf8_lossy(&answer.body).into_owned() }),
        Err(broken) => Err(told(&broken, question.url.host_str().unwrap_or_default(), longest)),
    };
    Outcome { exchange, answer }
}

fn exchange(
    method: &Method,
    question: &Question,
    options: &HttpOptions,
    hidden: &Hidden,
    answer: Option<&Answer>,
    took_ms: u64,
) -> Exchange {
    let url = &question.url;
    let host = url.host_str().unwrap_or_default();
    let host = url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
    let mut request_headers = vec![
        ("Host".to_owned(), host),
        ("User-Agent".to_owned(), concat!("Aviary/", env!("CARGO_PKG_VERSION")).to_owned()),
        ("Accept".to_owned(), "application/json".to_owned()),
    ];
    if question.bearer.is_some() {
        request_headers.push(("Authorization".to_owned(), format!("Bearer {MASK}")));
    }
    request_headers.extend(options.headers.iter().map(|(name, _)| (name.clone(), MASK.to_owned())));
    let (body, is_cut) = answer.map(|answer| shown_body(hidden, answer)).unwrap_or_default();
    Exchange {
        request: format!("{method} {}", hidden.text(url.as_str())),
        request_headers,
        address: answer.and_then(|answer| answer.from).map(|from| from.to_string()),
        status: answer.map(|answer| answer.status),
        headers: answer.map(|answer| shown_headers(hidden, answer)).unwrap_or_default(),
        body,
        is_cut,
        took_ms,
    }
}

/// What must not be shown of a question and its answer.
fn hidden(question: &Question, options: &HttpOptions) -> Hidden {
    let secrets = question.bearer.iter().chain(&question.secrets);
    let secrets = secrets.chain(options.headers.iter().map(|(_, value)| value));
    let mut clear: Vec<String> = secrets.map(|secret| secret.reveal().trim().to_owned()).collect();
    if question.hides_path {
        clear.extend(in_address(&question.url));
    }
    Hidden::of(clear)
}

fn shown_headers(hidden: &Hidden, answer: &Answer) -> Vec<(String, String)> {
    let shown = answer.headers.iter().map(|(name, value)| {
        // Whatever a cookie is good for, it is not for us.
        let value = match name.as_str() {
            "set-cookie" => MASK.to_owned(),
            _ => hidden.text(&String::from_utf8_lossy(value.as_bytes())),
        };
        (name.as_str().to_owned(), value)
    });
    shown.collect()
}

fn shown_body(hidden: &Hidden, answer: &Answer) -> (String, bool) {
    let mut text = hidden.text(&String::from_utf8_lossy(&answer.body));
    let is_cut = text.len() > SHOWN;
    if is_cut {
        text.truncate(text.floor_char_boundary(SHOWN));
    }
    (text, is_cut)
}

/// What `host`, which may have a port, did instead of answering. `longest` is the time that it had.
pub(crate) fn told(broken: &Broken, host: &str, longest: Duration) -> NoAnswer {
    let seconds = longest.as_secs_f32().ceil();
    let name = host.trim_end_matches(|char: char| char.is_ascii_digit()).strip_suffix(':').unwrap_or(host);
    let (what, remedy) = match broken {
        Broken::Dns => {
            (format!("the name {name} leads to no address"), "check the spelling, and the name server of this machine")
        }
        Broken::Refused(why) => (
            format!("nobody answers at {host} ({why})"),
            "check the address and its port, and whether a firewall lets this machine through",
        ),
        Broken::Tls(fault) => (
            format!("no secure connection to {host} came about: {}", tls(fault)),
            "check the certificate of the other side, and whether the address begins with the right https:// or http://",
        ),
        Broken::Timeout { connecting: true } => (
            format!("{host} took no connection within {seconds} seconds"),
            "check the address, and whether a firewall lets this machine through",
        ),
        Broken::Timeout { connecting: false } => (
            format!("{host} did not answer within {seconds} seconds"),
            "try again, and look at the load of the other side",
        ),
        Broken::Interrupted => {
            (format!("{host} broke the connection off"), "try again, and look at the log of the other side")
        }
        Broken::TooLarge(_) => (format!("{host} answered with more than makes sense"), "check the address"),
        Broken::Forbidden(why) => (format!("{name} {why}"), why.remedy()),
    };
    NoAnswer { what, remedy: remedy.to_owned() }
}

/// What was wrong with a secure connection, after a colon.
pub(crate) fn tls(fault: &TlsFault) -> String {
    match fault {
        TlsFault::UnknownIssuer => "nobody that is trusted has signed its certificate".to_owned(),
        TlsFault::IsAuthority => "its certificate is one of an authority".to_owned(),
        TlsFault::Expired => "its certificate is past its time, or before it".to_owned(),
        TlsFault::WrongName => "its certificate is for another name".to_owned(),
        TlsFault::NotTls => "it does not speak TLS".to_owned(),
        TlsFault::Other(why) => why.clone(),
    }
}
