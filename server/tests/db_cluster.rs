//! The private cluster, with the Postgres of this machine: no test here stands in for it.
#![expect(clippy::unwrap_used, reason = "a test ends where something is missing")]
#![expect(clippy::disallowed_methods, reason = "a test kills processes of its own")]

use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use server::config::{Args, Config};
use server::db::cluster::Settings;
use server::db::{self, Account, Cluster, Error, FolderLock};
use sqlx::{Connection as _, PgConnection, PgPool};
use tokio::io::{AsyncBufReadExt as _, BufReader};

/// A data folder for one test; it goes when the test ends, well or not.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("summoner-cluster-{}-{name}", std::process::id()));
        std::fs::DirBuilder::new().mode(0o711).recursive(true).create(&path).unwrap();
        Self(path)
    }

    fn settings(&self) -> Settings {
        Settings { sync: false, ..Settings::find(&self.0).unwrap() }
    }

    fn postgres(&self) -> PathBuf {
        self.0.join("postgres")
    }

    async fn start(&self) -> Result<(Cluster, FolderLock), Error> {
        let lock = FolderLock::take(&self.0)?;
        Ok((Cluster::start(self.settings(), &lock).await?, lock))
    }

    /// What the refused start says.
    async fn refusal(&self) -> String {
        match self.start().await {
            Ok((cluster, _lock)) => {
                cluster.stop().await;
                panic!("it started");
            }
            Err(error) => error.to_string(),
        }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

async fn connect(cluster: &Cluster) -> PgConnection {
    PgConnection::connect_with(cluster.options()).await.unwrap()
}

/// Asks again until `answer` gives something; what these tests wait for happens in other processes.
async fn eventually<T>(mut answer: impl AsyncFnMut() -> Option<T>) -> T {
    for _ in 0..600 {
        if let Some(answer) = answer().await {
            return answer;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("nothing happened within 30 seconds");
}

fn is_alive(process: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with('Z'))
}

fn kill(process: u32) {
    kill_process(Pid::from_raw(i32::try_from(process).unwrap()).unwrap(), Signal::KILL).unwrap();
}

#[tokio::test]
async fn a_cluster_is_made_once_keeps_its_data_and_stops_cleanly() {
    let folder = Folder::new("keeps");
    let (cluster, lock) = folder.start().await.unwrap();
    let process = cluster.process().unwrap();
    sqlx::query("create table kept as select 42 as answer").execute(&mut connect(&cluster).await).await.unwrap();
    cluster.stop().await;
    assert!(!is_alive(process));
    assert!(!folder.postgres().join("data/postmaster.pid").exists(), "a clean stop takes the pid file away");
    drop(lock);

    let (cluster, _lock) = folder.start().await.unwrap();
    let answer: i32 =
        sqlx::query_scalar("select answer from kept").fetch_one(&mut connect(&cluster).await).await.unwrap();
    assert_eq!(answer, 42);
    let (checksums, listen): (String, String) =
        sqlx::query_as("select current_setting('data_checksums'), current_setting('listen_addresses')")
            .fetch_one(&mut connect(&cluster).await)
            .await
            .unwrap();
    assert_eq!((checksums.as_str(), listen.as_str()), ("on", ""));
    cluster.stop().await;
}

#[tokio::test]
async fn the_server_runs_as_an_unprivileged_user_in_folders_of_its_own() {
    let folder = Folder::new("user");
    let (cluster, _lock) = folder.start().await.unwrap();
    let process = std::fs::metadata(format!("/proc/{}", cluster.process().unwrap())).unwrap();
    assert_ne!(process.uid(), 0);
    let groups = std::fs::read_to_string(format!("/proc/{}/status", cluster.process().unwrap())).unwrap();
    let groups = groups.lines().find_map(|line| line.strip_prefix("Groups:")).unwrap();
    assert!(!is_root() || !groups.split_whitespace().any(|group| group == "0"), "root's groups are gone: {groups}");
    for path in [folder.postgres(), folder.postgres().join("data")] {
        let about = std::fs::metadata(&path).unwrap();
        assert_eq!((about.uid(), about.mode() & 0o777), (process.uid(), 0o700), "{path:?}");
    }
    let log = std::fs::metadata(folder.postgres().join("log")).unwrap();
    assert_eq!((log.uid(), log.mode() & 0o777), (process.uid(), 0o600));
    cluster.stop().await;
}

#[tokio::test]
async fn a_server_that_was_killed_is_started_again_with_its_data() {
    let folder = Folder::new("killed");
    let (cluster, _lock) = folder.start().await.unwrap();
    let pool = PgPool::connect_with(cluster.options().clone()).await.unwrap();
    sqlx::query("create table kept as select 42 as answer").execute(&pool).await.unwrap();
    for _ in 0..2 {
        let before = cluster.process().unwrap();
        kill(before);
        let after = eventually(async || cluster.process().filter(|now| *now != before)).await;
        let query = async || sqlx::query_scalar::<_, i32>("select answer from kept").fetch_one(&pool).await.ok();
        assert_eq!(eventually(query).await, 42);
        assert_eq!(cluster.process(), Some(after));
    }
    pool.close().await;
    cluster.stop().await;
}

#[tokio::test]
async fn a_cluster_that_nobody_holds_any_more_ends_and_stays_ended() {
    let folder = Folder::new("dropped");
    let (cluster, _lock) = folder.start().await.unwrap();
    let process = cluster.process().unwrap();
    drop(cluster);
    eventually(async || (!is_alive(process)).then_some(())).await;
    let pid_file = folder.postgres().join("data/postmaster.pid");
    // Longer than the pause before a server that ended by itself is started again.
    for _ in 0..10 {
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert!(!pid_file.exists(), "it was started again");
    }
}

#[tokio::test]
async fn a_second_summoner_on_the_folder_is_refused_and_the_first_goes_on() {
    let folder = Folder::new("second");
    let (cluster, lock) = folder.start().await.unwrap();
    let refusal = folder.refusal().await;
    assert!(refusal.starts_with("another Summoner runs on the data folder /"), "{refusal}");
    sqlx::query("select 1").execute(&mut connect(&cluster).await).await.unwrap();
    cluster.stop().await;
    drop(lock);
    assert!(FolderLock::take(&folder.0).is_ok());
}

#[tokio::test]
async fn data_of_a_version_that_is_not_installed_is_refused_and_left_alone() {
    let folder = Folder::new("major");
    let data = folder.postgres().join("data");
    std::fs::DirBuilder::new().mode(0o700).recursive(true).create(&data).unwrap();
    let account = folder.settings().account;
    // Root's own folder is given to the account that would run it, as a first start had done.
    let account = if is_root() { postgres_account() } else { account };
    chown(folder.postgres(), Some(account.uid), Some(account.gid)).unwrap();
    std::fs::write(data.join("PG_VERSION"), "9\n").unwrap();
    let refusal = folder.refusal().await;
    assert!(refusal.contains("was made by PostgreSQL 9, which is not installed (found: "), "{refusal}");
    assert_eq!(std::fs::read_to_string(data.join("PG_VERSION")).unwrap(), "9\n");
}

/// The account that a fresh folder would be given to.
fn postgres_account() -> Account {
    Folder::new("account").settings().account
}

#[tokio::test]
async fn a_folder_of_another_user_is_refused() {
    if !is_root() {
        return eprintln!("not tried: only root can give a folder away");
    }
    let folder = Folder::new("owner");
    std::fs::DirBuilder::new().mode(0o700).create(folder.postgres()).unwrap();
    chown(folder.postgres(), Some(65534), Some(65534)).unwrap();
    let refusal = folder.refusal().await;
    assert!(refusal.contains("belongs to user number 65534"), "{refusal}");
    chown(folder.postgres(), Some(0), Some(0)).unwrap();
    let refusal = folder.refusal().await;
    assert!(refusal.contains("belongs to user number 0"), "{refusal}");
}

#[tokio::test]
async fn a_folder_that_others_may_enter_is_refused() {
    let folder = Folder::new("open");
    let (cluster, lock) = folder.start().await.unwrap();
    cluster.stop().await;
    drop(lock);
    std::fs::set_permissions(folder.postgres(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let refusal = folder.refusal().await;
    assert!(refusal.contains("may be entered by others (mode 755)"), "{refusal}");
}

#[tokio::test]
async fn a_folder_out_of_the_users_reach_is_refused() {
    if !is_root() {
        return eprintln!("not tried: only root runs the cluster as another user");
    }
    let folder = Folder::new("reach");
    std::fs::set_permissions(&folder.0, std::fs::Permissions::from_mode(0o700)).unwrap();
    let refusal = folder.refusal().await;
    assert!(refusal.contains("may not enter /") && refusal.contains("chmod o+x"), "{refusal}");
}

#[tokio::test]
async fn a_path_too_long_for_a_socket_gets_a_short_folder_for_it() {
    let outer = Folder::new("long");
    let folder = Folder(outer.0.join("a".repeat(120)));
    std::fs::DirBuilder::new().mode(0o711).create(&folder.0).unwrap();
    let (cluster, _lock) = folder.start().await.unwrap();
    let socket = cluster.options().get_socket().unwrap().clone();
    assert!(!socket.starts_with(&folder.0), "{socket:?}");
    assert_eq!(std::fs::metadata(&socket).unwrap().mode() & 0o777, 0o700);
    sqlx::query("select 1").execute(&mut connect(&cluster).await).await.unwrap();
    cluster.stop().await;
    std::fs::remove_dir_all(socket).unwrap();
}

#[tokio::test]
async fn making_the_data_starts_over_after_an_interruption() {
    let folder = Folder::new("interrupted");
    let draft = folder.postgres().join("data.new");
    std::fs::DirBuilder::new().mode(0o700).recursive(true).create(&draft).unwrap();
    std::fs::write(draft.join("PG_VERSION"), "15\n").unwrap();
    if is_root() {
        let account = postgres_account();
        chown(folder.postgres(), Some(account.uid), Some(account.gid)).unwrap();
    }
    let (cluster, _lock) = folder.start().await.unwrap();
    sqlx::query("select 1").execute(&mut connect(&cluster).await).await.unwrap();
    assert!(!draft.exists());
    cluster.stop().await;
}

#[tokio::test]
async fn a_pid_file_whose_number_another_process_has_by_now_is_stale() {
    let folder = Folder::new("stale");
    let (cluster, lock) = folder.start().await.unwrap();
    let account = folder.settings().account;
    cluster.stop().await;
    drop(lock);
    let mut other = tokio::process::Command::new("sleep");
    other.arg("60").kill_on_drop(true);
    if is_root() {
        other.uid(account.uid).gid(account.gid);
    }
    let mut other = other.spawn().unwrap();
    let pid_file = folder.postgres().join("data/postmaster.pid");
    std::fs::write(&pid_file, format!("{}\n{}\n", other.id().unwrap(), pid_file.parent().unwrap().display())).unwrap();
    let (cluster, _lock) = folder.start().await.unwrap();
    assert!(is_alive(other.id().unwrap()), "the other process is left alone");
    cluster.stop().await;
    other.kill().await.unwrap();
}

#[tokio::test]
async fn a_start_that_fails_shows_the_end_of_the_log() {
    let folder = Folder::new("log");
    let (cluster, lock) = folder.start().await.unwrap();
    cluster.stop().await;
    drop(lock);
    let settings = folder.postgres().join("data/postgresql.conf");
    let text = std::fs::read_to_string(&settings).unwrap();
    std::fs::write(&settings, format!("{text}\nno_such_setting = 1\n")).unwrap();
    let refusal = folder.refusal().await;
    assert!(refusal.starts_with("the private database did not start: it ended with exit status: 1"), "{refusal}");
    assert!(refusal.contains("unrecognized configuration parameter \"no_such_setting\""), "{refusal}");
}

/// The settings of a Summoner whose data lies in this folder.
fn config(data_dir: &Path) -> Config {
    let args = Args { data_dir: Some(data_dir.to_owned()), ..Args::default() };
    Config::read(&args, |_| None).unwrap()
}

/// Started by the test below in a process of its own, which that test kills.
const KILLED: &str = "SUMMONER_TEST_KILLED_DATA_DIR";

#[tokio::test]
async fn a_server_that_outlived_a_killed_summoner_is_replaced_without_loss() {
    if let Some(data_dir) = std::env::var_os(KILLED) {
        let opened = db::open(&config(Path::new(&data_dir))).await.unwrap();
        sqlx::query("create table kept as select 42 as answer").execute(&opened.pool).await.unwrap();
        println!("process {}", opened.cluster.as_ref().unwrap().process().unwrap());
        return std::future::pending().await;
    }
    let folder = Folder::new("orphan");
    let mut summoner = tokio::process::Command::new(std::env::current_exe().unwrap());
    summoner.args(["--exact", "a_server_that_outlived_a_killed_summoner_is_replaced_without_loss", "--nocapture"]);
    let mut summoner =
        summoner.env(KILLED, &folder.0).stdout(std::process::Stdio::piped()).kill_on_drop(true).spawn().unwrap();
    let mut lines = BufReader::new(summoner.stdout.take().unwrap()).lines();
    let survivor: u32 = loop {
        let line = lines.next_line().await.unwrap().expect("the other Summoner started");
        if let Some((_, process)) = line.split_once("process ") {
            break process.parse().unwrap();
        }
    };
    let beside = db::attach(&config(&folder.0)).await.unwrap();
    assert!(beside.cluster.is_none() && beside.lock.is_none(), "the running one keeps both");
    let answer: i32 = sqlx::query_scalar("select answer from kept").fetch_one(&beside.pool).await.unwrap();
    assert_eq!(answer, 42);
    beside.close().await;

    summoner.kill().await.unwrap();
    assert!(is_alive(survivor), "the database outlives a Summoner that was killed");
    let opened = db::open(&config(&folder.0)).await.unwrap();
    assert!(!is_alive(survivor));
    let answer: i32 = sqlx::query_scalar("select answer from kept").fetch_one(&opened.pool).await.unwrap();
    assert_eq!(answer, 42);
    db::migrate(&opened.pool).await.unwrap();
    opened.close().await;
}

#[sqlx::test(migrations = "../migrations")]
async fn a_schema_newer_than_the_program_is_left_alone(db: PgPool) {
    db::migrate(&db).await.unwrap();
    sqlx::query(
        "insert into _sqlx_migrations (version, description, success, checksum, execution_time)
         values (99999999, 'from the future', true, '\\x00', 0)",
    )
    .execute(&db)
    .await
    .unwrap();
    let refusal = db::migrate(&db).await.unwrap_err().to_string();
    assert!(refusal.starts_with("the database was changed by a newer Summoner: its migration 99999999"), "{refusal}");
}

#[sqlx::test(migrations = false)]
async fn a_database_of_others_is_used_without_a_cluster_of_our_own(_db: PgPool) {
    let folder = Folder::new("outside");
    let url = std::env::var("DATABASE_URL").unwrap();
    let args = Args { data_dir: Some(folder.0.clone()), ..Args::default() };
    let config = Config::read(&args, |name| (name == "DATABASE_URL").then(|| url.clone().into())).unwrap();
    let opened = db::open(&config).await.unwrap();
    assert!(opened.cluster.is_none() && !folder.postgres().exists());
    sqlx::query("select 1").execute(&opened.pool).await.unwrap();
    assert!(matches!(db::open(&config).await, Err(Error::Locked(_))), "the folder is held all the same");
    opened.close().await;
}
