//! Standard Webhooks signatures, read from the specification and not from the code that signs.
//! <https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md>

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use ring::hmac;

use crate::receiver::Received;
use crate::sink::Signature;

/// A secret.
#[derive(Debug)]
pub(crate) struct Secret(hmac::Key);

impl Secret {
    /// Reads `whsec_` and base64.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let bytes = text.strip_prefix("whsec_").and_then(|encoded| STANDARD.decode(encoded).ok());
        let bytes = bytes.filter(|bytes| !bytes.is_empty());
        let bytes = bytes.ok_or_else(|| "a secret is `whsec_` and the key in base64".to_owned())?;
        Ok(Self(hmac::Key::new(hmac::HMAC_SHA256, &bytes)))
    }
}

/// What a request's signature is worth.
pub(crate) fn check(request: &Received, secrets: &[Secret], tolerance: Duration) -> Signature {
    if secrets.is_empty() {
        return Signature::Unchecked;
    }
    let header = |name| request.header(name).filter(|value| !value.is_empty());
    let (Some(id), Some(time), Some(signatures)) =
        (header("webhook-id"), header("webhook-timestamp"), header("webhook-signature"))
    else {
        return Signature::Missing;
    };
    let Ok(signed_at) = time.parse::<i64>() else { return Signature::Missing };
    let signed = [id.as_bytes(), b".", time.as_bytes(), b".", &request.body].concat();
    let versioned = signatures.split(' ').filter_map(|signature| signature.strip_prefix("v1,"));
    let right = versioned
        .filter_map(|encoded| STANDARD.decode(encoded).ok())
        .any(|signature| secrets.iter().any(|secret| hmac::verify(&secret.0, &signed, &signature).is_ok()));
    match right {
        false => Signature::Wrong,
        true if is_near(signed_at, request.at, tolerance) => Signature::Right,
        true => Signature::Stale,
    }
}

fn is_near(signed_at: i64, now: Timestamp, tolerance: Duration) -> bool {
    now.as_second().abs_diff(signed_at) <= tolerance.as_secs()
}
