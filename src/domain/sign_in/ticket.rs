//! Tickets: what a browser puts into the address of an event stream, since it can send no headers there. Good for a minute, to
//! open streams with and for nothing else, so one that ends up in a log is worth nothing.

use std::time::Duration;

use aviary_kernel::base::{Error, Result, Secret};
use aviary_kernel::model::{AccountId, Origin};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::SignIn;
use crate::access::{Caller, Refusal};

const AUDIENCE: &str = "aviary-events";
/// Long enough to open a stream.
pub const TICKET_LASTS: Duration = Duration::from_secs(60);

#[derive(Serialize, Deserialize)]
struct Claims {
    sub: AccountId,
    sid: Uuid,
    exp: i64,
    aud: String,
}

impl SignIn {
    /// A ticket for the session that the caller came with.
    ///
    /// # Errors
    /// [`Error::Forbidden`] for who has no session; keys can be sent as headers.
    pub fn ticket(&self, caller: &Caller) -> Result<Secret<String>> {
        let (Some(sub), Some(sid)) = (caller.actor.account(), caller.session) else {
            return Err(Error::Forbidden(
                "tickets are for people who are signed in; send your key as X-API-Key".into(),
            ));
        };
        let exp = self.accounts.env.now().plus(TICKET_LASTS).seconds();
        let claims = Claims { sub, sid, exp, aud: AUDIENCE.into() };
        let key = EncodingKey::from_secret(self.accounts.sealer.derive("tickets").reveal());
        let text = jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &key).map_err(Error::internal)?;
        Ok(Secret::new(text))
    }

    /// Who opens a stream with what stands in its address: a ticket, or an access token as the older front end sends.
    ///
    /// # Errors
    /// [`Refusal::InvalidToken`] when it is neither, or no longer good.
    pub async fn by_ticket(&self, text: &str, origin: Origin) -> Result<Caller, Refusal> {
        match self.read_ticket(text) {
            Some((account, session)) => self.by_session(account, session, |_| true, origin).await,
            None => self.by_access_token(text, origin).await,
        }
    }

    fn read_ticket(&self, text: &str) -> Option<(AccountId, Uuid)> {
        let mut validation = Validation::new(Algorithm::HS256);
        validation.set_audience(&[AUDIENCE]);
        validation.set_required_spec_claims(&["exp", "aud", "sub"]);
        // It asks the machine's clock; ours is asked here.
        validation.validate_exp = false;
        let key = DecodingKey::from_secret(self.accounts.sealer.derive("tickets").reveal());
        let claims = jsonwebtoken::decode::<Claims>(text, &key, &validation).ok()?.claims;
        (self.accounts.env.now().seconds() < claims.exp).then_some((claims.sub, claims.sid))
    }
}
