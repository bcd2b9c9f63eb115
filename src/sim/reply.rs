//! An answer on its way out.

/// An HTTP answer, before any fault gets its hands on it.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    /// HTTP status.
    pub(crate) status: u16,
    /// Media type; `None` for an empty body.
    pub(crate) media: Option<&'static str>,
    /// Further headers.
    pub(crate) headers: Vec<(&'static str, String)>,
    /// Body.
    pub(crate) body: Vec<u8>,
}

const JSON: &str = "application/json";
const HTML: &str = "text/html; charset=UTF-8";

impl Reply {
    /// JSON with a status.
    pub(crate) fn json(status: u16, body: Vec<u8>) -> Self {
        Self { status, media: Some(JSON), headers: Vec::new(), body }
    }

    /// JSON with 200.
    pub(crate) fn ok(body: Vec<u8>) -> Self {
        Self::json(200, body)
    }

    /// No body.
    pub(crate) fn empty(status: u16) -> Self {
        Self { status, media: None, headers: Vec::new(), body: Vec::new() }
    }

    /// 204.
    pub(crate) fn done() -> Self {
        Self::empty(204)
    }

    /// Plain text.
    pub(crate) fn text(body: impl Into<Vec<u8>>) -> Self {
        Self { status: 200, media: Some("text/plain; charset=UTF-8"), headers: Vec::new(), body: body.into() }
    }

    /// A small page, as a web server in front of the panel would send it.
    pub(crate) fn html(status: u16, title: &str) -> Self {
        let body = format!(
            "<!DOCTYPE html>\n<html><head><title>{title}</title></head>\n<body><h1>{title}</h1><hr>web server</body></html>\n"
        );
        Self { status, media: Some(HTML), headers: Vec::new(), body: body.into_bytes() }
    }

    /// A redirect.
    pub(crate) fn redirect(location: &str) -> Self {
        let mut reply = Self::html(302, "Redirecting");
        reply.headers.push(("Location", location.to_owned()));
        reply
    }

    /// The same with one more header.
    pub(crate) fn with(mut self, name: &'static str, value: impl ToString) -> Self {
        self.headers.push((name, value.to_string()));
        self
    }
}
