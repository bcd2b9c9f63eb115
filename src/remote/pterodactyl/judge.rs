//! Makes sense of what came back, or of why nothing did, in words that help the person who set the panel up.

use std::net::IpAddr;
use std::time::Duration;

use aviary_kernel::base::Secret;
use serde::Deserialize;
use serde::de::IgnoredAny;
use url::Url;

use super::call::{Api, Ask};
use super::{FaultKind, PanelError};
use crate::http::{Answer, Broken, HttpOptions, TlsFault};

/// Panels have made keys of this length since they have keys.
const KEY_LENGTH: usize = 48;

/// What may be told about a key.
#[derive(Clone, Debug)]
pub(crate) struct KeyHint {
    api: Api,
    /// The API that the key is for, by the look of its first characters.
    looks: Option<Api>,
    length: usize,
}

impl KeyHint {
    pub(crate) fn new(key: &Secret<String>, api: Api) -> Self {
        let begins = |any: &[&str]| any.iter().any(|prefix| key.reveal().starts_with(prefix));
        let looks = if begins(&["ptla_", "papp_", "peli_"]) {
            Some(Api::Application)
        } else if begins(&["ptlc_", "pacc_", "plcn_"]) {
            Some(Api::Client)
        } else {
            None
        };
        Self { api, looks, length: key.reveal().len() }
    }

    fn name(&self) -> &'static str {
        match self.api {
            Api::Application => "application key",
            Api::Client => "client key",
        }
    }
}

/// The panel as people know it.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    host: String,
    has_ca_file: bool,
    connect_timeout: Duration,
    request_timeout: Duration,
}

impl Place {
    pub(crate) fn new(base: &Url, options: &HttpOptions) -> Self {
        let host = base.host_str().unwrap_or("the panel");
        Self {
            host: base.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}")),
            has_ca_file: options.ca_file.is_some(),
            connect_timeout: options.connect_timeout,
            request_timeout: options.request_timeout,
        }
    }

    /// The error for an answer that never came, or not whole.
    pub(crate) fn broken(&self, request: &str, broken: Broken) -> PanelError {
        let host = &self.host;
        let error = match broken {
            Broken::Dns => PanelError::new(
                FaultKind::Dns,
                format!("the name {host} leads to no address"),
                "check the panel's address for a typing error, and this machine's DNS",
            ),
            Broken::Refused(why) => PanelError::new(
                FaultKind::Connect,
                format!("nobody answers at {host}: {why}"),
                "check that the panel's web server runs, the port, and the firewalls in between",
            ),
            Broken::Tls(fault) => self.tls(fault),
            Broken::Timeout { connecting: true } => PanelError::new(
                FaultKind::Connect,
                format!("{host} took no connection within {:?}", self.connect_timeout),
                "check that the panel's machine is up and that no firewall drops what we send",
            ),
            Broken::Timeout { connecting: false } => PanelError::new(
                FaultKind::Timeout,
                format!("{host} did not finish its answer within {:?}", self.request_timeout),
                "look at the load of the panel's machine; a longer request time-out can be set",
            ),
            Broken::Interrupted => interrupted("the connection broke off in the middle of the answer"),
            Broken::TooLarge(cap) => PanelError::new(
                FaultKind::TooLarge,
                format!("the answer is larger than the {} MiB that are taken", cap >> 20),
                "raise the largest answer in the settings if the panel really has that much to say",
            ),
            Broken::Forbidden(why) => {
                PanelError::new(FaultKind::Connect, format!("{host} {why}"), "check the panel's address")
            }
        };
        error.asked(request)
    }

    fn tls(&self, fault: TlsFault) -> PanelError {
        let host = &self.host;
        let (what, remedy) = match fault {
            TlsFault::UnknownIssuer | TlsFault::IsAuthority if self.has_ca_file => (
                format!("the certificate of {host} is signed by nobody that we trust"),
                "check that `ca_file` holds the authority that signed this certificate".to_owned(),
            ),
            TlsFault::UnknownIssuer | TlsFault::IsAuthority => (
                format!("the certificate of {host} is signed by nobody that we trust; it may be self-signed"),
                "name the certificate or its authority as `ca_file`, or give the panel a public certificate".to_owned(),
            ),
            TlsFault::Expired => (
                format!("the certificate of {host} is not valid at this time"),
                "renew it on the panel's machine, and check the clock of this one".to_owned(),
            ),
            TlsFault::WrongName => (
                format!("the certificate of {host} is for another name"),
                "use the name that the certificate is for as the panel's address".to_owned(),
            ),
            TlsFault::NotTls => (
                format!("{host} does not speak TLS"),
                "write the address with http:// or name the port that serves https".to_owned(),
            ),
            TlsFault::Other(why) => (
                format!("no secure connection to {host} came about: {why}"),
                "check the certificate and the TLS settings of the panel's web server".to_owned(),
            ),
        };
        PanelError::new(FaultKind::Tls, what, remedy)
    }
}

/// The answer when it is one that `ask` takes; good ones are JSON from beginning to end.
pub(crate) fn judge(
    ask: &Ask,
    place: &Place,
    key: &KeyHint,
    outcome: Result<Answer, Broken>,
) -> Result<Answer, PanelError> {
    let request = ask.told();
    let answer = outcome.map_err(|broken| place.broken(&request, broken))?;
    let error = match answer.status {
        status if ask.takes(status) => return Ok(answer),
        200..=299 => match whole_json(&answer) {
            Ok(()) => return Ok(answer),
            Err(error) => error,
        },
        300..=399 => redirected(&answer),
        401 => unauthorized(&answer, key),
        403 => forbidden(ask, &answer, key),
        404 => not_found(ask, &answer),
        429 => PanelError::new(
            FaultKind::RateLimited,
            "the panel refuses more requests for the moment",
            "lower the share of the request limit for this panel, or use a panel user that nothing else uses",
        ),
        503 => maintenance(&answer),
        500..=599 => server_fault(&answer),
        _ => rejected(&answer),
    };
    Err(error.asked(&request).answered(answer.status))
}

/// The short name of the panel's own error, if it is the panel that speaks.
pub(crate) fn error_code(answer: &Answer) -> Option<String> {
    let code = Complaint::of(answer)?.code?;
    // It ends up in messages, so nothing but a class name may pass.
    let is_name = !code.is_empty() && code.len() <= 60 && code.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    is_name.then_some(code)
}

#[derive(Deserialize)]
struct Complaints {
    errors: Vec<Complaint>,
}

/// An element of the panel's error body. The detail is never shown: with debugging on it may hold anything.
#[derive(Deserialize)]
struct Complaint {
    code: Option<String>,
    detail: Option<String>,
}

impl Complaint {
    fn of(answer: &Answer) -> Option<Self> {
        serde_json::from_slice::<Complaints>(&answer.body).ok()?.errors.into_iter().next()
    }
}

fn interrupted(what: &str) -> PanelError {
    PanelError::new(
        FaultKind::Interrupted,
        what,
        "look into the logs of the panel's web server and of anything in front of it",
    )
}

fn whole_json(answer: &Answer) -> Result<(), PanelError> {
    let first = answer.body.iter().find(|byte| !byte.is_ascii_whitespace());
    match first {
        None => Err(interrupted("the answer was empty")),
        Some(b'{' | b'[') => match serde_json::from_slice::<IgnoredAny>(&answer.body) {
            Ok(_) => Ok(()),
            Err(error) if error.is_eof() => Err(interrupted("the answer ended in the middle")),
            Err(_) => Err(PanelError::new(
                FaultKind::BadShape,
                "the answer is not proper JSON",
                "look for warnings that PHP prints into the panel's answers, and for anything that rewrites them on the way",
            )),
        },
        Some(_) => Err(not_json(answer)),
    }
}

fn is_page(answer: &Answer) -> bool {
    answer.body.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'<')
}

fn not_json(answer: &Answer) -> PanelError {
    let what =
        if is_page(answer) { "a web page came where JSON was expected" } else { "something other than JSON came" };
    let remedy = match in_front(answer) {
        Some(name) => format!("let Aviary pass {name}, or give the headers that it asks for as extra headers"),
        None => {
            "check that the address is the panel's own and that no log-in page, proxy or firewall stands in front of it"
                .to_owned()
        }
    };
    PanelError::new(FaultKind::NotJson, what, remedy)
}

/// Who answered in the panel's place, where that can be told.
fn in_front(answer: &Answer) -> Option<&'static str> {
    let server = answer.header("server").unwrap_or_default().to_ascii_lowercase();
    if server.contains("cloudflare") || answer.header("cf-ray").is_some() {
        return Some("Cloudflare");
    }
    if server.contains("ddos-guard") { Some("DDoS-Guard") } else { None }
}

fn redirected(answer: &Answer) -> PanelError {
    let to = answer.header("location").unwrap_or_default();
    // Without the query: it may carry a token.
    let to = to.split(['?', '#']).next().unwrap_or_default();
    let remedy = if to.contains("login") {
        "a log-in page stands in front of the panel's API; let Aviary pass it, or give the headers that it asks for"
    } else if to.starts_with("https://") {
        "use the address that it points to as the panel's address, most likely the same with https://"
    } else {
        "use the address that it points to as the panel's address"
    };
    let what =
        if to.is_empty() { "the panel sends us elsewhere".to_owned() } else { format!("the panel sends us to {to}") };
    PanelError::new(FaultKind::Redirected, what, remedy)
}

fn unauthorized(answer: &Answer, key: &KeyHint) -> PanelError {
    let name = key.name();
    if error_code(answer).is_none() {
        return PanelError::new(
            FaultKind::Unauthorized,
            "something in front of the panel asks for a log-in of its own",
            "let Aviary pass it, or give the headers that it asks for as extra headers",
        );
    }
    let remedy = if key.length == KEY_LENGTH {
        format!(
            "make a new {name} on the panel and set it here; the old one was deleted, has expired or belongs to another panel"
        )
    } else {
        format!("copy the {name} again: it has {} characters where the panel's keys have {KEY_LENGTH}", key.length)
    };
    PanelError::new(FaultKind::Unauthorized, format!("the panel does not know the {name}"), remedy)
}

fn forbidden(ask: &Ask, answer: &Answer, key: &KeyHint) -> PanelError {
    let Some(complaint) = Complaint::of(answer) else {
        let remedy = not_json(answer).remedy;
        return PanelError::new(FaultKind::Forbidden, "something in front of the panel refuses us", remedy);
    };
    if let Some(address) = complaint.detail.as_deref().and_then(address_in) {
        return PanelError::new(
            FaultKind::IpNotAllowed,
            format!("the {} may not be used from {address}, the address that the panel sees", key.name()),
            "add this address to the key's allowed addresses; if it is not ours, the panel does not trust its proxy",
        );
    }
    match (key.api, key.looks) {
        (Api::Application, Some(Api::Client)) => PanelError::new(
            FaultKind::WrongKeyKind,
            "the application key is a client (account) key, and its owner is no administrator",
            "make a key in the panel's admin area under Application API",
        ),
        (Api::Client, Some(Api::Application)) => PanelError::new(
            FaultKind::WrongKeyKind,
            "the client key is an application key, which the Client API never takes",
            "make a key on the account page of an administrator, under API credentials",
        ),
        (Api::Client, _) => PanelError::new(
            FaultKind::Forbidden,
            "the client key may not do this",
            "use the key of an account that is a root administrator",
        ),
        (Api::Application, _) => PanelError::new(
            FaultKind::Forbidden,
            format!("the application key may not read {}", resource(&ask.path)),
            format!("make a key with Read on {}, of a panel user who is an administrator", resource(&ask.path)),
        ),
    }
}

/// An address in the panel's text. The text itself may be in any language.
fn address_in(text: &str) -> Option<IpAddr> {
    text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '.' || c == ':'))
        // Without digits it is more likely a name of PHP's, such as `Face::add`.
        .filter(|word| word.bytes().any(|byte| byte.is_ascii_digit()))
        .find_map(|word| word.trim_matches('.').parse().ok())
}

/// What a path is about, as the panel names the levels of a key.
pub(crate) fn resource(path: &str) -> &'static str {
    let parts: Vec<_> = path.trim_start_matches("/api/application").trim_matches('/').split('/').collect();
    match parts.as_slice() {
        ["nodes", _, "allocations", ..] => "allocations",
        ["servers", _, "databases", ..] => "server databases",
        ["nests", _, "eggs", ..] | ["eggs", ..] => "eggs",
        ["nests", ..] => "nests",
        ["nodes", ..] => "nodes",
        ["locations", ..] => "locations",
        ["users", ..] => "users",
        ["servers", ..] => "servers",
        _ => "this",
    }
}

fn not_found(ask: &Ask, answer: &Answer) -> PanelError {
    if error_code(answer).is_none() {
        let remedy = "check the panel's address, and the path in it if the panel does not stand at the top of its host";
        return PanelError::new(FaultKind::NotFound, "there is no panel at this address", remedy);
    }
    if is_lost_list(ask, answer) {
        return PanelError::new(
            FaultKind::UnknownDialect,
            format!("the panel no longer has a list of {}", resource(&ask.path)),
            "it may have been moved from Pterodactyl to Pelican or back: check the panel again, its kind is then found out anew",
        );
    }
    PanelError::new(FaultKind::NotFound, "the panel has no such object", "nothing, if it was deleted there")
}

/// Whether the list itself is unknown, and not what it is a list of.
fn is_lost_list(ask: &Ask, answer: &Answer) -> bool {
    let parts: Vec<_> = ask.path.trim_start_matches("/api/application/").split('/').collect();
    match parts.as_slice() {
        [_] => true,
        // A nest that is gone is told by the panel after it counted the request, a route that is gone before.
        ["nests", _, "eggs"] => answer.header("x-ratelimit-limit").is_none(),
        _ => false,
    }
}

fn maintenance(answer: &Answer) -> PanelError {
    let what = if error_code(answer).is_some() {
        "the panel is in maintenance mode"
    } else {
        "the panel is not available at the moment; it may be in maintenance mode"
    };
    PanelError::new(
        FaultKind::Maintenance,
        what,
        "wait until its update is done, or end it with `php artisan up` on the panel's machine",
    )
}

fn server_fault(answer: &Answer) -> PanelError {
    let (kind, what, remedy) = match (error_code(answer), answer.status) {
        (Some(code), _) => (
            FaultKind::ServerFault,
            format!("the panel failed with {code}"),
            "look into storage/logs on the panel's machine; often one record holds something the panel itself cannot show",
        ),
        (None, 502 | 504 | 520..=527) => (
            FaultKind::Gateway,
            "the panel's web server got no answer from PHP in time".to_owned(),
            "check PHP-FPM, its time and memory limits, and the load of the panel's machine",
        ),
        (None, _) => (
            FaultKind::Gateway,
            "the panel's web server failed".to_owned(),
            "look into the web server's error log on the panel's machine; PHP's memory limit is a usual cause",
        ),
    };
    PanelError::new(kind, what, remedy)
}

fn rejected(answer: &Answer) -> PanelError {
    let code = error_code(answer);
    let called = code.as_deref().map_or_else(String::new, |code| format!(" with {code}"));
    match (answer.status, code.as_deref()) {
        (400, Some("TwoFactorAuthRequiredException")) => PanelError::new(
            FaultKind::TwoFactorRequired,
            "the panel demands two-factor authentication of the key's owner, who has none",
            "switch on two-factor authentication for that panel user",
        ),
        (400, None) if says_plain_http(answer) => PanelError::new(
            FaultKind::Tls,
            "the panel's port speaks TLS, and was spoken to without",
            "write the panel's address with https://",
        ),
        (409, _) => PanelError::new(
            FaultKind::Conflict,
            format!("the panel does not allow this in the object's present state{called}"),
            "try again when it is done with what it is doing",
        ),
        (_, None) if is_page(answer) => not_json(answer),
        _ => PanelError::new(
            FaultKind::Rejected,
            format!("the panel refused the request{called}"),
            "the panel may be older, newer or patched; check its version",
        ),
    }
}

/// What nginx says on a TLS port.
fn says_plain_http(answer: &Answer) -> bool {
    let words = b"plain HTTP request was sent to HTTPS port";
    answer.body.windows(words.len()).any(|window| window == words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_found_in_a_text_of_any_language() {
        let found = |text| address_in(text).map(|address| address.to_string());
        assert_eq!(found("Diese IP (203.0.113.9) ist nicht erlaubt.").as_deref(), Some("203.0.113.9"));
        assert_eq!(found("refused: 2001:db8::7.").as_deref(), Some("2001:db8::7"));
        for text in ["This action is unauthorized.", "Face::add in line 12", "", "::", "1.11.7"] {
            assert_eq!(found(text), None, "{text}");
        }
    }

    #[test]
    fn a_path_names_its_level() {
        for (path, level) in [
            ("/api/application/nodes/4/allocations", "allocations"),
            ("/api/application/nodes", "nodes"),
            ("/api/application/nests/1/eggs/3", "eggs"),
            ("/api/application/servers/2/databases/1", "server databases"),
            ("/api/application/users/5", "users"),
            ("/api/client/account", "this"),
        ] {
            assert_eq!(resource(path), level, "{path}");
        }
    }
}
