use std::fs;

use aviary_domain::access::{Caller, Refusal};
use aviary_domain::sign_in::SignedIn;
use aviary_kernel::base::Secret;
use aviary_kernel::model::{AccountId, Action, SessionKind};
use futures_util::future::join;
use totp_rs::{Builder, Totp};

use crate::door::{ADA, Door, ELSEWHERE, HOME, PASSWORD, at, told, typed};

/// Somebody with a second factor.
struct Guarded {
    door: Door,
    ada: AccountId,
    caller: Caller,
    app: Totp,
    recovery: Vec<Secret<String>>,
    secret: String,
}

impl Guarded {
    async fn new() -> Self {
        let (door, ada) = Door::with_ada().await;
        let caller = door.caller(ADA).await;
        let offer = door.sign_in.offer(&caller, PASSWORD.into()).await.unwrap();
        let secret = offer.secret.reveal().replace(' ', "");
        let app = app(&secret);
        let code = code_of(&app, &door, 0);
        let recovery = door.sign_in.enable(&caller, code.as_str().into()).await.unwrap();
        // The code that turned it on is used up.
        door.clock.advance_s(30);
        Self { door, ada, caller, app, recovery, secret }
    }

    /// What the app shows so many steps from now.
    fn code(&self, steps: i64) -> String {
        code_of(&self.app, &self.door, steps)
    }

    async fn enter(&self, code: Option<&str>) -> Result<SignedIn, Refusal> {
        self.door.sign_in.sign_in(at(ELSEWHERE), typed(ADA, PASSWORD, code), SessionKind::Api).await
    }
}

fn app(secret: &str) -> Totp {
    Builder::new().with_secret(totp_rs::Secret::try_from_base32(secret).unwrap()).build().unwrap()
}

fn code_of(app: &Totp, door: &Door, steps: i64) -> String {
    app.generate(u64::try_from(door.env.now().seconds() + 30 * steps).unwrap()).to_string()
}

#[tokio::test]
async fn an_offer_can_be_typed_scanned_and_opened() {
    let (door, _) = Door::with_ada().await;
    let caller = door.caller(ADA).await;
    assert_eq!(told(&door.sign_in.offer(&caller, "Wrong1234".into()).await), "wrong_password");
    let offer = door.sign_in.offer(&caller, PASSWORD.into()).await.unwrap();
    assert_eq!(offer.secret.reveal().split(' ').count(), 8);
    assert!(offer.url.reveal().starts_with("otpauth://totp/Aviary:ada%40example.com?"), "{}", offer.url.reveal());
    assert!(offer.url.reveal().contains(&offer.secret.reveal().replace(' ', "")));
    assert!(offer.svg.reveal().starts_with("<svg"));
    assert_eq!(told(&door.sign_in.enable(&caller, "000000".into()).await), "invalid_code");
    assert_eq!(told(&door.try_from(HOME, ADA, PASSWORD).await), "fine", "an offer alone asks for nothing");
    assert_eq!((door.recorded(Action::ConfirmationFailed), door.recorded(Action::SecondFactorOn)), (1, 0));
}

#[tokio::test]
async fn once_it_is_on_the_password_alone_is_not_enough() {
    let guarded = Guarded::new().await;
    assert_eq!(told(&guarded.enter(None).await), "second_factor_required");
    assert_eq!(told(&guarded.enter(Some("  ")).await), "second_factor_required");
    assert_eq!(told(&guarded.enter(Some("000000")).await), "invalid_code");
    let wrong = typed(ADA, "Wrong1234", Some(&guarded.code(0)));
    let wrong = guarded.door.sign_in.sign_in(at(ELSEWHERE), wrong, SessionKind::Api).await;
    assert_eq!(told(&wrong), "invalid_credentials");
    let spaced = format!("{} {}", &guarded.code(0)[..3], &guarded.code(0)[3..]);
    assert_eq!(told(&guarded.enter(Some(&spaced)).await), "fine");
    let conflict = guarded.door.sign_in.offer(&guarded.caller, PASSWORD.into()).await.unwrap_err();
    assert!(conflict.to_string().contains("on already"), "{conflict}");
}

#[tokio::test]
async fn turning_it_on_ends_the_other_sessions() {
    let (door, ada) = Door::with_ada().await;
    let other = door.enter(ADA, SessionKind::Browser).await;
    let caller = door.caller(ADA).await;
    let offer = door.sign_in.offer(&caller, PASSWORD.into()).await.unwrap();
    let code = code_of(&app(&offer.secret.reveal().replace(' ', "")), &door, 0);
    let codes = door.sign_in.enable(&caller, code.as_str().into()).await.unwrap();
    assert_eq!(codes.len(), 10);
    assert!(door.sign_in.by_cookie(other.token.reveal(), at(HOME)).await.unwrap().is_none());
    let left = door.sign_in.sessions_of(ada).await.unwrap();
    assert_eq!(left.iter().map(|session| Some(session.id)).collect::<Vec<_>>(), [caller.session]);
    assert_eq!(door.account(ada).second_factor_offer, None);
}

#[tokio::test]
async fn a_code_is_good_one_step_early_or_late_and_once() {
    let guarded = Guarded::new().await;
    guarded.door.clock.advance_s(300);
    for steps in [-2, 2] {
        assert_eq!(told(&guarded.enter(Some(&guarded.code(steps))).await), "invalid_code", "{steps}");
    }
    let (early, now, late) = (guarded.code(-1), guarded.code(0), guarded.code(1));
    assert_eq!(told(&guarded.enter(Some(&now)).await), "fine");
    assert_eq!(told(&guarded.enter(Some(&now)).await), "invalid_code", "used");
    assert_eq!(told(&guarded.enter(Some(&early)).await), "invalid_code", "before one that was used");
    assert_eq!(told(&guarded.enter(Some(&late)).await), "fine");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_requests_with_one_code_one_is_refused() {
    let guarded = Guarded::new().await;
    let recovery = guarded.recovery[0].reveal();
    for code in [&guarded.code(0), recovery] {
        let (a, b) = join(guarded.enter(Some(code)), guarded.enter(Some(code))).await;
        let mut heard = [told(&a), told(&b)];
        heard.sort_unstable();
        assert_eq!(heard, ["fine", "invalid_code"]);
    }
}

#[tokio::test]
async fn a_recovery_code_is_good_once() {
    let guarded = Guarded::new().await;
    let code = guarded.recovery[3].reveal();
    let sloppy = code.to_uppercase().replace('-', " ");
    assert_eq!(told(&guarded.enter(Some(&sloppy)).await), "fine");
    assert_eq!(told(&guarded.enter(Some(code)).await), "invalid_code");
    assert_eq!(guarded.door.account(guarded.ada).second_factor.unwrap().recovery.len(), 9);
    assert_eq!(guarded.door.recorded(Action::RecoveryCodeUsed), 1);
}

#[tokio::test]
async fn wrong_codes_lock_as_wrong_passwords_do() {
    let guarded = Guarded::new().await;
    for _ in 0..5 {
        assert_eq!(told(&guarded.enter(Some("000000")).await), "invalid_code");
    }
    assert_eq!(told(&guarded.enter(Some(&guarded.code(0))).await), "locked");
    assert_eq!(guarded.door.recorded(Action::AccountLocked), 1);
}

#[tokio::test]
async fn a_right_password_without_a_code_does_not_forgive_wrong_codes() {
    let guarded = Guarded::new().await;
    for _ in 0..5 {
        assert_eq!(told(&guarded.enter(None).await), "second_factor_required");
        assert_eq!(told(&guarded.enter(Some("000000")).await), "invalid_code");
    }
    assert_eq!(told(&guarded.enter(None).await), "locked");
}

#[tokio::test]
async fn a_link_needs_the_code_too_and_stays_good_until_it_is_right() {
    let guarded = Guarded::new().await;
    let follow = async |code: Option<&str>| {
        let (tell, spent) = std::sync::mpsc::channel();
        let spend = move |_: &mut aviary_kernel::store::WriteTx<'_>| {
            tell.send(()).unwrap();
            Ok(())
        };
        let code = code.map(Secret::from);
        let entered = guarded.door.sign_in.with_link(at(HOME), guarded.ada, spend, code, SessionKind::Browser).await;
        (told(&entered), spent.try_recv().is_ok())
    };
    assert_eq!(follow(None).await, ("second_factor_required", false));
    assert_eq!(follow(Some("000000")).await, ("invalid_code", false));
    let code = guarded.code(0);
    assert_eq!(follow(Some(&code)).await, ("fine", true));
    assert_eq!(follow(Some(&code)).await, ("invalid_code", false));
}

#[tokio::test]
async fn turning_it_off_takes_password_and_code_and_no_role_that_asks_for_it() {
    let guarded = Guarded::new().await;
    let (door, caller) = (&guarded.door, &guarded.caller);
    let off = async |password: &str, code: &str| door.sign_in.disable(caller, password.into(), code.into()).await;
    assert_eq!(told(&off("Wrong1234", &guarded.code(0)).await), "wrong_password");
    assert_eq!(told(&off(PASSWORD, "000000").await), "invalid_code");
    door.role_that_needs_a_second_factor("TECH_TEAM").await;
    door.alter(guarded.ada, |account| account.roles = vec!["TECH_TEAM".into()]).await;
    let refused = off(PASSWORD, &guarded.code(0)).await.unwrap_err();
    assert!(refused.to_string().contains("a role of yours asks"), "{refused}");
    door.alter(guarded.ada, |account| account.roles.clear()).await;
    off(PASSWORD, &guarded.code(0)).await.unwrap();
    assert_eq!(told(&guarded.enter(None).await), "fine");
    assert_eq!((door.recorded(Action::SecondFactorOff), door.recorded(Action::ConfirmationFailed)), (1, 2));
}

#[tokio::test]
async fn new_recovery_codes_replace_the_old_ones() {
    let guarded = Guarded::new().await;
    let (door, caller) = (&guarded.door, &guarded.caller);
    let code = guarded.code(0);
    let renewed = door.sign_in.renew_codes(caller, PASSWORD.into(), code.as_str().into()).await.unwrap();
    assert_eq!(told(&guarded.enter(Some(&code)).await), "invalid_code", "used for the renewal");
    assert_eq!(told(&guarded.enter(Some(guarded.recovery[0].reveal())).await), "invalid_code");
    assert_eq!(told(&guarded.enter(Some(renewed[0].reveal())).await), "fine");
    assert_eq!(door.recorded(Action::RecoveryCodesRenewed), 1);
}

#[tokio::test]
async fn another_app_takes_over_only_once_it_is_proved() {
    let guarded = Guarded::new().await;
    let (door, caller) = (&guarded.door, &guarded.caller);
    let another = async |code: &str| door.sign_in.offer_another(caller, PASSWORD.into(), code.into()).await;
    assert_eq!(told(&another("000000").await), "invalid_code");
    let offer = another(&guarded.code(0)).await.unwrap();
    door.clock.advance_s(30);
    assert_eq!(told(&guarded.enter(Some(&guarded.code(0))).await), "fine", "the old one still counts");
    let new = app(&offer.secret.reveal().replace(' ', ""));
    door.sign_in.enable(caller, code_of(&new, door, 0).as_str().into()).await.unwrap();
    door.clock.advance_s(30);
    assert_eq!(told(&guarded.enter(Some(&guarded.code(0))).await), "invalid_code");
    assert_eq!(told(&guarded.enter(Some(guarded.recovery[0].reveal())).await), "invalid_code");
    assert_eq!(told(&guarded.enter(Some(&code_of(&new, door, 0))).await), "fine");
    let again = door.sign_in.enable(caller, code_of(&new, door, 1).as_str().into()).await.unwrap_err();
    assert!(again.to_string().contains("begin anew"), "{again}");
}

#[tokio::test]
async fn a_stolen_session_cannot_guess_the_password() {
    let (door, _) = Door::with_ada().await;
    let caller = door.caller(ADA).await;
    for _ in 0..5 {
        assert_eq!(told(&door.sign_in.offer(&caller, "Wrong1234".into()).await), "wrong_password");
    }
    assert_eq!(told(&door.sign_in.offer(&caller, PASSWORD.into()).await), "locked");
}

#[tokio::test]
async fn only_people_have_second_factors() {
    let (door, _) = Door::with_ada().await;
    let caller = door.caller(ADA).await;
    for other in [Caller::command_line(), Caller { session: None, ..caller }] {
        assert_eq!(told(&door.sign_in.offer(&other, PASSWORD.into()).await), "server_error");
        assert!(door.sign_in.end_others(&other).await.is_err());
    }
}

#[tokio::test]
async fn the_data_file_holds_no_token_secret_or_code() {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let guarded = Guarded::new().await;
    let api = guarded.enter(Some(&guarded.code(0))).await.unwrap();
    let link = guarded.door.sign_in.with_link(
        at(HOME),
        guarded.ada,
        |_| Ok(()),
        Some(Secret::from(guarded.recovery[9].reveal().as_str())),
        SessionKind::Browser,
    );
    let browser = link.await.unwrap();
    let rotated = guarded.door.sign_in.refresh(at(HOME), api.token.reveal()).await.unwrap();
    let mut planted: Vec<Vec<u8>> = vec![ADA.into()];
    for token in [&api.token, &browser.token, &rotated.token] {
        planted.push(token.reveal().clone().into_bytes());
        planted.push(URL_SAFE_NO_PAD.decode(token.reveal()).unwrap());
    }
    planted.push(api.access.unwrap().text.reveal().clone().into_bytes());
    planted.push(guarded.secret.clone().into_bytes());
    planted.push(guarded.app.secret().as_bytes().to_vec());
    for code in &guarded.recovery {
        planted.push(code.reveal().clone().into_bytes());
        planted.push(code.reveal().replace('-', "").into_bytes());
    }
    planted.push(PASSWORD.into());
    let dir = guarded.door.dir.path().to_owned();
    guarded.door.settle().await;
    let file = fs::read(dir.join("aviary.redb")).unwrap();
    let found: Vec<bool> = planted.iter().map(|secret| file.windows(secret.len()).any(|w| w == secret)).collect();
    assert!(found[0], "the search finds what is there");
    assert!(found[1..].iter().all(|found| !found), "{found:?}");
    guarded.door.assert_sound();
}
