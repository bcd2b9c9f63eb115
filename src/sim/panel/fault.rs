//! Things that go wrong on purpose.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::panel::request::Request;

/// Which requests a fault hits. Everything that is set must hold; an empty match hits every request.
#[derive(Debug, Clone, Default)]
pub struct Match {
    /// The whole path, without the query.
    pub path: Option<String>,
    /// A part of the path.
    pub path_contains: Option<String>,
    /// A part of the query as sent.
    pub query_contains: Option<String>,
    /// The page asked for; a request without one asks for page 1.
    pub page: Option<u32>,
    /// Method in capitals.
    pub method: Option<String>,
    /// The first of the matching requests that is hit, counted from 1; those before it pass.
    pub nth: Option<u32>,
    /// How many are hit from there on; `None` = all.
    pub times: Option<u32>,
}

impl Match {
    /// Every request.
    pub fn any() -> Self {
        Self::default()
    }

    /// Requests for exactly this path.
    pub fn path(path: &str) -> Self {
        Self { path: Some(path.to_owned()), ..Self::default() }
    }

    /// Requests with this in their path.
    pub fn containing(part: &str) -> Self {
        Self { path_contains: Some(part.to_owned()), ..Self::default() }
    }

    /// Only this page.
    #[must_use]
    pub fn page(self, page: u32) -> Self {
        Self { page: Some(page), ..self }
    }

    /// Only this method.
    #[must_use]
    pub fn method(self, method: &str) -> Self {
        Self { method: Some(method.to_uppercase()), ..self }
    }

    /// Only when the query holds this.
    #[must_use]
    pub fn query(self, part: &str) -> Self {
        Self { query_contains: Some(part.to_owned()), ..self }
    }

    /// Not before the `nth` matching request.
    #[must_use]
    pub fn from_nth(self, nth: u32) -> Self {
        Self { nth: Some(nth), ..self }
    }

    /// At most this often.
    #[must_use]
    pub fn times(self, times: u32) -> Self {
        Self { times: Some(times), ..self }
    }

    /// Once.
    #[must_use]
    pub fn once(self) -> Self {
        self.times(1)
    }

    fn holds(&self, request: &Request) -> bool {
        let within = |part: &Option<String>, whole: &str| part.as_deref().is_none_or(|part| whole.contains(part));
        self.path.as_deref().is_none_or(|path| request.path.trim_end_matches('/') == path.trim_end_matches('/'))
            && within(&self.path_contains, &request.path)
            && within(&self.query_contains, &request.raw_query)
            && self.page.is_none_or(|page| request.query.page() == u64::from(page))
            && self.method.as_deref().is_none_or(|method| request.method == method)
    }
}

/// What goes wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FaultKind {
    /// This status with the error envelope, raised where the call would have been handled: after authentication and rate
    /// limit, before anything is changed.
    Status(u16),
    /// This status as a page of the web server in front of the panel.
    StatusHtml(u16),
    /// 429, without having used up the bucket.
    TooMany {
        /// `Retry-After`, left out when `None`.
        retry_after_s: Option<u32>,
    },
    /// The answer comes this much later.
    Delay(Duration),
    /// No answer, and the connection stays open.
    Hang,
    /// The connection is reset before any byte of an answer.
    Reset,
    /// The connection is reset in the middle of the body.
    ResetMidBody,
    /// `Content-Length` promises more than is sent before the connection ends.
    TruncatedBody,
    /// A complete answer whose JSON ends in the middle.
    TruncatedJson,
    /// 200 with a page for people, as captive portals and firewalls send it.
    Html200,
    /// 200 with no rows, while the total stays.
    EmptyPage,
    /// The total is off by this much.
    LieTotal(i64),
    /// The last row of the page is the first one again: right number of rows, one missing.
    DuplicateRows,
    /// After this page one of its rows is deleted: all later pages move up by one, and one row is never seen.
    ShiftRow,
    /// After this page a row is inserted; where lists are ordered by address, before all others, so that later pages repeat one.
    InsertBetween,
    /// One row of the page has numbers for text and text for objects.
    WrongTypes,
    /// One row of the page has null for attributes.
    BadRow,
    /// A body of this many bytes, without announcing its length.
    HugeBody(u64),
    /// A redirect.
    Redirect(String),
    /// The panel is down for maintenance, which is said before anything else is looked at.
    Maintenance {
        /// `Retry-After`, left out when `None`.
        retry_after_s: Option<u32>,
        /// A page for people instead of JSON.
        html: bool,
    },
    /// 200 with no rows and a total of 0, as after a broken restore.
    ListEmptyAll,
    /// The call is done, and then answered with this status.
    WriteThen5xx(u16),
    /// The rows of the page in reverse order, as a database without a sort may return them.
    ReverseRows,
}

/// A fault and the requests that it hits.
#[derive(Debug, Clone)]
pub struct Fault {
    /// Which requests.
    pub when: Match,
    /// What happens to them.
    pub what: FaultKind,
}

impl Fault {
    /// A fault.
    pub fn new(when: Match, what: FaultKind) -> Self {
        Self { when, what }
    }
}

/// The faults that are switched on.
#[derive(Debug, Default)]
pub struct Faults(Mutex<Vec<Armed>>);

#[derive(Debug)]
struct Armed {
    id: u64,
    fault: Fault,
    seen: u32,
    fired: u32,
}

impl Faults {
    /// Switches a fault on; later faults add to earlier ones. Returns a handle for [`Faults::remove`] and [`Faults::fired`].
    pub fn inject(&self, fault: Fault) -> u64 {
        let mut all = self.all();
        let id = all.last().map_or(1, |armed| armed.id + 1);
        all.push(Armed { id, fault, seen: 0, fired: 0 });
        id
    }

    /// Shorthand for [`Faults::inject`].
    pub fn add(&self, when: Match, what: FaultKind) -> u64 {
        self.inject(Fault::new(when, what))
    }

    /// Switches one fault off.
    pub fn remove(&self, id: u64) {
        self.all().retain(|armed| armed.id != id);
    }

    /// Switches all faults off.
    pub fn clear(&self) {
        self.all().clear();
    }

    /// How often a fault has hit; 0 for one that is switched off.
    pub fn fired(&self, id: u64) -> u32 {
        self.all().iter().find(|armed| armed.id == id).map_or(0, |armed| armed.fired)
    }

    /// What goes wrong with this request.
    pub(crate) fn draw(&self, request: &Request) -> Vec<FaultKind> {
        self.all().iter_mut().filter_map(|armed| armed.draw(request)).collect()
    }

    fn all(&self) -> std::sync::MutexGuard<'_, Vec<Armed>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Armed {
    fn draw(&mut self, request: &Request) -> Option<FaultKind> {
        if !self.fault.when.holds(request) {
            return None;
        }
        self.seen += 1;
        let due = self.seen >= self.fault.when.nth.unwrap_or(1);
        let left = self.fault.when.times.is_none_or(|times| self.fired < times);
        if !(due && left) {
            return None;
        }
        self.fired += 1;
        Some(self.fault.what.clone())
    }
}
