//! Real sockets.

use std::os::unix::fs::PermissionsExt;

use aviary_web::{serve, serve_local};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};

use crate::desk::Desk;

async fn ask(mut stream: impl AsyncReadExt + AsyncWriteExt + Unpin, path: &str) -> String {
    stream.write_all(format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[actix_web::test]
async fn the_local_socket_is_trusted_and_the_network_is_not() {
    let desk = Desk::empty();
    let socket = desk.dir.path().join("aviary.sock");
    // What a process that died left behind.
    drop(std::os::unix::net::UnixListener::bind(&socket).unwrap());
    let (server, address) =
        serve(desk.services.clone(), "127.0.0.1:0".parse().unwrap(), Some(socket.clone()), 1).unwrap();
    let handle = server.handle();
    let server = actix_web::rt::spawn(server);

    assert_eq!(std::fs::metadata(&socket).unwrap().permissions().mode() & 0o777, 0o600);
    let trusted = ask(UnixStream::connect(&socket).await.unwrap(), "/api/v1/counts").await;
    assert!(trusted.starts_with("HTTP/1.1 200"), "{trusted}");
    let stranger = ask(TcpStream::connect(address).await.unwrap(), "/api/v1/counts").await;
    assert!(stranger.starts_with("HTTP/1.1 401"), "{stranger}");
    assert!(stranger.contains("application/problem+json"));

    handle.stop(true).await;
    server.await.unwrap().unwrap();
}

#[actix_web::test]
async fn the_command_line_gets_a_door_of_its_own() {
    let desk = Desk::with(|options| options.api_key = None);
    let socket = desk.dir.path().join("aviary.sock");
    let server = serve_local(desk.services.clone(), &socket).unwrap();
    let handle = server.handle();
    let server = actix_web::rt::spawn(server);
    let answer = ask(UnixStream::connect(&socket).await.unwrap(), "/api/v1/counts").await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    handle.stop(true).await;
    server.await.unwrap().unwrap();
}
