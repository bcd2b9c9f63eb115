//! The mails: the list, one of them, those that are kept, and the templates.

pub(super) mod kept;
pub(super) mod one;
pub(super) mod templates;

use aviary_domain::mails::{MailCounts, MailLine, MailQuery, Standing};
use aviary_kernel::base::Cursor;
use aviary_kernel::model::MailState;
use aviary_kernel::store::Key;

use super::columns::{self, Columns, Heading, Ticks};
use super::desk::{Act, Crumb, Desk, Head, Known};
use super::nav::Spot;
use super::query::Query;
use super::shown;
use super::table::{Chip, Empty, Filters, ListView, Pager, Table};
use super::value::{Pill, Value};
use crate::allow::{Allow, perm};
use crate::page::{PageResult, html};

const COLUMNS: [Heading; 5] = [
    Heading("subject", "Subject", None, ""),
    Heading("state", "State", None, ""),
    Heading("to", "To", None, ""),
    Heading("attempts", "Tries", None, "num"),
    Heading("writtenAt", "Written", None, ""),
];

/// The list.
pub(super) async fn list(_may: Allow<perm::MailRead>, mut desk: Desk) -> PageResult {
    let known = desk.known().await?;
    let columns = Columns::read(&mut desk.query, &known, "mails", &COLUMNS);
    let state = state(&mut desk.query);
    let after = desk.query.pick("after", "the list begins with the newest", number_of);
    let page = desk.mails.list(&known.reader, MailQuery { state, after, limit: columns.rows }).await?;
    let (counts, standing) = (desk.mails.counts().await?, desk.mails.standing().await?);
    let query = &desk.query;
    let rows: Vec<_> = page.rows.iter().map(|line| row(&known, line)).collect();
    let said = format!("{} shown, newest first", shown::counted(rows.len() as u64, "mail", "mails"));
    let next = page.next.map(|number| query.link(&[("after", &Cursor::after(&number.to_bytes()).to_string())]));
    let newest = after.map(|_| query.link(&[]));
    let mut acts = vec![Act::link("Templates and test", "mail", "/admin/mails/templates")];
    if counts.of(MailState::Kept) > 0 && known.takes("/admin/mails/kept") {
        acts.insert(0, Act::link("Send kept mails", "next", "/admin/mails/kept"));
    }
    let empty = rows.is_empty().then(|| empty(query, state));
    let keys = page.rows.iter().map(|line| line.number.to_string()).collect();
    let ticks = Ticks::new(keys, Some(state.map_or_else(|| counts.all(), |state| counts.of(state))));
    let caption = "Mails, newest first".into();
    let table = Table { caption, columns: columns::unordered(&COLUMNS), rows, ..Table::default() };
    let view = ListView {
        head: Head {
            title: "Mails".into(),
            truth: truth(&known, &standing),
            acts: known.offered(acts),
            ..Head::default()
        },
        filters: (counts.all() > 0).then(|| filters(query, state, &counts)),
        empty,
        table: columns.over(table, &desk, &known, "/admin/mails/export", ticks),
        pager: Pager { back: "Newest", on: "Older", ..Pager::new(said, newest, next) },
        shell: desk.shell(&known, Spot::Mails, vec![Crumb::here("Mails")]),
    };
    html(&view)
}

/// The state that an address asks for.
pub(super) fn state(query: &mut Query) -> Option<MailState> {
    query.parse("state", "mails in all states are shown")
}

/// The number that a place in the list stands for.
fn number_of(text: &str) -> Option<u64> {
    u64::from_bytes(text.parse::<Cursor>().ok()?.key())
}

/// Whether mail leaves, and how the service fares.
fn truth(known: &Known, standing: &Standing) -> Vec<Value> {
    let name = match &standing.service {
        Ok(name) => name,
        Err(why) => {
            return vec![
                Value::pill("warn", "kept here"),
                Value::Text(shown::sentence(why)),
                known.link("Settings", "/admin/settings#mail"),
            ];
        }
    };
    let leaves = Value::Text(format!("mail leaves through {}", shown::short(name, 80)));
    match &standing.fared {
        None => vec![leaves, Value::Muted("nothing was sent since Aviary started".into())],
        Some(fared) => match &fared.trouble {
            None => vec![leaves, Value::pill("good", "works"), Value::When(known.when(fared.at))],
            Some(why) => vec![
                leaves,
                Value::pill("bad", "takes no mail"),
                Value::Text(shown::sentence(&shown::short(why, 300))),
                Value::When(known.when(fared.at)),
            ],
        },
    }
}

fn filters(query: &Query, chosen: Option<MailState>, counts: &MailCounts) -> Filters {
    let chip = |text: &str, count: u64, word: &str, on| Chip {
        text: text.into(),
        count: shown::grouped(count),
        href: query.link(&[("state", word)]),
        on,
    };
    let states = counts.each().iter().filter(|(state, count)| *count > 0 || chosen == Some(*state));
    let states = states.map(|(state, count)| chip(state.word(), *count, state.word(), chosen == Some(*state)));
    let all = chip("all", counts.all(), "", chosen.is_none());
    Filters { chips_label: "State", chips: std::iter::once(all).chain(states).collect(), ..Filters::default() }
}

fn empty(query: &Query, state: Option<MailState>) -> Empty {
    if let Some(state) = state {
        return Empty {
            icon: "mail",
            title: "No such mail".into(),
            text: format!("There is no mail in the state “{}”.", state.word()),
            acts: vec![("Show all", query.bare())],
        };
    }
    Empty {
        icon: "mail",
        title: "No mail was written yet".into(),
        text: "When somebody registers or asks for a link, the mail for them stands here, with what became of it. Without a \
               mail service it is kept until somebody sends it."
            .into(),
        acts: Vec::new(),
    }
}

fn row(known: &Known, line: &MailLine) -> Vec<Value> {
    let mail = &line.mail;
    vec![
        known.name(shown::name(&line.subject), format!("/admin/mails/{}", line.number)),
        Value::Pill(pill(mail.state)),
        to(known, line),
        Value::number(mail.attempts.len() as u64),
        Value::When(known.when(mail.written_at)),
    ]
}

/// Where a mail stands.
fn pill(state: MailState) -> Pill {
    let tone = match state {
        MailState::Waiting => "live",
        MailState::Kept => "warn",
        MailState::Sent | MailState::Delivered => "good",
        MailState::Bounced | MailState::Refused | MailState::Failed => "bad",
        MailState::Dropped => "",
    };
    Pill::new(tone, state.word())
}

/// To whom, leading to the person.
fn to(known: &Known, line: &MailLine) -> Value {
    let shown = shown::short(line.mail.to.as_str(), 60);
    match line.account {
        Some(id) => known.link(shown, format!("/admin/people/{id}")),
        None => Value::Said(shown),
    }
}
