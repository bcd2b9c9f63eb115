//! The check at set-up, where a key lacks something on purpose.

use aviary_kernel::base::{Env, Secret};
use aviary_remote::{PanelAccess, PanelCheck, PanelClient, Severity};
use aviary_sim::panel::world::{Levels, Resource};
use aviary_sim::{PanelSpec, SimPanel};

use crate::script::quick;

async fn check(panel: &SimPanel, app_key: &str, client_key: Option<&str>) -> PanelCheck {
    let access = PanelAccess {
        name: "simulated".to_owned(),
        base_url: panel.url(),
        app_key: Secret::from(app_key),
        client_key: client_key.map(Secret::from),
        dialect: None,
        share_percent: 80,
    };
    PanelClient::new(access, &quick(), Env::system()).unwrap().check().await.unwrap()
}

#[tokio::test]
async fn databases_may_be_left_out_and_the_check_says_what_that_means() {
    let panel = SimPanel::start(PanelSpec::default()).await.unwrap();
    let key = panel.with_world(|world| {
        let admin = *world.users.keys().next().unwrap();
        world.add_application_key(admin, Levels::read_only().with(Resource::ServerDatabases, 0))
    });
    let check = check(&panel, &key, Some(panel.client_key())).await;
    assert!(check.is_good(), "{:#?}", check.findings);
    let finding = check.findings.iter().find(|finding| finding.code == "forbidden").unwrap();
    assert_eq!(finding.severity, Severity::Note);
    assert!(finding.what.contains("databases are not mirrored"), "{}", finding.what);
}

#[tokio::test]
async fn a_client_key_may_be_absent_but_not_wrong() {
    let panel = SimPanel::start(PanelSpec::default()).await.unwrap();
    let absent = check(&panel, panel.app_key(), None).await;
    assert!(absent.findings.iter().all(|finding| finding.code == "tls"), "{:#?}", absent.findings);
    for wrong in [panel.app_key(), "ptlc_WrongWrongWr0123456789abcdefghijABCDEFGHIJxy"] {
        let check = check(&panel, panel.app_key(), Some(wrong)).await;
        assert!(!check.is_good(), "{:#?}", check.findings);
    }
}
