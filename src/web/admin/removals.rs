//! Removals that wait for a person, because they are so many.

use actix_web::web::Path;
use askama::Template;
use aviary_domain::mirror::Page;
use aviary_kernel::base::{Error, Result};
use aviary_kernel::model::{ObjectKey, Permission, Removal, RemovalState, RemovalStop, SyncId};

use super::ask::Ask;
use super::desk::{Crumb, Desk, Head, Known, Shell};
use super::form::{self, Fields, Sent};
use super::links;
use super::nav::Spot;
use super::shown;
use super::value::{Pill, Value};
use crate::allow::{Allow, perm};
use crate::page::{PageResult, html, see_other};

#[derive(Template)]
#[template(path = "removals/page.html")]
struct RemovalView {
    shell: Shell,
    head: Head,
    kinds: Vec<Group>,
    /// What became of it.
    outcome: Option<(&'static str, Vec<Value>)>,
    /// What the reader can decide.
    asks: Vec<Ask>,
}

/// What would go of one kind.
struct Group {
    title: String,
    share: String,
    over_limit: bool,
    names: Vec<Value>,
    more: u64,
}

/// Names of a kind that are listed.
const NAMES: usize = 200;

/// The page.
pub(super) async fn page(_may: Allow<perm::RemovalRead>, desk: Desk, id: Path<SyncId>) -> PageResult {
    show(desk, *id, None).await
}

/// Takes the decision.
pub(super) async fn decide(_may: Allow<perm::RemovalDecide>, desk: Desk, id: Path<SyncId>, sent: Sent) -> PageResult {
    desk.check(sent.token())?;
    let confirm = match sent.field("decision") {
        "confirm" => true,
        "refuse" => false,
        _ => return Err(Error::invalid("decision", "is confirm or refuse").into()),
    };
    if confirm {
        let stop = desk.syncs.stop(*id).await?;
        if let Some(wrong) = form::not_the_number(&sent, total(&stop)) {
            return show(desk, *id, Some(wrong)).await;
        }
    }
    let (_, started) = desk.syncs.decide(&desk.visitor.who, *id, confirm).await?;
    Ok(see_other(&match started {
        Some(started) => format!("/admin/syncs/{}?done=removal-confirmed", started.run.id),
        None => format!("/admin/syncs/{id}/removals?done=removal-refused"),
    }))
}

fn total(stop: &RemovalStop) -> u64 {
    stop.removals.iter().map(|removal| removal.ids.len() as u64).sum()
}

async fn show(desk: Desk, id: SyncId, wrong: Option<String>) -> PageResult {
    let known = desk.known().await?;
    let stop = desk.syncs.stop(id).await?;
    let asked = stop.clone();
    let kinds = desk
        .look(&known, move |page, known| {
            asked.removals.iter().map(|removal| Group::new(page, known, &asked, removal)).collect::<Result<Vec<_>>>()
        })
        .await?;
    let pill = match stop.state {
        RemovalState::Waiting => Pill::new("warn", "waits for a decision"),
        RemovalState::Confirmed => Pill::new("good", "confirmed"),
        RemovalState::Done => Pill::new("good", "done"),
        RemovalState::Refused => Pill::new("", "refused"),
        RemovalState::Outdated => Pill::new("", "outdated"),
    };
    let truth = vec![
        known.panel_link(stop.panel),
        Value::Many(vec![Value::Text("stopped".into()), Value::When(known.when(stop.at))]),
        known.link("the sync", format!("/admin/syncs/{id}")),
    ];
    let crumbs = vec![
        Crumb::to("Syncs", "/admin/syncs"),
        Crumb::to("Sync", format!("/admin/syncs/{id}")),
        Crumb::here("Removals"),
    ];
    let may_decide = known.may(Permission::RemovalDecide);
    html(&RemovalView {
        head: Head { title: title(stop.state, total(&stop)), pills: vec![pill], truth, ..Head::default() },
        kinds,
        outcome: outcome(&known, &stop),
        asks: asks(&stop, wrong).into_iter().filter(|_| may_decide).map(|ask| ask.seen_by(&desk, &known)).collect(),
        shell: desk.shell(&known, Spot::Syncs, crumbs),
    })
}

/// What can be decided: whoever kept the objects can still remove them.
fn asks(stop: &RemovalStop, wrong: Option<String>) -> Vec<Ask> {
    let (at, total) = (format!("/admin/syncs/{}/removals", stop.sync), total(stop));
    let remove = |title: &'static str| {
        Ask::new(at.clone(), format!("Remove {total}"))
            .headed(title)
            .line(
                "A sync starts at once. It checks each object once more, and removes only what the panel says is gone. Their \
                 history stays.",
            )
            .with("decision", "confirm")
            .typing_number(total)
            .mistyped(wrong)
    };
    let keep = || {
        Ask::new(at.clone(), "Keep them")
            .class("")
            .headed("Something is wrong: keep them")
            .line(
                "Nothing is removed. They stay, marked as missing on the panel, and the next sync does not ask about them \
                 again. You can still remove them later, on this page.",
            )
            .with("decision", "refuse")
    };
    match stop.state {
        RemovalState::Waiting => vec![remove("They are gone: remove them"), keep()],
        RemovalState::Refused => vec![remove("Remove them after all")],
        RemovalState::Confirmed | RemovalState::Done | RemovalState::Outdated => Vec::new(),
    }
}

fn title(state: RemovalState, total: u64) -> String {
    let objects = shown::counted(total, "object", "objects");
    match state {
        RemovalState::Refused => format!("{objects} kept"),
        _ => format!("{objects} would be removed"),
    }
}

fn outcome(known: &Known, stop: &RemovalStop) -> Option<(&'static str, Vec<Value>)> {
    let text = match stop.state {
        RemovalState::Waiting => return None,
        RemovalState::Confirmed => {
            "The removal was confirmed. The next sync of this panel checks each object once more and removes those that are gone."
        }
        RemovalState::Done => {
            "The removal was confirmed and is done: each object was checked once more, and those that were gone were removed."
        }
        RemovalState::Refused => {
            "The removal was refused. The objects stay, marked as missing on the panel, and no sync asks about them again. Those that come back lose the mark."
        }
        RemovalState::Outdated => {
            "Nobody needs to decide this any more: a later sync found the objects again, or stopped anew."
        }
    };
    let who = stop.decided.as_ref().map(|(who, at)| {
        vec![Value::Said(format!("Decided by {}", shown::short(who, 60))), Value::When(known.when(*at))]
    });
    Some((text, who.unwrap_or_default()))
}

impl Group {
    fn new(page: &Page<'_>, known: &Known, stop: &RemovalStop, removal: &Removal) -> Result<Self> {
        let mut names = Vec::new();
        for id in removal.ids.iter().take(NAMES) {
            let key = ObjectKey { panel: stop.panel, kind: removal.kind, id: *id };
            names.push(match links::label(page, key)? {
                Some(label) => known.link(shown::name(&label), links::object(key)),
                None => Value::Muted(format!("{} {id}, gone already", removal.kind.noun())),
            });
        }
        let count = removal.ids.len() as u64;
        let noun = removal.kind.noun();
        Ok(Self {
            title: shown::counted(count, noun, &format!("{noun}s")),
            share: match shown::percent(count, removal.held) {
                Some(percent) => format!("of {} in the mirror, {percent} %", shown::grouped(removal.held)),
                None => String::new(),
            },
            over_limit: removal.over_limit,
            names,
            more: count.saturating_sub(NAMES as u64),
        })
    }
}
