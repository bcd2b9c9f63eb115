//! What Discord says about a message before it takes it.
//! <https://docs.discord.com/developers/resources/message#embed-object-embed-limits>
//!
//! Lengths are counted in characters, white space included; whether something is empty is asked without it.

use jiff::Timestamp;
use jiff::civil::DateTime;
use serde_json::{Map, Value};

use crate::discord::tree::{self, Errors};
use crate::reply::Reply;

const CONTENT: usize = 2000;
const EMBEDS: usize = 10;
const TITLE: usize = 256;
const DESCRIPTION: usize = 4096;
const FIELDS: usize = 25;
const FIELD_NAME: usize = 256;
const FIELD_VALUE: usize = 1024;
const FOOTER: usize = 2048;
const AUTHOR: usize = 256;
const ALL_EMBEDS: usize = 6000;
const USERNAME: usize = 80;
const URL: usize = 2048;
const COLOURS: i64 = 0xFF_FF_FF;

type Form = Map<String, Value>;

/// The form of a message, when Discord would post it.
///
/// # Errors
/// The answer that it gives instead.
pub(crate) fn message(body: &[u8], announces_json: bool) -> Result<Form, Reply> {
    if !announces_json {
        return Err(empty());
    }
    let value: Value =
        serde_json::from_slice(body).map_err(|_| tree::error(400, 50109, "The request body contains invalid JSON."))?;
    let mut check = Check::default();
    let Value::Object(form) = value else {
        check.not_an_object(&[]);
        return Err(check.errors.reply());
    };
    check.message(&form);
    if !check.errors.is_empty() {
        return Err(check.errors.reply());
    }
    if check.embed_characters > ALL_EMBEDS {
        let mut errors = Errors::default();
        errors.add(&["embeds"], "MAX_EMBED_SIZE_EXCEEDED", format!("Embed size exceeds maximum size of {ALL_EMBEDS}"));
        return Err(errors.reply());
    }
    let has_content = text(&form, "content").is_some_and(|content| !content.trim().is_empty());
    if has_content || list(&form, "embeds").is_some_and(|embeds| !embeds.is_empty()) { Ok(form) } else { Err(empty()) }
}

fn empty() -> Reply {
    tree::error(400, 50006, "Cannot send an empty message")
}

#[derive(Default)]
struct Check {
    errors: Errors,
    embed_characters: usize,
}

/// Where something may be missing.
#[derive(Clone, Copy, PartialEq)]
enum May {
    BeMissing,
    NotBeMissing,
}

impl Check {
    fn message(&mut self, form: &Form) {
        self.text(form, &[], "content", CONTENT, May::BeMissing);
        self.username(form);
        self.url(form, &[], "avatar_url", &["http", "https"]);
        self.flag(form, &[], "tts");
        match present(form, "embeds") {
            None => {}
            Some(Value::Array(embeds)) => {
                self.at_most(&["embeds"], embeds.len(), EMBEDS);
                for (position, embed) in embeds.iter().enumerate() {
                    self.embed(&["embeds", &position.to_string()], embed);
                }
            }
            Some(_) => self.not_a_list(&["embeds"]),
        }
    }

    fn username(&mut self, form: &Form) {
        let Some(name) = text(form, "username") else { return };
        let (length, lower) = (name.trim().chars().count(), name.to_lowercase());
        if !(1..=USERNAME).contains(&length) {
            let why = format!("Must be between 1 and {USERNAME} in length.");
            return self.errors.add(&["username"], "BASE_TYPE_BAD_LENGTH", why);
        }
        if let Some(part) = ["discord", "clyde", "@", "#", ":", "```"].into_iter().find(|part| lower.contains(part)) {
            let why = format!("Username cannot contain \"{part}\"");
            return self.errors.add(&["username"], "USERNAME_INVALID_CONTAINS", why);
        }
        if matches!(lower.trim(), "everyone" | "here") {
            self.errors.add(
                &["username"],
                "USERNAME_INVALID_RESERVED",
                format!("Username cannot be \"{}\"", lower.trim()),
            );
        }
    }

    fn embed(&mut self, path: &[&str], embed: &Value) {
        let Value::Object(embed) = embed else { return self.not_an_object(path) };
        let shown = ["title", "description", "fields", "footer", "author", "image", "thumbnail"];
        if !shown.into_iter().any(|key| has_something(embed, key)) {
            self.errors.add(&at(path, "description"), "BASE_TYPE_REQUIRED", REQUIRED);
        }
        self.counted(embed, path, "title", TITLE, May::BeMissing);
        self.counted(embed, path, "description", DESCRIPTION, May::BeMissing);
        self.url(embed, path, "url", &["http", "https"]);
        self.timestamp(embed, path);
        self.colour(embed, path);
        self.part(embed, path, "footer", |check, footer, path| {
            check.counted(footer, path, "text", FOOTER, May::NotBeMissing);
            check.url(footer, path, "icon_url", PICTURES);
        });
        self.part(embed, path, "author", |check, author, path| {
            check.counted(author, path, "name", AUTHOR, May::NotBeMissing);
            check.url(author, path, "url", &["http", "https"]);
            check.url(author, path, "icon_url", PICTURES);
        });
        for picture in ["image", "thumbnail"] {
            self.part(embed, path, picture, |check, picture, path| check.url(picture, path, "url", PICTURES));
        }
        self.fields(embed, path);
    }

    fn fields(&mut self, embed: &Form, path: &[&str]) {
        let path = at(path, "fields");
        match present(embed, "fields") {
            None => {}
            Some(Value::Array(fields)) => {
                self.at_most(&path, fields.len(), FIELDS);
                for (position, field) in fields.iter().enumerate() {
                    let position = position.to_string();
                    let path = at(&path, &position);
                    let Value::Object(field) = field else {
                        self.not_an_object(&path);
                        continue;
                    };
                    self.counted(field, &path, "name", FIELD_NAME, May::NotBeMissing);
                    self.counted(field, &path, "value", FIELD_VALUE, May::NotBeMissing);
                    self.flag(field, &path, "inline");
                }
            }
            Some(_) => self.not_a_list(&path),
        }
    }

    fn part(&mut self, embed: &Form, path: &[&str], key: &str, look: impl FnOnce(&mut Self, &Form, &[&str])) {
        match present(embed, key) {
            None => {}
            Some(Value::Object(part)) => look(self, part, &at(path, key)),
            Some(_) => self.not_an_object(&at(path, key)),
        }
    }

    /// Text that counts towards the sum of all embeds.
    fn counted(&mut self, form: &Form, path: &[&str], key: &str, max: usize, may: May) {
        self.embed_characters += self.text(form, path, key, max, may);
    }

    fn text(&mut self, form: &Form, path: &[&str], key: &str, max: usize, may: May) -> usize {
        let path = at(path, key);
        let length = match present(form, key) {
            Some(Value::Object(_) | Value::Array(_)) => {
                self.errors.add(&path, "STRING_TYPE_CONVERT", "Could not interpret the value as string.");
                return 0;
            }
            Some(Value::String(text)) if text.trim().is_empty() => None,
            Some(Value::String(text)) => Some(text.chars().count()),
            // Numbers and flags are turned into text.
            Some(other) => Some(other.to_string().chars().count()),
            None => None,
        };
        match length {
            None if may == May::NotBeMissing => self.errors.add(&path, "BASE_TYPE_REQUIRED", REQUIRED),
            None => {}
            Some(length) => self.at_most(&path, length, max),
        }
        length.unwrap_or_default()
    }

    fn at_most(&mut self, path: &[&str], length: usize, max: usize) {
        if length > max {
            self.errors.add(path, "BASE_TYPE_MAX_LENGTH", format!("Must be {max} or fewer in length."));
        }
    }

    fn url(&mut self, form: &Form, path: &[&str], key: &str, schemes: &[&str]) {
        let path = at(path, key);
        let Some(value) = present(form, key) else { return };
        let Some((scheme, rest)) = value.as_str().and_then(|url| url.split_once("://")) else {
            return self.errors.add(&path, "URL_TYPE_INVALID_URL", "Not a well formed URL.");
        };
        if !schemes.contains(&scheme.to_ascii_lowercase().as_str()) {
            let why = format!("Scheme \"{scheme}\" is not supported. Scheme must be one of ('http', 'https').");
            return self.errors.add(&path, "URL_TYPE_INVALID_SCHEME", why);
        }
        let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
        if host.is_empty() || rest.contains(char::is_whitespace) {
            return self.errors.add(&path, "URL_TYPE_INVALID_URL", "Not a well formed URL.");
        }
        self.at_most(&path, scheme.len() + 3 + rest.chars().count(), URL);
    }

    fn timestamp(&mut self, embed: &Form, path: &[&str]) {
        let Some(value) = present(embed, "timestamp") else { return };
        let good = value.as_str().is_some_and(|at| at.parse::<Timestamp>().is_ok() || at.parse::<DateTime>().is_ok());
        if !good {
            let shown = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            let why = format!("Could not parse {shown}. Should be ISO8601.");
            self.errors.add(&at(path, "timestamp"), "DATE_TIME_TYPE_PARSE", why);
        }
    }

    fn colour(&mut self, embed: &Form, path: &[&str]) {
        let path = at(path, "color");
        let Some(value) = present(embed, "color") else { return };
        let number = value.as_i64().or_else(|| value.as_str().and_then(|text| text.trim().parse().ok()));
        match number {
            None => {
                let shown = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                self.errors.add(&path, "NUMBER_TYPE_COERCE", format!("Value \"{shown}\" is not int."));
            }
            Some(number) if number < 0 => {
                self.errors.add(&path, "NUMBER_TYPE_MIN", "int value should be greater than or equal to 0.");
            }
            Some(number) if number > COLOURS => {
                let why = format!("int value should be less than or equal to {COLOURS}.");
                self.errors.add(&path, "NUMBER_TYPE_MAX", why);
            }
            Some(_) => {}
        }
    }

    fn flag(&mut self, form: &Form, path: &[&str], key: &str) {
        if present(form, key).is_some_and(|value| !value.is_boolean()) {
            self.errors.add(&at(path, key), "BOOLEAN_TYPE_CONVERT", "Must be either true or false.");
        }
    }

    fn not_an_object(&mut self, path: &[&str]) {
        self.errors.add(path, "MODEL_TYPE_CONVERT", "Only dictionaries may be used in a ModelType");
    }

    fn not_a_list(&mut self, path: &[&str]) {
        self.errors.add(path, "LIST_TYPE_CONVERT", "Only iterables may be used in a ListType");
    }
}

const REQUIRED: &str = "This field is required";
const PICTURES: &[&str] = &["http", "https", "attachment"];

fn at<'a>(path: &[&'a str], key: &'a str) -> Vec<&'a str> {
    [path, &[key]].concat()
}

/// A value that is there; null counts as missing.
fn present<'a>(form: &'a Form, key: &str) -> Option<&'a Value> {
    form.get(key).filter(|value| !value.is_null())
}

fn has_something(form: &Form, key: &str) -> bool {
    match present(form, key) {
        None => false,
        Some(Value::String(text)) => !text.trim().is_empty(),
        Some(Value::Array(items)) => !items.is_empty(),
        Some(_) => true,
    }
}

/// Text at a key.
pub(crate) fn text<'a>(form: &'a Form, key: &str) -> Option<&'a str> {
    form.get(key).and_then(Value::as_str)
}

/// A list at a key.
pub(crate) fn list<'a>(form: &'a Form, key: &str) -> Option<&'a Vec<Value>> {
    form.get(key).and_then(Value::as_array)
}
