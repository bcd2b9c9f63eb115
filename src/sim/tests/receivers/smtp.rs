//! The mail server.

use aviary_sim::{Pem, Smtp, SmtpSpec, SmtpTls};
use serde_json::json;

use crate::ask::{get, held, soon};
use crate::talk::Talk;

const PLAIN: &str = "Subject: Hello\r\n\r\nHi";

async fn smtp(spec: SmtpSpec) -> Smtp {
    Smtp::start(SmtpSpec { clock: held(), ..spec }).await.expect("free ports")
}

fn users() -> Vec<(String, String)> {
    vec![("watch".to_owned(), "secret".to_owned())]
}

#[tokio::test]
async fn a_mail_is_taken_and_read() {
    let smtp = smtp(SmtpSpec::default()).await;
    let mut talk = Talk::greeted(&smtp).await;
    let hello = talk.say("EHLO test").await;
    for line in ["250-mail.reef.example", "250-PIPELINING", "250-SIZE 10485760", "250 8BITMIME"] {
        assert!(hello.contains(line), "{hello}");
    }
    assert!(!hello.contains("AUTH") && !hello.contains("STARTTLS"));
    let content = "From: =?utf-8?Q?V=C3=B6gel?= <watch@reef.example>\r\nTo: a@harbour.example\r\nSubject: Hello\r\nMIME-Version: 1.0\r\n\
        Content-Type: multipart/alternative; boundary=\"b\"\r\n\r\n--b\r\nContent-Type: text/plain; charset=utf-8\r\n\
        Content-Transfer-Encoding: quoted-printable\r\n\r\nGr=C3=BC=C3=9Fe\r\n..and a dot\r\n--b\r\nContent-Type: text/html; charset=utf-8\r\n\
        Content-Transfer-Encoding: base64\r\n\r\nPHA+SGk8L3A+\r\n--b--";
    assert_eq!(talk.mail("a@harbour.example", content).await, 250);
    assert_eq!(talk.code("QUIT").await, 221);
    assert_eq!(talk.answer().await, "", "and it is over");

    let mail = soon(smtp.mails().at_least(1)).await.remove(0);
    assert_eq!((mail.from.as_str(), mail.to.as_slice()), ("watch@reef.example", &["a@harbour.example".to_owned()][..]));
    assert_eq!((mail.subject(), mail.header("from")), ("Hello", Some("Vögel <watch@reef.example>")));
    assert_eq!((mail.text(), mail.html()), (Some("Grüße\r\n.and a dot"), Some("<p>Hi</p>")));
    assert!(!mail.encrypted && mail.user.is_none());
    let shown = get(smtp.window(), "/").await.json();
    assert_eq!((&shown["total"], &shown["mails"][0]["html"]), (&json!(1), &json!("<p>Hi</p>")));
}

#[tokio::test]
async fn commands_come_in_their_order() {
    let smtp = smtp(SmtpSpec { max_size: 1000, ..SmtpSpec::default() }).await;
    let mut talk = Talk::greeted(&smtp).await;
    let long = format!("NOOP {}", "x".repeat(5000));
    for (line, code) in [
        ("MAIL FROM:<a@b.example>", 503),
        ("EHLO", 501),
        ("HELO test", 250),
        ("RCPT TO:<a@b.example>", 503),
        ("DATA", 503),
        ("MAIL a@b.example", 501),
        ("MAIL FROM:<nobody>", 501),
        ("MAIL FROM:<a@b.example> SIZE=1001", 552),
        ("MAIL FROM:<a@b.example> FLY=1", 555),
        ("mail from:<a@b.example> SIZE=1000 BODY=8BITMIME", 250),
        ("MAIL FROM:<a@b.example>", 503),
        ("DATA", 554),
        ("RCPT TO:<>", 501),
        ("RSET", 250),
        ("RCPT TO:<a@b.example>", 503),
        ("NOOP", 250),
        ("VRFY a", 252),
        ("STARTTLS", 500),
        ("AUTH PLAIN", 502),
        ("FLY", 500),
        (&long, 500),
        ("MAIL FROM:<>", 250),
    ] {
        assert_eq!(talk.code(line).await, code, "{line}");
    }
    talk.code("RSET").await;
    assert_eq!(talk.mail("a@b.example", &"x".repeat(2000)).await, 552);
    assert_eq!(talk.mail("a@b.example", PLAIN).await, 250, "the next one is taken");
    assert_eq!(smtp.mails().total(), 1);
}

#[tokio::test]
async fn commands_may_be_sent_ahead() {
    let smtp = smtp(SmtpSpec::default()).await;
    let mut talk = Talk::ready(&smtp).await;
    talk.send("MAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\nRCPT TO:<e@f.example>\r\nDATA\r\n").await;
    let mut codes = Vec::new();
    for _ in 0..4 {
        codes.push(talk.answer().await[..3].to_owned());
    }
    assert_eq!(codes, ["250", "250", "250", "354"]);
    // Neither a lone dot between bare line feeds nor a line longer than a read ends a mail.
    let long = "y".repeat(200_000);
    assert_eq!(talk.code(&format!("a\n.\nb\r\n{long}\r\n.")).await, 250);
    let mail = smtp.mails().last().expect("a mail");
    assert_eq!((mail.to.len(), mail.raw.len()), (2, "a\n.\nb\r\n".len() + long.len() + 2));
}

#[tokio::test]
async fn who_has_to_sign_in_is_let_in_with_the_right_password_only() {
    let smtp = smtp(SmtpSpec { users: users(), ..SmtpSpec::default() }).await;
    let mut talk = Talk::greeted(&smtp).await;
    assert!(talk.say("EHLO test").await.contains("250-AUTH PLAIN LOGIN"));
    assert_eq!(talk.code("MAIL FROM:<a@b.example>").await, 530);
    assert_eq!(talk.code("AUTH FLY").await, 504);
    assert_eq!(talk.code("AUTH PLAIN !").await, 501);
    assert_eq!(talk.code("AUTH PLAIN AHdhdGNoAHdyb25n").await, 535);
    assert_eq!(talk.code("AUTH PLAIN AHdhdGNoAHNlY3JldA==").await, 235);
    assert_eq!(talk.code("AUTH PLAIN AHdhdGNoAHNlY3JldA==").await, 503);
    assert_eq!(talk.mail("a@b.example", PLAIN).await, 250);
    let mut talk = Talk::ready(&smtp).await;
    assert_eq!(talk.say("AUTH LOGIN").await, "334 VXNlcm5hbWU6");
    assert_eq!(talk.say("d2F0Y2g=").await, "334 UGFzc3dvcmQ6");
    assert_eq!(talk.code("c2VjcmV0").await, 235);
    assert_eq!(talk.mail("a@b.example", PLAIN).await, 250);
    let users: Vec<_> = smtp.mails().all().into_iter().map(|mail| mail.user).collect();
    assert_eq!(users, [Some("watch".to_owned()), Some("watch".to_owned())]);
    assert!(smtp.commands().all().iter().all(|command| !command.about.contains("AHdh")), "passwords are not kept");
}

#[tokio::test]
async fn connections_are_encrypted_from_the_start_or_on_the_way() {
    let pem = Pem::localhost();
    let implicit = smtp(SmtpSpec { tls: SmtpTls::Implicit(pem.clone()), ..SmtpSpec::default() }).await;
    let mut talk = Talk::silent(&implicit).await.encrypt(&pem).await.expect("trusted");
    assert!(talk.answer().await.starts_with("220 "));
    talk.say("EHLO test").await;
    assert_eq!(talk.mail("a@b.example", PLAIN).await, 250);
    assert!(implicit.mails().last().expect("a mail").encrypted);

    let starting = smtp(SmtpSpec { tls: SmtpTls::StartTls(pem.clone()), users: users(), ..SmtpSpec::default() }).await;
    let mut talk = Talk::greeted(&starting).await;
    let hello = talk.say("EHLO test").await;
    assert!(hello.contains("STARTTLS") && !hello.contains("AUTH"), "{hello}");
    assert_eq!(talk.code("AUTH PLAIN AHdhdGNoAHNlY3JldA==").await, 530);
    assert_eq!(talk.code("STARTTLS").await, 220);
    let mut talk = talk.encrypt(&pem).await.expect("trusted");
    assert_eq!(talk.code("MAIL FROM:<a@b.example>").await, 503, "what was said before does not count");
    let hello = talk.say("EHLO test").await;
    assert!(!hello.contains("STARTTLS") && hello.contains("AUTH"), "{hello}");
    assert_eq!(talk.code("AUTH PLAIN AHdhdGNoAHNlY3JldA==").await, 235);
    assert_eq!(talk.mail("a@b.example", PLAIN).await, 250);
    let nonsense = SmtpTls::Implicit(Pem { key: "none".to_owned(), ..pem });
    assert!(Smtp::start(SmtpSpec { tls: nonsense, ..SmtpSpec::default() }).await.is_err());
}
