//! Backups.

use crate::Chance;
use crate::panel::call::{Answer, Call};
use crate::panel::client::list::this;
use crate::panel::fields::Fields;
use crate::panel::json::At;
use crate::panel::limit::Counted;
use crate::panel::problem::Problem;
use crate::panel::sheet::Sheet;
use crate::panel::world::{Backup, Kind, Store, View};
use crate::reply::Reply;

const PER_PAGE: u64 = 20;
const MOST_PER_PAGE: u64 = 50;

fn draw(sheet: &mut Sheet<'_>, row: &Backup) {
    sheet.begin("backup", Kind::Backup, row.id);
    let (zone, pelican) = (sheet.zone, sheet.dialect.is_pelican());
    let json = &mut sheet.json;
    json.put("uuid", &row.uuid);
    json.put("is_successful", row.successful);
    json.put("is_locked", row.locked);
    if pelican {
        json.put("is_scheduled", row.name == "nightly");
    }
    json.put("name", &row.name);
    json.put("ignored_files", &row.ignored);
    json.put("checksum", row.checksum.as_deref());
    json.put("bytes", row.bytes);
    json.put("created_at", At(row.created_at, zone));
    json.put("completed_at", row.completed_at.map(|at| At(at, zone)));
    sheet.end();
}

/// Running and finished ones count; failed ones do not.
fn counted(view: View<'_>, server: u64) -> u64 {
    let rows = view.index.backups_of_server(server).iter().filter_map(|id| view.world.backups.get(id));
    rows.filter(|row| row.successful || row.completed_at.is_none()).count() as u64
}

/// `GET …/backups`
pub(crate) fn list(call: &Call<'_>, view: View<'_>) -> Answer {
    let ids = view.index.backups_of_server(call.id(0));
    let rows: Vec<&Backup> = ids.iter().filter_map(|id| view.world.backups.get(id)).collect();
    let page = call.capped_page(&rows, PER_PAGE, MOST_PER_PAGE)?;
    let mut sheet = Sheet::new(call, view);
    sheet.rows(page.rows.iter().copied(), draw);
    sheet.json.open("meta");
    sheet.json.put("backup_count", counted(view, call.id(0)));
    page.pagination(&mut sheet.json, |page| call.bare_link(page));
    sheet.json.close();
    sheet.answer(200)
}

/// `GET …/backups/{backup}`
pub(crate) fn show(call: &Call<'_>, view: View<'_>) -> Answer {
    one(call, view, call.id(1))
}

fn one(call: &Call<'_>, view: View<'_>, id: u64) -> Answer {
    let row = view.world.backups.get(&id).ok_or_else(Problem::not_found)?;
    Sheet::single(call, view, |sheet| draw(sheet, row))
}

/// Backups that may be started on one server in ten minutes; those deleted since still count.
const STARTS: u32 = 2;
const STARTS_WINDOW_S: i64 = 600;

/// A limit of its own, with a wait of its own; the headers still show the general one.
fn check_starts(call: &Call<'_>) -> Result<(), Problem> {
    let counted = Counted::Server(call.id(0), "backups");
    let standing = call.throttle.hit(counted, STARTS, STARTS_WINDOW_S * 1000, call.now);
    if !standing.refused {
        return Ok(());
    }
    let mut problem = Problem::new(429, "TooManyRequestsHttpException", "Too many backups were started here lately.");
    problem.headers.push(("Retry-After", standing.wait_s().to_string()));
    Err(problem)
}

/// `POST …/backups`: answered while it runs.
pub(crate) fn create(call: &Call<'_>, store: &mut Store) -> Answer {
    let mut fields = Fields::of(call.request);
    let name = fields.maybe_text("name", 191);
    let ignored = fields.maybe_text("ignored", 65_535).unwrap_or_default();
    fields.done()?;
    let view = store.view();
    if counted(view, call.id(0)) >= this(call, view)?.feature_limits.backups {
        return Err(Problem::refused("TooManyBackupsException", "No more backups for this server."));
    }
    check_starts(call)?;
    let world = store.edit();
    let (id, now) = (world.next_id(Kind::Backup), world.now());
    let row = Backup {
        id,
        uuid: Chance::fork(id, "new backup").uuid(),
        server: call.id(0),
        name: name.unwrap_or_else(|| format!("Backup at {now}")),
        successful: false,
        locked: false,
        ignored: ignored.lines().map(str::to_owned).collect(),
        checksum: None,
        bytes: 0,
        created_at: now,
        completed_at: None,
    };
    world.backups.insert(id, row);
    one(call, store.view(), id)
}

/// `POST …/backups/{backup}/restore`
pub(crate) fn restore(call: &Call<'_>, store: &mut Store) -> Answer {
    let mut fields = Fields::of(call.request);
    let told = fields.flag("truncate").is_some();
    fields.expect("truncate", "required", told);
    fields.done()?;
    let view = store.view();
    let complete = view.world.backups.get(&call.id(1)).is_some_and(|row| row.successful);
    if this(call, view)?.status.is_some() || !complete {
        return Err(Problem::refused("BadRequestHttpException", "This cannot be restored now."));
    }
    store.edit().set_status(call.id(0), Some("restoring_backup"));
    Ok(Reply::done())
}

/// `PUT …/backups/{backup}/rename` of Pelican.
pub(crate) fn rename(call: &Call<'_>, store: &mut Store) -> Answer {
    let mut fields = Fields::of(call.request);
    let name = fields.text("name", 191);
    fields.done()?;
    if let Some(row) = store.edit().backups.get_mut(&call.id(1)) {
        row.name = name;
    }
    one(call, store.view(), call.id(1))
}

/// `POST …/backups/{backup}/lock`: toggles.
pub(crate) fn lock(call: &Call<'_>, store: &mut Store) -> Answer {
    if let Some(row) = store.edit().backups.get_mut(&call.id(1)) {
        row.locked = !row.locked;
    }
    one(call, store.view(), call.id(1))
}

/// `DELETE …/backups/{backup}`
pub(crate) fn delete(call: &Call<'_>, store: &mut Store) -> Answer {
    if store.world.backups.get(&call.id(1)).is_some_and(|row| row.locked && row.successful) {
        return Err(Problem::refused("BackupLockedException", "This backup is locked."));
    }
    store.edit().backups.remove(&call.id(1));
    Ok(Reply::done())
}
