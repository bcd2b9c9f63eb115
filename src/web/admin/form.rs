use actix_web::web;

/// What a form sent, in order. Fields may repeat.
pub(super) type Sent = web::Form<Vec<(String, String)>>;

/// Asks what a form sent.
pub(super) trait Fields {
    /// The value of a field; empty when it was not sent.
    fn field(&self, name: &str) -> &str;
    /// Every value of a field that may repeat.
    fn each<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str>;
    /// The form token.
    fn token(&self) -> &str {
        self.field("_token")
    }
}

impl Fields for Sent {
    fn field(&self, name: &str) -> &str {
        self.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value)
    }

    fn each<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}
