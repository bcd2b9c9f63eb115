use aviary_domain::accounts::{AccountPatch, ProfilePatch};
use aviary_domain::mails::MailQuery;
use aviary_kernel::base::Error;

use super::*;

fn is_forbidden<T>(result: Result<T, Error>) -> bool {
    matches!(result, Err(Error::Forbidden(_)))
}

fn is_fault_forbidden<T>(result: Result<T, Refusal>) -> bool {
    matches!(result, Err(Refusal::Fault(Error::Forbidden(_))))
}

struct Staff {
    people: People,
    owner: Caller,
    boss: Account,
    admin: Account,
    member: Account,
}

async fn staff() -> Staff {
    let people = People::new();
    let boss = people.made("boss@example.com", &["SUPER_ADMIN"]).await;
    let admin = people.made("admin@example.com", &["ADMINISTRATOR"]).await;
    let member = people.made("member@example.com", &[]).await;
    Staff { people, owner: Caller::command_line(), boss, admin, member }
}

#[tokio::test]
async fn an_account_is_made_with_roles_that_exist_and_are_no_more_than_ones_own() {
    let Staff { people, owner, admin, .. } = staff().await;
    let made = people.made("tech@example.com", &["TECH_TEAM", "TECH_TEAM"]).await;
    assert_eq!(made.roles, ["TECH_TEAM"]);
    assert!(made.email_verified.is_some());
    let unknown = people.accounts.create(&owner, new_account("x@example.com", &["WIZARD"])).await;
    assert!(matches!(unknown, Err(Refusal::Fault(Error::Invalid { field: "roles", .. }))));
    let admin = people.caller(&admin);
    let raised = people.accounts.create(&admin, new_account("x@example.com", &["SUPER_ADMIN"])).await;
    assert!(is_fault_forbidden(raised));
    let again = people.accounts.create(&admin, new_account("TECH@example.com", &[])).await;
    assert_eq!(code(again), "email_exists");
    let weak = NewAccount { password: Some(secret("weak")), ..new_account("x@example.com", &[]) };
    assert_eq!(code(people.accounts.create(&owner, weak).await), "password_too_short");
    assert!(people.by_email("x@example.com").is_none());
    let open = NewAccount { password: None, verified: false, ..new_account("x@example.com", &[]) };
    people.accounts.create(&admin, open).await.unwrap();
    assert_eq!(people.letters_to("x@example.com"), [Letter::ResetPassword], "they set a password by it");
    let unproved = NewAccount { verified: false, ..new_account("y@example.com", &[]) };
    people.accounts.create(&admin, unproved).await.unwrap();
    assert_eq!(people.letters_to("y@example.com"), [Letter::VerifyEmail]);
    people.assert_sound();
}

#[tokio::test]
async fn somebody_without_the_permission_does_nothing_to_others() {
    let Staff { people, member, .. } = staff().await;
    let other = people.made("other@example.com", &[]).await;
    let by = people.caller(&member);
    let it = &people.accounts;
    assert!(is_fault_forbidden(it.create(&by, new_account("x@example.com", &[])).await));
    assert!(is_fault_forbidden(it.update(&by, other.id, AccountPatch::default()).await));
    assert!(is_forbidden(it.set_roles(&by, member.id, vec!["SUPER_ADMIN".into()]).await));
    assert!(is_forbidden(it.disable(&by, other.id).await));
    assert!(is_forbidden(it.enable(&by, other.id).await));
    assert!(is_fault_forbidden(it.set_password(&by, other.id, &secret("Other1234")).await));
    assert!(is_forbidden(it.reset_link(&by, other.id).await));
    assert!(is_forbidden(it.reset_second_factor(&by, other.id).await));
    assert!(is_forbidden(it.remove(&by, other.id).await));
    assert!(is_forbidden(people.mails.list(&by, MailQuery::default()).await));
    assert_eq!(people.account(other.id), other);
}

#[tokio::test]
async fn nobody_acts_on_somebody_who_may_more() {
    let Staff { people, boss, admin, .. } = staff().await;
    let by = people.caller(&admin);
    let it = &people.accounts;
    let patch = AccountPatch { email: Some("mine@example.com".into()), ..AccountPatch::default() };
    assert!(is_fault_forbidden(it.update(&by, boss.id, patch).await));
    assert!(is_forbidden(it.set_roles(&by, boss.id, vec![]).await));
    assert!(is_forbidden(it.disable(&by, boss.id).await));
    assert!(is_fault_forbidden(it.set_password(&by, boss.id, &secret("Other1234")).await));
    assert!(is_forbidden(it.reset_link(&by, boss.id).await));
    assert!(is_forbidden(it.reset_second_factor(&by, boss.id).await));
    assert!(is_forbidden(it.remove(&by, boss.id).await));
    assert_eq!(people.account(boss.id), boss);
    it.ask_password_reset(&nowhere(), "boss@example.com").await.unwrap();
    let number = people.read(|tx| tx.last_key(MAILS, &Span::all())).unwrap();
    let reads_mail = Caller { grants: aviary_kernel::model::Grants::parse(["mail.open"]).unwrap(), ..by };
    assert!(is_forbidden(people.mails.open(&reads_mail, number, &Site::default()).await.map(|mail| mail.number)));
}

#[tokio::test]
async fn who_may_not_reset_passwords_moves_no_account_to_another_address() {
    let Staff { people, admin, member, .. } = staff().await;
    let by =
        Caller { grants: aviary_kernel::model::Grants::parse(["account.write"]).unwrap(), ..people.caller(&admin) };
    let moved =
        AccountPatch { email: Some("mine@example.com".into()), verified: Some(true), ..AccountPatch::default() };
    assert!(is_fault_forbidden(people.accounts.update(&by, member.id, moved).await));
    assert_eq!(people.account(member.id), member);
    let same = AccountPatch { email: Some("MEMBER@example.com".into()), ..AccountPatch::default() };
    people.accounts.update(&by, member.id, same).await.unwrap();
}

#[tokio::test]
async fn who_may_not_reset_passwords_says_of_no_address_whose_it_is() {
    let Staff { people, admin, member, .. } = staff().await;
    let by =
        Caller { grants: aviary_kernel::model::Grants::parse(["account.write"]).unwrap(), ..people.caller(&admin) };
    let unproved = AccountPatch { verified: Some(false), ..AccountPatch::default() };
    people.accounts.update(&by, member.id, unproved).await.unwrap();
    let proved = AccountPatch { verified: Some(true), ..AccountPatch::default() };
    assert!(is_fault_forbidden(people.accounts.update(&by, member.id, proved).await));
    let new = |verified| NewAccount {
        email: "player@example.com".into(),
        username: None,
        password: Some("Right-1234".into()),
        roles: Vec::new(),
        verified,
    };
    assert!(is_fault_forbidden(people.accounts.create(&by, new(true)).await));
    assert_eq!(people.accounts.create(&by, new(false)).await.unwrap().email_verified, None);
}

#[tokio::test]
async fn nobody_raises_anybody_above_themselves_not_even_themselves() {
    let Staff { people, admin, member, .. } = staff().await;
    let by = people.caller(&admin);
    for id in [admin.id, member.id] {
        let raised = people.accounts.set_roles(&by, id, vec!["ADMINISTRATOR".into(), "SUPER_ADMIN".into()]).await;
        assert!(is_forbidden(raised));
    }
    let after = people.accounts.set_roles(&by, member.id, vec!["SUPPORT_TEAM".into()]).await.unwrap();
    assert_eq!(after.roles, ["SUPPORT_TEAM"]);
    let unknown = people.accounts.set_roles(&by, member.id, vec!["support team".into()]).await;
    assert!(matches!(unknown, Err(Error::Invalid { field: "roles", .. })));
    let nobody = AccountId(people.env.ids.next());
    assert!(matches!(people.accounts.set_roles(&by, nobody, vec![]).await, Err(Error::NotFound { .. })));
    assert_eq!(people.done(Action::RolesChanged), 1);
}

#[tokio::test]
async fn the_last_administrator_stays_one() {
    let Staff { people, owner, boss, .. } = staff().await;
    let it = &people.accounts;
    assert!(matches!(it.set_roles(&owner, boss.id, vec![]).await, Err(Error::Conflict(_))));
    assert!(matches!(it.disable(&owner, boss.id).await, Err(Error::Conflict(_))));
    assert!(matches!(it.remove(&owner, boss.id).await, Err(Error::Conflict(_))));
    // Who has not proved their address cannot sign in.
    let elsewhere = AccountPatch { email: Some("typo@example.com".into()), ..AccountPatch::default() };
    let unproved = AccountPatch { verified: Some(false), ..AccountPatch::default() };
    for patch in [elsewhere, unproved] {
        let refused = it.update(&owner, boss.id, patch).await;
        assert!(matches!(refused, Err(Refusal::Fault(Error::Conflict(_)))), "{refused:?}");
    }
    assert_eq!(people.account(boss.id), boss, "what was refused was undone as a whole");
    let second = people.made("second@example.com", &["SUPER_ADMIN"]).await;
    it.disable(&owner, boss.id).await.unwrap();
    assert!(matches!(it.disable(&owner, second.id).await, Err(Error::Conflict(_))));
    people.assert_sound();
}

#[tokio::test]
async fn people_do_not_lock_themselves_out_nor_go_around_their_own_password() {
    let Staff { people, boss, .. } = staff().await;
    people.made("second@example.com", &["SUPER_ADMIN"]).await;
    let by = people.caller(&boss);
    let it = &people.accounts;
    assert!(matches!(it.disable(&by, boss.id).await, Err(Error::Conflict(_))));
    assert!(matches!(it.remove(&by, boss.id).await, Err(Error::Conflict(_))));
    assert!(matches!(it.reset_second_factor(&by, boss.id).await, Err(Error::Conflict(_))));
    let set = it.set_password(&by, boss.id, &secret("Other1234")).await;
    assert!(matches!(set, Err(Refusal::Fault(Error::Conflict(_)))));
}

#[tokio::test]
async fn who_is_disabled_is_out_at_once_and_may_come_back() {
    let Staff { people, owner, member, .. } = staff().await;
    people.session(member.id);
    people.accounts.ask_password_reset(&nowhere(), "member@example.com").await.unwrap();
    let after = people.accounts.disable(&owner, member.id).await.unwrap();
    assert!(!after.is_active && people.sessions(member.id).is_empty());
    assert_eq!(people.links(Purpose::ResetPassword), 0);
    assert!(matches!(people.accounts.reset_link(&owner, member.id).await, Err(Error::Conflict(_))));
    people.accounts.enable(&owner, member.id).await.unwrap();
    people.accounts.enable(&owner, member.id).await.unwrap();
    assert!(people.account(member.id).is_active);
    assert_eq!((people.done(Action::AccountDisabled), people.done(Action::AccountEnabled)), (1, 1));
}

#[tokio::test]
async fn a_password_set_by_others_ends_the_sessions_and_is_told_to_the_owner() {
    let Staff { people, admin, member, .. } = staff().await;
    people.session(member.id);
    let by = people.caller(&admin);
    let weak = people.accounts.set_password(&by, member.id, &secret("weak")).await;
    assert_eq!(code(weak), "password_too_short");
    people.accounts.set_password(&by, member.id, &secret("Other1234")).await.unwrap();
    assert!(people.sessions(member.id).is_empty());
    assert_eq!(people.letters_to("member@example.com"), [Letter::PasswordChanged]);
    assert_eq!(people.done(Action::PasswordReset), 1);
}

#[tokio::test]
async fn a_link_that_is_handed_on_sets_a_password() {
    let Staff { people, owner, member, .. } = staff().await;
    let link = people.accounts.reset_link(&owner, member.id).await.unwrap();
    assert!(people.letters().is_empty());
    let (id, new) = (Some(member.id), secret("Other1234"));
    let reset = people.accounts.reset_password(&nowhere(), &link.token, id, &new, None).await;
    assert_eq!(reset.unwrap().id, member.id);
}

#[tokio::test]
async fn an_address_set_by_others_is_to_be_proved_unless_they_know_it() {
    let Staff { people, owner, member, .. } = staff().await;
    let to = |email: &str, verified| AccountPatch { email: Some(email.into()), verified, ..AccountPatch::default() };
    let it = &people.accounts;
    assert_eq!(code(it.update(&owner, member.id, to("boss@example.com", None)).await), "email_exists");
    let after = it.update(&owner, member.id, to("a@example.com", None)).await.unwrap();
    assert_eq!((after.email.as_str(), after.email_verified), ("a@example.com", None));
    assert_eq!(people.letters_to("a@example.com"), [Letter::VerifyEmail]);
    let after = it.update(&owner, member.id, to("b@example.com", Some(true))).await.unwrap();
    assert!(after.email_verified.is_some());
    assert_eq!(people.links(Purpose::VerifyEmail), 0);
    let name = ProfilePatch { username: Some("Mia".into()), ..ProfilePatch::default() };
    let after = it.update(&owner, member.id, AccountPatch { profile: name, ..AccountPatch::default() }).await.unwrap();
    assert!(after.username == "Mia" && after.email_verified.is_some());
}

#[tokio::test]
async fn who_is_removed_leaves_only_what_they_did() {
    let Staff { people, owner, member, .. } = staff().await;
    people.session(member.id);
    people.accounts.ask_password_reset(&nowhere(), "member@example.com").await.unwrap();
    let events = people.audit().len();
    people.accounts.remove(&owner, member.id).await.unwrap();
    assert!(people.by_email("member@example.com").is_none());
    assert!(people.sessions(member.id).is_empty());
    assert_eq!(people.links(Purpose::ResetPassword), 0);
    assert_eq!(people.audit().len(), events + 1);
    people.assert_sound();
}

#[tokio::test]
async fn a_panels_user_gets_an_account_again_when_the_claimed_one_is_removed() {
    let Staff { people, owner, member, .. } = staff().await;
    people.panel_user(1, 7, "member@example.com", "mem");
    people.follow().await;
    people.accounts.remove(&owner, member.id).await.unwrap();
    let shadow = people.by_email("member@example.com").unwrap();
    assert!(!shadow.is_claimed() && shadow.password.is_none());
    assert!(matches!(people.accounts.remove(&owner, shadow.id).await, Err(Error::Conflict(_))));
}

#[tokio::test]
async fn looking_at_a_mail_is_put_on_record_and_lists_do_not_open_it() {
    let Staff { people, owner, .. } = staff().await;
    for _ in 0..3 {
        people.accounts.ask_password_reset(&nowhere(), "member@example.com").await.unwrap();
    }
    let two = MailQuery { limit: 2, ..MailQuery::default() };
    let page = people.mails.list(&owner, two).await.unwrap();
    assert_eq!(page.rows.len(), 2);
    let rest = people.mails.list(&owner, MailQuery { after: page.next, ..two }).await.unwrap();
    assert_eq!((rest.rows.len(), rest.next), (1, None));
    assert_eq!(people.done(Action::MailSeen), 0);
    let mail = people.newest_mail(Letter::ResetPassword).await;
    assert!(mail.text.contains(mail.link.as_deref().unwrap()), "{}", mail.text);
    assert_eq!(people.done(Action::MailSeen), 1);
    let nothing = people.mails.open(&owner, 99, &Site::default()).await;
    assert!(matches!(nothing.map(|mail| mail.number), Err(Error::NotFound { .. })));
}
