//! Files, with errors that name them.

use std::fs;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use crate::Outcome;

/// The whole file.
pub fn read(path: &Path) -> Outcome<Vec<u8>> {
    fs::read(path).map_err(|cause| format!("reading {}: {cause}", path.display()))
}

/// The whole file as text.
pub fn read_text(path: &Path) -> Outcome<String> {
    fs::read_to_string(path).map_err(|cause| format!("reading {}: {cause}", path.display()))
}

/// Writes the whole file, making the folders above it.
pub fn write(path: &Path, content: impl AsRef<[u8]>) -> Outcome {
    if let Some(folder) = path.parent() {
        make_folder(folder)?;
    }
    fs::write(path, content).map_err(|cause| format!("writing {}: {cause}", path.display()))
}

/// Makes a folder and those above it.
pub fn make_folder(path: &Path) -> Outcome {
    fs::create_dir_all(path).map_err(|cause| format!("making {}: {cause}", path.display()))
}

/// Removes a folder with all it holds; nothing to remove is fine.
pub fn remove_folder(path: &Path) -> Outcome {
    match fs::remove_dir_all(path) {
        Err(cause) if cause.kind() != std::io::ErrorKind::NotFound => {
            Err(format!("removing {}: {cause}", path.display()))
        }
        _ => Ok(()),
    }
}

/// Every file below a folder, sorted; empty when the folder does not exist.
pub fn below(folder: &Path) -> Outcome<Vec<PathBuf>> {
    let mut found = Vec::new();
    if folder.is_dir() {
        let entries = fs::read_dir(folder).map_err(|cause| format!("listing {}: {cause}", folder.display()))?;
        for entry in entries {
            let path = entry.map_err(|cause| format!("listing {}: {cause}", folder.display()))?.path();
            if path.is_dir() {
                found.extend(below(&path)?);
            } else {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

/// SHA-256 in lower-case hexadecimal.
pub fn digest(content: &[u8]) -> String {
    Sha256::digest(content).iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"))
}
