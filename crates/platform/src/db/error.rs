//! The one place where sqlx's errors become ours. Logs the cause once, and never a value of a row.

use visavis_domain::{Code, Fault};

/// What a caller of the database layer can match on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A unique key is taken.
    #[error("taken")]
    Conflict,
    /// A row that is referred to does not exist.
    #[error("missing")]
    Missing,
    /// The engine is away, too busy or full; trying again later makes sense.
    #[error("unavailable")]
    Unavailable,
    /// A bug of ours or a broken database; logged.
    #[error("internal")]
    Internal,
}

/// Of the database layer.
pub type Result<T> = std::result::Result<T, Error>;

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        match error {
            Error::Conflict => Self::new(Code::Conflict, "Somebody else was faster."),
            Error::Missing => Self::not_found("That"),
            Error::Unavailable => Self::unavailable(),
            Error::Internal => Self::internal(),
        }
    }
}

/// Primary result codes of `SQLite` that pass by themselves: BUSY, LOCKED, READONLY (a volume that was remounted),
/// IOERR, FULL, CANTOPEN. Extended codes carry the primary one in the low byte.
const SQLITE_AWAY: [u32; 6] = [5, 6, 8, 10, 13, 14];
/// Those of them that say that nothing can be written: READONLY, IOERR, FULL.
const SQLITE_UNWRITTEN: [u32; 3] = [8, 10, 13];
/// Classes of Postgres' SQLSTATE that pass by themselves: connection, serialisation failure and deadlock,
/// insufficient resources, operator intervention.
const POSTGRES_AWAY: [&str; 4] = ["08", "40", "53", "57"];
/// Single ones: a server that can only be read (a standby that isn't promoted yet), a transaction that was given up, a
/// lock that didn't come.
const POSTGRES_AWAY_TOO: [&str; 3] = ["25006", "25P03", "55P03"];

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::Database(cause) if cause.is_unique_violation() => return Self::Conflict,
            sqlx::Error::Database(cause) if cause.is_foreign_key_violation() => return Self::Missing,
            sqlx::Error::Database(cause) => {
                let code = cause.code().unwrap_or_default().into_owned();
                if is_away(&code) {
                    tracing::warn!(db.code = code, "the database is busy or away");
                    return Self::Unavailable;
                }
                // The message may quote a value; the code names the kind of failure.
                tracing::error!(db.code = code, "the database refused a statement");
            }
            sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed
            | sqlx::Error::Io(_)
            | sqlx::Error::Tls(_) => {
                tracing::warn!(error = %error, "the database is away");
                return Self::Unavailable;
            }
            _ => tracing::error!(error = %error, "the database layer failed"),
        }
        Self::Internal
    }
}

/// Whether `SQLite` couldn't write.
pub(super) fn is_unwritten(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(|cause| cause.code()?.parse::<u32>().ok());
    code.is_some_and(|code| SQLITE_UNWRITTEN.contains(&(code & 0xFF)))
}

fn is_away(code: &str) -> bool {
    if code.len() == 5 {
        return POSTGRES_AWAY.iter().any(|class| code.starts_with(class))
            || POSTGRES_AWAY_TOO.contains(&code);
    }
    code.parse::<u32>().is_ok_and(|code| SQLITE_AWAY.contains(&(code & 0xFF)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_passes_by_itself_is_unavailable_and_a_broken_statement_is_not() {
        for code in ["5", "517", "261", "13", "778", "40001", "40P01", "53300", "57P01", "08006", "25006"] {
            assert!(is_away(code), "{code}");
        }
        for code in ["1", "19", "11", "26", "42601", "22P02", ""] {
            assert!(!is_away(code), "{code}");
        }
    }
}
