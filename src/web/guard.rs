//! What happens to every request before its handler: where it comes from, who it is from, whether they come too often. Handlers
//! find the outcome as [`Recognised`]; what was refused goes on record.

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::http::header::HeaderValue;
use actix_web::middleware::Next;
use actix_web::web::Data;
use actix_web::{HttpMessage, HttpRequest};
use aviary_domain::access::{Caller, Limit, Verdict, identity_of};
use aviary_domain::audit::{Audit, Did};
use aviary_domain::settings::Settings;
use aviary_kernel::base::Result;
use aviary_kernel::model::{Action, Actor, Origin, Permission, Who};

use crate::allow;
use crate::answer::is_page;
use crate::input;
use crate::origin;
use crate::page::PageError;
use crate::problem::{Problem, limit_headers};
use crate::recognise::{Found, Recogniser, Shown};

/// Longer addresses are no use of ours.
const LONGEST_ADDRESS: usize = 8 * 1024;

/// What is known of a request before its handler runs.
#[derive(Clone, Debug)]
pub(crate) struct Recognised {
    /// Where it comes from.
    pub(crate) origin: Origin,
    /// Whether the browser speaks https.
    pub(crate) https: bool,
    /// Who it is from.
    pub(crate) found: Found,
}

impl Recognised {
    /// What is known of a request; nothing when it did not come through the guard.
    pub(crate) fn of(request: &HttpRequest) -> Self {
        let nothing = || Self { origin: Origin::default(), https: false, found: Found::nobody() };
        request.extensions().get::<Self>().cloned().unwrap_or_else(nothing)
    }

    /// Who it is from.
    pub(crate) fn caller(&self) -> Option<&Caller> {
        self.found.caller.as_ref()
    }

    fn actor(&self) -> Actor {
        self.caller().map_or_else(|| Actor::nobody(self.origin.clone()), |caller| caller.actor.clone())
    }
}

/// Wraps every handler, inside of everything else.
pub(crate) async fn guard(
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let Some(recogniser) = request.app_data::<Data<Recogniser>>().cloned() else {
        return Ok(next.call(request).await?.map_into_boxed_body());
    };
    if request.uri().path_and_query().is_some_and(|asked| asked.as_str().len() > LONGEST_ADDRESS) {
        return Ok(refuse(request, Problem::address_too_long()));
    }
    if is_for_everybody(request.path()) {
        return Ok(next.call(request).await?.map_into_boxed_body());
    }
    let known = match recognise(&request, &recogniser).await {
        Ok(known) => known,
        Err(error) => return Ok(refuse(request, error.into())),
    };
    request.extensions_mut().insert(known.clone());
    input::hurry(&mut request);
    let verdict = limit(&request, &known, &recogniser);
    let response = match verdict.filter(|verdict| !verdict.allowed) {
        Some(verdict) => refuse(request, Problem::too_many(verdict.retry_after_s)),
        None if is_kept_out(&request, &known, &recogniser) => refuse(request, Problem::maintenance()),
        None => next.call(request).await?.map_into_boxed_body(),
    };
    put_on_record(&response, &known).await;
    Ok(with_limits(response, verdict))
}

/// Assets and health: they cost nothing and tell nothing, and what watches over Aviary must never be held off.
fn is_for_everybody(path: &str) -> bool {
    path.starts_with("/static/") || path == "/health" || path == "/readyz"
}

async fn recognise(request: &ServiceRequest, recogniser: &Recogniser) -> Result<Recognised> {
    let trusted = &recogniser.options.trusted_proxies;
    let origin = origin::origin(request, trusted);
    let https = recogniser.options.is_public_https() || origin::is_https(request, trusted);
    let found = if allow::is_local(request.request()) {
        let actor = Actor::command_line().from(origin.clone());
        Found::somebody(Caller { actor, ..Caller::command_line() }, Shown::Socket)
    } else {
        recogniser.recognise(request.request(), &origin, https).await?
    };
    Ok(Recognised { origin, https, found })
}

/// Takes one request from whoever asks. The owner of the program and the back end of the configuration are not counted.
fn limit(request: &ServiceRequest, known: &Recognised, recogniser: &Recogniser) -> Option<Verdict> {
    let (found, take) = (&known.found, |limit, identity: &str| recogniser.limits.take(limit, identity));
    let per_minute = recogniser.settings.current().requests_per_minute;
    let usual = |limit: Limit| (per_minute > 0).then(|| limit.of(per_minute));
    match known.caller().map(|caller| caller.actor.who) {
        Some(Who::Person(id)) => usual(Limit::REQUESTS_BY_PERSON).map(|limit| take(limit, &id.to_string())),
        Some(Who::ApiKey(id)) => {
            let limit = found.requests.or_else(|| usual(Limit::REQUESTS_BY_API_KEY));
            limit.map(|limit| take(limit, &id.to_string()))
        }
        Some(_) => None,
        None => {
            let address = identity_of(known.origin.address.or(request.peer_addr().map(|peer| peer.ip())));
            // Access tokens expire all the time; keys are what somebody would guess.
            let is_key = found.refused.as_ref().is_some_and(|refused| refused.on_record);
            let tries = is_key.then(|| take(Limit::BAD_API_KEYS, &address));
            let too_many = tries.filter(|tries| !tries.allowed);
            too_many.or_else(|| usual(Limit::REQUESTS_BY_ADDRESS).map(|limit| take(limit, &address)))
        }
    }
}

/// How often one address may try to sign in.
pub(crate) fn sign_in_limit(settings: &Settings) -> Limit {
    Limit::SIGN_IN_BY_ADDRESS.of(settings.current().sign_in_per_minute)
}

/// Whether only those get in who can end the maintenance, and this is nobody of them. They must be able to sign in first, and
/// to set up a second factor where they need one.
fn is_kept_out(request: &ServiceRequest, known: &Recognised, recogniser: &Recogniser) -> bool {
    let may = |caller: &Caller| {
        matches!(caller.actor.who, Who::CommandLine | Who::BackendKey) || caller.grants.allow(Permission::SettingsWrite)
    };
    recogniser.settings.current().maintenance_mode && !is_way_in(request.path()) && !known.caller().is_some_and(may)
}

/// Signing in and out, and the links that are mailed to who cannot.
fn is_way_in(path: &str) -> bool {
    let of_api = path.strip_prefix("/api/v1/auth/").is_some_and(|what| what != "register");
    let pages = ["login", "logout", "verify-email", "forgot-password", "reset-password", "magic-link"];
    of_api || path.strip_prefix("/admin/").is_some_and(|page| pages.contains(&page))
}

fn refuse(request: ServiceRequest, problem: Problem) -> ServiceResponse<BoxBody> {
    if is_page(request.path()) {
        request.error_response(PageError::from(problem)).map_into_boxed_body()
    } else {
        request.error_response(problem).map_into_boxed_body()
    }
}

fn with_limits(mut response: ServiceResponse<BoxBody>, verdict: Option<Verdict>) -> ServiceResponse<BoxBody> {
    let Some(verdict) = verdict else { return response };
    let headers = response.headers_mut();
    for (name, number) in limit_headers(&verdict) {
        // A handler that has a limit of its own has said so already.
        if !headers.contains_key(&name) {
            headers.insert(name, HeaderValue::from(number));
        }
    }
    response
}

/// Refusals and limits are events too; many of the same are one.
async fn put_on_record(response: &ServiceResponse<BoxBody>, known: &Recognised) {
    let (action, why) = match response.status() {
        StatusCode::TOO_MANY_REQUESTS => (Action::RequestsLimited, "too many requests".to_owned()),
        StatusCode::FORBIDDEN => (Action::AccessRefused, "not allowed".to_owned()),
        StatusCode::UNAUTHORIZED => match known.found.refused.as_ref().filter(|refused| !refused.on_record) {
            Some(refused) => (Action::AccessRefused, refused.why.clone()),
            None => return,
        },
        _ => return,
    };
    let request = response.request();
    let Some(audit) = request.app_data::<Data<Audit>>() else { return };
    let route = request.match_pattern().unwrap_or_else(|| "unknown address".into());
    let did = Did::new(action).to("route", format!("{} {route}", request.method()), route.clone()).refused(why);
    if let Err(error) = audit.note(&known.actor(), did).await {
        tracing::warn!(%error, "a refusal could not be put on record");
    }
}
