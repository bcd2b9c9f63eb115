//! Events that somebody asks for.

use aviary_domain::settings::{Key, Wanted};
use aviary_kernel::base::Error;
use aviary_kernel::model::{Action, DeliveryState, HookScope};
use aviary_kernel::store::tables::AUDIT;
use aviary_kernel::store::{Read, Span};
use aviary_sim::{Fault, Match, Trouble};
use serde_json::{Map, Value, json};

use super::{Hall, a_discord, discord, http, job_dead, new_hook, sink};
use crate::lab::who;

fn data(value: Value) -> Map<String, Value> {
    value.as_object().unwrap().clone()
}

#[tokio::test]
async fn what_another_program_sends_goes_to_every_webhook_that_is_on() {
    let (hall, sink, discord_) = (Hall::new(), sink().await, a_discord().await);
    let silent = aviary_domain::webhooks::NewWebhook {
        scope: HookScope::Public,
        ..new_hook("silent", http(&sink.at("/in")), &[])
    };
    hall.make(silent).await;
    hall.make(new_hook("ops", discord(&discord_.webhook_url()), &["store.*"])).await;
    let off = hall.make(new_hook("off", http(&sink.at("/off")), &["*"])).await.webhook;
    hall.webhooks.set_enabled(&who(), off.id, false).await.unwrap();
    let sent = hall.webhooks.dispatch(&who(), "invoice.paid", &data(json!({"amount": 12, "to": "@everyone"}))).await;
    assert_eq!(sent.unwrap().deliveries.len(), 2);
    hall.settle().await;
    let body = sink.events().all().remove(0).request.json().unwrap();
    assert_eq!(body["data"], json!({"event": "invoice.paid", "data": {"amount": "12", "to": "@everyone"}}));
    let embed = discord_.messages().all()[0].embeds[0].clone();
    assert_eq!(embed["title"], "📢 Notification");
    assert!(embed["description"].as_str().unwrap().contains("invoice.paid"));
    assert!(!embed.to_string().contains("@everyone"), "nobody is called by what others write");
    assert_eq!(sink.deliveries().total(), 1);
}

#[tokio::test]
async fn the_switch_holds_back_what_aviary_notices_and_nothing_that_somebody_asks_for() {
    let (hall, discord_) = (Hall::new(), a_discord().await);
    let hook = hall.make(new_hook("ops", discord(&discord_.webhook_url()), &["*"])).await.webhook;
    let off = vec![(Key::DiscordNotifications, Wanted::from("false"))];
    hall.settings.change(&who(), off).await.unwrap();
    hall.settle().await;
    hall.raise(job_dead()).await;
    hall.settle().await;
    assert_eq!(discord_.messages().total(), 0);
    assert_eq!(hall.in_state(hook.id, DeliveryState::Dropped).await, 2, "the change of the settings, and the job");
    hall.webhooks.dispatch(&who(), "server.suspended", &data(json!({"name": "s1"}))).await.unwrap();
    hall.settle().await;
    assert!(hall.webhooks.try_out(&who(), hook.id).await.unwrap().attempt.error.is_none());
    assert_eq!(discord_.messages().total(), 2);
}

#[tokio::test]
async fn a_test_is_sent_at_once_also_to_one_that_is_off_and_its_success_is_kept() {
    let (hall, discord_, sink) = (Hall::new(), a_discord().await, sink().await);
    let hook = hall.make(new_hook("ops", discord(&discord_.webhook_url()), &[])).await.webhook;
    hall.webhooks.set_enabled(&who(), hook.id, false).await.unwrap();
    let tried = hall.webhooks.try_out(&who(), hook.id).await.unwrap();
    assert_eq!((tried.attempt.status, tried.webhook.test_success_at), (Some(204), Some(hall.env.now())));
    assert_eq!(discord_.messages().all()[0].embeds[0]["title"], "🧪 Webhook Test");
    assert!(!tried.webhook.is_enabled);

    let own = hall.make(new_hook("own", http(&sink.at("/in")), &[])).await.webhook;
    sink.faults().inject(Fault::new(Match::any().once(), Trouble::Status(500)));
    let failed = hall.webhooks.try_out(&who(), own.id).await.unwrap();
    assert!(failed.attempt.error.unwrap().contains("500") && failed.webhook.test_success_at.is_none());
    assert_eq!(hall.only(own.id).await.state, DeliveryState::Failed);
    hall.after(3600).await;
    assert_eq!(sink.deliveries().total(), 1, "a test is not tried again");
    let trail = hall.store.read(|tx| tx.all(AUDIT, &Span::all())).await.unwrap();
    assert_eq!(trail.iter().filter(|(_, event)| event.action == Action::WebhookTested).count(), 2);
    assert!(matches!(hall.webhooks.try_out(&who(), uuid::Uuid::nil()).await, Err(Error::NotFound { .. })));
}
