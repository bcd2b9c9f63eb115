//! Pages follow what they show.

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
    browser
        .script(
            "window.streamsClosed = 0;
            const close = EventSource.prototype.close;
            EventSource.prototype.close = function () { window.streamsClosed += 1; close.call(this); };",
        )
        .await;
    let hide = |hidden: bool| {
        format!(
            "Object.defineProperty(document, 'hidden', {{ value: {hidden}, configurable: true }});
            document.dispatchEvent(new Event('visibilitychange', {{ bubbles: true }}));"
        )
    };
    browser.script(&hide(true)).await;
    assert_eq!(browser.script("return window.streamsClosed").await, 1, "the stream is closed");
    assert_eq!(browser.script(&made.replace("NIGHT_SHIFT", "DAY_SHIFT")).await, 201);
    assert!(browser.all("//*[@data-offer]//button").await.is_empty(), "nothing is told to who does not look");
    browser.script(&hide(false)).await;
    browser.see("Since you opened this list").await;
}
