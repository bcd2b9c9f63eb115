//! Reads the fields of a panel's object the way PHP writes them: numbers as text, 1 for true, `[]` for an empty map. What is
//! missing where it must not be, or of a wrong type, is an error that names the field; nothing is made up.

use aviary_kernel::base::Timestamp;
use aviary_kernel::model::{JsonText, Pairs, RemoteId, Scalar};
use serde_json::{Map, Value};

use super::wire::whole;

/// `Err` says which field is wrong and how.
pub(crate) type Read<T> = Result<T, String>;

/// The fields of an object.
#[derive(Clone, Copy)]
pub(crate) struct Fields<'a> {
    value: &'a Value,
    /// Where the object stands in its row, such as `limits.`.
    place: &'static str,
}

impl<'a> Fields<'a> {
    /// The attributes of a row.
    pub(crate) fn new(attributes: &'a Value) -> Self {
        Self { value: attributes, place: "" }
    }

    /// The object as it came.
    pub(crate) fn value(&self) -> &'a Value {
        self.value
    }

    /// An object inside of this one; `place` is its name with a dot.
    pub(crate) fn part(&self, place: &'static str) -> Read<Fields<'a>> {
        let name = place.trim_end_matches('.');
        match self.get(name) {
            Some(value) if is_map(value) => Ok(Fields { value, place }),
            Some(_) => Err(format!("{name} is no object")),
            None => Err(format!("{name} is missing")),
        }
    }

    /// The value of a field; none when it is missing or null.
    pub(crate) fn get(&self, name: &str) -> Option<&'a Value> {
        self.value.get(name).filter(|value| !value.is_null())
    }

    pub(crate) fn id(&self, name: &str) -> Read<RemoteId> {
        self.opt_id(name)?.ok_or_else(|| self.missing(name))
    }

    pub(crate) fn opt_id(&self, name: &str) -> Read<Option<RemoteId>> {
        let read = |value| whole(value).filter(|id| *id > 0).ok_or_else(|| self.wrong(name, "a number above zero"));
        self.get(name).map(read).transpose()
    }

    /// Text by which an object is known: nothing else will do.
    pub(crate) fn text(&self, name: &str) -> Read<String> {
        let value = self.get(name).ok_or_else(|| self.missing(name))?;
        value.as_str().map(str::to_owned).ok_or_else(|| self.wrong(name, "text"))
    }

    /// Text that says more about an object; a number is taken for its digits.
    pub(crate) fn opt_text(&self, name: &str) -> Read<Option<String>> {
        let read = |value: &Value| match value {
            Value::String(text) => Ok(text.clone()),
            Value::Number(number) => Ok(number.to_string()),
            _ => Err(self.wrong(name, "text")),
        };
        self.get(name).map(read).transpose()
    }

    pub(crate) fn int(&self, name: &str) -> Read<i64> {
        self.opt_int(name)?.ok_or_else(|| self.missing(name))
    }

    pub(crate) fn opt_int(&self, name: &str) -> Read<Option<i64>> {
        self.get(name).map(|value| int(value).ok_or_else(|| self.wrong(name, "a whole number"))).transpose()
    }

    pub(crate) fn opt_flag(&self, name: &str) -> Read<Option<bool>> {
        let read = |value: &Value| match value {
            Value::Bool(flag) => Ok(*flag),
            Value::String(text) if text == "true" => Ok(true),
            Value::String(text) if text == "false" => Ok(false),
            other => match int(other) {
                Some(0) => Ok(false),
                Some(1) => Ok(true),
                _ => Err(self.wrong(name, "yes or no")),
            },
        };
        self.get(name).map(read).transpose()
    }

    /// False when the field is missing.
    pub(crate) fn flag(&self, name: &str) -> Read<bool> {
        Ok(self.opt_flag(name)?.unwrap_or(false))
    }

    /// None also when the text is no time: a date that we cannot read is not worth losing the row for.
    pub(crate) fn time(&self, name: &str) -> Option<Timestamp> {
        self.get(name).and_then(Value::as_str).and_then(Timestamp::parse)
    }

    /// A list of text, also when PHP made an object of it; empty when missing.
    pub(crate) fn texts(&self, name: &str) -> Read<Vec<String>> {
        Ok(self.opt_texts(name)?.unwrap_or_default())
    }

    pub(crate) fn opt_texts(&self, name: &str) -> Read<Option<Vec<String>>> {
        let text = |value: &Value| value.as_str().map(str::to_owned).ok_or_else(|| self.wrong(name, "a list of text"));
        match self.get(name) {
            None => Ok(None),
            Some(Value::Array(list)) => list.iter().map(text).collect::<Read<_>>().map(Some),
            Some(Value::Object(map)) => map.values().map(text).collect::<Read<_>>().map(Some),
            Some(_) => Err(self.wrong(name, "a list of text")),
        }
    }

    /// An ordered map of text; an array counts as a map with numbers for names, as in PHP.
    pub(crate) fn pairs(&self, name: &str) -> Read<Pairs<String>> {
        let text = |value: &Value| match value {
            Value::Null => Ok(String::new()),
            Value::String(text) => Ok(text.clone()),
            _ => Err(self.wrong(name, "a map of text")),
        };
        let pairs: Read<Vec<_>> = match self.get(name) {
            None => Ok(Vec::new()),
            Some(Value::Object(map)) => map.iter().map(|(key, value)| Ok((key.clone(), text(value)?))).collect(),
            Some(Value::Array(list)) => {
                list.iter().enumerate().map(|(n, value)| Ok((n.to_string(), text(value)?))).collect()
            }
            Some(_) => Err(self.wrong(name, "a map of text")),
        };
        pairs.map(Pairs)
    }

    /// An ordered map of scalars; empty when missing.
    pub(crate) fn scalars(&self, name: &str) -> Read<Vec<(String, Scalar)>> {
        match self.get(name) {
            None => Ok(Vec::new()),
            Some(Value::Object(map)) => Ok(map.iter().map(|(key, value)| (key.clone(), scalar(value))).collect()),
            Some(Value::Array(list)) if list.is_empty() => Ok(Vec::new()),
            Some(_) => Err(self.wrong(name, "a map")),
        }
    }

    pub(crate) fn scalar(&self, name: &str) -> Scalar {
        self.get(name).map_or(Scalar::Null, scalar)
    }

    /// JSON that is kept as it came, but for an empty map that PHP wrote as `[]`.
    pub(crate) fn json(&self, name: &str) -> JsonText {
        match self.get(name) {
            None => JsonText::new(&Value::Null),
            Some(Value::Array(list)) if list.is_empty() => JsonText::new(&Value::Object(Map::new())),
            Some(value) => JsonText::new(value),
        }
    }

    fn missing(&self, name: &str) -> String {
        format!("{}{name} is missing", self.place)
    }

    fn wrong(&self, name: &str, expected: &str) -> String {
        format!("{}{name} is not {expected}", self.place)
    }
}

fn is_map(value: &Value) -> bool {
    value.is_object() || value.as_array().is_some_and(Vec::is_empty)
}

fn int(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => number.as_i64().or_else(|| number.as_f64().and_then(integral)),
        Value::String(text) => {
            let text = text.trim();
            text.parse().ok().or_else(|| text.parse().ok().and_then(integral))
        }
        _ => None,
    }
}

/// A float that stands for a whole number, as PHP makes of sums.
fn integral(number: f64) -> Option<i64> {
    // Beyond this a float no longer tells neighbours apart.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    (number.fract() == 0.0 && number.abs() <= EXACT).then_some(number as i64)
}

fn scalar(value: &Value) -> Scalar {
    match value {
        Value::Null => Scalar::Null,
        Value::Bool(flag) => Scalar::Bool(*flag),
        Value::String(text) => Scalar::Text(text.clone()),
        Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(int), _) => Scalar::Int(int),
            (None, Some(float)) => Scalar::Float(float),
            (None, None) => Scalar::Text(number.to_string()),
        },
        // No panel does, but a patched one might.
        Value::Array(_) | Value::Object(_) => Scalar::Text(value.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn numbers_may_be_text_and_flags_may_be_numbers() {
        let value = json!({"a": "-1", "b": 12.0, "c": 1, "d": "0", "e": "7", "f": "1.5", "g": true});
        let fields = Fields::new(&value);
        assert_eq!((fields.int("a"), fields.int("b"), fields.id("e")), (Ok(-1), Ok(12), Ok(7)));
        assert_eq!((fields.flag("c"), fields.flag("d"), fields.flag("absent")), (Ok(true), Ok(false), Ok(false)));
        assert_eq!(fields.int("f"), Err("f is not a whole number".to_owned()));
        assert_eq!(fields.int("g"), Err("g is not a whole number".to_owned()));
        assert_eq!(fields.int("absent"), Err("absent is missing".to_owned()));
    }

    #[test]
    fn an_id_is_a_number_above_zero() {
        let value = json!({"zero": 0, "minus": -4, "float": 3.5, "uuid": "3f9c21aa", "null": null, "empty": ""});
        let fields = Fields::new(&value);
        for name in ["zero", "minus", "float", "uuid", "empty"] {
            assert_eq!(fields.opt_id(name), Err(format!("{name} is not a number above zero")));
        }
        assert_eq!(fields.opt_id("null"), Ok(None));
    }

    #[test]
    fn empty_maps_come_as_arrays() {
        let value = json!({"limits": [], "images": [], "startup": [], "commands": ["a", "b"], "env": []});
        let fields = Fields::new(&value);
        assert!(fields.part("limits.").is_ok_and(|part| part.int("cpu") == Err("limits.cpu is missing".to_owned())));
        assert_eq!(fields.pairs("images"), Ok(Pairs(vec![])));
        assert_eq!(fields.json("startup").0, "{}");
        assert_eq!(fields.json("absent").0, "null");
        assert_eq!(fields.pairs("commands").map(|p| p.get("1").cloned()), Ok(Some("b".to_owned())));
        assert_eq!(fields.scalars("env"), Ok(vec![]));
    }

    #[test]
    fn maps_keep_the_order_of_the_panel() {
        let value: Value =
            serde_json::from_str(r#"{"images": {"Java 21": "a", "Java 8": "b", "Java 17": "c"}}"#).expect("json");
        let images = Fields::new(&value).pairs("images").expect("pairs");
        assert_eq!(
            images.0.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(),
            ["Java 21", "Java 8", "Java 17"]
        );
    }

    #[test]
    fn times_of_all_three_formats_are_read_and_others_are_unknown() {
        let value =
            json!({"a": "2025-03-14T10:26:53+01:00", "b": "2025-03-14T09:26:53.000000Z", "c": "yesterday", "d": 5});
        let fields = Fields::new(&value);
        assert_eq!(fields.time("a"), fields.time("b"));
        assert_eq!((fields.time("c"), fields.time("d"), fields.time("e")), (None, None, None));
    }
}
