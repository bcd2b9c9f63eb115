//! The activity log.

use serde_json::Value;

use crate::Chance;
use crate::panel::call::{Answer, Call};
use crate::panel::json::{At, EmptyObject};
use crate::panel::list::{Rules, part, text};
use crate::panel::query::Includes;
use crate::panel::sheet::Sheet;
use crate::panel::world::{Activity, View};

const RULES: Rules<Activity> = Rules {
    filters: &[part("event", |a| text(&a.event))],
    sorts: &[("timestamp", |a, b| a.at.cmp(&b.at))],
    changed: |line| line.at,
};

const PER_PAGE: u64 = 25;
const MOST_PER_PAGE: u64 = 100;

/// `GET /servers/{server}/activity`
pub(crate) fn of_server(call: &Call<'_>, view: View<'_>) -> Answer {
    let lines = view.index.activity_of_server(call.id(0)).iter().filter_map(|&at| view.world.activity.get(at));
    list(call, view, lines.collect())
}

/// `GET /account/activity`
pub(crate) fn of_account(call: &Call<'_>, view: View<'_>) -> Answer {
    list(call, view, view.world.activity.iter().filter(|line| line.actor == Some(call.caller.user)).collect())
}

fn list(call: &Call<'_>, view: View<'_>, mut rows: Vec<&Activity>) -> Answer {
    RULES.apply(&mut rows, call)?;
    let page = call.capped_page(&rows, PER_PAGE, MOST_PER_PAGE)?;
    let includes = call.includes();
    let mut sheet = Sheet::new(call, view);
    sheet.rows(page.rows.iter().copied(), |sheet, line| draw(sheet, call, line, &includes));
    sheet.json.open("meta");
    page.pagination(&mut sheet.json, |page| call.full_link(page));
    sheet.json.close();
    sheet.answer(200)
}

fn draw<'a>(sheet: &mut Sheet<'a>, call: &Call<'_>, line: &'a Activity, includes: &Includes) {
    let pelican = sheet.dialect.is_pelican();
    let known_ip = call.caller.root || line.actor == Some(call.caller.user);
    sheet.json.put("object", "activity_log");
    sheet.json.open("attributes");
    sheet.json.put("id", Chance::fork(line.id, "activity").hex(40));
    if !pelican {
        sheet.json.put("batch", None::<bool>);
    }
    sheet.json.put("event", &line.event);
    sheet.json.put("is_api", line.is_api);
    sheet.json.put("ip", known_ip.then_some(line.ip.as_str()));
    sheet.json.put("description", None::<bool>);
    match &line.properties {
        Value::Object(map) if map.is_empty() && !pelican => sheet.json.put("properties", EmptyObject),
        properties => sheet.json.put("properties", properties),
    }
    sheet.json.put("has_additional_metadata", false);
    sheet.json.put("timestamp", At(line.at, sheet.zone));
    if includes.has("actor") {
        let actor = line.actor.and_then(|id| sheet.view.world.users.get(&id));
        sheet.json.open("relationships");
        sheet.one("actor", None, actor, Sheet::actor);
        sheet.json.close();
    }
    sheet.json.close();
}
