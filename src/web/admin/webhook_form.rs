//! The form that makes a webhook, or changes one.

use actix_web::web::{Data, Path};
use askama::Template;
use aviary_domain::access::Caller;
use aviary_domain::webhooks::{Made, NewTarget, NewWebhook, WebhookPatch, Webhooks, shown_address};
use aviary_kernel::base::{Error, Secret};
use aviary_kernel::model::{Email, HookScope, HookTarget, HookTopic, PanelId, Webhook, WebhookId, Weight};

use super::desk::{Crumb, Desk, Known, Shell};
use super::field::{Errors, Field};
use super::form::{Fields, Sent};
use super::fresh::{Fresh, Why};
use super::hears::{self, EventGroup};
use super::nav::Spot;
use super::{shown, webhook, webhook_acts};
use crate::allow::{Allow, perm};
use crate::page::{PageError, PageResult, html, see_other};

#[derive(Template)]
#[template(path = "webhooks/form.html")]
struct FormView {
    shell: Shell,
    /// The webhook that is changed; none = one is made.
    edits: Option<Edited>,
    error: Option<String>,
    name: Field,
    description: Field,
    kinds: Vec<(&'static str, &'static str, &'static str, bool)>,
    kind_error: Option<String>,
    /// For whatever has an address.
    url: Option<Field>,
    /// For mail.
    to: Option<String>,
    to_error: Option<String>,
    everything: bool,
    groups: Vec<EventGroup>,
    events_error: Option<String>,
    panels: Vec<(PanelId, String, bool)>,
    panels_error: Option<String>,
    least: Vec<Choice>,
    topics: Vec<Choice>,
    scopes: Vec<Choice>,
}

/// One of a few: the word, what it means, whether it is chosen.
type Choice = (&'static str, &'static str, bool);

/// What is known of a webhook that is changed.
struct Edited {
    id: WebhookId,
    name: String,
    kind: &'static str,
    /// As it was when the form was opened, to notice that somebody else changed it.
    had: String,
}

/// What is in the fields. Addresses that were typed are not among it: they are secrets.
#[derive(Default)]
struct Typed {
    name: String,
    description: String,
    kind: String,
    to: String,
    events: Vec<String>,
    panels: Vec<PanelId>,
    least: Option<Weight>,
    topic: Option<HookTopic>,
    scope: Option<HookScope>,
    errors: Errors,
}

const KINDS: [(&str, &str, &str); 3] = [
    ("discord", "A channel of Discord", "Events become messages there. Bursts are put together."),
    ("http", "A program of yours", "Events are posted as signed JSON, by the rules of Standard Webhooks."),
    ("mail", "People, by mail", "Every event becomes a mail. Choose few events, or alerts only."),
];

impl Typed {
    fn sent(sent: &Sent) -> Self {
        Self {
            name: shown::short(sent.field("name"), 200),
            description: sent.field("description").chars().take(1000).collect(),
            kind: shown::short(sent.field("target"), 20),
            to: sent.field("to").chars().take(6000).collect(),
            events: sent.each("event").take(200).map(str::to_owned).collect(),
            panels: sent.each("panel").filter_map(|id| id.parse().ok()).collect(),
            least: sent.field("least").parse().ok(),
            topic: sent.field("type").parse().ok(),
            scope: sent.field("scope").parse().ok(),
            errors: Errors::default(),
        }
    }

    fn of(hook: &Webhook) -> Self {
        let to = match &hook.target {
            HookTarget::Mail { to } => to.iter().map(Email::to_string).collect::<Vec<_>>().join("\n"),
            _ => String::new(),
        };
        Self {
            name: hook.name.clone(),
            description: hook.description.clone(),
            kind: hook.target.word().to_owned(),
            to,
            events: hook.events.iter().map(|pattern| pattern.text().to_owned()).collect(),
            panels: hook.panels.clone(),
            least: Some(hook.least),
            topic: Some(hook.topic),
            scope: Some(hook.scope),
            errors: Errors::default(),
        }
    }

    fn topic(&self) -> HookTopic {
        self.topic.unwrap_or(HookTopic::System)
    }

    fn scope(&self) -> HookScope {
        self.scope.unwrap_or(HookScope::Admin)
    }

    fn least(&self) -> Weight {
        self.least.unwrap_or(Weight::Info)
    }

    /// The events that were ticked; none = those that suit what it is about and whom it is for.
    fn events(&self) -> Option<Vec<String>> {
        Some(self.events.clone()).filter(|events| !events.is_empty())
    }

    fn addresses(&self) -> Vec<String> {
        let parts = self.to.split(['\n', ',', ';', ' ']).map(str::trim).filter(|part| !part.is_empty());
        parts.map(str::to_owned).collect()
    }
}

/// The empty form.
pub(super) async fn new(_may: Allow<perm::WebhookWrite>, desk: Desk) -> PageResult {
    show(desk, Typed { kind: "discord".into(), ..Typed::default() }, None).await
}

/// The form with what a webhook has.
pub(super) async fn edit(
    _may: Allow<perm::WebhookWrite>,
    desk: Desk,
    webhooks: Data<Webhooks>,
    id: Path<WebhookId>,
) -> PageResult {
    let hook = webhooks.require(*id).await?.webhook;
    show(desk, Typed::of(&hook), Some(hook)).await
}

async fn show(desk: Desk, typed: Typed, hook: Option<Webhook>) -> PageResult {
    let known = desk.known().await?;
    let crumbs = match &hook {
        Some(hook) => webhook::crumbs(hook, Some("Change")),
        None => vec![Crumb::to("Webhooks", "/admin/webhooks"), Crumb::here("New webhook")],
    };
    let panels = panels(&known, &typed);
    html(&view(desk.shell(&known, Spot::Webhooks, crumbs), &typed, hook.as_ref(), panels))
}

fn view(shell: Shell, typed: &Typed, hook: Option<&Webhook>, panels: Vec<(PanelId, String, bool)>) -> FormView {
    let why = |field: &str| typed.errors.at(field).map(str::to_owned);
    let is_mail = hook.map(|hook| matches!(hook.target, HookTarget::Mail { .. }));
    FormView {
        shell,
        edits: hook.map(|hook| Edited {
            id: hook.id,
            name: shown::name(&hook.name),
            kind: super::webhooks::kind_words(&hook.target),
            had: hook.updated_at.to_string(),
        }),
        error: typed.errors.whole().map(str::to_owned),
        name: Field::text("name", "Name")
            .helps("What people call it, such as Operations channel.")
            .value(typed.name.clone())
            .checked(&typed.errors),
        description: Field::text("description", "What it is for")
            .optional()
            .most(500)
            .value(typed.description.clone())
            .checked(&typed.errors),
        kinds: KINDS.map(|(word, title, help)| (word, title, help, word == typed.kind)).into(),
        kind_error: why("target"),
        url: (is_mail != Some(true)).then(|| url_field(typed, hook)),
        to: (is_mail != Some(false)).then(|| typed.to.clone()),
        to_error: why("to"),
        everything: typed.events.iter().any(|text| text == "*"),
        groups: hears::groups(&typed.events),
        events_error: why("events"),
        panels,
        panels_error: why("panels"),
        least: Weight::ALL.map(|one| (one.word(), hears::weight_words(one), one == typed.least())).into(),
        topics: HookTopic::ALL
            .iter()
            .map(|one| (one.word(), hears::topic_words(*one), *one == typed.topic()))
            .collect(),
        scopes: HookScope::ALL
            .iter()
            .map(|one| (one.word(), hears::scope_words(*one), *one == typed.scope()))
            .collect(),
    }
}

fn url_field(typed: &Typed, hook: Option<&Webhook>) -> Field {
    let field = Field::url("url", "Address").most(2000);
    let for_some = "for Discord and programs";
    let field = match hook {
        Some(hook) => field
            .value(shown_address(&hook.target).unwrap_or_default())
            .helps("Leave it as it is to keep the stored address, which is never shown whole."),
        None if !typed.errors.is_empty() => {
            field.only(for_some).helps("Type it again: forms never show addresses, since who knows one can post.")
        }
        None => field.only(for_some).helps(
            "For Discord: channel settings, Integrations, Webhooks, Copy Webhook URL. For a program of yours: where it listens. It is stored encrypted.",
        ),
    };
    field.checked(&typed.errors)
}

fn panels(known: &Known, typed: &Typed) -> Vec<(PanelId, String, bool)> {
    let mut panels: Vec<_> =
        known.panels.iter().map(|panel| (panel.id, panel.name.clone(), typed.panels.contains(&panel.id))).collect();
    // Otherwise what was chosen would be lost when the form is saved.
    let gone = typed.panels.iter().filter(|id| known.panel(**id).is_none());
    panels.extend(gone.map(|id| (*id, known.panel_name(*id), true)));
    panels
}

/// Takes the form and makes a webhook.
pub(super) async fn make(
    may: Allow<perm::WebhookWrite>,
    desk: Desk,
    webhooks: Data<Webhooks>,
    fresh: Data<Fresh>,
    sent: Sent,
) -> PageResult {
    desk.check(sent.token())?;
    let mut typed = Typed::sent(&sent);
    if let Some(new) = read_new(&sent, &mut typed) {
        if typed.errors.is_empty() {
            match webhooks.make(&desk.who(), new.clone()).await {
                Ok(made) => return made_page(&may.caller, &desk, &fresh, made).await,
                Err(error) => note(&mut typed.errors, error)?,
            }
        }
        for fault in webhooks.faults(&new).await? {
            note(&mut typed.errors, fault)?;
        }
    }
    show(desk, typed, None).await
}

/// Leads to what was made: to its secret, if it has one.
async fn made_page(by: &Caller, desk: &Desk, fresh: &Fresh, made: Made) -> PageResult {
    let Made { webhook, secret, twins } = made;
    match secret {
        Some(secret) => {
            let why = if twins.is_empty() { Why::Made } else { Why::MadeTwin };
            fresh.hold(by, webhook.id, secret, why, desk.env.now());
            Ok(see_other(&webhook_acts::secret_page(webhook.id)))
        }
        None if twins.is_empty() => Ok(webhook::back(desk, webhook.id, "webhook-made").await?),
        None => Ok(webhook::back(desk, webhook.id, "webhook-made-twin").await?),
    }
}

fn note(errors: &mut Errors, error: Error) -> Result<(), PageError> {
    errors.note(error.into())
}

/// Takes the form and changes a webhook.
pub(super) async fn save(
    _may: Allow<perm::WebhookWrite>,
    desk: Desk,
    webhooks: Data<Webhooks>,
    id: Path<WebhookId>,
    sent: Sent,
) -> PageResult {
    desk.check(sent.token())?;
    let hook = webhooks.require(*id).await?.webhook;
    if sent.field("had") != hook.updated_at.to_string() {
        let mut typed = Typed::of(&hook);
        typed.errors.put(
            "",
            "somebody changed this webhook since you opened this page. Look at what is there now, and change it again",
        );
        return show(desk, typed, Some(hook)).await;
    }
    let mut typed = Typed { kind: hook.target.word().to_owned(), ..Typed::sent(&sent) };
    let patch = read_patch(&sent, &typed, &hook);
    match webhooks.change(&desk.who(), hook.id, patch.clone()).await {
        Ok(_) => return Ok(webhook::back(&desk, hook.id, "webhook-changed").await?),
        Err(error) => note(&mut typed.errors, error)?,
    }
    for fault in webhooks.faults_of_change(hook.id, &patch).await? {
        note(&mut typed.errors, fault)?;
    }
    show(desk, typed, Some(hook)).await
}

/// What was typed, unless it is not said where events go, with what only the form can tell of it; the rest is checked by the
/// service.
fn read_new(sent: &Sent, typed: &mut Typed) -> Option<NewWebhook> {
    typed.errors.require(sent, &[("name", "give the webhook a name")]);
    let url = || Secret::from(sent.field("url").trim());
    let target = match typed.kind.as_str() {
        "discord" => Some(NewTarget::Discord { url: url() }),
        "http" => Some(NewTarget::Http { url: url(), secret: None }),
        "mail" => Some(NewTarget::Mail { to: typed.addresses() }),
        _ => None,
    };
    match target {
        None => typed.errors.put("target", "choose where the events go"),
        Some(NewTarget::Mail { ref to }) if to.is_empty() => {
            typed.errors.put("to", "write at least one e-mail address")
        }
        Some(NewTarget::Mail { .. }) => {}
        Some(_) => typed.errors.require(sent, &[("url", "paste the address")]),
    }
    Some(NewWebhook {
        name: sent.field("name").to_owned(),
        description: sent.field("description").to_owned(),
        target: target?,
        topic: typed.topic(),
        scope: typed.scope(),
        events: typed.events(),
        panels: typed.panels.clone(),
        least: typed.least(),
    })
}

fn read_patch(sent: &Sent, typed: &Typed, hook: &Webhook) -> WebhookPatch {
    let is_mail = matches!(hook.target, HookTarget::Mail { .. });
    WebhookPatch {
        name: Some(sent.field("name").to_owned()),
        description: Some(sent.field("description").to_owned()),
        url: (!is_mail).then(|| Secret::from(sent.field("url").trim())),
        to: is_mail.then(|| typed.addresses()),
        topic: Some(typed.topic()),
        scope: Some(typed.scope()),
        events: Some(typed.events().unwrap_or_else(|| hears::suited(typed.topic(), typed.scope()))),
        panels: Some(typed.panels.clone()),
        least: Some(typed.least()),
        is_enabled: None,
    }
}
