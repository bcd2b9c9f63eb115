use crate::aviary::Aviary;
use crate::browser::Browser;
use crate::sound::check_answered;

#[tokio::test(flavor = "multi_thread")]
async fn an_aviary_without_panels_says_on_every_page_how_to_begin() {
    let aviary = Aviary::empty();
    let browser = Browser::start(&aviary).await;
    browser.sign_in(&aviary).await;
    browser.keep("empty").await;
    for name in [
        "Overview",
        "Servers",
        "Nodes",
        "Allocations",
        "Databases",
        "Panel users",
        "Eggs",
        "Nests",
        "Locations",
        "Syncs",
        "History",
        "Drift",
        "Panels",
    ] {
        browser.go(name).await;
        browser.see_heading(name).await;
        let begin = "//main//a[contains(@href, '/admin/panels')]";
        browser.find(&format!("a way to begin on {name}"), begin).await;
        check_answered(&browser, 200).await;
    }
    browser.open("/admin/nothing-here").await;
    browser.follow("Go to the overview").await;
    browser.open("/admin/servers/7/7").await;
    browser.see("404").await;
    check_answered(&browser, 404).await;
}
