//! The rules that hold: from a file, read again when it changes, or those that come along.

use std::{path::Path, path::PathBuf, sync::Arc, time::Duration};

use tokio::sync::watch::{self, Receiver, Sender};
use visavis_domain::strikes::{DEFAULT_RULES, Rules};
use visavis_platform::Lifecycle;

/// Between two looks at the file.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// The longest file.
const MAX_BYTES: u64 = 256 * 1024;

/// Why rules can't be taken.
#[derive(Debug, thiserror::Error)]
#[error("{path}: {what}")]
pub struct BadFile {
    path: String,
    what: String,
}

/// The rules of a file, or those that come along.
///
/// # Errors
/// When the file can't be read, isn't a file of rules, or breaks a promise made to people.
pub fn load(file: Option<&Path>) -> Result<Rules, BadFile> {
    let path = file.map_or_else(|| "the rules that come along".to_owned(), |file| file.display().to_string());
    let bad = |what: String| BadFile { path: path.clone(), what };
    let text = match file {
        None => DEFAULT_RULES.to_owned(),
        Some(file) => {
            let size = std::fs::metadata(file).map_err(|err| bad(err.to_string()))?.len();
            if size > MAX_BYTES {
                return Err(bad(format!("is larger than {MAX_BYTES} bytes")));
            }
            std::fs::read_to_string(file).map_err(|err| bad(err.to_string()))?
        }
    };
    let rules: Rules = toml::from_str(&text).map_err(|err| bad(err.to_string()))?;
    rules.check().map_err(|err| bad(err.to_string()))?;
    Ok(rules)
}

/// The same, kept up to date: a file that can't be taken leaves them as they are, and says why once.
///
/// # Errors
/// As [`load`].
pub fn keep(file: Option<PathBuf>, lifecycle: &Lifecycle) -> Result<Receiver<Arc<Rules>>, BadFile> {
    let (tell, rules) = watch::channel(Arc::new(load(file.as_deref())?));
    if let Some(file) = file {
        lifecycle.keep("rules", look_again(file, tell));
    }
    Ok(rules)
}

async fn look_again(file: PathBuf, tell: Sender<Arc<Rules>>) {
    let changed = |file: &Path| std::fs::metadata(file).and_then(|meta| meta.modified()).ok();
    let mut seen = changed(&file);
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        let now = changed(&file);
        if now == seen {
            continue;
        }
        seen = now;
        match load(Some(&file)) {
            Ok(rules) => {
                tracing::info!(rules.version = rules.version, "the rules have changed");
                tell.send_replace(Arc::new(rules));
            }
            Err(error) => tracing::error!(%error, "the rules stay as they were"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rules_that_come_along_can_be_taken() {
        assert_eq!(load(None).unwrap().version, "2026-11-1");
    }

    #[test]
    fn a_file_that_breaks_a_promise_names_itself_and_the_key() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), DEFAULT_RULES.replace("keep_days = 10", "keep_days = 30")).unwrap();
        let why = load(Some(file.path())).unwrap_err().to_string();
        assert!(why.contains("rules.nudity-picture.keep_days") && why.contains("7 to 15"), "{why}");
        std::fs::write(file.path(), "version = 7").unwrap();
        assert!(load(Some(file.path())).unwrap_err().to_string().contains("version"));
        assert!(load(Some(Path::new("/nowhere/rules.toml"))).is_err());
    }
}
