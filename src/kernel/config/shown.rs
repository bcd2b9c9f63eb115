use serde::{Serialize, Serializer};

use super::load::{Layer, SetBy};
use super::{Config, KEYS};

/// The configuration as people may see it: secrets are masked, and each value says where it comes from.
#[derive(Clone, Debug, Serialize)]
pub struct Shown {
    /// Every key, in the order of the example.
    pub keys: Vec<ShownKey>,
}

/// A key as people may see it.
#[derive(Clone, Debug, Serialize)]
pub struct ShownKey {
    /// Such as `sync.share_percent`.
    pub key: String,
    /// The value; null = not set.
    pub value: serde_json::Value,
    /// `default`, `file`, `env` or `flag`.
    pub source: &'static str,
    /// Which file or variable.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "text")]
    pub from: Option<SetBy>,
    /// The variable that would set it.
    pub variable: String,
}

fn text<S: Serializer>(from: &Option<SetBy>, serializer: S) -> Result<S::Ok, S::Error> {
    match from {
        Some(SetBy::File(path)) => serializer.collect_str(&path.display()),
        Some(SetBy::Env(name)) => serializer.serialize_str(name),
        _ => serializer.serialize_none(),
    }
}

impl Config {
    /// What `aviary config show` prints.
    pub fn to_shown(&self) -> Shown {
        let keys = KEYS.iter().map(|key| {
            let (layer, from) = self.source(key.section, key.name);
            let value = match key.path().as_str() {
                "security.master_key_file" if self.security.master_key.is_none() => {
                    self.master_key_file().display().to_string().into()
                }
                "sync.every_s" => self.sync.every_s.unwrap_or(0).into(),
                _ => (key.shown)(self),
            };
            ShownKey {
                key: key.path(),
                value,
                source: match layer {
                    Layer::Default => "default",
                    Layer::File => "file",
                    Layer::OtherNames | Layer::Env => "env",
                    Layer::Flag => "flag",
                },
                from: matches!(from, SetBy::File(_) | SetBy::Env(_)).then_some(from),
                variable: key.variable(),
            }
        });
        Shown { keys: keys.collect() }
    }
}
