use askama::Template;
use askama::filters::HtmlSafe;

use super::chart::{Gauge, Histogram, Spark};
use super::compare::CompareForm;
use super::desk::{Head, Shell};
use super::ports::PortGroup;
use super::shown::Cut;
use super::table::{Pager, Table};
use super::timeline::Timeline;
use super::value::{Pill, Value};

/// A card with a title. It answers one question.
#[derive(Template)]
#[template(path = "partials/_card.html")]
pub(super) struct Card {
    pub(super) title: String,
    /// How many of twelve columns it takes: `c5`.
    pub(super) width: &'static str,
    pub(super) more: Option<(String, String)>,
    pub(super) body: Body,
}

impl HtmlSafe for Card {}

impl Card {
    pub(super) fn new(title: impl Into<String>, width: &'static str, body: Body) -> Self {
        Self { title: title.into(), width, more: None, body }
    }

    /// With a way to more of the same.
    pub(super) fn more(self, text: impl Into<String>, href: impl Into<String>) -> Self {
        Self { more: Some((text.into(), href.into())), ..self }
    }
}

/// A page that is cards.
#[derive(Template)]
#[template(path = "list/cards.html")]
pub(super) struct CardsView {
    pub(super) shell: Shell,
    pub(super) head: Head,
    pub(super) cards: Vec<Card>,
}

/// What is in a card.
#[derive(Template)]
#[template(path = "partials/_body.html")]
pub(super) enum Body {
    Facts(Vec<Fact>),
    Gauges(Vec<Gauge>),
    Histogram(Histogram),
    /// A number in the course of time, and what it says in words.
    Spark {
        spark: Spark,
        said: String,
    },
    Table(Table),
    Text(Cut),
    /// For machines: a command, a piece of configuration.
    Block(String),
    /// There is nothing, and what that means.
    Hint(String),
    /// All fields of an object, folded.
    Fields(Vec<Fact>),
    Timeline(Timeline),
    Compare(CompareForm),
    Pager(Pager),
    Ports(Vec<PortGroup>),
    /// Names and numbers side by side.
    Numbers(Vec<Fact>),
    Rows(Vec<Row>),
    Places(Vec<PlaceRow>),
    /// One below the other.
    Several(Vec<Body>),
}

impl HtmlSafe for Body {}

/// A name and what it stands for.
pub(super) struct Fact {
    pub(super) label: String,
    pub(super) value: Value,
}

pub(super) fn fact(label: impl Into<String>, value: Value) -> Fact {
    Fact { label: label.into(), value }
}

/// A line of a list.
pub(super) struct Row {
    /// The state, before everything else.
    pub(super) lead: Option<Pill>,
    pub(super) what: Value,
    /// More about it, of less weight.
    pub(super) sub: Option<Value>,
    /// At the end: mostly when.
    pub(super) end: Value,
}

/// How full a node or location is.
pub(super) struct PlaceRow {
    pub(super) name: Value,
    /// Where it is, or how many nodes it has.
    pub(super) sub: Value,
    pub(super) memory: Gauge,
    pub(super) disk: Gauge,
    /// What is free.
    pub(super) free: Value,
}
