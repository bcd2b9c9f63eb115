//! The whole program in this process, with a panel full of servers, behind HTTP.

use std::net::SocketAddr;
use std::sync::Arc;

use aviary::app::App;
use aviary_domain::access::{Caller, SUPER_ADMIN};
use aviary_domain::accounts::NewAccount;
use aviary_domain::mirror::Writer;
use aviary_domain::panels::NewPanel;
use aviary_domain::settings::{Key, Wanted};
use aviary_domain::sign_in::Credentials;
use aviary_kernel::base::{Env, MasterKey, Sealer, Secret};
use aviary_kernel::config::{Config, Sources};
use aviary_kernel::model::{Actor, Origin, PanelId, SessionKind, SyncId};
use reqwest::Client;
use tempfile::TempDir;
use tokio::runtime::Handle;

use super::program::API_KEY;
use super::{Outcome, folder, rows};

/// The panel.
pub(crate) const PANEL: PanelId = PanelId(1);

/// The program with so many servers, as many allocations, and their history.
pub(crate) struct Filled {
    pub(crate) app: App,
    pub(crate) address: SocketAddr,
    pub(crate) client: Client,
    /// Writes into the panel as this sync does.
    pub(crate) writer: Writer,
    pub(crate) sync: SyncId,
    // Last, so that the file is closed before its folder goes.
    pub(crate) dir: TempDir,
}

impl Filled {
    pub(crate) async fn new(servers: u32) -> Outcome<Self> {
        let dir = folder()?;
        let data_dir = dir.path().join("data").display().to_string();
        let flags = [("data_dir", data_dir.as_str()), ("security.api_key", API_KEY)];
        let config = Config::load(&Sources::new().flags(flags))?;
        let app = App::open(&config, Env::system(), Handle::current()).await?;
        let services = &app.services;
        let new = NewPanel {
            name: "Main".into(),
            url: "http://127.0.0.1:9".into(),
            app_key: Secret::from("ptla_SimulatedAp0123456789abcdefghijABCDEFGHIJxy"),
            client_key: None,
            share_percent: None,
            sync_every_s: None,
        };
        services.panels.add(&Actor::job("bench"), new).await?;
        let sealer = Arc::new(Sealer::new(&MasterKey::parse(&"07".repeat(32))?));
        let env = services.env.clone();
        let sync = env.ids.next();
        let writer = Writer::new(services.store.clone(), env, sealer, PANEL, sync);
        rows::fill(&writer, servers.into(), 40).await?;
        let (server, address) = aviary_web::serve(services.clone(), ([127, 0, 0, 1], 0).into(), None, 1)?;
        tokio::spawn(server);
        aviary_remote::init_tls();
        let client = Client::builder().tls_certs_only([]).no_proxy().build()?;
        Ok(Self { app, address, client, writer, sync, dir })
    }

    /// The cookie of somebody who may everything, as often as they like.
    pub(crate) async fn sign_in(&self) -> Outcome<String> {
        let (email, password) = ("mara@example.com", "Right-1234");
        let new = NewAccount {
            email: email.into(),
            username: None,
            password: Some(password.into()),
            roles: vec![SUPER_ADMIN.into()],
            verified: true,
        };
        let services = &self.app.services;
        services.accounts.create(&Caller::command_line(), new).await.map_err(|refusal| refusal.to_string())?;
        let credentials = Credentials { email: email.into(), password: password.into(), code: None };
        let entered = services.sign_in.sign_in(Origin::default(), credentials, SessionKind::Browser).await;
        let entered = entered.map_err(|refusal| refusal.to_string())?;
        let unlimited = vec![(Key::RequestsPerMinute, Wanted::Number(0))];
        services.settings.change(&Actor::job("bench"), unlimited).await.map_err(|refused| format!("{refused:?}"))?;
        Ok(format!("aviary={}", entered.token.reveal()))
    }
}
