//! Events for browsers: a stream that lives as long as somebody reads it.

use std::convert::Infallible;
use std::fmt::Display;
use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::http::header;
use aviary_domain::sync::Syncs;
use aviary_kernel::base::Result;
use aviary_kernel::model::{SyncId, SyncRun};
use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use serde::Serialize;
use tokio::sync::watch;
use tokio::time::timeout;

/// A comment is sent this often, so that nobody in between takes the silence for the end.
pub(crate) const HEARTBEAT: Duration = Duration::from_secs(15);

/// The comment.
pub(crate) fn sign_of_life() -> Bytes {
    Bytes::from_static(b": ping\n\n")
}

/// One event.
pub(crate) fn event(name: &str, data: &impl Serialize) -> Bytes {
    // JSON text has no line breaks of its own.
    let data = serde_json::to_string(data).unwrap_or_default();
    Bytes::from(format!("event: {name}\ndata: {data}\n\n"))
}

/// One event, with the place to go on from behind it.
pub(crate) fn placed(name: &str, place: &impl Display, data: &impl Serialize) -> Bytes {
    let data = serde_json::to_string(data).unwrap_or_default();
    Bytes::from(format!("id: {place}\nevent: {name}\ndata: {data}\n\n"))
}

/// An answer that sends `events` as they come.
pub(crate) fn answer(events: impl Stream<Item = Bytes> + 'static) -> HttpResponse {
    HttpResponse::Ok()
        .content_type("text/event-stream")
        .insert_header((header::CACHE_CONTROL, "no-cache"))
        .insert_header(("X-Accel-Buffering", "no"))
        .streaming(events.map(Ok::<_, Infallible>))
}

/// A run as it stands, and how to hear of changes from there on; none when it is over.
///
/// # Errors
/// [`aviary_kernel::base::Error::NotFound`].
pub(crate) async fn begin(syncs: &Syncs, id: SyncId) -> Result<(SyncRun, Option<watch::Receiver<SyncRun>>)> {
    let Some(mut changes) = syncs.watch(id) else { return Ok((syncs.get(id).await?, None)) };
    let run = changes.borrow_and_update().clone();
    Ok((run, Some(changes)))
}

/// Follows a run: what `tell` makes of it now, on each change, and at the end; in between a sign of life.
pub(crate) fn follow<F>(first: SyncRun, changes: Option<watch::Receiver<SyncRun>>, tell: F) -> impl Stream<Item = Bytes>
where
    F: Fn(&SyncRun) -> Bytes + 'static,
{
    let over = first.status.is_over();
    let begin = tell(&first);
    let follow = changes.filter(|_| !over).map(|changes| (changes, tell));
    stream::once(async move { begin }).chain(stream::unfold(follow, |state| async move {
        let (mut changes, tell) = state?;
        match timeout(HEARTBEAT, changes.changed()).await {
            Err(_) => Some((sign_of_life(), Some((changes, tell)))),
            Ok(changed) => {
                let run = changes.borrow_and_update().clone();
                // Without a sender there is nothing more to come, whatever the last value says.
                let done = changed.is_err() || run.status.is_over();
                Some((tell(&run), (!done).then_some((changes, tell))))
            }
        }
    }))
}
