use aviary_domain::panels::NewPanel;
use aviary_kernel::base::{Error, Secret};
use aviary_kernel::model::{PanelId, Server};
use aviary_sim::{Fault, FaultKind, Match};

use crate::lab::who;
use crate::lab::{Lab, small};

fn new(name: &str, url: &str, key: &str) -> NewPanel {
    NewPanel {
        name: name.into(),
        url: url.into(),
        app_key: Secret::from(key),
        client_key: None,
        share_percent: None,
        sync_every_s: None,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_makes_no_sense_is_refused_at_its_field() {
    let lab = Lab::new(small()).await;
    let cases = [
        ("name", new("  ", "https://a.example", "ptla_x")),
        ("url", new("A", "a.example", "ptla_x")),
        ("appKey", new("A", "https://a.example", "two words")),
    ];
    for (wanted, new) in cases {
        match lab.panels.add(&who(), new).await {
            Err(Error::Invalid { field, .. }) => assert_eq!(field, wanted),
            other => panic!("{wanted}: {other:?}"),
        }
    }
    for twin in [new("MAIN", "https://a.example", "ptla_x"), new("Other", &format!("{}/", lab.sim.url()), "ptla_x")] {
        assert!(matches!(lab.panels.add(&who(), twin).await, Err(Error::Conflict(_))));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_removed_panel_leaves_no_rows_and_its_number_is_not_used_again() {
    let lab = Lab::new(small()).await;
    lab.clean_sync().await;
    lab.syncs.remove_panel(&who(), lab.panel).await.unwrap();
    assert!(lab.all_ids().iter().all(|(_, ids)| ids.is_empty()));
    lab.assert_sound();
    assert!(lab.history_len() > 0, "the history stays");
    let again = lab.panels.add(&who(), new("Main", &lab.sim.url(), lab.sim.app_key())).await.unwrap();
    assert_eq!(again.id, PanelId(2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_panel_that_is_being_synced_is_not_removed() {
    let lab = Lab::new(aviary_sim::PanelSpec { page_delay: std::time::Duration::from_millis(50), ..small() }).await;
    let run = lab.start(&[]).await;
    assert!(matches!(lab.syncs.remove_panel(&who(), lab.panel).await, Err(Error::Conflict(_))));
    lab.syncs.cancel(&who(), run.id).await.unwrap();
    lab.syncs.wait(run.id).await.unwrap();
    lab.syncs.remove_panel(&who(), lab.panel).await.unwrap();
    assert!(lab.all_ids().iter().all(|(_, ids)| ids.is_empty()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_panels_with_the_same_numbers_do_not_mix() {
    let lab = Lab::new(small()).await;
    let other = aviary_sim::SimPanel::start(aviary_sim::PanelSpec { servers: 7, seed: 9, rate_limit: 0, ..small() })
        .await
        .unwrap();
    let second = lab.panels.add(&who(), new("Second", &other.url(), other.app_key())).await.unwrap();
    lab.clean_sync().await;
    let wanted = aviary_domain::sync::StartSync {
        panel: second.id,
        targets: vec![],
        by: who(),
        requested_by: Some("test".into()),
    };
    let run = lab.syncs.start(wanted).await.unwrap().run;
    lab.syncs.wait(run.id).await.unwrap();
    lab.assert_same();
    assert_eq!(lab.book.counts(None).await.unwrap().servers, 47);
    assert_eq!(lab.book.counts(Some(second.id)).await.unwrap().servers, 7);
    lab.syncs.remove_panel(&who(), second.id).await.unwrap();
    lab.assert_same();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_test_finds_the_dialect_and_notes_trouble() {
    let lab = Lab::new(small()).await;
    lab.panels.test(&who(), lab.panel).await.unwrap();
    let panel = lab.panels.require(lab.panel).await.unwrap();
    assert_eq!(panel.dialect.map(|dialect| dialect.name()), Some("pterodactyl"));
    assert!(panel.reach.trouble.is_none() && panel.reach.at.is_some());
    lab.sim.faults().inject(Fault { when: Match::any(), what: FaultKind::Reset });
    assert!(lab.panels.test(&who(), lab.panel).await.is_err());
    assert!(lab.panels.require(lab.panel).await.unwrap().reach.trouble.is_some());
    assert_eq!(lab.ids::<Server>().len(), 0);
}
