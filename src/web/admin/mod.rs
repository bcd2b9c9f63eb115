//! The pages.

use actix_web::web::ServiceConfig;

/// Puts the pages in place.
pub(crate) fn routes(_config: &mut ServiceConfig) {}
