//! A simulated Pterodactyl or Pelican panel: HTTP over a real socket, everything in memory, repeatable from a seed.
//!
//! A request goes from the socket (`serve`) through the faults into the `engine`, which finds the route, asks the `gate`, and
//! calls a handler of `application` or `client`. Those draw rows of the `world` onto a `sheet`.

mod application;
mod call;
mod client;
mod engine;
pub mod fault;
mod fields;
mod gate;
mod json;
pub mod life;
mod limit;
mod list;
mod path;
mod problem;
mod query;
mod request;
mod routes;
pub mod seen;
mod serve;
mod sheet;
pub mod spec;
mod spoil;
pub mod world;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::SimClock;
use crate::fault::Faults;
use engine::Engine;
use life::{LifeEvent, LifeSpec};
use seen::SeenRequest;
use spec::PanelSpec;
use world::{World, WorldGuard};

/// A running panel. It stops when dropped.
#[derive(Debug)]
pub struct SimPanel {
    engine: Arc<Engine>,
    address: SocketAddr,
    server: Task,
    life: Task,
}

impl SimPanel {
    /// Starts a panel on a free port of this machine.
    ///
    /// # Errors
    /// When no socket can be opened.
    pub async fn start(spec: PanelSpec) -> io::Result<SimPanel> {
        Self::bind(spec, SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await
    }

    /// Starts a panel on an address.
    ///
    /// # Errors
    /// When the address is taken or not ours.
    pub async fn bind(spec: PanelSpec, address: SocketAddr) -> io::Result<SimPanel> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let engine = Arc::new(Engine::new(spec));
        let server = tokio::spawn(serve::accept(Arc::clone(&engine), listener));
        Ok(Self { engine, address, server: Mutex::new(Some(server)), life: Mutex::new(None) })
    }

    /// The panel's address, without a slash at the end.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The socket's address.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The administrator's application key.
    pub fn app_key(&self) -> &str {
        &self.engine.spec.app_key
    }

    /// The administrator's account key.
    pub fn client_key(&self) -> &str {
        &self.engine.spec.client_key
    }

    /// What it was asked to be.
    pub fn spec(&self) -> &PanelSpec {
        &self.engine.spec
    }

    /// Its clock.
    pub fn clock(&self) -> &SimClock {
        &self.engine.spec.clock
    }

    /// What goes wrong: inject and clear faults here.
    pub fn faults(&self) -> &Faults {
        &self.engine.faults
    }

    /// The panel's data, to look at and to edit. Nothing is answered while the guard lives: let it go before awaiting.
    pub fn world(&self) -> WorldGuard<'_> {
        self.engine.worlds.guard()
    }

    /// Runs `edit` on the panel's data.
    pub fn with_world<T>(&self, edit: impl FnOnce(&mut World) -> T) -> T {
        edit(&mut self.world())
    }

    /// The newest requests, oldest first.
    pub fn requests(&self) -> Vec<SeenRequest> {
        self.engine.seen.all()
    }

    /// How many requests there were.
    pub fn request_count(&self) -> usize {
        self.engine.seen.total()
    }

    /// How many were answered with 429.
    pub fn count_429(&self) -> usize {
        self.engine.seen.limited()
    }

    /// The most requests that were in flight at once.
    pub fn max_in_flight(&self) -> usize {
        self.engine.seen.max_in_flight()
    }

    /// Forgets the requests seen so far.
    pub fn reset_requests(&self) {
        self.engine.seen.reset();
    }

    /// Starts every rate-limit window anew.
    pub fn reset_limits(&self) {
        self.engine.throttle.reset();
    }

    /// Lets the panel live on its own from now on. A second call replaces the first life.
    pub fn live(&self, life: LifeSpec) {
        let engine = Arc::clone(&self.engine);
        let task = tokio::spawn(async move {
            let mut ticks = tokio::time::interval(life.tick.max(std::time::Duration::from_millis(1)));
            ticks.tick().await;
            loop {
                ticks.tick().await;
                engine.tick(life.changes_per_tick);
            }
        });
        self.replace_life(Some(task));
    }

    /// Ends the panel's own life; the panel goes on answering.
    pub fn stop_life(&self) {
        self.replace_life(None);
    }

    /// Lets one thing happen. `None` when nothing came of it.
    pub fn tick_once(&self) -> Option<LifeEvent> {
        self.tick_many(1).pop()
    }

    /// Lets several things happen and tells those that something came of.
    pub fn tick_many(&self, changes: u32) -> Vec<LifeEvent> {
        self.engine.tick(changes)
    }

    fn replace_life(&self, next: Option<JoinHandle<()>>) {
        if let Some(old) = std::mem::replace(&mut *lock(&self.life), next) {
            old.abort();
        }
    }

    /// Closes the port and every connection; the data stays. Until [`SimPanel::come_back`], connections are refused.
    pub async fn go_down(&self) {
        let server = lock(&self.server).take();
        if let Some(server) = server {
            server.abort();
            // The error says that the task was aborted, which is what was asked for.
            let _ = server.await;
        }
    }

    /// Opens the port again after [`SimPanel::go_down`]. Does nothing when it is open.
    ///
    /// # Errors
    /// When somebody else has taken the port.
    pub async fn come_back(&self) -> io::Result<()> {
        if lock(&self.server).is_some() {
            return Ok(());
        }
        let listener = TcpListener::bind(self.address).await?;
        let server = tokio::spawn(serve::accept(Arc::clone(&self.engine), listener));
        *lock(&self.server) = Some(server);
        Ok(())
    }

    /// Stops the panel and closes its connections.
    pub async fn stop(self) {
        self.stop_life();
        self.go_down().await;
    }
}

impl Drop for SimPanel {
    fn drop(&mut self) {
        self.stop_life();
        if let Some(server) = lock(&self.server).take() {
            server.abort();
        }
    }
}

type Task = Mutex<Option<JoinHandle<()>>>;

fn lock(task: &Task) -> MutexGuard<'_, Option<JoinHandle<()>>> {
    task.lock().unwrap_or_else(PoisonError::into_inner)
}
