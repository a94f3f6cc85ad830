//! Opening: files that nobody else can read, the pragmas, the migrations.

use std::{
    collections::BTreeMap,
    fs, io,
    os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use sqlx::{
    AnyPool, ConnectOptions as _, Connection as _, Executor as _, Row as _,
    any::{AnyConnectOptions, AnyPoolOptions},
    migrate::Migrator,
};
use url::Url;

use super::{
    Db, Settings,
    statement::{Pools, Source},
};
use crate::{Hidden, folder};

/// The oldest server that is tested.
const POSTGRES_AT_LEAST: u32 = 14;
/// Migrations, and the wait for another process that runs them.
const MIGRATION: Duration = Duration::from_mins(5);
/// What is locked meanwhile: any number that nobody else uses.
const MIGRATION_LOCK: i64 = 0x0076_6973_6176_6973;
/// A connection that was used so lately is believed to be there.
const LOOKED_AT: Duration = Duration::from_secs(5);

/// Why the database could not be opened. Names the file or the server, never a password.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Not a URL of an engine this build knows.
    #[error(
        "database.url must look like sqlite:///var/lib/visavis/visavis.db or postgres://USER:PASSWORD@HOST/DATABASE"
    )]
    Url,
    /// The file or folder can't be made or read.
    #[error("{path}: {cause}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// The server is of another kind than is needed.
    #[error(
        "the Postgres server must be version {POSTGRES_AT_LEAST} or later with a database in UTF8; it is {0}"
    )]
    Server(String),
    /// The engine refused.
    #[error("{0}")]
    Engine(#[from] sqlx::Error),
    /// The schema can't be brought to this build's version.
    #[error("its schema can't be migrated: {0}")]
    Migrate(#[from] sqlx::migrate::MigrateError),
    /// Another process has been migrating for too long.
    #[error("its schema wasn't migrated within {} s", MIGRATION.as_secs())]
    Slow,
}

impl Db {
    /// Opens (and, of `SQLite`, at the first start makes) the database; brings its schema up to date. `data` is the data
    /// folder.
    pub async fn open(settings: &Settings, data: &Path) -> Result<Self, OpenError> {
        sqlx::any::install_default_drivers();
        let url = settings.url.as_ref().map(Hidden::expose);
        let source = match url {
            Some(url) if is_postgres(url) => postgres(settings, url).await?,
            Some(url) => sqlite(settings, sqlite_path(url)?).await?,
            None => sqlite(settings, data.join("visavis.db")).await?,
        };
        Ok(Self(Arc::new(source)))
    }
}

/// Forward only. What an older build applied and this one doesn't know (that build is newer, then) is none of our
/// business: while a cluster is upgraded both run on one schema.
pub(super) fn migrations() -> Migrator {
    let mut migrations = sqlx::migrate!("../../migrations");
    migrations.set_ignore_missing(true);
    migrations
}

async fn postgres(settings: &Settings, url: &str) -> Result<Source, OpenError> {
    // Wrong URLs are found here, where they aren't retried until the deadline.
    let url: Url = url.parse().map_err(|_| OpenError::Url)?;
    if url.host_str().is_none_or(str::is_empty) || url.path().len() < 2 {
        return Err(OpenError::Url);
    }
    let options = AnyConnectOptions::from_url(&url)?;
    let migrating = tokio::time::timeout(MIGRATION, migrate_postgres(&options));
    migrating.await.map_err(|_| OpenError::Slow)??;
    Ok(Source::server(settings, options))
}

/// Nothing is connected before the first statement.
pub(super) fn postgres_pools(settings: &Settings, options: &AnyConnectOptions) -> Pools {
    let statement_ms = settings.statement_ms;
    let pool = AnyPoolOptions::new()
        .max_connections(settings.connections.max(1))
        .acquire_timeout(Duration::from_millis(settings.timeout_ms))
        .test_before_acquire(false)
        .before_acquire(|connection, meta| {
            Box::pin(async move {
                // One that a firewall or a restart of the server has cut while nobody looked.
                Ok(meta.idle_for < LOOKED_AT || connection.ping().await.is_ok())
            })
        })
        .after_connect(move |connection, _| {
            Box::pin(async move {
                // Also what waits for a lock ends; and a transaction that we forgot gives up its locks.
                let limits = format!(
                    "SET statement_timeout = {statement_ms}; SET idle_in_transaction_session_timeout = {}",
                    statement_ms * 4
                );
                connection.execute(sqlx::AssertSqlSafe(limits)).await?;
                Ok(())
            })
        })
        .connect_lazy_with(options.clone());
    Pools { writer: pool.clone(), readers: pool }
}

/// On a connection of its own, without the time limits of the others. Processes that start at once take turns by an
/// advisory lock of the database, which ends with the connection.
async fn migrate_postgres(options: &AnyConnectOptions) -> Result<(), OpenError> {
    let one = AnyPoolOptions::new().max_connections(1).acquire_timeout(MIGRATION).max_lifetime(None);
    let pool = one.connect_with(options.clone()).await?;
    let row = sqlx::query(
        "SELECT current_setting('server_version') AS version, current_setting('server_encoding') AS encoding",
    )
    .fetch_one(&pool)
    .await?;
    let (version, encoding): (String, String) = (row.try_get("version")?, row.try_get("encoding")?);
    let major =
        version.split(|c: char| !c.is_ascii_digit()).next().and_then(|major| major.parse::<u32>().ok());
    if major.is_none_or(|major| major < POSTGRES_AT_LEAST) || encoding != "UTF8" {
        return Err(OpenError::Server(format!("{version}, {encoding}")));
    }
    if is_migrated(&pool).await? {
        pool.close().await;
        return Ok(());
    }
    sqlx::query("SELECT pg_advisory_lock($1)").bind(MIGRATION_LOCK).execute(&pool).await?;
    // Better a start that fails than every request queueing behind a table's lock that doesn't come.
    pool.execute("SET lock_timeout = '10s'").await?;
    migrations().set_locking(false).run(&pool).await?;
    pool.close().await;
    Ok(())
}

/// Whether there is nothing to do. Then neither a lock is needed nor the right to make tables.
async fn is_migrated(pool: &AnyPool) -> Result<bool, OpenError> {
    let table = "SELECT COUNT(*) AS n FROM pg_class WHERE oid = to_regclass('_sqlx_migrations')";
    let tables: i64 = sqlx::query(table).fetch_one(pool).await?.try_get("n")?;
    if tables == 0 {
        return Ok(false);
    }
    let rows =
        sqlx::query("SELECT version, checksum FROM _sqlx_migrations WHERE success").fetch_all(pool).await?;
    let done = rows.iter().map(|row| Ok((row.try_get("version")?, row.try_get("checksum")?)));
    let done = done.collect::<Result<BTreeMap<i64, Vec<u8>>, sqlx::Error>>()?;
    Ok(migrations().iter().all(|ours| done.get(&ours.version).is_some_and(|sum| *sum == *ours.checksum)))
}

pub(super) fn is_postgres(url: &str) -> bool {
    url.starts_with("postgres://") || url.starts_with("postgresql://")
}

pub(super) fn sqlite_path(url: &str) -> Result<PathBuf, OpenError> {
    let rest = url.strip_prefix("sqlite:").ok_or(OpenError::Url)?;
    let path = rest.strip_prefix("//").unwrap_or(rest);
    if path.is_empty() || path.contains(['?', '#', '%']) {
        return Err(OpenError::Url);
    }
    Ok(path.into())
}

/// Of a file that is there.
pub(super) fn sqlite_url(path: &Path) -> Result<String, OpenError> {
    let text = path.to_str().ok_or(OpenError::Url)?;
    Ok(format!("sqlite://{}?mode=rw", text.replace('%', "%25").replace('?', "%3F").replace('#', "%23")))
}

async fn sqlite(settings: &Settings, path: PathBuf) -> Result<Source, OpenError> {
    if let Some(folder) = path.parent() {
        folder::private(folder).map_err(|cause| file_error(folder, cause))?;
    }
    // SQLite gives its -wal and -shm files the mode of the main file, so making that one first is enough.
    private_file(&path)?;
    // Two processes that start at once (server and admin command) must not migrate side by side.
    let lock = private_file(&path.with_extension("lock"))?;
    let locked = tokio::task::spawn_blocking(move || lock.lock().map(|()| lock));
    let lock = locked.await.map_err(|_| OpenError::Url)?.map_err(|cause| file_error(&path, cause))?;
    let url = sqlite_url(&path)?;
    let writer = pool(settings, 1, false).connect(&url).await?;
    let readers = pool(settings, settings.readers.max(1), true).connect_lazy(&url)?;
    migrations().run(&writer).await?;
    drop(lock);
    Ok(Source::file(Pools { writer, readers }))
}

/// Connections live as long as the process: opening one costs more than any query.
fn pool(settings: &Settings, size: u32, read_only: bool) -> AnyPoolOptions {
    let timeout = settings.timeout_ms;
    AnyPoolOptions::new()
        .max_connections(size)
        .acquire_timeout(Duration::from_millis(timeout))
        .idle_timeout(None)
        .max_lifetime(None)
        .test_before_acquire(false)
        .after_release(|connection, _| {
            Box::pin(async move {
                // When a disk is full SQLite ends a transaction by itself, and the connection is believed to be in it for ever.
                // What was given up is rolled back before the ping is answered.
                connection.ping().await?;
                Ok(!connection.is_in_transaction())
            })
        })
        .after_connect(move |connection, _| {
            Box::pin(async move {
                // WAL: readers never wait for the writer. FULL: a commit survives loss of power. secure_delete:
                // what is erased is overwritten in the file, too.
                for pragma in [
                    "PRAGMA journal_mode = WAL",
                    "PRAGMA synchronous = FULL",
                    "PRAGMA secure_delete = ON",
                    "PRAGMA foreign_keys = ON",
                ] {
                    connection.execute(pragma).await?;
                }
                let busy = format!("PRAGMA busy_timeout = {timeout}");
                connection.execute(sqlx::AssertSqlSafe(busy)).await?;
                if read_only {
                    connection.execute("PRAGMA query_only = ON").await?;
                }
                Ok(())
            })
        })
}

/// Opens (or makes) a file that only its owner may read; one that others could read is tightened.
fn private_file(path: &Path) -> Result<fs::File, OpenError> {
    let open = || {
        let file = fs::OpenOptions::new().create(true).append(true).read(true).mode(0o600).open(path)?;
        let permissions = file.metadata()?.permissions();
        if permissions.mode() & 0o077 != 0 {
            file.set_permissions(fs::Permissions::from_mode(0o600))?;
        }
        Ok(file)
    };
    open().map_err(|cause| file_error(path, cause))
}

fn file_error(path: &Path, cause: io::Error) -> OpenError {
    OpenError::File { path: path.to_owned(), cause }
}
