use std::time::Duration;

use thirtyfour::prelude::*;

use crate::aviary::Aviary;
use crate::browser::Browser;

#[tokio::test(flavor = "multi_thread")]
async fn the_frame_is_as_its_reader_wants_it_in_every_browser() {
    let aviary = Aviary::empty();
    let browser = Browser::start(&aviary).await;
    browser.sign_in(&aviary).await;
    let look = async |name: &str| browser.script(&format!("return document.documentElement.dataset.{name}")).await;
    let side = "return document.querySelector('.side').getBoundingClientRect().width";
    let wide = browser.script(side).await.as_f64().unwrap();
    for (button, name, value) in [("Side bar: open", "side", "folded"), ("Density: comfortable", "density", "compact")]
    {
        let button = browser.button(button).await;
        browser.click(&button).await;
        assert_eq!(look(name).await, value, "at once");
    }
    assert!(browser.script(side).await.as_f64().unwrap() < wide / 2.0);
    let name = "return document.querySelector('.side a[href=\"/admin/servers\"]').textContent.trim()";
    assert!(browser.script(name).await.as_str().unwrap().starts_with("Servers"), "icons keep their names");
    // Kept in the background, so it may take a moment.
    browser.see_heading("Overview").await;
    let kept = async || {
        browser.open("/admin/servers").await;
        (look("side").await == "folded" && look("density").await == "compact").then_some(())
    };
    browser.until_within(Duration::from_secs(10), "what was kept", kept).await;
    browser.keep("frame-folded").await;

    // The sheet of keys, by a key and closed by another; it knows the letters of the side bar.
    browser.keys("?").await;
    browser.find("the sheet of keys", "//dialog[@open]//dt[contains(., 's')]").await;
    browser.see("Tick the row").await;
    let top = "const sheet = document.querySelector('dialog[open]');
        return sheet.scrollTop === 0 && sheet.contains(document.activeElement)";
    browser.resize(1400, 600).await;
    assert_eq!(browser.script(top).await, true, "it is read from its beginning");
    browser.resize(1400, 900).await;
    browser.keys(Key::Escape).await;
    browser.until("the sheet to go", async || browser.all("//dialog").await.is_empty().then_some(())).await;
    browser.keys("/").await;
    browser.keys(Key::Escape).await;
    browser.leave_when(async |browser| browser.keys("gn").await).await;
    browser.see_heading("Nodes").await;

    // The zone of the browser is one click away, and a notice can be put away.
    browser.open("/admin/me/display").await;
    let own = browser.find("the zone of this browser", "//button[@data-own-zone]").await;
    browser.click(&own).await;
    assert!(!browser.value("Time zone").await.is_empty());
    browser.press("Save").await;
    browser.see("It was kept in your account").await;
    let away = browser.find("the way to put it away", "//a[@data-dismiss]").await;
    browser.click(&away).await;
    assert!(browser.all("//div[contains(@class, 'notice')]").await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn columns_are_chosen_and_rows_stay_ticked_over_the_pages() {
    let aviary = Aviary::demo();
    let browser = Browser::start(&aviary).await;
    browser.sign_in(&aviary).await;
    browser.see_the_demo().await;
    browser.go("Servers").await;

    let columns = browser.find("the columns", "//summary[normalize-space(.) = 'Columns']").await;
    browser.click(&columns).await;
    browser.keep("frame-columns").await;
    let egg = browser.find("a column", "//details[@open]//label[normalize-space(.) = 'Egg']//input").await;
    browser.click(&egg).await;
    browser.press("Show these").await;
    browser.at("with the columns", |address| address.contains("col=status")).await;
    let heads = "//main//thead//th";
    assert!(!browser.texts(heads).await.contains(&"Egg".to_owned()));
    let columns = browser.find("the columns", "//summary[normalize-space(.) = 'Columns']").await;
    browser.click(&columns).await;
    browser.press("Keep these columns").await;
    browser.open("/admin/servers").await;
    assert!(!browser.texts(heads).await.contains(&"Egg".to_owned()), "kept");

    // Rows by keys: down, tick, down, tick; what is ticked stays over the pages.
    browser.keys("jx").await;
    browser.see("1 ticked").await;
    browser.keys("jx").await;
    browser.see("2 ticked").await;
    browser.leave_when(async |browser| browser.keys("]").await).await;
    browser.see("2 ticked").await;
    let page = browser.find("all of the page", "//label[@data-page]//input").await;
    browser.click(&page).await;
    browser.see("52 ticked").await;
    browser.keep("frame-ticked").await;
    browser.leave_when(async |browser| browser.keys("[").await).await;
    browser.see("52 ticked").await;
    let sent = "return [...new FormData(document.getElementById('picks')).getAll('pick')].length";
    assert_eq!(browser.script(sent).await, 52, "those of other pages go along");
    let clear = browser.button("Clear").await;
    browser.click(&clear).await;
    browser.see("0 ticked").await;

    // The file holds all that the list finds.
    let file = "
        const link = document.querySelector('main a[download]');
        return fetch(link.href).then((answer) => answer.text()).then((text) => text.split('\\n').length);";
    let lines = browser.script(file).await.as_u64().unwrap();
    assert!(lines > 100, "{lines} lines");
    browser.keys("j").await;
    browser.leave_when(async |browser| browser.keys("o").await).await;
    browser.see("Limits").await;
    let copy = browser.find("a way to copy", "//button[@class='copy']").await;
    assert!(copy.attr("aria-label").await.unwrap().unwrap().starts_with("Copy "));
}
