//! What a webhook hears of: in words, and as choices on its form.

use aviary_domain::webhooks::suited_events;
use aviary_kernel::model::{EventName, EventPattern, HookScope, HookTopic, Webhook, Weight};

use super::desk::Known;
use super::shown;

/// Patterns that are named; the others are counted.
const NAMED: usize = 4;

/// Events under a heading, to be ticked.
pub(super) struct EventGroup {
    pub(super) title: &'static str,
    pub(super) choices: Vec<EventChoice>,
    /// Whether one of them is ticked.
    pub(super) is_used: bool,
}

/// An event or a pattern, to be ticked.
pub(super) struct EventChoice {
    pub(super) pattern: String,
    pub(super) says: String,
    pub(super) on: bool,
}

/// The headings, in the order in which they stand on the form.
const TITLES: [&str; 8] = [
    "Servers",
    "Syncs and the mirror",
    "People and security",
    "Aviary and its panels",
    "Nodes and locations",
    "Allocations, databases, subusers",
    "Nests and eggs",
    "From other programs",
];

fn title_of(event: EventName) -> &'static str {
    let at = match event.noun() {
        "server" => 0,
        "sync" | "drift" | "removal" => 1,
        "sign_in" | "user" | "settings" | "audit" | "token" => 2,
        "node" | "location" => 4,
        "allocation" | "database" | "subuser" => 5,
        "nest" | "egg" | "egg_variable" => 6,
        "support" | "notice" => 7,
        _ => 3,
    };
    TITLES[at]
}

/// Every event and pattern, by heading. What is ticked and fits nowhere, such as `*`, is for the caller.
pub(super) fn groups(ticked: &[String]) -> Vec<EventGroup> {
    let on = |pattern: &str| ticked.iter().any(|text| text == pattern);
    let choice = |pattern: String, says: String| EventChoice { on: on(&pattern), pattern, says };
    let mut groups: Vec<EventGroup> =
        TITLES.iter().map(|title| EventGroup { title, choices: Vec::new(), is_used: false }).collect();
    let told = EventName::ALL.iter().filter(|event| **event != EventName::Test);
    for event in told.clone() {
        let Some(group) = groups.iter_mut().find(|group| group.title == title_of(*event)) else { continue };
        let all = format!("{}.*", event.noun());
        let has_kin = told.clone().filter(|other| other.noun() == event.noun()).count() > 1;
        // A stored pattern that is no choice of its own would be lost when the form is saved.
        if (has_kin || on(&all)) && !group.choices.iter().any(|choice| choice.pattern == all) {
            group.choices.push(choice(all, format!("All of {}", many(event.noun()))));
        }
        group.choices.push(choice(event.name().to_owned(), event.says().to_owned()));
    }
    for group in &mut groups {
        // A noun may have events far apart in the list.
        group.choices.sort_by_key(|choice| choice.pattern.split('.').next().map(str::to_owned));
        group.is_used = group.choices.iter().any(|choice| choice.on);
    }
    groups
}

/// `server` as `servers`, `sign_in` as `sign-ins`.
fn many(noun: &str) -> String {
    match noun {
        "drift" | "settings" | "support" | "audit" => noun.replace("audit", "the audit trail"),
        "store" => "the data file".into(),
        "sign_in" => "sign-ins".into(),
        _ => format!("{}s", noun.replace('_', " ")),
    }
}

/// A pattern in words.
fn pattern_words(pattern: &EventPattern) -> String {
    match pattern.text().strip_suffix(".*") {
        Some(noun) => many(noun),
        None => pattern.text().replace(['.', '_'], " "),
    }
}

/// What a webhook hears of: `servers, sync failed and 3 more of Main panel, warnings and alerts only`.
pub(super) fn words(known: &Known, hook: &Webhook) -> String {
    let mut out = of_events(hook);
    if !hook.panels.is_empty() {
        let names: Vec<_> = hook.panels.iter().map(|id| shown::short(&known.panel_name(*id), 40)).collect();
        out.push_str(&format!(" of {}", shown::listed(&names)));
    }
    match hook.least {
        Weight::Info => {}
        Weight::Warning => out.push_str(", warnings and alerts only"),
        Weight::Alert => out.push_str(", alerts only"),
    }
    out
}

fn of_events(hook: &Webhook) -> String {
    if hears_all(hook) {
        return "everything".into();
    }
    let mut names: Vec<_> = hook.events.iter().take(NAMED).map(pattern_words).collect();
    match hook.events.len() {
        0 => "nothing by itself".into(),
        n if n > NAMED => {
            names.push(format!("{} more", n - NAMED));
            shown::listed(&names)
        }
        _ => shown::listed(&names),
    }
}

/// The patterns that suit a topic and a scope, as texts.
pub(super) fn suited(topic: HookTopic, scope: HookScope) -> Vec<String> {
    suited_events(topic, scope).iter().map(|pattern| pattern.text().to_owned()).collect()
}

/// A topic, for people.
pub(super) fn topic_words(topic: HookTopic) -> &'static str {
    match topic {
        HookTopic::GameServer => "Game servers",
        HookTopic::Vps => "Virtual servers",
        HookTopic::System => "The system",
        HookTopic::Billing => "Billing",
        HookTopic::Security => "Security",
        HookTopic::Support => "Support",
        HookTopic::Custom => "Something else",
    }
}

/// What a webhook is about, for people: one that hears of everything is about everything.
pub(super) fn about_words(hook: &Webhook) -> &'static str {
    match hook.topic {
        HookTopic::Custom if hears_all(hook) => "Everything",
        topic => topic_words(topic),
    }
}

fn hears_all(hook: &Webhook) -> bool {
    hook.events.iter().any(|pattern| pattern.text() == "*")
}

/// A scope, for people.
pub(super) fn scope_words(scope: HookScope) -> &'static str {
    match scope {
        HookScope::Admin => "Administrators",
        HookScope::User => "Customers",
        HookScope::Public => "Everybody",
    }
}

/// A weight, for people.
pub(super) fn weight_words(weight: Weight) -> &'static str {
    match weight {
        Weight::Info => "Everything, small things too",
        Weight::Warning => "Warnings and alerts",
        Weight::Alert => "Alerts only",
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_event_can_be_ticked_and_stands_once() {
        let groups = groups(&["drift.*".into()]);
        let all: Vec<_> = groups.iter().flat_map(|group| &group.choices).map(|choice| choice.pattern.clone()).collect();
        let unique: HashSet<_> = all.iter().cloned().collect();
        assert_eq!(all.len(), unique.len());
        for event in EventName::ALL.iter().filter(|event| **event != EventName::Test) {
            assert!(unique.contains(event.name()), "{event}");
        }
        assert!(all.iter().all(|pattern| EventPattern::parse(pattern).is_ok()));
        assert!(groups.iter().all(|group| !group.choices.is_empty()), "no heading is empty");
    }

    #[test]
    fn whatever_suits_a_topic_has_a_box_that_is_ticked() {
        for topic in HookTopic::ALL {
            let ticked = suited(*topic, HookScope::Admin);
            let on: HashSet<_> = groups(&ticked)
                .into_iter()
                .flat_map(|group| group.choices)
                .filter(|c| c.on)
                .map(|c| c.pattern)
                .collect();
            assert_eq!(on, ticked.into_iter().collect(), "{topic:?}");
        }
    }
}
