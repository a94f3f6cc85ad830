//! Columns to values of the domain, and back. A column of the wrong shape is a bug of ours, never a not-found.

use serde::de::DeserializeOwned;
use sqlx::{Row as _, any::AnyRow};
use visavis_domain::{
    Timestamp,
    id::{Id, Kind},
};

use super::{Error, Result};

pub(super) fn text(row: &AnyRow, column: &str) -> Result<String> {
    Ok(row.try_get::<String, _>(column)?)
}

pub(super) fn maybe_text(row: &AnyRow, column: &str) -> Result<Option<String>> {
    Ok(row.try_get::<Option<String>, _>(column)?)
}

pub(super) fn number(row: &AnyRow, column: &str) -> Result<i64> {
    Ok(row.try_get::<i64, _>(column)?)
}

pub(super) fn count(row: &AnyRow, column: &str) -> Result<u64> {
    u64::try_from(number(row, column)?).map_err(|_| broken(column))
}

pub(super) fn flag(row: &AnyRow, column: &str) -> Result<bool> {
    Ok(number(row, column)? != 0)
}

pub(super) fn time(row: &AnyRow, column: &str) -> Result<Timestamp> {
    Ok(Timestamp::from_millis(number(row, column)?))
}

pub(super) fn maybe_time(row: &AnyRow, column: &str) -> Result<Option<Timestamp>> {
    Ok(row.try_get::<Option<i64>, _>(column)?.map(Timestamp::from_millis))
}

pub(super) fn id<K: Kind>(row: &AnyRow, column: &str) -> Result<Id<K>> {
    text(row, column)?.parse().map_err(|_| broken(column))
}

pub(super) fn json<T: DeserializeOwned>(row: &AnyRow, column: &str) -> Result<T> {
    serde_json::from_str(&text(row, column)?).map_err(|_| broken(column))
}

/// A list as JSON.
pub(super) fn list(words: &[String]) -> String {
    serde_json::Value::from(words).to_string()
}

pub(super) fn broken(column: &str) -> Error {
    tracing::error!(db.column = column, "a column has a shape that this build never wrote");
    Error::Internal
}
