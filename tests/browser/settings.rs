use crate::aviary::Aviary;
use crate::browser::Browser;
use crate::sound::check_answered;

#[tokio::test(flavor = "multi_thread")]
async fn a_setting_is_changed_shows_what_it_was_and_is_undone() {
    let aviary = Aviary::empty();
    let browser = Browser::start(&aviary).await;
    browser.sign_in(&aviary).await;
    browser.go("Settings").await;
    browser.see_heading("Settings").await;
    let before = browser.value("Name").await;
    browser.fill("Name", "Night <b>shift</b> hosting").await;
    save(&browser).await;
    assert_eq!(browser.value("Name").await, "Night <b>shift</b> hosting");

    browser.open("/admin/settings/site_name").await;
    browser.see("Changes, newest first").await;
    check_answered(&browser, 200).await;
    assert_eq!(browser.texts("//main//ol//ins").await, ["Night <b>shift</b> hosting"]);
    browser.press("Undo").await;
    browser.see("The change was undone; that counts at once.").await;
    browser.keep("setting-undone").await;
    browser.go("Settings").await;
    assert_eq!(browser.value("Name").await, before);
}

/// Presses the button of the form that holds the name.
async fn save(browser: &Browser) {
    let button =
        browser.find("the button of the form", "//form[.//*[@name='site_name']]//button[contains(., 'Save')]").await;
    browser.leave_by(&button).await;
}
