//! What an answer means: taken, send it there, try later, or never again.

use std::fmt;
use std::time::Duration;

use reqwest::header::LOCATION;
use serde::Deserialize;
use url::Url;

use crate::http::{Answer, Broken, Unusable, pause_of};
use crate::probe::NoAnswer;

/// Discord's code for a webhook that was deleted.
const UNKNOWN_WEBHOOK: u64 = 10_015;
/// Discord's code for a token that is not that of the webhook. It has no other one later.
const INVALID_WEBHOOK_TOKEN: u64 = 50_027;

/// Why an attempt failed, with the way out. Never holds a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What happened, without a full stop.
    pub what: String,
    /// What a person should do, without a full stop.
    pub remedy: String,
    /// What the caller should do.
    pub kind: FailureKind,
}

/// What to do about a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureKind {
    /// Try again later: nothing is wrong that may not pass.
    Retry,
    /// The endpoint does not want this. Trying again is allowed and rarely helps.
    Refused,
    /// There is no such endpoint any more, and there will be none: send nothing there until a person acts.
    Gone,
    /// The address is one that must not be spoken to. Nothing was sent there.
    Forbidden,
}

impl Failure {
    pub(crate) fn of(NoAnswer { what, remedy }: NoAnswer, kind: FailureKind) -> Self {
        Self { what, remedy, kind }
    }

    pub(crate) fn refused(what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { what: what.into(), remedy: remedy.into(), kind: FailureKind::Refused }
    }

    pub(crate) fn without_certificates(Unusable { what, remedy }: &Unusable) -> Self {
        Self { what: what.clone(), remedy: remedy.clone(), kind: FailureKind::Retry }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; {}", self.what, self.remedy)
    }
}

impl std::error::Error for Failure {}

impl FailureKind {
    pub(crate) fn of(broken: &Broken) -> Self {
        if matches!(broken, Broken::Forbidden(_)) { Self::Forbidden } else { Self::Retry }
    }
}

/// What an answer leads to.
pub(crate) enum Step {
    /// It is the last one.
    Done(Result<(), Failure>),
    /// The same is to be sent here.
    To(Url),
}

/// What Discord says with an error. Others have no such body, or one that means nothing here.
#[derive(Default, Deserialize)]
#[serde(default)]
struct DiscordError {
    code: u64,
    retry_after: f64,
}

/// Host and port of an address, all of it that may be told.
pub(crate) fn host(url: &Url) -> String {
    let host = url.host_str().unwrap_or("the endpoint");
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

/// What `answer`, given at `url`, means.
pub(crate) fn of(url: &Url, answer: &Answer) -> Step {
    if matches!(answer.status, 300..=399) {
        return redirect(url, answer);
    }
    Step::Done(match refusal(answer) {
        None => Ok(()),
        Some((kind, why, remedy)) => {
            let what = format!("{} answered {}{why}", host(url), answer.status);
            Err(Failure { what, remedy: remedy.to_owned(), kind })
        }
    })
}

fn refusal(answer: &Answer) -> Option<(FailureKind, &'static str, &'static str)> {
    use FailureKind::{Gone, Refused, Retry};
    let anew = "make a new webhook there and enter its address, or delete this one";
    Some(match (answer.status, discord(answer).code) {
        (200..=299, _) => return None,
        (404, UNKNOWN_WEBHOOK) => (Gone, " (the webhook was deleted there)", anew),
        (401, INVALID_WEBHOOK_TOKEN) => (Gone, " (the token is not that of the webhook)", anew),
        (410, _) => (Gone, " (it is gone for good)", "enter the address of another endpoint, or delete this one"),
        (408 | 425, _) => (Retry, "", "nothing; it is tried again"),
        (429, _) => (Retry, " (too many requests)", "nothing; it is tried again"),
        (500..=599, _) => (Retry, " (it failed)", "look at the log of the other side; it is tried again"),
        (401 | 403, _) => (Refused, " (it does not let us in)", "check the address, and what the other side asks for"),
        (404, _) => (Refused, " (there is nothing at this address)", "check the address"),
        (413, _) => (Refused, " (the message is too large for it)", "raise the limit of the other side"),
        _ => (Refused, "", "look at the answer, and at the log of the other side"),
    })
}

fn redirect(url: &Url, answer: &Answer) -> Step {
    let (from, status) = (host(url), answer.status);
    let refused = |why: &str, remedy: &str| Step::Done(Err(Failure::refused(format!("{from} {why}"), remedy)));
    let to = answer.headers.get(LOCATION).and_then(|to| url.join(std::str::from_utf8(to.as_bytes()).ok()?).ok());
    let Some(to) = to else {
        return refused(&format!("answered {status}, and not where to go"), "check the address");
    };
    match status {
        307 | 308 if url.scheme() == "https" && to.scheme() != "https" => refused(
            &format!("sends us to {} without encryption ({status})", host(&to)),
            "enter an address that begins with https://",
        ),
        307 | 308 => Step::To(to),
        _ => refused(&format!("sends us to {} ({status})", host(&to)), "enter the new address"),
    }
}

/// For how long the endpoint asks not to be tried again.
pub(crate) fn retry_after(answer: &Answer) -> Option<Duration> {
    if answer.status < 400 {
        return None;
    }
    // The body counts in milliseconds in older versions of Discord's API, the header never does.
    let in_body = || pause_of(discord(answer).retry_after).filter(|pause| !pause.is_zero());
    answer.retry_after().or_else(in_body)
}

/// For how long nothing at all should be sent.
pub(crate) fn pause(answer: &Answer) -> Option<Duration> {
    if answer.number("x-ratelimit-remaining")? > 0 {
        return None;
    }
    pause_of(answer.header("x-ratelimit-reset-after")?.trim().parse().ok()?)
}

fn discord(answer: &Answer) -> DiscordError {
    serde_json::from_slice(&answer.body).unwrap_or_default()
}
