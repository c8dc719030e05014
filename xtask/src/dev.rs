//! Rebuild and restart on change.
//!
//! Sources are looked at twice a second by their modification times: no watcher to install, no limit of watches to
//! reach, and network file systems work. The running server stays until the next one is built; a build that fails
//! leaves it alone. Open pages notice the new bundle when their live stream reconnects, and load themselves anew.

use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::{Duration, Instant, SystemTime};

use crate::bundle::{self, Mode};
use crate::workspace::Workspace;
use crate::{Outcome, files, process};

const LOOK: Duration = Duration::from_millis(500);

/// What a server is built from. Migrations and catalogue entries are embedded.
const SOURCES: [&str; 8] = ["Cargo.toml", "api", "app", "server", "catalog", "migrations", "style", "public"];

/// How long a server may take to end by itself.
const GRACE: Duration = Duration::from_secs(10);

/// Runs until it is interrupted.
pub fn run(workspace: &Workspace) -> Outcome {
    let mut server: Option<Child> = None;
    let mut built = None;
    loop {
        let seen = newest(workspace)?;
        if built != Some(seen) {
            match build(workspace) {
                Ok(()) => {
                    if let Some(old) = server.take() {
                        stop(old)?;
                    }
                    server = Some(start(workspace)?);
                }
                Err(sentence) => eprintln!("dev: {sentence}; waiting for a change"),
            }
            // What changed while we built is newer than what we saw before, so the next look finds it.
            built = Some(seen);
        }
        if let Some(running) = &mut server
            && let Some(status) = running.try_wait().map_err(|cause| format!("asking after the server: {cause}"))?
        {
            eprintln!("dev: the server ended ({status}); waiting for a change");
            server = None;
        }
        std::thread::sleep(LOOK);
    }
}

fn build(workspace: &Workspace) -> Outcome {
    let begin = Instant::now();
    bundle::build(workspace, Mode::Dev)?;
    process::run(&mut process::cargo(workspace, &["build", "--package=summoner"]))?;
    println!("dev: built in {:.1} s", begin.elapsed().as_secs_f64());
    Ok(())
}

fn start(workspace: &Workspace) -> Outcome<Child> {
    Command::new(workspace.target.join("debug/summoner"))
        .arg("serve")
        .env("SUMMONER_SITE_DIR", workspace.site())
        .current_dir(&workspace.root)
        .spawn()
        .map_err(|cause| format!("starting the server: {cause}"))
}

/// Asks first, because a server that is killed has to unwind at its next start.
fn stop(mut server: Child) -> Outcome {
    process::run(Command::new("kill").args(["-TERM", &server.id().to_string()]))?;
    let asked = Instant::now();
    while server.try_wait().map_err(|cause| format!("asking after the server: {cause}"))?.is_none() {
        if asked.elapsed() > GRACE {
            server.kill().map_err(|cause| format!("killing the server: {cause}"))?;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}

/// The newest modification and the number of files, so that a removal counts as a change too.
fn newest(workspace: &Workspace) -> Outcome<(SystemTime, usize)> {
    let mut newest = (SystemTime::UNIX_EPOCH, 0);
    for source in SOURCES {
        for path in files_of(&workspace.root.join(source))? {
            // A file that vanished between listing and looking is seen at the next look.
            if let Ok(modified) = path.metadata().and_then(|file| file.modified()) {
                newest = (newest.0.max(modified), newest.1 + 1);
            }
        }
    }
    Ok(newest)
}

fn files_of(source: &Path) -> Outcome<Vec<PathBuf>> {
    if source.is_file() { Ok(vec![source.to_path_buf()]) } else { files::below(source) }
}
