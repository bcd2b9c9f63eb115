//! How webhooks are made, changed and removed; each with its line in the audit trail.

use std::time::Duration;

use aviary_kernel::base::{Error, Result, Secret, Timestamp};
use aviary_kernel::model::{
    Action, Actor, Email, EventPattern, HookScope, HookTarget, HookTopic, PanelId, Webhook, WebhookId, Weight,
};
use aviary_kernel::store::rows::Change;
use aviary_kernel::store::tables::{PANELS, WEBHOOKS};
use aviary_kernel::store::{Read, Span, WriteTx};
use aviary_remote::hooks::signature::SigningSecret;

use super::address::{self, Address};
use super::{Webhooks, about, require, suited_events};
use crate::{audit, events, feed};

/// The longest name, in characters.
const LONGEST_NAME: usize = 100;
/// The longest description, in characters.
const LONGEST_DESCRIPTION: usize = 500;
/// So many patterns of events one webhook may have.
const MOST_EVENTS: usize = 100;
/// So many addresses one mail goes to.
const MOST_ADDRESSES: usize = 20;
/// After a renewal is signed with the old secret too for so long, so that the other side can take its time.
const OLD_SECRET_FOR: Duration = Duration::from_secs(24 * 3600);

/// A webhook that somebody wants.
#[derive(Clone, Debug)]
pub struct NewWebhook {
    /// What people call it; 1 to 100 characters.
    pub name: String,
    /// What it is for, up to 500 characters.
    pub description: String,
    /// Where events go.
    pub target: NewTarget,
    /// What it is about.
    pub topic: HookTopic,
    /// Whom it is for.
    pub scope: HookScope,
    /// The events it wants, such as `server.*`; none = those that suit topic and scope.
    pub events: Option<Vec<String>>,
    /// The panels it wants to hear of; empty = all.
    pub panels: Vec<PanelId>,
    /// Nothing that matters less.
    pub least: Weight,
}

/// Where events are to go.
#[derive(Clone, Debug)]
pub enum NewTarget {
    /// To a webhook of Discord, or something that takes the same.
    Discord {
        /// The address.
        url: Secret<String>,
    },
    /// Anywhere, as signed JSON.
    Http {
        /// The address.
        url: Secret<String>,
        /// The secret to sign with, `whsec_…`; none = a new one.
        secret: Option<Secret<String>>,
    },
    /// To people.
    Mail {
        /// To whom.
        to: Vec<String>,
    },
}

/// What is to become different about a webhook; what is none stays as it is.
#[derive(Clone, Debug, Default)]
pub struct WebhookPatch {
    /// What people call it.
    pub name: Option<String>,
    /// What it is for.
    pub description: Option<String>,
    /// Its address; empty or as it is shown = as it is.
    pub url: Option<Secret<String>>,
    /// To whom mail goes.
    pub to: Option<Vec<String>>,
    /// What it is about. Events that were those that suit the old one follow.
    pub topic: Option<HookTopic>,
    /// Whom it is for; events as with the topic.
    pub scope: Option<HookScope>,
    /// The events it wants.
    pub events: Option<Vec<String>>,
    /// The panels it wants to hear of.
    pub panels: Option<Vec<PanelId>>,
    /// Nothing that matters less.
    pub least: Option<Weight>,
    /// Whether anything is sent. What waits when it is turned off is not sent; it can be asked for again.
    pub is_enabled: Option<bool>,
}

/// A webhook that was made.
#[derive(Clone, Debug)]
pub struct Made {
    /// The webhook.
    pub webhook: Webhook,
    /// What it is signed with; for an endpoint of one's own.
    pub secret: Option<Secret<String>>,
    /// What others with the same address are called: they will get the same twice.
    pub twins: Vec<String>,
}

/// A target whose values were looked at, not sealed yet: that is done in the transaction that stores it.
pub(super) enum Checked {
    Discord(Address),
    Http(Address, SigningSecret),
    Mail(Vec<Email>),
}

impl Webhooks {
    /// Makes a webhook, turned on.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a value that cannot be taken.
    pub async fn make(&self, by: &Actor, new: NewWebhook) -> Result<Made> {
        let target = self.check_target(&new.target).await?;
        let (name, description) = (parse_name(&new.name)?, parse_description(&new.description)?);
        let events = match &new.events {
            Some(events) => parse_events(events)?,
            None => suited_events(new.topic, new.scope),
        };
        let (this, by) = (self.clone(), by.clone());
        self.store()
            .write(move |tx| {
                check_panels(tx, &new.panels)?;
                let (id, now) = (this.env().ids.next(), this.env().now());
                let secret = if let Checked::Http(_, secret) = &target { Some(secret.text()) } else { None };
                let webhook = Webhook {
                    id,
                    name,
                    description,
                    target: this.seal_target(id, target)?,
                    topic: new.topic,
                    scope: new.scope,
                    events,
                    panels: new.panels,
                    least: new.least,
                    is_enabled: true,
                    disabled_why: None,
                    failing_since: None,
                    failures: 0,
                    test_success_at: None,
                    created_at: now,
                    updated_at: now,
                };
                let twins = twins(tx, &webhook)?;
                this.put(tx, &webhook)?;
                let did = about(&webhook, Action::WebhookMade)
                    .changed("target", None, Some(target_told(&webhook.target)))
                    .changed("events", None, Some(events_told(&webhook.events)));
                audit::record(tx, this.env(), &by, did)?;
                Ok(Made { webhook, secret, twins })
            })
            .await
    }

    /// Changes a webhook. When nothing becomes different, nothing is written.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Invalid`] for a value that cannot be taken.
    pub async fn change(&self, by: &Actor, id: WebhookId, patch: WebhookPatch) -> Result<Webhook> {
        let before = self.require(id).await?.webhook;
        let address = self.check_address(&before, patch.url.as_ref()).await?;
        let to = match (&before.target, &patch.to) {
            (_, None) => None,
            (HookTarget::Mail { .. }, Some(to)) => Some(parse_addresses(to)?),
            (_, Some(_)) => return Err(Error::invalid("to", "is for webhooks that send mail")),
        };
        let (this, by) = (self.clone(), by.clone());
        let after = self
            .store()
            .write(move |tx| {
                let before = require(tx, id)?;
                let after = this.patched(tx, &before, patch, address, to)?;
                if after == before {
                    return Ok(after);
                }
                let after = Webhook { updated_at: this.env().now(), ..after };
                this.put(tx, &after)?;
                audit::record(tx, this.env(), &by, difference(&before, &after))?;
                if after.is_enabled && after.failures < before.failures {
                    events::wake(tx, this.env(), id)?;
                }
                Ok(after)
            })
            .await?;
        if after.is_enabled && after.failures == 0 && before.failures > 0 {
            // Somebody turned it on again or gave it another address, so it is worth a try.
            self.end_pause(id);
        }
        if !after.is_enabled {
            self.drop_all(id, "the webhook was turned off").await?;
        }
        Ok(after)
    }

    /// Turns a webhook on or off.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn set_enabled(&self, by: &Actor, id: WebhookId, is_enabled: bool) -> Result<Webhook> {
        self.change(by, id, WebhookPatch { is_enabled: Some(is_enabled), ..WebhookPatch::default() }).await
    }

    /// Removes a webhook and what is known of its deliveries. The events stay.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn remove(&self, by: &Actor, id: WebhookId) -> Result<()> {
        let (this, actor) = (self.clone(), by.clone());
        self.store()
            .write(move |tx| {
                let hook = require(tx, id)?;
                tx.remove(WEBHOOKS, &id)?;
                feed::append(tx, this.env(), Change::Webhook(id))?;
                audit::record(tx, this.env(), &actor, about(&hook, Action::WebhookRemoved)).map(drop)
            })
            .await?;
        self.end_pause(id);
        self.forget_deliveries_of(id).await
    }

    /// The secret that messages are signed with; that somebody looked at it is put on record.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Conflict`] when its messages are not signed.
    pub async fn reveal_secret(&self, by: &Actor, id: WebhookId) -> Result<Secret<String>> {
        let (this, by) = (self.clone(), by.clone());
        self.store()
            .write(move |tx| {
                let hook = require(tx, id)?;
                let HookTarget::Http { secret, .. } = &hook.target else { return Err(unsigned(&hook)) };
                let secret = this.open(id, "secret", secret)?;
                audit::record(tx, this.env(), &by, about(&hook, Action::WebhookSecretSeen))?;
                Ok(secret)
            })
            .await
    }

    /// Gives a webhook a new secret. For a day messages are signed with the old one too. Whoever was asked at some time renews
    /// what there was then: a form that is sent twice does not end the secret that the receiver has.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Conflict`] when its messages are not signed, or it was renewed since `asked`.
    pub async fn renew_secret(&self, by: &Actor, id: WebhookId, asked: Option<Timestamp>) -> Result<Secret<String>> {
        let new = SigningSecret::generate()?.text();
        let (this, by) = (self.clone(), by.clone());
        self.store()
            .write(move |tx| {
                let mut hook = require(tx, id)?;
                let HookTarget::Http { secret, old_secret, .. } = &mut hook.target else {
                    return Err(unsigned(&hook));
                };
                if let (Some(asked), Some((_, until))) = (asked, &*old_secret)
                    && *until > asked.plus(OLD_SECRET_FOR)
                {
                    let why = "the secret was renewed since you were asked; renew it again only if it got lost";
                    return Err(Error::Conflict(why.into()));
                }
                let old = this.open(id, "secret", secret)?;
                *old_secret = Some((this.seal(id, "old_secret", &old)?, this.env().now().plus(OLD_SECRET_FOR)));
                *secret = this.seal(id, "secret", &new)?;
                hook.updated_at = this.env().now();
                this.put(tx, &hook)?;
                audit::record(tx, this.env(), &by, about(&hook, Action::WebhookSecretRenewed))?;
                Ok(new)
            })
            .await
    }

    pub(super) async fn check_target(&self, target: &NewTarget) -> Result<Checked> {
        Ok(match target {
            NewTarget::Discord { url } => Checked::Discord(address::of_discord(url, &self.inner.outside).await?),
            NewTarget::Http { url, secret } => {
                let secret = match secret {
                    Some(secret) => SigningSecret::parse(secret.reveal())?,
                    None => SigningSecret::generate()?,
                };
                Checked::Http(address::of_http(url, &self.inner.outside).await?, secret)
            }
            NewTarget::Mail { to } => Checked::Mail(parse_addresses(to)?),
        })
    }

    /// The address that was sent, unless it is the one that is there, coming back as it was shown.
    pub(super) async fn check_address(&self, hook: &Webhook, sent: Option<&Secret<String>>) -> Result<Option<Address>> {
        let Some(sent) = sent.filter(|sent| !sent.reveal().trim().is_empty()) else { return Ok(None) };
        let shown = match &hook.target {
            HookTarget::Discord { shown, .. } | HookTarget::Http { shown, .. } => shown,
            HookTarget::Mail { .. } => return Err(Error::invalid("url", "is not for webhooks that send mail")),
        };
        if sent.reveal().trim() == shown {
            return Ok(None);
        }
        if address::is_masked(sent.reveal()) {
            return Err(Error::invalid("url", "is not whole; copy it again, or leave it out to keep the one there is"));
        }
        let outside = &self.inner.outside;
        match &hook.target {
            HookTarget::Discord { .. } => address::of_discord(sent, outside).await.map(Some),
            _ => address::of_http(sent, outside).await.map(Some),
        }
    }

    fn seal_target(&self, id: WebhookId, target: Checked) -> Result<HookTarget> {
        let address = |address: Address| {
            let mark = self.inner.sealer.fingerprint(address.url.reveal().as_bytes());
            Ok::<_, Error>((self.seal(id, "url", &address.url)?, mark, address.shown))
        };
        Ok(match target {
            Checked::Discord(at) => {
                let (url, mark, shown) = address(at)?;
                HookTarget::Discord { url, mark, shown }
            }
            Checked::Http(at, secret) => {
                let (url, mark, shown) = address(at)?;
                let secret = self.seal(id, "secret", &secret.text())?;
                HookTarget::Http { url, mark, shown, secret, old_secret: None }
            }
            Checked::Mail(to) => HookTarget::Mail { to },
        })
    }

    fn patched(
        &self,
        reader: &impl Read,
        before: &Webhook,
        patch: WebhookPatch,
        address: Option<Address>,
        to: Option<Vec<Email>>,
    ) -> Result<Webhook> {
        let mut after = before.clone();
        if let Some(address) = address {
            self.move_to(&mut after, address)?;
        }
        if let Some(to) = to {
            after.target = HookTarget::Mail { to };
        }
        after.name = patch.name.as_deref().map(parse_name).transpose()?.unwrap_or(after.name);
        after.description =
            patch.description.as_deref().map(parse_description).transpose()?.unwrap_or(after.description);
        let followed = before.events == suited_events(before.topic, before.scope);
        after.topic = patch.topic.unwrap_or(after.topic);
        after.scope = patch.scope.unwrap_or(after.scope);
        after.events = match patch.events {
            Some(events) => parse_events(&events)?,
            None if followed => suited_events(after.topic, after.scope),
            None => after.events,
        };
        if let Some(panels) = patch.panels {
            check_panels(reader, &panels)?;
            after.panels = panels;
        }
        after.least = patch.least.unwrap_or(after.least);
        if let Some(is_enabled) = patch.is_enabled.filter(|is_enabled| *is_enabled != before.is_enabled) {
            after.is_enabled = is_enabled;
            (after.disabled_why, after.failing_since, after.failures) = (None, None, 0);
        }
        Ok(after)
    }

    fn move_to(&self, hook: &mut Webhook, address: Address) -> Result<()> {
        let new_mark = self.inner.sealer.fingerprint(address.url.reveal().as_bytes());
        let (HookTarget::Discord { url, mark, shown } | HookTarget::Http { url, mark, shown, .. }) = &mut hook.target
        else {
            return Ok(());
        };
        if *mark == new_mark {
            return Ok(());
        }
        *url = self.seal(hook.id, "url", &address.url)?;
        (*mark, *shown) = (new_mark, address.shown);
        (hook.failing_since, hook.failures, hook.test_success_at) = (None, 0, None);
        Ok(())
    }
}

/// What others with the same address are called.
fn twins(tx: &WriteTx<'_>, hook: &Webhook) -> Result<Vec<String>> {
    let Some(mark) = mark(&hook.target) else { return Ok(Vec::new()) };
    let others = tx.all(WEBHOOKS, &Span::all())?.into_iter().map(|(_, other)| other);
    Ok(others.filter(|other| self::mark(&other.target) == Some(mark)).map(|other| other.name).collect())
}

fn mark(target: &HookTarget) -> Option<aviary_kernel::base::Fingerprint> {
    match target {
        HookTarget::Discord { mark, .. } | HookTarget::Http { mark, .. } => Some(*mark),
        HookTarget::Mail { .. } => None,
    }
}

fn unsigned(hook: &Webhook) -> Error {
    Error::Conflict(format!("{} has no secret: only messages to endpoints of one's own are signed", hook.name))
}

pub(super) fn parse_name(raw: &str) -> Result<String> {
    let name = raw.trim();
    match name.chars().count() {
        1..=LONGEST_NAME if !name.chars().any(char::is_control) => Ok(name.to_owned()),
        _ => Err(Error::invalid("name", format!("needs 1 to {LONGEST_NAME} characters on one line"))),
    }
}

pub(super) fn parse_description(raw: &str) -> Result<String> {
    let text = raw.trim();
    let is_text = !text.chars().any(|c| c.is_control() && c != '\n' && c != '\r');
    if is_text && text.chars().count() <= LONGEST_DESCRIPTION {
        return Ok(text.to_owned());
    }
    Err(Error::invalid("description", format!("is text of at most {LONGEST_DESCRIPTION} characters")))
}

pub(super) fn parse_events(events: &[String]) -> Result<Vec<EventPattern>> {
    if events.len() > MOST_EVENTS {
        return Err(Error::invalid("events", format!("are at most {MOST_EVENTS}; patterns such as server.* help")));
    }
    let mut patterns = Vec::new();
    for text in events {
        let pattern = EventPattern::parse(text)?;
        if !patterns.contains(&pattern) {
            patterns.push(pattern);
        }
    }
    Ok(patterns)
}

pub(super) fn parse_addresses(to: &[String]) -> Result<Vec<Email>> {
    if to.is_empty() || to.len() > MOST_ADDRESSES {
        return Err(Error::invalid("to", format!("needs 1 to {MOST_ADDRESSES} e-mail addresses")));
    }
    let mut addresses: Vec<Email> = Vec::new();
    for raw in to {
        let address = Email::parse(raw)
            .map_err(|_| Error::invalid("to", "holds something that is no e-mail address, like ada@example.com"))?;
        if !addresses.iter().any(|known| known.key() == address.key()) {
            addresses.push(address);
        }
    }
    Ok(addresses)
}

pub(super) fn check_panels(reader: &impl Read, panels: &[PanelId]) -> Result<()> {
    for id in panels {
        let panel = reader.get(PANELS, id)?.filter(|panel| !panel.removing);
        if panel.is_none() {
            return Err(Error::invalid("panels", format!("there is no panel {id}")));
        }
    }
    Ok(())
}

/// Tells something about a webhook in the audit trail.
type Tell<'a> = &'a dyn Fn(&Webhook) -> String;

fn difference(before: &Webhook, after: &Webhook) -> audit::Did {
    let action = match (before.is_enabled, after.is_enabled) {
        (true, false) => Action::WebhookDisabled,
        _ => Action::WebhookChanged,
    };
    let panels = |hook: &Webhook| hook.panels.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let told: [(&str, Tell<'_>); 9] = [
        ("name", &|hook| hook.name.clone()),
        ("description", &|hook| hook.description.clone()),
        ("target", &|hook| target_told(&hook.target)),
        ("type", &|hook| hook.topic.word().to_owned()),
        ("scope", &|hook| hook.scope.word().to_owned()),
        ("events", &|hook| events_told(&hook.events)),
        ("panels", &panels),
        ("severity", &|hook| hook.least.word().to_owned()),
        ("enabled", &|hook| hook.is_enabled.to_string()),
    ];
    told.into_iter()
        .fold(about(after, action), |did, (field, tell)| did.changed(field, Some(tell(before)), Some(tell(after))))
}

/// The target for the audit trail. The mark tells two addresses apart that are shown alike.
fn target_told(target: &HookTarget) -> String {
    match target {
        HookTarget::Discord { shown, mark, .. } | HookTarget::Http { shown, mark, .. } => {
            format!("{} {shown} {}", target.word(), crate::masked::marked(*mark))
        }
        HookTarget::Mail { to } => {
            let to: Vec<_> = to.iter().map(Email::as_str).collect();
            format!("mail to {}", to.join(", "))
        }
    }
}

fn events_told(events: &[EventPattern]) -> String {
    events.iter().map(EventPattern::text).collect::<Vec<_>>().join(", ")
}
