//! A request as the panel sees it.

use std::net::IpAddr;

use bytes::Bytes;
use serde_json::{Map, Value};

use crate::fault::Target;
use crate::panel::problem::Problem;
use crate::panel::query::Query;
use crate::panel::seen::Api;

/// An HTTP request with its body read.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    /// Method in capitals.
    pub(crate) method: String,
    /// Path as sent.
    pub(crate) path: String,
    /// Query as sent.
    pub(crate) raw_query: String,
    /// Query, parsed.
    pub(crate) query: Query,
    /// The first preference of `Accept` is some JSON.
    pub(crate) wants_json: bool,
    /// Bearer token.
    pub(crate) token: Option<String>,
    /// `Content-Type` is some JSON.
    pub(crate) sends_json: bool,
    /// Body.
    pub(crate) body: Bytes,
    /// Looks like the panel's own web interface: its session cookie, or an origin on its host.
    pub(crate) from_browser: bool,
    /// Who is at the other end.
    pub(crate) peer: IpAddr,
    /// Scheme and host as addressed, without a slash at the end.
    pub(crate) base: String,
}

impl Request {
    /// What faults look at.
    pub(crate) fn target(&self) -> Target<'_> {
        Target { method: &self.method, path: &self.path, query: &self.raw_query, page: self.query.page() }
    }

    /// Which API is meant.
    pub(crate) fn api(&self) -> Api {
        Api::of(&self.path)
    }

    /// True when a JSON body was announced that is none.
    pub(crate) fn has_broken_body(&self) -> bool {
        self.sends_json && !self.body.is_empty() && serde_json::from_slice::<Value>(&self.body).is_err()
    }

    /// 419 for a write that looks like one of the panel's own pages, which would carry a token against forgery.
    pub(crate) fn check_origin(&self) -> Result<(), Problem> {
        if self.from_browser && !matches!(self.method.as_str(), "GET" | "HEAD") {
            return Err(Problem::new(419, "HttpException", "CSRF token mismatch."));
        }
        Ok(())
    }

    /// The fields of the body; none when there is no JSON object.
    pub(crate) fn fields(&self) -> Map<String, Value> {
        match serde_json::from_slice(&self.body) {
            Ok(Value::Object(map)) => map,
            _ => Map::new(),
        }
    }

    /// 400 for a broken body.
    pub(crate) fn check_body(&self) -> Result<(), Problem> {
        if self.has_broken_body() {
            return Err(Problem::refused("BadRequestHttpException", "The body announces JSON and is none."));
        }
        Ok(())
    }
}

/// True when the first preference of an `Accept` header is JSON.
pub(crate) fn prefers_json(accept: &str) -> bool {
    let first = accept.split(',').next().unwrap_or_default();
    let media = first.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    media.contains("/json") || media.contains("+json")
}

#[cfg(test)]
mod tests {
    use super::prefers_json;

    #[test]
    fn only_the_first_preference_counts() {
        assert!(prefers_json("application/json"));
        assert!(prefers_json("application/vnd.pterodactyl.v1+json, */*"));
        assert!(!prefers_json("text/html, application/json"));
        assert!(!prefers_json("*/*"));
    }
}
