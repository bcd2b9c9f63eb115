use aviary_kernel::base::Result;
use aviary_kernel::model::{AccountId, HookTarget, PanelId, ScheduleId, ScheduledWork, WebhookId};
use aviary_kernel::store::Read;
use aviary_kernel::store::tables::{ACCOUNTS, PANELS, SCHEDULES, WEBHOOKS};

use super::{Doc, Place};

/// A panel.
pub(super) fn panel(reader: &impl Read, id: PanelId) -> Result<Option<Doc>> {
    let Some(panel) = reader.get(PANELS, &id)? else { return Ok(None) };
    let state = match (&panel.reach.at, &panel.reach.trouble) {
        _ if panel.removing => Some("removing"),
        (_, Some(_)) => Some("unreachable"),
        (Some(_), None) => Some("reachable"),
        (None, None) => None,
    };
    let doc = Doc::new(Place::Panel(id), panel.name).of(id).at(panel.created_at).with(state, Doc::state);
    Ok(Some(
        doc.word("Address", "url", panel.base_url)
            .telling()
            .with(panel.dialect, |doc, dialect| doc.fact("Kind", "type", dialect.name()))
            .with(panel.reach.trouble, |doc, trouble| doc.text("Trouble", trouble)),
    ))
}

/// Somebody's account.
pub(super) fn account(reader: &impl Read, id: AccountId) -> Result<Option<Doc>> {
    let Some(account) = reader.get(ACCOUNTS, &id)? else { return Ok(None) };
    let profile = account.profile;
    let full = [profile.first_name, profile.last_name].into_iter().flatten().collect::<Vec<_>>().join(" ");
    let doc = Doc::new(Place::Account(id), account.username).at(account.updated_at);
    let doc = doc.state(if account.is_active { "active" } else { "disabled" });
    Ok(Some(
        doc.word("Address", "email", account.email.as_str())
            .telling()
            .name("Name", full)
            .with(profile.company_name, |doc, name| doc.name("Company", name))
            .each(account.roles, |doc, role| doc.fact("Role", "role", role))
            .word("Id", "id", id.to_string()),
    ))
}

/// A webhook. Of its address only what is shown to anybody.
pub(super) fn webhook(reader: &impl Read, id: WebhookId) -> Result<Option<Doc>> {
    let Some(hook) = reader.get(WEBHOOKS, &id)? else { return Ok(None) };
    let doc = Doc::new(Place::Webhook(id), hook.name).at(hook.updated_at);
    let doc = doc.state(if hook.is_enabled { "enabled" } else { "disabled" });
    let doc = doc.fact("Sends to", "type", hook.target.word());
    let doc = match hook.target {
        HookTarget::Discord { shown, .. } | HookTarget::Http { shown, .. } => {
            doc.fact("Address", "url", shown).telling()
        }
        HookTarget::Mail { to } => doc.each(to, |doc, to| doc.word("Receiver", "email", to.as_str()).telling()),
    };
    Ok(Some(
        doc.text("Description", hook.description)
            .each(hook.events, |doc, pattern| doc.fact("Events", "event", pattern.text()))
            .with(hook.disabled_why, |doc, why| doc.text("Turned off", why))
            .word("Id", "id", id.to_string()),
    ))
}

/// A schedule.
pub(super) fn schedule(reader: &impl Read, id: ScheduleId) -> Result<Option<Doc>> {
    let Some(schedule) = reader.get(SCHEDULES, &id)? else { return Ok(None) };
    let doc = Doc::new(Place::Schedule(id), schedule.name).at(schedule.changed_at);
    let doc = doc.state(if schedule.is_paused { "paused" } else { "active" });
    let doc = match schedule.work {
        ScheduledWork::Sync { panel, .. } => doc.of(panel),
        _ => doc,
    };
    Ok(Some(
        doc.fact("Does", "job", schedule.work.word())
            .telling()
            .fact("Made by", "by", schedule.made_by)
            .with(schedule.trouble, |doc, trouble| doc.text("Trouble", trouble))
            .word("Id", "id", id.to_string()),
    ))
}
