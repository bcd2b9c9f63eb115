//! Whether all is well, and if not, what is to be done.

use aviary_domain::ops::Heartbeats;
use aviary_kernel::model::{SyncStatus, Webhook};

use super::desk::Known;
use super::panels::Standing;
use super::shown;
use super::value::Pill;

/// Whether all is well.
pub(super) struct Well {
    pub(super) tone: &'static str,
    pub(super) title: String,
    pub(super) text: String,
    pub(super) matters: Vec<Matter>,
}

/// What is odd, beside what panels and removals tell.
pub(super) struct Odd {
    /// Things that do not fit together.
    pub(super) drift: u64,
    /// Jobs of which every try failed.
    pub(super) dead: u64,
    /// Workers that did not report in time.
    pub(super) overdue: Vec<&'static str>,
    /// The webhooks.
    pub(super) hooks: Vec<Webhook>,
}

/// Something that wants a look.
pub(super) struct Matter {
    pub(super) pill: Pill,
    pub(super) text: String,
    pub(super) href: String,
    pub(super) act: &'static str,
}

impl Well {
    /// Looks at everything that may want a person.
    pub(super) fn new(known: &Known, standings: &[Standing], odd: &Odd) -> Self {
        let mut matters = matters(known, standings, odd);
        matters.extend(odd.hooks.iter().filter_map(of_webhook));
        // What the reader can do nothing about, and may not look at, is not theirs to worry about.
        matters.retain(|matter| matter.href.is_empty() || known.opens(&matter.href));
        let bad = matters.iter().any(|matter| matter.pill.tone == "bad");
        let waiting = standings.iter().any(|standing| standing.panel.synced_at.is_none());
        let n = matters.len();
        let (tone, title) = match n {
            0 if waiting => ("calm", "Waiting for the first sync".into()),
            0 => ("", "All is well".into()),
            1 => (if bad { "bad" } else { "warn" }, "One thing wants a look".into()),
            _ => (if bad { "bad" } else { "warn" }, format!("{} things want a look", shown::spelled(n as u64))),
        };
        let text = match standings {
            _ if known.read_only.is_some() => "Aviary reads, but takes no changes.",
            _ if standings.iter().any(|standing| standing.panel.reach.trouble.is_some()) => {
                "What was mirrored stays as it is."
            }
            [_] => "The panel answers.",
            _ => "All panels answer.",
        };
        Self { tone, title, text: text.into(), matters }
    }
}

/// What is wrong with a webhook.
fn of_webhook(hook: &Webhook) -> Option<Matter> {
    let (tone, word, why) = match (&hook.disabled_why, hook.is_enabled && hook.failing_since.is_some()) {
        (Some(why), _) => ("bad", "turned off", super::sentence(&shown::short(why, 240))),
        (None, true) => ("warn", "failing", "What is sent there is not taken at the moment.".into()),
        (None, false) => return None,
    };
    let text = format!("The webhook {}: {why}", shown::name(&hook.name));
    Some(Matter {
        pill: Pill::new(tone, word),
        text,
        href: format!("/admin/webhooks/{}", hook.id),
        act: "See the webhook",
    })
}

fn matters(known: &Known, standings: &[Standing], odd: &Odd) -> Vec<Matter> {
    let matter =
        |tone, word: &str, text: String, href: String, act| Matter { pill: Pill::new(tone, word), text, href, act };
    let mut out = Vec::new();
    if let Some(why) = &known.read_only {
        out.push(matter(
            "bad",
            "read-only",
            format!("No changes are taken: {why}. Free some space or check the disk; Aviary goes on by itself."),
            String::new(),
            "",
        ));
    }
    let (queue, overdue): (Vec<&str>, Vec<&str>) = odd.overdue.iter().partition(|worker| **worker == Heartbeats::JOBS);
    if !queue.is_empty() {
        let text = "No work gets done: the queue gives no sign of life. Look at the log, then restart Aviary.";
        let href = if known.opens("/admin/jobs") { "/admin/jobs" } else { "" };
        out.push(matter("bad", "silent", text.into(), href.into(), "See the jobs"));
    }
    if odd.dead > 0 {
        let jobs = shown::counted(odd.dead, "job is dead", "jobs are dead");
        let text = format!("{jobs}: every try failed, and nothing more happens by itself.");
        let act = if odd.dead == 1 { "See it" } else { "See them" };
        out.push(matter("bad", "dead", text, "/admin/jobs?state=dead".into(), act));
    }
    if !overdue.is_empty() {
        let names = shown::listed(&overdue.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>());
        out.push(matter(
            "bad",
            "stuck",
            format!("These workers did not report in time: {names}. Look at the log, then restart Aviary."),
            String::new(),
            "",
        ));
    }
    for Standing { panel, last, .. } in standings {
        if let Some(trouble) = &panel.reach.trouble {
            let text = format!("{}: {}", panel.name, super::sentence(&shown::short(trouble, 240)));
            out.push(matter("bad", "not reachable", text, format!("/admin/panels/{}", panel.id), "See the panel"));
        }
        if let Some(run) = last.as_ref().filter(|run| run.status == SyncStatus::Failed && panel.reach.trouble.is_none())
        {
            let text = format!("{}: {}", panel.name, super::sentence(&shown::short(&run.message, 240)));
            out.push(matter("bad", "sync failed", text, format!("/admin/syncs/{}", run.id), "See the sync"));
        }
    }
    for stop in &known.stops {
        let total: usize = stop.removals.iter().map(|removal| removal.ids.len()).sum();
        let objects = shown::counted(total as u64, "object", "objects");
        let text = format!("{}: {objects} would be removed. A person must decide.", known.panel_name(stop.panel));
        out.push(matter("warn", "decision", text, format!("/admin/syncs/{}/removals", stop.sync), "Decide"));
    }
    if odd.drift > 0 {
        let text = shown::counted(odd.drift, "thing does not fit together.", "things do not fit together.");
        let act = if odd.drift == 1 { "See it" } else { "See them" };
        out.push(matter("warn", "drift", text, "/admin/drift".into(), act));
    }
    out
}
