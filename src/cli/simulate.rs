use std::net::SocketAddr;

use aviary_sim::{Dialect, PanelSpec, SimPanel};
use clap::{Args, Subcommand, ValueEnum};

use super::serve::until_told_to_stop;
use super::{Done, Failure, print};

/// Run a simulated system to try things on
#[derive(Subcommand)]
pub(super) enum Simulate {
    /// A simulated panel: the Application and the Client API over real HTTP
    Panel(SimulatePanel),
}

#[derive(Args)]
pub(super) struct SimulatePanel {
    /// Address to listen on
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8081")]
    listen: SocketAddr,
    #[arg(long, value_name = "N", default_value_t = 1000)]
    servers: u32,
    #[arg(long, value_name = "N", default_value_t = 400)]
    users: u32,
    #[arg(long, value_name = "N", default_value_t = 8)]
    nodes: u32,
    #[arg(long, value_name = "N", default_value_t = 200)]
    allocations_per_node: u32,
    /// Which panel to simulate
    #[arg(long, value_enum, default_value_t = DialectName::Pterodactyl)]
    dialect: DialectName,
    /// Requests a minute for each of the two APIs; 0 = no limit
    #[arg(long, value_name = "N", default_value_t = 240)]
    rate_limit: u32,
    /// The same seed makes the same panel
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Application API key, 48 characters [default: a fixed one, printed]
    #[arg(long, value_name = "KEY")]
    app_key: Option<String>,
    /// Client API key, 48 characters [default: a fixed one, printed]
    #[arg(long, value_name = "KEY")]
    client_key: Option<String>,
    /// Milliseconds that each answer takes
    #[arg(long, value_name = "N", default_value_t = 0)]
    delay_ms: u64,
    /// Let servers and users come, change and go while it runs
    #[arg(long)]
    live: bool,
}

/// The dialects by name.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum DialectName {
    Pterodactyl,
    Pelican,
}

impl DialectName {
    /// The usual panel of this dialect.
    pub(super) fn spec(self) -> PanelSpec {
        match self {
            Self::Pterodactyl => PanelSpec { dialect: Dialect::Pterodactyl, ..PanelSpec::default() },
            Self::Pelican => PanelSpec::pelican(),
        }
    }
}

impl Simulate {
    pub(super) async fn run(self) -> Done {
        let Self::Panel(wanted) = self;
        let listen = wanted.listen;
        let live = wanted.live;
        let panel = SimPanel::bind(wanted.spec()?, listen).await.map_err(|e| {
            Failure::Failed(format!("cannot listen on {listen}: {e}\nchoose another address with --listen"))
        })?;
        if live {
            panel.live(aviary_sim::LifeSpec::default());
        }
        print::line(&format!("A simulated panel answers at {}", panel.url()));
        print::line(&format!("  application key  {}", panel.app_key()));
        print::line(&format!("  client key       {}", panel.client_key()));
        print::line("Stop it with Ctrl-C.");
        until_told_to_stop().await?;
        panel.stop().await;
        Ok(())
    }
}

impl SimulatePanel {
    fn spec(self) -> Result<PanelSpec, Failure> {
        let usual = self.dialect.spec();
        Ok(PanelSpec {
            servers: self.servers,
            users: self.users,
            nodes: self.nodes,
            allocations_per_node: self.allocations_per_node,
            locations: self.nodes.div_ceil(4).max(1),
            nests: 4,
            eggs_per_nest: 5,
            rate_limit: self.rate_limit,
            client_rate_limit: self.rate_limit,
            seed: self.seed,
            app_key: checked_key("--app-key", self.app_key, usual.app_key.clone())?,
            client_key: checked_key("--client-key", self.client_key, usual.client_key.clone())?,
            page_delay: std::time::Duration::from_millis(self.delay_ms),
            ..usual
        })
    }
}

/// Keys of panels have 48 characters, 16 of which name them.
fn checked_key(flag: &str, given: Option<String>, usual: String) -> Result<String, Failure> {
    match given {
        None => Ok(usual),
        Some(key) if key.len() == 48 && key.chars().all(|c| c.is_ascii_graphic()) => Ok(key),
        Some(key) => Err(Failure::Usage(format!("{flag}: needs 48 plain characters, has {}", key.len()))),
    }
}
