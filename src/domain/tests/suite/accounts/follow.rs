use aviary_kernel::model::AccountSource;
use aviary_kernel::store::tables::{FEED, FOLLOWERS};

use super::*;

#[tokio::test]
async fn every_user_of_a_panel_has_an_account_that_follows_them() {
    let people = People::new();
    people.panel_user(1, 1, "ada@example.com", "ada");
    people.panel_user(1, 2, "bob@example.com", " ");
    people.panel_user(1, 3, "no address", "eve");
    people.follow().await;
    let ada = people.by_email("ada@example.com").unwrap();
    assert_eq!(ada.source, AccountSource::Panel(object(PanelId(1), 1)));
    assert_eq!((ada.username.as_str(), ada.roles.as_slice()), ("ada", ["MEMBER".to_owned()].as_slice()));
    assert!(ada.password.is_none() && ada.email_verified.is_none() && ada.is_active);
    assert_eq!(people.by_email("bob@example.com").unwrap().username, "bob", "a name is never empty");
    assert_eq!(people.everybody().len(), 2);

    people.panel_user(1, 1, "lovelace@example.com", "countess");
    people.remove_user(1, 2);
    people.follow().await;
    let after = people.everybody();
    assert_eq!(after.len(), 1);
    assert_eq!((after[0].id, after[0].username.as_str()), (ada.id, "countess"));
    assert_eq!(after[0].email.as_str(), "lovelace@example.com");
    people.assert_sound();
}

#[tokio::test]
async fn a_claimed_account_is_never_touched() {
    let people = People::new();
    let account = people.registered("ada@example.com").await;
    people.panel_user(1, 1, "ADA@example.com", "impostor");
    people.follow().await;
    people.panel_user(1, 1, "other@example.com", "impostor");
    people.follow().await;
    people.remove_user(1, 1);
    people.follow().await;
    assert_eq!(people.everybody(), [account]);
}

#[tokio::test]
async fn a_user_who_moves_to_an_address_that_has_an_account_leaves_none_behind() {
    let people = People::new();
    people.panel_user(1, 1, "ada@example.com", "ada");
    people.follow().await;
    let bob = people.made("bob@example.com", &[]).await;
    people.panel_user(1, 1, "bob@example.com", "ada");
    people.follow().await;
    assert_eq!(people.everybody(), [bob]);
    people.assert_sound();
}

#[tokio::test]
async fn panels_with_the_same_person_share_an_account() {
    let people = People::new();
    people.panel_user(1, 1, "ada@example.com", "ada");
    people.panel_user(2, 9, "Ada@Example.com", "ada2");
    people.follow().await;
    assert_eq!(people.everybody().len(), 1);
    people.remove_user(1, 1);
    people.follow().await;
    let account = people.by_email("ada@example.com").unwrap();
    assert_eq!(account.source, AccountSource::Panel(object(PanelId(2), 9)));
    assert_eq!(account.username, "ada2");
    people.panel_user(2, 9, "moved@example.com", "ada2");
    people.panel_user(3, 5, "ada@example.com", "ada3");
    people.follow().await;
    let names: Vec<_> = people.everybody().into_iter().map(|account| account.username).collect();
    assert_eq!(names.len(), 2, "{names:?}");
    people.assert_sound();
}

#[tokio::test]
async fn a_disabled_account_stays_disabled_at_another_address() {
    let people = People::new();
    people.panel_user(1, 1, "ada@example.com", "ada");
    people.follow().await;
    let account = people.by_email("ada@example.com").unwrap();
    people.accounts.disable(&Caller::command_line(), account.id).await.unwrap();
    people.panel_user(1, 1, "new@example.com", "ada");
    people.follow().await;
    assert!(!people.by_email("new@example.com").unwrap().is_active);
}

#[tokio::test]
async fn when_a_panel_goes_its_accounts_go() {
    let people = People::new();
    for id in 1..=3 {
        people.panel_user(1, id, &format!("p{id}@example.com"), "x");
    }
    people.panel_user(2, 1, "p1@example.com", "stays");
    people.follow().await;
    let env = people.env.clone();
    people
        .store
        .write_blocking(move |tx| {
            for id in 1..=3 {
                tx.remove(USERS, &(PanelId(1), id))?;
            }
            feed::append(tx, &env, Change::Panel(PanelId(1)))
        })
        .unwrap();
    people.follow().await;
    let left: Vec<_> = people.everybody().into_iter().map(|account| account.username).collect();
    assert_eq!(left, ["stays"]);
    people.assert_sound();
}

#[tokio::test]
async fn a_crash_between_two_batches_loses_and_doubles_nothing() {
    let mut people = People::new();
    people.follow().await;
    for id in 1..=620 {
        people.panel_user(1, id, &format!("p{id}@example.com"), "x");
    }
    assert!(people.accounts.follow_some().await.unwrap());
    assert_eq!(people.everybody().len(), 500);
    people = people.crash();
    while people.accounts.follow_some().await.unwrap() {
        people = people.crash();
    }
    let all = people.everybody();
    assert_eq!(all.len(), 620);
    assert!(!people.accounts.follow_some().await.unwrap(), "and then there is nothing to do");
    people.assert_sound();

    // The same entries once more change nothing.
    people
        .store
        .write_blocking(|tx| {
            let name = aviary_kernel::store::SortText::new("accounts");
            let place = tx.get(FOLLOWERS, &name)?.unwrap();
            tx.put(FOLLOWERS, &name, &aviary_kernel::store::rows::Follower { seq: 0, ..place })
        })
        .unwrap();
    people.follow().await;
    assert_eq!(people.everybody(), all);
}

#[tokio::test]
async fn where_the_feed_no_longer_reaches_back_everybody_is_looked_at_once() {
    let mut people = People::new();
    people.panel_user(1, 1, "gone@example.com", "gone");
    people.follow().await;
    people.remove_user(1, 1);
    for id in 2..=602 {
        people.panel_user(1, id, &format!("p{id}@example.com"), "x");
    }
    // The feed forgets all but the newest entry.
    people
        .store
        .write_blocking(|tx| {
            let keys: Vec<_> = tx.all(FEED, &Span::all())?.into_iter().map(|(seq, _)| seq).collect();
            for seq in &keys[..keys.len() - 1] {
                tx.remove(FEED, seq)?;
            }
            Ok(())
        })
        .unwrap();
    while people.accounts.follow_some().await.unwrap() {
        people = people.crash();
    }
    assert_eq!(people.everybody().len(), 601);
    assert!(people.by_email("gone@example.com").is_none());
    people.assert_sound();
}
