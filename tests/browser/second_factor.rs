use std::time::SystemTime;

use totp_rs::{Builder, Secret, Totp};

use crate::aviary::Aviary;
use crate::browser::Browser;
use crate::sound::check_answered;

/// What the app shows so many steps from now.
fn code(app: &Totp, steps: u64) -> String {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("after 1970").as_secs();
    app.generate(now + 30 * steps).to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_factor_is_turned_on_and_asked_for_at_the_door() {
    let aviary = Aviary::empty();
    let browser = Browser::start(&aviary).await;
    browser.sign_in(&aviary).await;
    let own = browser.find("the way to one's own account", "//header//a[@href='/admin/me']").await;
    browser.leave_by(&own).await;
    browser.see("What you may do").await;
    check_answered(&browser, 200).await;
    browser.keep("own-account").await;
    browser.follow("Security").await;
    browser.see_heading("Security").await;
    check_answered(&browser, 200).await;
    browser.keep("own-security").await;

    browser.fill("Current password", &aviary.password).await;
    browser.press("Turn it on").await;
    browser.see("Put the secret into your app").await;
    check_answered(&browser, 200).await;
    let secret = browser.texts("//*[@id='secret']").await.remove(0).replace(' ', "");
    let app = Builder::new().with_secret(Secret::try_from_base32(&secret).expect("base32")).build().expect("an app");
    let drawn = browser.script("return document.querySelector('.qr svg').getBoundingClientRect().width").await;
    assert!(drawn.as_f64().is_some_and(|width| width > 150.0), "the code can be scanned: {drawn}");
    browser.fill("Code", &code(&app, 0)).await;
    browser.press("Turn it on").await;
    browser.see_heading("Recovery codes").await;
    check_answered(&browser, 200).await;
    let codes = browser.texts("//pre").await.remove(0);
    let recovery: Vec<_> = codes.split_whitespace().map(str::to_owned).collect();
    assert_eq!(recovery.len(), 10, "{codes}");
    let file = browser.link("Save as a file").await.attr("href").await.unwrap().unwrap();
    assert!(recovery.iter().all(|code| file.contains(code)), "{file}");
    browser.follow("I have them").await;
    browser.see("10 recovery codes are left").await;
    check_answered(&browser, 200).await;

    browser.press("Sign out").await;
    let enter = async || {
        browser.open("/admin/login").await;
        browser.fill("E-mail address", &aviary.email).await;
        browser.fill("Password", &aviary.password).await;
        browser.press("Sign in").await;
    };
    enter().await;
    browser.fill("Code", "000000").await;
    browser.press("Sign in").await;
    browser.see("This code is wrong").await;
    check_answered(&browser, 401).await;
    // The step that turned it on is used up; the next one is taken a little early.
    browser.fill("Code", &code(&app, 1)).await;
    browser.press("Sign in").await;
    browser.see_heading("Overview").await;
    browser.press("Sign out").await;
    enter().await;
    browser.fill("Code", &recovery[0]).await;
    browser.press("Sign in").await;
    browser.see_heading("Overview").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_api_key_is_made_and_copied() {
    let aviary = Aviary::empty();
    let browser = Browser::start(&aviary).await;
    browser.sign_in(&aviary).await;
    browser.open("/admin/me/keys").await;
    check_answered(&browser, 200).await;
    browser.fill("Name", "Billing").await;
    let tick = browser.find("a permission", "//input[@name='may' and @value='server.read']").await;
    browser.click(&tick).await;
    browser.press("Make the key").await;
    browser.see("Copy it now").await;
    check_answered(&browser, 200).await;
    browser.keep("own-key").await;
    browser.follow("I have it").await;
    browser.see("not used yet").await;
    check_answered(&browser, 200).await;
    browser.keep("own-keys").await;
}
