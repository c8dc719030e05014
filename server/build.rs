//! Embeds the catalogue: writes a table of every entry's files, which `server/src/catalog/library.rs` includes.
//!
//! A build script and not a crate for embedding folders, because those notice changed files but no new folder without
//! a build script anyway, and the table is all that is needed.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let manifest = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default());
    let folder = manifest.parent().unwrap_or(&manifest).join("catalog");
    // Relative to this package: a target folder that clones share must not go on with the catalogue of another clone.
    println!("cargo::rerun-if-changed=../catalog");

    let mut table = String::from("&[\n");
    for entry in folders(&folder)? {
        let (compose, icon) = (entry.join("compose.yaml"), entry.join("icon.svg"));
        if !compose.is_file() {
            continue;
        }
        let name = entry.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let icon = if icon.is_file() { format!("Some(include_str!({icon:?}))") } else { "None".to_owned() };
        let _ = writeln!(table, "    ({name:?}, include_str!({compose:?}), {icon}),");
    }
    table.push_str("]\n");
    fs::write(PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default()).join("entries.rs"), table)
}

/// The folders in a folder, sorted; none where it does not exist.
fn folders(folder: &Path) -> io::Result<Vec<PathBuf>> {
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let mut found: Vec<PathBuf> = fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<io::Result<_>>()?;
    found.retain(|path| path.is_dir());
    found.sort();
    Ok(found)
}
