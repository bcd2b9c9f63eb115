//! Searches that people keep.

use actix_web::http::Method;
use aviary_domain::access::Caller;
use serde_json::{Value, json};

use crate::desk::Desk;
use crate::promise;

const PATH: &str = "/api/v1/searches";

#[actix_web::test]
async fn people_keep_searches_and_see_nobody_elses() {
    let desk = Desk::empty();
    let (ada, bob) = (desk.token_of("ada@example.com", &[]).await, desk.token_of("bob@example.com", &[]).await);
    let search = json!({"name": " Failed jobs ", "query": "?q=state%3Afailed&kind=job"});
    let kept = desk.by(&ada, Method::POST, PATH, search).await;
    assert_eq!(kept.status, 201, "{}", kept.body);
    promise::keeps("post", PATH, &kept.json());
    desk.by(&ada, Method::POST, PATH, json!({"name": "<b>Ada</b>", "query": "q=a"})).await;

    let list = desk.by(&ada, Method::GET, PATH, Value::Null).await.ok();
    promise::keeps("get", PATH, &list);
    let names: Vec<_> = list["data"].as_array().unwrap().iter().map(|one| one["name"].clone()).collect();
    assert_eq!(names, ["<b>Ada</b>", "Failed jobs"]);
    assert_eq!(list["data"][1]["query"], "q=state%3Afailed&kind=job");
    assert_eq!(desk.by(&bob, Method::GET, PATH, Value::Null).await.ok()["data"], json!([]));

    let own = format!("{PATH}/{}", list["data"][1]["id"].as_str().unwrap());
    desk.by(&bob, Method::DELETE, &own, Value::Null).await.problem(404);
    promise::keeps("delete", "/api/v1/searches/{id}", &desk.by(&ada, Method::DELETE, &own, Value::Null).await.ok());
    desk.by(&ada, Method::DELETE, &own, Value::Null).await.problem(404);
    desk.get(PATH).await.problem(403);
}

#[actix_web::test]
async fn what_is_no_search_is_refused_and_so_is_the_fifty_first() {
    let desk = Desk::empty();
    let ada = desk.token_of("ada@example.com", &[]).await;
    let save =
        async |name: &str, query: &str| desk.by(&ada, Method::POST, PATH, json!({"name": name, "query": query})).await;
    for (name, query) in [("  ", "q=a"), (&*"n".repeat(61), "q=a"), ("a\nb", "q=a"), ("a", " ? "), ("a", "q=\u{0}")] {
        save(name, query).await.problem(400);
    }
    save("a", &"q".repeat(2001)).await.problem(400);
    for n in 0..50 {
        assert_eq!(save(&format!("Search {n}"), "q=a").await.status, 201);
    }
    assert!(save("SEARCH 7", "q=a").await.problem(409).contains("choose another name"));
    assert!(save("one more", "q=a").await.problem(409).contains("remove one first"));
}

#[actix_web::test]
async fn searches_go_with_their_owner() {
    let desk = Desk::empty();
    let ada = desk.token_of("ada@example.com", &[]).await;
    desk.by(&ada, Method::POST, PATH, json!({"name": "mine", "query": "q=a"})).await;
    let accounts = &desk.services.accounts;
    let id = accounts.find("ada@example.com").await.unwrap().id;
    assert_eq!(accounts.searches(id).await.unwrap().len(), 1);
    accounts.remove(&Caller::command_line(), id).await.unwrap();
    assert_eq!(accounts.searches(id).await.unwrap(), []);
}
