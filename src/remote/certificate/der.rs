//! As much of DER (X.690) as it takes to find when a certificate (RFC 5280, section 4.1) begins and ends. What is not exactly as those say is
//! no certificate to us, since the bytes come from anybody.

use aviary_kernel::base::Timestamp;
use jiff::civil::DateTime;

use super::Validity;

const INTEGER: u8 = 0x02;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
const SEQUENCE: u8 = 0x30;
/// `[0]`, the version of a certificate.
const VERSION: u8 = 0xa0;

/// `tbsCertificate.validity`. None when these bytes are no certificate.
pub(super) fn validity(certificate: &[u8]) -> Option<Validity> {
    let mut signed = Der(Der(certificate).whole(SEQUENCE)?);
    let mut fields = Der(signed.take(SEQUENCE)?);
    if fields.0.first() == Some(&VERSION) {
        fields.take(VERSION)?;
    }
    fields.take(INTEGER)?; // serialNumber
    fields.take(SEQUENCE)?; // signature
    fields.take(SEQUENCE)?; // issuer
    let mut times = Der(fields.take(SEQUENCE)?);
    let validity = Validity { from: times.time()?, until: times.time()? };
    times.0.is_empty().then_some(validity)
}

/// Bytes that are read from the front.
struct Der<'a>(&'a [u8]);

impl<'a> Der<'a> {
    /// The contents of the next value, which must have this tag.
    fn take(&mut self, tag: u8) -> Option<&'a [u8]> {
        let (found, contents) = self.next()?;
        (found == tag).then_some(contents)
    }

    /// The same, when there is nothing behind it.
    fn whole(mut self, tag: u8) -> Option<&'a [u8]> {
        let contents = self.take(tag)?;
        self.0.is_empty().then_some(contents)
    }

    /// The next value, with its tag. Tags of several bytes stand nowhere in front of what is looked for.
    fn next(&mut self) -> Option<(u8, &'a [u8])> {
        let (&tag, rest) = self.0.split_first().filter(|(tag, _)| **tag & 0x1f != 0x1f)?;
        let (length, rest) = length(rest)?;
        let (contents, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some((tag, contents))
    }

    fn time(&mut self) -> Option<Timestamp> {
        match self.next()? {
            (UTC_TIME, text) => {
                let ([year], rest) = pairs::<1>(text)?;
                // RFC 5280, section 4.1.2.5.1.
                moment(year + if year < 50 { 2000 } else { 1900 }, rest)
            }
            (GENERALIZED_TIME, text) => {
                let ([century, year], rest) = pairs::<2>(text)?;
                moment(century * 100 + year, rest)
            }
            _ => None,
        }
    }
}

/// A length in its shortest form, at most four bytes of it, and what comes behind.
fn length(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let (&first, rest) = bytes.split_first()?;
    if first < 0x80 {
        return Some((first.into(), rest));
    }
    let (digits, rest) = rest.split_at_checked((first & 0x7f).into())?;
    if digits.is_empty() || digits.len() > 4 || digits[0] == 0 {
        return None;
    }
    let length = digits.iter().fold(0_u32, |length, digit| length << 8 | u32::from(*digit));
    (length >= 0x80).then_some((usize::try_from(length).ok()?, rest))
}

/// Month, day, hour, minute and second, and then `Z`.
fn moment(year: i16, text: &[u8]) -> Option<Timestamp> {
    let ([month, day, hour, minute, second], b"Z") = pairs::<5>(text)? else { return None };
    let [month, day, hour, minute, second] =
        [month, day, hour, minute, second].map(|number| i8::try_from(number).unwrap_or(-1));
    let moment = DateTime::new(year, month, day, hour, minute, second, 0).ok()?;
    // Not by way of a time zone: for what has no end the year 9999 stands to its last second.
    Some(Timestamp::from_seconds(moment.duration_since(DateTime::constant(1970, 1, 1, 0, 0, 0, 0)).as_secs()))
}

/// So many numbers of two digits each, and what comes behind.
fn pairs<const N: usize>(text: &[u8]) -> Option<([i16; N], &[u8])> {
    let (digits, rest) = text.split_at_checked(2 * N)?;
    if !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let number = |at: usize| i16::from(digits[2 * at] - b'0') * 10 + i16::from(digits[2 * at + 1] - b'0');
    Some((std::array::from_fn(number), rest))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rustls::pki_types::CertificateDer;
    use rustls::pki_types::pem::PemObject;

    use super::*;

    fn not_after(certificate: &[u8]) -> Option<Timestamp> {
        validity(certificate).map(|validity| validity.until)
    }

    fn real(pem: &str) -> Vec<u8> {
        CertificateDer::from_pem_slice(pem.as_bytes()).unwrap().as_ref().to_vec()
    }

    fn value(tag: u8, contents: &[u8]) -> Vec<u8> {
        let length = contents.len();
        let head = match length {
            0..0x80 => vec![tag, length.to_le_bytes()[0]],
            0x80..0x100 => vec![tag, 0x81, length.to_le_bytes()[0]],
            _ => vec![tag, 0x82, length.to_le_bytes()[1], length.to_le_bytes()[0]],
        };
        [head, contents.to_vec()].concat()
    }

    /// A certificate with nothing in it but what is read.
    fn made(version: bool, not_after: &[u8]) -> Vec<u8> {
        let validity = [value(UTC_TIME, b"260101000000Z"), not_after.to_vec()].concat();
        let fields = [
            if version { value(VERSION, &value(INTEGER, &[2])) } else { Vec::new() },
            value(INTEGER, &[7; 20]),
            value(SEQUENCE, &[]),
            value(SEQUENCE, &[0x31; 200]),
            value(SEQUENCE, &validity),
        ];
        value(SEQUENCE, &value(SEQUENCE, &fields.concat()))
    }

    fn ends(tag: u8, text: &str) -> Option<String> {
        not_after(&made(true, &value(tag, text.as_bytes()))).map(|end| end.to_string())
    }

    #[test]
    fn the_end_of_real_certificates_is_read() {
        let from = Timestamp::parse("2025-01-01T00:00:00Z").unwrap();
        for (pem, until) in [(UTC, "2025-03-02T11:22:33Z"), (GENERALIZED, "2051-03-02T11:22:33Z")] {
            let until = Timestamp::parse(until).unwrap();
            assert_eq!(validity(&real(pem)), Some(Validity { from, until }));
        }
        assert_eq!(
            not_after(&made(false, &value(UTC_TIME, b"270102030405Z"))),
            Timestamp::parse("2027-01-02T03:04:05Z")
        );
    }

    #[test]
    fn years_of_two_digits_are_those_of_the_standard_and_years_of_four_reach_the_end_of_time() {
        assert_eq!(ends(UTC_TIME, "491231235959Z").as_deref(), Some("2049-12-31T23:59:59Z"));
        assert_eq!(ends(UTC_TIME, "500101000000Z").as_deref(), Some("1950-01-01T00:00:00Z"));
        assert_eq!(ends(GENERALIZED_TIME, "20500101000000Z").as_deref(), Some("2050-01-01T00:00:00Z"));
        assert_eq!(ends(GENERALIZED_TIME, "20480229120000Z").as_deref(), Some("2048-02-29T12:00:00Z"));
        let no_end = not_after(&made(true, &value(GENERALIZED_TIME, b"99991231235959Z"))).unwrap();
        assert_eq!(no_end.seconds(), 253_402_300_799);
    }

    #[test]
    fn times_that_are_none_are_refused() {
        for bad in [
            "",
            "Z",
            "270102030405",
            "2701020304Z",
            "270102030405+0100",
            "270102030405z",
            "271302030405Z",
            "270229030405Z",
            "270100030405Z",
            "270102240405Z",
            "270102036005Z",
            "270102030460Z",
            "27010203040 Z",
            "-70102030405Z",
            "270102030405ZZ",
            "270102030405.5Z",
            "２701020304Z",
        ] {
            assert_eq!(ends(UTC_TIME, bad), None, "{bad}");
            assert_eq!(ends(GENERALIZED_TIME, &format!("20{bad}")), None, "{bad}");
        }
        assert_eq!(ends(UTC_TIME, "20270102030405Z"), None);
        assert_eq!(ends(GENERALIZED_TIME, "270102030405Z"), None);
        assert_eq!(ends(0x16, "270102030405Z"), None, "a text is no time");
    }

    #[test]
    fn lengths_that_lie_or_are_written_oddly_are_refused() {
        let good = made(true, &value(UTC_TIME, b"270102030405Z"));
        assert!(not_after(&good).is_some());
        assert_eq!(not_after(&[good.clone(), vec![0]].concat()), None, "something behind it");
        assert_eq!(length(&[0x7f, 1]), Some((0x7f, &[1_u8][..])));
        assert_eq!(length(&[0x81, 0x80]), Some((0x80, &[][..])));
        assert_eq!(length(&[0x84, 1, 0, 0, 0]), Some((1 << 24, &[][..])));
        for bad in [&[][..], &[0x80], &[0x81], &[0x81, 0x7f], &[0x82, 0, 0xff], &[0x85, 1, 0, 0, 0, 0], &[0xff; 200]] {
            assert_eq!(length(bad), None, "{bad:?}");
        }
        let huge = [SEQUENCE, 0x84, 0xff, 0xff, 0xff, 0xff, 0];
        assert_eq!(not_after(&huge), None);
    }

    #[test]
    fn a_certificate_that_is_cut_off_anywhere_is_refused() {
        let whole = real(UTC);
        for end in 0..whole.len() {
            assert_eq!(not_after(&whole[..end]), None, "{end}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_looked_at_without_harm(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = not_after(&bytes);
        }

        #[test]
        fn a_certificate_with_a_wrong_byte_is_looked_at_without_harm(at in 0_usize..300, byte: u8) {
            let mut bytes = real(GENERALIZED);
            if let Some(hit) = bytes.get_mut(at) {
                *hit = byte;
            }
            let _ = not_after(&bytes);
        }
    }

    /// By OpenSSL, with a time of two digits a year.
    const UTC: &str = "\
-----BEGIN CERTIFICATE-----
MIIBbTCCAROgAwIBAgIUeQ8yyNx1PhB3UsMB7yCMM4x7oWcwCgYIKoZIzj0EAwIw
FzEVMBMGA1UEAwwMcmVlZi5leGFtcGxlMB4XDTI1MDEwMTAwMDAwMFoXDTI1MDMw
MjExMjIzM1owFzEVMBMGA1UEAwwMcmVlZi5leGFtcGxlMFkwEwYHKoZIzj0CAQYI
KoZIzj0DAQcDQgAED6klG2qMqhWLfh9e7p+xRUvCFzp5n7Q/mF7fiqm5ogwxcLR9
RK7Q/KcgFUVqghROz7oVlAFvs7dYy1x4qbUCjKM9MDswGgYDVR0RBBMwEYIJbG9j
YWxob3N0hwR/AAABMB0GA1UdDgQWBBSBt+15P7oJYsC/WdvKE9QVc0FiCjAKBggq
hkjOPQQDAgNIADBFAiEAmxGt7tk4eWy9SmQOEe/EOHFwl3UlOpYHGXCAuJrJj2kC
IGjpUVyMAxz9aYnS/l8avqnXkPUS2HiyZJqayAa0Qcvb
-----END CERTIFICATE-----
";

    /// By OpenSSL, with a time of four digits a year.
    const GENERALIZED: &str = "\
-----BEGIN CERTIFICATE-----
MIIBcDCCARWgAwIBAgIUNH1RyiqkEyZQPSdIrBvHAOtn41kwCgYIKoZIzj0EAwIw
FzEVMBMGA1UEAwwMcmVlZi5leGFtcGxlMCAXDTI1MDEwMTAwMDAwMFoYDzIwNTEw
MzAyMTEyMjMzWjAXMRUwEwYDVQQDDAxyZWVmLmV4YW1wbGUwWTATBgcqhkjOPQIB
BggqhkjOPQMBBwNCAAQPqSUbaoyqFYt+H17un7FFS8IXOnmftD+YXt+KqbmiDDFw
tH1ErtD8pyAVRWqCFE7PuhWUAW+zt1jLXHiptQKMoz0wOzAaBgNVHREEEzARggls
b2NhbGhvc3SHBH8AAAEwHQYDVR0OBBYEFIG37Xk/ugliwL9Z28oT1BVzQWIKMAoG
CCqGSM49BAMCA0kAMEYCIQDlnfNDfUoeqqUrxaBKY1x/BKbP6X27JAJL3slHaeL4
8gIhAPHpBbBjBumTd+pNYlqUCGQ1C3sNgHfo2eD8AkQNS1GB
-----END CERTIFICATE-----
";
}
