//! Where a request comes from, as far as that can be believed.

use std::net::IpAddr;

use actix_web::HttpMessage;
use actix_web::dev::ServiceRequest;
use actix_web::http::header::{self, HeaderMap};
use aviary_kernel::base::Net;
use aviary_kernel::model::Origin;

use crate::answer::RequestId;

/// Where a request comes from. What proxies say is believed of trusted ones only, since anybody can write these headers.
pub(crate) fn origin(request: &ServiceRequest, trusted: &[Net]) -> Origin {
    let peer = request.peer_addr().map(|peer| peer.ip().to_canonical());
    let user_agent = text(request.headers(), header::USER_AGENT.as_str())
        .map(|agent| agent.chars().filter(|c| !c.is_control()).take(Origin::LONGEST_USER_AGENT).collect::<String>());
    Origin {
        address: peer.map(|peer| address(peer, request.headers(), trusted)),
        user_agent: user_agent.filter(|agent| !agent.is_empty()),
        request_id: request.extensions().get::<RequestId>().map(|id| id.0.clone()),
    }
}

/// Whether a trusted proxy says that the browser speaks https to it.
pub(crate) fn is_https(request: &ServiceRequest, trusted: &[Net]) -> bool {
    let peer = request.peer_addr().map(|peer| peer.ip().to_canonical());
    peer.is_some_and(|peer| is_trusted(peer, trusted))
        && text(request.headers(), "x-forwarded-proto").is_some_and(|scheme| scheme.eq_ignore_ascii_case("https"))
}

/// The last address on the way that no trusted proxy wrote down for itself: each trusted proxy vouches for the one before it.
fn address(peer: IpAddr, headers: &HeaderMap, trusted: &[Net]) -> IpAddr {
    let mut found = peer;
    let all: Vec<&str> = headers
        .get_all("x-forwarded-for")
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .collect();
    for hop in all.into_iter().rev() {
        if !is_trusted(found, trusted) {
            break;
        }
        match parse_hop(hop) {
            Some(next) => found = next,
            // Whoever wrote this is the last that can be believed.
            None => break,
        }
    }
    found
}

/// An address, with or without a port; IPv6 with a port stands in brackets.
fn parse_hop(hop: &str) -> Option<IpAddr> {
    let address = hop.parse::<IpAddr>().ok().or_else(|| hop.parse::<std::net::SocketAddr>().ok().map(|a| a.ip()));
    address.map(|address| address.to_canonical())
}

fn is_trusted(address: IpAddr, trusted: &[Net]) -> bool {
    trusted.iter().any(|net| net.contains(address))
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim)
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn seen(peer: &str, forwarded: &[&str], trusted: &[&str]) -> String {
        let mut request = TestRequest::default().peer_addr(format!("{peer}:4711").parse().unwrap());
        for value in forwarded {
            request = request.append_header(("X-Forwarded-For", *value));
        }
        let trusted: Vec<Net> = trusted.iter().map(|net| net.parse().unwrap()).collect();
        origin(&request.to_srv_request(), &trusted).address.unwrap().to_string()
    }

    #[test]
    fn what_anybody_can_write_is_not_believed() {
        assert_eq!(seen("192.0.2.1", &["10.9.9.9"], &[]), "192.0.2.1");
        assert_eq!(seen("192.0.2.1", &["10.9.9.9"], &["10.0.0.0/8"]), "192.0.2.1");
    }

    #[test]
    fn each_trusted_proxy_vouches_for_the_one_before_it() {
        let trusted = ["10.0.0.0/8"];
        assert_eq!(seen("10.0.0.1", &["198.51.100.7"], &trusted), "198.51.100.7");
        assert_eq!(seen("10.0.0.1", &["203.0.113.9, 198.51.100.7, 10.0.0.2"], &trusted), "198.51.100.7");
        assert_eq!(seen("10.0.0.1", &["203.0.113.9", "198.51.100.7:999"], &trusted), "198.51.100.7");
        assert_eq!(seen("10.0.0.1", &["[2001:db8::1]:80"], &trusted), "2001:db8::1");
    }

    #[test]
    fn rubbish_on_the_way_ends_the_search() {
        assert_eq!(seen("10.0.0.1", &["198.51.100.7, unknown"], &["10.0.0.0/8"]), "10.0.0.1");
        assert_eq!(seen("10.0.0.1", &[], &["10.0.0.0/8"]), "10.0.0.1");
    }

    #[test]
    fn a_user_agent_is_cut_and_has_no_line_breaks() {
        let long = format!("a\t{}", "b".repeat(900));
        let request = TestRequest::default().insert_header((header::USER_AGENT, long)).to_srv_request();
        let agent = origin(&request, &[]).user_agent.unwrap_or_default();
        assert!(agent.len() <= Origin::LONGEST_USER_AGENT && !agent.contains('\t'), "{agent}");
    }
}
