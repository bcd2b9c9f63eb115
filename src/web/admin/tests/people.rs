//! The pages of people: what they show, and what their forms do.

use actix_web::cookie::Cookie;
use actix_web::http::StatusCode;
use actix_web::test::TestRequest;
use aviary_kernel::base::Secret;
use aviary_kernel::model::{Account, AccountId, Origin};

use super::assert_is_clean;
use super::fixture::{EMAIL, Fixture, HOSTILE, PASSWORD, form_token, same_origin};

impl Fixture {
    /// The account of somebody with this role, whose session nobody needs.
    pub(super) async fn person(&self, email: &str, role: &str) -> Account {
        self.sign_in_as(email, role).await;
        self.services.accounts.find(email).await.unwrap()
    }

    async fn account(&self, id: AccountId) -> Account {
        self.services.accounts.require(id).await.unwrap()
    }

    async fn is_signed_in(&self, session: &Cookie<'static>) -> bool {
        self.services.sign_in.by_cookie(session.value(), Origin::default()).await.unwrap().is_some()
    }
}

#[actix_web::test]
async fn the_list_finds_filters_and_orders_people() {
    let fixture = Fixture::hostile().await;
    let session = fixture.sign_in().await;
    let ada = fixture.person("ada@example.com", "TECH_TEAM").await;
    fixture.person("bob@example.com", "MEMBER").await;
    let page = fixture.get(&session, "/admin/people").await.body;
    assert!(page.contains("3 in all") && page.contains("All 3"), "{page}");
    assert!(page.contains(&format!("/admin/people/{}", ada.id)) && page.contains("href=\"/admin/roles/TECH_TEAM\""));
    let found = async |query: &str| {
        let body = fixture.get(&session, &format!("/admin/people?{query}")).await.body;
        let names = body.split("class=\"name\" href=\"").skip(1);
        names.map(|rest| rest.split_once('>').unwrap().1.split_once('<').unwrap().0.to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(found("q=ADA").await, ["ada"]);
    assert_eq!(found("role=TECH_TEAM").await, ["ada"]);
    assert_eq!(found("sort=-email").await, ["mara", "bob", "ada"]);
    assert_eq!(found("state=admin").await, ["mara"]);
    assert!(found("state=inactive").await.is_empty());
    let none = fixture.get(&session, "/admin/people?q=nobody").await.body;
    assert!(none.contains("Nobody matches") && none.contains("Show everybody"), "{none}");
    let odd = fixture.get(&session, "/admin/people?role=WIZARD&state=x&sort=y").await.body;
    assert_eq!(odd.matches("The address has a value of").count(), 3, "{odd}");
}

#[actix_web::test]
async fn a_person_shows_their_panel_user_servers_sessions_and_why_they_may() {
    let fixture = Fixture::hostile().await;
    let session = fixture.sign_in().await;
    let person = fixture.person("u1@example.com", "TECH_TEAM").await;
    let uri = format!("/admin/people/{}?permission=sync.run", person.id);
    let page = fixture.get(&session, &uri).await.body;
    assert_is_clean(&uri, &page);
    assert!(page.contains("/admin/users/1/1") && page.contains("admin on a panel"), "{page}");
    assert!(page.contains("/admin/servers?panel=1&#38;user=1"), "the way to their servers {page}");
    assert!(page.contains("The role TECH_TEAM includes sync.*."), "{page}");
    assert!(page.contains("Their role TECH_TEAM does not include panel.write."), "{page}");
    assert!(page.contains("End all of them") && page.contains("On record"), "{page}");
}

#[actix_web::test]
async fn a_person_is_added_with_a_password_or_by_a_link() {
    let fixture = Fixture::empty();
    let session = fixture.sign_in().await;
    let typed = [("email", "x"), ("username", HOSTILE[0]), ("role", "TECH_TEAM"), ("way", "link")];
    let refused = fixture.post(&session, "/admin/people", &typed).await;
    assert_eq!(refused.status, StatusCode::OK);
    assert!(refused.body.contains("id=\"email-error\"") && refused.body.contains("value=\"TECH_TEAM\" checked"));
    assert_is_clean("/admin/people", &refused.body);
    let weak = [("email", "ada@example.com"), ("way", "password"), ("password", "weakhidden")];
    let refused = fixture.post(&session, "/admin/people", &weak).await.body;
    assert!(refused.contains("id=\"password-error\"") && !refused.contains("weakhidden"), "{refused}");
    let good = [("email", "ada@example.com"), ("way", "password"), ("password", PASSWORD), ("verified", "yes")];
    let added = fixture.post(&session, "/admin/people", &good).await;
    assert!(added.location.ends_with("?done=person-added"), "{}", added.body);
    let ada = fixture.services.accounts.find("ada@example.com").await.unwrap();
    assert_eq!((ada.roles.as_slice(), ada.email_verified.is_some()), (&["MEMBER".to_owned()][..], true));
    let linked = [("email", "bob@example.com"), ("role", "MEMBER"), ("role", "TECH_TEAM"), ("way", "link")];
    let added = fixture.post(&session, "/admin/people", &linked).await;
    assert!(added.location.ends_with("?done=person-invited"), "{}", added.body);
    let bob = fixture.services.accounts.find("bob@example.com").await.unwrap();
    assert_eq!((bob.roles.len(), bob.password.is_none(), bob.email_verified), (2, true, None));
    let mails = fixture.get(&session, "/admin/mails").await.body;
    assert!(mails.contains("Reset your password") && mails.contains("bob@example.com"), "{mails}");
    let taken = fixture.post(&session, "/admin/people", &linked).await.body;
    assert!(taken.contains("There is an account with this e-mail address already"), "{taken}");
}

#[actix_web::test]
async fn every_form_of_a_person_does_what_it_says() {
    let fixture = Fixture::empty();
    let session = fixture.sign_in().await;
    let theirs = fixture.sign_in_as("ada@example.com", "TECH_TEAM").await;
    let id = fixture.services.accounts.find("ada@example.com").await.unwrap().id;
    let page = format!("/admin/people/{id}");
    let post =
        async |what: &str, fields: &[(&str, &str)]| fixture.post(&session, &format!("{page}/{what}"), fields).await;
    let set = post("roles", &[("role", "SUPPORT_TEAM"), ("role", "MEMBER")]).await;
    assert_eq!(set.location, format!("{page}?done=roles-set"));
    assert_eq!(fixture.account(id).await.roles, ["SUPPORT_TEAM", "MEMBER"]);
    let open = fixture.services.sign_in.sessions_of(id).await.unwrap();
    assert!(fixture.is_signed_in(&theirs).await);
    post(&format!("sessions/{}", open[0].id), &[]).await;
    assert!(!fixture.is_signed_in(&theirs).await);
    let theirs = fixture.sign_in_as("ada@example.com", "TECH_TEAM").await;
    post("sessions", &[]).await;
    assert!(!fixture.is_signed_in(&theirs).await);
    let theirs = fixture.sign_in_as("ada@example.com", "TECH_TEAM").await;
    assert_eq!(post("disable", &[]).await.location, format!("{page}?done=person-disabled"));
    assert!(!fixture.account(id).await.is_active && !fixture.is_signed_in(&theirs).await);
    let shown = fixture.get(&session, &page).await.body;
    assert!(shown.contains("Enable ada@example.com") && !shown.contains("Disable ada@example.com"), "{shown}");
    let refused = post("reset-link", &[]).await.body;
    assert!(refused.contains("This account is disabled: enable it first"), "{refused}");
    post("enable", &[]).await;
    assert!(fixture.account(id).await.is_active);
    let weak = post("password", &[("password", "short")]).await.body;
    assert!(weak.contains("id=\"password-error\"") && !weak.contains("value=\"short\""), "{weak}");
    let before = fixture.account(id).await.password;
    assert_eq!(post("password", &[("password", "Other-1234")]).await.location, format!("{page}?done=password-set"));
    assert_ne!(fixture.account(id).await.password, before);
    assert_eq!(post("unlock", &[]).await.location, format!("{page}?done=person-unlocked"));
    let reset = post("second-factor", &[]).await;
    assert_eq!(reset.location, format!("{page}?done=second-factor-reset"));
}

#[actix_web::test]
async fn a_reset_link_is_shown_once_and_lets_its_owner_set_a_password() {
    let fixture = Fixture::empty();
    let session = fixture.sign_in().await;
    let ada = fixture.person("ada@example.com", "MEMBER").await;
    let page = format!("/admin/people/{}", ada.id);
    let shown = fixture.post(&session, &format!("{page}/reset-link"), &[]).await.body;
    let token =
        shown.split_once("/admin/reset-password?token=").unwrap().1.split_once("&#38;id=").unwrap().0.to_owned();
    assert!(shown.contains("This is shown once."), "{shown}");
    assert!(!fixture.get(&session, &page).await.body.contains(&token));
    let (nobody, token, password) = (Origin::default(), Secret::new(token), Secret::from("Fresh-1234"));
    let set = fixture.services.accounts.reset_password(&nobody, &token, Some(ada.id), &password, None);
    assert_ne!(set.await.unwrap().password, ada.password);
}

#[actix_web::test]
async fn a_person_is_removed_only_when_their_address_is_typed() {
    let fixture = Fixture::empty();
    let session = fixture.sign_in().await;
    let ada = fixture.person("ada@example.com", "MEMBER").await;
    let uri = format!("/admin/people/{}/remove", ada.id);
    let page = fixture.get(&session, &uri).await.body;
    assert!(page.contains("Type <b dir=\"auto\">ada@example.com</b> to confirm"), "{page}");
    let wrong = fixture.post(&session, &uri, &[("email", "ada")]).await.body;
    assert!(wrong.contains("This is not the address of the account."), "{wrong}");
    assert!(fixture.services.accounts.require(ada.id).await.is_ok());
    let right = fixture.post(&session, &uri, &[("email", "ADA@example.com")]).await;
    assert_eq!(right.location, "/admin/people?done=person-removed");
    assert!(fixture.services.accounts.require(ada.id).await.is_err());
}

#[actix_web::test]
async fn nobody_acts_on_somebody_above_them_or_locks_the_place() {
    let fixture = Fixture::empty();
    let boss = fixture.sign_in().await;
    let admin = fixture.sign_in_as("admin@example.com", "ADMINISTRATOR").await;
    let of = async |email: &str| fixture.services.accounts.find(email).await.unwrap();
    let (boss_id, admin_id) = (of(EMAIL).await.id, of("admin@example.com").await.id);
    let boss_page = format!("/admin/people/{boss_id}");
    let shown = fixture.get(&admin, &boss_page).await.body;
    assert!(shown.contains("mara may do more than you") && !shown.contains("/disable\""), "{shown}");
    for what in ["roles", "disable", "enable", "sessions", "password", "reset-link", "second-factor", "unlock"] {
        let fields = [("role", "MEMBER"), ("password", "Other-1234")];
        let answer = fixture.post(&admin, &format!("{boss_page}/{what}"), &fields).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{what}: {}", answer.body);
    }
    let removed = fixture.post(&admin, &format!("{boss_page}/remove"), &[("email", EMAIL)]).await;
    assert_eq!(removed.status, StatusCode::FORBIDDEN);
    let own = format!("/admin/people/{admin_id}/roles");
    assert_eq!(fixture.post(&admin, &own, &[("role", "SUPER_ADMIN")]).await.status, StatusCode::FORBIDDEN);
    assert_eq!(of("admin@example.com").await.roles, ["ADMINISTRATOR"]);
    let new = [("email", "x@example.com"), ("role", "SUPER_ADMIN"), ("way", "link")];
    assert_eq!(fixture.post(&admin, "/admin/people", &new).await.status, StatusCode::FORBIDDEN);
    assert!(fixture.services.accounts.find("x@example.com").await.is_err());
    let last = fixture.post(&boss, &format!("{boss_page}/roles"), &[("role", "MEMBER")]).await;
    assert_eq!(last.status, StatusCode::OK);
    assert!(last.body.contains("This would leave nobody who may everything"), "{}", last.body);
    let own = fixture.post(&boss, &format!("{boss_page}/disable"), &[]).await.body;
    assert!(own.contains("You cannot disable your own account"), "{own}");
    assert_eq!(of(EMAIL).await.roles, ["SUPER_ADMIN"]);
}

#[actix_web::test]
async fn fields_that_a_form_does_not_have_change_nothing() {
    let fixture = Fixture::empty();
    let session = fixture.sign_in().await;
    let extra =
        [("isActive", "false"), ("is_active", "no"), ("id", "1"), ("source", "first_run"), ("password_hash", "x")];
    let new = [("email", "ada@example.com"), ("way", "link"), ("roles", "SUPER_ADMIN"), ("roles[]", "SUPER_ADMIN")];
    let fields: Vec<_> = new.into_iter().chain(extra).collect();
    fixture.post(&session, "/admin/people", &fields).await;
    let ada = fixture.services.accounts.find("ada@example.com").await.unwrap();
    assert_eq!((ada.roles.as_slice(), ada.is_active, ada.password.is_none()), (&["MEMBER".to_owned()][..], true, true));
    let fields: Vec<_> = [("role", "TECH_TEAM"), ("email", "evil@example.com")].into_iter().chain(extra).collect();
    fixture.post(&session, &format!("/admin/people/{}/roles", ada.id), &fields).await;
    let after = fixture.account(ada.id).await;
    assert_eq!(after, Account { roles: vec!["TECH_TEAM".into()], updated_at: after.updated_at, ..ada });
}

#[actix_web::test]
async fn no_form_about_people_is_taken_from_elsewhere() {
    let fixture = Fixture::empty();
    let session = fixture.sign_in().await;
    let ada = fixture.person("ada@example.com", "MEMBER").await;
    let (id, other) = (ada.id, fixture.sign_in_as("bob@example.com", "SUPER_ADMIN").await);
    let foreign = fixture.token_of(&other).await;
    assert_ne!(foreign, form_token(&fixture.get(&session, "/admin/people").await.body));
    let forms = super::super::pages().list().into_iter().filter(|(method, path, _)| {
        let about = ["/admin/people", "/admin/roles", "/admin/api-keys"];
        method == "POST" && about.iter().any(|start| path.starts_with(start))
    });
    let mut tried = 0;
    for (_, path, _) in forms {
        let uri = path.replace("/people/{id}", &format!("/people/{id}")).replace("{name}", "MEMBER");
        let uri = uri.replace("{session}", &id.to_string()).replace("{id}", &id.to_string());
        for token in ["", "wrong", foreign.as_str()] {
            let fields = [("_token", token), ("role", "TECH_TEAM"), ("email", "ada@example.com"), ("name", "NEW_ROLE")];
            let answer =
                fixture.send(same_origin(TestRequest::post().uri(&uri)).cookie(session.clone()).set_form(fields)).await;
            assert_eq!(answer.status, StatusCode::FORBIDDEN, "{uri}");
        }
        let token = fixture.token_of(&session).await;
        let from_elsewhere = TestRequest::post().uri(&uri).insert_header(("origin", "https://evil.example"));
        let fields = [("_token", token.as_str())];
        let answer = fixture.send(from_elsewhere.cookie(session.clone()).set_form(fields)).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{uri}");
        tried += 1;
    }
    assert!(tried >= 13, "{tried}");
    assert_eq!(fixture.account(id).await, ada);
}

#[actix_web::test]
async fn roles_that_somebody_else_changed_meanwhile_are_not_given_back() {
    let fixture = Fixture::empty();
    let session = fixture.sign_in().await;
    fixture.person("ada@example.com", "ADMINISTRATOR").await;
    let ada = fixture.services.accounts.find("ada@example.com").await.unwrap();
    let (page, form) = (format!("/admin/people/{}", ada.id), format!("/admin/people/{}/roles", ada.id));
    let shown = fixture.get(&session, &page).await.body;
    assert!(shown.contains("name=\"had\" value=\"ADMINISTRATOR\""), "{shown}");
    let taken = fixture.post(&session, &form, &[("had", "ADMINISTRATOR"), ("role", "MEMBER")]).await;
    assert_eq!(taken.status, StatusCode::SEE_OTHER, "{}", taken.body);
    let old = [("had", "ADMINISTRATOR"), ("role", "ADMINISTRATOR"), ("role", "PARTNER")];
    let refused = fixture.post(&session, &form, &old).await;
    assert!(refused.body.contains("Somebody else changed the roles meanwhile"), "{}", refused.body);
    assert_eq!(fixture.services.accounts.find("ada@example.com").await.unwrap().roles, ["MEMBER"]);
}

#[actix_web::test]
async fn an_address_with_half_an_id_leads_to_the_page_that_is_not_there() {
    let fixture = Fixture::empty();
    let session = fixture.sign_in().await;
    for page in ["/admin/people/0196", "/admin/audit/abc", "/admin/panels/x/edit"] {
        let answer = fixture.get(&session, page).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{page}");
        assert!(!answer.body.contains("UUID") && !answer.body.contains("u64"), "{}", answer.body);
    }
}
