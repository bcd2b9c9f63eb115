//! Nests and the eggs in them.

use actix_web::web::{Data, Path};
use aviary_domain::events::Events;
use aviary_domain::mirror::{Mirrored, Page, Sort};
use aviary_kernel::base::Result;
use aviary_kernel::model::{Egg, EggVariable, Kind, Nest, PanelId, Permission};
use aviary_kernel::store::tables::counted;

use super::card::{Body, Card, Fact, fact};
use super::columns::Heading;
use super::desk::{Desk, Known};
use super::listing::Listing;
use super::nav::Spot;
use super::object::{self, Face, Look, Sight, Tab};
use super::servers::{scalar, table_or};
use super::value::Value;
use super::{links, listing, nodes, shown};
use crate::allow::{Allow, perm};
use crate::page::PageResult;

pub(super) static NESTS: Listing<Nest> = Listing {
    spot: Spot::Nests,
    title: "Nests",
    icon: "nest",
    search: "Name, description",
    columns: &[
        Heading("name", "Name", Some(("name", Sort::Name)), ""),
        Heading("description", "Description", None, "wrap"),
        Heading("author", "Author", None, ""),
        Heading("eggs", "Eggs", None, "num"),
        Heading("servers", "Servers", None, "num"),
    ],
    parents: &[],
    nothing: "The panels have no nests. Panels of the Pelican kind never have any; their eggs stand alone.",
    row: nest_row,
};

pub(super) static EGGS: Listing<Egg> = Listing {
    spot: Spot::Eggs,
    title: "Eggs",
    icon: "egg",
    search: "Name, description, UUID",
    columns: &[
        Heading("name", "Name", Some(("name", Sort::Name)), ""),
        Heading("nestId", "Nest", None, ""),
        Heading("author", "Author", None, ""),
        Heading("dockerImage", "Image", None, ""),
        Heading("servers", "Servers", None, "num"),
        Heading("changedAt", "Changed", Some(("changed", Sort::Changed)), "num"),
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
pub(super) async fn one(
    _may: Allow<perm::EggRead>,
    desk: Desk,
    events: Data<Events>,
    path: Path<(PanelId, String)>,
) -> PageResult {
    object::show(desk, &events, &NEST, path.into_inner(), Vec::new()).await
}

/// The list of eggs.
pub(super) async fn eggs(_may: Allow<perm::EggRead>, desk: Desk) -> PageResult {
    listing::list(desk, &EGGS).await
}

/// One egg.
pub(super) async fn egg(
    _may: Allow<perm::EggRead>,
    desk: Desk,
    events: Data<Events>,
    path: Path<(PanelId, String)>,
) -> PageResult {
    object::show(desk, &events, &EGG, path.into_inner(), Vec::new()).await
}

static NEST: Sight<Nest> = Sight {
    spot: Spot::Nests,
    plural: "Nests",
    face: |_, row| Ok(Face::new(&row.data.name, Vec::new())),
    tabs: &[
        Tab { word: "summary", title: "Summary", needs: None, count: object::uncounted, cards: nest_summary },
        Tab {
            word: "servers",
            title: "Servers",
            needs: Some(Permission::ServerRead),
            count: |look, row| Ok(Some(look.page.count(counted::NEST_SERVERS, look.panel, row.data.id)?)),
            cards: |look, row| {
                let total = look.page.count(counted::NEST_SERVERS, look.panel, row.data.id)?;
                let (of, hint) = ((Kind::Nest, row.data.id), "No server uses an egg of this nest.");
                Ok(vec![nodes::servers(look.page, look.known, look.panel, of, total, hint)?])
            },
        },
    ],
};

static EGG: Sight<Egg> = Sight {
    spot: Spot::Eggs,
    plural: "Eggs",
    face: |_, row| Ok(Face::new(&row.data.name, Vec::new())),
    tabs: &[
        Tab { word: "summary", title: "Summary", needs: None, count: object::uncounted, cards: egg_summary },
        Tab { word: "variables", title: "Variables", needs: None, count: object::uncounted, cards: variables },
        Tab {
            word: "servers",
            title: "Servers",
            needs: Some(Permission::ServerRead),
            count: |look, row| Ok(Some(look.page.count(counted::EGG_SERVERS, look.panel, row.data.id)?)),
            cards: |look, row| {
                let total = look.page.count(counted::EGG_SERVERS, look.panel, row.data.id)?;
                let (of, hint) = ((Kind::Egg, row.data.id), "No server uses this egg.");
                Ok(vec![nodes::servers(look.page, look.known, look.panel, of, total, hint)?])
            },
        },
    ],
};

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

fn nest_summary(look: &Look<'_>, row: &Mirrored<Nest>) -> Result<Vec<Card>> {
    let (nest, panel) = (&row.data, look.panel);
    let mut rows = Vec::new();
    for row in look.page.children::<Egg>(panel, (Kind::Nest, nest.id), 200)? {
        let egg = (Kind::Egg, row.data.id);
        let servers = look.page.count(counted::EGG_SERVERS, panel, egg.1)?;
        rows.push(vec![
            look.known.name(shown::name(&row.data.name), format!("/admin/eggs/{panel}/{}", egg.1)),
            Value::Said(shown::short(&row.data.author, 50)),
            look.known.count(servers, links::children(Kind::Server, panel, egg)),
        ]);
    }
    let facts = vec![
        fact("Description", Value::maybe(nest.description.as_deref())),
        fact("Author", Value::Said(shown::short(&nest.author, 120))),
        fact("UUID", Value::code(&nest.uuid)),
        fact("Created on the panel", look.time(nest.created_at)),
    ];
    let eggs = table_or("Eggs of this nest", &["Name", "Author", "#Servers"], rows, "There is no egg in this nest.");
    let list = links::children(Kind::Egg, panel, (Kind::Nest, nest.id));
    Ok(vec![
        Card::new("About", "c5", Body::Facts(facts)),
        look.known.more(Card::new("Eggs", "c7", eggs), "As a list", list),
    ])
}

fn egg_summary(look: &Look<'_>, row: &Mirrored<Egg>) -> Result<Vec<Card>> {
    let egg = &row.data;
    let images = egg
        .docker_images
        .0
        .iter()
        .map(|(name, image)| vec![Value::Said(shown::short(name, 60)), Value::code(image)])
        .collect();
    let images = table_or("Images of this egg", &["Name", "Image"], images, "The egg names no images of its own.");
    let mut cards =
        vec![Card::new("About", "c6", Body::Facts(about_egg(look, egg)?)), Card::new("Images", "c6", images)];
    let blocks = [("Start command", egg.startup.as_deref()), ("Install script", egg.script.install.as_deref())];
    for (title, text) in blocks {
        if let Some(text) = text.filter(|text| !text.trim().is_empty()) {
            cards.push(Card::new(title, "c12", Body::Block(shown::visible(text))));
        }
    }
    Ok(cards)
}

fn about_egg(look: &Look<'_>, egg: &Egg) -> Result<Vec<Fact>> {
    let mut facts = vec![
        fact("Description", Value::maybe(egg.description.as_deref())),
        fact("Author", Value::Said(shown::short(&egg.author, 120))),
        fact("Stop command", egg.config.stop.as_deref().map_or(Value::Nothing, Value::code)),
        fact("Installed in", egg.script.container.as_deref().map_or(Value::Nothing, Value::code)),
        fact("UUID", Value::code(&egg.uuid)),
        fact("Created on the panel", look.time(egg.created_at)),
        fact("Changed on the panel", look.time(egg.updated_at)),
    ];
    if egg.nest_id.is_some() {
        facts.insert(0, fact("Nest", look.relation(Kind::Nest, egg.nest_id)?));
    }
    if !egg.tags.is_empty() {
        facts.push(fact("Tags", Value::Tags(egg.tags.iter().map(|tag| Value::Tag(shown::short(tag, 40))).collect())));
    }
    Ok(facts)
}

fn variables(look: &Look<'_>, row: &Mirrored<Egg>) -> Result<Vec<Card>> {
    let of = (Kind::Egg, row.data.id);
    let rows = look.page.children::<EggVariable>(look.panel, of, 200)?.into_iter().map(|row| {
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
    let body = table_or("Variables of this egg", titles, rows.collect(), "This egg has no variables.");
    Ok(vec![Card::new("Variables", "c12", body)])
}
