//! Accounts from outside: register, prove an address, another password, links to sign in.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::{Data, Path, Query};
use aviary_domain::access::{Limit, Refusal};
use aviary_domain::accounts::{Accounts, NewRegistration};
use aviary_domain::settings::Settings;
use aviary_domain::sign_in::SignIn;
use aviary_kernel::base::{Error, Secret};
use aviary_kernel::model::{AccountId, Email, Permission, SessionKind, Who};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{Entered, Knock, OfUser, Told, answer, of_user, told};
use crate::problem::{ApiResult, Problem, ProblemView};

/// Somebody who wants an account.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Register {
    #[serde(default)]
    email: String,
    #[schema(value_type = String, format = Password)]
    password: Option<Secret<String>>,
    #[schema(value_type = String, format = Password)]
    confirm_password: Option<Secret<String>>,
    username: Option<String>,
    first_name: Option<String>,
    last_name: Option<String>,
}

/// Register
///
/// When registration is open (setting `registration_enabled`). A link to prove the address is mailed.
#[utoipa::path(post, path = "/api/v1/auth/register", tag = "auth", request_body = Register, responses(
    (status = 201, body = Told),
    (status = 400, description = "`invalid_request`, `missing_fields`, `invalid_email`, `password_...`, `passwords_dont_match`", body = ProblemView),
    (status = 403, description = "`registration_closed`", body = ProblemView),
    (status = 409, description = "`email_exists`", body = ProblemView),
    (status = 429, description = "Too many from this address", body = ProblemView),
))]
pub(crate) async fn register(knock: Knock, accounts: Data<Accounts>, settings: Data<Settings>) -> ApiResult {
    let (wanted, origin): (Register, _) = knock.open(Limit::REGISTER)?;
    let nothing = || Secret::from("");
    let new = NewRegistration {
        email: wanted.email,
        password: wanted.password.unwrap_or_else(nothing),
        confirm_password: wanted.confirm_password,
        username: wanted.username,
        first_name: wanted.first_name,
        last_name: wanted.last_name,
    };
    let open = settings.registration_enabled().await?;
    accounts.register(&origin, new, open).await?;
    Ok(told(StatusCode::CREATED, "your account was made; open the link in the mail to prove your address"))
}

/// A link that was mailed.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct FollowLink {
    #[schema(value_type = String)]
    token: Option<Secret<String>>,
    /// The account; may be left out.
    #[serde(alias = "userId")]
    id: Option<String>,
    /// Another password; for resetting it.
    #[schema(value_type = Option<String>, format = Password)]
    password: Option<Secret<String>>,
    /// The same once more; may be left out.
    #[schema(value_type = Option<String>, format = Password)]
    confirm_password: Option<Secret<String>>,
    /// The code of the second factor; for signing in by link.
    #[schema(value_type = Option<String>)]
    code: Option<Secret<String>>,
}

impl FollowLink {
    /// The token, if there is one.
    fn token(&self) -> Option<&Secret<String>> {
        self.token.as_ref().filter(|token| !token.reveal().trim().is_empty())
    }

    /// The account that the link names. One that cannot be an id makes the link a wrong one.
    fn account(&self) -> Result<Option<AccountId>, Refusal> {
        let id = self.id.as_deref().filter(|id| !id.trim().is_empty());
        id.map(|id| id.trim().parse().map_err(|_| Refusal::InvalidToken)).transpose()
    }
}

/// Prove an e-mail address
///
/// By the link that was mailed; also for a new address of an account.
#[utoipa::path(post, path = "/api/v1/auth/verify-email", tag = "auth", request_body = FollowLink, responses(
    (status = 200, body = Told),
    (status = 400, description = "`invalid_request`, `missing_fields`, `invalid_token`, `token_expired`, `already_verified`", body = ProblemView),
))]
pub(crate) async fn verify_email(knock: Knock, accounts: Data<Accounts>) -> ApiResult {
    let (wanted, origin): (FollowLink, _) = knock.open(Limit::REDEEM)?;
    let token = wanted.token().ok_or(Refusal::MissingFields)?;
    accounts.verify_email(&origin, token, wanted.account()?).await?;
    Ok(told(StatusCode::OK, "your e-mail address is proved; you can sign in"))
}

/// An e-mail address.
#[derive(Deserialize, ToSchema)]
pub(crate) struct OfAddress {
    #[serde(default)]
    email: String,
}

/// Ask for another password
///
/// Says the same whether or not there is such an account.
#[utoipa::path(post, path = "/api/v1/auth/forgot-password", tag = "auth", request_body = OfAddress, responses(
    (status = 200, body = Told),
    (status = 400, description = "`invalid_request`, `missing_email`, `invalid_email`", body = ProblemView),
    (status = 429, description = "Too many from this address", body = ProblemView),
))]
pub(crate) async fn forgot_password(knock: Knock, accounts: Data<Accounts>) -> ApiResult {
    let (wanted, origin): (OfAddress, _) = knock.open(Limit::ASK_LINK_BY_ADDRESS)?;
    accounts.ask_password_reset(&origin, &wanted.email).await?;
    Ok(told(StatusCode::OK, "if there is an account with this address, a mail with a link is on its way"))
}

/// Set another password
///
/// By the link that was mailed. Ends every session.
#[utoipa::path(post, path = "/api/v1/auth/reset-password", tag = "auth", request_body = FollowLink, responses(
    (status = 200, body = Told),
    (status = 400, description = "`invalid_request`, `missing_fields`, `passwords_dont_match`, `password_...`, `invalid_token`, `token_expired`", body = ProblemView),
))]
pub(crate) async fn reset_password(knock: Knock, accounts: Data<Accounts>) -> ApiResult {
    let (wanted, origin): (FollowLink, _) = knock.open(Limit::REDEEM)?;
    let (token, password) = wanted.token().zip(wanted.password.as_ref()).ok_or(Refusal::MissingFields)?;
    let id = wanted.account()?;
    accounts.reset_password(&origin, token, id, password, wanted.confirm_password.as_ref()).await?;
    Ok(told(StatusCode::OK, "your password was changed; sign in with it"))
}

/// Ask for a link to sign in
///
/// Says the same whether or not there is such an account.
#[utoipa::path(post, path = "/api/v1/auth/magic-link", tag = "auth", request_body = OfAddress, responses(
    (status = 200, body = Told),
    (status = 400, description = "`invalid_request`, `missing_email`, `invalid_email`", body = ProblemView),
    (status = 429, description = "Too many from this address", body = ProblemView),
))]
pub(crate) async fn magic_link(knock: Knock, accounts: Data<Accounts>) -> ApiResult {
    let (wanted, origin): (OfAddress, _) = knock.open(Limit::ASK_LINK_BY_ADDRESS)?;
    accounts.ask_magic_link(&origin, &wanted.email).await?;
    Ok(told(StatusCode::OK, "if there is an account with this address, a mail with a link is on its way"))
}

/// Sign in by link
///
/// The link is good once, for half an hour. An account with a second factor needs its `code` too.
#[utoipa::path(post, path = "/api/v1/auth/magic-link/verify", tag = "auth", request_body = FollowLink, responses(
    (status = 200, body = Entered),
    (status = 400, description = "`invalid_request`, `missing_token`", body = ProblemView),
    (status = 401, description = "`invalid_token`, `token_expired`, `second_factor_required`, `invalid_code`", body = ProblemView),
))]
pub(crate) async fn magic_link_verify(knock: Knock, sign_in: Data<SignIn>) -> ApiResult {
    let (wanted, origin): (FollowLink, _) = knock.open(Limit::REDEEM)?;
    let token = wanted.token().ok_or(Refusal::MissingToken)?;
    let entered = sign_in.with_magic_link(origin, token, wanted.code.clone(), SessionKind::Api).await;
    let entered = entered.map_err(|refusal| Problem::from(refusal).unauthorised())?;
    answer(Entered::new(entered, "you are signed in", true).map(|entered| HttpResponse::Ok().json(entered)))
}

/// Whether there is an account.
#[derive(Serialize, ToSchema)]
pub(crate) struct Exists {
    success: bool,
    exists: bool,
}

/// An e-mail address to look for.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct CheckEmail {
    email: Option<String>,
}

/// Whether an address has an account
///
/// Back ends, and people who may see accounts, get to know at any time. Others get to know what registering would tell them:
/// nothing while registration is closed.
#[utoipa::path(get, path = "/api/v1/auth/check-email", tag = "auth", params(CheckEmail), responses(
    (status = 200, body = Exists),
    (status = 400, description = "`missing_email`, `invalid_email`", body = ProblemView),
    (status = 403, description = "`registration_closed`", body = ProblemView),
    (status = 429, description = "Too many from this address", body = ProblemView),
))]
pub(crate) async fn check_email(
    knock: Knock,
    accounts: Data<Accounts>,
    settings: Data<Settings>,
    query: Query<CheckEmail>,
) -> ApiResult {
    let text = query.email.as_deref().map(str::trim).filter(|email| !email.is_empty()).ok_or(Refusal::MissingEmail)?;
    let email = Email::parse(text).map_err(|_| Refusal::InvalidEmail)?;
    if !may_see_accounts(&knock) {
        if !settings.registration_enabled().await? {
            return Err(Refusal::RegistrationClosed.into());
        }
        knock.pace(Limit::ASK_LINK_BY_ADDRESS)?;
    }
    let exists = match accounts.find(email.as_str()).await {
        Err(Error::NotFound { .. }) => false,
        found => found.map(|_| true)?,
    };
    Ok(HttpResponse::Ok().json(Exists { success: true, exists }))
}

/// A person by id
///
/// For back ends, for people who may see accounts, and for the person.
#[utoipa::path(get, path = "/api/v1/auth/users/{id}", tag = "auth", params(("id" = String, Path)), responses(
    (status = 200, body = OfUser),
    (status = 404, description = "`user_not_found`, also for whom it is not yours to see", body = ProblemView),
))]
pub(crate) async fn user(knock: Knock, accounts: Data<Accounts>, id: Path<String>) -> ApiResult {
    let id = id.parse::<AccountId>().map_err(|_| Refusal::UserNotFound)?;
    let own = knock.caller().and_then(|caller| caller.account) == Some(id);
    if !own && !may_see_accounts(&knock) {
        return Err(Refusal::UserNotFound.into());
    }
    match accounts.person(id).await {
        Err(Error::NotFound { .. }) => Err(Refusal::UserNotFound.into()),
        found => Ok(of_user(found?.into())),
    }
}

fn may_see_accounts(knock: &Knock) -> bool {
    knock.caller().is_some_and(|caller| caller.actor.who == Who::BackendKey || caller.may(Permission::AccountRead))
}
