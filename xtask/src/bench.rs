//! What the product promises in numbers, measured on the program and the bundle that people run.
//!
//! Prints one line of JSON for each figure: `{"name", "value", "unit", "how", "limit"?, "runs"?}`, and fails when one is
//! over its limit. A machine that does other work meanwhile gives other numbers: only ratios compare between machines.

use std::path::Path;
use std::process::Command;

use crate::bundle::{self, Mode};
use crate::workspace::Workspace;
use crate::{Outcome, budget, files, process};

/// Builds what is measured, then measures: the bundle here, everything else by `end2end/specs/bench.spec.ts`.
/// `cargo xtask bench | grep '^{'` leaves the lines of JSON alone.
pub fn run(workspace: &Workspace) -> Outcome {
    bundle::build(workspace, Mode::Release)?;
    process::run(
        process::cargo(workspace, &["build", "--quiet", "--release", "--locked", "--package=summoner"])
            .env("SQLX_OFFLINE", "true"),
    )?;
    let bundle = budget::figures(workspace);
    let panel = measure(workspace, &workspace.root.join("end2end"));
    bundle.and(panel)
}

/// Progress goes to standard error, so that standard output has nothing but figures.
fn measure(workspace: &Workspace, folder: &Path) -> Outcome {
    let figures = folder.join("results/bench.jsonl");
    if figures.is_file() {
        std::fs::remove_file(&figures).map_err(|cause| format!("removing {}: {cause}", figures.display()))?;
    }
    let measured = process::run(
        Command::new(folder.join("run"))
            .arg("--project=bench")
            .current_dir(folder)
            .stdout(std::io::stderr())
            .env("SUMMONER_BIN", workspace.target.join("release/summoner"))
            .env("SUMMONER_SITE_DIR", workspace.site()),
    );
    print!("{}", files::read_text(&figures)?);
    measured
}
