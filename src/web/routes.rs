//! The whole URL map.

use actix_web::HttpRequest;
use actix_web::web::{self, ServiceConfig};

use crate::answer::is_page;
use crate::api::auth::{enter, links};
use crate::api::lists::{allocations, eggs, nodes, servers, users};
use crate::api::{
    accounts, api_keys, audit, backups, check, dashboard, deliveries, discord_webhooks, email, events, health, history,
    index, jobs, live, me, mirror, panels, queues, removals, reports, repos, roles, schedules, search, searches,
    secret, setting, settings, stats, sync, syncs, tickets, webhooks,
};
use crate::map::Map;
use crate::page::PageError;
use crate::problem::Problem;
use crate::{admin, assets, openapi};

/// What programs use. Every route stands in `/openapi.json` too; a test compares the two.
pub fn api() -> Map {
    Map::new()
        // Everybody.
        .get("/health", health::health)
        .get("/readyz", health::ready)
        .get("/openapi.json", openapi::document_route)
        .get("/api/stats", stats::stats)
        .get("/api/panel/counts", stats::panel_counts)
        .get("/api/panel/nodes", stats::panel_nodes)
        // Signing in, as in the older API.
        .post("/api/v1/auth/login", enter::login)
        .post("/api/v1/auth/validate", enter::validate)
        .post("/api/v1/auth/refresh", enter::refresh)
        .post("/api/v1/auth/logout", enter::logout)
        .get("/api/v1/auth/me", enter::me)
        .post("/api/v1/auth/register", links::register)
        .post("/api/v1/auth/verify-email", links::verify_email)
        .post("/api/v1/auth/forgot-password", links::forgot_password)
        .post("/api/v1/auth/reset-password", links::reset_password)
        .post("/api/v1/auth/magic-link", links::magic_link)
        .post("/api/v1/auth/magic-link/verify", links::magic_link_verify)
        .get("/api/v1/auth/check-email", links::check_email)
        .get("/api/v1/auth/users/{id}", links::user)
        // The dashboard of the older API.
        .get("/api/v1/dashboard/stats", dashboard::stats)
        .get("/api/v1/dashboard/servers", dashboard::servers)
        .get("/api/v1/dashboard/account", dashboard::account)
        .put("/api/v1/dashboard/account", dashboard::change_account)
        .put("/api/v1/dashboard/account/password", dashboard::change_password)
        .post("/api/v1/dashboard/account/resend-verification", dashboard::resend_verification)
        .post("/api/v1/dashboard/account/change-email", dashboard::change_email)
        // What is one's own.
        .get("/api/v1/me", me::me)
        .get("/api/v1/me/sessions", me::sessions)
        .delete("/api/v1/me/sessions", me::end_other_sessions)
        .delete("/api/v1/me/sessions/{id}", me::end_session)
        .get("/api/v1/me/preferences", me::preferences)
        .patch("/api/v1/me/preferences", me::change_preferences)
        .post("/api/v1/me/second-factor", me::offer)
        .post("/api/v1/me/second-factor/enable", me::enable)
        .post("/api/v1/me/second-factor/disable", me::disable)
        .post("/api/v1/me/second-factor/codes", me::renew_codes)
        .post("/api/v1/tickets", tickets::ticket)
        // Finding anything.
        .get("/api/v1/search", search::find)
        .stream("/api/v1/search/export", search::export)
        .stream("/api/v1/search/tail", search::tail)
        .get("/api/v1/searches", searches::list)
        .post("/api/v1/searches", searches::save)
        .delete("/api/v1/searches/{id}", searches::remove)
        // The admin area of the older API.
        .get("/api/admin/users", users::users)
        .post("/api/admin/users/roles", users::set_roles)
        .get("/api/admin/servers", servers::servers)
        .get("/api/admin/nodes", nodes::nodes)
        .get("/api/admin/nodes/{id}/allocations", allocations::node_allocations)
        .patch("/api/admin/nodes/{id}/maintenance", nodes::maintenance)
        .get("/api/admin/locations", nodes::locations)
        .get("/api/admin/allocations", allocations::allocations)
        .get("/api/admin/nests", eggs::nests)
        .get("/api/admin/eggs", eggs::eggs)
        .get("/api/admin/stats", stats::admin)
        .get("/api/admin/sync", sync::status)
        .post("/api/admin/sync", sync::start)
        .post("/api/admin/sync/cancel", sync::cancel)
        .get("/api/admin/sync/logs", sync::logs)
        .get("/api/admin/sync/settings", sync::settings)
        .post("/api/admin/sync/settings", sync::set_settings)
        .stream("/api/admin/sync/stream/{id}", sync::stream)
        .get("/api/admin/settings", settings::all)
        .post("/api/admin/settings", settings::save)
        .put("/api/admin/settings", settings::reset)
        .post("/api/admin/settings/test", settings::test)
        .get("/api/admin/settings/repos", repos::list)
        .post("/api/admin/settings/repos", repos::add)
        .put("/api/admin/settings/repos", repos::replace)
        .delete("/api/admin/settings/repos", repos::remove)
        .get("/api/admin/settings/webhooks", discord_webhooks::list)
        .post("/api/admin/settings/webhooks", discord_webhooks::make)
        .put("/api/admin/settings/webhooks", discord_webhooks::change)
        .patch("/api/admin/settings/webhooks", discord_webhooks::test)
        .delete("/api/admin/settings/webhooks", discord_webhooks::remove)
        .delete("/api/admin/settings/webhooks/{id}", discord_webhooks::remove_named)
        // For other back ends, as in the older API.
        .post("/api/v1/sync/full", sync::v1_full)
        .post("/api/v1/sync/cancel/{id}", sync::v1_cancel)
        .get("/api/v1/sync/status/{id}", sync::v1_status)
        .get("/api/v1/sync/logs", sync::v1_logs)
        .get("/api/v1/sync/latest", sync::v1_latest)
        .post("/api/v1/sync/{target}", sync::v1_target)
        .get("/api/v1/stats/overview", stats::overview)
        .get("/api/v1/stats/servers", stats::servers)
        .get("/api/v1/stats/users", stats::users)
        .get("/api/v1/stats/admin", stats::v1_admin)
        .post("/api/v1/email/queue", email::queue)
        .post("/api/v1/webhook/dispatch", discord_webhooks::dispatch)
        // People.
        .get("/api/v1/accounts", accounts::list)
        .post("/api/v1/accounts", accounts::make)
        .get("/api/v1/accounts/{id}", accounts::one)
        .patch("/api/v1/accounts/{id}", accounts::change)
        .delete("/api/v1/accounts/{id}", accounts::remove)
        .post("/api/v1/accounts/{id}/disable", accounts::disable)
        .post("/api/v1/accounts/{id}/enable", accounts::enable)
        .post("/api/v1/accounts/{id}/roles", accounts::roles)
        .post("/api/v1/accounts/{id}/password", accounts::password)
        .post("/api/v1/accounts/{id}/reset-second-factor", accounts::reset_second_factor)
        .post("/api/v1/accounts/{id}/unlock", accounts::unlock)
        .post("/api/v1/accounts/{id}/reset-link", accounts::reset_link)
        // Panels and syncs.
        .get("/api/v1/panels", panels::list)
        .post("/api/v1/panels", panels::add)
        .get("/api/v1/panels/{id}", panels::one)
        .patch("/api/v1/panels/{id}", panels::patch)
        .delete("/api/v1/panels/{id}", panels::remove)
        .post("/api/v1/panels/{id}/test", panels::test)
        .post("/api/v1/panels/{id}/sync", syncs::start)
        .get("/api/v1/syncs", syncs::list)
        .get("/api/v1/syncs/{id}", syncs::one)
        .get("/api/v1/syncs/{id}/requests", syncs::requests)
        .post("/api/v1/syncs/{id}/cancel", syncs::cancel)
        .stream("/api/v1/syncs/{id}/events", syncs::events)
        .get("/api/v1/removals", removals::list)
        .get("/api/v1/removals/{sync}", removals::one)
        .post("/api/v1/removals/{sync}/confirm", removals::confirm)
        .post("/api/v1/removals/{sync}/refuse", removals::refuse)
        // Mails.
        .get("/api/v1/mails", email::list)
        .get("/api/v1/mails/counts", email::counts)
        .post("/api/v1/mails/kept", email::kept)
        .post("/api/v1/mails/test", email::test)
        .get("/api/v1/mails/templates", email::previews)
        .get("/api/v1/mails/templates/{name}", email::preview)
        .get("/api/v1/mails/{number}", email::one)
        .post("/api/v1/mails/{number}/again", email::again)
        .post("/api/v1/mails/{number}/drop", email::drop_one)
        // Jobs.
        .get("/api/v1/queues/stats", queues::stats)
        .get("/api/v1/jobs", jobs::list)
        .post("/api/v1/jobs/bulk", jobs::bulk)
        .stream("/api/v1/jobs/events", jobs::follow)
        .get("/api/v1/jobs/{id}", jobs::one)
        .delete("/api/v1/jobs/{id}", jobs::remove)
        .post("/api/v1/jobs/{id}/retry", jobs::retry)
        .post("/api/v1/jobs/{id}/cancel", jobs::cancel)
        .stream("/api/v1/jobs/{id}/events", jobs::events)
        // What moves.
        .stream("/api/v1/live", live::live)
        // The mirror.
        .get("/api/v1/mirror/{kind}", mirror::list)
        .get("/api/v1/mirror/{kind}/{id}", mirror::one)
        .get("/api/v1/mirror/{kind}/{id}/history", history::of_object)
        .get("/api/v1/mirror/{kind}/{id}/compare", history::compare)
        .get("/api/v1/history", history::list)
        .get("/api/v1/drift", reports::drift)
        .get("/api/v1/counts", reports::counts)
        .post("/api/v1/check", check::check)
        .get("/api/v1/search/standing", index::standing)
        .post("/api/v1/reindex", index::reindex)
        .get("/api/v1/backups", backups::list)
        .post("/api/v1/backups", backups::make)
        // Who hears of what.
        .get("/api/v1/webhooks", webhooks::list)
        .post("/api/v1/webhooks", webhooks::make)
        .get("/api/v1/webhooks/{id}", webhooks::one)
        .patch("/api/v1/webhooks/{id}", webhooks::change)
        .delete("/api/v1/webhooks/{id}", webhooks::remove)
        .post("/api/v1/webhooks/{id}/enable", webhooks::enable)
        .post("/api/v1/webhooks/{id}/disable", webhooks::disable)
        .post("/api/v1/webhooks/{id}/test", webhooks::test)
        .get("/api/v1/webhooks/{id}/secret", webhooks::secret)
        .post("/api/v1/webhooks/{id}/renew-secret", webhooks::renew_secret)
        .get("/api/v1/webhooks/{id}/deliveries", deliveries::list)
        .post("/api/v1/webhooks/{id}/redeliver", deliveries::redeliver_all)
        .delete("/api/v1/webhooks/{id}/waiting", deliveries::drop_waiting)
        .get("/api/v1/deliveries/{id}", deliveries::one)
        .post("/api/v1/deliveries/{id}/redeliver", deliveries::redeliver)
        .get("/api/v1/events", events::list)
        .get("/api/v1/events/{id}", events::one)
        .get("/api/v1/event-types", events::types)
        // What runs by itself.
        .get("/api/v1/schedules", schedules::list)
        .post("/api/v1/schedules", schedules::make)
        .post("/api/v1/schedules/preview", schedules::preview)
        .get("/api/v1/schedules/{id}", schedules::one)
        .patch("/api/v1/schedules/{id}", schedules::patch)
        .delete("/api/v1/schedules/{id}", schedules::remove)
        .post("/api/v1/schedules/{id}/run", schedules::run)
        .post("/api/v1/schedules/{id}/pause", schedules::pause)
        .post("/api/v1/schedules/{id}/resume", schedules::resume)
        .post("/api/v1/schedules/{id}/reset", schedules::reset)
        // Settings.
        .get("/api/v1/settings", setting::list)
        .patch("/api/v1/settings", setting::patch)
        .post("/api/v1/settings/test/{what}", setting::test)
        .get("/api/v1/settings/{key}/history", setting::history)
        .post("/api/v1/settings/{key}/undo", setting::undo)
        // Who may what.
        .get("/api/v1/roles", roles::list)
        .post("/api/v1/roles", roles::make)
        .get("/api/v1/roles/{name}", roles::one)
        .patch("/api/v1/roles/{name}", roles::change)
        .delete("/api/v1/roles/{name}", roles::remove)
        .get("/api/v1/permissions", roles::permissions)
        .get("/api/v1/accounts/{id}/permissions", roles::explain_all)
        .get("/api/v1/accounts/{id}/permissions/{permission}", roles::explain)
        .get("/api/v1/api-keys", api_keys::list)
        .post("/api/v1/api-keys", api_keys::make)
        .get("/api/v1/api-keys/{id}", api_keys::one)
        .patch("/api/v1/api-keys/{id}", api_keys::change)
        .delete("/api/v1/api-keys/{id}", api_keys::revoke)
        .get("/api/v1/api-keys/{id}/permissions", api_keys::explain)
        .post("/api/v1/api-keys/{id}/rotate", api_keys::rotate)
        // The owner of the program, through the local socket.
        .get("/api/v1/secret/rotation", secret::rotation)
        .post("/api/v1/secret/rotate", secret::rotate)
        // Who did what.
        .get("/api/v1/audit", audit::list)
        .get("/api/v1/audit/actions", audit::actions)
        .stream("/api/v1/audit/export", audit::export)
        .post("/api/v1/audit/verify", audit::verify)
        .get("/api/v1/audit/{seq}", audit::one)
}

/// Puts everything in place.
pub(crate) fn routes(config: &mut ServiceConfig) {
    api().register(config);
    Map::new().get("/static/{path:.*}", assets::asset).register(config);
    admin::routes(config);
    config.default_service(web::to(nothing_here));
}

async fn nothing_here(request: HttpRequest) -> Result<String, actix_web::Error> {
    Err(if is_page(request.path()) {
        PageError::from(Problem::no_such_page()).into()
    } else {
        Problem::no_such_route().into()
    })
}
