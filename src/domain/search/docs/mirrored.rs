use std::ops::ControlFlow;

use aviary_kernel::base::Result;
use aviary_kernel::model::{
    Allocation, Egg, EggVariable, Kind, Location, Nest, Node, ObjectKey, PanelId, RemoteId, Scalar, Server,
    ServerDatabase, Subuser, User,
};
use aviary_kernel::store::rows::{Mirror, Mirrored, address};
use aviary_kernel::store::tables::{ALLOCATION_SERVER, CHILDREN};
use aviary_kernel::store::{Direction, Read, Span};

use super::{Doc, Place, label};
use crate::mirror::Searchable;

/// Of what belongs to an object so many are taken.
const MOST: usize = 64;

/// An object of a panel.
pub(super) fn object(reader: &impl Read, key: ObjectKey) -> Result<Option<Doc>> {
    match key.kind {
        Kind::Server => made(reader, key, server),
        Kind::Node => made(reader, key, node),
        Kind::Allocation => made(reader, key, allocation),
        Kind::Database => made(reader, key, database),
        Kind::User => made(reader, key, |_, doc, it| Ok(user(doc, it))),
        Kind::Egg => made(reader, key, egg),
        Kind::Nest => made(reader, key, |_, doc, it| Ok(nest(doc, it))),
        Kind::Location => {
            made(reader, key, |_, doc, it: &Location| Ok(doc.with(it.long.clone(), |d, t| d.name("Name", t))))
        }
        Kind::EggVariable | Kind::Subuser => Ok(None),
    }
}

fn made<R: Read, T: Searchable>(
    reader: &R,
    key: ObjectKey,
    fill: impl FnOnce(&R, Doc, &T) -> Result<Doc>,
) -> Result<Option<Doc>> {
    let Some(Mirrored { data, changed_at, .. }) = reader.get(T::table(), &(key.panel, key.id))? else {
        return Ok(None);
    };
    let mut doc = Doc::new(Place::Object(key), data.label()).of(key.panel).at(changed_at);
    doc.list = data.texts();
    let doc = fill(reader, doc, &data)?.word("Number", "id", key.id.to_string());
    Ok(Some(doc.with(data.uuid(), |doc, uuid| doc.word("UUID", "uuid", uuid))))
}

fn server<R: Read>(reader: &R, doc: Doc, it: &Server) -> Result<Doc> {
    let panel = panel_of(&doc);
    let owner = reader.get(User::table(), &(panel, it.user_id))?.map(|row| row.data);
    let node = reader.get(Node::table(), &(panel, it.node_id))?.map(|row| row.data);
    let location = node.as_ref().and_then(|node| node.location_id);
    let location = location.map(|id| label::<Location>(reader, panel, id)).transpose()?.flatten();
    let nest = it.nest_id.map(|id| label::<Nest>(reader, panel, id)).transpose()?.flatten();
    let doc = doc.state(it.state().word());
    let doc = addresses(reader, doc, panel, it)?
        .with(node, |doc, node| doc.fact("Node", "node", node.name).telling())
        .with(owner, |doc, owner| {
            doc.fact("Owner", "owner", owner.username).telling().word("Owner’s address", "email", owner.email).of_user()
        })
        .with(label::<Egg>(reader, panel, it.egg_id)?, |doc, egg| doc.fact("Egg", "egg", egg).telling())
        .with(nest, |doc, nest| doc.fact("Nest", "nest", nest))
        .with(location, |doc, location| doc.fact("Location", "location", location))
        .word("Short id", "id", it.identifier.clone())
        .with(it.external_id.clone(), |doc, id| doc.word("External id", "external", id))
        .with(it.description.clone(), |doc, text| doc.text("Description", text))
        .fact("Image", "image", it.image.clone());
    let variables = it.variables.iter().flatten().filter_map(|variable| {
        let value = shown(&variable.server_value)?;
        Some(format!("{}={value}", variable.env_variable))
    });
    let doc = doc.each(variables.take(MOST), |doc, text| doc.fact("Variable", "variable", text));
    let mut users = Vec::new();
    for subuser in children::<Subuser>(reader, panel, Kind::Server, it.id)? {
        users.extend(label::<User>(reader, panel, subuser.user_id)?);
    }
    Ok(doc.each(users, |doc, name| doc.fact("Subuser", "subuser", name).of_user()))
}

fn addresses<R: Read>(reader: &R, mut doc: Doc, panel: PanelId, it: &Server) -> Result<Doc> {
    let mut ids: Vec<_> = it.allocation_id.into_iter().collect();
    ids.extend(it.allocations.iter().flatten().filter(|id| Some(**id) != it.allocation_id));
    for (place, id) in ids.into_iter().take(MOST).enumerate() {
        let Some(row) = reader.get(Allocation::table(), &(panel, id))? else { continue };
        doc = endpoint(doc.word("Address", "address", address(&row.data.ip, row.data.port)), &row.data);
        if let Some(line) = doc.lines.iter_mut().rfind(|line| line.label == "Address") {
            line.tells = place == 0;
        }
    }
    Ok(doc)
}

/// What an address is found by beside its whole.
fn endpoint(doc: Doc, it: &Allocation) -> Doc {
    doc.word("", "ip", it.ip.clone())
        .fact("", "port", it.port.to_string())
        .with(it.alias.clone(), |doc, alias| doc.word("Alias", "alias", alias))
}

fn shown(value: &Scalar) -> Option<String> {
    match value {
        Scalar::Null | Scalar::Hidden(_) => None,
        Scalar::Bool(yes) => Some(yes.to_string()),
        Scalar::Int(number) => Some(number.to_string()),
        Scalar::Float(number) => Some(number.to_string()),
        Scalar::Text(text) => Some(text.clone()),
    }
}

fn node<R: Read>(reader: &R, doc: Doc, it: &Node) -> Result<Doc> {
    let panel = panel_of(&doc);
    let location = it.location_id.map(|id| label::<Location>(reader, panel, id)).transpose()?.flatten();
    let doc = if it.maintenance_mode { doc.state("maintenance") } else { doc.state("in_use") };
    Ok(doc
        .word("Host", "host", it.fqdn.clone())
        .telling()
        .with(location, |doc, location| doc.fact("Location", "location", location).telling())
        .with(it.description.clone(), |doc, text| doc.text("Description", text))
        .each(&it.tags, |doc, tag| doc.fact("Tag", "tag", tag.clone())))
}

fn allocation<R: Read>(reader: &R, doc: Doc, it: &Allocation) -> Result<Doc> {
    let panel = panel_of(&doc);
    let mut server = None;
    reader.walk_index(ALLOCATION_SERVER, &Span::prefix(&(panel, it.id)), Direction::Up, |(_, _, id)| {
        server = Some(id);
        Ok(ControlFlow::Break(()))
    })?;
    let server = server.map(|id| label::<Server>(reader, panel, id)).transpose()?.flatten();
    let doc = if it.assigned { doc.state("assigned") } else { doc.state("free") };
    Ok(endpoint(doc, it)
        .with(label::<Node>(reader, panel, it.node_id)?, |doc, node| doc.fact("Node", "node", node).telling())
        .with(server, |doc, server| doc.fact("Server", "server", server).telling())
        .with(it.notes.clone(), |doc, notes| doc.text("Notes", notes)))
}

fn database<R: Read>(reader: &R, doc: Doc, it: &ServerDatabase) -> Result<Doc> {
    let panel = panel_of(&doc);
    Ok(doc
        .with(label::<Server>(reader, panel, it.server_id)?, |doc, server| {
            doc.fact("Server", "server", server).telling()
        })
        .word("User name", "user", it.username.clone())
        .fact("From", "from", it.remote.clone()))
}

fn user(doc: Doc, it: &User) -> Doc {
    let full = [it.first_name.as_deref(), it.last_name.as_deref()].into_iter().flatten().collect::<Vec<_>>().join(" ");
    let doc = if it.root_admin { doc.state("administrator") } else { doc.state("normal") };
    doc.word("Address", "email", it.email.clone())
        .telling()
        .name("Name", full)
        .with(it.external_id.clone(), |doc, id| doc.word("External id", "external", id))
}

fn egg<R: Read>(reader: &R, doc: Doc, it: &Egg) -> Result<Doc> {
    let panel = panel_of(&doc);
    let nest = it.nest_id.map(|id| label::<Nest>(reader, panel, id)).transpose()?.flatten();
    let variables = children::<EggVariable>(reader, panel, Kind::Egg, it.id)?;
    Ok(doc
        .with(nest, |doc, nest| doc.fact("Nest", "nest", nest).telling())
        .fact("Author", "author", it.author.clone())
        .with(it.description.clone(), |doc, text| doc.text("Description", text))
        .each(it.docker_images.0.iter().take(MOST), |doc, (_, image)| doc.fact("Image", "image", image.clone()))
        .each(variables, |doc, it| doc.fact("Variable", "variable", format!("{} ({})", it.env_variable, it.name)))
        .each(&it.tags, |doc, tag| doc.fact("Tag", "tag", tag.clone())))
}

fn nest(doc: Doc, it: &Nest) -> Doc {
    doc.fact("Author", "author", it.author.clone())
        .with(it.description.clone(), |doc, text| doc.text("Description", text))
}

fn children<T: Mirror>(reader: &impl Read, panel: PanelId, kind: Kind, of: RemoteId) -> Result<Vec<T>> {
    let mut ids = Vec::new();
    reader.walk_index(CHILDREN, &Span::prefix(&(panel, kind, of, T::KIND)), Direction::Up, |(.., id)| {
        ids.push(id);
        Ok(if ids.len() < MOST { ControlFlow::Continue(()) } else { ControlFlow::Break(()) })
    })?;
    let mut rows = Vec::with_capacity(ids.len());
    for id in ids {
        rows.extend(reader.get(T::table(), &(panel, id))?.map(|row| row.data));
    }
    Ok(rows)
}

/// The panel that a mirrored object's document was begun with.
fn panel_of(doc: &Doc) -> PanelId {
    doc.panel.unwrap_or(PanelId(0))
}
