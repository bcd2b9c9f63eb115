//! Kept mails are sent together, after a look at how many there are.

use actix_web::HttpResponse;
use askama::Template;
use aviary_kernel::base::{Error, Timestamp};
use aviary_kernel::model::Permission;

use crate::admin::ask::Ask;
use crate::admin::desk::{Crumb, Desk, Shell};
use crate::admin::form::{self, Fields, Sent};
use crate::admin::nav::Spot;
use crate::admin::shown;
use crate::allow::{Allow, perm};
use crate::page::{PageError, PageResult, html, see_other};

#[derive(Template)]
#[template(path = "mails/kept.html")]
struct KeptView {
    shell: Shell,
    /// The day to begin with, as it was typed.
    since: String,
    /// Why they would stay.
    obstacle: Option<String>,
    ask: Option<Ask>,
}

/// How many there are, and whether they are to be sent.
pub(in crate::admin) async fn ask(_may: Allow<perm::MailRead>, mut desk: Desk) -> PageResult {
    let since = desk.query.pick("since", "all kept mails are counted", day);
    let typed = since.and_then(|_| desk.query.text("since")).unwrap_or_default().to_owned();
    show(desk, since, typed, None).await
}

async fn show(desk: Desk, since: Option<Timestamp>, typed: String, error: Option<String>) -> PageResult {
    let known = desk.known().await?;
    let count = desk.mails.count_kept(since).await?;
    let obstacle = desk.mails.standing().await?.service.err().map(|why| shown::sentence(&why));
    let crumbs = vec![Crumb::to("Mails", "/admin/mails"), Crumb::here("Send kept mails")];
    let mails = shown::counted(count, "mail", "mails");
    let ask = Ask::new("/admin/mails/kept", format!("Send {mails}"))
        .class("main")
        .line(match count {
            0 => "There is nothing to send.".into(),
            1 => "1 mail leaves, to whom it was written to.".into(),
            _ => format!("{mails} leave, to the people they were written to. That cannot be taken back."),
        })
        .with("since", typed.clone())
        .counting(count)
        .mistyped(error)
        .busy("Sending…")
        .keep("Keep them", "/admin/mails")
        .shut(count == 0)
        .seen_by(&desk, &known);
    let ask = known.takes("/admin/mails/kept").then_some(ask);
    html(&KeptView { since: typed, obstacle, ask, shell: desk.shell(&known, Spot::Mails, crumbs) })
}

fn day(text: &str) -> Option<Timestamp> {
    Timestamp::parse(&format!("{text}T00:00:00Z"))
}

/// Sends them.
pub(in crate::admin) async fn send(may: Allow<perm::MailSend>, desk: Desk, sent: Sent) -> PageResult<HttpResponse> {
    desk.check(sent.token())?;
    let bad = || Error::invalid("since", "is no day; write it as 2026-03-14");
    let since = Some(sent.field("since").trim()).filter(|text| !text.is_empty());
    let since = since.map(|text| day(text).ok_or_else(bad)).transpose()?;
    let expected = form::counted(&sent)?;
    if let Some(why) = form::mistyped(&sent, expected) {
        return show(desk, since, sent.field("since").trim().to_owned(), Some(why)).await;
    }
    desk.mails.send_kept(&may.caller, since, expected).await.map_err(PageError::from)?;
    let may_look = may.caller.may(Permission::MailRead);
    Ok(see_other(if may_look { "/admin/mails?done=mails-sent" } else { "/admin/me" }))
}
