use crate::aviary::Aviary;
use crate::browser::{Browser, Theme};

#[tokio::test(flavor = "multi_thread")]
async fn the_theme_follows_the_system_until_one_is_chosen_which_stays() {
    let aviary = Aviary::empty();
    let browser = Browser::start(&aviary).await;
    browser.sign_in(&aviary).await;
    let is_dark = async || {
        let light = "
            const brush = document.createElement('canvas').getContext('2d');
            brush.fillStyle = getComputedStyle(document.body).backgroundColor;
            brush.fillRect(0, 0, 1, 1);
            return brush.getImageData(0, 0, 1, 1).data[1];";
        browser.script(light).await.as_u64().expect("a color") < 100
    };
    let switch = async |from: &str| {
        let button = browser.button(&format!("Theme: {from}")).await;
        browser.click(&button).await;
    };
    for (theme, dark) in [(Theme::Dark, true), (Theme::Light, false)] {
        browser.wear(theme).await;
        assert_eq!(is_dark().await, dark, "the system says {theme:?}");
    }
    switch("system").await;
    switch("light").await;
    browser.button("Theme: dark").await;
    assert!(is_dark().await);
    browser.go("Servers").await;
    assert!(is_dark().await, "the choice stays on the next page");
    browser.press("Sign out").await;
    assert!(is_dark().await, "and on the page before signing in");
    browser.sign_in(&aviary).await;
    switch("dark").await;
    browser.button("Theme: system").await;
    assert!(!is_dark().await, "the system says light again");
}
