//! Who a request is from, by what it shows: an API key, an access token, or the cookie of a session.

use std::sync::Arc;

use actix_web::HttpRequest;
use actix_web::http::header::{self, HeaderName};
use aviary_domain::access::{Access, Caller, Limit, Limits, Refusal};
use aviary_domain::settings::Settings;
use aviary_domain::sign_in::SignIn;
use aviary_kernel::base::{Error, Result, Secret};
use aviary_kernel::model::{Origin, Who};
use ring::digest;

use crate::Options;
use crate::answer::is_page;
use crate::session::{self, FormTokens};

/// How somebody showed who they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shown {
    /// Not at all.
    Nothing,
    /// They came through the local socket.
    Socket,
    /// With a header, which no other site can make a browser send.
    Header,
    /// With a token in the address.
    Query,
    /// With a cookie, which browsers send along whoever asks.
    Cookie,
}

/// Who a request is from, as far as it shows.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    /// Who it is; none = nobody that is known.
    pub(crate) caller: Option<Caller>,
    /// How they showed who they are.
    pub(crate) shown: Shown,
    /// How often an API key may ask, where it says so itself.
    pub(crate) requests: Option<Limit>,
    /// Why what they showed was not taken.
    pub(crate) refused: Option<Refused>,
}

/// Why what somebody showed was not taken.
#[derive(Clone, Debug)]
pub(crate) struct Refused {
    /// In the words of the older API.
    pub(crate) code: &'static str,
    /// For people.
    pub(crate) why: String,
    /// It stands in the audit trail already.
    pub(crate) on_record: bool,
}

impl Found {
    /// Somebody who showed nothing.
    pub(crate) fn nobody() -> Self {
        Self { caller: None, shown: Shown::Nothing, requests: None, refused: None }
    }

    /// Somebody who is known.
    pub(crate) fn somebody(caller: Caller, shown: Shown) -> Self {
        Self { caller: Some(caller), shown, ..Self::nobody() }
    }

    fn refused(shown: Shown, code: &'static str, why: String, on_record: bool) -> Self {
        Self { shown, refused: Some(Refused { code, why, on_record }), ..Self::nobody() }
    }
}

/// Recognises callers.
pub(crate) struct Recogniser {
    pub(crate) options: Options,
    pub(crate) limits: Limits,
    pub(crate) forms: FormTokens,
    pub(crate) settings: Settings,
    access: Access,
    sign_in: SignIn,
    /// SHA-256 of the key of the configuration, so that comparing takes the same time for every wrong one.
    backend_key: Option<digest::Digest>,
}

static X_API_KEY: HeaderName = HeaderName::from_static("x-api-key");

impl Recogniser {
    pub(crate) fn new(
        options: Options,
        limits: Limits,
        access: Access,
        sign_in: SignIn,
        settings: Settings,
    ) -> Arc<Self> {
        let backend_key = options.api_key.as_ref().map(|key| sha256(key.reveal()));
        let forms = FormTokens::new(&options.form_key);
        Arc::new(Self { options, limits, forms, settings, access, sign_in, backend_key })
    }

    /// Who a request is from. Nobody is let in while it cannot be said who they are.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(crate) async fn recognise(&self, request: &HttpRequest, origin: &Origin, https: bool) -> Result<Found> {
        let text = |name: &HeaderName| request.headers().get(name).and_then(|value| value.to_str().ok()).map(str::trim);
        if let Some(key) = text(&X_API_KEY).map(Secret::from).or_else(|| in_query(request, "api_key")) {
            return self.by_key(&key, origin, Shown::Header).await;
        }
        if let Some(token) = text(&header::AUTHORIZATION).and_then(|value| value.strip_prefix("Bearer ")) {
            return self.by_bearer(&Secret::from(token.trim()), origin, Shown::Header).await;
        }
        let may_follow = request.method().is_safe() && !is_page(request.path());
        if let Some(token) = in_query(request, "token").filter(|_| may_follow) {
            return self.by_bearer(&token, origin, Shown::Query).await;
        }
        let Some(token) = session::token(request, https) else { return Ok(Found::nobody()) };
        // A cookie that is no longer good is what everybody has who was away for long.
        let caller = self.sign_in.by_cookie(token.reveal(), origin.clone()).await?;
        Ok(caller.map_or_else(Found::nobody, |caller| Found::somebody(caller, Shown::Cookie)))
    }

    /// Who somebody is by now that was recognised before, with what they may now; nobody when their session or key is no
    /// longer good. For streams, which outlive the request that opened them.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(crate) async fn still(&self, caller: &Caller) -> Result<Option<Caller>> {
        match caller.actor.who {
            Who::ApiKey(id) => self.access.still(id, caller.actor.origin.clone()).await,
            Who::Person(_) => self.sign_in.still(caller).await,
            _ => Ok(Some(caller.clone())),
        }
    }

    async fn by_bearer(&self, token: &Secret<String>, origin: &Origin, shown: Shown) -> Result<Found> {
        // Access tokens have two dots, keys have none.
        if token.reveal().matches('.').count() != 2 {
            return self.by_key(token, origin, shown).await;
        }
        let known = if shown == Shown::Query {
            self.sign_in.by_ticket(token.reveal(), origin.clone()).await
        } else {
            self.sign_in.by_access_token(token.reveal(), origin.clone()).await
        };
        match known {
            Ok(caller) => Ok(Found::somebody(caller, shown)),
            Err(Refusal::Fault(error)) => Err(error),
            Err(refusal) => Ok(Found::refused(shown, refusal.code(), refusal.to_string(), false)),
        }
    }

    async fn by_key(&self, key: &Secret<String>, origin: &Origin, shown: Shown) -> Result<Found> {
        if self.is_backend_key(key.reveal()) {
            return Ok(Found::somebody(self.access.backend_caller(origin.clone()), shown));
        }
        match self.access.by_api_key(key.reveal(), origin.clone()).await {
            Ok(holder) => Ok(Found { requests: holder.requests, ..Found::somebody(holder.caller, shown) }),
            Err(Error::Unauthenticated(why)) => Ok(Found::refused(shown, "invalid_token", why, true)),
            Err(error) => Err(error),
        }
    }

    fn is_backend_key(&self, given: &str) -> bool {
        let given = sha256(given);
        self.backend_key
            .as_ref()
            .is_some_and(|own| own.as_ref().iter().zip(given.as_ref()).fold(0, |sum, (a, b)| sum | (a ^ b)) == 0)
    }
}

fn sha256(text: &str) -> digest::Digest {
    digest::digest(&digest::SHA256, text.as_bytes())
}

fn in_query(request: &HttpRequest, wanted: &str) -> Option<Secret<String>> {
    let pairs = url::form_urlencoded::parse(request.query_string().as_bytes());
    pairs.into_iter().find(|(name, _)| name == wanted).map(|(_, value)| Secret::new(value.into_owned()))
}
