use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use aviary_domain::access::{Caller, SUPER_ADMIN};
use aviary_domain::accounts::NewAccount;
use aviary_domain::panels::NewPanel;
use aviary_domain::sync::StartSync;
use aviary_domain::webhooks::{NewTarget, NewWebhook};
use aviary_kernel::base::{Env, Secret};
use aviary_kernel::config::Config;
use aviary_kernel::model::{Actor, HookScope, HookTopic, Weight};
use aviary_sim::{
    Discord, DiscordSpec, LifeSpec, PanelSpec, Resend, ResendDomain, ResendSpec, SimPanel, Sink, SinkSpec,
};
use clap::Args;

use super::serve::{Running, until_told_to_stop};
use super::simulate::DialectName;
use super::{Common, Done, Failure, print, start_log};

/// Try Aviary with a simulated panel that lives
#[derive(Args)]
pub(super) struct Demo {
    /// Address to listen on
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// Servers on the simulated panel
    #[arg(long, value_name = "N", default_value_t = 120)]
    servers: u32,
    /// The same seed makes the same panel
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Which panel to simulate
    #[arg(long, value_enum, default_value_t = DialectName::Pterodactyl)]
    dialect: DialectName,
}

/// The demo shows changes soon.
const SYNC_EVERY_S: u32 = 20;
const PANEL_NAME: &str = "Demo panel";
const DISCORD_NAME: &str = "Demo Discord";
const SINK_NAME: &str = "Demo receiver";
const EMAIL: &str = "admin@demo.example";

impl Demo {
    pub(super) async fn run(self, common: Common) -> Done {
        let folder = Folder::choose(common.data_dir.clone())?;
        let secret = || format!("demo-{}", Env::system().ids.next().simple());
        let (api_key, password) =
            (secret(), Secret::new(format!("Demo-{}", &Env::system().ids.next().simple().to_string()[20..])));
        let receivers = Receivers::start().await?;
        let flags = [
            ("data_dir", folder.path.display().to_string()),
            ("server.listen", self.listen.to_string()),
            ("security.api_key", api_key.clone()),
            ("webhooks.allowed_networks", "127.0.0.1".to_owned()),
            ("mail.resend_url", receivers.resend.url()),
            ("mail.resend_api_key", receivers.resend.api_key().to_owned()),
            ("mail.from", "Aviary <aviary@demo.example>".to_owned()),
            ("log.level", "warn".to_owned()),
        ];
        let config = Common { data_dir: None, ..common }.load(&flags)?;
        start_log(&config.log.level, config.log.format)?;

        let panel = SimPanel::start(self.spec()).await?;
        panel.live(LifeSpec { tick: Duration::from_secs(6), ..LifeSpec::default() });
        let running = Running::start(&config).await?;
        connect(&running, &panel).await?;
        administrate(&running, &password).await?;
        receivers.subscribe(&running).await?;
        greet(&config, &running, &panel, &receivers, &api_key, &password);
        until_told_to_stop().await?;
        running.stop().await;
        panel.stop().await;
        folder.remove_if_ours();
        Ok(())
    }

    fn spec(&self) -> PanelSpec {
        PanelSpec {
            servers: self.servers,
            users: self.servers / 2 + 5,
            nodes: (self.servers / 40).clamp(3, 24),
            allocations_per_node: 60,
            locations: 3,
            nests: 4,
            eggs_per_nest: 4,
            seed: self.seed,
            ..self.dialect.spec()
        }
    }
}

/// What takes what Aviary tells.
struct Receivers {
    discord: Discord,
    sink: Sink,
    resend: Resend,
}

impl Receivers {
    async fn start() -> Result<Self, Failure> {
        let domain = ResendDomain { name: "demo.example".into(), verified: true };
        let resend = ResendSpec { refuses_example_domains: false, domains: vec![domain], ..ResendSpec::default() };
        Ok(Self {
            discord: Discord::start(DiscordSpec::default()).await?,
            sink: Sink::start(SinkSpec::default()).await?,
            resend: Resend::start(resend).await?,
        })
    }

    /// Has events sent to them, in place of those of an earlier demo in the same folder.
    async fn subscribe(&self, running: &Running) -> Done {
        let (webhooks, by) = (&running.app.services.webhooks, Actor::job("demo"));
        for old in webhooks.all().await? {
            if [DISCORD_NAME, SINK_NAME].contains(&old.webhook.name.as_str()) {
                webhooks.remove(&by, old.webhook.id).await?;
            }
        }
        let new = |name: &str, topic, target, events: &[&str]| NewWebhook {
            name: name.into(),
            description: "Made by the demo.".into(),
            target,
            topic,
            scope: HookScope::Admin,
            events: Some(events.iter().map(|event| (*event).to_owned()).collect()),
            panels: Vec::new(),
            least: Weight::Info,
        };
        let discord = NewTarget::Discord { url: Secret::new(self.discord.webhook_url()) };
        let of_servers = ["server.*", "sync.failed", "removal.*", "job.dead", "panel.*"];
        webhooks.make(&by, new(DISCORD_NAME, HookTopic::GameServer, discord, &of_servers)).await?;
        let sink = NewTarget::Http { url: Secret::new(self.sink.at("/hook")), secret: None };
        let made = webhooks.make(&by, new(SINK_NAME, HookTopic::Custom, sink, &["*"])).await?;
        let secrets: Vec<_> = made.secret.iter().map(|secret| secret.reveal().clone()).collect();
        self.sink.set_secrets(&secrets).map_err(Failure::Failed)
    }
}

/// Mirrors the simulated panel, in place of the one of an earlier demo in the same folder.
async fn connect(running: &Running, panel: &SimPanel) -> Done {
    let services = &running.app.services;
    let by = Actor::job("demo");
    if let Ok(old) = services.panels.find(PANEL_NAME).await {
        services.syncs.remove_panel(&by, old.id).await?;
    }
    let new = NewPanel {
        name: PANEL_NAME.into(),
        url: panel.url(),
        app_key: Secret::from(panel.app_key()),
        client_key: Some(Secret::from(panel.client_key())),
        share_percent: None,
        sync_every_s: Some(SYNC_EVERY_S),
    };
    let added = services.panels.add(&by, new).await?;
    services.syncs.start(StartSync { panel: added.id, targets: Vec::new(), by, requested_by: None }).await?;
    Ok(())
}

/// Makes the administrator, or gives the one of an earlier demo in the same folder a new password.
async fn administrate(running: &Running, password: &Secret<String>) -> Done {
    let (accounts, by) = (&running.app.services.accounts, Caller::command_line());
    if let Ok(old) = accounts.find(EMAIL).await {
        accounts.set_password(&by, old.id, password).await?;
        return Ok(());
    }
    let new = NewAccount {
        email: EMAIL.into(),
        username: Some("Demo".into()),
        password: Some(password.clone()),
        roles: vec![SUPER_ADMIN.into()],
        verified: true,
    };
    accounts.create(&by, new).await?;
    Ok(())
}

fn greet(
    config: &Config,
    running: &Running,
    panel: &SimPanel,
    receivers: &Receivers,
    api_key: &str,
    password: &Secret<String>,
) {
    print::line("");
    print::line("Aviary is running with a simulated panel that changes while you watch.");
    print::line("");
    print::line(&format!("  Open      http://{}/", running.address));
    print::line(&format!("  E-mail    {EMAIL}"));
    print::line(&format!("  Password  {}", password.reveal()));
    print::line("");
    print::line(&format!("  API key   {api_key}"));
    print::line("");
    print::line(&format!("  Panel     {} (simulated)", panel.url()));
    print::line(&format!("  Discord   {} (simulated; lists what arrived)", receivers.discord.url()));
    print::line(&format!("  Webhooks  {} (a receiver; lists what arrived)", receivers.sink.url()));
    print::line(&format!("  Mail      {} (a simulated Resend; lists what arrived)", receivers.resend.url()));
    print::line(&format!("  Data      {}", config.data_dir.display()));
    print::line("");
    print::line("Sign in with e-mail and password; front ends use the API key. Stop with Ctrl-C.");
}

/// Where the demo keeps its data.
struct Folder {
    path: PathBuf,
    ours: bool,
}

impl Folder {
    /// The folder that was asked for, which stays, or one that goes with the demo.
    fn choose(wanted: Option<PathBuf>) -> Result<Self, Failure> {
        match wanted {
            Some(path) => Ok(Self { path, ours: false }),
            None => {
                let path = std::env::temp_dir().join(format!("aviary-demo-{}", std::process::id()));
                std::fs::create_dir_all(&path)?;
                Ok(Self { path, ours: true })
            }
        }
    }

    fn remove_if_ours(self) {
        if self.ours {
            let _ = std::fs::remove_dir_all(&self.path);
        }
    }
}
