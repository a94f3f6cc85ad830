//! The secret key of an installation, and what is derived from it: MACs of codes and tokens, sealed small secrets for
//! `Db`. The same on all nodes. Never printed, never logged, never stored anywhere but where it came from.
//!
//! Every use names its purpose; each purpose has its own key, so that a value made for one can't be passed off as
//! one for another.

use std::{
    fs,
    io::{self, Write as _},
    os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    sync::Arc,
};

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey},
    hmac,
};
use base64::{Engine as _, engine::general_purpose::STANDARD, engine::general_purpose::URL_SAFE_NO_PAD};

use crate::Dice;

/// 256 bits.
pub const KEY_BYTES: usize = 32;
/// AES-GCM's nonce. Random: with 96 bits a key may seal 2^32 values before a repetition gets likelier than 2^-32, and
/// each purpose (and each refresh token) has its own key.
const NONCE_BYTES: usize = 12;
/// The file of the data folder.
const FILE: &str = "secret.key";

/// The installation's secret. Cheap to clone.
#[derive(Clone)]
pub struct Secret(Arc<[u8; KEY_BYTES]>);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// Why there is no secret key. Names the place, never the value.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The configured value has the wrong shape.
    #[error("secret_key must be 32 random bytes in base64 (openssl rand -base64 32)")]
    Value,
    /// The file holds something else.
    #[error("{0}: must hold 32 random bytes in base64 on one line")]
    Content(PathBuf),
    /// It was made at the first start, and isn't there now.
    #[error(
        "{0} is missing: without it nobody stays signed in and nothing that is sealed can be opened; bring it back from the backup"
    )]
    Missing(PathBuf),
    /// Others can read the file.
    #[error("{0}: must be readable by its owner only (chmod 600)")]
    Mode(PathBuf),
    /// The file can't be read or made.
    #[error("{path}: {cause}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
}

/// A sealed value that this key did not seal, or for another purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a sealed value can't be opened with this key")]
pub struct CantOpen;

impl Secret {
    /// The configured key, else that of the data folder's `secret.key`, which is made at the first start.
    pub fn load(configured: Option<&str>, data: &Path, dice: &Dice) -> Result<Self, SecretError> {
        if let Some(text) = configured {
            return decode(text).ok_or(SecretError::Value);
        }
        let path = data.join(FILE);
        let failed = |cause| SecretError::File { path: path.clone(), cause };
        crate::folder::private(data).map_err(failed)?;
        if !path.exists() {
            create(&path, dice).map_err(failed)?;
        }
        Self::load_made(None, data)
    }

    /// The same of a place that is there: nothing is made.
    pub fn load_made(configured: Option<&str>, data: &Path) -> Result<Self, SecretError> {
        if let Some(text) = configured {
            return decode(text).ok_or(SecretError::Value);
        }
        let path = data.join(FILE);
        let failed = |cause| SecretError::File { path: path.clone(), cause };
        if !path.exists() {
            return Err(SecretError::Missing(path));
        }
        let mode = fs::metadata(&path).map_err(failed)?.permissions().mode();
        if mode & 0o077 != 0 {
            return Err(SecretError::Mode(path));
        }
        let text = fs::read_to_string(&path).map_err(failed)?;
        decode(&text).ok_or(SecretError::Content(path))
    }

    /// Exactly this key.
    pub fn from_bytes(bytes: [u8; KEY_BYTES]) -> Self {
        Self(Arc::new(bytes))
    }

    /// The key of a purpose (a pseudo-random function of it: HMAC-SHA-256, as in NIST SP 800-108).
    pub fn key(&self, purpose: &str) -> [u8; KEY_BYTES] {
        mac(&self.0, &[b"visavis key", purpose.as_bytes()])
    }

    /// HMAC-SHA-256 over `parts` under the purpose's key. Parts are delimited: `["ab", "c"]` and `["a", "bc"]` differ.
    pub fn mac(&self, purpose: &str, parts: &[&[u8]]) -> [u8; KEY_BYTES] {
        mac(&self.key(purpose), parts)
    }

    /// Encrypts a small secret for `Db`.
    pub fn seal(&self, purpose: &str, dice: &Dice, plain: &[u8]) -> Result<String, CantOpen> {
        seal(&self.key(purpose), purpose, dice, plain)
    }

    /// Decrypts what [`Secret::seal`] made for the same purpose.
    pub fn open(&self, purpose: &str, sealed: &str) -> Result<Vec<u8>, CantOpen> {
        open(&self.key(purpose), purpose, sealed)
    }
}

/// HMAC-SHA-256 over delimited parts.
pub fn mac(key: &[u8; KEY_BYTES], parts: &[&[u8]]) -> [u8; KEY_BYTES] {
    let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, key));
    for part in parts {
        context.update(&(part.len() as u64).to_be_bytes());
        context.update(part);
    }
    let mut out = [0; KEY_BYTES];
    out.copy_from_slice(context.sign().as_ref());
    out
}

/// AES-256-GCM under `key`, with the purpose as additional data: base64url of nonce, ciphertext and tag.
pub fn seal(key: &[u8; KEY_BYTES], purpose: &str, dice: &Dice, plain: &[u8]) -> Result<String, CantOpen> {
    let nonce: [u8; NONCE_BYTES] = dice.bytes();
    let mut body = plain.to_vec();
    aes(key)?
        .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(purpose), &mut body)
        .map_err(|_| CantOpen)?;
    Ok(URL_SAFE_NO_PAD.encode([nonce.as_slice(), &body].concat()))
}

/// Decrypts what [`seal`] made.
pub fn open(key: &[u8; KEY_BYTES], purpose: &str, sealed: &str) -> Result<Vec<u8>, CantOpen> {
    let mut body = URL_SAFE_NO_PAD.decode(sealed).map_err(|_| CantOpen)?;
    let (nonce, rest) = body.split_at_mut_checked(NONCE_BYTES).ok_or(CantOpen)?;
    let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| CantOpen)?;
    let plain = aes(key)?.open_in_place(nonce, Aad::from(purpose), rest).map_err(|_| CantOpen)?;
    Ok(plain.to_vec())
}

fn aes(key: &[u8; KEY_BYTES]) -> Result<LessSafeKey, CantOpen> {
    Ok(LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key).map_err(|_| CantOpen)?))
}

fn decode(text: &str) -> Option<Secret> {
    let bytes = STANDARD.decode(text.trim()).ok()?;
    Some(Secret::from_bytes(bytes.try_into().ok()?))
}

/// Writes a new key beside its place and links it there: two processes that start at once agree on whose it is, and
/// nobody ever reads half a key.
fn create(path: &Path, dice: &Dice) -> io::Result<()> {
    let draft = path.with_extension(format!("key.{:016x}", dice.u64()));
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
    let made = (|| {
        writeln!(file, "{}", STANDARD.encode(dice.bytes::<KEY_BYTES>()))?;
        file.sync_all()?;
        match fs::hard_link(&draft, path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            linked => linked,
        }
    })();
    fs::remove_file(&draft)?;
    made
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret() -> Secret {
        Secret::from_bytes([7; KEY_BYTES])
    }

    #[test]
    fn the_first_start_makes_a_key_that_the_next_one_finds() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        let first = Secret::load(None, &data, &Dice::Secure).unwrap();
        let next = Secret::load(None, &data, &Dice::Secure).unwrap();
        assert_eq!(first.0, next.0);
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&data), mode(&data.join(FILE))), (0o700, 0o600));
        assert_eq!(fs::read_dir(&data).unwrap().count(), 1, "no draft is left behind");
    }

    #[test]
    fn a_place_without_its_key_gets_no_other_one() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        let why = Secret::load_made(None, &data).unwrap_err().to_string();
        assert!(why.contains("secret.key is missing"), "{why}");
        assert!(!data.exists());
        let made = Secret::load(None, &data, &Dice::Secure).unwrap();
        assert_eq!(Secret::load_made(None, &data).unwrap().0, made.0);
    }

    #[test]
    fn a_key_that_others_can_read_or_of_another_length_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        Secret::load(None, folder.path(), &Dice::Secure).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        assert!(matches!(Secret::load(None, folder.path(), &Dice::Secure), Err(SecretError::Mode(_))));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        fs::write(&path, STANDARD.encode([1; 31])).unwrap();
        assert!(matches!(Secret::load(None, folder.path(), &Dice::Secure), Err(SecretError::Content(_))));
        assert!(matches!(Secret::load(Some("short"), folder.path(), &Dice::Secure), Err(SecretError::Value)));
        let good = STANDARD.encode([1; 32]);
        assert_eq!(*Secret::load(Some(&good), folder.path(), &Dice::Secure).unwrap().0, [1; 32]);
    }

    #[test]
    fn what_is_sealed_opens_for_the_same_purpose_only_and_not_when_touched() {
        let dice = Dice::Secure;
        let sealed = secret().seal("a", &dice, b"plain").unwrap();
        assert_eq!(secret().open("a", &sealed).unwrap(), b"plain");
        assert_ne!(secret().seal("a", &dice, b"plain").unwrap(), sealed);
        assert_eq!(secret().open("b", &sealed), Err(CantOpen));
        assert_eq!(Secret::from_bytes([8; 32]).open("a", &sealed), Err(CantOpen));
        let mut bytes = URL_SAFE_NO_PAD.decode(&sealed).unwrap();
        for at in 0..bytes.len() {
            bytes[at] ^= 1;
            assert_eq!(secret().open("a", &URL_SAFE_NO_PAD.encode(&bytes)), Err(CantOpen), "byte {at}");
            bytes[at] ^= 1;
        }
        assert_eq!(secret().open("a", "AAAA"), Err(CantOpen));
    }

    #[test]
    fn macs_differ_by_purpose_and_by_where_a_part_ends() {
        let ab_c = secret().mac("x", &[b"ab", b"c"]);
        assert_eq!(ab_c, secret().mac("x", &[b"ab", b"c"]));
        assert_ne!(ab_c, secret().mac("x", &[b"a", b"bc"]));
        assert_ne!(ab_c, secret().mac("y", &[b"ab", b"c"]));
    }

    #[test]
    fn a_secret_does_not_print_itself() {
        assert_eq!(format!("{:?}", secret()), "Secret(…)");
    }
}
