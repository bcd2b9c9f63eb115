use crate::aviary::Aviary;
use crate::browser::Browser;

#[tokio::test(flavor = "multi_thread")]
async fn order_filter_and_page_of_a_list_live_in_its_address() {
    let aviary = Aviary::demo();
    let browser = Browser::start(&aviary).await;
    browser.sign_in(&aviary).await;
    browser.see_the_demo().await;
    browser.go("Servers").await;
    browser.see("1–50 of 1").await;
    let names = "//main//tbody/tr/td[1]/a";

    // Forward and back by the links, and back by the browser.
    let first = browser.texts(names).await;
    browser.follow("Next").await;
    let second = browser.texts(names).await;
    assert_eq!((first.len(), second.len()), (50, 50));
    assert!(second.iter().all(|name| !first.contains(name)), "no server is shown twice");
    browser.follow("Next").await;
    let third = browser.texts(names).await;
    assert!((10..=50).contains(&third.len()), "{}", third.len());
    browser.follow("Previous").await;
    assert_eq!(browser.texts(names).await, second);
    browser.back().await;
    browser.until("the third page again", async || (browser.texts(names).await == third).then_some(())).await;

    // By another column, both ways. The old place is forgotten.
    browser.follow("Name").await;
    let address = browser.at("with the order", |address| address.contains("sort=-name")).await;
    assert!(!address.contains("after=") && !address.contains("before="), "{address}");
    assert_eq!(sorted_column(&browser).await, ("Name".into(), "descending".into()));
    assert_ne!(browser.texts(names).await, first);
    browser.follow("Changed").await;
    assert_eq!(sorted_column(&browser).await.0, "Changed");

    // Searched and filtered; loading again shows the same.
    browser.go("Servers").await;
    browser.fill("Name, id, UUID", "ar").await;
    browser.press("Filter").await;
    browser.at("with the search", |address| address.contains("q=ar")).await;
    let found = browser.texts(names).await;
    assert!(!found.is_empty() && found.len() < 120);
    browser.reload().await;
    assert_eq!(browser.texts(names).await, found);
    assert_eq!(browser.value("Name, id, UUID").await, "ar");
    browser.follow("Clear").await;
    assert_eq!(browser.value("Name, id, UUID").await, "");
    let chip = "//nav[@aria-label='State']//a[starts-with(normalize-space(.), 'Suspended')]";
    let chip = browser.find("the choice of suspended servers", chip).await;
    browser.leave_by(&chip).await;
    let states = browser.column("State").await;
    assert!(!states.is_empty() && states.iter().all(|state| state == "suspended"), "{states:?}");
    browser.back().await;
    browser.see("1–50 of 1").await;

    // A list that applies at once.
    browser.go("Nodes").await;
    browser.leave_when(async |browser| browser.choose("Maintenance", "In maintenance").await).await;
    let address = browser.address().await;
    assert!(address.contains("maintenance=yes"), "{address}");

    // What cannot be is answered with a word and the whole list.
    for (address, word) in [
        ("/admin/servers?state=flying", "state"),
        ("/admin/servers?sort=colour", "sort"),
        ("/admin/servers?after=%F0%9F%90%A6", "after"),
        ("/admin/servers?panel=77", "panel"),
        ("/admin/nodes?maintenance=perhaps", "maintenance"),
        ("/admin/history?kind=birds", "kind"),
        ("/admin/drift?kind=birds", "kind"),
        ("/admin/syncs?panel=x", "panel"),
    ] {
        browser.open(address).await;
        let said = browser.find("a word about it", "//main//*[@role='status' and normalize-space(.)]").await;
        let said = said.text().await.unwrap();
        assert!(said.contains(word) && said.contains("does not exist"), "{address}: {said}");
        assert!(!browser.all("//main//table | //main//ol").await.is_empty(), "{address} shows the list all the same");
    }
    browser.open("/admin/servers?q=no-server-has-this-name").await;
    browser.see("Nothing matches").await;
    browser.follow("Show all").await;
    browser.see("1–50 of 1").await;
}

/// The heading that says by what the table is sorted, and how.
async fn sorted_column(browser: &Browser) -> (String, String) {
    let head = browser.find("a sorted column", "//main//th[@aria-sort]").await;
    (head.text().await.unwrap(), head.attr("aria-sort").await.unwrap().unwrap())
}
