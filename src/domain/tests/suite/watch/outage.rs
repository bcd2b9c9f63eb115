//! A disk that takes no writes, and is told of all the same.

use std::io::ErrorKind;

use aviary_domain::panels::Panels;
use aviary_domain::watch::Watch;
use aviary_kernel::model::DeliveryState;
use aviary_kernel::store::faulty::Op;
use aviary_kernel::store::tables::EVENTS;
use aviary_kernel::store::{Read, Span};
use aviary_sim::{Delivery, Fault, Match, Signature, Trouble};

use crate::lab::{quick, sealer};
use crate::webhooks::{Hall, a_discord, discord, http, job_dead, new_hook, sink};

fn watch(hall: &Hall) -> Watch {
    let panels = Panels::new(hall.store.clone(), hall.env.clone(), sealer(), quick(), 80);
    Watch::new(hall.store.clone(), hall.env.clone(), panels, hall.webhooks.clone())
}

/// The disk takes nothing from now on, and the store has noticed.
async fn fill(hall: &Hall) {
    hall.disk.fail(Op::Write, 0, ErrorKind::StorageFull);
    let env = hall.env.clone();
    hall.store.write(move |tx| aviary_domain::events::raise(tx, &env, &job_dead()).map(drop)).await.unwrap_err();
    assert!(hall.store.trouble().is_some());
}

async fn heal(hall: &Hall) {
    hall.disk.heal();
    probe(hall).await;
    assert_eq!(hall.store.trouble(), None);
}

async fn probe(hall: &Hall) {
    let store = hall.store.clone();
    tokio::task::spawn_blocking(move || store.probe_blocking()).await.unwrap().unwrap();
}

fn types(got: &[Delivery]) -> Vec<String> {
    got.iter().map(|got| got.request.json().unwrap()["type"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn the_alert_arrives_while_the_disk_is_full_and_is_on_record_once_when_it_takes_writes_again() {
    let (hall, own, chat) = (Hall::new(), sink().await, a_discord().await);
    let hook = hall.make(new_hook("own", http(&own.at("/in")), &["store.*"])).await.webhook.id;
    let room = hall.make(new_hook("room", discord(&chat.webhook_url()), &["store.read_only"])).await.webhook.id;
    let other = hall.make(new_hook("other", http(&own.at("/other")), &["sync.*"])).await.webhook.id;
    let watch = watch(&hall);
    watch.tick().await.unwrap();
    fill(&hall).await;
    let began = hall.env.now();
    for _ in 0..3 {
        watch.tick().await.unwrap();
        hall.clock.advance_s(60);
    }
    let got = own.deliveries().all();
    assert_eq!((types(&got), got[0].signature), (vec!["store.read_only".to_owned()], Signature::Right));
    assert_eq!(chat.messages().total(), 1);
    assert!(hall.store.trouble().is_some(), "it was told while nothing could be written");
    assert!(hall.names().await.is_empty());

    heal(&hall).await;
    watch.tick().await.unwrap();
    watch.tick().await.unwrap();
    hall.settle().await;
    assert_eq!(hall.names().await, ["store.read_only", "store.writable"]);
    let events = hall.store.read(|tx| tx.all(EVENTS, &Span::all())).await.unwrap();
    assert_eq!((events[0].1.at, Some(events[0].0.to_string())), (began, got[0].id.clone()));
    assert!(events[1].1.data.contains(&began.to_string()), "{}", events[1].1.data);
    assert_eq!(types(&own.deliveries().all()), ["store.read_only", "store.writable"]);
    assert_eq!(chat.messages().total(), 1, "not told twice");
    for (hook, count) in [(hook, 2), (room, 1), (other, 0)] {
        let deliveries = hall.deliveries(hook).await;
        assert_eq!(deliveries.len(), count);
        assert!(deliveries.iter().all(|one| one.state == DeliveryState::Delivered && one.attempts.len() == 1));
    }
    let alert = hall.only(room).await;
    assert_eq!((alert.created_at, alert.finished_at), (began, Some(began)));
    hall.assert_sound().await;
}

#[tokio::test]
async fn who_does_not_take_the_alert_is_tried_again_and_by_a_job_when_the_disk_is_back() {
    let (hall, sink) = (Hall::new(), sink().await);
    let late = hall.make(new_hook("late", http(&sink.at("/flaky/1/in")), &["store.read_only"])).await.webhook.id;
    let never = hall.make(new_hook("never", http(&sink.at("/never")), &["store.read_only"])).await.webhook.id;
    sink.faults().inject(Fault::new(Match::path("/never"), Trouble::Status(503)));
    let watch = watch(&hall);
    fill(&hall).await;
    watch.tick().await.unwrap();
    watch.tick().await.unwrap();
    assert_eq!(sink.deliveries().total(), 2, "not at once");
    hall.clock.advance_s(5);
    watch.tick().await.unwrap();
    assert_eq!((sink.deliveries().total(), sink.events().total()), (4, 1), "one has taken it now");

    // The disk takes nothing yet when the end is to be written.
    hall.disk.heal();
    probe(&hall).await;
    hall.disk.fail(Op::Sync, 0, ErrorKind::StorageFull);
    watch.tick().await.unwrap_err();
    heal(&hall).await;
    sink.faults().clear();
    watch.tick().await.unwrap();
    assert_eq!((hall.only(late).await.state, hall.only(late).await.attempts.len()), (DeliveryState::Delivered, 2));
    assert_eq!((hall.only(never).await.state, hall.only(never).await.attempts.len()), (DeliveryState::Waiting, 2));
    hall.settle().await;
    assert_eq!((hall.only(never).await.state, hall.only(never).await.attempts.len()), (DeliveryState::Delivered, 3));
    let ids: Vec<_> = sink.deliveries().all().into_iter().filter_map(|got| got.id).collect();
    assert!(ids.iter().all(|id| *id == ids[0]), "always the same event");
    assert_eq!(hall.names().await, ["store.read_only", "store.writable"]);
    hall.assert_sound().await;
}
