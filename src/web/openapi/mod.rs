//! `/openapi.json`: generated from the handlers and the types they answer with.

pub(crate) mod doc;
mod messages;
pub(crate) mod shape;

use std::collections::BTreeMap;
use std::sync::OnceLock;

use actix_web::HttpResponse;
use actix_web::http::header;
use actix_web::web::{Bytes, Data};
use serde_json::Value;
use utoipa::OpenApi;
use utoipa::openapi::path::Operation;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{Content, ContentBuilder, PathItem, Ref, RefOr, Response, ResponseBuilder, SecurityRequirement};

use crate::api::auth::{enter, links};
use crate::api::lists::{allocations, eggs, nodes, servers, users};
use crate::api::{
    accounts, api_keys, audit, backups, check, dashboard, deliveries, discord_webhooks, email, events, health, history,
    index, jobs, live, me, mirror, panels, queues, removals, reports, repos, roles, schedules, search, searches,
    secret, setting, settings, stats, sync, syncs, tickets, webhooks,
};
use crate::door::{Door, Open};
use crate::problem::ProblemView;
use crate::routes;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Aviary",
        description = "Mirror of game server panels. Paths under /api/admin, /api/panel, /api/stats and most of /api/v1/sync and \
            /api/v1/stats keep the names and fields of the API that Aviary replaces, with one difference: `metadata` of a sync \
            log is an object. Every error everywhere is a problem (RFC 9457).",
    ),
    paths(
        health::health, health::ready, document_route,
        stats::stats, stats::panel_counts, stats::panel_nodes,
        enter::login, enter::validate, enter::refresh, enter::logout, enter::me,
        links::register, links::verify_email, links::forgot_password, links::reset_password, links::magic_link,
        links::magic_link_verify, links::check_email, links::user,
        dashboard::stats, dashboard::servers, dashboard::account, dashboard::change_account, dashboard::change_password,
        dashboard::resend_verification, dashboard::change_email, users::users, users::set_roles,
        me::me, me::sessions, me::end_other_sessions, me::end_session, me::offer, me::enable, me::disable, me::renew_codes,
        me::preferences, me::change_preferences,
        tickets::ticket, search::find, search::export, search::tail, searches::list, searches::save, searches::remove,
        servers::servers, nodes::nodes, allocations::node_allocations, nodes::maintenance, nodes::locations, allocations::allocations,
        eggs::nests, eggs::eggs, stats::admin,
        sync::status, sync::start, sync::cancel, sync::logs, sync::settings, sync::set_settings, sync::stream,
        sync::v1_full, sync::v1_target, sync::v1_cancel, sync::v1_status, sync::v1_logs, sync::v1_latest,
        stats::overview, stats::servers, stats::users, stats::v1_admin,
        email::queue, email::list, email::counts, email::one, email::again, email::drop_one, email::kept, email::test,
        email::previews, email::preview,
        accounts::list, accounts::make, accounts::one, accounts::change, accounts::remove, accounts::disable, accounts::enable,
        accounts::roles, accounts::password, accounts::reset_second_factor, accounts::unlock, accounts::reset_link,
        panels::list, panels::add, panels::one, panels::patch, panels::remove, panels::test, syncs::start,
        syncs::list, syncs::one, syncs::requests, syncs::cancel, syncs::events,
        settings::all, settings::save, settings::reset, settings::test, repos::list, repos::add, repos::replace, repos::remove,
        discord_webhooks::list, discord_webhooks::make, discord_webhooks::change, discord_webhooks::test, discord_webhooks::remove,
        discord_webhooks::remove_named, discord_webhooks::dispatch,
        webhooks::list, webhooks::make, webhooks::one, webhooks::change, webhooks::remove, webhooks::enable, webhooks::disable,
        webhooks::test, webhooks::secret, webhooks::renew_secret,
        deliveries::list, deliveries::one, deliveries::redeliver, deliveries::redeliver_all, deliveries::drop_waiting,
        events::list, events::one, events::types,
        setting::list, setting::patch, setting::test, setting::history, setting::undo,
        removals::list, removals::one, removals::confirm, removals::refuse,
        mirror::list, mirror::one, history::of_object, history::compare, history::list, reports::drift, reports::counts, check::check, index::standing, index::reindex,
        backups::list, backups::make,
        schedules::list, schedules::make, schedules::one, schedules::patch, schedules::remove, schedules::run, schedules::pause,
        schedules::resume, schedules::reset, schedules::preview,
        queues::stats, jobs::list, jobs::bulk, jobs::follow, jobs::one, jobs::remove, jobs::retry, jobs::cancel, jobs::events, live::live,
        secret::rotation, secret::rotate,
        audit::list, audit::one, audit::export, audit::actions, audit::verify,
        roles::list, roles::make, roles::one, roles::change, roles::remove, roles::permissions, roles::explain_all, roles::explain,
        api_keys::list, api_keys::make, api_keys::one, api_keys::change, api_keys::revoke, api_keys::explain, api_keys::rotate,
    ),
    components(schemas(ProblemView)),
    tags(
        (name = "health", description = "For monitors"),
        (name = "public", description = "For everybody"),
        (name = "auth", description = "Signing in and accounts; refusals have their code in `error`"),
        (name = "dashboard", description = "The caller's own servers and account, as the API that Aviary replaces has them"),
        (name = "me", description = "The caller's own sessions, second factor and preferences"),
        (name = "search", description = "Finding anything, and searches that are kept"),
        (name = "admin", description = "The admin area of the API that Aviary replaces"),
        (name = "sync", description = "Syncs, for other back ends"),
        (name = "statistics", description = "Numbers, for other back ends"),
        (name = "accounts", description = "People with an account"),
        (name = "panels", description = "The panels that are mirrored"),
        (name = "settings", description = "What operators change while Aviary runs"),
        (name = "syncs", description = "Syncs, in full detail"),
        (name = "jobs", description = "Work that waits, that is at work, and what came of it"),
        (name = "live", description = "What moves, while it moves"),
        (name = "removals", description = "Removals that wait for a person"),
        (name = "mails", description = "Mails on their way, and what became of them"),
        (name = "mirror", description = "Everything that is mirrored"),
        (name = "history", description = "What changed"),
        (name = "roles", description = "Who may what, and why"),
        (name = "api-keys", description = "Keys for programs"),
        (name = "secret", description = "The master key, on the machine itself"),
        (name = "schedules", description = "What runs by itself, and when"),
        (name = "backups", description = "Backups of the data file"),
        (name = "webhooks", description = "Who hears of what, and what became of it; `webhooks` of this document says what receivers get"),
        (name = "audit", description = "Who did what"),
    ),
)]
struct Api;

/// The document.
pub fn document() -> Value {
    let mut document = Api::openapi();
    document.info.version = env!("CARGO_PKG_VERSION").to_owned();
    let mut components = document.components.take().unwrap_or_default();
    let header = |name| SecurityScheme::ApiKey(ApiKey::Header(ApiKeyValue::new(name)));
    components.add_security_scheme("key", header("X-API-Key"));
    components
        .add_security_scheme("bearer", SecurityScheme::Http(HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build()));
    document.components = Some(components);
    let doors: BTreeMap<_, _> = routes::api()
        .list()
        .into_iter()
        .map(|(method, path, door)| ((method.as_str().to_lowercase(), path), door))
        .collect();
    for (path, item) in &mut document.paths.paths {
        for (method, operation) in operations(item) {
            operation.operation_id = Some(name(method, path));
            let door = doors.get(&(method.to_owned(), path.as_str())).copied().unwrap_or(Door::Local);
            complete(operation, door);
        }
    }
    // What utoipa writes is JSON in any case.
    let mut document = serde_json::to_value(document).unwrap_or_default();
    doc::fill(&mut document);
    messages::fill(&mut document);
    document
}

/// `getApiV1MirrorKind` for `GET /api/v1/mirror/{kind}`.
fn name(method: &str, path: &str) -> String {
    let words = path.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    let words = words.map(|word| format!("{}{}", word[..1].to_ascii_uppercase(), &word[1..]));
    format!("{method}{}", words.collect::<String>())
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = (&'static str, &mut Operation)> {
    let all = [
        ("get", &mut item.get),
        ("post", &mut item.post),
        ("put", &mut item.put),
        ("patch", &mut item.patch),
        ("delete", &mut item.delete),
    ];
    all.into_iter().filter_map(|(method, operation)| Some((method, operation.as_mut()?)))
}

/// Says what is true of every operation.
fn complete(operation: &mut Operation, door: Door) {
    let problem = |what: &str| {
        let content: Content = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
        ResponseBuilder::new().description(what).content("application/problem+json", content).build()
    };
    for response in operation.responses.responses.values_mut() {
        tidy(response);
    }
    let all = &mut operation.responses.responses;
    all.insert("default".into(), problem("Something went wrong").into());
    if door != Door::Open {
        all.insert("401".into(), problem("Nobody that is known").into());
        all.insert("403".into(), problem("Not allowed").into());
        let told = operation.description.get_or_insert_default();
        told.push_str(if told.is_empty() { "" } else { "\n\n" });
        told.push_str(&asked(door));
        let none: [&str; 0] = [];
        operation.security =
            Some(vec![SecurityRequirement::new("key", none), SecurityRequirement::new("bearer", none)]);
    }
}

/// What a route asks of its caller.
fn asked(door: Door) -> String {
    match door {
        Door::Open => String::new(),
        Door::Known => "For everybody who is known, people and programs; each finds what they may see.".into(),
        Door::SignedIn => "For people who are signed in.".into(),
        Door::Needs(permission) => format!("Needs the permission `{permission}`."),
        Door::NeedsOneOf(one, other) => format!("Needs the permission `{one}` or `{other}`."),
        Door::NeedsKind => "Needs the permission to read this kind, such as `server.read`.".into(),
        Door::Local => "Only on the machine itself, through the local socket.".into(),
    }
}

/// Problems have a content type of their own, and a response must be described.
fn tidy(response: &mut RefOr<Response>) {
    let RefOr::T(response) = response else { return };
    if response.description.is_empty() {
        response.description = "Done".to_owned();
    }
    for (name, content) in std::mem::take(&mut response.content) {
        let RefOr::T(inner) = &content else { continue };
        let is_problem = matches!(&inner.schema, Some(RefOr::Ref(to)) if to.ref_location.ends_with("/Problem"));
        response.content.insert(if is_problem { "application/problem+json".to_owned() } else { name }, content);
    }
}

/// The document as it is sent; made when somebody first asks.
#[derive(Default)]
pub(crate) struct Text(OnceLock<Bytes>);

/// This document
#[utoipa::path(get, path = "/openapi.json", tag = "health", responses((status = 200, description = "An OpenAPI document", body = serde_json::Value)))]
pub(crate) async fn document_route(_: Open, text: Data<Text>) -> HttpResponse {
    HttpResponse::Ok()
        .content_type("application/json")
        .insert_header((header::CACHE_CONTROL, "no-cache"))
        .body(text.0.get_or_init(|| Bytes::from(document().to_string())).clone())
}
