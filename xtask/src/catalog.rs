//! The catalogue's rules over the entries of this checkout. The rules are the program's own (`summoner catalog check`).

use crate::workspace::Workspace;
use crate::{Outcome, files, process};

/// Checks every entry in `catalog/`, and that the committed schema is the one of the program.
pub fn check(workspace: &Workspace) -> Outcome {
    process::run(&mut summoner(workspace, &["catalog", "check", "catalog"]))?;
    let current = process::read(&mut summoner(workspace, &["catalog", "schema"]))?;
    let committed = workspace.root.join("docs/entry.schema.json");
    if files::read_text(&committed)? == current {
        Ok(())
    } else {
        let path = committed.display();
        Err(format!("{path} is not the schema of the program; run: cargo run -p summoner -- catalog schema > {path}"))
    }
}

fn summoner(workspace: &Workspace, arguments: &[&str]) -> std::process::Command {
    let mut cargo = process::cargo(workspace, &["run", "--quiet", "--package=summoner", "--"]);
    cargo.args(arguments).env("SQLX_OFFLINE", "true");
    cargo
}
