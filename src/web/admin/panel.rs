//! One panel: its page, testing and removing it.

mod page;

use actix_web::web::Path;
use askama::Template;
use askama::filters::HtmlSafe;
use aviary_domain::panels::PanelCheck;
use aviary_kernel::base::{Error, Result};
use aviary_kernel::model::{Kind, PanelId};
use serde::Serialize;

use super::ask::{Ask, Question};
use super::card::{Fact, fact};
use super::desk::{Act, Crumb, Desk, Head, Shell};
use super::form::{Fields, Sent};
use super::nav::Spot;
use super::panels::dialect_words;
use super::table::Table;
use super::value::{Pill, Value};
use super::{shown, syncs};
use crate::allow::{Allow, perm};
use crate::page::{PageResult, html, see_other};
pub(super) use page::one;

fn per_minute(limit: u32) -> Value {
    Value::Text(shown::per_minute(limit).unwrap_or_else(|| "no limit".into()))
}

fn upper(text: &str) -> String {
    let mut text = text.to_owned();
    if let Some(first) = text.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    text
}

#[derive(Template)]
#[template(path = "panel/test.html")]
struct TestView {
    shell: Shell,
    head: Head,
    outcome: Outcome,
}

/// What a test of a panel found.
#[derive(Template)]
#[template(path = "panel/_outcome.html")]
pub(super) struct Outcome {
    pill: Pill,
    /// Why the panel could not be asked.
    pub(super) failed: Option<String>,
    findings: Vec<Found>,
    access: Option<Table>,
    facts: Vec<Fact>,
}

impl HtmlSafe for Outcome {}

struct Found {
    pill: Pill,
    what: String,
    remedy: Option<String>,
}

/// Asks the panel and shows what it said.
pub(super) async fn test(_may: Allow<perm::PanelWrite>, desk: Desk, id: Path<PanelId>, sent: Sent) -> PageResult {
    desk.check(sent.token())?;
    let id = *id;
    let checked = desk.panels.test(&desk.visitor.who, id).await;
    let known = desk.known().await?;
    let panel = desk.panels.require(id).await?;
    let outcome = outcome(checked)?;
    let crumbs = vec![
        Crumb::to("Panels", "/admin/panels"),
        Crumb::to(panel.name.clone(), format!("/admin/panels/{id}")),
        Crumb::here("Test"),
    ];
    let back = Act::link("Back to the panel", "previous", format!("/admin/panels/{id}"));
    let again = Act::post("Test again", "check", format!("/admin/panels/{id}/test"));
    let acts =
        if outcome.failed.is_some() { vec![back, again.class("main")] } else { vec![back, again, syncs::sync_now(id)] };
    html(&TestView {
        head: Head {
            title: format!("Test of {}", panel.name),
            pills: vec![outcome.pill.clone()],
            acts: known.offered(acts),
            ..Head::default()
        },
        outcome,
        shell: desk.shell(&known, Spot::Panels, crumbs),
    })
}

/// A test in words.
///
/// # Errors
/// What is no fault of the panel.
pub(super) fn outcome(checked: Result<PanelCheck>) -> Result<Outcome> {
    let (pill, failed, check) = match checked {
        Ok(check) if check.is_good() => (Pill::new("good", "can be mirrored"), None, Some(check)),
        Ok(check) => (Pill::new("warn", "works, but lacks something"), None, Some(check)),
        Err(Error::Upstream { reason, .. }) => {
            (Pill::new("bad", "cannot be mirrored"), Some(super::sentence(&shown::visible(&reason))), None)
        }
        Err(error) => return Err(error),
    };
    Ok(Outcome {
        pill,
        failed,
        findings: check.as_ref().map(findings).unwrap_or_default(),
        access: check.as_ref().map(access),
        facts: check.as_ref().map(check_facts).unwrap_or_default(),
    })
}

/// The word that something has in JSON.
fn word(of: &impl Serialize) -> String {
    serde_json::to_value(of).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}

fn findings(check: &PanelCheck) -> Vec<Found> {
    let found = check.findings.iter().map(|finding| {
        let (tone, words) = match word(&finding.severity).as_str() {
            "problem" => ("bad", "problem"),
            "warning" => ("warn", "warning"),
            _ => ("info", "note"),
        };
        Found {
            pill: Pill::new(tone, words),
            what: super::sentence(&shown::visible(&finding.what)),
            remedy: finding.remedy.as_deref().map(|text| super::sentence(&shown::visible(text))),
        }
    });
    found.collect()
}

fn access(check: &PanelCheck) -> Table {
    let rows = check.access.iter().map(|access| {
        let pill = match word(&access.readable).as_str() {
            "yes" => Pill::new("fine", "readable"),
            "no" => Pill::new("bad", "not readable"),
            _ => Pill::new("", "not known yet"),
        };
        let is_fine = pill.tone == "fine";
        let what = if is_fine {
            Value::Nothing
        } else {
            Value::Lines(vec![
                Value::Text(super::sentence(&access.without)),
                access.remedy.as_deref().map_or(Value::Nothing, |text| Value::Muted(super::sentence(text))),
            ])
        };
        vec![
            Value::Text(upper(&format!("{}s", access.kind.noun()))),
            Value::Pill(pill),
            // Of these the test looks at one node or nest only.
            access
                .total
                .filter(|_| !matches!(access.kind, Kind::Allocation | Kind::Egg))
                .map_or(Value::Nothing, Value::number),
            what,
        ]
    });
    let mut table = Table::plain(
        "What the keys may read",
        &["What", "Access", "#How many", "What the mirror lacks without it"],
        rows.collect(),
    );
    if let Some(last) = table.columns.last_mut() {
        last.class = "wrap";
    }
    table
}

fn check_facts(check: &PanelCheck) -> Vec<Fact> {
    let limit = |limit: Option<u32>| limit.map_or(Value::Muted("not told".into()), per_minute);
    let mut facts = vec![
        fact("Kind", Value::Text(dialect_words(Some(check.dialect)).into())),
        fact(
            "Connection",
            if check.is_secure { Value::pill("good", "encrypted") } else { Value::pill("warn", "not encrypted") },
        ),
        fact("Limit of the application API", limit(check.application_limit.map(|limit| limit.per_minute))),
        fact("Limit of the client API", limit(check.client_limit.map(|limit| limit.per_minute))),
        fact("Requests this test took", Value::number(check.requests)),
    ];
    if let Some(ahead) = check.clock_ahead_s {
        let words = match ahead {
            -2..=2 => "the same as here".into(),
            n if n > 0 => format!("{} ahead", shown::span_s(n.unsigned_abs())),
            n => format!("{} behind", shown::span_s(n.unsigned_abs())),
        };
        facts.push(fact("Clock of the panel", Value::Text(words)));
    }
    facts
}

/// Asks whether the panel shall go.
pub(super) async fn ask_remove(_may: Allow<perm::PanelWrite>, desk: Desk, id: Path<PanelId>) -> PageResult {
    show_remove(desk, *id, false).await
}

async fn show_remove(desk: Desk, id: PanelId, wrong: bool) -> PageResult {
    let known = desk.known().await?;
    let panel = desk.panels.require(id).await?;
    let counts = desk.look(&known, move |page, _| page.counts(Some(id))).await?;
    let goes = Kind::ALL.into_iter().filter(|kind| counts.of_kind(*kind) > 0);
    let count = |kind| Value::Text(shown::grouped(counts.of_kind(kind)));
    let goes = goes.map(|kind| fact(upper(&format!("{}s", kind.noun())), count(kind)));
    let own = fact("Address and keys", Value::Text("of this panel".into()));
    let goes = std::iter::once(own).chain(goes).collect();
    let text = |text: &str| Value::Text(text.into());
    let stays = vec![
        fact("History", text("of all its objects")),
        fact("Sync logs", text("of this panel")),
        fact("The panel", text("with everything on it; nothing is changed there")),
    ];
    let error = wrong.then(|| "This is not the name of the panel. Type it as it stands above.".to_owned());
    let ask = Ask::new(format!("/admin/panels/{id}/remove"), "Remove the panel")
        .typing("name", panel.name.clone(), error)
        .busy("Removing…")
        .keep("Keep it", format!("/admin/panels/{id}"));
    let crumbs = vec![
        Crumb::to("Panels", "/admin/panels"),
        Crumb::to(panel.name.clone(), format!("/admin/panels/{id}")),
        Crumb::here("Remove"),
    ];
    let title = format!("Remove {}?", panel.name);
    Question::new(title, goes, stays).ask(ask).show(desk, &known, Spot::Panels, crumbs)
}

/// Removes the panel, if its name was typed.
pub(super) async fn remove(_may: Allow<perm::PanelWrite>, desk: Desk, id: Path<PanelId>, sent: Sent) -> PageResult {
    desk.check(sent.token())?;
    let panel = desk.panels.require(*id).await?;
    if sent.field("name").trim() != panel.name {
        return show_remove(desk, *id, true).await;
    }
    if let Some(run) = desk.syncs.running().into_iter().find(|run| run.panel == *id && !run.status.is_over()) {
        // Rows that a sync writes behind our back would stay.
        let _ = desk.syncs.cancel(&desk.visitor.who, run.id).await;
        desk.syncs.wait(run.id).await?;
    }
    desk.syncs.remove_panel(&desk.visitor.who, *id).await.map(drop).or_else(gone_is_fine)?;
    Ok(see_other("/admin/panels?done=panel-removed"))
}

fn gone_is_fine(error: Error) -> Result<()> {
    if matches!(error, Error::NotFound { .. }) { Ok(()) } else { Err(error) }
}
