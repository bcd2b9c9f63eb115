//! Syncs: the list, starting and cancelling, and one of them as it goes on.

use actix_web::HttpResponse;
use actix_web::web::Path;
use askama::Template;
use aviary_domain::sync::{StartSync, SyncQuery};
use aviary_kernel::base::{Cursor, Error};
use aviary_kernel::model::{
    Counts, Kind, Operation, PanelId, Permission, StepReport, StepState, SyncId, SyncIssue, SyncRun, SyncStatus, Target,
};

use super::card::Card;
use super::columns::{self, Columns, Heading, Ticks};
use super::desk::{Act, Crumb, Desk, Head, Known, Running, Shell};
use super::form::{Fields, Sent};
use super::nav::Spot;
use super::table::{Empty, Filters, ListView, Pager, Select, Table};
use super::value::{Pill, Value};
use super::{on_record, shown};
use crate::allow::{Allow, perm};
use crate::page::{PageResult, html, see_other};

/// The list.
pub(super) async fn list(_may: Allow<perm::SyncRead>, mut desk: Desk) -> PageResult {
    let known = desk.known().await?;
    let columns = Columns::read(&mut desk.query, &known, "syncs", &COLUMNS);
    let panel = desk.query.panel(&known);
    let after = desk.query.pick("after", "the list begins with the newest", |text| {
        text.parse::<Cursor>().ok().filter(|cursor| cursor.key().len() == size_of::<SyncId>())
    });
    let older = after.is_some();
    let page = desk.syncs.list(SyncQuery { panel, after, limit: columns.rows, ..SyncQuery::default() }).await?;
    let query = &desk.query;
    let next = page.next.map(|cursor| query.link(&[("after", &cursor.to_string())]));
    let rows: Vec<_> = page.runs.iter().map(|run| row(&known, run)).collect();
    let said = format!("{} shown, newest first", shown::counted(rows.len() as u64, "sync", "syncs"));
    let filters = known.several().then(|| {
        let chosen = panel.map(|id| id.to_string());
        let panels = known.panels.iter().map(|panel| (panel.id.to_string(), panel.name.clone()));
        Filters {
            action: query.bare(),
            hidden: query.carried(&["panel"]),
            selects: vec![Select::new("panel", "Panel", "All panels", chosen.as_deref(), panels)],
            reset: panel.is_some().then(|| query.bare()),
            ..Filters::default()
        }
    });
    let empty = rows.is_empty().then(|| Empty {
        icon: "sync",
        title: "No syncs yet".into(),
        text: "A sync reads what a panel holds and notes what changed. Start one from the page of a panel.".into(),
        acts: known.ways(vec![("Go to the panels", "/admin/panels".into())]),
    });
    let pager = Pager { back: "Newest", on: "Older", ..Pager::new(said, older.then(|| query.link(&[])), next) };
    let ticks = Ticks::new(page.runs.iter().map(|run| run.id.to_string()).collect(), None);
    let table = Table { caption: "Syncs".into(), columns: columns::unordered(&COLUMNS), rows, ..Table::default() };
    let view = ListView {
        head: Head { title: "Syncs".into(), truth: known.truth(panel), acts: sync_acts(&known), ..Head::default() },
        filters,
        table: columns.over(table, &desk, &known, "/admin/syncs/export", ticks),
        pager,
        empty,
        shell: desk.shell(&known, Spot::Syncs, vec![Crumb::here("Syncs")]),
    };
    html(&view)
}

const COLUMNS: [Heading; 10] = [
    Heading("startedAt", "Started", None, ""),
    Heading("status", "State", None, ""),
    Heading("panel", "Panel", None, ""),
    Heading("what", "What", None, ""),
    Heading("created", "New", None, "num"),
    Heading("updated", "Changed", None, "num"),
    Heading("removed", "Removed", None, "num"),
    Heading("requests", "Requests", None, "num"),
    Heading("took", "Took", None, "num"),
    Heading("by", "Asked by", None, ""),
];
/// Where the panel stands among them.
const PANEL: usize = 2;

/// The syncs of one panel, on its own page.
pub(super) fn of_panel(known: &Known, runs: &[SyncRun]) -> Table {
    let rows = runs.iter().map(|run| without_panel(row(known, run)));
    let columns = without_panel(columns::unordered(&COLUMNS));
    Table { caption: "The last syncs of this panel".into(), columns, rows: rows.collect(), ..Table::default() }
}

fn without_panel<T>(mut cells: Vec<T>) -> Vec<T> {
    cells.remove(PANEL);
    cells
}

/// A button that syncs, where it is plain what.
pub(super) fn sync_acts(known: &Known) -> Vec<Act> {
    match known.panels.as_slice() {
        [panel] => known.offered([sync_now(panel.id)]),
        _ => Vec::new(),
    }
}

/// A button that syncs a panel.
pub(super) fn sync_now(panel: PanelId) -> Act {
    Act::post("Sync now", "sync", "/admin/syncs").class("main").with("panel", panel.to_string())
}

/// The state of a sync.
pub(super) fn pill(run: &SyncRun) -> Pill {
    let (tone, words) = match run.status {
        SyncStatus::Pending => ("live", "waiting"),
        SyncStatus::Running => ("live", "running"),
        SyncStatus::Completed if run.issue_count > 0 => ("fine", "done, with issues"),
        SyncStatus::Completed => ("fine", "done"),
        SyncStatus::Failed => ("bad", "failed"),
        SyncStatus::Cancelled => ("", "cancelled"),
        SyncStatus::NeedsReview => ("warn", "needs a decision"),
    };
    Pill::new(tone, words)
}

/// A row of a list of syncs.
fn row(known: &Known, run: &SyncRun) -> Vec<Value> {
    let totals = run.totals();
    let number = |n: u64| if n == 0 { Value::Muted("0".into()) } else { Value::number(n) };
    vec![
        known.link(known.when(run.created_at).words(), format!("/admin/syncs/{}", run.id)),
        Value::Pill(pill(run)),
        known.panel_link(run.panel),
        Value::Text(what(run)),
        number(totals.created),
        number(totals.updated),
        number(totals.removed),
        number(run.requests),
        took(known, run).map_or(Value::Nothing, Value::Text),
        Value::Said(shown::short(&run.requested_by, 30)),
    ]
}

/// What a sync was asked to bring up to date.
pub(super) fn what(run: &SyncRun) -> String {
    if run.is_full() {
        return "everything".into();
    }
    shown::listed(&run.targets.iter().map(|target| target.name().to_owned()).collect::<Vec<_>>())
}

fn took(known: &Known, run: &SyncRun) -> Option<String> {
    let end = run.finished_at.or((!run.status.is_over()).then_some(known.now))?;
    let took = end.since(run.started_at?);
    Some(shown::span_ms(u64::try_from(took.as_millis()).unwrap_or(u64::MAX)))
}

/// Starts a sync.
pub(super) async fn start(_may: Allow<perm::SyncRun>, desk: Desk, sent: Sent) -> PageResult {
    desk.check(sent.token())?;
    let panel = sent
        .field("panel")
        .parse::<PanelId>()
        .map_err(|_| Error::not_found("panel", shown::short(sent.field("panel"), 20)))?;
    let targets = sent.each("only").map(str::parse::<Target>).collect::<Result<Vec<_>, _>>()?;
    let started = desk.syncs.start(StartSync { panel, targets, by: desk.who(), requested_by: None }).await?;
    let done = if started.joined { "sync-joined" } else { "sync-started" };
    Ok(see_other(&format!("/admin/syncs/{}?done={done}", started.run.id)))
}

/// Asks a sync to stop.
pub(super) async fn cancel(_may: Allow<perm::SyncRun>, desk: Desk, id: Path<SyncId>, sent: Sent) -> PageResult {
    desk.check(sent.token())?;
    Ok(match desk.syncs.cancel(&desk.visitor.who, *id).await {
        Ok(_) => see_other(&format!("/admin/syncs/{id}?done=sync-cancelled")),
        // It came to its end in the meantime; its page says so.
        Err(Error::Conflict(_)) => see_other(&format!("/admin/syncs/{id}")),
        Err(error) => return Err(error.into()),
    })
}

#[derive(Template)]
#[template(path = "syncs/page.html")]
struct SyncView {
    shell: Shell,
    head: Head,
    part: SyncPart,
    on_record: Option<Card>,
    id: SyncId,
    running: bool,
}

/// What moves while a sync goes on.
#[derive(Template)]
#[template(path = "syncs/_part.html")]
struct SyncPart {
    pill: Pill,
    percent: u8,
    message: String,
    /// The tone of the bar.
    tone: &'static str,
    remaining: Option<String>,
    /// What the top bar says of it.
    badge: String,
    /// For those who listen: said when it changes.
    said: String,
    over: bool,
    /// Removals wait, and the reader may see them.
    needs_review: bool,
    numbers: Vec<(&'static str, String)>,
    steps: Vec<Step>,
    issues: Vec<IssueGroup>,
    issue_count: u64,
    issues_more: u64,
    history: Option<String>,
    id: SyncId,
}

impl askama::filters::HtmlSafe for SyncPart {}

struct Step {
    name: &'static str,
    pill: Pill,
    percent: u64,
    tone: &'static str,
    counts: Counts,
    requests: u64,
    took: String,
    /// The history of what the step did; none where that is not of one kind, or the reader may not see it.
    history: Option<String>,
}

/// Issues of one kind, and what to do about them.
struct IssueGroup {
    code: String,
    remedy: String,
    issues: Vec<SyncIssue>,
}

/// Issues that want the same done about them, together, in the order of the first of each.
fn grouped(issues: &[SyncIssue]) -> Vec<IssueGroup> {
    let mut groups: Vec<IssueGroup> = Vec::new();
    for issue in issues.iter().map(visible) {
        match groups.iter_mut().find(|group| group.code == issue.code && group.remedy == issue.remedy) {
            Some(group) => group.issues.push(issue),
            None => {
                groups.push(IssueGroup { code: issue.code.clone(), remedy: issue.remedy.clone(), issues: vec![issue] })
            }
        }
    }
    groups
}

/// One sync.
pub(super) async fn one(_may: Allow<perm::SyncRead>, mut desk: Desk, id: Path<SyncId>) -> PageResult {
    let known = desk.known().await?;
    let run = desk.syncs.get(*id).await?;
    let running = !run.status.is_over();
    if !running {
        desk.drop_passing_notices();
    }
    let mut acts = Vec::new();
    if running {
        acts.push(Act::post("Cancel", "close", format!("/admin/syncs/{id}/cancel")).class("risky"));
    } else if known.panel(run.panel).is_some() {
        acts.push(Act { text: "Sync again".into(), class: "", ..sync_now(run.panel) });
    }
    let truth = vec![
        known.panel_link(run.panel),
        Value::Text(what(&run)),
        Value::Many(vec![
            Value::Text("asked for".into()),
            Value::When(known.when(run.created_at)),
            Value::Said(format!("by {}", shown::short(&run.requested_by, 40))),
        ]),
    ];
    let title = format!("Sync of {}", known.panel_name(run.panel));
    let view = SyncView {
        head: Head { title, truth, acts: known.offered(acts), ..Head::default() },
        part: SyncPart::new(&known, &run),
        on_record: on_record::card(&desk, &known, "sync", &id.to_string()).await?,
        id: *id,
        running,
        shell: desk.shell(&known, Spot::Syncs, vec![Crumb::to("Syncs", "/admin/syncs"), Crumb::here("Sync")]),
    };
    html(&view)
}

/// The moving part of the page of one sync.
pub(super) async fn part(_may: Allow<perm::SyncRead>, desk: Desk, id: Path<SyncId>) -> PageResult<HttpResponse> {
    let known = desk.known().await?;
    let run = desk.syncs.get(*id).await?;
    html(&SyncPart::new(&known, &run))
}

impl SyncPart {
    fn new(known: &Known, run: &SyncRun) -> Self {
        let pill = pill(run);
        let step = run.steps.iter().find(|step| step.state == StepState::Running);
        let doing = step.map_or_else(String::new, |step| format!(", {}", step.target.name()));
        let message = super::sentence(&shown::visible(&run.message));
        let said = if run.status.is_over() {
            format!("Sync {}. {message}", pill.text)
        } else {
            format!("Sync {}{doing}", pill.text)
        };
        Self {
            percent: run.percent(),
            tone: match run.status {
                SyncStatus::Completed => "good",
                SyncStatus::Failed => "bad",
                SyncStatus::NeedsReview => "warn",
                _ => "",
            },
            pill,
            message,
            remaining: run
                .remaining_ms
                .filter(|_| !run.status.is_over())
                .map(|ms| format!("about {} left", shown::span_s(ms.div_ceil(1000).max(1)))),
            badge: Running::new(run, known).text,
            said,
            over: run.status.is_over(),
            needs_review: run.status == SyncStatus::NeedsReview && known.may(Permission::RemovalRead),
            numbers: numbers(known, run),
            steps: run.steps.iter().map(|step| Step::new(known, run, step)).collect(),
            issues: grouped(&run.issues),
            issue_count: run.issue_count,
            issues_more: run.issue_count.saturating_sub(run.issues.len() as u64),
            history: known.may(Permission::HistoryRead).then(|| format!("/admin/history?sync={}", run.id)),
            id: run.id,
        }
    }
}

fn numbers(known: &Known, run: &SyncRun) -> Vec<(&'static str, String)> {
    let totals = run.totals();
    let mut numbers = vec![
        ("Rows read", shown::grouped(totals.done)),
        ("New", shown::grouped(totals.created)),
        ("Changed", shown::grouped(totals.updated)),
        ("Removed", shown::grouped(totals.removed)),
        ("The same", shown::grouped(totals.unchanged)),
        ("Requests", shown::grouped(run.requests)),
    ];
    if totals.failed > 0 {
        numbers.insert(5, ("Not readable", shown::grouped(totals.failed)));
    }
    let budget = run.budget.and_then(|(allowed, left)| Some((shown::per_minute(allowed)?, left)));
    if let Some((allowed, left)) = budget {
        numbers.push(("Left of the request limit", format!("{} of {allowed}", shown::grouped(left.into()))));
    }
    if let Some(took) = took(known, run) {
        numbers.push(("Time", took));
    }
    numbers
}

impl Step {
    fn new(known: &Known, run: &SyncRun, step: &StepReport) -> Self {
        let (tone, words, bar) = match step.state {
            StepState::Waiting => ("", "waiting", ""),
            StepState::Running => ("live", "running", ""),
            StepState::Done => ("fine", "done", "good"),
            StepState::Failed => ("bad", "failed", "bad"),
            StepState::Skipped => ("", "skipped", ""),
        };
        let name = match step.target {
            Target::Locations => "Locations",
            Target::Nodes => "Nodes",
            Target::Allocations => "Allocations",
            Target::Nests => "Nests, eggs, variables",
            Target::Users => "Users",
            Target::Servers => "Servers",
            Target::Databases => "Databases",
            Target::Subusers => "Subusers",
        };
        let kinds = Kind::ALL.into_iter().filter(|kind| kind.target() == step.target).collect::<Vec<_>>();
        let history = match kinds.as_slice() {
            [kind] => Some(format!("/admin/history?sync={}&kind={}", run.id, kind.plural())),
            _ => None,
        };
        let skipped = step.state == StepState::Skipped;
        Self {
            name,
            pill: Pill::new(tone, words),
            percent: if skipped { 0 } else { step.percent() },
            tone: bar,
            counts: step.counts,
            requests: step.requests,
            took: if step.took_ms == 0 { String::new() } else { shown::span_ms(step.took_ms) },
            history: history.filter(|href| known.opens(href)),
        }
    }

    /// The numbers of a row: what changed leads to the changes.
    fn cells(&self) -> [Value; 6] {
        let Counts { created, updated, removed, unchanged, failed, .. } = self.counts;
        let number = |n: u64| if n == 0 { Value::Muted("0".into()) } else { Value::number(n) };
        let changed = |n: u64, operation: Operation| match &self.history {
            Some(href) => Value::count(n, format!("{href}&operation={}", operation.word())),
            None => number(n),
        };
        [
            changed(created, Operation::Created),
            changed(updated, Operation::Changed),
            changed(removed, Operation::Removed),
            number(unchanged),
            number(failed),
            number(self.requests),
        ]
    }

    fn read(&self) -> String {
        let Counts { total, done, .. } = self.counts;
        match (self.counts.total, self.counts.done) {
            (0, 0) => "–".into(),
            (0, _) => shown::grouped(done),
            _ => format!("{} of {}", shown::grouped(done), shown::grouped(total)),
        }
    }
}

fn visible(issue: &SyncIssue) -> SyncIssue {
    SyncIssue {
        what: super::sentence(&shown::visible(&issue.what)),
        remedy: super::sentence(&shown::visible(&issue.remedy)),
        request: issue.request.as_deref().map(shown::visible),
        ..issue.clone()
    }
}
