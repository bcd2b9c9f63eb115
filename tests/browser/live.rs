//! Pages follow what they show.

use std::time::Duration;

use crate::aviary::Aviary;
use crate::browser::Browser;

#[tokio::test(flavor = "multi_thread")]
async fn a_list_offers_what_is_new_and_a_hidden_tab_holds_no_stream() {
    let aviary = Aviary::empty();
    let browser = Browser::start(&aviary).await;
    browser.sign_in(&aviary).await;
    browser.open("/admin/roles").await;
    browser.see_heading("Roles").await;

    // Somebody else makes one.
    let made =
        "const answer = await fetch('/api/v1/roles', { method: 'POST', headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ name: 'NIGHT_SHIFT', permissions: ['server.read'] }) }); return answer.status";
    assert_eq!(browser.script(made).await, 201);
    browser.see("Since you opened this list").await;
    assert!(!browser.texts("//main").await.join("").contains("NIGHT_SHIFT"), "nothing moves by itself");
    browser.button("Show").await.click().await.unwrap();
    browser.see("NIGHT_SHIFT").await;
    assert!(browser.all("//*[@data-offer]//button").await.is_empty(), "what is shown is not offered again");

    // A tab that nobody sees follows nothing, and misses nothing.
    let hide = |hidden: bool| {
        format!(
            "Object.defineProperty(document, 'hidden', {{ value: {hidden}, configurable: true }});
            document.dispatchEvent(new Event('visibilitychange', {{ bubbles: true }}));"
        )
    };
    browser.script(&hide(true)).await;
    assert_eq!(browser.script(&made.replace("NIGHT_SHIFT", "DAY_SHIFT")).await, 201);
    tokio::time::sleep(Duration::from_millis(600)).await;
    assert!(browser.all("//*[@data-offer]//button").await.is_empty(), "nothing is told to who does not look");
    browser.script(&hide(false)).await;
    browser.see("Since you opened this list").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_overview_goes_along_and_says_when_the_connection_is_lost() {
    let aviary = Aviary::demo();
    let browser = Browser::start(&aviary).await;
    browser.sign_in(&aviary).await;
    browser.see_the_demo().await;
    browser.open("/admin").await;
    let words = "return document.querySelector('main .truth').textContent.match(/As of [0-9:]+/)?.[0]";
    let table = browser.find("the table of the hours", "//summary[contains(., 'Show as a table')]").await;
    browser.click(&table).await;
    browser.script("document.querySelector('main a[href=\"/admin/history\"]').focus()").await;
    let first = browser.script(words).await;
    assert!(first.is_string(), "{first}");
    // The panel of the demo is synced every 20 seconds.
    let moved = async || (browser.script(words).await != first).then_some(());
    browser.until_within(Duration::from_secs(60), "the next sync on the overview", moved).await;
    let held = "return document.activeElement.getAttribute('href')";
    assert_eq!(browser.script(held).await, "/admin/history", "the focus stays where it was");
    assert!(!browser.all("//main//details[@open]").await.is_empty(), "what was opened stays open");

    drop(aviary);
    let lost = async || browser.text().await.contains("The connection to Aviary is lost").then_some(());
    browser.until_within(Duration::from_secs(60), "the word that nothing is heard", lost).await;
}
