//! Until when the certificates of others are good.

use std::time::Duration;

use aviary_kernel::base::Timestamp;
use aviary_remote::{CertificateOptions, Outside, Unread, Validity, certificate};
use tokio::net::TcpListener;

use crate::tls::secure_with;

fn port(url: &str) -> u16 {
    url.rsplit_once(':').unwrap().1.parse().unwrap()
}

fn anywhere() -> CertificateOptions {
    CertificateOptions { within: Duration::from_secs(20), outside: None }
}

#[tokio::test]
async fn the_end_of_a_self_signed_certificate_that_is_long_past_is_read_by_name_and_by_address() {
    let port = port(&secure_with(EXPIRED, KEY));
    let at = |text| Timestamp::parse(text).unwrap();
    let validity = Validity { from: at("2025-01-01T00:00:00Z"), until: at("2025-03-02T11:22:33Z") };
    for host in ["localhost", "127.0.0.1"] {
        assert_eq!(certificate(host, port, &anywhere()).await, Ok(validity), "{host}");
    }
}

#[tokio::test]
async fn what_may_not_be_reached_hears_nothing() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let strict = CertificateOptions { outside: Some(Outside::default()), ..anywhere() };
    for host in ["127.0.0.1", "localhost", "[::1]"] {
        assert_eq!(certificate(host, port, &strict).await, Err(Unread::Forbidden), "{host}");
    }
    let heard = tokio::time::timeout(Duration::from_millis(20), listener.accept()).await;
    assert!(heard.is_err(), "a connection came");
    let allowed = Outside { allowed: vec!["127.0.0.0/8".parse().unwrap()], ..Outside::default() };
    let allowing = CertificateOptions { outside: Some(allowed), ..anywhere() };
    let port = self::port(&secure_with(EXPIRED, KEY));
    assert!(certificate("127.0.0.1", port, &allowing).await.is_ok());
}

#[tokio::test]
async fn who_does_not_answer_does_not_speak_tls_or_never_gets_to_the_end_is_given_up() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let hasty = CertificateOptions { within: Duration::from_millis(100), outside: None };
    assert_eq!(certificate("127.0.0.1", port, &hasty).await, Err(Unread::Silent), "takes connections and says nothing");
    let talker = tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let _ = tokio::io::AsyncWriteExt::write_all(&mut stream, b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        }
    });
    assert_eq!(certificate("127.0.0.1", port, &anywhere()).await, Err(Unread::NoTls));
    talker.abort();
    assert!(talker.await.is_err());
    assert_eq!(certificate("127.0.0.1", port, &anywhere()).await, Err(Unread::Silent), "nobody listens");
    assert_eq!(certificate("", port, &anywhere()).await, Err(Unread::Silent), "no name");
}

/// Self-signed; it ended in 2025. Made for these tests and used nowhere else.
const EXPIRED: &str = "\
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

/// The key of [`EXPIRED`].
const KEY: &str = "\
-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgFht9Dj4B7Kaos0Xt
SoWCJcCx1S+k2assvZorh4jMXXihRANCAAQPqSUbaoyqFYt+H17un7FFS8IXOnmf
tD+YXt+KqbmiDDFwtH1ErtD8pyAVRWqCFE7PuhWUAW+zt1jLXHiptQKM
-----END PRIVATE KEY-----
";
