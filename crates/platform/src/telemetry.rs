//! Logs and metrics of the process. Personal data, codes and tokens never come here: whoever logs sees to that, and
//! tests scan for it.

use std::{ffi::OsStr, io::IsTerminal};

pub use metrics_exporter_prometheus::PrometheusHandle;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tracing_subscriber::EnvFilter;

use crate::Lifecycle;

/// Buckets of every histogram in seconds: from a database write to the longest wait for a partner.
const SECONDS: [f64; 15] =
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 2.5, 5.0, 6.0, 10.0, 30.0, 120.0];
/// How often histograms are folded, so that they don't grow when nobody scrapes.
const UPKEEP: std::time::Duration = std::time::Duration::from_secs(5);

/// What is logged, and how.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// `error`, `warn`, `info`, `debug` or `trace`; single parts too: `info,visavis_edge=debug`.
    pub level: String,
    /// How lines look.
    pub format: Format,
}

impl Default for Settings {
    fn default() -> Self {
        Self { level: "info".to_owned(), format: Format::Text }
    }
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// Why logs and metrics can't start.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// Not a level.
    #[error("log.level must be error, warn, info, debug or trace, or a list such as info,visavis_edge=debug")]
    Level,
    /// Called twice.
    #[error("logs and metrics are already set up in this process")]
    Twice,
}

/// Starts logging to standard error and collecting metrics. Once per process.
pub fn init(settings: &Settings) -> Result<PrometheusHandle, TelemetryError> {
    let filter = filter(&settings.level)?;
    let coloured = is_coloured(std::io::stderr().is_terminal(), std::env::var_os("NO_COLOR").as_deref());
    let lines =
        tracing_subscriber::fmt().with_env_filter(filter).with_ansi(coloured).with_writer(std::io::stderr);
    let started = match settings.format {
        Format::Text => lines.try_init(),
        Format::Json => lines.json().flatten_event(true).try_init(),
    };
    started.map_err(|_| TelemetryError::Twice)?;
    PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS)
        .and_then(PrometheusBuilder::install_recorder)
        .map_err(|_| TelemetryError::Twice)
}

/// A file is read with no terminal to make colours of its codes; and who wants none anywhere says `NO_COLOR`
/// (no-color.org: set to anything but nothing).
fn is_coloured(to_terminal: bool, no_color: Option<&OsStr>) -> bool {
    to_terminal && no_color.is_none_or(OsStr::is_empty)
}

/// Folds histograms until the process ends.
pub fn upkeep(handle: &PrometheusHandle, lifecycle: &Lifecycle) {
    let handle = handle.clone();
    lifecycle.keep("metrics-upkeep", async move {
        loop {
            tokio::time::sleep(UPKEEP).await;
            handle.run_upkeep();
        }
    });
}

fn filter(level: &str) -> Result<EnvFilter, TelemetryError> {
    // A lone word that is no level would be taken for the name of a crate, and silence everything.
    let known = |part: &str| {
        let level = part.rsplit('=').next().unwrap_or_default().trim();
        ["off", "error", "warn", "info", "debug", "trace"].contains(&level.to_ascii_lowercase().as_str())
    };
    if !level.split(',').all(known) {
        return Err(TelemetryError::Level);
    }
    EnvFilter::try_new(level).map_err(|_| TelemetryError::Level)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_that_is_no_level_is_refused() {
        for good in ["info", "WARN", "info,visavis_edge=debug", "error,visavis=trace"] {
            assert!(filter(good).is_ok(), "{good}");
        }
        for bad in ["", "verbose", "info,", "visavis_edge", "info,visavis_edge=loud"] {
            assert!(filter(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn only_terminals_get_colours_and_only_if_they_are_wanted() {
        assert!(is_coloured(true, None) && is_coloured(true, Some(OsStr::new(""))));
        assert!(!is_coloured(true, Some(OsStr::new("1"))) && !is_coloured(false, None));
    }

    #[test]
    fn starting_twice_is_an_error_and_metrics_are_rendered() {
        let handle = init(&Settings::default()).unwrap();
        assert!(matches!(init(&Settings::default()), Err(TelemetryError::Twice)));
        metrics::histogram!("visavis_test_seconds").record(0.2);
        handle.run_upkeep();
        assert!(
            handle.render().contains("visavis_test_seconds_bucket{le=\"0.25\"} 1"),
            "{}",
            handle.render()
        );
    }
}
