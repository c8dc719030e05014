//! A throw-away Postgres: started from the system's packages, gone with this process.
//!
//! It listens on a socket in a private folder only, so that no other user of the machine can reach a server that
//! trusts everyone and no port can collide. It is not durable: a crash of the machine would lose it, and may.

mod oldest;

pub use oldest::missing as no_oldest;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::workspace::Workspace;
use crate::{Outcome, files, process};

/// How long a loaded machine may take until the server answers.
const START: Duration = Duration::from_secs(60);

/// Test binaries run beside each other and each test has a pool of its own.
const MAX_CONNECTIONS: &str = "max_connections=300";

/// Names the folders of this kind; the process id follows.
const FOLDER: &str = "summoner-postgres-";

/// A running server and an empty database `summoner` of a superuser `summoner`. Dropping it stops and removes it.
pub struct Postgres {
    /// The server's own programs.
    programs: PathBuf,
    /// `psql` and `pg_isready`, of the system whatever the server's version.
    clients: PathBuf,
    folder: PathBuf,
    server: Child,
    unprivileged: bool,
}

impl Postgres {
    /// Starts a server and waits until it answers.
    ///
    /// # Errors
    /// When no server programs are installed or the server does not come up; its log is in the sentence.
    pub fn start() -> Outcome<Self> {
        let programs = system_programs()?;
        Self::start_in(folder(""), programs.clone(), programs)
    }

    /// The same with the oldest version that the server takes, beside another one.
    ///
    /// # Errors
    /// As [`Postgres::start`], and when that version cannot be fetched.
    pub fn start_oldest() -> Outcome<Self> {
        let folder = folder("-oldest");
        Self::start_in(folder.clone(), oldest::programs()?, system_programs()?).inspect_err(|_| {
            // Half of it may be there.
            let _ = fs::remove_dir_all(folder);
        })
    }

    fn start_in(folder: PathBuf, programs: PathBuf, clients: PathBuf) -> Outcome<Self> {
        let unprivileged = process::is_root();
        sweep();
        let mut make = Command::new("install");
        make.args(["-d", "-m", "700"]);
        if unprivileged {
            make.args(["-o", "postgres", "-g", "postgres"]);
        }
        process::run(make.arg(&folder))?;
        let programs = if programs == clients { programs } else { within_reach(&programs, &folder)? };

        let data = folder.join("data");
        let mut initdb = as_server_user(unprivileged, &programs.join("initdb"), &folder);
        initdb.arg("-D").arg(&data).args(["-U", "summoner", "--auth=trust", "-E", "UTF8", "--locale=C.UTF-8"]);
        process::read(initdb.arg("--no-sync"))?;

        let log = fs::File::create(folder.join("log")).map_err(|cause| format!("making the Postgres log: {cause}"))?;
        let log_too = log.try_clone().map_err(|cause| format!("sharing the Postgres log: {cause}"))?;
        let mut command = as_server_user(unprivileged, &programs.join("postgres"), &folder);
        command.arg("-D").arg(&data).arg("-k").arg(&folder);
        let settings = ["listen_addresses=", "fsync=off", "synchronous_commit=off", "full_page_writes=off", "jit=off"];
        for setting in settings.into_iter().chain(["shared_buffers=128MB", MAX_CONNECTIONS]) {
            command.args(["-c", setting]);
        }
        command.stdout(log).stderr(log_too);
        let server = command.spawn().map_err(|cause| format!("starting Postgres: {cause}"))?;

        let mut postgres = Self { programs, clients, folder, server, unprivileged };
        postgres.wait()?;
        postgres.psql(&["-d", "postgres", "-c", "create database summoner"])?;
        Ok(postgres)
    }

    /// Where programs connect to.
    pub fn url(&self) -> String {
        format!("postgres://summoner@localhost/summoner?host={}", self.folder.display())
    }

    /// Applies `migrations/` in their order.
    pub fn migrate(&self, workspace: &Workspace) -> Outcome {
        for file in files::below(&workspace.root.join("migrations"))? {
            if file.extension().is_some_and(|extension| extension == "sql") {
                self.psql(&["-d", "summoner", "-f", &file.to_string_lossy()])?;
            }
        }
        Ok(())
    }

    fn psql(&self, arguments: &[&str]) -> Outcome {
        let mut psql = Command::new(self.clients.join("psql"));
        psql.arg("-h").arg(&self.folder).args(["-U", "summoner", "-X", "-q", "-v", "ON_ERROR_STOP=1"]);
        process::run(psql.args(arguments))
    }

    fn wait(&mut self) -> Outcome {
        let start = Instant::now();
        loop {
            let mut ready = Command::new(self.clients.join("pg_isready"));
            ready.arg("-q").arg("-h").arg(&self.folder).stderr(Stdio::null());
            if ready.status().is_ok_and(|status| status.success()) {
                return Ok(());
            }
            let ended = self.server.try_wait().map_err(|cause| format!("asking after Postgres: {cause}"))?;
            if ended.is_some() || start.elapsed() > START {
                let log = fs::read_to_string(self.folder.join("log")).unwrap_or_default();
                return Err(format!("Postgres did not start; its log:\n{log}"));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        let mut stop = as_server_user(self.unprivileged, &self.programs.join("pg_ctl"), &self.folder);
        stop.args(["stop", "-m", "immediate", "-s", "-D"]).arg(self.folder.join("data"));
        if let Err(sentence) = process::run(&mut stop) {
            eprintln!("xtask: {sentence}");
        }
        // Reaped so that no zombie stays while later tasks run; its status after an immediate stop says nothing.
        let _ = self.server.wait();
        if let Err(sentence) = files::remove_folder(&self.folder) {
            eprintln!("xtask: {sentence}");
        }
    }
}

/// A server program, started as `postgres` when we are root because it refuses root, and ended by the kernel when we
/// end in a way that runs no destructor.
fn as_server_user(unprivileged: bool, program: &Path, folder: &Path) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "INT"]);
    if unprivileged {
        command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups"]);
    }
    // The caller's folder may be closed to that user, and Postgres wants to enter where it starts.
    command.arg(program).current_dir(folder).env_clear().envs([("PATH", "/usr/bin:/bin"), ("LC_ALL", "C.UTF-8")]);
    command
}

fn folder(suffix: &str) -> PathBuf {
    std::env::temp_dir().join(format!("{FOLDER}{}{suffix}", std::process::id()))
}

/// Copies a version that was fetched for this user to where the server's user may enter; gives its programs.
fn within_reach(programs: &Path, folder: &Path) -> Outcome<PathBuf> {
    let version = programs.parent().ok_or("programs without a folder above them")?;
    let copy = folder.join("version");
    process::run(Command::new("cp").arg("-r").arg(version).arg(&copy))?;
    process::run(Command::new("chmod").args(["-R", "a+rX"]).arg(&copy))?;
    Ok(copy.join("bin"))
}

fn system_programs() -> Outcome<PathBuf> {
    let missing =
        "no PostgreSQL server programs under /usr/lib/postgresql or on the path; scripts/setup run installs them";
    find_programs().ok_or_else(|| missing.to_owned())
}

/// The newest installed server: Debian keeps each major version in a folder of its own.
fn find_programs() -> Option<PathBuf> {
    let mut versions: Vec<(u32, PathBuf)> = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path().join("bin"))))
        .filter(|(_, programs)| programs.join("initdb").is_file())
        .collect();
    versions.sort();
    versions.pop().map(|(_, programs)| programs).or_else(|| Some(process::find("initdb")?.parent()?.to_path_buf()))
}

/// Removes what runs that were killed left behind.
fn sweep() {
    let entries = fs::read_dir(std::env::temp_dir()).into_iter().flatten().flatten();
    for entry in entries {
        let name = entry.file_name();
        let owner = name.to_str().and_then(|name| name.strip_prefix(FOLDER));
        let owner = owner.and_then(|owner| owner.split('-').next()?.parse::<u32>().ok());
        if owner.is_some_and(|pid| !Path::new(&format!("/proc/{pid}")).exists()) {
            // Another user's leftovers cannot be removed and do no harm.
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}
