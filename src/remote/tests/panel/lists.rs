use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use aviary_kernel::model::{Kind, User};
use aviary_remote::{FaultKind, PanelClient, PanelError, Sweep};
use serde_json::json;
use tokio::sync::mpsc;

use crate::script::{How, Reply, Script, Seen, collect, list, page_of, user, users};

async fn list_users(client: &PanelClient) -> (Vec<u64>, Vec<u32>, Result<Sweep, PanelError>) {
    let (rows, pages, outcome) = collect(async |pages| client.users(pages).await).await;
    (rows.into_iter().map(|user: User| user.id).collect(), pages, outcome)
}

async fn serve(rows: Vec<serde_json::Value>) -> Script {
    let total = rows.len();
    Script::start(move |request| Reply::json(200, &page_of(request, &rows, total)).counted()).await
}

/// Answers like a panel with users 1 to `last`, but fails whenever one of `bad` is on the page.
fn with_bad_rows(request: &Seen, last: u64, bad: &[u64], failure: Reply) -> Reply {
    let ids: Vec<u64> = (1..=last).collect();
    let per_page = request.number("per_page").unwrap() as usize;
    let page = request.number("page").unwrap() as usize;
    let shown: Vec<u64> = ids.iter().copied().skip((page - 1) * per_page).take(per_page).collect();
    if shown.iter().any(|id| bad.contains(id)) {
        return failure;
    }
    Reply::json(200, &list(users(shown), ids.len(), per_page, page)).counted()
}

#[tokio::test]
async fn all_pages_come_in_order_and_the_listing_is_whole() {
    let panel = serve(users(1..=950)).await;
    let (ids, pages, sweep) = list_users(&panel.client()).await;
    let sweep = sweep.unwrap();
    assert_eq!(ids, (1..=950).collect::<Vec<_>>());
    assert_eq!(pages, [1, 2, 3, 4, 5]);
    assert!(sweep.is_complete());
    assert_eq!((sweep.total, sweep.ids.len(), sweep.pages, sweep.per_page), (950, 950, 5, 200));
    assert_eq!(panel.seen().len(), 5);
    assert!(panel.seen().iter().all(|request| request.text("sort").as_deref() == Some("id")));
}

#[tokio::test]
async fn an_empty_list_is_whole() {
    let panel = serve(vec![]).await;
    let (ids, pages, sweep) = list_users(&panel.client()).await;
    assert!(sweep.unwrap().is_complete());
    assert_eq!((ids.len(), pages), (0, vec![1]));
}

#[tokio::test]
async fn the_page_size_that_the_panel_really_uses_counts() {
    let rows = users(1..=230);
    let panel = Script::start(move |request| {
        let size = request.number("per_page").unwrap().min(15) as usize;
        let page = request.number("page").unwrap() as usize;
        let data = rows.iter().skip((page - 1) * size).take(size).cloned().collect();
        Reply::json(200, &list(data, rows.len(), size, page)).counted()
    })
    .await;
    let (ids, _, sweep) = list_users(&panel.client()).await;
    let sweep = sweep.unwrap();
    assert!(sweep.is_complete(), "{sweep:?}");
    assert_eq!((ids.len(), sweep.per_page, panel.seen().len()), (230, 15, 16));
}

#[tokio::test]
async fn a_row_that_breaks_its_page_costs_only_itself() {
    let panel =
        Script::start(|request| with_bad_rows(request, 500, &[317], Reply::error(500, "TypeError").counted())).await;
    let (ids, _, sweep) = list_users(&panel.client()).await;
    let sweep = sweep.unwrap();
    assert_eq!(ids.len(), 499);
    // Its id follows from those of its neighbours.
    assert_eq!(sweep.unreadable[0].id, Some(317));
    assert!(sweep.unreadable[0].reason.contains("TypeError"), "{:?}", sweep.unreadable);
    assert!(sweep.ids.contains(317) && sweep.is_complete(), "{sweep:?}");
    assert!(panel.seen().len() < 30, "{} requests", panel.seen().len());
}

#[tokio::test]
async fn the_first_row_may_be_the_broken_one() {
    let panel = Script::start(|request| with_bad_rows(request, 450, &[1, 2], Reply::error(500, "TypeError"))).await;
    let (ids, _, sweep) = list_users(&panel.client()).await;
    let sweep = sweep.unwrap();
    assert_eq!((ids.len(), sweep.unreadable_count, sweep.is_complete()), (448, 2, true));
}

/// Answers like a panel with 40 users, `step` ids apart, of whom the seventh cannot be shown.
fn with_wide_gaps(request: &Seen, step: u64) -> Reply {
    if let Some(id) = request.path().strip_prefix("/api/application/users/") {
        let id: u64 = id.parse().unwrap();
        return match id {
            _ if id == 7 * step => Reply::error(500, "TypeError").counted(),
            _ if id.is_multiple_of(step) => Reply::json(200, &user(id)).counted(),
            _ => Reply::error(404, "NotFoundHttpException").counted(),
        };
    }
    let per_page = request.number("per_page").unwrap();
    let page = request.number("page").unwrap();
    let places: Vec<u64> = ((page - 1) * per_page + 1..=page * per_page).filter(|n| *n <= 40).collect();
    if places.contains(&7) {
        return Reply::error(500, "TypeError").counted();
    }
    let rows = users(places.into_iter().map(|n| n * step));
    Reply::json(200, &list(rows, 40, per_page as usize, page as usize)).counted()
}

#[tokio::test]
async fn a_broken_row_is_searched_for_between_its_neighbours() {
    let panel = Script::start(|request| with_wide_gaps(request, 10)).await;
    let (ids, _, sweep) = list_users(&panel.client()).await;
    let sweep = sweep.unwrap();
    assert_eq!((ids.len(), sweep.nameless, sweep.unreadable[0].id), (39, 0, Some(70)));
    assert!(sweep.is_complete() && sweep.ids.contains(70));
}

#[tokio::test]
async fn a_broken_row_that_is_not_found_leaves_the_listing_not_whole() {
    let panel = Script::start(|request| with_wide_gaps(request, 1_000)).await;
    let (ids, _, sweep) = list_users(&panel.client()).await;
    let sweep = sweep.unwrap();
    assert_eq!((ids.len(), sweep.nameless, sweep.unreadable[0].id), (39, 1, None));
    assert!(!sweep.is_complete());
    assert_eq!(sweep.incomplete, None);
    assert!(panel.seen().len() < 40, "{} requests", panel.seen().len());
}

#[tokio::test]
async fn the_last_rows_may_be_the_broken_ones() {
    let panel = Script::start(|request| match request.path().strip_prefix("/api/application/users/") {
        Some("300" | "299") => Reply::error(500, "TypeError").counted(),
        Some(_) => Reply::error(404, "NotFoundHttpException").counted(),
        None => with_bad_rows(request, 300, &[299, 300], Reply::error(500, "TypeError").counted()),
    })
    .await;
    let (ids, _, sweep) = list_users(&panel.client()).await;
    let sweep = sweep.unwrap();
    assert_eq!((ids.len(), sweep.is_complete(), sweep.ids.contains(300)), (298, true, true));
}

#[tokio::test]
async fn neighbours_of_an_unsorted_page_tell_nothing() {
    // The panel ignores the sort order; the row without an id stands between 3 and 5 by accident.
    let mut rows = users([9, 8, 3, 4, 5, 1]);
    rows[3]["attributes"]["id"] = json!(null);
    let panel = serve(rows).await;
    let (_, _, sweep) = list_users(&panel.client()).await;
    let sweep = sweep.unwrap();
    assert_eq!((sweep.nameless, sweep.is_complete()), (1, false));
}

#[tokio::test]
async fn a_panel_that_fails_everything_is_given_up_after_few_requests() {
    let panel = Script::start(|_| Reply::error(500, "QueryException").counted()).await;
    let (ids, _, outcome) = list_users(&panel.client()).await;
    let error = outcome.unwrap_err();
    assert_eq!((ids.len(), error.kind, error.status), (0, FaultKind::ServerFault, Some(500)));
    assert!(panel.seen().len() <= 16, "{} requests", panel.seen().len());
}

#[tokio::test]
async fn a_panel_that_manages_only_small_pages_gets_small_pages() {
    let panel = Script::start(|request| {
        if request.number("per_page").unwrap() > 50 {
            return Reply::html(504);
        }
        with_bad_rows(request, 600, &[], Reply::html(504))
    })
    .await;
    let (ids, _, sweep) = list_users(&panel.client_with(|_, options| options.concurrency = 1)).await;
    assert_eq!((ids.len(), sweep.unwrap().is_complete()), (600, true));
    // Each try at too large a size is made once, not once a page.
    let too_large = panel.seen().iter().filter(|request| request.number("per_page").unwrap() > 50).count();
    assert!(too_large <= 7, "{too_large} requests for pages that are too large");
}

#[tokio::test]
async fn an_answer_that_is_too_large_is_asked_for_in_parts() {
    let panel = serve(users(1..=300)).await;
    let client = panel.client_with(|_, options| options.max_body_bytes = 20_000);
    let (ids, _, sweep) = list_users(&client).await;
    assert_eq!((ids.len(), sweep.unwrap().is_complete()), (300, true));
}

#[tokio::test]
async fn a_row_that_moved_into_the_gap_of_a_deleted_one_is_found() {
    let reads = AtomicUsize::new(0);
    let panel = Script::start(move |request| {
        // User 5 is deleted after the first page was read, and user 201 moves onto that page.
        let gone = reads.fetch_add(1, Ordering::SeqCst) > 0;
        let rows = users((1..=400).filter(|id| !gone || *id != 5));
        Reply::json(200, &page_of(request, &rows, rows.len())).counted()
    })
    .await;
    let (ids, _, sweep) = list_users(&panel.client()).await;
    let sweep = sweep.unwrap();
    assert!(sweep.is_complete(), "{sweep:?}");
    assert!(ids.contains(&201) && sweep.ids.contains(201));
    assert!(!sweep.ids.contains(5), "a whole listing holds what is there now");
    assert_eq!(ids.iter().filter(|id| **id == 7).count(), 1, "rows are not sent twice");
}

#[tokio::test]
async fn rows_that_keep_being_added_do_not_keep_a_listing_from_being_whole() {
    let newest = AtomicUsize::new(400);
    let panel = Script::start(move |request| {
        let last = newest.fetch_add(1, Ordering::SeqCst) as u64;
        let mut rows = users(1..=last);
        if request.text("sort").as_deref() == Some("-id") {
            rows.reverse();
        }
        Reply::json(200, &page_of(request, &rows, rows.len())).counted()
    })
    .await;
    let (ids, _, sweep) = list_users(&panel.client()).await;
    let sweep = sweep.unwrap();
    assert!(sweep.is_complete(), "{:?}", sweep.incomplete);
    assert!(ids.len() >= 400);
    assert!(panel.seen().len() < 12, "{} requests", panel.seen().len());
}

#[tokio::test]
async fn a_total_that_never_fits_is_reported_and_nothing_more() {
    for lie in [399, 401, 100_000, 1_000_000_000] {
        let rows = users(1..=400);
        let panel = Script::start(move |request| Reply::json(200, &page_of(request, &rows, lie)).counted()).await;
        let (ids, _, sweep) = list_users(&panel.client()).await;
        let sweep = sweep.unwrap();
        assert!(!sweep.is_complete(), "a total of {lie} for 400 rows");
        assert!(sweep.incomplete.is_some());
        assert_eq!((ids.len(), sweep.ids.len()), (400, 400), "a total of {lie}");
        assert!(panel.seen().len() < 40, "{} requests", panel.seen().len());
    }
}

#[tokio::test]
async fn an_empty_page_in_the_middle_is_not_the_end() {
    let rows = users(1..=1_000);
    let panel = Script::start(move |request| {
        let mut page = page_of(request, &rows, rows.len());
        if request.number("page") == Some(3) {
            page["data"] = json!([]);
            page["meta"]["pagination"]["count"] = json!(0);
        }
        Reply::json(200, &page).counted()
    })
    .await;
    let (ids, _, sweep) = list_users(&panel.client()).await;
    let sweep = sweep.unwrap();
    assert!(!sweep.is_complete());
    assert!(sweep.incomplete.unwrap().reason.contains("empty"));
    assert_eq!(ids.len(), 800, "the other pages still come");
}

#[tokio::test]
async fn a_proxy_that_answers_every_page_with_the_first_is_noticed() {
    let rows = users(1..=200);
    let panel = Script::start(move |_| Reply::json(200, &list(rows.clone(), 5_000, 200, 1)).counted()).await;
    let (ids, _, sweep) = list_users(&panel.client()).await;
    assert_eq!((ids.len(), sweep.unwrap().is_complete()), (200, false));
    assert!(panel.seen().len() < 30, "{} requests", panel.seen().len());
}

#[tokio::test]
async fn rows_that_come_twice_do_not_stand_for_ones_that_are_missing() {
    let mut rows = users(1..=400);
    rows[250] = user(3);
    let panel = serve(rows).await;
    let (_, _, sweep) = list_users(&panel.client()).await;
    let sweep = sweep.unwrap();
    assert_eq!((sweep.ids.len(), sweep.is_complete()), (399, false));
}

#[tokio::test]
async fn a_bad_row_harms_no_neighbour() {
    let mut rows = users(1..=10);
    rows[3]["attributes"]["email"] = json!(["not", "an", "address"]);
    rows[5]["attributes"]["id"] = json!("seven");
    rows[8] = json!(null);
    let panel = serve(rows).await;
    let (ids, _, sweep) = list_users(&panel.client()).await;
    let sweep = sweep.unwrap();
    assert_eq!(ids, [1, 2, 3, 5, 7, 8, 10]);
    let noted: Vec<_> = sweep.unreadable.iter().map(|row| (row.kind, row.id, row.reason.as_str())).collect();
    assert_eq!(noted[0], (Kind::User, Some(4), "email is not text"));
    // The gaps in a sorted list tell which numbers the nameless rows have.
    assert_eq!((noted[1].1, noted[2].1), (Some(6), Some(9)));
    assert!(sweep.is_complete() && sweep.ids.contains(4));
}

#[tokio::test]
async fn a_page_that_is_no_json_ends_the_listing() {
    let rows = users(1..=1_000);
    let panel = Script::start(move |request| match request.number("page") {
        Some(3) => Reply::html(200),
        _ => Reply::json(200, &page_of(request, &rows, rows.len())).counted(),
    })
    .await;
    let (ids, _, outcome) = list_users(&panel.client()).await;
    let error = outcome.unwrap_err();
    assert_eq!((error.kind, error.page, ids.len()), (FaultKind::NotJson, Some(3), 400));
    assert_eq!(error.request.as_deref(), Some("GET /api/application/users?page=3&per_page=200"));
}

#[tokio::test]
async fn a_page_that_broke_off_once_is_asked_for_again() {
    for how in [How::Cut, How::Reset] {
        let failures = AtomicUsize::new(0);
        let rows = users(1..=500);
        let panel = Script::start(move |request| {
            let reply = Reply::json(200, &page_of(request, &rows, rows.len())).counted();
            let fails = request.number("page") == Some(2) && failures.fetch_add(1, Ordering::SeqCst) < 2;
            if fails { reply.how(how) } else { reply }
        })
        .await;
        let (ids, _, sweep) = list_users(&panel.client()).await;
        assert_eq!((ids.len(), sweep.unwrap().is_complete()), (500, true), "{how:?}");
    }
}

#[tokio::test]
async fn json_that_ends_early_is_never_taken_for_a_page() {
    let panel = Script::start(|request| {
        let rows = users(1..=30);
        let mut reply = Reply::json(200, &page_of(request, &rows, 30)).counted();
        reply.body.truncate(reply.body.len() * 2 / 3);
        reply
    })
    .await;
    let (ids, _, outcome) = list_users(&panel.client()).await;
    assert_eq!((ids.len(), outcome.unwrap_err().kind), (0, FaultKind::Interrupted));
}

#[tokio::test]
async fn a_panel_that_hangs_is_not_waited_for_without_end() {
    let panel = Script::start(|_| Reply::html(200).how(How::Hang)).await;
    let client = panel.client_with(|_, options| options.request_timeout = Duration::from_millis(30));
    let (_, _, outcome) = list_users(&client).await;
    assert_eq!(outcome.unwrap_err().kind, FaultKind::Timeout);
    assert!(panel.seen().len() < 10);
}

#[tokio::test]
async fn another_envelope_is_no_list() {
    for body in [json!({"object": "user", "attributes": {"id": 1}}), json!([]), json!({"object": "list", "data": []})] {
        let panel = Script::start(move |_| Reply::json(200, &body).counted()).await;
        let (_, _, outcome) = list_users(&panel.client()).await;
        assert_eq!(outcome.unwrap_err().kind, FaultKind::BadShape);
        assert_eq!(panel.seen().len(), 1);
    }
}

#[tokio::test]
async fn a_reader_that_goes_away_ends_the_listing() {
    let panel = serve(users(1..=20_000)).await;
    let client = panel.client();
    let (sender, mut pages) = mpsc::channel(1);
    let listing = tokio::spawn(async move { client.users(sender).await });
    assert_eq!(pages.recv().await.unwrap().number, 1);
    drop(pages);
    assert_eq!(listing.await.unwrap().unwrap_err().kind, FaultKind::Cancelled);
    assert!(panel.seen().len() < 20, "{} requests", panel.seen().len());
}

#[tokio::test]
async fn eggs_come_without_pages() {
    let panel = Script::start(|request| match request.path() {
        "/api/application/nests/4/eggs" => {
            Reply::json(200, &json!({"object": "list", "data": [egg(9), egg(12)]})).counted()
        }
        _ => Reply::error(404, "NotFoundHttpException").counted(),
    })
    .await;
    let client = panel.client();
    let (eggs, _, sweep) = collect(async |pages| client.eggs(Some(4), &[], pages).await).await;
    let sweep = sweep.unwrap();
    assert_eq!(
        eggs.iter().map(|bundle| (bundle.egg.id, bundle.egg.nest_id)).collect::<Vec<_>>(),
        [(9, Some(4)), (12, Some(4))]
    );
    assert_eq!((sweep.is_complete(), sweep.total, panel.seen().len()), (true, 2, 1));
}

#[tokio::test]
async fn eggs_are_read_one_by_one_when_their_list_is_broken() {
    let panel = Script::start(|request| match request.path() {
        "/api/application/nests/4/eggs" => Reply::error(500, "JsonException").counted(),
        "/api/application/nests/4/eggs/9" => Reply::json(200, &egg(9)).counted(),
        "/api/application/nests/4/eggs/12" => Reply::error(500, "JsonException").counted(),
        _ => Reply::error(404, "NotFoundHttpException").counted(),
    })
    .await;
    let client = panel.client();
    let (eggs, _, sweep) = collect(async |pages| client.eggs(Some(4), &[9, 12, 15], pages).await).await;
    let sweep = sweep.unwrap();
    assert_eq!(eggs.iter().map(|bundle| bundle.egg.id).collect::<Vec<_>>(), [9]);
    assert_eq!(sweep.ids.iter().collect::<Vec<_>>(), [9, 12], "what fails is there, what is not found is not");
    assert_eq!((sweep.unreadable[0].id, sweep.is_complete()), (Some(12), false));

    let (_, _, outcome) = collect(async |pages| client.eggs(Some(4), &[], pages).await).await;
    assert_eq!(outcome.unwrap_err().kind, FaultKind::ServerFault);
}

fn egg(id: u64) -> serde_json::Value {
    json!({"object": "egg", "attributes": {
        "id": id, "uuid": format!("egg-{id}"), "name": "Kelp", "author": "eggs@reef.example", "description": null, "nest": 4,
        "docker_images": {}, "config": {"files": {}, "startup": [], "stop": null, "logs": []},
        "script": {"privileged": true, "install": null, "entry": "sh", "container": "alpine"},
        "relationships": {"variables": {"object": "null_resource", "attributes": null}}
    }})
}
