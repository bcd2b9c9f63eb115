//! Fields of forms: what was typed, what helps, and what is wrong.

use askama::Template;
use askama::filters::HtmlSafe;
use aviary_domain::access::Refusal;
use aviary_kernel::base::Error;

use super::form::{Fields, Sent};
use super::shown;
use crate::page::PageError;

/// A field with its label, its help and its error.
#[derive(Template, Clone, Debug)]
#[template(path = "partials/_field.html")]
pub(super) struct Field {
    /// What the page calls it; its name unless another form of the page has one of that name.
    id: String,
    name: &'static str,
    label: &'static str,
    kind: &'static str,
    value: String,
    help: &'static str,
    autocomplete: &'static str,
    most: usize,
    required: bool,
    /// What is said of one that is not required.
    otherwise: &'static str,
    focused: bool,
    /// The id of the list of what may be typed.
    list: &'static str,
    error: Option<String>,
}

impl HtmlSafe for Field {}

impl Field {
    fn new(name: &'static str, label: &'static str, kind: &'static str, most: usize) -> Self {
        Self {
            id: name.to_owned(),
            name,
            label,
            kind,
            value: String::new(),
            help: "",
            autocomplete: "off",
            most,
            required: true,
            otherwise: "optional",
            focused: false,
            list: "",
            error: None,
        }
    }

    /// A line of text.
    pub(super) fn text(name: &'static str, label: &'static str) -> Self {
        Self::new(name, label, "text", 200)
    }

    /// The address of a page.
    pub(super) fn url(name: &'static str, label: &'static str) -> Self {
        Self::new(name, label, "url", 500)
    }

    /// The e-mail address that somebody signs in with.
    pub(super) fn email() -> Self {
        Self { autocomplete: "username", ..Self::new("email", "E-mail address", "email", 254) }
    }

    /// Something that nobody reads over a shoulder. It is never sent back.
    pub(super) fn secret(name: &'static str, label: &'static str) -> Self {
        Self::new(name, label, "password", 1024)
    }

    /// The password that somebody has.
    pub(super) fn current_password() -> Self {
        Self::secret("current", "Current password").fills("current-password")
    }

    /// A password to be, and the same once more.
    pub(super) fn new_passwords() -> [Self; 2] {
        [
            Self::secret("password", "Password")
                .fills("new-password")
                .helps("At least 8 characters, with a capital letter, a small letter and a digit."),
            Self::secret("confirm", "The same password once more").fills("new-password"),
        ]
    }

    /// A code of the second factor.
    pub(super) fn code(help: &'static str) -> Self {
        Self { most: 40, help, ..Self::text("code", "Code").fills("one-time-code") }
    }

    /// Another label.
    pub(super) fn called(self, label: &'static str) -> Self {
        Self { label, ..self }
    }

    /// What the browser may fill it with.
    pub(super) fn fills(self, autocomplete: &'static str) -> Self {
        Self { autocomplete, ..self }
    }

    /// A word of help.
    pub(super) fn helps(self, help: &'static str) -> Self {
        Self { help, ..self }
    }

    /// So many characters at most.
    pub(super) fn most(self, most: usize) -> Self {
        Self { most, ..self }
    }

    /// May be left empty.
    pub(super) fn optional(self) -> Self {
        Self { required: false, ..self }
    }

    /// Needed for some choices of the form only, and for which.
    pub(super) fn only(self, otherwise: &'static str) -> Self {
        Self { required: false, otherwise, ..self }
    }

    /// Where people begin.
    pub(super) fn focused(self) -> Self {
        Self { focused: true, ..self }
    }

    /// With proposals: a list of the page by its id.
    pub(super) fn proposes(self, list: &'static str) -> Self {
        Self { list, ..self }
    }

    /// With this in it.
    pub(super) fn value(self, value: impl Into<String>) -> Self {
        Self { value: value.into(), ..self }
    }

    /// Of one of several forms on a page.
    pub(super) fn of(self, form: &'static str) -> Self {
        Self { id: format!("{form}-{}", self.name), ..self }
    }

    /// With what was typed, unless it is secret.
    pub(super) fn typed(self, sent: &Sent) -> Self {
        if self.kind == "password" || self.name == "code" {
            return self;
        }
        let value = shown::short(sent.field(self.name), self.most);
        self.value(value)
    }

    /// With what is wrong with it.
    pub(super) fn checked(self, errors: &Errors) -> Self {
        Self { error: errors.at(self.name).map(str::to_owned), ..self }
    }

    /// The ids of what describes it.
    fn described(&self) -> String {
        let error = self.error.is_some().then(|| format!("{}-error", self.id));
        let help = (!self.help.is_empty()).then(|| format!("{}-help", self.id));
        error.into_iter().chain(help).collect::<Vec<_>>().join(" ")
    }
}

/// What is wrong with a form, by field; what has no field is about the whole.
#[derive(Clone, Debug, Default)]
pub(super) struct Errors(Vec<(&'static str, String)>);

impl Errors {
    /// Whether nothing is wrong.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What is wrong with a field.
    pub(super) fn at(&self, field: &str) -> Option<&str> {
        self.0.iter().find(|(name, _)| *name == field).map(|(_, why)| why.as_str())
    }

    /// What is wrong with the whole.
    pub(super) fn whole(&self) -> Option<&str> {
        self.at("")
    }

    /// Something is wrong with a field.
    pub(super) fn put(&mut self, field: &'static str, why: impl AsRef<str>) {
        self.0.push((field, shown::sentence(why.as_ref())));
    }

    /// These fields must have something in them.
    pub(super) fn require(&mut self, sent: &Sent, fields: &[(&'static str, &str)]) {
        for (field, why) in fields {
            if sent.field(field).trim().is_empty() {
                self.put(field, why);
            }
        }
    }

    /// A password that is to be must be there, and be typed the same twice.
    pub(super) fn require_passwords(&mut self, sent: &Sent) {
        self.require(sent, &[("password", "choose a password"), ("confirm", "type the password once more")]);
        if self.is_empty() && sent.field("password") != sent.field("confirm") {
            self.put("confirm", Refusal::PasswordsDontMatch.to_string());
        }
    }

    /// Takes note of what a service refused.
    ///
    /// # Errors
    /// What is no fault of whoever filled in the form.
    pub(super) fn note(&mut self, refusal: Refusal) -> Result<(), PageError> {
        let field = match &refusal {
            Refusal::Fault(Error::Invalid { field, reason }) => {
                self.put(field, reason);
                return Ok(());
            }
            Refusal::Fault(Error::Conflict(_)) => "",
            Refusal::Fault(_) => return Err(refusal.into()),
            Refusal::MissingEmail | Refusal::InvalidEmail | Refusal::EmailExists => "email",
            Refusal::PasswordTooShort
            | Refusal::PasswordTooLong
            | Refusal::PasswordNeedsUppercase
            | Refusal::PasswordNeedsLowercase
            | Refusal::PasswordNeedsDigit
            | Refusal::PasswordTooCommon => "password",
            Refusal::PasswordsDontMatch => "confirm",
            Refusal::WrongPassword => "current",
            Refusal::SecondFactorRequired | Refusal::InvalidCode => "code",
            _ => "",
        };
        self.put(field, refusal.to_string());
        Ok(())
    }
}
