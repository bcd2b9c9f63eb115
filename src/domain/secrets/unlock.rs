use std::sync::Arc;

use aviary_kernel::base::{Error, Result, Sealed, Sealer, Secret, random_secret};
use aviary_kernel::store::{Store, WriteTx};
use tracing::{info, warn};

use super::Keys;
use super::keys::Standing;
use super::state::{self, CHECK_TEXT, KEY_CHECK, MARKS, SIGNING};

/// Opens what is sealed in a data file, and takes note of the key in a new one. When a renewal of the key was broken off, the
/// sealer knows both keys; [`super::Secrets::resume`] brings it to its end.
///
/// # Errors
/// [`Error::Unusable`] when the keys are not the right ones.
pub async fn unlock(store: &Store, keys: &Arc<Keys>) -> Result<Arc<Sealer>> {
    let at_hand = keys.clone();
    let standing = store.read(move |tx| at_hand.judge(tx)).await?;
    keys.tidy(&standing)?;
    let sealer = Sealer::new(&keys.master);
    match &standing {
        Standing::New | Standing::Current => {}
        Standing::Renewed(new) => {
            info!("the renewal of the master key had only the key file left to change; that is done");
            sealer.renew(new);
            sealer.forget_old();
        }
        Standing::Between(new) => sealer.renew(new),
    }
    let sealer = Arc::new(sealer);
    inner_keys(store, &sealer, matches!(standing, Standing::New)).await?;
    Ok(sealer)
}

/// The keys that the data file keeps, sealed under the master key. A file of an older release has none: its marks go on as
/// they were made before.
async fn inner_keys(store: &Store, sealer: &Arc<Sealer>, is_new: bool) -> Result<()> {
    let (marks, signing) = store.read(|tx| Ok((state::sealed(tx, MARKS)?, state::sealed(tx, SIGNING)?))).await?;
    let is_whole = marks.is_some() && signing.is_some() && !is_new;
    let open = |name, sealed: &Sealed| sealer.open(&place(name), sealed);
    let marks = match marks {
        Some(sealed) => open(MARKS, &sealed)?,
        None if is_new => random_secret()?,
        None => sealer.marks_key(),
    };
    let signing = match signing {
        Some(sealed) => open(SIGNING, &sealed)?,
        None => random_secret()?,
    };
    sealer.use_marks_key(&marks)?;
    sealer.use_signing_key(&signing)?;
    if is_whole {
        return Ok(());
    }
    let this = sealer.clone();
    let noted = store.write(move |tx| {
        if is_new {
            state::put(tx, KEY_CHECK, &this.seal(KEY_CHECK, CHECK_TEXT)?)?;
        }
        put_sealed(tx, &this, MARKS, &marks)?;
        put_sealed(tx, &this, SIGNING, &signing)
    });
    match noted.await {
        Err(Error::ReadOnly(why)) if !is_new => {
            warn!("the keys for marks and signatures are noted at the next start: {why}");
            Ok(())
        }
        other => other,
    }
}

fn place(name: &str) -> String {
    format!("settings/{name}")
}

/// Seals one of the inner keys and stores it.
pub(super) fn put_sealed(tx: &mut WriteTx<'_>, sealer: &Sealer, name: &str, clear: &Secret<String>) -> Result<()> {
    state::put(tx, name, &sealer.seal(&place(name), clear.reveal())?)
}
