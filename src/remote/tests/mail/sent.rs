//! What arrives at a mail server.

use std::time::Duration;

use aviary_kernel::base::{Env, Timestamp};
use aviary_remote::mail::{MailErrorKind, Outgoing, Smtp, SmtpOptions};

use crate::mail;
use crate::server::{Server, friendly, says};

#[tokio::test]
async fn a_mail_arrives_whole() {
    let server = Server::start(friendly).await;
    let env = Env::manual(Timestamp::from_seconds(1_700_000_000)).0;
    let client = Smtp::new(server.options(), env).unwrap();
    let outgoing = Outgoing { reply_to: Some("help@reef.example".into()), subject: "Grüße".into(), ..mail() };
    assert_eq!(client.send(&outgoing).await.unwrap().id, "2.0.0 Ok: queued as 4XYZ");
    let told = server.told();
    assert_eq!(told[1], "AUTH PLAIN AGF2aWFyeQBvcGVuIHNlc2FtZQ==");
    assert!(told.contains(&"MAIL FROM:<aviary@reef.example>".to_owned()), "{told:?}");
    assert!(told.contains(&"RCPT TO:<diver@reef.example>".to_owned()), "{told:?}");
    for line in [
        "From: Aviary <aviary@reef.example>",
        "To: diver@reef.example",
        "Reply-To: help@reef.example",
        "Subject: =?utf-8?b?R3LDvMOfZQ==?=",
        "Message-ID: <0190.1@reef.example>",
        "Date: Tue, 14 Nov 2023 22:13:20 +0000",
        "<p>It is.</p>",
        // The lone full stop, doubled on the way.
        "..",
        "Really.",
    ] {
        assert!(told.iter().any(|told| told == line), "{line} in {told:#?}");
    }
    assert!(told.iter().any(|line| line.starts_with("Content-Type: multipart/alternative")));
}

#[tokio::test]
async fn nothing_in_a_mail_adds_a_header_or_a_recipient() {
    let server = Server::start(friendly).await;
    let client = server.client();
    for part in ["\r\nBcc: x@evil.example", "\nBcc: x@evil.example\n\nhello", "\r\n.\r\nMAIL FROM:<x@evil.example>\r\n"]
    {
        client.send(&Outgoing { subject: format!("Hi{part}"), ..mail() }).await.unwrap();
        client.send(&Outgoing { text: format!("Hi{part}"), html: None, ..mail() }).await.unwrap();
        for (bad, kind) in [
            (Outgoing { from: format!("a@reef.example{part}"), ..mail() }, MailErrorKind::Misconfigured),
            (Outgoing { from: format!("A{part} <a@reef.example>"), ..mail() }, MailErrorKind::Misconfigured),
            (Outgoing { to: format!("b@reef.example{part}"), ..mail() }, MailErrorKind::Refused),
            (Outgoing { to: format!("B{part} <b@reef.example>"), ..mail() }, MailErrorKind::Refused),
            (Outgoing { to: "a@reef.example, b@evil.example".into(), ..mail() }, MailErrorKind::Refused),
            (Outgoing { reply_to: Some(format!("c@reef.example{part}")), ..mail() }, MailErrorKind::Misconfigured),
            (Outgoing { message_id: format!("<1@reef.example>{part}"), ..mail() }, MailErrorKind::Refused),
            (Outgoing { message_id: "<>".into(), ..mail() }, MailErrorKind::Refused),
        ] {
            assert_eq!(client.send(&bad).await.unwrap_err().kind, kind, "{bad:?}");
        }
    }
    let commands = server.commands();
    assert_eq!(commands.iter().filter(|word| *word == "MAIL").count(), 6, "{commands:?}");
    assert_eq!(commands.iter().filter(|word| *word == "RCPT").count(), 6, "{commands:?}");
    let told = server.told();
    let mails = told.split(|line| line == "DATA").skip(1);
    for lines in mails {
        let headers: Vec<_> = lines.iter().take_while(|line| !line.is_empty()).collect();
        assert!(!headers.iter().any(|line| line.starts_with("Bcc")), "{headers:#?}");
    }
}

#[tokio::test]
async fn a_connection_is_used_again_unless_something_went_wrong_on_it() {
    let server = Server::start(|line| match line {
        "RCPT TO:<nobody@reef.example>" => says("550 5.1.1 no such user"),
        other => friendly(other),
    })
    .await;
    let client = server.client();
    client.send(&mail()).await.unwrap();
    client.clone().send(&mail()).await.unwrap();
    client.send(&Outgoing { to: "nobody@reef.example".into(), ..mail() }).await.unwrap_err();
    client.send(&mail()).await.unwrap();
    let told = server.commands().join(" ");
    assert_eq!(
        told, "EHLO AUTH MAIL RCPT DATA NOOP MAIL RCPT DATA NOOP MAIL RCPT QUIT EHLO AUTH MAIL RCPT DATA",
        "the refusal ended the first connection"
    );
}

#[tokio::test]
async fn a_connection_that_the_server_closed_meanwhile_is_made_anew() {
    let server = Server::start(|line| if line == "NOOP" { crate::server::Does::HangsUp } else { friendly(line) }).await;
    let client = server.client();
    for _ in 0..3 {
        client.send(&mail()).await.unwrap();
    }
    assert_eq!(server.commands().iter().filter(|word| *word == "AUTH").count(), 3);
}

#[tokio::test]
async fn addresses_beyond_ascii_need_a_server_that_takes_them() {
    let outgoing = Outgoing { to: "grüße@reef.example".into(), ..mail() };
    let server = Server::start(friendly).await;
    assert_eq!(server.client().send(&outgoing).await.unwrap_err().kind, MailErrorKind::Refused);
    let modern = Server::start(|line| match line.starts_with("EHLO") {
        true => says("250-reef.example\r\n250-8BITMIME\r\n250 SMTPUTF8"),
        false => friendly(line),
    })
    .await;
    let options = SmtpOptions { user: None, password: None, timeout: Duration::from_secs(20), ..modern.options() };
    Smtp::new(options, Env::system()).unwrap().send(&outgoing).await.unwrap();
    assert!(modern.told().iter().any(|line| line.starts_with("MAIL FROM") && line.contains("SMTPUTF8")));
}
