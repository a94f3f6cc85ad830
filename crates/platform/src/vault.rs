//! Where what shows a decision is sealed, and the keys that open it. Each piece has a key of its own (AES-256-GCM); that key is
//! wrapped with the key of the day on which the piece ends, and day keys lie where no backup looks: in a folder of their own,
//! or, where several machines moderate, in a database of their own. When its day has come a key is destroyed first and what
//! it opened deleted after: neither a copy of the database nor a free page brings a picture back. What is under legal hold is
//! wrapped with a key of its case instead.
//!
//! Every key at rest is sealed with the secret key of the place as well. Nothing here is ever logged but names of days.

use std::{
    fs,
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use visavis_domain::{
    Timestamp,
    id::{CaseId, EvidenceId},
};

use crate::{
    Db, Dice, Hidden,
    db::{self, OpenError, evidence as rows},
    folder,
    secret::{self, KEY_BYTES, Secret},
};

const DAY_MS: i64 = 24 * 3_600_000;
/// Nothing that was kept under a clock that goes right ends later.
const LATEST_DAYS: i64 = 16;
/// Keys that are looked through: days, and cases under hold.
const MOST_KEYS: usize = 10_000;
/// The largest key file.
const MAX_KEY_FILE: u64 = 1_024;
/// What most backup programs (tar, borg, restic) take for «leave this folder out» (<https://bford.info/cachedir/>).
const NO_BACKUP: (&str, &str) = (
    "CACHEDIR.TAG",
    "Signature: 8a477f597d28d172789f06886806bc55\n# Keys of evidence that ends. A backup of them would keep what must go.\n",
);

/// Evidence.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Where the keys are: a folder that backups leave out, or, where several machines have the role `moderation`, a database
    /// of their own (`postgres://…`) that is backed up nowhere. Not set: `evidence-keys` in the data folder.
    pub keys: Option<Hidden>,
}

/// Where keys should be.
#[derive(Debug)]
pub enum At {
    /// In this folder.
    Folder(PathBuf),
    /// In this database.
    Database(db::Settings),
}

impl Settings {
    /// Where, beside this data folder.
    pub fn at(&self, data: &Path) -> At {
        match self.keys.as_ref().map(Hidden::expose) {
            Some(url) if url.contains("://") => At::Database(db::Settings {
                url: Some(Hidden::from(url.to_owned())),
                connections: 2,
                readers: 1,
                ..db::Settings::default()
            }),
            Some(path) => At::Folder(path.into()),
            None => At::Folder(data.join("evidence-keys")),
        }
    }
}

/// Why something can't be sealed or opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Its time is over: there is no key any more.
    #[error("it has ended")]
    Gone,
    /// A byte isn't what it was.
    #[error("it was changed")]
    Changed,
    /// The keys can't be reached, or no new one written.
    #[error("the keys are away")]
    Away,
}

impl From<db::Error> for Error {
    fn from(_: db::Error) -> Self {
        Self::Away
    }
}

/// Why the keys can't be reached at the start.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// The folder.
    #[error("{path}: {cause}")]
    Folder {
        /// Which.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// The database.
    #[error("the database of evidence.keys can't be opened: {0}")]
    Database(#[from] OpenError),
}

/// The keys and what is done with them. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Vault(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    keys: Keys,
    secret: Secret,
    dice: Dice,
}

/// Where keys lie. A closed list.
#[derive(Debug)]
enum Keys {
    Folder(PathBuf),
    Database(Db),
    /// There are none: this is a copy of a place without them. Nothing can be opened, and nothing be sealed.
    Nowhere(PathBuf),
}

/// Which key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Under {
    /// That of the day (since the epoch, UTC) on which it ends.
    Day(i64),
    /// That of a case under hold.
    Hold(CaseId),
}

impl Under {
    /// The day on which something ends at that time.
    pub const fn ending(at: Timestamp) -> Self {
        Self::Day(at.as_millis().div_euclid(DAY_MS))
    }

    fn name(self) -> String {
        match self {
            Self::Day(day) => {
                let text = Timestamp::from_millis(day * DAY_MS).to_string();
                text.get(..10).unwrap_or_default().to_owned()
            }
            Self::Hold(case) => format!("hold-{case}"),
        }
    }
}

/// A piece, sealed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed {
    /// Its key, wrapped.
    pub wrapped: String,
    /// Itself.
    pub body: String,
}

type Key = [u8; KEY_BYTES];

impl Vault {
    /// The keys of these settings; `data` is the data folder.
    pub async fn open(
        settings: &Settings,
        data: &Path,
        secret: Secret,
        dice: Dice,
    ) -> Result<Self, SetupError> {
        let keys = match settings.at(data) {
            At::Database(settings) => Keys::Database(Db::open(&settings, data).await?),
            At::Folder(path) => {
                prepare(&path).map_err(|cause| SetupError::Folder { path: path.clone(), cause })?;
                Keys::Folder(path)
            }
        };
        Ok(Self(Arc::new(Inner { keys, secret, dice })))
    }

    /// The same of a place that is there: nothing is made.
    pub async fn open_made(
        settings: &Settings,
        data: &Path,
        secret: Secret,
        dice: Dice,
    ) -> Result<Self, SetupError> {
        let keys = match settings.at(data) {
            At::Database(settings) => match Db::file(&settings, data)? {
                Some(file) if !file.exists() => Keys::Nowhere(file),
                _ => Keys::Database(Db::open(&settings, data).await?),
            },
            At::Folder(path) if path.is_dir() => Keys::Folder(path),
            At::Folder(path) => Keys::Nowhere(path),
        };
        Ok(Self(Arc::new(Inner { keys, secret, dice })))
    }

    /// Where there should be keys, when there isn't a single one: this is a copy of a place, or they are lost.
    pub async fn lacks_keys(&self) -> Result<Option<PathBuf>, Error> {
        let place = match &self.0.keys {
            Keys::Nowhere(path) => return Ok(Some(path.clone())),
            Keys::Folder(path) => path.clone(),
            Keys::Database(_) => PathBuf::from("the database of moderation.evidence.keys"),
        };
        let names = self.names().await?;
        let is_key =
            |name: &String| name.starts_with("hold-") || name.starts_with(|c: char| c.is_ascii_digit());
        Ok((!names.iter().any(is_key)).then_some(place))
    }

    /// Seals a piece under that key, which is made when there is none yet.
    pub async fn seal(&self, id: EvidenceId, under: Under, plain: &[u8]) -> Result<Sealed, Error> {
        let outer = self.key_or_new(under).await?;
        let inner: Key = self.0.dice.bytes();
        let purpose = id.to_string();
        let seal = |key: &Key, plain: &[u8]| {
            secret::seal(key, &purpose, &self.0.dice, plain).map_err(|_| Error::Away)
        };
        Ok(Sealed { wrapped: seal(&outer, &inner)?, body: seal(&inner, plain)? })
    }

    /// Opens it.
    pub async fn unseal(&self, id: EvidenceId, under: Under, sealed: &Sealed) -> Result<Vec<u8>, Error> {
        let inner = self.unwrap(id, under, &sealed.wrapped).await?;
        secret::open(&inner, &id.to_string(), &sealed.body).map_err(|_| Error::Changed)
    }

    /// Wraps a piece's key with another key than before.
    pub async fn rewrap(
        &self,
        id: EvidenceId,
        from: Under,
        to: Under,
        wrapped: &str,
    ) -> Result<String, Error> {
        let inner = self.unwrap(id, from, wrapped).await?;
        let outer = self.key_or_new(to).await?;
        secret::seal(&outer, &id.to_string(), &self.0.dice, &inner).map_err(|_| Error::Away)
    }

    /// A hold has ended: nothing is wrapped with its key any more.
    pub async fn end_hold(&self, case: CaseId) -> Result<(), Error> {
        self.destroy(Under::Hold(case).name()).await
    }

    /// Destroys the keys of days that have come; and of days later than any that a right clock could have led to. How many.
    pub async fn shred(&self, now: Timestamp) -> Result<u64, Error> {
        let Under::Day(today) = Under::ending(now) else { return Ok(0) };
        let (first, last) = (Under::Day(today + 1).name(), Under::Day(today + LATEST_DAYS).name());
        let mut gone = 0;
        for name in self.names().await? {
            let is_day = name.len() == first.len() && !name.starts_with("hold-");
            if is_day && (name < first || name > last) {
                self.destroy(name).await?;
                gone += 1;
            }
        }
        Ok(gone)
    }

    /// The time after which nothing can end that was kept under a right clock.
    pub const fn latest(now: Timestamp) -> Timestamp {
        Timestamp::from_millis(now.as_millis() + LATEST_DAYS * DAY_MS)
    }

    async fn unwrap(&self, id: EvidenceId, under: Under, wrapped: &str) -> Result<Key, Error> {
        let outer = self.key(under).await?.ok_or(Error::Gone)?;
        let inner = secret::open(&outer, &id.to_string(), wrapped).map_err(|_| Error::Changed)?;
        inner.try_into().map_err(|_| Error::Changed)
    }

    async fn key(&self, under: Under) -> Result<Option<Key>, Error> {
        let name = under.name();
        let sealed = match &self.0.keys {
            Keys::Nowhere(_) => None,
            Keys::Database(db) => rows::key(db, &name).await?,
            Keys::Folder(folder) => {
                let path = folder.join(&name);
                blocking(move || read(&path)).await?
            }
        };
        sealed.map(|sealed| self.open_key(&name, &sealed)).transpose()
    }

    async fn key_or_new(&self, under: Under) -> Result<Key, Error> {
        if let Some(key) = self.key(under).await? {
            return Ok(key);
        }
        let (name, dice) = (under.name(), &self.0.dice);
        let sealed = self.0.secret.seal(&purpose(&name), dice, &dice.bytes::<KEY_BYTES>());
        let sealed = sealed.map_err(|_| Error::Away)?;
        let kept = match &self.0.keys {
            Keys::Nowhere(_) => return Err(Error::Away),
            Keys::Database(db) => rows::keep_key(db, &name, &sealed).await?,
            Keys::Folder(folder) => {
                let (folder, name, mark) = (folder.clone(), name.clone(), dice.u64());
                blocking(move || create(&folder, &name, &sealed, mark)).await?
            }
        };
        self.open_key(&name, &kept)
    }

    fn open_key(&self, name: &str, sealed: &str) -> Result<Key, Error> {
        let key = self.0.secret.open(&purpose(name), sealed.trim()).map_err(|_| Error::Changed)?;
        key.try_into().map_err(|_| Error::Changed)
    }

    async fn names(&self) -> Result<Vec<String>, Error> {
        match &self.0.keys {
            Keys::Nowhere(_) => Ok(Vec::new()),
            Keys::Database(db) => {
                Ok(rows::key_names(db, i64::try_from(MOST_KEYS).unwrap_or(i64::MAX)).await?)
            }
            Keys::Folder(folder) => {
                let folder = folder.clone();
                blocking(move || {
                    let names = fs::read_dir(&folder)?.take(MOST_KEYS).filter_map(Result::ok);
                    Ok(names.filter_map(|entry| entry.file_name().into_string().ok()).collect())
                })
                .await
            }
        }
    }

    async fn destroy(&self, name: String) -> Result<(), Error> {
        match &self.0.keys {
            Keys::Nowhere(_) => Ok(()),
            Keys::Database(db) => {
                rows::destroy_key(db, &name).await?;
                // Of a file the journal would keep it.
                db.forget_journal().await?;
                Ok(())
            }
            Keys::Folder(folder) => {
                let folder = folder.clone();
                blocking(move || shred_file(&folder, &name)).await
            }
        }
    }
}

fn purpose(name: &str) -> String {
    format!("evidence key {name}")
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T, Error> {
    let done = tokio::task::spawn_blocking(work).await.map_err(|_| Error::Away)?;
    done.map_err(|error| {
        tracing::error!(%error, "the keys of evidence can't be used");
        Error::Away
    })
}

fn prepare(path: &Path) -> io::Result<()> {
    folder::private(path)?;
    let (name, text) = NO_BACKUP;
    match fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path.join(name)) {
        Ok(mut file) => file.write_all(text.as_bytes()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    }
}

fn read(path: &Path) -> io::Result<Option<String>> {
    match fs::metadata(path) {
        Ok(meta) if meta.len() > MAX_KEY_FILE => Err(io::Error::other("a key file is too large")),
        Ok(_) => fs::read_to_string(path).map(Some),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Written beside its place and linked there: nobody reads half a key, and two who make one at once agree on whose it is.
fn create(folder: &Path, name: &str, sealed: &str, mark: u64) -> io::Result<String> {
    let (path, draft) = (folder.join(name), folder.join(format!("draft-{mark:016x}")));
    let made = (|| {
        let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
        file.write_all(sealed.as_bytes())?;
        file.sync_all()?;
        match fs::hard_link(&draft, &path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            linked => linked,
        }
    })();
    // Also of a disk that was full in the middle.
    let removed = fs::remove_file(&draft);
    made?;
    removed?;
    fs::File::open(folder)?.sync_all()?;
    read(&path)?.ok_or_else(|| io::ErrorKind::NotFound.into())
}

/// Overwritten before it is unlinked, for file systems that write in place; a key is sealed with the secret key besides.
fn shred_file(folder: &Path, name: &str) -> io::Result<()> {
    let path = folder.join(name);
    match fs::OpenOptions::new().write(true).open(&path) {
        Ok(mut file) => {
            let length = usize::try_from(file.metadata()?.len().min(MAX_KEY_FILE)).unwrap_or(0);
            file.write_all(&vec![0; length])?;
            file.sync_all()?;
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    }
    fs::remove_file(&path)?;
    fs::File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);
    const ID: EvidenceId = EvidenceId::from_bits(7);
    const CASE: CaseId = CaseId::from_bits(9);

    async fn vault(data: &Path) -> Vault {
        let secret = Secret::from_bytes([7; KEY_BYTES]);
        Vault::open(&Settings::default(), data, secret, Dice::Secure).await.unwrap()
    }

    fn days(n: i64) -> Timestamp {
        Timestamp::from_millis(NOW.as_millis() + n * DAY_MS)
    }

    #[tokio::test]
    async fn what_is_sealed_opens_until_its_day_and_never_again_even_with_a_copy_of_all_but_the_keys() {
        let place = tempfile::tempdir().unwrap();
        let vault = vault(place.path()).await;
        let under = Under::ending(days(7));
        let sealed = vault.seal(ID, under, b"a picture").await.unwrap();
        assert!(!sealed.body.contains("picture"));
        assert_eq!(vault.unseal(ID, under, &sealed).await.unwrap(), b"a picture");
        assert_eq!(vault.unseal(EvidenceId::from_bits(8), under, &sealed).await, Err(Error::Changed));
        assert_eq!(vault.shred(days(6)).await.unwrap(), 0);
        assert_eq!(vault.unseal(ID, under, &sealed).await.unwrap(), b"a picture");
        assert_eq!(vault.shred(days(7)).await.unwrap(), 1);
        assert_eq!(vault.unseal(ID, under, &sealed).await, Err(Error::Gone));
        // Somebody is noticed on another day: a new key of the same name opens nothing old.
        vault.key_or_new(under).await.unwrap();
        assert_eq!(vault.unseal(ID, under, &sealed).await, Err(Error::Changed));
    }

    #[tokio::test]
    async fn what_is_held_outlives_its_day_until_the_hold_ends() {
        let place = tempfile::tempdir().unwrap();
        let vault = vault(place.path()).await;
        let (day, hold) = (Under::ending(days(7)), Under::Hold(CASE));
        let sealed = vault.seal(ID, day, b"a picture").await.unwrap();
        let wrapped = vault.rewrap(ID, day, hold, &sealed.wrapped).await.unwrap();
        vault.shred(days(400)).await.unwrap();
        let kept = Sealed { wrapped, ..sealed };
        assert_eq!(vault.unseal(ID, hold, &kept).await.unwrap(), b"a picture");
        vault.end_hold(CASE).await.unwrap();
        assert_eq!(vault.unseal(ID, hold, &kept).await, Err(Error::Gone));
    }

    #[tokio::test]
    async fn a_clock_that_was_years_ahead_keeps_nothing_longer() {
        let place = tempfile::tempdir().unwrap();
        let vault = vault(place.path()).await;
        let late = Under::ending(days(9_000));
        let sealed = vault.seal(ID, late, b"x").await.unwrap();
        assert_eq!(vault.shred(NOW).await.unwrap(), 1);
        assert_eq!(vault.unseal(ID, late, &sealed).await, Err(Error::Gone));
        assert!(vault.seal(ID, Under::ending(days(15)), b"x").await.is_ok());
        assert_eq!(vault.shred(NOW).await.unwrap(), 0);
    }

    #[tokio::test]
    async fn the_folder_is_left_out_of_backups_and_a_key_file_says_nothing_by_itself() {
        let place = tempfile::tempdir().unwrap();
        let vault = vault(place.path()).await;
        let under = Under::ending(days(7));
        let sealed = vault.seal(ID, under, b"x").await.unwrap();
        let folder = place.path().join("evidence-keys");
        let tag = fs::read_to_string(folder.join("CACHEDIR.TAG")).unwrap();
        assert!(tag.starts_with("Signature: 8a477f597d28d172789f06886806bc55"));
        let names: Vec<_> = fs::read_dir(&folder).unwrap().map(|e| e.unwrap().file_name()).collect();
        assert_eq!(names.len(), 2, "no draft is left behind: {names:?}");
        let other = Secret::from_bytes([8; KEY_BYTES]);
        let thief = Vault::open(&Settings::default(), place.path(), other, Dice::Secure).await.unwrap();
        assert_eq!(thief.unseal(ID, under, &sealed).await, Err(Error::Changed));
        let file = folder.join(under.name());
        fs::write(&file, "half").unwrap();
        assert_eq!(vault.unseal(ID, under, &sealed).await, Err(Error::Changed));
    }

    #[tokio::test]
    async fn keys_in_a_database_of_their_own_are_the_same_for_all_machines() {
        let (place, keys) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let url = format!("sqlite://{}", keys.path().join("keys.db").display());
        let settings = Settings { keys: Some(Hidden::from(url)) };
        let secret = Secret::from_bytes([7; KEY_BYTES]);
        let open = || Vault::open(&settings, place.path(), secret.clone(), Dice::Secure);
        let (one, other) = (open().await.unwrap(), open().await.unwrap());
        let under = Under::ending(days(7));
        let sealed = one.seal(ID, under, b"x").await.unwrap();
        assert_eq!(other.unseal(ID, under, &sealed).await.unwrap(), b"x");
        assert_eq!(other.shred(days(8)).await.unwrap(), 1);
        assert_eq!(one.unseal(ID, under, &sealed).await, Err(Error::Gone));
        assert!(!place.path().join("evidence-keys").exists());
    }

    #[tokio::test]
    async fn in_a_copy_without_keys_none_is_made_and_it_is_known_that_they_are_missing() {
        let (place, copy) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let first = vault(place.path()).await;
        assert!(first.lacks_keys().await.unwrap().is_some(), "none yet");
        let under = Under::ending(days(7));
        let sealed = first.seal(ID, under, b"x").await.unwrap();
        let open = async |data: &Path| {
            let secret = Secret::from_bytes([7; KEY_BYTES]);
            Vault::open_made(&Settings::default(), data, secret, Dice::Secure).await.unwrap()
        };
        let there = open(place.path()).await;
        assert_eq!(there.lacks_keys().await.unwrap(), None);
        assert_eq!(there.unseal(ID, under, &sealed).await.unwrap(), b"x");
        let without = open(copy.path()).await;
        assert_eq!(without.lacks_keys().await.unwrap(), Some(copy.path().join("evidence-keys")));
        assert_eq!(without.unseal(ID, under, &sealed).await, Err(Error::Gone));
        assert_eq!(without.seal(ID, under, b"x").await, Err(Error::Away));
        without.end_hold(CASE).await.unwrap();
        assert_eq!(fs::read_dir(copy.path()).unwrap().count(), 0, "nothing was made");
    }

    #[tokio::test]
    async fn where_no_key_can_be_written_nothing_is_sealed() {
        let place = tempfile::tempdir().unwrap();
        let vault = vault(place.path()).await;
        fs::remove_dir_all(place.path().join("evidence-keys")).unwrap();
        assert_eq!(vault.seal(ID, Under::ending(days(7)), b"x").await, Err(Error::Away));
    }
}
