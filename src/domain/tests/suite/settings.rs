use aviary_domain::masked::MASK;
use aviary_domain::panels::PanelPatch;
use aviary_domain::settings::{Given, Key, Refused, SHORTEST_INTERVAL_S, Settings, Source, Tested, Value, Wanted};
use aviary_kernel::base::{Error, Secret};
use aviary_kernel::config::{Config, SetBy, Sources};
use aviary_kernel::model::{Action, Actor, AuditEvent, PanelId, Who};
use aviary_kernel::store::rows::{Change, Setting};
use aviary_kernel::store::tables::{AUDIT, FEED, SETTINGS};
use aviary_kernel::store::{Read, SortText, Span};
use aviary_sim::{PanelSpec, SimPanel};

use crate::lab::{Lab, sealer, small, who};

const KEY: &str = "ghp_averylongtokenthatnobodymaysee";

fn mara() -> Actor {
    Actor::new(Who::BackendKey, "mara@example.com")
}

fn set(key: Key, value: &str) -> Vec<(Key, Wanted)> {
    vec![(key, value.into())]
}

fn audit(lab: &Lab) -> Vec<AuditEvent> {
    lab.store.read_blocking(|tx| tx.all(AUDIT, &Span::all())).unwrap().into_iter().map(|(_, event)| event).collect()
}

fn feed_len(lab: &Lab) -> usize {
    lab.store.read_blocking(|tx| tx.all(FEED, &Span::all())).unwrap().len()
}

async fn newest(settings: &Settings, key: Key) -> u64 {
    settings.history(key, None, 10).await.unwrap().changes[0].number
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_counts_at_once_and_says_who_made_it_when() {
    let lab = Lab::new(small()).await;
    let settings = lab.settings(Some(900));
    let mut heard = settings.watch();
    heard.mark_unchanged();
    let changed = settings.change(&mara(), set(Key::MaintenanceMode, "true")).await.unwrap();
    assert_eq!(changed, [Key::MaintenanceMode]);
    assert!(settings.maintenance_mode().await.unwrap() && settings.current().maintenance_mode);
    assert!(heard.has_changed().unwrap() && heard.borrow_and_update().maintenance_mode);
    let shown = settings.get(Key::MaintenanceMode).await.unwrap();
    assert_eq!((shown.value, shown.base), (true.into(), false.into()));
    assert_eq!(shown.source, Source::Set { by: mara(), at: lab.env.now() });
    let event = audit(&lab).pop().unwrap();
    assert_eq!((event.action, event.actor), (Action::SettingChanged, mara()));
    let change = &event.changes[0];
    assert_eq!(
        (&*change.field, change.before.as_deref(), change.after.as_deref()),
        ("maintenance_mode", Some("false"), Some("true"))
    );
    let feed = lab.store.read_blocking(|tx| tx.all(FEED, &Span::all())).unwrap();
    assert!(feed.iter().any(|(_, entry)| entry.change == Change::Setting("maintenance_mode".into())));
    lab.assert_sound();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_stays_the_same_leaves_no_trace() {
    let lab = Lab::new(small()).await;
    let settings = lab.settings(Some(900));
    settings.change(&mara(), set(Key::GithubToken, KEY)).await.unwrap();
    let panel = lab.panels.require(lab.panel).await.unwrap();
    let before = (audit(&lab).len(), feed_len(&lab));
    let same = vec![
        (Key::GithubToken, Wanted::from(MASK)),
        (Key::GithubToken, Wanted::from(KEY)),
        (Key::ResendApiKey, Wanted::from("")),
        (Key::SiteName, Wanted::from("Aviary")),
        (Key::SyncInterval, Wanted::Number(900)),
        (Key::PterodactylUrl, Wanted::from(format!("{}/", panel.base_url).as_str())),
        (Key::PterodactylApiKey, Wanted::from(lab.sim.app_key())),
        (Key::PterodactylClientApiKey, Wanted::from(MASK)),
        (Key::VirtfusionUrl, Wanted::Reset),
    ];
    assert_eq!(settings.change(&mara(), same).await.unwrap(), []);
    lab.panels
        .change(&mara(), lab.panel, PanelPatch { name: Some("Main".into()), ..PanelPatch::default() })
        .await
        .unwrap();
    assert_eq!((audit(&lab).len(), feed_len(&lab)), before);
    assert_eq!(settings.history(Key::GithubToken, None, 10).await.unwrap().changes.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_or_nothing_and_every_bad_value_is_named() {
    let lab = Lab::new(small()).await;
    let settings = lab.settings(Some(900));
    let before = audit(&lab).len();
    let wanted = vec![
        (Key::SiteName, Wanted::from("Changed")),
        (Key::SiteUrl, Wanted::from("nowhere")),
        (Key::SyncInterval, Wanted::Number(i64::from(SHORTEST_INTERVAL_S) - 1)),
        (Key::GithubToken, Wanted::from("hunter2 with blanks")),
    ];
    let Err(Refused::Fields(faults)) = settings.change(&mara(), wanted.clone()).await else { panic!("taken") };
    assert_eq!(
        faults.iter().map(|fault| fault.key).collect::<Vec<_>>(),
        [Key::SiteUrl, Key::SyncInterval, Key::GithubToken]
    );
    let told = Error::from(settings.change(&mara(), wanted).await.unwrap_err()).to_string();
    assert!(told.contains("siteUrl") && told.contains("syncInterval") && told.contains("githubToken"), "{told}");
    assert!(!told.contains("hunter2"), "{told}");
    // What only the transaction can tell undoes the rest as well.
    let cannot = vec![(Key::SiteName, "Changed".into()), (Key::PterodactylApiKey, Wanted::Reset)];
    assert!(matches!(
        settings.change(&mara(), cannot).await,
        Err(Refused::Other(Error::Invalid { field: "pterodactylApiKey", .. }))
    ));
    assert_eq!((settings.site_name().await.unwrap().as_str(), audit(&lab).len()), ("Aviary", before));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn secrets_are_sealed_and_never_shown() {
    let lab = Lab::new(small()).await;
    let settings = lab.settings(Some(900));
    for key in Key::ALL.iter().filter(|key| key.is_secret() && !key.is_of_panel()) {
        settings.change(&mara(), set(*key, KEY)).await.unwrap();
        let shown = settings.get(*key).await.unwrap();
        assert_eq!(shown.value, MASK, "{key:?}");
        assert_eq!(settings.value(*key).await.unwrap(), Value::Secret(Some(KEY.into())), "{key:?}");
        let history = settings.history(*key, None, 10).await.unwrap();
        assert!(!format!("{history:?}{shown:?}").contains(KEY), "{key:?}");
        settings.reset(&mara(), &[*key]).await.unwrap();
        assert_eq!(settings.get(*key).await.unwrap().value, "", "{key:?}");
    }
    let told = format!("{:?}", audit(&lab));
    assert!(!told.contains(KEY) && told.contains(MASK), "{told}");
    let file = std::fs::read(lab.dir.path().join("aviary.redb")).unwrap();
    assert!(!file.windows(KEY.len()).any(|part| part == KEY.as_bytes()), "in clear on the disk");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn undo_brings_a_secret_back_unless_somebody_changed_it_since() {
    let lab = Lab::new(small()).await;
    let settings = lab.settings(Some(900));
    settings.change(&mara(), set(Key::GithubToken, KEY)).await.unwrap();
    settings.change(&mara(), set(Key::GithubToken, "ghp_second")).await.unwrap();
    let second = newest(&settings, Key::GithubToken).await;
    settings.change(&mara(), set(Key::GithubToken, "ghp_third")).await.unwrap();
    assert!(matches!(settings.undo(&mara(), Key::GithubToken, second).await, Err(Error::Conflict(_))));
    let third = newest(&settings, Key::GithubToken).await;
    settings.undo(&mara(), Key::GithubToken, third).await.unwrap();
    assert!(
        matches!(settings.undo(&mara(), Key::SiteName, second).await, Err(Error::NotFound { .. })),
        "of another setting"
    );
    assert_eq!(audit(&lab).pop().unwrap().action, Action::SettingUndone);
    settings.undo(&mara(), Key::GithubToken, second).await.unwrap();
    assert_eq!(settings.value(Key::GithubToken).await.unwrap(), Value::Secret(Some(KEY.into())));
    let page = settings.history(Key::GithubToken, None, 2).await.unwrap();
    assert_eq!((page.changes.len(), page.changes[0].can_undo, page.changes[1].can_undo), (2, true, false));
    let rest = settings.history(Key::GithubToken, page.next, 10).await.unwrap();
    assert_eq!((rest.changes.len(), rest.next.is_none()), (3, true));
    assert!(matches!(settings.undo(&mara(), Key::GithubToken, 999).await, Err(Error::NotFound { .. })));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn undoing_the_first_change_leads_back_to_the_default() {
    let lab = Lab::new(small()).await;
    let settings = lab.settings(Some(900));
    settings.change(&mara(), set(Key::SiteName, "Birds")).await.unwrap();
    settings.undo(&mara(), Key::SiteName, newest(&settings, Key::SiteName).await).await.unwrap();
    let shown = settings.get(Key::SiteName).await.unwrap();
    assert_eq!((shown.value, shown.source), ("Aviary".into(), Source::Config(SetBy::Default)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_configuration_counts_until_somebody_sets_a_value() {
    let lab = Lab::new(small()).await;
    let variables = [("RESEND_API_KEY", "re_fromtheenvironment"), ("AVIARY__SYNC__HISTORY_DAYS", "30")];
    let config = Config::load(&Sources::new().env(variables)).unwrap();
    let settings = Settings::new(lab.store.clone(), lab.env.clone(), sealer(), lab.panels.clone(), &config);
    let shown = settings.get(Key::ResendApiKey).await.unwrap();
    assert_eq!((shown.value, shown.source), (MASK.into(), Source::Config(SetBy::Env("RESEND_API_KEY".into()))));
    assert_eq!((settings.history_days().await.unwrap(), settings.current().history_days), (30, 30));
    settings.change(&mara(), set(Key::HistoryDays, "7")).await.unwrap();
    assert_eq!(settings.history_days().await.unwrap(), 7);
    settings.reset(&mara(), &[Key::HistoryDays]).await.unwrap();
    assert_eq!((settings.history_days().await.unwrap(), settings.current().history_days), (30, 30));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn automatic_syncs_of_an_earlier_release_are_taken_over() {
    let lab = Lab::new(small()).await;
    let old = Setting(r#"{"enabled":false,"everyS":1800}"#.into());
    lab.store.write_blocking(move |tx| tx.put(SETTINGS, &SortText::new("auto_sync"), &old).map(drop)).unwrap();
    for _ in 0..2 {
        let settings = lab.settings(Some(900));
        settings.load().await.unwrap();
        let auto = settings.current().auto_sync.clone();
        assert_eq!((auto.enabled, auto.every_s), (false, 1800));
    }
    assert!(lab.store.read_blocking(|tx| tx.get(SETTINGS, &SortText::new("auto_sync"))).unwrap().is_none());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_pterodactyl_settings_are_those_of_the_first_panel() {
    let lab = Lab::new(small()).await;
    let settings = lab.settings(Some(900));
    lab.panels.test(&who(), lab.panel).await.unwrap();
    let wanted = vec![
        (Key::PterodactylUrl, Wanted::from("https://panel.example.com/")),
        (Key::PterodactylApiKey, Wanted::from("ptla_new")),
        (Key::PterodactylClientApiKey, Wanted::from("ptlc_new")),
    ];
    let changed = settings.change(&mara(), wanted).await.unwrap();
    assert_eq!(changed, [Key::PterodactylUrl, Key::PterodactylApiKey, Key::PterodactylClientApiKey]);
    let panel = lab.panels.require(lab.panel).await.unwrap();
    assert_eq!(
        (panel.base_url.as_str(), panel.dialect, panel.client_key.is_some()),
        ("https://panel.example.com", None, true)
    );
    let event = audit(&lab).pop().unwrap();
    assert_eq!((event.action, event.changes.len()), (Action::PanelChanged, 3));
    assert!(!format!("{event:?}").contains("ptlc_new"));
    let shown = settings.get(Key::PterodactylClientApiKey).await.unwrap();
    assert_eq!((shown.value, shown.source), (MASK.into(), Source::Panel { id: lab.panel, name: "Main".into() }));
    settings
        .undo(&mara(), Key::PterodactylClientApiKey, newest(&settings, Key::PterodactylClientApiKey).await)
        .await
        .unwrap();
    assert_eq!(settings.get(Key::PterodactylClientApiKey).await.unwrap().value, "");
    let on_its_own = settings.change(&mara(), set(Key::PterodactylUrl, "https://panel.example.com/sub")).await.unwrap();
    assert_eq!(on_its_own, [Key::PterodactylUrl]);
    settings.undo(&mara(), Key::PterodactylUrl, newest(&settings, Key::PterodactylUrl).await).await.unwrap();
    assert_eq!(lab.panels.require(lab.panel).await.unwrap().base_url, "https://panel.example.com");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_that_is_stored_goes_to_no_other_panel() {
    const EVIL: &str = "https://evil.example";
    let lab = Lab::new(small()).await;
    let settings = lab.settings(Some(900));
    let alone = PanelPatch { url: Some(EVIL.into()), ..PanelPatch::default() };
    let masked = PanelPatch { url: Some(EVIL.into()), app_key: Some(MASK.into()), ..PanelPatch::default() };
    for patch in [alone, masked] {
        let refused = lab.panels.change(&mara(), lab.panel, patch).await;
        assert!(matches!(refused, Err(Error::Invalid { field: "appKey", .. })), "{refused:?}");
    }
    let by_setting = settings.change(&mara(), set(Key::PterodactylUrl, EVIL)).await;
    assert!(matches!(by_setting, Err(Refused::Other(Error::Invalid { field: "pterodactylApiKey", .. }))));
    // Whoever moves the panel with a key of their own cannot bring the real one back there.
    let moved = vec![(Key::PterodactylUrl, Wanted::from(EVIL)), (Key::PterodactylApiKey, Wanted::from("ptla_mine"))];
    settings.change(&mara(), moved).await.unwrap();
    for key in [Key::PterodactylApiKey, Key::PterodactylUrl] {
        let change = settings.history(key, None, 1).await.unwrap().changes.pop().unwrap();
        assert!(settings.undo(&mara(), key, change.number).await.is_err());
        assert!(key == Key::PterodactylUrl || !change.can_undo);
    }
    // Nor can it be brought back and moved afterwards, or moved and brought back in two steps.
    let home = vec![
        (Key::PterodactylUrl, Wanted::from(lab.sim.url().as_str())),
        (Key::PterodactylApiKey, Wanted::from(lab.sim.app_key())),
    ];
    settings.change(&mara(), home).await.unwrap();
    settings.change(&mara(), set(Key::PterodactylApiKey, "ptla_mine")).await.unwrap();
    let number = newest(&settings, Key::PterodactylApiKey).await;
    let moved = PanelPatch { url: Some(EVIL.into()), app_key: Some("ptla_mine".into()), ..PanelPatch::default() };
    lab.panels.change(&mara(), lab.panel, moved).await.unwrap();
    let back = settings.undo(&mara(), Key::PterodactylApiKey, number).await;
    assert!(matches!(back, Err(Error::Conflict(_))), "{back:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_that_is_stored_or_configured_goes_to_no_other_virtfusion() {
    const EVIL: &str = "https://evil.example";
    let lab = Lab::new(small()).await;
    let settings = lab.settings_of(|config| {
        config.virtfusion.url = Some("https://virt.example.com".parse().unwrap());
        config.virtfusion.api_key = Some(KEY.into());
    });
    let refused = |result| matches!(result, Err(Refused::Other(Error::Invalid { field: "virtfusionApiKey", .. })));
    assert!(refused(settings.change(&mara(), set(Key::VirtfusionUrl, EVIL)).await));
    let moved = vec![(Key::VirtfusionUrl, Wanted::from(EVIL)), (Key::VirtfusionApiKey, Wanted::from("vf_mine"))];
    settings.change(&mara(), moved).await.unwrap();
    let number = newest(&settings, Key::VirtfusionApiKey).await;
    assert!(settings.undo(&mara(), Key::VirtfusionApiKey, number).await.is_err());
    assert!(refused(settings.reset(&mara(), &[Key::VirtfusionApiKey]).await));
    settings.reset(&mara(), &[Key::VirtfusionApiKey, Key::VirtfusionUrl]).await.unwrap();
    let elsewhere = Given { url: Some(EVIL.into()), key: None };
    assert!(settings.test(&mara(), Tested::VirtFusion, elsewhere).await.is_err());
    assert_eq!(settings.value(Key::VirtfusionApiKey).await.unwrap(), Value::Secret(Some(KEY.into())));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_pterodactyl_settings_add_a_panel_where_there_is_none() {
    let lab = Lab::new(small()).await;
    let settings = lab.settings(Some(900));
    lab.syncs.remove_panel(&who(), lab.panel).await.unwrap();
    let alone = settings.change(&mara(), set(Key::PterodactylUrl, &lab.sim.url())).await;
    assert!(matches!(alone, Err(Refused::Other(Error::Invalid { field: "pterodactylApiKey", .. }))), "{alone:?}");
    assert_eq!(settings.change(&mara(), set(Key::PterodactylApiKey, MASK)).await.unwrap(), []);
    let both = vec![
        (Key::PterodactylUrl, Wanted::from(lab.sim.url().as_str())),
        (Key::PterodactylApiKey, Wanted::from(lab.sim.app_key())),
    ];
    assert_eq!(settings.change(&mara(), both).await.unwrap().len(), 2);
    let panel = lab.panels.all().await.unwrap().pop().unwrap();
    assert_eq!((panel.id, panel.name.as_str()), (PanelId(2), "127.0.0.1"));
    lab.panels.test(&who(), panel.id).await.unwrap();
    let added = newest(&settings, Key::PterodactylUrl).await;
    assert!(matches!(settings.undo(&mara(), Key::PterodactylUrl, added).await, Err(Error::Conflict(_))));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_panel_is_changed_field_by_field_and_twins_are_refused() {
    let lab = Lab::new(small()).await;
    let other = SimPanel::start(PanelSpec { rate_limit: 0, ..small() }).await.unwrap();
    let second = aviary_domain::panels::NewPanel {
        name: "Second".into(),
        url: other.url(),
        app_key: Secret::from(other.app_key()),
        client_key: None,
        share_percent: None,
        sync_every_s: None,
    };
    lab.panels.add(&who(), second).await.unwrap();
    for twin in [
        PanelPatch { name: Some("second".into()), ..PanelPatch::default() },
        PanelPatch {
            url: Some(other.url()),
            app_key: Some("ptla_x".into()),
            client_key: Some(None),
            ..PanelPatch::default()
        },
    ] {
        assert!(matches!(lab.panels.change(&mara(), lab.panel, twin).await, Err(Error::Conflict(_))));
    }
    let bad = PanelPatch { name: Some("Renamed".into()), share_percent: Some(101), ..PanelPatch::default() };
    assert!(matches!(
        lab.panels.change(&mara(), lab.panel, bad).await,
        Err(Error::Invalid { field: "sharePercent", .. })
    ));
    let patch = PanelPatch {
        name: Some(" Renamed ".into()),
        app_key: Some(MASK.into()),
        client_key: Some(Some("ptlc_x".into())),
        sync_every_s: Some(Some(120)),
        ..PanelPatch::default()
    };
    let panel = lab.panels.change(&mara(), lab.panel, patch).await.unwrap();
    assert_eq!((panel.name.as_str(), panel.sync_every_s), ("Renamed", Some(120)));
    let fields: Vec<_> = audit(&lab).pop().unwrap().changes.into_iter().map(|change| change.field).collect();
    assert_eq!(fields, ["clientKey", "name", "syncEveryS"]);
    let without = PanelPatch { client_key: Some(None), sync_every_s: Some(None), ..PanelPatch::default() };
    let panel = lab.panels.change(&mara(), lab.panel, without).await.unwrap();
    assert_eq!((panel.client_key.is_none(), panel.sync_every_s), (true, None));
    lab.clean_sync().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_panel_at_a_changed_address_replaces_nothing_unasked() {
    let lab = Lab::new(small()).await;
    lab.clean_sync().await;
    let before = lab.all_rows::<aviary_kernel::model::Server>();
    let other = SimPanel::start(PanelSpec { rate_limit: 0, seed: 99, ..small() }).await.unwrap();
    let moved = PanelPatch { url: Some(other.url()), app_key: Some(other.app_key().into()), ..PanelPatch::default() };
    let panel = lab.panels.change(&mara(), lab.panel, moved).await.unwrap();
    assert_eq!((panel.dialect, panel.reach.at), (None, None));
    let run = lab.sync().await;
    assert_eq!(run.status, aviary_kernel::model::SyncStatus::NeedsReview, "{}", run.message);
    assert_eq!(lab.all_rows::<aviary_kernel::model::Server>(), before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_test_of_the_panel_connects_and_hides_the_key() {
    let lab = Lab::new(small()).await;
    let settings = lab.settings(Some(900));
    let report = settings.test(&mara(), Tested::Panel, Given::default()).await.unwrap();
    assert!(report.connected && report.error.is_none(), "{report:?}");
    assert_eq!(report.version.as_deref(), Some("Pterodactyl"));
    let exchange = &report.exchanges[0];
    assert_eq!((exchange.status, exchange.address.is_some()), (Some(200), true));
    assert!(exchange.request.starts_with("GET http://127.0.0.1:"), "{}", exchange.request);
    assert!(exchange.request_headers.contains(&("Authorization".into(), format!("Bearer {MASK}"))));
    assert!(!format!("{report:?}").contains(lab.sim.app_key()));
    let event = audit(&lab).pop().unwrap();
    assert_eq!(event.action, Action::ConnectionTested);

    let wrong = Given { key: Some("ptla_wrong".into()), ..Given::default() };
    let report = settings.test(&mara(), Tested::Panel, wrong).await.unwrap();
    assert!(!report.connected && report.remedy.is_some(), "{report:?}");
    assert_eq!(report.exchanges[0].status, Some(401));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stored_key_goes_to_its_own_address_only() {
    let lab = Lab::new(small()).await;
    let settings = lab.settings(Some(900));
    let other = SimPanel::start(PanelSpec { rate_limit: 0, ..small() }).await.unwrap();
    let elsewhere = Given { url: Some(other.url()), key: Some(MASK.into()) };
    let refused = settings.test(&mara(), Tested::Panel, elsewhere).await;
    assert!(matches!(refused, Err(Error::Invalid { field: "pterodactylApiKey", .. })), "{refused:?}");
    let same = Given { url: Some(format!("{}/", lab.sim.url())), key: Some(MASK.into()) };
    assert!(settings.test(&mara(), Tested::Panel, same).await.unwrap().connected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_headers_of_cloudflare_access_are_sent_to_listed_hosts_as_soon_as_they_are_set() {
    let lab = Lab::new(small()).await;
    let settings = lab.settings(Some(900));
    let headers = |report: &aviary_domain::settings::TestReport| format!("{:?}", report.exchanges[0].request_headers);
    let before = settings.test(&mara(), Tested::Panel, Given::default()).await.unwrap();
    assert!(!headers(&before).contains("CF-Access"));
    let token = vec![
        (Key::CfAccessClientId, Wanted::from("0123.access")),
        (Key::CfAccessClientSecret, Wanted::from("cf-secret-of-the-token")),
        (Key::CfAccessHosts, Wanted::from("panel.example.com")),
    ];
    settings.change(&mara(), token).await.unwrap();
    let other_host = settings.test(&mara(), Tested::Panel, Given::default()).await.unwrap();
    assert!(!headers(&other_host).contains("CF-Access"), "a host that is not listed gets nothing");
    let hosts = vec![(Key::CfAccessHosts, Wanted::from("Panel.example.com, 127.0.0.1"))];
    settings.change(&mara(), hosts).await.unwrap();
    let after = settings.test(&mara(), Tested::Panel, Given::default()).await.unwrap();
    assert!(headers(&after).contains("CF-Access-Client-Secret") && !headers(&after).contains("cf-secret"));
    settings.reset(&mara(), &[Key::CfAccessClientId]).await.unwrap();
    let without = settings.test(&mara(), Tested::Panel, Given::default()).await.unwrap();
    assert!(!headers(&without).contains("CF-Access"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn repositories_are_added_replaced_and_removed_by_what_was_said() {
    let lab = Lab::new(small()).await;
    let settings = lab.settings(Some(900));
    let by = mara();
    settings.add_repository(&by, " a/one ").await.unwrap();
    settings.add_repository(&by, "a/one").await.unwrap();
    assert_eq!(settings.add_repository(&by, "b/two").await.unwrap(), ["a/one", "b/two"]);
    assert_eq!(settings.replace_repository(&by, "a/one", "c/three").await.unwrap(), ["c/three", "b/two"]);
    assert_eq!(settings.replace_repository(&by, "x/none", "b/two").await.unwrap(), ["c/three", "b/two"]);
    assert_eq!(settings.remove_repository(&by, Some("b/two"), None).await.unwrap(), ["c/three"]);
    assert_eq!(settings.remove_repository(&by, Some("x/none"), None).await.unwrap(), ["c/three"], "not the first one");
    assert!(settings.remove_repository(&by, None, None).await.is_err());
    assert!(settings.remove_repository(&by, Some("b/two"), Some(0)).await.is_err(), "which one?");
    assert_eq!(settings.remove_repository(&by, None, Some(7)).await.unwrap(), ["c/three"]);
    assert!(settings.remove_repository(&by, None, Some(0)).await.unwrap().is_empty());
    for bad in ["", "a", "a/", "/a", "a/b/c", "a b/c"] {
        assert!(matches!(settings.add_repository(&by, bad).await, Err(Error::Invalid { field: "repo", .. })), "{bad}");
    }
    let merge = vec![(Key::GithubRepositories, Wanted::Merge(vec!["n/ew".into(), "n/ew".into()]))];
    settings.add_repository(&by, "a/one").await.unwrap();
    settings.change(&by, merge).await.unwrap();
    assert_eq!(settings.repositories().await.unwrap(), ["a/one", "n/ew"]);
}

/// Answers every request with what `answer` makes of its first line: status and body.
async fn script(answer: impl Fn(&str) -> (u16, String) + Send + 'static) -> url::Url {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                let Ok(byte) = stream.read_u8().await else { break };
                head.push(byte);
            }
            let (status, body) = answer(String::from_utf8_lossy(&head).lines().next().unwrap_or_default());
            let text =
                format!("HTTP/1.1 {status} Any\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}", body.len());
            let _ = stream.write_all(text.as_bytes()).await;
        }
    });
    url::Url::parse(&format!("http://{address}/")).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_test_of_the_mail_says_what_the_answer_means() {
    let lab = Lab::new(small()).await;
    let verified = r#"{"data":[{"name":"example.com","status":"verified"},{"name":"b.example","status":"pending"}]}"#;
    let cases = [
        (200, verified, true, None),
        (401, r#"{"name":"restricted_api_key"}"#, true, None),
        (400, r#"{"name":"validation_error"}"#, false, Some("does not take the key")),
        (403, r#"{"name":"invalid_api_key"}"#, false, Some("does not take the key")),
        (500, "", false, Some("failed")),
        (200, "<html>", false, Some("not that of the mail service")),
    ];
    for (status, body, connected, word) in cases {
        let api = script(move |line| {
            assert_eq!(line, "GET /domains HTTP/1.1");
            (status, body.to_owned())
        })
        .await;
        let settings = lab.settings(None).with_mail_api(api);
        let given = Given { key: Some("re_test".into()), url: None };
        let report = settings.test(&mara(), Tested::Mail, given).await.unwrap();
        assert_eq!(report.connected, connected, "{report:?}");
        let error = report.error.unwrap_or_default();
        assert!(word.is_none_or(|word| error.contains(word)), "{error}");
    }
    let api = script(move |_| (200, verified.to_owned())).await;
    let settings = lab.settings(None).with_mail_api(api);
    assert!(settings.test(&mara(), Tested::Mail, Given::default()).await.is_err(), "there is no key");
    settings.change(&mara(), set(Key::ResendApiKey, "re_test")).await.unwrap();
    for (sender, findings) in [("Birds <hi@example.com>", 0), ("hi@b.example", 1)] {
        settings.change(&mara(), set(Key::EmailFrom, sender)).await.unwrap();
        let report = settings.test(&mara(), Tested::Mail, Given::default()).await.unwrap();
        assert_eq!(report.findings.len(), findings, "{sender}: {report:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_test_of_the_mail_tries_the_service_that_is_chosen() {
    let lab = Lab::new(small()).await;
    let settings = lab.settings(None);
    let users = vec![("watch".to_owned(), "the-password".to_owned())];
    let smtp = aviary_sim::Smtp::start(aviary_sim::SmtpSpec { users, ..Default::default() }).await.unwrap();
    let wanted = vec![
        (Key::SmtpHost, Wanted::from("127.0.0.1")),
        (Key::SmtpPort, Wanted::Number(smtp.address().port().into())),
        (Key::SmtpSecurity, Wanted::from("none")),
        (Key::SmtpUser, Wanted::from("watch")),
        (Key::SmtpPassword, Wanted::from("the-password")),
    ];
    settings.change(&mara(), wanted).await.unwrap();
    let report = settings.test(&mara(), Tested::Mail, Given::default()).await.unwrap();
    assert!(report.connected && report.message.contains("127.0.0.1"), "{report:?}");
    assert_eq!((report.findings.len(), smtp.mails().total()), (1, 0), "no sender is set, and nothing was sent");
    settings.change(&mara(), set(Key::SmtpPassword, "another")).await.unwrap();
    let report = settings.test(&mara(), Tested::Mail, Given::default()).await.unwrap();
    assert!(!report.connected && report.remedy.is_some() && !format!("{report:?}").contains("another"), "{report:?}");
    settings.change(&mara(), set(Key::MailService, "none")).await.unwrap();
    assert!(settings.test(&mara(), Tested::Mail, Given::default()).await.is_err(), "mail is off");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_test_of_a_webhook_posts_nothing() {
    let lab = Lab::new(small()).await;
    let settings = lab.settings_of(|config| config.webhooks.allowed_networks = vec!["127.0.0.1".parse().unwrap()]);
    let hooks = script(|line| match line {
        "GET /api/webhooks/1/token-of-this-webhook HTTP/1.1" => (200, r#"{"name":"Spy","channel_id":"2"}"#.into()),
        "HEAD /hook HTTP/1.1" => (405, String::new()),
        "GET /hook HTTP/1.1" => (405, String::new()),
        "HEAD /open HTTP/1.1" => (204, String::new()),
        _ => (404, String::new()),
    })
    .await;
    let cases = [
        ("api/webhooks/1/token-of-this-webhook", true, 1),
        ("api/webhooks/1/gone", false, 1),
        ("hook", true, 2),
        ("open", true, 1),
        ("gone", false, 1),
    ];
    for (path, connected, exchanges) in cases {
        let url = Some(hooks.join(path).unwrap().to_string());
        let report = settings.test(&mara(), Tested::Webhook, Given { url, key: None }).await.unwrap();
        assert_eq!((report.connected, report.exchanges.len()), (connected, exchanges), "{path}: {report:?}");
        assert!(!format!("{report:?}").contains("token-of-this-webhook"));
    }
    assert!(!format!("{:?}", audit(&lab)).contains("token-of-this-webhook"));
    for bad in [None, Some("ftp://a.example".into()), Some("https://u:p@a.example".into())] {
        assert!(settings.test(&mara(), Tested::Webhook, Given { url: bad, key: None }).await.is_err());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_test_of_a_webhook_reaches_nothing_inside() {
    let lab = Lab::new(small()).await;
    let settings = lab.settings(None);
    let inside = script(|line| panic!("{line}")).await;
    for url in
        [inside.to_string(), inside.as_str().replace("127.0.0.1", "localhost"), "https://169.254.169.254/".into()]
    {
        let given = Given { url: Some(url.clone()), key: None };
        let report = settings.test(&mara(), Tested::Webhook, given).await.unwrap();
        assert!(!report.connected && report.error.as_deref().is_some_and(|why| why.contains("leads to")), "{report:?}");
        assert!(format!("{report:?}").contains("webhooks.allowed_networks"), "{url}: {report:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_test_of_virtfusion_sends_the_token() {
    let lab = Lab::new(small()).await;
    let settings = lab.settings(None);
    let there =
        script(|line| if line.starts_with("GET /api/v1/connect ") { (200, "{}".into()) } else { (404, String::new()) })
            .await;
    let wanted =
        vec![(Key::VirtfusionUrl, Wanted::from(there.as_str())), (Key::VirtfusionApiKey, Wanted::from("token"))];
    settings.change(&mara(), wanted).await.unwrap();
    assert!(settings.virtfusion_status().await.unwrap().connected);
    assert!(settings.test(&mara(), Tested::VirtFusion, Given::default()).await.unwrap().connected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn settings_of_mail_can_be_changed_beside_a_stored_password_of_the_same_server() {
    let lab = Lab::new(small()).await;
    let settings = lab.settings(Some(900));
    let set = |pairs: &[(Key, &str)]| {
        let wanted: Vec<_> = pairs.iter().map(|(key, text)| (*key, Wanted::from(*text))).collect();
        let settings = settings.clone();
        async move { settings.change(&mara(), wanted).await }
    };
    set(&[(Key::SmtpHost, "smtp.example.com"), (Key::SmtpPassword, "hunter2hunter2")]).await.unwrap();
    set(&[(Key::SmtpHost, "SMTP.example.com"), (Key::MailService, "none")]).await.unwrap();
    assert!(set(&[(Key::SmtpHost, "smtp.evil.example")]).await.is_err(), "the password goes nowhere else");
}
