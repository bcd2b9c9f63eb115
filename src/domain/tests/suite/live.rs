//! Those who look on hear of what moves.

use aviary_domain::feed;
use aviary_domain::live::{Follower, Live, News, Tally, Topic};
use aviary_kernel::base::{Env, Timestamp};
use aviary_kernel::model::{Kind, ObjectKey, Operation, PanelId};
use aviary_kernel::store::rows::Change;
use aviary_kernel::store::{Options, Store, WriteTx};
use tempfile::TempDir;

struct Desk {
    store: Store,
    env: Env,
    live: Live,
    _dir: TempDir,
}

impl Desk {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(Options::file(dir.path().join("aviary.redb"))).unwrap();
        let (env, _) = Env::manual(Timestamp::parse("2026-01-01T00:00:00Z").unwrap());
        Self { live: Live::new(store.clone()), store, env, _dir: dir }
    }

    async fn change(&self, changes: Vec<Change>) {
        let env = self.env.clone();
        let append = move |tx: &mut WriteTx<'_>| {
            changes.into_iter().try_for_each(|change| feed::append(tx, &env, change).map(drop))
        };
        self.store.write(append).await.unwrap();
    }

    async fn round(&self) {
        self.live.round().await.unwrap();
    }
}

fn server(id: u64, operation: Operation) -> Change {
    Change::Object { key: ObjectKey { panel: PanelId(1), kind: Kind::Server, id }, operation }
}

async fn told(follower: &mut Follower) -> (Option<Tally>, Option<Tally>) {
    match follower.next().await.unwrap().unwrap() {
        News::Moved(moved) => (moved.of(Topic::Servers, None), moved.of(Topic::Servers, Some("1/7"))),
        News::Missed(_) => panic!("nothing was missed"),
    }
}

#[tokio::test]
async fn who_follows_hears_what_moved_and_how() {
    let desk = Desk::new();
    let mut follower = desk.live.follow(None).await.unwrap();
    desk.change(vec![server(7, Operation::Created), server(7, Operation::Changed), server(8, Operation::Removed)])
        .await;
    desk.round().await;
    let (all, seven) = told(&mut follower).await;
    assert_eq!(all, Some(Tally { new: 1, changed: 0, gone: 1 }), "what moved twice is one thing");
    assert_eq!(seven, Some(Tally { new: 1, changed: 1, gone: 0 }));
}

#[tokio::test]
async fn who_comes_back_hears_what_moved_meanwhile_and_nothing_twice() {
    let desk = Desk::new();
    desk.change(vec![server(1, Operation::Created)]).await;
    let mark = desk.live.mark().await.unwrap();
    desk.change(vec![server(7, Operation::Created)]).await;
    desk.round().await;

    let mut follower = desk.live.follow(Some(mark)).await.unwrap();
    assert_eq!(told(&mut follower).await.0, Some(Tally { new: 1, changed: 0, gone: 0 }));
    desk.change(vec![server(8, Operation::Changed)]).await;
    desk.round().await;
    assert_eq!(told(&mut follower).await.0, Some(Tally { new: 0, changed: 1, gone: 0 }));
}

#[tokio::test]
async fn who_came_between_two_rounds_does_not_hear_what_was_there_already() {
    let desk = Desk::new();
    let _other = desk.live.follow(None).await.unwrap();
    desk.round().await;
    desk.change(vec![server(1, Operation::Created)]).await;
    let mut late = desk.live.follow(None).await.unwrap();
    desk.change(vec![server(7, Operation::Changed)]).await;
    desk.round().await;
    assert_eq!(told(&mut late).await.0, Some(Tally { new: 0, changed: 1, gone: 0 }));
}

#[tokio::test]
async fn who_is_slow_misses_nothing() {
    let desk = Desk::new();
    let mut follower = desk.live.follow(None).await.unwrap();
    desk.round().await;
    for id in 0..40 {
        desk.change(vec![server(id, Operation::Created)]).await;
        desk.round().await;
    }
    let mut heard = 0;
    while heard < 40 {
        heard += told(&mut follower).await.0.unwrap().new;
    }
    assert_eq!(heard, 40);
}

#[tokio::test]
async fn who_was_further_than_the_file_is_looks_at_everything_anew() {
    let desk = Desk::new();
    desk.change(vec![server(1, Operation::Created)]).await;
    let mut follower = desk.live.follow(Some("99.0".parse().unwrap())).await.unwrap();
    let news = follower.next().await.unwrap().unwrap();
    assert!(matches!(news, News::Missed(mark) if mark == desk.live.mark().await.unwrap()), "{news:?}");
}

#[tokio::test]
async fn who_follows_hears_of_more_than_can_be_told() {
    let desk = Desk::new();
    let mut follower = desk.live.follow(None).await.unwrap();
    desk.round().await;
    desk.change((0..20_001).map(|id| server(id, Operation::Created)).collect()).await;
    desk.round().await;
    let news = follower.next().await.unwrap().unwrap();
    assert!(matches!(news, News::Missed(mark) if mark == desk.live.mark().await.unwrap()), "{news:?}");
}

#[tokio::test]
async fn the_end_lets_everybody_go() {
    let desk = Desk::new();
    let mut follower = desk.live.follow(None).await.unwrap();
    desk.live.end();
    assert!(follower.next().await.unwrap().is_none());
}
