//! Kept mails are sent together, after a look at how many there are.

use actix_web::HttpResponse;
use askama::Template;
use aviary_kernel::base::{Error, Timestamp};
use aviary_kernel::model::Permission;

use crate::admin::desk::{Crumb, Desk, Shell};
use crate::admin::form::{Fields, Sent};
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
    count: u64,
    /// Why they would stay.
    obstacle: Option<String>,
    may_send: bool,
}

/// How many there are, and whether they are to be sent.
pub(in crate::admin) async fn ask(_may: Allow<perm::MailRead>, mut desk: Desk) -> PageResult {
    let known = desk.known().await?;
    let since = desk.query.pick("since", "all kept mails are counted", day);
    let count = desk.mails.count_kept(since).await?;
    let obstacle = desk.mails.standing().await?.service.err().map(|why| shown::sentence(&why));
    let since = since.and_then(|_| desk.query.text("since")).unwrap_or_default().to_owned();
    let crumbs = vec![Crumb::to("Mails", "/admin/mails"), Crumb::here("Send kept mails")];
    let may_send = known.takes("/admin/mails/kept");
    html(&KeptView { since, count, obstacle, may_send, shell: desk.shell(&known, Spot::Mails, crumbs) })
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
    let expected = sent.field("count").trim().parse().map_err(|_| Error::invalid("count", "is no number"))?;
    desk.mails.send_kept(&may.caller, since, expected).await.map_err(PageError::from)?;
    let may_look = may.caller.may(Permission::MailRead);
    Ok(see_other(if may_look { "/admin/mails?done=mails-sent" } else { "/admin/me" }))
}
