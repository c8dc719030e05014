//! The file that holds the sealing key.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use super::{Error, KEY_ID};
use crate::clock::Random;

const LENGTH: usize = 32;

/// The key in the file, which is made first if it is not there.
pub(super) fn read_or_make(path: &Path, random: &Random) -> Result<Zeroizing<[u8; LENGTH]>, Error> {
    match read(path) {
        Err(Error::KeyFile { source, .. }) if source.kind() == ErrorKind::NotFound => {
            make(path, random)?;
            read(path)
        }
        result => result,
    }
}

/// A short name for a key, so that a value tells which key sealed it; it says nothing about the key.
pub(super) fn id(key: &[u8; LENGTH]) -> [u8; KEY_ID] {
    let digest = Sha256::new().chain_update(b"summoner key id\0").chain_update(key).finalize();
    let mut id = [0; KEY_ID];
    id.copy_from_slice(&digest[..KEY_ID]);
    id
}

fn read(path: &Path) -> Result<Zeroizing<[u8; LENGTH]>, Error> {
    let failed = |source| Error::KeyFile { attempt: "reading", path: path.to_owned(), source };
    let refused = |problem: String| Error::Refused { path: path.to_owned(), problem };
    let mut file = File::open(path).map_err(failed)?;
    let about = file.metadata().map_err(failed)?;
    if !about.is_file() {
        return Err(refused("is not a plain file".to_owned()));
    }
    if about.uid() != rustix::process::geteuid().as_raw() {
        return Err(refused(format!(
            "belongs to another user (uid {}); give it to the one who runs this",
            about.uid()
        )));
    }
    if about.mode() & 0o077 != 0 {
        return Err(refused(format!(
            "may be read by others (mode {:o}); run chmod 600 on it, and change what it sealed if others had a look",
            about.mode() & 0o777
        )));
    }
    if about.len() != LENGTH as u64 {
        return Err(refused(format!("has {} bytes where a key has {LENGTH}; put back the right file", about.len())));
    }
    let mut key = Zeroizing::new([0; LENGTH]);
    file.read_exact(&mut *key).map_err(failed)?;
    Ok(key)
}

/// Makes the file whole or not at all, and never over another: a lost key loses every sealed value.
///
/// The key is written and synced under another name, then linked to its own, which fails if that exists by now.
fn make(path: &Path, random: &Random) -> Result<(), Error> {
    let failed = |source| Error::KeyFile { attempt: "making", path: path.to_owned(), source };
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut draft = path.as_os_str().to_owned();
    draft.push(format!(".{}", u64::from_le_bytes(random.bytes())));
    let draft = PathBuf::from(draft);
    let key = Zeroizing::new(random.bytes::<LENGTH>());
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft).map_err(failed)?;
    let linked =
        file.write_all(&*key).and_then(|()| file.sync_all()).and_then(|()| match std::fs::hard_link(&draft, path) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
            result => result,
        });
    std::fs::remove_file(&draft).map_err(failed)?;
    linked.and_then(|()| File::open(folder)?.sync_all()).map_err(failed)
}
