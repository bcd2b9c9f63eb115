//! What Aviary keeps on record: jobs, syncs, events, deliveries, mails, history, people.

use actix_web::web::{Data, Path};
use aviary_domain::access::Caller;
use aviary_domain::accounts::{AccountQuery, Accounts};
use aviary_domain::events::{EventQuery, Events};
use aviary_domain::jobs::{JobQuery, Jobs};
use aviary_domain::mails::{MailQuery, Mails};
use aviary_domain::mirror::{At, Book, HistoryQuery};
use aviary_domain::sync::{SyncQuery, Syncs};
use aviary_domain::webhooks::{DeliveryQuery, Webhooks};
use aviary_kernel::base::Result;
use aviary_kernel::model::{AccountId, DeliveryId, EventId, JobId, SyncId, WebhookId};
use serde_json::Value as Json;

use super::{Asked, Never, PIECE, Source, one, shown};
use crate::admin::desk::Desk;
use crate::admin::{self, deliveries as of_webhook, events as told, history as changes};
use crate::allow::{Allow, perm};
use crate::api::accounts::AccountView;
use crate::api::deliveries::DeliveryView;
use crate::api::email::MailView;
use crate::api::events::EventView;
use crate::api::jobs::JobView;
use crate::api::syncs::SyncView;
use crate::page::PageResult;

/// Jobs.
pub(in crate::admin) async fn jobs(_may: Allow<perm::JobRead>, mut desk: Desk, asked: Asked<JobId>) -> PageResult {
    let filter = admin::jobs::filter(&mut desk.query);
    Ok(asked.file("jobs", desk.jobs.get_ref().clone(), JobQuery { filter, after: None, limit: PIECE }))
}

impl Source for Jobs {
    type Query = JobQuery;
    type Id = JobId;

    async fn found(&self, query: JobQuery) -> Result<(Vec<Json>, Option<JobQuery>)> {
        let page = self.list(query.clone()).await?;
        let next = page.next.map(|after| JobQuery { after: Some(after), ..query });
        Ok((shown(page.jobs.into_iter().map(JobView::from))?, next))
    }

    async fn one(&self, id: JobId) -> Result<Option<Json>> {
        one(self.get(id).await.map(JobView::from))
    }
}

/// Syncs.
pub(in crate::admin) async fn syncs(_may: Allow<perm::SyncRead>, mut desk: Desk, asked: Asked<SyncId>) -> PageResult {
    let known = desk.known().await?;
    let query = SyncQuery { panel: desk.query.panel(&known), limit: PIECE, ..SyncQuery::default() };
    Ok(asked.file("syncs", desk.syncs.get_ref().clone(), query))
}

impl Source for Syncs {
    type Query = SyncQuery;
    type Id = SyncId;

    async fn found(&self, query: SyncQuery) -> Result<(Vec<Json>, Option<SyncQuery>)> {
        let page = self.list(query.clone()).await?;
        let next = page.next.map(|after| SyncQuery { after: Some(after), ..query });
        Ok((shown(page.runs.into_iter().map(SyncView::from))?, next))
    }

    async fn one(&self, id: SyncId) -> Result<Option<Json>> {
        one(self.get(id).await.map(SyncView::from))
    }
}

/// Events.
pub(in crate::admin) async fn events(
    _may: Allow<perm::WebhookRead>,
    mut desk: Desk,
    events: Data<Events>,
    asked: Asked<EventId>,
) -> PageResult {
    let query = EventQuery { limit: PIECE, ..told::read(&mut desk.query) };
    Ok(asked.file("events", events.get_ref().clone(), query))
}

impl Source for Events {
    type Query = EventQuery;
    type Id = EventId;

    async fn found(&self, query: EventQuery) -> Result<(Vec<Json>, Option<EventQuery>)> {
        let page = self.list(query.clone()).await?;
        let next = page.next.map(|after| EventQuery { after: Some(after), ..query });
        Ok((shown(page.events.into_iter().map(EventView::from))?, next))
    }

    async fn one(&self, id: EventId) -> Result<Option<Json>> {
        one(self.require(id).await.map(|told| EventView::from(told.event)))
    }
}

/// Deliveries to a webhook.
pub(in crate::admin) async fn deliveries(
    _may: Allow<perm::WebhookRead>,
    mut desk: Desk,
    webhooks: Data<Webhooks>,
    id: Path<WebhookId>,
    asked: Asked<DeliveryId>,
) -> PageResult {
    let webhook = webhooks.require(*id).await?.webhook.id;
    let state = of_webhook::state(&mut desk.query);
    let query = DeliveryQuery { webhook: Some(webhook), state, after: None, limit: PIECE };
    Ok(asked.file("deliveries", DeliveriesTo { webhook, webhooks: webhooks.get_ref().clone() }, query))
}

/// The deliveries to one webhook.
struct DeliveriesTo {
    webhook: WebhookId,
    webhooks: Webhooks,
}

impl Source for DeliveriesTo {
    type Query = DeliveryQuery;
    type Id = DeliveryId;

    async fn found(&self, query: DeliveryQuery) -> Result<(Vec<Json>, Option<DeliveryQuery>)> {
        let page = self.webhooks.deliveries(query.clone()).await?;
        let next = page.next.map(|after| DeliveryQuery { after: Some(after), ..query });
        Ok((shown(page.deliveries.iter().map(|(delivery, _)| DeliveryView::from(delivery)))?, next))
    }

    async fn one(&self, id: DeliveryId) -> Result<Option<Json>> {
        let found = self.webhooks.delivery(id).await.map(|(delivery, _)| delivery);
        if found.as_ref().is_ok_and(|delivery| delivery.webhook != self.webhook) {
            return Ok(None);
        }
        one(found.map(|delivery| DeliveryView::from(&delivery)))
    }
}

/// Mails, without what they say.
pub(in crate::admin) async fn mails(_may: Allow<perm::MailRead>, mut desk: Desk, asked: Asked<u64>) -> PageResult {
    let query = MailQuery { state: admin::mails::state(&mut desk.query), after: None, limit: PIECE };
    let source = MailsFor { reader: desk.visitor.caller.clone(), mails: desk.mails.get_ref().clone() };
    Ok(asked.file("mails", source, query))
}

/// The mails, as somebody may see them.
struct MailsFor {
    reader: Caller,
    mails: Mails,
}

impl Source for MailsFor {
    type Query = MailQuery;
    type Id = u64;

    async fn found(&self, query: MailQuery) -> Result<(Vec<Json>, Option<MailQuery>)> {
        let page = self.mails.list(&self.reader, query).await?;
        let next = page.next.map(|after| MailQuery { after: Some(after), ..query });
        Ok((shown(page.rows.into_iter().map(MailView::from))?, next))
    }

    async fn one(&self, number: u64) -> Result<Option<Json>> {
        one(self.mails.one(&self.reader, number).await.map(MailView::from))
    }
}

/// What changed. Changes are not ticked: there is no list of them to choose from.
pub(in crate::admin) async fn history(
    _may: Allow<perm::HistoryRead>,
    mut desk: Desk,
    asked: Asked<Never>,
) -> PageResult {
    let known = desk.known().await?;
    let query = HistoryQuery { after: None, limit: PIECE, ..changes::read(&mut desk.query, &known) };
    Ok(asked.file("history", Changes(desk.book.get_ref().clone()), query))
}

/// The history of all that is mirrored.
struct Changes(Book);

impl Source for Changes {
    type Query = HistoryQuery;
    type Id = Never;

    async fn found(&self, query: HistoryQuery) -> Result<(Vec<Json>, Option<HistoryQuery>)> {
        let page = self.0.history(query.clone()).await?;
        let next = page.next.map(|after| HistoryQuery { after: Some(after), ..query });
        Ok((shown(page.entries)?, next))
    }

    async fn one(&self, id: Never) -> Result<Option<Json>> {
        match id {}
    }
}

/// People.
pub(in crate::admin) async fn people(
    _may: Allow<perm::AccountRead>,
    mut desk: Desk,
    asked: Asked<AccountId>,
) -> PageResult {
    let roles = desk.access.roles().await?;
    let query = AccountQuery { at: At::Start, limit: PIECE, ..admin::people::read(&mut desk.query, &roles) };
    Ok(asked.file("people", desk.accounts.get_ref().clone(), query))
}

impl Source for Accounts {
    type Query = AccountQuery;
    type Id = AccountId;

    async fn found(&self, query: AccountQuery) -> Result<(Vec<Json>, Option<AccountQuery>)> {
        let page = self.list(query.clone()).await?;
        let next = page.next.map(|cursor| AccountQuery { at: At::After(cursor), ..query });
        Ok((shown(page.rows.into_iter().map(AccountView::from))?, next))
    }

    async fn one(&self, id: AccountId) -> Result<Option<Json>> {
        one(self.person(id).await.map(AccountView::from))
    }
}
