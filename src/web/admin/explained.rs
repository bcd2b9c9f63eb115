//! What somebody may do, and why: an answer for one permission, and behind a click those for all.

use askama::Template;
use askama::filters::HtmlSafe;
use aviary_domain::access::Explanation;
use aviary_kernel::model::Permission;

use super::query::Query;
use super::table::Table;
use super::value::{Pill, Value};

/// The answers, with a choice of the one that is looked for.
#[derive(Template)]
#[template(path = "people/_explained.html")]
pub(super) struct Explained {
    action: String,
    areas: Vec<Area>,
    picked: Option<Answer>,
    allowed: usize,
    total: usize,
}

impl HtmlSafe for Explained {}

struct Area {
    name: &'static str,
    options: Vec<(&'static str, bool)>,
    table: Table,
}

struct Answer {
    name: &'static str,
    does: &'static str,
    pill: Pill,
    why: String,
}

impl Explained {
    /// `?permission=` picks one.
    pub(super) fn new(query: &mut Query, all: &[Explanation]) -> Self {
        let picked: Option<Permission> = query.parse("permission", "pick one of the list");
        let areas = areas().map(|name| {
            let of_area: Vec<_> = all.iter().filter(|answer| answer.permission.group() == name).collect();
            Area {
                name,
                options: of_area.iter().map(|answer| option(answer, picked)).collect(),
                table: table(name, &of_area),
            }
        });
        Self {
            action: query.bare(),
            areas: areas.collect(),
            picked: all.iter().find(|answer| Some(answer.permission) == picked).map(Answer::new),
            allowed: all.iter().filter(|answer| answer.allowed).count(),
            total: all.len(),
        }
    }
}

/// The areas of permissions, each once.
pub(super) fn areas() -> impl Iterator<Item = &'static str> {
    let mut last = "";
    Permission::ALL.iter().filter_map(move |permission| {
        let is_new = permission.group() != last;
        last = permission.group();
        is_new.then_some(last)
    })
}

fn option(answer: &Explanation, picked: Option<Permission>) -> (&'static str, bool) {
    (answer.permission.name(), Some(answer.permission) == picked)
}

fn table(area: &str, answers: &[&Explanation]) -> Table {
    let rows = answers.iter().map(|answer| {
        vec![
            Value::Code(answer.permission.name().into()),
            Value::Pill(pill(answer)),
            Value::Text(answer.permission.does().into()),
            Value::Said(answer.sentence()),
        ]
    });
    let mut table = Table::plain(area, &["Permission", "May", "What it allows", "Why"], rows.collect());
    for column in table.columns.iter_mut().skip(2) {
        column.class = "wrap";
    }
    table
}

fn pill(answer: &Explanation) -> Pill {
    if answer.allowed { Pill::new("fine", "yes") } else { Pill::new("", "no") }
}

impl Answer {
    fn new(answer: &Explanation) -> Self {
        Self {
            name: answer.permission.name(),
            does: answer.permission.does(),
            pill: if answer.allowed { Pill::new("good", "allowed") } else { Pill::new("warn", "refused") },
            why: answer.sentence(),
        }
    }
}
