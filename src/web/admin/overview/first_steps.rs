//! The first steps of a new installation, and which of them are done.

use std::time::Duration;

use aviary_kernel::base::Result;

use super::super::card::{Body, Card, Row};
use super::super::desk::{Desk, Known};
use super::super::shown;
use super::super::value::{Pill, Value};

/// For so long an installation is new.
const NEW_FOR: Duration = Duration::from_secs(14 * 86_400);

/// What is known elsewhere on the page.
pub(super) struct Facts {
    pub(super) has_mail: bool,
    pub(super) has_backup: bool,
    pub(super) has_webhook: bool,
}

struct Step {
    done: bool,
    what: &'static str,
    why: &'static str,
    href: &'static str,
}

/// The card, as long as the installation is new and something is left that its reader may do.
pub(super) async fn card(desk: &Desk, known: &Known, facts: &Facts) -> Result<Option<Card>> {
    let first = known.panels.iter().map(|panel| panel.created_at).min();
    if first.is_some_and(|first| known.now.since(first) > NEW_FOR) {
        return Ok(None);
    }
    let has_factor = match known.reader.actor.account() {
        Some(id) => desk.accounts.require(id).await?.second_factor.is_some(),
        None => true,
    };
    let steps = [
        Step {
            done: !known.panels.is_empty(),
            what: "Add a panel",
            why: "Its address and an API key that may read.",
            href: "/admin/panels/new",
        },
        Step {
            done: known.panels.iter().any(|panel| panel.synced_at.is_some()),
            what: "Sync it once",
            why: "The first sync reads everything; later ones only write what changed.",
            href: "/admin/panels",
        },
        Step {
            done: has_factor,
            what: "Turn on your second factor",
            why: "A password alone is one leak away from everybody.",
            href: "/admin/me/security",
        },
        Step {
            done: facts.has_mail,
            what: "Set up mail",
            why: "Invitations, links to set a password and alerts leave by mail; until then they are kept.",
            href: "/admin/settings",
        },
        Step {
            done: facts.has_webhook,
            what: "Have yourself told",
            why: "A webhook or mail tells you when something fails or changes.",
            href: "/admin/webhooks/new",
        },
        Step {
            done: facts.has_backup,
            what: "Make a first backup",
            why: "A schedule makes one every night; run it once to see that the folder can be written.",
            href: "/admin/schedules",
        },
    ];
    let steps: Vec<_> = steps.into_iter().filter(|step| known.opens(step.href)).collect();
    if steps.iter().all(|step| step.done) {
        return Ok(None);
    }
    let rows = steps.iter().filter(|step| !step.done).map(|step| Row {
        lead: Some(Pill::new("", "to do")),
        what: known.link(step.what, step.href),
        sub: Some(Value::Text(step.why.into())),
        end: Value::Text(String::new()),
    });
    let mut rows: Vec<_> = rows.collect();
    let done: Vec<_> = steps.iter().filter(|step| step.done).map(|step| shown::lower(step.what)).collect();
    if !done.is_empty() {
        rows.push(Row {
            lead: Some(Pill::new("fine", "done")),
            what: Value::Muted(super::super::sentence(&shown::listed(&done))),
            sub: None,
            end: Value::Text(format!("{} of {}", done.len(), steps.len())),
        });
    }
    Ok(Some(Card::new("First steps", "c12", Body::Rows(rows))))
}
