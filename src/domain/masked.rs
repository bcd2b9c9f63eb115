//! How secrets are shown: a mask, and where it matters a short mark that tells one secret from another.

use aviary_kernel::base::Fingerprint;
pub use aviary_kernel::config::MASK;

/// The mask with the first digits of the mark, as in the audit trail.
pub fn marked(mark: Fingerprint) -> String {
    let digits: String = mark.0[..4].iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{MASK} #{digits}")
}
