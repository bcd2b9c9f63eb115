//! Events that other programs want told.

use aviary_kernel::base::{Error, Result};
use aviary_kernel::model::{Action, Actor, DeliveryId, EventId, Kind};
use aviary_kernel::store::tables::WEBHOOKS;
use aviary_kernel::store::{Read, Span};
use serde_json::{Map, Value};

use super::Webhooks;
use crate::audit::{self, Did};
use crate::events::{self, Happening, NoticeFacts, ObjectFacts, RegisteredFacts, SyncFacts, Texts, TicketFacts, What};

/// The longest name of an event, in characters.
const LONGEST_NAME: usize = 100;
/// So many texts come with an event.
const MOST_TEXTS: usize = 50;
/// Each is at most so long, in characters.
const LONGEST_TEXT: usize = 4000;
/// All of them together, in bytes.
const LARGEST: usize = 32 << 10;

/// An event that was put on its way.
#[derive(Clone, Debug)]
pub struct Dispatched {
    /// The event.
    pub event: EventId,
    /// One delivery for each webhook.
    pub deliveries: Vec<DeliveryId>,
}

impl Webhooks {
    /// Has an event told to every webhook that is turned on, whatever it is about and for whom. Names that have facts of their
    /// own in this way are told as such events (`sync.started`, `sync.completed`, `sync.failed`, `sync.cancelled`,
    /// `user.registered`, `server.created`, `server.updated`, `server.removed`, `server.suspended`, `server.unsuspended`,
    /// `support.ticket_created`), all others as `notice.posted`.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a name or data that cannot be taken.
    pub async fn dispatch(&self, by: &Actor, event: &str, data: &Map<String, Value>) -> Result<Dispatched> {
        let happening = happening(parse_name(event)?, parse_texts(data)?);
        let (this, by, name) = (self.clone(), by.clone(), event.trim().to_owned());
        self.store()
            .write(move |tx| {
                let event = events::post(tx, this.env(), &happening, Some(&by.name))?;
                let mut deliveries = Vec::new();
                for (id, hook) in tx.all(WEBHOOKS, &Span::all())? {
                    if hook.is_enabled {
                        deliveries.push(events::send(tx, this.env(), &event, id)?);
                        events::wake(tx, this.env(), id)?;
                    }
                }
                let did = Did::new(Action::EventSent).to("event", event.id, name);
                audit::record(tx, this.env(), &by, did.changed("webhooks", None, Some(deliveries.len().to_string())))?;
                Ok(Dispatched { event: event.id, deliveries })
            })
            .await
    }
}

fn parse_name(raw: &str) -> Result<&str> {
    let name = raw.trim();
    let is_name = !name.is_empty() && name.chars().count() <= LONGEST_NAME && !name.chars().any(char::is_control);
    if is_name { Ok(name) } else { Err(Error::invalid("event", format!("needs 1 to {LONGEST_NAME} characters"))) }
}

/// What comes with an event, as texts.
fn parse_texts(data: &Map<String, Value>) -> Result<Texts> {
    let bad = |why: String| Err(Error::invalid("data", why));
    if data.len() > MOST_TEXTS {
        return bad(format!("holds more than {MOST_TEXTS} values"));
    }
    let mut texts = Texts::new();
    for (name, value) in data {
        if name.is_empty() || name.chars().count() > LONGEST_NAME {
            return bad(format!("holds a name that is empty or longer than {LONGEST_NAME} characters"));
        }
        let text = match value {
            Value::Null => continue,
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        if text.chars().count() > LONGEST_TEXT {
            return bad(format!("holds a value that is longer than {LONGEST_TEXT} characters"));
        }
        texts.insert(name.clone(), text);
    }
    let size: usize = texts.iter().map(|(name, text)| name.len() + text.len()).sum();
    if size > LARGEST { bad(format!("is larger than {} KiB", LARGEST >> 10)) } else { Ok(texts) }
}

fn happening(event: &str, data: Texts) -> Happening {
    match event {
        "sync.started" => Happening::SyncStarted(sync(data)),
        "sync.completed" => Happening::SyncCompleted(sync(data)),
        "sync.failed" => Happening::SyncFailed(sync(data)),
        "sync.cancelled" => Happening::SyncCancelled(sync(data)),
        "user.registered" => Happening::UserRegistered(registered(data)),
        "support.ticket_created" => Happening::TicketCreated(ticket(data)),
        "server.created" => Happening::Object(server(What::Created, data)),
        "server.updated" => Happening::Object(server(What::Updated, data)),
        "server.removed" => Happening::Object(server(What::Removed, data)),
        "server.suspended" => Happening::Object(server(What::Suspended, data)),
        "server.unsuspended" => Happening::Object(server(What::Unsuspended, data)),
        other => Happening::Notice(NoticeFacts { event: other.to_owned(), data }),
    }
}

fn sync(mut data: Texts) -> SyncFacts {
    // A length that is no number of seconds stays as it was said.
    let seconds = data.get("duration").and_then(|text| text.parse::<f64>().ok()).filter(|seconds| seconds.is_finite());
    if seconds.is_some() {
        data.remove("duration");
    }
    SyncFacts {
        what: data.remove("type"),
        panel_name: data.remove("panelName"),
        requested_by: data.remove("requestedBy"),
        error: data.remove("error"),
        duration: seconds,
        other: data,
        ..SyncFacts::default()
    }
}

fn registered(mut data: Texts) -> RegisteredFacts {
    RegisteredFacts { account: None, username: data.remove("username"), email: data.remove("email"), other: data }
}

fn ticket(mut data: Texts) -> TicketFacts {
    TicketFacts {
        subject: data.remove("subject"),
        user: data.remove("user"),
        priority: data.remove("priority"),
        other: data,
    }
}

fn server(operation: What, mut data: Texts) -> ObjectFacts {
    // What stands for facts of our own must not come twice.
    for name in ["kind", "operation", "changes"] {
        data.remove(name);
    }
    ObjectFacts {
        kind: Kind::Server,
        operation,
        panel: None,
        id: None,
        uuid: data.remove("uuid"),
        name: data.remove("name").unwrap_or_default(),
        owner: data.remove("owner"),
        owner_id: None,
        reason: data.remove("reason"),
        sync: None,
        changes: Vec::new(),
        other: data,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn told(event: &str, data: Value) -> (Happening, Value) {
        let texts = parse_texts(data.as_object().unwrap()).unwrap();
        let happening = happening(parse_name(event).unwrap(), texts);
        let data = serde_json::from_str(&happening.data().unwrap()).unwrap();
        (happening, data)
    }

    #[test]
    fn names_that_are_known_become_events_with_facts() {
        let (happening, data) = told("server.suspended", json!({"name": "s1", "reason": "unpaid", "plan": 3}));
        assert_eq!(happening.name().name(), "server.suspended");
        assert_eq!(happening.summary(), "The server s1 was suspended: unpaid.");
        assert_eq!((&data["reason"], &data["plan"]), (&json!("unpaid"), &json!("3")));
        let (_, data) = told("sync.completed", json!({"type": "full", "duration": "12.5"}));
        assert_eq!(data["duration"], 12.5);
        let (_, data) = told("sync.completed", json!({"duration": "12 minutes"}));
        assert_eq!(data["duration"], "12 minutes");
    }

    #[test]
    fn no_program_tells_of_what_only_aviary_knows() {
        for name in ["job.dead", "panel.unreachable", "invoice.paid", "webhook.test"] {
            let (happening, data) = told(name, json!({"a": "b"}));
            assert_eq!(happening.name().name(), "notice.posted");
            assert_eq!((&data["event"], &data["data"]["a"]), (&json!(name), &json!("b")));
        }
    }

    #[test]
    fn names_and_data_have_limits() {
        assert!(parse_name("").is_err() && parse_name(&"a".repeat(101)).is_err() && parse_name("a\nb").is_err());
        let many: Map<_, _> = (0..51).map(|n| (n.to_string(), json!("x"))).collect();
        let long: Map<_, _> = [("a".to_owned(), json!("x".repeat(4001)))].into_iter().collect();
        let large: Map<_, _> = (0..10).map(|n| (n.to_string(), json!("x".repeat(3999)))).collect();
        for data in [many, long, large] {
            assert!(matches!(parse_texts(&data), Err(Error::Invalid { field: "data", .. })));
        }
    }
}
