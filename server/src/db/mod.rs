//! The database: one Postgres, kept by others or supervised here.
//!
//! Owns the pool, the schema's migrations, and the private cluster that stands in where no database is at hand. Holds
//! no tables of its own. The only module that starts processes, all of them in [`cluster`].
//!
//! Invariants: one Summoner per data folder, by a lock that dies with its process; the private cluster listens on a
//! unix socket only and never runs as root; a schema newer than this program is not touched.

mod account;
pub mod cluster;
mod folder;

use std::path::PathBuf;
use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};
use sqlx::migrate::MigrateError;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use tokio::time::Instant;

use crate::config::Config;

pub use account::Account;
pub use cluster::{Cluster, Installation};
pub use folder::FolderLock;

/// A pool of connections to the one database.
pub type Db = sqlx::PgPool;

/// The oldest Postgres that is still kept by its makers and has all that is used here.
const OLDEST_MAJOR: u32 = 13;
const CONNECTIONS: u32 = 16;
const ACQUIRE_WITHIN: Duration = Duration::from_secs(10);
/// A database that starts together with this program, as in a Compose file, may come up later than it.
const OUTSIDE_ANSWERS_WITHIN: Duration = Duration::from_secs(30);

/// Why there is no database to work with.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Another process holds the data folder.
    #[error("another Summoner runs on the data folder {}; stop it, or choose another with --data-dir", .0.display())]
    Locked(PathBuf),
    /// The database is there but must not be used, or cannot be made; the sentence says why and what to do.
    #[error("{0}")]
    Refused(String),
    /// The private cluster ended, or did not answer, while it was being started.
    #[error("the private database did not start: {problem}\nThe end of its log {}:\n{tail}", log.display())]
    NotStarted {
        /// What was seen.
        problem: String,
        /// The log file.
        log: PathBuf,
        /// Its last lines; empty when it has none.
        tail: String,
    },
    /// Something failed that nobody can react to.
    #[error("{attempt} failed")]
    Failed {
        /// What was attempted, on what.
        attempt: String,
        /// Why it failed.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// The cause of a failed `attempt`, for `map_err`.
fn failed<E: Into<Box<dyn std::error::Error + Send + Sync>>>(attempt: impl Into<String>) -> impl FnOnce(E) -> Error {
    move |source| Error::Failed { attempt: attempt.into(), source: source.into() }
}

/// A database that answers, and what must be kept for as long as it is used.
#[derive(Debug)]
pub struct Opened {
    /// The connections.
    pub pool: Db,
    /// The private cluster; `None` when others keep the database.
    pub cluster: Option<Cluster>,
    /// The hold on the data folder; `None` when the process that runs the panel has it, see [`attach`].
    pub lock: Option<FolderLock>,
}

impl Opened {
    /// Closes the connections, stops the private cluster cleanly and lets go of the data folder.
    pub async fn close(self) {
        self.pool.close().await;
        if let Some(cluster) = self.cluster {
            cluster.stop().await;
        }
    }
}

/// Opens the database that the settings name, else starts the private cluster in the data folder.
///
/// # Errors
/// [`Error::Locked`] when another Summoner runs on the data folder; [`Error::Refused`] for a Postgres that is too old,
/// or a private cluster that belongs to another user or another version; [`Error::NotStarted`] with the end of the log.
pub async fn open(config: &Config) -> Result<Opened, Error> {
    config.make_data_dir().map_err(failed("making the data folder"))?;
    let lock = FolderLock::take(&config.data_dir)?;
    if let Some(url) = &config.database_url {
        return Ok(Opened { pool: open_outside(url).await?, cluster: None, lock: Some(lock) });
    }
    let cluster = Cluster::start(cluster::Settings::find(&config.data_dir)?, &lock).await?;
    let pool = pool(cluster.options().clone()).await.map_err(failed("connecting to the private database"))?;
    Ok(Opened { pool, cluster: Some(cluster), lock: Some(lock) })
}

/// Opens the database for one command, beside a running panel if there is one.
///
/// # Errors
/// As [`open`]; never [`Error::Locked`].
pub async fn attach(config: &Config) -> Result<Opened, Error> {
    match open(config).await {
        Err(Error::Locked(_)) => {
            let pool = match &config.database_url {
                Some(url) => open_outside(url).await?,
                None => pool(cluster::options_of_running(&config.data_dir)?)
                    .await
                    .map_err(failed("connecting to the private database of the running panel"))?,
            };
            Ok(Opened { pool, cluster: None, lock: None })
        }
        result => result,
    }
}

/// Brings the schema up to this program's.
///
/// # Errors
/// [`Error::Refused`] when the schema is newer than this program knows; [`Error::Failed`] when a migration fails.
pub async fn migrate(db: &Db) -> Result<(), Error> {
    match sqlx::migrate!("../migrations").run(db).await {
        Err(MigrateError::VersionMissing(version)) => Err(Error::Refused(format!(
            "the database was changed by a newer Summoner: its migration {version} is not known to this one; run the newer version again, or restore the copy made before that upgrade"
        ))),
        Err(MigrateError::VersionMismatch(version)) => Err(Error::Refused(format!(
            "migration {version} was applied to this database in another form than this program has it; the two come from different builds, run the one that made the database"
        ))),
        result => result.map_err(failed("migrating the database")),
    }
}

async fn pool(options: PgConnectOptions) -> Result<Db, sqlx::Error> {
    let options = options.application_name("summoner");
    PgPoolOptions::new().max_connections(CONNECTIONS).acquire_timeout(ACQUIRE_WITHIN).connect_with(options).await
}

/// Connects to a database kept by others; its address may hold a password and is never part of an error.
async fn open_outside(url: &SecretString) -> Result<Db, Error> {
    let refused =
        || Error::Refused("the database address is not one like postgres://user:password@host/name".to_owned());
    let url = url.expose_secret();
    if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
        return Err(refused());
    }
    let options: PgConnectOptions = url.parse().map_err(|_| refused())?;
    let place = format!("{}:{}", options.get_host(), options.get_port());
    let deadline = Instant::now() + OUTSIDE_ANSWERS_WITHIN;
    let db = loop {
        match pool(options.clone()).await {
            Err(error) if may_pass(&error) && Instant::now() < deadline => {
                tracing::info!(%place, %error, "the database does not answer yet");
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
            result => break result.map_err(failed(format!("connecting to the database at {place}")))?,
        }
    };
    let number =
        version_number(&db).await.map_err(failed(format!("asking the database at {place} for its version")))?;
    check_version(number).map(|()| db)
}

/// The version of the server behind `db`, as people write it: `15.4`.
///
/// # Errors
/// When the server does not answer.
pub async fn version(db: &Db) -> Result<String, sqlx::Error> {
    let number = version_number(db).await?;
    Ok(format!("{}.{}", number / 10_000, number % 10_000))
}

/// The server's `server_version_num`, as 150004 for 15.4. It is asked for, because what a server or a pooler announces
/// when it is connected to need not be a number.
async fn version_number(db: &Db) -> Result<i32, sqlx::Error> {
    sqlx::query_scalar!(r#"select current_setting('server_version_num')::int4 as "number!""#).fetch_one(db).await
}

/// Passes from the oldest version that is supported on; `number` is as [`version_number`] gives it.
fn check_version(number: i32) -> Result<(), Error> {
    match number.unsigned_abs() / 10_000 {
        OLDEST_MAJOR.. => Ok(()),
        major => {
            Err(Error::Refused(format!("the database is PostgreSQL {major}; Summoner needs {OLDEST_MAJOR} or newer")))
        }
    }
}

/// Whether a failed connection may succeed a moment later: nobody listens yet, or the server says that it is starting.
fn may_pass(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(error) => error.kind() != std::io::ErrorKind::PermissionDenied,
        // cannot_connect_now, see "PostgreSQL Error Codes" in its manual.
        sqlx::Error::Database(error) => error.code().is_some_and(|code| code == "57P03"),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_that_is_too_old_is_refused_with_a_sentence() {
        assert!(check_version(130_000).is_ok() && check_version(180_001).is_ok());
        let refusal = check_version(120_022).unwrap_err().to_string();
        assert_eq!(refusal, "the database is PostgreSQL 12; Summoner needs 13 or newer");
    }

    #[tokio::test]
    async fn s25_a_database_address_that_cannot_be_read_is_not_repeated() {
        for url in ["mysql://panel:s3cret@db/panel", "postgres://panel:s3cret@db:port/panel", "s3cret"] {
            let refusal = open_outside(&url.into()).await.unwrap_err();
            assert!(!format!("{refusal:?}").contains("s3cret"), "{refusal:?}");
        }
    }
}
