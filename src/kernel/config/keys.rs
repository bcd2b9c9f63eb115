//! The macro that makes structs, defaults and the list of keys from one declaration.

use super::Config;
use super::value::{Given, Value};

/// What is known of a key.
pub(super) struct KeyInfo {
    /// Empty for keys at the top.
    pub(super) section: &'static str,
    pub(super) name: &'static str,
    /// The doc comment, line by line.
    pub(super) docs: &'static [&'static str],
    /// What to show in the example when the default is nothing, or depends on the machine.
    pub(super) sample: Option<&'static str>,
    pub(super) read: fn(&mut Config, &Given<'_>) -> Result<(), String>,
    pub(super) shown: fn(&Config) -> serde_json::Value,
}

impl KeyInfo {
    /// Whether this is the key `section.name`.
    pub(super) fn is(&self, path: &str) -> bool {
        match path.split_once('.') {
            Some((section, name)) => section == self.section && name == self.name,
            None => self.section.is_empty() && path == self.name,
        }
    }

    pub(super) fn path(&self) -> String {
        if self.section.is_empty() { self.name.to_owned() } else { format!("{}.{}", self.section, self.name) }
    }

    /// The environment variable.
    pub(super) fn variable(&self) -> String {
        format!("AVIARY__{}", self.path().replace('.', "__").to_uppercase())
    }
}

/// What is known of a section.
pub(super) struct SectionInfo {
    pub(super) name: &'static str,
    pub(super) docs: &'static [&'static str],
}

pub(super) fn read<T: Value>(given: &Given<'_>, ranges: &[(u64, u64)]) -> Result<T, String> {
    let value = T::read(given)?;
    let Some(number) = value.number() else { return Ok(value) };
    if ranges.is_empty() || ranges.iter().any(|(low, high)| (*low..=*high).contains(&number)) {
        return Ok(value);
    }
    let all: Vec<_> = ranges.iter().map(|(a, b)| if a == b { a.to_string() } else { format!("{a} to {b}") }).collect();
    Err(format!("is {number}; it takes {}", all.join(" or ")))
}

macro_rules! config {
    (
        $(#[$top_meta:meta])*
        $top:ident {
            $( $(#[doc = $doc:literal])* $key:ident: $type:ty = $default:expr $(, sample $sample:literal)? ; )*
        }
        $(
            $(#[doc = $sdoc:literal])*
            $section:ident: $struct:ident {
                $( $(#[doc = $kdoc:literal])* $skey:ident: $stype:ty = $sdefault:expr
                    $(, in $low:literal..=$high:literal)* $(, sample $ssample:literal)? ; )*
            }
        )*
    ) => {
        $(#[$top_meta])*
        #[derive(Clone, Debug)]
        pub struct $top {
            $( $(#[doc = $doc])* pub $key: $type, )*
            $( $(#[doc = $sdoc])* pub $section: $struct, )*
            // Where the values come from; a key that is not in it has its default.
            sources: super::config::load::SourceMap,
        }

        impl Default for $top {
            fn default() -> Self {
                Self { $($key: $default,)* $($section: $struct::default(),)* sources: Default::default() }
            }
        }

        $(
            $(#[doc = $sdoc])*
            #[derive(Clone, Debug)]
            pub struct $struct {
                $( $(#[doc = $kdoc])* pub $skey: $stype, )*
            }

            impl Default for $struct {
                fn default() -> Self {
                    Self { $($skey: $sdefault,)* }
                }
            }
        )*

        const SECTIONS: &[$crate::config::keys::SectionInfo] = &[$(
            $crate::config::keys::SectionInfo { name: stringify!($section), docs: &[$($sdoc),*] },
        )*];

        const KEYS: &[$crate::config::keys::KeyInfo] = &[
            $(
                $crate::config::keys::KeyInfo {
                    section: "",
                    name: stringify!($key),
                    docs: &[$($doc),*],
                    sample: config!(@sample $($sample)?),
                    read: |config, given| { config.$key = $crate::config::keys::read(given, &[])?; Ok(()) },
                    shown: |config| $crate::config::value::Value::shown(&config.$key),
                },
            )*
            $($(
                $crate::config::keys::KeyInfo {
                    section: stringify!($section),
                    name: stringify!($skey),
                    docs: &[$($kdoc),*],
                    sample: config!(@sample $($ssample)?),
                    read: |config, given| {
                        config.$section.$skey = $crate::config::keys::read(given, &[$(($low, $high)),*])?;
                        Ok(())
                    },
                    shown: |config| $crate::config::value::Value::shown(&config.$section.$skey),
                },
            )*)*
        ];
    };
    (@sample) => { None };
    (@sample $sample:literal) => { Some($sample) };
}
pub(super) use config;
