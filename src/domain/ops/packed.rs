//! What a backup looks like: a data file, compressed as one zstd stream, after a frame that `zstd -d` skips and that says what
//! is inside. That frame is written last, so a backup without one was never finished.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use aviary_kernel::base::{Error, Result, Timestamp};
use serde::{Deserialize, Serialize};
use zstd::stream::read::Decoder;
use zstd::stream::write::Encoder;

use super::files::unwritable;

/// The first of the numbers that zstd keeps for frames to be skipped.
const SKIPPED: [u8; 4] = 0x184D_2A50_u32.to_le_bytes();
/// Bytes of the whole frame.
const HEAD: usize = 1024;
/// Bytes of it before what it says.
const PREFIX: usize = 8;
/// What this release writes, and the newest that it reads.
const FORMAT: u32 = 1;
/// Fast: higher levels save little and take many times as long.
const LEVEL: i32 = 1;
/// Read and written at once.
const CHUNK: usize = 512 * 1024;

/// A finished backup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backup {
    /// The name of the file.
    pub name: String,
    /// Where it is.
    pub path: PathBuf,
    /// Its size.
    pub bytes: u64,
    /// The size of the data file inside.
    pub data_bytes: u64,
    /// Rows of all tables, index keys among them.
    pub rows: u64,
    /// How long it took to make.
    pub took_ms: u64,
    /// When it was begun: what was committed before is in it.
    pub made_at: Timestamp,
    /// The id of the master key that its secrets are sealed under, as messages show it. The key itself is not in it.
    pub key: Option<String>,
    /// The release that made it.
    pub release: String,
}

/// What the first frame says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Head {
    /// Of this frame and what follows.
    pub(super) aviary_backup: u32,
    pub(super) release: String,
    pub(super) made_at: Timestamp,
    pub(super) took_ms: u64,
    pub(super) rows: u64,
    pub(super) data_bytes: u64,
    /// Of the backup.
    pub(super) bytes: u64,
    pub(super) key: Option<String>,
}

impl Head {
    /// Of a backup that is being made; what is not known yet is zero.
    pub(super) fn new(made_at: Timestamp, rows: u64, key: Option<u32>) -> Self {
        Self {
            aviary_backup: FORMAT,
            release: env!("CARGO_PKG_VERSION").to_owned(),
            made_at,
            took_ms: 0,
            rows,
            data_bytes: 0,
            bytes: 0,
            key: key.map(|id| format!("{id:08x}")),
        }
    }

    pub(super) fn backup(self, path: &Path) -> Backup {
        let Self { release, made_at, took_ms, rows, data_bytes, bytes, key, .. } = self;
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        Backup { name, path: path.to_owned(), bytes, data_bytes, rows, took_ms, made_at, key, release }
    }

    /// Puts it at the beginning of the file, where room was left.
    pub(super) fn write(&self, to: &mut (impl Write + Seek)) -> io::Result<()> {
        let mut frame = SKIPPED.to_vec();
        frame.extend(u32::try_from(HEAD - PREFIX).unwrap_or_default().to_le_bytes());
        frame.extend(serde_json::to_vec(self).map_err(io::Error::other)?);
        if frame.len() > HEAD {
            return Err(io::Error::other("the head of the backup is too long"));
        }
        frame.resize(HEAD, b' ');
        to.seek(SeekFrom::Start(0))?;
        to.write_all(&frame)
    }
}

/// What a file says of itself, when it is a whole backup that this release can read.
///
/// # Errors
/// [`Error::Unusable`] when it is none, with the reason.
pub(super) fn look(path: &Path) -> Result<Backup> {
    let shown = path.display();
    let unreadable = |e: io::Error| Error::Unusable(format!("{shown} cannot be read: {e}"));
    let file = File::open(path).map_err(unreadable)?;
    let found = file.metadata().map_err(unreadable)?;
    let foreign =
        || Error::Unusable(format!("{shown} is no backup of Aviary: choose a file that `aviary backup list` shows"));
    if !found.is_file() {
        return Err(foreign());
    }
    let mut frame = Vec::with_capacity(HEAD);
    file.take(HEAD as u64).read_to_end(&mut frame).map_err(unreadable)?;
    if frame.len() < HEAD || !frame.starts_with(&SKIPPED) {
        return Err(foreign());
    }
    let said: serde_json::Value = serde_json::from_slice(&frame[PREFIX..]).map_err(|_| foreign())?;
    match said["aviaryBackup"].as_u64() {
        None => return Err(foreign()),
        Some(format) if format > u64::from(FORMAT) => {
            return Err(Error::Unusable(format!(
                "{shown} was made by a newer Aviary: it was left as it is; install the newer release"
            )));
        }
        Some(_) => {}
    }
    let head: Head = serde_json::from_value(said).map_err(|_| foreign())?;
    if head.bytes != found.len() {
        return Err(Error::Unusable(format!(
            "{shown} is not whole: it has {} of {} bytes; choose another backup",
            found.len(),
            head.bytes
        )));
    }
    Ok(head.backup(path))
}

/// Is told how many bytes were worked on; what it returns as an error ends the work.
pub(super) type WatchBytes<'a> = dyn FnMut(u64) -> Result<()> + 'a;

/// Packs a data file into `to`, and leaves room for the head in front. How many bytes the data file has.
pub(super) fn pack(
    from: &mut impl Read,
    to: &mut (impl Write + Seek),
    path: &Path,
    watch: &mut WatchBytes<'_>,
) -> Result<u64> {
    let fail = |e: io::Error| unwritable(path, &e);
    to.write_all(&[0; HEAD]).map_err(fail)?;
    let mut packer = Encoder::new(to, LEVEL).map_err(fail)?;
    packer.include_checksum(true).map_err(fail)?;
    let mut bytes = 0;
    let mut chunk = vec![0; CHUNK];
    loop {
        watch(bytes)?;
        let read = from.read(&mut chunk).map_err(Error::internal)?;
        if read == 0 {
            packer.finish().map_err(fail)?;
            return Ok(bytes);
        }
        packer.write_all(&chunk[..read]).map_err(fail)?;
        bytes += read as u64;
    }
}

/// Unpacks the data file of a backup into `to`.
pub(super) fn unpack(backup: &Backup, to: &mut impl Write, path: &Path, watch: &mut WatchBytes<'_>) -> Result<()> {
    let broken =
        |why: String| Error::Unusable(format!("{} is damaged ({why}): choose another backup", backup.path.display()));
    let mut file = File::open(&backup.path).map_err(|e| broken(e.to_string()))?;
    file.seek(SeekFrom::Start(HEAD as u64)).map_err(|e| broken(e.to_string()))?;
    let mut unpacker =
        Decoder::with_buffer(BufReader::with_capacity(CHUNK, file)).map_err(|e| broken(e.to_string()))?;
    let mut bytes = 0;
    let mut chunk = vec![0; CHUNK];
    loop {
        watch(bytes)?;
        let read = unpacker.read(&mut chunk).map_err(|e| broken(e.to_string()))?;
        bytes += read as u64;
        // Never more than it says: a file from elsewhere must not fill the disk.
        if bytes > backup.data_bytes || (read == 0 && bytes < backup.data_bytes) {
            return Err(broken(format!("it should hold {} bytes", backup.data_bytes)));
        }
        if read == 0 {
            return Ok(());
        }
        to.write_all(&chunk[..read]).map_err(|e| unwritable(path, &e))?;
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, ErrorKind};

    use super::*;

    /// A disk with room for so many bytes.
    struct Small(Cursor<Vec<u8>>, usize);

    impl Write for Small {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if self.0.get_ref().len() + bytes.len() > self.1 {
                return Err(ErrorKind::StorageFull.into());
            }
            self.0.write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Seek for Small {
        fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
            self.0.seek(to)
        }
    }

    fn packed(data: &[u8]) -> Vec<u8> {
        let mut to = Cursor::new(Vec::new());
        let data_bytes = pack(&mut &*data, &mut to, Path::new("x"), &mut |_| Ok(())).unwrap();
        let bytes = to.get_ref().len() as u64;
        let head = Head { data_bytes, bytes, ..Head::new(Timestamp::from_seconds(7), 3, Some(0xab)) };
        head.write(&mut to).unwrap();
        to.into_inner()
    }

    fn unpacked(path: &Path) -> Result<Vec<u8>> {
        let mut to = Vec::new();
        unpack(&look(path)?, &mut to, Path::new("y"), &mut |_| Ok(()))?;
        Ok(to)
    }

    fn data() -> Vec<u8> {
        (0..3 * CHUNK as u32).flat_map(|n| (n.wrapping_mul(2_654_435_761) >> 20).to_le_bytes()).collect()
    }

    #[test]
    fn what_is_packed_comes_back_and_any_tool_for_zstd_reads_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("b");
        std::fs::write(&path, packed(&data())).unwrap();
        assert_eq!(unpacked(&path).unwrap(), data());
        let backup = look(&path).unwrap();
        assert_eq!((backup.rows, backup.key.as_deref(), backup.name.as_str()), (3, Some("000000ab"), "b"));
        assert_eq!(zstd::decode_all(&*packed(&data())).unwrap(), data());
    }

    #[test]
    fn what_is_cut_short_changed_newer_or_foreign_is_refused_with_the_reason() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("b");
        let refused = |bytes: &[u8]| {
            std::fs::write(&path, bytes).unwrap();
            match unpacked(&path) {
                Err(Error::Unusable(why)) => why,
                other => panic!("{other:?}"),
            }
        };
        let whole = packed(&data());
        for len in [0, 3, HEAD - 1] {
            assert!(refused(&whole[..len]).contains("no backup of Aviary"), "{len}");
        }
        for len in [HEAD, HEAD + 1, whole.len() - 1] {
            assert!(refused(&whole[..len]).contains("not whole"), "{len}");
        }
        assert!(refused(&[&whole[..], b"x"].concat()).contains("not whole"));
        for at in [HEAD, HEAD + 10, whole.len() / 2, whole.len() - 1] {
            let mut changed = whole.clone();
            changed[at] ^= 0x40;
            assert!(refused(&changed).contains("is damaged"), "{at}");
        }
        assert!(refused(&vec![b'x'; 5000]).contains("no backup of Aviary"));
        let newer = String::from_utf8_lossy(&whole[PREFIX..HEAD]).replacen("Backup\":1", "Backup\":2", 1);
        let newer = [&whole[..PREFIX], newer.as_bytes(), &whole[HEAD..]].concat();
        assert!(refused(&newer).contains("newer Aviary"));
    }

    #[test]
    fn a_backup_that_holds_more_than_it_says_does_not_fill_the_disk() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("b");
        std::fs::write(&path, packed(&data())).unwrap();
        let backup = Backup { data_bytes: 100, ..look(&path).unwrap() };
        let mut to = Vec::new();
        let refused = unpack(&backup, &mut to, Path::new("y"), &mut |_| Ok(()));
        assert!(matches!(refused, Err(Error::Unusable(why)) if why.contains("100 bytes")));
        assert!(to.is_empty());
    }

    #[test]
    fn a_full_disk_is_told_wherever_it_fills_up() {
        let all = packed(&data()).len();
        for room in [0, 100, HEAD, HEAD + 10, all / 2, all - 1] {
            let mut to = Small(Cursor::default(), room);
            let full = pack(&mut &*data(), &mut to, Path::new("/mnt/x"), &mut |_| Ok(()));
            assert!(matches!(full, Err(Error::Unusable(why)) if why.contains("disk is full")), "{room}");
        }
    }
}
