//! What there is to look at, and the job that does.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use aviary_kernel::base::{Result, Timestamp};
use aviary_kernel::model::{JobKind, PanelId};
use aviary_kernel::store::tables::{ACCOUNTS, API_KEYS};
use aviary_kernel::store::{Direction, Read, Span};
use aviary_remote::{CertificateOptions, Validity, certificate};
use futures_util::stream::{self, StreamExt};
use url::Url;

use super::Watch;
use super::ending::{Ending, Thing, tell};
use crate::queue::{self, Body, Done, Outcome, Work};

/// Certificates that are read at a time.
const AT_ONCE: usize = 16;

/// Where a certificate is shown.
struct Place {
    host: String,
    port: u16,
    panel: Option<PanelId>,
    options: CertificateOptions,
}

impl Place {
    /// Of an address that people gave; none when it is one without encryption.
    fn of(url: &Url) -> Option<(String, u16)> {
        let is_secure = url.scheme() == "https";
        is_secure.then(|| Some((url.host_str()?.to_owned(), url.port_or_known_default()?)))?
    }

    async fn look(self) -> Option<Ending> {
        let Self { host, port, panel, options } = self;
        // Whether it answers is told by its syncs and deliveries.
        let Validity { from, until } = certificate(&host, port, &options).await.ok()?;
        Some(Ending { what: Thing::Certificate { host, port, panel }, from, until })
    }
}

impl Watch {
    /// What the job does that looks for certificates and keys whose time is nearly over.
    pub fn body(&self) -> (JobKind, Body) {
        let this = self.clone();
        queue::body(JobKind::WatchExpiry, move |work| {
            let this = this.clone();
            async move { this.look(work).await }
        })
    }

    async fn look(&self, work: Work) -> Done {
        let places = self.places().await?;
        let asked = places.len();
        let certificates = tokio::select! {
            certificates = read(places, &work) => certificates,
            _ = work.stopped() => return Ok(Outcome::Stopped),
        };
        let keys = self.keys().await?;
        let seen = Seen { certificates: certificates.len(), unread: asked - certificates.len(), keys: keys.len() };
        let endings: Vec<_> = certificates.into_iter().chain(keys).collect();
        let note = seen.note(&endings, self.inner.env.now());
        let env = self.inner.env.clone();
        self.inner.store.write(move |tx| tell(tx, &env, &endings)).await?;
        Ok(Outcome::Done(Some(note)))
    }

    /// Each place once, with the first panel that is there. What stands in the addresses of webhooks behind the host is a secret
    /// and goes no further.
    async fn places(&self) -> Result<Vec<Place>> {
        let mut places = BTreeMap::new();
        for panel in self.inner.panels.all().await? {
            let Some(at) = Url::parse(&panel.base_url).ok().as_ref().and_then(Place::of) else { continue };
            places.entry(at).or_insert((Some(panel.id), CertificateOptions::default()));
        }
        let webhooks = &self.inner.webhooks;
        for url in webhooks.endpoints().await? {
            let Some(at) = Place::of(&url) else { continue };
            let outside = Some(webhooks.outside().clone());
            places.entry(at).or_insert((None, CertificateOptions { outside, ..CertificateOptions::default() }));
        }
        let places = places.into_iter();
        Ok(places.map(|((host, port), (panel, options))| Place { host, port, panel, options }).collect())
    }

    /// API keys that end and are good until then.
    async fn keys(&self) -> Result<Vec<Ending>> {
        self.inner
            .store
            .read(|tx| {
                let mut keys = Vec::new();
                tx.walk(API_KEYS, &Span::all(), Direction::Up, |_, key| {
                    keys.extend(key.expires_at.filter(|_| key.revoked_at.is_none()).map(|until| (key, until)));
                    Ok(ControlFlow::Continue(()))
                })?;
                let keys = keys.into_iter().map(|(key, until)| {
                    let owner = tx.get(ACCOUNTS, &key.owner)?.map(|owner| owner.username);
                    let what = Thing::ApiKey { id: key.id, name: key.name, owner };
                    Ok(Ending { what, from: key.created_at, until })
                });
                keys.collect()
            })
            .await
    }
}

async fn read(places: Vec<Place>, work: &Work) -> Vec<Ending> {
    let of = places.len() as u64;
    let mut looks = stream::iter(places.into_iter().map(Place::look)).buffer_unordered(AT_ONCE);
    let (mut done, mut certificates) = (0, Vec::new());
    while let Some(found) = looks.next().await {
        done += 1;
        certificates.extend(found);
        work.progress("Reading certificates", done, Some(of));
    }
    certificates
}

/// What was looked at.
struct Seen {
    certificates: usize,
    unread: usize,
    keys: usize,
}

impl Seen {
    /// One sentence, such as `3 certificates, 2 keys; the first ends in 12 days`.
    fn note(&self, endings: &[Ending], now: Timestamp) -> String {
        let Self { certificates, unread, keys } = self;
        let mut note = many(*certificates, "certificate");
        if *unread > 0 {
            note.push_str(&format!(" ({unread} more could not be read)"));
        }
        note.push_str(&format!(", {}", many(*keys, "key")));
        let first = endings.iter().filter(|ending| !ending.is_over(now)).min_by_key(|ending| ending.until);
        if let Some(first) = first {
            note.push_str(&match first.days(now) {
                0 => "; the first ends within a day".to_owned(),
                days => format!("; the first ends in {}", many(usize::try_from(days).unwrap_or(usize::MAX), "day")),
            });
        }
        match endings.iter().filter(|ending| ending.is_over(now)).count() {
            0 => {}
            1 => note.push_str("; 1 is past its time"),
            over => note.push_str(&format!("; {over} are past their time")),
        }
        note
    }
}

fn many(count: usize, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}
