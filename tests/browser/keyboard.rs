use thirtyfour::prelude::*;

use crate::aviary::Aviary;
use crate::browser::Browser;

#[tokio::test(flavor = "multi_thread")]
async fn the_keyboard_alone_leads_everywhere() {
    let aviary = Aviary::demo();
    let browser = Browser::start(&aviary).await;

    // The address can be typed at once.
    browser.open("/admin").await;
    browser.see_heading("Sign in").await;
    assert_eq!(browser.focused().await, "E-mail address");
    browser.keys(&*aviary.email).await;
    browser.keys(Key::Tab).await;
    assert_eq!(browser.focused().await, "Password");
    browser.leave_when(async |browser| browser.keys(format!("{}\n", aviary.password)).await).await;
    browser.see_heading("Overview").await;
    browser.see_the_demo().await;

    // The first stop leads past the navigation, and can be seen.
    browser.open("/admin/servers").await;
    browser.keys(Key::Tab).await;
    assert_eq!(browser.focused().await, "Skip to content");
    let top = "return document.activeElement.getBoundingClientRect().top";
    browser
        .until("the link to come into view", async || (browser.script(top).await.as_f64()? >= 0.0).then_some(()))
        .await;
    browser.keys(Key::Enter).await;
    browser.at("of the content", |_| true).await;
    browser.keys(Key::Tab).await;
    let inside = "return document.querySelector('main').contains(document.activeElement)";
    assert_eq!(browser.script(inside).await, true, "after the skip link: {}", browser.focused().await);

    // By Tab and Enter to a page.
    browser.open("/admin").await;
    browser.tab_to("Servers").await;
    assert_eq!(browser.script(RING).await, true, "the focus can be seen");
    browser.leave_when(async |browser| browser.keys(Key::Enter).await).await;
    browser.see_heading("Servers").await;

    // The search by "/"; by Enter it is sent.
    browser.keys("/").await;
    assert_eq!(browser.script("return document.activeElement.type").await, "search");
    browser.leave_when(async |browser| browser.keys("arena\n").await).await;
    browser.at("with the search", |address| address.contains("q=arena")).await;
    let name = browser.texts("//main//tbody/tr[1]/td[1]/a").await.remove(0);
    browser.tab_to(&name).await;
    browser.leave_when(async |browser| browser.keys(Key::Enter).await).await;
    browser.see_heading(&name).await;

    // Letters after "g" go to pages; in a field they are letters.
    browser.leave_when(async |browser| browser.keys("gn").await).await;
    browser.see_heading("Nodes").await;
    browser.keys("/").await;
    browser.keys("gs/").await;
    assert_eq!(browser.script("return document.activeElement.value").await, "gs/");

    // What folds opens by Enter; what scrolls can be reached.
    browser.open("/admin/servers/1/4").await;
    browser.tab_to("Show them").await;
    browser.keys(Key::Enter).await;
    browser.see("allocationId").await;

    // On a phone the menu opens by Enter and closes by Escape.
    browser.resize(390, 844).await;
    browser.open("/admin/nodes").await;
    browser.tab_to("Menu").await;
    browser.keys(Key::Enter).await;
    let open = "return document.querySelector('header details').open";
    assert_eq!(browser.script(open).await, true);
    browser.find("the menu", "//nav[@aria-label='Main']//a[starts-with(normalize-space(.), 'Drift')]").await;
    browser.keys(Key::Escape).await;
    assert_eq!(browser.script(open).await, false);
    assert_eq!(browser.focused().await, "Menu");

    // Every stop on the way can be seen, and none is a trap.
    browser.resize(1400, 900).await;
    browser.open("/admin/panels/1").await;
    let mut stops = 0;
    loop {
        browser.keys(Key::Tab).await;
        if browser.script("return document.activeElement === document.body").await == true {
            break;
        }
        stops += 1;
        assert!(stops < 150, "Tab does not come to an end");
        let name = browser.focused().await;
        assert_eq!(browser.script(RING).await, true, "the focus on “{name}” cannot be seen");
    }
    assert!(stops > 20, "{stops}");
}

/// Whether what has the focus lies in view, under nothing else, and has a ring.
const RING: &str = "
    const one = document.activeElement;
    const box = one.getBoundingClientRect();
    const [x, y] = [box.left + Math.min(box.width, 12) / 2, box.top + Math.min(box.height, 12) / 2];
    const there = document.elementFromPoint(x, y);
    const covered = !there || !(one.contains(there) || there.contains(one));
    const style = getComputedStyle(one);
    const ring = style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 1;
    return !covered && (ring || style.boxShadow !== 'none');";
