//! Signed notes of what the trail looked like. Anybody who can write the file could count the hashes of a changed trail anew,
//! but not sign it: the key is sealed under the master key, which is not in the file.

use std::ops::ControlFlow;
use std::time::Duration;

use aviary_kernel::base::{Env, Error, Result, Sealed, Sealer, Timestamp};
use aviary_kernel::model::AuditCheckpoint;
use aviary_kernel::store::rows::Setting;
use aviary_kernel::store::tables::{AUDIT, AUDIT_CHECKPOINTS, SETTINGS};
use aviary_kernel::store::{Direction, Key, Read, SortText, Span, WriteTx};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::rand::SystemRandom;
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};

use super::Audit;

/// Events between two checkpoints.
pub(super) const EVERY: u64 = 1000;
/// Time between two checkpoints, when there are new events.
const AT_LEAST_EVERY: Duration = Duration::from_secs(3600);

/// The setting that holds the sealed key, and the place that it is sealed for.
const KEY_SETTING: &str = "audit_signing_key";
const KEY_PLACE: &str = "settings/audit_signing_key";

/// What is signed.
fn message(at: Timestamp, seq: u64, hash: &[u8; 32]) -> Vec<u8> {
    [b"aviary audit checkpoint 1".as_slice(), &seq.to_be_bytes(), hash, &at.millis().to_be_bytes()].concat()
}

/// Whether a checkpoint is signed with the key that it names.
pub(super) fn is_signed(checkpoint: &AuditCheckpoint) -> bool {
    let message = message(checkpoint.at, checkpoint.seq, &checkpoint.hash);
    UnparsedPublicKey::new(&ED25519, checkpoint.public_key).verify(&message, &checkpoint.signature).is_ok()
}

/// The key that checkpoints are signed with; none when none was made yet.
fn signing_key(reader: &impl Read, sealer: &Sealer) -> Result<Option<Ed25519KeyPair>> {
    let Some(Setting(text)) = reader.get(SETTINGS, &SortText::new(KEY_SETTING))? else { return Ok(None) };
    let sealed: Sealed = serde_json::from_str(&text).map_err(|e| Error::corrupt(SETTINGS.name(), e))?;
    let clear = sealer.open(KEY_PLACE, &sealed)?;
    let bytes = zeroize::Zeroizing::new(STANDARD.decode(clear.reveal()).map_err(Error::internal)?);
    Ed25519KeyPair::from_pkcs8(&bytes).map(Some).map_err(|_| Error::corrupt(SETTINGS.name(), "the audit key is no key"))
}

/// The public half of the key that checkpoints are signed with.
pub(super) fn public_key(reader: &impl Read, sealer: &Sealer) -> Result<Option<[u8; 32]>> {
    signing_key(reader, sealer)?.as_ref().map(public_half).transpose()
}

fn public_half(key: &Ed25519KeyPair) -> Result<[u8; 32]> {
    key.public_key().as_ref().try_into().map_err(|_| Error::internal("a public key does not have 32 bytes"))
}

fn make_key(tx: &mut WriteTx<'_>, sealer: &Sealer) -> Result<Ed25519KeyPair> {
    let broken = |_| Error::internal("a key for the audit trail could not be made");
    let bytes = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).map_err(broken)?;
    let clear = zeroize::Zeroizing::new(STANDARD.encode(bytes.as_ref()));
    let text = serde_json::to_string(&sealer.seal(KEY_PLACE, &clear)?).map_err(Error::internal)?;
    tx.put(SETTINGS, &SortText::new(KEY_SETTING), &Setting(text))?;
    Ed25519KeyPair::from_pkcs8(bytes.as_ref()).map_err(|_| Error::internal("a key that was just made is no key"))
}

/// The newest checkpoint.
fn newest(reader: &impl Read) -> Result<Option<AuditCheckpoint>> {
    match reader.last_key(AUDIT_CHECKPOINTS, &Span::all())? {
        Some(seq) => reader.get(AUDIT_CHECKPOINTS, &seq),
        None => Ok(None),
    }
}

/// The number of the event that is to be signed next, when one is.
fn due(reader: &impl Read, now: Timestamp) -> Result<Option<u64>> {
    let Some(last) = reader.last_key(AUDIT, &Span::all())? else { return Ok(None) };
    let checkpoint = newest(reader)?;
    let signed = checkpoint.as_ref().map_or(0, |checkpoint| checkpoint.seq);
    if last >= signed + EVERY {
        return first_from(reader, signed + EVERY);
    }
    let late = checkpoint.is_none_or(|checkpoint| now.since(checkpoint.at) >= AT_LEAST_EVERY);
    Ok((late && last > signed).then_some(last))
}

/// The first event from this number on.
fn first_from(reader: &impl Read, seq: u64) -> Result<Option<u64>> {
    let mut found = None;
    let span = Span::all().after(&(seq - 1).to_bytes(), Direction::Up);
    reader.walk(AUDIT, &span, Direction::Up, |seq, _| {
        found = Some(seq);
        Ok(ControlFlow::Break(()))
    })?;
    Ok(found)
}

/// Signs all that is due. How many checkpoints were made.
fn sign(tx: &mut WriteTx<'_>, env: &Env, sealer: &Sealer) -> Result<usize> {
    let (mut made, at) = (0, env.now());
    while let Some(seq) = due(tx, at)? {
        let key = match signing_key(tx, sealer)? {
            Some(key) => key,
            None => make_key(tx, sealer)?,
        };
        let event = tx.get(AUDIT, &seq)?.ok_or_else(|| Error::internal("an event that was just seen is not there"))?;
        let signature = key.sign(&message(at, seq, &event.hash)).as_ref().to_vec();
        let checkpoint = AuditCheckpoint { at, seq, hash: event.hash, public_key: public_half(&key)?, signature };
        tx.put(AUDIT_CHECKPOINTS, &seq, &checkpoint)?;
        made += 1;
    }
    Ok(made)
}

impl Audit {
    /// Signs a checkpoint for each thousand events, and one an hour when there are new ones. How many were made.
    pub(super) async fn sign_checkpoints(&self) -> Result<usize> {
        let now = self.inner.env.now();
        if self.inner.store.read(move |tx| due(tx, now)).await?.is_none() {
            return Ok(0);
        }
        let (env, sealer) = (self.inner.env.clone(), self.inner.sealer.clone());
        self.inner.store.write(move |tx| sign(tx, &env, &sealer)).await
    }
}
