//! The panel's objects as records of the model, both dialects alike.

use std::collections::BTreeSet;

use aviary_kernel::model::{
    Allocation, Egg, EggConfig, EggScript, EggVariable, FeatureLimits, Kind, Limits, Location, Nest, Node, Pairs,
    RemoteId, Resources, Server, ServerDatabase, ServerVariable, Subuser, User,
};
use serde_json::Value;

use super::fields::{Fields, Read};
use super::hide::{Veil, hidden_unless};
use super::wire::{Relation, id_of, relation, short};
use super::{Children, EggBundle, ServerBundle};

/// A row that was read.
#[derive(Debug)]
pub(crate) struct Row<T> {
    pub(crate) id: RemoteId,
    pub(crate) value: T,
    /// Parts of it that were not; the relations they belong to are unknown.
    pub(crate) faults: Vec<Fault>,
}

/// Something that could not be read.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) kind: Kind,
    pub(crate) id: Option<RemoteId>,
    pub(crate) reason: String,
}

impl Fault {
    /// The same, and which object it is a part of.
    pub(crate) fn of(self, kind: Kind, id: RemoteId) -> Self {
        Self { reason: format!("part of {} {id}: {}", kind.noun(), self.reason), ..self }
    }
}

/// Reads one row of a list.
pub(crate) fn row<T>(
    kind: Kind,
    value: &Value,
    read: impl FnOnce(Fields<'_>, &mut Vec<Fault>) -> Read<T>,
) -> Result<Row<T>, Fault> {
    let id = id_of(value);
    let mut faults = Vec::new();
    let value = attributes(kind, value).and_then(|fields| read(fields, &mut faults));
    match (id, value) {
        (Some(id), Ok(value)) => Ok(Row { id, value, faults }),
        (id, Err(reason)) => Err(Fault { kind, id, reason }),
        (None, Ok(_)) => Err(Fault { kind, id, reason: "id is not a number above zero".to_owned() }),
    }
}

fn attributes(kind: Kind, value: &Value) -> Read<Fields<'_>> {
    let object = value.get("object").and_then(Value::as_str).unwrap_or_default();
    if !objects(kind).contains(&object) {
        return Err(format!("is `{}` and no {}", short(object), kind.noun()));
    }
    value
        .get("attributes")
        .filter(|value| value.is_object())
        .map(Fields::new)
        .ok_or_else(|| "has no attributes".to_owned())
}

/// What the panel calls the objects of a kind, depending on where they stand.
fn objects(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::Location => &["location"],
        Kind::Node => &["node"],
        Kind::Allocation => &["allocation"],
        Kind::Nest => &["nest"],
        Kind::Egg => &["egg"],
        Kind::EggVariable => &["egg_variable", "server_variable"],
        Kind::User => &["user"],
        Kind::Server => &["server"],
        Kind::Database => &["server_database", "databases"],
        Kind::Subuser => &["subuser", "server_subuser"],
    }
}

/// The rows of a relation that can be read; none when the panel does not show it.
fn children<T>(
    parent: Fields<'_>,
    name: &str,
    kind: Kind,
    faults: &mut Vec<Fault>,
    read: impl Fn(Fields<'_>) -> Read<T>,
) -> Option<Children<T>> {
    let rows = match relation(parent.value(), name) {
        Relation::Rows(rows) => rows,
        Relation::Unknown => return None,
        Relation::Odd => {
            faults.push(Fault { kind, id: None, reason: format!("{name} is no list") });
            return None;
        }
    };
    let mut read_rows = Vec::with_capacity(rows.len());
    let mut is_whole = true;
    for value in rows {
        match row(kind, value, |fields, _| read(fields)) {
            Ok(row) => read_rows.push((row.id, row.value)),
            Err(fault) => {
                faults.push(fault);
                is_whole = false;
            }
        }
    }
    // The panel does not order them, and may hold a variable twice.
    read_rows.sort_by_key(|(id, _)| *id);
    read_rows.dedup_by_key(|(id, _)| *id);
    Some(Children { rows: read_rows.into_iter().map(|(_, value)| value).collect(), is_whole })
}

pub(crate) fn location(value: &Value) -> Result<Row<Location>, Fault> {
    row(Kind::Location, value, |f, _| {
        Ok(Location {
            id: f.id("id")?,
            short: f.text("short")?,
            long: f.opt_text("long")?,
            created_at: f.time("created_at"),
            updated_at: f.time("updated_at"),
        })
    })
}

pub(crate) fn node(value: &Value) -> Result<Row<Node>, Fault> {
    row(Kind::Node, value, |f, _| {
        Ok(Node {
            id: f.id("id")?,
            uuid: f.text("uuid")?,
            public: f.flag("public")?,
            name: f.text("name")?,
            description: f.opt_text("description")?,
            location_id: f.opt_id("location_id")?,
            fqdn: f.text("fqdn")?,
            scheme: f.text("scheme")?,
            behind_proxy: f.flag("behind_proxy")?,
            maintenance_mode: f.flag("maintenance_mode")?,
            memory: f.int("memory")?,
            memory_overallocate: f.opt_int("memory_overallocate")?.unwrap_or_default(),
            disk: f.int("disk")?,
            disk_overallocate: f.opt_int("disk_overallocate")?.unwrap_or_default(),
            cpu: f.opt_int("cpu")?,
            cpu_overallocate: f.opt_int("cpu_overallocate")?,
            upload_size: f.opt_int("upload_size")?.unwrap_or_default(),
            daemon_listen: f.int("daemon_listen")?,
            daemon_sftp: f.int("daemon_sftp")?,
            daemon_base: f.opt_text("daemon_base")?.unwrap_or_default(),
            daemon_sftp_alias: f.opt_text("daemon_sftp_alias")?,
            daemon_connect: f.opt_int("daemon_connect")?,
            tags: f.texts("tags")?,
            allocated_resources: allocated(f)?,
            created_at: f.time("created_at"),
            updated_at: f.time("updated_at"),
        })
    })
}

fn allocated(node: Fields<'_>) -> Read<Resources> {
    if node.get("allocated_resources").is_none() {
        return Ok(Resources::default());
    }
    let sums = node.part("allocated_resources.")?;
    Ok(Resources {
        memory: sums.opt_int("memory")?.unwrap_or_default(),
        disk: sums.opt_int("disk")?.unwrap_or_default(),
        cpu: sums.opt_int("cpu")?,
    })
}

pub(crate) fn allocation(node_id: RemoteId, value: &Value) -> Result<Row<Allocation>, Fault> {
    row(Kind::Allocation, value, |f, _| {
        Ok(Allocation {
            id: f.id("id")?,
            node_id,
            ip: f.text("ip")?,
            alias: f.opt_text("alias")?,
            port: port(f)?,
            notes: f.opt_text("notes")?,
            assigned: f.opt_flag("assigned")?.ok_or("assigned is missing")?,
        })
    })
}

fn port(allocation: Fields<'_>) -> Read<u16> {
    u16::try_from(allocation.int("port")?).map_err(|_| "port is not between 0 and 65535".to_owned())
}

pub(crate) fn nest(value: &Value) -> Result<Row<Nest>, Fault> {
    row(Kind::Nest, value, |f, _| {
        Ok(Nest {
            id: f.id("id")?,
            uuid: f.text("uuid")?,
            author: f.opt_text("author")?.unwrap_or_default(),
            name: f.text("name")?,
            description: f.opt_text("description")?,
            created_at: f.time("created_at"),
            updated_at: f.time("updated_at"),
        })
    })
}

pub(crate) fn egg(nest: Option<RemoteId>, value: &Value) -> Result<Row<EggBundle>, Fault> {
    row(Kind::Egg, value, |f, faults| {
        let egg = Egg {
            id: f.id("id")?,
            uuid: f.text("uuid")?,
            nest_id: f.opt_id("nest")?.or(nest),
            name: f.text("name")?,
            author: f.opt_text("author")?.unwrap_or_default(),
            description: f.opt_text("description")?,
            docker_image: f.opt_text("docker_image")?,
            docker_images: f.pairs("docker_images")?,
            config: egg_config(f)?,
            startup: f.opt_text("startup")?,
            startup_commands: f.pairs("startup_commands")?,
            script: egg_script(f)?,
            icon: f.opt_text("icon")?,
            features: f.opt_texts("features")?,
            tags: f.texts("tags")?,
            created_at: f.time("created_at"),
            updated_at: f.time("updated_at"),
        };
        let variables = children(f, "variables", Kind::EggVariable, faults, |child| egg_variable(egg.id, child));
        Ok(EggBundle { egg, variables })
    })
}

fn egg_config(egg: Fields<'_>) -> Read<EggConfig> {
    let config = egg.part("config.")?;
    Ok(EggConfig {
        files: config.json("files"),
        startup: config.json("startup"),
        stop: config.opt_text("stop")?,
        logs: config.json("logs"),
        file_denylist: config.opt_texts("file_denylist")?,
        extends: config.opt_id("extends")?,
    })
}

fn egg_script(egg: Fields<'_>) -> Read<EggScript> {
    let script = egg.part("script.")?;
    Ok(EggScript {
        privileged: script.flag("privileged")?,
        install: script.opt_text("install")?,
        entry: script.opt_text("entry")?,
        container: script.opt_text("container")?,
        extends: script.opt_id("extends")?,
    })
}

fn egg_variable(egg: RemoteId, f: Fields<'_>) -> Read<EggVariable> {
    let user_viewable = f.opt_flag("user_viewable")?.ok_or("user_viewable is missing")?;
    Ok(EggVariable {
        id: f.id("id")?,
        egg_id: f.opt_id("egg_id")?.unwrap_or(egg),
        name: f.text("name")?,
        description: f.opt_text("description")?,
        env_variable: f.text("env_variable")?,
        default_value: hidden_unless(user_viewable, f.scalar("default_value")),
        user_viewable,
        user_editable: f.flag("user_editable")?,
        rules: rules(f)?,
        sort: f.opt_int("sort")?,
        created_at: f.time("created_at"),
        updated_at: f.time("updated_at"),
    })
}

fn rules(variable: Fields<'_>) -> Read<Vec<String>> {
    match variable.get("rules") {
        Some(Value::String(text)) => Ok(vec![text.clone()]),
        _ => variable.texts("rules"),
    }
}

pub(crate) fn user(value: &Value) -> Result<Row<User>, Fault> {
    row(Kind::User, value, |f, _| {
        Ok(User {
            id: f.id("id")?,
            external_id: f.opt_text("external_id")?,
            uuid: f.text("uuid")?,
            username: f.text("username")?,
            email: f.text("email")?,
            first_name: f.opt_text("first_name")?,
            last_name: f.opt_text("last_name")?,
            language: f.opt_text("language")?.unwrap_or_default(),
            root_admin: f.flag("root_admin")?,
            two_factor: f.opt_flag("2fa")?.or(f.opt_flag("2fa_enabled")?).unwrap_or(false),
            is_managed_externally: f.opt_flag("is_managed_externally")?,
            created_at: f.time("created_at"),
            updated_at: f.time("updated_at"),
        })
    })
}

pub(crate) fn server(value: &Value) -> Result<Row<ServerBundle>, Fault> {
    row(Kind::Server, value, |f, faults| {
        let id = f.id("id")?;
        let variables = children(f, "variables", Kind::EggVariable, faults, server_variable).and_then(Children::all);
        let server = server_itself(id, f, allocations(f, faults), variables)?;
        let subusers = children(f, "subusers", Kind::Subuser, faults, |child| subuser(id, child));
        let databases = children(f, "databases", Kind::Database, faults, |child| database(id, child));
        Ok(ServerBundle { server, subusers, databases })
    })
}

fn server_itself(
    id: RemoteId,
    f: Fields<'_>,
    allocations: Option<Vec<RemoteId>>,
    variables: Option<Vec<SeenVariable>>,
) -> Read<Server> {
    let container = f.part("container.")?;
    let uuid = f.text("uuid")?;
    let status = f.opt_text("status")?;
    let veil = veil(variables.as_deref());
    Ok(Server {
        id,
        external_id: f.opt_text("external_id")?,
        identifier: f.opt_text("identifier")?.unwrap_or_else(|| uuid.chars().take(8).collect()),
        uuid,
        name: f.text("name")?,
        description: f.opt_text("description")?,
        suspended: f.opt_flag("suspended")?.unwrap_or(status.as_deref() == Some("suspended")),
        limits: limits(f)?,
        feature_limits: feature_limits(f)?,
        user_id: f.id("user")?,
        node_id: f.id("node")?,
        allocation_id: f.opt_id("allocation")?,
        nest_id: f.opt_id("nest")?,
        egg_id: f.id("egg")?,
        startup_command: container.opt_text("startup_command")?.unwrap_or_default(),
        image: container.opt_text("image")?.unwrap_or_default(),
        installed: container
            .opt_flag("installed")?
            .unwrap_or(!matches!(status.as_deref(), Some("installing" | "install_failed"))),
        environment: Pairs(veil.cover(container.scalars("environment")?)),
        status,
        allocations,
        variables: variables.map(|seen| seen.into_iter().map(|variable| variable.value).collect()),
        created_at: f.time("created_at"),
        updated_at: f.time("updated_at"),
    })
}

fn limits(server: Fields<'_>) -> Read<Limits> {
    let limits = server.part("limits.")?;
    // Pelican tells the opposite, and may one day tell only that.
    let killer = limits.opt_flag("oom_killer")?.map(|on| !on);
    Ok(Limits {
        memory: limits.int("memory")?,
        swap: limits.int("swap")?,
        disk: limits.int("disk")?,
        io: limits.int("io")?,
        cpu: limits.int("cpu")?,
        threads: limits.opt_text("threads")?,
        oom_disabled: limits.opt_flag("oom_disabled")?.or(killer).unwrap_or(false),
    })
}

fn feature_limits(server: Fields<'_>) -> Read<FeatureLimits> {
    let limits = server.part("feature_limits.")?;
    Ok(FeatureLimits {
        databases: limits.opt_int("databases")?,
        allocations: limits.opt_int("allocations")?,
        backups: limits.opt_int("backups")?,
    })
}

fn allocations(server: Fields<'_>, faults: &mut Vec<Fault>) -> Option<Vec<RemoteId>> {
    children(server, "allocations", Kind::Allocation, faults, |child| child.id("id")).and_then(Children::all)
}

/// A variable of a server, and whether its value is hidden.
struct SeenVariable {
    value: ServerVariable,
    is_hidden: bool,
}

fn server_variable(f: Fields<'_>) -> Read<SeenVariable> {
    let viewable = f.opt_flag("user_viewable")?.ok_or("user_viewable is missing")?;
    let value = ServerVariable {
        id: f.id("id")?,
        env_variable: f.text("env_variable")?,
        server_value: hidden_unless(viewable, f.scalar("server_value")),
    };
    Ok(SeenVariable { value, is_hidden: !viewable })
}

fn veil(variables: Option<&[SeenVariable]>) -> Veil {
    match variables {
        None => Veil::OverAllVariables,
        Some(seen) => {
            let hidden = seen.iter().filter(|variable| variable.is_hidden);
            Veil::Over(hidden.map(|variable| variable.value.env_variable.clone()).collect::<BTreeSet<_>>())
        }
    }
}

fn subuser(server: RemoteId, f: Fields<'_>) -> Read<Subuser> {
    let mut permissions = f.texts("permissions")?;
    permissions.sort();
    permissions.dedup();
    Ok(Subuser {
        id: f.id("id")?,
        user_id: f.id("user_id")?,
        server_id: of_server(server, f, "server_id")?,
        permissions,
        created_at: f.time("created_at"),
        updated_at: f.time("updated_at"),
    })
}

fn database(server: RemoteId, f: Fields<'_>) -> Read<ServerDatabase> {
    Ok(ServerDatabase {
        id: f.id("id")?,
        server_id: of_server(server, f, "server")?,
        host_id: f.id("host")?,
        database: f.text("database")?,
        username: f.text("username")?,
        remote: f.text("remote")?,
        max_connections: f.opt_int("max_connections")?,
        created_at: f.time("created_at"),
        updated_at: f.time("updated_at"),
    })
}

/// The server that a part stands under, which must be the one it names.
fn of_server(server: RemoteId, part: Fields<'_>, name: &str) -> Read<RemoteId> {
    match part.opt_id(name)? {
        Some(other) if other != server => Err(format!("{name} names server {other} but stands under server {server}")),
        _ => Ok(server),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Map, json};

    use super::*;

    /// Any JSON, with the names that the decoders look for here and there.
    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            "[a-z0-9.-]{0,8}".prop_map(Value::from),
        ];
        let names = prop::sample::select(vec![
            "object",
            "data",
            "attributes",
            "id",
            "uuid",
            "name",
            "limits",
            "container",
            "environment",
            "relationships",
            "variables",
            "subusers",
            "databases",
            "allocations",
            "permissions",
            "config",
            "script",
            "rules",
            "docker_images",
        ]);
        leaf.prop_recursive(5, 60, 8, move |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                prop::collection::vec((names.clone(), inner), 0..8).prop_map(|fields| {
                    Value::Object(
                        fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect::<Map<_, _>>(),
                    )
                }),
            ]
        })
    }

    fn with_object(object: &str, attributes: Value) -> Value {
        json!({"object": object, "attributes": attributes})
    }

    proptest! {
        #[test]
        fn no_json_makes_a_decoder_panic(value in any_json()) {
            let _ = location(&value);
            for object in ["location", "node", "nest", "egg", "user", "server", "allocation"] {
                let value = with_object(object, value.clone());
                let _ = (location(&value), node(&value), nest(&value), egg(Some(1), &value));
                let _ = (user(&value), server(&value), allocation(1, &value));
            }
        }

        #[test]
        fn an_id_that_can_be_read_is_never_lost(id in 1..u64::MAX, value in any_json()) {
            let mut attributes = Map::from_iter([("limits".to_owned(), value)]);
            attributes.insert("id".to_owned(), json!(id));
            let fault = server(&with_object("server", Value::Object(attributes))).expect_err("most of it is missing");
            prop_assert_eq!(fault.id, Some(id));
        }
    }
}
