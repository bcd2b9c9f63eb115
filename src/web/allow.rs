//! Who may. A permission is a type: a handler that asks for `Allow<perm::SyncRun>` has no caller without it.

use std::future::{Ready, ready};
use std::marker::PhantomData;

use actix_web::dev::Payload;
use actix_web::http::header;
use actix_web::web::Data;
use actix_web::{FromRequest, HttpRequest};
use aviary_domain::access::Caller;
use aviary_kernel::base::Error;
use aviary_kernel::model::Actor;
use url::Url;

use crate::Options;
use crate::answer::is_page;
use crate::door::{Door, Part};
use crate::guard::Recognised;
use crate::page::PageError;
use crate::problem::Problem;
use crate::recognise::{Found, Refused, Shown};
use crate::session;

const NO_CREDENTIALS: &str =
    "say who you are: send an API key as X-API-Key, or an access token as Authorization: Bearer";

/// What a handler may ask of its caller, as a type.
pub(crate) trait Guard: 'static {
    /// Who is let in.
    const DOOR: Door;
    /// Whether a token may stand in the address as `?token=`. Only where nothing else works, since addresses end up in logs.
    const TOKEN_IN_QUERY: bool = false;

    /// What nobody in particular is told.
    fn nobody(refused: Option<Refused>) -> Problem {
        Error::Unauthenticated(refused.map_or_else(|| NO_CREDENTIALS.into(), |refused| refused.why)).into()
    }

    /// Refuses who may not.
    ///
    /// # Errors
    /// [`Error::Forbidden`].
    fn check(caller: &Caller, request: &HttpRequest) -> Result<(), Error>;
}

/// The guards: one for each permission, and those that are no permission.
pub(crate) mod perm {
    use actix_web::HttpRequest;
    use actix_web::http::StatusCode;
    use aviary_domain::access::{Caller, Refusal};
    use aviary_kernel::base::Error;
    use aviary_kernel::model::{Kind, Permission, Who};

    use super::{Door, Guard, Problem, Refused};

    macro_rules! guards {
        ($($name:ident)*) => {
            $(
                #[doc = concat!("Needs the permission `", stringify!($name), "`.")]
                pub(crate) struct $name;
                impl Guard for $name {
                    const DOOR: Door = Door::Needs(Permission::$name);

                    fn check(caller: &Caller, _: &HttpRequest) -> Result<(), Error> {
                        caller.require(Permission::$name)
                    }
                }
            )*

            #[cfg(test)]
            pub(super) const GUARDED: &[Permission] = &[$(Permission::$name),*];
        };
    }

    guards! {
        ServerRead NodeRead LocationRead AllocationRead EggRead DatabaseRead UserRead HistoryRead DriftRead StatsRead
        PanelRead PanelWrite SyncRead SyncRun RemovalRead RemovalDecide
        AccountRead AccountWrite AccountSecurity RoleRead RoleAssign RoleWrite ApiKeyRead ApiKeyWrite ApiKeyOwn MailOpen
        JobRead JobWrite ScheduleRead ScheduleWrite ScheduleRun WebhookRead WebhookWrite EventSend MailRead MailSend
        SettingsRead SettingsWrite AuditRead AuditExport StoreCheck BackupRead BackupRun
    }

    /// Needs to be known, as a person or a program, and nothing more: what is behind it shows what the caller may see.
    pub(crate) struct Known;

    impl Guard for Known {
        const DOOR: Door = Door::Known;

        fn check(caller: &Caller, _: &HttpRequest) -> Result<(), Error> {
            caller.require_second_factor()
        }
    }

    /// Needs an account, and nothing more: what is behind it is the caller's own.
    pub(crate) struct SignedIn;

    impl Guard for SignedIn {
        const DOOR: Door = Door::SignedIn;

        fn check(caller: &Caller, request: &HttpRequest) -> Result<(), Error> {
            OwnSecurity::check(caller, request)?;
            caller.require_second_factor()
        }
    }

    /// As [`SignedIn`]; who is not gets to know it in the codes of the older API.
    pub(crate) struct Me;

    impl Guard for Me {
        const DOOR: Door = Door::SignedIn;

        fn nobody(refused: Option<Refused>) -> Problem {
            match refused {
                Some(refused) => Problem::coded(StatusCode::UNAUTHORIZED, refused.code, refused.why),
                None => Refusal::MissingAuthorization.into(),
            }
        }

        fn check(caller: &Caller, request: &HttpRequest) -> Result<(), Error> {
            SignedIn::check(caller, request)
        }
    }

    /// As [`SignedIn`], also for whom a second factor is still to be set up: what it takes to do so.
    pub(crate) struct OwnSecurity;

    impl Guard for OwnSecurity {
        const DOOR: Door = Door::SignedIn;

        fn check(caller: &Caller, _: &HttpRequest) -> Result<(), Error> {
            match caller.actor.who {
                Who::Person(_) => Ok(()),
                _ => Err(Error::Forbidden("this belongs to a person: sign in with an account".into())),
            }
        }
    }

    /// Needs the permission to read the kind of object that the path names as `{kind}`.
    pub(crate) struct OfKind;

    impl Guard for OfKind {
        const DOOR: Door = Door::NeedsKind;

        fn check(caller: &Caller, request: &HttpRequest) -> Result<(), Error> {
            // What is no kind is told so by the handler.
            let kind = request.match_info().get("kind").and_then(|kind| kind.parse::<Kind>().ok());
            kind.map_or(Ok(()), |kind| caller.require(Permission::to_read(kind)))
        }
    }

    /// Needs one of two permissions, such as the one for what is one's own and the one for what is everybody's.
    pub(crate) struct Either<A, B>(std::marker::PhantomData<(A, B)>);

    impl<A: Guard, B: Guard> Guard for Either<A, B> {
        const DOOR: Door = match (A::DOOR, B::DOOR) {
            (Door::Needs(a), Door::Needs(b)) => Door::NeedsOneOf(a, b),
            _ => panic!("either of two permissions, not of other guards"),
        };

        fn check(caller: &Caller, request: &HttpRequest) -> Result<(), Error> {
            A::check(caller, request).or_else(|_| B::check(caller, request))
        }
    }

    /// Only through the local socket.
    pub(crate) struct Local;

    impl Guard for Local {
        const DOOR: Door = Door::Local;

        fn check(_: &Caller, request: &HttpRequest) -> Result<(), Error> {
            if super::is_local(request) {
                return Ok(());
            }
            Err(Error::Forbidden("this is done on the machine itself, with the aviary command".into()))
        }
    }

    /// As `P`, and a token may stand in the address: browsers cannot send headers when they follow events.
    pub(crate) struct Following<P>(std::marker::PhantomData<P>);

    impl<P: Guard> Guard for Following<P> {
        const DOOR: Door = P::DOOR;
        const TOKEN_IN_QUERY: bool = true;

        fn check(caller: &Caller, request: &HttpRequest) -> Result<(), Error> {
            P::check(caller, request)
        }
    }
}

/// Proof that the caller may `P`.
pub(crate) struct Allow<P> {
    /// Who asks, for the record.
    pub(crate) who: Actor,
    /// Who asks, with what they may.
    pub(crate) caller: Caller,
    guard: PhantomData<P>,
}

impl<P: Guard> Part for Allow<P> {
    const DOOR: Option<Door> = Some(P::DOOR);
}

impl<P: Guard> FromRequest for Allow<P> {
    type Error = actix_web::Error;
    type Future = Ready<Result<Self, actix_web::Error>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(allow::<P>(request))
    }
}

fn allow<P: Guard>(request: &HttpRequest) -> Result<Allow<P>, actix_web::Error> {
    let caller = if is_page(request.path()) { page_caller::<P>(request)? } else { api_caller::<P>(request)? };
    Ok(Allow { who: caller.actor.clone(), caller, guard: PhantomData })
}

fn page_caller<P: Guard>(request: &HttpRequest) -> Result<Caller, PageError> {
    let caller = session::visitor(request)?.caller;
    match P::check(&caller, request) {
        Ok(()) => Ok(caller),
        Err(_) if caller.lacks_second_factor => {
            Err(PageError::Elsewhere("/admin/me/security?done=needs-second-factor"))
        }
        // What they may not see is not what they came for: everybody has a page of their own.
        Err(_) if request.path() == "/admin" => Err(PageError::Elsewhere("/admin/me")),
        Err(error) => Err(error.into()),
    }
}

fn api_caller<P: Guard>(request: &HttpRequest) -> Result<Caller, Problem> {
    let Found { caller, shown, refused, .. } = Recognised::of(request).found;
    let Some(caller) = caller.filter(|_| shown != Shown::Query || P::TOKEN_IN_QUERY) else {
        return Err(P::nobody(refused));
    };
    if shown == Shown::Cookie && !request.method().is_safe() && !session::has_form_token(request, &caller) {
        check_origin(request)?;
    }
    P::check(&caller, request)?;
    Ok(caller)
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

#[cfg(test)]
mod tests {
    use aviary_kernel::model::Permission;

    #[test]
    fn every_permission_has_its_guard() {
        assert_eq!(super::perm::GUARDED, Permission::ALL);
    }
}
