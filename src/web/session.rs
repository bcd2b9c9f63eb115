//! Who sits at the browser. A session is a signed cookie: when it ends, a nonce, and an HMAC over these and a fingerprint of
//! the key, so that a changed key ends every session. Nothing is stored; signing out takes the cookie away.

use std::future::{Ready, ready};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use actix_web::cookie::time::Duration as CookieAge;
use actix_web::cookie::{Cookie, SameSite};
use actix_web::dev::Payload;
use actix_web::web::Data;
use actix_web::{FromRequest, HttpMessage, HttpRequest};
use aviary_kernel::base::{Env, Error, Secret, Timestamp};
use aviary_kernel::model::{Actor, Who};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::{SecureRandom, SystemRandom};
use ring::{digest, hmac};

use crate::Options;
use crate::allow;
use crate::door::Part;
use crate::page::PageError;
use crate::problem::Problem;

/// Makes and reads sessions.
pub struct Sessions {
    env: Env,
    key: hmac::Key,
    /// Of the API key; none = nobody can sign in.
    print: Option<digest::Digest>,
    lasts: Duration,
    secure: bool,
    tries: Tries,
}

/// A session that was found good.
#[derive(Clone, Copy, Debug)]
pub struct Session {
    ends: Timestamp,
    nonce: [u8; NONCE],
}

/// Marks a request whose session is to be prolonged with the answer.
pub(crate) struct Prolong;

const NONCE: usize = 16;
const TAG: usize = 32;

impl Sessions {
    /// Sessions as the options want them.
    pub fn new(options: &Options, env: Env) -> Self {
        let print = options.api_key.as_ref().map(|key| digest::digest(&digest::SHA256, key.reveal().as_bytes()));
        Self {
            key: hmac::Key::new(hmac::HMAC_SHA256, options.session_key.reveal()),
            print,
            lasts: Duration::from_secs(u64::from(options.session_hours.max(1)) * 3600),
            secure: options.public_url.as_deref().is_some_and(|url| url.starts_with("https://")),
            tries: Tries::new(env.clone()),
            env,
        }
    }

    /// Whether this is the key. Takes the same time for every wrong one.
    pub fn is_key(&self, given: &str) -> bool {
        let given = digest::digest(&digest::SHA256, given.as_bytes());
        let same =
            |own: &digest::Digest| own.as_ref().iter().zip(given.as_ref()).fold(0, |sum, (a, b)| sum | (a ^ b)) == 0;
        self.print.as_ref().is_some_and(same)
    }

    /// Whether there is a key at all.
    pub fn has_key(&self) -> bool {
        self.print.is_some()
    }

    /// Opens a session for whoever knows the key. The cookie is to be sent with the answer.
    ///
    /// # Errors
    /// 401 for a wrong key, 429 after too many wrong ones, wherever they came from.
    pub fn sign_in(&self, key: &Secret<String>) -> Result<Cookie<'static>, Problem> {
        if !self.has_key() {
            return Err(Error::Unauthenticated(allow::NO_KEY.into()).into());
        }
        self.tries.take()?;
        if !self.is_key(key.reveal().trim()) {
            return Err(Error::Unauthenticated(
                "this is not the key; it stands in the configuration as security.api_key".into(),
            )
            .into());
        }
        self.tries.give_back();
        self.fresh_cookie()
    }

    /// The cookie of a new session.
    pub(crate) fn fresh_cookie(&self) -> Result<Cookie<'static>, Problem> {
        let mut nonce = [0; NONCE];
        SystemRandom::new().fill(&mut nonce).map_err(|_| Error::internal("the system gives no random numbers"))?;
        Ok(self.cookie(Session { ends: self.env.now().plus(self.lasts), nonce }))
    }

    fn cookie(&self, session: Session) -> Cookie<'static> {
        let text = URL_SAFE_NO_PAD.encode([&session.bytes()[..], self.tag(b"session", &session).as_ref()].concat());
        let age = CookieAge::seconds(i64::try_from(self.lasts.as_secs()).unwrap_or(i64::MAX));
        self.shape(text).max_age(age).finish()
    }

    /// Takes the session away again.
    pub fn sign_out(&self) -> Cookie<'static> {
        self.shape(String::new()).max_age(CookieAge::ZERO).finish()
    }

    fn shape(&self, value: String) -> actix_web::cookie::CookieBuilder<'static> {
        Cookie::build(self.cookie_name(), value)
            .path("/")
            .http_only(true)
            .same_site(SameSite::Strict)
            .secure(self.secure)
    }

    /// Browsers take a `__Host-` cookie over https only, and from this very host.
    fn cookie_name(&self) -> &'static str {
        if self.secure { "__Host-aviary" } else { "aviary" }
    }

    fn tag(&self, purpose: &[u8], session: &Session) -> hmac::Tag {
        let print = self.print.as_ref().map_or(&[][..], AsRef::as_ref);
        let mut context = hmac::Context::with_key(&self.key);
        for part in [b"aviary ", purpose, b"\0", &session.bytes(), print] {
            context.update(part);
        }
        context.sign()
    }

    /// The session that a request brings, if it is good.
    pub fn read(&self, request: &HttpRequest) -> Option<Session> {
        self.print.as_ref()?;
        let cookie = request.cookie(self.cookie_name())?;
        let bytes = URL_SAFE_NO_PAD.decode(cookie.value()).ok()?;
        let (head, tag) = bytes.split_at_checked(8 + NONCE)?;
        let session = Session::from_bytes(head)?;
        if tag.len() != TAG || !same(self.tag(b"session", &session).as_ref(), tag) {
            return None;
        }
        let now = self.env.now();
        if session.ends <= now {
            return None;
        }
        if session.ends.since(now) < self.lasts / 2 {
            request.extensions_mut().insert(Prolong);
        }
        Some(session)
    }

    /// What forms of this session must carry, so that no other site can send them.
    pub fn form_token(&self, session: &Session) -> String {
        URL_SAFE_NO_PAD.encode(self.tag(b"form", session))
    }

    /// Whether a form was made for this session.
    pub fn is_form_token(&self, session: &Session, given: &str) -> bool {
        same(self.form_token(session).as_bytes(), given.as_bytes())
    }
}

/// Compares without telling by the time it takes where the difference is.
fn same(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |sum, (a, b)| sum | (a ^ b)) == 0
}

impl Session {
    fn bytes(&self) -> [u8; 8 + NONCE] {
        let mut bytes = [0; 8 + NONCE];
        bytes[..8].copy_from_slice(&self.ends.millis().to_be_bytes());
        bytes[8..].copy_from_slice(&self.nonce);
        bytes
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (ends, nonce) = bytes.split_at_checked(8)?;
        let ends = Timestamp::from_millis(i64::from_be_bytes(ends.try_into().ok()?));
        Some(Self { ends, nonce: nonce.try_into().ok()? })
    }
}

/// How many keys may be tried: ten at once, then one every three seconds.
struct Tries {
    env: Env,
    left: Mutex<(u64, Timestamp)>,
}

const MOST_TRIES: u64 = 10;
const TRY_EVERY: Duration = Duration::from_secs(3);

impl Tries {
    fn new(env: Env) -> Self {
        let now = env.now();
        Self { env, left: Mutex::new((MOST_TRIES, now)) }
    }

    fn take(&self) -> Result<(), Problem> {
        let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.env.now();
        let earned = now.since(left.1).as_secs() / TRY_EVERY.as_secs();
        if earned > 0 {
            *left = ((left.0 + earned).min(MOST_TRIES), now);
        }
        left.0 = left.0.checked_sub(1).ok_or_else(|| Problem::too_many(TRY_EVERY.as_secs()))?;
        Ok(())
    }

    fn give_back(&self) {
        let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        left.0 = (left.0 + 1).min(MOST_TRIES);
    }
}

/// Somebody who is signed in, for pages. Whoever is not is led to the sign-in page.
pub struct Visitor {
    /// For the record.
    pub who: Actor,
    /// Every form carries it as `_token`; see [`Visitor::check`].
    pub form_token: String,
}

impl Visitor {
    /// Whether a form was made for this visitor. Every handler that takes a form asks first.
    ///
    /// # Errors
    /// 403 when it was not.
    pub fn check(&self, given: &str) -> Result<(), PageError> {
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
    if allow::is_local(request) {
        return Ok(Visitor { who: Actor::command_line(), form_token: "local".into() });
    }
    let sessions = sessions(request)?;
    let Some(session) = sessions.read(request) else {
        return Err(PageError::SignIn { next: way_back(request) });
    };
    if !request.method().is_safe() {
        allow::check_origin(request)?;
    }
    Ok(Visitor { who: Actor::new(Who::Nobody, "admin"), form_token: sessions.form_token(&session) })
}

/// The sessions of the program, for extractors.
pub(crate) fn sessions(request: &HttpRequest) -> Result<&Data<Sessions>, Problem> {
    request.app_data::<Data<Sessions>>().ok_or_else(|| Error::internal("sessions are not set up").into())
}

/// Where to go after signing in. What was a form is not repeated.
fn way_back(request: &HttpRequest) -> String {
    let asked = request.method().is_safe().then(|| request.uri().path_and_query().map(|path| path.as_str())).flatten();
    local_path(asked.unwrap_or("/admin")).to_owned()
}

/// `path` if it leads to a page of ours, otherwise the start page: nobody is sent to another site.
pub fn local_path(path: &str) -> &str {
    let ours = path == "/admin" || path.starts_with("/admin/") || path.starts_with("/admin?");
    let plain = !path.contains(['\\', '\r', '\n', '\t']) && !path.contains("//");
    if ours && plain { path } else { "/admin" }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn sessions(key: &str, url: &str) -> (Sessions, std::sync::Arc<aviary_kernel::base::ManualClock>) {
        let (env, clock) = Env::manual(Timestamp::from_seconds(1_800_000_000));
        let options = Options {
            api_key: Some(key.into()),
            session_key: Secret::new(vec![7; 32]),
            session_hours: 12,
            cors_origins: Vec::new(),
            public_url: Some(url.into()),
        };
        (Sessions::new(&options, env), clock)
    }

    fn request(cookie: Cookie<'static>) -> HttpRequest {
        TestRequest::default().cookie(cookie).to_http_request()
    }

    #[test]
    fn a_session_lasts_as_long_as_it_should_and_not_longer() {
        let (sessions, clock) = sessions("k", "http://x");
        let cookie = sessions.sign_in(&"k".into()).unwrap();
        clock.advance_s(12 * 3600 - 1);
        assert!(sessions.read(&request(cookie.clone())).is_some());
        clock.advance_s(1);
        assert!(sessions.read(&request(cookie)).is_none());
    }

    #[test]
    fn another_key_ends_every_session() {
        let cookie = sessions("old", "http://x").0.sign_in(&"old".into()).unwrap();
        assert!(sessions("new", "http://x").0.read(&request(cookie)).is_none());
    }

    #[test]
    fn a_changed_cookie_is_no_session() {
        let (sessions, _) = sessions("k", "http://x");
        let cookie = sessions.sign_in(&"k".into()).unwrap();
        for at in 0..cookie.value().len() {
            let mut value = cookie.value().to_owned().into_bytes();
            value[at] = if value[at] == b'A' { b'Q' } else { b'A' };
            let value = String::from_utf8(value).unwrap();
            assert!(sessions.read(&request(Cookie::new("aviary", value))).is_none(), "{at}");
        }
    }

    #[test]
    fn over_https_the_cookie_is_bound_to_the_host() {
        let cookie = sessions("k", "https://x").0.sign_in(&"k".into()).unwrap();
        assert!(cookie.name().starts_with("__Host-"));
        assert_eq!(
            (cookie.secure(), cookie.http_only(), cookie.same_site()),
            (Some(true), Some(true), Some(SameSite::Strict))
        );
    }

    #[test]
    fn keys_cannot_be_tried_without_end() {
        let (sessions, clock) = sessions("k", "http://x");
        let status = |key: &str| sessions.sign_in(&key.into()).map_or_else(|e| e.status().as_u16(), |_| 200);
        for _ in 0..MOST_TRIES {
            assert_eq!(status("wrong"), 401);
        }
        assert_eq!(status("k"), 429);
        clock.advance_s(3);
        assert_eq!(status("k"), 200);
        assert_eq!(status("k"), 200);
    }

    #[test]
    fn a_form_belongs_to_one_session() {
        let (sessions, _) = sessions("k", "http://x");
        let session = |c| sessions.read(&request(c)).unwrap();
        let (a, b) = (session(sessions.sign_in(&"k".into()).unwrap()), session(sessions.sign_in(&"k".into()).unwrap()));
        assert!(sessions.is_form_token(&a, &sessions.form_token(&a)));
        assert!(!sessions.is_form_token(&a, &sessions.form_token(&b)));
    }

    #[test]
    fn nobody_is_sent_to_another_site() {
        for bad in ["https://evil.example", "//evil.example", "/admin//evil", "/adminx", "/admin/\\evil", ""] {
            assert_eq!(local_path(bad), "/admin", "{bad}");
        }
        assert_eq!(local_path("/admin/servers?q=a"), "/admin/servers?q=a");
    }
}
