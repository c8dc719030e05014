//! The private cluster: a Postgres from the system's packages, run in the data folder and supervised.
//!
//! The one file of Summoner that starts processes: argument vectors only, an empty environment, the user of
//! [`Account`]. The folder of mode 0700 is the gate: whoever can enter it may connect, so the socket asks for no password.
//! Another account's password would protect nothing, because that account could read the data files as well.
//!
//! Its life: binaries of the version that made the data are found; data is made under another name and renamed when
//! whole; a server that survived the last Summoner is stopped cleanly, since only a child can be supervised; the new one
//! must answer before it counts as started; one that ends by itself is started again; stopping is Postgres's fast
//! shutdown, which ends connections and writes a checkpoint.

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Seek as _, SeekFrom};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, fchown};
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use sqlx::postgres::{PgConnectOptions, PgSslMode};
use sqlx::{ConnectOptions as _, Connection as _};
use tokio::process::{Child, Command};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};

use super::{Account, Error, FolderLock, OLDEST_MAJOR, failed, folder, may_pass};

/// The superuser of the cluster and the name of its one database.
const NAME: &str = "summoner";
/// Recovery after a crash replays the log, which takes seconds to minutes.
const ANSWERS_WITHIN: Duration = Duration::from_mins(5);
const ONE_ANSWER_WITHIN: Duration = Duration::from_secs(5);
const ASK_EVERY: Duration = Duration::from_millis(50);
/// Backends of a postmaster that was killed end by themselves, and hold the shared memory until then.
const STARTS: u32 = 5;
const STOPS_WITHIN: Duration = Duration::from_mins(1);
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// A server that ran this long is well: the next pause is the first one again.
const STEADY: Duration = Duration::from_mins(1);
const LONGEST_LOG_BYTES: u64 = 10 << 20;
const TAIL_BYTES: u64 = 4096;

/// What a cluster is started from.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The folder of the cluster: data, log, socket. Made if it is not there; its parent must be.
    pub folder: PathBuf,
    /// The versions of Postgres to choose from.
    pub installations: Vec<Installation>,
    /// The user to run as; another than oneself only when one is root.
    pub account: Account,
    /// Whether writes reach the disk before they count. Off for tests only: a power cut would ruin the data.
    pub sync: bool,
}

impl Settings {
    /// The settings for the private cluster of this data folder.
    ///
    /// # Errors
    /// [`Error::Refused`] when root finds no unprivileged user to run it.
    pub fn find(data_dir: &Path) -> Result<Self, Error> {
        let folder = data_dir.join("postgres");
        let account = Account::for_cluster(&folder)?;
        Ok(Self { folder, installations: Installation::all(), account, sync: true })
    }
}

/// The programs of one version of Postgres.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Installation {
    /// The major version, as 15.
    pub major: u32,
    /// The folder with `postgres` and `initdb`.
    pub programs: PathBuf,
}

impl Installation {
    /// All versions this machine has: Debian's and Red Hat's places, and the one `pg_config` on the path tells of.
    pub fn all() -> Vec<Self> {
        let mut folders: Vec<PathBuf> = children("/usr/lib/postgresql").map(|version| version.join("bin")).collect();
        folders.extend(children("/usr").filter(|path| is_called(path, "pgsql-")).map(|version| version.join("bin")));
        folders.extend(children("/usr/libexec").filter(|path| is_called(path, "postgresql")));
        if let Ok(output) = program(Path::new("pg_config")).arg("--bindir").output()
            && output.status.success()
        {
            folders.push(PathBuf::from(String::from_utf8_lossy(&output.stdout).trim()));
        }
        let mut all: Vec<Self> = folders.into_iter().filter_map(Self::at).collect();
        all.sort_by_key(|installation| installation.major);
        all.dedup_by_key(|installation| installation.major);
        all
    }

    /// The version whose programs lie in this folder, if they do.
    pub fn at(programs: PathBuf) -> Option<Self> {
        if !programs.join("initdb").is_file() {
            return None;
        }
        let output = program(&programs.join("postgres")).arg("--version").output().ok()?;
        let major = major_in(&String::from_utf8_lossy(&output.stdout))?;
        Some(Self { major, programs })
    }
}

/// A program of Postgres, with arguments and environment still to be given.
#[expect(clippy::disallowed_methods, reason = "the one place that starts processes, see the head of this file")]
fn program(path: &Path) -> std::process::Command {
    std::process::Command::new(path)
}

/// The major version in "postgres (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)" or "… 19beta1".
fn major_in(version: &str) -> Option<u32> {
    let number = version.split_once("(PostgreSQL) ")?.1;
    number.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

fn children(folder: &str) -> impl Iterator<Item = PathBuf> {
    std::fs::read_dir(folder).into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path()))
}

fn is_called(path: &Path, start: &str) -> bool {
    path.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.starts_with(start))
}

/// A running private cluster. Dropped without [`Cluster::stop`], it is told to end but not waited for.
#[derive(Debug)]
pub struct Cluster {
    options: PgConnectOptions,
    process: watch::Receiver<Option<u32>>,
    stop: watch::Sender<bool>,
    supervisor: Option<JoinHandle<()>>,
}

impl Cluster {
    /// Starts the cluster in its folder, making it first if there is none, and waits until it answers.
    ///
    /// The lock is asked for as proof that no other Summoner does the same.
    ///
    /// # Errors
    /// [`Error::Refused`] when no fitting version is installed, or the folder is another user's or out of reach;
    /// [`Error::NotStarted`] with the end of the log when the server ends or does not answer in time.
    pub async fn start(settings: Settings, _lock: &FolderLock) -> Result<Self, Error> {
        let Settings { folder, installations, account, sync } = settings;
        folder::check_way(&folder, &account)?;
        folder::make_private(&folder, &account)?;
        let data = folder.join("data");
        let installation = choose(&installations, &data)?;
        let socket = folder::socket_folder(&folder, &account);
        if socket != folder {
            folder::make_private(&socket, &account)?;
        }
        let server = Server { installation, account, folder, data, socket, sync };
        server.make_data().await?;
        server.end_survivor().await?;
        let mut child = server.start_first().await?;
        if let Err(error) = server.make_database().await {
            end(&mut child).await;
            return Err(error);
        }

        let options = options(&server.socket);
        let (running, process) = watch::channel(child.id());
        let (stop, stopping) = watch::channel(false);
        let supervisor = Some(tokio::spawn(supervise(server, child, running, stopping)));
        Ok(Self { options, process, stop, supervisor })
    }

    /// How to connect to the one database.
    pub fn options(&self) -> &PgConnectOptions {
        &self.options
    }

    /// The id of the server's first process; `None` while it is being started again.
    pub fn process(&self) -> Option<u32> {
        *self.process.borrow()
    }

    /// Stops the server: connections end, everything is written, the process is gone.
    pub async fn stop(mut self) {
        self.stop.send_replace(true);
        if let Some(supervisor) = self.supervisor.take()
            && let Err(error) = supervisor.await
        {
            tracing::error!(%error, "the private database's supervisor ended by itself");
        }
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if self.supervisor.is_some()
            && let Some(pid) = self.process().and_then(as_pid)
        {
            // Nobody is left to tell of a failure, and one that survives is ended by the next start.
            let _ = kill_process(pid, Signal::INT);
        }
    }
}

/// How to connect to the cluster that another process runs in this data folder.
pub(super) fn options_of_running(data_dir: &Path) -> Result<PgConnectOptions, Error> {
    let folder = data_dir.join("postgres");
    let account = Account::for_cluster(&folder)?;
    Ok(options(&folder::socket_folder(&folder, &account)))
}

fn options(socket: &Path) -> PgConnectOptions {
    PgConnectOptions::new_without_pgpass()
        .socket(socket)
        .port(5432)
        .username(NAME)
        .database(NAME)
        .ssl_mode(PgSslMode::Disable)
}

/// The version to run: that of the data, or the newest for data that is still to be made.
fn choose(installations: &[Installation], data: &Path) -> Result<Installation, Error> {
    let majors = || {
        let majors: Vec<String> = installations.iter().map(|installation| installation.major.to_string()).collect();
        if majors.is_empty() { "none".to_owned() } else { majors.join(", ") }
    };
    let written = match std::fs::read_to_string(data.join("PG_VERSION")) {
        Ok(written) => Some(written.trim().to_owned()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && !data.exists() => None,
        Err(error) => return Err(failed(format!("reading {}", data.join("PG_VERSION").display()))(error)),
    };
    if let Some(written) = written {
        let found = installations.iter().find(|installation| installation.major.to_string() == written);
        return found.cloned().ok_or_else(|| {
            Error::Refused(format!(
                "{} was made by PostgreSQL {written}, which is not installed (found: {}); install that version again: Summoner does not convert the data by itself",
                data.display(),
                majors()
            ))
        });
    }
    let newest = installations.iter().filter(|installation| installation.major >= OLDEST_MAJOR);
    newest.max_by_key(|installation| installation.major).cloned().ok_or_else(|| {
        Error::Refused(format!(
            "there is no database: PostgreSQL {OLDEST_MAJOR} or newer is not installed (found: {}); install the package postgresql, or name a database with DATABASE_URL",
            majors()
        ))
    })
}

/// What is needed to start the server, again and again.
#[derive(Debug)]
struct Server {
    installation: Installation,
    account: Account,
    folder: PathBuf,
    data: PathBuf,
    socket: PathBuf,
    sync: bool,
}

impl Server {
    /// Makes the data under another name and renames it: an interrupted start leaves no half-made cluster behind.
    async fn make_data(&self) -> Result<(), Error> {
        if self.data.exists() {
            return folder::check_owner(&self.data, &self.account);
        }
        let draft = self.folder.join("data.new");
        let attempt = || format!("making the private database in {}", draft.display());
        if draft.exists() {
            std::fs::remove_dir_all(&draft).map_err(failed(attempt()))?;
        }
        let mut command = self.command("initdb");
        command.arg("-D").arg(&draft).args(["-U", NAME, "--auth-local=trust", "--auth-host=reject"]);
        command.args(["--encoding=UTF8", "--locale=C.UTF-8", "--data-checksums", "--no-instructions"]);
        if !self.sync {
            command.arg("--no-sync");
        }
        tracing::info!(folder = %self.folder.display(), major = self.installation.major, "making the private database");
        let output = command.stdout(Stdio::piped()).stderr(Stdio::piped()).output().await.map_err(failed(attempt()))?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            return Err(failed(attempt())(format!("initdb ended with {}: {}", output.status, said.trim())));
        }
        std::fs::rename(&draft, &self.data)
            .and_then(|()| File::open(&self.folder)?.sync_all())
            .map_err(failed(attempt()))
    }

    /// Ends a server on this data that outlived the Summoner who started it.
    async fn end_survivor(&self) -> Result<(), Error> {
        let Some(pid) = self.survivor() else { return Ok(()) };
        tracing::warn!(process = pid.as_raw_pid(), "a private database outlived its Summoner; it is stopped first");
        for (signal, patience) in [(Signal::INT, STOPS_WITHIN), (Signal::QUIT, Duration::from_secs(10))] {
            let deadline = Instant::now() + patience;
            // A process that ended in the meantime cannot be told to; whether it has is asked below.
            let _ = kill_process(pid, signal);
            while Instant::now() < deadline {
                if self.survivor() != Some(pid) {
                    return Ok(());
                }
                sleep(ASK_EVERY).await;
            }
        }
        Err(Error::Refused(format!(
            "the private database still runs as process {} and does not stop; end it by hand",
            pid.as_raw_pid()
        )))
    }

    /// The first process of a server on this data, by its pid file and by what that process says it runs.
    fn survivor(&self) -> Option<Pid> {
        let number = std::fs::read_to_string(self.data.join("postmaster.pid")).ok()?;
        let pid = as_pid(number.lines().next()?.trim().parse().ok()?)?;
        let arguments = std::fs::read(format!("/proc/{}/cmdline", pid.as_raw_pid())).ok()?;
        let mut arguments = arguments.split(|byte| *byte == 0);
        let is_postgres = arguments.next()?.ends_with(b"postgres");
        let data = self.data.as_os_str().as_encoded_bytes();
        (is_postgres && arguments.any(|argument| argument == data)).then_some(pid)
    }

    /// Starts the server and waits until it answers; one that ends at once is tried again.
    async fn start_first(&self) -> Result<Child, Error> {
        let mut tries = 1;
        loop {
            let mut child = self.spawn()?;
            match self.answers(&mut child).await {
                Ok(()) => return Ok(child),
                Err(Unanswered::Ended(status)) if tries < STARTS => {
                    tracing::warn!(%status, "the private database ended while starting; trying again");
                    tries += 1;
                    sleep(FIRST_PAUSE * tries).await;
                }
                Err(unanswered) => {
                    if child.id().is_some() {
                        end(&mut child).await;
                    }
                    let log = self.log();
                    return Err(Error::NotStarted { problem: unanswered.to_string(), tail: tail(&log), log });
                }
            }
        }
    }

    fn spawn(&self) -> Result<Child, Error> {
        let attempt = || format!("starting {}", self.installation.programs.join("postgres").display());
        let pid_file = self.data.join("postmaster.pid");
        if self.survivor().is_none() && pid_file.exists() {
            // Its number may be another process's by now, for which Postgres would refuse to start.
            std::fs::remove_file(&pid_file).map_err(failed(attempt()))?;
        }
        let mut command = self.command("postgres");
        command.arg("-D").arg(&self.data).arg("-k").arg(&self.socket).args(["-p", "5432"]);
        let settings = [
            "listen_addresses=",
            "unix_socket_permissions=0700",
            "shared_buffers=32MB",
            "max_connections=40",
            "autovacuum_max_workers=1",
            "max_wal_size=256MB",
            "jit=off",
            "logging_collector=off",
            "log_line_prefix=%m [%p] ",
            // A statement in the log could hold what should not be there.
            "log_min_error_statement=panic",
            if self.sync { "fsync=on" } else { "fsync=off" },
        ];
        for setting in settings {
            command.args(["-c", setting]);
        }
        let log = self.open_log().map_err(failed(attempt()))?;
        let errors = log.try_clone().map_err(failed(attempt()))?;
        // A group of its own: Ctrl-C in the terminal is for Summoner, which then stops the database last.
        command.process_group(0).stdout(log).stderr(errors).spawn().map_err(failed(attempt()))
    }

    /// A program of Postgres, run as the cluster's user with nothing of our environment.
    fn command(&self, name: &str) -> Command {
        let mut command = Command::from(program(&self.installation.programs.join(name)));
        command.env_clear().env("PATH", "/usr/bin:/bin").env("LC_ALL", "C.UTF-8").env("TZ", "UTC");
        command.current_dir(&self.folder).stdin(Stdio::null());
        if self.account.uid != rustix::process::geteuid().as_raw() {
            // With a user set, the standard library drops root's supplementary groups too.
            command.uid(self.account.uid).gid(self.account.gid);
        }
        command
    }

    fn log(&self) -> PathBuf {
        self.folder.join("log")
    }

    /// The log to append to; one that has grown long is put aside first, and the one before it goes.
    fn open_log(&self) -> std::io::Result<File> {
        let path = self.log();
        if std::fs::symlink_metadata(&path).is_ok_and(|about| about.size() > LONGEST_LOG_BYTES) {
            std::fs::rename(&path, self.folder.join("log.1"))?;
        }
        // The folder is the other user's: a link that user put there must not lead root to another file.
        let no_links = rustix::fs::OFlags::NOFOLLOW.bits().cast_signed();
        let log = OpenOptions::new().create(true).append(true).mode(0o600).custom_flags(no_links).open(path)?;
        fchown(&log, Some(self.account.uid), Some(self.account.gid))?;
        Ok(log)
    }

    /// Waits until the server takes connections.
    async fn answers(&self, child: &mut Child) -> Result<(), Unanswered> {
        let options = options(&self.socket).database("postgres");
        let deadline = Instant::now() + ANSWERS_WITHIN;
        while Instant::now() < deadline {
            if let Some(status) = child.try_wait().map_err(Unanswered::Unknown)? {
                return Err(Unanswered::Ended(status));
            }
            match timeout(ONE_ANSWER_WITHIN, options.connect()).await {
                Ok(Ok(connection)) => return connection.close().await.map_err(Unanswered::Refused),
                Ok(Err(error)) if !may_pass(&error) => return Err(Unanswered::Refused(error)),
                Ok(Err(_)) | Err(_) => sleep(ASK_EVERY).await,
            }
        }
        Err(Unanswered::Late)
    }

    /// Makes the one database if it is not there.
    async fn make_database(&self) -> Result<(), Error> {
        let make = async {
            let mut connection = options(&self.socket).database("postgres").connect().await?;
            let there = sqlx::query("select 1 from pg_database where datname = 'summoner'");
            if there.fetch_optional(&mut connection).await?.is_none() {
                sqlx::query("create database summoner").execute(&mut connection).await?;
            }
            connection.close().await
        };
        make.await.map_err(failed("making the database summoner"))
    }
}

/// Why a server that was started cannot be used.
#[derive(Debug, thiserror::Error)]
enum Unanswered {
    #[error("it ended with {0}")]
    Ended(ExitStatus),
    #[error("it refused a connection: {0}")]
    Refused(sqlx::Error),
    #[error("it did not answer within {} minutes", ANSWERS_WITHIN.as_secs() / 60)]
    Late,
    #[error("its state is not known: {0}")]
    Unknown(std::io::Error),
}

/// Starts the server again whenever it ends, until told to stop it.
async fn supervise(
    server: Server,
    mut child: Child,
    running: watch::Sender<Option<u32>>,
    mut stopping: watch::Receiver<bool>,
) {
    let mut pause = FIRST_PAUSE;
    loop {
        let began = Instant::now();
        tokio::select! {
            status = child.wait() => {
                running.send_replace(None);
                let tail = tail(&server.log());
                tracing::error!(?status, %tail, "the private database ended by itself; it is started again");
            }
            () = told(&mut stopping) => return end(&mut child).await,
        }
        if began.elapsed() > STEADY {
            pause = FIRST_PAUSE;
        }
        child = loop {
            tokio::select! {
                () = sleep(pause) => pause = LONGEST_PAUSE.min(pause * 2),
                () = told(&mut stopping) => return,
            }
            match server.spawn() {
                Ok(child) => break child,
                Err(error) => {
                    tracing::error!(error = &error as &dyn std::error::Error, "the private database cannot be started");
                }
            }
        };
        running.send_replace(child.id());
    }
}

/// Waits until told to stop, or until the one who would tell is gone: then nobody needs the server any more.
async fn told(stopping: &mut watch::Receiver<bool>) {
    let _ = stopping.wait_for(|stop| *stop).await;
}

/// Ends the server by ever harder means: fast, immediate, kill.
async fn end(child: &mut Child) {
    for (signal, patience) in [(Signal::INT, STOPS_WITHIN), (Signal::QUIT, Duration::from_secs(10))] {
        if let Some(pid) = child.id().and_then(as_pid)
            && let Err(error) = kill_process(pid, signal)
        {
            tracing::error!(%error, "the private database cannot be signalled");
        }
        match timeout(patience, child.wait()).await {
            Ok(Ok(status)) if status.success() => return tracing::info!("the private database has stopped"),
            Ok(status) => return tracing::warn!(?status, "the private database has stopped, not cleanly"),
            Err(_) => tracing::warn!(?signal, "the private database does not stop"),
        }
    }
    if let Err(error) = child.kill().await {
        tracing::error!(%error, "the private database cannot be killed");
    }
}

/// The last lines of the log; empty when it cannot be read.
fn tail(log: &Path) -> String {
    let read = || -> std::io::Result<String> {
        let mut file = File::open(log)?;
        let start = file.metadata()?.len().saturating_sub(TAIL_BYTES);
        file.seek(SeekFrom::Start(start))?;
        let mut bytes = Vec::new();
        file.take(TAIL_BYTES).read_to_end(&mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).trim_end().to_owned())
    };
    read().unwrap_or_default()
}

fn as_pid(number: u32) -> Option<Pid> {
    Pid::from_raw(i32::try_from(number).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_read_from_what_postgres_says() {
        let cases = [
            ("postgres (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)\n", Some(15)),
            ("postgres (PostgreSQL) 19beta1", Some(19)),
            ("postgres (PostgreSQL) 18devel", Some(18)),
            ("postgres 15", None),
            ("", None),
        ];
        for (said, major) in cases {
            assert_eq!(major_in(said), major, "{said}");
        }
    }

    #[test]
    fn new_data_takes_the_newest_version_that_is_new_enough() {
        let at = |major: u32| Installation { major, programs: format!("/usr/lib/postgresql/{major}/bin").into() };
        let nowhere = Path::new("/nowhere/data");
        assert_eq!(choose(&[at(13), at(17), at(15)], nowhere).unwrap().major, 17);
        for installations in [vec![], vec![at(12)]] {
            let refusal = choose(&installations, nowhere).unwrap_err().to_string();
            assert!(refusal.contains("PostgreSQL 13 or newer is not installed"), "{refusal}");
        }
    }
}
