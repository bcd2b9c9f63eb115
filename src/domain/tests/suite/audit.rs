//! The audit trail: that it can be believed, read, kept small and taken elsewhere.

use std::collections::BTreeSet;
use std::sync::Arc;

use aviary_domain::audit::{Audit, AuditQuery, Did, Fault, Format, Verified, record};
use aviary_kernel::base::{Cursor, Env, Error, ManualClock, MasterKey, Sealer, Timestamp};
use aviary_kernel::model::{
    AccountId, Action, Actor, AuditChange, AuditEvent, AuditTarget, Origin, Outcome, PanelId, Went, Who,
};
use aviary_kernel::store::tables::{AUDIT, AUDIT_CHECKPOINTS, SETTINGS};
use aviary_kernel::store::{Options, Read, Row, SortText, Span, Store, WriteTx, verify};
use tempfile::TempDir;
use uuid::Uuid;

struct Trail {
    _dir: TempDir,
    store: Store,
    env: Env,
    clock: Arc<ManualClock>,
    audit: Audit,
}

fn sealer(byte: &str) -> Arc<Sealer> {
    Arc::new(Sealer::new(&MasterKey::parse(&byte.repeat(32)).unwrap()))
}

fn from(address: &str) -> Actor {
    Actor::nobody(Origin { address: Some(address.parse().unwrap()), ..Origin::default() })
}

fn failed_sign_in(account: &str) -> Did {
    Did::new(Action::SignInFailed).to("account", account, account).refused("wrong password")
}

impl Trail {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (env, clock) = Env::manual(Timestamp::parse("2026-01-01T00:00:00Z").unwrap());
        let store = Store::open(Options::file(dir.path().join("aviary.redb"))).unwrap();
        let audit = Audit::new(store.clone(), env.clone(), sealer("07"));
        Self { _dir: dir, store, env, clock, audit }
    }

    /// So many panels were added, one a second, in one commit.
    fn add(&self, events: u64) {
        let (env, clock) = (self.env.clone(), self.clock.clone());
        let write = move |tx: &mut WriteTx<'_>| {
            for n in 0..events {
                clock.advance_s(1);
                let did = Did::new(Action::PanelAdded).to("panel", n, format!("Panel {n}"));
                record(tx, &env, &Actor::job("test"), did.changed("name", None, Some(format!("Panel {n}"))))?;
            }
            Ok(())
        };
        self.store.write_blocking(write).unwrap();
    }

    fn record(&self, actor: Actor, did: Did) {
        let env = self.env.clone();
        self.store.write_blocking(move |tx| record(tx, &env, &actor, did).map(drop)).unwrap();
    }

    fn all(&self) -> Vec<(u64, AuditEvent)> {
        self.store.read_blocking(|tx| tx.all(AUDIT, &Span::all())).unwrap()
    }

    fn of(&self, action: Action) -> Vec<AuditEvent> {
        self.all().into_iter().map(|(_, event)| event).filter(|event| event.action == action).collect()
    }

    fn event(&self, seq: u64) -> AuditEvent {
        self.store.read_blocking(|tx| tx.get(AUDIT, &seq)).unwrap().unwrap()
    }

    /// Somebody at work on the file itself.
    fn tamper(&self, with: impl FnOnce(&mut WriteTx<'_>) + Send + 'static) {
        let write = move |tx: &mut WriteTx<'_>| {
            with(tx);
            Ok(())
        };
        self.store.write_blocking(write).unwrap();
    }

    fn change(&self, seq: u64, with: impl FnOnce(&mut AuditEvent)) {
        let mut event = self.event(seq);
        with(&mut event);
        self.tamper(move |tx| drop(tx.put(AUDIT, &seq, &event).unwrap()));
    }

    async fn verify(&self) -> Verified {
        self.audit.verify(None).await.unwrap()
    }

    async fn faults(&self) -> Vec<Fault> {
        let found = self.verify().await;
        assert_eq!(found.is_whole(), found.faults.is_empty());
        found.faults
    }

    fn checkpoints(&self) -> Vec<u64> {
        let all = self.store.read_blocking(|tx| tx.all(AUDIT_CHECKPOINTS, &Span::all())).unwrap();
        all.into_iter().map(|(seq, _)| seq).collect()
    }

    async fn exported(&self, format: Format) -> String {
        let mut export = self.audit.export(&Actor::job("test"), AuditQuery::default(), format).await.unwrap();
        let mut text = String::new();
        while let Some(piece) = export.next().await.unwrap() {
            text.push_str(&piece);
        }
        text
    }
}

#[tokio::test]
async fn an_untouched_trail_is_whole_with_and_without_checkpoints() {
    let trail = Trail::new();
    assert!(trail.verify().await.is_whole(), "an empty one is");
    trail.add(2500);
    assert!(trail.verify().await.is_whole());
    trail.audit.tick().await.unwrap();
    let found = trail.verify().await;
    assert!(found.is_whole(), "{:?}", found.faults);
    assert_eq!((found.first, found.last, found.events), (Some(1), Some(2500), 2500));
    assert_eq!(trail.checkpoints(), [1000, 2000], "one for each thousand");
    assert_eq!(found.signed.map(|(seq, _)| seq), Some(2000));
}

#[tokio::test]
async fn new_events_are_signed_within_the_hour_and_nothing_new_is_not() {
    let trail = Trail::new();
    trail.add(1);
    trail.audit.tick().await.unwrap();
    assert_eq!(trail.checkpoints(), [1], "the first one at once");
    trail.add(1);
    trail.clock.advance_s(3000);
    trail.audit.tick().await.unwrap();
    assert_eq!(trail.checkpoints(), [1]);
    trail.clock.advance_s(600);
    trail.audit.tick().await.unwrap();
    assert_eq!(trail.checkpoints(), [1, 2]);
    trail.clock.advance_s(7200);
    trail.audit.tick().await.unwrap();
    assert_eq!(trail.checkpoints(), [1, 2]);
}

#[tokio::test]
async fn a_change_of_any_field_is_found_at_its_event() {
    type Change = fn(&mut AuditEvent);
    let changes: [(&str, Change); 17] = [
        ("time", |e| e.at = e.at.plus(std::time::Duration::from_millis(1))),
        ("who", |e| e.actor.who = Who::Panel(PanelId(1))),
        ("whose name", |e| e.actor.name.push('x')),
        ("address", |e| e.actor.origin.address = Some("192.0.2.9".parse().unwrap())),
        ("user agent", |e| e.actor.origin.user_agent = Some(String::new())),
        ("request id", |e| e.actor.origin.request_id = Some("r".into())),
        ("action", |e| e.action = Action::PanelRemoved),
        ("no target", |e| e.target = None),
        ("kind", |e| e.target.as_mut().unwrap().kind = "account".into()),
        ("id", |e| e.target.as_mut().unwrap().id = "99".into()),
        ("name", |e| e.target.as_mut().unwrap().name = "Other".into()),
        ("no changes", |e| e.changes.clear()),
        ("field", |e| e.changes[0].field = "url".into()),
        ("before", |e| e.changes[0].before = Some(String::new())),
        ("after", |e| e.changes[0].after = Some("Panel 4!".into())),
        ("outcome", |e| e.outcome = Outcome::Refused(String::new())),
        ("another change", |e| {
            e.changes.push(AuditChange { field: "a".into(), before: None, after: None });
        }),
    ];
    let trail = Trail::new();
    trail.add(9);
    let right = trail.event(5);
    for (what, change) in changes {
        trail.change(5, change);
        assert_eq!(trail.faults().await, [Fault::Changed(5)], "{what}");
        let right = right.clone();
        trail.change(5, move |event| *event = right);
    }
    trail.change(5, |event| event.hash[31] ^= 1);
    assert_eq!(trail.faults().await, [Fault::Changed(5), Fault::Changed(6)], "the hash itself");
}

#[tokio::test]
async fn events_that_were_removed_swapped_or_put_in_are_found() {
    let trail = Trail::new();
    trail.add(9);
    let (four, five) = (trail.event(4), trail.event(5));
    let swapped = (four.clone(), five.clone());
    trail.tamper(move |tx| {
        tx.put(AUDIT, &5, &swapped.0).unwrap();
        tx.put(AUDIT, &4, &swapped.1).unwrap();
    });
    assert_eq!(trail.faults().await.first(), Some(&Fault::Changed(4)));
    trail.tamper(move |tx| {
        tx.put(AUDIT, &4, &four).unwrap();
        tx.put(AUDIT, &5, &five).unwrap();
    });
    assert_eq!(trail.faults().await, []);
    trail.tamper(|tx| drop(tx.remove(AUDIT, &5).unwrap()));
    assert_eq!(trail.faults().await, [Fault::Missing { from: 5, to: 5 }]);
    trail.tamper(|tx| drop(tx.remove(AUDIT, &1).unwrap()));
    assert_eq!(trail.faults().await.first(), Some(&Fault::NoBeginning(2)));

    let trail = Trail::new();
    trail.add(3);
    let copy = trail.event(3);
    trail.tamper(move |tx| drop(tx.put(AUDIT, &4, &copy).unwrap()));
    assert!(trail.faults().await.contains(&Fault::Foreign(4)));
}

#[tokio::test]
async fn an_end_that_was_cut_off_is_found_even_when_the_count_was_forged() {
    let trail = Trail::new();
    trail.add(10);
    trail.audit.tick().await.unwrap();
    trail.add(2);
    trail.tamper(|tx| drop(tx.remove(AUDIT, &12).unwrap()));
    assert_eq!(trail.faults().await, [Fault::CutOff(11, 12)], "behind the last checkpoint");
    trail.tamper(|tx| {
        for seq in 9..=11 {
            tx.remove(AUDIT, &seq).unwrap();
        }
    });
    assert_eq!(trail.faults().await, [Fault::CutOff(8, 12)]);
    trail.tamper(|tx| {
        for seq in 1..=8 {
            tx.remove(AUDIT, &seq).unwrap();
        }
    });
    assert_eq!(trail.faults().await, [Fault::CutOff(0, 12)], "all of it");
}

#[tokio::test]
async fn a_trail_written_anew_does_not_fit_its_checkpoints() {
    let trail = Trail::new();
    trail.add(10);
    trail.audit.tick().await.unwrap();
    // The same history with one event left out, hashed anew by somebody who knows how.
    let other = Trail::new();
    other.add(9);
    other.record(Actor::job("test"), Did::new(Action::SignedOut));
    let forged = other.all();
    trail.tamper(move |tx| {
        for (seq, event) in forged {
            tx.put(AUDIT, &seq, &event).unwrap();
        }
    });
    assert_eq!(trail.faults().await, [Fault::NotAsSigned(10)]);
    // Signed with a key of their own.
    other.audit.tick().await.unwrap();
    let checkpoint = other.store.read_blocking(|tx| tx.get(AUDIT_CHECKPOINTS, &10)).unwrap().unwrap();
    let mut broken = checkpoint.clone();
    trail.tamper(move |tx| drop(tx.put(AUDIT_CHECKPOINTS, &10, &checkpoint).unwrap()));
    assert_eq!(trail.faults().await, [Fault::OtherSigner(10)]);
    broken.at = broken.at.plus(std::time::Duration::from_secs(1));
    trail.tamper(move |tx| drop(tx.put(AUDIT_CHECKPOINTS, &10, &broken).unwrap()));
    assert_eq!(trail.faults().await, [Fault::BadSignature(10)]);
}

#[tokio::test]
async fn a_key_that_was_exchanged_is_found_by_who_kept_the_old_one() {
    let trail = Trail::new();
    trail.add(10);
    trail.audit.tick().await.unwrap();
    let kept = trail.verify().await.public_key.unwrap();
    assert!(trail.audit.verify(Some(kept.to_uppercase())).await.unwrap().is_whole());
    trail.tamper(|tx| {
        tx.remove(AUDIT_CHECKPOINTS, &10).unwrap();
        tx.remove(SETTINGS, &SortText::new("audit_signing_key")).unwrap();
    });
    trail.audit.tick().await.unwrap();
    assert_eq!(trail.faults().await, [], "by itself it looks well");
    assert_eq!(trail.audit.verify(Some(kept.clone())).await.unwrap().faults, [Fault::OtherKey]);
    // Without the master key there is no way to look whether it is the right one.
    let other = Audit::new(trail.store.clone(), trail.env.clone(), sealer("08"));
    let faults = other.verify(Some(kept)).await.unwrap().faults;
    assert!(matches!(faults.as_slice(), [Fault::NoKey(_), ..]), "{faults:?}");
}

#[tokio::test]
async fn the_signing_key_goes_along_when_the_master_key_is_renewed() {
    let trail = Trail::new();
    trail.add(10);
    trail.audit.tick().await.unwrap();
    let kept = trail.verify().await.public_key;
    let renewed = sealer("07");
    renewed.renew(&MasterKey::parse(&"08".repeat(32)).unwrap());
    trail.tamper(move |tx| {
        let pass = tx.visit_seals(None, 1000, &mut |place, sealed| renewed.reseal(place, sealed).map(drop)).unwrap();
        assert_eq!(pass.changed, 1);
    });
    let after = Audit::new(trail.store.clone(), trail.env.clone(), sealer("08"));
    assert!(after.verify(kept).await.unwrap().is_whole());
}

#[tokio::test]
async fn a_record_that_cannot_be_read_is_told_and_the_rest_looked_at() {
    let trail = Trail::new();
    trail.add(5);
    // A record of another table under the number of an event.

    let odd: aviary_kernel::store::Table<u64, aviary_kernel::store::rows::FeedEntry> =
        aviary_kernel::store::Table::new(AUDIT.name());
    let entry = aviary_kernel::store::rows::FeedEntry {
        at: trail.env.now(),
        change: aviary_kernel::store::rows::Change::Panel(PanelId(1)),
    };
    trail.tamper(move |tx| {
        tx.remove(AUDIT, &3).unwrap();
        tx.put(odd, &3, &entry).unwrap();
    });
    let found = trail.verify().await;
    assert_eq!(found.faults, [Fault::Unreadable(3)]);
    assert_eq!(found.events, 4);
}

#[tokio::test]
async fn retention_keeps_the_rest_verifiable_and_is_on_record() {
    let trail = Trail::new();
    for _ in 0..40 {
        trail.add(100);
        trail.clock.advance_s(6 * 3600);
        trail.audit.tick().await.unwrap();
    }
    let before = trail.env.now().minus(std::time::Duration::from_secs(3 * 86_400));
    let removed = trail.audit.trim(before).await.unwrap();
    assert!(removed > 2000, "{removed}");
    let left = trail.all();
    assert_eq!(left.first().unwrap().0, removed + 1);
    let found = trail.verify().await;
    assert_eq!(found.faults, []);
    assert_eq!(found.anchor, Some(removed));
    assert_eq!(trail.checkpoints().first(), Some(&removed), "the anchor stays");
    let told = trail.of(Action::AuditTrimmed);
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].target.as_ref().unwrap().id, removed.to_string());
    assert!(trail.store.read_blocking(verify).unwrap().is_clean());
    assert_eq!(trail.audit.trim(before).await.unwrap(), 0, "there is nothing more to remove");
    assert_eq!(trail.of(Action::AuditTrimmed).len(), 1);

    // More than that was removed by somebody else, up to a checkpoint.
    let next = trail.checkpoints()[1];
    trail.tamper(move |tx| {
        for seq in removed + 1..=next {
            tx.remove(AUDIT, &seq).unwrap();
        }
        tx.remove(AUDIT_CHECKPOINTS, &removed).unwrap();
    });
    assert_eq!(trail.faults().await, [Fault::TrimmedUnasked(next)]);
}

#[tokio::test]
async fn a_trail_without_checkpoints_is_not_trimmed() {
    let trail = Trail::new();
    trail.add(50);
    trail.clock.advance_s(90 * 86_400);
    assert_eq!(trail.audit.trim(trail.env.now()).await.unwrap(), 0);
    assert_eq!(trail.all().len(), 50);
}

#[test]
fn the_chain_holds_when_writes_share_a_commit_and_some_are_undone() {
    let trail = Trail::new();
    std::thread::scope(|scope| {
        for writer in 0..8_u32 {
            let trail = &trail;
            scope.spawn(move || {
                for n in 0..40_u32 {
                    let env = trail.env.clone();
                    let fails = (n + writer) % 5 == 0;
                    let result = trail.store.write_blocking(move |tx| {
                        record(tx, &env, &Actor::job("test"), Did::new(Action::PanelAdded).to("panel", n, "x"))?;
                        if fails { Err(Error::Conflict("no".into())) } else { Ok(()) }
                    });
                    assert_eq!(result.is_err(), fails);
                }
            });
        }
    });
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let found = runtime.block_on(trail.verify());
    assert_eq!(found.faults, []);
    assert_eq!((found.first, found.last, found.events), (Some(1), Some(256), 256), "numbers of undone events are free");
}

/// A small generator, so that a failure comes back.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }

    fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        from[usize::try_from(self.roll(from.len() as u64)).unwrap()].clone()
    }

    fn maybe<T>(&mut self, value: impl FnOnce(&mut Self) -> T) -> Option<T> {
        (self.roll(3) == 0).then(|| value(self))
    }
}

const ACTIONS: [Action; 3] = [Action::SignedIn, Action::PanelAdded, Action::SignInFailed];
const KINDS: [&str; 3] = ["panel", "account", "Panel"];
const IDS: [&str; 3] = ["1", "11", "2"];

fn people() -> Vec<Actor> {
    let person = |n| Actor::new(Who::Person(AccountId(Uuid::from_u128(n))), format!("person{n}@example.com"));
    let mut people: Vec<_> = (1..4).map(person).collect();
    people.push(from("192.0.2.7"));
    people.push(Actor::job("schedule"));
    people.push(Actor::new(Who::Panel(PanelId(1)), "Main"));
    people
}

fn query(dice: &mut Dice, start: Timestamp) -> AuditQuery {
    let minutes = |dice: &mut Dice| start.plus(std::time::Duration::from_secs(dice.roll(700)));
    AuditQuery {
        actor: dice.maybe(|dice| {
            let mut names: Vec<_> = people().iter().map(|actor| actor.who.to_string()).collect();
            names.push("person".into());
            dice.pick(&names)
        }),
        action: dice.maybe(|dice| dice.pick(&ACTIONS)),
        kind: dice.maybe(|dice| dice.pick(&KINDS).to_owned()),
        id: dice.maybe(|dice| dice.pick(&IDS).to_owned()),
        from: dice.maybe(minutes),
        until: dice.maybe(minutes),
        outcome: dice.maybe(|dice| dice.pick(&Went::ALL)),
        search: dice.maybe(|dice| dice.pick(&["PERSON2", "192.0.2", "nothing like it", "main"]).to_owned()),
        after: None,
        limit: usize::try_from(1 + dice.roll(40)).unwrap(),
    }
}

fn naive(query: &AuditQuery, event: &AuditEvent) -> bool {
    let who = event.actor.who;
    let target = |pick: fn(&AuditTarget) -> &String| event.target.as_ref().map(pick).cloned();
    let text = query.search.as_deref().unwrap_or("").to_lowercase();
    let words = [
        Some(event.actor.name.to_lowercase()),
        event.actor.origin.address.map(|address| address.to_string()),
        target(|target| &target.name).map(|name| name.to_lowercase()),
    ];
    query.actor.as_deref().is_none_or(|actor| actor == who.to_string() || actor == who.kind())
        && query.action.is_none_or(|action| action == event.action)
        && query.kind.is_none_or_eq(target(|target| &target.kind))
        && query.id.is_none_or_eq(target(|target| &target.id))
        && query.from.is_none_or(|from| from <= event.at)
        && query.until.is_none_or(|until| event.at < until)
        && query.outcome.is_none_or(|went| went == event.outcome.went())
        && words.into_iter().flatten().any(|word| word.contains(&text))
}

trait NoneOrEq {
    fn is_none_or_eq(&self, value: Option<String>) -> bool;
}

impl NoneOrEq for Option<String> {
    fn is_none_or_eq(&self, value: Option<String>) -> bool {
        self.is_none() || *self == value
    }
}

#[tokio::test]
async fn filters_and_pages_agree_with_looking_at_every_event() {
    let trail = Trail::new();
    let (start, mut dice) = (trail.env.now(), Dice(7));
    for _ in 0..600 {
        // Several events share a time.
        trail.clock.advance_s(dice.roll(3));
        let mut did = Did::new(dice.pick(&ACTIONS));
        if dice.roll(5) > 0 {
            did = did.to(dice.pick(&KINDS), dice.pick(&IDS), dice.pick(&["Main", "Other"]));
        }
        did = match dice.roll(3) {
            0 => did.refused("no"),
            1 => did.failed("no"),
            _ => did,
        };
        trail.record(dice.pick(&people()), did);
    }
    let mut all = trail.all();
    all.sort_by_key(|(seq, event)| std::cmp::Reverse((event.at, *seq)));
    let mut found = 0;
    for _ in 0..400 {
        let mut query = query(&mut dice, start);
        let asked = format!("{query:?}");
        let wanted: Vec<_> = all.iter().filter(|(_, event)| naive(&query, event)).cloned().collect();
        let mut walked = Vec::new();
        loop {
            let page = trail.audit.list(query.clone()).await.unwrap();
            assert!(page.events.len() <= query.limit);
            walked.extend(page.events);
            match page.next {
                Some(next) => query.after = Some(next),
                None => break,
            }
        }
        assert_eq!(walked, wanted, "{asked}");
        found += wanted.len();
    }
    assert!(found > 1000, "the filters find something: {found}");
    let actors: BTreeSet<_> = trail.audit.actors().await.unwrap().into_iter().map(|actor| actor.id).collect();
    assert_eq!(actors, people().iter().map(|actor| actor.who.to_string()).collect());
    // Kinds that differ in case only do not occur; the index takes them for one.
    let kinds = trail.audit.kinds().await.unwrap();
    assert_eq!((kinds.len(), kinds[0].as_str(), kinds[1].to_lowercase().as_str()), (2, "account", "panel"));
}

#[tokio::test]
async fn a_cursor_from_elsewhere_is_refused() {
    let trail = Trail::new();
    trail.add(3);
    let query = AuditQuery { after: Some(Cursor::after(b"abc")), ..AuditQuery::default() };
    assert!(matches!(trail.audit.list(query).await, Err(Error::Invalid { field: "cursor", .. })));
    assert!(matches!(trail.audit.get(4).await, Err(Error::NotFound { .. })));
}

#[tokio::test]
async fn a_clock_that_went_back_hides_no_event() {
    let trail = Trail::new();
    trail.add(5);
    let late = Env::manual(trail.env.now().minus(std::time::Duration::from_secs(1000))).0;
    trail
        .store
        .write_blocking(move |tx| record(tx, &late, &Actor::job("test"), Did::new(Action::SignedOut)).map(drop))
        .unwrap();
    let until = trail.env.now().minus(std::time::Duration::from_secs(500));
    let query = AuditQuery { until: Some(until), ..AuditQuery::default() };
    assert_eq!(trail.audit.list(query).await.unwrap().events.len(), 1);
    assert_eq!(trail.faults().await, []);
}

#[tokio::test]
async fn a_flood_of_refusals_is_a_few_events_that_count_it() {
    let trail = Trail::new();
    let (one, did) = (from("192.0.2.1"), failed_sign_in("anna"));
    for _ in 0..5000 {
        trail.audit.note(&one, did.clone()).await.unwrap();
    }
    assert_eq!(trail.all().len(), 1, "the first one is written down at once");
    trail.clock.advance_s(60);
    trail.audit.tick().await.unwrap();
    let events = trail.of(Action::SignInFailed);
    assert_eq!(events.len(), 2);
    assert_eq!(events[1].changes[0].after.as_deref(), Some("4999"));
    assert_eq!(events[1].outcome, Outcome::Refused("wrong password".into()));

    // From everywhere, against everybody.
    let before = trail.of(Action::SignInFailed).len();
    for n in 0..20_000_u32 {
        let address = format!("10.0.{}.{}", n / 256 % 256, n % 256);
        trail.audit.note(&from(&address), failed_sign_in(&format!("nobody{n}"))).await.unwrap();
    }
    trail.clock.advance_s(60);
    trail.audit.tick().await.unwrap();
    let events = &trail.of(Action::SignInFailed)[before..];
    assert!(events.len() <= 201, "{}", events.len());
    let times: u64 = events
        .iter()
        .map(|event| event.changes.first().map_or(1, |change| change.after.as_deref().unwrap().parse().unwrap()))
        .sum();
    assert_eq!(times, 20_000, "none is lost");
    assert_eq!(trail.faults().await, []);
}

#[tokio::test]
async fn what_was_only_counted_is_written_down_at_the_end() {
    let trail = Trail::new();
    for _ in 0..3 {
        trail.audit.note(&from("192.0.2.1"), failed_sign_in("anna")).await.unwrap();
    }
    trail.audit.shut_down().await.unwrap();
    assert_eq!(trail.of(Action::SignInFailed).len(), 2);
}

#[tokio::test]
async fn long_texts_from_outside_are_cut() {
    let trail = Trail::new();
    trail.record(
        Actor::new(Who::Nobody, "n".repeat(10_000)),
        Did::new(Action::AccessRefused)
            .to("account", "é".repeat(10_000), "t".repeat(10_000))
            .changed("a", None, Some("v".repeat(100_000)))
            .refused("r".repeat(10_000)),
    );
    let event = trail.event(1);
    let bytes = aviary_kernel::store::codec::encode(&event).unwrap().len();
    assert!(bytes < 8000, "{bytes}");
    fn is_row<R: Row<u64>>(_: &R) {}
    is_row(&event);
    assert_eq!(trail.faults().await, []);
}

#[tokio::test]
async fn a_burst_from_one_address_is_one_alert_a_quarter_of_an_hour() {
    let trail = Trail::new();
    for n in 0..9 {
        trail.record(from("192.0.2.1"), failed_sign_in(&format!("person{n}")));
    }
    trail.audit.tick().await.unwrap();
    assert_eq!(trail.of(Action::AlertRaised).len(), 0, "nine are no burst");
    for _ in 0..50 {
        trail.record(from("192.0.2.1"), failed_sign_in("anna"));
        trail.clock.advance_s(1);
    }
    trail.audit.tick().await.unwrap();
    let alerts = trail.of(Action::AlertRaised);
    assert_eq!(alerts.len(), 1, "not one about what it was aimed at, too");
    let target = alerts[0].target.as_ref().unwrap();
    assert_eq!((target.kind.as_str(), target.id.as_str()), ("address", "192.0.2.1"));
    assert_eq!((alerts[0].actor.who, &alerts[0].outcome), (Who::Job, &Outcome::Done));
    assert_eq!(alerts[0].changes[0].field, "events");
    assert_eq!(alerts[0].changes[0].after.as_deref(), Some("10"));

    // After a restart it is still known.
    let again = Audit::new(trail.store.clone(), trail.env.clone(), sealer("07"));
    trail.record(from("192.0.2.1"), failed_sign_in("anna"));
    again.tick().await.unwrap();
    assert_eq!(trail.of(Action::AlertRaised).len(), 1);
    trail.clock.advance_s(900);
    for _ in 0..10 {
        trail.record(from("192.0.2.1"), failed_sign_in("anna"));
    }
    again.tick().await.unwrap();
    assert_eq!(trail.of(Action::AlertRaised).len(), 2, "it goes on, and is told again");
}

#[tokio::test]
async fn a_burst_from_many_addresses_against_one_account_is_one_alert() {
    let trail = Trail::new();
    for n in 0..30 {
        trail.record(from(&format!("192.0.2.{n}")), failed_sign_in("anna"));
    }
    trail.audit.tick().await.unwrap();
    let alerts = trail.of(Action::AlertRaised);
    assert_eq!(alerts.len(), 1);
    assert_eq!(alerts[0].target.as_ref().unwrap().to_string(), "account/anna");
}

#[tokio::test]
async fn refusals_here_and_there_are_no_burst_and_counted_ones_are() {
    let trail = Trail::new();
    for _ in 0..40 {
        trail.record(from("192.0.2.1"), failed_sign_in("anna"));
        trail.clock.advance_s(40);
        trail.audit.tick().await.unwrap();
    }
    assert_eq!(trail.of(Action::AlertRaised).len(), 0, "eight in five minutes");
    for _ in 0..12 {
        trail.audit.note(&from("192.0.2.2"), Did::new(Action::RequestsLimited).refused("slow down")).await.unwrap();
    }
    trail.clock.advance_s(60);
    trail.audit.tick().await.unwrap();
    assert_eq!(trail.of(Action::AlertRaised).len(), 1);
}

const HOSTILE: [&str; 9] = [
    "=HYPERLINK(\"http://evil.example\")",
    "+1",
    "-1",
    "@sum",
    "'quoted",
    "a,b",
    "line\r\nbreak",
    "say \"hi\"",
    "\t=1",
];

/// The cells of an RFC 4180 text.
fn read_csv(text: &str) -> Vec<Vec<String>> {
    let (mut rows, mut row, mut cell, mut quoted) = (Vec::new(), Vec::new(), String::new(), false);
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' if quoted && chars.peek() == Some(&'"') => cell.extend(chars.next()),
            '"' => quoted = !quoted,
            ',' if !quoted => row.push(std::mem::take(&mut cell)),
            '\r' if !quoted && chars.peek() == Some(&'\n') => {
                chars.next();
                row.push(std::mem::take(&mut cell));
                rows.push(std::mem::take(&mut row));
            }
            c => cell.push(c),
        }
    }
    assert!(!quoted && cell.is_empty() && row.is_empty(), "the last line ends");
    rows
}

#[tokio::test]
async fn exports_bring_hostile_text_back_and_spreadsheets_do_not_run_it() {
    let trail = Trail::new();
    trail.add(1200);
    for text in HOSTILE {
        let actor = Actor::new(Who::Nobody, text).from(Origin { user_agent: Some(text.into()), ..Origin::default() });
        let did = Did::new(Action::AccessRefused).to("account", text, text).refused(text);
        trail.record(actor, did.changed("field", Some(text.into()), None));
    }
    let rows = read_csv(&trail.exported(Format::Csv).await);
    let column = |name: &str| rows[0].iter().position(|cell| cell == name).unwrap();
    assert_eq!(rows.len(), 1 + 1200 + HOSTILE.len() + 1, "with that it was exported");
    assert!(rows.iter().all(|row| row.len() == rows[0].len()));
    for (row, text) in rows[2..].iter().zip(HOSTILE.iter().rev()) {
        for name in ["actor_name", "user_agent", "target_id", "target_name", "reason"] {
            let cell = &row[column(name)];
            assert!(!cell.starts_with(['=', '+', '-', '@', '\t', '\r']), "{cell}");
            assert_eq!(cell.strip_prefix('\'').unwrap_or(cell), *text);
        }
        let changes: Vec<AuditChange> = serde_json::from_str(&row[column("changes")]).unwrap();
        assert_eq!(changes[0].before.as_deref(), Some(*text));
    }

    let text = trail.exported(Format::JsonLines).await;
    let lines: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 1200 + HOSTILE.len() + 2);
    assert_eq!(lines[2]["actor"]["name"], HOSTILE[HOSTILE.len() - 1]);
    assert_eq!(lines[0]["action"], "audit.export");
    assert_eq!(lines[0]["target"]["id"], "jsonl");
}

#[tokio::test]
async fn an_export_tells_in_the_trail_what_was_asked_for() {
    let trail = Trail::new();
    trail.add(3);
    let query =
        AuditQuery { action: Some(Action::PanelAdded), search: Some("panel 2".into()), ..AuditQuery::default() };
    let mut export = trail.audit.export(&from("192.0.2.1"), query, Format::JsonLines).await.unwrap();
    let told = trail.of(Action::AuditExported);
    assert_eq!(told.len(), 1, "before the first piece");
    let fields: Vec<_> = told[0].changes.iter().map(|c| (c.field.as_str(), c.after.as_deref().unwrap())).collect();
    assert_eq!(fields, [("action", "panel.add"), ("q", "panel 2")]);
    assert_eq!(export.next().await.unwrap().unwrap().lines().count(), 1);
    assert_eq!(export.next().await.unwrap(), None);
}
