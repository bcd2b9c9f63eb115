use aviary_domain::accounts::FirstAdministrator;

use super::*;

fn first(email: &str) -> FirstAdministrator {
    FirstAdministrator { email: email.into(), username: None, password: secret(GOOD) }
}

#[tokio::test]
async fn the_link_of_the_console_makes_one_administrator() {
    let people = People::new();
    assert!(people.accounts.is_first_run().await.unwrap());
    let token = people.accounts.first_run_token().await.unwrap().unwrap();
    people.accounts.check_first_run_token(&token).await.unwrap();
    let account = people.accounts.complete_first_run(&nowhere(), &token, first("boss@example.com")).await.unwrap();
    assert_eq!(account.roles, ["SUPER_ADMIN"]);
    assert!(account.email_verified.is_some() && account.password.is_some());
    assert!(!people.accounts.is_first_run().await.unwrap());
    assert!(people.accounts.first_run_token().await.unwrap().is_none());
    let again = people.accounts.complete_first_run(&nowhere(), &token, first("eve@example.com")).await;
    assert_eq!(code(again), "invalid_token");
    assert_eq!(people.done(Action::FirstRunDone), 1);
    people.assert_sound();
}

#[tokio::test]
async fn of_two_browsers_at_once_exactly_one_wins() {
    let people = People::new();
    let token = people.accounts.first_run_token().await.unwrap().unwrap();
    let from = nowhere();
    let (one, two) = tokio::join!(
        people.accounts.complete_first_run(&from, &token, first("one@example.com")),
        people.accounts.complete_first_run(&from, &token, first("two@example.com")),
    );
    assert!(one.is_ok() != two.is_ok());
    assert_eq!(people.everybody().len(), 1);
}

#[tokio::test]
async fn a_new_link_replaces_the_one_before() {
    let people = People::new();
    let old = people.accounts.first_run_token().await.unwrap().unwrap();
    let new = people.accounts.first_run_token().await.unwrap().unwrap();
    assert_eq!(code(people.accounts.check_first_run_token(&old).await), "invalid_token");
    people.accounts.check_first_run_token(&new).await.unwrap();
    assert_eq!(people.links(Purpose::FirstRun), 1);
    people.clock.advance_s(400 * 86_400);
    people.accounts.clean_up(people.env.now()).await.unwrap();
    people.accounts.check_first_run_token(&new).await.unwrap();
}

#[tokio::test]
async fn what_is_wrong_does_not_use_the_link_up() {
    let people = People::new();
    let token = people.accounts.first_run_token().await.unwrap().unwrap();
    let try_with = async |token: &Secret<String>, new: FirstAdministrator| {
        code(people.accounts.complete_first_run(&nowhere(), token, new).await)
    };
    assert_eq!(try_with(&token, first("")).await, "missing_fields");
    assert_eq!(try_with(&token, first("x")).await, "invalid_email");
    let weak = FirstAdministrator { password: secret("Aa1"), ..first("a@example.com") };
    assert_eq!(try_with(&token, weak).await, "password_too_short");
    assert_eq!(try_with(&secret(&"00".repeat(32)), first("a@example.com")).await, "invalid_token");
    people.accounts.complete_first_run(&nowhere(), &token, first("a@example.com")).await.unwrap();
}

#[tokio::test]
async fn the_link_is_dead_once_there_is_an_administrator_however_they_came() {
    let people = People::new();
    let token = people.accounts.first_run_token().await.unwrap().unwrap();
    people.registered("member@example.com").await;
    assert!(people.accounts.is_first_run().await.unwrap(), "a member runs nothing");
    people.made("boss@example.com", &["SUPER_ADMIN"]).await;
    assert_eq!(code(people.accounts.check_first_run_token(&token).await), "invalid_token");
}

#[tokio::test]
async fn the_account_that_stood_for_a_panels_user_becomes_the_administrators() {
    let people = People::new();
    people.panel_user(1, 1, "boss@example.com", "boss");
    people.follow().await;
    let token = people.accounts.first_run_token().await.unwrap().unwrap();
    people.accounts.complete_first_run(&nowhere(), &token, first("boss@example.com")).await.unwrap();
    assert_eq!(people.everybody().len(), 1);
    people.follow().await;
    assert_eq!(people.by_email("boss@example.com").unwrap().roles, ["SUPER_ADMIN"]);
    people.assert_sound();
}
