use std::time::Duration;

use crate::aviary::{Aviary, Panel};
use crate::browser::Browser;
use crate::sound::check_answered;

/// The jobs of syncs.
const SYNCS: &str = "/admin/jobs?kind=sync.run";

const HOW: [&str; 6] = ["--servers", "60", "--users", "20", "--nodes", "2"];

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_failed_is_found_and_retried_and_those_that_are_over_are_removed_together() {
    let aviary = Aviary::empty();
    let browser = Browser::start(&aviary).await;
    browser.sign_in(&aviary).await;
    browser.go("Jobs").await;
    browser.see("work gets done").await;
    // Schedules have jobs of their own.
    browser.open(SYNCS).await;
    browser.see("No such jobs").await;
    check_answered(&browser, 200).await;

    // A panel that goes away before it is synced.
    let panel = Panel::start(&HOW);
    let listen = panel.address();
    browser.open("/admin/panels/new").await;
    browser.fill("Name", "Away").await;
    browser.fill("Address", &panel.url).await;
    browser.fill("Application API key", &panel.app_key).await;
    browser.press("Add the panel").await;
    drop(panel);
    browser.press("Sync now").await;
    browser.see("Sync again").await;

    browser.open(SYNCS).await;
    let failed = browser.texts("//main//dl//a[starts-with(normalize-space(.), '1 Failed')]/@href").await.remove(0);
    browser.open(&failed).await;
    let job = browser.find("the job", "//main//tbody/tr[1]/td[1]/a").await;
    browser.leave_by(&job).await;
    browser.see("Given up, since another try would end the same.").await;
    browser.see("Try 1 failed").await;
    browser.keep("job-failed").await;
    check_answered(&browser, 200).await;

    // It is back, and the page follows the job to its end.
    let back = Panel::start(&[&["--listen", &listen], &HOW[..]].concat());
    browser.press("Retry").await;
    browser.see("The job begins anew").await;
    browser
        .until_within(Duration::from_secs(60), "the end of the job", async || {
            let text = browser.text().await;
            (text.contains("Remove") && !text.contains("At work.") && !text.contains("Waits for")).then_some(())
        })
        .await;
    browser.keep("job-done").await;
    check_answered(&browser, 200).await;
    browser.go("Servers").await;
    browser.see("60 in all").await;
    drop(back);

    // What is over goes when its number was seen.
    browser.open(SYNCS).await;
    browser.keep("jobs").await;
    let row = browser.find("a row to tick", "//input[@class='pick']").await;
    browser.click(&row).await;
    browser.see("1 ticked").await;
    browser.press("Remove").await;
    browser.see_heading("Remove 1 job?").await;
    browser.keep("jobs-ticked").await;
    check_answered(&browser, 200).await;
    browser.follow("Leave them").await;
    browser.see("1 ticked").await;
    browser.follow("Remove it").await;
    browser.see_heading("Remove 1 job?").await;
    browser.keep("jobs-bulk").await;
    check_answered(&browser, 200).await;
    browser.press("Remove 1 job").await;
    browser.see("The jobs were removed from the list.").await;
    browser.see("No such jobs").await;
    check_answered(&browser, 200).await;
    browser.open("/admin/jobs").await;
    assert_eq!(
        browser.script("return Object.keys(sessionStorage).filter((key) => key.includes('/admin/jobs')).length").await,
        0
    );
}
