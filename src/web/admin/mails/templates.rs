//! How mails look, with invented values, and a mail that tries whether mail works.

use actix_web::HttpResponse;
use actix_web::web::Path;
use askama::Template;
use aviary_domain::mails::{Preview, TestMail};
use aviary_kernel::base::Error;
use aviary_kernel::model::Permission;

use super::truth;
use crate::admin::desk::{Crumb, Desk, Head, Shell};
use crate::admin::field::{Errors, Field};
use crate::admin::form::{Fields, Sent};
use crate::admin::nav::Spot;
use crate::admin::shown;
use crate::admin::table::Table;
use crate::admin::value::Value;
use crate::allow::{Allow, perm};
use crate::page::{PageResult, framed_mail, html, see_other};

#[derive(Template)]
#[template(path = "mails/templates.html")]
struct TemplatesView {
    shell: Shell,
    head: Head,
    table: Table,
    /// Where the test goes, for who may send one.
    form: Option<Field>,
    /// What is wrong with the test as a whole.
    error: Option<String>,
}

/// Every template, and the test.
pub(in crate::admin) async fn page(_may: Allow<perm::MailRead>, desk: Desk) -> PageResult {
    show(desk, None, &Errors::default()).await
}

async fn show(desk: Desk, sent: Option<&Sent>, errors: &Errors) -> PageResult {
    let known = desk.known().await?;
    let standing = desk.mails.standing().await?;
    let row = |preview: Preview| {
        let href = format!("/admin/mails/templates/{}", preview.name);
        vec![known.name(preview.name, href), Value::Text(preview.mail.subject), Value::Text(preview.when.into())]
    };
    let rows = desk.mails.previews().await?.into_iter().map(row).collect();
    let field = Field::email().called("To").fills("email");
    let field = match sent {
        Some(sent) => field.typed(sent),
        None => field.value(own_address(&desk)),
    };
    html(&TemplatesView {
        head: Head { title: "Templates and test".into(), truth: truth(&known, &standing), ..Head::default() },
        table: Table::plain("Templates", &["Template", "Subject", "When it is sent"], rows),
        form: known.takes("/admin/mails/test").then(|| field.checked(errors)),
        error: errors.whole().map(str::to_owned),
        shell: desk.shell(
            &known,
            Spot::Mails,
            vec![Crumb::to("Mails", "/admin/mails"), Crumb::here("Templates and test")],
        ),
    })
}

/// The address of whoever is signed in.
fn own_address(desk: &Desk) -> String {
    let name = &desk.visitor.who.name;
    if desk.visitor.who.account().is_some() && name.contains('@') { name.clone() } else { String::new() }
}

/// Sends the test.
pub(in crate::admin) async fn test(may: Allow<perm::MailSend>, desk: Desk, sent: Sent) -> PageResult<HttpResponse> {
    desk.check(sent.token())?;
    let mut errors = Errors::default();
    match desk.mails.test(&may.caller, sent.field("email")).await {
        Ok(TestMail::Queued(queued)) => {
            let seen = may.caller.may(Permission::MailRead);
            let to = if seen { format!("/admin/mails/{}?done=mail-sent", queued.number) } else { "/admin/me".into() };
            return Ok(see_other(&to));
        }
        Ok(TestMail::TooOften { retry_after_s }) => {
            let wait = shown::span_s(retry_after_s);
            errors.put("email", format!("too many tests were sent in a short time: wait {wait}"));
        }
        Err(Error::Invalid { reason, .. }) => errors.put("email", reason),
        Err(other) => return Err(other.into()),
    }
    show(desk, Some(&sent), &errors).await
}

#[derive(Template)]
#[template(path = "mails/template.html")]
struct TemplateView {
    shell: Shell,
    head: Head,
    text: String,
    frame: String,
}

/// One template, as text and as HTML.
pub(in crate::admin) async fn one(_may: Allow<perm::MailRead>, desk: Desk, template: Path<String>) -> PageResult {
    let known = desk.known().await?;
    let preview = desk.mails.preview(&template).await?;
    html(&TemplateView {
        head: Head {
            title: preview.mail.subject,
            truth: vec![Value::Text("with invented values".into()), Value::Text(preview.when.into())],
            ..Head::default()
        },
        text: shown::visible(&preview.mail.text),
        frame: format!("/admin/mails/templates/{}/html", preview.name),
        shell: desk.shell(
            &known,
            Spot::Mails,
            vec![
                Crumb::to("Mails", "/admin/mails"),
                Crumb::to("Templates and test", "/admin/mails/templates"),
                Crumb::here(preview.name),
            ],
        ),
    })
}

/// One template as HTML, for a frame.
pub(in crate::admin) async fn framed(
    _may: Allow<perm::MailRead>,
    desk: Desk,
    template: Path<String>,
) -> PageResult<HttpResponse> {
    Ok(framed_mail(desk.mails.preview(&template).await?.mail.html))
}
