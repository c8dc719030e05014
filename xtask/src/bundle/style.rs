//! The style sheets as one file.

use super::{Asset, Mode, node_tool};
use crate::workspace::Workspace;
use crate::{Outcome, process};

/// Gives `app.css` from `style/index.css` and what it imports.
///
/// No target is named: the sheets use nesting, layers and `light-dark()` as browsers have them, and nothing is
/// lowered. Always done: it takes a tenth of a second.
pub fn build(workspace: &Workspace, mode: Mode) -> Outcome<Asset> {
    let index = workspace.root.join("style/index.css");
    let mut esbuild = node_tool(workspace, "esbuild");
    esbuild.args(["--bundle", "--log-level=warning", "--external:/pkg/*"]).arg(&index);
    if mode == Mode::Release {
        esbuild.arg("--minify");
    }
    Ok(Asset { name: "app.css".to_owned(), content: process::read(&mut esbuild)?.into_bytes() })
}
