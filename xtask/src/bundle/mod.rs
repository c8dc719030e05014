//! The browser bundle: what the server publishes under `/pkg/`.
//!
//! `build` turns the `app` crate, `style/index.css` and everything in `public/` into files whose names carry a hash
//! of their content, so that a browser may keep them for ever, and a `manifest.json` that maps plain names to
//! published ones: `{"app.js": "app.1f2e….js", …}`. The server reads it once at start.
//! A step whose inputs did not change is not done again: see each step for what its inputs are.

mod publish;
mod style;
mod wasm;

use std::process::Command;
use std::time::Instant;

use crate::workspace::Workspace;
use crate::{Outcome, files, process};

pub use publish::manifest;

/// How much care the bundle takes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Small before fast to build: optimised, minified, compressed.
    Release,
    /// Fast to build: nothing of that.
    Dev,
}

impl Mode {
    fn name(self) -> &'static str {
        match self {
            Self::Release => "release",
            Self::Dev => "dev",
        }
    }
}

/// One file of the bundle before it gets its published name.
struct Asset {
    /// Plain name with folders below `public/`, such as `app.js`.
    name: String,
    content: Vec<u8>,
}

/// Builds and publishes the bundle.
pub fn build(workspace: &Workspace, mode: Mode) -> Outcome {
    let start = Instant::now();
    install_node_tools(workspace)?;
    let mut assets = wasm::build(workspace, mode)?;
    assets.push(style::build(workspace, mode)?);
    let public = workspace.root.join("public");
    for path in files::below(&public)? {
        let name = path.strip_prefix(&public).unwrap_or(&path).to_string_lossy().into_owned();
        assets.push(Asset { name, content: files::read(&path)? });
    }
    publish::publish(&workspace.site(), &assets, mode)?;
    println!("bundle: {} files, {} build, {:.1} s", assets.len(), mode.name(), start.elapsed().as_secs_f64());
    Ok(())
}

/// Installs esbuild and binaryen at the versions of `xtask/package-lock.json`, once for each lock file.
///
/// They live beside the builds, not in the checkout, so that clones that share a target folder share them.
fn install_node_tools(workspace: &Workspace) -> Outcome {
    let lock = files::read(&workspace.root.join("xtask/package-lock.json"))?;
    let folder = node_tools(workspace);
    let stamp = folder.join("stamp");
    let digest = files::digest(&lock);
    if std::fs::read_to_string(&stamp).is_ok_and(|installed| installed == digest) {
        return Ok(());
    }
    println!("bundle: installing esbuild and binaryen");
    files::make_folder(&folder)?;
    files::write(&folder.join("package.json"), files::read(&workspace.root.join("xtask/package.json"))?)?;
    files::write(&folder.join("package-lock.json"), lock)?;
    process::run(Command::new("npm").args(["ci", "--no-audit", "--no-fund", "--loglevel=error"]).current_dir(&folder))?;
    files::write(&stamp, digest)
}

fn node_tools(workspace: &Workspace) -> std::path::PathBuf {
    workspace.target.join("node-tools")
}

/// A program of the npm packages above.
fn node_tool(workspace: &Workspace, program: &str) -> Command {
    Command::new(node_tools(workspace).join("node_modules/.bin").join(program))
}
