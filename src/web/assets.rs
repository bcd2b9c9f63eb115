//! Styles, scripts and images, from the binary. Compressed once; kept by browsers for a year when their address
//! carries the version that [`url`] adds.

use std::borrow::Cow;
use std::collections::HashMap;
use std::io::Write as _;
use std::sync::OnceLock;

use actix_web::http::header::{self, EntityTag, Header, IfNoneMatch};
use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use rust_embed::{EmbeddedFile, RustEmbed};

use crate::door::Open;
use crate::problem::{ApiResult, Problem};

#[derive(RustEmbed)]
#[folder = "../../static"]
#[allow_missing = true]
struct Files;

/// Every file, ready to be sent.
pub struct Assets(HashMap<String, Asset>);

struct Asset {
    plain: Bytes,
    /// Where it saves anything; made when it is first asked for.
    gzip: OnceLock<Option<Bytes>>,
    version: String,
    mime: String,
}

/// The address of a file under `static/`, with its version, such as `/static/css/app.css?v=0f3a…`.
pub fn url(path: &str) -> String {
    match Files::get(path) {
        Some(file) => format!("/static/{path}?v={}", version(&file)),
        None => format!("/static/{path}"),
    }
}

fn version(file: &EmbeddedFile) -> String {
    file.metadata.sha256_hash().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

impl Assets {
    /// Finds them.
    pub fn load() -> Self {
        Self(Files::iter().filter_map(|path| Some((path.to_string(), Asset::new(Files::get(&path)?)))).collect())
    }
}

impl Asset {
    fn new(file: EmbeddedFile) -> Self {
        let version = version(&file);
        let mime = match file.metadata.mimetype() {
            text if text.starts_with("text/") => format!("{text}; charset=utf-8"),
            other => other.to_owned(),
        };
        let plain = match file.data {
            Cow::Borrowed(bytes) => Bytes::from_static(bytes),
            Cow::Owned(bytes) => Bytes::from(bytes),
        };
        let plain = if mime.contains("javascript") { slim(&plain) } else { plain };
        Self { plain, gzip: OnceLock::new(), version, mime }
    }

    fn gzip(&self) -> Option<&Bytes> {
        let smaller = || compress(&self.plain).filter(|small| small.len() < self.plain.len() / 10 * 9);
        self.gzip.get_or_init(smaller).as_ref()
    }
}

/// A script without indentation and without lines that are comments. None of ours has a text over several lines.
fn slim(script: &[u8]) -> Bytes {
    let text = String::from_utf8_lossy(script);
    let lines = text.lines().map(str::trim_start).filter(|line| !line.is_empty() && !line.starts_with("//"));
    Bytes::from(lines.flat_map(|line| [line, "\n"]).collect::<String>())
}

fn compress(plain: &[u8]) -> Option<Bytes> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(plain).ok()?;
    encoder.finish().ok().map(Bytes::from)
}

/// A file of the pages.
pub async fn asset(_: Open, request: HttpRequest, assets: Data<Assets>, path: Path<String>) -> ApiResult {
    let asset = assets.0.get(path.as_str()).ok_or_else(Problem::no_such_route)?;
    let zipped = takes_gzip(&request).then(|| asset.gzip()).flatten();
    // The two forms differ byte by byte, so they need tags of their own.
    let tag =
        EntityTag::new_strong(if zipped.is_some() { format!("{}-gz", asset.version) } else { asset.version.clone() });
    let versioned = request.query_string() == format!("v={}", asset.version);
    let keep = if versioned { "public, max-age=31536000, immutable" } else { "public, no-cache" };
    let fresh = match IfNoneMatch::parse(&request) {
        Ok(IfNoneMatch::Any) => true,
        Ok(IfNoneMatch::Items(tags)) => tags.iter().any(|known| known.weak_eq(&tag)),
        Err(_) => false,
    };
    let mut head = if fresh { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    head.insert_header(header::ETag(tag))
        .insert_header((header::CACHE_CONTROL, keep))
        .insert_header((header::VARY, "Accept-Encoding"));
    if fresh {
        return Ok(head.finish());
    }
    head.content_type(asset.mime.as_str());
    if zipped.is_some() {
        head.insert_header((header::CONTENT_ENCODING, "gzip"));
    }
    Ok(head.body(zipped.unwrap_or(&asset.plain).clone()))
}

fn takes_gzip(request: &HttpRequest) -> bool {
    let wanted =
        request.headers().get(header::ACCEPT_ENCODING).and_then(|value| value.to_str().ok()).unwrap_or_default();
    wanted.split(',').map(str::trim).any(|one| match one.split_once(";") {
        None => one.eq_ignore_ascii_case("gzip"),
        Some((name, weight)) => name.trim().eq_ignore_ascii_case("gzip") && !matches!(weight.trim(), "q=0" | "q=0.0"),
    })
}

#[cfg(test)]
mod tests {
    use actix_web::App;
    use actix_web::test::{self, TestRequest, call_service};
    use actix_web::web;

    use super::*;

    fn largest() -> String {
        let size = |path: &String| Files::get(path).map_or(0, |file| file.data.len());
        Files::iter().map(|path| path.into_owned()).max_by_key(size).unwrap()
    }

    #[actix_web::test]
    async fn a_file_is_kept_by_its_version_and_sent_once() {
        let assets = Data::new(Assets::load());
        let app =
            test::init_service(App::new().app_data(assets).route("/static/{path:.*}", web::get().to(asset))).await;
        let get = |uri: &str| TestRequest::get().uri(uri).insert_header(("accept-encoding", "br, gzip;q=0.8"));
        let path = largest();

        let answer = call_service(&app, get(&url(&path)).to_request()).await;
        let header = |name: &str| answer.headers().get(name).unwrap().to_str().unwrap().to_owned();
        assert_eq!((answer.status().as_u16(), header("content-encoding")), (200, "gzip".into()));
        assert_eq!(header("cache-control"), "public, max-age=31536000, immutable");

        let again =
            call_service(&app, get(&url(&path)).insert_header(("if-none-match", header("etag"))).to_request()).await;
        assert_eq!(again.status(), 304);

        let plain = call_service(&app, TestRequest::get().uri(&format!("/static/{path}")).to_request()).await;
        assert_eq!(plain.headers().get("cache-control").unwrap(), "public, no-cache");
        assert!(plain.headers().get("content-encoding").is_none());
        assert_eq!(test::read_body(plain).await.as_ref(), &*Files::get(&path).unwrap().data);
    }

    #[actix_web::test]
    async fn scripts_are_small_together_and_lose_nothing_but_comments() {
        let scripts: Vec<_> = Files::iter().filter(|path| path.ends_with(".js")).collect();
        let mut sent = 0;
        for path in &scripts {
            let file = Files::get(path).unwrap().data.into_owned();
            let text = std::str::from_utf8(&file).unwrap();
            let is_whole = |line: &str| line.matches('`').count().is_multiple_of(2) && !line.contains("/*");
            assert!(text.lines().all(is_whole), "{path} has a text or a comment over several lines");
            sent += slim(&file).len();
        }
        assert!(scripts.len() > 3 && sent < 20 * 1024, "{sent} bytes");
        assert_eq!(slim(b"// a\n  b(); // c\n\n").as_ref(), b"b(); // c\n");
    }

    #[actix_web::test]
    async fn nothing_outside_is_sent() {
        let app = test::init_service(
            App::new().app_data(Data::new(Assets::load())).route("/static/{path:.*}", web::get().to(asset)),
        )
        .await;
        for path in ["/static/../Cargo.toml", "/static/%2e%2e/Cargo.toml", "/static/", "/static/nothing.css"] {
            assert_eq!(call_service(&app, TestRequest::get().uri(path).to_request()).await.status(), 404, "{path}");
        }
    }
}
