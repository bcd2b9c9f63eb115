//! Passwords: Argon2id for new ones; bcrypt is read, and replaced at the next sign-in.

use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version};
use aviary_kernel::base::{Error, Result, Secret};
use tokio::sync::oneshot;

use crate::access::Refusal;

/// Shorter passwords are refused, in bytes as the older API counts.
const SHORTEST: usize = 8;
/// Longer ones only burden the machine, in bytes.
const LONGEST: usize = 1024;
/// bcrypt looks at no more of a password.
const BCRYPT_LONGEST: usize = 72;
/// A hash that asks for more rounds than this (2 to the power of) is not believed.
const BCRYPT_HIGHEST_COST: u32 = 14;
/// What a hash costs: 7 MiB and 5 rounds, which is as hard to guess as 19 MiB and 2 rounds and fits a small machine better.
const MEMORY_KIB: u32 = 7 * 1024;
const ROUNDS: u32 = 5;
/// The passwords that are tried first, as far as they follow the rules.
const COMMON: &[&str] = &[
    "Password1",
    "Password12",
    "Password123",
    "Password1234",
    "Passw0rd",
    "P@ssw0rd",
    "P@ssword1",
    "Qwerty123",
    "Qwerty12",
    "Welcome1",
    "Welcome123",
    "Letmein1",
    "Admin123",
    "Admin1234",
    "Administrator1",
    "Changeme1",
    "Changeme123",
    "Summer2024",
    "Summer2025",
    "Summer2026",
    "Winter2024",
    "Winter2025",
    "Winter2026",
    "Minecraft1",
    "Minecraft123",
    "Iloveyou1",
    "Abcd1234",
    "Abc12345",
    "Test1234",
    "Football1",
    "Monkey123",
    "Dragon123",
    "Master123",
    "Superman1",
    "Sunshine1",
    "Princess1",
];

/// How a password compares with what is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is the one.
    Right,
    /// It is the one, and its hash should be replaced by a better one.
    RightButOld,
    /// It is not, or there is none.
    Wrong,
}

type Work = Box<dyn FnOnce() + Send>;

/// Makes and compares hashes, one at a time and on a thread of its own: what a hash takes of memory an allocator keeps for
/// the thread that took it, so many threads would keep it many times.
#[derive(Clone)]
pub struct Hasher {
    argon: Argon2<'static>,
    work: mpsc::Sender<Work>,
    /// A hash of nothing in particular, to compare with where there is no account.
    nobody: Arc<str>,
    /// A wrong password takes no less than this, whatever it was compared with.
    floor: Duration,
}

impl Hasher {
    /// As it should be.
    ///
    /// # Errors
    /// When the system gives no random numbers or no thread.
    pub fn new() -> Result<Self> {
        let params = Params::new(MEMORY_KIB, ROUNDS, 1, None).map_err(|e| Error::internal(e.to_string()))?;
        Self::with(params, Duration::from_millis(200))
    }

    /// As weak as can be, for tests that sign in hundreds of times.
    ///
    /// # Errors
    /// As [`Hasher::new`].
    pub fn weak() -> Result<Self> {
        let params = Params::new(Params::MIN_M_COST, 1, 1, None).map_err(|e| Error::internal(e.to_string()))?;
        Self::with(params, Duration::ZERO)
    }

    fn with(params: Params, floor: Duration) -> Result<Self> {
        let argon = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let nobody = hash_with(&argon, b"nobody")?.into();
        let (work, waiting) = mpsc::channel::<Work>();
        let thread = std::thread::Builder::new().name("passwords".into());
        thread.spawn(move || waiting.into_iter().for_each(|work| work())).map_err(Error::internal)?;
        Ok(Self { argon, work, nobody, floor })
    }

    /// The hash of a password, to be stored.
    ///
    /// # Errors
    /// When the system gives no random numbers.
    pub async fn hash(&self, password: Secret<String>) -> Result<String> {
        let argon = self.argon.clone();
        self.apart(move || hash_with(&argon, password.reveal().as_bytes())).await?
    }

    /// Compares a password with a stored hash. Takes as long where there is none.
    ///
    /// # Errors
    /// When the work cannot be done.
    pub async fn verify(&self, password: Secret<String>, stored: Option<&str>) -> Result<Verdict> {
        let began = Instant::now();
        let (argon, nobody, stored) = (self.argon.clone(), self.nobody.clone(), stored.map(str::to_owned));
        let verdict = self
            .apart(move || match stored {
                Some(stored) => compare(&argon, password.reveal(), &stored),
                None => {
                    let _ = compare(&argon, password.reveal(), &nobody);
                    Verdict::Wrong
                }
            })
            .await?;
        if verdict == Verdict::Wrong {
            tokio::time::sleep(self.floor.saturating_sub(began.elapsed())).await;
        }
        Ok(verdict)
    }

    async fn apart<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
        let (tell, told) = oneshot::channel();
        let work = Box::new(move || drop(tell.send(work())));
        self.work.send(work).map_err(|_| Error::internal("the thread that compares passwords is gone"))?;
        told.await.map_err(Error::internal)
    }
}

fn hash_with(argon: &Argon2<'_>, password: &[u8]) -> Result<String> {
    argon.hash_password(password).map(|hash| hash.to_string()).map_err(|e| Error::internal(e.to_string()))
}

fn compare(argon: &Argon2<'_>, password: &str, stored: &str) -> Verdict {
    if password.len() > LONGEST {
        return Verdict::Wrong;
    }
    if stored.starts_with("$2") {
        let right = bcrypt_cost(stored).is_some_and(|cost| cost <= BCRYPT_HIGHEST_COST)
            && password.len() <= BCRYPT_LONGEST
            && bcrypt::verify(password, stored).unwrap_or(false);
        return if right { Verdict::RightButOld } else { Verdict::Wrong };
    }
    let Ok(hash) = PasswordHash::new(stored) else { return Verdict::Wrong };
    if argon.verify_password(password.as_bytes(), &hash).is_err() {
        return Verdict::Wrong;
    }
    let same = Params::try_from(&hash).is_ok_and(|params| params.m_cost() == argon.params().m_cost());
    if same { Verdict::Right } else { Verdict::RightButOld }
}

fn bcrypt_cost(stored: &str) -> Option<u32> {
    stored.split('$').nth(2)?.parse().ok()
}

/// Whether a password follows the rules, in the order of the older API.
///
/// # Errors
/// The first rule it breaks.
pub fn check_rules(password: &str) -> Result<(), Refusal> {
    let has = |kind: fn(char) -> bool| password.chars().any(kind);
    if password.len() < SHORTEST {
        return Err(Refusal::PasswordTooShort);
    }
    if password.len() > LONGEST {
        return Err(Refusal::PasswordTooLong);
    }
    if !has(char::is_uppercase) {
        return Err(Refusal::PasswordNeedsUppercase);
    }
    if !has(char::is_lowercase) {
        return Err(Refusal::PasswordNeedsLowercase);
    }
    if !has(|c| c.is_ascii_digit()) {
        return Err(Refusal::PasswordNeedsDigit);
    }
    if COMMON.iter().any(|common| common.eq_ignore_ascii_case(password)) {
        return Err(Refusal::PasswordTooCommon);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_checked_in_the_order_of_the_older_api() {
        let code = |password: &str| check_rules(password).map_or_else(|refusal| refusal.code(), |()| "fine");
        assert_eq!(code("a"), "password_too_short");
        assert_eq!(code("abcdefgh"), "password_needs_uppercase");
        assert_eq!(code("ABCDEFGH"), "password_needs_lowercase");
        assert_eq!(code("Abcdefgh"), "password_needs_digit");
        assert_eq!(code("Abcdefg1"), "fine");
        assert_eq!(code("Password1"), "password_too_common");
        assert_eq!(code(&"Aa1".repeat(400)), "password_too_long");
    }

    #[tokio::test]
    async fn a_password_is_known_again_and_no_other() {
        let hasher = Hasher::weak().unwrap();
        let stored = hasher.hash("Right1234".into()).await.unwrap();
        assert!(stored.starts_with("$argon2id$"));
        let verdict = async |given: &str, stored: Option<&str>| hasher.verify(given.into(), stored).await.unwrap();
        assert_eq!(verdict("Right1234", Some(&stored)).await, Verdict::Right);
        assert_eq!(verdict("Wrong1234", Some(&stored)).await, Verdict::Wrong);
        assert_eq!(verdict("Right1234", None).await, Verdict::Wrong);
        for rubbish in ["", "$argon2id$", "$2b$31$aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "plain"] {
            assert_eq!(verdict("Right1234", Some(rubbish)).await, Verdict::Wrong, "{rubbish}");
        }
    }

    #[tokio::test]
    async fn a_bcrypt_hash_of_the_older_system_is_known_and_to_be_replaced() {
        let hasher = Hasher::weak().unwrap();
        for stored in
            [bcrypt::hash("Right1234", 4).unwrap(), bcrypt::hash("Right1234", 4).unwrap().replacen("$2b", "$2a", 1)]
        {
            assert_eq!(hasher.verify("Right1234".into(), Some(&stored)).await.unwrap(), Verdict::RightButOld);
            assert_eq!(hasher.verify("Wrong1234".into(), Some(&stored)).await.unwrap(), Verdict::Wrong);
        }
    }

    #[tokio::test]
    async fn a_hash_with_other_costs_is_to_be_replaced() {
        let strong = Hasher::with(Params::new(64, 1, 1, None).unwrap(), Duration::ZERO).unwrap();
        let stored = Hasher::weak().unwrap().hash("Right1234".into()).await.unwrap();
        assert_eq!(strong.verify("Right1234".into(), Some(&stored)).await.unwrap(), Verdict::RightButOld);
    }
}
