//! Refusals and failures: the one error envelope of the panel.

use crate::panel::json::Json;

/// A call that was not answered with success.
#[derive(Debug, Clone)]
pub(crate) struct Problem {
    /// HTTP status.
    pub(crate) status: u16,
    /// Class name of the exception.
    pub(crate) code: &'static str,
    /// Text for people.
    pub(crate) detail: String,
    /// Failed rules, for a 422.
    pub(crate) failures: Vec<Failure>,
    /// Headers of its own.
    pub(crate) headers: Vec<(&'static str, String)>,
}

/// A validation rule that failed.
#[derive(Debug, Clone)]
pub(crate) struct Failure {
    /// Field with dots.
    pub(crate) field: String,
    /// Rule in snake case.
    pub(crate) rule: &'static str,
    /// Text for people.
    pub(crate) detail: String,
}

impl Problem {
    /// Any problem.
    pub(crate) fn new(status: u16, code: &'static str, detail: impl Into<String>) -> Self {
        Self { status, code, detail: detail.into(), failures: Vec::new(), headers: Vec::new() }
    }

    /// 404: no such route or row.
    pub(crate) fn not_found() -> Self {
        Self::new(404, "NotFoundHttpException", "There is nothing here under that name.")
    }

    /// 405.
    pub(crate) fn wrong_method() -> Self {
        Self::new(405, "MethodNotAllowedHttpException", "This address does not take that method.")
    }

    /// 401.
    pub(crate) fn unauthenticated() -> Self {
        Self::new(401, "AuthenticationException", "Unauthenticated.")
    }

    /// 403.
    pub(crate) fn forbidden() -> Self {
        Self::new(403, "AccessDeniedHttpException", "This action is unauthorized.")
    }

    /// 400 of a business rule.
    pub(crate) fn refused(code: &'static str, detail: &str) -> Self {
        Self::new(400, code, detail)
    }

    /// 409 of the client API.
    pub(crate) fn conflict(detail: &str) -> Self {
        Self::new(409, "ServerStateConflictException", detail)
    }

    /// 500 with the exception's name.
    pub(crate) fn thrown(code: &'static str) -> Self {
        Self::new(500, code, "Something broke inside the simulated panel.")
    }

    /// 422.
    pub(crate) fn invalid(failures: Vec<Failure>) -> Self {
        Self { failures, ..Self::new(422, "ValidationException", "") }
    }

    /// 429 of the general limit.
    pub(crate) fn too_many() -> Self {
        Self::new(429, "ThrottleRequestsException", "Too Many Attempts.")
    }

    /// What a panel would say with this status.
    pub(crate) fn for_status(status: u16) -> Self {
        match status {
            401 => Self::unauthenticated(),
            403 => Self::forbidden(),
            404 => Self::not_found(),
            405 => Self::wrong_method(),
            409 => Self::conflict("The server is not in a state for this."),
            429 => Self::too_many(),
            502 | 504 => Self::new(status, "DaemonConnectionException", "The node did not answer in time."),
            503 => Self::new(503, "HttpException", "Service Unavailable"),
            500 => Self::thrown("ErrorException"),
            other => Self::new(other, "HttpException", "The simulated panel was told to say this."),
        }
    }

    /// The error envelope.
    pub(crate) fn body(&self, debug: bool) -> Vec<u8> {
        let status = self.status.to_string();
        let mut json = Json::object();
        json.open_list("errors");
        if self.failures.is_empty() {
            self.element(&mut json, &status, &self.detail);
            if debug {
                whereabouts(&mut json);
            }
            json.close();
        }
        for failure in &self.failures {
            self.element(&mut json, &status, &failure.detail);
            json.open("meta");
            json.put("source_field", &failure.field);
            json.put("rule", failure.rule);
            json.close();
            json.close();
        }
        json.close_list();
        json.finish()
    }

    fn element(&self, json: &mut Json, status: &str, detail: &str) {
        json.open_item();
        json.put("code", self.code);
        json.put("status", status);
        json.put("detail", detail);
    }
}

/// What a panel in debug mode adds.
fn whereabouts(json: &mut Json) {
    json.open("source");
    json.put("line", 42u64);
    json.put("file", "/var/www/panel/app/Exceptions/Handler.php");
    json.close();
    json.open("meta");
    json.put("trace", vec!["#0 /var/www/panel/public/index.php(55): handle()"]);
    json.put("previous", Vec::<u8>::new());
    json.close();
}
