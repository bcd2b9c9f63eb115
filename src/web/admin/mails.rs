//! The mails that wait to leave.

use std::collections::BTreeMap;

use actix_web::HttpRequest;
use actix_web::web::Path;
use askama::Template;
use aviary_domain::accounts::{MailLine, account_of};
use aviary_kernel::base::{Error, Result};
use aviary_kernel::model::{AccountId, Grants};

use super::card::{Fact, fact};
use super::desk::{Crumb, Desk, Head, Known, Shell};
use super::nav::Spot;
use super::table::{Empty, ListView, Pager, Table};
use super::value::Value;
use super::{shown, site};
use crate::allow::{Allow, perm};
use crate::page::{PageResult, html};

const ROWS: usize = 50;

/// The list.
pub(super) async fn list(_may: Allow<perm::MailOpen>, mut desk: Desk) -> PageResult {
    let known = desk.known().await?;
    let before = desk.query.parse("older", "the list begins with the newest");
    let page = desk.accounts.mails(&known.reader, before, ROWS).await?;
    let open = open_to(&desk, &known, &page.rows).await?;
    let query = &desk.query;
    let rows: Vec<_> = page.rows.iter().map(|line| row(&known, line, &open)).collect();
    let said = format!("{} shown, newest first", shown::counted(rows.len() as u64, "mail", "mails"));
    let next = page.next.map(|number| query.link(&[("older", &number.to_string())]));
    let newest = before.map(|_| query.bare());
    let view = ListView {
        head: Head {
            title: "Mails".into(),
            truth: vec![Value::Text("kept here until a mail provider is set up".into())],
            ..Head::default()
        },
        filters: None,
        empty: rows.is_empty().then(|| Empty {
            icon: "mail",
            title: "No mail waits".into(),
            text: "When somebody registers or asks for a link, the mail for them is kept here until a mail provider is set up."
                .into(),
            acts: Vec::new(),
        }),
        table: Table::plain("Mails, newest first", &["Subject", "To", "Written"], rows),
        pager: Pager { back: "Newest", on: "Older", ..Pager::new(said, newest, next) },
        shell: desk.shell(&known, Spot::Mails, vec![Crumb::here("Mails")]),
    };
    html(&view)
}

/// Whose mails the reader may open: nobody sees a link into the account of somebody who may more than they do.
async fn open_to(desk: &Desk, known: &Known, rows: &[MailLine]) -> Result<BTreeMap<AccountId, bool>> {
    let roles = desk.access.roles().await?;
    let mut open = BTreeMap::new();
    for id in rows.iter().filter_map(|line| account_of(&line.mail)) {
        if open.contains_key(&id) {
            continue;
        }
        let held = match desk.accounts.require(id).await {
            Ok(account) => account.roles,
            Err(Error::NotFound { .. }) => Vec::new(),
            Err(error) => return Err(error),
        };
        let of = roles.iter().filter(|info| held.contains(&info.role.name));
        let grants = Grants(of.flat_map(|info| info.role.grants.0.clone()).collect());
        open.insert(id, known.reader.grants.first_beyond(&grants).is_none());
    }
    Ok(open)
}

fn row(known: &Known, line: &MailLine, open: &BTreeMap<AccountId, bool>) -> Vec<Value> {
    let href = format!("/admin/mails/{}", line.number);
    let is_open = account_of(&line.mail).is_none_or(|id| open.get(&id).copied().unwrap_or(false));
    let subject = if is_open {
        known.name(line.subject, href)
    } else {
        Value::Many(vec![Value::Text(line.subject.into()), Value::Muted("to somebody who may do more than you".into())])
    };
    vec![subject, to(known, line), Value::When(known.when(line.mail.written_at))]
}

fn to(known: &Known, line: &MailLine) -> Value {
    let shown = shown::short(line.mail.to.as_str(), 60);
    match account_of(&line.mail) {
        Some(id) => known.link(shown, format!("/admin/people/{id}")),
        None => Value::Text(shown),
    }
}

#[derive(Template)]
#[template(path = "mails/one.html")]
struct MailView {
    shell: Shell,
    head: Head,
    facts: Vec<Fact>,
    text: String,
    link: Option<String>,
}

/// One mail with what it says. That somebody looked is put on record.
pub(super) async fn one(may: Allow<perm::MailOpen>, desk: Desk, request: HttpRequest, number: Path<u64>) -> PageResult {
    let site = site::site(&desk, &request).await?;
    let mail = desk.accounts.mail(&may.caller, *number, &site).await?;
    let known = desk.known().await?;
    let address = mail.mail.to.as_str();
    let to = match account_of(&mail.mail) {
        Some(id) => known.link(address, format!("/admin/people/{id}")),
        None => Value::Text(address.into()),
    };
    html(&MailView {
        head: Head {
            title: mail.subject.into(),
            truth: vec![Value::Text("kept here until a mail provider is set up".into())],
            ..Head::default()
        },
        facts: vec![
            fact("To", to),
            fact("Written", Value::When(known.when(mail.mail.written_at))),
            fact("Number", Value::number(mail.number)),
        ],
        text: shown::visible(&mail.text),
        link: mail.link.clone(),
        shell: desk.shell(
            &known,
            Spot::Mails,
            vec![Crumb::to("Mails", "/admin/mails"), Crumb::here(format!("Mail {}", mail.number))],
        ),
    })
}
