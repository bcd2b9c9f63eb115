use actix_web::web::{Data, Path, Query};
use aviary_domain::mirror::{At, Book, ListQuery, Page, Searchable, Sort};
use aviary_domain::panels::Panels;
use aviary_kernel::base::{Cursor, Error, Result, Timestamp};
use aviary_kernel::model::{Kind, PanelId, RemoteId, ServerState};
use aviary_kernel::store::{Key, SortText};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use super::item::item;
use super::{for_kind, kind};
use crate::allow::{Allow, perm};
use crate::api::reply::{self, Reply};
use crate::api::syncs::limit;
use crate::api::words::filled;
use crate::openapi::doc;
use crate::problem::{ApiResult, ProblemView};

/// What is asked of a list.
#[derive(Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub(crate) struct MirrorQuery {
    /// Number of a panel.
    #[param(value_type = Option<u32>)]
    panel: Option<PanelId>,
    /// `id`, `name` (unless told), `created`, `changed`, or for servers `state`.
    sort: Option<String>,
    /// `asc` (unless told) or `desc`.
    order: Option<String>,
    /// Part of the name, description, e-mail, UUID, address or number.
    search: Option<String>,
    /// Servers only: `normal`, `suspended`, `installing`, `install_failed`, `reinstall_failed`, `restoring_backup`, `other`.
    state: Option<String>,
    /// Only what belongs to this object: its kind, such as `node`.
    parent_kind: Option<String>,
    /// And its number.
    #[param(value_type = Option<u64>)]
    parent_id: Option<RemoteId>,
    /// 1 to 1000; 50 unless told.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<usize>,
    /// A `nextCursor` or `previousCursor`.
    cursor: Option<String>,
}

/// A page of a list.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MirrorPage {
    #[schema(value_type = Vec<doc::MirrorItem>)]
    items: Vec<Value>,
    /// For the next page; null on the last one.
    next_cursor: Option<String>,
    /// For the page before; null on the first one.
    previous_cursor: Option<String>,
    /// Rows of the whole list.
    total: u64,
}

/// Cursors that lead back begin with this.
const BACK: char = '~';

impl MirrorQuery {
    /// `panels` are all there are: who asks for a parent need not name the only panel.
    fn query(self, of: Kind, panels: &[PanelId]) -> Result<ListQuery> {
        let parent = match (self.parent_kind, self.parent_id) {
            (None, None) => None,
            (Some(word), Some(id)) => {
                let parent = kind(&word);
                Some((parent.map_err(|_| Error::invalid("parentKind", format!("`{word}` is no kind of object")))?, id))
            }
            _ => return Err(Error::invalid("parentKind", "needs parentId beside it, and the other way round")),
        };
        let panel = match (self.panel, panels) {
            (None, [only]) if parent.is_some() => Some(*only),
            (None, _) if parent.is_some() => {
                return Err(Error::invalid("panel", "is needed beside parentKind and parentId"));
            }
            (panel, _) => panel,
        };
        Ok(ListQuery {
            panel,
            sort: sort(self.sort.as_deref())?,
            descending: is_descending(self.order.as_deref())?,
            search: filled(self.search.as_deref()),
            state: self.state.as_deref().map(state).transpose()?,
            parent,
            maintenance: None,
            at: self.cursor.as_deref().map_or(Ok(At::Start), |text| at(of, text))?,
            limit: limit(self.limit, 50, 1000)?,
        })
    }
}

fn sort(word: Option<&str>) -> Result<Sort> {
    Ok(match word {
        None | Some("name") => Sort::Name,
        Some("id") => Sort::Id,
        Some("created") => Sort::Created,
        Some("changed") => Sort::Changed,
        Some("state") => Sort::State,
        Some(word) => {
            return Err(Error::invalid(
                "sort",
                format!("`{word}` is no order; take id, name, created, changed or state"),
            ));
        }
    })
}

fn is_descending(word: Option<&str>) -> Result<bool> {
    match word {
        None | Some("asc") => Ok(false),
        Some("desc") => Ok(true),
        Some(_) => Err(Error::invalid("order", "is asc or desc")),
    }
}

fn state(word: &str) -> Result<ServerState> {
    ServerState::ALL.into_iter().find(|state| state.word() == word).ok_or_else(|| {
        let all = ServerState::ALL.map(ServerState::word).join(", ");
        Error::invalid("state", format!("`{word}` is no state; take one of {all}"))
    })
}

fn at(of: Kind, text: &str) -> Result<At> {
    let (text, is_back) = text.strip_prefix(BACK).map_or((text, false), |text| (text, true));
    let cursor: Cursor = text.parse()?;
    if !leads(of, cursor.key()) {
        return Err(Error::invalid("cursor", "is not one of this list; begin again without it"));
    }
    Ok(if is_back { At::Before(cursor) } else { At::After(cursor) })
}

/// Whether this is a place in a list of this kind, in whichever order.
fn leads(of: Kind, key: &[u8]) -> bool {
    type ByTime = (Kind, Timestamp, PanelId, RemoteId);
    type ByName = (Kind, SortText, PanelId, RemoteId);
    type ByPanelName = (PanelId, Kind, SortText, RemoteId);
    type ByState = (u8, SortText, PanelId, RemoteId);
    type Child = (PanelId, Kind, RemoteId, Kind, SortText, RemoteId);
    <(PanelId, RemoteId)>::from_bytes(key).is_some()
        || ByTime::from_bytes(key).is_some_and(|(kind, ..)| kind == of)
        || ByName::from_bytes(key).is_some_and(|(kind, ..)| kind == of)
        || ByPanelName::from_bytes(key).is_some_and(|(_, kind, ..)| kind == of)
        || Child::from_bytes(key).is_some_and(|(_, _, _, kind, ..)| kind == of)
        || (of == Kind::Server && ByState::from_bytes(key).is_some())
}

/// Mirrored objects of a kind
///
/// `kind` is `locations`, `nodes`, `allocations`, `nests`, `eggs`, `egg-variables`, `users`, `servers`, `databases` or
/// `subusers`.
#[utoipa::path(get, path = "/api/v1/mirror/{kind}", tag = "mirror", params(("kind" = String, Path), MirrorQuery), responses(
    (status = 200, body = Reply<MirrorPage>),
    (status = 400, description = "There is no such kind, or a filter cannot be read", body = ProblemView),
))]
pub(crate) async fn list(
    book: Data<Book>,
    panels: Data<Panels>,
    _caller: Allow<perm::OfKind>,
    of: Path<String>,
    query: Query<MirrorQuery>,
) -> ApiResult {
    let kind = kind(&of)?;
    let panels: Vec<_> = panels.all().await?.into_iter().map(|panel| panel.id).collect();
    let wanted = query.into_inner().query(kind, &panels)?;
    let page = book.look(move |page| for_kind!(kind, T => read::<T>(page, &wanted))).await?;
    Ok(reply::ok(page))
}

fn read<T: Searchable>(page: &Page<'_>, wanted: &ListQuery) -> Result<MirrorPage> {
    let found = page.list::<T>(wanted)?;
    Ok(MirrorPage {
        items: found.rows.into_iter().map(|(panel, row)| item(page, panel, row)).collect::<Result<_>>()?,
        next_cursor: found.next.as_ref().map(Cursor::to_string),
        previous_cursor: found.previous.map(|cursor| format!("{BACK}{cursor}")),
        total: found.total,
    })
}
