//! Things that go wrong on purpose: which requests they hit, and how often. What goes wrong is up to each simulation.

use std::sync::{Mutex, PoisonError};

use crate::panel::fault::FaultKind;

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

    fn holds(&self, target: &Target<'_>) -> bool {
        let within = |part: &Option<String>, whole: &str| part.as_deref().is_none_or(|part| whole.contains(part));
        self.path.as_deref().is_none_or(|path| target.path.trim_end_matches('/') == path.trim_end_matches('/'))
            && within(&self.path_contains, target.path)
            && within(&self.query_contains, target.query)
            && self.page.is_none_or(|page| target.page == u64::from(page))
            && self.method.as_deref().is_none_or(|method| target.method == method)
    }
}

/// What a [`Match`] looks at.
pub(crate) struct Target<'a> {
    /// Method in capitals.
    pub(crate) method: &'a str,
    /// Path without the query.
    pub(crate) path: &'a str,
    /// Query as sent.
    pub(crate) query: &'a str,
    /// The page asked for; 1 where there are none.
    pub(crate) page: u64,
}

/// A fault and the requests that it hits.
#[derive(Debug, Clone)]
pub struct Fault<K = FaultKind> {
    /// Which requests.
    pub when: Match,
    /// What happens to them.
    pub what: K,
}

impl<K> Fault<K> {
    /// A fault.
    pub fn new(when: Match, what: K) -> Self {
        Self { when, what }
    }
}

/// The faults that are switched on.
#[derive(Debug)]
pub struct Faults<K = FaultKind>(Mutex<Vec<Armed<K>>>);

impl<K> Default for Faults<K> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

#[derive(Debug)]
struct Armed<K> {
    id: u64,
    fault: Fault<K>,
    seen: u32,
    fired: u32,
}

impl<K: Clone> Faults<K> {
    /// Switches a fault on; later faults add to earlier ones. Returns a handle for [`Faults::remove`] and [`Faults::fired`].
    pub fn inject(&self, fault: Fault<K>) -> u64 {
        let mut all = self.all();
        let id = all.last().map_or(1, |armed| armed.id + 1);
        all.push(Armed { id, fault, seen: 0, fired: 0 });
        id
    }

    /// Shorthand for [`Faults::inject`].
    pub fn add(&self, when: Match, what: K) -> u64 {
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
    pub(crate) fn draw(&self, target: &Target<'_>) -> Vec<K> {
        self.all().iter_mut().filter_map(|armed| armed.draw(target)).collect()
    }

    fn all(&self) -> std::sync::MutexGuard<'_, Vec<Armed<K>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Clone> Armed<K> {
    fn draw(&mut self, target: &Target<'_>) -> Option<K> {
        if !self.fault.when.holds(target) {
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
