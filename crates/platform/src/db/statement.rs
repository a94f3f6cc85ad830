//! Where statements run: each with a deadline, so that a server that says nothing holds nobody up. Postgres ends a long
//! statement by itself; the deadline here comes after that and means that nobody is there, so that all connections are
//! given up for new ones.
//!
//! A statement that fails ends its transaction, on either engine: what comes after it fails too.

use std::{
    future::Future,
    io,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use futures_util::{
    StreamExt as _, TryStreamExt as _,
    future::BoxFuture,
    stream::{self, BoxStream},
};
use sqlx::{
    Any, AnyPool, Describe, Either, Error, Execute, Executor, SqlStr, Transaction,
    any::{AnyConnectOptions, AnyQueryResult, AnyRow, AnyStatement, AnyTypeInfo},
};

use super::{Engine, Settings, error, open};
use crate::patience;

/// Between the end that Postgres makes of a long statement and the end of our patience.
const MARGIN: Duration = Duration::from_millis(500);

/// What changes nothing, and so can be given up, within what the request may still wait.
async fn patient<T>(work: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    let late = || Err(io::Error::from(io::ErrorKind::TimedOut).into());
    patience::wait(Duration::MAX, work).await.unwrap_or_else(late)
}

/// The connections at one time. On Postgres the two are one.
#[derive(Debug)]
pub(super) struct Pools {
    pub(super) writer: AnyPool,
    pub(super) readers: AnyPool,
}

/// The connections, and, on Postgres, how to get others.
#[derive(Debug)]
pub(super) struct Source {
    engine: Engine,
    now: RwLock<Arc<Pools>>,
    server: Option<(Settings, AnyConnectOptions)>,
    /// Of a file: the last that was written found no room, or couldn't be written for another reason that passes by itself.
    full: AtomicBool,
}

impl Source {
    pub(super) fn file(pools: Pools) -> Self {
        Self {
            engine: Engine::Sqlite,
            now: RwLock::new(Arc::new(pools)),
            server: None,
            full: AtomicBool::new(false),
        }
    }

    pub(super) fn server(settings: &Settings, options: AnyConnectOptions) -> Self {
        let pools = open::postgres_pools(settings, &options);
        Self {
            engine: Engine::Postgres,
            now: RwLock::new(Arc::new(pools)),
            server: Some((settings.clone(), options)),
            full: AtomicBool::new(false),
        }
    }

    pub(super) const fn engine(&self) -> Engine {
        self.engine
    }

    pub(super) fn pools(&self) -> Arc<Pools> {
        Arc::clone(&self.now.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) async fn begin(self: &Arc<Self>) -> Result<Tx, Error> {
        let pools = self.pools();
        let begun = self.in_time(&pools, pools.writer.begin_with(self.engine.begin()));
        let inner = patient(begun).await?;
        Ok(Tx { inner, source: Arc::clone(self), pools, failed: false })
    }

    /// Within the time for one statement, and for the connection that it may have to wait for.
    async fn in_time<T>(
        &self,
        pools: &Arc<Pools>,
        work: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        let Some((settings, _)) = &self.server else { return work.await };
        let deadline = Duration::from_millis(settings.statement_ms + settings.timeout_ms) + MARGIN;
        tokio::time::timeout(deadline, work).await.unwrap_or_else(|_| {
            self.give_up(pools);
            Err(io::Error::from(io::ErrorKind::TimedOut).into())
        })
    }

    fn heard<T>(&self, done: &Result<T, Error>) {
        if self.engine == Engine::Sqlite && done.as_ref().is_err_and(error::is_unwritten) {
            self.full.store(true, Ordering::Relaxed);
        }
    }

    /// Whether something can be written, after something couldn't be: by writing what is written already.
    pub(super) async fn has_room(self: &Arc<Self>) -> super::Result<()> {
        if self.full.load(Ordering::Relaxed) {
            let mut tx = self.begin().await?;
            tx.run(sqlx::query("PRAGMA user_version = 0")).await?;
            tx.commit().await?;
            self.full.store(false, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Connections of a silent server stay taken for as long as the network believes in it, a quarter of an hour. New
    /// ones show by themselves whether it is there.
    fn give_up(&self, silent: &Arc<Pools>) {
        let Some((settings, options)) = &self.server else { return };
        let mut now = self.now.write().unwrap_or_else(PoisonError::into_inner);
        if Arc::ptr_eq(&now, silent) {
            tracing::warn!("the database says nothing: its connections are given up");
            *now = Arc::new(open::postgres_pools(settings, options));
        }
    }
}

/// A writing transaction; dropped without [`Tx::commit`] it is rolled back.
#[derive(Debug)]
pub struct Tx {
    inner: Transaction<'static, Any>,
    source: Arc<Source>,
    pools: Arc<Pools>,
    failed: bool,
}

impl Tx {
    /// Makes it durable: after `Ok` it survives a crash. After an error it may have been made durable, too.
    pub async fn commit(self) -> super::Result<()> {
        if self.failed {
            return Err(after_a_failure().into());
        }
        let done = self.source.in_time(&self.pools, self.inner.commit()).await;
        self.source.heard(&done);
        Ok(done?)
    }

    pub(super) fn conn(&mut self) -> Place<'_> {
        Place::Within(self)
    }

    async fn run<'q>(&mut self, query: impl Execute<'q, Any> + 'q) -> Result<Steps, Error> {
        if self.failed {
            return Err(after_a_failure());
        }
        let steps = (*self.inner).fetch_many(query).try_collect();
        let done = self.source.in_time(&self.pools, steps).await;
        self.failed = done.is_err();
        self.source.heard(&done);
        done
    }
}

/// What a statement gave: rows, and how many it touched. Bounded by its `LIMIT`.
type Steps = Vec<Either<AnyQueryResult, AnyRow>>;

/// Where one statement runs; sqlx's queries are executed by it.
#[derive(Debug)]
pub(super) enum Place<'a> {
    /// In a transaction.
    Within(&'a mut Tx),
    /// By itself, for reading.
    Alone(&'a Source),
}

impl Place<'_> {
    async fn run<'q>(self, query: impl Execute<'q, Any> + 'q) -> Result<Steps, Error> {
        match self {
            Self::Within(tx) => tx.run(query).await,
            Self::Alone(source) => {
                let pools = source.pools();
                patient(source.in_time(&pools, pools.readers.fetch_many(query).try_collect())).await
            }
        }
    }
}

impl<'a> Executor<'a> for Place<'a> {
    type Database = Any;

    fn fetch_many<'e, 'q: 'e, E>(
        self,
        query: E,
    ) -> BoxStream<'e, Result<Either<AnyQueryResult, AnyRow>, Error>>
    where
        'a: 'e,
        E: 'q + Execute<'q, Any>,
    {
        let steps = async move {
            let steps: Result<Steps, Error> = self.run(query).await;
            steps.map(|steps| stream::iter(steps.into_iter().map(Ok::<_, Error>)))
        };
        stream::once(steps).try_flatten().boxed()
    }

    fn fetch_optional<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, Result<Option<AnyRow>, Error>>
    where
        'a: 'e,
        E: 'q + Execute<'q, Any>,
    {
        Box::pin(async move { Ok(self.run(query).await?.into_iter().find_map(Either::right)) })
    }

    fn prepare_with<'e>(self, _: SqlStr, _: &'e [AnyTypeInfo]) -> BoxFuture<'e, Result<AnyStatement, Error>>
    where
        'a: 'e,
    {
        Box::pin(async { Err(Error::Protocol(ONLY_RUN.to_owned())) })
    }

    fn describe<'e>(self, _: SqlStr) -> BoxFuture<'e, Result<Describe<Any>, Error>>
    where
        'a: 'e,
    {
        Box::pin(async { Err(Error::Protocol(ONLY_RUN.to_owned())) })
    }
}

/// What sqlx could do besides, and nobody asks for.
const ONLY_RUN: &str = "statements are only run here, not prepared or described";

fn after_a_failure() -> Error {
    Error::Protocol("a transaction went on after a statement had failed".to_owned())
}
