use std::time::Duration;

use aviary_domain::access::{ApiKeyPatch, Caller, KeyHolder, LONGEST_OVERLAP, NewApiKey, SUPER_ADMIN};
use aviary_kernel::base::{Error, Net, Result};
use aviary_kernel::model::{Action, Origin, Permission, Who};
use aviary_kernel::store::tables::{ACCOUNTS, API_KEYS};
use aviary_kernel::store::{Read, Span};
use uuid::Uuid;

use super::{House, from, these};

const DAY: Duration = Duration::from_secs(86_400);

async fn come(house: &House, text: &str) -> Result<KeyHolder> {
    house.access.by_api_key(text, from("192.0.2.7")).await
}

/// The key is good now, and may this.
async fn good(house: &House, text: &str) -> Caller {
    come(house, text).await.unwrap().caller
}

async fn assert_dead(house: &House, text: &str) {
    match come(house, text).await {
        Err(Error::Unauthenticated(why)) => assert!(why.starts_with("this API key is not good"), "{why}"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_key_is_known_again_and_may_what_both_may() {
    let house = House::new();
    let ada = house.person("ada", &["TECH_TEAM"]);
    let (key, text) = house.key(&house.caller(ada), &["sync.*", "server.read"]).await;
    assert!(text.reveal().starts_with(&key.start));
    let KeyHolder { caller, requests } = come(&house, text.reveal()).await.unwrap();
    assert_eq!((caller.actor.who, caller.actor.name.as_str()), (Who::ApiKey(key.id), "deploy"));
    assert_eq!((caller.account, caller.session, caller.lacks_second_factor), (Some(ada), None, false));
    assert_eq!(caller.grants, these(&["server.read", "sync.read", "sync.run"]));
    assert_eq!(requests, None, "as the settings say");
    house.assert_sound();
}

#[tokio::test]
async fn nobody_makes_a_key_with_more_than_their_own() {
    let house = House::new();
    let tech = house.new_caller("ada", &["TECH_TEAM"]);
    for beyond in [&["*"][..], &["panel.write"], &["sync.read", "settings.write"], &["*.read"]] {
        let made = house.access.make_key(&tech, house.wanted(beyond)).await;
        assert!(matches!(made, Err(Error::Forbidden(_))), "{beyond:?}");
    }
    let member = house.new_caller("mia", &["MEMBER"]);
    assert!(matches!(house.access.make_key(&member, house.wanted(&["server.read"])).await, Err(Error::Forbidden(_))));
    let (key, _) = house.key(&tech, &["sync.read"]).await;
    let patch = ApiKeyPatch { grants: Some(these(&["sync.read", "panel.write"])), ..ApiKeyPatch::default() };
    assert!(matches!(house.access.change_key(&tech, key.id, patch).await, Err(Error::Forbidden(_))));
}

#[tokio::test]
async fn nobody_makes_a_key_for_somebody_else_except_on_the_machine() {
    let house = House::new();
    let root = house.person("root", &[SUPER_ADMIN]);
    let ada = house.person("ada", &["TECH_TEAM"]);
    let for_root = NewApiKey { owner: Some(root), ..house.wanted(&["sync.read"]) };
    let made = house.access.make_key(&house.caller(ada), for_root).await;
    assert!(matches!(made, Err(Error::Forbidden(_))), "{made:?}");
    let for_ada = NewApiKey { owner: Some(ada), ..house.wanted(&["sync.read"]) };
    let made = house.access.make_key(&house.caller(root), for_ada.clone()).await;
    assert!(matches!(made, Err(Error::Forbidden(_))), "{made:?}");

    let cli = Caller::command_line();
    let nobodys = house.access.make_key(&cli, house.wanted(&["sync.read"])).await;
    assert!(matches!(nobodys, Err(Error::Invalid { field: "owner", .. })), "{nobodys:?}");
    let (_, text) = house.access.make_key(&cli, for_ada.clone()).await.unwrap();
    assert_eq!(good(&house, text.reveal()).await.account, Some(ada));
    let too_much = NewApiKey { grants: these(&["*"]), ..for_ada.clone() };
    assert!(matches!(house.access.make_key(&cli, too_much).await, Err(Error::Invalid { field: "permissions", .. })));
    house.change(ada, |account| account.is_active = false);
    assert!(matches!(house.access.make_key(&cli, for_ada).await, Err(Error::Conflict(_))));
}

#[tokio::test]
async fn a_key_makes_changes_and_renews_no_keys() {
    let house = House::new();
    let root = house.new_caller("root", &[SUPER_ADMIN]);
    let (key, text) = house.key(&root, &["*"]).await;
    let program = good(&house, text.reveal()).await;
    assert!(program.may(Permission::ApiKeyOwn));
    let refused = |result: Result<()>| assert!(matches!(result, Err(Error::Forbidden(_))), "{result:?}");
    refused(house.access.make_key(&program, house.wanted(&["sync.read"])).await.map(drop));
    refused(house.access.change_key(&program, key.id, ApiKeyPatch::default()).await.map(drop));
    refused(house.access.rotate_key(&program, key.id, DAY).await.map(drop));
    house.access.revoke_key(&program, key.id).await.unwrap();
    assert_dead(&house, text.reveal()).await;
}

#[tokio::test]
async fn a_key_with_everything_gives_nobody_everything() {
    let house = House::new();
    let root = house.new_caller("root", &[SUPER_ADMIN]);
    let (_, text) = house.key(&root, &["*"]).await;
    let program = good(&house, text.reveal()).await;
    assert!(program.require_no_more_than_own(&these(&["*"])).is_err());
    assert!(program.require_no_more_than_own(&these(&["sync.*", "*.read"])).is_ok());
}

#[tokio::test]
async fn the_key_of_a_demoted_owner_shrinks_at_once() {
    let house = House::new();
    let ada = house.person("ada", &["TECH_TEAM"]);
    let (_, text) = house.key(&house.caller(ada), &["sync.*", "settings.read"]).await;
    assert!(good(&house, text.reveal()).await.may(Permission::SyncRun));
    house.change(ada, |account| account.roles = vec!["SUPPORT_TEAM".into()]);
    assert_eq!(good(&house, text.reveal()).await.grants, these(&["sync.read"]));
    house.change(ada, |account| account.roles = vec![SUPER_ADMIN.into()]);
    let caller = good(&house, text.reveal()).await;
    assert_eq!(caller.grants, these(&["sync.read", "sync.run", "settings.read"]), "never more than the key");
}

#[tokio::test]
async fn the_key_of_a_disabled_or_removed_owner_is_dead_on_the_next_call() {
    let house = House::new();
    let ada = house.person("ada", &["TECH_TEAM"]);
    let (_, text) = house.key(&house.caller(ada), &["sync.read"]).await;
    good(&house, text.reveal()).await;
    house.change(ada, |account| account.is_active = false);
    assert_dead(&house, text.reveal()).await;
    house.change(ada, |account| account.is_active = true);
    good(&house, text.reveal()).await;
    house.store.write_blocking(move |tx| tx.remove(ACCOUNTS, &ada).map(drop)).unwrap();
    assert_dead(&house, text.reveal()).await;
    assert_eq!(house.refusals(), ["API key: its owner is disabled", "API key: its owner is gone"]);
    assert_eq!(house.access.clean_up().await.unwrap(), 1);
    assert!(house.access.keys(&Caller::command_line(), None).await.unwrap().is_empty());
    house.assert_sound();
}

#[tokio::test]
async fn a_key_is_no_way_around_the_second_factor_of_its_owner() {
    let house = House::new();
    let ada = house.person("ada", &["TECH_TEAM"]);
    let (_, text) = house.key(&house.caller(ada), &["sync.read"]).await;
    assert!(good(&house, text.reveal()).await.may(Permission::SyncRead));
    house.access.set_second_factor(&Caller::command_line(), "TECH_TEAM", true).await.unwrap();
    let held_up = good(&house, text.reveal()).await;
    assert!(held_up.lacks_second_factor && !held_up.may(Permission::SyncRead));
}

#[tokio::test]
async fn what_is_no_key_is_refused_in_the_same_words() {
    let house = House::new();
    let ada = house.person("ada", &["TECH_TEAM"]);
    let (key, text) = house.key(&house.caller(ada), &["sync.read"]).await;
    let mistyped = text.reveal().replace("aviary_", "aviary-");
    let other = format!("{}_{}", key.start, "A".repeat(43));
    let mut said = Vec::new();
    for bad in ["", "aviary_", &mistyped, &other, &format!("{} ", text.reveal()), &"aviary_".repeat(1_000)] {
        said.push(come(&house, bad).await.unwrap_err().to_string());
    }
    house.access.revoke_key(&house.caller(ada), key.id).await.unwrap();
    said.push(come(&house, text.reveal()).await.unwrap_err().to_string());
    assert!(said.iter().all(|one| one == &said[0]), "{said:#?}");
}

#[tokio::test]
async fn refusals_go_on_record_but_do_not_fill_it() {
    let house = House::new();
    for _ in 0..100 {
        assert_dead(&house, "aviary_nothing").await;
    }
    assert_eq!(house.refusals(), vec!["API key: it is unknown"; 5]);
    house.clock.advance_s(60);
    assert_dead(&house, "aviary_nothing").await;
    assert_eq!(house.refusals().len(), 6);
}

#[tokio::test]
async fn a_key_ends_when_it_says() {
    let house = House::new();
    let by = house.new_caller("ada", &["TECH_TEAM"]);
    let (key, text) = house.key(&by, &["sync.read"]).await;
    house.clock.advance(DAY - Duration::from_millis(1));
    good(&house, text.reveal()).await;
    house.clock.advance(Duration::from_millis(1));
    assert_dead(&house, text.reveal()).await;
    assert!(matches!(house.access.rotate_key(&by, key.id, DAY).await, Err(Error::Conflict(_))));
    let later = ApiKeyPatch { expires_at: Some(Some(house.env.now().plus(DAY))), ..ApiKeyPatch::default() };
    house.access.change_key(&by, key.id, later).await.unwrap();
    good(&house, text.reveal()).await;
}

#[tokio::test]
async fn a_key_lives_between_an_hour_and_a_year() {
    let house = House::new();
    let ada = house.person("ada", &["TECH_TEAM"]);
    let by = house.caller(ada);
    let now = house.env.now();
    let until = |end| NewApiKey { expires_at: end, ..house.wanted(&["sync.read"]) };
    for bad in [None, Some(now), Some(now.minus(DAY)), Some(now.plus(DAY / 25)), Some(now.plus(DAY * 367))] {
        let made = house.access.make_key(&by, until(bad)).await;
        assert!(matches!(made, Err(Error::Invalid { field: "expiresAt", .. })), "{bad:?}");
    }
    house.access.make_key(&by, until(Some(now.plus(DAY * 365)))).await.unwrap();
    let by_cli = |end| NewApiKey { owner: Some(ada), ..until(end) };
    let cli = Caller::command_line();
    let (key, _) = house.access.make_key(&cli, by_cli(Some(now.plus(DAY * 1_000)))).await.unwrap();
    house.access.make_key(&cli, by_cli(None)).await.unwrap();
    assert!(house.access.make_key(&cli, by_cli(Some(now))).await.is_err());
    let forever = ApiKeyPatch { expires_at: Some(None), ..ApiKeyPatch::default() };
    assert!(house.access.change_key(&by, key.id, forever).await.is_err(), "nor by a later change");
}

#[tokio::test]
async fn other_values_that_cannot_be_are_refused_at_their_field() {
    let house = House::new();
    let by = house.new_caller("ada", &["TECH_TEAM"]);
    let good = || house.wanted(&["sync.read"]);
    let many = vec!["10.0.0.0/8".parse::<Net>().unwrap(); 51];
    let cases = [
        ("name", NewApiKey { name: " ".into(), ..good() }),
        ("name", NewApiKey { name: "a\nb".into(), ..good() }),
        ("permissions", NewApiKey { grants: these(&[]), ..good() }),
        ("addresses", NewApiKey { addresses: many, ..good() }),
        ("perMinute", NewApiKey { per_minute: Some(0), ..good() }),
        ("perMinute", NewApiKey { per_minute: Some(10_001), ..good() }),
    ];
    for (wanted, new) in cases {
        match house.access.make_key(&by, new).await {
            Err(Error::Invalid { field, .. }) => assert_eq!(field, wanted),
            other => panic!("{wanted}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn a_key_works_from_its_addresses_only() {
    let house = House::new();
    let by = house.new_caller("ada", &["TECH_TEAM"]);
    let addresses = ["192.0.2.0/24", "2001:db8::/32", "::ffff:198.51.100.0/120"];
    let addresses = addresses.into_iter().map(|net| net.parse().unwrap()).collect();
    let new = NewApiKey { addresses, per_minute: Some(5), ..house.wanted(&["sync.read"]) };
    let (_, text) = house.access.make_key(&by, new).await.unwrap();
    for there in ["192.0.2.200", "::ffff:192.0.2.200", "2001:db8:ffff::1", "198.51.100.9", "::ffff:198.51.100.9"] {
        let holder = house.access.by_api_key(text.reveal(), from(there)).await.unwrap();
        assert_eq!(holder.requests.unwrap().capacity, 5);
    }
    for elsewhere in ["192.0.3.1", "::ffff:192.0.3.1", "2001:db9::1", "::c000:2c8", "127.0.0.1"] {
        assert!(house.access.by_api_key(text.reveal(), from(elsewhere)).await.is_err(), "{elsewhere}");
    }
    assert!(house.access.by_api_key(text.reveal(), Origin::default()).await.is_err(), "from nowhere");
}

#[tokio::test]
async fn the_old_text_is_good_until_the_overlap_ends() {
    let house = House::new();
    let by = house.new_caller("ada", &["TECH_TEAM"]);
    let (key, first) = house.key(&by, &["sync.read"]).await;
    let (renewed, second) = house.access.rotate_key(&by, key.id, DAY / 2).await.unwrap();
    assert!(renewed.start != key.start && renewed.id == key.id);
    good(&house, first.reveal()).await;
    good(&house, second.reveal()).await;
    let (_, third) = house.access.rotate_key(&by, key.id, DAY / 4).await.unwrap();
    assert_dead(&house, first.reveal()).await;
    good(&house, second.reveal()).await;
    house.clock.advance(DAY / 4);
    assert_dead(&house, second.reveal()).await;
    good(&house, third.reveal()).await;
    assert_eq!(house.access.clean_up().await.unwrap(), 1);
    assert_eq!(house.access.clean_up().await.unwrap(), 0);
    assert!(house.access.key(&by, key.id).await.unwrap().previous.is_none());
    good(&house, third.reveal()).await;
    let (_, fourth) = house.access.rotate_key(&by, key.id, Duration::ZERO).await.unwrap();
    assert_dead(&house, third.reveal()).await;
    house.access.revoke_key(&by, key.id).await.unwrap();
    assert_dead(&house, fourth.reveal()).await;
    assert!(matches!(house.access.rotate_key(&by, key.id, DAY).await, Err(Error::Conflict(_))));
    let long = house.access.rotate_key(&by, key.id, LONGEST_OVERLAP + Duration::from_millis(1)).await;
    assert!(matches!(long, Err(Error::Invalid { field: "overlap", .. })));
    house.assert_sound();
}

#[tokio::test]
async fn a_revoked_key_is_dead_with_both_its_texts_and_stays_so() {
    let house = House::new();
    let by = house.new_caller("ada", &["TECH_TEAM"]);
    let (key, first) = house.key(&by, &["sync.read"]).await;
    let (_, second) = house.access.rotate_key(&by, key.id, DAY / 2).await.unwrap();
    house.access.revoke_key(&by, key.id).await.unwrap();
    assert_dead(&house, first.reveal()).await;
    assert_dead(&house, second.reveal()).await;
    let patch = ApiKeyPatch { name: Some("again".into()), ..ApiKeyPatch::default() };
    assert!(matches!(house.access.change_key(&by, key.id, patch).await, Err(Error::Conflict(_))));
    let events = house.trail().len();
    house.access.revoke_key(&by, key.id).await.unwrap();
    assert_eq!(house.trail().len(), events, "twice is once");
}

#[tokio::test]
async fn the_keys_of_others_need_their_own_permissions() {
    let house = House::new();
    let root = house.new_caller("root", &[SUPER_ADMIN]);
    let (ada, bea) = (house.new_caller("ada", &["TECH_TEAM"]), house.new_caller("bea", &["TECH_TEAM"]));
    let admin = house.new_caller("adam", &["ADMINISTRATOR"]);
    let (key, text) = house.key(&ada, &["sync.read"]).await;
    let (mighty, _) = house.key(&root, &["*"]).await;

    assert_eq!(house.access.keys(&ada, ada.account).await.unwrap().len(), 1);
    assert!(matches!(house.access.keys(&bea, ada.account).await, Err(Error::Forbidden(_))));
    assert!(matches!(house.access.keys(&bea, None).await, Err(Error::Forbidden(_))));
    assert!(matches!(house.access.key(&bea, key.id).await, Err(Error::NotFound { .. })));
    assert!(matches!(house.access.revoke_key(&bea, key.id).await, Err(Error::NotFound { .. })));
    assert!(matches!(house.access.key(&bea, Uuid::nil()).await, Err(Error::NotFound { .. })));
    let member = house.new_caller("mia", &["MEMBER"]);
    assert!(matches!(house.access.key(&member, Uuid::nil()).await, Err(Error::Forbidden(_))));

    assert_eq!(house.access.keys(&admin, None).await.unwrap().len(), 2);
    let named = ApiKeyPatch { name: Some("renamed".into()), ..ApiKeyPatch::default() };
    assert_eq!(house.access.change_key(&admin, key.id, named.clone()).await.unwrap().name, "renamed");
    let higher = house.access.change_key(&admin, mighty.id, named).await;
    assert!(matches!(higher, Err(Error::Forbidden(_))), "{higher:?}");
    for id in [key.id, mighty.id] {
        let seen = house.access.rotate_key(&admin, id, DAY).await;
        assert!(matches!(seen, Err(Error::Forbidden(_))), "whoever knows the text acts as the owner");
    }
    good(&house, text.reveal()).await;
    house.access.revoke_key(&admin, mighty.id).await.unwrap();
}

#[tokio::test]
async fn the_last_use_is_noted_once_a_minute() {
    let house = House::new();
    let by = house.new_caller("ada", &["TECH_TEAM"]);
    let (key, text) = house.key(&by, &["sync.read"]).await;
    let used = async || {
        house.settle();
        let key = house.access.key(&by, key.id).await.unwrap();
        (key.used_at, key.used_from.map(|address| address.to_string()))
    };
    let start = house.env.now();
    house.access.by_api_key(text.reveal(), from("::ffff:192.0.2.9")).await.unwrap();
    assert_eq!(used().await, (Some(start), Some("192.0.2.9".into())));
    house.clock.advance_s(59);
    good(&house, text.reveal()).await;
    assert_eq!(used().await.0, Some(start));
    house.clock.advance_s(1);
    good(&house, text.reveal()).await;
    assert_eq!(used().await, (Some(house.env.now()), Some("192.0.2.7".into())));
    assert_dead(&house, "aviary_nothing").await;
}

#[tokio::test]
async fn the_file_holds_no_text_of_a_key() {
    let house = House::new();
    let by = house.new_caller("ada", &["TECH_TEAM"]);
    let (key, first) = house.key(&by, &["sync.read"]).await;
    let (_, second) = house.access.rotate_key(&by, key.id, DAY).await.unwrap();
    good(&house, first.reveal()).await;
    house.access.revoke_key(&by, key.id).await.unwrap();
    assert_dead(&house, second.reveal()).await;
    let said = format!("{:?}", house.trail());
    let raw = std::fs::read(house.dir.path().join("aviary.redb")).unwrap();
    let holds = |needle: &str| raw.windows(needle.len()).any(|window| window == needle.as_bytes());
    assert!(holds(&key.start), "what names it is there, so the search does find");
    for text in [&first, &second] {
        let secret = &text.reveal()[key.start.len() + 1..];
        assert!(!holds(secret) && !said.contains(secret));
    }
}

#[tokio::test]
async fn every_step_of_a_key_is_on_record() {
    let house = House::new();
    let by = house.new_caller("ada", &["TECH_TEAM"]);
    let (key, _) = house.key(&by, &["sync.read"]).await;
    let patch = ApiKeyPatch {
        name: Some("renamed".into()),
        addresses: Some(vec!["10.0.0.0/8".parse().unwrap()]),
        per_minute: Some(Some(9)),
        ..ApiKeyPatch::default()
    };
    house.access.change_key(&by, key.id, patch).await.unwrap();
    house.access.rotate_key(&by, key.id, DAY).await.unwrap();
    house.access.revoke_key(&by, key.id).await.unwrap();
    let trail = house.trail();
    let actions: Vec<Action> = trail.iter().map(|event| event.action).collect();
    assert_eq!(actions, [Action::ApiKeyMade, Action::ApiKeyChanged, Action::ApiKeyRotated, Action::ApiKeyRevoked]);
    let fields = |n: usize| trail[n].changes.iter().map(|change| change.field.as_str()).collect::<Vec<_>>();
    assert_eq!(fields(0), ["name", "owner", "permissions", "expiresAt"]);
    assert_eq!(fields(1), ["name", "addresses", "perMinute"]);
    assert_eq!(fields(2), ["start", "previousGoodUntil"]);
    assert!(trail.iter().all(|event| event.target.as_ref().unwrap().id == key.id.to_string()));
}

#[tokio::test]
async fn the_key_of_the_configuration_comes_near_no_people() {
    let house = House::new();
    let caller = house.access.backend_caller(from("192.0.2.7"));
    assert_eq!(caller.actor.who, Who::BackendKey);
    let refused: Vec<&str> = Permission::ALL.iter().filter(|p| !caller.may(**p)).map(|p| p.name()).collect();
    assert_eq!(
        refused,
        [
            "account.read",
            "account.write",
            "account.security",
            "role.read",
            "role.assign",
            "role.write",
            "apikey.read",
            "apikey.write",
            "apikey.own",
            "mail.open",
            "job.write",
            "schedule.read",
            "schedule.write",
            "schedule.run",
            "webhook.read",
            "webhook.write",
            "mail.read",
            "settings.write",
            "audit.read",
            "audit.export",
            "backup.read",
            "backup.run",
        ]
    );
    assert!(house.access.make_key(&caller, house.wanted(&["sync.read"])).await.is_err());
    let rows = house.store.read_blocking(|tx| tx.all(API_KEYS, &Span::all())).unwrap();
    assert!(rows.is_empty());
}
