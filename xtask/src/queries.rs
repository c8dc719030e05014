//! What sqlx's checked macros know of the database when there is none: the `.sqlx` folder.
//!
//! The macros describe each query against `DATABASE_URL` while they expand, and write what they learnt to
//! `SQLX_OFFLINE_DIR` (sqlx-macros-core 0.9, `query/mod.rs`). That is all the sqlx command line does too, so it need
//! not be installed: we start a Postgres, migrate it, and have the server crate expanded anew.
//! Ordinary builds set no `DATABASE_URL` and read `.sqlx`.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

use crate::postgres::Postgres;
use crate::workspace::Workspace;
use crate::{Outcome, files, process};

/// The name prefix of the files that sqlx writes.
const PREFIX: &str = "query-";

/// Describes every query of the server, its binary and its tests into `.sqlx`.
pub fn prepare(workspace: &Workspace) -> Outcome {
    let described = describe(workspace, process::cargo(workspace, &CHECK))?;
    let folder = workspace.root.join(".sqlx");
    files::remove_folder(&folder)?;
    for (name, content) in &described {
        files::write(&folder.join(name), content)?;
    }
    println!("sqlx: {} queries described in .sqlx", described.len());
    Ok(())
}

/// Fails when `.sqlx` is not what the database would say today.
pub fn check(workspace: &Workspace) -> Outcome {
    let described = describe(workspace, process::cargo(workspace, &CHECK))?;
    compare(workspace, &described)
}

const CHECK: [&str; 4] = ["check", "--quiet", "--package=summoner", "--all-targets"];

/// File names and contents that the macros wrote while `build` expanded the server crate.
pub fn describe(workspace: &Workspace, mut build: Command) -> Outcome<BTreeMap<String, Vec<u8>>> {
    let postgres = Postgres::start()?;
    postgres.migrate(workspace)?;
    let folder = workspace.target.join("sqlx");
    files::remove_folder(&folder)?;
    files::make_folder(&folder)?;
    let touched = Touched::new(&workspace.root.join("server"))?;
    process::run(
        build.env("DATABASE_URL", postgres.url()).env("SQLX_OFFLINE", "false").env("SQLX_OFFLINE_DIR", &folder),
    )?;
    drop(touched);
    files::below(&folder)?
        .into_iter()
        .filter_map(|path| Some((path.file_name()?.to_str()?.to_owned(), path)))
        .filter(|(name, _)| name.starts_with(PREFIX))
        .map(|(name, path)| Ok((name, files::read(&path)?)))
        .collect()
}

/// Fails and names the queries that `.sqlx` lacks, knows otherwise, or knows in vain.
pub fn compare(workspace: &Workspace, described: &BTreeMap<String, Vec<u8>>) -> Outcome {
    let mut committed = BTreeMap::new();
    for path in files::below(&workspace.root.join(".sqlx"))? {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        committed.insert(name, files::read(&path)?);
    }
    let mut remarks = Vec::new();
    for (name, content) in described {
        match committed.get(name) {
            None => remarks.push(format!("{name} is missing: {}", query(content))),
            Some(known) if known != content => remarks.push(format!("{name} is out of date: {}", query(content))),
            Some(_) => {}
        }
    }
    for (name, content) in &committed {
        if !described.contains_key(name) {
            remarks.push(format!("{name} is used by nothing: {}", query(content)));
        }
    }
    if remarks.is_empty() {
        println!("sqlx: {} queries, .sqlx is current", described.len());
        return Ok(());
    }
    Err(format!(".sqlx is not current; run `cargo xtask sqlx` and commit it\n  {}", remarks.join("\n  ")))
}

/// The first words of the described query, to recognise it by.
fn query(content: &[u8]) -> String {
    let text = serde_json::from_slice::<serde_json::Value>(content)
        .ok()
        .and_then(|description| description["query"].as_str().map(str::to_owned))
        .unwrap_or_default();
    text.split_whitespace().take(12).collect::<Vec<_>>().join(" ")
}

/// Root files of the server crate that look changed to cargo, until this is dropped.
///
/// Makes cargo expand the crate again: what the macros wrote is no output that cargo knows of. The true times come
/// back at the end, because every other build of the crate, the release one too, would be thrown away with them.
struct Touched(Vec<(PathBuf, SystemTime)>);

impl Touched {
    /// Touches the library, the binary and each test, so that all of them are expanded.
    fn new(server: &Path) -> Outcome<Self> {
        let tests = files::below(&server.join("tests"))?;
        let roots = tests.into_iter().chain([server.join("src/lib.rs"), server.join("src/main.rs")]);
        let mut touched = Self(Vec::new());
        for root in roots.filter(|path| path.extension().is_some_and(|extension| extension == "rs")) {
            let modified = root.metadata().and_then(|file| file.modified());
            let modified = modified.map_err(|cause| format!("looking at {}: {cause}", root.display()))?;
            set_modified(&root, SystemTime::now())?;
            touched.0.push((root, modified));
        }
        Ok(touched)
    }
}

impl Drop for Touched {
    fn drop(&mut self) {
        for (path, modified) in &self.0 {
            if let Err(sentence) = set_modified(path, *modified) {
                eprintln!("xtask: {sentence}; the next build of the server will be a full one");
            }
        }
    }
}

fn set_modified(path: &Path, time: SystemTime) -> Outcome {
    fs::File::options()
        .append(true)
        .open(path)
        .and_then(|file| file.set_modified(time))
        .map_err(|cause| format!("touching {}: {cause}", path.display()))
}
