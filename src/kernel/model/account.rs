use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Grants, ObjectKey};
use crate::base::{Error, Net, Sealed, Timestamp};

/// The id of an account. Sorts by when it was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct AccountId(pub Uuid);

impl fmt::Display for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for AccountId {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        text.parse().map(Self).map_err(|_| Error::invalid("id", "is not the id of an account"))
    }
}

/// SHA-256 of a token: all that is stored of it.
pub type TokenHash = [u8; 32];

/// An e-mail address: trimmed, of the shape that the older API takes, at most 254 characters. Two that differ in case only
/// are the same address; it is kept as it was typed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Email(String);

impl Email {
    /// Reads an address: `[A-Za-z0-9._%+-]+`, `@`, `[A-Za-z0-9.-]+`, a dot, two or more letters.
    ///
    /// # Errors
    /// [`Error::Invalid`].
    pub fn parse(raw: &str) -> Result<Self, Error> {
        let text = raw.trim();
        if text.len() <= 254 && is_email(text) {
            return Ok(Self(text.to_owned()));
        }
        Err(Error::invalid("email", "is no e-mail address; write it like ada@example.com"))
    }

    /// As it was typed.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What tells two addresses apart.
    pub fn key(&self) -> String {
        self.0.to_ascii_lowercase()
    }
}

fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.split_once('@') else { return false };
    let Some((host, end)) = domain.rsplit_once('.') else { return false };
    let plain = |part: &str, more: &str| {
        !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || more.contains(c))
    };
    plain(local, "._%+-") && plain(host, ".-") && end.len() >= 2 && end.chars().all(|c| c.is_ascii_alphabetic())
}

impl PartialEq for Email {
    fn eq(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}

impl Eq for Email {}

impl fmt::Display for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A person. What the panels know of them is not stored here but found by e-mail, so the two never disagree.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Account {
    /// Our id.
    pub id: AccountId,
    /// How they sign in; unique without regard to case.
    pub email: Email,
    /// What they are called; 1 to 60 characters.
    pub username: String,
    /// What they told about themselves.
    pub profile: Profile,
    /// A hash in PHC form (Argon2id), or bcrypt when it was imported; none = never set one.
    pub password: Option<String>,
    /// Names of roles; together they say what the person may.
    pub roles: Vec<String>,
    /// False = cannot sign in, and nothing of theirs works.
    pub is_active: bool,
    /// When they proved that the address is theirs.
    pub email_verified: Option<Timestamp>,
    /// How they came here.
    pub source: AccountSource,
    /// The second factor, once it is on.
    pub second_factor: Option<SecondFactor>,
    /// A second factor that was shown but not proved yet.
    pub second_factor_offer: Option<Sealed>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed, signing in aside.
    pub updated_at: Timestamp,
    /// When they last signed in.
    pub last_login_at: Option<Timestamp>,
}

/// What people may tell about themselves.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profile {
    /// First name.
    pub first_name: Option<String>,
    /// Last name.
    pub last_name: Option<String>,
    /// Telephone.
    pub phone_number: Option<String>,
    /// Company.
    pub company_name: Option<String>,
    /// Where bills go.
    pub billing_email: Option<String>,
    /// A picture.
    pub avatar_url: Option<String>,
}

/// How an account came here. Numbers are on disk: append only.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum AccountSource {
    /// They registered.
    Registered,
    /// Somebody made it.
    Made,
    /// A user of a panel; a mere shadow of that user until they set a password or sign in.
    Panel(ObjectKey),
    /// The first-run page.
    FirstRun,
}

impl Account {
    /// Whether somebody has taken it into use. Until then a panel's account follows the panel.
    pub fn is_claimed(&self) -> bool {
        !matches!(self.source, AccountSource::Panel(_)) || self.password.is_some() || self.last_login_at.is_some()
    }
}

/// A second factor: time-based one-time passwords (RFC 6238: SHA-1, 6 digits, 30 seconds).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SecondFactor {
    /// The shared secret.
    pub secret: Sealed,
    /// The last time step that was used; it and those before are refused.
    pub last_step: u64,
    /// Hashes of the recovery codes that are left.
    pub recovery: Vec<TokenHash>,
    /// When it was turned on.
    pub since: Timestamp,
}

/// A place where somebody is signed in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// Our id.
    pub id: Uuid,
    /// Whose.
    pub account: AccountId,
    /// What it is for.
    pub kind: SessionKind,
    /// Of the cookie, or of the refresh token that is good now.
    pub token: TokenHash,
    /// How often the refresh token was exchanged.
    pub generation: u32,
    /// When it began.
    pub created_at: Timestamp,
    /// When it was last used, to the minute.
    pub seen_at: Timestamp,
    /// When it ends by itself.
    pub expires_at: Timestamp,
    /// From where it was last used.
    pub address: Option<IpAddr>,
    /// What was used, as it says itself.
    pub user_agent: Option<String>,
}

/// What a session is for. Numbers are on disk: append only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum SessionKind {
    /// The pages: a cookie.
    Browser,
    /// The API: refresh tokens.
    Api,
}

/// A set of permissions with a name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Role {
    /// The name, as it stands in accounts: 2 to 40 of `A-Z`, `0-9`, `_`.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// What it lets people do.
    pub grants: Grants,
    /// People with it must have a second factor.
    pub needs_second_factor: bool,
    /// It came with the program: its permissions cannot be changed, and it cannot be removed.
    pub built_in: bool,
}

/// A key for programs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ApiKey {
    /// Our id.
    pub id: Uuid,
    /// What it is for; 1 to 60 characters.
    pub name: String,
    /// How it begins, so that people can tell keys apart.
    pub start: String,
    /// Whose it is; it never may more than they.
    pub owner: AccountId,
    /// What it may.
    pub grants: Grants,
    /// Of the key.
    pub token: TokenHash,
    /// The key before the last rotation, while it is still good.
    pub previous: Option<PreviousKey>,
    /// Addresses that may use it; empty = all.
    pub addresses: Vec<Net>,
    /// Requests a minute; none = as for everybody.
    pub per_minute: Option<u32>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends.
    pub expires_at: Option<Timestamp>,
    /// When it was last used, to the minute.
    pub used_at: Option<Timestamp>,
    /// From where.
    pub used_from: Option<IpAddr>,
    /// When it was taken back.
    pub revoked_at: Option<Timestamp>,
}

/// A key that was replaced and is good for a while yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PreviousKey {
    /// Of the key.
    pub token: TokenHash,
    /// Until when.
    pub until: Timestamp,
}

/// A link that was sent by mail, or shown on the console. Good once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OneTimeToken {
    /// What for.
    pub purpose: Purpose,
    /// For whom; none = for whoever sets the program up.
    pub account: Option<AccountId>,
    /// The address it was sent to; the new one when it is to change. None = it was shown on the console.
    pub email: Option<Email>,
    /// When it was made.
    pub created_at: Timestamp,
    /// Until when it is good.
    pub expires_at: Timestamp,
}

/// What a link is for. Numbers are on disk: append only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Purpose {
    /// To prove that an address is theirs; 24 hours.
    VerifyEmail,
    /// To set another password; 1 hour.
    ResetPassword,
    /// To sign in without a password; 30 minutes.
    MagicLink,
    /// To prove that a new address is theirs; 24 hours.
    ChangeEmail,
    /// To make the first administrator; until used.
    FirstRun,
}

/// Wrong passwords for an e-mail address, whether or not there is an account for it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lockout {
    /// Wrong tries since the last right one.
    pub failures: u32,
    /// When the last was.
    pub last_at: Timestamp,
    /// Until when no try is taken.
    pub until: Option<Timestamp>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_as_the_older_api_does() {
        for good in ["a@b.co", "Ada.Love+x@mail.example.com", " x_%-@a-b.example "] {
            assert!(Email::parse(good).is_ok(), "{good}");
        }
        for bad in ["", "a", "a@b", "a@b.c", "a b@c.de", "@b.co", "a@.", "a@b.c1", "ä@b.co", "a@@b.co", "a\n@b.co"] {
            assert!(Email::parse(bad).is_err(), "{bad}");
        }
        assert_eq!(Email::parse("Ada@Example.com").unwrap(), Email::parse("ada@example.COM").unwrap());
    }
}
