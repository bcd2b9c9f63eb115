//! A message that was posted.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::discord::DiscordWebhook;
use crate::discord::check::{list, text};

/// A message that was posted through a webhook.
#[derive(Debug, Clone)]
pub struct DiscordMessage {
    /// When.
    pub at: Timestamp,
    /// Id of the message.
    pub id: u64,
    /// Id of the webhook.
    pub webhook: u64,
    /// Who it says to be from.
    pub username: String,
    /// The text, empty when there is none.
    pub content: String,
    /// The embeds as they were sent.
    pub embeds: Vec<Value>,
    /// The whole form as it was sent.
    pub form: Value,
}

impl DiscordMessage {
    pub(crate) fn new(webhook: &DiscordWebhook, id: u64, at: Timestamp, form: Map<String, Value>) -> Self {
        Self {
            at,
            id,
            webhook: webhook.id,
            username: text(&form, "username").unwrap_or(&webhook.name).to_owned(),
            content: text(&form, "content").unwrap_or_default().to_owned(),
            embeds: list(&form, "embeds").cloned().unwrap_or_default(),
            form: Value::Object(form),
        }
    }

    /// The message object. <https://docs.discord.com/developers/resources/message#message-object>
    pub(crate) fn show(&self) -> Value {
        json!({
            "type": 0,
            "content": self.content,
            "mentions": [],
            "mention_roles": [],
            "attachments": [],
            "embeds": self.embeds.iter().map(with_type).collect::<Vec<_>>(),
            "timestamp": time(self.at),
            "edited_timestamp": null,
            "flags": 0,
            "components": [],
            "id": self.id.to_string(),
            "channel_id": CHANNEL,
            "author": {
                "id": self.webhook.to_string(),
                "username": self.username,
                "avatar": null,
                "discriminator": "0000",
                "public_flags": 0,
                "flags": 0,
                "bot": true,
                "global_name": null,
                "clan": null,
                "primary_guild": null,
            },
            "pinned": false,
            "mention_everyone": false,
            "tts": self.form.get("tts").and_then(Value::as_bool).unwrap_or(false),
            "webhook_id": self.webhook.to_string(),
        })
    }
}

const CHANNEL: &str = "1300000000000000100";
const GUILD: &str = "1300000000000000200";

/// The webhook object as it is shown to who has the token.
pub(crate) fn webhook(webhook: &DiscordWebhook, url: &str) -> Value {
    json!({
        "application_id": null,
        "avatar": null,
        "channel_id": CHANNEL,
        "guild_id": GUILD,
        "id": webhook.id.to_string(),
        "name": webhook.name,
        "type": 1,
        "token": webhook.token,
        "url": url,
    })
}

fn with_type(embed: &Value) -> Value {
    let mut embed = embed.clone();
    if let Value::Object(map) = &mut embed {
        map.insert("type".to_owned(), json!("rich"));
    }
    embed
}

fn time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S.%6f+00:00").to_string()
}
