//! Access tokens: signed, short-lived, bound to a session.

use std::time::Duration;

use aviary_kernel::base::{Error, Result, Secret, Timestamp};
use aviary_kernel::model::{Account, AccountId, RemoteId};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::SignIn;
use crate::access::{Refusal, SUPER_ADMIN};
use crate::accounts::PanelFacts;

const ISSUER: &str = "aviary";
const AUDIENCE: &str = "aviary-api";
/// Clocks of others may be off by this much.
const LEEWAY_S: i64 = 30;
/// Nothing of ours is longer, in bytes.
const LONGEST: usize = 8 * 1024;

/// An access token on its way out.
#[derive(Clone, Debug)]
pub struct AccessToken {
    /// What is to be sent as `Authorization: Bearer`.
    pub text: Secret<String>,
    /// How long it is good, in seconds.
    pub expires_in_s: u64,
}

/// What an access token says: the claims of the older API, then those of RFC 7519. What counts here is only whose it is and
/// of which session; the rest is for front ends.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Claims {
    pub id: AccountId,
    email: String,
    username: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    first_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_name: Option<String>,
    roles: Vec<String>,
    is_pterodactyl_admin: bool,
    is_virtfusion_admin: bool,
    is_system_admin: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pterodactyl_id: Option<RemoteId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    email_verified: Option<String>,
    iat: i64,
    nbf: i64,
    exp: i64,
    sub: AccountId,
    jti: Uuid,
    pub sid: Uuid,
    iss: String,
    aud: String,
}

impl SignIn {
    /// An access token for a session.
    pub(super) fn access_token(&self, account: &Account, facts: PanelFacts, session: Uuid) -> Result<AccessToken> {
        let lasts = Duration::from_secs(u64::from(self.options.access_token_minutes) * 60);
        let now = self.accounts.env.now();
        let claims = Claims {
            id: account.id,
            email: account.email.to_string(),
            username: account.username.clone(),
            first_name: account.profile.first_name.clone(),
            last_name: account.profile.last_name.clone(),
            roles: account.roles.clone(),
            is_pterodactyl_admin: facts.is_pterodactyl_admin,
            is_virtfusion_admin: false,
            is_system_admin: account.roles.iter().any(|role| role == SUPER_ADMIN),
            pterodactyl_id: facts.pterodactyl_id,
            email_verified: account.email_verified.map(|at| at.to_string()),
            iat: now.seconds(),
            nbf: now.seconds(),
            exp: now.plus(lasts).seconds(),
            sub: account.id,
            jti: self.accounts.env.ids.next(),
            sid: session,
            iss: ISSUER.into(),
            aud: AUDIENCE.into(),
        };
        let key = EncodingKey::from_secret(self.accounts.sealer.derive("jwt").reveal());
        let text = jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &key).map_err(Error::internal)?;
        Ok(AccessToken { text: Secret::new(text), expires_in_s: lasts.as_secs() })
    }

    /// The claims of a token that is ours and good now.
    pub(super) fn read_access_token(&self, text: &str) -> Result<Claims, Refusal> {
        if text.len() > LONGEST {
            return Err(Refusal::InvalidToken);
        }
        let key = DecodingKey::from_secret(self.accounts.sealer.derive("jwt").reveal());
        let claims =
            jsonwebtoken::decode::<Claims>(text, &key, &validation()).map_err(|_| Refusal::InvalidToken)?.claims;
        if claims.is_good_at(self.accounts.env.now()) && claims.sub == claims.id {
            return Ok(claims);
        }
        Err(Refusal::InvalidToken)
    }
}

fn validation() -> Validation {
    let mut validation = Validation::new(Algorithm::HS256);
    validation.set_issuer(&[ISSUER]);
    validation.set_audience(&[AUDIENCE]);
    validation.set_required_spec_claims(&["exp", "nbf", "iss", "aud", "sub"]);
    // It asks the machine's clock; ours is in `Claims::is_good_at`.
    validation.validate_exp = false;
    validation.validate_nbf = false;
    validation
}

impl Claims {
    fn is_good_at(&self, now: Timestamp) -> bool {
        let now = now.seconds();
        self.nbf.saturating_sub(LEEWAY_S) <= now && now < self.exp.saturating_add(LEEWAY_S)
    }
}
