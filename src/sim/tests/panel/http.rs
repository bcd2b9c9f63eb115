//! A client as small as it can be: one request per connection, nothing followed, nothing hidden.

use aviary_sim::{PanelSpec, SimClock, SimPanel};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    /// The body is as long as was promised.
    pub(crate) whole: bool,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error} in {}", self.text()))
    }

    /// The code of the first error.
    pub(crate) fn code(&self) -> String {
        self.json()["errors"][0]["code"].as_str().unwrap_or_default().to_owned()
    }

    /// The ids of the rows.
    pub(crate) fn ids(&self) -> Vec<u64> {
        let page = self.json();
        let rows = page["data"].as_array().cloned().unwrap_or_default();
        rows.iter().map(|row| row["attributes"]["id"].as_u64().expect("rows have ids")).collect()
    }

    pub(crate) fn total(&self) -> i64 {
        self.json()["meta"]["pagination"]["total"].as_i64().expect("lists have totals")
    }
}

/// A panel with a held clock, so that the rate limit and all times stand still.
pub(crate) async fn panel(spec: PanelSpec) -> SimPanel {
    let start = "2025-09-10T12:00:00Z".parse().expect("time");
    SimPanel::start(PanelSpec { clock: SimClock::held_at(start), ..spec }).await.expect("a free port")
}

pub(crate) async fn get(panel: &SimPanel, path: &str) -> Answer {
    let key = if path.starts_with("/api/client") { panel.client_key() } else { panel.app_key() };
    ask(panel, "GET", path, Some(key), None).await
}

pub(crate) async fn send(panel: &SimPanel, method: &str, path: &str, body: Value) -> Answer {
    let key = if path.starts_with("/api/client") { panel.client_key() } else { panel.app_key() };
    ask(panel, method, path, Some(key), Some(body)).await
}

pub(crate) async fn ask(panel: &SimPanel, method: &str, path: &str, key: Option<&str>, body: Option<Value>) -> Answer {
    let mut headers = vec![("Accept", "application/json".to_owned())];
    if let Some(key) = key {
        headers.push(("Authorization", format!("Bearer {key}")));
    }
    if body.is_some() {
        headers.push(("Content-Type", "application/json".to_owned()));
    }
    let body = body.map(|body| body.to_string()).unwrap_or_default();
    raw(panel, method, path, &headers, &body).await.expect("an answer")
}

pub(crate) async fn raw(
    panel: &SimPanel,
    method: &str,
    path: &str,
    headers: &[(&str, String)],
    body: &str,
) -> std::io::Result<Answer> {
    let mut stream = TcpStream::connect(panel.address()).await?;
    let mut head = format!("{method} {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n", panel.address());
    for (name, value) in headers {
        head += &format!("{name}: {value}\r\n");
    }
    head += &format!("Content-Length: {}\r\n\r\n{body}", body.len());
    stream.write_all(head.as_bytes()).await?;
    let mut bytes = Vec::new();
    let end = stream.read_to_end(&mut bytes).await;
    if bytes.is_empty() {
        end?;
        return Err(std::io::ErrorKind::UnexpectedEof.into());
    }
    Ok(parse(&bytes))
}

fn parse(bytes: &[u8]) -> Answer {
    let split = bytes.windows(4).position(|window| window == b"\r\n\r\n").expect("a head");
    let head = String::from_utf8_lossy(&bytes[..split]).into_owned();
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok()).expect("a status");
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let body = bytes[split + 4..].to_vec();
    let promised = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    let whole = promised.is_none_or(|(_, length)| length.parse() == Ok(body.len()));
    Answer { status, headers, body, whole }
}
