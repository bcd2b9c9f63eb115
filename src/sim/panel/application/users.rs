//! Users of the application API.

use crate::panel::call::{Answer, Call};
use crate::panel::fields::Fields;
use crate::panel::json::At;
use crate::panel::list::{Rules, nullable, part, text};
use crate::panel::problem::Problem;
use crate::panel::query::Includes;
use crate::panel::sheet::Sheet;
use crate::panel::world::{Kind, Resource, Store, User, View, World};
use crate::reply::Reply;

const RULES: Rules<User> = Rules {
    filters: &[
        part("email", |u| text(&u.email)),
        part("uuid", |u| text(&u.uuid)),
        part("username", |u| text(&u.username)),
        part("external_id", |u| nullable(&u.external_id)),
    ],
    sorts: &[("id", |a, b| a.id.cmp(&b.id)), ("uuid", |a, b| a.uuid.cmp(&b.uuid))],
    changed: |user| user.updated_at,
};

impl<'a> Sheet<'a> {
    /// A `user`.
    pub(crate) fn user(&mut self, user: &'a User, includes: &Includes) {
        self.begin("user", Kind::User, user.id);
        match self.dialect.is_pelican() {
            true => self.pelican_user(user),
            false => self.pterodactyl_user(user),
        }
        self.json.put("created_at", At::utc(user.created_at));
        self.json.put("updated_at", At::utc(user.updated_at));
        self.user_relations(user, includes);
        self.end();
    }

    fn pterodactyl_user(&mut self, user: &User) {
        let json = &mut self.json;
        json.put("id", user.id);
        json.put("external_id", user.external_id.as_deref());
        json.put("uuid", &user.uuid);
        json.put("username", &user.username);
        json.put("email", &user.email);
        json.put("first_name", user.first_name.as_deref());
        json.put("last_name", user.last_name.as_deref());
        json.put("language", &user.language);
        json.put("root_admin", user.root_admin);
        json.put("2fa", user.two_factor);
    }

    fn pelican_user(&mut self, user: &User) {
        let json = &mut self.json;
        json.put("id", user.id);
        json.put("external_id", user.external_id.as_deref());
        json.put("is_managed_externally", user.managed_externally);
        json.put("uuid", &user.uuid);
        json.put("username", &user.username);
        json.put("email", &user.email);
        json.put("language", &user.language);
        json.put("root_admin", user.root_admin);
        json.put("2fa_enabled", user.two_factor);
        json.put("2fa", user.two_factor);
    }

    fn user_relations(&mut self, user: &'a User, includes: &Includes) {
        let known: &[&str] = if self.dialect.is_pelican() { &["servers", "roles"] } else { &["servers"] };
        if !includes.any(known) {
            return;
        }
        self.json.open("relationships");
        if includes.has("servers") {
            let (ids, below) = (self.view.index.servers_of_user(user.id), includes.under("servers"));
            self.servers("servers", ids, &below);
        }
        if includes.has("roles") && self.dialect.is_pelican() {
            let role = user.root_admin.then_some(());
            self.many("roles", Some(Resource::Roles), role, |sheet, ()| sheet.role());
        }
        self.json.close();
    }
}

/// `GET /users`
pub(crate) fn list(call: &Call<'_>, view: View<'_>) -> Answer {
    let mut rows: Vec<&User> = view.world.users.values().collect();
    RULES.apply(&mut rows, call)?;
    let includes = call.includes();
    Sheet::page(call, view, &call.page(&rows)?, |sheet, user| sheet.user(user, &includes))
}

/// `GET /users/{user}`
pub(crate) fn show(call: &Call<'_>, view: View<'_>) -> Answer {
    one(call, view, view.world.users.get(&call.id(0)))
}

/// `GET /users/external/{external}`
pub(crate) fn external(call: &Call<'_>, view: View<'_>) -> Answer {
    one(call, view, view.world.users.values().find(|user| user.external_id.as_deref() == Some(call.name(0))))
}

fn one<'a>(call: &Call<'_>, view: View<'a>, user: Option<&'a User>) -> Answer {
    let user = user.ok_or_else(Problem::not_found)?;
    Sheet::single(call, view, |sheet| sheet.user(user, &call.includes()))
}

/// `POST /users`
pub(crate) fn create(call: &Call<'_>, store: &mut Store) -> Answer {
    let draft = Draft::read(call, &store.world, None)?;
    let world = store.edit();
    let id = world.add_user(&draft.username, &draft.email);
    draft.apply(world, id);
    let view = store.view();
    let user = view.world.users.get(&id).ok_or_else(Problem::not_found)?;
    let path = format!("/api/application/users/{id}");
    Sheet::created(call, view, &path, |sheet| sheet.user(user, &call.includes()))
}

/// `PATCH /users/{user}`
pub(crate) fn update(call: &Call<'_>, store: &mut Store) -> Answer {
    let draft = Draft::read(call, &store.world, Some(call.id(0)))?;
    draft.apply(store.edit(), call.id(0));
    show(call, store.view())
}

/// `DELETE /users/{user}`
pub(crate) fn delete(call: &Call<'_>, store: &mut Store) -> Answer {
    let id = call.id(0);
    if !store.view().index.servers_of_user(id).is_empty() {
        return Err(Problem::refused("DisplayException", "This user still owns servers."));
    }
    if call.dialect().is_pelican() && store.world.users.get(&id).is_some_and(|user| user.root_admin) {
        return Ok(Reply::json(403, b"[]".to_vec()));
    }
    store.edit().remove_user(id);
    Ok(Reply::done())
}

/// The fields of a write, checked.
struct Draft {
    username: String,
    email: String,
    names: Option<(String, String)>,
    external_id: Option<String>,
    root_admin: Option<bool>,
    language: Option<String>,
}

impl Draft {
    fn read(call: &Call<'_>, world: &World, myself: Option<u64>) -> Result<Self, Problem> {
        let mut fields = Fields::of(call.request);
        let draft = Self {
            email: fields.text("email", 191),
            external_id: fields.maybe_text("external_id", 191),
            username: fields.text("username", 191).to_lowercase(),
            names: (!call.dialect().is_pelican())
                .then(|| (fields.text("first_name", 191), fields.text("last_name", 191))),
            root_admin: fields.flag("root_admin"),
            language: fields.maybe_text("language", 5),
        };
        let others = || world.users.values().filter(|user| Some(user.id) != myself);
        fields.expect("language", "in", draft.language.as_deref().is_none_or(|code| code == "en"));
        fields.expect("email", "email", draft.email.contains('@'));
        fields.expect("email", "unique", !others().any(|user| user.email.eq_ignore_ascii_case(&draft.email)));
        fields.expect("username", "unique", !others().any(|user| user.username == draft.username));
        fields.expect("username", "p_username", is_username(&draft.username));
        let taken = draft.external_id.is_some() && others().any(|user| user.external_id == draft.external_id);
        fields.expect("external_id", "unique", !taken);
        fields.done().map(|()| draft)
    }

    fn apply(self, world: &mut World, id: u64) {
        let now = world.now();
        let Some(user) = world.users.get_mut(&id) else { return };
        (user.username, user.email, user.external_id) = (self.username, self.email, self.external_id);
        if let Some((first, last)) = self.names {
            (user.first_name, user.last_name) = (Some(first), Some(last));
        }
        user.root_admin = self.root_admin.unwrap_or(user.root_admin);
        user.language = self.language.unwrap_or_else(|| user.language.clone());
        user.updated_at = now;
    }
}

fn is_username(name: &str) -> bool {
    let ends = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    ends(name.chars().next())
        && ends(name.chars().next_back())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || "_.-".contains(c))
}
