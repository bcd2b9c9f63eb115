//! What happened, told to those who want to hear of it: the event, its deliveries and the job that sends them are written in
//! the commit of what happened. How they are sent is the business of [`crate::webhooks`].

mod facts;
mod happening;
mod list;
mod raise;
mod rows;
mod samples;

pub use facts::{
    BurstFacts, CertificateFacts, Changed, DriftFacts, JobFacts, KeyFacts, MailFacts, NoticeFacts, ObjectFacts,
    PanelFacts, PlannedRemoval, RegisteredFacts, RemovalFacts, ScheduleFacts, SettingFact, SettingsFacts, StoreFacts,
    SyncFacts, TestFacts, Texts, TicketFacts, WebhookFacts, What,
};
pub use happening::Happening;
pub use list::{EventPage, EventQuery, Events, Told};
pub use raise::{Listeners, raise};
pub(crate) use raise::{job_name, post, send, unwritten, wake, wants};
pub(crate) use rows::{put_delivery, put_event, remove_delivery, remove_event};
