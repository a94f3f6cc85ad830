//! Opening databases, and their bad days: what comes from the engine's failures is the same on both.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::{os::unix::fs::PermissionsExt as _, time::Duration};

use visavis_domain::{Code, Fault, id::UserId};
use visavis_platform::{
    Db, Lifecycle,
    db::{Error, Settings, blocks, users},
};
use visavis_testkit::{
    Database, Mode, Proxy,
    accounts::{account, add, try_add},
    until,
};

#[tokio::test]
async fn only_the_owner_can_read_the_files() {
    let place = Database::sqlite();
    let data = place.folder.path().join("data");
    add(&Db::open(&place.settings, &data).await.unwrap(), 1).await;
    assert_eq!(data.metadata().unwrap().permissions().mode() & 0o777, 0o700);
    let mut seen = 0;
    for file in std::fs::read_dir(&data).unwrap() {
        let file = file.unwrap();
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{:?}", file.file_name());
        seen += 1;
    }
    assert!(seen >= 3, "the database, its log and its index");
}

#[tokio::test]
async fn a_wrong_url_says_what_would_be_right() {
    let folder = tempfile::tempdir().unwrap();
    let open = |url: &str| {
        let settings = Settings { url: Some(url.to_owned().into()), ..Settings::default() };
        let data = folder.path().to_owned();
        async move { Db::open(&settings, &data).await }
    };
    for url in [
        "mysql://canary:canary@x/y",
        "visavis.db",
        "sqlite:",
        "sqlite:///x.db?mode=memory",
        "postgres://",
        "postgres://canary:canary@127.0.0.1",
        "postgres:///canary",
        "postgres://u:canary@host:port/x",
    ] {
        let error = open(url).await.unwrap_err().to_string();
        assert!(error.contains("sqlite:///") && error.contains("postgres://"), "{url}: {error}");
        assert!(!error.contains("canary"), "{url}: {error}");
    }
    let url = format!("sqlite://{}/other folder/my.db", folder.path().display());
    open(&url).await.unwrap().ping().await.unwrap();
    assert!(folder.path().join("other folder/my.db").exists());
}

#[tokio::test]
async fn an_account_survives_closing_and_opening_again() {
    for place in Database::all().await {
        let db = place.open().await;
        add(&db, 1).await;
        db.close().await;
        assert_eq!(db.ping().await, Err(Error::Unavailable));
        assert_eq!(db.write().await.unwrap_err(), Error::Unavailable);
        let db = place.open().await;
        assert_eq!(users::by_id(&db, UserId::from_bits(1)).await.unwrap(), Some(account(1)));
        assert_eq!(users::by_email(&db, "1@x.example").await.unwrap(), Some(account(1)));
        assert_eq!(users::by_id(&db, UserId::from_bits(2)).await.unwrap(), None);
    }
}

#[tokio::test]
async fn eight_processes_that_start_at_once_agree_on_one_schema() {
    let places = [Some(Database::sqlite()), Database::empty_postgres().await];
    for place in places.into_iter().flatten() {
        let mut opening = tokio::task::JoinSet::new();
        for n in 1..=8 {
            let (settings, data) = (place.settings.clone(), place.folder.path().to_owned());
            opening.spawn(async move { add(&Db::open(&settings, &data).await.unwrap(), n).await });
        }
        assert_eq!(opening.join_all().await.len(), 8, "{}", place.name);
    }
}

#[tokio::test]
async fn an_older_build_starts_on_the_schema_of_a_newer_one() {
    for place in Database::all().await {
        let db = place.open().await;
        add(&db, 1).await;
        db.close().await;
        let newer = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
                     VALUES (9999, 'of a newer build', true, 'x', 0)";
        if place.settings.url.is_some() {
            place.tell(newer).await;
        } else {
            let url = format!("sqlite://{}", place.folder.path().join("visavis.db").display());
            let pool = sqlx::SqlitePool::connect(&url).await.unwrap();
            sqlx::query(newer).execute(&pool).await.unwrap();
            pool.close().await;
        }
        let db = place.open().await;
        assert!(users::by_id(&db, UserId::from_bits(1)).await.unwrap().is_some(), "{}", place.name);
    }
}

#[tokio::test]
async fn a_second_writer_waits_its_time_and_then_hears_unavailable() {
    let place = Database::sqlite();
    let settings = Settings { timeout_ms: 150, ..Settings::default() };
    let server = Db::open(&settings, place.folder.path()).await.unwrap();
    let admin = Db::open(&settings, place.folder.path()).await.unwrap();
    let held = admin.write().await.unwrap();
    assert_eq!(server.write().await.unwrap_err(), Error::Unavailable);
    assert!(users::by_id(&server, UserId::from_bits(1)).await.is_ok(), "readers never wait");
    held.commit().await.unwrap();
    let held = server.write().await.unwrap();
    let fault = Fault::from(server.write().await.unwrap_err());
    assert_eq!((fault.code, fault.retry_after_ms), (Code::Unavailable, Some(1_000)));
    held.commit().await.unwrap();
    server.write().await.unwrap().commit().await.unwrap();
}

/// The Postgres of a test, opened with short waits.
async fn quick() -> Option<(Database, Db)> {
    let place = Database::postgres().await?;
    let settings = Settings { timeout_ms: 300, statement_ms: 500, connections: 2, ..place.settings.clone() };
    let db = Db::open(&settings, place.folder.path()).await.unwrap();
    add(&db, 1).await;
    add(&db, 2).await;
    Some((place, db))
}

#[tokio::test]
async fn a_writer_that_waits_for_a_row_too_long_hears_unavailable() {
    let Some((_place, db)) = quick().await else { return };
    let mut held = db.write().await.unwrap();
    assert_eq!(blocks::count_locked(&mut held, UserId::from_bits(1), 9).await, Ok(0));
    let mut waits = db.write().await.unwrap();
    assert_eq!(blocks::count_locked(&mut waits, UserId::from_bits(1), 9).await, Err(Error::Unavailable));
    drop(waits);
    held.commit().await.unwrap();
    let mut tx = db.write().await.unwrap();
    assert_eq!(blocks::count_locked(&mut tx, UserId::from_bits(1), 9).await, Ok(0));
}

#[tokio::test]
async fn two_writers_in_each_others_way_are_told_apart_and_one_goes_on() {
    let Some((_place, db)) = quick().await else { return };
    let (one, two) = (UserId::from_bits(1), UserId::from_bits(2));
    let (mut a, mut b) = (db.write().await.unwrap(), db.write().await.unwrap());
    blocks::count_locked(&mut a, one, 9).await.unwrap();
    blocks::count_locked(&mut b, two, 9).await.unwrap();
    let (at_a, at_b) = tokio::join!(
        async {
            let done = blocks::count_locked(&mut a, two, 9).await;
            drop(a);
            done
        },
        async {
            let done = blocks::count_locked(&mut b, one, 9).await;
            drop(b);
            done
        }
    );
    assert!([at_a, at_b].contains(&Err(Error::Unavailable)), "{at_a:?}, {at_b:?}");
}

#[tokio::test]
async fn connections_that_were_killed_are_made_again() {
    let Some((place, db)) = quick().await else { return };
    let mut open = db.write().await.unwrap();
    place.tell("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()").await;
    assert_eq!(blocks::count_locked(&mut open, UserId::from_bits(1), 9).await, Err(Error::Unavailable));
    drop(open);
    until("a statement works again", async || db.ping().await.is_ok()).await;
    until("a change works again", async || try_add(&db, 3).await.is_ok()).await;
}

#[tokio::test]
async fn a_server_full_of_connections_is_unavailable_and_then_not() {
    let Some((place, db)) = quick().await else { return };
    // Of this database; the superuser of the tests isn't bound by it, so another one is made.
    let name = place.settings.url.as_ref().unwrap().expose().rsplit('/').next().unwrap().to_owned();
    place
        .tell(&format!(
            "CREATE ROLE {name} LOGIN PASSWORD 'x' CONNECTION LIMIT 1; GRANT ALL ON ALL TABLES IN SCHEMA public TO {name}"
        ))
        .await;
    db.close().await;
    let url = place.settings.url.as_ref().unwrap().expose();
    let (_, host) = url.split_once('@').unwrap();
    let settings = Settings {
        url: Some(format!("postgres://{name}:x@{host}").into()),
        timeout_ms: 300,
        connections: 2,
        ..place.settings.clone()
    };
    let db = Db::open(&settings, place.folder.path()).await.unwrap();
    let held = db.write().await.unwrap();
    assert_eq!(db.ping().await, Err(Error::Unavailable), "the limit is one");
    held.commit().await.unwrap();
    until("the one connection is free again", async || db.ping().await.is_ok()).await;
    db.close().await;
    place.tell(&format!("DROP OWNED BY {name}; DROP ROLE {name}")).await;
}

#[tokio::test]
async fn while_postgres_is_away_or_silent_the_answer_is_unavailable_in_time_and_then_all_goes_on() {
    let Some(place) = Database::postgres().await else { return };
    let lifecycle = Lifecycle::default();
    let (proxy, url) = Proxy::before(place.settings.url.as_ref().unwrap().expose(), &lifecycle).await;
    let settings = Settings {
        url: Some(url.into()),
        timeout_ms: 300,
        statement_ms: 500,
        connections: 2,
        ..place.settings.clone()
    };
    let db = Db::open(&settings, place.folder.path()).await.unwrap();
    add(&db, 1).await;
    for (mode, n) in [(Mode::Away, 10), (Mode::Silent, 20)] {
        // One within a transaction, the others between.
        let mut open = db.write().await.unwrap();
        proxy.set(mode);
        let in_time = Duration::from_secs(3);
        let asked = tokio::time::timeout(in_time, blocks::count_locked(&mut open, UserId::from_bits(1), 9));
        assert_eq!(asked.await.expect("in time"), Err(Error::Unavailable), "{mode:?}");
        drop(open);
        for _ in 0..4 {
            let asked = tokio::time::timeout(in_time, users::by_id(&db, UserId::from_bits(1)));
            assert_eq!(asked.await.expect("in time"), Err(Error::Unavailable), "{mode:?}");
            let written = tokio::time::timeout(in_time, try_add(&db, n)).await.expect("in time");
            assert_eq!(written, Err(Error::Unavailable), "{mode:?}");
        }
        proxy.set(Mode::Pass);
        until("it works again", async || try_add(&db, n + 1).await.is_ok()).await;
        assert_eq!(users::by_id(&db, UserId::from_bits(n)).await, Ok(None), "nothing half done");
    }
}

#[tokio::test]
async fn a_server_that_can_only_be_read_is_unavailable_to_writers() {
    let Some((place, db)) = quick().await else { return };
    let name = place.settings.url.as_ref().unwrap().expose().rsplit('/').next().unwrap().to_owned();
    db.close().await;
    place.tell(&format!("ALTER DATABASE {name} SET default_transaction_read_only = on")).await;
    let db = place.open().await;
    assert!(users::by_id(&db, UserId::from_bits(1)).await.unwrap().is_some());
    assert_eq!(try_add(&db, 7).await, Err(Error::Unavailable));
}
