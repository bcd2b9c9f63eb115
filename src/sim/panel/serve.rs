//! The socket side: accepts connections, reads requests, and carries out the faults that own the connection.

use std::future::pending;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::header::{
    ACCEPT, AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, COOKIE, HOST, HeaderName, HeaderValue, ORIGIN, REFERER,
};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::sleep;

use crate::panel::engine::Engine;
use crate::panel::fault::FaultKind;
use crate::panel::problem::Problem;
use crate::panel::query::Query;
use crate::panel::request::{Request, prefers_json};
use crate::panel::seen::{Api, SeenRequest};
use crate::panel::spoil;
use crate::reply::Reply;
use crate::socket::{self, Doom, Socket, Wire};

/// Serves a panel until it is dropped.
pub(crate) async fn accept(engine: Arc<Engine>, listener: TcpListener) {
    socket::accept(listener, move |stream, peer| connection(Arc::clone(&engine), stream, peer)).await;
}

async fn connection(engine: Arc<Engine>, stream: TcpStream, peer: SocketAddr) {
    let doom = Doom::default();
    let socket = TokioIo::new(Socket::new(stream, doom.clone()));
    let service = service_fn(|request| {
        let (engine, doom) = (Arc::clone(&engine), doom.clone());
        async move { handle(&engine, request, peer.ip(), &doom).await }
    });
    let served =
        http1::Builder::new().timer(TokioTimer::new()).title_case_headers(true).serve_connection(socket, service);
    if let Err(error) = served.await {
        tracing::trace!(%error, "connection to the simulated panel ended early");
    }
}

type Incoming1 = hyper::Request<Incoming>;
type Outgoing = hyper::Response<Wire>;

async fn handle(engine: &Engine, incoming: Incoming1, peer: IpAddr, doom: &Doom) -> Result<Outgoing, io::Error> {
    let _in_flight = engine.seen.enter();
    let request = read(incoming, peer).await?;
    let faults = engine.faults.draw(&request.target());
    let mut log = Log::new(engine, &request, !faults.is_empty());
    let delays = faults.iter().filter_map(|kind| if let FaultKind::Delay(by) = kind { Some(*by) } else { None });
    let wait = engine.spec.page_delay + delays.sum();
    if !wait.is_zero() {
        sleep(wait).await;
    }
    if faults.contains(&FaultKind::Hang) {
        pending::<()>().await;
    }
    if faults.contains(&FaultKind::Reset) {
        doom.seal();
        return Err(io::Error::other("reset on purpose"));
    }
    let reply = answer(engine, &request, &faults);
    log.status = reply.status;
    drop(log);
    Ok(outgoing(reply, &faults, doom))
}

/// Writes the request down when it is over, however it ends.
struct Log<'a> {
    engine: &'a Engine,
    request: &'a Request,
    status: u16,
    faulty: bool,
}

impl<'a> Log<'a> {
    fn new(engine: &'a Engine, request: &'a Request, faulty: bool) -> Self {
        Self { engine, request, status: 0, faulty }
    }
}

impl Drop for Log<'_> {
    fn drop(&mut self) {
        self.engine.seen.record(SeenRequest {
            method: self.request.method.clone(),
            path: self.request.path.clone(),
            query: self.request.raw_query.clone(),
            status: self.status,
            api: Api::of(&self.request.path),
            limited: self.status == 429,
            faulty: self.faulty,
        });
    }
}

fn answer(engine: &Engine, request: &Request, faults: &[FaultKind]) -> Reply {
    if let Some(reply) = faults.iter().find_map(|kind| engine.in_front(request, kind)) {
        return reply;
    }
    let mut reply = engine.answer(request, faults);
    for kind in faults {
        if matches!(kind, FaultKind::ShiftRow | FaultKind::InsertBetween) {
            engine.worlds.write(|store| spoil::world(kind, request, &reply, store.edit()));
        }
    }
    for kind in faults {
        spoil::body(kind, &mut reply);
        if let FaultKind::WriteThen5xx(status) = kind
            && reply.status < 400
        {
            reply = Reply { headers: reply.headers, ..Reply::json(*status, Problem::for_status(*status).body(false)) };
        }
    }
    reply
}

async fn read(incoming: Incoming1, peer: IpAddr) -> Result<Request, io::Error> {
    let (head, body) = incoming.into_parts();
    let body: Bytes = body.collect().await.map_err(io::Error::other)?.to_bytes();
    let header = |name: HeaderName| head.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let raw_query = head.uri.query().unwrap_or_default().to_owned();
    let token = header(AUTHORIZATION).split_once(' ').filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
    let host = header(HOST);
    let origin = |name| header(name).split('/').nth(2).is_some_and(|origin| origin == host);
    let from_browser = header(COOKIE).contains("_session=") || origin(ORIGIN) || origin(REFERER);
    Ok(Request {
        from_browser,
        method: head.method.as_str().to_owned(),
        path: head.uri.path().to_owned(),
        query: Query::parse(&raw_query),
        raw_query,
        wants_json: prefers_json(header(ACCEPT)),
        token: token.map(|(_, token)| token.trim().to_owned()),
        sends_json: prefers_json(header(CONTENT_TYPE)),
        body,
        peer,
        base: format!("http://{host}"),
    })
}

fn outgoing(reply: Reply, faults: &[FaultKind], doom: &Doom) -> Outgoing {
    let mut response = hyper::Response::new(Wire::Whole(None));
    *response.status_mut() =
        hyper::StatusCode::from_u16(reply.status).unwrap_or(hyper::StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    if let Some(media) = reply.media {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(media));
    }
    headers.insert("cache-control", HeaderValue::from_static("no-cache, private"));
    for (name, value) in &reply.headers {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(*name), HeaderValue::try_from(value.as_str())) {
            headers.append(name, value);
        }
    }
    let promised = HeaderValue::from(reply.body.len());
    *response.body_mut() = match faults.iter().find_map(|kind| cut(kind, &reply.body, doom)) {
        Some((wire, keeps_promise)) => {
            if keeps_promise {
                response.headers_mut().insert(CONTENT_LENGTH, promised);
            }
            wire
        }
        None => Wire::whole(reply.body),
    };
    response
}

/// A body that ends early, and whether its full length is announced.
fn cut(kind: &FaultKind, body: &[u8], doom: &Doom) -> Option<(Wire, bool)> {
    match kind {
        FaultKind::ResetMidBody => {
            doom.seal();
            Some((Wire::half(body.to_vec()), true))
        }
        FaultKind::TruncatedBody => Some((Wire::half(body.to_vec()), true)),
        FaultKind::HugeBody(bytes) => Some((Wire::Huge(*bytes), false)),
        _ => None,
    }
}
