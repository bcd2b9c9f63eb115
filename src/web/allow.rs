//! Who may. A permission is a type: a handler that asks for `Allow<perm::SyncRun>` has no caller without it.
//!
//! For now there is one key and it may everything; with accounts only this file changes.

use std::future::{Ready, ready};
use std::marker::PhantomData;

use actix_web::dev::Payload;
use actix_web::http::header::{self, HeaderName};
use actix_web::web::Data;
use actix_web::{FromRequest, HttpRequest};
use aviary_kernel::base::Error;
use aviary_kernel::model::{Actor, Who};
use url::Url;

use crate::Options;
use crate::problem::Problem;
use crate::session::sessions;

/// What is said while there is no key.
pub(crate) const NO_KEY: &str = "no key is set, so nobody is let in: set security.api_key in the configuration, or AVIARY__SECURITY__API_KEY, and restart";
const NO_CREDENTIALS: &str =
    "say who you are: send the key as X-API-Key or as Authorization: Bearer, or sign in at /admin/login";
const BAD_KEY: &str = "this is not the key that is set as security.api_key";

/// Something that may be allowed.
pub trait Permission: 'static {
    /// The name, `noun.verb`.
    const NAME: &'static str;
    /// Whether the key may stand in the address as `?token=`. Only where nothing else works, since addresses end up in logs.
    const TOKEN_IN_QUERY: bool = false;
}

/// The permissions.
pub mod perm {
    use super::Permission;

    macro_rules! permissions {
        ($($(#[$doc:meta])* $name:ident = $text:literal $(, $more:ident)?;)*) => {
            $(
                $(#[$doc])*
                pub struct $name;
                impl Permission for $name {
                    const NAME: &'static str = $text;
                    $(const $more: bool = true;)?
                }
            )*

            /// Every permission there is.
            pub const ALL: &[&str] = &[$($text),*];
        };
    }

    permissions! {
        /// See what is mirrored.
        MirrorRead = "mirror.read";
        /// See what changed.
        HistoryRead = "history.read";
        /// See the panels.
        PanelRead = "panel.read";
        /// Add, test and remove panels.
        PanelWrite = "panel.write";
        /// See syncs.
        SyncRead = "sync.read";
        /// Follow a sync as it goes on; browsers cannot send headers there.
        SyncFollow = "sync.follow", TOKEN_IN_QUERY;
        /// Start and cancel syncs.
        SyncRun = "sync.run";
        /// See removals that wait for a person.
        RemovalRead = "removal.read";
        /// Decide them.
        RemovalDecide = "removal.decide";
        /// See settings.
        SettingsRead = "settings.read";
        /// Change settings.
        SettingsWrite = "settings.write";
        /// Check the data file.
        StoreCheck = "store.check";
    }
}

/// Proof that the caller may `P`.
pub struct Allow<P> {
    /// Who asks.
    pub who: Actor,
    permission: PhantomData<P>,
}

impl<P: Permission> FromRequest for Allow<P> {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(caller(request, P::TOKEN_IN_QUERY).map(|who| Self { who, permission: PhantomData }))
    }
}

fn caller(request: &HttpRequest, token_in_query: bool) -> Result<Actor, Problem> {
    if is_local(request) {
        return Ok(Actor::command_line());
    }
    let sessions = sessions(request)?;
    if !sessions.has_key() {
        return Err(refused(NO_KEY));
    }
    let token = token_in_query.then(|| token(request)).flatten();
    if let Some(key) = key(request).or(token.as_deref()) {
        return if sessions.is_key(key) { Ok(Actor::new(Who::BackendKey, "API key")) } else { Err(refused(BAD_KEY)) };
    }
    let Some(session) = sessions.read(request) else { return Err(refused(NO_CREDENTIALS)) };
    let token = request.headers().get(&FORM_TOKEN).and_then(|value| value.to_str().ok());
    if !request.method().is_safe() && !token.is_some_and(|token| sessions.is_form_token(&session, token)) {
        check_origin(request)?;
    }
    Ok(Actor::new(Who::Nobody, "admin"))
}

fn refused(why: &str) -> Problem {
    Error::Unauthenticated(why.into()).into()
}

static FORM_TOKEN: HeaderName = HeaderName::from_static("x-form-token");
static X_API_KEY: HeaderName = HeaderName::from_static("x-api-key");

fn key(request: &HttpRequest) -> Option<&str> {
    let text = |name: &HeaderName| request.headers().get(name).and_then(|value| value.to_str().ok());
    text(&X_API_KEY).or_else(|| text(&header::AUTHORIZATION)?.strip_prefix("Bearer ")).map(str::trim)
}

fn token(request: &HttpRequest) -> Option<String> {
    let pairs = url::form_urlencoded::parse(request.query_string().as_bytes());
    pairs.into_iter().find(|(name, _)| name == "token").map(|(_, value)| value.into_owned())
}

/// Came in through the socket that only the owner of the program can open.
#[derive(Clone, Copy)]
pub(crate) struct Local;

/// Whether a request came through the local socket.
pub(crate) fn is_local(request: &HttpRequest) -> bool {
    request.conn_data::<Local>().is_some()
}

/// Whether a request with a session comes from a page of ours: browsers say where a form or script stood.
///
/// # Errors
/// 403 when it comes from elsewhere or does not say.
pub(crate) fn check_origin(request: &HttpRequest) -> Result<(), Problem> {
    let text = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
    let ours = match text("origin") {
        Some(origin) => is_ours(request, origin),
        None => text("sec-fetch-site") == Some("same-origin"),
    };
    if ours {
        Ok(())
    } else {
        Err(Error::Forbidden("this request comes from another site; it was not carried out".into()).into())
    }
}

fn is_ours(request: &HttpRequest, origin: &str) -> bool {
    let from_host = Url::parse(origin).ok().and_then(|url| {
        let name = url.host_str()?.to_owned();
        Some(url.port().map_or_else(|| name.clone(), |port| format!("{name}:{port}")))
    });
    let listed = request.app_data::<Data<Options>>().is_some_and(|options| {
        options.public_url.as_deref().and_then(origin_of).as_deref() == Some(origin) || options.lists_origin(origin)
    });
    from_host.is_some_and(|from| Some(from.as_str()) == host(request)) || listed
}

/// Scheme, host and port of an address, as browsers write them in `Origin`.
fn origin_of(url: &str) -> Option<String> {
    Url::parse(url).ok().map(|url| url.origin().ascii_serialization())
}

/// What the browser asked for; the headers of proxies are not looked at, since anybody can send them.
fn host(request: &HttpRequest) -> Option<&str> {
    request.headers().get(header::HOST).and_then(|value| value.to_str().ok())
}
