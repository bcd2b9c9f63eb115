//! How a command reaches the data file: through the socket of the Aviary that runs, or, when none does, by opening the file
//! itself. Either way it speaks to the same API, so that each rule is written once.

use std::path::{Path, PathBuf};
use std::time::Duration;

use actix_web::dev::ServerHandle;
use aviary_kernel::base::{Env, MasterKey};
use aviary_kernel::config::Config;
use futures_util::StreamExt;
use reqwest::{Client, Method, Response};
use serde_json::Value;
use tokio::net::UnixStream;
use tokio::runtime::Handle;

use super::{Done, Failure};
use crate::app::App;

/// An open door to the data file.
pub(super) struct Door {
    client: Client,
    /// Our own server, when no other runs.
    own: Option<Own>,
}

struct Own {
    app: App,
    server: ServerHandle,
    socket: PathBuf,
}

/// A running server answers within this, or says why not.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

impl Door {
    /// Whether an Aviary runs that has the data file open.
    pub(super) async fn is_served(config: &Config) -> bool {
        UnixStream::connect(config.socket()).await.is_ok()
    }

    pub(super) async fn open(config: &Config) -> Result<Self, Failure> {
        Self::open_with(config, None).await
    }

    /// The same with the key at hand that the master key was being renewed to, should the file be opened here.
    pub(super) async fn open_with(config: &Config, new_key: Option<MasterKey>) -> Result<Self, Failure> {
        let socket = config.socket();
        if Self::is_served(config).await {
            return Ok(Self { client: client(&socket)?, own: None });
        }
        let mut app = App::open_with(config, Env::system(), Handle::current(), new_key).await?;
        // A name of its own: other commands must not come to depend on this one staying.
        let socket = config.data_dir.join(format!("command-{}.sock", std::process::id()));
        let server = aviary_web::serve_local(app.services.clone(), &socket)?;
        let handle = server.handle();
        tokio::spawn(server);
        app.start_syncs();
        Ok(Self { client: client(&socket)?, own: Some(Own { app, server: handle, socket }) })
    }

    /// Whether the file was opened here, because no server runs.
    pub(super) fn is_own(&self) -> bool {
        self.own.is_some()
    }

    /// Closes what was opened; a running server goes on.
    pub(super) async fn close(self) {
        if let Some(own) = self.own {
            own.server.stop(true).await;
            let _ = std::fs::remove_file(&own.socket);
            own.app.close().await;
        }
    }

    pub(super) async fn get(&self, path: &str) -> Result<Value, Failure> {
        self.call(Method::GET, path, None).await
    }

    pub(super) async fn post(&self, path: &str, body: Value) -> Result<Value, Failure> {
        self.call(Method::POST, path, Some(body)).await
    }

    pub(super) async fn delete(&self, path: &str) -> Result<Value, Failure> {
        self.call(Method::DELETE, path, None).await
    }

    /// The `data` of the answer.
    async fn call(&self, method: Method, path: &str, body: Option<Value>) -> Result<Value, Failure> {
        let answer = self.send(method, path, body).await?;
        let text = answer.bytes().await.map_err(broken)?;
        let mut value: Value =
            serde_json::from_slice(&text).map_err(|e| Failure::Failed(format!("Aviary answered strangely: {e}")))?;
        Ok(value["data"].take())
    }

    async fn send(&self, method: Method, path: &str, body: Option<Value>) -> Result<Response, Failure> {
        let mut request = self.client.request(method, format!("http://aviary{path}"));
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer = request.send().await.map_err(broken)?;
        if answer.status().is_success() { Ok(answer) } else { Err(refusal(answer).await) }
    }

    /// Hands on an answer that is no JSON, piece by piece.
    pub(super) async fn read(&self, path: &str, mut take: impl FnMut(&[u8]) -> std::io::Result<()>) -> Done {
        let mut pieces = self.send(Method::GET, path, None).await?.bytes_stream();
        while let Some(piece) = pieces.next().await {
            take(&piece.map_err(broken)?)?;
        }
        Ok(())
    }

    /// Follows a stream of server-sent events until `seen` says that it has seen enough, or the stream ends.
    pub(super) async fn follow(&self, path: &str, mut seen: impl FnMut(&str, Value) -> bool) -> Done {
        let mut stream = self.send(Method::GET, path, None).await?.bytes_stream();
        let mut waiting = Vec::new();
        while let Some(bytes) = stream.next().await {
            waiting.extend_from_slice(&bytes.map_err(broken)?);
            while let Some(end) = waiting.windows(2).position(|pair| pair == b"\n\n") {
                let event: Vec<u8> = waiting.drain(..end + 2).collect();
                if let Some((name, data)) = parse_event(&String::from_utf8_lossy(&event))
                    && seen(&name, data)
                {
                    return Ok(());
                }
            }
        }
        Ok(())
    }
}

/// The name and data of an event; none for a comment.
fn parse_event(text: &str) -> Option<(String, Value)> {
    let field = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
    let data = serde_json::from_str(field("data:")?).ok()?;
    Some((field("event:").unwrap_or("message").to_owned(), data))
}

fn client(socket: &Path) -> Result<Client, Failure> {
    let built = Client::builder().unix_socket(socket).connect_timeout(CONNECT_TIMEOUT).build();
    built.map_err(|e| Failure::Failed(e.to_string()))
}

fn broken(error: reqwest::Error) -> Failure {
    Failure::Failed(format!("the connection to Aviary broke off: {}", error.without_url()))
}

/// What a refusal says, for a person.
async fn refusal(answer: Response) -> Failure {
    let status = answer.status().as_u16();
    let body: Value = answer.json().await.unwrap_or_default();
    let text = ["detail", "error", "title"]
        .into_iter()
        .find_map(|field| body[field].as_str())
        .unwrap_or("no reason was given");
    let text = text.to_owned();
    match status {
        400 | 422 => Failure::Usage(text),
        409 => Failure::NeedsPerson(text),
        _ => Failure::Failed(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_read_and_comments_passed_over() {
        let (name, data) = parse_event("event: update\ndata: {\"percent\":7}\n\n").unwrap();
        assert_eq!((name.as_str(), data["percent"].as_u64()), ("update", Some(7)));
        assert_eq!(parse_event(": ping\n\n"), None);
    }
}
