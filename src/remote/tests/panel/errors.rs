use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use aviary_kernel::base::{Env, Error, Secret};
use aviary_kernel::model::Dialect;
use aviary_remote::{FaultKind, PanelClient, PanelError};
use serde_json::json;

use crate::script::{APP_KEY, CLIENT_KEY, Reply, Script, access, collect, list, page_of, quick, users};
use crate::tls::OTHER;

async fn fault(client: &PanelClient) -> PanelError {
    let (_, _, outcome) = collect(async |pages| client.users(pages).await).await;
    outcome.expect_err("the panel refuses")
}

async fn fault_of(reply: Reply) -> (PanelError, usize) {
    let panel = Script::start(move |_| reply.clone()).await;
    let error = fault(&panel.client()).await;
    (error, panel.seen().len())
}

#[tokio::test]
async fn each_refusal_says_what_it_is_and_what_to_do() {
    let rows: [(Reply, FaultKind, &str); 13] = [
        (Reply::error(401, "AuthenticationException"), FaultKind::Unauthorized, "make a new application key"),
        (Reply::html(401), FaultKind::Unauthorized, "extra headers"),
        (Reply::error(403, "AccessDeniedHttpException").counted(), FaultKind::Forbidden, "Read on users"),
        (Reply::html(403).with("Server", "cloudflare"), FaultKind::Forbidden, "let Aviary pass Cloudflare"),
        (Reply::error(404, "NotFoundHttpException"), FaultKind::UnknownDialect, "Pelican"),
        (Reply::html(404), FaultKind::NotFound, "the path in it"),
        (Reply::error(400, "TwoFactorAuthRequiredException"), FaultKind::TwoFactorRequired, "two-factor"),
        (Reply::error(400, "InvalidSortQuery").counted(), FaultKind::Rejected, "version"),
        (Reply::error(409, "ConflictHttpException").counted(), FaultKind::Conflict, "again"),
        (Reply::html(200), FaultKind::NotJson, "log-in page"),
        (
            Reply::html(302).with("Location", "https://p.example/auth/login?token=abc"),
            FaultKind::Redirected,
            "log-in page",
        ),
        (Reply::html(301).with("Location", "https://p.example/api"), FaultKind::Redirected, "https://"),
        (Reply::error(503, "HttpException"), FaultKind::Maintenance, "artisan up"),
    ];
    for (reply, kind, remedy) in rows {
        let told = format!("{reply:?}");
        let (error, _) = fault_of(reply).await;
        assert_eq!(error.kind, kind, "{told}");
        assert!(error.remedy.contains(remedy), "{told}: {}", error.remedy);
        assert!(error.request.as_deref().is_some_and(|request| request.starts_with("GET /api/application/users")));
        assert!(!error.to_string().contains("abc") && !error.to_string().contains("language"), "{error}");
    }
}

#[tokio::test]
async fn what_is_no_answer_is_noted_as_none_whatever_its_status() {
    let panel = Script::start(|_| Reply::html(200)).await;
    let client = panel.client();
    fault(&client).await;
    let sent = client.take_sent();
    let asked: Vec<_> = sent.iter().filter(|sent| sent.request.starts_with("GET /api/application/users")).collect();
    assert!(!asked.is_empty(), "{sent:?}");
    assert!(asked.iter().all(|sent| sent.status == Some(200) && !sent.taken), "{sent:?}");
}

#[tokio::test]
async fn refusals_are_not_repeated() {
    for status in [400, 401, 403, 404, 409, 422] {
        let (_, requests) = fault_of(Reply::error(status, "Whatever").counted()).await;
        assert_eq!(requests, 1, "{status}");
    }
}

#[tokio::test]
async fn an_address_that_is_not_allowed_is_named() {
    let body = json!({"errors": [{"code": "AccessDeniedHttpException", "status": "403", "detail": "203.0.113.9 darf nicht."}]});
    let (error, _) = fault_of(Reply::json(403, &body)).await;
    assert_eq!(error.kind, FaultKind::IpNotAllowed);
    assert!(error.what.contains("203.0.113.9"), "{error}");
}

#[tokio::test]
async fn a_client_key_in_the_place_of_an_application_key_is_named() {
    let panel = Script::start(|_| Reply::error(403, "AccessDeniedHttpException").counted()).await;
    let client = panel.client_with(|access, _| access.app_key = Secret::from(CLIENT_KEY));
    let error = fault(&client).await;
    assert_eq!(error.kind, FaultKind::WrongKeyKind);
    assert!(error.remedy.contains("Application API"), "{error}");
}

#[tokio::test]
async fn a_key_that_was_not_copied_whole_is_named() {
    let panel = Script::start(|_| Reply::error(401, "AuthenticationException")).await;
    let client = panel.client_with(|access, _| access.app_key = Secret::from(&APP_KEY[..40]));
    let error = fault(&client).await;
    assert!(error.remedy.contains("40 characters"), "{error}");
}

#[tokio::test]
async fn a_panel_in_maintenance_is_left_alone() {
    let (error, requests) = fault_of(Reply::html(503)).await;
    assert_eq!((error.kind, error.is_retryable()), (FaultKind::Maintenance, true));
    assert!(requests <= 2, "{requests} requests");
    let (_, requests) = fault_of(Reply::error(503, "HttpException").with("Retry-After", 600)).await;
    assert!(requests <= 2, "{requests} requests");
}

#[tokio::test]
async fn a_short_maintenance_is_waited_for() {
    let failures = AtomicUsize::new(0);
    let panel = Script::start(move |request| match failures.fetch_add(1, Ordering::SeqCst) {
        0 => Reply::error(503, "HttpException").with("Retry-After", 1),
        _ => Reply::json(200, &page_of(request, &users(1..=3), 3)).counted(),
    })
    .await;
    let client = panel.client();
    let (rows, _, sweep) = collect(async |pages| client.users(pages).await).await;
    assert_eq!((rows.len(), sweep.unwrap().is_complete()), (3, true));
}

#[tokio::test]
async fn too_many_requests_pause_everything_as_long_as_the_panel_says() {
    let refusals = AtomicUsize::new(0);
    let panel = Script::start(move |request| match refusals.fetch_add(1, Ordering::SeqCst) {
        0 => Reply::error(429, "ThrottleRequestsException").with("Retry-After", 1).with("X-RateLimit-Limit", 240),
        _ => Reply::json(200, &page_of(request, &users(1..=3), 3)).counted(),
    })
    .await;
    let client = panel.client();
    let started = std::time::Instant::now();
    let (_, _, sweep) = collect(async |pages| client.users(pages).await).await;
    assert!(sweep.unwrap().is_complete());
    assert!(started.elapsed() >= Duration::from_secs(1));
    let usage = client.usage();
    assert_eq!((usage.requests, usage.too_many, usage.limit), (2, 1, Some(240)));
    assert!(usage.waited_ms >= 900, "{usage:?}");
}

#[tokio::test]
async fn nobody_at_the_address_is_said_plainly() {
    // Bound and dropped: nothing listens there any more.
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let client = PanelClient::new(access(&format!("http://{free}")), &quick(), Env::system()).unwrap();
    let error = fault(&client).await;
    assert_eq!((error.kind, error.is_retryable()), (FaultKind::Connect, true));
    assert!(error.what.contains("connection refused"), "{error}");
    assert_eq!(client.usage().requests, 5);
}

#[tokio::test]
async fn a_name_without_an_address_is_said_plainly() {
    let client = PanelClient::new(access("http://panel.invalid"), &quick(), Env::system()).unwrap();
    let error = fault(&client).await;
    assert_eq!(error.kind, FaultKind::Dns, "{error}");
    assert!(error.what.contains("panel.invalid"), "{error}");
}

#[tokio::test]
async fn a_panel_without_tls_is_said_plainly() {
    let panel = Script::start(|_| Reply::html(400)).await;
    let url = panel.url.replace("http://", "https://");
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), OTHER).unwrap();
    let mut options = quick();
    options.ca_file = Some(file.path().to_owned());
    let client = PanelClient::new(access(&url), &options, Env::system()).unwrap();
    let error = fault(&client).await;
    assert_eq!(error.kind, FaultKind::Tls, "{error}");
}

#[tokio::test]
async fn settings_that_cannot_be_right_are_refused_at_once() {
    let mut missing = quick();
    missing.ca_file = Some("/nowhere/ca.pem".into());
    let mut forbidden = quick();
    forbidden.headers = vec![("Cookie".to_owned(), Secret::from("a=b"))];
    for (url, options, named) in [
        ("https://panel.example", missing, "ca_file"),
        ("http://panel.example", forbidden, "Cookie"),
        ("panel.example", quick(), "https://panel.example.com"),
    ] {
        let error = PanelClient::new(access(url), &options, Env::system()).unwrap_err();
        assert_eq!(error.kind, FaultKind::Config);
        assert!(error.to_string().contains(named), "{error}");
    }
    let mut no_key = access("http://panel.example");
    no_key.app_key = Secret::from(" ");
    assert_eq!(PanelClient::new(no_key, &quick(), Env::system()).unwrap_err().kind, FaultKind::Config);
}

#[tokio::test]
async fn a_panel_that_changed_its_kind_is_looked_at_anew() {
    let panel = Script::start(|request| match request.path() {
        "/api/application/eggs" => Reply::error(401, "AuthenticationException"),
        _ => Reply::error(404, "NotFoundHttpException"),
    })
    .await;
    let client = panel.client();
    assert_eq!(client.dialect().await.unwrap(), Dialect::Pterodactyl, "as it was known");
    let (_, _, outcome) = collect(async |pages| client.locations(pages).await).await;
    assert_eq!(outcome.unwrap_err().kind, FaultKind::UnknownDialect);
    assert_eq!(client.dialect().await.unwrap(), Dialect::Pelican);
    let (_, _, outcome) = collect(async |pages| client.nests(pages).await).await;
    assert_eq!(outcome.unwrap_err().kind, FaultKind::NotInDialect);
}

#[tokio::test]
async fn an_error_becomes_one_of_the_product_with_the_panels_name() {
    let (error, _) = fault_of(Reply::error(401, "AuthenticationException")).await;
    let Error::Upstream { panel, reason, retry } = error.into_error("harbour") else { panic!("another error") };
    assert_eq!((panel.as_str(), retry), ("harbour", false));
    assert!(reason.contains("GET /api/application/users?page=1&per_page=200 answered 401"), "{reason}");
}

#[tokio::test]
async fn the_dialect_is_found_out_without_a_key() {
    for (nests, eggs, dialect) in [(401, 404, Dialect::Pterodactyl), (404, 401, Dialect::Pelican)] {
        let panel = Script::start(move |request| {
            assert_eq!(request.header("authorization"), None);
            match request.path() {
                "/api/application/nests" if nests == 401 => Reply::error(401, "AuthenticationException"),
                "/api/application/eggs" if eggs == 401 => Reply::error(401, "AuthenticationException"),
                _ => Reply::error(404, "NotFoundHttpException"),
            }
        })
        .await;
        let client = panel.client_with(|access, _| access.dialect = None);
        assert_eq!(client.dialect().await.unwrap(), dialect);
        assert_eq!(client.dialect().await.unwrap(), dialect);
        assert_eq!(panel.seen().len(), 2, "asked once, then remembered");
    }
}

#[tokio::test]
async fn a_dialect_is_never_guessed() {
    for (reply, kind) in [
        (Reply::html(404), FaultKind::UnknownDialect),
        (Reply::error(404, "NotFoundHttpException"), FaultKind::UnknownDialect),
        (Reply::error(401, "AuthenticationException"), FaultKind::UnknownDialect),
        (Reply::html(401), FaultKind::UnknownDialect),
        (Reply::html(403), FaultKind::UnknownDialect),
        (Reply::html(200), FaultKind::NotJson),
        (Reply::json(200, &list(vec![], 0, 50, 1)), FaultKind::UnknownDialect),
        (Reply::html(302).with("Location", "/auth/login"), FaultKind::Redirected),
        (Reply::html(503), FaultKind::Maintenance),
    ] {
        let panel = Script::start({
            let reply = reply.clone();
            move |_| reply.clone()
        })
        .await;
        let client = panel.client_with(|access, _| access.dialect = None);
        assert_eq!(client.dialect().await.unwrap_err().kind, kind, "{reply:?}");
    }
}
