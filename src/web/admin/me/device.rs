//! What somebody uses, in words.

use crate::admin::shown;

/// Browsers by what only they say; those that also call themselves another come first.
const BROWSERS: &[(&str, &str)] = &[
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("Vivaldi/", "Vivaldi"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
];

/// Systems, those that also call themselves another first.
const SYSTEMS: &[(&str, &str)] = &[
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
];

/// `Firefox on Windows`. What is no browser is called what it calls itself first.
pub(super) fn device(user_agent: Option<&str>) -> String {
    let Some(said) = user_agent.map(str::trim).filter(|said| !said.is_empty()) else { return "Unknown device".into() };
    let named =
        |list: &[(&str, &'static str)]| list.iter().find(|(sign, _)| said.contains(sign)).map(|(_, name)| *name);
    match (named(BROWSERS), named(SYSTEMS)) {
        (Some(browser), Some(system)) => format!("{browser} on {system}"),
        (Some(browser), None) => browser.to_owned(),
        _ => shown::short(said.split_whitespace().next().unwrap_or(said), 40),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn browsers_are_told_apart_although_each_says_that_it_is_another() {
        let chrome =
            "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0 Safari/537.36";
        let phone =
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1 Version/18.1 Safari/604.1";
        assert_eq!(device(Some(chrome)), "Chrome on Linux");
        assert_eq!(device(Some(&format!("{chrome} Edg/131.0"))), "Edge on Linux");
        assert_eq!(device(Some(phone)), "Safari on iPhone");
        assert_eq!(
            device(Some("Mozilla/5.0 (Windows NT 10.0; rv:133.0) Gecko/20100101 Firefox/133.0")),
            "Firefox on Windows"
        );
    }

    #[test]
    fn what_is_no_browser_is_called_what_it_calls_itself() {
        assert_eq!(device(Some("curl/8.5.0 (linux)")), "curl/8.5.0");
        assert_eq!(device(None), "Unknown device");
        assert_eq!(device(Some("  ")), "Unknown device");
        assert!(!device(Some(&format!("\u{202e}{}", "x".repeat(200)))).contains('\u{202e}'));
        assert!(device(Some(&"x".repeat(200))).chars().count() <= 41);
    }
}
