//! How secrets are shown: a mask, and where it matters a short mark that tells one secret from another.

use aviary_kernel::base::Fingerprint;
pub use aviary_kernel::config::MASK;

/// The mask with the first digits of the mark, as in the audit trail.
pub fn marked(mark: Fingerprint) -> String {
    let digits: String = mark.0[..4].iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{MASK} #{digits}")
}

/// What was typed into a field that shows the mask, without blanks around it: a secret that was pasted into such a field stands behind
/// the mask. Nothing but the mask stays the mask.
pub fn meant(typed: &str) -> &str {
    let typed = typed.trim();
    match typed.strip_prefix(MASK).map(str::trim_start) {
        None | Some("") => typed,
        Some(behind) => behind,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_pasted_behind_the_mask_is_that_secret() {
        assert_eq!(meant(&format!(" {MASK}ptla_abc ")), "ptla_abc");
        assert_eq!(meant(" ptla_abc"), "ptla_abc");
        assert_eq!((meant(MASK), meant(" ")), (MASK, ""));
        assert_eq!(meant("••••x"), "••••x", "half a mask is no mask");
    }
}
