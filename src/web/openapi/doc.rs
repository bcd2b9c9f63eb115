//! Names for records of the kernel in the document. Handlers mention these; [`fill`] puts the schemas in.

use aviary_domain::{audit, mirror};
use aviary_kernel::model::{self, Kind};
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::shape;
use crate::api::mirror::for_kind;

macro_rules! records {
    ($($name:ident, $mark:literal = $type:ty;)*) => {
        $(
            #[doc = concat!("Stands for `", stringify!($type), "`.")]
            #[derive(ToSchema)]
            #[schema(title = $mark)]
            pub(crate) struct $name;
        )*

        fn fill_records(schemas: &mut Value) {
            $(schemas[stringify!($name)] = shape::of::<$type>();)*
        }
    };
}

records! {
    SyncRun, "the SyncRun" = model::SyncRun;
    SyncRequest, "the SyncRequest" = model::SyncRequest;
    Counts, "the Counts" = model::Counts;
    StepState, "the StepState" = model::StepState;
    RemovalStop, "the RemovalStop" = model::RemovalStop;
    HistoryEntry, "the HistoryEntry" = model::HistoryEntry;
    Compared, "the Compared" = mirror::Compared;
    Drift, "the Drift" = model::Drift;
    Dialect, "the Dialect" = model::Dialect;
    AuditEvent, "the AuditEvent" = audit::Told;
}

/// Stands for [`mirror::PanelCounts`].
#[derive(ToSchema)]
#[schema(title = "the PanelCounts")]
pub(crate) struct PanelCounts;

/// A mirrored object: where it is from, every field of the panel, and what we know beyond.
#[derive(ToSchema)]
#[schema(title = "the MirrorItem")]
pub(crate) struct MirrorItem;

/// Puts in the schemas of everything above: under their names, and wherever utoipa took a stand-in for the thing itself.
pub(super) fn fill(document: &mut Value) {
    refer(document);
    let schemas = &mut document["components"]["schemas"];
    if let Some(schemas) = schemas.as_object_mut() {
        schemas.shift_remove("u64");
    }
    fill_records(schemas);
    schemas["PanelCounts"] = shape::like(&json!(mirror::PanelCounts::default()));
    for kind in Kind::ALL {
        schemas[item_name(kind)] = item_schema(kind);
    }
    let items = Kind::ALL.map(|kind| json!({"$ref": format!("#/components/schemas/{}", item_name(kind))}));
    schemas["MirrorItem"] = json!({"oneOf": items});
}

/// Generic schemas hold their parts whole. A stand-in is known by its title there, and becomes a reference. A number behind
/// another name of its type is taken for a thing with a schema of its own, and becomes a number again.
fn refer(value: &mut Value) {
    let text = |name: &str| value.get(name).and_then(Value::as_str);
    if let Some(name) = text("title").and_then(|title| title.strip_prefix("the ")) {
        *value = json!({"$ref": format!("#/components/schemas/{name}")});
        return;
    }
    if text("$ref") == Some("#/components/schemas/u64") {
        *value = json!({"type": "integer", "format": "int64", "minimum": 0});
        return;
    }
    match value {
        Value::Object(fields) => fields.values_mut().for_each(refer),
        Value::Array(items) => items.iter_mut().for_each(refer),
        _ => {}
    }
}

/// `MirroredEggVariable`.
fn item_name(kind: Kind) -> String {
    let words = kind.noun().split(' ').map(|word| format!("{}{}", word[..1].to_uppercase(), &word[1..]));
    format!("Mirrored{}", words.collect::<String>())
}

fn item_schema(kind: Kind) -> Value {
    let mut schema = for_kind!(kind, T => shape::of::<T>());
    let time = json!({"type": "string", "format": "date-time"});
    let ours = [
        ("panelId", json!({"type": "integer", "format": "int32", "description": "Our number of the panel."})),
        ("kind", json!({"type": "string", "enum": [kind]})),
        ("firstSeen", time.clone()),
        ("changedAt", time.clone()),
    ];
    for (name, field) in ours {
        schema["properties"][name] = field;
        if let Some(required) = schema["required"].as_array_mut() {
            required.push(name.into());
        }
    }
    schema["properties"]["missingSince"] = time;
    schema
}
