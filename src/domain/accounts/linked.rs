use aviary_kernel::base::Result;
use aviary_kernel::model::{Account, AccountSource, Email, Kind, PanelId, RemoteId, User};
use aviary_kernel::store::rows::Mirror;
use aviary_kernel::store::tables::{CHILDREN, RowKey, USERS_BY_EMAIL, counted};
use aviary_kernel::store::{Counter, Read, SortText, Span};

/// What the panel knows of a person.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PanelFacts {
    /// The panel's number of them.
    pub pterodactyl_id: Option<RemoteId>,
    /// Whether they are an administrator there.
    pub is_pterodactyl_admin: bool,
}

/// A user of a panel.
#[derive(Clone, Debug, PartialEq)]
pub struct LinkedUser {
    /// The panel.
    pub panel: PanelId,
    /// What it tells.
    pub user: User,
}

/// What a panel knows of the person: the number of the panel that was added first; administrator when they are on any.
///
/// # Errors
/// When the file cannot be read.
pub fn facts_of(reader: &impl Read, account: &Account) -> Result<PanelFacts> {
    let linked = linked_users(reader, account)?;
    Ok(PanelFacts {
        pterodactyl_id: linked.first().map(|linked| linked.user.id),
        is_pterodactyl_admin: linked.iter().any(|linked| linked.user.root_admin),
    })
}

/// The users of panels that are this person, by panel. An address that was not proved links to nobody, or everybody could
/// claim the panel's users by typing their addresses; an account that nobody has claimed is the user that it stands for.
///
/// # Errors
/// When the file cannot be read.
pub fn linked_users(reader: &impl Read, account: &Account) -> Result<Vec<LinkedUser>> {
    if account.email_verified.is_some() {
        return users_with(reader, &account.email);
    }
    let AccountSource::Panel(key) = account.source else { return Ok(Vec::new()) };
    if account.is_claimed() {
        return Ok(Vec::new());
    }
    let user = reader.get(User::table(), &(key.panel, key.id))?;
    Ok(user.map(|row| LinkedUser { panel: key.panel, user: row.data }).into_iter().collect())
}

/// The users of panels with this address, whatever the case, by panel.
pub(super) fn users_with(reader: &impl Read, email: &Email) -> Result<Vec<LinkedUser>> {
    let mut found = Vec::new();
    // The index knows the beginning of the address only, so the row has the last word.
    for (_, panel, id) in reader.all_keys(USERS_BY_EMAIL, &Span::prefix(&SortText::new(email.as_str())))? {
        let user = reader.get(User::table(), &(panel, id))?.map(|row| row.data);
        if let Some(user) = user.filter(|user| user.email.trim().eq_ignore_ascii_case(email.as_str())) {
            found.push(LinkedUser { panel, user });
        }
    }
    Ok(found)
}

/// How many servers the person owns.
pub(super) fn server_count(reader: &impl Read, linked: &[LinkedUser]) -> Result<u64> {
    let of = |linked: &LinkedUser| Counter { what: counted::USER_SERVERS, panel: linked.panel, of: linked.user.id };
    linked.iter().map(|linked| reader.count(of(linked))).sum()
}

/// The servers that the person owns, by panel and name.
///
/// # Errors
/// When the file cannot be read.
pub fn own_servers(reader: &impl Read, account: &Account) -> Result<Vec<RowKey>> {
    let mut servers = Vec::new();
    for LinkedUser { panel, user } in linked_users(reader, account)? {
        let span = Span::prefix(&(panel, Kind::User, user.id, Kind::Server));
        let keys = reader.all_keys(CHILDREN, &span)?;
        servers.extend(keys.into_iter().map(|(panel, _, _, _, _, server)| (panel, server)));
    }
    Ok(servers)
}
