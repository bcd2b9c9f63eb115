//! What the simulated receivers have in common: they take things in over HTTP, remember them, and fail when they are told to.
//!
//! `serve` reads requests and carries out troubles, `control` is for people with curl, a [`Service`] is what makes one receiver
//! different from the next. Every receiver answers `GET /` with what arrived so far.

mod control;
mod inbox;
mod received;
mod serve;
mod trouble;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::SimClock;
use crate::fault::{Faults, Match};
use crate::gauge::Gauge;
use crate::reply::Reply;

pub use inbox::Inbox;
pub use received::Received;
pub use trouble::Trouble;

/// What makes one receiver different from the next.
pub(crate) trait Service: Send + Sync {
    /// What all have.
    fn common(&self) -> &Common;
    /// Bytes of a request body that are taken.
    fn max_body(&self) -> usize;
    /// Does what is asked and says so.
    fn answer(&self, request: &Received) -> Reply;
    /// A failure in the service's own words. `Retry-After` is added by the caller; what is given is for the body.
    fn failure(&self, status: u16, retry_after_s: Option<u32>) -> Reply;
    /// What arrived, newest first, as `GET /` shows it.
    fn list(&self, newest: usize) -> Value;
    /// Forgets what arrived.
    fn forget(&self);
    /// Troubles that the request asks for itself.
    fn asked_for(&self, _request: &Received) -> Vec<Trouble> {
        Vec::new()
    }
    /// A request is about to be answered; its status is known.
    fn note(&self, _request: &Received) {}
    /// A switch of this service, `None` when it has none of that name. See `control`.
    fn order(&self, _name: &str, _body: &Value) -> Option<Result<(), String>> {
        None
    }
    /// Switches a trouble on by its name.
    fn arm(&self, when: Match, what: &str) -> Result<u64, String> {
        Ok(self.common().faults.add(when, what.parse()?))
    }
    /// Switches all troubles off.
    fn disarm(&self) {
        self.common().faults.clear();
    }
}

/// What all receivers have.
pub(crate) struct Common {
    /// Where "now" comes from.
    pub(crate) clock: SimClock,
    /// What goes wrong.
    pub(crate) faults: Faults<Trouble>,
    /// All requests.
    pub(crate) requests: Inbox<Received>,
    /// Those that are being answered.
    pub(crate) in_flight: Gauge,
}

impl Common {
    /// Nothing has happened yet.
    pub(crate) fn new(clock: SimClock) -> Self {
        Self { clock, faults: Faults::default(), requests: Inbox::default(), in_flight: Gauge::default() }
    }
}

/// The part of a running receiver that all have. It stops when dropped.
pub struct Receiver {
    service: Arc<dyn Service>,
    address: SocketAddr,
    server: Mutex<Option<JoinHandle<()>>>,
}

impl Receiver {
    /// Opens the port; `None` takes a free one of this machine.
    pub(crate) async fn open(service: Arc<dyn Service>, at: Option<SocketAddr>) -> io::Result<Self> {
        let listener = bind(at).await?;
        let address = listener.local_addr()?;
        let server = tokio::spawn(serve::accept(Arc::clone(&service), listener));
        Ok(Self { service, address, server: Mutex::new(Some(server)) })
    }

    /// The address, without a slash at the end.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The socket's address.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its clock.
    pub fn clock(&self) -> &SimClock {
        &self.service.common().clock
    }

    /// What goes wrong: switch troubles on and off here.
    pub fn faults(&self) -> &Faults<Trouble> {
        &self.service.common().faults
    }

    /// All requests with the status that they got, those that were refused too.
    pub fn requests(&self) -> &Inbox<Received> {
        &self.service.common().requests
    }

    /// The most requests that were in flight at once.
    pub fn max_in_flight(&self) -> usize {
        self.service.common().in_flight.max()
    }

    /// Forgets everything that arrived. Switches stay as they are.
    pub fn forget(&self) {
        serve::forget(&*self.service);
    }

    /// Closes the port and every connection; what arrived stays. Until [`Receiver::come_back`], connections are refused.
    pub async fn go_down(&self) {
        let server = self.server().take();
        if let Some(server) = server {
            server.abort();
            // The error says that the task was aborted, which is what was asked for.
            let _ = server.await;
        }
    }

    /// Opens the port again after [`Receiver::go_down`]. Does nothing when it is open.
    ///
    /// # Errors
    /// When somebody else has taken the port.
    pub async fn come_back(&self) -> io::Result<()> {
        if self.server().is_some() {
            return Ok(());
        }
        let listener = TcpListener::bind(self.address).await?;
        *self.server() = Some(tokio::spawn(serve::accept(Arc::clone(&self.service), listener)));
        Ok(())
    }

    fn server(&self) -> MutexGuard<'_, Option<JoinHandle<()>>> {
        self.server.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        if let Some(server) = self.server().take() {
            server.abort();
        }
    }
}

/// Opens a port; `None` takes a free one of this machine.
pub(crate) async fn bind(at: Option<SocketAddr>) -> io::Result<TcpListener> {
    TcpListener::bind(at.unwrap_or(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))).await
}
