//! Finding anything, as pages.

use actix_web::cookie::Cookie;
use actix_web::http::StatusCode;

use super::fixture::{Fixture, hidden};

/// The invented mirror, searchable, and somebody who may everything.
async fn found() -> (Fixture, Cookie<'static>) {
    let fixture = Fixture::hostile().await;
    let session = fixture.sign_in().await;
    fixture.searchable().await;
    (fixture, session)
}

/// The page without its frame.
fn main(body: &str) -> &str {
    body.split_once("<main").unwrap().1.split_once("</main>").unwrap().0
}

#[actix_web::test]
async fn hits_are_text_with_marks_whatever_they_are_called() {
    let (fixture, session) = found().await;
    let page = fixture.get(&session, "/admin/search?q=alert&kind=server").await;
    assert_eq!(page.status, StatusCode::OK);
    let main = main(&page.body);
    assert!(main.contains("&#60;script&#62;<mark>alert</mark>(1)&#60;/script&#62;"), "{main}");
    assert!(!main.contains("<script>") && main.contains("href=\"/admin/servers/1/"), "{main}");
    assert!(main.contains("As of ") && main.contains("hits"), "{main}");
    // Signs that turn the direction of writing are shown, not obeyed.
    let turned = fixture.get(&session, "/admin/search?q=gnp.exe").await.body;
    assert!(!turned.contains('\u{202e}') && turned.contains("gnp"), "{turned}");
}

#[actix_web::test]
async fn what_makes_no_sense_is_said_and_the_rest_is_answered() {
    let (fixture, session) = found().await;
    let uri = "/admin/search?q=alert+kind%3Adragon&kind=unicorn&since=soon&order=best&panel=x";
    let page = fixture.get(&session, uri).await;
    assert_eq!(page.status, StatusCode::OK);
    let (_, notices) = page.body.split_once("class=\"notices\"").unwrap();
    let (notices, _) = notices.split_once("<search>").unwrap();
    for word in ["dragon", "unicorn", "soon", "best", "“panel”"] {
        assert!(notices.contains(word), "{word}: {notices}");
    }
    assert!(main(&page.body).contains("<mark>alert</mark>"));
    for strange in ["q=%00", "q=%22", "q=%ff", "q=a:b:c&after=zz", "q=-&until=-99999d", "kind=,,,", "q=%E2%80%AE"] {
        let answer = fixture.get(&session, &format!("/admin/search?{strange}")).await;
        assert_eq!(answer.status, StatusCode::OK, "{strange}");
    }
}

#[actix_web::test]
async fn facets_bars_and_pages_are_links_that_keep_the_question() {
    let (fixture, session) = found().await;
    let page = fixture.get(&session, "/admin/search?q=alert").await.body;
    let main = main(&page);
    assert!(main.contains("<a href=\"/admin/search?q=alert&#38;kind=server\">"), "{main}");
    assert!(main.contains("<svg viewBox=\"0 0 ") && main.contains("Show as a table"), "{main}");
    assert!(main.contains("href=\"/admin/search?q=alert&#38;since=20"), "{main}");
    assert!(main.contains("/api/v1/search/export?format=csv&#38;q=alert"), "{main}");
    let next = main.split("rel=\"next\" href=\"").nth(1).unwrap().split_once('"').unwrap().0.replace("&#38;", "&");
    assert!(next.starts_with("/admin/search?q=alert&after="), "{next}");
    let second = fixture.get(&session, &next).await;
    assert_eq!(second.status, StatusCode::OK);
    assert!(second.body.contains("<mark>alert</mark>") && second.body.contains("rel=\"prev\""), "{}", second.body);
    let narrowed = fixture.get(&session, "/admin/search?q=alert&kind=server").await.body;
    assert!(
        narrowed.contains("<a href=\"/admin/search?q=alert\" aria-current=\"true\">"),
        "what is on takes itself off"
    );
    let typed = fixture.get(&session, "/admin/search?q=kind:server+alert").await.body;
    assert!(typed.contains("<a href=\"/admin/search?q=alert\" aria-current=\"true\">"), "also when it was typed");
    assert!(typed.contains("<a href=\"/admin/search?q=alert&#38;kind=node\">"), "another takes its place: {typed}");
}

#[actix_web::test]
async fn who_sees_nothing_of_the_mirror_is_told_nothing_of_its_panels() {
    let (fixture, _) = found().await;
    fixture.clock.advance_s(7 * 86_400);
    let truth = async |email: &str, role: &str| {
        let session = fixture.sign_in_as(email, role).await;
        main(&fixture.get(&session, "/admin/search?q=alert").await.body).contains("As of ")
    };
    assert!(truth("helper@example.com", "SUPPORT_TEAM").await);
    assert!(!truth("player@example.com", "MEMBER").await);
}

#[actix_web::test]
async fn without_scripts_the_page_leads_to_pages_and_actions_too() {
    let (fixture, session) = found().await;
    let page = fixture.get(&session, "/admin/search?q=panel").await.body;
    let main = main(&page);
    for way in ["href=\"/admin/panels/new\"", "href=\"/admin/panels\"", "href=\"/admin/settings/"] {
        assert!(main.contains(way), "{way}: {main}");
    }
    assert!(!main.contains("data-press"), "what needs a script is left out");
    let blank = fixture.get(&session, "/admin/search").await.body;
    assert!(blank.contains("What are you looking for?") && blank.contains("How to ask"), "{blank}");
    let none = fixture.get(&session, "/admin/search?q=zzzzzzqqqq&kind=job").await.body;
    assert!(none.contains("Nothing was found") && none.contains("Search everywhere"), "{none}");
    let overview = fixture.get(&session, "/admin").await.body;
    assert!(overview.contains("action=\"/admin/search\"") && overview.contains("Search everything"), "{overview}");
}

#[actix_web::test]
async fn a_search_is_saved_asked_again_and_removed() {
    let (fixture, session) = found().await;
    let page = fixture.get(&session, "/admin/search?q=alert+%3Cb%3E&kind=server&done=x").await.body;
    assert_eq!(hidden(&page, "query"), "q=alert+%3Cb%3E&#38;kind=server");
    let form = [("name", "<i>own one</i>"), ("query", "q=alert+%3Cb%3E&kind=server")];
    let saved = fixture.post(&session, "/admin/search/saved", &form).await;
    assert_eq!(saved.location, "/admin/search?q=alert+%3Cb%3E&kind=server&done=search-saved");
    let page = fixture.get(&session, &saved.location).await.body;
    let link =
        "<a href=\"/admin/search?q=alert+%3Cb%3E&#38;kind=server\" dir=\"auto\">&#60;i&#62;own one&#60;/i&#62;</a>";
    assert!(page.contains(link), "{page}");

    let again = fixture.post(&session, "/admin/search/saved", &form).await;
    assert_eq!(again.status, StatusCode::OK);
    assert!(again.body.contains("choose another name"), "{}", again.body);
    assert_eq!(hidden(&again.body, "query"), "q=alert+%3Cb%3E&#38;kind=server", "what was asked is asked still");
    let nameless = fixture.post(&session, "/admin/search/saved", &[("name", " "), ("query", "q=alert")]).await;
    assert!(nameless.body.contains("The name needs 1 to 60 characters"), "{}", nameless.body);

    let ada = fixture.sign_in_as("ada@example.com", "SUPER_ADMIN").await;
    let theirs = page.split("/admin/search/saved/").nth(1).unwrap().split_once('"').unwrap().0;
    let remove = format!("/admin/search/saved/{theirs}");
    assert_eq!(fixture.post(&ada, &remove, &[]).await.status, StatusCode::NOT_FOUND);
    assert!(!fixture.get(&ada, "/admin/search").await.body.contains("own one"), "searches are nobody else's business");
    assert_eq!(fixture.post(&session, &remove, &[]).await.location, "/admin/search?done=search-removed");
    assert!(!fixture.get(&session, "/admin/search").await.body.contains("own one"));
}

#[actix_web::test]
async fn the_palette_offers_each_reader_what_they_may() {
    let (fixture, session) = found().await;
    let all = fixture.get(&session, "/admin/palette?q=panel").await;
    assert_eq!(all.status, StatusCode::OK);
    assert!(!all.body.contains("<html") && all.body.contains("role=\"option\""), "{}", all.body);
    assert!(all.body.contains("/admin/panels/new") && all.body.contains("/admin/settings/"), "{}", all.body);
    assert!(all.body.contains("Sync Main &#60;b&#62;panel&#60;/b&#62;"), "{}", all.body);
    let pages = fixture.get(&session, "/admin/palette").await.body;
    assert!(pages.contains("/admin/settings\"") && !pages.contains("/admin/panels/new"), "without a question: pages");
    let hit = fixture.get(&session, "/admin/palette?q=alert").await.body;
    assert!(hit.contains("/admin/servers/1/") && !hit.contains("<script>"), "{hit}");
    let switch = fixture.get(&session, "/admin/palette?q=theme").await.body;
    assert!(switch.contains("data-press=\"[data-look] [name=theme]\""), "{switch}");

    let support = fixture.sign_in_as("sup@example.com", "SUPPORT_TEAM").await;
    let panel = fixture.get(&support, "/admin/palette?q=panel").await.body;
    for hidden in ["/admin/panels/new", "/admin/settings", "Sync Main", "/edit"] {
        assert!(!panel.contains(hidden), "{hidden}: {panel}");
    }
    assert!(fixture.get(&support, "/admin/palette?q=alert").await.body.contains("/admin/servers/1/"));

    let member = fixture.sign_in_as("member@example.com", "MEMBER").await;
    let theirs = fixture.get(&member, "/admin/palette?q=a").await.body;
    for part in theirs.split(" href=\"").skip(1) {
        let href = part.split_once('"').unwrap().0.replace("&#38;", "&");
        let answer = fixture.get(&member, &href).await;
        assert_ne!(answer.status, StatusCode::FORBIDDEN, "{href}");
        assert!(!href.starts_with("/admin/servers"), "{href}");
    }
    let page = fixture.get(&member, "/admin/search?q=alert").await.body;
    assert!(page.contains("Nothing was found"), "{page}");
    assert_eq!(fixture.get_outside("/admin/palette?q=a").await.status, StatusCode::SEE_OTHER);
}

#[actix_web::test]
async fn an_index_that_is_being_made_is_told_with_how_far_it_is() {
    let fixture = Fixture::hostile().await;
    let session = fixture.sign_in().await;
    // Nothing was followed yet.
    let page = fixture.get(&session, "/admin/search?q=panel").await.body;
    assert!(page.contains("The index is being made anew") && page.contains("<progress value=\"0\""), "{page}");
    let palette = fixture.get(&session, "/admin/palette?q=panel").await;
    assert!(palette.status == StatusCode::OK && palette.body.contains("/admin/panels/new"), "{}", palette.body);
}
