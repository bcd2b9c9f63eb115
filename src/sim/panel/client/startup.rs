//! Start command and variables.

use crate::panel::call::{Answer, Call};
use crate::panel::client::list::this;
use crate::panel::fields::Fields;
use crate::panel::json::Pairs;
use crate::panel::problem::Problem;
use crate::panel::sheet::Sheet;
use crate::panel::world::{Egg, EggVariable, Kind, Server, Store, View};

/// The variables that owners see.
pub(crate) fn viewable(egg: &Egg) -> impl Iterator<Item = &EggVariable> {
    egg.variables.iter().filter(|variable| variable.user_viewable)
}

/// Writes a client `egg_variable`. The rules are one text in both dialects.
pub(crate) fn draw_variable(sheet: &mut Sheet<'_>, server: &Server, variable: &EggVariable) {
    sheet.begin("egg_variable", Kind::EggVariable, variable.id);
    sheet.json.put("name", &variable.name);
    sheet.json.put("description", &variable.description);
    sheet.json.put("env_variable", &variable.env_variable);
    sheet.json.put("default_value", &variable.default_value);
    sheet.json.put("server_value", server.values.get(&variable.id));
    sheet.json.put("is_editable", variable.user_editable);
    sheet.json.put("rules", variable.rules.as_deref().unwrap_or_default());
    sheet.end();
}

/// The start command with its placeholders filled, as far as the caller may know the values.
pub(crate) fn invocation(call: &Call<'_>, view: View<'_>, server: &Server) -> String {
    let world = view.world;
    let shown = call.may(view, server, "startup.read");
    let mut command = server.startup.clone();
    for variable in world.eggs.get(&server.egg).map(|egg| egg.variables.as_slice()).unwrap_or_default() {
        let value = server.values.get(&variable.id).unwrap_or(&variable.default_value);
        let value = if shown && variable.user_viewable { value } else { "[hidden]" };
        command = command.replace(&format!("{{{{{}}}}}", variable.env_variable), value);
    }
    let primary = server.allocation.and_then(|id| world.allocations.get(&id));
    command
        .replace("{{SERVER_MEMORY}}", &server.limits.memory.to_string())
        .replace("{{SERVER_IP}}", primary.map_or("", |row| row.ip.as_str()))
        .replace("{{SERVER_PORT}}", &primary.map(|row| row.port.to_string()).unwrap_or_default())
}

/// `GET …/startup`
pub(crate) fn show(call: &Call<'_>, view: View<'_>) -> Answer {
    let server = this(call, view)?;
    let egg = view.world.eggs.get(&server.egg).ok_or_else(|| Problem::thrown("ErrorException"))?;
    let mut sheet = Sheet::new(call, view);
    sheet.rows(viewable(egg), |sheet, row| draw_variable(sheet, server, row));
    sheet.json.open("meta");
    sheet.json.put("startup_command", invocation(call, view, server));
    sheet.json.put("docker_images", Pairs(&egg.docker_images));
    sheet.json.put("raw_startup_command", &server.startup);
    sheet.json.close();
    sheet.answer(200)
}

/// `PUT …/startup/variable`
pub(crate) fn set(call: &Call<'_>, store: &mut Store) -> Answer {
    let mut fields = Fields::of(call.request);
    let (key, value) = (fields.text("key", 191), fields.maybe_text("value", 65_535).unwrap_or_default());
    fields.done()?;
    let view = store.view();
    let egg = view.world.eggs.get(&this(call, view)?.egg);
    let variable = egg.and_then(|egg| egg.variables.iter().find(|row| row.env_variable == key)).cloned();
    let variable = match variable {
        None if call.dialect().is_pelican() => {
            return Err(Problem::refused("BadRequestHttpException", "No such variable."));
        }
        None => return Err(Problem::thrown("ErrorException")),
        Some(row) if !row.user_editable => {
            return Err(Problem::refused("BadRequestHttpException", "This variable cannot be changed."));
        }
        Some(row) => row,
    };
    if value.is_empty() && variable.rules.as_deref().unwrap_or_default().starts_with("required") {
        let mut fields = Fields::of(call.request);
        fields.fail("value", "required");
        fields.done()?;
    }
    // Values live in a table of their own: the server's `updated_at` stays where it was.
    if let Some(server) = store.edit().servers.get_mut(&call.id(0)) {
        server.values.insert(variable.id, value);
    }
    let view = store.view();
    let server = this(call, view)?;
    let mut sheet = Sheet::new(call, view);
    draw_variable(&mut sheet, server, &variable);
    sheet.json.open("meta");
    sheet.json.put("startup_command", invocation(call, view, server));
    sheet.json.put("raw_startup_command", &server.startup);
    sheet.json.close();
    sheet.answer(200)
}
