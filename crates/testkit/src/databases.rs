//! A fresh database for each test, on every engine. On Postgres it is a copy of a template that has been migrated once;
//! those of tests that have ended are dropped by the next ones. (Not at the end of each: to drop one, Postgres waits for
//! every connection that is being made, and a test that waits for Postgres then makes none.)

use std::path::Path;

use sqlx::{
    AssertSqlSafe, ConnectOptions as _, Connection as _, Executor as _, PgConnection, Row as _,
    postgres::PgConnectOptions,
};
use visavis_platform::{Db, Dice, db::Settings};

use crate::stores;

/// Names the Postgres server on which tests may make databases.
pub const POSTGRES: &str = "VISAVIS_TEST_POSTGRES";
/// Databases of others that are dropped for each one that is made: more than one, so that they get fewer.
const DROPPED: usize = 2;
/// Whoever makes the template holds this lock of the server's first database.
const TEMPLATE_LOCK: i64 = 0x7465_6d70_6c61_7465;

/// A database of a test's own.
#[derive(Debug)]
pub struct Database {
    /// For messages.
    pub name: &'static str,
    /// How to open it.
    pub settings: Settings,
    /// The data folder.
    pub folder: tempfile::TempDir,
}

impl Database {
    /// An embedded one.
    pub fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { name: "sqlite", settings: Settings::default(), folder }
    }

    /// One on the real server with today's schema, when there is a server.
    pub async fn postgres() -> Option<Self> {
        let server = stores::server(POSTGRES)?;
        let template = template(&server).await;
        Some(Self::copy(server, &format!("TEMPLATE {template}")).await)
    }

    /// One without a schema.
    pub async fn empty_postgres() -> Option<Self> {
        Some(Self::copy(stores::server(POSTGRES)?, "").await)
    }

    /// Every engine.
    pub async fn all() -> Vec<Self> {
        let mut all = vec![Self::sqlite()];
        all.extend(Self::postgres().await);
        all
    }

    /// Opens it (once more).
    pub async fn open(&self) -> Db {
        Db::open(&self.settings, self.folder.path()).await.unwrap()
    }

    /// A command of an operator, in the database itself.
    pub async fn tell(&self, sql: &str) {
        let url = self.settings.url.as_ref().expect("only on a server").expose();
        let mut connection = connect(url).await;
        connection.execute(AssertSqlSafe(sql.to_owned())).await.unwrap();
        connection.close().await.unwrap();
    }

    /// Changes what is written, behind the product's back: on every engine.
    pub async fn change(&self, sql: &str) {
        sqlx::any::install_default_drivers();
        let file = || format!("sqlite://{}", self.folder.path().join("visavis.db").display());
        let url = self.settings.url.as_ref().map_or_else(file, |url| url.expose().to_owned());
        let mut connection = sqlx::AnyConnection::connect(&url).await.unwrap();
        sqlx::Executor::execute(&mut connection, AssertSqlSafe(sql.to_owned())).await.unwrap();
        connection.close().await.unwrap();
    }

    /// Everything that is written in it: the file, or every row of every table as text. Close it first.
    pub async fn contents(&self) -> Vec<u8> {
        let Some(url) = &self.settings.url else {
            return std::fs::read(self.folder.path().join("visavis.db")).unwrap();
        };
        let mut connection = connect(url.expose()).await;
        let tables = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'";
        let mut contents = Vec::new();
        for table in connection.fetch_all(tables).await.unwrap() {
            let table: String = table.try_get(0).unwrap();
            let rows = AssertSqlSafe(format!("SELECT t::text FROM {table} t"));
            for row in connection.fetch_all(rows).await.unwrap() {
                contents.extend(row.try_get::<String, _>(0).unwrap().into_bytes());
            }
        }
        contents
    }

    async fn copy(server: String, template: &str) -> Self {
        let database = format!("test_{}_{:016x}", std::process::id(), Dice::Secure.u64());
        let mut connection = connect(&server).await;
        tidy(&mut connection).await;
        let create = format!("CREATE DATABASE {database} {template}");
        connection.execute(AssertSqlSafe(create)).await.unwrap();
        connection.close().await.unwrap();
        // A machine that compiles and runs browsers meanwhile may take a second for anything.
        let settings = Settings {
            url: Some(in_database(&server, &database).into()),
            connections: 8,
            timeout_ms: 10_000,
            statement_ms: 20_000,
            ..Settings::default()
        };
        let folder = tempfile::tempdir().unwrap();
        Self { name: "postgres", settings, folder }
    }
}

/// Drops some databases of processes that are gone.
async fn tidy(connection: &mut PgConnection) {
    let all = "SELECT datname FROM pg_database WHERE datname LIKE 'test\\_%' ORDER BY random()";
    let names = connection.fetch_all(all).await.unwrap();
    let names = names.iter().map(|row| row.try_get::<String, _>(0).unwrap());
    let gone = |name: &String| {
        let pid = name.split('_').nth(1).unwrap_or_default();
        !Path::new("/proc").join(pid).exists()
    };
    for name in names.filter(gone).take(DROPPED) {
        // Somebody else may be at it, too.
        let _ = connection.execute(AssertSqlSafe(format!("DROP DATABASE IF EXISTS {name}"))).await;
    }
}

/// The server's URL with another database.
fn in_database(server: &str, database: &str) -> String {
    let (place, _) = server.rsplit_once('/').expect("a URL with a database");
    format!("{place}/{database}")
}

async fn connect(url: &str) -> PgConnection {
    let options: PgConnectOptions = url.parse().unwrap();
    options.connect().await.unwrap()
}

/// The migrated template of today's schema; the first test of all makes it.
async fn template(server: &str) -> String {
    let mut name = String::from("template");
    for migration in sqlx::migrate!("../../migrations").iter() {
        let sum: u32 = migration.checksum.iter().fold(0, |sum, byte| sum.rotate_left(5) ^ u32::from(*byte));
        name = format!("{name}_{sum:08x}");
    }
    // A name of Postgres has 63 characters; what is last says enough.
    let name = format!("t{}", &name[name.len().saturating_sub(60)..]);
    let mut connection = connect(server).await;
    sqlx::query("SELECT pg_advisory_lock($1)").bind(TEMPLATE_LOCK).execute(&mut connection).await.unwrap();
    let there = sqlx::query("SELECT COUNT(*) AS n FROM pg_database WHERE datname = $1").bind(&name);
    let there: i64 = there.fetch_one(&mut connection).await.unwrap().try_get("n").unwrap();
    if there == 0 {
        let draft = format!("draft_{:016x}", Dice::Secure.u64());
        connection.execute(AssertSqlSafe(format!("CREATE DATABASE {draft}"))).await.unwrap();
        let settings = Settings { url: Some(in_database(server, &draft).into()), ..Settings::default() };
        Db::open(&settings, Path::new("/nowhere")).await.unwrap().close().await;
        let rename = format!("ALTER DATABASE {draft} RENAME TO {name}");
        connection.execute(AssertSqlSafe(rename)).await.unwrap();
    }
    connection.close().await.unwrap();
    name
}
