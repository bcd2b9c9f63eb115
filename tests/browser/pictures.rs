use std::path::PathBuf;
use std::time::Duration;

use crate::aviary::Aviary;
use crate::browser::{Browser, DESK, Theme, output};

/// `AVIARY_DOCS_SHOTS` names a folder for the pictures of the documentation.
#[tokio::test(flavor = "multi_thread")]
async fn the_main_pages_sit_for_a_picture_in_light_and_dark() {
    let aviary = Aviary::demo();
    let browser = Browser::start(&aviary).await;
    browser.sign_in(&aviary).await;
    // Until the panel has lived a little.
    browser
        .until_within(Duration::from_secs(60), "some changes", async || {
            browser.live_and_sync().await;
            browser.go("History").await;
            (browser.all("//main//ol/li[.//del]").await.len() >= 4).then_some(())
        })
        .await;
    browser.go("Syncs").await;
    let sync = browser.texts("//main//tbody/tr[last()]/td[1]//a/@href").await.remove(0);
    browser.go("Servers").await;
    let server =
        browser.texts("//main//tbody/tr[.//*[normalize-space(.) = 'normal']][5]/td[1]/a/@href").await.remove(0);
    let mut folders = vec![output()];
    folders.extend(std::env::var_os("AVIARY_DOCS_SHOTS").map(PathBuf::from));
    browser.resize(DESK.0, DESK.1).await;
    for (name, address) in [
        ("overview", "/admin"),
        ("servers", "/admin/servers?state=normal"),
        ("server", &server),
        ("nodes", "/admin/nodes"),
        ("history", "/admin/history"),
        ("sync", &sync),
        ("jobs", "/admin/jobs"),
        ("panels", "/admin/panels"),
        ("panel", "/admin/panels/1"),
        ("drift", "/admin/drift"),
        ("audit", "/admin/audit"),
        ("audit-event", "/admin/audit/1"),
        ("people", "/admin/people"),
        ("role", "/admin/roles/SUPPORT_TEAM"),
        ("security", "/admin/me/security"),
        ("settings", "/admin/settings"),
    ] {
        browser.open(address).await;
        for theme in Theme::ALL {
            browser.wear(theme).await;
            for folder in &folders {
                let file = folder.join(format!("{name}-{}.png", theme.word()));
                browser.picture(&file).await;
                assert!(std::fs::metadata(&file).unwrap().len() > 10_000, "{} shows something", file.display());
            }
        }
    }
    // On a small notebook no number is cut.
    browser.resize(1280, 800).await;
    browser.open("/admin").await;
    let cut = "return [...document.querySelectorAll('.cap *')].filter((one) => one.scrollWidth > one.clientWidth + 1
        && one.clientWidth && getComputedStyle(one).overflowX !== 'visible').map((one) => one.textContent)";
    assert_eq!(browser.script(cut).await, serde_json::json!([]));
    // As a phone shows them.
    browser.resize(390, 844).await;
    for (name, address) in [
        ("overview", "/admin"),
        ("servers", "/admin/servers"),
        ("server", &server),
        ("sync", &sync),
        ("drift", "/admin/drift"),
        ("audit", "/admin/audit"),
    ] {
        browser.open(address).await;
        for theme in Theme::ALL {
            browser.wear(theme).await;
            browser.picture(&output().join(format!("{name}-{}-phone.png", theme.word()))).await;
        }
    }
}
