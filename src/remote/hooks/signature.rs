//! Signatures after [Standard Webhooks](https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md),
//! by which an endpoint can tell that a message is ours, unchanged and recent: HMAC-SHA256 over `id.timestamp.body`.

use aviary_kernel::base::{Error, Result, Secret, Timestamp, random_secret};
use base64::Engine as _;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD};
use base64::{alphabet, engine::DecodePaddingMode};
use ring::hmac;

/// The header with the id of the message, which is the same at every attempt.
pub const ID_HEADER: &str = "webhook-id";
/// The header with the time of the attempt, in seconds since 1970.
pub const TIMESTAMP_HEADER: &str = "webhook-timestamp";
/// The header with the signatures.
pub const SIGNATURE_HEADER: &str = "webhook-signature";

/// What the text of a secret begins with.
const PREFIX: &str = "whsec_";
/// What the specification allows, in bytes.
const LENGTHS: std::ops::RangeInclusive<usize> = 24..=64;
/// With or without the padding, which gets lost when people copy.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// A key that an endpoint and we share. Its text is `whsec_` and 24 to 64 bytes in base64.
#[derive(Clone, Debug)]
pub struct SigningSecret(Secret<Vec<u8>>);

impl SigningSecret {
    /// Reads the text of a secret.
    ///
    /// # Errors
    /// [`Error::Invalid`] when it does not begin with `whsec_`, is no base64, or too short or too long.
    pub fn parse(text: &str) -> Result<Self> {
        let bad = |why: String| Error::invalid("secret", why);
        let text = text.trim();
        let encoded = text.strip_prefix(PREFIX).ok_or_else(|| {
            bad(format!("does not begin with `{PREFIX}`; give a signing secret as Standard Webhooks writes them"))
        })?;
        let key = LENIENT
            .decode(encoded)
            .map(Secret::new)
            .map_err(|_| bad(format!("is no base64 after `{PREFIX}`; copy it again, whole and without blanks")))?;
        let length = key.reveal().len();
        if !LENGTHS.contains(&length) {
            let (least, most) = LENGTHS.into_inner();
            return Err(bad(format!("holds {length} bytes; it needs {least} to {most}")));
        }
        Ok(Self(key))
    }

    /// A new secret of 32 random bytes.
    ///
    /// # Errors
    /// [`Error::Internal`] when the system gives no random numbers.
    pub fn generate() -> Result<Self> {
        let encoded = random_secret()?;
        Self::parse(&format!("{PREFIX}{}", encoded.reveal()))
    }

    /// The text that the endpoint's owner needs.
    pub fn text(&self) -> Secret<String> {
        Secret::new(format!("{PREFIX}{}", STANDARD.encode(self.0.reveal())))
    }

    fn sign(&self, id: &str, timestamp: Timestamp, body: &[u8]) -> String {
        let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, self.0.reveal()));
        context.update(format!("{id}.{}.", timestamp.seconds()).as_bytes());
        context.update(body);
        format!("v1,{}", STANDARD.encode(context.sign()))
    }
}

/// The signatures of a message, one for each of `secrets`: while a secret is being replaced, the endpoint knows one of two. `id`
/// must be one of ours, without a full stop, and `timestamp` that of the attempt; both go along in their headers.
pub fn sign(secrets: &[SigningSecret], id: &str, timestamp: Timestamp, body: &[u8]) -> String {
    let signatures: Vec<_> = secrets.iter().map(|secret| secret.sign(id, timestamp, body)).collect();
    signatures.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const BODY: &[u8] = br#"{"test": 2432232314}"#;
    const SIGNATURE: &str = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";

    fn signed(secrets: &[SigningSecret]) -> String {
        sign(secrets, "msg_p5jXN8AQM9LWM0D4loKWxJek", Timestamp::from_seconds(1_614_265_330), BODY)
    }

    #[test]
    fn the_published_example_comes_out_as_published() {
        assert_eq!(signed(&[SigningSecret::parse(SECRET).unwrap()]), SIGNATURE);
    }

    #[test]
    fn two_secrets_make_two_signatures() {
        let secrets = [SigningSecret::generate().unwrap(), SigningSecret::parse(SECRET).unwrap()];
        let signed = signed(&secrets);
        let (first, second) = signed.split_once(' ').unwrap();
        assert!(first.starts_with("v1,") && first != SIGNATURE);
        assert_eq!(second, SIGNATURE);
    }

    #[test]
    fn a_new_secret_can_be_read_back_and_is_like_no_other() {
        let (one, other) = (SigningSecret::generate().unwrap(), SigningSecret::generate().unwrap());
        let text = one.text();
        assert_eq!(SigningSecret::parse(text.reveal()).unwrap().0, one.0);
        assert_eq!((one.0.reveal().len(), one.0 == other.0), (32, false));
        assert!(!format!("{one:?}").contains(&text.reveal()[6..]));
    }

    #[test]
    fn what_is_no_secret_is_refused_with_the_reason() {
        let why = |text: &str| SigningSecret::parse(text).unwrap_err().to_string();
        assert!(why("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").contains("does not begin with `whsec_`"));
        assert!(why("whsec_not base64!").contains("no base64"));
        assert!(why("whsec_").contains("0 bytes"));
        assert!(why(&format!("whsec_{}", STANDARD.encode([7; 23]))).contains("holds 23 bytes; it needs 24 to 64"));
        assert!(why(&format!("whsec_{}", STANDARD.encode([7; 65]))).contains("holds 65 bytes"));
        for length in LENGTHS {
            let text = format!("  whsec_{}\n", STANDARD.encode(vec![7; length]));
            assert!(SigningSecret::parse(&text).is_ok(), "{length}");
            assert!(SigningSecret::parse(text.trim().trim_end_matches('=')).is_ok(), "{length} without padding");
        }
    }
}
