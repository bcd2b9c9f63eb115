//! The clients of mail over real connections.

#![allow(clippy::unwrap_used, reason = "tests")]

#[path = "../shared/endpoint.rs"]
mod endpoint;

mod resend;
mod sent;
mod server;
mod simulated;
mod smtp;
mod tls;

use aviary_remote::mail::Outgoing;

fn mail() -> Outgoing {
    Outgoing {
        from: "Aviary <aviary@reef.example>".into(),
        to: "diver@reef.example".into(),
        subject: "Your server is back".into(),
        text: "It is.\n.\nReally.".into(),
        html: Some("<p>It is.</p>".into()),
        message_id: "<0190.1@reef.example>".into(),
        reply_to: None,
        idempotency_key: "mail/0190".into(),
    }
}
