//! Schedules with their tasks.

use crate::panel::call::{Answer, Call};
use crate::panel::json::At;
use crate::panel::problem::Problem;
use crate::panel::sheet::Sheet;
use crate::panel::world::{Kind, Schedule, Task, View};

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
    let row = view.world.schedules.get(&call.id(1)).ok_or_else(Problem::not_found)?;
    Sheet::single(call, view, |sheet| draw(sheet, row))
}
