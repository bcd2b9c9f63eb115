//! Files: two that every server has, to look at.

use crate::Chance;
use crate::panel::call::{Answer, Call};
use crate::panel::client::list::this;
use crate::panel::client::power::node_answers;
use crate::panel::json::{At, Json};
use crate::panel::problem::Problem;
use crate::panel::sheet::Sheet;
use crate::panel::world::{Server, View};
use crate::reply::Reply;

/// Name, mode, bits, size, media type.
type Entry = (&'static str, &'static str, &'static str, u64, &'static str);

const ROOT: &[Entry] = &[
    ("server.properties", "-rw-r--r--", "644", 38, "text/plain; charset=utf-8"),
    ("plugins", "drwxr-xr-x", "755", 4096, "inode/directory"),
];

/// `GET …/files/list`
pub(crate) fn list(call: &Call<'_>, view: View<'_>) -> Answer {
    let server = this(call, view)?;
    node_answers(call, view, server)?;
    let entries = match call.request.query.get("directory").unwrap_or("/").trim_matches('/') {
        "" => ROOT,
        "plugins" => &[],
        _ => return Err(Problem::new(404, "DaemonConnectionException", "The node knows no such directory.")),
    };
    Sheet::all(call, view, entries, |sheet, entry| draw(sheet, server, entry))
}

fn draw(sheet: &mut Sheet<'_>, server: &Server, &(name, mode, bits, size, media): &Entry) {
    let json = &mut sheet.json;
    json.put("object", "file_object");
    json.open("attributes");
    json.put("name", name);
    json.put("mode", mode);
    json.put("mode_bits", bits);
    json.put("size", size);
    json.put("is_file", media != "inode/directory");
    json.put("is_symlink", false);
    json.put("mimetype", media);
    json.put("created_at", At::utc(server.created_at));
    json.put("modified_at", At::utc(server.updated_at));
    json.close();
}

/// Whatever else is done to files: the node does it, and the panel has nothing to show for it.
pub(crate) fn done(call: &Call<'_>, view: View<'_>) -> Answer {
    node_answers(call, view, this(call, view)?)?;
    Ok(Reply::done())
}

/// `POST …/files/compress`
pub(crate) fn compress(call: &Call<'_>, view: View<'_>) -> Answer {
    let server = this(call, view)?;
    node_answers(call, view, server)?;
    let archive = ("archive.tar.gz", "-rw-r--r--", "644", 4096, "application/tar+gzip");
    Sheet::single(call, view, |sheet| draw(sheet, server, &archive))
}

/// An address on the node that can be used once.
pub(crate) fn signed_url(call: &Call<'_>, view: View<'_>) -> Answer {
    let server = this(call, view)?;
    let node = view.world.nodes.get(&server.node).ok_or_else(Problem::not_found)?;
    let what = call.request.path.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    let token = Chance::fork(server.id ^ call.now.as_second() as u64, what).token(160);
    let mut json = Json::object();
    json.put("object", "signed_url");
    json.open("attributes");
    json.put("url", format!("{}://{}:{}/{what}/file?token={token}", node.scheme, node.fqdn, node.daemon_listen));
    json.close();
    Ok(Reply::ok(json.finish()))
}

/// `GET …/files/contents`
pub(crate) fn contents(call: &Call<'_>, view: View<'_>) -> Answer {
    node_answers(call, view, this(call, view)?)?;
    match call.request.query.get("file").unwrap_or_default().trim_start_matches('/') {
        "server.properties" => Ok(Reply::text("server-port=25565\nmotd=A simulated one")),
        _ => Err(Problem::new(404, "DaemonConnectionException", "The node knows no such file.")),
    }
}
