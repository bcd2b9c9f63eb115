use serde_json::json;

use crate::aviary::{Aviary, Panel};
use crate::browser::{Browser, quoted};
use crate::sound::check_answered;

#[tokio::test(flavor = "multi_thread")]
async fn a_panel_is_added_tested_and_synced_while_the_page_follows_by_itself() {
    let panel = Panel::start(&["--servers", "700", "--users", "300", "--nodes", "6", "--delay-ms", "150"]);
    let aviary = Aviary::empty();
    let browser = Browser::start(&aviary).await;
    browser.sign_in(&aviary).await;
    browser.follow("Add a panel").await;
    browser.see_heading("Add a panel").await;
    check_answered(&browser, 200).await;

    // A form that cannot be taken comes back with what was typed, and without the keys.
    browser.fill("Name", "Panel “one” & <b>more</b>").await;
    browser.fill("Address", "ftp://panel.example.com").await;
    browser.fill("Application API key", &panel.app_key).await;
    browser.fill("Client API key", &panel.client_key).await;
    browser.fill("Share of the request limit", "70").await;
    browser.press("Add the panel").await;
    browser.see_heading("Add a panel").await;
    let wrong = browser.find("what is wrong", "//main//*[@aria-invalid='true']").await;
    assert_eq!(wrong.attr("name").await.unwrap().as_deref(), Some("url"));
    let why = wrong.attr("aria-describedby").await.unwrap().unwrap();
    let why = browser.texts(&format!("//*[@id = {}]", quoted(&why))).await.join(" ");
    assert!(why.contains("http"), "{why}");
    assert_eq!(browser.value("Name").await, "Panel “one” & <b>more</b>");
    assert_eq!(browser.value("Address").await, "ftp://panel.example.com");
    assert_eq!(browser.value("Share of the request limit").await, "70");
    for key in ["Application API key", "Client API key"] {
        assert_eq!(browser.value(key).await, "", "{key} is not sent back");
    }
    assert!(!browser.script("return document.documentElement.outerHTML").await.to_string().contains(&panel.app_key));
    check_answered(&browser, 200).await;
    browser.keep("panel-refused").await;

    browser.fill("Name", "Main panel").await;
    browser.fill("Address", &panel.url).await;
    browser.fill("Application API key", &panel.app_key).await;
    browser.fill("Client API key", &panel.client_key).await;
    browser.press("Add the panel").await;
    browser.see_heading("Main panel").await;
    browser.see("The panel was added.").await;
    let page = browser.address().await;
    check_answered(&browser, 200).await;

    browser.press("Test").await;
    browser.see("What the keys may read").await;
    browser.see("Findings").await;
    browser.see("Pterodactyl").await;
    check_answered(&browser, 200).await;
    browser.keep("panel-test").await;

    // The sync page follows the sync; a mark on the window shows that it is not loaded again.
    browser.open(&page).await;
    browser.press("Sync now").await;
    browser.see_heading("Sync of Main panel").await;
    browser.script("window.mark = 'still here'").await;
    let mut seen = Vec::new();
    let percent = "return Number(document.querySelector('progress[aria-label=\"Progress of the sync\"]').value)";
    browser
        .until("the end of the sync", async || {
            let now = browser.script(percent).await.as_f64()?;
            if seen.last() != Some(&now) {
                seen.push(now);
            }
            (now == 100.0 && browser.text().await.contains("What changed")).then_some(())
        })
        .await;
    assert!(seen.len() > 3, "progress was seen on the way: {seen:?}");
    assert!(seen.is_sorted(), "progress does not fall back: {seen:?}");
    assert_eq!(browser.script("return window.mark").await, json!("still here"));
    let said = browser.texts("//*[@role='status' and @aria-live]").await.join(" ");
    assert!(said.contains("done"), "screen readers hear the end: {said}");
    browser.button("Sync again").await;
    assert_eq!(browser.script("return window.mark").await, json!("still here"));
    assert!(
        browser.all("//button[normalize-space(.) = 'Cancel']").await.is_empty(),
        "what is over cannot be cancelled"
    );
    assert!(!browser.text().await.contains("This page follows it."), "what is over is not followed");
    assert!(
        browser.all("//header//a[contains(@href, '/admin/syncs/')][contains(., '%')]").await.is_empty(),
        "the top bar shows only what is running"
    );
    let new = browser.texts("//main//dt[normalize-space(.) = 'New']/following-sibling::dd[1]").await;
    let new: u64 = new[0].replace(',', "").parse().unwrap();
    assert!(new > 1000, "{new}");

    browser.go("Panels").await;
    let row = "//main//tbody/tr[.//a[normalize-space(.) = 'Main panel']]";
    let row = browser.find("the panel in its list", row).await.text().await.unwrap();
    assert!(row.contains("answers") && row.contains("700") && row.contains("done"), "{row}");
    browser.go("Servers").await;
    browser.see("of 700").await;

    // The same panel cannot be added twice.
    browser.open("/admin/panels/new").await;
    browser.fill("Name", "The same").await;
    browser.fill("Address", &panel.url).await;
    browser.fill("Application API key", &panel.app_key).await;
    browser.press("Add the panel").await;
    browser.see("mirrored already").await;
    assert_eq!(browser.value("Name").await, "The same");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panel_that_refuses_the_key_is_told_apart_from_one_that_does_not_answer() {
    let panel = Panel::start(&["--servers", "5", "--users", "5", "--nodes", "1"]);
    let aviary = Aviary::empty();
    let browser = Browser::start(&aviary).await;
    browser.sign_in(&aviary).await;
    let wrong_key = panel.app_key.chars().rev().collect::<String>();
    for (name, url, key) in [("Wrong key", &*panel.url, &*wrong_key), ("Away", "http://127.0.0.1:9", &*panel.app_key)] {
        browser.open("/admin/panels/new").await;
        browser.fill("Name", name).await;
        browser.fill("Address", url).await;
        browser.fill("Application API key", key).await;
        browser.press("Add the panel").await;
        browser.see_heading(name).await;
        browser.press("Test").await;
        let said = browser.find("the answer", "//main").await.text().await.unwrap();
        let (right, wrong) = if name == "Away" { ("connection refused", "key") } else { ("key", "connection refused") };
        browser.button("Test again").await;
        assert!(!said.contains("Sync now"), "{name}: what cannot be read is not synced: {said}");
        assert!(said.to_lowercase().contains(right) && !said.to_lowercase().contains(wrong), "{name}: {said}");
        check_answered(&browser, 200).await;
        browser.keep("panel-test-failed").await;
    }
    // A sync that fails says so, and what to do.
    browser.go("Panels").await;
    browser.follow("Wrong key").await;
    browser.press("Sync now").await;
    browser.see("failed").await;
    browser.see("What to do:").await;
    let percent = browser.script("return document.querySelector('progress').value").await;
    assert!(percent.as_f64().unwrap() < 100.0, "what failed did not come to its end: {percent}");
    browser.button("Sync again").await;
    browser.keep("sync-failed").await;
    browser.go("Overview").await;
    browser.see_heading("Overview").await;
    check_answered(&browser, 200).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sync_can_be_cancelled_from_its_page() {
    let panel = Panel::start(&["--servers", "600", "--users", "300", "--nodes", "6", "--delay-ms", "400"]);
    let aviary = Aviary::empty();
    let browser = Browser::start(&aviary).await;
    browser.sign_in(&aviary).await;
    browser.open("/admin/panels/new").await;
    browser.fill("Name", "Slow panel").await;
    browser.fill("Address", &panel.url).await;
    browser.fill("Application API key", &panel.app_key).await;
    browser.press("Add the panel").await;
    browser.press("Sync now").await;
    browser.see_heading("Sync of Slow panel").await;
    check_answered(&browser, 200).await;
    browser.keep("sync-running").await;
    browser.press("Cancel").await;
    browser.see("asked to stop").await;
    browser.see("Cancelled").await;
    browser.see("cancelled").await;
}
