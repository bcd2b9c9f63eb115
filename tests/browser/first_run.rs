use serde_json::json;

use crate::aviary::{Fresh, Panel};
use crate::browser::Browser;
use crate::sound::check_answered;

#[tokio::test(flavor = "multi_thread")]
async fn whoever_sees_the_console_sets_everything_up_and_watches_the_first_sync() {
    let panel = Panel::start(&["--servers", "300", "--users", "80", "--nodes", "3", "--delay-ms", "100"]);
    let Fresh { aviary, link } = Fresh::start();
    let browser = Browser::start(&aviary).await;

    browser.open("/admin").await;
    browser.see("There is no administrator yet.").await;
    check_answered(&browser, 200).await;
    browser.open(&link).await;
    browser.see_heading("Welcome to Aviary").await;
    assert_eq!(browser.address().await, "/admin/setup", "the token does not stay in the address bar");
    check_answered(&browser, 200).await;
    browser.keep("first-run-account").await;

    browser.fill("E-mail address", &aviary.email).await;
    browser.fill("Password", &aviary.password).await;
    browser.fill("The same password once more", "Other-1234").await;
    browser.press("Make the account").await;
    browser.see("The two passwords differ.").await;
    assert_eq!(browser.value("Password").await, "", "passwords are not sent back");
    assert_eq!(browser.value("E-mail address").await, aviary.email);
    check_answered(&browser, 400).await;
    browser.fill("Password", &aviary.password).await;
    browser.fill("The same password once more", &aviary.password).await;
    browser.press("Make the account").await;

    browser.see_heading("Connect a panel").await;
    browser.fill("Name", "Main panel").await;
    browser.fill("Address", "http://127.0.0.1:9").await;
    browser.fill("Application API key", &panel.app_key).await;
    browser.press("Connect and test").await;
    browser.see("The panel did not answer as it should").await;
    check_answered(&browser, 200).await;
    browser.keep("first-run-no-answer").await;
    browser.fill("Address", &panel.url).await;
    // A stored key never goes to another address, so it is given again.
    browser.fill("Application API key", &panel.app_key).await;
    browser.press("Test it again").await;
    browser.see("What the keys may read").await;
    browser.see_heading("Main panel is connected").await;
    check_answered(&browser, 200).await;
    browser.keep("first-run-panel").await;

    browser.press("Start the first sync").await;
    browser.see_heading("Sync of Main panel").await;
    browser.script("window.mark = 'still here'").await;
    browser.see("What changed").await;
    browser.see("100 %").await;
    assert_eq!(browser.script("return window.mark").await, json!("still here"), "the page follows by itself");
    browser.go("Servers").await;
    browser.see("of 300").await;

    browser.press("Sign out").await;
    browser.open(&link).await;
    browser.see_heading("Aviary is set up").await;
    check_answered(&browser, 200).await;
    browser.sign_in(&aviary).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_can_be_set_up_without_javascript_and_the_panel_can_wait() {
    let Fresh { aviary, link } = Fresh::start();
    let browser = Browser::without_javascript(&aviary).await;
    browser.open(&link).await;
    browser.fill("E-mail address", &aviary.email).await;
    browser.fill("Password", &aviary.password).await;
    browser.fill("The same password once more", &aviary.password).await;
    browser.press("Make the account").await;
    browser.see_heading("Connect a panel").await;
    browser.follow("Skip, and connect a panel later").await;
    browser.see_heading("Overview").await;
}
