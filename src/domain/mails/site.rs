//! Where links lead.

use aviary_kernel::base::Secret;
use aviary_kernel::model::{AccountId, Letter};

/// Where links lead.
#[derive(Clone, Debug, Default)]
pub struct Site {
    /// What the place is called, for people.
    pub name: String,
    /// The front end that people use, if there is one; it has pages for these links. Where it is Aviary itself, links lead
    /// to our own pages.
    pub site_url: Option<String>,
    /// Where our own pages are reached; empty = nobody said.
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
        Some(self.entry(page, token.reveal(), &account.to_string()))
    }

    /// A page that takes a token.
    pub(super) fn entry(&self, page: &str, token: &str, id: &str) -> String {
        let place = match self.front_end() {
            Some(site) => format!("{site}/auth/{page}"),
            None => format!("{}/admin/{page}", self.own()),
        };
        let query = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("token", token)
            .append_pair("id", id)
            .finish();
        format!("{place}?{query}")
    }

    /// One of our own pages; none while nobody said where they are reached.
    pub(super) fn own_page(&self, path: &str) -> Option<String> {
        let own = self.own();
        (!own.is_empty()).then(|| format!("{own}{path}"))
    }

    /// Whether links lead anywhere.
    pub(super) fn is_known(&self) -> bool {
        self.front_end().is_some() || !self.own().is_empty()
    }

    /// What the place is called.
    pub(super) fn called(&self) -> &str {
        if self.name.trim().is_empty() { "Aviary" } else { self.name.trim() }
    }

    fn own(&self) -> &str {
        self.own_url.trim().trim_end_matches('/')
    }

    fn front_end(&self) -> Option<&str> {
        let url = self.site_url.as_deref()?.trim().trim_end_matches('/');
        (!url.is_empty() && url != self.own()).then_some(url)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        for none in [None, Some(" "), Some("http://own:1/")] {
            site.site_url = none.map(str::to_owned);
            assert_eq!(link(&site, Letter::ChangeEmail), format!("http://own:1/admin/verify-email?token=t0&id={id}"));
            assert_eq!(link(&site, Letter::MagicLink), format!("http://own:1/admin/magic-link?token=t0&id={id}"));
        }
        assert_eq!(site.link(Letter::PasswordChanged, &token, id), None);
    }

    #[test]
    fn tokens_of_others_stay_one_part_of_the_address() {
        let site = Site { own_url: "http://own".into(), ..Site::default() };
        assert_eq!(site.entry("magic-link", "a&id=x#y", "7"), "http://own/admin/magic-link?token=a%26id%3Dx%23y&id=7");
    }
}
