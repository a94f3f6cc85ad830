//! Opening: files that nobody else can read, the pragmas, the migrations.

use std::{
    fs, io,
    os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use sqlx::{Executor as _, any::AnyPoolOptions};

use super::{Db, Engine, Pools, Settings};
use crate::folder;

static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("../../migrations");

/// Why the database could not be opened. Names the file, for the operator.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Not a URL of an engine this build knows.
    #[error("database.url must look like sqlite:///var/lib/visavis/visavis.db")]
    Url,
    /// The file or folder can't be made or read.
    #[error("{path}: {cause}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// The engine refused.
    #[error("the database can't be opened: {0}")]
    Engine(#[from] sqlx::Error),
    /// The schema can't be brought to this build's version.
    #[error("the database can't be migrated: {0}")]
    Migrate(#[from] sqlx::migrate::MigrateError),
}

impl Db {
    /// Opens (and at the first start makes) the database; brings its schema up to date. `data` is the data folder.
    pub async fn open(settings: &Settings, data: &Path) -> Result<Self, OpenError> {
        let path = match &settings.url {
            None => data.join("visavis.db"),
            Some(url) => sqlite_path(url)?,
        };
        if let Some(folder) = path.parent() {
            folder::private(folder).map_err(|cause| file_error(folder, cause))?;
        }
        // SQLite gives its -wal and -shm files the mode of the main file, so making that one first is enough.
        private_file(&path)?;
        // Two processes that start at once (server and admin command) must not migrate side by side.
        let lock = private_file(&path.with_extension("lock"))?;
        let locked = tokio::task::spawn_blocking(move || lock.lock().map(|()| lock));
        let lock = locked.await.map_err(|_| OpenError::Url)?.map_err(|cause| file_error(&path, cause))?;
        let pools = sqlite(settings, &path).await?;
        MIGRATIONS.run(&pools.writer).await?;
        drop(lock);
        Ok(Self(Arc::new(pools)))
    }
}

fn sqlite_path(url: &str) -> Result<PathBuf, OpenError> {
    let rest = url.strip_prefix("sqlite:").ok_or(OpenError::Url)?;
    let path = rest.strip_prefix("//").unwrap_or(rest);
    if path.is_empty() || path.contains(['?', '#', '%']) {
        return Err(OpenError::Url);
    }
    Ok(path.into())
}

async fn sqlite(settings: &Settings, path: &Path) -> Result<Pools, OpenError> {
    sqlx::any::install_default_drivers();
    let text = path.to_str().ok_or(OpenError::Url)?;
    let url =
        format!("sqlite://{}?mode=rw", text.replace('%', "%25").replace('?', "%3F").replace('#', "%23"));
    let writer = pool(settings, 1, false).connect(&url).await?;
    let readers = pool(settings, settings.readers.max(1), true).connect_lazy(&url)?;
    Ok(Pools { engine: Engine::Sqlite, writer, readers })
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
