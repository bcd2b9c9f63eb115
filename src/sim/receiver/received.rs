//! A request as it came in.

use bytes::Bytes;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::fault::Target;

/// Characters of a body that `GET /` shows.
const SHOWN: usize = 2_000;

/// A request that a receiver got.
#[derive(Debug, Clone)]
pub struct Received {
    /// When, by the receiver's clock.
    pub at: Timestamp,
    /// Method in capitals.
    pub method: String,
    /// Path without the query.
    pub path: String,
    /// Query as sent, without the question mark.
    pub query: String,
    /// Headers in the order in which they came, names in small letters.
    pub headers: Vec<(String, String)>,
    /// Body. When it was larger than the receiver takes, its beginning.
    pub body: Bytes,
    /// Status of the answer; 0 when none was given.
    pub status: u16,
}

impl Received {
    /// The first header of this name, in any spelling.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// A parameter of the query, as sent.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.query
            .split('&')
            .filter_map(|pair| pair.split_once('='))
            .find(|(key, _)| *key == name)
            .map(|(_, value)| value)
    }

    /// The body as text; what is not UTF-8 is replaced.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON; `None` when it is none.
    pub fn json(&self) -> Option<Value> {
        serde_json::from_slice(&self.body).ok()
    }

    pub(crate) fn announces_json(&self) -> bool {
        let media = self.header("content-type").unwrap_or_default();
        media.split(';').next().is_some_and(|media| media.trim().eq_ignore_ascii_case("application/json"))
    }

    pub(crate) fn target(&self) -> Target<'_> {
        Target { method: &self.method, path: &self.path, query: &self.query, page: 1 }
    }

    /// About how much memory it takes.
    pub(crate) fn weight(&self) -> usize {
        let headers: usize = self.headers.iter().map(|(name, value)| name.len() + value.len()).sum();
        self.path.len() + self.query.len() + headers + self.body.len()
    }

    pub(crate) fn show(&self) -> Value {
        json!({
            "at": self.at.to_string(),
            "method": self.method,
            "path": self.path,
            "query": self.query,
            "headers": self.headers,
            "status": self.status,
            "bytes": self.body.len(),
            "body": shortened(&self.text()),
        })
    }
}

fn shortened(text: &str) -> String {
    text.chars().take(SHOWN).collect()
}

/// Text at a key of a JSON object.
pub(crate) fn text_of<'a>(body: &'a Value, key: &str) -> Option<&'a str> {
    body.get(key).and_then(Value::as_str)
}
