//! How tries end: done, failed, hanging, panicking, stopped.

use std::time::Duration;

use aviary_domain::queue::{Fault, NewJob, Outcome, Stop, body};
use aviary_kernel::model::{EventName, JobKind, JobState};
use aviary_kernel::store::tables::EVENTS;
use aviary_kernel::store::{Read, Span};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

use super::{Begun, Place, counted};

#[derive(Serialize, Deserialize)]
struct Args {
    days: u32,
}

#[tokio::test]
async fn a_job_is_done_once_with_its_arguments_and_says_what_came_of_it() {
    let (place, begun) = (Place::new(), Begun::default());
    let id = place.add(NewJob::new(JobKind::CleanUp).args(&Args { days: 30 }).unwrap().by("ada")).await;
    let clean = counted(JobKind::CleanUp, &begun, |_, work| {
        let args: Args = work.args()?;
        Ok(Outcome::Done(Some(format!("{} days", args.days))))
    });
    let _runner = place.run(vec![clean]);
    let job = place.until_state(id, JobState::Completed).await;
    assert_eq!((job.note.as_deref(), job.by.as_str(), job.attempts), (Some("30 days"), "ada", 1));
    assert_eq!(begun.of(id), 1);
    place.assert_sound().await;
}

#[tokio::test]
async fn a_job_that_fails_is_tried_again_later_and_later_and_is_dead_in_the_end() {
    let (place, begun) = (Place::new(), Begun::default());
    let id = place.add(NewJob::new(JobKind::Backup)).await;
    let _runner = place.run(vec![
        counted(JobKind::Backup, &begun, |n, _| Err(Fault::again(format!("no space {n}")))),
        body(JobKind::Probe, |_| async { Ok(Outcome::Done(None)) }),
    ]);
    let first = place.until_state(id, JobState::Retrying).await;
    let pause = first.due_at.since(first.faults[0].at).as_secs();
    assert!((240..=360).contains(&pause), "five minutes, give or take a fifth: {pause}");
    place.pass(Duration::from_secs(400));
    let second = place.until(id, |job| job.is_some_and(|job| job.faults.len() == 2)).await.unwrap();
    let longer = second.due_at.since(second.faults[1].at).as_secs();
    assert!((480..=720).contains(&longer), "twice that: {longer}");
    place.pass(Duration::from_secs(800));
    let dead = place.until_state(id, JobState::Dead).await;
    let what: Vec<_> = dead.faults.iter().map(|fault| (fault.attempt, fault.what.as_str())).collect();
    assert_eq!(what, [(1, "no space 1"), (2, "no space 2"), (3, "no space 3")]);
    place.pass(Duration::from_secs(86_400));
    place.until(id, |job| job.is_some_and(|job| job.state == JobState::Dead)).await;
    assert_eq!(begun.of(id), 3);
    let told = place.store.read(|tx| tx.all(EVENTS, &Span::all())).await.unwrap();
    let told: Vec<_> = told.iter().map(|(_, event)| (event.name, event.data.contains(&id.to_string()))).collect();
    assert_eq!(told, [(EventName::JobDead, true)], "once, when it is dead");
}

#[tokio::test]
async fn poison_ends_dead_with_its_error_and_holds_up_nobody() {
    let (place, begun) = (Place::new(), Begun::default());
    let poison = place.add(NewJob::new(JobKind::Check)).await;
    let nonsense = place.add(NewJob::new(JobKind::CleanUp)).await;
    let healthy = place.add(NewJob::new(JobKind::EndSessions)).await;
    let _runner = place.run(vec![
        counted(JobKind::Check, &begun, |_, _| panic!("a poisoned row")),
        counted(JobKind::CleanUp, &begun, |_, work| work.args::<Args>().map(|_| Outcome::Done(None))),
        counted(JobKind::EndSessions, &begun, |_, _| Ok(Outcome::Done(None))),
        body(JobKind::Probe, |_| async { Ok(Outcome::Done(None)) }),
    ]);
    place.until_state(healthy, JobState::Completed).await;
    let refused = place.until_state(nonsense, JobState::Failed).await;
    assert!(refused.note.unwrap().contains("its arguments are not what this release expects"));
    place.until_state(poison, JobState::Retrying).await;
    place.pass(Duration::from_secs(3600));
    let dead = place.until_state(poison, JobState::Dead).await;
    assert_eq!(dead.faults.len(), 2);
    assert!(dead.faults[1].what.contains("a poisoned row"), "{:?}", dead.faults);
}

#[tokio::test]
async fn a_job_that_waits_for_something_goes_on_then_and_uses_up_no_try() {
    let (place, begun) = (Place::new(), Begun::default());
    let id = place.add(NewJob::new(JobKind::CleanUp)).await;
    let later = place.env.now().plus(Duration::from_secs(90));
    let _runner = place.run(vec![
        counted(JobKind::CleanUp, &begun, move |n, _| {
            Ok(if n < 3 { Outcome::Later(later, Some("the disk rests".into())) } else { Outcome::Done(None) })
        }),
        body(JobKind::Probe, |_| async { Ok(Outcome::Done(None)) }),
    ]);
    let waiting = place.until_state(id, JobState::Scheduled).await;
    assert_eq!((waiting.attempts, waiting.due_at, waiting.note.as_deref()), (0, later, Some("the disk rests")));
    place.pass(Duration::from_secs(91));
    let done = place.until_state(id, JobState::Completed).await;
    assert_eq!((done.attempts, begun.of(id)), (1, 3));
}

#[tokio::test]
async fn of_one_name_only_one_waits_and_who_asks_while_it_runs_has_it_run_once_more() {
    let (place, begun) = (Place::new(), Begun::default());
    let deliver = || NewJob::new(JobKind::Deliver).unique_again("deliver/1");
    let id = place.add(deliver()).await;
    assert_eq!(place.add(deliver()).await, id, "the second is joined to the first");
    let (tell, mut told) = mpsc::unbounded_channel();
    let go = std::sync::Arc::new(tokio::sync::Notify::new());
    let (wait, seen) = (go.clone(), begun.clone());
    let _runner = place.run(vec![body(JobKind::Deliver, move |work| {
        seen.note(&work);
        let (tell, wait) = (tell.clone(), wait.clone());
        async move {
            tell.send(()).unwrap();
            wait.notified().await;
            Ok(Outcome::Done(None))
        }
    })]);
    told.recv().await.unwrap();
    assert_eq!(place.add(deliver()).await, id);
    assert_eq!(place.add(deliver()).await, id);
    go.notify_one();
    told.recv().await.unwrap();
    go.notify_one();
    place.until(id, |job| job.is_none()).await;
    assert_eq!(begun.of(id), 2, "once more, not twice more");
    assert!(place.all().await.is_empty(), "nothing is kept of kinds that have a record elsewhere");
}

#[tokio::test]
async fn a_cancelled_job_stops_when_it_is_told_to() {
    let place = Place::new();
    let id = place.add(NewJob::new(JobKind::Backup)).await;
    let (tell, mut told) = mpsc::unbounded_channel();
    let _runner = place.run(vec![body(JobKind::Backup, move |work| {
        let tell = tell.clone();
        async move {
            work.progress("copying", 3, Some(9));
            tell.send(()).unwrap();
            assert_eq!(work.stopped().await, Stop::Cancelled);
            Ok(Outcome::Stopped)
        }
    })]);
    told.recv().await.unwrap();
    let shown = place.jobs.get(id).await.unwrap();
    assert_eq!(
        shown.progress.map(|progress| (progress.step, progress.done, progress.of)),
        Some(("copying".into(), 3, Some(9)))
    );
    place.jobs.cancel(&aviary_kernel::model::Actor::command_line(), id).await.unwrap();
    place.until_state(id, JobState::Cancelled).await;
}

#[tokio::test]
async fn each_kind_has_places_of_its_own_and_no_more_of_it_run_at_once() {
    let (place, begun) = (Place::new(), Begun::default());
    for _ in 0..12 {
        place.add(NewJob::new(JobKind::SendMail)).await;
    }
    let (hang, low) = (begun.clone(), Begun::default());
    let seen = low.clone();
    let runner = place.run(vec![
        body(JobKind::SendMail, move |work| {
            hang.note(&work);
            async move {
                work.stopped().await;
                Ok(Outcome::Stopped)
            }
        }),
        counted(JobKind::EndSessions, &seen, |_, _| Ok(Outcome::Done(None))),
    ]);
    let id = place.add(NewJob::new(JobKind::EndSessions)).await;
    place.until_state(id, JobState::Completed).await;
    assert_eq!(begun.all(), [1, 1, 1, 1], "as many as there are places for mail, and others go on");
    let stopped = runner.stop(Duration::from_secs(5)).await;
    assert_eq!(stopped.given_back, 4);
}
