use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// An address or a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Net {
    addr: IpAddr,
    bits: u8,
}

impl Net {
    /// Whether `addr` is in it. An IPv4 address in IPv6 clothes counts as IPv4.
    pub fn contains(&self, addr: IpAddr) -> bool {
        match (self.addr, addr.to_canonical()) {
            (IpAddr::V4(a), IpAddr::V4(b)) => self.bits == 0 || (u32::from(a) ^ u32::from(b)) >> (32 - self.bits) == 0,
            (IpAddr::V6(a), IpAddr::V6(b)) => {
                self.bits == 0 || (u128::from(a) ^ u128::from(b)) >> (128 - self.bits) == 0
            }
            _ => false,
        }
    }
}

impl FromStr for Net {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (addr, bits) = text.split_once('/').map_or((text, None), |(addr, bits)| (addr, Some(bits)));
        let addr: IpAddr = addr.parse().map_err(drop)?;
        let most = if addr.is_ipv4() { 32 } else { 128 };
        let bits = bits.map_or(Ok(most), |b| b.parse().map_err(drop))?;
        match addr.to_canonical() {
            _ if bits > most => Err(()),
            // IPv4 in IPv6 clothes, which callers are seen without.
            plain @ IpAddr::V4(_) if addr.is_ipv6() && bits >= 96 => Ok(Self { addr: plain, bits: bits - 96 }),
            _ => Ok(Self { addr, bits }),
        }
    }
}

impl fmt::Display for Net {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = if self.addr.is_ipv4() { 32 } else { 128 };
        if self.bits == whole { write!(f, "{}", self.addr) } else { write!(f, "{}/{}", self.addr, self.bits) }
    }
}

impl Serialize for Net {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Net {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(|()| serde::de::Error::custom("is neither an address nor a network"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_holds_its_addresses_only() {
        let net: Net = "10.1.0.0/16".parse().unwrap();
        assert!(net.contains("10.1.255.3".parse().unwrap()));
        assert!(net.contains("::ffff:10.1.0.9".parse().unwrap()));
        assert!(!net.contains("10.2.0.1".parse().unwrap()));
        let clothed: Net = "::ffff:10.1.0.0/112".parse().unwrap();
        assert!(clothed.contains("10.1.255.3".parse().unwrap()) && !clothed.contains("10.2.0.1".parse().unwrap()));
        let one: Net = "::1".parse().unwrap();
        assert!(one.contains("::1".parse().unwrap()) && !one.contains("::2".parse().unwrap()));
        assert!("0.0.0.0/0".parse::<Net>().unwrap().contains("192.0.2.1".parse().unwrap()));
        assert!(!"0.0.0.0/0".parse::<Net>().unwrap().contains("::1".parse().unwrap()));
    }

    #[test]
    fn what_is_no_network_is_refused() {
        for bad in ["10.0.0.0/33", "::/129", "10.0.0/8", "proxy", "10.0.0.1/", "1.2.3.4/-1"] {
            assert!(bad.parse::<Net>().is_err(), "{bad}");
        }
    }
}
