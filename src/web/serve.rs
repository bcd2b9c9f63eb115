//! Opens the doors: a TCP address for the world, a socket in the data folder for the command line.

use std::any::Any;
use std::fs;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::time::Duration;

use actix_web::HttpServer;
use actix_web::dev::{Extensions, Server};
use actix_web::rt::net::UnixStream;

use crate::allow::Local;
use crate::{Services, Site, app};

const CLIENT_REQUEST_TIMEOUT: Duration = Duration::from_secs(30);
const KEEP_ALIVE: Duration = Duration::from_secs(75);
const SHUTDOWN_TIMEOUT_S: u64 = 5;

/// Answers at `listen` (port 0 = any that is free) and, when `uds` is given, at a socket there that only the owner of the
/// program can open. Both are open when this returns; the server works while it is polled, until its handle stops it.
/// Signals are left to the caller.
///
/// # Errors
/// When the address or the socket cannot be opened.
pub fn serve(
    services: Services,
    listen: SocketAddr,
    uds: Option<PathBuf>,
    workers: usize,
) -> io::Result<(Server, SocketAddr)> {
    let listener = TcpListener::bind(listen)?;
    let address = listener.local_addr()?;
    let server = start(services, Some(listener), uds.as_deref(), workers)?;
    Ok((server, address))
}

/// As [`serve`], at the socket only.
///
/// # Errors
/// When the socket cannot be opened.
pub fn serve_local(services: Services, uds: &Path) -> io::Result<Server> {
    start(services, None, Some(uds), 1)
}

fn start(services: Services, listener: Option<TcpListener>, uds: Option<&Path>, workers: usize) -> io::Result<Server> {
    let site = Site::new(services);
    let mut server = HttpServer::new(move || app(&site))
        .workers(workers.max(1))
        .client_request_timeout(CLIENT_REQUEST_TIMEOUT)
        .keep_alive(KEEP_ALIVE)
        .shutdown_timeout(SHUTDOWN_TIMEOUT_S)
        .disable_signals()
        .on_connect(mark_local);
    if let Some(listener) = listener {
        listener.set_nonblocking(true)?;
        server = server.listen(listener)?;
    }
    if let Some(path) = uds {
        server = server.listen_uds(private_socket(path)?)?;
    }
    Ok(server.run())
}

fn mark_local(connection: &dyn Any, data: &mut Extensions) {
    if connection.is::<UnixStream>() {
        data.insert(Local);
    }
}

/// A socket with mode 0600. Made under another name first, so that nobody gets in before the mode is set; what a dead
/// process left at `path` is replaced.
fn private_socket(path: &Path) -> io::Result<UnixListener> {
    let new = path.with_extension("sock.new");
    match fs::remove_file(&new) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(&new)?;
    fs::set_permissions(&new, fs::Permissions::from_mode(0o600))?;
    fs::rename(&new, path)?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}
