//! What the body of a job is given, and how it says what came of it.

use std::time::Duration;

use aviary_kernel::base::{Error, Timestamp};
use aviary_kernel::model::{Job, JobKind};
use futures_util::future::BoxFuture;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::watch;

/// What a job does. It may run twice: it looks at what is, compares with what should be, and moves on from there.
pub type Body = Box<dyn Fn(Work) -> BoxFuture<'static, Done> + Send + Sync>;

/// What came of a try.
pub type Done = Result<Outcome, Fault>;

/// A kind of job with what it does.
pub fn body<F>(kind: JobKind, act: impl Fn(Work) -> F + Send + Sync + 'static) -> (JobKind, Body)
where
    F: Future<Output = Done> + Send + 'static,
{
    (kind, Box::new(move |work| Box::pin(act(work))))
}

/// A job at work.
pub struct Work {
    /// The job as it was taken. Its id is the idempotency key of what it does.
    pub job: Job,
    stop: watch::Receiver<Option<Stop>>,
    progress: watch::Sender<Progress>,
}

/// Why a job is to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// A person cancelled it.
    Cancelled,
    /// Aviary ends; what is left is done after the next start.
    Ending,
}

/// How far a job is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Progress {
    /// What it is at.
    pub step: String,
    /// How much is done.
    pub done: u64,
    /// Of how much; none = not known.
    pub of: Option<u64>,
}

/// How a try ended that did not fail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Done; what came of it, one sentence.
    Done(Option<String>),
    /// Not done, without anything having failed: it goes on at this time.
    Later(Timestamp, Option<String>),
    /// It stopped: as it was told to, or because what it works on was cancelled.
    Stopped,
}

/// Why a try failed, for people, without secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    pub(crate) what: String,
    pub(crate) retry: Retry,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Retry {
    Usual,
    After(Duration),
    Never,
    /// It is not the job that failed, so this is no try.
    NotCounted,
}

impl Work {
    pub(crate) fn new(job: Job, stop: watch::Receiver<Option<Stop>>, progress: watch::Sender<Progress>) -> Self {
        Self { job, stop, progress }
    }

    /// What it is to work with.
    ///
    /// # Errors
    /// A [`Fault`] that no other try mends, when they are not what this release expects.
    pub fn args<T: DeserializeOwned>(&self) -> Result<T, Fault> {
        serde_json::from_str(&self.job.args)
            .map_err(|e| Fault::for_good(format!("its arguments are not what this release expects: {e}")))
    }

    /// Whether it is to stop.
    pub fn stop(&self) -> Option<Stop> {
        *self.stop.borrow()
    }

    /// Waits until it is to stop.
    pub async fn stopped(&self) -> Stop {
        let mut stop = self.stop.clone();
        let told = stop.wait_for(Option::is_some).await.ok().and_then(|stop| *stop);
        match told {
            Some(stop) => stop,
            // Nobody is left who could stop it.
            None => std::future::pending().await,
        }
    }

    /// Tells how far it is.
    pub fn progress(&self, step: impl Into<String>, done: u64, of: Option<u64>) {
        self.progress.send_replace(Progress { step: step.into(), done, of });
    }
}

impl Fault {
    /// Another try may help.
    pub fn again(what: impl Into<String>) -> Self {
        Self { what: what.into(), retry: Retry::Usual }
    }

    /// Another try may help, but not before this pause is over.
    pub fn after(what: impl Into<String>, pause: Duration) -> Self {
        Self { what: what.into(), retry: Retry::After(pause) }
    }

    /// Another try would end the same.
    pub fn for_good(what: impl Into<String>) -> Self {
        Self { what: what.into(), retry: Retry::Never }
    }

    /// What went wrong.
    pub fn what(&self) -> &str {
        &self.what
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        let retry = match &error {
            Error::ReadOnly(_) => Retry::NotCounted,
            Error::Upstream { retry: false, .. }
            | Error::NotFound { .. }
            | Error::Invalid { .. }
            | Error::Forbidden(_)
            | Error::Unauthenticated(_) => Retry::Never,
            Error::Upstream { .. }
            | Error::Conflict(_)
            | Error::Corrupt { .. }
            | Error::Unusable(_)
            | Error::Internal(_) => Retry::Usual,
        };
        Self { what: error.to_string(), retry }
    }
}
