//! What becomes of webhooks that fail, and what people do about it.

use aviary_domain::webhooks::{Again, DeliveryQuery};
use aviary_kernel::base::Error;
use aviary_kernel::model::{Action, DeliveryId, DeliveryState};
use aviary_kernel::store::tables::{AUDIT, DELIVERIES, EVENTS, JOBS};
use aviary_kernel::store::{Read, Span};
use aviary_sim::{Fault, Match, Trouble};

use super::{Hall, a_discord, discord, http, job_dead, new_hook, sink};
use crate::lab::who;

async fn actions(hall: &Hall) -> Vec<Action> {
    let trail = hall.store.read(|tx| tx.all(AUDIT, &Span::all())).await.unwrap();
    trail.into_iter().map(|(_, event)| event.action).collect()
}

#[tokio::test]
async fn a_webhook_that_keeps_failing_is_turned_off_and_the_others_hear_of_it() {
    let (hall, bad, good) = (Hall::new(), sink().await, sink().await);
    let failing = hall.make(new_hook("bad", http(&bad.at("/status/500")), &["job.*"])).await.webhook;
    hall.make(new_hook("good", http(&good.at("/in")), &["webhook.*"])).await;
    hall.raise_many(job_dead(), 50).await;
    hall.settle().await;
    let before = bad.deliveries().total();
    assert!(before <= 8, "one round and no more: {before}");
    for _ in 0..40 {
        hall.after(600).await;
    }
    let webhook = hall.webhooks.require(failing.id).await.unwrap().webhook;
    assert!(!webhook.is_enabled && webhook.disabled_why.unwrap().contains("500"));
    assert!(bad.deliveries().total() <= 8 + 20, "an endpoint in trouble is tried with one message at a time");
    assert_eq!(hall.in_state(failing.id, DeliveryState::Waiting).await, 0);
    let told = good.events().all().remove(0).request.json().unwrap();
    assert_eq!((told["type"].as_str(), told["data"]["name"].as_str()), (Some("webhook.disabled"), Some("bad")));
    assert!(actions(&hall).await.contains(&Action::WebhookDisabled));
    hall.raise(job_dead()).await;
    hall.settle().await;
    assert_eq!(hall.in_state(failing.id, DeliveryState::Waiting).await, 0, "nothing is kept for one that is off");
    hall.assert_sound().await;
}

#[tokio::test]
async fn one_that_was_deleted_on_the_other_side_is_turned_off_at_once() {
    let (hall, discord_) = (Hall::new(), a_discord().await);
    let hook = hall.make(new_hook("ops", discord(&discord_.webhook_url()), &["*"])).await.webhook;
    discord_.delete_webhook(discord_.webhooks()[0].id);
    hall.raise(job_dead()).await;
    hall.settle().await;
    let webhook = hall.webhooks.require(hook.id).await.unwrap().webhook;
    assert!(!webhook.is_enabled && webhook.disabled_why.unwrap().contains("deleted"));
    assert_eq!(hall.names().await, ["job.dead", "webhook.disabled"]);
}

#[tokio::test]
async fn what_failed_or_was_dropped_can_be_sent_again_after_a_count() {
    let (hall, sink) = (Hall::new(), sink().await);
    let hook = hall.make(new_hook("own", http(&sink.at("/in")), &["*"])).await.webhook;
    sink.faults().inject(Fault::new(Match::any(), Trouble::Status(410)));
    hall.raise_many(job_dead(), 30).await;
    hall.settle().await;
    let again = Again { webhook: hook.id, since: hall.env.now() };
    assert_eq!(hall.webhooks.count_again(again).await.unwrap(), 30);
    let refused = hall.webhooks.send_all_again(&who(), again, 30).await.unwrap_err();
    assert!(matches!(refused, Error::Conflict(_)), "it is turned off");
    sink.faults().clear();
    hall.webhooks.set_enabled(&who(), hook.id, true).await.unwrap();
    hall.clock.advance_s(60);
    let later = Again { since: hall.env.now(), ..again };
    assert_eq!(hall.webhooks.send_all_again(&who(), later, 0).await.unwrap(), 0);
    assert_eq!(hall.webhooks.send_all_again(&who(), again, 30).await.unwrap(), 30);
    hall.settle().await;
    assert_eq!(hall.in_state(hook.id, DeliveryState::Delivered).await, 30);
    assert!(actions(&hall).await.contains(&Action::DeliveryRepeated));
    hall.assert_sound().await;
}

#[tokio::test]
async fn chosen_deliveries_are_sent_again_but_none_that_wait_or_went_elsewhere() {
    let (hall, sink) = (Hall::new(), sink().await);
    let hook = hall.make(new_hook("own", http(&sink.at("/in")), &["*"])).await.webhook;
    let other = hall.make(new_hook("other", http(&sink.at("/other")), &["*"])).await.webhook;
    hall.raise_many(job_dead(), 3).await;
    hall.settle().await;
    let of = async |hook| {
        let query = DeliveryQuery { webhook: Some(hook), ..DeliveryQuery::default() };
        let page = hall.webhooks.deliveries(query).await.unwrap();
        page.deliveries.iter().map(|(delivery, _)| delivery.id).collect::<Vec<_>>()
    };
    let (own, others) = (of(hook.id).await, of(other.id).await);
    let chosen = [own[0], own[1], others[0], DeliveryId::from_u128(9)];
    assert_eq!(hall.webhooks.send_each_again(&who(), hook.id, &chosen).await.unwrap(), 2);
    assert_eq!(hall.webhooks.send_each_again(&who(), hook.id, &chosen).await.unwrap(), 0, "they wait by now");
    hall.settle().await;
    let tries = async |id| hall.webhooks.delivery(id).await.unwrap().0.attempts.len();
    assert_eq!([tries(own[0]).await, tries(own[1]).await, tries(own[2]).await, tries(others[0]).await], [2, 2, 1, 1]);
    assert!(actions(&hall).await.contains(&Action::DeliveryRepeated));
    hall.webhooks.set_enabled(&who(), hook.id, false).await.unwrap();
    let off = hall.webhooks.send_each_again(&who(), hook.id, &own).await;
    assert!(matches!(off, Err(Error::Conflict(_))), "it is turned off");
    hall.assert_sound().await;
}

#[tokio::test]
async fn one_delivery_is_sent_again_with_the_id_that_it_had() {
    let (hall, sink) = (Hall::new(), sink().await);
    let hook = hall.make(new_hook("own", http(&sink.at("/in")), &["*"])).await.webhook;
    hall.raise(job_dead()).await;
    hall.settle().await;
    let delivery = hall.only(hook.id).await;
    hall.webhooks.send_again(&who(), delivery.id).await.unwrap();
    assert!(matches!(hall.webhooks.send_again(&who(), delivery.id).await, Err(Error::Conflict(_))), "it waits");
    hall.settle().await;
    assert_eq!((sink.deliveries().total(), sink.events().total()), (2, 1));
    assert_eq!(hall.only(hook.id).await.attempts.len(), 2);
}

#[tokio::test]
async fn what_waits_can_be_dropped_and_turning_off_drops_it_too() {
    let (hall, sink) = (Hall::new(), sink().await);
    let hook = hall.make(new_hook("own", http(&sink.at("/status/500")), &["*"])).await.webhook;
    hall.raise_many(job_dead(), 1200).await;
    let fewer = hall.webhooks.drop_waiting(&who(), hook.id, Some(1199)).await.unwrap_err();
    assert!(matches!(fewer, Error::Conflict(_)), "more wait than were seen");
    assert_eq!(hall.webhooks.drop_waiting(&who(), hook.id, Some(1200)).await.unwrap(), 1200);
    hall.raise(job_dead()).await;
    hall.webhooks.set_enabled(&who(), hook.id, false).await.unwrap();
    hall.settle().await;
    assert_eq!((hall.in_state(hook.id, DeliveryState::Dropped).await, sink.deliveries().total()), (1201, 0));
    let newest = hall.deliveries(hook.id).await.remove(0);
    assert_eq!(newest.why.as_deref(), Some("the webhook was turned off"));
}

#[tokio::test]
async fn old_events_are_forgotten_with_their_deliveries_but_not_what_still_waits() {
    let (hall, sink) = (Hall::new(), sink().await);
    let hook = hall.make(new_hook("own", http(&sink.at("/in")), &["*"])).await.webhook;
    hall.raise_many(job_dead(), 1100).await;
    hall.settle().await;
    hall.clock.advance_s(100);
    sink.faults().inject(Fault::new(Match::any(), Trouble::Status(500)));
    hall.raise(job_dead()).await;
    hall.settle().await;
    hall.clock.advance_s(2);
    assert_eq!(hall.webhooks.forget(hall.env.now()).await.unwrap(), 1100);
    let rows = |hall: &Hall| {
        let read =
            hall.store.read_blocking(|tx| Ok((tx.all(EVENTS, &Span::all())?, tx.all(DELIVERIES, &Span::all())?)));
        let (events, deliveries) = read.unwrap();
        (events.len(), deliveries.len())
    };
    assert_eq!(rows(&hall), (1, 1));
    hall.webhooks.remove(&who(), hook.id).await.unwrap();
    assert_eq!(rows(&hall), (1, 0));
    assert_eq!(hall.webhooks.forget(hall.env.now()).await.unwrap(), 1);
    hall.assert_sound().await;
}

#[tokio::test]
async fn who_cancels_the_job_of_a_webhook_has_what_waits_dropped_and_not_forgotten() {
    let (hall, sink) = (Hall::new(), sink().await);
    let hook = hall.make(new_hook("bad", http(&sink.at("/status/500")), &["job.*"])).await.webhook;
    hall.raise_many(job_dead(), 3).await;
    hall.settle().await;
    let job = hall.jobs.list(Default::default()).await.unwrap().jobs.remove(0).job;
    hall.jobs.cancel(&who(), job.id).await.unwrap();
    assert_eq!(hall.in_state(hook.id, DeliveryState::Waiting).await, 0);
    assert_eq!(hall.in_state(hook.id, DeliveryState::Dropped).await, 3);
    let why = hall.deliveries(hook.id).await.remove(0).why.unwrap();
    assert_eq!(why, "its job was cancelled");
}

#[tokio::test]
async fn what_waits_without_a_job_is_found_and_sent() {
    let (hall, sink) = (Hall::new(), sink().await);
    let hook = hall.make(new_hook("good", http(&sink.at("/in")), &["job.*"])).await.webhook;
    hall.raise(job_dead()).await;
    hall.store
        .write(|tx| {
            let jobs = tx.all(JOBS, &Span::all())?;
            jobs.iter().try_for_each(|(id, _)| tx.remove(JOBS, id).map(drop))
        })
        .await
        .unwrap();
    hall.settle().await;
    assert_eq!(hall.in_state(hook.id, DeliveryState::Waiting).await, 1);
    hall.webhooks.recover().await.unwrap();
    hall.settle().await;
    assert_eq!(hall.in_state(hook.id, DeliveryState::Delivered).await, 1);
}

#[tokio::test]
async fn a_test_that_goes_well_has_what_waits_sent_at_once() {
    let (hall, sink) = (Hall::new(), sink().await);
    let hook = hall.make(new_hook("own", http(&sink.at("/in")), &["job.*"])).await.webhook;
    sink.faults().add(Match::any(), Trouble::Status(503));
    hall.raise_many(job_dead(), 3).await;
    hall.settle().await;
    assert_eq!(hall.in_state(hook.id, DeliveryState::Waiting).await, 3);
    sink.faults().clear();
    let tried = hall.webhooks.try_out(&who(), hook.id).await.unwrap();
    assert_eq!((tried.webhook.failures, tried.webhook.failing_since), (0, None));
    hall.settle().await;
    assert_eq!(hall.in_state(hook.id, DeliveryState::Waiting).await, 0);
    assert_eq!(hall.in_state(hook.id, DeliveryState::Delivered).await, 4);
}

#[tokio::test]
async fn an_endpoint_that_asks_for_a_whole_day_is_asked_again_within_the_day() {
    let (hall, sink) = (Hall::new(), sink().await);
    for path in ["/busy/429/100000/z", "/busy/503/86400/z"] {
        let hook = hall.make(new_hook(path, http(&sink.at(path)), &["job.*"])).await.webhook;
        hall.raise(job_dead()).await;
        hall.settle().await;
        let delivery = hall.only(hook.id).await;
        assert_eq!(delivery.state, DeliveryState::Waiting, "{path}");
        assert!(delivery.due_at.since(hall.env.now()).as_secs() <= 3600, "{path}");
        hall.webhooks.remove(&who(), hook.id).await.unwrap();
    }
}
