//! What moves is told to those who look on, and only to those who may see it.

use std::pin::Pin;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::test::TestRequest;
use aviary_domain::access::{Caller, NewRole, RolePatch};
use aviary_kernel::model::{Grants, PanelId};
use serde_json::{Value, json};

use crate::desk::{Desk, node};

/// A stream as a browser reads it.
struct Stream(BoxBody);

impl Stream {
    async fn open(desk: &Desk, token: &str, path: &str, after: Option<&str>) -> Self {
        let mut request = TestRequest::get().uri(path).insert_header(("authorization", format!("Bearer {token}")));
        if let Some(after) = after {
            request = request.insert_header(("last-event-id", after));
        }
        let (head, body) = desk.begin(request).await;
        assert_eq!((head.status, head.header("content-type")), (200, Some("text/event-stream")));
        Self(body)
    }

    /// The id, the name and the data of the next event; none at the end of the stream.
    async fn next(&mut self) -> Option<(String, String, Value)> {
        let piece = std::future::poll_fn(|context| Pin::new(&mut self.0).poll_next(context)).await?.unwrap();
        let text = String::from_utf8(piece.to_vec()).unwrap();
        let field = |name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(name));
            line.unwrap_or_default().trim().to_owned()
        };
        Some((field("id:"), field("event:"), serde_json::from_str(&field("data:")).unwrap()))
    }
}

async fn rename(desk: &Desk, name: &str) {
    desk.writer(PanelId(1)).apply(vec![node(1, name, Some(1))]).await.unwrap();
}

#[actix_web::test]
async fn what_moves_is_told_with_the_place_to_go_on_from() {
    let desk = Desk::furnished().await;
    let token = desk.token_of("ada@example.com", &["SUPER_ADMIN"]).await;
    let path = "/api/v1/live?topics=nodes,nodes/1/1,servers,dragons";
    let mut stream = Stream::open(&desk, &token, path, None).await;
    let (_, name, following) = stream.next().await.unwrap();
    assert_eq!(
        (name.as_str(), following),
        ("following", json!({"following": ["nodes", "nodes/1/1", "servers"], "ignored": ["dragons"]}))
    );
    desk.services.live.round().await.unwrap();
    rename(&desk, "Alpha two").await;
    desk.services.live.round().await.unwrap();
    let (place, name, moved) = stream.next().await.unwrap();
    let one = |topic: &str| json!({"topic": topic, "new": 0, "changed": 1, "gone": 0});
    assert_eq!((name.as_str(), moved), ("moved", json!([one("nodes"), one("nodes/1/1")])));

    // Away for a moment: what moved meanwhile is told on the way back, once.
    drop(stream);
    rename(&desk, "Alpha three").await;
    let mut back = Stream::open(&desk, &token, path, Some(&place)).await;
    back.next().await.unwrap();
    assert_eq!(back.next().await.unwrap().2, json!([one("nodes"), one("nodes/1/1")]));
}

#[actix_web::test]
async fn who_may_not_see_something_does_not_hear_of_it() {
    let desk = Desk::furnished().await;
    let token = desk.token_of("bob@example.com", &["MEMBER"]).await;
    let mut stream = Stream::open(&desk, &token, "/api/v1/live?topics=audit,people,nodes", None).await;
    let (_, _, following) = stream.next().await.unwrap();
    assert_eq!(following["following"], json!([]), "{following}");
    assert_eq!(following["ignored"], json!(["audit", "people", "nodes"]));
}

#[actix_web::test]
async fn a_place_that_is_unknown_means_to_look_at_everything_anew() {
    let desk = Desk::furnished().await;
    let token = desk.token_of("ada@example.com", &["SUPER_ADMIN"]).await;
    let here = "/api/v1/live?topics=nodes";
    for (path, header) in [(here, Some("999999.0")), (here, Some("abc")), ("/api/v1/live?topics=nodes&after=0", None)] {
        let mut stream = Stream::open(&desk, &token, path, header).await;
        assert_eq!(stream.next().await.unwrap().1, "following");
        let (place, name, _) = stream.next().await.unwrap();
        assert_eq!((name.as_str(), place), ("missed", desk.services.live.mark().await.unwrap().to_string()));
    }
}

#[actix_web::test]
async fn rights_that_are_taken_end_the_stream() {
    let desk = Desk::furnished().await;
    let access = &desk.services.access;
    let watcher =
        NewRole { name: "WATCHER".into(), description: String::new(), grants: Grants::parse(["*.read"]).unwrap() };
    access.make_role(&Caller::command_line(), watcher).await.unwrap();
    let token = desk.token_of("ada@example.com", &["WATCHER"]).await;
    let mut stream = Stream::open(&desk, &token, "/api/v1/live?topics=nodes", None).await;
    stream.next().await.unwrap();
    let place = desk.services.live.mark().await.unwrap().to_string();
    desk.services.live.round().await.unwrap();
    let less = RolePatch { grants: Some(Grants::parse(["node.read"]).unwrap()), ..RolePatch::default() };
    access.change_role(&Caller::command_line(), "WATCHER", less).await.unwrap();
    desk.services.live.round().await.unwrap();
    assert!(stream.next().await.is_none(), "whoever comes back is asked anew");

    let mut back = Stream::open(&desk, &token, "/api/v1/live?topics=nodes,roles", Some(&place)).await;
    let (_, _, following) = back.next().await.unwrap();
    assert_eq!(following, json!({"following": ["nodes"], "ignored": ["roles"]}));
    desk.services.live.round().await.unwrap();
    rename(&desk, "Alpha two").await;
    desk.services.live.round().await.unwrap();
    assert_eq!(back.next().await.unwrap().1, "moved", "what ended the stream before it does not end it again");
}

#[actix_web::test]
async fn nobody_in_particular_hears_nothing() {
    let desk = Desk::empty();
    desk.anonymous("/api/v1/live?topics=nodes").await.problem(401);
}
