//! The data folder: for its owner alone, and for one serving process at a time.

use std::{
    fs::{DirBuilder, File, OpenOptions, TryLockError},
    io,
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

/// The file whose lock says that somebody serves from this folder. It stays; only the lock counts, and that ends with
/// the process, however it ends.
const LOCK: &str = "serve.lock";

/// Makes a folder that only its owner may enter. One that exists stays as the operator made it.
pub(crate) fn private(folder: &Path) -> io::Result<()> {
    if folder.as_os_str().is_empty() || folder.is_dir() {
        return Ok(());
    }
    DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

/// Why a data folder can't be used.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// Another process serves from it.
    #[error(
        "{0}: another visavis serves from this data folder; stop that one, or give this one its own (--data)"
    )]
    Taken(PathBuf),
    /// The folder can't be made or written.
    #[error("{path}: {cause}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
}

/// The right to serve from a data folder, for as long as this value lives.
#[derive(Debug)]
#[must_use = "the claim ends when it is dropped"]
pub struct Claim {
    _lock: File,
}

impl Claim {
    /// Claims the folder, which is made when it is missing.
    pub fn of(data: &Path) -> Result<Self, FolderError> {
        let path = data.join(LOCK);
        let failed = |cause| FolderError::File { path: path.clone(), cause };
        private(data).map_err(failed)?;
        let file = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(&path);
        let file = file.map_err(failed)?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _lock: file }),
            Err(TryLockError::WouldBlock) => Err(FolderError::Taken(data.to_owned())),
            // A file system without locks (some network ones): better to serve than to be sure.
            Err(TryLockError::Error(cause)) if cause.kind() == io::ErrorKind::Unsupported => {
                tracing::warn!("the data folder's file system has no locks; keep other processes off it");
                Ok(Self { _lock: file })
            }
            Err(TryLockError::Error(cause)) => Err(failed(cause)),
        }
    }
}

/// Whether somebody serves from it now. Makes nothing.
pub fn is_served(data: &Path) -> bool {
    let Ok(file) = OpenOptions::new().write(true).open(data.join(LOCK)) else { return false };
    matches!(file.try_lock(), Err(TryLockError::WouldBlock))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_claimed_by_one_at_a_time() {
        let top = tempfile::tempdir().unwrap();
        let data = top.path().join("new/data");
        assert!(!is_served(&data) && !data.exists());
        let claim = Claim::of(&data).unwrap();
        assert!(is_served(&data));
        assert!(matches!(Claim::of(&data), Err(FolderError::Taken(_))));
        drop(claim);
        assert!(!is_served(&data));
        drop(Claim::of(&data).unwrap());
    }
}
