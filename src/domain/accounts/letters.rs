//! What the mails say.

use aviary_kernel::base::Secret;
use aviary_kernel::model::{AccountId, Letter};

/// Where links lead.
#[derive(Clone, Debug, Default)]
pub struct Site {
    /// What the place is called, for people.
    pub name: String,
    /// The front end that people use, if there is one; it has pages for these links.
    pub site_url: Option<String>,
    /// Where our own pages are reached.
    pub own_url: String,
}

impl Site {
    /// The link of a letter; none for letters without one.
    pub fn link(&self, letter: Letter, token: &Secret<String>, account: AccountId) -> Option<String> {
        let page = match letter {
            Letter::VerifyEmail | Letter::ChangeEmail => "verify-email",
            Letter::ResetPassword => "reset-password",
            Letter::MagicLink => "magic-link",
            Letter::EmailWillChange | Letter::AlreadyRegistered | Letter::PasswordChanged => return None,
        };
        let place = match self.site_url.as_deref().map(str::trim).filter(|url| !url.is_empty()) {
            Some(site) => format!("{}/auth/{page}", site.trim_end_matches('/')),
            None => format!("{}/admin/{page}", self.own_url.trim_end_matches('/')),
        };
        Some(format!("{place}?token={}&id={account}", token.reveal()))
    }

    fn name(&self) -> &str {
        if self.name.trim().is_empty() { "Aviary" } else { self.name.trim() }
    }
}

/// The line that shows in a list of mails.
pub(super) fn subject(letter: Letter) -> &'static str {
    match letter {
        Letter::VerifyEmail => "Verify your email",
        Letter::ResetPassword => "Reset your password",
        Letter::MagicLink => "Your magic link",
        Letter::ChangeEmail => "Verify your new email address",
        Letter::EmailWillChange => "Your email address is about to change",
        Letter::AlreadyRegistered => "You have an account already",
        Letter::PasswordChanged => "Your password was changed",
    }
}

/// The whole mail as plain text.
pub(super) fn text(site: &Site, letter: Letter, name: &str, link: Option<&str>) -> String {
    let says = match letter {
        Letter::VerifyEmail => {
            "Somebody registered with this e-mail address. If it was you, open this link to prove that the address is yours. \
             It is good for 24 hours.\n\nIf it was not you, do not open it: without it the account cannot be used."
        }
        Letter::ResetPassword => {
            "Open this link to set another password. It is good for one hour, and once.\n\nIf you did not ask for it, you \
             need not do anything: your password stays as it is."
        }
        Letter::MagicLink => {
            "Open this link to sign in. It is good for 30 minutes, and once.\n\nIf you did not ask for it, you need not do \
             anything. Pass it on to nobody."
        }
        Letter::ChangeEmail => {
            "Open this link to make this the e-mail address of your account. It is good for 24 hours.\n\nIf you did not ask \
             for it, you need not do anything."
        }
        Letter::EmailWillChange => {
            "Somebody who knows your password asked for another e-mail address for your account. It changes once the new \
             address is proved.\n\nIf it was not you, change your password now."
        }
        Letter::AlreadyRegistered => {
            "Somebody tried to register with this e-mail address, which has an account already. If it was you, sign in, or \
             ask for a link to set another password.\n\nIf it was not you, you need not do anything."
        }
        Letter::PasswordChanged => {
            "The password of your account was changed, and other devices were signed out.\n\nIf it was not you, ask for a \
             link to set another password now, and tell an administrator."
        }
    };
    let link = link.map(|link| format!("\n\n{link}")).unwrap_or_default();
    format!("{}\n\n{says}{link}\n\n{}\n", greeting(name), site.name())
}

/// People choose their names, and mail goes to addresses that are not proved yet. So a name that a mail program could make a
/// link of is not repeated.
fn greeting(name: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || " _-'".contains(c);
    if !name.is_empty() && name.chars().all(is_plain) { format!("Hello {name},") } else { "Hello,".to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_look_like_links_are_not_repeated() {
        assert_eq!(greeting("Ada Lovelace-2"), "Hello Ada Lovelace-2,");
        for name in ["win at evil.example", "https://evil", "a@b.c", "x\ny", ""] {
            assert_eq!(greeting(name), "Hello,", "{name:?}");
        }
    }

    #[test]
    fn links_lead_to_the_front_end_or_to_our_own_pages() {
        let token = Secret::from("t0");
        let id = AccountId(uuid::Uuid::nil());
        let mut site =
            Site { site_url: Some("https://site.example/".into()), own_url: "http://own:1".into(), ..Site::default() };
        let link = |site: &Site, letter| site.link(letter, &token, id).unwrap();
        assert_eq!(
            link(&site, Letter::VerifyEmail),
            format!("https://site.example/auth/verify-email?token=t0&id={id}")
        );
        assert_eq!(
            link(&site, Letter::ResetPassword),
            format!("https://site.example/auth/reset-password?token=t0&id={id}")
        );
        site.site_url = None;
        assert_eq!(link(&site, Letter::ChangeEmail), format!("http://own:1/admin/verify-email?token=t0&id={id}"));
        assert_eq!(link(&site, Letter::MagicLink), format!("http://own:1/admin/magic-link?token=t0&id={id}"));
        assert_eq!(site.link(Letter::PasswordChanged, &token, id), None);
    }
}
