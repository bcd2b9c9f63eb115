//! Finding anything through the API.

use std::collections::BTreeSet;
use std::pin::Pin;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::http::Method;
use actix_web::test::TestRequest;
use aviary_domain::access::{BUILT_IN, Caller, NewRole};
use aviary_domain::search::Subject;
use aviary_kernel::model::{Grants, Permission, User};
use serde_json::{Value, json};

use crate::desk::{Desk, KEY, user};
use crate::promise;

const PATH: &str = "/api/v1/search";

fn address(pairs: &[(&str, &str)]) -> String {
    let query: String = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
    format!("{PATH}?{query}")
}

/// What a search finds; any answer is as documented.
async fn find(desk: &Desk, token: &str, pairs: &[(&str, &str)]) -> Value {
    let answer = desk.by(token, Method::GET, &address(pairs), Value::Null).await.ok();
    promise::keeps("get", PATH, &answer);
    answer["data"].clone()
}

fn kinds(found: &Value) -> BTreeSet<&str> {
    found["hits"].as_array().unwrap().iter().map(|hit| hit["kind"].as_str().unwrap()).collect()
}

/// Events that come as long as somebody reads them.
struct Tail(BoxBody);

impl Tail {
    async fn open(desk: &Desk, request: TestRequest) -> Self {
        let (answer, body) = desk.begin(request).await;
        assert_eq!((answer.status, answer.header("content-type")), (200, Some("text/event-stream")));
        Self(body)
    }

    /// The next piece; empty at the end.
    async fn next(&mut self) -> String {
        let piece = std::future::poll_fn(|context| Pin::new(&mut self.0).poll_next(context)).await;
        String::from_utf8(piece.transpose().unwrap().unwrap_or_default().to_vec()).unwrap()
    }

    /// All pieces up to the one that has this text.
    async fn until(&mut self, text: &str) -> String {
        let mut all = String::new();
        while !all.contains(text) {
            let piece = self.next().await;
            assert!(!piece.is_empty(), "the stream ended before {text}: {all}");
            all.push_str(&piece);
        }
        all
    }
}

/// The furnished mirror, searchable, and somebody who may everything.
async fn desk() -> (Desk, String) {
    let desk = Desk::furnished().await;
    let token = desk.token_of("boss@example.com", &["SUPER_ADMIN"]).await;
    desk.searchable().await;
    (desk, token)
}

#[actix_web::test]
async fn a_hit_says_what_it_is_and_where() {
    let (desk, token) = desk().await;
    let found = find(&desk, &token, &[("q", "survival"), ("kind", "server")]).await;
    let hit = &found["hits"][0];
    assert_eq!((&hit["kind"], &hit["id"], &hit["panel"]), (&json!("server"), &json!("11"), &json!(1)), "{found}");
    assert_eq!((&hit["href"], &hit["title"]), (&json!("/admin/servers/1/11"), &json!("Survival")));
    assert_eq!(hit["marks"], json!([{"text": "Survival", "fits": true}]));
    assert_eq!((&found["total"], &found["index"]["state"]), (&json!(1), &json!("ready")));
    let there = hit["api"].as_str().unwrap();
    assert_eq!(desk.by(&token, Method::GET, there, Value::Null).await.ok()["data"]["id"], 11, "{there}");
}

#[actix_web::test]
async fn every_hit_leads_to_something_that_is_there() {
    let (desk, token) = desk().await;
    let mut cursor = String::new();
    let mut seen = BTreeSet::new();
    loop {
        let found = find(&desk, &token, &[("limit", "50"), ("cursor", &cursor)]).await;
        for hit in found["hits"].as_array().unwrap() {
            seen.insert(hit["kind"].as_str().unwrap().to_owned());
            if let Some(route) = hit["api"].as_str() {
                desk.by(&token, Method::GET, route, Value::Null).await.ok();
            }
        }
        match found["nextCursor"].as_str() {
            Some(next) => cursor = next.to_owned(),
            None => break,
        }
    }
    for kind in [
        "server",
        "node",
        "allocation",
        "database",
        "user",
        "egg",
        "nest",
        "location",
        "panel",
        "account",
        "change",
        "audit",
    ] {
        assert!(seen.contains(kind), "no {kind} among {seen:?}");
    }
}

#[actix_web::test]
async fn each_role_finds_and_counts_what_it_may_see_and_nothing_else() {
    let (desk, _) = desk().await;
    let mut roles: Vec<_> = BUILT_IN.iter().map(|role| (role.name.to_owned(), role.role().grants)).collect();
    for permission in [Permission::ServerRead, Permission::AuditRead, Permission::JobRead, Permission::HistoryRead] {
        let (name, grants) = (permission.name().replace('.', "_").to_uppercase(), Grants::of([permission]));
        let new = NewRole { name: name.clone(), description: String::new(), grants: grants.clone() };
        desk.services.access.make_role(&Caller::command_line(), new).await.unwrap();
        roles.push((name, grants));
    }
    for (role, grants) in roles {
        let token = desk.token_of(&format!("{}@example.com", role.to_lowercase()), &[&role]).await;
        desk.searchable().await;
        let may: BTreeSet<_> = Subject::ALL
            .iter()
            .filter(|subject| grants.allow(subject.permission()))
            .map(|subject| subject.word())
            .collect();
        let found = find(&desk, &token, &[("limit", "200"), ("facets", "true"), ("histogram", "true")]).await;
        assert!(kinds(&found).is_subset(&may), "{role}: {:?}", kinds(&found));
        let facets = found["facets"].as_array().unwrap();
        let counted: BTreeSet<_> = facets
            .iter()
            .filter(|facet| facet["field"] == "kind")
            .map(|facet| facet["value"].as_str().unwrap())
            .collect();
        assert!(counted.is_subset(&may), "{role} counts {counted:?}");
        assert_eq!(found["hits"].as_array().unwrap().is_empty(), found["total"] == 0, "{role}");
        if may.is_empty() {
            assert_eq!((&found["total"], &found["histogram"], facets.len()), (&json!(0), &json!([]), 0), "{role}");
        }
        // Asking for a kind by name opens no door.
        for subject in Subject::ALL.iter().filter(|subject| !may.contains(subject.word())) {
            let word = subject.word();
            for pairs in [[("kind", word), ("q", "")], [("q", &*format!("kind:{word}")), ("kind", "")]] {
                assert_eq!(find(&desk, &token, &pairs).await["total"], 0, "{role} asks for {word}");
            }
        }
    }
}

#[actix_web::test]
async fn keys_and_nobody() {
    let (desk, _) = desk().await;
    desk.anonymous(PATH).await.problem(401);
    let found = desk.get(&address(&[("q", "survival")])).await.ok()["data"].clone();
    assert_eq!(found["hits"][0]["title"], "Survival");
    let people = desk.get(&address(&[("q", "boss@example.com")])).await.ok()["data"].clone();
    assert!(!kinds(&people).contains("account"), "the key of the configuration opens nothing about people: {people}");
}

#[actix_web::test]
async fn any_string_gets_an_answer() {
    let (desk, token) = desk().await;
    let long = "x ".repeat(1_500);
    let nested = format!("{}a{}", "(".repeat(500), ")".repeat(500));
    let strange = [
        "",
        " ",
        "\"",
        "\"\"",
        "*",
        "-",
        "--",
        ":",
        "a:",
        ":a",
        "kind:",
        "kind:dragon",
        "-kind:server",
        "OR",
        "OR OR",
        "AND NOT",
        "\u{0}",
        "\u{202e}abc",
        "🦀",
        "%",
        "\\",
        "[a TO b]",
        "{a}",
        "^2",
        "~",
        "a~99",
        "field:\"open",
        "since:soon",
        "on:2026-02-30",
        "since:9999-12-31 until:0000-01-01",
        "2001:db8::7",
        "<script>alert(1)</script>",
        "'; DROP TABLE",
        long.as_str(),
        nested.as_str(),
    ];
    for text in strange {
        for more in [vec![], vec![("facets", "true"), ("histogram", "true"), ("kind", "server"), ("order", "newest")]] {
            let pairs: Vec<_> = [("q", text)].into_iter().chain(more).collect();
            find(&desk, &token, &pairs).await;
        }
    }
    // Bytes that are no UTF-8, and parameters that make no sense.
    for query in [
        "q=%ff%fe",
        "q",
        "=",
        "&&&",
        "q=a&q=b",
        "kind=dragon&panel=x&since=soon&order=best&cursor=zz&limit=-1&zone=Nowhere",
    ] {
        let answer = desk.by(&token, Method::GET, &format!("{PATH}?{query}"), Value::Null).await.ok();
        promise::keeps("get", PATH, &answer);
    }
    let doubts =
        find(&desk, &token, &[("kind", "dragon"), ("order", "best"), ("cursor", "zz"), ("limit", "900")]).await;
    assert_eq!(doubts["doubts"].as_array().unwrap().len(), 4, "{}", doubts["doubts"]);
}

#[actix_web::test]
async fn a_walk_by_cursor_meets_everything_once() {
    let (desk, token) = desk().await;
    for order in ["usual", "newest", "oldest"] {
        let (mut cursor, mut seen, mut total) = (String::new(), Vec::new(), 0);
        loop {
            let found = find(&desk, &token, &[("order", order), ("limit", "7"), ("cursor", &cursor)]).await;
            total = found["total"].as_u64().unwrap().max(total);
            seen.extend(
                found["hits"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|hit| format!("{} {} {}", hit["kind"], hit["panel"], hit["id"])),
            );
            match found["nextCursor"].as_str() {
                Some(next) => cursor = next.to_owned(),
                None => break,
            }
        }
        let once: BTreeSet<_> = seen.iter().collect();
        assert_eq!((once.len(), seen.len() as u64), (seen.len(), total), "{order}");
    }
}

#[actix_web::test]
async fn facets_and_histogram_count_what_is_there() {
    let (desk, token) = desk().await;
    let found = find(&desk, &token, &[("kind", "server"), ("facets", "true"), ("histogram", "true")]).await;
    assert_eq!(found["total"], 3);
    let of = |field: &str, value: &str| {
        let facets = found["facets"].as_array().unwrap();
        facets
            .iter()
            .find(|facet| facet["field"] == field && facet["value"] == value)
            .map(|facet| facet["count"].clone())
    };
    assert_eq!((of("kind", "server"), of("kind", "node")), (Some(json!(3)), Some(json!(3))), "{}", found["facets"]);
    let changes = find(&desk, &token, &[("kind", "change"), ("histogram", "true")]).await;
    let counted: u64 = changes["histogram"].as_array().unwrap().iter().map(|bar| bar["count"].as_u64().unwrap()).sum();
    assert!(counted > 0 && changes["total"] == counted, "{} of {}", changes["histogram"], changes["total"]);
    let plain = find(&desk, &token, &[("kind", "server")]).await;
    assert_eq!((&plain["facets"], &plain["histogram"]), (&json!([]), &json!([])));
}

#[actix_web::test]
async fn a_file_has_every_hit_defuses_formulas_and_is_on_record() {
    let desk = Desk::furnished().await;
    let writer = desk.writer(desk.services.panels.all().await.unwrap()[1].id);
    let hostile = ["=HYPERLINK(\"http://evil\")", "+1", "@SUM(A1)", "-2", "two\nlines, \"quoted\""];
    let users: Vec<User> = hostile.iter().zip(50..).map(|(name, id)| user(id, name)).collect();
    writer.apply(users).await.unwrap();
    let token = desk.token_of("boss@example.com", &["SUPER_ADMIN"]).await;
    desk.searchable().await;

    let csv = desk.by(&token, Method::GET, &format!("{PATH}/export?format=csv&kind=user"), Value::Null).await;
    assert_eq!(csv.status, 200, "{}", csv.body);
    assert_eq!(csv.header("content-type"), Some("text/csv; charset=utf-8"));
    assert_eq!(csv.header("content-disposition"), Some("attachment; filename=\"search.csv\""));
    assert!(csv.body.starts_with("kind,id,title,state,at,panel,href,lines,note\r\n"), "{}", csv.body);
    for defused in ["\"'=HYPERLINK(\"\"http://evil\"\")\"", "\"'+1\"", "\"'@SUM(A1)\"", "\"'-2\""] {
        assert!(csv.body.contains(defused), "{defused}: {}", csv.body);
    }

    let lines = desk.by(&token, Method::GET, &format!("{PATH}/export?format=jsonl"), Value::Null).await;
    assert_eq!(lines.header("content-type"), Some("application/jsonl"));
    let hits: Vec<Value> = lines.body.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    // The exports themselves are records by now, but not found yet.
    assert!(hits.len() > 30 && hits.iter().all(|hit| hit["kind"].is_string()), "{}", hits.len());

    desk.by(&token, Method::GET, &format!("{PATH}/export?format=xlsx"), Value::Null).await.problem(400);
    desk.by(&token, Method::GET, &format!("{PATH}/export"), Value::Null).await.problem(400);
    let noted = desk.by(&token, Method::GET, &format!("{PATH}/export?format=csv&kind=dragon"), Value::Null).await;
    assert!(noted.body.lines().last().unwrap().contains("dragon"), "what made no sense is said in the file");
    let audit = desk.by(&token, Method::GET, "/api/v1/audit?action=search.export", Value::Null).await.ok();
    let asked = &audit["data"]["items"].as_array().unwrap().last().unwrap()["changes"];
    assert!(asked.to_string().contains("user"), "{asked}");

    // Somebody without rights takes out what they may see: nothing.
    let member = desk.token_of("member@example.com", &[]).await;
    let none = desk.by(&member, Method::GET, &format!("{PATH}/export?format=jsonl"), Value::Null).await;
    assert_eq!((none.status, none.body.as_str()), (200, ""));
}

#[actix_web::test]
async fn a_tail_tells_what_comes_and_goes_on_where_it_was() {
    let (desk, token) = desk().await;
    let made = async |name: &str| {
        desk.clock.advance_s(1);
        let new =
            NewRole { name: name.into(), description: String::new(), grants: Grants::of([Permission::ServerRead]) };
        desk.services.access.make_role(&Caller::command_line(), new).await.unwrap();
        desk.searchable().await;
    };
    let open = |last: Option<&str>| {
        let request = TestRequest::with_uri(&format!("{PATH}/tail?kind=audit"));
        let request = request.insert_header(("authorization", format!("Bearer {token}")));
        match last {
            Some(last) => request.insert_header(("last-event-id", last)),
            None => request,
        }
    };
    made("BEFORE").await;
    let mut tail = Tail::open(&desk, open(None)).await;
    assert_eq!(tail.next().await, ": ping\n\n", "what was before is not told");
    made("FIRST").await;
    let first = tail.until("FIRST").await;
    assert!(first.contains("event: hit") && !first.contains("BEFORE"), "{first}");
    let last = first.lines().rev().find_map(|line| line.strip_prefix("id: ")).unwrap().to_owned();
    drop(tail);

    made("SECOND").await;
    made("THIRD").await;
    let mut tail = Tail::open(&desk, open(Some(&last))).await;
    let rest = tail.until("THIRD").await;
    assert!(rest.contains("SECOND") && !rest.contains("FIRST"), "{rest}");
    drop(tail);

    let nothing = desk.token_of("member@example.com", &[]).await;
    let request =
        TestRequest::with_uri(&format!("{PATH}/tail")).insert_header(("authorization", format!("Bearer {nothing}")));
    let mut tail = Tail::open(&desk, request).await;
    tail.next().await;
    made("FOURTH").await;
    desk.services
        .accounts
        .disable(&Caller::command_line(), desk.services.accounts.find("member@example.com").await.unwrap().id)
        .await
        .unwrap();
    made("FIFTH").await;
    let end = tail.until("event: end").await;
    assert!(!end.contains("event: hit"), "somebody without rights is told nothing: {end}");
}

#[actix_web::test]
async fn a_tail_ends_at_once_when_aviary_stops() {
    let (desk, token) = desk().await;
    let request =
        TestRequest::with_uri(&format!("{PATH}/tail")).insert_header(("authorization", format!("Bearer {token}")));
    let mut tail = Tail::open(&desk, request).await;
    tail.next().await;
    // It waits for something new by now, or is about to.
    let ((), last) = futures_util::join!(async { desk.services.search.stop() }, tail.next());
    assert_eq!(last, "", "neither a sign of life nor anything else comes before the end");
}

#[actix_web::test]
async fn only_so_many_follow_and_a_seat_is_free_again_when_one_ends() {
    let (desk, token) = desk().await;
    let open =
        || TestRequest::with_uri(&format!("{PATH}/tail")).insert_header(("authorization", format!("Bearer {token}")));
    let first = Tail::open(&desk, open()).await;
    let others: Vec<_> = std::iter::from_fn(|| desk.services.search.seat()).collect();
    assert_eq!(others.len(), 199);
    let refused = desk.glance(open()).await;
    assert_eq!((refused.status, refused.header("retry-after")), (429, Some("30")));
    assert!(refused.body.contains("close what nobody looks at"), "{}", refused.body);
    drop(first);
    let mut again = Tail::open(&desk, open()).await;
    assert_eq!(again.next().await, ": ping\n\n");
}

#[actix_web::test]
async fn programs_follow_with_the_key_of_the_configuration() {
    let desk = Desk::furnished().await;
    let request =
        TestRequest::with_uri(&format!("{PATH}/tail?order=best&kind=dragon")).insert_header(("x-api-key", KEY));
    let answer = desk.glance(request).await;
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("text/event-stream")));
    assert!(answer.body.contains("event: doubts") && answer.body.contains("dragon"), "{}", answer.body);
}
