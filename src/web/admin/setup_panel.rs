//! The first run, once there is somebody: connect the first panel, look whether it can be mirrored, start the first sync.

use askama::Template;
use aviary_domain::masked::{self, MASK};
use aviary_domain::panels::{NewPanel, PanelPatch};
use aviary_kernel::base::{Error, Secret};
use aviary_kernel::model::{Panel, PanelId, Permission};

use super::desk::Desk;
use super::field::{Errors, Field};
use super::form::{Fields, Sent};
use super::outside::Steps;
use super::panel::{self, Outcome};
use crate::allow::{Allow, perm};
use crate::page::{PageResult, html, see_other};

#[derive(Template)]
#[template(path = "setup/panel.html")]
struct SetupPanel {
    steps: Steps,
    token: String,
    error: Option<String>,
    /// The panel that was connected.
    panel: Option<(PanelId, String)>,
    outcome: Option<Outcome>,
    /// It answered, and syncs may be started.
    can_sync: bool,
    fields: Vec<Field>,
}

/// The step.
pub(super) async fn page(_may: Allow<perm::PanelWrite>, desk: Desk) -> PageResult {
    let panel = desk.panels.all().await?.into_iter().next();
    if panel.as_ref().is_some_and(|panel| panel.synced_at.is_some()) {
        return Ok(see_other("/admin"));
    }
    show(&desk, panel.as_ref(), None, None, &Errors::default())
}

/// Connects the panel, or corrects what was typed of it, and tests it.
pub(super) async fn connect(_may: Allow<perm::PanelWrite>, desk: Desk, sent: Sent) -> PageResult {
    desk.check(sent.token())?;
    let mut errors = Errors::default();
    errors.require(&sent, &[("name", "give the panel a name"), ("url", "give the address of the panel")]);
    let known = match sent.field("panel").parse::<PanelId>() {
        Ok(id) => Some(desk.panels.require(id).await?),
        Err(_) => None,
    };
    if known.is_none() {
        errors.require(&sent, &[("app_key", "paste the application API key")]);
    }
    if !errors.is_empty() {
        return show(&desk, known.as_ref(), None, Some(&sent), &errors);
    }
    let panel = match keep(&desk, known.as_ref(), &sent).await {
        Ok(panel) => panel,
        Err(error) => {
            note(&mut errors, error)?;
            return show(&desk, known.as_ref(), None, Some(&sent), &errors);
        }
    };
    let outcome = panel::outcome(desk.panels.test(&desk.visitor.who, panel.id).await)?;
    show(&desk, Some(&panel), Some(outcome), None, &errors)
}

async fn keep(desk: &Desk, known: Option<&Panel>, sent: &Sent) -> Result<Panel, Error> {
    let key = |field: &str| Secret::from(masked::meant(sent.field(field)));
    let (name, url) = (sent.field("name").to_owned(), sent.field("url").to_owned());
    let client_key = Some(key("client_key")).filter(|key| !key.reveal().is_empty());
    match known {
        None => {
            let new =
                NewPanel { name, url, app_key: key("app_key"), client_key, share_percent: None, sync_every_s: None };
            desk.panels.add(&desk.visitor.who, new).await
        }
        Some(panel) => {
            let patch = PanelPatch {
                name: Some(name),
                url: Some(url),
                app_key: Some(key("app_key")),
                client_key: client_key.map(Some),
                ..PanelPatch::default()
            };
            desk.panels.change(&desk.visitor.who, panel.id, patch).await
        }
    }
}

fn note(errors: &mut Errors, error: Error) -> PageResult<()> {
    match error {
        Error::Invalid { field: "appKey", reason } => errors.put("app_key", reason),
        Error::Invalid { field: "clientKey", reason } => errors.put("client_key", reason),
        other => errors.note(other.into())?,
    }
    Ok(())
}

fn show(
    desk: &Desk,
    panel: Option<&Panel>,
    outcome: Option<Outcome>,
    sent: Option<&Sent>,
    errors: &Errors,
) -> PageResult {
    let reach = panel.map(|panel| &panel.reach);
    let trouble = reach.filter(|_| outcome.is_none() && sent.is_none()).and_then(|reach| reach.trouble.as_deref());
    // Looked at later, it is as connected as it was when somebody last asked it.
    let answered = reach.is_some_and(|reach| reach.at.is_some() && reach.trouble.is_none());
    let answers = outcome.as_ref().map_or(answered && errors.is_empty(), |outcome| outcome.failed.is_none());
    let filled = |field: Field| sent.map_or(field.clone(), |sent| field.typed(sent)).checked(errors);
    html(&SetupPanel {
        steps: Steps { at: if answers { 2 } else { 1 } },
        token: desk.visitor.form_token.clone(),
        error: errors.whole().map(str::to_owned).or(trouble.map(super::sentence)),
        can_sync: answers && desk.visitor.caller.may(Permission::SyncRun),
        outcome,
        fields: fields(panel).into_iter().map(filled).collect(),
        panel: panel.map(|panel| (panel.id, panel.name.clone())),
    })
}

fn fields(panel: Option<&Panel>) -> Vec<Field> {
    let app_key = Field::secret("app_key", "Application API key").helps(
        "Made on the panel under Admin, Application API, with read access to everything. It is stored encrypted.",
    );
    let client_key = Field::secret("client_key", "Client API key of an administrator")
        .helps("Shows what the application key cannot, such as subusers. Made on the panel under Account, API Credentials.")
        .optional();
    let name = Field::text("name", "Name").helps("What people call it, such as Main panel.");
    let url = Field::url("url", "Address")
        .helps("As you open it in the browser. Whether it is Pterodactyl or Pelican is found out.");
    match panel {
        None => vec![name.focused(), url, app_key, client_key],
        Some(panel) => {
            let has_client_key = panel.client_key.is_some();
            let client_key = if has_client_key { client_key.value(MASK) } else { client_key };
            vec![name.value(&panel.name), url.value(&panel.base_url), app_key.value(MASK), client_key]
        }
    }
}
