//! Everything that a mail server can do wrong.

use std::time::Duration;

use aviary_sim::{Match, Smtp, SmtpSpec, SmtpTrouble};
use serde_json::json;

use crate::ask::{delete, post, soon};
use crate::talk::Talk;

const PLAIN: &str = "Subject: Hello\r\n\r\nHi";

async fn smtp() -> Smtp {
    Smtp::start(SmtpSpec::default()).await.expect("free ports")
}

#[tokio::test]
async fn one_recipient_is_refused_and_the_others_are_not() {
    let smtp = smtp().await;
    smtp.faults().add(Match::containing("gone@").method("RCPT"), SmtpTrouble::reply(550, "5.1.1 No such user"));
    let mut talk = Talk::ready(&smtp).await;
    assert_eq!(talk.code("MAIL FROM:<a@b.example>").await, 250);
    assert_eq!(talk.say("RCPT TO:<gone@harbour.example>").await, "550 5.1.1 No such user");
    assert_eq!(talk.code("RCPT TO:<here@harbour.example>").await, 250);
    assert_eq!(talk.code("DATA").await, 354);
    assert_eq!(talk.code("x\r\n.").await, 250);
    assert_eq!(smtp.mails().last().expect("a mail").to, ["here@harbour.example"]);
    let refused = smtp.commands().find(|command| command.code == 550).expect("it was noted");
    assert_eq!((refused.verb.as_str(), refused.about.as_str()), ("RCPT", "gone@harbour.example"));
}

#[tokio::test]
async fn a_busy_server_says_so_and_421_ends_the_connection() {
    let smtp = smtp().await;
    smtp.faults().add(Match::any().method("MAIL").once(), SmtpTrouble::reply(451, "4.3.0 Try again later"));
    smtp.faults().add(Match::any().method("MESSAGE").once(), SmtpTrouble::reply(452, "4.3.1 Full"));
    let mut talk = Talk::ready(&smtp).await;
    assert_eq!(talk.mail("a@b.example", PLAIN).await, 451);
    assert_eq!(talk.mail("a@b.example", PLAIN).await, 452);
    talk.code("RSET").await;
    assert_eq!(talk.mail("a@b.example", PLAIN).await, 250);
    smtp.faults().add(Match::any().method("CONNECT"), SmtpTrouble::reply(421, "4.7.0 Too many connections"));
    let mut talk = Talk::silent(&smtp).await;
    assert_eq!((talk.answer().await.as_str(), talk.answer().await.as_str()), ("421 4.7.0 Too many connections", ""));
    assert_eq!(smtp.mails().total(), 1);
}

#[tokio::test]
async fn connections_break_before_during_and_after_the_mail() {
    let smtp = smtp().await;
    for (verb, trouble, taken) in [
        ("CONNECT", SmtpTrouble::Drop, 0),
        ("MAIL", SmtpTrouble::Drop, 0),
        ("DATA", SmtpTrouble::DropMidway, 0),
        ("MESSAGE", SmtpTrouble::Drop, 0),
        ("MESSAGE", SmtpTrouble::DoneThenDrop, 1),
    ] {
        smtp.faults().add(Match::any().method(verb).once(), trouble.clone());
        let mut talk = Talk::silent(&smtp).await;
        let lines = ["EHLO test", "MAIL FROM:<a@b.example>", "RCPT TO:<c@d.example>", "DATA", "x\r\n."];
        let mut lines = lines.into_iter();
        let ended = loop {
            match talk.try_answer().await {
                Ok(answer) if answer.is_empty() => break true,
                Err(_) => break true,
                Ok(_) => {}
            }
            let Some(line) = lines.next() else { break false };
            talk.send(&format!("{line}\r\n")).await;
        };
        assert!(ended, "{verb} {trouble:?}");
        assert_eq!(smtp.mails().total(), taken, "{verb} {trouble:?}");
    }
}

#[tokio::test]
async fn an_answer_may_be_garbage_late_or_never_come() {
    let smtp = smtp().await;
    smtp.faults().add(Match::any().method("EHLO").once(), SmtpTrouble::Garbage);
    let mut talk = Talk::greeted(&smtp).await;
    talk.send("EHLO test\r\n").await;
    assert!(talk.try_answer().await.is_err(), "it is not even UTF-8");
    smtp.faults().add(Match::any().method("EHLO").once(), SmtpTrouble::Delay(Duration::from_millis(1)));
    Talk::ready(&smtp).await;
    smtp.faults().add(Match::any().method("EHLO").once(), SmtpTrouble::Hang);
    smtp.forget();
    let mut talk = Talk::greeted(&smtp).await;
    let waiting = tokio::spawn(async move { talk.say("EHLO test").await });
    let commands = soon(smtp.commands().at_least(2)).await;
    assert!(commands[1].code == 0 && !waiting.is_finished());
    waiting.abort();
    assert!(smtp.max_connections() >= 1);
}

#[tokio::test]
async fn troubles_are_switched_by_hand_and_the_server_goes_down() {
    let smtp = smtp().await;
    let trouble = json!({ "do": "reply/550 5.7.1 Not you", "method": "rcpt", "path_contains": "@b.example" });
    assert_eq!(post(smtp.window(), "/_sim/faults", &trouble).await.status, 200);
    let mut talk = Talk::ready(&smtp).await;
    talk.code("MAIL FROM:<a@b.example>").await;
    assert_eq!(talk.say("RCPT TO:<c@b.example>").await, "550 5.7.1 Not you");
    assert_eq!(delete(smtp.window(), "/_sim/faults").await.status, 204);
    assert_eq!(talk.code("RCPT TO:<c@b.example>").await, 250);
    let answer = post(smtp.window(), "/_sim/faults", &json!({ "do": "fly" })).await;
    assert!(answer.status == 400 && answer.text().contains("drop-midway"));
    smtp.go_down().await;
    let error = tokio::net::TcpStream::connect(smtp.address()).await.expect_err("nobody is there");
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionRefused);
    smtp.come_back().await.expect("the port is still free");
    assert_eq!(Talk::ready(&smtp).await.mail("a@b.example", PLAIN).await, 250);
}
