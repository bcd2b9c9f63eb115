//! How the URL map is written down: one line a route. Adds what every address owes: HEAD beside GET, and a 405 that names
//! the methods it takes.

use actix_web::dev::Handler;
use actix_web::http::Method;
use actix_web::web::{self, ServiceConfig};
use actix_web::{FromRequest, Responder, Route, guard};

use crate::answer::is_page;
use crate::page::PageError;
use crate::problem::Problem;

/// A list of addresses with what answers there.
#[derive(Default)]
pub struct Map(Vec<Address>);

struct Address {
    path: &'static str,
    methods: Vec<(Method, Route)>,
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
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        let route = web::route().guard(guard::Any(guard::Get()).or(guard::Head())).to(handler);
        self.add(path, Method::GET, route)
    }

    /// Answers GET with a stream that has no end of its own; a HEAD would wait for it.
    #[must_use]
    pub fn stream<F, Args>(self, path: &'static str, handler: F) -> Self
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        self.add(path, Method::GET, web::get().to(handler))
    }

    /// Answers POST.
    #[must_use]
    pub fn post<F, Args>(self, path: &'static str, handler: F) -> Self
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        self.add(path, Method::POST, web::post().to(handler))
    }

    /// Answers PATCH.
    #[must_use]
    pub fn patch<F, Args>(self, path: &'static str, handler: F) -> Self
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        self.add(path, Method::PATCH, web::patch().to(handler))
    }

    /// Answers DELETE.
    #[must_use]
    pub fn delete<F, Args>(self, path: &'static str, handler: F) -> Self
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        self.add(path, Method::DELETE, web::delete().to(handler))
    }

    fn add(mut self, path: &'static str, method: Method, route: Route) -> Self {
        match self.0.iter_mut().find(|address| address.path == path) {
            Some(address) => address.methods.push((method, route)),
            None => self.0.push(Address { path, methods: vec![(method, route)] }),
        }
        self
    }

    /// Every route, as written.
    pub fn list(&self) -> Vec<(Method, &'static str)> {
        self.0
            .iter()
            .flat_map(|address| address.methods.iter().map(|(method, _)| (method.clone(), address.path)))
            .collect()
    }

    /// Puts the map in place.
    pub fn register(self, config: &mut ServiceConfig) {
        for Address { path, methods } in self.0 {
            let allowed: Vec<Method> = methods.iter().map(|(method, _)| method.clone()).collect();
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
            let resource = methods.into_iter().fold(web::resource(path), |resource, (_, route)| resource.route(route));
            config.service(resource.default_service(web::to(wrong)));
        }
    }
}
