//! What runs by itself, and when.
//!
//! * [`Schedules`]: the entries, those that come with Aviary and those that people make.
//! * [`Rule`]: when something runs: a cron expression in a time zone, or every so often.
//! * `timing`: when an entry is due. `tick`: what happens then. `runs`: what came of it; [`job_over`] hears of ends.
//! * `built_in`: the entries that always exist. `acts`: what people may do. `shown`: what they see.
//!
//! An entry does nothing itself: in one transaction it marks the time as dealt with and enqueues the job, so that there is
//! one for each time at which it was due, whenever Aviary ends in between.

mod acts;
mod built_in;
mod rule;
mod runs;
mod shown;
mod tick;
mod timing;
mod wanted;

use std::sync::Arc;
use std::time::Duration;

use aviary_kernel::base::{Env, Error, Result, Timestamp};
use aviary_kernel::model::{Schedule, ScheduleId};
use aviary_kernel::store::rows::Change;
use aviary_kernel::store::tables::SCHEDULES;
use aviary_kernel::store::{Read, Store, WriteTx};

use crate::feed;
use crate::settings::Settings;

pub use built_in::entry_for;
pub use rule::{Cron, Missed, Rule, Runs, WallTime};
pub use runs::job_over;
pub use shown::{Coming, Preview, ShownSchedule};
pub use wanted::{NewSchedule, SHORTEST_S, SchedulePatch, Times};

/// What was due longer ago than this counts as missed.
pub const GRACE: Duration = Duration::from_secs(5 * 60);

/// The schedules. Cheap to clone.
#[derive(Clone)]
pub struct Schedules {
    inner: Arc<Inner>,
}

struct Inner {
    store: Store,
    env: Env,
    settings: Settings,
}

impl Schedules {
    /// The schedules in `store`.
    pub fn new(store: Store, env: Env, settings: Settings) -> Self {
        Self { inner: Arc::new(Inner { store, env, settings }) }
    }

    fn now(&self) -> Timestamp {
        self.inner.env.now()
    }

    async fn write<T: Send + 'static>(
        &self,
        act: impl FnOnce(&Self, &mut WriteTx<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let this = self.clone();
        self.inner.store.write(move |tx| act(&this, tx)).await
    }
}

fn require(reader: &impl Read, id: ScheduleId) -> Result<Schedule> {
    reader.get(SCHEDULES, &id)?.ok_or_else(|| Error::not_found("schedule", id))
}

fn put(tx: &mut WriteTx<'_>, env: &Env, schedule: &Schedule) -> Result<()> {
    tx.put(SCHEDULES, &schedule.id, schedule)?;
    feed::append(tx, env, Change::Schedule(schedule.id)).map(drop)
}

fn remove(tx: &mut WriteTx<'_>, env: &Env, id: ScheduleId) -> Result<()> {
    tx.remove(SCHEDULES, &id)?;
    feed::append(tx, env, Change::Schedule(id)).map(drop)
}
