use std::net::SocketAddr;

use aviary_kernel::base::Env;
use aviary_kernel::config::Config;
use clap::Args;
use tokio::runtime::Handle;
use tokio::signal::unix::{SignalKind, signal};
use tracing::info;

use super::{Common, Done, Failure, print, start_log};
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
        let running = Running::start(&config).await?;
        info!("listening on http://{}", running.address);
        running.invite_first(&config).await?;
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

    /// While there is no administrator, prints a link that makes one. It is good once, and only until the next one.
    async fn invite_first(&self, config: &Config) -> Done {
        let Some(token) = self.app.services.accounts.first_run_token().await? else { return Ok(()) };
        let own = format!("http://{}", self.address);
        let url = config.server.public_url.as_ref().map_or(own.as_str(), |url| url.as_str());
        print::line("");
        print::line("There is no administrator yet. Open this link to become it:");
        print::line("");
        print::line(&format!("  {}/admin/setup?token={}", url.trim_end_matches('/'), token.reveal()));
        print::line("");
        print::line(
            "Or, on this machine: aviary user create --email YOU@EXAMPLE.COM --role SUPER_ADMIN --password-file -",
        );
        Ok(())
    }

    /// In phases, each with a budget: health off, jobs and workers, open requests, the data file.
    pub(super) async fn stop(self) {
        let began = std::time::Instant::now();
        info!("stopping: health is off, no new work is taken");
        self.app.begin_stop();
        self.app.close().await;
        if tokio::time::timeout(REQUESTS_MAY_TAKE, self.server.stop(true)).await.is_err() {
            info!("requests that are still open are broken off");
            self.server.stop(false).await;
        }
        let _ = std::fs::remove_file(&self.socket);
        info!(took_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX), "stopped");
    }
}

/// Requests that are open get so long.
const REQUESTS_MAY_TAKE: std::time::Duration = std::time::Duration::from_secs(5);

pub(super) async fn until_told_to_stop() -> Done {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}
