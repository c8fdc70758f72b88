//! Sealed secrets: rotated tokens, encrypted so that the state file alone betrays none.
//!
//! ChaCha20-Poly1305 with a random nonce per secret. The secret's name is authenticated too: a
//! sealed value moved under another name does not open.

use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use tapline_core::Secret;

use crate::failure::{Failure, Result};
use crate::private;

/// The key that seals secrets: 32 bytes.
pub struct SealingKey(LessSafeKey);

impl SealingKey {
    /// Reads the key as `TAPLINE_STATE_KEY` holds it: 32 bytes in base64.
    ///
    /// # Errors
    /// It is not that.
    pub fn from_base64(text: &Secret) -> tapline_core::Result<Self> {
        let key = decode(text).ok_or_else(|| {
            Failure::Key("the key of the state store must be 32 bytes in base64".to_owned())
        });
        key.map_err(|failure| failure.at("read key"))
    }

    /// Reads the key from a file of mode 0600; `None` if there is no such file.
    ///
    /// # Errors
    /// Others may read the file, or it holds no key.
    pub fn from_file(path: &Path) -> tapline_core::Result<Option<Self>> {
        if !path.exists() {
            return Ok(None);
        }
        let text = private::read(path).map_err(|failure| failure.at("read key"))?;
        let key = Self::from_base64(&Secret::new(text));
        key.map(Some)
            .map_err(|error| error.with("path", path.display()))
    }

    /// Nonce, then ciphertext.
    pub(crate) fn seal(&self, name: &str, secret: &Secret) -> Result<Vec<u8>> {
        let mut nonce = [0; NONCE_LEN];
        getrandom::fill(&mut nonce)
            .map_err(|error| Failure::Key(format!("no random numbers: {error}")))?;
        let mut sealed = secret.expose().as_bytes().to_vec();
        let aad = Aad::from(name.as_bytes());
        self.0
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), aad, &mut sealed)
            .map_err(|_| Failure::Key(format!("the secret {name:?} is too long to be sealed")))?;
        Ok([nonce.as_slice(), &sealed].concat())
    }

    pub(crate) fn open(&self, name: &str, sealed: &[u8]) -> Result<Secret> {
        let secret = self.try_open(name, sealed);
        secret.ok_or_else(|| Failure::Unsealable(name.to_owned()))
    }

    fn try_open(&self, name: &str, sealed: &[u8]) -> Option<Secret> {
        let (nonce, text) = sealed.split_at_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut text = text.to_vec();
        let aad = Aad::from(name.as_bytes());
        let length = self.0.open_in_place(nonce, aad, &mut text).ok()?.len();
        text.truncate(length);
        String::from_utf8(text).ok().map(Secret::new)
    }
}

/// `secret`, sealed; `None` without a key, since then it is not to be stored.
pub(crate) fn seal(
    key: Option<&SealingKey>,
    name: &str,
    secret: &Secret,
) -> Result<Option<Vec<u8>>> {
    key.map(|key| key.seal(name, secret)).transpose()
}

/// The secret that was stored as `sealed`, if one was.
pub(crate) fn open(
    key: Option<&SealingKey>,
    name: &str,
    sealed: Option<&[u8]>,
) -> Result<Option<Secret>> {
    match (sealed, key) {
        (None, _) => Ok(None),
        (Some(_), None) => Err(Failure::NoKey(name.to_owned())),
        (Some(sealed), Some(key)) => key.open(name, sealed).map(Some),
    }
}

fn decode(text: &Secret) -> Option<SealingKey> {
    let bytes = STANDARD.decode(text.expose().trim()).ok()?;
    let key = UnboundKey::new(&CHACHA20_POLY1305, &bytes).ok()?;
    Some(SealingKey(LessSafeKey::new(key)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(byte: u8) -> SealingKey {
        SealingKey::from_base64(&Secret::new(STANDARD.encode([byte; 32]))).unwrap()
    }

    #[test]
    fn a_sealed_secret_opens_only_with_its_key_under_its_name() {
        let secret = Secret::new("t0ken");
        let sealed = key(1).seal("crm", &secret).unwrap();
        assert!(!sealed.windows(5).any(|bytes| bytes == b"t0ken"));
        assert_eq!(key(1).open("crm", &sealed).unwrap(), secret);
        assert!(key(2).open("crm", &sealed).is_err());
        assert!(key(1).open("shop", &sealed).is_err());
        assert!(key(1).open("crm", &sealed[..5]).is_err());
        assert_ne!(sealed, key(1).seal("crm", &secret).unwrap());
    }

    #[test]
    fn a_key_of_another_length_is_refused_without_showing_it() {
        let given = Secret::new(STANDARD.encode([7; 16]));
        let error = SealingKey::from_base64(&given).err().unwrap().to_string();
        assert!(error.contains("32 bytes"), "{error}");
        assert!(!error.contains(given.expose()), "{error}");
    }

    #[cfg(unix)]
    #[test]
    fn a_key_file_that_others_can_read_is_refused() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        assert!(SealingKey::from_file(&path).unwrap().is_none());
        std::fs::write(&path, STANDARD.encode([1; 32]) + "\n").unwrap();
        for (mode, accepted) in [(0o644, false), (0o640, false), (0o600, true)] {
            std::fs::set_permissions(&path, PermissionsExt::from_mode(mode)).unwrap();
            assert_eq!(SealingKey::from_file(&path).is_ok(), accepted, "{mode:o}");
        }
    }
}
