//! Settings that owners change.

use crate::panel::call::{Answer, Call};
use crate::panel::fields::Fields;
use crate::panel::reply::Reply;
use crate::panel::world::Store;

/// `POST …/settings/rename`: a description that is left out stays.
pub(crate) fn rename(call: &Call<'_>, store: &mut Store) -> Answer {
    let mut fields = Fields::of(call.request);
    let name = fields.text("name", 191);
    let described = fields.has_key("description") && !call.dialect().is_pelican();
    let description = fields.maybe_text("description", 65_535);
    fields.done()?;
    store.edit().change_server(call.id(0), |server| {
        server.name = name;
        if described {
            server.description = description;
        }
    });
    Ok(Reply::done())
}

/// `POST …/settings/reinstall`
pub(crate) fn reinstall(call: &Call<'_>, store: &mut Store) -> Answer {
    store.edit().set_status(call.id(0), Some("installing"));
    Ok(Reply::empty(202))
}
