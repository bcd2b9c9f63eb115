//! Whether an answer is what the document promises: every field that must be there, none that is not described, each of the
//! type that it should have.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use aviary_web::openapi;
use serde_json::Value;

static DOCUMENT: LazyLock<Value> = LazyLock::new(openapi::document);

/// Complains when `body` is not what receivers of this event are promised.
#[track_caller]
pub(crate) fn is_told(event: &str, body: &Value) {
    let document = &*DOCUMENT;
    let schema = &document["webhooks"][event]["post"]["requestBody"]["content"]["application/json"]["schema"];
    assert!(schema.is_object(), "{event} is not described");
    if let Err(what) = check(document, schema, body, "") {
        panic!("{event}: {what}\n{body:#}");
    }
}

/// Complains when `answer` is not a 2xx answer of this operation.
#[track_caller]
pub(crate) fn keeps(method: &str, path: &str, answer: &Value) {
    let document = &*DOCUMENT;
    let responses =
        document["paths"][path][method]["responses"].as_object().unwrap_or_else(|| panic!("{method} {path}"));
    let (_, good) = responses.iter().find(|(status, _)| status.starts_with('2')).unwrap();
    let schema = &good["content"]["application/json"]["schema"];
    if let Err(what) = check(document, schema, answer, "") {
        panic!("{method} {path}: {what}\n{answer:#}");
    }
}

/// One way in which a value may look.
#[derive(Clone, Default)]
struct Shape<'a> {
    types: Option<Vec<&'a str>>,
    words: Option<&'a Vec<Value>>,
    properties: BTreeMap<&'a str, &'a Value>,
    required: Vec<&'a str>,
    others: Option<&'a Value>,
    items: Option<&'a Value>,
}

fn check(document: &Value, schema: &Value, value: &Value, at: &str) -> Result<(), String> {
    let mut complaints = Vec::new();
    for shape in shapes(document, schema) {
        match fits(document, &shape, value, at) {
            Ok(()) => return Ok(()),
            Err(what) => complaints.push(what),
        }
    }
    Err(complaints.join("; or "))
}

fn shapes<'a>(document: &'a Value, schema: &'a Value) -> Vec<Shape<'a>> {
    if let Some(to) = schema["$ref"].as_str() {
        let found = document.pointer(to.trim_start_matches('#')).unwrap_or_else(|| panic!("{to}"));
        return shapes(document, found);
    }
    if let Some(choices) = schema["oneOf"].as_array() {
        return choices.iter().flat_map(|choice| shapes(document, choice)).collect();
    }
    if let Some(parts) = schema["allOf"].as_array() {
        return parts.iter().fold(vec![Shape::default()], |sums, part| {
            let more = shapes(document, part);
            sums.iter().flat_map(|sum| more.iter().map(|shape| merged(sum, shape))).collect()
        });
    }
    let types = match &schema["type"] {
        Value::String(one) => Some(vec![one.as_str()]),
        Value::Array(all) => Some(all.iter().filter_map(Value::as_str).collect()),
        _ => None,
    };
    vec![Shape {
        types,
        words: schema["enum"].as_array(),
        properties: schema["properties"]
            .as_object()
            .into_iter()
            .flatten()
            .map(|(name, of)| (name.as_str(), of))
            .collect(),
        required: schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect(),
        others: schema.get("additionalProperties"),
        items: schema.get("items"),
    }]
}

fn merged<'a>(a: &Shape<'a>, b: &Shape<'a>) -> Shape<'a> {
    let mut sum = a.clone();
    sum.types = b.types.clone().or(sum.types);
    sum.properties.extend(b.properties.clone());
    sum.required.extend(b.required.clone());
    sum
}

fn fits(document: &Value, shape: &Shape<'_>, value: &Value, at: &str) -> Result<(), String> {
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(n) if n.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    let Some(types) = &shape.types else { return Ok(()) };
    let is_number = kind == "integer" && types.contains(&"number");
    if !types.contains(&kind) && !is_number {
        return Err(format!("{at} is {kind}, not {types:?}"));
    }
    if shape.words.is_some_and(|words| !words.contains(value)) {
        return Err(format!("{at}: {value} is none of the words"));
    }
    match value {
        Value::Array(items) => match shape.items {
            Some(of) => {
                items.iter().enumerate().try_for_each(|(i, item)| check(document, of, item, &format!("{at}[{i}]")))
            }
            None => Ok(()),
        },
        Value::Object(fields) => {
            if let Some(name) = shape.required.iter().find(|name| !fields.contains_key(**name)) {
                return Err(format!("{at}.{name} is missing"));
            }
            fields.iter().try_for_each(|(name, value)| {
                let at = format!("{at}.{name}");
                match shape.properties.get(name.as_str()).copied().or(shape.others) {
                    Some(of) => check(document, of, value, &at),
                    None => Err(format!("{at} is not described")),
                }
            })
        }
        _ => Ok(()),
    }
}
