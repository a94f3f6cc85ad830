//! Mails as files, for trying out: one `.eml` each, complete or absent, readable by the owner only, a bounded number.

use std::{
    fs,
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use visavis_domain::{Timestamp, id::JobId};

use super::SendError;

/// A folder of mails.
#[derive(Debug, Clone)]
pub struct Outbox {
    folder: PathBuf,
    keep: usize,
}

impl Outbox {
    /// Opens (or makes, 0700) the folder.
    pub fn open(folder: &Path, keep: usize) -> io::Result<Self> {
        crate::folder::private(folder)?;
        Ok(Self { folder: folder.to_owned(), keep: keep.max(1) })
    }

    /// Where the mails are.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The newest mails as they would have been sent, newest first, with when they were written.
    pub fn newest(&self, most: usize) -> io::Result<Vec<(Timestamp, String)>> {
        let mut mails = Vec::new();
        for path in self.files()?.iter().rev().take(most) {
            match fs::read_to_string(path) {
                Ok(text) => mails.push((written_at(path), text)),
                // Swept meanwhile.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        Ok(mails)
    }

    pub(super) async fn write(&self, mail: Vec<u8>, at: Timestamp, id: JobId) -> Result<(), SendError> {
        let outbox = self.clone();
        let written = tokio::task::spawn_blocking(move || outbox.write_now(&mail, at, id)).await;
        match written {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => {
                tracing::warn!(error = %error, "a mail could not be written to the outbox");
                Err(SendError::Transient)
            }
            Err(_) => Err(SendError::Transient),
        }
    }

    /// Removes every mail to this address. How many those were.
    pub(super) async fn forget(&self, address: String) -> io::Result<usize> {
        let outbox = self.clone();
        let gone = tokio::task::spawn_blocking(move || outbox.forget_now(&address)).await;
        gone.unwrap_or_else(|_| Err(io::Error::other("the task was lost")))
    }

    fn forget_now(&self, address: &str) -> io::Result<usize> {
        let mut gone = 0;
        for path in self.files()? {
            let text = match fs::read_to_string(&path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                text => text?,
            };
            let to =
                text.lines().take_while(|line| !line.is_empty()).find_map(|line| line.strip_prefix("To:"));
            if to.is_some_and(|to| to.trim().trim_matches(['<', '>']).eq_ignore_ascii_case(address)) {
                fs::remove_file(&path)?;
                gone += 1;
            }
        }
        Ok(gone)
    }

    /// Under another name first: whoever lists `.eml` files never sees half a mail.
    fn write_now(&self, mail: &[u8], at: Timestamp, id: JobId) -> io::Result<()> {
        let path = self.folder.join(format!("{:013}-{:032x}.eml", at.as_millis().max(0), id.bits()));
        // Written, and then its writer died before it could say so.
        if path.exists() {
            return Ok(());
        }
        let draft = path.with_extension("part");
        let mut file =
            fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
        let done =
            file.write_all(mail).and_then(|()| file.sync_data()).and_then(|()| fs::rename(&draft, &path));
        if done.is_err() {
            let _ = fs::remove_file(&draft);
        }
        done?;
        let files = self.files()?;
        for old in &files[..files.len().saturating_sub(self.keep)] {
            match fs::remove_file(old) {
                // Another writer swept it.
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }

    /// The mails, oldest first: names begin with the time.
    fn files(&self) -> io::Result<Vec<PathBuf>> {
        let mut files = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let path = entry?.path();
            if path.extension().is_some_and(|e| e == "eml") {
                files.push(path);
            }
        }
        files.sort();
        Ok(files)
    }
}

fn written_at(path: &Path) -> Timestamp {
    let name = path.file_name().and_then(|n| n.to_str()).unwrap_or_default();
    Timestamp::from_millis(name.split('-').next().and_then(|n| n.parse().ok()).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[tokio::test]
    async fn the_newest_are_kept_whole_private_and_once() {
        let folder = tempfile::tempdir().unwrap();
        let outbox = Outbox::open(&folder.path().join("outbox"), 3).unwrap();
        for n in 0..5 {
            let text = format!("mail {n}").into_bytes();
            outbox.write(text, Timestamp::from_millis(1_000 + n), JobId::from_bits(7)).await.unwrap();
        }
        outbox.write(b"once".to_vec(), Timestamp::from_millis(1_004), JobId::from_bits(7)).await.unwrap();
        let mails = outbox.newest(10).unwrap();
        let texts: Vec<_> = mails.iter().map(|m| m.1.as_str()).collect();
        assert_eq!(texts, ["mail 4", "mail 3", "mail 2"]);
        assert_eq!(mails[0].0, Timestamp::from_millis(1_004));
        assert_eq!(outbox.newest(1).unwrap().len(), 1);
        let names: Vec<_> = fs::read_dir(outbox.folder()).unwrap().map(|e| e.unwrap()).collect();
        assert_eq!(names.len(), 3, "no drafts");
        assert!(names.iter().all(|e| e.metadata().unwrap().permissions().mode() & 0o777 == 0o600));
    }

    #[tokio::test]
    async fn a_folder_that_is_gone_is_a_failure_for_now() {
        let folder = tempfile::tempdir().unwrap();
        let outbox = Outbox::open(&folder.path().join("outbox"), 3).unwrap();
        fs::remove_dir(outbox.folder()).unwrap();
        assert_eq!(
            outbox.write(b"x".to_vec(), Timestamp::from_millis(1), JobId::from_bits(1)).await,
            Err(SendError::Transient)
        );
    }
}
