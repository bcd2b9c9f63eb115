use std::net::SocketAddr;

use aviary_kernel::base::Env;
use aviary_kernel::config::Config;
use clap::Args;
use tokio::runtime::Handle;
use tokio::signal::unix::{SignalKind, signal};
use tracing::{info, warn};

use super::{Common, Done, Failure, start_log};
use crate::app::App;

/// Run Aviary: pages, API and syncs
#[derive(Args)]
pub(super) struct Serve {
    /// Address to listen on [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDR")]
    listen: Option<SocketAddr>,
}

impl Serve {
    pub(super) async fn run(self, common: Common) -> Done {
        let listen = self.listen.map(|address| ("server.listen", address.to_string()));
        let config = common.load(listen.as_slice())?;
        start_log(&config.log.level, config.log.format)?;
        if config.security.api_key.is_none() {
            warn!("security.api_key is not set: pages and API refuse everybody until it is");
        }
        let running = Running::start(&config).await?;
        info!("listening on http://{}", running.address);
        until_told_to_stop().await?;
        running.stop().await;
        Ok(())
    }
}

/// Aviary at work: the data file open, workers and doors.
pub(super) struct Running {
    pub(super) address: SocketAddr,
    pub(super) app: App,
    server: actix_web::dev::ServerHandle,
    socket: std::path::PathBuf,
}

impl Running {
    pub(super) async fn start(config: &Config) -> Result<Self, Failure> {
        let mut app = App::open(config, Env::system(), Handle::current()).await?;
        let socket = config.socket();
        let opened =
            aviary_web::serve(app.services.clone(), config.server.listen, Some(socket.clone()), config.server.workers);
        let (server, address) = opened.map_err(|e| {
            Failure::Failed(format!(
                "cannot listen on {}: {e}\nchoose another address with --listen, or stop what uses it",
                config.server.listen
            ))
        })?;
        let handle = server.handle();
        tokio::spawn(server);
        app.start_workers();
        Ok(Self { address, app, server: handle, socket })
    }

    /// No new work; what runs gets its time; then the file is closed.
    pub(super) async fn stop(self) {
        info!("stopping");
        self.app.close().await;
        self.server.stop(true).await;
        let _ = std::fs::remove_file(&self.socket);
        info!("stopped");
    }
}

pub(super) async fn until_told_to_stop() -> Done {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}
