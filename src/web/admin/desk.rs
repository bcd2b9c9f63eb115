//! What a page handler has on its desk: who asks, for what, and the services that know the answer; and the frame that every
//! page stands in.

use std::borrow::Cow;
use std::future::{Ready, ready};
use std::sync::Arc;

use actix_web::dev::Payload;
use actix_web::web::Data;
use actix_web::{FromRequest, HttpRequest};
use aviary_domain::access::{Access, Caller};
use aviary_domain::accounts::Accounts;
use aviary_domain::audit::Audit;
use aviary_domain::jobs::Jobs;
use aviary_domain::live::{Live, Mark, Topic};
use aviary_domain::mails::Mails;
use aviary_domain::mirror::{Book, Page, PanelCounts};
use aviary_domain::ops::Heartbeats;
use aviary_domain::panels::Panels;
use aviary_domain::schedules::Schedules;
use aviary_domain::search::Search;
use aviary_domain::settings::Settings;
use aviary_domain::sign_in::SignIn;
use aviary_domain::sync::{SyncQuery, Syncs};
use aviary_domain::webhooks::Webhooks;
use aviary_kernel::base::{Env, Error, Result, Timestamp};
use aviary_kernel::model::{Actor, Kind, Panel, PanelId, Permission, RemovalStop, SyncRun, SyncStatus};
use aviary_kernel::store::Store;

use super::nav::{self, NavGroup, Spot};
use super::notices::{self, Notice};
use super::prefers::Prefers;
use super::query::Query;
use super::shown;
use super::value::{Pill, Value};
use crate::door::Part;
use crate::page::PageError;
use crate::session::Visitor;

/// Everything a page handler works with.
pub(super) struct Desk {
    pub(super) env: Data<Env>,
    pub(super) accounts: Data<Accounts>,
    pub(super) mails: Data<Mails>,
    pub(super) access: Data<Access>,
    pub(super) sign_in: Data<SignIn>,
    pub(super) audit: Data<Audit>,
    pub(super) book: Data<Book>,
    pub(super) panels: Data<Panels>,
    pub(super) syncs: Data<Syncs>,
    pub(super) schedules: Data<Schedules>,
    pub(super) search: Data<Search>,
    pub(super) jobs: Data<Jobs>,
    pub(super) webhooks: Data<Webhooks>,
    pub(super) settings: Data<Settings>,
    pub(super) heartbeats: Data<Heartbeats>,
    live: Data<Live>,
    store: Data<Store>,
    pub(super) visitor: Visitor,
    pub(super) query: Query,
    notices: Vec<Notice>,
}

/// What every page knows, from one look.
#[derive(Clone)]
pub(super) struct Known {
    pub(super) now: Timestamp,
    /// What moves after this is not on the page.
    mark: Mark,
    /// Who reads the page, with what they may.
    pub(super) reader: Arc<Caller>,
    pub(super) panels: Arc<Vec<Panel>>,
    /// What all panels hold together.
    pub(super) counts: PanelCounts,
    pub(super) running: Vec<SyncRun>,
    /// Removals that wait for a person.
    pub(super) stops: Vec<RemovalStop>,
    /// Why no writes are taken.
    pub(super) read_only: Option<String>,
    /// How the reader wants to see things.
    pub(super) prefers: Arc<Prefers>,
    /// Panels whose mirror may be behind, and why.
    doubts: Arc<Vec<(PanelId, &'static str)>>,
}

impl Part for Desk {}

impl FromRequest for Desk {
    type Error = PageError;
    type Future = Ready<Result<Self, PageError>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        ready(desk(request, payload))
    }
}

fn desk(request: &HttpRequest, payload: &mut Payload) -> Result<Desk, PageError> {
    let visitor = Visitor::from_request(request, payload).into_inner()?;
    let query = Query::new(request.path(), request.query_string());
    Ok(Desk {
        env: service(request)?,
        accounts: service(request)?,
        mails: service(request)?,
        access: service(request)?,
        sign_in: service(request)?,
        audit: service(request)?,
        book: service(request)?,
        panels: service(request)?,
        syncs: service(request)?,
        schedules: service(request)?,
        search: service(request)?,
        jobs: service(request)?,
        webhooks: service(request)?,
        settings: service(request)?,
        heartbeats: service(request)?,
        live: service(request)?,
        store: service(request)?,
        visitor,
        notices: query.text("done").and_then(notices::done).into_iter().collect(),
        query,
    })
}

/// A service that the program offers to handlers.
pub(super) fn service<T: 'static>(request: &HttpRequest) -> Result<Data<T>, PageError> {
    let found = request.app_data::<Data<T>>().cloned();
    found.ok_or_else(|| Error::internal(format!("{} is not offered to pages", std::any::type_name::<T>())).into())
}

impl Desk {
    /// What every page knows.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(super) async fn known(&self) -> Result<Known> {
        let panels = self.panels.all().await?;
        Ok(Known {
            doubts: Arc::new(self.doubts(&panels).await?),
            now: self.env.now(),
            mark: self.live.mark().await?,
            reader: Arc::new(self.visitor.caller.clone()),
            panels: Arc::new(panels),
            counts: self.book.counts(None).await?,
            running: self.syncs.running().into_iter().filter(|run| !run.status.is_over()).collect(),
            stops: self.syncs.stops(true).await?,
            read_only: self.store.trouble(),
            prefers: Arc::new(Prefers::new(self.accounts.preferences(&self.visitor.caller).await?)),
        })
    }

    /// Which mirrors may be behind: the last sync failed, or there was none for twice as long as there should be.
    async fn doubts(&self, panels: &[Panel]) -> Result<Vec<(PanelId, &'static str)>> {
        let auto = self.settings.auto_sync().await?;
        let now = self.env.now();
        let mut doubts = Vec::new();
        for panel in panels {
            let every_s = panel.sync_every_s.unwrap_or(if auto.enabled { auto.every_s } else { 0 });
            let age = panel.synced_at.map_or(0, |at| now.since(at).as_secs());
            let is_late = every_s > 0 && age > 2 * u64::from(every_s);
            let query = SyncQuery { panel: Some(panel.id), limit: 1, ..SyncQuery::default() };
            let last = self.syncs.list(query).await?.runs.into_iter().next();
            match last.map(|run| run.status) {
                Some(SyncStatus::Failed) => doubts.push((panel.id, "stale: the last sync failed")),
                _ if is_late => doubts.push((panel.id, "stale: a sync is overdue")),
                _ => {}
            }
        }
        Ok(doubts)
    }

    /// Several questions on one snapshot.
    ///
    /// # Errors
    /// What `ask` returns.
    pub(super) async fn look<T: Send + 'static>(
        &self,
        known: &Known,
        ask: impl FnOnce(&Page<'_>, &Known) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let known = known.clone();
        self.book.look(move |page| ask(page, &known)).await
    }

    /// Forgets what was only to be told while something goes on.
    pub(super) fn drop_passing_notices(&mut self) {
        self.notices.retain(|notice| !notice.passing);
    }

    /// Refuses a form that was not made for this visitor.
    ///
    /// # Errors
    /// 403.
    pub(super) fn check(&self, token: &str) -> Result<(), PageError> {
        self.visitor.check(token)
    }

    /// Who asks, for the record.
    pub(super) fn who(&self) -> Actor {
        self.visitor.who.clone()
    }

    /// The frame of a page.
    pub(super) fn shell(self, known: &Known, spot: Spot, crumbs: Vec<Crumb>) -> Shell {
        let live = live(self.query.path(), known);
        let here = self.query.here();
        let doubts = self.query.doubts.into_iter().map(|text| Notice::new("warn", text));
        Shell {
            now: known.now,
            live,
            reader: known.reader.clone(),
            prefers: known.prefers.clone(),
            here,
            crumbs: crumbs.into_iter().map(|crumb| crumb.seen_by(known)).collect(),
            nav: nav::groups(spot, known),
            notices: self.notices.into_iter().chain(doubts).collect(),
            read_only: known.read_only.as_deref().map(|why| format!("The reason: {why}.")),
            running: running(known),
            finds: spot != Spot::Search,
            token: self.visitor.form_token,
            user: self.visitor.who.name.clone(),
        }
    }
}

impl Known {
    /// A panel by its number.
    pub(super) fn panel(&self, id: PanelId) -> Option<&Panel> {
        self.panels.iter().find(|panel| panel.id == id)
    }

    /// What a panel is called.
    pub(super) fn panel_name(&self, id: PanelId) -> String {
        self.panel(id).map_or_else(|| format!("panel {id}, removed"), |panel| panel.name.clone())
    }

    /// A panel by its name, with a way to it.
    pub(super) fn panel_link(&self, id: PanelId) -> Value {
        match self.panel(id) {
            Some(panel) => self.link(panel.name.clone(), format!("/admin/panels/{id}")),
            None => Value::Muted(format!("panel {id}, removed")),
        }
    }

    /// Whether there is more than one panel, so that it needs to be said which.
    pub(super) fn several(&self) -> bool {
        self.panels.len() > 1
    }

    /// Why the mirror of a panel may be behind; none when all is well.
    pub(super) fn doubt(&self, panel: PanelId) -> Option<&'static str> {
        self.doubts.iter().find(|(id, _)| *id == panel).map(|(_, why)| *why)
    }

    /// As of when the mirror of these panels is true; what is behind is marked, with the way to the panel. Who sees nothing of it
    /// is told nothing of its panels either.
    pub(super) fn truth(&self, panel: Option<PanelId>) -> Vec<Value> {
        if !Kind::ALL.into_iter().any(|kind| self.may(Permission::to_read(kind))) {
            return Vec::new();
        }
        let panels: Vec<_> = self.panels.iter().filter(|p| panel.is_none_or(|id| id == p.id)).collect();
        let never: Vec<_> = panels.iter().filter(|p| p.synced_at.is_none()).map(|p| p.name.clone()).collect();
        let oldest = panels.iter().filter_map(|p| p.synced_at).min();
        let mut out = Vec::new();
        if let Some(at) = oldest {
            let word = if panels.len() > 1 { "oldest sync" } else { "synced" };
            out.push(Value::Text(format!("As of {}", self.clock(at))));
            out.push(Value::Many(vec![Value::Text(word.into()), Value::When(self.when(at))]));
        }
        for panel in &panels {
            if let Some(why) = self.doubt(panel.id).filter(|_| panel.synced_at.is_some()) {
                let name = if self.several() { shown::name(&panel.name) } else { "see the panel".into() };
                let link = self.link(name, format!("/admin/panels/{}", panel.id));
                out.push(Value::Many(vec![Value::pill("warn", why), link]));
            }
        }
        if !never.is_empty() {
            out.push(Value::Text(format!("{} not synced in full yet", shown::listed(&never))));
        }
        out
    }
}

/// The frame of a page.
pub(super) struct Shell {
    pub(super) now: Timestamp,
    /// What the page follows while somebody looks at it.
    pub(super) live: Followed,
    /// Who reads the page.
    pub(super) reader: Arc<Caller>,
    /// How they want to see things.
    pub(super) prefers: Arc<Prefers>,
    /// The address of the page, to come back to.
    pub(super) here: String,
    pub(super) crumbs: Vec<Crumb>,
    pub(super) nav: Vec<NavGroup>,
    pub(super) notices: Vec<Notice>,
    pub(super) read_only: Option<String>,
    pub(super) running: Vec<Running>,
    /// Whether the top bar has a field to search with; the search page has its own.
    pub(super) finds: bool,
    /// What forms must carry.
    pub(super) token: String,
    pub(super) user: String,
}

/// What a page follows while somebody looks at it.
pub(super) struct Followed {
    /// The stream.
    pub(super) href: String,
    /// What the page is about: `servers` for the list of servers, `servers/1/7` for one of them.
    pub(super) about: String,
}

/// Follows what the address of a page names, and what every page shows of the syncs.
fn live(path: &str, known: &Known) -> Followed {
    let about = path.strip_prefix("/admin/").unwrap_or_default();
    let (word, key) = about.split_once('/').unwrap_or((about, ""));
    // Whoever fills in a form is left alone.
    let is_one =
        key.is_empty() || !key.contains('/') || (key.matches('/').count() == 1 && !key.contains(char::is_alphabetic));
    let about = if is_one && Topic::parse(word).is_some() { about } else { "" };
    let topics = ["syncs", "removals", "panels", about].into_iter().filter(|topic| !topic.is_empty());
    let topics = topics.collect::<Vec<_>>().join(",");
    let after = known.mark.to_string();
    Followed {
        href: format!("/api/v1/live?{}", shown::query(&[("topics", &topics), ("after", &after)])),
        about: about.to_owned(),
    }
}

/// A step of the way to a page.
pub(super) struct Crumb {
    pub(super) text: String,
    pub(super) href: Option<String>,
}

impl Crumb {
    pub(super) fn here(text: impl Into<String>) -> Self {
        Self { text: text.into(), href: None }
    }

    pub(super) fn to(text: impl Into<String>, href: impl Into<String>) -> Self {
        Self { text: text.into(), href: Some(href.into()) }
    }

    /// Leads nowhere for who may not go there.
    fn seen_by(self, known: &Known) -> Self {
        Self { href: self.href.filter(|href| known.opens(href)), ..self }
    }
}

/// A sync at work, shown on every page.
pub(super) struct Running {
    pub(super) href: String,
    pub(super) text: String,
}

impl Running {
    pub(super) fn new(run: &SyncRun, known: &Known) -> Self {
        let name = if known.several() { shown::short(&known.panel_name(run.panel), 16) } else { "Sync".into() };
        Self { href: format!("/admin/syncs/{}", run.id), text: format!("{name} {} %", run.percent()) }
    }
}

fn running(known: &Known) -> Vec<Running> {
    let running = known.running.iter().map(|run| Running::new(run, known));
    running.filter(|running| known.opens(&running.href)).collect()
}

/// The head of a page: what it is, how true it is, what can be done.
#[derive(Default)]
pub(super) struct Head {
    pub(super) title: String,
    pub(super) pills: Vec<Pill>,
    pub(super) truth: Vec<Value>,
    pub(super) acts: Vec<Act>,
}

/// Something that can be done.
pub(super) struct Act {
    pub(super) text: Cow<'static, str>,
    pub(super) icon: &'static str,
    pub(super) class: &'static str,
    /// Where a link leads.
    pub(super) href: String,
    /// Where a form goes; then it is a button.
    pub(super) post: Option<String>,
    pub(super) fields: Vec<(&'static str, String)>,
    /// Whether it leads away from Aviary.
    pub(super) out: bool,
}

impl Act {
    pub(super) fn link(text: impl Into<Cow<'static, str>>, icon: &'static str, href: impl Into<String>) -> Self {
        Self { text: text.into(), icon, class: "", href: href.into(), post: None, fields: Vec::new(), out: false }
    }

    /// Leads to the panel.
    pub(super) fn out(text: &'static str, href: String) -> Self {
        Self { out: true, ..Self::link(text, "open", href) }
    }

    pub(super) fn post(text: impl Into<Cow<'static, str>>, icon: &'static str, to: impl Into<String>) -> Self {
        Self { post: Some(to.into()), ..Self::link(text, icon, "") }
    }

    pub(super) fn class(self, class: &'static str) -> Self {
        Self { class, ..self }
    }

    pub(super) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.fields.push((name, value.into()));
        self
    }
}
