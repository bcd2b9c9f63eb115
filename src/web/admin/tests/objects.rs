//! The overview and the pages of objects: their tabs, what is different between two times, what was removed.

use actix_web::http::StatusCode;
use aviary_kernel::model::{Kind, Reach, Server, SyncId, SyncStatus};
use aviary_kernel::store::tables::PANELS;
use aviary_kernel::store::{Read, Span};

use super::fixture::{Fixture, HOSTILE, location, node, run};
use super::{assert_is_clean, fixture};

/// Every tab of every kind, by what its address begins with.
const TABS: [(&str, &[&str]); 9] = [
    ("/admin/servers/1/1", &["variables", "allocations", "databases", "access"]),
    ("/admin/nodes/1/1", &["servers", "allocations"]),
    ("/admin/users/1/2", &["servers", "access"]),
    ("/admin/locations/1/1", &["nodes"]),
    ("/admin/nests/1/1", &["servers"]),
    ("/admin/eggs/1/1", &["variables", "servers"]),
    ("/admin/databases/1/1", &[]),
    ("/admin/allocations/1/1", &[]),
    ("/admin/servers/1/120", &[]),
];

#[actix_web::test]
async fn every_tab_has_an_address_and_says_which_one_is_open() {
    let fixture = Fixture::hostile().await;
    let session = fixture.sign_in().await;
    for (page, own) in TABS {
        for tab in own.iter().chain(&["history", "audit", "log"]) {
            let uri = format!("{page}?tab={tab}");
            let answer = fixture.get(&session, &uri).await;
            assert_eq!(answer.status, StatusCode::OK, "{uri}: {}", answer.body);
            assert_is_clean(&uri, &answer.body);
            let here = format!("<a href=\"{page}?tab={tab}\" aria-current=\"page\">");
            assert!(answer.body.contains(&here), "{uri}: {}", answer.body);
        }
        let unknown = fixture.get(&session, &format!("{page}?tab=secrets")).await.body;
        assert!(unknown.contains("the summary is shown"), "{page}");
        assert!(unknown.contains(&format!("<a href=\"{page}\" aria-current=\"page\">")), "{page}: {unknown}");
    }
}

#[actix_web::test]
async fn the_parts_of_a_panel_have_addresses_and_are_there_for_who_may_see_them() {
    let fixture = Fixture::hostile().await;
    let session = fixture.sign_in().await;
    let panel = fixture.services.panels.all().await.unwrap()[0].id;
    for n in 2..5 {
        let at = fixture.services.env.now();
        fixture.put_run(run(SyncId::from_u128(n), panel, SyncStatus::Completed, at)).await;
    }
    for (tab, says) in [
        ("syncs", "How long full syncs took"),
        ("holds", "/admin/history?panel=1&#38;kind=allocations"),
        ("history", "What changed lately"),
        ("keys", "stored, encrypted"),
    ] {
        let uri = format!("/admin/panels/1?tab={tab}");
        let body = fixture.get(&session, &uri).await.body;
        assert_is_clean(&uri, &body);
        assert!(body.contains(&format!("<a href=\"{uri}\" aria-current=\"page\">")), "{uri}: {body}");
        assert!(body.contains(says), "{uri}: {body}");
    }
    let summary = fixture.get(&session, "/admin/panels/1").await.body;
    assert!(summary.contains("3.1 s last, 3.1 s to 3.1 s in the last 3 syncs"), "{summary}");
    fixture.role("PANELS", &["panel.read"]).await;
    let few = fixture.sign_in_as("few@example.com", "PANELS").await;
    let body = fixture.get(&few, "/admin/panels/1?tab=history").await.body;
    assert!(body.contains("the summary is shown"), "{body}");
    assert!(!body.contains("?tab=syncs") && !body.contains("?tab=history") && body.contains("?tab=keys"), "{body}");
}

#[actix_web::test]
async fn a_panel_that_refuses_the_key_is_not_called_unreachable() {
    let fixture = Fixture::hostile().await;
    let session = fixture.sign_in().await;
    let trouble = |what: &str| Some(format!("{what}the panel does not know the application key; make a new one"));
    for (what, word) in [(Reach::REFUSES, "refuses the key"), ("", "not reachable")] {
        let put = move |tx: &mut aviary_kernel::store::WriteTx<'_>| {
            for (id, mut panel) in tx.all(PANELS, &Span::all())? {
                panel.reach.trouble = trouble(what);
                tx.put(PANELS, &id, &panel)?;
            }
            Ok(())
        };
        fixture.services.store.write(put).await.unwrap();
        for uri in ["/admin", "/admin/panels", "/admin/panels/1"] {
            let body = fixture.get(&session, uri).await.body;
            assert!(body.contains(word), "{uri}: {body}");
        }
        let page = fixture.get(&session, "/admin/panels/1").await.body;
        assert_eq!(page.contains("Set another key"), !what.is_empty(), "{page}");
    }
}

#[actix_web::test]
async fn what_is_on_a_panel_that_is_not_there_names_the_panel() {
    let fixture = Fixture::hostile().await;
    let session = fixture.sign_in().await;
    let answer = fixture.get(&session, "/admin/servers/9/1").await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
    assert!(answer.body.contains("anel") && !answer.body.contains("erver 1 "), "{}", answer.body);
}

#[actix_web::test]
async fn the_log_of_an_object_tells_to_whom_its_events_went() {
    let fixture = Fixture::hostile().await;
    let session = fixture.sign_in().await;
    let hook = fixture.webhook(HOSTILE[0], "https://hooks.example.com/x", &["server.*"]).await;
    let panel = fixture.services.panels.all().await.unwrap()[0].id;
    let writer = fixture.writer(panel, SyncId::from_u128(3));
    let mut changed = fixture::server(2, "told", 1, 1, 1);
    changed.limits.memory = 9999;
    writer.apply(vec![changed]).await.unwrap();
    let body = fixture.get(&session, "/admin/servers/1/2?tab=log").await.body;
    assert_is_clean("log", &body);
    let sent = body.split("To whom they went").nth(1).unwrap();
    assert!(sent.contains("/admin/deliveries/") && sent.contains(&format!("/admin/webhooks/{hook}")), "{body}");
    assert!(body.contains("Memory limit") && !body.contains("limits.memory"), "fields have their words: {body}");
    let other = fixture.get(&session, "/admin/servers/1/4?tab=log").await.body;
    assert!(other.contains("No webhook was told of it."), "{other}");
}

#[actix_web::test]
async fn tabs_are_there_for_who_may_see_what_is_in_them() {
    let fixture = Fixture::hostile().await;
    fixture.role("SERVERS", &["server.read"]).await;
    let session = fixture.sign_in_as("few@example.com", "SERVERS").await;
    let body = fixture.get(&session, "/admin/servers/1/1").await.body;
    for hidden in ["databases", "access", "history", "audit", "log"] {
        assert!(!body.contains(&format!("?tab={hidden}")), "{hidden}: {body}");
        let asked = fixture.get(&session, &format!("/admin/servers/1/1?tab={hidden}")).await.body;
        assert!(asked.contains("the summary is shown"), "{hidden}");
    }
    assert!(body.contains("?tab=variables") && body.contains("?tab=allocations"), "{body}");
    let gone = fixture.get(&session, "/admin/servers/1/120").await;
    assert_eq!(gone.status, StatusCode::NOT_FOUND, "what was removed is history");
}

#[actix_web::test]
async fn variables_are_compared_with_the_egg_and_hidden_ones_are_explained() {
    let fixture = Fixture::hostile().await;
    let session = fixture.sign_in().await;
    let body = fixture.get(&session, "/admin/servers/1/1?tab=variables").await.body;
    assert!(body.contains("hidden ••••••••") && body.contains("The mark behind the dots"), "{body}");
    assert!(!body.contains("hunter2"));
    let body = fixture.get(&session, "/admin/servers/1/1?tab=access").await.body;
    assert!(body.contains("owner") && body.contains("Other:"), "{body}");
}

#[actix_web::test]
async fn a_removed_object_has_a_page_by_number_and_by_uuid() {
    let fixture = Fixture::hostile().await;
    let session = fixture.sign_in().await;
    let answer = fixture.get(&session, "/admin/servers/1/120").await;
    assert_eq!(answer.status, StatusCode::OK);
    for said in
        ["This server was removed.", "How it was last", "the sync that saw it", "Memory limit", "removed</span>"]
    {
        assert!(answer.body.contains(said), "{said}: {}", answer.body);
    }
    assert!(!answer.body.contains("Open on the panel"), "there it is no more");
    let panel = fixture.services.panels.all().await.unwrap()[0].id;
    let writer = fixture.writer(panel, SyncId::from_u128(2));
    let uuid = "0B44E9F3-0000-4000-8000-00000000ABCD";
    writer.apply(vec![Server { uuid: uuid.into(), ..fixture::server(500, "x", 1, 1, 1) }]).await.unwrap();
    for _ in 0..2 {
        let by_uuid = fixture.get(&session, &format!("/admin/servers/1/{}", uuid.to_lowercase())).await;
        assert_eq!((by_uuid.status, &*by_uuid.location), (StatusCode::SEE_OTHER, "/admin/servers/1/500"));
        writer.remove(Kind::Server, vec![500]).await.unwrap();
    }
    for unknown in ["99999", "00000000-0000-4000-8000-ffffffffffff", "x%3Cb%3E"] {
        let answer = fixture.get(&session, &format!("/admin/servers/1/{unknown}")).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{unknown}");
        assert_is_clean(unknown, &answer.body);
    }
}

#[actix_web::test]
async fn two_times_of_an_object_are_compared_in_words() {
    let fixture = Fixture::hostile().await;
    let session = fixture.sign_in().await;
    let at = "/admin/history/compare?object=servers/1/1";
    let span = "&from=2026-03-14T09:45:00Z&until=2026-03-14T10:00:00Z";
    let answer = fixture.get(&session, &format!("{at}{span}")).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_is_clean(at, &answer.body);
    assert!(answer.body.contains("Memory limit") && answer.body.contains("8 GiB"), "{}", answer.body);
    assert!(answer.body.contains("renamed &#60;i&#62;server"), "{}", answer.body);
    let gone = fixture.get(&session, &format!("/admin/history/compare?object=servers/1/120{span}")).await.body;
    assert!(gone.contains("It was not there at the second time") && gone.contains("It was removed"), "{gone}");
    let same = fixture.get(&session, &format!("{at}&from=2026-03-14T09:59:00Z&until=2026-03-14T10:00:00Z")).await.body;
    assert!(same.contains("Nothing is different"), "{same}");
    for doubted in [format!("{at}&from=x"), format!("{at}&from=2026-03-14T10:00&until=2026-03-14T09:00")] {
        let answer = fixture.get(&session, &doubted).await;
        assert_eq!(answer.status, StatusCode::OK, "{doubted}");
        assert!(answer.body.contains("notice warn"), "{doubted}");
    }
    for named in ["", "?object=", "?object=sheep/1/1", "?object=servers/1"] {
        let body = fixture.get(&session, &format!("/admin/history/compare{named}")).await.body;
        assert!(body.contains("Which object?"), "{named}");
    }
    let began = fixture.services.env.now();
    let panel = fixture.services.panels.all().await.unwrap()[0].id;
    fixture.put_run(run(SyncId::from_u128(7), panel, SyncStatus::Completed, began)).await;
    fixture.clock.advance_s(2);
    fixture.writer(panel, SyncId::from_u128(7)).apply(vec![fixture::server(1, "seen by it", 1, 1, 1)]).await.unwrap();
    fixture.clock.advance_s(60);
    fixture.writer(panel, SyncId::from_u128(8)).apply(vec![fixture::server(1, "after it", 1, 1, 1)]).await.unwrap();
    for sync in ["last".to_owned(), SyncId::from_u128(7).to_string()] {
        let body = fixture.get(&session, &format!("{at}&sync={sync}")).await.body;
        let result = body.split("What is different").nth(1).unwrap_or_else(|| panic!("{body}"));
        assert!(result.contains("seen by it") && !result.contains("after it"), "{sync}: {body}");
    }
    let lost = fixture.get(&session, &format!("{at}&sync=yesterday")).await.body;
    assert!(lost.contains("This sync is not known"), "{lost}");
    let never = fixture.get(&session, "/admin/history/compare?object=servers/1/4711").await;
    assert_eq!(never.status, StatusCode::NOT_FOUND);
}

#[actix_web::test]
async fn every_number_of_the_overview_leads_to_a_list_that_has_as_many() {
    let fixture = Fixture::hostile().await;
    let session = fixture.sign_in().await;
    let body = fixture.get(&session, "/admin").await.body;
    for (title, href) in [
        ("Servers", "/admin/servers?state=suspended"),
        ("Allocations", "/admin/allocations?use=free"),
        ("Capacity by node", "/admin/allocations?panel=1&#38;node=1&#38;use=free"),
        ("Capacity by location", "/admin/allocations?panel=1&#38;location=1&#38;use=free"),
        ("What changed since yesterday", "/admin/history?kind=servers&#38;operation=removed&#38;from="),
        ("What does not fit together", "/admin/drift?kind=orphan"),
        ("Who did what", "/admin/audit"),
        ("Work", "/admin/jobs"),
        ("Storage", "/admin/schedules"),
        ("First steps", "/admin/me/security"),
    ] {
        assert!(body.contains(&format!(">{title}</h2>")), "{title}: {body}");
        assert!(body.contains(href), "{title}: {href}: {body}");
    }
    let free = fixture.get(&session, "/admin/allocations?panel=1&location=1&use=free").await.body;
    assert!(free.contains("of 30<") && free.contains("40 in all, 30 free"), "those of its one node: {free}");
    assert!(free.contains("Location &#60;script&#62;"), "{free}");
    let removed = body.split("operation=removed&#38;from=").nth(1).unwrap();
    let from = removed.split('"').next().unwrap();
    let list = fixture.get(&session, &format!("/admin/history?kind=servers&operation=removed&from={from}")).await.body;
    assert!(list.contains("1 change shown"), "{list}");
    let created = fixture.get(&session, &format!("/admin/history?kind=nodes&operation=created&from={from}")).await.body;
    assert!(created.contains("2 changes shown"), "{created}");
}

#[actix_web::test]
async fn the_overview_says_how_much_of_the_data_file_is_free() {
    let fixture = Fixture::hostile().await;
    let used = fixture.services.store.read(|tx| tx.used_bytes()).await.unwrap();
    assert!(used > 0 && used <= fixture.services.store.file_bytes(), "{used}");
    let session = fixture.sign_in().await;
    let program = fixture.program().await;
    let ask = || program.ask(actix_web::test::TestRequest::get().uri("/admin").cookie(session.clone()));
    while !ask().await.body.contains("Free inside it") {
        tokio::task::yield_now().await;
    }
}

#[actix_web::test]
async fn a_node_that_gave_away_too_much_says_how_much_and_stands_first() {
    let fixture = Fixture::hostile().await;
    let panel = fixture.services.panels.all().await.unwrap()[0].id;
    let writer = fixture.writer(panel, SyncId::from_u128(2));
    let mut over = node(9, "zz-over", 1);
    (over.memory, over.memory_overallocate, over.allocated_resources.memory) = (1024, 0, 3072);
    writer.apply(vec![over]).await.unwrap();
    writer.apply(vec![location(3, HOSTILE[1])]).await.unwrap();
    let session = fixture.sign_in().await;
    let body = fixture.get(&session, "/admin/nodes/1/9").await.body;
    assert!(
        body.contains("Over-allocated by 2 GiB of memory.") && body.contains("2 GiB more than it may give"),
        "{body}"
    );
    assert!(body.contains("300 %"), "{body}");
    let overview = fixture.get(&session, "/admin").await.body;
    let capacity = overview.split("Capacity by node").nth(1).unwrap();
    assert!(
        capacity.find("zz-over").unwrap() < capacity.find("/admin/nodes/1/2\"").unwrap_or(usize::MAX),
        "{capacity}"
    );
    // What is gone leaves the overview as it came.
    writer.remove(Kind::Node, vec![9]).await.unwrap();
    let overview = fixture.get(&session, "/admin").await.body;
    assert!(
        !overview.split("Capacity by node").nth(1).unwrap().split("</section>").next().unwrap().contains("zz-over")
    );
}

#[actix_web::test]
async fn the_allocations_of_a_node_are_folded_by_address_and_range() {
    let fixture = Fixture::hostile().await;
    let session = fixture.sign_in().await;
    let body = fixture.get(&session, "/admin/nodes/1/1?tab=allocations").await.body;
    assert!(body.contains("aria-label=\"Ports of ") && body.contains(" free</li>"), "{body}");
    assert!(body.contains("1–40 of 40"), "{body}");
    let behind = fixture.get(&session, "/admin/nodes/1/1?tab=allocations&offset=1000").await;
    assert_eq!(behind.status, StatusCode::OK);
    assert!(behind.body.contains("none of 40 here"), "{}", behind.body);
}
