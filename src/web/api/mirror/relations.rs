use aviary_domain::mirror::{Mirror, NodeLoad, Page, Relative};
use aviary_kernel::base::Result;
use aviary_kernel::model::{
    Allocation, Egg, EggVariable, Kind, Location, Nest, Node, ObjectKey, PanelId, RemoteId, Server, ServerDatabase,
    Subuser, User,
};
use aviary_kernel::store::tables::counted;
use serde::Serialize;
use utoipa::ToSchema;

/// What an object belongs to, and what belongs to it. Only what its kind can have is there; an object that is not in the
/// mirror is left out.
#[derive(Default, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Relations {
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<RelativeView>)]
    location: Option<Relative>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<RelativeView>)]
    node: Option<Relative>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<RelativeView>)]
    nest: Option<Relative>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<RelativeView>)]
    egg: Option<Relative>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<RelativeView>)]
    user: Option<Relative>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<RelativeView>)]
    server: Option<Relative>,
    #[serde(skip_serializing_if = "Option::is_none")]
    nodes: Option<Group>,
    #[serde(skip_serializing_if = "Option::is_none")]
    servers: Option<Group>,
    #[serde(skip_serializing_if = "Option::is_none")]
    eggs: Option<Group>,
    #[serde(skip_serializing_if = "Option::is_none")]
    variables: Option<Group>,
    #[serde(skip_serializing_if = "Option::is_none")]
    databases: Option<Group>,
    /// Of a server: addresses, the primary one first.
    #[serde(skip_serializing_if = "Option::is_none")]
    allocations: Option<Group>,
    /// Of a node: how much stands on it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<LoadView>)]
    load: Option<NodeLoad>,
    /// Of a server: who else may use it.
    #[serde(skip_serializing_if = "Option::is_none")]
    subusers: Option<Vec<SubuserView>>,
    /// Of a user: which servers of others they may use.
    #[serde(skip_serializing_if = "Option::is_none")]
    subuser_of: Option<Vec<SubuserView>>,
}

/// An object by its name.
#[derive(ToSchema)]
#[allow(dead_code, reason = "only the document needs the type")]
struct RelativeView {
    /// The panel's number.
    id: RemoteId,
    /// What people call it.
    label: String,
}

/// How much stands on a node.
#[derive(ToSchema)]
#[allow(dead_code, reason = "only the document needs the type")]
struct LoadView {
    servers: u64,
    allocations: u64,
    /// Allocations in use.
    assigned: u64,
}

/// Some objects, and how many there are.
#[derive(Serialize, ToSchema)]
struct Group {
    total: u64,
    /// At most a hundred; the list with `parentKind` and `parentId` has them all.
    #[schema(value_type = Vec<RelativeView>)]
    items: Vec<Relative>,
}

/// Who may use what.
#[derive(Serialize, ToSchema)]
struct SubuserView {
    id: RemoteId,
    #[schema(value_type = Option<RelativeView>)]
    user: Option<Relative>,
    #[schema(value_type = Option<RelativeView>)]
    server: Option<Relative>,
    permissions: Vec<String>,
}

/// Relatives that are shown.
const SHOWN: usize = 100;
/// What is counted by looking is counted up to here.
const COUNTED: usize = 1000;

/// Everything that is related to an object.
pub(super) fn relations(page: &Page<'_>, object: ObjectKey) -> Result<Relations> {
    let near = Near { page, panel: object.panel };
    let id = object.id;
    match object.kind {
        Kind::Location => {
            Ok(Relations { nodes: near.counted::<Node>(object, counted::LOCATION_NODES)?, ..Relations::default() })
        }
        Kind::Node => near.of_node(page.require(near.panel, id)?.data, object),
        Kind::Allocation => {
            let allocation: Allocation = page.require(near.panel, id)?.data;
            let server = page.user_of_allocation(near.panel, id)?;
            Ok(Relations { node: near.one::<Node>(allocation.node_id)?, server, ..Relations::default() })
        }
        Kind::Nest => Ok(Relations {
            eggs: near.counted::<Egg>(object, counted::NEST_EGGS)?,
            servers: near.counted::<Server>(object, counted::NEST_SERVERS)?,
            ..Relations::default()
        }),
        Kind::Egg => near.of_egg(&page.require(near.panel, id)?.data, object),
        Kind::EggVariable => {
            let variable: EggVariable = page.require(near.panel, id)?.data;
            Ok(Relations { egg: near.one::<Egg>(variable.egg_id)?, ..Relations::default() })
        }
        Kind::User => Ok(Relations {
            servers: near.counted::<Server>(object, counted::USER_SERVERS)?,
            subuser_of: Some(near.subusers(object)?),
            ..Relations::default()
        }),
        Kind::Server => near.of_server(&page.require(near.panel, id)?.data, object),
        Kind::Database => {
            let database: ServerDatabase = page.require(near.panel, id)?.data;
            Ok(Relations { server: near.one::<Server>(database.server_id)?, ..Relations::default() })
        }
        Kind::Subuser => {
            let subuser: Subuser = page.require(near.panel, id)?.data;
            let (user, server) = (near.one::<User>(subuser.user_id)?, near.one::<Server>(subuser.server_id)?);
            Ok(Relations { user, server, ..Relations::default() })
        }
    }
}

struct Near<'p, 't> {
    page: &'p Page<'t>,
    panel: PanelId,
}

impl Near<'_, '_> {
    fn one<T: Mirror>(&self, id: impl Into<Option<RemoteId>>) -> Result<Option<Relative>> {
        id.into().map_or(Ok(None), |id| self.page.relative::<T>(self.panel, id))
    }

    fn children<T: Mirror>(&self, of: ObjectKey, limit: usize) -> Result<Vec<Relative>> {
        let rows = self.page.children::<T>(self.panel, (of.kind, of.id), limit)?;
        Ok(rows.into_iter().map(|row| Relative { id: row.data.id(), label: row.data.label() }).collect())
    }

    /// A group whose size is kept.
    fn counted<T: Mirror>(&self, of: ObjectKey, what: u8) -> Result<Option<Group>> {
        let total = self.page.count(what, self.panel, of.id)?;
        Ok(Some(Group { total, items: self.children::<T>(of, SHOWN)? }))
    }

    /// A group that is never large.
    fn small<T: Mirror>(&self, of: ObjectKey) -> Result<Option<Group>> {
        let mut items = self.children::<T>(of, COUNTED)?;
        let total = items.len() as u64;
        items.truncate(SHOWN);
        Ok(Some(Group { total, items }))
    }

    fn subusers(&self, of: ObjectKey) -> Result<Vec<SubuserView>> {
        let rows = self.page.children::<Subuser>(self.panel, (of.kind, of.id), COUNTED)?;
        let view = |subuser: Subuser| {
            Ok(SubuserView {
                id: subuser.id,
                user: self.one::<User>(subuser.user_id)?,
                server: self.one::<Server>(subuser.server_id)?,
                permissions: subuser.permissions,
            })
        };
        rows.into_iter().map(|row| view(row.data)).collect()
    }

    fn of_node(&self, node: Node, object: ObjectKey) -> Result<Relations> {
        Ok(Relations {
            location: self.one::<Location>(node.location_id)?,
            servers: self.counted::<Server>(object, counted::NODE_SERVERS)?,
            load: Some(self.page.load(self.panel, node.id)?),
            ..Relations::default()
        })
    }

    fn of_egg(&self, egg: &Egg, object: ObjectKey) -> Result<Relations> {
        Ok(Relations {
            nest: self.one::<Nest>(egg.nest_id)?,
            variables: self.small::<EggVariable>(object)?,
            servers: self.counted::<Server>(object, counted::EGG_SERVERS)?,
            ..Relations::default()
        })
    }

    fn of_server(&self, server: &Server, object: ObjectKey) -> Result<Relations> {
        let allocations = self.page.allocations_of(self.panel, server)?;
        let items: Vec<_> =
            allocations.iter().map(|row| Relative { id: row.data.id, label: row.data.label() }).collect();
        Ok(Relations {
            user: self.one::<User>(server.user_id)?,
            node: self.one::<Node>(server.node_id)?,
            egg: self.one::<Egg>(server.egg_id)?,
            nest: self.one::<Nest>(server.nest_id)?,
            allocations: Some(Group { total: items.len() as u64, items }),
            databases: self.small::<ServerDatabase>(object)?,
            subusers: Some(self.subusers(object)?),
            ..Relations::default()
        })
    }
}
