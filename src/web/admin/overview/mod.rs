//! The first page: is all well, and if not, what is to be done?

mod cards;
mod first_steps;
mod tiles;

use std::collections::BTreeSet;

use actix_web::web::Data;
use askama::Template;
use aviary_domain::mirror::{HistoryQuery, Lately, Page, PanelCounts};
use aviary_domain::ops::{Backup, Backups};
use aviary_domain::search::{Search, Standing as Index};
use aviary_domain::webhooks::Webhooks;
use aviary_kernel::base::Result;
use aviary_kernel::model::{HistoryEntry, JobState, MailState, ObjectKey, Permission, ServerState};
use aviary_kernel::store::Store;
use aviary_kernel::store::tables::counted;

use super::card::Card;
use super::desk::{Act, Crumb, Desk, Head, Known, Shell};
use super::memo::Memo;
use super::nav::Spot;
use super::panels::{Standing, reach_pill, standings};
use super::table::{Empty, Table};
use super::value::Value;
use super::well::{Hook, Odd, Well};
use super::wording::Names;
use super::{shown, syncs};
use crate::allow::{Allow, perm};
use crate::page::{PageResult, html};
pub(super) use cards::OLD_BACKUP;
use tiles::Tile;

#[derive(Template)]
#[template(path = "overview/page.html")]
struct OverviewView {
    shell: Shell,
    head: Head,
    welcome: Option<Empty>,
    well: Well,
    first_steps: Option<Card>,
    tiles: Vec<Tile>,
    panels: Option<Table>,
    /// What there is, and what was done; side by side where there is room.
    left: Vec<Card>,
    right: Vec<Card>,
}

/// Changes that are listed.
const CHANGES: usize = 10;
const SYNCS: usize = 5;

/// What one look gave.
struct Seen {
    states: Vec<(ServerState, u64)>,
    changes: Vec<HistoryEntry>,
    names: Names,
    of_panels: Vec<PanelCounts>,
    /// Objects that are missing and wait for a decision; that is told on its own.
    undecided: u64,
}

/// The page.
pub(super) async fn page(
    _may: Allow<perm::StatsRead>,
    desk: Desk,
    memo: Data<Memo>,
    webhooks: Data<Webhooks>,
    backups: Data<Backups>,
    store: Data<Store>,
    search: Data<Search>,
) -> PageResult {
    let known = desk.known().await?;
    let standings = standings(&desk, &known).await?;
    let seen = desk.look(&known, look).await?;
    let drift = memo.drift(&desk.book).await?;
    let capacity = memo.capacity(&desk.book).await?;
    let lately = match known.opens("/admin/history") {
        true => Some(memo.lately(&desk.book, known.now).await?),
        false => None,
    };
    let backups = backups.list().await;
    let odd = odd(&desk, &webhooks, drift.odd().saturating_sub(seen.undecided), backups.as_deref().ok()).await?;
    let odd = Odd { index: search.standing(), ..odd };
    let facts = first_steps::Facts {
        has_mail: odd.mail.service.is_ok(),
        has_backup: backups.as_ref().is_ok_and(|list| !list.is_empty()),
        has_webhook: !odd.hooks.is_empty(),
    };
    let first_steps = first_steps::card(&desk, &known, &facts).await?;
    let mut left = cards::what_there_is(&desk, &known, &capacity).await?;
    left.extend(cards::work(&known, &odd));
    let used_bytes = Memo::used_bytes(&memo, &store, known.now);
    left.extend(cards::storage(&known, (&store, used_bytes), &backups, &search));
    let right = cards::what_was_done(&desk, &known, &seen, lately.as_ref(), &drift).await?;
    let view = OverviewView {
        head: Head {
            title: "Overview".into(),
            truth: truth(&known, &standings),
            acts: known.offered(acts(&known)),
            ..Head::default()
        },
        welcome: known.panels.is_empty().then(|| welcome(&known)),
        well: Well::new(&known, &standings, &odd),
        first_steps,
        tiles: tiles::tiles(&known, &seen.states, &capacity, lately.as_ref()),
        panels: known.opens("/admin/panels").then(|| panels(&known, &standings, &seen.of_panels)),
        left,
        right,
        shell: desk.shell(&known, Spot::Overview, vec![Crumb::here("Overview")]),
    };
    html(&view)
}

/// What changed since yesterday, as a list; with more filters.
fn since_yesterday(lately: &Lately, more: &[(&str, &str)]) -> String {
    let from = lately.since().to_string();
    let filters: Vec<_> = more.iter().copied().chain([("from", from.as_str())]).collect();
    format!("/admin/history?{}", shown::query(&filters))
}

fn acts(known: &Known) -> Vec<Act> {
    let changed = || Act::link("What changed", "history", "/admin/history");
    match known.panels.as_slice() {
        [] => Vec::new(),
        [panel] => vec![changed(), syncs::sync_now(panel.id)],
        _ => vec![changed(), Act::link("Panels", "panel", "/admin/panels")],
    }
}

/// What may want a person.
async fn odd(desk: &Desk, webhooks: &Webhooks, drift: u64, backups: Option<&[Backup]>) -> Result<Odd> {
    let mut hooks = Vec::new();
    for listed in webhooks.all().await? {
        let is_failing = listed.webhook.failing_since.is_some() || listed.webhook.disabled_why.is_some();
        let outlook = if is_failing { Some(webhooks.outlook(listed.webhook.id).await?) } else { None };
        hooks.push(Hook { webhook: listed.webhook, counts: listed.counts, outlook });
    }
    let jobs = desk.jobs.counts().await?;
    let mails = desk.mails.counts().await?;
    Ok(Odd {
        drift,
        dead: jobs.in_state(JobState::Dead),
        jobs,
        overdue: desk.heartbeats.overdue(),
        hooks,
        schedules: desk.schedules.list().await?,
        mail: desk.mails.standing().await?,
        mails_back: [MailState::Bounced, MailState::Refused, MailState::Failed]
            .iter()
            .map(|state| mails.of(*state))
            .sum(),
        mails,
        index: Index::Ready,
        last_backup: backups.and_then(|list| list.first()).map(|backup| backup.made_at),
    })
}

fn welcome(known: &Known) -> Empty {
    Empty {
        icon: "bird",
        title: "Welcome to Aviary".into(),
        text: "Aviary mirrors your game server panels, remembers every change, and tells you when something does not fit. Add the first panel to begin: you need its address and an API key that may read."
            .into(),
        acts: known.ways(vec![("Add a panel", "/admin/panels/new".into())]),
    }
}

fn truth(known: &Known, standings: &[Standing]) -> Vec<Value> {
    if known.panels.is_empty() {
        return Vec::new();
    }
    let mut truth = vec![Value::Text(shown::counted(known.panels.len() as u64, "panel", "panels"))];
    truth.extend(known.truth(None));
    if let [standing] = standings {
        truth.push(standing.next.said(known));
    }
    truth
}

fn look(page: &Page<'_>, known: &Known) -> Result<Seen> {
    let count = |state: ServerState| {
        known.panels.iter().map(|panel| page.count(counted::SERVER_STATE, panel.id, state as u64)).sum::<Result<u64>>()
    };
    let states = ServerState::ALL.into_iter().map(|state| Ok((state, count(state)?))).collect::<Result<_>>()?;
    let changes = page.history(&HistoryQuery { limit: CHANGES, ..HistoryQuery::default() })?.entries;
    let of_panels = known.panels.iter().map(|panel| page.counts(Some(panel.id))).collect::<Result<_>>()?;
    Ok(Seen {
        states,
        names: Names::of(page, known, &changes)?,
        changes,
        of_panels,
        undecided: undecided(page, known)?,
    })
}

fn undecided(page: &Page<'_>, known: &Known) -> Result<u64> {
    let mut waiting = BTreeSet::new();
    for stop in &known.stops {
        for removal in &stop.removals {
            waiting.extend(removal.ids.iter().map(|id| (stop.panel, removal.kind, *id)));
        }
    }
    let mut missing = 0;
    for (panel, kind, id) in waiting {
        missing += u64::from(page.missing(ObjectKey { panel, kind, id })?.is_some());
    }
    Ok(missing)
}

fn panels(known: &Known, standings: &[Standing], counts: &[PanelCounts]) -> Table {
    let rows = standings.iter().zip(counts).map(|(standing, counts)| {
        let panel = &standing.panel;
        let last = standing.last.as_ref();
        vec![
            known.name(panel.name.clone(), format!("/admin/panels/{}", panel.id)),
            Value::Pill(reach_pill(panel)),
            match last {
                _ if !known.may(Permission::SyncRead) => Value::Nothing,
                None => Value::Muted("never".into()),
                Some(run) => Value::Many(vec![Value::Pill(syncs::pill(run)), Value::When(known.when(run.created_at))]),
            },
            standing.next.value(known),
            known.count(counts.servers, format!("/admin/servers?panel={}", panel.id)),
            known.count(counts.missing, format!("/admin/drift?panel={}&kind=vanished", panel.id)),
        ]
    });
    Table::plain("Panels", &["Panel", "State", "Last sync", "Next sync", "#Servers", "#Missing"], rows.collect())
}
