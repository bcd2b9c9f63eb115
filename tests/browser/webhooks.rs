use std::time::Duration;

use crate::aviary::{Aviary, Sink};
use crate::browser::{Browser, quoted};
use crate::sound::check_answered;

const SOON: Duration = Duration::from_secs(20);

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_is_made_and_tested_its_receiver_breaks_and_what_failed_is_sent_again() {
    let sink = Sink::start(None);
    let aviary = Aviary::empty();
    let browser = Browser::start(&aviary).await;
    browser.sign_in(&aviary).await;
    browser.go("Webhooks").await;
    browser.see("Nobody hears of anything yet").await;
    check_answered(&browser, 200).await;
    browser.keep("webhooks-empty").await;
    browser.follow("Make the first webhook").await;
    browser.see_heading("New webhook").await;
    check_answered(&browser, 200).await;
    browser.keep("webhook-form").await;

    // What cannot be taken is said at its field; an address is a secret and is not sent back.
    pick(&browser, "http").await;
    browser.fill("Name", "Billing").await;
    browser.fill("Address", "https://10.0.0.1/s3cret").await;
    browser.press("Make the webhook").await;
    browser.see_heading("New webhook").await;
    let wrong = browser.find("what is wrong", "//main//*[@aria-invalid='true']").await;
    assert_eq!(wrong.attr("name").await.unwrap().as_deref(), Some("url"));
    assert_eq!((browser.value("Name").await, browser.value("Address").await), ("Billing".into(), String::new()));
    check_answered(&browser, 200).await;
    browser.keep("webhook-refused").await;

    browser.fill("Address", &format!("{}/in", sink.url)).await;
    browser.press("Make the webhook").await;
    browser.see_heading("Secret of Billing").await;
    browser.see("whsec_").await;
    check_answered(&browser, 200).await;
    browser.keep("webhook-secret").await;
    browser.follow("I have it").await;
    browser.see_heading("Billing").await;
    let page = browser.address().await;
    let text = browser.text().await;
    assert!(text.contains("••••") && !text.contains("/in"), "the path of an address is a secret: {text}");
    browser.press("Test").await;
    browser.see("The test was taken").await;
    check_answered(&browser, 200).await;
    browser.keep("webhook-tested").await;

    // The receiver breaks.
    let address = sink.address();
    drop(sink);
    browser.press("Test again").await;
    browser.see("The test was not taken").await;
    browser.see("What to do:").await;
    check_answered(&browser, 200).await;
    browser.keep("webhook-test-failed").await;
    browser.open(&page).await;
    check_answered(&browser, 200).await;
    browser.keep("webhook").await;
    let failed = format!("//main//tbody/tr[.//*[normalize-space(.) = {}]]/td[1]//a", quoted("failed"));
    let failed = browser.find("the delivery that failed", &failed).await;
    browser.leave_by(&failed).await;
    browser.see_heading("webhook.test").await;
    browser.see("no answer").await;
    check_answered(&browser, 200).await;
    browser.keep("delivery").await;

    let sink = Sink::start(Some(&address));
    browser.press("Send again").await;
    browser.see("It is on its way again").await;
    browser.see_after_reload("delivered", SOON).await;
    browser.see_heading("webhook.test").await;
    browser.keep("delivery-again").await;
    browser.open(&format!("{page}/deliveries")).await;
    browser.see("Deliveries to Billing").await;
    check_answered(&browser, 200).await;
    browser.keep("deliveries").await;
    browser.go("Events").await;
    browser.see("tries whether the webhook Billing works").await;
    check_answered(&browser, 200).await;
    browser.keep("events").await;

    // What loses something is asked on pages of its own.
    browser.open(&page).await;
    browser.follow("Renew the secret").await;
    browser.see_heading("Renew the secret of Billing?").await;
    check_answered(&browser, 200).await;
    browser.keep("webhook-renew").await;
    browser.press("Renew the secret of Billing").await;
    browser.see_heading("Secret of Billing").await;
    let renewed = browser.text().await;
    browser.open(&format!("{page}/secret")).await;
    browser.see_heading("Show the secret of Billing?").await;
    assert!(renewed.contains("whsec_") && !browser.text().await.contains("whsec_"), "it is shown once");
    browser.follow("Back").await;
    browser.follow("Turn off").await;
    browser.see_heading("Turn off Billing?").await;
    check_answered(&browser, 200).await;
    browser.keep("webhook-turn-off").await;
    browser.press("Turn off Billing").await;
    browser.see("The webhook is off.").await;
    browser.follow("Remove").await;
    browser.see_heading("Remove Billing?").await;
    browser.keep("webhook-remove").await;
    browser.press("Remove Billing").await;
    browser.see("Nobody hears of anything yet").await;
    drop(sink);
}

/// Chooses where events go.
async fn pick(browser: &Browser, target: &str) {
    let radio = browser.find("the choice", &format!("//input[@name='target' and @value={}]", quoted(target))).await;
    browser.click(&radio).await;
}
