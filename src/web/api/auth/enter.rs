//! In and out: log in, check, refresh, log out, who am I.

use actix_web::http::StatusCode;
use actix_web::http::header;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use aviary_domain::access::{Limit, Refusal};
use aviary_domain::accounts::Accounts;
use aviary_domain::settings::Settings;
use aviary_domain::sign_in::{Credentials, SignIn};
use aviary_kernel::base::Secret;
use aviary_kernel::model::SessionKind;
use serde::Deserialize;
use utoipa::ToSchema;

use super::{Entered, Knock, OfUser, Told, UserData, answer, of_user, told};
use crate::allow::{Allow, perm};
use crate::guard::sign_in_limit;
use crate::problem::{ApiResult, Problem, ProblemView};

/// Who somebody says they are.
#[derive(Deserialize, ToSchema)]
pub(crate) struct LogIn {
    #[serde(default)]
    email: String,
    #[schema(value_type = String, format = Password)]
    password: Option<Secret<String>>,
    /// The code of the second factor, or a recovery code; needed once the account has one.
    #[schema(value_type = Option<String>)]
    code: Option<Secret<String>>,
}

impl LogIn {
    fn credentials(self) -> Result<Credentials, Refusal> {
        let password = self.password.filter(|password| !password.reveal().is_empty());
        let password = password.filter(|_| !self.email.trim().is_empty()).ok_or(Refusal::MissingFields)?;
        Ok(Credentials { email: self.email, password, code: self.code })
    }
}

/// Log in
///
/// The answer is the same, and takes as long, whether or not there is such an account. With a second factor the first answer is
/// 401 with the code `second_factor_required`: send the same again with `code`.
#[utoipa::path(post, path = "/api/v1/auth/login", tag = "auth", request_body = LogIn, responses(
    (status = 200, body = Entered),
    (status = 400, description = "`invalid_request`, `missing_fields`, `invalid_email`", body = ProblemView),
    (status = 401, description = "`invalid_credentials`, `email_not_verified`, `second_factor_required`, `invalid_code`, `account_disabled`", body = ProblemView),
    (status = 429, description = "`locked` after wrong passwords, or too many tries from this address", body = ProblemView),
))]
pub(crate) async fn login(knock: Knock, sign_in: Data<SignIn>, settings: Data<Settings>) -> ApiResult {
    let (wanted, origin): (LogIn, _) = knock.open(sign_in_limit(&settings))?;
    let entered = sign_in.sign_in(origin, wanted.credentials()?, SessionKind::Api).await?;
    answer(Entered::new(entered, "you are signed in", true).map(|entered| HttpResponse::Ok().json(entered)))
}

/// Check credentials
///
/// As logging in, without a session.
#[utoipa::path(post, path = "/api/v1/auth/validate", tag = "auth", request_body = LogIn, responses(
    (status = 200, body = OfUser),
    (status = 400, description = "As logging in", body = ProblemView),
    (status = 401, description = "As logging in", body = ProblemView),
    (status = 429, description = "As logging in", body = ProblemView),
))]
pub(crate) async fn validate(knock: Knock, sign_in: Data<SignIn>, settings: Data<Settings>) -> ApiResult {
    let (wanted, origin): (LogIn, _) = knock.open(sign_in_limit(&settings))?;
    let (account, facts) = sign_in.check(origin, wanted.credentials()?).await?;
    Ok(of_user(UserData::new(account, facts)))
}

/// A refresh token.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Refresh {
    #[schema(value_type = Option<String>)]
    refresh_token: Option<Secret<String>>,
}

/// Exchange a refresh token
///
/// Each is good once. One that comes again was stolen or lost on the way, so the session ends.
#[utoipa::path(post, path = "/api/v1/auth/refresh", tag = "auth", request_body = Refresh, responses(
    (status = 200, description = "Without `user`", body = Entered),
    (status = 400, description = "`invalid_request`, `missing_refresh_token`", body = ProblemView),
    (status = 401, description = "`invalid_refresh_token`, `user_not_found`, `account_disabled`", body = ProblemView),
))]
pub(crate) async fn refresh(knock: Knock, sign_in: Data<SignIn>) -> ApiResult {
    let (wanted, origin): (Refresh, _) = knock.open(Limit::REFRESH)?;
    let token = wanted.refresh_token.filter(|token| !token.reveal().trim().is_empty());
    let token = token.ok_or(Refusal::MissingRefreshToken)?;
    let entered = sign_in.refresh(origin, token.reveal().trim()).await;
    let entered = entered.map_err(|refusal| Problem::from(refusal).unauthorised())?;
    answer(Entered::new(entered, "here are new tokens", false).map(|entered| HttpResponse::Ok().json(entered)))
}

/// Log out
///
/// Ends the session of the refresh token. With an access token, ends every session of that person.
#[utoipa::path(post, path = "/api/v1/auth/logout", tag = "auth", request_body = Option<Refresh>, responses(
    (status = 200, description = "Always", body = Told),
))]
pub(crate) async fn logout(knock: Knock, request: HttpRequest, sign_in: Data<SignIn>) -> ApiResult {
    let token = knock.body::<Refresh>().ok().and_then(|sent| sent.refresh_token);
    let bearer = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let bearer = bearer.and_then(|value| value.strip_prefix("Bearer ")).map(str::trim);
    let token = token.as_ref().map(|token| token.reveal().as_str());
    sign_in.sign_out_refresh(knock.origin(), token, bearer).await?;
    Ok(told(StatusCode::OK, "you are signed out"))
}

/// Who am I
#[utoipa::path(get, path = "/api/v1/auth/me", tag = "auth", responses(
    (status = 200, description = "Fresh from the data file", body = OfUser),
    (status = 401, description = "`missing_authorization`, `invalid_token`, `user_not_found`, `account_disabled`", body = ProblemView),
))]
pub(crate) async fn me(caller: Allow<perm::Me>, accounts: Data<Accounts>) -> ApiResult {
    let id = caller.caller.account.ok_or(Refusal::MissingAuthorization)?;
    Ok(of_user(accounts.person(id).await?.into()))
}
