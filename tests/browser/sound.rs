//! What must hold on every page, whatever it shows.

use std::sync::LazyLock;

use serde_json::json;

use crate::aviary::Aviary;
use crate::browser::{Browser, DESK, Theme};

const PHONE: (u32, u32) = (390, 844);
/// A window of 1280 pixels at 400 %.
const ZOOMED: (u32, u32) = (320, 640);

/// The checks of axe, where `tests/run` could fetch them.
static AXE: LazyLock<Option<String>> = LazyLock::new(|| {
    let file = std::env::var("AVIARY_AXE").ok()?;
    Some(std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{file}: {error}")))
});

/// As [`problems`], for a page of any status; nothing may be wrong.
pub async fn check_answered(browser: &Browser, status: u16) {
    let found = problems(browser, status).await;
    assert!(found.is_empty(), "{}\n  {}", browser.address().await, found.join("\n  "));
}

/// What is wrong with the page as it stands, in both themes and on two widths.
pub async fn problems(browser: &Browser, status: u16) -> Vec<String> {
    let mut found = ask(browser, include_str!("sound.js")).await;
    let answered = browser.script("return performance.getEntriesByType('navigation')[0].responseStatus").await;
    if answered != json!(status) {
        found.push(format!("answered {answered} instead of {status}"));
    }
    for (width, height) in [ZOOMED, PHONE, DESK] {
        browser.resize(width, height).await;
        let wide = ask(browser, include_str!("width.js")).await;
        found.extend(wide.into_iter().map(|one| format!("at {width} px: {one}")));
    }
    for theme in [Theme::Dark, Theme::Light] {
        browser.wear(theme).await;
        let faint = ask(browser, include_str!("contrast.js")).await;
        found.extend(faint.into_iter().map(|one| format!("{}: {one}", theme.word())));
        found.extend(axe(browser).await.into_iter().map(|one| format!("{}: axe: {one}", theme.word())));
    }
    // The browser notes every answer that is not a success; that one was asked for.
    let expected = format!("the server responded with a status of {status} ");
    found.extend(browser.complaints().await.into_iter().filter(|said| !said.contains(&expected)));
    found
}

async fn axe(browser: &Browser) -> Vec<String> {
    let Some(axe) = &*AXE else { return Vec::new() };
    if browser.script("return !window.axe").await == json!(true) {
        browser.script(axe).await;
    }
    serde_json::from_value(browser.script_later(include_str!("axe.js")).await).expect("a list of what is wrong")
}

async fn ask(browser: &Browser, script: &str) -> Vec<String> {
    serde_json::from_value(browser.script(script).await).expect("a list of what is wrong")
}

#[tokio::test(flavor = "multi_thread")]
async fn these_checks_find_what_is_broken_on_purpose() {
    let aviary = Aviary::empty();
    let browser = Browser::start(&aviary).await;
    browser.sign_in(&aviary).await;
    for (breakage, told) in [
        ("document.querySelector('h1').remove()", "0 h1 instead of one"),
        ("document.querySelector('main').append(document.createElement('h1'))", "2 h1 instead of one"),
        ("document.documentElement.lang = ''", "html has no lang"),
        ("document.title = ''", "no title"),
        (
            "document.querySelector('main').insertAdjacentHTML('beforeend', '<i id=find></i>')",
            "id “find” is used 2 times",
        ),
        (
            "document.querySelector('main').insertAdjacentHTML('beforeend', '<input name=x placeholder=Words>')",
            "without a label",
        ),
        ("document.querySelector('main').insertAdjacentHTML('beforeend', '<button><svg></svg></button>')", "nameless"),
        ("document.querySelector('main').insertAdjacentHTML('beforeend', '<img src=\"/static/no.png\">')", "no alt"),
        (
            "document.querySelector('main').insertAdjacentHTML('beforeend', '<table><caption>Birds</caption><tr><th scope=col>Name</th><th scope=col></th></tr></table>')",
            "an empty heading in the table",
        ),
        ("document.querySelector('label[for=find]').htmlFor = 'gone'", "leads nowhere"),
        ("document.querySelector('h1').style.width = '3000px'", "at 1400 px: the page is"),
        ("document.querySelector('h1').style.minWidth = '500px'", "at 390 px: reaches from"),
        ("document.querySelector('h1').style.color = '#aaa'", "light: 2."),
        ("document.querySelector('main').style.opacity = .3", "dark: "),
        ("document.querySelector('h1').style.color = 'oklch(0.45 0.1 200)'", "dark: "),
        ("new Image().src = 'http://192.0.2.1/x.png'", "violates the following Content Security Policy"),
        ("console.error('something broke')", "something broke"),
        ("fetch('/static/none.js')", "404"),
    ] {
        browser.open("/admin").await;
        browser.script(breakage).await;
        let found = problems(&browser, 200).await;
        assert!(found.iter().any(|one| one.contains(told)), "{breakage}: {found:#?}");
    }
}
