//! Schemas of the kernel's records, taken from the records themselves. The kernel knows nothing of API documents, and a
//! second list of the same fields would sooner or later tell something else; but every record can be read by serde, and
//! what a reader is asked for shows each field, its type and whether it may be null.

use std::marker::PhantomData;

use serde::de::value::StrDeserializer;
use serde::de::{self, DeserializeOwned, DeserializeSeed, Deserializer, IntoDeserializer, Visitor};
use serde_json::{Value, json};

/// The JSON schema of what `T` is written as.
pub(crate) fn of<T: DeserializeOwned>() -> Value {
    trace(PhantomData::<T>)
}

/// The JSON schema of an example in which every field is set.
pub(crate) fn like(example: &Value) -> Value {
    match example {
        Value::Null => json!({}),
        Value::Bool(_) => json!({"type": "boolean"}),
        Value::Number(n) if n.is_f64() => json!({"type": "number"}),
        Value::Number(_) => json!({"type": "integer"}),
        Value::String(_) => json!({"type": "string"}),
        Value::Array(items) => json!({"type": "array", "items": items.first().map_or_else(|| json!({}), like)}),
        Value::Object(fields) => {
            let properties: serde_json::Map<_, _> =
                fields.iter().map(|(name, value)| (name.clone(), like(value))).collect();
            json!({"type": "object", "required": fields.keys().collect::<Vec<_>>(), "properties": properties})
        }
    }
}

fn trace<'de, S: DeserializeSeed<'de>>(seed: S) -> Value {
    let mut found = json!({});
    // Whatever is refused leaves what was seen so far.
    let _ = seed.deserialize(Tracer { found: &mut found });
    found
}

/// Answers every question of a reader with something harmless, and writes down what was asked.
struct Tracer<'a> {
    found: &'a mut Value,
}

type Fault = de::value::Error;

macro_rules! plain {
    ($($method:ident => $visit:ident($($value:expr)?), $schema:tt;)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
            *self.found = json!($schema);
            visitor.$visit($($value)?)
        }
    )*};
}

impl<'de> Deserializer<'de> for Tracer<'_> {
    type Error = Fault;

    plain! {
        deserialize_any => visit_unit(), {};
        deserialize_ignored_any => visit_unit(), {};
        deserialize_unit => visit_unit(), {"type": "null"};
        deserialize_bool => visit_bool(false), {"type": "boolean"};
        deserialize_i8 => visit_i8(0), {"type": "integer"};
        deserialize_i16 => visit_i16(0), {"type": "integer"};
        deserialize_i32 => visit_i32(0), {"type": "integer", "format": "int32"};
        deserialize_i64 => visit_i64(0), {"type": "integer", "format": "int64"};
        deserialize_u8 => visit_u8(0), {"type": "integer", "minimum": 0};
        deserialize_u16 => visit_u16(0), {"type": "integer", "minimum": 0};
        deserialize_u32 => visit_u32(0), {"type": "integer", "format": "int32", "minimum": 0};
        deserialize_u64 => visit_u64(0), {"type": "integer", "format": "int64", "minimum": 0};
        deserialize_f32 => visit_f32(0.0), {"type": "number"};
        deserialize_f64 => visit_f64(0.0), {"type": "number"};
        deserialize_char => visit_char('a'), {"type": "string"};
        // Times are read as owned text, ids as borrowed text.
        deserialize_string => visit_str("1970-01-01T00:00:00Z"), {"type": "string"};
        deserialize_str => visit_str("00000000-0000-0000-0000-000000000000"), {"type": "string", "format": "uuid"};
        deserialize_bytes => visit_bytes(&[]), {"type": "string"};
        deserialize_byte_buf => visit_bytes(&[]), {"type": "string"};
        deserialize_identifier => visit_str(""), {"type": "string"};
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        let Self { found } = self;
        let value = visitor.visit_some(Tracer { found });
        make_nullable(found);
        value
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Fault> {
        self.deserialize_unit(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value, Fault> {
        let Self { found } = self;
        let value = visitor.visit_newtype_struct(Tracer { found });
        match name {
            // Written as the JSON that is in it.
            "JsonText" => *found = json!({}),
            // Written as an object.
            "Pairs" => {
                *found = json!({"type": "object", "additionalProperties": found["items"]["prefixItems"][1].clone()})
            }
            _ => {}
        }
        value
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        let mut items = json!({});
        let value = visitor.visit_seq(One { found: Some(&mut items) });
        *self.found = json!({"type": "array", "items": items});
        value
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, Fault> {
        let mut items = Vec::new();
        let value = visitor.visit_seq(Each { len, found: &mut items });
        *self.found = json!({"type": "array", "prefixItems": items});
        value
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        self.deserialize_tuple(len, visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        *self.found = json!({"type": "object"});
        visitor.visit_map(Fields { names: [].iter(), found: &mut serde_json::Map::new() })
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        names: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        let mut found = serde_json::Map::new();
        let value = visitor.visit_map(Fields { names: names.iter(), found: &mut found });
        *self.found = json!({"type": "object", "required": names, "properties": found});
        value
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        names: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        // Written as the plain value.
        *self.found = if name == "Scalar" { json!({}) } else { json!({"type": "string", "enum": names}) };
        let first: StrDeserializer<'de, Fault> = names.first().copied().unwrap_or_default().into_deserializer();
        visitor.visit_enum(first)
    }
}

fn make_nullable(schema: &mut Value) {
    if let Some(one) = schema.get_mut("type").filter(|kind| kind.is_string()) {
        *one = json!([one.take(), "null"]);
    }
    if let Some(words) = schema.get_mut("enum").and_then(Value::as_array_mut) {
        words.push(Value::Null);
    }
}

struct One<'a> {
    found: Option<&'a mut Value>,
}

impl<'de> de::SeqAccess<'de> for One<'_> {
    type Error = Fault;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Fault> {
        self.found.take().map(|found| seed.deserialize(Tracer { found })).transpose()
    }
}

struct Each<'a> {
    len: usize,
    found: &'a mut Vec<Value>,
}

impl<'de> de::SeqAccess<'de> for Each<'_> {
    type Error = Fault;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Fault> {
        if self.found.len() == self.len {
            return Ok(None);
        }
        let mut found = json!({});
        let value = seed.deserialize(Tracer { found: &mut found });
        self.found.push(found);
        value.map(Some)
    }
}

struct Fields<'a> {
    names: std::slice::Iter<'static, &'static str>,
    found: &'a mut serde_json::Map<String, Value>,
}

impl<'de> de::MapAccess<'de> for Fields<'_> {
    type Error = Fault;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Fault> {
        let Some(name) = self.names.as_slice().first() else { return Ok(None) };
        seed.deserialize(IntoDeserializer::<Fault>::into_deserializer(*name)).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Fault> {
        let mut found = json!({});
        let value = seed.deserialize(Tracer { found: &mut found });
        if let Some(name) = self.names.next() {
            say_that_it_is_a_time(name, &mut found);
            self.found.insert((*name).to_owned(), found);
        }
        value
    }
}

/// Text and times look the same to a reader; the name tells.
fn say_that_it_is_a_time(name: &str, schema: &mut Value) {
    let is_time = name.ends_with("At") || name == "at" || name == "since";
    if is_time && schema["type"] != "object" {
        schema["format"] = json!("date-time");
    }
}

#[cfg(test)]
mod tests {
    use aviary_kernel::model::{EggVariable, HistoryEntry, Server, SyncRun};

    use super::*;

    #[test]
    fn every_field_of_a_server_is_there_with_its_type() {
        let schema = of::<Server>();
        let fields = &schema["properties"];
        assert_eq!(fields["name"], json!({"type": "string"}));
        assert_eq!(fields["description"], json!({"type": ["string", "null"]}));
        assert_eq!(fields["limits"]["properties"]["memory"], json!({"type": "integer", "format": "int64"}));
        assert_eq!(fields["environment"], json!({"type": "object", "additionalProperties": {}}));
        assert_eq!(fields["allocations"]["items"], json!({"type": "integer", "format": "int64", "minimum": 0}));
        assert_eq!(fields["createdAt"], json!({"type": ["string", "null"], "format": "date-time"}));
        assert_eq!(fields.as_object().unwrap().len(), schema["required"].as_array().unwrap().len());
    }

    #[test]
    fn words_are_listed() {
        let fields = &of::<SyncRun>()["properties"];
        assert_eq!(fields["status"]["enum"][0], "pending");
        assert_eq!(fields["id"], json!({"type": "string", "format": "uuid"}));
        assert_eq!(fields["steps"]["items"]["properties"]["counts"]["properties"]["done"]["type"], "integer");
    }

    #[test]
    fn nothing_is_refused_on_the_way() {
        for schema in [of::<EggVariable>(), of::<HistoryEntry>(), of::<Server>(), of::<SyncRun>()] {
            let names = schema["properties"].as_object().unwrap().len();
            assert_eq!(names, schema["required"].as_array().unwrap().len(), "{schema}");
        }
    }
}
