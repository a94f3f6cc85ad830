//! Where things lie in the checkout.

use std::{
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
};

/// The top of the checkout.
pub fn top() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

/// The top without `..`, for what is handed to other programs.
pub fn absolute(path: impl AsRef<Path>) -> PathBuf {
    let top = top().canonicalize().unwrap_or_else(|_| top().to_path_buf());
    top.join(path)
}

/// Where everything that a command makes or installs for itself goes; `cargo clean` takes it all away.
pub fn target(path: impl AsRef<Path>) -> PathBuf {
    absolute("target").join(path)
}

/// The files right below `folder` whose names end in `suffix`, sorted; none when there is no such folder.
pub fn files(folder: &Path, suffix: &str) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.is_file() && name(path).ends_with(suffix))
        .collect();
    found.sort();
    found
}

/// The last part of a path, as text.
pub fn name(path: &Path) -> &str {
    path.file_name().and_then(OsStr::to_str).unwrap_or_default()
}

/// The folder of that name somewhere below `root`, the first in order; nothing when there is none.
pub fn folder_below(root: &Path, wanted: &str) -> Option<PathBuf> {
    let mut folders: Vec<PathBuf> =
        fs::read_dir(root).ok()?.flatten().map(|entry| entry.path()).filter(|path| path.is_dir()).collect();
    folders.sort();
    let here = folders.iter().find(|path| name(path) == wanted).cloned();
    here.or_else(|| folders.iter().find_map(|folder| folder_below(folder, wanted)))
}
