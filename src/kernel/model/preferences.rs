use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// How somebody wants to see things. What was never chosen is as in `default`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Preferences {
    /// The IANA name of the zone that times are shown in; none = UTC.
    pub time_zone: Option<String>,
    /// How memory and disk space are told.
    pub units: Units,
    /// How close together things stand.
    pub density: Density,
    /// Light or dark.
    pub theme: Theme,
    /// Whether the side bar shows icons only.
    pub folded: bool,
    /// Rows on a page of a list; none = as the program does.
    pub rows: Option<u16>,
    /// Which columns a list shows, by the name of the list; one that is not here shows those that it comes with.
    pub columns: BTreeMap<String, Vec<String>>,
}

/// A closed set of words that people choose from.
macro_rules! choice {
    ($(#[$doc:meta])* $name:ident { $($(#[$each:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(rename_all = "camelCase")]
        pub enum $name {
            $($(#[$each])* $variant,)*
        }

        impl $name {
            /// All of them, in the order in which they are offered.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The word for it.
            pub fn word(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)*
                }
            }

            /// The one of this word.
            pub fn parse(word: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|one| one.word() == word)
            }
        }
    };
}

choice! {
    /// How memory and disk space are told. Numbers are on disk: append only.
    Units {
        /// Powers of two: `1.5 GiB`.
        #[default]
        Binary = "binary",
        /// Powers of ten: `1.6 GB`.
        Decimal = "decimal",
        /// To the MiB, as panels have it: `1,536 MiB`.
        Exact = "exact",
    }
}

choice! {
    /// How close together things stand. Numbers are on disk: append only.
    Density {
        /// With room.
        #[default]
        Comfortable = "comfortable",
        /// As much as fits.
        Compact = "compact",
    }
}

choice! {
    /// Light or dark. Numbers are on disk: append only.
    Theme {
        /// As the machine of the reader has it.
        #[default]
        System = "system",
        /// Light.
        Light = "light",
        /// Dark.
        Dark = "dark",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_lead_back_to_what_they_stand_for() {
        for units in Units::ALL {
            assert_eq!(Units::parse(units.word()), Some(*units));
            assert_eq!(serde_json::to_value(units).unwrap(), units.word());
        }
        assert_eq!((Theme::parse("dark"), Theme::parse("Dark")), (Some(Theme::Dark), None));
        assert_eq!(Density::ALL.len(), 2);
    }
}
