use std::fmt;

use aviary_kernel::base::Error;
use serde::Serialize;

/// What kind of fault it was, sorted by what a person would do about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultKind {
    /// The name of the panel leads to no address.
    Dns,
    /// Nobody answers at the address.
    Connect,
    /// No secure connection came about.
    Tls,
    /// The panel took too long.
    Timeout,
    /// The connection broke off, or the answer ended early.
    Interrupted,
    /// The answer is larger than we take.
    TooLarge,
    /// The panel sent us elsewhere; we never follow.
    Redirected,
    /// Something other than JSON came, mostly a web page of something in front of the panel.
    NotJson,
    /// JSON came, but not what the panel's API answers.
    BadShape,
    /// The key is unknown to the panel.
    Unauthorized,
    /// The key may not read this.
    Forbidden,
    /// The key is one for the other API.
    WrongKeyKind,
    /// The panel demands two-factor authentication of the key's owner, who has none.
    TwoFactorRequired,
    /// The key is not valid from our address.
    IpNotAllowed,
    /// The panel does not know the object.
    NotFound,
    /// Too many requests in the panel's eyes.
    RateLimited,
    /// The panel is in maintenance mode.
    Maintenance,
    /// The panel itself failed, and says so.
    ServerFault,
    /// What stands in front of the panel failed: its web server or a proxy.
    Gateway,
    /// The object is in a state that does not allow this.
    Conflict,
    /// The panel refused the request as wrong.
    Rejected,
    /// It could not be told which API the panel speaks, or it is no longer the one it was.
    UnknownDialect,
    /// The panel's dialect has no such objects.
    NotInDialect,
    /// Our own settings for this panel are wrong.
    Config,
    /// The reader of the pages went away.
    Cancelled,
}

impl FaultKind {
    /// The kind in one word, for filters and records.
    pub fn code(self) -> &'static str {
        match self {
            Self::Dns => "dns",
            Self::Connect => "connect",
            Self::Tls => "tls",
            Self::Timeout => "timeout",
            Self::Interrupted => "interrupted",
            Self::TooLarge => "too_large",
            Self::Redirected => "redirected",
            Self::NotJson => "not_json",
            Self::BadShape => "bad_shape",
            Self::Unauthorized => "unauthorized",
            Self::Forbidden => "forbidden",
            Self::WrongKeyKind => "wrong_key_kind",
            Self::TwoFactorRequired => "two_factor_required",
            Self::IpNotAllowed => "ip_not_allowed",
            Self::NotFound => "not_found",
            Self::RateLimited => "rate_limited",
            Self::Maintenance => "maintenance",
            Self::ServerFault => "server_fault",
            Self::Gateway => "gateway",
            Self::Conflict => "conflict",
            Self::Rejected => "rejected",
            Self::UnknownDialect => "unknown_dialect",
            Self::NotInDialect => "not_in_dialect",
            Self::Config => "config",
            Self::Cancelled => "cancelled",
        }
    }

    /// Whether the same request may succeed later without anybody changing anything.
    pub fn is_retryable(self) -> bool {
        matches!(
            self,
            Self::Dns
                | Self::Connect
                | Self::Timeout
                | Self::Interrupted
                | Self::RateLimited
                | Self::Maintenance
                | Self::ServerFault
                | Self::Gateway
        )
    }

    /// Whether the panel answers, but does not let the key in.
    pub fn is_refusal(self) -> bool {
        matches!(
            self,
            Self::Unauthorized | Self::Forbidden | Self::WrongKeyKind | Self::TwoFactorRequired | Self::IpNotAllowed
        )
    }

    /// Whether a smaller page may get through where this one did not.
    pub(crate) fn is_splittable(self) -> bool {
        self == Self::ServerFault || self.is_overload()
    }

    /// Whether the panel had too much to do or to say, rather than one bad row.
    pub(crate) fn is_overload(self) -> bool {
        matches!(self, Self::Timeout | Self::Interrupted | Self::TooLarge | Self::Gateway)
    }
}

impl fmt::Display for FaultKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// What went wrong with a panel, told to a person: what happened, and what to do about it. Never holds a key or a body.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PanelError {
    /// The kind of fault.
    pub kind: FaultKind,
    /// The request, such as `GET /api/application/servers?page=3`.
    pub request: Option<String>,
    /// The HTTP status, where there was an answer.
    pub status: Option<u16>,
    /// What happened, a sentence without a full stop.
    pub what: String,
    /// What a person should do, a sentence without a full stop.
    pub remedy: String,
    /// The page of the list.
    pub page: Option<u32>,
}

impl PanelError {
    pub(crate) fn new(kind: FaultKind, what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { kind, request: None, status: None, what: what.into(), remedy: remedy.into(), page: None }
    }

    pub(crate) fn config(what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::new(FaultKind::Config, what, remedy)
    }

    pub(crate) fn cancelled() -> Self {
        Self::new(FaultKind::Cancelled, "the listing was stopped by its reader", "start it again")
    }

    pub(crate) fn asked(mut self, request: &str) -> Self {
        self.request = Some(request.to_owned());
        self
    }

    pub(crate) fn answered(mut self, status: u16) -> Self {
        self.status = Some(status);
        self
    }

    pub(crate) fn on_page(mut self, page: u32) -> Self {
        self.page = Some(page);
        self
    }

    /// Whether the same request may succeed later without anybody changing anything.
    pub fn is_retryable(&self) -> bool {
        self.kind.is_retryable()
    }

    /// The error of the product, with the name of the panel.
    pub fn into_error(self, panel: &str) -> Error {
        let retry = self.is_retryable();
        Error::Upstream { panel: panel.to_owned(), reason: self.to_string(), retry }
    }
}

impl fmt::Display for PanelError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; {}", self.what, self.remedy)?;
        match (&self.request, self.status) {
            (Some(request), Some(status)) => write!(f, " ({request} answered {status})"),
            (Some(request), None) => write!(f, " ({request})"),
            _ => Ok(()),
        }
    }
}

impl std::error::Error for PanelError {}
