//! Which addresses may be told anything.
//!
//! Whoever may register a webhook must not get to ask what only this machine can reach: its own services, the panel's network,
//! the cloud's metadata. So an address counts only when it is one of the public internet, in whatever clothes it comes, or
//! when the operator allows its network.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use aviary_kernel::base::Net;

/// Why an address is not spoken to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Forbidden {
    /// It is no address of the public internet, and its network is not allowed.
    Inside {
        /// The address.
        address: IpAddr,
        /// What it is, such as "a private address".
        what: &'static str,
    },
    /// It is one of the public internet, where everybody on the way could read along.
    Plain {
        /// The address.
        address: IpAddr,
    },
}

impl Forbidden {
    /// What a person should do, without a full stop.
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::Inside { .. } => {
                "give an address of the public internet; if this one is meant, add its network to `webhooks.allowed_networks`"
            }
            Self::Plain { .. } => "give the address with https://; http:// goes to `webhooks.allowed_networks` only",
        }
    }
}

impl fmt::Display for Forbidden {
    /// Fits after the name of the host: "leads to 10.0.0.7, a private address".
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Inside { address, what } => write!(f, "leads to {address}, {what}"),
            Self::Plain { address } => write!(f, "leads to {address} without encryption"),
        }
    }
}

impl std::error::Error for Forbidden {}

/// Whether `address` may be spoken to over HTTPS.
///
/// # Errors
/// [`Forbidden::Inside`] when it is neither one of the public internet nor in `allowed`.
pub fn judge(address: IpAddr, allowed: &[Net]) -> Result<(), Forbidden> {
    let inside = |what| if is_allowed(address, allowed) { Ok(()) } else { Err(Forbidden::Inside { address, what }) };
    let own = match address.to_canonical() {
        IpAddr::V4(v4) => of_ipv4(v4),
        IpAddr::V6(v6) => of_ipv6(v6),
    };
    own.map_or(Ok(()), inside)
}

/// Whether `address` may be spoken to over HTTP: only when it is in `allowed`.
///
/// # Errors
/// [`Forbidden`], as with [`judge`], and for what is outside.
pub(crate) fn judge_plain(address: IpAddr, allowed: &[Net]) -> Result<(), Forbidden> {
    judge(address, allowed)?;
    if is_allowed(address, allowed) { Ok(()) } else { Err(Forbidden::Plain { address }) }
}

fn is_allowed(address: IpAddr, allowed: &[Net]) -> bool {
    allowed.iter().any(|net| net.contains(address))
}

/// What a special address is; none when it is an ordinary one. After the registry of special-purpose addresses at IANA.
fn of_ipv4(address: Ipv4Addr) -> Option<&'static str> {
    Some(match address.octets() {
        [0, ..] => "an address of this network",
        [127, ..] => "an address of this machine",
        [10, ..] | [172, 16..=31, ..] | [192, 168, ..] => "a private address",
        [169, 254, ..] => "a link-local address",
        [100, 64..=127, ..] => "an address shared behind a provider's translation",
        [192, 0, 0, _] | [192, 88, 99, _] => "an address reserved for protocols",
        [198, 18..=19, ..] => "an address for benchmarks",
        [192, 0, 2, _] | [198, 51, 100, _] | [203, 0, 113, _] => "an address for documentation",
        [224..=239, ..] => "a multicast address",
        [255, 255, 255, 255] => "the broadcast address",
        [240..=255, ..] => "a reserved address",
        _ => return None,
    })
}

/// The same; what carries an IPv4 address counts as that one.
fn of_ipv6(address: Ipv6Addr) -> Option<&'static str> {
    let segments = address.segments();
    match segments {
        [0, 0, 0, 0, 0, 0, 0, 0] => Some("the unspecified address"),
        [0, 0, 0, 0, 0, 0, 0, 1] => Some("an address of this machine"),
        // IPv4-compatible, and NAT64, in which the last 32 bits are the address.
        [0, 0, 0, 0, 0, 0, ..] => of_ipv4(v4(segments[6], segments[7])).or(Some("a reserved address")),
        [0x64, 0xff9b, 0, 0, 0, 0, ..] => of_ipv4(v4(segments[6], segments[7])),
        // 6to4: the address of the router.
        [0x2002, high, low, ..] => of_ipv4(v4(high, low)),
        // Teredo: the server, and the client with all bits turned.
        [0x2001, 0, high, low, ..] => of_ipv4(v4(high, low)).or_else(|| of_ipv4(v4(!segments[6], !segments[7]))),
        [0x2001, 0xdb8, ..] | [0x3fff, 0..=0xfff, ..] => Some("an address for documentation"),
        [0x2001, 0..=0x1ff, ..] => Some("an address reserved for protocols"),
        [0xfc00..=0xfdff, ..] => Some("a private address"),
        [0xfe80..=0xfebf, ..] => Some("a link-local address"),
        [0xff00..=0xffff, ..] => Some("a multicast address"),
        // All that is handed out for the public internet.
        [0x2000..=0x3fff, ..] => None,
        _ => Some("a reserved address"),
    }
}

fn v4(high: u16, low: u16) -> Ipv4Addr {
    Ipv4Addr::from(u32::from(high) << 16 | u32::from(low))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_inside(address: &str) -> bool {
        judge(address.parse().unwrap(), &[]).is_err()
    }

    #[test]
    fn addresses_of_the_public_internet_are_fine() {
        for address in [
            "1.1.1.1",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "126.255.255.255",
            "128.0.0.0",
            "162.159.128.233",
            "169.253.255.255",
            "172.15.255.255",
            "172.32.0.0",
            "192.0.1.0",
            "192.167.255.255",
            "198.17.255.255",
            "198.20.0.0",
            "223.255.255.255",
            "2606:4700::6810:85e5",
            "2001:200::1",
            "2a00:1450::1",
            "::ffff:8.8.8.8",
            "64:ff9b::8.8.8.8",
            "2002:808:808::1",
            "2001:0:808:808::f7f7:f7f7",
        ] {
            assert!(!is_inside(address), "{address}");
        }
    }

    #[test]
    fn addresses_of_all_other_kinds_are_inside() {
        for address in [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "10.255.255.255",
            "100.64.0.0",
            "100.127.255.255",
            "127.0.0.1",
            "127.255.255.254",
            "169.254.169.254",
            "172.16.0.0",
            "172.31.255.255",
            "192.0.0.0",
            "192.0.0.255",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.0.0",
            "192.168.255.255",
            "198.18.0.0",
            "198.19.255.255",
            "198.51.100.7",
            "203.0.113.9",
            "224.0.0.1",
            "239.255.255.255",
            "240.0.0.0",
            "255.255.255.254",
            "255.255.255.255",
            "::",
            "::1",
            "::2",
            "100::1",
            "fc00::",
            "fdff:ffff::1",
            "fe80::1",
            "febf::1",
            "fec0::1",
            "ff02::1",
            "2001:db8::1",
            "3fff:fff::1",
            "2001:2::1",
            "2001:10::1",
            "64:ff9b:1::8.8.8.8",
            "4000::1",
            "5f00::1",
            "8000::1",
        ] {
            assert!(is_inside(address), "{address}");
        }
    }

    #[test]
    fn an_inside_address_in_other_clothes_is_inside() {
        for address in [
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::ffff:169.254.169.254",
            "::127.0.0.1",
            "::8.8.8.8",
            "64:ff9b::127.0.0.1",
            "64:ff9b::a9fe:a9fe",
            "2002:7f00:1::1",
            "2002:c0a8:101::",
            "2002:a9fe:a9fe::1",
            // Teredo: the server, and a client at 127.0.0.1 (80ff:fffe turned).
            "2001:0:7f00:1::f7f7:f7f7",
            "2001:0:808:808::80ff:fffe",
        ] {
            assert!(is_inside(address), "{address}");
        }
    }

    #[test]
    fn what_the_operator_allows_is_allowed_and_nothing_beside_it() {
        let allowed: Vec<Net> = ["10.1.0.0/16", "::1", "fd00::/8"].map(|net| net.parse().unwrap()).to_vec();
        let may = |address: &str| judge(address.parse().unwrap(), &allowed).is_ok();
        assert!(may("10.1.2.3") && may("::ffff:10.1.2.3") && may("::1") && may("fd12::7") && may("8.8.8.8"));
        assert!(!may("10.2.0.1") && !may("127.0.0.1") && !may("fc00::1") && !may("2002:a02:1::1"));
    }

    #[test]
    fn without_encryption_only_what_is_allowed_is_spoken_to() {
        let allowed: Vec<Net> = vec!["10.1.0.0/16".parse().unwrap()];
        let judged = |address: &str| judge_plain(address.parse().unwrap(), &allowed);
        assert_eq!(judged("10.1.2.3"), Ok(()));
        assert!(matches!(judged("8.8.8.8"), Err(Forbidden::Plain { .. })));
        assert!(matches!(judged("10.2.2.3"), Err(Forbidden::Inside { .. })));
        assert!(judged("10.2.2.3").unwrap_err().remedy().contains("webhooks.allowed_networks"));
    }
}
