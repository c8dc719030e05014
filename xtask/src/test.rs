//! Every test there is, one after the other, and one sentence at the end.
//!
//! cargo's tests come first (they include those against the real engine), then the browser's. A part that fails does
//! not stop the next one. The last line is `N passed, N failed` over all parts.

use std::path::Path;
use std::process::Command;

use crate::bundle::{self, Mode};
use crate::postgres::{self, Postgres};
use crate::workspace::Workspace;
use crate::{Outcome, budget, files, process};

/// Passed, failed, left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Count {
    passed: usize,
    failed: usize,
    ignored: usize,
}

impl Count {
    fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.ignored += other.ignored;
    }
}

/// Runs everything; the browser's tests use a bundle of the given mode.
pub fn run(workspace: &Workspace, mode: Mode) -> Outcome {
    let postgres = Postgres::start()?;
    let parts = [
        ("cargo", run_cargo(workspace, &postgres)),
        ("oldest Postgres", run_oldest(workspace)),
        ("browser", run_browser(workspace, &postgres, mode)),
    ];
    drop(postgres);
    summed(parts)
}

/// Only the part on the oldest Postgres.
pub fn oldest(workspace: &Workspace) -> Outcome {
    summed([("oldest Postgres", run_oldest(workspace))])
}

/// Says what each part gave, and what all did.
fn summed<const N: usize>(parts: [(&str, Outcome<Count>); N]) -> Outcome {
    let mut sum = Count::default();
    for (part, count) in parts {
        match count {
            Ok(count) => {
                println!("{part}: {} passed, {} failed, {} ignored", count.passed, count.failed, count.ignored);
                sum.add(count);
            }
            // A part that could not run to its end is a failure, whatever it counted before.
            Err(sentence) => {
                println!("{part}: {sentence}");
                sum.failed += 1;
            }
        }
    }
    println!("{} passed, {} failed", sum.passed, sum.failed);
    if sum.failed == 0 { Ok(()) } else { Err("tests failed".to_owned()) }
}

/// `cargo test` over the workspace. Queries come from `.sqlx`: the database of the tests is empty, each test makes
/// and migrates its own beside it.
fn run_cargo(workspace: &Workspace, postgres: &Postgres) -> Outcome<Count> {
    cargo_test(workspace, postgres, &[])
}

/// What stands on the store, once more on the oldest Postgres: migrations, events, jobs, sessions, the journal, caches.
fn run_oldest(workspace: &Workspace) -> Outcome<Count> {
    if let Some(reason) = postgres::no_oldest() {
        println!("oldest Postgres: skipped: {reason}");
        return Ok(Count { ignored: 1, ..Count::default() });
    }
    let postgres = Postgres::start_oldest()?;
    let mut count = cargo_test(workspace, &postgres, &["--test", "auth"])?;
    // Not every operation with a failure at every step: the journal's queries are the same in those that are kept.
    let parts =
        ["--lib", "--test", "operations", "--test", "registry", "--", "events::", "jobs::", "keeping::", "known::"];
    count.add(cargo_test(workspace, &postgres, &parts)?);
    Ok(count)
}

fn cargo_test(workspace: &Workspace, postgres: &Postgres, which: &[&str]) -> Outcome<Count> {
    let mut count = Count::default();
    // Always the whole workspace: another selection would be another build.
    let mut cargo = process::cargo(workspace, &["test", "--workspace", "--no-fail-fast"]);
    cargo.args(which);
    cargo.env("DATABASE_URL", postgres.url()).env("SQLX_OFFLINE", "true");
    let status = process::follow(&mut cargo, |line| {
        if let Some(result) = cargo_result(line) {
            count.add(result);
        }
    })?;
    if !status.success() && count.failed == 0 {
        return Err(format!("cargo test ended without a result ({status}) after {} passed tests", count.passed));
    }
    if status.success() && count.passed == 0 {
        return Err("cargo test ran no test".to_owned());
    }
    Ok(count)
}

/// `test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; …` as numbers.
fn cargo_result(line: &str) -> Option<Count> {
    let (_, numbers) = line.trim().strip_prefix("test result: ")?.split_once(". ")?;
    let number =
        |name: &str| numbers.split(';').find_map(|part| part.trim().strip_suffix(name)?.trim().parse::<usize>().ok());
    Some(Count { passed: number("passed")?, failed: number("failed")?, ignored: number("ignored")? })
}

/// The journeys in a real browser, then the requests of a fuzzer, against the built binary and bundle.
fn run_browser(workspace: &Workspace, postgres: &Postgres, mode: Mode) -> Outcome<Count> {
    let scripts = ["run", "api-fuzz"].map(|name| workspace.root.join("end2end").join(name));
    bundle::build(workspace, mode)?;
    process::run(process::cargo(workspace, &["build", "--quiet", "--package=summoner"]).env("SQLX_OFFLINE", "true"))?;
    let mut sum = Count::default();
    // Counted as a test, so that a bundle that grew too large does not keep the journeys from running.
    if mode == Mode::Release {
        match budget::check(workspace) {
            Ok(()) => sum.passed += 1,
            Err(sentence) => {
                println!("budget: {sentence}");
                sum.failed += 1;
            }
        }
    }
    for script in &scripts {
        match run_script(workspace, postgres, script) {
            Ok(count) => sum.add(count),
            Err(sentence) => {
                println!("{}: {sentence}", script.display());
                sum.failed += 1;
            }
        }
    }
    Ok(sum)
}

/// Its answer is `end2end/results/summary.txt`, one line `N passed, N failed`, whatever its exit status.
fn run_script(workspace: &Workspace, postgres: &Postgres, script: &Path) -> Outcome<Count> {
    let summary = workspace.root.join("end2end/results/summary.txt");
    if summary.is_file() {
        std::fs::remove_file(&summary).map_err(|cause| format!("removing {}: {cause}", summary.display()))?;
    }
    let ended = process::run(
        Command::new(script)
            .current_dir(&workspace.root)
            .env("DATABASE_URL", postgres.url())
            .env("SUMMONER_BIN", workspace.target.join("debug/summoner"))
            .env("SUMMONER_SITE_DIR", workspace.site()),
    );
    let text = files::read_text(&summary).map_err(|cause| match &ended {
        Err(sentence) => format!("{sentence}; {cause}"),
        Ok(()) => cause,
    })?;
    let count = browser_result(&text).ok_or_else(|| format!("{}: '{text}' is no summary", summary.display()))?;
    // A script that failed without a failed test did not run to its end.
    if count.failed == 0 { ended.map(|()| count) } else { Ok(count) }
}

fn browser_result(text: &str) -> Option<Count> {
    let (passed, failed) = text.trim().split_once(", ")?;
    let passed = passed.strip_suffix(" passed")?.parse().ok()?;
    let failed = failed.strip_suffix(" failed")?.parse().ok()?;
    Some(Count { passed, failed, ignored: 0 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_result_line_of_cargo_is_counted_and_others_are_not() {
        let line = "test result: FAILED. 12 passed; 2 failed; 1 ignored; 0 measured; 3 filtered out; finished in 0.03s";
        assert_eq!(cargo_result(line), Some(Count { passed: 12, failed: 2, ignored: 1 }));
        assert_eq!(cargo_result("test result_is_kept ... ok"), None);
        assert_eq!(cargo_result("running 12 tests"), None);
    }

    #[test]
    fn the_summary_of_the_browser_is_read_or_refused() {
        assert_eq!(browser_result("7 passed, 1 failed\n"), Some(Count { passed: 7, failed: 1, ignored: 0 }));
        assert_eq!(browser_result("all fine"), None);
    }
}
