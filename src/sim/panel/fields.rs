//! Validation of bodies: every failed rule is told, not only the first.

use serde_json::{Map, Value};

use crate::panel::problem::{Failure, Problem};
use crate::panel::request::Request;

/// The fields of a body and the rules that failed so far.
pub(crate) struct Fields {
    root: Value,
    failures: Vec<Failure>,
}

impl Fields {
    /// The body of a request.
    pub(crate) fn of(request: &Request) -> Self {
        Self { root: Value::Object(request.fields()), failures: Vec::new() }
    }

    /// A field by its dotted name; null and empty texts count as absent.
    pub(crate) fn get(&self, field: &str) -> Option<&Value> {
        let mut value = &self.root;
        for part in field.split('.') {
            value = value.get(part)?;
        }
        // The framework turns empty texts into null before anybody looks.
        (!value.is_null() && value.as_str().is_none_or(|text| !text.trim().is_empty())).then_some(value)
    }

    /// True when the key is there, even with null in it.
    pub(crate) fn has_key(&self, field: &str) -> bool {
        let (parent, key) = field.rsplit_once('.').unwrap_or(("", field));
        let parent = if parent.is_empty() { Some(&self.root) } else { self.get(parent) };
        parent.is_some_and(|map| map.get(key).is_some())
    }

    /// Notes a failed rule.
    pub(crate) fn fail(&mut self, field: &str, rule: &'static str) {
        let detail = format!("The field {field} does not meet the rule {rule}.");
        self.failures.push(Failure { field: field.to_owned(), rule, detail });
    }

    /// A text that must be there, at most `max` characters long.
    pub(crate) fn text(&mut self, field: &str, max: usize) -> String {
        match self.maybe_text(field, max) {
            Some(text) if !text.is_empty() => text,
            _ if self.failures.iter().any(|failure| failure.field == field) => String::new(),
            _ => {
                self.fail(field, "required");
                String::new()
            }
        }
    }

    /// A text that may be missing.
    pub(crate) fn maybe_text(&mut self, field: &str, max: usize) -> Option<String> {
        let text = match self.get(field)? {
            Value::String(text) => Some(text.trim().to_owned()),
            _ => None,
        };
        match &text {
            None => self.fail(field, "string"),
            Some(text) if text.chars().count() > max => self.fail(field, "max"),
            Some(_) => {}
        }
        text
    }

    /// A whole number that must be there.
    pub(crate) fn number(&mut self, field: &str, min: i64) -> i64 {
        if self.get(field).is_none() {
            self.fail(field, "required");
            return 0;
        }
        self.maybe_number(field, min).unwrap_or(0)
    }

    /// A whole number that may be missing. Digits in a text count.
    pub(crate) fn maybe_number(&mut self, field: &str, min: i64) -> Option<i64> {
        let number = match self.get(field)? {
            Value::Number(number) => number.as_i64(),
            Value::String(text) => text.parse().ok(),
            _ => None,
        };
        match number {
            None => self.fail(field, "integer"),
            Some(number) if number < min => self.fail(field, "min"),
            Some(_) => {}
        }
        number
    }

    /// A truth value that may be missing.
    pub(crate) fn flag(&mut self, field: &str) -> Option<bool> {
        let flag = match self.get(field)? {
            Value::Bool(flag) => Some(*flag),
            Value::Number(number) => number.as_i64().map(|number| number != 0),
            Value::String(text) => Some(text == "1" || text == "true"),
            _ => None,
        };
        if flag.is_none() {
            self.fail(field, "boolean");
        }
        flag
    }

    /// The numbers of an array; none when it is missing.
    pub(crate) fn numbers(&self, field: &str) -> Vec<u64> {
        let items = self.get(field).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        items.iter().filter_map(|item| item.as_u64().or_else(|| item.as_str()?.parse().ok())).collect()
    }

    /// The texts of an array; none when it is missing.
    pub(crate) fn texts(&self, field: &str) -> Vec<String> {
        let items = self.get(field).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        items.iter().filter_map(|item| item.as_str().map(str::to_owned)).collect()
    }

    /// An object that must be there.
    pub(crate) fn map(&mut self, field: &str) -> Map<String, Value> {
        match self.get(field) {
            Some(Value::Object(map)) => map.clone(),
            // PHP cannot tell an empty object from an empty array.
            Some(Value::Array(items)) if items.is_empty() => Map::new(),
            Some(_) => {
                self.fail(field, "array");
                Map::new()
            }
            None => {
                self.fail(field, "present");
                Map::new()
            }
        }
    }

    /// Notes a failed rule unless `holds`.
    pub(crate) fn expect(&mut self, field: &str, rule: &'static str, holds: bool) {
        if !holds && !self.failures.iter().any(|failure| failure.field == field) {
            self.fail(field, rule);
        }
    }

    /// 422 with all failed rules, if any.
    pub(crate) fn done(self) -> Result<(), Problem> {
        if self.failures.is_empty() { Ok(()) } else { Err(Problem::invalid(self.failures)) }
    }
}
