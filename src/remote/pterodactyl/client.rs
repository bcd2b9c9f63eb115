use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use aviary_kernel::base::Env;
use aviary_kernel::model::{Allocation, Dialect, Kind, Location, Nest, Node, RemoteId, User};
use futures_util::future::join_all;
use serde_json::Value;
use tokio::sync::mpsc::Sender;

use super::call::{Api, Ask, Caller};
use super::detect::detect;
use super::judge::error_code;
use super::listing::Listing;
use super::map::{self, Fault, Row};
use super::report::{Incomplete, Unreadable};
use super::sweep::sweep;
use super::{
    EggBundle, FaultKind, Page, PanelAccess, PanelCheck, PanelError, Presence, Sent, ServerBundle, ServerIncludes,
    Sweep, Usage, check, wire,
};
use crate::http::{Answer, HttpOptions};

/// Rows a page. A page of servers with their relations takes a panel seconds, one of allocations next to nothing.
const SERVERS: u32 = 100;
const USERS: u32 = 200;
const PLACES: u32 = 100;
const ALLOCATIONS: u32 = 500;

/// Speaks to one panel. Cheap to clone; clones share the pace, the counters and the connections.
///
/// The listings send their pages as they come, in order, and end when the list was read. Dropping the receiver, or the future,
/// ends them within a page. An `Err` means that nothing is known about the rest of the list; a [`Sweep`] says by itself whether it is
/// whole.
#[derive(Clone)]
pub struct PanelClient {
    inner: Arc<Inner>,
}

struct Inner {
    caller: Arc<Caller>,
    dialect: Mutex<Option<Dialect>>,
}

impl fmt::Debug for PanelClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PanelClient").field("name", &self.inner.caller.name()).finish_non_exhaustive()
    }
}

impl PanelClient {
    /// A client for the panel behind `access`. Sends nothing yet.
    ///
    /// # Errors
    /// [`FaultKind::Config`] when the address, a key, an extra header or the `ca_file` cannot be right.
    pub fn new(access: PanelAccess, options: &HttpOptions, env: Env) -> Result<Self, PanelError> {
        let dialect = Mutex::new(access.dialect);
        let caller = Arc::new(Caller::new(access, options, env)?);
        Ok(Self { inner: Arc::new(Inner { caller, dialect }) })
    }

    /// What people call the panel.
    pub fn name(&self) -> &str {
        self.inner.caller.name()
    }

    /// Which API the panel speaks: as known, or found out without a key and then remembered.
    ///
    /// # Errors
    /// [`FaultKind::UnknownDialect`] when it cannot be told, and whatever keeps the panel from answering.
    pub async fn dialect(&self) -> Result<Dialect, PanelError> {
        if let Some(dialect) = self.known_dialect() {
            return Ok(dialect);
        }
        self.detect().await
    }

    /// Finds the dialect out anew, whatever was known.
    ///
    /// # Errors
    /// As [`PanelClient::dialect`].
    pub async fn detect(&self) -> Result<Dialect, PanelError> {
        let dialect = detect(&self.inner.caller).await?;
        self.remember(Some(dialect));
        Ok(dialect)
    }

    /// Looks whether the panel gives us everything that a mirror needs.
    ///
    /// # Errors
    /// Whatever keeps the panel from answering at all, and a key that it does not know. Everything less is a finding.
    pub async fn check(&self) -> Result<PanelCheck, PanelError> {
        let dialect = self.detect().await?;
        check::check(&self.inner.caller, dialect).await
    }

    /// What was asked of the panel so far.
    pub fn usage(&self) -> Usage {
        let paces = [Api::Application, Api::Client].map(|api| self.inner.caller.pacer(api).map(|pacer| pacer.pace()));
        let all = || paces.iter().flatten();
        Usage {
            requests: all().map(|pace| pace.requests).sum(),
            limit: paces[0].and_then(|pace| pace.limit),
            remaining: paces[0].and_then(|pace| pace.remaining),
            waited_ms: all().map(|pace| pace.waited.as_millis() as u64).sum(),
            too_many: all().map(|pace| pace.too_many).sum(),
            waits_ms: all().filter_map(|pace| pace.waits_until).map(millis_until).max().unwrap_or(0),
        }
    }

    /// Takes what was sent since this was asked last, oldest first; of more than 1,000 requests the latest.
    pub fn take_sent(&self) -> Vec<Sent> {
        self.inner.caller.take_sent()
    }

    /// Lists the locations.
    ///
    /// # Errors
    /// [`FaultKind::NotInDialect`] on Pelican; otherwise why the list could not be read to its end.
    pub async fn locations(&self, pages: Sender<Page<Location>>) -> Result<Sweep, PanelError> {
        self.needs_pterodactyl(Kind::Location)?;
        self.sweep(paged("/locations", Kind::Location, PLACES, map::location), pages).await
    }

    /// Lists the nodes.
    ///
    /// # Errors
    /// Why the list could not be read to its end.
    pub async fn nodes(&self, pages: Sender<Page<Node>>) -> Result<Sweep, PanelError> {
        self.sweep(paged("/nodes", Kind::Node, PLACES, map::node), pages).await
    }

    /// Lists the allocations of a node. Panels cannot sort them, so that rows which move are found by counting alone.
    ///
    /// # Errors
    /// [`FaultKind::NotFound`] when the node is gone; otherwise why the list could not be read to its end.
    pub async fn allocations(&self, node: RemoteId, pages: Sender<Page<Allocation>>) -> Result<Sweep, PanelError> {
        let path = format!("/nodes/{node}/allocations");
        let listing = paged(&path, Kind::Allocation, ALLOCATIONS, move |row| map::allocation(node, row));
        self.sweep(Listing { is_sorted: false, ..listing }, pages).await
    }

    /// Lists the nests. Panels give them no sort order.
    ///
    /// # Errors
    /// [`FaultKind::NotInDialect`] on Pelican; otherwise why the list could not be read to its end.
    pub async fn nests(&self, pages: Sender<Page<Nest>>) -> Result<Sweep, PanelError> {
        self.needs_pterodactyl(Kind::Nest)?;
        let listing = paged("/nests", Kind::Nest, PLACES, map::nest);
        self.sweep(Listing { is_sorted: false, ..listing }, pages).await
    }

    /// Lists the users.
    ///
    /// # Errors
    /// Why the list could not be read to its end.
    pub async fn users(&self, pages: Sender<Page<User>>) -> Result<Sweep, PanelError> {
        self.sweep(paged("/users", Kind::User, USERS, map::user), pages).await
    }

    /// Lists the servers with what `with` asks for. Without `with.variables` all values of the environments are hidden ones.
    ///
    /// # Errors
    /// Why the list could not be read to its end.
    pub async fn servers(&self, with: ServerIncludes, pages: Sender<Page<ServerBundle>>) -> Result<Sweep, PanelError> {
        let listing = paged("/servers", Kind::Server, SERVERS, map::server);
        self.sweep(Listing { include: with.query(), ..listing }, pages).await
    }

    /// Lists the eggs of a nest, or all of a Pelican panel when `nest` is none, with their variables.
    ///
    /// One egg that the panel cannot show makes it fail the whole list. The eggs in `known` are then read one by one, and the
    /// result says that it is not whole.
    ///
    /// # Errors
    /// [`FaultKind::NotFound`] when the nest is gone; otherwise why the list could not be read.
    pub async fn eggs(
        &self,
        nest: Option<RemoteId>,
        known: &[RemoteId],
        pages: Sender<Page<EggBundle>>,
    ) -> Result<Sweep, PanelError> {
        let listing = Listing {
            path: nest.map_or_else(|| "/eggs".to_owned(), |nest| format!("/nests/{nest}/eggs")),
            kind: Kind::Egg,
            include: Some("variables".to_owned()),
            per_page: None,
            is_sorted: false,
            read: Box::new(move |row| map::egg(nest, row)),
        };
        match self.sweep(listing, pages.clone()).await {
            Err(error) if error.kind.is_splittable() && !known.is_empty() => {
                self.eggs_one_by_one(nest, known, error, pages).await
            }
            outcome => outcome,
        }
    }

    /// Reads one server; none when the panel itself says that it does not exist.
    ///
    /// # Errors
    /// Why it could not be read, [`FaultKind::NotFound`] when it is not the panel that says so.
    pub async fn server(&self, id: RemoteId, with: ServerIncludes) -> Result<Option<ServerBundle>, PanelError> {
        let mut ask = Ask::application(&format!("/servers/{id}"));
        if let Some(include) = with.query() {
            ask = ask.with("include", include);
        }
        self.single(ask, id, map::server).await
    }

    /// Reads one egg; none when the panel itself says that it does not exist, or not in this nest.
    ///
    /// # Errors
    /// As [`PanelClient::server`].
    pub async fn egg(&self, nest: Option<RemoteId>, id: RemoteId) -> Result<Option<EggBundle>, PanelError> {
        let ask = Ask::application(&egg_path(nest, id)).with("include", "variables");
        self.single(ask, id, |row| map::egg(nest, row)).await
    }

    /// Whether one object is there, by a single read. `parent` is the nest of an egg or the server of a database.
    ///
    /// Panels show allocations, egg variables and subusers only with what they belong to, so those are always unclear: read their
    /// node, egg or server instead.
    ///
    /// # Errors
    /// What keeps the panel from answering.
    pub async fn presence(&self, object: Kind, id: RemoteId, parent: Option<RemoteId>) -> Result<Presence, PanelError> {
        let dialect = self.dialect().await?;
        let path = match single_path(dialect, object, id, parent) {
            Ok(path) => path,
            Err(why) => return Ok(Presence::Unclear(why)),
        };
        match self.inner.caller.get(&Ask::application(&path).or_missing()).await {
            Ok(answer) if answer.status == 404 => Ok(self.absence(&answer)),
            Ok(answer) => Ok(found(&answer, id)),
            // The panel knows the object and cannot show it, or does not show it to us.
            Err(error) if matches!(error.kind, FaultKind::ServerFault | FaultKind::Forbidden) => {
                Ok(Presence::Unclear(error.what))
            }
            Err(error) => Err(error),
        }
    }

    /// What a 404 means. Only the panel itself can say that something is gone, not a proxy, and not a route that is no more.
    fn absence(&self, answer: &Answer) -> Presence {
        if error_code(answer).as_deref() != Some("NotFoundHttpException") {
            return Presence::Unclear("something other than the panel says that it does not exist".to_owned());
        }
        let counts_others = self.usage().limit.is_some();
        let was_counted = answer.header("x-ratelimit-limit").is_some();
        if self.known_dialect() == Some(Dialect::Pterodactyl) && counts_others && !was_counted {
            return Presence::Unclear("the panel did not get as far as looking for it".to_owned());
        }
        Presence::Gone
    }

    async fn single<T>(
        &self,
        ask: Ask,
        id: RemoteId,
        read: impl Fn(&Value) -> Result<Row<T>, Fault>,
    ) -> Result<Option<T>, PanelError> {
        // Tells how to take a 404.
        self.dialect().await?;
        let request = ask.told();
        let answer = self.inner.caller.get(&ask.or_missing()).await?;
        if answer.status == 404 {
            return match self.absence(&answer) {
                Presence::Gone => Ok(None),
                Presence::Unclear(why) => Err(missing_somehow(why).asked(&request).answered(404)),
                Presence::Here => unreachable!("a 404 never says that something is there"),
            };
        }
        let bad_shape = |why: String| odd_object(&why).asked(&request).answered(answer.status);
        let value = wire::single(&answer.body).map_err(bad_shape)?;
        let row = read(&value).map_err(|fault| bad_shape(fault.reason))?;
        if row.id == id { Ok(Some(row.value)) } else { Err(bad_shape(format!("is number {}", row.id))) }
    }

    async fn eggs_one_by_one(
        &self,
        nest: Option<RemoteId>,
        known: &[RemoteId],
        error: PanelError,
        pages: Sender<Page<EggBundle>>,
    ) -> Result<Sweep, PanelError> {
        let request = error.request.clone().unwrap_or_default();
        tracing::info!(
            panel.name = self.name(),
            fault = error.kind.code(),
            "reading {} known eggs one by one: {error}",
            known.len()
        );
        let mut sweep = Sweep { total: known.len() as u64, ..Sweep::default() };
        for (n, ids) in known.chunks(self.inner.caller.concurrency()).enumerate() {
            let mut rows = Vec::new();
            for (id, outcome) in join_all(ids.iter().map(|id| async { (*id, self.egg(nest, *id).await) })).await {
                rows.extend(take_egg(&mut sweep, id, outcome)?);
            }
            sweep.pages += 1;
            let page = Page { rows, total: sweep.total, number: u32::try_from(n + 1).unwrap_or(u32::MAX) };
            pages.send(page).await.map_err(|_| PanelError::cancelled())?;
        }
        let reason = format!("the panel cannot list these eggs: {}; the known ones were read one by one", error.what);
        sweep.incomplete = Some(Incomplete { reason, request });
        Ok(sweep)
    }

    async fn sweep<T: Send + 'static>(&self, listing: Listing<T>, pages: Sender<Page<T>>) -> Result<Sweep, PanelError> {
        let outcome = sweep(self.inner.caller.clone(), listing, pages).await;
        if outcome.as_ref().is_err_and(|error| error.kind == FaultKind::UnknownDialect) {
            self.remember(None);
        }
        outcome
    }

    fn needs_pterodactyl(&self, kind: Kind) -> Result<(), PanelError> {
        if self.known_dialect() != Some(Dialect::Pelican) {
            return Ok(());
        }
        let what = format!("Pelican panels have no {}", kind.plural());
        Err(PanelError::new(FaultKind::NotInDialect, what, "leave them out of what is read from this panel"))
    }

    fn known_dialect(&self) -> Option<Dialect> {
        *self.inner.dialect.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn remember(&self, dialect: Option<Dialect>) {
        *self.inner.dialect.lock().unwrap_or_else(PoisonError::into_inner) = dialect;
    }
}

fn paged<T>(
    path: &str,
    kind: Kind,
    per_page: u32,
    read: impl Fn(&Value) -> Result<Row<T>, Fault> + Send + Sync + 'static,
) -> Listing<T> {
    let (path, read) = (path.to_owned(), Box::new(read));
    Listing { path, kind, include: None, per_page: Some(per_page), is_sorted: true, read }
}

fn egg_path(nest: Option<RemoteId>, id: RemoteId) -> String {
    nest.map_or_else(|| format!("/eggs/{id}"), |nest| format!("/nests/{nest}/eggs/{id}"))
}

/// Where a single object can be read; `Err` says why nowhere.
fn single_path(dialect: Dialect, object: Kind, id: RemoteId, parent: Option<RemoteId>) -> Result<String, String> {
    let only_pterodactyl = |path: String| match dialect {
        Dialect::Pterodactyl => Ok(path),
        Dialect::Pelican => Err(format!("Pelican panels have no {}", object.plural())),
    };
    match (object, parent, dialect) {
        (Kind::Location | Kind::Nest, _, _) => only_pterodactyl(format!("/{}/{id}", object.plural())),
        (Kind::Node | Kind::User | Kind::Server, _, _) => Ok(format!("/{}/{id}", object.plural())),
        (Kind::Egg, _, Dialect::Pelican) => Ok(egg_path(None, id)),
        (Kind::Egg, Some(nest), Dialect::Pterodactyl) => Ok(egg_path(Some(nest), id)),
        (Kind::Egg, None, Dialect::Pterodactyl) => Err("an egg can only be read with its nest known".to_owned()),
        (Kind::Database, Some(server), _) => Ok(format!("/servers/{server}/databases/{id}")),
        (Kind::Database, None, _) => Err("a database can only be read with its server known".to_owned()),
        (Kind::Allocation | Kind::EggVariable | Kind::Subuser, _, _) => {
            Err(format!("panels do not show a single {}", object.noun()))
        }
    }
}

fn found(answer: &Answer, id: RemoteId) -> Presence {
    let shown = wire::single(&answer.body).ok().as_ref().and_then(wire::id_of);
    if shown == Some(id) {
        Presence::Here
    } else {
        Presence::Unclear("the panel answered with something else".to_owned())
    }
}

/// Counts an egg that was read by itself.
fn take_egg(
    sweep: &mut Sweep,
    id: RemoteId,
    outcome: Result<Option<EggBundle>, PanelError>,
) -> Result<Option<EggBundle>, PanelError> {
    match outcome {
        Ok(Some(bundle)) => {
            sweep.ids.insert(id);
            Ok(Some(bundle))
        }
        Ok(None) => Ok(None),
        Err(error) if error.kind.is_splittable() || error.kind == FaultKind::BadShape => {
            sweep.ids.insert(id);
            let request = error.request.unwrap_or_default();
            sweep.note(Unreadable { request, page: None, kind: Kind::Egg, id: Some(id), reason: error.what });
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

fn missing_somehow(why: String) -> PanelError {
    PanelError::new(FaultKind::NotFound, why, "check the panel's address and what stands in front of it")
}

fn odd_object(why: &str) -> PanelError {
    PanelError::new(
        FaultKind::BadShape,
        format!("the object that the panel shows {why}"),
        "the panel may be patched or of an unknown release; check its version",
    )
}

fn millis_until(when: tokio::time::Instant) -> u64 {
    let left = when.saturating_duration_since(tokio::time::Instant::now());
    u64::try_from(left.as_millis()).unwrap_or(u64::MAX)
}
