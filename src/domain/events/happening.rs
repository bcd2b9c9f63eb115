use aviary_kernel::base::{Error, Result};
use aviary_kernel::model::{EventName, Kind, PanelId};
use serde::Serialize;

use super::facts::{
    BurstFacts, CertificateFacts, DriftFacts, JobFacts, KeyFacts, MailFacts, NoticeFacts, ObjectFacts, PanelFacts,
    RegisteredFacts, RemovalFacts, ScheduleFacts, SettingsFacts, StoreFacts, SyncFacts, TestFacts, TicketFacts,
    WebhookFacts, What,
};

/// Something that happened, with its facts. None of them may be a secret.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs, reason = "each is an event, which says what it is")]
pub enum Happening {
    SyncStarted(SyncFacts),
    SyncCompleted(SyncFacts),
    SyncFailed(SyncFacts),
    SyncCancelled(SyncFacts),
    DriftFound(DriftFacts),
    RemovalStopped(RemovalFacts),
    SignInBurst(BurstFacts),
    AuditBurst(BurstFacts),
    UserRegistered(RegisteredFacts),
    SettingsChanged(SettingsFacts),
    JobDead(JobFacts),
    ScheduleMissed(ScheduleFacts),
    PanelUnreachable(PanelFacts),
    PanelBack(PanelFacts),
    CertificateExpiring(CertificateFacts),
    TokenExpiring(KeyFacts),
    StoreReadOnly(StoreFacts),
    StoreWritable(StoreFacts),
    WebhookDisabled(WebhookFacts),
    MailRefused(MailFacts),
    TicketCreated(TicketFacts),
    Notice(NoticeFacts),
    Test(TestFacts),
    /// To a mirrored object.
    Object(ObjectFacts),
}

impl Happening {
    /// The event.
    pub fn name(&self) -> EventName {
        match self {
            Self::SyncStarted(_) => EventName::SyncStarted,
            Self::SyncCompleted(_) => EventName::SyncCompleted,
            Self::SyncFailed(_) => EventName::SyncFailed,
            Self::SyncCancelled(_) => EventName::SyncCancelled,
            Self::DriftFound(_) => EventName::DriftFound,
            Self::RemovalStopped(_) => EventName::RemovalStopped,
            Self::SignInBurst(_) => EventName::SignInBurst,
            Self::AuditBurst(_) => EventName::AuditBurst,
            Self::UserRegistered(_) => EventName::UserRegistered,
            Self::SettingsChanged(_) => EventName::SettingsChanged,
            Self::JobDead(_) => EventName::JobDead,
            Self::ScheduleMissed(_) => EventName::ScheduleMissed,
            Self::PanelUnreachable(_) => EventName::PanelUnreachable,
            Self::PanelBack(_) => EventName::PanelBack,
            Self::CertificateExpiring(_) => EventName::CertificateExpiring,
            Self::TokenExpiring(_) => EventName::TokenExpiring,
            Self::StoreReadOnly(_) => EventName::StoreReadOnly,
            Self::StoreWritable(_) => EventName::StoreWritable,
            Self::WebhookDisabled(_) => EventName::WebhookDisabled,
            Self::MailRefused(_) => EventName::MailRefused,
            Self::TicketCreated(_) => EventName::TicketCreated,
            Self::Notice(_) => EventName::Notice,
            Self::Test(_) => EventName::Test,
            Self::Object(facts) => facts.operation.event(facts.kind),
        }
    }

    /// The panel it is about.
    pub fn panel(&self) -> Option<PanelId> {
        match self {
            Self::SyncStarted(facts)
            | Self::SyncCompleted(facts)
            | Self::SyncFailed(facts)
            | Self::SyncCancelled(facts) => facts.panel,
            Self::DriftFound(facts) => Some(facts.panel),
            Self::RemovalStopped(facts) => Some(facts.panel),
            Self::PanelUnreachable(facts) | Self::PanelBack(facts) => Some(facts.panel),
            Self::CertificateExpiring(facts) => facts.panel,
            Self::Object(facts) => facts.panel,
            _ => None,
        }
    }

    /// What happened, one sentence for people.
    pub fn summary(&self) -> String {
        match self {
            Self::SyncStarted(facts) => format!("{} began.", sync(facts)),
            Self::SyncCompleted(facts) => format!("{} is done{}.", sync(facts), tally(facts)),
            Self::SyncFailed(facts) => format!("{} failed{}.", sync(facts), because(facts.error.as_deref())),
            Self::SyncCancelled(facts) => format!("{} was cancelled.", sync(facts)),
            Self::DriftFound(facts) => format!(
                "On {} {} do not fit together; after the sync before it were {}.",
                facts.panel_name,
                many(facts.findings, "thing"),
                facts.before
            ),
            Self::RemovalStopped(facts) => {
                let count: u64 = facts.removals.iter().map(|planned| planned.count).sum();
                format!("{} of {} would be removed; a person must decide.", many(count, "object"), facts.panel_name)
            }
            Self::SignInBurst(facts) => format!("{} failed sign-ins in a short time: {}.", facts.events, facts.name),
            Self::AuditBurst(facts) => format!("{} refusals in a short time: {}.", facts.events, facts.name),
            Self::UserRegistered(facts) => {
                let who = facts.username.as_ref().or(facts.email.as_ref());
                format!("{} made an account.", who.map_or("Somebody", String::as_str))
            }
            Self::SettingsChanged(facts) => {
                format!("{} changed {}.", facts.by, many(facts.changes.len() as u64, "setting"))
            }
            Self::JobDead(facts) => format!("A job {} failed for good: {}.", facts.kind, plain(&facts.error)),
            Self::ScheduleMissed(facts) => {
                format!("{} was due at {} and did not run: {}.", facts.name, facts.due_at, plain(&facts.why))
            }
            Self::PanelUnreachable(facts) => {
                format!(
                    "The panel {} does not answer as it should{}.",
                    facts.panel_name,
                    because(facts.trouble.as_deref())
                )
            }
            Self::PanelBack(facts) => format!("The panel {} answers again.", facts.panel_name),
            Self::CertificateExpiring(facts) => {
                format!("The certificate of {} {}.", facts.host, ends(facts.days))
            }
            Self::TokenExpiring(facts) => format!("The {} {} {}.", facts.kind, facts.name, ends(facts.days)),
            Self::StoreReadOnly(facts) => format!("Aviary takes no changes at the moment: {}.", plain(&facts.why)),
            Self::StoreWritable(_) => "Aviary takes changes again; nothing was lost.".into(),
            Self::WebhookDisabled(facts) => {
                format!("The webhook {} was turned off: {}.", facts.name, plain(&facts.why))
            }
            Self::MailRefused(facts) => format!("A mail to {} was refused: {}.", facts.to, plain(&facts.why)),
            Self::TicketCreated(facts) => match &facts.subject {
                Some(subject) => format!("A support ticket was opened: {}.", plain(subject)),
                None => "A support ticket was opened.".into(),
            },
            Self::Notice(facts) => format!("{} happened.", facts.event),
            Self::Test(facts) => format!("{} tries whether the webhook {} works.", facts.by, facts.name),
            Self::Object(facts) => object(facts),
        }
    }

    /// The facts: a JSON object.
    ///
    /// # Errors
    /// [`Error::Internal`] when they are no JSON; ours all are.
    pub fn data(&self) -> Result<String> {
        match self {
            Self::SyncStarted(facts)
            | Self::SyncCompleted(facts)
            | Self::SyncFailed(facts)
            | Self::SyncCancelled(facts) => json(facts),
            Self::DriftFound(facts) => json(facts),
            Self::RemovalStopped(facts) => json(facts),
            Self::SignInBurst(facts) | Self::AuditBurst(facts) => json(facts),
            Self::UserRegistered(facts) => json(facts),
            Self::SettingsChanged(facts) => json(facts),
            Self::JobDead(facts) => json(facts),
            Self::ScheduleMissed(facts) => json(facts),
            Self::PanelUnreachable(facts) | Self::PanelBack(facts) => json(facts),
            Self::CertificateExpiring(facts) => json(facts),
            Self::TokenExpiring(facts) => json(facts),
            Self::StoreReadOnly(facts) | Self::StoreWritable(facts) => json(facts),
            Self::WebhookDisabled(facts) => json(facts),
            Self::MailRefused(facts) => json(facts),
            Self::TicketCreated(facts) => json(facts),
            Self::Notice(facts) => json(facts),
            Self::Test(facts) => json(facts),
            Self::Object(facts) => json(facts),
        }
    }
}

fn json(facts: &impl Serialize) -> Result<String> {
    serde_json::to_string(facts).map_err(Error::internal)
}

fn sync(facts: &SyncFacts) -> String {
    match &facts.panel_name {
        Some(name) => format!("A sync of {name}"),
        None => "A sync".into(),
    }
}

fn tally(facts: &SyncFacts) -> String {
    match (facts.created, facts.updated, facts.removed) {
        (Some(0), Some(0), Some(0)) => ": nothing had changed".into(),
        (Some(created), Some(updated), Some(removed)) => {
            format!(": {created} created, {updated} updated, {removed} removed")
        }
        _ => String::new(),
    }
}

fn because(why: Option<&str>) -> String {
    why.map(plain).filter(|why| !why.is_empty()).map_or_else(String::new, |why| format!(": {why}"))
}

/// Without the full stop at its end, since the sentence around it has one.
fn plain(text: &str) -> &str {
    text.trim().trim_end_matches('.')
}

fn many(count: u64, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}

fn ends(days: u64) -> String {
    match days {
        0 => "is past its time, or will be within a day".into(),
        days => format!("is past its time in {}", many(days, "day")),
    }
}

fn object(facts: &ObjectFacts) -> String {
    let noun = facts.kind.noun();
    let name = if facts.name.is_empty() { String::new() } else { format!(" {}", facts.name) };
    let did = match facts.operation {
        What::Created => "is new".to_owned(),
        What::Removed => "is gone".into(),
        What::Suspended => format!("was suspended{}", because(facts.reason.as_deref())),
        What::Unsuspended => "is no longer suspended".into(),
        What::Updated => {
            let fields: Vec<_> = facts.changes.iter().map(|change| change.field.as_str()).take(5).collect();
            let more = facts.changes.len().saturating_sub(fields.len());
            match (fields.is_empty(), more) {
                (true, _) => "was changed".into(),
                (false, 0) => format!("was changed: {}", fields.join(", ")),
                (false, more) => format!("was changed: {} and {more} more", fields.join(", ")),
            }
        }
    };
    let article = if matches!(facts.kind, Kind::Allocation | Kind::Egg | Kind::EggVariable) { "An" } else { "A" };
    if name.is_empty() { format!("{article} {noun} {did}.") } else { format!("The {noun}{name} {did}.") }
}
