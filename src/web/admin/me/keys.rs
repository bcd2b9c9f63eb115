//! Somebody's own API keys.

use std::time::Duration;

use actix_web::web::{Data, Path};
use askama::Template;
use aviary_domain::access::{Access, LONGEST_OVERLAP, NewApiKey};
use aviary_kernel::base::{Error, Net, Secret, Timestamp};
use aviary_kernel::model::{ApiKey, Grants, Permission};
use uuid::Uuid;

use super::{Tabs, crumbs, own};
use crate::admin::ask::Question;
use crate::admin::desk::{Crumb, Desk, Head, Known, Shell};
use crate::admin::field::{Errors, Field};
use crate::admin::form::{Fields, Sent};
use crate::admin::fresh::{Fresh, Why};
use crate::admin::keys;
use crate::admin::nav::Spot;
use crate::admin::shown::{self, When};
use crate::admin::value::Pill;
use crate::allow::{Allow, perm};
use crate::page::{PageResult, html, see_other};

const HERE: &str = "/admin/me/keys";
const DAY: Duration = Duration::from_secs(86_400);
/// Days that a key may be good, and the choice at first.
const LIVES: [u32; 4] = [30, 90, 180, 365];
const USUAL_LIFE: u32 = 90;
/// How long the text before a renewal may stay good: seconds, and in words.
const OVERLAPS: [(u64, &str); 4] =
    [(86_400, "for a day"), (3600, "for an hour"), (604_800, "for 7 days"), (0, "not at all")];

#[derive(Template)]
#[template(path = "me/keys.html")]
struct KeysView {
    shell: Shell,
    head: Head,
    tabs: Tabs,
    keys: Vec<KeyRow>,
    form: MakeForm,
    overlaps: &'static [(u64, &'static str)],
}

struct KeyRow {
    id: Uuid,
    name: String,
    start: String,
    pill: Pill,
    is_good: bool,
    may: Vec<&'static str>,
    addresses: String,
    ends: Option<When>,
    made: When,
    used: Option<(When, String)>,
    /// Until when the text before the last renewal is good.
    previous: Option<When>,
}

struct MakeForm {
    error: Option<String>,
    name: Field,
    may: Vec<Area>,
    may_error: Option<String>,
    lives: Vec<(u32, bool)>,
    life_error: Option<String>,
    addresses: String,
    addresses_error: Option<String>,
}

/// Permissions of their own, of one area.
struct Area {
    name: &'static str,
    choices: Vec<Choice>,
}

/// A permission to be ticked.
struct Choice {
    name: &'static str,
    does: &'static str,
    on: bool,
}

#[derive(Template)]
#[template(path = "me/key.html")]
struct KeyView {
    shell: Shell,
    name: String,
    text: Secret<String>,
    /// Until when the one before is good.
    previous: Option<When>,
    is_new: bool,
}

/// The list, and the form that makes a key.
pub(in crate::admin) async fn page(may: Allow<perm::ApiKeyOwn>, desk: Desk, access: Data<Access>) -> PageResult {
    let form = MakeForm::new(&may.caller.grants, None, &Errors::default());
    show(desk, &access, form).await
}

async fn show(desk: Desk, access: &Access, form: MakeForm) -> PageResult {
    let known = desk.known().await?;
    let caller = desk.visitor.caller.clone();
    let mut keys = access.keys(&caller, Some(own(&caller)?)).await?;
    keys.sort_by_key(|key| (!is_good(key, known.now), std::cmp::Reverse(key.created_at)));
    html(&KeysView {
        head: Head { title: "API keys".into(), ..Head::default() },
        tabs: Tabs::new("keys", &caller),
        keys: keys.iter().map(|key| KeyRow::new(&known, key, &caller.grants)).collect(),
        form,
        overlaps: &OVERLAPS,
        shell: desk.shell(&known, Spot::Me, crumbs("API keys")),
    })
}

fn is_good(key: &ApiKey, now: Timestamp) -> bool {
    key.revoked_at.is_none() && key.expires_at.is_none_or(|end| end > now)
}

impl KeyRow {
    fn new(known: &Known, key: &ApiKey, own: &Grants) -> Self {
        let pill = match key {
            _ if key.revoked_at.is_some() => Pill::new("", "revoked"),
            _ if !is_good(key, known.now) => Pill::new("warn", "has ended"),
            _ => Pill::new("good", "works"),
        };
        // A key never may more than its owner does at the moment.
        let may = Permission::ALL.iter().filter(|permission| key.grants.allow(**permission) && own.allow(**permission));
        let addresses: Vec<_> = key.addresses.iter().map(ToString::to_string).collect();
        let from = key.used_from.map(|address| address.to_string()).unwrap_or_default();
        let previous = key.previous.filter(|previous| previous.until > known.now);
        Self {
            id: key.id,
            name: shown::name(&key.name),
            start: key.start.clone(),
            pill,
            is_good: is_good(key, known.now),
            may: may.map(|permission| permission.name()).collect(),
            addresses: addresses.join(", "),
            ends: key.expires_at.map(|end| known.when(end)),
            made: known.when(key.created_at),
            used: key.used_at.map(|at| (known.when(at), from)),
            previous: previous.map(|previous| known.when(previous.until)),
        }
    }
}

impl MakeForm {
    fn new(own: &Grants, sent: Option<&Sent>, errors: &Errors) -> Self {
        let name = Field::text("name", "Name").helps("What it is for, such as Billing, so that you know it again.");
        let ticked = |name: &str| sent.is_some_and(|sent| sent.each("may").any(|given| given == name));
        let life = sent.and_then(|sent| sent.field("days").parse().ok()).unwrap_or(USUAL_LIFE);
        let mut may: Vec<Area> = Vec::new();
        for permission in Permission::ALL.iter().filter(|permission| own.allow(**permission)) {
            let (name, does) = (permission.name(), permission.does());
            let choice = Choice { name, does, on: ticked(name) };
            match may.last_mut().filter(|area| area.name == permission.group()) {
                Some(area) => area.choices.push(choice),
                None => may.push(Area { name: permission.group(), choices: vec![choice] }),
            }
        }
        let why = |field: &str| errors.at(field).map(str::to_owned);
        Self {
            error: errors.whole().map(str::to_owned),
            name: sent.map_or(name.clone(), |sent| name.typed(sent)).checked(errors),
            may,
            may_error: why("permissions"),
            lives: LIVES.map(|days| (days, days == life)).into(),
            life_error: why("expiresAt"),
            addresses: sent.map(|sent| shown::visible(sent.field("addresses"))).unwrap_or_default(),
            addresses_error: why("addresses"),
        }
    }
}

/// Makes a key and leads to its text, which is shown this once.
pub(in crate::admin) async fn make(
    may: Allow<perm::ApiKeyOwn>,
    desk: Desk,
    access: Data<Access>,
    fresh: Data<Fresh>,
    sent: Sent,
) -> PageResult {
    desk.check(sent.token())?;
    let mut errors = Errors::default();
    if let Some(new) = read(&sent, desk.env.now(), &mut errors) {
        match access.make_key(&may.caller, new).await {
            Ok((key, text)) => {
                fresh.hold(&may.caller, key.id, text, Why::Made, desk.env.now());
                return Ok(see_other(&format!("{HERE}/{}", key.id)));
            }
            Err(error) => errors.note(error.into())?,
        }
    }
    let form = MakeForm::new(&may.caller.grants, Some(&sent), &errors);
    show(desk, &access, form).await
}

fn read(sent: &Sent, now: Timestamp, errors: &mut Errors) -> Option<NewApiKey> {
    errors.require(sent, &[("name", "give the key a name")]);
    let grants = Grants::parse(sent.each("may")).unwrap_or_default();
    if grants.0.is_empty() {
        errors.put("permissions", "tick what the key may do");
    }
    let days = sent.field("days").parse::<u32>().ok().filter(|days| LIVES.contains(days));
    if days.is_none() {
        errors.put("expiresAt", "choose how long the key is good");
    }
    let lines = sent.field("addresses").split(['\n', ',', ' ']).map(str::trim).filter(|line| !line.is_empty());
    let addresses = lines.map(str::parse::<Net>).collect::<Result<Vec<_>, _>>();
    if addresses.is_err() {
        errors.put("addresses", "write one address or network in each line, such as 192.0.2.7 or 10.0.0.0/8");
    }
    let (days, addresses) = (days?, addresses.ok()?);
    errors.is_empty().then(|| NewApiKey {
        name: sent.field("name").to_owned(),
        grants,
        expires_at: Some(now.plus(DAY * days)),
        addresses,
        ..NewApiKey::default()
    })
}

/// The text of a key that was just made or renewed, this once; later there is only the list.
pub(in crate::admin) async fn one(
    may: Allow<perm::ApiKeyOwn>,
    desk: Desk,
    access: Data<Access>,
    fresh: Data<Fresh>,
    id: Path<Uuid>,
) -> PageResult {
    let known = desk.known().await?;
    let Some((text, why)) = fresh.take(&may.caller, *id, known.now) else { return Ok(see_other(HERE)) };
    let key = access.key(&may.caller, *id).await?;
    html(&KeyView {
        name: shown::name(&key.name),
        text,
        previous: key.previous.map(|previous| known.when(previous.until)),
        is_new: why == Why::Made,
        shell: desk.shell(&known, Spot::Me, crumbs("API key")),
    })
}

/// Gives a key another text and leads to it.
pub(in crate::admin) async fn rotate(
    may: Allow<perm::ApiKeyOwn>,
    desk: Desk,
    access: Data<Access>,
    fresh: Data<Fresh>,
    id: Path<Uuid>,
    sent: Sent,
) -> PageResult {
    desk.check(sent.token())?;
    let overlap = sent.field("overlap").parse().map_or(Duration::ZERO, Duration::from_secs).min(LONGEST_OVERLAP);
    let (key, text) = access.rotate_key(&may.caller, *id, overlap).await?;
    fresh.hold(&may.caller, key.id, text, Why::Renewed, desk.env.now());
    Ok(see_other(&format!("{HERE}/{}", key.id)))
}

/// Asks whether a key shall be taken back.
pub(in crate::admin) async fn ask_revoke(
    may: Allow<perm::ApiKeyOwn>,
    desk: Desk,
    access: Data<Access>,
    id: Path<Uuid>,
) -> PageResult {
    let known = desk.known().await?;
    let own = access.keys(&may.caller, Some(own(&may.caller)?)).await?;
    let key = own.into_iter().find(|key| key.id == *id).ok_or_else(|| Error::not_found("API key", *id))?;
    let at = format!("{HERE}/{}", key.id);
    let crumbs =
        vec![Crumb::to("Your account", "/admin/me"), Crumb::to("API keys", HERE), Crumb::here(shown::name(&key.name))];
    Question::new(format!("Revoke the key {}?", shown::name(&key.name)), keys::loses(&known, &key), keys::stays())
        .ask(keys::revoking(&shown::name(&key.name), &at).keep("Keep it", HERE).shut(key.revoked_at.is_some()))
        .show(desk, &known, Spot::Me, crumbs)
}

/// Takes a key back.
pub(in crate::admin) async fn revoke(
    may: Allow<perm::ApiKeyOwn>,
    desk: Desk,
    access: Data<Access>,
    id: Path<Uuid>,
    sent: Sent,
) -> PageResult {
    desk.check(sent.token())?;
    access.revoke_key(&may.caller, *id).await?;
    Ok(see_other(&format!("{HERE}?done=key-revoked")))
}
