//! Finding anything: by the search page, by the palette, with the keyboard alone, and without scripts.

use std::time::Duration;

use serde_json::json;
use thirtyfour::prelude::*;

use crate::aviary::Aviary;
use crate::browser::{Browser, quoted};
use crate::sound::check_answered;

/// What the palette has chosen.
const CHOSEN: &str = "
    const one = document.querySelector('#palette [aria-selected=true]');
    return (one?.querySelector('span') ?? one)?.textContent.trim() ?? '';";
/// Whether the palette is open.
const IS_OPEN: &str = "return document.getElementById('palette').open";

async fn chooses(browser: &Browser, text: &str) {
    browser
        .until(&format!("“{text}” to be chosen"), async || (browser.script(CHOSEN).await == text).then_some(()))
        .await;
}

async fn opens(browser: &Browser, is: bool) {
    browser.until("the palette", async || (browser.script(IS_OPEN).await == is).then_some(())).await;
}

/// An address that a server has, such as `203.0.113.4:25565`, and the server.
async fn an_address(browser: &Browser) -> (String, String) {
    browser.go("Allocations").await;
    browser.see_heading("Allocations").await;
    let row = "(//main//tbody/tr[.//a[contains(@href, '/admin/servers/')]])[1]";
    let address = browser.texts(&format!("{row}/td[1]")).await.remove(0);
    let server = browser.texts(&format!("{row}//a[contains(@href, '/admin/servers/')]")).await.remove(0);
    (address.split_whitespace().next().unwrap_or_default().to_owned(), server)
}

/// Loads the page again until something stands there: what was synced just now is found a moment later.
async fn see_found(browser: &Browser, path: &str) -> WebElement {
    let probe = async || {
        let found = browser.all(path).await.into_iter().next();
        if found.is_none() {
            tokio::time::sleep(Duration::from_millis(400)).await;
            browser.reload().await;
        }
        found
    };
    browser.until(&format!("what is found: {path}"), probe).await
}

fn hit(name: &str) -> String {
    format!("//main//ol//a[normalize-space(.) = {}]", quoted(name))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_is_found_by_its_address_with_the_keyboard_alone() {
    let aviary = Aviary::demo();
    let browser = Browser::start(&aviary).await;
    browser.sign_in(&aviary).await;
    browser.see_the_demo().await;
    let (address, server) = an_address(&browser).await;

    browser.open("/admin").await;
    browser.keys("/").await;
    assert_eq!(browser.focused().await, "Search everything");
    browser.leave_when(async |browser| browser.keys(format!("{address}\n")).await).await;
    browser.see_heading("Search").await;
    assert_eq!(browser.value("Search everything").await, address);
    see_found(&browser, &hit(&server)).await;
    check_answered(&browser, 200).await;
    browser.keep("search").await;
    browser.tab_to(&server).await;
    browser.leave_when(async |browser| browser.keys(Key::Enter).await).await;
    browser.see_heading(&server).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_palette_leads_anywhere_and_gives_the_focus_back() {
    let aviary = Aviary::demo();
    let browser = Browser::start(&aviary).await;
    browser.sign_in(&aviary).await;
    browser.see_the_demo().await;
    for looked in ["lobby", "lobby&order=newest", "hub"] {
        browser.open(&format!("/admin/search?q={looked}")).await;
    }
    browser.open("/admin/nodes").await;
    browser.open("/admin/locations").await;

    // Opened with a key, closed with another; what had the focus has it again. What was opened lately comes first.
    browser.tab_to("Servers").await;
    browser.chord(Key::Control, "k").await;
    opens(&browser, true).await;
    assert_eq!(browser.focused().await, "Page, action or anything else");
    chooses(&browser, "Nodes").await;
    let lately = browser.texts("//*[@id='palette']//*[@aria-label='Lately']//a").await;
    assert_eq!(lately[..3], ["Nodes", "Search: hub", "Search: lobby"], "{lately:?}");
    assert_eq!(lately.iter().filter(|one| one.starts_with("Search")).count(), 2, "{lately:?}");
    browser.keys(Key::Escape).await;
    opens(&browser, false).await;
    assert!(browser.focused().await.starts_with("Servers"), "{}", browser.focused().await);

    // By the button, to a page: arrows move, Enter goes.
    let button = browser.find("the button of the palette", "//button[@data-palette]").await;
    browser.click(&button).await;
    browser.keys("schedule").await;
    chooses(&browser, "New schedule").await;
    browser.keep("palette").await;
    check_answered(&browser, 200).await;
    browser.keys(Key::Down).await;
    chooses(&browser, "Schedules").await;
    browser.keys(Key::Up).await;
    browser.keys(Key::Up).await;
    chooses(&browser, "All hits on the search page").await;
    browser.keys(Key::Down).await;
    chooses(&browser, "New schedule").await;
    browser.leave_when(async |browser| browser.keys(Key::Enter).await).await;
    browser.at("of the form", |address| address == "/admin/schedules/new").await;

    // An object of the mirror.
    browser.go("Servers").await;
    browser.see_heading("Servers").await;
    let name = browser.texts("//main//tbody/tr[1]/td[1]//a").await.remove(0);
    browser.open("/admin").await;
    browser.chord(Key::Control, "k").await;
    opens(&browser, true).await;
    browser.keys(&*name).await;
    let path = format!(
        "//*[@id='palette']//a[contains(@href, '/admin/servers/') and span[normalize-space(.) = {}]]",
        quoted(&name)
    );
    let object = browser.find("the server in the palette", &path).await;
    browser.leave_by(&object).await;
    browser.see_heading(&name).await;

    // Something that is done at once.
    browser.chord(Key::Control, "k").await;
    opens(&browser, true).await;
    browser.keys("switch the theme").await;
    chooses(&browser, "Switch the theme").await;
    let theme = "return document.documentElement.dataset.theme ?? ''";
    let before = browser.script(theme).await;
    browser.keys(Key::Enter).await;
    browser.until("another theme", async || (browser.script(theme).await != before).then_some(())).await;

    // What was opened is forgotten with the session.
    browser.press("Sign out").await;
    let kept = browser.script("return localStorage.getItem('aviary-recent') ?? ''").await;
    assert!(!kept.as_str().unwrap_or_default().contains("/admin/servers"), "{kept}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_search_is_narrowed_saved_asked_again_and_removed() {
    let aviary = Aviary::demo();
    let browser = Browser::start(&aviary).await;
    browser.sign_in(&aviary).await;
    browser.see_the_demo().await;
    browser.go("Search").await;
    browser.see("What are you looking for?").await;
    browser.leave_when(async |browser| browser.keys("panel\n").await).await;
    browser.at("with the question", |address| address.contains("q=panel")).await;
    browser.see("Actions").await;
    let panels = see_found(&browser, "//aside//a[starts-with(normalize-space(.), 'Panels')]").await;
    browser.leave_by(&panels).await;
    browser.at("with the kind", |address| address.contains("kind=panel")).await;

    browser.fill("Save this search as", "My panels").await;
    browser.press("Save").await;
    browser.see("The search was saved.").await;
    browser.go("Search").await;
    let saved = browser.find("the saved search", "//aside//a[normalize-space(.) = 'My panels']").await;
    browser.leave_by(&saved).await;
    let address = browser.at("of the saved search", |address| address.contains("kind=panel")).await;
    assert!(address.contains("q=panel"), "{address}");
    check_answered(&browser, 200).await;
    let remove = browser.find("what removes it", "//summary[@aria-label='Remove My panels']").await;
    browser.click(&remove).await;
    browser.press("Remove it").await;
    browser.see("The saved search was removed.").await;
    assert!(browser.all("//aside//a[normalize-space(.) = 'My panels']").await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_fits_appears_while_it_is_followed() {
    let aviary = Aviary::empty();
    let browser = Browser::start(&aviary).await;
    browser.sign_in(&aviary).await;
    browser.open("/admin/search?kind=audit").await;
    let follow = browser.button("Follow").await;
    browser.click(&follow).await;
    browser.see("Following.").await;
    // Somebody does something elsewhere.
    let script = "
        const body = JSON.stringify({ name: 'FOLLOWED', description: '', permissions: ['server.read'] });
        const headers = { 'content-type': 'application/json' };
        return fetch('/api/v1/roles', { method: 'POST', headers, body }).then((made) => made.status);";
    assert_eq!(browser.script(script).await, json!(201));
    browser.find("the event", "//*[@data-tail-hits]//a[contains(@href, '/admin/audit/')]").await;
    let stop = browser.button("Stop").await;
    browser.click(&stop).await;
    browser.see("Stopped.").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_scripts_everything_is_found_too() {
    let aviary = Aviary::demo();
    let browser = Browser::without_javascript(&aviary).await;
    browser.sign_in(&aviary).await;
    browser.see_the_demo().await;
    let (address, server) = an_address(&browser).await;
    assert!(browser.all("//button[@data-palette]").await.is_empty(), "what needs a script is not there");
    browser.open("/admin").await;
    browser.fill("Search everything", &address).await;
    browser.leave_when(async |browser| browser.keys("\n").await).await;
    see_found(&browser, &hit(&server)).await;
    browser.follow("24 hours").await;
    browser.at("of a day", |address| address.contains("since=-24h")).await;
    browser.fill("Search everything", "webhook").await;
    browser.press("Search").await;
    browser.follow("New webhook").await;
    browser.at("of the form", |address| address == "/admin/webhooks/new").await;
}
