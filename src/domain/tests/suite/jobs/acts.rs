//! What people see and do.

use std::time::Duration;

use aviary_domain::jobs::{Bulk, JobFilter, JobQuery};
use aviary_domain::queue::{Fault, NewJob, Outcome, body};
use aviary_kernel::base::{Error, Timestamp};
use aviary_kernel::model::{Action, Actor, JobKind, JobState, Queue};
use aviary_kernel::store::tables::AUDIT;
use aviary_kernel::store::{Read, Span};

use super::{Begun, Place, counted};

fn person() -> Actor {
    Actor::command_line()
}

#[tokio::test]
async fn a_job_that_was_given_up_can_be_tried_again_once_and_removed() {
    let (place, begun) = (Place::new(), Begun::default());
    let new = || NewJob::new(JobKind::Backup).unique("backup");
    let id = place.add(new()).await;
    let _runner = place.run(vec![counted(JobKind::Backup, &begun, |n, _| {
        if n == 1 { Err(Fault::for_good("no such folder")) } else { Ok(Outcome::Done(None)) }
    })]);
    place.until_state(id, JobState::Failed).await;
    place.jobs.retry(&person(), id).await.unwrap();
    place.until_state(id, JobState::Completed).await;
    assert!(matches!(place.jobs.retry(&person(), id).await, Err(Error::Conflict(_))), "it is done");
    assert!(matches!(place.jobs.cancel(&person(), id).await, Err(Error::Conflict(_))));
    place.jobs.remove(&person(), id).await.unwrap();
    assert!(matches!(place.jobs.get(id).await, Err(Error::NotFound { .. })));
    let trail = place.store.read(|tx| tx.all(AUDIT, &Span::all())).await.unwrap();
    let actions: Vec<_> = trail.into_iter().map(|(_, event)| event.action).collect();
    assert_eq!(actions, [Action::JobRetried, Action::JobRemoved]);
}

#[tokio::test]
async fn a_second_of_its_name_is_not_let_loose_by_trying_an_old_one_again() {
    let place = Place::new();
    let new = || NewJob::new(JobKind::Backup).unique("backup");
    let first = place.add(new()).await;
    place.jobs.cancel(&person(), first).await.unwrap();
    let second = place.add(new()).await;
    assert_ne!(first, second);
    let refused = place.jobs.retry(&person(), first).await.unwrap_err();
    assert!(refused.to_string().contains(&second.to_string()), "{refused}");
}

#[tokio::test]
async fn lists_are_newest_first_filtered_and_paged_and_counts_agree() {
    let place = Place::new();
    let mut mails = Vec::new();
    for n in 0..25 {
        let kind = if n % 5 == 0 { JobKind::Backup } else { JobKind::SendMail };
        let id = place.add(NewJob::new(kind)).await;
        mails.extend((kind == JobKind::SendMail).then_some(id));
    }
    mails.reverse();
    let filter = JobFilter { queue: Some(Queue::Critical), ..JobFilter::default() };
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let page = place.jobs.list(JobQuery { filter: filter.clone(), after, limit: 7 }).await.unwrap();
        seen.extend(page.jobs.iter().map(|shown| shown.job.id));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(seen, mails);
    let counts = place.jobs.counts().await.unwrap();
    assert_eq!((counts.of(&filter), counts.in_state(JobState::Pending), counts.in_state(JobState::Dead)), (20, 25, 0));
}

#[tokio::test]
async fn many_are_cancelled_at_once_but_not_more_than_were_counted() {
    let place = Place::new();
    for _ in 0..1200 {
        place.add(NewJob::new(JobKind::SendMail)).await;
    }
    let filter = JobFilter { kind: Some(JobKind::SendMail), ..JobFilter::default() };
    let refused = place.jobs.bulk(&person(), Bulk::Cancel, filter.clone(), 1199).await.unwrap_err();
    assert!(matches!(&refused, Error::Conflict(why) if why.contains("1200")), "{refused}");
    let done = place.jobs.bulk(&person(), Bulk::Cancel, filter.clone(), 1200).await.unwrap();
    assert_eq!((done.done, done.left), (1200, 0));
    let done = place.jobs.bulk(&person(), Bulk::Retry, filter, 1200).await.unwrap();
    assert_eq!(done.done, 1200);
    place.assert_sound().await;
}

#[tokio::test]
async fn what_is_long_over_is_forgotten_and_the_dead_stay_longer() {
    let (place, begun) = (Place::new(), Begun::default());
    let (done, failed) =
        (place.add(NewJob::new(JobKind::EndSessions)).await, place.add(NewJob::new(JobKind::Backup)).await);
    let waiting = place.add(NewJob::new(JobKind::Check)).await;
    let _runner = place.run(vec![
        counted(JobKind::EndSessions, &begun, |_, _| Ok(Outcome::Done(None))),
        counted(JobKind::Backup, &begun, |_, _| Err(Fault::for_good("no"))),
        body(JobKind::Probe, |_| async { Ok(Outcome::Done(None)) }),
    ]);
    place.until_state(done, JobState::Completed).await;
    place.until_state(failed, JobState::Failed).await;
    let now = place.env.now().plus(Duration::from_secs(1));
    assert_eq!(place.jobs.forget(now, Timestamp::from_seconds(0)).await.unwrap(), 1);
    assert_eq!(place.jobs.forget(now, now).await.unwrap(), 1);
    assert_eq!(place.jobs.get(waiting).await.unwrap().job.state, JobState::Pending);
}
