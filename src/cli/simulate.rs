use std::net::SocketAddr;

use aviary_sim::{
    Dialect, Discord, DiscordSpec, PanelSpec, Resend, ResendSpec, SimPanel, Sink, SinkSpec, Smtp, SmtpSpec,
};
use clap::{Args, Subcommand, ValueEnum};

use super::serve::until_told_to_stop;
use super::{Done, Failure, print};

/// Run a simulated system to try things on
#[derive(Subcommand)]
pub(super) enum Simulate {
    /// A simulated panel: the Application and the Client API over real HTTP
    Panel(SimulatePanel),
    /// A simulated Discord that takes webhooks, with its limits
    Discord(SimulateReceiver),
    /// A receiver of webhooks that checks their signatures
    Sink(SimulateSink),
    /// A simulated Resend that takes mail
    Resend(SimulateReceiver),
    /// A mail server that keeps what it is sent
    Smtp(SimulateSmtp),
}

/// Something that takes what Aviary sends.
#[derive(Args)]
pub(super) struct SimulateReceiver {
    /// Address to listen on [default: a free port of this machine]
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:0")]
    listen: SocketAddr,
}

#[derive(Args)]
pub(super) struct SimulateSink {
    /// Address to listen on [default: a free port of this machine]
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// A signing secret, whsec_..., that requests must be signed with
    #[arg(long, value_name = "SECRET")]
    secret: Option<String>,
}

#[derive(Args)]
pub(super) struct SimulateSmtp {
    /// Address to listen on [default: a free port of this machine]
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// Address of a page that lists the mails [default: a free port of this machine]
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:0")]
    window: SocketAddr,
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
        match self {
            Self::Panel(wanted) => wanted.run().await,
            Self::Discord(wanted) => wanted.discord().await,
            Self::Sink(wanted) => wanted.run().await,
            Self::Resend(wanted) => wanted.resend().await,
            Self::Smtp(wanted) => wanted.run().await,
        }
    }
}

fn cannot_listen(listen: SocketAddr) -> impl FnOnce(std::io::Error) -> Failure {
    move |e| Failure::Failed(format!("cannot listen on {listen}: {e}\nchoose another address with --listen"))
}

/// Says what runs, and waits until it is told to stop.
async fn stand(lines: &[String]) -> Done {
    lines.iter().for_each(|line| print::line(line));
    print::line("Stop it with Ctrl-C.");
    until_told_to_stop().await
}

impl SimulateReceiver {
    async fn discord(self) -> Done {
        let spec = DiscordSpec { address: Some(self.listen), ..DiscordSpec::default() };
        let discord = Discord::start(spec).await.map_err(cannot_listen(self.listen))?;
        let url = discord.url();
        stand(&[
            format!("A simulated Discord answers at {url}, which lists what arrived"),
            format!("  webhook  {}", discord.webhook_url()),
        ])
        .await
    }

    async fn resend(self) -> Done {
        let spec = ResendSpec { address: Some(self.listen), refuses_example_domains: false, ..ResendSpec::default() };
        let resend = Resend::start(spec).await.map_err(cannot_listen(self.listen))?;
        let url = resend.url();
        stand(&[
            format!("A simulated Resend answers at {url}, which lists what arrived"),
            format!("  key      {}", resend.api_key()),
            format!("Point Aviary to it with mail.resend_url = \"{url}\""),
        ])
        .await
    }
}

impl SimulateSink {
    async fn run(self) -> Done {
        let spec = SinkSpec { address: Some(self.listen), ..SinkSpec::default() };
        let sink = Sink::start(spec).await.map_err(cannot_listen(self.listen))?;
        if let Some(secret) = self.secret {
            sink.set_secrets(&[secret]).map_err(|why| Failure::Usage(format!("--secret: {why}")))?;
        }
        stand(&[
            format!("A receiver of webhooks answers at {}, which lists what arrived", sink.url()),
            format!("  takes    {}", sink.at("/hook")),
            format!("  refuses  {}", sink.at("/status/500")),
        ])
        .await
    }
}

impl SimulateSmtp {
    async fn run(self) -> Done {
        let spec = SmtpSpec { address: Some(self.listen), window: Some(self.window), ..SmtpSpec::default() };
        let smtp = Smtp::start(spec).await.map_err(cannot_listen(self.listen))?;
        stand(&[
            format!("A mail server takes mail at {}, without TLS", smtp.address()),
            format!("  what arrived is listed at {}", smtp.window().url()),
        ])
        .await
    }
}

impl SimulatePanel {
    async fn run(self) -> Done {
        let (listen, live) = (self.listen, self.live);
        let panel = SimPanel::bind(self.spec()?, listen).await.map_err(cannot_listen(listen))?;
        if live {
            panel.live(aviary_sim::LifeSpec::default());
        }
        stand(&[
            format!("A simulated panel answers at {}", panel.url()),
            format!("  application key  {}", panel.app_key()),
            format!("  client key       {}", panel.client_key()),
        ])
        .await?;
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
