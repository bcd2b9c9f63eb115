//! The panel's envelopes: lists, single objects, relations. Rows stay raw until each is decoded on its own, so that a bad one
//! harms nobody and no more than one is held as a tree.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

/// The body of a list.
#[derive(Debug)]
pub(crate) struct ListBody<'a> {
    pub(crate) rows: Vec<&'a RawValue>,
    /// None = the list is not paged.
    pub(crate) paging: Option<Paging>,
}

/// What a page says about itself and its list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Paging {
    pub(crate) total: u64,
    pub(crate) count: Option<u64>,
    pub(crate) per_page: u32,
    pub(crate) current_page: Option<u64>,
}

#[derive(Deserialize)]
struct Envelope<'a> {
    object: Option<String>,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
    #[serde(borrow)]
    meta: Option<&'a RawValue>,
}

/// Takes a list apart. `Err` says what is wrong with it.
pub(crate) fn list(body: &[u8]) -> Result<ListBody<'_>, String> {
    let envelope: Envelope<'_> = serde_json::from_slice(body).map_err(|_| "is no object with a list".to_owned())?;
    if envelope.object.as_deref() != Some("list") {
        return Err(match envelope.object {
            Some(other) => format!("holds `{}` where a list was expected", short(&other)),
            None => "does not say that it is a list".to_owned(),
        });
    }
    let data = envelope.data.ok_or("has no rows, not even none")?;
    Ok(ListBody { rows: rows(data)?, paging: envelope.meta.map(paging).transpose()?.flatten() })
}

fn rows(data: &RawValue) -> Result<Vec<&RawValue>, String> {
    if let Ok(rows) = serde_json::from_str::<Vec<&RawValue>>(data.get()) {
        return Ok(rows);
    }
    // What PHP makes of a list with gaps in its numbering.
    match serde_json::from_str::<BTreeMap<String, &RawValue>>(data.get()) {
        Ok(map) if map.keys().all(|key| key.parse::<u32>().is_ok()) => Ok(map.into_values().collect()),
        _ => Err("has something other than rows in its list".to_owned()),
    }
}

fn paging(meta: &RawValue) -> Result<Option<Paging>, String> {
    let meta: Value = serde_json::from_str(meta.get()).map_err(|_| "has a broken `meta`".to_owned())?;
    let Some(pagination) = meta.get("pagination") else { return Ok(None) };
    let number = |name: &str| pagination.get(name).and_then(whole);
    let total = number("total").ok_or("does not say how many rows there are")?;
    let per_page = number("per_page").and_then(|n| u32::try_from(n).ok()).filter(|n| *n > 0);
    Ok(Some(Paging {
        total,
        count: number("count"),
        per_page: per_page.ok_or("does not say how many rows a page has")?,
        current_page: number("current_page"),
    }))
}

/// A whole number from zero up, also as text.
pub(crate) fn whole(value: &Value) -> Option<u64> {
    match value {
        Value::Number(number) => number.as_u64(),
        Value::String(text) if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) => text.parse().ok(),
        _ => None,
    }
}

/// The id of a row.
pub(crate) fn id_of(row: &Value) -> Option<u64> {
    whole(row.get("attributes")?.get("id")?).filter(|id| *id > 0)
}

/// A single object with its envelope.
pub(crate) fn single(body: &[u8]) -> Result<Value, String> {
    let value: Value = serde_json::from_slice(body).map_err(|_| "is no object".to_owned())?;
    if value.get("attributes").is_some_and(Value::is_object) {
        Ok(value)
    } else {
        Err("is no object with attributes".to_owned())
    }
}

/// What stands where a relation was asked for.
#[derive(Debug)]
pub(crate) enum Relation<'a> {
    /// Not asked for, or the panel does not show it. Not the same as empty.
    Unknown,
    /// The rows.
    Rows(Vec<&'a Value>),
    /// Something that a panel does not send there.
    Odd,
}

/// The relation `name` of an object's attributes.
pub(crate) fn relation<'a>(attributes: &'a Value, name: &str) -> Relation<'a> {
    let Some(relation) = attributes.get("relationships").and_then(|all| all.get(name)) else {
        return Relation::Unknown;
    };
    match (relation.get("object").and_then(Value::as_str), relation.get("data")) {
        (Some("null_resource"), _) | (Some("list"), Some(Value::Null) | None) => Relation::Unknown,
        (Some("list"), Some(Value::Array(rows))) => Relation::Rows(rows.iter().collect()),
        (Some("list"), Some(Value::Object(map))) if map.keys().all(|key| key.parse::<u32>().is_ok()) => {
            Relation::Rows(map.values().collect())
        }
        _ => Relation::Odd,
    }
}

/// At most as much of a foreign word as fits a message, and only what is harmless in one.
pub(crate) fn short(word: &str) -> String {
    word.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.')).take(40).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_tells_its_rows_and_numbers() {
        let body = br#"{"object":"list","data":[{"a":1},7],"meta":{"pagination":{"total":9,"count":"2","per_page":"2","current_page":4,"links":{}}}}"#;
        let page = list(body).expect("a list");
        assert_eq!(page.rows.iter().map(|row| row.get()).collect::<Vec<_>>(), [r#"{"a":1}"#, "7"]);
        assert_eq!(page.paging, Some(Paging { total: 9, count: Some(2), per_page: 2, current_page: Some(4) }));
    }

    #[test]
    fn a_list_with_gaps_is_still_a_list() {
        let page = list(br#"{"object":"list","data":{"0":{},"2":{}}}"#).expect("a list");
        assert_eq!((page.rows.len(), page.paging), (2, None));
    }

    #[test]
    fn other_envelopes_are_no_lists() {
        for body in [
            r#"{"object":"null_resource","attributes":null}"#,
            r#"{"object":"user","attributes":{}}"#,
            r#"{"data":[]}"#,
            r#"{"object":"list"}"#,
            r#"{"object":"list","data":null}"#,
            r#"{"object":"list","data":{"id":1}}"#,
            r#"{"object":"list","data":[],"meta":{"pagination":{"count":0}}}"#,
            r#"[]"#,
            r#"{"errors":[]}"#,
        ] {
            assert!(list(body.as_bytes()).is_err(), "{body}");
        }
    }

    #[test]
    fn a_null_resource_is_unknown_and_an_empty_list_is_empty() {
        let row: Value = serde_json::from_str(
            r#"{"relationships":{"a":{"object":"null_resource","attributes":null},"b":{"object":"list","data":[]},"c":[]}}"#,
        )
        .expect("json");
        assert!(matches!(relation(&row, "a"), Relation::Unknown));
        assert!(matches!(relation(&row, "b"), Relation::Rows(rows) if rows.is_empty()));
        assert!(matches!(relation(&row, "c"), Relation::Odd));
        assert!(matches!(relation(&row, "d"), Relation::Unknown));
    }
}
