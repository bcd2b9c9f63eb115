//! What only Pelican lists: database hosts, roles, mounts, plugins. The last two are always empty here.

use crate::panel::call::{Answer, Call};
use crate::panel::json::At;
use crate::panel::list::{Page, Rules, part, text};
use crate::panel::problem::Problem;
use crate::panel::sheet::Sheet;
use crate::panel::world::{DatabaseHost, View};

const RULES: Rules<DatabaseHost> = Rules {
    filters: &[part("name", |h| text(&h.name)), part("host", |h| text(&h.host))],
    sorts: &[
        ("id", |a, b| a.id.cmp(&b.id)),
        ("name", |a, b| a.name.cmp(&b.name)),
        ("host", |a, b| a.host.cmp(&b.host)),
    ],
    changed: |host| host.updated_at,
};

/// Rows per page of the lists that came later.
const SHORT_PAGE: u64 = 10;

impl Sheet<'_> {
    /// The one role that the panel brings along.
    pub(crate) fn role(&mut self) {
        let made = self.view.world.users.values().next().map(|user| user.created_at);
        self.json.put("object", "role");
        self.json.open("attributes");
        self.json.put("id", 1u64);
        self.json.put("name", "Root Admin");
        self.json.put("created_at", made.map(At::utc));
        self.json.put("updated_at", made.map(At::utc));
        self.json.close();
    }
}

fn short_page<R: Copy>(call: &Call<'_>, rows: &[R]) -> Result<Page<R>, Problem> {
    match call.request.query.get("per_page") {
        None | Some("") => call.capped_page(rows, SHORT_PAGE, u64::MAX),
        Some(_) => call.page(rows),
    }
}

/// `GET /database-hosts`
pub(crate) fn list(call: &Call<'_>, view: View<'_>) -> Answer {
    let mut rows: Vec<&DatabaseHost> = view.world.database_hosts.values().collect();
    RULES.apply(&mut rows, call)?;
    let includes = call.includes();
    Sheet::page(call, view, &short_page(call, &rows)?, |sheet, host| sheet.database_host(host, &includes))
}

/// `GET /database-hosts/{host}`
pub(crate) fn show(call: &Call<'_>, view: View<'_>) -> Answer {
    let host = view.world.database_hosts.get(&call.id(0)).ok_or_else(Problem::not_found)?;
    Sheet::single(call, view, |sheet| sheet.database_host(host, &call.includes()))
}

/// `GET /roles`
pub(crate) fn roles(call: &Call<'_>, view: View<'_>) -> Answer {
    Sheet::page(call, view, &short_page(call, &[()])?, |sheet, ()| sheet.role())
}

/// `GET /roles/{role}`
pub(crate) fn role(call: &Call<'_>, view: View<'_>) -> Answer {
    Sheet::single(call, view, Sheet::role)
}

/// An empty list with the usual page size.
pub(crate) fn nothing(call: &Call<'_>, view: View<'_>) -> Answer {
    Sheet::page(call, view, &call.page::<()>(&[])?, |_, ()| {})
}

/// An empty list with the short page size.
pub(crate) fn nothing_by_ten(call: &Call<'_>, view: View<'_>) -> Answer {
    Sheet::page(call, view, &short_page::<()>(call, &[])?, |_, ()| {})
}
