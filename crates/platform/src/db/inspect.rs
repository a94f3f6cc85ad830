//! A look at a database that changes nothing: whether it is there, whole, and of which version.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use sqlx::{
    AnyConnection, ConnectOptions as _, Connection as _, Row as _,
    any::{AnyConnectOptions, AnyRow},
};
use visavis_domain::{Timestamp, id::LoginId};

use super::{
    Db, OpenError, Settings,
    open::{is_postgres, migrations, sqlite_path, sqlite_url},
};
use crate::Hidden;

/// Faults that are told.
const FAULTS: usize = 5;

/// What a look found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Inspected {
    /// Its name and version.
    pub engine: String,
    /// Migrations that it lacks; all of them in one that was never used.
    pub behind: usize,
    /// Those of a newer build.
    pub ahead: usize,
    /// What isn't whole.
    pub faults: Vec<String>,
    /// Of a server: its clock. Of a file: when somebody signed in last.
    pub clock: Option<Timestamp>,
    /// Its signing keys, as they are sealed: they show whose secret key it was used with.
    pub sealed: Vec<String>,
}

impl Db {
    /// The file of an embedded database, whether it is there or not. `None`: it is on a server.
    pub fn file(settings: &Settings, data: &Path) -> Result<Option<PathBuf>, OpenError> {
        match settings.url.as_ref().map(Hidden::expose) {
            Some(url) if is_postgres(url) => Ok(None),
            Some(url) => sqlite_path(url).map(Some),
            None => Ok(Some(data.join("visavis.db"))),
        }
    }

    /// Looks at a database. A file must be there.
    pub async fn inspect(settings: &Settings, data: &Path) -> Result<Inspected, OpenError> {
        sqlx::any::install_default_drivers();
        if let Some(file) = Self::file(settings, data)? {
            return of_file(&file).await;
        }
        let url = settings.url.as_ref().map(Hidden::expose).unwrap_or_default();
        of_server(url).await
    }
}

async fn of_file(path: &Path) -> Result<Inspected, OpenError> {
    let url = sqlite_url(path)?.parse().map_err(|_| OpenError::Url)?;
    let mut db = AnyConnectOptions::from_url(&url)?.connect().await?;
    let version: String =
        sqlx::query("SELECT sqlite_version() AS version").fetch_one(&mut db).await?.try_get("version")?;
    let rows = sqlx::query("PRAGMA quick_check(5)").fetch_all(&mut db).await?;
    let mut faults = Vec::new();
    for row in &rows {
        faults.push(row.try_get::<String, _>(0)?);
    }
    faults.retain(|fault| fault != "ok");
    faults.truncate(FAULTS);
    let tables = "SELECT COUNT(*) AS n FROM sqlite_master WHERE type = 'table' AND name = '_sqlx_migrations'";
    let (behind, ahead) = schema(&mut db, tables).await?;
    let mut clock = None;
    if was_used(behind) {
        let row = sqlx::query("SELECT MAX(id) AS id FROM logins").fetch_one(&mut db).await?;
        clock = made_at(&row);
    }
    let sealed = sealed(&mut db, behind).await?;
    db.close().await?;
    Ok(Inspected { engine: format!("SQLite {version}"), behind, ahead, faults, clock, sealed })
}

fn was_used(behind: usize) -> bool {
    behind < migrations().iter().count()
}

async fn sealed(db: &mut AnyConnection, behind: usize) -> Result<Vec<String>, OpenError> {
    let mut sealed = Vec::new();
    if was_used(behind) {
        for row in sqlx::query("SELECT private_wrapped FROM signing_keys LIMIT 16").fetch_all(db).await? {
            sealed.push(row.try_get("private_wrapped")?);
        }
    }
    Ok(sealed)
}

/// An id says when it was made.
fn made_at(row: &AnyRow) -> Option<Timestamp> {
    let id: LoginId = row.try_get::<Option<String>, _>("id").ok()??.parse().ok()?;
    Some(Timestamp::from_millis(i64::try_from(id.bits() >> 80).ok()?))
}

async fn of_server(url: &str) -> Result<Inspected, OpenError> {
    let mut db = AnyConnectOptions::from_url(&url.parse().map_err(|_| OpenError::Url)?)?.connect().await?;
    let row = sqlx::query(
        "SELECT current_setting('server_version') AS version, \
         CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT) AS clock",
    )
    .fetch_one(&mut db)
    .await?;
    let (version, clock): (String, i64) = (row.try_get("version")?, row.try_get("clock")?);
    let tables = "SELECT COUNT(*) AS n FROM pg_class WHERE oid = to_regclass('_sqlx_migrations')";
    let (behind, ahead) = schema(&mut db, tables).await?;
    let sealed = sealed(&mut db, behind).await?;
    db.close().await?;
    let (clock, faults) = (Some(Timestamp::from_millis(clock)), Vec::new());
    Ok(Inspected { engine: format!("Postgres {version}"), behind, ahead, faults, clock, sealed })
}

/// How many migrations it lacks, and how many it has that this build doesn't know.
async fn schema(db: &mut AnyConnection, tables: &'static str) -> Result<(usize, usize), OpenError> {
    let mut done = BTreeSet::new();
    if sqlx::query(tables).fetch_one(&mut *db).await?.try_get::<i64, _>("n")? > 0 {
        for row in sqlx::query("SELECT version FROM _sqlx_migrations WHERE success").fetch_all(db).await? {
            done.insert(row.try_get::<i64, _>("version")?);
        }
    }
    let ours: BTreeSet<i64> = migrations().iter().map(|one| one.version).collect();
    Ok((ours.difference(&done).count(), done.difference(&ours).count()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_look_says_what_is_there_and_makes_nothing() {
        let place = tempfile::tempdir().unwrap();
        let (settings, data) = (Settings::default(), place.path());
        assert!(Db::inspect(&settings, data).await.is_err());
        assert_eq!(std::fs::read_dir(data).unwrap().count(), 0, "nothing was made");
        let db = Db::open(&settings, data).await.unwrap();
        let found = Db::inspect(&settings, data).await.unwrap();
        assert!(found.engine.starts_with("SQLite 3."));
        assert_eq!((found.behind, found.ahead, found.faults, found.clock), (0, 0, vec![], None));
        db.close().await;
        std::fs::write(data.join("visavis.db"), "this is no database at all").unwrap();
        assert!(Db::inspect(&settings, data).await.is_err());
        std::fs::write(data.join("visavis.db"), "").unwrap();
        assert!(Db::inspect(&settings, data).await.unwrap().behind > 10, "never used");
    }

    #[tokio::test]
    async fn a_page_that_was_overwritten_is_found() {
        let place = tempfile::tempdir().unwrap();
        let (settings, data) = (Settings::default(), place.path());
        Db::open(&settings, data).await.unwrap().close().await;
        let file = data.join("visavis.db");
        let mut bytes = std::fs::read(&file).unwrap();
        let half = bytes.len() / 2;
        bytes[half..half + 8_192].fill(0xA5);
        std::fs::write(&file, bytes).unwrap();
        let found = Db::inspect(&settings, data).await;
        assert!(found.is_err() || !found.unwrap().faults.is_empty());
    }
}
