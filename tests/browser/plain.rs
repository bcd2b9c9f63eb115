use std::time::Duration;

use crate::aviary::{Aviary, Panel};
use crate::browser::Browser;

#[tokio::test(flavor = "multi_thread")]
async fn everything_can_be_done_without_javascript() {
    let panel = Panel::start(&["--servers", "260", "--users", "60", "--nodes", "3", "--delay-ms", "450"]);
    let aviary = Aviary::empty();
    let browser = Browser::without_javascript(&aviary).await;
    browser.sign_in(&aviary).await;
    // Density is switched by a form, and leads back to the page.
    browser.open("/admin/me/display").await;
    assert!(browser.all("//button[@data-own-zone]").await.is_empty(), "no script has run");
    browser.press("Density: comfortable").await;
    browser.see_heading("Display").await;
    browser.press("Density: compact").await;
    browser.button("Density: comfortable").await;
    browser.open("/admin").await;

    browser.follow("Add a panel").await;
    browser.fill("Name", "Plain panel").await;
    browser.fill("Address", "ftp://nowhere").await;
    browser.fill("Application API key", &panel.app_key).await;
    browser.press("Add the panel").await;
    assert_eq!(browser.value("Name").await, "Plain panel");
    browser.fill("Address", &panel.url).await;
    browser.fill("Application API key", &panel.app_key).await;
    browser.press("Add the panel").await;
    browser.see("The panel was added.").await;
    let page = browser.address().await;
    let page = page.split('?').next().unwrap().to_owned();
    browser.press("Test").await;
    browser.see("What the keys may read").await;

    // The page loads itself again while the sync goes on, and tells the end.
    browser.open(&page).await;
    browser.press("Sync now").await;
    browser.see_heading("Sync of Plain panel").await;
    browser.see("running").await;
    browser.see("What changed").await;
    browser.see("100 %").await;
    browser.see("Sync again").await;

    for (name, some) in [
        ("Servers", "of 260"),
        ("Nodes", "All 3"),
        ("Allocations", "1–50 of"),
        ("Databases", "of"),
        ("Panel users", "of 60"),
        ("Eggs", "All"),
        ("Nests", "All 4"),
        ("Locations", "All 1"),
        ("Syncs", "1 sync shown"),
        ("Jobs", "work gets done"),
        ("History", "newest first"),
        ("Drift", "Drift"),
        ("Panels", "Plain panel"),
    ] {
        browser.go(name).await;
        browser.see_heading(name).await;
        browser.see(some).await;
    }

    // Lists can be filtered with a button, paged and opened.
    browser.go("Servers").await;
    browser.follow("Next").await;
    browser.see("50 of 260").await;
    browser.fill("Name, id, UUID", "a").await;
    browser.press("Filter").await;
    browser.at("with the search", |address| address.contains("q=a")).await;
    let link = browser.find("a server", "//main//tbody/tr[1]/td[1]/a").await;
    browser.leave_by(&link).await;
    browser.see("Limits").await;
    let fold = browser.find("all fields", "//summary[starts-with(normalize-space(.), 'Show them')]").await;
    browser.click(&fold).await;
    browser.see("allocationId").await;

    // The schedule: what cannot be is said at the field.
    browser.go("Panels").await;
    browser.fill("Minutes between two syncs", "99999999").await;
    browser.press("Save").await;
    assert_eq!(browser.value("Minutes between two syncs").await, "99999999");
    browser.find("what is wrong", "//main//*[@aria-invalid='true']").await;
    browser.fill("Minutes between two syncs", "15").await;
    browser.press("Save").await;
    browser.see("The schedule was changed.").await;

    // A part only, asked for twice.
    browser.open(&format!("{page}?tab=syncs")).await;
    let part = browser.find("a part", "//input[@name='only' and @value='nodes']").await;
    browser.click(&part).await;
    browser.press("Sync these").await;
    browser.see("nodes").await;
    browser.see_after_reload("100 %", Duration::from_secs(20)).await;

    // Removed only by whoever types its name.
    browser.open(&page).await;
    browser.follow("Remove").await;
    browser.see_heading("Remove Plain panel?").await;
    browser.keep("panel-remove").await;
    browser.fill("Type", "plain").await;
    browser.press("Remove the panel").await;
    browser.see("This is not the name of the panel.").await;
    browser.fill("Type", "Plain panel").await;
    browser.press("Remove the panel").await;
    browser.see("The panel was removed from Aviary.").await;
    browser.see("No panel yet").await;

    browser.press("Sign out").await;
    browser.see("You are signed out.").await;
}
