//! Where links that people get lead to.

use actix_web::HttpRequest;
use actix_web::http::header;
use actix_web::web::Data;
use aviary_domain::mails::Site;

use super::desk::{Desk, service};
use crate::Options;
use crate::guard::Recognised;
use crate::page::PageError;

/// Where links lead. Without an address in the configuration it is the one under which the reader of the page found us.
///
/// # Errors
/// When the settings cannot be read.
pub(super) async fn site(desk: &Desk, request: &HttpRequest) -> Result<Site, PageError> {
    let options: Data<Options> = service(request)?;
    Ok(Site {
        name: desk.settings.site_name().await?,
        site_url: desk.settings.site_url().await?,
        own_url: options.public_url.clone().unwrap_or_else(|| as_asked(request)),
    })
}

fn as_asked(request: &HttpRequest) -> String {
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or("localhost");
    let scheme = if Recognised::of(request).https { "https" } else { "http" };
    format!("{scheme}://{host}")
}
