//! Answers requests: the route, the gate, the handler, and what becomes of refusals.

use std::sync::{Mutex, PoisonError};

use crate::Chance;
use crate::fault::Faults;
use crate::panel::call::Answer;
use crate::panel::fault::FaultKind;
use crate::panel::gate::Gate;
use crate::panel::life::LifeEvent;
use crate::panel::limit::{self, Standing, Throttle, shown};
use crate::panel::problem::Problem;
use crate::panel::request::Request;
use crate::panel::routes::{self, Run};
use crate::panel::seen::{Api, Seen};
use crate::panel::spec::PanelSpec;
use crate::panel::world::{World, Worlds};
use crate::reply::Reply;

/// A panel without its socket.
#[derive(Debug)]
pub(crate) struct Engine {
    /// What it was asked to be.
    pub(crate) spec: PanelSpec,
    /// What it knows.
    pub(crate) worlds: Worlds,
    /// Its rate limits.
    pub(crate) throttle: Throttle,
    /// What it was asked.
    pub(crate) seen: Seen,
    /// What goes wrong.
    pub(crate) faults: Faults,
    life: Mutex<Chance>,
}

impl Engine {
    /// The panel of a spec.
    pub(crate) fn new(spec: PanelSpec) -> Self {
        Self {
            worlds: Worlds::new(World::generate(&spec)),
            life: Mutex::new(Chance::fork(spec.seed, "life")),
            spec,
            throttle: Throttle::default(),
            seen: Seen::default(),
            faults: Faults::default(),
        }
    }

    /// Lets `changes` things happen in the panel.
    pub(crate) fn tick(&self, changes: u32) -> Vec<LifeEvent> {
        let mut chance = self.life.lock().unwrap_or_else(PoisonError::into_inner);
        self.worlds.write(|store| {
            let world = store.edit();
            (0..changes).filter_map(|_| world.live_on(&mut chance)).collect()
        })
    }

    /// Answers a request, with the faults that happen inside of the panel.
    pub(crate) fn answer(&self, request: &Request, faults: &[FaultKind]) -> Reply {
        if request.api() == Api::Other {
            return self.page(request);
        }
        let mut gate =
            Gate { spec: &self.spec, throttle: &self.throttle, now: self.spec.clock.now(), request, standing: None };
        let answer = self.run(&mut gate, faults);
        let standing = gate.standing;
        let mut reply = answer.unwrap_or_else(|problem| self.refuse(request, &problem));
        let own = reply.headers.iter().any(|(name, _)| *name == "X-RateLimit-Limit");
        if let Some(standing) = standing.filter(|_| !own) {
            reply.headers.extend(limit::headers(&standing));
        }
        reply
    }

    fn run(&self, gate: &mut Gate<'_>, faults: &[FaultKind]) -> Answer {
        let request = gate.request;
        let matched = routes::find(self.spec.dialect, &request.method, &request.path)?;
        match matched.route.run {
            Run::Look(look) => self.worlds.read(|view| {
                let call = gate.pass(view, matched);
                forced(faults, gate.standing)?;
                look(&call?, view)
            }),
            Run::Act(act) => self.worlds.write(|store| {
                let call = gate.pass(store.view(), matched);
                forced(faults, gate.standing)?;
                act(&call?, store)
            }),
        }
    }

    /// Without a wish for JSON, refusals are meant for people with a browser.
    fn refuse(&self, request: &Request, problem: &Problem) -> Reply {
        if !request.wants_json {
            return match problem.status {
                401 => self.to_login(request),
                400 | 422 => Reply::redirect(&request.base),
                status => Reply::html(status, problem.code),
            };
        }
        let mut reply = Reply::json(problem.status, problem.body(self.spec.debug_errors));
        reply.headers.clone_from(&problem.headers);
        reply
    }

    /// Whoever follows with a cookie jar ends up as a browser.
    fn to_login(&self, request: &Request) -> Reply {
        let cookie = if self.spec.dialect.is_pelican() { "pelican_session" } else { "pterodactyl_session" };
        let reply = Reply::redirect(&format!("{}{}", request.base, self.login()));
        reply.with("Set-Cookie", format!("{cookie}=simulated; path=/; httponly; samesite=lax"))
    }

    fn login(&self) -> &'static str {
        if self.spec.dialect.is_pelican() { "/login" } else { "/auth/login" }
    }

    /// Addresses outside of the APIs.
    fn page(&self, request: &Request) -> Reply {
        match request.path.as_str() {
            "/" => Reply::html(200, "Simulated panel"),
            path if path == self.login() => Reply::html(200, "Log in"),
            _ => self.refuse(request, &Problem::not_found()),
        }
    }

    /// What a request gets that the panel never sees, because something in front of it answers.
    pub(crate) fn in_front(&self, request: &Request, kind: &FaultKind) -> Option<Reply> {
        let reply = match kind {
            FaultKind::StatusHtml(status) => Reply::html(*status, "The web server could not reach the panel"),
            FaultKind::Html200 => Reply::html(200, "Please accept the terms of this network"),
            FaultKind::Redirect(location) => Reply::redirect(location),
            FaultKind::TooMany { retry_after_s } => self.too_many(request, *retry_after_s),
            FaultKind::Maintenance { retry_after_s, html } => {
                let reply = match html {
                    true => Reply::html(503, "Service Unavailable"),
                    false => Reply::json(503, Problem::for_status(503).body(false)),
                };
                retry_after_s.iter().fold(reply, |reply, wait| reply.with("Retry-After", wait))
            }
            _ => return None,
        };
        Some(reply)
    }

    fn too_many(&self, request: &Request, retry_after_s: Option<u32>) -> Reply {
        let reply = Reply::json(429, Problem::too_many().body(false))
            .with("X-RateLimit-Limit", shown(self.spec.limit_of(request.api())))
            .with("X-RateLimit-Remaining", 0);
        let ends_at = |wait: u32| self.spec.clock.now().as_second() + i64::from(wait);
        match retry_after_s {
            Some(wait) => reply.with("Retry-After", wait).with("X-RateLimit-Reset", ends_at(wait)),
            None => reply,
        }
    }
}

/// A status that was ordered wins over everything but a real 429, which comes before the application gets to run.
fn forced(faults: &[FaultKind], standing: Option<Standing>) -> Result<(), Problem> {
    if standing.is_some_and(|standing| standing.refused) {
        return Ok(());
    }
    match faults.iter().find_map(|kind| if let FaultKind::Status(status) = kind { Some(*status) } else { None }) {
        Some(status) => Err(Problem::for_status(status)),
        None => Ok(()),
    }
}
