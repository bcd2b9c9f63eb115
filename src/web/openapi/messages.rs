//! What receivers of webhooks get, one entry for each event. The facts are described by the examples of the events, so they
//! cannot tell something else than what is sent.

use aviary_domain::events::Happening;
use aviary_kernel::base::Result;
use aviary_kernel::model::EventName;
use serde_json::{Value, json};

use super::shape;
use crate::api::events;

/// An id and a time for examples.
const ID: &str = "01992a5e-8c00-7000-8000-00000000002a";
const AT: &str = "2026-01-01T00:00:00Z";

const HEADERS: [(&str, &str, &str); 3] = [
    (
        "webhook-id",
        "The id of the event. It stays the same however often it is sent: what was taken once needs no second look.",
        ID,
    ),
    (
        "webhook-timestamp",
        "When it was sent, in seconds since 1970. Refuse what is older than five minutes.",
        "1767225600",
    ),
    (
        "webhook-signature",
        "Signatures, with blanks between them. One that is right is enough: for a day after a renewal of the secret there are two. \
         `v1,` and, in base64, the HMAC-SHA256 of `<webhook-id>.<webhook-timestamp>.<body>` under the secret, which is what \
         follows `whsec_`, read as base64.",
        "v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4=",
    ),
];

/// Puts in every event.
pub(super) fn fill(document: &mut Value) {
    // Each event has its example: a test sees to it.
    let samples = events::samples().unwrap_or_default();
    for (name, sample) in samples {
        document["webhooks"][name.name()] = json!({ "post": operation(name, &sample).unwrap_or_default() });
    }
}

fn operation(name: EventName, sample: &Happening) -> Result<Value> {
    let data: Value = serde_json::from_str(&sample.data()?).map_err(aviary_kernel::base::Error::internal)?;
    let example = json!({
        "id": ID,
        "type": name.name(),
        "timestamp": AT,
        "panel": sample.panel(),
        "summary": sample.summary(),
        "data": data,
    });
    Ok(json!({
        "tags": ["webhooks"],
        "operationId": format!("told{}", camel(name.name())),
        "summary": name.says().trim_end_matches('.'),
        "description": format!("Matters as much as `{}`.", name.weight().word()),
        "parameters": HEADERS.map(|(name, what, example)| json!({
            "name": name, "in": "header", "required": true, "description": what, "schema": {"type": "string"},
            "example": example,
        })),
        "requestBody": {"required": true, "content": {"application/json": {"schema": schema(name, &data), "example": example}}},
        "responses": {
            "2XX": {"description": "Taken. Answer soon, within 15 seconds unless `webhooks.timeout_s` says otherwise, and do long work afterwards"},
            "410": {"description": "Never again: the webhook is turned off"},
            "default": {"description": "Not taken. It is sent again, for a day; `Retry-After` is heeded"},
        },
    }))
}

fn schema(name: EventName, data: &Value) -> Value {
    let mut facts = shape::like(data);
    if let Some(facts) = facts.as_object_mut() {
        // Facts that are not known are left out, and other programs may add theirs.
        facts.remove("required");
        facts.insert("additionalProperties".into(), json!({}));
    }
    json!({
        "type": "object",
        "required": ["id", "type", "timestamp", "panel", "summary", "data"],
        "properties": {
            "id": {"type": "string", "format": "uuid", "description": "The same as `webhook-id`"},
            "type": {"type": "string", "enum": [name.name()]},
            "timestamp": {"type": "string", "format": "date-time", "description": "When it happened"},
            "panel": {"type": ["integer", "null"], "description": "Our number of the panel it is about"},
            "summary": {"type": "string", "description": "One sentence for people"},
            "data": facts,
        },
    })
}

/// `ServerCreated` for `server.created`.
fn camel(name: &str) -> String {
    let words = name.split(['.', '_']).filter(|word| !word.is_empty());
    words.map(|word| format!("{}{}", word[..1].to_ascii_uppercase(), &word[1..])).collect()
}
