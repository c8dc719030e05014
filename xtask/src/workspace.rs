//! Where things are: the checkout and the folder that builds go to.

use std::env;
use std::path::{Path, PathBuf};

use crate::Outcome;

/// The checkout and its build folder.
pub struct Workspace {
    /// The folder of the workspace's `Cargo.toml`.
    pub root: PathBuf,
    /// `CARGO_TARGET_DIR`, or `target` in the checkout.
    pub target: PathBuf,
}

impl Workspace {
    /// Reads both from what cargo tells the programs it runs.
    ///
    /// # Errors
    /// When the program was not started by cargo.
    pub fn find() -> Outcome<Self> {
        let manifest = env::var_os("CARGO_MANIFEST_DIR")
            .ok_or("cargo did not say where the workspace is; run this as `cargo xtask …`")?;
        let root = Path::new(&manifest).parent().ok_or("xtask has no workspace above it")?.to_path_buf();
        let target = env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), |folder| root.join(folder));
        Ok(Self { root, target })
    }

    /// Where the browser bundle is published and the server reads it.
    pub fn site(&self) -> PathBuf {
        self.target.join("site")
    }
}
