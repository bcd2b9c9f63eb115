use aviary_domain::settings::Current;
use aviary_kernel::base::Error;
use aviary_kernel::model::{Action, Permission, SessionKind};
use futures_util::future::join;

use crate::door::{ADA, Door, ELSEWHERE, HOME, at, told};

const DAY_S: u64 = 86_400;

#[tokio::test]
async fn a_cookie_is_known_again_and_no_other() {
    let (door, ada) = Door::with_ada().await;
    let signed_in = door.enter(ADA, SessionKind::Browser).await;
    assert!(signed_in.access.is_none());
    let caller = door.sign_in.by_cookie(signed_in.token.reveal(), at(ELSEWHERE)).await.unwrap().unwrap();
    assert_eq!((caller.account, caller.session), (Some(ada), Some(signed_in.session.id)));
    assert_eq!((caller.actor.name.as_str(), caller.actor.origin.clone()), (ADA, at(ELSEWHERE)));
    for other in ["", "x", &signed_in.token.reveal()[1..], &format!("{}A", signed_in.token.reveal())] {
        assert!(door.sign_in.by_cookie(other, at(HOME)).await.unwrap().is_none(), "{other}");
    }
}

#[tokio::test]
async fn a_browser_session_ends_when_it_is_not_used_and_at_last_anyway() {
    let (door, _) = Door::with_ada().await;
    let idle = door.enter(ADA, SessionKind::Browser).await;
    let busy = door.enter(ADA, SessionKind::Browser).await;
    let is_known = async |token: &str| door.sign_in.by_cookie(token, at(HOME)).await.unwrap().is_some();
    for _ in 0..30 * 24 / 8 - 1 {
        door.clock.advance_s(8 * 3600);
        assert!(is_known(busy.token.reveal()).await);
        door.settle().await;
    }
    assert!(!is_known(idle.token.reveal()).await, "twelve hours are over");
    door.clock.advance_s(8 * 3600);
    assert!(!is_known(busy.token.reveal()).await, "thirty days are over");
}

#[tokio::test]
async fn use_is_noted_at_most_once_a_minute() {
    let (door, ada) = Door::with_ada().await;
    let signed_in = door.enter(ADA, SessionKind::Browser).await;
    let before = door.commits();
    for seconds in [0, 59, 1, 30] {
        door.clock.advance_s(seconds);
        door.sign_in.by_cookie(signed_in.token.reveal(), at(ELSEWHERE)).await.unwrap().unwrap();
    }
    door.settle().await;
    let noted = door.sign_in.sessions_of(ada).await.unwrap().remove(0);
    assert_eq!(noted.seen_at.since(noted.created_at).as_secs(), 60);
    assert_eq!(noted.address, at(ELSEWHERE).address);
    assert!(door.commits() - before <= 2, "one for the note, one for settling");
}

#[tokio::test]
async fn a_refresh_token_is_exchanged_for_a_new_one() {
    let (door, ada) = Door::with_ada().await;
    let first = door.enter(ADA, SessionKind::Api).await;
    door.clock.advance_s(80 * DAY_S);
    let second = door.sign_in.refresh(at(HOME), first.token.reveal()).await.unwrap();
    assert_ne!(first.token, second.token);
    assert_eq!((second.session.id, second.session.generation), (first.session.id, 1));
    let caller = door.sign_in.by_access_token(second.access.unwrap().text.reveal(), at(HOME)).await.unwrap();
    assert_eq!(caller.account, Some(ada));
    door.clock.advance_s(90 * DAY_S);
    assert_eq!(told(&door.sign_in.refresh(at(HOME), second.token.reveal()).await), "invalid_refresh_token");
}

#[tokio::test]
async fn a_refresh_token_that_comes_twice_ends_its_session() {
    let (door, _) = Door::with_ada().await;
    let (first, other) = (door.enter(ADA, SessionKind::Api).await, door.enter(ADA, SessionKind::Api).await);
    let second = door.sign_in.refresh(at(HOME), first.token.reveal()).await.unwrap();
    assert_eq!(told(&door.sign_in.refresh(at(ELSEWHERE), first.token.reveal()).await), "invalid_refresh_token");
    assert_eq!(told(&door.sign_in.refresh(at(HOME), second.token.reveal()).await), "invalid_refresh_token");
    let access = second.access.unwrap().text;
    assert_eq!(told(&door.sign_in.by_access_token(access.reveal(), at(HOME)).await), "invalid_token");
    assert_eq!(
        told(&door.sign_in.refresh(at(HOME), other.token.reveal()).await),
        "fine",
        "another session is untouched"
    );
    assert_eq!(door.recorded(Action::RefreshReused), 1);
    let event = door.trail().into_iter().find(|event| event.action == Action::RefreshReused).unwrap();
    assert_eq!(event.target.unwrap().name, ADA);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_exchanges_at_once_one_wins_and_the_session_ends() {
    let (door, _) = Door::with_ada().await;
    let first = door.enter(ADA, SessionKind::Api).await;
    let exchange = || door.sign_in.refresh(at(HOME), first.token.reveal());
    let (a, b) = join(exchange(), exchange()).await;
    let mut heard = [told(&a), told(&b)];
    heard.sort_unstable();
    assert_eq!(heard, ["fine", "invalid_refresh_token"]);
    assert!(door.sessions().is_empty());
    assert_eq!(door.recorded(Action::RefreshReused), 1);
}

#[tokio::test]
async fn a_forged_refresh_token_ends_nothing() {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let (door, _) = Door::with_ada().await;
    let first = door.enter(ADA, SessionKind::Api).await;
    let second = door.sign_in.refresh(at(HOME), first.token.reveal()).await.unwrap();
    let old = URL_SAFE_NO_PAD.decode(first.token.reveal()).unwrap();
    for at_byte in 0..old.len() {
        let mut forged = old.clone();
        forged[at_byte] ^= 1;
        let refreshed = door.sign_in.refresh(at(ELSEWHERE), &URL_SAFE_NO_PAD.encode(forged)).await;
        assert_eq!(told(&refreshed), "invalid_refresh_token", "{at_byte}");
    }
    assert_eq!(door.recorded(Action::RefreshReused), 0);
    assert_eq!(told(&door.sign_in.refresh(at(HOME), second.token.reveal()).await), "fine");
}

#[tokio::test]
async fn under_another_master_key_sessions_go_on_and_access_tokens_do_not() {
    use aviary_domain::access::Limits;
    use aviary_domain::accounts::{Accounts, Hasher};
    use aviary_domain::sign_in::{SignIn, SignInOptions};
    use aviary_kernel::base::{MasterKey, Sealer};
    let (door, _) = Door::with_ada().await;
    let (browser, api) = (door.enter(ADA, SessionKind::Browser).await, door.enter(ADA, SessionKind::Api).await);
    let sealer = Sealer::new(&MasterKey::parse(&"08".repeat(32)).unwrap());
    let accounts = Accounts::new(
        door.store.clone(),
        door.env.clone(),
        sealer.into(),
        Hasher::weak().unwrap(),
        Limits::new(door.env.clone()),
    );
    let rotated = SignIn::new(accounts, door.settings.subscribe(), SignInOptions::default());
    assert!(rotated.by_cookie(browser.token.reveal(), at(HOME)).await.unwrap().is_some());
    let old = api.access.unwrap().text;
    assert_eq!(told(&rotated.by_access_token(old.reveal(), at(HOME)).await), "invalid_token");
    let next = rotated.refresh(at(HOME), api.token.reveal()).await.unwrap();
    assert_eq!(told(&rotated.by_access_token(next.access.unwrap().text.reveal(), at(HOME)).await), "fine");
}

#[tokio::test]
async fn kinds_of_tokens_are_not_mixed() {
    let (door, _) = Door::with_ada().await;
    let (browser, api) = (door.enter(ADA, SessionKind::Browser).await, door.enter(ADA, SessionKind::Api).await);
    assert!(door.sign_in.by_cookie(api.token.reveal(), at(HOME)).await.unwrap().is_none());
    assert_eq!(told(&door.sign_in.refresh(at(HOME), browser.token.reveal()).await), "invalid_refresh_token");
    for token in [&browser.token, &api.token] {
        assert_eq!(told(&door.sign_in.by_access_token(token.reveal(), at(HOME)).await), "invalid_token");
    }
    let access = api.access.unwrap().text;
    assert!(door.sign_in.by_cookie(access.reveal(), at(HOME)).await.unwrap().is_none());
}

#[tokio::test]
async fn a_token_from_outside_is_never_taken_over() {
    let (door, _) = Door::with_ada().await;
    let before = door.enter(ADA, SessionKind::Browser).await;
    let after = door.enter(ADA, SessionKind::Browser).await;
    assert_ne!(before.token, after.token, "each sign-in makes a token of its own");
    assert!(door.sign_in.by_cookie("planted", at(HOME)).await.unwrap().is_none());
    assert_eq!(door.sessions().len(), 2);
}

#[tokio::test]
async fn ending_a_session_takes_effect_at_once() {
    let (door, ada) = Door::with_ada().await;
    let caller = door.caller(ADA).await;
    let (browser, api) = (door.enter(ADA, SessionKind::Browser).await, door.enter(ADA, SessionKind::Api).await);
    assert_eq!(door.sign_in.sessions_of(ada).await.unwrap().len(), 3);
    door.sign_in.end_session(&caller, browser.session.id).await.unwrap();
    assert!(door.sign_in.by_cookie(browser.token.reveal(), at(HOME)).await.unwrap().is_none());
    assert!(matches!(door.sign_in.end_session(&caller, browser.session.id).await, Err(Error::NotFound { .. })));
    assert_eq!(door.sign_in.end_others(&caller).await.unwrap(), 1);
    let access = api.access.unwrap().text;
    assert_eq!(told(&door.sign_in.by_access_token(access.reveal(), at(HOME)).await), "invalid_token");
    let left = door.sign_in.sessions_of(ada).await.unwrap();
    assert_eq!(left.iter().map(|session| Some(session.id)).collect::<Vec<_>>(), [caller.session]);
    assert_eq!(door.recorded(Action::SessionEnded), 2);
    door.sign_in.sign_out(&caller).await.unwrap();
    assert!(door.sessions().is_empty());
    assert_eq!(door.recorded(Action::SignedOut), 1);
    door.assert_sound();
}

#[tokio::test]
async fn sessions_of_others_are_ended_only_by_who_may_and_who_has_no_less() {
    let (door, ada) = Door::with_ada().await;
    let root = door.person("root@example.com", &["SUPER_ADMIN"]).await;
    door.person("admin@example.com", &["ADMINISTRATOR"]).await;
    let of_ada = door.enter(ADA, SessionKind::Browser).await.session.id;
    let (caller, admin) = (door.caller(ADA).await, door.caller("admin@example.com").await);
    let of_root = door.enter("root@example.com", SessionKind::Browser).await.session.id;
    assert!(admin.may(Permission::AccountSecurity));
    assert!(matches!(door.sign_in.end_session(&caller, of_root).await, Err(Error::Forbidden(_))));
    assert!(matches!(door.sign_in.end_session(&admin, of_root).await, Err(Error::Forbidden(_))), "higher than they");
    assert!(matches!(door.sign_in.end_all(&admin, root).await, Err(Error::Forbidden(_))));
    door.sign_in.end_session(&admin, of_ada).await.unwrap();
    assert_eq!(door.sign_in.end_all(&admin, ada).await.unwrap(), 1);
    assert_eq!(door.sign_in.sessions_of(root).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_disabled_account_is_not_known_any_more() {
    let (door, ada) = Door::with_ada().await;
    let (browser, api) = (door.enter(ADA, SessionKind::Browser).await, door.enter(ADA, SessionKind::Api).await);
    door.alter(ada, |account| account.is_active = false).await;
    assert!(door.sign_in.by_cookie(browser.token.reveal(), at(HOME)).await.unwrap().is_none());
    let access = api.access.unwrap().text;
    assert_eq!(told(&door.sign_in.by_access_token(access.reveal(), at(HOME)).await), "account_disabled");
    assert_eq!(told(&door.sign_in.refresh(at(HOME), api.token.reveal()).await), "account_disabled");
}

#[tokio::test]
async fn what_somebody_may_is_read_anew_at_each_call() {
    let (door, ada) = Door::with_ada().await;
    let access = door.enter(ADA, SessionKind::Api).await.access.unwrap().text;
    let may = async || {
        let caller = door.sign_in.by_access_token(access.reveal(), at(HOME)).await.unwrap();
        caller.may(Permission::SyncRun)
    };
    assert!(!may().await);
    door.alter(ada, |account| account.roles = vec!["TECH_TEAM".into()]).await;
    assert!(may().await);
    door.role_that_needs_a_second_factor("TECH_TEAM").await;
    assert!(!may().await, "not before the second factor is set up");
}

#[tokio::test]
async fn signing_out_is_never_refused() {
    let (door, ada) = Door::with_ada().await;
    let out = async |refresh: Option<&str>, bearer: Option<&str>| {
        door.sign_in.sign_out_refresh(at(HOME), refresh, bearer).await.unwrap();
        door.sessions().len()
    };
    let first = door.enter(ADA, SessionKind::Api).await;
    let (second, third) = (door.enter(ADA, SessionKind::Api).await, door.enter(ADA, SessionKind::Browser).await);
    assert_eq!(out(None, None).await, 3);
    assert_eq!(out(Some("rubbish"), Some("rubbish")).await, 3);
    assert_eq!(out(Some(third.token.reveal()), None).await, 3, "a cookie is no refresh token");
    assert_eq!(out(Some(first.token.reveal()), None).await, 2);
    let access = second.access.unwrap().text;
    assert_eq!(out(Some(first.token.reveal()), Some(access.reveal())).await, 0, "the bearer ends all");
    assert!(door.sign_in.sessions_of(ada).await.unwrap().is_empty());
}

#[tokio::test]
async fn the_oldest_of_too_many_sessions_makes_room() {
    let (door, ada) = Door::with_ada().await;
    let first = door.enter(ADA, SessionKind::Browser).await;
    let second = door.enter(ADA, SessionKind::Browser).await;
    for _ in 0..49 {
        door.enter(ADA, SessionKind::Browser).await;
    }
    assert_eq!(door.sign_in.sessions_of(ada).await.unwrap().len(), 50);
    assert!(door.sign_in.by_cookie(first.token.reveal(), at(HOME)).await.unwrap().is_none());
    assert!(door.sign_in.by_cookie(second.token.reveal(), at(HOME)).await.unwrap().is_some());
    assert_eq!(door.recorded(Action::SessionEnded), 1);
}

#[tokio::test]
async fn what_ran_out_is_cleaned_up_and_nothing_else() {
    let (door, _) = Door::with_ada().await;
    door.enter(ADA, SessionKind::Browser).await;
    let api = door.enter(ADA, SessionKind::Api).await;
    let _ = door.try_from(ELSEWHERE, ADA, "Wrong1234").await;
    assert_eq!(door.sign_in.clean_up(door.env.now()).await.unwrap(), 0);
    door.clock.advance_s(DAY_S);
    assert_eq!(door.sign_in.clean_up(door.env.now()).await.unwrap(), 2, "a session and a count");
    assert_eq!(door.sessions().iter().map(|session| session.id).collect::<Vec<_>>(), [api.session.id]);
    door.assert_sound();
}

#[tokio::test]
async fn another_length_of_sessions_counts_at_once() {
    let (door, ada) = Door::with_ada().await;
    let session = door.enter(ADA, SessionKind::Browser).await;
    let good = async || door.sign_in.by_cookie(session.token.reveal(), at(HOME)).await.unwrap().is_some();
    let set = |session_hours| door.settings.send_replace(Current { session_hours, ..Current::default() }.into());
    door.clock.advance_s(2 * 3600);
    set(1);
    assert!(!good().await && door.sign_in.sessions_of(ada).await.unwrap().is_empty());
    set(3);
    assert!(good().await, "it is used now");
    door.store.write(|_| Ok(())).await.unwrap();
    set(20);
    door.clock.advance_s(3600);
    assert!(good().await);
    door.store.write(|_| Ok(())).await.unwrap();
    door.clock.advance_s(19 * 3600);
    assert!(good().await);
}
