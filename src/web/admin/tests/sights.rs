//! What is shown to whom: every page against every role, and whether what a page offers can be done.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use actix_web::cookie::Cookie;
use actix_web::http::{Method, StatusCode};
use actix_web::test::TestRequest;
use aviary_domain::access::{BUILT_IN, Caller, NewApiKey};
use aviary_domain::accounts::NewAccount;
use aviary_domain::mails::MailQuery;
use aviary_kernel::model::{Grants, JobKind, JobState, Letter, MailContent, Permission, SyncId};

use super::super::offer;
use super::fixture::{Answer, EMAIL, Fixture, Program, same_origin};
use crate::door::Door;

/// What the handler says of a form with a wrong token: the door has let it pass.
const WRONG_TOKEN: &str = "This form is from an earlier session";
/// What the door says.
const NOT_ALLOWED: &str = "his needs the permission";

/// A mirror with people, keys and mails, and a role for each permission.
struct Place {
    fixture: Fixture,
    /// What stands for a part of an address, by how the address begins.
    parts: Vec<(&'static str, &'static str, String)>,
    /// Every role with what it allows.
    roles: Vec<(String, Grants)>,
}

async fn place() -> Place {
    let fixture = Fixture::hostile().await;
    fixture.sign_in().await;
    let ada = fixture.person("ada@example.com", "MEMBER").await;
    let new = NewAccount {
        email: "mailed@example.com".into(),
        username: None,
        password: None,
        roles: Vec::new(),
        verified: false,
    };
    fixture.services.accounts.create(&Caller::command_line(), new).await.unwrap();
    let owner = fixture.services.accounts.find(EMAIL).await.unwrap().id;
    let new = NewApiKey {
        name: "key".into(),
        owner: Some(owner),
        grants: Grants::parse(["server.read"]).unwrap(),
        ..NewApiKey::default()
    };
    let (key, _) = fixture.services.access.make_key(&Caller::command_line(), new).await.unwrap();
    let mails = fixture.services.mails.list(&Caller::command_line(), MailQuery::default()).await.unwrap();
    let mail = mails
        .rows
        .iter()
        .find(|line| matches!(line.mail.says, MailContent::Letter { letter: Letter::ResetPassword, .. }))
        .unwrap()
        .number;
    let session = fixture.services.sign_in.sessions_of(ada.id).await.unwrap()[0].id;
    let sync = SyncId::from_u128(1).to_string();
    fixture.services.schedules.settle().await.unwrap();
    let schedule = fixture.services.schedules.list().await.unwrap()[0].schedule.id;
    let hook = fixture.webhook("<b>own</b>", "http://127.0.0.1:9/in", &["*"]).await;
    let (event, delivery) = fixture.told("<i>strange</i>").await;
    let job = fixture.job(JobKind::Backup, JobState::Dead).await.to_string();
    let parts = vec![
        ("/admin/export/", "{kind}", "servers".into()),
        ("/admin/webhooks/", "{id}", hook.to_string()),
        ("/admin/deliveries/", "{id}", delivery.to_string()),
        ("/admin/events/", "{id}", event.to_string()),
        ("/admin/me/keys/", "{id}", key.id.to_string()),
        ("/admin/people/", "{id}", ada.id.to_string()),
        ("/admin/people/", "{session}", session.to_string()),
        ("/admin/roles/", "{name}", "MEMBER".into()),
        ("/admin/api-keys/", "{id}", key.id.to_string()),
        ("/admin/mails/", "{number}", mail.to_string()),
        ("/admin/mails/", "{template}", "verify-email".into()),
        ("/admin/syncs/", "{id}", sync),
        ("/admin/jobs/", "{id}", job),
        ("/admin/audit/", "{seq}", "1".into()),
        ("/admin/settings/test/", "{what}", "database".into()),
        ("/admin/settings/", "{key}", "site_name".into()),
        ("/admin/schedules/", "{id}", schedule.to_string()),
        ("/admin/", "{panel}", "1".into()),
        ("/admin/", "{id}", "1".into()),
    ];
    let mut roles: Vec<_> = BUILT_IN.iter().map(|role| (role.name.to_owned(), role.role().grants)).collect();
    for (n, permission) in Permission::ALL.iter().enumerate() {
        let name = format!("ONLY_{n}");
        fixture.role(&name, &[permission.name()]).await;
        roles.push((name, Grants::of([*permission])));
    }
    Place { fixture, parts, roles }
}

/// Somebody at the program.
struct Visit {
    program: Program,
    session: Cookie<'static>,
    token: String,
}

impl Place {
    async fn visit(&self, role: &str) -> Visit {
        // One address may sign in ten times a minute only, and some see few pages.
        self.fixture.clock.advance_s(10);
        let session = self.fixture.sign_in_as(&format!("{}@example.com", role.to_lowercase()), role).await;
        let token = self.fixture.token_of(&session).await;
        Visit { program: self.fixture.program().await, session, token }
    }

    /// The address of a page, with something that is there.
    fn address(&self, path: &str) -> String {
        let filled = self.parts.iter().fold(path.to_owned(), |path, (start, part, value)| {
            if path.starts_with(start) { path.replace(part, value) } else { path }
        });
        assert!(!filled.contains('{'), "say what stands for the parts of {path}");
        filled
    }
}

impl Visit {
    async fn get(&self, place: &Place, uri: &str) -> Answer {
        place.fixture.clock.advance_s(1);
        self.program.ask(TestRequest::get().uri(uri).cookie(self.session.clone())).await
    }

    async fn post(&self, place: &Place, uri: &str, token: &str) -> Answer {
        place.fixture.clock.advance_s(1);
        let form = [("_token", token)];
        let request = same_origin(TestRequest::post().uri(uri)).cookie(self.session.clone());
        self.program.ask(request.set_form(form)).await
    }
}

/// Whether a door lets in who has these grants; nothing for doors that everybody passes.
fn lets_in(door: Door, grants: &Grants) -> Option<bool> {
    match door {
        Door::Needs(permission) => Some(grants.allow(permission)),
        Door::NeedsOneOf(one, other) => Some(grants.allow(one) || grants.allow(other)),
        Door::Open | Door::Known | Door::SignedIn | Door::NeedsKind | Door::Local => None,
    }
}

#[actix_web::test]
async fn every_page_answers_every_role_as_its_door_says() {
    let place = place().await;
    let pages = super::super::pages().list();
    for (role, grants) in &place.roles {
        let visit = place.visit(role).await;
        for (method, path, door) in &pages {
            let Some(may) = lets_in(*door, grants) else { continue };
            let uri = place.address(path);
            let what = format!("{role}: {method} {uri}");
            if *method == Method::GET {
                let answer = visit.get(&place, &uri).await;
                match may {
                    // Of what is somebody's own, others learn not even that it is there.
                    true if uri.starts_with("/admin/me/") => assert_ne!(answer.status, StatusCode::FORBIDDEN, "{what}"),
                    // The wizard leads on from what is done.
                    true if uri.starts_with("/admin/setup/") => {
                        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{what}")
                    }
                    true => assert_eq!(answer.status, StatusCode::OK, "{what}: {}", answer.body),
                    false if uri == "/admin" => assert_eq!(answer.location, "/admin/me", "{what}"),
                    false => assert_refused(&what, &answer, NOT_ALLOWED),
                }
            } else if may {
                assert_refused(&what, &visit.post(&place, &uri, "wrong").await, WRONG_TOKEN);
            } else {
                assert_refused(&what, &visit.post(&place, &uri, &visit.token).await, NOT_ALLOWED);
            }
        }
    }
}

fn assert_refused(what: &str, answer: &Answer, why: &str) {
    assert_eq!(answer.status, StatusCode::FORBIDDEN, "{what}: {}", answer.body);
    assert!(answer.body.contains(why), "{what}: {}", answer.body);
}

/// Searches that everybody may ask, each finding what they may see.
const SEARCHES: [&str; 5] = [
    "/admin/search?q=a",
    "/admin/search?q=main",
    "/admin/search?kind=change,audit,job,event,delivery,mail,sync&order=newest",
    "/admin/palette?q=a",
    "/admin/palette?q=panel",
];

/// Pages of one kind that are looked at.
const OF_A_KIND: usize = 4;

#[actix_web::test]
async fn nothing_that_a_page_offers_is_refused() {
    let place = place().await;
    for (role, grants) in &place.roles {
        let visit = place.visit(role).await;
        let open = super::super::pages().list().into_iter();
        let open = open.filter(|(method, _, door)| *method == Method::GET && lets_in(*door, grants) == Some(true));
        let mut waiting: VecDeque<String> = open.map(|(_, path, _)| place.address(path)).collect();
        place.fixture.searchable().await;
        waiting.extend(SEARCHES.map(str::to_owned));
        let mut seen: BTreeSet<String> = waiting.iter().cloned().collect();
        let mut of_a_kind: BTreeMap<String, usize> = BTreeMap::new();
        let mut forms = BTreeSet::new();
        while let Some(uri) = waiting.pop_front() {
            let body = walk_to(&place, &visit, role, &uri).await;
            for href in attributes(&body, "<a ", "href").chain(attributes(&body, "<form method=\"get\"", "action")) {
                let visits = of_a_kind.entry(kind_of(&href)).or_default();
                if href.starts_with("/admin") && *visits < OF_A_KIND && seen.insert(href.clone()) {
                    *visits += 1;
                    waiting.push_back(href);
                }
            }
            for action in attributes(&body, "<form method=\"post\"", "action") {
                let action = action.split('#').next().unwrap_or_default().to_owned();
                let kind = kind_of(&action);
                if action != "/admin/logout" && forms.insert(kind) {
                    let answer = visit.post(&place, &action, "wrong").await;
                    assert_refused(&format!("{role}: the form {action} on {uri}"), &answer, WRONG_TOKEN);
                }
            }
        }
    }
}

async fn walk_to(place: &Place, visit: &Visit, role: &str, uri: &str) -> String {
    let answer = visit.get(place, uri).await;
    // What is told of in the history may be gone by now.
    let fine = [StatusCode::OK, StatusCode::SEE_OTHER, StatusCode::NOT_FOUND];
    assert!(fine.contains(&answer.status), "{role}: {uri} answers {}: {}", answer.status, answer.body);
    answer.body
}

/// The address without what tells one object from another.
fn kind_of(href: &str) -> String {
    let path = href.split(['?', '#']).next().unwrap_or_default();
    let has_digit = |part: &str| part.bytes().any(|b| b.is_ascii_digit());
    path.split('/').map(|part| if has_digit(part) { "*" } else { part }).collect::<Vec<_>>().join("/")
}

/// The values of an attribute of all tags that begin so.
fn attributes<'a>(body: &'a str, tag: &'a str, name: &'a str) -> impl Iterator<Item = String> + 'a {
    let mark = format!("{name}=\"");
    body.split(tag).skip(1).filter_map(move |rest| {
        let (tag, _) = rest.split_once('>')?;
        let (_, value) = tag.split_once(&mark)?;
        Some(value.split_once('"')?.0.replace("&#38;", "&"))
    })
}

#[actix_web::test]
async fn the_side_bar_has_what_one_may_open() {
    let place = place().await;
    let support = place.visit("SUPPORT_TEAM").await;
    let body = support.get(&place, "/admin").await.body;
    let (_, nav) = body.split_once("<nav class=\"nav\"").unwrap();
    let (nav, _) = nav.split_once("</nav>").unwrap();
    assert!(nav.contains("/admin/servers") && nav.contains("/admin/people"), "{nav}");
    for hidden in ["/admin/settings", "/admin/audit", "/admin/roles", "/admin/api-keys", "/admin/mails"] {
        assert!(!nav.contains(hidden), "{hidden}: {nav}");
    }
    for uri in ["/admin/servers/1/1", "/admin/panels/1"] {
        let page = support.get(&place, uri).await.body;
        assert!(!page.contains("On record") && !page.contains("Sync now") && !page.contains("Sync these"), "{page}");
    }
}

#[actix_web::test]
async fn names_stay_where_links_do_not() {
    let place = place().await;
    place.fixture.role("SERVERS", &["server.read"]).await;
    let visit = place.visit("SERVERS").await;
    let page = visit.get(&place, "/admin/servers/1/2").await.body;
    let owner = "<dt>Owner</dt><dd><span dir=\"auto\">";
    assert!(page.contains(owner) && !page.contains("/admin/users/"), "{page}");
    assert!(
        !page.contains("<h2>History</h2>") && !page.contains("Subusers") && !page.contains("<h2>Databases"),
        "{page}"
    );
    assert!(offer::door(&Method::GET, "/admin/users/1/3").is_some());
}
