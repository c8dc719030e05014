//! Everything that judges the code without running it.
//!
//! All checks run even when one fails, so that one round shows everything; the last lines say what each one gave.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Instant;

use crate::workspace::Workspace;
use crate::{Outcome, catalog, files, process, queries};

/// What a check gives besides failing.
enum Verdict {
    Done,
    /// Could not be checked here, and why. Not green, not red: said.
    Skipped(String),
}

type Check = fn(&Workspace) -> Outcome<Verdict>;

const CHECKS: [(&str, Check); 9] = [
    ("format", format),
    ("clippy, native, and query data", clippy_native),
    ("clippy, browser", clippy_browser),
    ("catalogue", |workspace| catalog::check(workspace).map(|()| Verdict::Done)),
    ("documentation", documentation),
    ("licences, bans, sources", deny),
    ("advisories", advisories),
    ("unused dependencies", machete),
    ("long files", long_files),
];

/// Version of cargo-deny, built once for each machine.
const DENY: &str = "0.20.2";
/// Version of cargo-machete, built once for each machine.
const MACHETE: &str = "0.9.2";

/// Lines past which a file should be split or say why not in its first lines (CONTRIBUTING.md).
const LONG: usize = 400;

/// Runs every check.
pub fn run(workspace: &Workspace) -> Outcome {
    let mut lines = Vec::new();
    let mut failed = 0;
    for (name, check) in CHECKS {
        println!("lint: {name}");
        let start = Instant::now();
        let verdict = match check(workspace) {
            Ok(Verdict::Done) => "ok".to_owned(),
            Ok(Verdict::Skipped(reason)) => format!("skipped: {reason}"),
            Err(sentence) => {
                failed += 1;
                format!("FAILED: {sentence}")
            }
        };
        lines.push(format!("{name:<32} {:>6.1} s  {verdict}", start.elapsed().as_secs_f64()));
    }
    println!("{}", lines.join("\n"));
    if failed == 0 { Ok(()) } else { Err(format!("{failed} of {} checks failed", CHECKS.len())) }
}

fn format(workspace: &Workspace) -> Outcome<Verdict> {
    process::run(&mut process::cargo(workspace, &["fmt", "--all", "--check"])).map(|()| Verdict::Done)
}

/// The server is linted against a live, migrated database; what its queries learn there is compared with `.sqlx` on
/// the way, which would otherwise cost a second compilation.
fn clippy_native(workspace: &Workspace) -> Outcome<Verdict> {
    let clippy =
        process::cargo(workspace, &["clippy", "--quiet", "--workspace", "--all-targets", "--", "-D", "warnings"]);
    let described = queries::describe(workspace, clippy)?;
    queries::compare(workspace, &described).map(|()| Verdict::Done)
}

/// The half of the pages that only a browser runs: natively it is not compiled at all.
fn clippy_browser(workspace: &Workspace) -> Outcome<Verdict> {
    let mut clippy = process::cargo(
        workspace,
        &["clippy", "--quiet", "--package=summoner-app", "--target=wasm32-unknown-unknown", "--features=hydrate"],
    );
    process::run(clippy.args(["--", "-D", "warnings"])).map(|()| Verdict::Done)
}

/// Links in documentation must lead somewhere, in private items too: those are what contributors read.
fn documentation(workspace: &Workspace) -> Outcome<Verdict> {
    let mut doc = process::cargo(
        workspace,
        &["doc", "--quiet", "--no-deps", "--document-private-items", "--package=summoner-api", "--package=summoner"],
    );
    doc.arg("--package=summoner-app").arg("--lib").env("SQLX_OFFLINE", "true").env("RUSTDOCFLAGS", "-D warnings");
    process::run(&mut doc).map(|()| Verdict::Done)
}

fn deny(workspace: &Workspace) -> Outcome<Verdict> {
    let program = match tool("cargo-deny", DENY)? {
        Ok(program) => program,
        Err(reason) => return Ok(Verdict::Skipped(reason)),
    };
    let mut check = Command::new(program);
    check.args(["--log-level=error", "--locked", "check", "licenses", "bans", "sources"]);
    process::run(check.current_dir(&workspace.root)).map(|()| Verdict::Done)
}

/// Known vulnerabilities. The list is a Git repository on the internet: where that cannot be reached, the check says
/// so and passes, because it says nothing about this change.
fn advisories(workspace: &Workspace) -> Outcome<Verdict> {
    let program = match tool("cargo-deny", DENY)? {
        Ok(program) => program,
        Err(reason) => return Ok(Verdict::Skipped(reason)),
    };
    // A closed network may swallow packets instead of refusing them.
    let mut fetch = Command::new("timeout");
    fetch.arg("120").arg(&program).args(["--log-level=error", "fetch", "db"]).current_dir(&workspace.root);
    let fetched = fetch.stdout(Stdio::null()).stderr(Stdio::null()).status();
    if !fetched.is_ok_and(|status| status.success()) {
        return Ok(Verdict::Skipped("the advisory database cannot be fetched from here".to_owned()));
    }
    let mut check = Command::new(program);
    check.args(["--log-level=error", "check", "--disable-fetch", "advisories"]).current_dir(&workspace.root);
    process::run(&mut check).map(|()| Verdict::Done)
}

fn machete(workspace: &Workspace) -> Outcome<Verdict> {
    let program = match tool("cargo-machete", MACHETE)? {
        Ok(program) => program,
        Err(reason) => return Ok(Verdict::Skipped(reason)),
    };
    process::run(Command::new(program).current_dir(&workspace.root)).map(|()| Verdict::Done)
}

/// Names files past the aim; a report, because sometimes the reason is good.
fn long_files(workspace: &Workspace) -> Outcome<Verdict> {
    for place in ["api", "app", "server", "xtask"] {
        for path in files::below(&workspace.root.join(place))? {
            if path.extension().is_some_and(|extension| extension == "rs") {
                let lines = files::read_text(&path)?.lines().count();
                if lines > LONG {
                    println!("  {} has {lines} lines", path.strip_prefix(&workspace.root).unwrap_or(&path).display());
                }
            }
        }
    }
    Ok(Verdict::Done)
}

/// A cargo tool at exactly this version, built from source once and kept for every checkout of this machine.
///
/// Gives the reason instead when it is not there and `SUMMONER_NO_INSTALL` forbids to install it.
fn tool(name: &str, version: &str) -> Outcome<Result<PathBuf, String>> {
    let home = std::env::var_os("HOME").ok_or("HOME is not set, so there is no place to keep tools in")?;
    let folder = PathBuf::from(home).join(".cache/summoner/tools").join(format!("{name}-{version}"));
    let program = folder.join("bin").join(name);
    if program.is_file() {
        return Ok(Ok(program));
    }
    if std::env::var_os("SUMMONER_NO_INSTALL").is_some() {
        return Ok(Err(format!("{name} {version} is not installed and SUMMONER_NO_INSTALL is set")));
    }
    println!("lint: building {name} {version} into {} (once)", folder.display());
    let mut install = Command::new("cargo");
    // Not in the checkout: its pinned toolchain and `[env]` are ours, not the tool's.
    install
        .current_dir("/")
        .args(["install", "--quiet", "--locked", name, "--version", version, "--root"])
        .arg(&folder);
    install.env_remove("CARGO_TARGET_DIR").env_remove("RUSTUP_TOOLCHAIN");
    process::run(&mut install)?;
    Ok(Ok(program))
}
