//! Discord's error bodies. <https://docs.discord.com/developers/reference#error-messages>

use serde_json::{Map, Value, json};

use crate::reply::Reply;

/// An error without a tree.
pub(crate) fn error(status: u16, code: u32, message: &str) -> Reply {
    Reply::json(status, json!({ "message": message, "code": code }).to_string().into_bytes())
}

/// An error of the web server itself, not of the API.
pub(crate) fn plain(status: u16) -> Reply {
    let reason = hyper::StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason());
    error(status, 0, &format!("{status}: {}", reason.unwrap_or("Unknown")))
}

/// What is wrong with a form, field by field.
#[derive(Debug, Default)]
pub(crate) struct Errors(Map<String, Value>);

impl Errors {
    /// Notes an error at a path of keys and list positions.
    pub(crate) fn add(&mut self, path: &[&str], code: &str, message: impl Into<String>) {
        let mut at = &mut self.0;
        for key in path {
            at = object(at.entry(*key));
        }
        let list = at.entry("_errors").or_insert_with(|| json!([]));
        if let Value::Array(list) = list {
            list.push(json!({ "code": code, "message": message.into() }));
        }
    }

    /// Nothing is wrong.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The answer that says it.
    pub(crate) fn reply(self) -> Reply {
        let body = json!({ "message": "Invalid Form Body", "code": 50035, "errors": self.0 });
        Reply::json(400, body.to_string().into_bytes())
    }
}

fn object(entry: serde_json::map::Entry<'_>) -> &mut Map<String, Value> {
    match entry.or_insert_with(|| json!({})) {
        Value::Object(map) => map,
        _ => unreachable!("only `_errors` is a list, and no path goes through it"),
    }
}
