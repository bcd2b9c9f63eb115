//! Signing in, as the older API has it: its paths, its fields, its codes. A refusal has its code in `error`.

pub(crate) mod enter;
pub(crate) mod links;

use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use actix_web::web::{Bytes, Data};
use actix_web::{FromRequest, HttpRequest, HttpResponse};
use aviary_domain::access::{Caller, Limit, Limits, Refusal, SUPER_ADMIN, identity_of};
use aviary_domain::accounts::{PanelFacts, Person};
use aviary_domain::sign_in::SignedIn;
use aviary_kernel::base::Timestamp;
use aviary_kernel::model::{Account, Origin};
use futures_util::future::LocalBoxFuture;
use serde::Serialize;
use serde::de::DeserializeOwned;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::door::{Door, Part};
use crate::guard::Recognised;
use crate::problem::{ApiResult, Problem};

/// A person, as the front end knows them.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct UserData {
    id: Uuid,
    email: String,
    username: String,
    first_name: Option<String>,
    last_name: Option<String>,
    roles: Vec<String>,
    is_pterodactyl_admin: bool,
    is_virtfusion_admin: bool,
    is_system_admin: bool,
    pterodactyl_id: Option<u64>,
    #[schema(value_type = Option<String>, format = DateTime)]
    email_verified: Option<Timestamp>,
}

impl From<Person> for UserData {
    fn from(person: Person) -> Self {
        let facts = PanelFacts {
            pterodactyl_id: person.linked.first().map(|linked| linked.user.id),
            is_pterodactyl_admin: person.is_panel_admin(),
        };
        Self::new(person.account, facts)
    }
}

impl UserData {
    fn new(account: Account, facts: PanelFacts) -> Self {
        let is_system_admin = account.roles.iter().any(|role| role == SUPER_ADMIN);
        Self {
            id: account.id.0,
            email: account.email.as_str().to_owned(),
            username: account.username,
            first_name: account.profile.first_name,
            last_name: account.profile.last_name,
            roles: account.roles,
            is_pterodactyl_admin: facts.is_pterodactyl_admin,
            is_virtfusion_admin: false,
            is_system_admin,
            pterodactyl_id: facts.pterodactyl_id,
            email_verified: account.email_verified,
        }
    }
}

/// What a front end needs to go on.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TokenPair {
    access_token: String,
    refresh_token: String,
    /// Seconds until the access token ends.
    expires_in: u64,
    token_type: &'static str,
}

/// Somebody was let in.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Entered {
    success: bool,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<UserData>,
    tokens: TokenPair,
    access_token: String,
    refresh_token: String,
    expires_in: u64,
}

impl Entered {
    /// The answer to a sign-in (`with_user`) or an exchange of tokens.
    fn new(entered: SignedIn, message: &str, with_user: bool) -> Result<Self, Refusal> {
        let Some(access) = &entered.access else {
            return Err(aviary_kernel::base::Error::internal("no access token was made").into());
        };
        let (access_token, expires_in) = (access.text.reveal().clone(), access.expires_in_s);
        let refresh_token = entered.token.reveal().clone();
        Ok(Self {
            success: true,
            message: message.to_owned(),
            tokens: TokenPair {
                access_token: access_token.clone(),
                refresh_token: refresh_token.clone(),
                expires_in,
                token_type: "Bearer",
            },
            access_token,
            refresh_token,
            expires_in,
            user: with_user.then(|| UserData::new(entered.account, entered.facts)),
        })
    }
}

/// Done, with a word for people.
#[derive(Serialize, ToSchema)]
pub(crate) struct Told {
    success: bool,
    message: &'static str,
}

fn told(status: StatusCode, message: &'static str) -> HttpResponse {
    HttpResponse::build(status).json(Told { success: true, message })
}

/// A person as an answer.
#[derive(Serialize, ToSchema)]
pub(crate) struct OfUser {
    success: bool,
    user: UserData,
}

fn of_user(user: UserData) -> HttpResponse {
    HttpResponse::Ok().json(OfUser { success: true, user })
}

/// Somebody at the door: where they come from, what they sent, and how often they may. Everybody may knock.
pub(crate) struct Knock {
    known: Recognised,
    limits: Data<Limits>,
    sent: Bytes,
}

impl Part for Knock {
    const DOOR: Option<Door> = Some(Door::Open);
}

impl FromRequest for Knock {
    type Error = actix_web::Error;
    type Future = LocalBoxFuture<'static, Result<Self, actix_web::Error>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let known = Recognised::of(request);
        let limits = Data::<Limits>::from_request(request, payload);
        let sent = Bytes::from_request(request, payload);
        Box::pin(async move { Ok(Self { known, limits: limits.await?, sent: sent.await? }) })
    }
}

impl Knock {
    /// What was sent, whatever it says its type is, and where it came from; takes one of so many tries of the address.
    fn open<T: DeserializeOwned>(&self, limit: Limit) -> Result<(T, Origin), Problem> {
        let wanted = self.body()?;
        self.pace(limit)?;
        Ok((wanted, self.origin()))
    }

    fn body<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        serde_json::from_slice(&self.sent).map_err(|_| {
            let detail = "send a JSON object with the fields of this route";
            Problem::coded(StatusCode::BAD_REQUEST, "invalid_request", detail)
        })
    }

    fn pace(&self, limit: Limit) -> Result<(), Problem> {
        // Other back ends sign many people in from one address.
        if self.known.caller().is_some_and(|caller| caller.account.is_none()) {
            return Ok(());
        }
        let verdict = self.limits.take(limit, &identity_of(self.known.origin.address));
        if verdict.allowed { Ok(()) } else { Err(Problem::too_many(verdict.retry_after_s).with_limits(&verdict)) }
    }

    fn origin(&self) -> Origin {
        self.known.origin.clone()
    }

    /// Who knocks, when they are known.
    fn caller(&self) -> Option<&Caller> {
        self.known.caller()
    }
}

/// An answer or a refusal with its code.
fn answer(result: Result<HttpResponse, Refusal>) -> ApiResult {
    result.map_err(Problem::from)
}
