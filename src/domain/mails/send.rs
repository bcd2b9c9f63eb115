//! The jobs: a mail is handed to the mail service, and asked after.

use std::sync::PoisonError;
use std::time::Duration;

use aviary_kernel::base::{Env, Result, Timestamp};
use aviary_kernel::model::{
    EventName, Job, JobId, JobKind, JobState, Mail, MailAttempt, MailContent, MailState, MailTaken,
};
use aviary_kernel::store::tables::{EVENTS, MAILS};
use aviary_kernel::store::{Read, ReadTx, WriteTx};
use aviary_remote::mail::{MailError, MailErrorKind, Outgoing};
use tokio::time::Instant;

use super::carrier::{self, Fate};
use super::post::Args;
use super::template::Form;
use super::{Mails, OUT_OF_DATE, Setup, good_until, kind_of, rows};
use crate::events::{self, Happening, MailFacts};
use crate::queue::{self, Body, Done, Fault, NewJob, Outcome, Work};
use crate::settings::MailService;

/// After a mail was taken, it is asked so often what became of it.
const FOLLOWED_AFTER: [Duration; 4] = [minutes(1), minutes(10), minutes(60), minutes(360)];
/// A mail that says nothing with an end of its own waits no longer for the mail service to work again.
const LONGEST_WAIT: Duration = minutes(7 * 24 * 60);
/// What went wrong is kept up to so many characters.
const LONGEST_FAULT: usize = 600;
/// A mail service that asks for a longer rest is asked again after this.
const LONGEST_REST: Duration = minutes(60);
const AT_REST: &str = "the mail service asked for a pause";

const fn minutes(n: u64) -> Duration {
    Duration::from_secs(n * 60)
}

/// What is to be done about a mail whose job runs.
enum Next {
    /// Nothing: it left, or somebody dropped it.
    Nothing,
    /// It does not leave.
    Stays(MailState, String),
    /// It leaves.
    Leaves(Box<Outgoing>),
}

impl Mails {
    /// What the jobs of mails do: one hands a mail to the mail service, one asks what became of it.
    pub fn bodies(&self) -> [(JobKind, Body); 2] {
        let (sender, follower) = (self.clone(), self.clone());
        let send = queue::body(JobKind::SendMail, move |work| {
            let this = sender.clone();
            async move { this.send(work).await }
        });
        let follow = queue::body(JobKind::FollowMail, move |work| {
            let this = follower.clone();
            async move { this.follow(work).await }
        });
        [send, follow]
    }

    /// Hands a mail to the mail service.
    async fn send(&self, work: Work) -> Done {
        let Args { mail: number } = work.args()?;
        let job = work.job.id;
        if work.stop().is_some() {
            return Ok(Outcome::Stopped);
        }
        if let Some(until) = self.rests_until() {
            return Ok(Outcome::Later(until, Some(AT_REST.into())));
        }
        let setup = self.setup().await?;
        let this = self.clone();
        let look = move |tx: &ReadTx| Ok((this.next(tx, number, job, setup.as_ref())?, setup.ok()));
        let (mail, setup) = match self.store.read(look).await? {
            (Next::Leaves(mail), Some(setup)) => (mail, setup),
            (Next::Stays(state, why), _) => return self.stay(number, job, state, why).await,
            _ => return Ok(Outcome::Done(Some("there is nothing to send any more".into()))),
        };
        let began = Instant::now();
        let sent = carrier::send(&setup.service, &self.options.http, &self.env, &mail).await;
        let took_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        match sent {
            Ok(id) => self.note_taken(number, job, &setup.service, id, took_ms).await,
            Err(error) => self.note_not_taken(number, job, &error, took_ms).await,
        }
    }

    async fn stay(&self, number: u64, job: JobId, state: MailState, why: String) -> Done {
        let said = why.clone();
        self.change(number, job, move |tx, env, mail| close(tx, env, number, mail, state, &said)).await?;
        Ok(Outcome::Done(Some(why)))
    }

    fn next(&self, reader: &impl Read, number: u64, job: JobId, setup: Result<&Setup, &String>) -> Result<Next> {
        let Some(mail) = reader.get(MAILS, &number)?.filter(|mail| is_on_its_way(mail, job)) else {
            return Ok(Next::Nothing);
        };
        if good_until(&mail).is_some_and(|until| until <= self.env.now()) {
            return Ok(Next::Stays(MailState::Dropped, OUT_OF_DATE.into()));
        }
        let setup = match setup {
            Ok(setup) => setup,
            Err(why) => return Ok(Next::Stays(MailState::Kept, why.clone())),
        };
        if !setup.site.is_known() && self.needs_site(number, &mail)? {
            let why = "nobody said where links lead: set the address of the site in the settings";
            return Ok(Next::Stays(MailState::Kept, why.into()));
        }
        let says = self.render(reader, number, &mail, &setup.site)?;
        let idempotency_key = self.key_of(number, &mail, job);
        Ok(Next::Leaves(Box::new(Outgoing {
            from: setup.from.clone(),
            to: mail.to.to_string(),
            subject: says.subject,
            text: says.text,
            html: Some(says.html),
            message_id: format!("<{idempotency_key}@{}>", domain_of(&setup.from)),
            reply_to: None,
            idempotency_key,
        })))
    }

    /// Whether the mail has a link that is made here.
    fn needs_site(&self, number: u64, mail: &Mail) -> Result<bool> {
        Ok(match &mail.says {
            MailContent::Letter { token, .. } => token.is_some(),
            MailContent::Template { template, .. } => Form::of(template).makes_link(&self.values(number, mail)?),
            MailContent::Event(_) | MailContent::Test => false,
        })
    }

    /// The same for each try of a job, also after a crash, so that a mail service knows what it took already; another one
    /// when a person sends the mail again.
    fn key_of(&self, number: u64, mail: &Mail, job: JobId) -> String {
        let here = u64::from_be_bytes(self.sealer.fingerprint(b"mails of this installation").0);
        let taken = mail.attempts.iter().filter(|attempt| attempt.error.is_none()).count();
        format!("aviary.{here:016x}.{number}.{}.{taken}", job.simple())
    }

    async fn note_taken(&self, number: u64, job: JobId, service: &MailService, id: String, took_ms: u64) -> Done {
        self.note_fared(None);
        let note = format!("{} took it", service.name());
        let taken = MailTaken { service: service.name().to_owned(), id, at: self.env.now() };
        let tells = carrier::tells(service);
        self.change(number, job, move |tx, env, mail| sent_off(tx, env, number, mail, taken, took_ms, tells)).await?;
        Ok(Outcome::Done(Some(note)))
    }

    async fn note_not_taken(&self, number: u64, job: JobId, error: &MailError, took_ms: u64) -> Done {
        let why = cut(&error.to_string());
        match error.kind {
            MailErrorKind::Refused => {
                self.note_fared(None);
                let said = why.clone();
                let act = move |tx: &mut WriteTx<'_>, env: &Env, mail| {
                    let attempt = attempt(env.now(), took_ms, Some(said));
                    refused(tx, env, number, mail, MailState::Refused, attempt)
                };
                self.change(number, job, act).await?;
                Err(Fault::for_good(why))
            }
            MailErrorKind::Misconfigured => {
                self.note_fared(Some(why.clone()));
                let now = self.env.now();
                let tried = self.note_attempt(number, job, took_ms, &why).await?;
                let Some(mail) = tried.filter(|mail| now.since(mail.written_at) < LONGEST_WAIT) else {
                    return Err(Fault::for_good(why));
                };
                // All mails wait for the same person, so none of them uses up its tries.
                let tries = u32::try_from(mail.attempts.len()).unwrap_or(u32::MAX);
                Ok(Outcome::Later(now.plus(JobKind::SendMail.pause_after(tries)), Some(why)))
            }
            MailErrorKind::Later { after: None } => {
                self.note_attempt(number, job, took_ms, &why).await?;
                Err(Fault::again(why))
            }
            MailErrorKind::Later { after: Some(pause) } => self.rest(number, pause, why).await,
        }
    }

    /// The mail service asks for a pause. That is meant for all mails, and no failure of this one.
    async fn rest(&self, number: u64, pause: Duration, why: String) -> Done {
        let now = self.env.now();
        let mail = self.store.read(move |tx| tx.get(MAILS, &number)).await?;
        if mail.is_none_or(|mail| now.since(mail.written_at) >= LONGEST_WAIT) {
            return Err(Fault::for_good(why));
        }
        let until = now.plus(pause.min(LONGEST_REST));
        let mut rests = self.rests_until.lock().unwrap_or_else(PoisonError::into_inner);
        *rests = Some(rests.map_or(until, |earlier| earlier.max(until)));
        Ok(Outcome::Later(until, Some(why)))
    }

    fn rests_until(&self) -> Option<Timestamp> {
        let rests = self.rests_until.lock().unwrap_or_else(PoisonError::into_inner);
        rests.filter(|until| *until > self.env.now())
    }

    async fn note_attempt(&self, number: u64, job: JobId, took_ms: u64, why: &str) -> Result<Option<Mail>> {
        let why = why.to_owned();
        self.change(number, job, move |tx, env, mut mail| {
            push(&mut mail, attempt(env.now(), took_ms, Some(why)));
            rows::put(tx, env, number, &mail)?;
            Ok(mail)
        })
        .await
    }

    /// Changes a mail that is on its way with this job; none when it is not any more.
    async fn change<T: Send + 'static>(
        &self,
        number: u64,
        job: JobId,
        act: impl FnOnce(&mut WriteTx<'_>, &Env, Mail) -> Result<T> + Send + 'static,
    ) -> Result<Option<T>> {
        let env = self.env.clone();
        self.store
            .write(move |tx| {
                let mail = tx.get(MAILS, &number)?.filter(|mail| mail.job == Some(job));
                mail.map(|mail| act(tx, &env, mail)).transpose()
            })
            .await
    }

    /// Asks what became of a mail.
    async fn follow(&self, work: Work) -> Done {
        let Args { mail: number } = work.args()?;
        let mail = self.store.read(move |tx| tx.get(MAILS, &number)).await?;
        let Some((taken, job)) =
            mail.filter(|mail| mail.state == MailState::Sent).and_then(|mail| mail.taken.zip(mail.job))
        else {
            return Ok(Outcome::Done(None));
        };
        let Ok(service) = self.settings.mail().await?.service else { return Ok(Outcome::Done(None)) };
        let (state, why) = match carrier::fate(&service, &self.options.http, &taken.id).await {
            Ok(Fate::OnItsWay) => return Ok(self.later(taken.at)),
            Ok(Fate::Delivered) => (MailState::Delivered, None),
            Ok(Fate::Spam) => (MailState::Delivered, Some("its receiver called it spam")),
            Ok(Fate::CameBack) => (MailState::Bounced, Some("it came back: the receiver's server does not take it")),
            Err(MailError { kind: MailErrorKind::Later { .. }, what, .. }) => return Err(Fault::again(what)),
            // Nobody will ever know, which changes nothing about the mail.
            Err(error) => return Ok(Outcome::Done(Some(error.what))),
        };
        let act = move |tx: &mut WriteTx<'_>, env: &Env, mail| match why {
            Some(why) if state == MailState::Bounced => {
                refused(tx, env, number, mail, state, attempt(env.now(), 0, Some(why.to_owned())))
            }
            Some(why) => close(tx, env, number, mail, state, why),
            None => rows::put(tx, env, number, &Mail { state, ..mail }),
        };
        self.change(number, job, act).await?;
        Ok(Outcome::Done(why.map(str::to_owned)))
    }

    fn later(&self, taken_at: Timestamp) -> Outcome {
        let now = self.env.now();
        let next = FOLLOWED_AFTER.iter().map(|pause| taken_at.plus(*pause)).find(|at| *at > now);
        next.map_or(Outcome::Done(None), |at| Outcome::Later(at, None))
    }
}

/// Hears of jobs that are over, in the transaction that ends them: a mail whose job came to nothing does not wait any more.
///
/// # Errors
/// When the file cannot be read or written.
pub fn job_over(tx: &mut WriteTx<'_>, env: &Env, job: &Job) -> Result<()> {
    let state = match job.state {
        _ if job.kind != JobKind::SendMail => return Ok(()),
        JobState::Dead | JobState::Failed => MailState::Failed,
        JobState::Cancelled => MailState::Dropped,
        _ => return Ok(()),
    };
    let Ok(Args { mail: number }) = serde_json::from_str(&job.args) else { return Ok(()) };
    let Some(mut mail) = tx.get(MAILS, &number)?.filter(|mail| is_on_its_way(mail, job.id)) else { return Ok(()) };
    // A fault on the way to the mail service stands there already; one of ours does not.
    let known = mail.attempts.last().and_then(|attempt| attempt.error.clone());
    let what =
        if state == MailState::Dropped { Some("somebody cancelled its job".to_owned()) } else { job.note.clone() };
    if what.is_some() && what != known {
        push(&mut mail, attempt(env.now(), 0, what));
    }
    mail.state = state;
    rows::put(tx, env, number, &mail)
}

/// Ends the way of a mail, with the reason.
pub(super) fn close(
    tx: &mut WriteTx<'_>,
    env: &Env,
    number: u64,
    mut mail: Mail,
    state: MailState,
    why: &str,
) -> Result<()> {
    push(&mut mail, attempt(env.now(), 0, Some(why.to_owned())));
    mail.state = state;
    rows::put(tx, env, number, &mail)
}

fn sent_off(
    tx: &mut WriteTx<'_>,
    env: &Env,
    number: u64,
    mut mail: Mail,
    taken: MailTaken,
    took_ms: u64,
    tells: bool,
) -> Result<()> {
    push(&mut mail, attempt(taken.at, took_ms, None));
    if tells {
        let first = taken.at.plus(FOLLOWED_AFTER[0]);
        let name = format!("mail/{number}/follow");
        queue::enqueue(tx, env, NewJob::new(JobKind::FollowMail).args(&Args { mail: number })?.unique(name).at(first))?;
    }
    mail.state = MailState::Sent;
    mail.taken = Some(taken);
    rows::put(tx, env, number, &mail)
}

/// A mail that its receiver will not get, and an event that tells of it.
fn refused(
    tx: &mut WriteTx<'_>,
    env: &Env,
    number: u64,
    mut mail: Mail,
    state: MailState,
    attempt: MailAttempt,
) -> Result<()> {
    let why = attempt.error.clone().unwrap_or_default();
    push(&mut mail, attempt);
    mail.state = state;
    rows::put(tx, env, number, &mail)?;
    // A notice of this kind that is refused itself would bring about the next one.
    if let MailContent::Event(id) = &mail.says
        && tx.get(EVENTS, id)?.is_none_or(|event| event.name == EventName::MailRefused)
    {
        return Ok(());
    }
    let facts = MailFacts { mail: number, to: mail.to.to_string(), kind: kind_of(&mail.says), why };
    events::raise(tx, env, &Happening::MailRefused(facts)).map(drop)
}

/// A job that came to nothing runs again only when a person wants it to.
fn is_on_its_way(mail: &Mail, job: JobId) -> bool {
    matches!(mail.state, MailState::Waiting | MailState::Failed) && mail.job == Some(job)
}

fn push(mail: &mut Mail, attempt: MailAttempt) {
    mail.attempts.push(attempt);
    if mail.attempts.len() > Mail::ATTEMPTS {
        mail.attempts.remove(0);
    }
}

fn attempt(at: Timestamp, took_ms: u64, error: Option<String>) -> MailAttempt {
    MailAttempt { at, took_ms, error }
}

fn cut(text: &str) -> String {
    text.chars().take(LONGEST_FAULT).collect()
}

/// The part behind the @ of a sender.
fn domain_of(from: &str) -> &str {
    from.trim_end_matches('>').rsplit_once('@').map_or("localhost", |(_, domain)| domain)
}
