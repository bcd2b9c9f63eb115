//! Accepting connections, cutting them on purpose, and bodies that do the cutting.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{Instant, Sleep, sleep};

/// Accepts until it is dropped; connections end with it.
pub(crate) async fn accept<F, C>(listener: TcpListener, serve: F)
where
    F: Fn(TcpStream, SocketAddr) -> C,
    C: Future<Output = ()> + Send + 'static,
{
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => {
                    // Answers leave in one piece or two; waiting for more only makes them late.
                    let _ = stream.set_nodelay(true);
                    connections.spawn(serve(stream, peer));
                }
                Err(error) => tracing::debug!(%error, "the simulation could not accept a connection"),
            },
            // Collects what has ended, so that the set does not grow.
            Some(_) = connections.join_next() => {}
        }
    }
}

/// Set to have the connection reset instead of closed when it ends.
#[derive(Debug, Clone, Default)]
pub(crate) struct Doom(Arc<AtomicBool>);

impl Doom {
    /// The connection will be reset.
    pub(crate) fn seal(&self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// A TCP stream that ends in a reset when it is doomed.
#[derive(Debug)]
pub(crate) struct Socket {
    stream: TcpStream,
    doom: Doom,
}

impl Socket {
    /// Wraps a stream.
    pub(crate) fn new(stream: TcpStream, doom: Doom) -> Self {
        Self { stream, doom }
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        if self.doom.0.load(Ordering::SeqCst) {
            // With a linger of zero, closing discards what is unsent and answers with a reset. If it cannot be set, the
            // connection is closed in the ordinary way, which is still an end without an answer.
            let _ = self.stream.set_zero_linger();
        }
    }
}

impl AsyncRead for Socket {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Socket {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// Long enough for the first part to leave the machine before the rest does not come.
const BEFORE_THE_CUT: Duration = Duration::from_millis(30);
const HUGE_PART: usize = 64 * 1024;

/// A body on the wire.
pub(crate) enum Wire {
    /// All of it.
    Whole(Option<Bytes>),
    /// A part of it, then the end of the connection.
    Cut(Option<Bytes>, Pin<Box<Sleep>>),
    /// This many bytes of nothing.
    Huge(u64),
    /// One byte after each pause, and no end.
    Drip(Duration, Pin<Box<Sleep>>),
}

impl Wire {
    /// A complete body.
    pub(crate) fn whole(bytes: Vec<u8>) -> Self {
        Wire::Whole((!bytes.is_empty()).then(|| Bytes::from(bytes)))
    }

    /// The first half of a body.
    pub(crate) fn half(mut bytes: Vec<u8>) -> Self {
        bytes.truncate(bytes.len() / 2);
        Wire::Cut(Some(Bytes::from(bytes)), Box::pin(sleep(BEFORE_THE_CUT)))
    }

    /// A byte `every` so often, for ever.
    pub(crate) fn drip(every: Duration) -> Self {
        Wire::Drip(every, Box::pin(sleep(every)))
    }
}

impl Body for Wire {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        match &mut *self {
            Wire::Whole(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Wire::Cut(part, pause) => match part.take() {
                Some(part) => Poll::Ready(Some(Ok(Frame::data(part)))),
                None => {
                    ready!(pause.as_mut().poll(cx));
                    Poll::Ready(Some(Err(io::Error::other("cut on purpose"))))
                }
            },
            Wire::Drip(every, pause) => {
                ready!(pause.as_mut().poll(cx));
                let next = Instant::now() + *every;
                pause.as_mut().reset(next);
                Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(b" ")))))
            }
            Wire::Huge(0) => Poll::Ready(None),
            Wire::Huge(left) => {
                let part = HUGE_PART.min(usize::try_from(*left).unwrap_or(HUGE_PART));
                *left -= part as u64;
                Poll::Ready(Some(Ok(Frame::data(Bytes::from(vec![b' '; part])))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Wire::Whole(None) | Wire::Huge(0))
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Wire::Whole(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64)),
            _ => SizeHint::default(),
        }
    }
}
