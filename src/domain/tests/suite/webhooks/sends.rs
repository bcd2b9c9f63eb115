//! What waits is sent, at least once, and nobody waits for somebody else.

use std::time::Duration;

use aviary_domain::events::Happening;
use aviary_domain::webhooks::NewTarget;
use aviary_kernel::model::{DeliveryState, JobKind, MailContent};
use aviary_kernel::store::tables::{JOBS, MAILS};
use aviary_kernel::store::{Read, Span};
use aviary_sim::Signature;
use aviary_sim::{Fault, Match, Trouble};
use serde_json::json;

use super::{Hall, a_discord, discord, facts, http, job_dead, new_hook, sink, soon};

#[tokio::test]
async fn an_endpoint_gets_a_signed_message_with_the_facts() {
    let (hall, sink) = (Hall::new(), sink().await);
    let hook = hall.make(new_hook("own", http(&sink.at("/in")), &["*"])).await.webhook;
    let event = hall.raise(Happening::PanelUnreachable(facts())).await;
    hall.settle().await;
    let got = sink.events().all().remove(0);
    assert_eq!((got.signature, got.id), (Signature::Right, Some(event.to_string())));
    let body = got.request.json().unwrap();
    assert_eq!((&body["type"], &body["panel"]), (&json!("panel.unreachable"), &json!(1)));
    assert_eq!(body["data"], json!({"panel": 1, "panelName": "Main", "trouble": "it sleeps"}));
    assert_eq!((&body["id"], &body["timestamp"]), (&json!(event), &json!("2023-11-14T22:13:20Z")));
    let delivery = hall.only(hook.id).await;
    assert_eq!((delivery.state, delivery.attempts.len()), (DeliveryState::Delivered, 1));
    assert!((200..300).contains(&delivery.attempts[0].status.unwrap()) && delivery.attempts[0].error.is_none());
    assert!(hall.store.read(|tx| tx.all(JOBS, &Span::all())).await.unwrap().is_empty(), "nothing is left to do");
    hall.assert_sound().await;
}

#[tokio::test]
async fn what_fails_is_tried_again_after_longer_and_longer_pauses_and_given_up_after_a_day() {
    let (hall, sink) = (Hall::new(), sink().await);
    let hook = hall.make(new_hook("own", http(&sink.at("/status/503")), &["*"])).await.webhook;
    hall.raise(job_dead()).await;
    hall.settle().await;
    for (tries, pause) in [5, 30, 120, 600, 1800, 3600, 7200, 14_400, 28_800, 28_800].into_iter().enumerate() {
        assert_eq!(sink.deliveries().total(), tries + 1);
        let waiting = hall.only(hook.id).await;
        assert_eq!(waiting.state, DeliveryState::Waiting);
        assert_eq!(waiting.due_at.since(hall.env.now()).as_secs(), pause);
        hall.after(pause - 1).await;
        assert_eq!(sink.deliveries().total(), tries + 1, "not before {pause} s");
        hall.after(1).await;
    }
    let given_up = hall.only(hook.id).await;
    assert_eq!((given_up.state, given_up.attempts.len()), (DeliveryState::Failed, 11));
    assert!(given_up.why.unwrap().contains("503"));
    assert!(hall.webhooks.require(hook.id).await.unwrap().webhook.is_enabled, "eleven failures do not turn it off");
    hall.after(86_400).await;
    assert_eq!(sink.deliveries().total(), 11);
}

#[tokio::test]
async fn a_crash_between_answer_and_mark_sends_once_more_with_the_same_id() {
    let (hall, sink) = (Hall::new(), sink().await);
    let hook = hall.make(new_hook("own", http(&sink.at("/in")), &["*"])).await.webhook;
    sink.faults().inject(Fault::new(Match::any().once(), Trouble::Delay(Duration::from_millis(200))));
    let event = hall.raise(job_dead()).await;
    let runner = hall.start();
    soon(sink.deliveries().at_least(1)).await;
    let hall = hall.crash(runner).await;
    assert_eq!(hall.only(hook.id).await.state, DeliveryState::Waiting);
    hall.settle().await;
    let ids: Vec<_> = sink.deliveries().all().into_iter().map(|got| got.id.unwrap()).collect();
    assert_eq!(ids, [event.to_string(), event.to_string()]);
    assert_eq!(sink.events().total(), 1, "the other side can tell");
    assert_eq!(hall.only(hook.id).await.state, DeliveryState::Delivered);
    hall.assert_sound().await;
}

#[tokio::test]
async fn an_answer_that_gets_lost_sends_once_more_with_the_same_id() {
    let (hall, sink) = (Hall::new(), sink().await);
    let hook = hall.make(new_hook("own", http(&sink.at("/in")), &["*"])).await.webhook;
    sink.faults().inject(Fault::new(Match::any().once(), Trouble::DoneThenReset));
    hall.raise(job_dead()).await;
    hall.settle().await;
    hall.after(5).await;
    assert_eq!((sink.deliveries().total(), sink.events().total()), (2, 1));
    let delivery = hall.only(hook.id).await;
    assert_eq!(
        (delivery.state, delivery.attempts.len(), delivery.attempts[0].status),
        (DeliveryState::Delivered, 2, None)
    );
}

#[tokio::test]
async fn a_dead_endpoint_holds_up_nobody_and_is_tried_one_message_at_a_time() {
    let (hall, alive, dead) = (Hall::new(), sink().await, sink().await);
    let live = hall.make(new_hook("live", http(&alive.at("/in")), &["job.*"])).await.webhook;
    let gone = hall.make(new_hook("dead", http(&dead.at("/in")), &["job.*"])).await.webhook;
    dead.faults().inject(Fault::new(Match::any(), Trouble::Hang));
    hall.raise_many(job_dead(), 100).await;
    let runner = hall.start();
    soon(alive.events().at_least(100)).await;
    runner.stop(Duration::ZERO).await;
    assert_eq!(hall.in_state(gone.id, DeliveryState::Waiting).await, 100);
    dead.go_down().await;
    hall.settle().await;
    assert_eq!(hall.in_state(live.id, DeliveryState::Delivered).await, 100);
    dead.come_back().await.unwrap();
    dead.faults().clear();
    hall.after(60).await;
    hall.after(60).await;
    assert_eq!(hall.in_state(gone.id, DeliveryState::Delivered).await, 100);
    hall.assert_sound().await;
}

#[tokio::test]
async fn what_the_other_side_asks_to_wait_is_waited_for_by_the_whole_webhook() {
    let (hall, discord_) = (Hall::new(), a_discord().await);
    let hook = hall.make(new_hook("ops", discord(&discord_.webhook_url()), &["*"])).await.webhook;
    let busy = Trouble::Busy { status: 429, retry_after_s: Some(30) };
    discord_.faults().inject(Fault::new(Match::any().once(), busy));
    hall.raise(job_dead()).await;
    hall.settle().await;
    hall.raise(Happening::PanelUnreachable(facts())).await;
    hall.after(29).await;
    assert_eq!(discord_.messages().total(), 0, "the second one waits as well");
    hall.after(1).await;
    assert_eq!(discord_.messages().total(), 1, "both in one message");
    let delivered = hall.deliveries(hook.id).await;
    assert!(delivered.iter().all(|delivery| delivery.state == DeliveryState::Delivered));
    assert_eq!(hall.webhooks.require(hook.id).await.unwrap().webhook.failures, 0, "to wait is no failure");
}

#[tokio::test]
async fn a_burst_becomes_few_messages_and_every_delivery_is_marked() {
    let (hall, discord_) = (Hall::new(), a_discord().await);
    let hook = hall.make(new_hook("ops", discord(&discord_.webhook_url()), &["*"])).await.webhook;
    hall.raise_many(job_dead(), 500).await;
    hall.raise(Happening::PanelUnreachable(facts())).await;
    hall.settle().await;
    let messages = discord_.messages().all();
    assert_eq!(messages.len(), 1);
    assert_eq!(messages[0].embeds.len(), 2);
    assert_eq!(messages[0].embeds[0]["title"], "500 × 💀 Job Failed for Good");
    assert_eq!(messages[0].username, "Aviary");
    assert_eq!(hall.in_state(hook.id, DeliveryState::Delivered).await, 501);
    assert!(hall.deliveries(hook.id).await.iter().all(|delivery| delivery.attempts[0].together == 501));
    hall.assert_sound().await;
}

#[tokio::test]
async fn discord_gets_them_in_the_order_in_which_they_happened() {
    let (hall, discord_) = (Hall::new(), a_discord().await);
    hall.make(new_hook("ops", discord(&discord_.webhook_url()), &["*"])).await;
    let back = aviary_domain::events::PanelFacts { trouble: None, ..facts() };
    for happening in [Happening::PanelUnreachable(facts()), Happening::PanelBack(back), job_dead()] {
        hall.raise(happening).await;
    }
    hall.settle().await;
    let titles: Vec<_> = discord_.messages().all()[0].embeds.iter().map(|embed| embed["title"].clone()).collect();
    assert_eq!(titles, ["🔌 Panel Unreachable", "🔌 Panel Back", "💀 Job Failed for Good"]);
}

#[tokio::test]
async fn an_event_for_people_becomes_a_mail_to_each_in_the_commit_that_marks_it() {
    let hall = Hall::new();
    let to = vec!["ada@example.com".into(), "ADA@example.com".into(), "bob@example.com".into()];
    let hook = hall.make(new_hook("people", NewTarget::Mail { to }, &["job.*"])).await.webhook;
    let event = hall.raise(job_dead()).await;
    hall.settle().await;
    assert_eq!(hall.only(hook.id).await.state, DeliveryState::Delivered);
    let mails = hall.store.read(|tx| tx.all(MAILS, &Span::all())).await.unwrap();
    let to: Vec<_> = mails.iter().map(|(_, mail)| mail.to.as_str()).collect();
    assert_eq!(to, ["ada@example.com", "bob@example.com"]);
    assert!(mails.iter().all(|(_, mail)| mail.says == MailContent::Event(event)));
    let jobs = hall.store.read(|tx| tx.all(JOBS, &Span::all())).await.unwrap();
    assert!(jobs.iter().all(|(_, job)| job.kind == JobKind::SendMail) && jobs.len() == 2);
    hall.webhooks.try_out(&crate::lab::who(), hook.id).await.unwrap();
    assert_eq!(hall.store.read(|tx| tx.all(MAILS, &Span::all())).await.unwrap().len(), 4);
    hall.assert_sound().await;
}
