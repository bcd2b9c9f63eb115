use aviary_kernel::model::{EventName, Weight};

/// How an event looks on Discord.
pub(super) struct Look {
    /// The title of one.
    pub(super) title: String,
    /// The colour, `0xRRGGBB`.
    pub(super) color: u32,
}

const BLUE: u32 = 0x3B_82F6;
const GREEN: u32 = 0x22_C55E;
const RED: u32 = 0xEF_4444;
const AMBER: u32 = 0xF5_9E0B;
const GREY: u32 = 0x6B_7280;

/// How an event looks. Front ends and people know these titles and colours.
pub(super) fn look_of(event: EventName) -> Look {
    let look = |title: &str, color| Look { title: title.to_owned(), color };
    match event {
        EventName::SyncStarted => look("🔄 Sync Started", BLUE),
        EventName::SyncCompleted => look("✅ Sync Completed", GREEN),
        EventName::SyncFailed => look("❌ Sync Failed", RED),
        EventName::SyncCancelled => look("⚠️ Sync Cancelled", AMBER),
        EventName::DriftFound => look("🧩 Drift Found", AMBER),
        EventName::RemovalStopped => look("✋ Removal Needs a Decision", RED),
        EventName::SignInBurst => look("🔐 Many Failed Sign-ins", RED),
        EventName::AuditBurst => look("🚨 Many Refusals", RED),
        EventName::UserRegistered => look("👤 New User Registered", 0x8B_5CF6),
        EventName::SettingsChanged => look("⚙️ System Settings Updated", 0x2E_CC71),
        EventName::JobDead => look("💀 Job Failed for Good", RED),
        EventName::ScheduleMissed => look("⏰ Schedule Missed", AMBER),
        EventName::PanelUnreachable => look("🔌 Panel Unreachable", RED),
        EventName::PanelBack => look("🔌 Panel Back", GREEN),
        EventName::CertificateExpiring => look("📜 Certificate Expiring", AMBER),
        EventName::TokenExpiring => look("🔑 Key Expiring", AMBER),
        EventName::StoreReadOnly => look("💾 Read-only", RED),
        EventName::StoreWritable => look("💾 Writable Again", GREEN),
        EventName::WebhookDisabled => look("🔕 Webhook Turned Off", RED),
        EventName::MailRefused => look("✉️ Mail Refused", AMBER),
        EventName::TicketCreated => look("🎫 New Support Ticket", 0x0E_A5E9),
        EventName::Notice => look("📢 Notification", GREY),
        EventName::Test => look("🧪 Webhook Test", 0x2E_CC71),
        EventName::ServerCreated => look("🖥️ Server Created", 0x63_66F1),
        EventName::ServerUpdated => look("🖥️ Server Updated", BLUE),
        EventName::ServerRemoved => look("🗑️ Server Removed", GREY),
        EventName::ServerSuspended => look("⚠️ Server Suspended", AMBER),
        EventName::ServerUnsuspended => look("✅ Server Unsuspended", GREEN),
        other => Look { title: of_object(other), color: of_weight(other.weight()) },
    }
}

/// The title of many events of one name: `57 servers updated`.
pub(super) fn title_of_many(event: EventName, count: usize) -> String {
    if !event.is_of_mirror() {
        return format!("{count} × {}", look_of(event).title);
    }
    let (noun, verb) = words(event);
    format!("{count} {noun}s {verb}")
}

fn words(event: EventName) -> (String, String) {
    let (noun, verb) = event.name().split_once('.').unwrap_or((event.name(), ""));
    (noun.replace('_', " "), verb.replace('_', " "))
}

/// `Egg Variable Updated`.
fn of_object(event: EventName) -> String {
    let (noun, verb) = words(event);
    let capital = |word: &str| {
        let mut chars = word.chars();
        chars.next().map(|first| first.to_uppercase().chain(chars).collect::<String>()).unwrap_or_default()
    };
    noun.split(' ').chain(verb.split(' ')).map(capital).collect::<Vec<_>>().join(" ")
}

const fn of_weight(weight: Weight) -> u32 {
    match weight {
        Weight::Info => GREY,
        Weight::Warning => AMBER,
        Weight::Alert => RED,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_are_told_by_their_noun() {
        assert_eq!(title_of_many(EventName::ServerUpdated, 57), "57 servers updated");
        assert_eq!(title_of_many(EventName::EggVariableRemoved, 12), "12 egg variables removed");
        assert_eq!(title_of_many(EventName::SyncFailed, 11), "11 × ❌ Sync Failed");
        assert_eq!(look_of(EventName::EggVariableUpdated).title, "Egg Variable Updated");
    }

    #[test]
    fn every_event_has_a_title() {
        assert!(EventName::ALL.iter().all(|event| !look_of(*event).title.trim().is_empty()));
    }
}
