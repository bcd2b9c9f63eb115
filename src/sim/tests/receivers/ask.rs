//! Questions to receivers.

use std::time::Duration;

use aviary_sim::{Receiver, SimClock};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::wire::{Answer, raw};

/// A clock that stands still.
pub(crate) fn held() -> SimClock {
    SimClock::held_at("2026-03-01T12:00:00Z".parse().expect("time"))
}

/// Nothing here takes long; what hangs for ever fails instead.
pub(crate) async fn soon<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(30), what).await.expect("it happens")
}

pub(crate) async fn get(receiver: &Receiver, path: &str) -> Answer {
    soon(raw(receiver.address(), "GET", path, &[], "")).await.expect("an answer")
}

pub(crate) async fn delete(receiver: &Receiver, path: &str) -> Answer {
    soon(raw(receiver.address(), "DELETE", path, &[], "")).await.expect("an answer")
}

pub(crate) async fn post(receiver: &Receiver, path: &str, body: &Value) -> Answer {
    send(receiver, path, &[], &body.to_string()).await.expect("an answer")
}

/// JSON with further headers.
pub(crate) async fn send(
    receiver: &Receiver,
    path: &str,
    headers: &[(&str, String)],
    body: &str,
) -> std::io::Result<Answer> {
    let mut all = vec![("Content-Type", "application/json; charset=utf-8".to_owned())];
    all.extend_from_slice(headers);
    soon(raw(receiver.address(), "POST", path, &all, body)).await
}

/// The first bytes of an answer that may have no end.
pub(crate) async fn beginning(receiver: &Receiver, path: &str, bytes: usize) -> Vec<u8> {
    let mut stream = TcpStream::connect(receiver.address()).await.expect("a connection");
    let request = format!("POST {path} HTTP/1.1\r\nHost: sim\r\nContent-Length: 2\r\n\r\n{{}}");
    stream.write_all(request.as_bytes()).await.expect("sent");
    let mut read = vec![0; bytes];
    soon(stream.read_exact(&mut read)).await.expect("so many bytes");
    read
}
