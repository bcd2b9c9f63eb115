use aviary_domain::accounts::ProfilePatch;
use aviary_kernel::base::Error;

use super::*;

#[tokio::test]
async fn people_change_what_they_tell_about_themselves_and_nothing_else() {
    let people = People::new();
    let account = people.made("ada@example.com", &[]).await;
    let caller = people.caller(&account);
    let patch = ProfilePatch {
        username: Some("  Ada  ".into()),
        first_name: Some("Ada".into()),
        billing_email: Some("bills@example.com".into()),
        ..ProfilePatch::default()
    };
    let after = people.accounts.change_profile(&caller, patch).await.unwrap();
    assert_eq!(after.username, "Ada");
    assert_eq!(after.profile.first_name.as_deref(), Some("Ada"));
    let emptied =
        ProfilePatch { username: Some(" ".into()), first_name: Some(String::new()), ..ProfilePatch::default() };
    let after = people.accounts.change_profile(&caller, emptied).await.unwrap();
    assert_eq!((after.username.as_str(), after.profile.first_name), ("Ada", None));
    assert_eq!(after.profile.billing_email.as_deref(), Some("bills@example.com"));
    assert_eq!(people.done(Action::AccountChanged), 2);
    assert!(people.accounts.change_profile(&caller, ProfilePatch::default()).await.is_err());
}

#[tokio::test]
async fn what_makes_no_sense_in_a_profile_is_refused_at_its_field() {
    let people = People::new();
    let caller = people.caller(&people.made("ada@example.com", &[]).await);
    let none = ProfilePatch::default;
    let cases = [
        ("username", ProfilePatch { username: Some("x".repeat(61)), ..none() }),
        ("lastName", ProfilePatch { last_name: Some("a\r\nb".into()), ..none() }),
        ("companyName", ProfilePatch { company_name: Some("x".repeat(201)), ..none() }),
        ("billingEmail", ProfilePatch { billing_email: Some("no address".into()), ..none() }),
        ("avatarUrl", ProfilePatch { avatar_url: Some("javascript:alert(1)".into()), ..none() }),
    ];
    for (wanted, patch) in cases {
        match people.accounts.change_profile(&caller, patch).await {
            Err(Error::Invalid { field, .. }) => assert_eq!(field, wanted),
            other => panic!("{wanted}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn another_password_needs_the_present_one_and_ends_the_other_sessions() {
    let people = People::new();
    let account = people.made("ada@example.com", &[]).await;
    let (here, _there) = (people.session(account.id), people.session(account.id));
    people.accounts.ask_password_reset(&nowhere(), "ada@example.com").await.unwrap();
    let caller = people.caller(&account);
    let change = async |current: &str, new: &str| {
        people.accounts.change_password(&caller, &secret(current), &secret(new), Some(here)).await
    };
    assert_eq!(code(change("", "Other1234").await), "missing_fields");
    assert_eq!(code(change("Wrong1234", "Other1234").await), "wrong_password");
    assert_eq!(code(change(GOOD, "other1234").await), "password_needs_uppercase");
    assert_eq!(people.sessions(account.id).len(), 2);
    change(GOOD, "Other1234").await.unwrap();
    assert_eq!(people.sessions(account.id), [here]);
    assert_eq!(people.links(Purpose::ResetPassword), 0);
    assert_eq!(people.letters().last().unwrap().0, Letter::PasswordChanged);
    assert_eq!((people.done(Action::PasswordChanged), people.refused(Action::ConfirmationFailed)), (1, 1));
    people.assert_sound();
}

#[tokio::test]
async fn a_stolen_session_does_not_find_the_password_by_trying() {
    let people = People::new();
    let account = people.made("ada@example.com", &[]).await;
    let caller = people.caller(&account);
    let change = async |current: &str| {
        people.accounts.change_password(&caller, &secret(current), &secret("Other1234"), None).await
    };
    for _ in 0..10 {
        assert_eq!(code(change("Wrong1234").await), "wrong_password");
    }
    assert_eq!(code(change(GOOD).await), "locked");
    people.clock.advance_s(15 * 60);
    change(GOOD).await.unwrap();
}

#[tokio::test]
async fn a_key_does_not_act_as_its_owner() {
    let people = People::new();
    let account = people.made("ada@example.com", &["SUPER_ADMIN"]).await;
    let actor = Actor::new(Who::ApiKey(people.env.ids.next()), "key");
    let key = Caller { actor, ..people.caller(&account) };
    let patch = ProfilePatch { username: Some("Eve".into()), ..ProfilePatch::default() };
    assert!(matches!(people.accounts.change_profile(&key, patch).await, Err(Error::Forbidden(_))));
    let changed = people.accounts.change_password(&key, &secret(GOOD), &secret("Other1234"), None).await;
    assert!(matches!(changed, Err(Refusal::Fault(Error::Forbidden(_)))));
}
