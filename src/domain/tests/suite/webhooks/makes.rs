//! How webhooks are made and changed, and what is refused.

use std::sync::Arc;

use aviary_domain::events::Happening;
use aviary_domain::webhooks::{NewTarget, NewWebhook, WebhookPatch, suited_events};
use aviary_kernel::base::{Error, MasterKey, Sealed, Sealer, Secret};
use aviary_kernel::model::{DeliveryState, HookScope, HookTarget, HookTopic, PanelId, Weight};
use aviary_kernel::store::tables::{AUDIT, WEBHOOKS};
use aviary_kernel::store::{Read, Span};
use aviary_sim::Signature;

use super::{Hall, a_discord, discord, facts, http, job_dead, new_hook, sink};
use crate::lab::{sealer, who};

fn why(error: Error) -> (&'static str, String) {
    match error {
        Error::Invalid { field, reason } => (field, reason),
        other => panic!("{other}"),
    }
}

async fn refusal(hall: &Hall, new: NewWebhook) -> (&'static str, String) {
    why(hall.webhooks.make(&who(), new).await.unwrap_err())
}

#[tokio::test]
async fn addresses_inside_are_refused_with_the_way_out() {
    let hall = Hall::strict();
    for url in ["https://127.0.0.1/api/webhooks/1/x", "https://10.1.2.3/webhooks/1/x", "https://[::1]/webhooks/1/x"] {
        let (field, reason) = refusal(&hall, new_hook("in", discord(url), &[])).await;
        assert!(field == "url" && reason.contains("webhooks.allowed_networks"), "{reason}");
        let (field, _) = refusal(&hall, new_hook("in", http(url), &[])).await;
        assert_eq!(field, "url");
    }
    let (_, reason) = refusal(&hall, new_hook("in", http("http://8.8.8.8/"), &[])).await;
    assert!(reason.contains("https://"), "{reason}");
}

#[tokio::test]
async fn an_address_that_turns_out_to_lead_inside_is_not_spoken_to() {
    let (hall, sink) = (Hall::new(), sink().await);
    let hook = hall.make(new_hook("own", http(&sink.at("/in")), &["*"])).await.webhook;
    sink.faults().inject(aviary_sim::Fault::new(
        aviary_sim::Match::any(),
        aviary_sim::Trouble::Redirect { status: 307, to: "http://169.254.169.254/latest".into() },
    ));
    hall.raise(job_dead()).await;
    hall.settle().await;
    let delivery = hall.only(hook.id).await;
    assert_eq!(delivery.state, DeliveryState::Failed, "trying again would change nothing");
    assert!(delivery.why.unwrap().contains("webhooks.allowed_networks"));
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_at_its_field() {
    let hall = Hall::strict();
    let fine = || new_hook("ops", discord("https://discord.com/api/webhooks/1/x"), &["sync.*"]);
    let wrong: [(&str, NewWebhook); 7] = [
        ("name", NewWebhook { name: " ".into(), ..fine() }),
        ("name", NewWebhook { name: "x".repeat(101), ..fine() }),
        ("description", NewWebhook { description: "x".repeat(501), ..fine() }),
        ("events", NewWebhook { events: Some(vec!["server.fly".into()]), ..fine() }),
        ("panels", NewWebhook { panels: vec![PanelId(9)], ..fine() }),
        ("url", NewWebhook { target: discord("https://example.com/hook"), ..fine() }),
        ("to", NewWebhook { target: NewTarget::Mail { to: vec!["ada".into()] }, ..fine() }),
    ];
    for (field, new) in wrong {
        assert_eq!(refusal(&hall, new).await.0, field);
    }
    let secret = Some("whsec_short".into());
    let new = new_hook("own", NewTarget::Http { url: "https://example.com/".into(), secret }, &[]);
    assert_eq!(refusal(&hall, new).await.0, "secret");
    assert!(hall.webhooks.all().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_masked_address_that_comes_back_changes_nothing() {
    let (hall, discord_) = (Hall::new(), a_discord().await);
    let made = hall.make(new_hook("ops", discord(&discord_.webhook_url()), &["*"])).await;
    let HookTarget::Discord { shown, .. } = made.webhook.target.clone() else { panic!() };
    assert!(shown.ends_with("/api/webhooks/130…/••••"), "{shown}");
    let id = made.webhook.id;
    let patch = WebhookPatch { url: Some(Secret::new(shown.clone())), ..WebhookPatch::default() };
    assert_eq!(hall.webhooks.change(&who(), id, patch).await.unwrap(), made.webhook);
    let half = WebhookPatch { url: Some("https://discord.com/••••".into()), ..WebhookPatch::default() };
    assert_eq!(why(hall.webhooks.change(&who(), id, half).await.unwrap_err()).0, "url");
    hall.raise(job_dead()).await;
    hall.settle().await;
    assert_eq!(discord_.messages().total(), 1);
}

#[tokio::test]
async fn the_same_address_twice_is_taken_and_said() {
    let (hall, discord_) = (Hall::new(), a_discord().await);
    assert!(hall.make(new_hook("first", discord(&discord_.webhook_url()), &["*"])).await.twins.is_empty());
    let second = hall.make(new_hook("second", discord(&discord_.webhook_url()), &["*"])).await;
    assert_eq!(second.twins, ["first"]);
}

#[tokio::test]
async fn events_go_to_those_who_want_them_and_to_nobody_else() {
    let (hall, sink) = (Hall::new(), sink().await);
    let at = |path: &str| http(&sink.at(path));
    hall.make(new_hook("all", at("/all"), &["*"])).await;
    hall.make(new_hook("syncs", at("/syncs"), &["sync.*"])).await;
    hall.make(NewWebhook { least: Weight::Alert, ..new_hook("alerts", at("/alerts"), &["*"]) }).await;
    let system = NewWebhook { topic: HookTopic::System, events: None, ..new_hook("system", at("/system"), &[]) };
    let made = hall.make(system).await.webhook;
    assert_eq!(made.events, suited_events(HookTopic::System, HookScope::Admin));
    hall.raise(Happening::PanelUnreachable(facts())).await;
    hall.raise(Happening::PanelBack(facts())).await;
    hall.settle().await;
    let mut paths: Vec<_> = sink.events().all().into_iter().map(|got| got.request.path).collect();
    paths.sort();
    // The sink takes each id once, whatever the path; what came is what counts.
    let mut came: Vec<_> = sink.deliveries().all().into_iter().map(|got| got.request.path).collect();
    came.sort();
    assert_eq!(came, ["/alerts", "/all", "/all", "/system", "/system"]);
    let changed = WebhookPatch { scope: Some(HookScope::Public), ..WebhookPatch::default() };
    let changed = hall.webhooks.change(&who(), made.id, changed).await.unwrap();
    assert!(changed.events.is_empty(), "the events follow as long as they are those that suit it");
}

#[tokio::test]
async fn a_renewed_secret_is_signed_with_beside_the_old_one_for_a_day() {
    let (hall, sink) = (Hall::new(), sink().await);
    let made = hall.make(new_hook("own", http(&sink.at("/in")), &["*"])).await;
    let id = made.webhook.id;
    assert_eq!(made.secret.unwrap().reveal(), &super::a_secret());
    let new = hall.webhooks.renew_secret(&who(), id, None).await.unwrap();
    assert_eq!(hall.webhooks.reveal_secret(&who(), id).await.unwrap(), new);
    hall.raise(job_dead()).await;
    hall.settle().await;
    sink.set_secrets(&[new.reveal().clone()]).unwrap();
    hall.raise(job_dead()).await;
    hall.settle().await;
    sink.set_secrets(&[super::a_secret()]).unwrap();
    hall.clock.advance_s(86_400);
    hall.raise(job_dead()).await;
    hall.settle().await;
    let signatures: Vec<_> = sink.deliveries().all().into_iter().map(|got| got.signature).collect();
    assert_eq!(signatures, [Signature::Right, Signature::Right, Signature::Wrong]);
}

#[tokio::test]
async fn a_renewal_that_is_asked_for_twice_is_done_once() {
    let hall = Hall::new();
    let id = hall.make(new_hook("own", http("https://8.8.8.8/in"), &["*"])).await.webhook.id;
    let asked = hall.env.now();
    hall.clock.advance_s(2);
    let new = hall.webhooks.renew_secret(&who(), id, Some(asked)).await.unwrap();
    let twice = hall.webhooks.renew_secret(&who(), id, Some(asked)).await.unwrap_err();
    assert!(matches!(twice, Error::Conflict(_)), "{twice}");
    assert_eq!(hall.webhooks.reveal_secret(&who(), id).await.unwrap(), new);
    hall.clock.advance_s(1);
    let asked = hall.env.now();
    assert_ne!(hall.webhooks.renew_secret(&who(), id, Some(asked)).await.unwrap(), new, "whoever is asked anew may");
}

#[tokio::test]
async fn addresses_and_secrets_are_nowhere_in_the_file() {
    let (hall, sink) = (Hall::new(), sink().await);
    let url = sink.at("/planted-token-93/status/404");
    let made = hall.make(new_hook("own", http(&url), &["*"])).await;
    let patch = WebhookPatch { url: Some(Secret::new(sink.at("/planted-token-94"))), ..WebhookPatch::default() };
    hall.raise(job_dead()).await;
    hall.settle().await;
    hall.webhooks.change(&who(), made.webhook.id, patch).await.unwrap();
    hall.webhooks.try_out(&who(), made.webhook.id).await.unwrap();
    let new = hall.webhooks.renew_secret(&who(), made.webhook.id, None).await.unwrap();
    hall.after(60).await;
    let bytes = hall.disk.image();
    for planted in ["planted-token", &super::a_secret()[6..], &new.reveal()[6..]] {
        let found = bytes.windows(planted.len()).any(|window| window == planted.as_bytes());
        assert!(!found, "{planted}");
    }
    let trail = hall.store.read(|tx| tx.all(AUDIT, &Span::all())).await.unwrap();
    assert!(trail.len() >= 4);
}

#[tokio::test]
async fn addresses_and_secrets_are_sealed_anew_with_the_master_key() {
    let hall = Hall::new();
    let made = hall.make(new_hook("own", http("https://8.8.8.8/in"), &["*"])).await;
    hall.webhooks.renew_secret(&who(), made.webhook.id, None).await.unwrap();
    let both = Arc::new(Sealer::new(&MasterKey::parse(&"07".repeat(32)).unwrap()));
    let new = MasterKey::parse(&"08".repeat(32)).unwrap();
    both.renew(&new);
    let sealer_ = both.clone();
    let changed = hall.store.write(move |tx| {
        tx.visit_seals(None, 1000, &mut |place, sealed| sealer_.reseal(place, sealed).map(drop))
            .map(|pass| pass.changed)
    });
    assert_eq!(changed.await.unwrap(), 1);
    both.forget_old();
    let id = made.webhook.id;
    let hook = hall.store.read(move |tx| tx.get(WEBHOOKS, &id)).await.unwrap().unwrap();
    let HookTarget::Http { url, secret, old_secret, .. } = hook.target else { panic!() };
    let open =
        |what: &str, sealed: &Sealed| both.open(&format!("webhooks/{id}/{what}"), sealed).unwrap().reveal().clone();
    assert_eq!(open("url", &url), "https://8.8.8.8/in");
    assert_eq!(open("old_secret", &old_secret.unwrap().0), super::a_secret());
    assert!(open("secret", &secret).starts_with("whsec_"));
    assert!(sealer().open(&format!("webhooks/{id}/url"), &url).is_err());
}
