//! Settings as the admin area of the older API knew them: one flat object. Secrets go in and never come out.

use actix_web::HttpResponse;
use actix_web::web::{Bytes, Data, Json, Query};
use aviary_domain::access::Caller;
use aviary_domain::settings::{Given, Key, Settings, Shown, TestReport, Tested, Wanted};
use aviary_domain::webhooks::Webhooks;
use aviary_kernel::base::{Error, Result, Secret};
use aviary_kernel::model::{HookScope, Permission};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::discord_webhooks::{DiscordWebhookView, of_scope};
use crate::allow::{Allow, perm};
use crate::problem::{ApiResult, Problem, ProblemView};

/// Declares the fields of the flat object once: as they are shown and as they are sent.
macro_rules! flat {
    ($($(#[$doc:meta])* $field:ident: $type:ty = $key:ident;)*) => {
        /// All settings that the older API has. Secrets are masked, and empty when there is none.
        #[derive(Serialize, ToSchema)]
        #[serde(rename_all = "camelCase")]
        pub(crate) struct SettingsView {
            $($(#[$doc])* $field: $type,)*
            /// Those of Discord with the scope `ADMIN`, newest first; for who may see webhooks. They are changed by a route of
            /// their own.
            discord_webhooks: Vec<DiscordWebhookView>,
        }

        impl SettingsView {
            async fn now(settings: &Settings, webhooks: &Webhooks, caller: &Caller) -> Result<Self> {
                let all = &settings.all().await?;
                let discord_webhooks = match caller.may(Permission::WebhookRead) {
                    true => of_scope(webhooks, Some(HookScope::Admin)).await?,
                    false => Vec::new(),
                };
                Ok(Self { $($field: of(all, Key::$key),)* discord_webhooks })
            }
        }

        /// What is to become different. What is absent, null or empty stays as it is, and so does a secret that is the mask.
        #[derive(Deserialize, ToSchema)]
        #[serde(rename_all = "camelCase")]
        pub(crate) struct ChangeSettings {
            $($(#[$doc])* #[schema(value_type = Option<$type>)] $field: Option<Wanted>,)*
            /// Whether the repositories are added to those that are there, instead of replacing them.
            github_repositories_merge: Option<bool>,
        }

        impl ChangeSettings {
            fn wanted(self) -> Vec<(Key, Wanted)> {
                let merges = self.github_repositories_merge.unwrap_or(false);
                let all = [$((Key::$key, self.$field)),*];
                all.into_iter().filter_map(|(key, wanted)| Some((key, meant(key, wanted?, merges)?))).collect()
            }
        }
    };
}

flat! {
    /// The address of the first panel.
    pterodactyl_url: String = PterodactylUrl;
    /// Its Application API key.
    pterodactyl_api_key: String = PterodactylApiKey;
    /// Its Client API key.
    pterodactyl_client_api_key: String = PterodactylClientApiKey;
    /// Free text.
    pterodactyl_api: String = PterodactylApi;
    /// The address of VirtFusion.
    virtfusion_url: String = VirtfusionUrl;
    /// A token of it.
    virtfusion_api_key: String = VirtfusionApiKey;
    /// Free text.
    virtfusion_api: String = VirtfusionApi;
    /// The project with the translations.
    crowdin_project_id: String = CrowdinProjectId;
    /// Reads the translations.
    crowdin_personal_token: String = CrowdinPersonalToken;
    /// Reads releases for the changelog.
    github_token: String = GithubToken;
    /// Whose releases the changelog shows, as `owner/name`; also as JSON text or one a line.
    github_repositories: Vec<String> = GithubRepositories;
    /// Whether people may make accounts for themselves.
    registration_enabled: bool = RegistrationEnabled;
    /// Whether only administrators get in.
    maintenance_mode: bool = MaintenanceMode;
    /// Whether panels are synced automatically.
    auto_sync_enabled: bool = AutoSyncEnabled;
    /// Whether mail is sent about what happens.
    email_notifications: bool = EmailNotifications;
    /// Delivers mail through Resend.
    resend_api_key: String = ResendApiKey;
    /// Whether messages go to Discord.
    discord_notifications: bool = DiscordNotifications;
    /// Seconds that front ends may keep answers.
    cache_timeout: u64 = CacheTimeout;
    /// Seconds between two automatic syncs of a panel.
    sync_interval: u64 = SyncInterval;
    /// Whom people may write to.
    admin_email: String = AdminEmail;
    /// What pages and mails call this installation.
    site_name: String = SiteName;
    /// Where people reach it.
    site_url: String = SiteUrl;
}

fn of<T: DeserializeOwned + Default>(all: &[Shown], key: Key) -> T {
    let shown = all.iter().find(|shown| shown.key == key);
    shown.and_then(|shown| serde_json::from_value(shown.value.clone()).ok()).unwrap_or_default()
}

/// What was meant by a value: this route takes whatever is empty for unchanged.
fn meant(key: Key, wanted: Wanted, merges: bool) -> Option<Wanted> {
    let wanted = if key == Key::GithubRepositories { wanted.into_list() } else { wanted };
    match wanted {
        Wanted::Reset => None,
        Wanted::Text(text) if text.reveal().trim().is_empty() => None,
        Wanted::List(items) if items.is_empty() => None,
        Wanted::List(items) if merges => Some(Wanted::Merge(items)),
        other => Some(other),
    }
}

/// The secrets that front ends may take away, by name.
const SENSITIVE: [Key; 6] = [
    Key::PterodactylApiKey,
    Key::PterodactylClientApiKey,
    Key::VirtfusionApiKey,
    Key::CrowdinPersonalToken,
    Key::GithubToken,
    Key::ResendApiKey,
];

/// Whether something answers.
#[derive(Serialize, ToSchema)]
pub(crate) struct ConnectionView {
    /// The same as `connected`.
    success: bool,
    connected: bool,
    /// Milliseconds until it answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    latency: Option<u64>,
    /// What answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<String>,
    /// What went wrong, and what to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

impl ConnectionView {
    fn new(report: Option<TestReport>) -> Self {
        let Some(report) = report else { return Self::failed("not set up".into()) };
        let version = (report.connected && report.what != Tested::Database)
            .then(|| report.version.unwrap_or_else(|| "Connected".into()));
        let error = report.error.map(|error| match report.remedy {
            Some(remedy) => format!("{error}; {remedy}"),
            None => error,
        });
        let latency = report.latency_ms.filter(|_| report.connected);
        Self { success: report.connected, connected: report.connected, latency, version, error }
    }

    fn failed(error: String) -> Self {
        Self { success: false, connected: false, latency: None, version: None, error: Some(error) }
    }
}

/// All settings, and whether what they lead to answers.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AllSettingsView {
    success: bool,
    settings: SettingsView,
    pterodactyl_status: ConnectionView,
    virtfusion_status: ConnectionView,
    database_status: ConnectionView,
    /// The names of the secrets.
    sensitive_fields: Vec<&'static str>,
}

/// All settings
///
/// The panels are asked whether they answer, for at most three seconds.
#[utoipa::path(get, path = "/api/admin/settings", tag = "admin", responses((status = 200, body = AllSettingsView)))]
pub(crate) async fn all(
    settings: Data<Settings>,
    webhooks: Data<Webhooks>,
    caller: Allow<perm::SettingsRead>,
) -> ApiResult {
    let (panel, virtfusion, database) =
        tokio::join!(settings.panel_status(), settings.virtfusion_status(), settings.test_database());
    Ok(HttpResponse::Ok().json(AllSettingsView {
        success: true,
        settings: SettingsView::now(&settings, &webhooks, &caller.caller).await?,
        pterodactyl_status: ConnectionView::new(panel),
        virtfusion_status: ConnectionView::new(virtfusion),
        database_status: ConnectionView::new(Some(database)),
        sensitive_fields: SENSITIVE.map(|key| key.about().name).into(),
    }))
}

/// What was changed.
#[derive(Serialize, ToSchema)]
pub(crate) struct ChangedSettingsView {
    success: bool,
    message: String,
    settings: SettingsView,
}

async fn changed(settings: &Settings, webhooks: &Webhooks, caller: &Caller, changed: &[Key], word: &str) -> ApiResult {
    let message = match changed.len() {
        0 => "nothing became different".to_owned(),
        1 => format!("1 setting was {word}"),
        many => format!("{many} settings were {word}"),
    };
    let settings = SettingsView::now(settings, webhooks, caller).await?;
    Ok(HttpResponse::Ok().json(ChangedSettingsView { success: true, message, settings }))
}

/// Changes settings for a caller, who must be allowed to change panels too where that is what it means.
pub(super) async fn change(
    settings: &Settings,
    caller: &Allow<perm::SettingsWrite>,
    wanted: Vec<(Key, Wanted)>,
) -> Result<Vec<Key>> {
    if settings.reaches_panel(&wanted).await? {
        caller.caller.require(Permission::PanelWrite)?;
    }
    Ok(settings.change(&caller.who, wanted).await?)
}

/// Change settings
///
/// All of them or none; they count at once. Other keys are passed over.
#[utoipa::path(post, path = "/api/admin/settings", tag = "admin", request_body = ChangeSettings, responses(
    (status = 200, body = ChangedSettingsView),
    (status = 400, description = "Values that cannot be taken; all of them are named", body = ProblemView),
))]
pub(crate) async fn save(
    settings: Data<Settings>,
    webhooks: Data<Webhooks>,
    caller: Allow<perm::SettingsWrite>,
    body: Json<ChangeSettings>,
) -> ApiResult {
    let keys = change(&settings, &caller, body.into_inner().wanted()).await?;
    changed(&settings, &webhooks, &caller.caller, &keys, "changed").await
}

/// Which secrets shall go.
#[derive(Deserialize, ToSchema)]
pub(crate) struct ResetSecrets {
    /// Names out of `sensitiveFields`; others are passed over.
    keys: Vec<String>,
}

/// Take secrets away
#[utoipa::path(put, path = "/api/admin/settings", tag = "admin", request_body = ResetSecrets, responses(
    (status = 200, body = ChangedSettingsView),
    (status = 400, description = "A panel cannot be without it", body = ProblemView),
))]
pub(crate) async fn reset(
    settings: Data<Settings>,
    webhooks: Data<Webhooks>,
    caller: Allow<perm::SettingsWrite>,
    body: Json<ResetSecrets>,
) -> ApiResult {
    let named = |key: &Key| body.keys.iter().any(|name| name == key.about().name);
    let held = settings.all().await?;
    let is_set = |key: &Key| held.iter().any(|shown| shown.key == *key && shown.value != "");
    let wanted = SENSITIVE.into_iter().filter(|key| named(key) && is_set(key)).map(|key| (key, Wanted::Reset));
    let keys = change(&settings, &caller, wanted.collect()).await?;
    changed(&settings, &webhooks, &caller.caller, &keys, "reset").await
}

/// What is tested.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct TestQuery {
    /// `pterodactyl`, `virtfusion` or `database`.
    r#type: Option<String>,
}

/// What to test with; what is absent, empty or the mask is taken from the settings.
#[derive(Deserialize, ToSchema, Default)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TestWith {
    pterodactyl_url: Option<String>,
    #[schema(value_type = Option<String>)]
    pterodactyl_api_key: Option<Secret<String>>,
    virtfusion_url: Option<String>,
    #[schema(value_type = Option<String>)]
    virtfusion_api_key: Option<Secret<String>>,
}

/// Test a connection
///
/// Really connects. A stored key goes only to the address that it is stored for. A body that cannot be read counts as none.
#[utoipa::path(post, path = "/api/admin/settings/test", tag = "admin", params(TestQuery), request_body = Option<TestWith>, responses(
    (status = 200, description = "Tested; also when nobody answers", body = ConnectionView),
    (status = 400, description = "There is no such type", body = ProblemView),
))]
pub(crate) async fn test(
    settings: Data<Settings>,
    caller: Allow<perm::SettingsWrite>,
    query: Query<TestQuery>,
    body: Bytes,
) -> ApiResult {
    let with: TestWith = serde_json::from_slice(&body).unwrap_or_default();
    let (what, given) = match query.r#type.as_deref().unwrap_or_default() {
        "pterodactyl" => (Tested::Panel, Given { url: with.pterodactyl_url, key: with.pterodactyl_api_key }),
        "virtfusion" => (Tested::VirtFusion, Given { url: with.virtfusion_url, key: with.virtfusion_api_key }),
        "database" => (Tested::Database, Given::default()),
        _ => return Err(Problem::bad_request("type: is pterodactyl, virtfusion or database")),
    };
    if what == Tested::Panel {
        // What a panel answers is for who looks after panels.
        caller.caller.require(Permission::PanelWrite)?;
    }
    let status = match settings.test(&caller.who, what, given).await {
        Ok(report) => ConnectionView::new(Some(report)),
        Err(error @ Error::Invalid { .. }) => ConnectionView::failed(error.to_string()),
        Err(error) => return Err(error.into()),
    };
    Ok(HttpResponse::Ok().json(status))
}
