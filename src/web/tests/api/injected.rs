//! What callers write shall not turn up where it means something: in headers, in the log.

use std::io;
use std::sync::{Arc, Mutex};

use actix_web::http::Method;
use actix_web::test::TestRequest;
use aviary_web::serve;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::desk::{Desk, KEY, PASSWORD, keyed};

/// Sends bytes as they are; the answer, or nothing when the door was shut.
async fn raw(address: std::net::SocketAddr, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    // The door may be shut before everything was sent, and that is fine.
    let _ = stream.write_all(bytes).await;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer).into_owned()
}

fn status(answer: &str) -> Option<u16> {
    answer.split(' ').nth(1).and_then(|status| status.parse().ok())
}

#[actix_web::test]
async fn nobody_writes_headers_into_our_answers() {
    let desk = Desk::empty();
    let (server, address) = serve(desk.services.clone(), "127.0.0.1:0".parse().unwrap(), None, 1).unwrap();
    let handle = server.handle();
    let server = actix_web::rt::spawn(server);
    let get = |path: &str, more: &str| format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{more}\r\n");

    for path in [
        "/admin/servers?q=%0d%0aset-cookie:%20planted=1",
        "/admin/%0d%0aset-cookie:%20planted=1",
        "/api/v1/panels/%0d%0aset-cookie:%20planted=1",
        "/api/nothing/%E5%98%8A%E5%98%8Dset-cookie:%20planted=1",
        "/admin/login?next=/admin/%0d%0aset-cookie:%20planted=1",
    ] {
        let answer = raw(address, get(path, "").as_bytes()).await;
        let head = answer.split("\r\n\r\n").next().unwrap().to_lowercase();
        assert!(!head.contains("\nset-cookie: planted"), "{path}: {head}");
        assert!(status(&answer).is_some_and(|status| status < 500), "{path}: {answer}");
    }
    for more in [
        "x-request-id: a\r\n set-cookie: planted=1\r\n",
        "origin: https://www.example.com\rset-cookie: planted=1\r\n",
        "x-api-key: \u{0}\r\n",
        "authorization: Bearer \u{7f}\u{1}\r\n",
        "content-length: 5\r\ncontent-length: 6\r\n",
        "transfer-encoding: chunked\r\ncontent-length: 6\r\n",
    ] {
        let answer = raw(address, get("/api/v1/counts", more).as_bytes()).await;
        let head = answer.split("\r\n\r\n").next().unwrap().to_lowercase();
        assert!(!head.contains("\nset-cookie: planted") && status(&answer) != Some(200), "{more:?}: {answer}");
    }
    let long = "a".repeat(300_000);
    for request in [
        get("/api/stats", &format!("x-long: {long}\r\n")),
        get(&format!("/api/stats?{long}"), ""),
        get("/api/stats", &"x-many: 1\r\n".repeat(20_000)),
        get(&format!("/api/stats?{}", &long[..9_000]), ""),
    ] {
        let answer = raw(address, request.as_bytes()).await;
        assert!(status(&answer).is_none_or(|status| (400..500).contains(&status)), "{}", &answer[..60]);
    }
    assert_eq!(status(&raw(address, get("/api/stats", "").as_bytes()).await), Some(200), "it lives on");
    handle.stop(false).await;
    server.await.unwrap().unwrap();
}

/// Keeps what is logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Log {
    /// What is logged in this thread while both live. With a single listener in the process, other threads would decide for
    /// themselves, and so for all, that nobody listens.
    fn listen(&self) -> (tracing::subscriber::DefaultGuard, tracing::Dispatch) {
        let log = self.clone();
        let all = tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_ansi(false);
        let second = tracing::Dispatch::new(tracing_subscriber::registry());
        (tracing::subscriber::set_default(all.with_writer(move || log.clone()).finish()), second)
    }

    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

#[actix_web::test]
async fn the_log_holds_neither_secrets_nor_lines_that_callers_wrote() {
    let desk = Desk::empty();
    let token = desk.token_of("ada@example.com", &["SUPER_ADMIN"]).await;
    let log = Log::default();
    let listening = log.listen();

    let planted = "%0a2026-01-01T00:00:00Z%20INFO%20planted";
    for path in [format!("/api/{planted}"), format!("/admin/{planted}"), format!("/api/stats?x={planted}")] {
        desk.anonymous(&path).await;
    }
    let events = format!("/api/v1/syncs/{}/events?token=", uuid::Uuid::nil());
    desk.anonymous(&format!("{events}{token}")).await.problem(404);
    desk.anonymous(&format!("{events}{}", KEY.replace(' ', "+"))).await.problem(404);
    desk.anonymous(&format!("/api/v1/counts?api_key={}", KEY.replace(' ', "%20"))).await.ok();
    desk.call(keyed(TestRequest::get().uri("/api/v1/counts"))).await.ok();
    let ticket = desk.by(&token, Method::POST, "/api/v1/tickets", Value::Null).await.ok()["ticket"].clone();
    desk.anonymous(&format!("{events}{}", ticket.as_str().unwrap())).await.problem(404);
    let credentials = json!({"email": "ada@example.com", "password": PASSWORD});
    let entered = desk.call(TestRequest::post().uri("/api/v1/auth/login").set_json(credentials)).await.ok();
    let wrong = json!({"email": "ada@example.com\nplanted@example.com", "password": "Planted-1"});
    desk.call(TestRequest::post().uri("/api/v1/auth/login").set_json(wrong)).await;
    drop(listening);

    let log = log.text();
    assert!(log.contains("GET /api/v1/counts 200"), "{log}");
    for line in log.lines() {
        assert!(line.starts_with("20") && !line.starts_with("2026-01-01"), "a line that a caller wrote: {line}");
    }
    let refresh = entered["refreshToken"].as_str().unwrap();
    for secret in
        [&token, KEY, "the+key+of", "the%20key%20of", ticket.as_str().unwrap(), refresh, PASSWORD, "Planted-1"]
    {
        assert!(!log.contains(secret), "{secret} is in the log");
    }
    assert!(!log.contains("ada@example.com") && !log.contains("token="), "{log}");
}
