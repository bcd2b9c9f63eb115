//! What each route asks of who comes. It is written in the types of the handler's arguments, and the URL map reads it there:
//! a handler that asks for nothing does not compile into the map.

use actix_web::HttpRequest;
use actix_web::web::{self, Bytes, Data};
use aviary_kernel::model::Permission;

/// Who is let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    /// Everybody.
    Open,
    /// Whoever is known: a person, or a program with a key. What is behind it looks at what they may.
    Known,
    /// Whoever has an account.
    SignedIn,
    /// Who has this permission.
    Needs(Permission),
    /// Who has one of these permissions.
    NeedsOneOf(Permission, Permission),
    /// Who may read the kind of object that the path names.
    NeedsKind,
    /// The owner of the program, through the local socket.
    Local,
}

/// An argument of a handler.
pub trait Part {
    /// What it asks of who comes; most ask nothing.
    const DOOR: Option<Door> = None;
}

/// The arguments of a handler.
pub trait Parts {
    /// What they ask of who comes.
    const DOOR: Option<Door>;
}

impl<T: ?Sized> Part for Data<T> {}
impl<T> Part for web::Path<T> {}
impl<T> Part for web::Query<T> {}
impl<T> Part for web::Json<T> {}
impl<T> Part for web::Form<T> {}
impl Part for HttpRequest {}
impl Part for Bytes {}

/// The one that asks the most: of two, the first that asks anything.
const fn either(a: Option<Door>, b: Option<Door>) -> Option<Door> {
    if a.is_some() { a } else { b }
}

macro_rules! parts {
    ($($name:ident)*) => {
        impl<$($name: Part),*> Parts for ($($name,)*) {
            const DOOR: Option<Door> = {
                let door = None;
                $(let door = either(door, $name::DOOR);)*
                door
            };
        }
    };
}
parts! {}
parts! { A }
parts! { A B }
parts! { A B C }
parts! { A B C D }
parts! { A B C D E }
parts! { A B C D E F }
parts! { A B C D E F G }
parts! { A B C D E F G H }

/// The argument of handlers that everybody may call.
pub struct Open;

impl Part for Open {
    const DOOR: Option<Door> = Some(Door::Open);
}

impl actix_web::FromRequest for Open {
    type Error = std::convert::Infallible;
    type Future = std::future::Ready<Result<Self, Self::Error>>;

    fn from_request(_: &HttpRequest, _: &mut actix_web::dev::Payload) -> Self::Future {
        std::future::ready(Ok(Self))
    }
}
