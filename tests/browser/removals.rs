use crate::aviary::{Aviary, Panel};
use crate::browser::Browser;
use crate::sound::check_answered;

#[tokio::test(flavor = "multi_thread")]
async fn a_panel_that_lost_most_of_its_servers_loses_them_here_only_when_a_person_says_so() {
    let aviary = Aviary::empty();
    let browser = Browser::start(&aviary).await;
    browser.sign_in(&aviary).await;
    let _one = lose_most_servers(&browser, "Wiped panel").await;
    browser.open("/admin").await;
    browser.see("A person must decide.").await;
    check_answered(&browser, 200).await;
    browser.follow("Decide").await;
    browser.see("would be removed").await;
    browser.keep("removals").await;
    check_answered(&browser, 200).await;

    // Nothing goes as long as somebody wants to keep it.
    browser.press("Keep them").await;
    browser.see("The removal was refused.").await;
    check_answered(&browser, 200).await;
    let kept = browser.address().await;
    browser.go("Servers").await;
    browser.see("90 in all").await;
    browser.open("/admin").await;
    assert!(!browser.text().await.contains("A person must decide."), "it is decided");

    // Only who types the number removes.
    let _other = lose_most_servers(&browser, "Smaller panel").await;
    browser.follow("See what would go").await;
    let heading = browser.find("the heading", "//h1").await.text().await.unwrap();
    let number = heading.split(' ').next().unwrap().to_owned();
    browser.fill("Type", "1").await;
    browser.press(&format!("Remove {number}")).await;
    browser.see("is not the number").await;
    check_answered(&browser, 200).await;
    browser.fill("Type", &number).await;
    browser.press(&format!("Remove {number}")).await;
    browser.see_heading("Sync of Smaller panel").await;
    browser.see("What changed").await;
    browser.go("Servers").await;
    browser.see("110 on 2 panels").await;

    // Who kept them may change their mind.
    browser.open(&kept).await;
    browser.see("Remove them after all").await;
    let heading = browser.find("the heading", "//h1").await.text().await.unwrap();
    let number = heading.split(' ').next().unwrap().to_owned();
    browser.fill("Type", &number).await;
    browser.press(&format!("Remove {number}")).await;
    browser.see_heading("Sync of Wiped panel").await;
    browser.see("Sync again").await;
    browser.go("Servers").await;
    browser.see("40 on 2 panels").await;
}

/// Adds and syncs a panel of 90 servers, and syncs it again when it has 20. The page is that of the second sync.
async fn lose_most_servers(browser: &Browser, name: &str) -> Panel {
    const ELSE: [&str; 4] = ["--users", "40", "--nodes", "3"];
    let panel = Panel::start(&[&["--servers", "90"], &ELSE[..]].concat());
    browser.open("/admin/panels/new").await;
    browser.fill("Name", name).await;
    browser.fill("Address", &panel.url).await;
    browser.fill("Application API key", &panel.app_key).await;
    browser.press("Add the panel").await;
    let page = browser.address().await;
    browser.press("Sync now").await;
    browser.see("What changed").await;

    let listen = panel.address();
    drop(panel);
    let less = Panel::start(&[&["--servers", "20", "--listen", &listen], &ELSE[..]].concat());
    browser.open(&page).await;
    browser.press("Sync now").await;
    browser.see("See what would go").await;
    less
}
