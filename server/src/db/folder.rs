//! The folders of the private cluster: who holds them, who may enter them, where the socket lies.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::ErrorKind;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, chown};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use super::{Account, Error, failed};

/// The longest path of a unix socket: `sun_path` of unix(7) has 108 bytes, one of them for the end.
const LONGEST_SOCKET: usize = 107;
/// The name Postgres gives its socket; the port is part of it and nothing else.
const SOCKET: &str = ".s.PGSQL.5432";

/// The hold of one process on its data folder; the kernel ends it with the process, however that ends.
#[derive(Debug)]
pub struct FolderLock {
    /// Open for as long as the hold lasts.
    _file: File,
}

impl FolderLock {
    /// Takes hold of the folder.
    ///
    /// # Errors
    /// [`Error::Locked`] when another process has it.
    pub fn take(data_dir: &Path) -> Result<Self, Error> {
        let attempt = || format!("locking {}", data_dir.display());
        let path = data_dir.join("lock");
        let file = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(path);
        let file = file.map_err(failed(attempt()))?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => Err(Error::Locked(data_dir.to_owned())),
            Err(TryLockError::Error(error)) => Err(failed(attempt())(error)),
        }
    }
}

/// Makes the folder for `account` alone, or passes if it is there and is that account's own.
pub(super) fn make_private(folder: &Path, account: &Account) -> Result<(), Error> {
    let attempt = || format!("making the folder {}", folder.display());
    match DirBuilder::new().mode(0o700).create(folder) {
        Ok(()) => chown(folder, Some(account.uid), Some(account.gid)).map_err(failed(attempt())),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => check_owner(folder, account),
        Err(error) => Err(failed(attempt())(error)),
    }
}

/// Passes if the folder is a real one, belongs to `account`, and nobody else may enter it.
pub(super) fn check_owner(folder: &Path, account: &Account) -> Result<(), Error> {
    let about = std::fs::symlink_metadata(folder).map_err(failed(format!("looking at {}", folder.display())))?;
    let problem = if !about.is_dir() {
        "is not a folder".to_owned()
    } else if about.uid() != account.uid {
        format!(
            "belongs to user number {}, and the private database would run as user {} (number {}); run Summoner as its owner, or give the folder to that user",
            about.uid(),
            account.name,
            account.uid
        )
    } else if about.mode() & 0o077 != 0 {
        format!("may be entered by others (mode {:o}); run chmod 700 on it", about.mode() & 0o777)
    } else {
        return Ok(());
    };
    Err(Error::Refused(format!("{} {problem}", folder.display())))
}

/// Passes if `account` may enter every folder above `folder`.
pub(super) fn check_way(folder: &Path, account: &Account) -> Result<(), Error> {
    for above in folder.ancestors().skip(1) {
        let about = std::fs::metadata(above).map_err(failed(format!("looking at {}", above.display())))?;
        let enter = if about.uid() == account.uid {
            0o100
        } else if about.gid() == account.gid {
            0o010
        } else {
            0o001
        };
        if about.mode() & enter == 0 {
            return Err(Error::Refused(format!(
                "user {}, who runs the private database, may not enter {}; run chmod o+x on it, or choose another folder with --data-dir",
                account.name,
                above.display()
            )));
        }
    }
    Ok(())
}

/// The folder for the socket: the cluster's own, or a short one when its path is too long for a socket or has
/// characters that Postgres reads as a list.
pub(super) fn socket_folder(cluster: &Path, account: &Account) -> PathBuf {
    let path = cluster.as_os_str().as_bytes();
    let plain = path.iter().all(|byte| !b",\"'".contains(byte) && !byte.is_ascii_whitespace());
    if plain && str::from_utf8(path).is_ok() && path.len() + 1 + SOCKET.len() <= LONGEST_SOCKET {
        return cluster.to_owned();
    }
    let short = hex::encode(&Sha256::digest(path)[..6]);
    let base = if rustix::process::geteuid().is_root() { "/run" } else { "/tmp" };
    Path::new(base).join(format!("summoner-{}-{short}", account.uid))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_socket_lies_in_the_clusters_folder_unless_its_path_is_too_long_or_odd() {
        let account = Account { name: "postgres".to_owned(), uid: 101, gid: 104 };
        let fits = format!("/{}", "a".repeat(LONGEST_SOCKET - SOCKET.len() - 2));
        let long = format!("{fits}a");
        assert_eq!(socket_folder(Path::new(&fits), &account), Path::new(&fits));
        for odd in [long.as_str(), "/srv/a,b", "/srv/a b", "/srv/a\"b"] {
            let folder = socket_folder(Path::new(odd), &account);
            assert_ne!(folder, Path::new(odd));
            assert!(folder.as_os_str().len() + 1 + SOCKET.len() <= LONGEST_SOCKET, "{folder:?}");
            assert_eq!(folder, socket_folder(Path::new(odd), &account), "found again by another process");
        }
        assert_ne!(socket_folder(Path::new("/srv/a,b"), &account), socket_folder(Path::new("/srv/a,c"), &account));
    }
}
