//! A webhook receiver like those that people write: it takes what comes, checks [Standard Webhooks](https://www.standardwebhooks.com)
//! signatures, and counts every event once however often it is sent.
//!
//! Paths ask for trouble themselves: `/status/503`, `/busy/429/30`, `/hang`, `/drip/100` and all others that [`Trouble`] names,
//! with anything behind them (`/status/410/orders`); `/flaky/3/orders` fails three times and then succeeds. Every other path takes
//! what it gets, unless a trouble is switched on.

mod desk;
mod signature;

use std::io;
use std::net::SocketAddr;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use crate::SimClock;
use crate::receiver::{Inbox, Received, Receiver};
use desk::Desk;

#[cfg(doc)]
use crate::receiver::Trouble;

/// What the sink should be.
#[derive(Debug, Clone)]
pub struct SinkSpec {
    /// Where to listen; `None` takes a free port of this machine.
    pub address: Option<SocketAddr>,
    /// Secrets, `whsec_` and base64; a request is signed rightly when it is with one of them. Without any, nothing is checked.
    pub secrets: Vec<String>,
    /// How far the time of a signature may be off.
    pub tolerance: Duration,
    /// What is not signed rightly is answered with 401 and not taken, when there is a secret.
    pub refuses_unsigned: bool,
    /// Bytes of a body that are taken.
    pub max_body: usize,
    /// Where "now" comes from.
    pub clock: SimClock,
}

impl Default for SinkSpec {
    fn default() -> Self {
        Self {
            address: None,
            secrets: Vec::new(),
            tolerance: Duration::from_secs(5 * 60),
            refuses_unsigned: true,
            max_body: 8 * 1024 * 1024,
            clock: SimClock::system(),
        }
    }
}

/// What a signature is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signature {
    /// Made with one of the secrets, at the right time.
    Right,
    /// Right, but too old or from the future.
    Stale,
    /// Made with something else, or for something else.
    Wrong,
    /// One of the three headers is missing or makes no sense.
    Missing,
    /// The sink has no secret to check with.
    Unchecked,
}

/// A request and what the sink thinks of it.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// The request.
    pub request: Received,
    /// Its `webhook-id`.
    pub id: Option<String>,
    /// Its signature.
    pub signature: Signature,
}

/// A running sink. It stops when dropped. What it shares with other receivers is in [`Receiver`].
pub struct Sink {
    desk: Arc<Desk>,
    receiver: Receiver,
}

impl Sink {
    /// Starts it.
    ///
    /// # Errors
    /// When the address is taken or not ours, or a secret is none (`InvalidInput`).
    pub async fn start(spec: SinkSpec) -> io::Result<Self> {
        let address = spec.address;
        let desk = Arc::new(Desk::new(spec).map_err(|why| io::Error::new(io::ErrorKind::InvalidInput, why))?);
        let receiver = Receiver::open(desk.clone(), address).await?;
        Ok(Self { desk, receiver })
    }

    /// The address of a path: `/orders`, `/status/503`.
    pub fn at(&self, path: &str) -> String {
        format!("{}{path}", self.url())
    }

    /// Everything that came, also what was refused or came again.
    pub fn deliveries(&self) -> &Inbox<Delivery> {
        &self.desk.deliveries
    }

    /// What was taken, each `webhook-id` once. What has no id counts each time.
    pub fn events(&self) -> &Inbox<Delivery> {
        &self.desk.events
    }

    /// Other secrets from now on; none to check nothing.
    ///
    /// # Errors
    /// When one of them is not `whsec_` and base64; nothing changes then.
    pub fn set_secrets(&self, secrets: &[String]) -> Result<(), String> {
        self.desk.set_secrets(secrets)
    }
}

impl Deref for Sink {
    type Target = Receiver;

    fn deref(&self) -> &Receiver {
        &self.receiver
    }
}
