//! Against a panel with a self-signed certificate, as many are.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::Arc;

use aviary_kernel::base::Env;
use aviary_remote::{FaultKind, PanelClient, PanelError};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::script::{access, quick};

/// Serves 401 to everybody, over TLS, on a thread of its own.
fn secure_panel() -> String {
    secure_with(CERTIFICATE, KEY)
}

/// The same with another certificate.
pub(crate) fn secure_with(certificate: &str, key: &str) -> String {
    aviary_remote::init_tls();
    let certificate = CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap();
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
    let config = ServerConfig::builder().with_no_client_auth().with_single_cert(vec![certificate], key).unwrap();
    let (config, listener) = (Arc::new(config), TcpListener::bind("127.0.0.1:0").unwrap());
    let url = format!("https://localhost:{}", listener.local_addr().unwrap().port());
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let connection = ServerConnection::new(config.clone()).unwrap();
            std::thread::spawn(move || {
                let mut stream = StreamOwned::new(connection, stream);
                let mut request = [0; 4096];
                while stream.read(&mut request).is_ok_and(|read| read > 0) {
                    let body = r#"{"errors":[{"code":"AuthenticationException","status":"401","detail":"no"}]}"#;
                    let head = format!("HTTP/1.1 401 No\r\nContent-Length: {}\r\n\r\n", body.len());
                    if stream.write_all(format!("{head}{body}").as_bytes()).is_err() {
                        break;
                    }
                }
            });
        }
    });
    url
}

async fn first_contact(url: &str, ca: Option<&str>) -> PanelError {
    let file = tempfile::NamedTempFile::new().unwrap();
    let mut options = quick();
    if let Some(ca) = ca {
        std::fs::write(file.path(), ca).unwrap();
        options.ca_file = Some(file.path().to_owned());
    }
    let mut access = access(url);
    access.dialect = None;
    let client = PanelClient::new(access, &options, Env::system()).unwrap();
    client.dialect().await.unwrap_err()
}

#[tokio::test]
async fn a_self_signed_certificate_is_refused_until_it_is_named() {
    let url = secure_panel();
    // Any file will do on a machine without certificates of its own; this one says nothing about the panel's.
    let error = first_contact(&url, Some(OTHER)).await;
    assert_eq!(error.kind, FaultKind::Tls, "{error}");
    assert!(error.remedy.contains("ca_file"), "{error}");
    let error = first_contact(&url, Some(CERTIFICATE)).await;
    assert_eq!((error.kind, error.status), (FaultKind::UnknownDialect, Some(401)), "the panel was reached: {error}");
}

/// Made for these tests and used nowhere else.
const CERTIFICATE: &str = "\
-----BEGIN CERTIFICATE-----
MIIBnDCCAUGgAwIBAgIUO3Bjiqajd45+09OkXot3zuDha/IwCgYIKoZIzj0EAwIw
FzEVMBMGA1UEAwwMcmVlZi5leGFtcGxlMCAXDTI2MTEyMDA4NDIzOFoYDzIxMjYx
MDI3MDg0MjM4WjAXMRUwEwYDVQQDDAxyZWVmLmV4YW1wbGUwWTATBgcqhkjOPQIB
BggqhkjOPQMBBwNCAAQJfyciHwUBpc3Df8sEgP5MEWaVcLl8BgPTrqxjT8+3Qpwn
X0myeA3Vm+gNT7Wp5Z+aDMs0MKkMoC8VBDEkT9iMo2kwZzAdBgNVHQ4EFgQUppj/
5XjhKQ1/EbrSWjXXOHlUlGkwHwYDVR0jBBgwFoAUppj/5XjhKQ1/EbrSWjXXOHlU
lGkwDwYDVR0TAQH/BAUwAwEB/zAUBgNVHREEDTALgglsb2NhbGhvc3QwCgYIKoZI
zj0EAwIDSQAwRgIhAJX6t42OfLmAe+gjORJX7fRTu4hhgO8YS6ZzkzjiATxCAiEA
yPXwHuhB32Bk+CpsNbPWvj/mjp10w12beG7Jx3BDWr0=
-----END CERTIFICATE-----
";

/// The key of [`CERTIFICATE`].
const KEY: &str = "\
-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgvtac+fEO2SazrQva
zySvBbCCV2sg6iOhB5f9E9Bw2ayhRANCAAQJfyciHwUBpc3Df8sEgP5MEWaVcLl8
BgPTrqxjT8+3QpwnX0myeA3Vm+gNT7Wp5Z+aDMs0MKkMoC8VBDEkT9iM
-----END PRIVATE KEY-----
";

/// Another self-signed certificate.
pub(crate) const OTHER: &str = "\
-----BEGIN CERTIFICATE-----
MIIBnDCCAUKgAwIBAgIUeRJ3VgNK6bZjmzUY2D8Djg/xooAwCgYIKoZIzj0EAwIw
FzEVMBMGA1UEAwwMcmVlZi5leGFtcGxlMB4XDTI2MTEyMDA4MjgwOVoXDTM2MTEx
NzA4MjgwOVowFzEVMBMGA1UEAwwMcmVlZi5leGFtcGxlMFkwEwYHKoZIzj0CAQYI
KoZIzj0DAQcDQgAE15kGFWHJf/UbAKnKwkBmPyYZw75v5cwE67RX7iSCMlzFSf1e
AY53FGOYGugGYWE5b+AakFTzs1R7XYls6iaWO6NsMGowHQYDVR0OBBYEFKFDcLsI
HjKnp8ADVS4EDiH8WY8wMB8GA1UdIwQYMBaAFKFDcLsIHjKnp8ADVS4EDiH8WY8w
MA8GA1UdEwEB/wQFMAMBAf8wFwYDVR0RBBAwDoIMcmVlZi5leGFtcGxlMAoGCCqG
SM49BAMCA0gAMEUCIQD/9fBCGJtp3tpKmWiKNyFDU+moekIFOdBu0Nr/ITwJvgIg
HWRMVRVNakyANkx//41CO6W7t/8CApDJ9GuLvsYAitQ=
-----END CERTIFICATE-----
";
