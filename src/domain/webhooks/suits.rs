use aviary_kernel::model::{EventPattern, HookScope, HookTopic};

/// The events that suit what a webhook is about and whom it is for; for those made without a list of their own. Who is no
/// administrator hears of servers only.
pub fn suited_events(topic: HookTopic, scope: HookScope) -> Vec<EventPattern> {
    let of_servers: &[&str] = match topic {
        HookTopic::GameServer => &["server.*"],
        HookTopic::Billing => &["server.created", "server.suspended", "server.unsuspended", "server.removed"],
        _ => &[],
    };
    let for_administrators: &[&str] = match topic {
        HookTopic::System => &[
            "sync.*",
            "drift.*",
            "removal.*",
            "settings.*",
            "job.*",
            "schedule.*",
            "panel.*",
            "store.*",
            "webhook.*",
            "mail.*",
        ],
        HookTopic::Security => &["sign_in.*", "audit.*", "user.registered", "token.*", "certificate.*"],
        HookTopic::Support => &["support.*"],
        HookTopic::Vps | HookTopic::Custom => &["notice.posted"],
        HookTopic::GameServer | HookTopic::Billing => &[],
    };
    let more = if scope == HookScope::Admin { for_administrators } else { &[] };
    of_servers.iter().chain(more).filter_map(|text| EventPattern::parse(text).ok()).collect()
}

#[cfg(test)]
mod tests {
    use aviary_kernel::model::EventName;

    use super::*;

    fn hears(topic: HookTopic, scope: HookScope, event: EventName) -> bool {
        suited_events(topic, scope).iter().any(|pattern| pattern.covers(event))
    }

    #[test]
    fn every_topic_has_events_for_administrators_and_none_is_misspelt() {
        for topic in HookTopic::ALL {
            assert!(!suited_events(*topic, HookScope::Admin).is_empty(), "{topic:?}");
        }
        assert_eq!(suited_events(HookTopic::System, HookScope::Admin).len(), 10);
        assert_eq!(suited_events(HookTopic::Security, HookScope::Admin).len(), 5);
    }

    #[test]
    fn the_public_hears_of_servers_and_of_nothing_else() {
        assert!(hears(HookTopic::GameServer, HookScope::Public, EventName::ServerCreated));
        assert!(hears(HookTopic::Billing, HookScope::User, EventName::ServerSuspended));
        for topic in HookTopic::ALL {
            for event in EventName::ALL.iter().filter(|event| event.noun() != "server") {
                assert!(!hears(*topic, HookScope::Public, *event), "{topic:?} {event}");
            }
        }
    }
}
