//! How somebody wants to see things: zone, units, density, theme, rows. The switches of the frame keep theirs through here too.

use actix_web::web::Data;
use askama::Template;
use aviary_domain::accounts::{Accounts, PreferencesPatch, ROWS};
use aviary_kernel::base::{Error, Zone};
use aviary_kernel::model::{Density, Preferences, Theme, Units};

use super::{Tabs, crumbs};
use crate::admin::desk::{Desk, Head, Shell};
use crate::admin::field::{Errors, Field};
use crate::admin::form::{Fields, Sent};
use crate::admin::nav::Spot;
use crate::admin::shown;
use crate::allow::{Allow, perm};
use crate::page::{PageResult, html, see_other};
use crate::session::local_path;

/// The example beside the choice of units, in MiB.
const EXAMPLE: i64 = 1536;

#[derive(Template)]
#[template(path = "me/display.html")]
struct DisplayView {
    shell: Shell,
    head: Head,
    tabs: Tabs,
    error: Option<String>,
    zone: Field,
    zones: Vec<String>,
    /// What time it is there.
    now: String,
    /// The name of a zone that is not known any more.
    lost_zone: Option<String>,
    choices: Vec<Choices>,
    rows: Vec<(u16, bool)>,
    rows_error: Option<String>,
    is_folded: bool,
    /// How many lists have columns that were chosen, in words; empty for none.
    lists: String,
}

/// One of a few.
struct Choices {
    title: &'static str,
    name: &'static str,
    options: Vec<Choice>,
    error: Option<String>,
}

struct Choice {
    word: &'static str,
    text: String,
    on: bool,
}

/// The page.
pub(in crate::admin) async fn page(_may: Allow<perm::SignedIn>, desk: Desk) -> PageResult {
    show(desk, None, &Errors::default()).await
}

/// Takes all of it.
pub(in crate::admin) async fn save(
    may: Allow<perm::SignedIn>,
    desk: Desk,
    accounts: Data<Accounts>,
    sent: Sent,
) -> PageResult {
    desk.check(sent.token())?;
    let mut errors = Errors::default();
    let patch = read(&sent, &accounts.preferences(&may.caller).await?, &mut errors);
    if errors.is_empty() {
        match accounts.change_preferences(&may.caller, patch).await {
            Ok(_) => return Ok(see_other("/admin/me/display?done=display-saved")),
            Err(error) => errors.note(error.into())?,
        }
    }
    show(desk, Some(&sent), &errors).await
}

fn read(sent: &Sent, before: &Preferences, errors: &mut Errors) -> PreferencesPatch {
    let words = [
        ("units", Units::parse(sent.field("units")).is_some()),
        ("density", Density::parse(sent.field("density")).is_some()),
        ("theme", Theme::parse(sent.field("theme")).is_some()),
        ("rows", sent.field("rows").parse::<u16>().is_ok()),
    ];
    for (name, _) in words.into_iter().filter(|(_, is_known)| !is_known) {
        errors.put(name, "choose one of these");
    }
    if let Err(Error::Invalid { reason, .. }) = zone(sent.field("timeZone")) {
        errors.put("timeZone", reason);
    }
    let forget = !sent.field("forgetColumns").is_empty();
    PreferencesPatch {
        time_zone: Some(sent.field("timeZone").to_owned()),
        units: Units::parse(sent.field("units")),
        density: Density::parse(sent.field("density")),
        theme: Theme::parse(sent.field("theme")),
        folded: Some(!sent.field("folded").is_empty()),
        rows: sent.field("rows").parse().ok(),
        columns: before.columns.keys().filter(|_| forget).map(|list| (list.clone(), Vec::new())).collect(),
    }
}

/// An empty name means none.
fn zone(name: &str) -> Result<Option<Zone>, Error> {
    if name.trim().is_empty() { Ok(None) } else { Zone::find(name).map(Some) }
}

async fn show(desk: Desk, sent: Option<&Sent>, errors: &Errors) -> PageResult {
    let known = desk.known().await?;
    let prefers = &known.prefers;
    let kept = &prefers.kept;
    let zone = Field::text("timeZone", "Time zone")
        .helps("Such as Europe/Berlin. Empty means UTC.")
        .optional()
        .proposes("zones")
        .value(kept.time_zone.clone().unwrap_or_default());
    let caller = desk.visitor.caller.clone();
    html(&DisplayView {
        head: Head { title: "Display".into(), ..Head::default() },
        tabs: Tabs::new("display", &caller),
        error: errors.whole().map(str::to_owned),
        zone: sent.map_or(zone.clone(), |sent| zone.typed(sent)).checked(errors),
        zones: Zone::names(),
        now: known.exact(known.now),
        lost_zone: prefers.lost_zone.clone(),
        choices: choices(kept, sent, errors),
        rows: rows(kept, sent),
        rows_error: errors.at("rows").map(str::to_owned),
        is_folded: sent.map_or(kept.folded, |sent| !sent.field("folded").is_empty()),
        lists: if kept.columns.is_empty() {
            String::new()
        } else {
            shown::counted(kept.columns.len() as u64, "list", "lists")
        },
        shell: desk.shell(&known, Spot::Me, crumbs("Display")),
    })
}

fn choices(kept: &Preferences, sent: Option<&Sent>, errors: &Errors) -> Vec<Choices> {
    let of = |title, name: &'static str, kept: &'static str, words: Vec<(&'static str, String)>| {
        let on = sent.map_or(kept, |sent| sent.field(name));
        let options = words.into_iter().map(|(word, text)| Choice { word, text, on: word == on });
        Choices { title, name, options: options.collect(), error: errors.at(name).map(str::to_owned) }
    };
    let sizes = |units: &Units| {
        let says = match units {
            Units::Binary => "Powers of two",
            Units::Decimal => "Powers of ten",
            Units::Exact => "To the MiB",
        };
        (units.word(), format!("{says}: {}", shown::mib(EXAMPLE, *units)))
    };
    let densities = |density: &Density| {
        let says = match density {
            Density::Comfortable => "Comfortable",
            Density::Compact => "Compact: as much as fits",
        };
        (density.word(), says.to_owned())
    };
    let themes = |theme: &Theme| {
        let says = match theme {
            Theme::System => "As the system has it",
            Theme::Light => "Light",
            Theme::Dark => "Dark",
        };
        (theme.word(), says.to_owned())
    };
    vec![
        of("Memory and disk space", "units", kept.units.word(), Units::ALL.iter().map(sizes).collect()),
        of("Density", "density", kept.density.word(), Density::ALL.iter().map(densities).collect()),
        of("Theme", "theme", kept.theme.word(), Theme::ALL.iter().map(themes).collect()),
    ]
}

/// How many rows may be chosen, 0 = as it comes.
fn rows(kept: &Preferences, sent: Option<&Sent>) -> Vec<(u16, bool)> {
    let on = sent.and_then(|sent| sent.field("rows").parse().ok()).or(kept.rows).unwrap_or(0);
    [0].into_iter().chain(ROWS).map(|rows| (rows, rows == on)).collect()
}

/// Takes what a switch of the frame says, or the columns of a list, and leads back to the page where it stands.
pub(in crate::admin) async fn switch(
    may: Allow<perm::OwnSecurity>,
    desk: Desk,
    accounts: Data<Accounts>,
    sent: Sent,
) -> PageResult {
    desk.check(sent.token())?;
    let list = sent.field("list");
    let chosen = sent.each("col").map(str::to_owned).collect();
    let patch = PreferencesPatch {
        density: Density::parse(sent.field("density")),
        theme: Theme::parse(sent.field("theme")),
        folded: match sent.field("side") {
            "folded" => Some(true),
            "open" => Some(false),
            _ => None,
        },
        columns: (!list.is_empty()).then(|| (list.to_owned(), chosen)).into_iter().collect(),
        ..PreferencesPatch::default()
    };
    accounts.change_preferences(&may.caller, patch).await?;
    Ok(see_other(local_path(sent.field("back"))))
}
