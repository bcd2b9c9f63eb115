//! What a mail server may say, and what it means for the mail.

use std::time::Duration;

use aviary_kernel::base::Env;
use aviary_kernel::config::SmtpSecurity;
use aviary_remote::mail::{MailError, MailErrorKind, Smtp, SmtpOptions};

use crate::mail;
use crate::server::{Does, Server, friendly, says};

const LATER: MailErrorKind = MailErrorKind::Later { after: None };

/// What comes of a mail when the server answers `at` with `text`.
async fn after(at: &'static str, text: &'static str) -> MailError {
    let server = Server::start(move |line| if is_at(line, at) { says(text) } else { friendly(line) }).await;
    server.client().send(&mail()).await.unwrap_err()
}

fn is_at(line: &str, at: &str) -> bool {
    if at.is_empty() { line.is_empty() } else { line.starts_with(at) }
}

#[tokio::test]
async fn each_refusal_says_what_to_do_with_the_mail() {
    use MailErrorKind::{Misconfigured, Refused};
    for (at, text, expected) in [
        ("", "554 no service here", Misconfigured),
        ("", "421 too busy", LATER),
        ("", "SSH-2.0-OpenSSH_9.6", Misconfigured),
        ("EHLO", "550 who are you", Misconfigured),
        ("AUTH", "535 5.7.8 wrong password", Misconfigured),
        ("AUTH", "454 4.7.0 temporary failure", LATER),
        ("MAIL", "530 5.7.0 sign in first", Misconfigured),
        ("MAIL", "553 5.7.1 not your sender", Misconfigured),
        ("MAIL", "451 4.3.0 later", LATER),
        ("RCPT", "550 5.1.1 no such user", Refused),
        ("RCPT", "554 5.7.1 Relay access denied", Misconfigured),
        ("RCPT", "450 4.2.1 greylisted", LATER),
        ("DATA", "554 5.5.1 no valid recipients", Refused),
        (".", "554 5.7.1 spam", Refused),
        (".", "552 5.3.4 too large", Refused),
        (".", "452 4.3.1 disk full", LATER),
    ] {
        let error = after(at, text).await;
        assert_eq!(error.kind, expected, "{at} {text}: {error}");
        assert!(!error.remedy.is_empty() && error.what.contains("127.0.0.1"), "{error}");
        if text.as_bytes()[0].is_ascii_digit() {
            assert!(error.what.contains(&text[..3]) && error.what.contains(&text[4..]), "{error}");
        }
    }
}

#[tokio::test]
async fn a_server_that_hangs_up_or_says_nothing_leaves_the_mail_waiting() {
    let each = ["", "EHLO", "AUTH", "MAIL", "RCPT", "DATA", "."].map(|at| async move {
        let leaves = Server::start(move |line| if is_at(line, at) { Does::HangsUp } else { friendly(line) }).await;
        let error = leaves.client().send(&mail()).await.unwrap_err();
        assert_eq!(error.kind, LATER, "{at}: {error}");
        assert!(error.what.contains("broke the connection off"), "{at}: {error}");
        let silent = Server::start(move |line| if is_at(line, at) { Does::Waits } else { friendly(line) }).await;
        let options = SmtpOptions { timeout: Duration::from_secs(1), ..silent.options() };
        let error = Smtp::new(options, Env::system()).unwrap().send(&mail()).await.unwrap_err();
        assert_eq!(error.kind, LATER, "{at}: {error}");
        assert!(error.what.contains("said nothing"), "{at}: {error}");
    });
    futures_util::future::join_all(each).await;
}

#[tokio::test]
async fn who_is_not_there_is_named() {
    let server = Server::start(friendly).await;
    let closed = SmtpOptions { port: 1, ..server.options() };
    let error = Smtp::new(closed, Env::system()).unwrap().check().await.unwrap_err();
    assert!(error.kind == LATER && error.what.contains("127.0.0.1, port 1: connection refused"), "{error}");
    let unknown = SmtpOptions { host: "nowhere.invalid".into(), security: SmtpSecurity::Tls, ..server.options() };
    let error = Smtp::new(unknown, Env::system()).unwrap().check().await.unwrap_err();
    assert!(error.kind == MailErrorKind::Misconfigured && error.what.contains("leads to no address"), "{error}");
}

#[tokio::test]
async fn an_error_never_shows_the_password() {
    let server = Server::start(|line| {
        if line.starts_with("AUTH") { says(&format!("535 no {line} open sesame\u{1b}[31m")) } else { friendly(line) }
    })
    .await;
    let error = server.client().check().await.unwrap_err();
    let told = format!("{error:?}");
    assert!(error.what.contains("535"), "{error}");
    assert!(
        !told.contains("sesame") && !told.contains("AGF2aWFyeQBvcGVuIHNlc2FtZQ") && !told.contains("u{1b}"),
        "{told}"
    );
}

#[tokio::test]
async fn a_check_signs_in_and_leaves() {
    let server = Server::start(friendly).await;
    server.client().check().await.unwrap();
    assert_eq!(server.commands(), ["EHLO", "AUTH", "QUIT"]);
    let options = SmtpOptions { user: None, password: None, ..server.options() };
    Smtp::new(options, Env::system()).unwrap().check().await.unwrap();
    assert_eq!(server.commands()[3..], ["EHLO", "QUIT"]);
}

#[tokio::test]
async fn a_server_without_a_way_to_sign_in_is_told() {
    let error = after("EHLO", "250 reef.example").await;
    assert!(error.kind == MailErrorKind::Misconfigured && error.what.contains("no way to sign in"), "{error}");
}

#[test]
fn passwords_go_to_other_machines_over_secure_connections_only() {
    let made = |host: &str, security, password: Option<&str>| {
        let options = SmtpOptions {
            host: host.into(),
            port: 25,
            security,
            user: password.map(|_| "aviary".into()),
            password: password.map(Into::into),
            timeout: Duration::from_secs(1),
            ca_file: None,
        };
        Smtp::new(options, Env::system()).map(drop)
    };
    for host in ["mail.reef.example", "10.0.0.7", "127.0.0.1.reef.example", "[fd00::1]"] {
        let error = made(host, SmtpSecurity::None, Some("p")).unwrap_err();
        assert!(error.kind == MailErrorKind::Misconfigured && error.what.contains("in the clear"), "{error}");
        assert!(made(host, SmtpSecurity::None, None).is_ok());
        assert!(
            made(host, SmtpSecurity::StartTls, Some("p")).is_ok() && made(host, SmtpSecurity::Tls, Some("p")).is_ok()
        );
    }
    for host in ["localhost", "127.0.0.1", "::1", "[::1]"] {
        assert!(made(host, SmtpSecurity::None, Some("p")).is_ok(), "{host}");
    }
    assert!(made(" ", SmtpSecurity::Tls, None).is_err());
}

#[test]
fn half_a_login_is_refused() {
    let half = SmtpOptions {
        host: "localhost".into(),
        port: 25,
        security: SmtpSecurity::Tls,
        user: Some("aviary".into()),
        password: None,
        timeout: Duration::from_secs(1),
        ca_file: None,
    };
    assert_eq!(Smtp::new(half, Env::system()).err().unwrap().kind, MailErrorKind::Misconfigured);
}
