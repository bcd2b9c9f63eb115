//! The browser's side of a session: the cookie that carries its token, and the token that forms carry so that no other site
//! can send them. The sessions themselves are kept by `sign_in`.

use std::future::{Ready, ready};

use actix_web::cookie::time::Duration as CookieAge;
use actix_web::cookie::{Cookie, CookieBuilder, SameSite};
use actix_web::dev::Payload;
use actix_web::web::Data;
use actix_web::{FromRequest, HttpRequest};
use aviary_domain::access::Caller;
use aviary_kernel::base::{Error, Secret};
use aviary_kernel::model::Actor;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hmac;

use crate::allow;
use crate::door::Part;
use crate::guard::Recognised;
use crate::page::PageError;
use crate::recognise::{Found, Recogniser, Shown};

/// The browser forgets the cookie after this; the session itself ends when it should.
const LONGEST: CookieAge = CookieAge::days(30);

/// Browsers take a `__Host-` cookie over https only, and from this very host.
fn cookie_name(https: bool) -> &'static str {
    if https { "__Host-aviary" } else { "aviary" }
}

fn shape(https: bool, value: String) -> CookieBuilder<'static> {
    Cookie::build(cookie_name(https), value).path("/").http_only(true).same_site(SameSite::Strict).secure(https)
}

/// The cookie of a session that began with this request.
pub(crate) fn cookie(request: &HttpRequest, token: &Secret<String>) -> Cookie<'static> {
    shape(Recognised::of(request).https, token.reveal().clone()).max_age(LONGEST).finish()
}

/// Takes the cookie away.
pub(crate) fn no_cookie(request: &HttpRequest) -> Cookie<'static> {
    shape(Recognised::of(request).https, String::new()).max_age(CookieAge::ZERO).finish()
}

/// The token that the cookie of a request carries.
pub(crate) fn token(request: &HttpRequest, https: bool) -> Option<Secret<String>> {
    let cookie = request.cookie(cookie_name(https))?;
    (!cookie.value().is_empty()).then(|| Secret::from(cookie.value()))
}

/// Makes the tokens that forms carry.
pub(crate) struct FormTokens(hmac::Key);

impl FormTokens {
    pub(crate) fn new(key: &Secret<Vec<u8>>) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, key.reveal()))
    }

    /// What forms of this caller's session must carry.
    pub(crate) fn of(&self, caller: &Caller) -> String {
        match caller.session {
            Some(session) => URL_SAFE_NO_PAD.encode(hmac::sign(&self.0, session.as_bytes())),
            None => "local".into(),
        }
    }
}

/// Whether the form token that a request carries in a header is that of the caller's session.
pub(crate) fn has_form_token(request: &HttpRequest, caller: &Caller) -> bool {
    let given = request.headers().get("x-form-token").and_then(|value| value.to_str().ok());
    let own = request.app_data::<Data<Recogniser>>().map(|recogniser| recogniser.forms.of(caller));
    matches!((given, own), (Some(given), Some(own)) if same(own.as_bytes(), given.as_bytes()))
}

/// Compares without telling by the time it takes where the difference is.
fn same(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |sum, (a, b)| sum | (a ^ b)) == 0
}

/// Somebody who is signed in, for pages. Whoever is not is led to the sign-in page.
pub(crate) struct Visitor {
    /// For the record.
    pub(crate) who: Actor,
    /// With what they may.
    pub(crate) caller: Caller,
    /// Every form carries it as `_token`; see [`Visitor::check`].
    pub(crate) form_token: String,
}

impl Visitor {
    /// Whether a form was made for this visitor. Every handler that takes a form asks first.
    ///
    /// # Errors
    /// 403 when it was not.
    pub(crate) fn check(&self, given: &str) -> Result<(), PageError> {
        if same(self.form_token.as_bytes(), given.as_bytes()) {
            return Ok(());
        }
        Err(Error::Forbidden("this form is from an earlier session: go back, load the page again and repeat".into())
            .into())
    }
}

impl Part for Visitor {}

impl FromRequest for Visitor {
    type Error = PageError;
    type Future = Ready<Result<Self, PageError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(visitor(request))
    }
}

pub(crate) fn visitor(request: &HttpRequest) -> Result<Visitor, PageError> {
    let Found { caller, shown, .. } = Recognised::of(request).found;
    // Pages belong to browsers: a key or an access token opens the API.
    let Some(caller) = caller.filter(|_| matches!(shown, Shown::Cookie | Shown::Socket)) else {
        return Err(PageError::SignIn { next: way_back(request) });
    };
    if shown == Shown::Cookie && !request.method().is_safe() {
        allow::check_origin(request)?;
    }
    let recogniser = request.app_data::<Data<Recogniser>>();
    let form_token = recogniser.map(|recogniser| recogniser.forms.of(&caller));
    let form_token = form_token.ok_or_else(|| Error::internal("nobody makes form tokens"))?;
    Ok(Visitor { who: caller.actor.clone(), caller, form_token })
}

/// Where to go after signing in. What was a form is not repeated.
fn way_back(request: &HttpRequest) -> String {
    let asked = request.method().is_safe().then(|| request.uri().path_and_query().map(|path| path.as_str())).flatten();
    local_path(asked.unwrap_or("/admin")).to_owned()
}

/// `path` if it leads to a page of ours, otherwise the start page: nobody is sent to another site.
pub(crate) fn local_path(path: &str) -> &str {
    let ours = path == "/admin" || path.starts_with("/admin/") || path.starts_with("/admin?");
    let plain = !path.contains(['\\', '\r', '\n', '\t']) && !path.contains("//");
    if ours && plain && !climbs(path) { path } else { "/admin" }
}

/// Whether a browser would leave `/admin` on its way along `path`.
fn climbs(path: &str) -> bool {
    let before_query = path.split(['?', '#']).next().unwrap_or_default();
    before_query.split('/').any(|part| part.to_ascii_lowercase().replace("%2e", ".") == "..")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_sent_to_another_site() {
        for bad in [
            "https://evil.example",
            "//evil.example",
            "/admin//evil",
            "/adminx",
            "/admin/\\evil",
            "",
            "/admin/../evil",
            "/admin/%2E./evil",
        ] {
            assert_eq!(local_path(bad), "/admin", "{bad}");
        }
        assert_eq!(local_path("/admin/servers?q=a"), "/admin/servers?q=a");
        assert_eq!(local_path("/admin/servers?q=/../a"), "/admin/servers?q=/../a");
    }
}
