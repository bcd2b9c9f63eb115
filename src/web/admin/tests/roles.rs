//! The pages of roles, API keys and mails.

use actix_web::http::StatusCode;
use aviary_domain::access::{Caller, NewApiKey, NewRole};
use aviary_domain::accounts::NewAccount;
use aviary_kernel::model::{Action, Grants};

use super::assert_is_clean;
use super::fixture::{EMAIL, Fixture, hidden};

impl Fixture {
    /// Makes a role that allows this.
    pub(super) async fn role(&self, name: &str, grants: &[&str]) {
        let grants = Grants::parse(grants.iter().copied()).unwrap();
        let new = NewRole { name: name.into(), description: "For a test.".into(), grants };
        self.services.access.make_role(&Caller::command_line(), new).await.unwrap();
    }
}

#[actix_web::test]
async fn a_role_is_made_changed_and_removed_by_its_forms() {
    let fixture = Fixture::empty();
    let session = fixture.sign_in().await;
    let page = fixture.get(&session, "/admin/roles/new").await.body;
    assert!(page.contains("value=\"*.read\"") && page.contains("Everything about syncs"), "{page}");
    let bad = [("name", "night shift"), ("grant", "sync.*")];
    let refused = fixture.post(&session, "/admin/roles", &bad).await.body;
    assert!(refused.contains("id=\"name-error\"") && refused.contains("value=\"sync.*\" checked"), "{refused}");
    let odd = fixture.post(&session, "/admin/roles", &[("name", "NIGHT_SHIFT"), ("grant", "fly.away")]).await;
    assert_eq!(odd.status, StatusCode::OK);
    assert!(odd.body.contains("notice bad"), "{}", odd.body);
    let good =
        [("name", "NIGHT_SHIFT"), ("description", "At <b>night</b>"), ("grant", "sync.*"), ("grant", "server.read")];
    let made = fixture.post(&session, "/admin/roles", &good).await;
    assert_eq!(made.location, "/admin/roles/NIGHT_SHIFT?done=role-made", "{}", made.body);
    let shown = fixture.get(&session, "/admin/roles/NIGHT_SHIFT").await.body;
    assert_is_clean("/admin/roles/NIGHT_SHIFT", &shown);
    assert!(shown.contains("value=\"sync.*\" checked") && shown.contains("At &#60;b&#62;night"), "{shown}");
    let changed = [("description", "Nights"), ("grant", "sync.run"), ("second_factor", "yes")];
    fixture.post(&session, "/admin/roles/NIGHT_SHIFT", &changed).await;
    let role = fixture.services.access.role("NIGHT_SHIFT").await.unwrap().role;
    assert_eq!((role.grants.to_string().as_str(), role.needs_second_factor), ("sync.run", true));
    fixture.person("ada@example.com", "NIGHT_SHIFT").await;
    let kept = fixture.post(&session, "/admin/roles/NIGHT_SHIFT/remove", &[]).await.body;
    assert!(kept.contains("1 person has the role NIGHT_SHIFT"), "{kept}");
    let ada = fixture.services.accounts.find("ada@example.com").await.unwrap();
    fixture.post(&session, &format!("/admin/people/{}/roles", ada.id), &[("role", "MEMBER")]).await;
    let removed = fixture.post(&session, "/admin/roles/NIGHT_SHIFT/remove", &[]).await;
    assert_eq!(removed.location, "/admin/roles?done=role-removed");
    assert!(fixture.services.access.role("NIGHT_SHIFT").await.is_err());
}

#[actix_web::test]
async fn grants_without_a_box_of_their_own_are_not_lost() {
    let fixture = Fixture::empty();
    let session = fixture.sign_in().await;
    fixture.role("LOOKERS", &["server.*", "*.run"]).await;
    let page = fixture.get(&session, "/admin/roles/LOOKERS").await.body;
    assert!(page.contains("value=\"server.*\" checked") && page.contains("value=\"*.run\" checked"), "{page}");
}

#[actix_web::test]
async fn of_a_built_in_role_only_the_second_factor_changes() {
    let fixture = Fixture::empty();
    let session = fixture.sign_in().await;
    let page = fixture.get(&session, "/admin/roles/TECH_TEAM").await.body;
    assert!(page.contains("comes with the program") && !page.contains("Remove TECH_TEAM"), "{page}");
    let fields = [("second_factor", "yes"), ("grant", "*"), ("description", "mine"), ("name", "OTHER")];
    let saved = fixture.post(&session, "/admin/roles/TECH_TEAM", &fields).await;
    assert_eq!(saved.location, "/admin/roles/TECH_TEAM?done=role-changed");
    let role = fixture.services.access.role("TECH_TEAM").await.unwrap().role;
    assert!(role.needs_second_factor && !role.grants.are_all() && role.description != "mine");
    let removed = fixture.post(&session, "/admin/roles/TECH_TEAM/remove", &[]).await.body;
    assert!(removed.contains("comes with the program and cannot be removed"), "{removed}");
}

#[actix_web::test]
async fn an_editor_gives_no_more_than_their_own() {
    let fixture = Fixture::empty();
    fixture.role("EDITORS", &["role.read", "role.write", "server.read"]).await;
    let editor = fixture.sign_in_as("editor@example.com", "EDITORS").await;
    let page = fixture.get(&editor, "/admin/roles/new").await.body;
    let tag = |grant: &str| {
        let (_, rest) = page.split_once(&format!("value=\"{grant}\"")).unwrap();
        rest.split_once('>').unwrap().0.to_owned()
    };
    assert!(!tag("server.read").contains("disabled") && tag("panel.write").contains("disabled"), "{page}");
    assert!(page.contains("You cannot give it. This includes the permission panel.write"), "{page}");
    for grant in ["*", "*.read", "panel.write", "role.*"] {
        let made = fixture.post(&editor, "/admin/roles", &[("name", "MORE"), ("grant", grant)]).await;
        assert_eq!(made.status, StatusCode::FORBIDDEN, "{grant}");
    }
    let own =
        fixture.post(&editor, "/admin/roles/EDITORS", &[("grant", "role.write"), ("grant", "account.write")]).await;
    assert_eq!(own.status, StatusCode::FORBIDDEN);
    let above = fixture.get(&editor, "/admin/roles/ADMINISTRATOR").await.body;
    assert!(above.contains("You cannot change it") && !above.contains("Save ADMINISTRATOR"), "{above}");
    let above = fixture.post(&editor, "/admin/roles/ADMINISTRATOR", &[("second_factor", "yes")]).await;
    assert_eq!(above.status, StatusCode::FORBIDDEN);
    assert!(fixture.services.access.role("MORE").await.is_err());
}

#[actix_web::test]
async fn keys_of_everybody_are_found_explained_and_revoked() {
    let fixture = Fixture::empty();
    let session = fixture.sign_in().await;
    let empty = fixture.get(&session, "/admin/api-keys").await.body;
    assert!(empty.contains("No API keys yet"), "{empty}");
    let owner = fixture.services.accounts.find(EMAIL).await.unwrap().id;
    let new = NewApiKey {
        name: "shop <b>front</b>".into(),
        owner: Some(owner),
        grants: Grants::parse(["server.read"]).unwrap(),
        ..NewApiKey::default()
    };
    let (key, text) = fixture.services.access.make_key(&Caller::command_line(), new).await.unwrap();
    let list = fixture.get(&session, "/admin/api-keys?q=shop&state=good").await.body;
    assert_is_clean("/admin/api-keys", &list);
    assert!(list.contains(&key.start) && list.contains(EMAIL) && !list.contains(text.reveal()), "{list}");
    let page = fixture.get(&session, &format!("/admin/api-keys/{}?permission=panel.write", key.id)).await.body;
    assert!(page.contains("but the key does not include it."), "{page}");
    let revoked = fixture.post(&session, &format!("/admin/api-keys/{}/revoke", key.id), &[]).await;
    assert_eq!(revoked.location, format!("/admin/api-keys/{}?done=key-revoked", key.id));
    assert!(fixture.get(&session, "/admin/api-keys?state=good").await.body.contains("Nothing matches"));
}

#[actix_web::test]
async fn a_mail_shows_its_link_and_that_is_put_on_record() {
    let fixture = Fixture::empty();
    let session = fixture.sign_in().await;
    assert!(fixture.get(&session, "/admin/mails").await.body.contains("No mail was written yet"));
    let new = NewAccount {
        email: "ada@example.com".into(),
        username: None,
        password: None,
        roles: Vec::new(),
        verified: false,
    };
    fixture.services.accounts.create(&Caller::command_line(), new).await.unwrap();
    let list = fixture.get(&session, "/admin/mails").await.body;
    assert!(list.contains("No mail service is set up") && !list.contains("token="), "{list}");
    assert!(list.contains("href=\"/admin/mails/1\""), "{list}");
    let href = "1";
    let mail = fixture.get(&session, &format!("/admin/mails/{href}")).await.body;
    assert!(mail.contains("/admin/reset-password?token="), "{mail}");
    let seen = fixture.services.audit.of_target("mail", href, 5).await.unwrap();
    assert_eq!(seen.events.iter().map(|(_, event)| event.action).collect::<Vec<_>>(), [Action::MailSeen]);
}

#[actix_web::test]
async fn a_role_that_somebody_else_changed_meanwhile_is_not_overwritten() {
    let fixture = Fixture::empty();
    let session = fixture.sign_in().await;
    fixture.role("LOOKERS", &["server.read", "account.write"]).await;
    let page = fixture.get(&session, "/admin/roles/LOOKERS").await.body;
    let seen = page.split("name=\"seen\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let less = [("seen", seen.as_str()), ("description", "For a test."), ("grant", "server.read")];
    let saved = fixture.post(&session, "/admin/roles/LOOKERS", &less).await;
    assert_eq!(saved.location, "/admin/roles/LOOKERS?done=role-changed", "{}", saved.body);
    let old = [("seen", seen.as_str()), ("description", "Old"), ("grant", "server.read"), ("grant", "account.write")];
    let refused = fixture.post(&session, "/admin/roles/LOOKERS", &old).await;
    assert!(refused.body.contains("Somebody else changed the role meanwhile"), "{}", refused.body);
    assert!(!refused.body.contains("value=\"account.write\" checked"));
    let role = fixture.services.access.role("LOOKERS").await.unwrap().role;
    assert_eq!(role.grants.to_string(), "server.read", "what was taken from the role stays taken");
}

#[actix_web::test]
async fn what_turns_the_direction_of_writing_is_shown_in_a_role_as_a_sign() {
    let fixture = Fixture::empty();
    let session = fixture.sign_in().await;
    let made = [("name", "LOOKERS"), ("description", "\u{202e}gnp"), ("grant", "server.read")];
    fixture.post(&session, "/admin/roles", &made).await;
    fixture.person("ada@example.com", "MEMBER").await;
    let ada = fixture.services.accounts.find("ada@example.com").await.unwrap();
    for page in ["/admin/roles".to_owned(), format!("/admin/people/{}", ada.id), "/admin/people/new".into()] {
        let body = fixture.get(&session, &page).await.body;
        assert!(body.contains("LOOKERS") && !body.contains('\u{202e}'), "{page}");
    }
}

#[actix_web::test]
async fn what_cannot_be_undone_is_asked_on_a_page_that_names_it() {
    let fixture = Fixture::hostile().await;
    let session = fixture.sign_in().await;
    let ada = fixture.person("ada@example.com", "MEMBER").await;
    fixture.role("EMPTY", &["server.read"]).await;
    fixture.role("TAKEN", &["server.read"]).await;
    let zoe = fixture.person("zoe@example.com", "TAKEN").await;
    let get = async |uri: &str| fixture.get(&session, uri).await.body;
    let empty = get("/admin/roles/EMPTY/remove").await;
    assert!(empty.contains("Remove the role EMPTY?") && empty.contains("What goes"), "{empty}");
    assert!(!empty.contains(" disabled"), "{empty}");
    let taken = get("/admin/roles/TAKEN/remove").await;
    assert!(taken.contains("1 person has it and would lose what it allows") && taken.contains(" disabled"), "{taken}");
    assert!(get("/admin/roles/MEMBER/remove").await.contains("comes with the program and stays"));
    let disable = get(&format!("/admin/people/{}/disable", zoe.id)).await;
    assert!(disable.contains("Disable zoe@example.com") && disable.contains("What stays"), "{disable}");
    let factor = get(&format!("/admin/people/{}/second-factor", ada.id)).await;
    assert!(factor.contains("There is nothing to be done here."), "{factor}");
    let ends = get(&format!("/admin/people/{}/sessions", ada.id)).await;
    assert!(ends.contains("End every session of ada@example.com"), "{ends}");
    let own = get("/admin/me/security/sessions/end").await;
    assert!(own.contains("Sign out everywhere else?") && own.contains("name=\"which\" value=\"others\""), "{own}");
}

#[actix_web::test]
async fn what_a_change_of_a_role_takes_from_people_is_asked_by_name() {
    let fixture = Fixture::empty();
    let session = fixture.sign_in().await;
    fixture.role("LOOKERS", &["server.read", "account.write", "sync.run"]).await;
    fixture.role("SYNCERS", &["sync.run"]).await;
    let ada = fixture.person("ada@example.com", "LOOKERS").await;
    fixture.person("bob@example.com", "LOOKERS").await;
    fixture
        .post(&session, &format!("/admin/people/{}/roles", ada.id), &[("role", "LOOKERS"), ("role", "SYNCERS")])
        .await;
    let uri = "/admin/roles/LOOKERS";
    let grants = async || fixture.services.access.role("LOOKERS").await.unwrap().role.grants.to_string();
    let before = grants().await;
    let less = [("description", "Less \"so\""), ("grant", "server.read"), ("grant", "node.read")];
    let ask = fixture.post(&session, uri, &less).await.body;
    assert!(ask.contains("Change the role LOOKERS?") && ask.contains("2 people can do less at once."), "{ask}");
    assert!(ask.contains("ada@example.com") && ask.contains("bob@example.com"), "{ask}");
    assert!(ask.contains("account.write") && ask.contains("all of it") && ask.contains("name=\"grant\""), "{ask}");
    assert!(!ask.contains("node.read</dt>"), "what is given is not lost: {ask}");
    assert_is_clean(uri, &ask);
    assert_eq!(grants().await, before, "nothing is changed yet");

    // More people than were seen are asked about again.
    let some = [less[0], less[1], less[2], ("count", "1")];
    assert!(fixture.post(&session, uri, &some).await.body.contains("Change the role LOOKERS?"));
    let count = hidden(&ask, "count");
    assert_eq!((count.as_str(), hidden(&ask, "description").as_str()), ("2", "Less &#34;so&#34;"));
    let meant = [less[0], less[1], less[2], ("count", &*count)];
    let changed = fixture.post(&session, uri, &meant).await;
    assert_eq!(changed.location, "/admin/roles/LOOKERS?done=role-changed", "{}", changed.body);
    assert!(!grants().await.contains("account.write"));

    // Who has no second factor is locked out by a role that asks for one.
    let factor = [less[0], less[1], less[2], ("second_factor", "yes")];
    let ask = fixture.post(&session, uri, &factor).await.body;
    assert!(ask.contains("2 people have no second factor and can do nothing until"), "{ask}");

    // People are named to who may see them.
    fixture.role("EDITORS", &["role.read", "role.write", "server.read", "node.read"]).await;
    let editor = fixture.sign_in_as("editor@example.com", "EDITORS").await;
    let ask = fixture.post(&editor, uri, &[("description", ""), ("grant", "server.read")]).await.body;
    assert!(ask.contains("2 people can do less") && !ask.contains("ada@example.com"), "{ask}");
    let none = fixture.post(&editor, uri, &[("description", "Lookers"), less[1], less[2]]).await;
    assert_eq!(none.location, "/admin/roles/LOOKERS?done=role-changed", "nobody loses anything: {}", none.body);
}

#[actix_web::test]
async fn many_people_lose_something_only_when_their_number_is_typed() {
    let fixture = Fixture::empty();
    let session = fixture.sign_in().await;
    fixture.role("MANY", &["server.read", "node.read"]).await;
    for n in 0..21 {
        let new = NewAccount {
            email: format!("p{n}@example.com"),
            username: None,
            password: None,
            roles: vec!["MANY".into()],
            verified: true,
        };
        fixture.services.accounts.create(&Caller::command_line(), new).await.unwrap();
    }
    let uri = "/admin/roles/MANY";
    let sent = [("description", ""), ("grant", "server.read"), ("count", "21"), ("typed", "2")];
    let ask = fixture.post(&session, uri, &sent).await.body;
    assert!(ask.contains("“2” is not the number.") && ask.contains("1 more"), "{ask}");
    let sent = [sent[0], sent[1], sent[2], ("typed", "21")];
    assert!(fixture.post(&session, uri, &sent).await.location.ends_with("?done=role-changed"));
}

#[actix_web::test]
async fn who_may_take_back_a_key_is_asked_by_its_name_though_they_may_not_look_through_keys() {
    let fixture = Fixture::empty();
    fixture.sign_in().await;
    let owner = fixture.services.accounts.find(EMAIL).await.unwrap().id;
    for (role, grants) in [("OWN", &["apikey.own", "apikey.write"][..]), ("WRITE", &["apikey.write"][..])] {
        let new = NewApiKey {
            name: "Billing".into(),
            owner: Some(owner),
            grants: Grants::parse(["server.read"]).unwrap(),
            ..NewApiKey::default()
        };
        let (key, _) = fixture.services.access.make_key(&Caller::command_line(), new).await.unwrap();
        fixture.role(role, grants).await;
        let session = fixture.sign_in_as(&format!("{}@example.com", role.to_lowercase()), role).await;
        let uri = format!("/admin/api-keys/{}/revoke", key.id);
        let ask = fixture.get(&session, &uri).await;
        assert_eq!(ask.status, StatusCode::OK, "{role}: {}", ask.body);
        assert!(ask.body.contains("Revoke the key Billing?"), "{role}: {}", ask.body);
        let nothing = format!("/admin/api-keys/{}/revoke", uuid::Uuid::nil());
        assert_eq!(fixture.get(&session, &nothing).await.status, StatusCode::NOT_FOUND, "{role}");
        assert_eq!(fixture.get(&session, &format!("/admin/api-keys/{}", key.id)).await.status, StatusCode::FORBIDDEN);
        assert_eq!(fixture.post(&session, &uri, &[]).await.location, "/admin", "{role}");
        assert!(fixture.services.access.key(&Caller::command_line(), key.id).await.unwrap().revoked_at.is_some());
    }
}
