use aviary_kernel::model::{Action, SessionKind};

use crate::door::{ADA, Door, ELSEWHERE, HOME, PASSWORD, told};

async fn fail(door: &Door, from: &str, email: &str, times: usize) {
    for _ in 0..times {
        assert_eq!(told(&door.try_from(from, email, "Wrong1234").await), "invalid_credentials");
    }
}

#[tokio::test]
async fn five_wrong_tries_lock_for_five_minutes_then_for_longer() {
    let (door, _) = Door::with_ada().await;
    for (seconds, minutes) in [(300, 5), (1800, 30), (3600, 60), (3600, 60)] {
        fail(&door, ELSEWHERE, ADA, 5).await;
        let refusal = door.try_from(ELSEWHERE, ADA, PASSWORD).await.unwrap_err();
        assert_eq!(refusal.code(), "locked", "not even the right one");
        assert!(refusal.to_string().contains(&seconds.to_string()), "{refusal}");
        door.clock.advance_s(minutes * 60 - 1);
        assert_eq!(told(&door.try_from(ELSEWHERE, ADA, PASSWORD).await), "locked");
        door.clock.advance_s(1);
    }
    assert_eq!(told(&door.try_from(ELSEWHERE, ADA, PASSWORD).await), "fine");
    fail(&door, ELSEWHERE, ADA, 4).await;
    assert_eq!(told(&door.try_from(ELSEWHERE, ADA, PASSWORD).await), "fine", "the count began anew");
    assert_eq!(door.recorded(Action::AccountLocked), 4);
}

#[tokio::test]
async fn an_address_without_an_account_is_locked_alike() {
    let (door, _) = Door::with_ada().await;
    let mut told_to = Vec::new();
    for email in [ADA, "eve@example.com"] {
        let mut heard = Vec::new();
        for _ in 0..8 {
            heard.push(door.try_from(ELSEWHERE, email, "Wrong1234").await.unwrap_err().to_string());
        }
        told_to.push(heard);
    }
    assert_eq!(told_to[0], told_to[1]);
    assert!(told_to[0][7].contains("try again in 300 seconds"), "{told_to:?}");
}

#[tokio::test]
async fn wrong_tries_fade_after_a_day() {
    let (door, _) = Door::with_ada().await;
    fail(&door, ELSEWHERE, ADA, 4).await;
    door.clock.advance_s(24 * 3600);
    fail(&door, ELSEWHERE, ADA, 4).await;
    assert_eq!(told(&door.try_from(ELSEWHERE, ADA, PASSWORD).await), "fine");
}

#[tokio::test]
async fn nobody_can_lock_a_person_out_of_where_they_are_signed_in() {
    let (door, _) = Door::with_ada().await;
    door.enter(ADA, SessionKind::Browser).await;
    fail(&door, ELSEWHERE, ADA, 5).await;
    assert_eq!(told(&door.try_from(ELSEWHERE, ADA, PASSWORD).await), "locked");
    assert_eq!(told(&door.try_from(HOME, ADA, PASSWORD).await), "fine");
    assert_eq!(
        told(&door.try_from(ELSEWHERE, ADA, PASSWORD).await),
        "locked",
        "a success at home opens nothing outside"
    );
}

#[tokio::test]
async fn where_a_person_is_signed_in_tries_are_counted_too() {
    let (door, _) = Door::with_ada().await;
    door.enter(ADA, SessionKind::Browser).await;
    fail(&door, HOME, ADA, 5).await;
    assert_eq!(told(&door.try_from(HOME, ADA, PASSWORD).await), "locked");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_tries_at_once_are_no_way_around() {
    let (door, _) = Door::with_ada().await;
    let tries = (0..20).map(|_| door.try_from(ELSEWHERE, ADA, "Wrong1234"));
    let heard: Vec<_> = futures_util::future::join_all(tries).await.iter().map(told).collect();
    assert_eq!(heard.iter().filter(|code| **code == "invalid_credentials").count(), 5, "{heard:?}");
    assert_eq!(heard.iter().filter(|code| **code == "locked").count(), 15, "{heard:?}");
}

#[tokio::test]
async fn an_administrator_lets_somebody_try_again() {
    let (door, ada) = Door::with_ada().await;
    door.person("root@example.com", &["SUPER_ADMIN"]).await;
    door.person("mere@example.com", &[]).await;
    let (root, mere) = (door.caller("root@example.com").await, door.caller("mere@example.com").await);
    door.enter(ADA, SessionKind::Browser).await;
    let unlock = async |by| door.sign_in.unlock(by, ada).await;
    for from in [ELSEWHERE, HOME] {
        fail(&door, from, ADA, 5).await;
    }
    assert!(unlock(&mere).await.is_err());
    for from in [ELSEWHERE, HOME] {
        assert_eq!(told(&door.try_from(from, ADA, PASSWORD).await), "locked");
    }
    unlock(&root).await.unwrap();
    for from in [ELSEWHERE, HOME] {
        assert_eq!(told(&door.try_from(from, ADA, PASSWORD).await), "fine", "{from}");
    }
    assert_eq!(door.recorded(Action::AccountUnlocked), 1);
}
