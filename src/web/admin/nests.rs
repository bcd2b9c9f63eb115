//! Nests and the eggs in them.

use actix_web::web::Path;
use aviary_domain::mirror::{Mirrored, Page, Sort};
use aviary_kernel::base::Result;
use aviary_kernel::model::{Egg, EggVariable, Kind, Nest, PanelId, Permission, RemoteId};
use aviary_kernel::store::tables::counted;

use super::card::{Body, Card, Fact, fact};
use super::desk::{Desk, Known};
use super::listing::{Heading, Listing};
use super::nav::Spot;
use super::object::{self, Object};
use super::servers::{scalar, table_or};
use super::value::Value;
use super::{links, listing, nodes, shown};
use crate::allow::{Allow, perm};
use crate::page::PageResult;

static NESTS: Listing<Nest> = Listing {
    spot: Spot::Nests,
    title: "Nests",
    icon: "nest",
    search: "Name, description",
    columns: &[
        Heading("Name", Some(("name", Sort::Name)), ""),
        Heading("Description", None, "wrap"),
        Heading("Author", None, ""),
        Heading("Eggs", None, "num"),
        Heading("Servers", None, "num"),
    ],
    parents: &[],
    nothing: "The panels have no nests. Panels of the Pelican kind never have any; their eggs stand alone.",
    row: nest_row,
};

static EGGS: Listing<Egg> = Listing {
    spot: Spot::Eggs,
    title: "Eggs",
    icon: "egg",
    search: "Name, description, UUID",
    columns: &[
        Heading("Name", Some(("name", Sort::Name)), ""),
        Heading("Nest", None, ""),
        Heading("Author", None, ""),
        Heading("Image", None, ""),
        Heading("Servers", None, "num"),
        Heading("Changed", Some(("changed", Sort::Changed)), "num"),
    ],
    parents: &[Kind::Nest],
    nothing: "The panels have no eggs.",
    row: egg_row,
};

/// The list of nests.
pub(super) async fn list(_may: Allow<perm::EggRead>, desk: Desk) -> PageResult {
    listing::list(desk, &NESTS).await
}

/// One nest.
pub(super) async fn one(_may: Allow<perm::EggRead>, desk: Desk, path: Path<(PanelId, RemoteId)>) -> PageResult {
    object::show::<Nest>(desk, Spot::Nests, "Nests", path.into_inner(), describe_nest).await
}

/// The list of eggs.
pub(super) async fn eggs(_may: Allow<perm::EggRead>, desk: Desk) -> PageResult {
    listing::list(desk, &EGGS).await
}

/// One egg.
pub(super) async fn egg(_may: Allow<perm::EggRead>, desk: Desk, path: Path<(PanelId, RemoteId)>) -> PageResult {
    object::show::<Egg>(desk, Spot::Eggs, "Eggs", path.into_inner(), describe_egg).await
}

fn nest_row(page: &Page<'_>, known: &Known, panel: PanelId, row: &Mirrored<Nest>) -> Result<Vec<Value>> {
    let tied = (Kind::Nest, row.data.id);
    Ok(vec![
        known.name(shown::name(&row.data.name), format!("/admin/nests/{panel}/{}", row.data.id)),
        Value::maybe(row.data.description.as_deref()),
        Value::Said(shown::short(&row.data.author, 50)),
        known.count(page.count(counted::NEST_EGGS, panel, row.data.id)?, links::children(Kind::Egg, panel, tied)),
        known.count(page.count(counted::NEST_SERVERS, panel, row.data.id)?, links::children(Kind::Server, panel, tied)),
    ])
}

fn egg_row(page: &Page<'_>, known: &Known, panel: PanelId, row: &Mirrored<Egg>) -> Result<Vec<Value>> {
    let egg = &row.data;
    let image = egg.docker_image.as_deref().or_else(|| egg.docker_images.0.first().map(|(_, image)| image.as_str()));
    Ok(vec![
        known.name(shown::name(&egg.name), format!("/admin/eggs/{panel}/{}", egg.id)),
        links::relation(page, known, panel, Kind::Nest, egg.nest_id)?,
        Value::Said(shown::short(&egg.author, 50)),
        image.map_or(Value::Nothing, |image| Value::Code(shown::short(image, 60))),
        known.count(
            page.count(counted::EGG_SERVERS, panel, egg.id)?,
            links::children(Kind::Server, panel, (Kind::Egg, egg.id)),
        ),
        Value::When(known.when(row.changed_at)),
    ])
}

fn describe_nest(page: &Page<'_>, known: &Known, panel: PanelId, row: &Mirrored<Nest>) -> Result<Object> {
    let nest = &row.data;
    let mut rows = Vec::new();
    for row in page.children::<Egg>(panel, (Kind::Nest, nest.id), 200)? {
        let egg = (Kind::Egg, row.data.id);
        rows.push(vec![
            known.name(shown::name(&row.data.name), format!("/admin/eggs/{panel}/{}", egg.1)),
            Value::Said(shown::short(&row.data.author, 50)),
            known.count(page.count(counted::EGG_SERVERS, panel, egg.1)?, links::children(Kind::Server, panel, egg)),
        ]);
    }
    let time = |at: Option<_>| at.map_or(Value::Nothing, |at| Value::When(known.when(at)));
    let facts = vec![
        fact("Description", Value::maybe(nest.description.as_deref())),
        fact("Author", Value::Said(shown::short(&nest.author, 120))),
        fact("UUID", Value::code(&nest.uuid)),
        fact("Created on the panel", time(nest.created_at)),
    ];
    let eggs = table_or("Eggs of this nest", &["Name", "Author", "#Servers"], rows, "There is no egg in this nest.");
    let total = page.count(counted::NEST_SERVERS, panel, nest.id)?;
    let mut cards = vec![
        Card::new("About", "c5", Body::Facts(facts)),
        Card::new("Eggs", "c7", eggs).more("As a list", links::children(Kind::Egg, panel, (Kind::Nest, nest.id))),
    ];
    if known.may(Permission::ServerRead) {
        let hint = "No server uses an egg of this nest.";
        cards.push(nodes::servers(page, known, panel, (Kind::Nest, nest.id), total, hint)?);
    }
    Ok(Object { title: shown::short(&nest.name, 120), pills: Vec::new(), code: String::new(), cards })
}

fn describe_egg(page: &Page<'_>, known: &Known, panel: PanelId, row: &Mirrored<Egg>) -> Result<Object> {
    let egg = &row.data;
    let total = page.count(counted::EGG_SERVERS, panel, egg.id)?;
    let images = egg
        .docker_images
        .0
        .iter()
        .map(|(name, image)| vec![Value::Said(shown::short(name, 60)), Value::code(image)])
        .collect();
    let images = table_or("Images of this egg", &["Name", "Image"], images, "The egg names no images of its own.");
    let mut cards = vec![
        Card::new("About", "c6", Body::Facts(about_egg(page, known, panel, egg)?)),
        Card::new("Images", "c6", images),
        variables(page, panel, egg)?,
    ];
    if known.may(Permission::ServerRead) {
        cards.push(nodes::servers(page, known, panel, (Kind::Egg, egg.id), total, "No server uses this egg.")?);
    }
    let blocks = [("Start command", egg.startup.as_deref()), ("Install script", egg.script.install.as_deref())];
    for (title, text) in blocks {
        if let Some(text) = text.filter(|text| !text.trim().is_empty()) {
            cards.push(Card::new(title, "c12", Body::Block(shown::visible(text))));
        }
    }
    Ok(Object { title: shown::short(&egg.name, 120), pills: Vec::new(), code: String::new(), cards })
}

fn about_egg(page: &Page<'_>, known: &Known, panel: PanelId, egg: &Egg) -> Result<Vec<Fact>> {
    let time = |at: Option<_>| at.map_or(Value::Nothing, |at| Value::When(known.when(at)));
    let mut facts = vec![
        fact("Description", Value::maybe(egg.description.as_deref())),
        fact("Author", Value::Said(shown::short(&egg.author, 120))),
        fact("Stop command", egg.config.stop.as_deref().map_or(Value::Nothing, Value::code)),
        fact("Installed in", egg.script.container.as_deref().map_or(Value::Nothing, Value::code)),
        fact("UUID", Value::code(&egg.uuid)),
        fact("Created on the panel", time(egg.created_at)),
        fact("Changed on the panel", time(egg.updated_at)),
    ];
    if egg.nest_id.is_some() {
        facts.insert(0, fact("Nest", links::relation(page, known, panel, Kind::Nest, egg.nest_id)?));
    }
    if !egg.tags.is_empty() {
        facts.push(fact("Tags", Value::Tags(egg.tags.iter().map(|tag| Value::Tag(shown::short(tag, 40))).collect())));
    }
    Ok(facts)
}

fn variables(page: &Page<'_>, panel: PanelId, egg: &Egg) -> Result<Card> {
    let rows = page.children::<EggVariable>(panel, (Kind::Egg, egg.id), 200)?.into_iter().map(|row| {
        let may = match (row.data.user_viewable, row.data.user_editable) {
            (_, true) => "see and change it",
            (true, false) => "see it",
            (false, false) => "not see it",
        };
        vec![
            Value::code(&row.data.env_variable),
            Value::Said(shown::short(&row.data.name, 60)),
            scalar(&row.data.default_value),
            Value::Text(may.into()),
            Value::code(&row.data.rules.join("|")),
        ]
    });
    let titles = &["Variable", "Name", "Default", "Users may", "Rules"];
    Ok(Card::new(
        "Variables",
        "c12",
        table_or("Variables of this egg", titles, rows.collect(), "This egg has no variables."),
    ))
}
