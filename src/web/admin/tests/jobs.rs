//! Jobs: what is shown of them, to whom, and what the buttons do.

use std::time::Duration;

use actix_web::http::StatusCode;
use aviary_domain::ops::Heartbeats;
use aviary_domain::queue::NewJob;
use aviary_kernel::model::{Job, JobFault, JobId, JobKind, JobState, SyncId};
use aviary_kernel::store::Read;
use aviary_kernel::store::tables::JOBS;
use serde_json::json;

use super::assert_is_clean;
use super::fixture::{Fixture, HOSTILE, hidden};

impl Fixture {
    /// A job in a state, of a kind that nothing here takes.
    pub(super) async fn job(&self, kind: JobKind, state: JobState) -> JobId {
        self.odd_job(NewJob::new(kind).by("Mara"), move |job| job.state = state).await
    }

    /// A job as `change` leaves it.
    pub(super) async fn odd_job(&self, new: NewJob, change: impl Fn(&mut Job) + Send + 'static) -> JobId {
        let id = self.services.jobs.enqueue(new).await.unwrap().id;
        let put = move |tx: &mut aviary_kernel::store::WriteTx<'_>| {
            let mut job = tx.get(JOBS, &id)?.unwrap();
            change(&mut job);
            tx.put(JOBS, &id, &job).map(drop)
        };
        self.services.store.write(put).await.unwrap();
        id
    }

    async fn state(&self, id: JobId) -> JobState {
        self.services.jobs.get(id).await.unwrap().job.state
    }
}

#[actix_web::test]
async fn the_list_is_filtered_paged_and_says_where_the_work_stands() {
    let fixture = Fixture::empty();
    let session = fixture.sign_in().await;
    let none = fixture.get(&session, "/admin/jobs").await.body;
    assert!(none.contains("No jobs yet") && none.contains("no work gets done"), "{none}");
    fixture.services.heartbeats.beat(Heartbeats::JOBS, Duration::from_secs(30));
    let dead = fixture.job(JobKind::Backup, JobState::Dead).await;
    let waiting = fixture.job(JobKind::SendMail, JobState::Pending).await;
    fixture.clock.advance_s(25);
    let all = fixture.get(&session, "/admin/jobs").await.body;
    assert!(all.find(&waiting.to_string()) < all.find(&dead.to_string()), "newest first");
    assert!(all.contains("work gets done") && all.contains("1 waiting, the first for 25 s"), "{all}");
    assert!(all.contains(">Retry it<") && all.contains(">Cancel it<") && all.contains(">Remove it<"), "{all}");

    for (query, shows) in [
        ("state=dead", [true, false]),
        ("state=pending%2Cscheduled", [false, true]),
        ("state=dead,pending", [true, true]),
        ("queue=critical", [false, true]),
        ("kind=store.backup", [true, false]),
        ("kind=store.backup&state=pending", [false, false]),
    ] {
        let body = fixture.get(&session, &format!("/admin/jobs?{query}")).await.body;
        let shown = [dead, waiting].map(|id| body.contains(&format!("/admin/jobs/{id}\"")));
        assert_eq!(shown, shows, "{query}: {body}");
        assert_eq!(body.contains("No such jobs"), shows == [false, false], "{query}");
    }
    for uri in ["/admin/jobs?state=asleep", "/admin/jobs?queue=x", "/admin/jobs?kind=x", "/admin/jobs?after=AAAA"] {
        assert!(fixture.get(&session, uri).await.body.contains("The address has a value of"), "{uri}");
    }
    let part = fixture.get(&session, "/admin/jobs/standing?queue=critical").await.body;
    assert!(part.starts_with("<div class=\"truth\">") && part.contains("?queue=critical&#38;state=dead"), "{part}");
    fixture.clock.advance_s(10);
    let late = fixture.get(&session, "/admin/jobs/standing").await.body;
    assert!(late.contains("no work gets done") && late.contains("the last sign of life was 35 s ago"), "{late}");

    for _ in 0..60 {
        fixture.job(JobKind::Check, JobState::Completed).await;
    }
    let first = fixture.get(&session, "/admin/jobs?kind=store.check").await.body;
    assert!(first.contains("50 of 60 jobs, newest first"), "{first}");
    let next = super::link(&first, "rel=\"next\" href=\"");
    assert!(next.contains("kind=store.check") && next.contains("after="), "{next}");
    assert!(fixture.get(&session, &next).await.body.contains("10 of 60 jobs"));
}

#[actix_web::test]
async fn the_tries_of_a_job_are_a_time_line_that_ends_with_what_comes() {
    let fixture = Fixture::empty();
    let session = fixture.sign_in().await;
    let at = fixture.services.env.now();
    let s = Duration::from_secs;
    let fault =
        move |attempt, ended| JobFault { attempt, at: at.plus(s(ended)), took_ms: 2000, what: "no answer".into() };
    let id = fixture
        .odd_job(NewJob::new(JobKind::Backup).by("Mara"), move |job| {
            (job.state, job.attempts, job.max_attempts) = (JobState::Retrying, 2, 5);
            job.due_at = at.plus(s(160));
            job.started_at = Some(at.plus(s(40)));
            job.faults = vec![fault(1, 10), fault(2, 42)];
        })
        .await;
    fixture.clock.advance_s(100);
    let uri = format!("/admin/jobs/{id}");
    let body = fixture.get(&session, &uri).await.body;
    let places = ["Try 3 comes", "Try 2 failed", "Try 1 failed", "the next one came 30 s later", "Asked for"]
        .map(|said| body.find(said).unwrap_or_else(|| panic!("{said}: {body}")));
    assert!(places.is_sorted(), "{places:?}: {body}");
    assert_eq!(body.matches("the next one came").count(), 1, "what has not come is not told: {body}");
    let done = move |job: &mut Job| {
        (job.state, job.attempts) = (JobState::Completed, 3);
        (job.started_at, job.finished_at) = (Some(at.plus(s(160))), Some(at.plus(s(163))));
    };
    let put = move |tx: &mut aviary_kernel::store::WriteTx<'_>| {
        let mut job = tx.get(JOBS, &id)?.unwrap();
        done(&mut job);
        tx.put(JOBS, &id, &job).map(drop)
    };
    fixture.services.store.write(put).await.unwrap();
    fixture.clock.advance_s(100);
    let body = fixture.get(&session, &uri).await.body;
    assert!(body.contains("Try 3 is done") && body.contains("took 3.0 s"), "{body}");
    assert!(body.contains("the next one came 1 min 58 s later"), "{body}");
}

#[actix_web::test]
async fn a_job_tells_its_tries_and_what_it_is_about() {
    let fixture = Fixture::hostile().await;
    let session = fixture.sign_in().await;
    let sync = SyncId::from_u128(1);
    let args = json!({"sync": sync, HOSTILE[0]: HOSTILE});
    let new = NewJob::new(JobKind::Backup).args(&args).unwrap().by(HOSTILE[0]).unique(HOSTILE[1]);
    let at = fixture.services.env.now();
    let id = fixture
        .odd_job(new, move |job| {
            job.state = JobState::Dead;
            job.attempts = 3;
            job.started_at = Some(at);
            job.finished_at = Some(at.plus(Duration::from_secs(2)));
            job.note = Some(HOSTILE[3].into());
            let fault = |attempt: u32| JobFault {
                attempt,
                at,
                took_ms: 2041,
                what: format!("{} {}", HOSTILE[attempt as usize], "long ".repeat(100)),
            };
            job.faults = (1..=3).map(fault).collect();
        })
        .await;
    for uri in ["/admin/jobs".into(), format!("/admin/jobs/{id}"), format!("/admin/jobs/{id}/part")] {
        let answer = fixture.get(&session, &uri).await;
        assert_eq!(answer.status, StatusCode::OK, "{uri}: {}", answer.body);
        assert_is_clean(&uri, &answer.body);
    }
    let body = fixture.get(&session, &format!("/admin/jobs/{id}")).await.body;
    assert!(body.contains("Every try failed") && body.contains("Try 3") && body.contains("2.0 s"), "{body}");
    assert!(body.contains(&format!("href=\"/admin/syncs/{sync}\"")), "{body}");
    assert!(body.contains("&#34;sync&#34;: &#34;00000000-"), "arguments are readable: {body}");
    assert!(body.contains("data-over") && !body.contains("data-on="), "nothing moves any more: {body}");
    assert_eq!(
        fixture.get(&session, &format!("/admin/jobs/{}", uuid::Uuid::nil())).await.status,
        StatusCode::NOT_FOUND
    );
    let gone = fixture.get(&session, &format!("/admin/jobs/{}/part", uuid::Uuid::nil())).await;
    assert!(gone.status == StatusCode::OK && gone.body.contains("on record no more"), "{}", gone.body);
}

#[actix_web::test]
async fn buttons_retry_cancel_and_remove() {
    let fixture = Fixture::empty();
    let session = fixture.sign_in().await;
    let id = fixture.job(JobKind::Backup, JobState::Dead).await;
    let page = format!("/admin/jobs/{id}");
    let act = async |act: &str| fixture.post(&session, &format!("{page}/{act}"), &[]).await;
    let body = fixture.get(&session, &page).await.body;
    assert!(body.contains(&format!("{page}/retry")) && body.contains("with all of its tries"), "{body}");
    assert!(!body.contains(&format!("{page}/cancel")), "{body}");

    assert_eq!(act("retry").await.location, format!("{page}?done=job-retried"));
    assert_eq!(fixture.state(id).await, JobState::Pending);
    let body = fixture.get(&session, &page).await.body;
    assert!(body.contains("data-on=") && body.contains("Waits for a free place."), "{body}");
    let refused = act("retry").await;
    assert!(refused.status == StatusCode::CONFLICT && refused.body.contains("once it is dead"), "{}", refused.body);

    assert_eq!(act("cancel").await.location, format!("{page}?done=job-cancelled"));
    assert_eq!(act("cancel").await.location, page, "it is over");
    assert_eq!(act("remove").await.location, "/admin/jobs?done=job-removed");
    assert_eq!(fixture.get(&session, &page).await.status, StatusCode::NOT_FOUND);
    let trail = fixture.get(&session, "/admin/audit?kind=job").await.body;
    assert!(trail.contains("Let a job try again") && trail.contains("Removed a job"), "{trail}");
}

#[actix_web::test]
async fn many_are_dealt_with_only_as_they_were_counted() {
    let fixture = Fixture::empty();
    let session = fixture.sign_in().await;
    let first = fixture.job(JobKind::Backup, JobState::Dead).await;
    let other = fixture.job(JobKind::SendMail, JobState::Dead).await;
    let list = fixture.get(&session, "/admin/jobs?kind=store.backup").await.body;
    let ask = super::link(&list, "href=\"/admin/jobs/bulk?").replace("&#38;", "&");
    let page = fixture.get(&session, &format!("/admin/jobs/bulk?{ask}")).await.body;
    assert!(page.contains("Retry 1 job?") && page.contains("They begin anew at once"), "{page}");
    let fields = ["act", "kind", "expected"].map(|name| (name, hidden(&page, name)));
    assert_eq!(fields[2].1, "1");
    let fields = fields.each_ref().map(|(name, value)| (*name, value.as_str()));

    let second = fixture.job(JobKind::Backup, JobState::Dead).await;
    let again = fixture.post(&session, "/admin/jobs/bulk", &fields).await;
    assert_eq!(again.status, StatusCode::OK);
    assert!(again.body.contains("Nothing was done: there are 2 such jobs by now, not 1"), "{}", again.body);
    assert_eq!((fixture.state(first).await, hidden(&again.body, "expected").as_str()), (JobState::Dead, "2"));

    let agreed = [fields[0], fields[1], ("expected", "2")];
    let done = fixture.post(&session, "/admin/jobs/bulk", &agreed).await;
    assert_eq!(done.location, "/admin/jobs?done=jobs-retried&kind=store.backup");
    assert_eq!([fixture.state(first).await, fixture.state(second).await], [JobState::Pending; 2]);
    assert_eq!(fixture.state(other).await, JobState::Dead, "it was not meant");
    let nothing = fixture.get(&session, "/admin/jobs/bulk?act=retry&kind=store.backup").await.body;
    assert!(nothing.contains("Nothing to do") && !nothing.contains("/admin/jobs/bulk\""), "{nothing}");

    // Two that do the same: one goes on its way, the other stays.
    let twin = || NewJob::new(JobKind::Check).unique("check");
    for _ in 0..2 {
        fixture.odd_job(twin(), |job| job.state = JobState::Dead).await;
    }
    let both = [("act", "retry"), ("kind", "store.check"), ("expected", "2")];
    let done = fixture.post(&session, "/admin/jobs/bulk", &both).await;
    assert_eq!(done.location, "/admin/jobs?done=jobs-left&kind=store.check");
    for wrong in [[("act", "burn"), ("expected", "1")], [("act", "retry"), ("expected", "all")]] {
        assert_eq!(fixture.post(&session, "/admin/jobs/bulk", &wrong).await.status, StatusCode::BAD_REQUEST);
    }
}

#[actix_web::test]
async fn who_may_only_look_finds_no_buttons() {
    let fixture = Fixture::empty();
    let id = fixture.job(JobKind::Backup, JobState::Dead).await;
    fixture.role("LOOKS", &["job.read"]).await;
    let session = fixture.sign_in_as("ada@example.com", "LOOKS").await;
    for uri in ["/admin/jobs".into(), format!("/admin/jobs/{id}")] {
        let answer = fixture.get(&session, &uri).await;
        assert_eq!(answer.status, StatusCode::OK);
        let offers =
            ["What you can do", "/admin/jobs/bulk", "/retry\"", "/remove\""].map(|offer| answer.body.contains(offer));
        assert_eq!(offers, [false; 4], "{uri}: {}", answer.body);
    }
    for uri in [format!("/admin/jobs/{id}/retry"), "/admin/jobs/bulk".into()] {
        assert_eq!(fixture.post(&session, &uri, &[]).await.status, StatusCode::FORBIDDEN, "{uri}");
    }
    assert_eq!(fixture.get(&session, "/admin/jobs/bulk?act=retry").await.status, StatusCode::FORBIDDEN);
}

#[actix_web::test]
async fn the_overview_tells_of_dead_jobs_and_of_a_silent_queue() {
    let fixture = Fixture::hostile().await;
    let session = fixture.sign_in().await;
    let body = fixture.get(&session, "/admin").await.body;
    assert!(!body.contains("/admin/jobs?state=dead") && !body.contains("gives no sign of life"), "{body}");
    fixture.job(JobKind::Backup, JobState::Dead).await;
    fixture.job(JobKind::Backup, JobState::Failed).await;
    fixture.services.heartbeats.beat(Heartbeats::JOBS, Duration::from_secs(30));
    fixture.clock.advance_s(31);
    let body = fixture.get(&session, "/admin").await.body;
    assert!(body.contains("1 job is dead") && body.contains("href=\"/admin/jobs?state=dead\""), "{body}");
    assert!(body.contains("the queue gives no sign of life"), "{body}");
    assert!(
        body.contains("/admin/jobs?state=failed\" dir=\"auto\">1</a>"),
        "those that failed are counted too: {body}"
    );
    assert!(!body.contains("These workers did not report in time"), "told once: {body}");

    fixture.role("NUMBERS", &["stats.read"]).await;
    let session = fixture.sign_in_as("ada@example.com", "NUMBERS").await;
    let body = fixture.get(&session, "/admin").await.body;
    assert!(!body.contains("is dead") && body.contains("the queue gives no sign of life"), "{body}");
}

#[actix_web::test]
async fn ticked_jobs_are_asked_about_and_only_they_are_dealt_with() {
    let fixture = Fixture::empty();
    let session = fixture.sign_in().await;
    let dead = fixture.job(JobKind::Backup, JobState::Dead).await;
    let done = fixture.job(JobKind::SendMail, JobState::Completed).await;
    let other = fixture.job(JobKind::Backup, JobState::Dead).await;
    let list = fixture.get(&session, "/admin/jobs?queue=low").await.body;
    assert!(list.contains("formaction=\"/admin/jobs/ticked?queue=low\""), "{list}");
    let (first, second) = (dead.to_string(), done.to_string());
    let gone = uuid::Uuid::nil().to_string();
    let ticked = [("act", "retry"), ("pick", &*first), ("pick", &*second), ("pick", &*gone)];
    let act = async |fields: &[(&str, &str)]| fixture.post(&session, "/admin/jobs/ticked?queue=low", fields).await;

    let none = act(&[("act", "retry")]).await;
    assert_eq!(none.status, StatusCode::BAD_REQUEST);
    assert!(none.body.contains("tick the jobs first"), "{}", none.body);
    let page = act(&ticked).await.body;
    assert!(page.contains("Retry 1 job?") && page.contains("They begin anew at once"), "{page}");
    assert_is_clean("/admin/jobs/ticked", &page);
    assert_eq!(hidden(&page, "pick"), first, "one that is done cannot be retried");
    assert_eq!(fixture.state(dead).await, JobState::Dead, "nothing was done yet");
    let sure = [("act", "retry"), ("pick", &*first), ("asked", "yes")];
    assert_eq!(act(&sure).await.location, "/admin/jobs?done=jobs-retried&queue=low");
    assert_eq!([fixture.state(dead).await, fixture.state(other).await], [JobState::Pending, JobState::Dead]);
    assert!(act(&sure).await.body.contains("No job that fits is in a state for this"));

    let mut many = vec![("act".to_owned(), "remove".to_owned()), ("asked".into(), "yes".into())];
    for _ in 0..21 {
        many.push(("pick".into(), fixture.job(JobKind::Check, JobState::Completed).await.to_string()));
    }
    let fields: Vec<_> = many.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let refused = act(&fields).await.body;
    assert!(refused.contains("Nothing was done: type 21 to say"), "{refused}");
    let typed: Vec<_> = fields.iter().copied().chain([("typed", "21")]).collect();
    assert_eq!(act(&typed).await.location, "/admin/jobs?done=jobs-removed&queue=low");
    let all = act(&[("act", "remove"), ("all", "yes")]).await;
    assert_eq!(all.location, "/admin/jobs/bulk?act=remove&queue=low", "all that match have a page of their own");
    assert!(act(&[("act", "retry"), ("pick", "x")]).await.status.is_client_error());
}

#[actix_web::test]
async fn a_job_is_removed_on_a_page_that_names_it() {
    let fixture = Fixture::hostile().await;
    let session = fixture.sign_in().await;
    let (dead, waiting) =
        (fixture.job(JobKind::Backup, JobState::Dead).await, fixture.job(JobKind::SendMail, JobState::Scheduled).await);
    let uri = format!("/admin/jobs/{dead}/remove");
    let page = fixture.get(&session, &format!("/admin/jobs/{dead}")).await.body;
    assert!(page.contains(&format!("href=\"{uri}\"")) && !page.contains(&format!("action=\"{uri}\"")), "{page}");
    let ask = fixture.get(&session, &uri).await.body;
    assert!(ask.contains(&dead.to_string()) && ask.contains("stays done") && !ask.contains(" disabled"), "{ask}");
    super::assert_is_clean(&uri, &ask);
    let early = fixture.get(&session, &format!("/admin/jobs/{waiting}/remove")).await.body;
    assert!(early.contains("Cancel it first") && early.contains(" disabled"), "{early}");
    let removed = fixture.post(&session, &uri, &[]).await;
    assert_eq!(removed.location, "/admin/jobs?done=job-removed");
    assert_eq!(fixture.get(&session, &uri).await.status, StatusCode::NOT_FOUND);
    fixture.role("CLEANERS", &["job.write"]).await;
    let cleaner = fixture.sign_in_as("zoe@example.com", "CLEANERS").await;
    let other = fixture.job(JobKind::Backup, JobState::Dead).await;
    let removed = fixture.post(&cleaner, &format!("/admin/jobs/{other}/remove"), &[]).await;
    assert_eq!(removed.location, "/admin", "the list is not theirs to see");
}
