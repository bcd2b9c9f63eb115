//! Addresses of webhooks: which are taken, and how they are shown.

use aviary_kernel::base::{Error, Result, Secret};
use aviary_remote::Outside;
use url::Url;

/// What stands for the part of an address that must not be seen.
const HIDDEN: &str = "••••";
/// No address is longer.
const LONGEST: usize = 2000;

/// An address that was looked at, and how it may be shown.
pub(super) struct Address {
    /// The address: whoever knows it can post.
    pub(super) url: Secret<String>,
    /// The same for everybody.
    pub(super) shown: String,
}

/// Whether an address is one as it is shown, coming back.
pub(super) fn is_masked(text: &str) -> bool {
    text.contains(HIDDEN) || text.contains('…')
}

/// Reads the address of a webhook of Discord, or of something that stands in for it.
pub(super) async fn of_discord(raw: &Secret<String>, outside: &Outside) -> Result<Address> {
    let url = parse(raw.reveal())?;
    let is_discord = url.host_str().is_some_and(|host| host == "discord.com" || host.ends_with(".discord.com"));
    let behind = url.path().split_once("/webhooks/").map(|(_, behind)| behind.trim_matches('/'));
    let is_one = match behind {
        // Discord's own end with an id and a token; what stands in for it may have its own ways.
        Some(behind) if is_discord => {
            behind.split_once('/').is_some_and(|(id, token)| !id.is_empty() && !token.is_empty())
        }
        Some(_) => true,
        None => false,
    };
    if !is_one {
        return Err(bad(
            "is no address of a Discord webhook; copy it from the settings of the channel, it begins with \
                        https://discord.com/api/webhooks/",
        ));
    }
    judged(&url, outside).await
}

/// Reads the address of any endpoint.
pub(super) async fn of_http(raw: &Secret<String>, outside: &Outside) -> Result<Address> {
    judged(&parse(raw.reveal())?, outside).await
}

fn parse(raw: &str) -> Result<Url> {
    let raw = raw.trim();
    if raw.len() > LONGEST {
        return Err(bad(&format!("is longer than {LONGEST} characters")));
    }
    let url = Url::parse(raw).map_err(|e| bad(&format!("is no address ({e}); write it with https://")))?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none_or(str::is_empty) {
        return Err(bad("must begin with https://"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(bad("must hold no user name and password; messages are signed instead"));
    }
    Ok(url)
}

/// Names may lead elsewhere tomorrow, so this is asked again at every attempt; here it is for the one who types.
async fn judged(url: &Url, outside: &Outside) -> Result<Address> {
    outside.judge(url).await.map_err(|forbidden| bad(&format!("{forbidden}; {}", forbidden.remedy())))?;
    if url.scheme() == "http" && outside.allowed.is_empty() {
        return Err(bad("must begin with https://; http:// goes to `webhooks.allowed_networks` only"));
    }
    Ok(Address { url: Secret::new(url.as_str().to_owned()), shown: shown(url) })
}

/// The host, and of a webhook of Discord the beginning of its number, which tells webhooks of one server apart.
fn shown(url: &Url) -> String {
    let origin = url.origin().ascii_serialization();
    let Some((before, behind)) = url.path().split_once("/webhooks/") else { return format!("{origin}/{HIDDEN}") };
    let number: String = behind.chars().take_while(char::is_ascii_digit).take(3).collect();
    let known = if before == "/api" { "/api" } else { "" };
    format!("{origin}{known}/webhooks/{number}…/{HIDDEN}")
}

fn bad(why: &str) -> Error {
    Error::invalid("url", why)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_shown_without_what_opens_it() {
        let shown = |text: &str| shown(&Url::parse(text).unwrap());
        assert_eq!(
            shown("https://discord.com/api/webhooks/1234567890/a-token?wait=true"),
            "https://discord.com/api/webhooks/123…/••••"
        );
        assert_eq!(
            shown("https://proxy.example:8443/s3cret/webhooks/12/tok"),
            "https://proxy.example:8443/webhooks/12…/••••"
        );
        assert_eq!(shown("https://example.com/hook?key=abc"), "https://example.com/••••");
        assert!(is_masked("https://example.com/••••"));
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in
            ["", "discord.com/api/webhooks/1/a", "ftp://example.com/", "https://", "https://ada:pw@example.com/"]
        {
            assert!(parse(text).is_err(), "{text}");
        }
        assert!(parse(&format!("https://example.com/{}", "a".repeat(2000))).is_err());
    }
}
