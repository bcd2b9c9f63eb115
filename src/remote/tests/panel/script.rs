//! A server that answers what a closure says, and remembers what it was asked.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use aviary_kernel::base::{Env, Secret};
use aviary_kernel::model::Dialect;
use aviary_remote::{HttpOptions, Page, PanelAccess, PanelClient};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

pub(crate) const APP_KEY: &str = "ptla_0123456789A0123456789abcdefghijklmnopqrstuv";
pub(crate) const CLIENT_KEY: &str = "ptlc_0123456789A0123456789abcdefghijklmnopqrstuv";

/// A request as it came in.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) target: String,
    pub(crate) head: String,
}

impl Seen {
    pub(crate) fn path(&self) -> &str {
        self.target.split('?').next().unwrap()
    }

    pub(crate) fn number(&self, name: &str) -> Option<u64> {
        self.text(name)?.parse().ok()
    }

    pub(crate) fn text(&self, name: &str) -> Option<String> {
        let query = self.target.split_once('?')?.1;
        let pairs = url::form_urlencoded::parse(query.as_bytes());
        pairs.into_owned().find(|(key, _)| key == name).map(|(_, value)| value)
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }
}

/// What is sent back.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
    pub(crate) how: How,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum How {
    Whole,
    /// Closes the connection in the middle of the body.
    Cut,
    /// Closes the connection without an answer.
    Reset,
    /// Never answers.
    Hang,
}

impl Reply {
    pub(crate) fn json(status: u16, body: &Value) -> Self {
        Self { status, headers: vec![], body: body.to_string(), how: How::Whole }
            .with("Content-Type", "application/json")
    }

    pub(crate) fn html(status: u16) -> Self {
        let body = "<!DOCTYPE html><html><body>hello</body></html>".to_owned();
        Self { status, headers: vec![], body, how: How::Whole }.with("Content-Type", "text/html")
    }

    pub(crate) fn error(status: u16, code: &str) -> Self {
        Self::json(
            status,
            &json!({"errors": [{"code": code, "status": status.to_string(), "detail": "in any language"}]}),
        )
    }

    pub(crate) fn with(mut self, name: &str, value: impl ToString) -> Self {
        self.headers.push((name.to_owned(), value.to_string()));
        self
    }

    /// With the headers of a request that was counted.
    pub(crate) fn counted(self) -> Self {
        self.with("X-RateLimit-Limit", 240).with("X-RateLimit-Remaining", 239)
    }

    pub(crate) fn how(self, how: How) -> Self {
        Self { how, ..self }
    }
}

pub(crate) struct Script {
    pub(crate) url: String,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Script {
    /// Answers every request with what `answer` makes of it.
    pub(crate) async fn start(answer: impl Fn(&Seen) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (answer, log) = (Arc::new(answer), seen.clone());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, answer.clone(), log.clone()));
            }
        });
        Self { url, seen }
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    pub(crate) fn client(&self) -> PanelClient {
        self.client_with(|_, _| {})
    }

    pub(crate) fn client_with(&self, change: impl FnOnce(&mut PanelAccess, &mut HttpOptions)) -> PanelClient {
        let mut access = access(&self.url);
        let mut options = quick();
        change(&mut access, &mut options);
        PanelClient::new(access, &options, Env::system()).unwrap()
    }
}

pub(crate) fn access(url: &str) -> PanelAccess {
    PanelAccess {
        name: "harbour".to_owned(),
        base_url: url.to_owned(),
        app_key: Secret::from(APP_KEY),
        client_key: None,
        dialect: Some(Dialect::Pterodactyl),
        share_percent: 80,
    }
}

pub(crate) fn quick() -> HttpOptions {
    HttpOptions {
        backoff: Duration::from_millis(1),
        request_timeout: Duration::from_secs(20),
        ..HttpOptions::default()
    }
}

async fn serve(mut stream: TcpStream, answer: Arc<impl Fn(&Seen) -> Reply>, log: Arc<Mutex<Vec<Seen>>>) {
    while let Some(request) = read_head(&mut stream).await {
        let reply = answer(&request);
        log.lock().unwrap().push(request);
        match reply.how {
            How::Reset => return,
            How::Hang => std::future::pending().await,
            How::Whole | How::Cut => {}
        }
        let mut text = format!("HTTP/1.1 {} Any\r\nContent-Length: {}\r\n", reply.status, reply.body.len());
        for (name, value) in &reply.headers {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        text.push_str("\r\n");
        let sent = if reply.how == How::Cut { reply.body.len() / 2 } else { reply.body.len() };
        text.push_str(&reply.body[..sent]);
        if stream.write_all(text.as_bytes()).await.is_err() || reply.how == How::Cut {
            return;
        }
    }
}

async fn read_head(stream: &mut TcpStream) -> Option<Seen> {
    let mut head = vec![stream.read_u8().await.ok()?];
    if head[0] == 0x16 {
        // A secure connection is being asked for.
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        return None;
    }
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    let head = String::from_utf8(head).ok()?;
    let target = head.split(' ').nth(1)?.to_owned();
    Some(Seen { target, head })
}

/// A page of a list as a panel would cut it out of `rows`.
pub(crate) fn page_of(request: &Seen, rows: &[Value], total: usize) -> Value {
    let per_page = request.number("per_page").unwrap_or(50) as usize;
    let page = request.number("page").unwrap_or(1) as usize;
    let data: Vec<_> = rows.iter().skip((page - 1) * per_page).take(per_page).cloned().collect();
    list(data, total, per_page, page)
}

pub(crate) fn list(data: Vec<Value>, total: usize, per_page: usize, page: usize) -> Value {
    let pagination = json!({
        "total": total, "count": data.len(), "per_page": per_page, "current_page": page,
        "total_pages": total.div_ceil(per_page).max(1), "links": {}
    });
    json!({"object": "list", "data": data, "meta": {"pagination": pagination}})
}

pub(crate) fn user(id: u64) -> Value {
    json!({"object": "user", "attributes": {
        "id": id, "external_id": null, "uuid": format!("00000000-0000-4000-8000-{id:012}"), "username": format!("diver{id}"),
        "email": format!("diver{id}@reef.example"), "first_name": null, "last_name": null, "language": "en",
        "root_admin": false, "2fa": false, "created_at": "2024-05-02T14:40:09+00:00", "updated_at": "2024-05-02T14:40:09+00:00"
    }})
}

pub(crate) fn users(ids: impl IntoIterator<Item = u64>) -> Vec<Value> {
    ids.into_iter().map(user).collect()
}

/// Reads a listing to its end, pages and all.
pub(crate) async fn collect<T: Send + 'static, O>(
    list: impl AsyncFnOnce(mpsc::Sender<Page<T>>) -> O,
) -> (Vec<T>, Vec<u32>, O) {
    let (sender, mut pages) = mpsc::channel::<Page<T>>(2);
    let reader = async move {
        let (mut rows, mut numbers) = (Vec::new(), Vec::new());
        while let Some(page) = pages.recv().await {
            numbers.push(page.number);
            rows.extend(page.rows);
        }
        (rows, numbers)
    };
    let (outcome, (rows, numbers)) = tokio::join!(list(sender), reader);
    (rows, numbers, outcome)
}
