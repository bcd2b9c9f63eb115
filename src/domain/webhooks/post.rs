//! How events are written for each target, and sent.

use std::sync::atomic::{AtomicBool, Ordering};

use aviary_kernel::base::{Error, Result, Secret, Timestamp};
use aviary_kernel::model::{DeliveryId, Event, HookTarget, Webhook};
use aviary_remote::hooks::Post;
use aviary_remote::hooks::discord::{Message, pack};
use aviary_remote::hooks::signature::{ID_HEADER, SIGNATURE_HEADER, SigningSecret, TIMESTAMP_HEADER, sign};
use futures_util::stream::{self, TryStreamExt};
use serde::Serialize;
use serde_json::Value;
use url::Url;

use super::Webhooks;
use super::embed::{Shown, embeds};
use super::mark::Tried;
use super::next::Waiting;

/// Messages that are on their way to one endpoint at a time.
const HTTP_AT_ONCE: usize = 8;

/// What an endpoint gets.
#[derive(Serialize)]
struct Body<'a> {
    id: String,
    #[serde(rename = "type")]
    name: &'static str,
    timestamp: Timestamp,
    panel: Option<u32>,
    summary: &'a str,
    data: Value,
}

/// What an endpoint of one's own is spoken to with.
pub(super) struct HttpTarget {
    url: Url,
    secrets: Vec<SigningSecret>,
}

impl Webhooks {
    pub(super) async fn send_http(&self, hook: &Webhook, waiting: Vec<Waiting>) -> Result<()> {
        let target = self.http_target(hook)?;
        let halted = AtomicBool::new(false);
        let (target, halted) = (&target, &halted);
        stream::iter(waiting.into_iter().map(Ok))
            .try_for_each_concurrent(HTTP_AT_ONCE, |waiting| async move {
                let Some(event) = waiting.event.filter(|_| !halted.load(Ordering::Relaxed)) else { return Ok(()) };
                let mut tried = self.try_http(target, &event).await?;
                if tried.attempt.outcome.is_err() || tried.attempt.pause.is_some() {
                    // What was on its way beside it and failed as well says nothing new about the endpoint.
                    tried.is_echo = halted.swap(true, Ordering::Relaxed);
                }
                self.mark(hook.id, vec![waiting.delivery.id], tried).await.map(drop)
            })
            .await
    }

    pub(super) async fn send_discord(&self, hook: &Webhook, waiting: Vec<Waiting>) -> Result<()> {
        let url = self.address(hook)?;
        let site_name = self.inner.settings.current().site_name.clone();
        let shown = embeds(&waiting, &site_name);
        for (message, ids) in messages(shown, &site_name) {
            let tried = self.try_discord(&url, &message).await?;
            if !self.mark(hook.id, ids, tried).await?.may_go_on() {
                break;
            }
        }
        Ok(())
    }

    pub(super) async fn try_http(&self, target: &HttpTarget, event: &Event) -> Result<Tried> {
        let at = self.env().now();
        let body = body(event)?;
        let id = event.id.to_string();
        let headers = vec![
            (ID_HEADER.to_owned(), id.clone()),
            (TIMESTAMP_HEADER.to_owned(), at.seconds().to_string()),
            (SIGNATURE_HEADER.to_owned(), sign(&target.secrets, &id, at, &body)),
        ];
        let secrets = target.secrets.iter().map(SigningSecret::text).collect();
        let post = Post { url: target.url.clone(), headers, body: body.into(), secrets };
        Ok(Tried { at, attempt: self.inner.client.post(post).await, is_echo: false })
    }

    pub(super) async fn try_discord(&self, url: &Url, message: &Message) -> Result<Tried> {
        let at = self.env().now();
        let body = serde_json::to_vec(message).map_err(Error::internal)?;
        let post = Post { url: url.clone(), headers: Vec::new(), body: body.into(), secrets: Vec::new() };
        Ok(Tried { at, attempt: self.inner.client.post(post).await, is_echo: false })
    }

    pub(super) fn http_target(&self, hook: &Webhook) -> Result<HttpTarget> {
        let HookTarget::Http { secret, old_secret, .. } = &hook.target else {
            return Err(Error::internal("a webhook without a secret was to sign"));
        };
        let mut secrets = vec![self.signing_secret(hook, "secret", secret)?];
        if let Some((old, until)) = old_secret
            && *until > self.env().now()
        {
            secrets.push(self.signing_secret(hook, "old_secret", old)?);
        }
        Ok(HttpTarget { url: self.address(hook)?, secrets })
    }

    fn signing_secret(
        &self,
        hook: &Webhook,
        what: &str,
        sealed: &aviary_kernel::base::Sealed,
    ) -> Result<SigningSecret> {
        SigningSecret::parse(self.open(hook.id, what, sealed)?.reveal())
    }

    /// The address of a webhook, opened.
    pub(super) fn address(&self, hook: &Webhook) -> Result<Url> {
        let (HookTarget::Discord { url, .. } | HookTarget::Http { url, .. }) = &hook.target else {
            return Err(Error::internal("a webhook without an address was to be posted to"));
        };
        let url: Secret<String> = self.open(hook.id, "url", url)?;
        Url::parse(url.reveal()).map_err(|_| Error::corrupt("webhooks", "an address cannot be read"))
    }
}

/// The messages for these embeds, with the deliveries that each stands for.
pub(super) fn messages(shown: Vec<Shown>, site_name: &str) -> Vec<(Message, Vec<DeliveryId>)> {
    let (embeds, stand_for): (Vec<_>, Vec<_>) = shown.into_iter().map(|shown| (shown.embed, shown.stands_for)).unzip();
    let packed = pack(embeds).into_iter();
    packed
        .map(|packed| {
            let ids = packed.carries.iter().filter_map(|at| stand_for.get(*at)).flatten().copied();
            (packed.message.username(site_name), ids.collect())
        })
        .collect()
}

fn body(event: &Event) -> Result<Vec<u8>> {
    let data = serde_json::from_str(&event.data).map_err(|e| Error::corrupt("events", e))?;
    let body = Body {
        id: event.id.to_string(),
        name: event.name.name(),
        timestamp: event.at,
        panel: event.panel.map(|panel| panel.0),
        summary: &event.summary,
        data,
    };
    serde_json::to_vec(&body).map_err(Error::internal)
}
