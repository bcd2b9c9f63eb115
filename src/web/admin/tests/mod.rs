//! The pages, through the front door.

mod audit;
mod display;
mod fixture;
mod jobs;
mod mailed;
mod mails;
mod me;
mod objects;
mod own_keys;
mod people;
mod roles;
mod schedules;
mod search;
mod second_factor;
mod settings;
mod setup;
mod sights;
mod tables;
mod webhooks;

use actix_web::http::StatusCode;
use actix_web::test::TestRequest;
use aviary_kernel::model::SyncId;
use fixture::{EMAIL, Fixture, HOSTILE, PASSWORD, form_token, same_origin};

const LISTS: [&str; 14] = [
    "/admin",
    "/admin/servers",
    "/admin/nodes",
    "/admin/allocations",
    "/admin/databases",
    "/admin/users",
    "/admin/eggs",
    "/admin/nests",
    "/admin/locations",
    "/admin/syncs",
    "/admin/jobs",
    "/admin/history",
    "/admin/drift",
    "/admin/panels",
];

fn all_pages() -> Vec<String> {
    let sync = SyncId::from_u128(1);
    let mut pages: Vec<_> = LISTS.map(str::to_owned).into();
    pages.extend(
        [
            "/admin/panels/new",
            "/admin/panels/1",
            "/admin/panels/1/remove",
            "/admin/panels/1/edit",
            "/admin/settings",
            "/admin/settings/site_name",
            "/admin/settings/pterodactyl_api_key",
            "/admin/servers/1/1",
            "/admin/servers/1/3",
            "/admin/nodes/1/1",
            "/admin/nodes/1/2",
            "/admin/locations/1/1",
            "/admin/nests/1/1",
            "/admin/eggs/1/1",
            "/admin/eggs/1/2",
            "/admin/users/1/1",
            "/admin/servers?state=suspended&q=a",
            "/admin/servers?panel=1&node=1&sort=-name",
            "/admin/history?panel=1&kind=servers&id=1&field=limits&from=2026-01-01&until=2026-12-31",
            "/admin/drift?kind=vanished",
            "/admin/search",
            "/admin/search?q=alert",
            "/admin/search?q=state%3Asuspended&kind=server&panel=1&since=-7d&order=newest&zone=Europe%2FBerlin",
            "/admin/palette?q=alert",
            "/admin/me",
            "/admin/me?offset=20",
            "/admin/me/security",
            "/admin/me/display",
            "/admin/keys-help",
            "/admin/servers?cols=status&rows=25",
            "/admin/me/keys",
            "/admin/audit",
            "/admin/audit/1",
            "/admin/audit?q=a&actor=job&action=panel.add&kind=panel&id=1&outcome=done&from=2026-01-01&to=2026-12-31",
        ]
        .map(str::to_owned),
    );
    pages.extend([
        format!("/admin/syncs/{sync}"),
        format!("/admin/syncs/{sync}/part"),
        format!("/admin/syncs/{sync}/removals"),
        format!("/admin/history?sync={sync}"),
    ]);
    pages
}

/// Our policy refuses styles and scripts in a page, so none may stand there; and nothing from a panel may become markup.
fn assert_is_clean(uri: &str, body: &str) {
    for (at, _) in body.match_indices("<script") {
        let tag = &body[at..at + body[at..].find('>').unwrap()];
        assert!(tag.contains(" src=\"/static/"), "{uri}: {tag}");
    }
    for tag in body.split('<').skip(1).filter_map(|rest| rest.split_once('>').map(|(tag, _)| tag)) {
        let outside_of_values: String = tag.split('"').step_by(2).collect();
        for word in outside_of_values.split_whitespace().skip(1) {
            let name = word.split('=').next().unwrap_or_default();
            assert!(!name.starts_with("on") && name != "style", "{uri}: {tag}");
        }
    }
    assert!(!body.contains("<style"), "{uri}");
    assert!(!body.contains("<img"), "{uri}");
    assert!(
        !body.contains("<b>bold</b>") && !body.contains("<b>panel</b>") && !body.contains("<i>server</i>"),
        "{uri}"
    );
    for bad in ['\u{0}', '\u{7}', '\u{1b}', '\u{202e}', '\u{2066}'] {
        assert!(!body.contains(bad), "{uri} shows {bad:?}");
    }
}

#[actix_web::test]
async fn every_page_answers_with_names_that_try_to_be_more() {
    let fixture = Fixture::hostile().await;
    let session = fixture.sign_in().await;
    for uri in all_pages() {
        let answer = fixture.get(&session, &uri).await;
        assert_eq!(answer.status, StatusCode::OK, "{uri}: {}", answer.body);
        assert_is_clean(&uri, &answer.body);
    }
}

#[actix_web::test]
async fn every_list_of_an_empty_store_says_what_to_do_next() {
    let fixture = Fixture::empty();
    let session = fixture.sign_in().await;
    for uri in LISTS {
        let answer = fixture.get(&session, uri).await;
        assert_eq!(answer.status, StatusCode::OK, "{uri}: {}", answer.body);
        assert_is_clean(uri, &answer.body);
        let way_on = if matches!(uri, "/admin/syncs" | "/admin/jobs") {
            "href=\"/admin/panels\""
        } else {
            "href=\"/admin/panels/new\""
        };
        assert!(answer.body.contains(way_on), "{uri}: {}", answer.body);
    }
}

#[actix_web::test]
async fn hostile_names_are_shown_as_text() {
    let fixture = Fixture::hostile().await;
    let session = fixture.sign_in().await;
    let body = fixture.get(&session, "/admin/users").await.body;
    assert!(body.contains("&#60;script&#62;alert(1)&#60;/script&#62;"), "{body}");
    assert!(body.contains("(no name)"), "{body}");
    let body = fixture.get(&session, "/admin/servers/1/1?tab=variables").await.body;
    assert!(!body.contains("hunter2"));
    assert!(body.contains("hidden ••••••••"), "{body}");
    let body = fixture.get(&session, "/admin/history?q=long+long").await.body;
    assert!(body.contains("Show all 50,0"), "{}", &body[..4000]);
}

#[actix_web::test]
async fn whoever_is_not_signed_in_is_led_to_the_sign_in_page() {
    let fixture = Fixture::hostile().await;
    for uri in all_pages() {
        let answer = fixture.send(TestRequest::get().uri(&uri)).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{uri}");
        assert!(answer.location.starts_with("/admin/login?next=%2Fadmin"), "{uri}: {}", answer.location);
    }
    let page = fixture.send(TestRequest::get().uri("/admin/login?next=%2Fadmin%2Fservers")).await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.body.contains("Password") && page.body.contains("value=\"/admin/servers\""));
    assert_is_clean("/admin/login", &page.body);
}

#[actix_web::test]
async fn signing_in_leads_back_and_a_wrong_password_does_not() {
    let fixture = Fixture::empty();
    fixture.sign_in().await;
    let sign_in = |password: &'static str, next: &'static str| {
        let form = [("email", EMAIL), ("password", password), ("next", next)];
        same_origin(TestRequest::post().uri("/admin/login")).set_form(form)
    };
    let answer = fixture.send(sign_in(PASSWORD, "/admin/servers?q=a")).await;
    assert_eq!((answer.status, &*answer.location), (StatusCode::SEE_OTHER, "/admin/servers?q=a"));
    let answer = fixture.send(sign_in(PASSWORD, "https://evil.example")).await;
    assert_eq!(&*answer.location, "/admin");
    let answer = fixture.send(sign_in("wrong", "/admin")).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    assert!(
        answer.cookie.is_none() && answer.body.contains("he e-mail address or the password is wrong"),
        "{}",
        answer.body
    );
    assert!(!answer.body.contains("wrong\""));
}

#[actix_web::test]
async fn signing_out_needs_the_token_and_ends_the_session() {
    let fixture = Fixture::empty();
    let session = fixture.sign_in().await;
    let answer = fixture.post(&session, "/admin/logout", &[]).await;
    assert_eq!((answer.status, &*answer.location), (StatusCode::SEE_OTHER, "/admin/login?done=signed-out"));
    assert_eq!(answer.cookie.unwrap().value(), "");
}

#[actix_web::test]
async fn a_form_without_the_token_changes_nothing() {
    let fixture = Fixture::hostile().await;
    let session = fixture.sign_in().await;
    let sync = SyncId::from_u128(1);
    let forms = [
        "/admin/logout".to_owned(),
        "/admin/syncs".into(),
        format!("/admin/syncs/{sync}/cancel"),
        format!("/admin/syncs/{sync}/removals"),
        "/admin/jobs/bulk".into(),
        "/admin/jobs/ticked".into(),
        "/admin/jobs/export".into(),
        "/admin/people/export".into(),
        format!("/admin/jobs/{sync}/retry"),
        format!("/admin/jobs/{sync}/cancel"),
        format!("/admin/jobs/{sync}/remove"),
        "/admin/panels".into(),
        "/admin/panels/schedule".into(),
        "/admin/panels/1/test".into(),
        "/admin/panels/1/remove".into(),
        "/admin/panels/1/edit".into(),
        "/admin/settings".into(),
        "/admin/settings/site_name/undo".into(),
        "/admin/settings/test/panel".into(),
        "/admin/audit/export".into(),
        "/admin/setup/panel".into(),
        "/admin/me".into(),
        "/admin/me/security/password".into(),
        "/admin/me/security/email".into(),
        "/admin/me/security/verification".into(),
        "/admin/me/security/sessions/end".into(),
        "/admin/me/security/second-factor".into(),
        "/admin/me/security/second-factor/on".into(),
        "/admin/me/security/second-factor/codes".into(),
        "/admin/me/security/second-factor/off".into(),
        "/admin/me/keys".into(),
        format!("/admin/me/keys/{sync}/rotate"),
        format!("/admin/me/keys/{sync}/revoke"),
    ];
    for uri in forms {
        for token in ["", "wrong"] {
            let fields = [
                ("_token", token),
                ("panel", "1"),
                ("name", "Main <b>panel</b>"),
                ("decision", "refuse"),
                ("minutes", "5"),
            ];
            let answer =
                fixture.send(same_origin(TestRequest::post().uri(&uri)).cookie(session.clone()).set_form(fields)).await;
            assert_eq!(answer.status, StatusCode::FORBIDDEN, "{uri}");
            assert!(answer.body.contains("<h1>Forbidden</h1>"), "{uri}: {}", answer.body);
        }
    }
    assert_eq!(fixture.services.panels.all().await.unwrap().len(), 1);
    assert_eq!(fixture.services.settings.auto_sync().await.unwrap().every_s, 900);
    assert_eq!(fixture.services.syncs.stops(true).await.unwrap().len(), 1);
}

#[actix_web::test]
async fn paging_keeps_the_filters_and_comes_back() {
    let fixture = Fixture::hostile().await;
    let session = fixture.sign_in().await;
    let all = fixture.get(&session, "/admin/servers").await.body;
    assert!(all.contains("<span>119 in all</span>"), "{all}");
    let first = fixture.get(&session, "/admin/servers?q=script&sort=-name").await.body;
    assert!(first.contains(" of 119</span>") && !first.contains("in all"), "{first}");
    assert!(first.contains("aria-sort=\"descending\""));
    let all = fixture.get(&session, "/admin/servers?sort=-created&panel=1").await.body;
    let next = link(&all, "rel=\"next\" href=\"");
    assert!(next.contains("sort=-created") && next.contains("panel=1") && next.contains("after="), "{next}");
    let second = fixture.get(&session, &next).await.body;
    let back = link(&second, "rel=\"prev\" href=\"");
    assert!(back.contains("sort=-created") && back.contains("before="), "{back}");
    let third = fixture.get(&session, &link(&second, "rel=\"next\" href=\"")).await.body;
    assert!(third.contains("19 of 119"), "the last page");
    assert_eq!(rows(&fixture.get(&session, &back).await.body), rows(&all));
    let next = link(&fixture.get(&session, "/admin/allocations?q=203").await.body, "rel=\"next\" href=\"");
    assert!(next.contains("q=203") && next.contains("offset=50"), "{next}");
}

fn link(body: &str, before: &str) -> String {
    let (_, rest) = body.split_once(before).unwrap_or_else(|| panic!("no {before} in {body}"));
    rest.split_once('"').unwrap().0.replace("&#38;", "&")
}

fn rows(body: &str) -> Vec<&str> {
    body.split("<a class=\"name\" href=\"").skip(1).map(|rest| rest.split_once('"').unwrap().0).collect()
}

#[actix_web::test]
async fn what_the_address_asks_for_and_is_unknown_is_said() {
    let fixture = Fixture::hostile().await;
    let session = fixture.sign_in().await;
    for uri in [
        "/admin/servers?state=flying",
        "/admin/servers?panel=99",
        "/admin/servers?sort=%3Cb%3E",
        "/admin/servers?after=***",
        "/admin/nodes?maintenance=perhaps",
        "/admin/allocations?use=x",
        "/admin/history?kind=x",
        "/admin/history?after=AAAA",
        "/admin/history?from=yesterday",
        "/admin/drift?kind=x",
        "/admin/syncs?after=AAAA",
    ] {
        let answer = fixture.get(&session, uri).await;
        assert_eq!(answer.status, StatusCode::OK, "{uri}");
        assert!(answer.body.contains("The address has a value of"), "{uri}");
        assert!(answer.body.contains("notice warn"), "{uri}");
    }
    let answer = fixture.get(&session, "/admin?done=You+have+won").await;
    assert!(!answer.body.contains("You have won"));
}

#[actix_web::test]
async fn a_panel_form_keeps_what_was_typed_but_never_a_key() {
    let fixture = Fixture::empty();
    let session = fixture.sign_in().await;
    let typed = [
        ("name", "My <panel>"),
        ("url", "panel.example.com"),
        ("app_key", "ptla_verysecret"),
        ("share", "200"),
        ("minutes", "x"),
    ];
    let answer = fixture.post(&session, "/admin/panels", &typed).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert!(answer.body.contains("value=\"My &#60;panel&#62;\""), "{}", answer.body);
    assert!(
        answer.body.contains("value=\"panel.example.com\"")
            && answer.body.contains("Give a whole number from 1 to 100.")
    );
    assert!(!answer.body.contains("verysecret"));
    let wrong_url = [("name", "Main"), ("url", "panel.example.com"), ("app_key", "ptla_verysecret"), ("share", "80")];
    let answer = fixture.post(&session, "/admin/panels", &wrong_url).await;
    assert!(
        answer.body.contains("id=\"url-error\"") && answer.body.contains("write it like https://panel.example.com"),
        "{}",
        answer.body
    );
    let good = [
        ("name", "Main"),
        ("url", "https://panel.example.com/"),
        ("app_key", "ptla_verysecret"),
        ("share", "50"),
        ("minutes", "30"),
    ];
    let answer = fixture.post(&session, "/admin/panels", &good).await;
    assert_eq!((answer.status, &*answer.location), (StatusCode::SEE_OTHER, "/admin/panels/1?done=panel-added"));
    let panel = fixture.services.panels.all().await.unwrap().remove(0);
    assert_eq!((panel.share_percent, panel.sync_every_s), (50, Some(1800)));
    let page = fixture.get(&session, &answer.location).await.body;
    assert!(page.contains("The panel was added.") && !page.contains("verysecret"));
    let twin = fixture.post(&session, "/admin/panels", &good).await;
    assert!(twin.body.contains("There is a panel named Main already"), "{}", twin.body);
}

#[actix_web::test]
async fn a_panel_is_removed_only_when_its_name_is_typed() {
    let fixture = Fixture::hostile().await;
    let session = fixture.sign_in().await;
    let answer = fixture.post(&session, "/admin/panels/1/remove", &[("name", "main")]).await;
    assert!(answer.body.contains("This is not the name of the panel."));
    assert_eq!(fixture.services.panels.all().await.unwrap().len(), 1);
    let answer = fixture.post(&session, "/admin/panels/1/remove", &[("name", "Main <b>panel</b>")]).await;
    assert_eq!(&*answer.location, "/admin/panels?done=panel-removed");
    assert!(fixture.services.panels.all().await.unwrap().is_empty());
    assert_eq!(fixture.get(&session, "/admin/history").await.status, StatusCode::OK);
    assert_eq!(fixture.get(&session, "/admin/servers/1/1").await.status, StatusCode::NOT_FOUND);
}

#[actix_web::test]
async fn a_removal_is_confirmed_only_with_the_right_number() {
    let fixture = Fixture::hostile().await;
    let session = fixture.sign_in().await;
    let uri = format!("/admin/syncs/{}/removals", SyncId::from_u128(1));
    let page = fixture.get(&session, &uri).await.body;
    assert!(page.contains("60 objects would be removed") && page.contains("of 119 in the mirror, 50 %"), "{page}");
    let answer = fixture.post(&session, &uri, &[("decision", "confirm"), ("typed", "59")]).await;
    assert!(
        answer.body.contains("is not the number.") && answer.body.contains(">60</b> to confirm"),
        "{}",
        answer.body
    );
    assert_eq!(fixture.services.syncs.stops(true).await.unwrap().len(), 1);
    let answer = fixture.post(&session, &uri, &[("decision", "refuse")]).await;
    assert_eq!(answer.location, format!("{uri}?done=removal-refused"));
    let page = fixture.get(&session, &uri).await.body;
    assert!(page.contains("Decided by mara@example.com") && page.contains("no sync asks about them again"), "{page}");
    assert!(page.contains("Remove them after all") && !page.contains("value=\"refuse\""), "{page}");
    let answer = fixture.post(&session, &uri, &[("decision", "confirm"), ("typed", "6")]).await;
    assert!(
        answer.body.contains("is not the number.") && answer.body.contains(">60</b> to confirm"),
        "{}",
        answer.body
    );
}

#[actix_web::test]
async fn the_overview_lists_what_wants_a_look() {
    let fixture = Fixture::hostile().await;
    let session = fixture.sign_in().await;
    let body = fixture.get(&session, "/admin").await.body;
    assert!(body.contains("Two things want a look"), "{body}");
    assert!(
        body.contains("60 objects would be removed. A person must decide.") && body.contains("do not fit together."),
        "{body}"
    );
    let all = super::memo::Memo::default().drift(&fixture.services.book).await.unwrap().odd();
    let told = format!("{} things do not fit together.", all - 1);
    assert!(body.contains(&told), "the missing one waits for the decision: {told} {body}");
    let fixture = Fixture::empty();
    fixture.add_panel("Main", "https://panel.example.com").await;
    let session = fixture.sign_in().await;
    assert!(fixture.get(&session, "/admin").await.body.contains("All is well"));
}

#[actix_web::test]
async fn the_drift_totals_are_those_of_the_report_after_every_change() {
    let fixture = Fixture::hostile().await;
    let book = &fixture.services.book;
    let memo = super::memo::Memo::default();
    let fresh = async || {
        let report = book.drift(None).await.unwrap();
        report.total() - report.totals.get("unused_egg").copied().unwrap_or(0)
    };
    assert_eq!(memo.drift(book).await.unwrap().odd(), fresh().await);
    let panel = fixture.services.panels.all().await.unwrap()[0].id;
    fixture.writer(panel, SyncId::from_u128(2)).apply(vec![fixture::server(500, "lost", 999, 999, 999)]).await.unwrap();
    assert_eq!(memo.drift(book).await.unwrap().odd(), fresh().await);
}

#[actix_web::test]
async fn what_is_not_there_gets_a_page_that_leads_on() {
    let fixture = Fixture::hostile().await;
    let session = fixture.sign_in().await;
    for uri in [
        "/admin/servers/1/99999",
        "/admin/panels/99",
        "/admin/nothing",
        "/admin/syncs/00000000-0000-0000-0000-0000000000ff",
    ] {
        let answer = fixture.get(&session, uri).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{uri}");
        assert!(answer.body.contains("Go to the overview"), "{uri}: {}", answer.body);
        assert_is_clean(uri, &answer.body);
    }
}

#[actix_web::test]
async fn an_object_leads_to_its_panel_and_says_that_it_is_missing() {
    let fixture = Fixture::hostile().await;
    let session = fixture.sign_in().await;
    let body = fixture.get(&session, "/admin/servers/1/3").await.body;
    assert!(body.contains("https://panel.example.com/admin/servers/view/3"), "{body}");
    assert!(body.contains("Missing on the panel."));
    let body = fixture.get(&session, "/admin/eggs/1/1").await.body;
    assert!(body.contains("https://panel.example.com/admin/nests/egg/1"));
}

#[actix_web::test]
async fn scripts_and_styles_are_there_and_small() {
    let fixture = Fixture::empty();
    let session = fixture.sign_in().await;
    let body = fixture.get(&session, "/admin").await.body;
    let mut scripts = 0;
    for part in body.split("\"/static/").skip(1) {
        let answer = fixture.get(&session, &format!("/static/{}", part.split_once('"').unwrap().0)).await;
        assert_eq!(answer.status, StatusCode::OK, "{part}");
        scripts += if part.starts_with("js/") { answer.body.len() } else { 0 };
    }
    assert!((1..20 * 1024).contains(&scripts), "{scripts} bytes of scripts");
    assert_eq!(form_token(&fixture.get(&session, "/admin/panels").await.body), form_token(&body));
    assert_eq!(HOSTILE.len(), 6);
}
