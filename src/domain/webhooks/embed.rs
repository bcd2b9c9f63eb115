//! What Discord shows of events.

use std::collections::HashMap;

use aviary_kernel::model::{DeliveryId, Event, EventName};
use aviary_remote::hooks::discord::{Embed, Field, escape};
use serde_json::Value;

use super::look::{look_of, title_of_many};
use super::next::Waiting;

/// Up to so many events of one name are shown one by one; more become one embed.
pub(super) const ALONE: usize = 10;
/// So many of them are named in it.
const NAMED: usize = 10;
/// Values of changed settings and fields are shown up to so many characters.
const LONGEST_VALUE: usize = 50;
/// So many changed fields are shown.
const MOST_CHANGES: usize = 15;
/// So many texts of another program are shown.
const MOST_TEXTS: usize = 20;

/// An embed, and the deliveries that it stands for.
pub(super) struct Shown {
    pub(super) embed: Embed,
    pub(super) stands_for: Vec<DeliveryId>,
}

/// The embeds of what waits, in order; many events of one name become one embed where the first of them would stand.
pub(super) fn embeds(waiting: &[Waiting], site_name: &str) -> Vec<Shown> {
    let mut counts: HashMap<EventName, usize> = HashMap::new();
    for one in waiting {
        *counts.entry(one.delivery.name).or_default() += 1;
    }
    let mut bursts: HashMap<EventName, Vec<&Waiting>> = HashMap::new();
    for one in waiting.iter().filter(|one| counts[&one.delivery.name] > ALONE) {
        bursts.entry(one.delivery.name).or_default().push(one);
    }
    let mut shown = Vec::new();
    for one in waiting {
        let Some(event) = &one.event else { continue };
        if counts[&one.delivery.name] <= ALONE {
            shown.push(Shown { embed: embed(event, site_name), stands_for: vec![one.delivery.id] });
        } else if let Some(burst) = bursts.remove(&one.delivery.name) {
            let stands_for = burst.iter().map(|one| one.delivery.id).collect();
            shown.push(Shown { embed: embed_of_many(event, &burst, site_name), stands_for });
        }
    }
    shown
}

/// The embed of one event.
pub(super) fn embed(event: &Event, site_name: &str) -> Embed {
    let look = look_of(event.name);
    let data: Value = serde_json::from_str(&event.data).unwrap_or_default();
    let embed = Embed::new(&look.title)
        .description(&escape(&event.summary))
        .color(look.color)
        .timestamp(event.at)
        .footer(&footer(site_name, event));
    fields(event, &data).into_iter().fold(embed, Embed::field)
}

fn embed_of_many(first: &Event, burst: &[&Waiting], site_name: &str) -> Embed {
    let named = burst.iter().filter_map(|one| one.event.as_ref()).take(NAMED);
    let mut lines: Vec<_> = named.map(|event| format!("• {}", escape(&event.summary))).collect();
    let more = burst.len().saturating_sub(lines.len());
    if more > 0 {
        lines.push(format!("… and {more} more"));
    }
    Embed::new(&title_of_many(first.name, burst.len()))
        .description(&lines.join("\n"))
        .color(look_of(first.name).color)
        .timestamp(first.at)
        .footer(&footer(site_name, first))
}

fn footer(site_name: &str, event: &Event) -> String {
    match &event.posted_by {
        Some(by) => format!("{site_name} · {by}"),
        None => site_name.to_owned(),
    }
}

fn fields(event: &Event, data: &Value) -> Vec<Field> {
    let facts = Facts(data);
    let fields: Vec<Option<Field>> = match event.name {
        EventName::SyncStarted => vec![facts.short("Type", "type"), facts.short("Panel", "panelName")],
        EventName::SyncCompleted | EventName::SyncCancelled => {
            let changes = facts.tally().map(|tally| Field::new("Changes", &tally).inline());
            vec![
                facts.short("Type", "type"),
                facts.duration(),
                facts.short("Panel", "panelName"),
                changes,
                facts.long("Error", "error"),
            ]
        }
        EventName::SyncFailed => vec![
            facts.short("Type", "type"),
            facts.duration(),
            facts.short("Panel", "panelName"),
            facts.long("Error", "error"),
        ],
        EventName::UserRegistered => vec![facts.short("Email", "email")],
        EventName::TicketCreated => {
            vec![facts.long("Subject", "subject"), facts.short("User", "user"), facts.short("Priority", "priority")]
        }
        EventName::SettingsChanged => vec![
            facts.short("Modified By", "by"),
            Some(Field::new("Total Changes", &facts.items("changes").len().to_string()).inline()),
            facts.changes("Changed Settings", "key"),
        ],
        EventName::Test => vec![
            Some(Field::new("Status", "✅ It works").inline()),
            Some(Field::new("Test Time", &event.at.to_string()).inline()),
        ],
        EventName::Notice => facts.texts(),
        EventName::JobDead => vec![facts.short("Job", "kind"), facts.short("Tries", "attempts")],
        EventName::PanelUnreachable => vec![facts.long("Trouble", "trouble")],
        EventName::WebhookDisabled => vec![facts.short("Not sent", "dropped")],
        EventName::RemovalStopped => facts
            .items("removals")
            .iter()
            .map(|planned| {
                let planned = Facts(planned);
                let of = format!("{} of {}", planned.text("count")?, planned.text("held")?);
                Some(Field::new(&planned.text("kind")?, &of).inline())
            })
            .collect(),
        EventName::DriftFound => facts.totals(),
        name if name.is_of_mirror() => vec![
            facts.short("Name", "name"),
            facts.short("Owner", "owner"),
            facts.long("Reason", "reason"),
            if name.name().ends_with(".updated") { facts.changes("Changed", "field") } else { None },
        ],
        _ => Vec::new(),
    };
    fields.into_iter().flatten().collect()
}

/// The facts of an event, as they were told.
struct Facts<'a>(&'a Value);

impl Facts<'_> {
    fn text(&self, key: &str) -> Option<String> {
        text_of(&self.0[key])
    }

    fn short(&self, label: &str, key: &str) -> Option<Field> {
        self.long(label, key).map(Field::inline)
    }

    fn long(&self, label: &str, key: &str) -> Option<Field> {
        self.text(key).map(|text| Field::new(label, &escape(&text)))
    }

    fn items(&self, key: &str) -> &[Value] {
        self.0[key].as_array().map_or(&[], Vec::as_slice)
    }

    /// Seconds with two decimals; what another program said as it said it.
    fn duration(&self) -> Option<Field> {
        let text = match &self.0["duration"] {
            Value::Number(seconds) => format!("{:.2} s", seconds.as_f64().unwrap_or_default()),
            other => escape(&text_of(other)?),
        };
        Some(Field::new("Duration", &text).inline())
    }

    fn tally(&self) -> Option<String> {
        let [created, updated, removed] = ["created", "updated", "removed"].map(|key| self.0[key].as_u64());
        Some(format!("{} created, {} updated, {} removed", created?, updated?, removed?))
    }

    /// One line for each change, old and new.
    fn changes(&self, label: &str, key: &str) -> Option<Field> {
        let changes = self.items("changes");
        let lines = changes.iter().take(MOST_CHANGES).filter_map(|change| {
            let name = change[key].as_str()?;
            Some(format!("• {}: {} → {}", escape(name), value(&change["old"]), value(&change["new"])))
        });
        let mut lines: Vec<_> = lines.collect();
        if changes.len() > MOST_CHANGES {
            lines.push(format!("… and {} more", changes.len() - MOST_CHANGES));
        }
        (!lines.is_empty()).then(|| Field::new(label, &lines.join("\n")))
    }

    fn totals(&self) -> Vec<Option<Field>> {
        let Some(totals) = self.0["totals"].as_object() else { return Vec::new() };
        totals
            .iter()
            .map(|(kind, count)| Some(Field::new(&kind.replace('_', " "), &count.to_string()).inline()))
            .collect()
    }

    /// The texts of another program.
    fn texts(&self) -> Vec<Option<Field>> {
        let Some(texts) = self.0["data"].as_object() else { return Vec::new() };
        let shown = texts.iter().filter_map(|(name, text)| Some((name, text_of(text)?))).take(MOST_TEXTS);
        shown.map(|(name, text)| Some(Field::new(&escape(name), &escape(&text)).inline())).collect()
    }
}

fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()).filter(|text| !text.trim().is_empty()),
        other => Some(other.to_string()),
    }
}

fn value(value: &Value) -> String {
    let Some(text) = text_of(value) else { return "(empty)".into() };
    if text.chars().count() <= LONGEST_VALUE {
        return escape(&text);
    }
    escape(&text.chars().take(LONGEST_VALUE).chain(['…']).collect::<String>())
}

#[cfg(test)]
mod tests {
    use aviary_kernel::base::Timestamp;
    use aviary_kernel::model::{Delivery, DeliveryState};
    use serde_json::json;
    use uuid::Uuid;

    use super::*;
    use crate::events::Happening;

    fn event(happening: &Happening) -> Event {
        Event {
            id: Uuid::from_u128(1),
            name: happening.name(),
            at: Timestamp::from_seconds(1_767_225_600),
            panel: happening.panel(),
            summary: happening.summary(),
            data: happening.data().unwrap(),
            posted_by: None,
        }
    }

    fn shown(happening: &Happening) -> Value {
        serde_json::to_value(embed(&event(happening), "Example")).unwrap()
    }

    fn waiting(happening: &Happening, number: u128) -> Waiting {
        let event = event(happening);
        let delivery = Delivery {
            id: Uuid::from_u128(number),
            webhook: Uuid::from_u128(9),
            event: event.id,
            name: event.name,
            state: DeliveryState::Waiting,
            created_at: event.at,
            asked_at: event.at,
            due_at: event.at,
            finished_at: None,
            why: None,
            tries: 0,
            attempts: Vec::new(),
        };
        Waiting { delivery, event: Some(event) }
    }

    fn sample(name: EventName) -> Happening {
        Happening::samples().into_iter().find(|sample| sample.name() == name).unwrap()
    }

    #[test]
    fn a_sync_that_is_done_shows_type_duration_and_what_changed() {
        let shown = shown(&sample(EventName::SyncCompleted));
        assert_eq!((&shown["title"], &shown["color"]), (&json!("✅ Sync Completed"), &json!(0x22_C55E)));
        assert_eq!(shown["footer"]["text"], "Example");
        let fields: Vec<_> = shown["fields"].as_array().unwrap().iter().map(|f| (&f["name"], &f["value"])).collect();
        assert_eq!(fields[0], (&json!("Type"), &json!("full")));
        assert_eq!(fields[1], (&json!("Duration"), &json!("12.84 s")));
        assert_eq!(fields[3], (&json!("Changes"), &json!("3 created, 17 updated, 1 removed")));
    }

    #[test]
    fn every_event_is_shown() {
        for sample in Happening::samples() {
            let shown = shown(&sample);
            assert!(shown["title"].as_str().is_some_and(|title| !title.is_empty()), "{}", sample.name());
            assert!(shown["description"].as_str().is_some_and(|text| !text.is_empty()), "{}", sample.name());
        }
    }

    #[test]
    fn ten_are_shown_one_by_one_and_more_become_one() {
        let (server, sync) = (sample(EventName::ServerUpdated), sample(EventName::SyncFailed));
        let mut all: Vec<_> = (0..10).map(|number| waiting(&server, number)).collect();
        all.push(waiting(&sync, 100));
        assert_eq!(embeds(&all, "Example").len(), 11);
        all.extend((10..57).map(|number| waiting(&server, number)));
        let shown = embeds(&all, "Example");
        assert_eq!(shown.iter().map(|one| one.stands_for.len()).collect::<Vec<_>>(), [57, 1]);
        let first = serde_json::to_value(&shown[0].embed).unwrap();
        assert_eq!(first["title"], "57 servers updated");
        let text = first["description"].as_str().unwrap();
        assert_eq!(text.lines().count(), 11);
        assert!(text.ends_with("… and 47 more"), "{text}");
    }
}
