//! The caller's own account, and the names of permissions.

use crate::panel::call::{Answer, Call};
use crate::panel::fields::Fields;
use crate::panel::json::At;
use crate::panel::problem::Problem;
use crate::panel::sheet::Sheet;
use crate::panel::spec::Dialect;
use crate::panel::world::{ApiKey, KeyKind, Kind, Store, User, View};
use crate::reply::Reply;

/// Groups of permissions with their keys, as Pterodactyl has them.
const GROUPS: &[(&str, &[&str])] = &[
    ("websocket", &["connect"]),
    ("control", &["console", "start", "stop", "restart"]),
    ("user", &["create", "read", "update", "delete"]),
    ("file", &["create", "read", "read-content", "update", "delete", "archive", "sftp"]),
    ("backup", &["create", "read", "delete", "download", "restore"]),
    ("allocation", &["read", "create", "update", "delete"]),
    ("startup", &["read", "update", "docker-image"]),
    ("database", &["create", "read", "update", "delete", "view_password"]),
    ("schedule", &["create", "read", "update", "delete"]),
    ("settings", &["rename", "reinstall"]),
    ("activity", &["read"]),
];

const PELICAN_MORE: &[&str] = &["mount.read", "mount.update", "settings.description", "settings.change-icon"];

/// Every permission name of a dialect.
pub(crate) fn known_permissions(dialect: Dialect) -> Vec<String> {
    let full = |group: &str, key: &str| match dialect {
        Dialect::Pelican => format!("{group}.{}", key.replace('_', "-")),
        Dialect::Pterodactyl => format!("{group}.{key}"),
    };
    let names = GROUPS.iter().flat_map(|(group, keys)| keys.iter().map(move |key| full(group, key)));
    let more: &[&str] = if dialect.is_pelican() { PELICAN_MORE } else { &[] };
    names.chain(more.iter().map(|&name| name.to_owned())).collect()
}

/// `GET /permissions`: groups on Pterodactyl, a flat list on Pelican.
pub(crate) fn permissions(call: &Call<'_>, view: View<'_>) -> Answer {
    let mut sheet = Sheet::new(call, view);
    let json = &mut sheet.json;
    json.put("object", "system_permissions");
    json.open("attributes");
    if call.dialect().is_pelican() {
        json.put("permissions", known_permissions(call.dialect()));
    } else {
        json.open("permissions");
        for (group, keys) in GROUPS {
            json.open(group);
            json.put("description", format!("What a subuser may do about {group}."));
            json.open("keys");
            for key in *keys {
                json.put(key, format!("Allows {key}."));
            }
            json.close();
            json.close();
        }
        json.close();
    }
    json.close();
    sheet.answer(200)
}

/// A gravatar-like address, made of the uuid so that it needs no hashing.
pub(crate) fn portrait(user: &User) -> String {
    format!("https://gravatar.com/avatar/{}", user.uuid.replace('-', ""))
}

impl<'a> Sheet<'a> {
    /// The attributes of a person in Pelican's client API, the same wherever one turns up.
    pub(crate) fn pelican_person(&mut self, user: &User) {
        let json = &mut self.json;
        json.put("uuid", &user.uuid);
        json.put("username", &user.username);
        json.put("email", &user.email);
        json.put("language", &user.language);
        json.put("image", portrait(user));
        json.put("admin", user.root_admin);
        json.put("root_admin", user.root_admin);
        json.put("2fa_enabled", user.two_factor);
        json.put("created_at", At::utc(user.created_at));
        json.put("updated_at", At::utc(user.updated_at));
    }

    /// A `user` who did something.
    pub(crate) fn actor(&mut self, user: &'a User) {
        self.begin("user", Kind::User, user.id);
        if self.dialect.is_pelican() {
            self.pelican_person(user);
        } else {
            self.json.put("uuid", &user.uuid);
            self.json.put("username", &user.username);
            self.json.put("email", &user.email);
            self.json.put("image", portrait(user));
            self.json.put("2fa_enabled", user.two_factor);
            self.json.put("created_at", At(user.created_at, self.zone));
        }
        self.end();
    }
}

/// `GET /account`: an id and no uuid on Pterodactyl, the other way round on Pelican.
pub(crate) fn show(call: &Call<'_>, view: View<'_>) -> Answer {
    let user = view.world.users.get(&call.caller.user).ok_or_else(Problem::not_found)?;
    Sheet::single(call, view, |sheet| {
        sheet.begin("user", Kind::User, user.id);
        if sheet.dialect.is_pelican() {
            sheet.pelican_person(user);
        } else {
            sheet.json.put("id", user.id);
            sheet.json.put("admin", user.root_admin);
            sheet.json.put("username", &user.username);
            sheet.json.put("email", &user.email);
            sheet.json.put("first_name", user.first_name.as_deref());
            sheet.json.put("last_name", user.last_name.as_deref());
            sheet.json.put("language", &user.language);
        }
        sheet.end();
    })
}

/// `GET /account/api-keys`
pub(crate) fn api_keys(call: &Call<'_>, view: View<'_>) -> Answer {
    let mine = view.world.keys.iter().filter(|key| key.user == call.caller.user && key.kind == KeyKind::Account);
    Sheet::all(call, view, mine, |sheet, key| draw_key(sheet, call, key))
}

fn draw_key(sheet: &mut Sheet<'_>, call: &Call<'_>, key: &ApiKey) {
    let zone = sheet.zone;
    let json = &mut sheet.json;
    json.put("object", "api_key");
    json.open("attributes");
    json.put("identifier", key.identifier());
    json.put("description", key.description.as_deref());
    json.put("allowed_ips", &key.allowed_ips);
    json.put(
        "last_used_at",
        (key.token == call.request.token.as_deref().unwrap_or_default()).then_some(At(call.now, zone)),
    );
    json.put("created_at", At(key.created_at, zone));
    json.close();
}

/// Keys that one user may have.
const MOST_KEYS: usize = 25;

/// `POST /account/api-keys`: the secret half is shown this once.
pub(crate) fn create_api_key(call: &Call<'_>, store: &mut Store) -> Answer {
    let mut fields = Fields::of(call.request);
    let (description, allowed_ips) = (fields.text("description", 500), fields.texts("allowed_ips"));
    fields.expect("allowed_ips", "max", allowed_ips.len() <= 50);
    fields.done()?;
    let user = call.caller.user;
    if store.world.keys.iter().filter(|key| key.user == user && key.kind == KeyKind::Account).count() >= MOST_KEYS {
        return Err(Problem::refused("DisplayException", "This account has all the keys that it may have."));
    }
    let world = store.edit();
    let token = world.add_account_key(user);
    if let Some(key) = world.keys.last_mut() {
        (key.description, key.allowed_ips) = (Some(description), allowed_ips);
    }
    let view = store.view();
    let key = view.world.keys.last().ok_or_else(Problem::not_found)?;
    let mut sheet = Sheet::new(call, view);
    draw_key(&mut sheet, call, key);
    sheet.json.open("meta");
    sheet.json.put("secret_token", token.get(16..).unwrap_or_default());
    sheet.json.close();
    sheet.answer(200)
}

/// `DELETE /account/api-keys/{identifier}`
pub(crate) fn delete_api_key(call: &Call<'_>, store: &mut Store) -> Answer {
    let mine =
        |key: &ApiKey| key.user == call.caller.user && key.kind == KeyKind::Account && key.identifier() == call.name(0);
    if !store.world.keys.iter().any(mine) {
        return Err(Problem::not_found());
    }
    store.edit().keys.retain(|key| !mine(key));
    Ok(Reply::done())
}

/// `GET /account/ssh-keys`: nobody has any.
pub(crate) fn ssh_keys(call: &Call<'_>, view: View<'_>) -> Answer {
    Sheet::all(call, view, std::iter::empty::<()>(), |_, ()| {})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_dialects_have_40_and_44_permissions() {
        let pelican = known_permissions(Dialect::Pelican);
        assert_eq!((known_permissions(Dialect::Pterodactyl).len(), pelican.len()), (40, 44));
        assert!(pelican.contains(&"database.view-password".to_owned()));
    }
}
