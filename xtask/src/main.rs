//! The tasks behind the Makefile. Each task is one file; this one only chooses.
//!
//! Run through `cargo xtask <task>`, so that cargo says where the workspace is.
//! The crate stays small on purpose: every fresh checkout compiles it before anything else can happen.
#![expect(clippy::disallowed_methods, reason = "starting programs is what a task runner does")]

mod bench;
mod budget;
mod bundle;
mod catalog;
mod contrast;
mod dev;
mod files;
mod lint;
mod postgres;
mod process;
mod queries;
mod test;
mod workspace;

use std::process::ExitCode;

use workspace::Workspace;

const USAGE: &str = "\
usage: cargo xtask <task>

  bundle [--dev]    browser bundle (wasm, glue, style, pictures) into <target>/site; --dev: fast, large, uncompressed
  budget            sizes of the first load against their budget; fails when over
  catalog check     every rule of the catalogue over catalog/, and whether docs/entry.schema.json is current
  contrast          contrast of every colour pair in style/tokens.css
  sqlx [--check]    describe every checked query into .sqlx; --check only compares
  lint              formatting, clippy (native and browser), query data, catalogue, documentation, dependencies
  test [--dev]      every test: cargo's, the real engine's, the browser's; one closing line
  test oldest       only what stands on the database, on the oldest Postgres that is taken
  bench             figures of the release program and bundle as lines of JSON; fails where one is over its limit
  dev               rebuild and restart on change";

/// What a task gives: nothing, or the sentence that says what was attempted and what to do.
pub type Outcome<T = ()> = Result<T, String>;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match run(&words) {
        Ok(()) => ExitCode::SUCCESS,
        Err(sentence) => {
            eprintln!("xtask: {sentence}");
            ExitCode::FAILURE
        }
    }
}

fn run(words: &[&str]) -> Outcome {
    let workspace = Workspace::find()?;
    match words {
        ["bundle"] => bundle::build(&workspace, bundle::Mode::Release),
        ["bundle", "--dev"] => bundle::build(&workspace, bundle::Mode::Dev),
        ["budget"] => budget::check(&workspace),
        ["catalog", "check"] => catalog::check(&workspace),
        ["contrast"] => contrast::check(&workspace),
        ["sqlx"] => queries::prepare(&workspace),
        ["sqlx", "--check"] => queries::check(&workspace),
        ["lint"] => lint::run(&workspace),
        ["test"] => test::run(&workspace, bundle::Mode::Release),
        ["test", "oldest"] => test::oldest(&workspace),
        ["test", "--dev"] => test::run(&workspace, bundle::Mode::Dev),
        ["bench"] => bench::run(&workspace),
        ["dev"] => dev::run(&workspace),
        [] | ["help" | "--help" | "-h"] => {
            println!("{USAGE}");
            Ok(())
        }
        other => Err(format!("no task '{}'\n\n{USAGE}", other.join(" "))),
    }
}
