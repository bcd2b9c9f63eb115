//! Against the simulated Resend and the simulated mail server, which follow the documents of their services.

use std::time::Duration;

use aviary_kernel::base::{Env, Secret};
use aviary_kernel::config::SmtpSecurity;
use aviary_remote::HttpOptions;
use aviary_remote::mail::{DeliveryStatus, MailErrorKind, Outgoing, Resend, Smtp, SmtpOptions};
use aviary_sim::{Fault, Match, Pem, ResendDomain, ResendSpec, SmtpSpec, SmtpTls, SmtpTrouble};

use crate::mail;

const LATER: MailErrorKind = MailErrorKind::Later { after: None };

async fn resend() -> aviary_sim::Resend {
    aviary_sim::Resend::start(ResendSpec { limit: 0, ..ResendSpec::default() }).await.unwrap()
}

fn with_key(sim: &aviary_sim::Resend, key: &str) -> Resend {
    Resend::new(&sim.url(), &key.into(), &HttpOptions::default()).unwrap()
}

/// To an address that the service takes in tests.
fn letter(to: &str) -> Outgoing {
    Outgoing { to: to.into(), idempotency_key: format!("mail/{to}"), ..mail() }
}

#[tokio::test]
async fn resend_takes_a_mail_once_and_tells_what_became_of_it() {
    let sim = resend().await;
    let client = with_key(&sim, sim.api_key());
    let outgoing = Outgoing { reply_to: Some("help@reef.example".into()), ..letter("delivered@resend.dev") };
    let first = client.send(&outgoing).await.unwrap();
    assert_eq!(client.send(&outgoing).await.unwrap(), first, "the same mail");
    let mails = sim.mails().all();
    let [taken] = &mails[..] else { panic!("{} mails", mails.len()) };
    assert_eq!(
        (&taken.subject, &taken.text, &taken.html),
        (&outgoing.subject, &Some(outgoing.text.clone()), &outgoing.html)
    );
    assert_eq!((&taken.from, &taken.reply_to[..]), (&outgoing.from, &["help@reef.example".to_owned()][..]));
    assert_eq!(client.status(&first.id).await, Ok(DeliveryStatus::Delivered));
    for (to, expected) in [
        ("bounced@resend.dev", DeliveryStatus::Bounced),
        ("complained@resend.dev", DeliveryStatus::Complained),
        ("suppressed@resend.dev", DeliveryStatus::Bounced),
    ] {
        let id = client.send(&letter(to)).await.unwrap().id;
        assert_eq!(client.status(&id).await, Ok(expected), "{to}");
    }
    let changed = Outgoing { text: "something else".into(), ..outgoing };
    assert_eq!(client.send(&changed).await.unwrap_err().kind, MailErrorKind::Refused);
    assert_eq!(client.status("00000000-0000-4000-8000-000000000000").await, Ok(DeliveryStatus::Unknown));
}

#[tokio::test]
async fn resend_says_no_for_reasons_of_the_mail_of_the_settings_and_of_the_day() {
    let sim = resend().await;
    let client = with_key(&sim, sim.api_key());
    let outgoing = letter("delivered@resend.dev");
    let of =
        async |client: &Resend, outgoing: &Outgoing| client.send(outgoing).await.map(drop).map_err(|error| error.kind);
    assert_eq!(of(&with_key(&sim, "re_wrong"), &outgoing).await, Err(MailErrorKind::Misconfigured));
    let foreign = Outgoing { from: "a@elsewhere.example".into(), ..outgoing.clone() };
    assert_eq!(of(&client, &foreign).await, Err(MailErrorKind::Misconfigured));
    sim.set_domain(ResendDomain { name: "reef.example".into(), verified: false });
    assert_eq!(of(&client, &outgoing).await, Err(MailErrorKind::Misconfigured));
    sim.set_domain(ResendDomain { name: "reef.example".into(), verified: true });
    sim.set_quota(Some(0));
    assert!(matches!(of(&client, &outgoing).await, Err(MailErrorKind::Later { after: Some(_) })));
    sim.set_quota(None);
    let sending = with_key(&sim, sim.sending_key());
    let id = sending.send(&outgoing).await.unwrap().id;
    assert_eq!(sending.status(&id).await, Ok(DeliveryStatus::Unknown), "a key that may only send");
}

#[tokio::test]
async fn resend_wants_to_be_asked_more_slowly() {
    let spec = ResendSpec { limit: 1, window: Duration::from_secs(600), ..ResendSpec::default() };
    let sim = aviary_sim::Resend::start(spec).await.unwrap();
    let client = with_key(&sim, sim.api_key());
    client.send(&letter("delivered@resend.dev")).await.unwrap();
    let error = client.send(&letter("delivered+2@resend.dev")).await.unwrap_err();
    let MailErrorKind::Later { after: Some(after) } = error.kind else { panic!("{error:?}") };
    assert!(after > Duration::ZERO && after <= Duration::from_secs(600), "{after:?}");
}

async fn server(tls: SmtpTls) -> aviary_sim::Smtp {
    let users = vec![("aviary".to_owned(), "open sesame".to_owned())];
    aviary_sim::Smtp::start(SmtpSpec { users, tls, ..SmtpSpec::default() }).await.unwrap()
}

fn client(sim: &aviary_sim::Smtp, security: SmtpSecurity, change: impl FnOnce(&mut SmtpOptions)) -> Smtp {
    let mut options = SmtpOptions {
        host: "127.0.0.1".into(),
        port: sim.address().port(),
        security,
        user: Some("aviary".into()),
        password: Some(Secret::from("open sesame")),
        timeout: Duration::from_secs(20),
        ca_file: None,
    };
    change(&mut options);
    Smtp::new(options, Env::system()).unwrap()
}

#[tokio::test]
async fn a_mail_server_gets_the_mail_as_it_was_written_however_the_connection_is_secured() {
    let authority = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(authority.path(), Pem::localhost().authority).unwrap();
    for (tls, security) in [
        (SmtpTls::None, SmtpSecurity::None),
        (SmtpTls::StartTls(Pem::localhost()), SmtpSecurity::StartTls),
        (SmtpTls::Implicit(Pem::localhost()), SmtpSecurity::Tls),
    ] {
        let sim = server(tls).await;
        let client = client(&sim, security, |options| options.ca_file = Some(authority.path().to_owned()));
        client.check().await.unwrap();
        let outgoing = Outgoing { subject: "Grüße vom Riff 🦜".into(), text: "Ä\n.\n..\nEnde\n".into(), ..mail() };
        client.send(&outgoing).await.unwrap();
        client.send(&outgoing).await.unwrap();
        let mails = sim.mails().all();
        assert_eq!(mails.len(), 2, "{security:?}");
        let taken = &mails[0];
        assert_eq!((taken.subject(), taken.user.as_deref()), (&*outgoing.subject, Some("aviary")));
        assert_eq!((&*taken.from, &taken.to[..]), ("aviary@reef.example", &["diver@reef.example".to_owned()][..]));
        assert_eq!(taken.encrypted, security != SmtpSecurity::None);
        let text = taken.text().unwrap().replace("\r\n", "\n");
        assert_eq!((text.trim_end(), taken.html()), (outgoing.text.trim_end(), outgoing.html.as_deref()));
        assert_eq!(taken.header("message-id"), Some("<0190.1@reef.example>"));
    }
}

#[tokio::test]
async fn a_wrong_password_is_a_matter_of_settings() {
    let sim = server(SmtpTls::None).await;
    let wrong = client(&sim, SmtpSecurity::None, |options| options.password = Some(Secret::from("open barley")));
    assert_eq!(wrong.check().await.unwrap_err().kind, MailErrorKind::Misconfigured);
    let nobody = client(&sim, SmtpSecurity::None, |options| (options.user, options.password) = (None, None));
    assert_eq!(nobody.send(&mail()).await.unwrap_err().kind, MailErrorKind::Misconfigured);
    assert_eq!(sim.mails().total(), 0);
}

#[tokio::test]
async fn whatever_a_mail_server_does_a_mail_is_lost_to_nobody() {
    for trouble in [
        SmtpTrouble::Garbage,
        SmtpTrouble::Drop,
        SmtpTrouble::DropMidway,
        SmtpTrouble::DoneThenDrop,
        SmtpTrouble::Hang,
        SmtpTrouble::reply(451, "4.3.0 later"),
        SmtpTrouble::reply(421, "4.3.2 going down"),
    ] {
        let sim = server(SmtpTls::None).await;
        let client = client(&sim, SmtpSecurity::None, |options| options.timeout = Duration::from_secs(2));
        client.send(&mail()).await.unwrap();
        let when = Match::any().method("DATA").once();
        sim.faults().inject(Fault::new(when, trouble.clone()));
        let error = client.send(&mail()).await.unwrap_err();
        assert_eq!(error.kind, LATER, "{trouble:?}: {error}");
        client.send(&mail()).await.unwrap();
        let taken = sim.mails().total();
        assert!((2..=3).contains(&taken), "{trouble:?}: {taken}");
    }
}
