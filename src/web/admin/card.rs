use askama::Template;
use askama::filters::HtmlSafe;

use super::desk::{Head, Shell};
use super::shown::Cut;
use super::table::Table;
use super::value::{Gauge, Value};

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
    Table(Table),
    Text(Cut),
    /// For machines: a command, a piece of configuration.
    Block(String),
    /// There is nothing, and what that means.
    Hint(String),
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
