use std::fmt;

use serde::ser::SerializeMap;
use serde::{Deserialize, Serialize, Serializer};

use crate::base::{Fingerprint, Sealed, Secret};

/// A value of a server's environment or of a variable: what a panel may send there.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub enum Scalar {
    /// No value.
    Null,
    /// A boolean.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A number with a fraction.
    Float(f64),
    /// Text that people may see.
    Text(String),
    /// Text of a variable that the panel hides from its users; these often are secrets.
    Hidden(HiddenText),
}

impl Scalar {
    /// The text, when it is one that may be seen.
    pub fn as_text(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }
}

// By hand, since JSON must show a plain value where the disk needs the tag.
impl Serialize for Scalar {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            return match self {
                Self::Null => serializer.serialize_none(),
                Self::Bool(b) => serializer.serialize_bool(*b),
                Self::Int(n) => serializer.serialize_i64(*n),
                Self::Float(n) => serializer.serialize_f64(*n),
                Self::Text(text) => serializer.serialize_str(text),
                Self::Hidden(hidden) => serializer.collect_str(hidden),
            };
        }
        match self {
            Self::Null => serializer.serialize_unit_variant("Scalar", 0, "Null"),
            Self::Bool(b) => serializer.serialize_newtype_variant("Scalar", 1, "Bool", b),
            Self::Int(n) => serializer.serialize_newtype_variant("Scalar", 2, "Int", n),
            Self::Float(n) => serializer.serialize_newtype_variant("Scalar", 3, "Float", n),
            Self::Text(text) => serializer.serialize_newtype_variant("Scalar", 4, "Text", text),
            Self::Hidden(hidden) => serializer.serialize_newtype_variant("Scalar", 5, "Hidden", hidden),
        }
    }
}

/// A secret on its way from a panel to the data file. In the clear only until the mirror writer seals it; a clear one
/// cannot be stored, because serialising it is an error.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub enum HiddenText {
    /// As it stands in the data file.
    Sealed {
        /// Shows that it changed without showing what it is.
        mark: Fingerprint,
        /// The value under the master key.
        sealed: Sealed,
    },
    /// As it came from the panel. Behind those that are stored, since skipped ones are not counted when numbers are read
    /// back.
    #[serde(skip)]
    Clear(Secret<String>),
    /// The same with its mark, on its way to be sealed.
    #[serde(skip)]
    Marked {
        /// As above.
        mark: Fingerprint,
        /// The value.
        clear: Secret<String>,
    },
}

impl fmt::Display for HiddenText {
    /// The mask, and a mark that changes when the secret does.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("••••••••")?;
        if let Self::Sealed { mark, .. } | Self::Marked { mark, .. } = self {
            let [a, b, c, ..] = mark.0;
            write!(f, " #{a:02x}{b:02x}{c:02x}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for HiddenText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A piece of JSON that is kept as the panel wrote it: a value in JSON answers, text on disk.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct JsonText(pub String);

impl JsonText {
    /// The text of a JSON value.
    pub fn new(value: &serde_json::Value) -> Self {
        Self(value.to_string())
    }

    /// The value, or `null` when the text is damaged.
    pub fn value(&self) -> serde_json::Value {
        serde_json::from_str(&self.0).unwrap_or_default()
    }
}

impl Serialize for JsonText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            self.value().serialize(serializer)
        } else {
            serializer.serialize_newtype_struct("JsonText", &self.0)
        }
    }
}

/// A map whose order means something, such as the images of an egg: the first is the default.
#[derive(Clone, Debug, PartialEq, Eq, Default, Deserialize)]
pub struct Pairs<V>(pub Vec<(String, V)>);

impl<V> Pairs<V> {
    /// The value under `name`.
    pub fn get(&self, name: &str) -> Option<&V> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value)
    }
}

impl<V: Serialize> Serialize for Pairs<V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if !serializer.is_human_readable() {
            return serializer.serialize_newtype_struct("Pairs", &self.0);
        }
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (key, value) in &self.0 {
            map.serialize_entry(key, value)?;
        }
        map.end()
    }
}
