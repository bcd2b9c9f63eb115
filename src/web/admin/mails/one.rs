//! One mail: what became of it, what it says, and what can be done.

use actix_web::web::Path;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use aviary_domain::mails::{MailLine, ShownMail, kind_of};
use aviary_kernel::base::{Error, Result};
use aviary_kernel::model::{MailState, Permission};

use super::{pill, to};
use crate::admin::ask::{Ask, Question};
use crate::admin::card::{Body, Card, Fact, fact};
use crate::admin::desk::{Act, Crumb, Desk, Head, Known, Shell};
use crate::admin::form::{Fields, Sent};
use crate::admin::nav::Spot;
use crate::admin::table::Table;
use crate::admin::value::Value;
use crate::admin::{on_record, shown, site};
use crate::allow::{Allow, perm};
use crate::page::{PageError, PageResult, framed_mail, html, see_other};

#[derive(Template)]
#[template(path = "mails/one.html")]
struct MailView {
    shell: Shell,
    head: Head,
    cards: Vec<Card>,
    says: Option<Words>,
    /// Why it is not shown what it says.
    withheld: Option<&'static str>,
    record: Option<Card>,
}

/// What it says.
struct Words {
    text: String,
    link: Option<String>,
    frame: String,
}

/// The page. That somebody saw what the mail says is put on record.
pub(in crate::admin) async fn page(
    _may: Allow<perm::MailRead>,
    desk: Desk,
    request: HttpRequest,
    number: Path<u64>,
) -> PageResult {
    let known = desk.known().await?;
    let line = desk.mails.one(&known.reader, *number).await?;
    let withheld = match () {
        () if !known.may(Permission::MailOpen) => Some("Your role does not let you see what mails say."),
        () if !line.opens => Some("It is to somebody who may do more than you, so you are not shown what it says."),
        () => None,
    };
    let says = match withheld {
        None => Some(words(desk.mails.open(&known.reader, *number, &site::site(&desk, &request).await?).await?)),
        Some(_) => None,
    };
    let record = on_record::card(&desk, &known, "mail", &number.to_string()).await?;
    let head = Head {
        title: shown::name(&line.subject),
        pills: vec![pill(line.mail.state)],
        truth: vec![Value::Text(story(&line).into())],
        acts: known.offered(acts(&line, known.now)),
    };
    let cards = vec![
        Card::new("About", "c4", Body::Facts(facts(&known, &line))),
        Card::new("Tries", "c8", tries(&known, &line)),
    ];
    let crumbs = vec![Crumb::to("Mails", "/admin/mails"), Crumb::here(format!("Mail {number}"))];
    html(&MailView { head, cards, says, withheld, record, shell: desk.shell(&known, Spot::Mails, crumbs) })
}

fn words(mail: ShownMail) -> Words {
    Words { text: shown::visible(&mail.text), link: mail.link, frame: format!("/admin/mails/{}/html", mail.number) }
}

/// What a state means.
fn story(line: &MailLine) -> &'static str {
    match line.mail.state {
        MailState::Waiting => "It leaves as soon as the mail service takes it.",
        MailState::Kept => "It is kept here until somebody sends it.",
        MailState::Sent => "The mail service took it.",
        MailState::Delivered => "The mail service says that it arrived.",
        MailState::Bounced => "It came back: the receiver's server does not take it.",
        MailState::Refused => "The mail service does not take this mail.",
        MailState::Failed => "Every try failed.",
        MailState::Dropped => "It was not sent.",
    }
}

fn acts(line: &MailLine, now: aviary_kernel::base::Timestamp) -> Vec<Act> {
    let at = format!("/admin/mails/{}", line.number);
    let state = line.mail.state;
    let is_good = line.good_until.is_none_or(|until| until > now);
    let words = if matches!(state, MailState::Kept | MailState::Dropped) { "Send" } else { "Send again" };
    let mut acts = Vec::new();
    if state != MailState::Waiting && is_good {
        acts.push(Act::post(words, "next", format!("{at}/again")));
    }
    if has_not_left(state) {
        acts.push(Act::link("Drop", "close", format!("{at}/drop")).class("quiet"));
    }
    acts
}

/// Whether it can be dropped.
fn has_not_left(state: MailState) -> bool {
    matches!(state, MailState::Waiting | MailState::Kept | MailState::Failed | MailState::Refused)
}

fn facts(known: &Known, line: &MailLine) -> Vec<Fact> {
    let mail = &line.mail;
    let mut facts = vec![
        fact("To", to(known, line)),
        fact("Kind", Value::Tag(shown::short(&kind_of(&mail.says), 60))),
        fact("Written", Value::When(known.when(mail.written_at))),
    ];
    if let Some(until) = line.good_until {
        let when = Value::When(known.when(until));
        let over = until <= known.now;
        facts
            .push(fact("Its link", Value::Many(vec![Value::Text(if over { "expired" } else { "ends" }.into()), when])));
    }
    if let Some(taken) = &mail.taken {
        facts.push(fact("Taken by", Value::Said(shown::short(&taken.service, 80))));
        facts.push(fact("Its name there", Value::code(&taken.id)));
        facts.push(fact("Taken", Value::When(known.when(taken.at))));
    }
    facts.push(fact("Number", Value::number(line.number)));
    facts
}

fn tries(known: &Known, line: &MailLine) -> Body {
    let attempts = &line.mail.attempts;
    if attempts.is_empty() {
        return Body::Hint("It was not tried yet.".into());
    }
    let rows = attempts.iter().rev().map(|attempt| {
        let said = match &attempt.error {
            Some(why) => Value::long(why, 300),
            None => Value::pill("good", "taken"),
        };
        let took = if attempt.took_ms == 0 { Value::Nothing } else { Value::Text(shown::span_ms(attempt.took_ms)) };
        vec![Value::When(known.when(attempt.at)), said, took]
    });
    Body::Table(Table::plain("Tries, newest first", &["When", "What came of it", "Took"], rows.collect()))
}

/// What it says as HTML, for a frame.
pub(in crate::admin) async fn framed(
    may: Allow<perm::MailOpen>,
    desk: Desk,
    request: HttpRequest,
    number: Path<u64>,
) -> PageResult<HttpResponse> {
    let site = site::site(&desk, &request).await?;
    Ok(framed_mail(desk.mails.open(&may.caller, *number, &site).await?.html))
}

/// Sends it, or once more.
pub(in crate::admin) async fn again(
    may: Allow<perm::MailSend>,
    desk: Desk,
    number: Path<u64>,
    sent: Sent,
) -> PageResult<HttpResponse> {
    desk.check(sent.token())?;
    done(&desk, *number, "mail-sent", desk.mails.again(&may.caller, *number).await)
}

/// Asks whether it shall be dropped.
pub(in crate::admin) async fn ask_drop(_may: Allow<perm::MailSend>, desk: Desk, number: Path<u64>) -> PageResult {
    let known = desk.known().await?;
    let here = format!("/admin/mails/{number}");
    // Who sends mails may not always look at them; then the number has to do.
    let line = match desk.mails.one(&known.reader, *number).await {
        Ok(line) => Some(line),
        Err(Error::Forbidden(_)) => None,
        Err(error) => return Err(error.into()),
    };
    let name = line.as_ref().map_or_else(|| format!("mail {number}"), |line| shown::name(&line.subject));
    let left = line.as_ref().filter(|line| !has_not_left(line.mail.state)).map(|line| story(line).to_owned());
    let again = "while its link is good; the mail page has a button for it";
    let stays = vec![
        fact("On record", Value::Text("that it was written, and that you dropped it".into())),
        fact("It can be sent later", Value::Text(again.into())),
    ];
    let ask = Ask::new(format!("{here}/drop"), format!("Drop {name}"))
        .line("It does not leave, and its receiver hears nothing of it.")
        .keep("Leave it", here.clone())
        .shut(left.is_some());
    let crumbs =
        vec![Crumb::to("Mails", "/admin/mails"), Crumb::to(format!("Mail {number}"), here), Crumb::here("Drop")];
    let goes = line.as_ref().map_or_else(Vec::new, |line| goes(&known, line));
    Question::new(format!("Drop {name}?"), goes, stays).noting("info", left).ask(ask).show(
        desk,
        &known,
        Spot::Mails,
        crumbs,
    )
}

/// What is dropped.
fn goes(known: &Known, line: &MailLine) -> Vec<Fact> {
    let subject = fact("Subject", Value::Said(shown::name(&line.subject)));
    std::iter::once(subject).chain(facts(known, line)).collect()
}

/// Drops it.
pub(in crate::admin) async fn drop_it(
    may: Allow<perm::MailSend>,
    desk: Desk,
    number: Path<u64>,
    sent: Sent,
) -> PageResult<HttpResponse> {
    desk.check(sent.token())?;
    done(&desk, *number, "mail-dropped", desk.mails.drop_one(&may.caller, *number).await)
}

fn done(desk: &Desk, number: u64, word: &str, outcome: Result<()>) -> PageResult<HttpResponse> {
    outcome.map_err(PageError::from)?;
    let may_look = desk.visitor.caller.may(Permission::MailRead);
    Ok(see_other(&if may_look { format!("/admin/mails/{number}?done={word}") } else { "/admin/me".into() }))
}
