//! Nests and eggs.

use serde_json::{Value, json};

use super::times;
use crate::Chance;
use crate::panel::spec::PanelSpec;
use crate::panel::world::{Egg, EggVariable, Nest, World};

const NESTS: &[(&str, &str)] = &[
    ("Block Worlds", "Voxel sandbox servers and their proxies."),
    ("Runtimes", "Plain language runtimes for bots and web things."),
    ("Shooters", "Fast ones."),
    ("Survival", "Slow ones."),
];

/// Name, start command, image labels and images, variables.
struct Recipe {
    name: &'static str,
    command: &'static str,
    images: &'static [(&'static str, &'static str)],
    variables: &'static [Setting],
}

/// Name, environment name, default, rules, shown to owners.
type Setting = (&'static str, &'static str, &'static str, &'static str, bool);

const RECIPES: &[Recipe] = &[
    Recipe {
        name: "Voxel Java",
        command: "java -Xms256M -Xmx{{SERVER_MEMORY}}M -jar {{SERVER_JARFILE}} --nogui",
        images: &[("Java 21", "ghcr.io/simulated/java:21"), ("Java 17", "ghcr.io/simulated/java:17")],
        variables: &[
            ("Jar name", "SERVER_JARFILE", "world.jar", "required|string|max:40", true),
            ("Game build", "GAME_BUILD", "newest", "nullable|string|max:20", true),
            ("Mirror token", "MIRROR_TOKEN", "", "nullable|string", false),
        ],
    },
    Recipe {
        name: "Voxel Proxy",
        command: "java -jar {{SERVER_JARFILE}} --port {{SERVER_PORT}}",
        images: &[("ghcr.io/simulated/java:17", "ghcr.io/simulated/java:17")],
        variables: &[
            ("Jar name", "SERVER_JARFILE", "proxy.jar", "required|regex:/^([\\w\\d._-]+)(\\.jar|\\.war)$/", true),
            ("Forwarding secret", "FORWARDING_SECRET", "change-me", "required|string", false),
        ],
    },
    Recipe {
        name: "Node runtime",
        command: "node {{ENTRY_FILE}}",
        images: &[("Node 22", "ghcr.io/simulated/node:22"), ("Node 20", "ghcr.io/simulated/node:20")],
        variables: &[
            ("Entry file", "ENTRY_FILE", "main.js", "required|string", true),
            ("Install packages", "AUTO_INSTALL", "1", "required|boolean", true),
        ],
    },
    Recipe {
        name: "Arena shooter",
        command: "./arena -game {{GAME_MODE}} +map {{MAP}} +maxplayers {{MAX_PLAYERS}} -port {{SERVER_PORT}}",
        images: &[("Debian", "ghcr.io/simulated/games:arena")],
        variables: &[
            ("Mode", "GAME_MODE", "casual", "required|in:casual,ranked", true),
            ("Map", "MAP", "de_harbour", "required|string|max:64", true),
            ("Players", "MAX_PLAYERS", "16", "required|integer|between:1,64", true),
            ("Login token", "LOGIN_TOKEN", "", "nullable|alpha_num", false),
        ],
    },
    Recipe {
        name: "Python runtime",
        command: "python3 /home/container/{{PY_FILE}}",
        images: &[("Python 3.13", "ghcr.io/simulated/python:3.13")],
        variables: &[("Script", "PY_FILE", "app.py", "required|string", true)],
    },
    Recipe {
        name: "Island survival",
        command: "./island-server -name \"{{WORLD_NAME}}\" -password {{ADMIN_PASSWORD}}",
        images: &[("Wine", "ghcr.io/simulated/wine:latest")],
        variables: &[
            ("World", "WORLD_NAME", "New island", "required|string|max:60", true),
            ("Administrator password", "ADMIN_PASSWORD", "", "required|string|min:8", false),
        ],
    },
];

/// Fills the tables.
pub(super) fn fill(world: &mut World, spec: &PanelSpec) {
    let mut chance = Chance::fork(spec.seed, "eggs");
    let mut variable = 1;
    let mut egg_id = 0;
    for nest in 1..=u64::from(spec.nests.max(u32::from(spec.servers > 0))) {
        world.nests.insert(nest, make_nest(nest, &mut chance));
        for _ in 0..u64::from(spec.eggs_per_nest.max(u32::from(spec.servers > 0))) {
            egg_id += 1;
            let name = egg_name(egg_id);
            let row = egg(egg_id, nest, &name, variable, &mut chance);
            variable += row.variables.len() as u64;
            world.eggs.insert(egg_id, row);
        }
    }
}

fn make_nest(id: u64, chance: &mut Chance) -> Nest {
    let (name, description) = NESTS[(id as usize - 1) % NESTS.len()];
    let round = (id as usize - 1) / NESTS.len();
    let (created_at, updated_at) = times(chance);
    Nest {
        id,
        uuid: chance.uuid(),
        author: "eggs@simulated.example".to_owned(),
        name: if round == 0 { name.to_owned() } else { format!("{name} {}", round + 1) },
        description: Some(description.to_owned()),
        created_at,
        updated_at,
    }
}

fn egg_name(id: u64) -> String {
    let round = (id - 1) / RECIPES.len() as u64;
    let name = recipe(id).name;
    if round == 0 { name.to_owned() } else { format!("{name} {}", round + 1) }
}

fn recipe(egg: u64) -> &'static Recipe {
    &RECIPES[(egg as usize + RECIPES.len() - 1) % RECIPES.len()]
}

/// An egg after one of the recipes, its variables numbered from `first_variable`.
pub(in crate::panel::world) fn egg(id: u64, nest: u64, name: &str, first_variable: u64, chance: &mut Chance) -> Egg {
    let recipe = recipe(id);
    let (created_at, updated_at) = times(chance);
    let owned = |pairs: &[(&str, &str)]| pairs.iter().map(|&(a, b)| (a.to_owned(), b.to_owned())).collect();
    Egg {
        id,
        uuid: chance.uuid(),
        nest,
        name: name.to_owned(),
        author: "eggs@simulated.example".to_owned(),
        description: Some(format!("{} with the usual settings.", recipe.name)),
        icon: None,
        features: Some(vec!["eula".to_owned(), "java_version".to_owned()]),
        tags: vec![recipe.name.split(' ').next().unwrap_or_default().to_lowercase()],
        docker_images: owned(recipe.images),
        files: Some(config_files()),
        startup_config: json!({ "done": "World ready in " }),
        stop: Some("stop".to_owned()),
        logs: json!({}),
        file_denylist: Some(vec!["*.pem".to_owned()]),
        config_from: None,
        startup_commands: startup_commands(recipe.command),
        script_privileged: true,
        script_install: Some("#!/bin/sh\ncd /mnt/server\nfetch-build \"$GAME_BUILD\" \"$SERVER_JARFILE\"\n".to_owned()),
        script_entry: "sh".to_owned(),
        script_container: "ghcr.io/simulated/installer:alpine".to_owned(),
        script_from: None,
        variables: variables(recipe, first_variable, created_at),
        created_at,
        updated_at,
    }
}

fn startup_commands(command: &str) -> Vec<(String, String)> {
    vec![("Default".to_owned(), command.to_owned()), ("Debug".to_owned(), format!("{command} --debug"))]
}

fn config_files() -> Value {
    json!({
        "server.properties": {
            "parser": "properties",
            "find": { "server-port": "{{server.build.default.port}}", "query.port": "{{server.build.default.port}}" }
        }
    })
}

fn variables(recipe: &Recipe, first: u64, made: jiff::Timestamp) -> Vec<EggVariable> {
    let rows = recipe.variables.iter().zip(first..);
    rows.map(|(&(name, env, default, rules, shown), id)| EggVariable {
        id,
        name: name.to_owned(),
        description: format!("{name} of the server."),
        env_variable: env.to_owned(),
        default_value: default.to_owned(),
        user_viewable: shown,
        user_editable: shown,
        rules: Some(rules.to_owned()),
        created_at: Some(made),
        updated_at: Some(made),
    })
    .collect()
}
