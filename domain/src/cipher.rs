//! Encryption at rest of credentials and records, as envelopes: secret keys of the operator wrap data keys, data keys
//! seal what is stored. So another secret key is a matter of a few rows. XChaCha20-Poly1305 throughout, with the
//! tenant and the row as associated data: a ciphertext moved to another row or tenant can't be opened there.
//! Deliberately absent: where data keys are stored, and when another one seals ([`data_key`](crate::data_key)).

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use chacha20poly1305::aead::{Aead, Generate, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use chrono::{DateTime, Utc};
use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};
use uuid::Uuid;
use zeroize::Zeroizing;

/// First byte of a ciphertext that a secret key sealed itself, as versions before data keys did. It is only opened.
const FORMAT_DIRECT: u8 = 1;
/// First byte of a ciphertext that a data key sealed: format (1 byte), id of the data key (16), nonce (24), ciphertext
/// and tag (16).
const FORMAT_ENVELOPE: u8 = 2;
/// Bytes that say by which data key something is sealed: format and id.
pub(crate) const HEADER_BYTES: usize = 17;
/// Bytes of an XChaCha20 nonce.
const NONCE_BYTES: usize = 24;
/// Bytes of a secret key's id. It is told to people, and has to tell a handful of keys apart.
const KEY_ID_BYTES: usize = 8;

/// 32 random bytes, gone from memory with their last use.
type KeyBytes = Zeroizing<[u8; 32]>;

/// A ciphertext could not be opened: another key, another row, or damaged.
#[derive(Debug, thiserror::Error)]
pub enum CipherError {
    /// None of the keys at hand opens it at this row.
    #[error("a ciphertext can't be opened with these keys")]
    NotOpened,
    /// It is sealed by a data key that this process has not read.
    #[error("a ciphertext is sealed by the data key {0}, which this process does not have")]
    UnknownDataKey(Uuid),
    /// Data keys were not read yet.
    #[error("there is no data key to seal with")]
    NoDataKey,
    /// What is to be sealed is too large for the cipher.
    #[error("a plaintext can't be sealed")]
    NotSealed,
}

/// What the operator keeps outside of the database. It wraps data keys.
#[derive(Clone)]
struct SecretKey {
    /// Derived from the key, and says nothing about it.
    id: String,
    key: KeyBytes,
}

/// What seals; stands in the database, wrapped by a secret key.
#[derive(Clone)]
pub(crate) struct DataKey {
    pub(crate) id: Uuid,
    /// From when on it seals, until a later one does.
    pub(crate) seals_from: DateTime<Utc>,
    key: KeyBytes,
}

impl DataKey {
    /// A new one.
    pub(crate) fn generate(id: Uuid, seals_from: DateTime<Utc>) -> Self {
        Self { id, seals_from, key: Zeroizing::new(rand::random()) }
    }

    /// What a ciphertext of it begins with.
    pub(crate) fn header(&self) -> [u8; HEADER_BYTES] {
        header(self.id)
    }

    /// The key for what one tenant owns: HKDF-Expand (RFC 5869, section 2.3) to one block, since a data key is random
    /// already.
    fn of_tenant(&self, tenant_id: Uuid) -> XChaCha20Poly1305 {
        let info = [b"trestle tenant ".as_slice(), tenant_id.as_bytes()].concat();
        let key = Zeroizing::new(mac(&self.key, &[&info, &[1]]));
        XChaCha20Poly1305::new((&*key).into())
    }
}

/// Encrypts and decrypts with the keys that this process has.
pub struct Cipher {
    /// The first wraps, all open.
    secret_keys: Vec<SecretKey>,
    data_keys: RwLock<Arc<[DataKey]>>,
}

impl Cipher {
    /// With secret keys of 32 random bytes each, at least one: the first wraps, all of them open.
    pub fn new(secret_keys: &[[u8; 32]]) -> Self {
        let secret_keys =
            secret_keys.iter().map(|key| SecretKey { id: key_id(key), key: Zeroizing::new(*key) });
        Self { secret_keys: secret_keys.collect(), data_keys: RwLock::new(Arc::new([])) }
    }

    /// The ids of the secret keys, in their order.
    pub fn key_ids(&self) -> impl Iterator<Item = &str> {
        self.secret_keys.iter().map(|key| key.id.as_str())
    }

    /// Uses these data keys from now on.
    pub(crate) fn use_data_keys(&self, keys: Vec<DataKey>) {
        *self.data_keys.write().unwrap_or_else(PoisonError::into_inner) = keys.into();
    }

    /// Encrypts for one row of one tenant, with the data key of this moment.
    pub(crate) fn seal(
        &self,
        tenant_id: Uuid,
        row_id: Uuid,
        plaintext: &[u8],
        now: DateTime<Utc>,
    ) -> Result<Vec<u8>, CipherError> {
        let keys = self.data_keys();
        let begun = keys.iter().filter(|key| key.seals_from <= now).max_by_key(|key| key.seals_from);
        // By this process's clock none may have begun yet; the first one was made to be used at once.
        let key =
            begun.or_else(|| keys.iter().min_by_key(|key| key.seals_from)).ok_or(CipherError::NoDataKey)?;
        self.seal_by(key, tenant_id, row_id, plaintext)
    }

    /// Encrypts for one row of one tenant, with this data key.
    pub(crate) fn seal_by(
        &self,
        key: &DataKey,
        tenant_id: Uuid,
        row_id: Uuid,
        plaintext: &[u8],
    ) -> Result<Vec<u8>, CipherError> {
        let header = key.header();
        let mut bytes = header.to_vec();
        let associated = [header.as_slice(), tenant_id.as_bytes(), row_id.as_bytes()].concat();
        bytes.extend(encrypt(&key.of_tenant(tenant_id), plaintext, &associated)?);
        Ok(bytes)
    }

    /// Opens what [`seal`](Self::seal) made for the same row and tenant, or a version before data keys did.
    pub(crate) fn open(&self, tenant_id: Uuid, row_id: Uuid, bytes: &[u8]) -> Result<Vec<u8>, CipherError> {
        let row = [tenant_id.as_bytes().as_slice(), row_id.as_bytes()].concat();
        match bytes.split_first() {
            Some((&FORMAT_DIRECT, sealed)) => {
                let opened = self
                    .secret_keys
                    .iter()
                    .find_map(|key| decrypt(&XChaCha20Poly1305::new((&*key.key).into()), sealed, &row));
                opened.ok_or(CipherError::NotOpened)
            }
            Some((&FORMAT_ENVELOPE, _)) => {
                let (header, sealed) = bytes.split_at_checked(HEADER_BYTES).ok_or(CipherError::NotOpened)?;
                let id = Uuid::from_slice(&header[1..]).map_err(|_length| CipherError::NotOpened)?;
                let keys = self.data_keys();
                let key = keys.iter().find(|key| key.id == id).ok_or(CipherError::UnknownDataKey(id))?;
                decrypt(&key.of_tenant(tenant_id), sealed, &[header, &row].concat())
                    .ok_or(CipherError::NotOpened)
            }
            _ => Err(CipherError::NotOpened),
        }
    }

    /// A data key as it is stored, and the id of the secret key that wraps it.
    pub(crate) fn wrap(&self, key: &DataKey) -> Result<(String, Vec<u8>), CipherError> {
        let secret = self.secret_keys.first().ok_or(CipherError::NotSealed)?;
        let cipher = XChaCha20Poly1305::new((&*secret.key).into());
        Ok((secret.id.clone(), encrypt(&cipher, key.key.as_slice(), &wrapped_as(key.id))?))
    }

    /// A stored data key; `None` when the secret key that wraps it is not there, or is another one of the same id.
    pub(crate) fn unwrap(
        &self,
        id: Uuid,
        seals_from: DateTime<Utc>,
        secret_key_id: &str,
        wrapped: &[u8],
    ) -> Option<DataKey> {
        let secret = self.secret_keys.iter().find(|key| key.id == secret_key_id)?;
        let cipher = XChaCha20Poly1305::new((&*secret.key).into());
        let bytes = Zeroizing::new(decrypt(&cipher, wrapped, &wrapped_as(id))?);
        Some(DataKey { id, seals_from, key: Zeroizing::new(bytes.as_slice().try_into().ok()?) })
    }

    fn data_keys(&self) -> Arc<[DataKey]> {
        self.data_keys.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl fmt::Debug for Cipher {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Cipher")
    }
}

/// What ciphertexts of a data key begin with.
pub(crate) fn header(data_key_id: Uuid) -> [u8; HEADER_BYTES] {
    let mut header = [FORMAT_ENVELOPE; HEADER_BYTES];
    header[1..].copy_from_slice(data_key_id.as_bytes());
    header
}

/// How people tell secret keys apart: a hash under a name of its own, so that it is of no use for anything else.
pub fn key_id(secret_key: &[u8; 32]) -> String {
    let hash = Sha256::new().chain_update(b"trestle secret key id").chain_update(secret_key).finalize();
    hash[..KEY_ID_BYTES].iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Shorter than a tenant and a row, so that a wrapped key never passes for a sealed row.
fn wrapped_as(data_key_id: Uuid) -> Vec<u8> {
    [b"data key".as_slice(), data_key_id.as_bytes()].concat()
}

fn mac(key: &[u8; 32], parts: &[&[u8]]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    parts.iter().for_each(|part| mac.update(part));
    mac.finalize().into_bytes().into()
}

fn encrypt(cipher: &XChaCha20Poly1305, msg: &[u8], aad: &[u8]) -> Result<Vec<u8>, CipherError> {
    let nonce = XNonce::generate();
    let sealed = cipher.encrypt(&nonce, Payload { msg, aad }).map_err(|_opaque| CipherError::NotSealed)?;
    Ok([nonce.as_slice(), &sealed].concat())
}

fn decrypt(cipher: &XChaCha20Poly1305, bytes: &[u8], aad: &[u8]) -> Option<Vec<u8>> {
    let (nonce, msg) = bytes.split_at_checked(NONCE_BYTES)?;
    let nonce = XNonce::try_from(nonce).ok()?;
    cipher.decrypt(&nonce, Payload { msg, aad }).ok()
}

#[cfg(test)]
pub(crate) mod tests {
    use chacha20poly1305::{KeyInit, XChaCha20Poly1305};
    use chrono::{DateTime, TimeDelta, Utc};
    use uuid::Uuid;

    use super::{Cipher, CipherError, DataKey, FORMAT_DIRECT, HEADER_BYTES, encrypt, key_id};

    const TENANT: Uuid = Uuid::from_u128(1);
    const ROW: Uuid = Uuid::from_u128(2);

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp_secs(1_790_000_000).expect("a time")
    }

    fn with_keys(secret_keys: &[[u8; 32]], data_keys: &[&DataKey]) -> Cipher {
        let cipher = Cipher::new(secret_keys);
        cipher.use_data_keys(data_keys.iter().map(|&key| key.clone()).collect());
        cipher
    }

    /// A ciphertext as versions before data keys made it.
    pub(crate) fn sealed_directly(
        key: &[u8; 32],
        tenant_id: Uuid,
        row_id: Uuid,
        plaintext: &[u8],
    ) -> Vec<u8> {
        let aad = [tenant_id.as_bytes().as_slice(), row_id.as_bytes()].concat();
        let sealed = encrypt(&XChaCha20Poly1305::new(key.into()), plaintext, &aad).expect("sealing works");
        [&[FORMAT_DIRECT], sealed.as_slice()].concat()
    }

    #[test]
    fn opens_only_at_its_own_row_and_tenant_with_its_own_key() {
        let key = DataKey::generate(Uuid::from_u128(7), now());
        let cipher = with_keys(&[[7; 32]], &[&key]);
        let sealed = cipher.seal(TENANT, ROW, b"secret", now()).expect("sealing works");
        assert_eq!(cipher.open(TENANT, ROW, &sealed).expect("same row"), b"secret");
        assert_eq!(sealed[..HEADER_BYTES], key.header());
        assert!(cipher.open(ROW, TENANT, &sealed).is_err());
        assert!(cipher.open(TENANT, Uuid::from_u128(3), &sealed).is_err());
        for length in 0..sealed.len() {
            assert!(cipher.open(TENANT, ROW, &sealed[..length]).is_err(), "cut to {length}");
        }
        for byte in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[byte] ^= 1;
            assert!(cipher.open(TENANT, ROW, &changed).is_err(), "byte {byte} changed");
        }
        assert!(!sealed.windows(6).any(|window| window == b"secret"));
        assert_ne!(sealed, cipher.seal(TENANT, ROW, b"secret", now()).expect("sealing works"));

        let same_id = DataKey::generate(key.id, now());
        assert!(with_keys(&[[7; 32]], &[&same_id]).open(TENANT, ROW, &sealed).is_err());
        let none = Cipher::new(&[[7; 32]]);
        assert!(
            matches!(none.open(TENANT, ROW, &sealed), Err(CipherError::UnknownDataKey(id)) if id == key.id)
        );
        assert!(matches!(none.seal(TENANT, ROW, b"", now()), Err(CipherError::NoDataKey)));
    }

    #[test]
    fn of_several_data_keys_the_last_that_began_seals_and_all_open() {
        let key = |id: u128, seconds: i64| {
            DataKey::generate(Uuid::from_u128(id), now() + TimeDelta::seconds(seconds))
        };
        let (old, new) = (key(1, 0), key(2, 60));
        let cipher = with_keys(&[[7; 32]], &[&new, &old]);
        for (second, sealing) in [(-1, &old), (0, &old), (59, &old), (60, &new), (1_000, &new)] {
            let at = now() + TimeDelta::seconds(second);
            let sealed = cipher.seal(TENANT, ROW, b"secret", at).expect("sealing works");
            assert_eq!(sealed[..HEADER_BYTES], sealing.header(), "at {second}");
            assert_eq!(cipher.open(TENANT, ROW, &sealed).expect("both open"), b"secret");
        }
    }

    #[test]
    fn each_tenant_has_a_key_of_its_own() {
        let key = DataKey::generate(Uuid::from_u128(7), now());
        let sealed = encrypt(&key.of_tenant(TENANT), b"secret", b"").expect("sealing works");
        assert!(super::decrypt(&key.of_tenant(TENANT), &sealed, b"").is_some());
        assert!(super::decrypt(&key.of_tenant(ROW), &sealed, b"").is_none());
    }

    #[test]
    fn data_keys_are_wrapped_by_the_first_secret_key_and_opened_by_any() {
        let (old, new) = ([7; 32], [8; 32]);
        let key = DataKey::generate(Uuid::from_u128(7), now());
        let (id, wrapped) = Cipher::new(&[old]).wrap(&key).expect("wrapping works");
        assert_eq!(id, key_id(&old));
        let both = Cipher::new(&[new, old]);
        assert_eq!(both.wrap(&key).expect("wrapping works").0, key_id(&new));
        let opened = both.unwrap(key.id, now(), &id, &wrapped).expect("an older key opens");
        assert_eq!(opened.key, key.key);
        assert!(both.unwrap(Uuid::from_u128(8), now(), &id, &wrapped).is_none(), "of another row");
        assert!(Cipher::new(&[new]).unwrap(key.id, now(), &id, &wrapped).is_none());
        assert!(both.unwrap(key.id, now(), &key_id(&new), &wrapped).is_none());
    }

    #[test]
    fn what_was_sealed_before_data_keys_opens_with_any_secret_key() {
        let sealed = sealed_directly(&[7; 32], TENANT, ROW, b"secret");
        for keys in [vec![[7; 32]], vec![[8; 32], [7; 32]]] {
            assert_eq!(Cipher::new(&keys).open(TENANT, ROW, &sealed).expect("it opens"), b"secret");
        }
        assert!(Cipher::new(&[[8; 32]]).open(TENANT, ROW, &sealed).is_err());
        assert!(Cipher::new(&[[7; 32]]).open(ROW, TENANT, &sealed).is_err());
    }
}
