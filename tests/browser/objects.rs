use std::time::Duration;

use crate::aviary::Aviary;
use crate::browser::{Browser, quoted};

/// A name that was not chosen to be difficult, such as `Amber Skyblock 4`.
fn is_plain(name: &str) -> bool {
    let words: Vec<_> = name.split(' ').collect();
    matches!(&words[..], [one, two, number] if [one, two].iter().all(|word| word.chars().all(|c| c.is_ascii_alphabetic()))
        && number.parse::<u32>().is_ok())
}

/// Opens a part of the page of an object.
async fn open_part(browser: &Browser, title: &str) {
    let part = format!(
        "//main//nav[@aria-label = 'Parts of this page']/a[starts-with(normalize-space(.), {})]",
        quoted(title)
    );
    let link = browser.find(title, &part).await;
    browser.leave_by(&link).await;
    let open = format!("//main//nav/a[@aria-current = 'page'][starts-with(normalize-space(.), {})]", quoted(title));
    browser.find(&format!("{title}, open"), &open).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_is_found_by_its_name_and_leads_to_what_it_belongs_to_and_back() {
    let aviary = Aviary::demo();
    let browser = Browser::start(&aviary).await;
    browser.sign_in(&aviary).await;
    browser.see_the_demo().await;
    browser.go("Servers").await;
    let names = browser.texts("//main//tbody/tr/td[1]/a").await;
    let name = names.into_iter().find(|name| is_plain(name)).expect("a server with a plain name");

    browser.go("Overview").await;
    browser.fill("Search everything", &name).await;
    browser.leave_when(async |browser| browser.keys("\n").await).await;
    browser.see_heading("Search").await;
    assert_eq!(browser.value("Search everything").await, name, "what was searched for still stands there");
    browser.follow(&name).await;
    browser.see_heading(&name).await;
    let server = browser.address().await;
    assert!(browser.title().await.starts_with(&name));

    for what in ["Owner", "Node", "Egg", "Nest"] {
        let fact = format!("//main//dt[normalize-space(.) = '{what}']/following-sibling::dd[1]//a");
        let link = browser.find(&format!("a link to the {what}"), &fact).await;
        let label = link.text().await.unwrap();
        browser.leave_by(&link).await;
        browser.see_heading(&label).await;
        if what != "Nest" {
            // The server stands there, or in the whole list of its servers.
            open_part(&browser, "Servers").await;
            if browser.all(&format!("//main//a[normalize-space(.) = {}]", quoted(&name))).await.is_empty() {
                let all = "//main//a[starts-with(normalize-space(.), 'All ') and contains(@href, '/servers')]";
                let all = browser.find("a link to all servers", all).await;
                browser.leave_by(&all).await;
            }
            browser.follow(&name).await;
            browser.see_heading(&name).await;
            assert_eq!(browser.address().await, server);
        } else {
            browser.back().await;
            browser.see_heading(&name).await;
        }
    }

    // Each part of the page has an address of its own, and what stands in it leads on.
    open_part(&browser, "Allocations").await;
    assert!(browser.address().await.ends_with("?tab=allocations"));
    let link = browser.find("an allocation", "//main//tbody//a").await;
    let port = link.text().await.unwrap();
    browser.leave_by(&link).await;
    browser.see_heading(&port).await;
    browser.follow(&name).await;
    browser.see_heading(&name).await;
    open_part(&browser, "Variables").await;
    browser.find("the start command", "//main//h2[normalize-space(.) = 'Start command']").await;
    open_part(&browser, "History").await;
    let compare = browser.find("the last week", "//main//a[normalize-space(.) = 'The last week']").await;
    browser.leave_by(&compare).await;
    browser.see_heading(&format!("{name}: two times")).await;
    browser.follow(&name).await;
    browser.see_heading(&name).await;

    // The other way: what is not there is said to be not there, with a way on.
    browser.open("/admin/servers/1/999999").await;
    browser.follow("Go to the overview").await;
    browser.see_heading("Overview").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_changes_on_the_panel_is_told_by_the_history_with_old_and_new_values() {
    let aviary = Aviary::demo();
    let browser = Browser::start(&aviary).await;
    browser.sign_in(&aviary).await;

    // The panel lives: something has another value soon.
    let entries = "//main//ol/li[.//table and .//del and .//ins]";
    browser
        .until_within(Duration::from_secs(60), "a change with an old and a new value", async || {
            browser.live_and_sync().await;
            browser.go("History").await;
            browser.all(entries).await.into_iter().next()
        })
        .await;
    browser.see("shown, newest first").await;
    let link =
        browser.find("the object that changed", &format!("({entries})[1]//a[contains(@href, '/admin/')][1]")).await;
    let label = link.text().await.unwrap();
    let fields = browser.texts(&format!("({entries})[1]//th[@scope='row']")).await;
    assert!(!fields.is_empty());
    browser.leave_by(&link).await;
    browser.see_heading(&label).await;
    open_part(&browser, "History").await;
    for field in fields {
        browser.see(&field).await;
    }

    browser.follow("Search in it").await;
    browser.see_heading("History").await;
    let about =
        browser.texts("//main//ol/li//a[contains(@href, '/admin/servers/') or contains(@href, '/admin/users/')]").await;
    assert!(about.iter().all(|one| *one == label), "only of {label}: {about:?}");
    browser.go("History").await;
    browser.choose("Kind", "servers").await;
    browser.at("that names the kind", |address| address.contains("kind=servers")).await;
    let follow = "//main//ol/li[1]//a[normalize-space(.) = 'sync']";
    let link = browser.find("the sync that saw it", follow).await;
    browser.leave_by(&link).await;
    browser.see_heading("Sync of Demo panel").await;
    browser.follow("What changed").await;
    browser.at("of one sync", |address| address.contains("sync=")).await;
    browser.see("of one sync").await;
}
