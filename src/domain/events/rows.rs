//! The rows of events and deliveries: whoever follows the feed hears of each change.

use aviary_kernel::base::{Env, Result};
use aviary_kernel::model::{Delivery, DeliveryId, Event, EventId};
use aviary_kernel::store::WriteTx;
use aviary_kernel::store::tables::{DELIVERIES, EVENTS};

use crate::feed::{self, Change};

/// Stores an event.
pub(crate) fn put_event(tx: &mut WriteTx<'_>, env: &Env, event: &Event) -> Result<()> {
    tx.put(EVENTS, &event.id, event)?;
    feed::append(tx, env, Change::Event(event.id)).map(drop)
}

/// Removes an event.
pub(crate) fn remove_event(tx: &mut WriteTx<'_>, env: &Env, id: EventId) -> Result<()> {
    tx.remove(EVENTS, &id)?;
    feed::append(tx, env, Change::Event(id)).map(drop)
}

/// Stores a delivery.
pub(crate) fn put_delivery(tx: &mut WriteTx<'_>, env: &Env, delivery: &Delivery) -> Result<()> {
    tx.put(DELIVERIES, &delivery.id, delivery)?;
    feed::append(tx, env, Change::Delivery(delivery.id)).map(drop)
}

/// Removes a delivery.
pub(crate) fn remove_delivery(tx: &mut WriteTx<'_>, env: &Env, id: DeliveryId) -> Result<()> {
    tx.remove(DELIVERIES, &id)?;
    feed::append(tx, env, Change::Delivery(id)).map(drop)
}
