use std::collections::BTreeMap;

use aviary_kernel::base::{Error, Result};
use aviary_kernel::model::{FieldChange, JsonText};
use serde::Serialize;
use serde_json::Value;

/// The fields of an object as paths and JSON values: `limits.memory` → `4096`. Secrets come masked.
///
/// # Errors
/// [`Error::Internal`] when the object is no JSON object; ours all are.
pub fn fields_of(object: &impl Serialize) -> Result<BTreeMap<String, Value>> {
    let mut out = BTreeMap::new();
    flatten(&mut out, String::new(), serde_json::to_value(object).map_err(Error::internal)?);
    Ok(out)
}

fn flatten(out: &mut BTreeMap<String, Value>, path: String, value: Value) {
    match value {
        Value::Object(map) if !map.is_empty() && !is_verbatim(&path) => {
            for (key, value) in map {
                let path = if path.is_empty() { key } else { format!("{path}.{key}") };
                flatten(out, path, value);
            }
        }
        Value::Array(items) if path == "variables" => {
            for item in items {
                let name = item["envVariable"].as_str().unwrap_or("?");
                out.insert(format!("variables.{name}"), item["serverValue"].clone());
            }
        }
        value => {
            out.insert(path, value);
        }
    }
}

/// Free-form JSON of the panel stays whole: its inner paths mean nothing to us.
fn is_verbatim(path: &str) -> bool {
    matches!(path, "config.files" | "config.startup" | "config.logs" | "dockerImages" | "startupCommands")
}

/// What differs between two versions of an object, in the order of the field names.
pub(super) fn diff(old: &BTreeMap<String, Value>, new: &BTreeMap<String, Value>) -> Vec<FieldChange> {
    let mut changes = Vec::new();
    for (field, value) in new {
        if old.get(field) != Some(value) {
            changes.push(change(field, old.get(field), Some(value)));
        }
    }
    for (field, value) in old.iter().filter(|(field, _)| !new.contains_key(*field)) {
        changes.push(change(field, Some(value), None));
    }
    changes.sort_by(|a, b| a.field.cmp(&b.field));
    changes
}

fn change(field: &str, old: Option<&Value>, new: Option<&Value>) -> FieldChange {
    FieldChange { field: field.to_owned(), old: old.map(JsonText::new), new: new.map(JsonText::new) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn nested_fields_get_paths_and_only_what_differs_is_a_change() {
        let old = fields_of(&json!({"name": "a", "limits": {"memory": 1, "disk": 2}, "gone": true})).unwrap();
        let new = fields_of(&json!({"name": "a", "limits": {"memory": 4, "disk": 2}, "came": null})).unwrap();
        let changes = diff(&old, &new);
        let shown: Vec<_> = changes
            .iter()
            .map(|c| (c.field.as_str(), c.old.as_ref().map(|v| v.0.as_str()), c.new.as_ref().map(|v| v.0.as_str())))
            .collect();
        assert_eq!(
            shown,
            [("came", None, Some("null")), ("gone", Some("true"), None), ("limits.memory", Some("1"), Some("4"))]
        );
    }

    #[test]
    fn a_variable_is_named_by_its_environment_name() {
        let fields = fields_of(&json!({"variables": [{"id": 3, "envVariable": "JAR", "serverValue": "x"}]})).unwrap();
        assert_eq!(fields.get("variables.JAR"), Some(&json!("x")));
    }
}
