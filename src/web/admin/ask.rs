//! Asking before something is done that cannot be undone, or is done to many at once: a page of its own that names what it is
//! about, what goes and what stays. One look for all of them.

use askama::Template;
use askama::filters::HtmlSafe;

use super::card::{Body, Card, Fact};
use super::desk::{Crumb, Desk, Head, Known, Shell};
use super::form;
use super::nav::Spot;
use super::notices::Notice;
use super::table::Empty;
use super::value::Value;
use crate::page::{PageResult, html};

/// The page.
#[derive(Template)]
#[template(path = "ask/page.html")]
struct AskView {
    shell: Shell,
    head: Head,
    notice: Option<Notice>,
    cards: Vec<Card>,
    ask: Option<Ask>,
    empty: Option<Empty>,
}

/// What is asked, and on what grounds.
#[derive(Default)]
pub(super) struct Question {
    /// Such as `Remove the role X?`.
    pub(super) title: String,
    pub(super) truth: Vec<Value>,
    /// What went wrong with the last answer, or stands in the way.
    pub(super) notice: Option<Notice>,
    pub(super) cards: Vec<Card>,
    /// The form; none when there is nothing to be done.
    pub(super) ask: Option<Ask>,
    /// What stands there instead.
    pub(super) empty: Option<Empty>,
}

impl Question {
    /// With what goes and what stays, side by side.
    pub(super) fn new(title: impl Into<String>, goes: Vec<Fact>, stays: Vec<Fact>) -> Self {
        let card = |title: &str, facts: Vec<Fact>| Card::new(title, "c6", Body::Facts(facts));
        let cards = [("What goes", goes), ("What stays", stays)].into_iter().filter(|(_, facts)| !facts.is_empty());
        Self { title: title.into(), cards: cards.map(|(title, facts)| card(title, facts)).collect(), ..Self::default() }
    }

    /// The form below it.
    pub(super) fn ask(self, ask: Ask) -> Self {
        Self { ask: Some(ask), ..self }
    }

    /// What went wrong, or stands in the way.
    pub(super) fn noting(self, tone: &'static str, why: Option<String>) -> Self {
        Self { notice: why.map(|why| Notice::new(tone, why)), ..self }
    }

    /// Shows the page.
    pub(super) fn show(self, desk: Desk, known: &Known, spot: Spot, crumbs: Vec<Crumb>) -> PageResult {
        html(&AskView {
            head: Head { title: self.title, truth: self.truth, ..Head::default() },
            notice: self.notice,
            cards: self.cards,
            ask: self.ask.map(|ask| ask.seen_by(&desk, known)),
            empty: self.empty,
            shell: desk.shell(known, spot, crumbs),
        })
    }
}

/// The form: what happens, what is to be typed, the button that names it, and the way back.
#[derive(Template, Default)]
#[template(path = "partials/_ask.html")]
pub(super) struct Ask {
    title: &'static str,
    action: String,
    token: String,
    fields: Vec<(String, String)>,
    lines: Vec<String>,
    typed: Option<Typed>,
    button: String,
    class: &'static str,
    busy: &'static str,
    keep: Option<(&'static str, String)>,
    /// It cannot be done as things stand.
    is_shut: bool,
}

impl HtmlSafe for Ask {}

/// What is to be typed, so that nobody does it by mistake.
struct Typed {
    name: &'static str,
    text: String,
    is_number: bool,
    error: Option<String>,
}

impl Ask {
    /// A form that goes there, with what its button says.
    pub(super) fn new(action: impl Into<String>, button: impl Into<String>) -> Self {
        Self { action: action.into(), button: button.into(), class: "risky", ..Self::default() }
    }

    /// How the button looks, unless what it does is risky.
    pub(super) fn class(self, class: &'static str) -> Self {
        Self { class, ..self }
    }

    /// A sentence about what happens.
    pub(super) fn line(mut self, line: impl Into<String>) -> Self {
        self.lines.push(line.into());
        self
    }

    /// What the form sends besides.
    pub(super) fn with(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.fields.push((name.into(), value.into()));
        self
    }

    /// What the button says while it is done.
    pub(super) fn busy(self, busy: &'static str) -> Self {
        Self { busy, ..self }
    }

    /// The way back, for who may go there.
    pub(super) fn keep(self, text: &'static str, href: impl Into<String>) -> Self {
        Self { keep: Some((text, href.into())), ..self }
    }

    /// A name that is to be typed in a field, and what was wrong with it.
    pub(super) fn typing(self, name: &'static str, text: impl Into<String>, error: Option<String>) -> Self {
        Self { typed: Some(Typed { name, text: text.into(), is_number: false, error }), ..self }
    }

    /// With a number that is to be typed.
    pub(super) fn typing_number(self, n: u64) -> Self {
        Self { typed: Some(Typed { name: "typed", text: n.to_string(), is_number: true, error: None }), ..self }
    }

    /// How many things it is done to is sent along as `count`, and is to be typed when they are many.
    pub(super) fn counting(self, n: u64) -> Self {
        let this = self.with("count", n.to_string());
        if form::to_type(n).is_some() { this.typing_number(n) } else { this }
    }

    /// What was wrong with what was typed, where something is to be typed.
    pub(super) fn mistyped(self, error: Option<String>) -> Self {
        Self { typed: self.typed.map(|typed| Typed { error, ..typed }), ..self }
    }

    /// With a title, where it is one of several.
    pub(super) fn headed(self, title: &'static str) -> Self {
        Self { title, ..self }
    }

    /// It cannot be done when this is so.
    pub(super) fn shut(self, is_shut: bool) -> Self {
        Self { is_shut: self.is_shut || is_shut, ..self }
    }

    /// With the form token; without ways that the reader may not go.
    pub(super) fn seen_by(self, desk: &Desk, known: &Known) -> Self {
        Self {
            token: desk.visitor.form_token.clone(),
            keep: self.keep.filter(|(_, href)| known.opens(href)),
            is_shut: self.is_shut || known.read_only.is_some(),
            ..self
        }
    }
}
