//! Whether all is well, and if not, what is to be done.

use aviary_domain::jobs::Counts as JobCounts;
use aviary_domain::mails::{MailCounts, Standing as MailStanding};
use aviary_domain::ops::Heartbeats;
use aviary_domain::schedules::ShownSchedule;
use aviary_domain::search::Standing as IndexStanding;
use aviary_domain::webhooks::{DeliveryCounts, Outlook};
use aviary_kernel::base::Timestamp;
use aviary_kernel::model::{SyncStatus, Webhook};

use super::desk::Known;
use super::overview::OLD_BACKUP;
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
    /// All jobs.
    pub(super) jobs: JobCounts,
    /// Workers that did not report in time.
    pub(super) overdue: Vec<&'static str>,
    /// The webhooks.
    pub(super) hooks: Vec<Hook>,
    pub(super) schedules: Vec<ShownSchedule>,
    pub(super) mail: MailStanding,
    pub(super) mails: MailCounts,
    /// Mails that did not arrive.
    pub(super) mails_back: u64,
    /// How the search index stands.
    pub(super) index: IndexStanding,
    /// When the last backup was made; none when there is none, or the folder cannot be read.
    pub(super) last_backup: Option<Timestamp>,
}

/// A webhook, what became of its deliveries, and for one in trouble what went wrong last.
pub(super) struct Hook {
    pub(super) webhook: Webhook,
    pub(super) counts: DeliveryCounts,
    pub(super) outlook: Option<Outlook>,
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
        matters.extend(odd.schedules.iter().filter_map(of_schedule));
        matters.extend(odd.hooks.iter().filter_map(|hook| of_webhook(known, hook)));
        matters.extend(of_mail(odd));
        matters.extend(of_backup(known, odd));
        matters.extend(of_index(odd));
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

/// What is wrong with a webhook: why nothing was taken last, and when it is tried again.
fn of_webhook(known: &Known, hook: &Hook) -> Option<Matter> {
    let Hook { webhook, outlook, counts } = hook;
    let (tone, word, why) = match (&webhook.disabled_why, webhook.is_enabled && webhook.failing_since.is_some()) {
        (Some(why), _) => ("bad", "turned off", super::sentence(&shown::short(why, 240))),
        (None, true) => ("warn", "failing", failing(known, outlook.as_ref(), counts.waiting)),
        (None, false) => return None,
    };
    let text = format!("The webhook {}: {why}", shown::name(&webhook.name));
    Some(Matter {
        pill: Pill::new(tone, word),
        text,
        href: format!("/admin/webhooks/{}", webhook.id),
        act: "See the webhook",
    })
}

fn failing(known: &Known, outlook: Option<&Outlook>, waiting: u64) -> String {
    let mut said = match outlook.and_then(|outlook| outlook.failed.as_ref()?.1.error.as_deref()) {
        Some(error) => super::webhook::split(&shown::short(error, 240)).0,
        None => "What is sent there is not taken at the moment.".into(),
    };
    if let Some(at) = outlook.and_then(|outlook| outlook.next_try) {
        let waits = if waiting == 1 { "waits" } else { "wait" };
        let waiting = shown::counted(waiting, "delivery", "deliveries");
        said.push_str(&format!(" {waiting} {waits}, next try {}.", known.due(at).words()));
    }
    said
}

fn of_schedule(one: &ShownSchedule) -> Option<Matter> {
    let trouble = one.schedule.trouble.as_deref()?;
    let text =
        format!("The schedule {}: {}", shown::name(&one.schedule.name), super::sentence(&shown::short(trouble, 240)));
    Some(Matter {
        pill: Pill::new("bad", "schedule"),
        text,
        href: format!("/admin/schedules/{}", one.schedule.id),
        act: "See the schedule",
    })
}

fn of_mail(odd: &Odd) -> Vec<Matter> {
    let mut out = Vec::new();
    if let Some(trouble) = odd.mail.trouble() {
        let text = format!("No mail leaves: {}", super::sentence(&shown::short(trouble, 240)));
        out.push(Matter { pill: Pill::new("bad", "mail"), text, href: "/admin/mails".into(), act: "See the mails" });
    }
    if odd.mails_back > 0 {
        let mails = shown::counted(odd.mails_back, "mail did", "mails did");
        let text = format!("{mails} not arrive: refused, sent back or given up.");
        out.push(Matter { pill: Pill::new("warn", "mail"), text, href: "/admin/mails".into(), act: "See the mails" });
    }
    out
}

/// An index that is being made mends itself; one that cannot be used needs a person if that lasts.
fn of_index(odd: &Odd) -> Option<Matter> {
    let IndexStanding::Broken(why) = &odd.index else { return None };
    let text = format!(
        "Search cannot be used: {} It is tried again by itself; nothing else suffers.",
        super::sentence(&shown::short(why, 240))
    );
    Some(Matter { pill: Pill::new("bad", "search"), text, href: String::new(), act: "" })
}

fn of_backup(known: &Known, odd: &Odd) -> Option<Matter> {
    let at = odd.last_backup.filter(|at| known.now.since(*at) > OLD_BACKUP)?;
    let text = format!("The last backup was made {}. Look why the schedule makes none.", known.when(at).words());
    Some(Matter { pill: Pill::new("warn", "backup"), text, href: "/admin/schedules".into(), act: "See the schedules" })
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
            let (word, href, act) = match panel.reach.refuses_key() && known.opens("/admin/panels/new") {
                true => ("refuses the key", format!("/admin/panels/{}/edit", panel.id), "Set another key"),
                false if panel.reach.refuses_key() => {
                    ("refuses the key", format!("/admin/panels/{}", panel.id), "See the panel")
                }
                false => ("not reachable", format!("/admin/panels/{}", panel.id), "See the panel"),
            };
            out.push(matter("bad", word, text, href, act));
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
