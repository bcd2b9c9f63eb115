use std::net::IpAddr;

use super::*;

const HOUR: u64 = 3600;

#[tokio::test]
async fn an_address_is_proved_once_by_the_link_that_was_sent_to_it() {
    let people = People::new();
    let account = people.registered("ada@example.com").await;
    let token = people.token(Letter::VerifyEmail).await;
    let proved = people.accounts.verify_email(&nowhere(), &token, Some(account.id)).await.unwrap();
    assert_eq!(proved.email_verified, Some(people.env.now()));
    assert_eq!(code(people.accounts.verify_email(&nowhere(), &token, None).await), "invalid_token");
    assert_eq!(people.done(Action::EmailVerified), 1);
    people.assert_sound();
}

#[tokio::test]
async fn links_that_are_forged_expired_of_others_or_for_something_else_open_nothing() {
    let people = People::new();
    let ada = people.registered("ada@example.com").await;
    let bob = people.made("bob@example.com", &[]).await;
    let verify = people.token(Letter::VerifyEmail).await;
    people.accounts.ask_password_reset(&nowhere(), "bob@example.com").await.unwrap();
    let reset = people.token(Letter::ResetPassword).await;

    let prove = async |token: &Secret<String>, id| code(people.accounts.verify_email(&nowhere(), token, id).await);
    assert_eq!(prove(&secret(""), None).await, "missing_token");
    assert_eq!(prove(&secret(&"ab".repeat(32)), None).await, "invalid_token");
    assert_eq!(prove(&reset, None).await, "invalid_token");
    assert_eq!(prove(&verify, Some(bob.id)).await, "invalid_token");
    let set = async |token: &Secret<String>| {
        code(people.accounts.reset_password(&nowhere(), token, None, &secret("Other1234"), None).await)
    };
    assert_eq!(set(&verify).await, "invalid_token");
    people.clock.advance_s(HOUR);
    assert_eq!(set(&reset).await, "token_expired");
    people.clock.advance_s(23 * HOUR);
    assert_eq!(prove(&verify, None).await, "token_expired");
    assert!(people.account(ada.id).email_verified.is_none());
}

#[tokio::test]
async fn who_asks_for_a_link_cannot_tell_whether_there_is_an_account() {
    let people = People::new();
    people.made("ada@example.com", &[]).await;
    let gone = people.made("gone@example.com", &[]).await;
    people.accounts.disable(&Caller::command_line(), gone.id).await.unwrap();
    for email in ["ada@example.com", "ADA@example.com", "nobody@example.com", "gone@example.com"] {
        let before = (people.commits(), people.audit().len());
        people.accounts.ask_password_reset(&nowhere(), email).await.unwrap();
        people.accounts.ask_magic_link(&nowhere(), email).await.unwrap();
        assert_eq!((people.commits(), people.audit().len()), (before.0 + 2, before.1 + 2), "{email}");
    }
    assert_eq!(people.letters_to("ada@example.com").len(), 4);
    assert_eq!(people.letters().len(), 4, "nobody else gets mail");
    assert_eq!(code(people.accounts.ask_password_reset(&nowhere(), " ").await), "missing_email");
    assert_eq!(code(people.accounts.ask_magic_link(&nowhere(), "x").await), "invalid_email");
}

#[tokio::test]
async fn nobody_is_flooded_with_mail_and_who_tries_is_not_told() {
    let people = People::new();
    people.made("ada@example.com", &[]).await;
    for _ in 0..10 {
        let commits = people.commits();
        people.accounts.ask_password_reset(&nowhere(), "Ada@example.com").await.unwrap();
        assert_eq!(people.commits(), commits + 1);
    }
    assert_eq!(people.letters().len(), 3);
    people.clock.advance_s(15 * 60);
    people.accounts.ask_password_reset(&nowhere(), "ada@example.com").await.unwrap();
    assert_eq!(people.letters().len(), 4);
}

#[tokio::test]
async fn one_caller_does_not_make_us_write_to_everybody() {
    let people = People::new();
    let from = |ip: &str| Origin { address: Some(ip.parse::<IpAddr>().unwrap()), ..Origin::default() };
    for n in 0..30 {
        let email = format!("p{n}@example.com");
        people.made(&email, &[]).await;
        people.accounts.ask_magic_link(&from("192.0.2.1"), &email).await.unwrap();
    }
    assert_eq!(people.letters().len(), 20);
    people.accounts.ask_magic_link(&from("192.0.2.2"), "p29@example.com").await.unwrap();
    assert_eq!(people.letters().len(), 21);
}

#[tokio::test]
async fn another_password_ends_what_the_old_one_let_in() {
    let people = People::new();
    let account = people.registered("ada@example.com").await;
    people.session(account.id);
    people.accounts.ask_magic_link(&nowhere(), "ada@example.com").await.unwrap();
    people.accounts.ask_password_reset(&nowhere(), "ada@example.com").await.unwrap();
    people.accounts.ask_password_reset(&nowhere(), "ada@example.com").await.unwrap();
    let token = people.token(Letter::ResetPassword).await;
    let reset = async |password: &str, confirm: Option<&str>| {
        let confirm = confirm.map(secret);
        people.accounts.reset_password(&nowhere(), &token, None, &secret(password), confirm.as_ref()).await
    };
    assert_eq!(code(reset("", None).await), "missing_fields");
    assert_eq!(code(reset("Other1234", Some("Other12345")).await), "passwords_dont_match");
    assert_eq!(code(reset("other1234", None).await), "password_needs_uppercase");
    let after = reset("Other1234", None).await.unwrap();
    assert_ne!(after.password, account.password);
    assert!(after.email_verified.is_some(), "the link proved the address");
    assert!(people.sessions(account.id).is_empty());
    for purpose in [Purpose::ResetPassword, Purpose::MagicLink, Purpose::VerifyEmail] {
        assert_eq!(people.links(purpose), 0, "{purpose:?}");
    }
    assert_eq!(code(reset("Third1234", None).await), "invalid_token");
    assert_eq!(people.letters().last().unwrap().0, Letter::PasswordChanged);
    assert_eq!(people.done(Action::PasswordReset), 1);
    people.assert_sound();
}

#[tokio::test]
async fn a_link_to_sign_in_is_good_once_and_leaves_the_others() {
    let people = People::new();
    let account = people.made("ada@example.com", &[]).await;
    let sign_in = people.sign_in();
    people.accounts.ask_magic_link(&nowhere(), "ada@example.com").await.unwrap();
    people.accounts.ask_magic_link(&nowhere(), "ada@example.com").await.unwrap();
    let token = people.token(Letter::MagicLink).await;
    let enter = async |token: &Secret<String>| {
        sign_in.with_magic_link(nowhere(), token, None, SessionKind::Browser).await.map(|signed| signed.account)
    };
    assert_eq!(enter(&token).await.unwrap().id, account.id);
    assert_eq!(people.account(account.id).password, account.password);
    assert_eq!(people.sessions(account.id).len(), 1);
    assert_eq!(code(enter(&token).await), "invalid_token");
    assert_eq!(code(enter(&secret(" ")).await), "missing_token");
    assert_eq!(people.links(Purpose::MagicLink), 1);
    people.accounts.ask_magic_link(&nowhere(), "ada@example.com").await.unwrap();
    let late = people.token(Letter::MagicLink).await;
    people.clock.advance_s(30 * 60);
    assert_eq!(code(enter(&late).await), "token_expired");
}

#[tokio::test]
async fn a_password_typed_by_a_stranger_is_gone_when_the_owner_signs_in_by_link() {
    let people = People::new();
    let account = people.registered("victim@example.com").await;
    people.session(account.id);
    let sign_in = people.sign_in();
    people.accounts.ask_magic_link(&nowhere(), "victim@example.com").await.unwrap();
    let token = people.token(Letter::MagicLink).await;
    sign_in.with_magic_link(nowhere(), &token, None, SessionKind::Browser).await.unwrap();
    let after = people.account(account.id);
    assert!(after.email_verified.is_some() && after.password.is_none());
    assert_eq!(people.sessions(account.id).len(), 1, "only the owner's");
    assert_eq!(people.links(Purpose::VerifyEmail), 0);
}

#[tokio::test]
async fn a_disabled_account_is_opened_by_no_link() {
    let people = People::new();
    let account = people.made("ada@example.com", &[]).await;
    people.accounts.ask_password_reset(&nowhere(), "ada@example.com").await.unwrap();
    let token = people.token(Letter::ResetPassword).await;
    people.accounts.disable(&Caller::command_line(), account.id).await.unwrap();
    let refused = people.accounts.reset_password(&nowhere(), &token, None, &secret("Other1234"), None).await;
    assert_eq!(code(refused), "invalid_token");
}

#[tokio::test]
async fn a_new_link_to_prove_an_address_comes_until_it_is_proved() {
    let people = People::new();
    let account = people.registered("ada@example.com").await;
    people.accounts.resend_verification(&people.caller(&account)).await.unwrap();
    assert_eq!(people.links(Purpose::VerifyEmail), 2);
    let token = people.token(Letter::VerifyEmail).await;
    people.accounts.verify_email(&nowhere(), &token, None).await.unwrap();
    assert_eq!(people.links(Purpose::VerifyEmail), 0, "one used takes the others along");
    assert_eq!(code(people.accounts.resend_verification(&people.caller(&account)).await), "already_verified");
}

#[tokio::test]
async fn tokens_are_on_disk_as_hashes_and_sealed_only() {
    let people = People::new();
    people.registered("ada@example.com").await;
    let token = people.token(Letter::VerifyEmail).await;
    let file = std::fs::read(people.dir.path().join("aviary.redb")).unwrap();
    let holds = |text: &str| file.windows(text.len()).any(|window| window == text.as_bytes());
    assert!(holds("ada@example.com"), "the search finds what is there");
    assert!(!holds(token.reveal()));
}

#[tokio::test]
async fn links_go_by_themselves_a_day_after_they_expired() {
    let people = People::new();
    people.registered("ada@example.com").await;
    people.accounts.ask_magic_link(&nowhere(), "ada@example.com").await.unwrap();
    people.clock.advance_s(HOUR);
    assert_eq!(people.accounts.clean_up(people.env.now()).await.unwrap(), 0, "they are told apart from forged ones");
    people.clock.advance_s(48 * HOUR);
    assert_eq!(people.accounts.clean_up(people.env.now()).await.unwrap(), 2);
    assert_eq!(people.accounts.clean_up(people.env.now()).await.unwrap(), 0);
    people.assert_sound();
}
