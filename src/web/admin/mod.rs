//! The pages. They work without scripts; those in `static/js` only make them more comfortable.
//!
//! A handler takes a [`desk::Desk`], asks for one snapshot, and shows a page struct. One file for each family of pages; what
//! they share stands in `desk` (frame), `prefers` (zone and units of the reader), `offer` (what is shown to whom), `listing` and `table` (lists), `object`, `card` and
//! `timeline` (single objects), `ask` (before what cannot be undone), `value` and `shown` (how things look), `query` and `links` (addresses).

mod allocations;
mod ask;
mod audit;
mod card;
mod chart;
mod columns;
mod compare;
mod databases;
mod deliveries;
mod desk;
mod drift;
mod events;
mod explained;
mod export;
mod field;
mod form;
mod fresh;
mod granted;
mod hears;
mod history;
mod icon;
mod jobs;
mod keys;
mod keys_help;
mod links;
mod listing;
mod locations;
mod login;
mod mailed;
mod mails;
mod me;
mod memo;
mod moment;
mod nav;
mod nests;
mod nodes;
mod notices;
mod object;
mod offer;
mod on_record;
mod outside;
mod overview;
mod palette;
mod panel;
mod panel_form;
mod panels;
mod people;
mod person;
mod person_acts;
mod person_form;
mod ports;
mod prefers;
mod query;
mod register;
mod removals;
mod role_change;
mod role_form;
mod roles;
mod schedule_form;
mod schedules;
mod search;
mod send_again;
mod servers;
mod setting;
mod settings;
mod setup;
mod setup_panel;
mod shown;
mod site;
mod sync_requests;
mod syncs;
mod table;
#[cfg(test)]
mod tests;
mod timeline;
mod users;
mod value;
mod webhook;
mod webhook_acts;
mod webhook_form;
mod webhooks;
mod well;
mod wording;

use actix_web::web::{Data, ServiceConfig};

use crate::door::Open;
use crate::map::Map;
use crate::page::{PageResult, see_other};

pub(crate) use fresh::Fresh;
pub(crate) use icon::icon;
pub(crate) use links::place;
pub(crate) use shown::sentence;

/// Puts the pages in place.
pub(crate) fn routes(config: &mut ServiceConfig) {
    config.app_data(Data::new(memo::Memo::default()));
    pages().register(config);
}

/// Every page.
fn pages() -> Map {
    Map::new()
        .get("/", start)
        .get("/admin", overview::page)
        .get("/admin/search", search::page)
        .post("/admin/search/saved", search::save)
        .post("/admin/search/saved/{id}/remove", search::remove)
        .get("/admin/palette", palette::part)
        .get("/admin/login", login::page)
        .post("/admin/login", login::sign_in)
        .post("/admin/logout", login::sign_out)
        .get("/admin/setup", setup::page)
        .post("/admin/setup", setup::make_first)
        .get("/admin/setup/panel", setup_panel::page)
        .post("/admin/setup/panel", setup_panel::connect)
        .get("/admin/register", register::page)
        .post("/admin/register", register::register)
        .get("/admin/verify-email", mailed::verify_page)
        .post("/admin/verify-email", mailed::verify)
        .get("/admin/forgot-password", mailed::forgot_page)
        .post("/admin/forgot-password", mailed::forgot)
        .get("/admin/reset-password", mailed::reset_page)
        .post("/admin/reset-password", mailed::reset)
        .get("/admin/magic-link", mailed::magic_page)
        .post("/admin/magic-link", mailed::magic)
        .get("/admin/me", me::profile::page)
        .post("/admin/me", me::profile::save)
        .get("/admin/keys-help", keys_help::page)
        .get("/admin/me/display", me::display::page)
        .post("/admin/me/display", me::display::save)
        .post("/admin/me/display/switch", me::display::switch)
        .get("/admin/me/security", me::security::page)
        .post("/admin/me/security/password", me::security::password)
        .post("/admin/me/security/email", me::security::email)
        .post("/admin/me/security/verification", me::security::verification)
        .get("/admin/me/security/sessions/end", me::security::ask_end_others)
        .post("/admin/me/security/sessions/end", me::security::end_session)
        .post("/admin/me/security/second-factor", me::second_factor::offer)
        .post("/admin/me/security/second-factor/on", me::second_factor::turn_on)
        .post("/admin/me/security/second-factor/codes", me::second_factor::renew_codes)
        .post("/admin/me/security/second-factor/off", me::second_factor::turn_off)
        .get("/admin/me/keys", me::keys::page)
        .post("/admin/me/keys", me::keys::make)
        .get("/admin/me/keys/{id}", me::keys::one)
        .post("/admin/me/keys/{id}/rotate", me::keys::rotate)
        .get("/admin/me/keys/{id}/revoke", me::keys::ask_revoke)
        .post("/admin/me/keys/{id}/revoke", me::keys::revoke)
        .get("/admin/export/{kind}", export::mirrored)
        .post("/admin/export/{kind}", export::mirrored)
        .get("/admin/servers", servers::list)
        .get("/admin/servers/{panel}/{id}", servers::one)
        .get("/admin/nodes", nodes::list)
        .get("/admin/nodes/{panel}/{id}", nodes::one)
        .get("/admin/allocations", allocations::list)
        .get("/admin/allocations/{panel}/{id}", allocations::one)
        .get("/admin/databases", databases::list)
        .get("/admin/databases/{panel}/{id}", databases::one)
        .get("/admin/users", users::list)
        .get("/admin/users/{panel}/{id}", users::one)
        .get("/admin/eggs", nests::eggs)
        .get("/admin/eggs/{panel}/{id}", nests::egg)
        .get("/admin/nests", nests::list)
        .get("/admin/nests/{panel}/{id}", nests::one)
        .get("/admin/locations", locations::list)
        .get("/admin/locations/{panel}/{id}", locations::one)
        .get("/admin/syncs", syncs::list)
        .post("/admin/syncs", syncs::start)
        .get("/admin/syncs/export", export::syncs)
        .post("/admin/syncs/export", export::syncs)
        .get("/admin/syncs/{id}", syncs::one)
        .get("/admin/syncs/{id}/part", syncs::part)
        .get("/admin/syncs/{id}/requests", sync_requests::list)
        .post("/admin/syncs/{id}/cancel", syncs::cancel)
        .get("/admin/syncs/{id}/removals", removals::page)
        .post("/admin/syncs/{id}/removals", removals::decide)
        .get("/admin/jobs", jobs::list)
        .get("/admin/jobs/standing", jobs::standing::part)
        .get("/admin/jobs/export", export::jobs)
        .post("/admin/jobs/export", export::jobs)
        .post("/admin/jobs/ticked", jobs::ticked::act)
        .get("/admin/jobs/bulk", jobs::bulk::ask)
        .post("/admin/jobs/bulk", jobs::bulk::act)
        .get("/admin/jobs/{id}", jobs::one::page)
        .get("/admin/jobs/{id}/part", jobs::one::part)
        .post("/admin/jobs/{id}/retry", jobs::one::retry)
        .post("/admin/jobs/{id}/cancel", jobs::one::cancel)
        .get("/admin/jobs/{id}/remove", jobs::one::ask_remove)
        .post("/admin/jobs/{id}/remove", jobs::one::remove)
        .get("/admin/history", history::page)
        .get("/admin/history/export", export::history)
        .get("/admin/history/compare", compare::page)
        .get("/admin/drift", drift::page)
        .get("/admin/audit", audit::page)
        .get("/admin/audit/export", audit::export)
        .post("/admin/audit/export", audit::export)
        .get("/admin/audit/{seq}", audit::one)
        .get("/admin/people", people::list)
        .post("/admin/people", person_form::add)
        .get("/admin/people/export", export::people)
        .post("/admin/people/export", export::people)
        .get("/admin/people/new", person_form::new)
        .get("/admin/people/{id}", person::page)
        .post("/admin/people/{id}/roles", person_acts::roles)
        .get("/admin/people/{id}/disable", person_acts::ask_disable)
        .post("/admin/people/{id}/disable", person_acts::disable)
        .post("/admin/people/{id}/enable", person_acts::enable)
        .get("/admin/people/{id}/sessions", person_acts::ask_end_all)
        .post("/admin/people/{id}/sessions", person_acts::end_all)
        .post("/admin/people/{id}/sessions/{session}", person_acts::end_one)
        .post("/admin/people/{id}/password", person_acts::password)
        .post("/admin/people/{id}/reset-link", person_acts::reset_link)
        .get("/admin/people/{id}/second-factor", person_acts::ask_second_factor)
        .post("/admin/people/{id}/second-factor", person_acts::second_factor)
        .post("/admin/people/{id}/unlock", person_acts::unlock)
        .get("/admin/people/{id}/remove", person_acts::ask_remove)
        .post("/admin/people/{id}/remove", person_acts::remove)
        .get("/admin/roles", roles::list)
        .post("/admin/roles", role_form::make)
        .get("/admin/roles/new", role_form::new)
        .get("/admin/roles/{name}", roles::one)
        .post("/admin/roles/{name}", roles::save)
        .get("/admin/roles/{name}/remove", roles::ask_remove)
        .post("/admin/roles/{name}/remove", roles::remove)
        .get("/admin/api-keys", keys::list)
        .get("/admin/api-keys/{id}", keys::one)
        .get("/admin/api-keys/{id}/revoke", keys::ask_revoke)
        .post("/admin/api-keys/{id}/revoke", keys::revoke)
        .get("/admin/mails", mails::list)
        .get("/admin/mails/export", export::mails)
        .post("/admin/mails/export", export::mails)
        .get("/admin/mails/kept", mails::kept::ask)
        .post("/admin/mails/kept", mails::kept::send)
        .get("/admin/mails/templates", mails::templates::page)
        .post("/admin/mails/test", mails::templates::test)
        .get("/admin/mails/templates/{template}", mails::templates::one)
        .get("/admin/mails/templates/{template}/html", mails::templates::framed)
        .get("/admin/mails/{number}", mails::one::page)
        .get("/admin/mails/{number}/html", mails::one::framed)
        .post("/admin/mails/{number}/again", mails::one::again)
        .get("/admin/mails/{number}/drop", mails::one::ask_drop)
        .post("/admin/mails/{number}/drop", mails::one::drop_it)
        .get("/admin/webhooks", webhooks::list)
        .post("/admin/webhooks", webhook_form::make)
        .get("/admin/webhooks/new", webhook_form::new)
        .get("/admin/webhooks/{id}", webhook::page)
        .get("/admin/webhooks/{id}/edit", webhook_form::edit)
        .post("/admin/webhooks/{id}/edit", webhook_form::save)
        .post("/admin/webhooks/{id}/test", webhook::test)
        .post("/admin/webhooks/{id}/enable", webhook_acts::enable)
        .get("/admin/webhooks/{id}/disable", webhook_acts::ask_disable)
        .post("/admin/webhooks/{id}/disable", webhook_acts::disable)
        .get("/admin/webhooks/{id}/secret", webhook_acts::secret)
        .post("/admin/webhooks/{id}/secret", webhook_acts::reveal)
        .get("/admin/webhooks/{id}/renew", webhook_acts::ask_renew)
        .post("/admin/webhooks/{id}/renew", webhook_acts::renew)
        .get("/admin/webhooks/{id}/remove", webhook_acts::ask_remove)
        .post("/admin/webhooks/{id}/remove", webhook_acts::remove)
        .get("/admin/webhooks/{id}/deliveries", deliveries::list)
        .get("/admin/webhooks/{id}/deliveries/export", export::deliveries)
        .post("/admin/webhooks/{id}/deliveries/export", export::deliveries)
        .post("/admin/webhooks/{id}/deliveries/again", deliveries::again_ticked)
        .get("/admin/webhooks/{id}/drop", webhook_acts::ask_drop)
        .post("/admin/webhooks/{id}/drop", webhook_acts::drop_waiting)
        .get("/admin/webhooks/{id}/again", send_again::ask)
        .post("/admin/webhooks/{id}/again", send_again::send)
        .get("/admin/deliveries/{id}", deliveries::one)
        .post("/admin/deliveries/{id}/again", deliveries::again)
        .get("/admin/events", events::list)
        .get("/admin/events/export", export::events)
        .post("/admin/events/export", export::events)
        .get("/admin/events/{id}", events::one)
        .get("/admin/panels", panels::list)
        .post("/admin/panels", panel_form::add)
        .get("/admin/panels/new", panel_form::new)
        .post("/admin/panels/schedule", panels::schedule)
        .get("/admin/panels/{id}", panel::one)
        .get("/admin/panels/{id}/edit", panel_form::edit)
        .post("/admin/panels/{id}/edit", panel_form::save)
        .post("/admin/panels/{id}/test", panel::test)
        .get("/admin/panels/{id}/remove", panel::ask_remove)
        .post("/admin/panels/{id}/remove", panel::remove)
        .get("/admin/schedules", schedules::list)
        .post("/admin/schedules", schedule_form::make)
        .get("/admin/schedules/new", schedule_form::new)
        .get("/admin/schedules/{id}", schedules::one)
        .get("/admin/schedules/{id}/edit", schedule_form::edit)
        .post("/admin/schedules/{id}/edit", schedule_form::save)
        .post("/admin/schedules/{id}/run", schedules::run)
        .post("/admin/schedules/{id}/pause", schedules::pause)
        .post("/admin/schedules/{id}/resume", schedules::resume)
        .post("/admin/schedules/{id}/reset", schedules::reset)
        .get("/admin/schedules/{id}/remove", schedules::ask_remove)
        .post("/admin/schedules/{id}/remove", schedules::remove)
        .get("/admin/settings", settings::page)
        .post("/admin/settings", settings::save)
        .post("/admin/settings/test/{what}", setting::test)
        .get("/admin/settings/{key}", setting::page)
        .post("/admin/settings/{key}/undo", setting::undo)
}

async fn start(_: Open) -> PageResult {
    Ok(see_other("/admin"))
}
