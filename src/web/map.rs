//! How the URL map is written down: one line a route. Adds what every address owes: HEAD beside GET, and a 405 that names
//! the methods it takes.

use actix_web::dev::Handler;
use actix_web::http::Method;
use actix_web::web::{self, ServiceConfig};
use actix_web::{FromRequest, Responder, Route, guard};

use crate::answer::is_page;
use crate::door::{Door, Parts};
use crate::page::PageError;
use crate::problem::Problem;

/// A list of addresses with what answers there.
#[derive(Default)]
pub struct Map(Vec<Address>);

struct Address {
    path: &'static str,
    methods: Vec<(Method, Door, Route)>,
}

/// The door of a handler, from the types of its arguments. Does not compile when none of them asks who comes.
fn door<Args: Parts>() -> Door {
    const {
        match Args::DOOR {
            Some(door) => door,
            None => {
                panic!("a handler must say who may call it: give it an argument such as Allow<perm::SyncRun> or Open")
            }
        }
    }
}

impl Map {
    /// An empty map.
    pub fn new() -> Self {
        Self::default()
    }

    /// Answers GET and HEAD.
    #[must_use]
    pub fn get<F, Args>(self, path: &'static str, handler: F) -> Self
    where
        F: Handler<Args>,
        Args: FromRequest + Parts + 'static,
        F::Output: Responder + 'static,
    {
        let route = web::route().guard(guard::Any(guard::Get()).or(guard::Head())).to(handler);
        self.add(path, Method::GET, door::<Args>(), route)
    }

    /// Answers GET with a stream that has no end of its own; a HEAD would wait for it.
    #[must_use]
    pub fn stream<F, Args>(self, path: &'static str, handler: F) -> Self
    where
        F: Handler<Args>,
        Args: FromRequest + Parts + 'static,
        F::Output: Responder + 'static,
    {
        self.add(path, Method::GET, door::<Args>(), web::get().to(handler))
    }

    /// Answers POST.
    #[must_use]
    pub fn post<F, Args>(self, path: &'static str, handler: F) -> Self
    where
        F: Handler<Args>,
        Args: FromRequest + Parts + 'static,
        F::Output: Responder + 'static,
    {
        self.add(path, Method::POST, door::<Args>(), web::post().to(handler))
    }

    /// Answers PATCH.
    #[must_use]
    pub fn patch<F, Args>(self, path: &'static str, handler: F) -> Self
    where
        F: Handler<Args>,
        Args: FromRequest + Parts + 'static,
        F::Output: Responder + 'static,
    {
        self.add(path, Method::PATCH, door::<Args>(), web::patch().to(handler))
    }

    /// Answers PUT.
    #[must_use]
    pub fn put<F, Args>(self, path: &'static str, handler: F) -> Self
    where
        F: Handler<Args>,
        Args: FromRequest + Parts + 'static,
        F::Output: Responder + 'static,
    {
        self.add(path, Method::PUT, door::<Args>(), web::put().to(handler))
    }

    /// Answers DELETE.
    #[must_use]
    pub fn delete<F, Args>(self, path: &'static str, handler: F) -> Self
    where
        F: Handler<Args>,
        Args: FromRequest + Parts + 'static,
        F::Output: Responder + 'static,
    {
        self.add(path, Method::DELETE, door::<Args>(), web::delete().to(handler))
    }

    fn add(mut self, path: &'static str, method: Method, door: Door, route: Route) -> Self {
        match self.0.iter_mut().find(|address| address.path == path) {
            Some(address) => address.methods.push((method, door, route)),
            None => self.0.push(Address { path, methods: vec![(method, door, route)] }),
        }
        self
    }

    /// Every route, as written, and who is let in.
    pub fn list(&self) -> Vec<(Method, &'static str, Door)> {
        let all = |address: &Address| {
            let path = address.path;
            address.methods.iter().map(move |(method, door, _)| (method.clone(), path, *door)).collect::<Vec<_>>()
        };
        self.0.iter().flat_map(all).collect()
    }

    /// Puts the map in place.
    pub fn register(self, config: &mut ServiceConfig) {
        for Address { path, methods } in self.0 {
            let allowed: Vec<Method> = methods.iter().map(|(method, _, _)| method.clone()).collect();
            let wrong = move || {
                let problem = Problem::wrong_method(&allowed);
                let page = is_page(path);
                async move {
                    if page {
                        Err::<String, _>(actix_web::Error::from(PageError::from(problem)))
                    } else {
                        Err(problem.into())
                    }
                }
            };
            let resource =
                methods.into_iter().fold(web::resource(path), |resource, (_, _, route)| resource.route(route));
            config.service(resource.default_service(web::to(wrong)));
        }
    }
}
