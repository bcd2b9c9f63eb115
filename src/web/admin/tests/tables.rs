//! Lists: columns, rows, files, ticked rows, and how true they are.

use actix_web::http::StatusCode;
use aviary_domain::access::Caller;
use aviary_domain::accounts::NewAccount;
use aviary_domain::mails::MailQuery;
use aviary_kernel::model::{JobKind, JobState, SyncId, SyncRequest, SyncStatus, Target};
use aviary_kernel::store::tables::SYNC_REQUESTS;

use super::assert_is_clean;
use super::fixture::{EMAIL, Fixture, HOSTILE, run};

/// The titles of the columns that a list shows.
fn titles(body: &str) -> Vec<String> {
    let heads = body.split("<thead>").nth(1).unwrap().split("</thead>").next().unwrap();
    let cells = heads.split("<th ").skip(1).map(|cell| cell.split_once('>').unwrap().1);
    cells
        .map(|cell| {
            cell.rsplit_once("</th>")
                .unwrap()
                .0
                .split('<')
                .map(|part| part.rsplit('>').next().unwrap())
                .collect::<String>()
        })
        .collect()
}

#[actix_web::test]
async fn columns_and_rows_are_as_the_address_says_or_as_they_are_kept() {
    let fixture = Fixture::hostile().await;
    let session = fixture.sign_in().await;
    let get = async |uri: &str| fixture.get(&session, uri).await.body;
    let usual = get("/admin/servers").await;
    assert!(titles(&usual).len() >= 10, "{:?}", titles(&usual));

    let few = get("/admin/servers?q=a&cols=status,limits.memory&rows=25").await;
    assert_is_clean("/admin/servers", &few);
    assert_eq!(titles(&few).len(), 3, "the name stays: {:?}", titles(&few));
    assert!(
        few.contains("cols=status%2Climits.memory&#38;rows=25") || few.contains("cols=status%2Climits.memory"),
        "{few}"
    );
    assert_eq!(few.matches("name=\"pick\"").count(), 25);
    let ticked = get("/admin/servers?col=name&col=status&col=limits.memory").await;
    assert_eq!(titles(&ticked), titles(&few), "boxes mean the same as the word");

    // Where it is narrow some columns go first, but none that somebody chose, even when that is all of them.
    assert!(usual.contains("class=\"less"), "{usual}");
    let all = "name,status,userId,nodeId,eggId,allocationId,limits.memory,limits.disk,createdAt,changedAt";
    let every = get(&format!("/admin/servers?cols={all}")).await;
    assert_eq!(titles(&every), titles(&usual));
    assert!(!every.contains("class=\"less"), "{every}");

    let strange = get("/admin/servers?cols=status,%3Cb%3Ebold%3C/b%3E&rows=7").await;
    assert_is_clean("/admin/servers", &strange);
    assert_eq!(titles(&strange).len(), 2);
    assert!(
        strange.contains("that does not exist: it is left out") && strange.contains("as many rows are shown as usual")
    );
    assert_eq!(titles(&get("/admin/servers?cols=nothing").await), titles(&usual), "none that is known: as it comes");

    let keep = [("list", "servers"), ("col", "name"), ("col", "nodeId"), ("back", "/admin/servers")];
    fixture.post(&session, "/admin/me/display/switch", &keep).await;
    assert_eq!(titles(&get("/admin/servers").await).len(), 2);
    assert_eq!(titles(&get("/admin/servers?cols=status,limits.memory").await), titles(&few), "the address comes first");
    assert!(titles(&get("/admin/nodes").await).len() > 5, "of other lists nothing changes");
}

#[actix_web::test]
async fn a_list_is_taken_out_whole_with_its_filters_and_nothing_in_it_is_a_formula() {
    let fixture = Fixture::hostile().await;
    let session = fixture.sign_in().await;
    let panel = fixture.services.panels.all().await.unwrap()[0].id;
    let names = ["=HYPERLINK(\"http://evil\")", "+1", "@SUM(A1)", "\tx", "a,\"b\"\r\nc"];
    let writer = fixture.writer(panel, SyncId::from_u128(9));
    let servers = names.iter().zip(700..).map(|(name, id)| super::fixture::server(id, name, 1, 1, 1)).collect();
    super::fixture::apply(&writer, servers).await;

    let page = fixture.get(&session, "/admin/servers?state=suspended").await.body;
    assert!(page.contains("href=\"/admin/export/servers?state=suspended&#38;format=csv\""), "{page}");
    let csv = fixture.get(&session, "/admin/export/servers?format=csv&rows=25&cols=name").await;
    assert_eq!(csv.status, StatusCode::OK);
    assert!(csv.body.starts_with("panelId,kind,id,"), "{}", &csv.body[..200]);
    assert!(csv.body.lines().next().unwrap().contains("limits.memory,"));
    for cell in ["\"'=HYPERLINK(\"\"http://evil\"\")\"", "\"'+1\"", "\"'@SUM(A1)\"", "\"a,\"\"b\"\"\r\nc\""] {
        assert!(csv.body.contains(cell), "{cell}");
    }
    let lines = async |uri: &str| {
        let body = fixture.get(&session, uri).await.body;
        body.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()).collect::<Vec<_>>()
    };
    let all = lines("/admin/export/servers?format=jsonl").await;
    assert_eq!(all.len(), 124, "every page of it");
    let suspended = lines("/admin/export/servers?format=jsonl&state=suspended").await;
    assert!((5..20).contains(&suspended.len()) && suspended.iter().all(|server| server["suspended"] == true));
    let free = lines("/admin/export/allocations?format=jsonl&use=free").await;
    assert_eq!((free.len(), free.iter().all(|one| one["assigned"] == false)), (60, true));
    for kind in ["nodes", "users", "databases", "locations", "nests", "eggs"] {
        assert!(!lines(&format!("/admin/export/{kind}?format=jsonl")).await.is_empty(), "{kind}");
    }
    for bad in ["/admin/export/subusers", "/admin/export/nothing", "/admin/export/servers?format=exe"] {
        assert!(fixture.get(&session, bad).await.status.is_client_error(), "{bad}");
    }
    let member = fixture.sign_in_as("bob@example.com", "MEMBER").await;
    assert_eq!(fixture.get(&member, "/admin/export/servers").await.status, StatusCode::FORBIDDEN);
}

#[actix_web::test]
async fn ticked_rows_are_taken_out_by_a_form_without_scripts() {
    let fixture = Fixture::hostile().await;
    let session = fixture.sign_in().await;
    let page = fixture.get(&session, "/admin/servers").await.body;
    assert!(page.contains("form=\"picks\" name=\"pick\" value=\"1/") && page.contains("id=\"picks\" method=\"post\""));
    let take =
        async |fields: &[(&str, &str)]| fixture.post(&session, "/admin/export/servers?state=suspended", fields).await;
    let two = take(&[("format", "jsonl"), ("pick", "1/1"), ("pick", "1/2"), ("pick", "1/99999")]).await;
    assert_eq!((two.status, two.body.lines().count()), (StatusCode::OK, 2), "{}", two.body);
    let twice = take(&[("format", "jsonl"), ("pick", "1/1"), ("pick", "1/1")]).await;
    assert_eq!(twice.body.lines().count(), 1, "{}", twice.body);
    let all = take(&[("format", "jsonl"), ("pick", "1/1"), ("all", "yes")]).await;
    assert!(all.body.lines().count() > 5, "all that match: {}", all.body);
    let none = take(&[("format", "csv")]).await;
    assert!(none.status.is_client_error() && none.body.contains("ick what to export first"), "{}", none.body);
    assert!(take(&[("format", "csv"), ("pick", "<b>")]).await.status.is_client_error());
    let forged = fixture.get(&session, "/admin/servers").await;
    assert_eq!(forged.status, StatusCode::OK);
}

#[actix_web::test]
async fn records_have_columns_rows_and_files_as_mirrored_lists_have() {
    let fixture = Fixture::hostile().await;
    let session = fixture.sign_in().await;
    let hook = fixture.webhook("own", "http://127.0.0.1:9/in", &["*"]).await;
    let (event, delivery) = fixture.told("one").await;
    fixture.told("two").await;
    let job = fixture.job(JobKind::Backup, JobState::Dead).await;
    let me = fixture.services.accounts.find(EMAIL).await.unwrap().id;
    let deliveries = format!("/admin/webhooks/{hook}/deliveries");
    let (email, roles) = ("new@example.com".into(), Vec::new());
    let new = NewAccount { email, username: None, password: None, roles, verified: false };
    fixture.services.accounts.create(&Caller::command_line(), new).await.unwrap();
    let mails = fixture.services.mails.list(&Caller::command_line(), MailQuery::default()).await.unwrap();
    let mail = mails.rows[0].number.to_string();
    let lists = [
        ("/admin/jobs", "state", job.to_string(), "id"),
        ("/admin/syncs", "status", SyncId::from_u128(1).to_string(), "id"),
        ("/admin/events", "severity", event.to_string(), "id"),
        (&*deliveries, "state", delivery.to_string(), "id"),
        ("/admin/people", "roles", me.to_string(), "id"),
        ("/admin/audit", "outcome", "1".to_owned(), "seq"),
        ("/admin/mails", "state", mail, "number"),
    ];
    for (list, column, row, id) in &lists {
        let page = fixture.get(&session, &format!("{list}?cols={column}&rows=25")).await.body;
        assert_is_clean(list, &page);
        assert_eq!(titles(&page).len(), 2, "{list}: {:?}", titles(&page));
        assert!(page.contains(&format!("name=\"pick\" value=\"{row}\"")), "{list}: {page}");
        assert!(page.contains(&format!("href=\"{list}/export?format=csv\"")), "{list}: {page}");
        let export = format!("{list}/export");
        let all = fixture.get(&session, &format!("{export}?format=jsonl")).await;
        assert_eq!(all.status, StatusCode::OK, "{list}: {}", all.body);
        let ticked = fixture.post(&session, &export, &[("format", "jsonl"), ("pick", row)]).await.body;
        let one: serde_json::Value = serde_json::from_str(ticked.trim()).unwrap_or_else(|_| panic!("{list}: {ticked}"));
        assert_eq!(one[*id].as_str().map_or_else(|| one[*id].to_string(), str::to_owned), *row, "{list}");
        assert!(*list == "/admin/audit" || all.body.contains(ticked.trim()), "{list}: the same in all of it");
        let csv = fixture.get(&session, &format!("{export}?format=csv")).await.body;
        assert!(csv.lines().count() > 1 && csv.lines().next().unwrap().contains(id), "{list}: {csv}");
        for bad in ["", "<b>", "1-1"] {
            let refused = fixture.post(&session, &export, &[("format", "csv"), ("pick", bad)]).await;
            assert!(refused.status.is_client_error(), "{list}: {bad}");
        }
    }
    let allocations = fixture.get(&session, "/admin/allocations?cols=server&rows=25").await.body;
    assert_eq!((titles(&allocations).len(), allocations.matches("name=\"pick\"").count()), (2, 25));
    let history = fixture.get(&session, "/admin/history?rows=25").await.body;
    assert!(history.contains("25 changes shown") && history.contains("/admin/history/export?format=csv"), "{history}");
    let changes = fixture.get(&session, "/admin/history/export?format=jsonl&kind=nodes").await.body;
    let nodes = fixture.get(&session, "/admin/history?rows=200&kind=nodes").await.body;
    assert!(nodes.contains(&format!("{} changes shown", changes.lines().count())), "{nodes}");
}

#[actix_web::test]
async fn files_of_a_list_have_its_filters_and_are_for_who_may_see_it() {
    let fixture = Fixture::empty();
    let session = fixture.sign_in().await;
    let dead = fixture.job(JobKind::Backup, JobState::Dead).await;
    fixture.job(JobKind::Backup, JobState::Completed).await;
    let page = fixture.get(&session, "/admin/jobs?state=dead").await.body;
    assert!(page.contains("/admin/jobs/export?state=dead&#38;format=jsonl"), "{page}");
    let found = fixture.get(&session, "/admin/jobs/export?state=dead&format=jsonl").await.body;
    assert!(found.lines().count() == 1 && found.contains(&dead.to_string()), "{found}");
    for n in 0..1100 {
        if n % 100 == 0 {
            fixture.clock.advance_s(1);
        }
        fixture.job(JobKind::Check, JobState::Completed).await;
    }
    let many = fixture.get(&session, "/admin/jobs/export?kind=store.check&format=csv").await.body;
    assert_eq!(many.lines().count(), 1101, "every piece of it, and one line of names");

    let member = fixture.sign_in_as("bob@example.com", "MEMBER").await;
    for list in ["jobs", "syncs", "events", "people", "audit", "history", "mails"] {
        let refused = fixture.get(&member, &format!("/admin/{list}/export")).await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN, "{list}");
    }
    fixture.role("AUDITOR", &["audit.read"]).await;
    let auditor = fixture.sign_in_as("eve@example.com", "AUDITOR").await;
    let trail = fixture.get(&auditor, "/admin/audit").await.body;
    assert!(
        !trail.contains("action=\"/admin/audit/export") && !trail.contains("name=\"pick\""),
        "who may only look: {trail}"
    );
}

#[actix_web::test]
async fn the_requests_of_a_sync_are_listed_with_what_came_back() {
    let fixture = Fixture::hostile().await;
    let session = fixture.sign_in().await;
    let sync = SyncId::from_u128(1);
    let list = format!("/admin/syncs/{sync}/requests");
    assert!(fixture.get(&session, &format!("/admin/syncs/{sync}")).await.body.contains(&format!("href=\"{list}\"")));
    assert!(fixture.get(&session, &list).await.body.contains("None is kept"));
    let at = fixture.services.env.now();
    let put = move |tx: &mut aviary_kernel::store::WriteTx<'_>| {
        for n in 0..60 {
            let request = SyncRequest {
                target: (n > 0).then_some(Target::Users),
                request: format!("GET /api/application/users?page={n}{}", HOSTILE[0]),
                attempt: if n == 7 { 2 } else { 1 },
                at,
                waited_ms: 1500,
                took_ms: 40,
                status: (n != 9).then_some(if n == 8 { 500 } else { 200 }),
                taken: n != 8 && n != 9,
                bytes: 2048,
            };
            tx.put(SYNC_REQUESTS, &(sync, n), &request)?;
        }
        Ok(())
    };
    fixture.services.store.write(put).await.unwrap();
    let first = fixture.get(&session, &list).await.body;
    assert_is_clean(&list, &first);
    assert!(first.contains("page=0") && first.contains("page=49") && !first.contains("page=50"), "{first}");
    assert!(first.contains("1.5 s") && first.contains(">500<") && first.contains("no answer"), "{first}");
    let rest = fixture.get(&session, &super::link(&first, "rel=\"next\" href=\"")).await.body;
    assert!(rest.contains("page=50") && rest.contains("page=59") && !rest.contains("page=49"), "{rest}");
    let trouble = fixture.get(&session, &format!("{list}?show=trouble&rows=200")).await.body;
    assert_eq!([6, 7, 8, 9, 10].map(|n| trouble.contains(&format!("page={n}"))), [false, true, true, true, false]);
    let odd = fixture.get(&session, &format!("{list}?show=x&after=y")).await.body;
    assert!(odd.contains("all requests are shown") && odd.contains("the list begins with the first"), "{odd}");
    let nobody = fixture.get(&session, &format!("/admin/syncs/{}/requests", uuid::Uuid::nil())).await;
    assert_eq!(nobody.status, StatusCode::NOT_FOUND);
}

#[actix_web::test]
async fn a_mirror_that_is_behind_is_marked_with_the_way_to_its_panel() {
    let fixture = Fixture::hostile().await;
    let session = fixture.sign_in().await;
    assert!(!fixture.get(&session, "/admin/servers").await.body.contains("stale"));
    fixture.clock.advance_s(7 * 86_400);
    let session = fixture.sign_in().await;
    for uri in ["/admin/servers", "/admin/servers/1/1", "/admin/nodes/1/1", "/admin/allocations", "/admin/history"] {
        let page = fixture.get(&session, uri).await.body;
        assert!(
            page.contains("stale: a sync is overdue") && page.contains("href=\"/admin/panels/1\""),
            "{uri}: {page}"
        );
    }
    let panel = fixture.services.panels.all().await.unwrap()[0].id;
    fixture.services.panels.note_synced(panel).await.unwrap();
    assert!(!fixture.get(&session, "/admin/servers").await.body.contains("stale"));
    let failed = run(SyncId::from_u128(77), panel, SyncStatus::Failed, fixture.services.env.now());
    fixture.put_run(failed).await;
    assert!(fixture.get(&session, "/admin/servers").await.body.contains("stale: the last sync failed"));
}
