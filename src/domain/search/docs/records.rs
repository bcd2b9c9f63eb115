use std::collections::BTreeSet;

use aviary_kernel::base::Result;
use aviary_kernel::model::{
    DeliveryId, EventId, FieldChange, HistoryEntry, JobId, MailContent, Operation, Panel, PanelId, SyncId,
};
use aviary_kernel::store::Read;
use aviary_kernel::store::tables::{AUDIT, DELIVERIES, EVENTS, HISTORY, JOBS, MAILS, PANELS, SYNCS, WEBHOOKS};
use serde_json::Value;

use super::{Doc, Place, short};
use crate::search::schema::{LONGEST_NAME, gone, has};
use crate::{mails, queue};

/// Of what belongs to a record so many are taken.
const MOST: usize = 24;
/// A value of a change up to so many bytes.
const LONGEST_VALUE: usize = 400;
/// The data of an event up to so many bytes.
const LONGEST_DATA: usize = 4096;

fn panel_name(reader: &impl Read, id: PanelId) -> Result<String> {
    let panel: Option<Panel> = reader.get(PANELS, &id)?;
    Ok(panel.map_or_else(|| format!("panel {id}"), |panel| panel.name))
}

/// A sync.
pub(super) fn sync(reader: &impl Read, id: SyncId) -> Result<Option<Doc>> {
    let Some(run) = reader.get(SYNCS, &id)? else { return Ok(None) };
    let doc = Doc::new(Place::Sync(id), format!("Sync of {}", panel_name(reader, run.panel)?));
    let of = run.targets.iter().map(|target| target.name()).collect::<Vec<_>>().join(", ");
    let doc = doc.of(run.panel).at(run.created_at).state(run.status.word());
    Ok(Some(
        doc.text("Says", run.message)
            .telling()
            .fact("Asked for by", "by", run.requested_by)
            .fact("Of", "of", of)
            .each(run.issues.into_iter().take(MOST), |doc, issue| {
                doc.text("Issue", format!("{}: {}", issue.target, issue.what))
            })
            .word("Id", "id", id.to_string()),
    ))
}

/// An entry of the history.
pub(super) fn change(reader: &impl Read, number: u64) -> Result<Option<Doc>> {
    let Some(entry) = reader.get(HISTORY, &number)? else { return Ok(None) };
    let state = match entry.operation {
        Operation::Created => "created",
        Operation::Changed => "changed",
        Operation::Removed => "removed",
    };
    let lists = narrowing(&entry);
    let doc = Doc { lists, ..Doc::new(Place::Change(number, entry.object), entry.label) };
    let doc = doc.of(entry.object.panel).at(entry.at).state(state);
    let doc = doc.fact("Of", "of", entry.object.kind.noun()).telling();
    // What is new or gone is described by its name; each of its fields would say the same as the object.
    let fields = if entry.operation == Operation::Changed { entry.fields } else { Vec::new() };
    Ok(Some(
        doc.each(fields.into_iter().take(MOST), |doc, change| {
            let text = said(&change);
            doc.line("Changed", Some("field"), change.field, super::Found::Text).telling().text("To", text).telling()
        })
        .word("Number", "id", entry.object.id.to_string())
        .fact("Sync", "sync", entry.sync.to_string()),
    ))
}

/// What the history is narrowed by: every field with those above it, and the UUID of what was removed.
fn narrowing(entry: &HistoryEntry) -> Vec<String> {
    let mut names = BTreeSet::new();
    for change in entry.fields.iter().filter(|change| change.field.len() <= LONGEST_NAME) {
        names.insert(change.field.as_str());
        names.extend(change.field.match_indices('.').map(|(at, _)| &change.field[..at]));
    }
    let mut attributes: Vec<String> = names.into_iter().map(has).collect();
    if entry.operation == Operation::Removed {
        let uuid = entry.fields.iter().find(|change| change.field == "uuid").and_then(|change| change.old.as_ref());
        let uuid = uuid.and_then(|uuid| uuid.value().as_str().map(str::to_lowercase));
        attributes.extend(uuid.filter(|uuid| uuid.len() <= LONGEST_NAME).map(|uuid| gone(&uuid)));
    }
    attributes
}

fn said(change: &FieldChange) -> String {
    let value = |value: &Option<aviary_kernel::model::JsonText>| match value.as_ref().map(|value| value.value()) {
        None | Some(Value::Null) => "none".to_owned(),
        Some(Value::String(text)) => short(&text, LONGEST_VALUE).into_owned(),
        Some(other) => short(&other.to_string(), LONGEST_VALUE).into_owned(),
    };
    format!("{} → {}", value(&change.old), value(&change.new))
}

/// An event of the audit trail.
pub(super) fn audit(reader: &impl Read, number: u64) -> Result<Option<Doc>> {
    let Some(event) = reader.get(AUDIT, &number)? else { return Ok(None) };
    let doc = Doc::new(Place::Audit(number), event.action.does()).at(event.at).state(event.outcome.went().word());
    let reason = event.outcome.reason().map(str::to_owned);
    let doc = doc
        .fact("By", "by", event.actor.name)
        .telling()
        .fact("", "by", event.actor.who.to_string())
        .word("Action", "action", event.action.name())
        .with(event.target, |doc, target| {
            doc.fact("To", "to", target.name).telling().fact("", "to", format!("{} {}", target.kind, target.id))
        })
        .with(reason, |doc, reason| doc.text("Reason", reason))
        .each(event.changes.into_iter().take(MOST), |doc, change| {
            let value = |value: Option<String>| value.unwrap_or_else(|| "none".into());
            let (before, after) = (value(change.before), value(change.after));
            let text =
                format!("{}: {} → {}", change.field, short(&before, LONGEST_VALUE), short(&after, LONGEST_VALUE));
            doc.text("Changed", text)
        })
        .with(event.actor.origin.address, |doc, address| doc.word("From", "ip", address.to_string()))
        .with(event.actor.origin.user_agent, |doc, agent| doc.text("With", agent))
        .with(event.actor.origin.request_id, |doc, id| doc.fact("Request", "request", id));
    Ok(Some(doc.fact("Number", "id", number.to_string())))
}

/// An event that was told.
pub(super) fn event(reader: &impl Read, id: EventId) -> Result<Option<Doc>> {
    let Some(event) = reader.get(EVENTS, &id)? else { return Ok(None) };
    let doc = Doc::new(Place::Event(id), event.summary).at(event.at).state(event.name.weight().word());
    Ok(Some(
        doc.with(event.panel, Doc::of)
            .word("Event", "event", event.name.name())
            .telling()
            .with(event.posted_by, |doc, by| doc.fact("Sent by", "by", by))
            .text("Data", values(&event.data))
            .word("Id", "id", id.to_string()),
    ))
}

/// What a JSON text says, without its names.
fn values(json: &str) -> String {
    fn collect(value: &Value, out: &mut String) {
        match value {
            _ if out.len() > LONGEST_DATA => {}
            Value::Null | Value::Bool(_) => {}
            Value::Number(number) => *out += &format!("{number} "),
            Value::String(text) => *out += &format!("{} ", short(text, LONGEST_VALUE)),
            Value::Array(items) => items.iter().for_each(|item| collect(item, out)),
            Value::Object(map) => map.values().for_each(|item| collect(item, out)),
        }
    }
    let mut out = String::new();
    collect(&serde_json::from_str(json).unwrap_or_default(), &mut out);
    out
}

/// A job, unless it leaves no trace.
pub(super) fn job(reader: &impl Read, id: JobId) -> Result<Option<Doc>> {
    let Some(job) = reader.get(JOBS, &id)?.filter(queue::leaves_a_trace) else { return Ok(None) };
    let doc = Doc::new(Place::Job(id), job.kind.does()).at(job.created_at).state(job.state.word());
    Ok(Some(
        doc.word("Job", "job", job.kind.name())
            .telling()
            .fact("Queue", "queue", job.queue().name())
            .fact("Asked for by", "by", job.by)
            .with(job.note, |doc, note| doc.text("Says", note).telling())
            .each(job.faults.into_iter().rev().take(3), |doc, fault| doc.text("Failed", fault.what).telling())
            .text("Works with", values(&job.args))
            .word("Id", "id", id.to_string()),
    ))
}

/// A delivery.
pub(super) fn delivery(reader: &impl Read, id: DeliveryId) -> Result<Option<Doc>> {
    let Some(delivery) = reader.get(DELIVERIES, &id)? else { return Ok(None) };
    let event = reader.get(EVENTS, &delivery.event)?;
    let hook = reader.get(WEBHOOKS, &delivery.webhook)?;
    let title = event.as_ref().map_or_else(|| delivery.name.says().to_owned(), |event| event.summary.clone());
    let doc = Doc::new(Place::Delivery(id), title).at(delivery.created_at).state(delivery.state.word());
    let last = delivery.attempts.last().cloned();
    Ok(Some(
        doc.with(event.and_then(|event| event.panel), Doc::of)
            .with(hook, |doc, hook| doc.fact("To", "to", hook.name.clone()).telling().fact("", "webhook", hook.name))
            .word("Event", "event", delivery.name.name())
            .telling()
            .with(delivery.why, |doc, why| doc.text("Why", why).telling())
            .with(last.as_ref().and_then(|last| last.status), |doc, status| {
                doc.fact("Status", "status", status.to_string())
            })
            .with(last.and_then(|last| last.error), |doc, error| doc.text("Failed", error).telling())
            .fact("Webhook", "webhook", delivery.webhook.to_string())
            .fact("Of event", "id", delivery.event.to_string())
            .word("Id", "id", id.to_string()),
    ))
}

/// A mail, without what it says.
pub(super) fn mail(reader: &impl Read, number: u64) -> Result<Option<Doc>> {
    let Some(mail) = reader.get(MAILS, &number)? else { return Ok(None) };
    let doc = Doc::new(Place::Mail(number), mails::subject_of(reader, &mail)?);
    let doc = doc.at(mail.written_at).state(mail.state.word());
    let account = if let MailContent::Letter { account, .. } = &mail.says { Some(*account) } else { None };
    let error = mail.attempts.last().and_then(|last| last.error.clone());
    Ok(Some(
        doc.word("To", "to", mail.to.as_str())
            .telling()
            .fact("", "email", mail.to.as_str())
            .fact("Kind", "type", mails::kind_of(&mail.says))
            .with(mail.taken, |doc, taken| {
                doc.fact("Taken by", "service", taken.service).word("Its id", "id", taken.id)
            })
            .with(error, |doc, error| doc.text("Failed", error).telling())
            .with(account, |doc, account| doc.fact("Account", "account", account.to_string()))
            .fact("Number", "id", number.to_string()),
    ))
}
