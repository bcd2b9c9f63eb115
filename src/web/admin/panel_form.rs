//! The form that adds a panel, or changes one.

use actix_web::web::Path;
use askama::Template;
use aviary_domain::masked::{self, MASK};
use aviary_domain::panels::{NewPanel, PanelPatch};
use aviary_kernel::base::{Error, Result, Secret};
use aviary_kernel::model::{Panel, PanelId};

use super::desk::{Crumb, Desk, Shell};
use super::form::{Fields, Sent};
use super::nav::Spot;
use super::panels::{MOST_MINUTES, minutes, parse_minutes};
use crate::allow::{Allow, perm};
use crate::page::{PageResult, html, see_other};

#[derive(Template)]
#[template(path = "panels/form.html")]
struct FormView {
    shell: Shell,
    form: Form,
    /// The panel that is changed; none = one is added.
    edits: Option<Panel>,
    mask: &'static str,
}

/// The fields, with what was typed. Keys are never among it.
#[derive(Default)]
struct Form {
    name: String,
    url: String,
    share: String,
    minutes: String,
    /// What is wrong, by field; one without a field is about the whole.
    errors: Vec<(&'static str, String)>,
}

impl Form {
    fn sent(sent: &Sent) -> Self {
        let kept = |name: &str| sent.field(name).chars().take(500).collect::<String>();
        Self {
            name: kept("name"),
            url: kept("url"),
            share: kept("share"),
            minutes: kept("minutes"),
            errors: Vec::new(),
        }
    }

    fn of(panel: &Panel) -> Self {
        Self {
            name: panel.name.clone(),
            url: panel.base_url.clone(),
            share: panel.share_percent.to_string(),
            minutes: panel.sync_every_s.map(minutes).unwrap_or_default(),
            errors: Vec::new(),
        }
    }

    /// What is shown of a panel, as its form carries it: so a form that was loaded before somebody else's change is noticed.
    fn had(panel: &Panel) -> String {
        let Self { name, url, share, minutes, .. } = Self::of(panel);
        [name, url, share, minutes].join(" | ")
    }

    fn error(&self, field: &str) -> Option<&str> {
        self.errors.iter().find(|(name, _)| *name == field).map(|(_, why)| why.as_str())
    }

    /// Takes note of what the service refused.
    fn note(&mut self, error: Error) -> Result<()> {
        match error {
            Error::Invalid { field, reason } => self.errors.push((form_field(field), super::sentence(&reason))),
            Error::Conflict(why) => self.errors.push(("", super::sentence(&why))),
            other => return Err(other),
        }
        Ok(())
    }
}

/// The empty form.
pub(super) async fn new(_may: Allow<perm::PanelWrite>, desk: Desk) -> PageResult {
    show(desk, Form { share: "80".into(), ..Form::default() }, None).await
}

/// The form with what a panel has.
pub(super) async fn edit(_may: Allow<perm::PanelWrite>, desk: Desk, id: Path<PanelId>) -> PageResult {
    let panel = desk.panels.require(*id).await?;
    show(desk, Form::of(&panel), Some(panel)).await
}

async fn show(desk: Desk, form: Form, edits: Option<Panel>) -> PageResult {
    let known = desk.known().await?;
    let mut crumbs = vec![Crumb::to("Panels", "/admin/panels")];
    match &edits {
        Some(panel) => {
            crumbs.push(Crumb::to(panel.name.clone(), format!("/admin/panels/{}", panel.id)));
            crumbs.push(Crumb::here("Change"));
        }
        None => crumbs.push(Crumb::here("Add a panel")),
    }
    html(&FormView { shell: desk.shell(&known, Spot::Panels, crumbs), form, edits, mask: MASK })
}

/// Takes the form and adds a panel.
pub(super) async fn add(_may: Allow<perm::PanelWrite>, desk: Desk, sent: Sent) -> PageResult {
    desk.check(sent.token())?;
    let mut form = Form::sent(&sent);
    if let Some(new) = read_new(&sent, &mut form.errors) {
        match desk.panels.add(&desk.visitor.who, new).await {
            Ok(panel) => return Ok(see_other(&format!("/admin/panels/{}?done=panel-added", panel.id))),
            Err(error) => form.note(error)?,
        }
    }
    show(desk, form, None).await
}

/// Takes the form and changes a panel.
pub(super) async fn save(_may: Allow<perm::PanelWrite>, desk: Desk, id: Path<PanelId>, sent: Sent) -> PageResult {
    desk.check(sent.token())?;
    let panel = desk.panels.require(*id).await?;
    if sent.iter().any(|(name, _)| name == "had") && sent.field("had") != Form::had(&panel) {
        let why =
            "Somebody changed this panel since you opened this page. Look at what is there now, and change it again.";
        return show(desk, Form { errors: vec![("", why.into())], ..Form::of(&panel) }, Some(panel)).await;
    }
    let mut form = Form::sent(&sent);
    if let Some(patch) = read_patch(&sent, &panel, &mut form.errors) {
        match desk.panels.change(&desk.visitor.who, panel.id, patch).await {
            Ok(panel) => return Ok(see_other(&format!("/admin/panels/{}?done=panel-changed", panel.id))),
            Err(error) => form.note(error)?,
        }
    }
    show(desk, form, Some(panel)).await
}

/// What the service calls a field, as the form calls it.
fn form_field(field: &str) -> &'static str {
    match field {
        "name" => "name",
        "url" => "url",
        "appKey" => "app_key",
        "clientKey" => "client_key",
        "sharePercent" => "share",
        "syncEveryS" => "minutes",
        _ => "",
    }
}

type Errors = Vec<(&'static str, String)>;

/// What only the form can tell; the rest is checked by the service.
fn read_new(sent: &Sent, errors: &mut Errors) -> Option<NewPanel> {
    require(sent, &[NAME, URL, APP_KEY], errors);
    let (share_percent, sync_every_s) = (read_share(sent, errors), read_minutes(sent, errors));
    errors.is_empty().then(|| NewPanel {
        name: sent.field("name").into(),
        url: sent.field("url").into(),
        app_key: key(sent, "app_key"),
        client_key: Some(key(sent, "client_key")).filter(|key| !key.reveal().is_empty()),
        share_percent,
        sync_every_s,
    })
}

fn read_patch(sent: &Sent, panel: &Panel, errors: &mut Errors) -> Option<PanelPatch> {
    require(sent, &[NAME, URL], errors);
    let share_percent = read_share(sent, errors);
    // An interval that is no whole number of minutes comes back as it was shown.
    let is_same = panel.sync_every_s.is_some_and(|every_s| minutes(every_s) == sent.field("minutes").trim());
    let sync_every_s = (!is_same).then(|| read_minutes(sent, errors));
    let takes_away = sent.field("no_client_key") == "yes";
    errors.is_empty().then(|| PanelPatch {
        name: Some(sent.field("name").into()),
        url: Some(sent.field("url").into()),
        app_key: Some(key(sent, "app_key")),
        client_key: Some((!takes_away).then(|| key(sent, "client_key"))),
        share_percent,
        sync_every_s,
    })
}

const NAME: (&str, &str) = ("name", "Give the panel a name.");
const URL: (&str, &str) = ("url", "Give the address of the panel.");
const APP_KEY: (&str, &str) = ("app_key", "Paste the application API key.");

fn require(sent: &Sent, fields: &[(&'static str, &str)], errors: &mut Errors) {
    let missing = fields.iter().filter(|(field, _)| sent.field(field).trim().is_empty());
    errors.extend(missing.map(|(field, why)| (*field, (*why).to_owned())));
}

fn key(sent: &Sent, field: &str) -> Secret<String> {
    Secret::from(masked::meant(sent.field(field)))
}

fn read_share(sent: &Sent, errors: &mut Errors) -> Option<u8> {
    let share = sent.field("share").trim().parse::<u8>().ok().filter(|n| (1..=100).contains(n));
    if share.is_none() {
        errors.push(("share", "Give a whole number from 1 to 100.".into()));
    }
    share
}

fn read_minutes(sent: &Sent, errors: &mut Errors) -> Option<u32> {
    let every = sent.field("minutes").trim();
    let every_s = if every == "0" { Some(0) } else { parse_minutes(every) };
    if !every.is_empty() && every_s.is_none() {
        let why = format!("Give whole minutes from 1 to {MOST_MINUTES}, 0 for syncs by hand only, or leave it empty.");
        errors.push(("minutes", why));
    }
    every_s
}
