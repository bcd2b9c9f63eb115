//! Two things that must not happen unnoticed.
//!
//! * `ending`, `look`: certificates and keys whose time is nearly over. A job looks at them once a day.
//! * `outage`: that the store takes no writes, which is told without writing.

mod ending;
mod look;
mod outage;

use std::sync::Arc;

use aviary_kernel::base::Env;
use aviary_kernel::store::Store;
use tokio::sync::Mutex;

use crate::panels::Panels;
use crate::webhooks::Webhooks;
use outage::Outage;

/// Watches. Cheap to clone.
#[derive(Clone)]
pub struct Watch {
    inner: Arc<Inner>,
}

struct Inner {
    store: Store,
    env: Env,
    panels: Panels,
    webhooks: Webhooks,
    outage: Mutex<Option<Outage>>,
}

impl Watch {
    /// Over what is in `store`, and over the store itself.
    pub fn new(store: Store, env: Env, panels: Panels, webhooks: Webhooks) -> Self {
        Self { inner: Arc::new(Inner { store, env, panels, webhooks, outage: Mutex::default() }) }
    }
}
