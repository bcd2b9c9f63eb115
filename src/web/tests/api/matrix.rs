//! Every route against everybody who may come: the doors that the routes declare are what they keep to. Allowed means that the
//! answer is neither 401 nor 403; what else it says is looked at elsewhere.

use actix_web::http::Method;
use actix_web::test::TestRequest;
use aviary_domain::access::{BACKEND_MAY, BUILT_IN, Caller, NewApiKey, NewRole, RolePatch, SUPER_ADMIN};
use aviary_kernel::model::{AccountId, Grants, Kind, Permission, SessionKind};
use aviary_web::door::Door;
use aviary_web::routes;
use serde_json::json;

use crate::desk::{Answer, Desk, KEY};

/// A role that is made to have whatever is tried.
const ROLE: &str = "TRIED";

/// A route and who is let in.
type Route = (Method, String, Door);

/// Every route, with values in its path that name nothing. Logging out ends the session that is being tried, so it comes last.
fn all() -> Vec<Route> {
    let nothing = uuid::Uuid::nil().to_string();
    let filled = |path: &str| {
        let words = [("{kind}", "servers"), ("{name}", "NOBODY"), ("{key}", "site_name"), ("{permission}", "sync.run")];
        let more = [("{what}", "database"), ("{target}", "servers"), ("{seq}", "999"), ("{number}", "999")];
        let path = words.into_iter().chain(more).fold(path.to_owned(), |path, (name, value)| path.replace(name, value));
        let by_number = ["/panels/", "/nodes/", "/mirror/"].iter().any(|part| path.contains(part));
        path.replace("{id}", if by_number { "999" } else { &nothing }).replace("{sync}", &nothing)
    };
    let mut routes: Vec<Route> =
        routes::api().list().into_iter().map(|(method, path, door)| (method, filled(path), door)).collect();
    routes.sort_by_key(|(_, path, _)| path.ends_with("/logout"));
    assert!(routes.iter().all(|(_, path, _)| !path.contains('{')), "a part of a path has no value here");
    routes
}

/// What somebody may who comes to a door.
#[derive(Clone)]
struct May {
    grants: Grants,
    is_person: bool,
}

impl May {
    fn person(grants: &Grants) -> Self {
        Self { grants: grants.clone(), is_person: true }
    }

    fn program(grants: &Grants) -> Self {
        Self { grants: grants.clone(), is_person: false }
    }

    fn pass(&self, door: Door) -> bool {
        match door {
            Door::Open | Door::Known => true,
            Door::SignedIn => self.is_person,
            Door::Needs(permission) => self.grants.allow(permission),
            Door::NeedsOneOf(one, other) => self.grants.allow(one) || self.grants.allow(other),
            Door::NeedsKind => self.grants.allow(Permission::to_read(Kind::Server)),
            Door::Local => false,
        }
    }
}

fn these(permissions: &[Permission]) -> Grants {
    Grants::parse(permissions.iter().map(ToString::to_string).collect::<Vec<_>>().iter().map(String::as_str)).unwrap()
}

/// Nothing in the mirror, nobody held up by limits, registration open.
async fn desk() -> Desk {
    let desk = Desk::empty();
    let open = json!({"requests_per_minute": 0, "sign_in_per_minute": 10_000, "registration_enabled": true});
    desk.as_admin(Method::PATCH, "/api/v1/settings", open).await.ok();
    desk
}

/// Goes through a door with something to show.
async fn knock(desk: &Desk, (method, path, _): &Route, shown: &[(&str, &str)]) -> Answer {
    let request = TestRequest::with_uri(path).method(method.clone());
    let request = shown.iter().fold(request, |request, pair| request.insert_header(*pair));
    desk.glance(if method.is_safe() { request } else { request.set_json(json!({})) }).await
}

/// Checks that the answer lets in, or refuses as it should.
#[track_caller]
fn compare(who: &str, route: &Route, answer: &Answer, allowed: bool, refusal: u16) {
    let (method, path, door) = route;
    let refused = matches!(answer.status, 401 | 403);
    assert_eq!(refused, !allowed, "{who}, {method} {path} ({door:?}): {} {}", answer.status, answer.body);
    if refused {
        assert_eq!(answer.status, refusal, "{who}, {method} {path} ({door:?}): {}", answer.body);
    }
    assert!(answer.status != 500, "{who}, {method} {path}: {}", answer.body);
}

/// Tries every route as somebody.
async fn everywhere(desk: &Desk, who: &str, shown: &[(&str, &str)], may: &May) {
    for route in all() {
        compare(who, &route, &knock(desk, &route, shown).await, may.pass(route.2), 403);
    }
}

fn bearer(token: &str) -> String {
    format!("Bearer {token}")
}

#[actix_web::test]
async fn nobody_passes_open_doors_only() {
    let desk = desk().await;
    for route in all() {
        let open = route.2 == Door::Open;
        compare("nobody", &route, &knock(&desk, &route, &[]).await, open, 401);
    }
}

#[actix_web::test]
async fn every_built_in_role_passes_where_its_permissions_say() {
    for role in BUILT_IN {
        let desk = desk().await;
        let token = desk.token_of("ada@example.com", &[role.name]).await;
        let may = May::person(&role.role().grants);
        everywhere(&desk, role.name, &[("authorization", &bearer(&token))], &may).await;
    }
}

#[actix_web::test]
async fn the_key_of_the_configuration_passes_where_back_ends_may() {
    let desk = desk().await;
    everywhere(&desk, "a back end", &[("x-api-key", KEY)], &May::program(&these(BACKEND_MAY))).await;
}

#[actix_web::test]
async fn a_browser_changes_nothing_unless_one_of_our_pages_asks() {
    let desk = desk().await;
    desk.token_of("ada@example.com", &[SUPER_ADMIN]).await;
    let cookie = format!("aviary={}", desk.enter("ada@example.com", SessionKind::Browser).await.token.reveal());
    let may = May::person(&Grants::all());
    for route in all() {
        let reads = route.0.is_safe() || route.2 == Door::Open;
        for origin in [("x-nothing", ""), ("origin", "https://evil.example"), ("x-form-token", "forged")] {
            let answer = knock(&desk, &route, &[("cookie", &cookie), origin]).await;
            compare("a browser led here by another site", &route, &answer, reads && may.pass(route.2), 403);
        }
    }
    everywhere(&desk, "a browser", &[("cookie", &cookie), ("sec-fetch-site", "same-origin")], &may).await;
}

/// The routes that ask for a permission, alone or with another, and what they ask for.
fn guarded() -> Vec<(Route, Vec<Permission>)> {
    let asked = |door| match door {
        Door::Needs(permission) => vec![permission],
        Door::NeedsOneOf(one, other) => vec![one, other],
        Door::NeedsKind => vec![Permission::ServerRead],
        Door::Open | Door::Known | Door::SignedIn | Door::Local => Vec::new(),
    };
    all().into_iter().map(|route| (route.clone(), asked(route.2))).filter(|(_, asked)| !asked.is_empty()).collect()
}

async fn give(desk: &Desk, grants: Grants) {
    let patch = RolePatch { grants: Some(grants), ..RolePatch::default() };
    desk.services.access.change_role(&Caller::command_line(), ROLE, patch).await.unwrap();
}

/// A desk with the role that is tried; somebody who has it, and their access token.
async fn with_role() -> (Desk, AccountId, String) {
    let desk = desk().await;
    let new = NewRole { name: ROLE.into(), description: String::new(), grants: Grants::all() };
    desk.services.access.make_role(&Caller::command_line(), new).await.unwrap();
    let token = desk.token_of("ada@example.com", &[ROLE]).await;
    let ada = desk.services.accounts.find("ada@example.com").await.unwrap().id;
    (desk, ada, token)
}

#[actix_web::test]
async fn one_permission_is_enough_and_all_others_are_not() {
    let (desk, _, token) = with_role().await;
    let shown = bearer(&token);
    for (route, asked) in guarded() {
        for permission in &asked {
            give(&desk, these(&[*permission])).await;
            let answer = knock(&desk, &route, &[("authorization", &shown)]).await;
            compare(&format!("{permission} alone"), &route, &answer, true, 403);
        }
        let others: Vec<_> = Permission::ALL.iter().copied().filter(|one| !asked.contains(one)).collect();
        give(&desk, these(&others)).await;
        let answer = knock(&desk, &route, &[("authorization", &shown)]).await;
        compare(&format!("all but {asked:?}"), &route, &answer, false, 403);
    }
}

/// Whether a key is refused although it may, since it is no person: keys have no power over keys.
fn wants_a_person((method, path, _): &Route) -> bool {
    !method.is_safe() && path.starts_with("/api/v1/api-keys")
}

#[actix_web::test]
async fn a_key_passes_where_both_it_and_its_owner_may() {
    let (desk, ada, _) = with_role().await;
    let make = async |grants: Grants| {
        let new = NewApiKey {
            name: "tried".into(),
            owner: Some(ada),
            grants,
            expires_at: None,
            addresses: Vec::new(),
            per_minute: Some(10_000),
        };
        desk.services.access.make_key(&Caller::command_line(), new).await.unwrap().1
    };
    for (route, asked) in guarded().into_iter().filter(|(route, _)| !wants_a_person(route)) {
        give(&desk, Grants::all()).await;
        let others: Vec<_> = Permission::ALL.iter().copied().filter(|one| !asked.contains(one)).collect();
        let (with, without) = (make(these(&asked)).await, make(these(&others)).await);
        let knock = async |key: &str| knock(&desk, &route, &[("x-api-key", key)]).await;
        compare("a key with the permission", &route, &knock(with.reveal()).await, true, 403);
        compare("a key without the permission", &route, &knock(without.reveal()).await, false, 403);
        give(&desk, these(&others)).await;
        compare("a key whose owner lost the permission", &route, &knock(with.reveal()).await, false, 403);
    }
    give(&desk, Grants::all()).await;
    let key = make(these(&[Permission::StatsRead])).await;
    let may = May::program(&these(&[Permission::StatsRead]));
    everywhere(&desk, "a key for statistics", &[("x-api-key", key.reveal())], &may).await;
}
