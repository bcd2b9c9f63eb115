//! Settings that owners change.

use crate::panel::call::{Answer, Call};
use crate::panel::client::list::this;
use crate::panel::fields::Fields;
use crate::panel::problem::Problem;
use crate::panel::world::Store;
use crate::reply::Reply;

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

/// `PUT …/settings/docker-image`: one of the egg's, unless an administrator chose another.
pub(crate) fn docker_image(call: &Call<'_>, store: &mut Store) -> Answer {
    let mut fields = Fields::of(call.request);
    let image = fields.text("docker_image", 191);
    let view = store.view();
    let server = this(call, view)?;
    let egg = view.world.eggs.get(&server.egg);
    let offered = |image: &str| egg.is_some_and(|egg| egg.docker_images.iter().any(|(_, known)| known == image));
    fields.expect("docker_image", "in", offered(&image));
    fields.done()?;
    if !offered(&server.image) {
        return Err(Problem::refused("BadRequestHttpException", "An administrator chose the image of this server."));
    }
    store.edit().change_server(call.id(0), |server| server.image = image);
    Ok(Reply::done())
}

/// `POST …/settings/description` of Pelican.
pub(crate) fn description(call: &Call<'_>, store: &mut Store) -> Answer {
    if !store.world.editable_descriptions {
        return Err(Problem::forbidden());
    }
    let mut fields = Fields::of(call.request);
    let description = fields.maybe_text("description", 65_535);
    fields.done()?;
    store.edit().change_server(call.id(0), |server| server.description = description);
    Ok(Reply::done())
}
