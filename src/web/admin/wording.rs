//! Changed fields in plain words: what a field is called, and its values with units and names instead of numbers.

use std::collections::BTreeMap;
use std::sync::Arc;

use aviary_domain::mirror::Page;
use aviary_kernel::base::{Result, Timestamp};
use aviary_kernel::model::{Event, FieldChange, HistoryEntry, JsonText, Kind, ObjectKey, PanelId, RemoteId, Units};
use serde_json::Value as Json;

use super::desk::Known;
use super::prefers::Prefers;
use super::{links, shown};

/// What a field holds.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Unit {
    Plain,
    /// A size; the word says what 0 means.
    Mib(&'static str),
    /// Percent; the word says what 0 means.
    Percent(&'static str),
    /// Percent more than there is; less than 0 = not checked.
    Extra,
    Time,
    /// The number of another object.
    Of(Kind),
    /// Numbers of other objects.
    Many(Kind),
}

/// What changed fields refer to, by name, and how the reader wants to see values.
#[derive(Default)]
pub(super) struct Names {
    found: BTreeMap<ObjectKey, String>,
    prefers: Arc<Prefers>,
}

impl Names {
    /// Looks up what these entries refer to.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(super) fn of(page: &Page<'_>, known: &Known, entries: &[HistoryEntry]) -> Result<Self> {
        let mut names = Self { prefers: known.prefers.clone(), ..Self::default() };
        for entry in entries {
            for change in &entry.fields {
                names.add(page, entry.object, &change.field, change.old.iter().chain(&change.new))?;
            }
        }
        Ok(names)
    }

    /// Looks up what these values of a field refer to.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(super) fn add<'a>(
        &mut self,
        page: &Page<'_>,
        object: ObjectKey,
        field: &str,
        values: impl IntoIterator<Item = &'a JsonText>,
    ) -> Result<()> {
        let (Unit::Of(kind) | Unit::Many(kind)) = meaning(object.kind, field).1 else { return Ok(()) };
        for value in values {
            for id in numbers(&value.value()).into_iter().take(MOST_NAMES) {
                let key = ObjectKey { panel: object.panel, kind, id };
                if !self.found.contains_key(&key)
                    && let Some(label) = links::label(page, key)?
                {
                    self.found.insert(key, label);
                }
            }
        }
        Ok(())
    }

    fn name(&self, panel: PanelId, kind: Kind, id: RemoteId) -> String {
        match self.found.get(&ObjectKey { panel, kind, id }) {
            Some(label) => shown::name(label),
            None => format!("{} {id}", kind.noun()),
        }
    }
}

/// So many objects of a list are named.
const MOST_NAMES: usize = 50;

fn numbers(value: &Json) -> Vec<RemoteId> {
    match value {
        Json::Number(n) => n.as_u64().into_iter().collect(),
        Json::Array(items) => items.iter().filter_map(Json::as_u64).collect(),
        _ => Vec::new(),
    }
}

/// What a field is called.
pub(super) fn label(kind: Kind, field: &str) -> String {
    let (label, _) = meaning(kind, field);
    shown::short(&label, 80)
}

/// What a field was and became. Sizes that only look the same are told to the MiB.
pub(super) fn sides(
    names: &Names,
    object: ObjectKey,
    field: &str,
    (old, new): (Option<&JsonText>, Option<&JsonText>),
) -> (Option<String>, Option<String>) {
    let units = names.prefers.kept.units;
    let told = |units| {
        let side = |side: Option<&JsonText>| side.map(|text| said(names, object, field, text, units));
        (side(old), side(new))
    };
    let sides = told(units);
    if old != new && sides.0 == sides.1 { told(Units::Exact) } else { sides }
}

/// A value as people write it, with its unit.
pub(super) fn value(names: &Names, object: ObjectKey, field: &str, value: &JsonText) -> String {
    said(names, object, field, value, names.prefers.kept.units)
}

fn said(names: &Names, object: ObjectKey, field: &str, value: &JsonText, units: Units) -> String {
    let unit = meaning(object.kind, field).1;
    match (unit, value.value()) {
        (_, Json::Null) => "none".into(),
        (_, Json::Bool(is)) => if is { "yes" } else { "no" }.into(),
        (_, Json::String(text)) if text.is_empty() => "empty".into(),
        (Unit::Time, Json::String(text)) => Timestamp::parse(&text).map_or(text, |at| names.prefers.zone.exact(at)),
        (_, Json::String(text)) => text,
        (Unit::Mib(zero) | Unit::Percent(zero), Json::Number(n)) if n.as_i64() == Some(0) => zero.into(),
        (Unit::Mib(_), Json::Number(n)) if n.as_i64() == Some(-1) => "unlimited".into(),
        (Unit::Mib(_), Json::Number(n)) => n.as_i64().map_or_else(|| n.to_string(), |n| shown::mib(n, units)),
        (Unit::Extra, Json::Number(n)) if n.as_i64().is_some_and(|n| n < 0) => "not checked".into(),
        (Unit::Percent(_) | Unit::Extra, Json::Number(n)) => format!("{n} %"),
        (Unit::Of(kind), Json::Number(n)) => {
            n.as_u64().map_or_else(|| n.to_string(), |id| names.name(object.panel, kind, id))
        }
        (Unit::Many(kind), Json::Array(items)) => {
            let ids = numbers(&Json::Array(items));
            if ids.is_empty() {
                return "none".into();
            }
            ids.into_iter().map(|id| names.name(object.panel, kind, id)).collect::<Vec<_>>().join(", ")
        }
        (_, Json::Array(items)) if items.is_empty() => "none".into(),
        (_, Json::Array(items)) if items.iter().all(Json::is_string) => {
            items.iter().filter_map(Json::as_str).collect::<Vec<_>>().join(", ")
        }
        (_, other) => other.to_string(),
    }
}

/// The change of an object in one line: what matters most, and how much more there is.
pub(super) fn summary(names: &Names, entry: &HistoryEntry) -> String {
    // That the panel noted a change says nothing about it, and values stand twice: as set and as in effect.
    let weight = |change: &&FieldChange| match change.field.as_str() {
        "updatedAt" => 2,
        field if field.starts_with("environment.") => 1,
        _ => 0,
    };
    let Some(first) = entry.fields.iter().min_by_key(weight) else { return String::new() };
    let (old, new) = sides(names, entry.object, &first.field, (first.old.as_ref(), first.new.as_ref()));
    let short = |side: Option<String>| side.map(|text| shown::short(&text, 28));
    let label = label(entry.object.kind, &first.field);
    let said = match (short(old), short(new)) {
        (Some(old), Some(new)) => format!("{label} {old} → {new}"),
        (None, Some(new)) => format!("{label} {new}"),
        _ => format!("{label} no more"),
    };
    let others = entry.fields.iter().filter(|change| weight(change) == 0 && change.field != first.field).count();
    match others {
        0 => said,
        n => format!("{said} and {n} more"),
    }
}

/// What happened, in a sentence, with fields in the words of the lists. The facts that programs get name them as the panel does.
pub(super) fn told(event: &Event) -> String {
    const BEFORE_FIELDS: &str = "was changed: ";
    let said = || shown::visible(&event.summary);
    let Some(kind) = Kind::ALL.into_iter().find(|kind| kind.noun() == event.name.noun()) else { return said() };
    let Some((before, fields)) = event.summary.rsplit_once(BEFORE_FIELDS) else { return said() };
    let (fields, more) = match fields.trim_end_matches('.').rsplit_once(" and ") {
        Some((fields, more)) if more.ends_with(" more") => (fields, Some(more)),
        _ => (fields.trim_end_matches('.'), None),
    };
    let names: Vec<_> = fields.split(", ").map(|field| label(kind, field)).collect();
    let more = more.map(|more| format!(" and {more}")).unwrap_or_default();
    shown::visible(&format!("{before}{BEFORE_FIELDS}{}{more}.", names.join(", ")))
}

/// The name and the unit of a field.
fn meaning(kind: Kind, field: &str) -> (String, Unit) {
    if let Some((label, unit)) = known(kind, field) {
        return (label.to_owned(), unit);
    }
    if let Some(name) = field.strip_prefix("variables.") {
        return (format!("Variable {name}"), Unit::Plain);
    }
    if let Some(name) = field.strip_prefix("environment.") {
        return (format!("Environment {name}"), Unit::Plain);
    }
    (spaced(field), Unit::Plain)
}

fn known(kind: Kind, field: &str) -> Option<(&'static str, Unit)> {
    use Unit::{Extra, Many, Mib, Of, Percent, Plain, Time};
    Some(match (kind, field) {
        (Kind::Node, "memory") => ("Memory", Mib("no limit")),
        (Kind::Node, "disk") => ("Disk", Mib("no limit")),
        (Kind::Node, "cpu") => ("Processor", Percent("no limit")),
        (Kind::Node, "memoryOverallocate") => ("Memory that may be given away beyond", Extra),
        (Kind::Node, "diskOverallocate") => ("Disk that may be given away beyond", Extra),
        (Kind::Node, "cpuOverallocate") => ("Processor that may be given away beyond", Extra),
        (Kind::Node, "allocatedResources.memory") => ("Memory given away", Mib("none")),
        (Kind::Node, "allocatedResources.disk") => ("Disk given away", Mib("none")),
        (Kind::Node, "allocatedResources.cpu") => ("Processor given away", Percent("none")),
        (Kind::Node, "uploadSize") => ("Largest upload", Mib("none")),
        (Kind::Node, "public") => ("Open for new servers", Plain),
        (Kind::Node, "maintenanceMode") => ("Maintenance", Plain),
        (Kind::Node, "fqdn") => ("Address", Plain),
        (Kind::Node, "daemonListen") => ("Daemon port", Plain),
        (Kind::Node, "daemonSftp") => ("SFTP port", Plain),
        (Kind::Node, "daemonBase") => ("Folder of server files", Plain),
        (Kind::Server, "limits.memory") => ("Memory limit", Mib("unlimited")),
        (Kind::Server, "limits.swap") => ("Swap limit", Mib("none")),
        (Kind::Server, "limits.disk") => ("Disk limit", Mib("unlimited")),
        (Kind::Server, "limits.cpu") => ("Processor limit", Percent("unlimited")),
        (Kind::Server, "limits.io") => ("Disk priority", Plain),
        (Kind::Server, "limits.threads") => ("Pinned cores", Plain),
        (Kind::Server, "limits.oomDisabled") => ("Kept when out of memory", Plain),
        (Kind::Server, "featureLimits.databases") => ("Databases allowed", Plain),
        (Kind::Server, "featureLimits.allocations") => ("Allocations allowed", Plain),
        (Kind::Server, "featureLimits.backups") => ("Backups allowed", Plain),
        (Kind::Server, "allocationId") => ("Primary address", Of(Kind::Allocation)),
        (Kind::Server, "allocations") => ("Addresses", Many(Kind::Allocation)),
        (Kind::Server, "startupCommand") => ("Start command", Plain),
        (Kind::User, "rootAdmin") => ("Admin of the panel", Plain),
        (Kind::User, "twoFactor") => ("Two-factor sign-in", Plain),
        (Kind::User, "email") => ("E-mail", Plain),
        (Kind::EggVariable, "userViewable") => ("Users may see it", Plain),
        (Kind::EggVariable, "userEditable") => ("Users may change it", Plain),
        (Kind::EggVariable, "envVariable") => ("Variable", Plain),
        (Kind::Allocation, "assigned") => ("In use", Plain),
        (Kind::Location, "short") => ("Name", Plain),
        (Kind::Location, "long") => ("Description", Plain),
        (_, "userId") => (if kind == Kind::Server { "Owner" } else { "User" }, Of(Kind::User)),
        (_, "nodeId") => ("Node", Of(Kind::Node)),
        (_, "locationId") => ("Location", Of(Kind::Location)),
        (_, "nestId") => ("Nest", Of(Kind::Nest)),
        (_, "eggId") => ("Egg", Of(Kind::Egg)),
        (_, "serverId") => ("Server", Of(Kind::Server)),
        (_, "createdAt") => ("Created on the panel", Time),
        (_, "updatedAt") => ("Changed on the panel", Time),
        (_, "uuid") => ("UUID", Plain),
        (_, "ip") => ("IP address", Plain),
        (_, "id") => ("Number", Plain),
        _ => return None,
    })
}

/// `dockerImage` as `Docker image`, `script.install` as `Script, install`.
fn spaced(field: &str) -> String {
    let mut out = String::new();
    for c in field.chars() {
        match c {
            '.' => out.push_str(", "),
            c if c.is_ascii_uppercase() => {
                out.push(' ');
                out.push(c.to_ascii_lowercase());
            }
            c => out.push(c),
        }
    }
    if let Some(first) = out.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    out
}

#[cfg(test)]
mod tests {
    use aviary_kernel::model::EventName;
    use serde_json::json;

    use super::*;

    fn field(kind: Kind, field: &str, json: Json) -> String {
        let object = ObjectKey { panel: PanelId(1), kind, id: 1 };
        let node = ObjectKey { panel: PanelId(1), kind: Kind::Node, id: 7 };
        let names = Names { found: [(node, "fra-07".to_owned())].into(), ..Names::default() };
        format!("{}: {}", label(kind, field), value(&names, object, field, &JsonText::new(&json)))
    }

    #[test]
    fn an_event_names_fields_as_the_lists_do() {
        let event = |name, summary: &str| Event {
            id: uuid::Uuid::nil(),
            name,
            at: Timestamp::from_seconds(0),
            panel: Some(PanelId(1)),
            summary: summary.into(),
            data: "{}".into(),
            posted_by: None,
        };
        let told = |name, summary: &str| told(&event(name, summary));
        let updated: EventName = "server.updated".parse().unwrap();
        assert_eq!(
            told(updated, "The server a and b was changed: limits.memory, userId and 3 more."),
            "The server a and b was changed: Memory limit, Owner and 3 more."
        );
        assert_eq!(told(updated, "The server x was changed: name."), "The server x was changed: Name.");
        assert_eq!(told(updated, "The server x was changed."), "The server x was changed.");
        assert_eq!(told(EventName::Notice, "It was changed: a."), "It was changed: a.");
    }

    #[test]
    fn fields_are_told_in_words_with_units_and_names() {
        let server = |name: &str, json| field(Kind::Server, name, json);
        assert_eq!(server("limits.memory", json!(6144)), "Memory limit: 6 GiB");
        assert_eq!(server("limits.memory", json!(0)), "Memory limit: unlimited");
        assert_eq!(server("limits.swap", json!(-1)), "Swap limit: unlimited");
        assert_eq!(server("limits.cpu", json!(300)), "Processor limit: 300 %");
        assert_eq!(server("nodeId", json!(7)), "Node: fra-07");
        assert_eq!(server("nodeId", json!(8)), "Node: node 8");
        assert_eq!(server("allocations", json!([1, 2])), "Addresses: allocation 1, allocation 2");
        assert_eq!(server("suspended", json!(true)), "Suspended: yes");
        assert_eq!(server("variables.JAR", json!("")), "Variable JAR: empty");
        assert_eq!(server("updatedAt", json!("2026-03-14T09:41:07Z")), "Changed on the panel: 2026-03-14 09:41:07 UTC");
        assert_eq!(
            field(Kind::Node, "memoryOverallocate", json!(-1)),
            "Memory that may be given away beyond: not checked"
        );
        assert_eq!(field(Kind::Egg, "script.install", json!("x")), "Script, install: x");
        let (old, new) = (JsonText::new(&json!(1_689_600)), JsonText::new(&json!(1_710_080)));
        let object = ObjectKey { panel: PanelId(1), kind: Kind::Node, id: 1 };
        let both = sides(&Names::default(), object, "allocatedResources.disk", (Some(&old), Some(&new)));
        assert_eq!(both, (Some("1,689,600 MiB".into()), Some("1,710,080 MiB".into())));
        assert_eq!(field(Kind::Egg, "fileDenylist", json!(["a", "b"])), "File denylist: a, b");
    }
}
