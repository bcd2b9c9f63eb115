use aviary_kernel::model::{Dialect, Kind};
use aviary_remote::{FaultKind, Presence, ServerIncludes};
use serde_json::json;

use crate::script::{Reply, Script, collect, page_of, user, users};

#[tokio::test]
async fn only_the_panel_itself_can_say_that_something_is_gone() {
    let rows = [
        (Reply::error(404, "NotFoundHttpException").counted(), Some(Presence::Gone)),
        // A proxy, another panel, a route that is no more, a node that did not answer.
        (Reply::error(404, "NotFoundHttpException"), None),
        (Reply::html(404), None),
        (Reply::error(404, "DaemonConnectionException").counted(), None),
        (Reply::json(404, &json!({"message": "not found"})).counted(), None),
        (Reply::json(200, &user(8)).counted(), None),
        (Reply::error(500, "TypeError").counted(), None),
        (Reply::error(403, "AccessDeniedHttpException").counted(), None),
        (Reply::json(200, &user(7)).counted(), Some(Presence::Here)),
    ];
    for (reply, expected) in rows {
        let told = format!("{reply:?}");
        let panel = Script::start(move |request| match request.path() {
            "/api/application/users" => Reply::json(200, &page_of(request, &users(1..=3), 3)).counted(),
            _ => reply.clone(),
        })
        .await;
        let client = panel.client();
        let _ = collect(async |pages| client.users(pages).await).await;
        let presence = client.presence(Kind::User, 7, None).await.unwrap();
        match expected {
            Some(expected) => assert_eq!(presence, expected, "{told}"),
            None => assert!(matches!(presence, Presence::Unclear(_)), "{told}: {presence:?}"),
        }
    }
}

#[tokio::test]
async fn pelican_does_not_count_requests_for_what_is_not_there() {
    let panel = Script::start(|request| match request.path() {
        "/api/application/users" => Reply::json(200, &page_of(request, &users(1..=3), 3)).counted(),
        _ => Reply::error(404, "NotFoundHttpException"),
    })
    .await;
    let client = panel.client_with(|access, _| access.dialect = Some(Dialect::Pelican));
    let _ = collect(async |pages| client.users(pages).await).await;
    assert_eq!(client.presence(Kind::User, 7, None).await.unwrap(), Presence::Gone);
    assert!(matches!(client.presence(Kind::Location, 7, None).await.unwrap(), Presence::Unclear(_)));
}

#[tokio::test]
async fn each_kind_is_read_where_the_panel_shows_it() {
    let panel = Script::start(|_| Reply::error(404, "NotFoundHttpException").counted()).await;
    let client = panel.client();
    for (kind, parent) in [
        (Kind::Location, None),
        (Kind::Node, None),
        (Kind::Nest, None),
        (Kind::Egg, Some(3)),
        (Kind::User, None),
        (Kind::Server, None),
        (Kind::Database, Some(5)),
    ] {
        assert_eq!(client.presence(kind, 9, parent).await.unwrap(), Presence::Gone, "{kind:?}");
    }
    let paths: Vec<_> = panel.seen().iter().map(|request| request.path().replace("/api/application", "")).collect();
    let expected =
        ["/locations/9", "/nodes/9", "/nests/9", "/nests/3/eggs/9", "/users/9", "/servers/9", "/servers/5/databases/9"];
    assert_eq!(paths, expected);
    for (kind, parent) in [
        (Kind::Allocation, Some(1)),
        (Kind::Subuser, Some(1)),
        (Kind::EggVariable, Some(1)),
        (Kind::Egg, None),
        (Kind::Database, None),
    ] {
        assert!(matches!(client.presence(kind, 9, parent).await.unwrap(), Presence::Unclear(_)), "{kind:?}");
    }
    assert_eq!(panel.seen().len(), expected.len(), "nothing is asked where there is no answer");
}

#[tokio::test]
async fn what_keeps_the_panel_from_answering_is_an_error_and_no_absence() {
    for (reply, kind) in [
        (Reply::error(401, "AuthenticationException"), FaultKind::Unauthorized),
        (Reply::error(503, "HttpException"), FaultKind::Maintenance),
        (Reply::html(200), FaultKind::NotJson),
        (Reply::html(502), FaultKind::Gateway),
    ] {
        let panel = Script::start(move |_| reply.clone()).await;
        assert_eq!(panel.client().presence(Kind::Node, 1, None).await.unwrap_err().kind, kind);
    }
}

#[tokio::test]
async fn a_server_is_none_only_when_the_panel_says_so() {
    let panel = Script::start(|request| match request.path() {
        "/api/application/servers/1" => Reply::error(404, "NotFoundHttpException").counted(),
        "/api/application/servers/2" => Reply::html(404).counted(),
        _ => Reply::json(200, &json!({"object": "server", "attributes": {"id": 3}})).counted(),
    })
    .await;
    let client = panel.client();
    assert_eq!(client.server(1, ServerIncludes::ALL).await.unwrap(), None);
    assert_eq!(client.server(2, ServerIncludes::ALL).await.unwrap_err().kind, FaultKind::NotFound);
    assert_eq!(client.server(3, ServerIncludes::ALL).await.unwrap_err().kind, FaultKind::BadShape);
    assert_eq!(panel.seen()[0].text("include").as_deref(), Some("allocations,variables,subusers,databases"));
    assert_eq!(client.egg(Some(1), 1).await.unwrap_err().kind, FaultKind::BadShape);
}
