//! The key that everything secret is sealed under: whether it is the right one.

mod state;

use aviary_kernel::base::{Error, Result, Sealer};
use aviary_kernel::store::Store;

use state::KEY_CHECK;

/// Makes sure that the master key is the one that the data file was made with. A new file takes note of it.
///
/// # Errors
/// [`Error::Unusable`] when it is another key.
pub async fn check_master_key(store: &Store, sealer: &Sealer) -> Result<()> {
    match store.read(state::key_check).await? {
        Some(sealed) => sealer.open(KEY_CHECK, &sealed).map(drop).map_err(|_| {
            Error::Unusable(
                "the master key is not the one that this data file was made with: put back the old key, or start with an empty data directory"
                    .into(),
            )
        }),
        None => {
            let sealed = sealer.seal(KEY_CHECK, "aviary")?;
            store.write(move |tx| state::put(tx, KEY_CHECK, &sealed)).await
        }
    }
}
