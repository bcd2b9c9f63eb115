use aviary_kernel::model::{Action, Letter, Outcome};

use super::*;

#[tokio::test]
async fn whoever_registers_is_an_unproved_member_with_a_link_on_its_way() {
    let people = People::new();
    let account = people.registered("Ada@Example.com").await;
    assert_eq!(account.username, "Ada");
    assert_eq!(account.roles, ["MEMBER"]);
    assert!(account.is_active && account.email_verified.is_none());
    assert_eq!(people.letters(), [(Letter::VerifyEmail, "Ada@Example.com".to_owned())]);
    assert_eq!(people.done(Action::Registered), 1);
    people.assert_sound();
}

#[tokio::test]
async fn what_is_wrong_is_told_in_the_order_of_the_older_api() {
    let people = People::new();
    people.registered("ada@example.com").await;
    let try_with = async |email: &str, password: &str, confirm: &str| {
        let new = NewRegistration {
            password: secret(password),
            confirm_password: Some(secret(confirm)),
            ..registration(email)
        };
        code(people.accounts.register(&nowhere(), new, true).await)
    };
    assert_eq!(try_with("", "", "").await, "missing_fields");
    assert_eq!(try_with("no address", "short", "other").await, "invalid_email");
    assert_eq!(try_with("ada@example.com", "short", "other").await, "password_too_short");
    assert_eq!(try_with("ada@example.com", GOOD, "other").await, "passwords_dont_match");
    assert_eq!(try_with("ADA@example.com", GOOD, GOOD).await, "email_exists");
    let without = NewRegistration { confirm_password: None, ..registration("b@example.com") };
    assert_eq!(code(people.accounts.register(&nowhere(), without, true).await), "missing_fields");
    assert_eq!(people.everybody().len(), 1);
}

#[tokio::test]
async fn nobody_registers_where_that_is_closed() {
    let people = People::new();
    let refused = people.accounts.register(&nowhere(), registration("ada@example.com"), false).await;
    assert_eq!(code(refused), "registration_closed");
    assert!(people.everybody().is_empty() && people.letters().is_empty());
}

#[tokio::test]
async fn the_owner_of_an_address_hears_of_somebody_who_registers_with_it_but_not_without_end() {
    let people = People::new();
    let before = people.registered("ada@example.com").await;
    for _ in 0..10 {
        let commits = people.commits();
        let refused = people.accounts.register(&nowhere(), registration("ada@example.com"), true).await;
        assert_eq!(code(refused), "email_exists");
        assert_eq!(people.commits(), commits + 1, "as many commits as for a new account");
    }
    let letters = people.letters_to("ada@example.com");
    let told = letters.iter().filter(|letter| **letter == Letter::AlreadyRegistered).count();
    assert!((1..=3).contains(&told), "{letters:?}");
    assert_eq!(people.account(before.id), before, "nothing about the account changed");
    assert_eq!(people.refused(Action::Registered), 10);
}

#[tokio::test]
async fn an_account_that_stood_for_a_panels_user_is_taken_over_unproved() {
    let people = People::new();
    people.panel_user(1, 7, "ada@example.com", "ada");
    people.follow().await;
    let shadow = people.by_email("ada@example.com").unwrap();
    let account = people.registered("Ada@example.com").await;
    assert_eq!(account.id, shadow.id);
    assert!(account.is_claimed() && account.email_verified.is_none());
    assert!(people.person(account.id).await.linked.is_empty(), "an address that was not proved links to nobody");
    people.follow().await;
    assert_eq!(people.account(account.id), account);
    let token = people.token(Letter::VerifyEmail).await;
    people.accounts.verify_email(&nowhere(), &token, None).await.unwrap();
    assert_eq!(people.person(account.id).await.linked[0].user.id, 7);
    people.assert_sound();
}

#[tokio::test]
async fn an_account_that_was_disabled_or_promoted_is_not_taken_over() {
    let people = People::new();
    people.panel_user(1, 7, "ada@example.com", "ada");
    people.panel_user(1, 8, "bob@example.com", "bob");
    people.follow().await;
    let (ada, bob) = (people.by_email("ada@example.com").unwrap(), people.by_email("bob@example.com").unwrap());
    let owner = Caller::command_line();
    people.accounts.disable(&owner, ada.id).await.unwrap();
    people.accounts.set_roles(&owner, bob.id, vec!["TECH_TEAM".into()]).await.unwrap();
    for email in ["ada@example.com", "bob@example.com"] {
        let refused = people.accounts.register(&nowhere(), registration(email), true).await;
        assert_eq!(code(refused), "email_exists");
    }
    assert!(people.account(ada.id).password.is_none() && people.account(bob.id).password.is_none());
}

#[tokio::test]
async fn nothing_that_was_typed_breaks_a_line_or_says_who_one_is() {
    let people = People::new();
    for name in ["a\nb", &"x".repeat(61)] {
        let new = NewRegistration { username: Some(name.to_owned()), ..registration("ada@example.com") };
        assert_eq!(code(people.accounts.register(&nowhere(), new, true).await), "server_error");
    }
    assert!(people.everybody().is_empty());
    let account = people.registered("ada@example.com").await;
    let event = people.audit().pop().unwrap();
    assert_eq!(event.outcome, Outcome::Done);
    assert_eq!(event.actor.who, Who::Person(account.id));
}
