use crate::aviary::Aviary;
use crate::browser::Browser;
use crate::sound::{check_answered, problems};
use std::collections::{BTreeMap, HashSet, VecDeque};

const PAGES: usize = 240;

/// How many pages of one kind are looked at: objects differ by what they hold, lists by how they are filtered.
fn enough(kind: &str) -> usize {
    if kind.ends_with('*') { 2 } else { 3 }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_is_sound_in_light_and_dark_on_desk_and_phone() {
    let aviary = Aviary::demo();
    let browser = Browser::start(&aviary).await;
    browser.sign_in(&aviary).await;
    browser.see_the_demo().await;
    browser.complaints().await;

    let mut waiting = VecDeque::from(["/admin".to_owned()]);
    let mut met: HashSet<_> = waiting.iter().cloned().collect();
    let mut kinds: BTreeMap<String, usize> = BTreeMap::new();
    let mut wrong: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut visited = 0;
    while let Some(address) = waiting.pop_front() {
        let kind = kind(&address);
        let most = enough(&kind);
        let seen = kinds.entry(kind).or_default();
        if *seen >= most || visited >= PAGES {
            continue;
        }
        *seen += 1;
        visited += 1;
        browser.open(&address).await;
        for one in problems(&browser, 200).await {
            wrong.entry(one).or_default().push(address.clone());
        }
        for link in links(&browser).await {
            if met.insert(link.clone()) {
                waiting.push_back(link);
            }
        }
    }
    assert!(wrong.is_empty(), "{}", told(&wrong));
    assert!(kinds.len() > 30, "there are more kinds of pages than {}: {kinds:#?}", kinds.len());
    assert!(kinds.values().all(|seen| *seen > 0), "{PAGES} pages are too few for all kinds: {kinds:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pelican_panel_is_shown_as_what_it_is() {
    let aviary = Aviary::demo_of("pelican");
    let browser = Browser::start(&aviary).await;
    browser.sign_in(&aviary).await;
    browser.see_the_demo().await;
    for name in ["Overview", "Servers", "Nodes", "Eggs", "Nests", "Locations", "Panel users", "Drift", "Panels"] {
        browser.go(name).await;
        browser.see_heading(name).await;
        check_answered(&browser, 200).await;
    }
    browser.see("Pelican").await;
    for name in ["Servers", "Nodes", "Eggs"] {
        browser.go(name).await;
        let first = browser.find("an object", "//main//tbody/tr[1]//a[contains(@href, '/admin/')]").await;
        browser.leave_by(&first).await;
        browser.see("as the panel names them").await;
        check_answered(&browser, 200).await;
        let out = browser.link("Open on the panel").await.attr("href").await.unwrap().unwrap();
        assert!(out.ends_with("/edit"), "as Pelican names its pages: {out}");
    }
}

/// Addresses of our pages that this one leads to. The same look twice is not worth a visit, so fragments go.
async fn links(browser: &Browser) -> Vec<String> {
    let script = "
        const here = [...document.querySelectorAll('a[href]:not([download])')].map((one) => new URL(one.getAttribute('href'), location.href)).filter((url) => url.origin === location.origin);
        return [...new Set(here.map((url) => url.pathname + url.search))];";
    let links: Vec<String> = serde_json::from_value(browser.script(script).await).expect("addresses");
    links.into_iter().filter(|link| link.starts_with("/admin")).collect()
}

/// The path without numbers and ids, and which tab of an object it is.
fn kind(address: &str) -> String {
    let (path, query) = address.split_once('?').unwrap_or((address, ""));
    let is_id = |part: &str| part.chars().any(|c| c.is_ascii_digit());
    // Settings and roles are called by name.
    let is_named = |before: Option<&&str>, part: &str| matches!(before, Some(&"settings" | &"roles")) && part != "new";
    let parts: Vec<_> = path.split('/').collect();
    let shape = |(n, part): (usize, &&'_ str)| {
        let before = n.checked_sub(1).and_then(|n| parts.get(n));
        if is_id(part) || is_named(before, part) { "*".to_owned() } else { (*part).to_owned() }
    };
    let path = parts.iter().enumerate().map(shape).collect::<Vec<_>>().join("/");
    match query.split('&').find(|pair| pair.starts_with("tab=")) {
        Some(tab) => format!("{path}?{tab}"),
        None => path,
    }
}

fn told(wrong: &BTreeMap<String, Vec<String>>) -> String {
    let lines = wrong.iter().map(|(what, where_)| {
        format!(
            "{what}\n    on {} page(s): {}",
            where_.len(),
            where_.iter().take(4).cloned().collect::<Vec<_>>().join("  ")
        )
    });
    lines.collect::<Vec<_>>().join("\n")
}
