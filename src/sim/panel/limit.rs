//! The panel's rate limit: one bucket per user and API.

pub(crate) use crate::limit::{Standing, shown};
use crate::panel::seen::Api;

/// What is counted together.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Counted {
    /// All requests of a user to one API, whatever the key.
    User(u64, Api),
    /// One kind of call on one server, whoever makes it.
    Server(u64, &'static str),
}

/// All buckets.
pub(crate) type Throttle = crate::limit::Throttle<Counted>;

/// The headers that show how a request stands.
pub(crate) fn headers(standing: &Standing) -> Vec<(&'static str, String)> {
    let mut headers = vec![
        ("X-RateLimit-Limit", standing.limit.to_string()),
        ("X-RateLimit-Remaining", standing.remaining.to_string()),
    ];
    if standing.refused {
        headers.push(("Retry-After", standing.wait_s().to_string()));
        headers.push(("X-RateLimit-Reset", standing.ends_at_s().to_string()));
    }
    headers
}
