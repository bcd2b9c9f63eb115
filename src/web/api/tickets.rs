//! Tickets for event streams: browsers can send no headers when they follow events, and access tokens in addresses would end
//! up in logs.

use actix_web::HttpResponse;
use actix_web::web::Data;
use aviary_domain::sign_in::{SignIn, TICKET_LASTS};
use serde::Serialize;
use utoipa::ToSchema;

use crate::allow::{Allow, perm};
use crate::problem::ApiResult;

/// What opens an event stream.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TicketView {
    /// To be put into the address of a stream, as `?token=`.
    ticket: String,
    /// Seconds until it is too late to open one.
    expires_in: u64,
}

/// Get a ticket for event streams
///
/// It opens streams and nothing else, as the caller and while their session lasts.
#[utoipa::path(post, path = "/api/v1/tickets", tag = "me", responses((status = 200, body = TicketView)))]
pub(crate) async fn ticket(sign_in: Data<SignIn>, caller: Allow<perm::SignedIn>) -> ApiResult {
    let ticket = sign_in.ticket(&caller.caller)?;
    Ok(HttpResponse::Ok().json(TicketView { ticket: ticket.reveal().clone(), expires_in: TICKET_LASTS.as_secs() }))
}
