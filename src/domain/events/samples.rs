use std::collections::BTreeMap;

use aviary_kernel::base::Timestamp;
use aviary_kernel::model::{JobKind, Kind, PanelId};
use serde_json::{Value, json};
use uuid::Uuid;

use super::facts::{
    BurstFacts, CertificateFacts, Changed, DriftFacts, JobFacts, KeyFacts, MailFacts, NoticeFacts, ObjectFacts,
    PanelFacts, PlannedRemoval, RegisteredFacts, RemovalFacts, ScheduleFacts, SettingFact, SettingsFacts, StoreFacts,
    SyncFacts, TestFacts, Texts, TicketFacts, WebhookFacts, What,
};
use super::happening::Happening;

const PANEL: PanelId = PanelId(1);
const NAME: &str = "Main panel";

impl Happening {
    /// An example of every event, for the description of the API.
    pub fn samples() -> Vec<Self> {
        let mut samples = of_syncs();
        samples.extend(of_people());
        samples.extend(of_machines());
        samples.extend(of_other_programs());
        samples.extend(Kind::ALL.into_iter().flat_map(of_objects));
        samples
    }
}

fn id(number: u64) -> Uuid {
    Uuid::from_u64_pair(0x0199_2a5e_8c00_7000, 0x8000_0000_0000_0000 | number)
}

fn at(hours: i64) -> Timestamp {
    Timestamp::from_seconds(1_767_225_600 + hours * 3600)
}

fn texts(pairs: &[(&str, &str)]) -> Texts {
    pairs.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
}

fn of_syncs() -> Vec<Happening> {
    let asked = SyncFacts {
        sync: Some(id(1)),
        panel: Some(PANEL),
        panel_name: Some(NAME.into()),
        what: Some("full".into()),
        requested_by: Some("schedule".into()),
        ..SyncFacts::default()
    };
    let over = SyncFacts {
        duration: Some(12.84),
        created: Some(3),
        updated: Some(17),
        removed: Some(1),
        unchanged: Some(979),
        failed: Some(0),
        ..asked.clone()
    };
    vec![
        Happening::SyncStarted(asked),
        Happening::SyncCompleted(over.clone()),
        Happening::SyncFailed(over.clone().failed("servers: the panel answered 502 to page 4 of 10")),
        Happening::SyncCancelled(over),
        Happening::DriftFound(DriftFacts {
            panel: PANEL,
            panel_name: NAME.into(),
            findings: 5,
            before: 2,
            totals: BTreeMap::from([("no_owner".into(), 2), ("vanished".into(), 3)]),
        }),
        Happening::RemovalStopped(RemovalFacts {
            sync: id(1),
            panel: PANEL,
            panel_name: NAME.into(),
            removals: vec![PlannedRemoval { kind: Kind::Server.plural(), count: 240, held: 1000 }],
        }),
    ]
}

fn of_people() -> Vec<Happening> {
    let burst = |kind: &str, id: &str, name: &str| BurstFacts {
        kind: kind.into(),
        id: id.into(),
        name: name.into(),
        events: 10,
        within_s: 300,
    };
    vec![
        Happening::SignInBurst(burst("address", "203.0.113.7", "address 203.0.113.7")),
        Happening::AuditBurst(burst("route", "/api/v1/servers", "/api/v1/servers")),
        Happening::UserRegistered(RegisteredFacts {
            account: Some(id(2)),
            username: Some("ada".into()),
            email: Some("ada@example.com".into()),
            other: Texts::new(),
        }),
        Happening::SettingsChanged(SettingsFacts {
            by: "ada".into(),
            changes: vec![SettingFact {
                key: "site_name".into(),
                label: "Name".into(),
                old: Some("Aviary".into()),
                new: Some("Example Hosting".into()),
            }],
        }),
        Happening::TokenExpiring(KeyFacts {
            kind: "API key".into(),
            id: id(3).to_string(),
            name: "billing".into(),
            owner: Some("ada".into()),
            expires_at: at(24 * 7),
            days: 7,
        }),
    ]
}

fn of_machines() -> Vec<Happening> {
    let panel = |trouble: Option<&str>| PanelFacts {
        panel: PANEL,
        panel_name: NAME.into(),
        trouble: trouble.map(str::to_owned),
    };
    let store = StoreFacts { why: "No space left on device".into(), since: at(0) };
    vec![
        Happening::JobDead(JobFacts {
            job: id(4),
            kind: JobKind::Backup.name(),
            attempts: 3,
            error: "the folder /var/backups/aviary cannot be written to".into(),
            schedule: Some(id(5)),
        }),
        Happening::ScheduleMissed(ScheduleFacts {
            schedule: id(5),
            name: "Nightly backup".into(),
            work: "backup",
            due_at: at(3),
            why: "Aviary did not run".into(),
            missed: 1,
        }),
        Happening::PanelUnreachable(panel(Some("no answer within 30 s; is the panel running?"))),
        Happening::PanelBack(panel(None)),
        Happening::CertificateExpiring(CertificateFacts {
            host: "panel.example.com".into(),
            panel: Some(PANEL),
            expires_at: at(24 * 14),
            days: 14,
        }),
        Happening::StoreReadOnly(store.clone()),
        Happening::StoreWritable(store),
        Happening::WebhookDisabled(WebhookFacts {
            webhook: id(6),
            name: "Operations".into(),
            why: "20 tries in a row failed within 2 hours: the answer was 404".into(),
            dropped: 12,
        }),
        Happening::MailRefused(MailFacts {
            mail: 31,
            to: "bob@example.com".into(),
            kind: "reset-password".into(),
            why: "550 no such mailbox".into(),
        }),
        Happening::Test(TestFacts { webhook: id(6), name: "Operations".into(), by: "ada".into() }),
    ]
}

fn of_other_programs() -> Vec<Happening> {
    vec![
        Happening::TicketCreated(TicketFacts {
            subject: Some("The server does not start".into()),
            user: Some("ada".into()),
            priority: Some("high".into()),
            other: Texts::new(),
        }),
        Happening::Notice(NoticeFacts {
            event: "invoice.paid".into(),
            data: texts(&[("amount", "12.00 EUR"), ("invoice", "2026-0117")]),
        }),
    ]
}

fn of_objects(kind: Kind) -> Vec<Happening> {
    let changed = |field: &str, old: Value, new: Value| Changed { field: field.into(), old, new };
    let facts = |operation, changes| ObjectFacts {
        kind,
        operation,
        panel: Some(PANEL),
        id: Some(17),
        uuid: has_uuid(kind).then(|| id(7).to_string()),
        name: sample_name(kind).into(),
        owner: (kind == Kind::Server).then(|| "ada".into()),
        owner_id: (kind == Kind::Server).then_some(4),
        reason: None,
        sync: Some(id(1)),
        changes,
        other: Texts::new(),
    };
    let mut samples = vec![
        facts(What::Created, vec![changed("id", Value::Null, json!(17))]),
        facts(What::Updated, vec![changed("updatedAt", json!(at(0)), json!(at(1)))]),
        facts(What::Removed, vec![changed("id", json!(17), Value::Null)]),
    ];
    if kind == Kind::Server {
        samples.push(facts(What::Suspended, vec![changed("state", json!(null), json!("suspended"))]));
        samples.push(facts(What::Unsuspended, vec![changed("state", json!("suspended"), json!(null))]));
    }
    samples.into_iter().map(Happening::Object).collect()
}

fn has_uuid(kind: Kind) -> bool {
    matches!(kind, Kind::Server | Kind::Node | Kind::Nest | Kind::Egg | Kind::User)
}

fn sample_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Location => "eu-west",
        Kind::Node => "node-3",
        Kind::Allocation => "203.0.113.20:25565",
        Kind::Nest => "Minecraft",
        Kind::Egg => "Paper",
        Kind::EggVariable => "SERVER_JARFILE",
        Kind::User => "ada",
        Kind::Server => "survival-1",
        Kind::Database => "s17_world",
        Kind::Subuser => "bob",
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use aviary_kernel::model::EventName;

    use super::*;

    #[test]
    fn every_event_has_an_example_with_a_sentence_and_facts() {
        let samples = Happening::samples();
        let named: HashSet<_> = samples.iter().map(Happening::name).collect();
        for event in EventName::ALL {
            assert!(named.contains(event), "{event}");
        }
        for sample in samples {
            let summary = sample.summary();
            assert!(summary.ends_with('.') && !summary.contains(".."), "{summary}");
            let data: Value = serde_json::from_str(&sample.data().unwrap()).unwrap();
            assert!(data.as_object().is_some_and(|facts| !facts.is_empty()), "{}", sample.name());
        }
    }
}
