//! What mails say, and the form it takes: a text and an HTML twin from the same words, so that the two cannot part.

use std::time::Duration;

use askama::Template;
use aviary_kernel::base::{Error, Result};
use aviary_kernel::model::{Event, Letter, Purpose};
use serde_json::Value as Json;

use super::site::Site;

/// What a mail says, before it has a form.
#[derive(Clone, Debug, Default)]
pub(super) struct Says {
    pub(super) subject: String,
    pub(super) greeting: Option<String>,
    pub(super) before: Vec<String>,
    pub(super) button: Option<Button>,
    pub(super) facts: Vec<Fact>,
    pub(super) after: Vec<String>,
}

/// A link that stands out.
#[derive(Clone, Debug)]
pub(super) struct Button {
    pub(super) text: &'static str,
    pub(super) url: String,
}

/// A name and what it stands for.
#[derive(Clone, Debug)]
pub(super) struct Fact {
    pub(super) name: String,
    pub(super) value: String,
}

/// A mail as it leaves. It may hold a link that opens an account, so it goes to the log of nobody.
#[derive(Clone, PartialEq, Eq)]
pub struct Rendered {
    /// The subject.
    pub subject: String,
    /// The plain text.
    pub text: String,
    /// The same as HTML, complete in itself.
    pub html: String,
    /// The link that stands out in it.
    pub link: Option<String>,
}

#[derive(Template)]
#[template(path = "mail/mail.txt")]
struct AsText<'a> {
    says: &'a Says,
    site: &'a str,
    footer: &'a str,
}

#[derive(Template)]
#[template(path = "mail/mail.html")]
struct AsHtml<'a> {
    says: &'a Says,
    site: &'a str,
    footer: &'a str,
}

const FOOTER: &str = "This mail was sent by a program; nobody reads answers to it.";

/// Longer values of events are cut.
const LONGEST_FACT: usize = 300;
/// Of an event so many facts are told.
const MOST_FACTS: usize = 25;

impl Says {
    /// Both forms of it.
    ///
    /// # Errors
    /// [`Error::Internal`] when a template cannot be rendered.
    pub(super) fn render(self, site: &Site) -> Result<Rendered> {
        let (says, site, footer) = (&self, site.called(), FOOTER);
        let text = AsText { says, site, footer }.render().map_err(Error::internal)?;
        let html = AsHtml { says, site, footer }.render().map_err(Error::internal)?;
        Ok(Rendered { subject: self.subject, text, html, link: self.button.map(|button| button.url) })
    }

    fn paragraphs(subject: &str, before: &[&str], after: &[&str]) -> Self {
        let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        Self { subject: subject.into(), before: owned(before), after: owned(after), ..Self::default() }
    }

    /// What a letter says to somebody of this name.
    pub(super) fn letter(letter: Letter, name: &str, link: Option<String>) -> Self {
        let (before, button, after): (&[&str], &'static str, &[&str]) = match letter {
            Letter::VerifyEmail => (
                &[
                    "Somebody registered with this e-mail address. If it was you, open this link to prove that the address \
                   is yours. It is good for 24 hours.",
                ],
                "Verify your e-mail address",
                &["If it was not you, do not open it: without it the account cannot be used."],
            ),
            Letter::ResetPassword => (
                &["Open this link to set another password. It is good for one hour, and once."],
                "Set another password",
                &["If you did not ask for it, you need not do anything: your password stays as it is."],
            ),
            Letter::MagicLink => (
                &["Open this link to sign in. It is good for 30 minutes, and once."],
                "Sign in",
                &["If you did not ask for it, you need not do anything. Pass it on to nobody."],
            ),
            Letter::ChangeEmail => (
                &["Open this link to make this the e-mail address of your account. It is good for 24 hours."],
                "Use this address",
                &["If you did not ask for it, you need not do anything."],
            ),
            Letter::EmailWillChange => (
                &[
                    "Somebody who knows your password asked for another e-mail address for your account. It changes once the \
                   new address is proved.",
                ],
                "",
                &["If it was not you, change your password now."],
            ),
            Letter::AlreadyRegistered => (
                &[
                    "Somebody tried to register with this e-mail address, which has an account already. If it was you, sign \
                   in, or ask for a link to set another password.",
                ],
                "",
                &["If it was not you, you need not do anything."],
            ),
            Letter::PasswordChanged => (
                &["The password of your account was changed, and other devices were signed out."],
                "",
                &["If it was not you, ask for a link to set another password now, and tell an administrator."],
            ),
        };
        let button = link.map(|url| Button { text: button, url });
        Self { greeting: Some(greeting(name)), button, ..Self::paragraphs(subject(letter), before, after) }
    }

    /// What the first mail to somebody says.
    pub(super) fn welcome(name: &str, link: String) -> Self {
        let before = "Welcome. Open this link to prove that this e-mail address is yours; then everything is ready. It is \
                      good for 24 hours.";
        let after = "If you did not register, do not open it: without it the account cannot be used.";
        let button = Some(Button { text: "Verify your e-mail address", url: link });
        Self { greeting: Some(greeting(name)), button, ..Self::paragraphs("Welcome", &[before], &[after]) }
    }

    /// What somebody is told who wants to hear of syncs.
    pub(super) fn sync_complete(kind: &str, status: &str, duration: &str) -> Self {
        let facts = [("Sync", kind), ("Outcome", status), ("Duration", duration)];
        Self {
            facts: facts.map(|(name, value)| fact(name, value)).into(),
            ..Self::paragraphs("Sync complete", &["A sync is over."], &[])
        }
    }

    /// Paragraphs of somebody else.
    pub(super) fn message(subject: &str, text: &str) -> Self {
        let paragraphs = text.replace("\r\n", "\n");
        let paragraphs: Vec<_> = paragraphs.split("\n\n").map(str::trim).filter(|text| !text.is_empty()).collect();
        Self::paragraphs(subject, &paragraphs, &[])
    }

    /// An event; none = it was forgotten meanwhile.
    pub(super) fn event(event: Option<&Event>, site: &Site) -> Self {
        let Some(event) = event else {
            return Self::paragraphs(FORGOTTEN, &["This mail was about an event that is not kept any more."], &[]);
        };
        let mut facts = vec![fact("Event", event.name.name()), fact("When", &event.at.to_string())];
        facts.extend(event.panel.map(|panel| fact("Panel", &panel.to_string())));
        if let Ok(Json::Object(data)) = serde_json::from_str(&event.data) {
            facts.extend(data.iter().take(MOST_FACTS).map(|(name, value)| fact(name, &words(value))));
        }
        let url = site.own_page(page_of(event));
        let button = url.map(|url| Button { text: "Look at it in Aviary", url });
        Self { button, facts, ..Self::paragraphs(&one_line(&event.summary), &[&event.summary], &[]) }
    }

    /// The mail that tries whether mail works.
    pub(super) fn test() -> Self {
        let text =
            "This mail was sent to try whether mail leaves. It does: links, letters to people and notices can arrive.";
        Self::paragraphs("Mail works", &[text], &["You need not do anything."])
    }
}

/// The subject of a mail about an event that was forgotten.
const FORGOTTEN: &str = "An event";

/// The subject of an event.
pub(super) fn subject_of_event(event: Option<&Event>) -> String {
    event.map_or_else(|| FORGOTTEN.to_owned(), |event| one_line(&event.summary))
}

/// The subject of the test.
pub(super) const TEST: &str = "Mail works";

/// The line that shows in a list of mails.
pub(super) fn subject(letter: Letter) -> &'static str {
    match letter {
        Letter::VerifyEmail => "Verify your e-mail address",
        Letter::ResetPassword => "Reset your password",
        Letter::MagicLink => "Your magic link",
        Letter::ChangeEmail => "Verify your new e-mail address",
        Letter::EmailWillChange => "Your e-mail address is about to change",
        Letter::AlreadyRegistered => "You have an account already",
        Letter::PasswordChanged => "Your password was changed",
    }
}

/// The letter that carries a link for this purpose.
pub fn letter_of(purpose: Purpose) -> Option<Letter> {
    Some(match purpose {
        Purpose::VerifyEmail => Letter::VerifyEmail,
        Purpose::ResetPassword => Letter::ResetPassword,
        Purpose::MagicLink => Letter::MagicLink,
        Purpose::ChangeEmail => Letter::ChangeEmail,
        Purpose::FirstRun => return None,
    })
}

/// What the link of a letter is for.
fn purpose_of(letter: Letter) -> Option<Purpose> {
    Some(match letter {
        Letter::VerifyEmail => Purpose::VerifyEmail,
        Letter::ResetPassword => Purpose::ResetPassword,
        Letter::MagicLink => Purpose::MagicLink,
        Letter::ChangeEmail => Purpose::ChangeEmail,
        Letter::EmailWillChange | Letter::AlreadyRegistered | Letter::PasswordChanged => return None,
    })
}

/// How long the link in a letter is good; none for letters without one.
pub(super) fn good_for(letter: Letter) -> Option<Duration> {
    purpose_of(letter).map(lifetime)
}

/// How long a link is good. What letters say of it stands above.
pub fn lifetime(purpose: Purpose) -> Duration {
    const MINUTE: u64 = 60;
    Duration::from_secs(match purpose {
        Purpose::VerifyEmail | Purpose::ChangeEmail => 24 * 60 * MINUTE,
        Purpose::ResetPassword => 60 * MINUTE,
        Purpose::MagicLink => 30 * MINUTE,
        // Until it is used; a hundred years.
        Purpose::FirstRun => 876_000 * 60 * MINUTE,
    })
}

/// People choose their names, and mail goes to addresses that are not proved yet. So a name that a mail program could make a
/// link of is not repeated.
fn greeting(name: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || " _-'".contains(c);
    let name = name.trim();
    if !name.is_empty() && name.chars().count() <= 60 && name.chars().all(is_plain) {
        format!("Hello {name},")
    } else {
        "Hello,".to_owned()
    }
}

fn fact(name: &str, value: &str) -> Fact {
    Fact { name: one_line(name), value: cut(value) }
}

fn words(value: &Json) -> String {
    match value {
        Json::String(text) => text.clone(),
        Json::Null => "none".into(),
        Json::Bool(is) => if *is { "yes" } else { "no" }.into(),
        other => other.to_string(),
    }
}

fn cut(text: &str) -> String {
    let text = one_line(text);
    if text.chars().count() <= LONGEST_FACT {
        return text;
    }
    text.chars().take(LONGEST_FACT).chain(['…']).collect()
}

/// Without line ends and other control characters, so that it can be a header.
pub(super) fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect::<String>().trim().to_owned()
}

/// Where people look closer at an event.
fn page_of(event: &Event) -> &'static str {
    match event.name.noun() {
        "sync" | "removal" => "/admin/syncs",
        "drift" => "/admin/drift",
        "sign_in" | "audit" => "/admin/audit",
        "settings" => "/admin/settings",
        "mail" => "/admin/mails",
        "panel" | "certificate" | "token" => "/admin/panels",
        "server" => "/admin/servers",
        "node" => "/admin/nodes",
        "location" => "/admin/locations",
        "allocation" => "/admin/allocations",
        "nest" => "/admin/nests",
        "egg" | "egg_variable" => "/admin/eggs",
        "user" if event.name.is_of_mirror() => "/admin/users",
        "user" => "/admin/people",
        "database" => "/admin/databases",
        _ => "/admin",
    }
}

#[cfg(test)]
mod tests {
    use aviary_kernel::base::Timestamp;
    use aviary_kernel::model::{EventName, PanelId};
    use uuid::Uuid;

    use super::*;

    fn site() -> Site {
        Site { name: "Here & <there>".into(), own_url: "https://own.example".into(), ..Site::default() }
    }

    #[test]
    fn names_that_look_like_links_are_not_repeated() {
        assert_eq!(greeting("Ada Lovelace-2"), "Hello Ada Lovelace-2,");
        for name in ["win at evil.example", "https://evil", "a@b.c", "x\ny", "", "<b>"] {
            assert_eq!(greeting(name), "Hello,", "{name:?}");
        }
    }

    #[test]
    fn everything_is_escaped_where_it_is_html_and_nowhere_else() {
        let mail = Says::message("a <b>", "first <script>\r\n\r\nsecond & last").render(&site()).unwrap();
        assert!(mail.text.contains("first <script>\n\nsecond & last\n\n-- \nHere & <there>\n"), "{}", mail.text);
        assert!(!mail.html.contains("<script>") && !mail.html.contains("<there>"), "{}", mail.html);
        assert!(mail.html.contains("first &#60;script&#62;</p>"), "{}", mail.html);
    }

    #[test]
    fn both_forms_hold_the_link_and_how_long_it_is_good() {
        let words = [
            (Letter::VerifyEmail, "24 hours"),
            (Letter::ChangeEmail, "24 hours"),
            (Letter::ResetPassword, "one hour"),
            (Letter::MagicLink, "30 minutes"),
        ];
        for (letter, lifetime) in words {
            let link = "https://own.example/x?token=t&id=7";
            let mail = Says::letter(letter, "Ada", Some(link.into())).render(&site()).unwrap();
            assert_eq!(mail.link.as_deref(), Some(link));
            assert!(mail.text.contains(link) && mail.text.contains(lifetime), "{}", mail.text);
            assert!(
                mail.html.contains("href=\"https://own.example/x?token=t&#38;id=7\"") && mail.html.contains(lifetime)
            );
            assert!(mail.text.starts_with("Hello Ada,\n\n") && !mail.html.contains("src="), "{}", mail.text);
        }
    }

    #[test]
    fn an_event_is_told_with_its_facts() {
        let event = Event {
            id: Uuid::nil(),
            name: EventName::SyncFailed,
            at: Timestamp::from_seconds(0),
            panel: Some(PanelId(3)),
            summary: "The sync of main\nfailed".into(),
            data: r#"{"failed": 2, "why": "x & y", "last": null}"#.into(),
            posted_by: None,
        };
        let mail = Says::event(Some(&event), &site()).render(&site()).unwrap();
        assert_eq!(mail.subject, "The sync of main failed");
        assert!(mail.text.contains("failed: 2\nwhy: x & y\nlast: none\n"), "{}", mail.text);
        assert!(mail.html.contains("x &#38; y") && mail.text.contains("https://own.example/admin/syncs"));
        assert_eq!(Says::event(None, &site()).render(&site()).unwrap().subject, "An event");
    }
}
