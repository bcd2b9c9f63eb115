//! Where things are found: our own pages, and the panel's.

use aviary_domain::mirror::Page;
use aviary_domain::search::{Place, Subject};
use aviary_kernel::base::Result;
use aviary_kernel::model::{Allocation, Subuser};
use aviary_kernel::model::{
    Dialect, Egg, EggVariable, Kind, Location, Nest, Node, ObjectKey, Panel, PanelId, RemoteId, Server, ServerDatabase,
    User,
};

use super::desk::Known;
use super::shown;
use super::value::Value;

/// The page of an object; none for kinds that are shown as part of others.
fn page_of(key: ObjectKey) -> Option<String> {
    let (panel, id) = (key.panel, key.id);
    let is_part = matches!(key.kind, Kind::EggVariable | Kind::Subuser);
    (!is_part).then(|| format!("/admin/{}/{panel}/{id}", key.kind.plural()))
}

/// The page of an object, or its history where it is shown as part of others. A removed object has its page too.
pub(super) fn object(key: ObjectKey) -> String {
    page_of(key).unwrap_or_else(|| history(key))
}

/// The page of something that was found.
pub(crate) fn place(place: &Place) -> String {
    match place {
        Place::Object(key) => object(*key),
        Place::Change(_, key) => history(*key),
        Place::Panel(id) => format!("/admin/panels/{id}"),
        Place::Account(id) => format!("/admin/people/{id}"),
        Place::Webhook(id) => format!("/admin/webhooks/{id}"),
        Place::Schedule(id) => format!("/admin/schedules/{id}"),
        Place::Sync(id) => format!("/admin/syncs/{id}"),
        Place::Audit(number) => format!("/admin/audit/{number}"),
        Place::Event(id) => format!("/admin/events/{id}"),
        Place::Job(id) => format!("/admin/jobs/{id}"),
        Place::Delivery(id) => format!("/admin/deliveries/{id}"),
        Place::Mail(number) => format!("/admin/mails/{number}"),
    }
}

/// The drawing beside what can be found.
pub(super) fn icon_of(subject: Subject) -> &'static str {
    match subject {
        Subject::Server => "server",
        Subject::Node => "node",
        Subject::Allocation => "plug",
        Subject::Database => "database",
        Subject::User => "user",
        Subject::Egg => "egg",
        Subject::Nest => "nest",
        Subject::Location => "pin",
        Subject::Panel => "panel",
        Subject::Account => "people",
        Subject::Webhook | Subject::Delivery => "hook",
        Subject::Schedule => "clock",
        Subject::Sync => "sync",
        Subject::Change => "history",
        Subject::Audit => "lock",
        Subject::Event => "bell",
        Subject::Job => "work",
        Subject::Mail => "mail",
    }
}

/// A list with filters.
pub(super) fn list(kind: Kind, filters: &[(&str, &str)]) -> String {
    format!("/admin/{}?{}", kind.plural(), shown::query(filters))
}

/// What belongs to an object, as a list.
pub(super) fn children(kind: Kind, panel: PanelId, parent: (Kind, RemoteId)) -> String {
    list(kind, &[("panel", &panel.to_string()), (parent.0.noun(), &parent.1.to_string())])
}

/// The history of an object.
pub(super) fn history(key: ObjectKey) -> String {
    let (panel, id) = (key.panel.to_string(), key.id.to_string());
    format!("/admin/history?{}", shown::query(&[("panel", &panel), ("kind", key.kind.plural()), ("id", &id)]))
}

/// Where the panel itself shows an object; none for kinds that it shows as part of others.
pub(super) fn on_panel(panel: &Panel, kind: Kind, id: RemoteId) -> Option<String> {
    if matches!(kind, Kind::Allocation | Kind::Database | Kind::EggVariable | Kind::Subuser) {
        return None;
    }
    let base = &panel.base_url;
    let plural = kind.plural();
    Some(match (panel.dialect, kind) {
        (Some(Dialect::Pelican), _) => format!("{base}/admin/{plural}/{id}/edit"),
        (_, Kind::Egg) => format!("{base}/admin/nests/egg/{id}"),
        _ => format!("{base}/admin/{plural}/view/{id}"),
    })
}

/// What an object is called, if it is in the mirror.
pub(super) fn label(page: &Page<'_>, key: ObjectKey) -> Result<Option<String>> {
    macro_rules! of {
        ($($kind:ident: $type:ty),*) => {
            match key.kind {
                $(Kind::$kind => page.relative::<$type>(key.panel, key.id)?,)*
            }
        };
    }
    let relative = of!(
        Location: Location, Node: Node, Allocation: Allocation, Nest: Nest, Egg: Egg, EggVariable: EggVariable, User: User,
        Server: Server, Database: ServerDatabase, Subuser: Subuser
    );
    Ok(relative.map(|relative| relative.label))
}

/// Another object by its name, or its number when it is not in the mirror.
pub(super) fn relation(
    page: &Page<'_>,
    known: &Known,
    panel: PanelId,
    kind: Kind,
    id: Option<RemoteId>,
) -> Result<Value> {
    let Some(id) = id else { return Ok(Value::Nothing) };
    let key = ObjectKey { panel, kind, id };
    Ok(match label(page, key)? {
        Some(label) => known.link(shown::name(&label), object(key)),
        None => Value::Muted(format!("{} {id}, not in the mirror", kind.noun())),
    })
}
