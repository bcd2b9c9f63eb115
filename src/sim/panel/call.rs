//! A request that got past the gate, with what its handler needs to know.

use jiff::Timestamp;

use crate::panel::limit::Throttle;
use crate::panel::list::Page;
use crate::panel::problem::Problem;
use crate::panel::query::Includes;
use crate::panel::request::Request;
use crate::panel::spec::{Dialect, PanelSpec};
use crate::panel::world::{Levels, Resource, Server, View};
use crate::reply::Reply;

/// What a handler comes back with.
pub(crate) type Answer = Result<Reply, Problem>;

/// What a key may do on the application API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Grants {
    /// Everything: an account key of a root administrator.
    Everything,
    /// What the levels say.
    Levels(Levels),
}

impl Grants {
    /// True when `resource` may be read.
    pub(crate) fn may_read(&self, resource: Resource) -> bool {
        match self {
            Grants::Everything => true,
            Grants::Levels(levels) => levels.may_read(resource),
        }
    }

    /// True when `resource` may be written.
    pub(crate) fn may_write(&self, resource: Resource) -> bool {
        match self {
            Grants::Everything => true,
            Grants::Levels(levels) => levels.may_write(resource),
        }
    }
}

/// Who asks.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    /// User id.
    pub(crate) user: u64,
    /// Root administrator.
    pub(crate) root: bool,
    /// On the application API.
    pub(crate) grants: Grants,
}

/// A request with its caller and the rows named in its path.
#[derive(Debug)]
pub(crate) struct Call<'r> {
    /// The request.
    pub(crate) request: &'r Request,
    /// The caller.
    pub(crate) caller: Caller,
    /// What the panel is like.
    pub(crate) spec: &'r PanelSpec,
    /// For limits on single calls.
    pub(crate) throttle: &'r Throttle,
    /// The panel's time.
    pub(crate) now: Timestamp,
    /// Ids of the rows named in the path, in order; 0 where the segment is free text.
    pub(crate) ids: Vec<u64>,
    /// The segments themselves.
    pub(crate) names: Vec<String>,
}

impl Call<'_> {
    /// The id of the `nth` row named in the path.
    pub(crate) fn id(&self, nth: usize) -> u64 {
        self.ids.get(nth).copied().unwrap_or(0)
    }

    /// The `nth` variable segment of the path.
    pub(crate) fn name(&self, nth: usize) -> &str {
        self.names.get(nth).map_or("", String::as_str)
    }

    /// The dialect.
    pub(crate) fn dialect(&self) -> Dialect {
        self.spec.dialect
    }

    /// The relations asked for.
    pub(crate) fn includes(&self) -> Includes {
        self.request.query.includes()
    }

    /// Cuts the page asked for out of a list of the application API.
    pub(crate) fn page<R: Copy>(&self, rows: &[R]) -> Result<Page<R>, Problem> {
        let per_page = self.request.query.per_page()?;
        Ok(self.cut(rows, per_page))
    }

    /// The same for a list of the client API.
    pub(crate) fn capped_page<R: Copy>(&self, rows: &[R], default: u64, cap: u64) -> Result<Page<R>, Problem> {
        let per_page = self.request.query.capped_per_page(default, cap)?;
        Ok(self.cut(rows, per_page))
    }

    fn cut<R: Copy>(&self, rows: &[R], per_page: u64) -> Page<R> {
        let per_page = self.spec.per_page_cap.map_or(per_page, |cap| per_page.min(u64::from(cap)));
        Page::cut(rows, self.request.query.page(), per_page)
    }

    /// Page link of the application API: everything but the page is lost.
    pub(crate) fn bare_link(&self, page: u64) -> String {
        format!("{}{}?page={page}", self.request.base, self.request.path)
    }

    /// Page link of the client API: the query is kept.
    pub(crate) fn full_link(&self, page: u64) -> String {
        format!("{}{}?{}", self.request.base, self.request.path, self.request.query.with_page(page))
    }

    /// True when the caller has a permission on a server.
    pub(crate) fn may(&self, view: View<'_>, server: &Server, permission: &str) -> bool {
        self.caller.root || server.user == self.caller.user || self.subuser_may(view, server, permission)
    }

    fn subuser_may(&self, view: View<'_>, server: &Server, permission: &str) -> bool {
        let rows = view.index.subusers_of_server(server.id).iter().filter_map(|id| view.world.subusers.get(id));
        rows.filter(|row| row.user == self.caller.user).any(|row| row.permissions.has(permission))
    }

    /// 403 unless the caller has a permission on a server.
    pub(crate) fn require(&self, view: View<'_>, server: &Server, permission: &str) -> Result<(), Problem> {
        if self.may(view, server, permission) { Ok(()) } else { Err(Problem::forbidden()) }
    }
}
