use std::time::{Duration, Instant};

use aviary_domain::access::Refusal;
use aviary_domain::accounts::Hasher;
use aviary_kernel::model::{Action, Origin, Outcome, SessionKind, Who};
use aviary_kernel::store::tables::ACCOUNTS;
use aviary_kernel::store::{Read, WriteTx};

use crate::door::{ADA, Door, HOME, PASSWORD, at, told, typed};

#[tokio::test]
async fn the_right_password_lets_in_and_nothing_else_does() {
    let (door, ada) = Door::with_ada().await;
    for (email, password, wanted) in [
        ("", PASSWORD, "missing_fields"),
        (ADA, "", "missing_fields"),
        ("ada", PASSWORD, "invalid_email"),
        ("eve@example.com", PASSWORD, "invalid_credentials"),
        (ADA, "Wrong1234", "invalid_credentials"),
        (" ADA@Example.com ", PASSWORD, "fine"),
    ] {
        assert_eq!(told(&door.try_from(HOME, email, password).await), wanted, "{email}");
    }
    assert_eq!(door.account(ada).last_login_at, Some(door.env.now()));
    assert_eq!(door.recorded(Action::SignedIn), 1);
    door.assert_sound();
}

#[tokio::test]
async fn what_is_wrong_with_an_account_is_told_only_after_the_right_password() {
    let (door, ada) = Door::with_ada().await;
    door.alter(ada, |account| account.email_verified = None).await;
    assert_eq!(told(&door.try_from(HOME, ADA, "Wrong1234").await), "invalid_credentials");
    assert_eq!(told(&door.try_from(HOME, ADA, PASSWORD).await), "email_not_verified");
    door.alter(ada, |account| account.is_active = false).await;
    assert_eq!(told(&door.try_from(HOME, ADA, "Wrong1234").await), "invalid_credentials");
    assert_eq!(told(&door.try_from(HOME, ADA, PASSWORD).await), "account_disabled");
    assert!(door.sessions().is_empty());
}

#[tokio::test]
async fn an_account_without_a_password_is_like_none() {
    let door = Door::new();
    door.person_with(ADA, &[], None).await;
    for password in [PASSWORD, "$2b$", " "] {
        assert_eq!(told(&door.try_from(HOME, ADA, password).await), "invalid_credentials");
    }
}

#[tokio::test]
async fn a_failure_is_on_record_without_the_password() {
    let (door, ada) = Door::with_ada().await;
    let _ = door.try_from(HOME, ADA, "Secret-Pass-1").await;
    let _ = door.try_from(HOME, "eve@example.com", "Secret-Pass-1").await;
    let _ = door.try_from(HOME, "Secret-Pass-1", "Secret-Pass-1").await;
    let trail = door.trail();
    assert_eq!(trail.len(), 3);
    for event in &trail {
        assert_eq!((event.action, event.actor.who), (Action::SignInFailed, Who::Nobody));
        assert_eq!(event.actor.origin, at(HOME));
    }
    let targets: Vec<_> = trail.iter().map(|event| event.target.as_ref().map(|target| target.id.clone())).collect();
    assert_eq!(targets, [Some(ada.to_string()), None, None], "only who exists is a target");
    assert_eq!(trail[0].outcome, trail[1].outcome);
    assert_eq!(trail[1].outcome, Outcome::Refused("invalid_credentials".into()));
    assert_eq!(trail[1].changes[0].after.as_deref(), Some("eve@example.com"));
    assert!(!format!("{trail:?}").contains("Secret-Pass-1"));
}

#[tokio::test]
async fn known_and_unknown_addresses_cost_the_same_commits() {
    let (door, _) = Door::with_ada().await;
    let mut spent = Vec::new();
    for email in [ADA, "eve@example.com"] {
        let mut of_this = Vec::new();
        for _ in 0..7 {
            let before = door.commits();
            let refusal = door.try_from("203.0.113.5", email, "Wrong1234").await.unwrap_err();
            of_this.push((refusal.to_string(), door.commits() - before));
        }
        spent.push(of_this);
    }
    assert_eq!(spent[0], spent[1]);
    assert!(spent[0].iter().all(|(_, commits)| *commits == 1), "{spent:?}");
}

/// Generous, and with few tries: each takes a fifth of a second. It is the median that counts.
#[tokio::test]
async fn known_and_unknown_addresses_take_the_same_time() {
    let hasher = Hasher::new().unwrap();
    let stored = hasher.hash(PASSWORD.into()).await.unwrap();
    let door = Door::with(hasher);
    door.person_with(ADA, &[], Some(stored)).await;
    let mut medians = Vec::new();
    for email in [ADA, "eve@example.com"] {
        let mut taken = Vec::new();
        for _ in 0..3 {
            let began = Instant::now();
            let _ = door.try_from(HOME, email, "Wrong1234").await;
            taken.push(began.elapsed());
        }
        taken.sort();
        medians.push(taken[1].max(Duration::from_millis(1)).as_secs_f64());
    }
    let ratio = medians[0] / medians[1];
    assert!((0.5..2.0).contains(&ratio), "{medians:?}");
}

#[tokio::test]
async fn a_bcrypt_hash_is_replaced_at_the_first_sign_in() {
    let door = Door::new();
    let old = bcrypt::hash(PASSWORD, 4).unwrap();
    let ada = door.person_with(ADA, &[], Some(old.clone())).await;
    assert_eq!(told(&door.try_from(HOME, ADA, "Wrong1234").await), "invalid_credentials");
    assert_eq!(door.account(ada).password, Some(old));
    door.enter(ADA, SessionKind::Browser).await;
    let renewed = door.account(ada).password.unwrap();
    assert!(renewed.starts_with("$argon2id$"), "{renewed}");
    door.enter(ADA, SessionKind::Browser).await;
    assert_eq!(door.account(ada).password, Some(renewed), "once is enough");
}

#[tokio::test]
async fn checking_counts_as_a_sign_in_but_begins_no_session() {
    let (door, ada) = Door::with_ada().await;
    let checked = door.sign_in.check(at(HOME), typed(ADA, PASSWORD, None)).await.unwrap();
    assert_eq!(checked.0.id, ada);
    assert_eq!(door.account(ada).last_login_at, Some(door.env.now()));
    assert!(door.sessions().is_empty());
    assert_eq!(told(&door.sign_in.check(at(HOME), typed(ADA, "Wrong1234", None)).await), "invalid_credentials");
}

#[tokio::test]
async fn a_link_lets_in_without_a_password() {
    let (door, ada) = Door::with_ada().await;
    let signed_in = door.sign_in.with_link(at(HOME), ada, |_| Ok(()), None, SessionKind::Api).await.unwrap();
    assert!(signed_in.access.is_some());
    assert_eq!(door.account(ada).last_login_at, Some(door.env.now()));
    assert_eq!(door.recorded(Action::SignedIn), 1);
}

#[tokio::test]
async fn a_link_lets_in_who_proves_the_address_with_it() {
    let (door, ada) = Door::with_ada().await;
    door.alter(ada, |account| account.email_verified = None).await;
    let entered = door.sign_in.with_link(at(HOME), ada, |_| Ok(()), None, SessionKind::Browser).await;
    assert_eq!(told(&entered), "email_not_verified");
    let now = door.env.now();
    let prove = move |tx: &mut WriteTx<'_>| {
        let mut account = tx.get(ACCOUNTS, &ada)?.unwrap();
        account.email_verified = Some(now);
        tx.put(ACCOUNTS, &ada, &account)?;
        Ok(())
    };
    let entered = door.sign_in.with_link(at(HOME), ada, prove, None, SessionKind::Browser).await;
    assert_eq!(told(&entered), "fine");
    assert_eq!(door.account(ada).email_verified, Some(now), "what the link wrote stays");
}

#[tokio::test]
async fn a_link_that_is_not_good_lets_nobody_in() {
    let (door, ada) = Door::with_ada().await;
    let spend = |_: &mut WriteTx<'_>| Err(Refusal::TokenExpired);
    let entered = door.sign_in.with_link(Origin::default(), ada, spend, None, SessionKind::Browser).await;
    assert_eq!(told(&entered), "token_expired");
    door.alter(ada, |account| account.is_active = false).await;
    let entered = door.sign_in.with_link(Origin::default(), ada, |_| Ok(()), None, SessionKind::Browser).await;
    assert_eq!(told(&entered), "account_disabled");
    assert!(door.sessions().is_empty());
    assert_eq!((door.account(ada).last_login_at, door.recorded(Action::SignInFailed)), (None, 2));
}
