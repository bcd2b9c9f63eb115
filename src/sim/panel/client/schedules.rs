//! Schedules with their tasks.

use crate::panel::call::{Answer, Call};
use crate::panel::fields::Fields;
use crate::panel::json::At;
use crate::panel::problem::Problem;
use crate::panel::sheet::Sheet;
use crate::panel::world::{Kind, Schedule, Store, Task, View};
use crate::reply::Reply;

fn draw(sheet: &mut Sheet<'_>, row: &Schedule) {
    sheet.begin("server_schedule", Kind::Schedule, row.id);
    let zone = sheet.zone;
    let [minute, hour, day, month, weekday] = &row.cron;
    let json = &mut sheet.json;
    json.put("id", row.id);
    json.put("name", &row.name);
    json.open("cron");
    json.put("day_of_week", weekday);
    json.put("day_of_month", day);
    json.put("month", month);
    json.put("hour", hour);
    json.put("minute", minute);
    json.close();
    json.put("is_active", row.active);
    json.put("is_processing", false);
    json.put("only_when_online", row.only_when_online);
    json.put("last_run_at", row.last_run_at.map(|at| At(at, zone)));
    json.put("next_run_at", row.next_run_at.map(|at| At(at, zone)));
    json.put("created_at", At(row.created_at, zone));
    json.put("updated_at", At(row.updated_at, zone));
    sheet.json.open("relationships");
    sheet.many("tasks", None, row.tasks.iter().enumerate(), |sheet, (at, task)| draw_task(sheet, row, at, task));
    sheet.json.close();
    sheet.end();
}

fn draw_task(sheet: &mut Sheet<'_>, schedule: &Schedule, at: usize, task: &Task) {
    sheet.begin("schedule_task", Kind::Task, task.id);
    let zone = sheet.zone;
    let json = &mut sheet.json;
    json.put("id", task.id);
    json.put("sequence_id", at + 1);
    json.put("action", &task.action);
    json.put("payload", &task.payload);
    json.put("time_offset", task.time_offset);
    json.put("is_queued", false);
    json.put("continue_on_failure", task.continue_on_failure);
    json.put("created_at", At(schedule.created_at, zone));
    json.put("updated_at", At(schedule.updated_at, zone));
    sheet.end();
}

/// `GET …/schedules`
pub(crate) fn list(call: &Call<'_>, view: View<'_>) -> Answer {
    let rows = view.index.schedules_of_server(call.id(0)).iter().filter_map(|id| view.world.schedules.get(id));
    Sheet::all(call, view, rows, draw)
}

/// `GET …/schedules/{schedule}`
pub(crate) fn show(call: &Call<'_>, view: View<'_>) -> Answer {
    one(call, view, call.id(1))
}

/// `POST …/schedules`
pub(crate) fn create(call: &Call<'_>, store: &mut Store) -> Answer {
    let draft = Draft::read(call)?;
    let world = store.edit();
    let (id, now) = (world.next_id(Kind::Schedule), world.now());
    let row = Schedule {
        id,
        server: call.id(0),
        name: draft.name,
        cron: draft.cron,
        active: draft.active,
        only_when_online: draft.only_when_online,
        last_run_at: None,
        next_run_at: Some(now),
        tasks: Vec::new(),
        created_at: now,
        updated_at: now,
    };
    world.schedules.insert(id, row);
    one(call, store.view(), id)
}

/// `POST …/schedules/{schedule}`: a full update.
pub(crate) fn update(call: &Call<'_>, store: &mut Store) -> Answer {
    let draft = Draft::read(call)?;
    change(call, store, |row| {
        (row.name, row.cron) = (draft.name, draft.cron);
        (row.active, row.only_when_online) = (draft.active, draft.only_when_online);
    });
    show(call, store.view())
}

/// `DELETE …/schedules/{schedule}`
pub(crate) fn delete(call: &Call<'_>, store: &mut Store) -> Answer {
    store.edit().schedules.remove(&call.id(1));
    Ok(Reply::done())
}

/// `POST …/schedules/{schedule}/execute`
pub(crate) fn execute(call: &Call<'_>, store: &mut Store) -> Answer {
    if store.world.schedules.get(&call.id(1)).is_some_and(|row| row.tasks.is_empty()) {
        return Err(Problem::refused("DisplayException", "There is nothing to run."));
    }
    let now = store.world.now();
    change(call, store, |row| row.last_run_at = Some(now));
    Ok(Reply::empty(202))
}

/// Tasks that one schedule may have.
const MOST_TASKS: usize = 10;

/// `POST …/schedules/{schedule}/tasks`
pub(crate) fn add_task(call: &Call<'_>, store: &mut Store) -> Answer {
    let task = read_task(call)?;
    if store.world.schedules.get(&call.id(1)).is_some_and(|row| row.tasks.len() >= MOST_TASKS) {
        return Err(Problem::refused("ServiceLimitExceededException", "This schedule has all its tasks."));
    }
    let id = store.edit().next_id(Kind::Task);
    change(call, store, |row| row.tasks.push(Task { id, ..task }));
    one_task(call, store.view(), id)
}

/// `POST …/schedules/{schedule}/tasks/{task}`
pub(crate) fn update_task(call: &Call<'_>, store: &mut Store) -> Answer {
    let (task, id) = (read_task(call)?, call.id(2));
    change(call, store, |row| {
        row.tasks.iter_mut().filter(|old| old.id == id).for_each(|old| *old = Task { id, ..task.clone() });
    });
    one_task(call, store.view(), id)
}

/// `DELETE …/schedules/{schedule}/tasks/{task}`: later ones move up.
pub(crate) fn delete_task(call: &Call<'_>, store: &mut Store) -> Answer {
    change(call, store, |row| row.tasks.retain(|task| task.id != call.id(2)));
    Ok(Reply::done())
}

fn one(call: &Call<'_>, view: View<'_>, id: u64) -> Answer {
    let row = view.world.schedules.get(&id).ok_or_else(Problem::not_found)?;
    Sheet::single(call, view, |sheet| draw(sheet, row))
}

fn one_task(call: &Call<'_>, view: View<'_>, id: u64) -> Answer {
    let row = view.world.schedules.get(&call.id(1)).ok_or_else(Problem::not_found)?;
    let at = row.tasks.iter().position(|task| task.id == id).ok_or_else(Problem::not_found)?;
    Sheet::single(call, view, |sheet| draw_task(sheet, row, at, &row.tasks[at]))
}

fn change(call: &Call<'_>, store: &mut Store, change: impl FnOnce(&mut Schedule)) {
    let world = store.edit();
    let now = world.now();
    if let Some(row) = world.schedules.get_mut(&call.id(1)) {
        change(row);
        row.updated_at = now;
    }
}

/// The fields of a write, checked.
struct Draft {
    name: String,
    cron: [String; 5],
    active: bool,
    only_when_online: bool,
}

impl Draft {
    fn read(call: &Call<'_>) -> Result<Self, Problem> {
        let mut fields = Fields::of(call.request);
        let draft = Self {
            name: fields.text("name", 191),
            cron: ["minute", "hour", "day_of_month", "month", "day_of_week"].map(|field| fields.text(field, 191)),
            active: fields.flag("is_active").unwrap_or(false),
            only_when_online: fields.flag("only_when_online").unwrap_or(false),
        };
        fields.done()?;
        let legal = |part: &String| part.chars().all(|c| c.is_ascii_alphanumeric() || "*,-/?#".contains(c));
        match draft.cron.iter().all(legal) {
            true => Ok(draft),
            false => Err(Problem::refused("DisplayException", "This is no cron expression.")),
        }
    }
}

fn read_task(call: &Call<'_>) -> Result<Task, Problem> {
    let mut fields = Fields::of(call.request);
    let action = fields.text("action", 20);
    let more: &[&str] = if call.dialect().is_pelican() { &["delete_files"] } else { &[] };
    let known = ["command", "power", "backup"].iter().chain(more).any(|known| *known == action);
    fields.expect("action", "in", known);
    let payload = match action.as_str() {
        "backup" => fields.maybe_text("payload", 65_535).unwrap_or_default(),
        _ => fields.text("payload", 65_535),
    };
    let time_offset = fields.number("time_offset", 0);
    fields.expect("time_offset", "between", time_offset <= 900);
    let continue_on_failure = fields.flag("continue_on_failure").unwrap_or(false);
    fields.done()?;
    Ok(Task { id: 0, action, payload, time_offset: time_offset.max(0) as u64, continue_on_failure })
}
