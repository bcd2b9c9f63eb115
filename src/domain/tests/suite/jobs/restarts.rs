//! What is lost when the process ends, or the disk: nothing.

use std::io::ErrorKind;
use std::time::Duration;

use aviary_domain::queue::{Fault, NewJob, Outcome, Stop, body};
use aviary_kernel::base::{Env, Result};
use aviary_kernel::model::{Job, JobKind, JobState};
use aviary_kernel::store::WriteTx;
use aviary_kernel::store::faulty::Op;
use tokio::sync::mpsc;

use super::{Begun, Place, counted};

#[tokio::test]
async fn after_a_crash_what_ran_runs_again_at_once_and_what_was_done_does_not() {
    let (place, begun) = (Place::new(), Begun::default());
    let done = place.add(NewJob::new(JobKind::EndSessions)).await;
    let cut = place.add(NewJob::new(JobKind::Backup)).await;
    let (tell, mut told) = mpsc::unbounded_channel();
    let seen = begun.clone();
    let runner = place.run(vec![
        counted(JobKind::EndSessions, &begun, |_, _| Ok(Outcome::Done(None))),
        body(JobKind::Backup, move |work| {
            seen.note(&work);
            tell.send(()).unwrap();
            std::future::pending()
        }),
    ]);
    told.recv().await.unwrap();
    place.until_state(done, JobState::Completed).await;
    let place = place.crash(runner).await;
    let taken_back = place.jobs.get(cut).await.unwrap().job;
    assert_eq!((taken_back.state, taken_back.attempts), (JobState::Retrying, 0));
    assert!(taken_back.due_at <= place.env.now(), "at once");
    let _runner = place.run(vec![
        counted(JobKind::EndSessions, &begun, |_, _| Ok(Outcome::Done(None))),
        counted(JobKind::Backup, &begun, |_, _| Ok(Outcome::Done(None))),
    ]);
    let again = place.until_state(cut, JobState::Completed).await;
    assert_eq!((begun.of(done), begun.of(cut)), (1, 2));
    assert_eq!(again.faults[0].what, "Aviary ended while this ran");
    place.assert_sound().await;
}

#[tokio::test]
async fn a_job_that_takes_the_process_with_it_each_time_is_dead_in_the_end() {
    let mut place = Place::new();
    let id = place.add(NewJob::new(JobKind::Check)).await;
    for crash in 1.. {
        let (tell, mut told) = mpsc::unbounded_channel();
        let runner = place.run(vec![body(JobKind::Check, move |_| {
            tell.send(()).unwrap();
            std::future::pending()
        })]);
        told.recv().await.unwrap();
        place = place.crash(runner).await;
        let job = place.jobs.get(id).await.unwrap().job;
        if job.state == JobState::Dead {
            assert_eq!(crash, 5);
            return;
        }
        place.clock.advance(Duration::from_secs(7200));
    }
}

#[tokio::test]
async fn while_the_disk_takes_nothing_what_is_done_is_remembered_and_not_done_again() {
    let (place, begun) = (Place::new(), Begun::default());
    let id = place.add(NewJob::new(JobKind::EndSessions)).await;
    let (go, gate) = tokio::sync::oneshot::channel();
    let (tell, mut told) = mpsc::unbounded_channel();
    let gate = std::sync::Arc::new(tokio::sync::Mutex::new(Some(gate)));
    let seen = begun.clone();
    let _runner = place.run(vec![body(JobKind::EndSessions, move |work| {
        seen.note(&work);
        let (tell, gate) = (tell.clone(), gate.clone());
        async move {
            tell.send(()).unwrap();
            let gate = gate.lock().await.take().unwrap();
            gate.await.unwrap();
            Ok(Outcome::Done(None))
        }
    })]);
    told.recv().await.unwrap();
    place.disk.fail(Op::Write, 0, ErrorKind::StorageFull);
    let _ = place.jobs.enqueue(NewJob::new(JobKind::Backup)).await.unwrap_err();
    go.send(()).unwrap();
    assert_eq!(place.jobs.get(id).await.unwrap().job.state, JobState::Running);
    place.disk.heal();
    let store = place.store.clone();
    tokio::task::spawn_blocking(move || store.probe_blocking()).await.unwrap().unwrap();
    place.until_state(id, JobState::Completed).await;
    assert_eq!(begun.of(id), 1);
}

#[tokio::test]
async fn a_stop_gives_what_runs_its_time_and_gives_the_rest_back() {
    let (place, begun) = (Place::new(), Begun::default());
    let quick = place.add(NewJob::new(JobKind::Backup)).await;
    let slow = place.add(NewJob::new(JobKind::Check)).await;
    let later = place.add(NewJob::new(JobKind::Check)).await;
    let (tell, mut told) = mpsc::unbounded_channel();
    let (seen, tell_too) = (begun.clone(), tell.clone());
    let runner = place.run(vec![
        body(JobKind::Backup, move |work| {
            let tell = tell.clone();
            async move {
                tell.send(()).unwrap();
                assert_eq!(work.stopped().await, Stop::Ending);
                Ok(Outcome::Done(Some("finished in time".into())))
            }
        }),
        body(JobKind::Check, move |work| {
            seen.note(&work);
            tell_too.send(()).unwrap();
            std::future::pending()
        }),
    ]);
    told.recv().await.unwrap();
    told.recv().await.unwrap();
    let stopped = runner.stop(Duration::from_millis(200)).await;
    assert_eq!((stopped.ended, stopped.given_back), (1, 1));
    assert_eq!(place.jobs.get(quick).await.unwrap().job.note.as_deref(), Some("finished in time"));
    let given_back = place.jobs.get(slow).await.unwrap().job;
    assert_eq!((given_back.state, given_back.attempts, given_back.faults.len()), (JobState::Pending, 0, 0));
    assert_eq!(place.jobs.get(later).await.unwrap().job.state, JobState::Pending, "nothing new was taken");
    assert_eq!(begun.of(later), 0);
    assert_eq!(place.jobs.recover().await.unwrap(), 0, "nothing was left running");
}

fn refuse(_: &mut WriteTx<'_>, _: &Env, job: &Job) -> Result<()> {
    if job.kind == JobKind::Backup { Err(aviary_kernel::base::Error::internal("cannot follow")) } else { Ok(()) }
}

#[tokio::test]
async fn an_observer_that_fails_keeps_no_job_from_ending() {
    let (place, begun) = (Place::with(vec![refuse]), Begun::default());
    let trouble = place.add(NewJob::new(JobKind::Backup)).await;
    let fine = place.add(NewJob::new(JobKind::EndSessions)).await;
    let _runner = place.run(vec![
        counted(JobKind::Backup, &begun, |_, _| Err(Fault::for_good("no"))),
        counted(JobKind::EndSessions, &begun, |_, _| Ok(Outcome::Done(None))),
    ]);
    place.until_state(fine, JobState::Completed).await;
    place.until_state(trouble, JobState::Failed).await;
    assert_eq!((begun.of(trouble), begun.of(fine)), (1, 1));
}

/// Kills the process again and again while a few hundred jobs are done, each of which says that it was done before its end is
/// on disk: all are done at least once, and none again once its end was on disk.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn through_many_crashes_every_job_is_done_and_nothing_that_ended_is_done_again() {
    let mut place = Place::new();
    let begun = Begun::default();
    let mut ids = Vec::new();
    for _ in 0..300 {
        ids.push(place.add(NewJob::new(JobKind::EndSessions)).await);
    }
    for round in 0.. {
        let before: Vec<_> =
            place.all().await.into_iter().filter(|job| job.state.is_over()).map(|job| job.id).collect();
        let counts: Vec<_> = before.iter().map(|id| begun.of(*id)).collect();
        let runner = place.run(vec![counted(JobKind::EndSessions, &begun, |_, _| Ok(Outcome::Done(None)))]);
        let wanted = (before.len() + 40).min(ids.len());
        let mut changed = place.store.watch(aviary_kernel::store::tables::JOBS);
        while place.jobs.counts().await.unwrap().in_state(JobState::Completed) < wanted as u64 {
            changed.changed().await.unwrap();
        }
        place = place.crash(runner).await;
        assert_eq!(before.iter().map(|id| begun.of(*id)).collect::<Vec<_>>(), counts, "round {round}");
        place.assert_sound().await;
        if wanted == ids.len() {
            break;
        }
        place.clock.advance(Duration::from_secs(3600));
    }
    assert!(ids.iter().all(|id| begun.of(*id) >= 1));
    assert!(place.all().await.iter().all(|job| job.state == JobState::Completed));
}
