//! The queues in numbers.

use std::collections::BTreeMap;

use actix_web::web::Data;
use aviary_domain::jobs::{Counts, JobFilter, Jobs, Standing};
use aviary_domain::ops::Heartbeats;
use aviary_kernel::base::{Env, Timestamp};
use aviary_kernel::model::{JobKind, JobState, Queue};
use serde::Serialize;
use utoipa::ToSchema;

use super::reply::{self, Reply};
use crate::allow::{Allow, perm};
use crate::problem::ApiResult;

/// Where the queues stand.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct QueuesView {
    /// The queues, the most urgent first.
    queues: Vec<&'static str>,
    /// In one sentence.
    note: String,
    /// Jobs by queue, then by state.
    counts: BTreeMap<&'static str, BTreeMap<&'static str, u64>>,
    /// Jobs by state.
    states: BTreeMap<&'static str, u64>,
    /// Jobs by kind, then by state.
    kinds: BTreeMap<&'static str, BTreeMap<&'static str, u64>>,
    /// For how many seconds the job that waits longest has been due, by queue; null = none is due.
    oldest_waiting_seconds: BTreeMap<&'static str, Option<u64>>,
    heartbeat: HeartbeatView,
}

/// Whether work gets done.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct HeartbeatView {
    /// `beating`, `late` or `none`: nothing in this process takes jobs.
    status: &'static str,
    /// When what takes the jobs last gave a sign of life.
    #[schema(value_type = Option<String>, format = DateTime)]
    seen_at: Option<Timestamp>,
}

impl QueuesView {
    fn new(standing: &Standing, beats: &Heartbeats, now: Timestamp) -> Self {
        let Standing { counts, .. } = standing;
        let of_queue = |queue| JobFilter { queue: Some(queue), ..JobFilter::default() };
        let of_kind = |kind| JobFilter { kind: Some(kind), ..JobFilter::default() };
        let waits = |queue| standing.due_since(&of_queue(queue), now).map(|since| now.since(since).as_secs());
        let heartbeat = HeartbeatView::new(beats);
        let waiting = [JobState::Pending, JobState::Scheduled, JobState::Retrying];
        let waiting: u64 = waiting.into_iter().map(|state| counts.in_state(state)).sum();
        let running = counts.in_state(JobState::Running);
        let note = match heartbeat.status {
            "beating" => format!("{running} running, {waiting} waiting"),
            "late" => format!("no work gets done: what takes the jobs gives no sign of life; {waiting} waiting"),
            _ => format!("nothing takes jobs here; {waiting} waiting"),
        };
        Self {
            queues: Queue::ALL.map(Queue::name).to_vec(),
            note,
            counts: Queue::ALL.map(|queue| (queue.name(), by_state(counts, &of_queue(queue)))).into(),
            states: by_state(counts, &JobFilter::default()),
            kinds: JobKind::ALL.iter().map(|kind| (kind.name(), by_state(counts, &of_kind(*kind)))).collect(),
            oldest_waiting_seconds: Queue::ALL.map(|queue| (queue.name(), waits(queue))).into(),
            heartbeat,
        }
    }
}

impl HeartbeatView {
    fn new(beats: &Heartbeats) -> Self {
        let seen_at = beats.seen(Heartbeats::JOBS);
        let status = match seen_at {
            None => "none",
            Some(_) if beats.overdue().contains(&Heartbeats::JOBS) => "late",
            Some(_) => "beating",
        };
        Self { status, seen_at }
    }
}

fn by_state(counts: &Counts, filter: &JobFilter) -> BTreeMap<&'static str, u64> {
    let of = |state| counts.of(&JobFilter { states: vec![state], ..filter.clone() });
    JobState::ALL.map(|state| (state.word(), of(state))).into()
}

/// Where the queues stand
///
/// Numbers are kept, not counted, so this costs the same however many jobs there are.
#[utoipa::path(get, path = "/api/v1/queues/stats", tag = "jobs", responses((status = 200, body = Reply<QueuesView>)))]
pub(crate) async fn stats(
    env: Data<Env>,
    jobs: Data<Jobs>,
    beats: Data<Heartbeats>,
    _caller: Allow<perm::JobRead>,
) -> ApiResult {
    let standing = jobs.standing().await?;
    Ok(reply::ok(QueuesView::new(&standing, &beats, env.now())))
}
