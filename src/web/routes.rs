//! The whole URL map.

use actix_web::HttpRequest;
use actix_web::web::{self, ServiceConfig};

use crate::answer::is_page;
use crate::map::Map;
use crate::page::PageError;
use crate::problem::Problem;
use crate::{admin, assets};

/// What programs use. Every route stands in `/openapi.json` too; a test compares the two.
pub fn api() -> Map {
    Map::new()
}

/// Puts everything in place.
pub(crate) fn routes(config: &mut ServiceConfig) {
    api().register(config);
    Map::new().get("/static/{path:.*}", assets::asset).register(config);
    admin::routes(config);
    config.default_service(web::to(nothing_here));
}

async fn nothing_here(request: HttpRequest) -> Result<String, actix_web::Error> {
    let problem = Problem::no_such_route();
    Err(if is_page(request.path()) { PageError::from(problem).into() } else { problem.into() })
}
