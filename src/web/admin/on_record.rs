//! What stands in the audit trail about one thing, on the page of that thing; and how events look in a row.

use aviary_domain::settings::Key;
use aviary_kernel::base::Result;
use aviary_kernel::model::{Actor, AuditEvent, AuditTarget, Kind, ObjectKey, Permission, Went};
use uuid::Uuid;

use super::card::{Body, Card};
use super::desk::{Desk, Known};
use super::table::Table;
use super::value::{Pill, Value};
use super::{links, shown};

/// Events on such a page.
const ROWS: usize = 10;

/// The last events about a thing, for who may read the trail.
pub(super) async fn card(desk: &Desk, known: &Known, kind: &str, id: &str) -> Result<Option<Card>> {
    if !known.may(Permission::AuditRead) {
        return Ok(None);
    }
    let page = desk.audit.of_target(kind, id, ROWS).await?;
    let rows: Vec<_> = page.events.iter().map(|(seq, event)| row(known, *seq, event)).collect();
    let body = if rows.is_empty() {
        Body::Hint("Nobody did anything to it through Aviary yet.".into())
    } else {
        Body::Table(Table::plain("What was done, newest first", &["When", "Who", "What", "Outcome"], rows))
    };
    let more = format!("/admin/audit?{}", shown::query(&[("kind", kind), ("id", id)]));
    Ok(Some(Card::new("On record", "c12", body).more("All of it", more)))
}

/// The kind and id under which events about a mirrored object stand in the trail.
pub(super) fn object(key: ObjectKey) -> (&'static str, String) {
    (key.kind.noun(), format!("{}/{}", key.panel, key.id))
}

fn row(known: &Known, seq: u64, event: &AuditEvent) -> Vec<Value> {
    vec![when(known, seq, event), who(known, &event.actor), Value::Text(event.action.does().into()), outcome(event)]
}

/// When it was, leading to all that is known of it.
pub(super) fn when(known: &Known, seq: u64, event: &AuditEvent) -> Value {
    known.link(known.when(event.at).words(), format!("/admin/audit/{seq}"))
}

/// Who did it, leading to what else they did.
pub(super) fn who(known: &Known, actor: &Actor) -> Value {
    let href = format!("/admin/audit?{}", shown::query(&[("actor", &actor.who.to_string())]));
    known.link(shown::name(&actor.name), href)
}

/// What it was done to, leading there.
pub(super) fn target(known: &Known, target: &AuditTarget) -> Value {
    let href = page_of(target)
        .unwrap_or_else(|| format!("/admin/audit?{}", shown::query(&[("kind", &target.kind), ("id", &target.id)])));
    Value::Many(vec![Value::Muted(shown::short(&target.kind, 40)), known.link(shown::name(&target.name), href)])
}

fn page_of(target: &AuditTarget) -> Option<String> {
    let is_uuid = || target.id.parse::<Uuid>().is_ok();
    match target.kind.as_str() {
        "account" => return is_uuid().then(|| format!("/admin/people/{}", target.id)),
        "webhook" => return is_uuid().then(|| format!("/admin/webhooks/{}", target.id)),
        "event" => return is_uuid().then(|| format!("/admin/events/{}", target.id)),
        "schedule" => return is_uuid().then(|| format!("/admin/schedules/{}", target.id)),
        "job" => return is_uuid().then(|| format!("/admin/jobs/{}", target.id)),
        "apikey" => return is_uuid().then(|| format!("/admin/api-keys/{}", target.id)),
        "role" => {
            let is_name = target.id.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_');
            return is_name.then(|| format!("/admin/roles/{}", target.id));
        }
        "mail" => return target.id.parse::<u64>().ok().map(|number| format!("/admin/mails/{number}")),
        _ => {}
    }
    if let "panel" | "sync" = target.kind.as_str() {
        let is_id = target.id.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-');
        return is_id.then(|| format!("/admin/{}s/{}", target.kind, target.id));
    }
    if target.kind == "setting" {
        return Key::find(&target.id).map(|key| format!("/admin/settings/{}", key.about().key));
    }
    let kind = Kind::ALL.into_iter().find(|kind| kind.noun() == target.kind)?;
    let (panel, id) = target.id.split_once('/')?;
    let key = ObjectKey { panel: panel.parse().ok()?, kind, id: id.parse().ok()? };
    Some(links::object(key))
}

/// How it went.
pub(super) fn outcome(event: &AuditEvent) -> Value {
    let went = event.outcome.went();
    let tone = match went {
        Went::Done => "fine",
        Went::Refused => "warn",
        Went::Failed => "bad",
    };
    Value::Pill(Pill::new(tone, went.word()))
}
