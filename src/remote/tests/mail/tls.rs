//! Secure connections to a mail server, and servers that promise one and have none.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aviary_kernel::base::Env;
use aviary_kernel::config::SmtpSecurity;
use aviary_remote::mail::{MailErrorKind, Smtp, SmtpOptions};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::mail;
use crate::server::{Does, Server, friendly, says};

/// A mail server with the certificate below, on threads of its own.
struct Secure {
    port: u16,
    told: Arc<Mutex<Vec<String>>>,
}

impl Secure {
    fn start(security: SmtpSecurity) -> Self {
        aviary_remote::init_tls();
        let certificate = CertificateDer::from_pem_slice(CERTIFICATE.as_bytes()).unwrap();
        let key = PrivateKeyDer::from_pem_slice(KEY.as_bytes()).unwrap();
        let config = ServerConfig::builder().with_no_client_auth().with_single_cert(vec![certificate], key).unwrap();
        let (config, listener) = (Arc::new(config), TcpListener::bind("127.0.0.1:0").unwrap());
        let (port, told) = (listener.local_addr().unwrap().port(), Arc::new(Mutex::new(Vec::new())));
        let log = told.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (config, log) = (config.clone(), log.clone());
                std::thread::spawn(move || serve(stream, security, config, &log));
            }
        });
        Self { port, told }
    }

    fn client(&self, security: SmtpSecurity, ca: Option<&tempfile::NamedTempFile>) -> Smtp {
        let options = SmtpOptions {
            host: "localhost".into(),
            port: self.port,
            security,
            user: Some("aviary".into()),
            password: Some("open sesame".into()),
            timeout: Duration::from_secs(20),
            ca_file: ca.map(|file| file.path().to_owned()),
        };
        Smtp::new(options, Env::system()).unwrap()
    }

    fn told(&self) -> Vec<String> {
        self.told.lock().unwrap().clone()
    }
}

fn serve(mut plain: TcpStream, security: SmtpSecurity, config: Arc<ServerConfig>, log: &Mutex<Vec<String>>) {
    let is_late = security == SmtpSecurity::StartTls;
    if is_late && !promise(&mut plain, log) {
        return;
    }
    let mut secure = BufReader::new(StreamOwned::new(ServerConnection::new(config).unwrap(), plain));
    let mut line = String::new();
    let mut is_mail = false;
    // After STARTTLS nobody is greeted a second time.
    let mut is_silent = is_late;
    loop {
        if !is_silent && (!is_mail || line == ".") {
            let Does::Says(text) = friendly(&line) else { return };
            is_mail = text.starts_with("354");
            if secure.get_mut().write_all(format!("{text}\r\n").as_bytes()).is_err() {
                return;
            }
        }
        is_silent = false;
        line.clear();
        if secure.read_line(&mut line).unwrap_or(0) == 0 {
            return;
        }
        line.truncate(line.trim_end().len());
        log.lock().unwrap().push(format!("secure {line}"));
    }
}

/// Offers STARTTLS; whether it was taken.
fn promise(plain: &mut TcpStream, log: &Mutex<Vec<String>>) -> bool {
    let mut lines = BufReader::new(plain.try_clone().unwrap()).lines();
    for answer in ["220 reef.example", "250-reef.example\r\n250 STARTTLS", "220 go ahead"] {
        if plain.write_all(format!("{answer}\r\n").as_bytes()).is_err() {
            return false;
        }
        if answer == "220 go ahead" {
            return true;
        }
        let Some(Ok(line)) = lines.next() else { return false };
        log.lock().unwrap().push(line);
    }
    false
}

fn trusted() -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), CERTIFICATE).unwrap();
    file
}

#[tokio::test]
async fn a_mail_goes_over_a_secure_connection_to_a_server_that_is_trusted() {
    let ca = trusted();
    for security in [SmtpSecurity::Tls, SmtpSecurity::StartTls] {
        let server = Secure::start(security);
        let client = server.client(security, Some(&ca));
        client.check().await.unwrap();
        assert_eq!(client.send(&mail()).await.unwrap().id, "2.0.0 Ok: queued as 4XYZ");
        let told = server.told();
        assert!(told.contains(&"secure RCPT TO:<diver@reef.example>".to_owned()), "{told:?}");
        assert!(told.iter().all(|line| line.starts_with("secure ") || !line.contains("AUTH")), "{told:?}");
    }
}

#[tokio::test]
async fn a_server_that_nobody_vouches_for_is_told_nothing() {
    for security in [SmtpSecurity::Tls, SmtpSecurity::StartTls] {
        let server = Secure::start(security);
        let error = server.client(security, None).send(&mail()).await.unwrap_err();
        assert!(error.kind == MailErrorKind::Misconfigured && error.what.contains("no secure connection"), "{error}");
        assert!(!server.told().iter().any(|line| line.starts_with("secure")), "{:?}", server.told());
    }
}

#[tokio::test]
async fn a_server_that_offers_no_security_gets_neither_password_nor_mail() {
    let server = Server::start(friendly).await;
    let options = SmtpOptions { security: SmtpSecurity::StartTls, host: "localhost".into(), ..server.options() };
    let error = Smtp::new(options, Env::system()).unwrap().send(&mail()).await.unwrap_err();
    assert!(error.kind == MailErrorKind::Misconfigured && error.what.contains("no STARTTLS"), "{error}");
    assert_eq!(server.commands(), ["EHLO", "QUIT"][..server.commands().len()]);
    let refusing = Server::start(|line| match line.split(' ').next().unwrap() {
        "EHLO" => says("250-reef.example\r\n250 STARTTLS"),
        "STARTTLS" => says("454 4.7.0 not now"),
        _ => friendly(line),
    })
    .await;
    let options = SmtpOptions { security: SmtpSecurity::StartTls, host: "localhost".into(), ..refusing.options() };
    let error = Smtp::new(options, Env::system()).unwrap().send(&mail()).await.unwrap_err();
    assert_eq!(error.kind, MailErrorKind::Later { after: None });
    assert!(!refusing.commands().contains(&"AUTH".to_owned()));
    let plain = SmtpOptions { security: SmtpSecurity::Tls, host: "localhost".into(), ..server.options() };
    let error = Smtp::new(plain, Env::system()).unwrap().check().await.unwrap_err();
    assert_eq!(error.kind, MailErrorKind::Misconfigured, "{error}");
}

/// Made for this test and used nowhere else.
const CERTIFICATE: &str = "\
-----BEGIN CERTIFICATE-----
MIIBoTCCAUigAwIBAgIUBoxrrmFCZilW4Dk+tf4wngW4wYQwCgYIKoZIzj0EAwIw
HDEaMBgGA1UEAwwRbWFpbC5yZWVmLmV4YW1wbGUwIBcNMjYxMTIwMTQ0MjU4WhgP
MjEyNjEwMjcxNDQyNThaMBwxGjAYBgNVBAMMEW1haWwucmVlZi5leGFtcGxlMFkw
EwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEvxJXeNgdB/eKuW2Eur6aJRF7AuGt811q
Xf4pOBH8aJ7iShyVpHo3Sj+a91fU6Oj3oafIssWvfOtKFlq1Du/d+6NmMGQwHQYD
VR0OBBYEFHFi//meKrK4/f1hq4JJGKMbJG/kMB8GA1UdIwQYMBaAFHFi//meKrK4
/f1hq4JJGKMbJG/kMBQGA1UdEQQNMAuCCWxvY2FsaG9zdDAMBgNVHRMBAf8EAjAA
MAoGCCqGSM49BAMCA0cAMEQCICz99Xnf94HnnMDdnXPgxHOvnU1yYgP7zrw0Cg+T
o5ZpAiAd38gllD9yOiYmx41u5R0nV9RySckfbYToBKGyGZEMaQ==
-----END CERTIFICATE-----
";

/// The key of [`CERTIFICATE`].
const KEY: &str = "\
-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgYbWXz6oDLXNPWBK/
UnpZLcj/U2zdizsEUzY5cAUyqJKhRANCAAS/Eld42B0H94q5bYS6vpolEXsC4a3z
XWpd/ik4EfxonuJKHJWkejdKP5r3V9To6Pehp8iyxa9860oWWrUO7937
-----END PRIVATE KEY-----
";
