//! Subusers of a server.

use crate::Chance;
use crate::panel::call::{Answer, Call};
use crate::panel::client::account::{known_permissions, portrait};
use crate::panel::client::list::this;
use crate::panel::fields::Fields;
use crate::panel::json::At;
use crate::panel::problem::Problem;
use crate::panel::sheet::Sheet;
use crate::panel::world::{Kind, Permissions, Store, Subuser, View};
use crate::reply::Reply;

impl<'a> Sheet<'a> {
    /// A subuser: the person, with permissions.
    pub(crate) fn client_subuser(&mut self, row: &'a Subuser) {
        let Some(user) = self.view.world.users.get(&row.user) else { return self.throw("ErrorException") };
        self.begin("server_subuser", Kind::Subuser, row.id);
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
        self.permissions(&row.permissions);
        self.end();
    }
}

/// `GET …/users`
pub(crate) fn list(call: &Call<'_>, view: View<'_>) -> Answer {
    let rows = view.index.subusers_of_server(call.id(0)).iter().filter_map(|id| view.world.subusers.get(id));
    Sheet::all(call, view, rows, Sheet::client_subuser)
}

/// `GET …/users/{subuser}`
pub(crate) fn show(call: &Call<'_>, view: View<'_>) -> Answer {
    one(call, view, call.id(1))
}

fn one(call: &Call<'_>, view: View<'_>, id: u64) -> Answer {
    let row = view.world.subusers.get(&id).ok_or_else(Problem::not_found)?;
    Sheet::single(call, view, |sheet| sheet.client_subuser(row))
}

/// `POST …/users`: an unknown address becomes a new user.
pub(crate) fn create(call: &Call<'_>, store: &mut Store) -> Answer {
    let mut fields = Fields::of(call.request);
    let (email, names) = (fields.text("email", 191), fields.texts("permissions"));
    fields.expect("email", "email", email.contains('@'));
    fields.done()?;
    let view = store.view();
    let server = this(call, view)?;
    let user = view.world.users.values().find(|user| user.email.eq_ignore_ascii_case(&email)).map(|user| user.id);
    if user == Some(server.user) {
        return Err(Problem::refused("UserIsServerOwnerException", "The owner cannot be a subuser."));
    }
    let mut mine = view.index.subusers_of_server(server.id).iter().filter_map(|id| view.world.subusers.get(id));
    if mine.any(|row| Some(row.user) == user) {
        return Err(Problem::refused("ServerSubuserExistsException", "Already a subuser of this server."));
    }
    let names = granted(call, view, &names)?;
    let user = user.unwrap_or_else(|| invite(store, &email));
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let id = store.edit().add_subuser(call.id(0), user, &names);
    one(call, store.view(), id)
}

fn invite(store: &mut Store, email: &str) -> u64 {
    let world = store.edit();
    let local: String = email.chars().take_while(|&c| c != '@').filter(char::is_ascii_alphanumeric).collect();
    let suffix = Chance::fork(world.users.len() as u64, email).hex(3);
    let id = world.add_user(&format!("{local}{suffix}"), email);
    if let Some(user) = world.users.get_mut(&id) {
        (user.first_name, user.last_name) = (Some("Server".to_owned()), Some("Subuser".to_owned()));
    }
    id
}

/// Unknown names are dropped, the websocket comes along, and nobody hands out what they do not have.
fn granted(call: &Call<'_>, view: View<'_>, names: &[String]) -> Result<Vec<String>, Problem> {
    let server = this(call, view)?;
    let known = known_permissions(call.dialect());
    let mut names: Vec<String> = names.iter().filter(|name| known.iter().any(|k| k == *name)).cloned().collect();
    if names.iter().any(|name| !call.may(view, server, name)) {
        return Err(Problem::new(403, "HttpForbiddenException", "You cannot hand out what you do not have."));
    }
    names.push("websocket.connect".to_owned());
    names.sort();
    names.dedup();
    Ok(names)
}

/// `POST …/users/{subuser}`
pub(crate) fn update(call: &Call<'_>, store: &mut Store) -> Answer {
    let view = store.view();
    refuse_oneself(call, view)?;
    let names = granted(call, view, &Fields::of(call.request).texts("permissions"))?;
    let world = store.edit();
    let now = world.now();
    if let Some(row) = world.subusers.get_mut(&call.id(1)) {
        (row.permissions, row.updated_at) = (Permissions::List(names), now);
    }
    one(call, store.view(), call.id(1))
}

/// `DELETE …/users/{subuser}`
pub(crate) fn delete(call: &Call<'_>, store: &mut Store) -> Answer {
    refuse_oneself(call, store.view())?;
    store.edit().remove_subuser(call.id(1));
    Ok(Reply::done())
}

fn refuse_oneself(call: &Call<'_>, view: View<'_>) -> Result<(), Problem> {
    let oneself = view.world.subusers.get(&call.id(1)).is_some_and(|row| row.user == call.caller.user);
    if oneself { Err(Problem::forbidden()) } else { Ok(()) }
}
