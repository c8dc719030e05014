//! The database: one Postgres, kept by others or supervised here.

/// A pool of connections to the one database.
pub type Db = sqlx::PgPool;
