//! Pages for people who are not signed in: the frame, and what each of their forms is asked first.

use actix_web::HttpRequest;
use actix_web::http::StatusCode;
use actix_web::web::Data;
use askama::Template;
use askama::filters::HtmlSafe;
use aviary_domain::access::{Limit, Limits, identity_of};
use aviary_kernel::base::Secret;
use aviary_kernel::model::Origin;

use super::desk::service;
use super::field::{Errors, Field};
use super::notices::Notice;
use crate::allow;
use crate::guard::Recognised;
use crate::page::{PageError, PageResult, html};
use crate::problem::Problem;

/// A page with a title, some words and a form.
#[derive(Template, Default)]
#[template(path = "outside/page.html")]
pub(super) struct Outside {
    title: &'static str,
    steps: Option<Steps>,
    notice: Option<Notice>,
    lines: Vec<&'static str>,
    /// Commands, where words are not enough.
    block: &'static str,
    form: Option<Form>,
    links: Vec<(&'static str, &'static str)>,
}

/// A form on such a page.
#[derive(Default)]
pub(super) struct Form {
    pub(super) action: &'static str,
    /// What travels along unseen.
    pub(super) hidden: Vec<(&'static str, Secret<String>)>,
    pub(super) fields: Vec<Field>,
    pub(super) button: &'static str,
}

impl Outside {
    /// An empty page.
    pub(super) fn titled(title: &'static str) -> Self {
        Self { title, ..Self::default() }
    }

    /// With a paragraph.
    pub(super) fn says(mut self, line: &'static str) -> Self {
        self.lines.push(line);
        self
    }

    /// With a command to be typed.
    pub(super) fn shows(self, block: &'static str) -> Self {
        Self { block, ..self }
    }

    /// With a notice above everything.
    pub(super) fn notes(self, tone: &'static str, text: impl Into<String>) -> Self {
        Self { notice: Some(Notice::new(tone, text)), ..self }
    }

    /// With what is wrong with the whole form.
    pub(super) fn refused(self, errors: &Errors) -> Self {
        match errors.whole() {
            Some(why) => self.notes("bad", why),
            None => self,
        }
    }

    /// One of several steps.
    pub(super) fn step(self, steps: Steps) -> Self {
        Self { steps: Some(steps), ..self }
    }

    /// With a form.
    pub(super) fn form(self, form: Form) -> Self {
        Self { form: Some(form), ..self }
    }

    /// With a way to somewhere else.
    pub(super) fn link(mut self, text: &'static str, href: &'static str) -> Self {
        self.links.push((text, href));
        self
    }

    /// As an answer.
    ///
    /// # Errors
    /// When the template cannot be rendered.
    pub(super) fn answer(self, status: StatusCode) -> PageResult {
        let mut answer = html(&self)?;
        *answer.status_mut() = status;
        Ok(answer)
    }

    /// As an answer to a form, or to whoever asked for the page: 400 when something is wrong with the form.
    ///
    /// # Errors
    /// When the template cannot be rendered.
    pub(super) fn answer_to(self, errors: &Errors) -> PageResult {
        let status = if errors.is_empty() { StatusCode::OK } else { StatusCode::BAD_REQUEST };
        self.refused(errors).answer(status)
    }
}

/// The steps of the first run.
#[derive(Template, Clone, Copy)]
#[template(path = "outside/_steps.html")]
pub(super) struct Steps {
    /// The one that is at hand.
    pub(super) at: usize,
}

impl HtmlSafe for Steps {}

impl Steps {
    const NAMES: [&'static str; 3] = ["You", "A panel", "The first sync"];
}

/// Asks of a form what every form of nobody in particular is asked: that it stood on a page of ours, so that no other site
/// acts in somebody's name, and that its sender does not come too often. Where it comes from.
///
/// # Errors
/// 403, 429.
pub(super) fn admit(request: &HttpRequest, limit: Limit) -> Result<Origin, PageError> {
    allow::check_origin(request)?;
    let limits: Data<Limits> = service(request)?;
    let origin = Recognised::of(request).origin;
    let tries = limits.take(limit, &identity_of(origin.address));
    if tries.allowed { Ok(origin) } else { Err(Problem::too_many(tries.retry_after_s).into()) }
}
