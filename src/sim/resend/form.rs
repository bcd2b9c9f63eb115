//! What Resend says about a mail before it takes it. <https://resend.com/docs/api-reference/emails/send-email>

use serde_json::{Map, Value};

use crate::resend::mail::{address_of, domain_of};
use crate::resend::refusal::Refusal;

/// Recipients in `to`.
const RECIPIENTS: usize = 50;
/// The domain of Resend's test addresses, from which anybody may send to them.
const TEST_DOMAIN: &str = "resend.dev";
const FORMAT: &str = "The email address needs to follow the `email@example.com` or `Name <email@example.com>` format.";

/// A mail with everything that it needs.
#[derive(Debug, Default)]
pub(crate) struct Form {
    pub(crate) from: String,
    pub(crate) to: Vec<String>,
    pub(crate) cc: Vec<String>,
    pub(crate) bcc: Vec<String>,
    pub(crate) reply_to: Vec<String>,
    pub(crate) subject: String,
    pub(crate) html: Option<String>,
    pub(crate) text: Option<String>,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) tags: Vec<(String, String)>,
}

type Fields = Map<String, Value>;

/// Reads a mail.
pub(crate) fn read(body: &Value) -> Result<Form, Refusal> {
    let fields = body.as_object().ok_or_else(|| Refusal::of_status(422))?;
    let from = text(fields, "from")?.ok_or_else(|| Refusal::missing("`from`"))?;
    if !is_mailbox(&from) {
        return Err(Refusal::new(422, "invalid_from_address", format!("Invalid `from` field. {FORMAT}")));
    }
    let to = mailboxes(fields, "to")?;
    if to.is_empty() {
        return Err(Refusal::missing("`to`"));
    }
    if to.len() > RECIPIENTS {
        return Err(Refusal::invalid(format!("The `to` field must not have more than {RECIPIENTS} recipients.")));
    }
    let subject = text(fields, "subject")?.ok_or_else(|| Refusal::missing("`subject`"))?;
    let (html, plain) = (text(fields, "html")?, text(fields, "text")?);
    if html.is_none() && plain.is_none() {
        return Err(Refusal::missing("`html` or `text`"));
    }
    Ok(Form {
        from,
        to,
        cc: mailboxes(fields, "cc")?,
        bcc: mailboxes(fields, "bcc")?,
        reply_to: mailboxes(fields, "reply_to")?,
        subject,
        html,
        text: plain,
        headers: headers(fields)?,
        tags: tags(fields)?,
    })
}

/// Whether this account may send this mail.
pub(crate) fn may_send(form: &Form, is_verified: impl Fn(&str) -> bool, refuses_examples: bool) -> Result<(), Refusal> {
    let recipients = || form.to.iter().chain(&form.cc).chain(&form.bcc);
    let example =
        recipients().map(|to| domain_of(to)).any(|domain| matches!(domain.as_str(), "example.com" | "test.com"));
    if refuses_examples && example {
        let why = "Invalid `to` field. Please use our testing email address instead of domains like `example.com`.";
        return Err(Refusal::invalid(why));
    }
    let domain = domain_of(&form.from);
    if domain == TEST_DOMAIN {
        let only_tests = recipients().all(|to| domain_of(to) == TEST_DOMAIN);
        let why = "You can only send testing emails to your own email address. To send emails to other recipients, please verify \
                   a domain at resend.com/domains, and change the `from` address to an email using this domain.";
        return if only_tests { Ok(()) } else { Err(Refusal::new(403, "validation_error", why)) };
    }
    if !is_verified(&domain) {
        let why = format!(
            "The {domain} domain is not verified. Please, add and verify your domain on https://resend.com/domains"
        );
        return Err(Refusal::new(403, "validation_error", why));
    }
    Ok(())
}

/// What becomes of a mail to one of Resend's test addresses, with or without a label.
pub(crate) fn test_fate(address: &str) -> Option<&'static str> {
    let local = address.strip_suffix(TEST_DOMAIN)?.strip_suffix('@')?;
    match local.split('+').next()? {
        "delivered" => Some("delivered"),
        "bounced" => Some("bounced"),
        "complained" => Some("complained"),
        "suppressed" => Some("suppressed"),
        _ => None,
    }
}

fn text(fields: &Fields, key: &str) -> Result<Option<String>, Refusal> {
    match fields.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(Refusal::invalid(format!("The `{key}` field must be a `string`."))),
    }
}

fn mailboxes(fields: &Fields, key: &str) -> Result<Vec<String>, Refusal> {
    let invalid = || Refusal::invalid(format!("Invalid `{key}` field. {FORMAT}"));
    let all = match fields.get(key) {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::String(one)) => vec![one.clone()],
        Some(Value::Array(many)) => {
            let many: Option<Vec<String>> = many.iter().map(|one| one.as_str().map(str::to_owned)).collect();
            many.ok_or_else(invalid)?
        }
        Some(_) => return Err(invalid()),
    };
    if all.iter().all(|mailbox| is_mailbox(mailbox)) { Ok(all) } else { Err(invalid()) }
}

fn is_mailbox(mailbox: &str) -> bool {
    let address = address_of(mailbox);
    let parts = address.split_once('@');
    let good = |part: &str| !part.is_empty() && !part.contains(|c: char| c.is_whitespace() || "<>@,;".contains(c));
    parts.is_some_and(|(local, domain)| good(local) && good(domain) && domain.contains('.'))
        && !mailbox.contains(|c: char| c.is_control())
}

fn headers(fields: &Fields) -> Result<Vec<(String, String)>, Refusal> {
    let invalid = || Refusal::invalid("The `headers` field must be an object of strings.");
    match fields.get("headers") {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::Object(map)) => map
            .iter()
            .map(|(name, value)| value.as_str().map(|value| (name.clone(), value.to_owned())).ok_or_else(invalid))
            .collect(),
        Some(_) => Err(invalid()),
    }
}

/// Names and values of ASCII letters, digits, `_` and `-`, up to 256 characters.
fn tags(fields: &Fields) -> Result<Vec<(String, String)>, Refusal> {
    let good = |text: &str| {
        (1..=256).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'))
    };
    let invalid = || Refusal::invalid("Tags should only contain ASCII letters, numbers, underscores, or dashes.");
    let Some(tags) = fields.get("tags").filter(|tags| !tags.is_null()) else { return Ok(Vec::new()) };
    let part = |tag: &Value, key: &str| {
        tag.get(key).and_then(Value::as_str).filter(|text| good(text)).map(str::to_owned).ok_or_else(invalid)
    };
    let tags = tags.as_array().ok_or_else(invalid)?;
    tags.iter().map(|tag| Ok((part(tag, "name")?, part(tag, "value")?))).collect()
}
