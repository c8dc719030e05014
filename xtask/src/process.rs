//! Running other programs, and saying plainly which one failed.

use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Command, ExitStatus, Stdio};

use crate::Outcome;
use crate::workspace::Workspace;

/// Cargo itself, in the workspace.
///
/// The cargo that started us is used again, so that a pinned toolchain stays pinned.
pub fn cargo(workspace: &Workspace, arguments: &[&str]) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(arguments).current_dir(&workspace.root);
    for inherited in ["CARGO_MANIFEST_DIR", "CARGO_PKG_NAME", "CARGO_PKG_VERSION"] {
        command.env_remove(inherited);
    }
    command
}

/// Runs to the end, passing output through.
///
/// # Errors
/// When the program cannot be started or does not end with status 0.
pub fn run(command: &mut Command) -> Outcome {
    let status = command.status().map_err(|cause| format!("starting {}: {cause}", name(command)))?;
    succeed(command, status)
}

/// Runs to the end and gives what was written to standard output; standard error passes through.
///
/// # Errors
/// When the program cannot be started or does not end with status 0.
pub fn read(command: &mut Command) -> Outcome<String> {
    let output =
        command.stderr(Stdio::inherit()).output().map_err(|cause| format!("starting {}: {cause}", name(command)))?;
    succeed(command, output.status)?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Runs to the end, passing each line of standard output through and to `line`.
///
/// # Errors
/// When the program cannot be started or read.
pub fn follow(command: &mut Command, mut line: impl FnMut(&str)) -> Outcome<ExitStatus> {
    let mut child =
        command.stdout(Stdio::piped()).spawn().map_err(|cause| format!("starting {}: {cause}", name(command)))?;
    let output = child.stdout.take().ok_or("standard output was not piped")?;
    for read in BufReader::new(output).split(b'\n') {
        let bytes = read.map_err(|cause| format!("reading the output of {}: {cause}", name(command)))?;
        let text = String::from_utf8_lossy(&bytes);
        println!("{text}");
        line(&text);
    }
    child.wait().map_err(|cause| format!("waiting for {}: {cause}", name(command)))
}

/// Where a program is, if it can be started by its bare name.
pub fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(program)).find(|file| file.is_file())
}

/// Whether we are root: several programs behave differently, or refuse.
pub fn is_root() -> bool {
    read(Command::new("id").arg("-u")).is_ok_and(|id| id.trim() == "0")
}

fn succeed(command: &Command, status: ExitStatus) -> Outcome {
    if status.success() { Ok(()) } else { Err(format!("{} failed ({status})", name(command))) }
}

/// The command as one would type it, without its environment.
fn name(command: &Command) -> String {
    let mut words = vec![command.get_program().to_string_lossy()];
    words.extend(command.get_args().map(|word| word.to_string_lossy()));
    words.join(" ")
}
