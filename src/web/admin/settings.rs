//! The settings: what they are, where that comes from, and the forms that change them.

use std::collections::BTreeMap;

use askama::Template;
use aviary_domain::settings::{Group, Key, Refused, Shown, Source, Type, Wanted};
use aviary_kernel::base::{Error, Result};
use aviary_kernel::config::SetBy;
use aviary_kernel::model::Permission;

use super::desk::{Crumb, Desk, Head, Known, Shell};
use super::form::{Fields, Sent};
use super::nav::Spot;
use super::setting::may_change;
use super::shown;
use super::value::Value;
use crate::allow::{Allow, perm};
use crate::page::{PageResult, html, see_other};

#[derive(Template)]
#[template(path = "settings/page.html")]
struct SettingsPage {
    shell: Shell,
    head: Head,
    groups: Vec<GroupForm>,
    /// What is wrong with the whole.
    error: Option<String>,
}

struct GroupForm {
    /// Whether the reader may change what is in it.
    may_save: bool,
    name: &'static str,
    title: &'static str,
    fields: Vec<Field>,
    /// What can be tested, and the words on the button.
    test: Option<(&'static str, &'static str)>,
}

struct Field {
    key: &'static str,
    label: &'static str,
    text: &'static str,
    /// `switch`, `list`, `choice`, or the type of an input.
    control: &'static str,
    /// The words to choose from.
    choices: &'static [&'static str],
    value: String,
    /// What is stored, so that the form can tell what was changed in it; none for secrets.
    was: Option<String>,
    on: bool,
    unit: &'static str,
    least: u64,
    most: u64,
    error: Option<String>,
    source: Value,
    can_reset: bool,
}

/// What was typed and refused.
#[derive(Default)]
struct Typed {
    values: BTreeMap<Key, String>,
    errors: BTreeMap<Key, String>,
    /// What is wrong with the whole.
    error: Option<String>,
}

/// The page.
pub(super) async fn page(_may: Allow<perm::SettingsRead>, desk: Desk) -> PageResult {
    show(desk, &Typed::default()).await
}

async fn show(desk: Desk, typed: &Typed) -> PageResult {
    let known = desk.known().await?;
    let all = desk.settings.all().await?;
    let groups = Group::ALL.into_iter().map(|group| GroupForm {
        name: group.name(),
        title: group.title(),
        fields: all.iter().filter(|s| s.key.about().group == group).map(|s| field(&known, s, typed)).collect(),
        test: test_of(group).filter(|(what, _)| {
            // What a panel answers is for who looks after panels.
            let may = *what != "panel" || known.may(Permission::PanelWrite);
            may && known.takes(&format!("/admin/settings/test/{what}"))
        }),
        may_save: of_group(group).all(|key| may_change(&known, key)),
    });
    html(&SettingsPage {
        head: Head {
            title: "Settings".into(),
            truth: vec![Value::Text("Changes count at once.".into())],
            ..Head::default()
        },
        groups: groups.collect(),
        error: typed.error.clone(),
        shell: desk.shell(&known, Spot::Settings, vec![Crumb::here("Settings")]),
    })
}

fn of_group(group: Group) -> impl Iterator<Item = Key> {
    Key::ALL.iter().copied().filter(move |key| key.about().group == group)
}

fn test_of(group: Group) -> Option<(&'static str, &'static str)> {
    match group {
        Group::Panel => Some(("panel", "Test the stored panel")),
        Group::Mail => Some(("mail", "Test the mail service")),
        Group::Notices => Some(("webhook", "Test the webhook")),
        Group::Keeping => Some(("database", "Test the data file")),
        Group::VirtFusion => Some(("virtfusion", "Test the stored VirtFusion")),
        _ => None,
    }
}

fn field(known: &Known, shown: &Shown, typed: &Typed) -> Field {
    let about = shown.key.about();
    let (control, most) = match about.kind {
        Type::Switch => ("switch", 0),
        Type::Number { most, .. } => ("number", most),
        Type::Text(longest) => ("text", longest as u64),
        Type::Url => ("url", 500),
        Type::Email => ("email", 254),
        Type::Sender => ("text", 400),
        Type::Repositories => ("list", 0),
        Type::Secret => ("password", 4096),
        Type::Choice(_) => ("choice", 0),
    };
    let choices = if let Type::Choice(words) = about.kind { words } else { &[] };
    let (least, unit) = if let Type::Number { least, unit, .. } = about.kind { (least, unit) } else { (0, "") };
    let again = typed.values.get(&shown.key);
    let value = again.filter(|_| !shown.key.is_secret()).cloned().unwrap_or_else(|| in_a_field(&shown.value));
    Field {
        key: about.key,
        label: about.label,
        text: about.text,
        on: again.map_or(shown.value == true, |typed| typed == "true"),
        control,
        choices,
        value,
        was: (!shown.key.is_secret()).then(|| in_a_field(&shown.value)),
        unit,
        least,
        most,
        error: typed.errors.get(&shown.key).map(|why| super::sentence(why)),
        source: source(known, &shown.source),
        can_reset: may_change(known, shown.key)
            && match &shown.source {
                Source::Set { .. } => true,
                Source::Panel { .. } => shown.key == Key::PterodactylClientApiKey && shown.value != "",
                Source::Config(_) => false,
            },
    }
}

/// A value as it stands in a field.
fn in_a_field(value: &serde_json::Value) -> String {
    match value {
        serde_json::Value::String(text) => text.clone(),
        serde_json::Value::Array(items) => items.iter().filter_map(|item| item.as_str()).collect::<Vec<_>>().join("\n"),
        other => other.to_string(),
    }
}

/// Where a value comes from, for people.
pub(super) fn source(known: &Known, source: &Source) -> Value {
    match source {
        Source::Set { by, at } => Value::Many(vec![
            Value::Text("Set by".into()),
            Value::Said(shown::name(&by.name)),
            Value::When(known.when(*at)),
        ]),
        Source::Panel { id, .. } => Value::Many(vec![Value::Text("Of the panel".into()), known.panel_link(*id)]),
        Source::Config(SetBy::Default) => Value::Text("Default".into()),
        Source::Config(SetBy::File(path)) => Value::Text(format!("From {}", path.display())),
        Source::Config(SetBy::Env(name)) => Value::Text(format!("From the environment variable {name}")),
        Source::Config(SetBy::Flag) => Value::Text("From the command line".into()),
    }
}

/// Takes the form of a group, or resets one setting of it.
pub(super) async fn save(may: Allow<perm::SettingsWrite>, desk: Desk, sent: Sent) -> PageResult {
    desk.check(sent.token())?;
    let (wanted, typed, done) = match Key::find(sent.field("reset")) {
        Some(key) => (vec![(key, Wanted::Reset)], Typed::default(), "setting-reset"),
        None => read(&sent),
    };
    if let Some(clashing) = clashes(&desk.settings.all().await?, &sent, &wanted, &typed) {
        return show(desk, &Typed { errors: clashing, error: Some(NOTHING_SAVED.into()), ..typed }).await;
    }
    if desk.settings.reaches_panel(&wanted).await? {
        may.caller.require(Permission::PanelWrite)?;
    }
    match desk.settings.change(&desk.visitor.who, wanted).await {
        Ok(changed) if changed.is_empty() => Ok(see_other("/admin/settings?done=settings-same")),
        Ok(_) => Ok(see_other(&format!("/admin/settings?done={done}"))),
        Err(refused) => {
            let typed = noted(typed, refused)?;
            show(desk, &typed).await
        }
    }
}

/// What the form of a group says. A switch that was not sent is off.
fn read(sent: &Sent) -> (Vec<(Key, Wanted)>, Typed, &'static str) {
    let mut typed = Typed::default();
    let mut wanted = Vec::new();
    let of_group = |key: &Key| key.about().group.name() == sent.field("group");
    for key in Key::ALL.iter().copied().filter(of_group) {
        let about = key.about();
        let was_sent = sent.iter().any(|(name, _)| name == about.key);
        let is_same = |text: &str| shown_before(sent, key).is_some_and(|was| was.lines().eq(text.lines()));
        if about.kind == Type::Switch {
            let on = sent.field(about.key) == "yes";
            if is_same(&on.to_string()) {
                continue;
            }
            typed.values.insert(key, on.to_string());
            wanted.push((key, Wanted::Switch(on)));
        } else if was_sent {
            let text = sent.field(about.key);
            if is_same(text) {
                continue;
            }
            if !key.is_secret() {
                typed.values.insert(key, text.chars().take(20_000).collect());
            }
            wanted.push((key, Wanted::from(text)));
        }
    }
    (wanted, typed, "settings-saved")
}

/// What the form showed of a setting when it was opened.
fn shown_before(sent: &Sent, key: Key) -> Option<&str> {
    let name = format!("was:{}", key.about().key);
    sent.iter().find(|(sent, _)| *sent == name).map(|(_, was)| was.as_str())
}

/// Settings that this form changes, and somebody else did since it was opened.
fn clashes(all: &[Shown], sent: &Sent, wanted: &[(Key, Wanted)], typed: &Typed) -> Option<BTreeMap<Key, String>> {
    let changed = all.iter().filter(|shown| wanted.iter().any(|(key, _)| *key == shown.key));
    let clash = |shown: &Shown| {
        let (was, now) = (shown_before(sent, shown.key)?, in_a_field(&shown.value));
        let is_as_wanted = typed.values.get(&shown.key).is_some_and(|typed| typed.lines().eq(now.lines()));
        if was.lines().eq(now.lines()) || is_as_wanted {
            return None;
        }
        let now = match shown.key.about().kind {
            Type::Switch if now == "true" => "on".into(),
            Type::Switch => "off".into(),
            _ if now.is_empty() => "nothing".into(),
            _ => format!("“{}”", shown::short(&now, 60)),
        };
        Some((shown.key, format!("somebody else set this to {now} meanwhile. Save again to set what you chose.")))
    };
    let clashing: BTreeMap<_, _> = changed.filter_map(clash).collect();
    (!clashing.is_empty()).then_some(clashing)
}

const NOTHING_SAVED: &str = "Nothing was saved: look at the fields that are marked below.";

fn noted(mut typed: Typed, refused: Refused) -> Result<Typed> {
    match refused {
        Refused::Fields(faults) => typed.errors.extend(faults.into_iter().map(|fault| (fault.key, fault.reason))),
        Refused::Other(Error::Invalid { field, reason }) => match Key::find(field) {
            Some(key) => drop(typed.errors.insert(key, reason)),
            None => typed.error = Some(super::sentence(&reason)),
        },
        Refused::Other(Error::Conflict(why)) => typed.error = Some(super::sentence(&why)),
        Refused::Other(error) => return Err(error),
    }
    if typed.error.is_none() {
        typed.error = Some(NOTHING_SAVED.into());
    }
    Ok(typed)
}
