//! Names for records of the kernel in the document. Handlers mention these; [`fill`] puts the schemas in.

use aviary_domain::mirror;
use aviary_kernel::model::{self, Kind};
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::shape;
use crate::api::mirror::for_kind;

macro_rules! records {
    ($($name:ident = $type:ty;)*) => {
        $(
            #[doc = concat!("Stands for `", stringify!($type), "`.")]
            #[derive(ToSchema)]
            pub(crate) struct $name;
        )*

        fn fill_records(schemas: &mut Value) {
            $(schemas[stringify!($name)] = shape::of::<$type>();)*
        }
    };
}

records! {
    SyncRun = model::SyncRun;
    Counts = model::Counts;
    StepState = model::StepState;
    RemovalStop = model::RemovalStop;
    HistoryEntry = model::HistoryEntry;
    Drift = model::Drift;
    Dialect = model::Dialect;
}

/// Stands for [`mirror::PanelCounts`].
#[derive(ToSchema)]
pub(crate) struct PanelCounts;

/// A mirrored object: where it is from, every field of the panel, and what we know beyond.
#[derive(ToSchema)]
pub(crate) struct MirrorItem;

/// Puts in the schemas of everything above.
pub(super) fn fill(schemas: &mut Value) {
    fill_records(schemas);
    schemas["PanelCounts"] = shape::like(&json!(mirror::PanelCounts::default()));
    for kind in Kind::ALL {
        schemas[item_name(kind)] = item_schema(kind);
    }
    let items = Kind::ALL.map(|kind| json!({"$ref": format!("#/components/schemas/{}", item_name(kind))}));
    schemas["MirrorItem"] = json!({"oneOf": items});
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
