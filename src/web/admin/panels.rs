//! The panels: the list with the schedule for all.

use askama::Template;
use aviary_domain::settings::{AutoSync, SHORTEST_INTERVAL_S};
use aviary_domain::sync::SyncQuery;
use aviary_kernel::base::{Result, Timestamp};
use aviary_kernel::model::{Dialect, Panel, Permission, SyncRun};

use super::desk::{Act, Crumb, Desk, Head, Known, Shell};
use super::form::{Fields, Sent};
use super::nav::Spot;
use super::shown;
use super::syncs;
use super::table::{Empty, Table};
use super::value::{Pill, Value};
use crate::allow::{Allow, perm};
use crate::page::{PageResult, html, see_other};

#[derive(Template)]
#[template(path = "panels/page.html")]
struct PanelsView {
    shell: Shell,
    head: Head,
    table: Table,
    empty: Option<Empty>,
    /// For who may set it.
    schedule: Option<ScheduleForm>,
}

/// The schedule for all panels that have none of their own.
struct ScheduleForm {
    enabled: bool,
    minutes: String,
    error: Option<String>,
}

/// A panel with what was found out about its syncs.
pub(super) struct Standing {
    pub(super) panel: Panel,
    pub(super) last: Option<SyncRun>,
    pub(super) next: Next,
}

/// When a panel is synced next.
#[derive(Clone, Copy)]
pub(super) enum Next {
    /// Only when somebody asks.
    ByHand,
    /// As soon as there is a free hand.
    Now,
    /// At this time.
    At(Timestamp),
    /// It is at work.
    Running,
}

impl Next {
    pub(super) fn value(self, known: &Known) -> Value {
        match self {
            Self::ByHand => Value::Muted("by hand only".into()),
            Self::Now => Value::Text("due now".into()),
            Self::At(at) => Value::When(known.due(at)),
            Self::Running => Value::Text("running".into()),
        }
    }

    /// The same where no heading stands beside it.
    pub(super) fn said(self, known: &Known) -> Value {
        match self {
            Self::ByHand => Value::Text("synced by hand only".into()),
            Self::Running => Value::Text("a sync is running".into()),
            Self::Now | Self::At(_) => Value::Many(vec![Value::Text("next sync".into()), self.value(known)]),
        }
    }
}

/// How every panel stands.
pub(super) async fn standings(desk: &Desk, known: &Known) -> Result<Vec<Standing>> {
    let mut all = Vec::with_capacity(known.panels.len());
    for panel in known.panels.iter() {
        let page = desk.syncs.list(SyncQuery { panel: Some(panel.id), limit: 1, ..SyncQuery::default() }).await?;
        let last = page.runs.into_iter().next();
        let next = match desk.schedules.next_sync(panel.id).await? {
            _ if last.as_ref().is_some_and(|run| !run.status.is_over()) => Next::Running,
            None => Next::ByHand,
            Some(at) if at <= known.now => Next::Now,
            Some(at) => Next::At(at),
        };
        all.push(Standing { next, panel: panel.clone(), last });
    }
    Ok(all)
}

/// What the last contact with a panel was like.
pub(super) fn reach_pill(panel: &Panel) -> Pill {
    match (&panel.reach.trouble, panel.reach.at) {
        (Some(_), _) if panel.reach.refuses_key() => Pill::new("bad", "refuses the key"),
        (Some(_), _) => Pill::new("bad", "not reachable"),
        (None, Some(_)) => Pill::new("fine", "answers"),
        (None, None) => Pill::new("", "not tried yet"),
    }
}

/// The name of a dialect, for people.
pub(super) fn dialect_words(dialect: Option<Dialect>) -> &'static str {
    match dialect {
        Some(Dialect::Pterodactyl) => "Pterodactyl",
        Some(Dialect::Pelican) => "Pelican",
        None => "not known yet",
    }
}

/// The list.
pub(super) async fn list(_may: Allow<perm::PanelRead>, desk: Desk) -> PageResult {
    let auto = desk.settings.auto_sync().await?;
    let form = ScheduleForm { enabled: auto.enabled, minutes: minutes(auto.every_s), error: None };
    show(desk, form).await
}

/// Whole minutes, or with a fraction where that is what it is.
pub(super) fn minutes(seconds: u32) -> String {
    if seconds.is_multiple_of(60) { (seconds / 60).to_string() } else { format!("{:.1}", f64::from(seconds) / 60.0) }
}

async fn show(desk: Desk, schedule: ScheduleForm) -> PageResult {
    let known = desk.known().await?;
    let standings = standings(&desk, &known).await?;
    let counted: Vec<_> = standings.iter().map(|standing| standing.panel.id).collect();
    let counts = desk
        .look(&known, move |page, _| counted.iter().map(|id| page.counts(Some(*id))).collect::<Result<Vec<_>>>())
        .await?;
    let rows = standings.iter().zip(&counts).map(|(standing, counts)| {
        let panel = &standing.panel;
        vec![
            known.name(panel.name.clone(), format!("/admin/panels/{}", panel.id)),
            Value::Pill(reach_pill(panel)),
            Value::Out { text: shown::short(&panel.base_url, 50), href: panel.base_url.clone() },
            Value::Text(dialect_words(panel.dialect).into()),
            known.count(counts.servers, format!("/admin/servers?panel={}", panel.id)),
            standing.last.as_ref().filter(|_| known.may(Permission::SyncRead)).map_or(Value::Nothing, |run| {
                Value::Many(vec![Value::Pill(syncs::pill(run)), Value::When(known.when(run.created_at))])
            }),
            standing.next.value(&known),
        ]
    });
    let titles = &["Name", "State", "Address", "Kind", "#Servers", "Last sync", "Next sync"];
    let view = PanelsView {
        head: Head {
            title: "Panels".into(),
            acts: known.offered([Act::link("Add a panel", "plus", "/admin/panels/new").class("main")]),
            ..Head::default()
        },
        table: Table::plain("Panels", titles, rows.collect()),
        empty: known.panels.is_empty().then(|| Empty {
            icon: "panel",
            title: "No panel yet".into(),
            text: "Add the first panel: you need its address and an application API key that may read.".into(),
            acts: known.ways(vec![("Add a panel", "/admin/panels/new".into())]),
        }),
        schedule: known.takes("/admin/panels/schedule").then_some(schedule),
        shell: desk.shell(&known, Spot::Panels, vec![Crumb::here("Panels")]),
    };
    html(&view)
}

/// Sets the schedule for all.
pub(super) async fn schedule(_may: Allow<perm::SettingsWrite>, desk: Desk, sent: Sent) -> PageResult {
    desk.check(sent.token())?;
    let enabled = sent.field("enabled") == "yes";
    let shortest = SHORTEST_INTERVAL_S.div_ceil(60);
    match parse_minutes(sent.field("minutes")) {
        Some(every_s) if every_s >= SHORTEST_INTERVAL_S => {
            desk.settings.set_auto_sync(&desk.visitor.who, AutoSync { enabled, every_s }).await?;
            Ok(see_other("/admin/panels?done=schedule-set"))
        }
        _ => {
            let error = Some(format!("Give whole minutes, at least {shortest} and at most {}.", MOST_MINUTES));
            show(desk, ScheduleForm { enabled, minutes: shown::short(sent.field("minutes"), 20), error }).await
        }
    }
}

/// 60 days.
pub(super) const MOST_MINUTES: u32 = 86_400;

pub(super) fn parse_minutes(text: &str) -> Option<u32> {
    text.trim().parse::<u32>().ok().filter(|n| (1..=MOST_MINUTES).contains(n)).map(|n| n * 60)
}
