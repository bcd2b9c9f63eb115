//! What happens is told in the commit of what happened.

use std::time::Duration;

use aviary_domain::access::Limits;
use aviary_domain::accounts::{Accounts, Hasher, NewRegistration};
use aviary_domain::audit::{Audit, Did, record};
use aviary_domain::events::{EventQuery, Events};
use aviary_domain::settings::{Key, Wanted};
use aviary_domain::webhooks::{NewTarget, NewWebhook, Outside, WebhookOptions, Webhooks};
use aviary_kernel::model::{
    Action, Actor, Delivery, Event, EventName, HookScope, HookTopic, JobKind, Origin, SyncStatus, Weight,
};
use aviary_kernel::store::tables::{DELIVERIES, EVENTS, JOBS};
use aviary_kernel::store::{Read, Span};
use aviary_sim::{Fault, FaultKind, Match};
use serde_json::{Value, json};

use crate::lab::{Lab, sealer, small, who};

impl Lab {
    /// Somebody wants to hear of these.
    async fn listen(&self, events: &[&str]) {
        let options = WebhookOptions { timeout: Duration::from_secs(5), outside: Outside::default(), ca_file: None };
        let webhooks =
            Webhooks::new(self.store.clone(), self.env.clone(), sealer(), self.settings(None), options).unwrap();
        let new = NewWebhook {
            name: "own".into(),
            description: String::new(),
            target: NewTarget::Http { url: "https://8.8.8.8/in".into(), secret: None },
            topic: HookTopic::Custom,
            scope: HookScope::Admin,
            events: Some(events.iter().map(|text| (*text).to_owned()).collect()),
            panels: vec![self.panel],
            least: Weight::Info,
        };
        webhooks.make(&who(), new).await.unwrap();
    }

    fn events(&self) -> Vec<Event> {
        self.store
            .read_blocking(|tx| tx.all(EVENTS, &Span::all()))
            .unwrap()
            .into_iter()
            .map(|(_, event)| event)
            .collect()
    }

    fn told(&self) -> Vec<&'static str> {
        self.events().into_iter().map(|event| event.name.name()).collect()
    }

    fn last(&self) -> (Event, Value) {
        let event = self.events().pop().unwrap();
        let data = serde_json::from_str(&event.data).unwrap();
        (event, data)
    }

    fn sent(&self) -> Vec<Delivery> {
        let all = self.store.read_blocking(|tx| tx.all(DELIVERIES, &Span::all())).unwrap();
        all.into_iter().map(|(_, delivery)| delivery).collect()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_sync_tells_of_no_object_and_later_ones_of_what_changed() {
    let lab = Lab::new(small()).await;
    lab.listen(&["*"]).await;
    let first = lab.clean_sync().await;
    assert_eq!(lab.told(), ["sync.started", "sync.completed"]);
    let (event, data) = lab.last();
    assert_eq!((data["sync"].clone(), data["type"].clone()), (json!(first.id), json!("full")));
    assert!(data["created"].as_u64().unwrap() > 20 && event.panel == Some(lab.panel));
    let id = lab.sim.with_world(|world| {
        let server = world.servers.values_mut().find(|server| server.status.is_none()).unwrap();
        server.status = Some("suspended".into());
        server.id
    });
    lab.clean_sync().await;
    assert_eq!(lab.told()[2..], ["sync.started", "server.updated", "server.suspended", "sync.completed"]);
    let suspended = lab.events().into_iter().find(|event| event.name == EventName::ServerSuspended).unwrap();
    let data: Value = serde_json::from_str(&suspended.data).unwrap();
    assert_eq!((&data["id"], &data["kind"], &data["operation"]), (&json!(id), &json!("server"), &json!("suspended")));
    assert!(data["owner"].is_string() && data["uuid"].is_string());
    assert!(data["changes"].as_array().unwrap().iter().any(|change| change["new"] == json!("suspended")), "{data}");
    assert_eq!(lab.sent().len(), lab.events().len(), "one webhook, which wants everything");
    let jobs = lab.store.read_blocking(|tx| tx.all(JOBS, &Span::all())).unwrap();
    assert_eq!(jobs.iter().filter(|(_, job)| job.kind == JobKind::Deliver).count(), 1);
    lab.assert_sound();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_objects_only_what_somebody_wants_is_stored_and_the_rest_always() {
    let lab = Lab::new(small()).await;
    lab.clean_sync().await;
    lab.listen(&["node.*"]).await;
    lab.sim.with_world(|world| {
        world.servers.values_mut().next().unwrap().name = "renamed".into();
        world.nodes.values_mut().next().unwrap().name = "renamed".into();
    });
    lab.clean_sync().await;
    assert_eq!(lab.told()[2..], ["sync.started", "node.updated", "sync.completed"]);
    let sent: Vec<_> = lab.sent().into_iter().map(|delivery| delivery.name).collect();
    assert_eq!(sent, [EventName::NodeUpdated]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_panel_that_goes_away_and_comes_back_is_told_once_each() {
    let lab = Lab::new(small()).await;
    lab.clean_sync().await;
    lab.sim.faults().inject(Fault { when: Match::any(), what: FaultKind::Status(401) });
    assert_eq!(lab.sync().await.status, SyncStatus::Failed);
    assert_eq!(lab.sync().await.status, SyncStatus::Failed);
    let told: Vec<_> = lab.told();
    assert_eq!(told.iter().filter(|name| **name == "panel.unreachable").count(), 1);
    assert_eq!(told.iter().filter(|name| **name == "sync.failed").count(), 2);
    let failed = lab.events().into_iter().find(|event| event.name == EventName::SyncFailed).unwrap();
    assert!(serde_json::from_str::<Value>(&failed.data).unwrap()["error"].is_string());
    lab.sim.faults().clear();
    lab.clean_sync().await;
    assert_eq!(lab.told().iter().filter(|name| **name == "panel.back").count(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_removal_that_stops_is_told_with_what_would_go_and_drift_when_it_grows() {
    let lab = Lab::new(small()).await;
    lab.clean_sync().await;
    let ids = lab.sim.with_world(|world| {
        let ids: Vec<_> = world.servers.keys().copied().take(15).collect();
        ids.iter().for_each(|id| {
            world.remove_server(*id);
        });
        ids
    });
    let run = lab.sync().await;
    assert_eq!(run.status, SyncStatus::NeedsReview);
    let stopped = lab.events().into_iter().find(|event| event.name == EventName::RemovalStopped).unwrap();
    let data: Value = serde_json::from_str(&stopped.data).unwrap();
    assert_eq!(data["sync"], json!(run.id));
    let servers = data["removals"].as_array().unwrap().iter().find(|planned| planned["kind"] == "servers").unwrap();
    assert_eq!(servers["count"], json!(ids.len()));
    assert!(!lab.told().contains(&"drift.found"), "nothing is compared with a run that waits for a person");
    lab.syncs.decide(&who(), run.id, false).await.unwrap();
    lab.clean_sync().await;
    let drift = lab.events().into_iter().find(|event| event.name == EventName::DriftFound);
    let data: Value = serde_json::from_str(&drift.unwrap().data).unwrap();
    assert!(data["findings"].as_u64() > data["before"].as_u64() && data["totals"]["vanished"].as_u64() >= Some(15));
    lab.clean_sync().await;
    assert_eq!(lab.told().iter().filter(|name| **name == "drift.found").count(), 1, "it did not grow again");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn changed_settings_are_told_with_secrets_masked() {
    let lab = Lab::new(small()).await;
    let settings = lab.settings(None);
    let wanted = vec![
        (Key::SiteName, Wanted::from("Example")),
        (Key::ResendApiKey, Wanted::from("re_planted_key_of_the_service")),
    ];
    settings.change(&who(), wanted).await.unwrap();
    let (event, data) = lab.last();
    assert_eq!(event.name, EventName::SettingsChanged);
    let changes = data["changes"].as_array().unwrap();
    assert_eq!(changes.len(), 2);
    let name = changes.iter().find(|change| change["key"] == "site_name").unwrap();
    assert_eq!((&name["old"], &name["new"]), (&json!("Aviary"), &json!("Example")));
    assert!(!event.data.contains("planted"));
    settings.change(&who(), vec![(Key::SiteName, Wanted::from("Example"))]).await.unwrap();
    assert_eq!(lab.told(), ["settings.changed"], "what stays the same is not told");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn people_who_register_and_bursts_are_told() {
    let lab = Lab::new(small()).await;
    let (store, env) = (lab.store.clone(), lab.env.clone());
    let accounts =
        Accounts::new(store.clone(), env.clone(), sealer(), Hasher::weak().unwrap(), Limits::new(env.clone()));
    let new = NewRegistration {
        email: "ada@example.com".into(),
        password: "Correct-horse-7-battery".into(),
        confirm_password: Some("Correct-horse-7-battery".into()),
        username: None,
        first_name: None,
        last_name: None,
    };
    accounts.register(&Origin::default(), new, true).await.unwrap();
    assert_eq!(lab.last().1["email"], "ada@example.com");
    let audit = Audit::new(store.clone(), env.clone(), sealer());
    let origin = Origin { address: Some("192.0.2.1".parse().unwrap()), ..Origin::default() };
    for action in [Action::SignInFailed, Action::AccessRefused] {
        let (env, origin) = (env.clone(), origin.clone());
        let write = move |tx: &mut aviary_kernel::store::WriteTx<'_>| {
            (0..10).try_for_each(|_| record(tx, &env, &Actor::nobody(origin.clone()), Did::new(action)).map(drop))
        };
        store.write(write).await.unwrap();
        audit.tick().await.unwrap();
        lab.clock.advance_s(3600);
    }
    assert_eq!(lab.told(), ["user.registered", "sign_in.burst", "audit.burst"]);
    let (_, data) = lab.last();
    assert_eq!((&data["kind"], &data["id"], &data["events"]), (&json!("address"), &json!("192.0.2.1"), &json!(10)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_list_of_events_is_paged_and_filtered_by_name() {
    let lab = Lab::new(small()).await;
    lab.listen(&["*"]).await;
    for _ in 0..3 {
        lab.clean_sync().await;
    }
    let events = Events::new(lab.store.clone());
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let query = EventQuery { after, limit: 2, ..EventQuery::like("sync.*").unwrap() };
        let page = events.list(query).await.unwrap();
        seen.extend(page.events.iter().map(|event| event.name.name()));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(seen, ["sync.completed", "sync.started"].repeat(3));
    assert!(EventQuery::like("server.fly").is_err());
    assert!(EventQuery::like("webhook.test").is_ok(), "tests can be looked for");
    let newest = events.list(EventQuery::default()).await.unwrap().events.remove(0);
    let told = events.require(newest.id).await.unwrap();
    assert_eq!((told.event, told.deliveries.len()), (newest, 1));
}
