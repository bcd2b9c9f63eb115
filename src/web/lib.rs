//! Floor 3: HTTP in, HTTP out. Handlers are thin; the rules are in the services below.
//!
//! * [`routes`]: the whole URL map.
//! * [`door`], [`allow`], [`session`]: who may.
//! * [`problem`], [`page`]: what went wrong, for programs and for people; the only places with status codes of errors.
//! * [`serve`]: opens the doors.
#![forbid(unsafe_code)]

mod admin;
mod allow;
mod answer;
pub(crate) mod api;
pub mod assets;
mod cors;
pub mod door;
mod guard;
mod input;
mod map;
pub mod openapi;
mod origin;
pub mod page;
pub mod problem;
mod recognise;
pub mod routes;
pub mod serve;
mod session;
mod sse;

use actix_web::App;
use actix_web::Error;
use actix_web::body::BoxBody;
use actix_web::dev::{ServiceFactory, ServiceRequest, ServiceResponse};
use actix_web::middleware::{NormalizePath, from_fn};
use actix_web::web::{Data, ServiceConfig};
use aviary_domain::access::{Access, Limits};
use aviary_domain::accounts::Accounts;
use aviary_domain::audit::Audit;
use aviary_domain::events::Events;
use aviary_domain::jobs::Jobs;
use aviary_domain::live::Live;
use aviary_domain::mails::Mails;
use aviary_domain::mirror::Book;
use aviary_domain::ops::{Backups, Heartbeats};
use aviary_domain::panels::Panels;
use aviary_domain::schedules::Schedules;
use aviary_domain::search::Search;
use aviary_domain::secrets::Secrets;
use aviary_domain::settings::Settings;
use aviary_domain::sign_in::SignIn;
use aviary_domain::sync::Syncs;
use aviary_domain::webhooks::Webhooks;
use aviary_kernel::base::{Env, Net, Secret};
use aviary_kernel::store::Store;

pub use answer::RequestId;
pub use map::Map;
pub use serve::{serve, serve_local};

use assets::Assets;
use recognise::Recogniser;

/// Everything a handler may ask for.
#[derive(Clone)]
pub struct Services {
    /// Time and ids.
    pub env: Env,
    /// For health and checks only; handlers go through the services.
    pub store: Store,
    /// Who did what.
    pub audit: Audit,
    /// The panels.
    pub panels: Panels,
    /// The mirror, to be asked.
    pub book: Book,
    /// The syncs.
    pub syncs: Syncs,
    /// The jobs.
    pub jobs: Jobs,
    /// What runs by itself.
    pub schedules: Schedules,
    /// Settings.
    pub settings: Settings,
    /// Mails.
    pub mails: Mails,
    /// People.
    pub accounts: Accounts,
    /// Roles and API keys.
    pub access: Access,
    /// The renewal of the master key.
    pub secrets: Secrets,
    /// Signing in.
    pub sign_in: SignIn,
    /// Backups of the data file.
    pub backups: Backups,
    /// What happened and was told.
    pub events: Events,
    /// Who hears of events, and how.
    pub webhooks: Webhooks,
    /// What moves.
    pub live: Live,
    /// Finds anything.
    pub search: Search,
    /// How often somebody may ask.
    pub limits: Limits,
    /// Which workers live.
    pub heartbeats: Heartbeats,
    /// What the configuration says about this floor.
    pub options: Options,
}

/// What the configuration says about this floor.
#[derive(Clone)]
pub struct Options {
    /// The key of other back ends.
    pub api_key: Option<Secret<String>>,
    /// Makes the tokens of forms; from the master key, so that forms survive a restart.
    pub form_key: Secret<Vec<u8>>,
    /// Proxies whose word on where a request comes from is believed.
    pub trusted_proxies: Vec<Net>,
    /// Origins whose scripts may call the API.
    pub cors_origins: Vec<String>,
    /// Where people reach Aviary; for links and the origin check.
    pub public_url: Option<String>,
}

impl Options {
    /// Whether people reach Aviary over https.
    pub(crate) fn is_public_https(&self) -> bool {
        self.public_url.as_deref().is_some_and(|url| url.starts_with("https://"))
    }

    /// Whether scripts of a site may call the API: by exact origin, as browsers write it.
    pub(crate) fn lists_origin(&self, origin: &str) -> bool {
        self.cors_origins.iter().any(|listed| listed.trim_end_matches('/') == origin)
    }
}

/// What every worker shares; made once.
#[derive(Clone)]
pub struct Site {
    services: Services,
    recogniser: Data<Recogniser>,
    assets: Data<Assets>,
    document: Data<openapi::Text>,
    fresh: Data<admin::Fresh>,
}

impl Site {
    /// Gets everything ready.
    pub fn new(services: Services) -> Self {
        let Services { options, limits, access, sign_in, settings, .. } = services.clone();
        let recogniser = Data::from(Recogniser::new(options, limits, access, sign_in, settings));
        Self {
            services,
            recogniser,
            assets: Data::new(Assets::load()),
            document: Data::new(openapi::Text::default()),
            fresh: Data::new(admin::Fresh::default()),
        }
    }

    /// Offers the services to handlers and puts the URL map in place.
    pub fn configure(&self, config: &mut ServiceConfig) {
        let Services {
            env,
            store,
            panels,
            book,
            syncs,
            jobs,
            schedules,
            settings,
            secrets,
            mails,
            accounts,
            sign_in,
            access,
            limits,
            backups,
            events,
            webhooks,
            search,
            live,
            audit,
            heartbeats,
            options,
        } = self.services.clone();
        config
            .app_data(Data::new(env))
            .app_data(Data::new(store))
            .app_data(Data::new(audit))
            .app_data(Data::new(backups))
            .app_data(Data::new(events))
            .app_data(Data::new(webhooks))
            .app_data(Data::new(search))
            .app_data(Data::new(live))
            .app_data(Data::new(panels))
            .app_data(Data::new(book))
            .app_data(Data::new(syncs))
            .app_data(Data::new(jobs))
            .app_data(Data::new(schedules))
            .app_data(Data::new(settings))
            .app_data(Data::new(mails))
            .app_data(Data::new(accounts))
            .app_data(Data::new(access))
            .app_data(Data::new(secrets))
            .app_data(Data::new(sign_in))
            .app_data(Data::new(limits))
            .app_data(Data::new(heartbeats))
            .app_data(Data::new(options))
            .app_data(self.recogniser.clone())
            .app_data(self.assets.clone())
            .app_data(self.document.clone())
            .app_data(self.fresh.clone());
        input::limits(config);
        routes::routes(config);
    }
}

/// The program as one worker answers with it.
pub fn app(
    site: &Site,
) -> App<
    impl ServiceFactory<ServiceRequest, Config = (), Response = ServiceResponse<BoxBody>, Error = Error, InitError = ()>
    + use<>,
> {
    App::new()
        .configure(|config| site.configure(config))
        .wrap(from_fn(guard::guard))
        .wrap(from_fn(cors::cors))
        .wrap(from_fn(answer::finish))
        .wrap(NormalizePath::trim())
}
