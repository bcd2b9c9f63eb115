use aviary_kernel::base::Result;
use aviary_kernel::model::{Account, RemoteId, User};
use aviary_kernel::store::rows::Mirror;
use aviary_kernel::store::tables::USERS_BY_EMAIL;
use aviary_kernel::store::{Read, SortText, Span};

/// What the panel knows of a person.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PanelFacts {
    /// The panel's number of them.
    pub pterodactyl_id: Option<RemoteId>,
    /// Whether they are an administrator there.
    pub is_pterodactyl_admin: bool,
}

/// What a panel knows of the person: of several panels, the one that was added first. An address that was not proved
/// links to nobody, or everybody could claim the panel's users by typing their addresses.
///
/// # Errors
/// When the file cannot be read.
pub fn facts_of(reader: &impl Read, account: &Account) -> Result<PanelFacts> {
    if account.email_verified.is_none() {
        return Ok(PanelFacts::default());
    }
    let sorted = SortText::new(account.email.as_str());
    for (_, panel, id) in reader.all_keys(USERS_BY_EMAIL, &Span::prefix(&sorted))? {
        // The index knows the beginning of the address only, so the row has the last word.
        let user = reader.get(User::table(), &(panel, id))?.map(|row| row.data);
        if let Some(user) = user.filter(|user| user.email.trim().eq_ignore_ascii_case(account.email.as_str())) {
            return Ok(PanelFacts { pterodactyl_id: Some(user.id), is_pterodactyl_admin: user.root_admin });
        }
    }
    Ok(PanelFacts::default())
}
