//! One setting with what it was, undoing that, and tests of what settings lead to.

use actix_web::http::StatusCode;
use actix_web::web::Path;
use askama::Template;
use aviary_domain::settings::{Given, Key, PastChange, TestReport, Tested};
use aviary_kernel::base::{Cursor, Error};
use aviary_kernel::model::Permission;

use super::card::{Card, Fact, fact};
use super::desk::{Act, Crumb, Desk, Head, Known, Shell};
use super::form::{Fields, Sent};
use super::nav::Spot;
use super::on_record;
use super::settings::source;
use super::shown::{self, When};
use super::value::{Pill, Value};
use crate::allow::{Allow, perm};
use crate::page::{PageResult, html, see_other};

#[derive(Template)]
#[template(path = "settings/one.html")]
struct SettingPage {
    shell: Shell,
    head: Head,
    key: &'static str,
    /// Why a change was not undone.
    trouble: Option<String>,
    facts: Vec<Fact>,
    changes: Vec<ChangeRow>,
    next: Option<String>,
    on_record: Option<Card>,
}

struct ChangeRow {
    number: u64,
    who: Value,
    when: When,
    before: String,
    after: String,
    can_undo: bool,
}

/// Changes on a page.
const ROWS: usize = 25;

/// The page.
pub(super) async fn page(_may: Allow<perm::SettingsRead>, desk: Desk, key: Path<String>) -> PageResult {
    show(desk, Key::require(&key)?, None).await
}

async fn show(desk: Desk, key: Key, trouble: Option<String>) -> PageResult {
    let about = key.about();
    let known = desk.known().await?;
    let shown = desk.settings.get(key).await?;
    let after = desk.query.text("after").and_then(|text| text.parse::<Cursor>().ok());
    let page = desk.settings.history(key, after, ROWS).await?;
    let facts = vec![
        fact("Value", Value::Said(words(Some(&shown.value)))),
        fact("Source", source(&known, &shown.source)),
        fact("Without", Value::Said(words(Some(&shown.base)))),
        fact("Key", Value::Code(about.key.into())),
        fact("Name in the API", Value::Code(about.name.into())),
    ];
    let back = Act::link("All settings", "previous", format!("/admin/settings#{}", about.group.name()));
    html(&SettingPage {
        head: Head {
            title: format!("{}: {}", about.group.title(), about.label),
            truth: vec![Value::Text(about.text.into())],
            acts: vec![back],
            ..Head::default()
        },
        key: about.key,
        trouble,
        facts,
        changes: page.changes.into_iter().map(|past| row(&known, key, past)).collect(),
        next: page.next.map(|next| desk.query.link(&[("after", &next.to_string())])),
        on_record: on_record::card(&desk, &known, "setting", about.key).await?,
        shell: desk.shell(
            &known,
            Spot::Settings,
            vec![Crumb::to("Settings", "/admin/settings"), Crumb::here(about.label)],
        ),
    })
}

/// Whether the reader may change a setting; what belongs to a panel needs what changing panels needs.
pub(super) fn may_change(known: &Known, key: Key) -> bool {
    known.may(Permission::SettingsWrite) && (!key.is_of_panel() || known.may(Permission::PanelWrite))
}

fn row(known: &Known, key: Key, past: PastChange) -> ChangeRow {
    ChangeRow {
        number: past.number,
        who: on_record::who(known, &past.by),
        when: known.when(past.at),
        before: words(past.before.as_ref()),
        after: words(past.after.as_ref()),
        can_undo: past.can_undo && may_change(known, key),
    }
}

/// A value for people.
fn words(value: Option<&serde_json::Value>) -> String {
    use serde_json::Value as Json;
    match value {
        None => "as without".into(),
        Some(Json::Bool(on)) => if *on { "on" } else { "off" }.into(),
        Some(Json::String(text)) if text.is_empty() => "nothing".into(),
        Some(Json::String(text)) => shown::visible(text),
        Some(Json::Array(items)) if items.is_empty() => "nothing".into(),
        Some(Json::Array(items)) => {
            shown::visible(&items.iter().filter_map(Json::as_str).collect::<Vec<_>>().join(", "))
        }
        Some(other) => other.to_string(),
    }
}

/// Undoes a change.
pub(super) async fn undo(may: Allow<perm::SettingsWrite>, desk: Desk, key: Path<String>, sent: Sent) -> PageResult {
    desk.check(sent.token())?;
    let key = Key::require(&key)?;
    if key.is_of_panel() {
        may.caller.require(Permission::PanelWrite)?;
    }
    let number = sent.field("change");
    let number = number.parse().map_err(|_| Error::not_found("change", shown::short(number, 20)))?;
    match desk.settings.undo(&desk.visitor.who, key, number).await {
        Ok(()) => Ok(see_other(&format!("/admin/settings/{}?done=setting-undone", key.about().key))),
        Err(Error::Conflict(why)) => {
            let mut answer = show(desk, key, Some(super::sentence(&why))).await?;
            *answer.status_mut() = StatusCode::CONFLICT;
            Ok(answer)
        }
        Err(error) => Err(error.into()),
    }
}

#[derive(Template)]
#[template(path = "settings/test.html")]
struct TestPage {
    shell: Shell,
    head: Head,
    /// What went wrong, and what to do.
    failed: Option<(String, String)>,
    message: String,
    findings: Vec<String>,
    exchanges: Vec<ShownExchange>,
}

struct ShownExchange {
    asked: String,
    from: String,
    took: String,
    answered: String,
}

/// Connects, and shows what was said.
pub(super) async fn test(_may: Allow<perm::SettingsWrite>, desk: Desk, what: Path<String>, sent: Sent) -> PageResult {
    desk.check(sent.token())?;
    let what: Tested = what.parse()?;
    let given = Given { url: Some(sent.field("url").to_owned()), key: None };
    if what == Tested::Panel {
        // What a panel answers is for who looks after panels.
        desk.visitor.caller.require(Permission::PanelWrite)?;
    }
    let tested = desk.settings.test(&desk.visitor.who, what, given).await;
    let (pill, failed, report) = match tested {
        Ok(report) => judged(report),
        Err(Error::Invalid { reason, .. }) => {
            let failed = Some((super::sentence(&shown::visible(&reason)), String::new()));
            (Pill::new("warn", "not tested"), failed, None)
        }
        Err(error) => return Err(error.into()),
    };
    let known = desk.known().await?;
    let back = Act::link("Back to the settings", "previous", "/admin/settings");
    let acts = known.offered(match what {
        // The address of a webhook is not kept, so it cannot be asked again.
        Tested::Webhook => vec![back],
        _ => vec![back, Act::post("Test again", "check", format!("/admin/settings/test/{}", what.name()))],
    });
    html(&TestPage {
        head: Head { title: format!("Test of {}", what.title()), pills: vec![pill], acts, ..Head::default() },
        failed,
        message: report.as_ref().map(|report| super::sentence(&report.message)).unwrap_or_default(),
        findings: report
            .iter()
            .flat_map(|report| &report.findings)
            .map(|text| super::sentence(&shown::visible(text)))
            .collect(),
        exchanges: report.as_ref().map(exchanges).unwrap_or_default(),
        shell: desk.shell(&known, Spot::Settings, vec![Crumb::to("Settings", "/admin/settings"), Crumb::here("Test")]),
    })
}

fn judged(report: TestReport) -> (Pill, Option<(String, String)>, Option<TestReport>) {
    let pill = if report.connected { Pill::new("good", "answers") } else { Pill::new("bad", "does not answer") };
    let said = |text: &Option<String>| super::sentence(&shown::visible(text.as_deref().unwrap_or_default()));
    let failed = report.error.is_some().then(|| (said(&report.error), said(&report.remedy)));
    (pill, failed, Some(report))
}

fn exchanges(report: &TestReport) -> Vec<ShownExchange> {
    let lines = |pairs: &[(String, String)]| {
        pairs.iter().map(|(name, value)| format!("{name}: {}\n", shown::visible(value))).collect::<String>()
    };
    let shown = report.exchanges.iter().map(|exchange| {
        let rest = if exchange.is_cut { "\n… (there was more)" } else { "" };
        let answered = match exchange.status {
            None => "Nothing.".to_owned(),
            Some(status) => {
                let body: Vec<_> = exchange.body.lines().map(shown::visible).collect();
                format!("{status}\n{}\n{}{rest}", lines(&exchange.headers), body.join("\n"))
            }
        };
        ShownExchange {
            asked: format!("{}\n{}", shown::visible(&exchange.request), lines(&exchange.request_headers)),
            from: exchange.address.clone().unwrap_or_default(),
            took: shown::span_ms(exchange.took_ms),
            answered,
        }
    });
    shown.collect()
}
