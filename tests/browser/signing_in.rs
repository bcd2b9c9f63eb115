use crate::aviary::Aviary;
use crate::browser::Browser;
use crate::sound::check_answered;

#[tokio::test(flavor = "multi_thread")]
async fn only_who_signs_in_sees_the_overview_and_nobody_after_signing_out() {
    let aviary = Aviary::demo();
    let browser = Browser::start(&aviary).await;

    browser.open("/admin/nodes").await;
    browser.see_heading("Sign in").await;
    check_answered(&browser, 200).await;

    browser.fill("E-mail address", &aviary.email).await;
    browser.fill("Password", "Not-the-1").await;
    browser.press("Sign in").await;
    let said = browser.find("what is wrong", "//*[@role='alert']").await.text().await.unwrap();
    assert!(said.to_lowercase().contains("wrong"), "{said}");
    assert_eq!(browser.value("Password").await, "", "a wrong password is not sent back");
    assert_eq!(browser.value("E-mail address").await, aviary.email);
    check_answered(&browser, 401).await;
    browser.keep("sign-in-refused").await;

    // Whoever wanted to see the nodes gets there.
    browser.fill("Password", &aviary.password).await;
    browser.press("Sign in").await;
    browser.see_heading("Nodes").await;
    assert_eq!(browser.address().await, "/admin/nodes");

    browser.go("Overview").await;
    browser.see_the_demo().await;
    for (what, least) in [("Servers", 110), ("Panel users", 60), ("Allocations", 100)] {
        let tile = format!("//main//section[contains(@class, 'tile')][.//h2[normalize-space(.) = '{what}']]");
        let text = browser.find(&format!("the tile “{what}”"), &tile).await.text().await.unwrap();
        let count = text.lines().filter_map(|line| line.replace(',', "").parse::<u64>().ok()).next();
        assert!(count.is_some_and(|count| count >= least), "{what}: {text}");
    }

    browser.press("Sign out").await;
    browser.see("You are signed out.").await;
    check_answered(&browser, 200).await;
    browser.back().await;
    browser.see_heading("Sign in").await;
    browser.open("/admin").await;
    browser.see_heading("Sign in").await;
}
