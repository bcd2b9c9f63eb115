use super::*;

async fn ask(people: &People, account: &Account, new: &str, password: &str) -> Result<(), Refusal> {
    people.accounts.ask_email_change(&people.caller(account), new, &secret(password)).await
}

#[tokio::test]
async fn another_address_takes_effect_once_it_is_proved() {
    let people = People::new();
    let account = people.made("old@example.com", &[]).await;
    people.accounts.ask_password_reset(&nowhere(), "old@example.com").await.unwrap();
    let reset = people.token(Letter::ResetPassword).await;
    ask(&people, &account, "new@example.com", GOOD).await.unwrap();
    assert_eq!(people.account(account.id).email.as_str(), "old@example.com");
    assert_eq!(people.letters_to("new@example.com"), [Letter::ChangeEmail]);
    assert!(people.letters_to("old@example.com").contains(&Letter::EmailWillChange));
    let token = people.token(Letter::ChangeEmail).await;
    let after = people.accounts.verify_email(&nowhere(), &token, None).await.unwrap();
    assert_eq!(after.email.as_str(), "new@example.com");
    assert!(after.email_verified.is_some());
    let stale = people.accounts.reset_password(&nowhere(), &reset, None, &secret("Other1234"), None).await;
    assert_eq!(code(stale), "invalid_token", "links to the old address are good no more");
    assert_eq!(people.done(Action::EmailChanged), 1);
    people.assert_sound();
}

#[tokio::test]
async fn what_is_wrong_with_another_address_is_told() {
    let people = People::new();
    let account = people.made("old@example.com", &[]).await;
    people.made("taken@example.com", &[]).await;
    assert_eq!(code(ask(&people, &account, "", GOOD).await), "missing_fields");
    assert_eq!(code(ask(&people, &account, "new", GOOD).await), "invalid_email");
    assert_eq!(code(ask(&people, &account, "taken@example.com", "Wrong1234").await), "wrong_password");
    assert_eq!(code(ask(&people, &account, "Taken@example.com", GOOD).await), "email_exists");
    assert!(people.letters().is_empty());
}

#[tokio::test]
async fn of_two_who_want_an_address_the_first_to_prove_it_gets_it() {
    let people = People::new();
    let (ada, bob) = (people.made("ada@example.com", &[]).await, people.made("bob@example.com", &[]).await);
    ask(&people, &ada, "new@example.com", GOOD).await.unwrap();
    let first = people.token(Letter::ChangeEmail).await;
    ask(&people, &bob, "new@example.com", GOOD).await.unwrap();
    let second = people.token(Letter::ChangeEmail).await;
    people.accounts.verify_email(&nowhere(), &first, None).await.unwrap();
    assert_eq!(code(people.accounts.verify_email(&nowhere(), &second, None).await), "email_exists");
    assert_eq!(people.account(bob.id).email.as_str(), "bob@example.com");
}

#[tokio::test]
async fn an_account_that_stands_for_a_panels_user_gives_way_and_one_comes_for_the_old_address() {
    let people = People::new();
    people.panel_user(1, 1, "old@example.com", "one");
    people.panel_user(1, 2, "new@example.com", "two");
    let account = people.made("old@example.com", &[]).await;
    people.follow().await;
    ask(&people, &account, "new@example.com", GOOD).await.unwrap();
    let token = people.token(Letter::ChangeEmail).await;
    people.accounts.verify_email(&nowhere(), &token, None).await.unwrap();
    assert_eq!(people.by_email("new@example.com").unwrap().id, account.id);
    assert!(!people.by_email("old@example.com").unwrap().is_claimed());
    assert_eq!(people.everybody().len(), 2);
    people.assert_sound();
}

#[tokio::test]
async fn only_the_newest_wish_for_another_address_counts() {
    let people = People::new();
    let account = people.made("old@example.com", &[]).await;
    ask(&people, &account, "first@example.com", GOOD).await.unwrap();
    let first = people.token(Letter::ChangeEmail).await;
    ask(&people, &account, "second@example.com", GOOD).await.unwrap();
    assert_eq!(code(people.accounts.verify_email(&nowhere(), &first, None).await), "invalid_token");
}
