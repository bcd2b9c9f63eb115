//! What stands in a cell of a table or behind the name of a fact. Texts are escaped where they are shown, names from panels
//! keep their own direction of writing.

use askama::Template;
use askama::filters::HtmlSafe;

use super::chart::Gauge;
use super::shown::{self, Cut, When};

/// Something to show.
#[derive(Template)]
#[template(path = "partials/_value.html")]
pub(super) enum Value {
    /// There is none.
    Nothing,
    /// Words and numbers of ours.
    Text(String),
    /// Words from a panel.
    Said(String),
    /// Of less weight.
    Muted(String),
    /// Something for machines: ids, addresses.
    Code(String),
    /// One of several labels.
    Tag(String),
    /// What a row is about, with a short id beside it.
    Name { text: String, href: String, sub: String },
    /// Something related.
    Link { text: String, href: String },
    /// Something on the panel itself.
    Out { text: String, href: String },
    /// A state.
    Pill(Pill),
    /// A moment.
    When(When),
    /// A text that may be long.
    Cut(Cut),
    /// How full something is.
    Gauge(Gauge),
    /// Several, one after the other.
    Many(Vec<Value>),
    /// Several labels.
    Tags(Vec<Value>),
    /// Several, one below the other.
    Lines(Vec<Value>),
}

impl HtmlSafe for Value {}

impl Value {
    /// A number.
    pub(super) fn number(n: u64) -> Self {
        Self::Text(shown::grouped(n))
    }

    /// A number that leads to what was counted; zero leads nowhere.
    pub(super) fn count(n: u64, href: String) -> Self {
        if n == 0 { Self::Muted("0".into()) } else { Self::Link { text: shown::grouped(n), href } }
    }

    /// A text from a panel, cut when it is long.
    pub(super) fn long(text: &str, most: usize) -> Self {
        if text.is_empty() { Self::Nothing } else { Self::Cut(Cut::new(text, most)) }
    }

    /// A text from a panel, if there is one.
    pub(super) fn maybe(text: Option<&str>) -> Self {
        text.map_or(Self::Nothing, |text| Self::long(text, 160))
    }

    /// Something for machines, if there is any.
    pub(super) fn code(text: &str) -> Self {
        if text.is_empty() { Self::Nothing } else { Self::Code(shown::short(text, 200)) }
    }

    /// Yes or no, in words.
    pub(super) fn yes(is: bool) -> Self {
        Self::Text(if is { "yes" } else { "no" }.into())
    }

    /// What it says, where that is a few words.
    pub(super) fn words(&self) -> &str {
        match self {
            Self::Text(text) | Self::Said(text) | Self::Muted(text) | Self::Code(text) | Self::Tag(text) => text,
            Self::Name { text, .. } | Self::Link { text, .. } | Self::Out { text, .. } => text,
            _ => "",
        }
    }

    /// A state in a word.
    pub(super) fn pill(tone: &'static str, text: impl Into<String>) -> Self {
        Self::Pill(Pill { tone, text: text.into() })
    }
}

/// A state: a color and a word. Tones are good, warn, bad, info, live and none.
#[derive(Template, Clone, Debug)]
#[template(path = "partials/_pill.html")]
pub(super) struct Pill {
    pub(super) tone: &'static str,
    pub(super) text: String,
}

impl HtmlSafe for Pill {}

impl Pill {
    pub(super) fn new(tone: &'static str, text: impl Into<String>) -> Self {
        Self { tone, text: text.into() }
    }
}

// The template of a text that may be long.
#[derive(Template)]
#[template(path = "partials/_cut.html")]
struct CutText<'a> {
    head: &'a str,
    whole: &'a Option<(String, String)>,
}

impl std::fmt::Display for Cut {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        CutText { head: &self.head, whole: &self.whole }.render_into(f).map_err(|_| std::fmt::Error)
    }
}

impl HtmlSafe for Cut {}
