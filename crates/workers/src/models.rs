//! Which models there are: the folder that `cargo xtask models` fills, and its manifest with the digest of every file.
//! Without a model its kind of observation is off, and that is said aloud.

use std::{
    fs::File,
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use aws_lc_rs::digest::{Context, SHA256};
use serde::Deserialize;

/// Longest manifest.
const MAX_MANIFEST: u64 = 256 * 1024;

/// The folder.
#[derive(Debug, Clone)]
pub struct Models {
    folder: PathBuf,
    files: Vec<Named>,
}

/// A file that should be there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// Below the folder.
    pub path: String,
    /// SHA-256, in hexadecimal.
    pub sha256: String,
    /// Which package it came from.
    pub package: String,
    /// Under which licence.
    pub licence: String,
}

/// How it is with a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It is what the manifest says.
    Right,
    /// It isn't there.
    Missing,
    /// It is another.
    Wrong,
}

/// Why a folder can't be used.
#[derive(Debug, thiserror::Error)]
pub enum BadFolder {
    /// It can't be read.
    #[error("{0}: {1}")]
    Unreadable(PathBuf, io::Error),
    /// It isn't a manifest.
    #[error("{0}: {1}")]
    Malformed(PathBuf, String),
}

#[derive(Deserialize)]
struct Manifest {
    package: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    version: String,
    licence: String,
    file: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    path: String,
    sha256: String,
}

impl Models {
    /// Reads a folder's manifest.
    ///
    /// # Errors
    /// When there is none, or it isn't one.
    pub fn open(folder: &Path) -> Result<Self, BadFolder> {
        let file = folder.join("manifest.toml");
        let unreadable = |err| BadFolder::Unreadable(file.clone(), err);
        let mut text = String::new();
        File::open(&file).and_then(|f| f.take(MAX_MANIFEST).read_to_string(&mut text)).map_err(unreadable)?;
        let manifest: Manifest = toml::from_str(&text)
            .map_err(|err| BadFolder::Malformed(file.clone(), err.message().to_owned()))?;
        let files = manifest.package.into_iter().flat_map(|package| {
            let name = format!("{} {}", package.name, package.version);
            package.file.into_iter().map(move |entry| Named {
                path: entry.path,
                sha256: entry.sha256,
                package: name.clone(),
                licence: package.licence.clone(),
            })
        });
        Ok(Self { folder: folder.to_owned(), files: files.collect() })
    }

    /// What should be there.
    pub fn files(&self) -> &[Named] {
        &self.files
    }

    /// Whether a file is what it should be. Reads all of it.
    pub fn verify(&self, file: &Named) -> State {
        match digest(&self.folder.join(&file.path)) {
            Ok(found) if found == file.sha256 => State::Right,
            Ok(_) => State::Wrong,
            Err(_) => State::Missing,
        }
    }

    /// Where a file is.
    pub fn path(&self, below: &str) -> PathBuf {
        self.folder.join(below)
    }
}

fn digest(path: &Path) -> io::Result<String> {
    let (mut file, mut context, mut buffer) = (File::open(path)?, Context::new(&SHA256), vec![0; 64 * 1024]);
    loop {
        match file.read(&mut buffer)? {
            0 => break,
            n => context.update(&buffer[..n]),
        }
    }
    let hex = |byte: &u8| [byte >> 4, byte & 15].map(|half| char::from_digit(half.into(), 16).unwrap_or('0'));
    Ok(context.finish().as_ref().iter().flat_map(hex).collect())
}
