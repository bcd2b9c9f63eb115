//! A data file of 500 MiB. Made once and kept in `target/tmp/benches`; remove it there to have it made anew.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use aviary::app::App;
use aviary_domain::mirror::Writer;
use aviary_kernel::base::{Env, MasterKey, Sealer};
use aviary_kernel::config::{Config, Sources};
use aviary_kernel::model::PanelId;
use tokio::runtime::Handle;

use super::{Outcome, folder, kept_folder, rows};

const SIZE: u64 = 500 << 20;

/// The data file in a data folder.
pub(crate) fn file(data_dir: &Path) -> PathBuf {
    data_dir.join("aviary.redb")
}

/// Bytes that were ever written; the file itself grows in large steps and has holes.
pub(crate) fn written(file: &Path) -> Outcome<u64> {
    Ok(fs::metadata(file)?.blocks() * 512)
}

/// A data folder with a file of that size.
pub(crate) async fn large_file() -> Outcome<PathBuf> {
    let kept = kept_folder().join("start-500-mib");
    if kept.exists() {
        return Ok(kept);
    }
    println!("making a data file of {} MiB, once", SIZE >> 20);
    let dir = folder()?;
    let data_dir = dir.path().join("data");
    let flags = [("data_dir", data_dir.display().to_string())];
    let config = Config::load(&Sources::new().flags(flags))?;
    let app = App::open(&config, Env::system(), Handle::current()).await?;
    let (store, env) = (app.services.store.clone(), app.services.env.clone());
    let sealer = Arc::new(Sealer::new(&MasterKey::parse(&"07".repeat(32))?));
    for panel in 1.. {
        let sync = env.ids.next();
        let writer = Writer::new(store.clone(), env.clone(), sealer.clone(), PanelId(1_000 + panel), sync);
        rows::fill(&writer, 2_000, 1_000).await?;
        if written(&file(&data_dir))? >= SIZE {
            break;
        }
    }
    app.close().await;
    drop(store);
    // The last handles go with the tasks that hold them.
    std::thread::sleep(Duration::from_millis(200));
    fs::rename(&data_dir, &kept)?;
    Ok(kept)
}
