use aviary_kernel::base::Secret;

use crate::script::{APP_KEY, CLIENT_KEY, Reply, Script, collect, page_of, users};

#[tokio::test]
async fn a_request_is_that_of_a_program_and_not_of_a_browser() {
    let rows = users(1..=3);
    let panel = Script::start(move |request| {
        Reply::json(200, &page_of(request, &rows, 3)).counted().with("Set-Cookie", "pterodactyl_session=x")
    })
    .await;
    let client = panel.client_with(|_, options| {
        options.headers = vec![("CF-Access-Client-Secret".to_owned(), Secret::from("s3cret"))];
    });
    for _ in 0..2 {
        let _ = collect(async |pages| client.users(pages).await).await;
    }
    for request in panel.seen() {
        assert_eq!(request.header("accept"), Some("application/json"));
        assert_eq!(request.header("authorization"), Some(format!("Bearer {APP_KEY}").as_str()));
        assert_eq!(request.header("cf-access-client-secret"), Some("s3cret"));
        assert_eq!(request.header("user-agent"), Some(concat!("Aviary/", env!("CARGO_PKG_VERSION"))));
        for name in ["cookie", "origin", "referer"] {
            assert_eq!(request.header(name), None, "{name}");
        }
    }
}

#[tokio::test]
async fn keys_show_up_nowhere_but_in_their_header() {
    let panel = Script::start(|_| Reply::error(401, "AuthenticationException")).await;
    let client = panel.client_with(|access, options| {
        access.client_key = Some(Secret::from(CLIENT_KEY));
        options.headers = vec![("X-Door".to_owned(), Secret::from("open-sesame"))];
        let told = format!("{access:?} {options:?}");
        assert!(!told.contains("0123456789abc") && !told.contains("open-sesame"), "{told}");
    });
    let (_, _, outcome) = collect(async |pages| client.users(pages).await).await;
    let told = format!("{client:?} {:?} {}", outcome, outcome.as_ref().unwrap_err());
    assert!(!told.contains("0123456789abc") && !told.contains("open-sesame"), "{told}");
    assert!(panel.seen().iter().all(|request| !request.target.contains("0123456789abc")));
}

#[tokio::test]
async fn a_redirect_is_not_followed_with_the_key() {
    let elsewhere = Script::start(|_| Reply::html(200)).await;
    let target = format!("{}/auth/login", elsewhere.url);
    let panel = Script::start(move |_| Reply::html(302).with("Location", &target)).await;
    let client = panel.client();
    let (_, _, outcome) = collect(async |pages| client.users(pages).await).await;
    assert!(outcome.is_err());
    assert!(elsewhere.seen().is_empty());
}
