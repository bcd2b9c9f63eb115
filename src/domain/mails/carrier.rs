//! The mail services, as the jobs see them.

use aviary_kernel::base::Env;
use aviary_remote::HttpOptions;
use aviary_remote::mail::{DeliveryStatus, MailError, Outgoing, Resend, Smtp};

use crate::settings::MailService;

/// What became of a mail that was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// Nobody knows yet.
    OnItsWay,
    /// It arrived.
    Delivered,
    /// It did not, and will not.
    CameBack,
    /// It arrived, and was called spam.
    Spam,
}

/// Hands a mail to the service. What the service calls it there, where it can be asked later what became of it.
///
/// # Errors
/// [`MailError`], whose kind says what to do with the mail.
pub(super) async fn send(
    service: &MailService,
    options: &HttpOptions,
    env: &Env,
    mail: &Outgoing,
) -> Result<String, MailError> {
    let taken = match service {
        MailService::Resend { url, key } => Resend::new(url.as_str(), key, options)?.send(mail).await?,
        MailService::Smtp(server) => Smtp::new(server.options(options), env.clone())?.send(mail).await?,
    };
    Ok(taken.id)
}

/// Whether the service can be asked what became of a mail.
pub(super) fn tells(service: &MailService) -> bool {
    matches!(service, MailService::Resend { .. })
}

/// Asks what became of a mail.
///
/// # Errors
/// [`MailError`] when the service cannot be asked.
pub(super) async fn fate(service: &MailService, options: &HttpOptions, id: &str) -> Result<Fate, MailError> {
    let MailService::Resend { url, key } = service else { return Ok(Fate::OnItsWay) };
    Ok(match Resend::new(url.as_str(), key, options)?.status(id).await? {
        DeliveryStatus::Sent | DeliveryStatus::Delayed | DeliveryStatus::Unknown => Fate::OnItsWay,
        DeliveryStatus::Delivered => Fate::Delivered,
        DeliveryStatus::Bounced => Fate::CameBack,
        DeliveryStatus::Complained => Fate::Spam,
    })
}
