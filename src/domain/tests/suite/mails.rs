//! Mails: written, sent through simulated services, kept, refused, forgotten.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use aviary_domain::access::{Caller, Limits};
use aviary_domain::accounts::{Accounts, Hasher};
use aviary_domain::jobs::{Jobs, Runner};
use aviary_domain::mails::{self, MailLine, MailOptions, MailQuery, Mails, NewMail, Site, TestMail};
use aviary_domain::panels::{HttpOptions, Panels};
use aviary_domain::settings::{Key, Settings, Wanted};
use aviary_kernel::base::{Env, Error, ManualClock, MasterKey, Sealer, Timestamp};
use aviary_kernel::config::Config;
use aviary_kernel::model::{
    Action, Actor, Email, Event, EventName, Grants, Job, JobKind, JobState, Mail, MailState, Origin, Purpose, Who,
};
use aviary_kernel::store::tables::{AUDIT, EVENTS, JOBS, MAILS};
use aviary_kernel::store::{Options, Read, Span, Store, verify};
use aviary_sim::{Match, Resend, ResendSpec, Smtp, SmtpSpec, SmtpTrouble, Trouble};
use tempfile::TempDir;
use tokio::runtime::Handle;
use url::Url;

use crate::accounts::{new_account, registration};

const FROM: &str = "Aviary <watch@reef.example>";
const TO: &str = "ada@harbour.example";

/// A place that sends mail.
struct Post {
    dir: TempDir,
    env: Env,
    clock: Arc<ManualClock>,
    store: Store,
    sealer: Arc<Sealer>,
    settings: Settings,
    accounts: Accounts,
    mails: Mails,
    jobs: Jobs,
}

fn owner() -> Caller {
    Caller::command_line()
}

fn key(n: u8) -> MasterKey {
    MasterKey::parse(&format!("{n:02x}").repeat(32)).unwrap()
}

impl Post {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (env, clock) = Env::manual(Timestamp::parse("2026-01-01T00:00:00Z").unwrap());
        Self::open(dir, env, clock, Arc::new(Sealer::new(&key(7))), None)
    }

    fn open(dir: TempDir, env: Env, clock: Arc<ManualClock>, sealer: Arc<Sealer>, resend: Option<&str>) -> Self {
        let store = Store::open(Options::file(dir.path().join("aviary.redb"))).unwrap();
        let limits = Limits::new(env.clone());
        let http = HttpOptions { max_attempts: 1, request_timeout: Duration::from_secs(5), ..HttpOptions::default() };
        let panels = Panels::new(store.clone(), env.clone(), sealer.clone(), http.clone(), 80);
        let settings = Settings::new(store.clone(), env.clone(), sealer.clone(), panels, &Config::default());
        let settings = match resend {
            Some(url) => settings.with_mail_api(Url::parse(url).unwrap()),
            None => settings,
        };
        let options = MailOptions { own_url: Some("https://aviary.reef.example".into()), http };
        let mails = Mails::new(store.clone(), env.clone(), sealer.clone(), settings.clone(), limits.clone(), options);
        let accounts = Accounts::new(store.clone(), env.clone(), sealer.clone(), Hasher::weak().unwrap(), limits);
        let jobs = Jobs::new(store.clone(), env.clone(), vec![mails::job_over]);
        Self { dir, env, clock, store, sealer, settings, accounts, mails, jobs }
    }

    /// With this Resend.
    async fn with(resend: &Resend) -> Self {
        let Self { dir, env, clock, sealer, store, .. } = Self::new();
        drop(store);
        let post = Self::open(dir, env, clock, sealer, Some(&resend.url()));
        post.set(Key::ResendApiKey, resend.api_key()).await;
        post.set(Key::EmailFrom, FROM).await;
        post
    }

    /// With this SMTP server.
    async fn through(smtp: &Smtp) -> Self {
        let post = Self::new();
        post.set(Key::SmtpHost, "127.0.0.1").await;
        post.set(Key::SmtpSecurity, "none").await;
        let port = Wanted::Number(smtp.address().port().into());
        post.settings.change(&Actor::job("test"), vec![(Key::SmtpPort, port)]).await.unwrap();
        post.set(Key::EmailFrom, FROM).await;
        post
    }

    async fn set(&self, key: Key, value: &str) {
        self.settings.change(&Actor::job("test"), vec![(key, Wanted::from(value))]).await.unwrap();
    }

    /// Closes everything without a word of goodbye and opens what was on disk.
    fn crash(self, resend: &Resend) -> Self {
        let Self { dir, env, clock, sealer, store, settings, accounts, mails, jobs } = self;
        let copy = tempfile::tempdir().unwrap();
        std::fs::copy(dir.path().join("aviary.redb"), copy.path().join("aviary.redb")).unwrap();
        drop((store, settings, accounts, mails, jobs));
        Self::open(copy, env, clock, sealer, Some(&resend.url()))
    }

    fn start(&self) -> Runner {
        self.jobs.start(self.mails.bodies().into(), &Handle::current(), || {})
    }

    /// Runs what is due until every job of a kind waits for its time or is over.
    async fn run(&self) {
        let runner = self.start();
        let mut changed = self.store.watch(JOBS);
        loop {
            let now = self.env.now();
            let busy = |job: &Job| job.state == JobState::Running || (job.state.is_waiting() && job.due_at <= now);
            if !self.all_jobs().iter().any(busy) {
                break;
            }
            tokio::time::timeout(Duration::from_secs(20), changed.changed()).await.expect("it goes on").unwrap();
        }
        runner.stop(Duration::from_secs(5)).await;
    }

    fn all_jobs(&self) -> Vec<Job> {
        self.store.read_blocking(|tx| tx.all(JOBS, &Span::all())).unwrap().into_iter().map(|(_, job)| job).collect()
    }

    fn job(&self, number: u64) -> Job {
        let id = self.mail(number).job.unwrap();
        self.store.read_blocking(|tx| tx.get(JOBS, &id)).unwrap().unwrap()
    }

    fn mail(&self, number: u64) -> Mail {
        self.store.read_blocking(|tx| tx.get(MAILS, &number)).unwrap().unwrap()
    }

    fn state(&self, number: u64) -> MailState {
        self.mail(number).state
    }

    fn last_error(&self, number: u64) -> String {
        self.mail(number).attempts.last().and_then(|attempt| attempt.error.clone()).unwrap_or_default()
    }

    async fn message(&self, to: &str, text: &str) -> u64 {
        self.queue(to, "news", &[("message", text)]).await.unwrap()
    }

    async fn queue(&self, to: &str, template: &str, data: &[(&str, &str)]) -> Result<u64, Error> {
        let data: BTreeMap<_, _> = data.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let new = NewMail { to: to.into(), subject: "A subject".into(), template: template.into(), data };
        self.mails.queue(&owner(), new).await.map(|queued| queued.number)
    }

    /// What was told of mails that were refused.
    fn told(&self) -> Vec<Event> {
        let events = self.store.read_blocking(|tx| tx.all(EVENTS, &Span::all())).unwrap();
        events.into_iter().map(|(_, event)| event).filter(|event| event.name == EventName::MailRefused).collect()
    }

    fn done(&self, action: Action) -> usize {
        let events = self.store.read_blocking(|tx| tx.all(AUDIT, &Span::all())).unwrap();
        events.iter().filter(|(_, event)| event.action == action).count()
    }

    async fn lines(&self, state: Option<MailState>) -> Vec<MailLine> {
        self.mails.list(&owner(), MailQuery { state, ..MailQuery::default() }).await.unwrap().rows
    }

    fn assert_sound(&self) {
        let report = self.store.read_blocking(verify).unwrap();
        assert!(report.is_clean(), "{report:#?}");
    }
}

async fn resend() -> Resend {
    Resend::start(ResendSpec { limit: 0, ..ResendSpec::default() }).await.unwrap()
}

#[track_caller]
fn refused_at<T: std::fmt::Debug>(result: Result<T, Error>, wanted: &str) {
    match result {
        Err(Error::Invalid { field, .. }) => assert_eq!(field, wanted),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_mail_service_mails_are_kept_and_sent_by_hand_later() {
    let resend = resend().await;
    let Post { dir, env, clock, sealer, store, .. } = Post::new();
    drop(store);
    let post = Post::open(dir, env, clock, sealer, Some(&resend.url()));
    post.accounts.register(&Origin::default(), registration(TO), true).await.unwrap();
    assert_eq!(post.state(1), MailState::Waiting, "whether there is a service is asked when the job runs");
    post.run().await;
    assert_eq!((post.state(1), post.job(1).state), (MailState::Kept, JobState::Completed));
    assert!(post.last_error(1).contains("no mail service is set up"), "{}", post.last_error(1));
    post.set(Key::ResendApiKey, resend.api_key()).await;
    let second = post.message(TO, "Hi").await;
    post.run().await;
    assert!(post.last_error(second).contains("no sender is set"), "{}", post.last_error(second));
    assert_eq!(post.mails.standing().await.unwrap().service.unwrap_err(), post.last_error(second));

    post.set(Key::EmailFrom, FROM).await;
    post.run().await;
    assert_eq!(post.state(1), MailState::Kept, "a person sends them");
    post.mails.again(&owner(), 1).await.unwrap();
    post.run().await;
    assert_eq!(post.state(1), MailState::Sent);
    assert_eq!(post.mails.count_kept(None).await.unwrap(), 1);
    assert!(matches!(post.mails.send_kept(&owner(), None, 2).await, Err(Error::Conflict(_))), "the count is another");
    assert_eq!(post.mails.send_kept(&owner(), None, 1).await.unwrap().sent, 1);
    post.run().await;
    assert_eq!((post.state(second), resend.mails().total()), (MailState::Sent, 2));
    assert_eq!(post.done(Action::MailRepeated), 2);
    post.assert_sound();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_letter_leaves_through_resend_and_is_followed_until_it_arrives() {
    let resend = resend().await;
    let post = Post::with(&resend).await;
    post.accounts.register(&Origin::default(), registration(TO), true).await.unwrap();
    post.run().await;
    let taken = resend.mails().last().unwrap();
    let mail = post.mail(1);
    assert_eq!((mail.state, mail.taken.clone().unwrap().id), (MailState::Sent, taken.id.clone()));
    assert_eq!((taken.from.as_str(), taken.recipients()), (FROM, vec![TO.to_owned()]));
    let link = "https://aviary.reef.example/admin/verify-email?token=";
    assert!(taken.text.unwrap().contains(link) && taken.html.unwrap().contains(link));
    assert_eq!(taken.subject, "Verify your e-mail address");

    post.run().await;
    assert_eq!(post.state(1), MailState::Sent, "it is asked after a minute");
    post.clock.advance_s(60);
    post.run().await;
    assert_eq!(post.state(1), MailState::Delivered);
    post.assert_sound();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mail_that_comes_back_is_told_of_once() {
    let resend = resend().await;
    resend.set_fate(TO, "delivery_delayed");
    let post = Post::with(&resend).await;
    let number = post.message(TO, "Hi").await;
    post.run().await;
    for (pause, fate, state) in [
        (60, "delivery_delayed", MailState::Sent),
        (540, "delivery_delayed", MailState::Sent),
        (3000, "bounced", MailState::Bounced),
        (30_000, "delivered", MailState::Bounced),
    ] {
        resend.set_fate(TO, fate);
        post.clock.advance_s(pause);
        post.run().await;
        assert_eq!(post.state(number), state, "{pause}");
    }
    assert_eq!(post.told().len(), 1);
    assert!(post.last_error(number).contains("came back"));
    post.assert_sound();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_service_does_not_tell_is_asked_four_times_and_no_more() {
    let resend = resend().await;
    let post = Post::with(&resend).await;
    post.set(Key::ResendApiKey, resend.sending_key()).await;
    let number = post.message(TO, "Hi").await;
    post.run().await;
    for pause in [60, 540, 3000, 18_000, 100_000] {
        post.clock.advance_s(pause);
        post.run().await;
    }
    let asked = resend.requests().all().iter().filter(|request| request.method == "GET").count();
    assert_eq!((post.state(number), asked), (MailState::Sent, 4));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_letter_leaves_through_smtp_in_both_forms() {
    let smtp = Smtp::start(SmtpSpec::default()).await.unwrap();
    let post = Post::through(&smtp).await;
    post.accounts.register(&Origin::default(), registration(TO), true).await.unwrap();
    post.run().await;
    let taken = smtp.mails().last().unwrap();
    assert_eq!(
        (taken.from.as_str(), taken.to.as_slice(), taken.subject()),
        ("watch@reef.example", &[TO.to_owned()][..], "Verify your e-mail address")
    );
    let link = "https://aviary.reef.example/admin/verify-email?token=";
    assert!(taken.text().unwrap().contains(link) && taken.html().unwrap().contains("<!doctype html>"));
    let id = taken.header("message-id").unwrap();
    assert!(id.ends_with("@reef.example>") && id.starts_with("<aviary."), "{id}");
    assert_eq!(post.mail(1).taken.unwrap().service, "127.0.0.1");
    assert!(post.all_jobs().iter().all(|job| job.kind != JobKind::FollowMail), "there is nobody to ask");
    assert_eq!(post.mails.standing().await.unwrap().trouble(), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mail_that_is_refused_is_given_up_and_told_of_without_a_loop() {
    let smtp = Smtp::start(SmtpSpec::default()).await.unwrap();
    smtp.faults().add(Match::any().method("RCPT"), SmtpTrouble::reply(550, "5.1.1 No such user"));
    let post = Post::through(&smtp).await;
    let number = post.message(TO, "Hi").await;
    post.run().await;
    assert_eq!((post.state(number), post.job(number).state), (MailState::Refused, JobState::Failed));
    assert!(post.last_error(number).contains("No such user"), "{}", post.last_error(number));
    let event = post.told().remove(0);
    let (env, to) = (post.env.clone(), Email::parse(TO).unwrap());
    let notice = post.store.write(move |tx| mails::post_event(tx, &env, &to, event.id)).await.unwrap();
    post.run().await;
    assert_eq!((post.state(notice), post.told().len()), (MailState::Refused, 1));
    assert_eq!(post.mails.standing().await.unwrap().trouble(), None, "others are taken");
    post.assert_sound();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_the_service_is_in_trouble_mails_wait_and_the_trouble_shows() {
    let resend = resend().await;
    let post = Post::with(&resend).await;
    post.set(Key::ResendApiKey, "re_Wrong_0123456789abcdefghijABCDEFGHIJ").await;
    let number = post.message(TO, "Hi").await;
    for _ in 0..15 {
        post.run().await;
        assert_eq!(post.state(number), MailState::Waiting);
        post.clock.advance_s(4 * 3600);
    }
    let standing = post.mails.standing().await.unwrap();
    assert_eq!(standing.trouble().unwrap(), post.last_error(number));
    assert_eq!(post.mail(number).attempts.len(), Mail::ATTEMPTS);
    post.set(Key::ResendApiKey, resend.api_key()).await;
    post.run().await;
    assert_eq!((post.state(number), post.mails.standing().await.unwrap().trouble()), (MailState::Sent, None));
    // Nobody corrected it for too long.
    post.set(Key::ResendApiKey, "re_Wrong_0123456789abcdefghijABCDEFGHIJ").await;
    let late = post.message(TO, "Hi").await;
    post.clock.advance_s(7 * 86_400);
    post.run().await;
    assert_eq!((post.state(late), post.job(late).state), (MailState::Failed, JobState::Failed));
    post.assert_sound();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_that_fails_for_long_makes_a_mail_fail_in_the_end() {
    let resend = resend().await;
    resend.faults().add(Match::any(), Trouble::Status(500));
    let post = Post::with(&resend).await;
    let number = post.message(TO, "Hi").await;
    for _ in 0..JobKind::SendMail.rules().attempts {
        post.run().await;
        post.clock.advance_s(5 * 3600);
    }
    assert_eq!((post.state(number), post.job(number).state), (MailState::Failed, JobState::Dead));
    resend.faults().clear();
    post.mails.again(&owner(), number).await.unwrap();
    post.run().await;
    assert_eq!(post.state(number), MailState::Sent);
    post.assert_sound();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mail_that_was_taken_before_a_crash_is_not_sent_twice() {
    let resend = resend().await;
    // It is taken, but nobody hears of it.
    resend.faults().add(Match::any().method("POST").once(), Trouble::DoneThenReset);
    let post = Post::with(&resend).await;
    let number = post.message(TO, "Hi").await;
    post.run().await;
    assert_eq!((post.state(number), resend.mails().total()), (MailState::Waiting, 1));
    let post = post.crash(&resend);
    post.jobs.recover().await.unwrap();
    post.clock.advance_s(3600);
    post.run().await;
    assert_eq!((post.state(number), resend.mails().total()), (MailState::Sent, 1), "the service knew it again");
    // By hand it is another one.
    post.mails.again(&owner(), number).await.unwrap();
    post.run().await;
    assert_eq!((post.state(number), resend.mails().total()), (MailState::Sent, 2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mail_whose_link_expired_is_dropped_and_not_sent_by_hand() {
    let resend = resend().await;
    let post = Post::with(&resend).await;
    post.accounts.create(&owner(), new_account(TO, &[])).await.unwrap();
    post.accounts.ask_magic_link(&Origin::default(), TO).await.unwrap();
    let link = post.queue(TO, "reset-password", &[("resetUrl", "https://site.example/r?t=1")]).await.unwrap();
    let number = post.lines(None).await.iter().map(|line| line.number).min().unwrap();
    post.clock.advance_s(3600);
    post.run().await;
    for number in [number, link] {
        assert_eq!(
            (post.state(number), post.last_error(number).as_str()),
            (MailState::Dropped, "the time of its link is over")
        );
        let again = post.mails.again(&owner(), number).await;
        assert!(matches!(&again, Err(Error::Conflict(why)) if why.contains("link is over")), "{again:?}");
    }
    assert_eq!(resend.mails().total(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kept_mails_go_when_their_link_expired_and_all_go_after_their_days() {
    let post = Post::new();
    post.accounts.create(&owner(), new_account(TO, &[])).await.unwrap();
    post.accounts.ask_magic_link(&Origin::default(), TO).await.unwrap();
    let news = post.message(TO, "Hi").await;
    post.run().await;
    assert_eq!(post.mails.tidy().await.unwrap(), 0);
    assert_eq!(post.mails.count_kept(None).await.unwrap(), 2);
    post.clock.advance_s(1800);
    assert_eq!(post.mails.count_kept(None).await.unwrap(), 1, "the other link expired");
    assert_eq!(
        (post.mails.tidy().await.unwrap(), post.state(1), post.state(news)),
        (1, MailState::Dropped, MailState::Kept)
    );
    let waiting = post.message(TO, "Hi").await;
    post.clock.advance_s(1);
    assert_eq!(post.mails.forget(post.env.now()).await.unwrap(), 2, "what is on its way stays");
    assert_eq!(post.state(waiting), MailState::Waiting);
    assert_eq!(post.mails.counts().await.unwrap().all(), 1);
    post.assert_sound();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_other_programs_have_sent_is_filled_in_and_checked() {
    let resend = resend().await;
    let post = Post::with(&resend).await;
    let account = post.accounts.create(&owner(), new_account(TO, &[])).await.unwrap();
    for (template, data, wanted) in [
        (
            "password-reset",
            vec![("name", "Ada"), ("resetUrl", "https://x.example/r?t=1")],
            "https://x.example/r?t=1".to_owned(),
        ),
        (
            "verify-email",
            vec![("name", "Ada"), ("token", "tok7"), ("email", TO)],
            format!("https://aviary.reef.example/admin/verify-email?token=tok7&id={}", account.id),
        ),
        ("sync-complete", vec![("syncType", "full"), ("status", "ok"), ("duration", "3 s")], "Duration: 3 s".into()),
        ("anything", vec![("message", "One <b>\n\nTwo")], "One <b>\n\nTwo".into()),
    ] {
        let number = post.queue(TO, template, &data).await.unwrap();
        post.run().await;
        let taken = resend.mails().last().unwrap();
        assert_eq!((post.state(number), taken.subject.as_str()), (MailState::Sent, "A subject"), "{template}");
        assert!(taken.text.as_ref().unwrap().contains(&wanted), "{template}: {:?}", taken.text);
        assert!(!taken.html.unwrap().contains("<b>"));
    }
    assert_eq!(post.done(Action::MailQueued), 4);
    refused_at(post.queue("nobody", "news", &[("message", "Hi")]).await, "to");
    refused_at(post.queue("", "news", &[("message", "Hi")]).await, "to");
    refused_at(post.queue(TO, "news", &[]).await, "template");
    refused_at(post.queue(TO, "verify-email", &[("token", "t"), ("email", "x@y.example")]).await, "data.email");
    refused_at(post.queue(TO, "welcome", &[("verifyUrl", "ftp://x.example")]).await, "data.verifyUrl");
    let nobody = Caller::trusted(Actor::job("test"), Grants::of([]));
    let new = NewMail { to: TO.into(), subject: "S".into(), template: "t".into(), data: BTreeMap::new() };
    assert!(matches!(post.mails.queue(&nobody, new).await, Err(Error::Forbidden(_))));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn secrets_stand_nowhere_in_clear_and_outlive_another_master_key() {
    let resend = resend().await;
    let post = Post::with(&resend).await;
    post.accounts.create(&owner(), new_account(TO, &[])).await.unwrap();
    let number = post.queue(TO, "magic-link", &[("token", "token-of-this-mail"), ("email", TO)]).await.unwrap();
    let file = std::fs::read(post.dir.path().join("aviary.redb")).unwrap();
    let holds = |text: &str| file.windows(text.len()).any(|window| window == text.as_bytes());
    assert!(holds(TO) && !holds("token-of-this-mail"));
    assert!(!format!("{:?}", post.mail(number)).contains("token-of-this-mail"));

    post.sealer.renew(&key(8));
    let sealer = post.sealer.clone();
    let pass = post.store.write(move |tx| {
        tx.visit_seals(None, 1000, &mut |place, sealed| {
            *sealed = sealer.seal(place, sealer.open(place, sealed)?.reveal())?;
            Ok(())
        })
    });
    assert!(pass.await.unwrap().changed >= 1);
    post.sealer.forget_old();
    post.run().await;
    assert_eq!(post.state(number), MailState::Sent);
    assert!(resend.mails().last().unwrap().text.unwrap().contains("token-of-this-mail"));
    assert!(post.all_jobs().iter().all(|job| !format!("{job:?}").contains("token-of-this-mail")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lists_are_walked_by_state_and_nobody_sees_links_of_who_may_more() {
    let post = Post::new();
    for email in ["boss@harbour.example", TO] {
        let roles: &[&str] = if email == TO { &[] } else { &["SUPER_ADMIN"] };
        post.accounts.create(&owner(), new_account(email, roles)).await.unwrap();
        post.accounts.ask_magic_link(&Origin::default(), email).await.unwrap();
    }
    post.run().await;
    post.mails.drop_one(&owner(), 1).await.unwrap();
    assert!(matches!(post.mails.drop_one(&owner(), 1).await, Err(Error::Conflict(_))));
    assert_eq!(post.done(Action::MailDropped), 1);
    let counts = post.mails.counts().await.unwrap();
    assert_eq!((counts.of(MailState::Kept), counts.of(MailState::Dropped), counts.all()), (1, 1, 2));
    assert_eq!(post.lines(Some(MailState::Kept)).await.iter().map(|line| line.number).collect::<Vec<_>>(), [2]);
    let page = post.mails.list(&owner(), MailQuery { limit: 1, ..MailQuery::default() }).await.unwrap();
    assert_eq!((page.rows[0].number, page.next), (2, Some(2)));

    let helper = Caller::trusted(Actor::new(Who::BackendKey, "x"), Grants::parse(["mail.*"]).unwrap());
    let rows = post.mails.list(&helper, MailQuery::default()).await.unwrap().rows;
    assert_eq!(rows.iter().map(|line| (line.number, line.opens)).collect::<Vec<_>>(), [(2, true), (1, false)]);
    let site = Site::default();
    assert!(matches!(post.mails.open(&helper, 1, &site).await.map(drop), Err(Error::Forbidden(_))));
    for _ in 0..3 {
        assert!(post.mails.open(&helper, 2, &site).await.unwrap().link.is_some());
    }
    assert_eq!(post.done(Action::MailSeen), 1, "three looks in a row are one");
    post.clock.advance_s(301);
    post.mails.open(&helper, 2, &site).await.map(drop).unwrap();
    assert_eq!(post.done(Action::MailSeen), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_test_mail_tries_the_way_and_nobody_sends_many() {
    let smtp = Smtp::start(SmtpSpec::default()).await.unwrap();
    let post = Post::through(&smtp).await;
    for _ in 0..5 {
        post.mails.test(&owner(), TO).await.unwrap();
    }
    assert!(matches!(post.mails.test(&owner(), TO).await, Ok(TestMail::TooOften { retry_after_s: 180 })));
    post.run().await;
    assert_eq!((smtp.mails().total(), smtp.mails().last().unwrap().subject().to_owned()), (5, "Mail works".into()));
    assert_eq!(post.done(Action::MailTested), 5);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cancelled_job_drops_its_mail_and_a_dropped_mail_does_not_leave() {
    let resend = resend().await;
    let post = Post::with(&resend).await;
    let (cancelled, dropped) = (post.message(TO, "Hi").await, post.message(TO, "Hi").await);
    post.jobs.cancel(&Actor::job("test"), post.mail(cancelled).job.unwrap()).await.unwrap();
    post.mails.drop_one(&owner(), dropped).await.unwrap();
    post.run().await;
    assert_eq!((post.state(cancelled), post.state(dropped)), (MailState::Dropped, MailState::Dropped));
    assert_eq!(resend.mails().total(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_template_has_a_preview_in_both_forms_and_leaves_no_row() {
    let post = Post::new();
    let previews = post.mails.previews().await.unwrap();
    assert_eq!(previews.len(), 12);
    for preview in &previews {
        assert!(!preview.mail.text.trim().is_empty() && preview.mail.html.contains("</html>"), "{}", preview.name);
        assert!(!preview.mail.html.contains("<script") && !preview.mail.html.contains("<img"), "{}", preview.name);
    }
    let links = [Purpose::VerifyEmail, Purpose::ResetPassword, Purpose::MagicLink];
    assert_eq!(previews.iter().filter(|preview| preview.mail.link.is_some()).count(), links.len() + 3);
    assert!(matches!(post.mails.preview("nothing").await.map(drop), Err(Error::NotFound { .. })));
    assert_eq!(post.mails.counts().await.unwrap().all(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_that_asks_for_a_pause_gets_it_from_all_mails_and_none_of_them_fails() {
    let resend = resend().await;
    let post = Post::with(&resend).await;
    resend.faults().add(Match::any(), Trouble::Busy { status: 429, retry_after_s: Some(2) });
    let numbers = [post.message(TO, "One").await, post.message(TO, "Two").await, post.message(TO, "Three").await];
    for _ in 0..20 {
        post.run().await;
        post.clock.advance_s(3);
    }
    for number in numbers {
        assert_eq!((post.state(number), post.job(number).attempts), (MailState::Waiting, 0), "that is no failed try");
    }
    resend.faults().clear();
    post.run().await;
    assert!(numbers.iter().all(|number| post.state(*number) == MailState::Sent));
    post.assert_sound();
}
