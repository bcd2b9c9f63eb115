//! The socket side of the receivers: reads requests, and carries out the troubles that own the connection.

use std::future::pending;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::header::{CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, HeaderName, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::sleep;

use crate::receiver::{Received, Service, Trouble, control};
use crate::reply::Reply;
use crate::socket::{self, Doom, Socket, Wire};

type Outgoing = hyper::Response<Wire>;

/// Serves until it is dropped.
pub(crate) async fn accept(service: Arc<dyn Service>, listener: TcpListener) {
    socket::accept(listener, move |stream, _| connection(Arc::clone(&service), stream)).await;
}

/// Forgets everything that arrived.
pub(crate) fn forget(service: &dyn Service) {
    service.common().requests.clear();
    service.common().in_flight.reset();
    service.forget();
}

async fn connection(service: Arc<dyn Service>, stream: TcpStream) {
    let doom = Doom::default();
    let socket = TokioIo::new(Socket::new(stream, doom.clone()));
    let answer = service_fn(|request| {
        let (service, doom) = (Arc::clone(&service), doom.clone());
        async move { handle(&*service, request, &doom).await }
    });
    if let Err(error) = http1::Builder::new().timer(TokioTimer::new()).serve_connection(socket, answer).await {
        tracing::trace!(%error, "connection to a simulated receiver ended early");
    }
}

async fn handle(service: &dyn Service, incoming: hyper::Request<Incoming>, doom: &Doom) -> Result<Outgoing, io::Error> {
    let common = service.common();
    let (mut request, whole) = read(service, incoming).await?;
    if let Some(reply) = control::answer(service, &request) {
        return Ok(outgoing(reply, None));
    }
    let _in_flight = common.in_flight.enter();
    let mut troubles = common.faults.draw(&request.target());
    troubles.extend(service.asked_for(&request));
    let outcome =
        if whole { decide(service, &request, &troubles) } else { Outcome::refused(service.failure(413, None)) };
    request.status = outcome.status();
    service.note(&request);
    let weight = request.weight();
    common.requests.put(request, weight);
    if !outcome.wait.is_zero() {
        sleep(outcome.wait).await;
    }
    match outcome.then {
        Then::Answer(reply) if whole => Ok(outgoing(reply, outcome.body.map(|spoiled| spoiled.wire(doom)))),
        Then::Answer(reply) => Ok(last(outgoing(reply, None))),
        Then::Hang => pending().await,
        Then::Reset => {
            doom.seal();
            Err(io::Error::other("reset on purpose"))
        }
    }
}

/// How a request ends.
struct Outcome {
    wait: Duration,
    then: Then,
    /// Another body in place of the answer's.
    body: Option<Spoiled>,
}

#[derive(Clone, Copy)]
enum Spoiled {
    Cut,
    Endless,
    Drip(Duration),
}

impl Spoiled {
    fn wire(self, doom: &Doom) -> Wire {
        match self {
            Self::Cut => {
                doom.seal();
                Wire::half(vec![b' '; CUT_FROM])
            }
            Self::Endless => Wire::Huge(u64::MAX),
            Self::Drip(every) => Wire::drip(every),
        }
    }
}

/// Bytes that are promised of an answer that is cut.
const CUT_FROM: usize = 64;

enum Then {
    Answer(Reply),
    Hang,
    Reset,
}

impl Outcome {
    fn refused(reply: Reply) -> Self {
        Self { wait: Duration::ZERO, then: Then::Answer(reply), body: None }
    }

    fn status(&self) -> u16 {
        if let Then::Answer(reply) = &self.then { reply.status } else { 0 }
    }
}

fn decide(service: &dyn Service, request: &Received, troubles: &[Trouble]) -> Outcome {
    let mut outcome = Outcome { wait: Duration::ZERO, then: Then::Hang, body: None };
    let mut reply = in_front(service, troubles);
    for trouble in troubles {
        match trouble {
            Trouble::Delay(by) => outcome.wait += *by,
            Trouble::Hang => return outcome,
            Trouble::Reset => return Outcome { then: Then::Reset, ..outcome },
            _ => {}
        }
    }
    for trouble in troubles {
        match trouble {
            Trouble::DoneThenReset => {
                service.answer(request);
                return Outcome { then: Then::Reset, ..outcome };
            }
            Trouble::DoneThenStatus(status) => reply = Some(done_then(service, request, *status)),
            Trouble::Status(status) if is_success(*status) => reply = Some(done_then(service, request, *status)),
            Trouble::Cut => outcome.body = Some(Spoiled::Cut),
            Trouble::Endless => outcome.body = Some(Spoiled::Endless),
            Trouble::Drip(every) => outcome.body = Some(Spoiled::Drip(*every)),
            _ => {}
        }
    }
    outcome.then = Then::Answer(reply.unwrap_or_else(|| service.answer(request)));
    outcome
}

fn is_success(status: u16) -> bool {
    (200..300).contains(&status)
}

fn done_then(service: &dyn Service, request: &Received, status: u16) -> Reply {
    service.answer(request);
    service.failure(status, None)
}

/// An answer that is given without doing anything.
fn in_front(service: &dyn Service, troubles: &[Trouble]) -> Option<Reply> {
    troubles.iter().find_map(|trouble| match trouble {
        Trouble::Status(status) if !is_success(*status) => Some(service.failure(*status, None)),
        Trouble::Busy { status, retry_after_s } => {
            let reply = service.failure(*status, *retry_after_s);
            Some(retry_after_s.map_or(reply.clone(), |wait| reply.with("Retry-After", wait)))
        }
        Trouble::Redirect { status, to } => Some(Reply { status: *status, ..Reply::redirect(to) }),
        _ => None,
    })
}

/// Reads a request. When its body is too large, the rest is read and thrown away so that the answer is seen, and the second
/// value is false.
async fn read(service: &dyn Service, incoming: hyper::Request<Incoming>) -> Result<(Received, bool), io::Error> {
    let at = service.common().clock.now();
    let (head, mut stream) = incoming.into_parts();
    let (mut body, mut whole) = (BytesMut::new(), true);
    while let Some(frame) = stream.frame().await {
        let Ok(data) = frame.map_err(io::Error::other)?.into_data() else { continue };
        whole = whole && body.len() + data.len() <= service.max_body();
        if whole {
            body.extend_from_slice(&data);
        }
    }
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let received = Received {
        at,
        method: head.method.as_str().to_owned(),
        path: head.uri.path().to_owned(),
        query: head.uri.query().unwrap_or_default().to_owned(),
        headers: head.headers.iter().map(|(name, value)| (name.as_str().to_owned(), text(value))).collect(),
        body: body.freeze(),
        status: 0,
    };
    Ok((received, whole))
}

fn outgoing(mut reply: Reply, spoiled: Option<Wire>) -> Outgoing {
    // 204 has no body that could be spoiled.
    if spoiled.is_some() && reply.status == 204 {
        reply = Reply::text(Bytes::new());
    }
    let mut response = hyper::Response::new(Wire::Whole(None));
    *response.status_mut() =
        hyper::StatusCode::from_u16(reply.status).unwrap_or(hyper::StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    if let Some(media) = reply.media {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(media));
    }
    for (name, value) in &reply.headers {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(*name), HeaderValue::try_from(value.as_str())) {
            headers.insert(name, value);
        }
    }
    // A cut body breaks a promise.
    if matches!(spoiled, Some(Wire::Cut(..))) {
        headers.insert(CONTENT_LENGTH, HeaderValue::from(CUT_FROM));
    }
    *response.body_mut() = spoiled.unwrap_or_else(|| Wire::whole(reply.body));
    response
}

/// After this answer the connection ends.
fn last(mut response: Outgoing) -> Outgoing {
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    response
}
