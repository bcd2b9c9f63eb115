//! The requests of a sync, one by one: what was asked, what came back, and how long it took.

use actix_web::web::Path;
use aviary_domain::sync::RequestQuery;
use aviary_kernel::base::Cursor;
use aviary_kernel::model::{SyncId, SyncRequest};

use super::columns::{self, Columns, Heading};
use super::desk::{Crumb, Desk, Head, Known};
use super::nav::Spot;
use super::table::{Chip, Empty, Filters, ListView, Pager, Table};
use super::value::Value;
use super::{deliveries, shown};
use crate::allow::{Allow, perm};
use crate::api::syncs::number;
use crate::page::{PageResult, html};

const COLUMNS: [Heading; 8] = [
    Heading("request", "Request", None, "wrap"),
    Heading("status", "Status", None, ""),
    Heading("target", "Step", None, ""),
    Heading("at", "Sent", None, ""),
    Heading("waitedMs", "Held back", None, "num"),
    Heading("tookMs", "Took", None, "num"),
    Heading("bytes", "Size", None, "num less"),
    Heading("attempt", "Try", None, "num less"),
];

/// The list.
pub(super) async fn list(_may: Allow<perm::SyncRead>, mut desk: Desk, id: Path<SyncId>) -> PageResult {
    let known = desk.known().await?;
    let columns = Columns::read(&mut desk.query, &known, "requests", &COLUMNS);
    let run = desk.syncs.get(*id).await?;
    let only = desk.query.pick("show", "all requests are shown", |word| (word == "trouble").then_some(true));
    let after = desk.query.pick("after", "the list begins with the first", |text| number(text).ok());
    let asked = RequestQuery { trouble: only.is_some(), after, limit: columns.rows };
    let page = desk.syncs.requests(*id, asked).await?;
    let query = &desk.query;
    let next = page.next.map(|number| query.link(&[("after", &Cursor::after(&number.to_be_bytes()).to_string())]));
    let rows: Vec<_> = page.requests.iter().map(|(_, request)| row(&known, request)).collect();
    let said = format!("{} of {} sent", shown::grouped(rows.len() as u64), shown::grouped(run.requests));
    let empty = rows.is_empty().then(|| empty(only.is_some(), run.status.is_over(), query.bare()));
    let table =
        Table { columns: columns::unordered(&COLUMNS), ..Table::plain("Requests, as they were sent", &[], rows) };
    let chip = |text: &str, word: &str, on| Chip {
        text: text.into(),
        count: String::new(),
        href: query.link(&[("show", word)]),
        on,
    };
    let chips = vec![chip("All", "", only.is_none()), chip("In trouble, or sent again", "trouble", only.is_some())];
    let of = format!("/admin/syncs/{id}");
    let view = ListView {
        head: Head {
            title: "Requests of a sync".into(),
            truth: vec![known.panel_link(run.panel), Value::Text("in the order in which they were sent".into())],
            ..Head::default()
        },
        filters: Some(Filters { action: query.bare(), chips_label: "Which", chips, ..Filters::default() }),
        pager: Pager { back: "First", on: "Later", ..Pager::new(said, after.map(|_| query.link(&[])), next) },
        table: columns.alone(table, &desk),
        empty,
        shell: desk.shell(
            &known,
            Spot::Syncs,
            vec![Crumb::to("Syncs", "/admin/syncs"), Crumb::to("Sync", of), Crumb::here("Requests")],
        ),
    };
    html(&view)
}

fn row(known: &Known, request: &SyncRequest) -> Vec<Value> {
    let step = request.target.map_or(Value::Muted("besides".into()), |target| Value::Text(target.name().into()));
    let waited = match request.waited_ms {
        0 => Value::Nothing,
        ms => Value::Text(shown::span_ms(ms)),
    };
    vec![
        Value::Code(shown::short(&request.request, 160)),
        match request.status {
            Some(status) if request.taken => Value::pill("fine", status.to_string()),
            status => deliveries::status(status),
        },
        step,
        Value::When(known.when(request.at)),
        waited,
        Value::Text(shown::span_ms(request.took_ms)),
        Value::Text(known.bytes(request.bytes)),
        Value::number(request.attempt.into()),
    ]
}

fn empty(narrowed: bool, over: bool, all: String) -> Empty {
    let (title, text) = match (narrowed, over) {
        (true, _) => ("None was in trouble", "Every request was answered well at the first try."),
        (false, false) => ("None yet", "The requests of a step show here when the step is over."),
        (false, true) => ("None is kept", "This sync sent none, or is from before requests were kept."),
    };
    let acts = if narrowed { vec![("Show all", all)] } else { Vec::new() };
    Empty { icon: "sync", title: title.into(), text: text.into(), acts }
}
