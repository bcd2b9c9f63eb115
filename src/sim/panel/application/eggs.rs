//! Nests and eggs.

use serde_json::Value;

use crate::panel::call::{Answer, Call};
use crate::panel::json::{At, EmptyObject, Pairs};
use crate::panel::problem::Problem;
use crate::panel::query::Includes;
use crate::panel::sheet::Sheet;
use crate::panel::world::{Egg, Kind, Nest, Resource, Store, View};
use crate::reply::Reply;

impl<'a> Sheet<'a> {
    /// A `nest`.
    pub(crate) fn nest(&mut self, nest: &'a Nest, includes: &Includes) {
        self.begin("nest", Kind::Nest, nest.id);
        let json = &mut self.json;
        json.put("id", nest.id);
        json.put("uuid", &nest.uuid);
        json.put("author", &nest.author);
        json.put("name", &nest.name);
        json.put("description", nest.description.as_deref());
        json.put("created_at", At::utc(nest.created_at));
        json.put("updated_at", At::utc(nest.updated_at));
        if includes.any(&["eggs", "servers"]) {
            let View { world, index } = self.view;
            let eggs = index.eggs_of_nest(nest.id);
            self.json.open("relationships");
            if includes.has("eggs") {
                let (rows, below) = (eggs.iter().filter_map(|id| world.eggs.get(id)), includes.under("eggs"));
                self.many("eggs", Some(Resource::Eggs), rows, |sheet, row| sheet.egg(row, &below));
            }
            if includes.has("servers") {
                let ids: Vec<u64> = eggs.iter().flat_map(|id| index.servers_of_egg(*id)).copied().collect();
                self.servers("servers", &ids, &includes.under("servers"));
            }
            self.json.close();
        }
        self.end();
    }

    /// An `egg`. Pterodactyl shows an egg's own values, Pelican those that it inherits.
    pub(crate) fn egg(&mut self, egg: &'a Egg, includes: &Includes) {
        let pelican = self.dialect.is_pelican();
        self.begin("egg", Kind::Egg, egg.id);
        self.json.put("id", egg.id);
        self.json.put("uuid", &egg.uuid);
        self.json.put("name", &egg.name);
        if !pelican {
            self.json.put("nest", egg.nest);
        }
        self.json.put("author", &egg.author);
        self.json.put("description", egg.description.as_deref());
        if pelican {
            self.json.put("icon", egg.icon.as_deref());
            self.json.put("features", egg.features.as_ref());
            self.json.put("tags", &egg.tags);
        }
        self.json.put("docker_image", egg.docker_images.first().map_or("", |(_, image)| image.as_str()));
        self.json.put("docker_images", Pairs(&egg.docker_images));
        self.egg_config(egg);
        self.json.put("startup", egg.startup_commands.first().map(|(_, command)| command.as_str()));
        if pelican {
            self.json.put("startup_commands", Pairs(&egg.startup_commands));
        }
        self.egg_script(egg);
        self.json.put("created_at", At::utc(egg.created_at));
        self.json.put("updated_at", At::utc(egg.updated_at));
        self.egg_relations(egg, includes);
        self.end();
    }

    fn parent(&self, id: Option<u64>) -> Option<&'a Egg> {
        self.view.world.eggs.get(&id?)
    }

    fn egg_config(&mut self, egg: &'a Egg) {
        let pelican = self.dialect.is_pelican();
        if !pelican && egg.config_from.is_some() && egg.files.is_none() {
            // Decoding a null column is what breaks these pages.
            self.throw("JsonException");
        }
        let parent = if pelican { self.parent(egg.config_from) } else { None };
        let files = egg.files.as_ref().or_else(|| parent?.files.as_ref());
        self.json.open("config");
        match files {
            Some(files) if files.as_object().is_none_or(|map| !map.is_empty()) => self.json.put("files", files),
            _ if pelican => self.json.put("files", Vec::<u8>::new()),
            _ => self.json.put("files", EmptyObject),
        }
        let own_or = |own: &'a Value, theirs: fn(&'a Egg) -> &'a Value| match (own, parent) {
            (Value::Null, Some(parent)) => theirs(parent),
            _ => own,
        };
        self.json.put("startup", own_or(&egg.startup_config, |egg| &egg.startup_config));
        self.json.put("stop", egg.stop.as_deref().or_else(|| parent?.stop.as_deref()));
        self.json.put("logs", own_or(&egg.logs, |egg| &egg.logs));
        self.json.put("file_denylist", egg.file_denylist.as_ref().or_else(|| parent?.file_denylist.as_ref()));
        self.json.put("extends", egg.config_from);
        self.json.close();
    }

    fn egg_script(&mut self, egg: &'a Egg) {
        let parent = if self.dialect.is_pelican() { self.parent(egg.script_from) } else { None };
        self.json.open("script");
        self.json.put("privileged", egg.script_privileged);
        self.json.put("install", egg.script_install.as_deref().or_else(|| parent?.script_install.as_deref()));
        self.json.put("entry", &egg.script_entry);
        self.json.put("container", &egg.script_container);
        self.json.put("extends", egg.script_from);
        self.json.close();
    }

    fn egg_relations(&mut self, egg: &'a Egg, includes: &Includes) {
        let pelican = self.dialect.is_pelican();
        if pelican && includes.any(&["config", "script"]) {
            // Advertised there, and broken there.
            return self.throw("TypeError");
        }
        let known: &[&str] =
            if pelican { &["servers", "variables"] } else { &["nest", "servers", "config", "script", "variables"] };
        if !includes.any(known) {
            return;
        }
        self.json.open("relationships");
        for name in known.iter().filter(|name| includes.has(name)) {
            self.egg_relation(name, egg, &includes.under(name));
        }
        self.json.close();
    }

    fn egg_relation(&mut self, name: &str, egg: &'a Egg, below: &Includes) {
        let View { world, index } = self.view;
        match name {
            "nest" => {
                let row = world.nests.get(&egg.nest);
                self.one(name, Some(Resource::Nests), row, |sheet, row| sheet.nest(row, below));
            }
            "servers" => self.servers(name, index.servers_of_egg(egg.id), below),
            "config" => {
                let parent = self.parent(egg.config_from);
                self.one(name, None, parent, Self::inherited_config);
            }
            "script" => {
                let parent = self.parent(egg.script_from);
                self.one(name, None, parent, Self::inherited_script);
            }
            _ => self.many(name, Some(Resource::Eggs), &egg.variables, |sheet, row| sheet.egg_variable(egg, row)),
        }
    }

    fn inherited_config(&mut self, parent: &'a Egg) {
        self.json.put("object", None::<bool>);
        self.json.open("attributes");
        self.json.put("files", parent.files.as_ref());
        self.json.put("startup", &parent.startup_config);
        self.json.put("stop", parent.stop.as_deref());
        self.json.put("logs", &parent.logs);
        self.json.close();
    }

    fn inherited_script(&mut self, parent: &'a Egg) {
        self.json.put("object", None::<bool>);
        self.json.open("attributes");
        self.json.put("privileged", parent.script_privileged);
        self.json.put("install", parent.script_install.as_deref());
        self.json.put("entry", &parent.script_entry);
        self.json.put("container", &parent.script_container);
        self.json.close();
    }
}

/// `GET /nests`
pub(crate) fn nests(call: &Call<'_>, view: View<'_>) -> Answer {
    let rows: Vec<&Nest> = view.world.nests.values().collect();
    let includes = call.includes();
    Sheet::page(call, view, &call.page(&rows)?, |sheet, nest| sheet.nest(nest, &includes))
}

/// `GET /nests/{nest}`
pub(crate) fn nest(call: &Call<'_>, view: View<'_>) -> Answer {
    let nest = view.world.nests.get(&call.id(0)).ok_or_else(Problem::not_found)?;
    Sheet::single(call, view, |sheet| sheet.nest(nest, &call.includes()))
}

/// `GET /nests/{nest}/eggs`, without pages.
pub(crate) fn of_nest(call: &Call<'_>, view: View<'_>) -> Answer {
    let rows = view.index.eggs_of_nest(call.id(0)).iter().filter_map(|id| view.world.eggs.get(id));
    let includes = call.includes();
    Sheet::all(call, view, rows, |sheet, egg| sheet.egg(egg, &includes))
}

/// `GET /eggs` of Pelican, without pages.
pub(crate) fn all(call: &Call<'_>, view: View<'_>) -> Answer {
    let includes = call.includes();
    Sheet::all(call, view, view.world.eggs.values(), |sheet, egg| sheet.egg(egg, &includes))
}

/// One egg, last in the path of either dialect.
pub(crate) fn show(call: &Call<'_>, view: View<'_>) -> Answer {
    let id = call.ids.last().copied().unwrap_or(0);
    let egg = view.world.eggs.get(&id).ok_or_else(Problem::not_found)?;
    Sheet::single(call, view, |sheet| sheet.egg(egg, &call.includes()))
}

/// `DELETE /eggs/{egg}` of Pelican.
pub(crate) fn delete(call: &Call<'_>, store: &mut Store) -> Answer {
    let id = call.id(0);
    if !store.view().index.servers_of_egg(id).is_empty() {
        return Err(Problem::refused("HasActiveServersException", "Servers use this egg."));
    }
    store.edit().remove_egg(id);
    Ok(Reply::done())
}
