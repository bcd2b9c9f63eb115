//! The page of a panel: how it stands, its syncs, what it holds, what changed on it, its keys; each with an address of its own.

use actix_web::web::Path;
use askama::Template;
use aviary_domain::mirror::{HistoryQuery, Page, PanelCounts};
use aviary_domain::sync::SyncQuery;
use aviary_kernel::base::Result;
use aviary_kernel::model::{Kind, Panel, PanelId, Permission, Reach, SyncRun, SyncStatus, Target};

use super::{per_minute, upper};
use crate::admin::card::{Body, Card, Fact, fact};
use crate::admin::chart::Spark;
use crate::admin::desk::{Act, Crumb, Desk, Head, Known, Shell};
use crate::admin::nav::Spot;
use crate::admin::object::TabLink;
use crate::admin::panels::{dialect_words, reach_pill, standings};
use crate::admin::query::Query;
use crate::admin::table::Table;
use crate::admin::timeline::Timeline;
use crate::admin::value::Value;
use crate::admin::wording::Names;
use crate::admin::{on_record, shown, syncs};
use crate::allow::{Allow, perm};
use crate::page::{PageResult, html};

#[derive(Template)]
#[template(path = "panel/page.html")]
struct PanelView {
    shell: Shell,
    head: Head,
    id: PanelId,
    trouble: Option<Trouble>,
    tabs: Vec<TabLink>,
    cards: Vec<Card>,
    /// What can be synced on its own, for who may.
    targets: Option<[Target; 8]>,
}

/// What went wrong at the last contact.
struct Trouble {
    title: &'static str,
    text: String,
    /// Where another key is set, where that helps and the reader may; else empty.
    href: String,
}

/// The parts of the page: the word, the title, what it takes.
const TABS: [(Open, &str, &str, Permission); 5] = [
    (Open::Summary, "summary", "Summary", Permission::PanelRead),
    (Open::Syncs, "syncs", "Syncs", Permission::SyncRead),
    (Open::Holds, "holds", "What it holds", Permission::PanelRead),
    (Open::History, "history", "History", Permission::HistoryRead),
    (Open::Keys, "keys", "Keys and limits", Permission::PanelRead),
];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Open {
    Summary,
    Syncs,
    Holds,
    History,
    Keys,
}

/// Syncs of the tab, and of the summary.
const SYNCS: usize = 30;
const LAST_SYNCS: usize = 5;
/// Changes that are shown.
const CHANGES: usize = 25;

/// The page.
pub(in crate::admin) async fn one(_may: Allow<perm::PanelRead>, mut desk: Desk, id: Path<PanelId>) -> PageResult {
    let id = *id;
    let known = desk.known().await?;
    let panel = desk.panels.require(id).await?;
    let open = desk.query.pick("tab", "the summary is shown", |word| {
        TABS.into_iter().find(|(_, of, _, needed)| *of == word && known.may(*needed)).map(|(open, ..)| open)
    });
    let open = open.unwrap_or(Open::Summary);
    let cards = match open {
        Open::Summary => summary(&desk, &known, &panel).await?,
        Open::Syncs => syncs_of(&desk, &known, id).await?,
        Open::Holds => desk.look(&known, move |page, known| holds(page, known, id)).await?,
        Open::History => vec![desk.look(&known, move |page, known| history(page, known, id)).await?],
        Open::Keys => vec![keys(&known, &panel)],
    };
    let mut truth = vec![
        Value::Out { text: shown::short(&panel.base_url, 60), href: panel.base_url.clone() },
        Value::Text(dialect_words(panel.dialect).into()),
    ];
    truth.extend(known.truth(Some(id)));
    let acts = vec![
        Act::post("Test", "check", format!("/admin/panels/{id}/test")),
        Act::link("Change", "settings", format!("/admin/panels/{id}/edit")),
        Act::link("Remove", "close", format!("/admin/panels/{id}/remove")).class("risky"),
        syncs::sync_now(id),
    ];
    html(&PanelView {
        tabs: tabs(&desk.query, &known, open),
        head: Head { title: panel.name.clone(), pills: vec![reach_pill(&panel)], truth, acts: known.offered(acts) },
        id,
        trouble: trouble(&known, &panel),
        cards,
        targets: (open == Open::Syncs && known.takes("/admin/syncs")).then_some(Target::ALL),
        shell: desk.shell(&known, Spot::Panels, vec![Crumb::to("Panels", "/admin/panels"), Crumb::here(panel.name)]),
    })
}

fn tabs(query: &Query, known: &Known, open: Open) -> Vec<TabLink> {
    let tabs = TABS.into_iter().filter(|(.., needed)| known.may(*needed)).map(|(at, word, title, _)| TabLink {
        title,
        href: match at {
            Open::Summary => query.bare(),
            _ => format!("{}?{}", query.bare(), shown::query(&[("tab", word)])),
        },
        count: String::new(),
        on: at == open,
    });
    tabs.collect()
}

fn trouble(known: &Known, panel: &Panel) -> Option<Trouble> {
    let text = panel.reach.trouble.as_deref()?;
    let refuses = panel.reach.refuses_key();
    let edit = format!("/admin/panels/{}/edit", panel.id);
    Some(Trouble {
        title: if refuses {
            "The panel answers, but refuses our key."
        } else {
            "The panel did not answer as it should."
        },
        text: crate::admin::sentence(text.strip_prefix(Reach::REFUSES).unwrap_or(text)),
        href: if refuses && known.opens(&edit) { edit } else { String::new() },
    })
}

/// How it stands, and how its syncs went lately.
async fn summary(desk: &Desk, known: &Known, panel: &Panel) -> Result<Vec<Card>> {
    let id = panel.id;
    let counts = desk.look(known, move |page, _| page.counts(Some(id))).await?;
    let when = |at: Option<_>| at.map_or(Value::Muted("never".into()), |at| Value::When(known.when(at)));
    let mut facts = vec![
        fact("Last contact", when(panel.reach.at)),
        fact("Synced in full", when(panel.synced_at)),
        fact("Schedule", schedule(desk, panel).await?),
    ];
    let standing = standings(desk, known).await?.into_iter().find(|standing| standing.panel.id == id);
    facts.extend(standing.map(|standing| fact("Next sync", standing.next.value(known))));
    facts.push(fact("Added", Value::When(known.when(panel.created_at))));
    let mut cards = vec![
        Card::new("What the mirror holds of it", "c12", Body::Numbers(numbers(known, id, &counts))),
        Card::new("How it stands", "c6", Body::Facts(facts)),
    ];
    if known.may(Permission::SyncRead) {
        let query = SyncQuery { panel: Some(id), limit: SYNCS, ..SyncQuery::default() };
        let runs = desk.syncs.list(query).await?.runs;
        cards.extend(took(&runs, "c6"));
        let last = runs.get(..LAST_SYNCS).unwrap_or(&runs);
        cards.push(last_syncs(known, id, last));
    }
    cards.extend(on_record::card(desk, known, "panel", &id.to_string()).await?);
    Ok(cards)
}

fn last_syncs(known: &Known, id: PanelId, runs: &[SyncRun]) -> Card {
    let body = match runs.is_empty() {
        true => Body::Hint(
            "This panel was not synced yet. “Sync now” reads everything for the first time; after that only what changed is written."
                .into(),
        ),
        false => Body::Table(syncs::of_panel(known, runs)),
    };
    known.more(Card::new("Last syncs", "c12", body), "All", format!("/admin/syncs?panel={id}"))
}

/// Its syncs, and how they went over time.
async fn syncs_of(desk: &Desk, known: &Known, id: PanelId) -> Result<Vec<Card>> {
    let runs = desk.syncs.list(SyncQuery { panel: Some(id), limit: SYNCS, ..SyncQuery::default() }).await?.runs;
    let mut cards: Vec<_> =
        [took(&runs, "c4"), answer_times(&runs, "c4"), changes(&runs, "c4")].into_iter().flatten().collect();
    cards.push(last_syncs(known, id, &runs));
    Ok(cards)
}

/// A number of each sync in the course of time, as far as two have one; runs come newest first.
fn spark(title: &str, width: &'static str, values: Vec<u64>, said: impl Fn(u64) -> String) -> Option<Card> {
    let values: Vec<_> = values.into_iter().rev().collect();
    let (least, most, last) = (*values.iter().min()?, *values.iter().max()?, *values.last()?);
    let count = values.len();
    let said = format!("{} last, {} to {} in the last {count} syncs", said(last), said(least), said(most));
    let spark = Spark::new(format!("{title}: {said}"), &values)?;
    Some(Card::new(title, width, Body::Spark { spark, said }))
}

fn took_ms(run: &SyncRun) -> Option<u64> {
    let took = run.finished_at?.since(run.started_at?);
    u64::try_from(took.as_millis()).ok()
}

/// Runs that can be compared: of everything, and to the end.
fn whole(runs: &[SyncRun]) -> impl Iterator<Item = &SyncRun> {
    runs.iter().filter(|run| run.is_full() && run.status == SyncStatus::Completed)
}

fn took(runs: &[SyncRun], width: &'static str) -> Option<Card> {
    spark("How long full syncs took", width, whole(runs).filter_map(took_ms).collect(), shown::span_ms)
}

fn answer_times(runs: &[SyncRun], width: &'static str) -> Option<Card> {
    let each = |run: &SyncRun| took_ms(run)?.checked_div(run.requests);
    spark("Time of a request", width, whole(runs).filter_map(each).collect(), shown::span_ms)
}

fn changes(runs: &[SyncRun], width: &'static str) -> Option<Card> {
    let count = |run: &SyncRun| {
        let totals = run.totals();
        totals.created + totals.updated + totals.removed
    };
    let over = runs.iter().filter(|run| run.status.is_over()).map(count).collect();
    spark("Changes that syncs saw", width, over, shown::grouped)
}

/// What it holds by kind, with the way to it and to what changed of it.
fn holds(page: &Page<'_>, known: &Known, id: PanelId) -> Result<Vec<Card>> {
    let counts = page.counts(Some(id))?;
    let rows = Kind::ALL.into_iter().map(|kind| {
        let list = format!("/admin/{}?panel={id}", kind.plural());
        let changed = format!("/admin/history?panel={id}&kind={}", kind.plural());
        let is_part = matches!(kind, Kind::EggVariable | Kind::Subuser);
        let count = counts.of_kind(kind);
        vec![
            Value::Text(upper(&format!("{}s", kind.noun()))),
            if is_part { Value::number(count) } else { known.count(count, list) },
            known.link("what changed", changed),
        ]
    });
    let table = Table::plain("What the mirror holds of this panel", &["Kind", "#How many", "History"], rows.collect());
    let missing = format!("/admin/drift?panel={id}&kind=vanished");
    let facts = vec![
        fact(
            "Allocations in use",
            known.count(counts.assigned_allocations, format!("/admin/allocations?panel={id}&use=assigned")),
        ),
        fact("Admins of the panel", Value::number(counts.admins)),
        fact("Missing on the panel", known.count(counts.missing, missing)),
    ];
    let drift =
        known.more(Card::new("Beside that", "c4", Body::Facts(facts)), "Drift", format!("/admin/drift?panel={id}"));
    Ok(vec![Card::new("By kind", "c8", Body::Table(table)), drift])
}

/// What changed on it lately.
fn history(page: &Page<'_>, known: &Known, id: PanelId) -> Result<Card> {
    let query = HistoryQuery { panel: Some(id), limit: CHANGES, ..HistoryQuery::default() };
    let entries = page.history(&query)?.entries;
    let names = Names::of(page, known, &entries)?;
    let timeline = Timeline::of_many(known, &names, &entries);
    let card = Card::new("What changed lately", "c12", Body::Timeline(timeline));
    Ok(known.more(card, "All of it", format!("/admin/history?panel={id}")))
}

/// When it is synced by itself, in words.
async fn schedule(desk: &Desk, panel: &Panel) -> Result<Value> {
    let auto = desk.settings.auto_sync().await?;
    Ok(Value::Text(match (panel.sync_every_s, auto.enabled) {
        (Some(0), _) => "by hand only".into(),
        (Some(every), _) => format!("every {}", shown::span_s(every.into())),
        (None, true) => format!("every {}, as set for all", shown::span_s(auto.every_s.into())),
        (None, false) => "by hand only; automatic syncs are off".into(),
    }))
}

fn keys(known: &Known, panel: &Panel) -> Card {
    let facts = vec![
        fact("Address", Value::Out { text: shown::short(&panel.base_url, 80), href: panel.base_url.clone() }),
        fact("It speaks", Value::Text(dialect_words(panel.dialect).into())),
        fact("Application key", Value::Text("stored, encrypted".into())),
        fact(
            "Client key",
            if panel.client_key.is_some() {
                Value::Text("stored, encrypted".into())
            } else {
                Value::Muted("none: subusers cannot be read".into())
            },
        ),
        fact("Request limit", panel.reach.rate_limit.map_or(Value::Muted("not known yet".into()), per_minute)),
        fact("Share of it for Aviary", Value::Text(format!("{} %", panel.share_percent))),
    ];
    let hint = Body::Hint(
        "“Test” asks the panel what these keys may read, and says what to do about what they may not.".into(),
    );
    let card = Card::new("Keys and limits", "c12", Body::Several(vec![Body::Facts(facts), hint]));
    known.more(card, "Change", format!("/admin/panels/{}/edit", panel.id))
}

/// What a panel holds, how many, and the way there.
fn numbers(known: &Known, id: PanelId, counts: &PanelCounts) -> Vec<Fact> {
    let listed =
        [Kind::Server, Kind::Node, Kind::Allocation, Kind::User, Kind::Egg, Kind::Nest, Kind::Location, Kind::Database];
    let mut numbers: Vec<_> = listed
        .into_iter()
        .map(|kind| {
            let href = format!("/admin/{}?panel={id}", kind.plural());
            fact(upper(&format!("{}s", kind.noun())), known.link(shown::grouped(counts.of_kind(kind)), href))
        })
        .collect();
    if counts.missing > 0 {
        let href = format!("/admin/drift?panel={id}&kind=vanished");
        numbers.push(fact("Missing", known.link(shown::grouped(counts.missing), href)));
    }
    numbers
}
